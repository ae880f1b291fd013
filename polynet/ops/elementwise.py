"""Element-wise ops that are written with the primitives: roots, logarithms, rounding, comparison, clipping.

Each body is the meaning, the shape rule and (unless a ``vjp`` stands below it) the gradient.  Bodies avoid what a
library would warn about where the result is well defined: the branch not taken gets a harmless value.  What reduces
an axis is in ``reductions.py``; activations are in ``nn.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet import dtypes, errors, spec
from polynet.op import op
from polynet.ops.primitives import (
    absolute,
    add,
    all,
    arctan2,
    bitwise_not,
    cast,
    ceil,
    complex_from,
    conj,
    cos,
    equal,
    exp,
    floor,
    floor_divide,
    greater,
    imag,
    index,
    isfinite,
    isinf,
    isnan,
    left_shift,
    less,
    log,
    log1p,
    logical_and,
    logical_or,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    not_equal,
    power,
    real,
    right_shift,
    rint,
    signbit,
    sin,
    sqrt,
    stack,
    subtract,
    true_divide,
    where,
)
from polynet.tensor import DType, Tensor
from polynet.values import dtype_of

__all__ = [
    "abs",
    "allclose",
    "angle",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_right_shift",
    "cbrt",
    "clip",
    "conjugate",
    "deg2rad",
    "divide",
    "divide_no_nan",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "fabs",
    "fmax",
    "fmin",
    "fmod",
    "gcd",
    "heaviside",
    "hypot",
    "i0",
    "invert",
    "isclose",
    "isneginf",
    "isposinf",
    "isreal",
    "lcm",
    "ldexp",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "nan_to_num",
    "polar",
    "rad2deg",
    "reciprocal",
    "round",
    "rsqrt",
    "saturate_cast",
    "sinc",
    "square",
    "trunc",
    "view_as_complex",
    "view_as_real",
]

_LN2 = 0.6931471805599453
_LN10 = 2.302585092994046

_real = spec.without_complex(spec.elementwise)
_real_float = spec.without_complex(spec.elementwise_float)

# ----------------------------------------------------------------------------------- second names

abs = absolute
conjugate = conj
divide = true_divide
invert = bitwise_invert = bitwise_not
bitwise_left_shift = left_shift
bitwise_right_shift = right_shift

# ------------------------------------------------------------------------------------ for bodies


def in_float32(compute: Callable[..., Any], x: Tensor) -> Tensor:
    """``compute(x)``, carried out in float32 where ``x`` is float16 or bfloat16: for sums and for series."""
    dtype = dtype_of(x)
    if dtype in ("float16", "bfloat16"):
        return cast(compute(cast(x, "float32")), dtype)
    return compute(x)


def largest(dtype: str) -> float:
    """The largest finite number of a real floating dtype."""
    return 3.3895313892515355e38 if dtype == "bfloat16" else float(np.finfo(dtype).max)


def exp_difference(x: Tensor, y: Tensor, scale: float = 1.0) -> Tensor:
    """``exp((x - y) * scale)`` where ``y`` is not infinite; elsewhere 1, so that no NaN comes of it."""
    infinite = isinf(y)
    return exp((where(infinite, 0, x) - where(infinite, 0, y)) * scale)


# ------------------------------------------------------------------------- quotients, powers, roots


@op(dtypes=spec.elementwise_float)
def divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    """Quotient, element-wise; 0 where the divisor is 0.

    Example:
        >>> from polynet import ops
        >>> ops.divide_no_nan([1.0, 3.0], [0.0, 2.0]).tolist()
        [0.0, 1.5]
    """
    zero = equal(x2, 0)
    return where(zero, 0, x1 / where(zero, 1, x2))


@op(dtypes=spec.arithmetic)
def square(x: Tensor) -> Tensor:
    """``x * x``, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.square([1.0, -3.0]).tolist()
        [1.0, 9.0]
    """
    return multiply(x, x)


square.vjp(lambda g, x: g * 2 * x)


@op(dtypes=spec.elementwise_float)
def reciprocal(x: Tensor) -> Tensor:
    """``1 / x``, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.reciprocal([2.0, -4.0]).tolist()
        [0.5, -0.25]
    """
    return 1 / x


reciprocal.vjp(lambda g, y: -g * y * y)


@op(dtypes=spec.elementwise_float)
def rsqrt(x: Tensor) -> Tensor:
    """``1 / sqrt(x)``, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.rsqrt([4.0, 16.0]).tolist()
        [0.5, 0.25]
    """
    return 1 / sqrt(x)


rsqrt.vjp(lambda g, y, x: g * -0.5 * y / x)


@op(dtypes=_real_float)
def cbrt(x: Tensor) -> Tensor:
    """Cube root, element-wise; negative for negative numbers.

    Example:
        >>> from polynet import ops
        >>> f"{ops.cbrt(-27.0):.4f}"
        '-3.0000'
    """
    return in_float32(_cbrt, x)


def _cbrt(x: Tensor) -> Tensor:
    """Without a sign that is 0, so that the slope at 0 is infinite."""
    negative = x < 0
    root = power(where(negative, -x, x), 1 / 3)
    return where(negative, -root, root)


cbrt.vjp(lambda g, y: g / (3 * y * y))


@op(dtypes=_real_float)
def hypot(x1: Tensor, x2: Tensor) -> Tensor:
    """``sqrt(x1**2 + x2**2)``, element-wise, without overflow on the way.

    Example:
        >>> from polynet import ops
        >>> ops.hypot([3.0, 3e30], [4.0, 4e30]).tolist()[0]
        5.0
    """
    a, b = absolute(x1), absolute(x2)
    top = maximum(a, b)
    infinite = logical_or(isinf(a), isinf(b))
    usual = logical_and(not_equal(top, 0), bitwise_not(infinite))
    ratio = where(usual, minimum(a, b), 0) / where(usual, top, 1)
    return where(infinite, math.inf, top * sqrt(ratio * ratio + 1))


hypot.vjp(lambda g, y, x1: g * divide_no_nan(x1, y), lambda g, y, x2: g * divide_no_nan(x2, y))

# ------------------------------------------------------------------------- exponentials, logarithms


@op(dtypes=spec.elementwise_float)
def exp2(x: Tensor) -> Tensor:
    """2 to the power of x, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.exp2([3.0, -1.0]).tolist()
        [8.0, 0.5]
    """
    return power(2, x)


exp2.vjp(lambda g, y: g * _LN2 * y)


@op(dtypes=spec.elementwise_float)
def log2(x: Tensor) -> Tensor:
    """Logarithm to the base 2, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.log2([8.0, 0.5]).tolist()
        [3.0, -1.0]
    """
    return log(x) / _LN2


log2.vjp(lambda g, x: g / (x * _LN2))


@op(dtypes=spec.elementwise_float)
def log10(x: Tensor) -> Tensor:
    """Logarithm to the base 10, element-wise.

    Example:
        >>> from polynet import ops
        >>> f"{ops.log10(1000.0):.4f}"
        '3.0000'
    """
    return log(x) / _LN10


log10.vjp(lambda g, x: g / (x * _LN10))


def _log_add(x1: Tensor, x2: Tensor, ln_base: float) -> Tensor:
    """``log(b**x1 + b**x2)`` to the base b, from the larger exponent."""
    top, low = maximum(x1, x2), minimum(x1, x2)
    gap = minimum(low - where(isinf(top), 0, top), 0)
    return top + log1p(exp(gap * ln_base)) / ln_base


@op(dtypes=_real_float)
def logaddexp(x1: Tensor, x2: Tensor) -> Tensor:
    """``log(exp(x1) + exp(x2))``, element-wise, without overflow.

    Example:
        >>> from polynet import ops
        >>> ops.logaddexp([1000.0], [0.0]).tolist()
        [1000.0]
    """
    return _log_add(x1, x2, 1.0)


def _log_add_gradient(g: Tensor, y: Tensor, x: Tensor, other: Tensor, ln_base: float) -> Tensor:
    """The part that ``x`` has in the sum; where that is infinite, that of the larger one, or a half."""
    larger = cast(x > other, dtype_of(x)) + cast(equal(x, other), dtype_of(x)) * 0.5
    return g * where(isinf(y), larger, exp_difference(x, y, ln_base))


logaddexp.vjp(
    lambda g, y, x1, x2: _log_add_gradient(g, y, x1, x2, 1.0),
    lambda g, y, x1, x2: _log_add_gradient(g, y, x2, x1, 1.0),
)


@op(dtypes=_real_float)
def logaddexp2(x1: Tensor, x2: Tensor) -> Tensor:
    """``log2(2**x1 + 2**x2)``, element-wise, without overflow.

    Example:
        >>> from polynet import ops
        >>> ops.logaddexp2([3.0], [3.0]).tolist()
        [4.0]
    """
    return _log_add(x1, x2, _LN2)


logaddexp2.vjp(
    lambda g, y, x1, x2: _log_add_gradient(g, y, x1, x2, _LN2),
    lambda g, y, x1, x2: _log_add_gradient(g, y, x2, x1, _LN2),
)


def _mantissa_and_exponent(kinds: Sequence[spec.Kind]) -> spec.Settled:
    exponent = dtypes.result_type(kinds[1])
    if not dtypes.is_int(exponent):
        raise errors.DTypeError(f"x2: expected integers; got {exponent}.")
    result = _real_float(kinds[:1])[1]
    return [result, exponent], result


@op(dtypes=_mantissa_and_exponent)
def ldexp(x1: Tensor, x2: Tensor) -> Tensor:
    """``x1 * 2**x2``, element-wise, for integers x2.

    Example:
        >>> from polynet import ops
        >>> ops.ldexp([1.5, 3.0], [2, -1]).tolist()
        [6.0, 1.5]
    """
    half = floor_divide(x2, 2)
    dtype = dtype_of(x1)
    return x1 * power(2, cast(half, dtype)) * power(2, cast(x2 - half, dtype))


ldexp.vjp(lambda g, x2: ldexp(g, x2), None)

# ------------------------------------------------------------------------------- special functions


@op(dtypes=_real_float)
def erf(x: Tensor) -> Tensor:
    """Error function, element-wise.

    Example:
        >>> from polynet import ops
        >>> f"{ops.erf(1.0):.4f}"
        '0.8427'
    """
    return in_float32(_erf, x)


erf.vjp(lambda g, x: g * 1.1283791670955126 * exp(-x * x))


def _erf(x: Tensor) -> Tensor:
    """For small x by its power series; else 1 less its complement."""
    is_small = absolute(x) < 0.5
    small = where(is_small, x, 0)
    squared = small * small
    series = squared * 0
    for n in reversed(range(12)):
        series = series * squared + (-1) ** n / (math.factorial(n) * (2 * n + 1))
    rest = _erfc_from_half(absolute(x))
    return where(
        is_small, small * series * (2 / math.sqrt(math.pi)), where(x < 0, rest - 1, 1 - rest)
    )


@op(dtypes=_real_float)
def erfc(x: Tensor) -> Tensor:
    """``1 - erf(x)``, element-wise, exact where that is small.

    Example:
        >>> from polynet import ops
        >>> ops.erfc(0.0).tolist()
        1.0
    """
    return in_float32(_erfc, x)


erfc.vjp(lambda g, x: g * -1.1283791670955126 * exp(-x * x))


def _erfc(x: Tensor) -> Tensor:
    """For small x from ``erf``, which loses no digits there."""
    rest = _erfc_from_half(absolute(x))
    return where(absolute(x) < 0.5, 1 - erf(x), where(x < 0, 2 - rest, rest))


def _erfc_from_half(a: Tensor) -> Tensor:
    """``erfc`` of 0.5 or more, by the midpoint rule for an integral that it is, with the correction for a pole.

    The integrand is exp(-t²) / (t² + x²) over the real line, with step 1/2: the error is exp(-4 pi²).
    """
    a = minimum(a, 30)
    a = where(a < 0.5, 0.5, a)
    squared = a * a
    total = squared * 0
    for k in range(12):
        t = (k + 0.5) / 2
        total = total + math.exp(-t * t) / (squared + t * t)
    high = floor(a * 16) / 16  # few digits, so that its square is exact
    decay = exp(-high * high) * exp((high - a) * (high + a))
    return decay * a * total / math.pi + 2 / (exp(minimum(a * (4 * math.pi), 80)) + 1) * cast(
        a < 2 * math.pi, dtype_of(a)
    )


@op(dtypes=_real_float)
def erfinv(x: Tensor) -> Tensor:
    """Inverse error function, element-wise; infinite at -1 and 1, and NaN beyond.

    Example:
        >>> from polynet import ops
        >>> f"{ops.erfinv(ops.erf(0.5)):.4f}"
        '0.5000'
    """
    return in_float32(_erfinv, x)


erfinv.vjp(lambda g, y: g * 0.886226925452758 * exp(y * y))


def _erfinv(x: Tensor) -> Tensor:
    """A rough formula, then two steps of Halley's method, which triple the digits."""
    a = absolute(x)
    is_inside = a < 1
    inside = where(is_inside, a, 0)
    logarithm = log1p(-inside * inside)
    part = logarithm * 0.5 + 2 / (math.pi * 0.147)
    z = sqrt(maximum(sqrt(part * part - logarithm / 0.147) - part, 0))
    for _ in range(2):
        error = where(inside < 0.5, erf(z) - inside, (1 - inside) - erfc(z))
        step = error / (2 / math.sqrt(math.pi) * exp(-z * z))
        z = z - step / (z * step + 1)
    z = where(is_inside, z, where(equal(a, 1), float("inf"), float("nan")))
    return where(x < 0, -z, z)


