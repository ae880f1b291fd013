"""The state of a training run in one file: all variables, and where in the data it is; written whole or not at all.

What is in the file is restored into the same program's model; the model's structure is not in it (``model_files.py``).
"""

from __future__ import annotations

import os
from typing import Any

from polynet import errors
from polynet.random.seed_generator import global_seed_generator
from polynet.saving import container, strict_json, weights
from polynet.saving.model_files import _optimizer_variables, _read_json, _tensors
from polynet.variable import Variable

POSITION = "position.json"
_GROUPS = (
    "weights.safetensors",
    "optimizer.safetensors",
    "metrics.safetensors",
    "state.safetensors",
)


def save_progress(path: str | os.PathLike[str], model: Any, position: dict[str, Any]) -> None:
    """Write the values of all variables of a model in training, and ``position``, a dict of numbers."""
    members: dict[str, container.Buffers] = {POSITION: [strict_json.write(position)]}
    for name, variables in _variables(model).items():
        members[name] = weights.as_buffers(variables)
    container.write(os.fspath(path), members)


def load_progress(path: str | os.PathLike[str], model: Any) -> dict[str, Any]:
    """Take everything from such a file; returns the position.  If anything does not fit, nothing is changed."""
    with container.reading(os.fspath(path)) as file:
        members, _ = container.open_members(file, (POSITION, *_GROUPS), (POSITION, *_GROUPS))
        position = _read_json(members[POSITION])
        if not isinstance(position, dict) or not all(isinstance(n, int) for n in position.values()):
            raise errors.FileError(f"{members[POSITION].what}: expected a dict of integers.")
        values = []
        for name, variables in _variables(model).items():
            tensors = _tensors(members[name])
            weights.require_all(tensors, variables, weights.compare(tensors, variables, exact=True))
            arrays = tensors.read(variables, members[name].verify)
            values += weights.as_values(variables, arrays)
    weights.assign_all(values)
    return position


def _variables(model: Any) -> dict[str, dict[str, Variable]]:
    """Every variable that a run changes, by file member and name."""
    metrics = [variable for metric in model.metrics for variable in metric.variables]
    optimizer = {} if model.optimizer is None else _optimizer_variables(model.optimizer)
    seeds = {**weights.seeds_by_name(model), "the global generator": global_seed_generator().state}
    numbered = {str(number): variable for number, variable in enumerate(metrics)}
    return dict(
        zip(_GROUPS, (weights.weights_by_name(model), optimizer, numbered, seeds), strict=True)
    )
