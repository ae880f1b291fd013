"""The primitives: what a backend must give, each with its dtypes, its shape rule and its gradient.

One row an op: ``@primitive(dtype rule)``, a docstring that is the contract for backend authors, a body that is the
shape rule (none: the arguments broadcast), and below it the gradient, written with ops and operators so that it can
be differentiated again.  Rules of complex ops are plain transposes (``g * f'(x)``, nothing conjugated); the tape
conjugates once at the end, so that gradients point uphill.  Everything that can be written with these is a composite
and belongs in another file of this folder.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet import dtypes, errors, spec
from polynet.op import primitive
from polynet.spec import Spec, axes_indices, axis_index, count, reduced
from polynet.tensor import Axis, DType, Shape, Tensor

__all__ = [
    "absolute",
    "add",
    "all",
    "any",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "broadcast_to",
    "ceil",
    "concatenate",
    "conj",
    "copy",
    "cos",
    "cosh",
    "equal",
    "exp",
    "expm1",
    "flip",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "left_shift",
    "less",
    "less_equal",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "matmul",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "nextafter",
    "nonzero",
    "not_equal",
    "power",
    "real",
    "right_shift",
    "sign",
    "signbit",
    "sin",
    "sinh",
    "sqrt",
    "stack",
    "subtract",
    "sum",
    "tan",
    "tanh",
    "transpose",
    "true_divide",
    "view",
]
"""Those that are public under Keras's name as they are; the others serve composites."""

# --------------------------------------------------------------------------- numbers to numbers, floating


@primitive(spec.elementwise_float)
def exp(x: Tensor) -> Tensor:
    """Exponential, element-wise."""


exp.vjp(lambda g, y: g * y)


@primitive(spec.elementwise_float)
def expm1(x: Tensor) -> Tensor:
    """``exp(x) - 1``, exact near zero, element-wise."""


expm1.vjp(lambda g, y: g * (y + 1))


@primitive(spec.elementwise_float)
def log(x: Tensor) -> Tensor:
    """Natural logarithm, element-wise."""


log.vjp(lambda g, x: g / x)


@primitive(spec.elementwise_float)
def log1p(x: Tensor) -> Tensor:
    """``log(1 + x)``, exact near zero, element-wise."""


log1p.vjp(lambda g, x: g / (x + 1))


@primitive(spec.elementwise_float)
def sqrt(x: Tensor) -> Tensor:
    """Square root, element-wise."""


sqrt.vjp(lambda g, y: g * 0.5 / y)


@primitive(spec.elementwise_float)
def sin(x: Tensor) -> Tensor:
    """Sine, element-wise."""


sin.vjp(lambda g, x: g * cos(x))


@primitive(spec.elementwise_float)
def cos(x: Tensor) -> Tensor:
    """Cosine, element-wise."""


cos.vjp(lambda g, x: -g * sin(x))


@primitive(spec.elementwise_float)
def tan(x: Tensor) -> Tensor:
    """Tangent, element-wise."""


tan.vjp(lambda g, y: g * (y * y + 1))


@primitive(spec.elementwise_float)
def arcsin(x: Tensor) -> Tensor:
    """Inverse sine, element-wise."""


arcsin.vjp(lambda g, x: g / sqrt(1 - x * x))


@primitive(spec.elementwise_float)
def arccos(x: Tensor) -> Tensor:
    """Inverse cosine, element-wise."""


arccos.vjp(lambda g, x: -g / sqrt(1 - x * x))


@primitive(spec.elementwise_float)
def arctan(x: Tensor) -> Tensor:
    """Inverse tangent, element-wise."""


arctan.vjp(lambda g, x: g / (x * x + 1))


@primitive(spec.elementwise_float)
def sinh(x: Tensor) -> Tensor:
    """Hyperbolic sine, element-wise."""


sinh.vjp(lambda g, x: g * cosh(x))


@primitive(spec.elementwise_float)
def cosh(x: Tensor) -> Tensor:
    """Hyperbolic cosine, element-wise."""


cosh.vjp(lambda g, x: g * sinh(x))


