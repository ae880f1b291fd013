"""``Run``: where a call of ``fit`` is, which is what it takes to go on from there.

The values of variables and random generators are not here; ``saving/progress.py`` knows them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polynet import errors

__all__ = ["Run"]


class Run:
    """The place of a call of ``fit``: so many epochs and, in the present one, so many batches are done.

    Args:
        model: which is trained.
        listeners: its callbacks, as one.
        seed: that the order of the data follows from.
        epoch: the first one.
    """

    def __init__(self, model: Any, listeners: Any, seed: int, epoch: int) -> None:
        self.model, self.listeners = model, listeners
        self.seed, self.epoch, self.batch = seed, epoch, 0
        self.logs: Any = {}
        """Those of the last batch or epoch."""
        self.again: Callable[[], None] | None = None
        """Restores all state once more, if the run goes on from a checkpoint."""

    def get_state(self) -> dict[str, Any]:
        """All of it as plain data, and what the callbacks remember."""
        guard = self.model._compiled.guard
        if guard is not None:
            guard.look(0, now=True)  # nothing of a step that was not finite is saved
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "seed": int(self.seed),
            "stop": bool(self.model.stop_training),
            "logs": dict(self.logs),
            "callbacks": self.listeners.get_state(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go to where ``get_state`` was called."""
        try:
            epoch, batch, seed = (int(state[name]) for name in ("epoch", "batch", "seed"))
            logs, stop = dict(state["logs"]), bool(state["stop"])
            self.listeners.set_state(state["callbacks"])
        except (KeyError, TypeError, ValueError) as error:
            raise errors.FileError(
                f"fit: the state of the run is not as expected: {error}."
            ) from error
        self.epoch, self.batch, self.seed, self.logs = epoch, batch, seed, logs
        self.model.stop_training = stop
