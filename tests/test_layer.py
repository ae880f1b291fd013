"""Layer: building, tracking, arguments passed down, dtypes, masks, losses, descriptions, errors."""

import copy
import gc
import pickle

import numpy as np
import pytest

import polynet
from polynet import layers, masking, ops


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


class SimpleDense(polynet.Layer):
    """The first layer that people write."""

    def __init__(self, units=32):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel) + self.bias


class Stack(polynet.Layer):
    """Layers in a list, in a dict, and one that is made late."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [SimpleDense(width), SimpleDense(width)]
        self.heads = {"a": layers.Dense(2), "b": layers.Dense(3)}

    def build(self, input_shape):
        self.late = layers.Dense(4)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.heads["a"](x), self.heads["b"](self.late(x))


def test_simple_dense():
    layer = SimpleDense(512)
    x = np.ones((128, 784), "float32")
    y = layer(x)
    assert tuple(y.shape) == (128, 512)
    expected = x @ layer.kernel.numpy() + layer.bias.numpy()
    np.testing.assert_allclose(numbers(y), expected, rtol=1e-4, atol=1e-5)
    assert layer.built
    assert layer.count_params() == 784 * 512 + 512
    limit = np.sqrt(6 / (784 + 512))
    assert np.abs(layer.kernel.numpy()).max() <= limit
    assert np.abs(layer.kernel.numpy()).max() > 0.9 * limit


def test_what_is_within_is_tracked_in_order():
    layer = Stack(5, name="stack")
    first, second = layer(np.ones((2, 3)))
    assert (tuple(first.shape), tuple(second.shape)) == ((2, 2), (2, 3))
    assert [weight.path for weight in layer.weights] == [
        "stack/simple_dense/kernel",
        "stack/simple_dense/bias",
        "stack/simple_dense_1/kernel",
        "stack/simple_dense_1/bias",
        "stack/dense/kernel",
        "stack/dense/bias",
        "stack/dense_1/kernel",
        "stack/dense_1/bias",
        "stack/dense_2/kernel",
        "stack/dense_2/bias",
    ] or [weight.path.split("/")[0] for weight in layer.weights] == ["stack"] * 10
    layer.blocks.append(layers.Dense(7))
    assert len(layer._layers) == 6
    del layer.blocks[-1]
    del layer.late
    assert len(layer.weights) == 8


def test_what_lists_and_dicts_hold_is_looked_up_again_when_it_changes():
    """Nothing is set on a layer here, so only the contents tell."""

    def weights():
        return [weight.path for weight in layer.weights]

    layer = Stack(5)
    layer(np.ones((2, 3)))
    before = weights()
    assert weights() == before
    gone = layer.blocks.pop()
    assert weights() == [path for path in before if path not in (gone.kernel.path, gone.bias.path)]
    layer.heads["c"] = gone
    assert len(weights()) == len(layer.trainable_variables) == len(before)
    gone.kernel.trainable = False
    assert len(layer.trainable_variables) == len(before) - 1
    layer.heads["c"] = layer.heads["a"]
    assert len(weights()) == len(before) - 2
    layer.weights.clear()
    layer.variables.clear()
    assert len(weights()) == len(layer.variables) == len(before) - 2
    assert copy.deepcopy(layer).weights[0] is not layer.weights[0]


def test_an_empty_list_may_be_filled_later():
    made, outer = layers.Dense(2), polynet.Layer()
    made.build((None, 3))
    outer.parts = [[], 3]
    assert len(outer.weights) == 0
    outer.parts[0].append(made)
    assert len(outer.weights) == 2


def test_weights_are_those_that_train_first():
    layer = polynet.Layer()
    frozen = layer.add_weight(shape=(1,), trainable=False, name="frozen")
    free = layer.add_weight(shape=(2,), name="free")
    layer.counter = polynet.Variable(0, dtype="int32", trainable=False)
    assert [id(v) for v in layer.weights] == [id(free), id(frozen), id(layer.counter)]
    assert layer.trainable_weights == [free] or [id(v) for v in layer.trainable_weights] == [
        id(free)
    ]
    layer.trainable = False
    assert layer.trainable_variables == []
    assert len(layer.non_trainable_variables) == 3
    layer.trainable = True
    assert [id(v) for v in layer.trainable_variables] == [id(free)]


def test_seed_generators_are_variables_and_not_weights():
    layer = polynet.Layer()
    layer.seeds = polynet.random.SeedGenerator(1)
    assert len(layer.variables) == 1
    assert layer.weights == []


def test_training_is_passed_down():
    seen = []

    class Inner(polynet.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    class Outer(polynet.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def call(self, x):
            return self.inner(x)

    outer = Outer()
    x = ops.ones((1,))
    outer(x)
    outer(x, training=True)
    outer(x, training=False)
    Inner()(x, True)
    assert seen == [None, True, False, True]


def test_masks_travel():
    embedding = layers.Embedding(5, 3, mask_zero=True)
    y = embedding(np.array([[1, 0, 2]]))
    assert numbers(masking.get_mask(y)).tolist() == [[True, False, True]]

    class Count(polynet.Layer):
        def call(self, x, mask=None):
            return ops.sum(ops.cast(mask, "int32"))

    assert int(Count()(layers.Dense(2)(y))) == 2
    assert int(Count()(y, mask=ops.ones((1, 3), "bool"))) == 3
    x = np.array([[[1.0, 0.0], [0.0, 0.0]]], "float32")
    masked = layers.Masking()(x)
    assert numbers(masking.get_mask(masked)).tolist() == [[True, False]]
    del y, masked
    gc.collect()
    assert not masking.any_masks()


def test_losses_of_a_call_and_of_weights():
    class Costly(polynet.Layer):
        def call(self, x):
            self.add_loss(ops.sum(x) * 0.5)
            return x

    layer = layers.Dense(
        2, kernel_initializer="ones", kernel_regularizer="l2", activity_regularizer="l1"
    )
    layer(np.ones((1, 3), "float32"))
    assert [float(loss) for loss in layer.losses] == pytest.approx([0.01 * 6, 0.01 * 6])
    costly = Costly()
    for _ in range(3):
        costly(np.ones((4,), "float32"))
        assert [float(loss) for loss in costly.losses] == [2.0]
    with pytest.raises(ValueError, match="add_loss: expected a scalar; got shape"):
        costly.add_loss(ops.ones((2,)))


def test_policies():
    layer = layers.Dense(2, dtype="mixed_float16")
    y = layer(np.ones((2, 3), "float64"))
    assert polynet.backend.standardize_dtype(y.dtype) == "float16"
    assert layer.kernel.dtype == "float32"
    assert (layer.compute_dtype, layer.variable_dtype) == ("float16", "float32")

    class Mixed(polynet.Layer):
        def __init__(self):
            super().__init__(dtype="mixed_float16")
            self.inner = layers.Dense(2, dtype="float32")

        def call(self, x):
            half = polynet.backend.standardize_dtype(x.dtype)
            return half, polynet.backend.standardize_dtype(self.inner(x).dtype)

    assert Mixed()(np.ones((1, 3), "float32")) == ("float16", "float32")
    kept = layers.Dense(2, autocast=False)
    assert kept.autocast is False


@pytest.mark.parametrize("shape", [(None, 3), (4, 3)])
def test_shapes_without_computing(shape):
    layer = Stack(5)
    assert layer.compute_output_shape(shape) == ((shape[0], 2), (shape[0], 3))
    assert not layer.built
    assert layer.weights == []
    first, second = layer(polynet.Input(batch_shape=shape))
    assert (first.shape, second.shape) == ((shape[0], 2), (shape[0], 3))
    assert layer.built


def test_functions_of_the_array_library():
    native = {
        "numpy": lambda: np,
        "torch": lambda: __import__("torch"),
        "jax": lambda: __import__("jax.numpy").numpy,
    }[polynet.config.backend()]()

    class Native(polynet.Layer):
        def call(self, x):
            return native.exp(x)[:, :2]

    layer = Native()
    assert layer(polynet.Input((5,))).shape == (None, 2)
    np.testing.assert_allclose(numbers(layer(np.zeros((3, 5), "float32"))), np.ones((3, 2)))


def test_stateless_call():
    layer = layers.Dense(2)
    layer.build((None, 3))
    x = np.ones((1, 3), "float32")
    before = layer.kernel.numpy()
    y, rest = layer.stateless_call([np.ones((3, 2), "float32"), np.ones((2,), "float32")], [], x)
    assert numbers(y).tolist() == [[4.0, 4.0]]
    assert rest == []
    np.testing.assert_array_equal(layer.kernel.numpy(), before)
    with pytest.raises(ValueError, match="expected 2 trainable_variables; got 1"):
        layer.stateless_call([before], [], x)


def test_descriptions():
    layer = SimpleDense(7)
    config = layer.get_config()
    assert config == {"name": layer.name, "trainable": True, "dtype": "float32", "units": 7}
    again = SimpleDense.from_config(config)
    assert (again.units, again.name) == (7, layer.name)
    dense = layers.Dense(3, "relu", kernel_regularizer=polynet.regularizers.L2(0.5), name="d")
    same = layers.Dense.from_config(dense.get_config())
    assert same.get_config() == dense.get_config()
    assert float(same.kernel_regularizer.l2) == 0.5
    described = layers.serialize(dense)
    assert described["class_name"] == "Dense"
    assert layers.deserialize(described).name == "d"


def test_a_described_class_must_be_known():
    described = layers.serialize(SimpleDense(2))
    with pytest.raises(
        ValueError, match=r"unknown custom 'SimpleDense'\. Hand it in by custom_objects"
    ):
        layers.deserialize(described)
    assert layers.deserialize(described, {"SimpleDense": SimpleDense}).units == 2
    for name in ("os.system", "Layer.__subclasses__", "deserialize"):
        with pytest.raises(ValueError, match=r"unknown name|name of a class"):
            layers.deserialize({"kind": "layers", "class_name": name, "config": {}})


def test_copies_are_independent():
    layer = layers.Dense(2)
    layer(np.ones((1, 3), "float32"))
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other.kernel.numpy(), layer.kernel.numpy())
        other.kernel.assign(np.zeros((3, 2)))
        assert np.abs(layer.kernel.numpy()).sum() > 0
        assert other(np.ones((1, 3), "float32")) is not None


def test_all_weights_or_none_are_set():
    layer = layers.Dense(2)
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(
        ValueError, match=r"weight '.*bias' has shape \(2,\); got a value of shape \(5,\)"
    ):
        layer.set_weights([np.zeros((3, 2)), np.zeros((5,))])
    for value, old in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old)
    layer.set_weights([np.ones((3, 2)), np.ones((2,))])
    assert layer.bias.numpy().tolist() == [1.0, 1.0]


def test_a_build_that_fails_leaves_nothing():
    class Broken(polynet.Layer):
        def build(self, input_shape):
            self.good = self.add_weight(shape=(2,))
            raise RuntimeError("no")

        def call(self, x):
            return x

    layer = Broken()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no"):
            layer(np.ones((1, 2)))
        assert (layer.built, layer.weights) == (False, [])


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: layers.Dense(0),
            ValueError,
            "Dense: units: expected an integer of 1 or more; got 0",
        ),
        (
            lambda: layers.Dense(2, actvation="relu"),
            TypeError,
            "unknown arguments .* Did you mean 'activation'",
        ),
        (lambda: layers.Dense(2, activation="rellu"), ValueError, "Did you mean 'relu'"),
        (lambda: layers.Dense(2, kernel_initializer="glorot"), ValueError, "Did you mean 'glorot_"),
        (lambda: layers.Dense(2, name="a/b"), ValueError, "name: expected a string without '/'"),
        (lambda: layers.Dense(2, dtype="float31"), ValueError, "unknown"),
        (
            lambda: layers.Dense(2)(np.ones((3,))),
            ValueError,
            r"Dense 'dense.*': input: expected at least 2 dim",
        ),
        (lambda: layers.Dense(2)(polynet.Input((None,))), ValueError, "unknown length"),
        (lambda: layers.Dense(2).count_params(), ValueError, "has no weights yet"),
        (
            lambda: layers.Dense(2)("text"),
            TypeError,
            "input: expected a tensor or numbers; got str",
        ),
    ],
)
def test_errors(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


def test_wrong_feature_size_names_the_layer():
    layer = layers.Dense(2, name="head")
    layer(np.ones((1, 3)))
    with pytest.raises(
        ValueError,
        match=r"Dense 'head': input: expected length 3 along axis -1; got shape \(1, 4\)",
    ):
        layer(np.ones((1, 4)))


def test_a_constructor_that_forgets_its_base():
    class Forgetful(polynet.Layer):
        def __init__(self):
            self.inner = layers.Dense(2)

    with pytest.raises(RuntimeError, match=r"Forgetful: its constructor did not call super\(\)"):
        Forgetful()(np.ones((1, 2)))
