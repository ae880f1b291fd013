"""Activations: the functions whose arguments are not an op's, and what all of them are by name.

The values of those that are ops are tested with the ops, on every backend and in every dtype.
"""

import json

import numpy as np
import pytest
from scipy import special

import polynet
from polynet import activations, ops

X = np.array([-7.5, -2.0, -0.5, 0.0, 0.25, 1.0, 1.5, 6.5, 20.0], "float32")


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """The three cases, one element at a time."""
    found = []
    for value in x.tolist():
        if max_value is not None and value >= max_value and value > threshold:
            found.append(max_value)
        elif value > threshold:
            found.append(value)
        else:
            found.append(negative_slope * (value - threshold))
    return np.array(found)


def sparsemax(x):
    """By bisection for the number that is taken off."""
    low, high = x.max() - 1, x.max()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(x - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(x - low, 0)


ROWS = [  # name, further arguments, an independent formula
    ("linear", {}, lambda x: x),
    ("exponential", {}, np.exp),
    ("relu", {}, relu),
    ("relu", {"negative_slope": 0.1}, lambda x: relu(x, 0.1)),
    ("relu", {"max_value": 5.0}, lambda x: relu(x, 0.0, 5.0)),
    ("relu", {"threshold": 1.0}, lambda x: relu(x, 0.0, None, 1.0)),
    (
        "relu",
        {"negative_slope": 0.1, "max_value": 5.0, "threshold": 1.0},
        lambda x: relu(x, 0.1, 5.0, 1.0),
    ),
    ("gelu", {}, lambda x: x * special.ndtr(x)),
    (
        "gelu",
        {"approximate": True},
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    ("mish", {}, lambda x: x * np.tanh(np.logaddexp(0, x))),
    # one line for each that is an op: that the name leads to the right one, with Keras's defaults
    ("celu", {}, lambda x: np.maximum(x, 0) + np.minimum(np.expm1(x), 0)),
    ("elu", {}, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    ("elu", {"alpha": 2.0}, lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0)))),
    ("hard_shrink", {}, lambda x: x * (abs(x) > 0.5)),
    ("hard_sigmoid", {}, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_silu", {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_swish", {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_tanh", {}, lambda x: np.clip(x, -1, 1)),
    ("leaky_relu", {}, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("log_sigmoid", {}, special.log_expit),
    ("log_softmax", {}, special.log_softmax),
    ("relu6", {}, lambda x: np.clip(x, 0, 6)),
    (
        "selu",
        {},
        lambda x: (
            1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
        ),
    ),
    ("sigmoid", {}, special.expit),
    ("silu", {}, lambda x: x * special.expit(x)),
    ("soft_shrink", {}, lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0)),
    ("softmax", {}, special.softmax),
    ("softplus", {}, lambda x: np.logaddexp(0, x)),
    ("softsign", {}, lambda x: x / (1 + abs(x))),
    ("sparse_plus", {}, lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))),
    ("sparse_sigmoid", {}, lambda x: np.clip((x + 1) / 2, 0, 1)),
    ("sparsemax", {}, sparsemax),
    ("squareplus", {}, lambda x: (x + np.sqrt(x**2 + 4)) / 2),
    ("swish", {}, lambda x: x * special.expit(x)),
    ("tanh", {}, np.tanh),
    ("tanh_shrink", {}, lambda x: x - np.tanh(x)),
    ("threshold", {"threshold": 1.0, "default_value": -3.0}, lambda x: np.where(x > 1, x, -3)),
    ("glu", {}, None),
]


@pytest.mark.parametrize(("name", "arguments", "formula"), ROWS)
def test_values(name, arguments, formula):
    function = getattr(activations, name)
    if name == "glu":
        even = X[:8]
        found, expected = function(even), even[:4] * special.expit(even[4:])
    else:
        found, expected = function(ops.array(X), **arguments), formula(X.astype("float64"))
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=2e-6, atol=2e-6)


def test_every_activation_has_a_row():
    assert {row[0] for row in ROWS} == set(activations.__all__) - {
        "get",
        "serialize",
        "deserialize",
    }


@pytest.mark.parametrize(("name", "arguments", "formula"), ROWS[:10])
def test_gradients_of_those_that_are_no_ops(name, arguments, formula):
    x = np.array([-2.2, -0.4, 0.3, 0.7, 1.7, 4.2, 7.0])

    def total(x):
        return ops.sum(getattr(activations, name)(x, **arguments))

    found = ops.convert_to_numpy(polynet.grad(total)(ops.array(x, "float32")))
    step = 1e-6
    slopes = (formula(x + step) - formula(x - step)) / (2 * step)
    np.testing.assert_allclose(found, slopes, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_names(name):
    function = getattr(activations, name)
    assert activations.get(name) is function
    assert activations.get(function) is function
    described = json.loads(json.dumps(activations.serialize(function)))
    assert isinstance(described, str)
    assert activations.deserialize(described) is function
    whole = polynet.configurable.serialize(function)
    assert whole["kind"] == "activations" and activations.get(whole) is function


def test_no_name_means_linear():
    assert activations.get(None) is activations.linear


def test_custom_functions():
    def twice(x):
        return 2 * x

    assert activations.get(twice) is twice
    described = activations.serialize(twice)
    assert described["class_name"] == "function"
    assert activations.deserialize(described, {"twice": twice}) is twice
    assert activations.deserialize("twice", {"twice": twice}) is twice
    with pytest.raises(ValueError, match="unknown custom 'twice'"):
        activations.deserialize(described)


def test_a_module_may_be_an_activation():
    class Scaled(polynet.configurable.Configurable):
        def __init__(self, by):
            self.by = by

        def __call__(self, x):
            return x * self.by

    described = activations.serialize(Scaled(3.0))
    assert activations.deserialize(described, {"Scaled": Scaled})(2.0) == 6.0


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (
            lambda: activations.get("rellu"),
            "activations: unknown activation 'rellu'. Did you mean 'relu'",
        ),
        (lambda: activations.get(3), "activations: expected a name, .* got int"),
        (lambda: activations.get("get"), "activations: unknown"),
        (
            lambda: activations.deserialize({"class_name": "function", "config": "deserialize"}),
            "unknown name",
        ),
    ],
)
def test_errors(function, text):
    with pytest.raises(ValueError, match=text):
        function()
