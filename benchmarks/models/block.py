"""A transformer block, for ``transformer.py`` and ``decoder.py``: no model by itself.

The norm comes first; attention has 4 heads, the dense network four times the width.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models import glorot

WIDTH, HEADS, INNER = 64, 4, 256
SIZE = WIDTH // HEADS
EPSILON = 1e-3
"""Of the norms."""


def weights(rng, name):
    found = norm_weights(f"{name}-norm1")
    for part in ("query", "key", "value"):
        kernel = glorot(rng, WIDTH, WIDTH).reshape(WIDTH, HEADS, SIZE)
        found[f"{name}-attention/{part}/kernel"] = kernel
        found[f"{name}-attention/{part}/bias"] = np.zeros((HEADS, SIZE))
    kernel = glorot(rng, WIDTH, WIDTH).reshape(HEADS, SIZE, WIDTH)
    found[f"{name}-attention/out/kernel"] = kernel
    found[f"{name}-attention/out/bias"] = np.zeros(WIDTH)
    found |= norm_weights(f"{name}-norm2")
    found[f"{name}-inner/kernel"] = glorot(rng, WIDTH, INNER)
    found[f"{name}-inner/bias"] = np.zeros(INNER)
    found[f"{name}-outer/kernel"] = glorot(rng, INNER, WIDTH)
    found[f"{name}-outer/bias"] = np.zeros(WIDTH)
    return found


def norm_weights(name):
    return {f"{name}/scale": np.ones(WIDTH), f"{name}/bias": np.zeros(WIDTH)}


def keras(k: Any, x: Any, name: str, causal: bool):
    layers = k.layers
    h = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}-norm1")(x)
    attention = layers.MultiHeadAttention(HEADS, SIZE, name=f"{name}-attention")
    x = layers.Add()([x, attention(h, h, use_causal_mask=causal)])
    h = layers.LayerNormalization(epsilon=EPSILON, name=f"{name}-norm2")(x)
    h = layers.Dense(INNER, activation="gelu", name=f"{name}-inner")(h)
    return layers.Add()([x, layers.Dense(WIDTH, name=f"{name}-outer")(h)])


def torch(w, name, causal):
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1 = nn.LayerNorm(WIDTH, eps=EPSILON)
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
            self.out = nn.Linear(WIDTH, WIDTH)
            self.norm2 = nn.LayerNorm(WIDTH, eps=EPSILON)
            self.inner = nn.Linear(WIDTH, INNER)
            self.outer = nn.Linear(INNER, WIDTH)

        def forward(self, x):
            batch, length, _ = x.shape
            qkv = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, SIZE)
            q, k, v = qkv.permute(2, 0, 3, 1, 4)
            h = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
            x = x + self.out(h.transpose(1, 2).reshape(batch, length, WIDTH))
            return x + self.outer(functional.gelu(self.inner(self.norm2(x))))

    block = Block()
    load_torch_norm(block.norm1, w, f"{name}-norm1")
    load_torch_norm(block.norm2, w, f"{name}-norm2")
    parts = [f"{name}-attention/{part}" for part in ("query", "key", "value")]
    kernel = np.concatenate([w[f"{part}/kernel"].reshape(WIDTH, WIDTH) for part in parts], 1)
    bias = np.concatenate([w[f"{part}/bias"].reshape(WIDTH) for part in parts])
    load_torch_linear(block.qkv, kernel, bias)
    out = w[f"{name}-attention/out/kernel"].reshape(WIDTH, WIDTH)
    load_torch_linear(block.out, out, w[f"{name}-attention/out/bias"])
    load_torch_linear(block.inner, w[f"{name}-inner/kernel"], w[f"{name}-inner/bias"])
    load_torch_linear(block.outer, w[f"{name}-outer/kernel"], w[f"{name}-outer/bias"])
    return block


def load_torch_norm(layer, w, name):
    import torch

    with torch.no_grad():
        layer.weight.copy_(torch.tensor(w[f"{name}/scale"]))
        layer.bias.copy_(torch.tensor(w[f"{name}/bias"]))


def load_torch_linear(layer, kernel, bias):
    import torch

    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernel.T.copy()))
        layer.bias.copy_(torch.tensor(bias))


def flax(x, name, causal):
    """Within a module's ``__call__``."""
    from flax import linen as nn

    h = nn.LayerNorm(epsilon=EPSILON, name=f"{name}-norm1")(x)
    mask = nn.make_causal_mask(h[..., 0]) if causal else None
    attention = nn.MultiHeadDotProductAttention(num_heads=HEADS, name=f"{name}-attention")
    x = x + attention(h, mask=mask)
    h = nn.LayerNorm(epsilon=EPSILON, name=f"{name}-norm2")(x)
    h = nn.gelu(nn.Dense(INNER, name=f"{name}-inner")(h), approximate=False)
    return x + nn.Dense(WIDTH, name=f"{name}-outer")(h)


def flax_params(w):
    """Names with slashes as dicts in dicts."""
    found: dict[str, Any] = {}
    for name, array in w.items():
        *parents, last = name.split("/")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = array
    return found
