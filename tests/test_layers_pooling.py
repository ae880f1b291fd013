"""Pooling as layers: names and masks; the rest is in polynet/conformance/layers."""

import pytest

import polynet
from polynet import layers, ops


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_other_names(rank):
    for short, long in (("Max", "Max"), ("Avg", "Average")):
        for prefix in ("", "Global"):
            assert getattr(layers, f"{prefix}{short}Pool{rank}D") is getattr(
                layers, f"{prefix}{long}Pooling{rank}D"
            )


def test_a_mask_ends_here():
    x = layers.Masking(0.0)(ops.ones((2, 4, 3)))
    assert polynet.masking.get_mask(x) is not None
    for layer in (layers.MaxPooling1D(2), layers.GlobalAveragePooling1D()):
        assert polynet.masking.get_mask(layer(x)) is None
