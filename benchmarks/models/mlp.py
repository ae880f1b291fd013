"""784 inputs, 512 hidden units, 10 classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import glorot


def data(rng, rows):
    """Noise with a hidden rule, so that there is something to learn."""
    x = rng.random((rows, 784), dtype="float32")
    return x, (x[:, :10].argmax(1)).astype("int32")


def weights(rng):
    return {
        "hidden/kernel": glorot(rng, 784, 512),
        "hidden/bias": np.zeros(512),
        "output/kernel": glorot(rng, 512, 10),
        "output/bias": np.zeros(10),
    }


def keras(k: Any):
    return k.Sequential(
        [
            k.Input((784,)),
            k.layers.Dense(512, activation="relu", name="hidden"),
            k.layers.Dense(10, name="output"),
        ]
    )


def torch(w):
    import torch
    from torch import nn

    module = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
    with torch.no_grad():
        for layer, name in ((module[0], "hidden"), (module[2], "output")):
            layer.weight.copy_(torch.tensor(w[f"{name}/kernel"].T))
            layer.bias.copy_(torch.tensor(w[f"{name}/bias"]))
    return module


def flax(w):
    from flax import linen as nn

    class MLP(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Dense(512, name="hidden")(x))
            return nn.Dense(10, name="output")(x)

    params = {
        name: {"kernel": w[f"{name}/kernel"], "bias": w[f"{name}/bias"]}
        for name in ("hidden", "output")
    }
    return MLP(), {"params": params}


def numpy(w):
    from loops.numpy_loop import cross_entropy

    parameters = list(w.values())
    w1, b1, w2, b2 = parameters  # updated in place

    def loss_and_gradients(x, y):
        hidden = np.maximum(x @ w1 + b1, 0)
        loss, g = cross_entropy(hidden @ w2 + b2, y)
        back = g @ w2.T
        back *= hidden > 0
        return loss, [x.T @ back, back.sum(0), hidden.T @ g, g.sum(0)]

    return parameters, loss_and_gradients


def numpy_outputs(parameters, x):
    w1, b1, w2, b2 = parameters
    return np.maximum(x @ w1 + b1, 0) @ w2 + b2
