"""Model files and weight files: what comes back is what was saved, and errors say what is wrong."""

import errno
import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import polynet
from polynet import errors, layers, ops
from polynet.saving import container, model_files, progress, weights


@polynet.saving.register_serializable("tests.saving")
class Tower(polynet.Model):
    """A model with a call of its own, layers in a list and a dict, and a bare variable."""

    def __init__(self, width, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.blocks = [layers.Dense(width, activation="relu") for _ in range(depth)]
        self.heads = {"a": layers.Dense(1), "b": layers.Dense(2)}
        self.drop = layers.Dropout(0.3, seed=5)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x)
        x = self.drop(x * self.scale, training=training)
        return ops.concatenate([self.heads["a"](x), self.heads["b"](x)], axis=-1)


@polynet.saving.register_serializable("tests.saving")
def halve(x):
    return x * 0.5


def stack():
    return polynet.Sequential(
        [
            polynet.Input((6,)),
            layers.Dense(8, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.4),
            layers.Activation(halve),
            layers.Dense(3),
        ]
    )


def graph():
    a, b = polynet.Input((6,), name="a"), polynet.Input((6,), name="b")
    shared = layers.Dense(5, activation="tanh", name="shared")
    one, two = shared(a), shared(b)
    joined = ops.concatenate([one, two * 2.0], axis=-1)
    return polynet.Model({"a": a, "b": b}, [layers.Dense(3)(joined), one[:, :2]])


def single_graph():
    x = polynet.Input((6,))
    y = layers.Dense(4)(x)
    return polynet.Model(x, layers.Dense(3)(ops.relu(y) + ops.mean(y, axis=-1, keepdims=True)))


def nested():
    x = polynet.Input((6,))
    inner = polynet.Sequential([layers.Dense(4), layers.LayerNormalization()])
    return polynet.Model(x, layers.Dense(3)(inner(x)))


def tower():
    model = Tower(4)
    model(np.zeros((2, 6), np.float32))
    return model


def recurrent():
    return polynet.Sequential(
        [
            polynet.Input((4, 6)),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.GRU(3),
        ]
    )


MODELS = [stack, single_graph, nested, tower, recurrent]


def data(model, count=12):
    rng = np.random.default_rng(3)
    shape = (count, 4, 6) if model.name.startswith("r") else (count, 6)
    return rng.normal(size=shape).astype("float32"), rng.normal(size=(count, 3)).astype("float32")


def values(model):
    found = {**weights.weights_by_name(model), **weights.seeds_by_name(model)}
    if model.optimizer is not None:
        found |= {f"optimizer/{i}": v for i, v in enumerate(model.optimizer.variables)}
    return {name: v.numpy() for name, v in found.items()}


def assert_same(one, other):
    assert list(one) == list(other)
    for name, value in one.items():
        assert value.dtype == other[name].dtype, name
        assert value.tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_a_model_comes_back(make, tmp_path):
    model = make()
    path = tmp_path / "m.polynet"
    model.save(path)
    for _ in range(2):  # automatic names count up
        loaded = polynet.load_model(path)
        assert type(loaded) is type(model)
        assert_same(values(model), values(loaded))
    x = (
        np.random.default_rng(0)
        .normal(size=(2, 4, 6) if make is recurrent else (2, 6))
        .astype("f4")
    )
    assert np.array_equal(model.predict(x, verbose=0), loaded.predict(x, verbose=0))
    fresh = make()
    assert fresh.load_weights(path) == ([], [], [])
    assert_same(
        values(model), {**values(fresh), **{k: v for k, v in values(model).items() if "seed" in k}}
    )


def test_several_inputs_and_outputs_and_a_shared_layer(tmp_path):
    model = graph()
    model.save(tmp_path / "m.polynet")
    loaded = polynet.load_model(tmp_path / "m.polynet")
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(3, 6)).astype("float32") for name in "ab"}
    for one, other in zip(model.predict(x, verbose=0), loaded.predict(x, verbose=0), strict=True):
        assert np.array_equal(one, other)
    assert len(loaded.weights) == 4


