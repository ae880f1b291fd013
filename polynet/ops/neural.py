"""Normalizations, losses, attention, encodings of labels, and CTC.

Activations are in ``activations.py``, convolutions and pooling in ``convolution.py``; embeddings are ``take``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet import config, dtypes, errors, plugins, spec
from polynet.autodiff.notes import Wire, on_host
from polynet.op import op
from polynet.ops import primitives as ops
from polynet.ops.activations import log_softmax, sigmoid, softmax
from polynet.ops.attention import attended, logits_of, masked, values_by
from polynet.ops.elementwise import clip, largest
from polynet.ops.indexing import take_along_axis
from polynet.ops.precision import in_dtype as _as
from polynet.ops.precision import wide_dtype as _wide
from polynet.ops.sorting import top_k
from polynet.spec import Kind, Settled, Spec, axes_indices, axis_index
from polynet.tensor import Axis, DType, Tensor, Traced
from polynet.values import dtype_of

__all__ = [
    "batch_normalization",
    "binary_crossentropy",
    "categorical_crossentropy",
    "cdist",
    "ctc_decode",
    "ctc_loss",
    "dot_product_attention",
    "layer_normalization",
    "moments",
    "multi_hot",
    "normalize",
    "one_hot",
    "psnr",
    "rms_normalization",
    "sparse_categorical_crossentropy",
]

_common = spec.without_complex(spec.elementwise_float)


def _each_float(kinds: Sequence[Kind]) -> Settled:
    """Every argument keeps its own dtype, made floating; the result has the first one's."""
    _common(kinds)
    first = dtypes.to_float(dtypes.result_type(kinds[0]))
    casts = [dtypes.to_float(k) if isinstance(k, str) else first for k in kinds]
    return casts, first


def _labels_and_output(kinds: Sequence[Kind]) -> Settled:
    """Labels of any dtype, then numbers, made floating, whose dtype the result has."""
    output = _common(kinds[1:2])[1]
    return [
        None if isinstance(kinds[0], str) else "int32",
        output,
        *[None] * len(kinds[2:]),
    ], output


