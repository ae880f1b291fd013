"""Normalizations: what is learnt, in which precision, and spectra; the rest is in polynet/conformance/layers."""

import numpy as np
import pytest

import polynet
from polynet import layers, ops
from polynet.conformance.stored import host


def test_a_layer_in_half_precision_keeps_its_statistics_in_float32():
    layer = layers.BatchNormalization(dtype="mixed_float16")
    x = np.full((64, 1), 300.0, "float32")
    x[::2] = -300
    y = layer(x, training=True)
    assert polynet.backend.standardize_dtype(y.dtype) == "float16"
    assert [weight.dtype for weight in layer.weights] == ["float32"] * 4
    np.testing.assert_allclose(layer.moving_variance.numpy(), [0.99 + 900], rtol=1e-5)
    np.testing.assert_allclose(np.abs(host(y)), 1.0, rtol=1e-3)


def test_batch_normalization_learns_the_statistics():
    layer = layers.BatchNormalization(momentum=0.9)
    rng = np.random.default_rng(0)
    for _ in range(200):
        layer(rng.normal(3.0, 2.0, (256, 2)).astype("float32"), training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), [3.0, 3.0], atol=0.1)
    np.testing.assert_allclose(layer.moving_variance.numpy(), [4.0, 4.0], atol=0.2)
    y = host(layer(rng.normal(3.0, 2.0, (4096, 2)).astype("float32")))
    assert abs(y.mean()) < 0.05 and abs(y.std() - 1) < 0.05


def test_statistics_do_not_change_in_inference_or_without_training():
    layer = layers.BatchNormalization()
    layer(ops.ones((4, 2)) * 5.0)
    layer.trainable = False
    layer(ops.ones((4, 2)) * 5.0, training=True)
    assert layer.moving_mean.numpy().tolist() == [0.0, 0.0]
    assert [weight.name for weight in layer.non_trainable_weights][-2:] == [
        "moving_mean",
        "moving_variance",
    ]


def test_spectral_normalization_reaches_one():
    layer = layers.SpectralNormalization(layers.Dense(5), power_iterations=20)
    x = ops.ones((1, 7))
    for _ in range(5):
        layer(x, training=True)
    assert np.linalg.norm(layer.layer.kernel.numpy(), 2) == pytest.approx(1.0, abs=1e-3)
    before = layer.layer.kernel.numpy()
    layer(x)
    np.testing.assert_array_equal(layer.layer.kernel.numpy(), before)


def test_the_gradient_passes_spectral_normalization():
    """Beside finite differences of the kernel divided by its largest singular value, in NumPy."""
    layer = layers.SpectralNormalization(layers.Dense(3), power_iterations=60)
    x = np.sin(np.arange(20.0)).reshape(5, 4).astype("float32")
    layer(x)
    kernel = layer.layer.kernel
    start = kernel.numpy().astype("float64")
    _, (g,) = polynet.value_and_grad(
        lambda: ops.sum(layer(x, training=True)[:, 0]), variables=[kernel]
    )()
    found = np.zeros_like(start)
    for place in np.ndindex(start.shape):
        step = np.zeros_like(start)
        step[place] = 1e-6
        up, down = start + step, start - step
        difference = up / np.linalg.norm(up, 2) - down / np.linalg.norm(down, 2)
        found[place] = (x @ difference)[:, 0].sum() / 2e-6
    np.testing.assert_allclose(host(g), found, rtol=1e-3, atol=1e-4)


def test_spectral_normalization_leaves_zeros_alone():
    layer = layers.SpectralNormalization(layers.Dense(3, kernel_initializer="zeros"))
    assert host(layer(ops.ones((2, 4)), training=True)).tolist() == [[0.0] * 3] * 2
    assert np.isfinite(layer.vector_u.numpy()).all()


def test_layer_normalization_of_other_ranks():
    layer = layers.LayerNormalization()
    layer(ops.ones((2, 3, 4)))
    assert layer(ops.ones((2, 4))).shape == (2, 4)
