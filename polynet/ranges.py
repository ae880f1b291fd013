"""Are integers that choose something (labels, indices) in range? Asked where their values are at hand.

Libraries differ in what they do with an index out of range: an error, a clamped index, nothing.  Compiled code can do
no better; so layers and ``fit`` look before, where that does not wait for a device.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polynet import errors, plugins
from polynet.autodiff.notes import Wire, on_host
from polynet.tensor import Traced


def check_range(x: Any, count: int, what: str, allowed: int | None = None) -> None:
    """Raise if an integer of ``x`` is not from 0 to ``count - 1``; does nothing where values are not at hand.

    Args:
        what: what is chosen, for the error.
        allowed: one more number that may occur, such as a class to ignore.
    """
    if x.__class__ is Wire:
        on_host(lambda found: check_range(found[0], count, what, allowed), [x])
        return
    values = _values(x)
    if values is None or values.dtype.kind not in "iu" or not values.size:
        return
    unsigned = _UNSIGNED.get(values.dtype)
    if unsigned is not None and count <= 1 << (8 * values.itemsize - 1):
        if np.maximum.reduce(values.view(unsigned), None) < count:
            return  # negative numbers would be the largest
    elif values.min() >= 0 and values.max() < count:
        return
    if allowed is not None:
        values = values[values != allowed]
        if not values.size or (values.min() >= 0 and values.max() < count):
            return
    raise errors.OutOfRangeError(
        f"{what}: expected integers from 0 to {count - 1}; some of shape {tuple(x.shape)} are outside."
    )


_UNSIGNED = {np.dtype(f"int{bits}"): np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)}


def check_between(x: Any, low: float, high: float, what: str) -> None:
    """Raise if a value of ``x`` is below ``low`` or above ``high``; does nothing where values are not at hand."""
    values = _values(x)
    if values is None or values.dtype.kind not in "iufb" or not values.size:
        return
    if values.min() < low or values.max() > high:
        raise errors.OutOfRangeError(
            f"{what}: expected values from {low} to {high}; some of shape {tuple(x.shape)} are outside."
        )


def _values(x: Any) -> np.ndarray | None:
    """The values on the host, if getting them costs next to nothing."""
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, Traced):
        return None
    backend = plugins.current()
    kinds: Any = backend.tensor_types
    if (
        not isinstance(x, kinds)
        or backend.is_traced(x)
        or not backend.device_of(x).startswith("cpu")
    ):
        return None
    return backend.to_numpy(x)
