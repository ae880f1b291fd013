"""``Monitor``: the base of callbacks that watch one number of the logs and ask whether it got better."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from polynet import errors
from polynet.callbacks.callback import Callback

__all__ = ["Monitor"]

_UP = {
    *("Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy"),
    *("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "AUC", "Precision"),
    *("Recall", "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity"),
    *("SpecificityAtSensitivity", "FBetaScore", "F1Score", "IoU", "BinaryIoU", "MeanIoU"),
    *("OneHotIoU", "OneHotMeanIoU", "CosineSimilarity", "R2Score", "PearsonCorrelation"),
    *("ConcordanceCorrelation",),
}
_DOWN = {
    *("BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"),
    *("KLDivergence", "Poisson", "Hinge", "SquaredHinge", "CategoricalHinge"),
    *("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError"),
    *("MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "LogCoshError"),
}
"""The metrics of which more is better, and those of which less is."""


class Monitor(Callback):
    """Watches a number of the logs.

    Args:
        monitor: its name, such as ``"val_loss"``.
        mode: ``"min"`` if less is better, ``"max"`` if more is, ``"auto"`` to decide by the metric.
        baseline: what the first value must beat.
        min_delta: by how much a better value must be better.
    """

    saved_attributes: tuple[str, ...] = ("best",)

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0.0,
    ) -> None:
        super().__init__()
        own = type(self).__name__
        if not isinstance(monitor, str):
            raise TypeError(f"{own}: monitor: expected a string; got {type(monitor).__name__}.")
        if mode not in ("auto", "min", "max"):
            raise ValueError(
                f"{own}: mode: expected 'auto', 'min' or 'max'; got {mode!r}."
                f"{errors.closest(mode, ('auto', 'min', 'max'))}"
            )
        self.monitor, self.mode = monitor, mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._sign = {"min": -1.0, "max": 1.0, "auto": 0.0}[mode]

    def direction(self) -> float:
        """1.0 where more is better, -1.0 where less is."""
        if not self._sign:
            self._sign = self._find_direction()
        return self._sign

    def is_better(self, value: float, than: float | None) -> bool:
        """Is a value better than another, by ``min_delta`` at least?"""
        sign = self.direction()
        if than is None:
            return True
        return value - self.min_delta > than if sign > 0 else value + self.min_delta < than

    def value(self, logs: Any) -> float | None:
        """The watched number; if it is missing, a warning names those that are there."""
        found = (logs or {}).get(self.monitor)
        if found is None:
            names = list(logs or {})
            warnings.warn(
                f"{type(self).__name__}: monitor: there is no {self.monitor!r} in the logs."
                f"{errors.closest(self.monitor, names)} There are: {', '.join(names) or 'none'}.",
                stacklevel=3,
            )
            return None
        return float(found)

    def _find_direction(self) -> float:
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return -1.0
        for metric in _metrics(self.model):
            own = getattr(metric, "name", None)
            if own == name or (own and name.endswith(f"_{own}")):
                found = _direction(metric)
                if found:
                    return found
        if name.endswith("_loss"):
            return -1.0
        raise ValueError(
            f"{type(self).__name__}: mode: cannot tell whether more or less of {self.monitor!r} is better. "
            f"Give mode='max' or mode='min'."
        )


def _metrics(model: Any) -> Iterator[Any]:
    """The metrics of a model, those within others too."""
    for metric in getattr(model, "metrics", None) or ():
        yield metric
        yield from getattr(metric, "metrics", None) or ()


def _direction(metric: Any) -> float:
    """What is better for a metric; 0.0 if unknown."""
    own = getattr(metric, "_direction", None)
    if own in ("up", "down"):
        return 1.0 if own == "up" else -1.0
    for base in type(metric).__mro__:
        if base.__name__ in _UP:
            return 1.0
        if base.__name__ in _DOWN:
            return -1.0
    function = getattr(metric, "_fn", None)
    if getattr(function, "__module__", "").startswith("polynet.losses"):
        return -1.0
    return 0.0
