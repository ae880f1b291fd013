"""Convolutions as layers, beside Keras's numbers; what wrong arguments and inputs get."""

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
from polynet import layers, ops

FIRST = {"data_format": "channels_first"}
X1, X2, X3 = (2, 9, 4), (2, 7, 6, 4), (1, 4, 5, 4, 2)
F1, F2, F3 = (2, 4, 9), (2, 4, 7, 6), (1, 2, 4, 5, 4)

ROWS = [
    Row("Conv1D", X1, {"filters": 3, "kernel_size": 3}, open=(1,)),
    Row("Conv1D", X1, {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, open=(1,)),
    Row("Conv1D", X1, {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "causal"}),
    Row("Conv1D", X1, {"filters": 4, "kernel_size": 2, "groups": 2, "activation": "relu"}),
    Row("Conv1D", F1, {"filters": 3, "kernel_size": 3, "padding": "causal", "strides": 2, **FIRST}),
    Row("Conv2D", X2, {"filters": 3, "kernel_size": 3}, open=(1, 2)),
    Row(
        "Conv2D",
        X2,
        {"filters": 3, "kernel_size": (3, 2), "strides": (1, 2), "padding": "same"},
        open=(1,),
    ),
    Row("Conv2D", X2, {"filters": 2, "kernel_size": 2, "dilation_rate": (2, 1), "use_bias": False}),
    Row("Conv2D", X2, {"filters": 6, "kernel_size": 2, "groups": 2, "padding": "SAME"}),
    Row(
        "Conv2D",
        F2,
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST},
        open=(2, 3),
    ),
    Row("Conv2D", F2, {"filters": 4, "kernel_size": 2, "groups": 4, "activation": "tanh", **FIRST}),
    Row("Conv3D", X3, {"filters": 3, "kernel_size": 2}, open=(1, 2, 3)),
    Row("Conv3D", X3, {"filters": 2, "kernel_size": (1, 2, 3), "strides": 2, "padding": "same"}),
    Row("Conv3D", F3, {"filters": 2, "kernel_size": 2, "dilation_rate": 2, **FIRST}),
    Row("Conv1DTranspose", X1, {"filters": 3, "kernel_size": 3}, open=(1,)),
    Row(
        "Conv1DTranspose",
        X1,
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"},
        open=(1,),
    ),
    Row("Conv1DTranspose", X1, {"filters": 3, "kernel_size": 4, "strides": 3, "output_padding": 1}),
    Row("Conv1DTranspose", F1, {"filters": 3, "kernel_size": 2, "dilation_rate": 2, **FIRST}),
    Row("Conv2DTranspose", X2, {"filters": 3, "kernel_size": 3, "strides": 2}, open=(1, 2)),
    Row(
        "Conv2DTranspose",
        X2,
        {"filters": 3, "kernel_size": (2, 3), "strides": 2, "padding": "same", "output_padding": 1},
    ),
    Row(
        "Conv2DTranspose",
        F2,
        {"filters": 3, "kernel_size": 3, "strides": (2, 1), "padding": "same", **FIRST},
        open=(2,),
    ),
    Row(
        "Conv2DTranspose",
        X2,
        {"filters": 2, "kernel_size": 2, "use_bias": False, "activation": "relu"},
    ),
    Row("Conv3DTranspose", X3, {"filters": 3, "kernel_size": 2, "strides": 2}, open=(1, 2, 3)),
    Row(
        "Conv3DTranspose",
        F3,
        {"filters": 2, "kernel_size": 2, "padding": "same", "strides": 2, **FIRST},
    ),
    Row("DepthwiseConv1D", X1, {"kernel_size": 3, "padding": "same"}, open=(1,)),
    Row("DepthwiseConv1D", F1, {"kernel_size": 3, "depth_multiplier": 2, **FIRST}),
    Row(
        "DepthwiseConv2D",
        X2,
        {"kernel_size": 3, "depth_multiplier": 2, "activation": "relu"},
        open=(1, 2),
    ),
    Row(
        "DepthwiseConv2D",
        X2,
        {"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False},
    ),
    Row("DepthwiseConv2D", F2, {"kernel_size": 2, "dilation_rate": 2, **FIRST}),
    Row("SeparableConv1D", X1, {"filters": 3, "kernel_size": 3}, open=(1,)),
    Row(
        "SeparableConv1D",
        X1,
        {"filters": 3, "kernel_size": 3, "padding": "same", "dilation_rate": 2},
    ),
    Row(
        "SeparableConv1D",
        F1,
        {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", **FIRST},
    ),
    Row(
        "SeparableConv2D", X2, {"filters": 3, "kernel_size": 3, "depth_multiplier": 2}, open=(1, 2)
    ),
    Row("SeparableConv2D", X2, {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same"}),
    Row(
        "SeparableConv2D",
        F2,
        {"filters": 3, "kernel_size": 2, "dilation_rate": 2, "use_bias": False, **FIRST},
    ),
]


@pytest.mark.parametrize("row", parameters(ROWS))
class TestRows:
    def test_values(self, row):
        check_values(row, "convolution")

    def test_symbolic(self, row):
        check_symbolic(row, "convolution")

    def test_half(self, row):
        check_half(row, "convolution")

    def test_config(self, row):
        check_config(row)

    def test_gradient(self, row):
        check_gradient(row)


@pytest.mark.parametrize(
    "name", ["Conv1D", "Conv2D", "Conv3D", "SeparableConv2D", "Conv1DTranspose"]
)
def test_other_names(name):
    assert getattr(layers, name.replace("Conv", "Convolution")) is getattr(layers, name)


def test_regularizers_and_constraints():
    layer = layers.Conv1D(
        2, 3, kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="non_neg"
    )
    layer(ops.ones((1, 5, 3)))
    assert len(layer.losses) == 2
    assert layer.kernel.constraint is not None and layer.bias.constraint is None
    deep = layers.SeparableConv2D(2, 3, depthwise_regularizer="l2", pointwise_constraint="max_norm")
    deep(ops.ones((1, 5, 5, 3)))
    assert len(deep.losses) == 1 and deep.pointwise_kernel.constraint is not None


@pytest.mark.parametrize(
    ("cls", "kwargs", "text"),
    [
        ("Conv2D", {"filters": 0, "kernel_size": 2}, "Conv2D: filters: .* got 0"),
        ("Conv2D", {"filters": 2.5, "kernel_size": 2}, r"Conv2D: filters: .* got 2\.5"),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 2, "groups": 2},
            "filters: expected a multiple of groups, 2; got 3",
        ),
        ("Conv2D", {"filters": 3, "kernel_size": 2, "groups": 0}, "Conv2D: groups: .* got 0"),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": (2, 0)},
            r"Conv2D: kernel_size: .* 2 of them; got \(2, 0\)",
        ),
        ("Conv2D", {"filters": 3, "kernel_size": (2, 2, 2)}, "Conv2D: kernel_size"),
        ("Conv2D", {"filters": 3, "kernel_size": 2, "strides": 0}, "Conv2D: strides: .* got 0"),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 2, "padding": "sane"},
            "padding: .* got 'sane'. Did you mean 'same'",
        ),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 2, "padding": "causal"},
            "padding: .* got 'causal'",
        ),
        (
            "Conv1DTranspose",
            {"filters": 3, "kernel_size": 2, "padding": "causal"},
            "padding: .* got 'causal'",
        ),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 2, "data_format": "channel_first"},
            "Did you mean 'channels_first'",
        ),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 2, "strides": 2, "dilation_rate": 2},
            "strides, dilation_rate",
        ),
        ("Conv2D", {"filters": 3, "kernel_size": 2, "activation": "rellu"}, "Did you mean 'relu'"),
        (
            "Conv2D",
            {"filters": 3, "kernel_size": 2, "kernel_initialiser": "zeros"},
            "Did you mean 'kernel_initializer'",
        ),
        (
            "Conv2DTranspose",
            {"filters": 3, "kernel_size": 2, "strides": 2, "output_padding": 2},
            "output_padding: expected less",
        ),
        (
            "DepthwiseConv2D",
            {"kernel_size": 2, "depth_multiplier": 0},
            "depth_multiplier: .* got 0",
        ),
        (
            "SeparableConv1D",
            {"filters": -1, "kernel_size": 2},
            "SeparableConv1D: filters: .* got -1",
        ),
    ],
)
def test_wrong_arguments(cls, kwargs, text):
    with pytest.raises((ValueError, TypeError), match=text):
        getattr(layers, cls)(**kwargs)


