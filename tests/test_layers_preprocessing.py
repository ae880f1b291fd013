"""`adapt` on every kind of data, images of integers; the rest is in polynet/conformance/layers."""

import numpy as np
import pytest

import polynet
from polynet import layers, ops
from polynet.conformance.stored import host


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


def test_images_of_integers():
    x = np.arange(48).reshape(1, 4, 4, 3).astype("uint8")
    y = layers.Resizing(2, 2)(x)
    assert polynet.backend.standardize_dtype(y.dtype) == "uint8"
    assert layers.CenterCrop(2, 2)(x[0]).shape == (2, 2, 3)
    assert polynet.backend.standardize_dtype(layers.CenterCrop(2, 2)(x).dtype) == "float32"
