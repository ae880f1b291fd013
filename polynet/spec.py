"""Shapes and dtypes without data: ``Spec``, the dtype rules of ops, and the arithmetic of shapes.

A dtype rule takes the dtypes of an op's tensor arguments (names, or ``bool``, ``int``, ``float``, ``complex`` for
Python numbers, which are weak) and says what each argument is cast to (``None``: left alone) and what dtype results.
The helpers below it raise the errors that a user sees for a wrong shape or axis, on every backend alike.  What an op
is, and how it is read, is in ``op.py``.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from polynet import dtypes, errors
from polynet.plugins import state
from polynet.tensor import Traced

Kind = str | type
"""A dtype name, or the Python type of a weak number."""

Settled = tuple[Sequence[str | None], str]
DtypeRule = Callable[[Sequence[Kind]], Settled]


class Spec(Traced):
    """A tensor's shape and dtype; an op called with one infers the result's.

    Example:
        >>> from polynet import ops
        >>> from polynet.spec import Spec
        >>> ops.matmul(Spec((2, 3)), Spec((3, 4)))
        Spec((2, 4), 'float32')
    """

    __slots__ = ("__weakref__", "dtype", "shape")
    priority = 0

    def __init__(self, shape: Sequence[int], dtype: Any = None) -> None:
        self.shape = tuple(shape)
        self.dtype = dtypes.standardize(dtype)

    def __repr__(self) -> str:
        return f"Spec({self.shape}, {self.dtype!r})"

    def _apply(self, op: Any, args: tuple[Any, ...]) -> Any:
        return op.infer(args)

    def _no_value(self, what: str) -> Any:
        raise TypeError(
            f"{what}() needs a value, and this tensor has none: only its shape {self.shape} and dtype "
            f"{self.dtype} are being inferred. Use ops.cond, ops.where or ops.while_loop instead of Python's own "
            f"branches."
        )

    def __bool__(self) -> bool:
        return bool(self._no_value("bool"))

    def __int__(self) -> int:
        return int(self._no_value("int"))

    def __float__(self) -> float:
        return float(self._no_value("float"))

    def __index__(self) -> int:
        return int(self._no_value("index"))


# --------------------------------------------------------------------------------------- dtype rules


def same(kinds: Sequence[Kind]) -> Settled:
    """Each argument keeps its dtype; the result has the first one's."""
    return [
        None if isinstance(kind, str) else dtypes.result_type(kind) for kind in kinds
    ], dtypes.result_type(kinds[0])


def each(kinds: Sequence[Kind]) -> Settled:
    """As ``same``, also for no arguments at all."""
    return same(kinds) if kinds else ([], dtypes.standardize(None))


def elementwise(kinds: Sequence[Kind]) -> Settled:
    """All arguments meet at their common dtype."""
    common = dtypes.result_type(*kinds)
    return [common] * len(kinds), common


def elementwise_float(kinds: Sequence[Kind]) -> Settled:
    """The common dtype, integers and bool made floatx."""
    common = dtypes.to_float(dtypes.result_type(*kinds))
    return [common] * len(kinds), common


def comparison(kinds: Sequence[Kind]) -> Settled:
    """Arguments meet at their common dtype; the result is bool."""
    return elementwise(kinds)[0], "bool"


def logical(kinds: Sequence[Kind]) -> Settled:
    """Arguments become bool; so is the result."""
    return ["bool"] * len(kinds), "bool"


def predicate(kinds: Sequence[Kind]) -> Settled:
    """One argument of any dtype; the result is bool."""
    return same(kinds)[0], "bool"


def magnitude(kinds: Sequence[Kind]) -> Settled:
    """Complex arguments give their real dtype; the others keep theirs."""
    casts, result = elementwise(kinds)
    return casts, dtypes.real_of(result)


def real_to_complex(kinds: Sequence[Kind]) -> Settled:
    """Everything becomes the complex dtype of its precision."""
    common = dtypes.complex_of(dtypes.to_float(dtypes.result_type(*kinds)))
    return [common] * len(kinds), common


def bits(kinds: Sequence[Kind]) -> Settled:
    """The common integer (or bool) dtype; anything else is refused."""
    common = dtypes.result_type(*kinds)
    if not (dtypes.is_int(common) or dtypes.is_bool(common)):
        raise errors.DTypeError(f"expected integers or bool; got {common}.")
    return [common] * len(kinds), common


