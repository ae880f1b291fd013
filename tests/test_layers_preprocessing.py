"""Rescaling, Normalization and images of one size, beside Keras's numbers; `adapt` on every kind of data."""

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
IMAGES = (2, 6, 8, 3)

ROWS = [
    Row("Rescaling", (2, 3), {"scale": 1 / 127.5, "offset": -1.0}),
    Row("Rescaling", IMAGES, {"scale": [0.5, 1.0, 2.0], "offset": [0.0, 1.0, -1.0]}, open=(1, 2)),
    Row("Rescaling", (2, 3), {"scale": 0.5}, integers=9, gradient=False),
    Row("Normalization", (4, 3)),
    Row("Normalization", (4, 3), {"mean": [1.0, 2.0, 3.0], "variance": [4.0, 1.0, 0.25]}),
    Row("Normalization", (4, 3), {"axis": None, "mean": 2.0, "variance": 4.0}),
    Row("Normalization", (4, 3), {"mean": 2.0, "variance": 4.0, "invert": True}),
    Row("Normalization", IMAGES, {"axis": (-1, 1)}, open=(2,)),
    Row("Normalization", IMAGES, {"axis": 2, "invert": True}, open=(1,)),
    Row("Normalization", (4, 3), integers=9, gradient=False, note="integers"),
    Row("Resizing", IMAGES, {"height": 4, "width": 5}, open=(1, 2)),
    Row("Resizing", (2, 3, 6, 8), {"height": 9, "width": 4, "interpolation": "nearest", **FIRST}),
    Row("Resizing", IMAGES, {"height": 4, "width": 4, "crop_to_aspect_ratio": True}),
    Row(
        "Resizing",
        IMAGES,
        {"height": 4, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 2.0},
    ),
    Row(
        "Resizing", IMAGES, {"height": 3, "width": 4, "antialias": True, "interpolation": "bicubic"}
    ),
    Row("CenterCrop", IMAGES, {"height": 3, "width": 4}),
    Row("CenterCrop", (2, 3, 6, 8), {"height": 4, "width": 5, **FIRST}),
    Row("CenterCrop", IMAGES, {"height": 8, "width": 4}),
]


@pytest.mark.parametrize("row", parameters(ROWS))
class TestRows:
    def test_values(self, row):
        check_values(row, "preprocessing")

    def test_symbolic(self, row):
        check_symbolic(row, "preprocessing")

    def test_half(self, row):
        check_half(row, "preprocessing")

    def test_config(self, row):
        check_config(row)


@pytest.mark.parametrize("row", parameters([row for row in ROWS if row.gradient]))
def test_gradient(row):
    check_gradient(row)


def _data():
    return np.random.default_rng(0).normal(50.0, 3.0, (100, 4, 3)).astype("float32")


class _Sequence:
    """Batches by number, as a `PyDataset` has them."""

    def __len__(self):
        return 3

    def __getitem__(self, number):
        if number >= 3:
            raise IndexError
        return np.array_split(_data(), [10, 73])[number], np.zeros(1)


SOURCES = {
    "array": lambda x: x,
    "tensor": ops.convert_to_tensor,
    "list": lambda x: np.array_split(x, [1, 7, 50]),
    "generator": lambda x: (part for part in np.array_split(x, 9)),
    "pairs": lambda x: [(part, np.zeros(1)) for part in np.array_split(x, 5)],
    "numbered": lambda x: _Sequence(),
    "tensors": lambda x: [ops.convert_to_tensor(part) for part in np.array_split(x, 3)],
    "empty batches": lambda x: [x[:0], x],
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("axis", [-1, None, (1, 2)])
def test_adapt(source, axis):
    x = _data()
    layer = layers.Normalization(axis=axis)
    layer.adapt(SOURCES[source](x))
    kept = () if axis is None else (axis % 3,) if axis == -1 else axis
    over = tuple(i for i in range(3) if i not in kept)
    wide = x.astype("float64")
    mean, variance = wide.mean(over, keepdims=True), wide.var(over, keepdims=True)
    np.testing.assert_allclose(
        layer.adapt_mean.numpy(), mean.reshape(layer.adapt_mean.shape), rtol=1e-6
    )
    np.testing.assert_allclose(
        layer.adapt_variance.numpy(), variance.reshape(layer.adapt_mean.shape), rtol=1e-5
    )
    expected = (wide - mean) / np.sqrt(variance)
    np.testing.assert_allclose(host(layer(x)), expected, atol=1e-4)
    layer.invert = True
    np.testing.assert_allclose(host(layer(expected.astype("float32"))), wide, rtol=1e-5)


def test_adapt_anew():
    layer = layers.Normalization()
    layer.adapt(np.full((4, 1), 7.0))
    layer.adapt(np.array([[1.0], [3.0]]))
    assert host(layer(np.array([[1.0], [3.0]]))).tolist() == [[-1.0], [1.0]]
    again = layers.Normalization()
    again.build((None, 1))
    again.set_weights(layer.get_weights())
    assert host(again(np.array([[1.0]]))).tolist() == [[-1.0]]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ([], "adapt: data: expected data; got none"),
        ("text", "adapt: data: expected an array or an iterable"),
        ({"a": 1}, "adapt: data: expected an array or an iterable"),
        ([1.0, 2.0], "adapt: data: expected batches that are arrays; got float"),
        ([np.ones((2, 3)), np.ones((2, 4))], "data: expected 2 dimensions and the lengths"),
    ],
)
def test_adapt_wrong_data(data, text):
    with pytest.raises((TypeError, ValueError), match=f"Normalization 'normalization.*': .*{text}"):
        layers.Normalization().adapt(data)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: layers.Normalization(mean=1.0),
            "variance: expected mean and variance, or neither",
        ),
        (
            lambda: layers.Normalization(mean=[1.0], variance=1.0),
            "variance: expected the shape of mean",
        ),
        (
            lambda: layers.Normalization(mean=[[1.0]], variance=[[1.0]]),
            "mean: expected at most 1 dim",
        ),
        (lambda: layers.Normalization(axis="last"), "axis: expected an integer"),
        (
            lambda: layers.Normalization(mean=0.0, variance=1.0).adapt(np.ones((2, 2))),
            "adapt: the layer was made",
        ),
        (
            lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0])(ops.ones((2, 3))),
            "mean: expected a shape",
        ),
        (
            lambda: layers.Normalization(axis=2)(ops.ones((2, 3))),
            "axis: expected an integer from -2 to 1",
        ),
        (lambda: layers.Rescaling("half"), "Rescaling: scale: expected a number"),
        (lambda: layers.Resizing(0, 2), "Resizing: height: .* got 0"),
        (
            lambda: layers.Resizing(2, 2, "cubic"),
            "Resizing: interpolation: .* Did you mean 'bicubic'",
        ),
        (
            lambda: layers.Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
            "one of them at most",
        ),
        (
            lambda: layers.CenterCrop(2, 2)(ops.ones((2, 3))),
            "CenterCrop 'center_crop.*': input: expected an image",
        ),
    ],
)
def test_wrong(make, text):
    with pytest.raises((TypeError, ValueError), match=text):
        make()


def test_images_of_integers():
    x = np.arange(48).reshape(1, 4, 4, 3).astype("uint8")
    y = layers.Resizing(2, 2)(x)
    assert polynet.backend.standardize_dtype(y.dtype) == "uint8"
    assert layers.CenterCrop(2, 2)(x[0]).shape == (2, 2, 3)
    assert polynet.backend.standardize_dtype(layers.CenterCrop(2, 2)(x).dtype) == "float32"
