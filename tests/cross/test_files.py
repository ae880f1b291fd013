"""A model saved on one backend and loaded on any other: the same bits."""

import numpy as np
import pytest

import polynet
from polynet import layers, ops
from polynet.saving import weights

BACKENDS = ("numpy", "torch", "jax")
DTYPES = [*polynet.dtypes.ALL]


@polynet.saving.register_serializable("cross")
class Holder(layers.Layer):
    """Variables of every dtype, with values that are odd in each."""

    def build(self, input_shape):
        rng = np.random.default_rng(1)
        for dtype in DTYPES:
            value = ops.cast(rng.normal(size=(3, 5)) * 100, dtype)
            self.add_weight(
                shape=(3, 5),
                initializer=lambda *a, value=value, **k: value,
                dtype=dtype,
                name=dtype,
            )
        odd = np.array([np.inf, -np.inf, np.nan, -0.0, 1e-45], "float32")
        self.add_weight(
            (5,), initializer=lambda *a, **k: ops.array(odd), name="odd", trainable=False
        )

    def call(self, x):
        return x


def make():
    return polynet.Sequential(
        [
            polynet.Input((4,)),
            layers.Dense(3),
            layers.Dropout(0.5),
            layers.BatchNormalization(dtype="mixed_float16"),
            layers.Dense(2, dtype="bfloat16"),
            Holder(trainable=False, name="holder"),
        ]
    )


def bits(model):
    found = {**weights.weights_by_name(model), **weights.seeds_by_name(model)}
    found |= {f"optimizer {i}": v for i, v in enumerate(model.optimizer.variables)}
    return {name: (v.dtype, v.shape, v.numpy().tobytes()) for name, v in found.items()}


@pytest.mark.parametrize("saved_on", BACKENDS)
def test_every_backend_loads_what_another_saved(saved_on, tmp_path):
    path = tmp_path / "m.polynet"
    with polynet.use_backend(saved_on):
        model = make()
        model.compile("adam", "mse")
        x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
        model.fit(x, x[:, :2], verbose=0)
        model.save(path)
        expected = bits(model)
    assert {dtype for dtype, _, _ in expected.values()} == set(DTYPES)
    for backend in BACKENDS:
        with polynet.use_backend(backend):
            loaded = polynet.load_model(path)
            assert bits(loaded) == expected
            again = tmp_path / f"{backend}.polynet"
            loaded.save(again)
            assert again.read_bytes() == path.read_bytes()
