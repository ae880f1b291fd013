"""Convolutions as layers: plain, transposed, depthwise and separable, over one, two or three spatial axes.

What each class of three dimensions shares is in a private base; strides, padding and groups are the ops' to carry out
(``polynet/ops/convolution.py``).
"""

from __future__ import annotations

from typing import Any

from polynet import activations, constraints, errors, initializers, ops, regularizers
from polynet.layers.arguments import channels, one_of, per_axis
from polynet.layers.arguments import data_format as checked_format
from polynet.layers.core import positive
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.ops.convolution import (
    biased_convolution,
    convolution,
    convolution_transpose,
    transposed_places,
    window_padding,
)


class _Convolving(Layer):
    """What all convolutions have: a window that moves, a bias, an activation.

    The remaining arguments, ``weights``, are initializers, regularizers and constraints by name.
    """

    rank: int
    _causal = True
    """May the padding of series be causal?"""

    def _set_up(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        **weights: Any,
    ) -> None:
        self.kernel_size = per_axis(kernel_size, self.rank, "kernel_size", self)
        self.strides = per_axis(strides, self.rank, "strides", self)
        self.dilation_rate = per_axis(dilation_rate, self.rank, "dilation_rate", self)
        causal = ("causal",) if self.rank == 1 and self._causal else ()
        self.padding = one_of(padding, ("valid", "same", *causal), "padding", self)
        self.data_format = checked_format(data_format, self)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        pages: dict[str, Any] = {
            "initializer": initializers.get,
            "regularizer": regularizers.get,
            "constraint": constraints.get,
        }
        for name, value in weights.items():
            setattr(self, name, pages[name.rpartition("_")[2]](value))
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.supports_masking = False
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__}: strides, dilation_rate: expected one of them at most to be more than 1; got "
                f"{self.strides} and {self.dilation_rate}."
            )

    def _add(self, name: str, shape: tuple[int, ...], prefix: str | None = None) -> Any:
        """A weight with the initializer, regularizer and constraint that are named after it."""
        prefix = prefix or name
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=getattr(self, f"{prefix}_initializer"),
            regularizer=getattr(self, f"{prefix}_regularizer"),
            constraint=getattr(self, f"{prefix}_constraint"),
        )

    def _begin_build(self, input_shape: Any) -> int:
        """The input's number of channels, after its axes have been looked at."""
        found = channels(input_shape, self.rank, self.data_format, self)
        last = self.data_format == "channels_last"
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={-1 if last else 1: found})
        return found

    def _check_fits(self, input_shape: Any) -> None:
        """Is the input as large as the kernel?"""
        if self.padding != "valid":
            return
        last = self.data_format == "channels_last"
        spatial = input_shape[1:-1] if last else input_shape[2:]
        for length, size, step in zip(spatial, self.kernel_size, self.dilation_rate, strict=True):
            if length is not None and length < (size - 1) * step + 1:
                apart = f" with dilation_rate {self.dilation_rate}" if step > 1 else ""
                raise errors.ShapeError(
                    f"{self._title()}: kernel_size: {self.kernel_size}{apart} is larger than an input of shape "
                    f"{tuple(input_shape)}. Use padding='same' or a smaller kernel."
                )

    def _add_bias(self, filters: int) -> None:
        self.bias = self._add("bias", (filters,)) if self.use_bias else None

    def _spatial(self, inputs: Any) -> tuple[int, ...]:
        shape = tuple(inputs.shape)
        return shape[1:-1] if self.data_format == "channels_last" else shape[2:]

    def _convolved(self, inputs: Any, kernel: Any, groups: int, bias: Any = None) -> Any:
        """The convolution itself; the arguments were settled when the layer was made."""
        window = (self.kernel_size, self.strides, self.dilation_rate)
        pairs = window_padding(self.padding, self._spatial(inputs), *window, "a kernel")
        settled = (self.strides, pairs, self.dilation_rate, groups, self.data_format)
        return _convolution(inputs, kernel, bias, *settled)

    def _each_convolved(self, inputs: Any, kernel: Any, bias: Any = None) -> Any:
        """That of each channel on its own."""
        *size, found, multiplier = kernel.shape
        wide = ops.reshape(kernel, (*size, 1, found * multiplier))
        return self._convolved(inputs, wide, found, bias)

    def _activated(self, outputs: Any) -> Any:
        return outputs if self.activation is None else self.activation(outputs)


def _convolution(x: Any, kernel: Any, bias: Any, *settled: Any) -> Any:
    if bias is None:
        return convolution(x, kernel, *settled)
    return biased_convolution(x, kernel, bias, *settled)


