"""The same program with the same seed: the same first weights, dropout and loss curve on every backend."""

import numpy as np
import pytest

import polynet
from polynet import layers

BACKENDS = ("numpy", "torch", "jax")


def mlp():
    return [polynet.Input((12,)), layers.Dense(24, "relu"), layers.Dropout(0.3), layers.Dense(4)]


def cnn():
    return [
        polynet.Input((10, 10, 1)),
        layers.Conv2D(4, 3, activation="relu", padding="same"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
        layers.SpatialDropout2D(0.2),
        layers.Flatten(),
        layers.Dense(4),
    ]


def lstm():
    return [polynet.Input((7, 5)), layers.LSTM(8, dropout=0.1), layers.Dense(4)]


def transformer():
    x = polynet.Input((6,), dtype="int32")
    h = layers.Embedding(11, 8)(x)
    h = h + layers.MultiHeadAttention(2, 4, dropout=0.1)(h, h)
    h = layers.LayerNormalization()(h)
    h = h + layers.Dense(8)(layers.Dense(16, activation="gelu")(h))
    return polynet.Model(x, layers.Dense(4)(layers.GlobalAveragePooling1D()(h)))


def data(model):
    rng = np.random.default_rng(0)
    shape = (100, *model.input_shape[1:])
    whole = model.inputs[0].dtype == "int32"
    x = rng.integers(0, 11, shape) if whole else rng.normal(size=shape).astype("float32")
    return x, rng.integers(0, 4, 100)


def run(make, backend):
    """First weights, and the loss of each of 100 steps."""
    with polynet.use_backend(backend):
        polynet.backend.clear_session()
        polynet.utils.set_random_seed(5)
        made = make()
        model = polynet.Sequential(made) if isinstance(made, list) else made
        first = model.get_weights()
        model.compile("adam", polynet.losses.SparseCategoricalCrossentropy(from_logits=True))
        losses = []

        class Keep(polynet.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                losses.append(logs["loss"])
                self.model.reset_metrics()

        model.fit(*data(model), batch_size=25, epochs=25, callbacks=[Keep()], verbose=0)
        return first, np.array(losses)


@pytest.mark.parametrize("make", [mlp, cnn, lstm, transformer])
def test_curves(make):
    found = {backend: run(make, backend) for backend in BACKENDS}
    first, curve = found["numpy"]
    assert len(curve) == 100
    assert curve[-4:].mean() < curve[:4].mean()
    for backend in BACKENDS[1:]:
        other_first, other = found[backend]
        for a, b in zip(first, other_first, strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(other, curve, atol=1e-4, err_msg=backend)


def test_dropout_drops_the_same():
    x = np.ones((64, 64), "float32")
    masks = []
    for backend in BACKENDS:
        with polynet.use_backend(backend):
            polynet.utils.set_random_seed(9)
            dropped = layers.Dropout(0.4)(x, training=True)
            masks.append(np.asarray(polynet.ops.convert_to_numpy(dropped)))
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], masks[2])
