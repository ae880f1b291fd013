"""Learning rates that depend on the number of the step: ``polynet.optimizers.schedules``.

A schedule is called with the number of steps done, a tensor, and computes the learning rate by ops, so that it is a
part of a compiled step.  Optimizers are in ``rules.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from polynet import config, configurable, ops
from polynet.configurable import Configurable
from polynet.tensor import Tensor

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule(Configurable):
    """The base of schedules: ``__call__`` gives the learning rate for a number of steps.

    Example:
        >>> import polynet
        >>> class Halving(polynet.optimizers.schedules.LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.5 ** polynet.ops.cast(step, "float32")
        >>> optimizer = polynet.optimizers.SGD(Halving())
        >>> float(optimizer.learning_rate)
        1.0
    """

    def __call__(self, step: Tensor) -> Any:
        """The learning rate after ``step`` steps."""
        raise NotImplementedError(f"{type(self).__name__}: write __call__(self, step).")


def _count(schedule: LearningRateSchedule, name: str, value: Any) -> Any:
    """A number of steps that something is divided by."""
    if value <= 0:
        raise ValueError(f"{type(schedule).__name__}: {name}: expected more than 0; got {value}.")
    return value


def _floating(x: Tensor) -> Any:
    return ops.cast(x, config.floatx())


class ExponentialDecay(LearningRateSchedule):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``.

    Args:
        staircase: leave out the fraction of ``step / decay_steps``?

    Example:
        >>> from polynet.optimizers import schedules
        >>> float(schedules.ExponentialDecay(8.0, decay_steps=10, decay_rate=0.5)(20))
        2.0
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _count(self, "decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        """The learning rate after ``step`` steps."""
        periods = _floating(step) / self.decay_steps
        if self.staircase:
            periods = ops.floor(periods)
        return self.initial_learning_rate * ops.power(self.decay_rate, periods)


class InverseTimeDecay(LearningRateSchedule):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

    Args:
        staircase: leave out the fraction of ``step / decay_steps``?

    Example:
        >>> from polynet.optimizers import schedules
        >>> float(schedules.InverseTimeDecay(8.0, decay_steps=10, decay_rate=1.5)(20))
        2.0
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _count(self, "decay_steps", decay_steps)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        """The learning rate after ``step`` steps."""
        periods = _floating(step) / self.decay_steps
        if self.staircase:
            periods = ops.floor(periods)
        return self.initial_learning_rate / (1.0 + self.decay_rate * periods)


class PolynomialDecay(LearningRateSchedule):
    """From ``initial_learning_rate`` to ``end_learning_rate`` along ``(1 - step / decay_steps) ** power``.

    Args:
        cycle: begin anew, over longer and longer times, instead of staying at the end?

    Example:
        >>> from polynet.optimizers import schedules
        >>> float(schedules.PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)(5))
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _count(self, "decay_steps", decay_steps)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        """The learning rate after ``step`` steps."""
        step = _floating(step)
        length: Any = self.decay_steps
        if self.cycle:
            length = length * ops.maximum(ops.ceil(step / self.decay_steps), 1.0)
        else:
            step = ops.minimum(step, float(length))
        left = ops.power(ops.maximum(1.0 - step / length, 0.0), float(self.power))
        return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate


class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[i]`` up to and including the step ``boundaries[i]``; the last value after all of them.

    Example:
        >>> from polynet.optimizers import schedules
        >>> schedule = schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.25])
        >>> [float(schedule(step)) for step in (10, 11, 21)]
        [1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"PiecewiseConstantDecay: values: expected one more than the {len(boundaries)} boundaries; "
                f"got {len(values)}."
            )
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        """The learning rate after ``step`` steps."""
        step = ops.convert_to_tensor(step)
        rate = _floating(self.values[-1])
        for boundary, value in zip(
            reversed(self.boundaries), reversed(self.values[:-1]), strict=True
        ):
            rate = ops.where(step <= boundary, float(value), rate)
        return rate


class CosineDecay(LearningRateSchedule):
    """Half a wave of the cosine down to ``alpha`` of the learning rate, after a linear warm-up if one is asked for.

    Args:
        alpha: the last learning rate as a part of the one from which it decays.
        warmup_target: the learning rate that the warm-up goes to, and the decay begins at.
        warmup_steps: the length of the warm-up, before the ``decay_steps``.

    Example:
        >>> from polynet.optimizers import schedules
        >>> schedule = schedules.CosineDecay(0.0, decay_steps=10, warmup_target=1.0, warmup_steps=4)
        >>> [float(schedule(step)) for step in (0, 2, 4, 14)]
        [0.0, 0.5, 1.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _count(self, "decay_steps", decay_steps)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Tensor) -> Any:
        """The learning rate after ``step`` steps."""
        step = _floating(step)
        if self.warmup_target is None:
            return self.initial_learning_rate * self._decayed(step)
        if not self.warmup_steps:
            return self.warmup_target * self._decayed(step)
        rise = self.warmup_target - self.initial_learning_rate
        warm = rise * (step / self.warmup_steps) + self.initial_learning_rate
        after = self.warmup_target * self._decayed(step - self.warmup_steps)
        return ops.where(step < self.warmup_steps, warm, after)

    def _decayed(self, step: Any) -> Any:
        done = ops.minimum(step, float(self.decay_steps)) / self.decay_steps
        return (1 - self.alpha) * (0.5 * (1.0 + ops.cos(math.pi * done))) + self.alpha


class CosineDecayRestarts(LearningRateSchedule):
    """``CosineDecay`` again and again, each time ``t_mul`` times as long, from ``m_mul`` times the learning rate.

    Args:
        first_decay_steps: the length of the first decay.
        alpha: the smallest learning rate as a part of the first one.

    Example:
        >>> from polynet.optimizers import schedules
        >>> schedule = schedules.CosineDecayRestarts(1.0, first_decay_steps=10, m_mul=0.5)
        >>> [float(schedule(step)) for step in (0, 10, 30)]
        [1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _count(self, "first_decay_steps", first_decay_steps)
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Tensor) -> Any:
        """The learning rate after ``step`` steps."""
        done = _floating(step) / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = ops.floor(done)
            done = done - restarts
        else:
            # the number of whole periods of a geometric series; a logarithm may fall a little short of it
            exact = ops.log(1.0 + done * (self.t_mul - 1.0)) / math.log(self.t_mul)
            restarts = ops.floor(exact + 1e-6)
            length = ops.power(self.t_mul, restarts)
            done = (done - (length - 1.0) / (self.t_mul - 1.0)) / length
        wave = 0.5 * ops.power(self.m_mul, restarts) * (1.0 + ops.cos(math.pi * done))
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)


def serialize(learning_rate_schedule: LearningRateSchedule) -> Any:
    """The description of a schedule.

    Example:
        >>> from polynet.optimizers import schedules
        >>> schedules.serialize(schedules.CosineDecay(0.1, 10))["class_name"]
        'CosineDecay'
    """
    return configurable.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A schedule from its description.

    Example:
        >>> from polynet.optimizers import schedules
        >>> description = schedules.serialize(schedules.CosineDecay(0.1, 10))
        >>> schedules.deserialize(description).decay_steps
        10
    """
    return configurable.deserialize(config, custom_objects, "optimizers.schedules")
