"""Columns: one array of data each, of any library, from which rows are taken by the batch.

``column`` finds out what it was given (an array, a native tensor, a table, a sparse matrix, something read from disk)
and refuses what holds no numbers.  How columns are put together to batches and epochs is in ``data.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from polynet import config, errors, ops, plugins, tree, values

AT_ONCE = 1 << 28
"""Arrays up to this many bytes are cast when they are opened, larger ones batch by batch."""

_KINDS = {
    "O": "objects",
    "S": "strings",
    "U": "strings",
    "T": "strings",
    "M": "dates",
    "m": "durations",
    "V": "records",
}


class Column:
    """A NumPy array; the base of the others.  ``length`` is its number of rows."""

    def __init__(self, array: Any, name: str) -> None:
        self.array, self.name = array, name
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.length = self.shape[0]
        self.cast = needs_cast(array)
        if self.cast is not None and array.nbytes <= AT_ONCE:
            self.array, self.cast = array.astype(self.cast), None
        # `take` of an array with gaps would copy the whole of it each time
        self.whole = bool(self.array.flags.c_contiguous)

    def rows(self, begin: int, end: int) -> Any:
        """The rows from ``begin`` to ``end``: a view where nothing has to be cast."""
        part = self.array[begin:end]
        return part if self.cast is None else part.astype(self.cast)

    def take(self, order: np.ndarray) -> Any:
        """The rows with these numbers, a copy."""
        part = self.array.take(order, 0, mode="clip") if self.whole else self.array[order]
        return part if self.cast is None else part.astype(self.cast)

    def part(self, begin: int, end: int) -> Any:
        """The rows from ``begin`` to ``end`` as what a column can be made of again."""
        return self.array[begin:end]


class NativeColumn(Column):
    """A tensor of the active backend."""

    def __init__(self, array: Any, name: str) -> None:
        self.name, self.cast = name, None
        dtype = values.dtype_of(array)
        floatx = config.floatx()
        if "float" in dtype and dtype != floatx:
            array = ops.cast(array, floatx)
        self.array = array
        self.shape = values.shape_of(array)
        self.length = self.shape[0]

    def rows(self, begin: int, end: int) -> Any:
        """The rows from ``begin`` to ``end``."""
        return self.array if begin == 0 and end >= self.length else self.part(begin, end)

    def take(self, order: np.ndarray) -> Any:
        """The rows with these numbers, a copy."""
        return ops.take(self.array, order, axis=0)

    def part(self, begin: int, end: int) -> Any:
        """The rows from ``begin`` to ``end``."""
        return self.array[begin : min(end, self.length), ...]


class SparseColumn(Column):
    """A sparse matrix of SciPy's kind; batches are dense."""

    def __init__(self, array: Any, name: str) -> None:
        self.array, self.name = array.tocsr(), name
        self.shape = tuple(array.shape)
        self.length = self.shape[0]
        self.cast = needs_cast(self.array)

    def rows(self, begin: int, end: int) -> Any:
        """The rows from ``begin`` to ``end``, dense."""
        return settled(self.array[begin:end].toarray())

    def take(self, order: np.ndarray) -> Any:
        """The rows with these numbers, dense."""
        return settled(self.array[order].toarray())


class StoredColumn(Column):
    """What has a shape and a dtype and is read from disk by slicing."""

    def __init__(self, array: Any, name: str) -> None:
        self.array, self.name = array, name
        self.shape = tuple(array.shape)
        self.length = self.shape[0]
        self.cast = None

    def rows(self, begin: int, end: int) -> Any:
        """The rows from ``begin`` to ``end``."""
        return settled(np.asarray(self.array[begin:end]))

    def take(self, order: np.ndarray) -> Any:
        """The rows with these numbers; they are read in ascending order, as such libraries require."""
        ascending, back = np.unique(order, return_inverse=True)
        return settled(np.asarray(self.array[ascending])[back])


def needs_cast(array: Any) -> str | None:
    """``floatx`` for an array of floats of another dtype, else ``None``."""
    floatx = config.floatx()
    return floatx if array.dtype.kind == "f" and array.dtype != floatx else None


def settled(array: np.ndarray) -> np.ndarray:
    """An array whose floats, if it has any, are of dtype ``floatx``."""
    dtype = needs_cast(array)
    return array if dtype is None else array.astype(dtype)


def kind_error(name: str, array: np.ndarray) -> errors.DTypeError:
    """The error about an array that holds no numbers."""
    kind = _KINDS.get(array.dtype.kind, str(array.dtype))
    return errors.DTypeError(
        f"{name}: expected numbers; got an array of {kind}. Encode them as numbers first."
    )


def column(given: Any, name: str) -> Column:
    """The column of one thing that was given.

    Args:
        name: what it is called in errors, such as ``x`` or ``x['image']``.
    """
    found = _column(given, name)
    if not found.shape:
        raise errors.ShapeError(f"{name}: expected one row for each example; got a single number.")
    return found


