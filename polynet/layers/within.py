"""``Within``: the variables, layers and metrics that a layer holds, and their values.

What is set as an attribute is found, in lists and dicts too, whenever it is asked for; nothing has to be registered.
How a layer is built and called is in ``layer.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from polynet import errors
from polynet.configurable import Configurable
from polynet.layers.structure import Structure
from polynet.plugins import state
from polynet.random.seed_generator import SeedGenerator
from polynet.variable import Variable

if TYPE_CHECKING:
    from polynet.layers.layer import Layer

R = TypeVar("R")

_BOOKKEEPING = frozenset(
    {
        "_accepted",
        "_built_for",
        "_compiled",
        "_constructed_with",
        "_frozen",
        "_graph",
        "_nodes",
        "_own",
        "_output_shapes",
        "_policy",
        "_structure",
        "_uncompiled",
    }
)
"""Attributes in which no layers or variables are looked for."""

_PASSING = _BOOKKEEPING | {"history", "stop_evaluating", "stop_predicting", "stop_training"}
"""Attributes on which no computation depends."""

_UNSET = object()


class Within(Configurable):
    """Keeps track of what is set as an attribute."""

    built: bool
    _own: list[Variable]
    _trainable: bool

    def _title(self) -> str:
        raise NotImplementedError

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable) and all(known is not value for known in self._own):
            self._own.append(value)
        if self.__dict__.get(name, _UNSET) is not value and name not in _PASSING:
            state.changes += 1
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        gone = self.__dict__.get(name)
        if isinstance(gone, Variable):
            self.__dict__["_own"] = [known for known in self._own if known is not gone]
        state.changes += 1
        object.__delattr__(self, name)

    def _attributes(self, *kinds: type) -> list[Any]:
        """The attributes of these types, those in lists and dicts among them, in the order in which they were set."""
        found: list[Any] = []
        seen: set[int] = {id(self)}
        for name, value in self.__dict__.items():
            if name not in _BOOKKEEPING:
                _collect(value, kinds, found, seen)
        return found

    @property
    def _layers(self) -> list[Layer]:
        """The layers that are attributes of this one."""
        return self._attributes(Within)

    def _found_within(self, what: str, look: Callable[[], R]) -> R:
        """What looking through all layers within gives; looks again only when something was set on one of them."""
        structure = self.__dict__.get("_structure")
        if structure is None or not structure.holds():
            layers = self._walk()
            attributes = (
                value
                for layer in layers
                for name, value in layer.__dict__.items()
                if name not in _BOOKKEEPING
            )
            kinds = (Configurable, Variable, SeedGenerator)  # a metric is configurable too
            structure = self.__dict__["_structure"] = Structure(attributes, kinds)
            structure.find("layers", lambda: layers)
        found: R = structure.find(what, look)
        return found

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        """This layer and those within it, each once."""
        if include_self and recursive:
            return [*self._found_within("layers", self._walk)]
        return self._walk(include_self, recursive)

    def _walk(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        found: list[Layer] = []
        seen: set[int] = set()
        this = cast("Layer", self)
        stack: list[Layer] = [this] if include_self else [*reversed(self._layers)]
        while stack:
            layer = stack.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            found.append(layer)
            if recursive or layer is this:
                stack.extend(reversed(layer._layers))
        return found

    def _all_variables(self, seeds: bool) -> list[Variable]:
        found: list[Variable] = []
        seen: set[int] = set()
        for layer in self._flatten_layers():
            own = [*layer._own, *layer._attributes(Variable)]
            own.sort(key=lambda variable: not variable.created_trainable)
            if seeds:
                own += [generator.state for generator in layer._attributes(SeedGenerator)]
            for variable in own:
                if id(variable) not in seen:
                    seen.add(id(variable))
                    found.append(variable)
        return found

    @property
    def variables(self) -> list[Variable]:
        """Every variable, the states of seed generators among them."""
        return [*self._found_within("variables", lambda: self._all_variables(seeds=True))]

    @property
    def weights(self) -> list[Variable]:
        """Every variable but the states of seed generators: of each layer the trainable ones first."""
        return [*self._found_within("weights", lambda: self._all_variables(seeds=False))]

    def _freeze(self) -> None:
        """Remember what the lists of variables hold, while training steps run and nothing is added."""
        variables = self.trainable_variables
        self.__dict__["_frozen"] = (
            variables,
            [variable for variable in variables if variable.regularizer is not None],
        )

    def _thaw(self) -> None:
        """Look for variables anew whenever they are asked for."""
        self.__dict__.pop("_frozen", None)

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training changes."""
        if "_frozen" in self.__dict__:
            return [*self.__dict__["_frozen"][0]]
        return (
            [variable for variable in self.variables if variable.trainable]
            if self.trainable
            else []
        )

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that training does not change by gradients."""
        if not self.trainable:
            return self.variables
        return [variable for variable in self.variables if not variable.trainable]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [weight for weight in self.weights if weight.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change by gradients."""
        if not self.trainable:
            return self.weights
        return [weight for weight in self.weights if not weight.trainable]

    @property
    def trainable(self) -> bool:
        """Are the weights to be trained? Setting it sets that of every layer within."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        state.changes += 1
        for layer in self._flatten_layers():
            layer.__dict__["_trainable"] = value
            for variable in layer._own:
                variable.trainable = value and variable.created_trainable

    @property
    def metrics(self) -> list[Any]:
        """The metrics of this layer and of those within."""
        page = sys.modules.get("polynet.metrics.metric")
        return (
            []
            if page is None
            else [*self._found_within("metrics", lambda: self._find_metrics(page.Metric))]
        )

    def _find_metrics(self, kind: type) -> list[Any]:
        found: list[Any] = []
        for layer in self._flatten_layers():
            found += [m for m in layer._attributes(kind) if m not in found]
        return found

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of ``metrics``."""
        return [variable for metric in self.metrics for variable in metric.variables]

    # -------------------------------------------------------------------------------- values

    def count_params(self) -> int:
        """The number of values in all weights."""
        if not self.built:
            raise ValueError(
                f"{self._title()}: count_params: the layer has no weights yet. Call it, or build(input_shape), first."
            )
        return sum(int(np.prod(weight.shape)) for weight in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """The values of ``weights``, as NumPy arrays."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign all weights; either all are assigned or none."""
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"{self._title()}: set_weights: expected {len(own)} arrays; got {len(weights)}."
            )
        for variable, value in zip(own, weights, strict=True):
            if tuple(np.shape(value)) != variable.shape:
                raise errors.ShapeError(
                    f"{self._title()}: set_weights: weight {variable.path!r} has shape {variable.shape}; "
                    f"got a value of shape {tuple(np.shape(value))}."
                )
        for variable, value in zip(own, weights, strict=True):
            variable.assign(value)

    def save_own_variables(self, store: Any) -> None:
        """Put the values of this layer's own weights into ``store``, under ``"0"``, ``"1"``, ..."""
        for number, variable in enumerate(self._sorted_own()):
            store[str(number)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the values of this layer's own weights from what ``save_own_variables`` filled."""
        own = self._sorted_own()
        if len(store) != len(own):
            raise ValueError(
                f"{self._title()}: expected {len(own)} weights; the file has {len(store)}."
                + ("" if self.built else " The layer is not built yet.")
            )
        for number, variable in enumerate(own):
            variable.assign(store[str(number)])

    def _sorted_own(self) -> list[Variable]:
        own = [*self._own]
        own.sort(key=lambda variable: not variable.created_trainable)
        return own


def _collect(value: Any, kinds: tuple[type, ...], found: list[Any], seen: set[int]) -> None:
    """Add the objects of these types in ``value``, and in its lists and dicts, to ``found``."""
    if isinstance(value, kinds):
        if id(value) not in seen:
            seen.add(id(value))
            found.append(value)
    elif isinstance(value, list | tuple | dict | set | frozenset):
        if id(value) in seen:
            return
        seen.add(id(value))
        for entry in value.values() if isinstance(value, dict) else value:
            _collect(entry, kinds, found, seen)


def layers_of(structure: Any) -> Iterator[Layer]:
    """The layers in a tree."""
    found: list[Any] = []
    _collect(structure, (Within,), found, set())
    return iter(found)
