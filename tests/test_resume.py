"""A run that stops at any batch and is started again ends with the bits of one that never stopped."""

import numpy as np
import pytest

import polynet
from polynet import layers

X = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
Y = X.sum(1, keepdims=True)


class Stop(polynet.callbacks.Callback):
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
    callbacks = [] if folder is None else [polynet.callbacks.BackupAndRestore(folder, **options)]
    if stop is not None:
        callbacks.append(Stop(stop))
    history = model.fit(X, Y, batch_size=8, epochs=3, callbacks=callbacks, verbose=0)
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
    backup = polynet.callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(polynet.errors.FileError, match="another model or other arguments"):
        model.fit(X, Y, epochs=1, callbacks=[backup], verbose=0)
