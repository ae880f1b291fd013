"""Metrics by their definitions, weights, masks, precision, state, names; rows are in polynet/conformance."""

import copy
import json
import pickle

import numpy as np
import pytest

import polynet
from polynet import metrics, ops
from polynet.masking import set_mask
from polynet.plugins import current

random = np.random.RandomState(0)


def number(x):
    return np.asarray(ops.convert_to_numpy(x), "float64")


def after(metric, *batches):
    for batch in batches:
        metric.update_state(*batch)
    return number(metric.result())


def variables(metric):
    return [variable.numpy() for variable in metric.variables]


# ------------------------------------------------------------------------------------------ values


def counts(y_true, y_pred, threshold, weights=1.0):
    weights = weights * np.ones_like(y_true)
    true, positive = y_true != 0, y_pred > threshold
    return [
        weights[both].sum()
        for both in (true & positive, ~true & positive, ~true & ~positive, true & ~positive)
    ]


def batches_of(*arrays):
    return [
        tuple(array[start:stop] for array in arrays) for start, stop in ((0, 7), (7, 9), (9, 20))
    ]


LABELS = random.randint(0, 2, 20).astype("float32")
SCORES = np.clip(LABELS * 0.3 + random.rand(20) * 0.7, 0, 1).astype("float32")
WEIGHTS = random.rand(20).astype("float32")


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("thresholds", [None, 0.3, [0.9, 0.1, 0.5]])
def test_counts_by_their_definition(thresholds, weights):
    given = (LABELS, SCORES) if weights is None else (LABELS, SCORES, weights)
    listed = thresholds if isinstance(thresholds, list) else [thresholds or 0.5]
    w = 1.0 if weights is None else weights
    tp, fp, tn, fn = np.array([counts(LABELS, SCORES, t, w) for t in listed]).T
    for metric, expected in (
        (metrics.TruePositives, tp),
        (metrics.FalsePositives, fp),
        (metrics.TrueNegatives, tn),
        (metrics.FalseNegatives, fn),
        (metrics.Precision, tp / (tp + fp)),
        (metrics.Recall, tp / (tp + fn)),
    ):
        result = after(metric(thresholds=thresholds), *batches_of(*given))
        expected = expected if isinstance(thresholds, list) else expected[0]
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_the_area_under_the_roc_curve_is_the_share_of_pairs_in_order():
    positive, negative = SCORES[LABELS == 1], SCORES[LABELS == 0]
    expected = (positive[:, None] > negative[None, :]).mean()
    between = np.sort(SCORES)
    thresholds = ((between[1:] + between[:-1]) / 2).tolist()
    auc = metrics.AUC(thresholds=thresholds)
    np.testing.assert_allclose(after(auc, *batches_of(LABELS, SCORES)), expected, rtol=1e-6)


def test_scores_outside_of_0_to_1_and_nan():
    y_true, y_pred = (
        np.array([1.0, 0, 1, 0], "float32"),
        np.array([1.5, -0.5, np.nan, 2], "float32"),
    )
    assert after(metrics.TruePositives(), (y_true, y_pred)) == 1
    assert after(metrics.FalseNegatives(), (y_true, y_pred)) == 1  # NaN is not above a threshold
    auc = metrics.AUC()
    assert after(auc, (y_true[:2], y_pred[:2])) == 1
    assert number(auc.true_positives)[[0, -1]].tolist() == [1, 0]


def test_a_score_at_the_threshold():
    y, at = np.array([1.0, 1.0], "float32"), np.array([0.5, 0.75], "float32")
    for metric, expected in (
        (metrics.TruePositives(thresholds=[0.5, 0.25, 0.75]), [1, 2, 0]),  # only what is larger
        (metrics.FalseNegatives(thresholds=[0.5, 0.25, 0.75]), [1, 0, 2]),
        (metrics.BinaryAccuracy(threshold=0.5), 0.5),
        (metrics.BinaryIoU(target_class_ids=[1], threshold=0.5), 1.0),  # that one counts as above
        (metrics.FBetaScore(average="micro", threshold=0.5), 2 / 3),
    ):
        batch = (y[:, None], at[:, None])
        np.testing.assert_allclose(after(metric, batch), expected, rtol=1e-6)


