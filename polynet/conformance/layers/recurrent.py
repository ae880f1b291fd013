"""Rows about recurrent layers, their cells and what wraps them; nothing but rows."""

# ruff: noqa: E501 - messages stand here as they are read

import numpy as np

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

STEPS = np.array([[True, True, False, True], [False, True, True, False]])
PADDED = np.array([[True, True, True, False], [True, True, False, False]])
X = (2, 4, 3)
H = np.linspace(-0.5, 0.5, 10, dtype="float32").reshape(2, 5)
ALL = {"return_sequences": True, "return_state": True}


def _kinds(layer: str) -> list[Row]:
    return [
        Row(layer, X, {"units": 5}, open=(1,)),
        Row(layer, X, {"units": 5, **ALL}, open=(1,)),
        Row(layer, X, {"units": 5, "go_backwards": True, **ALL}),
        Row(layer, X, {"units": 5, **ALL}, masks=[PADDED]),
        Row(layer, X, {"units": 5, "go_backwards": True, **ALL}, masks=[STEPS]),
        Row(layer, X, {"units": 5, "zero_output_for_mask": True, **ALL}, masks=[STEPS]),
        Row(layer, X, {"units": 5, "return_state": True}, masks=[STEPS]),
        Row(layer, X, {"units": 5, "use_bias": False, "unroll": True}),
        Row(layer, X, {"units": 5, "activation": "softsign", **ALL}, masks=[PADDED]),
        Row(layer, X, {"units": 5, "activation": "relu", "go_backwards": True}),
        Row(layer, X, {"units": 5, "activation": "elu", "unroll": True}),
    ]


ROWS = [
    *_kinds("SimpleRNN"),
    Row("SimpleRNN", X, {"units": 5, **ALL}, {"initial_state": [H]}),
    *_kinds("GRU"),
    Row("GRU", X, {"units": 5, "reset_after": False, **ALL}, masks=[PADDED]),
    Row("GRU", X, {"units": 5, "reset_after": False, "activation": "elu"}),
    Row("GRU", X, {"units": 5, "recurrent_activation": "hard_sigmoid"}),
    Row("GRU", X, {"units": 5, **ALL}, {"initial_state": [H]}),
    *_kinds("LSTM"),
    Row("LSTM", X, {"units": 5, "recurrent_activation": "hard_sigmoid", "activation": None}),
    Row("LSTM", X, {"units": 5, **ALL}, {"initial_state": [H, 2 * H]}),
    Row("RNN", X, within={"cell": ("GRUCell", {"units": 5})}, open=(1,)),
    Row("RNN", X, ALL, within={"cell": ("LSTMCell", {"units": 5})}, masks=[PADDED]),
    Row(
        "RNN",
        X,
        {"return_sequences": True, "go_backwards": True, "zero_output_for_mask": True},
        within={"cell": ("SimpleRNNCell", {"units": 5})},
        masks=[STEPS],
    ),
    Row("Bidirectional", X, within={"layer": ("LSTM", {"units": 5})}, open=(1,)),
    Row("Bidirectional", X, within={"layer": ("GRU", {"units": 5, **ALL})}),
    Row("Bidirectional", X, within={"layer": ("GRU", {"units": 5, **ALL})}, masks=[PADDED]),
    Row("Bidirectional", X, within={"layer": ("LSTM", {"units": 5})}, masks=[STEPS]),
    *(
        Row(
            "Bidirectional",
            X,
            {"merge_mode": mode},
            within={"layer": ("SimpleRNN", {"units": 5, "return_sequences": True})},
        )
        for mode in ("sum", "mul", "ave", None)
    ),
    Row(
        "Bidirectional",
        X,
        within={"layer": ("LSTM", {"units": 5, **ALL})},
        call={"initial_state": [H, 2 * H, -H, H]},
    ),
    Row("TimeDistributed", X, within={"layer": ("Dense", {"units": 5})}, open=(1,)),
    Row("TimeDistributed", X, within={"layer": ("Dense", {"units": 5})}, masks=[STEPS]),
    Row("TimeDistributed", (2, 3, 4, 2), within={"layer": ("LSTM", {"units": 5})}),
    Row("ConvLSTM1D", (2, 3, 6, 2), {"filters": 3, "kernel_size": 3}),
    Row(
        "ConvLSTM1D",
        (2, 4, 2, 6),
        {"filters": 3, "kernel_size": 2, "data_format": "channels_first", **ALL},
    ),
    Row(
        "ConvLSTM2D",
        (2, 3, 5, 6, 2),
        {"filters": 3, "kernel_size": (3, 2), "strides": 2, "padding": "same", **ALL},
    ),
    Row(
        "ConvLSTM2D",
        (2, 3, 5, 6, 2),
        {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "go_backwards": True},
    ),
    Row("SimpleRNNCell", (2, 3), {"units": 5}, {"states": [H]}),
    Row("GRUCell", (2, 3), {"units": 5}, {"states": [H]}),
    Row("GRUCell", (2, 3), {"units": 5, "reset_after": False}, {"states": [H]}),
    Row("LSTMCell", (2, 3), {"units": 5}, {"states": [H, 2 * H]}),
    Row(
        "RNN",
        X,
        ALL,
        within={"cell": [("LSTMCell", {"units": 5}), ("GRUCell", {"units": 2})]},
        gradient=False,  # what holds the cells computes in float32
    ),
    Row(
        "StackedRNNCells",
        (2, 3),
        within={"cells": [("GRUCell", {"units": 5}), ("SimpleRNNCell", {"units": 5})]},
        call={"states": [H, 2 * H]},
    ),
    *[
        Row(
            layer,
            X,
            {"units": 5, "dropout": 0.4, "recurrent_dropout": 0.3, "seed": 7},
            {"training": True},
            draws=True,
            gradient=False,
        )
        for layer in ("SimpleRNN", "GRU", "LSTM")
    ],
    Row("ConvLSTM3D", (1, 2, 4, 3, 4, 2), {"filters": 2, "kernel_size": 2, "use_bias": False}),
]

