"""Normalizations as layers: over the batch, the features, groups of channels; and of a layer's weights.

Means, variances and their gradients are ops (``polynet/ops/neural.py``); what is learned and what is remembered
between calls is here.
"""

from __future__ import annotations

import math
from typing import Any

from polynet import config, constraints, dtypes, errors, initializers, ops, regularizers
from polynet.layers.arguments import axis_of, is_integer, known_length
from polynet.layers.core import Wrapper, positive
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.ops.neural import normalized_batch
from polynet.spec import Spec
from polynet.values import dtype_of
from polynet.variable import StatelessScope


def _wide(dtype: str) -> str:
    """The dtype in which to take sums: half precision is too short."""
    return dtypes.result_type(dtype, "float32")


class _Scaling(Layer):
    """A layer with a factor ``gamma`` and an offset ``beta``, in the dtype of the weights."""

    def _set_up(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
    ) -> None:
        if isinstance(epsilon, bool) or not hasattr(epsilon, "__float__") or not epsilon >= 0:
            raise ValueError(
                f"{type(self).__name__}: epsilon: expected a number of 0 or more; got {epsilon!r}."
            )
        self.epsilon = float(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def _add_factor_and_offset(self, shape: tuple[int, ...]) -> None:
        self.gamma = self.beta = None
        if self.scale:
            self.gamma = self.add_weight(
                name="gamma",
                shape=shape,
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
            )
        if self.center:
            self.beta = self.add_weight(
                name="beta",
                shape=shape,
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
            )


_CLIPPING = ("dmax", "rmax", "rmin")


class BatchNormalization(_Scaling):
    """Mean 0 and variance 1 for each channel: over the batch in training, else by what was seen in training.

    In training the moving mean and variance take a step of ``1 - momentum`` towards those of the batch, unless
    ``trainable`` is false.  A mask leaves steps out of the batch's.

    Args:
        axis: the axis of the channels.
        momentum: how much of the moving mean and variance stays in a step.
        epsilon: added to the variance.
        center: add a learned offset?
        scale: multiply with a learned factor?
        renorm: normalize in training with corrections towards statistics of their own, too?
        renorm_clipping: limits of these corrections, among ``"rmax"``, ``"rmin"`` and ``"dmax"``.
        renorm_momentum: the momentum of these statistics.
        synchronized: over all devices; each process has one here, so it changes nothing.

    Example:
        >>> import numpy as np, polynet
        >>> layer = polynet.layers.BatchNormalization(epsilon=0.0)
        >>> layer(np.array([[1.0], [3.0]], "float32"), training=True)
        array([[-1.],
               [ 1.]], dtype=float32)
        >>> layer.moving_mean.numpy()
        array([0.02], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_up(
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
        )
        one: Any = axis
        if isinstance(one, list | tuple) and len(one) == 1:
            one = one[0]
        if not is_integer(one):
            raise TypeError(f"{type(self).__name__}: axis: expected one integer; got {axis!r}.")
        self.axis = int(one)
        self.momentum = float(momentum)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer: Any = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = dict(renorm_clipping or {})
        self.renorm_momentum = float(renorm_momentum)
        self.synchronized = synchronized
        self._check_clipping()

    def _check_clipping(self) -> None:
        limits = self.renorm_clipping
        for name in limits:
            if name not in _CLIPPING:
                raise ValueError(
                    f"{type(self).__name__}: renorm_clipping: expected the keys 'rmax', 'rmin' and 'dmax'; got "
                    f"{name!r}.{errors.closest(name, _CLIPPING)}"
                )
        if limits.get("rmax", math.inf) < limits.get("rmin", -math.inf):
            raise ValueError(
                f"{type(self).__name__}: renorm_clipping: expected rmin <= rmax; got {limits}."
            )
        if limits.get("dmax", 0) < 0:
            raise ValueError(
                f"{type(self).__name__}: renorm_clipping: expected a dmax of 0 or more; got {limits}."
            )

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        self._axis = axis_of(self.axis, rank, self)
        length = known_length(input_shape, self._axis, self)
        self._add_factor_and_offset((length,))

        def state(name: str, initializer: Any) -> Any:
            return self.add_weight(
                name=name, shape=(length,), initializer=initializer, trainable=False, autocast=False
            )

        def stddev(shape: Any, dtype: Any = None) -> Any:
            return ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

        self.moving_mean = state("moving_mean", self.moving_mean_initializer)
        self.moving_variance = state("moving_variance", self.moving_variance_initializer)
        if self.renorm:
            self.moving_stddev = state("moving_stddev", stddev)
            self.renorm_mean = state("renorm_mean", self.moving_mean_initializer)
            self.renorm_stddev = state("renorm_stddev", stddev)
        self._others = tuple(axis for axis in range(rank) if axis != self._axis)
        self.input_spec = InputSpec(ndim=rank, axes={self._axis: length})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        dtype = dtype_of(inputs)
        wide = _wide(dtype)
        x = inputs if wide == dtype else ops.cast(inputs, wide)
        scale, offset = self.gamma, self.beta
        if not (training and self.trainable):
            mean, variance = self.moving_mean, self.moving_variance
            y = ops.batch_normalization(x, mean, variance, self._axis, offset, scale, self.epsilon)
        elif self.renorm:
            mean, variance = self._batch_moments(x, mask)
            scale, offset = self._corrected(mean, variance, scale, offset)
            y = ops.batch_normalization(x, mean, variance, self._axis, offset, scale, self.epsilon)
        else:
            if mask is None:
                y, mean, variance = normalized_batch(x, self._axis, offset, scale, self.epsilon)
            else:
                mean, variance = self._batch_moments(x, mask)
                y = ops.batch_normalization(
                    x, mean, variance, self._axis, offset, scale, self.epsilon
                )
            _step(self.moving_mean, mean, self.momentum)
            _step(self.moving_variance, variance, self.momentum)
        return y if wide == dtype else ops.cast(y, dtype)

    def _batch_moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance of the channels, over what the mask keeps."""
        if mask is None:
            return ops.moments(x, self._others)
        if len(mask.shape) != len(x.shape) - 1:
            raise errors.ShapeError(
                f"{self._title()}: mask: expected one axis less than the input of shape {tuple(x.shape)}; got shape "
                f"{tuple(mask.shape)}."
            )
        kept = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), tuple(x.shape))
        count = ops.sum(ops.cast(kept, dtype_of(x)), self._others, True)
        share = ops.divide(1.0, ops.add(count, config.epsilon()))
        mean = ops.multiply(ops.sum(ops.where(kept, x, 0), self._others, True), share)
        apart = ops.where(kept, ops.subtract(x, mean), 0)
        variance = ops.multiply(ops.sum(ops.square(apart), self._others, True), share)
        return ops.reshape(mean, (-1,)), ops.reshape(variance, (-1,))

    def _corrected(self, mean: Any, variance: Any, scale: Any, offset: Any) -> tuple[Any, Any]:
        """Factor and offset that also correct towards the statistics of ``renorm``, which take a step."""
        mean, variance = ops.stop_gradient(mean), ops.stop_gradient(variance)
        stddev = ops.sqrt(ops.add(variance, self.epsilon))
        known = ops.maximum(self.renorm_stddev, math.sqrt(self.epsilon))
        r = ops.divide(stddev, known)
        d = ops.divide(ops.subtract(mean, self.renorm_mean), known)
        limits = self.renorm_clipping
        if limits.get("rmin") is not None:
            r = ops.maximum(r, limits["rmin"])
        if limits.get("rmax") is not None:
            r = ops.minimum(r, limits["rmax"])
        if limits.get("dmax") is not None:
            d = ops.clip(d, -limits["dmax"], limits["dmax"])
        if scale is not None:
            r, d = ops.multiply(r, scale), ops.multiply(d, scale)
        if offset is not None:
            d = ops.add(d, offset)
        _step(self.renorm_mean, mean, self.renorm_momentum)
        _step(self.renorm_stddev, stddev, self.renorm_momentum)
        _step(self.moving_mean, mean, self.momentum)
        _step(self.moving_stddev, stddev, self.momentum)
        square = ops.square(self.moving_stddev)
        _remember(self.moving_variance, ops.relu(ops.subtract(square, self.epsilon)))
        return r, d


