"""The pytest plugin of the conformance suite: its options, and what is said at the end of a run.

It is loaded in every pytest run of an environment that has polynet: nothing but the standard library and
pytest is imported here, and nothing happens unless the suite is among what is collected, as in

    pytest --pyargs polynet.conformance --polynet-backend NAME

Rows are collected in ``test_conformance.py``, run by ``engine.py``, and shown by ``report.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from typing import Any

import pytest

_TIERS = ("core", "nn", "train", "full")
_ENTRY = pytest.StashKey[dict[str, Any]]()
_RUN = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all of which begin with ``--polynet``."""
    group = parser.getgroup("polynet", "polynet: the conformance suite of backends")
    group.addoption(
        "--polynet-backend",
        metavar="NAME",
        help="the backend that is checked; by default the active one",
    )
    group.addoption(
        "--polynet-tier",
        choices=_TIERS,
        default="full",
        help="how much is checked; each tier has what the ones before it have (default: full)",
    )
    group.addoption(
        "--polynet-sample",
        metavar="N",
        type=int,
        default=1,
        help="of each public name the first row, and of the others one in N (default: 1, all of them)",
    )
    group.addoption(
        "--polynet-deviations",
        metavar="PATH",
        action="append",
        default=[],
        help="a TOML file of known deviations, beside the one in the backend's package",
    )
    group.addoption(
        "--polynet-report",
        metavar="PATH",
        action="append",
        default=[],
        help="write the report to a file: .json, .html, .md, or .svg for a badge; may be given several times",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse wrong options at once."""
    config.stash[_RUN] = {"entries": [], "start": time.time()}
    if config.option.polynet_sample < 1:
        raise pytest.UsageError(
            f"--polynet-sample: expected 1 or more; got {config.option.polynet_sample}."
        )
    for path in config.option.polynet_report:
        if os.path.splitext(path)[1] not in (".json", ".html", ".md", ".svg"):
            raise pytest.UsageError(
                f"--polynet-report: expected .json, .html, .md or .svg; got {path!r}."
            )
    name = config.option.polynet_backend
    if name is not None:
        from polynet import errors, plugins

        try:
            plugins.find(name)
        except errors.PolynetError as error:
            raise pytest.UsageError(f"--polynet-backend: {error}") from None
    if name is not None or config.option.polynet_deviations:
        from polynet import errors, plugins
        from polynet.conformance import deviations, engine

        try:
            if name is not None and not hasattr(config, "workerinput"):
                engine.can_load(name)
            deviations.known(name or plugins.active_name(), config.option.polynet_deviations)
        except errors.PolynetError as error:
            raise pytest.UsageError(f"polynet conformance: {error}") from None


# ------------------------------------------------------------------------------------ what came of the rows


def keep(node: pytest.Item, entry: dict[str, Any]) -> None:
    """Let the report of a test carry what came of its row, also from another process."""
    node.stash[_ENTRY] = entry


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what ``keep`` has kept into the report of the test."""
    report = yield
    if call.when == "call" and _ENTRY in item.stash:
        report.polynet_entry = item.stash[_ENTRY]  # type: ignore[attr-defined]
        del item.stash[_ENTRY]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_report_teststatus(
    report: pytest.TestReport, config: pytest.Config
) -> Generator[None, Any, Any]:
    """Show what is blocked by another letter than what is skipped."""
    status = yield
    entry = getattr(report, "polynet_entry", None)
    if entry is not None and report.skipped and "blocked" in entry["checks"].values():
        return "blocked", "b", "BLOCKED"
    return status


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect what came of a row, in the process that reports."""
    entry = getattr(report, "polynet_entry", None)
    if entry is not None and _reporting:
        _reporting[-1]["entries"].append(entry)


_reporting: list[dict[str, Any]] = []
"""The run that is reported in this process; runs may be nested, where a test runs pytest."""


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to collect."""
    _reporting.append(session.config.stash[_RUN])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """What is blocked has not passed: the run fails."""
    if _reporting and _reporting[-1] is session.config.stash[_RUN]:
        _reporting.pop()
    entries = session.config.stash[_RUN]["entries"]
    if exitstatus == 0 and any("blocked" in entry["checks"].values() for entry in entries):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the summary, and write the report to the files that were asked for."""
    run = config.stash[_RUN]
    if not run["entries"] or hasattr(config, "workerinput"):
        return
    from polynet.conformance import report

    options = config.option
    found = report.gather(
        run["entries"],
        tier=options.polynet_tier,
        sample=options.polynet_sample,
        seconds=time.time() - run["start"],
    )
    terminalreporter.section(f"polynet conformance: {found['backend']}", "=")
    for line in report.as_text(found):
        terminalreporter.write_line(line)
    for path in options.polynet_report:
        report.write(found, path)
        terminalreporter.write_line(f"report: {path}")
