"""Activations of one's own, no activation, and many numbers at once, for which backends have code of their own.

All others are rows of polynet/conformance/activations.py.
"""

import numpy as np
import pytest
from scipy import special

import polynet
from polynet import activations, ops


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


# -------------------------------------------------------------------------------- more than fits in a block


def value_and_gradient(function, x, g):
    x = polynet.Variable(x)
    with polynet.GradientTape() as tape:
        y = function(x)
        total = ops.sum(ops.multiply(y, g))
    return ops.convert_to_numpy(y), ops.convert_to_numpy(tape.gradient(total, x))


MANY = np.linspace(-9, 9, 300_001, dtype="float32")
MANY[1000:1008] = [0.0, -0.0, 1e-35, -1e-35, 1e-30, 1000.0, -1000.0, 30.0]
SLOPES = np.random.default_rng(1).standard_normal(MANY.shape, dtype="float32")


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu(approximate):
    x = MANY.astype("float64")
    if approximate:
        z = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
        below = special.expit(2 * z)
        slope = 2 * below * special.expit(-2 * z) * np.sqrt(2 / np.pi) * (1 + 0.134145 * x * x)
    else:
        below, slope = special.ndtr(x), np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
    found, gradient = value_and_gradient(lambda x: ops.gelu(x, approximate), MANY, SLOPES)
    assert found.dtype == gradient.dtype == np.float32
    np.testing.assert_array_less(np.abs(found - x * below), 1e-37 + 3e-7 * np.abs(x))
    # 1 - tanh(z)**2 cancels, and XLA's tanh is some units in the last place off: times x**3 that is what is left
    error = 5e-5 if approximate else 3e-6
    np.testing.assert_allclose(gradient, SLOPES * (below + x * slope), rtol=0, atol=error)


def test_erf():
    found, gradient = value_and_gradient(ops.erf, MANY, SLOPES)
    x = MANY.astype("float64")
    np.testing.assert_allclose(found, special.erf(x), rtol=6e-7, atol=1e-37)
    slope = SLOPES * 2 / np.sqrt(np.pi) * np.exp(-x * x)
    np.testing.assert_allclose(gradient, slope, rtol=0, atol=2e-6)
    ends = ops.convert_to_numpy(ops.erf(np.array([-np.inf, np.inf, np.nan, 20.0], "float32")))
    assert ends.tolist()[:2] == [-1, 1] and np.isnan(ends[2]) and ends[3] == 1


def test_relu_and_sigmoid():
    found, gradient = value_and_gradient(ops.relu, MANY, SLOPES)
    np.testing.assert_allclose(found, np.maximum(MANY, 0), rtol=0, atol=1e-37)
    np.testing.assert_array_equal(gradient, SLOPES * (MANY > 0))
    found, gradient = value_and_gradient(ops.sigmoid, MANY, SLOPES)
    y = special.expit(MANY.astype("float64"))
    np.testing.assert_allclose(found, y, rtol=1e-6, atol=1e-37)
    np.testing.assert_allclose(gradient, SLOPES * y * (1 - y), rtol=1e-5, atol=3e-7)


def test_softmax():
    x = 3 * SLOPES[:300_000].reshape(20, 150, 100)
    x[0, :3, :2] = 500, -500  # exp overflows beside others of the same block
    x[1, 1] -= 300
    x[2, 2] = -np.inf
    x[2, 2, 3:5] = 7
    g = MANY[: x.size].reshape(x.shape)
    y = special.softmax(x.astype("float64"), -1)
    found, gradient = value_and_gradient(ops.softmax, x, g)
    np.testing.assert_allclose(found, y, rtol=1e-5, atol=1e-30)
    expected = y * (g - (g * y).sum(-1, keepdims=True))
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=3e-6)


def test_what_is_not_a_number_stays_in_its_row():
    x = np.zeros((3, 4), "float32")
    x[1, 2], x[2, 0] = np.nan, np.inf
    found = np.isnan(ops.convert_to_numpy(ops.softmax(x)))
    assert found.any(-1).tolist() == [False, True, True]
    assert np.isnan(ops.convert_to_numpy(ops.gelu(x, False)))[1].tolist() == [
        False,
        False,
        True,
        False,
    ]
