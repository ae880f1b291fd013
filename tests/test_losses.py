"""Losses: their numbers and gradients beside formulas in NumPy, how they are reduced, and the shapes that they refuse.

The formulas are written one example at a time where that makes them plainer.
"""

import itertools
import json
import math
import shutil

import numpy as np
import pytest
from scipy import special

import polynet
from polynet import errors, losses, ops
from polynet.masking import get_mask, set_mask
from polynet.plugins import current

needs_compiler = pytest.mark.skipif(
    current().name == "torch" and not any(map(shutil.which, ("c++", "g++", "clang++"))),
    reason="torch.compile on a CPU calls a C++ compiler, and none is installed",
)
RNG = np.random.default_rng(0)
T, P = RNG.normal(size=(2, 5, 4)).astype("float32")
BINARY = (T > 0).astype("float32")
SIGMOID = special.expit(P)
PROBABILITIES = special.softmax(P, -1)
LABELS = np.array([0, 1, 3, 2, 1])
ONE_HOT = np.eye(4, dtype="float32")[LABELS]
UNIT = P / np.linalg.norm(P, axis=1, keepdims=True)
FRAMES = RNG.normal(size=(2, 4, 3)).astype("float32")
EPSILON = 1e-7


def number(x):
    return np.asarray(ops.convert_to_numpy(x))


# ------------------------------------------------------------------------------------------ formulas


def cross_entropy(t, p):
    return -(t * np.log(np.clip(p, EPSILON, 1 - EPSILON))).sum(-1)


def binary_cross_entropy(t, p):
    p = np.clip(p, EPSILON, 1 - EPSILON)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def binary_focal(t, p, gamma=2.0, alpha=None):
    focused = (1 - t * p - (1 - t) * (1 - p)) ** gamma * binary_cross_entropy(t, p)
    return (focused if alpha is None else (t * alpha + (1 - t) * (1 - alpha)) * focused).mean(-1)


def focal(t, p):
    return -(0.25 * (1 - p) ** 2 * t * np.log(p)).sum(-1)


def huber(t, p, delta=1.0):
    e = abs(t - p)
    return np.where(e <= delta, e**2 / 2, delta * (e - delta / 2)).mean(-1)


def cosine(t, p, axis=-1):
    return -(t * p).sum(axis) / np.linalg.norm(t, axis=axis) / np.linalg.norm(p, axis=axis)


def categorical_hinge(t, p):
    found = []
    for row, label in zip(p, t.argmax(-1), strict=True):
        wrong = max(0.0, *np.delete(row, label))  # the right class counts as 0 there
        found.append(max(wrong - row[label] + 1, 0))
    return np.array(found)


def overlap(t, p, alpha, beta, axis):
    both, missed, invented = (t * p).sum(axis), (t * (1 - p)).sum(axis), (p * (1 - t)).sum(axis)
    return 1 - both / (both + alpha * missed + beta * invented + EPSILON)


def circle(t, p, gamma=80.0, margin=0.4, remove_diagonal=True):
    found = []
    for i, label in enumerate(t):
        similar, dissimilar = [], []
        for j, other in enumerate(t):
            s = min(p[i] @ p[j], 1.0)
            if label == other and not (remove_diagonal and i == j):
                similar.append(-gamma * max(1 + margin - s, 0) * (s - 1 + margin))
            elif label != other:
                dissimilar.append(gamma * max(s + margin, 0) * (s - margin))
        total = sum(np.exp(x + y) for x in similar for y in dissimilar)
        found.append(np.log1p(total))
    return np.array(found)


def ctc(t, p):
    """Over all ways in which the frames may spell the labels."""
    found = []
    for labels, frames in zip(t, special.softmax(p, -1), strict=True):
        wanted = [label for label in labels.tolist() if label]
        total = 0.0
        for path in itertools.product(range(frames.shape[1]), repeat=len(frames)):
            spelt = [x for x, _ in itertools.groupby(path) if x]
            if spelt == wanted:
                total += math.prod(frames[i, x] for i, x in enumerate(path))
        found.append(-math.log(total))
    return np.array(found)


def smooth(t, by):
    return t * (1 - by) + by / t.shape[-1]


