"""Activations: functions of one tensor that layers apply to what they computed.

Most are one line over the primitives.  Those that training calls most often carry a gradient of
their own, which keeps less and computes less than the derived one.  Losses and normalizations are
in ``nn.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from polynet import dtypes, errors, spec
from polynet.op import op
from polynet.ops import primitives as ops
from polynet.ops.elementwise import erf
from polynet.ops.sorting import sort
from polynet.spec import Kind, Settled, axis_index
from polynet.tensor import Axis, Tensor
from polynet.values import dtype_of

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]

_floating = op(dtypes=spec.without_complex(spec.elementwise_float))


@spec.without_complex
def _number(kinds: Sequence[Kind]) -> Settled:
    """Each dtype stays as it is, but bool becomes an integer."""
    common = dtypes.result_type(kinds[0], int)
    return [common], common


def _where_true(condition: Tensor, g: Tensor) -> Tensor:
    """``g`` where the condition holds, else zero."""
    return g * ops.cast(condition, dtype_of(g))


# The gradients that training needs most are ops (``..._slope``), so that a backend may have them in one piece.


# ----------------------------------------------------------------------------------- rectified


@op(dtypes=_number)
def relu(x: Tensor) -> Tensor:
    """Rectified linear unit: ``max(x, 0)``; its derivative at 0 is 0.

    Example:
        >>> from polynet import ops
        >>> ops.relu([-1.0, 0.0, 2.0])
        array([0., 0., 2.], dtype=float32)
    """
    return ops.where(ops.less_equal(x, 0), 0, x)


@op(dtypes=spec.same)
def relu_slope(g: Tensor, y: Tensor) -> Tensor:
    """The gradient of ``relu``, whose result was ``y``."""
    return _where_true(ops.greater(y, 0), g)


relu.vjp(lambda g, y: relu_slope(g, y))


@_floating
def relu6(x: Tensor) -> Tensor:
    """Rectified linear unit that stops at 6: ``min(max(x, 0), 6)``.

    Example:
        >>> from polynet import ops
        >>> ops.relu6([-1.0, 2.0, 9.0])
        array([0., 2., 6.], dtype=float32)
    """
    return ops.where(ops.greater_equal(x, 6.0), 6.0, relu(x))


relu6.vjp(lambda g, y: _where_true(ops.logical_and(ops.greater(y, 0.0), ops.less(y, 6.0)), g))


@_floating
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """``x`` where positive, else ``negative_slope * x``.

    Example:
        >>> from polynet import ops
        >>> ops.leaky_relu([-1.0, 2.0], negative_slope=0.5)
        array([-0.5,  2. ], dtype=float32)
    """
    return ops.where(ops.greater(x, 0.0), x, x * negative_slope)


leaky_relu.vjp(lambda g, x, negative_slope: ops.where(ops.greater(x, 0.0), g, g * negative_slope))


@_floating
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """``x`` where it exceeds ``threshold``, else ``default_value``.

    Example:
        >>> from polynet import ops
        >>> ops.threshold([-1.0, 0.5, 2.0], 0.5, 9.0)
        array([9., 9., 2.], dtype=float32)
    """
    return ops.where(ops.greater(x, threshold), x, default_value)


@_floating
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """``x`` where its absolute value exceeds ``threshold``, else 0.

    Example:
        >>> from polynet import ops
        >>> ops.hard_shrink([-1.0, 0.3, 2.0])
        array([-1.,  0.,  2.], dtype=float32)
    """
    return ops.where(ops.greater(ops.absolute(x), threshold), x, 0.0)


@_floating
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """``x`` moved towards 0 by ``threshold``, and 0 where it would pass it.

    Example:
        >>> from polynet import ops
        >>> ops.soft_shrink([-1.0, 0.3, 2.0])
        array([-0.5,  0. ,  1.5], dtype=float32)
    """
    low = ops.where(ops.less(x, -threshold), x + threshold, 0.0)
    return ops.where(ops.greater(x, threshold), x - threshold, low)


@_floating
def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, ``x`` from 1 on, and the parabola ``(x + 1)² / 4`` between them.

    Example:
        >>> from polynet import ops
        >>> ops.sparse_plus([-2.0, 0.0, 3.0])
        array([0.  , 0.25, 3.  ], dtype=float32)
    """
    curve = ops.where(ops.less_equal(x, -1.0), 0.0, (x + 1.0) * (x + 1.0) * 0.25)
    return ops.where(ops.greater_equal(x, 1.0), x, curve)


