"""``Checkpointer``: keeps the newest states of a run, and takes the run up again from the newest one that is whole.

What is in a file, and how it is read and written, is in ``saving/progress.py``; where a run is, in
``training/run.py``.
"""

from __future__ import annotations

import os
import re
import warnings
from typing import Any

from polynet import errors
from polynet.callbacks.saver import Saver
from polynet.saving import container
from polynet.saving.progress import Checkpoint, is_checkpoint, save_checkpoint

__all__ = ["Checkpointer"]

_NAME = "checkpoint-{:06d}.state"
_NUMBERED = re.compile(r"checkpoint-(\d{6,18})\.state")


class Checkpointer(Saver):
    """Saves the state of training, and takes it up again when the same program is started anew.

    Weights, optimizer, metrics, random generators, the place in the data, history and what other callbacks remember
    are saved. A run that was killed and started again ends with the same bits as one that was never interrupted. Give
    it to ``fit`` as a callback; in a loop of your own call ``restore`` before it and ``save`` within.

    Files are numbered, and each is written whole or not at all. One that is damaged is reported and left out. The
    directory is for one run, which is one call of ``fit``; to begin anew, give another one.

    Args:
        directory: where the files are; it is made if needed.
        keep: how many files to keep. Older ones are removed, if they are whole checkpoints.
        save_freq: ``"epoch"``, or a number of batches.
        on_error: when a file cannot be written in ``fit``: ``"raise"``, which ends training, or ``"warn"``.

    Example:
        >>> import polynet, tempfile
        >>> def make():
        ...     model = polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(1)])
        ...     model.compile("adam", "mse")
        ...     return model
        >>> x, y = polynet.ops.ones((8, 3)), polynet.ops.ones((8, 1))
        >>> run = polynet.Checkpointer(tempfile.mkdtemp())
        >>> losses = make().fit(x, y, epochs=2, callbacks=[run], verbose=0).history["loss"]
        >>> again = make().fit(x, y, epochs=3, callbacks=[run], verbose=0).history["loss"]
        >>> again[:2] == losses, len(again)
        (True, 3)
    """

    needs_built = True
    """``fit`` builds the model before training begins, so that there is something to restore into."""
    comes_last = True
    """What the other callbacks did after a batch or an epoch is saved too."""

    def __init__(
        self,
        directory: str | os.PathLike[str],
        keep: int = 3,
        save_freq: str | int = "epoch",
        on_error: str = "raise",
    ) -> None:
        super().__init__()
        own = type(self).__name__
        if not os.fspath(directory):
            raise ValueError(f"{own}: directory: expected a directory; got an empty path.")
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
            raise ValueError(f"{own}: keep: expected an integer of 1 or more; got {keep!r}.")
        self.directory, self.keep = os.fspath(directory), keep
        self._save_each(save_freq, on_error)

    # ---------------------------------------------------------------------------------- by hand

    @property
    def files(self) -> list[str]:
        """The files of the directory that are called as checkpoints are, oldest first."""
        found = []
        if os.path.isdir(self.directory):
            for name in os.listdir(self.directory):
                match = _NUMBERED.fullmatch(name)
                if match:
                    found.append((int(match[1]), name))
        return [os.path.join(self.directory, name) for _, name in sorted(found)]

    def save(self, model: Any, state: Any = None, optimizer: Any = None) -> str:
        """Write the next file; returns its path.

        Args:
            state: what ``restore`` shall return: numbers, strings, arrays, lists and dicts of these, such as
                ``{"step": 100}``.
            optimizer: one that was not given to ``compile``.

        Example:
            >>> import polynet, tempfile
            >>> model = polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(1)])
            >>> run = polynet.Checkpointer(tempfile.mkdtemp())
            >>> path = run.save(model, {"step": 100})
            >>> run.restore(model)
            {'step': 100}
        """
        self._ready(model, optimizer)
        return self._save(model, {} if state is None else state, False, optimizer)

    def restore(self, model: Any, optimizer: Any = None) -> Any:
        """Take the newest file that is whole; returns the ``state`` that ``save`` was given, or ``None`` without one.

        Nothing changes when there is no file, or when the file does not fit the model, which is an error.

        Args:
            optimizer: one that was not given to ``compile``.
        """
        checkpoint = self._newest()
        if checkpoint is None:
            return None
        self._ready(model, optimizer)
        self._apply(checkpoint, model, optimizer, False)
        return checkpoint.state["state"]

    def _ready(self, model: Any, optimizer: Any) -> None:
        """Have all variables there."""
        if not model.built:
            raise ValueError(
                f"{type(self).__name__}: {type(model).__name__} {model.name!r} has no weights yet. Call it, or "
                f"build(input_shape), first."
            )
        used = model.optimizer if optimizer is None else optimizer
        if used is not None and not used.built:
            used.build(model.trainable_variables)
            used.built = True

    # ---------------------------------------------------------------------------------- in fit

    def on_train_begin(self, logs: Any = None) -> None:
        """Restore the newest state that is whole."""
        checkpoint = self._newest()
        if checkpoint is None:
            return
        state = checkpoint.state
        if not state["fit"]:
            raise errors.FileError(
                f"{type(self).__name__}: {checkpoint.path} was saved by save, not by fit, and does not tell where fit "
                f"shall go on. Call restore before fit, and give fit another directory."
            )

        def restore(checkpoint: Checkpoint) -> None:
            self._apply(checkpoint, self.model, None, True)
            self.model._training_run.set_state(state["state"])

        restore(checkpoint)
        self.model._training_run.again = lambda: restore(Checkpoint(checkpoint.path))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save every so many batches."""
        if self.save_freq != "epoch" and self._counter.passed(batch):
            self._save_run()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save at the end of an epoch."""
        if self.save_freq == "epoch":
            self._save_run()

    def _save_run(self) -> None:
        state = self.model._training_run.get_state()
        with self._writing():
            self._save(self.model, state, True, None)

    # ---------------------------------------------------------------------------------- files

    def _save(self, model: Any, state: Any, fit: bool, optimizer: Any) -> str:
        os.makedirs(self.directory, exist_ok=True)
        files = self.files
        number = 1 + (self._number(files[-1]) if files else 0)
        path = os.path.join(self.directory, _NAME.format(number))
        save_checkpoint(path, model, {"fit": fit, "state": state}, optimizer)
        self._remove([*files, path], self.keep)
        return path

    @staticmethod
    def _number(path: str) -> int:
        match = _NUMBERED.fullmatch(os.path.basename(path))
        assert match is not None
        return int(match[1])

    def _remove(self, files: list[str], keep: int) -> None:
        """Remove all but the newest; what is not a whole checkpoint is somebody else's, or evidence."""
        if len(files) > keep:
            whole = [path for path in files if is_checkpoint(path)]
            for path in whole[: len(whole) - keep]:
                os.unlink(path)

    def _newest(self) -> Checkpoint | None:
        """The newest file that is whole, with a warning of those that are not."""
        container.remove_temporaries(self.directory, _NUMBERED)
        for path in reversed(self.files):
            try:
                checkpoint = Checkpoint(path)
                if not isinstance(checkpoint.state, dict) or set(checkpoint.state) != {
                    "fit",
                    "state",
                }:
                    raise errors.FileError(f"{path}: expected fit and state.")
                return checkpoint
            except (errors.FileError, OSError) as error:
                warnings.warn(f"{type(self).__name__}: {path} is not used: {error}", stacklevel=4)
        return None

    def _apply(self, checkpoint: Checkpoint, model: Any, optimizer: Any, metrics: bool) -> None:
        try:
            checkpoint.apply(model, optimizer, metrics)
        except errors.FileError as error:
            raise errors.FileError(
                f"{type(self).__name__}: {error} The file was saved with another model or other arguments of compile. "
                f"Give another directory, or remove the file to begin anew."
            ) from error
