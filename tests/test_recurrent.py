"""The recurrent ops beyond their rows: beside torch's modules, compiled, differentiated; and `rnn` over any step."""

import importlib.util
import os

import numpy as np
import pytest

import polynet
from polynet import errors, ops, plugins
from polynet.ops import recurrent

BACKEND = plugins.current()
WIDE = BACKEND.name != "jax" or os.environ.get("JAX_ENABLE_X64") == "1"
DTYPE = "float64" if WIDE else "float32"
CLOSE = {"rtol": 1e-9, "atol": 1e-9} if WIDE else {"rtol": 2e-5, "atol": 2e-5}
BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5


def host(x):
    return ops.convert_to_numpy(x)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(DTYPE)


def arguments(gates, states=1, bias=True, double_bias=False):
    given = [numbers(BATCH, TIME, FEATURES)]
    given += [numbers(BATCH, UNITS, seed=i + 1) for i in range(states)]
    given += [
        numbers(FEATURES, gates * UNITS, seed=7),
        numbers(UNITS, gates * UNITS, seed=8),
    ]
    if bias:
        given.append(numbers(*([2] if double_bias else []), gates * UNITS, seed=9))
    return [ops.convert_to_tensor(value) for value in given]


CALLS = {
    "simple_rnn": (recurrent.simple_rnn, lambda: arguments(1)),
    "lstm": (recurrent.lstm, lambda: arguments(4, states=2)),
    "gru": (recurrent.gru, lambda: arguments(3, double_bias=True)),
}
every = pytest.mark.parametrize("name", list(CALLS))

