"""`polynet.testing.check_gradients`: it passes what is right and says where a gradient is wrong."""

import re

import numpy as np
import pytest

import polynet
from polynet import ops, plugins
from polynet.testing import check_gradients

X = [[0.1, -0.5, 1.2], [0.3, 2.0, -0.7]]
WAYS = [False, True] if plugins.current().transforms is not None else [True]


@pytest.fixture(params=WAYS, ids=lambda boxes: "boxes" if boxes else "native")
def boxes(request):
    return request.param


def double_gradient():
    """The identity, with a gradient that is twice too large."""

    @polynet.custom_gradient
    def identity(x):
        return x * 1.0, lambda g: g * 2.0

    return identity


def wrong_second():
    """The square, whose gradient is right and whose second derivative is zero."""

    @polynet.custom_gradient
    def square(x):
        return x * x, lambda g: g * 2.0 * ops.stop_gradient(x)

    return square


def test_right_gradients_pass(boxes):
    check_gradients(lambda x: ops.tanh(x) * x, [X], boxes=boxes)
    check_gradients(lambda x, w: ops.exp(x) @ w, [X, np.ones((3, 2))], boxes=boxes)
    check_gradients(lambda x: ops.sum(x, axis=-1), [X], boxes=boxes)
    check_gradients(lambda x: x * 3.0, [2.0], boxes=boxes)


def test_trees_and_constants(boxes):
    tree = {"w": np.ones((3, 2)), "b": (0.5, np.arange(2.0))}

    def layer(tree, x, times, name):
        assert name == "dense"
        y = ops.tanh(x @ tree["w"] + tree["b"][1])
        return {"y": y * tree["b"][0] * times, "count": ops.size(y), "index": ops.argmax(y)}

    check_gradients(layer, [tree, X, 3, "dense"], boxes=boxes)


def test_complex_arguments(boxes):
    z = np.array([1.0 + 2.0j, -0.5 + 0.1j], "complex64")
    check_gradients(lambda z: ops.exp(z) * ops.conj(z), [z], boxes=boxes)
    check_gradients(lambda z: ops.absolute(z), [z], boxes=boxes)


def test_ties_and_kinks_at_first_order(boxes):
    check_gradients(lambda x: ops.max(x), [[1.0, 3.0, 3.0]], order=1, boxes=boxes)


def test_complex_step():
    check_gradients(lambda x: ops.exp(x) * ops.sin(x), [X], complex_step=True, rtol=1e-12)


def test_a_wrong_gradient_is_found(boxes):
    wrong = double_gradient()
    with pytest.raises(AssertionError) as caught:
        check_gradients(lambda x: ops.tanh(wrong(x)), [X], boxes=boxes)
    said = re.fullmatch(
        r"gradient of <lambda> by args\[0\], element \(0, 0\): analytic (.*), numeric (.*)\.",
        str(caught.value),
    )
    assert float(said[1]) == pytest.approx(2 * float(said[2]))


def test_the_wrong_argument_is_named(boxes):
    wrong = double_gradient()

    def function(tree, y):
        return ops.sin(tree["a"]) * wrong(tree["b"]) * y

    with pytest.raises(AssertionError, match=r"gradient of function by args\[0\]\['b'\], element"):
        check_gradients(function, [{"a": X, "b": np.array(X)}, np.array(X)], boxes=boxes)


def test_a_wrong_second_derivative_is_found(boxes):
    wrong = wrong_second()
    check_gradients(wrong, [X], order=1, boxes=boxes)
    with pytest.raises(AssertionError, match=r"second derivative of .* analytic 0, numeric"):
        check_gradients(wrong, [X], boxes=boxes)


def test_a_lost_gradient_is_found(boxes):
    with pytest.raises(AssertionError, match="analytic"):
        check_gradients(lambda x: x * ops.stop_gradient(x), [X], boxes=boxes)


def test_a_gradient_that_is_not_a_number_is_found(boxes):
    def function(x):
        return ops.sqrt(x * 0.0)

    with pytest.raises(AssertionError, match="analytic nan"):
        check_gradients(function, [[1.0, -1.0]], order=1, boxes=boxes)


def test_a_wrong_tie_is_found(boxes):
    """All of the gradient to the first of two equal largest elements: the numeric one says half and half."""

    def first(x):
        index = ops.cast(ops.argmax(x), "int32")
        return ops.sum(x * ops.cast(ops.equal(ops.arange(3), index), "float64"))

    with pytest.raises(AssertionError, match="analytic"):
        check_gradients(first, [[1.0, 3.0, 3.0]], order=1, boxes=boxes)


def test_bad_arguments():
    with pytest.raises(ValueError, match="order: expected 1 or 2; got 3"):
        check_gradients(ops.exp, [X], order=3)
    with pytest.raises(TypeError, match="expected an argument of a floating dtype; got none"):
        check_gradients(ops.exp, [3])
    with pytest.raises(TypeError, match="expected a result of a floating dtype; got none"):
        check_gradients(lambda x: x > 0.0, [X])
