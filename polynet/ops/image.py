"""Images: ``polynet.ops.image``: colours, resampling, geometric transforms, patches, filters.

Images have three axes, or four in a batch.  Integer images are computed in floating point, rounded,
and cast back. The one thing that reads pixels at computed places is ``_sampled``, the one that
weighs whole rows is ``resample``. Convolution and pooling are in ``convolution.py``.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet import dtypes, errors, spec
from polynet.op import op
from polynet.ops import primitives as ops
from polynet.ops.convolution import _format, _known_padding, _numbers, _pairs, depthwise_conv
from polynet.ops.linalg import solve
from polynet.ops.precision import through_single
from polynet.spec import Spec
from polynet.tensor import Shape, Tensor
from polynet.values import dtype_of

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]

# ------------------------------------------------------------------------------------------- words


def _check_rank(x: Tensor, name: str = "images", ranks: tuple[int, ...] = (3, 4)) -> None:
    if len(x.shape) not in ranks:
        raise errors.ShapeError(
            f"{name}: expected {' or '.join(map(str, ranks))} axes"
            f"{' (one image or a batch of them)' if ranks == (3, 4) else ''}; got shape {tuple(x.shape)}."
        )


def _one_of(value: Any, known: Sequence[Any], name: str) -> None:
    if value not in known:
        raise ValueError(
            f"{name}: expected one of {', '.join(map(repr, known))}; got {value!r}."
            f"{errors.closest(value, [entry for entry in known if isinstance(entry, str)])}"
        )


def _height_width(x: Tensor, data_format: str) -> tuple[int, int]:
    """The lengths of the two spatial axes."""
    return x.shape[-3:-1] if data_format == "channels_last" else x.shape[-2:]


def _axis(data_format: str) -> int:
    """Where the channels are."""
    return -1 if data_format == "channels_last" else -3


def _part(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    """A part along an axis counted from the back."""
    return ops.index(x, [], (Ellipsis, slice(start, stop), *(slice(None),) * (-axis - 1)))


def _widths(
    x: Tensor, data_format: str, pairs: Sequence[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """(before, after) for the spatial axes as one for each axis of x."""
    batch = ((0, 0),) * (len(x.shape) - 1 - len(pairs))
    around = (*pairs, (0, 0)) if data_format == "channels_last" else ((0, 0), *pairs)
    return (*batch, *around)


def _batched(x: Tensor) -> Tensor:
    """An image as a batch of one; batches as they are."""
    return x if len(x.shape) == 4 else ops.reshape(x, (1, *x.shape))


def _to_last(x: Tensor, data_format: str) -> Tensor:
    """Batches of images with their channels last."""
    return x if data_format == "channels_last" else ops.transpose(x, (0, 2, 3, 1))


def _from_last(x: Tensor, data_format: str, shape: Sequence[int]) -> Tensor:
    """Batches with the channels last in the format, and with the number of axes, that images had."""
    x = x if data_format == "channels_last" else ops.transpose(x, (0, 3, 1, 2))
    return x if len(shape) == 4 else ops.reshape(x, x.shape[1:])


def _floating(x: Tensor) -> Tensor:
    """The floating dtype to compute in: half precision and integers become float32."""
    dtype = dtype_of(x)
    wide = dtype if dtype in ("float32", "float64") else "float32"
    return x if wide == dtype else ops.cast(x, wide)


def _whole(x: Tensor) -> Tensor:
    """Rounded to the nearest integer, halves away from zero."""
    size = ops.absolute(x)
    below = ops.floor(size)
    return ops.sign(x) * (below + ops.cast(ops.greater_equal(size - below, 0.5), dtype_of(x)))


def _back(x: Tensor, dtype: str, rounding: Callable[[Tensor], Tensor] = ops.rint) -> Tensor:
    """Floating results in the dtype of the images: rounded and held within its range."""
    if dtype_of(x) == dtype:
        return x
    if dtypes.is_int(dtype):
        bits = 8 * dtypes.itemsize(dtype)
        low, high = (
            (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
        held = ops.maximum(ops.minimum(rounding(x), float(_below(high, dtype_of(x)))), float(low))
        return ops.cast(held, dtype)
    return ops.cast(x, dtype)


def _below(number: int, dtype: str) -> int:
    """The largest integer up to ``number`` that the floating dtype has."""
    digits = 53 if dtype == "float64" else 24
    excess = max(number.bit_length() - digits, 0)
    return number >> excess << excess


# ----------------------------------------------------------------------------------------- colours


@op
def rgb_to_grayscale(images: Tensor, data_format: str | None = None) -> Tensor:
    """One channel of brightness from three of red, green and blue.

    Args:
        images: one image or a batch; with one channel they are returned as they are.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> ops.image.rgb_to_grayscale([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]])
        array([[[0.    ],
                [0.2989]]], dtype=float32)
    """
    axis = _axis(_format(data_format))
    _check_rank(images)
    channels = images.shape[axis]
    if channels not in (1, 3):
        raise errors.ShapeError(
            f"images: expected 3 channels, or 1, along axis {axis}; got shape {tuple(images.shape)}."
        )
    if channels == 1:
        return images
    red, green, blue = _channels(_floating(images), axis)
    return ops.cast(0.2989 * red + 0.5870 * green + 0.1140 * blue, dtype_of(images))


def _channels(x: Tensor, axis: int) -> list[Tensor]:
    """The three channels, each with the axis left."""
    return [_part(x, axis, i, i + 1) for i in range(3)]


def _check_colours(images: Tensor, axis: int) -> None:
    _check_rank(images)
    dtype = dtype_of(images)
    if not dtypes.is_float(dtype):
        raise errors.DTypeError(
            f"images: expected a floating dtype, with colours from 0 to 1; got {dtype}. Use ops.cast, and divide "
            f"by the largest value."
        )
    if images.shape[axis] != 3:
        raise errors.ShapeError(
            f"images: expected 3 channels along axis {axis}; got shape {tuple(images.shape)}."
        )


_EPSILONS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


@op
def rgb_to_hsv(images: Tensor, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value from red, green and blue, all from 0 to 1.

    Args:
        images: one image or a batch, of a floating dtype.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> ops.image.rgb_to_hsv([[[0.5, 0.25, 0.25]]])
        array([[[0. , 0.5, 0.5]]], dtype=float32)
    """
    axis = _axis(_format(data_format))
    _check_colours(images, axis)
    images = ops.where(ops.less(ops.absolute(images), _EPSILONS[dtype_of(images)]), 0, images)
    red, green, blue = _channels(images, axis)
    value = ops.maximum(ops.maximum(red, green), blue)
    spread = value - ops.minimum(ops.minimum(red, green), blue)
    coloured = ops.greater(spread, 0)
    lit = ops.greater(value, 0)
    saturation = ops.where(lit, spread / ops.where(lit, value, 1), 0)
    sixth = 1 / (6 * ops.where(coloured, spread, 1))
    hue = ops.where(
        ops.equal(value, red),
        sixth * (green - blue),
        ops.where(
            ops.equal(value, green), sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6
        ),
    )
    hue = ops.where(coloured, hue, 0)
    hue = ops.where(ops.less(hue, 0), hue + 1, hue)
    return ops.concatenate([hue, saturation, value], axis)


