"""The optimizers: what each remembers of a weight, and by which op it updates all weights.

A rule names its variables in ``build`` and calls one op of ``polynet/ops/updates.py`` in ``_update``; what surrounds
it (clipping, weight decay, averages, saving) is in ``optimizer.py``.  No arithmetic on weights is done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from polynet import patterns
from polynet.initializers import Constant
from polynet.ops import updates
from polynet.optimizers.optimizer import (
    Optimizer,
    Options,
    OptionsBesideDecay,
    Rate,
    takes_options,
)
from polynet.tensor import Tensor, plain
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
        self.momentum = _share(self, "momentum", momentum)
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
        self.beta_1 = _share(self, "beta_1", beta_1)
        self.beta_2 = _share(self, "beta_2", beta_2)
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
        self.rho = _share(self, "rho", rho)
        self.momentum = _share(self, "momentum", momentum)
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


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of their squares so far.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        initial_accumulator_value: what that sum begins with.
        epsilon: is added under the root.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> polynet.optimizers.Adagrad(0.5, initial_accumulator_value=0.0).apply([[3.0, -9.0]], [weight])
        >>> weight.numpy().round(3)
        array([0.5, 2.5], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon
        self._accumulators_of_squares: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make an accumulator for each weight."""
        if self.built:
            return
        super().build(variables)
        self._accumulators_of_squares = self.add_optimizer_variables(
            variables, "accumulator", Constant(self.initial_accumulator_value)
        )

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._accumulators_of_squares]
        self._run(updates.adagrad_step, gradients, variables, slots, learning_rate, self.epsilon)


class Adadelta(Optimizer):
    """Steps whose size follows that of the steps before, without a learning rate to tune.

    Args:
        learning_rate: a number, a schedule, or a function without arguments; 1.0 is that of the original.
        rho: how much of the mean squares of gradients and of steps stays.
        epsilon: is added under the roots.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0])
        >>> polynet.optimizers.Adadelta(1.0, rho=0.75, epsilon=0.25).apply([[1.0]], [weight])
        >>> weight.numpy().round(3)
        array([0.293], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = _share(self, "rho", rho)
        self.epsilon = epsilon
        self._accumulated_grads: Slots = []
        self._accumulated_delta_vars: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the mean squares of gradients and of steps for each weight."""
        if self.built:
            return
        super().build(variables)
        names = ["accumulated_grad", "accumulated_delta_var"]
        both = self.add_optimizer_variables(variables, names)
        self._accumulated_grads, self._accumulated_delta_vars = both

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._accumulated_grads, self._accumulated_delta_vars]
        settings = (self.rho, self.epsilon)
        self._run(updates.adadelta_step, gradients, variables, slots, learning_rate, *settings)