ROWS = [  # function, class, arguments, targets, outputs, formula
    ("mean_squared_error", "MeanSquaredError", {}, T, P, lambda t, p: ((t - p) ** 2).mean(-1)),
    ("mean_absolute_error", "MeanAbsoluteError", {}, T, P, lambda t, p: abs(t - p).mean(-1)),
    (
        "mean_absolute_percentage_error",
        "MeanAbsolutePercentageError",
        {},
        T,
        P,
        lambda t, p: 100 * abs((t - p) / t).mean(-1),
    ),
    (
        "mean_squared_logarithmic_error",
        "MeanSquaredLogarithmicError",
        {},
        abs(T),
        P,
        lambda t, p: ((np.log(t + 1) - np.log(np.maximum(p, EPSILON) + 1)) ** 2).mean(-1),
    ),
    ("cosine_similarity", "CosineSimilarity", {}, T, P, cosine),
    ("cosine_similarity", "CosineSimilarity", {"axis": 0}, T, P, lambda t, p: cosine(t, p, 0)),
    ("huber", "Huber", {}, T, P, huber),
    ("huber", "Huber", {"delta": 0.3}, T, P, lambda t, p: huber(t, p, 0.3)),
    ("log_cosh", "LogCosh", {}, T, P, lambda t, p: np.log(np.cosh(p - t)).mean(-1)),
    ("hinge", "Hinge", {}, 2 * BINARY - 1, P, lambda t, p: np.maximum(1 - t * p, 0).mean(-1)),
    ("hinge", "Hinge", {}, BINARY, P, lambda t, p: np.maximum(1 - (2 * t - 1) * p, 0).mean(-1)),
    (
        "squared_hinge",
        "SquaredHinge",
        {},
        BINARY,
        P,
        lambda t, p: (np.maximum(1 - (2 * t - 1) * p, 0) ** 2).mean(-1),
    ),
    ("categorical_hinge", "CategoricalHinge", {}, ONE_HOT, P, categorical_hinge),
    (
        "kl_divergence",
        "KLDivergence",
        {},
        PROBABILITIES[::-1].copy(),
        PROBABILITIES,
        lambda t, p: special.rel_entr(t, p).sum(-1),
    ),
    ("poisson", "Poisson", {}, abs(T), abs(P), lambda t, p: (p - t * np.log(p)).mean(-1)),
    (
        "binary_crossentropy",
        "BinaryCrossentropy",
        {},
        BINARY,
        SIGMOID,
        lambda t, p: binary_cross_entropy(t, p).mean(-1),
    ),
    (
        "binary_crossentropy",
        "BinaryCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2, "axis": 0},
        BINARY,
        P,
        lambda t, p: binary_cross_entropy(0.8 * t + 0.1, special.expit(p)).mean(0),
    ),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy", {}, BINARY, SIGMOID, binary_focal),
    (
        "binary_focal_crossentropy",
        "BinaryFocalCrossentropy",
        {"from_logits": True, "gamma": 1.5, "alpha": 0.3, "apply_class_balancing": True},
        BINARY,
        P,
        lambda t, p: binary_focal(t, special.expit(p), 1.5, 0.3),
    ),
    (
        "categorical_crossentropy",
        "CategoricalCrossentropy",
        {},
        ONE_HOT,
        abs(P),
        lambda t, p: cross_entropy(t, p / p.sum(-1, keepdims=True)),
    ),
    (
        "categorical_crossentropy",
        "CategoricalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2},
        ONE_HOT,
        P,
        lambda t, p: cross_entropy(smooth(t, 0.2), special.softmax(p, -1)),
    ),
    (
        "categorical_crossentropy",
        "CategoricalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2, "axis": 0},
        ONE_HOT.T.copy(),
        P.T.copy(),
        lambda t, p: cross_entropy(smooth(t.T, 0.2), special.softmax(p.T, -1)),
    ),
    (
        "categorical_focal_crossentropy",
        "CategoricalFocalCrossentropy",
        {},
        ONE_HOT,
        PROBABILITIES,
        lambda t, p: focal(t, p / p.sum(-1, keepdims=True)),
    ),
    (
        "categorical_focal_crossentropy",
        "CategoricalFocalCrossentropy",
        {"from_logits": True, "gamma": 3.0, "alpha": [0.1, 0.2, 0.3, 0.4]},
        ONE_HOT,
        P,
        lambda t, p: cross_entropy(
            np.array([0.1, 0.2, 0.3, 0.4]) * (1 - special.softmax(p, -1)) ** 3 * t,
            special.softmax(p, -1),
        ),
    ),
    (
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        {},
        LABELS,
        PROBABILITIES,
        lambda t, p: cross_entropy(ONE_HOT, p / p.sum(-1, keepdims=True)),
    ),
    (
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        {"from_logits": True},
        LABELS[:, None],
        P,
        lambda t, p: cross_entropy(ONE_HOT, special.softmax(p, -1)),
    ),
    (
        "sparse_categorical_crossentropy",
        "SparseCategoricalCrossentropy",
        {"from_logits": True, "axis": 0},
        LABELS,
        P.T.copy(),
        lambda t, p: cross_entropy(ONE_HOT, special.softmax(p.T, -1)),
    ),
    (
        "categorical_generalized_cross_entropy",
        "CategoricalGeneralizedCrossEntropy",
        {"q": 0.3},
        LABELS,
        PROBABILITIES,
        lambda t, p: (1 - p[range(5), LABELS] ** 0.3) / 0.3,
    ),
    ("dice", "Dice", {}, BINARY, SIGMOID, lambda t, p: overlap(t, p, 0.5, 0.5, None)),
    ("dice", "Dice", {"axis": 1}, BINARY, SIGMOID, lambda t, p: overlap(t, p, 0.5, 0.5, 1)),
    (
        "tversky",
        "Tversky",
        {"alpha": 0.3, "beta": 0.9, "axis": (1,)},
        BINARY,
        SIGMOID,
        lambda t, p: overlap(t, p, 0.3, 0.9, 1),
    ),
    ("circle", "Circle", {"gamma": 10.0}, LABELS, UNIT, lambda t, p: circle(t, p, 10.0)),
    (
        "circle",
        "Circle",
        {"gamma": 5.0, "margin": 0.2, "remove_diagonal": False},
        LABELS[:, None],
        UNIT,
        lambda t, p: circle(t[:, 0], p, 5.0, 0.2, False),
    ),
    ("ctc", "CTC", {}, np.array([[1, 2], [2, 0]]), FRAMES, ctc),
]
IDS = [f"{row[0]}-{i}" for i, row in enumerate(ROWS)]
each_row = pytest.mark.parametrize(("name", "cls", "arguments", "t", "p", "formula"), ROWS, ids=IDS)


