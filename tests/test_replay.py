"""Steps that are run again as one straight function: the same bits as plain steps, and nothing that they would miss."""

import sys

import numpy as np
import pytest

import polynet
from polynet import layers, ops, plugins
from polynet.autodiff import replay

pytestmark = pytest.mark.skipif(
    plugins.current().compiles, reason="this backend compiles steps instead"
)

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 6, 4)).astype("float32")
TOKENS = RNG.integers(1, 9, (40, 6)).astype("int32")
Y = RNG.integers(0, 3, 40)


@pytest.fixture
def made(monkeypatch):
    """The programs that were made."""
    found = []
    take = replay._Recording.take

    def noting(self, *args):
        found.append(take(self, *args))
        return found[-1]

    monkeypatch.setattr(replay._Recording, "take", noting)
    return found


def compiled(model, optimizer="adam", **options):
    loss = polynet.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"], **options)
    return model


def dense(*more):
    parts = [layers.Flatten(), layers.Dense(8, activation="relu"), *more, layers.Dense(3)]
    return polynet.Sequential([polynet.Input((6, 4)), *parts])


def everything():
    """Random numbers, statistics that a step updates, losses of weights and of activities."""
    return dense(
        layers.Dropout(0.3),
        layers.BatchNormalization(),
        layers.Dense(8, activation="gelu", kernel_regularizer="l2", kernel_constraint="max_norm"),
        layers.ActivityRegularization(l2=0.1),
        layers.GaussianNoise(0.1),
    )


def attention():
    x = polynet.Input((6, 4))
    h = layers.MultiHeadAttention(2, 4, dropout=0.1)(x, x, use_causal_mask=True)
    h = layers.LayerNormalization()(layers.Add()([h, x]))
    return polynet.Model(x, layers.Dense(3)(layers.GlobalAveragePooling1D()(h)))


def recurrent():
    parts = [layers.Embedding(9, 4, mask_zero=True), layers.LSTM(4, return_sequences=True)]
    parts += [layers.Bidirectional(layers.GRU(4)), layers.Dense(3)]
    return polynet.Sequential([polynet.Input((6,), dtype="int32"), *parts])


def convolutions():
    parts = [layers.Conv1D(4, 3, padding="causal"), layers.GroupNormalization(2), layers.PReLU()]
    parts += [layers.AveragePooling1D(2), layers.SpatialDropout1D(0.2), layers.Flatten()]
    return polynet.Sequential([polynet.Input((6, 4)), *parts, layers.Dense(3)])


def outcome(build, x, eagerly, **options):
    polynet.utils.set_random_seed(11)
    model = compiled(build(), run_eagerly=eagerly, **options)
    history = model.fit(x, Y, batch_size=8, epochs=2, verbose=0).history
    again = [model.predict(x, verbose=0, batch_size=8) for _ in range(2)]
    scores = model.evaluate(x, Y, verbose=0, batch_size=8)
    return (
        history,
        [w.numpy().tobytes() for w in model.weights],
        [a.tobytes() for a in again],
        scores,
    )


def several_dtypes():
    return dense(layers.Dense(8, dtype="float64"), layers.Dense(8))


@pytest.mark.parametrize(
    ("build", "x"),
    [
        *((everything, X), (attention, X), (recurrent, TOKENS), (convolutions, X)),
        (several_dtypes, X),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_the_same_bits(build, x, made):
    assert outcome(build, x, True) == outcome(build, x, False)
    assert len(made) == 3  # of training, evaluating, predicting


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: polynet.optimizers.SGD(
            polynet.optimizers.schedules.CosineDecay(0.1, 10), momentum=0.9
        ),
        lambda: polynet.optimizers.AdamW(use_ema=True, global_clipnorm=1.0),
        lambda: polynet.optimizers.RMSprop(centered=True, clipnorm=0.5),
        lambda: polynet.optimizers.Muon(),
    ],
)
def test_optimizers(optimizer, made):
    assert outcome(dense, X, True, optimizer=optimizer()) == outcome(
        dense, X, False, optimizer=optimizer()
    )
    assert len(made) == 3


def test_accumulated_gradients_stay_plain():
    """Half of such a step is left out, which notes could not do."""

    def optimizer():
        return polynet.optimizers.Adam(gradient_accumulation_steps=2)

    assert outcome(dense, X, True, optimizer=optimizer()) == outcome(
        dense, X, False, optimizer=optimizer()
    )


def test_code_of_users_runs_in_each_step(made):
    seen = []

    class Counting(layers.Layer):
        def call(self, x):
            seen.append(type(x))
            return x * 2.0

    model = compiled(dense(Counting()))
    before = len(seen)
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert len(seen) - before >= 10
    assert not made


@pytest.mark.skipif(plugins.current().transforms is not None, reason="there it compiles")
def test_code_of_users_that_is_said_to_do_the_same(made):
    calls = []

    class Doubling(layers.Layer):
        def call(self, x):
            calls.append(1)
            return x * 2.0

    def build():
        return dense(Doubling())

    plain = outcome(build, X, True)
    calls.clear()
    assert outcome(build, X, False, jit_compile=True) == plain
    assert len(made) == 3 and len(calls) < 10


@pytest.mark.parametrize(
    "build",
    [
        lambda: dense(layers.Lambda(lambda x: x + 1)),
        lambda: dense(layers.Dense(8, activation=lambda x: ops.maximum(x, 0.1))),
        lambda: dense(layers.Dense(8, kernel_regularizer=lambda w: ops.sum(w) * 0.01)),
    ],
)
def test_functions_of_users(build, made):
    compiled(build()).fit(X, Y, batch_size=8, epochs=2, verbose=0)
    assert not made


