"""Activations as layers, beside Keras's numbers; what a wrong argument gets."""

import numpy as np
import pytest
from layer_checks import (
    check_config,
    check_gradient,
    check_half,
    check_symbolic,
    check_values,
    parameters,
)
from layer_rows import Row

import polynet
from polynet import ops

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


@pytest.mark.parametrize("row", parameters(ROWS))
class TestRows:
    def test_values(self, row):
        check_values(row, "activation")

    def test_symbolic(self, row):
        check_symbolic(row, "activation")

    def test_half(self, row):
        check_half(row, "activation")

    def test_config(self, row):
        check_config(row)

    def test_gradient(self, row):
        check_gradient(row)


def test_axes_as_a_list():
    x = ops.convert_to_tensor(np.sin(np.arange(24.0)).reshape(X))
    one, other = (polynet.layers.Softmax(axis)(x) for axis in ([1, 2], (1, 2)))
    np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


@pytest.mark.parametrize(
    ("cls", "kwargs", "text"),
    [
        ("ReLU", {"max_value": -1.0}, "ReLU: max_value: expected a number of 0 or more; got -1.0"),
        ("ReLU", {"negative_slope": None}, "ReLU: negative_slope: .* got None"),
        ("ReLU", {"threshold": -0.5}, "ReLU: threshold: .* got -0.5"),
        ("LeakyReLU", {"negative_slope": -0.5}, "LeakyReLU: negative_slope: .* got -0.5"),
        ("Activation", {"activation": "rellu"}, "Did you mean 'relu'"),
        ("ReLU", {"max_valu": 1.0}, "Did you mean 'max_value'"),
    ],
)
def test_wrong_arguments(cls, kwargs, text):
    with pytest.raises((ValueError, TypeError), match=text):
        getattr(polynet.layers, cls)(**kwargs)


def test_wrong_inputs():
    layer = polynet.layers.PReLU(shared_axes=[3])
    with pytest.raises(polynet.errors.AxisError, match=r"PReLU 'p_re_lu.*': shared_axes: .* got 3"):
        layer(ops.ones((2, 3)))
    with pytest.raises(polynet.errors.ShapeError, match=r"mask: .* broadcasts .* got \(2, 5\)"):
        polynet.layers.Softmax()(ops.ones((2, 4)), mask=np.ones((2, 5), bool))
    layer = polynet.layers.PReLU()
    layer(ops.ones((2, 3)))
    with pytest.raises(polynet.errors.ShapeError, match="length 3 along axis 1"):
        layer(ops.ones((2, 4)))
