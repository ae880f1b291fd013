"""Two transformer blocks over 64 vectors of 64 numbers, and a classifier of their mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import block, glorot

LENGTH, BLOCKS = 64, ("block1", "block2")


def data(rng, rows):
    """Noise; the label is the feature with the largest sum."""
    x = rng.standard_normal((rows, LENGTH, block.WIDTH), dtype="float32")
    return x, x[:, :, :10].sum(1).argmax(1).astype("int32")


def weights(rng):
    found = {}
    for name in BLOCKS:
        found |= block.weights(rng, name)
    return found | {"output/kernel": glorot(rng, block.WIDTH, 10), "output/bias": np.zeros(10)}


def keras(k: Any):
    entry = x = k.Input((LENGTH, block.WIDTH))
    for name in BLOCKS:
        x = block.keras(k, x, name, causal=False)
    x = k.layers.GlobalAveragePooling1D()(x)
    return k.Model(entry, k.layers.Dense(10, name="output")(x))


def torch(w):
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.Sequential(*(block.torch(w, name, causal=False) for name in BLOCKS))
            self.output = nn.Linear(block.WIDTH, 10)
            block.load_torch_linear(self.output, w["output/kernel"], w["output/bias"])

        def forward(self, x):
            return self.output(self.blocks(x).mean(1))

    return Classifier()


def flax(w):
    from flax import linen as nn

    class Classifier(nn.Module):
        @nn.compact
        def __call__(self, x):
            for name in BLOCKS:
                x = block.flax(x, name, causal=False)
            return nn.Dense(10, name="output")(x.mean(1))

    return Classifier(), {"params": block.flax_params(w)}
