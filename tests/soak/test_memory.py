"""Memory that stays flat over many steps and many models.  Takes minutes, so `tox` leaves it out: `tox -e soak`.

``POLYNET_SOAK=1`` runs all steps and models, ``POLYNET_SOAK=10`` a tenth of them; without it nothing runs.
"""

import gc
import os
import resource
import sys

import numpy as np
import pytest

import polynet
from polynet import layers

SHARE = int(os.environ.get("POLYNET_SOAK", "0"))
MEGABYTE = 1 << 20


def resident():
    """The bytes of memory that this process holds now."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def small():
    model = polynet.Sequential([layers.Dense(16, "relu"), layers.Dropout(0.1), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


X = np.random.default_rng(0).normal(size=(800, 8)).astype("float32")
Y = X[:, :1]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc"),
    pytest.mark.skipif(not SHARE, reason="takes minutes: set POLYNET_SOAK=1"),
]


def test_steps():
    model = small()
    epochs = 200 // SHARE  # of 100 steps
    model.fit(X, Y, batch_size=8, epochs=max(epochs // 10, 2), verbose=0)
    before = resident()
    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0)
    assert resident() - before < 8 * MEGABYTE


def test_models():
    def cycle():
        polynet.utils.clear_session()
        model = small()
        model.fit(X[:64], Y[:64], batch_size=32, epochs=1, verbose=0)

    count = 200 // SHARE
    for _ in range(max(count // 4, 5)):
        cycle()
    before = resident()
    for _ in range(count):
        cycle()
    grown = resident() - before
    assert grown < 16 * MEGABYTE, f"{grown / MEGABYTE:.1f} MB more after {count} models"
