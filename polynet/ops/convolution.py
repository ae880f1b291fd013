"""Convolutions and pooling over any number of spatial axes, and the moving of patches.

Each public op settles strides, padding and data format, and calls an op with nothing left to
decide: every number spelled out, one (before, after) pair of padding a spatial axis.  These few are
what a backend overrides, and they are closed under differentiation: the gradients of
``convolution`` by its image and by its kernel are ``convolution_transpose`` and
``convolution_kernel``, whose gradients are again two of the three; ``window_sum`` and
``window_sum_transpose``, ``window_max_pick`` and ``window_max_gradient``, ``unfold`` and ``fold``
are each other's.

The three convolutions tell their shape at once when only that is asked for: kernels are loops here.

Resizing, cropping and patches of images are in ``image.py``.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from polynet import config, dtypes, errors, spec
from polynet.op import op
from polynet.ops import primitives as ops
from polynet.spec import Spec
from polynet.tensor import Tensor
from polynet.values import dtype_of

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "fold",
    "max_pool",
    "separable_conv",
    "unfold",
]

Pairs = tuple[tuple[int, int], ...]
Numbers = tuple[int, ...]

_FORMATS = ("channels_last", "channels_first")

# ------------------------------------------------------------------------- settling the arguments


def _format(data_format: str | None) -> str:
    """``data_format``, or the configured one."""
    if data_format is None:
        return config.image_data_format()
    if data_format not in _FORMATS:
        raise ValueError(
            f"data_format: expected 'channels_last', 'channels_first' or None for the configured "
            f"one; got {data_format!r}.{errors.closest(data_format, _FORMATS)}"
        )
    return data_format


def _numbers(value: Any, rank: int, name: str, least: int = 1) -> Numbers:
    """One integer for each of ``rank`` spatial axes, from one for all or from a sequence."""
    try:
        whole = isinstance(value, Sequence)
        found = tuple(map(operator.index, value)) if whole else (operator.index(value),) * rank
    except TypeError:
        raise TypeError(f"{name}: expected an integer or {rank} of them; got {value!r}.") from None
    if len(found) != rank or any(number < least for number in found):
        raise ValueError(
            f"{name}: expected an integer of at least {least}, or {rank} of them, one for each "
            f"spatial axis; got {value!r}."
        )
    return found


def _known_padding(padding: Any, known: tuple[str, ...]) -> str:
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in known:
        raise ValueError(
            f"padding: expected {' or '.join(map(repr, known))}; got {padding!r}."
            f"{errors.closest(padding, known)}"
        )
    return str(name)


def _span(size: int, dilation: int) -> int:
    """How many elements a kernel reaches over."""
    return (size - 1) * dilation + 1


def _pairs(
    padding: str, spatial: Numbers, size: Numbers, strides: Numbers, dilation: Numbers
) -> Pairs:
    """What ``"valid"``, ``"same"`` or ``"causal"`` adds before and after each spatial axis."""
    pairs = []
    for length, window, stride, step in zip(spatial, size, strides, dilation, strict=True):
        span = _span(window, step)
        if padding == "valid":
            total = before = 0
        elif padding == "causal":
            total = before = span - 1
        else:
            total = max((-(-length // stride) - 1) * stride + span - length, 0)
            before = total // 2
        pairs.append((before, total - before))
    return tuple(pairs)


def _results(
    spatial: Numbers, size: Numbers, strides: Numbers, padding: Pairs, dilation: Numbers
) -> Numbers:
    """How many places a window has along each spatial axis."""
    return tuple(
        (length + before + after - _span(window, step)) // stride + 1
        for length, window, stride, (before, after), step in zip(
            spatial, size, strides, padding, dilation, strict=True
        )
    )


def _check_fits(results: Numbers, spatial: Numbers, what: str) -> None:
    if any(n < 1 for n in results):
        raise errors.ShapeError(
            f"inputs: spatial shape {spatial} is too small for {what}, and nothing would be left. "
            f"Use padding='same' or a smaller window."
        )


@functools.lru_cache(4096)
def window_padding(
    padding: str, spatial: Numbers, size: Numbers, strides: Numbers, dilation: Numbers, what: str
) -> Pairs:
    """The padding of a window that moves over these spatial axes; an error if there is no place for it."""
    pairs = _pairs(padding, spatial, size, strides, dilation)
    _check_fits(_results(spatial, size, strides, pairs, dilation), spatial, f"{what} of {size}")
    return pairs


def _spatial(shape: Sequence[int], data_format: str) -> Numbers:
    """The lengths of the spatial axes."""
    return tuple(shape[1:-1] if data_format == "channels_last" else shape[2:])


def _channels(shape: Sequence[int], data_format: str) -> int:
    return shape[-1] if data_format == "channels_last" else shape[1]


def _rank(inputs: Tensor) -> int:
    rank = len(inputs.shape) - 2
    if rank < 1:
        raise errors.ShapeError(
            f"inputs: expected a batch axis, spatial axes and a channel axis; got shape "
            f"{tuple(inputs.shape)}. Add the missing axes with ops.expand_dims."
        )
    return rank


def _check_kernel(inputs: Tensor, kernel: Tensor, name: str, meaning: str) -> None:
    if len(kernel.shape) != len(inputs.shape):
        raise errors.ShapeError(
            f"{name}: expected {len(inputs.shape)} axes, as inputs have ({meaning}); got shape "
            f"{tuple(kernel.shape)} beside inputs of shape {tuple(inputs.shape)}."
        )


# ----------------------------------------------------------------------------------- convolutions


@op(dtypes=spec.elementwise_float)
def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """Convolution of images, series or volumes with a kernel.

    When the inputs have more channels than the kernel, they are split in as many groups as it
    takes, and each group has its own part of the filters.

    Args:
        inputs: a batch axis, spatial axes, and a channel axis where ``data_format`` says.
        kernel: of shape ``(*spatial, channels / groups, filters)``.
        strides: by how many elements the kernel moves, for all spatial axes or for each.
        padding: ``"valid"`` (none), ``"same"`` (zeros, so that with strides of 1 the length
            stays), or ``"causal"`` (zeros before a series only).
        data_format: ``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one.
        dilation_rate: by how many elements the kernel's own are apart.

    Example:
        >>> import numpy as np
        >>> from polynet import ops
        >>> ops.conv(np.ones((1, 8, 8, 3)), np.ones((3, 3, 3, 16)), strides=2).shape
        (1, 3, 3, 16)
    """
    rank = _rank(inputs)
    data_format = _format(data_format)
    strides = _numbers(strides, rank, "strides")
    dilation = _numbers(dilation_rate, rank, "dilation_rate")
    name = _known_padding(padding, ("valid", "same", "causal") if rank == 1 else ("valid", "same"))
    _check_kernel(inputs, kernel, "kernel", "spatial axes, channels, filters")
    *sizes, channels, filters = kernel.shape
    size, spatial = tuple(sizes), _spatial(inputs.shape, data_format)
    given = _channels(inputs.shape, data_format)
    if channels == 0 or given % channels or given == 0:
        raise errors.ShapeError(
            f"kernel: shape {tuple(kernel.shape)} works on {channels} channels, but inputs of "
            f"shape {tuple(inputs.shape)} have {given} ({data_format}); expected {given}, or a "
            f"divisor of it for groups."
        )
    groups = given // channels
    if filters % groups:
        raise errors.ShapeError(
            f"kernel: {filters} filters (shape {tuple(kernel.shape)}) do not divide into the "
            f"{groups} groups that inputs with {given} channels make."
        )
    pairs = window_padding(name, spatial, size, strides, dilation, "a kernel")
    return convolution(inputs, kernel, strides, pairs, dilation, groups, data_format)


@op(dtypes=spec.elementwise_float)
def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """Convolution of each channel on its own.

    Args:
        inputs: a batch axis, spatial axes, and a channel axis where ``data_format`` says.
        kernel: of shape ``(*spatial, channels, multiplier)``; each channel gives as many channels
            as the multiplier says.
        strides: by how many elements the kernel moves, for all spatial axes or for each.
        padding: ``"valid"``, ``"same"``, or ``"causal"`` for a series.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one.
        dilation_rate: by how many elements the kernel's own are apart.

    Example:
        >>> import numpy as np
        >>> from polynet import ops
        >>> ops.depthwise_conv(np.ones((1, 8, 8, 3)), np.ones((3, 3, 3, 2))).shape
        (1, 6, 6, 6)
    """
    _rank(inputs)
    _check_depthwise(inputs, kernel, "kernel", data_format)
    *size, channels, multiplier = kernel.shape
    wide = ops.reshape(kernel, (*size, 1, channels * multiplier))
    return conv(inputs, wide, strides, padding, data_format, dilation_rate)


def _check_depthwise(inputs: Tensor, kernel: Tensor, name: str, data_format: str | None) -> None:
    data_format = _format(data_format)
    _check_kernel(inputs, kernel, name, "spatial axes, channels, multiplier")
    given = _channels(inputs.shape, data_format)
    if kernel.shape[-2] != given:
        raise errors.ShapeError(
            f"{name}: shape {tuple(kernel.shape)} works on {kernel.shape[-2]} channels, but inputs "
            f"of shape {tuple(inputs.shape)} have {given} ({data_format})."
        )


@op(dtypes=spec.elementwise_float)
def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """A depthwise convolution, then one with a kernel of one element that mixes the channels.

    Args:
        inputs: a batch axis, spatial axes, and a channel axis where ``data_format`` says.
        depthwise_kernel: of shape ``(*spatial, channels, multiplier)``.
        pointwise_kernel: of shape ``(1, ..., 1, channels * multiplier, filters)``.
        strides: by how many elements the first kernel moves.
        padding: ``"valid"``, ``"same"``, or ``"causal"`` for a series.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one.
        dilation_rate: by how many elements the first kernel's own are apart.

    Example:
        >>> import numpy as np
        >>> from polynet import ops
        >>> depthwise, pointwise = np.ones((3, 3, 3, 2)), np.ones((1, 1, 6, 16))
        >>> ops.separable_conv(np.ones((1, 8, 8, 3)), depthwise, pointwise).shape
        (1, 6, 6, 16)
    """
    rank = _rank(inputs)
    _check_depthwise(inputs, depthwise_kernel, "depthwise_kernel", data_format)
    _check_kernel(inputs, pointwise_kernel, "pointwise_kernel", "spatial axes, channels, filters")
    mixed = depthwise_kernel.shape[-2] * depthwise_kernel.shape[-1]
    if tuple(pointwise_kernel.shape[:-1]) != (1,) * rank + (mixed,):
        raise errors.ShapeError(
            f"pointwise_kernel: expected shape {(1,) * rank + (mixed,)} and then the filters, "
            f"since the depthwise kernel gives {mixed} channels; got "
            f"{tuple(pointwise_kernel.shape)}."
        )
    deep = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(deep, pointwise_kernel, 1, "valid", data_format, 1)


@op(dtypes=spec.elementwise_float)
def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Tensor:
    """Transposed convolution: the way back from the result of ``conv`` to the shape of its input.

    Args:
        inputs: a batch axis, spatial axes, and a channel axis where ``data_format`` says.
        kernel: of shape ``(*spatial, filters, channels)``.
        strides: how many elements of the result one step of the inputs makes.
        padding: ``"valid"`` or ``"same"``, as the ``conv`` had it whose input is wanted.
        output_padding: elements added at the end of each spatial axis, which tells apart the
            lengths that ``conv`` maps to one; ``None`` takes the usual length.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one.
        dilation_rate: by how many elements the kernel's own are apart.

    Example:
        >>> import numpy as np
        >>> from polynet import ops
        >>> ops.conv_transpose(np.ones((1, 4, 4, 16)), np.ones((3, 3, 8, 16)), 2, "same").shape
        (1, 8, 8, 8)
    """
    rank = _rank(inputs)
    data_format = _format(data_format)
    strides = _numbers(strides, rank, "strides")
    dilation = _numbers(dilation_rate, rank, "dilation_rate")
    extra: Sequence[int | None] = (None,) * rank
    if output_padding is not None:
        extra = _numbers(output_padding, rank, "output_padding", least=0)
    name = _known_padding(padding, ("valid", "same"))
    _check_kernel(inputs, kernel, "kernel", "spatial axes, filters, channels")
    given = _channels(inputs.shape, data_format)
    if kernel.shape[-1] != given:
        raise errors.ShapeError(
            f"kernel: the last axis of shape {tuple(kernel.shape)} works on {kernel.shape[-1]} "
            f"channels, but inputs of shape {tuple(inputs.shape)} have {given} ({data_format})."
        )
    spatial, window = _spatial(inputs.shape, data_format), tuple(kernel.shape[:-2])
    start, size = transposed_places(name, spatial, window, strides, dilation, tuple(extra))
    return convolution_transpose(inputs, kernel, strides, start, dilation, 1, size, data_format)


@functools.lru_cache(4096)
def transposed_places(
    padding: str,
    spatial: Numbers,
    size: Numbers,
    strides: Numbers,
    dilation: Numbers,
    extra: tuple[int | None, ...],
) -> tuple[Numbers, Numbers]:
    """Where a transposed convolution's result begins, and how long it is, along each spatial axis."""
    axes = zip(spatial, size, strides, dilation, extra, strict=True)
    places = [_place(padding, *axis) for axis in axes]
    return tuple(first for first, _ in places), tuple(length for _, length in places)


