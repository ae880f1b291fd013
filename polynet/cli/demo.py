"""``polynet demo``: a line and a network learn, and print the same numbers on each backend.

Written as a user's program would be: public names only, and nothing about any backend.
"""

from __future__ import annotations

import argparse
from typing import Any

import polynet
from polynet import ops
from polynet.cli.backends import is_installed


def train(points: int = 1000, steps: int = 40, rate: float = 1.0) -> list[tuple[float, float]]:
    """Tell two clouds of points apart by a line.

    Returns the loss and the accuracy before each step, and those at the end.

    Example:
        >>> history = train(points=100, steps=20)
        >>> history[-1][0] < history[0][0]
        True
    """
    noise = polynet.random.normal((2 * points, 2), seed=1)
    label = ops.concatenate([ops.zeros((points, 1)), ops.ones((points, 1))])
    x = noise + 3 * ops.concatenate([label, 1 - label], axis=1)  # around (0, 3) and (3, 0)

    weights = polynet.Variable(polynet.random.normal((2, 1), seed=7), name="weights")
    bias = polynet.Variable(0.0, name="bias")

    def loss() -> Any:
        scores = x @ weights + bias
        accuracy = ops.mean(ops.cast(ops.equal(scores > 0, label > 0.5), "float32"))
        return ops.mean(ops.softplus(scores) - label * scores), accuracy

    @polynet.jit
    def step() -> Any:
        results, gradients = polynet.value_and_grad(loss, has_aux=True, variables=[weights, bias])()
        for variable, gradient in zip([weights, bias], gradients, strict=True):
            variable.assign_sub(rate * gradient)
        return results

    history = [step() for _ in range(steps)]
    return [(float(value), float(accuracy)) for value, accuracy in [*history, loss()]]


def train_network(points: int = 1000, epochs: int = 5) -> list[tuple[float, float]]:
    """Tell points inside a circle from those around it, by a network of two layers.

    Returns the loss and the accuracy of each epoch.

    Example:
        >>> history = train_network(points=200, epochs=2)
        >>> history[-1][0] < history[0][0]
        True
    """
    x = polynet.random.normal((points, 2), seed=1)
    y = ops.sum(x * x, axis=1) < 1.4  # half of them
    with_seed = polynet.initializers.GlorotUniform
    model = polynet.Sequential(
        [
            polynet.layers.Dense(32, activation="relu", kernel_initializer=with_seed(seed=2)),
            polynet.layers.Dense(1, activation="sigmoid", kernel_initializer=with_seed(seed=3)),
        ]
    )
    model.compile(polynet.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=25, epochs=epochs, shuffle=False, verbose=0).history
    return list(zip(history["loss"], history["accuracy"], strict=True))


def run(arguments: argparse.Namespace) -> int:
    """Train and print; 0."""
    backend = polynet.config.backend()
    print(f"polynet {polynet.__version__}, backend {backend}")
    print("A line learns to tell two clouds of 1,000 points apart.\n")
    print("step    loss  accuracy")
    history = train()
    for number, (value, accuracy) in enumerate(history):
        if number % 10 == 0:
            print(f"{number:4}  {value:.4f}  {accuracy:8.1%}")
    print("\nA network of two layers learns which of 1,000 points are inside a circle.\n")
    print("epoch   loss  accuracy")
    for number, (value, accuracy) in enumerate(train_network(), start=1):
        print(f"{number:4}  {value:.4f}  {accuracy:8.1%}")
    for name in polynet.list_backends():
        if name != backend and is_installed(name):
            print(f"\nThe same on another backend: POLYNET_BACKEND={name} polynet demo")
            break
    return 0
