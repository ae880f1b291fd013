"""Random numbers with PyTorch: the same bits as everywhere, or torch's own.

Eager torch would start a hundred kernels for a draw, and compiling Threefry for a processor takes ten seconds for each
place where it stands.  So in the processor's memory draws come from the core's generator for host data, without a
copy, in compiled code too, as one opaque operator; small draws for another device do as well.  Large ones, and those
inside other transformations, are computed in tensors.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from polynet.random import draws, host

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA
_HOST_LIMIT = 1 << 18
"""Larger draws for a device are computed there."""


def _bits(key: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """int32 arithmetic wraps around, and so has the low 32 bits of unsigned arithmetic."""
    count = math.prod(shape)
    k0, k1 = key[0], key[1]
    keys = (k0, k1, k0 ^ k1 ^ _PARITY)
    x = torch.arange(-(-count // 2), dtype=torch.int32, device=key.device) + k0
    y = k1.expand(x.shape)
    for i in range(5):
        for by in _ROTATIONS[i & 1]:
            x = x + y
            y = x ^ ((y << by) | ((y >> (32 - by)) & ((1 << by) - 1)))
        x = x + keys[(i + 1) % 3]
        y = y + (keys[(i + 2) % 3] + (i + 1))
    return torch.cat([x, y])[:count].reshape(shape)


# --------------------------------------------------------------------------------- where to draw


def _permutation(key: Any, count: int) -> Any:
    return host.permutation(key, count).astype(np.int32)


_HOST: dict[str, Callable[..., Any]] = {
    "bits": host.bits,
    "uniform": host.uniform,
    "quantiles": host.quantiles,
    "keep": host.keep,
    "permutation": _permutation,
}


def _drawing(name: str, body: Callable[..., Any], dtype: str | None) -> Any:
    """A method that draws on the host or in tensors, whichever is possible and the faster here.

    Args:
        name: the function on the host.
        body: the same in tensors.
        dtype: that of the result; ``None``: the last argument says it.
    """

    def draw(key: torch.Tensor, *args: Any) -> torch.Tensor:
        device = key.device.type
        shape = args[0] if isinstance(args[0], tuple) else args[:1]
        if _is_transformed(key) or (device != "cpu" and math.prod(shape) > _HOST_LIMIT):
            return body(key, *args)
        if not _is_traced(key):
            found = torch.from_numpy(_HOST[name](key.numpy(force=True), *args))
            return found if device == "cpu" else found.to(key.device)
        if device != "cpu":
            return body(key, *args)
        return _opaque()(key, name, json.dumps(args), shape, dtype or args[-1])

    return staticmethod(draw)


def _is_transformed(key: torch.Tensor) -> bool:
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(key))


def _is_traced(key: torch.Tensor) -> bool:
    return (
        type(key) is not torch.Tensor
        or torch.compiler.is_compiling()
        or is_in_torch_dispatch_mode()
    )


@functools.cache
def _opaque() -> Any:
    """The operator that stands for a draw on the host in compiled code; defined when first needed."""

    def draw(
        key: torch.Tensor, name: str, arguments: str, shape: list[int], dtype: str
    ) -> torch.Tensor:
        args = [tuple(a) if isinstance(a, list) else a for a in json.loads(arguments)]
        return torch.from_numpy(_HOST[name](key.numpy(), *args))

    def shaped(
        key: torch.Tensor, name: str, arguments: str, shape: list[int], dtype: str
    ) -> torch.Tensor:
        return key.new_empty(shape, dtype=getattr(torch, dtype))

    schema = "(Tensor key, str name, str arguments, int[] shape, str dtype) -> Tensor"
    operator = torch.library.custom_op("polynet::draw", draw, mutates_args=(), schema=schema)
    operator.register_fake(shaped)
    return operator


class RandomNumbers:
    """The part of the backend that draws random numbers."""

    # ------------------------------------------------------------------- the same bits everywhere

    random_bits = _drawing("bits", _bits, "int32")
    random_uniform = _drawing("uniform", draws.random_uniform.op.function, None)
    random_quantiles = _drawing("quantiles", draws.random_quantiles.op.function, None)
    random_keep = _drawing("keep", draws.random_keep.op.function, "bool")
    random_permutation = _drawing("permutation", draws.random_permutation.op.function, "int32")

    # --------------------------------------------------------------------------- torch's own bits

    native_dtype: Callable[[str], torch.dtype]

    def native_uniform(self, key: Any, shape: tuple[int, ...], dtype: str) -> Any:
        options = {"dtype": self.native_dtype(dtype), "device": key.device}
        return torch.rand(shape, generator=_generator(key), **options)

    def native_normal(self, key: Any, shape: tuple[int, ...], dtype: str) -> Any:
        options = {"dtype": self.native_dtype(dtype), "device": key.device}
        return torch.randn(shape, generator=_generator(key), **options)


def _generator(key: torch.Tensor) -> torch.Generator | None:
    """A generator that the key seeds; in compiled code torch's global one, which alone can be traced."""
    if _is_traced(key) or _is_transformed(key):
        return None
    high, low = key.tolist()
    return torch.Generator(key.device).manual_seed(high << 32 | low & 0xFFFFFFFF)
