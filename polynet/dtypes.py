"""Names of dtypes, what kind each is, and the one promotion table that all backends share.

Inside polynet a dtype is a plain string such as ``"float32"``; a backend turns it into its
library's own object and decides no dtype itself.  Nothing here touches a tensor.

Promotion is that of Keras 3: Python scalars are weak, an int with a float gives the float, signed
with unsigned gives the signed type that holds both (``floatx`` where none does).  Three things
differ on purpose:

- Keras turns a 64-bit result into its 32-bit form on all backends but one.  Here float64, int64,
  uint64 and complex128 stay what they are, because narrowing silently loses digits.
- A weak int alone is int32 and a weak float alone is ``floatx``.  Keras gives both the number of
  bits of ``floatx``: its int is int16 under ``"float16"`` and its float is float16 under
  ``"bfloat16"``.
- A Python complex is weak; to Keras it is complex64.  The two differ only where no float or complex
  tensor takes part and ``floatx`` is float64: then it is complex128.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from polynet import config, errors

__all__ = [
    "ALL",
    "complex_of",
    "default_int",
    "is_bool",
    "is_complex",
    "is_float",
    "is_int",
    "itemsize",
    "real_of",
    "result_type",
    "standardize",
    "sum_dtype",
    "to_float",
    "weak",
]

Weak = type[bool] | type[int] | type[float] | type[complex]
"""The kind of a Python scalar, which yields to any tensor's dtype of the same or a higher kind."""

BOOLS = frozenset({"bool"})
INTS = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})
FLOATS = frozenset({"bfloat16", "float16", "float32", "float64"})
COMPLEXES = frozenset({"complex64", "complex128"})
INEXACT = FLOATS | COMPLEXES

# Each dtype and weak kind, with those directly above it.  A result is the least common upper bound.
_ABOVE: dict[Any, tuple[Any, ...]] = {
    "bool": (int,),
    int: ("int8", "uint8"),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": (float,),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": (float,),
    float: ("bfloat16", "float16", complex),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    complex: ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}

ALL: tuple[str, ...] = tuple(name for name in _ABOVE if isinstance(name, str))
"""Every dtype name that polynet knows."""

_WEAK_KINDS: dict[Any, Any] = {bool: "bool", int: int, float: float, complex: complex}


def is_bool(dtype: str) -> bool:
    """Is this the name of the boolean dtype?

    Example:
        >>> is_bool("bool")
        True
    """
    return dtype in BOOLS


def is_int(dtype: str) -> bool:
    """Is this the name of an integer dtype, signed or not?  bool is none.

    Example:
        >>> is_int("uint8"), is_int("bool")
        (True, False)
    """
    return dtype in INTS


def is_float(dtype: str) -> bool:
    """Is this the name of a real floating dtype?

    Example:
        >>> is_float("bfloat16"), is_float("complex64")
        (True, False)
    """
    return dtype in FLOATS


def is_complex(dtype: str) -> bool:
    """Is this the name of a complex dtype?

    Example:
        >>> is_complex("complex64")
        True
    """
    return dtype in COMPLEXES


# ------------------------------------------------------------------------------------------- names

# What needs no thought.  float, complex and None follow floatx and are left to ``_standardize``.  What is no string
# stands beside its class, so that dtypes of different libraries, which may not be compared, never are.
_NAMES: dict[Any, str] = {
    **{name: name for name in ALL},
    "int": "int32",
    (type, bool): "bool",
    (type, int): "int32",
}


def remember(native: Any, name: str) -> None:
    """Let ``standardize`` know a library's own dtype, of a backend that is in use.

    Example:
        >>> class Tiny:
        ...     pass
        >>> tiny = Tiny()
        >>> remember(tiny, "float16")
        >>> standardize(tiny)
        'float16'
    """
    _NAMES[native.__class__, native] = name


def standardize(dtype: Any = None) -> str:
    """The name of a dtype given in any of the usual ways.

    Args:
        dtype: A name, a Python type (``int`` is int32, ``float`` is ``floatx``), a dtype or scalar
            type of NumPy or of a backend's library, or None for ``floatx``.

    Example:
        >>> import numpy as np
        >>> standardize(np.dtype("int64")), standardize(float), standardize(np.float16)
        ('int64', 'float32', 'float16')
    """
    try:
        name = _NAMES.get(dtype if dtype.__class__ is str else (dtype.__class__, dtype))
    except TypeError:  # unhashable: no dtype, or one that the slow way may know
        name = None
    return name if name is not None else _standardize(dtype)


def _standardize(dtype: Any) -> str:
    if dtype is None or dtype is float:
        return config.floatx()
    if dtype is complex:
        return complex_of(config.floatx())
    fixed = True  # may the answer be remembered for this very object?
    if isinstance(dtype, str):
        name = dtype.rpartition(".")[2]
    elif isinstance(dtype, np.dtype):
        name = dtype.name
    elif isinstance(dtype, type):
        name = np.dtype(dtype).name if issubclass(dtype, np.generic) else dtype.__name__
    elif isinstance(getattr(dtype, "name", None), str):
        name, fixed = dtype.name, False
    elif type(dtype).__name__ == "dtype":
        name = str(dtype).rpartition(".")[2]
    else:
        name = ""
    if name not in _ABOVE:
        raise errors.DTypeError(_unknown(dtype, name))
    if fixed and len(_NAMES) < 1000:
        _NAMES[dtype if isinstance(dtype, str) else (dtype.__class__, dtype)] = name
    return name


