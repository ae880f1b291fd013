"""Activations of one's own, and no activation; all others are rows of polynet/conformance/activations.py."""

import pytest

import polynet
from polynet import activations


def test_no_name_means_linear():
    assert activations.get(None) is activations.linear


def test_custom_functions():
    def twice(x):
        return 2 * x

    assert activations.get(twice) is twice
    described = activations.serialize(twice)
    assert described["class_name"] == "function"
    assert activations.deserialize(described, {"twice": twice}) is twice
    assert activations.deserialize("twice", {"twice": twice}) is twice
    with pytest.raises(ValueError, match="unknown custom 'twice'"):
        activations.deserialize(described)


def test_a_module_may_be_an_activation():
    class Scaled(polynet.configurable.Configurable):
        def __init__(self, by):
            self.by = by

        def __call__(self, x):
            return x * self.by

    described = activations.serialize(Scaled(3.0))
    assert activations.deserialize(described, {"Scaled": Scaled})(2.0) == 6.0
