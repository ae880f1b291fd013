"""JAX's recurrent loops: ``lax.scan`` forwards and back.

Nothing but native overrides of the ops of ``polynet/ops/recurrent.py``. The input is projected inside of the
loop, since XLA on a CPU does not vectorize a loop's arithmetic on slices of a larger array; gates are kept apart for
the same reason. The gradient is written out, which is twice as fast as that of ``lax.scan``, but has no forward mode:
inside of ``polynet.jvp`` the bodies of the ops are run, as for unusual activations.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from polynet.op import OPS
from polynet.ops.recurrent import check_recurrent

_forward: ContextVar[bool] = ContextVar("polynet_jax_forward", default=False)


@contextlib.contextmanager
def forward_mode() -> Iterator[None]:
    """A block in which derivatives are taken forwards, which the written-out gradients do not know."""
    token = _forward.set(True)
    try:
        yield
    finally:
        _forward.reset(token)


def _body(name: str, *static: int) -> Any:
    """The body of an op, compiled, so that its loop is one."""
    run = jax.jit(lambda *args: OPS[name].function(*args), static_argnums=static)
    return staticmethod(lambda *args: run(*args))


class Recurrent:
    """The loops of simple recurrent networks, LSTM and GRU."""

    simple_rnn_steps = _body("simple_rnn_steps", 2)
    simple_rnn_gradient = _body("simple_rnn_gradient", 3)
    lstm_steps = _body("lstm_steps", 2, 3)
    lstm_gradient = _body("lstm_gradient", 3, 4)
    gru_steps = _body("gru_steps", 2, 3, 4)
    gru_gradient = _body("gru_gradient", 3, 4, 5)

    @staticmethod
    def lstm(
        x: Any,
        h: Any,
        c: Any,
        kernel: Any,
        recurrent_kernel: Any,
        bias: Any = None,
        mask: Any = None,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        go_backwards: bool = False,
        zero_output_for_mask: bool = False,
    ) -> Any:
        usual = (activation, recurrent_activation) == ("tanh", "sigmoid")
        if not usual or not x.size or _forward.get():
            return OPS["lstm"].function(
                *(x, h, c, kernel, recurrent_kernel, bias, mask, activation),
                *(recurrent_activation, go_backwards, zero_output_for_mask),
            )
        check_recurrent(x, {"h": h, "c": c}, kernel, recurrent_kernel, bias, (4,), mask)
        return _lstm(
            *(x, (h, c), (kernel, recurrent_kernel, bias), mask, go_backwards),
            zero_output_for_mask,
        )

    @staticmethod
    def gru(
        x: Any,
        h: Any,
        kernel: Any,
        recurrent_kernel: Any,
        bias: Any = None,
        mask: Any = None,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        reset_after: bool = True,
        go_backwards: bool = False,
        zero_output_for_mask: bool = False,
    ) -> Any:
        usual = (activation, recurrent_activation, reset_after) == ("tanh", "sigmoid", True)
        if not usual or not x.size or _forward.get():
            return OPS["gru"].function(
                *(x, h, kernel, recurrent_kernel, bias, mask, activation, recurrent_activation),
                *(reset_after, go_backwards, zero_output_for_mask),
            )
        check_recurrent(x, {"h": h}, kernel, recurrent_kernel, bias, (2, 3), mask)
        return _gru(
            *(x, h, (kernel, recurrent_kernel, bias), mask, go_backwards),
            zero_output_for_mask,
        )


# ----------------------------------------------------------------------------------- what they share


def _time_first(x: Any, mask: Any, go_backwards: bool) -> tuple[Any, Any]:
    """The input and the mask with time as their first axis, in the order of the steps."""
    x = jnp.swapaxes(x, 0, 1)
    mask = None if mask is None else jnp.swapaxes(mask, 0, 1)[..., None]
    if go_backwards:
        x, mask = x[::-1], None if mask is None else mask[::-1]
    return x, mask


def _outputs(states: Any, mask: Any, zero_output_for_mask: bool) -> Any:
    if mask is not None and zero_output_for_mask:
        states = jnp.where(mask, states, 0)
    return jnp.swapaxes(states, 0, 1)


def _kept(mask: Any, new: Any, old: Any) -> Any:
    return new if mask is None else jnp.where(mask, new, old)


def _split(mask: Any, g: Any) -> tuple[Any, Any]:
    """What of a cotangent goes through a step, and what goes around it."""
    return (g, 0) if mask is None else (jnp.where(mask, g, 0), jnp.where(mask, 0, g))


def _before(first: Any, states: Any) -> Any:
    """The state that each step began with."""
    return jnp.concatenate([first[None], states[:-1]])


def _product(states: Any, cotangents: Any) -> Any:
    """``states.T @ cotangents`` over all steps and examples."""
    return states.reshape(-1, states.shape[-1]).T @ cotangents.reshape(-1, cotangents.shape[-1])


# --------------------------------------------------------------------------------------------- LSTM


def _lstm_run(x: Any, mask: Any, states: Any, weights: Any) -> Any:
    kernel, recurrent_kernel, bias = weights

    def step(carry: Any, now: Any) -> Any:
        h, c = carry
        x, here = now
        z = x @ kernel + (h @ recurrent_kernel + bias)
        i, f, a, o = jnp.split(z, 4, -1)
        i, f, a, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(a), jax.nn.sigmoid(o)
        new = f * c + i * a
        h, c = _kept(here, o * jnp.tanh(new), h), _kept(here, new, c)
        return (h, c), (h, c, i, f, a, o)

    (h, c), every = lax.scan(step, states, (x, mask))
    return (every[0], h, c), every


@jax.custom_vjp
def _lstm_loop(x: Any, mask: Any, states: Any, weights: Any) -> Any:
    return _lstm_run(x, mask, states, weights)[0]


def _lstm_forth(x: Any, mask: Any, states: Any, weights: Any) -> Any:
    result, every = _lstm_run(x, mask, states, weights)
    return result, (x, mask, states, weights, every)


def _lstm_back(saved: Any, cotangents: Any) -> Any:
    x, mask, (first, first_cell), (kernel, recurrent_kernel, _), every = saved
    states, cells, *gates = every
    g, dh, dc = cotangents
    back = recurrent_kernel.T

    def step(carry: Any, now: Any) -> Any:
        g, c, before, i, f, a, o, here = now
        dh, h_around = _split(here, carry[0] + g)
        dc, c_around = _split(here, carry[1])
        shown = jnp.tanh(c)
        dc = dc + dh * o * (1 - shown * shown)
        parts = [dc * a * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - a * a)]
        dz = jnp.concatenate([*parts, dh * shown * o * (1 - o)], -1)
        return (dz @ back + h_around, dc * f + c_around), dz

    xs = (g, cells, _before(first_cell, cells), *gates, mask)
    (dh, dc), dz = lax.scan(step, (dh, dc), xs, reverse=True)
    weights = _product(x, dz), _product(_before(first, states), dz), dz.sum((0, 1))
    return dz @ kernel.T, None, (dh, dc), weights


_lstm_loop.defvjp(_lstm_forth, _lstm_back)


def _lstm_compiled(
    x: Any, states: Any, weights: Any, mask: Any, go_backwards: bool, zero_output_for_mask: bool
) -> Any:
    kernel, recurrent_kernel, bias = weights
    bias = jnp.zeros(kernel.shape[-1], kernel.dtype) if bias is None else bias
    x, mask = _time_first(x, mask, go_backwards)
    every, h, c = _lstm_loop(x, mask, states, (kernel, recurrent_kernel, bias))
    return _outputs(every, mask, zero_output_for_mask), h, c


_lstm = jax.jit(_lstm_compiled, static_argnums=(4, 5))

# ---------------------------------------------------------------------------------------------- GRU


def _gru_run(x: Any, mask: Any, first: Any, weights: Any) -> Any:
    kernel, recurrent_kernel, bias = weights

    def step(h: Any, now: Any) -> Any:
        x, here = now
        update, reset, candidate = jnp.split(x @ kernel + bias[0], 3, -1)
        of_update, of_reset, inner = jnp.split(h @ recurrent_kernel + bias[1], 3, -1)
        update, reset = jax.nn.sigmoid(update + of_update), jax.nn.sigmoid(reset + of_reset)
        candidate = jnp.tanh(candidate + reset * inner)
        h = _kept(here, update * h + (1 - update) * candidate, h)
        return h, (h, update, reset, candidate, inner)

    h, every = lax.scan(step, first, (x, mask))
    return (every[0], h), every


@jax.custom_vjp
def _gru_loop(x: Any, mask: Any, first: Any, weights: Any) -> Any:
    return _gru_run(x, mask, first, weights)[0]


def _gru_forth(x: Any, mask: Any, first: Any, weights: Any) -> Any:
    result, every = _gru_run(x, mask, first, weights)
    return result, (x, mask, first, weights, every)


def _gru_back(saved: Any, cotangents: Any) -> Any:
    x, mask, first, (kernel, recurrent_kernel, _), (states, *gates) = saved
    g, dh = cotangents
    back, before = recurrent_kernel.T, _before(first, states)

    def step(dh: Any, now: Any) -> Any:
        g, h, update, reset, candidate, inner, here = now
        dh, around = _split(here, dh + g)
        d_update = dh * (h - candidate) * update * (1 - update)
        d_candidate = dh * (1 - update) * (1 - candidate * candidate)
        d_reset = d_candidate * inner * reset * (1 - reset)
        product = jnp.concatenate([d_update, d_reset, d_candidate * reset], -1)
        return dh * update + product @ back + around, (product, d_candidate)

    dh, (products, d_candidate) = lax.scan(step, dh, (g, before, *gates, mask), reverse=True)
    units = states.shape[-1]
    dz = jnp.concatenate([products[..., : 2 * units], d_candidate], -1)
    bias = jnp.stack([dz.sum((0, 1)), products.sum((0, 1))])
    return dz @ kernel.T, None, dh, (_product(x, dz), _product(before, products), bias)


_gru_loop.defvjp(_gru_forth, _gru_back)


def _gru_compiled(
    x: Any, first: Any, weights: Any, mask: Any, go_backwards: bool, zero_output_for_mask: bool
) -> Any:
    kernel, recurrent_kernel, bias = weights
    bias = jnp.zeros((2, kernel.shape[-1]), kernel.dtype) if bias is None else bias
    x, mask = _time_first(x, mask, go_backwards)
    every, h = _gru_loop(x, mask, first, (kernel, recurrent_kernel, bias))
    return _outputs(every, mask, zero_output_for_mask), h


_gru = jax.jit(_gru_compiled, static_argnums=(4, 5))
