"""Activations as layers. The functions themselves are in ``polynet/activations.py`` and ``polynet/ops/``."""

from __future__ import annotations

from typing import Any

from polynet import activations, constraints, errors, initializers, ops, regularizers, spec
from polynet.layers.arguments import axis_of
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.values import dtype_of


class Activation(Layer):
    """An activation function as a layer.

    Args:
        activation: a name or function.

    Example:
        >>> import polynet
        >>> polynet.layers.Activation("relu")(polynet.ops.convert_to_tensor([-1.0, 2.0]))
        array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs if self.activation is None else self.activation(inputs)


def _slope(value: Any, name: str, layer: Layer) -> float:
    if isinstance(value, bool) or not hasattr(value, "__float__") or value < 0:
        raise ValueError(
            f"{type(layer).__name__}: {name}: expected a number of 0 or more; got {value!r}."
        )
    return float(value)


class ReLU(Layer):
    """``max(x, 0)``, with an upper limit, a slope below, and a threshold.

    Args:
        max_value: what larger outputs are cut to; ``None`` for no limit.
        negative_slope: the factor of what lies below the threshold.
        threshold: where the function begins to pass its input.

    Example:
        >>> import polynet
        >>> polynet.layers.ReLU(max_value=6.0)(polynet.ops.convert_to_tensor([-1.0, 2.0, 9.0]))
        array([0., 2., 6.], dtype=float32)
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else _slope(max_value, "max_value", self)
        self.negative_slope = _slope(negative_slope, "negative_slope", self)
        self.threshold = _slope(threshold, "threshold", self)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """``x``, and ``negative_slope * x`` below 0.

    Example:
        >>> import polynet
        >>> polynet.layers.LeakyReLU(0.5)(polynet.ops.convert_to_tensor([-4.0, 2.0]))
        array([-2.,  2.], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = _slope(negative_slope, "negative_slope", self)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(inputs, self.negative_slope)


class PReLU(Layer):
    """``x``, and ``alpha * x`` below 0, with a learned ``alpha`` for each element.

    Args:
        shared_axes: the axes along which elements share their ``alpha``, such as ``[1, 2]`` for those of an image.

    Example:
        >>> import polynet
        >>> polynet.layers.PReLU("ones")(polynet.ops.convert_to_tensor([[-4.0, 2.0]]))
        array([[-4.,  2.]], dtype=float32)
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        several = isinstance(shared_axes, list | tuple) or shared_axes is None
        self.shared_axes = shared_axes if several else [shared_axes]

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        shared = {axis_of(axis, rank, self, "shared_axes") for axis in self.shared_axes or ()}
        if 0 in shared:
            raise ValueError(
                f"{self._title()}: shared_axes: axis 0 is the batch, which always shares; leave it out."
            )
        self.alpha = self.add_weight(
            name="alpha",
            shape=[1 if axis in shared else input_shape[axis] for axis in range(1, rank)],
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        own = {axis: input_shape[axis] for axis in range(1, rank) if axis not in shared}
        self.input_spec = InputSpec(ndim=rank, axes=own)

    def call(self, inputs: Any) -> Any:
        return ops.where(ops.greater(inputs, 0), inputs, ops.multiply(inputs, self.alpha))


class ELU(Layer):
    """``x``, and ``alpha * (exp(x) - 1)`` below 0.

    Example:
        >>> import polynet
        >>> polynet.layers.ELU()(polynet.ops.convert_to_tensor([0.0, 2.0]))
        array([0., 2.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.built = True

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, self.alpha)


class Softmax(Layer):
    """``exp(x)`` divided by its sum along an axis, or several.

    With a ``mask``, true where an element takes part, the others get 0.

    Args:
        axis: the axis or axes along which the outputs add up to 1.

    Example:
        >>> import polynet
        >>> polynet.layers.Softmax()(polynet.ops.convert_to_tensor([1.0, 1.0, 5.0]), mask=[True, True, False])
        array([0.5, 0.5, 0. ], dtype=float32)
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.built = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axis = self.axis
        if isinstance(axis, list | tuple):
            axis = axis[0] if len(axis) == 1 else tuple(axis)
        if mask is None:
            return ops.softmax(inputs, axis)
        mask = ops.convert_to_tensor(mask)
        if dtype_of(mask) != "bool":
            mask = ops.greater(mask, 0.5)
        _check_mask(mask, inputs, self)
        lowest = -3e4 if dtype_of(inputs) == "float16" else -1e9
        return ops.where(mask, ops.softmax(ops.where(mask, inputs, lowest), axis), 0.0)


def _check_mask(mask: Any, inputs: Any, layer: Layer) -> None:
    shape, given = tuple(inputs.shape), tuple(mask.shape)
    try:
        fits = spec.broadcast(given, shape) == shape
    except errors.ShapeError:
        fits = False
    if not fits:
        raise errors.ShapeError(
            f"{layer._title()}: mask: expected a shape that broadcasts to that of the input, {shape}; got {given}."
        )