@op(dtypes=_real_float)
def i0(x: Tensor) -> Tensor:
    """Modified Bessel function of the first kind and order 0, element-wise.

    Example:
        >>> from polynet import ops
        >>> f"{ops.i0(1.0):.4f}"
        '1.2661'
    """
    return in_float32(_i0, x)


def _i0(x: Tensor) -> Tensor:
    """The mean of ``exp(x cos t)`` over half a circle by the midpoint rule, exact until the result overflows."""
    a = absolute(x)
    nodes = 120
    total = a * 0
    for k in range(nodes):
        total = total + exp(a * (math.cos(math.pi * (k + 0.5) / nodes) - 1))
    half = exp(a * 0.5)
    return half * (total / nodes) * half


@op(dtypes=spec.elementwise_float)
def sinc(x: Tensor) -> Tensor:
    """``sin(pi x) / (pi x)``, element-wise; 1 at 0.

    Example:
        >>> from polynet import ops
        >>> ops.sinc([0.0, 0.5]).tolist()[0]
        1.0
    """
    return in_float32(_sinc, x)


def _sinc(x: Tensor) -> Tensor:
    """By the power series near zero, where derivatives of the quotient would lose their digits."""
    u = x * math.pi
    small = absolute(u) < 0.5
    uu = where(small, u * u, 0)
    series = uu * 0 + 1
    for k in range(8, 0, -1):
        series = 1 - series * uu / (2 * k * (2 * k + 1))
    u = where(small, 1, u)
    return where(small, series, sin(u) / u)


