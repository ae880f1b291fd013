"""``ProgbarLogger``: shows progress and metrics; how a line looks is in ``training/progress.py``."""

from __future__ import annotations

from typing import Any

from polynet.callbacks.callback import Callback
from polynet.training.progress import Progbar, verbosity

__all__ = ["ProgbarLogger"]


class ProgbarLogger(Callback):
    """Prints progress: a line for each epoch, updated in place in a terminal or notebook.

    ``fit``, ``evaluate`` and ``predict`` add one unless ``verbose=0``.

    Example:
        >>> import polynet
        >>> logger = polynet.callbacks.ProgbarLogger()
        >>> logger.set_params({"verbose": 2, "epochs": 1, "steps": 10})
    """

    every_batch = False

    def __init__(self) -> None:
        super().__init__()
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self.seen = 0
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        """Note how much to show, and of how many steps and epochs."""
        super().set_params(params)
        self.verbose = verbosity(params.get("verbose", 1))
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")

    def on_train_begin(self, logs: Any = None) -> None:
        """From here, validation is silent."""
        self._in_fit = True

    def on_train_end(self, logs: Any = None) -> None:
        """Validation counts again."""
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin a line."""
        self._begin(f"Epoch {epoch + 1}/{self.epochs}" if self.epochs > 1 else "")

    def on_test_begin(self, logs: Any = None) -> None:
        """Begin a line, unless ``fit`` validates."""
        if not self._in_fit:
            self._begin()

    def on_predict_begin(self, logs: Any = None) -> None:
        """Begin a line."""
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the line, if it is time."""
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the line, if it is time."""
        if not self._in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the line, if it is time."""
        self._update(batch, None)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """End the line."""
        self._end(logs)

    def on_test_end(self, logs: Any = None) -> None:
        """End the line, unless ``fit`` validates."""
        if not self._in_fit:
            self._end(logs)

    def on_predict_end(self, logs: Any = None) -> None:
        """End the line."""
        self._end(None)

    def abort(self) -> None:
        """Leave the line as it is: an error ends the run."""
        self._in_fit = False
        if self.progbar is not None:
            self.progbar.close()

    def _begin(self, title: str = "") -> None:
        self.seen = 0
        self.progbar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())
        self.progbar.title = title

    def _update(self, batch: int, logs: Any) -> None:
        self.seen = batch + 1
        if self.progbar is not None and self.progbar.due(self.seen):
            # logs are read here, which waits for the device
            self.progbar.update(self.seen, (logs or {}).items(), finalize=False)
        elif self.progbar is not None:
            self.progbar.pass_by(self.seen)

    def _end(self, logs: Any) -> None:
        if self.progbar is None:
            self._begin()
        assert self.progbar is not None
        if self.target is None:
            self.target = self.seen
            self.progbar.target = self.target
        self.progbar.update(self.seen, (logs or {}).items(), finalize=True)
