"""``BackupAndRestore``: takes an interrupted run up again.  How files are written is in ``saving``."""

from __future__ import annotations

import os
from typing import Any

from polynet.callbacks.callback import Callback
from polynet.callbacks.monitor import BatchCounter, check_frequency

__all__ = ["BackupAndRestore"]


class BackupAndRestore(Callback):
    """Saves the state of training, and takes it up again when the same program is started anew.

    It cannot be used yet: the files that it needs are still to be written.

    Args:
        backup_dir: the directory of the saved states.
        save_freq: ``"epoch"``, or a number of batches.
        double_checkpoint: keep the state before the last, too?
        delete_checkpoint: remove the saved states when training has ended?

    Example:
        >>> import polynet
        >>> backup = polynet.callbacks.BackupAndRestore("backup", save_freq=100)
        >>> backup.save_freq
        100
    """

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

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the newest state."""
        raise NotImplementedError(
            "BackupAndRestore: polynet cannot save the state of a run yet. Leave it out, and use ModelCheckpoint."
        )
