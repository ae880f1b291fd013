"""Layers that bring data into a form that models like: scaled numbers, images of one size.

They may be part of a model or be called on data before.  What turns text and categories into numbers is not here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from polynet import config, dtypes, errors, ops
from polynet.layers.arguments import axis_of, is_integer, known_length, one_of
from polynet.layers.arguments import data_format as checked_format
from polynet.layers.core import positive
from polynet.layers.layer import Layer
from polynet.values import dtype_of


class Rescaling(Layer):
    """``inputs * scale + offset``, in floating point.

    Args:
        scale: a number, or one for each channel.
        offset: likewise.

    Example:
        >>> import numpy as np, polynet
        >>> polynet.layers.Rescaling(1 / 127.5, offset=-1.0)(np.array([[0, 255]]))
        array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset
        self.built = True
        self._factor, self._shift = self._constant(scale, "scale"), self._constant(offset, "offset")

    def _constant(self, value: Any, name: str) -> Any:
        """A number, or a host array of the layer's dtype that broadcasts to images."""
        try:
            array = np.asarray(value, "float64")
        except (TypeError, ValueError):
            raise TypeError(
                f"{type(self).__name__}: {name}: expected a number or several; got {type(value).__name__}."
            ) from None
        if array.ndim == 0:
            return float(array)
        if config.image_data_format() == "channels_first" and name == "scale":
            array = array.reshape(array.shape + (1,) * (3 - array.ndim))
        return array

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        x = inputs if dtype_of(inputs) == dtype else ops.cast(inputs, dtype)
        factor, shift = (
            part if isinstance(part, float) else ops.convert_to_tensor(part, dtype=dtype)
            for part in (self._factor, self._shift)
        )
        return ops.add(ops.multiply(x, factor), shift)


