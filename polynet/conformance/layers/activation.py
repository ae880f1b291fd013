"""Rows about activations as layers; nothing but rows."""

import numpy as np

from polynet.conformance.layers.row import Row
from polynet.conformance.stored import Wrong

KEEP = np.array([[True, False, True, True], [False, True, True, False]])
X = (2, 3, 4)
ROWS = [
    *[Row("Activation", X, {"activation": name}) for name in ("relu", "gelu", "softmax", None)],
    Row("ReLU", X),
    Row("ReLU", X, {"max_value": 0.9, "negative_slope": 0.2, "threshold": 0.4}),
    Row("LeakyReLU", X),
    Row("LeakyReLU", X, {"negative_slope": 0.05}),
    Row("PReLU", X),
    Row("PReLU", X, {"shared_axes": [1]}, open=(1,)),
    Row("PReLU", (2, 3, 4, 2), {"shared_axes": [1, 2], "alpha_regularizer": "l2"}, open=(1, 2)),
    Row("ELU", X),
    Row("ELU", X, {"alpha": 0.3}),
    Row("Softmax", X),
    Row("Softmax", X, {"axis": 1}),
    Row("Softmax", X, {"axis": (1, 2)}),
    Row("Softmax", (3, 4), call={"mask": KEEP[:1]}),
    Row("Softmax", (3, 4), call={"mask": np.zeros((1, 4), bool)}, note="nothing-kept"),
    Row("Softmax", (3, 2, 4), {"axis": (1, 2)}, call={"mask": KEEP[None].astype("float32")}),
]

WRONG = [
    Wrong(
        "ReLU",
        "layers.ReLU(max_value=-1.0)",
        "ValueError",
        "ReLU: max_value: expected a number of 0 or more; got -1.0.",
    ),
    Wrong(
        "ReLU",
        "layers.ReLU(negative_slope=None)",
        "ValueError",
        "ReLU: negative_slope: expected a number of 0 or more; got None.",
    ),
    Wrong(
        "ReLU",
        "layers.ReLU(threshold=-0.5)",
        "ValueError",
        "ReLU: threshold: expected a number of 0 or more; got -0.5.",
    ),
    Wrong(
        "LeakyReLU",
        "layers.LeakyReLU(negative_slope=-0.5)",
        "ValueError",
        "LeakyReLU: negative_slope: expected a number of 0 or more; got -0.5.",
    ),
    Wrong(
        "Activation",
        "layers.Activation(activation='rellu')",
        "ValueError",
        "activations: unknown activation 'rellu'. Did you mean 'relu'?",
    ),
    Wrong(
        "ReLU",
        "layers.ReLU(max_valu=1.0)",
        "TypeError",
        "ReLU: unknown arguments ['max_valu']. Did you mean 'max_value'?",
    ),
    Wrong(
        "PReLU",
        "layers.PReLU(shared_axes=[3])(ops.ones((2, 3)))",
        "AxisError",
        "PReLU 'p_re_lu': shared_axes: expected an integer from -2 to 1 for an input of 2 dimensions; got 3.",
    ),
    Wrong(
        "Softmax",
        "layers.Softmax()(ops.ones((2, 4)), mask=np.ones((2, 5), bool))",
        "ShapeError",
        "Softmax 'softmax': mask: expected a shape that broadcasts to that of the input, (2, 4); got (2, 5).",
    ),
    Wrong(
        "PReLU",
        "(lambda layer: (layer(ops.ones((2, 3))), layer(ops.ones((2, 4)))))(layers.PReLU())",
        "ShapeError",
        "PReLU 'p_re_lu': input: expected length 3 along axis 1; got shape (2, 4).",
    ),
    Wrong(
        "ELU",
        "layers.ELU(alpa=0.3)",
        "TypeError",
        "ELU: unknown arguments ['alpa']. Did you mean 'alpha'?",
    ),
]
