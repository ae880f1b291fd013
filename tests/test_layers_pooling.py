"""Pooling as layers, beside Keras's numbers; what wrong arguments and inputs get."""

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
from polynet import layers, ops

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


@pytest.mark.parametrize("row", parameters(ROWS))
class TestRows:
    def test_values(self, row):
        check_values(row, "pooling")

    def test_symbolic(self, row):
        check_symbolic(row, "pooling")

    def test_half(self, row):
        check_half(row, "pooling")

    def test_config(self, row):
        check_config(row)

    def test_gradient(self, row):
        check_gradient(row)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_other_names(rank):
    for short, long in (("Max", "Max"), ("Avg", "Average")):
        for prefix in ("", "Global"):
            assert getattr(layers, f"{prefix}{short}Pool{rank}D") is getattr(
                layers, f"{prefix}{long}Pooling{rank}D"
            )


@pytest.mark.parametrize(
    ("cls", "kwargs", "text"),
    [
        ("MaxPooling2D", {"pool_size": 0}, "MaxPooling2D: pool_size: .* got 0"),
        ("MaxPooling2D", {"pool_size": (2, 2, 2)}, "MaxPooling2D: pool_size: .* 2 of them"),
        ("AveragePooling1D", {"strides": -1}, "AveragePooling1D: strides: .* got -1"),
        ("MaxPooling1D", {"padding": "causal"}, "MaxPooling1D: padding: .* got 'causal'"),
        ("MaxPooling1D", {"padding": "vaild"}, "Did you mean 'valid'"),
        ("GlobalMaxPooling2D", {"data_format": "channels"}, "GlobalMaxPooling2D: data_format"),
        ("AdaptiveMaxPooling2D", {"output_size": 0}, "AdaptiveMaxPooling2D: output_size: .* got 0"),
    ],
)
def test_wrong_arguments(cls, kwargs, text):
    with pytest.raises(ValueError, match=text):
        getattr(layers, cls)(**kwargs)


@pytest.mark.parametrize(
    ("cls", "shape", "text"),
    [
        ("MaxPooling2D", (2, 8, 8), "expected 4 dimensions; got shape"),
        ("MaxPooling2D", (2, 1, 8, 3), "too small for a pool_size"),
        ("AveragePooling1D", (2, 8), "expected 3 dimensions"),
        ("GlobalAveragePooling2D", (2, 8, 8), "expected 4 dimensions"),
    ],
)
def test_wrong_inputs(cls, shape, text):
    layer = getattr(layers, cls)()
    with pytest.raises(polynet.errors.ShapeError, match=f"{cls} '{layer.name}': .*{text}"):
        layer(ops.ones(shape))
    with pytest.raises(polynet.errors.ShapeError, match=f"{cls} '{layer.name}': .*{text}"):
        layer(polynet.Input(batch_shape=(None, *shape[1:])))


def test_a_mask_ends_here():
    x = layers.Masking(0.0)(ops.ones((2, 4, 3)))
    assert polynet.masking.get_mask(x) is not None
    for layer in (layers.MaxPooling1D(2), layers.GlobalAveragePooling1D()):
        assert polynet.masking.get_mask(layer(x)) is None
