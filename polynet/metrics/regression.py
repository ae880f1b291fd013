"""Errors of predicted numbers, each as the mean over all samples, and how much of the truth they explain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from polynet import errors, losses, ops
from polynet.losses import pair
from polynet.metrics.metric import Metric, weights_of
from polynet.metrics.reduction import Mean, MeanMetricWrapper
from polynet.metrics.total import Total


class MeanSquaredError(MeanMetricWrapper):
    """The mean of the squared errors.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.MeanSquaredError()
        >>> metric.update_state([[0.0, 1.0], [2.0, 3.0]], [[1.0, 1.0], [2.0, 1.0]])
        >>> round(float(metric.result()), 4)
        1.25
    """

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name=name, dtype=dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of the errors without their signs.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.MeanAbsoluteError()
        >>> metric.update_state([[0.0, 1.0], [2.0, 3.0]], [[1.0, 1.0], [2.0, 1.0]])
        >>> round(float(metric.result()), 4)
        0.75
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name=name, dtype=dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of the errors in percent of the true values.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.MeanAbsolutePercentageError()
        >>> metric.update_state([[1.0, 1.0], [2.0, 4.0]], [[1.0, 2.0], [2.0, 1.0]])
        >>> round(float(metric.result()), 4)
        43.75
    """

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name=name, dtype=dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of the squared differences of ``log(1 + y)``.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.MeanSquaredLogarithmicError()
        >>> metric.update_state([[0.0, 1.0], [2.0, 3.0]], [[1.0, 1.0], [2.0, 1.0]])
        >>> round(float(metric.result()), 4)
        0.2402
    """

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name=name, dtype=dtype)


class RootMeanSquaredError(Mean):
    """The root of the mean of the squared errors.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.RootMeanSquaredError()
        >>> metric.update_state([[0.0, 1.0], [2.0, 3.0]], [[1.0, 1.0], [2.0, 1.0]])
        >>> round(float(metric.result()), 4)
        1.118
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take in a batch.

        Args:
            y_true: true values.
            y_pred: predictions; where they have a mask, only what it keeps counts.
            sample_weight: broadcasts with them; weights of shape ``(n,)`` weigh whole samples.
        """
        dtype, masked = self.total.dtype, y_pred
        label = f"{type(self).__name__} {self.name!r}"
        y_true, y_pred = pair(label, ops.cast(y_true, dtype), ops.cast(y_pred, dtype))
        self._take(ops.square(y_true - y_pred), sample_weight, masked)

    def result(self) -> Any:
        """The root so far; 0 before the first batch."""
        return ops.sqrt(super().result())


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between both: 1 where they point the same way, -1 where they are opposed.

    It is minus the loss of that name.

    Example:
        >>> cosine_similarity([[0.0, 1.0]], [[0.0, 2.0]]).tolist()
        [1.0]
    """
    return ops.negative(losses.cosine_similarity(y_true, y_pred, axis=axis))


class CosineSimilarity(MeanMetricWrapper):
    """The mean of the cosines of the angles between predictions and truth, from -1 to 1.

    Args:
        name: of the metric.
        dtype: of the result.
        axis: along which the vectors lie.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.CosineSimilarity()
        >>> metric.update_state([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]])
        >>> round(float(metric.result()), 4)
        0.5
    """

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class LogCoshError(MeanMetricWrapper):
    """The mean of the logarithms of the hyperbolic cosine of the errors.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.LogCoshError()
        >>> metric.update_state([[0.0, 1.0], [2.0, 3.0]], [[1.0, 1.0], [2.0, 1.0]])
        >>> round(float(metric.result()), 4)
        0.4397
    """

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name=name, dtype=dtype)


class R2Score(Metric):
    """How much of the variation of the true values predictions explain: 1 for all of it, 0 for no more than the mean.

    Values that do not vary give 1 where predictions are right, else 0.

    Args:
        class_aggregation: how the scores of several outputs become one: ``"uniform_average"``,
            ``"variance_weighted_average"``, or ``None`` to give them all.
        num_regressors: how many variables the predictions are made of, to adjust the score for their number; 0 for
            the plain score, which is given as well while there are too few values to adjust it.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.R2Score()
        >>> metric.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        >>> round(float(metric.result()), 4)
        0.5714
    """

    residual: Total
    variation: Total
    count: Total

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                f"class_aggregation: expected None, 'uniform_average' or 'variance_weighted_average'; got "
                f"{class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ValueError(
                f"num_regressors: expected a number of at least 0; got {num_regressors}."
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_total("num_samples")
        self._built = False

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the variables, a number for each output, along the last axis."""
        if self._built:
            return
        if len(y_true_shape) != 2 or len(y_pred_shape) != 2 or y_pred_shape[1] is None:
            raise errors.ShapeError(
                f"R2Score {self.name!r}: expected y_true and y_pred of shape (samples, outputs); got "
                f"{tuple(y_true_shape)} and {tuple(y_pred_shape)}."
            )
        shape = (y_pred_shape[1],)
        self.residual = self.add_total("residual", shape)
        self.variation = self.add_total("variation", shape)
        self.count = self.add_total("count", shape)
        self.mean = self.add_variable(shape, "zeros", self.count.dtype, name="mean")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch.

        Args:
            y_true: true values, shape ``(samples, outputs)``.
            y_pred: predictions of the same shape; where they have a mask, only what it keeps counts.
            sample_weight: a weight for each sample, or for each value.
        """
        dtype, masked = self.num_samples.dtype, y_pred
        label = f"R2Score {self.name!r}"
        y_true, y_pred = pair(label, ops.cast(y_true, dtype), ops.cast(y_pred, dtype))
        self._build_with(y_true, y_pred)
        weights = weights_of(label, y_true.shape, sample_weight, dtype, masked)
        ones = ops.ones_like(y_true)
        weights = ones if weights is None else ones * weights
        # Sums of squares would lose the variation of values that are far from 0.  So the variation is kept, and that
        # of two parts together is the sum of both, and what their means differ.
        before, count = self.count.value, ops.sum(weights, axis=0)
        mean = ops.divide_no_nan(ops.sum(weights * y_true, axis=0), count)
        share = ops.divide_no_nan(count, before + count)
        off = mean - self.mean.value
        inside = ops.sum(weights * ops.square(y_true - mean), axis=0)
        self.variation.assign_add(inside + ops.square(off) * before * share)
        self.mean.assign_add(off * share)
        self.count.assign_add(count)
        self.residual.assign_add(ops.sum(weights * ops.square(y_true - y_pred), axis=0))
        self.num_samples.assign_add(float(math.prod(y_true.shape)))

    def result(self) -> Any:
        """The score so far; 0 before the first batch."""
        if not self._built:
            return ops.zeros((), self.dtype)
        residual, variation = self.residual.value, self.variation.value
        perfect = ops.logical_and(ops.equal(residual, 0.0), self.count.value > 0)
        constant = ops.where(perfect, 1.0, 0.0)
        scores = ops.where(variation > 0, 1.0 - ops.divide_no_nan(residual, variation), constant)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.divide_no_nan(ops.sum(variation * scores), ops.sum(variation))
        if self.num_regressors:
            samples = self.num_samples.value
            freedom = samples - (self.num_regressors + 1.0)
            adjusted = 1.0 - ops.divide_no_nan((1.0 - scores) * (samples - 1.0), freedom)
            scores = ops.where(freedom > 0, adjusted, scores)
        return ops.cast(scores, self.dtype)
