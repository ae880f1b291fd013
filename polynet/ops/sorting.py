"""Ops about order: sorting, the largest k, searching sorted tensors, distinct elements, membership.

All of them rest on the primitive ``argsort``, which is stable and puts NaN last, so that equal elements come out in
the same order on every backend.  Quantiles are in ``reductions.py``.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from polynet import dtypes, errors, plugins, spec
from polynet.op import op
from polynet.ops import primitives
from polynet.ops.primitives import (
    HOLE,
    cast,
    cumsum,
    equal,
    flip,
    full,
    index,
    iota,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    minimum,
    not_equal,
    pad_constant,
    reshape,
    sum,
    transpose,
    where,
)
from polynet.spec import Spec, axis_index, count
from polynet.tensor import Axis, Tensor, plain
from polynet.values import dtype_of

__all__ = [
    "argpartition",
    "argsort",
    "in_top_k",
    "isin",
    "searchsorted",
    "sort",
    "top_k",
    "unique",
]

_ordered = spec.without_complex(spec.same)

# -------------------------------------------------------------------------------------- for bodies


def along(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """The elements of ``x`` at ``indices`` along an axis; all other axes go together."""
    ndim = len(x.shape)
    at = axis_index(axis, ndim)
    grid = []
    for i in range(ndim):
        if i == at:
            grid.append(indices)
        else:
            shape = (1,) * i + (x.shape[i],) + (1,) * (ndim - i - 1)
            grid.append(reshape(iota(x.shape[i], "int32"), shape))
    return index(x, grid, (HOLE,) * ndim)


# ---------------------------------------------------------------------------------------- sorting


def argsort(x: Tensor, axis: int | None = -1) -> Tensor:
    """The int32 indices that sort along an axis (``None``: the flattened tensor); stable, NaN last.

    Example:
        >>> from polynet import ops
        >>> ops.argsort([3, 1, 2]).tolist()
        [1, 2, 0]
    """
    return primitives.argsort(reshape(x, (-1,)), 0) if axis is None else primitives.argsort(x, axis)


@op(dtypes=_ordered)
def sort(x: Tensor, axis: Axis = -1) -> Tensor:
    """The elements in ascending order along an axis (``None``: of the flattened tensor), NaN last.

    Example:
        >>> from polynet import ops
        >>> ops.sort([3, 1, 2]).tolist()
        [1, 2, 3]
    """
    x, axis = _flat_without_axis(x, axis)
    return along(x, primitives.argsort(x, axis), axis)


def _flat_without_axis(x: Tensor, axis: Any) -> tuple[Tensor, int]:
    return (reshape(x, (-1,)), 0) if axis is None else (x, axis_index(axis, len(x.shape)))


def _unsorted(g: Tensor, x: Tensor, axis: Any) -> Tensor:
    """``g`` put back to where the sorted elements came from."""
    flat, axis = _flat_without_axis(x, axis)
    places = primitives.argsort(primitives.argsort(flat, axis), axis)
    return reshape(along(g, places, axis), x.shape)


sort.vjp(_unsorted)


@op(dtypes=spec.without_complex(spec.index_result))
def argpartition(x: Tensor, kth: int, axis: Axis = -1) -> Tensor:
    """Indices that put the element of rank ``kth`` in its place, smaller ones before it; here they sort fully.

    Example:
        >>> from polynet import ops
        >>> ops.argpartition([3, 1, 2], 1).tolist()[1]
        2
    """
    length = count(x.shape) if axis is None else x.shape[axis_index(axis, len(x.shape))]
    if not -length <= kth < length:
        raise ValueError(
            f"argpartition: kth: {kth} is out of range for an axis of length {length}."
        )
    return argsort(x, axis)


argpartition.not_differentiable()

TopK = namedtuple("TopK", ["values", "indices"])
"""What ``top_k`` returns."""


@op(dtypes=_ordered)
def top_k(x: Tensor, k: int, sorted: bool = True) -> TopK:
    """The k largest elements along the last axis and their int32 indices, largest first, NaN before all.

    Of equal elements the earlier ones come first.  The result is sorted whatever ``sorted`` says.

    Example:
        >>> from polynet import ops
        >>> values, indices = ops.top_k([1, 5, 3], k=2)
        >>> values.tolist(), indices.tolist()
        ([5, 3], [1, 2])
    """
    check_top_k(x.shape, k)
    length = x.shape[-1]
    backwards = index(
        primitives.argsort(flip(x, -1), -1), [], (Ellipsis, slice(length - k, length))
    )
    indices = length - 1 - flip(backwards, -1)
    return TopK(along(x, indices, -1), indices)


def check_top_k(shape: tuple[int, ...], k: int) -> None:
    """Refuse a ``k`` that ``top_k`` cannot find.  For backends."""
    length = shape[-1] if shape else 0
    if not shape or not 0 <= k <= length:
        raise ValueError(f"top_k: k: expected 0 to {length}, the length of the last axis; got {k}.")


def _target_and_predictions(kinds: Sequence[spec.Kind]) -> spec.Settled:
    target = dtypes.result_type(kinds[0])
    if not dtypes.is_int(target):
        raise errors.DTypeError(f"targets: expected integers; got {target}.")
    return [target, spec.without_complex(spec.elementwise)(kinds[1:])[1]], "bool"


@op(dtypes=_target_and_predictions)
def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Is the target's prediction among the k largest of its row?  Ties at the border count, NaN and no class do not.

    Args:
        targets: the class of each row, shape ``(batch,)``.
        predictions: shape ``(batch, classes)``.
        k: how many to look at.

    Example:
        >>> from polynet import ops
        >>> ops.in_top_k([1, 0], [[0.1, 0.9], [0.2, 0.8]], k=1).tolist()
        [True, False]
    """
    if len(predictions.shape) != 2 or tuple(targets.shape) != tuple(predictions.shape[:1]):
        raise errors.ShapeError(
            f"expected targets of shape (batch,) and predictions of shape (batch, classes); "
            f"got {tuple(targets.shape)} and {tuple(predictions.shape)}."
        )
    classes = predictions.shape[1]
    targets = cast(targets, "int32")
    known = logical_and(targets >= 0, targets < classes)
    if classes == 0:
        return known
    rows = predictions.shape[0]
    chosen = along(predictions, reshape(where(known, targets, 0), (rows, 1)), 1)
    ahead = logical_or(
        less(chosen, predictions), logical_and(isnan(predictions), logical_not(isnan(chosen)))
    )
    among = sum(cast(ahead, "int32"), 1) < k
    return logical_and(among, logical_and(known, logical_not(isnan(reshape(chosen, (rows,))))))