def _mean(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The mean over the axes, which stay as axes of length 1."""
    return ops.sum(x, axes, True) * _reciprocal(_count(x, axes))


def _count(x: Tensor, axes: tuple[int, ...]) -> int:
    return math.prod(x.shape[axis] for axis in axes)


def _reciprocal(count: int) -> float:
    return 1.0 / count if count else math.nan


# --------------------------------------------------------------------------------- normalizations


@op(dtypes=_common)
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Tensor | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset``, by the channels of one axis.

    Args:
        x: the tensor.
        mean: one number for each index of ``axis``.
        variance: likewise.
        axis: the axis of the channels.
        offset: likewise, added at the end.
        scale: likewise, multiplied with.
        epsilon: added to the variance.

    Example:
        >>> from polynet import ops
        >>> ops.batch_normalization([[1.0, 6.0]], [0.0, 4.0], [1.0, 4.0], axis=-1, epsilon=0.0)
        array([[1., 1.]], dtype=float32)
    """
    at = axis_index(axis, len(x.shape))
    length = x.shape[at]
    shape = (1,) * at + (length,) + (1,) * (len(x.shape) - at - 1)

    def laid(v: Tensor, name: str) -> Tensor:
        if tuple(v.shape) != (length,):
            raise errors.ShapeError(
                f"{name}: expected a vector of length {length}, as axis {axis} of x with shape "
                f"{tuple(x.shape)} has; got shape {tuple(v.shape)}."
            )
        return ops.reshape(v, shape)

    factor = 1.0 / ops.sqrt(laid(variance, "variance") + epsilon)
    if scale is not None:
        factor = factor * laid(scale, "scale")
    shift = -laid(mean, "mean") * factor
    if offset is not None:
        shift = shift + laid(offset, "offset")
    return x * factor + shift


@op(dtypes=_common)
def moments(
    x: Tensor, axes: Axis, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """Mean and variance over the axes.

    Args:
        x: the tensor; half precision is summed in float32.
        axes: one axis or several; ``None`` takes all.
        keepdims: do the axes stay, with length 1?
        synchronized: over all devices; each process has one here, so it changes nothing.

    Example:
        >>> from polynet import ops
        >>> [float(moment) for moment in ops.moments([1.0, 2.0, 6.0, 3.0], axes=[0])]
        [3.0, 3.5]
    """
    dtype = dtype_of(x)
    at = axes_indices(axes, len(x.shape), "axes")
    wide = _as(x, _wide(dtype))
    mean = _mean(wide, at)
    apart = wide - mean
    variance = _mean(apart * apart, at)
    if dtype == "float16":
        top = largest(dtype)
        mean, variance = clip(mean, -top, top), clip(variance, -top, top)
    mean, variance = _as(mean, dtype), _as(variance, dtype)
    if keepdims:
        return mean, variance
    shape = spec.reduced(tuple(x.shape), at)
    return ops.reshape(mean, shape), ops.reshape(variance, shape)


def _moments_gradient(
    g: Sequence[Tensor], y: Sequence[Tensor], x: Tensor, axes: Any, keepdims: bool
) -> Tensor:
    at = axes_indices(axes, len(x.shape), "axes")
    shape = spec.reduced(tuple(x.shape), at, True)
    by_mean, by_variance, mean = (ops.reshape(part, shape) for part in (g[0], g[1], y[0]))
    share = _reciprocal(_count(x, at))
    return (x - mean) * (by_variance * (2.0 * share)) + by_mean * share


moments.vjp(lambda g, y, x, axes, keepdims: _moments_gradient(g, y, x, axes, keepdims))


@op(dtypes=_common)
def normalized_batch(
    x: Tensor,
    axis: int,
    offset: Tensor | None,
    scale: Tensor | None,
    epsilon: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """``batch_normalization`` by the mean and variance of ``x`` itself, and these, which are constants."""
    at = axis_index(axis, len(x.shape))
    mean, variance = moments(x, tuple(i for i in range(len(x.shape)) if i != at))
    y = batch_normalization(x, mean, variance, at, offset, scale, epsilon)
    return y, ops.stop_gradient(mean), ops.stop_gradient(variance)


@op(dtypes=_common)
def standardized(
    x: Tensor, axes: tuple[int, ...], epsilon: float, center: bool
) -> tuple[Tensor, Tensor]:
    """``x`` with mean 0 and variance 1 over the axes, and the factor that it was multiplied with.

    Without ``center`` the mean stays, and the mean square becomes 1.
    """
    if center:
        x = x - _mean(x, axes)
    factor = 1.0 / ops.sqrt(_mean(x * x, axes) + epsilon)
    return x * factor, factor


@op(dtypes=_common)
def standardized_gradient(
    cotangent: Tensor,
    by_factor: Tensor,
    value: Tensor,
    factor: Tensor,
    axes: tuple[int, ...],
    center: bool,
) -> Tensor:
    """The gradient of ``standardized``, whose results were ``value`` and ``factor``."""
    along = _mean(cotangent * value, axes) + by_factor * factor * _reciprocal(_count(value, axes))
    g = cotangent - _mean(cotangent, axes) if center else cotangent
    return (g - value * along) * factor


standardized.vjp(
    lambda g, y, axes, center: standardized_gradient(g[0], g[1], y[0], y[1], axes, center)
)


def _laid(v: Tensor, name: str, x: Tensor, axes: tuple[int, ...], dtype: str) -> Tensor:
    """A scale or offset that has the axes ``axes`` of ``x``, ready to be broadcast to ``x``."""
    shape, given = tuple(x.shape), tuple(v.shape)
    expected = tuple(shape[axis] for axis in axes)
    if len(given) != len(shape) and math.prod(given) == math.prod(expected):
        kept = tuple(length if i in axes else 1 for i, length in enumerate(shape))
        return ops.reshape(_as(v, dtype), kept)
    try:
        fits = spec.broadcast(given, shape) == shape
    except errors.ShapeError:
        fits = False
    if not fits:
        raise errors.ShapeError(
            f"{name}: expected shape {expected}, that of the normalized axes {axes} of x with "
            f"shape {shape}; got {given}."
        )
    return _as(v, dtype)


@op(dtypes=_each_float)
def layer_normalization(
    x: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    axis: Axis = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Tensor:
    """``x`` with mean 0 and variance 1 over the axes, times ``gamma``, plus ``beta``.

    Args:
        x: the tensor; half precision is computed in float32.
        gamma: factors, of the shape of the normalized axes.
        beta: offsets, likewise.
        axis: the axis or axes that are normalized.
        epsilon: added to the variance; ``None`` takes the configured one.
        rms_scaling: divides by the standard deviation without subtracting the mean. Deprecated,
            since that is not what its name says: use ``rms_normalization``.

    Example:
        >>> from polynet import ops
        >>> ops.layer_normalization([[1.0, 3.0], [10.0, 30.0]], epsilon=0.0)
        array([[-1.,  1.],
               [-1.,  1.]], dtype=float32)
    """
    dtype = dtype_of(x)
    axes = tuple(sorted(axes_indices(axis, len(x.shape))))
    wide = _as(x, _wide(dtype))
    y, factor = standardized(wide, axes, config.epsilon() if epsilon is None else epsilon, True)
    if rms_scaling:
        y, beta = wide * factor, None
    if gamma is not None:
        y = y * _laid(gamma, "gamma", x, axes, dtype_of(y))
    if beta is not None:
        y = y + _laid(beta, "beta", x, axes, dtype_of(y))
    return _as(y, dtype)


@op(dtypes=_each_float)
def rms_normalization(
    x: Tensor, scale: Tensor | None = None, axis: Axis = -1, epsilon: float | None = None
) -> Tensor:
    """``x`` divided by its root mean square over the axes, times ``scale``.

    Args:
        x: the tensor; half precision is computed in float32.
        scale: factors that broadcast to ``x``.
        axis: the axis or axes that are normalized.
        epsilon: added to the mean square; ``None`` takes the configured one.

    Example:
        >>> from polynet import ops
        >>> ops.rms_normalization([3.0, 3.0, -3.0], epsilon=0.0)
        array([ 1.,  1., -1.], dtype=float32)
    """
    dtype = dtype_of(x)
    axes = tuple(sorted(axes_indices(axis, len(x.shape))))
    wide = _as(x, _wide(dtype))
    y, _ = standardized(wide, axes, config.epsilon() if epsilon is None else epsilon, False)
    if scale is not None:
        y = y * _laid(scale, "scale", x, axes, dtype_of(y))
    return _as(y, dtype)


@op(dtypes=_common)
def normalize(x: Tensor, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> Tensor:
    """``x / max(norm(x), epsilon)``, with the norm over the axes.

    Args:
        x: the tensor; half precision is computed in float32.
        axis: the axis or axes of the norm; ``None`` takes all.
        order: the norm is the ``order``-th root of the sum of that power of the absolute values.
        epsilon: the least norm to divide by; ``None`` takes the configured one.

    Example:
        >>> from polynet import ops
        >>> ops.normalize([3.0, 0.0, 4.0])
        array([0.6, 0. , 0.8], dtype=float32)
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order: expected an integer of at least 1; got {order!r}.")
    least = config.epsilon() if epsilon is None else epsilon
    axes = axes_indices(axis, len(x.shape))
    dtype = dtype_of(x)
    wide = _as(x, _wide(dtype))
    floor = max(float(least) ** order, float(np.finfo(_wide(dtype)).tiny))
    if order == 1:
        y = wide / ops.maximum(ops.sum(ops.absolute(wide), axes, True), floor)
    elif order == 2:
        y = wide / ops.sqrt(ops.maximum(ops.sum(wide * wide, axes, True), floor))
    else:
        total = ops.sum(ops.power(ops.absolute(wide), order), axes, True)
        y = wide / ops.power(ops.maximum(total, floor), 1.0 / order)
    return _as(y, dtype)


# ------------------------------------------------------------------------------------------ losses


def _check_alike(target: Tensor, output: Tensor) -> None:
    if tuple(target.shape) != tuple(output.shape):
        raise errors.ShapeError(
            f"target: shape {tuple(target.shape)} differs from that of output, "
            f"{tuple(output.shape)}; expected the same."
        )


def _check_class_axis(output: Tensor) -> None:
    if not output.shape:
        raise errors.ShapeError("output: expected an axis of classes; got a 0-d tensor.")


def _log_probabilities(output: Tensor, from_logits: bool, axis: int) -> Tensor:
    """The logarithm of what ``output`` says, kept away from the logarithm of 0."""
    if from_logits:
        return log_softmax(output, axis)
    epsilon = config.epsilon()
    return ops.log(clip(output / ops.sum(output, axis, True), epsilon, 1.0 - epsilon))


@op(dtypes=_common)
def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> Tensor:
    """``-target * log(output) - (1 - target) * log(1 - output)``, element-wise.

    Args:
        target: probabilities, of the shape of ``output``.
        output: probabilities, kept the configured epsilon away from 0 and 1; or logits.
        from_logits: is ``output`` to go through a sigmoid?

    Example:
        >>> from polynet import ops
        >>> ops.binary_crossentropy([1.0, 0.0], [0.0, 1000.0], from_logits=True).round(3)
        array([6.93e-01, 1.00e+03], dtype=float32)
    """
    _check_alike(target, output)
    dtype = dtype_of(output)
    target, output = _as(target, _wide(dtype)), _as(output, _wide(dtype))
    if from_logits:
        loss = ops.maximum(output, 0.0) - output * target
        return _as(loss + ops.log1p(ops.exp(-ops.absolute(output))), dtype)
    output = clip(output, config.epsilon(), 1.0 - config.epsilon())
    loss = target * ops.log(output) + (1.0 - target) * ops.log(1.0 - output)
    return _as(-loss, dtype)


def _by_output(g: Tensor, target: Tensor, output: Tensor, from_logits: bool) -> Tensor:
    dtype = _wide(dtype_of(output))
    g, target, output = _as(g, dtype), _as(target, dtype), _as(output, dtype)
    if from_logits:
        return g * (sigmoid(output) - target)
    low, high = config.epsilon(), 1.0 - config.epsilon()
    inside = ops.logical_and(ops.greater_equal(output, low), ops.less_equal(output, high))
    kept = clip(output, low, high)
    return g * ops.cast(inside, dtype) * ((1.0 - target) / (1.0 - kept) - target / kept)


def _by_target(g: Tensor, output: Tensor, from_logits: bool) -> Tensor:
    dtype = _wide(dtype_of(output))
    g, output = _as(g, dtype), _as(output, dtype)
    if from_logits:
        return -g * output
    output = clip(output, config.epsilon(), 1.0 - config.epsilon())
    return g * (ops.log(1.0 - output) - ops.log(output))


binary_crossentropy.vjp(
    lambda g, output, from_logits: _by_target(g, output, from_logits),
    lambda g, target, output, from_logits: _by_output(g, target, output, from_logits),
)


@op(dtypes=_common)
def categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """``-sum(target * log(output))`` over the axis of the classes.

    Args:
        target: probabilities (one-hot labels, for example), of the shape of ``output``.
        output: probabilities, divided by their sum and kept the configured epsilon away from 0 and
            1; or logits.
        from_logits: is ``output`` to go through a softmax?
        axis: the axis of the classes.

    Example:
        >>> from polynet import ops
        >>> ops.categorical_crossentropy([[0.0, 1.0]], [[9.0, 9.0]]).round(3)
        array([0.693], dtype=float32)
    """
    _check_class_axis(output)
    _check_alike(target, output)
    at, dtype = axis_index(axis, len(output.shape)), dtype_of(output)
    target, output = _as(target, _wide(dtype)), _as(output, _wide(dtype))
    log_probabilities = _log_probabilities(output, from_logits, at)
    return _as(-ops.sum(target * log_probabilities, at), dtype)


@op(dtypes=_labels_and_output)
def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """``categorical_crossentropy`` of labels that are given as integers.

    A negative label counts nothing: loss and gradient are 0 there.

    Args:
        target: labels, of the shape of ``output`` without the axis of the classes, or with an axis
            of length 1 in its place.
        output: probabilities, divided by their sum and kept the configured epsilon away from 0 and
            1; or logits.
        from_logits: is ``output`` to go through a softmax?
        axis: the axis of the classes.

    Example:
        >>> from polynet import ops
        >>> ops.sparse_categorical_crossentropy([1, 0], [[0.0, 0.0], [0.0, 9.0]], True).round(3)
        array([0.693, 9.   ], dtype=float32)
    """
    _check_class_axis(output)
    at, dtype = axis_index(axis, len(output.shape)), dtype_of(output)
    shape = tuple(output.shape)
    one, less = (*shape[:at], 1, *shape[at + 1 :]), (*shape[:at], *shape[at + 1 :])
    if tuple(target.shape) not in (one, less):
        raise errors.ShapeError(
            f"target: expected shape {less} for output of shape {shape} with its classes on axis "
            f"{axis}; got {tuple(target.shape)}."
        )
    check_labels(target, shape[at])
    labels, output = ops.reshape(_as(target, "int32"), one), _as(output, _wide(dtype))
    if from_logits:
        loss = label_loss(labels, output, at)
    else:
        log_probabilities = _log_probabilities(output, False, at)
        chosen, counted = _chosen(labels, shape[at])
        loss = ops.where(counted, -take_along_axis(log_probabilities, chosen, at), 0.0)
    return _as(ops.reshape(loss, less), dtype)


def _chosen(labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """The labels moved into range, and whether they were there."""
    chosen = ops.minimum(ops.maximum(labels, 0), classes - 1)
    return chosen, ops.equal(chosen, labels)


@op(dtypes=_labels_and_output)
def label_loss(labels: Tensor, logits: Tensor, axis: int) -> Tensor:
    """``-log(softmax(logits))`` at each label, 0 where a label is out of range; ``axis`` stays, of length 1."""
    chosen, counted = _chosen(labels, logits.shape[axis])
    return ops.where(counted, -take_along_axis(log_softmax(logits, axis), chosen, axis), 0.0)


@op(dtypes=spec.same)
def label_loss_slope(g: Tensor, labels: Tensor, logits: Tensor, axis: int) -> Tensor:
    """What reaches the logits of ``label_loss``: the softmax, less 1 at the label, times ``g``."""
    classes = logits.shape[axis]
    _, counted = _chosen(labels, classes)
    numbers = ops.reshape(ops.iota(classes, "int32"), (-1, *(1,) * (len(logits.shape) - 1 - axis)))
    slope = softmax(logits, axis) - ops.cast(ops.equal(labels, numbers), dtype_of(logits))
    return slope * ops.where(counted, g, 0.0)


label_loss.vjp(None, lambda g, labels, logits, axis: label_loss_slope(g, labels, logits, axis))


def check_labels(target: Tensor, classes: int) -> None:
    """Refuse a label beyond the classes, where its value is at hand: not while code is traced."""
    if target.__class__ is Wire:
        on_host(lambda found: check_labels(found[0], classes), [target])
        return
    if isinstance(target, Traced):
        return
    backend = plugins.current()
    if backend.is_traced(target) or not backend.device_of(target).startswith("cpu"):
        return
    labels = backend.to_numpy(target)
    if labels.size and labels.max() >= classes:
        raise ValueError(
            f"target: label {labels.max()} is out of range for {classes} classes; expected 0 to "
            f"{classes - 1}, or a negative number where nothing is to count."
        )


# ----------------------------------------------------------------------------------------- labels


@op(dtypes=spec.same)
def one_hot(
    x: Tensor, num_classes: int, axis: int = -1, dtype: DType | None = None, sparse: bool = False
) -> Tensor:
    """A new axis on which the entry that ``x`` names is 1 and the others are 0.

    Args:
        x: integers; where one is negative or too large, every entry is 0.
        num_classes: the length of the new axis.
        axis: where the new axis stands.
        dtype: of the result; ``None`` takes ``floatx``.
        sparse: there are no sparse tensors; only ``False`` is accepted.

    Example:
        >>> from polynet import ops
        >>> ops.one_hot([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    _check_dense(sparse)
    ndim = len(x.shape)
    at = axis_index(axis, ndim + 1)
    if num_classes < 0:
        raise ValueError(f"num_classes: expected 0 or more; got {num_classes}.")
    wide = ops.reshape(x, (*x.shape[:at], 1, *x.shape[at:]))
    classes = ops.reshape(ops.iota(num_classes, "int32"), (-1, *(1,) * (ndim - at)))
    return ops.cast(ops.equal(wide, classes), dtypes.standardize(dtype))


def _check_dense(sparse: bool) -> None:
    if sparse:
        raise ValueError("sparse: polynet has no sparse tensors; leave it False.")


@op(dtypes=spec.same)
def multi_hot(
    inputs: Tensor,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DType | None = None,
    sparse: bool = False,
) -> Tensor:
    """Several labels as one vector that is 1 at each of them and 0 elsewhere.

    Args:
        inputs: integers, the last axis of which (for 2 or more dimensions the second axis) lists
            the labels of one example.
        num_classes: how many labels there are; has to be given, though Keras has a default here.
        axis: where ``one_hot`` puts the axis of the classes, before the labels are put together.
        dtype: of the result; ``None`` takes ``floatx``.
        sparse: there are no sparse tensors; only ``False`` is accepted.

    Example:
        >>> from polynet import ops
        >>> ops.multi_hot([0, 3], 5)
        array([1., 0., 0., 1., 0.], dtype=float32)
    """
    if not inputs.shape:
        raise errors.ShapeError("inputs: expected an axis of labels; got a 0-d tensor.")
    if num_classes is None:
        raise ValueError("num_classes: expected the number of labels; got None.")
    encoded = one_hot(_as(inputs, "int32"), num_classes, axis, dtype, sparse)
    reduced = 1 if len(inputs.shape) > 1 else 0
    if encoded.shape[reduced] == 0:
        return ops.sum(encoded, reduced)
    return ops.max(encoded, reduced)


# -------------------------------------------------------------------------------------- attention


def _attention_dtypes(kinds: Sequence[Kind]) -> Settled:
    """Query, key and value meet; a bias is floating, a mask stays what it is."""
    common = _common(kinds[:3])[1]
    rest: list[str | None] = []
    for kind in kinds[3:]:
        name = dtypes.result_type(kind)
        rest.append(None if isinstance(kind, str) else name)
    return [common] * 3 + rest, common


@op(dtypes=_attention_dtypes)
def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """``softmax(query @ key * scale + bias) @ value`` for each head.

    A query that may look at nothing gets the mean of all values.

    Args:
        query: of shape ``(batch, targets, heads, size)``.
        key: of shape ``(batch, sources, key heads, size)``; the heads are a multiple of the key
            heads, and neighbouring heads share one.
        value: of shape ``(batch, sources, key heads, value size)``.
        bias: added to the logits; broadcasts to ``(batch, heads, targets, sources)``.
        mask: ``True`` where a target may look at a source; broadcasts likewise.
        scale: multiplies the logits; ``None`` takes ``1 / sqrt(size)``.
        is_causal: may target ``i`` look at the sources up to ``i`` only?
        flash_attention: ``True`` insists on the fused kernel of a backend that has one, ``False``
            does without, ``None`` leaves it to the backend.
        attn_logits_soft_cap: keeps logits within this limit, by ``cap * tanh(logits / cap)``.

    Example:
        >>> import numpy as np
        >>> from polynet import ops
        >>> query, key = np.ones((2, 4, 8, 16)), np.ones((2, 6, 8, 16))
        >>> ops.dot_product_attention(query, key, key).shape
        (2, 4, 8, 16)
    """
    batch, targets, heads, size = _four(query, "query")
    sources, _ = check_attention(query, key, value)
    if flash_attention and "flash_attention" not in plugins.current().capabilities:
        raise ValueError(
            f"flash_attention: backend {plugins.current().name!r} has no such kernel here; leave it None."
        )
    scale = 1.0 / math.sqrt(size) if scale is None else scale
    shape = batch, heads, targets, sources
    allowed = None if mask is None else _as(_looked(mask, "mask", shape), "bool")
    if is_causal:
        past = ops.greater_equal(
            ops.reshape(ops.iota(targets, "int32"), (-1, 1)), ops.iota(sources, "int32")
        )
        allowed = past if allowed is None else ops.logical_and(allowed, past)
    if bias is None and attn_logits_soft_cap is None:
        return attended([query, key, value], allowed, scale)[0]
    logits = logits_of(query, key, scale)
    if attn_logits_soft_cap is not None:
        logits = ops.tanh(logits / attn_logits_soft_cap) * attn_logits_soft_cap
    if bias is not None:
        logits = logits + _as(_looked(bias, "bias", shape), dtype_of(logits))
    return values_by(softmax(masked(logits, allowed)), value)


def _four(x: Tensor, name: str) -> tuple[int, int, int, int]:
    if len(x.shape) != 4:
        raise errors.ShapeError(
            f"{name}: expected shape (batch, length, heads, size); got {tuple(x.shape)}."
        )
    batch, length, heads, size = x.shape
    return batch, length, heads, size


def check_attention(query: Tensor, key: Tensor, value: Tensor) -> tuple[int, int]:
    """How many sources and key heads there are, or an error where the shapes do not fit."""
    batch, _, heads, size = _four(query, "query")
    key_batch, sources, key_heads, key_size = _four(key, "key")
    if (key_batch, key_size) != (batch, size):
        raise errors.ShapeError(
            f"key: shape {tuple(key.shape)} does not fit query of shape {tuple(query.shape)}; "
            f"expected the same batch and size."
        )
    if _four(value, "value")[:3] != (batch, sources, key_heads):
        raise errors.ShapeError(
            f"value: shape {tuple(value.shape)} does not fit key of shape {tuple(key.shape)}; "
            f"expected the same batch, length and heads."
        )
    if key_heads == 0 or heads % key_heads:
        raise errors.ShapeError(
            f"key: {key_heads} heads do not divide the {heads} heads of query; expected a divisor."
        )
    return sources, key_heads


def _looked(x: Tensor, name: str, expected: tuple[int, ...]) -> Tensor:
    """``x`` when it broadcasts to the shape of the logits, else an error."""
    shape = tuple(x.shape)
    try:
        fits = spec.broadcast(shape, expected) == expected
    except errors.ShapeError:
        fits = False
    if not fits:
        raise errors.ShapeError(
            f"{name}: shape {shape} does not broadcast to {expected}, which is (batch, heads, "
            f"targets, sources). Add the missing axes with ops.expand_dims."
        )
    return x


# --------------------------------------------------------------------------------------- distances


@op(dtypes=_common)
def cdist(x: Tensor, y: Tensor) -> Tensor:
    """The Euclidean distance of each row of ``x`` to each row of ``y``.

    Args:
        x: of shape ``(..., n, size)``.
        y: of shape ``(..., m, size)``; leading axes broadcast.

    Example:
        >>> from polynet import ops
        >>> ops.cdist([[0.0, 0.0], [3.0, 0.0]], [[0.0, 4.0]])
        array([[4.],
               [5.]], dtype=float32)
    """
    if len(x.shape) < 2 or len(y.shape) < 2 or x.shape[-1] != y.shape[-1]:
        raise errors.ShapeError(
            f"expected rows of one length, as (..., rows, size); got shapes {tuple(x.shape)} and "
            f"{tuple(y.shape)}."
        )
    spec.broadcast(tuple(x.shape[:-2]), tuple(y.shape[:-2]))
    apart = ops.subtract(
        ops.reshape(x, (*x.shape[:-1], 1, x.shape[-1])),
        ops.reshape(y, (*y.shape[:-2], 1, *y.shape[-2:])),
    )
    squared = ops.sum(apart * apart, -1)
    # The square root has no derivative at 0: equal rows get the derivative 0.
    positive = ops.greater(squared, 0.0)
    return ops.where(positive, ops.sqrt(ops.where(positive, squared, 1.0)), 0.0)


@op(dtypes=_common)
def psnr(x1: Tensor, x2: Tensor, max_val: Tensor) -> Tensor:
    """Peak signal-to-noise ratio: ``20 log10(max_val) - 10 log10(mean((x1 - x2)²))``.

    Args:
        x1: a signal.
        x2: another, of the same shape.
        max_val: the largest number that a signal may hold.

    Example:
        >>> from polynet import ops
        >>> float(ops.psnr([0.0, 1.0], [0.0, 0.0], 1.0).round())
        3.0
    """
    if tuple(x1.shape) != tuple(x2.shape):
        raise errors.ShapeError(
            f"x1: shape {tuple(x1.shape)} differs from that of x2, {tuple(x2.shape)}; expected "
            f"the same."
        )
    apart = x1 - x2
    noise = ops.sum(apart * apart) * _reciprocal(math.prod(x1.shape))
    return (ops.log(max_val) * 2.0 - ops.log(noise)) * (10.0 / math.log(10.0))


# --------------------------------------------------------------------------------------------- CTC

_NEVER = (
    -1e5
)  # the logarithm of no chance at all; finite, so that differences of two have a meaning


def _loss_dtypes(kinds: Sequence[Kind]) -> Settled:
    """Integers beside the output, which is made at least float32."""
    output = dtypes.result_type(_common(kinds[1:2])[1], "float32")
    return ["int32", output, "int32", "int32"], output


@op(dtypes=_loss_dtypes)
def ctc_loss(
    target: Tensor,
    output: Tensor,
    target_length: Tensor,
    output_length: Tensor,
    mask_index: int = 0,
) -> Tensor:
    """Connectionist temporal classification: how unlikely a sequence of labels is, unaligned.

    The loss is minus the logarithm of the probability of all the ways in which the frames may spell
    the target, with blanks between labels and labels held over several frames.

    Args:
        target: labels, of shape ``(batch, longest target)``.
        output: logits, of shape ``(batch, frames, classes)``.
        target_length: how many labels of each target count.
        output_length: how many frames of each output count.
        mask_index: the class that stands for a blank.

    Example:
        >>> from polynet import ops
        >>> loss = ops.ctc_loss([[1, 2]], ops.zeros((1, 3, 3)), [2], [3])
        >>> loss.round(3)  # 5 of the 27 ways spell 1, 2
        array([1.686], dtype=float32)
    """
    _check_ctc(target, output, target_length, output_length)
    batch, frames, classes = output.shape
    if isinstance(output, Spec):  # the frames below are a loop
        return Spec((batch,), output.dtype)
    states = 2 * target.shape[1] + 1
    log_probabilities = log_softmax(output)
    labels = _with_blanks(target, mask_index)
    inside = ops.minimum(ops.maximum(labels, 0), classes - 1)
    wanted = ops.broadcast_to(ops.reshape(inside, (batch, 1, states)), (batch, frames, states))
    chance = take_along_axis(log_probabilities, wanted, 2)
    # A blank may be left out between two labels that differ.
    before = _shifted(labels, 2, mask_index)
    skips = ops.logical_and(ops.not_equal(labels, mask_index), ops.not_equal(labels, before))
    barred = ops.where(skips, 0.0, _NEVER)
    barred = _as(barred, dtype_of(output))
    place = ops.iota(states, "int32")
    alpha = ops.where(ops.less(place, 1), 0.0, _NEVER)
    alpha = ops.broadcast_to(_as(alpha, dtype_of(output)), (batch, states))
    for frame in range(frames):
        now = ops.index(chance, [], (slice(None), frame))
        if frame == 0:
            step = ops.where(ops.less(place, 2), now, alpha)
        else:
            step = now + _log_sum(alpha, _shifted(alpha, 1), _shifted(alpha, 2) + barred)
        counts = ops.greater(ops.reshape(output_length, (batch, 1)), frame)
        alpha = ops.where(counts, step, alpha)
    last = ops.reshape(target_length * 2, (batch, 1))
    at_end = ops.logical_or(ops.equal(place, last), ops.equal(place, last - 1))
    return -ops.reshape(_log_sum(ops.where(at_end, alpha, _NEVER)), (batch,))


def _check_ctc(
    target: Tensor, output: Tensor, target_length: Tensor, output_length: Tensor
) -> None:
    if len(target.shape) != 2 or len(output.shape) != 3 or target.shape[0] != output.shape[0]:
        raise errors.ShapeError(
            f"target: expected shapes (batch, labels) and, for output, (batch, frames, classes); "
            f"got {tuple(target.shape)} and {tuple(output.shape)}."
        )
    for name, length in (("target_length", target_length), ("output_length", output_length)):
        if tuple(length.shape) != tuple(target.shape[:1]):
            raise errors.ShapeError(
                f"{name}: expected shape {tuple(target.shape[:1])}, a length for each target; got "
                f"{tuple(length.shape)}."
            )


def _with_blanks(target: Tensor, blank: int) -> Tensor:
    """A blank before, between and after the labels."""
    batch, length = target.shape
    blanks = ops.full((batch, length), blank, "int32")
    pairs = ops.reshape(ops.stack([blanks, target], 2), (batch, 2 * length))
    return ops.pad_constant(pairs, ((0, 0), (0, 1)), blank)


def _shifted(x: Tensor, by: int, fill: Any = _NEVER) -> Tensor:
    """The last axis moved back, as many times ``fill`` in front."""
    length = x.shape[-1]
    kept = ops.index(x, [], (slice(None), slice(0, max(length - by, 0))))
    return ops.pad_constant(kept, ((0, 0), (min(by, length), 0)), fill)


def _log_sum(*parts: Tensor) -> Tensor:
    """The logarithm of the sum of exponentials: of tensors, or of one along its last axis."""
    if len(parts) == 1:
        top = ops.stop_gradient(ops.max(parts[0], -1, True))
        return ops.log(ops.sum(ops.exp(parts[0] - top), -1, True)) + top
    top = parts[0]
    for part in parts[1:]:
        top = ops.maximum(top, part)
    top = ops.stop_gradient(top)
    total = ops.exp(parts[0] - top)
    for part in parts[1:]:
        total = total + ops.exp(part - top)
    return ops.log(total) + top


def _decode_dtypes(kinds: Sequence[Kind]) -> Settled:
    inputs = dtypes.result_type(_common(kinds[:1])[1], "float32")
    return [inputs, "int32"], inputs


@op(dtypes=_decode_dtypes)
def ctc_decode(
    inputs: Tensor,
    sequence_lengths: Tensor,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Tensor, Tensor]:
    """The labels that the output of a model trained with ``ctc_loss`` spells.

    Args:
        inputs: logits, of shape ``(batch, frames, classes)``.
        sequence_lengths: how many frames of each count.
        strategy: ``"greedy"`` takes the likeliest class of each frame; ``"beam_search"`` follows
            the likeliest prefixes.
        beam_width: how many prefixes a beam search follows.
        top_paths: how many results a beam search gives.
        merge_repeated: does one label over several frames count once? For ``"greedy"``.
        mask_index: the class that stands for a blank; ``None`` takes the last.

    Returns:
        The labels, of shape ``(paths, batch, frames)`` with -1 after the end, and one number for
        each of shape ``(batch, paths)``: for ``"greedy"`` minus the sum of the chosen logits, for
        ``"beam_search"`` the logarithm of the probability.

    Example:
        >>> from polynet import ops
        >>> labels, _ = ops.ctc_decode(ops.one_hot([[1, 1, 0, 2]], 3), [4])
        >>> labels
        array([[[ 1,  2, -1, -1]]], dtype=int32)
    """
    if len(inputs.shape) != 3 or tuple(sequence_lengths.shape) != tuple(inputs.shape[:1]):
        raise errors.ShapeError(
            f"inputs: expected shapes (batch, frames, classes) and, for sequence_lengths, (batch,); "
            f"got {tuple(inputs.shape)} and {tuple(sequence_lengths.shape)}."
        )
    blank = inputs.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _decode_greedily(inputs, sequence_lengths, merge_repeated, blank)
    if strategy != "beam_search":
        known = ("greedy", "beam_search")
        raise ValueError(
            f"strategy: expected 'greedy' or 'beam_search'; got {strategy!r}."
            f"{errors.closest(strategy, known)}"
        )
    return _decode_by_beam(inputs, sequence_lengths, beam_width, top_paths, blank)


ctc_decode.not_differentiable()


def _decode_greedily(
    inputs: Tensor, lengths: Tensor, merge_repeated: bool, blank: int
) -> tuple[Tensor, Tensor]:
    batch, frames, _ = inputs.shape
    place = ops.reshape(ops.iota(frames, "int32"), (1, frames))
    counts = ops.less(place, ops.reshape(lengths, (batch, 1)))
    labels = ops.where(counts, ops.argmax(inputs, -1), blank)
    score = -ops.sum(ops.where(counts, ops.max(inputs, -1), 0.0), 1, True)
    keep = ops.not_equal(labels, blank)
    if merge_repeated:
        keep = ops.logical_and(keep, ops.not_equal(labels, _shifted(labels, 1, -1)))
    order = ops.argsort(ops.where(keep, place, frames), -1)
    labels = take_along_axis(ops.where(keep, labels, -1), order, 1)
    return ops.reshape(labels, (1, batch, frames)), score


def _decode_by_beam(
    inputs: Tensor, lengths: Tensor, width: int, top_paths: int, blank: int
) -> tuple[Tensor, Tensor]:
    """Prefix beam search: for each prefix the chance to end in a blank, and in its last label."""
    batch, frames, classes = inputs.shape
    if width < 1 or not 1 <= top_paths <= width:
        raise ValueError(
            f"top_paths: expected 1 to beam_width, which is at least 1; got top_paths={top_paths} "
            f"and beam_width={width}."
        )
    if isinstance(inputs, Spec):  # the frames below are a loop
        shapes = (top_paths, batch, frames), (batch, top_paths)
        return Spec(shapes[0], "int32"), Spec(shapes[1], inputs.dtype)
    dtype = dtype_of(inputs)
    never = -1e30
    log_probabilities = log_softmax(inputs)
    slots = ops.iota(width, "int32")
    start = _as(ops.where(ops.equal(slots, 0), 0.0, never), dtype)
    in_blank = ops.broadcast_to(start, (batch, width))
    in_label = ops.full((batch, width), never, dtype)
    paths = ops.full((batch, width, frames), -1, "int32")
    sizes = ops.full((batch, width), 0, "int32")
    names = ops.iota(classes, "int32")
    place = ops.iota(frames, "int32")
    for frame in range(frames):
        now = ops.index(log_probabilities, [], (slice(None), frame))
        whole = _log_sum(in_blank, in_label)
        end = ops.reshape(ops.maximum(sizes - 1, 0), (batch, width, 1))
        last = ops.reshape(take_along_axis(paths, end, 2), (batch, width))
        last_chance = take_along_axis(now, ops.maximum(last, 0), 1)
        stay_blank = whole + ops.index(now, [], (slice(None), slice(blank, blank + 1)))
        stay_label = ops.where(ops.less(last, 0), never, in_label + last_chance)
        # One label more; the last one again needs a blank between.
        again = ops.equal(ops.reshape(last, (batch, width, 1)), names)
        from_where = ops.where(
            again,
            ops.reshape(in_blank, (batch, width, 1)),
            ops.reshape(whole, (batch, width, 1)),
        )
        longer = from_where + ops.reshape(now, (batch, 1, classes))
        longer = ops.where(ops.equal(names, blank), never, longer)
        # A longer prefix may be in the beam already: its chance goes there.
        ends = ops.equal(place, end)
        parents = ops.where(ops.logical_and(ends, ops.greater(paths, -1)), -1, paths)
        same = ops.all(
            ops.equal(
                ops.reshape(paths, (batch, width, 1, frames)),
                ops.reshape(parents, (batch, 1, width, frames)),
            ),
            -1,
        )
        real = ops.logical_and(ops.greater(whole, never * 0.5), ops.greater(sizes, 0))
        same = ops.logical_and(same, ops.reshape(real, (batch, 1, width)))
        one_more = ops.equal(
            ops.reshape(sizes, (batch, width, 1)) + 1, ops.reshape(sizes, (batch, 1, width))
        )
        same = ops.logical_and(same, one_more)
        ending = ops.broadcast_to(
            ops.reshape(ops.maximum(last, 0), (batch, 1, width)), (batch, width, width)
        )
        arriving = ops.where(same, take_along_axis(longer, ending, 2), never)
        stay_label = _log_sum(stay_label, ops.max(arriving, 1))
        taken = ops.matmul(
            ops.cast(same, dtype),
            ops.cast(ops.equal(names, ops.reshape(last, (batch, width, 1))), dtype),
        )
        longer = ops.where(ops.greater(taken, 0.5), never, longer)
        # The likeliest of all that stayed and all that grew.
        stayed = _log_sum(stay_blank, stay_label)
        every = ops.concatenate([stayed, ops.reshape(longer, (batch, width * classes))], 1)
        best, chosen = top_k(every, width)
        grew = ops.greater_equal(chosen, width)
        grown = ops.maximum(chosen - width, 0)
        source = ops.where(grew, ops.floor_divide(grown, classes), chosen)
        label = ops.mod(grown, classes)
        counts = ops.greater(ops.reshape(lengths, (batch, 1)), frame)
        source = ops.where(counts, source, slots)
        grew = ops.logical_and(grew, counts)
        before = take_along_axis(sizes, source, 1)
        rows = ops.broadcast_to(ops.reshape(source, (batch, width, 1)), (batch, width, frames))
        here = ops.logical_and(
            ops.equal(place, ops.reshape(before, (batch, width, 1))),
            ops.reshape(grew, (batch, width, 1)),
        )
        paths = ops.where(
            here, ops.reshape(label, (batch, width, 1)), take_along_axis(paths, rows, 1)
        )
        sizes = before + ops.cast(grew, "int32")
        next_blank = ops.where(grew, never, take_along_axis(stay_blank, source, 1))
        next_label = ops.where(grew, best, take_along_axis(stay_label, source, 1))
        in_blank = ops.where(counts, next_blank, in_blank)
        in_label = ops.where(counts, next_label, in_label)
    scores, order = top_k(_log_sum(in_blank, in_label), top_paths)
    rows = ops.broadcast_to(ops.reshape(order, (batch, top_paths, 1)), (batch, top_paths, frames))
    labels = ops.transpose(take_along_axis(paths, rows, 1), (1, 0, 2))
    return labels, ops.where(ops.less(scores, never * 0.5), -math.inf, scores)
