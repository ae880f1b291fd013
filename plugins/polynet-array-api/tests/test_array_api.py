"""What is particular to this plugin; what a backend must compute is the business of polynet's conformance suite."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import array_api_strict
import numpy as np
import pytest
from polynet_array_api.backend import ArrayApiBackend

import polynet
from polynet import layers, ops, plugins

ROOT = Path(__file__).parents[1]
SOURCES = [path for path in sorted(ROOT.rglob("*.py")) if path.parent != Path(__file__).parent]


@pytest.fixture
def strict():
    with polynet.use_backend("array-api-strict"):
        yield plugins.get("array-api-strict")


def model():
    return polynet.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.1),
            layers.Dense(2),
        ]
    )


def images():
    x = np.random.default_rng(0).normal(size=(64, 8, 8, 1)).astype("float32")
    return x, (x.mean((1, 2, 3)) > 0).astype("int32")


def trained(backend):
    """The losses and the predictions of a model that is trained for some epochs, dropout and shuffling on."""
    with polynet.use_backend(backend):
        polynet.utils.set_random_seed(1)
        x, y = images()
        made = model()
        loss = polynet.losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile(polynet.optimizers.Adam(0.01), loss, metrics=["accuracy"])
        history = made.fit(x, y, batch_size=16, epochs=4, verbose=0).history
        return history["loss"], np.asarray(made.predict(x, verbose=0))


def test_a_model_learns_and_just_as_with_numpy():
    losses, predictions = trained("array-api-strict")
    others, expected = trained("numpy")
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(losses, others, rtol=1e-4)
    np.testing.assert_allclose(predictions, expected, rtol=1e-3, atol=1e-3)


def test_a_model_of_sequences_learns(strict):
    x = np.random.default_rng(0).integers(0, 20, (32, 6))
    words = polynet.Input((6,), dtype="int32")
    states = layers.LSTM(8, return_sequences=True)(layers.Embedding(20, 8)(words))
    states = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(states, states))
    made = polynet.Model(words, layers.Dense(1)(layers.GRU(4)(states)))
    made.compile("adam", "mse")
    losses = made.fit(x, x.mean(1, keepdims=True) / 20, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_a_saved_model_is_the_same_again(strict, tmp_path):
    x, _ = images()
    made = model()
    expected = made.predict(x, verbose=0)
    made.save(tmp_path / "model.polynet")
    again = polynet.models.load_model(tmp_path / "model.polynet")
    np.testing.assert_array_equal(np.asarray(again.predict(x, verbose=0)), np.asarray(expected))
    with polynet.use_backend("numpy"):
        other = polynet.models.load_model(tmp_path / "model.polynet").predict(x, verbose=0)
    np.testing.assert_allclose(np.asarray(other), np.asarray(expected), rtol=1e-5, atol=1e-5)


def test_tensors_are_the_librarys_own(strict):
    x = ops.softmax([1.0, 2.0])
    assert type(x) is type(array_api_strict.asarray(0)) and x.dtype == array_api_strict.float32


def test_a_0d_array_read_as_another_dtype(strict):
    bits = ops.view(ops.convert_to_tensor(1.0), "int32")
    assert bits.shape == () and int(bits) == 0x3F800000


def test_operators_with_variables(strict):
    x, v = (
        array_api_strict.asarray([1.0, 2.0], dtype=array_api_strict.float32),
        polynet.Variable(3.0),
    )
    assert np.asarray(x * v).tolist() == np.asarray(v * x).tolist() == [3.0, 6.0]
    assert np.asarray(x - v).tolist() == [-2.0, -1.0]
    assert np.asarray(x < v).all()
    with pytest.raises(TypeError):
        x + "what the library refuses"


class Aloof(ArrayApiBackend):
    """A backend whose tensors never reach the host."""

    def to_numpy(self, x):
        raise RuntimeError("to the host")


def test_what_goes_by_way_of_the_host():
    x = np.random.default_rng(0).normal(size=(5, 5)).astype("float32")
    backend = Aloof(array_api_strict)
    backend.name = "aloof"
    with plugins.using(backend):
        y = ops.convert_to_tensor(x)
        ops.conv(ops.reshape(y, (1, 5, 5, 1)), np.ones((2, 2, 1, 1), "float32"))
        ops.segment_sum(y, [0, 1, 1, 0, 2], 3)
        ops.take(ops.sort(y), [4, 0], axis=1)
        ops.svd(y), ops.eig(y), ops.lu_factor(y), ops.det(y), ops.erfinv(y / 9), ops.rfft(y)
        with pytest.raises(RuntimeError, match="to the host"):
            ops.view(y, "int32")


def test_any_library_of_the_standard():
    """NumPy is one; so is what README shows."""
    example = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    scope: dict = {}
    exec(example, scope)
    backend = scope["polynet_backend"]()
    backend.name = "another"
    with plugins.using(backend):
        made = polynet.Sequential([layers.Dense(3), layers.Dense(1)])
        made.compile("sgd", "mse")
        history = made.fit(np.ones((8, 2)), np.zeros((8, 1)), epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_bits_that_meet_at_one_place(strict):
    """Updates of one element are combined as often as they come, in any number and order."""
    rng = np.random.default_rng(1)
    places, updates = rng.integers(0, 7, 300), rng.integers(1, 9, 300).astype("float64")
    for name, ufunc in (("add", np.add), ("max", np.maximum), ("min", np.minimum)):
        expected = np.full(9, 4.0)
        ufunc.at(expected, places, updates)
        x = ops.full((9,), 4.0, "float64")
        from polynet.ops.primitives import HOLE, index_update

        found = index_update(x, [ops.convert_to_tensor(places)], updates, (HOLE,), name)
        np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.parent.name + "/" + path.name)
def test_only_public_names_of_polynet(path):
    """And no array library but NumPy, except in the modules that are about one."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            assert not re.search(r"(^|\.)_(?!_)", name), name
            known = {"polynet", "polynet_array_api", "numpy", *sys.stdlib_module_names}
            if path.parent.name == "polynet_array_api":
                assert name.partition(".")[0] in known, name


def test_it_is_found_and_nothing_is_imported_to_list_it():
    code = (
        "import sys, polynet; assert {'array-api-strict', 'cupy'} <= set(polynet.list_backends());"
        "polynet.plugins.info('array-api-strict'), polynet.plugins.info('cupy');"
        "sys.exit('array_api_strict' in sys.modules or 'cupy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
