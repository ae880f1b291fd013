"""``Structure``: what was found by looking through a layer and all layers within, for as long as it holds.

Looking through all layers takes longer than predicting a row.  What is found can only change when something is set on
a layer or a variable, which is counted (``State.changes``), or when a list, dict or set that a layer holds gets other
contents.  What is looked for is decided by those who ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from polynet.plugins import state

R = TypeVar("R")

_CONTAINERS = (list, tuple, dict, set, frozenset)


class Structure:
    """What is known of a layer and those within.

    Args:
        attributes: all attributes of these layers.
        kinds: the types of what is looked for.
    """

    def __init__(self, attributes: Iterable[Any], kinds: tuple[type, ...]) -> None:
        self._kinds = kinds
        self._changes = state.changes
        self._known: dict[str, Any] = {}
        self._contents: list[tuple[Any, tuple[int, ...]]] = []
        seen: set[int] = set()
        for value in attributes:
            if isinstance(value, _CONTAINERS):
                self._note(value, seen)

    def _note(self, container: Any, seen: set[int]) -> bool:
        """Remember the contents of a container, if it may hold what is looked for."""
        if id(container) in seen:
            return False
        seen.add(id(container))
        entries = [*container.values()] if isinstance(container, dict) else [*container]
        matters = not entries
        for entry in entries:
            if isinstance(entry, _CONTAINERS):
                matters |= self._note(entry, seen)
            elif isinstance(entry, self._kinds):
                matters = True
        if matters and not isinstance(container, tuple | frozenset):
            self._contents.append((container, _identities(container)))
        return matters

    def holds(self) -> bool:
        """Is everything still as it was?"""
        return self._changes == state.changes and not [
            container for container, known in self._contents if _identities(container) != known
        ]

    def find(self, what: str, look: Callable[[], R]) -> R:
        """What ``look`` returned when it was first called under this name."""
        if what not in self._known:
            self._known[what] = look()
        found: R = self._known[what]
        return found


def _identities(container: Any) -> tuple[int, ...]:
    return tuple(map(id, container.values() if isinstance(container, dict) else container))
