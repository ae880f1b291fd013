"""NumPy as a polynet backend: one class in sections.

No dtype is decided here: what arrives has the dtype that the core settled on, and goes back in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.ops.primitives import HOLE, fill_key, power_of_integers
from polynet_numpy.activations import Activations
from polynet_numpy.attention import Attention
from polynet_numpy.conv import Convolutions
from polynet_numpy.elementwise import Elementwise
from polynet_numpy.halves import in_float32
from polynet_numpy.linalg import Linalg
from polynet_numpy.neural import Neural, combined_at
from polynet_numpy.random_numbers import RandomNumbers
from polynet_numpy.recurrent import Recurrent
from polynet_numpy.rows import product_sum
from polynet_numpy.updates import Updates

try:
    from ml_dtypes import bfloat16
except ImportError:
    bfloat16 = None

_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
_ALIKE = (
    *(
        "exp",
        "expm1",
        "log",
        "log1p",
        "sqrt",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
    ),
    *(
        "tanh",
        "arcsinh",
        "arccosh",
        "arctanh",
        "arctan2",
        "nextafter",
        "true_divide",
        "add",
        "multiply",
    ),
    *(
        "floor_divide",
        "mod",
        "power",
        "maximum",
        "minimum",
        "negative",
        "absolute",
        "sign",
        "floor",
        "ceil",
        "rint",
    ),
    *(
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
    ),
    *(
        "logical_xor",
        "logical_not",
        "isnan",
        "isfinite",
        "isinf",
        "signbit",
        "bitwise_and",
        "bitwise_or",
    ),
    *("bitwise_xor", "bitwise_not", "left_shift", "right_shift", "where", "flip"),
)
_SCALARS = (
    *(
        "add",
        "subtract",
        "multiply",
        "true_divide",
        "power",
        "maximum",
        "minimum",
        "floor_divide",
        "mod",
    ),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "where"),
)


class NumpyBackend(
    Activations,
    Attention,
    Convolutions,
    Elementwise,
    Linalg,
    Neural,
    RandomNumbers,
    Recurrent,
    Updates,
    Backend,
):
    """NumPy: the primitives are mostly its own functions."""

    tensor_types = (np.ndarray, np.generic)
    dtypes = {name: np.dtype(name) for name in _DTYPES} | (
        {"bfloat16": np.dtype(bfloat16)} if bfloat16 else {}
    )
    capabilities = frozenset({"complex", "dlpack", "native_rng"})
    scalar_ops = frozenset(_SCALARS)

    def __init__(self) -> None:
        super().__init__()
        # The C library keeps freed memory for the next arrays up to twice the largest block that it has seen freed;
        # before it has seen one, training returns its arrays to the system at each step and spends half of its time
        # on getting them back.
        np.empty(1 << 24, "uint8")

    # -------------------------------------------------------------------------------------- arrays

    def is_shared(self, x: Any) -> bool:
        return type(x) is not np.ndarray or x.base is not None or not x.flags.writeable

    def asarray(self, value: Any, dtype: str) -> Any:
        return np.asarray(value, self.native_dtype(dtype))

    def to_numpy(self, x: Any) -> Any:
        return np.asarray(x)

    def explain_dtype(self, dtype: str) -> str:
        if dtype == "bfloat16":
            return "bfloat16 on NumPy needs the package ml_dtypes: pip install 'polynet-dl[ml_dtypes]'."
        return super().explain_dtype(dtype)

    def from_dlpack(self, x: Any) -> Any:
        return np.from_dlpack(x)

    def method(self, op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        function = super().method(op, kinds)
        if op == "power":
            function = power_of_integers(function, self, kinds)
        return (
            in_float32(op, function, self.dtypes["bfloat16"]) if "bfloat16" in kinds else function
        )

    # --------------------------------------------------------------------- primitives spelled alike

    for _name in _ALIKE:
        locals()[_name] = staticmethod(getattr(np, _name))
    del _name

    # ------------------------------------------------------------------- primitives that need a word

    subtract = staticmethod(np.subtract)  # of bools the core has made an error already

    @staticmethod
    def reshape(x: Any, newshape: tuple[int, ...]) -> Any:
        return x.reshape(newshape)

    @staticmethod
    def transpose(x: Any, axes: Any = None) -> Any:
        return x.transpose(axes)

    @staticmethod
    def broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
        if math.prod(shape) > 4096:
            return np.broadcast_to(x, shape)
        result = np.empty(shape, x.dtype)  # filling a small array is faster than making a view
        result[...] = x
        return result

    def copy(self, x: Any) -> Any:
        return np.array(x)

    def cast(self, x: Any, dtype: str) -> Any:
        native = self.native_dtype(dtype)
        if x.dtype.kind == "c" and native.kind not in "cb":
            x = x.real
        return x.astype(native)

    def stop_gradient(self, variable: Any) -> Any:
        return variable

    def full(self, shape: tuple[int, ...], fill_value: Any, dtype: str) -> Any:
        return np.full(shape, fill_value, self.native_dtype(dtype))

    def iota(self, length: int, dtype: str) -> Any:
        return np.arange(length, dtype=self.native_dtype(dtype))

    def concatenate(self, xs: Any, axis: int = 0) -> Any:
        return np.concatenate(xs, axis)

    def stack(self, x: Any, axis: int = 0) -> Any:
        return np.stack(x, axis)

    def pad_constant(self, x: Any, pad_width: Any, value: Any) -> Any:
        shape = [
            before + length + after
            for (before, after), length in zip(pad_width, x.shape, strict=True)
        ]
        result = np.full(shape, value, x.dtype)
        result[
            tuple(
                slice(before, before + n) for (before, _), n in zip(pad_width, x.shape, strict=True)
            )
        ] = x
        return result

    def index(self, x: Any, indices: Any, key: Any) -> Any:
        return x[fill_key(key, indices)]

    def index_update(
        self, x: Any, indices: Any, updates: Any, key: Any, reduction: str | None
    ) -> Any:
        y = np.array(x, order="C")
        if reduction is not None and indices:
            if combined_at(_REDUCTIONS[reduction], y, indices, updates, key, HOLE):
                return y
        key = fill_key(key, indices)
        if reduction is None:
            y[key] = updates
        elif not indices:
            ufunc = _REDUCTIONS[reduction]
            y[key] = ufunc(y[key], updates)
        else:
            _REDUCTIONS[reduction].at(y, key, updates)
        return y

    def nonzero(self, x: Any) -> Any:
        return tuple(part.astype("int32") for part in np.nonzero(x))

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is not None:
            y = product_sum(x, axis, keepdims)
            if y is not None:
                return y
        return np.add.reduce(x, _checked(x, axis), x.dtype, None, keepdims)

    def prod(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.multiply.reduce(x, _checked(x, axis), x.dtype, None, keepdims)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.maximum.reduce(x, _checked(x, axis), None, None, keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.minimum.reduce(x, _checked(x, axis), None, None, keepdims)

    def any(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.logical_or.reduce(x, _checked(x, axis), None, None, keepdims)

    def all(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.logical_and.reduce(x, _checked(x, axis), None, None, keepdims)

    def argmax(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.argmax(x, _checked(x, axis), keepdims=keepdims).astype("int32")

    def argmin(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.argmin(x, _checked(x, axis), keepdims=keepdims).astype("int32")

    def argsort(self, x: Any, axis: int = -1) -> Any:
        return np.argsort(x, _checked(x, axis), kind="stable").astype("int32")

    def cumsum(self, x: Any, axis: int = 0) -> Any:
        return np.cumsum(x, _checked(x, axis), x.dtype)

    def view(self, x: Any, dtype: str | None = None) -> Any:
        return x if dtype is None else np.asarray(x, order="C").view(self.native_dtype(dtype))


def _checked(x: Any, axis: Any) -> Any:
    """``axis``, unless it names one of a tensor that has none, which NumPy lets pass."""
    if axis is not None and not x.ndim and axis != ():
        raise ValueError("a 0-d tensor has no axis")
    return axis


_REDUCTIONS = {"add": np.add, "multiply": np.multiply, "max": np.maximum, "min": np.minimum}
