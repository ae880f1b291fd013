"""``Saver``: the base of callbacks that save something after each epoch or every so many batches."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from typing import Any

from polynet.callbacks.callback import Callback

__all__ = ["BatchCounter", "Saver"]


class Saver(Callback):
    """Saves something from time to time; a subclass says what."""

    def _save_each(self, save_freq: Any, on_error: str = "raise") -> None:
        """Settle when to save, and what to do when that fails.

        Args:
            save_freq: ``"epoch"``, or a number of batches.
            on_error: ``"raise"``, which ends training, or ``"warn"``.
        """
        own = type(self).__name__
        if on_error not in ("raise", "warn"):
            raise ValueError(f"{own}: on_error: expected 'raise' or 'warn'; got {on_error!r}.")
        self.save_freq = check_frequency(own, save_freq)
        self.on_error = on_error
        self.every_batch = save_freq != "epoch"
        self._counter = BatchCounter(self.save_freq)

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint saves: how many batches were counted, too."""
        return {**super().get_state(), "counted": self._counter.state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take back what ``get_state`` gave."""
        super().set_state(state)
        self._counter.state = state["counted"]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """A block that writes a file; with ``on_error="warn"`` training goes on when that fails."""
        try:
            yield
        except OSError as error:
            if self.on_error == "raise":
                raise
            warnings.warn(f"{type(self).__name__}: {error}. Training goes on.", stacklevel=3)


def check_frequency(own: str, save_freq: Any) -> Any:
    """A ``save_freq`` argument: ``"epoch"`` or a positive number of batches."""
    if save_freq == "epoch":
        return save_freq
    if isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1:
        raise ValueError(
            f"{own}: save_freq: expected 'epoch' or a positive number of batches; got {save_freq!r}."
        )
    return save_freq


class BatchCounter:
    """Counts batches over epochs; says when another ``every`` of them are done.

    Example:
        >>> counter = BatchCounter(3)
        >>> [counter.passed(batch) for batch in (0, 1, 2, 0, 1, 2)]
        [False, False, True, False, False, True]
    """

    def __init__(self, every: int | str) -> None:
        self.every = math.inf if isinstance(every, str) else every
        self.total = 0
        self._since = 0
        self._last: int | None = None

    @property
    def state(self) -> tuple[int, int, int | None]:
        """What it has counted; may be assigned, when a run goes on."""
        return self.total, self._since, self._last

    @state.setter
    def state(self, state: tuple[int, int, int | None]) -> None:
        self.total, self._since, self._last = state

    def passed(self, batch: int) -> bool:
        """Is it time, after this batch of the epoch? Several steps in one execution count in full."""
        new = batch + 1 if self._last is None or batch <= self._last else batch - self._last
        self._last = batch
        self.total += new
        self._since += new
        if self._since < self.every:
            return False
        self._since = 0
        return True
