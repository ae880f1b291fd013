"""How the first values of weights are made: constants, and random draws scaled to the size of a layer.

An initializer is called with a shape and a dtype.  Its draws have the same bits on every backend, because they are
those of ``polynet.random``, scaled by numbers that Python works out; what needs more than that (a QR decomposition,
a window) is made in NumPy on the host.  Which layer uses which initializer is not decided here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from polynet import dtypes, errors, ops, random
from polynet.configurable import Catalogue, Configurable
from polynet.random import host
from polynet.random.seed_generator import SeedGenerator, as_seed, draw, make_default_seed
from polynet.spec import Spec, as_shape
from polynet.tensor import DType, Shape, Tensor
from polynet.values import shape_of

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

Seed = int | SeedGenerator | None


class Initializer(Configurable):
    """Makes the first value of a weight; a subclass gives ``__call__``.

    Example:
        >>> import polynet
        >>> class Countdown(polynet.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return polynet.ops.arange(shape[0], 0, -1, dtype=dtype)
        >>> Countdown()((3,), "float32")
        array([3., 2., 1.], dtype=float32)
    """

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """A tensor of that shape; of ``floatx`` where no dtype is given."""
        raise NotImplementedError(
            f"{type(self).__name__}: __call__(shape, dtype=None) is missing; write it in that class."
        )

    def clone(self) -> Self:
        """An initializer of the same arguments; where its seed was not given, it draws other values."""
        return type(self).from_config(self.get_config())


# ------------------------------------------------------------------------------------------ constants


class Zeros(Initializer):
    """Zeros.

    Example:
        >>> Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """Zeros of that shape."""
        return ops.zeros(shape, dtype)


class Ones(Initializer):
    """Ones.

    Example:
        >>> Ones()((2,))
        array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """Ones of that shape."""
        return ops.ones(shape, dtype)


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: a number, or what broadcasts to the shape that is asked for.

    Example:
        >>> Constant(3)((2,))
        array([3., 3.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """The value in that shape."""
        return ops.full(shape, self.value, dtypes.standardize(dtype))


class Identity(Initializer):
    """``gain`` on the diagonal of a matrix, zeros elsewhere.

    Args:
        gain: the number on the diagonal.

    Example:
        >>> Identity()((2, 3))
        array([[1., 0., 0.],
               [0., 1., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """The matrix of that shape, which has two axes."""
        shape = as_shape(shape)
        if len(shape) != 2:
            raise errors.ShapeError(
                f"Identity: shape: expected two axes, those of a matrix; got {shape}."
            )
        return ops.cast(
            ops.multiply(ops.eye(shape[0], shape[1]), self.gain), dtypes.standardize(dtype)
        )


# ------------------------------------------------------------------------------------------ random draws


class _Random(Initializer):
    """An initializer with a seed: the same object gives the same values each time, save by a ``SeedGenerator``."""

    def __init__(self, seed: Seed = None) -> None:
        if seed is None:
            self.seed: Any = make_default_seed()
        else:
            self.seed = seed if isinstance(seed, SeedGenerator) else as_seed(seed)


class RandomNormal(_Random):
    """Draws from a normal distribution.

    Args:
        mean: its mean.
        stddev: its standard deviation.
        seed: an integer, or ``None`` for one that is chosen now: either gives equal values at each call. A
            ``polynet.random.SeedGenerator`` gives new ones.

    Example:
        >>> RandomNormal(stddev=0.5, seed=1)((3,))
        array([ 0.26788852, -0.7871245 ,  0.11316245], dtype=float32)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        if not stddev >= 0:
            raise ValueError(
                f"{type(self).__name__}: stddev: expected a number of 0 or more; got {stddev}."
            )
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """Draws of that shape."""
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)


class TruncatedNormal(_Random):
    """Draws from a normal distribution without what is more than two standard deviations off the mean.

    Args:
        mean: the mean.
        stddev: the standard deviation before truncation.
        seed: as for ``RandomNormal``.

    Example:
        >>> TruncatedNormal(stddev=0.5, seed=1)((3,))
        array([ 0.25455755, -0.70987916,  0.10793085], dtype=float32)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        if not stddev >= 0:
            raise ValueError(
                f"{type(self).__name__}: stddev: expected a number of 0 or more; got {stddev}."
            )
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """Draws of that shape."""
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


class RandomUniform(_Random):
    """Draws that are equally likely anywhere from ``minval`` up to, without, ``maxval``.

    Args:
        minval: the least value.
        maxval: the bound above.
        seed: as for ``RandomNormal``.

    Example:
        >>> RandomUniform(-1.0, 1.0, seed=1)((3,))
        array([ 0.40788734, -0.8845701 ,  0.17905128], dtype=float32)
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """Draws of that shape."""
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)


# ------------------------------------------------------------------------------------------ by fans

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")
_TRUNCATED = 0.87962566103423978
"""The standard deviation of a standard normal distribution that is truncated at two."""

Axes = int | Sequence[int] | None


def _fans(shape: tuple[int, ...], inputs: Axes, outputs: Axes) -> tuple[int, int]:
    """How many numbers each output is made of, and into how many outputs each input goes."""
    if inputs is not None and outputs is not None:
        return _product(shape, "input_axes", inputs), _product(shape, "output_axes", outputs)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def _product(shape: tuple[int, ...], name: str, axes: Axes) -> int:
    try:
        return math.prod(shape[axis] for axis in ((axes,) if isinstance(axes, int) else axes or ()))
    except IndexError:
        raise errors.AxisError(
            f"VarianceScaling: {name}: {axes} is out of range for the shape {shape}."
        ) from None


class VarianceScaling(_Random):
    """Draws whose variance is ``scale`` over the number of connections, so that signals keep their size.

    Args:
        scale: above 0.
        mode: which number: ``"fan_in"``, of inputs of each output; ``"fan_out"``, of outputs of each input; or
            ``"fan_avg"``, the mean of both.
        distribution: ``"truncated_normal"`` (also ``"normal"``), ``"untruncated_normal"`` or ``"uniform"``.
        seed: as for ``RandomNormal``.
        input_axes: the axes of the shape whose lengths make up ``fan_in``; given with ``output_axes``, for shapes
            other than (..., inputs, outputs), all before these two being a window.
        output_axes: likewise for ``fan_out``.

    Example:
        >>> VarianceScaling(2.0, "fan_out", "uniform", seed=1)((2, 3))
        array([[ 0.5768398 , -1.2509711 , -1.3856034 ],
               [ 0.25321674, -0.91129327,  0.00206435]], dtype=float32)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        super().__init__(seed)
        if not scale > 0:
            raise ValueError(f"VarianceScaling: scale: expected a number above 0; got {scale}.")
        if mode not in _MODES:
            raise ValueError(
                f"VarianceScaling: mode: expected {_either(_MODES)}; got {mode!r}."
                f"{errors.closest(mode, _MODES)}"
            )
        name = distribution.lower() if isinstance(distribution, str) else distribution
        name = "truncated_normal" if name == "normal" else name
        if name not in _DISTRIBUTIONS:
            raise ValueError(
                f"VarianceScaling: distribution: expected {_either(_DISTRIBUTIONS)}; got {distribution!r}."
                f"{errors.closest(distribution, _DISTRIBUTIONS)}"
            )
        if (input_axes is None) != (output_axes is None):
            lacks = "input_axes" if input_axes is None else "output_axes"
            raise ValueError(
                f"VarianceScaling: {lacks}: expected axes as the other of input_axes and output_axes is given; "
                f"got None."
            )
        self.scale, self.mode, self.distribution = scale, mode, name
        self.input_axes, self.output_axes = input_axes, output_axes

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """Draws of that shape."""
        fan_in, fan_out = _fans(as_shape(shape), self.input_axes, self.output_axes)
        number = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(1.0, number[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        stddev = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, stddev, dtype, self.seed)
        return random.truncated_normal(shape, 0.0, stddev / _TRUNCATED, dtype, self.seed)


def _either(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:-1])) + f" or {names[-1]!r}"


class GlorotUniform(VarianceScaling):
    """Uniform draws within ``sqrt(6 / (fan_in + fan_out))`` of 0, after Glorot and Bengio (2010).

    Args:
        seed: as for ``RandomNormal``.
        input_axes: as for ``VarianceScaling``.
        output_axes: as for ``VarianceScaling``.

    Example:
        >>> GlorotUniform(seed=1)((1, 3))
        array([[ 0.49955797, -1.0833727 ,  0.21929216]], dtype=float32)
    """

    def __init__(
        self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


class GlorotNormal(VarianceScaling):
    """Truncated normal draws of variance ``2 / (fan_in + fan_out)``, after Glorot and Bengio (2010).

    Args:
        seed: as for ``RandomNormal``.
        input_axes: as for ``VarianceScaling``.
        output_axes: as for ``VarianceScaling``.

    Example:
        >>> GlorotNormal(seed=1)((1, 3)).shape
        (1, 3)
    """

    def __init__(
        self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


class LecunUniform(VarianceScaling):
    """Uniform draws within ``sqrt(3 / fan_in)`` of 0, after LeCun and others (1998).

    Args:
        seed: as for ``RandomNormal``.
        input_axes: as for ``VarianceScaling``.
        output_axes: as for ``VarianceScaling``.

    Example:
        >>> LecunUniform(seed=1)((1, 3)).shape
        (1, 3)
    """

    def __init__(
        self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


class LecunNormal(VarianceScaling):
    """Truncated normal draws of variance ``1 / fan_in``, for ``selu``, after Klambauer and others (2017).

    Args:
        seed: as for ``RandomNormal``.
        input_axes: as for ``VarianceScaling``.
        output_axes: as for ``VarianceScaling``.

    Example:
        >>> LecunNormal(seed=1)((1, 3)).shape
        (1, 3)
    """

    def __init__(
        self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class HeUniform(VarianceScaling):
    """Uniform draws within ``sqrt(6 / fan_in)`` of 0, for ``relu``, after He and others (2015).

    Args:
        seed: as for ``RandomNormal``.
        input_axes: as for ``VarianceScaling``.
        output_axes: as for ``VarianceScaling``.

    Example:
        >>> HeUniform(seed=1)((1, 3)).shape
        (1, 3)
    """

    def __init__(
        self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


class HeNormal(VarianceScaling):
    """Truncated normal draws of variance ``2 / fan_in``, for ``relu``, after He and others (2015).

    Args:
        seed: as for ``RandomNormal``.
        input_axes: as for ``VarianceScaling``.
        output_axes: as for ``VarianceScaling``.

    Example:
        >>> HeNormal(seed=1)((1, 3)).shape
        (1, 3)
    """

    def __init__(
        self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None
    ) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


# ------------------------------------------------------------------------------------------ on the host


def _from_host(name: str, made: np.ndarray, dtype: DType) -> Tensor:
    """A float64 array of the host as a tensor of a float dtype."""
    dtype = dtypes.standardize(dtype)
    if not dtypes.is_float(dtype):
        raise errors.DTypeError(f"{name}: dtype: expected a float dtype; got {dtype}.")
    return ops.cast(made if dtype == "float64" else made.astype(np.float32), dtype)


class Orthogonal(_Random):
    """A random matrix whose columns are orthogonal and of length ``gain``; its rows, where those are fewer.

    All axes but the last are taken together as rows.

    Args:
        gain: a factor.
        seed: as for ``RandomNormal``.

    Example:
        >>> from polynet import ops
        >>> q = Orthogonal(seed=1)((4, 2))
        >>> abs(ops.matmul(q.T, q)).round(5)
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """The matrix in that shape, which has two axes or more."""
        shape = as_shape(shape)
        if len(shape) < 2:
            raise errors.ShapeError(
                f"Orthogonal: shape: expected two axes or more, the last for columns; got {shape}."
            )
        return draw(self.seed, lambda key: self._of_key(key, shape, dtype))

    def _of_key(self, key: Any, shape: tuple[int, ...], dtype: DType) -> Tensor:
        if isinstance(key, Spec):
            return Spec(shape, dtypes.standardize(dtype))
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        key = ops.convert_to_numpy(key)
        q, r = np.linalg.qr(host.quantiles(key, tall, "normal", 1.0, 0.0, "float64"))
        q = q * np.where(np.diagonal(r) < 0, -self.gain, self.gain)  # else some would never come
        return _from_host("Orthogonal", (q.T if rows < columns else q).reshape(shape), dtype)


_COSINES = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
"""Windows that are sums of cosines: the factors of cos(0 t), -cos(1 t), cos(2 t), ..."""


def _window(name: str, length: int, periodic: bool) -> np.ndarray:
    if length == 1:
        return np.ones(1)
    angle = 2 * math.pi * np.arange(length) / (length if periodic else length - 1)
    terms = [(-1) ** k * a * np.cos(k * angle) for k, a in enumerate(_COSINES[name])]
    return np.asarray(sum(terms))


class STFT(Initializer):
    """The kernel with which a 1-D convolution is a short-time Fourier transform: its real or imaginary side.

    Args:
        side: ``"real"`` or ``"imag"``.
        window: a name (``"hann"``, ``"hamming"``, ``"blackman"``, ...), the window's values, or ``None``.
        scaling: divide by the window's L2 norm, ``"density"``; by its L1 norm, ``"spectrum"``; or not, ``None``.
        periodic: shall the window, where a name is given, continue itself without a double point?

    Example:
        >>> STFT("real", window=None)((4, 1, 3)).round(1).reshape(4, 3)
        array([[ 1.,  1.,  1.],
               [ 1.,  0., -1.],
               [ 1., -1.,  1.],
               [ 1., -0., -1.]], dtype=float32)
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"STFT: side: expected 'real' or 'imag'; got {side!r}.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(
                f"STFT: scaling: expected 'density', 'spectrum' or None; got {scaling!r}."
            )
        if isinstance(window, str) and window not in _COSINES:
            raise ValueError(
                f"STFT: window: expected {', '.join(map(repr, _COSINES))}, the window's values or None; got "
                f"{window!r}.{errors.closest(window, _COSINES)}"
            )
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        """The kernel of shape (length of the window, 1, number of frequencies)."""
        shape = as_shape(shape)
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise errors.ShapeError(
                f"STFT: shape: expected (length of the window, 1, 2 or more frequencies); got {shape}."
            )
        length, _, frequencies = shape
        turns = np.arange(length)[:, None, None] * np.arange(frequencies) / (2 * frequencies - 2)
        angle = -2 * math.pi * turns
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            window = self._window(length)
            kernel = kernel * window[:, None, None]
            if self.scaling is not None:
                kernel /= np.linalg.norm(window, 2 if self.scaling == "density" else 1)
        return _from_host("STFT", kernel, dtype)

    def _window(self, length: int) -> np.ndarray:
        if isinstance(self.window, str):
            return _window(self.window, length, self.periodic)
        window = np.asarray(ops.convert_to_numpy(self.window), np.float64)
        if window.shape != (length,):
            raise errors.ShapeError(
                f"STFT: window: expected the shape ({length},), the first axis of the kernel's shape; got "
                f"{window.shape}."
            )
        return window


# ------------------------------------------------------------------------------------------ names

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_catalogue = Catalogue(
    "initializers",
    Initializer,
    "initializer",
    {"normal": "random_normal", "one": "ones", "uniform": "random_uniform", "zero": "zeros"},
)


def get(identifier: Any) -> Callable[..., Tensor] | None:
    """The initializer meant by a name, a description, a class, a function, or by the values themselves.

    Example:
        >>> get("he_normal").get_config()
        {'seed': None, 'input_axes': None, 'output_axes': None}
    """
    if hasattr(identifier, "shape") and hasattr(identifier, "dtype"):
        return _Values(identifier)
    found: Callable[..., Tensor] | None = _catalogue.get(identifier)
    return found


class _Values:
    """An initializer of values that are given."""

    def __init__(self, values: Tensor) -> None:
        self.values = values

    def __call__(self, shape: Shape, dtype: DType = None) -> Tensor:
        shape, found = as_shape(shape), shape_of(self.values)
        if shape != found:
            raise errors.ShapeError(
                f"initializer: the values given have the shape {found}; expected {shape}."
            )
        return ops.cast(self.values, dtypes.standardize(dtype))


def serialize(initializer: Any) -> Any:
    """The description of an initializer, which ``deserialize`` takes.

    Example:
        >>> serialize(Zeros())
        {'kind': 'initializers', 'class_name': 'Zeros', 'config': {}}
    """
    return _catalogue.serialize(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The initializer of a description.

    Example:
        >>> deserialize({"class_name": "Constant", "config": {"value": 2.0}}).value
        2.0
    """
    return _catalogue.deserialize(config, custom_objects)
