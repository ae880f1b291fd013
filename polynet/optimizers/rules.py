"""The optimizers: what each remembers of a weight, and by which op it updates all weights.

A rule names its variables in ``build`` and calls one op of ``polynet/ops/updates.py`` in ``_update``; what surrounds
it (clipping, weight decay, averages, saving) is in ``optimizer.py``.  No arithmetic on weights is done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from polynet.ops import updates
from polynet.optimizers.optimizer import (
    Optimizer,
    Options,
    OptionsBesideDecay,
    Rate,
    takes_options,
)
from polynet.tensor import Tensor
from polynet.variable import Variable

Slots = Sequence[Variable | None]
"""What a rule remembers: one variable for each weight, or none at all."""


class SGD(Optimizer):
    """Stochastic gradient descent: ``w -= learning_rate * g``.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        momentum: how much of the last step is added to the next one, from 0 to 1.
        nesterov: use the gradient as if that step had been taken already?
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> polynet.optimizers.SGD(0.5).apply([[1.0, -1.0]], [weight])
        >>> weight.numpy()
        array([0.5, 2.5], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if isinstance(momentum, bool) or not isinstance(momentum, float | int):
            raise ValueError(
                f"SGD: momentum: expected a float from 0 to 1; got {type(momentum).__name__}."
            )
        if not 0 <= momentum <= 1:
            raise ValueError(f"SGD: momentum: expected a float from 0 to 1; got {momentum}.")
        self.momentum = momentum
        self.nesterov = nesterov
        self.momentums: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a momentum for each weight, if there is one."""
        if self.built:
            return
        super().build(variables)
        if self.momentum:
            self.momentums = self.add_optimizer_variables(variables, "momentum")

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self.momentums]
        settings = (self.momentum, self.nesterov)
        self._run(updates.sgd_step, gradients, variables, slots, learning_rate, *settings)


class Adam(Optimizer):
    """Steps of about the learning rate: the mean of gradients divided by the root of the mean of their squares.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: how much of the mean of gradients stays in a step.
        beta_2: how much of the mean of their squares stays.
        epsilon: is added to the divisor.
        amsgrad: divide by the largest mean of squares so far?
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> polynet.optimizers.Adam(0.5).apply([[1.0, -0.01]], [weight])
        >>> weight.numpy().round(3)
        array([0.5, 2.5], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self._momentums: Slots = []
        self._velocities: Slots = []
        self._velocity_hats: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a momentum and a velocity for each weight, and its largest velocity for AMSGrad."""
        if self.built:
            return
        super().build(variables)
        names = ["momentum", "velocity"]
        self._momentums, self._velocities = self.add_optimizer_variables(variables, names)
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat")

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._momentums, self._velocities, self._velocity_hats]
        settings = (self._step(), self.beta_1, self.beta_2, self.epsilon)
        self._run(updates.adam_step, gradients, variables, slots, learning_rate, *settings)


class AdamW(Adam):
    """``Adam`` with weight decay apart from the gradients.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: each step makes weights smaller by ``learning_rate * weight_decay`` of themselves.
        beta_1: how much of the mean of gradients stays in a step.
        beta_2: how much of the mean of their squares stays.
        epsilon: is added to the divisor.
        amsgrad: divide by the largest mean of squares so far?
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([100.0])
        >>> polynet.optimizers.AdamW(0.5, weight_decay=0.02).apply([[0.0]], [weight])
        >>> weight.numpy()
        array([99.], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **options: Unpack[OptionsBesideDecay],
    ) -> None:
        if weight_decay is None:
            raise ValueError("AdamW: weight_decay: expected a float; got None. Use Adam instead.")
        settings = (beta_1, beta_2, epsilon, amsgrad)
        super().__init__(learning_rate, *settings, weight_decay=weight_decay, **options)


class RMSprop(Optimizer):
    """Gradients divided by the root of the mean of their squares.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        rho: how much of the mean of squares stays in a step.
        momentum: how much of the last step is added to the next one.
        epsilon: is added under the root.
        centered: divide by an estimate of the standard deviation instead?
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> polynet.optimizers.RMSprop(0.5, rho=0.75).apply([[1.0, -3.0]], [weight])
        >>> weight.numpy().round(3)
        array([0., 3.], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        self._velocities: Slots = []
        self._momentums: Slots = []
        self._average_gradients: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a velocity for each weight; a momentum and an average gradient where they are used."""
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        if self.momentum > 0:
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self._average_gradients = self.add_optimizer_variables(variables, "average_gradient")

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._velocities, self._momentums, self._average_gradients]
        settings = (self.rho, self.momentum, self.epsilon)
        self._run(updates.rmsprop_step, gradients, variables, slots, learning_rate, *settings)
