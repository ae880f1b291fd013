"""``Model``: a layer that can be trained, shown and saved; of a graph, or with a ``call`` of its own.

``Model(inputs, outputs)`` computes a graph of symbolic tensors; a subclass writes ``call``.  Training is
``training/trainer.py``; stacks of layers are ``sequential.py``; the table is ``summary.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from polynet import configurable, errors, graph, masking, ops, plugins, tree
from polynet.graph import Function
from polynet.layers.core import Embedding, InputLayer
from polynet.layers.input_spec import InputSpec
from polynet.layers.layer import Layer
from polynet.layers.within import layers_of
from polynet.symbolic import KerasTensor
from polynet.training.trainer import Trainer
from polynet.values import dtype_of, shape_of


class Model(Trainer, Layer):
    """A layer with ``fit``, ``evaluate`` and ``predict``.

    Args:
        inputs: symbolic tensors (``polynet.Input``), in any structure.
        outputs: what to compute from them, in any structure.
        name: the model's name.

    Example:
        >>> import polynet
        >>> x = polynet.Input((3,))
        >>> model = polynet.Model(x, polynet.layers.Dense(2)(x))
        >>> model(polynet.ops.ones((5, 3))).shape
        (5, 2)
    """

    _graph: Function | None = None
    _names_of_outputs: Sequence[str] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        inputs, outputs, kwargs = _functional(args, kwargs, type(self).__name__)
        Trainer.__init__(self)
        Layer.__init__(self, **kwargs)
        if inputs is not None:
            self._set_graph(Function(inputs, outputs, name=self.name))

    def _set_graph(self, function: Function) -> None:
        names = [op.name for op in function.operations if isinstance(op, Layer)]
        names += [tensor.name for tensor in function.inputs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                f"{self._title()}: layers: expected names that occur once; {repeated[0]!r} occurs "
                f"{names.count(repeated[0])} times. Give each layer a name of its own."
            )
        self.__dict__["_graph"] = function
        limits = [_index_limit(function, tensor) for tensor in function.inputs]
        self.__dict__["_index_limits"] = limits if any(count for count, _ in limits) else ()
        self.__dict__["_names_of_outputs"] = self._name_outputs(function)
        self.built = True
        self._path = self._path or self.name
        specs = [
            InputSpec(
                shape=(None, *tensor.shape[1:]),
                allow_last_axis_squeeze=True,
                name=tensor.name if not isinstance(function._inputs_struct, dict) else None,
                optional=getattr(tensor, "optional", False),
            )
            for tensor in function.inputs
        ]
        if _is_nested(function._inputs_struct):
            for spec in specs:
                spec.name = None
        elif isinstance(function._inputs_struct, dict):
            for spec, key in zip(specs, _dict_keys(function._inputs_struct), strict=True):
                spec.name = key
        self.input_spec = specs

    # -------------------------------------------------------------------------------- computing

    def build(self, input_shape: Any) -> None:
        """Build the layers within, for inputs of this shape."""
        self._build_by_calling(input_shape)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute the outputs; a subclass writes its own."""
        if self._graph is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no call method. Write call(self, inputs), or make the model of inputs "
                f"and outputs: Model(inputs, outputs)."
            )
        leaves = self._matched(inputs)
        if mask is not None:
            for leaf, one in zip(leaves, tree.flatten(mask), strict=False):
                masking.set_mask(leaf, one)
        return self._graph.run(leaves)

    def _matched(self, inputs: Any) -> list[Any]:
        """The inputs in the graph's order, of its dtypes and ranks."""
        function = self._graph
        assert function is not None
        wanted = function._inputs_struct
        if _is_nested(wanted):
            leaves = tree.flatten(inputs)
        elif isinstance(inputs, dict):
            keys = (
                _dict_keys(wanted)
                if isinstance(wanted, dict)
                else [t.name for t in function.inputs]
            )
            missing = [
                key
                for key, tensor in zip(keys, function.inputs, strict=True)
                if key not in inputs and not getattr(tensor, "optional", False)
            ]
            if missing:
                raise ValueError(
                    f"{self._title()}: missing input {missing[0]!r}; got the inputs {sorted(inputs)}."
                )
            leaves = [inputs.get(key) for key in keys]
        else:
            leaves = tree.flatten(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if len(leaves) != len(function.inputs):
            raise ValueError(
                f"{self._title()}: expected {len(function.inputs)} inputs; got {len(leaves)}."
            )
        for i, (leaf, tensor) in enumerate(zip(leaves, function.inputs, strict=True)):
            if leaf is not None and (
                len(leaf.shape) != len(tensor.shape) or dtype_of(leaf) != tensor.dtype
            ):
                leaves[i] = self._adapted(leaf, tensor)
        return leaves

    def _adapted(self, leaf: Any, tensor: KerasTensor) -> Any:
        """An input whose last axis of length 1 is missing or too much, or whose dtype is another."""
        rank, wanted = len(shape_of(leaf)), len(tensor.shape)
        if rank == wanted - 1 and tensor.shape[-1] == 1:
            leaf = ops.expand_dims(leaf, -1)
        elif rank == wanted + 1 and shape_of(leaf)[-1] == 1:
            leaf = ops.squeeze(leaf, -1)
        floating = "float" in dtype_of(leaf) and "float" in tensor.dtype
        return leaf if floating or dtype_of(leaf) == tensor.dtype else ops.cast(leaf, tensor.dtype)

    # -------------------------------------------------------------------------------- what is within

    @property
    def _layers(self) -> list[Layer]:
        if self._graph is None:
            return super()._layers
        found = [layer for layer in self._graph.operations if isinstance(layer, Layer)]
        for operation in self._graph.nodes:
            found += [
                layer
                for layer in layers_of((operation.args, operation.kwargs))
                if layer not in found
            ]
        return found + [layer for layer in super()._layers if layer not in found]

    @property
    def layers(self) -> list[Layer]:
        """The layers directly within; of a graph, in the order in which they are computed, its inputs first."""
        if self._graph is None:
            return self._layers
        return [*map(InputLayer.of, self._graph.inputs), *self._layers]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name, or by its place in ``layers``."""
        if (name is None) == (index is None):
            raise ValueError("get_layer: expected either name or index.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"get_layer: index: {index} is out of range; the model has {len(layers)} layers."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ValueError(
            f"get_layer: no layer is named {name!r}.{errors.closest(name, names) or f' Names: {names}.'}"
        )

    @property
    def inputs(self) -> list[KerasTensor] | None:
        """The symbolic inputs, of a model that was made of a graph."""
        return None if self._graph is None else self._graph.inputs

    @property
    def outputs(self) -> list[KerasTensor] | None:
        """The symbolic outputs, of a model that was made of a graph."""
        return None if self._graph is None else self._graph.outputs

    @property
    def input(self) -> Any:
        """The symbolic inputs, in the structure in which they were given."""
        return super().input if self._graph is None else self._graph.input

    @property
    def output(self) -> Any:
        """The symbolic outputs, in the structure in which they were given."""
        return super().output if self._graph is None else self._graph.output

    @property
    def input_shape(self) -> Any:
        """The shape of the inputs."""
        return tree.map_structure(lambda tensor: tensor.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """The shape of the outputs."""
        return tree.map_structure(lambda tensor: tensor.shape, self.output)

    @property
    def output_names(self) -> Sequence[str]:
        """A name for each output: its key in a dict, else that of the layer that made it."""
        return self._names_of_outputs

    def _name_outputs(self, function: Function) -> list[str]:
        structure = function._outputs_struct
        if isinstance(structure, dict):
            return _dict_keys(structure)
        names: list[str] = []
        for tensor in function.outputs:
            operation = tensor.node.operation if tensor.node else None
            name = operation.name if isinstance(operation, Layer) else tensor.name
            number = sum(known == name or known.startswith(f"{name}_") for known in names)
            names.append(f"{name}_{number}" if name in names else name)
        return names

    # -------------------------------------------------------------------------------- showing

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of the layers, their outputs' shapes and the number of their weights.

        Args:
            line_length: the width of the table in characters.
            positions: where each column ends, as fractions of the width.
            print_fn: called with the text instead of printing it.
            expand_nested: show the layers of models within too?
            show_trainable: show which layers train?
            layer_range: the names (or regular expressions) of the first and last layer to show.
        """
        from polynet.models.summary import print_summary

        print_summary(
            self,
            line_length=line_length,
            positions=positions,
            print_fn=print_fn,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
            layer_range=layer_range,
        )

    # -------------------------------------------------------------------------------- files

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Write structure, weights and all that training needs to go on to one ``.polynet`` file.

        Args:
            overwrite: may there be a file already?
            zipped: a model file is always one file; ``False`` is refused.
        """
        from polynet.saving import save_model

        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Write the weights to one ``.safetensors`` file.

        Args:
            overwrite: may there be a file already?
            max_shard_size: polynet writes one file; only ``None`` is taken.
        """
        from polynet.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> Any:
        """Take the weights from a ``.safetensors`` or ``.polynet`` file; all of them or none.

        Args:
            skip_mismatch: leave weights as they are whose shape is another in the file, with a warning?
            **kwargs: ``strict=False`` loads what both have.

        Returns:
            The names that are missing in the file, that it has beyond the model, and that were skipped.
        """
        from polynet.saving import load_weights

        return load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    # -------------------------------------------------------------------------------- in the library's form

    def as_native(self) -> Any:
        """The model as the array library's own kind of model, with the same weights, for programs of that library.

        On torch an ``nn.Module`` that shares the weights: each side sees what the other changes. On JAX a pair
        ``(params, apply)`` of the trainable weights and a pure function. The model must be built.
        """
        weights = self.weights
        backend = weights[0]._backend if weights else plugins.current()
        return backend.as_native(self)

    # -------------------------------------------------------------------------------- descriptions

    def get_config(self) -> dict[str, Any]:
        """The graph, or the constructor's arguments of a subclass with a constructor of its own."""
        if self._graph is None or not self._is_plain():
            return super().get_config()
        return {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": self.dtype_policy.name,
            **graph.describe(self._graph),
        }

    def _is_plain(self) -> bool:
        """Was it constructed as ``Model(inputs, outputs)``, by this class or one without its own constructor?"""
        bound = self.__dict__.get("_constructed_with")
        return bound is not None and list(bound.signature.parameters) == ["self", "args", "kwargs"]

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A new model, with new layers, from what ``get_config`` gave."""
        with configurable.custom_object_scope(custom_objects or {}):
            if "layers" not in config or "output_layers" not in config:
                return super().from_config(config)
            inputs, outputs, _ = graph.rebuild(config)
            known = {key: config[key] for key in ("name", "trainable", "dtype") if key in config}
            return cls(inputs, outputs, **known)

    def to_json(self, **kwargs: Any) -> str:
        """The model's structure as JSON, without weights; ``polynet.models.model_from_json`` makes it again."""
        return json.dumps(configurable.serialize(self), **kwargs)


def _functional(
    args: tuple[Any, ...], kwargs: dict[str, Any], name: str
) -> tuple[Any, Any, dict[str, Any]]:
    """The inputs and outputs among a model's arguments, and the other arguments."""
    kwargs = dict(kwargs)
    names = ("inputs", "outputs", "name")
    if len(args) > len(names):
        raise TypeError(f"{name}: expected inputs, outputs, name; got {len(args)} arguments.")
    for key, value in zip(names, args, strict=False):
        if key in kwargs:
            raise TypeError(f"{name}: got {key} twice.")
        kwargs[key] = value
    inputs, outputs = kwargs.pop("inputs", None), kwargs.pop("outputs", None)
    if (inputs is None) != (outputs is None):
        raise ValueError(
            f"{name}: expected both inputs and outputs, or none of them; got no "
            f"{'inputs' if inputs is None else 'outputs'}."
        )
    return inputs, outputs, kwargs


def _index_limit(function: Function, tensor: KerasTensor) -> tuple[int | None, str]:
    """How many integers an input may choose from, when an ``Embedding`` takes it."""
    for node in function.nodes:
        if isinstance(node.operation, Embedding) and node.args and node.args[0] is tensor:
            return node.operation.input_dim, node.operation._title()
    return None, ""


def _is_nested(structure: Any) -> bool:
    """Is it a dict that holds lists or dicts, so that its keys do not name the inputs?"""
    return isinstance(structure, dict) and not all(
        isinstance(value, KerasTensor) for value in structure.values()
    )


def _dict_keys(structure: dict[str, Any]) -> list[str]:
    """The keys of a dict in the order in which it is flattened."""
    return [str(path[0]) for path, _ in tree.flatten_with_path(structure)]


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model of which ``to_json`` gave the text, polynet's or Keras's, with new weights.

    Example:
        >>> import polynet
        >>> model = polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(2)])
        >>> polynet.models.model_from_json(model.to_json()).output_shape
        (None, 2)
    """
    try:
        config = json.loads(json_string)
    except ValueError as error:
        raise ValueError(f"model_from_json: expected JSON; {error}.") from None
    if isinstance(config, dict) and "module" in config:  # written by Keras
        from polynet.saving.keras_configs import read_model

        with configurable.custom_object_scope(custom_objects or {}):
            config = read_model(config)
    return configurable.deserialize(config, custom_objects, kind="models")
