"""The functions of ``polynet.random``: arguments checked, a key taken, numbers drawn and scaled.

Uniform, normal and truncated normal numbers, integers, categories, shuffles and dropout masks have the same bits on
every backend, compiled or not; gamma, beta and binomial draws agree to rounding.  How bits become numbers is in
``draws.py``, where keys come from in ``seed_generator.py``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from polynet import config, dtypes, errors, plugins
from polynet.ops.primitives import cast, greater_equal, minimum, view, where
from polynet.random import draws
from polynet.random.seed_generator import SeedGenerator, draw
from polynet.random.tables import largest_below
from polynet.spec import Spec, as_shape, axis_index, broadcast
from polynet.tensor import Shape, Tensor
from polynet.values import dtype_of, shape_of

Seed = int | SeedGenerator | None


# ---------------------------------------------------------------------------------- arguments


def _shape(op: str, shape: Any) -> tuple[int, ...]:
    try:
        shape = as_shape(shape)
    except TypeError as error:
        raise TypeError(f"{op}: {error}") from None
    if any(length < 0 for length in shape):
        raise errors.ShapeError(f"{op}: shape: expected lengths of 0 and more; got {shape}.")
    return shape


def _float(op: str, dtype: Any) -> str:
    name = dtypes.standardize(dtype)
    if not dtypes.is_float(name):
        raise errors.DTypeError(f"{op}: dtype: expected a float dtype; got {name}.")
    return _supported(op, name)


def _supported(op: str, dtype: str) -> str:
    """A dtype that the backend has."""
    try:
        plugins.current().native_dtype(dtype)
    except errors.DTypeError as error:
        raise errors.DTypeError(f"{op}: dtype: {error}") from None
    return dtype


def _wide(dtype: str) -> str:
    """The dtype to compute in: 16 bits are too few."""
    return "float64" if dtype == "float64" else "float32"


def _number(value: Any) -> float | None:
    """A number as a float; ``None`` for a tensor."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    return float(value)


def _require(op: str, name: str, value: Any, holds: Callable[[float], bool], expected: str) -> None:
    """Check an argument that is a number; the values of tensors are not looked at."""
    number = _number(value)
    if number is not None and not holds(number):
        raise ValueError(f"{op}: {name}: expected {expected}; got {value}.")


def _fits(op: str, shape: tuple[int, ...], **parameters: Any) -> None:
    """Do the parameters broadcast to the shape?"""
    for name, value in parameters.items():
        if not hasattr(value, "shape") and not isinstance(value, bool | int | float | list | tuple):
            raise TypeError(
                f"{op}: {name}: expected a number or a tensor; got {type(value).__name__}."
            )
        found = shape_of(value)
        try:
            fits = broadcast(found, shape) == shape
        except errors.ShapeError:
            fits = False
        if not fits:
            raise errors.ShapeError(
                f"{op}: {name}: shape {found} does not broadcast to the shape {shape}."
            )


def _native(key: Any) -> Any:
    """The backend, if its own generator shall be used and there is one."""
    if config.rng() != "native" or isinstance(key, Spec):
        return None
    backend = plugins.current()
    return backend if "native_rng" in backend.capabilities else None


# ---------------------------------------------------------------------------------- continuous


def _uniform(key: Any, shape: tuple[int, ...], minval: float, maxval: float, dtype: str) -> Tensor:
    backend = _native(key)
    if backend is None:
        return draws.random_uniform(key, shape, minval, maxval, dtype)
    u = backend.native_uniform(backend.asarray(key, "int32"), shape, dtype)
    return u * (maxval - minval) + minval


def _quantiles(
    key: Any, shape: tuple[int, ...], name: str, scale: float, shift: float, dtype: str
) -> Tensor:
    backend = _native(key) if name == "normal" else None
    if backend is None:
        return draws.random_quantiles(key, shape, name, scale, shift, dtype)
    return backend.native_normal(backend.asarray(key, "int32"), shape, dtype) * scale + shift