def test_what_is_set_on_a_layer_counts_from_then_on(made):
    dropout = layers.Dropout(0.5)
    model = compiled(dense(dropout), optimizer=polynet.optimizers.SGD(0.0))

    def losses():
        return model.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False).history["loss"]

    losses()
    first, second = losses()
    assert abs(first - second) > 1e-3 and len(made) == 1
    dropout.rate = 0.0
    first, second = losses()
    assert first == pytest.approx(second, rel=1e-6) and len(made) == 2


def test_freezing_counts_from_then_on():
    model = compiled(dense(), optimizer=polynet.optimizers.SGD(0.1))
    model.fit(X, Y, batch_size=8, verbose=0)
    first, last = model.layers[1], model.layers[-1]
    first.trainable = False
    before = first.kernel.numpy(), last.kernel.numpy()
    model.compile(model.optimizer.from_config(model.optimizer.get_config()), model.loss)
    model.fit(X, Y, batch_size=8, verbose=0)
    assert (first.kernel.numpy() == before[0]).all()
    assert (last.kernel.numpy() != before[1]).any()


def test_variables_and_rates_are_read_in_each_step(made):
    model = compiled(dense(), optimizer=polynet.optimizers.SGD(0.1))
    model.fit(X, Y, batch_size=8, verbose=0)
    model.predict(X[:8], verbose=0)
    model.predict(X[:8], verbose=0)
    model.predict(X[:8], verbose=0)
    assert len(made) == 2
    for weight in model.weights:
        weight.assign(ops.zeros(weight.shape))
    assert not model.predict(X[:8], verbose=0).any()
    model.optimizer.learning_rate = 0.0
    model.fit(X, Y, batch_size=8, verbose=0)
    assert not model.predict(X[:8], verbose=0).any()
    assert len(made) == 2


def test_what_is_not_finite_is_an_error_with_the_same_words():
    found = []
    for eagerly in (True, False):
        polynet.utils.set_random_seed(1)
        model = compiled(dense(layers.BatchNormalization()), run_eagerly=eagerly)
        x = X.copy()
        x[33] = np.nan
        with pytest.raises(polynet.errors.NonFiniteError) as caught:
            model.fit(x, Y, batch_size=8, shuffle=False, verbose=0)
        found.append((str(caught.value), [w.numpy().tobytes() for w in model.weights]))
    (said, weights), (said_again, weights_again) = found
    assert "dense_" in said or "the loss" in said
    assert said.split(" is not")[1] == said_again.split(" is not")[1]
    assert weights == weights_again


def test_indices_are_checked_in_each_step():
    def build():
        parts = [layers.Reshape((6,)), layers.Embedding(9, 4, name="table"), layers.Flatten()]
        entry = polynet.Input((6, 1), dtype="int32")
        return polynet.Sequential([entry, *parts, layers.Dense(3)], name="model")

    tokens = TOKENS[..., None].copy()
    tokens[35] = -1
    found = []
    for eagerly in (True, False):
        model = compiled(build(), run_eagerly=eagerly)
        with pytest.raises(polynet.errors.OutOfRangeError) as caught:
            model.fit(tokens, Y, batch_size=8, shuffle=False, verbose=0)
        found.append(str(caught.value))
    assert found[0] == found[1] and "table" in found[0]


def test_large_weights_are_written_in_place_unless_somebody_holds_them(made):
    def address(variable):
        return polynet.convert(variable.value, "numpy").__array_interface__["data"][0]

    model = polynet.Sequential([polynet.Input((256,)), layers.Dense(256)])
    model.compile("adam", "mse")
    x, y = RNG.normal(size=(2, 64, 256)).astype("float32")
    kernel = model.layers[0].kernel
    model.fit(x, y, batch_size=8, verbose=0)
    where = []
    notice = polynet.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: where.append(address(kernel))
    )
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[notice])
    assert made and len(where) == 8 and len(set(where)) == 1
    held = kernel.value
    before = ops.convert_to_numpy(held).copy()
    model.fit(x, y, batch_size=8, verbose=0)
    assert (ops.convert_to_numpy(held) == before).all()
    assert (kernel.numpy() != before).any()


def test_a_weight_that_is_given_out_is_not_written_into():
    class Weight(layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(256, 256), initializer="ones")
            self.built = True

        def call(self, x):
            return self.table

    layer = Weight()
    layer.build(None)
    optimizer = polynet.optimizers.Adam(0.1)
    optimizer.build([layer.table])

    def step(g):
        y = layer.table.value
        optimizer.apply([g], [layer.table])
        return y

    g = ops.ones((256, 256))
    recording = replay._Recording(replay.Notes(plugins.current()))
    with pytest.raises(TypeError, match="used after its update"):
        recording.take(step, (g,), [g])


def test_whoever_watches_already_is_left_alone(made):
    def look(frame, event, arg):
        pass

    sys.setprofile(look)
    try:
        compiled(dense()).fit(X, Y, batch_size=8, epochs=2, verbose=0)
        assert sys.getprofile() is look
    finally:
        sys.setprofile(None)
    assert not made


def test_a_step_that_reads_a_value_stays_plain():
    v = polynet.Variable(0.0)

    def step(x):
        if float(ops.sum(x)) > 0:
            v.assign_add(1.0)
        return ops.cast(x, "float32")

    x = ops.ones((2,))
    recording = replay._Recording(replay.Notes(plugins.current()))
    with pytest.raises(TypeError, match="depends on values"):
        recording.take(step, (x,), [x])
    assert float(v) == 0.0