@each_row
def test_functions(name, cls, arguments, t, p, formula):
    function = getattr(losses, name)
    expected = formula(t.astype("float64"), p.astype("float64"))
    for targets, outputs in ((t, p), (ops.array(t), ops.array(p)), (t.tolist(), p.tolist())):
        found = function(targets, outputs, **arguments)
        assert polynet.op.dtype_of(found) == "float32"
        np.testing.assert_allclose(number(found), expected, rtol=2e-5, atol=2e-6)


@each_row
def test_classes(name, cls, arguments, t, p, formula):
    each = formula(t.astype("float64"), p.astype("float64"))
    counted = each[each > 0] if cls == "Circle" else each
    make = getattr(losses, cls)
    for reduction, expected in (
        ("sum_over_batch_size", counted.mean()),
        ("mean", counted.mean()),
        ("mean_with_sample_weight", counted.mean()),
        ("sum", each.sum()),
        ("none", each),
        (None, each),
    ):
        loss = make(**arguments, reduction=reduction)
        found = loss(ops.array(t), ops.array(p))
        np.testing.assert_allclose(number(found), expected, rtol=2e-5, atol=2e-6)
    described = json.loads(json.dumps(losses.serialize(make(**arguments, dtype="float32"))))
    assert described["kind"] == "losses"
    again = losses.deserialize(described)
    assert type(again) is make
    for argument, value in arguments.items():
        assert getattr(again, argument) == value
    np.testing.assert_allclose(number(again(t, p)), counted.mean(), rtol=2e-5, atol=2e-6)


