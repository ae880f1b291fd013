"""Rows about pooling; nothing but rows."""

# ruff: noqa: E501 - messages stand here as they are read

import numpy as np

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

FIRST = {"data_format": "channels_first"}
X = {1: (2, 9, 3), 2: (2, 7, 6, 3), 3: (2, 4, 5, 6, 2)}
F = {1: (2, 3, 9), 2: (2, 3, 7, 6), 3: (2, 2, 4, 5, 6)}
STEPS = np.array([[True, True, False] * 3, [True, False, False] * 3])
ROWS = [
    *[
        row
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
        for row in (
            Row(f"{kind}Pooling{rank}D", X[rank], {"pool_size": 2}, open=tuple(range(1, rank + 1))),
            Row(
                f"{kind}Pooling{rank}D", X[rank], {"pool_size": 3, "strides": 2, "padding": "same"}
            ),
            Row(f"{kind}Pooling{rank}D", F[rank], {"pool_size": 2, "strides": 1, **FIRST}),
            Row(f"Global{kind}Pooling{rank}D", X[rank], open=tuple(range(1, rank + 1))),
            Row(f"Global{kind}Pooling{rank}D", F[rank], {"keepdims": True, **FIRST}),
            Row(f"Adaptive{kind}Pooling{rank}D", X[rank], {"output_size": 2}),
            Row(f"Adaptive{kind}Pooling{rank}D", F[rank], {"output_size": 3, **FIRST}),
        )
    ],
    Row("MaxPooling2D", X[2], {"pool_size": (3, 1), "strides": (1, 2)}),
    Row("AveragePooling2D", X[2], {"pool_size": (3, 2), "padding": "same"}),
    Row("GlobalAveragePooling1D", X[1], masks=[STEPS]),
    Row("GlobalAveragePooling1D", F[1], {"keepdims": True, **FIRST}, masks=[STEPS]),
]

WRONG = [
    Wrong(
        "MaxPooling2D",
        "layers.MaxPooling2D(pool_size=0)",
        "ValueError",
        "MaxPooling2D: pool_size: expected an integer of 1 or more, or 2 of them; got 0.",
    ),
    Wrong(
        "MaxPooling2D",
        "layers.MaxPooling2D(pool_size=(2, 2, 2))",
        "ValueError",
        "MaxPooling2D: pool_size: expected an integer of 1 or more, or 2 of them; got (2, 2, 2).",
    ),
    Wrong(
        "AveragePooling1D",
        "layers.AveragePooling1D(strides=-1)",
        "ValueError",
        "AveragePooling1D: strides: expected an integer of 1 or more; got -1.",
    ),
    Wrong(
        "MaxPooling1D",
        "layers.MaxPooling1D(padding='causal')",
        "ValueError",
        "MaxPooling1D: padding: expected 'valid' or 'same'; got 'causal'.",
    ),
    Wrong(
        "MaxPooling1D",
        "layers.MaxPooling1D(padding='vaild')",
        "ValueError",
        "MaxPooling1D: padding: expected 'valid' or 'same'; got 'vaild'. Did you mean 'valid'?",
    ),
    Wrong(
        "GlobalMaxPooling2D",
        "layers.GlobalMaxPooling2D(data_format='channels')",
        "ValueError",
        "GlobalMaxPooling2D: data_format: expected 'channels_last' or 'channels_first'; got 'channels'. Did you mean 'channels_last'?",
    ),
    Wrong(
        "AdaptiveMaxPooling2D",
        "layers.AdaptiveMaxPooling2D(output_size=0)",
        "ValueError",
        "AdaptiveMaxPooling2D: output_size: expected an integer of 1 or more, or 2 of them; got 0.",
    ),
    Wrong(
        "MaxPooling2D",
        "layers.MaxPooling2D()(ops.ones((2, 8, 8)))",
        "ShapeError",
        "MaxPooling2D 'max_pooling2d': input: expected 4 dimensions; got shape (2, 8, 8).",
    ),
    Wrong(
        "MaxPooling2D",
        "layers.MaxPooling2D()(ops.ones((2, 1, 8, 3)))",
        "ShapeError",
        "MaxPooling2D 'max_pooling2d': inputs: spatial shape (1, 8) is too small for a pool_size of (2, 2), and nothing would be left. Use padding='same' or a smaller window.",
    ),
    Wrong(
        "AveragePooling1D",
        "layers.AveragePooling1D()(ops.ones((2, 8)))",
        "ShapeError",
        "AveragePooling1D 'average_pooling1d': input: expected 3 dimensions; got shape (2, 8).",
    ),
    Wrong(
        "GlobalAveragePooling2D",
        "layers.GlobalAveragePooling2D()(ops.ones((2, 8, 8)))",
        "ShapeError",
        "GlobalAveragePooling2D 'global_average_pooling2d': input: expected 4 dimensions; got shape (2, 8, 8).",
    ),
]
