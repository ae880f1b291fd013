"""``clone_model``: the same structure with weights of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polynet import configurable, graph, tree
from polynet.layers.core import InputLayer
from polynet.layers.layer import Layer
from polynet.models.model import Model
from polynet.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Model:
    """A model of the same structure, with new layers and new initial weights.

    Args:
        input_tensors: symbolic tensors to take the place of the model's inputs.
        clone_function: makes the new layer of each layer; by default from its config.
        call_function: ``call_function(layer, *args, **kwargs)`` instead of ``layer(*args, **kwargs)``.
        recursive: apply ``clone_function`` within models inside of the model too?

    Example:
        >>> import polynet
        >>> model = polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(2)])
        >>> polynet.models.clone_model(model).count_params()
        8
    """
    if kwargs:
        raise TypeError(f"clone_model: unknown arguments {sorted(kwargs)}.")
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: model: expected a model; got {type(model).__name__}.")
    if model._graph is None and not isinstance(model, Sequential):
        if clone_function is not None:
            raise ValueError(
                "clone_model: clone_function: a model with a call method of its own is cloned from its config; "
                "expected None."
            )
        return _from_config(model)

    def clone(layer: Layer) -> Layer:
        if recursive and isinstance(layer, Model) and layer._graph is not None:
            return clone_model(
                layer, clone_function=clone_function, call_function=call_function, recursive=True
            )
        return clone_function(layer) if clone_function is not None else _from_config(layer)

    if isinstance(model, Sequential) and call_function is None:
        layers: list[Any] = [clone(layer) for layer in model.layers]
        if input_tensors is not None:
            layers.insert(0, tree.flatten(input_tensors)[0])
        elif model._input is not None:
            layers.insert(0, InputLayer.of(model._input).copy())
        made = Sequential(layers, name=model.name, trainable=model._trainable)
        return made
    assert model._graph is not None
    by_name = {layer.name: layer for layer in model._layers}
    config = graph.describe(model._graph)
    if call_function is not None:
        inner = clone
        call = call_function

        def clone(layer: Layer) -> Layer:
            made = inner(layer)
            return lambda *args, **kwargs: call(made, *args, **kwargs)  # type: ignore[return-value]

    inputs, outputs, _ = graph.rebuild(
        config,
        make=lambda description: clone(by_name[description["config"]["name"]]),
        inputs=None if input_tensors is None else tree.flatten(input_tensors),
    )
    cls = type(model) if model._is_plain() and type(model).__init__ is Model.__init__ else Model
    return cls(inputs, outputs, name=model.name, trainable=model._trainable)


def _from_config(layer: Any) -> Any:
    """A new layer of the same class; classes within it need not be registered."""
    own = {type(each).__name__: type(each) for each in layer._flatten_layers()}
    with configurable.custom_object_scope(own):
        return type(layer).from_config(layer.get_config())