@each_row
def test_gradients(name, cls, arguments, t, p, formula):
    if name in ("categorical_hinge",):
        p = p + 1.0  # off the kinks
    function = getattr(losses, name)
    found = polynet.grad(lambda p: ops.sum(function(t, p, **arguments)))(ops.array(p))
    wide = p.astype("float64")
    expected = np.empty_like(wide)
    for place in np.ndindex(wide.shape):
        step = np.zeros_like(wide)
        step[place] = 1e-5
        rise = formula(t.astype("float64"), wide + step) - formula(t.astype("float64"), wide - step)
        expected[place] = rise.sum() / 2e-5
    np.testing.assert_allclose(number(found), expected, rtol=2e-3, atol=2e-4)


def test_every_loss_has_a_row():
    rows = {row[0] for row in ROWS} | {row[1] for row in ROWS}
    others = {"get", "serialize", "deserialize", "Loss", "LossFunctionWrapper"}
    assert rows == set(losses.__all__) - others


@needs_compiler
@pytest.mark.parametrize(
    ("loss", "t", "p"),
    [
        (losses.MeanSquaredError(), T, P),
        (losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), LABELS, P),
        (losses.Circle(), LABELS, UNIT),
    ],
    ids=["mean_squared_error", "sparse_categorical_crossentropy", "circle"],
)
def test_compiled(loss, t, p):
    found = polynet.jit(loss)(ops.array(t), ops.array(p))
    np.testing.assert_allclose(number(found), number(loss(t, p)), rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------------------------ numbers


@pytest.mark.parametrize(
    ("function", "t", "p", "expected"),
    [
        (losses.binary_crossentropy, [[1.0, 0.0]], [[-1000.0, 1000.0]], [1000.0]),
        (losses.categorical_crossentropy, [[1.0, 0.0]], [[-1e4, 1e4]], [2e4]),
        (losses.sparse_categorical_crossentropy, [0], [[-1e4, 1e4]], [2e4]),
    ],
)
def test_logits_do_not_overflow(function, t, p, expected):
    np.testing.assert_allclose(number(function(t, p, from_logits=True)), expected, rtol=1e-6)


def test_log_cosh_does_not_overflow():
    found = number(losses.log_cosh([[0.0], [0.0]], [[5000.0], [-5000.0]]))
    np.testing.assert_allclose(found, 5000.0 - math.log(2), rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "t", "p"),
    [
        (losses.BinaryCrossentropy(), [[0.0, 1.0]], [[0.0, 1.0]]),
        (losses.BinaryFocalCrossentropy(), [[0.0, 1.0]], [[0.0, 1.0]]),
        (losses.BinaryFocalCrossentropy(from_logits=True), [[0.0, 1.0]], [[-500.0, 500.0]]),
        (losses.CategoricalCrossentropy(), [[0.0, 1.0]], [[0.0, 1.0]]),
        (losses.CategoricalFocalCrossentropy(), [[0.0, 1.0]], [[0.0, 1.0]]),
        (losses.CategoricalFocalCrossentropy(from_logits=True), [[0.0, 1.0]], [[-500.0, 500.0]]),
        (losses.KLDivergence(), [[0.0, 1.0]], [[0.0, 1.0]]),
        (losses.Poisson(), [[0.0, 1.0]], [[0.0, 1.0]]),
        (losses.CosineSimilarity(), [[0.0, 0.0]], [[0.0, 0.0]]),
        (losses.MeanAbsolutePercentageError(), [[0.0]], [[0.0]]),
        (losses.Dice(), [[0.0]], [[0.0]]),
        (losses.Tversky(), [[0.0]], [[0.0]]),
        (losses.Circle(), [0, 1], [[1.0, 0.0], [1.0, 0.0]]),
        (losses.Circle(), [0, 0], [[1.0, 0.0], [1.0, 0.0]]),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, losses.Loss) else "",
)
def test_edges_are_finite(loss, t, p):
    value, slope = polynet.value_and_grad(lambda p: loss(t, p))(ops.array(p))
    assert np.isfinite(number(value)).all() and np.isfinite(number(slope)).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32"])