@pytest.mark.parametrize("make", [stack, tower], ids=lambda make: make.__name__)
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: polynet.optimizers.Adam(0.01),
        lambda: polynet.optimizers.SGD(
            polynet.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9
        ),
        lambda: polynet.optimizers.LossScaleOptimizer(polynet.optimizers.RMSprop(0.01)),
        lambda: polynet.optimizers.AdamW(0.01, use_ema=True, gradient_accumulation_steps=2),
    ],
    ids=["adam", "sgd with a schedule", "loss scale", "averages"],
)
def test_training_goes_on_with_the_same_bits(make, optimizer, tmp_path):
    model = make()
    x, y = data(model)
    model.compile(optimizer(), "mse", metrics=["mae", polynet.metrics.MeanSquaredError(name="e")])
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    path = tmp_path / "m.polynet"
    model.save(path)
    loaded = polynet.load_model(path)
    assert_same(values(model), values(loaded))
    assert [m.name for m in loaded.metrics][:1] == ["loss"]
    one = model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    other = loaded.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    assert one.history == other.history
    assert_same(values(model), values(loaded))


def test_a_frozen_layer_stays_frozen(tmp_path):
    model = stack()
    model.layers[0].trainable = False
    model.compile("adam", "mse")
    model.fit(*data(model), verbose=0)
    model.save(tmp_path / "m.polynet")
    loaded = polynet.load_model(tmp_path / "m.polynet")
    assert len(loaded.trainable_variables) == len(model.trainable_variables) == 4
    assert_same(values(model), values(loaded))


def test_without_compile(tmp_path):
    model = stack()
    model.compile("adam", "mse")
    model.fit(*data(model), verbose=0)
    model.save(tmp_path / "m.polynet")
    loaded = polynet.load_model(tmp_path / "m.polynet", compile=False)
    assert not loaded.compiled
    assert polynet.models.load_model(tmp_path / "m.polynet").compiled


def test_a_model_that_is_not_built(tmp_path):
    polynet.Sequential([layers.Dense(2)]).save(tmp_path / "m.polynet")
    loaded = polynet.load_model(tmp_path / "m.polynet")
    assert not loaded.built
    assert loaded(np.zeros((1, 3), "float32")).shape == (1, 2)


def test_built_by_build(tmp_path):
    model = Tower(3)
    model.build((None, 6))
    model.save(tmp_path / "m.polynet")
    assert_same(values(model), values(polynet.load_model(tmp_path / "m.polynet")))


# ------------------------------------------------------------------------------------------ names and files


def test_names_do_not_depend_on_the_process():
    one, other = stack(), stack()
    assert one.layers[0].name != other.layers[0].name
    assert list(weights.weights_by_name(one)) == list(weights.weights_by_name(other))
    assert list(weights.weights_by_name(tower())) == [
        "scale",
        "dense/kernel",
        "dense/bias",
        "dense_1/kernel",
        "dense_1/bias",
        "dense_2/kernel",
        "dense_2/bias",
        "dense_3/kernel",
        "dense_3/bias",
    ]


def test_weights_are_read_by_safetensors_and_from_it(tmp_path):
    model = stack()
    model.save_weights(tmp_path / "w.weights.safetensors")
    read = load_file(tmp_path / "w.weights.safetensors")
    assert {k: v.tolist() for k, v in read.items()} == {
        k: v.numpy().tolist() for k, v in weights.weights_by_name(model).items()
    }
    changed = {k: v + 1 for k, v in read.items()}
    save_file(changed, tmp_path / "other.safetensors")
    model.load_weights(tmp_path / "other.safetensors")
    for name, variable in weights.weights_by_name(model).items():
        assert np.array_equal(variable.numpy(), changed[name])


