"""Callbacks: what is told of the course of training, and may act on it.

This page is the contents; each name is imported when it is first used.  ``callback.py`` holds the base class and the
list of several; each callback has a file of its own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which do not run __getattr__
    from polynet.callbacks.callback import Callback, CallbackList
    from polynet.callbacks.history import History
    from polynet.callbacks.progbar_logger import ProgbarLogger

_NAMES = {
    "Callback": "callback",
    "CallbackList": "callback",
    "History": "history",
    "ProgbarLogger": "progbar_logger",
}
"""Where each name is defined."""

__all__ = [
    "Callback",
    "CallbackList",
    "History",
    "ProgbarLogger",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f"polynet.callbacks.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'polynet.callbacks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