def test_classes_compute_in_their_dtype(dtype):
    p = ops.cast([[300.0, 300.0]], dtype)
    found = losses.MeanSquaredError()([[0.0, 0.0]], p)
    assert polynet.op.dtype_of(found) == "float32"
    assert float(found) == pytest.approx(90000.0, rel=0.01)  # float16 ends at 65504


def test_dtypes():
    loss = losses.MeanSquaredError(dtype="float16")
    assert loss.dtype == "float16"
    assert polynet.op.dtype_of(loss([[1.0]], [[2.0]])) == "float16"
    assert losses.MeanSquaredError(dtype=polynet.DTypePolicy("mixed_bfloat16")).dtype == "bfloat16"
    assert polynet.op.dtype_of(losses.huber([[1]], [[3]])) == "float32"


# ------------------------------------------------------------------------------------------ labels


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int64", "float32"])
def test_ignored_labels(dtype):
    labels = np.array([0, 255, 3, 255, 1]).astype(dtype)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255)
    each = -special.log_softmax(P.astype("float64"), -1)[[0, 2, 4], [0, 3, 1]]
    assert float(loss(labels, P)) == pytest.approx(each.mean(), rel=1e-5)
    function = losses.sparse_categorical_crossentropy
    found = number(function(ops.array(labels), P, from_logits=True, ignore_class=255))
    np.testing.assert_allclose(found[[0, 2, 4]], each, rtol=1e-5)
    assert found[[1, 3]].tolist() == [0.0, 0.0]
    slope = number(polynet.grad(lambda p: loss(labels, p))(ops.array(P)))
    assert (slope[[1, 3]] == 0).all() and (slope[[0, 2, 4]] != 0).all()
    weighed = loss(labels, P, sample_weight=[1.0, 9.0, 2.0, 9.0, 3.0])
    assert float(weighed) == pytest.approx((each * [1, 2, 3]).sum() / 3, rel=1e-5)


def test_ignored_labels_of_positions():
    labels = np.array([[0, 9, 3], [9, 9, 1]])
    p = RNG.normal(size=(2, 3, 4)).astype("float32")
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=9)
    each = -special.log_softmax(p, -1)[[0, 0, 1], [0, 2, 2], [0, 3, 1]]
    assert float(loss(labels, p)) == pytest.approx(each.mean(), rel=1e-5)


def test_negative_labels_count_nothing():
    found = number(losses.sparse_categorical_crossentropy([-1, 1], PROBABILITIES[:2]))
    assert found[0] == 0 and found[1] > 0


def test_labels_beyond_the_classes():
    with pytest.raises(ValueError, match="label 4 is out of range for 4 classes"):
        losses.SparseCategoricalCrossentropy()([4, 1], PROBABILITIES[:2])
    found = losses.categorical_generalized_cross_entropy([4, -1], PROBABILITIES[:2], 0.5)
    assert number(found).tolist() == [2.0, 2.0]


@pytest.mark.skipif(current().name != "jax", reason="elsewhere compiled code sees values")
def test_labels_beyond_the_classes_count_nothing_in_compiled_code():
    compiled = polynet.jit(lambda t, p: losses.sparse_categorical_crossentropy(t, p))
    assert number(compiled(ops.array([4, 1]), ops.array(PROBABILITIES[:2])))[0] == 0


def test_what_users_have():
    """NumPy's default dtypes, on a library that has to be told to allow 64 bits, too."""
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    each = -special.log_softmax(P.astype("float64"), -1)[range(5), LABELS]
    assert LABELS.dtype == "int64"
    assert float(loss(LABELS, P.astype("float64"))) == pytest.approx(each.mean(), rel=1e-5)
    t, p = T.astype("float64"), P.astype("float64")
    for made in (losses.MeanSquaredError(), Both()):
        whole = (
            (t, p)
            if isinstance(made, losses.MeanSquaredError)
            else ({"a": t, "b": [t]}, {"a": p, "b": [p]})
        )
        assert polynet.op.dtype_of(made(*whole)) == "float32"