@op
def hsv_to_rgb(images: Tensor, data_format: str | None = None) -> Tensor:
    """Red, green and blue from hue, saturation and value, all from 0 to 1.

    Args:
        images: one image or a batch, of a floating dtype.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> ops.image.hsv_to_rgb([[[0.0, 0.5, 0.5]]])
        array([[[0.5 , 0.25, 0.25]]], dtype=float32)
    """
    axis = _axis(_format(data_format))
    _check_colours(images, axis)
    hue, saturation, value = _channels(images, axis)
    angle = ops.mod(hue, 1.0) * 6
    ramps = [
        ops.absolute(angle - 3) - 1,
        2 - ops.absolute(angle - 2),
        2 - ops.absolute(angle - 4),
    ]
    parts = [
        value * (1 - saturation + saturation * ops.minimum(ops.maximum(ramp, 0.0), 1.0))
        for ramp in ramps
    ]
    return ops.concatenate(parts, axis)


# ---------------------------------------------------------------------------------------- resizing

_RESIZE_METHODS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")


@op
def resize(
    images: Tensor,
    size: Shape,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images in another size; pixels are squares with their centres at halves.

    Args:
        images: one image or a batch, of any dtype, which the result has too.
        size: (height, width) of the result.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or
            ``"lanczos5"``.
        antialias: whether a smaller image is made of averages over all pixels that go into one.
        crop_to_aspect_ratio: whether to cut the images to the aspect ratio of ``size`` before.
        pad_to_aspect_ratio: whether to pad them to it before.
        fill_mode: with what to pad: ``"constant"``.
        fill_value: the constant.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> x = ops.reshape([0.0, 1.0, 2.0, 3.0], (2, 2, 1))
        >>> ops.image.resize(x, (2, 4))[..., 0]
        array([[0.  , 0.25, 0.75, 1.  ],
               [2.  , 2.25, 2.75, 3.  ]], dtype=float32)
    """
    data_format = _format(data_format)
    _check_rank(images)
    _one_of(interpolation, _RESIZE_METHODS, "interpolation")
    _one_of(fill_mode, ("constant",), "fill_mode")
    if len(size) != 2 or size[0] < 1 or size[1] < 1:
        raise ValueError(f"size: expected (height, width), both 1 or more; got {size}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            "crop_to_aspect_ratio, pad_to_aspect_ratio: expected one of them at most to be true; got both."
        )
    if crop_to_aspect_ratio:
        images = _cropped_to_aspect(images, size, data_format)
    if pad_to_aspect_ratio:
        images = _padded_to_aspect(images, size, fill_value, data_format)
    height, width = _height_width(images, data_format)
    if height == 0 or width == 0:
        raise errors.ShapeError(f"images: expected pixels; got shape {tuple(images.shape)}.")
    x = _batched(images)
    if interpolation == "nearest":
        y = resample_nearest(x, size, data_format)
    else:
        y = _back(
            resample(_floating(x), size, interpolation, bool(antialias), data_format),
            dtype_of(images),
        )
    return y if len(images.shape) == 4 else ops.reshape(y, y.shape[1:])


def _cropped_to_aspect(images: Tensor, size: tuple[int, ...], data_format: str) -> Tensor:
    height, width = _height_width(images, data_format)
    new_height = max(min(height, int(width * size[0] / size[1])), 1)
    new_width = max(min(width, int(height * size[1] / size[0])), 1)
    top, left = (height - new_height) // 2, (width - new_width) // 2
    axis = -3 if data_format == "channels_last" else -2
    return _part(_part(images, axis, top, top + new_height), axis + 1, left, left + new_width)


def _padded_to_aspect(
    images: Tensor, size: tuple[int, ...], value: float, data_format: str
) -> Tensor:
    height, width = _height_width(images, data_format)
    top = (max(height, int(width * size[0] / size[1])) - height) // 2
    left = (max(width, int(height * size[1] / size[0])) - width) // 2
    if top:
        left = 0
    pairs = ((top, top), (left, left))
    number = float(value) if dtypes.is_float(dtype_of(images)) else int(value)
    return ops.pad_constant(images, _widths(images, data_format, pairs), number)


@op
def resample_nearest(x: Tensor, size: tuple[int, int], data_format: str) -> Tensor:
    """``resize`` of a batch by repeating and leaving out pixels."""
    first = 1 if data_format == "channels_last" else 2
    for axis, length in zip((first, first + 1), size, strict=True):
        old = x.shape[axis]
        if old != length:
            places = np.floor((np.arange(length, dtype="float32") + np.float32(0.5)) * old / length)
            x = ops.index(x, [places.astype("int32")], (slice(None),) * axis + (ops.HOLE,))
    return x


@op
def resample(
    x: Tensor, size: tuple[int, int], method: str, antialias: bool, data_format: str
) -> Tensor:
    """``resize`` of a batch in floating point, by a product with a matrix of weights for each axis."""
    height, width = _height_width(x, data_format)
    if isinstance(x, Spec):  # its axes may be too long for weights
        batch, channels = x.shape[0], x.shape[_axis(data_format)]
        last = data_format == "channels_last"
        return Spec((batch, *size, channels) if last else (batch, channels, *size), x.dtype)
    steps = [("rows", height, size[0]), ("columns", width, size[1])]
    for name, old, new in sorted(steps, key=lambda step: step[2] / step[1]):  # shrink first
        if old != new:
            weights = _resizing_weights(old, new, method, antialias, dtype_of(x))
            x = _weighted(x, weights, name, data_format)
    return x


def _weighted(x: Tensor, weights: Any, name: str, data_format: str) -> Tensor:
    """A batch of images with its rows, or columns, multiplied by a matrix (new, old)."""
    if data_format == "channels_first":
        return ops.matmul(weights, x) if name == "rows" else ops.matmul(x, weights.T)
    batch, height, width, channels = x.shape
    if name == "rows":
        y = ops.matmul(weights, ops.reshape(x, (batch, height, width * channels)))
        return ops.reshape(y, (batch, weights.shape[0], width, channels))
    x = ops.transpose(x, (0, 1, 3, 2))
    y = ops.matmul(ops.reshape(x, (batch * height * channels, width)), weights.T)
    return ops.transpose(ops.reshape(y, (batch, height, channels, weights.shape[0])), (0, 1, 3, 2))


@functools.lru_cache(maxsize=64)
def _resizing_weights(old: int, new: int, method: str, antialias: bool, dtype: str) -> Any:
    """The weights of ``old`` pixels in each of ``new`` ones."""
    ratio = old / new
    places = (np.arange(new)[:, None] + 0.5) * ratio - 0.5
    weights = _weights(np, places, np.arange(old), max(ratio, 1.0) if antialias else 1.0, method)
    weights = weights.astype(dtype)
    weights.flags.writeable = False
    return weights


def _weights(xp: Any, places: Any, pixels: Any, stretch: Any, method: str) -> Any:
    """The weights of pixels at places between them, rows that sum to 1; 0 for places outside.

    ``xp`` has the functions: NumPy for constants, the ops for tensors.
    """
    length = pixels.shape[0]
    weights = _KERNELS[method](xp, xp.absolute(places - pixels) / stretch)
    total = xp.sum(weights, axis=-1, keepdims=True)
    enough = xp.greater(xp.absolute(total), 1000 * 2.0**-23)
    inside = xp.logical_and(xp.greater_equal(places, -0.5), xp.less_equal(places, length - 0.5))
    return xp.where(xp.logical_and(enough, inside), weights / xp.where(enough, total, 1), 0)


def _triangle(xp: Any, x: Any) -> Any:
    return xp.maximum(1 - x, 0)


def _cubic(xp: Any, x: Any) -> Any:
    """Keys's kernel with a = -0.5."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return xp.where(xp.less(x, 1), near, xp.where(xp.less(x, 2), far, 0))


def _lanczos(radius: int) -> Callable[[Any, Any], Any]:
    def kernel(xp: Any, x: Any) -> Any:
        away = xp.greater(x, 1e-3)
        angle = math.pi * xp.where(away, x, 1)
        y = radius * xp.sin(angle) * xp.sin(angle / radius) / (angle * angle)
        return xp.where(xp.less_equal(x, radius), xp.where(away, y, 1), 0)

    return kernel


_KERNELS: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    **{"lanczos3": _lanczos(3), "lanczos5": _lanczos(5)},
}


