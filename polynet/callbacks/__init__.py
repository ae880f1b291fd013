"""Callbacks: what is told of the course of training, and may act on it.

This page is the contents; each name is imported when it is first used.  ``callback.py`` holds the base class and the
list of several; each callback has a file of its own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which do not run __getattr__
    from polynet.callbacks.backup_and_restore import BackupAndRestore
    from polynet.callbacks.callback import Callback, CallbackList
    from polynet.callbacks.checkpointer import Checkpointer
    from polynet.callbacks.csv_logger import CSVLogger
    from polynet.callbacks.early_stopping import EarlyStopping
    from polynet.callbacks.history import History
    from polynet.callbacks.lambda_callback import LambdaCallback
    from polynet.callbacks.learning_rate_scheduler import LearningRateScheduler
    from polynet.callbacks.model_checkpoint import ModelCheckpoint
    from polynet.callbacks.orbax_checkpoint import OrbaxCheckpoint
    from polynet.callbacks.progbar_logger import ProgbarLogger
    from polynet.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
    from polynet.callbacks.remote_monitor import RemoteMonitor
    from polynet.callbacks.swap_ema_weights import SwapEMAWeights
    from polynet.callbacks.tensorboard import TensorBoard
    from polynet.callbacks.terminate_on_nan import TerminateOnNaN

_NAMES = {
    "BackupAndRestore": "backup_and_restore",
    "CSVLogger": "csv_logger",
    "Callback": "callback",
    "CallbackList": "callback",
    "Checkpointer": "checkpointer",
    "EarlyStopping": "early_stopping",
    "History": "history",
    "LambdaCallback": "lambda_callback",
    "LearningRateScheduler": "learning_rate_scheduler",
    "ModelCheckpoint": "model_checkpoint",
    "OrbaxCheckpoint": "orbax_checkpoint",
    "ProgbarLogger": "progbar_logger",
    "ReduceLROnPlateau": "reduce_lr_on_plateau",
    "RemoteMonitor": "remote_monitor",
    "SwapEMAWeights": "swap_ema_weights",
    "TensorBoard": "tensorboard",
    "TerminateOnNaN": "terminate_on_nan",
}
"""Where each name is defined."""

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "Checkpointer",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "OrbaxCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f"polynet.callbacks.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'polynet.callbacks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