class Adamax(Optimizer):
    """``Adam`` with the largest gradient, forgotten by and by, in the place of the mean of squares.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: how much of the mean of gradients stays in a step.
        beta_2: how much of the largest gradient stays.
        epsilon: is added to the divisor.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> polynet.optimizers.Adamax(0.5).apply([[1.0, -0.01]], [weight])
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
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = _share(self, "beta_1", beta_1)
        self.beta_2 = _share(self, "beta_2", beta_2)
        self.epsilon = epsilon
        self._momentums: Slots = []
        self._norms: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a momentum and a norm for each weight."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._norms = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._momentums, self._norms]
        settings = (self._step(), self.beta_1, self.beta_2, self.epsilon)
        self._run(updates.adamax_step, gradients, variables, slots, learning_rate, *settings)


class Nadam(Optimizer):
    """``Adam`` with Nesterov's momentum.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: how much of the mean of gradients stays in a step, in the end.
        beta_2: how much of the mean of their squares stays.
        epsilon: is added to the divisor.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> polynet.optimizers.Nadam(0.5).apply([[1.0, -0.01]], [weight])
        >>> weight.numpy().round(3)
        array([0.469, 2.531], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = _share(self, "beta_1", beta_1)
        self.beta_2 = _share(self, "beta_2", beta_2)
        self.epsilon = epsilon
        self._momentums: Slots = []
        self._velocities: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a momentum and a velocity for each weight, and the product of the momentum's factors."""
        if self.built:
            return
        super().build(variables)
        names = ["momentum", "velocity"]
        self._momentums, self._velocities = self.add_optimizer_variables(variables, names)
        dtype = variables[0].dtype if variables else None
        self._u_product = self.add_variable((), "ones", dtype, name="u_product")

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        step = self._step()
        product = updates.nadam_product(plain(self._u_product), step, self.beta_1)
        self._u_product.assign(product)
        slots = [self._momentums, self._velocities]
        settings = (step, product, self.beta_1, self.beta_2, self.epsilon)
        self._run(updates.nadam_step, gradients, variables, slots, learning_rate, *settings)


class Ftrl(Optimizer):
    """Follow the regularized leader: for large, sparse, shallow models, whose weights become exact zeros.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        learning_rate_power: how steps shrink with the sum of squares of gradients; 0 or less.
        initial_accumulator_value: what that sum begins with; 0 or more.
        l1_regularization_strength: the penalty on absolute weights.
        l2_regularization_strength: the penalty on squares of weights.
        l2_shrinkage_regularization_strength: a penalty on squares that the sum of squares of gradients leaves out.
        beta: makes the first steps smaller.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([0.0, 0.0])
        >>> optimizer = polynet.optimizers.Ftrl(0.5, l1_regularization_strength=0.125)
        >>> optimizer.apply([[1.0, 0.1]], [weight])
        >>> weight.numpy().round(3)
        array([-0.417,  0.   ], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if learning_rate_power > 0.0:
            raise ValueError(
                f"Ftrl: learning_rate_power: expected 0 or less; got {learning_rate_power}."
            )
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = _not_negative(
            "initial_accumulator_value", initial_accumulator_value
        )
        self.l1_regularization_strength = _not_negative(
            "l1_regularization_strength", l1_regularization_strength
        )
        self.l2_regularization_strength = _not_negative(
            "l2_regularization_strength", l2_regularization_strength
        )
        self.l2_shrinkage_regularization_strength = _not_negative(
            "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength
        )
        self.beta = beta
        self._accumulators_of_squares: Slots = []
        self._linears: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make an accumulator and a linear term for each weight."""
        if self.built:
            return
        super().build(variables)
        self._accumulators_of_squares, self._linears = self.add_optimizer_variables(
            variables,
            ["accumulator", "linear"],
            [Constant(self.initial_accumulator_value), "zeros"],
        )

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._accumulators_of_squares, self._linears]
        settings = (
            self.learning_rate_power,
            self.l1_regularization_strength,
            self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength,
            self.beta,
        )
        self._run(updates.ftrl_step, gradients, variables, slots, learning_rate, *settings)


def _share(optimizer: Optimizer, name: str, value: Any) -> Any:
    """A factor that says how much of something stays."""
    is_number = isinstance(value, float | int | np.floating) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        got = value if is_number else type(value).__name__
        raise ValueError(
            f"{type(optimizer).__name__}: {name}: expected a float from 0 to 1; got {got}."
        )
    return value


def _count(optimizer: Optimizer, name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(
            f"{type(optimizer).__name__}: {name}: expected an integer of 1 or more; got {value!r}."
        )
    return value


def _not_negative(name: str, value: float) -> float:
    if value < 0.0:
        raise ValueError(f"Ftrl: {name}: expected 0 or more; got {value}.")
    return value


class Lion(Optimizer):
    """Steps of the learning rate in the direction of a momentum's sign: a third to a tenth of Adam's learning rate.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: how much of the momentum is in the direction of a step, more than 0 and up to 1.
        beta_2: how much of the momentum stays.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> polynet.optimizers.Lion(0.5).apply([[1.0, -0.01]], [weight])
        >>> weight.numpy()
        array([0.5, 2.5], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        if not 0 < beta_1 <= 1:
            raise ValueError(
                f"Lion: beta_1: expected a number above 0 and up to 1; got {beta_1}. At 0 there is no momentum."
            )
        self.beta_1 = _share(self, "beta_1", beta_1)
        self.beta_2 = _share(self, "beta_2", beta_2)
        self._momentums: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a momentum for each weight."""
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._momentums]
        settings = (self.beta_1, self.beta_2)
        self._run(updates.lion_step, gradients, variables, slots, learning_rate, *settings)


