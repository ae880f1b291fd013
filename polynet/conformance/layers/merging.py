"""Rows about layers that merge several inputs; nothing but rows."""

# ruff: noqa: E501 - messages stand here as they are read

import numpy as np

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

A = np.array([[True, False, True], [True, True, False]])
B = np.array([[True, True, False], [False, True, False]])
PAIR = [(2, 3, 4), (2, 3, 4)]
NAMES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
ROWS = [
    *[Row(name, PAIR) for name in NAMES],
    *[Row(name, [(2, 3, 4), (2, 1, 4)]) for name in NAMES],
    *[Row(name, [(2, 3, 4), (2, 4)], note="ranks") for name in NAMES],
    *[Row(name, [*PAIR, (2, 3, 4)]) for name in NAMES if name != "Subtract"],
    *[Row(name, PAIR, masks=[A, B]) for name in NAMES],
    *[Row(name, PAIR, masks=[A, None], note="first") for name in NAMES],
    *[Row(name, PAIR, masks=[None, B], note="second") for name in NAMES],
    Row("Maximum", [*PAIR, (2, 3, 4)], masks=[A, B, A]),
    Row("Concatenate", [(2, 3, 4), (2, 3, 2)]),
    Row("Concatenate", [(2, 3, 4), (2, 5, 4)], {"axis": 1}, open=(1,)),
    Row("Concatenate", PAIR, {"axis": -2}, masks=[A, None]),
    Row("Concatenate", PAIR, masks=[A, B]),
    Row("Dot", [(2, 3), (2, 3)], {"axes": 1}),
    Row("Dot", [(2, 3, 5), (2, 10, 3)], {"axes": (1, 2)}),
    Row("Dot", [(2, 3, 5), (2, 10, 5)], {"axes": -1, "normalize": True}),
    Row("Dot", [(2, 5), (2, 10, 5)], {"axes": (1, 2)}),
    Row("Dot", [(2, 10, 5), (2, 5)], {"axes": (2, 1)}),
    Row("Dot", [(2, 3, 4, 5), (2, 6, 5, 2)], {"axes": (3, 2)}),
]

WRONG = [
    Wrong(
        "Add",
        "layers.Add()([ops.ones((2, 3)), ops.ones((2, 4))])",
        "ShapeError",
        "Add 'add': inputs: shapes (2, 3) and (2, 4) do not broadcast to one.",
    ),
    Wrong(
        "Add",
        "layers.Add()([ops.ones((2, 3)), ops.ones((3, 3))])",
        "ShapeError",
        "Add 'add': inputs: expected equally large batches; got shapes (2, 3) and (3, 3).",
    ),
    Wrong(
        "Subtract",
        "layers.Subtract()([ops.ones((2, 3))])",
        "ValueError",
        "Subtract 'subtract': inputs: expected 2 tensors; got 1.",
    ),
    Wrong(
        "Subtract",
        "layers.Subtract()([ops.ones((2, 3)), ops.ones((2, 3)), ops.ones((2, 3))])",
        "ValueError",
        "Subtract 'subtract': inputs: expected 2 tensors; got 3.",
    ),
    Wrong(
        "Multiply",
        "layers.Multiply()(ops.ones((2, 3)))",
        "ValueError",
        "Multiply 'multiply': inputs: expected a list of tensors; got a single one.",
    ),
    Wrong(
        "Concatenate",
        "layers.Concatenate()([ops.ones((2, 3, 4)), ops.ones((2, 5, 4))])",
        "ShapeError",
        "Concatenate 'concatenate': inputs: expected shapes that differ along axis -1 only; got (2, 3, 4) and (2, 5, 4).",
    ),
    Wrong(
        "Concatenate",
        "layers.Concatenate()([ops.ones((2, 3, 4)), ops.ones((2, 5))])",
        "ShapeError",
        "Concatenate 'concatenate': inputs: expected shapes that differ along axis -1 only; got (2, 3, 4) and (2, 5).",
    ),
    Wrong(
        "Concatenate",
        "layers.Concatenate(3)([ops.ones((2, 3)), ops.ones((2, 3))])",
        "AxisError",
        "Concatenate 'concatenate': axis: expected an integer from -2 to 1 for an input of 2 dimensions; got 3.",
    ),
    Wrong(
        "Dot",
        "layers.Dot(1)([ops.ones((2, 3)), ops.ones((2, 4))])",
        "ShapeError",
        "Dot 'dot': axes: expected equal lengths along axis 1 of the first and 1 of the second input; got 3 and 4 in shapes (2, 3) and (2, 4).",
    ),
    Wrong(
        "Dot",
        "layers.Dot(0)([ops.ones((2, 3)), ops.ones((2, 3))])",
        "ValueError",
        "Dot 'dot': axes: 0 is the batch; expected other axes; got 0.",
    ),
    Wrong(
        "Dot",
        "layers.Dot(1)([ops.ones((2, 3))])",
        "ValueError",
        "Dot 'dot': inputs: expected 2 tensors; got 1.",
    ),
    Wrong(
        "Dot",
        "layers.Dot((1, 3))([ops.ones((2, 3)), ops.ones((2, 3, 3))])",
        "AxisError",
        "Dot 'dot': axes: expected an integer from -3 to 2 for an input of 3 dimensions; got 3.",
    ),
    Wrong(
        "Dot", "layers.Dot('all')", "TypeError", "Dot: axes: expected an integer or two; got 'all'."
    ),
    Wrong(
        "Dot",
        "layers.Dot((1, 2, 3))",
        "ValueError",
        "Dot: axes: expected an integer or two; got (1, 2, 3).",
    ),
    Wrong(
        "Add",
        "layers.Add().compute_mask([ops.ones((2, 3))] * 2, [ops.ones((2,), dtype='bool')])",
        "ValueError",
        "Add 'add': mask: expected a list with one for each of 2 inputs; got 1.",
    ),
]
