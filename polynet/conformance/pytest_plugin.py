"""The pytest plugin of the conformance suite: its options, and what is said at the end of a run.

It is loaded in every pytest run of an environment that has polynet: nothing but the standard library and
pytest is imported here, and nothing happens unless the suite is among what is collected, as in

    pytest --pyargs polynet.conformance --polynet-backend NAME

Rows are collected in ``test_conformance.py``, run by ``engine.py``, and shown by ``report.py``.
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

_TIERS = ("core", "nn", "train", "full")
_PROPERTY = "polynet"
"""The name under which a test's report carries the outcomes of its row."""

_run: dict[str, Any] = {}
"""What has come of the rows so far, in the process that reports."""


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
    _run.clear()
    _run.update(rows=[], start=time.time(), memory={})
    if config.option.polynet_sample < 1:
        raise pytest.UsageError(
            f"--polynet-sample: expected 1 or more; got {config.option.polynet_sample}."
        )
    for path in config.option.polynet_report:
        if os.path.splitext(path)[1] not in (".json", ".html", ".md", ".svg"):
            raise pytest.UsageError(f"--polynet-report: expected .json, .html, .md or .svg; got {path!r}.")
    name = config.option.polynet_backend
    if name is not None:
        from polynet import errors, plugins

        try:
            plugins.find(name)
        except errors.PolynetError as error:
            raise pytest.UsageError(f"--polynet-backend: {error}") from None