def _column(given: Any, name: str) -> Column:
    if isinstance(given, np.ndarray):
        return _of_array(given, name)
    if isinstance(given, list | tuple | range):
        return _of_array(np.asarray(values.from_list(list(given), name)), name)
    backend = plugins.owner(given)
    if backend is not None or hasattr(given, "_polynet_value"):
        if hasattr(given, "_polynet_value"):
            given = given._polynet_value()
            backend = plugins.owner(given)
        if backend is not None and backend is not plugins.current():
            given = backend.to_numpy(given)
        if isinstance(given, np.ndarray):
            return _of_array(given, name)
        return NativeColumn(given, name) if values.shape_of(given) else _single(name)
    if hasattr(given, "tocsr") and hasattr(given, "toarray"):
        return SparseColumn(given, name)
    if hasattr(given, "to_numpy"):
        return _of_array(_of_table(given, name), name)
    if hasattr(given, "shape") and hasattr(given, "dtype") and hasattr(given, "__getitem__"):
        if getattr(given.dtype, "kind", "f") in _KINDS:
            raise kind_error(name, given)
        return StoredColumn(given, name) if len(given.shape) else _single(name)
    if hasattr(given, "__array__"):
        return _of_array(np.asarray(given), name)
    got = "None" if given is None else type(given).__name__
    raise errors.DTypeError(f"{name}: expected arrays or numbers; got {got}.")


def _single(name: str) -> Any:
    raise errors.ShapeError(f"{name}: expected one row for each example; got a single number.")


def _of_array(array: np.ndarray, name: str) -> Column:
    if array.dtype.kind in _KINDS:
        raise kind_error(name, array)
    return Column(array, name) if array.ndim else _single(name)


def _of_table(given: Any, name: str) -> np.ndarray:
    """The numbers of a data frame or series; a series becomes a table of one column."""
    array = np.asarray(given.to_numpy())
    if array.dtype.kind in _KINDS and hasattr(given, "columns"):
        wrong = [
            str(label)
            for label, dtype in zip(given.columns, given.dtypes, strict=True)
            if not _is_number_type(dtype)
        ]
        if not wrong:  # numbers with gaps, or of several kinds
            return np.asarray(given.to_numpy(), config.floatx())
        shown = ", ".join(map(repr, wrong[:5])) + (", ..." if len(wrong) > 5 else "")
        raise errors.DTypeError(
            f"{name}: expected columns of numbers; these are not: {shown}. Encode them as numbers or leave them out."
        )
    if array.dtype.kind == "O":
        try:
            array = array.astype(config.floatx())
        except (TypeError, ValueError):
            raise kind_error(name, array) from None
    return array if hasattr(given, "columns") else array.reshape(-1, 1)


def _is_number_type(dtype: Any) -> bool:
    if hasattr(dtype, "is_numeric"):  # polars
        return bool(dtype.is_numeric()) or str(dtype) == "Boolean"
    kind = getattr(dtype, "kind", "O")
    return kind in "biuf"


def is_numbers(given: Any) -> bool:
    """Is it a list or tuple that holds numbers and nothing else, however nested?"""
    if not isinstance(given, list | tuple) or not given or hasattr(given, "_fields"):
        return False
    return all(
        isinstance(entry, (*values.NUMBERS, np.generic)) or is_numbers(entry) for entry in given
    )


def columns(given: Any, name: str) -> Any:
    """A tree of columns: dicts, lists and tuples are kept, except lists that hold only numbers.

    ``None`` as a part stays ``None``.
    """
    if given is None:
        return None
    if given.__class__ is np.ndarray:
        return column(given, name)
    if isinstance(given, range) or is_numbers(given):
        return column(given, name)
    if isinstance(given, list | tuple) and given and _first(given, str):
        raise errors.DTypeError(
            f"{name}: expected numbers; got a {type(given).__name__} of strings. Encode them as numbers first."
        )
    if tree.is_nested(given):
        keys = given.keys() if isinstance(given, dict) else range(len(given))
        parts = {key: columns(given[key], f"{name}[{key!r}]") for key in keys}
        if isinstance(given, dict):
            return parts
        return tuple(parts.values()) if isinstance(given, tuple) else list(parts.values())
    return column(given, name)


def _first(given: Any, kind: type) -> bool:
    while isinstance(given, list | tuple) and given:
        given = given[0]
    return isinstance(given, kind)


def leaf(given: Any) -> Any:
    """One array of a batch that somebody else made, as NumPy's or the active backend's."""
    if isinstance(given, np.ndarray):
        return settled(given)
    active = plugins.current()
    if isinstance(given, active.tensor_types):
        return given
    if isinstance(given, list | tuple | range):
        return np.asarray(values.from_list(list(given), "x"))
    backend = plugins.owner(given)
    if backend is not None:  # of another library: its dtype may not exist in the active one
        return settled(backend.to_numpy(given))
    if hasattr(given, "to_numpy"):
        return settled(np.asarray(given.to_numpy()))
    if hasattr(given, "toarray"):
        return settled(given.toarray())
    return settled(np.asarray(given))
