"""Training: one step and many, against arithmetic by hand; what is logged; what users override; what goes wrong."""

import functools
import gc
import signal
import threading
import time

import numpy as np
import pytest

import polynet
from polynet import layers, ops
from polynet.random.seed_generator import make_default_seed
from polynet.ranges import check_range
from polynet.training.fence import fenced
from polynet.variable import start_observing


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 5)).astype("float32")
W = RNG.normal(size=(5, 1)).astype("float32")
Y = X @ W + 0.5
LABELS = (X @ RNG.normal(size=(5, 3))).argmax(1)


def line(**kwargs):
    model = polynet.Sequential([polynet.Input((5,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(**{"optimizer": polynet.optimizers.SGD(0.1), "loss": "mse", **kwargs})
    return model


def classifier(seed=0, **kwargs):
    polynet.utils.set_random_seed(seed)
    model = polynet.Sequential(
        [polynet.Input((5,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
    )
    options = {
        "optimizer": "adam",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    }
    model.compile(**{**options, **kwargs})
    return model


def by_hand(batches, rate=0.1, weights=None):
    """Linear regression by gradient descent; returns kernel, bias and the losses."""
    w, b, losses = np.zeros((5, 1)), np.zeros(1), []
    for rows in batches:
        x, y = X[rows].astype(float), Y[rows].astype(float)
        s = np.ones((len(x), 1)) if weights is None else weights[rows].reshape(-1, 1)
        d = x @ w + b - y
        losses.append((s * d * d).mean())
        w = w - rate * 2 * (x.T @ (s * d)) / len(x)
        b = b - rate * 2 * (s * d).mean(0)
    return w, b, losses


BATCHES = [slice(i, i + 20) for i in range(0, 64, 20)]


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("run_eagerly", [False, True])
def test_epochs_by_hand(many, run_eagerly):
    model = line(steps_per_execution=many, run_eagerly=run_eagerly)
    history = model.fit(X, Y, batch_size=20, epochs=3, shuffle=False, verbose=0)
    w, b, losses = by_hand(BATCHES * 3)
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], b, rtol=1e-4, atol=1e-5)
    sizes = np.array([20, 20, 20, 4] * 3)
    expected = (np.array(losses) * sizes).reshape(3, 4).sum(1) / 64
    np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-4)
    assert history.epoch == [0, 1, 2]
    assert int(model.optimizer.iterations) == 12


def test_sample_weights_and_class_weights():
    weights = np.linspace(0, 2, 64).astype("float32")
    model = line()
    model.fit(X, Y, batch_size=20, shuffle=False, sample_weight=weights, verbose=0)
    np.testing.assert_allclose(
        model.get_weights()[0], by_hand(BATCHES, weights=weights)[0], rtol=1e-4, atol=1e-5
    )
    one, other = classifier(), classifier()
    factors = {0: 1.0, 1: 2.0, 2: 0.5}
    one.fit(X, LABELS, class_weight=factors, shuffle=False, verbose=0)
    other.fit(
        X, LABELS, sample_weight=np.array([factors[k] for k in LABELS]), shuffle=False, verbose=0
    )
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_evaluate_and_predict():
    model = line(metrics=["mae"])
    model.layers[0].kernel.assign(W)
    assert model.evaluate(X, Y, batch_size=20, verbose=0) == pytest.approx([0.25, 0.5], rel=1e-4)
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert list(found) == ["loss", "mae"]
    y = model.predict(X, batch_size=20, verbose=0)
    assert isinstance(y, np.ndarray)
    np.testing.assert_allclose(y, X @ W, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(y[:20], model.predict_on_batch(X[:20]))


def test_single_batches():
    model = line()
    w, _, losses = by_hand([slice(0, 64)] * 2)
    assert model.train_on_batch(X, Y) == pytest.approx(losses[0], rel=1e-4)
    model.reset_metrics()
    assert model.train_on_batch(X, Y, return_dict=True)["loss"] == pytest.approx(
        losses[1], rel=1e-4
    )
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-4, atol=1e-5)
    model.reset_metrics()
    assert model.test_on_batch(X, Y) < losses[1]


def test_validation():
    model = line()
    history = model.fit(X, Y, epochs=2, validation_split=0.25, verbose=0).history
    assert len(history["val_loss"]) == 2
    assert history["val_loss"][-1] == pytest.approx(
        model.evaluate(X[48:], Y[48:], verbose=0), rel=1e-5
    )
    history = (
        line()
        .fit(X, Y, epochs=4, validation_data=(X[:8], Y[:8]), validation_freq=2, verbose=0)
        .history
    )
    assert len(history["val_loss"]) == 2


@pytest.mark.parametrize("kind", ["sparse", "categorical", "binary"])
def test_accuracy_follows_from_the_shapes(kind):
    units = 1 if kind == "binary" else 3
    model = polynet.Sequential([polynet.Input((5,)), layers.Dense(units, "sigmoid")])
    y = {
        "sparse": LABELS,
        "categorical": np.eye(3)[LABELS],
        "binary": (LABELS > 0).astype(int)[:, None],
    }[kind]
    loss = {
        "sparse": "sparse_categorical_crossentropy",
        "categorical": "categorical_crossentropy",
        "binary": "binary_crossentropy",
    }
    model.compile("sgd", loss[kind], metrics=["accuracy"])
    found = model.evaluate(X, y, verbose=0, return_dict=True)["accuracy"]
    p = model.predict(X, verbose=0)
    expected = ((p > 0.5) == y).mean() if kind == "binary" else (p.argmax(1) == LABELS).mean()
    assert found == pytest.approx(expected)


def test_logits_and_probabilities_agree():
    polynet.utils.set_random_seed(3)
    plain = polynet.Sequential([polynet.Input((5,)), layers.Dense(3)])
    plain.compile("adam", polynet.losses.SparseCategoricalCrossentropy(from_logits=True))
    plain.fit(X, LABELS, epochs=3, verbose=0)
    softmax = polynet.Sequential([plain, layers.Softmax()])
    logits = plain.predict(X, verbose=0)
    e = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(
        softmax.predict(X, verbose=0), e / e.sum(1, keepdims=True), rtol=1e-4
    )


def test_several_outputs():
    x = polynet.Input((5,))
    model = polynet.Model(
        x,
        {
            "a": layers.Dense(1, kernel_initializer="zeros")(x),
            "b": layers.Dense(1, kernel_initializer="zeros")(x),
        },
    )
    model.compile("sgd", {"a": "mse", "b": "mae"}, loss_weights={"b": 0.5}, metrics={"b": ["mse"]})
    found = model.evaluate(X, {"a": Y, "b": Y}, verbose=0, return_dict=True)
    mse, mae = (Y**2).mean(), np.abs(Y).mean()
    assert list(found) == ["loss", "a_loss", "b_loss", "b_mse"]
    assert [found[k] for k in found] == pytest.approx([mse + 0.5 * mae, mse, mae, mse], rel=1e-5)
    model.compile("sgd", {"c": "mse"})
    with pytest.raises(ValueError, match="unknown output 'c'"):
        model.fit(X, {"a": Y, "b": Y}, verbose=0)


def test_the_loss_of_layers_counts():
    x = polynet.Input((5,))
    y = layers.Dense(1, kernel_initializer="ones", kernel_regularizer=polynet.regularizers.L2(0.1))(
        x
    )
    model = polynet.Model(x, y)
    model.compile(polynet.optimizers.SGD(0.0), "mse")
    expected = ((X.sum(1, keepdims=True) - Y) ** 2).mean() + 0.1 * 5
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(expected, rel=1e-4)
    assert model.fit(X, Y, batch_size=64, verbose=0).history["loss"][0] == pytest.approx(
        expected, rel=1e-4
    )


class ByTape(polynet.Model):
    """A training step as people know it from TensorFlow."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_initializer="zeros")
        self.seen = polynet.metrics.Mean(name="seen")

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        with polynet.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.seen.update_state(loss)
        return {"loss": loss, "seen": self.seen.result()}


class ByFunction(ByTape):
    """The same step with ``value_and_grad``."""

    def train_step(self, data):
        x, y = data
        loss, gradients = polynet.value_and_grad(
            lambda: self.compute_loss(y=y, y_pred=self(x, training=True)),
            variables=self.trainable_variables,
        )()
        self.optimizer.apply(gradients, self.trainable_variables)
        self.seen.update_state(loss)
        return {"loss": loss, "seen": self.seen.result()}


@pytest.mark.parametrize("kind", [ByTape, ByFunction])
def test_a_step_of_ones_own(kind):
    model = kind()
    model.compile(polynet.optimizers.SGD(0.1), "mse")
    history = model.fit(X, Y, batch_size=20, epochs=2, shuffle=False, verbose=0).history
    w, _, losses = by_hand(BATCHES * 2)
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-4, atol=1e-5)
    assert history["loss"] == pytest.approx([losses[3], losses[7]], rel=1e-3)
    assert history["seen"] == pytest.approx([np.mean(losses[:4]), np.mean(losses[4:])], rel=1e-3)


def test_a_loss_of_ones_own():
    class Doubled(polynet.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return 2.0 * super().compute_loss(x, y, y_pred, sample_weight, training)

    model = Doubled([polynet.Input((5,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(polynet.optimizers.SGD(0.05), "mse")
    model.fit(X, Y, batch_size=20, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], by_hand(BATCHES)[0], rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_run():
    runs = []
    for _ in range(2):
        model = classifier(seed=7)
        history = model.fit(X, LABELS, batch_size=16, epochs=3, verbose=0).history
        runs.append((history["loss"], model.get_weights()))
    assert runs[0][0] == runs[1][0]
    for a, b in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_frozen_layer_stays():
    model = classifier()
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(X, LABELS, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[2] - after[2]).max() > 0


def test_half_precision_with_a_scaled_loss():
    polynet.utils.set_random_seed(0)
    model = polynet.Sequential(
        [polynet.Input((5,)), layers.Dense(8, "relu"), layers.Dense(1, dtype="float32")],
        name="half",
    )
    model.dtype_policy = "mixed_float16"
    model.layers[0].dtype_policy = "mixed_float16"
    model.compile("sgd", "mse")
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    history = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]


# ------------------------------------------------------------------------------------------ what goes wrong


def test_what_is_not_finite_stops_and_leaves_the_last_finite_weights():
    model, other = line(), line()
    bad = X.copy()
    bad[45] = np.nan
    with pytest.raises(
        polynet.errors.NonFiniteError, match=r"fit: the loss is not finite at step 2; the weights"
    ):
        model.fit(bad, Y, batch_size=20, shuffle=False, verbose=0)
    other.fit(X[:40], Y[:40], batch_size=20, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(model.optimizer.iterations) == 2
    model.fit(X, Y, verbose=0)
    off = line(check_finite=False)
    off.fit(bad, Y, batch_size=20, shuffle=False, verbose=0)
    assert np.isnan(off.get_weights()[0]).all()


def test_a_run_may_end_quietly_when_nothing_is_finite(capsys):
    model = line()
    bad = X.copy()
    bad[45] = np.nan
    watch = polynet.callbacks.TerminateOnNaN()
    history = model.fit(
        bad, Y, batch_size=20, epochs=3, shuffle=False, callbacks=[watch], verbose=0
    )
    assert history.epoch == [0]
    assert np.isfinite(model.get_weights()[0]).all()
    assert "not finite at step 2" in capsys.readouterr().out


def test_a_gradient_that_is_not_finite_is_named():
    x = polynet.Input((1,))
    layer = layers.Dense(1, use_bias=False, kernel_initializer="zeros", name="steep")
    model = polynet.Model(x, ops.sqrt(layer(x)))
    model.compile("sgd", "mse")
    with pytest.raises(
        FloatingPointError, match=r"the gradient of 'steep/kernel' is not finite at step 0"
    ):
        model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
    assert model.get_weights()[0].tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m: m.fit(X, Y[:-1]), ValueError, "x: 64, y: 63"),
        (
            lambda m: m.fit(X, np.ones((64, 3))),
            ValueError,
            r"y_true has the shape \(\d+, 3\), y_pred \(\d+, 1\)",
        ),
        (lambda m: m.fit(X[:0], Y[:0]), ValueError, "fit"),
        (
            lambda m: m.fit(X, Y, batch_size=0),
            ValueError,
            "batch_size: expected a positive integer; got 0",
        ),
        (
            lambda m: m.fit(X, Y, batch_size=-3),
            ValueError,
            "batch_size: expected a positive integer; got -3",
        ),
        (lambda m: m.fit(X, Y, epochs="3"), ValueError, "epochs: expected an integer"),
        (lambda m: m.fit(X), ValueError, "the loss needs targets; got None"),
        (
            lambda m: (m.compile(None, "mse"), m.fit(X, Y)),
            ValueError,
            r"fit: there is no optimizer\. Give compile one",
        ),
        (lambda m: m.fit(X[:, :4], Y), ValueError, r"expected shape \(None, 5\); got shape"),
        (lambda m: m.compile("adamm", "mse"), ValueError, "Did you mean 'adam'"),
        (lambda m: m.compile("adam", "mze"), ValueError, "Did you mean 'mse'"),
        (lambda m: m.compile("adam", "mse", metrics=["acuracy"]), ValueError, "Did you mean"),
        (
            lambda m: m.compile("adam", "mse", steps_per_execution=0),
            ValueError,
            "steps_per_execution",
        ),
    ],
)
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call(line())


def test_before_compile():
    model = polynet.Sequential([polynet.Input((5,)), layers.Dense(1)])
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match=r"the model is not compiled\. Call compile"):
            call(X, Y)
    assert model.predict(X, verbose=0).shape == (64, 1)


def test_generators():
    def batches(count):
        for i in range(count):
            yield X[i * 8 : i * 8 + 8], Y[i * 8 : i * 8 + 8]

    model = line()
    model.fit(batches(4), verbose=0)
    w, _, _ = by_hand([slice(i, i + 8) for i in range(0, 32, 8)])
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-4, atol=1e-5)

    with pytest.warns(UserWarning, match="used up|ran out|ended"):
        history = line().fit(batches(4), epochs=3, verbose=0)
    assert history.epoch == [0]

    def fails():
        yield X[:8], Y[:8]
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        line().fit(fails(), verbose=0)


def test_a_callback_that_raises_leaves_a_usable_model():
    class Broken(polynet.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                raise RuntimeError("callback")

    model = line()
    with pytest.raises(RuntimeError, match="callback"):
        model.fit(X, Y, batch_size=20, shuffle=False, callbacks=[Broken()], verbose=0)
    np.testing.assert_allclose(
        model.get_weights()[0], by_hand(BATCHES[:2])[0], rtol=1e-4, atol=1e-5
    )
    model.fit(X, Y, verbose=0)


# one that comes while Python collects garbage is reported and lost: then there is another try
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_two_hundred_interrupts_lose_nothing():
    """Ctrl-C at random moments of ``fit``; afterwards the model predicts, and trains on."""
    model = classifier(optimizer=polynet.optimizers.Adam(0.001))
    model.fit(X, LABELS, batch_size=8, verbose=0)
    random = np.random.default_rng(1)
    interrupted = tries = 0
    spans = []
    for _ in range(4):  # in one of them something may be compiled once more
        begin = time.perf_counter()
        model.fit(X, LABELS, batch_size=8, epochs=3, verbose=0)
        spans.append(time.perf_counter() - begin)
    span = min(spans)

    def strike(*_):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, strike)
    try:
        while interrupted < 200 and tries < 2000:
            tries += 1
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, float(random.uniform(1e-4, span)))
                    model.fit(X, LABELS, batch_size=8, epochs=3, verbose=0)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:  # perhaps only after fit, before the timer was stopped
                interrupted += 1
            for variable in (*model.variables, *model.optimizer.variables):
                assert variable.numpy().shape == variable.shape
                assert np.isfinite(variable.numpy()).all()
            p = model.predict_on_batch(X)
            assert np.allclose(p.sum(1), 1, atol=1e-5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert interrupted == 200
    history = model.fit(X, LABELS, epochs=3, verbose=0).history["loss"]
    assert np.isfinite(history).all()


def test_threads_predict_at_once():
    model = classifier()
    model.fit(X, LABELS, verbose=0)
    data = [RNG.normal(size=(50, 5)).astype("float32") for _ in range(8)]
    expected = [model.predict(x, batch_size=16, verbose=0) for x in data]
    found: dict = {}
    failures: list = []

    def work(i):
        try:
            for _ in range(5):
                found[i] = model.predict(data[i], batch_size=16, verbose=0)
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures
    for i, y in enumerate(expected):
        np.testing.assert_array_equal(found[i], y)


def test_models_that_are_dropped_are_freed():
    import weakref

    gone = []
    for _ in range(3):
        model = classifier()
        model.fit(X, LABELS, verbose=0)
        gone.append(weakref.ref(model.layers[0]))
        del model
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


def test_labels_and_indices_out_of_range():
    model = classifier()
    for bad in (3, -1):
        y = LABELS.copy()
        y[50] = bad
        with pytest.raises(
            ValueError,
            match=r"fit: y: labels of output '.*', which has 3 classes: expected integers",
        ):
            model.fit(X, y, verbose=0)
    binary = polynet.Sequential([polynet.Input((5,)), layers.Dense(1, "sigmoid")])
    binary.compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match=r"labels of output '.*': expected values from 0 to 1"):
        binary.fit(X, (LABELS > 0) + 1, verbose=0)
    ignoring = classifier(
        loss=polynet.losses.SparseCategoricalCrossentropy(ignore_class=-1), metrics=None
    )
    ignoring.fit(X, np.where(LABELS == 2, -1, LABELS), verbose=0)
    embedding = layers.Embedding(4, 2, name="words")
    text = "Embedding 'words': input: expected integers from 0 to 3; some of shape"
    with pytest.raises(IndexError, match=text):
        embedding(np.array([[0, 4]]))
    model = polynet.Sequential(
        [polynet.Input((2,), dtype="int32"), embedding, layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    for call in (model.predict, lambda x, verbose: model.fit(x, np.ones((1, 1)), verbose=verbose)):
        with pytest.raises(IndexError, match=text):
            call(np.array([[-1, 2]]), verbose=0)


def test_labels_are_checked_though_there_are_no_metrics():
    model = polynet.Sequential([polynet.Input((5,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    for call in (model.fit, model.evaluate):
        for wrong in (LABELS + 3, LABELS - 1):
            with pytest.raises(ValueError, match="which has 3 classes: expected integers from 0"):
                call(X, wrong, verbose=0)


def test_outputs_without_a_loss():
    x = polynet.Input((5,))
    model = polynet.Model(x, [layers.Dense(1, name=name)(x) for name in "abc"])
    model.compile("sgd", ["mse", None, "mae"])
    assert list(model.fit(X, [Y, Y, Y], verbose=0).history) == ["loss", "a_loss", "c_loss"]
    model.compile("sgd", ["mse", None, None])
    assert list(model.fit(X, [Y, Y, Y], verbose=0).history) == ["loss"]


def test_metrics_and_numbers_as_losses_within_layers():
    class Watched(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.seen = polynet.metrics.Mean(name="seen")

        def call(self, x):
            self.seen.update_state(ops.mean(x) + 1)
            self.add_loss(0.5)
            return x

    x = polynet.Input((5,))
    model = polynet.Model(x, layers.Dense(1, kernel_initializer="zeros")(Watched()(x)))
    assert float(model.layers[1].seen.result()) == 0.0  # no value was seen yet
    model.compile("sgd", "mse")
    history = model.fit(X * 0, Y * 0, epochs=2, verbose=0).history
    assert history == {"loss": [0.5, 0.5], "seen": [1.0, 1.0]}


def test_statistics_of_a_step_that_is_not_finite_are_taken_back():
    def model():
        polynet.utils.set_random_seed(2)
        made = polynet.Sequential(
            [polynet.Input((5,)), layers.BatchNormalization(), layers.Dense(1)]
        )
        made.compile("adam", "mse")
        return made

    stopped, other = model(), model()
    bad = X.copy()
    bad[45] = np.inf
    with pytest.raises(FloatingPointError, match="at step 2"):
        stopped.fit(bad, Y, batch_size=20, shuffle=False, verbose=0)
    other.fit(X[:40], Y[:40], batch_size=20, shuffle=False, verbose=0)
    for a, b in zip(stopped.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


ROWS = np.arange(12, dtype="float32").reshape(4, 3)


@functools.cache
def pair_of_sums():
    return polynet.Sequential([polynet.Input((3,)), layers.Dense(2)])


@pytest.mark.parametrize("size", [None, 1, 3, 4, 0, -1, True, 2.0, np.int64(4)], ids=repr)
@pytest.mark.parametrize(
    "x",
    [
        ROWS,
        ROWS[:0],
        ROWS[:, ::-1].astype(">f4"),
        ROWS.astype("float16"),
        ROWS.astype("float64"),
        ROWS.astype("int32"),
        ROWS > 3,
        ROWS.astype(str),
        ROWS.astype(object),
        np.float32(3),
        [ROWS],
        ROWS.tolist(),
        ops.array(ROWS),
        ops.array(ROWS, dtype="float16"),
        ops.array(3.0),
        None,
    ],
    ids=lambda x: f"{type(x).__name__} {getattr(x, 'dtype', '')} {getattr(x, 'shape', '')}",
)
def test_one_batch_is_predicted_as_several_are(x, size):
    """Without callbacks less is done about it; an empty list of callbacks makes no difference."""
    model = pair_of_sums()

    def outcome(callbacks):
        polynet.utils.set_random_seed(3)
        try:
            found = model.predict(x, batch_size=size, verbose=0, callbacks=callbacks).tolist()
        except Exception as error:
            found = type(error), str(error)
        return found, make_default_seed()

    assert outcome(None) == outcome([])


def test_the_step_of_prediction_is_made_anew_when_something_has_changed():
    class Counting(polynet.Model):
        taken = 0

        def __init__(self):
            super().__init__()
            self.first = layers.Dense(1, kernel_initializer="ones")
            self.others = []

        def call(self, x):
            for layer in [self.first, *self.others]:
                x = layer(x)
            return x

        def predict_step(self, data):
            Counting.taken += 1
            return super().predict_step(data)

    model = Counting()
    x = np.ones((2, 3), "float32")
    assert model.predict(x, verbose=0).tolist() == [[3.0], [3.0]]
    more = layers.Dense(2, kernel_initializer="ones")
    more.build((None, 1))
    model.predict(x, verbose=0)
    model.others.append(more)
    assert model.predict(x, verbose=0).tolist() == [[3.0, 3.0]] * 2
    model.compile()
    model.predict(x, verbose=0)
    model.run_eagerly = True
    for expected in (1, 2):
        Counting.taken = 0
        for _ in range(expected):
            model.predict(x, verbose=0)
        assert Counting.taken == expected
    model.run_eagerly = False
    model.predict_step = lambda data: model(data[0]) + 1.0
    assert model.predict(x, verbose=0).tolist() == [[4.0, 4.0]] * 2


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", ">i4", "uint8", "uint32"])
def test_labels_of_every_dtype_are_looked_at(dtype):
    labels = np.array([[0, 3], [9, 2]], dtype)
    check_range(labels[:, ::-1].T, 10, "y")
    check_range(labels, 1000, "y")
    with pytest.raises(polynet.errors.OutOfRangeError, match=r"0 to 8; some of shape \(2, 2\)"):
        check_range(labels, 9, "y")
    if not dtype.startswith("u"):
        labels[0, 0] = -1
        for count in (10, 1000):  # more than an int8 can hold
            check_range(labels, count, "y", allowed=-1)
            with pytest.raises(polynet.errors.OutOfRangeError):
                check_range(labels, count, "y")
        labels[1, 1] = -2
        with pytest.raises(polynet.errors.OutOfRangeError):
            check_range(labels, 10, "y", allowed=-1)


def test_the_fence_closes_what_was_left_open():
    """As when Ctrl-C comes after a scope was opened and before its block was entered."""
    variable = polynet.Variable(1.0)

    @fenced
    def interrupted():
        start_observing(polynet.StatelessScope([(variable, 5.0)]))
        assert float(variable) == 5.0

    interrupted()
    assert float(variable) == 1.0
    variable.assign(2.0)
    assert float(variable) == 2.0
    with polynet.StatelessScope():  # while any scope is open, all that are open are asked
        assert float(variable) == 2.0
