"""The way back through a recording as one straight function, for recordings that come again and again.

A training step records the same ops on the same shapes each time, and the gradient rules then call the same
functions of the array library.  The second time that a recording is met, the walk over it is run on wires
(``notes.py``), which note those calls; they become the lines of one Python function, without rules, ops or dispatch,
which serves from then on.  What must not be in here: rules, and the walk itself (``box.py``), which stays the meaning
of it all and does what cannot be noted down: rules that depend on values, closures of users, tapes within tapes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

from polynet.autodiff.notes import Notes
from polynet.backend import Backend
from polynet.tensor import Traced

CLOSED: Any = None
"""The key of an entry that no program can serve: a rule of its own, made anew in each step."""

OPEN: Any = ("edges",)
"""The key of an entry that was recorded in general form: ``_of_edges`` finds what it depends on."""

_KEPT = 64  # signatures that are remembered; the oldest go first
_MOST = 256  # programs that are compiled; where more are asked for, none is asked for often
_LONGEST = 4000  # entries; beyond, compiling takes longer than it saves

Walk = Callable[
    [Callable[[int], Any], Sequence[tuple[int, Any]], Sequence[int]],
    dict[int, Any],
]
Entries = Sequence[tuple[Any, Any]]
Program = Callable[[Entries, Sequence[Any]], dict[int, Any]]


class Programs:
    """The programs of one backend, by what they depend on; kept in its table of plans, and forgotten with it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._several_devices = "devices" in backend.capabilities
        self._known: dict[Any, Program | None] = {}  # None: there can be none, or it is being made
        self._compiled = 0
        self._lock = threading.Lock()

    def find(
        self, walk: Walk, entries: Entries, seeds: Sequence[tuple[int, Any]], wanted: Sequence[int]
    ) -> dict[int, Any] | None:
        """The gradients of the ``wanted`` entries; ``None`` when the walk has to find them."""
        signature = self._signature(entries, seeds, wanted)
        if signature is None:
            return None
        known = self._known
        try:
            program: Program | None = known.get(signature, _NEW)
        except TypeError:  # something without a hash
            return None
        if program is _NEW or program is _SEEN:
            program = self._next(signature, program is _NEW)
            if program is _SEEN:
                try:
                    program = _compiled(self._backend, walk, entries, seeds, wanted)
                except Exception:  # the walk says what is wrong, if anything is
                    return None
                known[signature] = program
        return None if program is None else program(entries, [g for _, g in seeds])

    def _next(self, signature: Any, is_new: bool) -> Program | None:
        """Remember a signature that is new; ``_SEEN``: it is for the caller to make the program now."""
        with self._lock:
            known = self._known
            if is_new:
                if len(known) >= _KEPT:
                    del known[next(iter(known))]
                known[signature] = _SEEN
                return None
            found = known.get(signature)
            if found is _SEEN:
                known[signature] = None
                self._compiled += 1
                if self._compiled > _MOST:
                    return None
            return found

    def _signature(
        self, entries: Entries, seeds: Sequence[tuple[int, Any]], wanted: Sequence[int]
    ) -> Any:
        """All that the calls on the way back depend on, apart from the values of tensors."""
        kinds: Any = self._backend.tensor_types
        start: list[Any] = []
        end = 0
        for index, g in seeds:
            if index >= end:
                end = index + 1
            if g.__class__ is tuple:
                start.append((index, g))
            elif isinstance(g, kinds):
                start.append((index, g.shape, g.dtype))
            else:
                return None
        if end > _LONGEST:
            return None
        keys = [entry[0] for entry in (entries if end == len(entries) else entries[:end])]
        if CLOSED in keys:
            return None
        if OPEN in keys:
            for i, key in enumerate(keys):
                if key is OPEN:
                    found = _of_edges(entries[i][1], kinds)
                    if found is None:
                        return None
                    keys[i] = found
        if self._several_devices:
            kept = next((entry[1][0] for entry in reversed(entries[:end]) if entry[1]), None)
            start.append(self._backend.device_of(kept) if isinstance(kept, kinds) else None)
        return tuple(keys), tuple(wanted), tuple(start)


def _NEW(entries: Entries, seeds: Sequence[Any]) -> dict[int, Any]:
    """Stands for a signature that was never met."""
    return {}


def _SEEN(entries: Entries, seeds: Sequence[Any]) -> dict[int, Any]:
    """Stands for one that was met once."""
    return {}


def _of_edges(edges: Sequence[Any], kinds: Any) -> Any:
    """What the edges of an entry in general form depend on."""
    found = []
    for function, saved, parent, shape, dtype in edges:
        kept = _static(saved, kinds)
        if kept is None:
            return None
        found.append((function, kept, parent, _frozen(shape), _frozen(dtype)))
    return tuple(found)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _static(value: Any, kinds: Any) -> Any:
    """A saved value as part of a signature: a tensor's shape and dtype, anything else as it is."""
    if isinstance(value, kinds):
        return value.shape, value.dtype
    if isinstance(value, Traced):
        return None
    if isinstance(value, list | tuple):
        parts = tuple(_static(part, kinds) for part in value)
        return None if None in parts else (value.__class__, parts)
    if value.__class__ is float:
        return float, value, math.copysign(1.0, value)
    if value.__class__ is slice:
        return slice, value.start, value.stop, value.step
    return value.__class__, value


# ------------------------------------------------------------------------------------------ making one


def _wired(notes: Notes, value: Any, path: str) -> Any:
    """A saved value with wires in the place of its tensors."""
    if isinstance(value, notes.backend.tensor_types):
        return notes.wire(value, path)
    if isinstance(value, list | tuple):
        parts = [_wired(notes, part, f"{path}[{i}]") for i, part in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _compiled(
    backend: Backend,
    walk: Walk,
    entries: Entries,
    seeds: Sequence[tuple[int, Any]],
    wanted: Sequence[int],
) -> Program:
    """Run the walk on wires, and make a function of the calls that led to what is wanted."""
    notes = Notes(backend)
    saved: dict[int, tuple[range, str]] = {}  # of entries that are taken apart in one line

    def edges(index: int) -> Any:
        key, kept = entries[index]
        if not key:
            return ()
        if key is OPEN:
            return [
                (function, _wired(notes, values, f"entries[{index}][1][{i}][1]"), *rest)
                for i, (function, values, *rest) in enumerate(kept)
            ]
        wires = [notes.wire(value, f"entries[{index}]") for value in kept]
        if wires:
            names = range(wires[0].name, wires[-1].name + 1)
            saved.update(dict.fromkeys(names, (names, f"entries[{index}][1]")))
        return key[0].edges(key, wires)

    start = [
        (index, g if g.__class__ is tuple else notes.wire(g, f"seeds[{i}]"))
        for i, (index, g) in enumerate(seeds)
    ]
    found = walk(edges, start, wanted)
    outputs = [f"{index}: {notes.text_of_result(g)}" for index, g in found.items()]
    lines = [*notes.body(saved), f"return {{{', '.join(outputs)}}}"]
    return notes.function("way back", "entries, seeds", lines)