def shifts(kinds: Sequence[Kind]) -> Settled:
    """As ``bits``; bool becomes int32."""
    bits(kinds)
    return arithmetic(kinds)


def accumulate(kinds: Sequence[Kind]) -> Settled:
    """A sum or product: bool and small integers become (u)int32."""
    wide = dtypes.sum_dtype(dtypes.result_type(kinds[0]))
    return [wide], wide


def index_result(kinds: Sequence[Kind]) -> Settled:
    """The arguments keep their dtypes; the result counts, and so is int32."""
    return same(kinds)[0], "int32"


def weak_only(kinds: Sequence[Kind]) -> Settled:
    """Tensors keep their dtypes; Python numbers take the common one.  The rule of most composites."""
    common = dtypes.result_type(*kinds) if kinds else dtypes.standardize(None)
    return [None if isinstance(kind, str) else common for kind in kinds], common


def without_complex(rule: DtypeRule) -> DtypeRule:
    """``rule`` for an op that needs an order among its numbers: complex ones are refused."""

    def ordered(kinds: Sequence[Kind]) -> Settled:
        for kind in kinds:
            if kind is complex or (isinstance(kind, str) and dtypes.is_complex(kind)):
                raise errors.DTypeError(
                    f"expected real numbers; got {getattr(kind, '__name__', kind)}. "
                    f"Use ops.real, ops.imag, ops.absolute or ops.angle of it."
                )
        return rule(kinds)

    return ordered


def without_bool(rule: DtypeRule) -> DtypeRule:
    """``rule`` for an op that has no meaning for truth values."""

    def numeric(kinds: Sequence[Kind]) -> Settled:
        if dtypes.result_type(*kinds) == "bool":
            raise errors.DTypeError("expected numbers; got bool. Use ops.cast, or the logical ops.")
        return rule(kinds)

    return numeric


def arithmetic(kinds: Sequence[Kind]) -> Settled:
    """The common dtype; bool becomes int32."""
    common = dtypes.result_type(*kinds)
    common = "int32" if common == "bool" else common
    return [common] * len(kinds), common


def magnitude_float(kinds: Sequence[Kind]) -> Settled:
    """The common dtype, integers and bool made floatx; the result is real."""
    casts, result = elementwise_float(kinds)
    return casts, dtypes.real_of(result)


def comparison_float(kinds: Sequence[Kind]) -> Settled:
    """Arguments meet at their common dtype, made floating; the result is bool."""
    return elementwise_float(kinds)[0], "bool"


def where_rule(kinds: Sequence[Kind]) -> Settled:
    """A condition, then values that meet at their common dtype."""
    common = dtypes.result_type(*kinds[1:])
    return ["bool"] + [common] * (len(kinds) - 1), common


def indexed(kinds: Sequence[Kind]) -> Settled:
    """A tensor, then indices, which must be integers."""
    for kind in kinds[1:]:
        if kind is float or (isinstance(kind, str) and not dtypes.is_int(kind)):
            raise errors.DTypeError(
                f"indices: expected integers; got {getattr(kind, '__name__', kind)}."
            )
    return [
        None if isinstance(kind, str) else dtypes.result_type(kind) for kind in kinds
    ], dtypes.result_type(kinds[0])


def updated(kinds: Sequence[Kind]) -> Settled:
    """A tensor, integer indices, and new values, which are cast to the tensor's dtype."""
    casts, result = indexed(kinds[:-1])
    return [*casts, result], result


# ---------------------------------------------------------------------------------- shapes and axes


def as_axis(axis: Any, name: str = "axis") -> int | tuple[int, ...] | None:
    """An axis argument as ``None``, an integer or a tuple of integers."""
    if axis is None:
        return None
    if isinstance(axis, list | tuple):
        return tuple(_integer(entry, name) for entry in axis)
    return _integer(axis, name)


def _integer(value: Any, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name}: expected an integer or a tuple of integers; got {type(value).__name__}."
        ) from None


def as_shape(shape: Any, name: str = "shape") -> tuple[int, ...]:
    """A shape argument (integer, list, tuple, integer tensor) as a tuple of integers."""
    if hasattr(shape, "tolist") and not isinstance(shape, Traced):
        shape = shape.tolist()
    if isinstance(shape, list | tuple):
        return tuple(_integer(length, name) for length in shape)
    return (_integer(shape, name),)


