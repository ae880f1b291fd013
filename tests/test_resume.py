"""A run that stops at any batch and is started again ends with the bits of one that never stopped."""

import errno
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import polynet
from polynet import callbacks, errors, layers
from polynet.saving import container, plain, progress

X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
Y = X.sum(1, keepdims=True)


class Stop(callbacks.Callback):
    """Raises after so many batches."""

    def __init__(self, after):
        super().__init__()
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def program(folder, stop=None, **options):
    """What is started again and again: dropout and shuffling on; returns the last weights and losses."""
    polynet.utils.set_random_seed(3)
    model = polynet.Sequential([layers.Dense(8, "relu"), layers.Dropout(0.3), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    told = [] if folder is None else [callbacks.BackupAndRestore(folder, **options)]
    if stop is not None:
        told.append(Stop(stop))
    history = model.fit(X, Y, batch_size=8, epochs=3, callbacks=told, verbose=0)
    return model.get_weights(), history.history["loss"][-1]


@pytest.mark.parametrize("save_freq", ["epoch", 2])
@pytest.mark.parametrize("stops", [[7], [2, 6, 1, 3]])
def test_resume(tmp_path, save_freq, stops):
    expected, loss = program(None)
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            program(tmp_path, stop, save_freq=save_freq)
    found, last = program(tmp_path, save_freq=save_freq)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert last == loss
    assert not list(tmp_path.iterdir())


def test_a_damaged_state_is_left_out(tmp_path):
    expected, _ = program(None)
    with pytest.raises(KeyboardInterrupt):
        program(tmp_path, 12, double_checkpoint=True, delete_checkpoint=False)
    *_, last = sorted(tmp_path.glob("*.state"))
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 1
    last.write_bytes(data)
    with pytest.warns(UserWarning, match=r"BackupAndRestore: .*000002\.state is not used"):
        found, _ = program(tmp_path, double_checkpoint=True)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_model_is_refused_and_left_as_it_is(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        program(tmp_path, 7)
    model = polynet.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    backup = callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(errors.FileError, match="another model or other arguments"):
        model.fit(X, Y, epochs=1, callbacks=[backup], verbose=0)


# ------------------------------------------------------------------------------------------ kill -9

FUZZ = int(os.environ.get("POLYNET_FUZZ", "0")) >= 20_000


RUNS = [("epoch", "arrays"), (5, "stream"), (4, "arrays"), ("epoch", "stream")]


@pytest.mark.parametrize(("save_freq", "kind"), RUNS if FUZZ else RUNS[:2])
def test_killed_at_any_batch(save_freq, kind, tmp_path):
    """Dropout, noise, shuffling, averages of weights, validation and seven callbacks: all ends alike."""
    program = Path(__file__).with_name("killed_runs.py")
    kills = "50" if FUZZ else "3"
    cache = {  # what is compiled is kept for the children that come later
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    done = subprocess.run(
        [sys.executable, program, "fit", tmp_path, kills, "1", str(save_freq), kind],
        capture_output=True,
        text=True,
        env={**os.environ, **cache},
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["killed"] == int(kills)
    assert not found["differences"]


# ------------------------------------------------------------------------------------------ what is restored


def make(units=4, **arguments):
    model = polynet.Sequential([polynet.Input((5,)), layers.Dense(units), layers.Dense(1)])
    # what is compiled is tested above, and takes long
    model.compile(**{"optimizer": "adam", "loss": "mse", "run_eagerly": True, **arguments})
    return model


def fit(model, folder, epochs=1, *more, **options):
    run = polynet.Checkpointer(folder, **options)
    return model.fit(X, Y, batch_size=8, epochs=epochs, callbacks=[run, *more], verbose=0)


def state_of(model):
    found = [*model.variables, *model.optimizer.variables]
    return [variable.numpy().tobytes() for variable in found]


def test_a_run_that_has_ended_is_as_it_ended(tmp_path):
    optimizer = {"optimizer": polynet.optimizers.SGD(0.01, use_ema=True)}
    first = make(**optimizer)
    history = fit(first, tmp_path, 2)
    again = make(optimizer=polynet.optimizers.SGD(0.01, use_ema=True))
    other = fit(again, tmp_path, 2)
    assert other.history == history.history
    assert other.epoch == history.epoch == [0, 1]
    assert state_of(again) == state_of(first)


def test_more_epochs_later(tmp_path):
    polynet.utils.set_random_seed(1)
    whole = fit(make(), tmp_path / "whole", 4)
    polynet.utils.set_random_seed(1)
    fit(make(), tmp_path / "parts", 2)
    polynet.utils.set_random_seed(1)
    parts = fit(make(), tmp_path / "parts", 4)
    assert parts.history == whole.history


def test_a_run_that_stopped_early_stays_stopped(tmp_path):
    def stopping():
        return callbacks.EarlyStopping("loss", patience=1, mode="max", restore_best_weights=True)

    first, one = make(), stopping()
    history = fit(first, tmp_path, 9, one)
    assert len(history.epoch) < 9
    second, other = make(), stopping()
    again = fit(second, tmp_path, 9, other)
    assert again.history == history.history
    assert (other.best, other.stopped_epoch, other.wait) == (one.best, one.stopped_epoch, one.wait)
    assert state_of(first) == state_of(second)


def test_the_order_of_callbacks_does_not_matter():
    run, stop = polynet.Checkpointer("x"), callbacks.EarlyStopping("loss")
    told = callbacks.CallbackList([run, stop], add_history=True)
    assert told.callbacks[-1] is run
    told.append(callbacks.TerminateOnNaN())
    assert told.callbacks[-1] is run


class Counting(callbacks.Callback):
    saved_attributes = ("count", "seen")

    def __init__(self):
        super().__init__()
        self.count, self.seen, self.limit = 0, {}, 7

    def on_epoch_end(self, epoch, logs=None):
        self.count += 1
        self.seen[epoch] = (np.float32(epoch), None, [float("inf")], np.arange(epoch))


class CountingMore(Counting):
    saved_attributes = ("more",)
    more = "text"


def test_what_callbacks_remember(tmp_path):
    fit(make(), tmp_path, 2, Counting(), CountingMore(), Counting())
    found = [CountingMore(), Counting(), Counting()]
    found[0].limit = 9
    fit(make(), tmp_path, 3, *found)
    for each in found:
        assert each.count == 3
        assert list(each.seen) == [0, 1, 2]
        number, nothing, infinite, array = each.seen[1]
        assert number == 1
        assert type(number) is np.float32
        assert nothing is None
        assert infinite == [float("inf")]
        assert array.dtype == np.arange(1).dtype
        assert array.tolist() == [0]
    assert found[0].limit == 9  # it is no state


def test_what_a_callback_cannot_save(tmp_path):
    class Odd(callbacks.Callback):
        saved_attributes = ("what",)
        what = object()

    with pytest.raises(
        TypeError, match=r"'Odd'\]\['what'\]: expected numbers, strings.*got object"
    ):
        fit(make(), tmp_path, 1, Odd())


def test_a_state_sets_no_other_attributes():
    counting = Counting()
    counting.set_state({"count": 3, "set_model": 1, "__class__": int})
    assert (counting.count, callable(counting.set_model)) == (3, True)


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, -(2**63), 1.5, float("inf"), "text", [1, [2]], (1, (2,)), {"a": {1: 2.0}}),
        *({}, [], (), {None: None}, {"dict": [], "tuple": ()}),
    ],
)
def test_plain_data_come_back(value):
    data, arrays = plain.to_data(value, "x")
    found = plain.from_data(json.loads(json.dumps(data)), arrays, "x")
    assert repr(found) == repr(value)


def test_not_plain():
    for value, kind, words in [
        ({(1, 2): 3}, TypeError, "expected keys that are strings or numbers; got a tuple"),
        (2**64, ValueError, "at most 64 bits"),
        ([{1, 2}], TypeError, r"x\[0\]: expected numbers.*got set"),
    ]:
        with pytest.raises(kind, match=words):
            plain.to_data(value, "x")
    for data in [{"array": ["0", "float32"]}, {"x": 1}, {"float": "1"}, {"dict": [[1]]}, {}]:
        with pytest.raises(errors.FileError, match="expected plain data"):
            plain.from_data(data, {}, "x")


# ------------------------------------------------------------------------------------------ files


def test_the_newest_files_are_kept_and_no_other_is_touched(tmp_path):
    (tmp_path / "checkpoint-000001.state").write_text("somebody else's")
    (tmp_path / "checkpoint-2.state").write_text("of another name")
    (tmp_path / "notes.txt").write_text("mine")
    make().save(tmp_path / "m.polynet")
    (tmp_path / "m.polynet").rename(tmp_path / "checkpoint-000003.state")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.warns(UserWarning, match="is not used"):
        fit(make(), tmp_path, 6, keep=2)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == [
        "checkpoint-000008.state",
        "checkpoint-000009.state",
    ]


def test_what_a_kill_left_behind_is_removed(tmp_path):
    ours = tmp_path / ".checkpoint-000007.state.0123456789abcdef.tmp"
    others = tmp_path / ".m.polynet.0123456789abcdef.tmp"
    ours.write_text("half")
    others.write_text("half")
    fit(make(), tmp_path)
    assert not ours.exists()
    assert others.exists()


def test_every_damage_is_seen(tmp_path):
    """Bits that flip and files cut short: the state before is taken, with a warning."""
    model = make()
    fit(model, tmp_path, 2)
    older, newest = sorted(tmp_path.iterdir())
    whole = newest.read_bytes()
    rng = random.Random(3)
    fresh = make()
    run = polynet.Checkpointer(tmp_path)
    for number in range(2000 if FUZZ else 60):
        data = bytearray(whole)
        if number % 3:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        else:
            del data[rng.randrange(len(data)) :]
        newest.write_bytes(data)
        with pytest.warns(UserWarning, match=r"000002\.state is not used"):
            assert run.restore(fresh)["epoch"] == 1
    older.unlink()
    before = state_of(fresh)
    with pytest.warns(UserWarning, match=r"000002\.state is not used"):
        assert run.restore(fresh) is None
    assert state_of(fresh) == before
    newest.write_bytes(whole)
    assert run.restore(fresh)["epoch"] == 2
    assert state_of(fresh) == state_of(model)


def test_another_model_is_refused_and_the_files_stay(tmp_path):
    fit(make(), tmp_path, 1)
    before = [path.read_bytes() for path in tmp_path.iterdir()]
    for model, words in [
        (make(units=3), "'dense/kernel' has shape"),
        (make(optimizer="sgd"), "optimizer.safetensors"),
        (make(metrics=["mae"]), "metrics.safetensors"),
    ]:
        found = [variable.numpy().tobytes() for variable in model.variables]
        with pytest.raises(
            errors.FileError, match=f"Checkpointer: .*{words}.*another model or other"
        ):
            fit(model, tmp_path, 2)
        assert [variable.numpy().tobytes() for variable in model.variables] == found
    assert [path.read_bytes() for path in tmp_path.iterdir()] == before


def test_by_hand(tmp_path):
    """A loop of one's own, with an optimizer that compile does not know."""

    def loop(steps, stop=None):
        polynet.utils.set_random_seed(5)
        model = polynet.Sequential([polynet.Input((5,)), layers.Dropout(0.5), layers.Dense(1)])
        optimizer = polynet.optimizers.Adam(0.1)
        y = polynet.ops.convert_to_tensor(Y)
        run = polynet.Checkpointer(tmp_path, keep=1)
        state = run.restore(model, optimizer=optimizer) or {"step": 0}
        for step in range(state["step"], steps):
            if step == stop:
                return None

            def loss():
                return polynet.ops.mean((model(X, training=True) - y) ** 2)

            _, gradients = polynet.value_and_grad(loss, variables=model.trainable_variables)()
            optimizer.apply(gradients, model.trainable_variables)
            run.save(model, {"step": step + 1}, optimizer=optimizer)
        return [v.numpy().tobytes() for v in [*model.variables, *optimizer.variables]]

    whole = loop(6)
    assert os.listdir(tmp_path) == ["checkpoint-000006.state"]
    os.unlink(tmp_path / "checkpoint-000006.state")
    assert loop(6, stop=4) is None
    assert loop(6) == whole


@pytest.mark.parametrize(
    "states",
    [
        *(None, {}, {"python": 3}, {"python": (3, [1], None)}, {"python": (3, np.ones(9), None)}),
        {"python": (3, np.ones(625, "uint32"), None), "defaults": (2**40, np.ones(2), 1.5)},
    ],
)
def test_states_of_random_generators_that_make_no_sense(states, tmp_path, monkeypatch):
    model = make()
    run = polynet.Checkpointer(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(progress.seed_generator, "host_states", lambda: states)
        run.save(model)
    before, drawn = state_of(model), random.getstate()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    changed = state_of(model)
    with pytest.raises(errors.FileError, match=r"state\.json: random: "):
        run.restore(model)
    assert state_of(model) == changed != before
    assert random.getstate() == drawn


def test_by_hand_and_in_fit_are_not_mixed_up(tmp_path):
    polynet.Checkpointer(tmp_path).save(make())
    assert polynet.Checkpointer(tmp_path).restore(make()) == {}
    with pytest.raises(errors.FileError, match="was saved by save, not by fit"):
        fit(make(), tmp_path)
    unbuilt = polynet.Sequential([layers.Dense(1)])
    with pytest.raises(ValueError, match="has no weights yet"):
        polynet.Checkpointer(tmp_path).restore(unbuilt)
    assert polynet.Checkpointer(tmp_path / "none").restore(unbuilt) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"directory": ""}, "directory: expected a directory; got an empty path"),
        ({"keep": 0}, "keep: expected an integer of 1 or more; got 0"),
        ({"save_freq": 0}, "save_freq: expected 'epoch' or a positive number"),
        ({"on_error": "ignore"}, "on_error: expected 'raise' or 'warn'; got 'ignore'"),
    ],
)
def test_arguments(arguments, words):
    with pytest.raises(ValueError, match=f"Checkpointer: {words}"):
        polynet.Checkpointer(**{"directory": "x", **arguments})