def _step(moving: Any, value: Any, momentum: float) -> None:
    """Let a moving average take a step towards a value."""
    kept = ops.multiply(moving, momentum)
    _remember(moving, ops.add(kept, ops.multiply(ops.stop_gradient(value), 1.0 - momentum)))


def _remember(variable: Any, value: Any) -> None:
    """Assign, unless only shapes are asked for."""
    if not isinstance(value, Spec):
        variable.assign(value)


class LayerNormalization(_Scaling):
    """Mean 0 and variance 1 over the features of each element of the batch.

    Args:
        axis: the axis or axes of the features.
        epsilon: added to the variance.
        center: add a learned offset?
        scale: multiply with a learned factor?

    Example:
        >>> import numpy as np, polynet
        >>> polynet.layers.LayerNormalization(epsilon=0.0)(np.array([[1.0, 3.0]], "float32"))
        array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_up(
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
        )
        self.axis = list(axis) if isinstance(axis, list | tuple) else axis

    def build(self, input_shape: Any) -> None:
        self._axes = _axes_of(self.axis, input_shape, self)
        shape = tuple(known_length(input_shape, axis, self) for axis in self._axes)
        self._add_factor_and_offset(shape)
        self.input_spec = _spec_of(input_shape, self._axes)

    def call(self, inputs: Any) -> Any:
        return ops.layer_normalization(inputs, self.gamma, self.beta, self._axes, self.epsilon)


def _axes_of(axis: Any, input_shape: Any, layer: Layer) -> tuple[int, ...]:
    """The axes in their order; counted from the end if they were given so."""
    rank = len(input_shape)
    given = axis if isinstance(axis, list | tuple) else (axis,)
    found = tuple(sorted(axis_of(one, rank, layer) for one in given))
    if len(set(found)) != len(found) or not found:
        raise ValueError(f"{layer._title()}: axis: expected different axes; got {axis!r}.")
    return tuple(one - rank for one in found) if max(given) < 0 else found


def _spec_of(input_shape: Any, axes: tuple[int, ...]) -> InputSpec:
    """Inputs may have other axes in front if those that matter are counted from the end."""
    lengths = {axis: input_shape[axis] for axis in axes}
    if axes[0] < 0:
        return InputSpec(min_ndim=-axes[0], axes=lengths)
    return InputSpec(ndim=len(input_shape), axes=lengths)


class GroupNormalization(_Scaling):
    """Mean 0 and variance 1 over groups of channels and all axes but the batch.

    Args:
        groups: into how many groups the channels are split; -1 for one each.
        axis: the axis of the channels.
        epsilon: added to the variance.
        center: add a learned offset for each channel?
        scale: multiply with a learned factor for each channel?

    Example:
        >>> import numpy as np, polynet
        >>> x = np.array([[1.0, 3.0, 10.0, 30.0]], "float32")
        >>> polynet.layers.GroupNormalization(2, epsilon=0.0)(x)
        array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._set_up(
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
        )
        self.groups = groups if groups == -1 else positive(groups, "groups", self)
        self.axis = axis

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        at = self._axis = axis_of(self.axis, rank, self)
        length = known_length(input_shape, at, self)
        groups = length if self.groups == -1 else self.groups
        if length % groups:
            raise errors.ShapeError(
                f"{self._title()}: groups: expected a divisor of the {length} channels along axis {self.axis}; got "
                f"{self.groups}."
            )
        self._split = (groups, length // groups)
        # the batch and the groups stay
        self._axes = tuple(axis for axis in range(1, rank + 1) if axis != at)
        self._shape = (*(1,) * at, length, *(1,) * (rank - at - 1))
        self._add_factor_and_offset((length,))
        self.input_spec = InputSpec(ndim=rank, axes={at: length})

    def call(self, inputs: Any) -> Any:
        dtype, shape, at = dtype_of(inputs), tuple(inputs.shape), self._axis
        wide = _wide(dtype)
        x = ops.reshape(inputs, (*shape[:at], *self._split, *shape[at + 1 :]))
        x = x if wide == dtype else ops.cast(x, wide)
        y = ops.layer_normalization(x, axis=self._axes, epsilon=self.epsilon)
        y = ops.reshape(y, shape)
        if self.gamma is not None:
            y = ops.multiply(y, ops.reshape(self.gamma, self._shape))
        if self.beta is not None:
            y = ops.add(y, ops.reshape(self.beta, self._shape))
        return y if wide == dtype else ops.cast(y, dtype)


class RMSNormalization(Layer):
    """Divides by the root mean square over the features, and multiplies with a learned factor.

    Args:
        axis: the axis or axes of the features.
        epsilon: added to the mean square.

    Example:
        >>> import numpy as np, polynet
        >>> polynet.layers.RMSNormalization(epsilon=0.0)(np.array([[3.0, -3.0]], "float32"))
        array([[ 1., -1.]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, list | tuple) else axis
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        self._axes = _axes_of(self.axis, input_shape, self)
        shape = tuple(known_length(input_shape, axis, self) for axis in self._axes)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")
        self.input_spec = _spec_of(input_shape, self._axes)

    def call(self, inputs: Any) -> Any:
        return ops.rms_normalization(inputs, self.scale, self._axes, self.epsilon)


class UnitNormalization(Layer):
    """Divides by the norm, so that the squares add up to 1.

    Args:
        axis: the axis or axes of the norm.

    Example:
        >>> import numpy as np, polynet
        >>> polynet.layers.UnitNormalization()(np.array([[3.0, 4.0]], "float32"))
        array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not is_integer(axis) and not isinstance(axis, list | tuple):
            raise TypeError(
                f"{type(self).__name__}: axis: expected an integer or several; got {axis!r}."
            )
        self.axis = list(axis) if isinstance(axis, list | tuple) else axis
        self._axes = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.normalize(inputs, axis=self._axes, order=2, epsilon=1e-12)


class SpectralNormalization(Wrapper):
    """Divides the kernel of a layer by its largest singular value, at each step of training.

    Args:
        layer: a layer with a ``kernel`` or ``embeddings``.
        power_iterations: by how many steps the singular value is approximated each time.

    Example:
        >>> import polynet
        >>> layer = polynet.layers.SpectralNormalization(polynet.layers.Dense(3))
        >>> layer(polynet.ops.ones((2, 4)), training=True).shape
        (2, 3)
    """

    kernel: Any

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = positive(power_iterations, "power_iterations", self)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        kernel = getattr(self.layer, "embeddings", None) if kernel is None else kernel
        if kernel is None:
            raise ValueError(
                f"{self._title()}: layer: expected a layer with a kernel or embeddings; "
                f"{type(self.layer).__name__} has neither."
            )
        self.__dict__["kernel"] = kernel  # the layer's weight, not this one's
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=kernel.dtype,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        outputs = self._normalized(inputs) if training else self.layer(inputs)
        dtype = dtype_of(inputs)
        return ops.cast(outputs, dtype) if dtypes.is_float(dtype) else outputs

    def _normalized(self, inputs: Any) -> Any:
        """The layer's outputs with the normalized kernel, which is assigned only then: the gradient passes it."""
        if isinstance(inputs, Spec):
            return self.layer(inputs)
        kernel, u = self.kernel.value, self.vector_u.value
        weights = ops.reshape(kernel, (-1, kernel.shape[-1]))
        fixed = ops.stop_gradient(weights)
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(fixed)), axis=None)
            u = ops.normalize(ops.matmul(v, fixed), axis=None)
        largest = ops.matmul(ops.matmul(v, weights), ops.transpose(u))
        # a kernel of zeros has no direction: it stays, and so does the vector
        nothing = ops.equal(largest, 0)
        divisor = ops.reshape(ops.where(nothing, 1.0, largest), ())
        kernel = ops.divide(kernel, divisor)
        scope = StatelessScope()
        scope.add_update((self.kernel, kernel))
        with scope:
            outputs = self.layer(inputs)
            changed = [(v, scope.get_current_value(v)) for v in self.layer.non_trainable_variables]
        for variable, value in changed:
            if value is not None:
                variable.assign(value)
        self.vector_u.assign(ops.where(nothing, self.vector_u.value, u))
        self.kernel.assign(kernel)
        return outputs
