"""Picking and setting elements: by key, by index, by position, by segment.

All of it comes down to the primitives ``index`` and ``index_update``, whose keys are kept simple here: masks become
integers, and integers beside index tensors are applied first.  Joining and cutting is in ``manipulation.py``.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from polynet import dtypes, errors, plugins, spec
from polynet.op import op
from polynet.ops import primitives
from polynet.ops.core import NUMBERS, convert_to_numpy, convert_to_tensor
from polynet.ops.manipulation import moveaxis
from polynet.ops.primitives import (
    HOLE,
    cast,
    floor_divide,
    full,
    greater_equal,
    index,
    index_update,
    iota,
    less,
    logical_or,
    maximum,
    minimum,
    mod,
    nonzero,
    stack,
)
from polynet.spec import axis_index
from polynet.tensor import Held, Shape, Tensor, Traced, plain
from polynet.values import dtype_of, expect_tensor, from_list, shape_of

__all__ = [
    "get_item",
    "scatter",
    "scatter_update",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "select",
    "slice",
    "slice_update",
    "take",
    "take_along_axis",
    "unravel_index",
    "where",
]

_span = builtins.slice
_ALL = _span(None)

# ---------------------------------------------------------------------------------------------- by key


def get_item(x: Tensor, key: Any) -> Tensor:
    """``x[key]`` with NumPy's meaning, for every kind of tensor.

    Args:
        key: integers, slices, ``None``, ``...``, integer or bool tensors or lists, or a tuple of these.

    Example:
        >>> from polynet import ops
        >>> ops.get_item(ops.arange(5), [4, 2])
        array([4, 2], dtype=int32)
    """
    if x.__class__ in _HOST or not hasattr(x, "shape"):
        expect_tensor(x, "get_item: x")
        x = convert_to_tensor(x)
    if x.shape:  # the usual keys first: what follows is for all others
        if key.__class__ is int:
            return index(x, [], _checked((key,), x.shape))
        if key.__class__ is _span:
            return index(x, [], (_plain_slice(key),))
        if _is_one_index(key):
            return index(x, [key], (HOLE,))
    way = split_key(key, x.shape)
    if way.first is not None:
        x = index(x, [], way.first)
    if way.indices:
        x = index(x, way.indices, way.key)
        if way.from_axis:
            x = moveaxis(x, _axes(way.from_axis, way.moved), _axes(0, way.moved))
    return x


def _is_one_index(key: Any) -> bool:
    """Is a key one tensor of integers, with axes?"""
    return hasattr(key, "dtype") and builtins.bool(key.shape) and dtypes.is_int(dtype_of(key))


_HOST = frozenset({*NUMBERS, list, tuple})


def set_item(x: Tensor, key: Any, value: Any, reduction: str | None = None) -> Tensor:
    """A copy of ``x`` with ``x[key]`` set to, or combined with, ``value``.

    ``reduction`` is that of ``index_update``.
    """
    way = split_key(key, x.shape)
    if not way.indices:
        return index_update(x, [], value, way.first or (), reduction)
    if way.from_axis:
        wide = primitives.indexed_shape(_shape_after(x, way.first), way.indices, way.key)
        ndim = len(wide)
        places = _axes(way.from_axis, way.moved)
        order = [*places, *(i for i in range(ndim) if i not in places)]
        value = primitives.broadcast_to(value, tuple(wide[i] for i in order))
        value = moveaxis(value, _axes(0, way.moved), places)
    if way.first is None:
        return index_update(x, way.indices, value, way.key, reduction)
    part = index_update(index(x, [], way.first), way.indices, value, way.key, reduction)
    return index_update(x, [], part, way.first, None)


def _shape_after(x: Tensor, key: tuple[Any, ...] | None) -> tuple[int, ...]:
    return tuple(x.shape) if key is None else primitives.indexed_shape(tuple(x.shape), [], key)


def _axes(start: int, number: int) -> tuple[int, ...]:
    return tuple(range(start, start + number))


class Way(NamedTuple):
    """How a key is applied: first integers, slices and ``None``, then index tensors, then axes are moved.

    The axes that the index tensors made stand at ``from_axis`` instead of in front, where NumPy puts them.
    """

    first: tuple[Any, ...] | None
    indices: list[Any]
    key: tuple[Any, ...]
    from_axis: int = 0
    moved: int = 0


def split_key(key: Any, shape: Sequence[Any]) -> Way:
    """What to do for a key on a tensor of that shape, whose lengths may be ``None``."""
    entries = key if key.__class__ is tuple else (key,)
    if all(entry.__class__ in _SIMPLE for entry in entries):
        return Way(_checked(tuple(map(_plain_slice, entries)), shape), [], ())
    return _mixed(entries, shape)


_SIMPLE = frozenset({int, builtins.slice, type(None), type(Ellipsis)})


def _plain_slice(entry: Any) -> Any:
    """A slice whose bounds are Python integers, also when 0-d tensors were given."""
    if entry.__class__ is not _span:
        return entry
    bounds = (entry.start, entry.stop, entry.step)
    if all(bound is None or bound.__class__ is int for bound in bounds):
        return entry
    try:
        return _span(*(None if bound is None else operator.index(bound) for bound in bounds))
    except TypeError as error:
        raise TypeError(f"key: slices need integers; got {entry}. ({error})") from None


def _checked(entries: tuple[Any, ...], shape: Sequence[Any]) -> tuple[Any, ...]:
    """The key, once its integers are seen to be in range and its axes to exist."""
    if len(entries) == 1 and shape and entries[0].__class__ is int and shape[0] is not None:
        if -shape[0] <= entries[0] < shape[0]:
            return entries
    dots = _dots(entries)
    ndim = len(shape)
    used = sum(entry is not None for entry in entries) - dots
    if used > ndim:
        raise errors.AxisError(
            f"get_item: key: {used} indices for a tensor of {ndim} dimension{'s' * (ndim != 1)}."
        )
    axis = 0
    for entry in entries:
        if entry.__class__ is int:
            length = shape[axis]
            if length is not None and not -length <= entry < length:
                raise errors.AxisError(
                    f"get_item: key: index {entry} is out of range for axis {axis} of length {length}."
                )
        axis += ndim - used if entry is Ellipsis else entry is not None
    return entries


def _dots(entries: Sequence[Any]) -> int:
    """How many ``...`` a key has: none or one."""
    dots = sum(entry is Ellipsis for entry in entries)
    if dots > 1:
        raise errors.AxisError(f"get_item: key: expected at most one '...'; got {dots}.")
    return dots


class _Entry(NamedTuple):
    """What one entry of a key adds to the first key and to the main one; ``picks`` if it is no slice or ``None``."""

    first: tuple[Any, ...]
    main: tuple[Any, ...]
    indices: Any = None
    picks: bool = False


def _mixed(entries: tuple[Any, ...], shape: Sequence[Any]) -> Way:
    """``split_key`` for a key with index tensors, lists or masks in it."""
    values = [_as_index(entry) for entry in entries]
    _dots(values)
    spare = len(shape) - sum(_used(value) for value in values)
    found: list[_Entry] = []
    axis = 0
    for value in values:
        found.extend(_read(value, axis, shape, max(spare, 0)))
        axis += max(spare, 0) if value is Ellipsis else _used(value)
    first = tuple(entry for part in found for entry in part.first)
    _checked(first, shape)
    main = tuple(entry for part in found for entry in part.main)
    indices = [part.indices for part in found if HOLE in part.main]
    trivial = all(entry.__class__ is _span and entry == _ALL for entry in first)
    if not indices:
        return Way(first, [], ())
    ndim = max(len(shape_of(value)) for value in indices)
    indices = [_of_one_axis(value) if ndim else value for value in indices]
    # NumPy: what index tensors and integers make stands where the first of them is, or in front when they are apart.
    picks = [part.picks for part in found]
    apart = not all(picks[picks.index(True) : len(picks) - picks[::-1].index(True)])
    holes = [i for i, entry in enumerate(main) if entry is HOLE]
    together = holes[-1] - holes[0] == len(holes) - 1
    return Way(
        None if trivial else first, indices, main, holes[0] if apart and together else 0, ndim
    )


def _as_index(entry: Any) -> Any:
    """An entry of a key as an integer, a slice, ``None``, ``...``, a bool or a tensor."""
    if entry.__class__ in _SIMPLE or entry.__class__ is bool:
        return _plain_slice(entry)
    if isinstance(entry, list | tuple):
        entry = from_list(entry, "get_item: key") if len(entry) else np.zeros(0, "int32")
    if isinstance(entry, np.generic | int):
        return bool(entry) if isinstance(entry, np.bool_) else operator.index(entry)  # type: ignore[arg-type]
    if not hasattr(entry, "shape"):
        raise TypeError(
            f"get_item: key: expected integers, slices, None, '...', or integer or bool tensors; "
            f"got {type(entry).__name__}."
        )
    name = dtype_of(entry)
    if not (dtypes.is_int(name) or dtypes.is_bool(name)):
        raise errors.DTypeError(
            f"get_item: key: expected index tensors of integers or bool; got {name}."
        )
    return bool(entry) if dtypes.is_bool(name) and not shape_of(entry) else entry


def _used(entry: Any) -> int:
    """How many axes an entry of a key takes up."""
    if entry is None or entry is Ellipsis or entry.__class__ is bool:
        return 0
    if hasattr(entry, "shape") and dtypes.is_bool(dtype_of(entry)):
        return len(entry.shape)
    return 1


def _read(entry: Any, axis: int, shape: Sequence[Any], spare: int) -> list[_Entry]:
    """The meaning of an entry that stands at ``axis``; a mask is one of integers for each of its axes."""
    if entry.__class__ is bool:
        return [_Entry((None,), (HOLE,), np.zeros(int(entry), "int32"), True)]
    if entry is Ellipsis:
        return [_Entry((_ALL,) * spare, (_ALL,) * spare)]
    if entry is None or entry.__class__ is _span:
        return [_Entry((entry,), (_ALL,))]
    if entry.__class__ is int:
        return [_Entry((entry,), (), None, True)]
    if not dtypes.is_bool(dtype_of(entry)):
        return [_Entry((_ALL,), (HOLE,), entry, True)]
    lengths = tuple(shape[axis : axis + len(entry.shape)])
    if any(None not in (a, b) and a != b for a, b in zip(entry.shape, lengths, strict=False)):
        raise errors.ShapeError(
            f"get_item: key: a mask of shape {tuple(entry.shape)} does not fit the axes from {axis} on, "
            f"which have the shape {lengths}."
        )
    return [_Entry((_ALL,), (HOLE,), part, True) for part in nonzero(entry)]


def _of_one_axis(indices: Any) -> Any:
    """Index tensors of no axis beside others become vectors, which broadcast alike."""
    return indices if shape_of(indices) else primitives.reshape(indices, (1,))


# ---------------------------------------------------------------------------------------------- by index


@op(dtypes=spec.indexed)
def take(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """The elements (or slices, or rows) at some indices along an axis.

    Args:
        indices: integers of any shape; negative ones count from the end.
        axis: without one, ``x`` is flattened first.

    Example:
        >>> from polynet import ops
        >>> ops.take([[1, 2], [3, 4]], [1, 0], axis=0)
        array([[3, 4],
               [1, 2]], dtype=int32)
    """
    if axis is None:
        return index(primitives.reshape(x, (-1,)), [indices], (HOLE,))
    at = axis_index(axis, len(x.shape))
    return index(x, [indices], (*(_ALL,) * at, HOLE))


@op(dtypes=spec.indexed)
def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """For each place of ``indices`` the element of ``x`` in the same row, at that index along an axis.

    Args:
        indices: integers with as many axes as ``x``, broadcast along all but ``axis``.
        axis: without one, ``x`` is flattened and ``indices`` must be a vector.

    Example:
        >>> from polynet import ops
        >>> ops.take_along_axis([[1, 2], [3, 4]], [[1], [0]], axis=1)
        array([[2],
               [3]], dtype=int32)
    """
    if axis is None:
        x, axis = primitives.reshape(x, (-1,)), 0
    ndim = len(x.shape)
    at = axis_index(axis, ndim)
    if len(indices.shape) != ndim:
        raise errors.ShapeError(
            f"indices: expected {ndim} dimensions, as x has; got the shape {tuple(indices.shape)}."
        )
    places = [
        _line(iota(x.shape[i], "int32"), i, ndim) if i != at else indices for i in range(ndim)
    ]
    return index(x, places, (HOLE,) * ndim)


def _line(values: Tensor, axis: int, ndim: int) -> Tensor:
    """A vector laid along one of ``ndim`` axes."""
    return primitives.reshape(values, tuple(-1 if i == axis else 1 for i in range(ndim)))


def where(condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None) -> Any:
    """``x1`` where the condition holds, else ``x2``, element-wise.

    With the condition alone, the indices at which it holds, as ``nonzero`` gives them.

    Example:
        >>> from polynet import ops
        >>> ops.where([True, False], 1.0, 2.0)
        array([1., 2.], dtype=float32)
    """
    if x1 is not None and x2 is not None:
        return primitives.where(condition, x1, x2)
    if x1 is not None or x2 is not None:
        raise ValueError(
            f"where: expected both x1 and x2, or neither; got only {'x2' if x1 is None else 'x1'}."
        )
    return nonzero(condition)


def _select_rule(kinds: Sequence[spec.Kind]) -> spec.Settled:
    conditions = len(kinds) // 2
    common = dtypes.result_type(*kinds[conditions:])
    return ["bool"] * conditions + [common] * (len(kinds) - conditions), common


def select(condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Tensor = 0) -> Tensor:
    """Element-wise the choice of the first condition that holds; ``default`` where none does.

    Example:
        >>> from polynet import ops
        >>> x = ops.arange(4)
        >>> ops.select([x < 1, x > 2], [x * 10, x * 100], default=7)
        array([  0,   7,   7, 300], dtype=int32)
    """
    conditions, choices = list(condlist), list(choicelist)
    if not conditions or len(conditions) != len(choices):
        raise ValueError(
            f"select: condlist, choicelist: expected as many of each, at least one; "
            f"got {len(conditions)} and {len(choices)}."
        )
    return _select(conditions, choices, default)


@op(dtypes=_select_rule)
def _select(condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Tensor) -> Tensor:
    shape = spec.broadcast(*(tuple(entry.shape) for entry in (*condlist, *choicelist, default)))
    result = primitives.broadcast_to(default, shape)
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        result = primitives.where(condition, choice, result)
    return result


def _int32(kinds: Sequence[spec.Kind]) -> spec.Settled:
    for kind in kinds:
        if not dtypes.is_int(dtypes.result_type(kind)):
            raise errors.DTypeError(f"indices: expected integers; got {dtypes.result_type(kind)}.")
    return [None if isinstance(kind, str) else "int32" for kind in kinds], "int32"


@op(dtypes=_int32)
def unravel_index(indices: Tensor, shape: Shape) -> tuple[Tensor, ...]:
    """The place in a tensor of that shape of each index into the flattened tensor, as an int32 tensor for each axis.

    Negative indices count from the end; those beyond an end become the last or first one.

    Example:
        >>> from polynet import ops
        >>> ops.unravel_index([1, 5], (2, 3))
        (array([0, 1], dtype=int32), array([1, 2], dtype=int32))
    """
    size = spec.count(shape)
    if not size:
        raise errors.ShapeError(f"shape: {shape} has no elements to find.")
    wide = dtype_of(indices)
    if wide not in ("int32", "int64"):
        indices = cast(indices, "int64" if wide in ("uint32", "uint64") else "int32")
    indices = primitives.where(less(indices, 0), indices + size, indices)
    rest = minimum(maximum(indices, 0), size - 1)
    places = []
    for length in reversed(shape):
        places.append(cast(mod(rest, length), "int32"))
        rest = floor_divide(rest, length)
    return tuple(reversed(places))


# ----------------------------------------------------------------------------------------- by position


def _scattered(kinds: Sequence[spec.Kind]) -> spec.Settled:
    casts, result = spec.indexed([kinds[1], kinds[0]])
    return [casts[1], casts[0]], result


@op(dtypes=_scattered)
def scatter(indices: Tensor, values: Tensor, shape: Shape) -> Tensor:
    """A tensor of zeros of that shape with the values added at the indices.

    Args:
        indices: the places, one a row, with an integer for each of the leading axes of the result.

    Example:
        >>> from polynet import ops
        >>> ops.scatter([[0], [2], [2]], [1.0, 2.0, 3.0], (4,))
        array([1., 0., 5., 0.], dtype=float32)
    """
    rows, updates, key = _places(indices, values, shape)
    return index_update(full(shape, 0, dtype_of(values)), rows, updates, key, "add")


_REDUCTIONS = {None: None, "add": "add", "max": "max", "min": "min", "mul": "multiply"}


@op(dtypes=spec.updated)
def scatter_update(
    inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None
) -> Tensor:
    """A copy of ``inputs`` with the elements at the indices replaced by, or combined with, updates.

    Args:
        indices: the places, one a row, with an integer for each of the leading axes of ``inputs``.
        updates: for each row of ``indices`` an element, or the rest of the axes.
        reduction: ``None`` replaces (the last update wins); ``"add"``, ``"mul"``, ``"max"``, ``"min"`` combine.

    Example:
        >>> from polynet import ops
        >>> ops.scatter_update(ops.zeros((3,)), [[0], [2]], [5.0, 6.0])
        array([5., 0., 6.], dtype=float32)
    """
    how = reduction.lower() if isinstance(reduction, str) else reduction
    if how not in _REDUCTIONS:
        raise ValueError(
            f"reduction: expected None, 'add', 'mul', 'max' or 'min'; got {reduction!r}."
        )
    rows, updates, key = _places(indices, updates, tuple(inputs.shape))
    return index_update(inputs, rows, updates, key, _REDUCTIONS[how])


def _places(indices: Tensor, updates: Tensor, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Indices, updates and key for ``index_update``, from rows of places."""
    if not indices.shape or indices.shape[-1] > len(shape):
        raise errors.ShapeError(
            f"indices: expected rows of at most {len(shape)} integers for a tensor of shape {shape}; "
            f"got the shape {tuple(indices.shape)}."
        )
    width = indices.shape[-1]
    wanted = (*indices.shape[:-1], *shape[width:])
    if tuple(updates.shape) != wanted and spec.broadcast(tuple(updates.shape), wanted) != wanted:
        raise errors.ShapeError(
            f"updates: expected the shape {wanted}; got {tuple(updates.shape)}."
        )
    if not width:
        return (
            [],
            primitives.sum(
                primitives.broadcast_to(updates, wanted), tuple(range(len(indices.shape) - 1))
            ),
            (),
        )
    rows = [index(indices, [], (..., i)) for i in range(width)]
    return rows, updates, (HOLE,) * width