in_top_k.not_differentiable()

# -------------------------------------------------------------------------------------- searching


def _search(kinds: Sequence[spec.Kind]) -> spec.Settled:
    return spec.without_complex(spec.elementwise)(kinds)[0], "int32"


@op(dtypes=_search)
def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> Tensor:
    """The int32 places at which ``values`` would be inserted into an ascending vector to keep it sorted.

    Args:
        sorted_sequence: one dimension, ascending; NaN last.
        values: any shape, which the result has too.
        side: ``"left"`` for the place before equal elements, ``"right"`` for that behind them.

    Example:
        >>> from polynet import ops
        >>> ops.searchsorted([1, 3, 3, 5], [3, 4]).tolist()
        [1, 3]
    """
    check_search(sorted_sequence.shape, side)
    length = sorted_sequence.shape[0]
    found = full(tuple(values.shape), 0, "int32")
    if length == 0:
        return found
    before = less if side == "left" else less_equal
    step = 2 ** int(math.log2(length))
    while step:
        reached = found + step
        element = index(sorted_sequence, [minimum(reached, length) - 1], (HOLE,))
        earlier = before(element, values)
        if dtypes.is_float(dtype_of(values)):
            beyond = (
                isnan(values)
                if side == "right"
                else logical_and(isnan(values), logical_not(isnan(element)))
            )
            earlier = logical_or(earlier, beyond)
        found = where(logical_and(earlier, reached <= length), reached, found)
        step //= 2
    return found


def check_search(shape: tuple[int, ...], side: str) -> None:
    """Refuse what ``searchsorted`` cannot search.  For backends."""
    if len(shape) != 1:
        raise errors.ShapeError(
            f"sorted_sequence: expected one dimension; got shape {tuple(shape)}. Use ops.vectorized_map over the rows."
        )
    if side not in ("left", "right"):
        raise ValueError(f"searchsorted: side: expected 'left' or 'right'; got {side!r}.")