def test_a_sample_without_any_score_is_positive_for_no_class():
    batch = (np.eye(2, dtype="float32"), np.array([[0.4, 0.1], [0.0, 0.0]], "float32"))
    np.testing.assert_allclose(after(metrics.F1Score(), batch), [1.0, 0.0])


def test_best_at_by_its_definition():
    thresholds = np.arange(200) / 199
    table = np.array([counts(LABELS, SCORES, np.float32(t)) for t in thresholds])
    tp, fp, tn, fn = table.T
    with np.errstate(invalid="ignore"):
        precision, recall = np.nan_to_num(tp / (tp + fp)), tp / (tp + fn)
    specificity = tn / (tn + fp)
    for metric, best, constraint in (
        (metrics.SensitivityAtSpecificity, recall, specificity),
        (metrics.SpecificityAtSensitivity, specificity, recall),
        (metrics.PrecisionAtRecall, precision, recall),
        (metrics.RecallAtPrecision, recall, precision),
    ):
        for least in (0.0, 0.55, 0.8):
            result = after(metric(least), *batches_of(LABELS, SCORES))
            np.testing.assert_allclose(result, best[constraint >= least].max(), rtol=1e-6)


def test_intersection_over_union_by_its_definition():
    y_true, y_pred = random.randint(0, 4, (20, 6)), random.randint(0, 4, (20, 6))
    weights = random.rand(20, 6).astype("float32")
    for ignored in (None, 2):
        shares = []
        kept = (y_true != ignored) * weights
        for c in range(4):
            both = (kept * (y_true == c) * (y_pred == c)).sum()
            either = (kept * ((y_true == c) | (y_pred == c))).sum()
            shares.append(both / either)
        metric = metrics.MeanIoU(num_classes=4, ignore_class=ignored)
        result = after(metric, *batches_of(y_true, y_pred, weights))
        np.testing.assert_allclose(result, np.mean(shares), rtol=1e-6)
        metric = metrics.IoU(4, [0, 3], ignore_class=ignored)
        result = after(metric, *batches_of(y_true, y_pred, weights))
        np.testing.assert_allclose(result, (shares[0] + shares[3]) / 2, rtol=1e-6)


def test_f_scores_by_their_definition():
    y_true = random.randint(0, 2, (20, 3)).astype("float32")
    y_pred = random.rand(20, 3).astype("float32")
    table = np.array([counts(y_true[:, c], y_pred[:, c], 0.4) for c in range(3)])
    for beta in (1.0, 0.5, 2.0):

        def score(tp, fp, tn, fn, b=beta):
            return (1 + b**2) * tp / ((1 + b**2) * tp + b**2 * fn + fp)

        each = score(*table.T)
        for average, expected in (
            (None, each),
            ("macro", each.mean()),
            ("weighted", (each * y_true.sum(0)).sum() / y_true.sum()),
            ("micro", score(*table.sum(0))),
        ):
            metric = metrics.FBetaScore(average=average, beta=beta, threshold=0.4)
            result = after(metric, *batches_of(y_true, y_pred))
            np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_scores_of_regression_by_their_definition():
    y_true = random.randn(20, 2) + 1e4  # far from 0, where sums of squares leave no digits
    y_pred = y_true + 0.5 * random.randn(20, 2)
    y_true, y_pred = y_true.astype("float32"), y_pred.astype("float32")
    x, y, w = y_true.astype("float64"), y_pred.astype("float64"), WEIGHTS[:, None].astype("float64")
    for weights, given in ((np.ones((20, 1)), ()), (w, (WEIGHTS,))):
        mean = (weights * x).sum(0) / weights.sum()
        scores = 1 - (weights * (x - y) ** 2).sum(0) / (weights * (x - mean) ** 2).sum(0)
        metric = metrics.R2Score(class_aggregation=None)
        result = after(metric, *batches_of(y_true, y_pred, *given))
        np.testing.assert_allclose(result, scores, atol=1e-3)
        root = np.sqrt((weights * (x - y) ** 2).sum() / weights.sum() / 2)
        metric = metrics.RootMeanSquaredError()
        result = after(metric, *batches_of(y_true, y_pred, *given))
        np.testing.assert_allclose(result, root, rtol=1e-6)


