"""Random numbers with JAX: the same bits as everywhere, or JAX's own.

Inside compiled code Threefry is unrolled, which XLA fuses with what follows.  Outside, a compilation for each shape
would cost more than most draws, so that these come from the core's generator for host data; large ones are compiled.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from polynet.random import draws, host

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_HOST_LIMIT = 1 << 20
"""Draws of more elements are compiled."""


def _bits(key: Any, shape: tuple[int, ...]) -> Any:
    count = math.prod(shape)
    k0, k1 = key.view(np.uint32)
    keys = (k0, k1, k0 ^ k1 ^ _PARITY)
    x = jnp.arange(-(-count // 2), dtype=np.uint32) + k0
    y = jnp.full(x.shape, k1)
    for i in range(5):
        for by in _ROTATIONS[i & 1]:
            x = x + y
            y = x ^ ((y << np.uint32(by)) | (y >> np.uint32(32 - by)))
        x = x + keys[(i + 1) % 3]
        y = y + (keys[(i + 2) % 3] + np.uint32(i + 1))
    return jnp.concatenate([x, y])[:count].view(np.int32).reshape(shape)


def _drawing(
    on_host: Callable[..., Any], op: Any, static: tuple[int, ...], size: Callable[..., int]
) -> Any:
    """A method that draws on the host or on the device, whichever is the faster here."""
    body = _bits if op is None else op.op.function
    compiled = jax.jit(body, static_argnums=static)

    def draw(key: Any, *args: Any) -> Any:
        if isinstance(key, jax.core.Tracer):
            return body(key, *args)
        if size(*args) > _HOST_LIMIT:
            return compiled(key, *args)
        return jax.device_put(on_host(np.asarray(key), *args))

    return staticmethod(draw)


def _compiled(op: Any, *static: int) -> Any:
    return staticmethod(jax.jit(op.op.function, static_argnums=static))


def _elements(shape: tuple[int, ...], *_: Any) -> int:
    return math.prod(shape)


def _permutation(key: Any, count: int) -> Any:
    return host.permutation(key, count).astype(np.int32)


class RandomNumbers:
    """The part of the backend that draws random numbers."""

    # ------------------------------------------------------------------- the same bits everywhere

    random_bits = _drawing(host.bits, None, (1,), _elements)
    random_uniform = _drawing(host.uniform, draws.random_uniform, (1, 2, 3, 4), _elements)
    random_quantiles = _drawing(host.quantiles, draws.random_quantiles, (1, 2, 3, 4, 5), _elements)
    random_keep = _drawing(host.keep, draws.random_keep, (1, 2), _elements)
    random_permutation = _drawing(_permutation, draws.random_permutation, (1,), lambda count: count)

    # Many small steps each, which are best compiled together.
    random_gamma = _compiled(draws.random_gamma, 2)
    random_beta = _compiled(draws.random_beta, 3)
    random_binomial = _compiled(draws.random_binomial, 3, 4)

    # ---------------------------------------------------------------------------- JAX's own bits

    def native_uniform(self, key: Any, shape: tuple[int, ...], dtype: str) -> Any:
        return jax.random.uniform(_own_key(key), shape, dtype)

    def native_normal(self, key: Any, shape: tuple[int, ...], dtype: str) -> Any:
        return jax.random.normal(_own_key(key), shape, dtype)


def _own_key(key: Any) -> Any:
    size = jax.random.key_data(
        jax.random.key(0)
    ).size  # depends on the generator that is configured
    return jax.random.wrap_key_data(jnp.resize(key.view(np.uint32), size))
