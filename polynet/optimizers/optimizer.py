"""The base of every optimizer: state, and all that surrounds a rule of updating weights.

That is: building, clipping, weight decay, loss scaling, accumulation of gradients, the average of weights, constraints,
saving.  Each is done by ops, with no decision on the value of a tensor, so that a step can be compiled.  The rules
themselves are in ``rules.py``, their arithmetic is in ``polynet/ops/updates.py``.
"""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Self, TypedDict, TypeVar

import numpy as np

from polynet import errors, ops, plugins
from polynet.backend import get_uid
from polynet.configurable import (
    Configurable,
    constructed_with,
    custom_object_scope,
    deserialize,
    serialize,
    snake_case,
)
from polynet.ops import updates
from polynet.optimizers.owning import all_owned
from polynet.optimizers.schedules import LearningRateSchedule
from polynet.tensor import Tensor, Traced, plain
from polynet.values import shape_of
from polynet.variable import StatelessScope, Variable, name_scope

Init = TypeVar("Init", bound=Callable[..., None])
Rate = float | LearningRateSchedule | Callable[[], Any]
"""A learning rate: a number, a schedule, or a function without arguments."""


class OptionsBesideDecay(TypedDict, total=False):
    """The arguments that every optimizer takes, but for the weight decay; ``Optimizer`` says what they mean."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Options(OptionsBesideDecay, total=False):
    """The arguments that every optimizer takes."""

    weight_decay: float | None


def takes_options(init: Init) -> Init:
    """Let a constructor with ``**options`` be called, and read by ``inspect``, as if each option was written out.

    The options follow its own parameters, in the order of ``Optimizer``; its keyword-only parameters follow them.
    """
    parameters = list(inspect.signature(init).parameters.values())
    own = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    last = [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in parameters if p.kind is p.KEYWORD_ONLY]
    common = [
        p
        for p in inspect.signature(Optimizer.__init__).parameters.values()
        if p.name in Options.__annotations__ and p.name not in {q.name for q in own}
    ]
    rest = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)
    signature = inspect.Signature([*own, *common, *last, rest])

    @functools.wraps(init)
    def spelled_out(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) >= len(own):
            bound = signature.bind(self, *args, **kwargs).arguments
            kwargs = {**bound.pop("kwargs", {}), **bound}
            self, args = kwargs.pop("self"), ()
        init(self, *args, **kwargs)

    spelled_out.__signature__ = signature  # type: ignore[attr-defined]
    return spelled_out  # type: ignore[return-value]


class Optimizer(Configurable):
    """The base of optimizers.

    A rule of your own derives from this class: ``build`` makes the variables it needs, and ``update_step`` assigns
    one weight.

    Args:
        learning_rate: a number, a schedule, or a function without arguments that gives the current one.
        weight_decay: each step makes weights smaller by ``learning_rate * weight_decay`` of themselves.
        clipnorm: the largest norm of each gradient.
        clipvalue: the largest absolute value of each entry of a gradient.
        global_clipnorm: the largest norm of all gradients together.
        use_ema: keep an exponential moving average of the weights?
        ema_momentum: how much of that average stays in a step.
        ema_overwrite_frequency: after how many steps the weights are replaced by their average; ``None``: only by
            ``finalize_variable_values``, which ``fit`` calls at its end.
        loss_scale_factor: the loss is multiplied by it, and the gradients are divided by it, against underflow.
        gradient_accumulation_steps: update once in so many steps, by the mean of their gradients.
        name: the first part of the variables' paths.

    Example:
        >>> import polynet
        >>> class SignDescent(polynet.Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         self.assign_sub(variable, learning_rate * polynet.ops.sign(gradient))
        >>> weight = polynet.Variable([1.0, 2.0])
        >>> SignDescent(learning_rate=0.5).apply([[0.1, -30.0]], [weight])
        >>> weight.numpy()
        array([0.5, 2.5], dtype=float32)
    """

    name: str
    built: bool
    _variables: list[Variable]
    _trainable: list[Variable]
    _excluded: tuple[Variable, ...]

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.__dict__["_variables"] = []
        _refuse_unknown(self, kwargs)
        clipping = {
            "clipnorm": clipnorm,
            "clipvalue": clipvalue,
            "global_clipnorm": global_clipnorm,
        }
        if sum(value is not None for value in clipping.values()) > 1:
            raise ValueError(
                f"{type(self).__name__}: expected at most one of clipnorm, clipvalue and global_clipnorm; "
                f"got {', '.join(f'{key}={value}' for key, value in clipping.items() if value is not None)}."
            )
        if gradient_accumulation_steps and not gradient_accumulation_steps >= 2:
            raise ValueError(
                f"{type(self).__name__}: gradient_accumulation_steps: expected an integer of at least 2, or None; "
                f"got {gradient_accumulation_steps}."
            )
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(
                f"{type(self).__name__}: ema_momentum: expected a number from 0 to 1; got {ema_momentum}."
            )
        if use_ema and ema_overwrite_frequency and not _is_count(ema_overwrite_frequency):
            raise ValueError(
                f"{type(self).__name__}: ema_overwrite_frequency: expected an integer of at least 1, or None; "
                f"got {ema_overwrite_frequency!r}."
            )
        self.name = name or _automatic_name(type(self))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False
        self._places: dict[int, int] = {}
        self.__dict__["_excluded"] = ()
        self._excluded_names: re.Pattern[str] | None = None
        self._averages: list[Variable | None] = []
        self._accumulators: list[Variable] = []
        self.__dict__["_trainable"] = []
        with name_scope(self.name):
            self._iterations = Variable(
                0,
                dtype="int32",
                trainable=False,
                name="iteration",
                aggregation="only_first_replica",
            )
        self._learning_rate: Any = self._as_rate(learning_rate)

    def _as_rate(self, learning_rate: Any) -> Any:
        if callable(learning_rate):
            return learning_rate
        if not isinstance(learning_rate, float | int | np.floating) or isinstance(
            learning_rate, bool
        ):
            raise ValueError(
                f"{type(self).__name__}: learning_rate: expected a float, a LearningRateSchedule, or a function that "
                f"gives the current learning rate; got {type(learning_rate).__name__}."
            )
        with name_scope(self.name):
            return Variable(
                float(learning_rate),
                trainable=False,
                name="learning_rate",
                aggregation="only_first_replica",
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__}: call super().__init__() first, before setting {name!r}."
            )
        for entry in value if isinstance(value, list | tuple) else [value]:
            if isinstance(entry, Variable):
                self._track(entry)
        if not isinstance(getattr(type(self), name, None), property):
            plugins.state.changes += 1
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._places = {id(variable): place for place, variable in enumerate(self._trainable)}

    def _track(self, variable: Variable) -> None:
        if not any(variable is known for known in self._variables):
            self._variables.append(variable)

    # ------------------------------------------------------------------------------------- variables

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's own variables: the count of steps, the learning rate, then what the rule remembers."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """The number of updates so far."""
        if self.gradient_accumulation_steps:
            return ops.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the next step; assign a number, a schedule or a function."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate() if callable(rate) else rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        current = self._learning_rate
        if callable(learning_rate) and not isinstance(learning_rate, Variable):
            self._variables[:] = [v for v in self._variables if v is not current]
            self._learning_rate = learning_rate
        elif isinstance(current, Variable):
            current.assign(learning_rate)
        else:
            raise TypeError(
                f"{type(self).__name__}: learning_rate was given as {type(current).__name__}, so a number cannot be "
                f"assigned. Assign a schedule or a function, or construct the optimizer with a number."
            )

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the optimizer's variables for a model's trainable ones."""
        variables = list(variables)
        if self.use_ema:
            self._averages = self.add_optimizer_variables(variables, "average")
        self._places = {id(variable): place for place, variable in enumerate(variables)}
        if self.gradient_accumulation_steps:
            self._accumulators = [
                self.add_variable_from_reference(variable, "gradient_accumulator")
                for variable in variables
            ]
        self.__dict__["_trainable"] = variables
        self.built = True

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A new variable of the optimizer."""
        from polynet import initializers

        with name_scope(self.name):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                layout=layout,
                name=name,
            )
        self._track(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Variable, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A new variable like another one, named after it: ``dense_kernel_momentum``."""
        return self.add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.dtype,
            layout=reference_variable.layout,
            name=f"{reference_variable.path.replace('/', '_')}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self,
        trainable_variables: Sequence[Variable],
        name: str | Sequence[str],
        initializer: Any = "zeros",
    ) -> Any:
        """A list of new variables like the given ones, or one list for each name; ``None`` where none is needed."""
        names = [name] if isinstance(name, str) else list(name)
        several = isinstance(initializer, list | tuple)
        initializers = list(initializer) if several else [initializer] * len(names)
        if len(names) != len(initializers):
            raise ValueError(
                f"{type(self).__name__}: initializer: expected one for each of the {len(names)} names; "
                f"got {len(initializers)}."
            )
        rows = [
            [
                None
                if variable.overwrite_with_gradient
                else self.add_variable_from_reference(variable, each, make)
                for each, make in zip(names, initializers, strict=True)
            ]
            for variable in trainable_variables
        ]
        lists = tuple([row[i] for row in rows] for i in range(len(names)))
        return lists[0] if isinstance(name, str) else lists

    # ------------------------------------------------------------------------------------- one step

    def apply(
        self, grads: Sequence[Tensor | None], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Update the variables by their gradients, in the same order; the first call builds the optimizer."""
        if not len(grads):
            return
        variables = self._known(grads, trainable_variables)
        gradients, variables = self._present(list(grads), variables)
        gradients, variables = self._overwrite(gradients, variables)
        if gradients:
            if self.loss_scale_factor is not None:
                gradients = [g / self.loss_scale_factor for g in gradients]
            self._accumulate(gradients, variables)
            if self.use_ema:
                self._average()
            for variable in variables:
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable.value))
        self._count_step()

    def _count_step(self) -> None:
        self._iterations._set(plain(self._iterations) + 1)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Tensor | None, Variable]]) -> Variable:
        """``apply`` for pairs of a gradient and its variable; returns the count of steps."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [variable for _, variable in pairs])
        return self._iterations

    def _known(self, grads: Sequence[Any], variables: Sequence[Variable] | None) -> list[Variable]:
        """The variables of a step, which must be those that the optimizer was built for."""
        if variables is None:
            if not self.built:
                raise ValueError(
                    f"{type(self).__name__}: apply needs the variables the first time: apply(grads, variables), or "
                    f"build(variables) before it."
                )
            variables = self._trainable
        elif not self.built:
            variables = list(variables)
            self.build(variables)
            self.built = True
        if len(grads) != len(variables):
            raise ValueError(
                f"{type(self).__name__}: expected one gradient for each variable; got {len(grads)} gradients for "
                f"{len(variables)} variables."
            )
        if variables is not self._trainable:
            for variable in variables:
                if id(variable) not in self._places:
                    name = getattr(variable, "path", type(variable).__name__)
                    raise ValueError(
                        f"{type(self).__name__}: unknown variable {name!r}. The optimizer was built for "
                        f"{len(self._places)} other variables; make a new optimizer for new ones."
                    )
        return list(variables)

    def _present(
        self, gradients: list[Any], variables: list[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        """What has a gradient, as tensors like the variables."""
        missing = [v.path for g, v in zip(gradients, variables, strict=True) if g is None]
        if missing:
            if len(missing) == len(variables):
                raise ValueError(
                    f"{type(self).__name__}: all {len(variables)} gradients are None. Does the loss depend on the "
                    f"variables, and was it computed inside the tape?"
                )
            warnings.warn(
                f"{type(self).__name__}: there is no gradient for {', '.join(missing)}; left as it is. Does the loss "
                f"depend on it?",
                stacklevel=3,
            )
            pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
            gradients, variables = [g for g, _ in pairs], [v for _, v in pairs]
        transforms = plugins.current().transforms
        for place, (g, variable) in enumerate(zip(gradients, variables, strict=True)):
            value = variable._value
            if (
                g.__class__ is not value.__class__
                or g.dtype != value.dtype
                or g.shape != value.shape
                or (transforms is not None and transforms.is_recorded(g))
            ):
                gradients[place] = self._like(g, variable)
        return gradients, variables

    def _like(self, g: Any, variable: Variable) -> Any:
        """A gradient as a tensor like its variable, whose own history is forgotten."""
        g = plain(g)
        if not isinstance(g, (Traced, *plugins.current().tensor_types)):
            g = ops.convert_to_tensor(g)
        if shape_of(g) != variable.shape:
            raise errors.ShapeError(
                f"{type(self).__name__}: Variable {variable.path!r} has shape {variable.shape}; "
                f"got a gradient of shape {shape_of(g)}."
            )
        return ops.cast(ops.stop_gradient(g), variable.dtype)

    def _overwrite(
        self, gradients: list[Any], variables: list[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        """Assign what is passed as a gradient to the variables that ask for it; what is left to update."""
        chosen = [
            (g, v) for g, v in zip(gradients, variables, strict=True) if v.overwrite_with_gradient
        ]
        if not chosen:
            return gradients, variables
        for g, variable in chosen:
            if self.gradient_accumulation_steps:
                accumulator = self._accumulators[self._places[id(variable)]]
                largest = ops.maximum(g, accumulator)
                now = self._updates_now()
                accumulator.assign(ops.where(now, ops.zeros_like(largest), largest))
                variable.assign(ops.where(now, largest, variable))
            else:
                variable.assign(g)
        rest = [
            (g, v)
            for g, v in zip(gradients, variables, strict=True)
            if not v.overwrite_with_gradient
        ]
        return [g for g, _ in rest], [v for _, v in rest]

    def _updates_now(self) -> Any:
        """Is this step the one of several at which weights change?"""
        return ops.equal((plain(self._iterations) + 1) % self.gradient_accumulation_steps, 0)

    def _accumulate(self, gradients: list[Any], variables: list[Variable]) -> None:
        """Update now, or later by the mean of several gradients."""
        steps = self.gradient_accumulation_steps
        if not steps:
            return self._update_by(gradients, variables)
        accumulators = [self._accumulators[self._places[id(variable)]] for variable in variables]
        sums = [g + total for g, total in zip(gradients, _values(accumulators), strict=True)]

        def now() -> None:
            self._update_by([total / steps for total in sums], variables)
            _assign(self._accumulators, [ops.zeros_like(a.value) for a in self._accumulators])

        ops.cond(self._updates_now(), now, lambda: _assign(accumulators, sums))
        return None

    def _update_by(self, gradients: list[Any], variables: list[Variable]) -> None:
        gradients = self._clipped(gradients)
        rate = self.learning_rate
        self._decay(variables, plain(rate))
        if type(self).update_step is Optimizer.update_step:
            self._update(gradients, variables, plain(rate))
        else:
            for g, variable in zip(gradients, variables, strict=True):
                self.update_step(g, variable, rate)

    def _clipped(self, gradients: list[Any]) -> list[Any]:
        if self.clipnorm:
            return updates.clip_norms(gradients, float(self.clipnorm))
        if self.global_clipnorm:
            return updates.clip_global_norm(gradients, float(self.global_clipnorm))
        if self.clipvalue:
            limit = float(self.clipvalue)
            return [ops.clip(g, -limit, limit) for g in gradients]
        return gradients

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Any) -> None:
        """Update one variable; a subclass writes this."""
        self._update([self._like(gradient, variable)], [variable], plain(learning_rate))

    def _update(
        self, gradients: Sequence[Tensor], variables: Sequence[Variable], learning_rate: Any
    ) -> None:
        """Update all variables at once; what the rules of polynet write instead of ``update_step``."""
        raise NotImplementedError(
            f"{type(self).__name__}: write update_step(self, gradient, variable, learning_rate)."
        )

    def _run(
        self,
        rule: Callable[..., Sequence[list[Tensor]]],
        gradients: Sequence[Tensor],
        variables: Sequence[Variable],
        slots: Sequence[Sequence[Variable | None]],
        *rest: Any,
    ) -> None:
        """Put into the variables, and into what is remembered of them, the lists that an op of updates gives."""
        places = [self._places[id(variable)] for variable in variables]
        held: list[list[Any]] = [list(variables)]
        held += [[slot[i] for i in places] if slot else [] for slot in slots]
        values = [_values(each) for each in held]
        if "owned" in rule.op.parameters:  # type: ignore[attr-defined]
            rest = (*rest, all_owned(held, values))
        for each, new in zip(held, rule(values[0], gradients, *values[1:], *rest), strict=True):
            _assign(each, new)

    def _step(self) -> Any:
        """The number of the update that is being made, 1 for the first."""
        return plain(self.iterations) + 1

    # ------------------------------------------------------------------------------- around the rule

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[Variable] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Which variables are not decayed: these, and those in whose name one of the strings is found.

        Call it before the optimizer is built.
        """
        if self.built:
            raise ValueError(
                f"{type(self).__name__}: exclude_from_weight_decay must be called before the optimizer is built."
            )
        self.__dict__["_excluded"] = tuple(var_list or ())
        names = list(var_names or ())
        self._excluded_names = re.compile("|".join(names)) if names else None

    def _is_decayed(self, variable: Variable) -> bool:
        if any(variable is excluded for excluded in self._excluded):
            return False
        return self._excluded_names is None or not self._excluded_names.search(variable.name)

    def _decay(self, variables: Sequence[Variable], learning_rate: Any) -> None:
        if self.weight_decay is not None:
            decayed = [variable for variable in variables if self._is_decayed(variable)]
            self._decay_by(decayed, self.weight_decay, learning_rate)

    def _decay_by(
        self, variables: Sequence[Variable], weight_decay: float, learning_rate: Any
    ) -> None:
        if variables:
            new = updates.decay_step(_values(variables), learning_rate, float(weight_decay))
            _assign(variables, new)

    def _average(self) -> None:
        """Update the average of the weights, and replace the weights by it when it is time."""
        pairs = [
            (average, variable)
            for average, variable in zip(self._averages, self._trainable, strict=True)
            if average is not None
        ]
        averages, variables = [a for a, _ in pairs], [v for _, v in pairs]
        old, step = _values(averages), plain(self.iterations)
        stays = ops.cast(ops.not_equal(step, 0), "float32") * self.ema_momentum
        _assign(averages, updates.average_step(old, _values(variables), stays))
        if self.ema_overwrite_frequency:
            ops.cond(
                ops.equal((step + 1) % self.ema_overwrite_frequency, 0),
                lambda: _assign(variables, _values(averages)),
                lambda: None,
            )

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Give the variables the values that training ends with: their average, with ``use_ema``."""
        if not self.use_ema:
            return
        if len(var_list) != len(self._averages):
            raise ValueError(
                f"{type(self).__name__}: var_list: expected the {len(self._averages)} variables that the optimizer was "
                f"built for; got {len(var_list)}."
            )
        for variable, average in zip(var_list, self._averages, strict=True):
            if average is not None:
                variable.assign(average)

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss whose gradients ``apply`` expects."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def assign(self, variable: Variable, value: Tensor) -> None:
        """Assign a variable."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Tensor) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Tensor) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    # --------------------------------------------------------------------------- without side effects

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Tensor],
        grads: Sequence[Tensor | None],
        trainable_variables: Sequence[Tensor],
    ) -> tuple[list[Tensor], list[Tensor]]:
        """``apply`` as a pure function: takes the values of variables, and returns the new ones.

        Returns:
            The new values of the trainable variables and of the optimizer's.
        """
        if not self.built:
            raise ValueError(
                f"{type(self).__name__}: stateless_apply needs a built optimizer: call build(trainable_variables)."
            )
        own = self.variables
        for what, given, expected in (
            ("optimizer_variables", optimizer_variables, own),
            ("trainable_variables", trainable_variables, self._trainable),
        ):
            if len(given) != len(expected):
                raise ValueError(
                    f"{type(self).__name__}: {what}: expected {len(expected)} tensors, one for each variable; "
                    f"got {len(given)}."
                )
        mapping = [
            *zip(self._trainable, trainable_variables, strict=True),
            *zip(own, optimizer_variables, strict=True),
        ]
        with StatelessScope(mapping) as scope:
            self.apply(grads)
        return (
            [scope.get_current_value(variable) for variable in self._trainable],
            [scope.get_current_value(variable) for variable in own],
        )

    # -------------------------------------------------------------------------------------- saving

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign the optimizer's variables, in the order of ``variables``."""
        if not self.built:
            raise ValueError(
                f"{type(self).__name__}: set_weights needs a built optimizer: call build(trainable_variables)."
            )
        variables = self.variables
        if len(weights) != len(variables):
            raise ValueError(
                f"{type(self).__name__}: weights: expected {len(variables)}, one for each variable; "
                f"got {len(weights)}."
            )
        for variable, weight in zip(variables, weights, strict=True):
            variable.assign(weight)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the values of the variables into a mapping, by their numbers."""
        for number, variable in enumerate(self.variables):
            store[str(number)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the values of the variables from what ``save_own_variables`` filled."""
        variables = self.variables
        if len(store) != len(variables):
            warnings.warn(
                f"Optimizer {self.name!r} has {len(variables)} variables, and {len(store)} were saved; none is loaded."
                f"{'' if self.built else ' Build the optimizer first: build(trainable_variables).'}",
                stacklevel=2,
            )
            return
        for number, variable in enumerate(variables):
            variable.assign(store[str(number)])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor with their current values, as data that JSON can hold."""
        config = {}
        for name, given in constructed_with(self).items():
            is_rate = name == "learning_rate"
            config[name] = serialize(
                self._rate_now(given) if is_rate else getattr(self, name, given)
            )
        return config

    def _rate_now(self, given: Any) -> Any:
        """The learning rate for a description: as it was given, unless it was assigned since."""
        rate = self._learning_rate
        if not isinstance(rate, Variable):
            return rate
        now = float(rate)
        if isinstance(given, float | int) and np.float32(given) == np.float32(now):
            return given
        return now

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """An optimizer from what ``get_config`` gave."""
        with custom_object_scope(custom_objects or {}):
            return cls(**{name: deserialize(value) for name, value in config.items()})


def _values(variables: Sequence[Variable]) -> list[Any]:
    """What is in the variables, without what a tape puts around it."""
    if not plugins.state.observers:
        return [variable._value for variable in variables]
    return [plain(variable) for variable in variables]


def _assign(variables: Sequence[Variable], values: Sequence[Any]) -> None:
    """Put new tensors, made for them, into variables."""
    for variable, value in zip(variables, values, strict=True):
        variable._set(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 1


def _automatic_name(cls: type) -> str:
    prefix = snake_case(cls.__name__)
    number = get_uid(prefix)
    return prefix if number == 1 else f"{prefix}_{number - 1}"


def _refuse_unknown(optimizer: Optimizer, kwargs: dict[str, Any]) -> None:
    """The error for arguments that an optimizer does not have."""
    if kwargs.pop("decay", None) is not None:
        warnings.warn(
            f"{type(optimizer).__name__}: decay has no effect; use a schedule of polynet.optimizers.schedules.",
            stacklevel=4,
        )
    if kwargs:
        known = [name for name in inspect.signature(type(optimizer)).parameters if name != "kwargs"]
        first = next(iter(kwargs))
        raise ValueError(
            f"{type(optimizer).__name__}: unknown argument {first!r}.{errors.closest(first, known)} "
            f"It takes {', '.join(known)}."
        )
