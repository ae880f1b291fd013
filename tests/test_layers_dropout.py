"""Layers that disturb what passes through: statistics, seeds, dtypes, nothing outside of training."""

import numpy as np
import pytest

import polynet
from polynet import layers, ops
from polynet.conformance.layers.dropout import RANDOM
from polynet.conformance.stored import host


def made(cls, kwargs, seed=3):
    return getattr(layers, cls)(**kwargs, seed=seed)


@pytest.mark.parametrize(("cls", "kwargs", "shape"), RANDOM)
def test_training_draws_once_a_call(cls, kwargs, shape):
    layer, again = made(cls, kwargs), made(cls, kwargs)
    x = ops.ones(shape)
    before = layer.seed_generator.state.numpy().tolist()
    assert layer(x) is x or (host(layer(x)) == host(x)).all()
    assert layer.seed_generator.state.numpy().tolist() == before
    first, second = host(layer(x, training=True)), host(layer(x, training=True))
    assert not (first == second).all()
    np.testing.assert_array_equal(first, host(again(x, training=True)))
    np.testing.assert_array_equal(second, host(again(x, training=True)))
    assert layer.seed_generator.state in layer.variables
    assert not layer.weights and not layer.trainable_variables


@pytest.mark.parametrize(("cls", "kwargs", "shape"), RANDOM)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_dtypes(cls, kwargs, shape, policy):
    if policy == "float64" and polynet.plugins.current().name == "jax":
        import os

        if os.environ.get("JAX_ENABLE_X64") != "1":
            pytest.skip("needs float64: JAX_ENABLE_X64=1")
    layer = getattr(layers, cls)(**kwargs, seed=1, dtype=policy)
    y = layer(ops.ones(shape, dtype="float32"), training=True)
    assert polynet.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    symbol = layer(polynet.Input(batch_shape=shape), training=True)
    assert (symbol.shape, symbol.dtype) == (shape, layer.compute_dtype)


def test_shares_and_moments():
    x = np.asarray(host(polynet.random.normal((200, 500), seed=0)))
    y = host(layers.Dropout(0.3, seed=1)(x, training=True))
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(y[y != 0], x[y != 0] / 0.7, rtol=1e-6)
    y = host(layers.AlphaDropout(0.3, seed=1)(x, training=True))
    assert y.mean() == pytest.approx(0, abs=0.02) and y.std() == pytest.approx(1, abs=0.02)
    y = host(layers.GaussianDropout(0.2, seed=1)(np.ones((200, 500), "float32"), training=True))
    assert y.mean() == pytest.approx(1, abs=0.01) and y.std() == pytest.approx(0.5, abs=0.01)
    y = host(layers.GaussianNoise(0.2, seed=1)(np.ones((200, 500), "float32"), training=True))
    assert y.mean() == pytest.approx(1, abs=0.01) and y.std() == pytest.approx(0.2, abs=0.01)


def test_whole_maps():
    y = host(layers.SpatialDropout2D(0.5, seed=1)(np.ones((8, 3, 4, 6), "float32"), training=True))
    assert ((y == y[:, :1, :1]).all()) and 0.2 < (y == 0).mean() < 0.8
    y = host(
        layers.SpatialDropout3D(0.5, data_format="channels_first", seed=1)(
            np.ones((8, 6, 2, 3, 4), "float32"), training=True
        )
    )
    assert (y == y[:, :, :1, :1, :1]).all() and 0.2 < (y == 0).mean() < 0.8
    y = host(
        layers.Dropout(0.5, (None, 1, None), seed=1)(np.ones((8, 3, 6), "float32"), training=True)
    )
    assert (y == y[:, :1]).all() and 0.2 < (y == 0).mean() < 0.8


def test_gradient_flows():
    layer = layers.Dropout(0.5, seed=7)
    x = polynet.Variable(np.ones((4, 6), "float32"))
    y = host(made("Dropout", {"rate": 0.5}, 7)(x.value, training=True))
    _, (g,) = polynet.value_and_grad(
        lambda: ops.sum(layer(x.value, training=True)), variables=[x]
    )()
    np.testing.assert_allclose(host(g), y)


def test_activity_regularization():
    layer = layers.ActivityRegularization(l1=0.1, l2=0.01)
    layer(np.array([[1.0, -2.0]], "float32"))
    assert [float(loss) for loss in layer.losses] == [pytest.approx(0.3 + 0.05)]
