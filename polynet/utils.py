"""The names of Keras's ``utils`` that polynet has so far; each is defined elsewhere."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which do not run __getattr__
    from polynet.backend import clear_session, is_keras_tensor, standardize_dtype
    from polynet.config import (
        disable_interactive_logging,
        enable_interactive_logging,
        is_interactive_logging_enabled,
    )
    from polynet.data.labels import normalize, to_categorical
    from polynet.data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
    from polynet.data.py_dataset import PyDataset, Sequence
    from polynet.data.sequences import pad_sequences, timeseries_dataset_from_array
    from polynet.data.splitting import split_dataset
    from polynet.random.seed_generator import set_random_seed
    from polynet.saving import (
        CustomObjectScope,
        custom_object_scope,
        deserialize_keras_object,
        get_custom_objects,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
        serialize_keras_object,
    )
    from polynet.training.progress import Progbar

_NAMES = {
    "CustomObjectScope": "saving",
    "Progbar": "training.progress",
    "PyDataset": "data.py_dataset",
    "Sequence": "data.py_dataset",
    "clear_session": "backend",
    "custom_object_scope": "saving",
    "deserialize_keras_object": "saving",
    "disable_interactive_logging": "config",
    "enable_interactive_logging": "config",
    "get_custom_objects": "saving",
    "get_registered_name": "saving",
    "get_registered_object": "saving",
    "is_interactive_logging_enabled": "config",
    "is_keras_tensor": "backend",
    "normalize": "data.labels",
    "pack_x_y_sample_weight": "data.packing",
    "pad_sequences": "data.sequences",
    "register_keras_serializable": "saving",
    "serialize_keras_object": "saving",
    "set_random_seed": "random.seed_generator",
    "split_dataset": "data.splitting",
    "standardize_dtype": "backend",
    "timeseries_dataset_from_array": "data.sequences",
    "to_categorical": "data.labels",
    "unpack_x_y_sample_weight": "data.packing",
}
"""Where each name is defined."""

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f"polynet.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'polynet.utils' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
