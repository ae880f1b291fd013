"""Dense layers, normalization, the loss of labels, top_k, correlation, and sums by index without ``ufunc.at``.

Only what is faster than the composite.  What is not covered runs the op's body.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from polynet.op import OPS
from polynet.ops.sorting import TopK, check_top_k
from polynet_numpy.rows import SMALL, add_to_rows, ones, row_blocks


class Neural:
    """Dense layers, normalization, the loss of labels, top_k and correlation."""

    def affine(self, x: Any, kernel: Any, bias: Any) -> Any:
        dtype = x.dtype
        plain = dtype is bias.dtype and dtype is kernel.dtype and dtype.char in "fd"
        if not (plain and x.ndim > 1 and kernel.ndim == 2 and bias.shape == kernel.shape[1:]):
            return OPS["affine"].function(x, kernel, bias)
        y = x.dot(kernel) if x.ndim == 2 else self.matmul(x, kernel)  # type: ignore[attr-defined]
        if y.size < SMALL:
            y += bias
        else:
            add_to_rows(y, bias)
        return y

    @staticmethod
    def label_loss(labels: Any, logits: Any, axis: int) -> Any:
        if logits.ndim < 2 or axis != logits.ndim - 1 or not logits.size:
            return OPS["label_loss"].function(labels, logits, axis)
        moved = logits - np.maximum.reduce(logits, -1, None, None, True)
        loss = np.exp(moved).dot(ones(logits.shape[-1], logits.dtype))
        np.log(loss, loss)
        at, counted = _at_labels(labels, logits.shape[-1])
        flat = loss.reshape(-1)
        flat -= moved.reshape(-1)[at]
        if counted is not None:
            flat[~counted] = 0.0
        return loss.reshape(labels.shape)

    @staticmethod
    def label_loss_slope(g: Any, labels: Any, logits: Any, axis: int) -> Any:
        if logits.ndim < 2 or axis != logits.ndim - 1 or not logits.size:
            return OPS["label_loss_slope"].function(g, labels, logits, axis)
        slope = logits - np.maximum.reduce(logits, -1, None, None, True)
        np.exp(slope, slope)
        factor = g / slope.dot(ones(logits.shape[-1], logits.dtype)).reshape(g.shape)
        at, counted = _at_labels(labels, logits.shape[-1])
        if counted is not None:
            counted = counted.reshape(g.shape)
            g = np.where(counted, g, np.zeros((), g.dtype))
            factor = np.where(counted, factor, np.zeros((), g.dtype))
        slope *= factor
        slope.reshape(-1)[at] -= g.reshape(-1)
        return slope

    @staticmethod
    def standardized(x: Any, axes: tuple[int, ...], epsilon: float, center: bool) -> Any:
        if x.dtype != np.float32 or axes != (x.ndim - 1,) or not x.size:
            return OPS["standardized"].function(x, axes, epsilon, center)
        length = x.shape[-1]
        mean = ones(length, x.dtype) / np.float32(length)
        value, factor = np.empty(x.shape, x.dtype), np.empty((*x.shape[:-1], 1), x.dtype)
        for given, y, scale in row_blocks(x, value, factor):
            if center:
                np.subtract(given, given.dot(mean)[:, None], y)
                given = y
            np.dot(np.square(given), mean, scale[:, 0])
            scale += epsilon
            np.sqrt(scale, scale)
            np.divide(1, scale, scale)
            np.multiply(given, scale, y)
        return value, factor

    @staticmethod
    def standardized_gradient(
        cotangent: Any,
        by_factor: Any,
        value: Any,
        factor: Any,
        axes: tuple[int, ...],
        center: bool,
    ) -> Any:
        alike = value.dtype == cotangent.dtype == np.float32 and value.shape == cotangent.shape
        if not alike or axes != (value.ndim - 1,) or not value.size:
            given = (cotangent, by_factor, value, factor, axes, center)
            return OPS["standardized_gradient"].function(*given)
        length = value.shape[-1]
        mean = ones(length, value.dtype) / np.float32(length)
        result = np.empty(value.shape, value.dtype)
        by_factor = np.ascontiguousarray(by_factor)
        for g, of_factor, y, scale, part in row_blocks(cotangent, by_factor, value, factor, result):
            along = np.multiply(g, y, part).dot(mean)[:, None]
            along += of_factor * scale / np.float32(length)
            np.multiply(y, along, part)
            np.subtract(g, part, part)
            if center:
                part -= g.dot(mean)[:, None]
            part *= scale
        return result

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


def _at_labels(labels: Any, classes: int) -> tuple[Any, Any]:
    """Where the labels are in flat logits, and which of them count, or ``None`` where all do."""
    flat = labels.reshape(-1)
    start = np.arange(0, flat.size * classes, classes)
    if np.maximum.reduce(flat.view(f"u{flat.itemsize}")) < classes:  # as if negative ones were huge
        return start + flat, None
    chosen = np.minimum(np.maximum(flat, 0), classes - 1)
    return start + chosen, chosen == flat


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