def test_large_labels_stay_exact():
    """float32 has no 2**24 + 1."""
    seen = []

    class Seen(losses.Loss):
        keeps_integers = True

        def call(self, y_true, y_pred):
            seen.append(number(y_true).tolist())
            return ops.mean(y_pred, axis=-1)

    Seen()(np.array([2**24 + 1]), np.ones((1, 2), "float32"))
    assert seen == [[2**24 + 1]]


def test_other_targets_become_floats():
    class Distance(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(abs(y_true * 2 - y_pred), axis=-1)

    found = Distance()(np.array([[200]], "uint8"), np.array([[0.0]]))
    assert float(found) == 400.0


def test_one_class_is_a_mistake():
    with pytest.warns(SyntaxWarning, match="only one class on axis -1"):
        losses.categorical_crossentropy([[1.0]], [[1.0]])


# ------------------------------------------------------------------------------------------ weights

VALUES = RNG.normal(size=(3, 4)).astype("float32")


class Given(losses.Loss):
    """The outputs are the losses."""

    def call(self, y_true, y_pred):
        return y_pred


def expected_loss(values, weight, mask, reduction):
    """What Keras documents, over the entries one by one."""
    weight = np.ones(values.shape) if weight is None else weight
    mask = np.ones(values.shape) if mask is None else mask
    weighed = values.astype("float64") * weight * mask
    if reduction is None:
        return weighed
    total = weighed.sum()
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight":
        return total / (weight * mask).sum()
    return total / mask.sum()


WEIGHT = RNG.uniform(0.1, 2.0, (3, 4)).astype("float32")
MASK = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]], bool)


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", None]
)
@pytest.mark.parametrize("weight", [None, WEIGHT, WEIGHT[:, :1] * np.ones(4)])
@pytest.mark.parametrize("mask", [None, MASK, MASK[:, :1] & np.ones(4, bool)])
def test_weights_and_masks(reduction, weight, mask):
    values = ops.array(VALUES)
    if mask is not None:
        set_mask(values, ops.array(mask))
    found = Given(reduction=reduction)(VALUES, values, weight)
    expected = expected_loss(VALUES, weight, mask, reduction)
    np.testing.assert_allclose(number(found), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "weight",
    [2.0, np.float32(2.0), WEIGHT[:, 0], WEIGHT[:, :1], WEIGHT[:1], WEIGHT, WEIGHT[..., None]],
    ids=lambda w: str(np.shape(w)),
)
def test_shapes_of_weights(weight):
    aligned = np.asarray(weight)
    if aligned.ndim == 3:
        aligned = aligned[..., 0]
    if aligned.shape == (3,):
        aligned = aligned[:, None]
    found = Given(reduction=None)(VALUES, VALUES, weight)
    np.testing.assert_allclose(number(found), VALUES * aligned, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (2,), (3, 3), (3, 4, 2), (1, 3, 4)])
def test_weights_that_do_not_fit(shape):
    with pytest.raises(errors.ShapeError, match=r"mine: sample_weight: the shape .* \(3, 4\)"):
        Given("mine")(VALUES, VALUES, np.ones(shape))


def test_a_loss_for_the_whole_batch_has_no_weights_for_examples():
    with pytest.raises(errors.ShapeError, match=r"dice: sample_weight: .*an axis after that"):
        losses.Dice()(BINARY, SIGMOID, np.ones(5))


@pytest.mark.parametrize("reduction", ["mean", "mean_with_sample_weight"])
def test_nothing_that_counts(reduction):
    loss = losses.MeanSquaredError(reduction)
    assert float(loss(T, P, np.zeros(5))) == 0.0
    values = ops.array(P)
    set_mask(values, ops.zeros((5,), "bool"))
    assert float(loss(T, values)) == 0.0
    assert float(loss(np.ones((0, 2)), np.ones((0, 2)))) == 0.0


