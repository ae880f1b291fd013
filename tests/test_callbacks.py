"""Callbacks: what each does when it is told of the course of training, and logs that are read when somebody asks."""

import copy
import csv
import http.server
import importlib.util
import json
import pickle
import re
import threading
import time

import numpy as np
import pytest

import polynet
from polynet import callbacks, ops
from polynet.callbacks.callback import HOOKS
from polynet.training.logs import Logs


class Model:
    """A model as callbacks see it."""

    stop_training = False

    def __init__(self, rate=0.5, **optimizer):
        self.optimizer = polynet.optimizers.SGD(rate, **optimizer)
        self.kernel = polynet.Variable([1.0, 2.0], name="kernel")
        self.metrics = []
        self.saved = []

    @property
    def weights(self):
        return [self.kernel]

    trainable_variables = weights
    non_trainable_variables = ()

    def get_weights(self):
        return [np.array(ops.convert_to_numpy(self.kernel))]

    def set_weights(self, values):
        self.kernel.assign(values[0])

    def save(self, path):
        self.saved.append(("model", path))

    def save_weights(self, path):
        self.saved.append(("weights", path))

    def to_json(self):
        return '{"class_name": "Model"}'

    @property
    def rate(self):
        return float(ops.convert_to_numpy(self.optimizer.learning_rate))


def train(callback, epochs, model=None, batches=1, before=None):
    """Tell a callback of training whose epochs have these logs; returns the epochs that were run, as a ``History``."""
    model = model or Model()
    told = callbacks.CallbackList([callback], add_history=True, model=model, epochs=len(epochs))
    told.on_train_begin()
    for epoch, logs in enumerate(epochs):
        told.on_epoch_begin(epoch)
        if before:
            before(epoch)
        for batch in range(batches):
            told.on_train_batch_begin(batch)
            told.on_train_batch_end(batch, logs)
        told.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    told.on_train_end(logs)
    return model.history


def losses(*values, name="val_loss"):
    return [{name: value} for value in values]


# ------------------------------------------------------------------------------------------ logs


def lazily():
    reads = []

    def read():
        reads.append(1)
        return {
            "loss": ops.convert_to_tensor(0.5),
            "count": np.float32(3),
            "rates": [np.float32(1)],
        }

    return Logs(read), reads


PLAIN = {"loss": 0.5, "count": 3.0, "rates": [1.0]}


@pytest.mark.parametrize(
    "use",
    [
        dict,
        copy.copy,
        copy.deepcopy,
        lambda logs: {**logs},
        lambda logs: logs | {},
        lambda logs: {} | logs,
        lambda logs: logs.copy(),
        lambda logs: dict(logs.items()),
        lambda logs: dict(zip(logs.keys(), logs.values(), strict=True)),
        lambda logs: {name: logs[name] for name in logs},
        lambda logs: {name: logs.get(name) for name in list(logs)},
        lambda logs: json.loads(json.dumps(logs)),
        lambda logs: pickle.loads(pickle.dumps(logs)),
        lambda logs: (lambda **names: names)(**logs),
        lambda logs: (lambda plain: (plain.update(logs), plain)[1])({}),
        lambda logs: eval(repr(logs)),
    ],
)
def test_logs_are_read_once_and_only_when_asked(use):
    logs, reads = lazily()
    assert reads == [] and isinstance(logs, dict)
    assert use(logs) == PLAIN
    assert logs == PLAIN and logs == PLAIN and bool(logs) and len(logs) == 3
    assert reads == [1]
    assert type(logs["loss"]) is float and "loss" in logs and "x" not in logs


@pytest.mark.parametrize(
    "use",
    [bool, len, list, lambda logs: "loss" in logs, lambda logs: logs == PLAIN, str, json.dumps],
)
def test_a_first_question_of_any_kind_is_answered(use):
    assert use(lazily()[0]) == use(dict(PLAIN)) if use is not str else "loss" in str(lazily()[0])


