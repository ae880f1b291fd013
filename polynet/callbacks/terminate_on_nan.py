"""``TerminateOnNaN``: ends training when the loss is no number any more."""

from __future__ import annotations

import math
from typing import Any

from polynet.callbacks.callback import Callback
from polynet.training.progress import show

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """Ends training when the loss is NaN or infinite.

    Looking at the loss after every step makes each step wait for the device.

    Args:
        raise_error: raise an error, instead of ending training in the ordinary way?

    Example:
        >>> import polynet
        >>> class Model:
        ...     stop_training = False
        >>> watch = polynet.callbacks.TerminateOnNaN()
        >>> watch.set_model(Model())
        >>> watch.on_batch_end(7, {"loss": float("nan")})
        Batch 7: the loss is nan, so training ends here.
        >>> watch.model.stop_training
        True
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error
        self.stops_on_nan = not raise_error  # then ``fit`` ends where it would raise

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"TerminateOnNaN: the loss is {loss} at batch {batch}.")
        show(f"Batch {batch}: the loss is {loss}, so training ends here.")
        self.model.stop_training = True
