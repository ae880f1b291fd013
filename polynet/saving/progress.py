"""Checkpoint files: all variables of a run and plain data beside them, in one file, written whole or not at all.

What is in the file is restored into the same program's model; the model's structure is not in it (``model_files.py``).
Which files are written, kept and taken up again is for ``callbacks/checkpointer.py`` to say.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import polynet
from polynet import errors
from polynet.random import seed_generator
from polynet.saving import container, plain, strict_json, weights
from polynet.saving.model_files import _optimizer_variables, _read_json, _tensors
from polynet.saving.weights import HostArray, Tensors
from polynet.variable import Variable

KIND = "checkpoint"
"""What manifest.json calls such a file."""

_STATE, _ARRAYS = "state.json", "arrays.safetensors"
_METRICS = "metrics.safetensors"
_GROUPS = ("weights.safetensors", "optimizer.safetensors", _METRICS, "random.safetensors")
_MEMBERS = (_STATE, _ARRAYS, *_GROUPS)


def save_checkpoint(
    path: str | os.PathLike[str], model: Any, state: Any, optimizer: Any = None
) -> None:
    """Write the values of all variables of a model in training, all random states, and ``state``, plain data.

    Args:
        optimizer: by default the model's.
    """
    tree = {"state": state, "random": seed_generator.host_states()}
    data, arrays = plain.to_data(tree, "state")
    members: dict[str, container.Buffers] = {_STATE: [strict_json.write(data)]}
    members[_ARRAYS] = weights.as_buffers({k: HostArray(v) for k, v in arrays.items()})
    for name, variables in _variables(model, optimizer).items():
        members[name] = weights.as_buffers(variables)
    about = {"polynet": polynet.__version__, "kind": KIND}
    container.write(os.fspath(path), members, about=about)


class Checkpoint:
    """A checkpoint file, read whole and verified; nothing is changed by that.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._tensors: dict[str, Tensors] = {}
        self._arrays: dict[str, dict[str, Any]] = {}
        with container.reading(self.path) as file:
            members, manifest = container.open_members(file, _MEMBERS, _MEMBERS)
            if manifest.get("kind") != KIND:
                raise errors.FileError(f"{self.path}: expected a checkpoint; it is none.")
            data, what = _read_json(members[_STATE]), members[_STATE].what
            for name in (_ARRAYS, *_GROUPS):
                self._tensors[name] = tensors = _tensors(members[name])
                self._arrays[name] = tensors.read(tensors.tensors, members[name].verify)
        tree = plain.from_data(data, self._arrays.pop(_ARRAYS), what)
        if not isinstance(tree, dict) or set(tree) != {"state", "random"}:
            raise errors.FileError(f"{what}: expected state and random.")
        self.state, self._random = tree["state"], tree["random"]

    def apply(self, model: Any, optimizer: Any = None, metrics: bool = True) -> None:
        """Give all variables and random states the values of the file, once; if anything does not fit, none.

        Args:
            optimizer: by default the model's.
            metrics: must the counts of the metrics fit? Otherwise they are left as they are if they do not.
        """
        wanted = _variables(model, optimizer)
        for name, variables in list(wanted.items()):
            tensors = self._tensors[name]
            found = weights.compare(tensors, variables, exact=True)
            if name == _METRICS and not metrics and any(found):
                del wanted[name]
                continue
            weights.require_all(tensors, variables, found, hint=False)
        values = []
        for name, variables in wanted.items():
            values += weights.as_values(variables, self._arrays[name])
        try:
            seed_generator.set_host_states(self._random)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise errors.FileError(f"{self.path}: {_STATE}: random: {error}.") from error
        weights.assign_all(values)


def is_checkpoint(path: str) -> bool:
    """Is this a whole checkpoint file, as far as one can tell without reading all of it?"""
    try:
        with container.reading(path) as file:
            return bool(container.open_members(file, _MEMBERS, _MEMBERS)[1].get("kind") == KIND)
    except (errors.FileError, OSError):
        return False


def _variables(model: Any, optimizer: Any) -> dict[str, Mapping[str, Variable]]:
    """Every variable that a run changes, by file member and name."""
    metrics = [variable for metric in model.metrics for variable in metric.variables]
    optimizer = model.optimizer if optimizer is None else optimizer
    updating = {} if optimizer is None else _optimizer_variables(optimizer)
    seeds = {
        **weights.seeds_by_name(model),
        "the global generator": seed_generator.global_seed_generator().state,
    }
    numbered = {str(number): variable for number, variable in enumerate(metrics)}
    return dict(
        zip(_GROUPS, (weights.weights_by_name(model), updating, numbered, seeds), strict=True)
    )
