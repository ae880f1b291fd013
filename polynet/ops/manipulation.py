"""Moving, joining, splitting and repeating what tensors hold, and ``rearrange``.

No arithmetic on values apart from ``diff``, ``trace``, ``cross`` and ``kron``.  Picking elements by index is in
``indexing.py``.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet import dtypes, errors, spec
from polynet.op import op
from polynet.ops import primitives
from polynet.ops.core import convert_to_tensor
from polynet.ops.primitives import (
    broadcast_to,
    concatenate,
    flip,
    iota,
    not_equal,
    stack,
    transpose,
)
from polynet.spec import axes_indices, axis_index
from polynet.tensor import Axis, Shape, Tensor
from polynet.values import dtype_of, shape_of

__all__ = [
    "append",
    "array_split",
    "cross",
    "depth_to_space",
    "diagonal",
    "diff",
    "dsplit",
    "dstack",
    "expand_dims",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "kron",
    "moveaxis",
    "pad",
    "ravel",
    "rearrange",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "space_to_depth",
    "split",
    "squeeze",
    "swapaxes",
    "tile",
    "trace",
    "unstack",
    "vsplit",
    "vstack",
]

# ----------------------------------------------------------------------------------------------- axes


def reshape(x: Tensor, newshape: Shape) -> Tensor:
    """The same elements in row-major order in another shape.

    Args:
        newshape: its lengths; one of them may be -1 (or ``None``), and is then worked out.

    Example:
        >>> from polynet import ops
        >>> ops.reshape([1, 2, 3, 4], (2, -1))
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    if newshape.__class__ is not int and None in newshape:
        newshape = tuple(-1 if length is None else length for length in newshape)
    return primitives.reshape(x, newshape)


def ravel(x: Tensor) -> Tensor:
    """All elements in row-major order as a vector.

    Example:
        >>> from polynet import ops
        >>> ops.ravel([[1, 2], [3, 4]])
        array([1, 2, 3, 4], dtype=int32)
    """
    return primitives.reshape(x, (-1,))


@op(dtypes=spec.same)
def squeeze(x: Tensor, axis: Axis = None) -> Tensor:
    """The axes of length 1 taken away, or those named.

    Example:
        >>> from polynet import ops
        >>> ops.squeeze([[1, 2]]).shape
        (2,)
    """
    lengths = tuple(x.shape)
    if axis is None:
        return primitives.reshape(x, tuple(length for length in lengths if length != 1))
    axes = axes_indices(axis, len(lengths))
    for i in axes:
        if lengths[i] != 1:
            raise errors.ShapeError(
                f"axis: axis {i} of shape {lengths} has length {lengths[i]}; expected 1."
            )
    return primitives.reshape(x, tuple(length for i, length in enumerate(lengths) if i not in axes))


@op(dtypes=spec.same)
def expand_dims(x: Tensor, axis: Axis) -> Tensor:
    """New axes of length 1, so that they stand at ``axis`` in the result.

    Example:
        >>> from polynet import ops
        >>> ops.expand_dims([1, 2], -1).shape
        (2, 1)
    """
    if axis.__class__ is int:
        at = axis_index(axis, len(x.shape) + 1)
        return primitives.reshape(x, (*x.shape[:at], 1, *x.shape[at:]))
    axes = (axis,) if isinstance(axis, int) else axis
    if axes is None:
        raise TypeError("axis: expected an integer or a tuple of integers; got None.")
    places = axes_indices(axes, len(x.shape) + len(axes))
    rest = iter(x.shape)
    return primitives.reshape(
        x, tuple(1 if i in places else next(rest) for i in range(len(x.shape) + len(axes)))
    )


