"""Merging layers: what no row of polynet/conformance/layers says."""

import numpy as np

from polynet import layers, masking, ops
from polynet.conformance.stored import host


def test_more_functions():
    x = [ops.ones((2, 3)), ops.ones((2, 3))]
    assert host(layers.dot(x, axes=1)).tolist() == [[3.0], [3.0]]
    assert layers.concatenate(x, axis=1).shape == (2, 6)


def test_a_mask_goes_on():
    x = layers.Masking()(ops.convert_to_tensor(np.array([[[1.0], [0.0]]], "float32")))
    y = layers.Add()([x, x])
    assert host(masking.get_mask(y)).tolist() == [[True, False]]
    assert masking.get_mask(layers.Add()([x, ops.ones((1, 2, 1))])) is None
