"""The arithmetic of optimizers: one op updates a whole list of weights, so that a library may do all of them at once.

Each op takes lists of tensors (weights, gradients, what an optimizer remembers of each weight), the learning rate and,
where the rule needs it, the number of the step (1 for the first), and returns the lists of new values.  The scalar
work of a step is done once for each dtype, in float32 at least.  Names, defaults and variables are in
``polynet/optimizers``; these ops have no public names in ``polynet.ops``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from polynet import spec
from polynet.op import op
from polynet.ops.elementwise import square
from polynet.ops.finite import finite_each
from polynet.ops.manipulation import expand_dims, swapaxes
from polynet.ops.primitives import (
    absolute,
    cast,
    isfinite,
    logical_and,
    matmul,
    maximum,
    minimum,
    power,
    sign,
    sqrt,
    stack,
    where,
)
from polynet.ops.primitives import all as all_of
from polynet.ops.primitives import sum as total
from polynet.ops.reductions import mean
from polynet.tensor import Tensor
from polynet.values import dtype_of

Lists = tuple[list[Tensor], ...]

# ---------------------------------------------------------------------------------------- scalars


class Scalar:
    """A scalar tensor beside tensors of several dtypes; cast once for each."""

    def __init__(self, value: Tensor) -> None:
        self._value = value
        self._casts: dict[str, Tensor] = {dtype_of(value): value}

    def beside(self, x: Tensor) -> Tensor:
        """The scalar in the dtype of ``x``."""
        dtype = dtype_of(x)
        if dtype not in self._casts:
            self._casts[dtype] = cast(self._value, dtype)
        return self._casts[dtype]


def precise(x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """A scalar in the dtype of an optimizer's scalar work: float32, or float64 where a weight has that."""
    wide = any(dtype_of(parameter) == "float64" for parameter in parameters)
    dtype = "float64" if wide else "float32"
    return x if dtype_of(x) == dtype else cast(x, dtype)


def _each(update: Callable[..., tuple[Tensor | None, ...]], *lists: Sequence[Tensor]) -> Lists:
    """``update`` of every weight, its gradient and what is remembered of it; the new weights and memories as lists.

    An empty list stands for what is not remembered: ``update`` receives and returns ``None`` there.
    """
    size = len(lists[0])
    rows = [update(*row) for row in zip(*(each or [None] * size for each in lists), strict=True)]
    return tuple([row[i] for row in rows if row[i] is not None] for i in range(len(lists) - 1))


LARGE = 16384
"""Elements of a tensor from which on a backend may write into it, where it is ``owned``."""


# ------------------------------------------------------------------------------------------ rules


@op(dtypes=spec.each)
def sgd_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    learning_rate: Tensor,
    momentum: float,
    nesterov: bool,
    owned: bool = False,
) -> Lists:
    """Stochastic gradient descent; without a momentum the list of momentums is empty.

    Args:
        owned: may a backend write into the large ones of the given weights and momentums?

    Returns:
        The new weights and the new momentums.
    """
    rate = Scalar(learning_rate)

    def update(p: Tensor, g: Tensor, m: Tensor | None) -> tuple[Tensor | None, ...]:
        step = g * rate.beside(p)
        if m is None:
            return p - step, None
        m = m * momentum - step
        return p + (m * momentum - step if nesterov else m), m

    return _each(update, parameters, gradients, momentums)


