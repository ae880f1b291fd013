"""``SwapEMAWeights``: evaluates with the moving averages of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polynet import ops
from polynet.callbacks.callback import Callback
from polynet.training.logs import as_float

__all__ = ["SwapEMAWeights"]


class SwapEMAWeights(Callback):
    """Gives the model the moving averages of its weights while it is evaluated, and its own weights back after.

    The optimizer must have been made with ``use_ema=True``.

    Args:
        swap_on_epoch: also between epochs, so that a ``ModelCheckpoint`` that comes after it saves the averages?

    Example:
        >>> import polynet
        >>> swap = polynet.callbacks.SwapEMAWeights(swap_on_epoch=True)
    """

    saved_attributes = ("_swapped",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """Each weight with its average."""
        optimizer = getattr(self.model, "optimizer", None)
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        found = [
            each
            for each in getattr(optimizer, "optimizers", None) or [optimizer]
            if getattr(each, "use_ema", False)
        ]
        if not found:
            raise ValueError(
                "SwapEMAWeights: expected an optimizer that keeps averages of the weights; make it with use_ema=True."
            )
        for each in found:
            # before the first step there are no averages yet
            if each.built and int(as_float(each.iterations)):
                for weight, average in zip(each._trainable, each._averages, strict=True):
                    if average is not None:
                        yield weight, average

    def _swap(self, swapped: bool) -> None:
        """Have the averages in the model, or its own weights."""
        if swapped == self._swapped:
            return
        values = [
            (weight, average, ops.copy(weight), ops.copy(average))
            for weight, average in self._pairs()
        ]
        for weight, average, own, mean in values:
            weight.assign(mean)
            average.assign(own)
        self._swapped = swapped

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Go on with the model's own weights."""
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Show the averages to callbacks that come later."""
        if self.swap_on_epoch and not self._swapped:
            self._swap(True)
            if epoch == (self.params or {}).get("epochs", 0) - 1:
                for weight, average in self._pairs():  # which training ends with
                    average.assign(weight)

    def on_test_begin(self, logs: Any = None) -> None:
        """Evaluate with the averages."""
        self._swap(True)

    def on_test_end(self, logs: Any = None) -> None:
        """Go back to the model's own weights."""
        self._swap(False)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Predict with the averages."""
        self._swap(True)

    def on_predict_end(self, logs: Any = None) -> None:
        """Go back to the model's own weights."""
        self._swap(False)
