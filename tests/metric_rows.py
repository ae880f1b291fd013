"""Rows of metrics: a name, arguments and batches. Used by test_metrics.py and beside Keras. No expected values.

What Keras 3.15.1 gives for each row is in keras_metrics.json; oracle/test_metrics_beside_keras.py writes that file.
"""

import numpy as np

SIZES = (6, 4, 6)
"""Of the batches of each row."""


def _batches(make, seed, weights):
    random = np.random.RandomState(seed)
    found = []
    for size in SIZES:
        batch = make(random, size)
        if weights == "samples":
            batch = (*batch, random.rand(size).astype("float32"))
        elif weights == "values":
            batch = (*batch, random.rand(*batch[0].shape).astype("float32"))
        found.append(batch)
    return found


def _float(array):
    return np.asarray(array, "float32")


def yes_or_no(*shape):
    def make(random, size):
        return (
            _float(random.randint(0, 2, (size, *shape))),
            _float(random.rand(size, *shape)),
        )

    return make


def logits(random, size):
    return _float(random.randint(0, 2, (size, 3))), _float(random.randn(size, 3) * 2)


def numbers(random, size):
    return _float(random.rand(size, 3) + 0.1), _float(random.rand(size, 3) + 0.1)


def equal_numbers(random, size):
    return random.randint(0, 3, (size, 2)), random.randint(0, 3, (size, 2))


def _scores(random, shape, classes):
    scores = random.rand(*shape, classes)
    return _float(scores / scores.sum(-1, keepdims=True))


def one_hot(*shape, classes=6):
    def make(random, size):
        labels = np.eye(classes)[random.randint(0, classes, (size, *shape))]
        return _float(labels), _scores(random, (size, *shape), classes)

    return make


def numbered(*shape, classes=6, column=False):
    def make(random, size):
        labels = random.randint(0, classes, (size, *shape)).astype("int32")
        return labels[..., None] if column else labels, _scores(random, (size, *shape), classes)

    return make


def ranked(random, size):
    ids = np.stack([random.permutation(6) for _ in range(size)]).astype("int32")
    return random.randint(0, 6, size).astype("int32"), ids


def one_hot_and_numbers(random, size):
    return _float(np.eye(4)[random.randint(0, 4, size)]), random.randint(0, 4, size)


def regions(random, size):
    return random.randint(0, 4, (size, 5)), random.randint(0, 5, (size, 5))


def values(random, size):
    return (_float(random.randn(size, 3)),)


def _rows():
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
                how = {"average": average, "threshold": threshold}
                yield "FBetaScore", {**how, "beta": 2.0}, yes_or_no(4), weights
                yield "F1Score", how, yes_or_no(4), weights

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
    yield "AUC", {"multi_label": True, "num_labels": 3}, yes_or_no(3), "values"
    yield "BinaryAccuracy", {}, yes_or_no(3), "values"
    yield "RootMeanSquaredError", {}, numbers, "values"


def _name(number, name, arguments, weights):
    said = "-".join(f"{key}={value}".replace(" ", "") for key, value in arguments.items())
    return f"{number}-{name}-{said}{'-weights of ' + weights if weights else ''}"


ROWS = {
    _name(i, name, arguments, weights): (name, arguments, _batches(make, i, weights))
    for i, (name, arguments, make, weights) in enumerate(_rows())
}
