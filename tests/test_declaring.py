"""Declaring an op, and what every op says of arguments that are no tensors.

There is no ``from __future__ import annotations`` here: a user's file need not have it.
"""

import inspect
from collections.abc import Sequence

import numpy as np
import pytest

import polynet
from polynet import errors, ops
from polynet.conformance.case import rows
from polynet.op import OPS, op
from polynet.tensor import Axis, DType, Shape, Tensor


@pytest.fixture
def declared():
    """A place for new ops, which are forgotten after the test."""
    before = set(OPS)
    yield
    for name in set(OPS) - before:
        del OPS[name]


def test_annotations_that_python_has_evaluated_are_read(declared):
    @op
    def scaled_of_all(
        x: Tensor,
        others: Sequence[Tensor],
        weight: Tensor | None = None,
        axis: Axis = None,
        shape: Shape | None = None,
        dtype: DType | None = None,
        by: float = 2.0,
    ) -> Tensor:
        y = ops.sum(x * by, axis=axis)
        for other in others:
            y = y + other
        return y if weight is None else y * weight

    declaration = scaled_of_all.op
    assert declaration.tensors == (0, 1, 2)
    assert declaration.lists == (1,)
    assert declaration.required == {0, 1}
    np.testing.assert_array_equal(
        ops.convert_to_numpy(scaled_of_all([[1.0, 2.0]], [[1.0], 1.0], axis=[1])), [8.0]
    )
    assert scaled_of_all(polynet.Spec((2, 3)), [polynet.Spec(())], axis=-1).shape == (2,)
    x = polynet.Variable([1.0, 2.0])
    with polynet.GradientTape() as tape:
        y = scaled_of_all(x, [0.0], 5.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(tape.gradient(y, x)), [10.0, 10.0])
    with pytest.raises(errors.DTypeError, match=r"^scaled_of_all: x: .*got None"):
        scaled_of_all(None, [1.0])
    with pytest.raises(errors.DTypeError, match=r"^scaled_of_all: others: .*got None"):
        scaled_of_all(1.0, None)
    with pytest.raises(errors.DTypeError, match=r"^scaled_of_all: others\[1\]: .*got str"):
        scaled_of_all(1.0, [1.0, "a"])


def test_a_list_may_be_annotated_otherwise(declared):
    @op
    def first_of(xs: list[Tensor], ys: "tuple[Tensor, ...]") -> Tensor:
        return xs[0]

    assert first_of.op.lists == (0, 1)


def test_a_parameter_without_annotation_is_refused(declared):
    with pytest.raises(TypeError, match=r"^twice: the parameter 'x' has no annotation") as caught:

        @op
        def twice(x):
            return x * 2

    assert "polynet.tensor.Tensor" in str(caught.value)
    assert "twice" not in OPS


NO_TENSORS = {
    "a string": "abc",
    "an object": object(),
    "a ragged list": [[1, 2], [3]],
    "None": None,
    "strings": np.array(["a"]),
}
ALIASES = {
    "abs": "absolute",
    "divide": "true_divide",
    "amax": "max",
    "amin": "min",
    "bitwise_invert": "bitwise_not",
    "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift",
    "conjugate": "conj",
    "invert": "bitwise_not",
    "ravel": "reshape",
}
"""Functions that are one op under another name, which the error gives."""

TREES = {
    "associative_scan",
    "fori_loop",
    "map",
    "rearrange",
    "scan",
    "stop_gradient",
    "vectorized_map",
    "while_loop",
}
"""Functions of nested structures, in which a list or None is no tensor but a structure."""

CONVERTED = {"array", "cast", "convert_to_tensor", "correlate", "get_item", "slice", "slice_update"}
"""Functions that make tensors of their arguments first: the error may name what does that."""


def called_wrongly():
    """The first row of each op, and the names of its tensors."""
    seen = set()
    for case in rows():
        if case.op in seen or case.error is not None or case.op in TREES:
            continue
        seen.add(case.op)
        values = case.named(case.host())
        names = [name for name, value in values.items() if isinstance(value, np.ndarray)]
        if names:
            yield pytest.param(case, names, id=case.op)


@pytest.mark.parametrize(("case", "names"), [*called_wrongly()])
def test_what_is_no_tensor_is_refused_by_name(case, names):
    signature = inspect.signature(case.function)
    for name in names:
        parameter = signature.parameters[name]
        for what, value in NO_TENSORS.items():
            if value is None and parameter.default is None:
                continue
            arguments = signature.bind_partial()
            arguments.arguments = case.named(case.host()) | {name: value}
            with pytest.raises(errors.PolynetError) as caught:
                case.function(*arguments.args, **arguments.kwargs)
            text = str(caught.value).partition("\n")[0]
            assert isinstance(caught.value, errors.DTypeError | errors.ShapeError), (what, text)
            own = case.op.rpartition(".")[2]
            if own not in CONVERTED:
                assert text.startswith(f"{ALIASES.get(own, own)}: {name}: expected"), (what, text)
