"""Elements of an array by NumPy's rules of indexing, and copies with other elements, in the standard's words.

The standard has slices, ``take`` and no scatter: index arrays become places in the flattened array, and updates that
meet at one place are sorted to lie side by side and combined there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from polynet.ops.primitives import HOLE, expand_key, indexed_shape

_REDUCTIONS = {"add": "add", "multiply": "multiply", "max": "maximum", "min": "minimum"}


class Indexing:
    """The part of the backend that reads and replaces elements."""

    xp: Any
    dtypes: Any
    method: Callable[..., Any]
    dtype_of: Callable[[Any], str]

    def index(self, x: Any, indices: Sequence[Any], key: tuple[Any, ...]) -> Any:
        if not indices:
            return x[_tidy(key, x.shape)]
        axis = key.index(HOLE)
        if len(indices) == 1 and all(
            entry == slice(None) for entry in (*key[:axis], *key[axis + 1 :])
        ):
            found = self._within(indices[0], x.shape[axis])
            y = self.xp.take(x, self.xp.reshape(found, (-1,)), axis=axis)
            return self.xp.reshape(y, (*x.shape[:axis], *found.shape, *x.shape[axis + 1 :]))
        places = self._places(x.shape, indices, key)
        y = self.xp.take(self.xp.reshape(x, (-1,)), self.xp.reshape(places, (-1,)), axis=0)
        return self.xp.reshape(y, places.shape)

    def index_update(
        self,
        x: Any,
        indices: Sequence[Any],
        updates: Any,
        key: tuple[Any, ...],
        reduction: str | None,
    ) -> Any:
        xp, combine = self.xp, None
        if reduction is not None:
            combine = self.method(_REDUCTIONS[reduction], [self.dtype_of(x)] * 2)
        if not indices:
            updates = xp.broadcast_to(updates, indexed_shape(x.shape, (), key))
            key = _tidy(tuple(entry for entry in key if entry is not None), x.shape)
            y = xp.asarray(x, copy=True)
            updates = xp.reshape(updates, y[key].shape)
            y[key] = updates if combine is None else combine(y[key], updates)
            return y
        places = self._places(x.shape, indices, key)
        if not math.prod(places.shape):
            return xp.asarray(x, copy=True)
        updates = xp.reshape(xp.broadcast_to(updates, places.shape), (-1,))
        places, updates = self._combined(xp.reshape(places, (-1,)), updates, combine)
        every = xp.arange(math.prod(x.shape), dtype=places.dtype)
        last = xp.searchsorted(places, every, side="right") - 1
        last = xp.where(last < 0, xp.zeros_like(last), last)
        flat, new = xp.reshape(x, (-1,)), xp.take(updates, last, axis=0)
        new = new if combine is None else combine(flat, new)
        named = xp.take(places, last, axis=0) == every
        return xp.reshape(xp.where(named, new, flat), x.shape)

    def _combined(
        self, places: Any, updates: Any, combine: Callable[..., Any] | None
    ) -> tuple[Any, Any]:
        """Both sorted by place; the last update of each place is all of that place combined, or the last that came."""
        xp = self.xp
        order = xp.argsort(places, stable=True)
        places, updates = xp.take(places, order, axis=0), xp.take(updates, order, axis=0)
        step = 1
        while combine is not None and step < places.shape[0]:
            same = places[step:] == places[:-step]
            if not xp.any(same):
                break
            later = updates[step:]
            later = xp.where(same, combine(updates[:-step], later), later)
            updates = xp.concat([updates[:step], later])
            step *= 2
        return places, updates

    def nonzero(self, x: Any) -> Any:
        return tuple(self.xp.astype(part, self.dtypes["int32"]) for part in self.xp.nonzero(x))

    def _within(self, index: Any, length: int) -> Any:
        """An index array without negative numbers, or an error."""
        xp = self.xp
        index = xp.astype(index, self.dtypes["int64"])
        if xp.any((index < -length) | (index >= length)):
            raise IndexError(f"an index is out of range for an axis of length {length}")
        return xp.where(index < 0, index + length, index)

    def _places(self, shape: tuple[int, ...], indices: Sequence[Any], key: tuple[Any, ...]) -> Any:
        """The number in row-major order of each element that is named."""
        xp, int64 = self.xp, self.dtypes["int64"]
        result = indexed_shape(shape, indices, key)
        key = expand_key(key, len(shape))
        width = max(len(index.shape) for index in indices)
        holes = [at for at, entry in enumerate(key) if entry is HOLE]
        apart = holes[-1] - holes[0] >= len(holes)
        first = 0 if apart else holes[0]  # of the axes that stem from index arrays
        places, rest, number, axis = xp.zeros((), dtype=int64), iter(indices), 0, 0
        for entry in key:
            at = len(result) - 1 - (number if number < first else number + width)
            number += entry is not HOLE
            if entry is None:
                continue
            stride = math.prod(shape[axis + 1 :])
            if entry is HOLE:
                part, at = self._within(next(rest), shape[axis]), len(result) - first - width
            else:
                part = xp.arange(*entry.indices(shape[axis]), dtype=int64)
            places = places + xp.reshape(part, (*part.shape, *(1,) * at)) * stride
            axis += 1
        return xp.broadcast_to(places, result)


def _tidy(key: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """A key of integers and slices with an entry for each axis, and with no slice that leaves its axis."""
    tidy, axis = [], 0
    for entry in expand_key(key, len(shape)):
        if isinstance(entry, slice):
            start, stop, step = entry.indices(shape[axis])
            if not len(range(start, stop, step)):
                start, stop, step = 0, 0, 1
            entry = slice(start, None if stop < 0 else stop, step)
        tidy.append(entry)
        axis += entry is not None
    return tuple(tidy)
