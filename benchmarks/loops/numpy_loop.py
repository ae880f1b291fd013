"""A loop by hand in NumPy: gradients written out in the model's file, Adam here."""

from __future__ import annotations

from typing import Any

import numpy as np

import models


def libraries(**_: Any) -> None:
    """NumPy is always there."""


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean loss of a batch and its gradient by the logits."""
    shifted = logits - logits.max(1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(1, keepdims=True)
    rows = np.arange(len(y))
    loss = (np.log(sums[:, 0]) - shifted[rows, y]).mean()
    g = powers / sums
    g[rows, y] -= 1
    g /= len(y)
    return float(loss), g


class Adam:
    """Updates in place, with moments as whole arrays."""

    def __init__(self, parameters: list[np.ndarray]):
        self.parameters, self.step = parameters, 0
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]

    def update(self, gradients: list[np.ndarray]) -> None:
        """Take one step."""
        self.step += 1
        rate = models.LEARNING_RATE * np.sqrt(1 - 0.999**self.step) / (1 - 0.9**self.step)
        rate = np.float32(rate)
        for p, (m, v), g in zip(self.parameters, self.moments, gradients, strict=True):
            m += (g - m) * np.float32(0.1)
            v += (g * g - v) * np.float32(0.001)
            p -= rate * m / (np.sqrt(v) + np.float32(models.EPSILON))


class Loop:
    """Forward, backward, update."""

    def __init__(self, problem: models.Problem):
        self.batch = problem.batch
        self.parameters, self.loss_and_gradients = problem.network.numpy(problem.weights())
        self.network_outputs = problem.network.numpy_outputs
        self.adam = Adam(self.parameters)
        self.ready = np.asarray

    def take(self, x, y):
        self.x, self.y = x, y

    def step(self, x, y):
        loss, gradients = self.loss_and_gradients(x, y)
        self.adam.update(gradients)
        return loss

    def losses(self, steps):
        return [self.step(self.x[: self.batch], self.y[: self.batch]) for _ in range(steps)]

    def epoch(self):
        total = 0.0
        order = np.random.permutation(len(self.x))
        for at in range(0, len(order), self.batch):
            rows = order[at : at + self.batch]
            total += self.step(self.x[rows], self.y[rows])
        return total / (len(order) // self.batch)

    def outputs(self, x):
        return self.network_outputs(self.parameters, x)

    call = outputs