class Normalization(Layer):
    """Subtracts a mean and divides by a standard deviation, that are given or learned from data by ``adapt``.

    Args:
        axis: the axis or axes that have a mean and variance for each index; ``None`` for one of everything.
        mean: the mean, if it is known.
        variance: the variance, likewise.
        invert: do the opposite?

    Example:
        >>> import numpy as np, polynet
        >>> layer = polynet.layers.Normalization()
        >>> layer.adapt(np.array([[1.0], [2.0], [3.0]]))
        >>> layer(np.array([[2.0]])).tolist()
        [[0.0]]
    """

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        axes = () if axis is None else (axis,) if is_integer(axis) else axis
        if not isinstance(axes, list | tuple) or not all(map(is_integer, axes)):
            raise TypeError(
                f"{type(self).__name__}: axis: expected an integer, several, or None; got {axis!r}."
            )
        self.axis = tuple(axes)
        self.invert = invert
        self.input_mean, self.input_variance = mean, variance
        if (mean is None) != (variance is None):
            missing = "mean" if mean is None else "variance"
            raise ValueError(
                f"{type(self).__name__}: {missing}: expected mean and variance, or neither; got None."
            )
        if mean is None:
            return
        if np.shape(mean) != np.shape(variance):
            raise errors.ShapeError(
                f"{type(self).__name__}: variance: expected the shape of mean, {np.shape(mean)}; got "
                f"{np.shape(variance)}."
            )
        if len(np.shape(mean)) > len(self.axis):
            raise errors.ShapeError(
                f"{type(self).__name__}: mean: expected at most {len(self.axis)} dimensions, as axis={axis!r} says; "
                f"got shape {np.shape(mean)}."
            )

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        self._kept = tuple(sorted(axis_of(axis, rank, self) for axis in self.axis))
        self._reduced = tuple(axis for axis in range(rank) if axis not in self._kept)
        own = tuple(known_length(input_shape, axis, self) for axis in self._kept)
        self._shape = tuple(input_shape[axis] if axis in self._kept else 1 for axis in range(rank))
        self._rank, self._own_shape = rank, own
        if self.input_mean is None:
            self.adapt_mean = self._state("mean", own, "zeros")
            self.adapt_variance = self._state("variance", own, "ones")
            self.count = self._state("count", (), "zeros", "int32")
            return
        mean, variance = (
            np.asarray(value, "float64") for value in (self.input_mean, self.input_variance)
        )
        try:
            mean, variance = np.broadcast_to(mean, own), np.broadcast_to(variance, own)
        except ValueError:
            raise errors.ShapeError(
                f"{self._title()}: mean: expected a shape that broadcasts to {own}, the lengths of axis={self.axis} "
                f"of an input of shape {tuple(input_shape)}; got {mean.shape}."
            ) from None
        self._mean = mean.reshape(self._shape)
        self._stddev = np.maximum(np.sqrt(variance), config.epsilon()).reshape(self._shape)

    def _state(self, name: str, shape: Any, initializer: str, dtype: Any = None) -> Any:
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=False,
            autocast=False,
        )

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data, instead of what was known before.

        Args:
            data: an array, or batches: any iterable of arrays, or of tuples that begin with one.
        """
        if self.input_mean is not None:
            raise ValueError(
                f"{self._title()}: adapt: the layer was made with a mean and a variance. Leave them out to learn them."
            )
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in self._batches(data):
            if not self.built:
                self.build(tuple(None if i == 0 else n for i, n in enumerate(batch.shape)))
            found = tuple(batch.shape[axis] for axis in self._kept if axis < batch.ndim)
            if batch.ndim != self._rank or (0 not in self._kept and found != self._own_shape):
                raise errors.ShapeError(
                    f"{self._title()}: data: expected {self._rank} dimensions and the lengths {self._own_shape} along "
                    f"axis={self.axis}; got shape {batch.shape}."
                )
            size = math.prod(batch.shape[axis] for axis in self._reduced)
            if size == 0:
                continue
            own_mean = batch.mean(self._reduced, dtype="float64")
            own_variance = batch.var(self._reduced, dtype="float64")
            # two sets as one: the variances weighted, and that of the means about the common one
            part = size / (count + size)
            apart = own_mean - mean
            variance = variance + (own_variance - variance) * part + apart**2 * (part * (1 - part))
            mean = mean + apart * part
            count += size
        if count == 0:
            raise ValueError(f"{self._title()}: adapt: data: expected data; got none.")
        self.adapt_mean.assign(
            np.asarray(mean, "float32" if self.dtype != "float64" else "float64")
        )
        self.adapt_variance.assign(
            np.asarray(variance, "float32" if self.dtype != "float64" else "float64")
        )
        self.count.assign(np.asarray(min(count, 2**31 - 1), "int32"))

    def _batches(self, data: Any) -> Iterator[np.ndarray]:
        """The data as host arrays, batch by batch."""
        numbered = hasattr(data, "__len__") and hasattr(data, "__getitem__")
        if hasattr(data, "shape") and hasattr(data, "dtype"):
            data = [data]
        elif numbered and not isinstance(data, Iterable):
            data = map(data.__getitem__, range(len(data)))
        if not isinstance(data, Iterable) or isinstance(data, str | bytes | dict):
            raise TypeError(
                f"{self._title()}: adapt: data: expected an array or an iterable of batches; got {type(data).__name__}."
            )
        for batch in data:
            x = batch[0] if isinstance(batch, tuple) else batch
            if not hasattr(x, "shape"):
                raise TypeError(
                    f"{self._title()}: adapt: data: expected batches that are arrays; got {type(x).__name__}."
                )
            yield x if isinstance(x, np.ndarray) else ops.convert_to_numpy(x)

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        x = inputs if dtype_of(inputs) == dtype else ops.cast(inputs, dtype)
        if self.input_mean is not None:
            mean = ops.convert_to_tensor(self._mean, dtype=dtype)
            stddev = ops.convert_to_tensor(self._stddev, dtype=dtype)
        else:
            mean = ops.cast(ops.reshape(self.adapt_mean, self._shape), dtype)
            stddev = ops.maximum(ops.sqrt(self.adapt_variance), config.epsilon())
            stddev = ops.cast(ops.reshape(stddev, self._shape), dtype)
        if self.invert:
            return ops.add(mean, ops.multiply(x, stddev))
        return ops.divide(ops.subtract(x, mean), stddev)


# --------------------------------------------------------------------------------------------- images

_INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


class Resizing(Layer):
    """Images in another size; one image or a batch.

    Args:
        height: the height of the outputs.
        width: their width.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        crop_to_aspect_ratio: cut the images to the outputs' aspect ratio before?
        pad_to_aspect_ratio: pad them to it before?
        fill_mode: with what to pad: ``"constant"``.
        fill_value: the constant.
        antialias: make smaller images of averages?

    Example:
        >>> import polynet
        >>> polynet.layers.Resizing(4, 6)(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 6, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.height = positive(height, "height", self)
        self.width = positive(width, "width", self)
        self.interpolation = one_of(interpolation, _INTERPOLATIONS, "interpolation", self)
        self.fill_mode = one_of(fill_mode, ("constant",), "fill_mode", self)
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(
                f"{type(self).__name__}: crop_to_aspect_ratio, pad_to_aspect_ratio: expected one of them at most."
            )
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_value = fill_value
        self.antialias = antialias
        self.data_format = checked_format(data_format, self)
        self.supports_masking = False
        self.built = True

    def call(self, inputs: Any) -> Any:
        return ops.image.resize(
            inputs,
            (self.height, self.width),
            interpolation=self.interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )


class CenterCrop(Layer):
    """The middle of images; smaller ones are cut to the aspect ratio and made larger.

    Args:
        height: the height of the outputs.
        width: their width.

    Example:
        >>> import polynet
        >>> polynet.layers.CenterCrop(4, 6)(polynet.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 6, 3)
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.height = positive(height, "height", self)
        self.width = positive(width, "width", self)
        self.data_format = checked_format(data_format, self)
        self.supports_masking = False
        self.built = True

    def call(self, inputs: Any) -> Any:
        x, rank = inputs, len(inputs.shape)
        if rank not in (3, 4):
            raise errors.ShapeError(
                f"{self._title()}: input: expected an image or a batch of them, 3 or 4 dimensions; got shape "
                f"{tuple(inputs.shape)}."
            )
        if not dtypes.is_float(dtype_of(x)):
            x = ops.cast(x, self.compute_dtype)
        first = rank - (3 if self.data_format == "channels_last" else 2)
        more = (x.shape[first] - self.height, x.shape[first + 1] - self.width)
        if min(more) < 0:
            size = (self.height, self.width)
            return ops.image.resize(
                x, size, crop_to_aspect_ratio=True, data_format=self.data_format
            )
        top, left = more[0] // 2, more[1] // 2
        middle = (slice(top, top + self.height), slice(left, left + self.width))
        return x[(*(slice(None),) * first, *middle, ...)]
