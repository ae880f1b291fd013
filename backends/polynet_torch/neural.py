"""torch's own activations, normalizations, attention and correlation, where they are faster than the composites.

Nothing but native overrides of composites.  What torch's function does not do as the op does (several axes, a
logits cap) runs the op's body.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from polynet import config
from polynet.op import OPS
from polynet.ops.contraction import as_matrices
from polynet.ops.neural import check_attention
from polynet.spec import axes_indices
from polynet_torch.autodiff import in_transform, once_differentiable

_EVEN = 40.0  # from there on softplus(x) is x, in float64 too


def _body(op: str, *args: Any) -> Any:
    return OPS[op].function(*args)


class Neural:
    """Activations, normalizations, attention and correlation."""

    silu = staticmethod(functional.silu)
    log_sigmoid = staticmethod(functional.logsigmoid)
    selu = staticmethod(torch.selu)
    hard_tanh = staticmethod(functional.hardtanh)
    relu6 = staticmethod(functional.relu6)

    @staticmethod
    def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
        return functional.leaky_relu(x, negative_slope)

    @staticmethod
    def elu(x: Any, alpha: float = 1.0) -> Any:
        return functional.elu(x, alpha)

    @staticmethod
    def softplus(x: Any) -> Any:
        return functional.softplus(x, 1.0, _EVEN)

    @staticmethod
    def gelu(x: Any, approximate: bool = True) -> Any:
        return functional.gelu(x, approximate="tanh" if approximate else "none")

    @staticmethod
    def softmax(x: Any, axis: Any = -1) -> Any:
        if axis.__class__ is int and x.ndim:
            return torch.softmax(x, axis)
        return _body("softmax", x, axis)

    @staticmethod
    def log_softmax(x: Any, axis: Any = -1) -> Any:
        if axis.__class__ is int and x.ndim:
            return torch.log_softmax(x, axis)
        return _body("log_softmax", x, axis)

    @staticmethod
    def affine(x: Any, kernel: Any, bias: Any) -> Any:
        plain = x.dtype == kernel.dtype == bias.dtype and x.is_floating_point()
        if not plain or x.ndim < 2 or kernel.ndim != 2 or bias.ndim != 1:
            return _body("affine", x, kernel, bias)
        if x.ndim == 2:
            return torch.addmm(bias, x, kernel)
        return functional.linear(x, kernel.t(), bias)

    @staticmethod
    def biased_einsum(x: Any, kernel: Any, bias: Any, subscripts: str) -> Any:
        shapes = as_matrices(subscripts, tuple(x.shape), tuple(kernel.shape), tuple(bias.shape))
        if shapes is None or not x.is_floating_point():
            return _body("biased_einsum", x, kernel, bias, subscripts)
        rows, matrix, vector, made = shapes
        y = torch.addmm(
            bias.reshape(vector),
            x if rows is None else x.reshape(rows),
            kernel if matrix is None else kernel.reshape(matrix),
        )
        return y if made is None else y.reshape(made)

    @staticmethod
    def label_loss(labels: Any, logits: Any, axis: int) -> Any:
        count = logits.shape[axis]
        if not count:
            return _body("label_loss", labels, logits, axis)
        given = labels.long()
        labels = torch.where(given.clamp(0, count - 1) == given, given, -100)  # that is left out
        if axis == logits.ndim - 1:  # as a matrix: classes anywhere else are copied there and back
            rows = logits if logits.ndim == 2 else logits.reshape(-1, count)
            loss = functional.cross_entropy(rows, labels.reshape(-1), reduction="none")
            return loss.reshape(labels.shape)
        loss = functional.cross_entropy(
            logits.movedim(axis, 1), labels.squeeze(axis), reduction="none"
        )
        return loss.unsqueeze(axis)

    # ---------------------------------------------------------------------------- normalizations

    @staticmethod
    def layer_normalization(
        x: Any,
        gamma: Any = None,
        beta: Any = None,
        axis: Any = -1,
        epsilon: float | None = None,
        rms_scaling: bool = False,
    ) -> Any:
        shape = _last(x, axis, gamma, beta)
        if shape is None or rms_scaling:
            return _body("layer_normalization", x, gamma, beta, axis, epsilon, rms_scaling)
        least = config.epsilon() if epsilon is None else epsilon
        return functional.layer_norm(x, shape, gamma, beta, least)

    @staticmethod
    def batch_normalization(
        x: Any,
        mean: Any,
        variance: Any,
        axis: int,
        offset: Any = None,
        scale: Any = None,
        epsilon: float = 1e-3,
    ) -> Any:
        at = axes_indices(axis, x.ndim)[0]
        given = [part for part in (mean, variance, offset, scale) if part is not None]
        if any(part.shape != (x.shape[at],) for part in given):
            return _body("batch_normalization", x, mean, variance, axis, offset, scale, epsilon)
        recorded = in_transform() or mean.requires_grad or variance.requires_grad
        if not (
            recorded or x.is_complex() or x.numel() == 0
        ):  # torch takes mean and variance for constants
            given = _channels_second(x, at)
            y = torch.batch_norm(
                given,
                scale,
                offset,
                mean,
                variance,
                False,
                0.0,
                epsilon,
                torch.backends.cudnn.enabled,
            )
            return _channels_back(y, x, at)
        factor = 1.0 / torch.sqrt(variance + epsilon)
        if scale is not None:
            factor = factor * scale
        shift = -mean * factor
        if offset is not None:
            shift = shift + offset
        shape = (-1,) + (1,) * (x.ndim - at - 1)
        return torch.addcmul(shift.view(shape), x, factor.view(shape))

    @staticmethod
    def normalized_batch(x: Any, axis: int, offset: Any, scale: Any, epsilon: float) -> Any:
        at = axes_indices(axis, x.ndim)[0]
        if x.numel() == 0 or x.is_complex():
            return _body("normalized_batch", x, axis, offset, scale, epsilon)
        weights = (scale, offset, None, None)
        given = _channels_second(x, at)
        y, mean, factor = torch.native_batch_norm(given, *weights, True, 0.0, epsilon)
        variance = (1.0 / factor.detach().square() - epsilon).clamp(min=0.0)
        return _channels_back(y, x, at), mean.detach(), variance

    # --------------------------------------------------------------------------------- attention

    @staticmethod
    def dot_product_attention(
        query: Any,
        key: Any,
        value: Any,
        bias: Any = None,
        mask: Any = None,
        scale: float | None = None,
        is_causal: bool = False,
        flash_attention: bool | None = None,
        attn_logits_soft_cap: float | None = None,
    ) -> Any:
        sources, heads = check_attention(query, key, value)
        plain, added = bias is None and mask is None, None
        recorded = torch.is_grad_enabled() and any(
            x is not None and x.requires_grad for x in (query, key, value, bias)
        )
        fused = attn_logits_soft_cap is None and not flash_attention and not in_transform()
        if recorded and not plain:
            fused = False  # the kernel's gradient is wrong where a target sees nothing
        elif fused and not plain:
            shape = torch.Size((query.shape[0], query.shape[2], query.shape[1], sources))
            added = _logits(shape, query.dtype, bias, mask, is_causal)
            fused = added is not None

        def in_ops(*parts: Any) -> Any:
            given = (*parts, bias, mask, scale, is_causal, flash_attention)
            return _body("dot_product_attention", *given, attn_logits_soft_cap)

        def by_kernel(*parts: Any) -> Any:
            return functional.scaled_dot_product_attention(
                *(part.transpose(1, 2) for part in parts),
                attn_mask=added,
                is_causal=is_causal and added is None,
                scale=scale,
                enable_gqa=heads != query.shape[2],
            ).transpose(1, 2)

        if not fused:
            return in_ops(query, key, value)
        if recorded:
            return once_differentiable(by_kernel, in_ops, (query, key, value))
        return by_kernel(query, key, value)

    # ------------------------------------------------------------------------------- correlation

    @staticmethod
    def correlate(x1: Any, x2: Any, mode: str) -> Any:
        if x1.ndim != 1 or x2.ndim != 1 or not x1.shape[0] or not x2.shape[0]:
            return _body("correlate", x1, x2, mode)
        if x2.is_complex():
            x2 = x2.conj()
        if x2.shape[0] > x1.shape[0]:
            return _slid(x2, x1, mode).flip(0)
        return _slid(x1, x2, mode)


def _slid(x: Any, window: Any, mode: str) -> Any:
    m = window.shape[0]
    if mode != "valid":
        before = m - 1 if mode == "full" else m // 2
        x = functional.pad(x, (before, m - 1 if mode == "full" else m - 1 - before))
    return functional.conv1d(x[None, None], window[None, None])[0, 0]


def _channels_second(x: Any, at: int) -> Any:
    """``x`` with its channels where torch has them; of those at the end one image that has them so in memory."""
    if at == x.ndim - 1:
        return x.reshape(1, -1, 1, x.shape[at]).permute(0, 3, 1, 2)
    return x.movedim(at, 1)


def _channels_back(y: Any, x: Any, at: int) -> Any:
    """The result of what ``_channels_second`` made of ``x``."""
    return y.permute(0, 2, 3, 1).reshape(x.shape) if at == x.ndim - 1 else y.movedim(1, at)


def _last(x: Any, axis: Any, *weights: Any) -> Sequence[int] | None:
    """The lengths of the axes when they are the last ones and weights have just them and the dtype."""
    axes = axes_indices(axis, x.ndim)
    shape = x.shape[x.ndim - len(axes) :]
    if sorted(axes) != [*range(x.ndim - len(axes), x.ndim)] or not math.prod(shape):
        return None
    for weight in weights:
        if weight is not None and (weight.shape != shape or weight.dtype != x.dtype):
            return None
    return shape


def _logits(shape: torch.Size, dtype: Any, bias: Any, mask: Any, is_causal: bool) -> Any:
    """What is added to the logits; ``None`` if parts do not broadcast to them, or the numbers would not do."""
    for part in (bias, mask):
        if part is not None and not _broadcasts(part.shape, shape):
            return None
    if dtype.itemsize == 2 or (bias is not None and bias.dtype != dtype):
        return None  # a barred logit is to be the same number whatever it is added to
    if mask is not None:
        mask = mask.to(torch.bool)
    if is_causal:
        past = torch.ones(
            shape[2:], dtype=torch.bool, device=(bias if mask is None else mask).device
        )
        mask = past.tril() if mask is None else mask & past.tril()
    if mask is None:
        return bias.expand(shape)
    if bias is None:
        bias = torch.zeros((), dtype=dtype, device=mask.device)
    return torch.where(mask, bias, -0.7 * torch.finfo(dtype).max).expand(shape)


def _broadcasts(shape: torch.Size, to: torch.Size) -> bool:
    return len(shape) <= len(to) and all(
        one in (1, other) for one, other in zip(reversed(shape), reversed(to), strict=False)
    )