def test_r2_of_values_that_do_not_vary():
    same = np.ones((4, 1), "float32")
    assert after(metrics.R2Score(), (same, same)) == 1
    assert after(metrics.R2Score(), (same, same + 1)) == 0


def test_correlation_by_its_definition():
    x, y = random.randn(3, 9).astype("float32"), random.randn(3, 9).astype("float32")
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(number(metrics.pearson_correlation(x, y)), expected, atol=1e-6)
    np.testing.assert_allclose(
        after(metrics.PearsonCorrelation(), (x, y)), np.mean(expected), atol=1e-6
    )
    np.testing.assert_allclose(
        number(metrics.pearson_correlation(x.T, y.T, axis=0)), expected, atol=1e-6
    )
    a, b = x.astype("float64"), y.astype("float64")
    cov = (a * b).mean(1) - a.mean(1) * b.mean(1)
    expected = 2 * cov / (a.var(1) + b.var(1) + (a.mean(1) - b.mean(1)) ** 2)
    np.testing.assert_allclose(number(metrics.concordance_correlation(x, y)), expected, atol=1e-6)


def test_accuracies_by_their_definition():
    labels, scores = random.randint(0, 5, (4, 3)), random.rand(4, 3, 5).astype("float32")
    one_hot = np.eye(5, dtype="float32")[labels]
    order = np.argsort(-scores, axis=-1)
    for k in (1, 2, 5, 7):
        expected = (order[..., :k] == labels[..., None]).any(-1)
        for result in (
            metrics.top_k_categorical_accuracy(one_hot, scores, k=k),
            metrics.sparse_top_k_categorical_accuracy(labels, scores, k=k),
            metrics.sparse_top_k_categorical_accuracy(labels, order, k=k, from_sorted_ids=True),
        ):
            np.testing.assert_array_equal(number(result), expected)
    expected = order[..., 0] == labels
    np.testing.assert_array_equal(number(metrics.categorical_accuracy(one_hot, scores)), expected)
    np.testing.assert_array_equal(
        number(metrics.sparse_categorical_accuracy(labels, scores)), expected
    )
    np.testing.assert_array_equal(
        number(metrics.sparse_categorical_accuracy(labels[..., None].astype("float32"), scores)),
        expected,
    )


def test_functions_that_are_losses_too_are_the_same():
    for name in metrics.__all__:
        if hasattr(polynet.losses, name) and name in metrics._NAMES and name.islower():
            assert getattr(metrics, name) is getattr(polynet.losses, name)
    assert metrics.huber is polynet.losses.huber


# ------------------------------------------------------------------------------------------ weights and masks


def test_weights_of_fewer_axes_weigh_whole_samples():
    x = random.rand(4, 3, 2).astype("float32")
    for weights in (
        random.rand(4),
        random.rand(4, 1),
        random.rand(4, 3),
        random.rand(4, 3, 1),
        random.rand(4, 3, 2),
        3.0,
    ):
        w = np.asarray(weights, "float32")
        full = np.broadcast_to(w.reshape(w.shape + (1,) * (3 - w.ndim)), x.shape).astype("float64")
        np.testing.assert_allclose(
            after(metrics.Mean(), (x, w)), (x * full).sum() / full.sum(), rtol=1e-6
        )
        np.testing.assert_allclose(after(metrics.Sum(), (x, w)), (x * full).sum(), rtol=1e-5)


def test_a_weight_for_a_whole_batch_counts_for_each_sample():
    assert after(metrics.Mean(), ([1.0, 1.0, 1.0], 1.0), ([5.0], 1.0)) == 2.0
    assert after(metrics.Mean(), (1.0, 3), (5.0, 1)) == 2.0  # a scalar is one sample