@op
def scale_and_translate(
    images: Tensor,
    output_shape: Shape,
    scale: Tensor,
    translation: Tensor,
    spatial_dims: Shape,
    method: str,
    antialias: bool = True,
) -> Tensor:
    """A tensor stretched and moved along some of its axes, in a new shape.

    What was at ``x`` is at ``x * scale + translation`` afterwards, where the first pixel reaches
    from 0 to 1.  What comes from outside is 0.

    Args:
        images: a tensor with any number of axes; integers give floats.
        output_shape: the shape of the result.
        scale: a vector, one number for each of ``spatial_dims``; gradients flow to it.
        translation: likewise.
        spatial_dims: the axes that are changed.
        method: ``"linear"`` (also ``"bilinear"``, ``"trilinear"``, ``"triangle"``), ``"cubic"``
            (``"bicubic"``, ``"tricubic"``), ``"lanczos3"`` or ``"lanczos5"``.
        antialias: whether shrinking averages over all pixels that go into one.

    Example:
        >>> from polynet import ops
        >>> ops.image.scale_and_translate([1.0, 2.0], (4,), [2.0], [0.0], (0,), "linear")
        array([1.  , 1.25, 1.75, 2.  ], dtype=float32)
    """
    _one_of(method, tuple(_KERNELS), "method")
    ndim = len(images.shape)
    axes = spec.axes_indices(spatial_dims, ndim, "spatial_dims")
    for name, vector in (("scale", scale), ("translation", translation)):
        if tuple(vector.shape) != (len(axes),):
            raise errors.ShapeError(
                f"{name}: expected shape ({len(axes)},), one number for each of spatial_dims; got "
                f"{tuple(vector.shape)}."
            )
    expected = tuple(
        new if i in axes else old
        for i, (old, new) in enumerate(zip(images.shape, output_shape, strict=False))
    )
    if len(output_shape) != len(images.shape) or expected != tuple(output_shape):
        raise errors.ShapeError(
            f"output_shape: expected the lengths of images, of shape {tuple(images.shape)}, but for the axes "
            f"{axes}; got {tuple(output_shape)}."
        )
    dtype = dtype_of(images)
    y = _floating(images)
    scale, translation = _floating(scale), _floating(translation)
    for i, axis in enumerate(axes):
        inverse = 1 / ops.index(scale, [], (i,))
        shift = ops.index(translation, [], (i,)) * inverse
        name = dtype_of(scale)
        centres = ops.reshape(ops.iota(output_shape[axis], name) + 0.5, (output_shape[axis], 1))
        stretch = ops.maximum(inverse, 1) if antialias else 1.0
        pixels = ops.iota(images.shape[axis], name)
        weights = _weights(ops, centres * inverse - shift - 0.5, pixels, stretch, method)
        order = (*range(axis), *range(axis + 1, ndim), axis)
        moved = ops.matmul(ops.transpose(y, order), ops.transpose(ops.cast(weights, dtype_of(y))))
        back = (*range(axis), ndim - 1, *range(axis, ndim - 1))
        y = ops.transpose(moved, back)
    return ops.cast(y, dtype) if dtypes.is_float(dtype) else y


