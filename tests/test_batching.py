"""vmap against a loop over the examples: each rule for a batch, and the composition with gradients."""

import numpy as np
import pytest

import polynet
from polynet import ops
from polynet.autodiff import batching
from polynet.plugins import current

rng = np.random.default_rng(0)
ROW, MATRIX, DEEP = (rng.normal(size=size) for size in [(5, 3), (5, 3, 4), (5, 2, 3, 4)])
M, V = rng.normal(size=(3, 4)), rng.normal(size=4)


def tensor(x):
    return ops.convert_to_tensor(x)


def number(x):
    return np.asarray(ops.convert_to_numpy(x))


CASES = {
    "number": (lambda x: x * 2.0 + 1.0, ROW),
    "vector_matrix": (lambda x: ops.matmul(x, tensor(M)), ROW),
    "matrix_vector": (lambda x: ops.matmul(x, tensor(V)), MATRIX),
    "shared_left": (lambda x: ops.matmul(tensor(M.T), x), ROW),
    "shared_left_matrix": (lambda x: ops.matmul(tensor(M.T), x), MATRIX),
    "deep_vector": (lambda x: ops.matmul(x, tensor(V)), DEEP),
    "row_deep": (lambda x: ops.matmul(x, tensor(DEEP[0])), ROW),
    "sum_axis": (lambda x: ops.sum(x, axis=0), MATRIX),
    "sum_all": (lambda x: ops.sum(x), MATRIX),
    "max_negative_axis": (lambda x: ops.max(x, axis=-2, keepdims=True), MATRIX),
    "argmax_all": (lambda x: ops.argmax(x), MATRIX),
    "argmax_axis": (lambda x: ops.argmax(x, axis=-1, keepdims=True), MATRIX),
    "transpose": (lambda x: ops.transpose(x), MATRIX),
    "transpose_axes": (lambda x: ops.transpose(x, (1, 2, 0)), DEEP),
    "reshape": (lambda x: ops.reshape(x, (-1, 2)), MATRIX),
    "slices": (lambda x: x[1:, ::2], MATRIX),
    "row": (lambda x: x[0], MATRIX),
    "take": (lambda x: ops.take(x, ops.array([2, 0]), axis=0), MATRIX),
    "concatenate_shared": (lambda x: ops.concatenate([x, tensor(M)], axis=0), MATRIX),
    "stack_shared": (lambda x: ops.stack([tensor(M), x], axis=-1), MATRIX),
    "broadcast": (lambda x: x + tensor(V), MATRIX),
    "broadcast_up": (lambda x: x + tensor(DEEP[0]), ROW[:, :1]),
    "broadcast_to": (lambda x: ops.broadcast_to(x, (2, 3, 4)), MATRIX),
    "flip": (lambda x: ops.flip(x), MATRIX),
    "cumsum": (lambda x: ops.cumsum(x, axis=1), MATRIX),
    "softmax": (lambda x: ops.softmax(x), MATRIX),
    "where": (lambda x: ops.where(x > 0.0, x, 0.0), MATRIX),
    "pad": (lambda x: ops.pad(x, ((1, 0), (0, 2))), MATRIX),
    "einsum": (lambda x: ops.einsum("ij,jk->ik", tensor(M.T), x), MATRIX),
    "update": (lambda x: ops.slice_update(x, (1, 1), ops.zeros((1, 2), "float64")), MATRIX),
    "no_rule": (lambda x: ops.inv(ops.matmul(x, ops.transpose(x))), MATRIX),
}


@pytest.mark.parametrize("name", CASES)
def test_vmap_is_a_loop(name):
    function, data = CASES[name]
    expected = np.stack([number(function(tensor(row))) for row in data])
    np.testing.assert_allclose(number(polynet.vmap(function)(tensor(data))), expected, rtol=1e-8)


def test_two_batched_arguments():
    a, b = tensor(MATRIX), tensor(rng.normal(size=(5, 4, 2)))
    np.testing.assert_allclose(number(polynet.vmap(ops.matmul)(a, b)), number(a) @ number(b))
    row = tensor(ROW)
    expected = np.einsum("ni,nij->nj", ROW, MATRIX)
    np.testing.assert_allclose(number(polynet.vmap(ops.matmul)(row, a)), expected)


def test_nested():
    found = polynet.vmap(polynet.vmap(lambda x: ops.sum(x * x)))(tensor(MATRIX))
    np.testing.assert_allclose(number(found), (MATRIX**2).sum(-1))


def f(x):
    return ops.sum(ops.tanh(ops.matmul(x, tensor(M))) ** 2.0)


def test_per_example_gradients_and_hessians():
    gradients = polynet.vmap(polynet.grad(f))(tensor(ROW))
    hessians = polynet.vmap(polynet.hessian(f))(tensor(ROW))
    for i, row in enumerate(ROW):
        np.testing.assert_allclose(
            number(gradients[i]), number(polynet.grad(f)(tensor(row))), rtol=1e-10
        )
        np.testing.assert_allclose(
            number(hessians[i]), number(polynet.hessian(f)(tensor(row))), rtol=1e-8, atol=1e-10
        )
    whole = polynet.hessian(lambda rows: ops.sum(polynet.vmap(f)(rows)))(tensor(ROW))
    for i in range(len(ROW)):
        np.testing.assert_allclose(
            number(whole)[i, :, i], number(hessians[i]), rtol=1e-8, atol=1e-10
        )


@pytest.mark.skipif(current().transforms is not None, reason="the library's own vmap batches")
def test_a_jacobian_is_one_batch_and_not_a_hundred_calls(monkeypatch):
    w, x = tensor(rng.normal(size=(100, 100))), tensor(rng.normal(size=100))
    calls = []
    rule = batching._RULES["matmul"]
    monkeypatch.setitem(batching._RULES, "matmul", lambda *args: calls.append(1) or rule(*args))
    jacobian = polynet.jacobian(lambda x: ops.tanh(ops.matmul(w, x)))(x)
    assert len(calls) <= 2
    expected = (1 - np.tanh(number(w) @ number(x)) ** 2)[:, None] * number(w)
    np.testing.assert_allclose(number(jacobian), expected, rtol=1e-10)


@pytest.mark.skipif(current().transforms is not None, reason="the library's own message")
def test_python_branches_inside_vmap_are_refused():
    with pytest.raises(TypeError, match=r"ops\.where or ops\.cond"):
        polynet.vmap(lambda x: x if x > 0 else -x)(tensor(ROW[:, 0]))
