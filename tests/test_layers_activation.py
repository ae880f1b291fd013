"""Activations as layers: what no row of polynet/conformance/layers says."""

import numpy as np

import polynet
from polynet import ops

X = (2, 3, 4)


def test_axes_as_a_list():
    x = ops.convert_to_tensor(np.sin(np.arange(24.0)).reshape(X))
    one, other = (polynet.layers.Softmax(axis)(x) for axis in ([1, 2], (1, 2)))
    np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
