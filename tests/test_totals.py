"""The ops that training asks at every step: is all of it finite, and sums that lose no digits."""

import numpy as np
import pytest

from polynet import ops, plugins
from polynet.op import OPS
from polynet.ops.finite import finite_each
from polynet.ops.totals import compensated_add


def both(name, *args):
    """What the op gives, and what its body gives."""
    op = OPS[name]
    own = op.native(plugins.current(), ["float32"] * len(op.leaves(args)))
    return [op.call(*args)] + ([op.function(*args)] if own is not None else [])


@pytest.mark.parametrize(
    ("values", "finite"),
    [
        ([0.0, 1.0], True),
        ([3e38, 3e38], True),  # a sum of squares, or a plain sum, is infinite
        ([1.0, np.inf], False),
        ([-np.inf, np.inf], False),
        ([np.nan, 0.0], False),
        ([], True),
    ],
)
def test_finite_each(values, finite):
    x = ops.array(values, "float32")
    with np.errstate(all="ignore"):
        for found in both("finite_each", [ops.ones((2, 2)), x, ops.array(1.0)]):
            assert np.asarray(ops.convert_to_numpy(found)).tolist() == [True, finite, True]
    assert finite_each.op.name == "finite_each"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_finite_each_of_many(bad):
    for shape in ((300, 200), (70_000,), (16, 5), (3, 32, 32)):
        good = np.full(shape, 1e30, "float32")
        for place in (0, good.size // 2 + 1, good.size - 1):
            x = good.copy()
            x.flat[place] = bad
            with np.errstate(all="ignore"):
                for found in both("finite_each", [ops.array(good), ops.array(x)]):
                    assert np.asarray(ops.convert_to_numpy(found)).tolist() == [True, False]


def test_finite_each_of_integers():
    for found in both("finite_each", [ops.ones((2, 2)), ops.ones(3, "int32")]):
        assert np.asarray(ops.convert_to_numpy(found)).tolist() == [True, True]


def test_compensated_add():
    total, rest = ops.array(2.0**24), ops.array(0.0)
    for _ in range(7):
        total, rest = compensated_add(total, rest, ops.array(1.0))
    assert float(total) + float(rest) == 2.0**24 + 7
    args = ops.array([1e8, -3.0, 3e38]), ops.array([0.5, 0.0, 0.0]), ops.array([1.25, 7.0, 3e38])
    with np.errstate(all="ignore"):
        results = both("compensated_add", *args)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
