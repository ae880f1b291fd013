"""Every row about layers in Keras: what tests/golden holds is what Keras gives, and polynet gives the same.

``python tests/oracle/test_layers_beside_keras.py [family ...]`` writes the golden numbers anew.
"""

import importlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import keras
import numpy as np
import pytest
from keras.src.backend import get_keras_mask, set_keras_mask
from layer_rows import GOLDEN, golden, summary, weight_values

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras warns of masks that end, and of NumPy

FAMILIES = (
    "activation",
    "reshaping",
    "dropout",
    "merging",
    "convolution",
    "pooling",
    "normalization",
    "preprocessing",
    "attention",
    "recurrent",
)


def families():
    for family in FAMILIES:
        if (Path(__file__).parent.parent / f"test_layers_{family}.py").exists():
            yield family


def rows_of(family):
    return importlib.import_module(f"test_layers_{family}").ROWS


def host(x):
    return np.asarray(keras.ops.convert_to_numpy(x))


def prepared(row, **kwargs):
    layer = row.make(keras, **kwargs)
    tensors = [keras.ops.convert_to_tensor(array) for array in row.arrays()]
    for tensor, mask in zip(tensors, row.masks or (), strict=False):
        if mask is not None:
            set_keras_mask(tensor, keras.ops.convert_to_tensor(mask))
    args, kwargs = row.arguments(tensors)
    if not layer.built or not layer.weights:
        layer(*args, **{**kwargs, **({"training": False} if "training" in kwargs else {})})
    layer.set_weights(weight_values(layer))
    if hasattr(layer, "finalize_state"):  # Keras looks at these weights only here
        layer.finalize_state()
    for tensor, mask in zip(tensors, row.masks or (), strict=False):
        if mask is not None:
            set_keras_mask(tensor, keras.ops.convert_to_tensor(mask))
    return layer, args, kwargs


def record(row):
    """What is stored of Keras's answer to a row."""
    layer, args, kwargs = prepared(row)
    outputs = layer(*args, **kwargs)
    leaves = keras.tree.flatten(outputs)
    mask = get_keras_mask(leaves[0])
    dtypes = {}
    symbolic = None
    for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
        kind = "int32" if row.integers else "float32"
        symbols = [keras.Input(batch_shape=shape, dtype=kind) for shape in row.symbolic_shapes()]
        more, named = row.arguments(symbols)
        found = keras.tree.flatten(row.make(keras, dtype=policy)(*more, **named))
        dtypes[policy] = [output.dtype for output in found]
        symbolic = symbolic or [list(output.shape) for output in found]
    return {
        "weights": [list(weight.shape) for weight in layer.weights],
        "shapes": [list(leaf.shape) for leaf in leaves],
        "values": [summary(host(leaf)) for leaf in leaves],
        "mask": None if mask is None else host(mask).astype(int).tolist(),
        "after": [summary(host(w)) for w in layer.weights if not w.trainable],
        "symbolic": symbolic,
        "dtypes": dtypes,
    }


def pytest_generate_tests(metafunc):
    if "row" in metafunc.fixturenames:
        pairs = [(family, row) for family in families() for row in rows_of(family)]
        metafunc.parametrize(("family", "row"), pairs, ids=[row.id for _, row in pairs])


def test_golden_is_what_keras_gives(family, row):
    stored, now = golden(family)[row.id], record(row)
    assert {key: stored[key] for key in ("weights", "shapes", "mask", "symbolic", "dtypes")} == {
        key: now[key] for key in ("weights", "shapes", "mask", "symbolic", "dtypes")
    }
    for key in ("values", "after"):
        for mine, theirs in zip(stored[key], now[key], strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-3)


def test_polynet_gives_the_same(family, row):
    import layer_checks

    layer, args, kwargs = prepared(row)
    expected = keras.tree.flatten(layer(*args, **kwargs))
    layer, args, kwargs = layer_checks.prepared(row)
    for mine, theirs in zip(layer_checks.flat(layer(*args, **kwargs)), expected, strict=True):
        np.testing.assert_allclose(mine, host(theirs), rtol=1e-4, atol=1e-4)


def write(family):
    GOLDEN.mkdir(exist_ok=True)
    found = {}
    for row in rows_of(family):
        if row.id in found:
            raise ValueError(f"two rows have the id {row.id}")
        try:
            found[row.id] = record(row)
        except Exception as error:
            raise RuntimeError(f"Keras fails on {row.id}: {error}") from error
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in found.items())
    (GOLDEN / f"layers_{family}.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    for name in sys.argv[1:] or families():
        write(name)
