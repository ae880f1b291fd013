"""The plugin of array-api-strict, which has the standard and nothing else.  Imports nothing heavy.

The standard has no protocol for operands of another library, and this one refuses them.  Python has one: an operator
that does not know the other operand returns ``NotImplemented``, and then the other is asked.
"""

import functools
from collections.abc import Callable
from typing import Any

from polynet.backend import Backend, BackendInfo, implementation


@implementation
def polynet_backend_info() -> BackendInfo:
    """Facts that need no import."""
    return BackendInfo(
        library="array-api-strict",
        distribution="array-api-strict",
        modules=("array_api_strict",),
        install="pip install 'polynet-array-api[strict]'",
    )


@implementation
def polynet_backend() -> Backend:
    """The backend itself."""
    import array_api_strict
    from polynet_array_api.backend import ArrayApiBackend

    kind = type(array_api_strict.asarray(0))
    for name in _OPERATORS:
        setattr(kind, f"__{name}__", _yielding(getattr(kind, f"__{name}__")))
    return ArrayApiBackend(array_api_strict)


_OPERATORS = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"),
    *("and", "or", "xor", "lshift", "rshift", "eq", "ne", "lt", "le", "gt", "ge"),
)


def _yielding(operator: Callable[..., Any]) -> Callable[..., Any]:
    """An operator that leaves variables, watched values and symbols of polynet to their own operators."""
    from polynet.tensor import Traced

    @functools.wraps(operator)
    def operate(self: Any, other: Any) -> Any:
        return NotImplemented if isinstance(other, Traced) else operator(self, other)

    return operate
