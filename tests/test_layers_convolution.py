"""Convolutions as layers: names, regularizers, causality; the rest is in polynet/conformance/layers."""

import numpy as np
import pytest

import polynet
from polynet import layers, ops
from polynet.conformance.stored import host

FIRST = {"data_format": "channels_first"}


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
    ("cls", "kwargs", "shape", "text"),
    [
        ("Conv2D", {"filters": 3}, (5, 28, 28), r"\(batch, height, width, channels\); got shape"),
        ("Conv2D", {"filters": 3}, (5, 3, 2, 3), r"kernel_size: \(3, 3\) is larger than"),
        ("SeparableConv1D", {"filters": 3}, (5, 2, 3), "kernel_size: .* is larger"),
    ],
)
def test_wrong_inputs_build_nothing(cls, kwargs, shape, text):
    layer = getattr(layers, cls)(kernel_size=3, **kwargs)
    for wrong in (ops.ones(shape), polynet.Input(batch_shape=(None, *shape[1:]))):
        with pytest.raises(polynet.errors.ShapeError, match=f"{cls} '{layer.name}': .*{text}"):
            layer(wrong)
    assert not layer.built and not layer.weights


def test_causal_looks_back_only():
    layer = layers.Conv1D(3, 4, padding="causal", dilation_rate=2)
    x = np.random.default_rng(0).normal(size=(1, 12, 2)).astype("float32")
    y = host(layer(x))
    x[:, 8:] = 0
    np.testing.assert_array_equal(host(layer(x))[:, :8], y[:, :8])
