"""Random numbers on the host: Threefry-2x32 and what is made of its bits, in NumPy.

This is the generator for host data, such as the order of examples, and for any backend whose tensors share memory
with NumPy.  All work goes by chunks that stay in the processor's cache, bits and numbers alike.  Numbers are made of
the same bits by the same steps as in ``draws.py``, which tests compare; tensors and seeds do not belong here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from polynet.random.tables import LAYOUTS, SHORT, largest_below, table, threshold

__all__ = ["bits", "keep", "permutation", "quantiles", "uniform"]

_CHUNK = 16384
_PARITY = 0x1BD11BDA
_MASK = 0xFFFFFFFF


def _word(value: int) -> np.ndarray:
    """A word as what a ufunc takes fastest beside an array of words."""
    return np.array(value & _MASK, np.uint32)


_ROTATIONS = tuple(
    tuple((_word(by), _word(32 - by)) for by in row) for row in ((13, 15, 26, 6), (17, 29, 16, 24))
)


def _blocks(
    key: Any, count: int, out: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray, slice]]:
    """The blocks 0, 1, ... of a key by chunks: their first words, their second words, and which they are.

    The words are written to ``out``, uint32 of shape (2, count); without it each chunk overwrites the last.
    """
    k0, k1 = (int(word) & _MASK for word in np.asarray(key).tolist())
    keys = (k0, k1, k0 ^ k1 ^ _PARITY)
    injected = [(_word(keys[(i + 1) % 3]), _word(keys[(i + 2) % 3] + i + 1)) for i in range(5)]
    counter = np.arange(min(_CHUNK, count), dtype=np.uint32)
    spare = np.empty_like(counter)
    room = np.empty((2, len(counter)), np.uint32)
    add, xor, join, up, down = np.add, np.bitwise_xor, np.bitwise_or, np.left_shift, np.right_shift
    for begin in range(0, count, _CHUNK):
        part = slice(begin, min(begin + _CHUNK, count))
        size = part.stop - begin
        a, b = room[:, :size] if out is None else out[:, part]
        t = spare[:size]
        add(counter[:size], _word(k0 + begin), a)
        b.fill(k1)
        for i, (first, second) in enumerate(injected):
            for left, right in _ROTATIONS[i & 1]:
                add(a, b, a)
                up(b, left, t)
                down(b, right, b)
                join(b, t, b)
                xor(b, a, b)
            add(a, first, a)
            add(b, second, b)
        yield a, b, part


def bits(key: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Random int32s: the first words of blocks 0, 1, 2, ..., then their second words.

    Args:
        key: two 32-bit words; the result depends on them and on the number of elements only.
        shape: the shape of the result.

    Example:
        >>> bits((0, 0), (2,))
        array([ 1797259609, -1715843330], dtype=int32)
    """
    count = math.prod(shape)
    words = np.empty((2, -(-count // 2)), np.uint32)
    for _ in _blocks(key, words.shape[1], words):
        pass
    return words.reshape(-1)[:count].view(np.int32).reshape(shape)


def _floats(
    key: Any, shape: tuple[int, ...], dtype: str, make: Callable[..., np.ndarray]
) -> np.ndarray:
    """What ``make`` makes of each chunk: of one word for a float32, of two for a float64."""
    count = math.prod(shape)
    if dtype == "float64":
        wide = np.empty(count, np.float64)
        for a, b, part in _blocks(key, count):
            wide[part] = make(a.view(np.int32), b.view(np.int32))
        return wide.reshape(shape)
    out = np.empty((2, -(-count // 2)), np.float32)
    for a, b, part in _blocks(key, out.shape[1], out.view(np.uint32)):
        out[0, part] = make(a.view(np.int32))
        out[1, part] = make(b.view(np.int32))
    return out.reshape(-1)[:count].reshape(shape)


def uniform(
    key: Any, shape: tuple[int, ...], minval: float, maxval: float, dtype: str
) -> np.ndarray:
    """Uniform floats in [minval, maxval), float32 or float64; as the op ``random_uniform``.

    Example:
        >>> uniform((0, 0), (2,), 0.0, 1.0, "float32")
        array([0.4184571 , 0.60049903], dtype=float32)
    """
    number = np.dtype(dtype).type
    scale = maxval - minval
    below = max(minval, largest_below(maxval, dtype))

    def make(first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
        if second is None:
            u = ((first >> 8) & 0xFFFFFF).astype(dtype)
            u *= number(2.0**-24)
        else:
            u = ((first >> 5) & 0x7FFFFFF).astype(dtype)
            u *= 2.0**26
            u += (second >> 6) & 0x3FFFFFF
            u *= 2.0**-53
        if scale != 1.0:
            u *= number(scale)
        if minval != 0.0:
            u += number(minval)
            np.minimum(u, number(below), out=u)
        return u

    return _floats(key, shape, dtype, make)


def quantiles(
    key: Any, shape: tuple[int, ...], name: str, scale: float, shift: float, dtype: str
) -> np.ndarray:
    """``scale * q + shift`` for q from a distribution of ``tables.NAMES``; as the op ``random_quantiles``.

    Example:
        >>> quantiles((0, 0), (2,), "normal", 1.0, 0.0, "float32")
        array([-0.2058422 ,  0.25463918], dtype=float32)
    """
    layout = LAYOUTS[dtype]
    start, step = table(name, dtype)

    def make(first: np.ndarray, second: np.ndarray | None = None) -> np.ndarray:
        if second is None:
            q = (first | 1).astype(np.float32)
        else:
            q = first.astype(np.float64)
            q *= 2.0**22
            q += ((second >> 10) & 0x3FFFFE) | 1
        float_bits = q.view(layout.integer)
        piece = (float_bits >> layout.piece_shift) & (layout.half - 1)
        piece |= (float_bits >> layout.sign_shift) & layout.half
        piece = piece.astype(np.intp)
        position = ((float_bits >> layout.position_shift) & ((1 << layout.position) - 1)).astype(
            layout.dtype
        )
        position *= step.take(piece, None, None, "clip")
        position += start.take(piece, None, None, "clip")
        if scale != 1.0:
            position *= position.dtype.type(scale)
        if shift != 0.0:
            position += position.dtype.type(shift)
        return position

    return _floats(key, shape, dtype, make)


def keep(key: Any, shape: tuple[int, ...], rate: float) -> np.ndarray:
    """Bools that are false with probability ``rate``; as the op ``random_keep``.

    Example:
        >>> keep((0, 0), (4,), 0.5)
        array([False, False, False,  True])
    """
    bits_each, below = threshold(rate)
    count = math.prod(shape)
    words = -(-count * bits_each // 32) if bits_each == 16 else count
    out = np.empty((2, 2, -(-words // 2)), bool)
    for a, b, part in _blocks(key, out.shape[2]):
        for at, chunk in enumerate((a.view(np.int32), b.view(np.int32))):
            if bits_each == 16:
                np.greater_equal(chunk & 0xFFFF, below, out[0, at, part])
                np.greater_equal((chunk >> 16) & 0xFFFF, below, out[1, at, part])
            else:
                np.greater_equal(chunk & 0x7FFFFFFF, below, out[0, at, part])
    low = out[0].reshape(-1)[:words]
    if bits_each == 16:
        low = np.concatenate([low, out[1].reshape(-1)[:words]])[:count]
    return low.reshape(shape)


def permutation(key: Any, count: int) -> np.ndarray:
    """The numbers below ``count`` in random order, to index host data; as the op ``random_permutation``.

    Example:
        >>> permutation((0, 0), 5)
        array([3, 4, 1, 2, 0])
    """
    if count <= SHORT:
        return np.argsort(bits(key, (count,)), kind="stable")
    first, second = bits(key, (2, count)).astype(np.int64)
    numbers = (first << 32) + second
    order = np.argsort(numbers)
    ordered = numbers[order]
    if (ordered[1:] == ordered[:-1]).any():
        return np.argsort(numbers, kind="stable")
    return order
