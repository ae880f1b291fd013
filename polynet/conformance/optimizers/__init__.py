"""Optimizers and schedules: what is checked of each row.  The rows are in ``table.py``, Keras's weights stored."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.conformance import stored
from polynet.conformance.optimizers import table
from polynet.conformance.optimizers.table import Row, Schedule
from polynet.conformance.stored import host, near
from polynet.conformance.suite import NotApplicable
from polynet.conformance.trial import bodies_only


class Trial:
    """A row about an optimizer on a backend, and what its checks share."""

    def __init__(self, row: Row | Schedule, backend: Backend) -> None:
        self.row = row
        self.backend = backend

    @functools.cached_property
    def expected(self) -> Any:
        """What Keras gave."""
        return stored.expected("optimizers", self.row.id)

    @functools.cached_property
    def made(self) -> tuple[Any, list[Any]]:
        """The optimizer and its variables after all steps."""
        return run(self.row)

    def snippet(self) -> str:
        """A program that runs the row's steps, to paste into an interpreter."""
        page = ".schedules" if isinstance(self.row, Schedule) else ""
        source = f"polynet.conformance.optimizers.table.{'SCHEDULES' if page else 'ROWS'}"
        lines = [
            "import polynet.conformance.optimizers",
            f"# polynet.optimizers{page}.{self.row.name}({stored.keywords(self.row.kwargs)})",
            f"row = next(row for row in {source} if row.id == {self.row.id!r})",
        ]
        if page:
            lines += [
                "schedule = row.construct(polynet.optimizers)",
                "print([float(schedule(step)) for step in (0, 1, 10, 40)])",
            ]
        else:
            lines += [
                "optimizer, variables = row.run(polynet)",
                "for variable in variables: print(variable.numpy())",
            ]
        return stored.program(self.backend, *lines)


def run(row: Any, steps: int = table.STEPS) -> tuple[Any, list[Any]]:
    """A row's optimizer and variables after some steps; names and averages as at the end of training."""
    import polynet

    polynet.backend.clear_session(free_memory=False)
    optimizer, variables = row.run(polynet, steps)
    if getattr(optimizer, "use_ema", False):
        optimizer.finalize_variable_values(variables)
    return optimizer, variables


def compare(variables: Iterable[Any], wanted: Iterable[Any], what: str) -> None:
    """Variables beside the stored weights."""
    for variable, numbers in zip(variables, wanted, strict=True):
        near(host(variable.value).ravel(), numbers, f"{variable.path} {what}")


def of_optimizers(trial: Trial) -> Row:
    """The row, unless it is about a schedule."""
    if isinstance(trial.row, Schedule):
        raise NotApplicable("a schedule has no weights")
    return trial.row


# ------------------------------------------------------------------------------------ the checks


def check_values(trial: Trial) -> None:
    """Weights after 20 steps, or the learning rates of a schedule, beside Keras's."""
    row = trial.row
    if isinstance(row, Schedule):
        import polynet

        schedule = row.construct(polynet.optimizers)
        found = [host(schedule(step)) for step in table.SCHEDULE_STEPS]
        stored.equal({str(x.dtype) for x in found}, {"float32"}, "the dtype")
        near(np.array(found), trial.expected, "the learning rates", 1e-6, 3e-7)
        return
    compare(trial.made[1], trial.expected["weights"], f"after {table.STEPS} steps")


def check_variables(trial: Trial) -> None:
    """Paths, shapes and dtypes of the optimizer's own variables, beside Keras's."""
    row = of_optimizers(trial)
    found = [[v.path, list(v.shape), v.dtype] for v in trial.made[0].variables]
    wanted = [[path, shape, dtype] for path, shape, dtype in trial.expected["variables"]]
    if row.name == "Nadam":  # Keras leaves the name to chance
        wanted[-1][0] = "nadam/u_product"
    if row.name == "Adafactor":  # and forgets the optimizer's in the path of what has no use
        wanted = [[p if p.startswith("adafactor/") else f"adafactor/{p}", *r] for p, *r in wanted]
    stored.equal(found, wanted, "the optimizer's variables")


