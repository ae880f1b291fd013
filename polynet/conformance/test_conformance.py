"""What ``pytest --pyargs polynet.conformance`` collects: one test for each row of each subject.

How a row is checked is in ``engine.py``, what the options are in ``pytest_plugin.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from polynet import errors, plugins
from polynet.backend import Backend
from polynet.conformance import deviations, engine, memory, pytest_plugin, report, selection, suite


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
    try:
        backend = engine.load(name)
    except errors.PolynetError as error:
        pytest.exit(f"the backend cannot be checked: {error}", returncode=1)
    yield backend
    if name != before:
        plugins.set_backend(before)


@pytest.fixture(scope="module")
def listed(request: pytest.FixtureRequest, backend: Backend) -> dict[str, str]:
    """The reasons of known deviations, by the ids of the checks."""
    return deviations.known(backend.name, request.config.option.polynet_deviations)


@pytest.fixture(scope="module")
def keeper(backend: Backend) -> memory.Keeper:
    """Gives memory back between rows."""
    return memory.Keeper(backend)


@pytest.fixture(scope="module")
def facts(request: pytest.FixtureRequest, backend: Backend) -> dict[str, Any]:
    """What the report says of this process."""
    options = request.config.option
    expected = sum(1 for _ in selection.chosen(options.polynet_tier, options.polynet_sample))
    found = sum(item.name.startswith("test_row[") for item in request.session.items)
    return report.facts(backend, whole=found == expected)


def test_row(
    subject: suite.Subject,
    row: Any,
    backend: Backend,
    listed: dict[str, str],
    facts: dict[str, Any],
    keeper: memory.Keeper,
    request: pytest.FixtureRequest,
) -> None:
    """Every check of a row that its tier has."""
    outcomes = engine.run(subject, row, backend, request.config.option.polynet_tier, blame=True)
    deviations.apply(outcomes, listed)
    pytest_plugin.keep(request.node, report.entry(row, outcomes, facts))
    keeper.look()
    by_status: dict[str, list[str]] = {}
    for outcome in outcomes:
        by_status.setdefault(outcome.status, []).append(outcome.message)
    if "failed" in by_status:
        failed = [outcome for outcome in outcomes if outcome.status == "failed"]
        texts = [f"{outcome.id}: {outcome.message}" for outcome in failed]
        pytest.fail("\n\n".join(texts), pytrace=False)
    for status, act in (("blocked", pytest.skip), ("deviates", pytest.xfail)):
        if status in by_status:
            act("; ".join(dict.fromkeys(by_status[status])))
    if "passed" not in by_status:
        pytest.skip("; ".join(dict.fromkeys(by_status.get("skipped", ["no check"]))))


def test_names(subject: suite.Subject) -> None:
    """Every public name has a row, or a reason why it has none."""
    missing = selection.missing(subject)
    if missing:
        pytest.fail(f"{subject.name}: no row is about {', '.join(missing)}", pytrace=False)


def test_deviations(listed: dict[str, str]) -> None:
    """Every deviation names a check that there is."""
    unmatched = deviations.unmatched(listed)
    if unmatched:
        pytest.fail(f"deviations that match nothing: {', '.join(unmatched)}", pytrace=False)
