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
    from polynet.losses import (
        binary_crossentropy,
        binary_focal_crossentropy,
        categorical_crossentropy,
        categorical_focal_crossentropy,
        categorical_hinge,
        hinge,
        huber,
        kl_divergence,
        log_cosh,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_error,
        mean_squared_logarithmic_error,
        poisson,
        sparse_categorical_crossentropy,
        squared_hinge,
    )
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
    from polynet.metrics.correlation import (
        ConcordanceCorrelation,
        PearsonCorrelation,
        concordance_correlation,
        pearson_correlation,
    )
    from polynet.metrics.fbeta import (
        F1Score,
        FBetaScore,
    )
    from polynet.metrics.iou import (
        BinaryIoU,
        IoU,
        MeanIoU,
        OneHotIoU,
        OneHotMeanIoU,
    )
    from polynet.metrics.margin import (
        CategoricalHinge,
        Hinge,
        SquaredHinge,
    )
    from polynet.metrics.metric import (
        Metric,
    )
    from polynet.metrics.probabilistic import (
        BinaryCrossentropy,
        CategoricalCrossentropy,
        KLDivergence,
        Poisson,
        SparseCategoricalCrossentropy,
    )
    from polynet.metrics.reduction import (
        Mean,
        MeanMetricWrapper,
        Sum,
    )
    from polynet.metrics.regression import (
        CosineSimilarity,
        LogCoshError,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        R2Score,
        RootMeanSquaredError,
    )

_NAMES = {
    "AUC": "polynet.metrics.confusion",
    "Accuracy": "polynet.metrics.accuracy",
    "BinaryAccuracy": "polynet.metrics.accuracy",
    "BinaryCrossentropy": "polynet.metrics.probabilistic",
    "BinaryIoU": "polynet.metrics.iou",
    "CategoricalAccuracy": "polynet.metrics.accuracy",
    "CategoricalCrossentropy": "polynet.metrics.probabilistic",
    "CategoricalHinge": "polynet.metrics.margin",
    "ConcordanceCorrelation": "polynet.metrics.correlation",
    "CosineSimilarity": "polynet.metrics.regression",
    "F1Score": "polynet.metrics.fbeta",
    "FBetaScore": "polynet.metrics.fbeta",
    "FalseNegatives": "polynet.metrics.confusion",
    "FalsePositives": "polynet.metrics.confusion",
    "Hinge": "polynet.metrics.margin",
    "IoU": "polynet.metrics.iou",
    "KLDivergence": "polynet.metrics.probabilistic",
    "LogCoshError": "polynet.metrics.regression",
    "Mean": "polynet.metrics.reduction",
    "MeanAbsoluteError": "polynet.metrics.regression",
    "MeanAbsolutePercentageError": "polynet.metrics.regression",
    "MeanIoU": "polynet.metrics.iou",
    "MeanMetricWrapper": "polynet.metrics.reduction",
    "MeanSquaredError": "polynet.metrics.regression",
    "MeanSquaredLogarithmicError": "polynet.metrics.regression",
    "Metric": "polynet.metrics.metric",
    "OneHotIoU": "polynet.metrics.iou",
    "OneHotMeanIoU": "polynet.metrics.iou",
    "PearsonCorrelation": "polynet.metrics.correlation",
    "Poisson": "polynet.metrics.probabilistic",
    "Precision": "polynet.metrics.confusion",
    "PrecisionAtRecall": "polynet.metrics.confusion",
    "R2Score": "polynet.metrics.regression",
    "Recall": "polynet.metrics.confusion",
    "RecallAtPrecision": "polynet.metrics.confusion",
    "RootMeanSquaredError": "polynet.metrics.regression",
    "SensitivityAtSpecificity": "polynet.metrics.confusion",
    "SparseCategoricalAccuracy": "polynet.metrics.accuracy",
    "SparseCategoricalCrossentropy": "polynet.metrics.probabilistic",
    "SparseTopKCategoricalAccuracy": "polynet.metrics.accuracy",
    "SpecificityAtSensitivity": "polynet.metrics.confusion",
    "SquaredHinge": "polynet.metrics.margin",
    "Sum": "polynet.metrics.reduction",
    "TopKCategoricalAccuracy": "polynet.metrics.accuracy",
    "TrueNegatives": "polynet.metrics.confusion",
    "TruePositives": "polynet.metrics.confusion",
    "binary_accuracy": "polynet.metrics.accuracy",
    "binary_crossentropy": "polynet.losses",
    "binary_focal_crossentropy": "polynet.losses",
    "categorical_accuracy": "polynet.metrics.accuracy",
    "categorical_crossentropy": "polynet.losses",
    "categorical_focal_crossentropy": "polynet.losses",
    "categorical_hinge": "polynet.losses",
    "concordance_correlation": "polynet.metrics.correlation",
    "hinge": "polynet.losses",
    "huber": "polynet.losses",
    "kl_divergence": "polynet.losses",
    "log_cosh": "polynet.losses",
    "mean_absolute_error": "polynet.losses",
    "mean_absolute_percentage_error": "polynet.losses",
    "mean_squared_error": "polynet.losses",
    "mean_squared_logarithmic_error": "polynet.losses",
    "pearson_correlation": "polynet.metrics.correlation",
    "poisson": "polynet.losses",
    "sparse_categorical_accuracy": "polynet.metrics.accuracy",
    "sparse_categorical_crossentropy": "polynet.losses",
    "sparse_top_k_categorical_accuracy": "polynet.metrics.accuracy",
    "squared_hinge": "polynet.losses",
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
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]


def get(identifier: Any) -> Any:
    """The metric meant by a name, a description, a class, or the metric or function itself.

    Example:
        >>> from polynet import metrics
        >>> metrics.get("mse")
        <MeanSquaredError name=mean_squared_error>
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

    return Catalogue("metrics", Metric, "metric", _ALIASES)


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'polynet.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
