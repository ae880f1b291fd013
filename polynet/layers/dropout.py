"""Layers that disturb what passes through them in training, and leave it alone otherwise.

The draws are those of ``polynet.random``: with the same seed the same bits on every backend.
"""

from __future__ import annotations

import math
from typing import Any

from polynet import ops, random, regularizers
from polynet.layers.arguments import data_format as checked_format
from polynet.layers.arguments import share
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.random.draws import noise_shape_of
from polynet.values import dtype_of


class _Noise(Layer):
    """A layer that draws in training, from a generator of its own, at a rate above 0."""

    def _set_seed(self, seed: Any, needed: float) -> None:
        self.seed = seed
        self._draws = needed > 0
        if self._draws:
            self.seed_generator = (
                seed if isinstance(seed, random.SeedGenerator) else random.SeedGenerator(seed)
            )
        self.built = True


class Dropout(_Noise):
    """Sets a share of the inputs to 0 in training, and divides the others by the share that is kept.

    Args:
        rate: the probability that an element is dropped.
        noise_shape: a length for each axis: 1 where all elements along it share one fate, ``None`` for the inputs'.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> layer = polynet.layers.Dropout(0.5, seed=1)
        >>> layer(polynet.ops.ones((4,)), training=True)
        array([2., 0., 2., 2.], dtype=float32)
        >>> layer(polynet.ops.ones((4,)))
        array([1., 1., 1., 1.], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = share(rate, "rate", self)
        if noise_shape is not None and not isinstance(noise_shape, list | tuple):
            raise ValueError(
                f"{type(self).__name__}: noise_shape: expected a length for each axis, or None; got {noise_shape!r}."
            )
        self.noise_shape = noise_shape
        self._set_seed(seed, self.rate)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training and self._draws:
            return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)
        return inputs


class _SpatialDropout(_Noise):
    """Dropout of whole feature maps."""

    rank: int

    def __init__(
        self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.rate = share(rate, "rate", self)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._noise_shape = self._shape_of_noise()
        self._set_seed(seed, self.rate)

    def _shape_of_noise(self) -> tuple[int | None, ...]:
        return (None, *(1,) * self.rank, None)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training and self._draws:
            return random.dropout(inputs, self.rate, self._noise_shape, self.seed_generator)
        return inputs


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of series.

    Args:
        rate: the probability that a channel is dropped.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> polynet.layers.SpatialDropout1D(0.5, seed=1)(polynet.ops.ones((1, 2, 4)), training=True)
        array([[[2., 0., 2., 2.],
                [2., 0., 2., 2.]]], dtype=float32)
    """

    rank = 1


class _ImageDropout(_SpatialDropout):
    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self.data_format = checked_format(data_format, self)
        super().__init__(rate, seed=seed, name=name, dtype=dtype)

    def _shape_of_noise(self) -> tuple[int | None, ...]:
        ones = (1,) * self.rank
        return (None, None, *ones) if self.data_format == "channels_first" else (None, *ones, None)


class SpatialDropout2D(_ImageDropout):
    """Dropout of whole channels of images.

    Args:
        rate: the probability that a channel is dropped.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> x = polynet.ops.ones((1, 2, 2, 4))
        >>> polynet.layers.SpatialDropout2D(0.5, seed=1)(x, training=True)[0, 1, 1]
        array([2., 0., 2., 2.], dtype=float32)
    """

    rank = 2


class SpatialDropout3D(_ImageDropout):
    """Dropout of whole channels of volumes.

    Args:
        rate: the probability that a channel is dropped.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> x = polynet.ops.ones((1, 2, 2, 2, 4))
        >>> polynet.layers.SpatialDropout3D(0.5, seed=1)(x, training=True)[0, 1, 1, 0]
        array([2., 0., 2., 2.], dtype=float32)
    """

    rank = 3


_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772


class AlphaDropout(_Noise):
    """Dropout that keeps mean and variance of its inputs, for networks of ``selu``.

    Args:
        rate: the probability that an element is replaced by the least value of ``selu``, below 1.
        noise_shape: as for ``Dropout``.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> polynet.layers.AlphaDropout(0.5, seed=1)(polynet.ops.ones((4,)), training=True).round(3)
        array([ 1.666, -0.779,  1.666, -0.779], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = share(rate, "rate", self, one=False)
        self.noise_shape = noise_shape
        # whatever is dropped becomes `low`; then one factor and one offset restore mean 0, variance 1
        low = -_SELU_ALPHA * _SELU_SCALE
        self._factor = ((1 - self.rate) * (1 + self.rate * low**2)) ** -0.5
        self._offset = -self._factor * low * self.rate
        self._dropped = self._factor * low + self._offset
        self._set_seed(seed, self.rate)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not (training and self._draws):
            return inputs
        shape = tuple(inputs.shape)
        if self.noise_shape is not None:
            shape = noise_shape_of(shape, self.noise_shape)
        kept = ops.greater_equal(
            random.uniform(shape, dtype="float32", seed=self.seed_generator), self.rate
        )
        return ops.where(
            kept, ops.add(ops.multiply(inputs, self._factor), self._offset), self._dropped
        )


class GaussianDropout(_Noise):
    """Multiplies with normal noise of mean 1, whose variance is that of dropout at this rate.

    Args:
        rate: below 1; the standard deviation is ``sqrt(rate / (1 - rate))``.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> polynet.layers.GaussianDropout(0.5, seed=1)(polynet.ops.ones((3,)), training=True)
        array([ 1.5357771, -0.574249 ,  1.2263249], dtype=float32)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = share(rate, "rate", self, one=False)
        self._stddev = math.sqrt(self.rate / (1.0 - self.rate))
        self._set_seed(seed, self.rate)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not (training and self._draws):
            return inputs
        noise = random.normal(
            tuple(inputs.shape), 1.0, self._stddev, dtype_of(inputs), self.seed_generator
        )
        return ops.multiply(inputs, noise)


class GaussianNoise(_Noise):
    """Adds normal noise of mean 0.

    Args:
        stddev: its standard deviation.
        seed: an integer makes the draws repeatable.

    Example:
        >>> import polynet
        >>> polynet.layers.GaussianNoise(0.5, seed=1)(polynet.ops.ones((3,)), training=True)
        array([1.2678885 , 0.21287549, 1.1131624 ], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(stddev, bool) or not hasattr(stddev, "__float__") or not stddev >= 0:
            raise ValueError(
                f"{type(self).__name__}: stddev: expected a number of 0 or more; got {stddev!r}."
            )
        self.stddev = float(stddev)
        self._set_seed(seed, self.stddev)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not (training and self._draws):
            return inputs
        noise = random.normal(
            tuple(inputs.shape), 0.0, self.stddev, dtype_of(inputs), self.seed_generator
        )
        return ops.add(inputs, noise)


class ActivityRegularization(Layer):
    """Gives its input back, and adds a penalty on it to the losses.

    Args:
        l1: the factor of the sum of absolute values.
        l2: the factor of the sum of squares.

    Example:
        >>> import polynet
        >>> layer = polynet.layers.ActivityRegularization(l2=0.5)
        >>> y = layer(polynet.ops.ones((2, 2)))
        >>> [float(loss) for loss in layer.losses]
        [2.0]
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs
