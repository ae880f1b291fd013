"""``fit`` of polynet and of Keras: the same program for both."""

from __future__ import annotations

import importlib
from typing import Any

import models


def libraries(library: str, backend: str, **_: Any) -> None:
    importlib.import_module(backend)
    importlib.import_module(library)


class Loop:
    """A compiled model; an epoch is a call of ``fit``."""

    def __init__(self, problem: models.Problem, library: str, backend: str, **compiling: Any):
        k = importlib.import_module(library)
        if k.config.backend() != backend:
            raise RuntimeError(f"{library} runs on {k.config.backend()}, expected {backend}")
        self.batch = problem.batch
        self.model = problem.network.keras(k)
        by_layer: dict[str, list[Any]] = {}
        for name, array in problem.weights().items():
            by_layer.setdefault(name.split("/")[0], []).append(array)
        for name, arrays in by_layer.items():
            self.model.get_layer(name).set_weights(arrays)
        self.model.compile(
            optimizer=k.optimizers.Adam(models.LEARNING_RATE, epsilon=models.EPSILON),
            loss=k.losses.SparseCategoricalCrossentropy(from_logits=True),
            **compiling,
        )
        self.ready = k.ops.convert_to_tensor

    def take(self, x, y):
        self.x, self.y = x, y

    def losses(self, steps):
        x, y = self.x[: self.batch], self.y[: self.batch]
        history = self.model.fit(
            x, y, batch_size=self.batch, epochs=steps, shuffle=False, verbose=0
        )
        return history.history["loss"]

    def epoch(self):
        self.model.fit(self.x, self.y, batch_size=self.batch, verbose=0)

    def outputs(self, x):
        return self.model.predict(x, verbose=0)

    def call(self, x):
        return self.model(x)
