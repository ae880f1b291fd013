"""The ops that turn random bits into numbers: uniform floats, quantiles, integers, order, dropout.

Each takes a key, two 32-bit words, and gives the same bits on every backend, compiled or not (gamma, beta and
binomial draws: to rounding).  Three rules keep it so:

- only exact or correctly rounded steps: integers, ``+``, ``*``, comparisons, and the tables of ``tables.py``; no
  ``log`` or ``cos``, whose last bits differ between libraries, and no division, which compilers turn into products;
- a product that is then added to is exact, or goes through ``fenced`` first: compilers fuse ``a * b + c`` into one
  rounding.  On XLA neither an optimization barrier nor a rounding to the same precision keeps them from it; taking
  the minimum with the largest float does, since for all they know it could matter;
- no two factors, and no two summands, that a compiler may combine beforehand, unless one is a power of two.

``host.py`` does the same in NumPy, faster.  Seeds and the checks of arguments are elsewhere in this package.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from polynet import dtypes, errors
from polynet.op import op
from polynet.ops.primitives import (
    HOLE,
    absolute,
    argmax,
    argsort,
    broadcast_to,
    cast,
    concatenate,
    exp,
    floor,
    full,
    index,
    log,
    log1p,
    logical_and,
    logical_or,
    maximum,
    minimum,
    random_bits,
    reshape,
    sqrt,
    view,
    where,
)
from polynet.random.tables import LAYOUTS, SHORT, largest_below, table, threshold
from polynet.tensor import DType, Shape, Tensor

LARGEST = {"float32": float(np.finfo(np.float32).max), "float64": float(np.finfo(np.float64).max)}


def fenced(x: Tensor, dtype: str) -> Tensor:
    """``x``, a product, rounded before anything is added to it; ``dtype`` is float32 or float64."""
    return minimum(x, LARGEST[dtype])


def _words(key: Tensor, number: int, shape: tuple[int, ...]) -> list[Tensor]:
    """``number`` tensors of random int32s."""
    words = random_bits(key, (number, *shape))
    return [_slice(words, i) for i in range(number)]


@op
def random_uniform(key: Tensor, shape: Shape, minval: float, maxval: float, dtype: DType) -> Tensor:
    """Uniform floats in [minval, maxval), with 24 random bits for float32, 53 for float64."""
    if dtype == "float64":
        first, second = _words(key, 2, shape)
        high = cast((first >> 5) & 0x7FFFFFF, dtype) * 2.0**26
        u = (high + cast((second >> 6) & 0x3FFFFFF, dtype)) * 2.0**-53
    else:
        u = cast((random_bits(key, shape) >> 8) & 0xFFFFFF, dtype) * 2.0**-24
    scale = maxval - minval
    if scale != 1.0:
        u = u * scale
    if minval != 0.0:
        u = minimum(fenced(u, dtype) + minval, max(minval, largest_below(maxval, dtype)))
    return u


@op
def random_quantiles(
    key: Tensor, shape: Shape, name: str, scale: float, shift: float, dtype: DType
) -> Tensor:
    """``scale * q + shift`` for q from a distribution of ``tables.NAMES``, in float32 or float64."""
    layout = LAYOUTS[dtype]
    if dtype == "float64":
        first, second = _words(key, 2, shape)
        wide = cast(first, dtype) * 2.0**22 + cast(((second >> 10) & 0x3FFFFE) | 1, dtype)
    else:
        wide = cast(random_bits(key, shape) | 1, dtype)
    bits = view(wide, layout.integer)
    piece = ((bits >> layout.piece_shift) & (layout.half - 1)) | (
        (bits >> layout.sign_shift) & layout.half
    )
    position = cast((bits >> layout.position_shift) & ((1 << layout.position) - 1), dtype)
    start, step = table(name, dtype)
    q = index(start, [piece], (HOLE,)) + position * index(step, [piece], (HOLE,))
    if scale != 1.0:
        q = q * scale
    return fenced(q, dtype) + shift if shift != 0.0 else q


# ------------------------------------------------------------------------------------------ integers


def signed(value: int, bits: int) -> int:
    """An integer as the signed one of that many bits that has the same bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _unsigned_shift(x: Tensor, by: int, bits: int) -> Tensor:
    """``x >> by`` of the unsigned integer with the bits of ``x``."""
    return (x >> by) & ((1 << (bits - by)) - 1)