class Lamb(Optimizer):
    """``Adam`` for large batches: each step is scaled to the norm of its weight.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: how much of the mean of gradients stays in a step.
        beta_2: how much of the mean of their squares stays.
        epsilon: is added to the divisor.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([3.0, 4.0])
        >>> polynet.optimizers.Lamb(0.1).apply([[1.0, -1.0]], [weight])
        >>> weight.numpy().round(3)
        array([2.646, 4.354], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = _share(self, "beta_1", beta_1)
        self.beta_2 = _share(self, "beta_2", beta_2)
        self.epsilon = epsilon
        self._momentums: Slots = []
        self._velocities: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a momentum and a velocity for each weight."""
        if self.built:
            return
        super().build(variables)
        names = ["momentum", "velocity"]
        self._momentums, self._velocities = self.add_optimizer_variables(variables, names)

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._momentums, self._velocities]
        settings = (self._step(), self.beta_1, self.beta_2, self.epsilon)
        self._run(updates.lamb_step, gradients, variables, slots, learning_rate, *settings)


class Adafactor(Optimizer):
    """Adam's steps in less memory: the mean squares of a matrix are those of its rows times those of its columns.

    Args:
        learning_rate: the largest one; steps get smaller as ``1 / sqrt(step)``. A number, a schedule or a function.
        beta_2_decay: how the mean of squares forgets less and less.
        epsilon_1: is added to squares of gradients.
        epsilon_2: the smallest root mean square of a weight that steps are scaled to.
        clip_threshold: the largest root mean square of a step before that.
        relative_step: is accepted and has no effect: steps always get smaller.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, -1.0])
        >>> polynet.optimizers.Adafactor(0.5).apply([[2.0, -0.01]], [weight])
        >>> weight.numpy().round(3)
        array([ 0.5, -0.5], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step
        self._rows: Slots = []
        self._columns: Slots = []
        self._velocities: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the means over rows and columns, of no use where a weight has none, and a velocity for each weight."""
        if self.built:
            return
        super().build(variables)
        made = [self._remembered(variable) for variable in variables]
        self._rows = [rows for rows, _, _ in made]
        self._columns = [columns for _, columns, _ in made]
        self._velocities = [velocity for _, _, velocity in made]

    def _remembered(self, variable: Variable) -> tuple[Variable | None, ...]:
        name, dtype, shape = variable.name, variable.dtype, variable.shape
        if len(shape) < 2:
            rows = self.add_variable((), dtype="int32", name=name)
            columns = self.add_variable((), dtype="int32", name=name)
        elif variable.overwrite_with_gradient:
            return None, None, None
        else:
            rows = self.add_variable(shape[:-1], dtype=dtype, name=name)
            columns = self.add_variable((*shape[:-2], shape[-1]), dtype=dtype, name=name)
        if variable.overwrite_with_gradient:
            return rows, columns, None
        return rows, columns, self.add_variable_from_reference(variable, "velocity")

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._rows, self._columns, self._velocities]
        settings = (
            self._step(),
            self.beta_2_decay,
            self.epsilon_1,
            self.epsilon_2,
            self.clip_threshold,
        )
        self._run(updates.adafactor_step, gradients, variables, slots, learning_rate, *settings)


class ScheduleFreeAdamW(Optimizer):
    """Adam without a schedule: weights that lie between where the steps lead and the mean of all such places.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: how near to that mean the weights are.
        beta_2: how much of the mean of squares of gradients stays.
        epsilon: is added to the divisor.
        warmup_steps: over how many steps the learning rate rises.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> polynet.optimizers.ScheduleFreeAdamW(0.5).apply([[1.0, -0.01]], [weight])
        >>> weight.numpy().round(3)
        array([0.5, 2.5], dtype=float32)
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = _share(self, "beta_1", beta_1)
        self.beta_2 = _share(self, "beta_2", beta_2)
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps
        self._momentums: Slots = []
        self._velocities: Slots = []

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a velocity for each weight, and the place where steps lead, at first the weight itself."""
        if self.built:
            return
        super().build(variables)
        names = ["momentum", "velocity"]
        self._momentums, self._velocities = self.add_optimizer_variables(variables, names)
        for momentum, variable in zip(self._momentums, variables, strict=True):
            if momentum is not None:
                momentum.assign(variable.value)

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        slots = [self._momentums, self._velocities]
        settings = (self._step(), self.beta_1, self.beta_2, self.epsilon, self.warmup_steps)
        self._run(updates.schedule_free_step, gradients, variables, slots, learning_rate, *settings)