class _Conv(_Convolving):
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive(filters, "filters", self)
        self.groups = positive(groups, "groups", self)
        if self.filters % self.groups:
            raise ValueError(
                f"{type(self).__name__}: filters: expected a multiple of groups, {groups}; got {filters}."
            )
        self._set_up(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Any) -> None:
        found = self._begin_build(input_shape)
        if found % self.groups:
            raise errors.ShapeError(
                f"{self._title()}: groups: expected a divisor of the input's {found} channels; got {self.groups} for "
                f"an input of shape {tuple(input_shape)}."
            )
        self._check_fits(input_shape)
        self.kernel = self._add("kernel", (*self.kernel_size, found // self.groups, self.filters))
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        return self._activated(self._convolved(inputs, self.kernel, self.groups, self.bias))


class Conv1D(_Conv):
    """Convolution of series.

    Args:
        filters: the number of output channels.
        kernel_size: over how many steps the kernel reaches.
        strides: by how many steps it moves.
        padding: ``"valid"`` (none), ``"same"`` (zeros, so that the length stays with strides of 1), or ``"causal"``
            (zeros before, so that no output looks ahead).
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: by how many steps the kernel's own are apart.
        groups: into how many groups channels and filters are split.
        activation: a name or function; none by default.
        use_bias: add a bias?

    Example:
        >>> import polynet
        >>> polynet.layers.Conv1D(4, 3, padding="causal")(polynet.ops.ones((2, 10, 3))).shape
        (2, 10, 4)
    """

    rank = 1


class Conv2D(_Conv):
    """Convolution of images.

    Args:
        filters: the number of output channels.
        kernel_size: height and width of the kernel, or one number for both.
        strides: by how many pixels it moves, likewise.
        padding: ``"valid"`` (none) or ``"same"`` (zeros, so that the size stays with strides of 1).
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: by how many pixels the kernel's own are apart.
        groups: into how many groups channels and filters are split.
        activation: a name or function; none by default.
        use_bias: add a bias?

    Example:
        >>> import polynet
        >>> polynet.layers.Conv2D(16, 3, activation="relu")(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 6, 6, 16)
    """

    rank = 2


class Conv3D(_Conv):
    """Convolution of volumes.

    Args:
        filters: the number of output channels.
        kernel_size: depth, height and width of the kernel, or one number for all.
        strides: by how many elements it moves, likewise.
        padding: ``"valid"`` (none) or ``"same"`` (zeros, so that the size stays with strides of 1).
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: by how many elements the kernel's own are apart.
        groups: into how many groups channels and filters are split.
        activation: a name or function; none by default.
        use_bias: add a bias?

    Example:
        >>> import polynet
        >>> polynet.layers.Conv3D(4, 2)(polynet.ops.ones((1, 5, 5, 5, 3))).shape
        (1, 4, 4, 4, 4)
    """

    rank = 3


# -------------------------------------------------------------------------------------- transposed


class _ConvTranspose(_Convolving):
    _causal = False

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive(filters, "filters", self)
        self._set_up(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = per_axis(output_padding, self.rank, "output_padding", self, 0)
            if any(more >= n for more, n in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    f"{type(self).__name__}: output_padding: expected less than strides, {self.strides}; got "
                    f"{output_padding!r}."
                )

    def build(self, input_shape: Any) -> None:
        found = self._begin_build(input_shape)
        self.kernel = self._add("kernel", (*self.kernel_size, self.filters, found))
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        extra = self.output_padding or (None,) * self.rank
        window = (self.kernel_size, self.strides, self.dilation_rate, extra)
        start, size = transposed_places(self.padding, self._spatial(inputs), *window)
        outputs = convolution_transpose(
            inputs,
            self.kernel,
            self.strides,
            start,
            self.dilation_rate,
            1,
            size,
            self.data_format,
        )
        if self.bias is not None:
            last = self.data_format == "channels_last"
            bias = self.bias if last else ops.reshape(self.bias, (-1, *(1,) * self.rank))
            outputs = ops.add(outputs, bias)
        return self._activated(outputs)


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution of series: the way back from what ``Conv1D`` gives to its input's shape.

    Args:
        filters: the number of output channels.
        kernel_size: over how many steps the kernel reaches.
        strides: how many steps of the output one of the input makes.
        padding: ``"valid"`` or ``"same"``, as the ``Conv1D`` had it whose input is wanted.
        output_padding: steps added at the end; ``None`` takes the usual length.

    Example:
        >>> import polynet
        >>> polynet.layers.Conv1DTranspose(4, 3, strides=2, padding="same")(polynet.ops.ones((2, 5, 3))).shape
        (2, 10, 4)
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of images: the way back from what ``Conv2D`` gives to its input's shape.

    Args:
        filters: the number of output channels.
        kernel_size: height and width of the kernel, or one number for both.
        strides: how many pixels of the output one of the input makes.
        padding: ``"valid"`` or ``"same"``, as the ``Conv2D`` had it whose input is wanted.
        output_padding: pixels added at the end of each axis; ``None`` takes the usual size.

    Example:
        >>> import polynet
        >>> polynet.layers.Conv2DTranspose(4, 3, strides=2, padding="same")(polynet.ops.ones((2, 5, 5, 3))).shape
        (2, 10, 10, 4)
    """

    rank = 2


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution of volumes: the way back from what ``Conv3D`` gives to its input's shape.

    Args:
        filters: the number of output channels.
        kernel_size: depth, height and width of the kernel, or one number for all.
        strides: how many elements of the output one of the input makes.
        padding: ``"valid"`` or ``"same"``, as the ``Conv3D`` had it whose input is wanted.
        output_padding: elements added at the end of each axis; ``None`` takes the usual size.

    Example:
        >>> import polynet
        >>> polynet.layers.Conv3DTranspose(4, 2, strides=2)(polynet.ops.ones((1, 3, 3, 3, 2))).shape
        (1, 6, 6, 6, 4)
    """

    rank = 3

    def __init__(  # two arguments are the other way round than in one and two dimensions
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )


# ------------------------------------------------------------------------- depthwise and separable


class _DepthwiseConv(_Convolving):
    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.depth_multiplier = positive(depth_multiplier, "depth_multiplier", self)
        self._set_up(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Any) -> None:
        found = self._begin_build(input_shape)
        self._check_fits(input_shape)
        shape = (*self.kernel_size, found, self.depth_multiplier)
        self.kernel = self._add("kernel", shape, "depthwise")
        self._add_bias(found * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        return self._activated(self._each_convolved(inputs, self.kernel, self.bias))


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of each channel of series on its own.

    Args:
        kernel_size: over how many steps the kernel reaches.
        strides: by how many steps it moves.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.
        depth_multiplier: how many output channels each channel gives.

    Example:
        >>> import polynet
        >>> polynet.layers.DepthwiseConv1D(3, depth_multiplier=2)(polynet.ops.ones((2, 10, 3))).shape
        (2, 8, 6)
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel of images on its own.

    Args:
        kernel_size: height and width of the kernel, or one number for both.
        strides: by how many pixels it moves, likewise.
        padding: ``"valid"`` or ``"same"``.
        depth_multiplier: how many output channels each channel gives.

    Example:
        >>> import polynet
        >>> polynet.layers.DepthwiseConv2D(3, padding="same")(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    rank = 2


class _SeparableConv(_Convolving):
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive(filters, "filters", self)
        self.depth_multiplier = positive(depth_multiplier, "depth_multiplier", self)
        self._set_up(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
        )

    def build(self, input_shape: Any) -> None:
        found = self._begin_build(input_shape)
        self._check_fits(input_shape)
        deep = (*self.kernel_size, found, self.depth_multiplier)
        self.depthwise_kernel = self._add("depthwise_kernel", deep, "depthwise")
        wide = (*(1,) * self.rank, found * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self._add("pointwise_kernel", wide, "pointwise")
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        deep = self._each_convolved(inputs, self.depthwise_kernel)
        ones, none = (1,) * self.rank, ((0, 0),) * self.rank
        settled = (ones, none, ones, 1, self.data_format)
        return self._activated(_convolution(deep, self.pointwise_kernel, self.bias, *settled))


class SeparableConv1D(_SeparableConv):
    """Convolution of each channel of series on its own, then one that mixes the channels.

    Args:
        filters: the number of output channels.
        kernel_size: over how many steps the first kernel reaches.
        strides: by how many steps it moves.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.
        depth_multiplier: how many channels the first convolution gives for each.

    Example:
        >>> import polynet
        >>> polynet.layers.SeparableConv1D(4, 3)(polynet.ops.ones((2, 10, 3))).shape
        (2, 8, 4)
    """

    rank = 1


class SeparableConv2D(_SeparableConv):
    """Convolution of each channel of images on its own, then one that mixes the channels.

    Args:
        filters: the number of output channels.
        kernel_size: height and width of the first kernel, or one number for both.
        strides: by how many pixels it moves, likewise.
        padding: ``"valid"`` or ``"same"``.
        depth_multiplier: how many channels the first convolution gives for each.

    Example:
        >>> import polynet
        >>> polynet.layers.SeparableConv2D(4, 3)(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 6, 6, 4)
    """

    rank = 2


Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