def _half_product(a: Tensor, b: Tensor, half: int) -> tuple[Tensor, Tensor]:
    """The upper and lower half of a product of two numbers of ``half`` bits.

    Nothing overflows: a C++ compiler takes it that signed integers never do, and drops masks.
    """
    mask = (1 << half) - 1
    u = a * (b & (mask >> 1))
    v = (a * (b >> (half - 1))) << (half - 1)
    low = (u & mask) + (v & mask)
    return (u >> half) + (v >> half) + (low >> half), low & mask


def _times(first: Tensor, second: Tensor, b: Tensor, bits: int) -> Tensor:
    """The upper third of ``first * 2**bits + second``, times ``b``: all unsigned."""
    half = bits // 2
    mask = (1 << half) - 1
    b0, b1 = b & mask, _unsigned_shift(b, half, bits)
    places: list[list[Tensor]] = [[], [], [], [], [], []]  # what to add up, by its power of 2**half
    for at, word in ((0, second), (2, first)):
        for i, part in enumerate((word & mask, _unsigned_shift(word, half, bits))):
            for j, other in enumerate((b0, b1)):
                upper, lower = _half_product(part, other, half)
                places[at + i + j].append(lower)
                places[at + i + j + 1].append(upper)
    carry: Tensor = None
    parts: list[Tensor] = []
    for terms in places:
        total = carry
        for term in terms:
            total = term if total is None else total + term
        parts.append(total & mask)
        carry = total >> half
    return (parts[5] << half) | parts[4]


@op
def random_below(key: Tensor, span: Tensor, shape: Shape) -> Tensor:
    """Integers in [0, span), each equally likely to within 2**-32, or 2**-64 for an int64 span.

    ``span`` is read as unsigned, 0 as one more than its largest, and gives the dtype of the result.
    """
    bits = 64 if "int64" in str(span.dtype) else 32
    flat = (math.prod(shape),)
    if bits == 64:
        words = [cast(word, "int64") for word in _words(key, 4, flat)]
        first, second = ((words[i] << 32) | (words[i + 1] & 0xFFFFFFFF) for i in (0, 2))
    else:
        first, second = _words(key, 2, flat)
    span = reshape(broadcast_to(span, shape), flat) if span.shape else reshape(span, (1,))
    found = where(span == 0, first, _times(first, second, span, bits))
    return reshape(found, shape)


@op
def random_index(key: Tensor, shape: Shape, span: int) -> Tensor:
    """int32s in [0, span) for a span of at most 32768, each equally likely to within 2**-32."""
    bits = random_bits(key, shape)
    low = _unsigned_shift((bits & 0xFFFF) * span, 16, 32)
    return _unsigned_shift(((bits >> 16) & 0xFFFF) * span + low, 16, 32)


@op
def random_permutation(key: Tensor, count: int) -> Tensor:
    """The int32s below ``count`` in random order: what sorts random numbers of 32 or 64 bits."""
    if count <= SHORT:
        return argsort(random_bits(key, (count,)))
    first, second = _words(key, 2, (count,))
    order = argsort(second)
    return index(order, [argsort(index(first, [order], (HOLE,)))], (HOLE,))


@op
def random_shuffle(x: Tensor, key: Tensor, axis: int) -> Tensor:
    """``x`` with its slices along ``axis``, counted from the front, in random order."""
    order = random_permutation(key, x.shape[axis])
    return index(x, [order], (*(slice(None),) * axis, HOLE))


@op
def random_categorical(logits: Tensor, key: Tensor, number: int) -> Tensor:
    """``number`` int32 classes for each row: the largest of the logits after each got Gumbel noise."""
    dtype = dtypes.standardize(logits.dtype)
    wide = "float64" if dtype == "float64" else "float32"
    rows, classes = logits.shape
    noise = random_quantiles(key, (rows, number, classes), "gumbel", 1.0, 0.0, wide)
    return argmax(reshape(cast(logits, wide), (rows, 1, classes)) + noise, 2)


# ------------------------------------------------------------------------------------------ dropout


