"""Tensors made from a shape, from numbers, or in the likeness of another tensor.

What is known before the run (ranges between Python numbers, windows) is computed once on the host in double
precision, so that every backend gets the same numbers.  Moving and joining what exists is in ``manipulation.py``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet import dtypes, errors, plugins, spec
from polynet.op import op
from polynet.ops import primitives
from polynet.ops.core import NUMBERS, cast, convert_to_tensor
from polynet.ops.manipulation import diagonal, expand_dims, moveaxis, ravel, squeeze
from polynet.ops.primitives import (
    broadcast_to,
    copy,
    equal,
    floor,
    greater_equal,
    iota,
    power,
    reshape,
    stack,
    where,
)
from polynet.spec import as_axis, as_shape, axis_index, each, same
from polynet.tensor import DType, Shape, Tensor
from polynet.values import dtype_of, expect_tensor, from_list, kind_of, shape_of

__all__ = [
    "arange",
    "array",
    "bartlett",
    "blackman",
    "diag",
    "diagflat",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "geomspace",
    "hamming",
    "hanning",
    "identity",
    "kaiser",
    "linspace",
    "logspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tri",
    "tril",
    "triu",
    "vander",
    "zeros",
    "zeros_like",
]

# --------------------------------------------------------------------------------- one value everywhere


def full(shape: Shape, fill_value: Any, dtype: DType | None = None) -> Tensor:
    """A tensor filled with one number, or with a tensor broadcast to the shape.

    Example:
        >>> from polynet import ops
        >>> ops.full((2, 2), [1, 2])
        array([[1., 2.],
               [1., 2.]], dtype=float32)
    """
    if fill_value.__class__ in NUMBERS:
        return primitives.full(shape, fill_value, _or_floatx(dtype, fill_value))
    lengths = as_shape(shape)
    expect_tensor(fill_value, "full: fill_value")
    filled = convert_to_tensor(fill_value, _or_floatx(dtype, fill_value))
    return copy(broadcast_to(filled, lengths))


def _or_floatx(dtype: Any, value: Any = 0.0) -> str:
    """The dtype that is asked for; else ``floatx``, or its complex form for complex numbers."""
    if dtype is None and not isinstance(value, int | float | list | tuple):
        found = dtype_of(value)
        return found if dtypes.is_complex(found) else dtypes.standardize(None)
    return dtypes.standardize(dtype)


def zeros(shape: Shape, dtype: DType | None = None) -> Tensor:
    """A tensor of zeros.

    Example:
        >>> from polynet import ops
        >>> ops.zeros((2,), "int32")
        array([0, 0], dtype=int32)
    """
    return primitives.full(shape, 0, dtypes.standardize(dtype))


def ones(shape: Shape, dtype: DType | None = None) -> Tensor:
    """A tensor of ones.

    Example:
        >>> from polynet import ops
        >>> ops.ones((2,))
        array([1., 1.], dtype=float32)
    """
    return primitives.full(shape, 1, dtypes.standardize(dtype))


def empty(shape: Shape, dtype: DType | None = None) -> Tensor:
    """A tensor whose values are not to be relied on; here they are zeros, on every backend.

    Example:
        >>> from polynet import ops
        >>> ops.empty((3, 0)).shape
        (3, 0)
    """
    return primitives.full(shape, 0, dtypes.standardize(dtype))


@op(dtypes=same)
def zeros_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Zeros of the shape and, by default, the dtype of ``x``.

    Example:
        >>> from polynet import ops
        >>> ops.zeros_like([1, 2])
        array([0, 0], dtype=int32)
    """
    return primitives.full(tuple(x.shape), 0, dtype or dtype_of(x))


