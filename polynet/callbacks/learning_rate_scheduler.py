"""``LearningRateScheduler``: sets the learning rate of each epoch by a function."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from polynet.callbacks.callback import Callback
from polynet.callbacks.learning_rates import note_rates, optimizers, rate_of
from polynet.training.logs import as_float
from polynet.training.progress import show

__all__ = ["LearningRateScheduler"]


class LearningRateScheduler(Callback):
    """Sets the learning rate at the begin of each epoch.

    Args:
        schedule: a function of the epoch's number, from 0, and the present learning rate; or of the number alone.
        verbose: 1 to show each rate.

    Example:
        >>> import polynet
        >>> class Model:
        ...     optimizer = polynet.optimizers.SGD(0.5)
        >>> halving = polynet.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
        >>> halving.set_model(Model())
        >>> for epoch in range(3):
        ...     halving.on_epoch_begin(epoch)
        >>> float(Model.optimizer.learning_rate)
        0.125
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise TypeError(
                f"LearningRateScheduler: schedule: expected a function of an epoch and a learning rate; got "
                f"{type(schedule).__name__}."
            )
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the learning rate."""
        for name, optimizer in optimizers(self.model, "LearningRateScheduler"):
            rate = self._rate(epoch, rate_of(optimizer, "LearningRateScheduler"))
            optimizer.learning_rate = rate
            if self.verbose:
                show(f"Epoch {epoch + 1}: {name} is {rate:.6g}.")

    def _rate(self, epoch: int, present: float) -> float:
        rate = self._call(epoch, present)
        try:
            number = rate if isinstance(rate, str | bool | None) else as_float(rate)
        except (AttributeError, TypeError, ValueError):
            number = None
        if not isinstance(number, float) or not math.isfinite(number):
            got = rate if isinstance(rate, float) else type(rate).__name__
            raise ValueError(
                f"LearningRateScheduler: schedule: expected it to return a finite number for epoch {epoch}; got {got}."
            )
        return number

    def _call(self, epoch: int, present: float) -> Any:
        if _takes_two(self.schedule):
            return self.schedule(epoch, present)
        return self.schedule(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add the learning rate to the logs."""
        note_rates(self.model, logs if logs is not None else {}, "LearningRateScheduler")


def _takes_two(function: Callable[..., Any]) -> bool:
    """Can a function be called with an epoch and a learning rate?"""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # written in C, and silent about its parameters
        return not hasattr(function, "__self__")
    return True
