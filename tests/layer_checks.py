"""The checks that every row about a layer goes through, on the active backend. What a row is: `layer_rows.py`."""

import os

import numpy as np
import pytest
from layer_rows import golden, summary, weight_values

import polynet
from polynet import masking, ops, plugins, tree

BACKEND = plugins.current()
WIDE = BACKEND.name != "jax" or os.environ.get("JAX_ENABLE_X64") == "1"


def parameters(rows):
    return [pytest.param(row, id=row.id) for row in rows]


def host(x):
    return ops.convert_to_numpy(x)


def prepared(row, wide=False, **kwargs):
    """The layer, built and with the row's weights, and its arguments."""
    layer = row.make(polynet, **kwargs)
    tensors = [
        ops.convert_to_tensor(array) for array in row.arrays("float64" if wide else "float32")
    ]
    for tensor, mask in zip(tensors, row.masks or (), strict=False):
        if mask is not None:
            masking.set_mask(tensor, ops.convert_to_tensor(mask))
    args, kwargs = row.arguments(tensors)
    if not layer.built or not layer.weights:
        layer(*args, **{**kwargs, **({"training": False} if "training" in kwargs else {})})
    layer.set_weights(weight_values(layer))
    return layer, args, kwargs


def flat(outputs):
    return [host(leaf) for leaf in tree.flatten(outputs)]


def check_values(row, family, tolerance=2e-5):
    """Outputs, masks and what training changed, beside what Keras gave."""
    expected = golden(family)[row.id]
    layer, args, kwargs = prepared(row)
    assert [list(weight.shape) for weight in layer.weights] == expected["weights"]
    outputs = layer(*args, **kwargs)
    leaves = flat(outputs)
    assert [list(leaf.shape) for leaf in leaves] == expected["shapes"]
    for leaf, numbers in zip(leaves, expected["values"], strict=True):
        np.testing.assert_allclose(
            summary(leaf), numbers, rtol=tolerance, atol=tolerance * max(1, leaf.size**0.5)
        )
    first = tree.flatten(outputs)[0]
    mask = masking.get_mask(first)
    assert (None if mask is None else host(mask).astype(int).tolist()) == expected["mask"]
    after = [summary(weight.numpy()) for weight in layer.weights if not weight.trainable]
    for mine, theirs in zip(after, expected["after"], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-5, atol=2e-5)


def check_symbolic(row, family):
    """Shapes on symbolic inputs with open lengths, as Keras has them; and half precision's dtypes."""
    expected = golden(family)[row.id]
    for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
        layer = row.make(polynet, dtype=policy)
        dtype = "int32" if row.integers else "float32"
        symbols = [polynet.Input(batch_shape=shape, dtype=dtype) for shape in row.symbolic_shapes()]
        args, kwargs = row.arguments(symbols)
        outputs = tree.flatten(layer(*args, **kwargs))
        assert [list(output.shape) for output in outputs] == expected["symbolic"]
        assert [output.dtype for output in outputs] == expected["dtypes"][policy]


def check_half(row, family):
    """Computed in half precision, the outputs have the dtype that was inferred, and are near."""
    expected = golden(family)[row.id]
    layer, args, kwargs = prepared(row, dtype="float32")
    wide = flat(layer(*args, **kwargs))
    layer, args, kwargs = prepared(row, dtype="float32")
    half = row.make(polynet, dtype="mixed_float16")
    half(*args, **{**kwargs, **({"training": False} if "training" in kwargs else {})})
    half.set_weights(weight_values(half))
    outputs = tree.flatten(half(*args, **kwargs))
    found = [polynet.backend.standardize_dtype(output.dtype) for output in outputs]
    assert found == expected["dtypes"]["mixed_float16"]
    for output, value in zip(outputs, wide, strict=True):
        scale = max(1.0, float(np.abs(value).max(initial=0)))
        np.testing.assert_allclose(
            host(output).astype("float32"), value, atol=0.02 * scale, rtol=0.02
        )


def check_config(row):
    """A layer made of another one's description does the same."""
    layer, args, kwargs = prepared(row)
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    again(*args, **{**kwargs, **({"training": False} if "training" in kwargs else {})})
    again.set_weights(weight_values(again))
    for one, other in zip(flat(layer(*args, **kwargs)), flat(again(*args, **kwargs)), strict=True):
        np.testing.assert_array_equal(one, other)


def check_gradient(row):
    """Derivatives by inputs and trainable weights, beside finite differences along one direction, in float64."""
    if not WIDE:
        pytest.skip("needs float64: JAX_ENABLE_X64=1")
    layer, args, kwargs = prepared(row, wide=True, dtype="float64")
    weights = layer.trainable_weights
    leaves = tree.flatten(args) if args else [kwargs[name] for name in row.inputs]
    inputs = [polynet.Variable(host(leaf)) for leaf in leaves] if not row.integers else []
    start = [host(variable) for variable in (*weights, *inputs)]
    states = [weight.numpy() for weight in layer.weights]

    def loss():
        tensors = [variable.value for variable in inputs] if inputs else leaves
        for tensor, mask in zip(tensors, row.masks or (), strict=False):
            if mask is not None:
                masking.set_mask(tensor, ops.convert_to_tensor(mask))
        again, more = row.arguments(tensors)
        outputs = tree.flatten(layer(*again, **more))
        total = 0.0
        for output in outputs:
            factors = np.cos(np.arange(int(np.prod(output.shape))) * 0.7).reshape(output.shape)
            total = total + ops.sum(output * ops.convert_to_tensor(factors))
        return total

    variables = [*weights, *inputs]
    _, gradients = polynet.value_and_grad(loss, variables=variables)()
    gradients = list(gradients)
    assert all(gradient is not None for gradient in gradients)
    directions = [np.sin(np.arange(v.size) * 2.3 + 1).reshape(v.shape) for v in start]
    found = sum(float((host(g) * d).sum()) for g, d in zip(gradients, directions, strict=True))
    values = []
    step = 1e-6
    for sign in (1, -1):
        layer.set_weights(states)
        for variable, value, direction in zip(variables, start, directions, strict=True):
            variable.assign(value + sign * step * direction)
        values.append(float(loss()))
    expected = (values[0] - values[1]) / (2 * step)
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-6)
    for weight, gradient in zip(weights, gradients, strict=False):
        assert np.abs(host(gradient)).max() > 0, f"no gradient reaches {weight.path}"