def test_every_dtype_comes_back(tmp_path):
    rng = np.random.default_rng(0)
    model = polynet.Sequential([layers.Dense(2)])
    model.build((None, 3))
    kept = {}
    for dtype in polynet.dtypes.ALL:
        value = rng.normal(size=(3, 2)) * 100
        try:
            kept[dtype] = polynet.Variable(ops.cast(value, dtype), name=dtype, trainable=False)
        except errors.PolynetError:
            continue
    kept["empty"] = polynet.Variable(np.zeros((0, 3), "int32"), name="empty", trainable=False)
    kept["scalar"] = polynet.Variable(np.float32(3), name="scalar", trainable=False)
    model.layers[0].kept = list(kept.values())
    before = values(model)
    assert len(before) > 8
    model.save_weights(tmp_path / "w.safetensors")
    for variable in kept.values():
        variable.assign(ops.zeros_like(variable.value))
    model.load_weights(tmp_path / "w.safetensors")
    assert_same(before, values(model))


def test_the_file_is_a_zip_of_stored_members(tmp_path):
    model = stack()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.polynet")
    with zipfile.ZipFile(tmp_path / "m.polynet") as file:
        assert file.testzip() is None
        assert [info.compress_type for info in file.infolist()] == [zipfile.ZIP_STORED] * 6
        assert file.namelist() == [*model_files.MEMBERS, "manifest.json"]
        manifest = json.loads(file.read("manifest.json"))
        assert manifest["polynet"] == polynet.__version__
        config = json.loads(file.read("config.json"))
        assert config["class_name"] == "Sequential"


def test_large_members_have_large_sizes():
    """What stands before and behind members of more than 4 GiB, without writing them."""
    near = container.Entry("a", 5 << 30, 0)
    far = container.Entry("b", 7, near.start + near.size)
    assert near.start == 30 + 1 + 20
    lines = near.central() + far.central()
    one, position = container._read_line("f", lines, 0, ("a", "b"))
    other, end = container._read_line("f", lines, position, ("a", "b"))
    assert (one.size, one.offset, other.size, other.offset) == (5 << 30, 0, 7, far.offset)
    assert end == len(lines)


@pytest.mark.parametrize("number", [float("inf"), float("nan"), -float("inf")])
def test_numbers_that_json_has_not(number, tmp_path):
    model = polynet.Sequential([polynet.Input((3, 2)), layers.Masking(number)])
    model.save(tmp_path / "m.polynet")
    again = polynet.load_model(tmp_path / "m.polynet").layers[0].mask_value
    assert repr(again) == repr(number)


# ------------------------------------------------------------------------------------------ what does not fit


def test_all_or_nothing(tmp_path):
    model = stack()
    model.save_weights(tmp_path / "w.safetensors")
    read = load_file(tmp_path / "w.safetensors")
    read["dense_1/bias"] = np.zeros((4,), "float32")
    save_file(read, tmp_path / "w.safetensors")
    other = stack()
    before = values(other)
    with pytest.raises(errors.FileError, match=r"'dense_1/bias' has shape \(4,\) in the file"):
        other.load_weights(tmp_path / "w.safetensors")
    assert_same(before, values(other))
    with pytest.warns(UserWarning, match="dense_1/bias"):
        found = other.load_weights(tmp_path / "w.safetensors", skip_mismatch=True)
    assert found.mismatched == ["dense_1/bias"]
    assert np.array_equal(values(other)["dense_1/kernel"], read["dense_1/kernel"])
    assert np.array_equal(values(other)["dense_1/bias"], before["dense_1/bias"])


def test_what_is_missing_and_what_is_extra(tmp_path):
    model = stack()
    model.save_weights(tmp_path / "w.safetensors")
    read = load_file(tmp_path / "w.safetensors")
    read["more"] = read.pop("dense/bias")
    save_file(read, tmp_path / "w.safetensors")
    with pytest.raises(
        errors.FileError, match="not in the file: 'dense/bias'; 1 of the file are not"
    ):
        model.load_weights(tmp_path / "w.safetensors")
    found = stack().load_weights(tmp_path / "w.safetensors", strict=False)
    assert found == (["dense/bias"], ["more"], [])


