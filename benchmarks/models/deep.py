"""Twenty layers of 32 units: next to no arithmetic, so that what is measured is overhead."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import glorot

WIDTH, DEPTH = 32, 20
NAMES = [*(f"hidden{number}" for number in range(DEPTH)), "output"]


def data(rng, rows):
    """Noise; the label is the place of the largest of ten."""
    x = rng.standard_normal((rows, WIDTH), dtype="float32")
    return x, x[:, :10].argmax(1).astype("int32")


def weights(rng):
    found = {}
    for name in NAMES:
        units = 10 if name == "output" else WIDTH
        found[f"{name}/kernel"] = glorot(rng, WIDTH, units)
        found[f"{name}/bias"] = np.zeros(units)
    return found


def keras(k: Any):
    hidden = [k.layers.Dense(WIDTH, activation="tanh", name=name) for name in NAMES[:-1]]
    return k.Sequential([k.Input((WIDTH,)), *hidden, k.layers.Dense(10, name="output")])


def torch(w):
    import torch
    from torch import nn

    module = nn.Sequential()
    with torch.no_grad():
        for name in NAMES:
            kernel = w[f"{name}/kernel"]
            layer = nn.Linear(*kernel.shape)
            layer.weight.copy_(torch.tensor(kernel.T))
            layer.bias.copy_(torch.tensor(w[f"{name}/bias"]))
            module.append(layer)
            if name != "output":
                module.append(nn.Tanh())
    return module


def flax(w):
    from flax import linen as nn

    class Deep(nn.Module):
        @nn.compact
        def __call__(self, x):
            for name in NAMES[:-1]:
                x = nn.tanh(nn.Dense(WIDTH, name=name)(x))
            return nn.Dense(10, name="output")(x)

    params = {name: {"kernel": w[f"{name}/kernel"], "bias": w[f"{name}/bias"]} for name in NAMES}
    return Deep(), {"params": params}


def numpy(w):
    from loops.numpy_loop import cross_entropy

    parameters = list(w.values())  # kernel, bias, kernel, bias, ...; updated in place
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))

    def loss_and_gradients(x, y):
        entered = [x]
        for kernel, bias in layers[:-1]:
            x = np.tanh(x @ kernel + bias)
            entered.append(x)
        kernel, bias = layers[-1]
        loss, g = cross_entropy(x @ kernel + bias, y)
        gradients = []
        for (kernel, _), x in zip(reversed(layers), reversed(entered), strict=True):
            gradients += [g.sum(0), x.T @ g]
            if x is not entered[0]:
                g = (g @ kernel.T) * (1 - x * x)
        return loss, gradients[::-1]

    return parameters, loss_and_gradients


def numpy_outputs(parameters, x):
    for kernel, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = np.tanh(x @ kernel + bias)
    return x @ parameters[-2] + parameters[-1]