# ------------------------------------------------------------------------------- pixels at places

_ORDERS = {"nearest": 0, "bilinear": 1}
_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _sampled(
    x: Tensor, places: Sequence[Tensor], order: int, mode: str, value: float, batch: bool
) -> Tensor:
    """The values of x at places between its elements.

    Args:
        x: a floating tensor; with ``batch`` its first axis, which all places have too, numbers the
            examples.  Axes behind those that the places belong to are carried along.
        places: one tensor of positions for each axis, all of one shape.
        order: 0 takes the nearest element, 1 interpolates linearly.
        mode: what is outside.
        value: that of the mode ``"constant"``.
        batch: whether there is a batch axis.
    """
    lengths = tuple(x.shape[batch : batch + len(places)])
    rest = tuple(x.shape[batch + len(places) :])
    rows = ops.reshape(x, (spec.count(x.shape[: batch + len(places)]), *rest))
    shape = tuple(places[0].shape)
    start: Any = 0
    if batch:
        start = ops.reshape(ops.iota(x.shape[0], "int32"), (x.shape[0], *(1,) * (len(shape) - 1)))
    candidates = [_neighbours(place, order) for place in places]
    y = None
    for corner in itertools.product(*candidates):
        row, weight, valid = start, None, None
        for (index, share), length in zip(corner, lengths, strict=True):
            if mode == "constant":
                within = ops.logical_and(ops.greater_equal(index, 0), ops.less(index, length))
                valid = within if valid is None else ops.logical_and(valid, within)
            row = row * length + _folded(index, length, mode)
            if share is not None:
                weight = share if weight is None else weight * share
        found = ops.index(rows, [row], (ops.HOLE,))
        if valid is not None:
            found = ops.where(ops.reshape(valid, (*shape, *(1,) * len(rest))), found, value)
        if weight is not None:
            found = ops.multiply(found, ops.reshape(weight, (*shape, *(1,) * len(rest))))
        y = found if y is None else y + found
    return y


def _neighbours(place: Tensor, order: int) -> list[tuple[Tensor, Tensor | None]]:
    """The elements next to a place, and their weights (``None``: 1)."""
    if order == 0:
        return [(ops.cast(_whole(place), "int32"), None)]
    below = ops.floor(place)
    share = place - below
    index = ops.cast(below, "int32")
    return [(index, 1 - share), (index + 1, share)]


def _folded(index: Tensor, length: int, mode: str) -> Tensor:
    """Indices outside of an axis as some inside."""
    if mode == "wrap":
        return ops.mod(index, length)
    if mode == "mirror" and length > 1:
        index = ops.mod(index, 2 * length - 2)
        return ops.minimum(index, 2 * length - 2 - index)
    if mode == "reflect":
        index = ops.mod(index, 2 * length)
        return ops.minimum(index, 2 * length - 1 - index)
    return ops.minimum(ops.maximum(index, 0), length - 1)