@op(dtypes=same)
def ones_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Ones of the shape and, by default, the dtype of ``x``.

    Example:
        >>> from polynet import ops
        >>> ops.ones_like([5, 6])
        array([1, 1], dtype=int32)
    """
    return primitives.full(tuple(x.shape), 1, dtype or dtype_of(x))


@op(dtypes=same)
def empty_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """A tensor of the shape and, by default, the dtype of ``x``; its values, zeros here, are not to be relied on.

    Example:
        >>> from polynet import ops
        >>> ops.empty_like([[1.0, 2.0]]).shape
        (1, 2)
    """
    return primitives.full(tuple(x.shape), 0, dtype or dtype_of(x))


def full_like(x: Tensor, fill_value: Any, dtype: DType | None = None) -> Tensor:
    """One number, or a tensor broadcast, in the shape and, by default, the dtype of ``x``.

    Example:
        >>> from polynet import ops
        >>> ops.full_like([1, 2], 7)
        array([7, 7], dtype=int32)
    """
    expect_tensor(x, "full_like: x")
    wanted = dtype_of(x) if dtype is None else dtypes.standardize(dtype)
    return zeros_like(x, wanted) + cast(fill_value, wanted)


for _constant in (zeros_like, ones_like, empty_like):
    _constant.vjp(None)

# ------------------------------------------------------------------------------------ values as given


def array(x: Any, dtype: DType | None = None) -> Tensor:
    """A tensor of the same values in memory of its own.

    Example:
        >>> from polynet import ops
        >>> ops.array([1, 2, 3])
        array([1, 2, 3], dtype=int32)
    """
    made = convert_to_tensor(x, dtype)
    return copy(made) if hasattr(x, "shape") and not _symbolic(made) else made


def _symbolic(x: Any) -> bool:
    from polynet.symbolic import KerasTensor

    return isinstance(x, KerasTensor)


# ----------------------------------------------------------------------------------------- number lines


def arange(start: Any, stop: Any = None, step: Any = None, dtype: DType | None = None) -> Tensor:
    """Numbers from ``start`` up to, but without, ``stop``; with one argument from 0 up to it.

    Args:
        start: a number, or a tensor of one whose value is known.
        stop: as ``start``.
        step: 1 by default; may be negative.
        dtype: by default int32 for Python integers, ``floatx`` for floats, and that of tensors.

    Example:
        >>> from polynet import ops
        >>> ops.arange(3), ops.arange(1.0, 2.0, 0.25)
        (array([0, 1, 2], dtype=int32), array([1.  , 1.25, 1.5 , 1.75], dtype=float32))
    """
    if dtype is None:
        dtype = dtypes.result_type(
            *(kind_of(value) for value in (start, stop, step) if value is not None)
        )
    dtype = dtypes.standardize(dtype)
    if stop is None:
        start, stop = 0, start
    first, end, by = (
        _number(value, name) for value, name in ((start, "start"), (stop, "stop"), (step, "step"))
    )
    if by == 0:
        raise ValueError("arange: step: expected a number other than 0; got 0.")
    length = max(
        0,
        _ceil((end - first) / by)
        if isinstance(by + end + first, float)
        else -((first - end) // by),
    )
    half = dtype in ("float16", "bfloat16")
    line = iota(length, "float32" if half else "int32" if dtype == "bool" else dtype)
    if by != 1:
        line = line * _fitting(by, dtype)
    if first != 0:
        line = line + _fitting(first, dtype)
    return cast(line, dtype) if half or dtype == "bool" else line


def _ceil(number: float) -> int:
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(
            "arange: expected finite numbers; the number of elements would be infinite or NaN."
        )
    return int(-(-number // 1))


def _fitting(number: Any, dtype: str) -> Any:
    """A Python number that goes with a tensor of that dtype and leaves it what it is."""
    return number if dtypes.is_float(dtype) else int(number)


def _number(value: Any, name: str) -> Any:
    """A Python number from a number or a concrete tensor of one."""
    if value is None:
        return 1
    if isinstance(value, int | float) and not isinstance(value, np.generic):
        return int(value) if isinstance(value, int) else value
    if isinstance(value, complex):
        raise errors.DTypeError(f"arange: {name}: expected a real number; got a complex one.")
    if shape_of(value) != ():
        raise errors.ShapeError(
            f"arange: {name}: expected a number; got a tensor of shape {shape_of(value)}."
        )
    return float(value) if dtypes.is_float(dtype_of(value)) else int(value)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DType | None = None,
    axis: int = 0,
) -> Any:
    """``num`` evenly spaced numbers from ``start`` to ``stop``.

    Args:
        start: a number or a tensor.
        stop: a number or a tensor; both broadcast.
        endpoint: is ``stop`` the last of them?
        retstep: return the step too, as a second result.
        dtype: by default the float dtype of ``start`` and ``stop``.
        axis: where the numbers lie in the result, when ``start`` or ``stop`` is a tensor.

    Example:
        >>> from polynet import ops
        >>> ops.linspace(0, 1, 5)
        array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    num = _count(num, "linspace")
    _check_ends("linspace", axis, start, stop)
    common = _line_dtype(start, stop)
    wanted = common if dtype is None else dtypes.standardize(dtype)
    ends = _host(start, stop)
    if ends:
        into: Any = np.dtype(wanted) if dtypes.is_int(wanted) else None
        start, stop = ends
        line, step = np.linspace(start, stop, num, endpoint, retstep=True, dtype=into, axis=axis)
        samples = _from_host(line, wanted)
        return (samples, _from_host(step, common)) if retstep else samples
    working = _working_dtype(
        wanted if dtypes.is_float(wanted) or dtypes.is_complex(wanted) else common
    )
    first, last = (expand_dims(convert_to_tensor(end, working), -1) for end in (start, stop))
    parts = max(num - 1 if endpoint else num, 1)
    line = iota(num, dtypes.real_of(working))
    if dtypes.is_int(wanted):
        samples = floor(first + (last - first) * line / parts)
    else:
        t = cast(line / parts, working)
        samples = first * (1 - t) + last * t
    samples = cast(moveaxis(samples, -1, axis), wanted)
    step = squeeze((last - first) / (parts if num > endpoint else float("nan")), -1)
    step = cast(step, common)
    return (samples, step) if retstep else samples


