"""Losses: how numbers stay finite, labels, weights, masks, shapes, names; rows are in polynet/conformance/losses."""

import json
import math

import numpy as np
import pytest
from scipy import special

import polynet
from polynet import errors, losses, ops
from polynet.masking import get_mask, set_mask
from polynet.plugins import current

RNG = np.random.default_rng(0)
T, P = RNG.normal(size=(2, 5, 4)).astype("float32")
PROBABILITIES = special.softmax(P, -1)
LABELS = np.array([0, 1, 3, 2, 1])


def number(x):
    return np.asarray(ops.convert_to_numpy(x))


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


def test_labels_beyond_the_classes_lose_most():
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