def test_what_is_set_before_anybody_looks_counts():
    logs, reads = lazily()
    logs["loss"] = 0.25
    logs.update(extra=1.0)
    assert reads == []
    assert dict(logs) == PLAIN | {"loss": 0.25, "extra": 1.0}
    logs, _ = lazily()
    del logs["loss"]
    assert logs.pop("count") == 3.0 and logs.setdefault("new", 2.0) == 2.0
    assert set(logs) == {"rates", "new"}
    logs.clear()
    assert logs == {} and logs != PLAIN
    assert Logs({"loss": np.float32(2)})["loss"] == 2.0


def test_format_strings_read_logs():
    assert "{loss:.2f}".format(**lazily()[0]) == "0.50"
    assert "{loss:.2f}".format_map(lazily()[0]) == "0.50"


# ------------------------------------------------------------------------------------------ the list


class Recorder(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.heard = []


for hook in HOOKS:  # a method of its own for each hook
    if "on_batch" not in hook:
        exec(f"def {hook}(self, *args): self.heard.append(({hook!r}, *args))")
        setattr(Recorder, hook, locals()[hook])


def test_every_hook_reaches_every_callback():
    recorders = [Recorder(), Recorder()]
    told = callbacks.CallbackList({"a": recorders[0], "b": [recorders[1]]})
    expected = []
    for hook in HOOKS:
        if "on_batch" in hook:
            continue
        number = (7,) if "batch" in hook or "epoch" in hook else ()
        getattr(told, hook)(*number, {"loss": 0.5})
        getattr(told, hook)(*number)
        expected += [(hook, *number, {"loss": 0.5}), (hook, *number, {})]
    assert recorders[0].heard == recorders[1].heard == expected


def test_a_hook_that_nobody_overrides_calls_nobody():
    class Epochs(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    told = callbacks.CallbackList([Epochs(), callbacks.History()])
    assert {hook for hook in HOOKS if told.listeners(hook)} == {"on_epoch_end", "on_train_begin"}
    told.append(callbacks.LambdaCallback(on_train_batch_end=print))
    assert len(told.listeners("on_train_batch_end")) == 1


def test_older_names_of_batch_hooks():
    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            self.last = batch, dict(logs)

    old = Old()
    told = callbacks.CallbackList([old])
    assert told.listeners("on_train_batch_end") and not told.listeners("on_train_batch_begin")
    told.on_train_batch_end(3, {"loss": 1.0})
    assert old.last == (3, {"loss": 1.0})


def test_all_callbacks_of_a_hook_share_its_logs():
    class Adds(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["more"] = 2.0

    model = Model()
    callbacks.CallbackList([Adds()], add_history=True, model=model).on_epoch_end(0, {"loss": 1.0})
    assert model.history.history == {"loss": [1.0], "more": [2.0]}


def test_logs_are_not_read_for_a_hook_that_ignores_them():
    class Deaf(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    logs, reads = lazily()
    callbacks.CallbackList([Deaf()]).on_train_batch_end(0, logs)
    assert reads == []


def test_callbacks_know_the_model_and_the_parameters():
    recorder, model = Recorder(), Model()
    told = callbacks.CallbackList([recorder], model=model, epochs=3, steps=None, verbose=0)
    assert recorder.model is model and told.model is model
    assert recorder.params == {"epochs": 3, "steps": None, "verbose": 0}


def test_history_and_progress_are_added_once():
    own = callbacks.History()
    told = callbacks.CallbackList([own], add_history=True, add_progbar=True, verbose=0)
    assert [type(each).__name__ for each in told.callbacks] == ["History", "ProgbarLogger"]
    assert callbacks.CallbackList().callbacks == []


def test_a_callback_that_raises_is_heard():
    def fail(epoch, logs):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        train(callbacks.LambdaCallback(on_epoch_end=fail), losses(1.0))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([callbacks.History], r"expected objects; got the class History. Write History\(\)"),
        (
            [print],
            "expected objects of classes derived from polynet.callbacks.Callback; got "
            "builtin_function_or_method, which has no on_epoch_begin",
        ),
        (["x"], "got str, which has no on_epoch_begin"),
    ],
)
def test_what_is_no_callback(given, words):
    with pytest.raises(TypeError, match=f"^callbacks: .*{words}"):
        callbacks.CallbackList(given)


def test_history():
    history = train(callbacks.Callback(), [{"loss": 1.0}, {"loss": 0.5, "val_loss": 2.0}])
    assert history.history == {"loss": [1.0, 0.5], "val_loss": [2.0]} and history.epoch == [0, 1]
    history.on_train_begin()
    history.on_epoch_end(5, {"loss": 0.1})
    assert history.epoch == [5] and history.history["loss"] == [1.0, 0.5, 0.1]


def test_functions_as_a_callback():
    heard = []
    callback = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: heard.append((epoch, logs["loss"])),
        on_train_begin=lambda logs: heard.append(dict(logs)),
        on_test_batch_end=lambda batch, logs: heard.append(batch),
    )
    train(callback, [{"loss": 1.0}])
    callback.on_test_batch_end(4)
    assert heard == [{}, (0, 1.0), 4]
    with pytest.raises(
        TypeError, match=r"^LambdaCallback: unknown hook 'on_epoch_ends'\. Did you mean"
    ):
        callbacks.LambdaCallback(on_epoch_ends=print)
    with pytest.raises(
        TypeError, match=r"^LambdaCallback: on_epoch_end: expected a function; got int"
    ):
        callbacks.LambdaCallback(on_epoch_end=3)


# ------------------------------------------------------------------------------------------ watching a number


def stops_after(*values, name="val_loss", model=None, **kwargs):
    """How many epochs are run."""
    stopping = callbacks.EarlyStopping(name, **kwargs)
    return len(train(stopping, losses(*values, name=name), model).epoch)


@pytest.mark.parametrize(
    ("values", "arguments", "epochs"),
    [  # checked against Keras 3.15.1
        ([0.5, 0.4, 0.45, 0.3], {}, 3),
        ([0.5, 0.4, 0.45, 0.3, 0.6, 0.7], {"patience": 2}, 6),
        ([0.5, 0.4, 0.39, 0.38], {"min_delta": 0.1}, 2),
        ([0.5, 0.4, 0.39, 0.28], {"min_delta": 0.1, "patience": 2}, 4),
        ([0.5, 0.6, 0.7], {"mode": "max"}, 3),
        ([0.5, 0.6, 0.5], {"mode": "max"}, 3),
        ([0.5, 0.4, 0.3, 0.2], {"baseline": 0.25, "patience": 2}, 4),
        ([0.5, 0.45, 0.44, 0.43], {"baseline": 0.25, "patience": 2}, 4),
        ([0.5, 0.6, 0.6], {"baseline": 0.25, "patience": 1}, 2),
        ([0.5, 0.45, 0.44, 0.44, 0.44], {"baseline": 0.25, "patience": 2}, 4),
        ([0.5, 0.6, 0.7, 0.8, 0.9], {"start_from_epoch": 3}, 5),
        ([0.5, 0.6, float("nan"), 0.1], {"patience": 3}, 4),
        ([0.5, float("nan"), 0.4], {"patience": 2}, 3),
        ([float("nan")] * 4, {"patience": 2}, 3),
    ],
)
def test_early_stopping(values, arguments, epochs):
    assert stops_after(*values, **arguments) == epochs


def test_early_stopping_restores_the_best_weights(capsys):
    model = Model()
    stopping = callbacks.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    values = losses(0.5, 0.3, 0.4, 0.4, 0.1)
    train(stopping, values, model, before=lambda epoch: model.kernel.assign([epoch, epoch]))
    assert (stopping.stopped_epoch, stopping.best_epoch, stopping.best) == (3, 1, 0.3)
    np.testing.assert_array_equal(model.get_weights()[0], [1, 1])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 4: early stopping, since val_loss got no better.",
        "The model has the weights of epoch 2, its best.",
    ]
    model.stop_training = False
    train(stopping, values[:2], model)  # it can be used again
    assert stopping.stopped_epoch == 0