class Muon(Optimizer):
    """Matrices by momentums made orthogonal; everything else, and embeddings, by ``AdamW``.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        adam_beta_1: ``beta_1`` of Adam.
        adam_beta_2: ``beta_2`` of Adam.
        adam_weight_decay: the weight decay of the weights that Adam updates.
        epsilon: ``epsilon`` of Adam.
        weight_decay: the weight decay of the matrices.
        exclude_layers: patterns of paths whose matrices Adam updates too.
        exclude_embeddings: does Adam update the matrices with "embedding" in their path?
        muon_a: the first coefficient of Newton and Schulz's iteration.
        muon_b: the second.
        muon_c: the third.
        adam_lr_ratio: Adam's learning rate as a multiple of the other one.
        momentum: how much of the momentum stays in a step.
        ns_steps: the number of those iterations.
        nesterov: use the gradient as if the step had been taken already?
        rms_rate: scale steps to this root mean square, so that Adam's learning rates fit; ``None``: do not.
        options: see ``Optimizer``.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([[1.0, 0.0], [0.0, 1.0]])
        >>> polynet.optimizers.Muon(0.1, rms_rate=None).apply([[[2.0, 0.0], [0.0, 2.0]]], [weight])
        >>> bool((weight.numpy().diagonal() < 0.95).all())
        True
    """

    @takes_options
    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        *,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **options: Unpack[OptionsBesideDecay],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.adam_beta_1 = _share(self, "adam_beta_1", adam_beta_1)
        self.adam_beta_2 = _share(self, "adam_beta_2", adam_beta_2)
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = _share(self, "momentum", momentum)
        self.ns_steps = _count(self, "ns_steps", ns_steps)
        self.nesterov = nesterov
        self.rms_rate = rms_rate
        self.momentums: Slots = []
        self.adam_velocities: Slots = []

    def _is_for_adam(self, variable: Variable) -> bool:
        if len(variable.shape) != 2:
            return True
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return True
        return any(patterns.found_in(pattern, variable.path) for pattern in self.exclude_layers)

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a momentum for each weight, and a velocity for those that Adam updates."""
        if self.built:
            return
        super().build(variables)
        momentums: list[Variable | None] = []
        velocities: list[Variable | None] = []
        for variable in variables:
            used = not variable.overwrite_with_gradient
            add = self.add_variable_from_reference
            momentums.append(add(variable, "momentum") if used else None)
            used = used and self._is_for_adam(variable)
            velocities.append(add(variable, "velocity") if used else None)
        self.momentums, self.adam_velocities = momentums, velocities

    def _decay(self, variables: Sequence[Variable], learning_rate: Any) -> None:
        decayed = [variable for variable in variables if self._is_decayed(variable)]
        for amount, by_adam in ((self.adam_weight_decay, True), (self.weight_decay, False)):
            if amount is not None:
                chosen = [v for v in decayed if self._is_for_adam(v) is by_adam]
                self._decay_by(chosen, amount, learning_rate)

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        parts: dict[bool, tuple[list[Tensor], list[Variable]]] = {True: ([], []), False: ([], [])}
        for g, variable in zip(gradients, variables, strict=True):
            part = parts[self._is_for_adam(variable)]
            part[0].append(g)
            part[1].append(variable)
        if parts[True][0]:
            rate = learning_rate * self.adam_lr_ratio
            slots: list[Slots] = [self.momentums, self.adam_velocities, []]
            adam = (self._step(), self.adam_beta_1, self.adam_beta_2, self.epsilon)
            self._run(updates.adam_step, *parts[True], slots, rate, *adam)
        if parts[False][0]:
            coefficients = (self.muon_a, self.muon_b, self.muon_c)
            muon = (self.momentum, self.nesterov, coefficients, self.ns_steps, self.rms_rate)
            self._run(updates.muon_step, *parts[False], [self.momentums], learning_rate, *muon)
