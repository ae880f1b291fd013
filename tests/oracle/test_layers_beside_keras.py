"""Every row about layers in Keras: what the suite has stored is what Keras gives, and polynet gives the same."""

import keras
import numpy as np
import pytest
from golden_rows import by_keras, prepared_by_keras

from polynet import plugins
from polynet.conformance import layers, stored
from polynet.conformance.layers.checks import Trial

pytestmark = pytest.mark.filterwarnings("ignore")  # Keras warns of masks that end, and of NumPy


def pytest_generate_tests(metafunc):
    if "row" in metafunc.fixturenames:
        found = [
            (family, row)
            for family in layers.FAMILIES
            for row in layers.table(family).ROWS
            if not row.draws
        ]
        metafunc.parametrize(("family", "row"), found, ids=[row.id for _, row in found])


def test_golden_is_what_keras_gives(family, row):
    kept, now = stored.golden(f"layers_{family}")[row.id], by_keras(row)
    for key in ("weights", "shapes", "mask", "symbolic", "dtypes"):
        assert kept[key] == now[key], key
    for key in ("values", "after"):
        for one, other in zip(kept[key], now[key], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


def test_polynet_gives_the_same(family, row):
    layer, args, kwargs = prepared_by_keras(row)
    expected = keras.tree.flatten(layer(*args, **kwargs))
    for mine, theirs in zip(Trial(row, plugins.current(), None).outputs, expected, strict=True):
        theirs = np.asarray(keras.ops.convert_to_numpy(theirs))
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)
