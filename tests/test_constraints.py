"""Constraints: what they make of weights beside formulas in NumPy, and what they are by name."""

import json

import numpy as np
import pytest

import polynet
from polynet import constraints, ops

W = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
FILTERS = np.random.default_rng(1).normal(size=(2, 3, 4, 5)).astype("float32")


def with_norms(w, axis, change):
    """Each vector, one at a time, with the norm that ``change`` makes of its own."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    moved = np.moveaxis(w.astype("float64"), axes, range(len(axes)))
    flat = moved.reshape(int(np.prod(moved.shape[: len(axes)])), -1).copy()
    for column in flat.T:
        norm = np.linalg.norm(column)
        column *= change(norm) / norm if norm else 0
    return np.moveaxis(flat.reshape(moved.shape), range(len(axes)), axes)


ROWS = [
    (constraints.Constraint(), W, lambda w: w),
    (constraints.NonNeg(), W, lambda w: np.where(w < 0, 0, w)),
    (constraints.MaxNorm(), 3 * W, lambda w: with_norms(w, 0, lambda n: min(n, 2))),
    (constraints.MaxNorm(1.5, 1), W, lambda w: with_norms(w, 1, lambda n: min(n, 1.5))),
    (
        constraints.MaxNorm(1, [0, 1, 2]),
        FILTERS,
        lambda w: with_norms(w, (0, 1, 2), lambda n: min(n, 1)),
    ),
    (constraints.UnitNorm(), W, lambda w: with_norms(w, 0, lambda n: 1)),
    (constraints.UnitNorm((0, 1)), FILTERS, lambda w: with_norms(w, (0, 1), lambda n: 1)),
    (constraints.UnitNorm(), 0 * W, lambda w: w),
    (constraints.MinMaxNorm(), W, lambda w: with_norms(w, 0, lambda n: min(n, 1))),
    (
        constraints.MinMaxNorm(1.6, 1.9),
        W,
        lambda w: with_norms(w, 0, lambda n: np.clip(n, 1.6, 1.9)),
    ),
    (
        constraints.MinMaxNorm(1.6, 1.9, 0.25, 1),
        W,
        lambda w: with_norms(w, 1, lambda n: 0.25 * np.clip(n, 1.6, 1.9) + 0.75 * n),
    ),
]


@pytest.mark.parametrize(("constraint", "w", "formula"), ROWS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_values(constraint, w, formula, dtype):
    variable = polynet.Variable(w, dtype=dtype)
    found = constraint(variable)
    assert polynet.op.dtype_of(found) == dtype
    tolerance = 1e-5 if dtype == "float32" else 0.03
    found = ops.convert_to_numpy(ops.cast(found, "float32"))
    np.testing.assert_allclose(found, formula(w), rtol=tolerance, atol=tolerance)
    variable.assign(constraint(variable))


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("max_norm", "MaxNorm"),
        ("MaxNorm", "MaxNorm"),
        ("min_max_norm", "MinMaxNorm"),
        ("non_neg", "NonNeg"),
        ("unit_norm", "UnitNorm"),
    ],
)
def test_names(name, cls):
    made = constraints.get(name)
    assert type(made) is getattr(constraints, cls)
    assert type(constraints.get({"class_name": name, "config": {}})) is type(made)
    described = json.loads(json.dumps(constraints.serialize(made)))
    assert constraints.deserialize(described).get_config() == made.get_config()


def test_a_description_keeps_the_arguments():
    made = constraints.MinMaxNorm(0.5, 2.0, 0.9, [0, 1])
    described = json.loads(json.dumps(constraints.serialize(made)))
    assert constraints.deserialize(described).get_config() == {
        "min_value": 0.5,
        "max_value": 2.0,
        "rate": 0.9,
        "axis": [0, 1],
    }


def test_get_gives_back_objects_and_functions():
    made = constraints.UnitNorm()
    assert constraints.get(made) is made
    assert constraints.get(ops.abs) is ops.abs
    assert constraints.get(None) is None


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("maxnrom", "constraints: unknown constraint 'maxnrom'. Did you mean 'max_norm'"),
        (3, "constraints: expected a name, .* got int"),
    ],
)
def test_errors(identifier, text):
    with pytest.raises(ValueError, match=text):
        constraints.get(identifier)