def test_the_direction_is_that_of_the_metric():
    model = Model()
    model.metrics = [polynet.metrics.BinaryAccuracy(name="accuracy")]
    assert stops_after(0.5, 0.6, 0.7, name="val_accuracy", model=model) == 3
    model.stop_training = False
    assert stops_after(0.5, 0.4, 0.3, name="out_accuracy", model=model) == 2
    model = Model()
    assert stops_after(0.5, 0.4, 0.3, name="val_out_loss", model=model) == 3

    class Own(polynet.metrics.Mean):
        _direction = "up"

    model.metrics = [Own(name="own")]
    assert stops_after(0.5, 0.4, name="own", model=model) == 2
    model.metrics = [polynet.metrics.Sum(name="sum")]
    with pytest.raises(
        ValueError,
        match=r"^EarlyStopping: mode: cannot tell whether more or less of 'sum' is better\. Give mode='max'",
    ):
        stops_after(0.5, name="sum", model=model)


def test_a_number_that_is_missing():
    for callback in (
        callbacks.EarlyStopping("val_los", mode="min"),
        callbacks.ReduceLROnPlateau("val_los", mode="min"),
    ):
        name = type(callback).__name__
        with pytest.warns(
            UserWarning,
            match=rf"^{name}: monitor: there is no 'val_los' in the logs\. Did you mean 'val_loss'\? There are: val",
        ):
            train(callback, losses(0.5))


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (
            lambda: callbacks.EarlyStopping(mode="mxa"),
            ValueError,
            "EarlyStopping: mode: expected 'auto', 'min' or 'max'; got 'mxa'. Did you mean 'max'?",
        ),
        (
            lambda: callbacks.EarlyStopping(3),
            TypeError,
            "EarlyStopping: monitor: expected a string; got int.",
        ),
        (
            lambda: callbacks.ReduceLROnPlateau(factor=1.0),
            ValueError,
            "ReduceLROnPlateau: factor: expected a number below 1; got 1.0.",
        ),
        (
            lambda: callbacks.ReduceLROnPlateau(epsilon=1.0),
            TypeError,
            "ReduceLROnPlateau: unknown argument 'epsilon'.",
        ),
        (
            lambda: callbacks.ModelCheckpoint("m.h5"),
            ValueError,
            "ModelCheckpoint: filepath: expected a name that ends in .polynet or .keras; "
            "got 'm.h5'.",
        ),
        (
            lambda: callbacks.ModelCheckpoint("m.polynet", save_weights_only=True),
            ValueError,
            "ModelCheckpoint: filepath: expected a name that ends in .safetensors or "
            ".weights.h5 with "
            "save_weights_only=True; got 'm.polynet'.",
        ),
        (
            lambda: callbacks.ModelCheckpoint("m.polynet", save_freq=0),
            ValueError,
            "ModelCheckpoint: save_freq: expected 'epoch' or a positive number of batches; got 0.",
        ),
        (
            lambda: callbacks.BackupAndRestore(""),
            ValueError,
            "BackupAndRestore: backup_dir: expected a directory; got an empty path.",
        ),
        (
            lambda: callbacks.BackupAndRestore("x", save_freq="batch"),
            ValueError,
            "BackupAndRestore: save_freq: expected 'epoch' or a positive number of "
            "batches; got 'batch'.",
        ),
        (
            lambda: callbacks.CSVLogger("x", separator=""),
            ValueError,
            "CSVLogger: separator: expected one character; got ''.",
        ),
        (
            lambda: callbacks.RemoteMonitor("localhost:9000"),
            ValueError,
            "RemoteMonitor: root: expected an address that begins with http:// or "
            "https://; got 'localhost:9000'.",
        ),
        (
            lambda: callbacks.RemoteMonitor("file:///etc/passwd"),
            ValueError,
            "RemoteMonitor: root: expected an address",
        ),
        (
            lambda: callbacks.LearningRateScheduler(0.1),
            TypeError,
            "LearningRateScheduler: schedule: expected a function of an epoch and a "
            "learning rate; got float.",
        ),
        (
            lambda: callbacks.TensorBoard(profile_batch=2),
            ValueError,
            "TensorBoard: profile_batch: expected 0, since polynet has no profiler; got 2.",
        ),
        (
            lambda: callbacks.TensorBoard(update_freq="step"),
            ValueError,
            "TensorBoard: update_freq: expected 'epoch', 'batch' or a positive number of "
            "batches; got 'step'.",
        ),
    ],
)
def test_arguments_that_are_refused(make, kind, words):
    with pytest.raises(kind, match=f"^{re.escape(words)}"):
        make()


