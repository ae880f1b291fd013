"""``Metric``: a number that sums up many batches, by variables that each batch updates.

Here is what all metrics share: names, dtypes, variables, the stateless calls, masks.  No metric is defined in this
file.  ``update_state`` of a metric consists of ops alone, so that it runs in a compiled training step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from polynet import dtype_policies, initializers, ops, plugins
from polynet.backend import get_uid
from polynet.config import floatx
from polynet.configurable import Configurable, snake_case
from polynet.losses import aligned as beside
from polynet.losses import of_one_shape
from polynet.masking import get_mask
from polynet.metrics.total import Total
from polynet.tensor import plain
from polynet.variable import StatelessScope, Variable, name_scope


class Metric(Configurable):
    """The base of all metrics.

    A subclass makes its variables in ``__init__``, changes them in ``update_state`` and computes its number in
    ``result``.

    Args:
        dtype: a dtype or a policy, whose compute dtype is that of the result; ``floatx`` by default.
        name: by default the class's name, numbered from the second one on.

    Example:
        >>> import polynet
        >>> class Largest(polynet.metrics.Metric):
        ...     def __init__(self, name="largest", dtype=None):
        ...         super().__init__(name=name, dtype=dtype)
        ...         self.value = self.add_variable((), "zeros", name="value")
        ...
        ...     def update_state(self, y):
        ...         self.value.assign(polynet.ops.maximum(self.value, polynet.ops.max(y)))
        ...
        ...     def result(self):
        ...         return self.value.value
        >>> largest = Largest()
        >>> for batch in ([1.0, 5.0], [3.0]):
        ...     largest.update_state(batch)
        >>> float(largest.result())
        5.0
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        if name is not None and not isinstance(name, str):
            raise ValueError(
                f"{type(self).__name__}: name: expected a string; got {type(name).__name__}."
            )
        self.name = name or _automatic_name(type(self))
        self._dtype = dtype_policies.get(dtype or floatx()).compute_dtype
        self._variables: list[Variable] = []
        self._built = True

    @property
    def dtype(self) -> str:
        """The dtype of the result."""
        return self._dtype

    # -------------------------------------------------------------------------------- variables

    def add_variable(
        self,
        shape: Any,
        initializer: Any,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A new variable of this metric.

        Args:
            shape: its shape.
            initializer: its first value: the name of an initializer, or a function of ``(shape, dtype)``.
            dtype: ``floatx`` by default.
            aggregation: how the values of several devices become one.
            name: the last part of its path.
        """
        self._check_constructed()
        with name_scope(self.name.replace("/", ">"), caller=self):
            variable = Variable(
                initializers.get("zeros" if initializer is None else initializer),
                shape=(shape,) if isinstance(shape, int) else tuple(shape),
                dtype=dtype,
                trainable=False,
                autocast=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Another name of ``add_variable``; the first value is zero by default."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def add_total(self, name: str, shape: Sequence[int] = (), dtype: Any = None) -> Total:
        """A new variable that starts at zero and counts on where a plain float32 would stop, at 2**24.

        It takes two variables.

        Args:
            name: the last part of its path.
            shape: its shape.
            dtype: that of the metric by default, but at least float32.
        """
        self._check_constructed()
        with name_scope(self.name.replace("/", ">"), caller=self):
            total = Total(tuple(shape), dtype or self.dtype, name)
        self._variables += total.parts
        return total

    @property
    def variables(self) -> list[Variable]:
        """Its variables, then those of the metrics among its attributes."""
        parts = list(_parts(self.__dict__.values()))
        found: dict[int, Variable] = {}
        for part in parts:
            if isinstance(part, Variable):
                for variable in part.parts if isinstance(part, Total) else [part]:
                    found.setdefault(id(variable), variable)
        for part in parts:
            if isinstance(part, Metric):
                for variable in part.variables:
                    found.setdefault(id(variable), variable)
        return list(found.values())

    def _check_constructed(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                f"{type(self).__name__}: it has no variables yet. Call super().__init__() first in its __init__."
            )

    # -------------------------------------------------------------------------------- what a metric does

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the variables whose shapes depend on the data; most metrics have none.

        The first ``update_state`` does it.  What compiles ``update_state`` calls it before.
        """

    def _build_with(self, y_true: Any, y_pred: Any) -> None:
        """``build`` for the first batch."""
        if self._built:
            return
        if plugins.current().is_traced(plain(y_pred)):
            raise RuntimeError(
                f"{type(self).__name__} {self.name!r}: its variables depend on the shapes of the data, and cannot be "
                f"made while update_state is compiled. Call metric.build(y_true.shape, y_pred.shape) before."
            )
        self.build(tuple(y_true.shape), tuple(y_pred.shape))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(f"{type(self).__name__}: update_state is not defined.")

    def result(self) -> Any:
        """The number, or a dict of numbers, of all batches since the last ``reset_state``."""
        raise NotImplementedError(f"{type(self).__name__}: result is not defined.")

    def reset_state(self) -> None:
        """Forget all batches."""
        backend = plugins.current()
        for variable in self.variables:
            zeros = ops.zeros(variable.shape, variable.dtype)
            if variable._backend is backend:
                variable._set(zeros)  # nobody else holds them: no copy is needed
            else:
                variable.assign(zeros)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch and give the result so far."""
        self._check_constructed()
        self.update_state(*args, **kwargs)
        return self.result()

    # -------------------------------------------------------------------------------- without changing state

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[Any]:
        """The values that ``update_state`` would give the variables, from given ones; nothing changes.

        Args:
            metric_variables: a value for each of ``variables``.
            *args: those of ``update_state``.
            **kwargs: those of ``update_state``.

        Example:
            >>> import polynet
            >>> mean = polynet.metrics.Mean()
            >>> state = mean.stateless_update_state(mean.variables, [1.0, 3.0])
            >>> float(mean.stateless_result(state)), float(mean.result())
            (2.0, 0.0)
        """
        with StatelessScope(self._mapping(metric_variables)) as scope:
            self.update_state(*args, **kwargs)
        return self._values(scope)

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """What ``result`` would be if the variables had these values."""
        with StatelessScope(self._mapping(metric_variables)):
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """The values that ``reset_state`` would give the variables."""
        with StatelessScope() as scope:
            self.reset_state()
        return self._values(scope)

    def _mapping(self, values: Sequence[Any]) -> list[tuple[Variable, Any]]:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"{type(self).__name__}: metric_variables: expected {len(variables)} values, one for each of "
                f"`variables`; got {len(values)}."
            )
        return [(variable, plain(value)) for variable, value in zip(variables, values, strict=True)]

    def _values(self, scope: StatelessScope) -> list[Any]:
        found = []
        for variable in self.variables:
            value = scope.get_current_value(variable)
            found.append(variable.value if value is None else value)
        return found

    # -------------------------------------------------------------------------------- describing

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, with the name and dtype that the metric has."""
        config = super().get_config()
        own = {"name": self.name, "dtype": self.dtype}
        return {**config, **{key: value for key, value in own.items() if key in config}}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _automatic_name(cls: type) -> str:
    name = snake_case(cls.__name__)
    number = get_uid(name)
    return name if number == 1 else f"{name}_{number - 1}"


def _parts(values: Iterable[Any]) -> Iterator[Any]:
    """The variables and metrics among some values, and in lists, tuples and dicts of them."""
    for value in values:
        if isinstance(value, Variable | Metric):
            yield value
        elif isinstance(value, list | tuple):
            yield from _parts(value)
        elif isinstance(value, dict):
            yield from _parts(value.values())


# ------------------------------------------------------------------------------------------ arguments of metrics


def aligned(name: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Both as tensors of one shape, as losses have it; ``name`` is whose arguments they are, for the error."""
    return of_one_shape(name, ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))


def weights_of(
    name: str, shape: Sequence[int], sample_weight: Any, dtype: str, *masked: Any
) -> Any:
    """Sample weights and masks as one tensor that broadcasts with ``shape``; ``None`` without any.

    Weights of fewer dimensions weigh all that belongs to a sample: ``(n,)`` beside ``(n, t)`` becomes ``(n, 1)``.

    Args:
        name: whose weights they are, for the error.
        shape: of what is weighted.
        sample_weight: as it was passed.
        dtype: that of the result.
        *masked: tensors that may have a mask.
    """
    weights = None
    for what, given in (("sample_weight", sample_weight), *(("mask", get_mask(x)) for x in masked)):
        if given is not None:
            given = beside(name, what, ops.cast(given, dtype), tuple(shape))
            weights = given if weights is None else weights * given
    return weights
