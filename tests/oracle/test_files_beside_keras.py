"""Files between Keras and polynet: each layer's row goes there and back, and whole programs do.

What Keras writes is read here, what is written here is read by Keras, and each predicts what the other does.
"""

from pathlib import Path

import keras
import numpy as np
import pytest

import polynet
from polynet.conformance import layers
from polynet.conformance.layers.row import Row, weight_values

pytestmark = pytest.mark.filterwarnings("ignore")

NOT_BY_KERAS = {"Softmax-(2,3,4)-axis=(1,2)"}
"""What Keras cannot read of itself either: a softmax over several axes."""


def rows():
    """Rows whose layer is called with tensors alone; others have arrays in the graph, which Keras cannot write."""
    for family in layers.FAMILIES:
        for row in layers.table(family).ROWS:
            if isinstance(row, Row) and not any(
                isinstance(value, np.ndarray | list) for value in row.call.values()
            ):
                yield row


def host(outputs):
    return [np.asarray(keras.ops.convert_to_numpy(y)) for y in keras.tree.flatten(outputs)]


def ours(outputs):
    return [np.asarray(polynet.ops.convert_to_numpy(y)) for y in polynet.tree.flatten(outputs)]


def assert_close(one, other):
    for a, b in zip(one, other, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in rows()])
def test_layers(row, tmp_path):
    keras.utils.clear_session()
    layer = row.make(keras)
    dtype = "int32" if row.integers else "float32"
    inputs = [keras.Input(shape[1:], dtype=dtype) for shape in row.shapes()]
    args, kwargs = row.arguments(inputs)
    theirs = keras.Model(inputs if len(inputs) > 1 else inputs[0], layer(*args, **kwargs))
    layer.set_weights(weight_values(layer))
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
    x = row.arrays()
    x = x if len(x) > 1 else x[0]
    expected = host(theirs(x, training=False))
    theirs.save(tmp_path / "theirs.keras")
    model = polynet.load_model(tmp_path / "theirs.keras")
    assert_close(ours(model(x, training=False)), expected)
    if row.id in NOT_BY_KERAS:
        with pytest.raises(TypeError, match="TrackedList"):
            keras.models.load_model(tmp_path / "theirs.keras")(x)
        return
    model.save(tmp_path / "ours.keras")
    assert_close(
        host(keras.models.load_model(tmp_path / "ours.keras")(x, training=False)), expected
    )
    model.save_weights(tmp_path / "ours.weights.h5")
    for weight in theirs.weights:
        weight.assign(keras.ops.zeros_like(weight))
    theirs.load_weights(tmp_path / "ours.weights.h5")
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
    assert_close(host(theirs(x, training=False)), expected)


def test_of_a_program_of_polynet(tmp_path):
    """Trained here, opened there, with the optimizer's state."""
    a, b = polynet.Input((6,), name="a"), polynet.Input((6,), name="b")
    shared = polynet.layers.Dense(5, activation="tanh", name="shared")
    inner = polynet.Sequential([polynet.layers.Dense(4), polynet.layers.LayerNormalization()])
    one, two = shared(a), shared(b)
    joined = polynet.ops.concatenate([one, two * 2.0, inner(one)], axis=-1)
    parts = polynet.ops.split(joined, 2, axis=1)
    model = polynet.Model({"a": a, "b": b}, polynet.layers.Dense(3)(parts[0] + parts[1][:, ::-1]))
    rate = polynet.optimizers.schedules.CosineDecay(0.1, 10)
    model.compile(
        polynet.optimizers.AdamW(rate, use_ema=True),
        polynet.losses.Huber(delta=0.5),
        metrics=["mae", polynet.metrics.RootMeanSquaredError(name="root")],
    )
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(8, 6)).astype("float32") for name in "ab"}
    y = rng.normal(size=(8, 3)).astype("float32")
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    assert_close(host(theirs(x, training=False)), ours(model(x, training=False)))
    assert len(theirs.optimizer.variables) == len(model.optimizer.variables)
    for here, there in zip(model.optimizer.variables, theirs.optimizer.variables, strict=True):
        assert np.array_equal(here.numpy(), keras.ops.convert_to_numpy(there.value)), here.path
    assert type(theirs.loss).__name__ == "Huber"
    assert theirs.loss._fn_kwargs["delta"] == 0.5
    assert theirs.optimizer.get_config()["learning_rate"]["class_name"] == "CosineDecay"


