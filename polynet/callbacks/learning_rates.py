"""The learning rate of a model's optimizer, for the callbacks that read or change it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polynet.training.logs import as_float

__all__ = ["note_rates", "optimizers", "rate_of"]


def optimizers(model: Any, own: str) -> Iterator[tuple[str, Any]]:
    """The optimizers of a model, each with what its learning rate is called in the logs."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        raise ValueError(f"{own}: the model has no optimizer; compile it with one.")
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    several = getattr(optimizer, "optimizers", None)
    if several is None:
        yield "learning_rate", optimizer
        return
    for each in several:
        yield f"learning_rate_{each.name}", each


def rate_of(optimizer: Any, own: str) -> float:
    """The learning rate of an optimizer."""
    if not hasattr(optimizer, "learning_rate"):
        raise ValueError(
            f"{own}: expected an optimizer with a learning_rate; got {type(optimizer).__name__}."
        )
    return float(as_float(optimizer.learning_rate))


def note_rates(model: Any, logs: Any, own: str) -> None:
    """Add the learning rate to the logs."""
    for name, optimizer in optimizers(model, own):
        logs[name] = rate_of(optimizer, own)