@primitive(spec.elementwise_float)
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent, element-wise."""


tanh.vjp(lambda g, y: g * (1 - y * y))


@primitive(spec.elementwise_float)
def arcsinh(x: Tensor) -> Tensor:
    """Inverse hyperbolic sine, element-wise."""


arcsinh.vjp(lambda g, x: g / sqrt(x * x + 1))


@primitive(spec.elementwise_float)
def arccosh(x: Tensor) -> Tensor:
    """Inverse hyperbolic cosine, element-wise."""


arccosh.vjp(lambda g, x: g / sqrt((x - 1) * (x + 1)))


@primitive(spec.elementwise_float)
def arctanh(x: Tensor) -> Tensor:
    """Inverse hyperbolic tangent, element-wise."""


arctanh.vjp(lambda g, x: g / (1 - x * x))


@primitive(spec.without_complex(spec.elementwise_float))
def arctan2(x1: Tensor, x2: Tensor) -> Tensor:
    """The angle of the point (x2, x1), element-wise."""


arctan2.vjp(
    lambda g, x1, x2: g * x2 / (x1 * x1 + x2 * x2),
    lambda g, x1, x2: -g * x1 / (x1 * x1 + x2 * x2),
)


@primitive(spec.without_complex(spec.elementwise_float))
def nextafter(x1: Tensor, x2: Tensor) -> Tensor:
    """The next floating point number after x1 towards x2, element-wise."""


nextafter.not_differentiable()


@primitive(spec.elementwise_float)
def true_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """Quotient, element-wise; integers give floats."""


true_divide.vjp(
    lambda g, x2: g / x2,
    lambda g, y, x2: -g * y / x2,
)

# ------------------------------------------------------------------------------- numbers to numbers, any


def _zero(g: Tensor) -> Tensor:
    """The gradient of a piecewise constant function."""
    return g * 0


@primitive()
def add(x1: Tensor, x2: Tensor) -> Tensor:
    """Sum, element-wise; of bools, logical or."""


add.vjp(lambda g: g, lambda g: g)


@primitive(spec.without_bool(spec.elementwise))
def subtract(x1: Tensor, x2: Tensor) -> Tensor:
    """Difference, element-wise."""


subtract.vjp(lambda g: g, lambda g: -g)


@primitive()
def multiply(x1: Tensor, x2: Tensor) -> Tensor:
    """Product, element-wise; of bools, logical and."""


multiply.vjp(lambda g, x2: g * x2, lambda g, x1: g * x1)


@primitive(spec.without_complex(spec.arithmetic))
def floor_divide(x1: Tensor, x2: Tensor) -> Tensor:
    """The quotient rounded down, element-wise; integers divided by 0 give 0."""


floor_divide.vjp(_zero, _zero)


@primitive(spec.without_complex(spec.arithmetic))
def mod(x1: Tensor, x2: Tensor) -> Tensor:
    """The remainder with the sign of the divisor, element-wise; of integers divided by 0 it is 0."""


mod.vjp(lambda g: g, lambda g, x1, x2: -g * floor_divide(x1, x2))


@primitive(spec.arithmetic)
def power(x1: Tensor, x2: Tensor) -> Tensor:
    """x1 to the power of x2, element-wise."""


power.vjp(
    lambda g, x1, x2: g * x2 * power(x1, _one_less(x2)),
    lambda g, y, x1: g * y * log(where(greater(x1, 0), x1, 1)),
)


def power_of_integers(native: Any, backend: Any, kinds: Sequence[Any]) -> Any:
    """``native``, or for integers one that refuses negative exponents where their values are at hand.  For backends."""
    if builtins.any(kind is float or kind is complex or not _is_whole(kind) for kind in kinds):
        return native

    def power(x1: Any, x2: Any) -> Any:
        known = x2
        if isinstance(x2, backend.tensor_types):
            at_hand = not backend.is_traced(x2) and backend.device_of(x2).startswith("cpu")
            known = backend.to_numpy(x2) if at_hand else 0
        if np.less(known, 0).any():
            raise ValueError(
                "power: x2: expected exponents of 0 or more for integers; got a negative one. "
                "Cast x1 to a float dtype first."
            )
        return native(x1, x2)

    return power


def _is_whole(kind: Any) -> bool:
    return kind in (int, bool) or dtypes.is_int(kind) or dtypes.is_bool(kind)


def _one_less(exponent: Any) -> Any:
    """The exponent of a power's derivative; of a Python number again one, which keeps all of its digits."""
    if isinstance(exponent, int | float | complex):
        return exponent - 1 if exponent else 1
    return where(equal(exponent, 0), 1, exponent - 1)


@primitive(spec.without_complex(spec.elementwise))
def maximum(x1: Tensor, x2: Tensor) -> Tensor:
    """The larger of both, element-wise; NaN where either is NaN."""


maximum.vjp(
    lambda g, x1, x2: g * _share(greater(x1, x2), equal(x1, x2), g),
    lambda g, x1, x2: g * _share(less(x1, x2), equal(x1, x2), g),
)


@primitive(spec.without_complex(spec.elementwise))
def minimum(x1: Tensor, x2: Tensor) -> Tensor:
    """The smaller of both, element-wise; NaN where either is NaN."""


minimum.vjp(
    lambda g, x1, x2: g * _share(less(x1, x2), equal(x1, x2), g),
    lambda g, x1, x2: g * _share(greater(x1, x2), equal(x1, x2), g),
)


def _share(chosen: Tensor, tied: Tensor, g: Tensor) -> Tensor:
    """1 where an argument decided, a half where both did."""
    return cast(chosen, g.dtype) + cast(tied, g.dtype) * 0.5


