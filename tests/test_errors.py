"""The exception classes, what else they can be caught as, and the hints: "Did you mean ...?"."""

import pickle

import pytest

from polynet import errors

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