def _check_fill(interpolation: str, fill_mode: str) -> None:
    _one_of(interpolation, tuple(_ORDERS), "interpolation")
    _one_of(fill_mode, _FILL_MODES, "fill_mode")


def _fill(value: float, dtype: str) -> float:
    """The value with which images of a dtype are filled."""
    return float(value) if dtypes.is_float(dtype) else float(int(value))


def _warped(
    images: Tensor,
    places: Sequence[Tensor],
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    data_format: str,
) -> Tensor:
    """Images read at (row, column) places, of shape (batch, height, width) each."""
    dtype = dtype_of(images)
    x = _to_last(_floating(_batched(images)), data_format)
    y = _sampled(x, places, _ORDERS[interpolation], fill_mode, _fill(fill_value, dtype), True)
    return _from_last(_back(ops.cast(y, dtype_of(x)), dtype, _whole), data_format, images.shape)


@op
def map_coordinates(
    inputs: Tensor,
    coordinates: Tensor,
    order: int,
    fill_mode: str = "constant",
    fill_value: float = 0,
) -> Tensor:
    """The values of a tensor at positions between its elements.

    Args:
        inputs: a tensor with n axes.
        coordinates: positions, shape ``(n, ...)``; gradients flow to them with ``order`` 1.
        order: 0 takes the nearest element, 1 interpolates linearly.
        fill_mode: what is outside: ``"constant"``, ``"nearest"`` (the edge), ``"wrap"`` (as if
            repeated), ``"mirror"`` (without the edge itself) or ``"reflect"`` (with it).
        fill_value: the constant of the mode ``"constant"``.

    Returns:
        Shape ``coordinates.shape[1:]``, in the dtype of ``inputs``.

    Example:
        >>> from polynet import ops
        >>> ops.image.map_coordinates([[0.0, 1.0], [2.0, 3.0]], [[0.5, 1.0], [0.5, 0.0]], 1)
        array([1.5, 2. ], dtype=float32)
    """
    _one_of(order, (0, 1), "order")
    _one_of(fill_mode, _FILL_MODES, "fill_mode")
    if len(coordinates.shape) < 2 or coordinates.shape[0] != len(inputs.shape):
        raise errors.ShapeError(
            f"coordinates: expected shape ({len(inputs.shape)}, ...), one row for each axis of inputs and an axis "
            f"of places; got {tuple(coordinates.shape)}."
        )
    dtype = dtype_of(inputs)
    places = _floating(coordinates)
    each = [ops.index(places, [], (i,)) for i in range(len(inputs.shape))]
    y = _sampled(_floating(inputs), each, order, fill_mode, _fill(fill_value, dtype), False)
    return _back(y, dtype, _whole)


