"""``Function``: a recorded graph of calls as a function of tensors, and its description.

The graph is what ``symbolic.py`` recorded: nodes that tie symbolic outputs to the call of an op or a layer.  Here it is
put in order, computed, described as data and made again.  Models (``models/``) hold one; nothing here trains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from polynet import configurable, errors, tree
from polynet.op import OPS
from polynet.ops.primitives import HOLE
from polynet.symbolic import KerasTensor, Node, _automatic_name, infer_symbolic, symbolic_leaves


class Function:
    """A computation from symbolic inputs to symbolic outputs, as a function of tensors.

    Args:
        inputs: a symbolic tensor or a tree of them.
        outputs: what to compute, a symbolic tensor or a tree of them.

    Example:
        >>> import polynet
        >>> x = polynet.Input((2,))
        >>> double = polynet.Function(x, x * 2.0)
        >>> double(polynet.ops.ones((1, 2)))
        array([[2., 2.]], dtype=float32)
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        self._inputs_struct = inputs
        self._outputs_struct = outputs
        self.inputs: list[KerasTensor] = tree.flatten(inputs)
        self.outputs: list[KerasTensor] = tree.flatten(outputs)
        self.name = name or _automatic_name("function")
        for tensor in (*self.inputs, *self.outputs):
            if not isinstance(tensor, KerasTensor):
                raise ValueError(
                    f"Function {self.name!r}: inputs and outputs: expected symbolic tensors; "
                    f"got {type(tensor).__name__}."
                )
        self.nodes, self.operations = _ordered(self.inputs, self.outputs, self.name)
        self._places = {id(tensor): i for i, tensor in enumerate(self.inputs)}
        for node in self.nodes:
            for tensor in symbolic_leaves(node.outputs):
                self._places[id(tensor)] = len(self._places)
        self._steps = [self._step(node) for node in self.nodes]
        self._results = [self._places[id(tensor)] for tensor in self.outputs]
        self._single = len(self.outputs) == 1 and isinstance(outputs, KerasTensor)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "inputs": self._inputs_struct,
            "outputs": self._outputs_struct,
            "name": self.name,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        # a copy computes with the copies of the layers
        self.__init__(**state)  # type: ignore[misc]

    def __call__(self, inputs: Any) -> Any:
        """The outputs for these inputs; symbolic inputs give symbolic outputs."""
        return self.call(inputs)

    def call(self, inputs: Any) -> Any:
        """The outputs for these inputs."""
        leaves = tree.flatten(inputs)
        if len(leaves) != len(self.inputs):
            raise ValueError(
                f"Function {self.name!r}: expected {len(self.inputs)} inputs; got {len(leaves)}."
            )
        return self.run(leaves)

    def run(self, leaves: Sequence[Any]) -> Any:
        """Compute from flat inputs."""
        values: list[Any] = [*leaves, *[None] * (len(self._places) - len(leaves))]
        for step in self._steps:
            step(values)
        if self._single:
            return values[self._results[0]]
        return tree.pack_sequence_as(self._outputs_struct, [values[i] for i in self._results])

    def _step(self, node: Node) -> Callable[[list[Any]], None]:
        """How one node computes its outputs from the values so far."""
        operation, places = node.operation, self._places
        outputs = [
            places[id(leaf)] if isinstance(leaf, KerasTensor) else -1
            for leaf in tree.flatten(node.outputs)
        ]
        if (
            len(node.args) == 1
            and not node.kwargs
            and isinstance(node.args[0], KerasTensor)
            and isinstance(node.outputs, KerasTensor)
        ):
            source, target = places[id(node.args[0])], outputs[0]

            def simple(values: list[Any]) -> None:
                values[target] = operation(values[source])

            return simple

        args, kwargs = tree.map_structure(
            lambda leaf: _Place(places[id(leaf)]) if isinstance(leaf, KerasTensor) else leaf,
            (node.args, node.kwargs),
        )

        def step(values: list[Any]) -> None:
            def fill(leaf: Any) -> Any:
                return values[leaf.number] if leaf.__class__ is _Place else leaf

            filled, named = tree.map_structure(fill, (args, kwargs))
            made = operation(*filled, **named)
            for place, value in zip(outputs, tree.flatten(made), strict=True):
                if place >= 0:
                    values[place] = value

        return step

    @property
    def input(self) -> Any:
        """The symbolic inputs, as they were given."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs, as they were given."""
        return self._outputs_struct

    def compute_output_spec(self, inputs: Any) -> Any:
        """Shape and dtype of the outputs for symbolic inputs."""
        return infer_symbolic(lambda structure: self.call(structure), (inputs,))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the outputs for inputs of this shape."""
        shapes = (
            input_shape if isinstance(self._inputs_struct, list | tuple | dict) else [input_shape]
        )
        flat: list[Any] = []
        tree.map_shape_structure(flat.append, shapes)
        inputs = [
            KerasTensor(shape, tensor.dtype)
            for shape, tensor in zip(flat, self.inputs, strict=True)
        ]
        found = infer_symbolic(lambda *leaves: self.run(leaves), inputs)
        return tree.map_structure(lambda tensor: tensor.shape, found)

    def get_config(self) -> dict[str, Any]:
        """The graph as data that JSON can hold."""
        return {"name": self.name, **describe(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Function:
        """A function from what ``get_config`` gave, with new layers."""
        inputs, outputs, _ = rebuild(config)
        return cls(inputs, outputs, name=config.get("name"))


class _Place:
    """Where a computed value belongs among a node's arguments."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def _ordered(
    inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor], name: str
) -> tuple[list[Node], list[Any]]:
    """The nodes in an order in which they can be computed, and what they call, that far from the outputs first."""
    given = {id(tensor) for tensor in inputs}
    order: list[Node] = []
    met: dict[int, int] = {}
    done: set[int] = set()
    stack: list[tuple[KerasTensor, bool]] = [(tensor, False) for tensor in reversed(outputs)]
    while stack:
        tensor, ready = stack.pop()
        node = tensor.node
        if id(tensor) in given or (node is not None and id(node) in done):
            continue
        if node is None:
            raise ValueError(
                f"Function {name!r}: outputs depend on {tensor!r}, which is not among the inputs. Add it to inputs."
            )
        met.setdefault(id(node.operation), len(met))
        if ready:
            done.add(id(node))
            order.append(node)
        else:
            stack.append((tensor, True))
            stack.extend((parent, False) for parent in reversed(node.parents))
    depths: dict[int, int] = {}
    of_operations: dict[int, int] = {}
    for node in reversed(order):
        depth = max(depths.get(id(node), 0), of_operations.get(id(node.operation), 0))
        depths[id(node)] = of_operations[id(node.operation)] = depth
        for parent in node.parents:
            if parent.node is not None and id(parent) not in given:
                depths[id(parent.node)] = max(depths.get(id(parent.node), 0), depth + 1)
    operations = {id(node.operation): node.operation for node in order}
    ranked = sorted(operations, key=lambda key: (-of_operations[key], met[key]))
    return order, [operations[key] for key in ranked]


