"""What the conformance suite consists of: subjects, each a table of rows and the checks that every row goes through.

``SUBJECTS`` names the module of each; a module has a ``SUBJECT``.  Which rows a tier has is decided here, how one
is checked in the subject's module, how a run is reported elsewhere.  Nothing is imported before it is needed.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from polynet.backend import Backend

TIERS = ("core", "nn", "train", "full")
"""Each has what the ones before it have."""

SUBJECTS = (
    "interface",
    "ops",
    "random",
    "initializers",
    "activations",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "curves",
)
"""Modules or packages of ``polynet.conformance``, in the order of a run."""


class NotApplicable(Exception):
    """A check has nothing to say about a row; the reason is its text."""


class Row(Protocol):
    """One line of a table; what else it has is known to its subject alone."""

    @property
    def id(self) -> str:
        """Its name, the only one in its subject."""

    @property
    def name(self) -> str:
        """The public name that it is about: ``"softmax"``, ``"Dense"``."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A table of rows about public names of one kind, and what is checked of each row.

    Args:
        name: ``"layers"``; a row's full name begins with it, ``"layers/Dense-3x4-units=2"``.
        rows: the rows.
        trial: what the checks of one row on one backend share; made once a row. It may have ``planned``, which is set
            to the names of the checks that will be made; ``snippet()``, a program that reproduces the row when pasted;
            ``usable``, false once further checks would say nothing new; ``close()``, called at the end.
        checks: each takes a trial, and raises ``AssertionError`` for what is wrong and ``NotApplicable`` if it has
            nothing to say.
        tier: the first tier that has a row's check.
        names: the public names each of which must have a row.
        exempt: names without a row, and why.
        checks_of: the checks that a row goes through, where they are not all of ``checks``.
    """

    name: str
    rows: Callable[[], Iterable[Row]]
    trial: Callable[[Any, Backend], Any]
    checks: Mapping[str, Callable[[Any], None]]
    tier: Callable[[Any, str], str]
    names: Callable[[], Iterable[str]]
    exempt: Mapping[str, str] = dataclasses.field(default_factory=dict)
    checks_of: Callable[[Any], Iterable[str]] | None = None

    def plan(self, row: Row, tier: str) -> list[str]:
        """The checks of a row in a tier, in the order in which they are made."""
        names = self.checks if self.checks_of is None else self.checks_of(row)
        return [check for check in names if within(tier, self.tier(row, check))]


def subjects() -> Iterator[Subject]:
    """The subjects, in the order of a run.

    Example:
        >>> next(subjects()).name
        'interface'
    """
    for name in SUBJECTS:
        yield importlib.import_module(f"polynet.conformance.{name}").SUBJECT


def within(tier: str, other: str) -> bool:
    """Has the tier what belongs to the other?

    Example:
        >>> within("train", "nn"), within("core", "nn")
        (True, False)
    """
    return TIERS.index(other) <= TIERS.index(tier)
