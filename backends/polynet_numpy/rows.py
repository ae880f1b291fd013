"""Arrays seen as many short rows: sums as products with ones, and one row added to all.

NumPy's own loops begin anew for each row and add up slowly where they go across; BLAS does neither.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

_BLOCK = 1 << 17
"""Elements of a block."""

_MOST = 1 << 17
"""Ones that are kept."""

_LONGEST = 2048
"""Elements of a row from which on NumPy's sum is fast, and in float32 more exact."""

SMALL = 1 << 16
"""Elements up to which adding a row to all takes less time than making it longer before."""

_LEADING: dict[Any, int] = {(0,): 1, (0, 1): 2, (0, 1, 2): 3, 0: 1}
_FIRST = (0,), 0


@functools.lru_cache(maxsize=32)
def ones(length: int, dtype: Any) -> Any:
    """A vector of ones, not to be written into."""
    found = np.ones(length, dtype)
    found.flags.writeable = False
    return found


def product_sum(x: Any, axis: Any, keepdims: bool) -> Any:
    """The sum over the first axes or over the last one, where a product with ones is faster; else ``None``."""
    if x.dtype.char not in "fd" or not x.size:
        return None
    shape = x.shape
    if len(shape) == 2 and not keepdims and axis in _FIRST:
        if shape[1] < 4 or shape[0] > _MOST:
            return None
        return ones(shape[0], x.dtype).dot(x)
    leading = _LEADING.get(axis)
    if leading is not None and leading < len(shape):
        columns = math.prod(shape[leading:])
        if columns < 4 or x.size > columns * _MOST or not x.flags.c_contiguous:
            return None
        rows = x.size // columns
        y = ones(rows, x.dtype).dot(x.reshape(rows, columns))
        if keepdims:
            return y.reshape((1,) * leading + shape[leading:])
        return y if len(shape) == leading + 1 else y.reshape(shape[leading:])
    if len(shape) > 1 and axis in (-1, len(shape) - 1, (len(shape) - 1,), (-1,)):
        columns = shape[-1]
        if not 4 <= columns <= _LONGEST or not x.flags.c_contiguous:
            return None
        y = x.reshape(-1, columns).dot(ones(columns, x.dtype))
        return y.reshape((*shape[:-1], 1) if keepdims else shape[:-1])
    return None


def add_to_rows(y: Any, row: Any) -> None:
    """``y += row``, for a vector as long as the last axes of ``y`` together, which is row-major."""
    length = row.size
    if y.size < SMALL or length > _LONGEST:
        flat = y.reshape(-1, length) if y.size else y
        flat += row
        return
    times = 8192 // length
    flat = y.reshape(-1, length)
    whole = len(flat) // times * times
    longer = np.empty((times, length), y.dtype)
    longer[...] = row
    wide = flat[:whole].reshape(-1, times * length)
    wide += longer.reshape(-1)
    flat[whole:] += row


def row_blocks(*arrays: Any) -> Iterator[Any]:
    """Pieces of arrays with the same axes but for the last, as matrices of whole rows, that fit in the cache."""
    rows = [x.reshape(-1, x.shape[-1]) for x in arrays]
    step = max(1, _BLOCK // max(x.shape[-1] for x in arrays))
    if len(rows[0]) <= step:
        yield rows
        return
    for start in range(0, len(rows[0]), step):
        yield [x[start : start + step] for x in rows]
