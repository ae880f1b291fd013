"""Files of Keras: what Keras 3.15 wrote is read, with its numbers, and what is written is arranged as Keras reads it.

``tests/oracle/write_keras_files.py`` wrote tests/data/keras; beside Keras itself, every layer goes both ways in
tests/oracle/test_files_beside_keras.py.  Files made to do harm are in test_hostile_keras_files.py.
"""

import errno
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

import polynet
from polynet import errors, layers, ops, tree
from polynet.saving import container, hdf5
from polynet.saving.keras_names import variables_by_place

FOLDER = Path(__file__).parent / "data" / "keras"
EXPECTED = np.load(FOLDER / "expected.npz")


@polynet.saving.register_serializable("tests")
class Tower(polynet.Model):
    """The class of the same name in tests/oracle/write_keras_files.py."""

    def __init__(self, width=4, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.blocks = [
            layers.Dense(width, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(width),
        ]
        self.heads = {"b": layers.Dense(1), "a": [layers.Dense(2), [layers.Dense(3)]]}
        self._last = layers.Dense(1)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        x = self.heads["a"][1][0](self.heads["a"][0](self.heads["b"](x * self.scale)))
        return self._last(x)


NAMES = sorted(path.stem for path in FOLDER.glob("*.keras"))
COMPILED = ["averages", "stack"]


def inputs_of(name):
    found = [EXPECTED[key] for key in EXPECTED if key.startswith(f"{name}/x")]
    return dict(zip("ab", found, strict=True)) if name == "graph" else found[0]


def outputs_of(name):
    return [EXPECTED[key] for key in EXPECTED if key.startswith(f"{name}/y")]


def computed(model, name):
    outputs = tree.flatten(model(inputs_of(name), training=False))
    return [np.asarray(ops.convert_to_numpy(ops.cast(y, "float32"))) for y in outputs]


def assert_as_keras(model, name):
    expected = outputs_of(name)
    assert expected
    # half: bfloat16 is rounded to three digits, here and there
    tolerance = 2e-2 if name == "half" else 1e-5
    for got, wanted in zip(computed(model, name), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=tolerance, rtol=tolerance)


def values(model):
    found = {name: v.numpy() for name, v in variables_by_place(model).items()}
    if model.optimizer is not None:
        found |= {f"optimizer/{n}": v.numpy() for n, v in enumerate(model.optimizer.variables)}
    return found


def assert_same(one, other):
    assert list(one) == list(other)
    for name, value in one.items():
        assert value.dtype == other[name].dtype, name
        assert value.tobytes() == other[name].tobytes(), name


# ------------------------------------------------------------------------------------------ whole models


@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_keras(name):
    assert_as_keras(polynet.load_model(FOLDER / f"{name}.keras"), name)


@pytest.mark.parametrize("name", NAMES)
def test_there_and_back(name, tmp_path):
    model = polynet.load_model(FOLDER / f"{name}.keras")
    model.save(tmp_path / "m.keras")
    again = polynet.load_model(tmp_path / "m.keras")
    assert type(again) is type(model)
    assert_same(values(model), values(again))
    for one, other in zip(computed(model, name), computed(again, name), strict=True):
        assert np.array_equal(one, other)
    model.save(tmp_path / "m.polynet")
    assert_same(values(model), values(polynet.load_model(tmp_path / "m.polynet")))


@pytest.mark.parametrize("name", COMPILED)
def test_training_goes_on_where_keras_stopped(name, tmp_path):
    model = polynet.load_model(FOLDER / f"{name}.keras")
    state = [EXPECTED[key] for key in EXPECTED if key.startswith(f"{name}/o")]
    assert len(state) == len(model.optimizer.variables) > 5
    for variable, wanted in zip(model.optimizer.variables, state, strict=True):
        assert np.array_equal(variable.numpy(), wanted), variable.path
    model.save(tmp_path / "m.keras")
    again = polynet.load_model(tmp_path / "m.keras")
    x = inputs_of(name)
    y = np.eye(3, dtype="float32") if name == "stack" else np.ones((3, 2), "float32")
    one, other = (each.fit(x, y, shuffle=False, verbose=0) for each in (model, again))
    assert one.history.keys() == other.history.keys()
    assert "loss" in one.history
    expected = {"stack": {"accuracy", "area"}, "averages": {"mae"}}[name]
    assert expected < set(one.history)
    # dropout draws anew
    if name == "averages":
        assert_same(values(model), values(again))


def test_what_compile_was_given():
    model = polynet.load_model(FOLDER / "stack.keras")
    assert isinstance(model.optimizer, polynet.optimizers.Adam)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert model.loss.label_smoothing == 0.1
    assert not polynet.load_model(FOLDER / "stack.keras", compile=False).compiled
    wrapped = polynet.load_model(FOLDER / "averages.keras").optimizer
    assert isinstance(wrapped, polynet.optimizers.LossScaleOptimizer)
    assert wrapped.inner_optimizer.momentum == 0.9


def test_the_structure_of_a_graph():
    model = polynet.load_model(FOLDER / "graph.keras")
    assert sorted(model.input) == ["a", "b"]
    assert sorted(model.output) == ["again", "both", "head", "list", "other", "part"]
    assert len([layer for layer in model.layers if layer.name == "shared"]) == 1
    assert model.get_layer("shared").activation is polynet.activations.tanh


def test_layers_keep_their_arguments():
    model = polynet.load_model(FOLDER / "stack.keras")
    first, _, drop, last = model.layers
    assert float(first.kernel_regularizer.l2) == pytest.approx(0.01)
    assert drop.rate == 0.4
    assert isinstance(last.kernel_constraint, polynet.constraints.MaxNorm)
    assert polynet.load_model(FOLDER / "half.keras").layers[0].kernel.dtype == "bfloat16"


# ------------------------------------------------------------------------------------------ weights


def made(name):
    """A model of the same structure with other weights."""
    if name == "tower":
        model = Tower(4)
        model(np.zeros((2, 6), "float32"))
    else:
        model = polynet.models.clone_model(polynet.load_model(FOLDER / f"{name}.keras"))
    return model


WEIGHTS = sorted(path.name.split(".")[0] for path in FOLDER.glob("*.weights.h5"))


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_weights_of_keras(name, ending):
    model = made(name)
    assert model.load_weights(FOLDER / f"{name}{ending}") == ([], [], [])
    assert_as_keras(model, name)


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_there_and_back(name, tmp_path):
    model, other = made(name), made(name)
    model.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(tmp_path / "w.weights.h5")
    assert_same(values(model), values(other))


def test_what_does_not_fit(tmp_path):
    def stack(*units):
        return polynet.Sequential([polynet.Input((3,)), *map(layers.Dense, units)])

    stack(2, 4).save_weights(tmp_path / "w.weights.h5")
    model = stack(2, 5)
    before = values(model)
    with pytest.raises(errors.FileError, match=r"'layers/dense_1/vars/0' has shape \(2, 4\)"):
        model.load_weights(tmp_path / "w.weights.h5")
    with pytest.raises(errors.FileError, match="not in the file: 'layers/dense_2/vars/0'"):
        stack(2, 4, 1).load_weights(tmp_path / "w.weights.h5")
    with pytest.raises(errors.FileError, match="not in the model: 'layers/dense_1/vars/0'"):
        stack(2).load_weights(tmp_path / "w.weights.h5")
    assert_same(before, values(model))
    with pytest.warns(UserWarning, match="layers/dense_1/vars/0"):
        found = model.load_weights(tmp_path / "w.weights.h5", skip_mismatch=True)
    assert found.mismatched == ["layers/dense_1/vars/0", "layers/dense_1/vars/1"]
    assert stack(2).load_weights(tmp_path / "w.weights.h5", strict=False).extra == [
        "layers/dense_1/vars/0",
        "layers/dense_1/vars/1",
    ]


def test_every_bit_of_the_values_counts(tmp_path):
    model = polynet.Sequential([polynet.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.save_weights(tmp_path / "w.weights.h5")
    model.load_weights(tmp_path / "w.weights.h5")
    before, whole = values(model), (tmp_path / "w.weights.h5").read_bytes()
    with container.reading(str(tmp_path / "w.weights.h5")) as file:
        stored = hdf5.Arrays(file, 0, file.size, "w.weights.h5").tensors
    for name in before:
        place = stored[name].start + stored[name].size - 1
        data = bytearray(whole)
        data[place] ^= 1
        (tmp_path / "x.weights.h5").write_bytes(data)
        with pytest.raises(errors.FileError, match="sha256 of the values is not the one"):
            model.load_weights(tmp_path / "x.weights.h5")
    assert_same(before, values(model))
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "w.weights.h5") as file:
        assert len(file.attrs["polynet.sha256"]) == 64


def test_checkpoints(tmp_path):
    model = polynet.Sequential([polynet.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    whole = polynet.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    only = polynet.callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.weights.h5", save_weights_only=True
    )
    x, y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")
    model.fit(x, y, epochs=2, verbose=0, callbacks=[whole, only])
    assert sorted(os.listdir(tmp_path)) == [
        *("1.keras", "1.weights.h5", "2.keras", "2.weights.h5"),
    ]
    assert_same(values(model), values(polynet.load_model(tmp_path / "2.keras")))
    model.load_weights(tmp_path / "1.weights.h5")
    assert_same(
        {k: v for k, v in values(model).items() if "optimizer" not in k},
        {
            k: v
            for k, v in values(polynet.load_model(tmp_path / "1.keras")).items()
            if "optimizer" not in k
        },
    )


# ------------------------------------------------------------------------------------------ what is written


def test_the_file_is_as_keras_has_it(tmp_path):
    model = polynet.load_model(FOLDER / "graph.keras")
    model.save(tmp_path / "m.keras")
    with (
        zipfile.ZipFile(tmp_path / "m.keras") as file,
        zipfile.ZipFile(FOLDER / "graph.keras") as theirs,
    ):
        assert file.testzip() is None
        assert file.namelist() == theirs.namelist()
        assert [info.compress_type for info in file.infolist()] == [zipfile.ZIP_STORED] * 3
        got, wanted = (json.loads(each.read("config.json")) for each in (file, theirs))
    assert {k: got[k] for k in ("module", "class_name", "registered_name")} == {
        k: wanted[k] for k in ("module", "class_name", "registered_name")
    }
    assert got["config"]["output_layers"].keys() == wanted["config"]["output_layers"].keys()
    assert {(entry["module"], entry["class_name"]) for entry in got["config"]["layers"]} == {
        (entry["module"], entry["class_name"]) for entry in wanted["config"]["layers"]
    }


def test_hdf5_is_what_hdf5_is(tmp_path):
    """HDF5's own library reads every dtype and shape that is written, and many names."""
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    arrays = {f"a/{n}/vars/{m}": rng.normal(size=(n, m)) for n in range(20) for m in range(12)}
    arrays |= {f"many/{n}": np.float32(n) for n in range(600)}
    for dtype in hdf5._TYPES:
        arrays[f"types/{dtype}"] = (rng.normal(size=(2, 3)) * 100).astype(dtype)
        arrays[f"types/{dtype}_empty"] = np.zeros((0, 4), dtype)
    entries = {name: (np.asarray(a), str(np.asarray(a).dtype)) for name, a in arrays.items()}
    bits = np.array([0x3F80, 0x4000], "uint16")
    entries["types/half"] = bits, "bfloat16"
    entries["more/half"] = bits.reshape(2, 1), "bfloat16"
    path = tmp_path / "w.h5"
    path.write_bytes(b"".join(bytes(part) for part in hdf5.as_buffers(entries)))
    with h5py.File(path) as file:
        found = {}
        file.visititems(
            lambda name, thing: (
                found.update({name: np.array(thing)}) if isinstance(thing, h5py.Dataset) else None
            )
        )
        assert file["types/half"].attrs["dtype"] == "bfloat16"
        assert file["more/half"].attrs["dtype"] == "bfloat16"
    assert set(found) == set(entries)
    for name, value in arrays.items():
        assert found[name].dtype == np.asarray(value).dtype, name
        assert np.array_equal(found[name], value), name
    assert found["types/half"].tobytes() == bits.tobytes()
    with container.reading(str(path)) as file:
        again = hdf5.Arrays(file, 0, file.size, "w.h5")
        assert set(again.tensors) == set(entries)
        read = again.read(entries)
    for name, value in arrays.items():
        assert read[name].tobytes() == np.asarray(value).tobytes(), name
    assert again.tensors["more/half"][:2] == ("bfloat16", (2, 1))
    assert np.asarray(read["types/half"], "float32").tolist() == [1.0, 2.0]


@polynet.saving.register_serializable("tests")
def thrice(x):
    return x * 3.0


@polynet.saving.register_serializable("tests")
class Shift(layers.Layer):
    def __init__(self, by, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, x):
        return x + self.by


def test_classes_and_functions_of_the_caller(tmp_path):
    model = polynet.Sequential(
        [polynet.Input((2,)), Shift(2.0), layers.Lambda(thrice), layers.Dense(1, thrice)]
    )
    model.save(tmp_path / "m.keras")
    again = polynet.load_model(tmp_path / "m.keras")
    assert type(again.layers[0]) is Shift
    assert again.layers[1].function is again.layers[2].activation is thrice
    assert np.array_equal(again(np.ones((1, 2), "f4")), model(np.ones((1, 2), "f4")))


def test_a_class_that_is_handed_in(tmp_path):
    class Mine(layers.Dense):
        pass

    polynet.Sequential([polynet.Input((2,)), Mine(2)]).save(tmp_path / "m.keras")
    with pytest.raises(
        errors.FileError, match=r"unknown class 'Mine'. Modules are never imported. Hand it in"
    ):
        polynet.load_model(tmp_path / "m.keras")
    loaded = polynet.load_model(tmp_path / "m.keras", custom_objects={"Mine": Mine})
    assert type(loaded.layers[0]) is Mine


def of_ops():
    x = polynet.Input((4, 6))
    y = ops.einsum("abc,cd->abd", x, np.ones((6, 2), "f4"))
    parts = ops.split(x[:, 1:3, ::-1], 2, axis=2)
    z = ops.where(
        x > 0, x**2 / 3 - 1, ops.pad(x[..., None], [[0, 0], [0, 0], [0, 0], [0, 0]])[..., 0]
    )
    return polynet.Model(
        x, [y, *parts, z, ops.cast(-abs(x), "float16"), ops.stack([x, x[:, ::-1]], axis=1), x[:, 0]]
    )


def test_ops_there_and_back(tmp_path):
    model = of_ops()
    model.save(tmp_path / "m.keras")
    again = polynet.load_model(tmp_path / "m.keras")
    x = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    for one, other in zip(model(x), again(x), strict=True):
        assert np.array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


def test_what_keras_has_not(tmp_path):
    x = polynet.Input((4,))
    for model, error, text in [
        (
            polynet.Sequential([polynet.Input((3, 2)), layers.Masking(float("nan"))]),
            ValueError,
            "no float like 'nan'|infinite numbers and NaN",
        ),
        (
            polynet.Model(x, x[:, np.array([0, 1])]),
            ValueError,
            "hold no indexing by tensors",
        ),
        (
            polynet.Sequential([polynet.Input((2,)), layers.Lambda(lambda x: x)]),
            ValueError,
            "the function '<lambda>' cannot be saved",
        ),
    ]:
        with pytest.raises(error, match=text):
            model.save(tmp_path / "m.keras")
    assert not os.listdir(tmp_path)


# ------------------------------------------------------------------------------------------ writing whole


@pytest.mark.parametrize("call", ["open", "write", "fsync", "replace", "close"])
@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
def test_what_the_system_refuses(call, ending, tmp_path, monkeypatch):
    path = tmp_path / f"m.{ending}"
    model = polynet.Sequential([polynet.Input((3,)), layers.Dense(2)])
    save = model.save if ending == "keras" else model.save_weights
    save(path)
    before = path.read_bytes()
    genuine = getattr(os, call)

    def refuse(*args, **kwargs):
        if call == "close":
            genuine(*args)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(container.os, call, refuse)
        with pytest.raises(OSError, match=r"cannot save: No space left on device; the file takes"):
            save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]
    with pytest.raises(FileExistsError, match="overwrite=False"):
        save(path, overwrite=False)


@pytest.mark.parametrize("name", ["graph", "series", "stack", "tower"])
def test_descriptions_as_text(name):
    with zipfile.ZipFile(FOLDER / f"{name}.keras") as file:
        text = file.read("config.json").decode()
    model = polynet.models.model_from_json(text)
    if name == "tower":
        model(inputs_of(name))
    model.load_weights(FOLDER / f"{name}.keras")
    assert_as_keras(model, name)