@primitive(spec.without_bool(spec.same))
def negative(x: Tensor) -> Tensor:
    """The opposite number, element-wise."""


negative.vjp(lambda g: -g)


@primitive(spec.magnitude)
def absolute(x: Tensor) -> Tensor:
    """Absolute value, element-wise; of complex numbers the real modulus."""


absolute.vjp(lambda g, x: g * conj(sign(x)))


@primitive(spec.without_bool(spec.same))
def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1, element-wise; of complex numbers ``x / |x|``, 0 at 0."""


def _sign_gradient(g: Tensor, y: Tensor, x: Tensor) -> Tensor:
    if not dtypes.is_complex(dtypes.standardize(x.dtype)):
        return _zero(g)
    size = absolute(x)
    return where(equal(size, 0), 0, (g - conj(g * y * y)) / (2 * where(equal(size, 0), 1, size)))


sign.vjp(_sign_gradient)


@primitive(spec.without_complex(spec.elementwise_float))
def floor(x: Tensor) -> Tensor:
    """Rounded down, element-wise; a float dtype."""


floor.vjp(_zero)


@primitive(spec.without_complex(spec.elementwise_float))
def ceil(x: Tensor) -> Tensor:
    """Rounded up, element-wise; a float dtype."""


ceil.vjp(_zero)


@primitive(spec.without_complex(spec.elementwise_float))
def rint(x: Tensor) -> Tensor:
    """Rounded to the nearest integer, halves to even, element-wise; a float dtype."""


rint.vjp(_zero)


@primitive(spec.same)
def conj(x: Tensor) -> Tensor:
    """Complex conjugate, element-wise."""


conj.vjp(lambda g: conj(g))


@primitive(spec.magnitude)
def real(x: Tensor) -> Tensor:
    """Real part, element-wise."""


real.vjp(lambda g, x_dtype: cast(g, x_dtype))


@primitive(spec.magnitude)
def imag(x: Tensor) -> Tensor:
    """Imaginary part, element-wise; zero for real numbers."""


imag.vjp(lambda g, x_dtype: complex_from(g * 0, -g) if dtypes.is_complex(x_dtype) else g * 0)


@primitive(spec.real_to_complex)
def complex_from(x1: Tensor, x2: Tensor) -> Tensor:
    """The complex number ``x1 + i x2``, element-wise; both arrive in the complex dtype with no imaginary part."""


complex_from.vjp(lambda g: g, lambda g: g * 1j)

# ----------------------------------------------------------------------------------------- to bool


@primitive(spec.comparison)
def equal(x1: Tensor, x2: Tensor) -> Tensor:
    """``x1 == x2``, element-wise."""


@primitive(spec.comparison)
def not_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """``x1 != x2``, element-wise."""


@primitive(spec.without_complex(spec.comparison))
def less(x1: Tensor, x2: Tensor) -> Tensor:
    """``x1 < x2``, element-wise."""


@primitive(spec.without_complex(spec.comparison))
def less_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """``x1 <= x2``, element-wise."""


@primitive(spec.without_complex(spec.comparison))
def greater(x1: Tensor, x2: Tensor) -> Tensor:
    """``x1 > x2``, element-wise."""


@primitive(spec.without_complex(spec.comparison))
def greater_equal(x1: Tensor, x2: Tensor) -> Tensor:
    """``x1 >= x2``, element-wise."""


@primitive(spec.logical)
def logical_and(x1: Tensor, x2: Tensor) -> Tensor:
    """Are both true, element-wise?"""


@primitive(spec.logical)
def logical_or(x1: Tensor, x2: Tensor) -> Tensor:
    """Is either true, element-wise?"""


@primitive(spec.logical)
def logical_xor(x1: Tensor, x2: Tensor) -> Tensor:
    """Is exactly one true, element-wise?"""


@primitive(spec.logical)
def logical_not(x: Tensor) -> Tensor:
    """Is it false, element-wise?"""


@primitive(spec.predicate)
def isnan(x: Tensor) -> Tensor:
    """Is it not a number, element-wise?"""


@primitive(spec.predicate)
def isfinite(x: Tensor) -> Tensor:
    """Is it neither infinite nor NaN, element-wise?"""


@primitive(spec.predicate)
def isinf(x: Tensor) -> Tensor:
    """Is it an infinity, element-wise?"""


@primitive(spec.without_complex(spec.predicate))
def signbit(x: Tensor) -> Tensor:
    """Is the sign bit set (of -0.0 too), element-wise?"""


# ----------------------------------------------------------------------------------------- bits


@primitive(spec.bits)
def bitwise_and(x: Tensor, y: Tensor) -> Tensor:
    """Bits set in both, element-wise."""


@primitive(spec.bits)
def bitwise_or(x: Tensor, y: Tensor) -> Tensor:
    """Bits set in either, element-wise."""


@primitive(spec.bits)
def bitwise_xor(x: Tensor, y: Tensor) -> Tensor:
    """Bits set in exactly one, element-wise."""


@primitive(spec.bits)
def bitwise_not(x: Tensor) -> Tensor:
    """All bits turned over, element-wise; of bools, logical not."""


@primitive(spec.shifts)
def left_shift(x: Tensor, y: Tensor) -> Tensor:
    """Bits moved up by y, element-wise."""


@primitive(spec.shifts)
def right_shift(x: Tensor, y: Tensor) -> Tensor:
    """Bits moved down by y, element-wise; signed integers keep their sign."""


@primitive(spec.same)
def view(x: Tensor, dtype: DType | None = None) -> Tensor:
    """The same memory read as another dtype; the last axis grows or shrinks with the size of an element."""
    new = dtypes.standardize(dtype) if dtype is not None else x.dtype
    old_size, new_size = dtypes.itemsize(x.dtype), dtypes.itemsize(new)
    if old_size == new_size:
        return Spec(x.shape, new)
    if not x.shape:
        raise errors.ShapeError(f"a 0-d {x.dtype} cannot be viewed as {new}: the sizes differ.")
    if x.shape[-1] * old_size % new_size:
        raise errors.ShapeError(
            f"the last axis, {x.shape[-1]} of {x.dtype}, is not a whole number of {new}."
        )
    return Spec((*x.shape[:-1], x.shape[-1] * old_size // new_size), new)


for _op in (
    *(
        equal,
        not_equal,
        less,
        less_equal,
        greater,
        greater_equal,
        logical_and,
        logical_or,
        logical_xor,
    ),
    *(
        logical_not,
        isnan,
        isfinite,
        isinf,
        signbit,
        bitwise_and,
        bitwise_or,
        bitwise_xor,
        bitwise_not,
    ),
    *(left_shift, right_shift, view),
):
    _op.not_differentiable()

# ------------------------------------------------------------------------------------ choice and dtype


@primitive(spec.where_rule)
def where(condition: Tensor, x1: Tensor, x2: Tensor) -> Tensor:
    """x1 where the condition holds, else x2, element-wise."""


where.vjp(
    None, lambda g, condition: where(condition, g, 0), lambda g, condition: where(condition, 0, g)
)


@primitive(spec.same)
def cast(x: Tensor, dtype: DType) -> Tensor:
    """The same values in another dtype; floats lose their fraction on the way to integers, complex the imaginary."""
    return Spec(x.shape, dtypes.standardize(dtype))


cast.vjp(lambda g, x_dtype: cast(g, x_dtype))


@primitive(spec.same)
def copy(x: Tensor) -> Tensor:
    """The same values in memory of their own."""


copy.vjp(lambda g: g)


@primitive(spec.same)
def stop_gradient(variable: Tensor) -> Tensor:
    """The same values, treated as a constant by every derivative."""


stop_gradient.not_differentiable()

# --------------------------------------------------------------------------------------- from nothing


@primitive()
def full(shape: Shape, fill_value: Any, dtype: DType) -> Tensor:
    """A tensor of that shape with one Python number everywhere."""
    if sorted((0, *shape))[0] < 0:
        raise errors.ShapeError(f"shape: expected lengths of 0 or more; got {shape}.")
    return Spec(shape, dtype)


@primitive()
def iota(length: int, dtype: DType) -> Tensor:
    """The numbers 0, 1, 2, ... in a vector of that length; the dtype is one of integers or floats."""
    return Spec((length,), dtype)


@primitive(spec.index_result)
def random_bits(key: Tensor, shape: Shape) -> Tensor:
    """Random int32s, every bit of them: Threefry-2x32 of the two 32-bit words of ``key``."""
    return shape


full.not_differentiable()
iota.not_differentiable()
random_bits.not_differentiable()

# ------------------------------------------------------------------------------------------- shape


@primitive(spec.same)
def reshape(x: Tensor, newshape: Shape) -> Tensor:
    """The same elements in row-major order in another shape, which may hold one -1."""
    known = count([length for length in newshape if length != -1])
    if -1 in newshape and newshape.count(-1) == 1 and known and count(x.shape) % known == 0:
        return tuple(count(x.shape) // known if length == -1 else length for length in newshape)
    if known != count(x.shape) or -1 in newshape:
        raise errors.ShapeError(
            f"newshape: {newshape} does not hold the {count(x.shape)} elements of a tensor of shape {x.shape}."
        )
    return newshape


reshape.vjp(lambda g, x_shape: reshape(g, x_shape))


@primitive(spec.same)
def transpose(x: Tensor, axes: Axis = None) -> Tensor:
    """The axes in another order, reversed by default."""
    order = _order(axes, len(x.shape))
    return tuple(x.shape[axis] for axis in order)


transpose.vjp(lambda g, axes: transpose(g, None if axes is None else _inverse(axes)))


def _order(axes: Any, ndim: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(reversed(range(ndim)))
    order = axes_indices(axes, ndim, "axes")
    if len(order) != ndim:
        raise errors.ShapeError(f"axes: expected each of the {ndim} axes once; got {axes}.")
    return order


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    order = _order(axes, len(axes))
    return tuple(order.index(axis) for axis in range(len(axes)))


@primitive(spec.same)
def broadcast_to(x: Tensor, shape: Shape) -> Tensor:
    """Repeated along axes of length 1 and new leading axes until it has that shape."""
    if builtins.min((0, *shape)) < 0:
        raise errors.ShapeError(f"shape: expected lengths of 0 or more; got {shape}.")
    if spec.broadcast(x.shape, shape) != shape:
        raise errors.ShapeError(
            f"shape: a tensor of shape {x.shape} does not broadcast to {shape}."
        )
    return shape


broadcast_to.vjp(lambda g, x_shape: unbroadcast(g, x_shape))


def unbroadcast(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The sum of ``g`` over the axes along which ``shape`` was broadcast: the gradient of broadcasting."""
    extra = len(g.shape) - len(shape)
    axes = tuple(range(extra))
    stretched = tuple(
        extra + i for i, length in enumerate(shape) if length == 1 and g.shape[extra + i] != 1
    )
    if not stretched:
        return sum(g, axes) if extra else g
    g = sum(g, axes + stretched, True)
    return reshape(g, shape) if extra else g