# ------------------------------------------------------------------------------------------ descriptions


def describe(function: Function) -> dict[str, Any]:
    """A graph as data: its inputs, what is called and how often with what, its outputs."""
    names = _operation_names(function)
    where: dict[int, list[Any]] = {}
    for tensor, name in zip(function.inputs, _input_names(function), strict=True):
        where[id(tensor)] = [name, 0, 0]
    calls: dict[str, list[Any]] = {}
    for node in function.nodes:
        name = names[id(node.operation)]
        made = calls.setdefault(name, [])
        for number, leaf in enumerate(tree.flatten(node.outputs)):
            where[id(leaf)] = [name, len(made), number]
        made.append(node)

    def described(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            return {
                "kind": "python",
                "class_name": "tensor",
                "config": {
                    "shape": list(value.shape),
                    "dtype": value.dtype,
                    "history": where[id(value)],
                },
            }
        if isinstance(value, list):
            return [described(entry) for entry in value]
        if isinstance(value, tuple):
            return {
                "kind": "python",
                "class_name": "tuple",
                "config": [described(v) for v in value],
            }
        if isinstance(value, dict):
            return {key: described(entry) for key, entry in value.items()}
        if isinstance(value, slice | type(Ellipsis)) or value is HOLE:
            return _describe_index(value, described)
        return configurable.serialize(value)

    layers: list[dict[str, Any]] = [
        {
            "kind": "layers",
            "class_name": "InputLayer",
            "name": name,
            "config": {
                "name": name,
                "batch_shape": list(tensor.shape),
                "dtype": tensor.dtype,
                "optional": getattr(tensor, "optional", False),
            },
            "inbound_nodes": [],
        }
        for tensor, name in zip(function.inputs, _input_names(function), strict=True)
    ]
    for operation in function.operations:
        name = names[id(operation)]
        layers.append(
            {
                **_describe_operation(operation),
                "name": name,
                "inbound_nodes": [
                    {
                        "args": [described(arg) for arg in node.args],
                        "kwargs": {key: described(value) for key, value in node.kwargs.items()},
                    }
                    for node in calls[name]
                ],
            }
        )
    return {
        "layers": layers,
        "input_layers": tree.map_structure(
            lambda t: _reference_to(where[id(t)]), function._inputs_struct
        ),
        "output_layers": tree.map_structure(
            lambda t: _reference_to(where[id(t)]), function._outputs_struct
        ),
    }


def _reference_to(history: list[Any]) -> dict[str, Any]:
    """A reference to a tensor of the graph."""
    return {"kind": "python", "class_name": "tensor", "config": {"history": history}}


def _describe_index(value: Any, described: Callable[[Any], Any]) -> dict[str, Any]:
    if value is Ellipsis:
        return {"kind": "python", "class_name": "ellipsis", "config": []}
    if value is HOLE:
        return {"kind": "python", "class_name": "hole", "config": []}
    parts = [described(part) for part in (value.start, value.stop, value.step)]
    return {"kind": "python", "class_name": "slice", "config": parts}


def _describe_operation(operation: Any) -> dict[str, Any]:
    op: Any = getattr(operation, "op", None)
    name: Any = getattr(op, "name", None)
    if name in OPS and OPS[name] is op:
        return {"kind": "ops", "class_name": name, "config": {}}
    return dict(configurable.serialize(operation))


def _input_names(function: Function) -> list[str]:
    return [tensor.name for tensor in function.inputs]


def _operation_names(function: Function) -> dict[int, str]:
    """A name for each operation: that of a layer, or an op's own, numbered."""
    taken = {
        getattr(operation, "op", None) is None and operation.name
        for operation in function.operations
    }
    taken |= set(_input_names(function))
    names: dict[int, str] = {}
    for operation in function.operations:
        if getattr(operation, "op", None) is None:
            names[id(operation)] = operation.name
            continue
        number = 0
        name = operation.op.name
        while name in taken:
            number += 1
            name = f"{operation.op.name}_{number}"
        taken.add(name)
        names[id(operation)] = name
    return names


def rebuild(
    config: Mapping[str, Any],
    make: Callable[[dict[str, Any]], Any] | None = None,
    inputs: Sequence[KerasTensor] | None = None,
) -> tuple[Any, Any, dict[str, Any]]:
    """The graph of a description: inputs, outputs, and what it calls by name.

    Args:
        make: makes a layer of its description; by default ``configurable.deserialize``.
        inputs: symbolic tensors to take the place of the description's own inputs.
    """
    from polynet.symbolic import Input

    known: dict[tuple[str, int, int], Any] = {}
    operations: dict[str, Any] = {}
    waiting: dict[str, list[Any]] = {}
    given = iter(inputs or ())
    entries = config["layers"]
    if not isinstance(entries, list):
        raise ValueError(f"layers: expected a list; got {type(entries).__name__}.")
    for entry in entries:
        name = entry["name"] if "name" in entry else entry["config"]["name"]
        if not isinstance(name, str) or name in operations or (name, 0, 0) in known:
            raise ValueError(f"layers: expected names that occur once; got {name!r}.")
        if entry["class_name"] == "InputLayer":
            own = entry["config"]
            shape = own.get("batch_shape", own.get("batch_input_shape"))
            tensor = next(given, None) if inputs is not None else None
            known[(name, 0, 0)] = (
                tensor
                if tensor is not None
                else Input(
                    batch_shape=shape,
                    dtype=own.get("dtype"),
                    name=name,
                    optional=bool(own.get("optional", False)),
                )
            )
            operations[name] = None
            continue
        operations[name] = _make_operation(entry, make)
        waiting[name] = list(reversed(entry["inbound_nodes"]))
    counts = dict.fromkeys(waiting, 0)
    blocked: dict[tuple[str, int, int], list[str]] = {}  # what waits for a tensor
    needs = {name: _needed(nodes[-1]) for name, nodes in waiting.items() if nodes}
    ready = list(reversed(needs))
    while ready:
        name = ready.pop()
        nodes = waiting[name]
        while nodes:
            missing = needs[name]
            while missing and missing[-1] in known:
                missing.pop()
            if missing:
                blocked.setdefault(missing[-1], []).append(name)
                break
            args, kwargs = _filled(nodes.pop(), known)
            if not symbolic_leaves((args, kwargs)):
                raise ValueError(f"layers: {name!r} is called without a tensor of the graph.")
            outputs = operations[name](*args, **kwargs)
            for number, leaf in enumerate(tree.flatten(outputs)):
                key = (name, counts[name], number)
                known[key] = leaf
                ready += blocked.pop(key, ())
            counts[name] += 1
            needs[name] = _needed(nodes[-1]) if nodes else []
    left = [name for name, nodes in waiting.items() if nodes]
    if left:
        raise ValueError(
            f"layers: the inputs of {left[0]!r} are not made by any layer, or depend on its own outputs."
        )

    def resolve(structure: Any) -> Any:
        return _resolved(structure, known)

    return resolve(config["input_layers"]), resolve(config["output_layers"]), operations


def _make_operation(entry: dict[str, Any], make: Callable[[dict[str, Any]], Any] | None) -> Any:
    if entry.get("kind") == "ops":
        if entry["class_name"] not in OPS:
            raise ValueError(
                f"ops: unknown op {entry['class_name']!r}.{errors.closest(entry['class_name'], OPS)}"
            )
        return OPS[entry["class_name"]].call
    description = {key: entry[key] for key in entry if key not in ("name", "inbound_nodes")}
    if make is not None:
        return make(description)
    return configurable.deserialize(description, kind="layers")


def _reference(value: Any) -> tuple[str, int, int] | None:
    """The tensor of the graph that a description stands for, if it stands for one."""
    if not configurable.is_description(value):
        return None
    if value["class_name"] not in ("tensor", "__keras_tensor__"):
        return None
    own = value["config"]
    name, node, tensor = own["history"] if "history" in own else own["keras_history"]
    return str(name), int(node), int(tensor)


def _needed(value: Any) -> list[tuple[str, int, int]]:
    found = _reference(value)
    if found is not None:
        return [found]
    if isinstance(value, dict):
        return [key for entry in value.values() for key in _needed(entry)]
    if isinstance(value, list):
        return [key for entry in value for key in _needed(entry)]
    return []


def _filled(node: Any, known: Mapping[Any, Any]) -> tuple[list[Any], dict[str, Any]]:
    args = [_resolved(arg, known) for arg in node["args"]]
    return args, {key: _resolved(value, known) for key, value in node["kwargs"].items()}


def _resolved(value: Any, known: Mapping[Any, Any]) -> Any:
    found = _reference(value)
    if found is not None:
        if found not in known:
            raise ValueError(f"the graph has no tensor {list(found)}.")
        return known[found]
    if configurable.is_description(value) and value.get("kind") == "python":
        parts = value["config"]
        if value["class_name"] == "slice":
            return slice(*(_resolved(part, known) for part in parts))
        if value["class_name"] == "ellipsis":
            return Ellipsis
        if value["class_name"] == "hole":
            return HOLE
        if value["class_name"] == "tuple":
            return tuple(_resolved(part, known) for part in parts)
    if configurable.is_description(value):
        return configurable.deserialize(value)
    if isinstance(value, dict):
        return {key: _resolved(entry, known) for key, entry in value.items()}
    if isinstance(value, list):
        return [_resolved(entry, known) for entry in value]
    return value