def _place(
    padding: str, length: int, window: int, stride: int, step: int, extra: int | None
) -> tuple[int, int]:
    """Where a transposed convolution's result begins, and how long it is, along one axis."""
    span = _span(window, step)
    if padding == "valid":
        more = max(stride - span, 0) if extra is None else extra
        start, after = 0, span - 1 + more
    else:
        total = stride + span - 2 if extra is None else span + span % 2 - 2 + extra
        before = min(total - total // 2, span - 1)
        start, after = span - 1 - before, total - before
    return start, max((length - 1) * stride + 1 - start + after, 0)


# ------------------------------------------------------------ convolutions with nothing to decide


def _to_last(x: Tensor) -> Tensor:
    """The channel axis moved from the second place to the last."""
    return ops.transpose(x, (0, *range(2, len(x.shape)), 1))


def _to_first(x: Tensor) -> Tensor:
    """The channel axis moved from the last place to the second."""
    n = len(x.shape)
    return ops.transpose(x, (0, n - 1, *range(1, n - 1)))


def _padded(x: Tensor, padding: Pairs, value: Any, first: int = 1) -> Tensor:
    """The axes from ``first`` on lengthened; a negative number cuts."""
    if any(before < 0 or after < 0 for before, after in padding):
        cut = tuple(
            slice(max(-before, 0), length - max(-after, 0))
            for length, (before, after) in zip(x.shape[first:], padding, strict=False)
        )
        x = ops.index(x, [], (slice(None),) * first + cut)
    if any(before > 0 or after > 0 for before, after in padding):
        grown = tuple((max(before, 0), max(after, 0)) for before, after in padding)
        left = len(x.shape) - first - len(grown)
        x = ops.pad_constant(x, (*((0, 0),) * first, *grown, *((0, 0),) * left), value)
    return x


def _places(
    size: Numbers, strides: Numbers, dilation: Numbers, results: Numbers, first: int = 1
) -> Iterator[tuple[Any, ...]]:
    """For each element of a window in row-major order, the key of what it meets."""
    for offset in itertools.product(*map(range, size)):
        yield (slice(None),) * first + tuple(
            slice(at * step, at * step + (n - 1) * stride + 1, stride)
            for at, step, stride, n in zip(offset, dilation, strides, results, strict=True)
        )


def _columns(
    x: Tensor, size: Numbers, strides: Numbers, padding: Pairs, dilation: Numbers, groups: int
) -> tuple[Tensor, Numbers]:
    """What the kernel meets at each place, as (groups, places, kernel elements * channels)."""
    results = _results(tuple(x.shape[1:-1]), size, strides, padding, dilation)
    x = _padded(x, padding, 0)
    parts = [ops.index(x, [], key) for key in _places(size, strides, dilation, results)]
    columns = ops.concatenate(parts, -1)
    channels, count = x.shape[-1] // groups, math.prod(size)
    rows = math.prod((x.shape[0], *results))
    if groups > 1:
        columns = ops.reshape(columns, (rows, count, groups, channels))
        columns = ops.transpose(columns, (2, 0, 1, 3))
    return ops.reshape(columns, (groups, rows, count * channels)), results


@op(dtypes=spec.elementwise_float)
def convolution(
    x: Tensor,
    kernel: Tensor,
    strides: Numbers,
    padding: Pairs,
    dilation: Numbers,
    groups: int,
    data_format: str,
) -> Tensor:
    """``conv`` with everything spelled out; the second number of a padding may cut."""
    if data_format == "channels_first":
        last = (strides, padding, dilation, groups, "channels_last")
        return _to_first(convolution(_to_last(x), kernel, *last))
    *size, channels, filters = kernel.shape
    if isinstance(x, Spec):
        results = _results(tuple(x.shape[1:-1]), tuple(size), strides, padding, dilation)
        return Spec((x.shape[0], *results, filters), x.dtype)
    columns, results = _columns(x, tuple(size), strides, padding, dilation, groups)
    each = filters // groups
    weights = ops.reshape(kernel, (math.prod(size) * channels, groups, each))
    y = ops.matmul(columns, ops.transpose(weights, (1, 0, 2)))
    return ops.reshape(ops.transpose(y, (1, 0, 2)), (x.shape[0], *results, filters))


@op(dtypes=spec.elementwise_float)
def biased_convolution(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor,
    strides: Numbers,
    padding: Pairs,
    dilation: Numbers,
    groups: int,
    data_format: str,
) -> Tensor:
    """``convolution``, and a number added for each filter."""
    y = convolution(x, kernel, strides, padding, dilation, groups, data_format)
    if data_format == "channels_first":
        bias = ops.reshape(bias, (bias.shape[0], *(1,) * len(strides)))
    return y + bias


@op(dtypes=spec.elementwise_float)
def convolution_transpose(
    x: Tensor,
    kernel: Tensor,
    strides: Numbers,
    start: Numbers,
    dilation: Numbers,
    groups: int,
    size: Numbers,
    data_format: str,
) -> Tensor:
    """The gradient of ``convolution`` by its image, whose spatial shape is ``size``.

    ``start`` is how much padding there was before each spatial axis.
    """
    if data_format == "channels_first":
        last = (strides, start, dilation, groups, size, "channels_last")
        return _to_first(convolution_transpose(_to_last(x), kernel, *last))
    *window, channels, filters = kernel.shape
    if isinstance(x, Spec):
        return Spec((x.shape[0], *size, groups * channels), x.dtype)
    spatial = x.shape[1:-1]
    if any(stride > 1 for stride in strides):
        spatial = tuple((n - 1) * stride + 1 for n, stride in zip(spatial, strides, strict=True))
        steps = tuple(slice(None, None, stride) for stride in strides)
        apart = ops.full((x.shape[0], *spatial, filters), 0, dtype_of(x))
        x = ops.index_update(apart, [], x, (slice(None), *steps), None)
    padding = tuple(
        (_span(n, step) - 1 - first, length + first - given)
        for n, step, first, length, given in zip(
            window, dilation, start, size, spatial, strict=True
        )
    )
    if any(before < 0 for before, _ in padding):
        x = _padded(x, tuple((min(before, 0), 0) for before, _ in padding), 0)
        padding = tuple((max(before, 0), after) for before, after in padding)
    rank, each = len(window), filters // groups
    turned = ops.reshape(ops.flip(kernel, tuple(range(rank))), (*window, channels, groups, each))
    turned = ops.transpose(turned, (*range(rank), rank + 2, rank + 1, rank))
    turned = ops.reshape(turned, (*window, each, groups * channels))
    return convolution(x, turned, (1,) * rank, padding, dilation, groups, "channels_last")


@op(dtypes=spec.elementwise_float)
def convolution_kernel(
    x: Tensor,
    cotangent: Tensor,
    size: Numbers,
    strides: Numbers,
    padding: Pairs,
    dilation: Numbers,
    groups: int,
    data_format: str,
) -> Tensor:
    """The gradient of ``convolution`` by its kernel, whose spatial shape is ``size``."""
    if data_format == "channels_first":
        last = (size, strides, padding, dilation, groups, "channels_last")
        return convolution_kernel(_to_last(x), _to_last(cotangent), *last)
    if isinstance(x, Spec):
        return Spec((*size, x.shape[-1] // groups, cotangent.shape[-1]), x.dtype)
    columns, _ = _columns(x, size, strides, padding, dilation, groups)
    channels, each = x.shape[-1] // groups, cotangent.shape[-1] // groups
    rows = ops.reshape(cotangent, (columns.shape[1], groups, each))
    weights = ops.matmul(ops.adjoint(columns), ops.transpose(rows, (1, 0, 2)))
    weights = ops.transpose(weights, (1, 0, 2))
    return ops.reshape(weights, (*size, channels, groups * each))


def _starts(padding: Pairs) -> Numbers:
    return tuple(before for before, _ in padding)


def _back(
    results: Numbers,
    size: Numbers,
    strides: Numbers,
    start: Numbers,
    dilation: Numbers,
    to: Numbers,
) -> Pairs:
    """The padding with which ``convolution`` takes a length of ``to`` to that many results."""
    return tuple(
        (first, (n - 1) * stride + _span(window, step) - length - first)
        for n, window, stride, first, step, length in zip(
            results, size, strides, start, dilation, to, strict=True
        )
    )


def _by_image(
    g: Tensor,
    x_shape: Numbers,
    kernel: Tensor,
    strides: Numbers,
    padding: Pairs,
    dilation: Numbers,
    groups: int,
    data_format: str,
) -> Tensor:
    size = _spatial(x_shape, data_format)
    start = _starts(padding)
    return convolution_transpose(g, kernel, strides, start, dilation, groups, size, data_format)


def _by_bias(g: Tensor, bias_shape: Numbers, data_format: str) -> Tensor:
    rank = len(g.shape)
    axes = tuple(range(rank - 1)) if data_format == "channels_last" else (0, *range(2, rank))
    found = ops.sum(g, axes)
    return found if tuple(found.shape) == tuple(bias_shape) else ops.sum(found, 0, True)


convolution.vjp(
    lambda g, x_shape, kernel, strides, padding, dilation, groups, data_format: _by_image(
        g, x_shape, kernel, strides, padding, dilation, groups, data_format
    ),
    lambda g, x, kernel_shape, strides, padding, dilation, groups, data_format: convolution_kernel(
        x, g, tuple(kernel_shape[:-2]), strides, padding, dilation, groups, data_format
    ),
)
biased_convolution.vjp(
    lambda g, x_shape, kernel, strides, padding, dilation, groups, data_format: _by_image(
        g, x_shape, kernel, strides, padding, dilation, groups, data_format
    ),
    lambda g, x, kernel_shape, strides, padding, dilation, groups, data_format: convolution_kernel(
        x, g, tuple(kernel_shape[:-2]), strides, padding, dilation, groups, data_format
    ),
    lambda g, bias_shape, data_format: _by_bias(g, bias_shape, data_format),
)
convolution_transpose.vjp(
    lambda g, x_shape, kernel, strides, start, dilation, groups, size, data_format: convolution(
        g,
        kernel,
        strides,
        _back(_spatial(x_shape, data_format), kernel.shape[:-2], strides, start, dilation, size),
        dilation,
        groups,
        data_format,
    ),
    lambda g, x, kernel_shape, strides, start, dilation, groups, size, data_format: (
        convolution_kernel(
            g,
            x,
            tuple(kernel_shape[:-2]),
            strides,
            _back(
                _spatial(x.shape, data_format), kernel_shape[:-2], strides, start, dilation, size
            ),
            dilation,
            groups,
            data_format,
        )
    ),
)
convolution_kernel.vjp(
    lambda g, x_shape, cotangent, strides, padding, dilation, groups, data_format: (
        convolution_transpose(
            cotangent,
            g,
            strides,
            _starts(padding),
            dilation,
            groups,
            _spatial(x_shape, data_format),
            data_format,
        )
    ),
    lambda g, x, strides, padding, dilation, groups, data_format: convolution(
        x, g, strides, padding, dilation, groups, data_format
    ),
)

# ---------------------------------------------------------------------------------------- pooling


def _pooling(
    inputs: Tensor, pool_size: Any, strides: Any, padding: Any, data_format: str | None
) -> tuple[Numbers, Numbers, Pairs, str]:
    """The arguments of a pooling, settled."""
    rank = _rank(inputs)
    data_format = _format(data_format)
    size = _numbers(pool_size, rank, "pool_size")
    steps = size if strides is None else _numbers(strides, rank, "strides")
    name = _known_padding(padding, ("valid", "same"))
    spatial, ones = _spatial(inputs.shape, data_format), (1,) * rank
    pairs = window_padding(name, spatial, size, steps, ones, "a pool_size")
    return size, steps, pairs, data_format


@op(dtypes=spec.same)
def max_pool(
    inputs: Tensor,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The largest element of each window, channel by channel.

    The gradient goes to the first of equal elements.

    Args:
        inputs: a batch axis, spatial axes, and a channel axis where ``data_format`` says.
        pool_size: the window, for all spatial axes or for each.
        strides: by how many elements the window moves; ``None`` takes ``pool_size``.
        padding: ``"valid"`` or ``"same"``; what ``"same"`` adds is never the largest.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one.

    Example:
        >>> from polynet import ops
        >>> ops.max_pool([[[1.0], [3.0], [2.0], [0.0]]], 2)
        array([[[3.],
                [2.]]], dtype=float32)
    """
    return window_max(inputs, *_pooling(inputs, pool_size, strides, padding, data_format))


@op(dtypes=spec.elementwise_float)
def average_pool(
    inputs: Tensor,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The mean of each window, channel by channel.

    Args:
        inputs: a batch axis, spatial axes, and a channel axis where ``data_format`` says.
        pool_size: the window, for all spatial axes or for each.
        strides: by how many elements the window moves; ``None`` takes ``pool_size``.
        padding: ``"valid"`` or ``"same"``; what ``"same"`` adds does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one.

    Example:
        >>> from polynet import ops
        >>> ops.average_pool([[[1.0], [3.0], [2.0]]], 2, padding="same")
        array([[[2.],
                [2.]]], dtype=float32)
    """
    size, steps, pairs, data_format = _pooling(inputs, pool_size, strides, padding, data_format)
    total = window_sum(inputs, size, steps, pairs, data_format)
    if not any(map(any, pairs)):
        return total * (1.0 / math.prod(size))
    spatial = _spatial(inputs.shape, data_format)
    shape = (1, *spatial, 1) if data_format == "channels_last" else (1, 1, *spatial)
    counts = window_sum(ops.full(shape, 1, dtype_of(total)), size, steps, pairs, data_format)
    return total / counts


@op(dtypes=spec.same)
def adaptive_max_pool(
    inputs: Tensor, output_size: int | Sequence[int], data_format: str | None = None
) -> Tensor:
    """Max pooling whose windows are chosen so that the result has the spatial shape asked for.

    Args:
        inputs: a batch axis, spatial axes, and a channel axis where ``data_format`` says.
        output_size: the length of the result, for all spatial axes or for each.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one.

    Example:
        >>> import numpy as np
        >>> from polynet import ops
        >>> ops.adaptive_max_pool(np.ones((1, 7, 5, 3)), (3, 2)).shape
        (1, 3, 2, 3)
    """
    return _adaptive(inputs, output_size, data_format, mean=False)


@op(dtypes=spec.elementwise_float)
def adaptive_average_pool(
    inputs: Tensor, output_size: int | Sequence[int], data_format: str | None = None
) -> Tensor:
    """Average pooling whose windows are chosen so that the result has the spatial shape asked for.

    Args:
        inputs: a batch axis, spatial axes, and a channel axis where ``data_format`` says.
        output_size: the length of the result, for all spatial axes or for each.
        data_format: ``"channels_last"`` or ``"channels_first"``; ``None`` takes the configured one.

    Example:
        >>> from polynet import ops
        >>> ops.adaptive_average_pool([[[1.0], [3.0], [2.0], [0.0]]], 2)
        array([[[2.],
                [1.]]], dtype=float32)
    """
    return _adaptive(inputs, output_size, data_format, mean=True)


def _adaptive(inputs: Tensor, output_size: Any, data_format: str | None, mean: bool) -> Tensor:
    """One spatial axis after the other: the windows' elements side by side, then reduced."""
    rank = _rank(inputs)
    data_format = _format(data_format)
    x = inputs
    for i, results in enumerate(_numbers(output_size, rank, "output_size")):
        axis = i + (1 if data_format == "channels_last" else 2)
        length = x.shape[axis]
        if length == 0:
            raise errors.ShapeError(
                f"inputs: axis {axis} of shape {tuple(inputs.shape)} has no elements to pool."
            )
        if length % results == 0:
            shape = (*x.shape[:axis], results, length // results, *x.shape[axis + 1 :])
            x = ops.reshape(x, shape)
        else:
            members, inside = _windows(length, results)
            x = ops.index(x, [members], (*(slice(None),) * axis, ops.HOLE))
        if not mean:
            x = ops.max(x, axis + 1)
        elif length % results == 0:
            x = ops.sum(x, axis + 1) * (1.0 / (length // results))
        else:
            inside = ops.cast(inside, dtype_of(x))
            weights = inside / ops.sum(inside, 1, True)
            weights = ops.reshape(weights, (*weights.shape, *(1,) * (len(x.shape) - axis - 2)))
            x = ops.sum(x * weights, axis + 1)
    return x


def _windows(length: int, results: int) -> tuple[Tensor, Tensor]:
    """The members of each window along one axis, the last one repeated, and which are no repeat."""
    widest = max(-(-(i + 1) * length // results) - i * length // results for i in range(results))
    place = ops.reshape(ops.iota(results, "int32"), (results, 1))
    first = ops.floor_divide(place * length, results)
    last = -ops.floor_divide(-(place + 1) * length, results) - 1
    members = first + ops.iota(widest, "int32")
    return ops.minimum(members, last), ops.less_equal(members, last)


# ----------------------------------------------------------------- pooling with nothing to decide


def _first_spatial(data_format: str) -> int:
    return 1 if data_format == "channels_last" else 2


def _lowest(dtype: str) -> Any:
    """What no element of that dtype is below."""
    if dtypes.is_bool(dtype):
        return False
    return int(np.iinfo(dtype).min) if dtypes.is_int(dtype) else -math.inf


@op(dtypes=spec.same)
def window_max(
    x: Tensor, size: Numbers, strides: Numbers, padding: Pairs, data_format: str
) -> Tensor:
    """``max_pool`` with everything spelled out."""
    return _windowed(ops.maximum, x, size, strides, padding, data_format, _lowest(dtype_of(x)))


@op(dtypes=spec.elementwise_float)
def window_sum(
    x: Tensor, size: Numbers, strides: Numbers, padding: Pairs, data_format: str
) -> Tensor:
    """The sum over each window; the second number of a padding may cut."""
    return _windowed(ops.add, x, size, strides, padding, data_format, 0)


def _windowed(
    combine: Any,
    x: Tensor,
    size: Numbers,
    strides: Numbers,
    padding: Pairs,
    data_format: str,
    value: Any,
) -> Tensor:
    """Windows reduced along one spatial axis after the other."""
    first = _first_spatial(data_format)
    x = _padded(x, padding, value, first)
    none = ((0, 0),)
    for i, (window, stride) in enumerate(zip(size, strides, strict=True)):
        axis = first + i
        results = _results((x.shape[axis],), (window,), (stride,), none, (1,))
        keys = _places((window,), (stride,), (1,), results, axis)
        x = functools.reduce(combine, (ops.index(x, [], key) for key in keys))
    return x


@op(dtypes=spec.elementwise_float)
def window_sum_transpose(
    x: Tensor,
    size: Numbers,
    strides: Numbers,
    start: Numbers,
    spatial: Numbers,
    data_format: str,
) -> Tensor:
    """The gradient of ``window_sum``: each element of ``x`` added to all that its window held.

    ``start`` is how much padding there was before each spatial axis, ``spatial`` the lengths of
    these axes in the result.
    """
    first = _first_spatial(data_format)
    given = tuple(x.shape[first : first + len(size)])
    apart = tuple((n - 1) * stride + 1 for n, stride in zip(given, strides, strict=True))
    if apart != given:
        wide = (*x.shape[:first], *apart, *x.shape[first + len(size) :])
        steps = tuple(slice(None, None, stride) for stride in strides)
        empty = ops.full(wide, 0, dtype_of(x))
        x = ops.index_update(empty, [], x, (*(slice(None),) * first, *steps), None)
    padding = tuple(
        (window - 1 - before, length + before - n)
        for window, before, length, n in zip(size, start, spatial, apart, strict=True)
    )
    return window_sum(x, size, (1,) * len(size), padding, data_format)


window_sum.vjp(
    lambda g, x_shape, size, strides, padding, data_format: window_sum_transpose(
        g, size, strides, _starts(padding), _spatial(x_shape, data_format), data_format
    )
)
window_sum_transpose.vjp(
    lambda g, x_shape, size, strides, start, spatial, data_format: window_sum(
        g,
        size,
        strides,
        _back(_spatial(x_shape, data_format), size, strides, start, (1,) * len(size), spatial),
        data_format,
    )
)


def _winners(
    x: Tensor, value: Tensor, size: Numbers, strides: Numbers, padding: Pairs, data_format: str
) -> Iterator[tuple[tuple[Any, ...], Tensor]]:
    """For each element of a window its key in the padded tensor, and where it decided."""
    first = _first_spatial(data_format)
    spatial = _spatial(x.shape, data_format)
    results = _results(spatial, size, strides, padding, (1,) * len(size))
    x = _padded(x, padding, _lowest(dtype_of(x)), first)
    free = None
    for key in _places(size, strides, (1,) * len(size), results, first):
        reached = ops.equal(ops.index(x, [], key), value)
        if free is None:
            free = ops.logical_not(reached)
        else:
            reached, free = (
                ops.logical_and(reached, free),
                ops.logical_and(free, ops.logical_not(reached)),
            )
        yield key, reached


@op(dtypes=spec.same)
def window_max_gradient(
    cotangent: Tensor,
    x: Tensor,
    value: Tensor,
    size: Numbers,
    strides: Numbers,
    padding: Pairs,
    data_format: str,
) -> Tensor:
    """The gradient of ``window_max``, whose result was ``value``; the first of equals has it."""
    first = _first_spatial(data_format)
    around = (*((0, 0),) * first, *padding, *((0, 0),) * (len(x.shape) - first - len(padding)))
    wide = tuple(n + before + after for n, (before, after) in zip(x.shape, around, strict=True))
    y = ops.full(wide, 0, dtype_of(cotangent))
    for key, chosen in _winners(x, value, size, strides, padding, data_format):
        y = ops.index_update(y, [], ops.where(chosen, cotangent, 0), key, "add")
    return _padded(y, tuple((-before, -after) for before, after in padding), 0, first)


@op(dtypes=spec.same)
def window_max_pick(
    tangent: Tensor,
    x: Tensor,
    value: Tensor,
    size: Numbers,
    strides: Numbers,
    padding: Pairs,
    data_format: str,
) -> Tensor:
    """The elements of ``tangent`` at the places where ``window_max`` of ``x`` found its result."""
    first = _first_spatial(data_format)
    tangent = _padded(tangent, padding, 0, first)
    return functools.reduce(
        ops.add,
        (
            ops.where(chosen, ops.index(tangent, [], key), 0)
            for key, chosen in _winners(x, value, size, strides, padding, data_format)
        ),
    )


window_max.vjp(
    lambda g, x, y, size, strides, padding, data_format: window_max_gradient(
        g, x, y, size, strides, padding, data_format
    )
)
window_max_gradient.vjp(
    lambda g, x, value, size, strides, padding, data_format: window_max_pick(
        g, x, value, size, strides, padding, data_format
    ),
    None,
    None,
)
window_max_pick.vjp(
    lambda g, x, value, size, strides, padding, data_format: window_max_gradient(
        g, x, value, size, strides, padding, data_format
    ),
    None,
    None,
)

# ---------------------------------------------------------------------------------------- patches


def _patches(
    spatial: Numbers, kernel_size: Any, dilation: Any, padding: Any, stride: Any, name: str
) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
    """The arguments of ``fold`` and ``unfold``, settled, and how many patches there are."""
    size = _numbers(kernel_size, 2, "kernel_size")
    steps = _numbers(dilation, 2, "dilation")
    around = _numbers(padding, 2, "padding", least=0)
    strides = _numbers(stride, 2, "stride")
    results = _results(spatial, size, strides, tuple((n, n) for n in around), steps)
    if any(n < 1 for n in results):
        raise errors.ShapeError(
            f"{name}: images of {spatial[0]} by {spatial[1]}, padded by {around}, are too small "
            f"for a kernel of {size} with dilation {steps}."
        )
    return size, steps, around, strides, results


@op(dtypes=spec.same)
def unfold(
    x: Tensor,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """The patches that a sliding window sees, each as a column.

    Args:
        x: images of shape ``(batch, channels, height, width)``.
        kernel_size: the window's height and width, or one number for both.
        dilation: by how many elements the window's own are apart.
        padding: how many zeros are added on both sides of height and width.
        stride: by how many elements the window moves.

    Returns:
        A tensor of shape ``(batch, channels * window elements, patches)``.

    Example:
        >>> import numpy as np
        >>> from polynet import ops
        >>> ops.unfold(np.ones((2, 3, 5, 5)), 3).shape
        (2, 27, 9)
    """
    if len(x.shape) != 4:
        raise errors.ShapeError(
            f"x: expected shape (batch, channels, height, width); got {tuple(x.shape)}."
        )
    size, steps, around, strides, results = _patches(
        tuple(x.shape[2:]), kernel_size, dilation, padding, stride, "x"
    )
    wide = _padded(x, tuple((n, n) for n in around), 0, 2)
    keys = _places(size, strides, steps, results, 2)
    parts = ops.stack([ops.index(wide, [], key) for key in keys], 2)
    batch, channels = x.shape[:2]
    return ops.reshape(parts, (batch, channels * math.prod(size), math.prod(results)))


@op(dtypes=spec.same)
def fold(
    x: Tensor,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """Images put together from patches, the way back from ``unfold``; overlaps add up.

    Args:
        x: patches of shape ``(batch, channels * window elements, patches)``.
        output_size: height and width of the images, or one number for both.
        kernel_size: the window's height and width, or one number for both.
        dilation: by how many elements the window's own are apart.
        padding: how many elements are cut off on both sides of height and width.
        stride: by how many elements the window moves.

    Example:
        >>> import numpy as np
        >>> from polynet import ops
        >>> ops.fold(np.ones((2, 27, 9)), 5, 3).shape
        (2, 3, 5, 5)
    """
    if len(x.shape) != 3:
        raise errors.ShapeError(
            f"x: expected shape (batch, channels * window elements, patches); got {tuple(x.shape)}."
        )
    spatial = _numbers(output_size, 2, "output_size")
    size, steps, around, strides, results = _patches(
        spatial, kernel_size, dilation, padding, stride, "output_size"
    )
    batch, rows, patches = x.shape
    channels = rows // math.prod(size)
    if rows % math.prod(size) or patches != math.prod(results):
        raise errors.ShapeError(
            f"x: shape {tuple(x.shape)} does not hold patches of images of {spatial}; expected a "
            f"multiple of {math.prod(size)} on axis 1 and {math.prod(results)} on axis 2."
        )
    parts = ops.reshape(x, (batch, channels, math.prod(size), *results))
    wide = tuple(n + 2 * more for n, more in zip(spatial, around, strict=True))
    y = ops.full((batch, channels, *wide), 0, dtype_of(x))
    for i, key in enumerate(_places(size, strides, steps, results, 2)):
        part = ops.index(parts, [], (slice(None), slice(None), i))
        y = ops.index_update(y, [], part, key, "add")
    return _padded(y, tuple((-n, -n) for n in around), 0, 2)


unfold.vjp(
    lambda g, x_shape, kernel_size, dilation, padding, stride: fold(
        g, tuple(x_shape[2:]), kernel_size, dilation, padding, stride
    )
)
fold.vjp(
    lambda g, kernel_size, dilation, padding, stride: unfold(
        g, kernel_size, dilation, padding, stride
    )
)