def check_config(trial: Trial) -> None:
    """What a description, as JSON, makes has the same description, and the arguments that were given."""
    from polynet import optimizers

    row = trial.row
    page: Any = optimizers.schedules if isinstance(row, Schedule) else optimizers
    made = row.construct(optimizers)
    again = page.deserialize(json.loads(json.dumps(page.serialize(made))))
    stored.equal(type(again), type(made), "the class of what the description makes")
    stored.equal(again.get_config(), made.get_config(), "its description")
    for name, value in row.kwargs.items():
        if not isinstance(value, tuple):
            stored.equal(again.get_config()[name], value, name)
    if not isinstance(row, Schedule):
        stored.equal(again.name, made.name, "its name")


def check_bodies(trial: Trial) -> None:
    """The same steps with the ops' own bodies, where the backend has methods for the updates."""
    row = of_optimizers(trial)
    with bodies_only(trial.backend) as overridden:
        _, variables = run(row)
    if not any(name.endswith(("_step", "_norm", "_norms")) for name in overridden):
        raise NotApplicable("the backend overrides no update")
    compare(variables, trial.expected["weights"], f"after {table.STEPS} steps by the bodies")


def check_stateless(trial: Trial) -> None:
    """Three stateless steps change no variable, and give what three steps give."""
    import polynet
    from polynet import ops

    row = of_optimizers(trial)
    polynet.backend.clear_session(free_memory=False)
    optimizer, variables = row.run(polynet, steps=0)
    start = [host(variable.value) for variable in variables]
    values, own = [v.value for v in variables], [v.value for v in optimizer.variables]
    for step in range(3):
        gradients = [ops.convert_to_tensor(g) for g in table.gradients(step)]
        values, own = optimizer.stateless_apply(own, gradients, values)
    for variable, value in zip(variables, start, strict=True):
        stored.equal(host(variable.value), value, f"{variable.path} beside stateless steps")
    for value, variable in zip(values, row.run(polynet, steps=3)[1], strict=True):
        near(host(value), host(variable.value), f"{variable.path} by stateless steps", 1e-7, 1e-7)


def check_compiled(trial: Trial) -> None:
    """Steps in a compiled function give the same weights."""
    import polynet
    from polynet import ops

    stored.needs_compiler(trial.backend)
    row = trial.row
    if isinstance(row, Schedule):
        compiled: Any = polynet.jit(row.construct(polynet.optimizers))
        steps = [ops.convert_to_tensor(step, dtype="int32") for step in table.SCHEDULE_STEPS[::5]]
        found = np.array([host(compiled(step)) for step in steps])
        near(found, trial.expected[::5], "the learning rates, compiled", 1e-6, 3e-7)
        return
    polynet.backend.clear_session(free_memory=False)
    optimizer, variables = row.run(polynet, steps=0)
    step: Any = polynet.jit(lambda *gradients: optimizer.apply(gradients, variables))
    for number in range(table.STEPS):
        step(*[ops.convert_to_tensor(g) for g in table.gradients(number)])
    if optimizer.use_ema:
        optimizer.finalize_variable_values(variables)
    compare(variables, trial.expected["weights"], f"after {table.STEPS} compiled steps")


CHECKS = {
    "values": check_values,
    "variables": check_variables,
    "config": check_config,
    "bodies": check_bodies,
    "stateless": check_stateless,
    "compiled": check_compiled,
}


# ------------------------------------------------------------------------------------ the subject


def tier(row: Any, check: str) -> str:
    """Other ways to the same weights come last."""
    return "full" if check in ("stateless", "compiled", "bodies") else "train"


def names() -> Iterable[str]:
    """The classes of optimizers and of schedules."""
    from polynet import optimizers

    for page, base in (
        (optimizers, optimizers.Optimizer),
        (optimizers.schedules, optimizers.schedules.LearningRateSchedule),
    ):
        for value in vars(page).values():
            if isinstance(value, type) and issubclass(value, base) and value is not base:
                yield value.__name__


SUBJECT = stored.subject(
    name="optimizers",
    rows=lambda: [*table.ROWS, *table.SCHEDULES, *table.WRONG],
    trial=Trial,
    checks=CHECKS,
    tier=tier,
    names=names,
    exempt={"MultiOptimizer": "takes a map of other optimizers, each of which has rows"},
)
