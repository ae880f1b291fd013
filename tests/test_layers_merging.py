"""Merging layers, beside Keras's numbers; their functions, masks, and what wrong inputs get."""

import numpy as np
import pytest
from layer_checks import (
    check_config,
    check_gradient,
    check_half,
    check_symbolic,
    check_values,
    host,
    parameters,
)
from layer_rows import Row

import polynet
from polynet import layers, masking, ops

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


@pytest.mark.parametrize("row", parameters(ROWS))
class TestRows:
    def test_values(self, row):
        check_values(row, "merging")

    def test_symbolic(self, row):
        check_symbolic(row, "merging")

    def test_half(self, row):
        check_half(row, "merging")

    def test_config(self, row):
        check_config(row)

    def test_gradient(self, row):
        check_gradient(row)


@pytest.mark.parametrize("name", [*NAMES, "Concatenate"])
def test_functions(name):
    x = [ops.convert_to_tensor(np.arange(6.0).reshape(2, 3)), ops.ones((2, 3))]
    function = getattr(layers, name.lower())
    np.testing.assert_array_equal(host(function(x)), host(getattr(layers, name)()(x)))
    assert function([polynet.Input((3,)), polynet.Input((3,))]).shape[0] is None


def test_more_functions():
    x = [ops.ones((2, 3)), ops.ones((2, 3))]
    assert host(layers.dot(x, axes=1)).tolist() == [[3.0], [3.0]]
    assert layers.concatenate(x, axis=1).shape == (2, 6)


@pytest.mark.parametrize(
    ("make", "shapes", "text"),
    [
        (layers.Add, [(2, 3), (2, 4)], r"inputs: shapes \(2, 3\) and \(2, 4\) do not broadcast"),
        (layers.Add, [(2, 3), (3, 3)], "inputs: expected equally large batches"),
        (layers.Subtract, [(2, 3)], "inputs: expected 2 tensors; got 1"),
        (layers.Subtract, [(2, 3)] * 3, "inputs: expected 2 tensors; got 3"),
        (layers.Multiply, (2, 3), "inputs: expected a list of tensors; got a single one"),
        (layers.Concatenate, [(2, 3, 4), (2, 5, 4)], "differ along axis -1 only"),
        (layers.Concatenate, [(2, 3, 4), (2, 5)], "differ along axis -1 only"),
        (lambda: layers.Concatenate(3), [(2, 3), (2, 3)], "axis: expected an integer from -2 to 1"),
        (lambda: layers.Dot(1), [(2, 3), (2, 4)], "axes: expected equal lengths along axis 1"),
        (lambda: layers.Dot(0), [(2, 3), (2, 3)], "axes: 0 is the batch"),
        (lambda: layers.Dot(1), [(2, 3)], "expected 2 tensors; got 1"),
        (lambda: layers.Dot((1, 3)), [(2, 3), (2, 3, 3)], "axes: expected an integer from -3 to 2"),
    ],
)
def test_wrong_inputs(make, shapes, text):
    layer = make()
    given = [ops.ones(s) for s in shapes] if isinstance(shapes, list) else ops.ones(shapes)
    with pytest.raises(ValueError, match=f"{type(layer).__name__} '{layer.name}': .*{text}"):
        layer(given)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="Dot: axes: expected an integer or two; got 'all'"):
        layers.Dot("all")
    with pytest.raises(ValueError, match=r"Dot: axes: .* got \(1, 2, 3\)"):
        layers.Dot((1, 2, 3))
    with pytest.raises(
        ValueError, match="mask: expected a list with one for each of 2 inputs; got 1"
    ):
        layers.Add().compute_mask([ops.ones((2, 3))] * 2, [ops.ones((2,), dtype="bool")])


def test_a_mask_goes_on():
    x = layers.Masking()(ops.convert_to_tensor(np.array([[[1.0], [0.0]]], "float32")))
    y = layers.Add()([x, x])
    assert host(masking.get_mask(y)).tolist() == [[True, False]]
    assert masking.get_mask(layers.Add()([x, ops.ones((1, 2, 1))])) is None
