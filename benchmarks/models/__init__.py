"""The models that are measured: a contents page, and what their files share.

Each file is one model, written for each library as a person would who knows that library.  It gives

- ``data(rng, rows)``: inputs and labels, NumPy arrays;
- ``weights(rng)``: initial weights as ``layer/weight``, in the order and the layout of Keras;
- ``keras(k)``: the model in Keras's API, where ``k`` is ``polynet`` or ``keras``: both get the same program, with
  layers called as in ``weights``;
- ``torch(weights)``: a ``torch.nn.Module``; ``for_torch(x)``, if given, lays the inputs out as torch likes them;
- ``flax(weights)``: a ``flax.linen.Module``, with a field ``train`` if that makes a difference, and its variables;
- ``numpy(weights)``, for some: the list of parameters, and a function of a batch that gives loss and gradients;
  ``numpy_outputs(parameters, x)`` gives the outputs alone.

Libraries are imported inside these functions, since no process has all of them.  All models end in logits, and are
trained by Adam on the cross-entropy of integer labels; how, is in ``loops``.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np


class Problem(NamedTuple):
    """A model at a batch size."""

    file: str
    batch: int
    steps: int
    """Batches in an epoch; a round of the measurement is one epoch."""
    title: str

    @property
    def network(self) -> Any:
        """The module of the model."""
        return importlib.import_module(f"models.{self.file}")

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """The same inputs and labels in every process."""
        return self.network.data(np.random.default_rng(1), self.batch * self.steps)

    def weights(self) -> dict[str, np.ndarray]:
        """The same initial weights in every process."""
        found = self.network.weights(np.random.default_rng(2))
        return {name: np.ascontiguousarray(array, "float32") for name, array in found.items()}


PROBLEMS = {
    "mlp": Problem("mlp", 128, 150, "MLP 784-512-10, batch 128"),
    "mlp-32": Problem("mlp", 32, 300, "MLP 784-512-10, batch 32"),
    "cnn": Problem("cnn", 128, 15, "CNN on 28×28, convolutions 32 and 64, batch 128"),
    "lstm": Problem("lstm", 128, 30, "LSTM 64 on (50, 32), batch 128"),
    "transformer": Problem("transformer", 128, 8, "Two transformer blocks, 64×64, batch 128"),
    "deep": Problem("deep", 32, 200, "MLP of 20 layers of 32 units, batch 32: all overhead"),
    "resnet": Problem("resnet", 32, 15, "Residual network on 32×32, batch 32"),
    "decoder": Problem("decoder", 32, 15, "Decoder-only language model, 64 tokens, batch 32"),
}

LEARNING_RATE, EPSILON = 1e-3, 1e-7
"""Of Adam, everywhere."""


def glorot(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A kernel; its last two dimensions are inputs and outputs."""
    window = int(np.prod(shape[:-2]))
    limit = np.sqrt(6 / (window * (shape[-2] + shape[-1])))
    return rng.uniform(-limit, limit, shape)
