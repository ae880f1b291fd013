"""``ReduceLROnPlateau``: lowers the learning rate when a number of the logs has stopped getting better."""

from __future__ import annotations

from typing import Any

import numpy as np

from polynet.callbacks.learning_rates import note_rates, optimizers, rate_of
from polynet.callbacks.monitor import Monitor
from polynet.training.progress import show

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by a factor when the watched number has not got better for some epochs.

    Args:
        monitor: its name in the logs.
        factor: of the learning rate, below 1.
        patience: after how many epochs without getting better.
        verbose: 1 to say so.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to decide by the metric.
        min_delta: by how much it must get better to count.
        cooldown: how many epochs to wait after that before counting again.
        min_lr: below which the learning rate does not go.

    Example:
        >>> import polynet
        >>> class Model:
        ...     optimizer = polynet.optimizers.SGD(0.5)
        >>> plateau = polynet.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2)
        >>> plateau.set_model(Model())
        >>> for epoch in range(3):
        ...     plateau.on_epoch_end(epoch, {"loss": 1.0})
        >>> float(Model.optimizer.learning_rate)
        0.25
    """

    saved_attributes = ("cooldown_counter", "wait")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau: unknown argument {sorted(kwargs)[0]!r}.")
        super().__init__(monitor, mode, min_delta=min_delta)
        if not factor < 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor: expected a number below 1; got {factor}.")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.cooldown_counter = 0
        self.wait = 0

    def in_cooldown(self) -> bool:
        """Does it wait after a reduction?"""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin anew."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare, and reduce when patience is over."""
        self.direction()
        note_rates(self.model, logs if logs is not None else {}, "ReduceLROnPlateau")
        value = self.value(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def _reduce(self, epoch: int) -> bool:
        reduced = False
        for name, optimizer in optimizers(self.model, "ReduceLROnPlateau"):
            rate = rate_of(optimizer, "ReduceLROnPlateau")
            if rate > np.float32(self.min_lr):  # the rate is a float32 too
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                reduced = True
                if self.verbose:
                    now = rate_of(optimizer, "ReduceLROnPlateau")
                    show(
                        f"Epoch {epoch + 1}: {self.monitor} got no better, so {name} is now {now:.6g}."
                    )
        return reduced