@op
def affine_transform(
    images: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images turned, stretched, sheared or moved.

    Args:
        images: one image or a batch.
        transform: eight numbers a0, a1, a2, b0, b1, b2, c0, c1, or a row of them for each image:
            the pixel (x, y) of the result is read at ``((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2)
            / k)`` with ``k = c0 x + c1 y + 1``.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill_mode: what is outside: ``"constant"``, ``"nearest"`` (the edge), ``"wrap"`` (as if
            repeated), ``"mirror"`` (without the edge itself) or ``"reflect"`` (with it).
        fill_value: the constant of the mode ``"constant"``.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> x = ops.reshape([0.0, 1.0, 2.0, 3.0], (2, 2, 1))
        >>> ops.image.affine_transform(x, [1, 0, 1, 0, 1, 0, 0, 0])[..., 0]
        array([[1., 0.],
               [3., 0.]], dtype=float32)
    """
    data_format = _format(data_format)
    _check_rank(images)
    _check_fill(interpolation, fill_mode)
    batch = images.shape[0] if len(images.shape) == 4 else 1
    if transform.shape[-1:] != (8,) or tuple(transform.shape[:-1]) not in ((), (1,), (batch,)):
        raise errors.ShapeError(
            f"transform: expected shape (8,), or ({batch}, 8) for as many images; got {tuple(transform.shape)}."
        )
    places = _projected(_floating(transform), batch, *_height_width(images, data_format))
    return _warped(images, places, interpolation, fill_mode, fill_value, data_format)


def _projected(transform: Tensor, batch: int, height: int, width: int) -> list[Tensor]:
    """Where each pixel of the results is read: its row and its column, (batch, height, width)."""
    dtype = dtype_of(transform)
    y = ops.reshape(ops.iota(height, dtype), (height, 1))
    x = ops.iota(width, dtype)
    numbers = ops.reshape(transform, (-1, 8, 1, 1))
    a0, a1, a2, b0, b1, b2, c0, c1 = (ops.index(numbers, [], (slice(None), i)) for i in range(8))
    k = c0 * x + c1 * y + 1
    shape = (batch, height, width)
    return [
        ops.broadcast_to((b0 * x + b1 * y + b2) / k, shape),
        ops.broadcast_to((a0 * x + a1 * y + a2) / k, shape),
    ]


@op
def perspective_transform(
    images: Tensor,
    start_points: Tensor,
    end_points: Tensor,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images seen from another point: four points go to four others.

    Args:
        images: one image or a batch.
        start_points: four (x, y) in the images, shape ``(4, 2)``, or ``(n, 4, 2)`` for n images.
        end_points: where they are in the results, the same shape.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill_value: what is outside.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> x = ops.reshape([0.0, 1.0, 2.0, 3.0], (2, 2, 1))
        >>> corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
        >>> turned = [[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
        >>> ops.image.perspective_transform(x, corners, turned)[..., 0]
        array([[1., 0.],
               [3., 2.]], dtype=float32)
    """
    data_format = _format(data_format)
    _check_rank(images)
    _one_of(interpolation, tuple(_ORDERS), "interpolation")
    batch = images.shape[0] if len(images.shape) == 4 else 1
    for name, points in (("start_points", start_points), ("end_points", end_points)):
        if tuple(points.shape) not in ((4, 2), (1, 4, 2), (batch, 4, 2)):
            raise errors.ShapeError(
                f"{name}: expected shape (4, 2), or ({batch}, 4, 2) for as many images; got {tuple(points.shape)}."
            )
    if tuple(start_points.shape) != tuple(end_points.shape):
        raise errors.ShapeError(
            f"end_points: expected the shape of start_points, {tuple(start_points.shape)}; got "
            f"{tuple(end_points.shape)}."
        )
    transform = _homography(_floating(start_points), _floating(end_points))
    places = _projected(transform, batch, *_height_width(images, data_format))
    return _warped(images, places, interpolation, "constant", fill_value, data_format)


def _homography(start: Tensor, end: Tensor) -> Tensor:
    """The eight numbers of the transform that reads ``start`` at ``end``: two equations a point."""
    dtype = dtypes.result_type(dtype_of(start), dtype_of(end))
    start, end = ops.cast(start, dtype), ops.cast(end, dtype)
    x, y = (ops.index(end, [], (Ellipsis, i)) for i in range(2))
    one, none = x * 0 + 1, x * 0
    equations, right = [], []
    for i in range(2):
        to = ops.index(start, [], (Ellipsis, i))
        left = [none, none, none, x, y, one] if i else [x, y, one, none, none, none]
        equations.append(ops.stack([*left, -to * x, -to * y], -1))
        right.append(to)
    return solve(ops.concatenate(equations, -2), ops.concatenate(right, -1))


@op
def elastic_transform(
    images: Tensor,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Images whose pixels are moved at random, neighbours alike.

    Args:
        images: one image or a batch.
        alpha: how far pixels move.
        sigma: how far the movements of neighbours are alike: that of the blur of a random field.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill_mode: what is outside: ``"constant"``, ``"nearest"`` (the edge), ``"wrap"`` (as if
            repeated), ``"mirror"`` (without the edge itself) or ``"reflect"`` (with it).
        fill_value: the constant of the mode ``"constant"``.
        seed: an integer always moves the same way, a ``SeedGenerator`` in its next ways, ``None``
            in those of the global generator.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> ops.image.elastic_transform(ops.ones((8, 8, 3)), seed=1).shape
        (8, 8, 3)
    """
    from polynet.random import normal

    data_format = _format(data_format)
    _check_rank(images)
    _check_fill(interpolation, fill_mode)
    if not sigma > 0:
        raise ValueError(f"sigma: expected a positive number; got {sigma}.")
    if isinstance(images, Spec):  # no draw is used up
        return Spec(images.shape, images.dtype)
    batch = images.shape[0] if len(images.shape) == 4 else 1
    height, width = _height_width(images, data_format)
    dtype = "float64" if dtype_of(images) == "float64" else "float32"
    noise = normal((batch, height, width, 2), stddev=float(sigma), dtype=dtype, seed=seed)
    size = int(6 * sigma) | 1
    moves = gaussian_blur(noise, (size, size), (float(sigma), float(sigma)), "channels_last")
    lines = [ops.reshape(ops.iota(height, dtype), (height, 1)), ops.iota(width, dtype)]
    places = [line + ops.index(moves, [], (Ellipsis, i)) * alpha for i, line in enumerate(lines)]
    return _warped(images, places, interpolation, fill_mode, fill_value, data_format)


# ----------------------------------------------------------------------------------------- filters


@op
def gaussian_blur(
    images: Tensor,
    kernel_size: Any = (3, 3),
    sigma: Tensor = (1.0, 1.0),
    data_format: str | None = None,
) -> Tensor:
    """Images blurred by a bell curve; outside of them everything is 0.

    Args:
        images: one image or a batch.
        kernel_size: how many columns and how many rows go into a pixel.
        sigma: the standard deviation along the rows and along the columns; gradients flow to it.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> x = ops.reshape([0.0, 0.0, 1.0, 0.0, 0.0], (1, 5, 1))
        >>> ops.round(ops.image.gaussian_blur(x, (3, 1))[0, :, 0], 3)
        array([0.   , 0.274, 0.452, 0.274, 0.   ], dtype=float32)
    """
    data_format = _format(data_format)
    _check_rank(images)
    across, down = _numbers(kernel_size, 2, "kernel_size")
    if tuple(sigma.shape) != (2,):
        raise errors.ShapeError(f"sigma: expected two numbers; got shape {tuple(sigma.shape)}.")
    x = _floating(_batched(images))
    sigma = ops.cast(sigma, dtype_of(x))
    kernels = [_bell(size, ops.index(sigma, [], (i,))) for i, size in enumerate((across, down))]
    y = _filtered(x, kernels[1], kernels[0], "same", data_format)
    y = _back(y, dtype_of(images))
    return y if len(images.shape) == 4 else ops.reshape(y, y.shape[1:])


def _bell(size: int, sigma: Tensor) -> Tensor:
    """Weights along a bell curve that sum to 1."""
    x = (ops.iota(size, dtype_of(sigma)) - (size - 1) / 2) / sigma
    weights = ops.exp(x * x * -0.5)
    return weights / ops.sum(weights)


def _filtered(x: Tensor, down: Tensor, across: Tensor, padding: str, data_format: str) -> Tensor:
    """Each channel of a batch convolved with a column and then with a row."""
    channels = x.shape[_axis(data_format)]
    for weights, shape in ((down, (-1, 1, 1, 1)), (across, (1, -1, 1, 1))):
        kernel = ops.reshape(weights, shape)
        kernel = ops.broadcast_to(kernel, (*kernel.shape[:2], channels, 1))
        x = depthwise_conv(x, kernel, 1, padding, data_format)
    return x


@op
def sobel_edges(images: Tensor, data_format: str | None = None) -> Tensor:
    """How steeply brightness rises along the rows and columns of images; outside everything is 0.

    Args:
        images: a batch, of a dtype with negative numbers.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Returns:
        The shape of ``images`` and a last axis of 2: downwards and to the right.

    Example:
        >>> from polynet import ops
        >>> x = ops.reshape([[0.0, 0.0, 1.0, 1.0]] * 4, (1, 4, 4, 1))
        >>> ops.image.sobel_edges(x)[0, 1, :, 0, 1]
        array([ 0.,  4.,  4., -4.], dtype=float32)
    """
    data_format = _format(data_format)
    _check_rank(images, ranks=(4,))
    dtype = dtype_of(images)
    if dtype.startswith("u") or dtype == "bool":
        raise errors.DTypeError(
            f"images: expected a dtype with negative numbers; got {dtype}. Use ops.cast."
        )
    rows = -3 if data_format == "channels_last" else -2
    x = ops.pad_constant(images, _widths(images, data_format, ((1, 1), (1, 1))), 0)
    down = _smoothed(_rise(x, rows), rows + 1)
    right = _smoothed(_rise(x, rows + 1), rows)
    return ops.stack([down, right], -1)


def _rise(x: Tensor, axis: int) -> Tensor:
    """The difference of the next element and the last."""
    return _part(x, axis, 2, x.shape[axis]) - _part(x, axis, 0, x.shape[axis] - 2)


def _smoothed(x: Tensor, axis: int) -> Tensor:
    """Each element twice and its neighbours once."""
    n = x.shape[axis]
    return _part(x, axis, 0, n - 2) + 2 * _part(x, axis, 1, n - 1) + _part(x, axis, 2, n)


@op(dtypes=spec.without_complex(spec.elementwise_float))
@through_single
def ssim(
    image1: Tensor,
    image2: Tensor,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """How alike images are in brightness, contrast and structure: 1 when they are equal.

    Args:
        image1: one image or a batch; integers give a floating result.
        image2: the same shape.
        max_val: the largest value that a pixel may have, such as 255.
        filter_size: over how many rows and columns the images are compared at a time.
        filter_sigma: the standard deviation of the bell curve that weighs them.
        k1: keeps the comparison of brightness from dividing by 0.
        k2: keeps the comparison of contrast from dividing by 0.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Returns:
        A number, or one for each image of a batch.

    Example:
        >>> from polynet import ops
        >>> x = ops.ones((16, 16, 3))
        >>> float(ops.image.ssim(x, x))
        1.0
    """
    data_format = _format(data_format)
    _check_rank(image1, "image1")
    if tuple(image1.shape) != tuple(image2.shape):
        raise errors.ShapeError(
            f"image2: expected the shape of image1, {tuple(image1.shape)}; got {tuple(image2.shape)}."
        )
    x, y = _batched(image1), _batched(image2)
    weights = _bell(filter_size, ops.full((), float(filter_sigma), dtype_of(x)))
    averaged = functools.partial(
        _filtered, down=weights, across=weights, padding="valid", data_format=data_format
    )
    mean_x, mean_y = averaged(x), averaged(y)
    product = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    variances = averaged(x * x + y * y) - squares
    covariance = averaged(x * y) - product
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    alike = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    total = ops.sum(alike, (1, 2, 3)) / spec.count(alike.shape[1:])
    return total if len(image1.shape) == 4 else ops.reshape(total, ())


# -------------------------------------------------------------------------- patches, borders, cuts


@op
def extract_patches(
    images: Tensor,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Patches of images, or of volumes, each laid out along the channels.

    Args:
        images: one image or a batch; with three numbers in ``size``, volumes.
        size: (height, width), or one number for both; (depth, height, width) for volumes.
        strides: how far patches are apart; by default ``size``, so that they do not overlap.
        dilation_rate: how far the pixels of a patch are apart.
        padding: ``"valid"``, or ``"same"`` for zeros around the images.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Returns:
        The images with one pixel a patch, and as many channels as a patch has numbers.

    Example:
        >>> from polynet import ops
        >>> x = ops.reshape(ops.arange(16), (4, 4, 1))
        >>> ops.image.extract_patches(x, 2)[0]
        array([[0, 1, 4, 5],
               [2, 3, 6, 7]], dtype=int32)
    """
    rank = 3 if isinstance(size, list | tuple) and len(size) == 3 else 2
    return _patches(images, size, strides, dilation_rate, padding, _format(data_format), rank)


@op
def extract_patches_3d(
    volumes: Tensor,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Patches of volumes, each laid out along the channels.

    Args:
        volumes: one volume, with four axes, or a batch.
        size: (depth, height, width), or one number for all.
        strides: how far patches are apart; by default ``size``, so that they do not overlap.
        dilation_rate: how far the elements of a patch are apart.
        padding: ``"valid"``, or ``"same"`` for zeros around the volumes.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> ops.image.extract_patches_3d(ops.ones((4, 4, 4, 1)), 2).shape
        (2, 2, 2, 8)
    """
    return _patches(volumes, size, strides, dilation_rate, padding, _format(data_format), 3)


def _patches(
    x: Tensor, size: Any, strides: Any, dilation: Any, padding: str, data_format: str, rank: int
) -> Tensor:
    _check_rank(x, "images" if rank == 2 else "volumes", (rank + 1, rank + 2))
    sizes = _numbers(size, rank, "size")
    steps = sizes if strides is None else _numbers(strides, rank, "strides")
    gaps = _numbers(dilation, rank, "dilation_rate")
    padding = _known_padding(padding, ("valid", "same"))
    first = len(x.shape) - rank - (data_format == "channels_last")  # of the spatial axes
    channel = len(x.shape) - 1 if data_format == "channels_last" else first - 1
    lengths = tuple(x.shape[first : first + rank])
    pairs = _pairs(padding, lengths, sizes, steps, gaps)
    if any(pair != (0, 0) for pair in pairs):
        x = ops.pad_constant(x, _widths(x, data_format, pairs), 0)
        lengths = tuple(x.shape[first : first + rank])
    results = [
        (length - (size - 1) * gap - 1) // step + 1
        for length, size, step, gap in zip(lengths, sizes, steps, gaps, strict=True)
    ]
    if min(results) < 1:
        raise errors.ShapeError(
            f"images: expected at least {sizes} along the spatial axes; got {lengths}. "
            f"Use padding='same' or a smaller size."
        )
    pieces = []
    for offsets in itertools.product(*map(range, sizes)):
        key = [slice(None)] * len(x.shape)
        for i, (offset, gap, step, number) in enumerate(
            zip(offsets, gaps, steps, results, strict=True)
        ):
            start = offset * gap
            key[first + i] = slice(start, start + (number - 1) * step + 1, step)
        pieces.append(ops.index(x, [], tuple(key)))
    return ops.concatenate(pieces, channel)


def _settled(
    before: int | None,
    after: int | None,
    target: int | None,
    length: int,
    names: tuple[str, str, str],
    sign: int,
) -> tuple[int, int]:
    """(before, after) from two of three numbers: ``target = length + sign * (before + after)``."""
    values = (before, after, target)
    if values.count(None) != 1:
        raise ValueError(
            f"{', '.join(names)}: expected exactly two of them; got "
            f"{', '.join(f'{name}={value}' for name, value in zip(names, values, strict=True))}."
        )
    both = 0 if target is None else sign * (target - length)
    before = both - after if before is None and after is not None else before
    after = both - before if after is None and before is not None else after
    assert before is not None and after is not None
    target = length + sign * (before + after)
    for name, value in zip(names, (before, after, target), strict=True):
        if value < 0:
            raise ValueError(
                f"{name}: expected 0 or more; got {value}, after the others and a length of {length}."
            )
    return before, after


@op
def pad_images(
    images: Tensor,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with zeros around them.

    Two of ``top_padding``, ``bottom_padding`` and ``target_height`` are given, and two of those for
    the width.

    Args:
        images: one image or a batch.
        top_padding: rows of zeros above.
        left_padding: columns of zeros to the left.
        bottom_padding: rows of zeros below.
        right_padding: columns of zeros to the right.
        target_height: the height of the result.
        target_width: the width of the result.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> ops.image.pad_images(ops.ones((2, 2, 1)), 1, 0, target_height=4, target_width=3).shape
        (4, 3, 1)
    """
    data_format = _format(data_format)
    _check_rank(images)
    height, width = _height_width(images, data_format)
    names = ("top_padding", "bottom_padding", "target_height")
    rows = _settled(top_padding, bottom_padding, target_height, height, names, 1)
    names = ("left_padding", "right_padding", "target_width")
    columns = _settled(left_padding, right_padding, target_width, width, names, 1)
    zero = False if dtype_of(images) == "bool" else 0
    return ops.pad_constant(images, _widths(images, data_format, (rows, columns)), zero)


@op
def crop_images(
    images: Tensor,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images without their borders.

    Two of ``top_cropping``, ``bottom_cropping`` and ``target_height`` are given, and two of those
    for the width.

    Args:
        images: one image or a batch.
        top_cropping: rows left out above.
        left_cropping: columns left out to the left.
        bottom_cropping: rows left out below.
        right_cropping: columns left out to the right.
        target_height: the height of the result.
        target_width: the width of the result.
        data_format: where the channels are, ``"channels_last"`` or ``"channels_first"``; by default
            as configured.

    Example:
        >>> from polynet import ops
        >>> ops.image.crop_images(ops.ones((4, 4, 1)), 1, 0, target_height=2, target_width=3).shape
        (2, 3, 1)
    """
    data_format = _format(data_format)
    _check_rank(images)
    height, width = _height_width(images, data_format)
    names = ("top_cropping", "bottom_cropping", "target_height")
    top, bottom = _settled(top_cropping, bottom_cropping, target_height, height, names, -1)
    names = ("left_cropping", "right_cropping", "target_width")
    left, right = _settled(left_cropping, right_cropping, target_width, width, names, -1)
    axis = -3 if data_format == "channels_last" else -2
    return _part(_part(images, axis, top, height - bottom), axis + 1, left, width - right)