# ------------------------------------------------------------------------------------------ learning rates


def rates(callback, values, rate=1.0):
    model = Model(rate)
    history = train(callback, losses(*values), model)
    return history.history["learning_rate"], model.rate


def test_the_learning_rate_is_reduced_on_a_plateau(capsys):
    plateau = callbacks.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.2, verbose=1)
    noted, last = rates(plateau, [0.5] * 10)
    # checked against Keras 3.15.1
    assert noted == [
        1.0,
        1.0,
        1.0,
        0.5,
        0.5,
        0.25,
        0.25,
        pytest.approx(0.2),
        pytest.approx(0.2),
        pytest.approx(0.2),
    ]
    assert last == pytest.approx(0.2)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 3: val_loss got no better, so learning_rate is now 0.5.",
        "Epoch 5: val_loss got no better, so learning_rate is now 0.25.",
        "Epoch 7: val_loss got no better, so learning_rate is now 0.2.",
    ]
    assert rates(callbacks.ReduceLROnPlateau(patience=1), [0.5, 0.4, 0.3])[1] == 1.0
    waiting = callbacks.ReduceLROnPlateau(factor=0.5, patience=1, cooldown=3)
    assert rates(waiting, [0.5] * 8) == ([1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25], 0.125)
    small = [0.5, 0.49995, 0.4999]
    assert rates(callbacks.ReduceLROnPlateau(factor=0.5, patience=1), small)[1] == 0.25
    assert rates(callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0), small)[1] == 1.0


