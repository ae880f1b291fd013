"""Layers that only move, repeat, cut or add elements; none has weights."""

from __future__ import annotations

import math
from typing import Any

from polynet import errors, ops
from polynet.layers.arguments import data_format as checked_format
from polynet.layers.arguments import is_integer, one_of, pairs, per_axis
from polynet.layers.core import positive
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.ops.primitives import pad_constant
from polynet.spec import Spec, is_stand_in


class _Moving(Layer):
    """A layer whose outputs have other axes than its inputs, to which a mask of the inputs does not belong."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = False
        self.built = True


class Flatten(_Moving):
    """All axes but the batch made one.

    Args:
        data_format: with ``"channels_first"`` the channels come last before.

    Example:
        >>> import polynet
        >>> polynet.layers.Flatten()(polynet.ops.ones((2, 3, 4))).shape
        (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = checked_format(data_format, self)
        self.input_spec = InputSpec(min_ndim=1)
        self._channels_first = self.data_format == "channels_first"

    def call(self, inputs: Any) -> Any:
        shape = inputs.shape
        if self._channels_first and len(shape) > 2:
            inputs = ops.transpose(inputs, (0, *range(2, len(shape)), 1))
        return ops.reshape(inputs, (shape[0], math.prod(shape[1:])))


class Reshape(_Moving):
    """Another shape for each element of the batch.

    Args:
        target_shape: the shape without the batch; -1 once, for the length that follows from the others.

    Example:
        >>> import polynet
        >>> polynet.layers.Reshape((-1, 2))(polynet.ops.ones((5, 6))).shape
        (5, 3, 2)
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        shape = (target_shape,) if is_integer(target_shape) else target_shape
        if not isinstance(shape, list | tuple) or not all(
            is_integer(length) and length >= -1 for length in shape
        ):
            raise ValueError(
                f"{type(self).__name__}: target_shape: expected lengths without that of the batch, -1 for one that "
                f"follows; got {target_shape!r}."
            )
        if list(shape).count(-1) > 1:
            raise ValueError(
                f"{type(self).__name__}: target_shape: only one length may be -1; got {target_shape!r}."
            )
        self.target_shape = tuple(shape)
        self._known = math.prod(length for length in shape if length != -1)
        self._open = self.target_shape.index(-1) if -1 in self.target_shape else None

    def call(self, inputs: Any) -> Any:
        shape = inputs.shape
        count, target = math.prod(shape[1:]), self.target_shape
        unknown = isinstance(inputs, Spec) and any(map(is_stand_in, shape[1:]))
        if self._open is not None:
            length = count // self._known if self._known else 0
            target = (*target[: self._open], length, *target[self._open + 1 :])
        if unknown:
            return Spec((shape[0], *target), inputs.dtype)
        if math.prod(target) != count:
            raise errors.ShapeError(
                f"{self._title()}: target_shape: {self.target_shape} does not hold the {count} elements of an input "
                f"of shape {tuple(shape)[1:]} without the batch."
            )
        return ops.reshape(inputs, (shape[0], *target))


class Permute(_Moving):
    """The axes in another order.

    Args:
        dims: the axes of the input in the order of the outputs; counted from 1, for the batch stays.

    Example:
        >>> import polynet
        >>> polynet.layers.Permute((2, 1))(polynet.ops.ones((5, 3, 4))).shape
        (5, 4, 3)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(dims, list | tuple) or sorted(dims) != list(range(1, len(dims) + 1)):
            raise ValueError(
                f"{type(self).__name__}: dims: expected the axes 1, 2, ... in some order, without the batch; "
                f"got {dims!r}."
            )
        self.dims = tuple(dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)
        self._axes = (0, *self.dims)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, self._axes)


class RepeatVector(_Moving):
    """Each vector of the batch ``n`` times, along a new axis.

    Example:
        >>> import polynet
        >>> polynet.layers.RepeatVector(3)(polynet.ops.ones((5, 2))).shape
        (5, 3, 2)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not is_integer(n):
            raise TypeError(f"{type(self).__name__}: n: expected an integer; got {n!r}.")
        self.n = positive(n, "n", self)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        batch, length = inputs.shape
        return ops.broadcast_to(ops.reshape(inputs, (batch, 1, length)), (batch, self.n, length))


# ------------------------------------------------------------------------------- cutting and adding


class _Cropping(_Moving):
    rank: int

    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping: Any = pairs(cropping, self.rank, "cropping", self)
        self.data_format = checked_format(data_format, self)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._first = 1 if self.data_format == "channels_last" else 2
        self._lost = tuple(before + after for before, after in self.cropping)
        self._key = (
            *(slice(None),) * self._first,
            *(slice(before, -after if after else None) for before, after in self.cropping),
            ...,
        )

    def call(self, inputs: Any) -> Any:
        spatial = inputs.shape[self._first : self._first + self.rank]
        for length, lost in zip(spatial, self._lost, strict=True):
            if lost >= length:
                raise errors.ShapeError(
                    f"{self._title()}: cropping: {self.cropping} leaves nothing of an input of shape "
                    f"{tuple(inputs.shape)} ({self.data_format})."
                )
        return inputs[self._key]


class Cropping1D(_Cropping):
    """Cuts steps from the beginning and the end of series.

    Args:
        cropping: how many: one number, or (before, after).

    Example:
        >>> import polynet
        >>> polynet.layers.Cropping1D(1)(polynet.ops.ones((2, 6, 3))).shape
        (2, 4, 3)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, "channels_last", **kwargs)
        self.cropping = self.cropping[0]


