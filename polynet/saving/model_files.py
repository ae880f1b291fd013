"""Whole models and their weights to files and back.

A ``.polynet`` file holds a model's description, weights, what ``compile`` was given, the optimizer's state and that of
random generators.  A description names built-in types, and those that the caller registered or hands in; nothing in a
file is ever imported or run.  How bytes are arranged is in ``container.py``, how values are in ``weights.py``.
"""

from __future__ import annotations

import difflib  # noqa: F401 (hints of errors need it, and nothing is imported while a file is read)
import math
import mmap
import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import polynet
from polynet import configurable, dtypes, errors
from polynet.layers.layer import Layer
from polynet.saving import container, strict_json, weights
from polynet.saving.container import Member
from polynet.saving.weights import Comparison, Tensors
from polynet.symbolic import KerasTensor
from polynet.variable import Variable, initializing_by

CONFIG, COMPILE = "config.json", "compile.json"
WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.safetensors"
MEMBERS = (CONFIG, COMPILE, WEIGHTS, OPTIMIZER, STATE)

_OF_KERAS = (".weights.h5", ".keras")
_LARGEST_CONFIG = 64 << 20
_SLACK = 32 << 20
"""Bytes that a model may hold beside what is in its file: the counts of metrics."""

# ------------------------------------------------------------------------------------------ models


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write a model to one file: structure, weights, and all that training needs to go on.

    The file appears whole or not at all; what was there before stays until then.

    Args:
        filepath: ends in ``.polynet``, or in ``.keras`` for a file that Keras opens.
        overwrite: may there be a file already?
        zipped: a model file is always one file; ``False`` is refused.

    Example:
        >>> import pathlib, tempfile, polynet
        >>> path = pathlib.Path(tempfile.mkdtemp(), "m.polynet")
        >>> model = polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(2)])
        >>> polynet.saving.save_model(model, path)
        >>> x = polynet.ops.ones((1, 3))
        >>> bool((polynet.saving.load_model(path)(x) == model(x)).all())
        True
    """
    path = _model_path(filepath, "save")
    if kwargs:
        raise TypeError(f"save: unknown arguments {sorted(kwargs)}.")
    if zipped is False:
        raise ValueError("save: zipped: a model file is one file; expected None or True.")
    _check_model(model, "save")
    if path.endswith(".keras"):
        from polynet.saving import keras_files

        return keras_files.save_model(model, path, overwrite)
    description = describe_model(model)
    members: dict[str, container.Buffers] = {CONFIG: [strict_json.write(_finite(description))]}
    compiled = _describe_compile(model)
    if compiled is not None:
        members[COMPILE] = [strict_json.write(_finite(compiled))]
    members[WEIGHTS] = weights.as_buffers(weights.weights_by_name(model))
    if compiled is not None and model.optimizer is not None:
        members[OPTIMIZER] = weights.as_buffers(_optimizer_variables(model.optimizer))
    seeds = weights.seeds_by_name(model)
    if seeds:
        members[STATE] = weights.as_buffers(seeds)
    container.write(path, members, overwrite, {"polynet": polynet.__version__})


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model of a file that ``save`` wrote, on whichever backend it was; or that Keras wrote, ``.keras``.

    Args:
        custom_objects: classes and functions of yours by the names that the file may use for them.
        compile: restore what ``compile`` was given, with the optimizer's state?
        safe_mode: loading never runs anything of a file; ``False`` is refused.

    Example:
        >>> import pathlib, tempfile, polynet
        >>> path = pathlib.Path(tempfile.mkdtemp(), "m.polynet")
        >>> polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(2)]).save(path)
        >>> polynet.load_model(path).output_shape
        (None, 2)
    """
    path = _model_path(filepath, "load_model")
    if not safe_mode:
        raise ValueError(
            "load_model: safe_mode: there is no unsafe mode, no code of a file is ever run; expected True."
        )
    if path.endswith(".keras"):
        from polynet.saving import keras_files

        return keras_files.load_model(path, custom_objects, compile)
    with container.reading(path) as file:
        members, _ = container.open_members(file, MEMBERS, (CONFIG, WEIGHTS))
        return _load(path, members, custom_objects, compile)


