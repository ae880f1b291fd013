"""Rows about metrics: a class, arguments, and what makes its batches; nothing else.

What each row expects is in ``golden/metrics.json``, from Keras.
"""

# ruff: noqa: E501 - messages stand here as they are read

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from polynet.conformance import stored
from polynet.conformance.stored import Wrong

SIZES = (6, 4, 6)
"""Of the batches of each row."""

Random = np.random.RandomState
Batch = tuple[np.ndarray, ...]
Maker = Callable[[Random, int], Batch]


@dataclasses.dataclass(frozen=True)
class Row:
    """A metric, and what it is updated with: three batches that follow from the row's id."""

    name: str
    arguments: dict[str, Any]
    make: Maker
    weights: str | None = None
    """Nothing, "samples" or "values": what has a weight."""

    @property
    def id(self) -> str:
        """Class, arguments and kind of batch."""
        parts = [self.name, *(f"{k}={stored.text(v)}" for k, v in self.arguments.items())]
        parts.append(self.make.__name__)
        return "-".join([*parts, f"weights-of-{self.weights}"] if self.weights else parts)

    def batches(self) -> list[Batch]:
        """What the metric is updated with."""
        random = np.random.RandomState(zlib.crc32(self.id.encode()))
        found = []
        for size in SIZES:
            batch = self.make(random, size)
            if self.weights is not None:
                shape = (size,) if self.weights == "samples" else batch[0].shape
                batch = (*batch, _float(random.rand(*shape)))
            found.append(batch)
        return found


def _labelled(make: Maker, name: str, shape: tuple[int, ...]) -> Maker:
    make.__name__ = "x".join([name, *map(str, shape)])
    return make


def _float(array: Any) -> np.ndarray:
    return np.asarray(array, "float32")


def yes_or_no(*shape: int) -> Maker:
    """Labels 0 and 1, and scores."""

    def make(random: Random, size: int) -> Batch:
        return (
            _float(random.randint(0, 2, (size, *shape))),
            _float(random.rand(size, *shape)),
        )

    return _labelled(make, "yes_or_no", shape)


def quarters(random: Random, size: int) -> Batch:
    """Labels 0 and 1, and scores that many thresholds are equal to."""
    return _float(random.randint(0, 2, (size, 3))), _float(random.randint(0, 5, (size, 3)) / 4)


def logits(random: Random, size: int) -> Batch:
    """Labels 0 and 1, and scores of any size."""
    return _float(random.randint(0, 2, (size, 3))), _float(random.randn(size, 3) * 2)


def numbers(random: Random, size: int) -> Batch:
    """Positive numbers."""
    return _float(random.rand(size, 3) + 0.1), _float(random.rand(size, 3) + 0.1)


def equal_numbers(random: Random, size: int) -> Batch:
    """Integers of which some agree."""
    return random.randint(0, 3, (size, 2)), random.randint(0, 3, (size, 2))


def _scores(random: Random, shape: tuple[int, ...], classes: int) -> np.ndarray:
    scores = random.rand(*shape, classes)
    return _float(scores / scores.sum(-1, keepdims=True))


def one_hot(*shape: int, classes: int = 6) -> Maker:
    """Labels as rows of an identity matrix, and probabilities."""

    def make(random: Random, size: int) -> Batch:
        labels = np.eye(classes)[random.randint(0, classes, (size, *shape))]
        return _float(labels), _scores(random, (size, *shape), classes)

    return _labelled(make, "one_hot", shape)


def numbered(*shape: int, classes: int = 6, column: bool = False) -> Maker:
    """Labels as integers, and probabilities."""

    def make(random: Random, size: int) -> Batch:
        labels = random.randint(0, classes, (size, *shape)).astype("int32")
        return labels[..., None] if column else labels, _scores(random, (size, *shape), classes)

    return _labelled(make, "column" if column else "numbered", shape)


def ranked(random: Random, size: int) -> Batch:
    """Labels, and classes from the best to the worst."""
    ids = np.stack([random.permutation(6) for _ in range(size)]).astype("int32")
    return random.randint(0, 6, size).astype("int32"), ids


