"""``Logs``: what callbacks get, a dict of floats that are fetched from the device only when somebody looks.

Nothing is computed here; where the numbers come from is in ``trainer.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from polynet import plugins

__all__ = ["Logs", "as_float"]


_UNREAD = "(not read yet)"


def as_float(value: Any) -> Any:
    """A number, or a tensor of one number, as a Python float; anything else as plain data."""
    if isinstance(value, float):
        return value
    if isinstance(value, int | np.number | np.bool_):
        return float(value)
    if isinstance(value, dict):
        return {key: as_float(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_float(entry) for entry in value)
    if value is None or isinstance(value, str):
        return value
    inner = value._polynet_value() if hasattr(value, "_polynet_value") else value
    backend = plugins.owner(inner)
    array = np.asarray(inner) if backend is None else backend.to_numpy(inner)
    return float(array) if array.size == 1 else array.tolist()


class Logs(dict[str, Any]):
    """A dict whose numbers are read when one of them is first asked for.

    Args:
        read: gives the values, tensors or numbers, by name.

    Example:
        >>> import numpy
        >>> logs = Logs(lambda: {"loss": numpy.float32(0.5)})
        >>> logs["loss"], dict(logs)
        (0.5, {'loss': 0.5})
    """

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[], Mapping[str, Any]] | Mapping[str, Any] = {}) -> None:  # noqa: B006
        # json asks a dict for its length without asking the class, and shows an empty one as {}
        super().__init__({_UNREAD: None})
        self._read: Callable[[], Mapping[str, Any]] | None = (
            read if callable(read) else lambda: read
        )

    def _resolve(self) -> None:
        read = self._read
        if read is not None:
            values = read()
            self._read = None
            later = dict(dict.items(self))  # what was set before anybody looked
            del later[_UNREAD]
            dict.clear(self)
            dict.update(self, {name: as_float(value) for name, value in values.items()})
            dict.update(self, later)

    def __getitem__(self, key: str) -> Any:
        self._resolve()
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        self._resolve()
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self._resolve()
        return super().__reversed__()

    def __len__(self) -> int:
        self._resolve()
        return super().__len__()

    def __contains__(self, key: object) -> bool:
        self._resolve()
        return super().__contains__(key)

    def __delitem__(self, key: str) -> None:
        self._resolve()
        super().__delitem__(key)

    def __eq__(self, other: object) -> bool:
        self._resolve()
        if isinstance(other, Logs):
            other._resolve()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return {**self, **other}

    def __ror__(self, other: Any) -> Any:
        return {**other, **self}

    def __repr__(self) -> str:
        self._resolve()
        return super().__repr__()

    def __reduce__(self) -> Any:
        return dict, (dict(self),)

    def __copy__(self) -> dict[str, Any]:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> dict[str, Any]:
        return self.copy()

    def copy(self) -> dict[str, Any]:
        """The values as a plain dict."""
        self._resolve()
        return dict(super().items())

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a name, else ``default``."""
        self._resolve()
        return super().get(key, default)

    def keys(self) -> Any:
        """The names."""
        self._resolve()
        return super().keys()

    def values(self) -> Any:
        """The numbers."""
        self._resolve()
        return super().values()

    def items(self) -> Any:
        """Names and numbers."""
        self._resolve()
        return super().items()

    def pop(self, *args: Any) -> Any:
        """Remove a name; its number."""
        self._resolve()
        return super().pop(*args)

    def popitem(self) -> tuple[str, Any]:
        """Remove the last name."""
        self._resolve()
        return super().popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a name, which is set if it is missing."""
        self._resolve()
        return super().setdefault(key, default)

    def clear(self) -> None:
        """Remove everything."""
        self._resolve()
        super().clear()