def test_precision_of_floats_may_differ_and_nothing_else(tmp_path):
    model = polynet.Sequential([polynet.Input((2,)), layers.Dense(2)])
    for dtype in ("float16", "int32"):
        made = {"dense/kernel": np.ones((2, 2), dtype), "dense/bias": np.ones((2,), dtype)}
        save_file(made, tmp_path / f"{dtype}.safetensors")
    model.load_weights(tmp_path / "float16.safetensors")
    assert model.weights[0].dtype == "float32"
    with pytest.raises(
        errors.FileError, match=r"'dense/kernel' is int32 in the file; the model's is float32"
    ):
        model.load_weights(tmp_path / "int32.safetensors")


def test_a_function_of_no_name_is_refused(tmp_path):
    model = polynet.Sequential([polynet.Input((2,)), layers.Dense(2)])
    model.add(layers.Lambda(lambda x: x * 2, name="double"))
    with pytest.raises(
        ValueError, match=r"Lambda 'double': the function '<lambda>' cannot be saved.*register_ser"
    ):
        model.save(tmp_path / "m.polynet")
    assert not os.listdir(tmp_path)


def test_a_registered_function_in_a_lambda(tmp_path):
    model = polynet.Sequential([polynet.Input((2,)), layers.Lambda(halve), layers.Dense(1)])
    model.save(tmp_path / "m.polynet")
    loaded = polynet.load_model(tmp_path / "m.polynet")
    assert loaded.layers[0].function is halve


def test_a_loss_of_no_name_is_left_out(tmp_path):
    model = stack()
    model.compile("adam", lambda y, p: ops.mean((y - p) ** 2))
    with pytest.warns(UserWarning, match="compile was given is left out.*<lambda>"):
        model.save(tmp_path / "m.polynet")
    assert not polynet.load_model(tmp_path / "m.polynet").compiled


def test_a_class_that_is_handed_in(tmp_path):
    class Mine(layers.Dense):
        pass

    polynet.Sequential([polynet.Input((2,)), Mine(2)]).save(tmp_path / "m.polynet")
    with pytest.raises(
        errors.FileError, match=r"config.json: unknown custom 'Mine'. Hand it in by custom_objects"
    ):
        polynet.load_model(tmp_path / "m.polynet")
    loaded = polynet.load_model(tmp_path / "m.polynet", custom_objects={"Mine": Mine})
    assert type(loaded.layers[0]) is Mine


def test_wrong_arguments(tmp_path):
    model = stack()
    for call, error, text in [
        (
            lambda: model.save(tmp_path / "m.h5"),
            NotImplementedError,
            "Keras's models are '.keras' .* '.polynet' or '.keras' is",
        ),
        (lambda: model.save(tmp_path / "m"), ValueError, "expected a name that ends in '.polynet'"),
        (lambda: model.save(3), TypeError, "int"),
        (lambda: model.save(tmp_path / "m.polynet", zipped=False), ValueError, "zipped"),
        (lambda: model.save(tmp_path / "m.polynet", what=1), TypeError, "unknown arguments"),
        (
            lambda: model.save_weights(tmp_path / "m.h5"),
            NotImplementedError,
            "'.safetensors' or '.weights.h5' is",
        ),
        (
            lambda: model.save_weights(tmp_path / "m.safetensors", max_shard_size=1),
            NotImplementedError,
            "one file",
        ),
        (lambda: polynet.load_model(tmp_path / "m.h5"), NotImplementedError, "Keras"),
        (
            lambda: polynet.load_model(tmp_path / "m.polynet", safe_mode=False),
            ValueError,
            "no unsafe mode",
        ),
        (lambda: polynet.load_model(tmp_path / "no.polynet"), FileNotFoundError, "no.polynet"),
        (
            lambda: Tower(2).save_weights(tmp_path / "m.safetensors"),
            ValueError,
            "has no weights yet",
        ),
        (
            lambda: polynet.saving.save_model(3, tmp_path / "m.polynet"),
            TypeError,
            "expected a model",
        ),
    ]:
        with pytest.raises(error, match=text):
            call()
    assert not os.listdir(tmp_path)


# ------------------------------------------------------------------------------------------ writing whole


