"""Which tensors an optimizer may write into: large ones that nobody but their variable holds.

Fresh memory for every new value of every weight costs a step more than the arithmetic.  Writing into the old value
saves it, and nobody can tell, as long as nobody else holds that tensor.  So Python's count of references is asked,
and the backend for what that count does not show.  Where there is doubt the answer is no.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from polynet import plugins
from polynet.autodiff.notes import Wire
from polynet.ops.updates import LARGE
from polynet.variable import Variable, observers


def all_owned(held: Sequence[Sequence[Variable]], values: Sequence[Sequence[Any]]) -> Any:
    """Are the large ones of these lists of values held by their variables alone, apart from the lists?"""
    notes = next((value.notes for value in values[0] if value.__class__ is Wire), None)
    if notes is None:
        return _all_owned(held, _ALONE, *values)
    # in a function of notes each value has a name, too
    return notes.on_host(functools.partial(_all_owned, held, _ALONE + 1), values, writes=True)


def _all_owned(held: Sequence[Sequence[Variable]], alone: int, *values: Sequence[Any]) -> bool:
    pairs = zip(held, values, strict=True)
    return all(_are_owned(each, found, alone) for each, found in pairs if each)


def _are_owned(variables: Iterable[Variable], values: Iterable[Any], alone: int) -> bool:
    if any(not observer.looks_only for observer in observers()):
        return False  # assignments may go elsewhere, or values come from elsewhere
    is_shared = plugins.current().is_shared
    found = False
    for variable, value in zip(variables, values, strict=True):
        if _size(variable.shape) < LARGE:
            continue
        if value is not variable._value or _holders(variable) > alone or is_shared(value):
            return False
        found = True
    return found


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _holders(variable: Any) -> int:
    return sys.getrefcount(variable._value)


class _Held:
    _value: Any


def _alone() -> int:
    """What is counted while ``_are_owned`` asks of a value that nobody else holds."""
    held = _Held()
    held._value = object()
    values = [held._value]
    for variable, value in zip([held], values, strict=True):
        return _holders(variable) if value is not None else 0
    return 0


# without the lock references are counted late
_ALONE = _alone() if getattr(sys, "_is_gil_enabled", lambda: True)() else 0
