"""What bad input to layers and training gets: the exact class and first line, which are the same on every backend.

One row for each promise. Each environment runs this file on its own backend, so that equal texts here are equal there.
"""

import numpy as np
import pytest

import polynet
from polynet import errors, layers

X = np.linspace(0, 1, 64, dtype="float32").reshape(16, 4)
Y = X[:, :1]
SPOILT = np.where(np.arange(64).reshape(16, 4) == 40, np.float32("nan"), X)


def line(loss="mse", units=1, activation=None, size=4):
    model = polynet.Sequential([polynet.Input((size,)), layers.Dense(units, activation)], name="m")
    model.compile("sgd", loss)
    return model


def embedded():
    model = polynet.Sequential(
        [polynet.Input((2,)), layers.Embedding(5, 2, name="e"), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    return model


def batches(third):
    yield X[:4], Y[:4]
    yield X[:4], Y[:4]
    if third is OSError:
        raise OSError("the disk is gone")
    yield third


class Failing(polynet.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise ZeroDivisionError("of mine")


SCC = "sparse_categorical_crossentropy"
RANGE = (
    "fit: y: labels of output 'dense', which has 3 classes: expected integers from 0 to 2; some of shape (16,) "
    "are outside."
)

ROWS = {
    "features": (
        lambda: line()(np.ones((2, 5), "f")),
        errors.ShapeError,
        "Sequential 'm': input: expected shape (None, 4); got shape (2, 5).",
    ),
    "features of a layer": (
        lambda: line().layers[0](np.ones((2, 5), "f")),
        errors.ShapeError,
        "Dense 'dense': input: expected length 4 along axis -1; got shape (2, 5).",
    ),
    "channels": (
        lambda: layers.Conv2D(2, 3, name="c")(np.ones((4, 28, 28), "f")),
        errors.ShapeError,
        "Conv2D 'c': input: expected 4 dimensions, (batch, height, width, channels); got shape (4, 28, 28). "
        "If the channel axis is missing, add it with ops.expand_dims.",
    ),
    "rank": (
        lambda: layers.LSTM(2, name="l")(np.ones((4, 28), "f")),
        errors.ShapeError,
        "LSTM 'l': input: expected 3 dimensions; got shape (4, 28).",
    ),
    "lengths": (
        lambda: line().fit(X, Y[:5], verbose=0),
        errors.ShapeError,
        "fit: expected as many rows in all arrays; got x: 16, y: 5.",
    ),
    "targets": (
        lambda: line().fit(X, np.ones((16, 3), "f"), verbose=0),
        errors.ShapeError,
        "mean_squared_error: y_true has the shape (16, 3), y_pred (16, 1); expected equal shapes, or a last axis of "
        "length 1 more in one of them. The model gives 1 numbers where the targets have 3.",
    ),
    "labels": (
        lambda: line(SCC, 3, "softmax").fit(X, np.full(16, 3), batch_size=16, verbose=0),
        errors.OutOfRangeError,
        RANGE,
    ),
    "negative labels": (
        lambda: line(SCC, 3, "softmax").fit(X, np.full(16, -1), batch_size=16, verbose=0),
        errors.OutOfRangeError,
        RANGE,
    ),
    "indices": (
        lambda: embedded().predict(np.full((3, 2), 5), verbose=0),
        errors.OutOfRangeError,
        "Embedding 'e': input: expected integers from 0 to 4; some of shape (3, 2) are outside.",
    ),
    "empty": (
        lambda: line().fit(X[:0], Y[:0], verbose=0),
        ValueError,
        "fit: x: expected at least one row; the data is empty.",
    ),
    "not finite": (
        lambda: line().fit(SPOILT, Y, batch_size=4, shuffle=False, verbose=0),
        errors.NonFiniteError,
        "fit: the loss is not finite at step 2; the weights are those of the step before. Lower the learning rate, "
        "clip the gradients, look for such values in the data, or switch this off by compile(check_finite=False).",
    ),
    "batches of nothing": (
        lambda: line().fit(X, Y, batch_size=0),
        ValueError,
        "fit: batch_size: expected a positive integer; got 0.",
    ),
    "negative batches": (
        lambda: line().predict(X, batch_size=-1),
        ValueError,
        "predict: batch_size: expected a positive integer; got -1.",
    ),
    "not compiled": (
        lambda: polynet.Sequential([layers.Dense(1)], name="m").fit(X, Y),
        ValueError,
        "Sequential 'm': fit: the model is not compiled. Call compile(optimizer, loss, metrics) before fit.",
    ),
    "optimizer": (
        lambda: line().compile("adm"),
        ValueError,
        "optimizers: unknown optimizer 'adm'. Did you mean 'adam'?",
    ),
    "loss": (
        lambda: line("mean_square_error"),
        ValueError,
        "losses: unknown loss 'mean_square_error'. Did you mean 'mean_squared_error'?",
    ),
    "metric": (
        lambda: line().compile("sgd", "mse", metrics=["acuracy"]),
        ValueError,
        "metrics: unknown metric 'acuracy'. Did you mean 'accuracy'?",
    ),
    "generator that raises": (
        lambda: line().fit(batches(OSError), verbose=0),
        OSError,
        "the disk is gone",
    ),
    "generator that changes": (
        lambda: line().fit(batches(X[:4]), verbose=0),
        ValueError,
        "fit: x: batch 2 of the generator is made differently from the first: expected (x: rank 2, y: rank 2); got "
        "(x: rank 2). All batches must be nested alike, with arrays of the same ranks.",
    ),
    "callback": (
        lambda: line().fit(X, Y, callbacks=[Failing()], verbose=0),
        ZeroDivisionError,
        "of mine",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_bad_input_gets_the_same_words_everywhere(row):
    call, kind, text = ROWS[row]
    polynet.utils.clear_session()
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert str(caught.value).splitlines()[0] == text
