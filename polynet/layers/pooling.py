"""Pooling as layers: over windows, over everything, to a given size. The ops are in ``polynet/ops/convolution.py``."""

from __future__ import annotations

import math
from typing import Any

from polynet import ops
from polynet.layers.arguments import data_format as checked_format
from polynet.layers.arguments import one_of, per_axis
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.ops.convolution import window_max, window_padding, window_sum
from polynet.values import dtype_of


class _Pooling(Layer):
    """A reduction over windows that move."""

    rank: int

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = per_axis(pool_size, self.rank, "pool_size", self)
        self.strides = self.pool_size
        if strides is not None:
            self.strides = per_axis(strides, self.rank, "strides", self)
        self.padding = one_of(padding, ("valid", "same"), "padding", self)
        self.data_format = checked_format(data_format, self)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.supports_masking = False
        self.built = True

    def _pairs(self, inputs: Any) -> Any:
        """The padding; the other arguments were settled when the layer was made."""
        shape = tuple(inputs.shape)
        spatial = shape[1:-1] if self.data_format == "channels_last" else shape[2:]
        window = (self.pool_size, self.strides, (1,) * self.rank)
        return window_padding(self.padding, spatial, *window, "a pool_size")


class _MaxPooling(_Pooling):
    def call(self, inputs: Any) -> Any:
        pairs = self._pairs(inputs)
        return window_max(inputs, self.pool_size, self.strides, pairs, self.data_format)


class _AveragePooling(_Pooling):
    def call(self, inputs: Any) -> Any:
        if self.padding == "valid":
            pairs = self._pairs(inputs)
            total = window_sum(inputs, self.pool_size, self.strides, pairs, self.data_format)
            return ops.multiply(total, 1.0 / math.prod(self.pool_size))
        return ops.average_pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )


class MaxPooling1D(_MaxPooling):
    """The largest element of each window of series, channel by channel.

    Args:
        pool_size: how many steps a window has.
        strides: by how many steps it moves; by default ``pool_size``.
        padding: ``"valid"`` or ``"same"``; what ``"same"`` adds is never the largest.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Example:
        >>> import polynet
        >>> polynet.layers.MaxPooling1D(2)(polynet.ops.convert_to_tensor([[[1.0], [3.0], [2.0], [0.0]]]))
        array([[[3.],
                [2.]]], dtype=float32)
    """

    rank = 1