@pytest.mark.parametrize("name", ["graph", "series", "pictures", "tokens", "stack", "averages"])
def test_of_the_stored_files(name, tmp_path):
    folder = Path(__file__).parent.parent / "data" / "keras"
    expected = np.load(folder / "expected.npz")
    x = [expected[key] for key in expected if key.startswith(f"{name}/x")]
    x = dict(zip("ab", x, strict=True)) if name == "graph" else x[0]
    polynet.load_model(folder / f"{name}.keras").save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    wanted = [expected[key] for key in expected if key.startswith(f"{name}/y")]
    assert_close(host(theirs(x, training=False)), wanted)
    state = [expected[key] for key in expected if key.startswith(f"{name}/o")]
    for variable, value in zip(theirs.optimizer.variables if state else (), state, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(variable.value), value)


def ops_of(library, x):
    ops = library.ops
    return [
        ops.reshape(ops.transpose(x, (0, 2, 1)), (-1, 8)),
        ops.einsum("abc,abd->acd", x, x),
        ops.clip(ops.exp(-abs(x)) / 2 + x**2 - 1, 0.1, 2.0),
        ops.logsumexp(x, axis=1, keepdims=True),
        *ops.split(x, 2, axis=1),
        ops.where(x > 0, x, 0.0),
        ops.pad(x, [[0, 0], [1, 0], [0, 2]], constant_values=3.0),
        ops.cast(ops.argmax(x, axis=-1), "float32"),
        ops.one_hot(ops.argmax(x, axis=-1), 5),
        ops.layer_normalization(x, axis=-1),
        ops.take(x, [1, 0], axis=2),
        *ops.moments(x, axes=[1]),
        ops.repeat(ops.expand_dims(x[..., 0], 1), 3, axis=1),
        ops.gelu(x, approximate=False),
        ops.max(x, axis=1),
        ops.average_pool(x, 2, strides=1),
    ]


@pytest.mark.parametrize("source", ["keras", "polynet"])
def test_ops(source, tmp_path):
    library, other = (keras, polynet) if source == "keras" else (polynet, keras)
    x = library.Input((4, 2))
    model = library.Model(x, ops_of(library, x))
    model.save(tmp_path / "m.keras")
    data = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    made = other.models.load_model(tmp_path / "m.keras")
    first, second = (host, ours) if source == "keras" else (ours, host)
    for one, two in zip(first(model(data)), second(made(data)), strict=True):
        assert one.shape == two.shape
        np.testing.assert_allclose(one, two, atol=1e-5, rtol=1e-5)


@keras.saving.register_keras_serializable("tests")
class Theirs(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.inner = keras.layers.Dense(units)

    def call(self, x):
        return self.inner(x) * 2.0

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def ours_of_the_same_name():
    """Weights are found by the names of classes."""

    class Theirs(polynet.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.inner = polynet.layers.Dense(units)

        def call(self, x):
            return self.inner(x) * 2.0

    return Theirs


def test_classes_of_the_caller(tmp_path):
    model = keras.Sequential([keras.Input((3,)), Theirs(2), keras.layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    x = np.ones((2, 3), "float32")
    with pytest.raises(polynet.errors.FileError, match="unknown class 'tests>Theirs'"):
        polynet.load_model(tmp_path / "m.keras")
    with polynet.saving.custom_object_scope({"tests>Theirs": ours_of_the_same_name()}):
        made = polynet.load_model(tmp_path / "m.keras")
        made.save(tmp_path / "back.keras")
    assert_close(ours(made(x)), host(model(x)))
    again = keras.models.load_model(tmp_path / "back.keras", custom_objects={"Theirs": Theirs})
    assert_close(host(again(x)), host(model(x)))


def test_functions_of_keras_are_no_code(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(
        polynet.errors.FileError, match=r"given as code \(__lambda__\), which is never"
    ):
        polynet.load_model(tmp_path / "m.keras")
