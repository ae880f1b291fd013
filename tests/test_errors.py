"""The exception classes, what else they can be caught as, and the hints: "Did you mean ...?"."""

import pickle

import pytest

from polynet import errors, initializers, layers, metrics, optimizers

BUILTINS = {
    "AxisError": (ValueError, IndexError),
    "BackendError": (ImportError,),
    "BackendMismatchError": (TypeError,),
    "ConfigError": (ValueError,),
    "DTypeError": (TypeError, ValueError),
    "FileError": (ValueError,),
    "LinAlgError": (ValueError,),
    "NonFiniteError": (FloatingPointError,),
    "OutOfRangeError": (ValueError, IndexError),
    "ShapeError": (ValueError,),
}


def test_every_class_is_listed_here():
    assert set(errors.__all__) == {*BUILTINS, "PolynetError", "closest"}


@pytest.mark.parametrize("name", BUILTINS)
def test_classes(name):
    kind = getattr(errors, name)
    for builtin in (*BUILTINS[name], errors.PolynetError):
        assert issubclass(kind, builtin)
    again = pickle.loads(pickle.dumps(kind("said so")))
    assert type(again) is kind and str(again) == "said so"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("rellu", " Did you mean 'relu'?"),
        (" RELU ", " Did you mean 'relu'?"),
        ("conv2d", " Did you mean 'Conv2D'?"),
        ("cosine", ""),
        ("", ""),
        (None, ""),
        (3, ""),
    ],
)
def test_closest(name, hint):
    assert errors.closest(name, ["gelu", "relu", "Conv2D", "tanh"]) == hint
    assert errors.closest(name, iter(["gelu", "relu", "Conv2D", "tanh"])) == hint
    assert errors.closest(name, []) == ""


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: layers.StackedRNNCells([]), "cells: expected at least one cell"),
        (lambda: layers.EinsumDense("ab,bc", 3), "equation: expected one of an input"),
        (lambda: layers.Masking(mask_value="zero"), "mask_value: expected a number; got 'zero'"),
        (lambda: optimizers.Muon(ns_steps=0), "Muon: ns_steps: expected an integer of 1 or more"),
        (lambda: optimizers.RMSprop(rho=2.0), "RMSprop: rho: expected a float from 0 to 1"),
        (lambda: optimizers.SGD(momentum="0.9"), "SGD: momentum: expected a float from 0 to 1"),
        (lambda: optimizers.AdamW(beta_2=-0.1), "AdamW: beta_2: expected a float from 0 to 1"),
        (lambda: metrics.MeanIoU(0), "num_classes: expected an integer of 1 or more; got 0"),
        (lambda: metrics.TopKCategoricalAccuracy(0), "k: expected an integer of 1 or more; got 0"),
        (lambda: initializers.RandomNormal(stddev=-1.0), "RandomNormal: stddev: expected"),
    ],
)
def test_wrong_arguments_of_constructors(make, text):
    with pytest.raises(ValueError, match=text):
        make()