def _load(
    path: str, members: dict[str, Member], custom_objects: Mapping[str, Any] | None, compile: bool
) -> Any:
    description = _read_json(members[CONFIG])
    parts = {
        name: _tensors(members[name]) for name in (WEIGHTS, OPTIMIZER, STATE) if name in members
    }
    limit = _Limit(sum(each.size for each in parts.values()))
    with configurable.custom_object_scope(custom_objects or {}), limit.applied():
        model = _guarded(members[CONFIG].what, lambda: _make_model(description))
        if compile and COMPILE in members:
            told = _read_json(members[COMPILE])
            _guarded(
                members[COMPILE].what,
                lambda: _compile(model, told, members[COMPILE].what),
                " With compile=False the model is loaded without it.",
            )
    wanted = {WEIGHTS: weights.weights_by_name(model), STATE: weights.seeds_by_name(model)}
    if model.optimizer is not None:
        wanted[OPTIMIZER] = _optimizer_variables(model.optimizer)
    elif OPTIMIZER in parts:
        del parts[OPTIMIZER]
    for name, variables in wanted.items():
        if name not in parts:
            if variables:
                raise errors.FileError(f"{path}: there is no member {name}, which the model needs.")
            continue
        found = weights.compare(parts[name], variables, exact=True)
        weights.require_all(parts[name], variables, found)
    values = []
    for name, tensors in parts.items():
        arrays = tensors.read(wanted[name], members[name].verify)
        values += weights.as_values(wanted[name], arrays)
    weights.assign_all(values)
    return model


# ------------------------------------------------------------------------------------------ weights


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    **kwargs: Any,
) -> None:
    """Write the weights to a safetensors file, which every reader of safetensors opens, or to a file for Keras.

    Args:
        filepath: ends in ``.safetensors``, or in ``.weights.h5`` for Keras.
        overwrite: may there be a file already?
        max_shard_size: polynet writes one file; only ``None`` is taken.

    Example:
        >>> import pathlib, tempfile, polynet, safetensors.numpy
        >>> path = pathlib.Path(tempfile.mkdtemp(), "m.safetensors")
        >>> model = polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(2)])
        >>> model.save_weights(path)
        >>> sorted(safetensors.numpy.load_file(path))
        ['dense/bias', 'dense/kernel']
    """
    path = os.fspath(filepath)
    if kwargs:
        raise TypeError(f"save_weights: unknown arguments {sorted(kwargs)}.")
    if max_shard_size is not None:
        raise NotImplementedError(
            "save_weights: max_shard_size: weights are written to one file, of any size; expected None."
        )
    _check_model(model, "save_weights")
    _check_ending(path, (".safetensors", ".weights.h5"), "save_weights")
    _check_built(model, "save_weights")
    if path.endswith(".weights.h5"):
        from polynet.saving import keras_files

        return keras_files.save_weights(model, path, overwrite)
    buffers = weights.as_buffers(weights.weights_by_name(model))
    size = sum(part.nbytes for part in buffers[1:])
    header = weights.with_hash(buffers, weights.NO_HASH * (1 + container.pieces_of(size)))
    with container.replacing(path, overwrite, len(header) + size) as output:
        output.write(header)
        with container.beside(size) as pool:
            digests = container.Digests(pool)
            digests.feed(header)
            digests.end()
            for part in buffers[1:]:
                digests.feed(part)
            for part in buffers[1:]:
                output.write(part)
            if size >= container.PARALLEL:
                output.sync()  # the disk has something to do while hashes are computed
            output.write_at(weights.with_hash(buffers, digests.results()), 0)


def load_weights(
    model: Any,
    filepath: Any,
    skip_mismatch: bool = False,
    strict: bool = True,
    **kwargs: Any,
) -> Comparison:
    """Take the weights from a file that ``save_weights`` or ``save`` wrote: all of them, or none when one does not fit.

    Args:
        filepath: ends in ``.safetensors`` or ``.polynet``, or is Keras's, ``.weights.h5`` or ``.keras``.
        skip_mismatch: leave weights as they are whose shape is another in the file, with a warning?
        strict: must the file and the model have the same weights? Otherwise what both have is loaded.

    Returns:
        The names that are missing in the file, that it has beyond the model, and that were skipped.

    Example:
        >>> import pathlib, tempfile, polynet
        >>> def make():
        ...     return polynet.Sequential([polynet.Input((3,)), polynet.layers.Dense(2)])
        >>> path = pathlib.Path(tempfile.mkdtemp(), "m.safetensors")
        >>> make().save_weights(path)
        >>> make().load_weights(path)
        Comparison(missing=[], extra=[], mismatched=[])
    """
    path = os.fspath(filepath)
    if kwargs:
        raise TypeError(f"load_weights: unknown arguments {sorted(kwargs)}.")
    _check_model(model, "load_weights")
    _check_ending(path, (".safetensors", ".polynet", *_OF_KERAS), "load_weights")
    _check_built(model, "load_weights")
    with container.reading(path) as file:
        variables = weights.weights_by_name(model)
        tensors: Any
        verify = None
        if path.endswith(".polynet"):
            members, _ = container.open_members(file, MEMBERS, (CONFIG, WEIGHTS))
            tensors, verify = _tensors(members[WEIGHTS]), members[WEIGHTS].verify
        elif path.endswith(_OF_KERAS):
            from polynet.saving import keras_files

            tensors, variables = keras_files.weights_of(file, path, model)
        else:
            tensors = Tensors(file, 0, file.size, path)
        found = weights.compare(tensors, variables, exact=False)
        skipped = set(found.mismatched) if skip_mismatch else set()
        if strict:
            weights.require_all(
                tensors, variables, found._replace(mismatched=[]) if skip_mismatch else found
            )
        elif found.mismatched and not skip_mismatch:
            weights.require_all(tensors, variables, Comparison([], [], found.mismatched))
        wanted = {
            name: variable
            for name, variable in variables.items()
            if name in tensors.tensors and name not in skipped
        }
        weights.assign_all(weights.as_values(wanted, tensors.read(wanted, verify)))
    if skipped:
        warnings.warn(
            f"load_weights: {len(skipped)} weights have another shape in {path}, and are left as they were: "
            f"{', '.join(sorted(skipped)[:5])}.",
            stacklevel=3,
        )
    return found


