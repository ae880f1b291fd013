"""What an op call costs over the library's own function, on small arrays.

    POLYNET_BACKEND=torch python benchmarks/dispatch.py

prints native, polynet and the difference in microseconds of processor time, each the median of many interleaved rounds.
The promise is at most 1 µs of difference.  Run it with OMP_NUM_THREADS=1, so that no threads are woken.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

import polynet
from polynet import ops, plugins

ROUNDS, CALLS = 41, 400


def natives(backend: Any, x: Any) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """For each case the native call and polynet's."""
    library = {"numpy": "numpy", "jax": "jax.numpy", "torch": "torch"}.get(backend.name)
    if library is None:
        sys.exit(
            f"dispatch.py knows the native functions of numpy, torch and jax; got {backend.name}"
        )
    native = __import__(library, fromlist=["add"])
    is_torch = backend.name == "torch"
    v = polynet.Variable(x)
    summed = (lambda: native.sum(x, 0)) if not is_torch else (lambda: native.sum(x, dim=0))
    at = ops.convert_to_tensor(np.array([1, 2], "int32"))
    own = at.long() if is_torch else at
    above = (lambda: native.clamp_min(x, 0.5)) if is_torch else (lambda: native.maximum(x, 0.5))
    return {
        "add(x, x)": (lambda: native.add(x, x), lambda: ops.add(x, x)),
        "add(x, 1.0)": (lambda: native.add(x, 1.0), lambda: ops.add(x, 1.0)),
        "tanh(x)": (lambda: native.tanh(x), lambda: ops.tanh(x)),
        "matmul(x, x)": (lambda: native.matmul(x, x), lambda: ops.matmul(x, x)),
        "sum(x, 0)": (summed, lambda: ops.sum(x, 0)),
        "reshape(x, (2, 8))": (lambda: native.reshape(x, (2, 8)), lambda: ops.reshape(x, (2, 8))),
        "maximum(x, 0.5)": (above, lambda: ops.maximum(x, 0.5)),
        "sign(x)": (lambda: native.sign(x), lambda: ops.sign(x)),
        "argmax(x, 0)": (lambda: native.argmax(x, 0), lambda: ops.argmax(x, 0)),
        "full((4, 4), 1.0)": (
            lambda: native.full((4, 4), 1.0, dtype=x.dtype),
            lambda: ops.full((4, 4), 1.0),
        ),
        "x[0]": (lambda: x[0], lambda: ops.get_item(x, 0)),
        "x[indices]": (lambda: x[own], lambda: ops.get_item(x, at)),
        "add(x, variable)": (lambda: native.add(x, v._value), lambda: ops.add(x, v)),
    }


def median_times(pair: tuple[Callable[[], Any], Callable[[], Any]]) -> tuple[float, float]:
    """Median microseconds a call of both, measured in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for call in pair:
        for _ in range(50):
            call()
    for _ in range(ROUNDS):
        for call, found in zip(pair, times, strict=True):
            seconds = timeit.timeit(call, number=CALLS, timer=time.process_time)
            found.append(seconds / CALLS * 1e6)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> None:
    """Measure and print."""
    x = ops.convert_to_tensor(np.linspace(0.0, 1.0, 16, dtype="float32").reshape(4, 4))
    backend = plugins.current()
    print(
        f"{backend.name} {backend.library_version()}, Python {platform.python_version()}, {platform.machine()}"
    )
    print(f"{'':20s} {'native':>8s} {'polynet':>8s} {'difference':>10s}   (µs)")
    rows = {}
    for name, pair in natives(backend, x).items():
        native, ours = median_times(pair)
        rows[name] = {"native": native, "polynet": ours, "difference": ours - native}
        print(f"{name:20s} {native:8.2f} {ours:8.2f} {ours - native:10.2f}")
    if "--json" in sys.argv:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
