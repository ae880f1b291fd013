"""jit: stateful functions, compiled or not, do the same."""

import collections
import shutil
import sys

import numpy as np
import pytest

import polynet
from polynet import ops
from polynet.plugins import current

needs_compiler = pytest.mark.skipif(
    current().name == "torch" and not any(map(shutil.which, ("c++", "g++", "clang++"))),
    reason="torch.compile on a CPU calls a C++ compiler, and none is installed",
)
COMPILED = [None, pytest.param(True, marks=needs_compiler), False]


def number(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("compile", COMPILED)
def test_state_is_read_and_assigned(compile):
    total, rate = polynet.Variable([0.0, 0.0]), polynet.Variable(0.5)

    @polynet.jit(compile=compile)
    def step(x):
        total.assign_add(x * rate)
        return {"total": total, "twice": total * 2.0, "note": "kept", "nothing": None}

    for i in range(1, 4):
        result = step(ops.array([2.0, 4.0]))
        np.testing.assert_allclose(total.numpy(), [i, 2 * i])
        np.testing.assert_allclose(number(result["twice"]), [2 * i, 4 * i])
        assert result["note"] == "kept" and result["nothing"] is None
    rate.assign(0.0)
    step(ops.array([2.0, 4.0]))
    np.testing.assert_allclose(total.numpy(), [3, 6])


@pytest.mark.parametrize("compile", COMPILED)
def test_arguments_may_be_trees_and_static(compile):
    @polynet.jit(compile=compile, static_argnames="axis")
    def f(batch, training, axis=0, scale=1.0):
        x = batch["x"] * scale
        return ops.sum(x, axis=axis) if training else ops.max(x, axis=axis)

    x = np.arange(6, dtype="float32").reshape(2, 3)
    np.testing.assert_allclose(number(f({"x": x}, True)), x.sum(0))
    np.testing.assert_allclose(number(f({"x": x}, False)), x.max(0))
    np.testing.assert_allclose(number(f({"x": x}, True, axis=1, scale=2.0)), 2 * x.sum(1))
    np.testing.assert_allclose(number(f({"x": x[:1]}, True)), x[0])


@pytest.mark.parametrize("compile", COMPILED)
def test_gradients_inside(compile):
    w = polynet.Variable([1.0, 2.0])

    @polynet.jit(compile=compile)
    def train(x):
        loss, (g,) = polynet.value_and_grad(lambda: ops.sum((x * w) ** 2.0), variables=[w])()
        w.assign_sub(0.1 * g)
        return loss

    x = ops.array([1.0, 0.5])
    expected = np.array([1.0, 2.0])
    for _ in range(3):
        loss = train(x)
        np.testing.assert_allclose(
            number(loss), ((np.array([1.0, 0.5]) * expected) ** 2).sum(), rtol=1e-5
        )
        expected = expected - 0.1 * 2 * np.array([1.0, 0.25]) * expected
        np.testing.assert_allclose(w.numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("compile", COMPILED)
def test_a_tape_inside(compile):
    w = polynet.Variable(3.0)

    @polynet.jit(compile=compile)
    def slope(x):
        with polynet.GradientTape() as tape:
            y = w * w * x
        return tape.gradient(y, w)

    np.testing.assert_allclose(number(slope(ops.array(2.0))), 12.0)


def test_jit_composes_with_gradients():
    f = polynet.jit(lambda x: ops.sum(ops.sin(x)))
    x = ops.array([0.1, 0.7])
    np.testing.assert_allclose(number(polynet.grad(f)(x)), np.cos([0.1, 0.7]), rtol=1e-6)
    np.testing.assert_allclose(
        number(polynet.jit(polynet.grad(f))(x)), np.cos([0.1, 0.7]), rtol=1e-6
    )


def test_an_error_changes_no_variable():
    v = polynet.Variable(1.0)

    @polynet.jit
    def fails(x):
        v.assign_add(1.0)
        return ops.matmul(x, x)

    with pytest.raises(ValueError, match="matmul"):
        fails(ops.ones((2, 3)))
    if current().compiles:
        assert float(v) == 1.0


def test_one_version_per_shape_and_static_value():
    runs = []

    @polynet.jit
    def f(x, training):
        runs.append(training)
        return x * 2.0

    for _ in range(3):
        f(ops.ones(2), True)
    first = len(runs)
    f(ops.ones(2), False)
    f(ops.ones(3), True)
    f(ops.ones(2), True)
    if current().compiles:
        assert first == 2  # once to see the variables, once to compile
        assert len(runs) == 6


def test_only_functions():
    with pytest.raises(TypeError, match="fn: expected a function; got int"):
        polynet.jit(3)


def test_a_variable_that_only_the_branch_not_taken_reads():
    count, total = polynet.Variable(0), polynet.Variable(1.0)

    @polynet.jit(compile=True)
    def step(x):
        ops.cond(count.value % 2 == 1, lambda: (total.assign_add(x), None)[1], lambda: None)
        count.assign_add(1)

    for expected in (1.0, 4.0, 4.0, 7.0):
        step(3.0)
        assert float(total) == expected


Pair = collections.namedtuple("Pair", ["left", "right"])


@pytest.mark.parametrize("compile", COMPILED)
def test_containers_of_every_kind_go_in_and_come_out(compile):
    @polynet.jit(compile=compile)
    def f(pair, ordered, plain):
        left = pair.left + ordered["z"] * 2.0
        return Pair(left, [plain["b"], (plain["a"], "text", None)]), {"sum": left + pair.right}

    one, two, three = (ops.array([float(i)]) for i in (1, 2, 3))
    ordered = collections.OrderedDict([("z", one), ("a", two)])
    for plain in ({"a": two, "b": three}, {"b": three, "a": two}):
        for _ in range(2):
            pair, sums = f(Pair(one, two), ordered, plain)
            assert type(pair) is Pair and type(pair.right) is list
            assert number(pair.left) == 3 and number(sums["sum"]) == 5
            assert number(pair.right[0]) == 3 and number(pair.right[1][0]) == 2
            assert pair.right[1][1:] == ("text", None)


def test_a_static_object_without_a_hash_is_told_apart_by_identity():
    class Scale:
        __hash__ = None

        def __init__(self, by):
            self.by = by

    @polynet.jit
    def f(x, scale):
        return x * scale.by

    for by in (2.0, 3.0, 4.0):  # each may get the memory of the one before
        assert number(f(ops.array(1.0), Scale(by))) == by


def test_true_is_not_one():
    @polynet.jit
    def f(x, flag):
        return x * 2.0 if flag is True else x * 3.0

    assert number(f(ops.array(1.0), 1)) == 3.0
    assert number(f(ops.array(1.0), True)) == 2.0
    assert number(f(ops.array(1.0), 1)) == 3.0


@pytest.mark.skipif(not current().compiles, reason="nothing is compiled by itself")
def test_numbers_become_tensors():
    seen = []

    @polynet.jit
    def f(x, rate, training):
        seen.append((type(rate), training))
        return x * rate

    assert number(f(ops.array([2.0]), 0.5, True)) == 1.0
    runs = len(seen)
    assert number(f(ops.array([2.0]), 0.25, True)) == 0.5
    assert len(seen) == runs  # another number, the same compiled function
    assert all(kind is not float and training is True for kind, training in seen)


@pytest.mark.skipif(not current().compiles, reason="nothing is compiled by itself")
def test_a_call_costs_little_beside_the_compiled_function():
    """Python's calls are counted, which no busy machine can change."""
    variables = [polynet.Variable(float(i)) for i in range(20)]

    @polynet.jit
    def step(batch, training):
        for variable in variables:
            variable.assign(variable * 0.5)
        return {"loss": ops.sum(batch["x"])}

    batch = {"x": ops.ones((2, 3))}
    step(batch, True)
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(frame) if event == "call" else None)
    try:
        step(batch, True)
    finally:
        sys.setprofile(None)
    assert len(calls) < 20  # none for each variable
    np.testing.assert_allclose([float(v) for v in variables], [i / 4 for i in range(20)])


def test_an_array_may_be_written_into_after_the_call():
    """A compiled function may still be at work when it has returned."""

    @polynet.jit
    def step(x):
        y = ops.ones_like(x)
        for _ in range(20):
            y = ops.tanh(ops.matmul(y, x) * 0.1)
        return ops.sum(x) + 0.0 * ops.sum(y)

    x = np.ones((300, 300), "float32")
    for _ in range(4):
        total = step(x)
        x[:] = 5.0
        assert float(total) == 90_000.0
        x[:] = 1.0
