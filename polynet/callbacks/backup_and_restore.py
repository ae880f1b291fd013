"""``BackupAndRestore``: takes an interrupted run up again.  How files are written is in ``saving``."""

from __future__ import annotations

import os
import warnings
from typing import Any

from polynet import errors
from polynet.callbacks.callback import Callback
from polynet.callbacks.monitor import BatchCounter, check_frequency

__all__ = ["BackupAndRestore"]


class BackupAndRestore(Callback):
    """Saves the state of training, and takes it up again when the same program is started anew.

    Weights, optimizer, metrics, random generators and the place in the data are saved, so that the run ends with the
    same weights as one that was never interrupted.

    Args:
        backup_dir: the directory of the saved states.
        save_freq: ``"epoch"``, or a number of batches.
        double_checkpoint: keep the state before the last, too, in case the last one is damaged?
        delete_checkpoint: remove the saved states when training has ended?

    Example:
        >>> import polynet
        >>> backup = polynet.callbacks.BackupAndRestore("backup", save_freq=100)
        >>> backup.save_freq
        100
    """

    needs_built = True
    """``fit`` builds the model before training begins, so that there is something to restore into."""

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not os.fspath(backup_dir):
            raise ValueError(
                "BackupAndRestore: backup_dir: expected a directory; got an empty path."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = (
            save_freq if save_freq is False else check_frequency("BackupAndRestore", save_freq)
        )
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._counter = BatchCounter("epoch" if save_freq is False else save_freq)
        self._epoch = 0

    @property
    def _paths(self) -> list[str]:
        """The newest state, and the one before."""
        return [os.path.join(self.backup_dir, name) for name in ("last.state", "previous.state")]

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the newest state that is whole."""
        from polynet.saving.progress import load_progress

        for path in self._paths:
            if not os.path.exists(path):
                continue
            try:
                position = load_progress(path, self.model)
                self.model._resume_at(position["epoch"], position["batch"], position["seed"])
                return
            except (errors.FileError, KeyError) as error:
                warnings.warn(f"BackupAndRestore: {path} is not used: {error}", stacklevel=2)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save every so many batches."""
        if self.save_freq not in ("epoch", False) and self._counter.passed(batch):
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save at the end of an epoch."""
        if self.save_freq == "epoch":
            self._save(epoch + 1, 0)

    def on_train_end(self, logs: Any = None) -> None:
        """Remove what is no longer needed."""
        if self.delete_checkpoint:
            for path in self._paths:
                if os.path.exists(path):
                    os.remove(path)

    def _save(self, epoch: int, batch: int) -> None:
        from polynet.saving.progress import save_progress

        os.makedirs(self.backup_dir, exist_ok=True)
        last, previous = self._paths
        if self.double_checkpoint and os.path.exists(last):
            os.replace(last, previous)
        position = {"epoch": epoch, "batch": batch, "seed": int(self.model._data_seed)}
        save_progress(last, self.model, position)
