"""How often predictions are right: functions that say it for each sample, and the mean of each as a metric."""

from __future__ import annotations

from typing import Any

import numpy as np

from polynet import errors, ops
from polynet.config import floatx
from polynet.metrics.metric import aligned
from polynet.metrics.reduction import MeanMetricWrapper

# ------------------------------------------------------------------------------------------ functions


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where both are equal, else 0.

    Example:
        >>> accuracy([1, 2, 3], [1, 2, 4]).tolist()
        [1.0, 1.0, 0.0]
    """
    y_true, y_pred = aligned("accuracy", y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), floatx())


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where the prediction is on the right side of the threshold, else 0.

    Args:
        y_true: labels 0 and 1.
        y_pred: scores.
        threshold: what is above it means 1.

    Example:
        >>> from polynet import metrics
        >>> metrics.binary_accuracy([1, 1, 0, 0], [0.9, 0.2, 0.6, 0.1]).tolist()
        [1.0, 0.0, 0.0, 1.0]
    """
    y_true, y_pred = aligned("binary_accuracy", y_true, y_pred)
    return ops.cast(ops.equal(y_true, ops.cast(y_pred > threshold, y_true.dtype)), floatx())


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest score is that of the class, else 0.

    Args:
        y_true: one-hot labels along the last axis.
        y_pred: scores, of the same shape.

    Example:
        >>> from polynet import metrics
        >>> metrics.categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]]).tolist()
        [0.0, 1.0]
    """
    y_true, y_pred = _one_hot("categorical_accuracy", y_true, y_pred)
    return ops.cast(ops.equal(ops.argmax(y_true, -1), ops.argmax(y_pred, -1)), floatx())


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest score is that of the class, else 0.

    Args:
        y_true: numbers of classes.
        y_pred: scores of the classes along one axis more, the last.

    Example:
        >>> from polynet import metrics
        >>> metrics.sparse_categorical_accuracy([2, 1], [[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]]).tolist()
        [0.0, 1.0]
    """
    y_true, y_pred = _numbered("sparse_categorical_accuracy", y_true, y_pred)
    return ops.cast(ops.equal(y_true, ops.argmax(y_pred, -1)), floatx())


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class is among those of the k largest scores, else 0.

    Args:
        y_true: one-hot labels along the last axis.
        y_pred: scores, of the same shape.
        k: how many scores to look at.

    Example:
        >>> from polynet import metrics
        >>> y_true, y_pred = [[0, 0, 1], [0, 1, 0]], [[0.1, 0.8, 0.3], [0.5, 0.2, 0.3]]
        >>> metrics.top_k_categorical_accuracy(y_true, y_pred, k=2).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = _one_hot("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(ops.argmax(y_true, -1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """1 where the class is among those of the k largest scores, else 0.

    Args:
        y_true: numbers of classes.
        y_pred: scores of the classes along one axis more, the last.
        k: how many to look at.
        from_sorted_ids: are the predictions numbers of classes instead, best first?

    Example:
        >>> from polynet import metrics
        >>> metrics.sparse_top_k_categorical_accuracy([2, 1], [[0.1, 0.8, 0.3], [0.5, 0.2, 0.3]], k=2).tolist()
        [1.0, 0.0]
        >>> metrics.sparse_top_k_categorical_accuracy([2, 1], [[1, 2, 0], [0, 2, 1]], 2, from_sorted_ids=True).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = _numbered("sparse_top_k_categorical_accuracy", y_true, y_pred)
    if not from_sorted_ids:
        return _in_top_k(y_true, y_pred, k)
    found = ops.equal(ops.expand_dims(y_true, -1), ops.get_item(y_pred, (..., slice(k))))
    return ops.cast(ops.any(found, axis=-1), floatx())


def _check_count(k: Any) -> Any:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k: expected an integer of 1 or more; got {k!r}.")
    return k


def _in_top_k(classes: Any, scores: Any, k: int) -> Any:
    shape, count = tuple(classes.shape), scores.shape[-1]
    found = ops.in_top_k(
        ops.cast(ops.reshape(classes, (-1,)), "int32"),
        ops.reshape(scores, (-1, count)),
        min(k, count),
    )
    return ops.cast(ops.reshape(found, shape), floatx())


def _one_hot(name: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape) or not y_true.shape:
        raise errors.ShapeError(
            f"{name}: expected y_true and y_pred of one shape, with the classes along the last axis; got "
            f"{tuple(y_true.shape)} and {tuple(y_pred.shape)}. For numbers of classes there is sparse_{name}."
        )
    return y_true, y_pred


def _numbered(name: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    given, scores = tuple(y_true.shape), tuple(y_pred.shape)
    if len(given) == len(scores) and given[-1:] == (1,):
        y_true = ops.squeeze(y_true, -1)
    if not scores or tuple(y_true.shape) != scores[:-1]:
        raise errors.ShapeError(
            f"{name}: expected y_true with a number for each row of y_pred, shape {scores[:-1]}; got y_true of "
            f"shape {given} and y_pred of shape {scores}."
        )
    return y_true, y_pred


# ------------------------------------------------------------------------------------------ metrics


class Accuracy(MeanMetricWrapper):
    """How often predictions equal labels.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.Accuracy()
        >>> metric.update_state([1, 2, 3, 4], [0, 2, 3, 4])
        >>> float(metric.result())
        0.75
    """

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name=name, dtype=dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often predictions are on the right side of a threshold.

    Args:
        name: of the metric.
        dtype: of the result.
        threshold: what is above it means 1.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.BinaryAccuracy()
        >>> metric.update_state([1, 1, 0, 0], [0.9, 0.2, 0.3, 0.1])
        >>> float(metric.result())
        0.75
    """

    def __init__(
        self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(binary_accuracy, name=name, dtype=dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest score is that of the class, for one-hot labels.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.CategoricalAccuracy()
        >>> metric.update_state([[0, 0, 1], [0, 1, 0]], [[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name=name, dtype=dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest score is that of the class, for numbers of classes.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.SparseCategoricalAccuracy()
        >>> metric.update_state([2, 1], [[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name=name, dtype=dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class is among those of the k largest scores, for one-hot labels.

    Args:
        k: how many scores to look at.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.TopKCategoricalAccuracy(k=2)
        >>> metric.update_state([[0, 0, 1], [0, 1, 0]], [[0.1, 0.8, 0.3], [0.5, 0.2, 0.3]])
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name=name, dtype=dtype, k=k)
        self.k = _check_count(k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class is among those of the k largest scores, for numbers of classes.

    Args:
        k: how many to look at.
        name: of the metric.
        dtype: of the result.
        from_sorted_ids: are the predictions numbers of classes instead of scores, best first?

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.SparseTopKCategoricalAccuracy(k=2)
        >>> metric.update_state([2, 1], [[0.1, 0.8, 0.3], [0.5, 0.2, 0.3]])
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy,
            name=name,
            dtype=dtype,
            k=k,
            from_sorted_ids=from_sorted_ids,
        )
        self.k = _check_count(k)
        self.from_sorted_ids = from_sorted_ids
