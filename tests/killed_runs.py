"""A program that trains, is killed with SIGKILL again and again, and is started again each time in the same way.

Run by test_resume.py: ``python killed_runs.py FOLDER KILLS SEED SAVE_FREQ DATA`` prints one line of JSON: how often it
was killed, how many whole runs that took, and in what they differ from a run that was never killed.
"""

import hashlib
import json
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np

import polynet
from polynet import callbacks, layers

EPOCHS, STEPS = 4, 6
X = np.random.default_rng(0).normal(size=(STEPS * 8, 5)).astype("float32")
Y = X.sum(1, keepdims=True)
polynet.plugins.current()  # imported once; whatever its library starts, it starts in the children


class Tell(callbacks.Callback):
    """Writes a byte to a pipe at each batch, and counts what it has seen."""

    saved_attributes = ("seen", "losses")

    def __init__(self, pipe):
        super().__init__()
        self.pipe, self.seen, self.losses = pipe, 0, []

    def on_train_batch_begin(self, batch, logs=None):
        os.write(self.pipe, b".")

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        self.losses.append(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        os.write(self.pipe, b".")


def stream():
    """Batches with noise of NumPy's own generator, without end."""
    rng = np.random.default_rng(7)
    while True:
        rows = rng.integers(0, len(X), 8)
        yield X[rows] + np.random.normal(size=(8, 5)).astype("float32") / 10, Y[rows]


def program(folder, save_freq, kind, pipe):
    """What is started again and again; returns all that a run leaves behind."""
    polynet.utils.set_random_seed(3)
    model = polynet.Sequential(
        [
            layers.Dense(8, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.GaussianNoise(0.1),
            layers.Dense(1),
        ]
    )
    model.compile(polynet.optimizers.Adam(0.05, use_ema=True), "mse", metrics=["mae"])
    tell = Tell(pipe)
    told = [
        polynet.Checkpointer(folder / "run", keep=2, save_freq=save_freq),
        tell,
        callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9),
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True),
        callbacks.ModelCheckpoint(
            folder / "best.safetensors", save_best_only=True, save_weights_only=True
        ),
        callbacks.CSVLogger(folder / "log.csv"),
    ]
    given = {"x": X, "y": Y, "batch_size": 8}
    if kind == "stream":
        given = {"x": stream(), "steps_per_epoch": STEPS}
    history = model.fit(**given, epochs=EPOCHS, validation_data=(X, Y), callbacks=told, verbose=0)
    digest = hashlib.sha256()
    for variable in [*model.variables, *model.optimizer.variables]:
        digest.update(variable.numpy().tobytes())
    return {
        "weights": digest.hexdigest(),
        "history": [history.epoch, history.history],
        "seen": [tell.seen, tell.losses],
        "stopping": [told[4].best, told[4].best_epoch, told[4].wait],
        "plateau": [told[2].best, told[2].wait, told[2].cooldown_counter],
        "best": hashlib.sha256((folder / "best.safetensors").read_bytes()).hexdigest(),
        "log": (folder / "log.csv").read_text(),
        "next": [
            float(np.random.random()),
            random.random(),
            polynet.random.SeedGenerator().state.numpy().tolist(),
        ],
    }


def start(*arguments):
    """A child that runs the program; its number, and the pipe from it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    code = 1
    try:
        os.close(reading)
        result = json.dumps(program(*arguments, writing))
        os.write(writing, b"!" + result.encode())
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def read(pipe):
    """What comes within a minute."""
    if not select.select([pipe], [], [], 60)[0]:
        raise TimeoutError("the program hangs")
    return os.read(pipe, 1 << 16)


def finish(child, pipe, text=b""):
    """Wait for the end of a child; returns what it found."""
    while more := read(pipe):
        text += more
    os.close(pipe)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"the program ended with {status}")
    return json.loads(text.partition(b"!")[2])


def main():
    folder, kills, seed, save_freq, kind = sys.argv[1:]
    save_freq = save_freq if save_freq == "epoch" else int(save_freq)
    rng = random.Random(seed)
    unbroken = Path(folder) / "unbroken"
    unbroken.mkdir()
    expected = finish(*start(unbroken, save_freq, kind))
    killed = runs = 0
    differences = []
    while killed < int(kills):
        broken = Path(folder) / "broken"
        broken.mkdir()
        while True:
            child, pipe = start(broken, save_freq, kind)
            text = b""
            after = rng.randint(1, EPOCHS * (STEPS + 1)) if killed < int(kills) else 10**9
            while text.count(b".") < after and b"!" not in text:
                more = read(pipe)
                if not more:
                    break
                text += more
            if text.count(b".") < after:
                found = finish(child, pipe, text)
                break
            time.sleep(rng.uniform(0, 0.004))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(pipe)
            killed += 1
        runs += 1
        differences += [name for name in expected if found[name] != expected[name]]
        shutil.rmtree(broken)
    print(json.dumps({"killed": killed, "runs": runs, "differences": differences}))


if __name__ == "__main__":
    main()