# ----------------------------------------------------------------------------------- exponential


@_floating
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Exponential linear unit: ``x`` where positive, else ``alpha * (exp(x) - 1)``.

    Example:
        >>> from polynet import ops
        >>> ops.elu([-1000.0, 2.0])
        array([-1.,  2.], dtype=float32)
    """
    positive = ops.greater(x, 0.0)
    return ops.where(positive, x, ops.expm1(ops.where(positive, 0.0, x)) * alpha)


elu.vjp(lambda g, x, y, alpha: ops.where(ops.greater(x, 0.0), g, g * (y + alpha)))


@_floating
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Continuously differentiable ELU: ``x`` where positive, else ``alpha * (exp(x / alpha) - 1)``.

    Example:
        >>> from polynet import ops
        >>> ops.celu([-1000.0, 3.0], alpha=2.0)
        array([-2.,  3.], dtype=float32)
    """
    positive = ops.greater(x, 0.0)
    return ops.where(positive, x, ops.expm1(ops.where(positive, 0.0, x) / alpha) * alpha)


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@_floating
def selu(x: Tensor) -> Tensor:
    """Scaled ELU, whose constants keep mean 0 and variance 1 from layer to layer.

    Example:
        >>> from polynet import ops
        >>> ops.selu([0.0, 1.0])
        array([0.      , 1.050701], dtype=float32)
    """
    return elu(x, _SELU_ALPHA) * _SELU_SCALE


@_floating
def softplus(x: Tensor) -> Tensor:
    """``log(1 + exp(x))``, without overflow.

    Example:
        >>> from polynet import ops
        >>> ops.softplus([-1000.0, 1000.0])
        array([   0., 1000.], dtype=float32)
    """
    return ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.absolute(x)))


softplus.vjp(lambda g, x: g * sigmoid(x))


@_floating
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """``(x + sqrt(x² + b)) / 2``, a softplus without exponentials.

    Example:
        >>> from polynet import ops
        >>> ops.squareplus([0.0, 1.5])
        array([1., 2.], dtype=float32)
    """
    return (x + ops.sqrt(x * x + b)) * 0.5


# ----------------------------------------------------------------------------------- sigmoids


@_floating
def sigmoid(x: Tensor) -> Tensor:
    """``1 / (1 + exp(-x))``, without overflow.

    Example:
        >>> from polynet import ops
        >>> ops.sigmoid([-1000.0, 0.0, 1000.0])
        array([0. , 0.5, 1. ], dtype=float32)
    """
    positive = ops.greater_equal(x, 0.0)
    e = ops.exp(ops.where(positive, -x, x))
    return ops.where(positive, 1.0, e) / (e + 1.0)


@op(dtypes=spec.same)
def sigmoid_slope(g: Tensor, y: Tensor) -> Tensor:
    """The gradient of ``sigmoid``, whose result was ``y``."""
    return g * y * (1.0 - y)


sigmoid.vjp(lambda g, y: sigmoid_slope(g, y))


@_floating
def log_sigmoid(x: Tensor) -> Tensor:
    """The logarithm of the sigmoid: ``-softplus(-x)``.

    Example:
        >>> from polynet import ops
        >>> ops.log_sigmoid([-1000.0, 1000.0])
        array([-1000.,    -0.], dtype=float32)
    """
    return -softplus(-x)


@_floating
def hard_sigmoid(x: Tensor) -> Tensor:
    """The sigmoid in three straight pieces: ``relu6(x + 3) / 6``.

    Example:
        >>> from polynet import ops
        >>> ops.hard_sigmoid([-4.0, 0.0, 1.5])
        array([0.  , 0.5 , 0.75], dtype=float32)
    """
    return relu6(x + 3.0) / 6.0