def one_hot_and_numbers(random: Random, size: int) -> Batch:
    """Labels as rows of an identity matrix, and labels."""
    return _float(np.eye(4)[random.randint(0, 4, size)]), random.randint(0, 4, size)


def regions(random: Random, size: int) -> Batch:
    """Two labels for each place."""
    return random.randint(0, 4, (size, 5)), random.randint(0, 5, (size, 5))


def values(random: Random, size: int) -> Batch:
    """Numbers alone."""
    return (_float(random.randn(size, 3)),)


def _rows() -> Iterator[tuple[str, dict[str, Any], Maker, str | None]]:
    for weights in (None, "samples"):
        for name in ("Mean", "Sum"):
            yield name, {}, values, weights
        yield "Accuracy", {}, equal_numbers, weights
        yield "BinaryAccuracy", {}, yes_or_no(), weights
        yield "BinaryAccuracy", {"threshold": 0.3}, yes_or_no(3), weights
        yield "CategoricalAccuracy", {}, one_hot(), weights
        yield "CategoricalAccuracy", {}, one_hot(4), weights
        yield "SparseCategoricalAccuracy", {}, numbered(), weights
        yield "SparseCategoricalAccuracy", {}, numbered(column=True), weights
        yield "SparseCategoricalAccuracy", {}, numbered(4), weights
        for k in (1, 3):
            yield "TopKCategoricalAccuracy", {"k": k}, one_hot(), weights
            yield "SparseTopKCategoricalAccuracy", {"k": k}, numbered(4), weights
            sorted_ids = {"k": k, "from_sorted_ids": True}
            yield "SparseTopKCategoricalAccuracy", sorted_ids, ranked, weights

        for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
            yield name, {}, yes_or_no(3), weights
            yield name, {"thresholds": [0.7, 0.2]}, yes_or_no(), weights
        for name in ("Precision", "Recall"):
            yield name, {}, yes_or_no(), weights
            yield name, {"thresholds": [0.7, 0.2, 0.4]}, yes_or_no(3), weights
            yield name, {"thresholds": [0.0, 0.5, 1.0]}, yes_or_no(3), weights
            yield name, {"top_k": 2}, yes_or_no(4), weights
            yield name, {"class_id": 1}, yes_or_no(4), weights
            top_of_class = {"thresholds": 0.6, "top_k": 3, "class_id": 2}
            yield name, top_of_class, yes_or_no(4), weights
        for name, at in (
            ("SensitivityAtSpecificity", "specificity"),
            ("SpecificityAtSensitivity", "sensitivity"),
            ("PrecisionAtRecall", "recall"),
            ("RecallAtPrecision", "precision"),
        ):
            yield name, {at: 0.4}, yes_or_no(), weights
            yield name, {at: 0.6, "num_thresholds": 5, "class_id": 2}, yes_or_no(4), weights
            yield name, {at: 0.5, "num_thresholds": 1}, yes_or_no(), weights
        for curve in ("ROC", "PR", "PRGAIN"):
            for method in ("interpolation", "minoring", "majoring"):
                how = {"curve": curve, "summation_method": method}
                yield "AUC", how, yes_or_no(), weights
                labels = {"multi_label": True, "num_thresholds": 20}
                yield "AUC", {**how, **labels}, yes_or_no(3), weights
        yield "AUC", {"thresholds": [0.7, 0.2, 0.4]}, yes_or_no(), weights
        yield "AUC", {"label_weights": [1.0, 0.0, 2.0], "from_logits": True}, logits, weights
        weighted = {"multi_label": True, "num_labels": 3, "label_weights": [1.0, 0.0, 2.0]}
        for curve in ("ROC", "PR"):
            yield "AUC", {**weighted, "curve": curve}, yes_or_no(3), weights

        for name in (
            "MeanSquaredError",
            "MeanAbsoluteError",
            "MeanAbsolutePercentageError",
            "MeanSquaredLogarithmicError",
            "RootMeanSquaredError",
            "CosineSimilarity",
            "LogCoshError",
            "R2Score",
            "Poisson",
            "KLDivergence",
            "PearsonCorrelation",
            "ConcordanceCorrelation",
        ):
            yield name, {}, numbers, weights
        for name in ("Hinge", "SquaredHinge", "CategoricalHinge"):
            yield name, {}, yes_or_no(3), weights
        yield "R2Score", {"class_aggregation": None}, numbers, weights
        aggregated = {"class_aggregation": "variance_weighted_average"}
        for regressors in (2, 46, 47, 48):  # the last two are too many for 16 * 3 values
            yield "R2Score", {**aggregated, "num_regressors": regressors}, numbers, weights
        yield "BinaryCrossentropy", {}, yes_or_no(3), weights
        smoothed = {"from_logits": True, "label_smoothing": 0.1}
        yield "BinaryCrossentropy", smoothed, logits, weights
        yield "CategoricalCrossentropy", {}, one_hot(4), weights
        yield "CategoricalCrossentropy", smoothed, one_hot(), weights
        yield "SparseCategoricalCrossentropy", {}, numbered(4), weights
        yield "SparseCategoricalCrossentropy", {"from_logits": True}, numbered(), weights

        for average in (None, "micro", "macro", "weighted"):
            for threshold in (None, 0.5):
                mean: dict[str, Any] = {"average": average, "threshold": threshold}
                yield "FBetaScore", {**mean, "beta": 2.0}, yes_or_no(4), weights
                yield "F1Score", mean, yes_or_no(4), weights

        single = {"dtype": "float32"}  # Keras cuts weights to integers otherwise
        two = {"num_classes": 6, "target_class_ids": [0, 5], **single}
        yield "BinaryIoU", {"threshold": 0.3, **single}, yes_or_no(), weights
        yield "BinaryIoU", {"target_class_ids": [1], **single}, yes_or_no(), weights
        yield "OneHotIoU", two, one_hot(), weights
        yield "OneHotMeanIoU", {"num_classes": 6, "ignore_class": 2, **single}, one_hot(), weights
        yield (
            "OneHotMeanIoU",
            {"num_classes": 4, "sparse_y_pred": True, **single},
            one_hot_and_numbers,
            weights,
        )
        each = None if weights is None else "values"
        ignoring = {"num_classes": 5, "target_class_ids": [0, 4], "ignore_class": 1, **single}
        yield "IoU", ignoring, regions, each
        yield "MeanIoU", {"num_classes": 4, **single}, regions, each  # a 4 is no class
        yield "MeanIoU", {"num_classes": 7, **single}, regions, each
    yield "MeanIoU", {"num_classes": 4}, regions, None
    for name in ("Mean", "Sum"):
        yield name, {}, values, "values"
    for name in ("TruePositives", "Precision"):
        yield name, {}, yes_or_no(3), "values"
    for name in ("TruePositives", "TrueNegatives", "BinaryAccuracy"):
        yield name, {}, quarters, None
    yield "FalsePositives", {"thresholds": [0.75, 0.25]}, quarters, None
    yield "AUC", {"multi_label": True, "num_labels": 3}, yes_or_no(3), "values"
    yield "BinaryAccuracy", {}, yes_or_no(3), "values"
    yield "RootMeanSquaredError", {}, numbers, "values"


