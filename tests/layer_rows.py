"""Rows about layers: what to construct and call, the same for polynet and for Keras, and what is looked at afterwards.

A row says class, arguments, input shapes and how it is called.  Weights and inputs are made of the row alone, so the
numbers of one library can be stored (``tests/golden``) and compared with those of the other.  The checks that use a
row are in `layer_checks.py`, the rows themselves in `tests/test_layers_*.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Row:
    """One layer, constructed and called in one way."""

    layer: str
    inputs: Any
    """A shape; a list of shapes for a layer that is called on a list; a dict of them by argument."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    """Further arguments of the call; arrays as NumPy arrays."""
    masks: Any = None
    """For each input the mask that it carries, or None; a NumPy array."""
    open: tuple[int, ...] = ()
    """Axes, beside the batch, whose length the symbolic input leaves open."""
    integers: int = 0
    """Inputs are integers below this."""
    gradient: bool = True
    """Are derivatives by weights and inputs looked at?"""
    within: dict[str, Any] = field(default_factory=dict)
    """Arguments that are layers: (class, arguments)."""
    note: str = ""

    @property
    def id(self) -> str:
        parts = [self.layer, _text(self.inputs)]
        parts += [f"{name}={_text(value)}" for name, value in self.kwargs.items()]
        parts += [f"{name}={_text(value)}" for name, value in self.within.items()]
        parts += [f"{name}:{_text(value)}" for name, value in self.call.items()]
        if self.masks is not None:
            parts.append("masked")
        if self.note:
            parts.append(self.note)
        return "-".join(parts)

    # -------------------------------------------------------------------------------- making

    def make(self, library: Any, **kwargs: Any) -> Any:
        """The layer, of polynet or of Keras."""
        inner = {
            name: getattr(library.layers, cls)(**args) for name, (cls, args) in self.within.items()
        }
        return getattr(library.layers, self.layer)(**self.kwargs, **inner, **kwargs)

    def shapes(self) -> list[tuple[int, ...]]:
        if isinstance(self.inputs, dict):
            return list(self.inputs.values())
        return list(self.inputs) if isinstance(self.inputs, list) else [self.inputs]

    def arrays(self, dtype: str = "float32") -> list[np.ndarray]:
        """The inputs' values."""
        return [self._array(shape, number, dtype) for number, shape in enumerate(self.shapes())]

    def _array(self, shape: tuple[int, ...], number: int, dtype: str) -> np.ndarray:
        count = np.arange(int(np.prod(shape)), dtype="float64") + 1
        if self.integers:
            return (count * 7 % self.integers).astype("int32").reshape(shape)
        values = 1.5 * np.sin(count * (1.3 + 0.37 * number)) + 0.2 * number
        return values.reshape(shape).astype(dtype)

    def symbolic_shapes(self) -> list[tuple[int | None, ...]]:
        return [
            tuple(None if axis == 0 or axis in self.open else n for axis, n in enumerate(shape))
            for shape in self.shapes()
        ]

    def arguments(self, tensors: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The tensors as the layer is called with them."""
        if isinstance(self.inputs, dict):
            return (), {**dict(zip(self.inputs, tensors, strict=True)), **self.call}
        if isinstance(self.inputs, list):
            return (tensors,), self.call
        return (tensors[0],), self.call


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "x".join(map(str, value.shape))
    if isinstance(value, list) and any(isinstance(entry, np.ndarray) for entry in value):
        return "+".join(map(_text, value))
    if isinstance(value, dict):
        return ",".join(f"{name}:{_text(entry)}" for name, entry in value.items())
    return str(value).replace(" ", "").replace("'", "")


def weight_values(layer: Any) -> list[np.ndarray]:
    """Values for the weights of a built layer, made of their shapes and names."""
    values = []
    for number, weight in enumerate(layer.weights):
        shape = tuple(weight.shape)
        count = np.arange(int(np.prod(shape)), dtype="float64") + 1
        value = 0.6 * np.sin(count * 1.7 + number)
        if any(part in weight.name for part in ("variance", "stddev")):
            value = np.abs(value) + 0.5
        values.append(value.reshape(shape).astype("float32"))
    return values


def summary(array: Any) -> list[float]:
    """A few numbers that change when any element does: a projection, and some elements."""
    flat = np.asarray(array, "float64").ravel()
    if flat.size == 0:
        return []
    places = np.unique(np.linspace(0, flat.size - 1, 7).astype(int))
    projection = float(flat @ np.cos(np.arange(flat.size) * 0.7))
    return [round(value, 6) for value in (projection, *flat[places].tolist())]


def golden(family: str) -> dict[str, Any]:
    """What Keras gave for the rows of a family, by their ids; written by tests/oracle."""
    return json.loads((GOLDEN / f"layers_{family}.json").read_text())