@_floating
def sparse_sigmoid(x: Tensor) -> Tensor:
    """0 up to -1, 1 from 1 on, and straight between them.

    Example:
        >>> from polynet import ops
        >>> ops.sparse_sigmoid([-2.0, 0.5, 3.0])
        array([0.  , 0.75, 1.  ], dtype=float32)
    """
    return (hard_tanh(x) + 1.0) * 0.5


@op(dtypes=_number)
def hard_tanh(x: Tensor) -> Tensor:
    """``x`` kept between -1 and 1.

    Example:
        >>> from polynet import ops
        >>> ops.hard_tanh([-4.0, 0.5, 1.5])
        array([-1. ,  0.5,  1. ], dtype=float32)
    """
    return ops.where(ops.less_equal(x, -1), -1, ops.where(ops.greater_equal(x, 1), 1, x))


hard_tanh.vjp(lambda g, y: _where_true(ops.less(ops.absolute(y), 1), g))


@_floating
def softsign(x: Tensor) -> Tensor:
    """``x / (1 + |x|)``.

    Example:
        >>> from polynet import ops
        >>> ops.softsign([-1.0, 0.0, 3.0])
        array([-0.5 ,  0.  ,  0.75], dtype=float32)
    """
    return x / (ops.absolute(x) + 1.0)


@_floating
def tanh_shrink(x: Tensor) -> Tensor:
    """``x - tanh(x)``.

    Example:
        >>> from polynet import ops
        >>> ops.tanh_shrink([-20.0, 0.0])
        array([-19.,   0.], dtype=float32)
    """
    return x - ops.tanh(x)


# ----------------------------------------------------------------------------------- gated


@_floating
def silu(x: Tensor) -> Tensor:
    """``x * sigmoid(x)``, also called swish.

    Example:
        >>> from polynet import ops
        >>> ops.silu([-1000.0, 0.0, 1000.0])
        array([  -0.,    0., 1000.], dtype=float32)
    """
    return x * sigmoid(x)


swish = silu


@_floating
def hard_silu(x: Tensor) -> Tensor:
    """``x * hard_sigmoid(x)``, also called hard swish.

    Example:
        >>> from polynet import ops
        >>> ops.hard_silu([-4.0, 0.0, 1.5])
        array([-0.   ,  0.   ,  1.125], dtype=float32)
    """
    return x * hard_sigmoid(x)


hard_swish = hard_silu

_ROOT_HALF = math.sqrt(0.5)
_ROOT_2_BY_PI = math.sqrt(2 / math.pi)


@_floating
def gelu(x: Tensor, approximate: bool = True) -> Tensor:
    """``x`` times the probability that a standard normal number is below ``x``.

    Args:
        x: the tensor.
        approximate: take the probability from a tanh instead of the error function.

    Example:
        >>> from polynet import ops
        >>> ops.gelu([-1000.0, 0.0, 1000.0])
        array([  -0.,    0., 1000.], dtype=float32)
    """
    if approximate:
        return x * 0.5 * (ops.tanh((x * x * 0.044715 + 1.0) * x * _ROOT_2_BY_PI) + 1.0)
    return x * 0.5 * (erf(x * _ROOT_HALF) + 1.0)


@op(dtypes=spec.same)
def gelu_slope(g: Tensor, x: Tensor, y: Tensor, approximate: bool) -> Tensor:
    """The gradient of ``gelu``; its result ``y`` may save computing the probability again."""
    if approximate:
        square = x * x
        t = ops.tanh((square * 0.044715 + 1.0) * x * _ROOT_2_BY_PI)
        slope = (square * (3 * 0.044715) + 1.0) * _ROOT_2_BY_PI
        return g * 0.5 * ((1.0 - t * t) * slope * x + t + 1.0)
    density = ops.exp(x * x * -0.5) * (0.5 * _ROOT_2_BY_PI)
    return g * ((erf(x * _ROOT_HALF) + 1.0) * 0.5 + x * density)


