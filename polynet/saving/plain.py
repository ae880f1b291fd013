"""Plain data as JSON, with its arrays apart: what callbacks and programs keep in a checkpoint.

Plain are ``None``, truth values, numbers, strings, arrays, and lists, tuples and dicts of these; each comes back as
the type that it was.  Objects of other types are refused: a file names no classes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from polynet import errors, plugins

__all__ = ["from_data", "to_data"]

_LARGEST = 1 << 63


def to_data(value: Any, what: str) -> tuple[Any, dict[str, np.ndarray]]:
    """A value as what JSON can say, and its arrays by name.

    Args:
        what: begins the text of errors.

    Example:
        >>> to_data({"best": (0.5, None)}, "state")
        ({'dict': [['best', {'tuple': [0.5, None]}]]}, {})
    """
    arrays: dict[str, np.ndarray] = {}

    def kept(array: np.ndarray, kind: str) -> dict[str, Any]:
        name = str(len(arrays))
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        arrays[name] = native
        return {kind: [name, native.dtype.name]}

    def encode(value: Any, where: str) -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, int):
            if not -_LARGEST <= value < _LARGEST:
                raise ValueError(f"{where}: expected an integer of at most 64 bits; got more.")
            return int(value)
        if isinstance(value, list):
            return [encode(entry, f"{where}[{i}]") for i, entry in enumerate(value)]
        if isinstance(value, tuple):
            return {"tuple": [encode(entry, f"{where}[{i}]") for i, entry in enumerate(value)]}
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str | int | float | bool | None):
                    raise TypeError(
                        f"{where}: expected keys that are strings or numbers; got a {type(key).__name__}."
                    )
            return {
                "dict": [[encode(k, where), encode(v, f"{where}[{k!r}]")] for k, v in value.items()]
            }
        if isinstance(value, np.generic):
            return kept(np.asarray(value), "scalar")
        if isinstance(value, np.ndarray):
            return kept(value, "array")
        inner = value._polynet_value() if hasattr(value, "_polynet_value") else value
        backend = plugins.owner(inner)
        if backend is None:
            raise TypeError(
                f"{where}: expected numbers, strings, arrays, or lists and dicts of these; got "
                f"{type(value).__name__}."
            )
        return kept(np.asarray(backend.to_numpy(inner)), "array")

    return encode(value, what), arrays


def from_data(data: Any, arrays: dict[str, Any], what: str) -> Any:
    """The value that ``to_data`` made this of.

    Example:
        >>> from_data(*to_data({"best": (0.5, None)}, "state"), "state")
        {'best': (0.5, None)}
    """

    def decode(data: Any) -> Any:
        if data is None or isinstance(data, bool | int | float | str):
            return data
        if isinstance(data, list):
            return [decode(entry) for entry in data]
        if isinstance(data, dict) and len(data) == 1:
            ((kind, entry),) = data.items()
            if kind == "float" and entry in ("nan", "inf", "-inf"):
                return float(entry)
            if kind == "tuple" and isinstance(entry, list):
                return tuple(decode(each) for each in entry)
            if kind == "dict" and isinstance(entry, list) and all(map(_is_pair, entry)):
                return {decode(key): decode(each) for key, each in entry}
            if kind in ("array", "scalar") and isinstance(entry, list) and len(entry) == 2:
                name, dtype = entry
                array = arrays.get(name) if isinstance(name, str) else None
                if array is not None:
                    if dtype == "complex128" and array.dtype == np.float64:
                        array = array.reshape(-1).view(np.complex128).reshape(array.shape[:-1])
                    return array[()] if kind == "scalar" else array
        raise errors.FileError(f"{what}: expected plain data, as polynet writes it.")

    return decode(data)


def _is_pair(entry: Any) -> bool:
    return (
        isinstance(entry, list)
        and len(entry) == 2
        and (entry[0] is None or isinstance(entry[0], bool | int | float | str))
    )