def test_overwriting(tmp_path):
    path = tmp_path / "m.polynet"
    stack().save(path)
    os.chmod(path, 0o640)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=False"):
        stack().save(path, overwrite=False)
    assert path.read_bytes() == before
    link = tmp_path / "link.polynet"
    link.symlink_to(path)
    stack().save(link)
    assert link.is_symlink()
    assert path.read_bytes() != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.polynet", "m.polynet"]


def test_the_target_is_a_directory(tmp_path):
    (tmp_path / "m.polynet").mkdir()
    with pytest.raises(IsADirectoryError, match=r"this is a directory.*m\.polynet"):
        stack().save(tmp_path / "m.polynet")
    with pytest.raises(IsADirectoryError, match=r"m\.polynet"):
        polynet.load_model(tmp_path / "m.polynet")


def test_there_is_no_such_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no directory .*none.*make it first"):
        stack().save(tmp_path / "none" / "m.polynet")


FORMATS = {
    "polynet": lambda model, path: model.save(path),
    "safetensors": lambda model, path: model.save_weights(path),
    "keras": lambda model, path: model.save(path),
    "weights.h5": lambda model, path: model.save_weights(path),
    "state": lambda model, path: progress.save_checkpoint(path, model, {"step": 3}),
}


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            errno.ENOSPC,
            r"cannot save: No space left on device; the file takes \d{3,} bytes, \d+ are free",
        ),
        (errno.EROFS, "saving needs a directory that may be written"),
        (errno.EACCES, "saving needs a directory that may be written"),
        (errno.EIO, "it was not written"),
    ],
)
@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "close"])
@pytest.mark.parametrize("ending", FORMATS)
def test_what_the_system_refuses(code, text, call, ending, tmp_path, monkeypatch):
    path = tmp_path / f"m.{ending}"
    model = stack()

    def save(path):
        FORMATS[ending](model, path)

    save(path)
    before = path.read_bytes()
    genuine = getattr(os, call)

    def refuse(*args, **kwargs):
        if call == "close":
            genuine(*args)
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(container.os, call, refuse)
        with pytest.raises(OSError, match=text) as caught:
            save(path)
    assert caught.value.filename == str(path)
    assert "What was there before is unchanged." in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("ending", FORMATS)
def test_killed_at_every_call(ending, tmp_path, monkeypatch):
    """The file is the old one or the new one, whichever call to the system is the last."""
    path = tmp_path / f"m.{ending}"
    old, new = stack(), stack()
    calls = ("open", "write", "lseek", "fsync", "replace", "close")

    def save(model):
        FORMATS[ending](model, path)

    def files_of(model):
        save(model)
        return path.read_bytes()

    expected = {files_of(new), files_of(old)}
    seen = set()
    for last in range(1, 1000):
        count = 0

        def stop(name, genuine, last=last):
            def call(*args, **kwargs):
                nonlocal count
                count += 1
                if count == last and name == "write":  # a part is written
                    genuine(args[0], bytes(args[1])[: len(args[1]) // 2])
                if count >= last:
                    raise Killed
                return genuine(*args, **kwargs)

            return call

        save(old)
        with monkeypatch.context() as patch:
            for name in calls:
                patch.setattr(container.os, name, stop(name, getattr(os, name)))
            patch.setattr(container.os, "unlink", stop("unlink", os.unlink))
            try:
                save(new)
            except Killed:
                pass
            else:
                break
        content = path.read_bytes()
        assert content in expected
        seen.add(content)
        if ending == "state":
            progress.Checkpoint(path)
        elif ending == "keras":
            polynet.load_model(path)
        else:
            stack().load_weights(path)
        for left in tmp_path.glob(".*.tmp"):
            left.unlink()
    assert last > 8
    assert len(seen) == 2, "the new file is in place before the last call"


def test_killed_at_any_time(tmp_path):
    """A process that saves again and again, in three formats, is killed: whole files are there each time."""
    kills = 200 if int(os.environ.get("POLYNET_FUZZ", "0")) >= 20_000 else 5
    program = Path(__file__).with_name("killed_runs.py")
    done = subprocess.run(
        [sys.executable, program, "save", tmp_path, str(kills), "5"],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {"killed": kills, "lost": []}
