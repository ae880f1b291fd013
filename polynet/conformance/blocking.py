"""Whose fault is a failure?  What a failing check runs through, and which of those ops fail by themselves.

An op that the backend writes (a primitive, or a composite that it overrides) is asked by its own rows; where one does
not pass them, whatever runs through it is blocked by it, and no failure of its own.  Also: which primitives are not
written yet, and which of them to write next.  No check is made here.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from polynet.backend import Backend
from polynet.conformance.suite import Row, Subject
from polynet.conformance.trial import instead
from polynet.op import OPS, Op
from polynet.spec import Spec, abstract

Run = Callable[[Subject, Row, Backend, Sequence[str]], Sequence[Any]]
"""Makes checks of a row: ``engine.outcomes``."""

# ------------------------------------------------------------------------------------ what is written


def written(backend: Backend, op: str) -> bool:
    """Has the backend a method for the op?

    Example:
        >>> from polynet import plugins
        >>> written(plugins.get("numpy"), "exp")
        True
    """
    return getattr(backend, op, None) is not None


def missing(backend: Backend) -> list[str]:
    """The primitives that the backend does not have, what is needed most first.

    Example:
        >>> from polynet import plugins
        >>> missing(plugins.get("numpy"))
        []
    """
    names = [op.name for op in OPS.values() if op.primitive and not written(backend, op.name)]
    if not names:
        return []
    needed = uses()
    return sorted((name for name in names if wanted(backend, name)), key=lambda name: -needed[name])


def wanted(backend: Backend, op: str) -> bool:
    """Is there anything to compute with the op in the dtypes that the backend has?  Not with complex ones, perhaps.

    While no dtype is there yet, everything is wanted.

    Example:
        >>> from polynet import plugins
        >>> wanted(plugins.get("numpy"), "complex_from")
        True
    """
    rows = _rows().get(op, ())
    return (
        not rows
        or not backend.dtypes
        or any(not _ops().trial(row, backend).lacking for row in rows)
    )


@functools.cache
def uses() -> Counter[str]:
    """How many ops run through each primitive, as the bodies of the composites say.

    Example:
        >>> uses()["multiply"] > uses()["arctan"] > 0
        True
    """
    from polynet.conformance.case import rows

    found: Counter[str] = Counter()
    seen: set[str] = set()
    for row in rows():
        if row.error is None and row.op not in seen:
            seen.add(row.op)
            with _inferring() as names, contextlib.suppress(Exception), abstract():
                args, kwargs = row.arguments([Spec(x.shape, x.dtype) for x in row.inputs])
                row.function(*args, **kwargs)
            found.update(names)
    return found


@contextlib.contextmanager
def _inferring() -> Iterator[set[str]]:
    """A block that notes the primitives whose results are inferred."""
    infer = Op.infer
    names: set[str] = set()

    def noting(self: Op, args: tuple[Any, ...]) -> Any:
        if self.primitive:
            names.add(self.name)
        return infer(self, args)

    Op.infer = noting  # type: ignore[method-assign]
    try:
        yield names
    finally:
        Op.infer = infer  # type: ignore[method-assign]


def to_write(op: str) -> str:
    """What a primitive is called and what it does, for whoever writes it.

    Example:
        >>> to_write("exp")
        'exp(x): Exponential, element-wise.'
    """
    first = (OPS[op].function.__doc__ or "").strip().partition("\n")[0]
    return f"{op}({', '.join(OPS[op].parameters)}): {first}"


# ------------------------------------------------------------------------------------ what is at fault


@contextlib.contextmanager
def recording(backend: Backend) -> Iterator[set[str]]:
    """A block that notes what the backend is asked for: the ops that it writes, and the primitives that it lacks."""
    native = backend.method
    names: set[str] = set()

    def method(op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        found = native(op, kinds)
        if found is not None or OPS[op].primitive:
            names.add(op)
        return found

    with instead(backend, method):
        yield names


class Blame:
    """Finds what a failing check is blocked by, and remembers which ops pass their own rows.

    Args:
        backend: the active backend.
        run: makes checks of a row without asking for blame.
    """

    def __init__(self, backend: Backend, run: Run) -> None:
        self.backend = backend
        self.missing = set(missing(backend))
        self._run = run
        self._known: dict[tuple[str, str], tuple[bool, Collection[str]]] = {}

    def of(self, subject: Subject, row: Row, check: str) -> str:
        """The op by which a check that failed is blocked; an empty text if it is to blame by itself."""
        if subject.name == "interface":
            return ""
        with recording(self.backend) as names:
            self._run(subject, row, self.backend, [check])
        own = row.name if subject.name == "ops" else ""
        if own in self.missing:
            return own
        names.discard(own)
        order = list(OPS)
        for name in sorted(names & self.missing, key=order.index):
            return name
        primitive = own in OPS and OPS[own].primitive
        for name in sorted(names, key=lambda each: (not OPS[each].primitive, order.index(each))):
            if primitive and not OPS[name].primitive:
                continue
            passes, through = self._passes(name, "values")
            if not passes and own not in through:
                return name
            # one primitive's gradient may well run through another one, and back
            if not primitive and check != "values" and not self._passes(name, check)[0]:
                return name
        return ""

    def _passes(self, op: str, check: str) -> tuple[bool, Collection[str]]:
        """Does an op pass a check of its own rows?  And what else does it run through?"""
        key = op, check
        if key not in self._known:
            self._known[key] = True, ()  # while it is being asked
            with recording(self.backend) as names:
                passes = all(
                    outcome.status != "failed"
                    for row in _rows().get(op, ())
                    if check in _ops().plan(row, "full")
                    for outcome in self._run(_ops(), row, self.backend, [check])
                )
            self._known[key] = passes, names - {op}
        return self._known[key]


@functools.cache
def _ops() -> Subject:
    from polynet.conformance.ops import SUBJECT

    return SUBJECT


@functools.cache
def _rows() -> dict[str, list[Row]]:
    """The rows of each op that have a result."""
    found: dict[str, list[Row]] = {}
    for row in _ops().rows():
        if "errors" not in _ops().plan(row, "full"):
            found.setdefault(row.name, []).append(row)
    return found
