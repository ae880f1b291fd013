"""Attention as one piece with its gradient, for backends with a faster way; not published in ``polynet.ops``.

``dot_product_attention``, in ``neural.py``, checks its arguments and comes here, unless there is a bias or a cap.
"""

from __future__ import annotations

from collections.abc import Sequence

from polynet import spec
from polynet.op import op
from polynet.ops import primitives as ops
from polynet.ops.activations import softmax, softmax_slope
from polynet.ops.elementwise import largest
from polynet.ops.precision import in_dtype, wide_dtype
from polynet.tensor import Tensor
from polynet.values import dtype_of


def in_groups(x: Tensor, key_heads: int) -> Tensor:
    """Of (batch, heads, targets, any): those heads that share a key head one after the other, as if more targets."""
    batch, heads, targets, last = x.shape
    return ops.reshape(x, (batch, key_heads, heads // key_heads * targets, last))


def logits_of(query: Tensor, key: Tensor, scale: float) -> Tensor:
    """How well each key fits each query: (batch, heads, targets, sources), in float32 at least."""
    dtype = wide_dtype(dtype_of(query))
    batch, targets, heads, _ = query.shape
    rows = in_groups(ops.transpose(in_dtype(query, dtype) * scale, (0, 2, 1, 3)), key.shape[2])
    logits = ops.matmul(rows, ops.transpose(in_dtype(key, dtype), (0, 2, 3, 1)))
    return ops.reshape(logits, (batch, heads, targets, key.shape[1]))


def masked(logits: Tensor, mask: Tensor | None) -> Tensor:
    """The logits, far below all others where the mask is false."""
    return logits if mask is None else ops.where(mask, logits, -0.7 * largest(dtype_of(logits)))


def values_by(weights: Tensor, value: Tensor) -> Tensor:
    """The weighted means of the values: (batch, targets, heads, value size)."""
    batch, heads, targets, _ = weights.shape
    rows = in_groups(in_dtype(weights, dtype_of(value)), value.shape[2])
    result = ops.matmul(rows, ops.transpose(value, (0, 2, 1, 3)))
    return ops.transpose(
        ops.reshape(result, (batch, heads, targets, value.shape[-1])), (0, 2, 1, 3)
    )


@op(dtypes=spec.each)
def attended(tensors: Sequence[Tensor], mask: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """``softmax(query @ key * scale) @ value`` for each head, from ``[query, key, value]``, and the weights.

    The shapes are those of ``dot_product_attention``; the mask is bool.
    """
    query, key, value = tensors
    weights = softmax(masked(logits_of(query, key, scale), mask))
    return values_by(weights, value), weights


@op(dtypes=spec.each)
def attended_gradient(
    cotangents: Sequence[Tensor], saved: Sequence[Tensor], mask: Tensor | None, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of ``attended`` by its tensors; ``saved`` holds them, and the weights."""
    query, key, value, weights = saved
    names, (batch, targets, heads, _) = [dtype_of(x) for x in saved[:3]], query.shape
    dtype, key_heads = dtype_of(weights), key.shape[2]
    g, query, key, value = (in_dtype(x, dtype) for x in (cotangents[0], query, key, value))

    def laid(x: Tensor) -> Tensor:
        return in_groups(ops.transpose(x, (0, 2, 1, 3)), key_heads)

    def summed(x: Tensor, y: Tensor) -> Tensor:
        return ops.transpose(ops.matmul(ops.transpose(x, (0, 1, 3, 2)), y), (0, 2, 1, 3))

    of_weights = ops.matmul(laid(g), ops.transpose(value, (0, 2, 3, 1)))
    of_weights = ops.reshape(of_weights, tuple(weights.shape)) + cotangents[1]
    slopes = softmax_slope(of_weights, weights, -1)
    if mask is not None:
        slopes = ops.where(mask, slopes, 0.0)
    slopes = in_groups(slopes, key_heads)
    rows = ops.matmul(slopes, ops.transpose(key, (0, 2, 1, 3)))
    rows = ops.reshape(rows, (batch, heads, targets, query.shape[-1]))
    found = (
        ops.transpose(rows, (0, 2, 1, 3)) * scale,
        summed(slopes, laid(query * scale)),
        summed(in_groups(weights, key_heads), laid(g)),
    )
    by_query, by_key, by_value = (in_dtype(x, name) for x, name in zip(found, names, strict=True))
    return by_query, by_key, by_value


attended.vjp(
    lambda g, y, tensors, mask, scale: attended_gradient(list(g), [*tensors, y[1]], mask, scale),
    None,
)