@op(dtypes=spec.comparison)
def isin(x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Is each element of ``x1`` among those of ``x2``?  NaN is in nothing.

    Args:
        x1: the elements to look for.
        x2: where to look for them.
        assume_unique: that neither holds an element twice; nothing is gained from knowing it.
        invert: answer the opposite.

    Example:
        >>> from polynet import ops
        >>> ops.isin([1, 2, 3], [3, 1]).tolist()
        [True, False, True]
    """
    if count(x2.shape) == 0:
        return full(tuple(x1.shape), invert, "bool")
    if dtypes.is_complex(dtype_of(x1)):
        wide = reshape(x1, (*x1.shape, 1))
        found = primitives.any(equal(wide, reshape(x2, (-1,))), -1)
    else:
        pool = sort(reshape(x2, (-1,)), -1)
        place = minimum(searchsorted(pool, x1), pool.shape[0] - 1)
        found = equal(index(pool, [place], (HOLE,)), x1)
    return logical_not(found) if invert else found


isin.not_differentiable()
searchsorted.not_differentiable()

# --------------------------------------------------------------------------------------- distinct


@op
def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The distinct elements in ascending order, or the distinct slices along an axis.  Each NaN is distinct.

    The length of the result depends on the values; with ``size`` it does not.

    Args:
        x: any shape; without ``axis`` it is flattened.
        sorted: the result is sorted whatever this says.
        return_index: also give the int32 index of the first occurrence of each.
        return_inverse: also give, for each element of ``x``, the int32 index of its equal in the result.
        return_counts: also give the int32 number of occurrences of each.
        axis: compare slices along this axis in place of elements.
        size: the length of the result: what is beyond is cut off, what is missing filled.
        fill_value: what to fill with; the first of the elements by default.

    Returns:
        The elements, or a tuple of them and what else was asked for, in the order of the arguments.

    Example:
        >>> from polynet import ops
        >>> elements, counts = ops.unique([3, 1, 3], return_counts=True)
        >>> elements.tolist(), counts.tolist()
        ([1, 3], [1, 2])
    """
    at = None if axis is None else axis_index(axis, len(x.shape))
    wanted = (return_index, return_inverse, return_counts)
    if isinstance(plain(x), Spec):
        return _specs(x, at, size, wanted)
    slices = reshape(x, (-1,)) if at is None else x
    if at:
        slices = transpose(x, (at, *(i for i in range(len(x.shape)) if i != at)))
    order, group = _grouped(slices)
    if size is None:
        size = _number_of_groups(group)
    place = iota(size, "int32")
    start = searchsorted(group, place, "left")
    number = searchsorted(group, place, "right") - start
    results = [_filled(slices, order, start, number, fill_value)]
    if at:
        results[0] = transpose(results[0], (*range(1, at + 1), 0, *range(at + 1, len(x.shape))))
    if return_index:
        results.append(_filled(order, iota(order.shape[0], "int32"), start, number, None))
    if return_inverse:
        inverse = index(group, [primitives.argsort(order)], (HOLE,))
        results.append(reshape(inverse, x.shape) if at is None else inverse)
    if return_counts:
        results.append(number)
    return tuple(results) if len(results) > 1 else results[0]


unique.not_differentiable()


def _grouped(slices: Tensor) -> tuple[Tensor, Tensor]:
    """The order that sorts slices along the first axis, and for each of the sorted ones the number of its kind."""
    length = slices.shape[0]
    rows = reshape(slices, (length, count(slices.shape[1:])))
    order = iota(length, "int32")
    for column in range(rows.shape[1] - 1, -1, -1):
        keys = index(index(rows, [], (slice(None), column)), [order], (HOLE,))
        order = index(order, [primitives.argsort(keys)], (HOLE,))
    if length < 2:
        return order, full((length,), 0, "int32")
    ordered = index(rows, [order], (HOLE,))
    later = index(ordered, [], (slice(1, None),))
    changes = not_equal(later, index(ordered, [], (slice(None, -1),)))
    steps = cast(primitives.any(changes, 1), "int32")
    return order, cumsum(pad_constant(steps, ((1, 0),), 0))


def _specs(x: Tensor, axis: int | None, size: int | None, wanted: tuple[bool, ...]) -> Any:
    """What ``unique`` gives, as specs; only here may a length be a stand-in, which nothing may loop over."""
    length = spec.unknown_length() if size is None else size
    shape = (length,) if axis is None else (*x.shape[:axis], length, *x.shape[axis + 1 :])
    inverse = x.shape if axis is None else (x.shape[axis],)
    parts = [
        Spec(part, "int32")
        for part, asked in zip(((length,), inverse, (length,)), wanted, strict=True)
        if asked
    ]
    return (Spec(shape, dtype_of(x)), *parts) if parts else Spec(shape, dtype_of(x))


def _number_of_groups(group: Tensor) -> int:
    """How many kinds there are."""
    if not group.shape[0]:
        return 0
    last = plain(index(group, [], (-1,)))
    backend = plugins.current()
    if backend.is_traced(last):
        raise errors.ShapeError(
            "x: the length of the result depends on values that are not known in compiled code. Give size."
        )
    return int(backend.to_numpy(last)) + 1


def _filled(
    values: Tensor, order: Tensor, start: Tensor, number: Tensor, fill_value: Any
) -> Tensor:
    """The first of each kind, and the filling for the kinds that there are not."""
    missing = equal(number, 0)
    if values.shape[0]:
        first = index(order, [where(missing, 0, start)], (HOLE,))
        found = index(values, [first], (HOLE,))
        if fill_value is None:
            return found
    else:
        found = full((*start.shape, *values.shape[1:]), 0, dtype_of(values))
        fill_value = 0 if fill_value is None else fill_value
    missing = reshape(missing, (*missing.shape, *(1,) * (len(values.shape) - 1)))
    return where(missing, cast(fill_value, dtype_of(values)), found)