def slice(inputs: Tensor, start_indices: Any, shape: Shape) -> Tensor:
    """The block of that shape which begins at ``start_indices``.

    Args:
        start_indices: an integer for each axis.  Python integers must lie in range; those of a tensor are
            moved until the block does.
        shape: its lengths; -1 takes the rest of an axis, where the start is a Python integer.

    Example:
        >>> from polynet import ops
        >>> ops.slice([[1, 2, 3], [4, 5, 6]], [0, 1], [2, 2])
        array([[2, 3],
               [5, 6]], dtype=int32)
    """
    starts = _starts(start_indices)
    lengths = spec.as_shape(shape)
    if inputs.__class__ in _HOST or not hasattr(inputs, "shape"):
        expect_tensor(inputs, "slice: inputs")
        inputs = convert_to_tensor(inputs)
    if starts is None:
        places = _known_places(inputs, start_indices, lengths, "shape")
        if places is None:
            return _slice(inputs, _vector(start_indices), lengths)
        return index(inputs, [], places)
    return get_item(inputs, _block(inputs, starts, lengths, "slice: shape"))


def _starts(start_indices: Any) -> list[int] | None:
    """The starts as Python integers when they are such."""
    if isinstance(start_indices, int):
        return [start_indices]
    if isinstance(start_indices, list | tuple) and all(
        type(start) is int for start in start_indices
    ):
        return list(start_indices)
    return None


