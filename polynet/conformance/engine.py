"""Making the checks of a row on a backend: what came of each is an ``Outcome``.

What the checks are is known to the subjects, how a run is begun and shown to the pytest plugin and to ``report.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import traceback
import warnings
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from polynet import plugins
from polynet.backend import Backend
from polynet.conformance import compare
from polynet.conformance.blocking import Blame
from polynet.conformance.suite import NotApplicable, Row, Subject

STATUSES = ("passed", "failed", "blocked", "deviates", "skipped")
"""``blocked``: a primitive that takes part fails; ``deviates``: it is known to fail; ``skipped``: nothing to check."""


_AGAINST_REFERENCE = ("values", "float64", "short floats")
"""Checks whose errors are worth a word."""


@dataclasses.dataclass
class Outcome:
    """What came of one check of one row."""

    row: str
    check: str
    status: str
    message: str = ""
    seconds: float = 0.0
    errors: dict[str, float] = dataclasses.field(default_factory=dict)
    """The largest error of a result against its reference, by dtype."""

    @property
    def id(self) -> str:
        """The check's name, the only one in the suite: ``"ops/softmax-2x3::values"``."""
        return f"{self.row}::{self.check}"


def prepare(name: str) -> None:
    """Set the environment variables under which a backend is checked, unless they are set already.

    Works only as long as the backend's library has not been imported.
    """
    for variable, value in plugins.info(name).environment.items():
        os.environ.setdefault(variable, value)


def load(name: str) -> Backend:
    """Prepare and load a backend, and make it the active one; what its library warns of is not shown."""
    with quiet():
        prepare(name)
        plugins.set_backend(name)
        return plugins.current()


def can_load(name: str) -> None:
    """Raise what is wrong with a backend if it cannot be loaded: better once than for each row."""
    with quiet():
        prepare(name)
        plugins.get(name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """A block in which no warning is shown or raised, whatever the environment makes of warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run(
    subject: Subject,
    row: Row,
    backend: Backend,
    tier: str = "full",
    only: Collection[str] | None = None,
    blame: bool = False,
) -> list[Outcome]:
    """Make the checks of a row on a backend, which must be the active one.

    Args:
        subject: the row's.
        row: the row.
        backend: the active backend.
        tier: only the checks of this tier are made.
        only: names of checks; all by default.
        blame: is a failure of what fails because of another op reported as blocked by it?

    Example:
        >>> from polynet.conformance.case import find
        >>> from polynet.conformance.ops import SUBJECT
        >>> outcomes = run(SUBJECT, find("celu-2x3x4"), plugins.current(), "nn")
        >>> {outcome.status for outcome in outcomes} <= {"passed", "skipped"}
        True
    """
    if plugins.current() is not backend:
        raise ValueError(
            f"run: expected the active backend, {plugins.current().name!r}; got {backend.name!r}."
        )
    planned = [check for check in subject.plan(row, tier) if only is None or check in only]
    with quiet():
        outcomes = make(subject, row, backend, planned)
        if blame and any(outcome.status == "failed" for outcome in outcomes):
            for outcome in outcomes:
                if outcome.status == "failed":
                    culprit = blame_on(backend).of(subject, row, outcome.check)
                    if culprit:
                        outcome.status, outcome.message = "blocked", f"blocked by {culprit}"
    return outcomes


_blames: dict[Backend, Blame] = {}


def blame_on(backend: Backend) -> Blame:
    """What is known of the ops of a backend, in this process."""
    if backend not in _blames:
        _blames[backend] = Blame(backend, make)
    return _blames[backend]


def make(subject: Subject, row: Row, backend: Backend, planned: Sequence[str]) -> list[Outcome]:
    """Make these checks of a row, and ask nothing about failures."""
    name = f"{subject.name}/{row.id}"
    outcomes: list[Outcome] = []
    if not planned:
        return outcomes
    trial: Any = None
    try:
        for check in planned:
            start = time.perf_counter()
            status, message = "passed", ""
            try:
                compare.ERRORS.clear()
                if trial is None:
                    trial = subject.trial(row, backend)
                    if hasattr(trial, "planned"):
                        trial.planned = frozenset(planned)
                subject.checks[check](trial)
            except NotApplicable as reason:
                status, message = "skipped", str(reason)
            except AssertionError as failure:
                status, message = "failed", _with_snippet(str(failure), trial)
            except Exception as error:
                trace = "".join(traceback.format_exception(error)[-6:])
                message = _with_snippet(f"{type(error).__name__}: {error}\n{trace}", trial)
                status = "failed"
            seconds = time.perf_counter() - start
            found = dict(compare.ERRORS) if check in _AGAINST_REFERENCE else {}
            outcomes.append(Outcome(name, check, status, message, seconds, found))
            if not getattr(trial, "usable", trial is not None):
                break
    finally:
        if hasattr(trial, "close"):
            trial.close()
    return outcomes


def _with_snippet(message: str, trial: Any) -> str:
    """A complaint, and below it a program that shows what it is about."""
    if not hasattr(trial, "snippet"):
        return message
    try:
        return f"{message}\n{trial.snippet()}".rstrip()
    except Exception as error:  # the complaint matters more than the program
        return f"{message}\n(no program to reproduce it: {type(error).__name__}: {error})"
