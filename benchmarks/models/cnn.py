"""28×28 pictures, two convolutions with pooling, a dense layer: the network of many first tutorials."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import glorot


def data(rng, rows):
    """Noise; the label is the brightest of ten stripes."""
    x = rng.random((rows, 28, 28, 1), dtype="float32")
    stripes = x[:, :, :20, 0].reshape(rows, 28, 10, 2).sum((1, 3))
    return x, stripes.argmax(1).astype("int32")


def weights(rng):
    return {
        "first/kernel": glorot(rng, 3, 3, 1, 32),
        "first/bias": np.zeros(32),
        "second/kernel": glorot(rng, 3, 3, 32, 64),
        "second/bias": np.zeros(64),
        "output/kernel": glorot(rng, 5 * 5 * 64, 10),
        "output/bias": np.zeros(10),
    }


def keras(k: Any):
    return k.Sequential(
        [
            k.Input((28, 28, 1)),
            k.layers.Conv2D(32, 3, activation="relu", name="first"),
            k.layers.MaxPooling2D(),
            k.layers.Conv2D(64, 3, activation="relu", name="second"),
            k.layers.MaxPooling2D(),
            k.layers.Flatten(),
            k.layers.Dense(10, name="output"),
        ]
    )


def for_torch(x):
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def torch(w):
    import torch
    from torch import nn

    module = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1600, 10),
    )
    # torch flattens the channels first
    output = w["output/kernel"].reshape(5, 5, 64, 10).transpose(3, 2, 0, 1).reshape(10, 1600)
    with torch.no_grad():
        for layer, name in ((module[0], "first"), (module[3], "second")):
            layer.weight.copy_(torch.tensor(w[f"{name}/kernel"].transpose(3, 2, 0, 1).copy()))
            layer.bias.copy_(torch.tensor(w[f"{name}/bias"]))
        module[7].weight.copy_(torch.tensor(output.copy()))
        module[7].bias.copy_(torch.tensor(w["output/bias"]))
    return module


def flax(w):
    from flax import linen as nn

    class CNN(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Conv(32, (3, 3), padding="VALID", name="first")(x))
            x = nn.max_pool(x, (2, 2), (2, 2))
            x = nn.relu(nn.Conv(64, (3, 3), padding="VALID", name="second")(x))
            x = nn.max_pool(x, (2, 2), (2, 2))
            return nn.Dense(10, name="output")(x.reshape(len(x), -1))

    params = {
        name: {"kernel": w[f"{name}/kernel"], "bias": w[f"{name}/bias"]}
        for name in ("first", "second", "output")
    }
    return CNN(), {"params": params}
