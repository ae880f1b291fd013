"""Several training steps in one compiled call: the same weights, and nobody notices."""

import numpy as np
import pytest

import polynet
from polynet import layers, plugins
from polynet.training import strides

BACKEND = plugins.current()
LOOPS = BACKEND.compiles and BACKEND.loops is not None
X = np.random.default_rng(1).standard_normal((150, 6)).astype("float32")
Y = np.arange(150) % 3

needs_loops = pytest.mark.skipif(not LOOPS, reason="the backend compiles no loops by itself")


@pytest.fixture(autouse=True, scope="module")
def _eager_to_try():
    """A trial is due after the first step, takes 4 steps, and time decides nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"MOST": 4, "LONGEST": np.inf, "FASTER": np.inf}.items():
            patch.setattr(strides, name, value)
        patch.setattr("polynet.training.trainer.MOST", 4)
        patch.setattr(strides.Strides, "_costs", lambda self: 0.0)
        yield


@pytest.fixture(scope="module")
def in_a_loop(_eager_to_try):
    return trained()


def trained(callbacks=None, epochs=3, cls=polynet.Sequential, **kwargs):
    polynet.utils.set_random_seed(3)
    model = cls([layers.Dense(8, activation="tanh"), layers.Dropout(0.4), layers.Dense(3)])
    model.compile(
        polynet.optimizers.Adam(0.01),
        polynet.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **kwargs,
    )
    history = model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks)
    return model, history.history


def stages(model):
    return [
        value._state.__name__
        for key, value in model._compiled.functions.items()
        if isinstance(key, tuple) and key[0] == "strides"
    ]


class Batches(polynet.callbacks.Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


def test_a_callback_that_looks_at_batches_is_told_of_each():
    watch = Batches()
    trained([watch])
    assert watch.seen == [*range(19)] * 3


@needs_loops
def test_the_same_weights(in_a_loop):
    model, history = in_a_loop
    assert stages(model) == ["_together"]
    assert int(model.optimizer.iterations) == 57
    alone, singly = trained([Batches()])
    assert stages(alone) == ["_singly"]
    for one, other in zip(model.weights, alone.weights, strict=True):
        assert one.numpy().tobytes() == other.numpy().tobytes()
    for name, values in history.items():
        np.testing.assert_allclose(values, singly[name], rtol=1e-6)


@needs_loops
def test_other_bits_are_refused(monkeypatch):
    count = iter(range(10**6))
    monkeypatch.setattr(strides, "_bits", lambda value: next(count))
    model, _ = trained()
    assert stages(model) == ["_singly"]
    assert int(model.optimizer.iterations) == 57


@needs_loops
def test_a_loop_that_is_slower_is_refused(monkeypatch):
    monkeypatch.setattr(strides, "FASTER", 0.0)
    model, _ = trained()
    assert stages(model) == ["_singly"]


@needs_loops
def test_a_callback_that_does_not_care_sees_the_last_of_several():
    watch = Batches()
    watch.every_batch = False
    trained([watch])
    assert watch.seen[-1] == 18 and len(watch.seen) < 40


@needs_loops
def test_steps_per_execution_is_the_length_of_the_loop():
    watch = Batches()
    model, _ = trained([watch], steps_per_execution=5)
    assert watch.seen == [4, 9, 14, 18] * 3
    assert stages(model) == ["_together"]


@needs_loops
def test_what_is_not_finite_is_found_in_a_loop(in_a_loop):
    model, _ = in_a_loop
    weights = [weight.numpy() for weight in model.weights]
    x = X.copy()
    x[:] = np.nan
    with pytest.raises(polynet.errors.NonFiniteError, match="at step 57"):
        model.fit(x, Y, batch_size=8, verbose=0)
    for weight, value in zip(model.weights, weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


@needs_loops
def test_labels_are_looked_at(in_a_loop):
    model, _ = in_a_loop
    y = Y.copy()
    y[100] = 3
    with pytest.raises(polynet.errors.OutOfRangeError, match="3 classes"):
        model.fit(X, y, batch_size=8, verbose=0)


class Custom(polynet.Sequential):
    def train_step(self, data):
        logs = super().train_step(data)
        return {**logs, "steps": self.optimizer.iterations.value}


def test_logs_of_a_step_of_ones_own():
    model, history = trained(cls=Custom)
    assert history["steps"] == [19.0, 38.0, 57.0]
    if LOOPS:
        assert stages(model) == ["_together"]


def test_generators_give_no_more_than_an_epoch_takes():
    taken = []

    def batches():
        for i in range(1000):
            taken.append(i)
            yield X[:8], Y[:8]

    model, _ = trained()
    model.fit(batches(), steps_per_epoch=10, epochs=2, verbose=0)
    assert len(taken) <= 22
