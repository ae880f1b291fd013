"""How far predicted probabilities are from the truth: losses, as means over all samples."""

from __future__ import annotations

from typing import Any

from polynet import losses
from polynet.metrics.reduction import MeanMetricWrapper


class KLDivergence(MeanMetricWrapper):
    """The mean of the Kullback-Leibler divergences of predictions from the truth.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.KLDivergence()
        >>> metric.update_state([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
        >>> round(float(metric.result()), 4)
        0.4581
    """

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name=name, dtype=dtype)


class Poisson(MeanMetricWrapper):
    """The mean of ``y_pred - y_true * log(y_pred)``, for counts.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.Poisson()
        >>> metric.update_state([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
        >>> round(float(metric.result()), 4)
        0.7291
    """

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name=name, dtype=dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of the crossentropies of labels 0 and 1 and predicted probabilities.

    Args:
        name: of the metric.
        dtype: of the result.
        from_logits: are predictions numbers of which the sigmoid is meant?
        label_smoothing: how much of each label is spread evenly over the classes.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.BinaryCrossentropy()
        >>> metric.update_state([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
        >>> round(float(metric.result()), 4)
        0.8149
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of the crossentropies of one-hot labels and predicted probabilities.

    Args:
        name: of the metric.
        dtype: of the result.
        from_logits: are predictions numbers of which the softmax is meant?
        label_smoothing: how much of each label is spread evenly over the classes.
        axis: that of the classes.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.CategoricalCrossentropy()
        >>> metric.update_state([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
        >>> round(float(metric.result()), 4)
        1.1769
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of the crossentropies of numbers of classes and predicted probabilities.

    Args:
        name: of the metric.
        dtype: of the result.
        from_logits: are predictions numbers of which the softmax is meant?
        ignore_class: a label whose samples do not count.
        axis: that of the classes.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.SparseCategoricalCrossentropy()
        >>> metric.update_state([1, 2], [[0.05, 0.95, 0.0], [0.1, 0.8, 0.1]])
        >>> round(float(metric.result()), 4)
        1.1769
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.sparse_categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
