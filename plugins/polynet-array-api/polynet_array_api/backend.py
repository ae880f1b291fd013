"""Any library of the Python array API standard as a polynet backend.

``ArrayApiBackend`` is made with the library's namespace and calls nothing but what the standard names; what a library
does in another way is a method of a subclass.  How polynet finds each library is in a small module of its own.  No
library is named here, and no dtype is decided: what arrives has the dtype that polynet settled on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.ops.primitives import power_of_integers
from polynet_array_api.indexing import Indexing
from polynet_array_api.linalg import Linalg
from polynet_array_api.random_numbers import RandomNumbers

_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
_ALIKE = {
    **{name: name for name in ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan")},
    **{name: name for name in ("sinh", "cosh", "tanh", "floor", "ceil", "negative", "sign")},
    **{name: name for name in ("add", "subtract", "multiply", "maximum", "minimum", "nextafter")},
    **{name: name for name in ("equal", "not_equal", "less", "less_equal", "greater")},
    **{name: name for name in ("greater_equal", "where", "reshape", "broadcast_to")},
    **{f"logical_{name}": f"logical_{name}" for name in ("and", "or", "xor", "not")},
    **{f"bitwise_{name}": f"bitwise_{name}" for name in ("and", "or", "xor")},
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")},
    **{"true_divide": "divide", "power": "pow", "rint": "round", "bitwise_not": "bitwise_invert"},
    **{"left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift"},
}
"""The primitives that the standard has, and what it calls them."""

_OF_BOOLS = {
    **{"add": "logical_or", "maximum": "logical_or", "max": "any"},
    **{"multiply": "logical_and", "minimum": "logical_and", "min": "all"},
}
"""What computes the same of truth values, which the standard's arithmetic refuses."""

_AS_NUMBERS = frozenset(
    {"less", "less_equal", "greater", "greater_equal", "argmax", "argmin", "argsort", "matmul"}
)
"""What is computed of 0 and 1 in their place."""


