"""Fourier transforms, with the primitive that they need, and the cutting of signals into sequences.

Keras's functions take and return pairs of real tensors; inside, the numbers are complex.  Half
precision is computed in float32.  Filters and resampling of images are in ``image.py``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet import dtypes, errors, spec
from polynet.op import op, primitive
from polynet.ops import primitives as ops
from polynet.ops.linalg import lapack
from polynet.ops.manipulation import pad
from polynet.ops.precision import through_single
from polynet.tensor import Tensor
from polynet.values import dtype_of

__all__ = ["extract_sequences", "fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]

# ----------------------------------------------------------------------------------- complex inside


@primitive(lapack)
def dft(x: Tensor, axes: int) -> Tensor:
    """The discrete Fourier transform of complex numbers over so many last axes."""
    return x.shape


dft.vjp(lambda g, axes: dft(g, axes))


@primitive(lapack)
def inverse_dft(x: Tensor, axes: int) -> Tensor:
    """The inverse of ``dft``, divided by the number of elements."""
    return x.shape


inverse_dft.vjp(lambda g, axes: inverse_dft(g, axes))


@op(dtypes=lapack)
def real_dft(x: Tensor) -> Tensor:
    """The first ``n // 2 + 1`` numbers of the transform of n real ones along the last axis."""
    y = dft(ops.cast(x, dtypes.complex_of(dtype_of(x))), 1)
    return _cut(y, 0, x.shape[-1] // 2 + 1)


@real_dft.vjp
def _(g: Tensor, x_shape: tuple[int, ...]) -> Tensor:
    length = x_shape[-1]
    share = length / _multiplicity(length, dtype_of(g))
    return inverse_real_dft(ops.multiply(ops.conj(g), share), length)


@op(dtypes=lapack)
def inverse_real_dft(x: Tensor, length: int) -> Tensor:
    """The ``length`` real numbers whose transform begins with the ``length // 2 + 1`` of x."""
    mirrored = ops.conj(ops.flip(_cut(x, 1, (length + 1) // 2), -1))
    return ops.real(inverse_dft(ops.concatenate([x, mirrored], -1), 1))


@inverse_real_dft.vjp
def _(g: Tensor, x_dtype: str, length: int) -> Tensor:
    return ops.multiply(ops.conj(real_dft(g)), _multiplicity(length, x_dtype) / length)


def _multiplicity(length: int, dtype: str) -> Any:
    """How often each number of ``real_dft`` stands in the transform of that length: 1 or 2."""
    numbers = np.full(length // 2 + 1, 2, dtypes.real_of(dtype))
    numbers[0] = 1
    if length % 2 == 0:
        numbers[-1] = 1
    return numbers


def _cut(x: Tensor, start: int, stop: int) -> Tensor:
    """A part of the last axis."""
    return ops.index(x, [], (Ellipsis, slice(start, stop)))


def _fitted(x: Tensor, length: int) -> Tensor:
    """The last axis cut, or continued with zeros, to a length."""
    n = x.shape[-1]
    if n >= length:
        return x if n == length else _cut(x, 0, length)
    return ops.pad_constant(x, ((0, 0),) * (len(x.shape) - 1) + ((0, length - n),), 0)


def _joined(x: Any, axes: int) -> Tensor:
    """The complex tensor of a pair of real ones that has at least so many axes."""
    if not isinstance(x, list | tuple) or len(x) != 2:
        got = f"{len(x)} tensors" if isinstance(x, list | tuple) else "one tensor"
        raise ValueError(
            f"x: expected a pair of tensors, the real and the imaginary part; got {got}."
        )
    real, imag = x
    if tuple(real.shape) != tuple(imag.shape):
        raise errors.ShapeError(
            f"x: expected real and imaginary parts of one shape; got {tuple(real.shape)} and "
            f"{tuple(imag.shape)}."
        )
    _check_axes(real, axes)
    return ops.complex_from(real, imag)


def _check_axes(x: Tensor, axes: int) -> None:
    if len(x.shape) < axes or 0 in x.shape[len(x.shape) - axes :]:
        raise errors.ShapeError(
            f"x: expected {axes} or more axes, the last of which have elements; got shape "
            f"{tuple(x.shape)}."
        )


def _parts(x: Tensor) -> tuple[Tensor, Tensor]:
    return ops.real(x), ops.imag(x)


def _positive(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name}: expected a positive integer; got {value!r}.")
    return value


_REAL = spec.without_complex(spec.elementwise_float)

# --------------------------------------------------------------------------------------- transforms


@op(dtypes=_REAL)
@through_single
def fft(x: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last axis.

    Args:
        x: a pair of tensors of one shape, the real and the imaginary part.

    Returns:
        The pair of real and imaginary part of the result.

    Example:
        >>> from polynet import ops
        >>> real, imag = ops.fft(([1.0, 2.0], [0.0, 0.0]))
        >>> real
        array([ 3., -1.], dtype=float32)
    """
    return _parts(dft(_joined(x, 1), 1))


@op(dtypes=_REAL)
@through_single
def fft2(x: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last two axes.

    Args:
        x: a pair of tensors of one shape, the real and the imaginary part.

    Returns:
        The pair of real and imaginary part of the result.

    Example:
        >>> from polynet import ops
        >>> x = ops.ones((2, 2))
        >>> real, imag = ops.fft2((x, x))
        >>> real
        array([[4., 0.],
               [0., 0.]], dtype=float32)
    """
    return _parts(dft(_joined(x, 2), 2))


@op(dtypes=_REAL)
@through_single
def ifft2(x: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The inverse of ``fft2``.

    Args:
        x: a pair of tensors of one shape, the real and the imaginary part.

    Returns:
        The pair of real and imaginary part of the result.

    Example:
        >>> from polynet import ops
        >>> real, imag = ops.ifft2(([[4.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]))
        >>> real
        array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    return _parts(inverse_dft(_joined(x, 2), 2))


@op(dtypes=_REAL)
@through_single
def rfft(x: Tensor, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The first half of the Fourier transform of real numbers; the other half mirrors it.

    Args:
        x: a tensor, transformed along its last axis.
        fft_length: to what length the axis is cut, or continued with zeros, before; by default its
            own.

    Returns:
        The real and imaginary parts of the first ``fft_length // 2 + 1`` numbers.

    Example:
        >>> from polynet import ops
        >>> real, imag = ops.rfft([1.0, 2.0, 3.0, 4.0])
        >>> real
        array([10., -2., -2.], dtype=float32)
    """
    _check_axes(x, 1)
    length = x.shape[-1] if fft_length is None else _positive(fft_length, "fft_length")
    return _parts(real_dft(_fitted(x, length)))


@op(dtypes=_REAL)
@through_single
def irfft(x: Sequence[Tensor], fft_length: int | None = None) -> Tensor:
    """The inverse of ``rfft``: real numbers, along the last axis.

    Args:
        x: the pair of real and imaginary part, as ``rfft`` returns them.
        fft_length: the length of the result, needed when it is odd; ``2 * (n - 1)`` by default.

    Example:
        >>> from polynet import ops
        >>> ops.round(ops.irfft(ops.rfft([1.0, 2.0, 3.0]), 3), 4)
        array([1., 2., 3.], dtype=float32)
    """
    y = _joined(x, 1)
    length = 2 * (y.shape[-1] - 1) if fft_length is None else _positive(fft_length, "fft_length")
    if not length:
        raise errors.ShapeError("x: one number along the last axis needs fft_length=1 beside it.")
    return inverse_real_dft(_fitted(y, length // 2 + 1), length)


# --------------------------------------------------------------------------------------- sequences

_FEW = 16
"""Up to so many steps a sequence, sequences are put together of blocks instead of gathered."""


@op
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> Tensor:
    """The last axis cut into sequences that may overlap.

    Args:
        x: a tensor of shape ``(..., n)``.
        sequence_length: the length of each sequence.
        sequence_stride: how far the next sequence begins behind the last.

    Returns:
        Shape ``(..., 1 + (n - sequence_length) // sequence_stride, sequence_length)``.

    Example:
        >>> from polynet import ops
        >>> ops.extract_sequences([1, 2, 3, 4, 5, 6], 3, 2)
        array([[1, 2, 3],
               [3, 4, 5]], dtype=int32)
    """
    length = _positive(sequence_length, "sequence_length")
    stride = _positive(sequence_stride, "sequence_stride")
    if not x.shape:
        raise errors.ShapeError("x: expected a tensor with axes; got a 0-d tensor.")
    batch, n = tuple(x.shape[:-1]), x.shape[-1]
    number = 1 + (n - length) // stride if n >= length else 0
    steps = -(-length // stride)
    if not number or steps > _FEW:
        starts = ops.reshape(ops.iota(number, "int32") * stride, (number, 1))
        return ops.index(x, [starts + ops.iota(length, "int32")], (Ellipsis, ops.HOLE))
    blocks = ops.reshape(
        _fitted(x, (number - 1 + steps) * stride), (*batch, number - 1 + steps, stride)
    )
    pieces = [
        ops.index(blocks, [], (Ellipsis, slice(i, i + number), slice(None))) for i in range(steps)
    ]
    return _cut(ops.concatenate(pieces, -1) if steps > 1 else pieces[0], 0, length)


def _overlapped(x: Tensor, stride: int) -> Tensor:
    """The sum of sequences of which each begins ``stride`` behind the last."""
    *batch, number, length = x.shape
    steps = -(-length // stride)
    total = (number - 1) * stride + length
    if steps > _FEW:
        starts = ops.reshape(ops.iota(number, "int32") * stride, (number, 1))
        zeros = ops.full((*batch, total), 0, dtype_of(x))
        places = starts + ops.iota(length, "int32")
        return ops.index_update(zeros, [places], x, (Ellipsis, ops.HOLE), "add")
    x = _fitted(x, steps * stride)
    none = ((0, 0),) * len(batch)
    y = None
    for i in range(steps):
        part = ops.pad_constant(
            _cut(x, i * stride, (i + 1) * stride), (*none, (i, steps - 1 - i), (0, 0)), 0
        )
        y = part if y is None else y + part
    return _fitted(ops.reshape(y, (*batch, (number - 1 + steps) * stride)), total)


_WINDOWS = {"hann": 0.5, "hamming": 0.54}


@functools.lru_cache(maxsize=32)
def _cosine_window(name: str, length: int, dtype: str) -> Any:
    """A periodic window of one cosine."""
    mean = _WINDOWS[name]
    angles = np.arange(length) * (2 * np.pi / length)
    values = mean - (1 - mean) * np.cos(angles) if length > 1 else np.ones(1)
    values = values.astype(dtype)
    values.flags.writeable = False
    return values


def _window(window: Any, sequence_length: int, fft_length: int, dtype: str) -> Any:
    """The window of each sequence, zeros around it up to the length of the transform."""
    if window is None:
        window = np.ones(sequence_length, dtype)
    elif isinstance(window, str):
        if window not in _WINDOWS:
            raise ValueError(
                f"window: expected 'hann', 'hamming', a tensor or None; got {window!r}."
                f"{errors.closest(window, _WINDOWS)}"
            )
        window = _cosine_window(window, sequence_length, dtype)
    else:
        window = ops.cast(window, dtype)
        if tuple(window.shape) != (sequence_length,):
            raise errors.ShapeError(
                f"window: expected the shape ({sequence_length},), after sequence_length; got "
                f"{tuple(window.shape)}."
            )
    before = (fft_length - sequence_length) // 2
    if fft_length > sequence_length:
        window = ops.pad_constant(window, ((before, fft_length - sequence_length - before),), 0)
    return window


def _check_lengths(sequence_length: int, sequence_stride: int, fft_length: int) -> None:
    _positive(sequence_length, "sequence_length")
    _positive(sequence_stride, "sequence_stride")
    if _positive(fft_length, "fft_length") < sequence_length:
        raise ValueError(
            f"fft_length: expected sequence_length, {sequence_length}, or more; got {fft_length}."
        )


@op(dtypes=_REAL)
@through_single
def stft(
    x: Tensor,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> tuple[Tensor, Tensor]:
    """The Fourier transforms of sequences of a signal, as the signal goes on.

    Args:
        x: signals of shape ``(..., n)``.
        sequence_length: the length of each sequence.
        sequence_stride: how far the next sequence begins behind the last.
        fft_length: the length of each transform, ``sequence_length`` or more.
        window: by what each sequence is multiplied: ``"hann"``, ``"hamming"``, a tensor of shape
            ``(sequence_length,)``, or ``None``.
        center: whether the signal is mirrored at both ends, so that sequence i has its middle at
            ``i * sequence_stride``; else it begins there.

    Returns:
        The real and imaginary parts, ``(..., sequences, fft_length // 2 + 1)``.

    Example:
        >>> from polynet import ops
        >>> real, imag = ops.stft(ops.ones(8), 4, 2, 4, window=None)
        >>> real.shape
        (5, 3)
    """
    _check_lengths(sequence_length, sequence_stride, fft_length)
    _check_axes(x, 1)
    if center:
        around = fft_length // 2
        x = pad(x, ((0, 0),) * (len(x.shape) - 1) + ((around, around),), "reflect")
    weights = _window(window, sequence_length, fft_length, dtype_of(x))
    sequences = extract_sequences(x, fft_length, sequence_stride)
    return _parts(real_dft(ops.multiply(sequences, weights)))


@op(dtypes=_REAL)
@through_single
def istft(
    x: Sequence[Tensor],
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Tensor:
    """The signals whose ``stft`` with the same arguments is given.

    Args:
        x: the real and imaginary parts, ``(..., sequences, fft_length // 2 + 1)``.
        sequence_length: as in ``stft``.
        sequence_stride: as in ``stft``.
        fft_length: as in ``stft``.
        length: to what length the signals are cut, or continued with zeros; by default they end
            where the last sequence does, or at its middle with ``center``.
        window: as in ``stft``.
        center: as in ``stft``.

    Example:
        >>> from polynet import ops
        >>> x = ops.arange(8, dtype="float32")
        >>> ops.round(ops.istft(ops.stft(x, 4, 2, 4), 4, 2, 4), 4)
        array([0., 1., 2., 3., 4., 5., 6., 7.], dtype=float32)
    """
    _check_lengths(sequence_length, sequence_stride, fft_length)
    y = _joined(x, 2)
    if length is not None:
        _positive(length, "length")
    sequences = inverse_real_dft(_fitted(y, fft_length // 2 + 1), fft_length)
    weights = _window(window, sequence_length, fft_length, dtype_of(sequences))
    signal = _overlapped(ops.multiply(sequences, weights), sequence_stride)
    # where only shapes are inferred `full` computes nothing, and so nothing after it
    ones = ops.full(tuple(sequences.shape[-2:]), 1, dtype_of(weights))
    squares = ops.multiply(ones, ops.multiply(weights, weights))
    total = _overlapped(squares, sequence_stride)
    covered = ops.greater(total, 1e-10)
    signal = signal / ops.where(covered, total, 1)
    start = fft_length // 2 if center else 0
    stop = signal.shape[-1] - start if length is None else start + length
    return _fitted(_cut(signal, start, max(stop, start)), max(stop - start, 0))
