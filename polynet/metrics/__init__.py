"""Metrics: numbers that sum up many batches; and how they are found by name.

This page is the contents; each name is imported when it is first used.  ``metric.py`` holds what all metrics share,
each family has a file of its own, and the functions that are losses too come from ``polynet.losses``.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which do not run __getattr__
    from polynet.configurable import Catalogue
    from polynet.metrics.accuracy import (
        Accuracy,
        BinaryAccuracy,
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        SparseTopKCategoricalAccuracy,
        TopKCategoricalAccuracy,
        binary_accuracy,
        categorical_accuracy,
        sparse_categorical_accuracy,
        sparse_top_k_categorical_accuracy,
        top_k_categorical_accuracy,
    )
    from polynet.metrics.confusion import (
        AUC,
        FalseNegatives,
        FalsePositives,
        Precision,
        PrecisionAtRecall,
        Recall,
        RecallAtPrecision,
        SensitivityAtSpecificity,
        SpecificityAtSensitivity,
        TrueNegatives,
        TruePositives,
    )
    from polynet.metrics.metric import (
        Metric,
    )
    from polynet.metrics.reduction import (
        Mean,
        MeanMetricWrapper,
        Sum,
    )

_NAMES = {
    "AUC": "polynet.metrics.confusion",
    "Accuracy": "polynet.metrics.accuracy",
    "BinaryAccuracy": "polynet.metrics.accuracy",
    "CategoricalAccuracy": "polynet.metrics.accuracy",
    "FalseNegatives": "polynet.metrics.confusion",
    "FalsePositives": "polynet.metrics.confusion",
    "Mean": "polynet.metrics.reduction",
    "MeanMetricWrapper": "polynet.metrics.reduction",
    "Metric": "polynet.metrics.metric",
    "Precision": "polynet.metrics.confusion",
    "PrecisionAtRecall": "polynet.metrics.confusion",
    "Recall": "polynet.metrics.confusion",
    "RecallAtPrecision": "polynet.metrics.confusion",
    "SensitivityAtSpecificity": "polynet.metrics.confusion",
    "SparseCategoricalAccuracy": "polynet.metrics.accuracy",
    "SparseTopKCategoricalAccuracy": "polynet.metrics.accuracy",
    "SpecificityAtSensitivity": "polynet.metrics.confusion",
    "Sum": "polynet.metrics.reduction",
    "TopKCategoricalAccuracy": "polynet.metrics.accuracy",
    "TrueNegatives": "polynet.metrics.confusion",
    "TruePositives": "polynet.metrics.confusion",
    "binary_accuracy": "polynet.metrics.accuracy",
    "categorical_accuracy": "polynet.metrics.accuracy",
    "sparse_categorical_accuracy": "polynet.metrics.accuracy",
    "sparse_top_k_categorical_accuracy": "polynet.metrics.accuracy",
    "top_k_categorical_accuracy": "polynet.metrics.accuracy",
}
"""Where each name is defined."""

_ALIASES = {
    "BCE": "BinaryCrossentropy",
    "MAE": "MeanAbsoluteError",
    "MAPE": "MeanAbsolutePercentageError",
    "MSE": "MeanSquaredError",
    "MSLE": "MeanSquaredLogarithmicError",
    "bce": "BinaryCrossentropy",
    "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError",
    "mse": "MeanSquaredError",
    "msle": "MeanSquaredLogarithmicError",
}

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "FalseNegatives",
    "FalsePositives",
    "Mean",
    "MeanMetricWrapper",
    "Metric",
    "Precision",
    "PrecisionAtRecall",
    "Recall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "categorical_accuracy",
    "deserialize",
    "get",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


def get(identifier: Any) -> Any:
    """The metric meant by a name, a description, a class, or the metric or function itself.

    Example:
        >>> from polynet import metrics
        >>> metrics.get("mean")
        <Mean name=mean>
    """
    return _catalogue().get(identifier)


def serialize(metric: Any) -> Any:
    """A metric as data that JSON can hold.

    Example:
        >>> from polynet import metrics
        >>> metrics.serialize(metrics.Mean())["config"]
        {'name': 'mean', 'dtype': 'float32'}
    """
    return _catalogue().serialize(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The metric that ``serialize`` described.

    Args:
        config: the description.
        custom_objects: classes and functions of yours that it names.

    Example:
        >>> from polynet import metrics
        >>> metrics.deserialize(metrics.serialize(metrics.Mean(name="loss")))
        <Mean name=loss>
    """
    return _catalogue().deserialize(config, custom_objects)


@functools.cache
def _catalogue() -> Catalogue:
    from polynet.configurable import Catalogue
    from polynet.metrics.metric import Metric

    return Catalogue(
        "metrics", Metric, "metric", {a: n for a, n in _ALIASES.items() if n in _NAMES}
    )


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'polynet.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
