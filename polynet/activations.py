"""Activations by name: the functions that layers apply to what they computed.

Most are ops at their Keras names; here are those whose arguments or defaults differ from the op's, and the way from
a name to a function and back.  Gradients and shapes belong to the ops, layers that hold an activation to ``layers/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polynet import configurable, ops
from polynet.configurable import Catalogue
from polynet.ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    swish,
    tanh,
    tanh_shrink,
    threshold,
)
from polynet.tensor import Tensor

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
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
    "tanh",
    "tanh_shrink",
    "threshold",
]


def linear(x: Tensor) -> Tensor:
    """``x`` itself.

    Example:
        >>> linear(2.5)
        2.5
    """
    return x


def exponential(x: Tensor) -> Tensor:
    """``exp(x)``.

    Example:
        >>> exponential([0.0, 1.0]).round(3)
        array([1.   , 2.718], dtype=float32)
    """
    return ops.exp(x)


def relu(
    x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """``x`` where it is above the threshold, at most ``max_value``; elsewhere zero, or a line.

    Args:
        x: the tensor.
        negative_slope: the slope of ``negative_slope * (x - threshold)``, which holds up to the threshold.
        max_value: the largest result, or ``None`` for no bound.
        threshold: where the rise begins.

    Example:
        >>> relu([-2.0, 0.5, 1.5, 9.0], negative_slope=0.1, max_value=6.0, threshold=1.0)
        array([-0.3 , -0.05,  1.5 ,  6.  ], dtype=float32)
    """
    if threshold:
        below = ops.multiply(ops.subtract(x, threshold), negative_slope) if negative_slope else 0.0
        y = ops.where(ops.greater(x, threshold), x, below)
    else:
        y = ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    return y if max_value is None else ops.minimum(y, max_value)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """``x`` times the probability that a standard normal number is below ``x``.

    Args:
        x: the tensor.
        approximate: take the probability from a tanh instead of the error function.

    Example:
        >>> gelu([-1.0, 0.0, 1.0]).round(3)
        array([-0.159,  0.   ,  0.841], dtype=float32)
    """
    return ops.gelu(x, approximate)


def mish(x: Tensor) -> Tensor:
    """``x * tanh(softplus(x))``.

    Example:
        >>> mish([-1.0, 0.0, 1.0]).round(3)
        array([-0.303,  0.   ,  0.865], dtype=float32)
    """
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


# ------------------------------------------------------------------------------------------ names

_catalogue = Catalogue("activations", None, "activation")


def get(identifier: Any) -> Callable[..., Tensor]:
    """The activation meant by a name, a description or a function; ``None`` means ``linear``.

    Example:
        >>> get("relu") is relu, get(None) is linear
        (True, True)
    """
    found: Callable[..., Tensor] = linear if identifier is None else _catalogue.get(identifier)
    return found


def serialize(activation: Any) -> Any:
    """The name of an activation of this page, else a description; ``deserialize`` takes both.

    Example:
        >>> serialize(relu)
        'relu'
    """
    if configurable.kind_of_builtin(activation) == "activations":
        return activation.__name__
    return _catalogue.serialize(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The activation of a name or a description.

    Example:
        >>> deserialize("relu") is relu
        True
    """
    return _catalogue.deserialize(config, custom_objects)
