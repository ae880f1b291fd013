"""bfloat16 on NumPy, whose arrays of it know few functions: ops are computed in float32, and the result cast back.

Used by ``NumpyBackend.method``, so that other dtypes pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polynet.op import OPS, Op

_AS_THEY_ARE = frozenset(
    {
        *(
            "broadcast_to",
            "cast",
            "concatenate",
            "copy",
            "flip",
            "full",
            "index",
            "iota",
            "nextafter",
            "reshape",
        ),
        *("nan_to_num", "stack", "stop_gradient", "transpose", "view"),
    }
)
"""Ops that move elements, or whose result depends on which numbers there are."""


def in_float32(
    op: str, function: Callable[..., Any] | None, native: Any
) -> Callable[..., Any] | None:
    """``function``, or the body of ``op``, for arguments some of which are bfloat16 (the dtype ``native``)."""
    if op in _AS_THEY_ARE or op not in OPS:
        return function
    compute = function or OPS[op].function

    def widened(value: Any) -> Any:
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return type(value)(map(widened, value))
        return value.astype("float32") if getattr(value, "dtype", None) == native else value

    def run(*args: Any) -> Any:
        return _narrowed(OPS[op], compute(*map(widened, args)), OPS[op].infer(args), native)

    return run


def _narrowed(op: Op, result: Any, expected: Any, native: Any) -> Any:
    """``result`` with the dtypes that shape inference gives."""
    if isinstance(result, list | tuple):
        parts = [_narrowed(op, *each, native) for each in zip(result, expected, strict=True)]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result.astype(native) if expected.dtype == "bfloat16" else result