def test_weights_of_intersection_over_union_stay_what_they_are():
    batch = ([0, 0, 1, 1], [0, 1, 0, 1], [0.3, 0.3, 0.3, 0.1])  # Keras would cut them to integers
    expected = (0.3 / 0.9 + 0.1 / 0.7) / 2
    np.testing.assert_allclose(after(metrics.MeanIoU(num_classes=2), batch), expected, rtol=1e-6)


def masked(values, mask):
    values = ops.convert_to_tensor(values)
    set_mask(values, ops.convert_to_tensor(mask))
    return values


@pytest.mark.parametrize("weights", [None, np.array([1.0, 3.0], "float32")])
@pytest.mark.parametrize(
    ("metric", "sparse"),
    [
        (metrics.MeanSquaredError, False),
        (metrics.CategoricalAccuracy, False),
        (metrics.SparseCategoricalAccuracy, True),
    ],
)
def test_what_a_mask_leaves_out_does_not_count(metric, sparse, weights):
    y_true = np.eye(4, dtype="float32")[random.randint(0, 4, (2, 3))]
    y_true = y_true.argmax(-1) if sparse else y_true
    y_pred = random.rand(2, 3, 4).astype("float32")
    mask = np.array([[True, True, False], [True, False, False]])
    each = np.ones(2) if weights is None else weights
    expected = (
        sum(
            after(metric(), (y_true[i, t][None], y_pred[i, t][None])) * each[i]
            for i, t in zip(*np.nonzero(mask), strict=True)
        )
        / (mask * each[:, None]).sum()
    )
    given = masked(y_pred, mask)
    result = after(metric(), (y_true, given) if weights is None else (y_true, given, weights))
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_masks_of_counts_regions_and_scores():
    mask = np.array([True, False, True, True])
    y_true, y_pred = LABELS[:4], SCORES[:4]
    for metric in (metrics.AUC, metrics.Precision, metrics.BinaryIoU, metrics.RootMeanSquaredError):
        expected = after(metric(), (y_true[mask], y_pred[mask]))
        np.testing.assert_allclose(
            after(metric(), (y_true, masked(y_pred, mask))), expected, rtol=1e-6
        )
    both_true, both_pred = np.stack([y_true] * 2, 1), np.stack([y_pred, y_pred[::-1]], 1)
    for metric in (metrics.F1Score, metrics.R2Score):
        expected = after(metric(), (both_true[mask], both_pred[mask]))
        result = after(metric(), (both_true, masked(both_pred, mask)))
        np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_a_class_that_is_ignored_does_not_count():
    y_pred = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3]], "float32")
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=0)
    np.testing.assert_allclose(after(metric, ([0, 1], y_pred)), -np.log(0.6), rtol=1e-6)


# ------------------------------------------------------------------------------------------ precision


def test_counts_go_on_where_float32_stops():
    mean, positives = metrics.Mean(), metrics.TruePositives()
    limit = 2.0**24
    for total in (mean.total, mean.count, positives.accumulator):
        total.assign(ops.ones(total.shape) * limit)
    for _ in range(100):
        mean.update_state([1.0])
        positives.update_state([1], [0.9])
    assert float(mean.count) == float(mean.total) == limit + 100
    assert after(positives) == limit + 100
    assert np.float32(limit) + np.float32(1) == np.float32(limit)  # so a plain variable stays


def test_counts_go_on_in_a_compiled_step():
    total = metrics.Sum()
    total.total.assign(2.0**24)
    step = polynet.jit(lambda x: total.update_state(x))
    for _ in range(100):
        step(ops.ones((1,)))
    assert float(total.total) == 2.0**24 + 100


def test_small_values_beside_a_large_sum():
    total = metrics.Sum()
    total.update_state([1e8])
    for _ in range(1000):
        total.update_state([0.25])
    assert abs(after(total) - (1e8 + 250)) <= 8  # the distance of two float32 numbers there
    total.reset_state()
    total.update_state([1.0])
    assert after(total) == 1


