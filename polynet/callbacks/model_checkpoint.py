"""``ModelCheckpoint``: saves the model or its weights while it is trained.  How files are written is in ``saving``."""

from __future__ import annotations

import os
from typing import Any

from polynet.callbacks.monitor import Monitor
from polynet.callbacks.saver import Saver
from polynet.training.progress import show

__all__ = ["ModelCheckpoint"]

_WHOLE = (".polynet", ".keras")
_WEIGHTS = (".safetensors", ".weights.h5")


class ModelCheckpoint(Monitor, Saver):
    """Saves the model, or its weights, after each epoch or some batches.

    Args:
        filepath: the file. It may contain ``{epoch}``, ``{batch}`` and names of the logs, with formats, as in
            ``"{epoch:02d}-{val_loss:.2f}.polynet"``. It ends in ``.polynet`` or ``.keras``, or, for weights, in
            ``.safetensors`` or ``.weights.h5``.
        monitor: the number of the logs that says which model is best.
        verbose: 1 to say what is done.
        save_best_only: save only what is better than all before?
        save_weights_only: save the weights alone?
        mode: ``"min"``, ``"max"``, or ``"auto"`` to decide by the metric.
        save_freq: ``"epoch"``, or a number of batches.
        initial_value_threshold: what the first saved model must beat.
        on_error: when the file cannot be written: ``"raise"``, which ends training, or ``"warn"``.

    Example:
        >>> import polynet
        >>> class Model:
        ...     def save(self, path):
        ...         print("saving", path)
        >>> checkpoint = polynet.callbacks.ModelCheckpoint("{epoch:02d}-{val_loss:.1f}.polynet", save_best_only=True)
        >>> checkpoint.set_model(Model())
        >>> for epoch, loss in enumerate([0.5, 0.7, 0.3]):
        ...     checkpoint.on_epoch_end(epoch, {"val_loss": loss})
        saving 01-0.5.polynet
        saving 03-0.3.polynet
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        *,
        on_error: str = "raise",
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self._save_each(save_freq, on_error)
        endings = _WEIGHTS if save_weights_only else _WHOLE
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"ModelCheckpoint: filepath: expected a name that ends in {' or '.join(endings)}"
                f"{' with save_weights_only=True' if save_weights_only else ''}; got {self.filepath!r}."
            )
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save after so many batches."""
        if self.save_freq != "epoch" and self._counter.passed(batch):
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Any) -> None:
        logs = logs if logs is not None else {}
        best = self.best
        if self.save_best_only:
            value = self.value(logs)
            # without the number nobody can say what is best, so everything is saved
            if value is not None:
                if not self.is_better(value, best):
                    self._say(epoch, f"{self.monitor} is {value:.5f}, no better than {best:.5f}.")
                    return
                best = value
        path = self._path(epoch, batch, logs)
        with self._writing():
            self._write(path)
            self.best = best
            self._say(epoch, f"saved {path}{self._with_best()}.")

    def _write(self, path: str) -> None:
        if os.path.isdir(path):
            raise IsADirectoryError(
                f"ModelCheckpoint: filepath: expected a file; {path!r} is a directory."
            )
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)

    def _with_best(self) -> str:
        if not self.save_best_only or self.best is None:
            return ""
        return f", with the best {self.monitor} so far, {self.best:.5f}"

    def _say(self, epoch: int, text: str) -> None:
        if self.verbose:
            show(f"Epoch {epoch + 1}: {text}")

    def _path(self, epoch: int, batch: int | None, logs: Any) -> str:
        names = {"epoch": epoch + 1, **logs}
        if batch is not None:
            names.setdefault("batch", batch + 1)
        try:
            return self.filepath.format(**names)
        except (KeyError, IndexError) as error:
            raise KeyError(
                f"ModelCheckpoint: filepath: {self.filepath!r} names {error}; known here are {', '.join(names)}."
            ) from None
