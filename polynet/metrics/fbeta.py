"""F-scores: precision and recall in one number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from polynet import errors, ops
from polynet.metrics.metric import Metric, aligned, weights_of
from polynet.metrics.total import Total


class FBetaScore(Metric):
    """The weighted harmonic mean of precision and recall, ``(1 + b**2) * p * r / (b**2 * p + r)``.

    Args:
        average: ``None`` for a score for each class; ``"macro"`` for their mean, ``"weighted"`` for their mean by how
            often each class is true, ``"micro"`` for the score of all counts together.
        beta: the weight of recall beside precision.
        threshold: what is larger is positive; by default the largest of each sample is.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.FBetaScore(beta=2.0, threshold=0.5)
        >>> metric.update_state([[1, 0], [1, 1], [0, 1]], [[0.9, 0.2], [0.3, 0.8], [0.1, 0.7]])
        >>> metric.result().tolist()
        [0.5555555820465088, 1.0]
    """

    true_positives: Total
    false_positives: Total
    false_negatives: Total
    intermediate_weights: Total

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f"average: expected None, 'micro', 'macro' or 'weighted'; got {average!r}."
            )
        if isinstance(beta, bool) or not isinstance(beta, int | float) or not beta > 0:
            raise ValueError(f"beta: expected a number above 0; got {beta!r}.")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(
                f"threshold: expected None or a number above 0 and at most 1; got {threshold!r}."
            )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the variables: for each class, along the last axis, unless the average is ``"micro"``."""
        if self._built:
            return
        if len(y_true_shape) != 2 or len(y_pred_shape) != 2 or y_pred_shape[1] is None:
            raise errors.ShapeError(
                f"{type(self).__name__} {self.name!r}: expected y_true and y_pred of shape (samples, classes); got "
                f"{tuple(y_true_shape)} and {tuple(y_pred_shape)}."
            )
        shape = () if self.average == "micro" else (y_pred_shape[1],)
        for name in (
            "true_positives",
            "false_positives",
            "false_negatives",
            "intermediate_weights",
        ):
            setattr(self, name, self.add_total(name, shape))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch.

        Args:
            y_true: labels 0 and 1 for each class, shape ``(samples, classes)``.
            y_pred: scores of the same shape; where they have a mask, only what it keeps counts.
            sample_weight: a weight for each sample, or for each label.
        """
        label, masked = f"{type(self).__name__} {self.name!r}", y_pred
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        self._build_with(y_true, y_pred)
        y_true, y_pred = aligned(label, y_true, y_pred)
        dtype = self.true_positives.dtype
        weights = weights_of(label, y_pred.shape, sample_weight, dtype, masked)
        y_true, y_pred = ops.cast(y_true, dtype), ops.cast(y_pred, dtype)
        if self.threshold is None:  # nothing is positive where all scores are 0
            largest = ops.max(y_pred, axis=-1, keepdims=True)
            positive = ops.logical_and(y_pred >= largest, ops.abs(y_pred) > 1e-9)
        else:
            positive = y_pred > self.threshold
        found = ops.cast(positive, dtype)
        axis = None if self.average == "micro" else 0
        for total, part in (
            (self.true_positives, found * y_true),
            (self.false_positives, found * (1.0 - y_true)),
            (self.false_negatives, (1.0 - found) * y_true),
            (self.intermediate_weights, y_true),
        ):
            total.assign_add(ops.sum(part if weights is None else part * weights, axis=axis))

    def result(self) -> Any:
        """The score so far, for each class or one for all; 0 before the first batch."""
        if not self._built:
            return ops.zeros((), self.dtype)
        found = self.true_positives.value
        precision = ops.divide_no_nan(found, found + self.false_positives.value)
        recall = ops.divide_no_nan(found, found + self.false_negatives.value)
        square = float(self.beta) ** 2
        score = ops.divide_no_nan((1 + square) * precision * recall, square * precision + recall)
        if self.average == "weighted":
            weights = self.intermediate_weights.value
            score = ops.divide_no_nan(ops.sum(score * weights), ops.sum(weights))
        elif self.average is not None:
            score = ops.mean(score)
        return ops.cast(score, self.dtype)


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall, ``2 * p * r / (p + r)``.

    Args:
        average: ``None`` for a score for each class; ``"macro"`` for their mean, ``"weighted"`` for their mean by how
            often each class is true, ``"micro"`` for the score of all counts together.
        threshold: what is larger is positive; by default the largest of each sample is.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.F1Score(average="macro", threshold=0.5)
        >>> metric.update_state([[1, 0], [1, 1], [0, 1]], [[0.9, 0.2], [0.3, 0.8], [0.1, 0.7]])
        >>> round(float(metric.result()), 4)
        0.8333
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)
