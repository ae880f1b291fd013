"""``OrbaxCheckpoint``: saves the model's state by the package ``orbax-checkpoint``, an extra.

polynet's own files are written by ``ModelCheckpoint``; this one is for people whose tools read Orbax.
"""

from __future__ import annotations

import json
import os
from typing import Any

from polynet.callbacks.monitor import Monitor
from polynet.callbacks.saver import Saver
from polynet.callbacks.tensorboard import host_values
from polynet.training.progress import show

__all__ = ["OrbaxCheckpoint"]


class OrbaxCheckpoint(Monitor, Saver):
    """Saves weights and optimizer state with Orbax after each epoch or some batches.

    Args:
        directory: where the checkpoints are, one folder each, named by the epoch or the number of batches.
        monitor: the number of the logs that says which model is best.
        verbose: 1 to say what is done.
        save_best_only: save only what is better than all before?
        mode: ``"min"``, ``"max"``, or ``"auto"`` to decide by the metric.
        save_freq: ``"epoch"``, or a number of batches.
        initial_value_threshold: what the first saved model must beat.
        max_to_keep: how many checkpoints to keep; ``None`` for all.
        save_on_background: go on with training while a checkpoint is written?
        save_weights_only: leave out the optimizer's state and the model's description?

    Example:
        >>> import polynet
        >>> checkpoint = polynet.callbacks.OrbaxCheckpoint("checkpoints", save_freq=100, max_to_keep=3)
        >>> checkpoint.save_freq
        100
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.directory = os.path.abspath(os.fspath(directory))
        self.verbose, self.save_best_only = verbose, save_best_only
        self._save_each(save_freq)
        self.save_on_background, self.save_weights_only = save_on_background, save_weights_only
        self.max_to_keep = max_to_keep
        self._manager: Any = None

    def set_model(self, model: Any) -> None:
        """Note the model; this needs Orbax."""
        super().set_model(model)
        _package()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Save after so many batches."""
        if self.save_freq != "epoch" and self._counter.passed(batch):
            self._save(self._counter.total, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save after the epoch."""
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Wait for what is being written."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    def wait_until_finished(self) -> None:
        """Wait for what is being written."""
        if self._manager is not None:
            self._manager.wait_until_finished()

    def _save(self, step: int, logs: Any) -> None:
        if self.save_best_only:
            value = self.value(logs)
            if value is None or not self.is_better(value, self.best):
                return
            self.best = value
        orbax = _package()
        if self._manager is None:
            options = orbax.CheckpointManagerOptions(
                max_to_keep=self.max_to_keep, enable_async_checkpointing=self.save_on_background
            )
            self._manager = orbax.CheckpointManager(self.directory, options=options)
        save = orbax.args
        items = {"pytree": save.StandardSave(self._state())}
        if not self.save_weights_only:
            items["model_config"] = save.JsonSave(json.loads(self.model.to_json()))
        self._manager.save(step, args=save.Composite(**items), force=True)
        if self.verbose:
            show(f"OrbaxCheckpoint: saving step {step} to {self.directory}.")

    def _state(self) -> dict[str, Any]:
        """The variables, in dicts by the parts of their paths."""
        groups = {
            "trainable_variables": self.model.trainable_variables,
            "non_trainable_variables": self.model.non_trainable_variables,
        }
        optimizer = getattr(self.model, "optimizer", None)
        if not self.save_weights_only and optimizer is not None:
            groups["optimizer_variables"] = optimizer.variables
        state: dict[str, Any] = {}
        for name, variables in groups.items():
            if not variables:
                continue
            group: dict[str, Any] = {}
            state[name] = group
            for variable in variables:
                *folders, last = variable.path.split("/")
                place: dict[str, Any] = group
                for folder in folders:
                    place = place.setdefault(folder, {})
                # two variables of one path: the later one is numbered
                key, number = last, 1
                while key in place:
                    key, number = f"{last}_{number}", number + 1
                place[key] = host_values(variable)
        return state


def _package() -> Any:
    try:
        import orbax.checkpoint
    except ImportError as error:
        raise ImportError(
            "OrbaxCheckpoint: needs the package orbax-checkpoint: pip install 'polynet-dl[orbax]'."
        ) from error
    return orbax.checkpoint
