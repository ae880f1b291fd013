"""A loop by hand in torch."""

from __future__ import annotations

from typing import Any

import models


def libraries(**_: Any) -> None:
    import torch  # noqa: F401


class Loop:
    """The loop that torch's tutorials show; compiled, both the loss and the optimizer's step are."""

    def __init__(self, problem: models.Problem, compiled: bool = False):
        import torch
        from torch.nn import functional

        self.batch = problem.batch
        self.for_torch = getattr(problem.network, "for_torch", lambda x: x)
        self.module = module = problem.network.torch(problem.weights())
        optimizer = torch.optim.Adam(
            module.parameters(), lr=models.LEARNING_RATE, eps=models.EPSILON
        )

        def loss_of(x, y):
            logits = module(x)
            return functional.cross_entropy(logits.flatten(0, -2), y.flatten())

        update = optimizer.step
        if compiled:
            loss_of, update = torch.compile(loss_of), torch.compile(update)

        def step(x, y):
            optimizer.zero_grad()
            loss = loss_of(x, y)
            loss.backward()
            update()
            return loss.detach()

        self.step, self.torch = step, torch

    def convert(self, x):
        return self.torch.as_tensor(self.for_torch(x))

    def take(self, x, y):
        self.x = self.convert(x)
        self.y = self.torch.as_tensor(y).long()

    def losses(self, steps):
        x, y = self.x[: self.batch], self.y[: self.batch]
        return [self.step(x, y).item() for _ in range(steps)]

    def epoch(self):
        total = 0.0
        batches = self.torch.randperm(len(self.x)).split(self.batch)
        for rows in batches:
            total += self.step(self.x[rows], self.y[rows])
        return float(total) / len(batches)

    def ready(self, x):
        self.module.eval()
        return self.convert(x)

    def outputs(self, x):
        return self.call(self.convert(x)).numpy()

    def call(self, x):
        with self.torch.no_grad():
            return self.module(x)