class MaxPooling2D(_MaxPooling):
    """The largest element of each window of images, channel by channel.

    Args:
        pool_size: height and width of a window, or one number for both.
        strides: by how many pixels it moves; by default ``pool_size``.
        padding: ``"valid"`` or ``"same"``; what ``"same"`` adds is never the largest.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Example:
        >>> import polynet
        >>> polynet.layers.MaxPooling2D(2)(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    rank = 2


class MaxPooling3D(_MaxPooling):
    """The largest element of each window of volumes, channel by channel.

    Args:
        pool_size: depth, height and width of a window, or one number for all.
        strides: by how many elements it moves; by default ``pool_size``.
        padding: ``"valid"`` or ``"same"``; what ``"same"`` adds is never the largest.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Example:
        >>> import polynet
        >>> polynet.layers.MaxPooling3D(2)(polynet.ops.ones((1, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


class AveragePooling1D(_AveragePooling):
    """The mean of each window of series, channel by channel.

    Args:
        pool_size: how many steps a window has.
        strides: by how many steps it moves; by default ``pool_size``.
        padding: ``"valid"`` or ``"same"``; what ``"same"`` adds does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Example:
        >>> import polynet
        >>> polynet.layers.AveragePooling1D(2)(polynet.ops.convert_to_tensor([[[1.0], [3.0], [2.0], [0.0]]]))
        array([[[2.],
                [1.]]], dtype=float32)
    """

    rank = 1


class AveragePooling2D(_AveragePooling):
    """The mean of each window of images, channel by channel.

    Args:
        pool_size: height and width of a window, or one number for both.
        strides: by how many pixels it moves; by default ``pool_size``.
        padding: ``"valid"`` or ``"same"``; what ``"same"`` adds does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Example:
        >>> import polynet
        >>> polynet.layers.AveragePooling2D(2)(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    rank = 2


class AveragePooling3D(_AveragePooling):
    """The mean of each window of volumes, channel by channel.

    Args:
        pool_size: depth, height and width of a window, or one number for all.
        strides: by how many elements it moves; by default ``pool_size``.
        padding: ``"valid"`` or ``"same"``; what ``"same"`` adds does not count.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Example:
        >>> import polynet
        >>> polynet.layers.AveragePooling3D(2)(polynet.ops.ones((1, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


# ------------------------------------------------------------------------------- over everything


class _GlobalPooling(Layer):
    """A reduction over all spatial axes."""

    rank: int

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = checked_format(data_format, self)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)
        first = 1 if self.data_format == "channels_last" else 2
        self._axes = tuple(range(first, first + self.rank))
        self.supports_masking = False
        self.built = True


class _GlobalMaxPooling(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, self._axes, self.keepdims)


class _GlobalAveragePooling(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, self._axes, self.keepdims)


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest element of each channel of series.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``.
        keepdims: does the axis of the steps stay, with length 1?

    Example:
        >>> import polynet
        >>> polynet.layers.GlobalMaxPooling1D()(polynet.ops.ones((2, 10, 3))).shape
        (2, 3)
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest element of each channel of images.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``.
        keepdims: do height and width stay, with length 1?

    Example:
        >>> import polynet
        >>> polynet.layers.GlobalMaxPooling2D()(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 3)
    """

    rank = 2


class GlobalMaxPooling3D(_GlobalMaxPooling):
    """The largest element of each channel of volumes.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``.
        keepdims: do depth, height and width stay, with length 1?

    Example:
        >>> import polynet
        >>> polynet.layers.GlobalMaxPooling3D()(polynet.ops.ones((2, 4, 4, 4, 3))).shape
        (2, 3)
    """

    rank = 3


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean of each channel of series; with a mask, of the steps that it keeps.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``.
        keepdims: does the axis of the steps stay, with length 1?

    Example:
        >>> import polynet
        >>> polynet.layers.GlobalAveragePooling1D()(polynet.ops.ones((2, 10, 3))).shape
        (2, 3)
    """

    rank = 1

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return ops.mean(inputs, self._axes, self.keepdims)
        kept = ops.expand_dims(mask, 2 if self.data_format == "channels_last" else 1)
        kept = ops.cast(kept, "bool")
        total = ops.sum(ops.where(kept, inputs, 0), self._axes, self.keepdims)
        return ops.divide(
            total, ops.sum(ops.cast(kept, dtype_of(total)), self._axes, self.keepdims)
        )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean of each channel of images.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``.
        keepdims: do height and width stay, with length 1?

    Example:
        >>> import polynet
        >>> polynet.layers.GlobalAveragePooling2D()(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 3)
    """

    rank = 2


class GlobalAveragePooling3D(_GlobalAveragePooling):
    """The mean of each channel of volumes.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``.
        keepdims: do depth, height and width stay, with length 1?

    Example:
        >>> import polynet
        >>> polynet.layers.GlobalAveragePooling3D()(polynet.ops.ones((2, 4, 4, 4, 3))).shape
        (2, 3)
    """

    rank = 3


# ------------------------------------------------------------------------------ to a given size


class _AdaptivePooling(Layer):
    """A reduction over windows chosen so that the output has a given size."""

    rank: int

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = per_axis(output_size, self.rank, "output_size", self)
        self.data_format = checked_format(data_format, self)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self.supports_masking = False
        self.built = True


class _AdaptiveMaxPooling(_AdaptivePooling):
    def call(self, inputs: Any) -> Any:
        return ops.adaptive_max_pool(inputs, self.output_size, self.data_format)


class _AdaptiveAveragePooling(_AdaptivePooling):
    def call(self, inputs: Any) -> Any:
        return ops.adaptive_average_pool(inputs, self.output_size, self.data_format)


class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """Max pooling of series to ``output_size`` steps.

    Example:
        >>> import polynet
        >>> polynet.layers.AdaptiveMaxPooling1D(4)(polynet.ops.ones((2, 10, 3))).shape
        (2, 4, 3)
    """

    rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """Max pooling of images to ``output_size``, height and width or one number for both.

    Example:
        >>> import polynet
        >>> polynet.layers.AdaptiveMaxPooling2D((2, 3))(polynet.ops.ones((2, 7, 8, 3))).shape
        (2, 2, 3, 3)
    """

    rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """Max pooling of volumes to ``output_size``, depth, height and width or one number for all.

    Example:
        >>> import polynet
        >>> polynet.layers.AdaptiveMaxPooling3D(2)(polynet.ops.ones((1, 4, 5, 6, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """Average pooling of series to ``output_size`` steps.

    Example:
        >>> import polynet
        >>> polynet.layers.AdaptiveAveragePooling1D(4)(polynet.ops.ones((2, 10, 3))).shape
        (2, 4, 3)
    """

    rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """Average pooling of images to ``output_size``, height and width or one number for both.

    Example:
        >>> import polynet
        >>> polynet.layers.AdaptiveAveragePooling2D((2, 3))(polynet.ops.ones((2, 7, 8, 3))).shape
        (2, 2, 3, 3)
    """

    rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """Average pooling of volumes to ``output_size``, depth, height and width or one number for all.

    Example:
        >>> import polynet
        >>> polynet.layers.AdaptiveAveragePooling3D(2)(polynet.ops.ones((1, 4, 5, 6, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