def axis_index(axis: int, ndim: int, name: str = "axis") -> int:
    """``axis`` counted from the front, or an error when it is out of range."""
    if not -ndim <= axis < ndim:
        raise errors.AxisError(
            f"{name}: {axis} is out of range for a tensor of {ndim} dimension{'s' * (ndim != 1)}; "
            + (f"expected {-ndim} to {ndim - 1}." if ndim else "a 0-d tensor has no axis.")
        )
    return axis + ndim if axis < 0 else axis


def axes_indices(axis: Any, ndim: int, name: str = "axis") -> tuple[int, ...]:
    """All of the axes that ``axis`` names, counted from the front; ``None`` names every one."""
    if axis is None:
        return tuple(range(ndim))
    if not isinstance(axis, tuple | list):
        return (axis_index(axis, ndim, name),)
    found = tuple(axis_index(entry, ndim, name) for entry in axis)
    if len(set(found)) != len(found):
        raise errors.AxisError(f"{name}: {tuple(axis)} names an axis twice.")
    return found


def reduced(shape: tuple[int, ...], axis: Any, keepdims: bool = False) -> tuple[int, ...]:
    """The shape that is left when the axes ``axis`` are reduced."""
    axes = axes_indices(axis, len(shape))
    if keepdims:
        return tuple(1 if i in axes else length for i, length in enumerate(shape))
    return tuple(length for i, length in enumerate(shape) if i not in axes)


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape under NumPy's broadcasting, or an error that names all of them."""
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        return shapes[0]
    result: list[int] = []
    ndim = max(map(len, shapes), default=0)
    for i in range(ndim):
        lengths = {shape[i - ndim] for shape in shapes if ndim - i <= len(shape)}
        lengths.discard(1)
        if len(lengths) > 1:
            raise errors.ShapeError(
                f"shapes {', '.join(map(str, shapes))} do not broadcast: axis {i - ndim} has lengths "
                f"{' and '.join(map(str, sorted(lengths)))}. Lengths must be equal or 1."
            )
        result.append(lengths.pop() if lengths else 1)
    return tuple(result)


def count(shape: Sequence[int]) -> int:
    """The number of elements of a shape."""
    return math.prod(shape)


# ---------------------------------------------------------------------------------- unknown lengths

_STAND_INS = (720720, 2 * 720720 * 17)
"""What an unknown length is replaced by, in turn: large, far apart, divisible by every small number."""


_fresh = itertools.count(19, 2)


def unknown_length() -> int:
    """The length of a result that depends on values: another number each time, so that ``merge`` calls it unknown."""
    return _STAND_INS[0] * next(_fresh)


def is_stand_in(length: int) -> bool:
    """While shapes are inferred: does a length stand for an unknown one?"""
    return length >= _STAND_INS[0] and length % _STAND_INS[0] == 0


def with_stand_in(shape: Sequence[int | None], which: int) -> tuple[int, ...]:
    """``shape`` with its unknown lengths replaced by a number; ``which`` is 0 or 1."""
    return tuple(_STAND_INS[which] if length is None else length for length in shape)


def merge(one: Sequence[int], other: Sequence[int]) -> tuple[int | None, ...]:
    """Two results of shape inference with different stand-ins: what differs is unknown."""
    if len(one) != len(other):
        raise errors.ShapeError(
            "the number of dimensions of the result depends on a length that is not known; give that length."
        )
    return tuple(a if a == b else None for a, b in zip(one, other, strict=True))


# ---------------------------------------------------------------------------------- inferring only

_abstract: ContextVar[bool] = ContextVar("polynet_abstract", default=False)
_abstract_lock = threading.Lock()


@contextlib.contextmanager
def abstract() -> Iterator[None]:
    """A block in which ops without tensor arguments (``zeros``, ``arange``) give a ``Spec`` instead of memory."""
    with _abstract_lock:
        state.abstract += 1
    token = _abstract.set(True)
    try:
        yield
    finally:
        _abstract.reset(token)
        with _abstract_lock:
            state.abstract -= 1


@contextlib.contextmanager
def concrete() -> Iterator[None]:
    """A block within an ``abstract`` one in which things are computed after all, such as initial weights."""
    token = _abstract.set(False)
    try:
        yield
    finally:
        _abstract.reset(token)


def is_abstract() -> bool:
    """Is an ``abstract`` block open here, so that nothing is computed and no state may change?"""
    return state.abstract > 0 and _abstract.get()
