"""Variables: reading, assigning, names, scopes, and what native and NumPy functions make of them."""

import copy
import pickle

import numpy as np
import pytest

import polynet
from polynet import errors, ops
from polynet.plugins import current


def to_numpy(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_dtype_is_that_of_the_value_or_the_default():
    assert polynet.Variable([1.0, 2.0]).dtype == "float32"
    assert polynet.Variable([1, 2]).dtype == "int32"
    assert polynet.Variable(np.ones(2, "float64")).dtype == "float64"
    assert polynet.Variable(True).dtype == "bool"
    assert polynet.Variable([1, 2], dtype="float16").dtype == "float16"


def test_an_initializer_function_is_given_shape_and_dtype():
    seen = []

    def initializer(shape, dtype=None):
        seen.append((shape, dtype))
        return ops.ones(shape, dtype=dtype)

    v = polynet.Variable(initializer, shape=(2, 3), dtype="float16")
    assert seen == [((2, 3), "float16")]
    assert v.shape == (2, 3) and v.dtype == "float16"
    with pytest.raises(ValueError, match="shape: expected the shape"):
        polynet.Variable(initializer)


def test_the_variable_owns_its_memory():
    data = np.ones(3, "float32")
    v = polynet.Variable(data)
    data[0] = 7.0
    np.testing.assert_array_equal(v.numpy(), [1, 1, 1])
    native = ops.convert_to_tensor(np.zeros(3, "float32"))
    v.assign(native)
    before = v.value
    v.assign_add([1.0, 1.0, 1.0])
    np.testing.assert_array_equal(to_numpy(before), [0, 0, 0])
    np.testing.assert_array_equal(v.numpy(), [1, 1, 1])


@pytest.mark.parametrize(
    ("method", "expected"), [("assign", [3, 4]), ("assign_add", [4, 6]), ("assign_sub", [-2, -2])]
)
def test_assigning(method, expected):
    v = polynet.Variable([1.0, 2.0])
    result = getattr(v, method)([3.0, 4.0])
    np.testing.assert_array_equal(v.numpy(), expected)
    np.testing.assert_array_equal(to_numpy(result), expected)
    assert v.dtype == "float32"


def test_assigning_casts_to_the_dtype_of_the_variable():
    v = polynet.Variable([1.0, 2.0], dtype="float16")
    v.assign(np.array([1.5, 2.5], "float64"))
    assert v.dtype == "float16" and ops.dtype(v.value) == "float16"


@pytest.mark.parametrize("method", ["assign", "assign_add", "assign_sub"])
@pytest.mark.parametrize("value", [[1.0, 2.0, 3.0], [[1.0], [2.0]]])
def test_assigning_another_shape_names_the_variable_and_changes_nothing(method, value):
    v = polynet.Variable([1.0, 2.0], name="kernel")
    with pytest.raises(
        errors.ShapeError,
        match=r"^Variable 'kernel' has shape \(2,\); cannot assign a value of shape",
    ):
        getattr(v, method)(value)
    np.testing.assert_array_equal(v.numpy(), [1, 2])


def test_items_are_assigned_both_ways():
    v = polynet.Variable(np.zeros((2, 3), "float32"))
    v[0, 0].assign(3.0)
    v[1] = [4.0, 5.0, 6.0]
    v[:, 1].assign_add([10.0, 10.0])
    v[0, 2].assign_sub(1.0)
    v[ops.array([1]), 0] = -1.0
    np.testing.assert_array_equal(v.numpy(), [[3, 10, -1], [-1, 15, 6]])


def test_an_item_is_a_tensor():
    v = polynet.Variable([[1.0, 2.0], [3.0, 4.0]])
    assert v[1].shape == (2,) and v[1].dtype == "float32"
    np.testing.assert_array_equal(to_numpy(v[1] * 2.0 + v[0]), [7, 10])
    assert float(v[1, 1]) == 4.0
    np.testing.assert_array_equal(np.asarray(v[0]), [1, 2])
    assert float(ops.sum(v[1])) == 7.0


def test_a_wrong_item_assignment_names_the_variable_and_changes_nothing():
    v = polynet.Variable([1.0, 2.0, 3.0], name="w")
    with pytest.raises(ValueError, match="Variable 'w'"):
        v[:2] = [1.0, 2.0, 3.0]
    with pytest.raises(IndexError):
        v[5] = 1.0
    np.testing.assert_array_equal(v.numpy(), [1, 2, 3])


def test_operators():
    v, x = polynet.Variable([[1.0, 2.0], [3.0, 4.0]]), np.array([[2.0, 0.5], [1.0, 3.0]], "float32")
    t = ops.convert_to_tensor(x)
    n = v.numpy()
    for got, expected in [
        (v + t, n + x), (t + v, n + x), (v - 1, n - 1), (1 - v, 1 - n), (v * t, n * x), (v / t, n / x),
        (v // t, n // x), (v % t, n % x), (v**2, n**2), (2**v, 2**n), (v @ t, n @ x), (t @ v, x @ n), (-v, -n),
        (abs(-v), n), (v == t, n == x), (v != t, n != x), (v < t, n < x), (v <= t, n <= x), (v > t, n > x),
        (v >= t, n >= x), (v.T, n.T), (v[0], n[0]),
    ]:  # fmt: skip
        np.testing.assert_allclose(to_numpy(got), expected, rtol=1e-6)


def test_numpy_functions_take_a_variable():
    v = polynet.Variable([1.0, 4.0])
    np.testing.assert_array_equal(np.asarray(v), [1, 4])
    np.testing.assert_allclose(to_numpy(np.sqrt(v)), [1, 2])
    np.testing.assert_allclose(to_numpy(np.ones(2, "float32") + v), [2, 5])
    np.testing.assert_allclose(to_numpy(np.sum(v)), 5)
    np.testing.assert_allclose(to_numpy(np.concatenate([v, v])), [1, 4, 1, 4])
    with pytest.raises(TypeError, match="polynet"):
        np.apply_along_axis(len, 0, v)


def test_native_functions_take_a_variable():
    v = polynet.Variable([1.0, 4.0])
    backend = current()
    x = ops.convert_to_tensor(np.array([1.0, 2.0], "float32"))
    if backend.name == "torch":
        import torch

        np.testing.assert_allclose(torch.exp(v).numpy(), np.exp([1.0, 4.0]), rtol=1e-6)
        np.testing.assert_allclose(torch.matmul(x, v).numpy(), 9.0)
        np.testing.assert_allclose(torch.cat([v, x], dim=0).numpy(), [1, 4, 1, 2])
    elif backend.name == "jax":
        import jax.numpy as jnp

        np.testing.assert_allclose(jnp.exp(v), np.exp([1.0, 4.0]), rtol=1e-6)
        np.testing.assert_allclose(jnp.dot(x, v), 9.0)
    np.testing.assert_allclose(to_numpy(x @ v), 9.0)
    np.testing.assert_allclose(to_numpy(x + v), [2, 6])


def test_python_numbers():
    assert float(polynet.Variable(2.5)) == 2.5
    assert int(polynet.Variable(3)) == 3
    assert bool(polynet.Variable(True)) is True
    assert [10, 20, 30][polynet.Variable(1)] == 20
    assert f"{polynet.Variable(2.0):.2f}" == "2.00"


def test_names_paths_and_repr():
    with polynet.name_scope("outer"), polynet.name_scope("inner"):
        v = polynet.Variable([1.0], name="w")
    assert v.name == "w" and v.path == "outer/inner/w"
    assert repr(v) == "<Variable path=outer/inner/w, shape=(1,), dtype=float32, value=[1.]>"
    with pytest.raises(ValueError, match="name: expected a string without '/'"):
        polynet.Variable(1.0, name="a/b")


def test_copies_are_independent():
    v = polynet.Variable([1.0, 2.0], name="w", trainable=False)
    for other in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
        other.assign([5.0, 6.0])
        assert other.name == "w" and other.trainable is False and other.dtype == "float32"
        np.testing.assert_array_equal(v.numpy(), [1, 2])


@pytest.mark.parametrize("value", ["text", ["a", "b"], [[1.0], [1.0, 2.0]], None, object()])
def test_what_is_not_a_tensor_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        polynet.Variable(value)


def test_a_stateless_scope_keeps_changes_to_itself():
    v, w = polynet.Variable([1.0, 2.0]), polynet.Variable(1.0)
    with polynet.StatelessScope([(v, np.array([5.0, 6.0], "float32"))]) as scope:
        np.testing.assert_array_equal(to_numpy(v.value), [5, 6])
        v.assign_add([1.0, 1.0])
        w.assign(7.0)
        np.testing.assert_array_equal(to_numpy(v + w), [13, 14])
    np.testing.assert_array_equal(v.numpy(), [1, 2])
    assert float(w) == 1.0
    np.testing.assert_array_equal(to_numpy(scope.get_current_value(v)), [6, 7])
    assert {id(variable) for variable, _ in scope.updates()} == {id(v), id(w)}
    with pytest.raises(errors.ShapeError, match=r"has shape \(2,\)"):
        polynet.StatelessScope([(v, np.zeros(3, "float32"))])


def test_item_assignment_to_symbolic_and_watched_values_points_to_variable():
    with pytest.raises(TypeError, match=r"polynet\.Variable"):
        polynet.Input((2,))[0] = 1.0
    if current().tape is None:
        with polynet.GradientTape() as tape, pytest.raises(TypeError, match=r"polynet\.Variable"):
            tape.watch(ops.ones(2))[0] = 1.0
