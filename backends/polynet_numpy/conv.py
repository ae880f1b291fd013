"""NumPy's convolutions and pooling: matrix products over blocks of images that fit in the cache.

The channel axis is last here; ``channels_first`` is a transposed view of the same work.  Half
precision is computed in float32.  Nothing but native overrides of the ops of
``polynet/ops/convolution.py``.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from polynet_numpy.rows import add_to_rows

_BLOCK = 1 << 18  # elements that a block of columns may have; about a quarter of a cache


def _in_float32(method: Callable[..., Any]) -> Callable[..., Any]:
    """``method`` on float32 where it is given half precision, whose products are slow."""

    @functools.wraps(method)
    def run(self: Any, *args: Any) -> Any:
        dtype = args[0].dtype
        if dtype.itemsize > 2:
            return method(self, *args)
        wide = (arg.astype(np.float32) if isinstance(arg, np.ndarray) else arg for arg in args)
        return method(self, *wide).astype(dtype)

    return run


def _last(x: Any, data_format: str) -> Any:
    return x if data_format == "channels_last" else np.moveaxis(x, 1, -1)


def _given(x: Any, data_format: str) -> Any:
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)


def _padded(x: Any, padding: Any) -> Any:
    """``x`` in row-major order with zeros around its spatial axes; a negative number cuts."""
    if not any(map(any, padding)):
        return np.ascontiguousarray(x)
    taken, put, shape = [], [], []
    for n, (before, after) in zip(x.shape[1:], padding, strict=False):
        taken.append(slice(max(-before, 0), n - max(-after, 0)))
        kept = taken[-1].stop - taken[-1].start
        put.append(slice(max(before, 0), max(before, 0) + kept))
        shape.append(n + before + after)
    result = np.zeros((x.shape[0], *shape, x.shape[-1]), x.dtype)
    result[(slice(None), *put)] = x[(slice(None), *taken)]
    return result


def _results(spatial: Any, size: Any, strides: Any, dilation: Any) -> tuple[int, ...]:
    return tuple(
        (n - (window - 1) * step - 1) // stride + 1
        for n, window, stride, step in zip(spatial, size, strides, dilation, strict=True)
    )


def _places(size: Any, strides: Any, dilation: Any, results: Any) -> Iterator[tuple[Any, Any]]:
    """Each element of a window, and the key of what it meets."""
    for offset in itertools.product(*map(range, size)):
        yield (
            offset,
            (
                slice(None),
                *(
                    slice(at * step, at * step + (n - 1) * stride + 1, stride)
                    for at, step, stride, n in zip(offset, dilation, strides, results, strict=True)
                ),
            ),
        )


def _blocks(
    x: Any, size: Any, strides: Any, dilation: Any, results: Any, groups: int
) -> Iterator[tuple[slice, Any]]:
    """Block by block, which rows it has, and (groups, rows, kernel elements * channels)."""
    rows, count = math.prod(results), math.prod(size)
    channels = x.shape[-1] // groups
    if count == 1 and groups == 1 and set(strides) == {1}:
        yield slice(0, x.shape[0] * rows), x.reshape(1, x.shape[0] * rows, channels)
        return
    first, *spatial, last = x.strides
    shape = (groups, x.shape[0], *results, *size, channels)
    moves = (stride * step for stride, step in zip(strides, spatial, strict=True))
    inner = (step * apart for step, apart in zip(spatial, dilation, strict=True))
    windows = np.ndarray(shape, x.dtype, x, 0, (last * channels, first, *moves, *inner, last))
    step = max(1, min(x.shape[0], _BLOCK // max(rows * count * x.shape[-1], 1)))
    buffer = np.empty((groups, step, *shape[2:]), x.dtype)
    for at in range(0, x.shape[0], step):
        images = min(step, x.shape[0] - at)
        block = buffer[:, :images]
        np.copyto(block, windows[:, at : at + images])
        columns = block.reshape(groups, images * rows, count * channels)
        yield slice(at * rows, (at + images) * rows), columns


def _by_group(x: Any, groups: int) -> Any:
    """A view as (groups, rows, channels of a group)."""
    return x.reshape(-1, groups, x.shape[-1] // groups).transpose(1, 0, 2)


class Convolutions:
    """The native overrides for convolutions and pooling."""

    @_in_float32
    def convolution(
        self,
        x: Any,
        kernel: Any,
        strides: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        data_format: str,
    ) -> Any:
        x = _last(x, data_format)
        return _given(_convolved(x, kernel, strides, padding, dilation, groups), data_format)

    @_in_float32
    def biased_convolution(
        self,
        x: Any,
        kernel: Any,
        bias: Any,
        strides: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        data_format: str,
    ) -> Any:
        x, fits = _last(x, data_format), bias.shape == kernel.shape[-1:]
        y = _convolved(x, kernel, strides, padding, dilation, groups, bias if fits else None)
        return _given(y if fits else y + bias, data_format)

    @_in_float32
    def convolution_transpose(
        self,
        x: Any,
        kernel: Any,
        strides: Any,
        start: Any,
        dilation: Any,
        groups: int,
        size: Any,
        data_format: str,
    ) -> Any:
        x = np.ascontiguousarray(_last(x, data_format))
        *window, channels, _ = kernel.shape
        results = x.shape[1:-1]
        room = (
            max(first + length, (n - 1) * stride + (span - 1) * step + 1)
            for first, length, n, stride, span, step in zip(
                start, size, results, strides, window, dilation, strict=True
            )
        )
        y = np.zeros((x.shape[0], *room, groups * channels), x.dtype)
        if channels == 1 and groups > 1:
            _depthwise_transpose(y, x, kernel, strides, dilation)
        else:
            _scatter(y, x, kernel, strides, dilation, groups)
        inside = (slice(first, first + length) for first, length in zip(start, size, strict=True))
        return _given(y[(slice(None), *inside)], data_format)

    @_in_float32
    def convolution_kernel(
        self,
        x: Any,
        cotangent: Any,
        size: Any,
        strides: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        data_format: str,
    ) -> Any:
        x = _padded(_last(x, data_format), padding)
        g = np.ascontiguousarray(_last(cotangent, data_format))
        results, channels, filters = g.shape[1:-1], x.shape[-1] // groups, g.shape[-1]
        if channels == 1 and groups > 1:
            return _depthwise_kernel(x, g, size, strides, dilation)
        total = np.zeros((groups, math.prod(size) * channels, filters // groups), x.dtype)
        by_group = _by_group(g, groups)
        for rows, columns in _blocks(x, size, strides, dilation, results, groups):
            total += np.matmul(columns.transpose(0, 2, 1), by_group[:, rows])
        return total.transpose(1, 0, 2).reshape(*size, channels, filters)

    def window_max_gradient(
        self,
        cotangent: Any,
        x: Any,
        value: Any,
        size: Any,
        strides: Any,
        padding: Any,
        data_format: str,
    ) -> Any:
        first = 1 if data_format == "channels_last" else 2
        spatial = x.shape[first : first + len(size)]
        around = [(0, 0)] * x.ndim
        around[first : first + len(size)] = padding
        if any(map(any, padding)):
            lowest = -np.inf if x.dtype.kind not in "iub" else np.iinfo(x.dtype).min
            x = np.pad(x, around, constant_values=lowest)
        apart = all(window <= stride for window, stride in zip(size, strides, strict=True))
        y = np.zeros(x.shape, cotangent.dtype)
        whole = f"i{y.itemsize}"  # as integers, so that a bool times an infinity is 0
        free = np.ones(value.shape, bool)
        ones, results = (1,) * len(size), value.shape[first : first + len(size)]
        for _, key in _places(size, strides, ones, results):
            place = (*(slice(None),) * (first - 1), *key)
            chosen = x[place] == value
            chosen &= free
            free ^= chosen
            if apart:
                np.multiply(cotangent.view(whole), chosen, out=y.view(whole)[place])
            else:
                y[place] += (cotangent.view(whole) * chosen).view(y.dtype)
        inside = (
            slice(before, before + n) for n, (before, _) in zip(spatial, padding, strict=True)
        )
        return y[(*(slice(None),) * first, *inside)]


def _convolved(
    x: Any,
    kernel: Any,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    bias: Any = None,
) -> Any:
    """The convolution of images whose channels come last, and a number for each filter."""
    x = _padded(x, padding)
    *size, channels, filters = kernel.shape
    results = _results(x.shape[1:-1], size, strides, dilation)
    y = np.empty((x.shape[0], *results, filters), x.dtype)
    if channels == 1 and groups > 1:
        _depthwise(y, x, kernel, strides, dilation)
        if bias is not None:
            add_to_rows(y, bias)
        return y
    weights = np.ascontiguousarray(_by_group(kernel, groups))
    by_group, flat = _by_group(y, groups), y.reshape(-1, filters)
    for rows, columns in _blocks(x, size, strides, dilation, results, groups):
        np.matmul(columns, weights, out=by_group[:, rows])
        if bias is not None:
            add_to_rows(flat[rows], bias)
    return y


def _scatter(y: Any, x: Any, kernel: Any, strides: Any, dilation: Any, groups: int) -> None:
    """Add the product of ``x`` and each kernel element to the places of ``y`` that it meets."""
    *window, channels, filters = kernel.shape
    rank, results = len(window), x.shape[1:-1]
    weights = kernel.reshape(*window, channels, groups, filters // groups)
    weights = np.ascontiguousarray(weights.transpose(*range(rank), rank + 1, rank + 2, rank))
    rows = math.prod(results)
    step = max(1, min(x.shape[0], _BLOCK // max(rows * groups * channels, 1)))
    buffer = np.empty((groups, step * rows, channels), x.dtype)
    for at in range(0, x.shape[0], step):
        images = min(step, x.shape[0] - at)
        block, by_group = y[at : at + images], _by_group(x[at : at + images], groups)
        part = buffer[:, : images * rows]
        for offset, key in _places(window, strides, dilation, results):
            np.matmul(by_group, weights[offset], out=part)
            block[key] += part.transpose(1, 0, 2).reshape(images, *results, -1)


def _depthwise(y: Any, x: Any, kernel: Any, strides: Any, dilation: Any) -> None:
    """Fill ``y`` with the convolution of each channel on its own."""
    *size, _, filters = kernel.shape
    results, channels = y.shape[1:-1], x.shape[-1]
    weights = kernel.reshape(*size, channels, filters // channels)
    deep = y.reshape(*y.shape[:-1], channels, filters // channels)
    part = np.empty(deep.shape[1:], y.dtype)
    for image, to in zip(x, deep, strict=True):
        for i, (offset, key) in enumerate(_places(size, strides, dilation, results)):
            np.multiply(image[key[1:]][..., None], weights[offset], out=part if i else to)
            if i:
                to += part


def _depthwise_transpose(y: Any, x: Any, kernel: Any, strides: Any, dilation: Any) -> None:
    """Add what each channel of ``x`` gives to the places of ``y`` that a kernel element meets."""
    *size, _, filters = kernel.shape
    results, channels = x.shape[1:-1], y.shape[-1]
    weights = kernel.reshape(*size, channels, filters // channels)
    deep = x.reshape(*x.shape[:-1], channels, filters // channels)
    for to, image in zip(y, deep, strict=True):
        for offset, key in _places(size, strides, dilation, results):
            part = image * weights[offset]
            to[key[1:]] += part[..., 0] if part.shape[-1] == 1 else part.sum(-1)


def _depthwise_kernel(x: Any, g: Any, size: Any, strides: Any, dilation: Any) -> Any:
    """The gradient of a depthwise convolution by its kernel."""
    results, channels, filters = g.shape[1:-1], x.shape[-1], g.shape[-1]
    deep = g.reshape(*g.shape[:-1], channels, filters // channels)
    total = np.zeros((*size, channels, filters // channels), x.dtype)
    axes = tuple(range(len(results)))
    for image, part in zip(x, deep, strict=True):
        for offset, key in _places(size, strides, dilation, results):
            total[offset] += (image[key[1:]][..., None] * part).sum(axes)
    return total.reshape(*size, 1, filters)
