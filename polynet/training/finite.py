"""The guard against losses and gradients that are not finite.

Where a step is plain Python the guard looks before the update and raises.  Inside a compiled step nothing can be
raised: there the step takes back what it assigned and notes itself, and the error comes when the host looks.  Either
way the variables stay those of the last finite step.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet import errors, ops, plugins
from polynet.autodiff.notes import Wire, on_host
from polynet.ops.finite import finite_each
from polynet.variable import Observer, Variable, observers, start_observing, stop_observing

LOOK_EVERY = 64
"""After how many compiled steps the host asks how they went; asking waits for the device."""


class _Journal(Observer):
    """The values that variables had before a step assigned them."""

    looks_only = True
    open = True

    def __init__(self) -> None:
        self.before: dict[int, tuple[Variable, Any]] = {}

    def write(self, variable: Variable, value: Any) -> bool:
        if id(variable) not in self.before:
            old = variable._value
            for observer in observers():
                if observer is self:
                    break
                old = observer.read(variable, old)
            self.before[id(variable)] = (variable, old)
        return False


class FiniteGuard:
    """Watches training steps; ``with guard: ...`` is one step, in which ``check`` comes before the update."""

    def __init__(self) -> None:
        self.broken = Variable(
            np.full(2, -1, np.int32), dtype="int32", trainable=False, name="first_step_not_finite"
        )
        self._looked_at: Sequence[Variable] = ()
        self._journals: list[_Journal] = []
        self._good: Any = None

    def __enter__(self) -> FiniteGuard:
        journal = _Journal()
        self._journals.append(journal)
        self._good = None
        start_observing(journal)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        journal = self._journals.pop()
        if journal.open:
            stop_observing(journal)
        if isinstance(error, errors.NonFiniteError):
            for variable, value in journal.before.values():
                variable._set(value)
        elif kind is None and self._good is not None:
            for variable, value in journal.before.values():
                variable._set(ops.where(self._good, variable.value, value))
        self._good = None

    def check(
        self, loss: Any, gradients: Sequence[Any], variables: Sequence[Variable], step: Any
    ) -> None:
        """Look at the loss and the gradients of the step with this number."""
        tensors = [loss, *(g for g in gradients if g is not None)]
        self._looked_at = [
            variable for g, variable in zip(gradients, variables, strict=True) if g is not None
        ]
        each = finite_each(tensors)
        if each.__class__ is Wire or not plugins.current().is_traced(each):
            on_host(functools.partial(self._look_at, step, self._looked_at), [each])
            # nothing will be taken back any more
            journal = self._journals[-1]
            journal.open = False  # first: closed twice it would close another one
            stop_observing(journal)
            journal.before.clear()
            return
        count = len(tensors)
        place = ops.min(ops.where(each, count, ops.arange(count, dtype="int32")))
        before = self.broken.value
        unbroken = before[0] < 0
        self._good = ops.logical_and(place == count, unbroken)
        first = ops.logical_and(place < count, unbroken)
        note = ops.where(first, ops.stack([ops.cast(step, "int32"), place]), before)
        journal = self._journals[-1]
        stop_observing(journal)
        self.broken._set(note)
        start_observing(journal)

    @staticmethod
    def _look_at(step: Any, variables: Sequence[Variable], each: Sequence[Any]) -> None:
        found = np.asarray(ops.convert_to_numpy(each[0]))
        if not found.all():
            raise _error(int(step), int(found.argmin()), variables)

    def look(self, number: int, count: int = 1, now: bool = False) -> None:
        """Raise, if a compiled step was not finite; asks the device only once in a while, or ``now``.

        Args:
            number: of the first of the ``count`` steps that were taken since it was called last.
        """
        if not now and -number % LOOK_EVERY >= count:
            return
        step, place = (int(n) for n in self.broken.numpy())
        if step >= 0:
            self.broken.assign(np.full(2, -1, np.int32))
            raise _error(step, place, self._looked_at)


def _error(step: int, place: int, variables: Sequence[Variable]) -> errors.NonFiniteError:
    what = "the loss" if not place else f"the gradient of {variables[place - 1].path!r}"
    return errors.NonFiniteError(
        f"fit: {what} is not finite at step {step}; the weights are those of the step before. "
        f"Lower the learning rate, clip the gradients, look for such values in the data, or switch this off by "
        f"compile(check_finite=False)."
    )