class Cropping2D(_Cropping):
    """Cuts rows and columns from the edges of images.

    Args:
        cropping: how many: one number, one for height and for width, or ((top, bottom), (left, right)).

    Example:
        >>> import polynet
        >>> polynet.layers.Cropping2D(((1, 1), (0, 2)))(polynet.ops.ones((2, 6, 6, 3))).shape
        (2, 4, 4, 3)
    """

    rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class Cropping3D(_Cropping):
    """Cuts from the faces of volumes.

    Args:
        cropping: how many: one number, one for each axis, or a pair for each.

    Example:
        >>> import polynet
        >>> polynet.layers.Cropping3D(1)(polynet.ops.ones((2, 6, 6, 6, 3))).shape
        (2, 4, 4, 4, 3)
    """

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class _ZeroPadding(_Moving):
    rank: int

    def __init__(self, padding: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding: Any = pairs(padding, self.rank, "padding", self)
        self.data_format = checked_format(data_format, self)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        none = (0, 0)
        last = self.data_format == "channels_last"
        self._widths = (none, *self.padding, none) if last else (none, none, *self.padding)

    def call(self, inputs: Any) -> Any:
        return pad_constant(inputs, self._widths, 0)


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after series.

    Args:
        padding: how many: one number, or (before, after).

    Example:
        >>> import polynet
        >>> polynet.layers.ZeroPadding1D(2)(polynet.ops.ones((2, 6, 3))).shape
        (2, 10, 3)
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)
        self.padding = self.padding[0]


class ZeroPadding2D(_ZeroPadding):
    """Zeros around images.

    Args:
        padding: how many: one number, one for height and for width, or ((top, bottom), (left, right)).

    Example:
        >>> import polynet
        >>> polynet.layers.ZeroPadding2D((1, 2))(polynet.ops.ones((2, 6, 6, 3))).shape
        (2, 8, 10, 3)
    """

    rank = 2

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class ZeroPadding3D(_ZeroPadding):
    """Zeros around volumes.

    Args:
        padding: how many: one number, one for each axis, or a pair for each.

    Example:
        >>> import polynet
        >>> polynet.layers.ZeroPadding3D(1)(polynet.ops.ones((2, 6, 6, 6, 3))).shape
        (2, 8, 8, 8, 3)
    """

    rank = 3

    def __init__(
        self,
        padding: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


# -------------------------------------------------------------------------------------- repeating


def _repeated(x: Any, sizes: tuple[int, ...], first: int) -> Any:
    """Each element of the axes from ``first`` on as many times as ``sizes`` says, in one copy."""
    shape = tuple(x.shape)
    spatial, after = shape[first : first + len(sizes)], shape[first + len(sizes) :]
    apart = [part for length in spatial for part in (length, 1)]
    wide = [part for pair in zip(spatial, sizes, strict=True) for part in pair]
    y = ops.broadcast_to(
        ops.reshape(x, (*shape[:first], *apart, *after)), (*shape[:first], *wide, *after)
    )
    grown = (length * size for length, size in zip(spatial, sizes, strict=True))
    return ops.reshape(y, (*shape[:first], *grown, *after))


class _UpSampling(_Moving):
    rank: int

    def __init__(self, size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size: Any = per_axis(size, self.rank, "size", self)
        self.data_format = checked_format(data_format, self)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._sizes: tuple[int, ...] = self.size
        self._first = 1 if self.data_format == "channels_last" else 2

    def call(self, inputs: Any) -> Any:
        return _repeated(inputs, self._sizes, self._first)


class UpSampling1D(_UpSampling):
    """Each step of series ``size`` times.

    Example:
        >>> import polynet
        >>> polynet.layers.UpSampling1D(2)(polynet.ops.ones((2, 6, 3))).shape
        (2, 12, 3)
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, "channels_last", **kwargs)
        self.size = self._sizes[0]


_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class UpSampling2D(_UpSampling):
    """Images made larger by whole factors.

    Args:
        size: the factors of height and width, or one for both.
        interpolation: ``"nearest"`` repeats pixels; ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` and
            ``"lanczos5"`` compute those in between.

    Example:
        >>> import polynet
        >>> polynet.layers.UpSampling2D((1, 2))(polynet.ops.ones((2, 6, 6, 3))).shape
        (2, 6, 12, 3)
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        self.interpolation = one_of(interpolation, _INTERPOLATIONS, "interpolation", self)

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return _repeated(inputs, self._sizes, self._first)
        height, width = inputs.shape[self._first : self._first + 2]
        size = (height * self._sizes[0], width * self._sizes[1])
        return ops.image.resize(
            inputs, size, interpolation=self.interpolation, data_format=self.data_format
        )


class UpSampling3D(_UpSampling):
    """Each element of volumes as many times along each axis as ``size`` says.

    Example:
        >>> import polynet
        >>> polynet.layers.UpSampling3D(2)(polynet.ops.ones((1, 2, 3, 4, 5))).shape
        (1, 4, 6, 8, 5)
    """

    rank = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(size, data_format, **kwargs)
