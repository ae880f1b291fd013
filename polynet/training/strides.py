"""How many steps ``fit`` takes in one compiled call.

Calling a compiled step costs Python some hundred microseconds; a loop over steps inside one compiled call costs
almost nothing, but some libraries are slow inside loops.  So it is measured in the run itself: after as much time in
single steps as compiling one took, some steps are taken both ways from the same values.  The loop serves from then on
if it is faster **and** gave the same weights, bit for bit, so that what a run computes does not depend on how fast
the machine was.

What a step is, and when callbacks are told, is decided in ``trainer.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet import ops, tree
from polynet.autodiff.jit import jit
from polynet.variable import Variable

MOST = 32
"""Steps in one call."""

LONGEST = 2e-3
"""Seconds of a step, with the device's part, beyond which the cost of a call no longer matters."""

SOONEST = 0.05
"""Seconds of training before there can be a trial."""

FASTER = 0.93
"""What part of the time of single steps the loop may need at most."""

TRIALS = 3
"""How often a loop is tried that was not faster; the machine may have been busy with something else."""

Batch = tuple[Any, ...]
Step = Callable[[Any], Any]


class Strides:
    """Takes steps one by one, or several at once where that was found to be better.

    Args:
        step: the step, compiled or not.
        converted: makes tensors of a batch, and of several that are stacked.
        many: how many batches ``take`` is given where there is no loop.
        most: how many steps a loop has; 1 for none.
        clock: gives a tensor that every step assigns; reading it waits for the steps before.
        shown: variables that are only looked at, such as metrics, whose last digit may differ in a loop.

    Attributes:
        now: how many batches ``take`` should be given next.
    """

    def __init__(
        self,
        step: Step,
        converted: Callable[[Any], Any],
        many: int,
        most: int = 1,
        clock: Any = None,
        shown: Sequence[Variable] = (),
    ) -> None:
        self._step, self._converted, self._clock = step, converted, clock
        self._shown = {id(variable) for variable in shown}
        self._many, self._most = many, most
        self._compiling = self._spent = 0.0
        self._trials = 0
        self._several: Any = None
        self._kind: Any = None
        self._state = self._first if most > 1 else self._singly
        self.now = many

    def take(self, batches: Sequence[Batch]) -> Any:
        """A step for each batch; returns what the last one returned."""
        return self._state(batches)

    def _singly(self, batches: Sequence[Batch]) -> Any:
        returned = None
        for batch in batches:
            returned = self._step(self._converted(batch))
        return returned

    def _first(self, batches: Sequence[Batch]) -> Any:
        """Learn what compiling costs."""
        start = time.perf_counter()
        returned = self._singly(batches)
        self._wait()
        self._compiling = time.perf_counter() - start
        self._kind = _kind(batches[0])
        self._state = self._before if self._kind is not None else self._singly
        return returned

    def _before(self, batches: Sequence[Batch]) -> Any:
        """Wait until single steps have taken as long as compiling did: a trial compiles once more."""
        start = time.perf_counter()
        returned = self._singly(batches)
        self._spent += time.perf_counter() - start
        if self._spent > self._costs():
            self._state, self.now = self._timed, self._most
        return returned

    def _timed(self, batches: Sequence[Batch]) -> Any:
        """Learn what a step takes, the device included: a trial is for short ones."""
        if not self._fits(batches):
            return self._singly(batches)
        self._wait()
        start = time.perf_counter()
        returned = self._singly(batches)
        self._wait()
        if time.perf_counter() - start < LONGEST * len(batches):
            self._state = self._trial
        else:
            self._state, self.now = self._singly, self._many
        return returned

    def _costs(self) -> float:
        """The seconds that a trial may take."""
        return max(self._compiling, SOONEST)

    def _trial(self, batches: Sequence[Batch]) -> Any:
        """Take these steps singly, try them in a loop from the same values, and decide."""
        if not self._fits(batches):
            return self._singly(batches)
        if self._several is None:
            self._several = jit(self._steps, compile=True)
        loop, tensors = self._several.find(self._stacked(batches))
        before = [variable.value for variable in loop.variables]
        if self._trials == 0:
            loop.dry_run(before, tensors)  # compiles
        self._wait()
        start = time.perf_counter()
        returned = self._singly(batches)
        self._wait()
        single = time.perf_counter() - start
        loop, tensors = self._several.find(self._stacked(batches))
        found = [
            (variable, _bits(value))
            for variable, value in loop.dry_run(before, tensors)
            if id(variable) not in self._shown
        ]
        together = time.perf_counter() - start - single
        self._trials += 1
        same = all(_bits(variable.value) == bits for variable, bits in found)
        if same and together < FASTER * single:
            self._state, self.now = self._together, self._most
        elif not same or self._trials == TRIALS:
            self._state, self.now = self._singly, self._many
        return returned

    def _steps(self, batches: Any) -> Any:
        """The step for each of these batches, stacked; what each of them returned."""
        body: Step = self._step.__wrapped__  # type: ignore[attr-defined]
        return ops.scan(lambda carry, batch: (carry, body(batch)), [], batches)[1]

    def _together(self, batches: Sequence[Batch]) -> Any:
        if not self._fits(batches):
            return self._singly(batches)
        returned = self._several(self._stacked(batches))
        return tree.map_structure(lambda leaf: None if leaf is None else leaf[-1], returned)

    def _fits(self, batches: Sequence[Batch]) -> bool:
        return len(batches) == self._most and all(_kind(batch) == self._kind for batch in batches)

    def _stacked(self, batches: Sequence[Batch]) -> Any:
        return self._converted(tree.map_structure(_stack, *batches))

    def _wait(self) -> None:
        ops.convert_to_numpy(self._clock())


def _stack(*leaves: Any) -> Any:
    return None if leaves[0] is None else np.stack(leaves)


def _kind(batch: Batch) -> Any:
    """What batches of one loop have in common; ``None`` for what cannot be stacked on the host."""
    leaves = [leaf for leaf in tree.flatten(batch) if leaf is not None]
    if not all(isinstance(leaf, np.ndarray) for leaf in leaves):
        return None
    return tuple((leaf.shape, leaf.dtype) for leaf in leaves)


def _bits(value: Any) -> bytes:
    return np.asarray(ops.convert_to_numpy(value)).tobytes()
