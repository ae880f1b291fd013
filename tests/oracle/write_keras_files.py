"""Writes tests/data/keras: small files by Keras 3.15, with inputs and what Keras computes of them.

``KERAS_BACKEND=torch python tests/oracle/write_keras_files.py``; tests/test_keras_files.py reads them.
"""

import os
import shutil
import warnings
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from keras import layers as L
from keras import ops

FOLDER = Path(__file__).parent.parent / "data" / "keras"


def stack():
    """A stack that was trained: statistics, a regularizer, and the state of Adam."""
    model = keras.Sequential(
        [
            L.Input((6,)),
            L.Dense(8, activation="relu", kernel_regularizer="l2"),
            L.BatchNormalization(),
            L.Dropout(0.4),
            L.Dense(3, activation="softmax", kernel_constraint="max_norm"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", keras.metrics.AUC(name="area")],
    )
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(16, 6)), np.eye(3)[rng.integers(0, 3, 16)]
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    return model


def averages():
    """A schedule, averages of the weights, and a scale of the loss."""
    model = keras.Sequential([L.Input((3,)), L.Dense(2, use_bias=False)])
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    inner = keras.optimizers.SGD(rate, momentum=0.9, use_ema=True)
    model.compile(keras.optimizers.LossScaleOptimizer(inner), "mse", metrics=["mae"])
    rng = np.random.default_rng(2)
    model.fit(rng.normal(size=(8, 3)), rng.normal(size=(8, 2)), batch_size=4, verbose=0)
    return model


def graph():
    """Several inputs and outputs, a shared layer, models within, and ops."""
    a, b = L.Input((6,), name="a"), L.Input((6,), name="b")
    shared = L.Dense(5, activation="tanh", name="shared")
    inner_input = L.Input((5,))
    inner = keras.Model(inner_input, L.Dense(4)(L.Dense(3)(inner_input)))
    other = keras.Sequential([L.Dense(4), L.LayerNormalization()])
    one, two = shared(a), shared(b)
    joined = ops.concatenate([one, two * 2.0], axis=-1)
    both = inner(one) + inner(two)
    return keras.Model(
        {"a": a, "b": b},
        {
            "head": L.Dense(3)(joined),
            "part": one[:, :2],
            "both": both,
            "other": other(two),
            "again": inner(joined[..., 1:6]),
            "list": [ops.softmax(both), ops.max(one, axis=1, keepdims=True)],
        },
    )


def series():
    """Recurrent layers, and those around them."""
    x = L.Input((4, 6))
    y = L.Bidirectional(L.LSTM(3, return_sequences=True, dropout=0.1))(x)
    y = L.GRU(3, return_sequences=True, reset_after=False, go_backwards=True)(y)
    y = L.TimeDistributed(L.Dense(4))(y)
    y = L.Conv1D(4, 2, padding="causal")(y)
    y = L.SimpleRNN(3, return_sequences=True)(L.Masking()(y))
    return keras.Model(x, L.RNN([L.LSTMCell(3), L.GRUCell(2)])(y))


def pictures():
    """Convolutions, pooling and normalization."""
    x = L.Input((8, 8, 4))
    y = L.Conv2D(4, 3, strides=2, padding="same", groups=2, activation="relu")(x)
    y = L.GroupNormalization(2)(y)
    y = L.SeparableConv2D(4, 2)(L.ZeroPadding2D(1)(y))
    y = L.PReLU(shared_axes=[1, 2])(y)
    y = L.DepthwiseConv2D(2, depth_multiplier=2)(L.UpSampling2D(2)(y))
    y = L.BatchNormalization()(L.Conv2DTranspose(3, 2, strides=2)(L.MaxPooling2D(2)(y)))
    y = L.SpectralNormalization(L.Conv2D(2, 1))(L.SpatialDropout2D(0.2)(y))
    z = L.Reshape((8, 2, 4, 4))(x)
    z = L.Conv3D(2, 2, padding="same")(L.AveragePooling3D(2, padding="same")(z))
    return keras.Model(x, [L.GlobalAveragePooling2D()(y), L.RMSNormalization()(L.Flatten()(z))])


def tokens():
    """Embeddings and attention."""
    x = L.Input((5,), dtype="int32")
    y = L.Embedding(11, 8, mask_zero=True)(x)
    y = L.LayerNormalization()(y + L.MultiHeadAttention(2, 4, dropout=0.1)(y, y))
    y = L.Add()([y, L.GroupQueryAttention(4, 4, 2)(y, y)])
    y = L.Concatenate()([y, L.Attention(use_scale=True)([y, y])])
    y = L.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")(y)
    return keras.Model(x, L.Activation("gelu")(L.GlobalAveragePooling1D()(y)))


def numbers():
    """Preprocessing with a state, and with a state that was given."""
    x = L.Input((3,))
    learned = L.Normalization()
    learned.adapt(np.random.default_rng(3).normal(2.0, 3.0, size=(20, 3)))
    given = L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 5.0, 6.0])
    y = L.Concatenate()([learned(x), given(x), L.Rescaling(0.5, 1.0)(x)])
    return keras.Model(x, L.LeakyReLU(0.2)(y))


