"""Descriptions as Keras's files have them, made into polynet's, and the other way round.

Keras names a module beside each class.  Here a module is a word: it says which of polynet's pages is meant, if it is
one of those that Keras itself writes, and nothing is ever imported by it.  Any other class must be registered or handed
in by the caller.  Objects are made of descriptions in ``configurable.py`` and ``graph.py``, not here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from polynet import configurable, errors
from polynet.op import OPS
from polynet.saving.keras_ops import BY_CLASS, BY_OP, KerasOp
from polynet.saving.strict_json import shown

_PAGES = {
    f"keras.{page}": page
    for page in (
        "activations",
        "constraints",
        "dtype_policies",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "models",
        "optimizers",
        "optimizers.schedules",
        "random",
        "regularizers",
    )
}
"""polynet's page for each module that Keras writes."""

_AT_THE_TOP = {
    "DTypePolicy": "dtype_policies",
    "DTypePolicyMap": "dtype_policies",
    "FloatDTypePolicy": "dtype_policies",
    "Sequential": "models",
    "Model": "models",
}
"""The pages of the classes whose module is ``keras`` alone."""

_GRAPHS = {"keras.src.models.functional", "keras.src.models.model", "keras.models", "keras"}
_OPS = "keras.src.ops."

_ENTRIES = {
    *("module", "class_name", "config", "registered_name", "name", "inbound_nodes"),
    *("build_config", "compile_config", "shared_object_id"),
}
_COMPILE = {
    *("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"),
    *("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss"),
}

# ------------------------------------------------------------------------------------------ Keras's to polynet's


def read_model(description: Any) -> dict[str, Any]:
    """The description in polynet's form of the model that Keras describes.

    Example:
        >>> read_model(
        ...     {"module": "keras", "class_name": "Sequential", "registered_name": None, "config": {"layers": []}}
        ... )
        {'kind': 'models', 'class_name': 'Sequential', 'config': {'layers': []}}
    """
    if not isinstance(description, dict) or not configurable.is_description(description):
        raise ValueError("expected the description of a model, with class_name and config.")
    made = _Reading().value(description)
    build = description.get("build_config")
    if isinstance(build, dict) and isinstance(made, dict) and made.get("kind") == "registered":
        shapes = [build["input_shape"]] if build.get("input_shape") else None
        if shapes is None and isinstance(build.get("shapes_dict"), dict):
            shapes = list(build["shapes_dict"].values())
        if shapes is not None:
            made["built_for"] = {"build": shapes}
    return made


def read_compile(description: Any) -> dict[str, Any] | None:
    """The arguments of ``compile`` that Keras describes, described in polynet's way; ``None`` when there are none."""
    if not description:
        return None
    if not isinstance(description, dict):
        raise ValueError(f"expected a dict of arguments; got {type(description).__name__}.")
    unknown = sorted(set(description) - _COMPILE)
    if unknown:
        raise ValueError(f"unknown argument {shown(unknown[0])} of compile.")
    # whether to compile was settled for the backend that Keras ran on
    return {
        key: _Reading().value(value)
        for key, value in description.items()
        if key != "jit_compile" and value is not None
    }