def _line_dtype(*ends: Any) -> str:
    return dtypes.to_float(dtypes.result_type(*(kind_of(end) for end in ends), float))


def _working_dtype(dtype: str) -> str:
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def _count(num: Any, name: str) -> int:
    number = operator.index(num)
    if number < 0:
        raise ValueError(f"{name}: num: expected 0 or more; got {number}.")
    return number


def _check_ends(name: str, axis: int, *values: Any) -> None:
    """The ends must broadcast, and the axis exist in the result."""
    for value, end in zip(values, ("start", "stop"), strict=False):
        expect_tensor(value, f"{name}: {end}")
    shapes = [shape_of(value) for value in values]
    try:
        axis_index(axis, max(map(len, shapes)) + 1)
        if not any(None in shape for shape in shapes):
            spec.broadcast(*shapes)
    except errors.PolynetError as error:
        raise type(error)(f"{name}: {error}") from None


def _host(*values: Any) -> list[Any]:
    """The values in double precision, if all of them are known on the host; else an empty list."""
    known: list[Any] = []
    for x in values:
        if isinstance(x, list | tuple):
            x = from_list(x, "x")
        if isinstance(x, np.ndarray | np.generic):
            known.append(np.asarray(x, "complex128" if x.dtype.kind == "c" else "float64"))
        elif isinstance(x, NUMBERS):
            known.append(x)
        else:
            return []
    return known


def _from_host(values: Any, dtype: str) -> Tensor:
    return plugins.current().asarray(np.asarray(values), dtype)


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: DType | None = None,
    axis: int = 0,
) -> Tensor:
    """``num`` numbers, evenly spaced on a log scale, from ``base ** start`` to ``base ** stop``.

    Example:
        >>> from polynet import ops
        >>> ops.logspace(0, 3, 4)
        array([   1.,   10.,  100., 1000.], dtype=float32)
    """
    num = _count(num, "logspace")
    _check_ends("logspace", axis, start, stop, base)
    common = _line_dtype(start, stop, base)
    wanted = common if dtype is None else dtypes.standardize(dtype)
    ends = _host(start, stop, base)
    if ends:
        start, stop, base = ends
        return _from_host(np.logspace(start, stop, num, endpoint, base, axis=axis), wanted)
    working = _working_dtype(common)
    line = linspace(start, stop, num, endpoint, False, working, -1)
    line = power(expand_dims(convert_to_tensor(base, working), -1), line)
    return cast(moveaxis(line, -1, axis), wanted)


def geomspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    dtype: DType | None = None,
    axis: int = 0,
) -> Tensor:
    """``num`` numbers from ``start`` to ``stop``, each the same multiple of the one before.

    Both ends must have one sign.

    Example:
        >>> from polynet import ops
        >>> ops.geomspace(1, 8, 4)
        array([1., 2., 4., 8.], dtype=float32)
    """
    num = _count(num, "geomspace")
    _check_ends("geomspace", axis, start, stop)
    common = _line_dtype(start, stop)
    wanted = common if dtype is None else dtypes.standardize(dtype)
    ends = _host(start, stop)
    if ends:
        if any(np.any(np.equal(end, 0)) for end in ends):
            raise ValueError("geomspace: start, stop: expected numbers other than 0.")
        start, stop = ends
        return _from_host(np.geomspace(start, stop, num, endpoint, axis=axis), wanted)
    working = _working_dtype(common)
    first, last = (expand_dims(convert_to_tensor(end, working), -1) for end in (start, stop))
    parts = max(num - 1 if endpoint else num, 1)
    line = first * power(last / first, cast(iota(num, dtypes.real_of(working)) / parts, working))
    if endpoint and num > 1:
        line = where(equal(iota(num, "int32"), num - 1), last, line)
    return cast(moveaxis(line, -1, axis), wanted)