# ------------------------------------------------------------------------------------------ descriptions


def describe_model(model: Any) -> dict[str, Any]:
    """A model as data, with the shapes that it was built for."""
    description = dict(configurable.serialize(model))
    _refuse_functions(description, type(model).__name__)
    built = model.__dict__.get("_built_for")
    if built is not None and model._graph is None:
        description["built_for"] = built
    return description


def _refuse_functions(value: Any, where: str) -> None:
    """A function that is not known by name cannot be found again."""
    if isinstance(value, dict):
        if value.get("kind") == "custom" and value.get("class_name") == "function":
            raise ValueError(
                f"save: {where}: the function {value['config']!r} cannot be saved: a file holds no code. Register it, "
                f"with the decorator @polynet.saving.register_serializable(), and name it instead of a lambda."
            )
        name = (
            value.get("config", {}).get("name") if isinstance(value.get("config"), dict) else None
        )
        inner = f"{value['class_name']} {name!r}" if name and "class_name" in value else where
        for entry in value.values():
            _refuse_functions(entry, inner)
    elif isinstance(value, list):
        for entry in value:
            _refuse_functions(entry, where)


def _describe_compile(model: Any) -> dict[str, Any] | None:
    """What ``compile`` was given, as data; ``None`` when there is nothing, or it cannot be described."""
    compiled = model._compiled
    if compiled is None:
        return None
    try:
        arguments = {
            name: configurable.serialize(value)
            for name, value in {**compiled.given, "optimizer": compiled.optimizer}.items()
        }
        _refuse_functions(arguments, "compile")
    except (TypeError, ValueError, NotImplementedError) as error:
        warnings.warn(
            f"save: what compile was given is left out of the file, so that the loaded model has to be compiled: "
            f"{error}",
            stacklevel=4,
        )
        return None
    description: dict[str, Any] = {"arguments": arguments}
    optimizer = compiled.optimizer
    if optimizer is not None and optimizer.built:
        names = {id(variable): name for name, variable in weights.weights_by_name(model).items()}
        description["trained"] = [names[id(variable)] for variable in optimizer._trainable]
    return description


def _optimizer_variables(optimizer: Any) -> dict[str, Variable]:
    return {str(number): variable for number, variable in enumerate(optimizer.variables)}


