"""Neural ops on JAX: the composites' own bodies, each compiled as a whole, and XLA's convolutions.

JAX differentiates what runs here, and not by the gradient rules of the ops: where elements tie, as in ``window_max``,
the derivative of the body is not the rule's, and is given here.  No op is declared in this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from polynet import config
from polynet.op import OPS
from polynet.ops.neural import check_labels
from polynet_jax.elementwise import compiled_body

_BODIES = (
    *("celu", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh"),
    *("leaky_relu", "log_sigmoid", "log_softmax", "relu", "relu6", "selu", "sigmoid", "silu"),
    *("soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid"),
    *("sparsemax", "squareplus", "tanh_shrink", "threshold"),
    *("batch_normalization", "cdist", "dot_product_attention", "moments", "multi_hot", "one_hot"),
    *("standardized", "standardized_gradient", "take_along_axis", "tril", "triu"),
    *("average_pool", "convolution_kernel", "max_pool", "unfold", "window_max_gradient"),
    *("window_max_pick", "window_sum", "window_sum_transpose"),
)
_WITH_EPSILON = (
    *("binary_crossentropy", "categorical_crossentropy", "layer_normalization", "normalize"),
    "rms_normalization",
)
"""Ops whose bodies read the configured epsilon."""


def _configured_body(name: str) -> Any:
    """``compiled_body`` of an op that reads the configured epsilon: compiled anew for another one."""
    op = OPS[name]
    static = (0, *(i + 1 for i in range(len(op.parameters)) if i not in op.tensors))
    run = jax.jit(lambda epsilon, *args: op.function(*args), static_argnums=static, inline=True)

    def call(*args: Any) -> Any:
        return run(config.epsilon(), *args)

    call.__name__ = name
    return staticmethod(call)


def _letters(rank: int, data_format: str) -> tuple[str, str, str]:
    """What the axes of images, kernel and result are, in XLA's words."""
    spatial = "0123456789"[:rank]
    image = f"N{spatial}C" if data_format == "channels_last" else f"NC{spatial}"
    return image, f"{spatial}IO", image


def _convolution(
    x: Any, kernel: Any, strides: Any, padding: Any, dilation: Any, groups: int, data_format: str
) -> Any:
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=_letters(len(strides), data_format),
        feature_group_count=groups,
    )


def _convolution_transpose(
    x: Any,
    kernel: Any,
    strides: Any,
    start: Any,
    dilation: Any,
    groups: int,
    size: Any,
    data_format: str,
) -> Any:
    *window, channels, filters = kernel.shape
    rank = len(window)
    # The kernel turned around, from the filters of a group to its channels.
    turned = jnp.flip(kernel, range(rank)).reshape(*window, channels, groups, filters // groups)
    turned = turned.transpose(*range(rank), rank + 2, rank + 1, rank)
    turned = turned.reshape(*window, filters // groups, groups * channels)
    spatial = x.shape[1:-1] if data_format == "channels_last" else x.shape[2:]
    padding = [
        ((span - 1) * step - first, length + first - (n - 1) * stride - 1)
        for n, span, stride, step, first, length in zip(
            spatial, window, strides, dilation, start, size, strict=True
        )
    ]
    return lax.conv_general_dilated(
        x,
        turned,
        (1,) * rank,
        padding,
        lhs_dilation=strides,
        rhs_dilation=dilation,
        dimension_numbers=_letters(rank, data_format),
        feature_group_count=groups,
    )


def _compiled_convolution(name: str, function: Callable[..., Any]) -> Any:
    """A convolution of XLA's; one with a single element a window is a product of matrices, as the op's body says.

    On a CPU the derivatives of such a product take XLA seven times as long when it is called a convolution.
    """
    body = OPS[name].function

    def run(x: Any, kernel: Any, *rest: Any) -> Any:
        product = math.prod(kernel.shape[:-2]) == 1
        return (body if product else function)(x, kernel, *rest)

    static = tuple(range(2, len(OPS[name].parameters)))
    return staticmethod(jax.jit(run, static_argnums=static, inline=True))


def _window_max() -> Any:
    """The derivative goes to the first of equals, as the op's gradient rule has it."""
    static = (1, 2, 3, 4)
    run = jax.custom_jvp(OPS["window_max"].function, nondiff_argnums=static)

    @run.defjvp
    def derivative(*args: Any) -> Any:
        *rest, (x,), (moved,) = args
        y = run(x, *rest)
        return y, OPS["window_max_pick"].function(moved, x, y, *rest)

    return staticmethod(jax.jit(run, static_argnums=static, inline=True))


class Neural:
    """Activations, normalizations, losses, attention, convolutions and pooling."""

    for _name in _BODIES:
        locals()[_name] = compiled_body(_name)
    for _name in _WITH_EPSILON:
        locals()[_name] = _configured_body(_name)
    del _name

    convolution = _compiled_convolution("convolution", _convolution)
    convolution_transpose = _compiled_convolution("convolution_transpose", _convolution_transpose)
    window_max = _window_max()
    _sparse_loss = _configured_body("sparse_categorical_crossentropy")

    def sparse_categorical_crossentropy(
        self, target: Any, output: Any, from_logits: bool = False, axis: int = -1
    ) -> Any:
        loss = self._sparse_loss(target, output, from_logits, axis)
        check_labels(target, output.shape[axis])
        return loss

    slice = staticmethod(
        jax.jit(
            lambda inputs, start_indices, shape: lax.dynamic_slice(inputs, start_indices, shape),
            static_argnums=2,
            inline=True,
        )
    )
    slice_update = staticmethod(
        jax.jit(
            lambda inputs, start_indices, updates: lax.dynamic_update_slice(
                inputs, updates, start_indices
            ),
            inline=True,
        )
    )