def test_the_learning_rate_follows_a_function(capsys):
    halving = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1)
    assert rates(halving, [0.0] * 3) == ([0.5, 0.25, 0.125], 0.125)
    assert capsys.readouterr().out.splitlines()[0] == "Epoch 1: learning_rate is 0.5."
    assert rates(callbacks.LearningRateScheduler(lambda epoch: 0.5**epoch), [0.0] * 3)[1] == 0.25
    schedule = callbacks.LearningRateScheduler(lambda epoch: ops.convert_to_tensor(0.75))
    assert rates(schedule, [0.0])[1] == 0.75
    for wrong, got in ((None, "NoneType"), ("a", "str"), (float("nan"), "nan")):
        with pytest.raises(
            ValueError,
            match=f"^LearningRateScheduler: schedule: expected it to return a finite number for epoch 0; got {got}",
        ):
            rates(callbacks.LearningRateScheduler([wrong].__getitem__), [0.0])


def test_an_error_within_a_schedule_is_passed_on():
    def schedule(epoch, rate):
        return epoch + "a"

    with pytest.raises(TypeError, match="unsupported operand"):
        rates(callbacks.LearningRateScheduler(schedule), [0.0])


def test_without_an_optimizer_there_is_no_learning_rate():
    model = Model()
    model.optimizer = None
    with pytest.raises(
        ValueError, match=r"^LearningRateScheduler: the model has no optimizer; compile it with one"
    ):
        train(callbacks.LearningRateScheduler(lambda epoch: 0.1), losses(1.0), model)


# ------------------------------------------------------------------------------------------ files


def test_epochs_as_lines_of_a_file(tmp_path):
    path = tmp_path / "log.csv"
    logger = callbacks.CSVLogger(path)
    train(logger, [{"loss": 0.5, "acc": 1.0, "per_class": [1.0, 0.5]}, {"loss": 0.25, "acc": 0.5}])
    assert list(csv.reader(path.read_text().splitlines())) == [
        ["epoch", "acc", "loss", "per_class", "val_acc", "val_loss", "val_per_class"],
        ["0", "1.0", "0.5", "[1.0, 0.5]", "NA", "NA", "NA"],
        ["1", "0.5", "0.25", "NA", "NA", "NA", "NA"],
    ]
    train(callbacks.CSVLogger(path, separator=";"), losses(0.5))
    assert path.read_text() == "epoch;val_loss\n0;0.5\n"
    train(callbacks.CSVLogger(path, separator=";", append=True), [{"extra": 1.0, "val_loss": 0.25}])
    assert path.read_text() == "epoch;val_loss\n0;0.5\n0;0.25\n"
    train(callbacks.CSVLogger(tmp_path / "new.csv", append=True), losses(0.5))
    assert (tmp_path / "new.csv").read_text() == "epoch,val_loss\n0,0.5\n"