def test_infinity_stays_infinity():
    total = metrics.Sum()
    for value in (1.0, np.inf, 1.0):
        total.update_state(np.array([value], "float32"))
    assert after(total) == np.inf


@pytest.mark.parametrize("dtype", ["float16", "mixed_float16", "float32"])
def test_the_result_has_the_dtype_and_the_sum_its_digits(dtype):
    metric = metrics.Mean(dtype=dtype)
    for _ in range(30):
        metric.update_state(ops.ones((100,)))
    assert metric.dtype == dtype.replace("mixed_", "")
    assert (
        metric.total.dtype == "float32" and float(metric.count) == 3000
    )  # beyond float16's integers
    result = metric.result()
    assert polynet.backend.standardize_dtype(result.dtype) == metric.dtype and number(result) == 1


# ------------------------------------------------------------------------------------------ state


@pytest.mark.skipif(current().name != "jax", reason="the other backends do not trace")
def test_what_must_be_built_before_it_is_compiled_says_so():
    y = ops.ones((3, 2))
    for metric in (metrics.F1Score(), metrics.R2Score(), metrics.AUC(multi_label=True)):
        with pytest.raises(RuntimeError, match=r"Call metric.build\(y_true.shape, y_pred.shape\)"):
            polynet.jit(metric.update_state)(y, y)
        metric.build((None, 2), (None, 2))
        polynet.jit(metric.update_state)(y, y)


def test_no_gradient_goes_into_a_metric():
    w, mean = polynet.Variable([1.0, 3.0]), metrics.Mean()
    with polynet.GradientTape() as tape:
        y = ops.sum(w * w)
        mean.update_state(w)
    np.testing.assert_allclose(number(tape.gradient(y, w)), [2, 6])
    assert after(mean) == 2


def test_an_empty_batch_changes_nothing():
    metric = metrics.Mean()
    metric.update_state([1.0, 3.0])
    metric.update_state(np.zeros((0,), "float32"))
    assert after(metric) == 2


def test_a_call_updates_and_gives_the_result():
    metric = metrics.Mean()
    assert float(metric([1.0, 3.0])) == 2 and float(metric([5.0])) == 3


def test_copies_have_state_of_their_own():
    metric = metrics.Mean()
    metric.update_state([2.0])
    for other in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        other.update_state([4.0])
        assert after(other) == 3 and after(metric) == 2
        assert not {id(v) for v in other.variables} & {id(v) for v in metric.variables}


# ------------------------------------------------------------------------------------------ names and variables


def test_names():
    polynet.backend.clear_session()
    assert [metrics.AUC().name for _ in range(3)] == ["auc", "auc_1", "auc_2"]
    assert metrics.Mean().name == metrics.Mean().name == "mean"
    assert metrics.AUC(name="mine").name == "mine"
    assert metrics.MeanIoU(2).name == "mean_io_u"
    assert repr(metrics.Mean(name="loss")) == "<Mean name=loss>"