class ArrayApiBackend(Indexing, Linalg, RandomNumbers, Backend):
    """A backend over a namespace of the array API standard, version 2024.12 or later.

    Args:
        xp: the namespace, such as ``array_api_strict``, ``cupy`` or ``numpy``.

    Example:
        >>> import numpy
        >>> from polynet import ops, plugins
        >>> with plugins.using(ArrayApiBackend(numpy)):
        ...     ops.add([1.0], 2)
        array([3.], dtype=float32)
    """

    capabilities = frozenset({"complex"})

    def __init__(self, xp: Any) -> None:
        self.xp = xp
        some = {name: xp.ones(1, dtype=getattr(xp, name)) for name in _DTYPES if hasattr(xp, name)}
        self.dtypes = {name: array.dtype for name, array in some.items()}
        self.tensor_types = (type(some["float32"]),)
        for name, own in _ALIKE.items():
            if not hasattr(type(self), name):
                setattr(self, name, getattr(xp, own))
        super().__init__()

    def method(self, op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        found = super().method(op, kinds)
        if op == "power":
            found = power_of_integers(found, self, kinds)
        if "bool" not in kinds or found is None:
            return found
        if op in _OF_BOOLS:
            return getattr(self.xp if op in _ALIKE else self, _OF_BOOLS[op])
        return self._numbers(op, found) if op in _AS_NUMBERS else found

    def _numbers(self, op: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function`` on 0 and 1, in a dtype in which their sums have room."""

        def run(*args: Any) -> Any:
            tensor = self.tensor_types
            y = function(*(self.cast(x, "int32") if isinstance(x, tensor) else x for x in args))
            return self.cast(y, "bool") if op == "matmul" else y

        return run

    # -------------------------------------------------------------------------------------- arrays

    def asarray(self, value: Any, dtype: str) -> Any:
        if isinstance(value, self.tensor_types):
            return self.cast(value, dtype)
        native = self.native_dtype(dtype)
        return self.xp.asarray(np.asarray(value, dtype), dtype=native)

    def to_numpy(self, x: Any) -> np.ndarray:
        return np.from_dlpack(x, device="cpu")

    def from_dlpack(self, x: Any) -> Any:
        return self.xp.from_dlpack(x)

    def copy(self, x: Any) -> Any:
        return self.xp.asarray(x, copy=True)

    def stop_gradient(self, variable: Any) -> Any:
        return variable

    def cast(self, x: Any, dtype: str) -> Any:
        native = self.native_dtype(dtype)
        if self._is_complex(x) and not dtype.startswith("complex"):
            if dtype == "bool":
                return self.xp.not_equal(x, self.xp.zeros_like(x))
            x = self.xp.real(x)
        return self.xp.astype(x, native, copy=False)

    def view(self, x: Any, dtype: str | None = None) -> Any:
        # by way of the host: the standard does not read memory as another dtype
        if dtype is None or dtype == self.dtype_of(x):
            return x
        return self.asarray(np.asarray(self.to_numpy(x), order="C").view(dtype), dtype)

    def full(self, shape: tuple[int, ...], fill_value: Any, dtype: str) -> Any:
        kind = {"b": bool, "i": int, "u": int, "f": float, "c": complex}[dtype[0]]
        return self.xp.full(shape, kind(fill_value), dtype=self.native_dtype(dtype))

    def iota(self, length: int, dtype: str) -> Any:
        return self.xp.arange(length, dtype=self.native_dtype(dtype))

    # ----------------------------------------------------------------------------- element by element

    def _is_float(self, x: Any) -> bool:
        return self.xp.isdtype(x.dtype, ("real floating", "complex floating"))

    def _is_complex(self, x: Any) -> bool:
        return self.xp.isdtype(x.dtype, "complex floating")

    def absolute(self, x: Any) -> Any:
        return x if self.dtype_of(x) == "bool" else self.xp.abs(x)

    def floor_divide(self, x1: Any, x2: Any) -> Any:
        return self._divided(self.xp.floor_divide, x1, x2)

    def mod(self, x1: Any, x2: Any) -> Any:
        return self._divided(self.xp.remainder, x1, x2)

    def _divided(self, function: Callable[..., Any], x1: Any, x2: Any) -> Any:
        """What an integer divided by 0 gives is left open by the standard; polynet gives 0."""
        if self._is_float(x1):
            return function(x1, x2)
        zero = self.xp.equal(x2, self.xp.zeros_like(x2))
        y = function(x1, self.xp.where(zero, self.xp.ones_like(x2), x2))
        return self.xp.where(zero, self.xp.zeros_like(y), y)

    def conj(self, x: Any) -> Any:
        return self.xp.conj(x) if self._is_complex(x) else x

    def real(self, x: Any) -> Any:
        return self.xp.real(x) if self._is_complex(x) else x

    def imag(self, x: Any) -> Any:
        return self.xp.imag(x) if self._is_complex(x) else self.xp.zeros_like(x)

    def complex_from(self, x1: Any, x2: Any) -> Any:
        # infinity times 1j has a NaN in its real part; added as a constant it has none
        xp, zero = self.xp, self.xp.zeros_like(x2)
        y = x1 + xp.where(xp.isfinite(x2), x2, zero) * 1j
        for value in (float("inf"), float("-inf")):
            y = y + xp.where(xp.real(x2) == value, xp.full_like(x2, complex(0, value)), zero)
        return y + xp.where(xp.isnan(x2), xp.full_like(x2, complex(0, float("nan"))), zero)

    def isnan(self, x: Any) -> Any:
        return self.xp.isnan(x) if self._is_float(x) else self._everywhere(x, False)

    def isinf(self, x: Any) -> Any:
        return self.xp.isinf(x) if self._is_float(x) else self._everywhere(x, False)

    def isfinite(self, x: Any) -> Any:
        return self.xp.isfinite(x) if self._is_float(x) else self._everywhere(x, True)

    def signbit(self, x: Any) -> Any:
        if self._is_float(x):
            return self.xp.signbit(x)
        return (
            self.xp.less(x, self.xp.zeros_like(x))
            if self._is_signed(x)
            else self._everywhere(x, False)
        )

    def _is_signed(self, x: Any) -> bool:
        return self.xp.isdtype(x.dtype, "signed integer")

    def _everywhere(self, x: Any, value: bool) -> Any:
        return self.xp.full_like(x, value, dtype=self.dtypes["bool"])

    # --------------------------------------------------------------------------------------- shape

    def transpose(self, x: Any, axes: Any = None) -> Any:
        order = tuple(reversed(range(x.ndim))) if axes is None else axes
        return self.xp.permute_dims(x, tuple(axis % x.ndim for axis in order) if order else ())

    def concatenate(self, xs: Any, axis: int = 0) -> Any:
        return self.xp.concat(xs, axis=axis)

    def stack(self, x: Any, axis: int = 0) -> Any:
        return self.xp.stack(x, axis=axis)

    def flip(self, x: Any, axis: Any = None) -> Any:
        return self.xp.flip(x, axis=axis)

    def pad_constant(self, x: Any, pad_width: Any, value: Any) -> Any:
        for axis, around in enumerate(pad_width):
            sides = [
                self.full((*x.shape[:axis], length, *x.shape[axis + 1 :]), value, self.dtype_of(x))
                for length in around
            ]
            x = self.xp.concat([sides[0], x, sides[1]], axis=axis) if any(around) else x
        return x

    # ---------------------------------------------------------------------------------- reductions

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.xp.sum(x, axis=_there(x, axis), dtype=x.dtype, keepdims=keepdims)

    def prod(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.xp.prod(x, axis=_there(x, axis), dtype=x.dtype, keepdims=keepdims)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.xp.max(x, axis=_there(x, axis), keepdims=keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.xp.min(x, axis=_there(x, axis), keepdims=keepdims)

    def any(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.xp.any(x, axis=_there(x, axis), keepdims=keepdims)

    def all(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.xp.all(x, axis=_there(x, axis), keepdims=keepdims)

    def argmax(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.cast(self.xp.argmax(x, axis=_there(x, axis), keepdims=keepdims), "int32")

    def argmin(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.cast(self.xp.argmin(x, axis=_there(x, axis), keepdims=keepdims), "int32")

    def argsort(self, x: Any, axis: int = -1) -> Any:
        return self.cast(self.xp.argsort(x, axis=_there(x, axis), stable=True), "int32")

    def cumsum(self, x: Any, axis: int = 0) -> Any:
        return self.xp.cumulative_sum(x, axis=_there(x, axis), dtype=x.dtype)

    def matmul(self, x1: Any, x2: Any) -> Any:
        return self.xp.matmul(x1, x2)


def _there(x: Any, axis: Any) -> Any:
    """``axis``, unless it names one of a 0-d array, which the standard leaves to the libraries."""
    if axis is not None and axis != () and not x.ndim:
        raise ValueError("a 0-d array has no axis")
    return axis
