"""The arithmetic of optimizers: one op updates a whole list of weights, so that a library may do all of them at once.

Each op takes lists of tensors (weights, gradients, what an optimizer remembers of each weight), the learning rate and,
where the rule needs it, the number of the step (1 for the first), and returns the lists of new values.  The scalar
work of a step is done once for each dtype, in float32 at least.  Names, defaults and variables are in
``polynet/optimizers``; these ops have no public names in ``polynet.ops``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polynet import spec
from polynet.op import op
from polynet.ops.elementwise import square
from polynet.ops.primitives import cast, isfinite, maximum, power, sqrt, stack, where
from polynet.ops.primitives import sum as total
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


# ------------------------------------------------------------------------------------------ rules


@op(dtypes=spec.each)
def sgd_step(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    momentums: Sequence[Tensor],
    learning_rate: Tensor,
    momentum: float,
    nesterov: bool,
) -> Lists:
    """Stochastic gradient descent; without a momentum the list of momentums is empty.

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
) -> Lists:
    """Adam; with a list of peaks, the largest velocities so far, it is AMSGrad.

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
) -> Lists:
    """RMSprop; the lists of momentums and of average gradients may be empty.

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
