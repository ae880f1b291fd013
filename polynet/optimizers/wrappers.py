"""Optimizers that stand before others: dynamic scaling of the loss, and several optimizers for parts of a model.

No weight is updated here; the rules are in ``rules.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Self

from polynet import ops, patterns
from polynet.configurable import Configurable, custom_object_scope, deserialize, serialize
from polynet.ops import updates
from polynet.optimizers.optimizer import Optimizer
from polynet.tensor import Tensor, plain
from polynet.variable import Variable

_NOT_SUPPORTED = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "dynamic": True,
}
"""Arguments that descriptions of a ``LossScaleOptimizer`` may have, with the only value that is taken."""


class LossScaleOptimizer(Optimizer):
    """Scales the loss up against underflow of gradients in half precision, as far as they stay finite.

    A step whose gradients are not finite is left out, and the scale is halved; after a number of finite steps it is
    doubled.

    Args:
        inner_optimizer: the optimizer that updates the weights.
        initial_scale: what the loss is multiplied by at first.
        dynamic_growth_steps: after how many finite steps the scale is doubled.
        name: the first part of the variables' paths.

    Example:
        >>> import polynet
        >>> weight = polynet.Variable([1.0])
        >>> optimizer = polynet.optimizers.LossScaleOptimizer(polynet.optimizers.SGD(0.5), initial_scale=4.0)
        >>> optimizer.apply([[float("inf")]], [weight])
        >>> float(optimizer.scale_loss(1.0))
        2.0
        >>> optimizer.apply([[2.0]], [weight])
        >>> weight.numpy()
        array([0.5], dtype=float32)
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        for argument, only in _NOT_SUPPORTED.items():
            if kwargs.pop(argument, only) != only:
                raise ValueError(
                    f"LossScaleOptimizer: {argument} is not an argument of it; give it to the inner_optimizer."
                )
        if not isinstance(inner_optimizer, Optimizer):
            raise TypeError(
                f"LossScaleOptimizer: inner_optimizer: expected an optimizer; got {type(inner_optimizer).__name__}."
            )
        super().__init__(0.0, name=name, **kwargs)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None  # or gradients would be divided twice

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the scale and the count of finite steps, and build the inner optimizer."""
        if self.built:
            return
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), lambda shape, dtype: self.initial_scale, "float32", name="dynamic_scale"
        )
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's own variables, then those of the inner one."""
        return [*self._variables, *self.inner_optimizer.variables]

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self) -> Any:
        """The number of updates so far; steps left out do not count."""
        return self.inner_optimizer.iterations

    def apply(
        self, grads: Sequence[Tensor | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Update the variables by the gradients of a scaled loss, unless one of them is not finite."""
        if not len(grads):
            return
        variables = self._known(grads, trainable_variables)
        gradients = [g if g is None else plain(ops.convert_to_tensor(g)) for g in grads]

        def finite() -> None:
            scale = plain(self.dynamic_scale)
            unscaled = [  # in float32 at least, which the scale is of: it may be infinite in float16
                g if g is None or variable.overwrite_with_gradient else g / scale
                for g, variable in zip(gradients, variables, strict=True)
            ]
            self.inner_optimizer.apply(unscaled, variables)
            count = plain(self.step_counter) + 1
            grows = ops.equal(count, self.dynamic_growth_steps)
            self.step_counter.assign(ops.where(grows, 0, count))
            self.dynamic_scale.assign(ops.where(grows, scale * 2.0, scale))

        def not_finite() -> None:
            self.step_counter.assign(0)
            self.dynamic_scale.assign(plain(self.dynamic_scale) * 0.5)

        present = [g for g in gradients if g is not None]
        ops.cond(updates.all_finite(present), finite, not_finite)

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss multiplied by the current scale."""
        return loss * (plain(self.dynamic_scale) if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Give the variables the values that training ends with."""
        self.inner_optimizer.finalize_variable_values(var_list)


class OptimizerMap(Configurable, MutableMapping[str, Optimizer]):
    """Which optimizer is for which variable: patterns of whole paths, and one for all the rest.

    Args:
        default_optimizer: for the variables that no pattern fits.
        optimizer_map: optimizers by the path, or by a regular expression for paths.

    Example:
        >>> from polynet import optimizers
        >>> chosen = optimizers.OptimizerMap(optimizers.Adam(), {"encoder/.*": optimizers.SGD()})
        >>> type(chosen["encoder/dense/kernel"]).__name__, type(chosen["decoder/kernel"]).__name__
        ('SGD', 'Adam')
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None
    ) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                f"OptimizerMap: default_optimizer: expected an optimizer; got {type(default_optimizer).__name__}."
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(
                f"OptimizerMap: optimizer_map: expected a dict; got {type(optimizer_map).__name__}."
            )
        self._default_optimizer = default_optimizer
        self._optimizers: dict[str, Optimizer] = {}
        for pattern, optimizer in (optimizer_map or {}).items():
            self[pattern] = optimizer

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer for the variables that no pattern fits."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizers:
            return self._optimizers[key]
        fitting = [pattern for pattern in self._optimizers if patterns.is_fitting(pattern, key)]
        if len(fitting) > 1:
            raise ValueError(
                f"OptimizerMap: several patterns fit {key!r}: {', '.join(fitting)}. Let one fit only."
            )
        return self._optimizers[fitting[0]] if fitting else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"OptimizerMap: expected a path or pattern; got {type(key).__name__}.")
        if key in self._optimizers:
            raise ValueError(f"OptimizerMap: {key!r} has an optimizer already; delete it first.")
        self._optimizers[key] = _single(optimizer, f"OptimizerMap: {key!r}")

    def __delitem__(self, key: str) -> None:
        del self._optimizers[key]

    def __len__(self) -> int:
        return len(self._optimizers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizers)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer for a variable, by its path."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The optimizers, as data that JSON can hold."""
        return {
            "default_optimizer": serialize(self._default_optimizer),
            "optimizer_map": serialize(self._optimizers),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A map from what ``get_config`` gave."""
        with custom_object_scope(custom_objects or {}):
            return cls(**{name: deserialize(value) for name, value in config.items()})


def _single(optimizer: Any, what: str) -> Optimizer:
    """An optimizer that may be one of several."""
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"{what}: expected an optimizer; got {type(optimizer).__name__}.")
    if isinstance(optimizer, LossScaleOptimizer | MultiOptimizer):
        raise ValueError(
            f"{what}: a {type(optimizer).__name__} cannot be one of several optimizers; put it around them."
        )
    return optimizer


class MultiOptimizer(Optimizer):
    """Several optimizers for the variables of one model.

    Args:
        optimizer_map: an ``OptimizerMap``, or a function from a variable to its optimizer.
        loss_scale_factor: takes the place of that of each optimizer.
        name: the first part of the variables' paths.

    Example:
        >>> import polynet
        >>> from polynet import optimizers
        >>> chosen = optimizers.OptimizerMap(optimizers.SGD(1.0), {"bias": optimizers.SGD(0.5)})
        >>> optimizer = optimizers.MultiOptimizer(chosen)
        >>> kernel, bias = (polynet.Variable([1.0], name=name) for name in ("kernel", "bias"))
        >>> optimizer.apply([[1.0], [1.0]], [kernel, bias])
        >>> float(kernel.numpy()[0]), float(bias.numpy()[0])
        (0.0, 0.5)
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        if not callable(optimizer_map):
            raise TypeError(
                f"MultiOptimizer: optimizer_map: expected an OptimizerMap or a function from a variable to an "
                f"optimizer; got {type(optimizer_map).__name__}."
            )
        self._chosen = optimizer_map
        self._optimizers: list[Optimizer] = []
        self._numbers: dict[int, int] = {}
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._number(optimizer)

    def _number(self, optimizer: Optimizer) -> int:
        """The place of an optimizer among those in use, to which it is added."""
        for number, known in enumerate(self._optimizers):
            if known is optimizer:
                return number
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._optimizers.append(optimizer)
        return len(self._optimizers) - 1

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers in use."""
        return list(self._optimizers)

    def build(self, variables: Sequence[Variable]) -> None:
        """Choose an optimizer for each variable, and build them."""
        if self.built:
            return
        variables = list(variables)
        numbers = [
            self._number(_single(self._chosen(v), f"MultiOptimizer: {v.path!r}")) for v in variables
        ]
        for number, optimizer in enumerate(self._optimizers):
            own = [v for v, chosen in zip(variables, numbers, strict=True) if chosen == number]
            if own:
                optimizer.build(own)
        self._numbers = {id(v): number for v, number in zip(variables, numbers, strict=True)}
        super().build(variables)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        numbers = self._numbers.values()
        self._numbers = {id(v): n for v, n in zip(self._trainable, numbers, strict=True)}

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's own variables, then those of each optimizer."""
        return [*self._variables, *(v for each in self._optimizers for v in each.variables)]

    @property
    def learning_rate(self) -> Any:
        """There is none; each optimizer has its own."""
        raise AttributeError(_NO_RATE)

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        raise AttributeError(_NO_RATE)

    @property
    def loss_scale_factor(self) -> float | None:
        """What the loss is multiplied by, and the gradients are divided by, in each optimizer."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, factor: float | None) -> None:
        self._loss_scale_factor = factor
        for optimizer in self.__dict__.get("_optimizers", ()):
            optimizer.loss_scale_factor = factor

    def apply(
        self, grads: Sequence[Tensor | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Update the variables by their gradients, each by its optimizer."""
        if not len(grads):
            return
        variables = self._known(grads, trainable_variables)
        parts: list[list[tuple[Any, Variable]]] = [[] for _ in self._optimizers]
        for g, variable in zip(grads, variables, strict=True):
            parts[self._numbers[id(variable)]].append((g, variable))
        for optimizer, pairs in zip(self._optimizers, parts, strict=True):
            if pairs:
                optimizer.apply([g for g, _ in pairs], [variable for _, variable in pairs])
        self._count_step()

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Give the variables the values that training ends with."""
        for number, optimizer in enumerate(self._optimizers):
            own = [variable for variable in var_list if self._numbers[id(variable)] == number]
            if own:
                optimizer.finalize_variable_values(own)


_NO_RATE = "MultiOptimizer: there is no learning rate of all optimizers; each of optimizer.optimizers has its own."