@pytest.mark.parametrize(
    ("cls", "kwargs", "shape", "text"),
    [
        (
            "Conv2D",
            {"filters": 3},
            (5, 28, 28),
            r"\(batch, height, width, channels\); got shape .*expand_dims",
        ),
        (
            "Conv2D",
            {"filters": 3, **FIRST},
            (5, 28, 28),
            r"\(batch, channels, height, width\); got shape",
        ),
        ("Conv1D", {"filters": 3}, (5, 28), r"\(batch, steps, channels\)"),
        ("Conv2D", {"filters": 3}, (5, 28, 28, 3, 1), "expected 4 dimensions"),
        (
            "Conv2D",
            {"filters": 3},
            (5, 3, 2, 3),
            r"kernel_size: \(3, 3\) is larger than an input of shape",
        ),
        (
            "Conv1D",
            {"filters": 3, "dilation_rate": 3},
            (5, 6, 3),
            r"kernel_size: \(3,\) with dilation_rate",
        ),
        (
            "Conv2D",
            {"filters": 4, "groups": 2},
            (5, 8, 8, 3),
            "groups: expected a divisor of the input's 3 channels",
        ),
        ("DepthwiseConv2D", {}, (5, 2, 8, 3), "kernel_size: .* is larger"),
        ("SeparableConv1D", {"filters": 3}, (5, 2, 3), "kernel_size: .* is larger"),
    ],
)
def test_wrong_inputs(cls, kwargs, shape, text):
    layer = getattr(layers, cls)(kernel_size=3, **kwargs)
    with pytest.raises(polynet.errors.ShapeError, match=f"{cls} '{layer.name}': .*{text}"):
        layer(ops.ones(shape))
    with pytest.raises(polynet.errors.ShapeError, match=f"{cls} '{layer.name}': .*{text}"):
        layer(polynet.Input(batch_shape=(None, *shape[1:])))
    assert not layer.built and not layer.weights


def test_unknown_channels():
    with pytest.raises(polynet.errors.ShapeError, match="length of the channel axis must be known"):
        layers.Conv2D(3, 3)(polynet.Input((8, 8, None)))


def test_other_channels_after_the_first_call():
    layer = layers.Conv2D(3, 3)
    layer(ops.ones((1, 5, 5, 2)))
    with pytest.raises(polynet.errors.ShapeError, match="expected length 2 along axis -1"):
        layer(ops.ones((1, 5, 5, 3)))
    with pytest.raises(polynet.errors.ShapeError, match=f"Conv2D '{layer.name}': .*too small"):
        layer(ops.ones((1, 2, 5, 2)))


def test_causal_looks_back_only():
    layer = layers.Conv1D(3, 4, padding="causal", dilation_rate=2)
    x = np.random.default_rng(0).normal(size=(1, 12, 2)).astype("float32")
    y = host(layer(x))
    x[:, 8:] = 0
    np.testing.assert_array_equal(host(layer(x))[:, :8], y[:, :8])