# --------------------------------------------------------------------------------- remainders, sizes


@op(dtypes=_real_float)
def fabs(x: Tensor) -> Tensor:
    """Absolute value, element-wise; integers give floats.

    Example:
        >>> from polynet import ops
        >>> ops.fabs([-1, 2]).tolist()
        [1.0, 2.0]
    """
    return absolute(x)


@op(dtypes=_real)
def fmax(x1: Tensor, x2: Tensor) -> Tensor:
    """The larger of both, element-wise; the other where one is NaN.

    Example:
        >>> from polynet import ops
        >>> ops.fmax([1.0, float("nan")], [0.0, 2.0]).tolist()
        [1.0, 2.0]
    """
    if not dtypes.is_float(dtype_of(x1)):
        return maximum(x1, x2)
    return where(isnan(x1), x2, where(isnan(x2), x1, maximum(x1, x2)))


@op(dtypes=_real)
def fmin(x1: Tensor, x2: Tensor) -> Tensor:
    """The smaller of both, element-wise; the other where one is NaN.

    Example:
        >>> from polynet import ops
        >>> ops.fmin([1.0, float("nan")], [0.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    if not dtypes.is_float(dtype_of(x1)):
        return minimum(x1, x2)
    return where(isnan(x1), x2, where(isnan(x2), x1, minimum(x1, x2)))


@op(dtypes=spec.without_complex(spec.arithmetic))
def fmod(x1: Tensor, x2: Tensor) -> Tensor:
    """The remainder with the sign of the dividend, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.fmod([-5.0, 5.0], [3.0, -3.0]).tolist()
        [-2.0, 2.0]
    """
    below = less(x1, 0)  # and not absolute(x1), whose slope at 0 is 0
    rest = mod(where(below, negative(x1), x1), absolute(x2))
    return where(below, negative(rest), rest)


fmod.vjp(lambda g: g, lambda g, x1, x2: -g * trunc(x1 / x2))


def _integers(kinds: Sequence[spec.Kind]) -> spec.Settled:
    return spec.without_bool(spec.bits)(kinds)


@op(dtypes=_integers)
def gcd(x1: Tensor, x2: Tensor) -> Tensor:
    """The greatest common divisor, element-wise; never negative.

    Example:
        >>> from polynet import ops
        >>> ops.gcd([12, -4], [18, 0]).tolist()
        [6, 4]
    """
    a, b = absolute(x1), absolute(x2)
    for _ in range(_EUCLID_STEPS[dtypes.itemsize(dtype_of(x1))]):
        done = equal(b, 0)
        a, b = where(done, a, b), where(done, 0, mod(a, where(done, 1, b)))
    return a


_EUCLID_STEPS = {1: 13, 2: 24, 4: 47, 8: 93}
"""What Euclid's algorithm takes at most, by the number of bytes: two neighbouring Fibonacci numbers are the worst."""


