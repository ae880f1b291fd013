"""A small residual network on 32×32 pictures: a convolution, three blocks with batch normalization, a mean."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import glorot

EPSILON, MOMENTUM = 1e-3, 0.99
"""Of the norms."""
BLOCKS = (("block1", 16, 16, 1), ("block2", 16, 32, 2), ("block3", 32, 64, 2))
"""Name, channels in and out, stride."""


def data(rng, rows):
    """Noise; the label is the brightest of ten stripes."""
    x = rng.standard_normal((rows, 32, 32, 3), dtype="float32")
    stripes = x[:, :, :30].reshape(rows, 32, 10, 9).sum((1, 3))
    return x, stripes.argmax(1).astype("int32")


def weights(rng):
    found = _unit(rng, "stem", 3, 3, 16)
    for name, entering, leaving, stride in BLOCKS:
        found |= _unit(rng, f"{name}-first", 3, entering, leaving)
        found |= _unit(rng, f"{name}-second", 3, leaving, leaving)
        if stride > 1:
            found |= _unit(rng, f"{name}-past", 1, entering, leaving)
    return found | {"output/kernel": glorot(rng, 64, 10), "output/bias": np.zeros(10)}


def _unit(rng, name, window, entering, leaving):
    """A convolution without a bias, and its norm."""
    return {
        f"{name}/kernel": glorot(rng, window, window, entering, leaving),
        f"{name}-norm/scale": np.ones(leaving),
        f"{name}-norm/bias": np.zeros(leaving),
        f"{name}-norm/mean": np.zeros(leaving),
        f"{name}-norm/var": np.ones(leaving),
    }


def keras(k: Any):
    layers = k.layers

    def unit(x, name, channels, window=3, stride=1):
        x = layers.Conv2D(channels, window, stride, padding="same", use_bias=False, name=name)(x)
        return layers.BatchNormalization(epsilon=EPSILON, momentum=MOMENTUM, name=f"{name}-norm")(x)

    entry = k.Input((32, 32, 3))
    x = layers.ReLU()(unit(entry, "stem", 16))
    for name, _, channels, stride in BLOCKS:
        h = layers.ReLU()(unit(x, f"{name}-first", channels, stride=stride))
        h = unit(h, f"{name}-second", channels)
        past = x if stride == 1 else unit(x, f"{name}-past", channels, 1, stride)
        x = layers.ReLU()(layers.Add()([past, h]))
    x = layers.GlobalAveragePooling2D()(x)
    return k.Model(entry, layers.Dense(10, name="output")(x))


def for_torch(x):
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def torch(w):
    import torch
    from torch import nn
    from torch.nn import functional

    class Unit(nn.Sequential):
        def __init__(self, name, stride=1):
            kernel = torch.tensor(w[f"{name}/kernel"].transpose(3, 2, 0, 1).copy())
            leaving, entering, window, _ = kernel.shape
            padding = "same" if stride == 1 else 0
            conv = nn.Conv2d(entering, leaving, window, stride, padding, bias=False)
            norm = nn.BatchNorm2d(leaving, eps=EPSILON, momentum=1 - MOMENTUM)
            super().__init__(conv, norm)
            self.pad = stride == 2 and window == 3
            with torch.no_grad():
                conv.weight.copy_(kernel)
                norm.weight.copy_(torch.tensor(w[f"{name}-norm/scale"]))
                norm.bias.copy_(torch.tensor(w[f"{name}-norm/bias"]))

        def forward(self, x):
            # "same" with a stride of 2 adds one row and column after, which torch has no word for
            return super().forward(functional.pad(x, (0, 1, 0, 1)) if self.pad else x)

    class Block(nn.Module):
        def __init__(self, name, stride):
            super().__init__()
            self.first = Unit(f"{name}-first", stride)
            self.second = Unit(f"{name}-second")
            self.past = Unit(f"{name}-past", stride) if stride > 1 else nn.Identity()

        def forward(self, x):
            h = self.second(functional.relu(self.first(x)))
            return functional.relu(self.past(x) + h)

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = Unit("stem")
            self.blocks = nn.Sequential(*(Block(name, stride) for name, _, _, stride in BLOCKS))
            self.output = nn.Linear(64, 10)
            with torch.no_grad():
                self.output.weight.copy_(torch.tensor(w["output/kernel"].T))
                self.output.bias.copy_(torch.tensor(w["output/bias"]))

        def forward(self, x):
            x = self.blocks(functional.relu(self.stem(x)))
            return self.output(x.mean((2, 3)))

    return ResNet()


def flax(w):
    from flax import linen as nn

    class ResNet(nn.Module):
        train: bool = True

        @nn.compact
        def __call__(self, x):
            def unit(x, name, channels, window=3, stride=1):
                x = nn.Conv(channels, (window, window), stride, use_bias=False, name=name)(x)
                return nn.BatchNorm(
                    not self.train, momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}-norm"
                )(x)

            x = nn.relu(unit(x, "stem", 16))
            for name, _, channels, stride in BLOCKS:
                h = nn.relu(unit(x, f"{name}-first", channels, stride=stride))
                h = unit(h, f"{name}-second", channels)
                past = x if stride == 1 else unit(x, f"{name}-past", channels, 1, stride)
                x = nn.relu(past + h)
            return nn.Dense(10, name="output")(x.mean((1, 2)))

    params: dict[str, Any] = {}
    statistics: dict[str, Any] = {}
    for name, array in w.items():
        layer, what = name.split("/")
        kept = statistics if what in ("mean", "var") else params
        kept.setdefault(layer, {})[what] = array
    return ResNet(), {"params": params, "batch_stats": statistics}