def _unknown(dtype: Any, name: str) -> str:
    if isinstance(dtype, str):
        shown = repr(dtype if len(dtype) < 60 else dtype[:60] + "...")
    elif isinstance(dtype, type):
        shown = dtype.__qualname__
    elif name:
        shown = f"{name!r} (a {type(dtype).__qualname__})"
    else:
        shown = f"of type {type(dtype).__qualname__}"
    return (
        f"Unknown dtype {shown}.{errors.closest(name, ALL)} Expected one of {', '.join(ALL)}, "
        f"or a Python or NumPy type that has one of these names."
    )


# --------------------------------------------------------------------------------------- promotion


def _bounds(node: Any) -> frozenset[Any]:
    """``node`` and everything above it."""
    return frozenset({node}).union(*(_bounds(upper) for upper in _ABOVE[node]))


_UPPER: dict[Any, frozenset[Any]] = {node: _bounds(node) for node in _ABOVE}
_RESULTS: dict[tuple[Any, ...], Any] = {}
_CACHE_ARGUMENTS = (
    4  # longer calls (concatenating many tensors) are worked out from the set of their dtypes
)


def result_type(*dtypes: Any) -> str:
    """The dtype that an op on tensors of these dtypes gives.

    Args:
        *dtypes: Names, or ``bool``, ``int``, ``float``, ``complex`` for a Python scalar, which is
            weak.  None, or no argument at all, means ``floatx``.

    Example:
        >>> result_type("int32", "float16"), result_type("float16", float)
        ('float16', 'float16')
        >>> result_type("uint8", "int8"), result_type("int32", float)
        ('int16', 'float32')
    """
    try:
        found = _RESULTS[dtypes]
    except (KeyError, TypeError):
        found = _result(dtypes)
    if found is float:
        return config.floatx()
    if found is complex:
        return complex_of(config.floatx())
    return str(found)


def _result(dtypes: tuple[Any, ...]) -> Any:
    """The name of the result, or ``float`` or ``complex`` where it follows floatx."""
    nodes = {_node(dtype) for dtype in dtypes}
    if not nodes:
        return float
    if None in nodes:  # floatx counts as a real dtype here, so that the answer depends on it
        return _least((nodes - {None}) | {config.floatx()})
    found = _least(nodes)
    if len(dtypes) <= _CACHE_ARGUMENTS and all(type(d) is str or d in _WEAK_KINDS for d in dtypes):
        _RESULTS[dtypes] = found
    return found


def _node(dtype: Any) -> Any:
    if isinstance(dtype, type) and dtype in _WEAK_KINDS:
        return _WEAK_KINDS[dtype]
    return None if dtype is None else standardize(dtype)


def _least(nodes: Iterable[Any]) -> Any:
    common = frozenset.intersection(*(_UPPER[node] for node in nodes))
    # The least of them has all the others above itself, hence most upper bounds.
    least = max(common, key=lambda node: len(_UPPER[node]))
    return "int32" if least is int else least


def weak(value: Any) -> Weak | None:
    """The weak kind of a Python scalar, for ``result_type``; None for anything else.

    A NumPy scalar is an array of no dimensions and not weak.

    Example:
        >>> import numpy as np
        >>> weak(2.0), weak(np.float32(2.0))
        (<class 'float'>, None)
    """
    kind = _WEAK_OF.get(type(value))
    if kind is None and isinstance(value, (int, float, complex)) and not hasattr(value, "dtype"):
        for base in (int, float, complex):  # a subclass, such as a member of an IntEnum
            if isinstance(value, base):
                return base
    return kind


_WEAK_OF: dict[type, Weak] = {bool: bool, int: int, float: float, complex: complex}


# ----------------------------------------------------------------------------------------- derived


def to_float(dtype: str) -> str:
    """The dtype in which an op that knows only floats, such as ``exp``, works and answers.

    Floats and complex numbers stay what they are; bool and all integers become ``floatx``.

    Example:
        >>> to_float("int64"), to_float("float16")
        ('float32', 'float16')
    """
    return dtype if dtype in INEXACT else config.floatx()


_SUMS = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def sum_dtype(dtype: str) -> str:
    """The dtype in which ``sum`` and ``prod`` accumulate and answer: small integers get 32 bits.

    Example:
        >>> sum_dtype("bool"), sum_dtype("uint8"), sum_dtype("float16")
        ('int32', 'uint32', 'float16')
    """
    return _SUMS.get(dtype, dtype)


def default_int() -> str:
    """The integer dtype of indices, counts and Python ints.

    Example:
        >>> default_int()
        'int32'
    """
    return "int32"


_SIZES = {name: 1 if name == "bool" else int(re.sub(r"\D", "", name)) // 8 for name in ALL}


def itemsize(dtype: str) -> int:
    """The bytes that one element takes.

    Example:
        >>> itemsize("float16"), itemsize("complex64"), itemsize("bool")
        (2, 8, 1)
    """
    return _SIZES[dtype]


_REAL = {"complex64": "float32", "complex128": "float64"}
_COMPLEX = {"float64": "complex128", "complex128": "complex128"}


def real_of(dtype: str) -> str:
    """The dtype of the real and imaginary parts; a real dtype is its own.

    Example:
        >>> real_of("complex64"), real_of("float16")
        ('float32', 'float16')
    """
    return _REAL.get(dtype, dtype)


def complex_of(dtype: str) -> str:
    """The complex dtype that holds numbers of a dtype; half precision goes to complex64.

    Example:
        >>> complex_of("float32"), complex_of("float64"), complex_of("bfloat16")
        ('complex64', 'complex128', 'complex64')
    """
    return _COMPLEX.get(to_float(dtype), "complex64")
