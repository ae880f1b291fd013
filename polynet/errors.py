"""The exceptions that polynet raises on purpose, and the hint "Did you mean ...?".

Each class derives from ``PolynetError`` and from the built-in exception that a user of NumPy or
Keras would catch in the same place.  Only exception classes and the making of hints belong here;
texts stay where they are raised, next to the facts that they report.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AxisError",
    "BackendError",
    "BackendMismatchError",
    "ConfigError",
    "DTypeError",
    "FileError",
    "LinAlgError",
    "NonFiniteError",
    "OutOfRangeError",
    "PolynetError",
    "ShapeError",
    "closest",
]


class PolynetError(Exception):
    """Base of every error that polynet raises on purpose.

    Example:
        >>> import polynet
        >>> try:
        ...     polynet.config.set_floatx("float31")
        ... except polynet.errors.PolynetError as error:
        ...     print(type(error).__name__)
        ConfigError
    """

    op: str | None = None
    """The op that the text begins with, when one does."""

    layer: str | None = None
    """The layer that the text begins with, when one does."""


class BackendError(PolynetError, ImportError):
    """A backend is unknown, lacks its library, or could not be loaded.

    Example:
        >>> issubclass(BackendError, ImportError)
        True
    """


class BackendMismatchError(PolynetError, TypeError):
    """An op was given tensors of two backends, or one of a backend that is not active.

    Example:
        >>> issubclass(BackendMismatchError, TypeError)
        True
    """


class ShapeError(PolynetError, ValueError):
    """Shapes do not fit together, or do not fit what an argument needs.

    Example:
        >>> issubclass(ShapeError, ValueError)
        True
    """


class DTypeError(PolynetError, TypeError, ValueError):
    """A dtype is unknown, or an op cannot work with it.

    NumPy raises ``TypeError`` here and Keras ``ValueError``; this is both.

    Example:
        >>> issubclass(DTypeError, TypeError) and issubclass(DTypeError, ValueError)
        True
    """


class LinAlgError(PolynetError, ValueError):
    """A matrix does not have what an op asks of it, such as an inverse or a Cholesky factor.

    Example:
        >>> issubclass(LinAlgError, ValueError)
        True
    """


class NonFiniteError(PolynetError, FloatingPointError):
    """The loss or a gradient became infinite or no number while a model was trained.

    Example:
        >>> issubclass(NonFiniteError, FloatingPointError)
        True
    """


class OutOfRangeError(PolynetError, ValueError, IndexError):
    """A label or an index is beyond what it chooses from.

    Example:
        >>> issubclass(OutOfRangeError, IndexError)
        True
    """


class ConfigError(PolynetError, ValueError):
    """A setting has a value that it cannot have, in a call, the environment, or the config file.

    Example:
        >>> issubclass(ConfigError, ValueError)
        True
    """


class FileError(PolynetError, ValueError):
    """A file is damaged, or is not what it says it is, or does not fit the model.

    Example:
        >>> issubclass(FileError, ValueError)
        True
    """


class AxisError(PolynetError, ValueError, IndexError):
    """An axis lies outside the dimensions of a tensor.

    Example:
        >>> issubclass(AxisError, ValueError) and issubclass(AxisError, IndexError)
        True
    """


def closest(name: object, names: Iterable[str]) -> str:
    """A hint to append to an error: ``" Did you mean 'relu'?"``, or nothing when no name is near.

    Example:
        >>> closest("rellu", ["relu", "gelu", "tanh"])
        " Did you mean 'relu'?"
        >>> closest("cosine", ["relu", "gelu", "tanh"])
        ''
    """
    from difflib import get_close_matches

    if not isinstance(name, str):
        return ""
    by_lower = {known.lower(): known for known in names}
    found = get_close_matches(name.strip().lower(), by_lower, n=1)
    return f" Did you mean {by_lower[found[0]]!r}?" if found else ""