def test_models_are_saved_after_epochs(tmp_path, capsys):
    model = Model()
    path = str(tmp_path / "deep" / "{epoch:02d}-{val_loss:.2f}.polynet")
    train(callbacks.ModelCheckpoint(path, verbose=1), losses(0.5, 0.7), model)
    assert [saved.removeprefix(str(tmp_path)) for _, saved in model.saved] == [
        "/deep/01-0.50.polynet",
        "/deep/02-0.70.polynet",
    ]
    assert (tmp_path / "deep").is_dir()
    assert capsys.readouterr().out.startswith("Epoch 1: saved ")


def test_only_the_best_is_saved(tmp_path, capsys):
    path = str(tmp_path / "{epoch}.polynet")

    def epochs(*values, **kwargs):
        model = Model()
        train(
            callbacks.ModelCheckpoint(path, save_best_only=True, **kwargs), losses(*values), model
        )
        return [int(saved.split("/")[-1].split(".")[0]) for _, saved in model.saved]

    assert epochs(0.5, 0.7, 0.4, 0.4) == [1, 3]
    assert epochs(0.5, 0.7, 0.4, 0.8, mode="max") == [1, 2, 4]
    assert epochs(0.5, 0.7, 0.4, initial_value_threshold=0.45, verbose=1) == [3]
    assert "Epoch 1: val_loss is 0.50000, no better than 0.45000." in capsys.readouterr().out
    with pytest.warns(UserWarning, match="ModelCheckpoint: monitor: there is no 'val_acc'"):
        assert epochs(0.5, monitor="val_acc", mode="max") == [1]


def test_models_are_saved_after_batches(tmp_path):
    model = Model()
    path = str(tmp_path / "{epoch}-{batch}.safetensors")
    checkpoint = callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=4)
    train(checkpoint, losses(0.5, 0.5), model, batches=5)
    assert [(kind, saved.split("/")[-1]) for kind, saved in model.saved] == [
        ("weights", "1-4.safetensors"),
        ("weights", "2-3.safetensors"),
    ]
    model.saved.clear()
    told = callbacks.CallbackList(
        [callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=4)], model=model
    )
    told.on_epoch_begin(0)
    for batch in (2, 5, 8, 11):  # three steps in one execution
        told.on_train_batch_end(batch, {})
    assert [saved.split("/")[-1] for _, saved in model.saved] == [
        "1-6.safetensors",
        "1-12.safetensors",
    ]


def test_paths_that_cannot_be(tmp_path):
    with pytest.raises(
        KeyError, match=r"ModelCheckpoint: filepath: .* names 'acc'; known here are epoch, val_loss"
    ):
        train(callbacks.ModelCheckpoint("{acc}.polynet"), losses(0.5))
    (tmp_path / "m.polynet").mkdir()
    with pytest.raises(
        IsADirectoryError, match=r"ModelCheckpoint: filepath: expected a file; .* is a directory"
    ):
        train(callbacks.ModelCheckpoint(tmp_path / "m.polynet"), losses(0.5))


# ------------------------------------------------------------------------------------------ the rest


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_training_ends_where_the_loss_is_no_number(loss, capsys):
    model = Model()
    history = train(
        callbacks.TerminateOnNaN(), [{"loss": 1.0}, {"loss": loss}, {"loss": 1.0}], model
    )
    assert history.epoch == [0, 1]
    assert capsys.readouterr().out == f"Batch 0: the loss is {loss}, so training ends here.\n"
    with pytest.raises(RuntimeError, match=f"^TerminateOnNaN: the loss is {loss} at batch 0"):
        train(callbacks.TerminateOnNaN(raise_error=True), [{"loss": loss}])


