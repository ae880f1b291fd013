"""The way back through a recording as one straight function, for recordings that come again and again.

A training step records the same ops on the same shapes each time, and the gradient rules then call the same
functions of the array library.  The second time that a recording is met, the walk over it is run on ``Wire``s, which
note those calls; they become the lines of one Python function, without rules, ops or dispatch, which serves from then
on.  What must not be in here: rules, and the walk itself (``box.py``), which stays the meaning of it all and does
what cannot be noted down: rules that depend on values, closures of users, tapes within tapes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.op import OPS, Op, eager_leaves, settle
from polynet.tensor import Traced
from polynet.values import NUMBERS

CLOSED: Any = None
"""The key of an entry that no program can serve: a rule of its own, made anew in each step."""

OPEN: Any = ("edges",)
"""The key of an entry that was recorded in general form: ``_of_edges`` finds what it depends on."""

_KEPT = 64  # signatures that are remembered; the oldest go first
_MOST = 256  # programs that are compiled; where more are asked for, none is asked for often
_LONGEST = 4000  # entries; beyond, compiling takes longer than it saves
_LARGE = 4096  # elements of a constant that is better made anew than kept
_LARGEST = 1 << 16

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


# ------------------------------------------------------------------------------------------ noting calls


class Wire(Traced):
    """A tensor on the way back while the calls are noted: its value, and its name in the program."""

    __slots__ = ("name", "notes", "value")
    priority = 1 << 62

    def __init__(self, value: Any, notes: _Notes, name: int) -> None:
        self.value = value
        self.notes = notes
        self.name = name

    @property
    def shape(self) -> Any:
        """The shape of the value."""
        return self.value.shape

    @property
    def dtype(self) -> Any:
        """The native dtype of the value."""
        return self.value.dtype

    def _apply(self, op: Op, args: tuple[Any, ...]) -> Any:
        return self.notes.call(op, args)

    def _no_value(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("a gradient rule that depends on values cannot be noted down.")

    __bool__ = __int__ = __float__ = __index__ = __complex__ = __array__ = _no_value
    _polynet_value = _no_value


class _Notes:
    """The calls of one walk: the lines of a program."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.names: dict[str, Any] = {}  # what the program refers to
        self.lines: list[tuple[int, str, tuple[int, ...]]] = []  # name, expression, names it uses
        self._numbers: dict[int, str] = {}
        self._large = 0
        self._wires = 0

    def wire(self, value: Any, expression: str, uses: tuple[int, ...] = ()) -> Wire:
        """The value of an expression."""
        self._wires += 1
        self.lines.append((self._wires, expression, uses))
        return Wire(value, self, self._wires)

    def call(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Read an op: the call of the backend's method, after those that convert its arguments; else the body."""
        backend = self.backend
        leaves = op.leaves(args)
        values = [leaf.value if leaf.__class__ is Wire else leaf for leaf in leaves]
        if any(not isinstance(value, (*backend.tensor_types, *NUMBERS)) for value in values):
            raise TypeError(f"{op.name}: not noted: its arguments.")
        native, conversions = settle(op, op.replace(args, values), backend)
        if native is None:
            if op.primitive:
                raise NotImplementedError(op.name)
            return op.function(*eager_leaves(op, args))
        ready: list[Any] = []
        for leaf, convert in zip(leaves, conversions, strict=True):
            if convert is None:
                ready.append(leaf)
            elif leaf.__class__ is Wire:
                text = f"{self.constant(convert)}(t{leaf.name})"
                ready.append(self.wire(convert(leaf.value), text, (leaf.name,)))
            else:
                ready.append(convert(leaf))
        uses = tuple(leaf.name for leaf in ready if leaf.__class__ is Wire)
        opened = [leaf.value if leaf.__class__ is Wire else leaf for leaf in ready]
        texts = [f"t{leaf.name}" if leaf.__class__ is Wire else self.tensor(leaf) for leaf in ready]
        y = native(*op.replace(args, opened))
        arguments = ", ".join(
            self.argument(value, static)
            for value, static in zip(
                op.replace(args, [_Text(text) for text in texts]), args, strict=True
            )
        )
        whole = self.wire(y, f"{self.constant(native)}({arguments})", uses)
        if not isinstance(y, list | tuple):
            return whole
        parts = [
            self.wire(value, f"t{whole.name}[{i}]", (whole.name,)) for i, value in enumerate(y)
        ]
        return type(y)(*parts) if hasattr(y, "_fields") else type(y)(parts)

    def argument(self, value: Any, static: Any) -> str:
        """The text of one argument of a call."""
        if value.__class__ is _Text:
            return value.text
        if isinstance(value, list) and value and value[0].__class__ is _Text:
            return f"[{', '.join(part.text for part in value)}]"
        return self.constant(static)

    def constant(self, value: Any) -> str:
        """The name of something that is the same in every step."""
        if value is None or value.__class__ in (int, bool, str):
            return repr(value)
        name = self._numbers.setdefault(id(value), f"c{len(self._numbers)}")
        self.names[name] = value
        return name

    def tensor(self, value: Any) -> str:
        """The text of a number, or of a tensor that the rules made from nothing."""
        shape = getattr(value, "shape", ())
        if math.prod(shape) <= _LARGE:
            return self.constant(value)
        numbers = np.asarray(self.backend.to_numpy(value))
        if (numbers == numbers.flat[0]).all() and not np.signbit(numbers.real.astype(float)).any():
            full = self.constant(OPS["full"].native(self.backend))
            number, dtype = numbers.flat[0].item(), self.backend.dtype_of(value)
            return f"{full}({tuple(shape)}, {self.constant(number)}, {dtype!r})"
        self._large += numbers.size
        if self._large > _LARGEST:
            raise TypeError("not noted: large constants.")
        return self.constant(value)


class _Text:
    """The text of an argument in the place of the argument."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _wired(notes: _Notes, value: Any, path: str) -> Any:
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
    notes = _Notes(backend)
    saved: dict[int, range] = {}  # of entries that are taken apart in one line: the names

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
            saved.update(dict.fromkeys(names, names))
        return key[0].edges(key, wires)

    start = [
        (index, g if g.__class__ is tuple else notes.wire(g, f"seeds[{i}]"))
        for i, (index, g) in enumerate(seeds)
    ]
    found = walk(edges, start, wanted)
    outputs = []
    results = set()
    for index, g in found.items():
        if g.__class__ is Wire:
            results.add(g.name)
            outputs.append(f"{index}: t{g.name}")
        else:
            outputs.append(f"{index}: {notes.constant(backend.copy)}({notes.tensor(g)})")
    text = _text(notes.lines, saved, results, "{" + ", ".join(outputs) + "}")
    exec(compile(text, "<polynet way back>", "exec"), notes.names)
    program: Program = notes.names.pop("program")
    return program


def _text(
    lines: Sequence[tuple[int, str, tuple[int, ...]]],
    saved: dict[int, range],
    results: set[int],
    outputs: str,
) -> str:
    """The source of a program: the lines that lead to the results, each new value dropped after its last use."""
    needed = set(results)
    useful = []
    for line in reversed(lines):
        if line[0] in needed:
            needed.update(line[2])
            useful.append(line)
    kept = set(results)
    body: list[str] = []
    for name, expression, uses in useful:  # from the last line to the first
        last = [f"t{use}" for use in dict.fromkeys(uses) if use not in kept and use not in saved]
        kept.update(uses)
        if last and body:
            body.append(f"del {', '.join(last)}")
        if name not in saved:
            body.append(f"t{name} = {expression}")
        elif name == min(other for other in saved[name] if other in needed):
            targets = [f"t{other}" if other in needed else "_" for other in saved[name]]
            body.append(f"{', '.join(targets)}, = {expression}[1]")
    body.reverse()
    return "\n    ".join(["def program(entries, seeds):", *body, f"return {outputs}"]) + "\n"
