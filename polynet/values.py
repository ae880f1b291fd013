"""What stands for a tensor in a call, and what is known of it: its value, its dtype, its shape, its kind.

Ops take native tensors, NumPy arrays, Python numbers, nested lists and every ``Traced``; the questions that all code
asks of them are answered here, once.  How an op is called is in ``op.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from polynet import dtypes, errors, plugins
from polynet.spec import Kind
from polynet.tensor import Traced

if TYPE_CHECKING:
    from polynet.backend import Backend

NUMBERS = (bool, int, float, complex)
"""The types of Python numbers, which are weak beside tensors."""


def as_value(name: str, leaf: Any, backend: Backend, argument: str = "") -> Any:
    """``leaf`` itself when the backend or NumPy owns it or it is a number; else its values, or an error.

    Args:
        name: the op's name.
        argument: the name of the op's parameter, for the text of an error.
    """
    where = f"{name}: {argument}" if argument else name
    if isinstance(leaf, (*backend.tensor_types, *NUMBERS, np.ndarray, np.generic)):
        if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in _NO_NUMBERS:
            raise _no_numbers(leaf, where)
        return leaf
    if isinstance(leaf, list | tuple | range):
        return from_list(leaf, where)
    other = plugins.owner(leaf)
    if other is not None:
        raise errors.BackendMismatchError(
            f"{where}: got a tensor of the backend {other.name!r} while {backend.name!r} is active. "
            f"Convert it with polynet.convert(x, {backend.name!r}), use polynet.namespace(x).{name}, or switch "
            f"with polynet.use_backend({other.name!r})."
        )
    if isinstance(leaf, str | bytes) or not hasattr(leaf, "__array__"):
        raise _no_numbers(leaf, where)
    return np.asarray(leaf)


_NO_NUMBERS = {"O": "objects", "S": "strings", "U": "strings", "M": "dates", "m": "durations"}
"""NumPy's kinds of dtypes that are no numbers, and what an array of them holds."""


def _no_numbers(x: Any, where: str = "") -> errors.DTypeError:
    """The error about something that is no tensor."""
    if isinstance(x, np.ndarray | np.generic):
        text = f"expected numbers; got an array of {_NO_NUMBERS.get(x.dtype.kind, x.dtype.name)}."
    else:
        got = "None" if x is None else type(x).__name__
        text = f"expected a tensor or numbers; got {got}."
    return errors.DTypeError(f"{where}: {text}" if where else text)


def from_list(values: Any, name: str) -> Any:
    """A (nested) list of numbers or tensors as one array; Python numbers take their default dtypes."""
    flat = list(_flat(values))
    if any(
        isinstance(value, Traced) or plugins.owner(value) is not None
        for value in flat
        if not isinstance(value, (*NUMBERS, np.ndarray, np.generic))
    ):
        parts = [
            from_list(value, name) if isinstance(value, list | tuple) else value for value in values
        ]
        from polynet.op import OPS

        return OPS["stack"].call(parts)
    try:
        array = np.asarray(values)
    except ValueError:
        raise errors.ShapeError(
            f"{name}: expected a list whose rows have equal lengths; got a ragged one. Pad it to one length."
        ) from None
    if array.dtype.kind in _NO_NUMBERS:
        raise errors.DTypeError(
            f"{name}: expected numbers; got a list of {_NO_NUMBERS[array.dtype.kind]}."
        )
    if array.dtype == np.float64 or array.dtype == np.int64 or array.dtype == np.complex128:
        if not any(isinstance(value, np.ndarray | np.generic) for value in flat):
            kind = {"f": float, "i": int, "c": complex}[array.dtype.kind]
            return _narrow(array, dtypes.result_type(kind))
    return array


def _narrow(array: np.ndarray, dtype: str) -> np.ndarray:
    """Python integers beyond int32 stay int64 instead of wrapping around."""
    if dtype == "int32" and array.size and (array.max() > 2**31 - 1 or array.min() < -(2**31)):
        return array
    return array.astype(dtype)


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value


def expect_tensor(x: Any, where: str) -> None:
    """Raise if ``x`` is nothing that an op takes for a tensor.

    Args:
        where: the names of the op and its parameter, which the text begins with.
    """
    if isinstance(x, list | tuple | range):
        from_list(x, where)
    elif isinstance(x, np.ndarray | np.generic):
        if x.dtype.kind in _NO_NUMBERS:
            raise _no_numbers(x, where)
    elif not (isinstance(x, NUMBERS) or (hasattr(x, "shape") and hasattr(x, "dtype"))):
        raise _no_numbers(x, where)


def kind_in(leaf: Any, backend: Backend) -> Kind:
    """``kind_of`` a value as an argument of a backend's op."""
    if isinstance(leaf, backend.tensor_types):
        return backend.dtype_of(leaf)
    kind = kind_of(leaf)
    return backend.host_dtype(kind) if isinstance(kind, str) else kind


def kind_of(leaf: Any) -> Kind:
    """The dtype name of a value, or the Python type of a weak number."""
    for number in NUMBERS:
        if type(leaf) is number:
            return number
    return dtype_of(leaf)


_dtype_names: dict[tuple[type, Any], str] = {}
"""The name of every native dtype that was met, by its class and itself: those of two libraries are never compared."""


def dtype_of(x: Any) -> str:
    """The dtype name of a tensor of any kind, or of a number or list."""
    try:
        dtype = x.dtype
        return _dtype_names[dtype.__class__, dtype]
    except (AttributeError, KeyError, TypeError):
        name = _find_dtype(x)
        if hasattr(x, "dtype"):
            _dtype_names[x.dtype.__class__, x.dtype] = name
        return name


def _find_dtype(x: Any) -> str:
    if isinstance(x, NUMBERS) and not isinstance(x, np.generic):
        return dtypes.result_type(next(number for number in NUMBERS if isinstance(x, number)))
    if isinstance(x, list | tuple):
        return dtype_of(from_list(x, "x"))
    backend = None if isinstance(x, Traced | np.ndarray) else plugins.owner(x)
    if backend is not None:
        return backend.dtype_of(x)
    if not hasattr(x, "dtype") or getattr(x.dtype, "kind", "") in _NO_NUMBERS:
        raise _no_numbers(x)
    return dtypes.standardize(x.dtype)


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a tensor of any kind, or of a number or list."""
    if isinstance(x, NUMBERS) and not isinstance(x, np.generic):
        return ()
    if isinstance(x, list | tuple):
        return shape_of(from_list(x, "x"))
    try:
        return tuple(x.shape)
    except AttributeError:
        raise _no_numbers(x) from None
