"""Packing inputs, targets and weights into the tuple that is a batch, and back.

What a batch is for is not known here.
"""

from __future__ import annotations

from typing import Any

__all__ = ["pack_x_y_sample_weight", "unpack_x_y_sample_weight"]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Inputs, targets and weights as one batch.

    Inputs alone stay as they are, unless they are a list or tuple, which is wrapped.

    Example:
        >>> pack_x_y_sample_weight("x", "y"), pack_x_y_sample_weight("x"), pack_x_y_sample_weight(["x1", "x2"])
        (('x', 'y'), 'x', (['x1', 'x2'],))
    """
    if y is None:
        return (x,) if isinstance(x, list | tuple) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of a batch, ``None`` for those that it does not have.

    Example:
        >>> unpack_x_y_sample_weight(("x", "y")), unpack_x_y_sample_weight("x")
        (('x', 'y', None), ('x', None, None))
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"data: expected a batch (x,), (x, y) or (x, y, sample_weight); got a tuple of {len(data)}."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight
