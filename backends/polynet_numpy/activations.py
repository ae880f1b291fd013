"""Activations that training calls most often, and their gradients, in few passes over blocks that fit in the cache.

A pass over a block in a cache takes a fraction of the time of one over fresh memory.  What is not covered (other dtypes
than float32 for the most part) runs the op's body.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from polynet.op import OPS
from polynet_numpy.rows import ones, row_blocks

_BLOCK = 1 << 17
_ZEROS = np.zeros(_BLOCK, np.float32)
_ZEROS.flags.writeable = False


def _of_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` for arrays with axes and elements: in float32 for shorter floats, the op's body for no floats."""

    @functools.wraps(function)
    def run(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        if not x.ndim or not x.size or x.dtype.kind != "f":
            return OPS[function.__name__].function(x, *args, **kwargs)
        if x.dtype.itemsize > 2:
            return function(self, x, *args, **kwargs)
        return function(self, x.astype(np.float32), *args, **kwargs).astype(x.dtype)

    return run


def _alike(*arrays: Any) -> bool:
    """Are these arrays of one shape, with axes and elements, in float32?"""
    first = arrays[0]
    return (
        first.ndim > 0
        and first.size > 0
        and all(x.dtype == np.float32 and x.shape == first.shape for x in arrays)
    )


def _blocks(*arrays: Any) -> Iterator[Any]:
    """Pieces of arrays of one shape; the results are among them, in row-major order."""
    first = arrays[0]
    if first.size <= _BLOCK:
        yield arrays
        return
    flat = [x.reshape(-1) for x in arrays]
    for start in range(0, first.size, _BLOCK):
        yield [x[start : start + _BLOCK] for x in flat]


def _odds(probability: str) -> list[np.float32]:
    """The polynomial in ``x * x``, highest power first, that times ``x`` is minus the logarithm of the odds."""
    return [np.float32(-c) for c in _LOG_ODDS[probability]]


_ROOT_2_BY_PI = math.sqrt(2 / math.pi)
_LOG_ODDS = {
    # p / (1 - p) for the probability p that a standard normal number is below x: fitted to SciPy's log_ndtr(x) -
    # log_ndtr(-x) up to 5.7 by linear programming, so that no probability is off by more than 1.1e-8; grows beyond.
    "normal": (
        *(3.311744212e-09, -2.552158946e-07, 7.790169548e-06, -1.097617648e-04),
        *(-6.738014054e-05, 7.266801596e-02, 1.595769525),
    ),
    # Of (tanh(z) + 1) / 2 they are exp(2 z).
    "tanh": (2 * 0.044715 * _ROOT_2_BY_PI, 2 * _ROOT_2_BY_PI),
}
_ODDS = {False: _odds("normal"), True: _odds("tanh")}


class Activations:
    """relu, leaky_relu, sigmoid, gelu and softmax."""

    @staticmethod
    def relu(x: Any) -> Any:
        if x.size < 2048 or not _alike(x):
            return np.maximum(x, 0)
        result = np.empty(x.shape, x.dtype)
        for given, y in _blocks(x, result):
            zeros = _ZEROS[: given.size]  # with a scalar it takes three times as long
            np.maximum(given.reshape(-1), zeros, out=y.reshape(-1))
        return result

    @staticmethod
    def relu_slope(g: Any, y: Any) -> Any:
        if not _alike(g, y):
            return OPS["relu_slope"].function(g, y)
        result = np.empty(g.shape, g.dtype)
        for cotangent, value, part in _blocks(g, y, result):
            np.copyto(part, value > 0)  # casts faster than a product of both does
            np.multiply(part, cotangent, part)
        return result

    @_of_arrays
    def leaky_relu(self, x: Any, negative_slope: float = 0.2) -> Any:
        if not 0 <= negative_slope <= 1:
            return OPS["leaky_relu"].function(x, negative_slope)
        y = np.multiply(x, negative_slope)
        return np.maximum(x, y, out=y)

    @_of_arrays
    @np.errstate(over="ignore")  # of infinity the result is 0
    def sigmoid(self, x: Any) -> Any:
        y = np.negative(x)
        np.exp(y, out=y)
        y += 1.0
        return np.divide(1.0, y, out=y)

    @staticmethod
    def sigmoid_slope(g: Any, y: Any) -> Any:
        if not _alike(g, y):
            return OPS["sigmoid_slope"].function(g, y)
        result = np.empty(g.shape, g.dtype)
        for cotangent, value, part in _blocks(g, y, result):
            np.subtract(1, value, part)
            np.multiply(part, value, part)
            np.multiply(part, cotangent, part)
        return result

    @_of_arrays
    @np.errstate(over="ignore", invalid="ignore")  # infinite odds mean what they say
    def gelu(self, x: Any, approximate: bool = True) -> Any:
        if x.dtype != np.float32:
            return OPS["gelu"].function(x, approximate)
        first, *between, last = _ODDS[bool(approximate)]
        result = np.empty(x.shape, x.dtype)
        for given, y in _blocks(x, result):
            square = np.square(given)
            np.multiply(square, first, y)
            for c in between:
                np.add(y, c, y)
                np.multiply(y, square, y)
            np.add(y, last, y)
            np.multiply(y, given, y)
            np.exp(y, y)
            np.add(y, 1, y)
            np.divide(given, y, y)
        return result

    @staticmethod
    @np.errstate(all="ignore")
    def gelu_slope(g: Any, x: Any, y: Any, approximate: bool) -> Any:
        if not _alike(g, x, y):
            return OPS["gelu_slope"].function(g, x, y, approximate)
        result = np.empty(g.shape, g.dtype)
        for cotangent, given, value, part in _blocks(g, x, y, result):
            probability = np.divide(value, given)
            tiny = np.less(np.absolute(given, part), 1e-30)
            if tiny.any():
                probability[tiny] = 0.5
            np.square(given, part)
            if approximate:
                cubic, linear = _ODDS[True]
                np.multiply(part, -3 * cubic, part)
                np.subtract(part, linear, part)  # the slope of the logarithm of the odds
                np.multiply(part, value, part)
                np.multiply(part, 1 - probability, part)
            else:
                np.multiply(part, -0.5, part)
                np.exp(part, part)  # the density, but for a factor
                np.multiply(part, 0.5 * _ROOT_2_BY_PI, part)
                np.multiply(part, given, part)
            np.add(part, probability, part)
            np.multiply(part, cotangent, part)
        return result

    @staticmethod
    def softmax(x: Any, axis: Any = -1) -> Any:
        if not _alike(x) or axis not in (-1, x.ndim - 1):
            return OPS["softmax"].function(x, axis)
        result = np.empty(x.shape, x.dtype)
        column = ones(x.shape[-1], x.dtype)[:, None]
        for given, y in row_blocks(x, result):
            normalized_powers(given, y, column)
        return result

    @staticmethod
    def softmax_slope(g: Any, y: Any, axis: Any) -> Any:
        if not _alike(g, y) or axis not in (-1, g.ndim - 1):
            return OPS["softmax_slope"].function(g, y, axis)
        result = np.empty(g.shape, g.dtype)
        column = ones(g.shape[-1], g.dtype)[:, None]
        for cotangent, value, part in row_blocks(g, y, result):
            np.multiply(cotangent, value, part)
            np.subtract(cotangent, part.dot(column), part)
            np.multiply(part, value, part)
        return result


@np.errstate(all="ignore")
def normalized_powers(x: Any, y: Any, column: Any) -> None:
    """Write the softmax of each row of ``x`` into ``y``; ``column`` has ones.

    Where no sum comes near the ends of what float32 can hold, nothing need be subtracted before.
    """
    powers = np.exp(x, y)
    sums = np.matmul(powers, column)
    if not (sums.min() > 1e-25 and sums.max() < 1e25):
        powers = np.exp(np.subtract(x, x.max(-1, keepdims=True)))
        sums = np.matmul(powers, column)
    np.divide(powers, sums, y)
