"""Optimizers write into the old value of a weight only where nobody can tell."""

import gc

import numpy as np
import pytest

import polynet
from polynet import ops, plugins
from polynet.optimizers.owning import all_owned

BACKEND = plugins.current()
OWNS = not BACKEND.is_shared(BACKEND.asarray(np.zeros(3), "float32"))
SHAPE = (200, 100)

OPTIMIZERS = {
    "sgd": lambda: polynet.optimizers.SGD(0.1),
    "momentum": lambda: polynet.optimizers.SGD(0.1, momentum=0.9),
    "nesterov": lambda: polynet.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: polynet.optimizers.Adam(0.1),
    "amsgrad": lambda: polynet.optimizers.Adam(0.1, amsgrad=True),
    "rmsprop": lambda: polynet.optimizers.RMSprop(0.1, momentum=0.5, centered=True),
}


def variable(seed=0):
    return polynet.Variable(np.random.default_rng(seed).standard_normal(SHAPE).astype("float32"))


def owned(v):
    return all_owned([[v]], [[v._value]])


def gradient(step):
    return ops.convert_to_tensor(
        np.random.default_rng(100 + step).standard_normal(SHAPE).astype("float32")
    )


@pytest.mark.skipif(not OWNS, reason="tensors of the backend are never written into")
class TestWhoHolds:
    def test_the_variable_alone(self):
        assert owned(variable())

    def test_a_small_one_is_not_asked_for(self):
        assert not owned(polynet.Variable(np.zeros(3, "float32")))

    @pytest.mark.parametrize(
        "hold",
        [
            lambda v: v.value,
            lambda v: v.value[1:],
            lambda v: v.value.T,
            lambda v: v.value.reshape(-1),
            lambda v: [v.value],
            lambda v: memoryview(np.asarray(v.value)),
            lambda v: v.value.__dlpack__(),
            lambda v: (lambda x: lambda: x)(v.value),
        ],
        ids=["value", "slice", "transposed", "reshaped", "list", "memory", "dlpack", "closure"],
    )
    def test_somebody_else_too(self, hold):
        v = variable()
        other = hold(v)
        assert not owned(v)
        del other
        gc.collect()
        assert owned(v)

    def test_a_tape(self):
        v = variable()
        with polynet.GradientTape(persistent=True) as tape:
            y = ops.sum(v * v)
        assert not owned(v)
        assert tape.gradient(y, v) is not None
        del tape, y
        gc.collect()
        assert owned(v)

    def test_a_scope(self):
        v = variable()
        with polynet.StatelessScope():
            assert not owned(v)
        assert owned(v)

    def test_a_step_of_training(self):
        """Nothing is left behind by the gradients, or weights would be copied in each step."""
        seen = []
        update = polynet.optimizers.Adam._update

        class Watched(polynet.optimizers.Adam):
            def _update(self, gradients, variables, learning_rate):
                seen.extend(owned(v) for v in variables if v.shape == SHAPE)
                update(self, gradients, variables, learning_rate)

        model = polynet.Sequential([polynet.Input(SHAPE[:1]), polynet.layers.Dense(SHAPE[1])])
        model.compile(Watched(), "mse")
        x, y = np.ones((8, SHAPE[0]), "float32"), np.ones((8, SHAPE[1]), "float32")
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        assert seen == [True] * 4


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_same_weights_whoever_holds_them(name):
    free, held = variable(), variable()
    one, other = OPTIMIZERS[name](), OPTIMIZERS[name]()
    values, copies = [], []
    for step in range(4):
        one.apply([gradient(step)], [free])
        values.append([v.value for v in (held, *other.variables)] if other.built else [held.value])
        copies.append([np.array(ops.convert_to_numpy(value)) for value in values[-1]])
        other.apply([gradient(step)], [held])
    for v, w in zip([free, *one.variables], [held, *other.variables], strict=True):
        assert v.numpy().tobytes() == w.numpy().tobytes()
    for before, copy in zip(values, copies, strict=True):  # what somebody holds has not changed
        for value, was in zip(before, copy, strict=True):
            np.testing.assert_array_equal(ops.convert_to_numpy(value), was)


def test_gradients_of_a_tape_that_outlives_the_update():
    v = variable()
    with polynet.GradientTape(persistent=True) as tape:
        y = ops.sum(v * v * v)
    first = ops.convert_to_numpy(tape.gradient(y, v)).copy()
    polynet.optimizers.Adam(0.1).apply([gradient(0)], [v])
    np.testing.assert_array_equal(ops.convert_to_numpy(tape.gradient(y, v)), first)


def test_an_auxiliary_result_may_be_a_weight():
    v = variable()
    was = v.numpy().copy()

    def loss():
        return ops.sum(v * v), (v.value, v.value[:3], v * 2.0)

    (_, (whole, part, twice)), gradients = polynet.value_and_grad(
        loss, variables=[v], has_aux=True
    )()
    polynet.optimizers.Adam(0.1).apply(gradients, [v])
    np.testing.assert_array_equal(ops.convert_to_numpy(whole), was)
    np.testing.assert_array_equal(ops.convert_to_numpy(part), was[:3])
    np.testing.assert_array_equal(ops.convert_to_numpy(twice), was * 2)
    assert not np.array_equal(v.numpy(), was)