@op(dtypes=spec.each)
def adam_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    velocities: Sequence[Tensor],
    peaks: Sequence[Tensor],
    learning_rate: Tensor,
    step: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    owned: bool = False,
) -> Lists:
    """Adam; with a list of peaks, the largest velocities so far, it is AMSGrad.

    Args:
        owned: as for ``sgd_step``.

    Returns:
        The new weights, momentums, velocities and peaks.
    """
    t = precise(step, parameters)
    correction = sqrt(1.0 - power(beta_2, t)) / (1.0 - power(beta_1, t))
    rate = Scalar(precise(learning_rate, parameters) * correction)

    def update(
        p: Tensor, g: Tensor, m: Tensor, v: Tensor, peak: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        m = m + (g - m) * (1 - beta_1)
        v = v + (square(g) - v) * (1 - beta_2)
        if peak is not None:
            peak = maximum(peak, v)
        largest = v if peak is None else peak
        return p - m * rate.beside(p) / (sqrt(largest) + epsilon), m, v, peak

    return _each(update, parameters, gradients, momentums, velocities, peaks)


@op(dtypes=spec.each)
def rmsprop_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    velocities: Sequence[Tensor],
    momentums: Sequence[Tensor],
    averages: Sequence[Tensor],
    learning_rate: Tensor,
    rho: float,
    momentum: float,
    epsilon: float,
    owned: bool = False,
) -> Lists:
    """RMSprop; the lists of momentums and of average gradients may be empty.

    Args:
        owned: as for ``sgd_step``.

    Returns:
        The new weights, velocities, momentums and average gradients.
    """
    rate = Scalar(learning_rate)

    def update(
        p: Tensor, g: Tensor, v: Tensor, m: Tensor | None, average: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        v = rho * v + (1 - rho) * square(g)
        variance = v
        if average is not None:
            average = rho * average + (1 - rho) * g
            variance = v - square(average)
        change = rate.beside(p) * g / sqrt(variance + epsilon)
        if m is not None:
            m = change = momentum * m + change
        return p - change, v, m, average

    return _each(update, parameters, gradients, velocities, momentums, averages)


@op(dtypes=spec.each)
def adagrad_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    accumulators: Sequence[Tensor],
    learning_rate: Tensor,
    epsilon: float,
) -> Lists:
    """Adagrad: gradients divided by the root of the sum of their squares.

    Returns:
        The new weights and accumulators.
    """
    rate = Scalar(learning_rate)

    def update(p: Tensor, g: Tensor, a: Tensor) -> tuple[Tensor | None, ...]:
        a = a + square(g)
        return p - rate.beside(p) * g / sqrt(a + epsilon), a

    return _each(update, parameters, gradients, accumulators)


@op(dtypes=spec.each)
def adadelta_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    accumulators: Sequence[Tensor],
    changes: Sequence[Tensor],
    learning_rate: Tensor,
    rho: float,
    epsilon: float,
) -> Lists:
    """Adadelta: gradients scaled by the ratio of the means of squares of changes and of gradients.

    Returns:
        The new weights, mean squares of gradients and mean squares of changes.
    """
    rate = Scalar(learning_rate)

    def update(p: Tensor, g: Tensor, a: Tensor, d: Tensor) -> tuple[Tensor | None, ...]:
        a = rho * a + (1 - rho) * square(g)
        change = sqrt(d + epsilon) * g / sqrt(a + epsilon)
        return p - rate.beside(p) * change, a, rho * d + (1 - rho) * square(change)

    return _each(update, parameters, gradients, accumulators, changes)


@op(dtypes=spec.each)
def adamax_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    norms: Sequence[Tensor],
    learning_rate: Tensor,
    step: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> Lists:
    """Adamax: Adam with the largest gradient, forgotten by and by, in the place of the mean of squares.

    Returns:
        The new weights, momentums and norms.
    """
    left = 1.0 - power(beta_1, precise(step, parameters))
    rate = Scalar(precise(learning_rate, parameters) / left)

    def update(p: Tensor, g: Tensor, m: Tensor, u: Tensor) -> tuple[Tensor | None, ...]:
        m = m + (g - m) * (1 - beta_1)
        u = maximum(beta_2 * u, absolute(g))
        return p - rate.beside(p) * m / (u + epsilon), m, u

    return _each(update, parameters, gradients, momentums, norms)


@op(dtypes=spec.each)
def nadam_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    velocities: Sequence[Tensor],
    learning_rate: Tensor,
    step: Tensor,
    product: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> Lists:
    """Adam with Nesterov's momentum.

    Args:
        product: what ``nadam_product`` gives for this step.

    Returns:
        The new weights, momentums and velocities.
    """
    t = precise(step, parameters)
    product = precise(product, parameters)
    u, next_u = _nadam_factor(t, beta_1), _nadam_factor(t + 1.0, beta_1)
    of_momentum = Scalar(next_u / (1.0 - product * next_u))
    of_gradient = Scalar((1.0 - u) / (1.0 - product))
    correction = Scalar(1.0 - power(beta_2, t))
    rate = Scalar(learning_rate)

    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor) -> tuple[Tensor | None, ...]:
        m = m + (g - m) * (1 - beta_1)
        v = v + (square(g) - v) * (1 - beta_2)
        mean = of_momentum.beside(p) * m + of_gradient.beside(p) * g
        return p - mean * rate.beside(p) / (sqrt(v / correction.beside(p)) + epsilon), m, v

    return _each(update, parameters, gradients, momentums, velocities)


@op(dtypes=spec.each)
def nadam_product(product: Tensor, step: Tensor, beta_1: float) -> Tensor:
    """The product of all factors of Nadam's momentum, a step further."""
    factor = _nadam_factor(precise(step, [product]), beta_1)
    return cast(precise(product, [product]) * factor, dtype_of(product))


def _nadam_factor(t: Tensor, beta_1: float) -> Tensor:
    return beta_1 * (1.0 - 0.5 * power(0.96, t))


