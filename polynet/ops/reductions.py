"""Ops that reduce axes, or run along one: statistics, their variants without NaN, quantiles, histograms.

float16 and bfloat16 are summed in float32.  ``max``, ``min``, ``prod`` and ``cumsum`` are thin functions over the
primitives of the same names, which lack some of Keras's arguments.  Sorting itself is in ``sorting.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from polynet import dtypes, errors, plugins, spec
from polynet.op import op
from polynet.ops import primitives
from polynet.ops.elementwise import divide_no_nan, exp_difference, in_float32
from polynet.ops.primitives import (
    HOLE,
    all,
    argmax,
    broadcast_to,
    cast,
    ceil,
    conj,
    equal,
    exp,
    floor,
    full,
    index,
    index_update,
    iota,
    isfinite,
    isinf,
    isnan,
    log,
    logical_and,
    logical_not,
    matmul,
    maximum,
    minimum,
    multiply,
    not_equal,
    real,
    reshape,
    restore,
    rint,
    sqrt,
    subtract,
    sum,
    transpose,
    where,
)
from polynet.ops.sorting import along, searchsorted, sort
from polynet.spec import Spec, axes_indices, axis_index, count, reduced
from polynet.tensor import Axis, DType, Tensor, plain
from polynet.values import dtype_of

__all__ = [
    "amax",
    "amin",
    "average",
    "bincount",
    "corrcoef",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "digitize",
    "histogram",
    "logsumexp",
    "max",
    "mean",
    "median",
    "min",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "prod",
    "ptp",
    "quantile",
    "std",
    "trapezoid",
    "var",
]

_real = spec.without_complex(spec.same)
_real_float = spec.without_complex(spec.elementwise_float)

# ------------------------------------------------------------------- primitives with more arguments

amax = primitives.max
amin = primitives.min


def max(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The largest element over the axes; NaN where one is NaN.

    Args:
        x: the tensor.
        axis: one axis or several; all of them by default.
        keepdims: keep the reduced axes with length 1.
        initial: a number that takes part too; with it, axes without elements can be reduced.

    Example:
        >>> from polynet import ops
        >>> ops.max([[1, 5], [4, 2]], axis=1).tolist()
        [5, 4]
    """
    if initial is None:
        return primitives.max(x, axis, keepdims)
    return extreme_with_initial(x, initial, axis, keepdims, "max")