# ----------------------------------------------------------------------------------- beside torch


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is the reference")
@pytest.mark.parametrize("go_backwards", [False, True])
@every
def test_values_are_those_of_torch_modules(name, go_backwards):
    import torch

    call, make = CALLS[name]
    given = make()
    found = call(*given, go_backwards=go_backwards)
    x, *rest = [torch.tensor(host(value)) for value in given]
    states = rest[: 2 if name == "lstm" else 1]
    kernel, recurrent_kernel, bias = rest[len(states) :]
    module = {"simple_rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name]
    net = module(FEATURES, UNITS, batch_first=True).to(x.dtype)

    def ordered(weight):
        if name == "gru":
            update, reset, candidate = weight.chunk(3, -1)
            weight = torch.cat([reset, update, candidate], -1)
        return weight.T if weight.ndim > 1 else weight

    second = torch.zeros_like(bias)
    if name == "gru":
        bias, second = bias
    with torch.no_grad():
        net.weight_ih_l0.copy_(ordered(kernel))
        net.weight_hh_l0.copy_(ordered(recurrent_kernel))
        net.bias_ih_l0.copy_(ordered(bias))
        net.bias_hh_l0.copy_(ordered(second))
        first = tuple(state[None] for state in states)
        y, last = net(x.flip(1) if go_backwards else x, first if name == "lstm" else first[0])
    last = last if name == "lstm" else (last,)
    for mine, theirs in zip(found, [y, *(state[0] for state in last)], strict=True):
        np.testing.assert_allclose(host(mine), theirs.numpy(), **CLOSE)


# ------------------------------------------------------------------------------------- derivatives


def _loss(call, given, **kwargs):
    total = 0.0
    for result in call(*given, **kwargs):
        shape = tuple(result.shape)
        factors = np.cos(np.arange(np.prod(shape))).reshape(shape).astype(DTYPE)
        total = total + ops.sum(result * ops.convert_to_tensor(factors))
    return total


MASK = np.array([[1, 1, 1, 1, 0, 0], [1, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1]], bool)


@pytest.mark.parametrize("masked", [False, True])
@every
def test_tape_and_functions_give_one_gradient(name, masked):
    call, make = CALLS[name]
    more = {"mask": MASK} if masked else {}
    variables = [polynet.Variable(host(value)) for value in make()]

    def loss():
        return _loss(call, [variable.value for variable in variables], **more)

    _, expected = polynet.value_and_grad(loss, variables=variables)()
    with polynet.GradientTape() as tape:
        value = loss()
    for mine, theirs in zip(tape.gradient(value, variables), expected, strict=True):
        np.testing.assert_allclose(host(mine), host(theirs), **CLOSE)


@pytest.mark.parametrize(("name", "masked"), [("gru", True), ("lstm", False)])
def test_compiled_gradient(name, masked):
    call, make = CALLS[name]
    given = make()
    more = {"mask": ops.convert_to_tensor(MASK)} if masked else {}
    numbers_of = tuple(range(len(given)))

    def gradients(*values):
        return polynet.value_and_grad(lambda *values: _loss(call, values, **more), numbers_of)(
            *values
        )

    value, found = polynet.jit(gradients, compile=True)(*given)
    expected_value, expected = gradients(*given)
    np.testing.assert_allclose(float(value), float(expected_value), **CLOSE)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(host(mine), host(theirs), **CLOSE)


@every
def test_forward_mode(name):
    if BACKEND.transforms is None:
        pytest.skip("jvp is the library's own, and this one has none")
    call, make = CALLS[name]
    given = make()
    directions = [ops.cos(value * 3.0) for value in given]
    _, found = polynet.jvp(lambda *values: _loss(call, values), tuple(given), tuple(directions))
    gradients = polynet.grad(lambda *values: _loss(call, values), tuple(range(len(given))))(*given)
    expected = sum(float(ops.sum(g * d)) for g, d in zip(gradients, directions, strict=True))
    assert float(found) == pytest.approx(expected, rel=1e-4)


@every
def test_vmap(name):
    call, make = CALLS[name]
    x, *rest = make()
    xs = ops.stack([x, x * 2, x - 1])
    found = polynet.vmap(lambda x: call(x, *rest)[0])(xs)
    for i in range(3):
        np.testing.assert_allclose(host(found)[i], host(call(xs[i], *rest)[0]), **CLOSE)


@every
def test_long_sequences_take_few_entries_on_the_tape(name):
    """A step more costs nothing in Python objects: the loop is one entry."""
    from polynet.autodiff.box import Recorder

    call, make = CALLS[name]
    x, *rest = make()
    lengths = []
    for long in (x, ops.concatenate([x] * 10, 1)):
        recorder = Recorder()
        call(recorder.source(long), *rest)
        lengths.append(len(recorder.entries))
    assert lengths[0] == lengths[1] < 30


# ---------------------------------------------------------------------------------------- any step


def _step(x, states):
    h = ops.tanh(x + states[0])
    return h, [h]


def _expected(x, mask=None, go_backwards=False, zero=False):
    order = range(x.shape[1])[:: -1 if go_backwards else 1]
    h, outputs = np.zeros_like(x[:, 0]), []
    for t in order:
        here = np.ones((len(x), 1), bool) if mask is None else mask[:, t : t + 1]
        h = np.where(here, np.tanh(x[:, t] + h), h)
        outputs.append(np.where(here, h, 0) if zero else h)
    return np.stack(outputs, 1), h


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("mask", [None, MASK])
def test_rnn(go_backwards, zero, mask):
    x = numbers(BATCH, TIME, 2)
    last, outputs, (h,) = recurrent.rnn(
        _step,
        ops.convert_to_tensor(x),
        [ops.zeros((BATCH, 2), DTYPE)],
        go_backwards=go_backwards,
        mask=mask,
        zero_output_for_mask=zero,
    )
    expected, end = _expected(x, mask, go_backwards, zero)
    np.testing.assert_allclose(host(outputs), expected, **CLOSE)
    np.testing.assert_allclose(host(last), expected[:, -1], **CLOSE)
    np.testing.assert_allclose(host(h), end, **CLOSE)


def test_rnn_takes_trees_constants_and_time_first():
    x = numbers(TIME, BATCH, 2)

    def step(inputs, states):
        h, factor = states
        h = h + (inputs["a"] + inputs["b"]) * factor
        return h, (h,)

    inputs = {"a": ops.convert_to_tensor(x), "b": ops.convert_to_tensor(2 * x)}
    first = ops.zeros((BATCH, 2), DTYPE)
    factor = ops.full((2,), 0.5, DTYPE)
    last, outputs, _ = recurrent.rnn(
        step, inputs, [first], constants=[factor], time_major=True, return_all_outputs=False
    )
    assert tuple(outputs.shape) == (1, BATCH, 2)
    np.testing.assert_allclose(host(last), 1.5 * x.sum(0), **CLOSE)


def test_rnn_without_an_output_to_repeat():
    def step(x, states):
        return ops.concatenate([x, x], -1), states

    x, h = ops.convert_to_tensor(numbers(BATCH, TIME, 2)), ops.zeros((BATCH, 2), DTYPE)
    with pytest.raises(errors.ShapeError, match="Use zero_output_for_mask=True, or put"):
        recurrent.rnn(step, x, [h], mask=MASK)
    last, *_ = recurrent.rnn(step, x, [h], mask=MASK, zero_output_for_mask=True)
    assert tuple(last.shape) == (BATCH, 4)


def test_rnn_compiled():
    if BACKEND.transforms is None:
        pytest.skip("this library does not compile")
    x, h = ops.convert_to_tensor(numbers(BATCH, TIME, 2)), ops.zeros((BATCH, 2), DTYPE)
    mask = ops.convert_to_tensor(MASK)

    def run(x, h):
        return recurrent.rnn(_step, x, [h], mask=mask)[1]

    np.testing.assert_allclose(host(polynet.jit(run, compile=True)(x, h)), host(run(x, h)), **CLOSE)
