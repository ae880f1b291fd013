"""Models: stacks, graphs, subclasses; what is within, clones, descriptions, tables."""

import copy
import json
import pickle

import numpy as np
import pytest

import polynet
from polynet import layers, ops


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


class Two(polynet.Model):
    """A model with a call of its own."""

    def __init__(self, width=5, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(width, "tanh"), layers.Dense(width, "tanh")]
        self.out = layers.Dense(2)

    def call(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)


def graph():
    x = polynet.Input((3,), name="x")
    h = layers.Dense(4, "relu", name="h")(x)
    return polynet.Model(x, [layers.Dense(2, name="a")(h), h[:, :1] * 2.0], name="graph")


def test_a_stack_is_built_by_its_first_input():
    model = polynet.Sequential([layers.Dense(4, "relu"), layers.Dense(2)])
    assert not model.built
    y = model(X)
    assert tuple(y.shape) == (4, 2)
    assert model.count_params() == 3 * 4 + 4 + 4 * 2 + 2
    k1, b1, k2, b2 = model.get_weights()
    np.testing.assert_allclose(
        numbers(y), np.maximum(X @ k1 + b1, 0) @ k2 + b2, rtol=1e-5, atol=1e-6
    )
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))


def test_a_stack_with_an_input_is_built_at_once():
    model = polynet.Sequential([polynet.Input((3,)), layers.Dense(2)])
    assert len(model.weights) == 2
    model.add(layers.Dense(5))
    assert model.output_shape == (None, 5)
    model.pop()
    assert model.output_shape == (None, 2)
    model.build((None, 3))
    assert [layer.name for layer in model.layers] == [model.layers[0].name]


def test_layers_of_a_stack():
    with pytest.raises(ValueError, match="a name that occurs once"):
        polynet.Sequential([layers.Dense(2, name="d"), layers.Dense(2, name="d")])
    with pytest.raises(
        TypeError, match=r"expected a layer; got function\. Wrap a function in layers\.Lambda"
    ):
        polynet.Sequential([lambda x: x])
    with pytest.raises(ValueError, match="there are no layers"):
        polynet.Sequential().build((None, 2))


def test_a_graph():
    model = graph()
    first, second = model(X)
    k, b, ka, ba = model.get_weights()
    h = np.maximum(X @ k + b, 0)
    np.testing.assert_allclose(numbers(first), h @ ka + ba, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numbers(second), h[:, :1] * 2, rtol=1e-5, atol=1e-6)
    assert [layer.name for layer in model.layers] == ["x", "h", "a"]
    assert model.get_layer("h") is model.get_layer(index=1)
    assert model.output_shape == [(None, 2), (None, 1)]
    with pytest.raises(ValueError, match=r"no layer is named 'hh'\. Did you mean 'h'"):
        model.get_layer("hh")


def test_inputs_as_a_dict_and_in_any_structure():
    a, b = polynet.Input((2,), name="a"), polynet.Input((2,), name="b")
    model = polynet.Model({"b": b, "a": a}, {"sum": a + b, "difference": a - b})
    one, two = np.ones((1, 2), "float32"), np.full((1, 2), 3.0, "float32")
    found = model({"a": one, "b": two})
    assert numbers(found["difference"]).tolist() == [[-2.0, -2.0]]
    listed = polynet.Model([a, b], a - b)
    assert numbers(listed([one, two])).tolist() == [[-2.0, -2.0]]
    assert numbers(listed({"a": one, "b": two})).tolist() == [[-2.0, -2.0]]
    with pytest.raises(ValueError, match="missing input 'b'"):
        model({"a": one})
    with pytest.raises(ValueError, match="expected 2 inputs; got 1"):
        listed([one])


def test_shared_layers_and_models_as_layers():
    shared = layers.Dense(3, use_bias=False)
    a, b = polynet.Input((3,)), polynet.Input((3,))
    inner = polynet.Sequential([polynet.Input((3,)), layers.Dense(3)], name="inner")
    model = polynet.Model([a, b], inner(shared(a) + shared(b)))
    assert len(model.weights) == 3
    k, ki, bi = model.get_weights()
    np.testing.assert_allclose(numbers(model([X, X])), (2 * X @ k) @ ki + bi, rtol=1e-4, atol=1e-5)
    assert model.get_layer("inner") is inner