ROWS = [Row(*row) for row in _rows()]

WRONG = [
    Wrong(
        "Accuracy",
        "metrics.Accuracy().update_state(np.zeros(3, 'float32'), np.zeros(4, 'float32'))",
        "ShapeError",
        "Accuracy 'accuracy': accuracy: y_true has the shape (3,), y_pred (4,); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "BinaryAccuracy",
        "metrics.BinaryAccuracy().update_state(np.zeros(3, 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "BinaryAccuracy 'binary_accuracy': binary_accuracy: y_true has the shape (3,), y_pred (3, 2); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "CategoricalAccuracy",
        "metrics.CategoricalAccuracy().update_state(np.zeros(3, 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "CategoricalAccuracy 'categorical_accuracy': categorical_accuracy: expected y_true and y_pred of one shape, with the classes along the last axis; got (3,) and (3, 2). For numbers of classes there is sparse_categorical_accuracy.",
    ),
    Wrong(
        "SparseCategoricalAccuracy",
        "metrics.SparseCategoricalAccuracy().update_state(np.zeros((3, 2), 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "SparseCategoricalAccuracy 'sparse_categorical_accuracy': sparse_categorical_accuracy: expected y_true with a number for each row of y_pred, shape (3,); got y_true of shape (3, 2) and y_pred of shape (3, 2).",
    ),
    Wrong(
        "TopKCategoricalAccuracy",
        "metrics.TopKCategoricalAccuracy().update_state(np.zeros(4, 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "TopKCategoricalAccuracy 'top_k_categorical_accuracy': top_k_categorical_accuracy: expected y_true and y_pred of one shape, with the classes along the last axis; got (4,) and (3, 2). For numbers of classes there is sparse_top_k_categorical_accuracy.",
    ),
    Wrong(
        "MeanSquaredError",
        "metrics.MeanSquaredError(name='m').update_state(np.zeros(3, 'float32'), np.zeros(4, 'float32'))",
        "ShapeError",
        "MeanSquaredError 'm': mean_squared_error: y_true has the shape (3,), y_pred (4,); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "RootMeanSquaredError",
        "metrics.RootMeanSquaredError(name='m').update_state(np.zeros(3, 'float32'), np.zeros(4, 'float32'))",
        "ShapeError",
        "RootMeanSquaredError 'm': y_true has the shape (3,), y_pred (4,); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "Precision",
        "metrics.Precision(name='p').update_state(np.zeros(3, 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "Precision 'p': y_true has the shape (3,), y_pred (3, 2); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "Precision",
        "metrics.Precision(name='p', top_k=3).update_state(np.zeros((3, 2), 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "Precision 'p': top_k: expected at least 3 classes along the last axis; got y_pred of shape (3, 2).",
    ),
    Wrong(
        "Recall",
        "metrics.Recall(name='r', class_id=2).update_state(np.zeros((3, 2), 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "Recall 'r': class_id 2: expected samples and classes, with that class along the last axis; got shape (3, 2).",
    ),
    Wrong(
        "Recall",
        "metrics.Recall(name='r', class_id=0).update_state(np.zeros(3, 'float32'), np.zeros(3, 'float32'))",
        "ShapeError",
        "Recall 'r': class_id 0: expected samples and classes, with that class along the last axis; got shape (3,).",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(name='a').update_state(np.zeros(3, 'float32'), np.zeros(4, 'float32'))",
        "ShapeError",
        "AUC 'a': y_true has the shape (3,), y_pred (4,); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(name='a', multi_label=True).update_state(np.zeros(3, 'float32'), np.zeros(3, 'float32'))",
        "ShapeError",
        "AUC 'a': with multi_label=True, expected y_pred of shape (samples, labels); got (3,).",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(name='a', multi_label=True, num_labels=3).update_state(np.zeros((3, 2), 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "AUC 'a': expected 3 labels along the second of two axes; got y_pred of shape (3, 2).",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(name='a', label_weights=[1.0]).update_state(np.zeros((3, 2), 'float32'), np.zeros((3, 2), 'float32'))",
        "ShapeError",
        "AUC 'a': label_weights of shape (1,): expected that many labels along the last axis; got y_pred of shape (3, 2).",
    ),
    Wrong(
        "F1Score",
        "metrics.F1Score().update_state(np.zeros(3, 'float32'), np.zeros(3, 'float32'))",
        "ShapeError",
        "F1Score 'f1_score': expected y_true and y_pred of shape (samples, classes); got (3,) and (3,).",
    ),
    Wrong(
        "R2Score",
        "metrics.R2Score().update_state(np.zeros(3, 'float32'), np.zeros(3, 'float32'))",
        "ShapeError",
        "R2Score 'r2_score': expected y_true and y_pred of shape (samples, outputs); got (3,) and (3,).",
    ),
    Wrong(
        "MeanIoU",
        "metrics.MeanIoU(2, name='i').update_state(np.zeros(3, 'float32'), np.zeros(4, 'float32'))",
        "ShapeError",
        "MeanIoU 'i': y_true has the shape (3,), y_pred (4,); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "PearsonCorrelation",
        "metrics.PearsonCorrelation().update_state(np.zeros(3, 'float32'), np.zeros(4, 'float32'))",
        "ShapeError",
        "PearsonCorrelation 'pearson_correlation': pearson_correlation: y_true has the shape (3,), y_pred (4,); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "Mean",
        "metrics.Mean().update_state(np.zeros(3, 'float32'), np.zeros(4, 'float32'))",
        "ShapeError",
        "Mean 'mean': sample_weight: the shape (4,) does not fit the values, which have the shape (3,); expected that shape or its beginning.",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(name='a').update_state(np.zeros(3, 'float32'), np.zeros(3, 'float32'), np.zeros(4, 'float32'))",
        "ShapeError",
        "AUC 'a': sample_weight: the shape (4,) does not fit the values, which have the shape (3,); expected that shape or its beginning.",
    ),
    Wrong(
        "Precision",
        "metrics.Precision(thresholds=1.5)",
        "ValueError",
        "thresholds: expected numbers from 0 to 1; got [1.5].",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(curve='RCO')",
        "ValueError",
        "curve: expected one of 'ROC', 'PR', 'PRGAIN'; got 'RCO'. Did you mean 'ROC'?",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(summation_method='mid')",
        "ValueError",
        "summation_method: expected one of 'interpolation', 'minoring', 'majoring'; got 'mid'.",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(num_thresholds=1)",
        "ValueError",
        "num_thresholds: expected a number of at least 2; got 1.",
    ),
    Wrong(
        "AUC",
        "metrics.AUC(num_labels=3)",
        "ValueError",
        "num_labels: is for multi_label=True only.",
    ),
    Wrong(
        "PrecisionAtRecall",
        "metrics.PrecisionAtRecall(1.5)",
        "ValueError",
        "recall: expected numbers from 0 to 1; got [1.5].",
    ),
    Wrong(
        "PrecisionAtRecall",
        "metrics.PrecisionAtRecall(0.5, num_thresholds=0)",
        "ValueError",
        "num_thresholds: expected a number of at least 1; got 0.",
    ),
    Wrong(
        "FBetaScore",
        "metrics.FBetaScore(average='mean')",
        "ValueError",
        "average: expected None, 'micro', 'macro' or 'weighted'; got 'mean'.",
    ),
    Wrong(
        "FBetaScore",
        "metrics.FBetaScore(beta=0.0)",
        "ValueError",
        "beta: expected a number above 0; got 0.0.",
    ),
    Wrong(
        "F1Score",
        "metrics.F1Score(threshold=1.5)",
        "ValueError",
        "threshold: expected None or a number above 0 and at most 1; got 1.5.",
    ),
    Wrong(
        "R2Score",
        "metrics.R2Score(class_aggregation='sum')",
        "ValueError",
        "class_aggregation: expected None, 'uniform_average' or 'variance_weighted_average'; got 'sum'.",
    ),
    Wrong(
        "R2Score",
        "metrics.R2Score(num_regressors=-1)",
        "ValueError",
        "num_regressors: expected a number of at least 0; got -1.",
    ),
    Wrong(
        "IoU",
        "metrics.IoU(3, [0, 3])",
        "ValueError",
        "target_class_ids: expected numbers of classes, 0 to 2; got [3].",
    ),
    Wrong("Mean", "metrics.Mean(name=3)", "ValueError", "Mean: name: expected a string; got int."),
    Wrong(
        "Mean",
        "metrics.Mean().stateless_result([1.0])",
        "ValueError",
        "Mean: metric_variables: expected 4 values, one for each of `variables`; got 1.",
    ),
    Wrong(
        "Metric",
        "metrics.Metric().update_state()",
        "NotImplementedError",
        "Metric: update_state is not defined.",
    ),
    Wrong(
        "Metric",
        "metrics.Metric().result()",
        "NotImplementedError",
        "Metric: result is not defined.",
    ),
    Wrong(
        "Mean",
        "metrics.get('acuracy')",
        "ValueError",
        "metrics: unknown metric 'acuracy'. Did you mean 'accuracy'?",
    ),
    Wrong(
        "SparseCategoricalAccuracy",
        "metrics.SparseCategoricalAccuracy().update_state(np.zeros((3,), 'int32'), np.zeros((4, 2), 'float32'))",
        "ShapeError",
        "SparseCategoricalAccuracy 'sparse_categorical_accuracy': sparse_categorical_accuracy: expected y_true with a number for each row of y_pred, shape (4,); got y_true of shape (3,) and y_pred of shape (4, 2).",
    ),
]