def _vector(start_indices: Any) -> Tensor:
    """Starts that are tensors, as one vector."""
    if isinstance(start_indices, list | tuple):
        return stack([convert_to_tensor(start, "int32") for start in start_indices], 0)
    return start_indices if shape_of(start_indices) else primitives.reshape(start_indices, (1,))


def _known_places(
    x: Tensor, starts: Any, lengths: tuple[int, ...], name: str
) -> tuple[Any, ...] | None:
    """The key of a block whose starts are tensors, where their values are at hand: not while code is traced."""
    backend = plugins.current()

    def known(value: Any) -> Any:
        value = plain(value) if isinstance(value, Held) else value
        if value.__class__ is int or isinstance(value, np.ndarray | np.generic):
            return value
        if not isinstance(value, backend.tensor_types) or backend.is_traced(value):
            return None
        return backend.to_numpy(value) if backend.device_of(value).startswith("cpu") else None

    if isinstance(x, Traced) and not isinstance(x, Held):
        return None
    values = [known(start) for start in (starts if isinstance(starts, list | tuple) else [starts])]
    if any(value is None for value in values):
        return None
    found = np.asarray(values if isinstance(starts, list | tuple) else values[0])
    if found.dtype.kind not in "iu" or found.shape != (len(x.shape),):
        return None
    whole = tuple(x.shape)
    _check_block(whole, found.shape, lengths, name)
    key = []
    for start, length, total in zip(found.tolist(), lengths, whole, strict=True):
        start = builtins.min(builtins.max(start + total if start < 0 else start, 0), total - length)
        key.append(_span(start, start + length))
    return tuple(key)