def deferred():
    """A stack without an Input, built by its first call."""
    model = keras.Sequential([L.Dense(4, activation="swish"), L.Dense(2)])
    model(np.zeros((1, 3), "float32"))
    return model


def half():
    """Weights in bfloat16."""
    return keras.Sequential([L.Input((3,)), L.Dense(4, dtype="bfloat16"), L.Dense(2)])


@keras.saving.register_keras_serializable("tests")
class Tower(keras.Model):
    """A model with a call of its own, layers in lists and dicts, and a bare variable."""

    def __init__(self, width=4, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.blocks = [L.Dense(width, activation="relu"), L.BatchNormalization(), L.Dense(width)]
        self.heads = {"b": L.Dense(1), "a": [L.Dense(2), [L.Dense(3)]]}
        self._last = L.Dense(1)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        x = self.heads["a"][1][0](self.heads["a"][0](self.heads["b"](x * self.scale)))
        return self._last(x)

    def get_config(self):
        return {"width": self.width, **super().get_config()}


def tower():
    model = Tower(4)
    model(np.zeros((2, 6), "float32"))
    return model


MODELS = (stack, averages, graph, series, pictures, tokens, numbers, deferred, half, tower)


def inputs_of(model, rng):
    """Values for the inputs of a model, by name."""
    symbolic = getattr(model, "inputs", None) or [keras.KerasTensor((None, 6), name="x")]
    found = {}
    for number, tensor in enumerate(symbolic):
        shape = (3, *tensor.shape[1:])
        integers = keras.backend.is_int_dtype(tensor.dtype)
        value = rng.integers(0, 9, shape) if integers else rng.normal(size=shape)
        found[f"x{number}"] = value.astype("int32" if integers else "float32")
    return found


def main():
    warnings.simplefilter("ignore")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    known = {}
    for make in MODELS:
        keras.utils.clear_session()
        keras.utils.set_random_seed(5)
        model, name = make(), make.__name__
        rng = np.random.default_rng(4)
        for weight in model.weights:
            if "moving" not in weight.name and keras.backend.is_float_dtype(weight.dtype):
                if name not in ("stack", "averages", "numbers"):
                    weight.assign(rng.normal(0.0, 0.5, weight.shape))
        x = inputs_of(model, rng)
        given = list(x.values()) if len(x) > 1 else x["x0"]
        if name == "graph":
            given = dict(zip("ab", given, strict=True))
        y = keras.tree.flatten(model(given, training=False))
        model.save(FOLDER / f"{name}.keras")
        if name in ("graph", "tower", "stack", "half"):
            model.save_weights(FOLDER / f"{name}.weights.h5")
        known |= {f"{name}/{key}": value for key, value in x.items()}
        for number, value in enumerate(y):
            known[f"{name}/y{number}"] = np.asarray(keras.ops.convert_to_numpy(value), "float32")
        if model.compiled:
            for number, variable in enumerate(model.optimizer.variables):
                known[f"{name}/o{number}"] = np.asarray(keras.ops.convert_to_numpy(variable.value))
    np.savez_compressed(FOLDER / "expected.npz", **known)
    sizes = {path.name: path.stat().st_size for path in sorted(FOLDER.iterdir())}
    print(sizes, sum(sizes.values()))


if __name__ == "__main__":
    main()
