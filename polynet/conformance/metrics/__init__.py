"""Metrics: what is checked of each row.  The rows are in ``table.py``, what Keras gives for them is stored."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.conformance import stored
from polynet.conformance.metrics import table
from polynet.conformance.metrics.table import Row
from polynet.conformance.stored import host, near
from polynet.conformance.suite import NotApplicable


class Trial:
    """A row about a metric on a backend, and what its checks share."""

    def __init__(self, row: Row, backend: Backend) -> None:
        self.row = row
        self.backend = backend
        self.batches = row.batches()

    @functools.cached_property
    def expected(self) -> Any:
        """What Keras gave."""
        return stored.expected("metrics", self.row.id)

    def make(self) -> Any:
        """A new metric."""
        from polynet import metrics

        return getattr(metrics, self.row.name)(**self.row.arguments)

    def built(self) -> Any:
        """A new metric with its variables."""
        metric = self.make()
        if len(self.batches[0]) > 1:
            metric.build(*(np.shape(part) for part in self.batches[0][:2]))
        return metric

    def tensors(self, batch: Iterable[np.ndarray]) -> list[Any]:
        """New tensors of a batch."""
        from polynet import ops

        return [ops.convert_to_tensor(part.copy()) for part in batch]

    @functools.cached_property
    def result(self) -> Any:
        """The metric after the batches."""
        metric = self.made = self.make()
        for batch in self.batches:
            metric.update_state(*self.tensors(batch))
        return metric.result()

    def compare(self, found: Any, what: str) -> None:
        """A result beside the stored one."""
        digits = 1e-5 if self.row.name == "R2Score" else 1e-6  # Keras's subtracts large sums
        near(host(found), self.expected["value"], what, digits, digits)

    def snippet(self) -> str:
        """A program that updates the metric, to paste into an interpreter."""
        lines = [f"metric = polynet.metrics.{self.row.name}({stored.keywords(self.row.arguments)})"]
        for batch in self.batches:
            lines.append(f"metric.update_state({', '.join(map(stored.literal, batch))})")
        expected = f"# expected: {self.expected['value']}"
        return stored.program(self.backend, *lines, "print(metric.result())", expected)


# ------------------------------------------------------------------------------------ the checks


def check_values(trial: Trial) -> None:
    """The result after three batches, beside Keras's, and its dtype; again after a reset, from arrays."""
    result = trial.result
    trial.compare(result, "the result")
    stored.equal(str(host(result).dtype), trial.expected["dtype"], "the dtype")
    trial.made.reset_state()
    for variable in trial.made.variables:
        if host(variable.value).any():
            raise AssertionError(f"reset_state leaves {variable.path} as it is.")
    for batch in trial.batches:
        trial.made.update_state(*batch)
    trial.compare(trial.made.result(), "the result after a reset")


def check_empty(trial: Trial) -> None:
    """A metric that was never updated gives 0, without a warning."""
    if host(trial.make().result()).any():
        raise AssertionError("expected 0 before the first update.")


def check_config(trial: Trial) -> None:
    """What a description, as JSON, makes has the same description and gives the same."""
    from polynet import metrics

    metric = trial.make()
    described = json.loads(json.dumps(metrics.serialize(metric)))
    again = metrics.deserialize(described)
    stored.equal(type(again), type(metric), "the class of what the description makes")
    stored.equal(again.get_config(), metric.get_config(), "its description")
    for batch in trial.batches:
        again.update_state(*trial.tensors(batch))
    near(host(again.result()), host(trial.result), "what it gives", 0, 0)


def check_function(trial: Trial) -> None:
    """The function of the same name, where there is one: its mean is the metric's."""
    from polynet import metrics

    row = trial.row
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", row.name).lower()
    function = getattr(metrics, name) if name in metrics.__all__ else None
    if function is None or row.weights is not None:
        raise NotApplicable("no function of the metric's name, or a row about weights")
    stored.equal(metrics.get(row.name).__class__.__name__, row.name, "get")
    metric = trial.make()
    y_true, y_pred = trial.tensors(trial.batches[0])
    metric.update_state(y_true, y_pred)
    arguments = {k: v for k, v in row.arguments.items() if k not in ("name", "dtype")}
    found = host(function(y_true, y_pred, **arguments)).astype("float64").mean()
    near(found, host(metric.result()), f"the mean of metrics.{name}", 1e-6, 1e-6)


def check_stateless(trial: Trial) -> None:
    """Stateless updates give the same, and change no variable."""
    metric = trial.built()
    state = metric.stateless_reset_state()
    for batch in trial.batches:
        state = metric.stateless_update_state(state, *trial.tensors(batch))
    if any(host(variable.value).any() for variable in metric.variables):
        raise AssertionError("a stateless update changes a variable.")
    trial.compare(metric.stateless_result(state), "the result of stateless updates")


def check_compiled(trial: Trial) -> None:
    """Updates and results in a compiled function."""
    import polynet

    stored.needs_compiler(trial.backend)
    metric = trial.built()

    def step(*batch: Any) -> Any:
        metric.update_state(*batch)
        return metric.result()

    compiled: Any = polynet.jit(step)
    for batch in trial.batches:
        found = compiled(*trial.tensors(batch))
    trial.compare(found, "the result, compiled")


CHECKS = {
    "values": check_values,
    "empty": check_empty,
    "config": check_config,
    "function": check_function,
    "stateless": check_stateless,
    "compiled": check_compiled,
}


# ------------------------------------------------------------------------------------ the subject


@functools.cache
def _first() -> frozenset[str]:
    """The ids of the first rows of each class."""
    found: dict[str, str] = {}
    for row in table.ROWS:
        found.setdefault(row.name, row.id)
    return frozenset(found.values())


def checks_of(row: Any) -> Iterable[str]:
    """Compilation takes long, and is the same for all rows of a class: the first stands for the others."""
    return [check for check in CHECKS if check != "compiled" or row.id in _first()]


def tier(row: Any, check: str) -> str:
    """Results of all rows soon; other ways to them for the first row of each class, then for all."""
    if check in ("values", "errors", "function"):
        return "nn"
    if row.id in _first():
        return "nn" if check != "compiled" else "train"
    return "full"


def names() -> Iterable[str]:
    """The classes, and the functions that are neither losses nor looked at with a class."""
    from polynet import losses, metrics

    classes = {re.sub(r"(?<!^)(?=[A-Z])", "_", row.name).lower() for row in table.ROWS}
    others = classes | {"get", "serialize", "deserialize"}
    for name in metrics.__all__:
        if name not in others and getattr(losses, name, None) is not getattr(metrics, name):
            yield name


SUBJECT = stored.subject(
    name="metrics",
    rows=lambda: [*table.ROWS, *table.WRONG],
    trial=Trial,
    checks=CHECKS,
    checks_of=checks_of,
    tier=tier,
    names=names,
    exempt={"MeanMetricWrapper": "the base class of those around a function"},
)