@op(dtypes=spec.each)
def ftrl_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    accumulators: Sequence[Tensor],
    linears: Sequence[Tensor],
    learning_rate: Tensor,
    learning_rate_power: float,
    l1: float,
    l2: float,
    shrinkage: float,
    beta: float,
) -> Lists:
    """Follow the regularized leader: sparse weights by penalties on their size.

    Returns:
        The new weights, accumulators and linear terms.
    """
    rate = Scalar(learning_rate)

    def update(p: Tensor, g: Tensor, a: Tensor, linear: Tensor) -> tuple[Tensor | None, ...]:
        new = a + square(g)
        root, old_root = power(new, -learning_rate_power), power(a, -learning_rate_power)
        shrunk = g + 2 * shrinkage * p
        linear = linear + shrunk - (root - old_root) / rate.beside(p) * p
        quadratic = root / rate.beside(p) + 2 * (l2 + beta / (2.0 * rate.beside(p)))
        clipped = maximum(minimum(linear, l1), -l1)
        return (clipped - linear) / quadratic, new, linear

    return _each(update, parameters, gradients, accumulators, linears)


@op(dtypes=spec.each)
def lion_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    learning_rate: Tensor,
    beta_1: float,
    beta_2: float,
) -> Lists:
    """Lion: steps of the learning rate in the direction of a momentum's sign.

    Returns:
        The new weights and momentums.
    """
    rate = Scalar(learning_rate)

    def update(p: Tensor, g: Tensor, m: Tensor) -> tuple[Tensor | None, ...]:
        direction = sign(m * beta_1 + g * (1 - beta_1))
        return p - rate.beside(p) * direction, m * beta_2 + g * (1 - beta_2)

    return _each(update, parameters, gradients, momentums)


@op(dtypes=spec.each)
def lamb_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    velocities: Sequence[Tensor],
    learning_rate: Tensor,
    step: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> Lists:
    """LAMB: the step of Adam, scaled to the norm of each weight.

    Returns:
        The new weights, momentums and velocities.
    """
    t = precise(step, parameters)
    of_momentum, of_velocity = Scalar(1.0 - power(beta_1, t)), Scalar(1.0 - power(beta_2, t))
    rate = Scalar(learning_rate)

    def update(p: Tensor, g: Tensor, m: Tensor, v: Tensor) -> tuple[Tensor | None, ...]:
        m = m + (g - m) * (1 - beta_1)
        v = v + (square(g) - v) * (1 - beta_2)
        change = m / of_momentum.beside(p) / (sqrt(v / of_velocity.beside(p)) + epsilon)
        norm, length = sqrt(_square_sum(p)), sqrt(_square_sum(change))
        both = logical_and(norm > 0, length > 0)
        ratio = Scalar(where(both, norm / where(both, length, 1.0), 1.0))
        return p - ratio.beside(p) * rate.beside(p) * change, m, v

    return _each(update, parameters, gradients, momentums, velocities)


@op(dtypes=spec.each)
def adafactor_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    rows: Sequence[Tensor],
    columns: Sequence[Tensor],
    velocities: Sequence[Tensor],
    learning_rate: Tensor,
    step: Tensor,
    beta_2_decay: float,
    epsilon_1: float,
    epsilon_2: float,
    clip_threshold: float,
) -> Lists:
    """Adafactor: mean squares of matrices kept as their means over rows and columns.

    Weights of fewer than two axes leave their ``rows`` and ``columns`` as they are.

    Returns:
        The new weights, rows, columns and velocities.
    """
    t = precise(step, parameters)
    largest = 1.0 / sqrt(t)
    rate = minimum(precise(learning_rate, parameters), largest)
    stays = Scalar(1.0 - power(t, beta_2_decay))
    scale = Scalar(rate)

    def update(p: Tensor, g: Tensor, r: Tensor, c: Tensor, v: Tensor) -> tuple[Tensor | None, ...]:
        beta = stays.beside(p)
        squares = square(g) + epsilon_1
        if len(p.shape) >= 2:
            r = beta * r + (1 - beta) * mean(squares, -1)
            c = beta * c + (1 - beta) * mean(squares, -2)
            v = expand_dims(r / mean(r, -1, True), -1) * expand_dims(c, -2)
        else:
            v = beta * v + (1 - beta) * squares
        change = g / sqrt(v)
        change = change / maximum(_root_mean_square(change) / clip_threshold, 1.0)
        alpha = maximum(_root_mean_square(p), epsilon_2) * scale.beside(p)
        return p - alpha * change, r, c, v

    return _each(update, parameters, gradients, rows, columns, velocities)


def _root_mean_square(x: Tensor) -> Tensor:
    return sqrt(mean(square(x)))


