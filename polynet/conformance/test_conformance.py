"""What ``pytest --pyargs polynet.conformance`` collects: one test for each row of each subject.

How a row is checked is in ``engine.py``, what the options are in ``pytest_plugin.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from polynet import plugins
from polynet.backend import Backend
from polynet.conformance import engine, selection, suite


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each row that the options ask for."""
    if "row" in metafunc.fixturenames:
        options = metafunc.config.option
        chosen = selection.chosen(options.polynet_tier, options.polynet_sample)
        metafunc.parametrize(
            ("subject", "row"),
            [pytest.param(subject, row, id=f"{subject.name}/{row.id}") for subject, row in chosen],
        )
    elif "subject" in metafunc.fixturenames:
        found = list(suite.subjects())
        metafunc.parametrize("subject", found, ids=[subject.name for subject in found])


@pytest.fixture(scope="module")
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """The backend that is checked, which is the active one meanwhile."""
    before = plugins.active_name()
    name = request.config.option.polynet_backend or before
    yield engine.load(name)
    if name != before:
        plugins.set_backend(before)


def test_row(
    subject: suite.Subject,
    row: Any,
    backend: Backend,
    request: pytest.FixtureRequest,
) -> None:
    """Every check of a row that its tier has."""
    outcomes = engine.run(subject, row, backend, request.config.option.polynet_tier)
    failures = [
        f"{outcome.id}: {outcome.message}" for outcome in outcomes if outcome.status == "failed"
    ]
    if failures:
        pytest.fail("\n\n".join(failures), pytrace=False)
    if all(outcome.status == "skipped" for outcome in outcomes):
        pytest.skip("; ".join({outcome.message for outcome in outcomes}))


def test_names(subject: suite.Subject) -> None:
    """Every public name has a row, or a reason why it has none."""
    missing = selection.missing(subject)
    assert not missing, f"{subject.name}: no row is about {', '.join(missing)}"
