"""Running a step again as one straight function, on backends that do not compile.

A step of training calls the same functions of the array library in the same order each time.  What costs beside them,
layers, variables, ops, tapes, is the way to find out which.  So the third time that a step meets arguments of some
shapes and dtypes, the calls are noted down (``notes.py``) while it runs; from then on the notes are run.

Three things keep that from ever changing what is computed.  While a step runs that is to be noted down next, it is
watched: a step that runs code which is neither polynet's nor a library's below it is left as it is, for that code may
depend on anything.  A step that asks for the value of a tensor is left as it is.  And what is set on any layer or
optimizer makes the notes void (``State.changes``).
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet import plugins, tree
from polynet.autodiff.jit import Call, TracedArgument, key_of, packer
from polynet.autodiff.notes import Notes, Wire, opened
from polynet.backend import Backend
from polynet.plugins import state
from polynet.tensor import plain
from polynet.variable import Observer, Variable, observers, observing

_MOST = 64
"""Versions of one step that are noted down: more mean that no two batches are alike."""

_LONGEST = 20_000
"""Lines."""

_AGAIN = 16
"""How often notes may become void before they have served; more mean that something changes all the time."""

_WORTH = 16
"""Steps that notes must serve to be worth their making."""

Step = Callable[..., Any]
Program = Callable[[Sequence[Any]], Any]


def replayed(step: Step, watched: bool = True) -> Step:
    """``step``, which becomes one straight function where that is possible.

    Args:
        watched: may it be noted down only if all of its code is known to do the same each time?
    """
    versions: dict[Any, _Version] = {}
    classes: dict[Any, set[type]] = {}

    @functools.wraps(step)
    def call(*args: Any) -> Any:
        backend = plugins.current()
        if (
            (backend.transforms is not None and backend.tape is None)
            or state.hot is not backend.hot
            or (state.observers and observers())
        ):
            return step(*args)
        tensors: list[Any] = []
        known = classes.setdefault(backend, set())
        try:
            key = (backend, *[key_of(arg, tensors, known, backend) for arg in args])
        except TracedArgument:
            return step(*args)
        version = versions.get(key)
        if version is None:
            if len(versions) < _MOST:
                versions[key] = _Version(step, watched)
            return step(*args)
        return version.run(backend, args, tensors)

    return call


class _Version:
    """A step for arguments of certain shapes and dtypes: plain Python at first, then its notes."""

    def __init__(self, step: Step, watched: bool) -> None:
        self._step = step
        self._changes = state.changes
        self._void = self._runs = 0
        self._program: Program | None = None
        self._notes: Any = None
        self._first: Callable[..., Any] = self._watched if watched else self._noted
        self._next = self._first

    def run(self, backend: Backend, args: tuple[Any, ...], tensors: list[Any]) -> Any:
        """The step."""
        if self._changes != state.changes:
            self._changes = state.changes
            self._program = None
            self._void += self._runs < _WORTH
            self._runs = 0
            self._next = self._first if self._void < _AGAIN else self._plainly
        program = self._program
        if program is None:
            return self._next(backend, args, tensors)
        self._runs += 1
        notes = self._notes
        notes.writing = False
        try:
            return program(tensors)
        except Exception:
            if notes.writing:
                raise
            return self._step(*args)  # which says what is wrong

    def _plainly(self, backend: Backend, args: tuple[Any, ...], tensors: list[Any]) -> Any:
        return self._step(*args)

    def _watched(self, backend: Backend, args: tuple[Any, ...], tensors: list[Any]) -> Any:
        """Run the step, and see whose code it runs."""
        if sys.getprofile() is not None:  # somebody else is watching
            return self._step(*args)
        trusted = _trusted(backend)
        foreign = False

        def look(frame: Any, event: str, arg: Any) -> None:
            nonlocal foreign
            if event == "call" and not foreign:
                foreign = _package(frame) not in trusted

        sys.setprofile(look)
        try:
            returned = self._step(*args)
        finally:
            sys.setprofile(None)
        self._next = self._plainly if foreign else self._noted
        return returned

    def _noted(self, backend: Backend, args: tuple[Any, ...], tensors: list[Any]) -> Any:
        """Run the step, and note down what it calls."""
        self._next = self._plainly
        recording = _Recording(Notes(backend))
        try:
            program = recording.take(self._step, args, tensors)
        except Exception:  # nothing has changed yet
            return self._step(*args)
        if state.changes == self._changes:
            self._program, self._notes = program, recording.notes
        for variable, value in recording.assigned.values():
            variable._value = opened(value)
        return recording.result


def _trusted(backend: Backend) -> set[str]:
    """The packages whose code does the same each time."""
    classes = (type(backend), *backend.tensor_types)
    own = {cls.__module__.partition(".")[0] for cls in classes}
    return {"polynet", np.__name__, *own, *sys.stdlib_module_names}


def _package(frame: Any) -> str:
    """The package whose code a frame runs; code that was made at run time says so in the name of its file."""
    name = str(frame.f_globals.get("__name__", ""))
    if name.startswith("namedtuple_"):
        return "collections"
    if not name:
        return "polynet" if frame.f_code.co_filename.startswith("<polynet ") else ""
    return name.partition(".")[0]


class _Recording(Observer):
    """A run of a step whose variables are read as wires; what it assigns is kept aside."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.assigned: dict[int, tuple[Variable, Any]] = {}
        self.result: Any = None
        self._read: dict[int, Wire] = {}

    def read(self, variable: Variable, value: Any) -> Any:
        key = id(variable)
        if key in self.assigned:
            return self.assigned[key][1]
        if key not in self._read:
            text = f"{self.notes.constant(variable)}._value"
            self._read[key] = self.notes.wire(value, text)
        return self._read[key]

    def write(self, variable: Variable, value: Any) -> bool:
        self.assigned[id(variable)] = (variable, plain(value))
        return True

    def take(self, step: Step, args: tuple[Any, ...], tensors: list[Any]) -> Program:
        """Run the step; returns what has been noted."""
        notes = self.notes
        backend = notes.backend
        given = [notes.wire(x, f"tensors[{i}]") for i, x in enumerate(tensors)]
        places, _ = Call(args, {}, frozenset(), backend, tensors).fill(given)
        tape = backend.tape
        recorded = contextlib.nullcontext() if tape is None else tape.recording()
        with observing(self), recorded:
            result = tree.map_structure(plain, step(*places))
        if any(isinstance(leaf, backend.tensor_types) for leaf in tree.flatten(result)):
            notes.give_up("a result that does not depend on anything.")
        found = [leaf for leaf in tree.flatten(result) if leaf.__class__ is Wire]
        self.result = tree.map_structure(opened, result)
        returned = ", ".join([notes.text_of_result(leaf) for leaf in found])
        assigned = [
            f"{notes.constant(variable)}._value = {notes.text_of_result(value)}"
            for variable, value in self.assigned.values()
        ]
        if notes.failed or len(notes.lines) > _LONGEST:
            notes.give_up(notes.failed or "so many calls.")
        lines = [*notes.body({}), *assigned, f"return [{returned}]"]
        run = notes.function("replay", "tensors", lines)
        packed = packer(self.result, len(found))
        if tape is None:
            return lambda tensors: packed(run(tensors))

        def program(tensors: Sequence[Any]) -> Any:
            with tape.recording():
                return packed(run(tensors))

        return program
