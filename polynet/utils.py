"""The names of Keras's ``utils`` that polynet has so far; each is defined elsewhere."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors and type checkers, which do not run __getattr__
    from polynet.data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
    from polynet.data.py_dataset import PyDataset, Sequence
    from polynet.random.seed_generator import set_random_seed
    from polynet.training.progress import Progbar

_NAMES = {
    "Progbar": "training.progress",
    "PyDataset": "data.py_dataset",
    "Sequence": "data.py_dataset",
    "pack_x_y_sample_weight": "data.packing",
    "set_random_seed": "random.seed_generator",
    "unpack_x_y_sample_weight": "data.packing",
}
"""Where each name is defined."""

__all__ = [
    "Progbar",
    "PyDataset",
    "Sequence",
    "pack_x_y_sample_weight",
    "set_random_seed",
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