def meshgrid(*x: Tensor, indexing: str = "xy") -> list[Tensor]:
    """Coordinate grids from coordinate vectors.

    Args:
        indexing: ``"xy"`` puts the first vector along the second axis, ``"ij"`` along the first.

    Example:
        >>> from polynet import ops
        >>> ops.meshgrid([1, 2], [3, 4])
        [array([[1, 2],
               [1, 2]], dtype=int32), array([[3, 3],
               [4, 4]], dtype=int32)]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing: expected 'xy' or 'ij'; got {indexing!r}.")
    return _meshgrid(list(x), indexing) if x else []


@op(dtypes=each)
def _meshgrid(x: Sequence[Tensor], indexing: str) -> list[Tensor]:
    for i, vector in enumerate(x):
        if len(vector.shape) > 1:
            raise errors.ShapeError(
                f"x[{i}]: expected a vector or a number; got shape {tuple(vector.shape)}."
            )
    n = len(x)
    places = list(range(n))
    if indexing == "xy":
        places[:2] = reversed(places[:2])
    lengths = [1] * n
    for place, vector in zip(places, x, strict=True):
        lengths[place] = spec.count(vector.shape)
    grids = []
    for place, vector in zip(places, x, strict=True):
        along = reshape(vector, tuple(lengths[i] if i == place else 1 for i in range(n)))
        grids.append(copy(broadcast_to(along, tuple(lengths))))
    return grids


# -------------------------------------------------------------------------------------------- matrices


def eye(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> Tensor:
    """Ones on the diagonal ``k`` of an N by M matrix, zeros elsewhere.

    Example:
        >>> from polynet import ops
        >>> ops.eye(2)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    return cast(_diagonals(equal, N, M, k, "eye"), dtypes.standardize(dtype))


def identity(n: int, dtype: DType | None = None) -> Tensor:
    """The identity matrix.

    Example:
        >>> from polynet import ops
        >>> ops.identity(2, "int32")
        array([[1, 0],
               [0, 1]], dtype=int32)
    """
    return cast(_diagonals(equal, n, None, 0, "identity"), dtypes.standardize(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> Tensor:
    """Ones at and below the diagonal ``k`` of an N by M matrix, zeros above.

    Example:
        >>> from polynet import ops
        >>> ops.tri(2, 3)
        array([[1., 0., 0.],
               [1., 1., 0.]], dtype=float32)
    """
    return cast(_diagonals(greater_equal, N, M, k, "tri"), dtypes.standardize(dtype))


def _diagonals(compare: Callable[..., Any], n: Any, m: Any, k: Any, name: str) -> Tensor:
    """The N by M bools of ``compare(row + k, column)``."""
    rows, columns = _length(n, "N", name), _length(n if m is None else m, "M", name)
    down = reshape(iota(rows, "int32"), (rows, 1))
    return compare(down + _integer(k, name), iota(columns, "int32"))


def _length(value: Any, argument: str, name: str) -> int:
    try:
        length = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name}: {argument}: expected an integer; got {type(value).__name__}."
        ) from None
    if length < 0:
        raise errors.ShapeError(f"{name}: {argument}: expected 0 or more; got {length}.")
    return length


def _integer(k: Any, name: str) -> int:
    found = as_axis(k, f"{name}: k")
    if not isinstance(found, int):
        raise TypeError(f"{name}: k: expected an integer; got {type(k).__name__}.")
    return found


@op(dtypes=same)
def tril(x: Tensor, k: int = 0) -> Tensor:
    """The elements at and below the diagonal ``k`` of the last two axes; zeros above.

    Example:
        >>> from polynet import ops
        >>> ops.tril([[1, 2], [3, 4]])
        array([[1, 0],
               [3, 4]], dtype=int32)
    """
    return where(_diagonals(greater_equal, *_matrix(x), k, "tril"), x, _zero(x))


@op(dtypes=same)
def triu(x: Tensor, k: int = 0) -> Tensor:
    """The elements at and above the diagonal ``k`` of the last two axes; zeros below.

    Example:
        >>> from polynet import ops
        >>> ops.triu([[1, 2], [3, 4]])
        array([[1, 2],
               [0, 4]], dtype=int32)
    """
    return where(_diagonals(greater_equal, *_matrix(x), k - 1, "triu"), _zero(x), x)