WRONG = [
    Wrong(
        "LSTM",
        "layers.LSTM(0)",
        "ValueError",
        "LSTMCell: units: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "GRU",
        "layers.GRU(3, dropout=2)",
        "ValueError",
        "GRUCell: dropout: expected a number from 0 to 1; got 2.",
    ),
    Wrong(
        "LSTM",
        "layers.LSTM(3, use_cudnn='yes')",
        "ValueError",
        "LSTM: use_cudnn: expected 'auto', True or False; got 'yes'.",
    ),
    Wrong(
        "RNN",
        "layers.RNN(layers.Dense(3))",
        "ValueError",
        "RNN: cell: expected a cell, with a method call and a state_size; Dense has no state_size.",
    ),
    Wrong(
        "StackedRNNCells",
        "layers.StackedRNNCells([3])",
        "ValueError",
        "StackedRNNCells: cells: expected a cell, with a method call and a state_size; int has no call.",
    ),
    Wrong(
        "Bidirectional",
        "layers.Bidirectional(3)",
        "ValueError",
        "Bidirectional: layer: expected a layer; got int.",
    ),
    Wrong(
        "Bidirectional",
        "layers.Bidirectional(layers.Dense(3))",
        "ValueError",
        "Bidirectional: layer: expected a recurrent layer; Dense has no go_backwards.",
    ),
    Wrong(
        "Bidirectional",
        "layers.Bidirectional(layers.GRU(3), merge_mode='add')",
        "ValueError",
        "Bidirectional: merge_mode: expected 'sum' or 'mul' or 'ave' or 'concat'; got 'add'.",
    ),
    Wrong(
        "Bidirectional",
        "layers.Bidirectional(layers.GRU(3), backward_layer=layers.GRU(3))",
        "ValueError",
        "Bidirectional: go_backwards: expected one layer in each direction; both have go_backwards=False.",
    ),
    Wrong(
        "GRU",
        "layers.GRU(3)(ops.ones((2, 4, 3)), initial_state=[ops.ones((2, 3))] * 2)",
        "ValueError",
        "GRU 'gru': initial_state: expected 1 states; got 2.",
    ),
    Wrong(
        "TimeDistributed",
        "layers.TimeDistributed(layers.Dense(3))(ops.ones((2, 4)))",
        "ShapeError",
        "TimeDistributed 'time_distributed': input: expected at least 3 dimensions, (batch, time, ...); got shape (2, 4).",
    ),
    Wrong(
        "LSTM",
        "layers.LSTM(2)(ops.ones((4, 28)))",
        "ShapeError",
        "LSTM 'lstm': input: expected 3 dimensions; got shape (4, 28).",
    ),
    Wrong(
        "GRU",
        "layers.GRU(3, recurrent_dropout=-0.5)",
        "ValueError",
        "GRUCell: recurrent_dropout: expected a number from 0 to 1; got -0.5.",
    ),
]
