"""Element-wise ops, reductions and sorting on JAX: the composites' own bodies, each compiled as a whole.

Called outside of ``jax.jit`` a body would start one compiled program for each primitive in it.  Where JAX has a
function that is faster, and whose gradient is the composite's, that one is taken.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import polynet.ops  # noqa: F401  (so that every op is declared)
from polynet.op import OPS
from polynet.ops.sorting import TopK, check_search, check_top_k

_BODIES = (
    *("allclose", "angle", "average", "cbrt", "clip", "corrcoef", "count_nonzero", "deg2rad"),
    *("digitize", "divide_no_nan", "exp2", "fabs", "fmax", "fmin", "fmod", "heaviside", "hypot"),
    *("in_top_k", "isclose", "isin", "isneginf", "isposinf", "isreal", "ldexp", "log2", "log10"),
    *("logaddexp", "logaddexp2", "logsumexp", "mean", "median", "nan_to_num", "nanargmax"),
    *("nanargmin", "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmedian", "nanmin"),
    *("nanpercentile", "nanprod", "nanquantile", "nanstd", "nansum", "nanvar", "percentile"),
    *("polar", "ptp", "quantile", "rad2deg", "reciprocal", "round", "rsqrt", "saturate_cast"),
    *("sinc", "square", "std", "trapezoid", "trunc", "var", "view_as_complex", "view_as_real"),
)


def compiled_body(name: str) -> Any:
    """The body of a composite op, compiled as a whole, for use as a method."""
    op = OPS[name]
    static = tuple(i for i in range(len(op.parameters)) if i not in op.tensors)
    return staticmethod(jax.jit(op.function, static_argnums=static, inline=True))


def _cumprod(x: Any, axis: Any, dtype: Any) -> Any:
    if axis is not None and not x.ndim:
        raise ValueError("a 0-d tensor has no axis")
    return jnp.cumprod(x, axis, dtype or x.dtype)


def _largest(x: Any, k: int) -> tuple[Any, Any]:
    if jnp.issubdtype(x.dtype, np.inexact):
        x = x + 0  # -0.0 is as large as 0.0
    return lax.top_k(x, k)


def _finite_each(tensors: Any) -> Any:
    """A product with zero is NaN for what is not finite; XLA takes long to compile other reductions than sums.

    The barrier keeps XLA from putting all of it into the loop over each weight that is chosen by the result.
    """
    return lax.optimization_barrier(jnp.stack([jnp.sum(x * 0) == 0 for x in tensors]))


class Elementwise:
    """Element-wise ops, reductions and sorting."""

    for _name in _BODIES:
        locals()[_name] = compiled_body(_name)
    del _name

    finite_each = staticmethod(jax.jit(_finite_each, inline=True))
    erfc = staticmethod(jax.jit(jax.scipy.special.erfc, inline=True))
    gcd = staticmethod(jax.jit(jnp.gcd, inline=True))
    lcm = staticmethod(jax.jit(jnp.lcm, inline=True))
    i0 = staticmethod(jax.jit(jnp.i0, inline=True))
    cumprod = staticmethod(jax.jit(_cumprod, static_argnums=(1, 2), inline=True))
    sort = staticmethod(jax.jit(jnp.sort, static_argnums=1, inline=True))
    _top_k = staticmethod(jax.jit(_largest, static_argnums=1, inline=True))
    _top_k_of_bools = compiled_body("top_k")

    def top_k(self, x: Any, k: int, sorted: bool = True) -> Any:
        check_top_k(x.shape, k)
        if x.dtype == np.bool_:
            return self._top_k_of_bools(x, k, sorted)
        return TopK(*self._top_k(x, k))

    def searchsorted(self, sorted_sequence: Any, values: Any, side: str = "left") -> Any:
        check_search(sorted_sequence.shape, side)
        return _searchsorted(sorted_sequence, values, side)


_searchsorted = jax.jit(
    lambda sequence, values, side: jnp.searchsorted(sequence, values, side).astype(np.int32),
    static_argnums=2,
    inline=True,
)
