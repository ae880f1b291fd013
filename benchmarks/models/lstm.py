"""An LSTM of 64 units over 50 steps of 32 features, and a classifier of its last output."""

from __future__ import annotations

from typing import Any

import numpy as np

from models import glorot

STEPS, FEATURES, UNITS = 50, 32, 64


def data(rng, rows):
    """Noise; the label is the feature with the largest sum over the last steps."""
    x = rng.standard_normal((rows, STEPS, FEATURES), dtype="float32")
    return x, x[:, -5:, :10].sum(1).argmax(1).astype("int32")


def weights(rng):
    return {
        "lstm/kernel": glorot(rng, FEATURES, 4 * UNITS),
        "lstm/recurrent_kernel": glorot(rng, UNITS, 4 * UNITS),
        "lstm/bias": np.repeat([0.0, 1.0, 0.0, 0.0], UNITS),  # of input, forget, cell, output
        "output/kernel": glorot(rng, UNITS, 10),
        "output/bias": np.zeros(10),
    }


def keras(k: Any):
    return k.Sequential(
        [
            k.Input((STEPS, FEATURES)),
            k.layers.LSTM(UNITS, name="lstm"),
            k.layers.Dense(10, name="output"),
        ]
    )


def torch(w):
    import torch
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(FEATURES, UNITS, batch_first=True)
            self.output = nn.Linear(UNITS, 10)

        def forward(self, x):
            outputs, _ = self.lstm(x)
            return self.output(outputs[:, -1])

    module = Classifier()
    lstm, output = module.lstm, module.output
    lstm.bias_hh_l0.requires_grad_(False)  # torch has a second bias, which would learn as well
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(torch.tensor(w["lstm/kernel"].T))
        lstm.weight_hh_l0.copy_(torch.tensor(w["lstm/recurrent_kernel"].T))
        lstm.bias_ih_l0.copy_(torch.tensor(w["lstm/bias"]))
        lstm.bias_hh_l0.zero_()
        output.weight.copy_(torch.tensor(w["output/kernel"].T))
        output.bias.copy_(torch.tensor(w["output/bias"]))
    return module


def flax(w):
    from flax import linen as nn

    class Classifier(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.RNN(nn.OptimizedLSTMCell(UNITS, name="lstm"))(x)
            return nn.Dense(10, name="output")(x[:, -1])

    cell = {}
    for number, gate in enumerate("ifgo"):
        part = np.s_[..., number * UNITS : (number + 1) * UNITS]
        cell[f"i{gate}"] = {"kernel": w["lstm/kernel"][part]}
        cell[f"h{gate}"] = {
            "kernel": w["lstm/recurrent_kernel"][part],
            "bias": w["lstm/bias"][part],
        }
    output = {"kernel": w["output/kernel"], "bias": w["output/bias"]}
    return Classifier(), {"params": {"lstm": cell, "output": output}}
