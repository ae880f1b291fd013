"""Regularizers: their penalties and gradients beside formulas in NumPy, and what they are by name."""

import json

import numpy as np
import pytest

import polynet
from polynet import errors, ops, regularizers

W = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
W[0, 0] = 0.0


def off_diagonal(w):
    """The mean of abs(cos) over the pairs of rows, one pair at a time."""
    pairs = [(i, j) for i in range(len(w)) for j in range(i)]
    cosines = [w[i] @ w[j] / np.linalg.norm(w[i]) / np.linalg.norm(w[j]) for i, j in pairs]
    return np.mean(np.abs(cosines))


ROWS = [
    (regularizers.Regularizer(), lambda w: 0.0),
    (regularizers.L1(), lambda w: 0.01 * abs(w).sum()),
    (regularizers.L1(0.3), lambda w: 0.3 * abs(w).sum()),
    (regularizers.L1(None), lambda w: 0.01 * abs(w).sum()),
    (regularizers.L2(), lambda w: 0.01 * (w**2).sum()),
    (regularizers.L2(0.3), lambda w: 0.3 * (w**2).sum()),
    (regularizers.L2(0), lambda w: 0.0),
    (regularizers.L1L2(), lambda w: 0.0),
    (regularizers.L1L2(0.1), lambda w: 0.1 * abs(w).sum()),
    (regularizers.L1L2(l2=0.2), lambda w: 0.2 * (w**2).sum()),
    (regularizers.L1L2(0.1, 0.2), lambda w: 0.1 * abs(w).sum() + 0.2 * (w**2).sum()),
    (regularizers.OrthogonalRegularizer(), lambda w: 0.01 * off_diagonal(w)),
    (regularizers.OrthogonalRegularizer(0.5, "columns"), lambda w: 0.5 * off_diagonal(w.T)),
]


@pytest.mark.parametrize(("penalty", "formula"), ROWS)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_values(penalty, formula, dtype):
    w = ops.array(W, dtype)
    found = penalty(w)
    assert isinstance(found, float) or polynet.op.dtype_of(found) == dtype
    expected = formula(W.astype("float64"))
    assert float(found) == pytest.approx(expected, rel=1e-5 if dtype == "float32" else 0.01)
    assert float(penalty(polynet.Variable(w))) == float(found)


@pytest.mark.parametrize(("penalty", "formula"), ROWS[1:])
def test_gradients(penalty, formula):
    w = np.random.default_rng(1).normal(size=(3, 4))
    found = polynet.grad(penalty)(ops.array(w, "float32"))
    expected = np.empty_like(w)
    for place in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[place] = 1e-6
        expected[place] = (formula(w + step) - formula(w - step)) / 2e-6
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-3, atol=1e-6)


def test_one_row_has_no_other_to_be_orthogonal_to():
    assert float(regularizers.OrthogonalRegularizer(1.0)(ops.array([[3.0, 4.0]]))) == 0.0


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("l1", "L1"),
        ("l2", "L2"),
        ("l1_l2", "L1L2"),
        ("L1L2", "L1L2"),
        ("OrthogonalRegularizer", "OrthogonalRegularizer"),
        ("orthogonal_regularizer", "OrthogonalRegularizer"),
    ],
)
def test_names(name, cls):
    made = regularizers.get(name)
    assert type(made) is getattr(regularizers, cls)
    assert type(regularizers.get({"class_name": name, "config": {}})) is type(made)
    described = json.loads(json.dumps(regularizers.serialize(made)))
    assert regularizers.deserialize(described).get_config() == made.get_config()


def test_get_gives_back_objects_and_functions():
    made = regularizers.L2(0.5)
    assert regularizers.get(made) is made
    assert regularizers.get(ops.sum) is ops.sum
    assert regularizers.get(None) is None
    assert polynet.Regularizer is regularizers.Regularizer


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (
            lambda: regularizers.L1(-0.1),
            ValueError,
            "L1: l1: expected a finite number of 0 or more; got -0.1",
        ),
        (lambda: regularizers.L2(float("nan")), ValueError, "L2: l2: .*got nan"),
        (lambda: regularizers.L1L2(l2=float("inf")), ValueError, "L1L2: l2: .*got inf"),
        (lambda: regularizers.L2("0.1"), ValueError, "L2: l2: .*got '0.1'"),
        (
            lambda: regularizers.OrthogonalRegularizer(-1),
            ValueError,
            "OrthogonalRegularizer: factor",
        ),
        (
            lambda: regularizers.OrthogonalRegularizer(mode="row"),
            ValueError,
            "mode: expected 'rows' or 'columns'; got 'row'. Did you mean 'rows'",
        ),
        (
            lambda: regularizers.OrthogonalRegularizer()(ops.ones((2, 2, 2))),
            errors.ShapeError,
            r"expected a matrix.*\(2, 2, 2\)",
        ),
        (lambda: regularizers.get("l3"), ValueError, "regularizers: unknown .*'l3'"),
    ],
)
def test_errors(function, error, text):
    with pytest.raises(error, match=text):
        function()