@op(dtypes=spec.same)
def swapaxes(x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    Example:
        >>> from polynet import ops
        >>> ops.swapaxes([[1, 2, 3]], 0, 1).shape
        (3, 1)
    """
    ndim = len(x.shape)
    one, other = axis_index(axis1, ndim, "axis1"), axis_index(axis2, ndim, "axis2")
    order = list(range(ndim))
    order[one], order[other] = other, one
    return transpose(x, tuple(order))


@op(dtypes=spec.same)
def moveaxis(x: Tensor, source: Axis, destination: Axis) -> Tensor:
    """Axes moved to other places; the rest keep their order.

    Example:
        >>> from polynet import ops
        >>> ops.moveaxis(ops.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    ndim = len(x.shape)
    old = axes_indices(source, ndim, "source")
    new = axes_indices(destination, ndim, "destination")
    if len(old) != len(new):
        raise errors.AxisError(
            f"source, destination: expected as many of each; got {source} and {destination}."
        )
    if old == new:
        return x
    order = [i for i in range(ndim) if i not in old]
    for place, axis in sorted(zip(new, old, strict=True)):
        order.insert(place, axis)
    return transpose(x, tuple(order))


@op(dtypes=spec.same)
def fliplr(x: Tensor) -> Tensor:
    """The elements along the second axis in reverse order.

    Example:
        >>> from polynet import ops
        >>> ops.fliplr([[1, 2], [3, 4]])
        array([[2, 1],
               [4, 3]], dtype=int32)
    """
    if len(x.shape) < 2:
        raise errors.ShapeError(f"x: expected two dimensions or more; got shape {tuple(x.shape)}.")
    return flip(x, 1)


@op(dtypes=spec.same)
def flipud(x: Tensor) -> Tensor:
    """The elements along the first axis in reverse order.

    Example:
        >>> from polynet import ops
        >>> ops.flipud([[1, 2], [3, 4]])
        array([[3, 4],
               [1, 2]], dtype=int32)
    """
    if not x.shape:
        raise errors.ShapeError("x: expected one dimension or more; got a 0-d tensor.")
    return flip(x, 0)


@op(dtypes=spec.same)
def rot90(array: Tensor, k: int = 1, axes: Axis = (0, 1)) -> Tensor:
    """Turned by ``k`` quarters from the first of two axes towards the second.

    Example:
        >>> from polynet import ops
        >>> ops.rot90([[1, 2], [3, 4]])
        array([[2, 4],
               [1, 3]], dtype=int32)
    """
    if not isinstance(axes, tuple) or len(axes) != 2:
        raise errors.AxisError(f"axes: expected two different axes; got {axes}.")
    first, second = axes_indices(axes, len(array.shape), "axes")
    quarters = k % 4
    if quarters == 0:
        return array
    if quarters == 2:
        return flip(array, (first, second))
    order = list(range(len(array.shape)))
    order[first], order[second] = second, first
    if quarters == 1:
        return transpose(flip(array, second), tuple(order))
    return flip(transpose(array, tuple(order)), second)


@op(dtypes=spec.same)
def roll(x: Tensor, shift: Axis, axis: Axis = None) -> Tensor:
    """The elements moved along the axes by ``shift`` places; what leaves at one end enters at the other.

    Without an axis the flattened tensor is rolled.

    Example:
        >>> from polynet import ops
        >>> ops.roll([1, 2, 3], 1)
        array([3, 1, 2], dtype=int32)
    """
    if axis is None:
        if not isinstance(shift, int):
            raise errors.AxisError(f"shift: {shift} needs as many axes; got none.")
        return primitives.reshape(roll(ravel(x), shift, 0), tuple(x.shape))
    axes = (axis,) if isinstance(axis, int) else axis
    shifts = (shift,) * len(axes) if isinstance(shift, int) else shift
    if shifts is None or len(shifts) != len(axes):
        raise errors.AxisError(f"shift, axis: expected as many of each; got {shift} and {axis}.")
    for by, at in zip(shifts, axes, strict=True):
        i = axis_index(at, len(x.shape))
        length = x.shape[i]
        if length and by % length:
            cut = length - by % length
            x = concatenate([_cut(x, i, slice(cut, None)), _cut(x, i, slice(None, cut))], i)
    return x


def _along(axis: int, entry: Any) -> tuple[Any, ...]:
    """The key that applies ``entry`` to one axis, counted from the front."""
    return (slice(None),) * axis + (entry,)


def _cut(x: Tensor, axis: int, entry: Any) -> Tensor:
    """What ``entry``, a slice or an integer, picks along an axis."""
    return primitives.index(x, [], _along(axis, entry))


# ------------------------------------------------------------------------------------------- repeating


def repeat(x: Tensor, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element repeated, along an axis or in the flattened tensor.

    Args:
        repeats: how many times, or a number for each element along the axis.

    Example:
        >>> from polynet import ops
        >>> ops.repeat([1, 2], 2), ops.repeat([1, 2], [1, 3])
        (array([1, 1, 2, 2], dtype=int32), array([1, 2, 2, 2], dtype=int32))
    """
    if not isinstance(repeats, int):
        counts = np.asarray(repeats)
        if counts.size and counts.dtype.kind not in "iu":
            raise TypeError(f"repeat: repeats: expected integers; got {counts.dtype}.")
        repeats = (
            int(counts.reshape(-1)[0]) if counts.size == 1 else tuple(counts.reshape(-1).tolist())
        )
    return _repeat(x, repeats, axis)


@op(dtypes=spec.same)
def _repeat(x: Tensor, repeats: int | tuple[int, ...], axis: int | None) -> Tensor:
    if axis is None:
        x, at = primitives.reshape(x, (-1,)), 0
    else:
        at = axis_index(axis, len(x.shape))
    lengths = tuple(x.shape)
    if isinstance(repeats, int):
        if repeats < 0:
            raise ValueError(f"repeats: expected 0 or more; got {repeats}.")
        wide = primitives.reshape(x, (*lengths[: at + 1], 1, *lengths[at + 1 :]))
        wide = broadcast_to(wide, (*lengths[: at + 1], repeats, *lengths[at + 1 :]))
        return primitives.reshape(wide, (*lengths[:at], lengths[at] * repeats, *lengths[at + 1 :]))
    if len(repeats) != lengths[at] or min(repeats, default=0) < 0:
        raise errors.ShapeError(
            f"repeats: expected {lengths[at]} numbers of 0 or more, one for each element along axis {at}; "
            f"got {len(repeats)}{', of which some are negative' if min(repeats, default=0) < 0 else ''}."
        )
    places = np.repeat(np.arange(len(repeats), dtype="int32"), repeats)
    return primitives.index(x, [places], _along(at, primitives.HOLE))


@op(dtypes=spec.same)
def tile(x: Tensor, repeats: Axis) -> Tensor:
    """The whole tensor repeated along each axis; missing numbers in front count as 1.

    Example:
        >>> from polynet import ops
        >>> ops.tile([1, 2], (2, 2))
        array([[1, 2, 1, 2],
               [1, 2, 1, 2]], dtype=int32)
    """
    times = (repeats,) if isinstance(repeats, int) else tuple(repeats or ())
    if any(number < 0 for number in times):
        raise ValueError(f"repeats: expected 0 or more; got {times}.")
    ndim = max(len(times), len(x.shape))
    times = (1,) * (ndim - len(times)) + times
    lengths = (1,) * (ndim - len(x.shape)) + tuple(x.shape)
    split_up = [length for pair in zip([1] * ndim, lengths, strict=True) for length in pair]
    wide = [length for pair in zip(times, lengths, strict=True) for length in pair]
    final = tuple(number * length for number, length in zip(times, lengths, strict=True))
    return primitives.reshape(broadcast_to(primitives.reshape(x, split_up), wide), final)


# --------------------------------------------------------------------------------------------- joining


@op(dtypes=spec.elementwise)
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> Tensor:
    """``x2`` after ``x1`` along an axis, or both flattened.

    Example:
        >>> from polynet import ops
        >>> ops.append([1, 2], [[3, 4]])
        array([1, 2, 3, 4], dtype=int32)
    """
    if axis is None:
        return concatenate([ravel(x1), ravel(x2)], 0)
    return concatenate([x1, x2], axis)


def _joined(xs: Any, ndim: int, axis: int) -> Tensor:
    """The tensors of a list, or the slices of one tensor, joined; each gets ``ndim`` axes at least."""
    if isinstance(xs, list | tuple):
        parts = [primitives.reshape(x, _at_least(tuple(x.shape), ndim)) for x in xs]
        return concatenate(parts, axis if not parts or len(parts[0].shape) > axis else 0)
    number, *rest = xs.shape
    lengths = list(_at_least(tuple(rest), ndim))
    at = axis if len(lengths) > axis else 0
    wide = moveaxis(primitives.reshape(xs, (number, *lengths)), 0, at)
    lengths[at] *= number
    return primitives.reshape(wide, tuple(lengths))


def _at_least(lengths: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Axes of length 1 put around a shape until there are ``ndim``, as NumPy's ``atleast_*`` do."""
    if len(lengths) >= ndim:
        return lengths
    if ndim == 3 and lengths:
        return (1,) * (2 - len(lengths)) + (*lengths, 1)
    return (1,) * (ndim - len(lengths)) + lengths


@op(dtypes=spec.elementwise)
def hstack(xs: Sequence[Tensor]) -> Tensor:
    """Joined side by side: along the second axis, vectors along their only one.

    Example:
        >>> from polynet import ops
        >>> ops.hstack([[1, 2], [3]])
        array([1, 2, 3], dtype=int32)
    """
    return _joined(xs, 1, 1)


@op(dtypes=spec.elementwise)
def vstack(xs: Sequence[Tensor]) -> Tensor:
    """Joined on top of each other: along the first axis, vectors as rows.

    Example:
        >>> from polynet import ops
        >>> ops.vstack([[1, 2], [3, 4]])
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    return _joined(xs, 2, 0)


@op(dtypes=spec.elementwise)
def dstack(xs: Sequence[Tensor]) -> Tensor:
    """Joined along the third axis, which is added where it is missing.

    Example:
        >>> from polynet import ops
        >>> ops.dstack([[1, 2], [3, 4]])
        array([[[1, 3],
                [2, 4]]], dtype=int32)
    """
    return _joined(xs, 3, 2)


# ------------------------------------------------------------------------------------------- splitting


@op(dtypes=spec.same)
def split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Cut along an axis into equal parts, or before each of some indices.

    Args:
        indices_or_sections: the number of parts, or the places of the cuts.

    Example:
        >>> from polynet import ops
        >>> ops.split([1, 2, 3, 4], 2)
        [array([1, 2], dtype=int32), array([3, 4], dtype=int32)]
    """
    at = axis_index(axis, len(x.shape))
    length = x.shape[at]
    sections = _sections(indices_or_sections)
    if isinstance(sections, int):
        if length % sections:
            raise errors.ShapeError(
                f"indices_or_sections: axis {axis} of length {length} does not divide into {sections} equal "
                f"parts. Use ops.array_split for unequal ones."
            )
        step = length // sections
        return [_cut(x, at, slice(i * step, (i + 1) * step)) for i in range(sections)]
    ends = [*sections, length]
    starts = [0, *sections]
    return [_cut(x, at, slice(start, end)) for start, end in zip(starts, ends, strict=True)]


@op(dtypes=spec.same)
def array_split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """As ``split``, but the parts may differ in length by one; the longer ones come first.

    Example:
        >>> from polynet import ops
        >>> ops.array_split([1, 2, 3], 2)
        [array([1, 2], dtype=int32), array([3], dtype=int32)]
    """
    sections = _sections(indices_or_sections)
    if isinstance(sections, int):
        short, longer = divmod(x.shape[axis_index(axis, len(x.shape))], sections)
        sections = [i * short + min(i, longer) for i in range(1, sections)]
    return split(x, sections, axis)


def _sections(value: Any) -> int | list[int]:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [operator.index(cut) for cut in value]
    sections = operator.index(value)
    if sections < 1:
        raise ValueError(f"indices_or_sections: expected 1 part or more; got {sections}.")
    return sections


@op(dtypes=spec.same)
def hsplit(x: Tensor, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along the second axis, or the only one.

    Example:
        >>> from polynet import ops
        >>> ops.hsplit([[1, 2]], 2)
        [array([[1]], dtype=int32), array([[2]], dtype=int32)]
    """
    if not x.shape:
        raise errors.ShapeError("x: expected one dimension or more; got a 0-d tensor.")
    return split(x, indices_or_sections, 1 if len(x.shape) > 1 else 0)


@op(dtypes=spec.same)
def vsplit(x: Tensor, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along the first axis of a tensor of two dimensions or more.

    Example:
        >>> from polynet import ops
        >>> ops.vsplit([[1], [2]], 2)
        [array([[1]], dtype=int32), array([[2]], dtype=int32)]
    """
    if len(x.shape) < 2:
        raise errors.ShapeError(f"x: expected two dimensions or more; got shape {tuple(x.shape)}.")
    return split(x, indices_or_sections, 0)


@op(dtypes=spec.same)
def dsplit(x: Tensor, indices_or_sections: Any) -> list[Tensor]:
    """``split`` along the third axis.

    Example:
        >>> from polynet import ops
        >>> ops.dsplit([[[1, 2]]], 2)
        [array([[[1]]], dtype=int32), array([[[2]]], dtype=int32)]
    """
    if len(x.shape) < 3:
        raise errors.ShapeError(
            f"x: expected three dimensions or more; got shape {tuple(x.shape)}."
        )
    return split(x, indices_or_sections, 2)


@op(dtypes=spec.same)
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices along an axis, which is gone from each of them.

    Args:
        num: the length of the axis, where it would otherwise be unknown.

    Example:
        >>> from polynet import ops
        >>> ops.unstack([[1, 2], [3, 4]])
        [array([1, 2], dtype=int32), array([3, 4], dtype=int32)]
    """
    at = axis_index(axis, len(x.shape))
    length = x.shape[at]
    if spec.is_abstract() and spec.is_stand_in(length):
        if num is None:
            raise errors.ShapeError(
                f"num: expected the length of axis {axis}, which is unknown; got None."
            )
    elif num is not None and num != length:
        raise errors.ShapeError(f"num: {num} is not the length of axis {axis}, which is {length}.")
    return [_cut(x, at, i) for i in range(length if num is None else num)]


# --------------------------------------------------------------------------------------------- padding

_PAD_MODES = (
    *(
        "constant",
        "edge",
        "empty",
        "linear_ramp",
        "maximum",
        "mean",
        "minimum",
        "reflect",
        "symmetric",
        "wrap",
    ),
)


@op(dtypes=spec.same)
def pad(x: Tensor, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Tensor:
    """Each axis lengthened at both ends.

    Args:
        pad_width: a number for every end, a pair (before, after), or a pair for each axis.
        mode: what stands there: ``"constant"``, ``"edge"``, ``"reflect"`` (mirrored, without the edge itself),
            ``"symmetric"`` (with it), ``"wrap"``, ``"linear_ramp"`` (down to 0), ``"maximum"``, ``"mean"`` or
            ``"minimum"`` (of the axis), or ``"empty"`` (not to be relied on).
        constant_values: with the mode ``"constant"`` the number, 0 by default, or pairs as in ``pad_width``.

    Example:
        >>> from polynet import ops
        >>> ops.pad([1, 2, 3], 2, mode="reflect")
        array([3, 2, 1, 2, 3, 2, 1], dtype=int32)
    """
    widths = _pairs(pad_width, len(x.shape), "pad_width")
    if any(not float(number).is_integer() for pair in widths for number in pair):
        raise TypeError("pad_width: expected integers; got floats.")
    widths = [(int(before), int(after)) for before, after in widths]
    if any(number < 0 for pair in widths for number in pair):
        raise ValueError(f"pad_width: expected 0 or more; got {widths}.")
    if mode not in _PAD_MODES:
        raise ValueError(
            f"mode: {mode!r} is unknown.{errors.closest(mode, _PAD_MODES)} Expected one of {', '.join(_PAD_MODES)}."
        )
    if mode == "constant":
        return _pad_constant(x, widths, constant_values)
    if constant_values is not None:
        raise ValueError(
            f"constant_values: given with mode {mode!r}; it goes with mode 'constant' alone."
        )
    if mode == "empty":
        return primitives.pad_constant(x, tuple(widths), 0)
    for axis, (before, after) in enumerate(widths):
        if before or after:
            if not x.shape[axis]:
                raise errors.ShapeError(
                    f"x: axis {axis} of shape {tuple(x.shape)} is empty; only the mode 'constant' can pad it."
                )
            x = _pad_axis(x, axis, before, after, mode)
    return x


def _pairs(value: Any, ndim: int, name: str) -> list[tuple[Any, Any]]:
    """A number, a pair, or a list of them, as a pair for each axis."""
    try:
        found = np.broadcast_to(np.asarray(value), (ndim, 2))
    except ValueError:
        raise errors.ShapeError(
            f"{name}: expected a number, a pair, or {ndim} pairs for a tensor of {ndim} dimensions; "
            f"got the shape {np.shape(value)}."
        ) from None
    return [(before, after) for before, after in found.tolist()]


def _pad_constant(x: Tensor, widths: list[tuple[int, int]], values: Any) -> Tensor:
    name = dtype_of(x)
    number = complex if dtypes.is_complex(name) else float if dtypes.is_float(name) else int
    if name == "bool":
        number = bool
    pairs = [
        (number(a), number(b))
        for a, b in _pairs(0 if values is None else values, len(widths), "constant_values")
    ]
    if len({value for pair in pairs for value in pair}) <= 1:
        value = pairs[0][0] if pairs else 0
        return primitives.pad_constant(x, tuple(widths), value)
    for axis, ((before, after), (first, last)) in enumerate(zip(widths, pairs, strict=True)):
        x = primitives.pad_constant(x, _on_one(axis, (before, 0), len(widths)), first)
        x = primitives.pad_constant(x, _on_one(axis, (0, after), len(widths)), last)
    return x


def _on_one(axis: int, pair: tuple[int, int], ndim: int) -> tuple[tuple[int, int], ...]:
    """Widths that pad a single axis."""
    return tuple(pair if i == axis else (0, 0) for i in range(ndim))


def _pad_axis(x: Tensor, axis: int, before: int, after: int, mode: str) -> Tensor:
    """One axis, not empty, padded in one of the modes that look at the values."""
    n = x.shape[axis]

    def part(start: int, stop: int) -> Tensor:
        return _cut(x, axis, slice(start, stop))

    def wide(piece: Tensor, length: int) -> Tensor:
        return broadcast_to(piece, (*x.shape[:axis], length, *x.shape[axis + 1 :]))

    if mode == "edge" or (mode == "reflect" and n == 1):
        return concatenate([wide(part(0, 1), before), x, wide(part(n - 1, n), after)], axis)
    if mode in ("reflect", "symmetric"):
        skip = mode == "reflect"
        if max(before, after) <= n - skip:
            left, right = part(skip, skip + before), part(n - skip - after, n - skip)
            return concatenate([flip(left, axis), x, flip(right, axis)], axis)
        period = concatenate([x, flip(part(skip, n - skip), axis)], axis)
        return _wrapped(period, axis, before, n + after)
    if mode == "wrap":
        return _wrapped(x, axis, before, n + after)
    if mode == "linear_ramp":
        return concatenate(
            [_ramp(part(0, 1), axis, before), x, flip(_ramp(part(n - 1, n), axis, after), axis)],
            axis,
        )
    piece = _statistic(x, axis, mode)
    return concatenate([wide(piece, before), x, wide(piece, after)], axis)


def _wrapped(period: Tensor, axis: int, before: int, until: int) -> Tensor:
    """The places from ``-before`` up to ``until`` of a tensor that repeats along an axis without end."""
    n = period.shape[axis]
    start = -before % n
    length = before + until
    times = -(-(start + length) // n)
    copies = concatenate([period] * times, axis) if times > 1 else period
    return _cut(copies, axis, slice(start, start + length))


def _ramp(edge: Tensor, axis: int, length: int) -> Tensor:
    """From 0 in equal steps towards, but without, the edge."""
    name = dtype_of(edge)
    whole = dtypes.is_int(name) or dtypes.is_bool(name)
    working = "float64" if name in ("float64", "complex128") else "float32"
    line = tuple(length if i == axis else 1 for i in range(len(edge.shape)))
    steps = primitives.reshape(iota(length, working), line) / max(length, 1)
    if whole:
        return primitives.cast(primitives.floor(primitives.cast(edge, working) * steps), name)
    return edge * primitives.cast(steps, name)


def _statistic(x: Tensor, axis: int, mode: str) -> Tensor:
    """The extreme or the mean of an axis, in the dtype of ``x``."""
    if mode == "maximum":
        return primitives.max(x, axis, True)
    if mode == "minimum":
        return primitives.min(x, axis, True)
    name = dtype_of(x)
    if dtypes.is_float(name) or dtypes.is_complex(name):
        return primitives.sum(x, axis, True) / x.shape[axis]
    mean = primitives.sum(primitives.cast(x, "float32"), axis, True) / x.shape[axis]
    return primitives.cast(primitives.rint(mean), name)


# ------------------------------------------------------------------------------------ diagonals and more


@op(dtypes=spec.same)
def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The diagonal ``offset`` of two axes, as a new last axis.

    Example:
        >>> from polynet import ops
        >>> ops.diagonal([[1, 2], [3, 4]])
        array([1, 4], dtype=int32)
    """
    ndim = len(x.shape)
    if ndim < 2:
        raise errors.ShapeError(f"x: expected two dimensions or more; got shape {tuple(x.shape)}.")
    first, second = axis_index(axis1, ndim, "axis1"), axis_index(axis2, ndim, "axis2")
    if first == second:
        raise errors.AxisError(
            f"axis1, axis2: expected two different axes; got {axis1} and {axis2}."
        )
    order = (*(i for i in range(ndim) if i not in (first, second)), first, second)
    if order != tuple(range(ndim)):
        x = transpose(x, order)
    *rest, rows, columns = x.shape
    if spec.is_abstract() and (spec.is_stand_in(rows) or spec.is_stand_in(columns)):
        return spec.Spec((*rest, spec.unknown_length()), dtype_of(x))
    length = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    flat = primitives.reshape(x, (*rest, rows * columns))
    if not length:
        return _cut(flat, len(rest), slice(0, 0))
    start = offset if offset >= 0 else -offset * columns
    stop = start + (length - 1) * (columns + 1) + 1
    return _cut(flat, len(rest), slice(start, stop, columns + 1))


@op(dtypes=spec.same)
def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal ``offset`` of two axes; of bool and small integers as int32.

    Example:
        >>> from polynet import ops
        >>> ops.trace([[1, 2], [3, 4]])
        np.int32(5)
    """
    return primitives.sum(diagonal(x, offset, axis1, axis2), -1)


@op(dtypes=spec.same)
def diff(a: Tensor, n: int = 1, axis: int = -1) -> Tensor:
    """Each element subtracted from the next one along an axis, ``n`` times over.

    Example:
        >>> from polynet import ops
        >>> ops.diff([1, 4, 9])
        array([3, 5], dtype=int32)
    """
    if n < 0:
        raise ValueError(f"n: expected 0 or more; got {n}.")
    at = axis_index(axis, len(a.shape))
    for _ in range(n):
        later, sooner = _cut(a, at, slice(1, None)), _cut(a, at, slice(None, -1))
        a = not_equal(later, sooner) if dtype_of(a) == "bool" else later - sooner
    return a


@op(dtypes=spec.elementwise)
def cross(
    x1: Tensor,
    x2: Tensor,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    """The cross product of vectors with two or three components.

    Args:
        axisa: the axis of ``x1`` that holds the components.
        axisb: that of ``x2``.
        axisc: that of the result; two vectors of two components give a number instead.
        axis: all three at once.

    Example:
        >>> from polynet import ops
        >>> ops.cross([1, 0, 0], [0, 1, 0])
        array([0, 0, 1], dtype=int32)
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _components(x1, axisa, "x1", "axisa"), _components(x2, axisb, "x2", "axisb")
    third = a[0] * b[1] - a[1] * b[0]
    if len(a) == len(b) == 2:
        return third
    if len(a) == 2:
        first, second = a[1] * b[2], -(a[0] * b[2])
    elif len(b) == 2:
        first, second = -(a[2] * b[1]), a[2] * b[0]
    else:
        first, second = a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2]
    return stack([first, second, third], axis_index(axisc, len(third.shape) + 1, "axisc"))


def _components(x: Tensor, axis: int, name: str, axis_name: str) -> list[Tensor]:
    at = axis_index(axis, len(x.shape), axis_name)
    if x.shape[at] not in (2, 3):
        raise errors.ShapeError(
            f"{name}: expected 2 or 3 components along axis {axis}; got {x.shape[at]} in the shape {tuple(x.shape)}."
        )
    return [_cut(x, at, i) for i in range(x.shape[at])]


@op(dtypes=spec.elementwise)
def kron(x1: Tensor, x2: Tensor) -> Tensor:
    """The Kronecker product: ``x1`` with each element replaced by its product with ``x2``.

    Example:
        >>> from polynet import ops
        >>> ops.kron([1, 10], [1, 2])
        array([ 1,  2, 10, 20], dtype=int32)
    """
    ndim = max(len(x1.shape), len(x2.shape))
    one = (1,) * (ndim - len(x1.shape)) + tuple(x1.shape)
    other = (1,) * (ndim - len(x2.shape)) + tuple(x2.shape)
    left = primitives.reshape(x1, [length for n in one for length in (n, 1)])
    right = primitives.reshape(x2, [length for n in other for length in (1, n)])
    return primitives.reshape(left * right, [a * b for a, b in zip(one, other, strict=True)])


# ----------------------------------------------------------------------------------- blocks of an image


@op(dtypes=spec.same)
def depth_to_space(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Channels laid out as square blocks of the image: the inverse of ``space_to_depth``.

    Example:
        >>> from polynet import ops
        >>> ops.depth_to_space(ops.zeros((1, 2, 2, 12)), 2).shape
        (1, 4, 4, 3)
    """
    last = _is_channels_last(x, block_size, data_format)
    batch, height, width, channels = x.shape if last else (x.shape[0], *x.shape[2:], x.shape[1])
    depth, rest = divmod(channels, block_size**2)
    if rest:
        raise errors.ShapeError(
            f"x: {channels} channels do not divide into blocks of {block_size} x {block_size}."
        )
    high, wide = height * block_size, width * block_size
    if last:
        blocks = primitives.reshape(x, (batch, height, width, block_size, block_size, depth))
        return primitives.reshape(transpose(blocks, (0, 1, 3, 2, 4, 5)), (batch, high, wide, depth))
    blocks = primitives.reshape(x, (batch, block_size, block_size, depth, height, width))
    return primitives.reshape(transpose(blocks, (0, 3, 4, 1, 5, 2)), (batch, depth, high, wide))


@op(dtypes=spec.same)
def space_to_depth(x: Tensor, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Square blocks of the image laid out as channels.

    Example:
        >>> from polynet import ops
        >>> ops.space_to_depth(ops.zeros((1, 4, 4, 3)), 2).shape
        (1, 2, 2, 12)
    """
    last = _is_channels_last(x, block_size, data_format)
    batch, height, width, channels = x.shape if last else (x.shape[0], *x.shape[2:], x.shape[1])
    if height % block_size or width % block_size:
        raise errors.ShapeError(
            f"x: an image of {height} x {width} does not divide into blocks of {block_size} x {block_size}."
        )
    high, wide, depth = height // block_size, width // block_size, channels * block_size**2
    if last:
        blocks = primitives.reshape(x, (batch, high, block_size, wide, block_size, channels))
        return primitives.reshape(transpose(blocks, (0, 1, 3, 2, 4, 5)), (batch, high, wide, depth))
    blocks = primitives.reshape(x, (batch, channels, high, block_size, wide, block_size))
    return primitives.reshape(transpose(blocks, (0, 3, 5, 1, 2, 4)), (batch, depth, high, wide))


def _is_channels_last(x: Tensor, block_size: int, data_format: str) -> bool:
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f"data_format: expected 'channels_last' or 'channels_first'; got {data_format!r}."
        )
    if len(x.shape) != 4:
        raise errors.ShapeError(
            f"x: expected four dimensions, a batch of images; got shape {tuple(x.shape)}."
        )
    if not isinstance(block_size, int) or block_size < 2:
        raise ValueError(f"block_size: expected an integer of 2 or more; got {block_size!r}.")
    return data_format == "channels_last"


# ------------------------------------------------------------------------------------------- rearrange


def rearrange(tensor: Tensor, pattern: str, **axes_lengths: int) -> Tensor:
    """Axes reordered, split and merged as a pattern says, in the notation of einops.

    Args:
        pattern: names of the axes before and after, ``"b h w c -> b (h w) c"``.  Parentheses hold axes that are
            merged into one, ``1`` is an axis of length 1, ``...`` stands for any number of axes.
        **axes_lengths: the lengths of axes that cannot be worked out from the shape.

    Example:
        >>> from polynet import ops
        >>> ops.rearrange(ops.zeros((2, 12, 3)), "b (h w) c -> b c h w", h=4).shape
        (2, 3, 4, 3)
    """
    if isinstance(tensor, list | tuple | int | float):
        tensor = convert_to_tensor(tensor)
    for name, length in axes_lengths.items():
        if not isinstance(length, int) or length < 0:
            raise ValueError(_complaint(pattern, f"{name}: expected a length; got {length!r}."))
    return _rearrange(tensor, pattern, tuple(sorted(axes_lengths.items())))


@op(dtypes=spec.same)
def _rearrange(tensor: Tensor, pattern: str, lengths: tuple[tuple[str, int], ...]) -> Tensor:
    apart, order, final = _rearrangement(pattern, shape_of(tensor), lengths)
    if apart is not None:
        tensor = primitives.reshape(tensor, apart)
    if order is not None:
        tensor = transpose(tensor, order)
    return tensor if final is None else primitives.reshape(tensor, final)


Group = tuple[str, ...]


@functools.lru_cache(maxsize=512)
def _rearrangement(
    pattern: str, shape: tuple[int, ...], given: tuple[tuple[str, int], ...]
) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None, tuple[int, ...] | None]:
    """The steps for a shape: split the axes, reorder them, merge them; ``None`` for a step that does nothing."""
    before, after = _parse(pattern)
    complain = functools.partial(_complaint, pattern)
    known = dict(given)
    unused = set(known) - {name for group in before for name in group}
    if unused:
        raise ValueError(
            complain(f"lengths are given for {_names(unused)}, which the left side does not name.")
        )
    named = sum(group != ("...",) for group in before)
    spare = len(shape) - named
    dotted = any(group == ("...",) for group in before)
    if spare < 0 or (spare and not dotted):
        raise errors.ShapeError(
            complain(
                f"the left side has {named}{' or more' * dotted} axes; the tensor has the shape {shape}."
            )
        )
    rest = [f".{i}" for i in range(spare)]  # the axes that the dots stand for
    groups = [
        one
        for group in before
        for one in ([(name,) for name in rest] if group == ("...",) else [group])
    ]
    for group, length in zip(groups, shape, strict=True):
        _solve(group, length, known, complain)
    left = [name for group in groups for name in group]
    right = [
        name for group in after for name in (rest if group == ("...",) else _spread(group, rest))
    ]
    apart = tuple(known[name] for name in left)
    order = tuple(left.index(name) for name in right)
    final = tuple(
        length
        for group in after
        for length in (
            [known[name] for name in rest]
            if group == ("...",)
            else [math.prod(known[name] for name in _spread(group, rest))]
        )
    )
    moved = tuple(known[name] for name in right)
    return (
        None if apart == shape else apart,
        None if order == tuple(range(len(order))) else order,
        None if final == moved else final,
    )


def _complaint(pattern: str, text: str) -> str:
    return f"pattern {pattern!r}: {text}"


def _names(names: Any) -> str:
    return ", ".join(sorted(names))


def _spread(group: Group, rest: list[str]) -> list[str]:
    """The names of a group on the right, with its dots, if any, replaced."""
    return [name for entry in group for name in (rest if entry == "..." else [entry])]


def _solve(group: Group, length: int, known: dict[str, int], complain: Any) -> None:
    """Learn from the length of an axis those of the names that it is made of."""
    missing = [name for name in group if name not in known]
    product = math.prod(known[name] for name in group if name in known)
    if len(missing) > 1:
        raise ValueError(
            complain(
                f"the lengths of {_names(missing)} are unknown; give all but one, as {missing[0]}=..."
            )
        )
    if missing:
        if length % product if product else length:
            raise errors.ShapeError(
                complain(
                    f"an axis of length {length} does not divide by {product}, for ({' '.join(group)})."
                )
            )
        known[missing[0]] = length // product if product else 0
    elif product != length:
        what = f"({' '.join(group)}), which is {product}" if group else "1"
        raise errors.ShapeError(complain(f"an axis has the length {length}; expected {what}."))


@functools.lru_cache(maxsize=256)
def _parse(pattern: str) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """The groups of names on both sides of a pattern; an axis of length 1 is a group without a name."""
    sides = pattern.split("->") if isinstance(pattern, str) else []
    if len(sides) != 2:
        raise ValueError(_complaint(pattern, "expected two sides with one '->' between."))
    before, after = (_side(side, pattern) for side in sides)
    if any("..." in group and len(group) > 1 for group in before):
        raise ValueError(
            _complaint(pattern, "'...' may be merged with other axes on the right side only.")
        )
    left, right = ({name for group in side for name in group} for side in (before, after))
    for missing, there, where in ((right - left, "right", "left"), (left - right, "left", "right")):
        if missing:
            raise ValueError(
                _complaint(
                    pattern, f"{_names(missing)} stands on the {there} side but not on the {where}."
                )
            )
    return before, after


def _side(text: str, pattern: str) -> tuple[Group, ...]:
    groups: list[Group] = []
    inside: list[str] | None = None
    seen: set[str] = set()
    for token in re.findall(r"\.\.\.|[()]|[^\s().]+|\.+", text):
        if token in "()":
            if (token == "(") == (inside is not None):
                raise ValueError(
                    _complaint(pattern, "parentheses must come in pairs and not inside each other.")
                )
            if inside is not None:
                groups.append(tuple(inside))
            inside = [] if token == "(" else None
            continue
        if token == "1":
            if inside is None:
                groups.append(())
            continue
        if token != "..." and not token.isidentifier():
            raise ValueError(
                _complaint(
                    pattern, f"{token!r} is no name of an axis; expected a name, 1 or '...'."
                )
            )
        if token in seen:
            raise ValueError(_complaint(pattern, f"{token!r} stands twice on one side."))
        seen.add(token)
        if inside is None:
            groups.append((token,))
        else:
            inside.append(token)
    if inside is not None:
        raise ValueError(
            _complaint(pattern, "parentheses must come in pairs and not inside each other.")
        )
    return tuple(groups)