@primitive(spec.elementwise)
def concatenate(xs: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Joined along an axis that exists."""
    if not xs:
        raise errors.ShapeError("xs: expected at least one tensor; got none.")
    first = xs[0].shape
    at = axis_index(axis, len(first))
    for x in xs:
        if len(x.shape) != len(first) or builtins.any(
            a != b for i, (a, b) in enumerate(zip(x.shape, first, strict=True)) if i != at
        ):
            raise errors.ShapeError(
                f"xs: shapes {', '.join(str(x.shape) for x in xs)} differ in another axis than {axis}."
            )
    return (*first[:at], _total(x.shape[at] for x in xs), *first[at + 1 :])


def _total(lengths: Any) -> int:
    total = 0
    for length in lengths:
        total += length
    return total


concatenate.vjp(lambda g, xs_shape, axis: _pieces(g, xs_shape, axis))


def _pieces(g: Tensor, shapes: Sequence[tuple[int, ...]], axis: int) -> list[Tensor]:
    at = axis_index(axis, len(shapes[0]))
    pieces, start = [], 0
    for shape in shapes:
        key = (slice(None),) * at + (slice(start, start + shape[at]),)
        pieces.append(index(g, [], key))
        start += shape[at]
    return pieces


@primitive(spec.elementwise)
def stack(x: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Joined along a new axis."""
    if not x:
        raise errors.ShapeError("x: expected at least one tensor; got none.")
    first = x[0].shape
    if builtins.any(entry.shape != first for entry in x):
        raise errors.ShapeError(f"x: shapes {', '.join(str(entry.shape) for entry in x)} differ.")
    at = axis_index(axis, len(first) + 1)
    return (*first[:at], len(x), *first[at:])


stack.vjp(lambda g, x_shape, axis: _slices(g, axis, len(x_shape)))


def _slices(g: Tensor, axis: int, number: int) -> list[Tensor]:
    at = axis_index(axis, len(g.shape))
    return [index(g, [], (slice(None),) * at + (i,)) for i in range(number)]


@primitive(spec.same)
def pad_constant(x: Tensor, pad_width: tuple[tuple[int, int], ...], value: Any) -> Tensor:
    """Each axis lengthened by (before, after) elements of one Python number."""
    return tuple(
        before + length + after for (before, after), length in zip(pad_width, x.shape, strict=True)
    )


pad_constant.vjp(
    lambda g, x_shape, pad_width: index(
        g,
        [],
        tuple(slice(before, before + n) for (before, _), n in zip(pad_width, x_shape, strict=True)),
    )
)


@primitive(spec.same)
def flip(x: Tensor, axis: Axis = None) -> Tensor:
    """The elements in reverse order along the axes, all of them by default."""
    axes_indices(axis, len(x.shape))
    return x.shape


flip.vjp(lambda g, axis: flip(g, axis))

# ----------------------------------------------------------------------------------------- elements


class Hole:
    """The place of an index tensor in a key; see ``index``."""

    def __repr__(self) -> str:
        return "HOLE"


HOLE = Hole()


def fill_key(key: tuple[Any, ...], indices: Sequence[Any]) -> tuple[Any, ...]:
    """``key`` with its holes filled by ``indices``, ready for ``x[key]``.  For backends."""
    rest = iter(indices)
    return tuple(next(rest) if entry is HOLE else entry for entry in key)


def _indexed(kinds: Sequence[spec.Kind]) -> spec.Settled:
    casts: list[str | None] = [None] * len(kinds)
    for i, kind in enumerate(kinds[1:], 1):
        name = dtypes.result_type(kind)
        if not dtypes.is_int(name):
            raise errors.DTypeError(f"indices: expected integers; got {name}.")
        casts[i] = None if isinstance(kind, str) else name
    return casts, dtypes.result_type(kinds[0])


def _index_updated(kinds: Sequence[spec.Kind]) -> spec.Settled:
    casts, result = _indexed(kinds[:-1])
    return [*casts, result], result


@primitive(_indexed)
def index(x: Tensor, indices: Sequence[Tensor], key: tuple[Any, ...]) -> Tensor:
    """``x[fill_key(key, indices)]`` with NumPy's meaning.

    ``key`` holds integers, slices (of any step), ``None``, at most one ``Ellipsis``, and a hole for each of the
    ``indices``, which are integers; a key with holes has neither integers nor an ``Ellipsis``.  Bool masks never
    come here.
    """
    return indexed_shape(x.shape, indices, key)


index.vjp(
    lambda g, x_shape, indices, key: index_update(
        full(x_shape, 0, dtypes.standardize(g.dtype)), indices, g, key, "add"
    ),
    None,
)


@primitive(_index_updated)
def index_update(
    x: Tensor,
    indices: Sequence[Tensor],
    updates: Tensor,
    key: tuple[Any, ...],
    reduction: str | None,
) -> Tensor:
    """A copy of x whose elements at ``key`` (as in ``index``) are set to, or combined with, ``updates``.

    The reduction is ``None`` (the last one wins), ``"add"``, ``"multiply"``, ``"max"`` or ``"min"``; elements that are
    named several times are combined several times.
    """
    shape = indexed_shape(x.shape, indices, key)
    if spec.broadcast(updates.shape, shape) != shape:
        raise errors.ShapeError(
            f"updates: shape {updates.shape} does not broadcast to the indexed shape {shape}."
        )
    return x.shape


index_update.vjp(
    lambda g, y, x, indices, updates, key, reduction: _kept(
        g, y, x, indices, updates, key, reduction
    ),
    None,
    lambda g, y, x, indices, updates, key, reduction: _updates_gradient(
        g, y, x, indices, updates, key, reduction
    ),
)


def _kept(
    g: Tensor, y: Tensor, x: Tensor, indices: Any, updates: Tensor, key: Any, reduction: str | None
) -> Tensor:
    """The gradient of ``index_update`` by the tensor that is updated."""
    if reduction == "add":
        return g
    if reduction is None:
        return index_update(g, indices, 0, key, None)
    if reduction == "multiply":
        ones = full(y.shape, 1, dtypes.standardize(y.dtype))
        return g * index_update(ones, indices, updates, key, "multiply")
    return where(equal(x, y), g / _winners(y, x, indices, updates, key), 0)


def _winners(y: Tensor, x: Tensor, indices: Any, updates: Tensor, key: Any) -> Tensor:
    """How many candidates of a maximum or minimum reached it, for each element."""
    dtype = dtypes.standardize(y.dtype)
    reached = cast(equal(index(y, indices, key), updates), dtype)
    return index_update(cast(equal(x, y), dtype), indices, reached, key, "add")


def _updates_gradient(
    g: Tensor, y: Tensor, x: Tensor, indices: Any, updates: Tensor, key: Any, reduction: str | None
) -> Tensor:
    """The gradient of ``index_update`` by the updates."""
    if reduction == "add":
        return index(g, indices, key)
    if reduction is None:
        if not indices:
            return index(g, indices, key)
        return where(_is_last(x, indices, key), index(g, indices, key), 0)
    if reduction == "multiply":
        return index(g, indices, key) * _other_factors(x, indices, updates, key)
    shared = index(g / maximum(_winners(y, x, indices, updates, key), 1), indices, key)
    return where(equal(index(y, indices, key), updates), shared, 0)


def _is_last(x: Tensor, indices: Any, key: Any) -> Tensor:
    """Which updates are there to stay, where an element is named several times."""
    shape = indexed_shape(x.shape, indices, key)
    order = reshape(iota(count(shape), "int32"), shape)
    last = index_update(full(x.shape, -1, "int32"), indices, order, key, None)
    return equal(index(last, indices, key), order)


def _other_factors(x: Tensor, indices: Any, updates: Tensor, key: Any) -> Tensor:
    """For each update the product of all others that meet it, and of the element itself; right for zeros too."""
    zero = equal(updates, 0)
    nonzero_part = where(zero, 1, updates)
    product = index(index_update(x, indices, nonzero_part, key, "multiply"), indices, key)
    zeros = index_update(full(x.shape, 0, "int32"), indices, cast(zero, "int32"), key, "add")
    alone = equal(index(zeros, indices, key) - cast(zero, "int32"), 0)
    return where(alone, product / nonzero_part, 0)


def indexed_shape(
    shape: tuple[int, ...], indices: Sequence[Any], key: tuple[Any, ...]
) -> tuple[int, ...]:
    """The shape of ``x[key]``, by NumPy's rules."""
    key = expand_key(key, len(shape))
    rest = iter(indices)
    result: list[int] = []
    parts: list[tuple[int, ...]] = []
    place, apart, gap, axis = 0, False, False, 0
    for entry in key:
        if entry is None:
            result.append(1)
        elif isinstance(entry, slice):
            result.append(len(range(*entry.indices(shape[axis]))))
        elif entry is HOLE:
            if not parts:
                place = len(result)
            apart = apart or gap
            parts.append(tuple(next(rest).shape))
        elif not -shape[axis] <= entry < shape[axis]:
            raise errors.AxisError(
                f"key: index {entry} is out of range for axis {axis} of length {shape[axis]}."
            )
        gap = entry is not HOLE and len(parts) > 0
        axis += entry is not None
    if parts:
        at = 0 if apart else place
        result[at:at] = spec.broadcast(*parts)
    return tuple(result)


def expand_key(key: tuple[Any, ...], ndim: int) -> tuple[Any, ...]:
    """``key`` with an entry for each axis: its ``Ellipsis``, or what is missing at its end, as slices."""
    used, at = 0, len(key)
    for i, entry in enumerate(key):
        if entry is Ellipsis:
            at = i
        elif entry is not None:
            used += 1
    if used > ndim:
        raise errors.AxisError(
            f"key: {used} indices for a tensor of {ndim} dimension{'s' * (ndim != 1)}."
        )
    return (*key[:at], *(slice(None),) * (ndim - used), *key[at + 1 :])


@primitive(spec.index_result)
def nonzero(x: Tensor) -> tuple[Tensor, ...]:
    """The int32 indices of the elements that are not zero (NaN is not), one vector an axis, in row-major order."""
    if not x.shape:
        raise errors.ShapeError(
            "x: expected at least one dimension; got a 0-d tensor. Use ops.reshape(x, (1,))."
        )
    found = spec.unknown_length()
    return tuple(Spec((found,), "int32") for _ in x.shape)


nonzero.not_differentiable()

# --------------------------------------------------------------------------------------- reductions


def _reduction(x: Any, axis: Any, keepdims: bool) -> tuple[int, ...]:
    return reduced(x.shape, axis, keepdims)


def restore(g: Tensor, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Tensor:
    """``g`` with the reduced axes back as axes of length 1, so that it broadcasts to ``shape``."""
    return g if keepdims else reshape(g, reduced(shape, axis, True))


@primitive(spec.accumulate)
def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum over the axes, all of them by default."""
    return _reduction(x, axis, keepdims)


sum.vjp(
    lambda g, x_shape, axis, keepdims: broadcast_to(restore(g, x_shape, axis, keepdims), x_shape),
)


@primitive(spec.accumulate)
def prod(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product over the axes, all of them by default."""
    return _reduction(x, axis, keepdims)


prod.vjp(lambda g, x, axis, keepdims: restore(g, x.shape, axis, keepdims) * other_products(x, axis))


def other_products(x: Tensor, axis: Any) -> Tensor:
    """For each element the product of all others along the axes, right where elements are zero too."""
    axes = axes_indices(axis, len(x.shape))
    kept = tuple(i for i in range(len(x.shape)) if i not in axes)
    order = kept + axes
    shape = tuple(x.shape[i] for i in kept)
    rows = reshape(transpose(x, order), (*shape, count([x.shape[i] for i in axes])))
    result = _exclusive(rows) * flip(_exclusive(flip(rows, -1)), -1)
    return transpose(reshape(result, tuple(x.shape[i] for i in order)), _inverse(order))


def _exclusive(x: Tensor) -> Tensor:
    """The product of all elements before each one along the last axis, by doubling."""
    ndim, n = len(x.shape), x.shape[-1]
    if n == 0:
        return x
    y = _shifted(x, 1, ndim, n)
    step = 1
    while step < n:
        y = y * _shifted(y, step, ndim, n)
        step *= 2
    return y


def _shifted(x: Tensor, by: int, ndim: int, n: int) -> Tensor:
    """The last axis moved back by ``by`` places, ones in front."""
    part = index(x, [], (Ellipsis, slice(0, builtins.max(n - by, 0))))
    return pad_constant(part, ((0, 0),) * (ndim - 1) + ((builtins.min(by, n), 0),), 1)


def _reduced_nonempty(x: Any, axis: Any, keepdims: bool) -> tuple[int, ...]:
    for at in axes_indices(axis, len(x.shape)):
        if x.shape[at] == 0:
            raise errors.ShapeError(
                f"axis {at} of shape {x.shape} has no elements, and so no extreme one."
            )
    return _reduction(x, axis, keepdims)


@primitive(spec.without_complex(spec.same))
def max(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element over the axes; NaN where one is NaN."""
    return _reduced_nonempty(x, axis, keepdims)


@primitive(spec.without_complex(spec.same))
def min(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element over the axes; NaN where one is NaN."""
    return _reduced_nonempty(x, axis, keepdims)


def _extreme_gradient(g: Tensor, y: Tensor, x: Tensor, axis: Any, keepdims: bool) -> Tensor:
    """Shared equally by the elements that reach the extreme."""
    reached = cast(equal(x, restore(y, x.shape, axis, keepdims)), dtypes.standardize(g.dtype))
    return restore(g, x.shape, axis, keepdims) * reached / sum(reached, axis, True)


max.vjp(lambda g, y, x, axis, keepdims: _extreme_gradient(g, y, x, axis, keepdims))
min.vjp(lambda g, y, x, axis, keepdims: _extreme_gradient(g, y, x, axis, keepdims))


@primitive(spec.logical)
def any(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Is any element true over the axes?"""
    return _reduction(x, axis, keepdims)


@primitive(spec.logical)
def all(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Are all elements true over the axes?"""
    return _reduction(x, axis, keepdims)


@primitive(spec.without_complex(spec.index_result))
def argmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The index of the first largest element along one axis, or in the flattened tensor, as int32."""
    return _reduced_nonempty(x, axis, keepdims)


@primitive(spec.without_complex(spec.index_result))
def argmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The index of the first smallest element along one axis, or in the flattened tensor, as int32."""
    return _reduced_nonempty(x, axis, keepdims)


@primitive(spec.without_complex(spec.index_result))
def argsort(x: Tensor, axis: int = -1) -> Tensor:
    """The int32 indices that sort along an axis, ascending, equal elements in their order, NaN last."""
    axis_index(axis, len(x.shape))
    return x.shape


for _op in (any, all, argmax, argmin, argsort):
    _op.not_differentiable()


@primitive(spec.arithmetic)
def cumsum(x: Tensor, axis: int = 0) -> Tensor:
    """The sum of all elements up to each one along an axis."""
    axis_index(axis, len(x.shape))
    return x.shape


cumsum.vjp(lambda g, axis: flip(cumsum(flip(g, axis), axis), axis))

# ----------------------------------------------------------------------------------------- products


def _product(kinds: Sequence[spec.Kind]) -> spec.Settled:
    """The common dtype; of two tensors of int8 int32, in which sums of products have room."""
    if builtins.all(kind == "int8" for kind in kinds):
        return ["int32", "int32"], "int32"
    return spec.elementwise(kinds)


@primitive(_product)
def matmul(x1: Tensor, x2: Tensor) -> Tensor:
    """Matrix product over the last two axes, leading axes broadcast; a vector is a row (left) or a column (right)."""
    a, b = x1.shape, x2.shape
    if not a or not b:
        raise errors.ShapeError(
            f"expected at least one dimension each; got shapes {a} and {b}. Use ops.multiply."
        )
    if a[-1] != b[-2 if len(b) > 1 else 0]:
        raise errors.ShapeError(
            f"shapes {a} and {b} do not match: the last axis of x1 has length {a[-1]}, "
            f"the {'second last' if len(b) > 1 else 'only'} axis of x2 {b[-2 if len(b) > 1 else 0]}."
        )
    return (*spec.broadcast(a[:-2], b[:-2]), *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


matmul.vjp(
    lambda g, x1_shape, x2: left_gradient(g, x1_shape, x2),
    lambda g, x1, x2_shape: right_gradient(g, x1, x2_shape),
)


def left_gradient(g: Tensor, x1_shape: tuple[int, ...], x2: Tensor) -> Tensor:
    if len(x2.shape) == 1:
        return reshape(g, (*g.shape, 1)) * x2
    if len(x1_shape) == 1:
        return unbroadcast(matmul(x2, reshape(g, (*g.shape, 1))), (*x1_shape, 1))[..., 0]
    return matmul(g, adjoint(x2))


def right_gradient(g: Tensor, x1: Tensor, x2_shape: tuple[int, ...]) -> Tensor:
    if len(x1.shape) == 1:
        if len(x2_shape) == 1:
            return g * x1
        return reshape(x1, (*x1.shape, 1)) * reshape(g, (*g.shape[:-1], 1, g.shape[-1]))
    if len(x2_shape) == 1:
        return unbroadcast(matmul(adjoint(x1), reshape(g, (*g.shape, 1))), (*x2_shape, 1))[..., 0]
    if (
        len(x2_shape) == 2 and len(x1.shape) > 2
    ):  # one product, instead of one for each matrix and their sum
        rows = math.prod(x1.shape[:-1])
        x1, g = reshape(x1, (rows, x1.shape[-1])), reshape(g, (rows, g.shape[-1]))
    return matmul(adjoint(x1), g)


def adjoint(x: Tensor) -> Tensor:
    """The last two axes exchanged (nothing is conjugated)."""
    n = len(x.shape)
    return transpose(x, (*range(n - 2), n - 1, n - 2)) if n > 2 else transpose(x)
