"""The error function, its complement and its inverse, which NumPy lacks.

Polynomials are fitted once, when first needed, to Python's own scalar ``math.erf`` and ``math.erfc``, and evaluated
on whole arrays; in float32 the error function is one quotient.  float16 and bfloat16 are computed in float32.  Nothing
else belongs here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

_POLE = 2.0
"""The tail is a polynomial in ``(x - pole) / (x + pole)``, which maps 1 to infinity to a finite interval."""

_EDGE = (1 - _POLE) / (1 + _POLE)


def _ratio(u: float) -> float:
    """``erf(x) / x`` for x from 0 to 1, as a function of ``u = 2 x**2 - 1``."""
    x = math.sqrt((u + 1) / 2)
    return math.erf(x) / x if x else 2 / math.sqrt(math.pi)


def _scaled(s: float) -> float:
    """``exp(x**2) erfc(x) (x + pole)`` for x from 1 to infinity, mapped to s from -1 to 1."""
    t = _EDGE + (1 - _EDGE) * (s + 1) / 2
    if t >= 1:
        return 1 / math.sqrt(math.pi)
    x = _POLE * (1 + t) / (1 - t)
    if x < 8:
        high = round(x * 16) / 16  # few digits, so that its square is exact
        value = math.erfc(x) * math.exp(high * high) * math.exp((x - high) * (x + high))
        return value * (x + _POLE)
    term = total = 1.0
    for k in range(1, 25):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
    return total * (x + _POLE) / (x * math.sqrt(math.pi))


@functools.cache
def _fitted(function: Callable[[float], float], degree: int) -> list[float]:
    """The coefficients, highest first, of a polynomial equal to ``function`` on -1 to 1."""
    from numpy.polynomial import chebyshev

    series = chebyshev.chebinterpolate(np.vectorize(function), degree)
    return [float(c) for c in chebyshev.cheb2poly(series)[::-1]]


def _polynomial(coefficients: list[float], u: Any) -> Any:
    result = np.full_like(u, coefficients[0])
    for c in coefficients[1:]:
        result *= u
        result += u.dtype.type(c)
    return result


def _wide(x: Any) -> Any:
    return np.asarray(x, "float32" if x.dtype.itemsize == 2 else None)


def _small(x: Any) -> Any:
    """``erf`` of numbers between -1 and 1."""
    degree = 8 if x.dtype == np.float32 else 14
    return _polynomial(_fitted(_ratio, degree), 2 * x * x - 1) * x


def _tail(x: Any) -> Any:
    """``erfc`` of numbers from 1."""
    x = np.minimum(x, 30)
    t = (x - _POLE) / (x + _POLE)
    degree = 10 if x.dtype == np.float32 else 20
    scaled = _polynomial(_fitted(_scaled, degree), 2 * (t - _EDGE) / (1 - _EDGE) - 1) / (x + _POLE)
    high = np.floor(x * 16) / 16
    return np.exp(-high * high) * np.exp((high - x) * (high + x)) * scaled


def _in_blocks(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``function`` on pieces of a large array, whose intermediate results stay in the cache."""

    @functools.wraps(function)
    def run(x: Any) -> Any:
        if x.size <= _BLOCK:
            return function(x)
        flat = x.reshape(-1)
        y = np.empty_like(flat)
        for start in range(0, flat.size, _BLOCK):
            y[start : start + _BLOCK] = function(flat[start : start + _BLOCK])
        return y.reshape(x.shape)

    return run


_BLOCK = 32768


_END = np.full(_BLOCK, 3.9, np.float32)
"""From there on the error function is 1 in float32.  With arrays NumPy takes the smaller faster than with a number."""

_ONES = np.ones(_BLOCK, np.float32)
_TOP = (
    1.807184565e-06,
    2.833509767e-04,
    4.217199066e-03,
    5.412186013e-02,
    2.025116198e-01,
    1.128379124,
)
_BOTTOM = (3.548710720e-05, 1.249817471e-03, 1.588991716e-02, 1.189039068e-01, 5.128037762e-01, 1.0)
"""Of the quotient, highest power of ``x * x`` first: fitted to SciPy's erf by linear programming, to a relative error
of 5.0e-8."""


def _single(x: Any) -> Any:
    """``erf`` of a vector in float32, not longer than a block, to a relative error of 4e-7."""
    end, one = _END[: x.size], _ONES[: x.size]
    beyond = np.greater(np.absolute(x), end)
    given, x = x, np.maximum(np.minimum(x, end), -end)
    square = np.square(x)
    top, bottom = square * np.float32(_TOP[0]), square * np.float32(_BOTTOM[0])
    for y, coefficients in ((top, _TOP), (bottom, _BOTTOM)):
        for c in coefficients[1:-1]:
            y += np.float32(c)
            y *= square
        y += np.float32(coefficients[-1])
    top *= x
    top /= bottom
    np.maximum(np.minimum(top, one, out=top), -one, out=top)
    if beyond.any():
        top[beyond] = np.sign(given[beyond])
    return top


@_in_blocks
def erf(x: Any) -> Any:
    """The error function."""
    wide = _wide(x)
    if wide.dtype == np.float32:
        return _single(wide.reshape(-1)).reshape(x.shape).astype(x.dtype, copy=False)
    a = np.abs(wide)
    y = np.where(a < 1, _small(np.minimum(a, 1)), 1 - _tail(np.maximum(a, 1)))
    return np.copysign(y, wide).astype(x.dtype)


@_in_blocks
def erfc(x: Any) -> Any:
    """``1 - erf(x)``, exact where that is small."""
    wide = _wide(x)
    a = np.abs(wide)
    tail = _tail(np.maximum(a, 0.5))
    small = 1 - np.copysign(_small(np.minimum(a, 1)), wide)
    y = np.where(a < 1, small, np.where(wide < 0, 2 - tail, tail))
    return y.astype(x.dtype)


@_in_blocks
def erfinv(x: Any) -> Any:
    """The inverse error function: a rough formula, then two steps of Halley's method, which triple the digits."""
    y = np.asarray(x, "float64")
    a = np.abs(y)
    inside = np.where(a < 1, a, 0)
    rest = 1 - inside
    logarithm = np.log1p(-inside * inside)
    part = 2 / (math.pi * 0.147) + logarithm / 2
    z = np.sqrt(np.sqrt(part * part - logarithm / 0.147) - part)
    for _ in range(2):
        error = np.where(inside < 0.5, erf(z) - inside, rest - erfc(z))
        step = error / (2 / math.sqrt(math.pi) * np.exp(-z * z))
        z = z - step / (1 + z * step)
    z = np.where(a < 1, z, np.where(a == 1, np.inf, np.nan))
    return np.copysign(z, y).astype(x.dtype)
