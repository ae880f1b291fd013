"""``EarlyStopping``: ends training when a number of the logs has stopped getting better."""

from __future__ import annotations

from typing import Any

from polynet.callbacks.monitor import Monitor
from polynet.training.progress import show

__all__ = ["EarlyStopping"]


class EarlyStopping(Monitor):
    """Ends training when the watched number has not got better for some epochs.

    Args:
        monitor: its name in the logs.
        min_delta: by how much it must get better to count.
        patience: after how many epochs without that to stop.
        verbose: 1 to say so.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to decide by the metric.
        baseline: what must be beaten for patience to begin anew.
        restore_best_weights: give the model the weights of its best epoch at the end?
        start_from_epoch: how many epochs to let pass first.

    Example:
        >>> import polynet
        >>> class Model:
        ...     stop_training = False
        >>> stopping = polynet.callbacks.EarlyStopping(patience=2)
        >>> stopping.set_model(Model())
        >>> for epoch, loss in enumerate([0.5, 0.4, 0.6, 0.5]):
        ...     stopping.on_epoch_end(epoch, {"val_loss": loss})
        >>> stopping.model.stop_training, stopping.stopped_epoch, stopping.best
        (True, 3, 0.4)
    """

    saved_attributes = ("wait", "stopped_epoch", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._forget()

    def _forget(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin anew."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compare, and stop when patience is over."""
        self.direction()
        value = self.value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.best_weights is None:
            self._remember(epoch)
        self.wait += 1
        if self.is_better(value, self.best):
            self.best = value
            self._remember(epoch)
            if self.is_better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        """Restore the best weights."""
        if self.stopped_epoch > 0 and self.verbose:
            show(
                f"Epoch {self.stopped_epoch + 1}: early stopping, since {self.monitor} got no better."
            )
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                show(f"The model has the weights of epoch {self.best_epoch + 1}, its best.")
            self.model.set_weights(self.best_weights)
