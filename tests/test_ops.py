"""What no row of the conformance suite can say of ops: results that are no tensors, declarations, Keras's names.

What ops compute is the subject of `polynet/conformance`: `pytest --pyargs polynet.conformance`.
"""

import inspect
import json
from pathlib import Path

import numpy as np
import pytest

import polynet
from polynet import ops, plugins
from polynet.conformance.case import rows
from polynet.conformance.trial import Trial
from polynet.op import OPS
from polynet.spec import Spec

BACKEND = plugins.current()
KERAS = json.loads((Path(__file__).parent / "keras_ops.json").read_text())


def test_float64_is_there():
    """Without it the suite compares no gradients with finite differences, nor values tightly."""
    assert BACKEND.native_dtype("float64") is not None


def test_no_row_is_left_out():
    """The suite skips rows about dtypes that a backend lacks: none of them here."""
    assert [row.id for row in rows() if row.error is None and Trial(row, BACKEND).lacking] == []


@pytest.mark.parametrize(
    ("x", "dtype", "shape"),
    [
        (np.zeros((2, 3), "float16"), "float16", (2, 3)),
        (np.zeros((0, 4), "int8"), "int8", (0, 4)),
        ([[1.0, 2.0]], "float32", (1, 2)),
        (3, "int32", ()),
        (True, "bool", ()),
    ],
)
def test_what_is_known_of_a_tensor(x, dtype, shape):
    for each in (x, ops.convert_to_tensor(x), polynet.Variable(x), Spec(shape, dtype)):
        assert ops.dtype(each) == dtype
        assert tuple(ops.shape(each)) == shape
        assert ops.ndim(each) == len(shape)
        assert ops.size(each) == np.prod(shape, dtype=int)
    symbol = polynet.Input((3,), dtype="float16")
    assert (
        ops.shape(symbol) == (None, 3) and ops.dtype(symbol) == "float16" and ops.ndim(symbol) == 2
    )


def test_out_of_the_backend():
    x = ops.convert_to_tensor([1.0, 2.5])
    values = ops.convert_to_numpy(x)
    assert (
        type(values) is np.ndarray and values.dtype == "float32" and values.tolist() == [1.0, 2.5]
    )
    values[0] = 9.0  # in memory of its own
    assert ops.convert_to_numpy(x).tolist() == [1.0, 2.5]
    assert ops.convert_to_numpy([[1, 2]]).tolist() == [[1, 2]]
    assert ops.is_tensor(x) and not ops.is_tensor([1.0]) and not ops.is_tensor(1.0)


def test_gradient_of_eig():
    """No row can check it: eigenvectors have a sign or phase that each library chooses."""
    rng = np.random.default_rng(4)
    x, by_value, by_vector = rng.standard_normal((3, 4, 4))

    def whole(x):
        values, vectors = ops.eig(x)
        size = ops.real(vectors * ops.conj(vectors))
        a, b = ops.convert_to_tensor(by_value[0]), ops.convert_to_tensor(by_vector)
        return ops.sum(ops.real(values * values) * a) + ops.sum(ops.imag(values) ** 2 * size * b)

    found = ops.convert_to_numpy(polynet.grad(whole)(ops.convert_to_tensor(x)))
    step = 1e-6
    for place in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[place] = step
        slope = float(whole(ops.convert_to_tensor(x + moved)))
        slope -= float(whole(ops.convert_to_tensor(x - moved)))
        np.testing.assert_allclose(found[place], slope / (2 * step), rtol=1e-5, atol=1e-6)


def public_functions():
    return {
        name: getattr(ops, name)
        for name in dir(ops)
        if not name.startswith("_") and inspect.isfunction(getattr(ops, name))
    }


@pytest.mark.parametrize("name", public_functions())
def test_public_op_has_a_docstring(name):
    assert (getattr(ops, name).__doc__ or "").strip()


def test_primitives_are_documented_and_differentiable_or_declared_not_to_be():
    primitives = [op for op in OPS.values() if op.primitive]
    assert len(primitives) > 70
    assert [op.name for op in primitives if not (op.function.__doc__ or "").strip()] == []
    silent = [op.name for op in primitives if op.tensors and op.vjps is None and op.differentiable]
    assert silent == [], "give a gradient with .vjp(...), or say .not_differentiable()"


@pytest.mark.parametrize("name", KERAS)
def test_keras_name(name):
    """The op is there under Keras's name, and takes Keras's arguments, in order and with their defaults."""
    function = ops
    for part in name.split("."):
        function = getattr(function, part)
    signature = inspect.signature(function)
    given = {
        p.name: p.default
        for p in signature.parameters.values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    wanted = KERAS[name]
    assert [argument for argument in given if argument in wanted] == list(wanted)
    for argument, default in wanted.items():
        found = given[argument]
        assert (found is inspect.Parameter.empty) == (default == []), f"a default of {argument}"
        if default:
            assert as_json(found) == default[0], f"the default of {argument}"


def as_json(value):
    return list(value) if isinstance(value, tuple) else value