def _scaled(
    op: str, name: str, shape: Any, mean: Any, stddev: Any, dtype: Any, seed: Seed
) -> Tensor:
    """Draws from a standard distribution, times ``stddev``, plus ``mean``."""
    shape, dtype = _shape(op, shape), _float(op, dtype)
    wide = _wide(dtype)
    shift, scale = _number(mean), _number(stddev)
    _require(op, "mean", mean, math.isfinite, "a finite number")
    _require(
        op, "stddev", stddev, lambda s: 0 <= s < math.inf, "a finite number that is not negative"
    )
    if shift is not None and scale is not None:
        z = draw(seed, lambda key: _quantiles(key, shape, name, scale, shift, wide))
        return z if wide == dtype else cast(z, dtype)
    _fits(op, shape, mean=mean, stddev=stddev)
    z = draw(seed, lambda key: _quantiles(key, shape, name, 1.0, 0.0, wide))
    y = draws.fenced(z * cast(stddev, wide), wide) + cast(mean, wide)
    return y if wide == dtype else cast(y, dtype)


def normal(
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Draws from a normal distribution.

    Args:
        shape: the shape of the result.
        mean: a number, or a tensor that broadcasts to ``shape``; gradients flow to it.
        stddev: likewise, the standard deviation.
        dtype: a float dtype, by default ``floatx``.
        seed: an integer always gives the same draws, a ``SeedGenerator`` its next ones, ``None`` those of the global
            generator.

    Example:
        >>> import polynet
        >>> polynet.random.normal((3,), seed=1)
        array([ 0.53577703, -1.574249  ,  0.2263249 ], dtype=float32)
    """
    return _scaled("normal", "normal", shape, mean, stddev, dtype, seed)


def truncated_normal(
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Draws from a normal distribution without what is more than two standard deviations off the mean.

    Args:
        shape: the shape of the result.
        mean: a number, or a tensor that broadcasts to ``shape``.
        stddev: likewise, the standard deviation before truncation.
        dtype: a float dtype, by default ``floatx``.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.truncated_normal((3,), seed=1)
        array([ 0.5091151 , -1.4197583 ,  0.21586171], dtype=float32)
    """
    return _scaled("truncated_normal", "truncated_normal", shape, mean, stddev, dtype, seed)


def uniform(
    shape: Shape, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Draws that are equally likely anywhere from ``minval`` up to, without, ``maxval``.

    Args:
        shape: the shape of the result.
        minval: a number, or a tensor that broadcasts to ``shape``; gradients flow to it.
        maxval: likewise.
        dtype: a float dtype, by default ``floatx``.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.uniform((3,), -1.0, 1.0, seed=1)
        array([ 0.40788734, -0.8845701 ,  0.17905128], dtype=float32)
    """
    shape, dtype = _shape("uniform", shape), _float("uniform", dtype)
    wide = _wide(dtype)
    low, high = _number(minval), _number(maxval)
    for name, value in (("minval", minval), ("maxval", maxval)):
        _require("uniform", name, value, math.isfinite, "a finite number")
    if low is None or high is None:
        _fits("uniform", shape, minval=minval, maxval=maxval)
        u = draw(seed, lambda key: _uniform(key, shape, 0.0, 1.0, wide))
        start, stop = cast(minval, wide), cast(maxval, wide)
        y = cast(draws.fenced(u * (stop - start), wide) + start, dtype)
        start = cast(start, dtype)
        return where(
            greater_equal(y, cast(stop, dtype)), start, y
        )  # rounding up would reach maxval
    if low > high or high - low > draws.LARGEST[wide]:
        raise ValueError(
            f"uniform: minval, maxval: expected minval <= maxval, at a distance that {wide} can hold; "
            f"got {minval} and {maxval}."
        )
    y = draw(seed, lambda key: _uniform(key, shape, low, high, wide))
    return y if wide == dtype else minimum(cast(y, dtype), max(low, largest_below(high, dtype)))


def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Draws from a gamma distribution of scale 1.

    Args:
        shape: the shape of the result.
        alpha: the distribution's shape parameter, above 0; a number, or a tensor that broadcasts to ``shape``.
        dtype: a float dtype, by default ``floatx``.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.gamma((3,), 2.0, seed=1).round(3)
        array([2.754, 2.466, 1.209], dtype=float32)
    """
    shape, dtype = _shape("gamma", shape), _float("gamma", dtype)
    _require("gamma", "alpha", alpha, lambda a: 0 < a < math.inf, "a finite number above 0")
    _fits("gamma", shape, alpha=alpha)
    wide = _wide(dtype)
    return cast(draw(seed, lambda key: draws.random_gamma(key, cast(alpha, wide), shape)), dtype)


def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Draws from a beta distribution.

    Args:
        shape: the shape of the result.
        alpha: the first parameter, above 0; a number, or a tensor that broadcasts to ``shape``.
        beta: the second parameter, likewise.
        dtype: a float dtype, by default ``floatx``.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.beta((3,), 2.0, 5.0, seed=1).round(3)
        array([0.179, 0.128, 0.606], dtype=float32)
    """
    shape, dtype = _shape("beta", shape), _float("beta", dtype)
    for name, value in (("alpha", alpha), ("beta", beta)):
        _require("beta", name, value, lambda a: 0 < a < math.inf, "a finite number above 0")
    _fits("beta", shape, alpha=alpha, beta=beta)
    wide = _wide(dtype)
    found = draw(
        seed, lambda key: draws.random_beta(key, cast(alpha, wide), cast(beta, wide), shape)
    )
    return cast(found, dtype)


def binomial(
    shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Draws from a binomial distribution: how many of ``counts`` trials succeed.

    Args:
        shape: the shape of the result.
        counts: the number of trials; a number, or a tensor that broadcasts to ``shape``.
        probabilities: the probability of success, likewise.
        dtype: a float dtype, by default ``floatx``.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.binomial((5,), 10, 0.3, seed=1)
        array([1., 3., 1., 3., 2.], dtype=float32)
    """
    shape, dtype = _shape("binomial", shape), _float("binomial", dtype)
    _require(
        "binomial", "counts", counts, lambda n: 0 <= n < math.inf, "a number of trials, 0 or more"
    )
    _require(
        "binomial", "probabilities", probabilities, lambda p: 0 <= p <= 1, "a number from 0 to 1"
    )
    _fits("binomial", shape, counts=counts, probabilities=probabilities)
    wide = _wide(dtype)
    n, p = _number(counts), _number(probabilities)
    mean = None if n is None or p is None else n * min(p, 1.0 - p)
    found = draw(
        seed,
        lambda key: draws.random_binomial(
            key, cast(counts, wide), cast(probabilities, wide), shape, mean
        ),
    )
    return cast(found, dtype)


# ---------------------------------------------------------------------------------- integers and choices


def randint(
    shape: Shape, minval: Any, maxval: Any, dtype: Any = "int32", seed: Seed = None
) -> Tensor:
    """Integers that are equally likely from ``minval`` up to, without, ``maxval``.

    Args:
        shape: the shape of the result.
        minval: a whole number, or an integer tensor that broadcasts to ``shape``.
        maxval: likewise, above ``minval``.
        dtype: an integer dtype.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.randint((5,), 0, 10, seed=1)
        array([7, 0, 0, 5, 1], dtype=int32)
    """
    shape, dtype = _shape("randint", shape), dtypes.standardize("int32" if dtype is None else dtype)
    if not dtypes.is_int(dtype):
        raise errors.DTypeError(f"randint: dtype: expected an integer dtype; got {dtype}.")
    _supported("randint", dtype)
    low, high = _whole("minval", minval), _whole("maxval", maxval)
    if low is None or high is None:
        return _randint_of_tensors(shape, minval, maxval, dtype, seed)
    bounds = np.iinfo(dtype)
    if not bounds.min <= low < high <= int(bounds.max) + 1:
        raise ValueError(
            f"randint: minval, maxval: expected {bounds.min} <= minval < maxval <= {int(bounds.max) + 1}, "
            f"the range of {dtype}; got {minval} and {maxval}."
        )
    span = high - low
    bits = 32 if span <= 1 << 32 else 64
    if span <= 1 << 15:
        found = draw(seed, lambda key: draws.random_index(key, shape, span))
    else:
        wrapped = np.array(draws.signed(span, bits), f"int{bits}")
        found = draw(seed, lambda key: draws.random_below(key, wrapped, shape))
    if dtypes.itemsize(dtype) == 8 and bits == 32:
        bits, found = 64, cast(found, "int64") & 0xFFFFFFFF
    return _as_integers(found + draws.signed(low, bits) if low else found, dtype)


def _whole(name: str, value: Any) -> int | None:
    """A number as an integer; ``None`` for a tensor."""
    if _number(value) is None:
        return None
    if isinstance(value, float | np.floating) and not float(value).is_integer():
        raise ValueError(f"randint: {name}: expected a whole number; got {value}.")
    return int(value)


def _randint_of_tensors(
    shape: tuple[int, ...], minval: Any, maxval: Any, dtype: str, seed: Seed
) -> Tensor:
    _fits("randint", shape, minval=minval, maxval=maxval)
    work = "int64" if dtypes.itemsize(dtype) == 8 else "int32"
    low, high = cast(minval, work), cast(maxval, work)
    return _as_integers(
        draw(seed, lambda key: draws.random_below(key, high - low, shape)) + low, dtype
    )


def _as_integers(x: Tensor, dtype: str) -> Tensor:
    """int32 or int64 bits as integers of another dtype."""
    if dtype in ("uint32", "uint64"):
        return view(x, dtype)
    return x if dtype_of(x) == dtype else cast(x, dtype)


def categorical(
    logits: Tensor, num_samples: int, dtype: Any = "int32", seed: Seed = None
) -> Tensor:
    """Draws of classes, for each row of ``logits``.

    Args:
        logits: of shape (rows, classes): the logarithms of probabilities, which need not sum to 1.
        num_samples: how many classes to draw for each row.
        dtype: an integer dtype.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.categorical([[0.0, 0.0, -100.0]], 6, seed=1)
        array([[0, 0, 1, 0, 1, 0]], dtype=int32)
    """
    dtype = dtypes.standardize("int32" if dtype is None else dtype)
    if not dtypes.is_int(dtype):
        raise errors.DTypeError(f"categorical: dtype: expected an integer dtype; got {dtype}.")
    _supported("categorical", dtype)
    shape = shape_of(logits)
    if len(shape) != 2 or shape[1] == 0:
        raise errors.ShapeError(
            f"categorical: logits: expected shape (rows, classes) with at least one class; got {shape}."
        )
    try:
        number = operator.index(num_samples)
    except TypeError:
        number = -1
    if number < 0:
        raise ValueError(
            f"categorical: num_samples: expected an integer of 0 or more; got {num_samples!r}."
        )
    found = draw(seed, lambda key: draws.random_categorical(logits, key, number), of=logits)
    return found if dtype == "int32" else cast(found, dtype)


def shuffle(x: Tensor, axis: int = 0, seed: Seed = None) -> Tensor:
    """``x`` with its slices along ``axis`` in random order.

    Args:
        x: a tensor.
        axis: the axis to shuffle along.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.shuffle([1, 2, 3, 4], seed=1)
        array([3, 1, 2, 4], dtype=int32)
    """
    try:
        axis = axis_index(operator.index(axis), len(shape_of(x)))
    except errors.AxisError as error:
        raise errors.AxisError(f"shuffle: {error}") from None
    except TypeError:
        raise TypeError(f"shuffle: axis: expected an integer; got {type(axis).__name__}.") from None
    return draw(seed, lambda key: draws.random_shuffle(x, key, axis), of=x)


def dropout(inputs: Tensor, rate: float, noise_shape: Any = None, seed: Seed = None) -> Tensor:
    """Sets a share of the inputs to 0 and divides the others by the share that is kept.

    Args:
        inputs: a float tensor.
        rate: the probability that an element is dropped, from 0 to 1.
        noise_shape: a length for each axis: 1 where all elements along it share one fate, ``None`` for the inputs'.
        seed: as for ``normal``.

    Example:
        >>> import polynet
        >>> polynet.random.dropout([1.0, 1.0, 1.0, 1.0], 0.5, seed=1)
        array([2., 0., 2., 2.], dtype=float32)
    """
    number = _number(rate)
    if number is None or not 0 <= number <= 1:
        raise ValueError(f"dropout: rate: expected a number from 0 to 1; got {rate!r}.")
    if not dtypes.is_float(dtype_of(inputs)):
        raise errors.DTypeError(f"dropout: inputs: expected a float dtype; got {dtype_of(inputs)}.")
    shape = shape_of(inputs)
    if noise_shape is not None and None not in shape:
        try:
            shape = draws.noise_shape_of(shape, noise_shape)
        except errors.ShapeError as error:
            raise errors.ShapeError(f"dropout: {error}") from None
    if number == 0:
        return inputs
    if number == 1:
        return where(False, inputs, 0)
    noise = None if noise_shape is None else tuple(noise_shape)

    def dropped(key: Any) -> Tensor:
        backend = _native(key)
        if backend is None:
            return draws.random_dropout(inputs, key, number, noise)
        u = backend.native_uniform(backend.asarray(key, "int32"), shape, "float32")
        return draws.keep_where(greater_equal(u, number), inputs, number)

    return draw(seed, dropped, of=inputs)