class _Reading:
    """One description that is read."""

    def __init__(self) -> None:
        self.shared: set[Any] = set()

    def value(self, value: Any) -> Any:
        """A value of a description in polynet's form."""
        if isinstance(value, list):
            return [self.value(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        if not configurable.is_description(value):
            return {key: self.value(entry) for key, entry in value.items()}
        name = value["class_name"]
        if not isinstance(name, str):
            raise ValueError(f"class_name: expected a string; got {type(name).__name__}.")
        if name.startswith("__") and name.endswith("__"):
            return self.python(name, value["config"])
        unknown = sorted(set(value) - _ENTRIES)
        if unknown:
            raise ValueError(f"{name}: unknown entry {shown(unknown[0])}.")
        if name == "function":
            return self.function(value)
        kind, name = _kind(value)
        config = value["config"]
        if config is None:
            config = {}
        if not isinstance(config, dict):
            raise ValueError(f"{name}: config: expected a dict; got {type(config).__name__}.")
        self.unshared(value, kind, name)
        return {"kind": kind, "class_name": name, "config": self.config(kind, name, config)}

    def config(self, kind: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a class."""
        if kind in ("models", "registered") and "output_layers" in config and "layers" in config:
            graph = ("layers", "input_layers", "output_layers")
            rest = {key: config[key] for key in config if key not in graph}
            return {**self.config(kind, name, rest), **self.graph(config)}
        config = dict(config)
        if kind == "layers":
            for key in ("quantization_config", "sparse", "ragged", "rms_scaling"):
                if key in config and not config[key]:
                    del config[key]
        return {key: self.value(entry) for key, entry in config.items()}

    def unshared(self, value: dict[str, Any], kind: str, name: str) -> None:
        """Refuse a layer that is held in two places; of other objects a copy does as well."""
        shared = value.get("shared_object_id")
        if shared is None or kind not in ("layers", "models", "registered"):
            return
        if not isinstance(shared, int) or shared in self.shared:
            raise NotImplementedError(
                f"{name}: the same object is in two places of the model; such files are not read. Load the weights "
                f"into a model that you make, with load_weights."
            )
        self.shared.add(shared)

    def python(self, name: str, config: Any) -> Any:
        """A value of Python that JSON has not."""

        def made(kind: str, config: Any) -> dict[str, Any]:
            return {"kind": "python", "class_name": kind, "config": config}

        if name == "__lambda__":
            raise ValueError(
                "a function is given as code (__lambda__), which is never run. Register a function by name where the "
                "model is made, with register_keras_serializable, and here with register_serializable."
            )
        if name == "__ellipsis__":
            return made("ellipsis", [])
        if isinstance(config, dict):
            if name == "__keras_tensor__":
                history = _history(config.get("keras_history"))
                return made("tensor", {**_known(config, ("shape", "dtype")), "history": history})
            if name in ("__numpy__", "__tensor__"):
                return made("array", {"value": config["value"], "dtype": config["dtype"]})
            if name == "__slice__":
                return made(
                    "slice", [self.value(config[part]) for part in ("start", "stop", "step")]
                )
        raise ValueError(f"class_name: {shown(name)} is no value that a description may hold.")

    def function(self, value: dict[str, Any]) -> Any:
        """A function, which is known by its name."""
        name, module = value["config"], value.get("module")
        if not isinstance(name, str):
            raise ValueError(
                f"function: config: expected a name; got {type(name).__name__}. Code is never run."
            )
        if module in _PAGES:
            _check_registered(value, name)
            return {"kind": _PAGES[module], "class_name": "function", "config": name}
        if module == "builtins" and configurable.get_registered_object(name) is None:
            return name  # built in: the page is that of the argument
        return {"kind": "registered", "class_name": "function", "config": name}

    # ---------------------------------------------------------------------------- graphs

    def graph(self, config: dict[str, Any]) -> dict[str, Any]:
        """The graph of a functional model."""
        entries = config["layers"]
        if not isinstance(entries, list):
            raise ValueError(f"layers: expected a list; got {type(entries).__name__}.")
        models = set()
        made = []
        for entry in entries:
            if not isinstance(entry, dict) or not configurable.is_description(entry):
                raise ValueError("layers: expected descriptions, with class_name and config.")
            name = entry.get("name", _known(entry["config"] or {}, ("name",)).get("name"))
            if not isinstance(name, str):
                raise ValueError("layers: expected layers with names.")
            if isinstance(entry["config"], dict) and "output_layers" in entry["config"]:
                models.add(name)
            made.append({**self.entry(entry), "name": name})
        return {
            "layers": made,
            "input_layers": _references(config["input_layers"], models),
            "output_layers": _references(config["output_layers"], models),
        }

    def entry(self, entry: dict[str, Any]) -> dict[str, Any]:
        """What is called in a graph, and each call."""
        nodes = entry.get("inbound_nodes", [])
        if not isinstance(nodes, list) or not all(
            isinstance(node, dict) and set(node) == {"args", "kwargs"} for node in nodes
        ):
            raise ValueError("inbound_nodes: expected a list of calls, each with args and kwargs.")
        calls = [{key: self.value(node[key]) for key in ("args", "kwargs")} for node in nodes]
        if not all(isinstance(c["args"], list) and isinstance(c["kwargs"], dict) for c in calls):
            raise ValueError("inbound_nodes: expected a list of args and a dict of kwargs.")
        module = entry.get("module")
        if isinstance(module, str) and module.startswith(_OPS):
            return self.op(entry, module.removeprefix(_OPS), calls)
        for call in calls:
            # the model that computes says whether it is training
            call["kwargs"].pop("training", None)
            if call["kwargs"].get("mask", ()) is None:
                del call["kwargs"]["mask"]
        return {**self.value(entry), "inbound_nodes": calls}

    def op(self, entry: dict[str, Any], page: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
        """An op of Keras with its calls, by polynet's name and arguments."""
        name = entry["class_name"]
        _check_registered(entry, str(name))
        config = self.value(entry["config"])
        if not isinstance(config, dict):
            raise ValueError(f"{name}: config: expected a dict; got {type(config).__name__}.")
        config.pop("name", None)
        found = BY_CLASS.get((page, name))
        if found is not None and found.op in _SPECIAL:
            special = _SPECIAL[found.op]
            own = [special(call["args"], {**config, **call["kwargs"]}) for call in calls]
            return {
                "kind": "ops",
                "class_name": found.op,
                "config": {},
                "inbound_nodes": [{"args": args, "kwargs": {}} for args in own],
            }
        if found is None or found.op not in OPS:
            raise ValueError(f"unknown op {shown(str(name))} of {shown(page)}.")
        taken = inspect.signature(OPS[found.op].call).parameters
        nodes = []
        for call in calls:
            if len(call["args"]) > len(found.call):
                raise ValueError(f"{name}: expected {len(found.call)} arguments.")
            arguments = {
                **dict(zip(found.call, call["args"], strict=False)),
                **call["kwargs"],
                **config,
            }
            for key in [key for key in arguments if key not in taken]:
                if arguments.pop(key):
                    raise NotImplementedError(f"{name}: {key}: polynet's {found.op} has none.")
            nodes.append({"args": [], "kwargs": arguments})
        return {"kind": "ops", "class_name": found.op, "config": {}, "inbound_nodes": nodes}


def _index(args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    x, key = (*args, kwargs["key"]) if "key" in kwargs else args
    parts = key if isinstance(key, list) else [key]
    for part in parts:
        plain = part is None or (isinstance(part, int) and not isinstance(part, bool))
        if not plain and not (
            configurable.is_description(part) and part["class_name"] in ("slice", "ellipsis")
        ):
            raise NotImplementedError("GetItem: expected integers, slices, None and an ellipsis.")
    return [x, [], {"kind": "python", "class_name": "tuple", "config": parts}]


def _einsum(args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    return [args, kwargs["subscripts"]]


_SPECIAL: dict[str, Callable[[list[Any], dict[str, Any]], list[Any]]] = {
    "index": _index,
    "einsum": _einsum,
}
"""Ops whose arguments are arranged in another way."""


def _kind(value: dict[str, Any]) -> tuple[str, str]:
    """The page and name of the class that is meant."""
    name, module = value["class_name"], value.get("module")
    registered = value.get("registered_name")
    if module is not None and not isinstance(module, str):
        raise ValueError(f"{name}: module: expected a string; got {type(module).__name__}.")
    if isinstance(registered, str) and registered != name:
        if configurable.get_registered_object(registered) is not None:
            return "registered", registered
    if module in _GRAPHS and name in ("Functional", "Model"):
        _check_registered(value, name)
        return "models", "Model"
    page = _AT_THE_TOP.get(name) if module == "keras" else _page(module)
    if page is not None:
        _check_registered(value, name)
        return page, name
    wanted = registered if isinstance(registered, str) else name
    if configurable.get_registered_object(name) is not None:
        return "registered", name
    short = wanted.split(">")[-1]
    if configurable.get_registered_object(short) is not None:
        return "registered", short
    told = f" of module {shown(module)}" if module else ""
    raise ValueError(
        f"unknown class {shown(wanted)}{told}. Modules are never imported. Hand it in by "
        f"custom_objects={{{shown(short)}: ...}}, or register it with polynet.saving.register_serializable."
    )


def _page(module: str | None) -> str | None:
    """The page that is meant by a module of Keras, public or, as on torch for optimizers, where a class is written."""
    if module in _PAGES:
        return _PAGES[module]
    first, *parts = (module or "").split(".")
    if (first, *parts[:1]) != ("keras", "src"):
        return None
    if parts[1:3] == ["optimizers", "schedules"]:
        return "optimizers.schedules"
    return next((part for part in parts if part in _PAGES.values()), None)


def _check_registered(value: dict[str, Any], name: str) -> None:
    """A class of Keras has no name that it was registered under, or its own."""
    registered = value.get("registered_name")
    if registered not in (None, "", name, value["class_name"]):
        raise ValueError(
            f"{name}: registered_name: expected none for what is built in; got {shown(str(registered))}."
        )


def _known(config: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: config[name] for name in names if name in config}


def _history(value: Any) -> list[Any]:
    if (
        not isinstance(value, list)
        or len(value) != 3
        or not isinstance(value[0], str)
        or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value[1:])
    ):
        raise ValueError("expected a place in the graph: a layer's name and two numbers.")
    return value


def _references(value: Any, models: set[str]) -> Any:
    """The places of a graph's inputs or outputs, as tensors."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        name, node, number = _history(value)
        # Keras counts the graph of a model as its first call
        history = [name, node - (name in models), number]
        return {"kind": "python", "class_name": "tensor", "config": {"history": history}}
    if isinstance(value, list):
        return [_references(entry, models) for entry in value]
    if isinstance(value, dict):
        return {key: _references(entry, models) for key, entry in value.items()}
    raise ValueError("expected places in the graph, in lists or dicts.")


# ------------------------------------------------------------------------------------------ polynet's to Keras's


def write_model(description: Mapping[str, Any]) -> dict[str, Any]:
    """Keras's description of a model from polynet's.

    Example:
        >>> write_model({"kind": "models", "class_name": "Sequential", "config": {"layers": []}})["module"]
        'keras'
    """
    made = _written(description)
    built = description.get("built_for")
    if built:
        shapes = _shapes(built)
        if shapes:
            made["build_config"] = (
                {"input_shape": next(iter(shapes.values()))}
                if len(shapes) == 1
                else {"shapes_dict": shapes}
            )
    return dict(made)


def write_compile(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Keras's description of the arguments of ``compile`` from polynet's descriptions."""
    known = [key for key in arguments if key in _COMPILE and key != "auto_scale_loss"]
    return {key: _written(arguments[key]) for key in known}


def _shapes(built: Mapping[str, Any]) -> dict[str, Any] | None:
    """The shapes that a model was built for, when Keras can be told of them."""
    if "build" in built:
        shapes = list(built["build"])
        return {f"{number}_shape": shape for number, shape in enumerate(shapes)}
    found = {}
    for name, value in built["call"].items():
        if not configurable.is_description(value) or value["class_name"] != "tensor":
            return None
        found[f"{name}_shape"] = value["config"]["shape"]
    return found


def _written(value: Any) -> Any:
    """Keras's form of a value in a description."""
    if isinstance(value, list | tuple):
        return [_written(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if not configurable.is_description(value) or "kind" not in value:
        return {key: _written(entry) for key, entry in value.items()}
    kind, name, config = value["kind"], value["class_name"], value["config"]
    if kind == "python":
        return _written_python(name, config)
    if name == "function":
        if kind == "registered":
            return _described(None, "function", config, config)
        return config  # a name of the argument's page
    if kind in ("registered", "custom"):
        return _described(None, name.split(">")[-1], _written_config(config), name)
    if kind == "models" and name == "Model":
        made = _written_config(config)
        return _described("keras.src.models.functional", "Functional", made, "Functional")
    module = "keras" if name in _AT_THE_TOP else f"keras.{kind}"
    made = _written_config(config)
    if name.startswith("SpatialDropout"):  # whose constructors in Keras do not take it
        made.pop("trainable", None)
    return _described(module, name, made, None)


def _described(module: str | None, name: str, config: Any, registered: str | None) -> Any:
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": registered,
    }


def _written_python(name: str, config: Any) -> Any:
    if name == "tuple":
        return [_written(entry) for entry in config]
    if name == "array":
        return {"class_name": "__numpy__", "config": config}
    if name == "slice":
        parts = dict(zip(("start", "stop", "step"), map(_written, config), strict=True))
        return {"class_name": "__slice__", "config": parts}
    if name == "ellipsis":
        return {"class_name": "__ellipsis__", "config": {}}
    if name == "tensor":
        own = {key: config[key] for key in ("shape", "dtype") if key in config}
        return {
            "class_name": "__keras_tensor__",
            "config": {**own, "keras_history": config["history"]},
        }
    raise ValueError(f"save: Keras's files have no {name} like {config!r}.")


def _written_config(config: Any) -> Any:
    if "output_layers" not in config or "layers" not in config:
        return _written(config)
    graph = ("layers", "input_layers", "output_layers")
    rest = {key: _written(config[key]) for key in config if key not in graph}
    return {**rest, **_written_graph(config)}


def _written_graph(config: Mapping[str, Any]) -> dict[str, Any]:
    """A graph as Keras describes it, in which each call of an op is an entry of its own."""
    names = {entry["name"] for entry in config["layers"]}
    places: dict[tuple[str, int], tuple[str, int]] = {}
    entries: list[tuple[dict[str, Any], str, list[Any]]] = []
    models = set()
    for entry in config["layers"]:
        name, nodes = entry["name"], entry["inbound_nodes"]
        if entry["kind"] != "ops":
            if isinstance(entry["config"], dict) and "output_layers" in entry["config"]:
                models.add(name)
            entries.append((entry, name, nodes))
            continue
        for number, node in enumerate(nodes):
            own = f"{name}_{number}" if number else name
            while number and own in names:
                own += "_"
            names.add(own)
            places[name, number] = own, 0
            entries.append((entry, own, [node]))

    def place(history: Sequence[Any]) -> list[Any]:
        name, node, number = history
        return [*places.get((name, node), (name, node)), number]

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [moved(entry) for entry in value]
        if isinstance(value, dict):
            if value.get("kind") == "python" and value.get("class_name") == "tensor":
                history = place(value["config"]["history"])
                return {**value, "config": {**value["config"], "history": history}}
            return {key: moved(entry) for key, entry in value.items()}
        return value

    def reference(value: Any) -> Any:
        if configurable.is_description(value) and value["class_name"] == "tensor":
            name, node, number = place(value["config"]["history"])
            return [name, node + (name in models), number]
        if configurable.is_description(value):
            return [reference(entry) for entry in value["config"]]
        if isinstance(value, dict):
            return {key: reference(entry) for key, entry in value.items()}
        return [reference(entry) for entry in value]

    made = []
    for entry, name, nodes in entries:
        calls = [moved({"args": node["args"], "kwargs": node["kwargs"]}) for node in nodes]
        if entry["kind"] == "ops":
            made.append(_written_op(entry["class_name"], name, calls[0]))
            continue
        own = {key: entry[key] for key in ("kind", "class_name", "config")}
        made.append({**_written(own), "name": name, "inbound_nodes": _written(calls)})
    return {
        "layers": made,
        "input_layers": reference(config["input_layers"]),
        "output_layers": reference(config["output_layers"]),
    }


def _written_op(op: str, name: str, call: Mapping[str, Any]) -> dict[str, Any]:
    """A call of an op as Keras describes it."""
    found = BY_OP.get(op)
    if op == "index" and found is not None:
        x, indices, key = call["args"]
        if indices:
            raise ValueError(
                "save: Keras's files hold no indexing by tensors; use ops.take or ops.take_along_axis in the model."
            )
        parts = key["config"] if configurable.is_description(key) else key
        return _op_entry(found, {}, name, [x, parts])
    if op == "einsum" and found is not None:
        operands, subscripts = call["args"]
        return _op_entry(found, {"subscripts": subscripts}, name, operands)
    if found is None:
        raise ValueError(
            f"save: Keras has no op like polynet's {op!r}, which the model calls; a '.polynet' file can hold it."
        )
    taken = list(inspect.signature(OPS[op].call).parameters)
    arguments = {**dict(zip(taken, call["args"], strict=False)), **call["kwargs"]}
    for key in arguments:
        if key not in found.call and key not in found.config:
            raise errors.FileError(f"save: {op}: {key}: Keras's {found.class_name} has none.")
    given = [arguments.pop(key, None) for key in found.call]
    return _op_entry(found, arguments, name, given)


def _op_entry(found: KerasOp, config: dict[str, Any], name: str, args: list[Any]) -> dict[str, Any]:
    return {
        **_described(
            _OPS + found.page,
            found.class_name,
            {"name": name, **_written(config)},
            found.class_name,
        ),
        "name": name,
        "inbound_nodes": [{"args": _written(args), "kwargs": {}}],
    }


__all__ = ["read_compile", "read_model", "write_compile", "write_model"]