def _zero(x: Tensor) -> Any:
    """A zero that leaves the dtype of ``x`` as it is."""
    return False if dtype_of(x) == "bool" else 0


def _matrix(x: Tensor) -> tuple[int, int]:
    if len(x.shape) < 2:
        raise errors.ShapeError(
            f"x: expected a matrix, or a stack of them; got shape {tuple(x.shape)}."
        )
    return x.shape[-2], x.shape[-1]


@op(dtypes=same)
def diag(x: Tensor, k: int = 0) -> Tensor:
    """A matrix with a vector on its diagonal ``k``; of a matrix, that diagonal.

    Example:
        >>> from polynet import ops
        >>> ops.diag([1, 2])
        array([[1, 0],
               [0, 2]], dtype=int32)
    """
    if len(x.shape) == 2:
        return diagonal(x, k)
    if len(x.shape) != 1:
        raise errors.ShapeError(f"x: expected a vector or a matrix; got shape {tuple(x.shape)}.")
    n = x.shape[0]
    wide = n + abs(k)
    # Each element and as many zeros as a row of the result is long: the next one then stands a column further.
    rows = primitives.pad_constant(reshape(x, (n, 1)), ((0, 0), (0, wide)), 0)
    before = k if k >= 0 else -k * wide
    after = wide * wide - before - n * (wide + 1)
    line = primitives.pad_constant(reshape(rows, (-1,)), ((before, max(after, 0)),), 0)
    return reshape(primitives.index(line, [], (slice(0, wide * wide),)), (wide, wide))


@op(dtypes=same)
def diagflat(x: Tensor, k: int = 0) -> Tensor:
    """A matrix with all elements of ``x``, in their order, on its diagonal ``k``.

    Example:
        >>> from polynet import ops
        >>> ops.diagflat([[1, 2]])
        array([[1, 0],
               [0, 2]], dtype=int32)
    """
    return diag(ravel(x), k)


@op(dtypes=same)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix: the powers of a vector's elements, falling from left to right by default.

    Args:
        N: the number of columns, by default that of the rows.

    Example:
        >>> from polynet import ops
        >>> ops.vander([2, 3], 3)
        array([[4, 2, 1],
               [9, 3, 1]], dtype=int32)
    """
    if len(x.shape) != 1:
        raise errors.ShapeError(f"x: expected a vector; got shape {tuple(x.shape)}.")
    columns = _length(x.shape[0] if N is None else N, "N", "vander")
    if spec.is_abstract():
        return spec.Spec((x.shape[0], columns), dtype_of(x))
    powers = [primitives.full(tuple(x.shape), 1, dtype_of(x))]
    while len(powers) < columns:
        powers.append(powers[-1] * x)
    powers = powers[:columns] if increasing else powers[:columns][::-1]
    return stack(powers, 1) if powers else primitives.full((x.shape[0], 0), 0, dtype_of(x))


# --------------------------------------------------------------------------------------------- windows


def bartlett(x: int) -> Tensor:
    """The triangular window of ``x`` points.

    Example:
        >>> from polynet import ops
        >>> ops.bartlett(5)
        array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _window(np.bartlett, x, "bartlett")


def blackman(x: int) -> Tensor:
    """The Blackman window of ``x`` points.

    Example:
        >>> from polynet import ops
        >>> ops.blackman(3)[1]
        np.float32(1.0)
    """
    return _window(np.blackman, x, "blackman")


def hamming(x: int) -> Tensor:
    """The Hamming window of ``x`` points.

    Example:
        >>> from polynet import ops
        >>> ops.hamming(3)
        array([0.08, 1.  , 0.08], dtype=float32)
    """
    return _window(np.hamming, x, "hamming")


def hanning(x: int) -> Tensor:
    """The Hann window of ``x`` points.

    Example:
        >>> from polynet import ops
        >>> ops.hanning(3)
        array([0., 1., 0.], dtype=float32)
    """
    return _window(np.hanning, x, "hanning")


def kaiser(x: int, beta: float) -> Tensor:
    """The Kaiser window of ``x`` points; the larger ``beta``, the narrower.

    Example:
        >>> from polynet import ops
        >>> ops.kaiser(3, 0.0)
        array([1., 1., 1.], dtype=float32)
    """
    return _window(lambda points: np.kaiser(points, float(beta)), x, "kaiser")


def _window(function: Callable[[int], Any], x: Any, name: str) -> Tensor:
    try:
        points = operator.index(x) if isinstance(x, int) else int(x)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name}: x: expected the number of points; got {type(x).__name__}."
        ) from None
    return _from_host(function(points), dtypes.standardize(None))