gelu.vjp(lambda g, x, y, approximate: gelu_slope(g, x, y, approximate))


@_floating
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """Gated linear unit: the first half along ``axis`` times the sigmoid of the second.

    Example:
        >>> from polynet import ops
        >>> ops.glu([1.0, 2.0, 0.0, 0.0])
        array([0.5, 1. ], dtype=float32)
    """
    at = axis_index(axis, len(x.shape))
    if x.shape[at] % 2:
        raise errors.ShapeError(
            f"x: axis {axis} of shape {tuple(x.shape)} is split in two halves, and so its length "
            f"must be even."
        )
    half, before = x.shape[at] // 2, (slice(None),) * at
    value = ops.index(x, [], (*before, slice(0, half)))
    return value * sigmoid(ops.index(x, [], (*before, slice(half, None))))


# ----------------------------------------------------------------------------------- normalizing


@_floating
def softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """Exponentials divided by their sum over ``axis``, so that they are positive and sum to 1.

    Args:
        x: the tensor.
        axis: one axis or several; ``None`` takes all of them together.

    Example:
        >>> from polynet import ops
        >>> ops.softmax([0.0, 0.0, 1000.0])
        array([0., 0., 1.], dtype=float32)
    """
    spec.axes_indices(axis, len(x.shape))
    if 0 in x.shape:
        return x * 1.0
    e = ops.exp(x - ops.stop_gradient(ops.max(x, axis, True)))
    return e / ops.sum(e, axis, True)


@op(dtypes=spec.same)
def softmax_slope(g: Tensor, y: Tensor, axis: Axis) -> Tensor:
    """The gradient of ``softmax``, whose result was ``y``."""
    return y * (g - ops.sum(g * y, axis, True))


softmax.vjp(lambda g, y, axis: softmax_slope(g, y, axis))


@_floating
def log_softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """The logarithm of ``softmax``, exact where that rounds to 0.

    Args:
        x: the tensor.
        axis: one axis or several; ``None`` takes all of them together.

    Example:
        >>> from polynet import ops
        >>> ops.log_softmax([0.0, 1000.0])
        array([-1000.,     0.], dtype=float32)
    """
    spec.axes_indices(axis, len(x.shape))
    if 0 in x.shape:
        return x * 1.0
    shifted = x - ops.stop_gradient(ops.max(x, axis, True))
    return shifted - ops.log(ops.sum(ops.exp(shifted), axis, True))


log_softmax.vjp(lambda g, y, axis: g - ops.exp(y) * ops.sum(g, axis, True))


@_floating
def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The point nearest to ``x`` among those that are not negative and sum to 1 along ``axis``.

    Like a softmax, but small entries become exactly 0.

    Example:
        >>> from polynet import ops
        >>> ops.sparsemax([-1.0, 0.0, 0.5])
        array([0.  , 0.25, 0.75], dtype=float32)
    """
    at = axis_index(axis, len(x.shape))
    length = x.shape[at]
    if 0 in x.shape:
        return x * 1.0
    dtype = dtype_of(x)
    falling = -sort(-x, at)
    shape = (1,) * at + (length,) + (1,) * (len(x.shape) - at - 1)
    rank = ops.reshape(ops.iota(length, dtype) + 1, shape)
    above = ops.cumsum(falling, at)
    support = ops.cast(ops.greater(falling * rank + 1.0, above), dtype)
    number = ops.sum(support, at, True)
    level = (ops.sum(falling * support, at, True) - 1.0) / number
    return ops.maximum(x - level, 0.0)


sparsemax.vjp(lambda g, y, axis: _sparsemax_gradient(g, y, axis))


def _sparsemax_gradient(g: Tensor, y: Tensor, axis: int) -> Tensor:
    support = ops.cast(ops.greater(y, 0.0), dtype_of(g))
    kept = g * support
    mean = ops.sum(kept, axis, True) / ops.sum(support, axis, True)
    return kept - mean * support