@op
def random_keep(key: Tensor, shape: Shape, rate: float) -> Tensor:
    """Bools that are false with probability ``rate``."""
    bits, below = threshold(rate)
    if bits == 31:
        return (random_bits(key, shape) & 0x7FFFFFFF) >= below
    count = math.prod(shape)
    words = random_bits(key, (-(-count // 2),))
    numbers = concatenate([words & 0xFFFF, (words >> 16) & 0xFFFF], 0)
    return reshape(index(numbers, [], (slice(count),)) >= below, shape)


@op
def random_dropout(inputs: Tensor, key: Tensor, rate: float, noise_shape: Any = None) -> Tensor:
    """``inputs / (1 - rate)`` where an element is kept, 0 where it is dropped.

    Along axes of length 1 in ``noise_shape`` all elements share one fate.
    """
    shape = tuple(inputs.shape)
    noise_shape = shape if noise_shape is None else noise_shape_of(shape, noise_shape)
    return keep_where(random_keep(key, noise_shape, rate), inputs, rate)


def keep_where(keep: Tensor, inputs: Tensor, rate: float) -> Tensor:
    """``inputs / (1 - rate)`` where ``keep`` holds, else 0."""
    factor = 1.0 / (1.0 - rate)
    dtype = dtypes.standardize(inputs.dtype)
    if dtypes.itemsize(dtype) > 2:
        return where(keep, inputs * factor, 0)
    # In 16 bits libraries would round the factor, or not, before they multiply.
    return where(keep, cast(cast(inputs, "float32") * factor, dtype), 0)


def noise_shape_of(shape: tuple[int, ...], noise_shape: Any) -> tuple[int, ...]:
    """A ``noise_shape`` argument with its ``None``s replaced by the lengths of the inputs."""
    if not isinstance(noise_shape, list | tuple) or len(noise_shape) != len(shape):
        raise errors.ShapeError(
            f"noise_shape: expected {len(shape)} lengths, one for each axis of the inputs of shape {shape}; "
            f"got {noise_shape!r}."
        )
    found = tuple(
        length if noise is None else noise for noise, length in zip(noise_shape, shape, strict=True)
    )
    if any(noise not in (1, length) for noise, length in zip(found, shape, strict=True)):
        raise errors.ShapeError(
            f"noise_shape: expected None, 1 or the inputs' length on each axis; got {tuple(noise_shape)} "
            f"for inputs of shape {shape}."
        )
    return found


# ------------------------------------------------------------------------------ gamma, beta, binomial

_PROPOSALS = 4
"""A gamma draw needs another with probability 0.05 at most, less for larger ``alpha``."""


def _keys(key: Tensor, number: int) -> list[Tensor]:
    """Keys that follow from a key, for draws that need several."""
    return _words(key, number, (2,))


def _gamma(key: Tensor, alpha: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """A gamma draw as a factor and the logarithm of another, which may be far below 0.

    Marsaglia and Tsang's method gives the draw for ``alpha + 1``: the cube of ``1 + w`` for a
    normal ``w``, which is rejected now and then.
    """
    dtype = dtypes.standardize(alpha.dtype)
    first, second = _keys(key, 2)
    normals = random_quantiles(first, (_PROPOSALS, *shape), "normal", 1.0, 0.0, dtype)
    bounds = random_quantiles(second, (_PROPOSALS + 1, *shape), "exponential", 1.0, 0.0, dtype)
    d = alpha + 2 / 3
    scale = 3 * sqrt(d)
    root: Tensor = full(shape, 1, dtype)
    for i in range(_PROPOSALS):
        w = _slice(normals, i) / scale
        inside = w > -1
        w = where(inside, w, 0)
        exact = log1p(w) - w + w * w / 2 - w * w * w / 3
        miss = -3 * d * where(absolute(w) < 0.01, (0.2 * w - 0.25) * w * w * w * w, exact)
        root = where(logical_and(inside, _slice(bounds, i) > miss), 1 + w, root)
    return d * root * root * root, -_slice(bounds, _PROPOSALS) / alpha


def _slice(x: Tensor, i: int) -> Tensor:
    return index(x, [], (i,))


@op
def random_gamma(key: Tensor, alpha: Tensor, shape: Shape) -> Tensor:
    """Gamma draws; the dtype, float32 or float64, is that of ``alpha``."""
    factor, logarithm = _gamma(key, alpha, shape)
    return factor * exp(logarithm)


@op
def random_beta(key: Tensor, alpha: Tensor, beta: Tensor, shape: Shape) -> Tensor:
    """Beta draws, each ``x / (x + y)`` of two gamma draws; their ratio is safe where both are too small to hold."""
    first, second = _keys(key, 2)
    x, log_x = _gamma(first, alpha, shape)
    y, log_y = _gamma(second, beta, shape)
    largest = 700.0 if dtypes.standardize(alpha.dtype) == "float64" else 88.0
    return 1 / (1 + exp(minimum(log(y / x) + log_y - log_x, largest)))


_FEW = 40.0
"""The expected number of successes up to which a binomial draw is found by counting up."""

_TRIES = 9
"""A proposal is rejected with probability 0.23 at most, less for larger expected numbers."""


@op
def random_binomial(
    key: Tensor, counts: Tensor, probabilities: Tensor, shape: Shape, mean: float | None = None
) -> Tensor:
    """Binomial draws; their dtype, float32 or float64, is that of both parameters.

    ``mean`` is the expected number of the rarer outcome, if that is known and the same for all.
    """
    first, second = _keys(key, 2)
    mirrored = probabilities > 0.5
    p = where(mirrored, 1 - probabilities, probabilities)
    if mean is not None:
        found = (
            _few_successes(first, counts, p, shape, mean)
            if mean < _FEW
            else _many_successes(second, counts, p, shape)
        )
    else:
        few = counts * p < _FEW
        low = _few_successes(first, counts, where(few, p, 0), shape, _FEW)
        high = _many_successes(second, where(few, 160, counts), where(few, 0.5, p), shape)
        found = where(few, low, high)
    return where(mirrored, counts - found, found)


def _few_successes(
    key: Tensor, n: Tensor, p: Tensor, shape: tuple[int, ...], mean: float
) -> Tensor:
    """The number of successes whose cumulative probability first exceeds a uniform number."""
    dtype = dtypes.standardize(p.dtype)
    u = random_uniform(key, shape, 0.0, 1.0, dtype)
    expected, odds = n * p, p / (1 - p)
    chance = exp(n * log1p(-p))
    below = chance
    found: Tensor = full(shape, 0, dtype)
    for k in range(int(mean + 7 * math.sqrt(mean) + 8)):
        chance = chance * odds * (maximum(n - k, 0) / (k + 1))
        possible = logical_or(chance > 1e-9, expected > k)  # beyond it, only rounding is left of u
        found = found + cast(logical_and(u >= below, possible), dtype)
        below = below + chance
    return found


def _many_successes(key: Tensor, n: Tensor, p: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Hörmann's transformed rejection (BTRS) with a fixed number of proposals."""
    dtype = dtypes.standardize(p.dtype)
    uniforms, others = _keys(key, 2)
    uniform = random_uniform(uniforms, (_TRIES, *shape), 0.0, 1.0, dtype)
    bounds = random_quantiles(others, (_TRIES, *shape), "exponential", 1.0, 0.0, dtype)
    q = 1 - p
    spread = sqrt(n * p * q)
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    weight = (2.83 + 5.1 / b) * spread
    mode = floor((n + 1) * p)
    tilt = log1p((n * p - mode + 2 * p - 1) / (q * (mode + 1)))
    found: Tensor = broadcast_to(mode, shape)
    for i in range(_TRIES):
        u = _slice(uniform, i) - 0.5
        room = maximum(0.5 - absolute(u), 2.0**-26)
        k = floor((2 * a / room + b) * u + (n * p + 0.5))
        inside = logical_and(k >= 0, k <= n)
        k = where(inside, k, mode)
        bound = log(weight / (a / (room * room) + b)) - _slice(bounds, i)
        found = where(logical_and(inside, bound <= _log_ratio(k, mode, n, tilt)), k, found)
    return found


def _log_ratio(k: Tensor, mode: Tensor, n: Tensor, tilt: Tensor) -> Tensor:
    """The logarithm of P(k) / P(mode) of a binomial distribution, in terms of their small difference."""
    by = k - mode
    up, down = mode + 1, n - mode + 1
    return (
        by * tilt
        - (up + by - 0.5) * log1p(by / up)
        - (down - by - 0.5) * log1p(-by / down)
        + (_stirling(up) - _stirling(up + by) + _stirling(down) - _stirling(down - by))
    )


def _stirling(x: Tensor) -> Tensor:
    """What Stirling's formula for ``log((x - 1)!)`` about ``x`` leaves out."""
    square = x * x
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / x