@pytest.fixture
def server():
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append(
                (self.path, self.headers["Content-Type"], self.headers.get("X-Own"), body)
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}", received
        serving.shutdown()
        thread.join()


def test_logs_are_sent_to_a_server(server):
    root, received = server
    train(callbacks.RemoteMonitor(root, send_as_json=True, headers={"X-Own": "1"}), losses(0.5))
    train(callbacks.RemoteMonitor(root, path="/x", field="f"), losses(0.5))
    assert received == [
        ("/publish/epoch/end/", "application/json", "1", '{"epoch": 0, "val_loss": 0.5}'),
        (
            "/x",
            "application/x-www-form-urlencoded",
            None,
            "f=%7B%22epoch%22%3A+0%2C+%22val_loss%22%3A+0.5%7D",
        ),
    ]


def test_a_server_that_does_not_answer_is_a_warning():
    with pytest.warns(
        UserWarning, match="RemoteMonitor: could not send epoch 0 to http://127.0.0.1:9"
    ):
        train(callbacks.RemoteMonitor("http://127.0.0.1:9"), losses(0.5))


def averaging():
    """A model after some steps, whose optimizer keeps averages."""
    model = Model(1.0, use_ema=True, ema_momentum=0.5)
    for _ in range(2):
        model.optimizer.apply([ops.ones(2)], [model.kernel])
    return model


def test_averages_are_in_the_model_while_it_is_evaluated():
    model = averaging()
    (own,) = model.get_weights()
    (mean,) = (np.array(ops.convert_to_numpy(v)) for v in model.optimizer._averages)
    assert not np.allclose(own, mean)
    told = callbacks.CallbackList([callbacks.SwapEMAWeights()], model=model, epochs=2)
    for kind in ("test", "predict"):
        getattr(told, f"on_{kind}_begin")()
        np.testing.assert_array_equal(model.get_weights()[0], mean)
        getattr(told, f"on_{kind}_end")()
        np.testing.assert_array_equal(model.get_weights()[0], own)


def test_averages_are_in_the_model_between_epochs():
    model = averaging()
    (own,) = model.get_weights()
    mean = np.array(ops.convert_to_numpy(model.optimizer._averages[0]))
    told = callbacks.CallbackList([callbacks.SwapEMAWeights(True)], model=model, epochs=2)
    told.on_epoch_begin(0)
    told.on_epoch_end(0)
    np.testing.assert_array_equal(model.get_weights()[0], mean)
    told.on_epoch_begin(1)
    np.testing.assert_array_equal(model.get_weights()[0], own)
    told.on_epoch_end(1)
    model.optimizer.finalize_variable_values([model.kernel])
    np.testing.assert_array_equal(model.get_weights()[0], mean)


def test_without_averages_there_is_nothing_to_swap():
    told = callbacks.CallbackList([callbacks.SwapEMAWeights()], model=Model())
    with pytest.raises(
        ValueError, match=r"^SwapEMAWeights: expected an optimizer that keeps averages"
    ):
        told.on_test_begin()
    model = Model(use_ema=True)
    told = callbacks.CallbackList([callbacks.SwapEMAWeights()], model=model)
    told.on_test_begin()  # before the first step
    np.testing.assert_array_equal(model.get_weights()[0], [1, 2])


@pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is not None,
    reason="about the error where tensorboard is missing",
)
def test_without_tensorboard_the_error_names_the_extra():
    with pytest.raises(
        ImportError, match=r"TensorBoard: needs .*: pip install 'polynet-dl\[tensorboard\]'"
    ):
        train(callbacks.TensorBoard(), losses(0.5))


def events(path):
    """What the event files of a folder hold: step and value by tag."""
    loading = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    found = {}
    for file in sorted(path.iterdir()):
        for event in loading.RawEventFileLoader(str(file)).Load():
            from tensorboard.compat.proto.event_pb2 import Event

            parsed = Event.FromString(event)
            for value in parsed.summary.value:
                found.setdefault(value.tag, []).append((parsed.step, value))
    return found


