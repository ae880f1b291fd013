"""Dense layers, the loss of labels, NumPy's own top_k and correlation, and sums by index without ``ufunc.at``.

Only what is faster than the composite.  What is not covered runs the op's body.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from polynet.op import OPS
from polynet.ops.sorting import TopK, check_top_k


class Neural:
    """Dense layers, the loss of labels, top_k and correlation."""

    def affine(self, x: Any, kernel: Any, bias: Any) -> Any:
        if x.dtype.kind != "f" or x.dtype.itemsize < 4 or not x.dtype == kernel.dtype == bias.dtype:
            return OPS["affine"].function(x, kernel, bias)
        y = self.matmul(x, kernel)
        if y.ndim and bias.ndim == 1 and bias.size == y.shape[-1]:
            y += bias
            return y
        return y + bias

    @staticmethod
    def label_loss(labels: Any, logits: Any, axis: int) -> Any:
        moved = logits - logits.max(axis, keepdims=True)
        sums = np.exp(moved).sum(axis, keepdims=True)
        chosen = np.minimum(np.maximum(labels, 0), logits.shape[axis] - 1)
        loss = np.log(sums, out=sums)
        loss -= np.take_along_axis(moved, chosen, axis)
        loss[chosen != labels] = 0.0
        return loss

    @staticmethod
    def label_loss_slope(g: Any, labels: Any, logits: Any, axis: int) -> Any:
        slope = logits - logits.max(axis, keepdims=True)
        np.exp(slope, out=slope)
        slope /= slope.sum(axis, keepdims=True)
        chosen = np.minimum(np.maximum(labels, 0), logits.shape[axis] - 1)
        at = np.take_along_axis(slope, chosen, axis)
        np.put_along_axis(slope, chosen, at - 1.0, axis)
        slope *= np.where(chosen == labels, g, np.zeros((), g.dtype))
        return slope

    def top_k(self, x: Any, k: int, sorted: bool = True) -> Any:
        check_top_k(x.shape, k)
        n = x.shape[-1]
        if x.dtype.kind == "b" or not 0 < 4 * k <= n or x.size < 1024:
            return OPS["top_k"].function(x, k, sorted)
        least = np.partition(x, n - k, -1)[..., n - k, None]
        chosen = x > least
        tied = x == least
        left = k - np.count_nonzero(chosen, -1, keepdims=True)
        if np.any(np.count_nonzero(tied, -1, keepdims=True) != left):
            if x.dtype.kind == "f" and np.isnan(x).any():
                return OPS["top_k"].function(x, k, sorted)
            tied &= np.cumsum(tied, -1) <= left  # of equals the earlier ones
        chosen |= tied
        indices = np.nonzero(chosen)[-1].reshape(*x.shape[:-1], k)
        values = np.take_along_axis(x, indices, -1)
        backwards = -values if x.dtype.kind == "f" else ~values
        order = np.argsort(backwards, -1, kind="stable")
        indices = np.take_along_axis(indices, order, -1)
        return TopK(np.take_along_axis(values, order, -1), indices.astype("int32"))

    def correlate(self, x1: Any, x2: Any, mode: str) -> Any:
        if x1.ndim != 1 or x2.ndim != 1 or not x1.size or not x2.size:
            return OPS["correlate"].function(x1, x2, mode)
        if x1.dtype.itemsize > 2:
            return np.correlate(x1, x2, mode)
        return np.correlate(x1.astype(np.float32), x2.astype(np.float32), mode).astype(x1.dtype)


# ------------------------------------------------------------------------------- sums by an index


_WIDE = 256  # elements of a row, from which on a step of Python's for each row does not matter


def combined_at(ufunc: Any, y: Any, indices: Any, updates: Any, key: Any, hole: Any) -> bool:
    """``ufunc.at(y, key, updates)``, where each of the first axes is indexed, by rows; says whether it was done.

    ``ufunc.at`` goes from element to element, which takes up to thirty times as long.
    """
    axes = len(key)
    if key != (hole,) * axes or updates.size < 256 or not y.size:
        return False
    shape = np.broadcast_shapes(*(index.shape for index in indices))
    places = np.zeros(shape, np.intp)
    for index, length in zip(indices, y.shape, strict=False):
        index = np.where(index < 0, index + length, index)
        if index.size and (index.min() < 0 or index.max() >= length):
            return False  # the error is NumPy's
        places = places * length + index
    places = places.reshape(-1)
    rows = y.reshape(math.prod(y.shape[:axes]), -1)  # a view: y is a new array
    updates = np.broadcast_to(updates, (*shape, *y.shape[axes:])).reshape(places.size, -1)
    if rows.shape[1] >= _WIDE and y.dtype.itemsize > 2:
        for place, update in zip(places.tolist(), updates, strict=True):
            row = rows[place]
            ufunc(row, update, out=row)
        return True
    wide = np.float32 if y.dtype.itemsize == 2 and y.dtype.kind == "f" else y.dtype
    if rows.shape[1] == 1 and ufunc is np.add and y.dtype.kind == "f":
        if rows.shape[0] <= 16 * places.size:
            rows[:, 0] += np.bincount(places, updates[:, 0], rows.shape[0]).astype(wide)
            return True
    order = np.argsort(places, kind="stable")
    places = places[order]
    starts = np.flatnonzero(np.concatenate(([True], places[1:] != places[:-1])))
    total = ufunc.reduceat(updates[order].astype(wide, copy=False), starts, 0, wide)
    places = places[starts]
    rows[places] = ufunc(rows[places], total).astype(y.dtype, copy=False)
    return True
