"""Symbolic tensors: shape inference with unknown lengths, the recorded graph, Function."""

import subprocess
import sys

import numpy as np
import pytest

import polynet
from polynet import ops
from polynet.spec import Spec


def test_input():
    x = polynet.Input((3, None), batch_size=4, dtype="int32", name="ids")
    assert (x.shape, x.dtype, x.name) == ((4, 3, None), "int32", "ids")
    assert polynet.Input(batch_shape=(None, 2)).shape == (None, 2)
    with pytest.raises(ValueError, match="expected shape, batch_shape or tensor"):
        polynet.Input()
    with pytest.raises(ValueError, match="lengths of 0 or more"):
        polynet.Input((-1,))


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (lambda x: ops.exp(x), (None, 6)),
        (lambda x: ops.reshape(x, (-1, 2, 3)), (None, 2, 3)),
        (lambda x: ops.sum(x, axis=0), (6,)),
        (lambda x: ops.transpose(x), (6, None)),
        (lambda x: ops.concatenate([x, x], axis=0), (None, 6)),
        (lambda x: ops.concatenate([x, x], axis=1), (None, 12)),
        (lambda x: x[1:], (None, 6)),
        (lambda x: x[:, 1:3], (None, 2)),
        (lambda x: ops.matmul(x, np.ones((6, 4), "float32")), (None, 4)),
        (lambda x: x + x[:1], (None, 6)),
        (lambda x: ops.softmax(x), (None, 6)),
        (lambda x: ops.argmax(x, axis=-1), (None,)),
    ],
)
def test_unknown_lengths(compute, expected):
    assert compute(polynet.Input((6,))).shape == expected


def test_wrong_shapes_are_found_while_the_graph_is_made():
    with pytest.raises(ValueError, match=r"matmul: shapes \(\d+, 6\) and \(5, 2\)"):
        ops.matmul(polynet.Input((6,)), np.ones((5, 2), "float32"))


def test_function_computes_the_recorded_graph():
    a, b = polynet.Input((3,)), polynet.Input((3,))
    w = polynet.Variable([1.0, 2.0, 3.0])
    f = polynet.Function({"a": a, "b": b}, [a * w + ops.exp(b), (a - b)[:, 0]])
    x, y = np.ones((2, 3), "float32"), np.zeros((2, 3), "float32")
    first, second = f({"a": x, "b": y})
    np.testing.assert_allclose(ops.convert_to_numpy(first), x * [1, 2, 3] + 1)
    np.testing.assert_allclose(ops.convert_to_numpy(second), [1, 1])
    w.assign([0.0, 0.0, 0.0])
    np.testing.assert_allclose(ops.convert_to_numpy(f({"a": x, "b": y})[0]), 1)
    again = f({"a": polynet.Input((3,)), "b": polynet.Input((3,))})
    assert again[0].shape == (None, 3)
    inferred = f({"a": Spec((5, 3)), "b": Spec((5, 3))})
    assert inferred[1].shape == (5,)


def test_function_refuses_what_it_cannot_compute():
    a, b = polynet.Input((3,)), polynet.Input((3,))
    with pytest.raises(ValueError, match="not among the inputs"):
        polynet.Function(a, a + b)
    with pytest.raises(ValueError, match="expected symbolic tensors"):
        polynet.Function(a, 3.0)
    with pytest.raises(ValueError, match="expected 1 inputs; got 2"):
        polynet.Function(a, a * 2)([a, a])


@pytest.mark.parametrize(
    "code",
    [
        "x = polynet.Input((2,)); print(tuple((x * 2.0 + x[0]).shape))",
        "v = polynet.Variable([1.0, 2.0]); print((v * 2.0 + v[0]).shape)",
        "v = polynet.Variable([1.0, 2.0]); v[0] = 3.0; print(v.shape)",
        "print(polynet.Spec((2, 3)).T.shape)",
    ],
)
def test_operators_work_before_ops_are_imported(code):
    done = subprocess.run(
        [sys.executable, "-c", f"import polynet; {code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("convert", [bool, int, float, np.asarray])
def test_a_symbolic_tensor_has_no_value(convert):
    with pytest.raises(TypeError, match="symbolic"):
        convert(polynet.Input((3,)))


def test_more_axes_than_any_library_has():
    with pytest.raises(polynet.errors.ShapeError, match="at most 64 axes; got 100000"):
        polynet.Input(batch_shape=[2] * 100_000)


def test_a_dense_layer_refuses_before_it_is_built():
    layer = polynet.layers.Dense(3)
    for shape in ((), (4,)):
        with pytest.raises(polynet.errors.ShapeError, match="at least 2 dimensions"):
            layer(polynet.ops.ones(shape))
    assert layer(polynet.ops.ones((2, 5))).shape == (2, 3)
