"""Tensors from one backend to another, and the device on which new ones live."""

from __future__ import annotations

import contextlib
from typing import Any

from polynet import dtypes, errors, plugins
from polynet.tensor import Traced, plain
from polynet.values import dtype_of


def convert(x: Any, backend: str) -> Any:
    """A tensor of any backend as one of another, sharing memory (DLPack) where both libraries can.

    Args:
        x: a tensor, a ``Variable``, or a number.
        backend: the name of the backend that shall own the result.

    Example:
        >>> import numpy, polynet
        >>> polynet.convert(numpy.ones(2), "numpy")
        array([1., 1.])
    """
    target = plugins.get(backend)
    value = plain(x)
    if isinstance(value, Traced):
        raise TypeError(f"x: expected a tensor with values; got {value!r}.")
    if isinstance(value, target.tensor_types):
        return value
    source = plugins.owner(value)
    if source is None:
        return target.asarray(
            value, dtypes.result_type(type(value)) if _is_number(value) else dtype_of(value)
        )
    dtype = source.dtype_of(value)
    target.native_dtype(dtype)
    if (
        "dlpack" in source.capabilities
        and "dlpack" in target.capabilities
        and not source.is_traced(value)
    ):
        with contextlib.suppress(BufferError, RuntimeError, TypeError, ValueError):
            return target.from_dlpack(value)
    return target.asarray(source.to_numpy(value), dtype)


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | complex)


@contextlib.contextmanager
def device(device_name: str) -> Any:
    """A block in which new tensors live on a device: ``"cpu"``, ``"gpu"``, ``"gpu:1"``.

    Example:
        >>> import polynet
        >>> with polynet.device("cpu:0"):
        ...     x = polynet.ops.ones(2)
    """
    if not isinstance(device_name, str):
        raise TypeError(
            f"device_name: expected a string such as 'gpu:0'; got {type(device_name).__name__}."
        )
    kind, _, number = device_name.lower().partition(":")
    kind = {"cuda": "gpu"}.get(kind, kind)
    wanted = f"{kind}:{number or 0}"
    backend = plugins.current()
    present = backend.devices()
    if wanted not in present:
        raise errors.BackendError(
            f"device_name: {device_name!r} is not here; the backend {backend.name!r} has {', '.join(present)}."
        )
    with backend.device_scope(wanted):
        yield