def _check_block(
    whole: tuple[int, ...], starts: tuple[int, ...], lengths: tuple[int, ...], name: str
) -> None:
    """A block needs a start and a length for each axis, in which it fits."""
    if starts != (len(whole),) or len(lengths) != len(whole):
        raise errors.ShapeError(
            f"{name}, start_indices: expected {len(whole)} integers each for a tensor of shape {whole}; "
            f"got {len(lengths)}, and a tensor of shape {starts}."
        )
    for axis, (length, total) in enumerate(zip(lengths, whole, strict=True)):
        if not 0 <= length <= total:
            raise errors.ShapeError(
                f"{name}: {length} elements do not fit in axis {axis} of length {total}."
            )


def _block(x: Tensor, starts: list[int], lengths: tuple[int, ...], name: str) -> tuple[Any, ...]:
    """The key of a block, which must lie inside of ``x``."""
    whole = tuple(x.shape)
    if len(starts) != len(whole) or len(lengths) != len(whole):
        raise errors.ShapeError(
            f"{name}, start_indices: expected {len(whole)} integers each for a tensor of shape {whole}; "
            f"got {len(lengths)} and {len(starts)}."
        )
    key = []
    for axis, (start, length, total) in enumerate(zip(starts, lengths, whole, strict=True)):
        if start < 0 and total is not None:
            start += total
        stop = None if length == -1 else start + length
        if start < 0 or length < -1 or (total is not None and (stop or start) > total):
            raise errors.ShapeError(
                f"{name}: {length} elements from {starts[axis]} on do not lie within axis {axis} of length {total}."
            )
        key.append(_span(start, stop))
    return tuple(key)