@op(dtypes=spec.each)
def muon_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    learning_rate: Tensor,
    momentum: float,
    nesterov: bool,
    coefficients: tuple[float, float, float],
    iterations: int,
    rms_rate: float | None,
) -> Lists:
    """Muon: momentums of matrices, made nearly orthogonal by Newton and Schulz's iteration.

    Returns:
        The new weights and momentums.
    """
    rate = Scalar(learning_rate)

    def update(p: Tensor, g: Tensor, m: Tensor) -> tuple[Tensor | None, ...]:
        m = m + (g + m * (momentum - 1))
        direction = orthogonalized(g + momentum * m if nesterov else m, coefficients, iterations)
        scale = 1.0 if rms_rate is None else math.sqrt(max(p.shape)) * rms_rate
        return p - rate.beside(p) * direction * scale, m

    return _each(update, parameters, gradients, momentums)


def orthogonalized(x: Tensor, coefficients: tuple[float, float, float], iterations: int) -> Tensor:
    """A matrix with its singular values moved near to one."""
    a, b, c = coefficients
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = swapaxes(x, -2, -1)
    x = x / (sqrt(total(square(x), (-2, -1), True)) + 1e-7)
    for _ in range(iterations):
        square_of_x = matmul(x, swapaxes(x, -2, -1))
        x = a * x + matmul(b * square_of_x + c * matmul(square_of_x, square_of_x), x)
    return swapaxes(x, -2, -1) if tall else x


@op(dtypes=spec.each)
def schedule_free_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    velocities: Sequence[Tensor],
    learning_rate: Tensor,
    step: Tensor,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    warmup_steps: int,
) -> Lists:
    """Schedule-free AdamW: weights between where steps lead (the momentums) and the mean of all such places.

    Returns:
        The new weights, momentums and velocities.
    """
    t = precise(step, parameters)
    learning_rate = precise(learning_rate, parameters)
    if warmup_steps > 0:
        learning_rate = learning_rate * minimum(t / warmup_steps, 1.0)
    rate, correction, share = Scalar(learning_rate), Scalar(1.0 - power(beta_2, t)), Scalar(1.0 / t)

    def update(p: Tensor, g: Tensor, z: Tensor, v: Tensor) -> tuple[Tensor | None, ...]:
        x = (p - (1 - beta_1) * z) / beta_1
        v = v + (square(g) - v) * (1 - beta_2)
        z = z - rate.beside(p) * g / (sqrt(v / correction.beside(p)) + epsilon)
        x = (1 - share.beside(p)) * x + share.beside(p) * z
        return (1 - beta_1) * z + beta_1 * x, z, v

    return _each(update, parameters, gradients, momentums, velocities)


# -------------------------------------------------------------------------------- around the rules


@op(dtypes=spec.each)
def decay_step(
    parameters: Sequence[Tensor], learning_rate: Tensor, weight_decay: float
) -> list[Tensor]:
    """Weights made smaller by ``learning_rate * weight_decay`` of themselves."""
    amount = Scalar(learning_rate * weight_decay)
    return [p - p * amount.beside(p) for p in parameters]


@op(dtypes=spec.each)
def average_step(
    averages: Sequence[Tensor], parameters: Sequence[Tensor], momentum: Tensor
) -> list[Tensor]:
    """Exponential moving averages of weights, a step further."""
    stays = Scalar(momentum)
    return [
        stays.beside(p) * average + (1 - stays.beside(p)) * p
        for average, p in zip(averages, parameters, strict=True)
    ]


def _square_sum(g: Tensor) -> Tensor:
    """The square of a norm, in float32 at least."""
    return total(square(g if dtype_of(g) in ("float32", "float64") else cast(g, "float32")))


@op(dtypes=spec.each)
def clip_norms(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """Each gradient made shorter where its norm is larger than the limit."""
    factors = [limit / maximum(sqrt(_square_sum(g)), limit) for g in gradients]
    return [g * Scalar(factor).beside(g) for g, factor in zip(gradients, factors, strict=True)]


@op(dtypes=spec.each)
def clip_global_norm(gradients: Sequence[Tensor], limit: float) -> list[Tensor]:
    """All gradients made shorter alike where their norm together is larger than the limit.

    All are NaN where that norm is not finite.
    """
    squares = [_square_sum(g) for g in gradients]
    norm = sqrt(total(stack([precise(each, gradients) for each in squares])))
    factor = Scalar(where(isfinite(norm), limit / maximum(norm, limit), float("nan")))
    return [g * factor.beside(g) for g in gradients]


@op(dtypes=spec.each)
def all_finite(gradients: Sequence[Tensor]) -> Tensor:
    """Is every entry of every gradient finite?"""
    return all_of(finite_each(gradients))
