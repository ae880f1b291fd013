"""Rows about losses: a function, the class around it, arguments, targets and outputs; nothing else.

What each row expects is in ``golden/losses.json``; the formulas are in ``tests/oracle/loss_formulas.py``.
"""

# ruff: noqa: E501 - messages stand here as they are read

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from polynet.conformance import stored
from polynet.conformance.stored import Wrong

_random = np.random.RandomState(0)
T, P = _random.randn(2, 5, 4).astype("float32")
BINARY = (T > 0).astype("float32")
SIGMOID = 1 / (1 + np.exp(-P))
PROBABILITIES = np.exp(P) / np.exp(P).sum(-1, keepdims=True)
LABELS = np.array([0, 1, 3, 2, 1])
ONE_HOT = np.eye(4, dtype="float32")[LABELS]
UNIT = P / np.linalg.norm(P, axis=1, keepdims=True)
FRAMES = _random.randn(2, 4, 3).astype("float32")


@dataclasses.dataclass(frozen=True)
class Row:
    """One loss of one batch."""

    function: str
    name: str
    """The class."""
    arguments: dict[str, Any]
    y_true: np.ndarray
    y_pred: np.ndarray
    note: str = ""

    @property
    def id(self) -> str:
        """Function and arguments, and the shape of targets."""
        parts = [self.function, *(f"{k}={stored.text(v)}" for k, v in self.arguments.items())]
        parts.append("x".join(map(str, self.y_true.shape)))
        return "-".join([*parts, self.note] if self.note else parts)


ROWS = [
    Row("mean_squared_error", "MeanSquaredError", {}, T, P),
    Row("mean_absolute_error", "MeanAbsoluteError", {}, T, P),
    Row("mean_absolute_percentage_error", "MeanAbsolutePercentageError", {}, T, P),
    Row("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", {}, abs(T), P),
    Row("cosine_similarity", "CosineSimilarity", {}, T, P),
    Row("cosine_similarity", "CosineSimilarity", {"axis": 0}, T, P),
    Row("huber", "Huber", {}, T, P),
    Row("huber", "Huber", {"delta": 0.3}, T, P),
    Row("log_cosh", "LogCosh", {}, T, P),
    Row("hinge", "Hinge", {}, 2 * BINARY - 1, P),
    Row("hinge", "Hinge", {}, BINARY, P, note="0-and-1"),
    Row("squared_hinge", "SquaredHinge", {}, BINARY, P),
    Row("categorical_hinge", "CategoricalHinge", {}, ONE_HOT, P),
    Row("kl_divergence", "KLDivergence", {}, PROBABILITIES[::-1].copy(), PROBABILITIES),
    Row("poisson", "Poisson", {}, abs(T), abs(P)),
    Row("binary_crossentropy", "BinaryCrossentropy", {}, BINARY, SIGMOID),
    Row(
        "binary_crossentropy",
        "BinaryCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2, "axis": 0},
        BINARY,
        P,
    ),
    Row("binary_focal_crossentropy", "BinaryFocalCrossentropy", {}, BINARY, SIGMOID),
    Row(
        "binary_focal_crossentropy",
        "BinaryFocalCrossentropy",
        {"from_logits": True, "gamma": 1.5, "alpha": 0.3, "apply_class_balancing": True},
        BINARY,
        P,
    ),
    Row("categorical_crossentropy", "CategoricalCrossentropy", {}, ONE_HOT, abs(P)),
    Row(
        "categorical_crossentropy",
        "CategoricalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2},
        ONE_HOT,
        P,
    ),
    Row(
        "categorical_crossentropy",
        "CategoricalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2, "axis": 0},
        ONE_HOT.T.copy(),
        P.T.copy(),
    ),
    Row(
        "categorical_focal_crossentropy", "CategoricalFocalCrossentropy", {}, ONE_HOT, PROBABILITIES
    ),
    Row(
        "categorical_focal_crossentropy",
        "CategoricalFocalCrossentropy",
        {"from_logits": True, "gamma": 3.0, "alpha": [0.1, 0.2, 0.3, 0.4]},
        ONE_HOT,
        P,
    ),
    Row(
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        {},
        LABELS,
        PROBABILITIES,
    ),
    Row(
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        {"from_logits": True},
        LABELS[:, None],
        P,
    ),
    Row(
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        {"from_logits": True, "axis": 0},
        LABELS,
        P.T.copy(),
    ),
    Row(
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        {"from_logits": True, "ignore_class": 1},
        LABELS,
        P,
    ),
    Row(
        "categorical_generalized_cross_entropy",
        "CategoricalGeneralizedCrossEntropy",
        {"q": 0.3},
        LABELS,
        PROBABILITIES,
    ),
    Row("dice", "Dice", {}, BINARY, SIGMOID),
    Row("dice", "Dice", {"axis": 1}, BINARY, SIGMOID),
    Row("tversky", "Tversky", {"alpha": 0.3, "beta": 0.9, "axis": (1,)}, BINARY, SIGMOID),
    Row("circle", "Circle", {"gamma": 10.0}, LABELS, UNIT),
    Row(
        "circle",
        "Circle",
        {"gamma": 5.0, "margin": 0.2, "remove_diagonal": False},
        LABELS[:, None],
        UNIT,
    ),
    Row("ctc", "CTC", {}, np.array([[1, 2], [2, 0]]), FRAMES),
]

