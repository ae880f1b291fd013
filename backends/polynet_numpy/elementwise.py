"""NumPy's own element-wise functions and statistics, where they are faster or more exact than the composites.

The primitives about complex numbers, which NumPy spells in another way, are here too; the other primitives are in
``backend.py``, the error function in ``special.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polynet.ops.sorting import check_search
from polynet_numpy import special

_ALIKE = (
    *("cbrt", "exp2", "fmax", "fmin", "fmod", "gcd", "heaviside", "hypot", "lcm", "ldexp"),
    *("log2", "log10", "logaddexp", "logaddexp2", "square"),
)


def _sum(x: Any, axis: Any, keepdims: bool) -> Any:
    """The sum, in float32 at least."""
    return np.add.reduce(x, axis, np.float32 if x.dtype.itemsize == 2 else None, None, keepdims)


class Elementwise:
    """Element-wise ops, reductions and sorting."""

    for _name in _ALIKE:
        locals()[_name] = staticmethod(getattr(np, _name))
    del _name

    erf = staticmethod(special.erf)
    erfc = staticmethod(special.erfc)
    erfinv = staticmethod(special.erfinv)

    def i0(self, x: Any) -> Any:
        return np.i0(np.asarray(x, "float64")).astype(x.dtype)

    def clip(self, x: Any, x_min: Any, x_max: Any) -> Any:
        if x_min is None:
            return x if x_max is None else np.minimum(x, x_max)
        y = np.maximum(x, x_min)
        if x_max is None:
            return y
        return (
            np.minimum(y, x_max, out=y) if y.ndim and not np.ndim(x_max) else np.minimum(y, x_max)
        )

    # -------------------------------------------------------------------------------------- complex

    def conj(self, x: Any) -> Any:
        return np.conj(x) if x.dtype.kind == "c" else x

    def real(self, x: Any) -> Any:
        return x.real

    def imag(self, x: Any) -> Any:
        return x.imag

    def complex_from(self, x1: Any, x2: Any) -> Any:
        y = np.empty(np.broadcast_shapes(x1.shape, x2.shape), x1.dtype)
        y.real = x1.real
        y.imag = x2.real
        return y

    # ----------------------------------------------------------------------------------- reductions

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        total = _sum(x, axis, keepdims)
        number = x.size // total.size if total.size else 1
        if not number:
            return np.full_like(total, np.nan, x.dtype)
        return (total / number).astype(x.dtype, copy=False)

    def var(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        wide = x.astype("float32") if x.dtype.itemsize == 2 else x
        centered = np.asarray(wide - self.mean(wide, axis, True))
        if x.dtype.kind == "c":
            centered = np.abs(centered)
        np.multiply(centered, centered, centered)
        y = self.mean(centered, axis, keepdims)
        return y if wide is x else y.astype(x.dtype)

    def std(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        wide = x.astype("float32") if x.dtype.itemsize == 2 else x
        y = np.sqrt(self.var(wide, axis, keepdims))
        return y if wide is x else y.astype(x.dtype)

    def cumprod(self, x: Any, axis: Any = None, dtype: str | None = None) -> Any:
        return np.cumprod(x, axis, dtype or x.dtype)

    # -------------------------------------------------------------------------------------- sorting

    def sort(self, x: Any, axis: Any = -1) -> Any:
        return np.sort(x, axis)

    def searchsorted(self, sorted_sequence: Any, values: Any, side: str = "left") -> Any:
        check_search(sorted_sequence.shape, side)
        return np.asarray(np.searchsorted(sorted_sequence, values, side)).astype("int32")

    def isin(self, x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
        return np.isin(x1, x2, assume_unique, invert)
