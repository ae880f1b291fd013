"""The names of Keras's ``utils`` that polynet has so far; each is defined elsewhere."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which do not run __getattr__
    from polynet.data.labels import normalize, to_categorical
    from polynet.data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
    from polynet.data.py_dataset import PyDataset, Sequence
    from polynet.data.sequences import pad_sequences, timeseries_dataset_from_array
    from polynet.data.splitting import split_dataset
    from polynet.random.seed_generator import set_random_seed
    from polynet.training.progress import Progbar

_NAMES = {
    "Progbar": "training.progress",
    "PyDataset": "data.py_dataset",
    "Sequence": "data.py_dataset",
    "normalize": "data.labels",
    "pack_x_y_sample_weight": "data.packing",
    "pad_sequences": "data.sequences",
    "set_random_seed": "random.seed_generator",
    "split_dataset": "data.splitting",
    "timeseries_dataset_from_array": "data.sequences",
    "to_categorical": "data.labels",
    "unpack_x_y_sample_weight": "data.packing",
}
"""Where each name is defined."""

__all__ = [
    "Progbar",
    "PyDataset",
    "Sequence",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "set_random_seed",
    "split_dataset",
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