WRONG = [
    Wrong(
        "mean_squared_error",
        "losses.mean_squared_error(np.ones((5, 3)), np.ones((5, 1)))",
        "ShapeError",
        "mean_squared_error: y_true has the shape (5, 3), y_pred (5, 1); expected equal shapes, or a last axis of length 1 more in one of them. The model gives 1 numbers where the targets have 3.",
    ),
    Wrong(
        "mean_squared_error",
        "losses.mean_squared_error(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "mean_squared_error: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "mean_absolute_error",
        "losses.mean_absolute_error(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "mean_absolute_error: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "mean_absolute_percentage_error",
        "losses.mean_absolute_percentage_error(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "mean_absolute_percentage_error: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "mean_squared_logarithmic_error",
        "losses.mean_squared_logarithmic_error(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "mean_squared_logarithmic_error: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "cosine_similarity",
        "losses.cosine_similarity(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "cosine_similarity: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "huber",
        "losses.huber(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "huber: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "log_cosh",
        "losses.log_cosh(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "log_cosh: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "hinge",
        "losses.hinge(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "hinge: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "squared_hinge",
        "losses.squared_hinge(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "squared_hinge: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "categorical_hinge",
        "losses.categorical_hinge(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "categorical_hinge: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. For labels that are integers take sparse_categorical_crossentropy.",
    ),
    Wrong(
        "kl_divergence",
        "losses.kl_divergence(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "kl_divergence: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "poisson",
        "losses.poisson(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "poisson: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "binary_crossentropy",
        "losses.binary_crossentropy(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "binary_crossentropy: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "binary_focal_crossentropy",
        "losses.binary_focal_crossentropy(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "binary_focal_crossentropy: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "categorical_crossentropy",
        "losses.categorical_crossentropy(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "categorical_crossentropy: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. For labels that are integers take sparse_categorical_crossentropy.",
    ),
    Wrong(
        "categorical_focal_crossentropy",
        "losses.categorical_focal_crossentropy(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "categorical_focal_crossentropy: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. For labels that are integers take sparse_categorical_crossentropy.",
    ),
    Wrong(
        "dice",
        "losses.dice(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "dice: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "tversky",
        "losses.tversky(np.ones((5,)), np.ones((5, 4)))",
        "ShapeError",
        "tversky: y_true has the shape (5,), y_pred (5, 4); expected equal shapes, or a last axis of length 1 more in one of them. Nothing is broadcast here: reshape one of them.",
    ),
    Wrong(
        "sparse_categorical_crossentropy",
        "losses.sparse_categorical_crossentropy(np.ones((5, 4), 'int32'), np.ones((5, 4)))",
        "ShapeError",
        "sparse_categorical_crossentropy: y_true has the shape (5, 4), y_pred (5, 4); expected integer labels of the shape (5,). For labels that are one-hot take categorical_crossentropy.",
    ),
    Wrong(
        "sparse_categorical_crossentropy",
        "losses.sparse_categorical_crossentropy(np.ones((3,), 'int32'), np.ones((5, 4)))",
        "ShapeError",
        "sparse_categorical_crossentropy: y_true has the shape (3,), y_pred (5, 4); expected integer labels of the shape (5,). The classes are on axis -1 of y_pred.",
    ),
    Wrong(
        "sparse_categorical_crossentropy",
        "losses.sparse_categorical_crossentropy([4, 1], np.ones((2, 4), 'float32'))",
        "ValueError",
        "target: label 4 is out of range for 4 classes; expected 0 to 3, or a negative number where nothing is to count.",
    ),
    Wrong(
        "categorical_generalized_cross_entropy",
        "losses.categorical_generalized_cross_entropy(np.ones((5, 2), 'int32'), np.ones((5, 4)), q=0.5)",
        "ShapeError",
        "categorical_generalized_cross_entropy: y_true has the shape (5, 2), y_pred (5, 4); expected integer labels of the shape (5,). The classes are on axis -1 of y_pred.",
    ),
    Wrong(
        "circle",
        "losses.circle(np.ones((4,), 'int32'), np.ones((5, 4)))",
        "ShapeError",
        "circle: y_true has the shape (4,), y_pred (5, 4); expected (examples,) and (examples, features).",
    ),
    Wrong(
        "ctc",
        "losses.ctc(np.ones((4,), 'int32'), np.ones((5, 4)))",
        "ShapeError",
        "ctc: y_true has the shape (4,), y_pred (5, 4); expected (examples, longest) and (examples, times, classes).",
    ),
    Wrong(
        "Huber",
        "losses.Huber()({'a': np.ones(2)}, {'a': np.ones(2)})",
        "TypeError",
        "huber: y_true: expected a tensor; got a dict with the keys ['a']. Take one loss for each entry, or write a Loss whose call takes the dict.",
    ),
    Wrong(
        "Huber",
        "losses.Huber(reduction='summ')",
        "ValueError",
        "Huber: reduction: expected 'sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight', 'none' or None; got 'summ'. Did you mean 'sum'?",
    ),
    Wrong(
        "CategoricalGeneralizedCrossEntropy",
        "losses.CategoricalGeneralizedCrossEntropy(1.0)",
        "ValueError",
        "categorical_generalized_cross_entropy: q: expected a number above 0 and below 1; got 1.0.",
    ),
    Wrong(
        "categorical_crossentropy",
        "losses.categorical_crossentropy(np.ones((5, 4)), np.ones((5, 4)), axis=2)",
        "AxisError",
        "categorical_crossentropy: axis: 2 is out of range for y_pred, which has the shape (5, 4).",
    ),
    Wrong(
        "sparse_categorical_crossentropy",
        "losses.sparse_categorical_crossentropy(np.ones((5,), 'int32'), np.ones((5, 4)), axis=2)",
        "AxisError",
        "sparse_categorical_crossentropy: axis: 2 is out of range for y_pred, which has the shape (5, 4).",
    ),
    Wrong(
        "Loss",
        "losses.Loss()(np.ones(3), np.ones(3))",
        "NotImplementedError",
        "Loss: call(y_true, y_pred) is missing; write it in that class.",
    ),
    Wrong(
        "MeanSquaredError",
        "losses.get('mean_square_error')",
        "ValueError",
        "losses: unknown loss 'mean_square_error'. Did you mean 'mean_squared_error'?",
    ),
    Wrong(
        "MeanSquaredError",
        "losses.get(3)",
        "ValueError",
        "losses: expected a name, a description, a class, an object or a function; got int.",
    ),
    Wrong(
        "MeanSquaredError",
        "losses.MeanSquaredError(name='mine')(np.ones((3, 4, 2)), np.ones((3, 4, 2)), np.ones((2,)))",
        "ShapeError",
        "mine: sample_weight: the shape (2,) does not fit the values, which have the shape (3, 4); expected that shape or its beginning.",
    ),
    Wrong(
        "MeanSquaredError",
        "losses.MeanSquaredError(name='mine')(np.ones((3, 4, 2)), np.ones((3, 4, 2)), np.ones((3, 4, 2)))",
        "ShapeError",
        "mine: sample_weight: the shape (3, 4, 2) does not fit the values, which have the shape (3, 4); expected that shape or its beginning.",
    ),
    Wrong(
        "Dice",
        "losses.Dice()(np.ones((5, 4)), np.ones((5, 4)), np.ones(5))",
        "ShapeError",
        "dice: sample_weight: the shape (5,) does not fit the values, which have the shape (); expected that shape or its beginning. To weigh examples, give y_true and y_pred an axis after that of the examples.",
    ),
]