@pytest.mark.filterwarnings("ignore")
def test_event_files(tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is an extra")
    board = callbacks.TensorBoard(
        tmp_path, histogram_freq=1, write_images=True, update_freq=2, write_steps_per_second=True
    )
    train(
        board,
        [{"loss": 0.5, "val_loss": 0.75}, {"loss": 0.25, "val_loss": 1.0}],
        Model(0.125),
        batches=3,
    )
    found = events(tmp_path / "train")
    scalars = {tag: [(s, v.simple_value) for s, v in values] for tag, values in found.items()}
    assert scalars["epoch_loss"] == [(0, 0.5), (1, 0.25)]
    assert scalars["epoch_learning_rate"] == [(0, 0.125), (1, 0.125)]
    assert scalars["batch_loss"] == [(2, 0.5), (4, 0.25), (6, 0.25)]
    assert {"epoch_steps_per_second", "batch_steps_per_second"} <= set(scalars)
    _, histogram = found["kernel/histogram"][0]
    assert (histogram.histo.min, histogram.histo.max, histogram.histo.num) == (1.0, 2.0, 2.0)
    assert found["kernel/image/0"][0][1].image.encoded_image_string.startswith(b"\x89PNG")
    assert found["keras"][0][1].tensor.string_val == [b'{"class_name": "Model"}']
    validation = events(tmp_path / "validation")
    assert [(s, v.simple_value) for s, v in validation["epoch_loss"]] == [(0, 0.75), (1, 1.0)]


def test_pictures_of_weights():
    from polynet.callbacks.tensorboard import png

    picture = np.arange(6, dtype="uint8").reshape(2, 3)
    image = pytest.importorskip("PIL.Image", reason="Pillow is not needed to use polynet")
    import io

    np.testing.assert_array_equal(np.asarray(image.open(io.BytesIO(png(picture)))), picture)


@pytest.mark.skipif(
    importlib.util.find_spec("orbax") is None, reason="orbax-checkpoint is an extra, and needs JAX"
)
@pytest.mark.filterwarnings("ignore")
def test_orbax_checkpoints(tmp_path):
    import orbax.checkpoint

    model = Model()
    model.optimizer.build([model.kernel])
    checkpoint = callbacks.OrbaxCheckpoint(tmp_path, max_to_keep=2, save_on_background=False)
    train(checkpoint, losses(0.5, 0.4, 0.3), model)
    with orbax.checkpoint.CheckpointManager(tmp_path) as manager:
        assert sorted(manager.all_steps()) == [1, 2]
        args = orbax.checkpoint.args
        restored = manager.restore(
            2, args=args.Composite(pytree=args.StandardRestore(), model_config=args.JsonRestore())
        )
    np.testing.assert_array_equal(restored.pytree["trainable_variables"]["kernel"], [1, 2])
    assert restored.model_config == {"class_name": "Model"}


def test_all_names_are_there():
    assert set(callbacks.__all__) == {
        *("BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History"),
        *(
            "Checkpointer",
            "LambdaCallback",
            "LearningRateScheduler",
            "ModelCheckpoint",
            "OrbaxCheckpoint",
        ),
        *("ProgbarLogger", "ReduceLROnPlateau", "RemoteMonitor", "SwapEMAWeights", "TensorBoard"),
        "TerminateOnNaN",
    }
    for name in callbacks.__all__:
        assert getattr(callbacks, name).__name__ == name
    assert sorted(dir(callbacks)) == sorted(callbacks.__all__)
    with pytest.raises(
        AttributeError, match=r"module 'polynet.callbacks' has no attribute 'Histories'"
    ):
        _ = callbacks.Histories


@pytest.mark.timing
def test_a_step_that_nobody_listens_to_costs_next_to_nothing():
    told = callbacks.CallbackList(add_history=True)
    times = []
    for _ in range(10):
        start = time.perf_counter()
        for batch in range(1000):
            told.on_train_batch_begin(batch)
            told.on_train_batch_end(batch, None)
        times.append((time.perf_counter() - start) / 1000)
    assert min(times) < 3e-6
