"""Layers that move elements: what no row of polynet/conformance/layers says."""

import polynet
from polynet import ops


def test_a_mask_ends_here():
    x = polynet.layers.Masking(0.0)(ops.ones((2, 3, 4)))
    assert polynet.masking.get_mask(x) is not None
    assert polynet.masking.get_mask(polynet.layers.Flatten()(x)) is None
