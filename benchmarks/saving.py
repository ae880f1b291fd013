"""Saving and loading beside safetensors: the same bytes, on the same disk.

    POLYNET_BACKEND=torch python benchmarks/saving.py [MEGABYTES]

prints medians in seconds, of rounds in each of which everything has its turn.  Writing ends when the bytes are on the
disk: polynet always waits for that, and the file of ``safetensors`` is synced by the benchmark.  Reading ends when all
values are in memory; it is measured with the file in the system's cache, and without (``cold``): then the
disk decides.  polynet verifies the sha256 of all it reads, which ``safetensors`` does not.  Run it on a quiet machine.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

import polynet
from polynet import layers, plugins

ROUNDS = 9
WIDTH = 2048


def synced(path: Path) -> None:
    """Wait until a file is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def forget(path: Path) -> None:
    """Have the system drop a file from its cache."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def main() -> None:
    """Measure, and print a table."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    count = max(1, megabytes * 10**6 // (4 * WIDTH * WIDTH))
    model = polynet.Sequential(
        [polynet.Input((WIDTH,)), *(layers.Dense(WIDTH, use_bias=False) for _ in range(count))]
    )
    arrays = {f"layer_{i}": np.array(weight.numpy()) for i, weight in enumerate(model.weights)}
    size = sum(array.nbytes for array in arrays.values())
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("BENCHMARK_DIR")))
    whole, weights, plain = folder / "m.polynet", folder / "m.safetensors", folder / "p.safetensors"

    def write_plain() -> None:
        safetensors.numpy.save_file(arrays, plain)
        synced(plain)

    def read_plain() -> Any:
        return safetensors.numpy.load_file(plain)

    def read_native() -> Any:
        """What a program for the library itself would do."""
        backend = plugins.current()
        return [backend.asarray(value, "float32") for value in read_plain().values()]

    writes: dict[str, Callable[[], Any]] = {
        "safetensors, synced": write_plain,
        "save_weights": lambda: model.save_weights(weights),
        "save": lambda: model.save(whole),
    }
    reads: dict[str, Callable[[], Any]] = {
        "safetensors": read_native,
        "load_weights": lambda: model.load_weights(weights),
        "load_model": lambda: polynet.load_model(whole),
    }
    times: dict[str, list[float]] = {}

    def measure(name: str, call: Callable[[], Any]) -> None:
        gc.collect()  # models are freed here, as their memory would be in a program that has one
        start = time.perf_counter()
        kept = call()
        times.setdefault(name, []).append(time.perf_counter() - start)
        del kept

    rng = random.Random(0)
    for _ in range(ROUNDS):
        for name in rng.sample(
            sorted(writes), len(writes)
        ):  # a disk may be busy with what came before
            measure(f"write: {name}", writes[name])
        for name, call in reads.items():
            measure(f"read: {name}", call)
        for (name, call), path in zip(reads.items(), (plain, weights, whole), strict=True):
            forget(path)
            measure(f"read cold: {name}", call)
    print(
        f"{plugins.current().name}, {size / 1e6:.0f} MB in {count} weights, {os.cpu_count()} processors"
    )
    for name, found in sorted(times.items(), reverse=True):
        group = name.partition(":")[0]
        base = next(
            statistics.median(v) for k, v in times.items() if k.startswith(f"{group}: safetensors")
        )
        median = statistics.median(found)
        print(
            f"{name:32} {median:7.3f} s  {size / median / 1e9:5.2f} GB/s  {median / base:5.2f} times"
            f"  (best {min(found):.3f})"
        )
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


if __name__ == "__main__":
    main()