def test_a_part_of_a_graph():
    model = graph()
    part = polynet.Model(model.input, model.get_layer("h").output)
    k, b = model.get_weights()[:2]
    np.testing.assert_allclose(numbers(part(X)), np.maximum(X @ k + b, 0), rtol=1e-5, atol=1e-6)
    stack = polynet.Sequential(
        [polynet.Input((3,)), layers.Dense(4, name="first"), layers.Dense(2)]
    )
    features = polynet.Model(stack.inputs, stack.get_layer("first").output)
    assert features.output_shape == (None, 4)


def test_a_subclass_within_another():
    class Outer(polynet.Model):
        def __init__(self):
            super().__init__()
            self.inner = Two(4)
            self.head = layers.Dense(1)

        def call(self, x):
            return self.head(self.inner(x))

    model = Outer()
    assert tuple(model(X).shape) == (4, 1)
    assert len(model.weights) == 8
    assert len(model.layers) == 2
    x = polynet.Input((3,))
    assert polynet.Model(x, Two()(x)).output_shape == (None, 2)


def test_a_subclass_of_a_graph():
    class Special(polynet.Model):
        pass

    x = polynet.Input((3,))
    model = Special(x, layers.Dense(2)(x), name="special")
    again = Special.from_config(json.loads(json.dumps(model.get_config())))
    assert type(again) is Special
    assert again.name == "special"

    class Own(polynet.Model):
        def __init__(self, units):
            x = polynet.Input((3,))
            super().__init__(x, layers.Dense(units)(x))

    assert Own(7).get_config()["units"] == 7
    assert Own.from_config(Own(7).get_config()).output_shape == (None, 7)


@pytest.mark.parametrize(
    "make", [graph, lambda: polynet.Sequential([polynet.Input((3,)), layers.Dense(2, "relu")])]
)
def test_json(make):
    model = make()
    text = model.to_json()
    again = polynet.models.model_from_json(text)
    assert again.to_json() == text
    again.set_weights(model.get_weights())
    for one, other in zip(ops_flat(again(X)), ops_flat(model(X)), strict=True):
        np.testing.assert_array_equal(numbers(one), numbers(other))


def ops_flat(structure):
    return polynet.tree.flatten(structure)


def test_a_graph_of_ops_with_slices_and_lists_as_json():
    x = polynet.Input((4, 3))
    y = ops.concatenate([x[:, 1:, ...], x[:, :1]], axis=1)
    z = ops.sum(ops.where(y > 0, y, 0.0), axis=(1, 2))
    model = polynet.Model(x, z)
    again = polynet.models.model_from_json(model.to_json())
    data = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    np.testing.assert_array_equal(numbers(again(data)), numbers(model(data)))
    np.testing.assert_allclose(
        numbers(model(data)), np.where(data > 0, data, 0).sum((1, 2)), rtol=1e-5
    )


@pytest.mark.parametrize(
    "make", [graph, lambda: polynet.Sequential([layers.Dense(2), layers.Dense(3)]), Two]
)
def test_clones(make):
    model = make()
    model(X)
    clone = polynet.models.clone_model(model)
    clone(X)
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
    assert not set(map(id, clone.weights)) & set(map(id, model.weights))
    clone.set_weights(model.get_weights())
    for one, other in zip(ops_flat(clone(X)), ops_flat(model(X)), strict=True):
        np.testing.assert_array_equal(numbers(one), numbers(other))


