"""Checks for the authors of ops, layers and losses: are the gradients right?

``check_gradients`` is what users call.  The parts below it (``analytic``, ``slopes``, ``agree``) are used by the
conformance suite too.  Nothing here knows an op or a backend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet import dtypes, errors, plugins, tree
from polynet.autodiff.box import Box, Recorder, pull_back
from polynet.autodiff.functions import vjp
from polynet.op import OPS
from polynet.values import dtype_of, shape_of

__all__ = ["check_gradients"]

Flat = Callable[[Sequence[Any]], list[Any]]
"""A function from a list of tensors to a list of tensors."""

STEPS = (1e-3, 1e-5, 1e-7)
"""The steps of finite differences, tried in turn: a kink nearby asks for a short one, rounding for a long one."""


def check_gradients(
    fn: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    complex_step: bool = False,
    boxes: bool = False,
    seed: int = 0,
) -> None:
    """Compare the gradients of ``fn(*args)`` with finite differences; raises ``AssertionError`` where they differ.

    Everything is computed in float64, along random directions, so that the cost does not grow with the arguments.

    Args:
        fn: a function of tensors, or of trees of tensors, with tensors in its result.
        args: its arguments; integers, bools and other objects in them are constants.
        order: 1 for gradients, 2 for the gradients of gradients too.
        rtol: error allowed, relative to the size of the terms of the derivative.
        atol: error allowed.
        complex_step: compare first derivatives with ``imag(fn(x + 1e-30 i v)) / 1e-30``, which is exact; for functions
            of real arguments whose ops take complex ones.
        boxes: use polynet's own tape where the array library has a faster one.
        seed: of the random directions.

    Example:
        >>> from polynet import ops
        >>> check_gradients(lambda x, w: ops.tanh(x @ w), [[[0.1, -0.5]], [[1.0], [2.0]]])
    """
    if order not in (1, 2):
        raise ValueError(f"order: expected 1 or 2; got {order!r}.")
    with np.errstate(all="ignore"):  # an infinite gradient is reported below
        _check(fn, args, order, rtol, atol, complex_step, boxes, seed)


def _check(
    fn: Callable[..., Any],
    args: Sequence[Any],
    order: int,
    rtol: float,
    atol: float,
    complex_step: bool,
    boxes: bool,
    seed: int,
) -> None:
    name = getattr(fn, "__name__", type(fn).__name__)
    arguments = [_tensors(arg) for arg in args]
    leaves = tree.flatten(arguments)
    places = [i for i, leaf in enumerate(leaves) if _is_continuous(leaf)]
    if not places:
        raise TypeError(
            f"check_gradients: {name}: expected an argument of a floating dtype; got none."
        )
    paths = [_path(path) for path, _ in tree.flatten_with_path(arguments)]

    def function(xs: Sequence[Any]) -> list[Any]:
        filled = list(leaves)
        for place, x in zip(places, xs, strict=True):
            filled[place] = x
        ys = [
            y
            for y in tree.flatten(fn(*tree.pack_sequence_as(arguments, filled)))
            if _is_continuous(y)
        ]
        if not ys:
            raise TypeError(
                f"check_gradients: {name}: expected a result of a floating dtype; got none."
            )
        return ys

    primals = [to_numpy(leaves[place]) for place in places]
    random = Directions(function, primals, seed)

    def evaluate(xs: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        return analytic(function, xs, random, order, boxes)

    _, gs, hs = map(_all_to_numpy, evaluate(tensors(primals)))
    for place, x, g in zip(places, primals, gs, strict=True):
        if g.shape != x.shape or g.dtype != x.dtype:
            raise AssertionError(
                f"gradient of {name} by {paths[place]}: expected shape {x.shape} and dtype {x.dtype}, as the "
                f"argument has; got shape {g.shape} and dtype {g.dtype}."
            )

    def first(xs: Sequence[np.ndarray]) -> float:
        return random.of_results(_all_to_numpy(function(tensors(xs))))

    def second(xs: Sequence[np.ndarray]) -> float:
        return random.of_gradients(
            _all_to_numpy(analytic(function, tensors(xs), random, 1, boxes)[1])
        )

    names = [paths[place] for place in places]
    slope = _complex_slope(function, random) if complex_step else None
    explain(f"gradient of {name}", first, primals, gs, random, names, rtol, atol, slope)
    if order == 2:
        explain(f"second derivative of {name}", second, primals, hs, random, names, rtol, atol)


# ------------------------------------------------------------------------------------ the parts


class Directions:
    """Random weights of the results (cotangents), and two directions among the arguments."""

    def __init__(self, function: Flat, primals: Sequence[np.ndarray], seed: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(seed))
        results = [
            (shape_of(y), dtypes.is_complex(dtype_of(y))) for y in function(tensors(primals))
        ]
        self.weights = [self._draw(shape, complex_) for shape, complex_ in results]
        self.along = [self._draw(x.shape, np.iscomplexobj(x)) for x in primals]
        self.second = [self._draw(x.shape, np.iscomplexobj(x)) for x in primals]

    def _draw(self, shape: tuple[int, ...], complex_: bool) -> np.ndarray:
        def draw() -> np.ndarray:
            return self._random.uniform(0.5, 1.5, shape) * self._random.choice([-1.0, 1.0], shape)

        return np.asarray(draw() + 1j * draw() if complex_ else draw())

    def of_results(self, ys: Sequence[np.ndarray]) -> float:
        """The weighted sum of the results, whose gradient is checked."""
        return dot(self.weights, ys)

    def of_gradients(self, gs: Sequence[np.ndarray]) -> float:
        """The gradients along the second direction, whose gradient is checked in turn."""
        return dot(self.second, gs)


def analytic(
    function: Flat, xs: Sequence[Any], random: Directions, order: int, boxes: bool
) -> tuple[list[Any], list[Any], list[Any]]:
    """Results, gradients of their weighted sum, and (for order 2) gradients of those along a direction.

    Nothing is conjugated: for a change ``dx`` of complex arguments the sum changes by ``real(sum(g * dx))``.
    """
    if not boxes:
        if order == 1:
            return *_pulled(function, xs, random), []
        _, pull, (ys, gs) = vjp(lambda *values: _along(function, values, random), *xs, has_aux=True)
        return ys, gs, list(pull(_number(1.0)))
    outer = Recorder()
    sources = [outer.source(x) for x in xs]
    ys, gs = _pulled(function, sources, random)
    hs: list[Any] = []
    if order == 2:
        total = _weighted(random.second, gs)
        found = {}
        if isinstance(total, Box):
            found = pull_back(
                outer, [(total.index, _number(1.0))], [source.index for source in sources]
            )
        hs = [
            found[source.index]
            if source.index in found
            else OPS["full"].call(shape_of(x), 0, dtype_of(x))
            for source, x in zip(sources, xs, strict=True)
        ]
    return [_opened(y) for y in ys], [_opened(g) for g in gs], hs


def _pulled(function: Flat, xs: Sequence[Any], random: Directions) -> tuple[list[Any], list[Any]]:
    ys, pull = vjp(lambda *values: function(values), *xs)
    return ys, list(pull(tensors(random.weights)))


def _along(function: Flat, xs: Sequence[Any], random: Directions) -> tuple[Any, Any]:
    ys, gs = _pulled(function, xs, random)
    return _weighted(random.second, gs), (ys, gs)


def _weighted(weights: Sequence[np.ndarray], values: Sequence[Any]) -> Any:
    """The real part of a weighted sum, as a tensor."""
    total: Any = None
    for weight, value in zip(tensors(weights), values, strict=True):
        term = OPS["sum"].call(OPS["multiply"].call(value, weight))
        if dtypes.is_complex(dtype_of(term)):
            term = OPS["real"].call(term)
        total = term if total is None else OPS["add"].call(total, term)
    return total


def slopes(
    function: Callable[[Sequence[np.ndarray]], Any],
    primals: Sequence[np.ndarray],
    direction: Sequence[np.ndarray],
    step: float,
) -> Any:
    """The derivative of a function (a number, or an array of them) along a direction, from values at four points."""

    def at(t: float) -> Any:
        return function([x + t * v for x, v in zip(primals, direction, strict=True)])

    return (8.0 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12.0 * step)


def agree(found: float, expected: float, size: float, rtol: float, atol: float) -> bool:
    """Is a derivative right, given the size of the terms that it was summed from?"""
    error = abs(found - expected)
    return bool(error <= atol + rtol * max(size, abs(expected)))  # a NaN is not


def explain(
    what: str,
    function: Callable[[Sequence[np.ndarray]], float],
    primals: Sequence[np.ndarray],
    gradients: Sequence[np.ndarray],
    random: Directions,
    names: Sequence[str],
    rtol: float = 1e-6,
    atol: float = 1e-8,
    slope: Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float] | None = None,
) -> None:
    """Raise ``AssertionError`` if gradients differ from finite differences of ``function``; it says where."""

    def close(direction: Sequence[np.ndarray]) -> tuple[bool, float, float]:
        found = dot(gradients, direction)
        size = sum(float(np.sum(np.abs(g * v))) for g, v in zip(gradients, direction, strict=True))
        tried = []
        for step in STEPS:
            expected = (
                slope(primals, direction)
                if slope
                else float(slopes(function, primals, direction, step))
            )
            tried.append(expected)
            if agree(found, expected, size, rtol, atol):
                return True, found, expected
        return False, found, min(tried, key=lambda value: abs(value - found))

    right, found, expected = close(random.along)
    if right:
        return
    where = "along a random direction among all arguments"
    for i, name in enumerate(names):
        alone = [v if j == i else 0.0 * v for j, v in enumerate(random.along)]
        right, one, other = close(alone)
        if right:
            continue
        found, expected, where = one, other, f"by {name}, along a random direction"
        for element in list(np.ndindex(primals[i].shape))[:64]:
            unit = [0.0 * v for v in random.along]
            unit[i][element] = 1.0
            right, one, other = close(unit)
            if not right:
                found, expected, where = one, other, f"by {name}, element {element}"
                break
        break
    raise AssertionError(f"{what} {where}: analytic {found:.10g}, numeric {expected:.10g}.")


def _complex_slope(
    function: Flat, random: Directions
) -> Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float]:
    tiny = 1e-30

    def slope(primals: Sequence[np.ndarray], direction: Sequence[np.ndarray]) -> float:
        ys = function(tensors([x + tiny * 1j * v for x, v in zip(primals, direction, strict=True)]))
        return (
            sum(
                float(np.sum(w * to_numpy(y).imag)) for w, y in zip(random.weights, ys, strict=True)
            )
            / tiny
        )

    return slope


# ------------------------------------------------------------------------------------ values


def dot(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> float:
    """The real part of the sum of all products."""
    return float(sum(float(np.real(np.sum(a * b))) for a, b in zip(one, other, strict=True)))


def to_numpy(x: Any) -> np.ndarray:
    """The values of a tensor on the host."""
    values: np.ndarray = np.asarray(plugins.current().to_numpy(x))
    return values


def _all_to_numpy(values: Sequence[Any]) -> list[np.ndarray]:
    return [to_numpy(value) for value in values]


def tensors(arrays: Sequence[np.ndarray]) -> list[Any]:
    """NumPy arrays as tensors of the active backend, of the same dtype."""
    backend = plugins.current()
    return [backend.asarray(array, str(array.dtype)) for array in map(np.asarray, arrays)]


def _number(value: float) -> Any:
    return plugins.current().asarray(value, "float64")


def _opened(value: Any) -> Any:
    return value.value if isinstance(value, Box) else value


def _is_continuous(value: Any) -> bool:
    if not hasattr(value, "dtype") or not hasattr(value, "shape"):
        return False
    dtype = dtype_of(value)
    return dtypes.is_float(dtype) or dtypes.is_complex(dtype)


def _tensors(arg: Any) -> Any:
    """An argument with its floats and floating tensors in float64; a list of numbers is a tensor."""
    from polynet import ops

    def wide(leaf: Any) -> Any:
        if isinstance(leaf, float | complex) or (hasattr(leaf, "dtype") and _is_continuous(leaf)):
            complex_ = isinstance(leaf, complex) or (
                hasattr(leaf, "dtype") and dtypes.is_complex(dtype_of(leaf))
            )
            return ops.convert_to_tensor(leaf, "complex128" if complex_ else "float64")
        return leaf

    if (
        isinstance(arg, list)
        and arg
        and all(isinstance(leaf, int | float) for leaf in tree.flatten(arg))
    ):
        return wide(np.array(arg))
    return tree.map_structure(wide, arg)


def _path(path: Sequence[Any]) -> str:
    first, *rest = path
    return f"args[{first}]" + "".join(f"[{key!r}]" for key in rest)


def has_dtype(dtype: str) -> bool:
    """Has the active backend this dtype, as it is set up now?"""
    try:
        plugins.current().native_dtype(dtype)
    except errors.DTypeError:
        return False
    return True