@op(dtypes=_integers)
def lcm(x1: Tensor, x2: Tensor) -> Tensor:
    """The least common multiple, element-wise; never negative, 0 where either is 0.

    Example:
        >>> from polynet import ops
        >>> ops.lcm([4, 0], [6, 5]).tolist()
        [12, 0]
    """
    a, b = absolute(x1), absolute(x2)
    return multiply(floor_divide(a, maximum(gcd(a, b), 1)), b)


for _op in (gcd, lcm):
    _op.not_differentiable()

# ------------------------------------------------------------------------------------------ rounding


@op(dtypes=spec.same)
def round(x: Tensor, decimals: int = 0) -> Tensor:
    """Rounded to a number of decimals, halves to even, element-wise; a negative number rounds before the point.

    Example:
        >>> from polynet import ops
        >>> ops.round([0.5, 1.5, 2.25], 1).tolist()[:2]
        [0.5, 1.5]
        >>> ops.round([149, 25], -1).tolist()
        [150, 20]
    """
    dtype = dtype_of(x)
    if dtypes.is_complex(dtype):
        return complex_from(round(real(x), decimals), round(imag(x), decimals))
    if not dtypes.is_float(dtype):
        return x if decimals >= 0 or dtype == "bool" else _round_integers(x, -decimals, dtype)
    if decimals == 0:
        return rint(x)
    if decimals > 0:
        return in_float32(lambda x: rint(x * 10.0**decimals) / 10.0**decimals, x)
    return in_float32(lambda x: rint(x / 10.0**-decimals) * 10.0**-decimals, x)


