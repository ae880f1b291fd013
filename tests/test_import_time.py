"""What importing polynet costs, beyond the array library itself, and what it brings along.

Measured in fresh processes, up to the first result of an op, in processor time, which other programs
on the machine disturb little. In each process the library comes first and polynet second; the
median of several processes counts.
"""

import json
import os
import statistics
import subprocess
import sys
from importlib.util import find_spec

import pytest

HEAVY = {"h5py", "jax", "matplotlib", "onnx", "pandas", "rich", "scipy", "sklearn", "torch"}

PROGRAM = """
import time
start = time.process_time()
import {library}
middle = time.process_time()
import polynet
imported = time.process_time()
polynet.ops.add(1.0, 2.0)
end = time.process_time()
import json, sys
print(json.dumps([middle - start, imported - middle, end - middle, sorted(sys.modules)]))
"""


def measure(library, times):
    """Seconds for the library, for `import polynet`, for the first result; and modules loaded."""
    environment = os.environ | {"POLYNET_BACKEND": library}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: compiled once
    runs = []
    for _ in range(times + 1):  # the first one fills caches and compiles
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(library=library)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        runs.append(json.loads(done.stdout))
    return runs[1:]


@pytest.mark.timing
def test_import_beside_numpy():
    runs = measure("numpy", 9)
    assert statistics.median((numpy + ours) / numpy for numpy, ours, _, _ in runs) < 2.2


@pytest.mark.timing
@pytest.mark.parametrize("library", [name for name in ("numpy", "torch", "jax") if find_spec(name)])
def test_import_and_first_result(library):
    runs = measure(library, 5)
    assert statistics.median(ours for _, ours, _, _ in runs) < 0.15
    # the ops and the backend are imported when they are first needed
    assert statistics.median(ready for _, _, ready, _ in runs) < 0.4


def test_nothing_heavy_comes_along():
    [(*_, modules)] = measure("numpy", 1)
    assert {"numpy", "polynet.op"} <= set(modules)  # the program did run an op
    assert not HEAVY & set(modules)