@pytest.mark.parametrize("way", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize(
    "make", [graph, lambda: polynet.Sequential([layers.Dense(2), layers.Dense(3)])]
)
def test_copies_compute_with_layers_of_their_own(make, way):
    model = make()
    before = [numbers(y) for y in ops_flat(model(X))]
    other = way(model)
    for one, y in zip(ops_flat(other(X)), before, strict=True):
        np.testing.assert_array_equal(numbers(one), y)
    assert not set(map(id, other.weights)) & set(map(id, model.weights))
    other.set_weights([np.zeros(w.shape) for w in other.weights])
    assert all(not numbers(y).any() for y in ops_flat(other(X)))
    for one, y in zip(ops_flat(model(X)), before, strict=True):
        np.testing.assert_array_equal(numbers(one), y)


def test_a_clone_with_other_layers_and_inputs():
    model = graph()

    def wider(layer):
        config = layer.get_config()
        if "units" in config:
            config["units"] *= 2
        return type(layer).from_config(config)

    clone = polynet.models.clone_model(
        model, input_tensors=polynet.Input((6,)), clone_function=wider
    )
    assert clone.output_shape == [(None, 4), (None, 1)]
    assert clone.input_shape == (None, 6)


def test_summary():
    lines = []
    model = graph()
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "h (Dense)" in text
    assert "(None, 4)" in text
    assert "Total params: 26 (104.00 B)" in text
    assert "Connected to" in text
    model.trainable = False
    model.summary(print_fn=lines.append, show_trainable=True)
    assert "Non-trainable params: 26" in lines[-1]
    outer = polynet.Sequential(
        [polynet.Input((3,)), polynet.Sequential([layers.Dense(2, name="deep")], name="in")]
    )
    outer.summary(print_fn=lines.append)
    assert "deep" not in lines[-1]
    outer.summary(print_fn=lines.append, expand_nested=True)
    assert "deep" in lines[-1]
    Two(name="fresh").summary(print_fn=lines.append)
    assert "(unbuilt)" in lines[-1]


def test_errors():
    a = polynet.Input((2,))
    with pytest.raises(ValueError, match="expected both inputs and outputs"):
        polynet.Model(inputs=a)
    with pytest.raises(ValueError, match="not among the inputs"):
        polynet.Model(a, a + polynet.Input((2,)))
    with pytest.raises(
        ValueError, match="layers: expected names that occur once; 'd' occurs 2 times"
    ):
        polynet.Model(a, layers.Dense(2, name="d")(layers.Dense(2, name="d")(a)))
    with pytest.raises(NotImplementedError, match="has no call method"):
        polynet.Model()(X)
    with pytest.raises(
        ValueError, match=r"Model 'm': input: expected shape \(None, 2\); got shape \(4, 3\)"
    ):
        polynet.Model(a, layers.Dense(1)(a), name="m")(X)
    with pytest.raises(ValueError, match="expected JSON"):
        polynet.models.model_from_json("{")
    cyclic = json.loads(graph().to_json())
    cyclic["config"]["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["history"] = ["a", 0, 0]
    with pytest.raises(ValueError, match="are not made by any layer, or depend on its own outputs"):
        polynet.models.model_from_json(json.dumps(cyclic))


def test_inputs_of_another_rank_or_dtype():
    x = polynet.Input((1,))
    model = polynet.Model(x, layers.Dense(2)(x))
    assert tuple(model(np.ones((4,), "float32")).shape) == (4, 2)
    ids = polynet.Input((3,), dtype="int32")
    lookup = polynet.Model(ids, layers.Embedding(5, 2)(ids))
    assert tuple(lookup(np.array([[0.0, 1.0, 4.0]])).shape) == (1, 3, 2)


def test_a_dict_of_lists_as_inputs():
    x = {"a": polynet.Input((3,)), "b": [polynet.Input((1,)), polynet.Input((1,))]}
    model = polynet.Model(x, ops.sum(x["a"], axis=-1, keepdims=True) + x["b"][0] - 2 * x["b"][1])
    data = {"a": np.ones((4, 3), "f"), "b": [np.ones((4, 1), "f"), np.full((4, 1), 5, "f")]}
    np.testing.assert_allclose(model.predict(data, verbose=0), np.full((4, 1), -6.0))
    model.compile("sgd", "mse")
    assert model.evaluate(data, np.zeros((4, 1)), verbose=0) == 36.0
    with pytest.raises(ValueError, match="expected 3 inputs; got 2"):
        model({"a": data["a"], "b": data["b"][:1]})


def test_a_stack_whose_first_batch_gave_the_shape_takes_sequences_of_other_lengths():
    model = polynet.Sequential([layers.Embedding(10, 4, mask_zero=True), layers.LSTM(3)])
    short = model(np.array([[1, 2]]))
    np.testing.assert_allclose(
        ops.convert_to_numpy(model(np.array([[1, 2, 0, 0]]))),
        ops.convert_to_numpy(short),
        rtol=1e-5,
    )
    again = polynet.Sequential.from_config(model.get_config())
    assert again.built and len(again.weights) == len(model.weights)
    assert again(np.array([[1, 2, 0]])).shape == (1, 3)
    dense = polynet.Sequential([layers.Dense(2)])
    dense(np.ones((1, 3), "f"))
    with pytest.raises(ValueError, match=r"Dense 'dense.*': input: expected length 3"):
        dense(np.ones((1, 4), "f"))


def test_a_layer_without_weights_is_taken_off_between_predictions():
    model = polynet.Sequential([polynet.Input((4,)), layers.Dense(3), layers.Activation("softmax")])
    x = np.ones((2, 4), "float32")
    for _ in range(4):
        model.predict(x, verbose=0)
    model.pop()
    np.testing.assert_allclose(model.predict(x, verbose=0), numbers(model(x)), rtol=1e-6)
