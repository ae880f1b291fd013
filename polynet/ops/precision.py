"""Half precision for ops whose libraries do not know it: compute in float32 and cast back.

For bodies of ops only; no op is defined here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from polynet import tree
from polynet.ops.primitives import cast
from polynet.tensor import Tensor
from polynet.values import dtype_of

HALVES = ("float16", "bfloat16")
"""The dtypes of half precision."""


def wide_dtype(dtype: str) -> str:
    """The dtype to compute in: half precision is too short for sums and logarithms."""
    return "float32" if dtype in HALVES else dtype


def in_dtype(x: Tensor, dtype: str) -> Tensor:
    """``x`` in that dtype, itself when it has it already."""
    return x if dtype_of(x) == dtype else cast(x, dtype)


def through_single(function: Callable[..., Any]) -> Callable[..., Any]:
    """A body, or a part of one, that computes in float32 what arrives in half precision.

    The first argument decides, a tensor or a list of them; float32 results are cast back, results
    of other dtypes are left alone.
    """

    @functools.wraps(function)
    def run(x: Any, *args: Any) -> Any:
        first = x[0] if isinstance(x, list | tuple) and x else x
        dtype = dtype_of(first) if hasattr(first, "shape") else None
        if dtype not in HALVES:
            return function(x, *args)
        wide = tree.map_structure(lambda leaf: _cast(leaf, HALVES, "float32"), (x, *args))
        return tree.map_structure(lambda leaf: _cast(leaf, ("float32",), dtype), function(*wide))

    return run


def _cast(x: Any, some: tuple[str, ...], dtype: str) -> Any:
    """``x`` in another dtype when it is a tensor of one of some dtypes, else as it is."""
    return cast(x, dtype) if hasattr(x, "shape") and dtype_of(x) in some else x
