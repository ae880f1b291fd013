"""Programs written for Keras 3 run on the active backend after ``import polynet as keras``.

They stand here as a user would have written them: public names of Keras only, built-in pieces and simple classes of
one's own.  Each checks that something was learned or what came out.  Single layers, losses and so on have their own
tests.
"""

import json

import numpy as np
import pytest

import polynet as keras


@pytest.fixture(autouse=True)
def begin_anew():
    keras.utils.clear_session()
    keras.utils.set_random_seed(42)


def clouds(count=240, classes=3, seed=0):
    """Points about as many centres as there are classes, and which centre it was."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    angles = 2 * np.pi * labels / classes
    centres = 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return (centres + rng.normal(scale=0.4, size=(count, 2))).astype("float32"), labels


def test_a_classifier_of_layers_in_a_row():
    x, labels = clouds()
    y = keras.utils.to_categorical(labels, 3)
    model = keras.Sequential(
        [
            keras.layers.Input(shape=(2,)),
            keras.layers.Dense(
                16, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-4)
            ),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    assert model.count_params() == 48 + 64 + 51
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.03),
        loss="categorical_crossentropy",
        metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(k=2, name="top2")],
    )
    history = model.fit(x, y, batch_size=48, epochs=8, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    _, accuracy, top2 = model.evaluate(x, y, verbose=0)
    assert accuracy > 0.95
    assert top2 >= accuracy
    probabilities = model.predict(x, verbose=0)
    assert probabilities.shape == (240, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.mean(probabilities.argmax(axis=1) == labels) == pytest.approx(accuracy)
    again = keras.models.clone_model(model)
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(x, verbose=0), probabilities, rtol=1e-6)


def test_a_graph_with_two_inputs_and_two_outputs():
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=(200, 4)).astype("float32")
    words = rng.integers(1, 20, (200, 6))
    price = (numbers[:, :1] - 0.5 * numbers[:, 1:2]).astype("float32")
    rare = (words[:, 0] > 10).astype("float32")

    number_input = keras.Input(shape=(4,), name="numbers")
    word_input = keras.Input(shape=(6,), dtype="int32", name="words")
    embedded = keras.layers.Embedding(20, 8)(word_input)
    sentence = keras.layers.Flatten()(embedded)
    joined = keras.layers.concatenate([keras.layers.Dense(8, "relu")(number_input), sentence])
    scaled = keras.ops.tanh(joined) * 2.0
    outputs = {
        "price": keras.layers.Dense(1, name="price")(scaled),
        "rare": keras.layers.Dense(1, activation="sigmoid", name="rare")(scaled),
    }
    model = keras.Model(inputs=[number_input, word_input], outputs=outputs)
    model.compile(
        optimizer=keras.optimizers.RMSprop(0.01),
        loss={"price": "mse", "rare": keras.losses.BinaryCrossentropy()},
        loss_weights={"price": 1.0, "rare": 0.5},
        metrics={"price": ["mae"], "rare": ["accuracy"]},
    )
    inputs = {"numbers": numbers, "words": words}
    model.fit(inputs, {"price": price, "rare": rare}, epochs=12, batch_size=32, verbose=0)
    scores = model.evaluate(
        [numbers, words], {"price": price, "rare": rare}, verbose=0, return_dict=True
    )
    assert {"loss", "price_loss", "rare_loss", "price_mae", "rare_accuracy"} <= set(scores)
    assert scores["loss"] == pytest.approx(
        scores["price_loss"] + 0.5 * scores["rare_loss"], rel=1e-4
    )
    assert scores["rare_accuracy"] > 0.9
    assert scores["price_mae"] < 0.5
    inside = keras.Model(model.inputs, model.get_layer("price").output)
    found = model.predict([numbers, words], verbose=0)
    assert set(found) == {"price", "rare"}
    np.testing.assert_allclose(
        inside.predict([numbers, words], verbose=0), found["price"], rtol=1e-6
    )


@keras.utils.register_keras_serializable(package="as_keras")
class Polynomial(keras.layers.Layer):
    """The sum of powers of the input, each with weights of its own."""

    def __init__(self, units, degree=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.degree = degree

    def build(self, input_shape):
        self.kernels = [
            self.add_weight(
                shape=(input_shape[-1], self.units),
                initializer="glorot_uniform",
                name=f"kernel_{n}",
            )
            for n in range(self.degree)
        ]
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.calls = self.add_weight(
            shape=(), initializer="zeros", dtype="int32", trainable=False, name="calls"
        )

    def call(self, inputs, training=None):
        if training:
            self.calls.assign_add(1)
        result = self.bias
        for power, kernel in enumerate(self.kernels, start=1):
            result = result + keras.ops.matmul(inputs**power, kernel)
        return result

    def get_config(self):
        return {**super().get_config(), "units": self.units, "degree": self.degree}


class Regressor(keras.Model):
    """Two layers, noise while training, and a term of the loss of its own."""

    def __init__(self, width=8, **kwargs):
        super().__init__(**kwargs)
        self.hidden = Polynomial(width)
        self.noise = keras.layers.GaussianNoise(0.01)
        self.head = keras.layers.Dense(1)

    def call(self, inputs, training=False):
        hidden = keras.ops.tanh(self.hidden(inputs))
        self.add_loss(1e-4 * keras.ops.mean(keras.ops.square(hidden)))
        return self.head(self.noise(hidden, training=training))


def test_a_model_and_a_layer_of_ones_own():
    rng = np.random.default_rng(2)
    x = rng.uniform(-1, 1, (256, 2)).astype("float32")
    y = (x[:, :1] ** 2 + x[:, 1:]).astype("float32")
    model = Regressor()
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss="mse")
    history = model.fit(x, y, epochs=10, batch_size=32, verbose=0).history
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert int(model.hidden.calls.numpy()) == 80
    assert len(model.trainable_variables) == 5
    assert [weight.path.split("/", 1)[1] for weight in model.trainable_variables[:2]] == [
        "polynomial/kernel_0",
        "polynomial/kernel_1",
    ]
    config = keras.layers.serialize(model.hidden)
    layer = keras.layers.deserialize(config)
    assert (layer.units, layer.degree) == (8, 2)
    model.hidden.trainable = False
    before = model.hidden.bias.numpy()
    model.compile(optimizer="sgd", loss="mse")
    model.fit(x, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.hidden.bias.numpy(), before)


class Distilled(keras.Model):
    """A step of training written by hand: metrics, gradients, update."""

    def __init__(self):
        super().__init__()
        self.network = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
        self.error = keras.metrics.MeanSquaredError(name="error")

    def call(self, x):
        return self.network(x)

    @property
    def metrics(self):
        return [self.error]

    def train_step(self, data):
        x, y = data
        with keras.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        self.error.update_state(y, y_pred)
        return {metric.name: metric.result() for metric in self.metrics}


def test_a_loop_of_ones_own():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(128, 3)).astype("float32")
    y = (x @ np.array([[1.0], [-2.0], [0.5]], "float32")).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(learning_rate=0.1, momentum=0.5)
    loss_fn = keras.losses.MeanSquaredError()
    seen = keras.metrics.Mean()
    losses = []
    for _ in range(4):
        seen.reset_state()
        for begin in range(0, 128, 32):
            batch, target = x[begin : begin + 32], y[begin : begin + 32]
            with keras.GradientTape() as tape:
                loss = loss_fn(target, model(batch, training=True))
            gradients = tape.gradient(loss, model.trainable_weights)
            optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
            seen.update_state(loss)
        losses.append(float(seen.result()))
    assert losses[-1] < 0.05 * losses[0]
    assert int(optimizer.iterations.numpy()) == 16

    own = Distilled()
    own.compile(optimizer=keras.optimizers.Adam(0.03), loss="mse")
    history = own.fit(x, y, epochs=6, batch_size=32, verbose=0).history
    assert list(history) == ["error"]
    assert history["error"][-1] < 0.5 * history["error"][0]


class Diary(keras.callbacks.Callback):
    """What happened, in order."""

    def __init__(self):
        super().__init__()
        self.entries = []

    def on_train_begin(self, logs=None):
        self.entries.append("begin")

    def on_epoch_end(self, epoch, logs=None):
        self.entries.append((epoch, sorted(logs)))

    def on_train_end(self, logs=None):
        self.entries.append("end")


def test_callbacks_and_validation(tmp_path):
    x, labels = clouds(classes=2)
    y = labels.astype("float32")
    model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=10, decay_rate=0.9)
        ),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
    )
    diary = Diary()
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=1, min_delta=1.0, restore_best_weights=True
    )
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=20,
        validation_split=0.25,
        callbacks=[
            diary,
            stop,
            keras.callbacks.CSVLogger(tmp_path / "log.csv"),
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: diary.entries.append(epoch)
            ),
        ],
        class_weight={0: 1.0, 1: 2.0},
        verbose=0,
    )
    assert history.epoch == [0, 1]
    assert diary.entries[0] == "begin"
    assert diary.entries[1] == (0, ["accuracy", "loss", "val_accuracy", "val_loss"])
    assert diary.entries[-1] == "end"
    assert stop.stopped_epoch == 1
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3

    def generator():
        rng = np.random.default_rng(5)
        while True:
            rows = rng.integers(0, 240, 16)
            yield x[rows], y[rows]

    model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(from_logits=True))
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="val_loss", factor=0.5, patience=1, min_delta=9
    )
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    history = model.fit(
        generator(),
        steps_per_epoch=4,
        epochs=3,
        validation_data=(x, y),
        validation_freq=1,
        callbacks=[rates, plateau],
        verbose=0,
    )
    expected = 0.001 * 0.9**3 * 0.5**2
    assert float(model.optimizer.learning_rate) == pytest.approx(expected, rel=1e-5)
    assert len(history.history["val_loss"]) == 3


def test_a_description_that_keras_wrote():
    policy = {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": "mixed_float16"},
        "registered_name": None,
    }
    entries = [
        ("InputLayer", {"batch_shape": [None, 5, 3], "dtype": "float32", "name": "input"}),
        ("LSTM", {"name": "lstm", "trainable": True, "dtype": policy, "units": 4}),
        ("Dense", {"name": "dense", "trainable": True, "dtype": policy, "units": 2}),
    ]
    layers = [
        {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}
        for name, config in entries
    ]
    description = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "stack", "trainable": True, "dtype": policy, "layers": layers},
        "registered_name": None,
        "build_config": {"input_shape": [None, 5, 3]},
    }
    model = keras.models.model_from_json(json.dumps(description))
    assert model.output_shape == (None, 2)
    assert [layer.compute_dtype for layer in model.layers] == ["float16", "float16"]
    assert model.layers[0].variable_dtype == "float32"


def test_an_output_without_a_loss_needs_no_targets():
    inputs = keras.Input((2,))
    outputs = {"a": keras.layers.Dense(1)(inputs), "b": keras.layers.Dense(1)(inputs)}
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="sgd", loss={"a": "mse"}, metrics={"a": ["mae"]})
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    history = model.fit(x, {"a": y}, verbose=0).history
    assert sorted(history) == ["a_mae", "loss"]
    with pytest.raises(ValueError, match="output 'a'"):
        model.fit(x, {"b": y}, verbose=0)
    single = keras.Model(inputs, outputs["a"])
    single.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    assert sorted(single.fit(x, {"label": y}, verbose=0).history) == ["loss", "mae"]
