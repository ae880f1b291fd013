"""Layers that move, repeat, cut and add elements, beside Keras's numbers; what a wrong argument gets."""

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

FIRST = {"data_format": "channels_first"}
STEPS = np.array([[True, True, False], [True, False, False]])

ROWS = [
    Row("Flatten", (2, 3, 4)),
    Row("Flatten", (2, 3, 4, 2), FIRST),
    Row("Flatten", (2,)),
    Row("Flatten", (2, 3, 4), open=(1,), note="open"),
    Row("Reshape", (2, 12), {"target_shape": (3, 4)}),
    Row("Reshape", (2, 3, 4), {"target_shape": (-1,)}),
    Row("Reshape", (2, 3, 4), {"target_shape": (6, -1)}),
    Row("Reshape", (2, 34), {"target_shape": (-1, 17)}, open=(1,), note="open"),
    Row("Reshape", (2, 6), {"target_shape": (2, 3)}, open=(1,), note="open"),
    Row("Reshape", (2, 1), {"target_shape": ()}),
    Row("Permute", (2, 3, 4), {"dims": (2, 1)}, open=(1,)),
    Row("Permute", (2, 3, 4, 5), {"dims": (3, 1, 2)}),
    Row("RepeatVector", (2, 3), {"n": 4}),
    Row("Cropping1D", (2, 7, 3), open=(1,)),
    Row("Cropping1D", (2, 7, 3), {"cropping": (2, 0)}),
    Row("Cropping1D", (2, 7, 3), {"cropping": 2}),
    Row("Cropping2D", (2, 5, 6, 3), {"cropping": 1}, open=(1, 2)),
    Row("Cropping2D", (2, 5, 6, 3), {"cropping": (1, 2)}),
    Row("Cropping2D", (2, 3, 5, 6), {"cropping": ((0, 1), (2, 0)), **FIRST}, open=(2,)),
    Row("Cropping3D", (2, 4, 5, 6, 2)),
    Row("Cropping3D", (2, 2, 4, 5, 6), {"cropping": ((1, 0), (0, 2), (1, 1)), **FIRST}),
    Row("ZeroPadding1D", (2, 3, 2), open=(1,)),
    Row("ZeroPadding1D", (2, 2, 3), {"padding": (2, 0), **FIRST}),
    Row("ZeroPadding2D", (2, 3, 4, 2), {"padding": (1, 2)}, open=(1, 2)),
    Row("ZeroPadding2D", (2, 2, 3, 4), {"padding": ((0, 1), (2, 0)), **FIRST}),
    Row("ZeroPadding3D", (2, 2, 3, 2, 2)),
    Row("ZeroPadding3D", (2, 2, 2, 3, 2), {"padding": ((1, 0), (0, 2), (1, 1)), **FIRST}),
    Row("UpSampling1D", (2, 3, 2), open=(1,)),
    Row("UpSampling1D", (2, 3, 2), {"size": 3}),
    Row("UpSampling2D", (2, 3, 4, 2), open=(1, 2)),
    Row("UpSampling2D", (2, 2, 3, 4), {"size": (1, 3), **FIRST}),
    *[
        Row("UpSampling2D", (2, 3, 4, 2), {"size": (2, 3), "interpolation": name})
        for name in ("bilinear", "bicubic")
    ],
    Row("UpSampling2D", (2, 2, 3, 4), {"size": 2, "interpolation": "bilinear", **FIRST}, open=(2,)),
    Row("UpSampling3D", (2, 2, 3, 2, 2)),
    Row("UpSampling3D", (2, 2, 2, 3, 2), {"size": (1, 2, 3), **FIRST}, open=(2, 3)),
    Row("Flatten", (2, 3), integers=9, gradient=False),
    Row("Permute", (2, 3, 2), {"dims": (2, 1)}, integers=9, gradient=False),
]


@pytest.mark.parametrize("row", parameters(ROWS))
class TestRows:
    def test_values(self, row):
        check_values(row, "reshaping")

    def test_symbolic(self, row):
        check_symbolic(row, "reshaping")

    def test_half(self, row):
        check_half(row, "reshaping")

    def test_config(self, row):
        check_config(row)


@pytest.mark.parametrize("row", parameters([row for row in ROWS if row.gradient]))
def test_gradient(row):
    check_gradient(row)


@pytest.mark.parametrize(
    ("cls", "kwargs", "text"),
    [
        ("Reshape", {"target_shape": (-1, -1)}, "Reshape: target_shape: only one length may be -1"),
        ("Reshape", {"target_shape": (2.5,)}, "Reshape: target_shape: expected lengths"),
        ("Permute", {"dims": (0, 1)}, "Permute: dims: .* got \\(0, 1\\)"),
        ("RepeatVector", {"n": 0}, "RepeatVector: n: .* got 0"),
        ("RepeatVector", {"n": "two"}, "RepeatVector: n: .* got 'two'"),
        ("Cropping1D", {"cropping": (1, 2, 3)}, "Cropping1D: cropping: .* \\(before, after\\)"),
        ("Cropping2D", {"cropping": -1}, "Cropping2D: cropping: .*got -1"),
        ("ZeroPadding2D", {"padding": (1, 2, 3)}, "ZeroPadding2D: padding: .* 2 pairs"),
        ("UpSampling2D", {"size": 0}, "UpSampling2D: size: .* got 0"),
        ("UpSampling2D", {"interpolation": "bilinaer"}, "Did you mean 'bilinear'"),
        ("UpSampling3D", {"data_format": "channel_last"}, "Did you mean 'channels_last'"),
    ],
)
def test_wrong_arguments(cls, kwargs, text):
    with pytest.raises((ValueError, TypeError), match=text):
        getattr(polynet.layers, cls)(**kwargs)


@pytest.mark.parametrize(
    ("cls", "kwargs", "shape", "text"),
    [
        ("Reshape", {"target_shape": (4, 4)}, (2, 12), "target_shape: .* 12 elements"),
        ("Reshape", {"target_shape": (-1, 5)}, (2, 12), "target_shape: .* 12 elements"),
        ("Permute", {"dims": (2, 1)}, (2, 3), "expected 3 dimensions; got shape"),
        ("RepeatVector", {"n": 2}, (2, 3, 4), "expected 2 dimensions"),
        ("Cropping1D", {"cropping": 3}, (2, 6, 1), "cropping: .* leaves nothing"),
        ("Cropping2D", {"cropping": 3}, (2, 9, 6, 1), "cropping: .* leaves nothing"),
        ("ZeroPadding2D", {}, (2, 9, 6), "expected 4 dimensions"),
        ("UpSampling1D", {}, (2, 9), "expected 3 dimensions"),
    ],
)
def test_wrong_inputs(cls, kwargs, shape, text):
    layer = getattr(polynet.layers, cls)(**kwargs)
    with pytest.raises(polynet.errors.ShapeError, match=f"{cls} '{layer.name}': .*{text}"):
        layer(ops.ones(shape))
    if cls != "Reshape":
        with pytest.raises(polynet.errors.ShapeError, match=f"{cls} '{layer.name}': .*{text}"):
            layer(polynet.Input(batch_shape=(None, *shape[1:])))


def test_a_mask_ends_here():
    x = polynet.layers.Masking(0.0)(ops.ones((2, 3, 4)))
    assert polynet.masking.get_mask(x) is not None
    assert polynet.masking.get_mask(polynet.layers.Flatten()(x)) is None
