"""Forward and backward of small networks, against the same arithmetic written by hand for the library.

    POLYNET_BACKEND=numpy python benchmarks/gradients.py

On NumPy the gradients by hand are written out; on torch they are ``loss.backward()``; on JAX ``jax.value_and_grad``,
compiled.  Times are medians in microseconds of many short rounds in turn, short so that another program on the
machine spoils few of them; the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import polynet
from polynet import ops, plugins

SIZES = [(128, 784, 512, 10, 1, 401), (32, 16, 32, 10, 4, 2001)]
"""Batch, inputs, hidden units, outputs; calls in a round, and rounds."""

Step = Callable[[], Any]


def data(batch: int, inputs: int, hidden: int, outputs: int) -> tuple[np.ndarray, ...]:
    """Inputs, targets and the weights of two layers."""
    rng = np.random.default_rng(0)
    return tuple(
        array.astype("float32")
        for array in (
            rng.normal(size=(batch, inputs)),
            np.eye(outputs)[rng.integers(0, outputs, batch)],
            rng.normal(size=(inputs, hidden)) / np.sqrt(inputs),
            np.zeros(hidden),
            rng.normal(size=(hidden, outputs)) / np.sqrt(hidden),
            np.zeros(outputs),
        )
    )


def polynet_steps(arrays: tuple[np.ndarray, ...]) -> dict[str, Step]:
    """The same loss by a tape and by value_and_grad."""
    x, y = (ops.convert_to_tensor(array) for array in arrays[:2])
    variables = [polynet.Variable(array) for array in arrays[2:]]
    w1, b1, w2, b2 = variables

    def loss() -> Any:
        hidden = ops.relu(ops.matmul(x, w1) + b1)
        difference = ops.matmul(hidden, w2) + b2 - y
        return ops.sum(difference * difference)

    def tape() -> Any:
        with polynet.GradientTape() as recording:
            value = loss()
        return recording.gradient(value, variables)

    def value_and_grad() -> Any:
        return polynet.value_and_grad(loss, variables=variables)()[1]

    steps = {"GradientTape": tape, "value_and_grad": value_and_grad}
    if plugins.current().compiles:
        steps = {"jit of value_and_grad": polynet.jit(value_and_grad)}
    return steps


def by_hand_numpy(arrays: tuple[np.ndarray, ...]) -> Step:
    """Every line written out."""
    x, y, w1, b1, w2, b2 = arrays

    def step() -> Any:
        hidden = np.maximum(x @ w1 + b1, 0)
        difference = hidden @ w2 + b2 - y
        _ = (difference * difference).sum()
        g = 2 * difference
        back = (g @ w2.T) * (hidden > 0)
        return [x.T @ back, back.sum(0), hidden.T @ g, g.sum(0)]

    return step


def by_hand_torch(arrays: tuple[np.ndarray, ...]) -> Step:
    """Leaves that require gradients, and ``backward``."""
    import torch

    x, y = (torch.tensor(array) for array in arrays[:2])
    weights = [torch.tensor(array, requires_grad=True) for array in arrays[2:]]
    w1, b1, w2, b2 = weights

    def step() -> Any:
        for weight in weights:
            weight.grad = None
        difference = torch.relu(x @ w1 + b1) @ w2 + b2 - y
        (difference * difference).sum().backward()
        return [weight.grad for weight in weights]

    return step


def by_hand_jax(arrays: tuple[np.ndarray, ...]) -> Step:
    """A pure function, compiled."""
    import jax
    import jax.numpy as jnp

    x, y, *weights = (jnp.asarray(array) for array in arrays)

    def loss(weights: Any) -> Any:
        w1, b1, w2, b2 = weights
        difference = jax.nn.relu(x @ w1 + b1) @ w2 + b2 - y
        return (difference * difference).sum()

    compiled = jax.jit(jax.value_and_grad(loss))

    def step() -> Any:
        return compiled(weights)[1]

    return step


def compare(ours: Step, theirs: Step, calls: int, rounds: int) -> tuple[float, float, float]:
    """Median microseconds of both, and the median ratio."""
    for _ in range(20):
        ours(), theirs()
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        pair = []
        for step in (ours, theirs):
            start = time.perf_counter()
            for _ in range(calls):
                result = step()
            for g in result:
                np.asarray(g)  # waits for the device
            pair.append((time.perf_counter() - start) / calls * 1e6)
        times.append((pair[0], pair[1]))
    ours_us, theirs_us = (statistics.median(column) for column in zip(*times, strict=True))
    return ours_us, theirs_us, statistics.median(a / b for a, b in times)


def main() -> None:
    """Measure and print."""
    backend = plugins.current()
    hands = {"numpy": by_hand_numpy, "torch": by_hand_torch, "jax": by_hand_jax}
    if backend.name not in hands:
        sys.exit(f"gradients.py has code by hand for {', '.join(hands)}; got {backend.name}")
    print(
        f"{backend.name} {backend.library_version()}, Python {platform.python_version()}, {platform.machine()}"
    )
    print(f"{'network':>22s}  {'polynet':24s} {'µs':>9s} {'by hand':>9s} {'ratio':>7s}")
    for batch, inputs, hidden, outputs, calls, rounds in SIZES:
        arrays = data(batch, inputs, hidden, outputs)
        theirs = hands[backend.name](arrays)
        for name, ours in polynet_steps(arrays).items():
            for a, b in zip(ours(), theirs(), strict=True):
                a, b = ops.convert_to_numpy(a), np.asarray(b)
                if np.linalg.norm(a - b) > 0.01 * np.linalg.norm(b):
                    sys.exit(f"{name}: the gradients differ from those by hand")
            found = compare(ours, theirs, calls, rounds)
            network = f"{inputs}-{hidden}-{outputs} at {batch}"
            print(f"{network:>22s}  {name:24s} {found[0]:9.1f} {found[1]:9.1f} {found[2]:7.2f}")


if __name__ == "__main__":
    main()
