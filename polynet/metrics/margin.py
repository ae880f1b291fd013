"""Margins of predictions around a boundary: losses of support vector machines, as means over all samples."""

from __future__ import annotations

from typing import Any

from polynet import losses
from polynet.metrics.reduction import MeanMetricWrapper


class Hinge(MeanMetricWrapper):
    """The mean of ``max(1 - y_true * y_pred, 0)``, for labels -1 and 1, or 0 and 1.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.Hinge()
        >>> metric.update_state([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
        >>> round(float(metric.result()), 4)
        1.3
    """

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name=name, dtype=dtype)


class SquaredHinge(MeanMetricWrapper):
    """The mean of ``max(1 - y_true * y_pred, 0) ** 2``, for labels -1 and 1, or 0 and 1.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.SquaredHinge()
        >>> metric.update_state([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
        >>> round(float(metric.result()), 4)
        1.86
    """

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name=name, dtype=dtype)


class CategoricalHinge(MeanMetricWrapper):
    """The mean of ``max(wrong - right + 1, 0)``: the largest score of a wrong class beside that of the right one.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.CategoricalHinge()
        >>> metric.update_state([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
        >>> round(float(metric.result()), 4)
        1.4
    """

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name=name, dtype=dtype)
