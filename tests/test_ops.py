"""Every row of the conformance cases, every check, on the active backend; and that no op is left out.

What is checked, and how, is in `polynet/conformance/checks.py`; the rows are in `polynet/conformance/cases`.
"""

import inspect
import json
import os
from pathlib import Path

import numpy as np
import pytest
from expected import expected

import polynet
from polynet import ops, plugins
from polynet.conformance import checks
from polynet.conformance.case import rows
from polynet.op import OPS
from polynet.spec import Spec

BACKEND = plugins.current()
ROWS = list(rows())


def chosen():
    """All rows; where compiling them takes long, of each op the first, the wrong calls, and one in EVERY."""
    every = int(os.environ.get("POLYNET_TEST_EVERY", "1"))
    seen = set()
    for number, case in enumerate(ROWS):
        if case.op not in seen or case.error is not None or number % every == 0:
            seen.add(case.op)
            yield case


KERAS = json.loads((Path(__file__).parent / "keras_ops.json").read_text())

KNOWN = {
    ("jax", "cholesky_lower-spd3x3"): "JAX's derivative is by the triangle that it reads; "
    "both agree along symmetric changes, and ops.cholesky has the same on all backends",
}
"""Rows that a backend does not pass, and why; one that passes after all is a failure."""


def _parameter(case):
    reason = KNOWN.get((BACKEND.name, case.id))
    marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    return pytest.param(case, id=case.id, marks=marks)


@pytest.mark.parametrize("case", [_parameter(case) for case in chosen()])
def test_row(case):
    outcomes = checks.run(case, BACKEND, expected)
    failures = [
        f"{case.id}, {outcome.check}: {outcome.message}"
        for outcome in outcomes
        if outcome.status == "failed"
    ]
    assert not failures, "\n\n".join(failures)


def test_what_is_known_is_a_row():
    assert {row for _, row in KNOWN} <= {case.id for case in ROWS}


def test_float64_is_there():
    """Without it gradients are not compared with finite differences, nor values tightly."""
    assert BACKEND.native_dtype("float64") is not None


# ------------------------------------------------------------------------------ nothing is missing

NOT_ROWS = {
    "convert_to_numpy": "its result is no tensor: test_out_of_the_backend",
    "is_tensor": "asks what its argument is: test_out_of_the_backend",
    "dtype": "its result is no tensor: test_what_is_known_of_a_tensor",
    "ndim": "its result is no tensor: test_what_is_known_of_a_tensor",
    "shape": "its result is no tensor: test_what_is_known_of_a_tensor",
    "size": "its result is no tensor: test_what_is_known_of_a_tensor",
    "custom_gradient": "takes a function and returns one: tests/test_autodiff.py",
    "jvp": "takes a function: tests/test_autodiff.py",
}
"""Public functions of `ops` that no row can speak of, and why."""


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


def test_every_public_op_has_a_row():
    functions = public_functions()
    tested = {getattr(ops, case.op, None) for case in ROWS}
    missing = {name for name, function in functions.items() if function not in tested}
    assert sorted(missing - set(NOT_ROWS)) == []
    assert sorted(set(NOT_ROWS) - missing) == []


@pytest.mark.parametrize("name", public_functions())
def test_public_op_has_a_docstring(name):
    assert (getattr(ops, name).__doc__ or "").strip()


def test_primitives_are_documented_and_differentiable_or_declared_not_to_be():
    primitives = [op for op in OPS.values() if op.primitive]
    assert len(primitives) > 70
    assert [op.name for op in primitives if not (op.function.__doc__ or "").strip()] == []
    silent = [op.name for op in primitives if op.tensors and op.vjps is None and op.differentiable]
    assert silent == [], "give a gradient with .vjp(...), or say .not_differentiable()"


def test_native_overrides_have_the_parameters_of_their_ops():
    methods = {name: getattr(BACKEND, name, None) for name in OPS}
    wrong = {
        name: complaint
        for name, method in methods.items()
        if method is not None and (complaint := differs(OPS[name], method))
    }
    assert wrong == {}


def differs(op, method):
    """How a method's parameters differ from those of its op: one of the library's own must only take as many."""
    if not (getattr(method, "__module__", None) or "").startswith(
        BACKEND.__module__.partition(".")[0]
    ):
        try:
            inspect.signature(method).bind(*op.parameters)
        except (ValueError, TypeError) as error:
            return "" if isinstance(error, ValueError) else str(error)  # it has no signature
        return ""
    own, wanted = inspect.signature(method), inspect.signature(op.function)
    if any(p.kind is p.VAR_POSITIONAL for p in own.parameters.values()):
        return ""  # made by a function; arguments come by position
    if list(own.parameters) != list(wanted.parameters):
        return f"{own} is not {wanted}"
    changed = [
        p.name
        for p in own.parameters.values()
        if p.default is not p.empty and p.default != wanted.parameters[p.name].default
    ]
    return f"defaults of {changed} differ" if changed else ""


def test_the_check_of_overrides_finds_faults():
    op = OPS["softmax"]
    BACKEND_MODULE = BACKEND.__module__

    def softmax(x, dim=-1):
        pass

    def other_default(x, axis=0):
        pass

    def same(x, axis=-1):
        pass

    for function in (softmax, other_default, same):
        function.__module__ = BACKEND_MODULE
    assert "is not" in differs(op, softmax)
    assert "defaults" in differs(op, other_default)
    assert differs(op, same) == ""
    assert differs(op, len) != ""


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
