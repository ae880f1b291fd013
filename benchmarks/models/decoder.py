"""A small decoder-only language model: 256 tokens, 64 places, two transformer blocks of width 64."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import block, glorot

LENGTH, TOKENS, BLOCKS = 64, 256, ("block1", "block2")


def data(rng, rows):
    """Sequences in which a rule gives the next token most of the time; the labels are the next tokens."""
    tokens = rng.integers(0, TOKENS, (rows, LENGTH + 1))
    for at in range(1, LENGTH + 1):
        ruled = rng.random(rows) < 0.9
        tokens[ruled, at] = (3 * tokens[ruled, at - 1] + 7) % TOKENS
    return tokens[:, :-1].astype("int32"), tokens[:, 1:].astype("int32")


def weights(rng):
    found = {
        "tokens/embedding": rng.normal(0, 0.1, (TOKENS, block.WIDTH)),
        "places/vectors": rng.normal(0, 0.1, (LENGTH, block.WIDTH)),
    }
    for name in BLOCKS:
        found |= block.weights(rng, name)
    found |= block.norm_weights("norm")
    return found | {
        "output/kernel": glorot(rng, block.WIDTH, TOKENS),
        "output/bias": np.zeros(TOKENS),
    }


def keras(k: Any):
    class Places(k.layers.Layer):
        def build(self, input_shape):
            self.vectors = self.add_weight(shape=tuple(input_shape[1:]), name="vectors")

        def call(self, x):
            return x + self.vectors

    entry = k.Input((LENGTH,), dtype="int32")
    x = k.layers.Embedding(TOKENS, block.WIDTH, name="tokens")(entry)
    x = Places(name="places")(x)
    for name in BLOCKS:
        x = block.keras(k, x, name, causal=True)
    x = k.layers.LayerNormalization(epsilon=block.EPSILON, name="norm")(x)
    return k.Model(entry, k.layers.Dense(TOKENS, name="output")(x))


def torch(w):
    import torch
    from torch import nn

    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(TOKENS, block.WIDTH)
            self.places = nn.Parameter(torch.tensor(w["places/vectors"]))
            self.blocks = nn.Sequential(*(block.torch(w, name, causal=True) for name in BLOCKS))
            self.norm = nn.LayerNorm(block.WIDTH, eps=block.EPSILON)
            self.output = nn.Linear(block.WIDTH, TOKENS)

        def forward(self, x):
            return self.output(self.norm(self.blocks(self.tokens(x) + self.places)))

    module = Decoder()
    with torch.no_grad():
        module.tokens.weight.copy_(torch.tensor(w["tokens/embedding"]))
    block.load_torch_norm(module.norm, w, "norm")
    block.load_torch_linear(module.output, w["output/kernel"], w["output/bias"])
    return module


def flax(w):
    from flax import linen as nn

    class Decoder(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Embed(TOKENS, block.WIDTH, name="tokens")(x)
            shape = (LENGTH, block.WIDTH)
            x = x + self.param("places", nn.initializers.normal(), shape)
            for name in BLOCKS:
                x = block.flax(x, name, causal=True)
            x = nn.LayerNorm(epsilon=block.EPSILON, name="norm")(x)
            return nn.Dense(TOKENS, name="output")(x)

    params = block.flax_params(w)
    params["places"] = params["places"]["vectors"]
    return Decoder(), {"params": params}
