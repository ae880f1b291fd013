"""``LambdaCallback``: a callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polynet import errors
from polynet.callbacks.callback import HOOKS, Callback

__all__ = ["LambdaCallback"]


class LambdaCallback(Callback):
    """Calls functions at the hooks whose names they are given by.

    Args:
        on_epoch_begin: a function of the epoch's number and the logs.
        on_epoch_end: a function of the epoch's number and the logs.
        on_train_begin: a function of the logs.
        on_train_end: a function of the logs.
        on_train_batch_begin: a function of the batch's number and the logs.
        on_train_batch_end: a function of the batch's number and the logs.
        **kwargs: functions for the other hooks of ``Callback``.

    Example:
        >>> import polynet
        >>> shout = polynet.callbacks.LambdaCallback(on_train_end=lambda logs: print("done"))
        >>> shout.on_train_end()
        done
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for hook, function in given.items():
            if hook not in HOOKS:
                raise TypeError(
                    f"LambdaCallback: unknown hook {hook!r}.{errors.closest(hook, HOOKS)}"
                )
            if function is None:
                continue
            if not callable(function):
                raise TypeError(
                    f"LambdaCallback: {hook}: expected a function; got {type(function).__name__}."
                )
            setattr(self, hook, _with_logs(hook, function))


def _with_logs(hook: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a hook, which gets logs even where the hook is called without."""
    if "batch" in hook or "epoch" in hook:
        return lambda number, logs=None: function(number, logs)
    return lambda logs=None: function(logs)
