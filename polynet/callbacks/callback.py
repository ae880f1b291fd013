"""``Callback``, what is told what happens in training, and ``CallbackList``, which tells several.

When each hook is called is decided in ``polynet/training``; what callbacks do has a file for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from polynet import tree

__all__ = ["Callback", "CallbackList"]


class Callback:
    """Something to be told of the course of training, evaluation or prediction: override the hooks of interest.

    ``logs`` is a dict of floats, which come from the device when they are first asked for. ``self.model`` is the
    model, and ``self.params`` a dict with ``epochs``, ``steps`` and ``verbose``.

    What a callback counts or remembers is lost when a run is interrupted, unless ``saved_attributes`` names it: then
    ``Checkpointer`` and ``BackupAndRestore`` save it, and restore it when the run goes on.

    Example:
        >>> import polynet
        >>> class Announce(polynet.callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
        >>> polynet.callbacks.CallbackList([Announce()]).on_epoch_end(0, {"loss": 0.25})
        0 0.25
    """

    params: Any = None
    _model: Any = None

    every_batch: bool = True
    """Must the hooks of batches be called after every single one? Where no callback needs that, several training
    steps may be taken at once, and the hooks are called for the last of them."""

    saved_attributes: tuple[str, ...] = ()
    """The names of attributes that a checkpoint saves: numbers, strings, arrays, lists and dicts of these. Those of the
    classes that a class is derived from count too."""

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint saves: the attributes that ``saved_attributes`` names. May be overridden."""
        return {name: getattr(self, name) for name in self._saved()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take back what ``get_state`` gave, after ``on_train_begin`` of all callbacks. May be overridden."""
        for name in self._saved():
            if name in state:
                setattr(self, name, state[name])

    def _saved(self) -> list[str]:
        bases = reversed(type(self).__mro__)
        return [name for base in bases for name in vars(base).get("saved_attributes", ())]

    @property
    def model(self) -> Any:
        """The model that is trained, evaluated or used."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before training with what is known of it."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called before training with the model."""
        self._model = model

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """An epoch of training begins."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """An epoch is over, validation included."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """An older name of ``on_train_batch_begin``, which calls it."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """An older name of ``on_train_batch_end``, which calls it."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A training step begins."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """A training step is done; with several steps in one execution, the last of them."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """An evaluation step begins, also in the validation of ``fit``."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """An evaluation step is done."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A prediction step begins."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """A prediction step is done; ``logs["outputs"]`` are its results."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Training begins."""

    def on_train_end(self, logs: Any = None) -> None:
        """Training is over; ``logs`` are those of the last epoch."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Evaluation or validation begins."""

    def on_test_end(self, logs: Any = None) -> None:
        """Evaluation or validation is over."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Prediction begins."""

    def on_predict_end(self, logs: Any = None) -> None:
        """Prediction is over."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
_FORWARD = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def overrides(callback: Any, hook: str) -> bool:
    """Does a callback do anything in a hook?"""
    own = getattr(callback, hook)
    if getattr(own, "__func__", own) is not getattr(Callback, hook):
        return True
    return hook in _FORWARD and overrides(callback, _FORWARD[hook])


class CallbackList(Callback):
    """Several callbacks as one; a hook that none of them overrides costs nothing.

    Args:
        callbacks: callbacks, in a list or any tree.
        add_history: add a ``History`` if there is none?
        add_progbar: add a ``ProgbarLogger`` if there is none?
        model: the model that they are told of.
        **params: ``epochs``, ``steps``, ``verbose``, for ``set_params``.

    Example:
        >>> import polynet
        >>> both = polynet.callbacks.CallbackList(add_history=True)
        >>> both.on_epoch_end(0, {"loss": 0.5})
        >>> both.callbacks[0].history
        {'loss': [0.5]}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        from polynet.callbacks.history import History
        from polynet.callbacks.progbar_logger import ProgbarLogger

        self.callbacks: list[Any] = [] if callbacks is None else tree.flatten(callbacks)
        for callback in self.callbacks:
            _check(callback)
        if add_history and not self._find(History):
            self.callbacks.append(History())
        if add_progbar and not self._find(ProgbarLogger):
            self.callbacks.append(ProgbarLogger())
        self._sort()
        self._history = self._find(History)
        self._hooks: dict[str, list[Callable[..., Any]]] = {}
        self.set_model(model)
        self.set_params(params)

    def _find(self, kind: type) -> Any:
        return next((each for each in reversed(self.callbacks) if isinstance(each, kind)), None)

    def _sort(self) -> None:
        """Callbacks that save what others have done come after them."""
        self.callbacks.sort(key=lambda each: bool(getattr(each, "comes_last", False)))

    def append(self, callback: Any) -> None:
        """Add a callback."""
        _check(callback)
        self.callbacks.append(callback)
        self._sort()
        self._hooks.clear()

    def listeners(self, hook: str) -> list[Callable[..., Any]]:
        """The methods that a hook calls."""
        found = self._hooks.get(hook)
        if found is None:
            found = self._hooks[hook] = [
                getattr(each, hook) for each in self.callbacks if overrides(each, hook)
            ]
        return found

    def looks_at_batches(self) -> bool:
        """Is there a callback that must be told of every single batch of training?"""
        hooks = ("on_train_batch_begin", "on_train_batch_end")
        return any(
            each.every_batch and any(overrides(each, hook) for hook in hooks)
            for each in self.callbacks
        )

    def get_state(self) -> dict[str, Any]:
        """The states of the callbacks that have one, by their classes, numbered where there are several."""
        return {name: state for name, each in self._named() if (state := each.get_state())}

    def set_state(self, state: dict[str, Any]) -> None:
        """Give each callback its state; those that have none in ``state`` stay as they are."""
        for name, each in self._named():
            if name in state:
                each.set_state(state[name])

    def _named(self) -> Iterator[tuple[str, Any]]:
        counts: dict[str, int] = {}
        for each in self.callbacks:
            name = type(each).__name__
            counts[name] = number = counts.get(name, -1) + 1
            if hasattr(each, "get_state") and hasattr(each, "set_state"):
                yield f"{name}_{number}" if number else name, each

    def abort(self) -> None:
        """An error ends the run: callbacks that show or hold something let go of it."""
        for callback in self.callbacks:
            stop = getattr(callback, "abort", None)
            if stop is not None:
                stop()

    def __enter__(self) -> CallbackList:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:  # let go, so that a traceback does not land in the progress line
            self.abort()

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all callbacks what is known of the training."""
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell all callbacks of the model."""
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def _tell(self, hook: str, logs: Any, *which: int) -> None:
        listeners = self.listeners(hook)
        if listeners:
            logs = _told(logs)
            for call in listeners:
                call(*which, logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_epoch_begin", logs, epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_epoch_end", logs, epoch)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_batch_begin", logs, batch)

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_batch_end", logs, batch)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_train_batch_begin", logs, batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_train_batch_end", logs, batch)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_test_batch_begin", logs, batch)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_test_batch_end", logs, batch)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_predict_batch_begin", logs, batch)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Tell all callbacks; here logs hold outputs, which stay tensors."""
        for call in self.listeners("on_predict_batch_end"):
            call(batch, {} if logs is None else logs)

    def on_train_begin(self, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_train_begin", logs)

    def on_train_end(self, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_train_end", logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_test_end", logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        """Tell all callbacks."""
        self._tell("on_predict_end", logs)


def _told(logs: Any) -> Any:
    """Logs as callbacks get them: a dict of floats."""
    from polynet.training.logs import Logs

    if logs is None:
        return {}
    return logs if isinstance(logs, Logs) else Logs(logs)


def _check(callback: Any) -> None:
    if isinstance(callback, type):
        raise TypeError(
            f"callbacks: expected objects; got the class {callback.__name__}. Write {callback.__name__}()."
        )
    missing = [hook for hook in HOOKS if not callable(getattr(callback, hook, None))]
    if missing:
        raise TypeError(
            f"callbacks: expected objects of classes derived from polynet.callbacks.Callback; got "
            f"{type(callback).__name__}, which has no {missing[0]}."
        )