def test_the_mask_of_the_outputs_has_no_axis_of_features():
    p = ops.array(RNG.normal(size=(3, 4, 2)).astype("float32"))
    t = np.zeros((3, 4, 2), "float32")
    set_mask(p, ops.array(MASK))
    expected = expected_loss((number(p) ** 2).mean(-1), None, MASK, "mean")
    assert float(losses.MeanSquaredError()(t, p)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_a_mask_of_examples_counts_each_of_their_losses(shape):
    values = ops.array(VALUES)
    set_mask(values, ops.reshape(ops.array([True, False, True]), shape))
    assert float(Given()(VALUES, values)) == pytest.approx(VALUES[[0, 2]].mean(), rel=1e-5)


def test_both_masks_count():
    p = ops.array(P)
    set_mask(p, ops.array([True, True, False, True, True]))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1)
    each = -special.log_softmax(P, -1)[[0, 3], [0, 2]]
    assert float(loss(LABELS, p)) == pytest.approx(each.mean(), rel=1e-5)


def test_a_loss_leaves_the_masks_of_others_alone():
    p = ops.array(P)
    losses.MeanSquaredError(None)(T, p)
    assert get_mask(p) is None


# ------------------------------------------------------------------------------------------ shapes

PAIRS = [name for name, *_ in ROWS if name not in ("circle", "ctc")]
OF_LABELS = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
ALIKE = sorted(set(PAIRS) - set(OF_LABELS))


def call(name, t, p):
    return getattr(losses, name)(t, p, **({"q": 0.5} if "generalized" in name else {}))


@pytest.mark.parametrize(
    ("true", "pred", "same"),
    [
        ((5,), (5, 1), (5, 1)),
        ((5, 1), (5,), (5, 1)),
        ((5, 4, 1), (5, 4), (5, 4)),
        ((5, 4), (5, 4, 1), (5, 4)),
    ],
)
def test_a_last_axis_of_length_1(true, pred, same):
    t, p = (RNG.normal(size=size).astype("float32") for size in (true, pred))
    for name in ("mean_squared_error", "hinge", "log_cosh", "dice"):
        expected = number(call(name, t.reshape(same), p.reshape(same)))
        np.testing.assert_array_equal(number(call(name, t, p)), expected)


@pytest.mark.parametrize(
    ("true", "pred"),
    [
        ((5, 3), (5, 1)),
        ((5, 1), (5, 3)),
        ((1, 4), (5, 4)),
        ((5,), (5, 4)),
        ((4,), (5, 1)),
        ((5, 4), (4,)),
        ((), (5, 1)),
    ],
)
@pytest.mark.parametrize("name", ALIKE)
def test_no_loss_broadcasts(name, true, pred):
    with pytest.raises(errors.ShapeError) as caught:
        call(name, np.ones(true, "float32"), np.ones(pred, "float32"))
    assert str(caught.value).startswith(
        f"{name}: y_true has the shape {true}, y_pred {pred}; expected"
    )


@pytest.mark.parametrize(
    ("name", "true", "pred", "advice"),
    [
        (
            "mean_squared_error",
            (5, 3),
            (5, 1),
            "The model gives 1 numbers where the targets have 3",
        ),
        ("categorical_crossentropy", (5,), (5, 4), "take sparse_categorical_crossentropy"),
        ("sparse_categorical_crossentropy", (5, 4), (5, 4), "take categorical_crossentropy"),
        ("sparse_categorical_crossentropy", (3,), (5, 4), r"integer labels of the shape \(5,\)"),
        ("categorical_generalized_cross_entropy", (5, 2), (5, 4), r"labels of the shape \(5,\)"),
        ("circle", (4,), (5, 4), r"circle: y_true has the shape \(4,\), y_pred \(5, 4\)"),
        ("ctc", (4,), (5, 4), r"ctc: y_true has the shape \(4,\), y_pred \(5, 4\)"),
    ],
)
def test_advice(name, true, pred, advice):
    with pytest.raises(errors.ShapeError, match=advice):
        call(name, np.ones(true, "int32"), np.ones(pred, "float32"))


def test_unknown_lengths_fit():
    t, p = polynet.Input((3,)), polynet.Input((3,))
    assert tuple(losses.mean_squared_error(t, p).shape) == (None,)
    assert tuple(losses.MeanSquaredError()(t, p).shape) == ()


# ------------------------------------------------------------------------------------------ structures


class Both(losses.Loss):
    def call(self, y_true, y_pred):
        first = ops.mean(ops.square(y_true["a"] - y_pred["a"]), axis=-1)
        return first + ops.mean(abs(y_true["b"][0] - y_pred["b"][0]), axis=-1)