class Both(metrics.Metric):
    def __init__(self, scale=1.0, name="both", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale = scale
        self.parts = [metrics.Mean(name="first"), {"more": metrics.Sum(name="second")}]
        self.calls = self.add_weight(name="calls", initializer="ones")
        self.other = self.add_variable((2,), lambda shape, dtype: ops.ones(shape, dtype))

    def update_state(self, x):
        self.parts[0].update_state(x)
        self.parts[1]["more"].update_state(x)
        self.calls.assign_add(1)

    def result(self):
        return {"mean": self.parts[0].result() * self.scale, "sum": self.parts[1]["more"].result()}


def test_variables_of_metrics_inside_are_found():
    metric = Both()
    paths = [variable.path for variable in metric.variables]
    assert paths[0] == "both/calls" and paths[1].startswith("both/")
    assert paths[2:] == [
        *("first/total", "first/total_rest", "first/count", "first/count_rest"),
        "second/total",
        "second/total_rest",
    ]
    assert not any(variable.trainable for variable in metric.variables)
    assert metric.calls.numpy() == 1 and metric.other.numpy().tolist() == [1, 1]
    result = metric([1.0, 3.0])
    assert float(result["mean"]) == 2 and float(result["sum"]) == 4 and metric.calls.numpy() == 2
    state = metric.stateless_update_state(metric.variables, [5.0])
    assert float(metric.stateless_result(state)["mean"]) == 3
    metric.reset_state()
    assert float(metric.result()["sum"]) == 0


def test_a_metric_of_ones_own_is_described():
    config = Both(scale=2.0, dtype="float64").get_config()
    assert config == {"scale": 2.0, "name": "both", "dtype": "float64"}
    again = metrics.deserialize(metrics.serialize(Both(scale=2.0)), custom_objects={"Both": Both})
    assert again.scale == 2.0 and again.name == "both"


# ------------------------------------------------------------------------------------------ describing


def test_a_wrapped_function_is_described():
    metric = metrics.MeanMetricWrapper(metrics.huber, name="h", delta=0.5)
    config = metric.get_config()
    assert config["delta"] == 0.5 and config["name"] == "h"
    again = metrics.MeanMetricWrapper.from_config(json.loads(json.dumps(config)))
    batch = ([[0.0, 3.0]], [[1.0, 1.0]])
    assert after(again, batch) == after(metric, batch) > 0


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [
        ("mse", "MeanSquaredError"),
        ("MSE", "MeanSquaredError"),
        ("mean_squared_error", "MeanSquaredError"),
        ("bce", "BinaryCrossentropy"),
        ("MAPE", "MeanAbsolutePercentageError"),
        ("msle", "MeanSquaredLogarithmicError"),
        ("mae", "MeanAbsoluteError"),
        ("AUC", "AUC"),
        ("auc", "AUC"),
        ("binary_io_u", "BinaryIoU"),
        ("f1_score", "F1Score"),
        ("accuracy", "Accuracy"),
        (metrics.Mean, "Mean"),
        ({"class_name": "Precision", "config": {"top_k": 3}}, "Precision"),
    ],
)
def test_get(identifier, kind):
    assert type(metrics.get(identifier)).__name__ == kind


def test_get_of_other_things():
    assert metrics.get(None) is None
    assert metrics.get("huber") is metrics.huber
    metric = metrics.Mean()
    assert metrics.get(metric) is metric
    with pytest.raises(ValueError, match=r"unknown metric 'acuracy'. Did you mean 'accuracy'"):
        metrics.get("acuracy")


# ------------------------------------------------------------------------------------------ errors


def test_a_column_beside_a_vector_fits():
    y_true, y_pred = LABELS[:6], SCORES[:6]
    for metric in (
        metrics.BinaryAccuracy,
        metrics.Precision,
        metrics.AUC,
        metrics.MeanSquaredError,
        metrics.RootMeanSquaredError,
        metrics.BinaryIoU,
    ):
        expected = after(metric(), (y_true[:, None], y_pred[:, None]))
        assert after(metric(), (y_true[:, None], y_pred)) == expected
        assert after(metric(), (y_true, y_pred[:, None])) == expected


def test_a_metric_that_does_not_construct_its_base():
    class Hasty(metrics.Metric):
        def __init__(self):
            self.total = self.add_variable((), "zeros")

    with pytest.raises(RuntimeError, match=r"Hasty: .* Call super"):
        Hasty()
    with pytest.raises(NotImplementedError, match="update_state is not defined"):
        metrics.Metric().update_state()
    with pytest.raises(NotImplementedError, match="result is not defined"):
        metrics.Metric().result()


def test_a_metric_does_not_hold_on_to_how_a_loss_came_about():
    weight = polynet.Variable([1.0, 2.0])
    mean = metrics.Mean()
    for _ in range(2):
        with polynet.GradientTape() as tape:
            loss = ops.sum(weight * weight)
            mean.update_state(loss)
        gradient = tape.gradient(loss, weight)
        mean.update_state(loss)
    assert ops.convert_to_numpy(gradient).tolist() == [2.0, 4.0]
    assert float(mean.result()) == 5.0
    kept = [variable.value for variable in mean.variables]
    assert not any(getattr(value, "requires_grad", False) for value in kept)
