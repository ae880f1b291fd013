"""Where Keras keeps each variable of a model: ``layers/dense_1/vars/0`` is the first of the second ``Dense``.

Keras goes through a model's layers and then through its attributes, and so does this; layers that keep inner layers
under other names than Keras's are told in a table.  Files are not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polynet.configurable import kind_of_builtin, snake_case
from polynet.layers.layer import Layer
from polynet.models.model import Model
from polynet.models.sequential import Sequential
from polynet.variable import Variable

_NAMES: dict[str, dict[str, str]] = {
    "MultiHeadAttention": {
        f"_{name}": name for name in ("query_dense", "key_dense", "value_dense", "output_dense")
    },
}
"""By class, attributes that have another name in Keras."""


def variables_by_place(model: Layer) -> dict[str, Variable]:
    """The weights of a model, by their paths in Keras's files.

    Example:
        >>> import polynet
        >>> dense = polynet.layers.Dense
        >>> model = polynet.Sequential([polynet.Input((3,)), dense(4), dense(2, use_bias=False)])
        >>> list(variables_by_place(model))
        ['layers/dense/vars/0', 'layers/dense/vars/1', 'layers/dense_1/vars/0']
    """
    found: dict[str, Variable] = {}
    seen: dict[int, Any] = {}  # holds what was seen: another list must not get its id
    stack: list[tuple[str, Any]] = [("", model)]
    while stack:
        path, thing = stack.pop()
        if id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if isinstance(thing, Layer):
            for number, variable in enumerate(_own(thing)):
                found[f"{path}vars/{number}"] = variable
            inner = [(f"{path}{name}/", value) for name, value in _attributes(thing)]
        else:
            inner = [(f"{path}{name}/", value) for name, value in _entries(thing)]
        stack += reversed(inner)
    return found


def _own(layer: Layer) -> list[Variable]:
    """The variables of a layer without those of inner layers: trainable ones, then others."""
    own = list({id(v): v for v in (*layer._own, *layer._attributes(Variable))}.values())
    return sorted(own, key=lambda variable: not variable.created_trainable)


def _attributes(layer: Layer) -> Iterator[tuple[str, Any]]:
    """What a layer holds that may have variables, by Keras's names, in Keras's order."""
    if isinstance(layer, Model) and (isinstance(layer, Sequential) or layer._graph is not None):
        yield "layers", list(layer.layers)
        layers = {}
    else:  # any other model has its layers as an attribute among others
        layers = {"layers": list(layer.layers)} if isinstance(layer, Model) else {}
    names = {}
    for cls in reversed(type(layer).__mro__):
        names.update(_NAMES.get(cls.__name__, {}))
    held = {
        names.get(name, name): value
        for name, value in vars(layer).items()
        if name not in _OF_EVERY_LAYER and isinstance(value, Layer | list | tuple | dict)
    } | layers
    for name in sorted(held, key=lambda name: f"~{name}" if name.startswith("_") else name):
        yield name, held[name]


_OF_EVERY_LAYER = frozenset(
    {*vars(Layer()), *vars(Sequential()), "_graph", "_constructed_with", "_built_for"}
)


def _entries(container: Any) -> Iterator[tuple[str, Any]]:
    """The layers in a list or dict, by the names of their classes, which are counted."""
    counts: dict[str, int] = {}
    for value in container.values() if isinstance(container, dict) else container:
        if isinstance(value, Layer):
            name = snake_case(class_name(value))
        elif isinstance(value, list | tuple | dict):
            name = "container"
        else:
            continue
        number = counts[name] = counts.get(name, -1) + 1
        yield (f"{name}_{number}" if number else name), value


def class_name(layer: Layer) -> str:
    """What Keras calls a layer's class."""
    if type(layer) is Model and layer._graph is not None:
        return "Functional"
    return _CLASSES.get(type(layer).__name__, type(layer).__name__)


_CLASSES = {"GroupQueryAttention": "GroupedQueryAttention"}


def is_builtin(layer: Layer) -> bool:
    """Is a layer's class one of polynet's own?"""
    return kind_of_builtin(type(layer)) is not None
