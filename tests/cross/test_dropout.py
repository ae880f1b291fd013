"""The same program with the same seed drops the same on every backend; loss curves are rows of polynet/conformance."""

import numpy as np

import polynet
from polynet import layers

BACKENDS = ("numpy", "torch", "jax")


def test_dropout_drops_the_same():
    x = np.ones((64, 64), "float32")
    masks = []
    for backend in BACKENDS:
        with polynet.use_backend(backend):
            polynet.utils.set_random_seed(9)
            dropped = layers.Dropout(0.4)(x, training=True)
            masks.append(np.asarray(polynet.ops.convert_to_numpy(dropped)))
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], masks[2])
