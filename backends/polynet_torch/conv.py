"""torch's own convolutions, pooling and patches; its channel axis is the second one.

Nothing but native overrides of the ops of ``polynet/ops/convolution.py``; where torch has no kernel
(more than three spatial axes, integers to pool) they run the body of the op.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch.nn import functional

from polynet.op import OPS

_CONVOLUTIONS = (None, functional.conv1d, functional.conv2d, functional.conv3d)
_TRANSPOSED = (
    None,
    functional.conv_transpose1d,
    functional.conv_transpose2d,
    functional.conv_transpose3d,
)
_MAXIMA = (None, torch.max_pool1d, torch.max_pool2d, torch.max_pool3d)


def _first(x: Any, data_format: str) -> Any:
    """``x`` as torch has it; channels that come last stay so in memory, where torch is the faster with them."""
    return x if data_format == "channels_first" else x.movedim(-1, 1)


def _given(x: Any, data_format: str) -> Any:
    return x if data_format == "channels_first" else x.movedim(1, -1)


def _filters_first(kernel: Any) -> Any:
    """A kernel as torch has it: filters, channels, then the spatial axes.

    In memory too where there is a single one: torch 2.13 refuses the gradient otherwise ("grad_weight must be
    contiguous"). Of several it makes the copy that it needs itself.
    """
    rank = kernel.ndim - 2
    weight = kernel.permute(rank + 1, rank, *range(rank))
    return weight.contiguous() if 1 in weight.shape[:2] else weight


def _padded(x: Any, padding: Any, value: float = 0.0) -> Any:
    """``x`` lengthened along its last axes; a negative number cuts."""
    flat = [number for pair in reversed(padding) for number in pair]
    return functional.pad(x, flat, value=value) if any(flat) else x


def _split(x: Any, padding: Any, window: Any, value: float = 0.0) -> tuple[Any, Any]:
    """``x``, and the padding that torch's function adds itself: the same on both sides.

    Args:
        window: for pooling, which takes half a window at most.
    """
    around = _around(padding, window)
    if around is not None:
        return x, around
    return _padded(x, padding, value), (0,) * len(padding)


@functools.lru_cache(maxsize=1024)
def _around(padding: Any, window: Any) -> tuple[int, ...] | None:
    most = (math.inf,) * len(padding) if window is None else tuple(n // 2 for n in window)
    for (before, after), top in zip(padding, most, strict=True):
        if before != after or not 0 <= before <= top:
            return None
    return tuple(before for before, _ in padding)


def _chosen(x: Any, size: Any, strides: Any, padding: Any) -> tuple[Any, Any, Any]:
    """Image, strides and padding, with strides of 1 where windows have one element.

    With larger ones oneDNN writes past the end of its memory (torch 2.13), and the process dies sooner or later.
    """
    if max(strides, default=1) == 1 or max(size) > 1:
        return x, strides, padding
    chosen = tuple(slice(None, None, stride) for stride in strides)
    none = ((0, 0),) * len(strides)
    return _padded(x, padding)[(..., *chosen)], (1,) * len(strides), none


def _convolved(
    x: Any,
    kernel: Any,
    bias: Any,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    data_format: str,
) -> Any:
    rank = len(strides)
    image, strides, padding = _chosen(_first(x, data_format), kernel.shape[:-2], strides, padding)
    image, around = _split(image, padding, None)
    run, weight, dtype = _CONVOLUTIONS[rank], _filters_first(kernel), x.dtype
    if rank == 3 and dtype is torch.bfloat16 and not x.is_cuda:
        # oneDNN gives wrong numbers for some shapes (torch 2.13, one channel, strides (1, 1, 2)).
        image, weight = image.float(), weight.float()
        bias = bias if bias is None else bias.float()
    y = run(image, weight, bias, strides, around, dilation, groups)
    return _given(y.to(dtype), data_format)


class Convolutions:
    """Convolutions, pooling and patches."""

    @staticmethod
    def convolution(
        x: Any,
        kernel: Any,
        strides: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        data_format: str,
    ) -> Any:
        if len(strides) > 3:
            body = OPS["convolution"].function
            return body(x, kernel, strides, padding, dilation, groups, data_format)
        return _convolved(x, kernel, None, strides, padding, dilation, groups, data_format)

    @staticmethod
    def biased_convolution(
        x: Any,
        kernel: Any,
        bias: Any,
        strides: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        data_format: str,
    ) -> Any:
        if len(strides) > 3 or bias.ndim != 1:
            body = OPS["biased_convolution"].function
            return body(x, kernel, bias, strides, padding, dilation, groups, data_format)
        return _convolved(x, kernel, bias, strides, padding, dilation, groups, data_format)

    @staticmethod
    def convolution_transpose(
        x: Any,
        kernel: Any,
        strides: Any,
        start: Any,
        dilation: Any,
        groups: int,
        size: Any,
        data_format: str,
    ) -> Any:
        rank = len(strides)
        if rank > 3:
            body = OPS["convolution_transpose"].function
            return body(x, kernel, strides, start, dilation, groups, size, data_format)
        image = _first(x, data_format)
        cut = []  # of the whole result, before and after
        for n, window, stride, step, first, length in zip(
            image.shape[2:], kernel.shape, strides, dilation, start, size, strict=False
        ):
            cut.append((first, (n - 1) * stride + (window - 1) * step + 1 - first - length))
        run, weight = _TRANSPOSED[rank], _filters_first(kernel)
        if all(0 <= b - a < stride for (b, a), stride in zip(cut, strides, strict=True)):
            more = [before - after for before, after in cut]
            y = run(image, weight, None, strides, start, more, groups, dilation)
        else:
            y = run(image, weight, None, strides, 0, 0, groups, dilation)
            y = _padded(y, [(-before, -after) for before, after in cut])
        return _given(y, data_format)

    @staticmethod
    def convolution_kernel(
        x: Any,
        cotangent: Any,
        size: Any,
        strides: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        data_format: str,
    ) -> Any:
        rank = len(strides)
        if rank > 3:
            body = OPS["convolution_kernel"].function
            return body(x, cotangent, size, strides, padding, dilation, groups, data_format)
        image, strides, padding = _chosen(_first(x, data_format), size, strides, padding)
        image, around = _split(image, padding, None)
        g = _first(cotangent, data_format)
        kernel = x.new_empty((g.shape[1], image.shape[1] // groups, *size))  # not read
        found = torch.ops.aten.convolution_backward(
            *(g, image, kernel, None, strides, around, dilation, False, [0] * rank, groups),
            [False, True, False],
        )[1]
        return found.permute(*range(2, rank + 2), 1, 0)

    @staticmethod
    def window_max(x: Any, size: Any, strides: Any, padding: Any, data_format: str) -> Any:
        rank = len(size)
        if rank > 3 or not x.is_floating_point():
            return OPS["window_max"].function(x, size, strides, padding, data_format)
        image, around = _split(_first(x, data_format), padding, size, -math.inf)
        return _given(_MAXIMA[rank](image, size, strides, around), data_format)

    @staticmethod
    def window_sum(x: Any, size: Any, strides: Any, padding: Any, data_format: str) -> Any:
        if len(size) != 2:
            return OPS["window_sum"].function(x, size, strides, padding, data_format)
        image, around = _split(_first(x, data_format), padding, size)
        y = functional.avg_pool2d(image, size, strides, around, divisor_override=1)
        return _given(y, data_format)

    @staticmethod
    def unfold(x: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
        if x.is_floating_point() and x.ndim == 4:
            return functional.unfold(x, kernel_size, dilation, padding, stride)
        return OPS["unfold"].function(x, kernel_size, dilation, padding, stride)

    @staticmethod
    def fold(
        x: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
    ) -> Any:
        if x.is_floating_point() and x.ndim == 3:
            return functional.fold(x, output_size, kernel_size, dilation, padding, stride)
        return OPS["fold"].function(x, output_size, kernel_size, dilation, padding, stride)
