"""A run that is killed twice and started again, and ends with the same bits as one that was left alone."""

import hashlib
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import polynet
from polynet import layers


def train(folder):
    """The program that may be killed at any time: all it takes is the callback."""
    polynet.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(320, 8)).astype("float32")
    y = (x[:, :1] * x[:, 1:2] > 0).astype("float32")
    model = polynet.Sequential(
        [
            polynet.Input((8,)),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    tell = polynet.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: print("epoch", epoch, flush=True)
    )
    run = polynet.Checkpointer(folder, save_freq=3)
    history = model.fit(x, y, epochs=6, callbacks=[run, tell], verbose=0).history
    weights = b"".join(weight.tobytes() for weight in model.get_weights())
    print(hashlib.sha256(weights + str(history).encode()).hexdigest())


def start(folder, kill_at=None):
    """Run this file in a process of its own; returns what it printed last, unless it is killed before."""
    program = [sys.executable, __file__, folder]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            last = line.strip()
            if last == kill_at:
                process.kill()
    return last


if len(sys.argv) > 1:
    train(sys.argv[1])
else:
    folder = pathlib.Path(tempfile.mkdtemp())
    whole = start(folder / "whole")
    print("killed in", start(folder / "parts", kill_at="epoch 2"))
    print("killed in", start(folder / "parts", kill_at="epoch 4"))
    print("the same bits:", start(folder / "parts") == whole)