def test_structures():
    t, p = {"a": T, "b": [T]}, {"a": P, "b": [P]}
    expected = ((T - P) ** 2).mean() + abs(T - P).mean()
    assert float(Both()(t, p)) == pytest.approx(expected, rel=1e-5)
    assert float(Both()(t, {"a": P.astype("float16"), "b": [P]})) == pytest.approx(
        expected, rel=1e-2
    )


def test_a_loss_of_tensors_refuses_a_dict():
    with pytest.raises(
        TypeError, match=r"huber: y_true: expected a tensor; got a dict with the keys \['a'\]"
    ):
        losses.Huber()({"a": T}, {"a": P})


# ------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("mse", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("mape", "mean_absolute_percentage_error"),
        ("msle", "mean_squared_logarithmic_error"),
        ("bce", "binary_crossentropy"),
        ("kld", "kl_divergence"),
    ],
)
def test_short_names(short, name):
    for identifier in (short, short.upper(), name, getattr(losses, name)):
        assert losses.get(identifier) is getattr(losses, name)


@pytest.mark.parametrize(("name", "cls"), sorted({(row[0], row[1]) for row in ROWS}))
def test_names(name, cls):
    made = losses.get(cls)
    assert type(made) is getattr(losses, cls)
    assert losses.get(made) is made
    assert type(losses.get({"class_name": cls, "config": {}})) is type(made)
    assert made.name == ("huber_loss" if cls == "Huber" else name)
    if cls != "CategoricalGeneralizedCrossEntropy":
        function = getattr(losses, name)
        assert losses.get(name) is losses.deserialize(name) is function
        assert losses.deserialize(losses.serialize(function)) is function


def test_a_name_that_needs_an_argument_means_the_class():
    found = losses.get("categorical_generalized_cross_entropy")
    assert isinstance(found, losses.CategoricalGeneralizedCrossEntropy)


def test_functions_as_losses():
    def cubic(y_true, y_pred, scale=1.0):
        return scale * ops.mean(abs(y_true - y_pred) ** 3, axis=-1)

    loss = losses.LossFunctionWrapper(cubic, "sum", scale=2.0)
    assert loss.name == "cubic" and loss.scale == 2.0
    assert float(loss([[0.0], [0.0]], [[1.0], [2.0]])) == 18.0
    described = json.loads(json.dumps(losses.serialize(loss)))
    again = losses.deserialize(described, {"cubic": cubic})
    assert float(again([[0.0], [0.0]], [[1.0], [2.0]])) == 18.0
    sparse = losses.LossFunctionWrapper(losses.sparse_categorical_crossentropy)
    assert sparse.keeps_integers


def test_automatic_names_count():
    polynet.backend.clear_session()
    assert [Given().name, Given().name, Given("mine").name] == ["given", "given_1", "mine"]
    assert polynet.Loss is losses.Loss


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (
            lambda: losses.get("mean_square_error"),
            ValueError,
            "unknown loss .* Did you mean 'mean_squared_error'",
        ),
        (lambda: losses.get(3), ValueError, "losses: expected a name, .* got int"),
        (
            lambda: losses.Loss()(T, P),
            NotImplementedError,
            r"Loss: call\(y_true, y_pred\) is missing",
        ),
        (
            lambda: losses.Huber(reduction="summ"),
            ValueError,
            "Huber: reduction: expected 'sum_over_batch_size', .*got 'summ'. Did you mean 'sum'",
        ),
        (
            lambda: losses.CategoricalGeneralizedCrossEntropy(1.0),
            ValueError,
            "q: expected .* got 1.0",
        ),
        (
            lambda: losses.categorical_crossentropy(ONE_HOT, P, axis=2),
            errors.AxisError,
            r"categorical_crossentropy: axis: 2 is out of range .*\(5, 4\)",
        ),
        (
            lambda: losses.sparse_categorical_crossentropy(LABELS, P, axis=2),
            errors.AxisError,
            r"sparse_categorical_crossentropy: axis: 2 is out of range .*\(5, 4\)",
        ),
    ],
)
def test_errors(function, error, text):
    with pytest.raises(error, match=text):
        function()