def _finite(value: Any) -> Any:
    """Numbers that JSON has not, infinities and NaN, as descriptions."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"kind": "python", "class_name": "float", "config": repr(value)}
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    return [_finite(entry) for entry in value] if isinstance(value, list) else value


def _make_model(description: Any) -> Any:
    """The model of a description, built."""
    if not isinstance(description, dict) or not configurable.is_description(description):
        raise ValueError("expected the description of a model.")
    built = description.pop("built_for", None)
    from polynet.models.model import Model

    model = configurable.deserialize(description, kind="models")
    if not isinstance(model, Model):
        raise ValueError(
            f"expected the description of a model; got that of a {type(model).__name__}."
        )
    if built is not None and model._graph is None:
        _build(model, built)
    return model


def _build(model: Any, built: Any) -> None:
    """Build a model as it was built when it was saved."""
    if not isinstance(built, dict) or len(built) != 1:
        raise ValueError("built_for: expected shapes for build or for a call.")
    if "build" in built:
        model.build(*(_as_shapes(shape) for shape in built["build"]))
        return
    named = {name: _as_symbols(value) for name, value in built["call"].items()}
    places = [name for name in named if name.startswith("*")]
    ordered = [named.pop(name) for name in model._signature.names if name in named]
    model(*ordered, *(named.pop(name) for name in places), **named)


def _as_shapes(value: Any) -> Any:
    """Shapes that JSON made lists are tuples again."""
    if isinstance(value, list):
        return tuple(_as_shapes(entry) for entry in value)
    if isinstance(value, dict):
        return {key: _as_shapes(entry) for key, entry in value.items()}
    return value


def _as_symbols(value: Any) -> Any:
    if configurable.is_description(value) and value["class_name"] == "tensor":
        return KerasTensor(tuple(value["config"]["shape"]), value["config"]["dtype"])
    if configurable.is_description(value) and value["class_name"] == "tuple":
        return tuple(_as_symbols(entry) for entry in value["config"])
    if isinstance(value, dict):
        return {key: _as_symbols(entry) for key, entry in value.items()}
    return [_as_symbols(entry) for entry in value] if isinstance(value, list) else value


def _compile(model: Any, told: Any, what: str) -> None:
    if not isinstance(told, dict) or not isinstance(told.get("arguments"), dict):
        raise errors.FileError(f"{what}: expected arguments, a dict.")
    model.compile(
        **{name: configurable.deserialize(value) for name, value in told["arguments"].items()}
    )
    from polynet.optimizers import Optimizer

    if not isinstance(model.optimizer, Optimizer | None):
        raise errors.FileError(
            f"{what}: optimizer: expected an optimizer; got {type(model.optimizer).__name__}."
        )
    trained = told.get("trained")
    if trained is not None and model.optimizer is not None:
        if not isinstance(trained, list) or len(set(map(str, trained))) != len(trained):
            raise errors.FileError(f"{what}: trained: expected a list of names that occur once.")
        known = weights.weights_by_name(model)
        for name in trained:
            if not isinstance(name, str) or name not in known:
                raise errors.FileError(
                    f"{what}: trained: unknown weight {strict_json.shown(str(name))}."
                )
        model.optimizer.build([known[name] for name in trained])
        model.optimizer.built = True


# ------------------------------------------------------------------------------------------ checks


class _Limit:
    """While a file is read, variables together may take no more bytes than its values."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.left = size + _SLACK

    def applied(self) -> Any:
        return initializing_by(self.initial)

    def initial(self, variable: Variable, shape: tuple[int, ...], dtype: str) -> Any:
        """Zeros, which take no memory before they are written: the file has the values, and metrics begin at 0."""
        size = dtypes.itemsize(dtype)
        for length in shape:
            size *= length
        self.left -= size
        if self.left < 0:
            raise errors.FileError(
                f"weight {variable.path!r} of shape {shape} shall be made; the file holds {self.size} bytes of values "
                f"in all."
            )
        host = np.dtype(np.int8 if dtype == "bfloat16" else dtype)
        count = size // dtypes.itemsize(dtype)
        memory = mmap.mmap(
            -1, max(1, count * host.itemsize)
        )  # np.zeros may write into memory of before
        return variable._backend.asarray(np.frombuffer(memory, host, count).reshape(shape), dtype)


def _guarded(what: str, function: Callable[[], Any], hint: str = "") -> Any:
    """``function()``, whose errors are errors of the file."""
    token = configurable.reading_file.set(True)
    try:
        return function()
    except errors.FileError as error:
        text = str(error)
        raise errors.FileError(text if text.startswith(what) else f"{what}: {text}") from error
    except Exception as error:
        text = str(error) or type(error).__name__
        if isinstance(error, KeyError):
            text = f"there is no entry {text}."
        raise errors.FileError(f"{what}: {text}{hint}") from error
    finally:
        configurable.reading_file.reset(token)


def _read_json(member: Member) -> Any:
    return strict_json.read(member.read(_LARGEST_CONFIG), member.what)


def _tensors(member: Member) -> Tensors:
    return Tensors(member.file, member.start, member.size, member.what)


def _check_model(model: Any, what: str) -> None:
    if not isinstance(model, Layer) or not hasattr(model, "_compiled"):
        raise TypeError(f"{what}: model: expected a model; got {type(model).__name__}.")


def _check_built(model: Any, what: str) -> None:
    if not model.built:
        raise ValueError(
            f"{what}: {type(model).__name__} {model.name!r} has no weights yet. Call it, or build(input_shape), first."
        )


def _model_path(filepath: Any, what: str) -> str:
    path = os.fspath(filepath)
    _check_ending(path, (".polynet", ".keras"), what)
    return path


def _check_ending(path: Any, endings: tuple[str, ...], what: str) -> None:
    if not isinstance(path, str):
        raise TypeError(f"{what}: filepath: expected a string or path; got {type(path).__name__}.")
    if path.endswith(endings):
        return
    offered = " or ".join(repr(ending) for ending in endings)
    if path.endswith((".keras", ".h5", ".hdf5")):
        raise NotImplementedError(
            f"{what}: {path}: Keras's models are '.keras' and weights '.weights.h5'; HDF5 files of older kinds "
            f"are not read or written. A name that ends in {offered} is."
        )
    raise ValueError(f"{what}: filepath: expected a name that ends in {offered}; got {path!r}.")
