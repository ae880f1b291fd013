"""Programs that are killed with SIGKILL again and again, at any moment, and are started again each time.

Run by test_resume.py and test_saving.py; prints one line of JSON.

``python killed_runs.py fit FOLDER KILLS SEED SAVE_FREQ DATA`` trains: how often it was killed, how many whole runs that
took, and in what they differ from a run that was never killed.
``python killed_runs.py save FOLDER KILLS SEED`` saves without end: how often it was killed, and what was lost.
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
import warnings
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


def saving(folder, pipe):
    """Save a model, whose weights are all one number that counts up, in every format, without end."""
    model = polynet.Sequential([polynet.Input((64,)), layers.Dense(256), layers.Dense(64)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    run = polynet.Checkpointer(folder / "run", keep=2)
    for number in range(10**6):
        for weight in model.weights:
            weight.assign(np.full(weight.shape, number, "float32"))
        model.save(folder / "m.polynet")
        model.save_weights(folder / "m.safetensors")
        run.save(model, {"number": number})
        os.write(pipe, b".")


def loading(folder, pipe):
    """What the files hold: a number each, if nothing is lost."""
    model = polynet.load_model(folder / "m.polynet")
    found = [np.unique(np.concatenate([w.numpy().ravel() for w in model.weights])).tolist()]
    model.load_weights(folder / "m.safetensors")
    found.append(np.unique(np.concatenate([w.numpy().ravel() for w in model.weights])).tolist())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        number = polynet.Checkpointer(folder / "run").restore(model)["number"]
    found.append(np.unique(np.concatenate([w.numpy().ravel() for w in model.weights])).tolist())
    return {"found": found, "number": number, "files": sorted(os.listdir(folder / "run"))}


# ------------------------------------------------------------------------------------------ children


def start(function, *arguments):
    """A child that calls a function; its number, and the pipe from it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    code = 1
    try:
        os.close(reading)
        result = json.dumps(function(*arguments, writing))
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


def kill(child, pipe, after, wait):
    """Kill a child some time after so many dots came from it, and return ``None``; or what it sent and ended."""
    text = b""
    while text.count(b".") < after:
        more = read(pipe)
        text += more
        if not more or b"!" in text:
            return text
    time.sleep(wait)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(pipe)
    return None


def killed_in_fit(folder, kills, rng, save_freq, kind):
    save_freq = save_freq if save_freq == "epoch" else int(save_freq)
    unbroken, broken = folder / "unbroken", folder / "broken"
    unbroken.mkdir()
    expected = finish(*start(program, unbroken, save_freq, kind))
    killed = runs = 0
    differences = []
    while killed < kills:
        broken.mkdir()
        while True:
            child, pipe = start(program, broken, save_freq, kind)
            after = rng.randint(1, EPOCHS * (STEPS + 1)) if killed < kills else 10**9
            text = kill(child, pipe, after, rng.uniform(0, 0.004))
            if text is not None:
                found = finish(child, pipe, text)
                break
            killed += 1
        runs += 1
        differences += [name for name in expected if found[name] != expected[name]]
        shutil.rmtree(broken)
    return {"killed": killed, "runs": runs, "differences": differences}


def killed_in_saves(folder, kills, rng):
    lost = []
    for number in range(kills):
        child, pipe = start(saving, folder)
        kill(child, pipe, rng.randint(1, 3) if number else 3, rng.uniform(0, 0.03))
        found = finish(*start(loading, folder))
        (one,), (other,), (third,) = found["found"]
        if not (
            one - 1 <= other <= one and third == found["number"] and other - 1 <= third <= other
        ):
            lost.append(found)
        if len(found["files"]) > 2 + 1 or not all(
            name.startswith("checkpoint-") for name in found["files"]
        ):  # one more, when it was killed before the oldest was removed
            lost.append(found["files"])
    return {"killed": kills, "lost": lost}


def main():
    what, folder, kills, seed, *more = sys.argv[1:]
    function = {"fit": killed_in_fit, "save": killed_in_saves}[what]
    print(json.dumps(function(Path(folder), int(kills), random.Random(seed), *more)))


if __name__ == "__main__":
    main()