def min(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The smallest element over the axes; NaN where one is NaN.

    Args:
        x: the tensor.
        axis: one axis or several; all of them by default.
        keepdims: keep the reduced axes with length 1.
        initial: a number that takes part too; with it, axes without elements can be reduced.

    Example:
        >>> from polynet import ops
        >>> ops.min([[1, 5], [4, 2]], axis=1).tolist()
        [1, 2]
    """
    if initial is None:
        return primitives.min(x, axis, keepdims)
    return extreme_with_initial(x, initial, axis, keepdims, "min")


def _first_dtype(kinds: Sequence[spec.Kind]) -> spec.Settled:
    result = _real(kinds)[1]
    return [result] * len(kinds), result


@op(dtypes=_first_dtype)
def extreme_with_initial(
    x: Tensor, initial: Tensor, axis: Axis, keepdims: bool, which: str
) -> Tensor:
    """The largest or smallest element over the axes (``which`` is ``"max"`` or ``"min"``), and of ``initial``."""
    if 0 not in (x.shape[i] for i in axes_indices(axis, len(x.shape))):
        reduce, meet = (primitives.max, maximum) if which == "max" else (primitives.min, minimum)
        return meet(reduce(x, axis, keepdims), initial)
    return broadcast_to(initial, reduced(x.shape, axis, keepdims))


def prod(x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: DType = None) -> Tensor:
    """The product over the axes.

    Args:
        x: the tensor.
        axis: one axis or several; all of them by default.
        keepdims: keep the reduced axes with length 1.
        dtype: the dtype to multiply in and to return; that of ``x``, small integers made 32 bits wide, by default.

    Example:
        >>> from polynet import ops
        >>> ops.prod([[1, 5], [4, 2]], axis=1).tolist()
        [5, 8]
    """
    if dtype is None:
        return primitives.prod(x, axis, keepdims)
    dtype = dtypes.standardize(dtype)
    y = primitives.prod(cast(x, dtype), axis, keepdims)
    return y if dtypes.sum_dtype(dtype) == dtype else cast(y, dtype)


def cumsum(x: Tensor, axis: int | None = None, dtype: DType = None) -> Tensor:
    """The sum of all elements up to each one along an axis; of the flattened tensor by default.

    Example:
        >>> from polynet import ops
        >>> ops.cumsum([1, 2, 3]).tolist()
        [1, 3, 6]
    """
    if dtype is not None:
        x = cast(x, dtype)
    return primitives.cumsum(reshape(x, (-1,)), 0) if axis is None else primitives.cumsum(x, axis)


@op(dtypes=spec.arithmetic)
def cumprod(x: Tensor, axis: Axis = None, dtype: DType = None) -> Tensor:
    """The product of all elements up to each one along an axis; of the flattened tensor by default.

    Example:
        >>> from polynet import ops
        >>> ops.cumprod([1, 2, 3, 4]).tolist()
        [1, 2, 6, 24]
    """
    if dtype is not None:
        x = cast(x, dtype)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    order = list(range(len(x.shape)))
    order.append(order.pop(axis_index(axis, len(order))))
    rows = (
        x if axis in (-1, order[-1]) and order[-1] == len(order) - 1 else transpose(x, tuple(order))
    )
    result = multiply(rows, primitives._exclusive(rows))
    return result if rows is x else transpose(result, primitives._inverse(tuple(order)))


# ----------------------------------------------------------------------------------------- means


def _number(shape: tuple[int, ...], axis: Any) -> int:
    """How many elements are reduced to one."""
    return count([shape[i] for i in axes_indices(axis, len(shape))])


@op(dtypes=spec.elementwise_float)
def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over the axes, all of them by default; NaN where there is nothing.

    Example:
        >>> from polynet import ops
        >>> ops.mean([[1, 2], [3, 4]], axis=0).tolist()
        [2.0, 3.0]
    """
    number = _number(x.shape, axis)

    def compute(x: Tensor) -> Tensor:
        total = sum(x, axis, keepdims)
        return total / number if number else total * math.nan

    return in_float32(compute, x)


mean.vjp(
    lambda g, x_shape, axis, keepdims: broadcast_to(
        restore(g / (_number(x_shape, axis) or 1), x_shape, axis, keepdims), x_shape
    )
)


@op(dtypes=spec.elementwise_float)
def average(x: Tensor, axis: Axis = None, weights: Tensor | None = None) -> Tensor:
    """The weighted mean over the axes, all of them by default.

    Args:
        x: the tensor.
        axis: one axis or several.
        weights: of the shape of ``x``, or of the lengths of the axes; without them all weigh the same.

    Example:
        >>> from polynet import ops
        >>> ops.average([1.0, 2.0], weights=[3.0, 1.0]).tolist()
        1.25
    """
    if weights is None:
        return mean(x, axis)
    if tuple(weights.shape) != tuple(x.shape):
        axes = axes_indices(axis, len(x.shape))
        if axis is None or tuple(weights.shape) != tuple(x.shape[i] for i in axes):
            raise errors.ShapeError(
                f"weights: expected the shape {tuple(x.shape)} of x, or the lengths of the axes {axis}; "
                f"got {tuple(weights.shape)}."
            )
        weights = transpose(weights, tuple(sorted(range(len(axes)), key=axes.__getitem__)))
        weights = reshape(weights, tuple(n if i in axes else 1 for i, n in enumerate(x.shape)))
    dtype = dtype_of(x)
    if dtype in ("float16", "bfloat16"):
        x, weights = cast(x, "float32"), cast(weights, "float32")
    result = sum(x * weights, axis) / sum(broadcast_to(weights, x.shape), axis)
    return cast(result, dtype) if dtype in ("float16", "bfloat16") else result


def _conj(x: Tensor) -> Tensor:
    return conj(x) if dtypes.is_complex(dtype_of(x)) else x


def _squared(x: Tensor) -> Tensor:
    """The square of the absolute value."""
    return real(x * conj(x)) if dtypes.is_complex(dtype_of(x)) else x * x


def _root(x: Tensor) -> Tensor:
    """The square root, with the gradient 0 at 0."""
    zero = equal(x, 0)
    return where(zero, 0, sqrt(where(zero, 1, x)))


@op(dtypes=spec.magnitude_float)
def var(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance over the axes, all of them by default: the mean of the squared distance to the mean.

    Example:
        >>> from polynet import ops
        >>> ops.var([1.0, 3.0]).tolist()
        1.0
    """
    return in_float32(lambda x: mean(_squared(x - mean(x, axis, True)), axis, keepdims), x)


def _var_gradient(g: Tensor, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    scaled = restore(g * (2 / (_number(x.shape, axis) or 1)), x.shape, axis, keepdims)
    return scaled * _conj(x - mean(x, axis, True))


var.vjp(_var_gradient)


@op(dtypes=spec.magnitude_float)
def std(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over the axes, all of them by default; its gradient is 0 where it is 0.

    Example:
        >>> from polynet import ops
        >>> ops.std([1.0, 3.0]).tolist()
        1.0
    """
    return in_float32(lambda x: _root(var(x, axis, keepdims)), x)


def _std_gradient(g: Tensor, y: Tensor, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    return _var_gradient(divide_no_nan(g * 0.5, y), x, axis, keepdims)


std.vjp(_std_gradient)


@op(dtypes=spec.elementwise_float)
def logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """``log(sum(exp(x)))`` over the axes, all of them by default, without overflow; -inf where there is nothing.

    Example:
        >>> from polynet import ops
        >>> ops.logsumexp([1000.0, -1000.0]).tolist()
        1000.0
    """
    return in_float32(lambda x: _logsumexp(x, axis, keepdims), x)


def _logsumexp(x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    if not _number(x.shape, axis):
        return log(sum(x, axis, keepdims))
    top = primitives.max(real(x) if dtypes.is_complex(dtype_of(x)) else x, axis, True)
    top = where(isfinite(top), top, 0)
    total = log(sum(exp(x - top), axis, keepdims))
    return total + (top if keepdims else reshape(top, reduced(x.shape, axis)))


def _logsumexp_gradient(g: Tensor, y: Tensor, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    g, y = restore(g, x.shape, axis, keepdims), restore(y, x.shape, axis, keepdims)
    if dtypes.is_complex(dtype_of(x)):
        return g * exp(x - y)
    beside_infinity = cast(logical_and(equal(x, y), y > 0), dtype_of(x))
    return g * where(isinf(y), beside_infinity, exp_difference(x, y))


logsumexp.vjp(_logsumexp_gradient)

# ------------------------------------------------------------------------------- counts and ranges


@op(dtypes=spec.index_result)
def count_nonzero(x: Tensor, axis: Axis = None) -> Tensor:
    """How many elements are not 0 over the axes, all of them by default, as int32; NaN is not 0.

    Example:
        >>> from polynet import ops
        >>> ops.count_nonzero([[0, 1], [2, 3]], axis=1).tolist()
        [1, 2]
    """
    return sum(cast(not_equal(x, 0), "int32"), axis)


count_nonzero.not_differentiable()


@op(dtypes=spec.without_bool(_real))
def ptp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The distance from the smallest to the largest element over the axes, all of them by default.

    Example:
        >>> from polynet import ops
        >>> ops.ptp([[1, 5], [4, 2]], axis=1).tolist()
        [4, 2]
    """
    return subtract(primitives.max(x, axis, keepdims), primitives.min(x, axis, keepdims))


# ------------------------------------------------------------------------------------- without NaN


def _filled(x: Tensor, value: float) -> Tensor:
    """``x`` with NaN replaced."""
    return where(isnan(x), value, x) if _may_be_nan(x) else x


def _may_be_nan(x: Tensor) -> bool:
    dtype = dtype_of(x)
    return dtypes.is_float(dtype) or dtypes.is_complex(dtype)


@op(dtypes=spec.accumulate)
def nansum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over the axes of what is not NaN.

    Example:
        >>> from polynet import ops
        >>> ops.nansum([1.0, float("nan"), 2.0]).tolist()
        3.0
    """
    return sum(_filled(x, 0), axis, keepdims)


@op(dtypes=spec.accumulate)
def nanprod(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product over the axes of what is not NaN.

    Example:
        >>> from polynet import ops
        >>> ops.nanprod([3.0, float("nan"), 2.0]).tolist()
        6.0
    """
    return primitives.prod(_filled(x, 1), axis, keepdims)


@op(dtypes=spec.arithmetic)
def nancumsum(x: Tensor, axis: Axis = None, dtype: DType = None) -> Tensor:
    """The sum of all elements up to each one along an axis, NaN counted as 0.

    Example:
        >>> from polynet import ops
        >>> ops.nancumsum([1.0, float("nan"), 2.0]).tolist()
        [1.0, 1.0, 3.0]
    """
    return cumsum(_filled(x, 0), axis, dtype)


@op(dtypes=spec.arithmetic)
def nancumprod(x: Tensor, axis: Axis = None, dtype: DType = None) -> Tensor:
    """The product of all elements up to each one along an axis, NaN counted as 1.

    Example:
        >>> from polynet import ops
        >>> ops.nancumprod([3.0, float("nan"), 2.0]).tolist()
        [3.0, 3.0, 6.0]
    """
    return cumprod(_filled(x, 1), axis, dtype)


def _nan_extreme(reduce: Any, worst: float, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    if not _may_be_nan(x):
        return reduce(x, axis, keepdims)
    best = reduce(_filled(x, worst), axis, keepdims)
    return where(all(isnan(x), axis, keepdims), math.nan, best)


@op(dtypes=_real)
def nanmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element over the axes that is not NaN; NaN where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanmax([1.0, float("nan"), 2.0]).tolist()
        2.0
    """
    return _nan_extreme(primitives.max, -math.inf, x, axis, keepdims)


@op(dtypes=_real)
def nanmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element over the axes that is not NaN; NaN where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanmin([1.0, float("nan"), 2.0]).tolist()
        1.0
    """
    return _nan_extreme(primitives.min, math.inf, x, axis, keepdims)


def _nan_place(extreme: Any, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    reached = equal(x, extreme(x, axis, True))
    place = argmax(cast(reached, "int32"), axis, keepdims)
    return where(primitives.any(reached, axis, keepdims), place, -1)


@op(dtypes=spec.without_complex(spec.index_result))
def nanargmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The int32 index of the first largest element that is not NaN along an axis; -1 where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanargmax([1.0, float("nan"), 2.0]).tolist()
        2
    """
    return _nan_place(nanmax, x, axis, keepdims)


@op(dtypes=spec.without_complex(spec.index_result))
def nanargmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The int32 index of the first smallest element that is not NaN along an axis; -1 where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanargmin([1.0, float("nan"), 2.0]).tolist()
        0
    """
    return _nan_place(nanmin, x, axis, keepdims)


for _op in (nanargmax, nanargmin):
    _op.not_differentiable()


def _mean_present(x: Tensor, missing: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """The mean of what is not missing; NaN where everything is."""
    present = sum(cast(logical_not(missing), dtypes.real_of(dtype_of(x))), axis, keepdims)
    total = sum(where(missing, 0, x), axis, keepdims)
    return where(equal(present, 0), math.nan, total / maximum(present, 1))


@op(dtypes=spec.elementwise_float)
def nanmean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean over the axes of what is not NaN; NaN where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanmean([1.0, float("nan"), 2.0]).tolist()
        1.5
    """
    return in_float32(lambda x: _mean_present(x, isnan(x), axis, keepdims), x)


@op(dtypes=spec.magnitude_float)
def nanvar(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance over the axes of what is not NaN; NaN where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanvar([1.0, float("nan"), 3.0]).tolist()
        1.0
    """

    def compute(x: Tensor) -> Tensor:
        missing = isnan(x)
        centered = where(missing, 0, x - _mean_present(x, missing, axis, True))
        return _mean_present(_squared(centered), missing, axis, keepdims)

    return in_float32(compute, x)


@op(dtypes=spec.magnitude_float)
def nanstd(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over the axes of what is not NaN; NaN where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanstd([1.0, float("nan"), 3.0]).tolist()
        1.0
    """
    return in_float32(lambda x: _root(nanvar(x, axis, keepdims)), x)


# --------------------------------------------------------------------------------------- quantiles


def _sorted_rows(x: Tensor, axis: Any) -> Tensor:
    """The elements to reduce, sorted, as the last axis; one NaN where there is nothing."""
    axes = axes_indices(axis, len(x.shape))
    kept = tuple(i for i in range(len(x.shape)) if i not in axes)
    shape = tuple(x.shape[i] for i in kept)
    if not _number(x.shape, axes):
        return full((*shape, 1), math.nan, dtype_of(x))
    order = kept + axes
    x = x if order == tuple(range(len(order))) else transpose(x, order)
    return sort(reshape(x, (*shape, count(x.shape[len(kept) :]))), -1)


def _present(rows: Tensor, dtype: str) -> Tensor:
    """How many elements of each row are not NaN, as a column."""
    return sum(cast(logical_not(isnan(rows)), dtype), -1, True)


def _between(rows: Tensor, position: Tensor, method: str) -> Tensor:
    """Elements of sorted rows at fractional positions, which are a vector or one vector for each row."""

    def at(where_: Tensor) -> Tensor:
        place = cast(where_, "int32")
        return (
            index(rows, [place], (Ellipsis, HOLE))
            if len(place.shape) == 1
            else along(rows, place, -1)
        )

    if method in ("lower", "higher", "nearest"):
        return at({"lower": floor, "higher": ceil, "nearest": rint}[method](position))
    start = floor(position)
    low, high = at(start), at(ceil(position))
    if method == "midpoint":
        return where(equal(low, high), low, low * 0.5 + high * 0.5)
    part = cast(position - start, dtype_of(rows))
    return where(equal(low, high), low, low * (1 - part) + high * part)


_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantiles(
    name: str, x: Tensor, q: Tensor, axis: Any, method: str, keepdims: bool, skip_nan: bool
) -> Tensor:
    if method not in _METHODS:
        raise ValueError(
            f"{name}: method: expected one of {', '.join(_METHODS)}; got {method!r}.{errors.closest(method, _METHODS)}"
        )
    if len(q.shape) > 1:
        raise errors.ShapeError(f"q: expected a number or a vector; got shape {tuple(q.shape)}.")
    shape = reduced(x.shape, axis, keepdims)

    def compute(x: Tensor) -> Tensor:
        rows = _sorted_rows(x, axis)
        levels = minimum(maximum(reshape(q, (-1,)), 0), 1)
        last = _present(rows, dtype_of(q)) - 1 if skip_nan else rows.shape[-1] - 1
        found = _between(rows, maximum(levels * last, 0) if skip_nan else levels * last, method)
        if not skip_nan:
            found = where(isnan(index(rows, [], (Ellipsis, slice(-1, None)))), math.nan, found)
        ndim = len(found.shape)
        return reshape(transpose(found, (ndim - 1, *range(ndim - 1))), (*q.shape, *shape))

    return in_float32(compute, x)


def _values_and_levels(kinds: Sequence[spec.Kind]) -> spec.Settled:
    """Levels between 0 and 1 need more digits than float16 has, in order to find a place in a long row."""
    values = _real_float(kinds[:1])[1]
    _real_float(kinds[1:])
    return [values, "float64" if values == "float64" else "float32"], values


@op(dtypes=_values_and_levels)
def quantile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """The quantiles over the axes, all of them by default: the elements at the part ``q`` of the sorted ones.

    Args:
        x: the tensor; where it holds NaN the result is NaN.
        q: a number or a vector of numbers from 0 to 1; a vector adds an axis in front.
        axis: one axis or several.
        method: between two elements take ``"linear"`` interpolation, the ``"lower"``, the ``"higher"``, the
            ``"nearest"`` one, or their ``"midpoint"``.
        keepdims: keep the reduced axes with length 1.

    Example:
        >>> from polynet import ops
        >>> ops.quantile([1.0, 2.0, 3.0, 4.0, 5.0], [0.25, 0.5]).tolist()
        [2.0, 3.0]
    """
    return _quantiles("quantile", x, q, axis, method, keepdims, False)


@op(dtypes=_values_and_levels)
def nanquantile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """``quantile`` of what is not NaN; NaN where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanquantile([1.0, float("nan"), 3.0], 0.5).tolist()
        2.0
    """
    return _quantiles("nanquantile", x, q, axis, method, keepdims, True)


@op(dtypes=_values_and_levels)
def percentile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """``quantile`` with ``q`` from 0 to 100.

    Example:
        >>> from polynet import ops
        >>> ops.percentile([1.0, 2.0, 3.0, 4.0, 5.0], 25).tolist()
        2.0
    """
    return _quantiles("percentile", x, q / 100, axis, method, keepdims, False)


@op(dtypes=_values_and_levels)
def nanpercentile(
    x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False
) -> Tensor:
    """``percentile`` of what is not NaN; NaN where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanpercentile([1.0, float("nan"), 3.0], 50).tolist()
        2.0
    """
    return _quantiles("nanpercentile", x, q / 100, axis, method, keepdims, True)


@op(dtypes=_real_float)
def median(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The element in the middle of the sorted ones over the axes, the mean of both where there are two.

    Example:
        >>> from polynet import ops
        >>> ops.median([[3.0, 1.0, 2.0], [9.0, 7.0, 7.0]], axis=1).tolist()
        [2.0, 7.0]
    """
    rows = _sorted_rows(x, axis)
    number = rows.shape[-1]
    low = index(rows, [], (Ellipsis, (number - 1) // 2))
    if number % 2 == 0:
        high = index(rows, [], (Ellipsis, number // 2))
        low = where(equal(low, high), low, low * 0.5 + high * 0.5)
    result = where(isnan(index(rows, [], (Ellipsis, number - 1))), math.nan, low)
    return reshape(result, reduced(x.shape, axis, True)) if keepdims else result


@op(dtypes=_real_float)
def nanmedian(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The median over the axes of what is not NaN; NaN where all are.

    Example:
        >>> from polynet import ops
        >>> ops.nanmedian([1.0, float("nan"), 3.0, 2.0]).tolist()
        2.0
    """
    rows = _sorted_rows(x, axis)
    position = maximum(_present(rows, "float32") - 1, 0) * 0.5
    return reshape(_between(rows, position, "midpoint"), reduced(x.shape, axis, keepdims))


# -------------------------------------------------------------------------------------- histograms


@op(dtypes=_real_float)
def histogram(
    x: Tensor, bins: int = 10, range: tuple[float, float] | None = None
) -> tuple[Tensor, Tensor]:
    """How many elements lie in each of equal intervals, and the ends of the intervals.

    Args:
        x: the tensor, flattened.
        bins: the number of intervals; each holds its lower end, the last one both.
        range: from where to where; from the smallest to the largest element by default.

    Returns:
        The ``bins`` numbers and the ``bins + 1`` ends, both in the dtype of ``x``.

    Example:
        >>> from polynet import ops
        >>> numbers, ends = ops.histogram([1.0, 2.0, 2.5, 5.0], bins=2)
        >>> numbers.tolist(), ends.tolist()
        ([3.0, 1.0], [1.0, 3.0, 5.0])
    """
    if isinstance(bins, bool) or not isinstance(bins, int):
        raise TypeError(f"histogram: bins: expected an integer; got {type(bins).__name__}.")
    if bins < 1:
        raise ValueError(f"histogram: bins: expected at least 1; got {bins}.")
    if range is not None and not range[0] <= range[1]:
        raise ValueError(
            f"histogram: range: expected (low, high) with low <= high; got {tuple(range)}."
        )
    dtype = dtype_of(x)
    wide = "float32" if dtype in ("float16", "bfloat16") else dtype
    x = reshape(cast(x, wide), (-1,))
    if range is None and x.shape[0]:
        low, high = primitives.min(x), primitives.max(x)
    else:
        low, high = (full((), end, wide) for end in (range or (0.0, 1.0)))
    flat = cast(equal(low, high), wide) * 0.5
    low, high = low - flat, high + flat
    part = iota(bins + 1, wide) / bins
    ends = low * (1 - part) + high * part
    inside = logical_and(x >= low, x <= high)
    place = minimum(maximum(searchsorted(ends, x, "right") - 1, 0), bins - 1)
    numbers = _counted(place, cast(inside, wide), bins)
    return cast(numbers, dtype), cast(ends, dtype)


histogram.not_differentiable()


def _counted(x: Tensor, weights: Tensor, length: int) -> Tensor:
    """The sum of the weights for each of the numbers 0 to ``length - 1`` in the vector ``x``, all in range."""
    return index_update(full((length,), 0, dtype_of(weights)), [x], weights, (HOLE,), "add")


def _counting(kinds: Sequence[spec.Kind]) -> spec.Settled:
    counted = dtypes.result_type(kinds[0])
    if not dtypes.is_int(counted):
        raise errors.DTypeError(f"x: expected integers; got {counted}.")
    weights = [dtypes.sum_dtype(dtypes.result_type(kind)) for kind in kinds[1:]]
    return [counted, *weights], weights[0] if weights else "int32"


@op(dtypes=_counting)
def bincount(x: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of the numbers 0, 1, 2, ... occurs; with weights, the sum of its weights.

    Negative numbers are left out.  The length of the result depends on the largest number.  Where values are not
    known (inside the compilation of a backend's library) it is ``minlength``, and larger numbers are left out.

    Args:
        x: integers, one vector or a batch of vectors.
        weights: of the shape of ``x``.
        minlength: the least length of the result.

    Example:
        >>> from polynet import ops
        >>> ops.bincount([1, 2, 2, 4]).tolist()
        [0, 1, 2, 0, 1]
    """
    shape = tuple(x.shape)
    if len(shape) not in (1, 2):
        raise errors.ShapeError(f"x: expected a vector or a batch of vectors; got shape {shape}.")
    if weights is not None and tuple(weights.shape) != shape:
        raise errors.ShapeError(
            f"weights: expected the shape {shape} of x; got {tuple(weights.shape)}."
        )
    dtype = "int32" if weights is None else dtype_of(weights)
    if isinstance(plain(x), Spec):
        return Spec((*shape[:-1], spec.unknown_length()), dtype)
    length = _length(x, minlength)
    x = cast(x, "int32")
    known = logical_and(x >= 0, x < length)
    weights = cast(known, dtype) if weights is None else where(known, weights, 0)
    x = where(known, x, 0)
    if len(shape) == 1:
        return _counted(x, weights, length)
    x = x + reshape(iota(shape[0], "int32"), (-1, 1)) * length
    return reshape(
        _counted(reshape(x, (-1,)), reshape(weights, (-1,)), shape[0] * length), (shape[0], length)
    )


def _length(x: Tensor, minlength: int) -> int:
    """One more than the largest number, where that is known."""
    x, backend = plain(x), plugins.current()
    if backend.is_traced(x):
        if minlength:
            return minlength
        raise errors.ShapeError(
            "bincount: the length of the result depends on values that are not known yet. Give minlength."
        )
    top = int(backend.to_numpy(primitives.max(x))) + 1 if count(x.shape) else 0
    return top if top > minlength else minlength


@op(dtypes=spec.comparison)
def digitize(x: Tensor, bins: Tensor) -> Tensor:
    """The int32 number of the interval in which each element lies: 0 before the first of ``bins``, which ascend.

    Example:
        >>> from polynet import ops
        >>> ops.digitize([0.5, 1.0, 2.5], [1.0, 2.0, 3.0]).tolist()
        [0, 1, 2]
    """
    if len(bins.shape) != 1:
        raise errors.ShapeError(f"bins: expected one dimension; got shape {tuple(bins.shape)}.")
    return searchsorted(bins, x, "right")


digitize.not_differentiable()

# ------------------------------------------------------------------------- correlation, integration


@op(dtypes=spec.elementwise_float)
def corrcoef(x: Tensor) -> Tensor:
    """The correlation coefficients of the rows: a symmetric matrix with ones on its diagonal.

    Example:
        >>> from polynet import ops
        >>> f"{ops.corrcoef([[1.0, 2.0, 4.0], [-1.0, -2.0, -4.0]])[0, 1]:.4f}"
        '-1.0000'
    """
    if len(x.shape) > 2:
        raise errors.ShapeError(f"x: expected one or two dimensions; got shape {tuple(x.shape)}.")
    scalar = len(x.shape) < 2
    return in_float32(lambda x: _correlations(reshape(x, (1, -1)) if scalar else x, scalar), x)


def _correlations(x: Tensor, scalar: bool) -> Tensor:
    centered = x - mean(x, 1, True)
    product = matmul(centered, transpose(_conj(centered)))
    length = sqrt(sum(_squared(centered), 1))
    result = product / reshape(length, (-1, 1)) / length
    if not dtypes.is_complex(dtype_of(x)):
        result = minimum(maximum(result, -1), 1)
    return reshape(result, ()) if scalar else result


@op(dtypes=spec.elementwise_float)
def trapezoid(y: Tensor, x: Tensor | None = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The integral along an axis by the trapezoidal rule.

    Args:
        y: the values to integrate.
        x: where they were taken: a vector, or of the shape of ``y``.
        dx: their distance, without ``x``.
        axis: the axis to integrate along.

    Example:
        >>> from polynet import ops
        >>> ops.trapezoid([1.0, 2.0, 3.0]).tolist()
        4.0
    """
    at = axis_index(axis, len(y.shape))

    def parts(z: Tensor) -> tuple[Tensor, Tensor]:
        before = (slice(None),) * at
        return index(z, [], (*before, slice(1, None))), index(z, [], (*before, slice(None, -1)))

    width: Any = dx
    if x is not None:
        if len(x.shape) == 1:
            x = reshape(x, (1,) * at + (x.shape[0],) + (1,) * (len(y.shape) - at - 1))
        if len(x.shape) != len(y.shape) or x.shape[at] != y.shape[at]:
            raise errors.ShapeError(
                f"x: expected a vector of length {y.shape[at]}, or the shape {tuple(y.shape)} of y; "
                f"got shape {tuple(x.shape)}."
            )
        right, left = parts(x)
        width = right - left
    right, left = parts(y)
    return sum((right + left) * 0.5 * width, axis)
