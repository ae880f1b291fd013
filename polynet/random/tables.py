"""Quantile functions as tables, by which a draw from a distribution is exact arithmetic on random bits.

``log``, ``cos`` and their like differ between libraries in the last bits, and a compiler may fuse ``a * b + c`` into
one rounding.  So a continuous distribution is drawn by inverting its distribution function piece by piece: a random
integer becomes a float, whose exponent and leading mantissa bits name a piece, and whose next bits say how far along
it the draw lies.  A piece is a line, ``start + step * position``; the step has so few bits that its product with the
position is exact, so that the result is rounded once, however it is compiled, and is the same everywhere.

Each octave of the probability, counted from both ends, has ``2 ** Layout.detail`` pieces: float32 draws reach 6.2
standard deviations with quantiles right to 1e-6, float64 draws 8.3 and 6e-8.  Tables are made when first asked for,
from Python's floats, and rounded to fewer bits than these are sure of, so that no platform can show.  Random bits do
not belong here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["LAYOUTS", "NAMES", "SHORT", "Layout", "Table", "largest_below", "table", "threshold"]


class Layout(NamedTuple):
    """How the bits of a float name a piece and a position on it.

    Args:
        dtype: the float that the random integer becomes.
        integer: the integer of the same size.
        bits: the random integer's bits, without its sign.
        mantissa: the float's mantissa bits.
        detail: the mantissa bits that name a piece within an octave.
        position: the mantissa bits after these, that give the position.
        octaves: the octaves of room in one half of a table, a power of two.
    """

    dtype: str
    integer: str
    bits: int
    mantissa: int
    detail: int
    position: int
    octaves: int

    @property
    def half(self) -> int:
        """The pieces in one half of a table."""
        return self.octaves << self.detail

    @property
    def piece_shift(self) -> int:
        """By how much the float's bits move down to leave exponent and detail."""
        return self.mantissa - self.detail

    @property
    def sign_shift(self) -> int:
        """By how much the float's bits move down to put the sign at the bit that is worth ``half``."""
        size = 31 if self.integer == "int32" else 63
        return size - (self.half.bit_length() - 1)

    @property
    def position_shift(self) -> int:
        """By how much the float's bits move down to leave the position as the lowest bits."""
        return self.mantissa - self.detail - self.position


LAYOUTS = {
    "float32": Layout("float32", "int32", bits=31, mantissa=23, detail=8, position=12, octaves=32),
    "float64": Layout("float64", "int64", bits=53, mantissa=52, detail=10, position=26, octaves=64),
}
"""By the dtype that is computed in."""


class Table(NamedTuple):
    """A quantile function: piece ``i`` is ``start[i] + step[i] * position``.

    The first half holds the probabilities up to a half, the second those beyond, mirrored.
    """

    start: np.ndarray
    step: np.ndarray


Quantile = Callable[[float], float]


@functools.cache
def _standard_normal() -> Any:
    from statistics import NormalDist  # slow to import, and first needed here

    return NormalDist()


def _normal(p: float) -> float:
    return float(_standard_normal().inv_cdf(p))


_CUT = 0.02275013194817921
"""The share of a normal distribution that lies below -2."""

_QUANTILES: dict[str, tuple[Quantile, Quantile | None]] = {
    "normal": (_normal, None),
    "truncated_normal": (lambda p: _normal(_CUT + p * (1.0 - 2.0 * _CUT)), None),
    "gumbel": (lambda p: -math.log(-math.log(p)), lambda p: -math.log(-math.log1p(-p))),
    "exponential": (lambda p: -math.log1p(-p), lambda p: -math.log(p)),
}
"""The value below which the share p lies, and the value above which it lies (``None``: its mirror image)."""

NAMES = frozenset(_QUANTILES)


@functools.cache
def table(name: str, dtype: str) -> Table:
    """The quantile function ``name``, one of ``NAMES``, for draws of ``dtype``, one of ``LAYOUTS``.

    Example:
        >>> start, step = table("normal", "float32")
        >>> start.shape, start.dtype
        ((16384,), dtype('float32'))
    """
    layout = LAYOUTS[dtype]
    below, above = _QUANTILES[name]
    start = np.zeros(2 * layout.half, layout.dtype)
    step = np.zeros(2 * layout.half, layout.dtype)
    lower = _lines(below, layout)
    upper = _lines(above, layout) if above else (-lower[0], -lower[1])
    bias = 127 if layout.dtype == "float32" else 1023
    pieces = (np.arange(len(lower[0])) + (bias << layout.detail)) & (layout.half - 1)
    for at, (starts, steps) in ((0, lower), (layout.half, upper)):
        start[pieces + at] = starts
        step[pieces + at] = steps
    start.flags.writeable = step.flags.writeable = False
    return Table(start, step)


def _lines(quantile: Quantile, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """The pieces of one side from the smallest probability up, and a last one that stands for a half itself."""
    detail = 1 << layout.detail
    ends = [
        math.ldexp(detail + i, octave - layout.detail - layout.bits - 1)
        for octave in range(layout.bits)
        for i in range(detail)
    ]
    values = np.array([quantile(p) for p in (*ends, 0.5)])
    positions = 1 << layout.position
    step = _rounded(np.diff(values) / positions, min(layout.position, 16))
    start = _rounded((values[:-1] + values[1:]) / 2 - step * ((positions - 1) / 2), 28)
    return np.append(start, values[-1]), np.append(step, 0.0)


def _rounded(x: np.ndarray, bits: int) -> np.ndarray:
    """``x`` rounded to that many significant bits."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits)


# --------------------------------------------------------------------- numbers that draws are compared with

SHORT = 4096
"""Up to this length 32 random bits sort a permutation: equal ones, which keep their order, are rare enough."""

_PRECISION = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}
_SMALLEST = {
    "float64": 2.0**-1022,
    "float32": 2.0**-126,
    "float16": 2.0**-14,
    "bfloat16": 2.0**-126,
}


def largest_below(value: float, dtype: str) -> float:
    """The largest number of a float dtype below ``value``; zero has no denormal numbers below it.

    Example:
        >>> largest_below(1.0, "float16")
        0.99951171875
    """
    if value == 0.0:
        return -_SMALLEST[dtype]
    mantissa, exponent = math.frexp(value)
    precision = _PRECISION[dtype]
    step = math.ldexp(1.0, exponent - precision - (mantissa == 0.5))
    step = max(step, math.ldexp(_SMALLEST[dtype], 1 - precision))
    return (math.ceil(value / step) - 1) * step


def threshold(rate: float) -> tuple[int, int]:
    """For a rate of dropout: how many random bits to compare for each element, and what drops it if they are below.

    Sixteen bits come within 1e-5 of the rate; rates near 0 and 1 get 31.

    Example:
        >>> threshold(0.5)
        (16, 32768)
    """
    bits = 16 if 1 / 256 <= rate <= 255 / 256 else 31
    return bits, round(rate * (1 << bits))
