"""Tensors as such: made from anything, read out, asked for shape and dtype, cast.

Nothing here computes with values.  What makes new tensors from a shape is in ``creation.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polynet import dtypes, errors, plugins, spec
from polynet.op import op
from polynet.ops import primitives
from polynet.tensor import DType, Held, Tensor, Traced
from polynet.values import dtype_of, from_list, shape_of

__all__ = [
    "cast",
    "convert_to_numpy",
    "convert_to_tensor",
    "dtype",
    "is_tensor",
    "ndim",
    "shape",
    "size",
]

NUMBERS = (bool, int, float, complex)
"""The Python types that are numbers."""


@op(dtypes=spec.same)
def _convert_to_tensor(x: Tensor) -> Tensor:
    return x


def convert_to_tensor(
    x: Any, dtype: DType | None = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """A tensor of the active backend from numbers, (nested) lists, NumPy arrays, variables or tensors.

    Args:
        dtype: by default that of ``x``; Python integers become int32 and floats ``floatx``.
        sparse: not supported; there to be ``None`` or false.
        ragged: not supported; there to be ``None`` or false.

    Example:
        >>> from polynet import ops
        >>> ops.convert_to_tensor([1, 2.5])
        array([1. , 2.5], dtype=float32)
    """
    if sparse or ragged:
        raise ValueError(
            "convert_to_tensor: sparse, ragged: expected None or False; polynet has dense tensors only."
        )
    if x is None:
        raise errors.DTypeError("convert_to_tensor: expected a tensor or numbers; got None.")
    if isinstance(x, Traced) and not isinstance(x, Held):
        return x if dtype is None else _cast(x, dtypes.standardize(dtype))
    if dtype is None:
        return (
            _convert_to_tensor([x])[0]
            if x.__class__ is int and not -(2**31) <= x < 2**31
            else _convert_to_tensor(x)
        )
    wanted = dtypes.standardize(dtype)
    if isinstance(x, (*NUMBERS, list, tuple, range)) or not hasattr(x, "shape"):
        x = _exact(x, wanted)
    if isinstance(x, np.ndarray | np.generic) and dtype_of(x) != wanted:
        return primitives.cast(x, wanted)  # on the host: the backend may lack the dtype of x
    return _cast(_convert_to_tensor(x), wanted)


def _exact(x: Any, dtype: str) -> Any:
    """Host values as a tensor of ``dtype`` without a stop at a shorter dtype on the way."""
    backend = plugins.current()
    if isinstance(x, list | tuple | range):
        found = from_list(x, "convert_to_tensor")
        if not isinstance(found, np.ndarray):  # there are tensors in it
            return found
        x = np.asarray(x)
    elif not isinstance(x, NUMBERS):
        return x
    if isinstance(x, complex) or getattr(x, "dtype", None) == np.complex128:
        if not dtypes.is_complex(dtype):
            raise errors.DTypeError(
                f"convert_to_tensor: complex numbers do not fit in {dtype}; take ops.real(x) first."
            )
    return backend.asarray(x, dtype)


def _cast(x: Tensor, wanted: str) -> Tensor:
    return x if dtype_of(x) == wanted else primitives.cast(x, wanted)


def cast(x: Tensor, dtype: DType) -> Tensor:
    """The same values in another dtype; floats lose their fraction on the way to integers.

    Example:
        >>> from polynet import ops
        >>> ops.cast([1.7, -1.7], "int32")
        array([ 1, -1], dtype=int32)
    """
    if x.__class__ in _HOST:
        return convert_to_tensor(x, dtype)
    return primitives.cast(x, dtype)


_HOST = frozenset({*NUMBERS, list, tuple, range})


def convert_to_numpy(x: Any) -> np.ndarray:
    """The values of a tensor, variable, number or list as a NumPy array in memory of its own.

    Example:
        >>> from polynet import ops
        >>> ops.convert_to_numpy(ops.ones((2,)))
        array([1., 1.], dtype=float32)
    """
    if isinstance(x, Held):
        return x.numpy()
    if isinstance(x, Traced):
        raise TypeError(
            f"convert_to_numpy: expected a tensor with values; got {x!r}, of which only shape and dtype are known."
        )
    backend = plugins.owner(x)
    if backend is not None:
        return np.array(backend.to_numpy(x))
    if isinstance(x, list | tuple | range):
        x = from_list(x, "convert_to_numpy")
        return np.array(x) if isinstance(x, np.ndarray) else convert_to_numpy(x)
    if type(x) in NUMBERS:
        return np.array(x, dtype_of(x))
    return convert_to_numpy(convert_to_tensor(x))


def is_tensor(x: Any) -> bool:
    """Is it a tensor of the active backend, or a value that a tape watches?

    Lists, numbers, variables and symbolic tensors are not.

    Example:
        >>> from polynet import ops
        >>> ops.is_tensor(ops.ones((2,))), ops.is_tensor([1, 1])
        (True, False)
    """
    from polynet.autodiff.box import Box

    return isinstance(x, (*plugins.current().tensor_types, Box))


def shape(x: Any) -> tuple[Any, ...]:
    """The shape as a tuple of integers; lengths that a symbolic tensor does not know are ``None``.

    Example:
        >>> from polynet import ops
        >>> ops.shape(ops.zeros((8, 12)))
        (8, 12)
    """
    return shape_of(x)


def ndim(x: Any) -> int:
    """The number of axes.

    Example:
        >>> from polynet import ops
        >>> ops.ndim([[1, 2], [3, 4]])
        2
    """
    return len(shape_of(x))


def size(x: Any) -> int | None:
    """The number of elements; ``None`` when a length is unknown.

    Example:
        >>> from polynet import ops
        >>> ops.size(ops.zeros((2, 3)))
        6
    """
    lengths = shape_of(x)
    return None if None in lengths else spec.count(lengths)


def dtype(x: Any) -> str:
    """The name of the dtype.

    Example:
        >>> from polynet import ops
        >>> ops.dtype(ops.zeros((2,), "int8"))
        'int8'
    """
    return dtype_of(x)
