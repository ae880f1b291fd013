"""Optimizers: ``polynet.optimizers.Adam``, and ``get`` by name.

This page only gathers: the base is in ``optimizer.py``, the rules are in ``rules.py``, optimizers around others in
``wrappers.py``, learning rate schedules in ``schedules.py``.
"""

from collections.abc import Mapping
from typing import Any

from polynet.configurable import Catalogue
from polynet.optimizers import schedules as schedules
from polynet.optimizers.optimizer import Optimizer
from polynet.optimizers.rules import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Muon,
    Nadam,
    RMSprop,
    ScheduleFreeAdamW,
)
from polynet.optimizers.wrappers import LossScaleOptimizer, MultiOptimizer, OptimizerMap

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_catalogue = Catalogue("optimizers", Optimizer, "optimizer")


def serialize(optimizer: Optimizer) -> Any:
    """The description of an optimizer, as data that JSON can hold.

    Example:
        >>> import polynet
        >>> polynet.optimizers.serialize(polynet.optimizers.SGD(0.5))["class_name"]
        'SGD'
    """
    return _catalogue.serialize(optimizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """An optimizer from its description; the class may be named in any spelling that ``get`` knows.

    Example:
        >>> import polynet
        >>> polynet.optimizers.deserialize({"class_name": "sgd", "config": {"momentum": 0.5}}).momentum
        0.5
    """
    if isinstance(config, dict) and isinstance(config.get("class_name"), str):
        known = _catalogue.names.get(config["class_name"]) or _catalogue.names.get(
            config["class_name"].lower()
        )
        if known is not None:
            config = {**config, "class_name": known.__name__}
    return _catalogue.deserialize(config, custom_objects)


def get(identifier: Any) -> Any:
    """An optimizer by its name, its description, or as it is.

    Example:
        >>> import polynet
        >>> type(polynet.optimizers.get("adam")).__name__
        'Adam'
    """
    return deserialize(identifier) if isinstance(identifier, dict) else _catalogue.get(identifier)
