"""How well predictions move with the truth: functions that say it along an axis, and the mean of each as a metric."""

from __future__ import annotations

from typing import Any

from polynet import ops
from polynet.losses import pair
from polynet.metrics.reduction import MeanMetricWrapper


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The correlation along an axis, from -1 to 1; NaN where either does not vary.

    Args:
        y_true: true values.
        y_pred: predictions of the same shape.
        axis: along which they vary.

    Example:
        >>> from polynet import metrics
        >>> r = metrics.pearson_correlation([[1.0, 2.0, 3.0, 5.0]], [[1.0, 3.0, 2.0, 5.0]])
        >>> round(float(r[0]), 4)
        0.8857
    """
    _, true, predicted, both = _moments("pearson_correlation", y_true, y_pred, axis)
    return both / ops.sqrt(true) / ops.sqrt(predicted)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """How near predictions lie to the truth itself, from -1 to 1: the correlation, less for a wrong mean or scale.

    Args:
        y_true: true values.
        y_pred: predictions of the same shape.
        axis: along which they vary.

    Example:
        >>> from polynet import metrics
        >>> r = metrics.concordance_correlation([[1.0, 2.0, 3.0, 5.0]], [[2.0, 3.0, 4.0, 6.0]])
        >>> round(float(r[0]), 4)
        0.814
    """
    off, true, predicted, both = _moments("concordance_correlation", y_true, y_pred, axis)
    return ops.divide_no_nan(2.0 * both, true + predicted + ops.square(off))


def _moments(name: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any, Any, Any]:
    """The difference of the means, both variances, and the covariance."""
    y_true, y_pred = pair(name, ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
    true_mean = ops.mean(y_true, axis=axis, keepdims=True)
    mean = ops.mean(y_pred, axis=axis, keepdims=True)
    y_true, y_pred = y_true - true_mean, y_pred - mean
    return (
        ops.squeeze(true_mean - mean, axis),
        ops.mean(ops.square(y_true), axis=axis),
        ops.mean(ops.square(y_pred), axis=axis),
        ops.mean(y_true * y_pred, axis=axis),
    )


class PearsonCorrelation(MeanMetricWrapper):
    """The mean over the samples of the correlation of predictions with the truth, along an axis.

    Args:
        name: of the metric.
        dtype: of the result.
        axis: along which values vary within a sample.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.PearsonCorrelation()
        >>> metric.update_state([[1.0, 2.0, 3.0, 5.0]], [[1.0, 3.0, 2.0, 5.0]])
        >>> round(float(metric.result()), 4)
        0.8857
    """

    def __init__(
        self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(pearson_correlation, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean over the samples of the concordance of predictions with the truth, along an axis.

    Args:
        name: of the metric.
        dtype: of the result.
        axis: along which values vary within a sample.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.ConcordanceCorrelation()
        >>> metric.update_state([[1.0, 2.0, 3.0, 5.0]], [[2.0, 3.0, 4.0, 6.0]])
        >>> round(float(metric.result()), 4)
        0.814
    """

    def __init__(
        self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(concordance_correlation, name=name, dtype=dtype, axis=axis)
        self.axis = axis
