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
from polynet.conformance.suite import NotApplicable, Row, Subject

STATUSES = ("passed", "failed", "blocked", "deviates", "skipped")
"""``blocked``: a primitive that takes part fails; ``deviates``: it is known to fail; ``skipped``: nothing to check."""


@dataclasses.dataclass
class Outcome:
    """What came of one check of one row."""

    row: str
    check: str
    status: str
    message: str = ""
    seconds: float = 0.0

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
) -> list[Outcome]:
    """Make the checks of a row on a backend, which must be the active one.

    Args:
        subject: the row's.
        row: the row.
        backend: the active backend.
        tier: only the checks of this tier are made.
        only: names of checks; all by default.

    Example:
        >>> from polynet.conformance.case import find
        >>> from polynet.conformance.ops import SUBJECT
        >>> [outcome.status for outcome in run(SUBJECT, find("celu-2x3x4"), plugins.current(), "nn")]
        ['passed', 'passed', 'passed', 'passed', 'passed', 'passed']
    """
    if plugins.current() is not backend:
        raise ValueError(
            f"run: expected the active backend, {plugins.current().name!r}; got {backend.name!r}."
        )
    planned = [check for check in subject.plan(row, tier) if only is None or check in only]
    with quiet():
        return _run(subject, row, backend, planned)


def _run(subject: Subject, row: Row, backend: Backend, planned: Sequence[str]) -> list[Outcome]:
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
            outcomes.append(Outcome(name, check, status, message, seconds))
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
        return f"{message}\n{trial.snippet()}"
    except Exception as error:  # the complaint matters more than the program
        return f"{message}\n(no program to reproduce it: {type(error).__name__}: {error})"
