"""``BackupAndRestore``: ``Checkpointer`` under the name and with the arguments that Keras has for it."""

from __future__ import annotations

import os
from typing import Any

from polynet.callbacks.checkpointer import Checkpointer
from polynet.callbacks.saver import check_frequency

__all__ = ["BackupAndRestore"]


class BackupAndRestore(Checkpointer):
    """Saves the state of training, takes it up again when the same program is started anew, and removes it at the end.

    ``Checkpointer`` does the same, and keeps the files.

    Args:
        backup_dir: the directory of the saved states.
        save_freq: ``"epoch"``, a number of batches, or ``False`` to restore only.
        double_checkpoint: keep the state before the last, too, in case the last one is damaged?
        delete_checkpoint: remove the saved states when training has ended?
        on_error: when a state cannot be written: ``"raise"``, which ends training, or ``"warn"``.

    Example:
        >>> import polynet
        >>> backup = polynet.callbacks.BackupAndRestore("backup", save_freq=100)
        >>> backup.save_freq
        100
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int | bool = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        *,
        on_error: str = "raise",
    ) -> None:
        if not os.fspath(backup_dir):
            raise ValueError(
                "BackupAndRestore: backup_dir: expected a directory; got an empty path."
            )
        if save_freq is not False:
            check_frequency("BackupAndRestore", save_freq)
        super().__init__(backup_dir, 2 if double_checkpoint else 1, save_freq or "epoch", on_error)
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save every so many batches."""
        if self.save_freq is not False:
            super().on_train_batch_end(batch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Remove what is no longer needed."""
        if self.delete_checkpoint:
            self._remove(self.files, 0)
