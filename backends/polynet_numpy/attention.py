"""Attention and its gradient, a few heads at a time, so that their weights stay in the cache from product to product.

What is not covered (other dtypes than float32, heads that share keys) runs the op's body.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from polynet.op import OPS
from polynet_numpy.activations import normalized_powers

_BLOCK = 1 << 17  # weights that a block may have
_LEAST = -0.7 * np.finfo(np.float32).max


class Attention:
    """Attention over ready heads."""

    @staticmethod
    def attended(tensors: Any, mask: Any, scale: float) -> Any:
        query, key, value = tensors
        if not _covered(query, key, value):
            return OPS["attended"].function(tensors, mask, scale)
        batch, targets, heads, _ = query.shape
        weights = np.empty((batch, heads, targets, key.shape[1]), query.dtype)
        result = np.empty((batch, targets, heads, value.shape[-1]), query.dtype)
        away = None if mask is None else np.broadcast_to(~mask, weights.shape)
        ones = np.ones((key.shape[1], 1), query.dtype)
        scale = np.float32(scale)
        for block in _blocks(weights.shape):
            q, k, v = (_heads_first(x, block) for x in tensors)
            logits = np.matmul(np.multiply(q, scale, order="C"), k.swapaxes(-1, -2))
            if away is not None:
                np.copyto(logits, _LEAST, where=away[block])
            normalized_powers(logits, weights[block], ones)
            _heads_first(result, block)[...] = np.matmul(weights[block], v)
        return result, weights

    @staticmethod
    def attended_gradient(cotangents: Any, saved: Any, mask: Any, scale: float) -> Any:
        g, by_weights = cotangents
        query, key, value, weights = saved
        if not _covered(query, key, value, g, weights) or _some(by_weights):
            return OPS["attended_gradient"].function(cotangents, saved, mask, scale)
        found = tuple(np.empty(x.shape, x.dtype) for x in (query, key, value))
        ones = np.ones((key.shape[1], 1), query.dtype)
        away = None
        if (
            mask is not None and not mask.any(-1).all()
        ):  # else the weights are 0 where the mask is false
            away = np.broadcast_to(~mask, weights.shape)
        scale = np.float32(scale)
        for block in _blocks(weights.shape):
            q, k, v, g_block = (_heads_first(x, block) for x in (query, key, value, g))
            dq, dk, dv = (_heads_first(x, block) for x in found)
            now = weights[block]
            dv[...] = np.matmul(now.swapaxes(-1, -2), g_block)
            slopes = np.matmul(g_block, v.swapaxes(-1, -2))
            slopes -= np.matmul(slopes * now, ones)
            slopes *= now
            if away is not None:
                np.copyto(slopes, 0, where=away[block])
            np.multiply(np.matmul(slopes, k), scale, dq)
            np.multiply(np.matmul(slopes.swapaxes(-1, -2), q), scale, dk)
        return found


def _covered(query: Any, key: Any, *others: Any) -> bool:
    """Is it float32, with elements, and has each head a key head of its own?"""
    return (
        query.dtype == np.float32
        and query.shape[2] == key.shape[2]
        and query.size > 0
        and all(x.size > 0 and x.dtype == np.float32 for x in (key, *others))
    )


def _some(g: Any) -> bool:
    """Is a cotangent anything but zero, as that of a result is that nobody used?"""
    return bool((g[(slice(0, 1),) * g.ndim] if not any(g.strides) else g).any())


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Which images and heads of weights of that shape, whose blocks are small enough."""
    batch, heads, targets, sources = shape
    step = max(1, min(heads, _BLOCK // (targets * sources)))
    images = max(1, _BLOCK // (targets * sources * heads)) if step == heads else 1
    for image in range(0, batch, images):
        for head in range(0, heads, step):
            yield slice(image, image + images), slice(head, head + step)


def _heads_first(x: Any, block: tuple[slice, slice]) -> Any:
    """A view of a block of ``x``, which is (batch, length, heads, size), as (batch, heads, length, size)."""
    return x[block[0], :, block[1]].transpose(0, 2, 1, 3)
