"""Rows about Dense, Embedding and the layers that do little else; nothing but rows."""

import numpy as np

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

STEPS = np.array([[True, True, False], [True, False, False]])
_FIRST = float(np.float32(1.5 * np.sin(1.3)))
"""The first number among the inputs of a row."""

ROWS = [
    Row("Dense", (2, 4), {"units": 3}),
    Row("Dense", (2, 3, 4), {"units": 5, "activation": "tanh"}, open=(1,)),
    Row("Dense", (2, 3, 4), {"units": 2, "use_bias": False}, masks=[STEPS]),
    Row("Dense", (2, 4), {"units": 3, "kernel_regularizer": "l2", "bias_constraint": "non_neg"}),
    Row("EinsumDense", (2, 4), {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"}),
    Row(
        "EinsumDense",
        (2, 3, 4),
        {"equation": "abc,cd->abd", "output_shape": (None, 5), "bias_axes": "d"},
        open=(1,),
    ),
    Row(
        "EinsumDense",
        (2, 3, 4),
        {"equation": "...x,xy->...y", "output_shape": 5, "activation": "relu"},
    ),
    Row("Embedding", (2, 3), {"input_dim": 9, "output_dim": 4}, integers=9, open=(1,)),
    Row("Embedding", (2, 5), {"input_dim": 9, "output_dim": 4, "mask_zero": True}, integers=9),
    Row("Identity", (2, 3), open=(1,)),
    Row("Identity", (2, 3, 4), masks=[STEPS]),
    Row("Masking", (2, 3, 4), open=(1,)),
    Row("Masking", (2, 3, 1), {"mask_value": 0.5}),
    Row("Masking", (2, 3, 4), {"mask_value": _FIRST}),
    Row("Masking", (2, 3, 1), {"mask_value": _FIRST}),
]

WRONG = [
    Wrong(
        "Dense",
        "layers.Dense(0)",
        "ValueError",
        "Dense: units: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "Dense",
        "layers.Dense('many')",
        "ValueError",
        "Dense: units: expected an integer of 1 or more; got 'many'.",
    ),
    Wrong(
        "Dense",
        "layers.Dense(3, unit=2)",
        "TypeError",
        "Dense: unknown arguments ['unit']. Did you mean 'units'?",
    ),
    Wrong(
        "Dense",
        "layers.Dense(3, activation='rellu')",
        "ValueError",
        "activations: unknown activation 'rellu'. Did you mean 'relu'?",
    ),
    Wrong(
        "Dense",
        "layers.Dense(3, kernel_initializer='glorot')",
        "ValueError",
        "initializers: unknown initializer 'glorot'. Did you mean 'glorot_normal'?",
    ),
    Wrong(
        "Dense",
        "(lambda layer: (layer(ops.ones((2, 4))), layer(ops.ones((2, 5)))))(layers.Dense(3))",
        "ShapeError",
        "Dense 'dense': input: expected length 4 along axis -1; got shape (2, 5).",
    ),
    Wrong(
        "Embedding",
        "layers.Embedding(0, 3)",
        "ValueError",
        "Embedding: input_dim: expected an integer of 1 or more; got 0.",
    ),
    Wrong(
        "Embedding",
        "layers.Embedding(3, 2.5)",
        "ValueError",
        "Embedding: output_dim: expected an integer of 1 or more; got 2.5.",
    ),
    Wrong(
        "Embedding",
        "layers.Embedding(3, 2)(np.array([[3]]))",
        "OutOfRangeError",
        "Embedding 'embedding': input: expected integers from 0 to 2; some of shape (1, 1) are outside.",
    ),
    Wrong(
        "EinsumDense",
        "layers.EinsumDense('ab,bc->ac', 3)(ops.ones((2, 3, 4)))",
        "ValueError",
        "EinsumDense 'einsum_dense': the equation's input 'ab' has 2 axes; got shape (2, 3, 4).",
    ),
]