@op(dtypes=spec.indexed)
def _slice(inputs: Tensor, start_indices: Tensor, shape: tuple[int, ...]) -> Tensor:
    for axis, places in _moved_in(inputs, start_indices, shape, "shape"):
        inputs = index(inputs, [places], (*(_ALL,) * axis, HOLE))
    return inputs


def _moved_in(
    x: Tensor, starts: Tensor, lengths: tuple[int, ...], name: str
) -> list[tuple[int, Tensor]]:
    """For each axis of which a block covers a part, its indices along the axis, moved until they lie inside."""
    whole = tuple(x.shape)
    _check_block(whole, tuple(starts.shape), lengths, name)
    found = []
    for axis, (length, total) in enumerate(zip(lengths, whole, strict=True)):
        if length < total:
            start = cast(starts[axis], "int32")
            start = primitives.where(less(start, 0), start + total, start)
            start = minimum(maximum(start, 0), total - length)
            found.append((axis, iota(length, "int32") + start))
    return found


def slice_update(inputs: Tensor, start_indices: Any, updates: Tensor) -> Tensor:
    """A copy of ``inputs`` with the block that begins at ``start_indices`` replaced by ``updates``.

    Args:
        start_indices: as in ``slice``.

    Example:
        >>> from polynet import ops
        >>> ops.slice_update(ops.zeros((4,)), [1], [5.0, 6.0])
        array([0., 5., 6., 0.], dtype=float32)
    """
    starts = _starts(start_indices)
    if inputs.__class__ in _HOST or not hasattr(inputs, "shape"):
        expect_tensor(inputs, "slice_update: inputs")
        inputs = convert_to_tensor(inputs)
    if not hasattr(updates, "shape"):
        expect_tensor(updates, "slice_update: updates")
    if starts is None:
        places = _known_places(inputs, start_indices, shape_of(updates), "updates")
        if places is None:
            return _slice_update(inputs, _vector(start_indices), updates)
        return index_update(inputs, [], updates, places, None)
    return index_update(
        inputs,
        [],
        updates,
        _block(inputs, starts, shape_of(updates), "slice_update: updates"),
        None,
    )


