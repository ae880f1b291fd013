"""What a row about layers is: what to construct and call, the same for polynet and for Keras.

A row says class, arguments, input shapes and how it is called.  Weights and inputs are made of the row alone, so the
numbers of one library can be stored and compared with those of the other.  What is checked of a row is in
``checks.py``, the rows themselves in the files beside it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from polynet.conformance import stored


@dataclasses.dataclass(frozen=True)
class Row:
    """One layer, constructed and called in one way."""

    layer: str
    inputs: Any
    """A shape; a list of shapes for a layer that is called on a list; a dict of them by argument."""
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)
    call: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Further arguments of the call; arrays as NumPy arrays."""
    masks: Any = None
    """For each input the mask that it carries, or None; a NumPy array."""
    open: tuple[int, ...] = ()
    """Axes, beside the batch, whose length the symbolic input leaves open."""
    integers: int = 0
    """Inputs are integers below this."""
    gradient: bool = True
    """Are derivatives by weights and inputs looked at?"""
    within: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Arguments that are layers: (class, arguments), or a list of such."""
    draws: bool = False
    """Does the call draw random numbers?  Then two calls are compared, with what their bits must give."""
    note: str = ""

    @property
    def id(self) -> str:
        """Class, shapes and arguments."""
        parts = [self.layer, stored.text(self.inputs)]
        parts += [f"{name}={stored.text(value)}" for name, value in self.kwargs.items()]
        parts += [f"{name}={stored.text(value)}" for name, value in self.within.items()]
        parts += [f"{name}:{stored.text(value)}" for name, value in self.call.items()]
        if self.masks is not None:
            parts.append("masked")
        if self.note:
            parts.append(self.note)
        return "-".join(parts)

    @property
    def name(self) -> str:
        """The class."""
        return self.layer

    # -------------------------------------------------------------------------------- making

    def make(self, library: Any, **kwargs: Any) -> Any:
        """The layer, of polynet or of Keras."""

        def one(described: tuple[str, dict[str, Any]]) -> Any:
            wide = {"dtype": "float64"} if kwargs.get("dtype") == "float64" else {}
            return getattr(library.layers, described[0])(**described[1], **wide)

        inner = {
            name: [one(each) for each in made] if isinstance(made, list) else one(made)
            for name, made in self.within.items()
        }
        return getattr(library.layers, self.layer)(**{**self.kwargs, **inner, **kwargs})

    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of each input."""
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
        """The inputs' shapes with what is left open."""
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

    @property
    def fixed_batch(self) -> bool:
        """Are there arguments of the call that fit the inputs' batch alone?"""
        return bool({"initial_state", "states"} & self.call.keys())


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