def _round_integers(x: Tensor, digits: int, dtype: str) -> Tensor:
    """Integers rounded to a multiple of a power of ten."""
    wide = dtype if dtypes.itemsize(dtype) >= 4 else "int32"
    unit = 10**digits
    if digits > (18 if dtypes.itemsize(wide) == 8 else 9):
        return multiply(x, 0)
    x = x if wide == dtype else cast(x, wide)
    quotient = floor_divide(x, unit)
    rest = subtract(x, multiply(quotient, unit))
    tie = logical_and(equal(rest, unit // 2), equal(mod(quotient, 2), 1))
    up = logical_or(greater(rest, unit // 2), tie)
    result = multiply(add(quotient, cast(up, wide)), unit)
    return result if wide == dtype else cast(result, dtype)


@op(dtypes=spec.without_complex(spec.same))
def trunc(x: Tensor) -> Tensor:
    """Rounded towards zero, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.trunc([-1.5, 1.5]).tolist()
        [-1.0, 1.0]
    """
    if not dtypes.is_float(dtype_of(x)):
        return x
    return where(x < 0, ceil(x), floor(x))


trunc.vjp(lambda g: g * 0)


@op(dtypes=_real_float)
def heaviside(x1: Tensor, x2: Tensor) -> Tensor:
    """0 for negative x1, 1 for positive x1, x2 where x1 is 0, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.heaviside([-2.0, 0.0, 3.0], 0.5).tolist()
        [0.0, 0.5, 1.0]
    """
    step = where(isnan(x1), x1, cast(x1 > 0, dtype_of(x1)))
    return where(equal(x1, 0), x2, step)


heaviside.vjp(lambda g: g * 0, lambda g, x1: where(equal(x1, 0), g, 0))

# --------------------------------------------------------------------------------- limits and ranges


@op(dtypes=spec.without_complex(spec.arithmetic))
def clip(x: Tensor, x_min: Tensor | None, x_max: Tensor | None) -> Tensor:
    """Numbers below ``x_min`` and above ``x_max`` replaced by them, element-wise; ``None`` sets no limit.

    Example:
        >>> from polynet import ops
        >>> ops.clip([-2.0, 0.5, 7.0], 0.0, 1.0).tolist()
        [0.0, 0.5, 1.0]
    """
    if x_min is not None:
        x = maximum(x, x_min)
    if x_max is not None:
        x = minimum(x, x_max)
    return x


@op(dtypes=spec.same)
def nan_to_num(
    x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN and the infinities replaced by numbers, element-wise: the largest and smallest of the dtype by default.

    Example:
        >>> from polynet import ops
        >>> ops.nan_to_num([float("nan"), 2.0, float("inf")], posinf=9.0).tolist()
        [0.0, 2.0, 9.0]
    """
    dtype = dtype_of(x)
    if dtypes.is_complex(dtype):
        parts = (nan_to_num(part(x), nan, posinf, neginf) for part in (real, imag))
        return complex_from(*parts)
    if not dtypes.is_float(dtype):
        return x
    posinf = largest(dtype) if posinf is None else posinf
    neginf = -largest(dtype) if neginf is None else neginf
    finite = where(isfinite(x), x, where(x > 0, posinf, cast(neginf, dtype)))
    return where(isnan(x), nan, finite)


@op(dtypes=spec.without_complex(spec.same))
def saturate_cast(x: Tensor, dtype: DType) -> Tensor:
    """The same values in another dtype; what lies beyond its range becomes the end of the range, NaN integer 0.

    Example:
        >>> from polynet import ops
        >>> ops.saturate_cast([-3.7, 3.7, 300.0], "uint8").tolist()
        [0, 3, 255]
    """
    old = dtype_of(x)
    if dtypes.is_complex(dtype) or old in ("bool", dtype):
        return cast(x, dtype)
    low, high = _range(dtype)
    lowest, highest = _range(old)
    if not dtypes.is_float(old):
        return cast(clip(x, int(max(low, lowest)), int(min(high, highest))), dtype)
    if dtypes.is_float(dtype):
        return cast(clip(x, low, high) if high < highest else x, dtype)
    if dtype == "bool":
        return not_equal(clip(x, 0, 1), 0)
    # Ends that the floating dtype does not reach are compared as infinities.
    above = x >= (float(high) if high <= highest else math.inf)
    below = x <= (float(low) if low >= lowest else -math.inf)
    inside = logical_and(x > -math.inf, bitwise_not(logical_or(above, below)))
    whole = cast(where(inside, x, 0), dtype)
    return where(above, high, where(below, low, whole))


def _range(dtype: str) -> tuple[Any, Any]:
    """The smallest and the largest finite number of a real dtype."""
    if dtype == "bool":
        return 0, 1
    if dtypes.is_float(dtype):
        return -largest(dtype), largest(dtype)
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


# ---------------------------------------------------------------------------------------- questions


@op(dtypes=spec.without_complex(spec.predicate))
def isposinf(x: Tensor) -> Tensor:
    """Is it positive infinity, element-wise?

    Example:
        >>> from polynet import ops
        >>> ops.isposinf([1.0, float("inf"), float("-inf")]).tolist()
        [False, True, False]
    """
    return equal(x, math.inf)


@op(dtypes=spec.without_complex(spec.predicate))
def isneginf(x: Tensor) -> Tensor:
    """Is it negative infinity, element-wise?

    Example:
        >>> from polynet import ops
        >>> ops.isneginf([1.0, float("inf"), float("-inf")]).tolist()
        [False, False, True]
    """
    return equal(x, -math.inf)


@op(dtypes=spec.predicate)
def isreal(x: Tensor) -> Tensor:
    """Has it no imaginary part, element-wise?

    Example:
        >>> from polynet import ops
        >>> ops.isreal([1.0, 2.0]).tolist()
        [True, True]
    """
    return equal(imag(x), 0)


@op(dtypes=spec.comparison_float)
def isclose(
    x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Is ``|x1 - x2| <= atol + rtol * |x2|``, element-wise?  Equal infinities are close.

    Example:
        >>> from polynet import ops
        >>> ops.isclose([1.0, 2.0], [1.000001, 2.1]).tolist()
        [True, False]
    """
    finite = isfinite(x2)
    distance = absolute(x1 - where(finite, x2, 0))
    near = distance <= absolute(where(finite, x2, 0)) * rtol + atol
    close = logical_or(logical_and(near, finite), equal(x1, x2))
    return logical_or(close, logical_and(isnan(x1), isnan(x2))) if equal_nan else close


@op(dtypes=spec.comparison_float)
def allclose(
    x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Tensor:
    """Are all elements close in the sense of ``isclose``?

    Example:
        >>> from polynet import ops
        >>> bool(ops.allclose([1.0, 2.0], [1.000001, 2.0]))
        True
    """
    return all(isclose(x1, x2, rtol, atol, equal_nan))


for _predicate in (isposinf, isneginf, isreal):
    _predicate.not_differentiable()
isclose.not_differentiable()
allclose.not_differentiable()

# ------------------------------------------------------------------------------- angles and complex


@op(dtypes=spec.elementwise_float)
def deg2rad(x: Tensor) -> Tensor:
    """Degrees to radians, element-wise.

    Example:
        >>> from polynet import ops
        >>> f"{ops.deg2rad(180.0):.4f}"
        '3.1416'
    """
    return x * (math.pi / 180)


@op(dtypes=spec.elementwise_float)
def rad2deg(x: Tensor) -> Tensor:
    """Radians to degrees, element-wise.

    Example:
        >>> from polynet import ops
        >>> f"{ops.rad2deg(3.14159265):.4f}"
        '180.0000'
    """
    return x * (180 / math.pi)


@op(dtypes=spec.magnitude_float)
def angle(x: Tensor) -> Tensor:
    """The angle of a complex number to the positive real axis, element-wise; pi for negative real numbers.

    Example:
        >>> from polynet import ops
        >>> f"{ops.angle(-1.0):.4f}"
        '3.1416'
    """
    if dtypes.is_complex(dtype_of(x)):
        return arctan2(imag(x), real(x))
    return where(isnan(x), x, cast(signbit(x), dtype_of(x)) * math.pi)


angle.vjp(lambda g, x: divide_no_nan(g * -1j, x) if dtypes.is_complex(dtype_of(x)) else g * 0)


@op(dtypes=_real_float)
def polar(abs_: Tensor, angle: Tensor) -> Tensor:
    """The complex number of that absolute value and angle, element-wise.

    Example:
        >>> from polynet import ops
        >>> ops.polar([2.0], [0.0]).tolist()
        [(2+0j)]
    """
    return complex_from(abs_ * cos(angle), abs_ * sin(angle))


@op(dtypes=_real_float)
def view_as_complex(x: Tensor) -> Tensor:
    """Complex numbers from their real and imaginary parts, which the last axis, of length 2, holds.

    Example:
        >>> from polynet import ops
        >>> ops.view_as_complex([[1.0, 2.0]]).tolist()
        [(1+2j)]
    """
    if not x.shape or x.shape[-1] != 2:
        raise errors.ShapeError(
            f"x: expected a last axis of length 2 (real and imaginary part); got shape {tuple(x.shape)}."
        )
    return complex_from(index(x, [], (Ellipsis, 0)), index(x, [], (Ellipsis, 1)))


@op(dtypes=spec.magnitude)
def view_as_real(x: Tensor) -> Tensor:
    """The real and imaginary parts of complex numbers, in a new last axis of length 2.

    Example:
        >>> from polynet import ops
        >>> ops.view_as_real([1 + 2j]).tolist()
        [[1.0, 2.0]]
    """
    return stack([real(x), imag(x)], -1)