@op(dtypes=spec.updated)
def _slice_update(inputs: Tensor, start_indices: Tensor, updates: Tensor) -> Tensor:
    ndim = len(inputs.shape)
    parts = dict(_moved_in(inputs, start_indices, tuple(updates.shape), "updates"))
    if len(parts) <= 1:
        key = tuple(HOLE if axis in parts else _ALL for axis in range(ndim))
        return index_update(inputs, list(parts.values()), updates, key, None)
    places = [
        _line(parts[axis] if axis in parts else iota(inputs.shape[axis], "int32"), axis, ndim)
        for axis in range(ndim)
    ]
    return index_update(inputs, places, updates, (HOLE,) * ndim, None)


# ------------------------------------------------------------------------------------------ by segment


def segment_sum(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The sum of the elements (or slices) of each segment; 0 for an empty one.

    Args:
        segment_ids: for each element along the first axis the number of its segment; those below 0 or not below
            ``num_segments`` belong to none.
        num_segments: by default one more than the largest number; must be given where that is not known yet.
        sorted: do the numbers ascend?

    Example:
        >>> from polynet import ops
        >>> ops.segment_sum([1, 2, 3], [0, 0, 2], 3)
        array([3, 0, 3], dtype=int32)
    """
    return _segment_sum(
        data, segment_ids, _segments(segment_ids, num_segments, "segment_sum"), sorted
    )


def segment_max(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The largest element of each segment; the smallest number of the dtype for an empty one.

    The arguments are those of ``segment_sum``.

    Example:
        >>> from polynet import ops
        >>> ops.segment_max([1.0, 2.0, 3.0], [0, 0, 1], 2)
        array([2., 3.], dtype=float32)
    """
    return _segment_max(
        data, segment_ids, _segments(segment_ids, num_segments, "segment_max"), sorted
    )


def segment_min(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The smallest element of each segment; the largest number of the dtype for an empty one.

    The arguments are those of ``segment_sum``.

    Example:
        >>> from polynet import ops
        >>> ops.segment_min([1.0, 2.0, 3.0], [0, 0, 1], 2)
        array([1., 3.], dtype=float32)
    """
    return _segment_min(
        data, segment_ids, _segments(segment_ids, num_segments, "segment_min"), sorted
    )


def segment_prod(
    data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """The product of the elements of each segment; 1 for an empty one.

    The arguments are those of ``segment_sum``.

    Example:
        >>> from polynet import ops
        >>> ops.segment_prod([2, 3, 4], [0, 0, 1], 3)
        array([6, 4, 1], dtype=int32)
    """
    return _segment_prod(
        data, segment_ids, _segments(segment_ids, num_segments, "segment_prod"), sorted
    )


def _segments(segment_ids: Any, num_segments: Any, name: str) -> int:
    """The number of segments, read from the data when it is not given."""
    if num_segments is not None:
        number = operator.index(num_segments)
        if number < 0:
            raise ValueError(f"{name}: num_segments: expected 0 or more; got {number}.")
        return number
    value = plain(segment_ids) if isinstance(segment_ids, Held) else segment_ids
    backend = plugins.current()
    if isinstance(value, Traced) or (
        isinstance(value, backend.tensor_types) and backend.is_traced(value)
    ):
        raise ValueError(
            f"{name}: num_segments: expected the number of segments, because the values of segment_ids are not "
            f"known yet; got None."
        )
    ids = convert_to_numpy(value)
    return int(ids.max()) + 1 if ids.size else 0


@op(dtypes=spec.indexed)
def _segment_sum(data: Tensor, segment_ids: Tensor, num_segments: int, sorted: bool) -> Tensor:
    return _segmented(data, segment_ids, num_segments, 0, "add")


@op(dtypes=spec.indexed)
def _segment_prod(data: Tensor, segment_ids: Tensor, num_segments: int, sorted: bool) -> Tensor:
    return _segmented(data, segment_ids, num_segments, 1, "multiply")


@op(dtypes=spec.indexed)
def _segment_max(data: Tensor, segment_ids: Tensor, num_segments: int, sorted: bool) -> Tensor:
    return _segmented(data, segment_ids, num_segments, _extreme(dtype_of(data), "min"), "max")


@op(dtypes=spec.indexed)
def _segment_min(data: Tensor, segment_ids: Tensor, num_segments: int, sorted: bool) -> Tensor:
    return _segmented(data, segment_ids, num_segments, _extreme(dtype_of(data), "max"), "min")


def _extreme(dtype: str, which: str) -> Any:
    """The smallest or largest number of a dtype."""
    if dtypes.is_int(dtype):
        return int(getattr(np.iinfo(dtype), which))
    if dtypes.is_bool(dtype):
        return which == "max"
    return float("-inf" if which == "min" else "inf")


def _segmented(
    data: Tensor, segment_ids: Tensor, number: int, start: Any, reduction: str
) -> Tensor:
    """One row a segment, made by combining each row of the data with it; a last row takes what belongs to none."""
    if len(segment_ids.shape) != 1 or not data.shape or data.shape[0] != segment_ids.shape[0]:
        raise errors.ShapeError(
            f"segment_ids: expected a vector with a number for each of the rows of data, whose shape is "
            f"{tuple(data.shape)}; got the shape {tuple(segment_ids.shape)}."
        )
    outside = logical_or(less(segment_ids, 0), greater_equal(segment_ids, number))
    rows = primitives.where(outside, number, segment_ids)
    result = full((number + 1, *data.shape[1:]), start, dtype_of(data))
    result = index_update(result, [rows], data, (HOLE,), reduction)
    return index(result, [], (_span(None, number),))
