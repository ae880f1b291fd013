"""Control flow beyond its conformance rows: variables, gradients, compilation, symbols, and ``vectorize``."""

from __future__ import annotations

import numpy as np
import pytest

import polynet
from polynet import ops


def host(x):
    return polynet.tree.map_structure(ops.convert_to_numpy, x)


def cube(x):
    """``x ** 3``, by a loop that runs as long as a value says."""
    return ops.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), (0, 1.0))[1]


def test_an_eager_while_loop_is_differentiated_by_tapes_and_by_grad():
    v = polynet.Variable(2.0)
    with polynet.GradientTape() as tape:
        y = cube(v)
    assert float(tape.gradient(y, v)) == 12.0


def test_only_the_branch_taken_is_run_and_differentiated():
    taken = []
    v = polynet.Variable(2.0)
    with polynet.GradientTape() as tape:
        y = ops.cond(v > 1.0, lambda: v * v, lambda: taken.append(1) or v)
    assert float(tape.gradient(y, v)) == 4.0
    assert not taken


def test_variables_read_and_assigned_in_loops_also_when_compiled():
    count = polynet.Variable(0.0)

    def step(x, n):
        def body(total, row):
            count.assign_add(1.0)
            return total + ops.sum(row) * count, row * 2.0

        total, rows = ops.scan(body, 0.0, x)
        return ops.cond(n > 2, lambda: (count.assign_add(10.0), total)[1], lambda: total), rows

    x = np.arange(6, dtype="float32").reshape(3, 2)
    plain = host(step(ops.array(x), ops.array(3)))
    assert float(count) == 13.0
    count.assign(0.0)
    compiled = host(polynet.jit(step)(ops.array(x), ops.array(3)))
    assert float(count) == 13.0
    assert float(plain[0]) == float(compiled[0]) == 1.0 * 1 + 5.0 * 2 + 9.0 * 3
    np.testing.assert_array_equal(plain[1], compiled[1])


def test_symbolic_branches_that_use_symbols_are_both_computed():
    x = polynet.Input((2,))
    model = polynet.Function(x, ops.cond(ops.sum(x) > 0.0, lambda: x * 2.0, lambda: x * 3.0))
    np.testing.assert_array_equal(host(model(ops.array([[1.0, 2.0]]))), [[2.0, 4.0]])
    np.testing.assert_array_equal(host(model(ops.array([[-1.0, -2.0]]))), [[-3.0, -6.0]])


@pytest.mark.parametrize("second", [(lambda: 2, TypeError), (lambda: [1.0], ValueError)])
def test_branches_that_differ_are_refused_where_both_are_looked_at(second):
    other, kind = second
    with pytest.raises(kind, match="cond: "):
        ops.cond(polynet.Spec((), "bool"), lambda: 1.0, other)


def test_vectorize_loops_over_what_the_signature_leaves():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 2, 3)).astype("float32"), rng.normal(size=(3,)).astype("float32")
    found = ops.vectorize(lambda x, y: ops.sum(x * y), signature="(n),(n)->()")(a, b)
    np.testing.assert_allclose(host(found), (a * b).sum(-1), rtol=1e-5)
    pair = ops.vectorize(lambda x, y, c=1: (x + y * c, x * y), excluded={"c"})
    one, other = host(pair([[1.0], [2.0]], [1.0, 2.0], c=3))
    np.testing.assert_array_equal(one, [[4.0, 7.0], [5.0, 8.0]])
    np.testing.assert_array_equal(other, [[1.0, 2.0], [2.0, 4.0]])


def test_only_the_chosen_branch_assigns_also_when_compiled():
    one, two = polynet.Variable(0.0), polynet.Variable(1.0)

    @polynet.jit(compile=True)
    def step(x):
        ops.cond(x > 0, lambda: one.assign(x), lambda: two.assign(x * 5.0))
        return one.value + two.value

    assert float(step(2.0)) == 3.0 and (float(one), float(two)) == (2.0, 1.0)
    assert float(step(-3.0)) == -13.0 and (float(one), float(two)) == (2.0, -15.0)