# ------------------------------------------------------------------------------------------ when writing fails


def saver(which, folder, on_error):
    if which == "ModelCheckpoint":
        return callbacks.ModelCheckpoint(folder / "m.polynet", on_error=on_error)
    return getattr(callbacks, which)(folder, on_error=on_error)


@pytest.mark.parametrize("which", ["Checkpointer", "BackupAndRestore", "ModelCheckpoint"])
def test_a_full_disk(which, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(container.os, "write", full)
        model = make()
        with pytest.raises(
            OSError, match=r"No space left on device; the file takes \d+ bytes"
        ) as caught:
            model.fit(X, Y, epochs=3, callbacks=[saver(which, tmp_path, "raise")], verbose=0)
        assert str(tmp_path) in str(caught.value)
        assert int(model.optimizer.iterations) == 2  # training stopped after the first epoch
        with pytest.warns(UserWarning, match=f"{which}: .*No space left.*Training goes on"):
            history = make().fit(
                X, Y, epochs=3, callbacks=[saver(which, tmp_path, "warn")], verbose=0
            )
        assert len(history.epoch) == 3
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_may_not_be_written(tmp_path):
    os.chmod(tmp_path, 0o500)
    with pytest.raises(PermissionError, match="saving needs a directory that may be written"):
        fit(make(), tmp_path)


def test_the_directory_is_a_file(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(FileExistsError, match="run"):
        fit(make(), tmp_path / "run")
    assert (tmp_path / "run").read_text() == "mine"


# ------------------------------------------------------------------------------------------ data of every kind


class Changing(polynet.utils.PyDataset):
    """Changes its own order between epochs, as people write it, and adds noise of NumPy's generator."""

    def __init__(self):
        super().__init__()
        self.order = np.arange(40)

    def __len__(self):
        return 5

    def __getitem__(self, number):
        rows = self.order[number * 8 : number * 8 + 8]
        return X[rows] + np.random.normal(size=(8, 5)) / 10, Y[rows]

    def on_epoch_end(self):
        np.random.shuffle(self.order)


def batches(count=None):
    rng = np.random.default_rng(3)
    while count is None or count > 0:
        rows = rng.integers(0, 40, 8)
        yield X[rows], Y[rows]
        count = None if count is None else count - 1


class Again:
    def __iter__(self):
        return batches(4)


KINDS = {
    "arrays": lambda: {"x": X, "y": Y, "batch_size": 8},
    "whole batches": lambda: {"x": X, "y": Y, "batch_size": 8, "shuffle": "batch"},
    "fewer steps": lambda: {"x": X, "y": Y, "batch_size": 8, "steps_per_epoch": 3},
    "a dataset": lambda: {"x": Changing()},
    "a dataset in order": lambda: {"x": Changing(), "shuffle": False},
    "what can be read again": lambda: {"x": Again()},
    "a generator": lambda: {"x": batches(), "steps_per_epoch": 3},
    "a generator that ends": lambda: {"x": batches(7), "steps_per_epoch": 3},
    "validation that goes on": lambda: {
        **{"x": X, "y": Y, "batch_size": 8, "validation_freq": 2},
        **{"validation_data": batches(), "validation_steps": 2},
    },
}


@pytest.mark.filterwarnings("ignore:fit. the data")
@pytest.mark.parametrize("kind", KINDS)
def test_data_go_on_where_they_were(kind, tmp_path):
    def program(folder, stop=None):
        polynet.utils.set_random_seed(3)
        model = make()
        told = [polynet.Checkpointer(folder, save_freq=2)]
        if stop is not None:
            told.append(Stop(stop))
        history = model.fit(**KINDS[kind](), epochs=4, callbacks=told, verbose=0)
        return history.history, state_of(model)

    whole = program(tmp_path / "whole")
    for stop in (3, 2, 4):
        with pytest.raises(KeyboardInterrupt):
            program(tmp_path / "parts", stop)
    assert program(tmp_path / "parts") == whole


def test_logs_of_one_batch_survive(tmp_path):
    """A train_step that returns its own logs, saved after the last batch of an epoch."""

    class Own(polynet.Sequential):
        def train_step(self, data):
            logs = super().train_step(data)
            return {**logs, "twice": logs["loss"] * 2}

    def program(folder, stop=None):
        polynet.utils.set_random_seed(3)
        model = Own([polynet.Input((5,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        told = [polynet.Checkpointer(folder, save_freq=5)]
        if stop is not None:
            told.append(Fail(stop))
        return model.fit(
            X, Y, batch_size=8, epochs=2, validation_data=(X, Y), callbacks=told, verbose=0
        ).history

    class Fail(callbacks.Callback):
        def __init__(self, after):
            super().__init__()

        def on_test_begin(self, logs=None):
            raise KeyboardInterrupt

    whole = program(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        program(tmp_path / "parts", 1)
    assert program(tmp_path / "parts") == whole
    assert "twice" in whole
