"""What is going on while layers are called: ``training``, the compute dtype, the layers around, the losses added.

One of each for each thread.  What a call does is in ``layer.py``.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from polynet import dtypes
from polynet.op import OPS
from polynet.variable import Observer, Variable

if TYPE_CHECKING:
    from polynet.layers.layer import Layer


class Calls(threading.local):
    """What is going on in this thread: which layers are being called or built, and how."""

    def __init__(self) -> None:
        self.depth = 0
        self.training: bool | None = None
        self.layers: list[Layer] = []
        self.compute_dtype: str | None = None
        self.losses: weakref.WeakKeyDictionary[Layer, list[Any]] = weakref.WeakKeyDictionary()


calls = Calls()
building = threading.RLock()


class Autocast(Observer):
    """Lets variables be read in the compute dtype of the layer that is being called."""

    def read(self, variable: Variable, value: Any) -> Any:
        dtype = calls.compute_dtype
        if dtype is None or dtype == variable.dtype or not variable.autocast:
            return value
        return OPS["cast"].call(value, dtype) if dtypes.is_float(variable.dtype) else value


autocast = Autocast()
