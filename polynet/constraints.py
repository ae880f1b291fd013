"""Constraints: what an optimizer makes of a weight after each update.

A constraint is called with a tensor and gives the nearest one, more or less, that is allowed.  When that happens is
decided in ``optimizers/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polynet import config, ops
from polynet.configurable import Catalogue, Configurable
from polynet.tensor import Axis, Tensor

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]


class Constraint(Configurable):
    """What a weight becomes after each update; a subclass gives ``__call__``.

    Example:
        >>> import polynet
        >>> class Quarters(polynet.constraints.Constraint):
        ...     def __call__(self, w):
        ...         return polynet.ops.round(w * 4) / 4
        >>> weight = polynet.Variable([0.3, 0.9])
        >>> Quarters()(weight)
        array([0.25, 1.  ], dtype=float32)
    """

    def __call__(self, w: Tensor) -> Tensor:
        """The weight that is allowed; any here."""
        return w


def _norms(w: Tensor, axis: Axis) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


def _scaled(w: Tensor, norms: Tensor, wanted: Tensor) -> Tensor:
    """``w`` with other norms; what is zero stays zero."""
    return ops.multiply(w, ops.divide(wanted, ops.add(norms, config.epsilon())))


class MaxNorm(Constraint):
    """Shortens what is longer than ``max_value``.

    Args:
        max_value: the largest norm.
        axis: the axes of one vector: 0 for the weights into each unit of a dense layer, (0, 1, 2) for each filter of
            a convolution over images.

    Example:
        >>> from polynet import ops
        >>> MaxNorm(2.0)(ops.array([[3.0, 0.3], [4.0, 0.4]])).round(3)
        array([[1.2, 0.3],
               [1.6, 0.4]], dtype=float32)
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Tensor) -> Tensor:
        """The weight with norms of at most ``max_value``."""
        norms = _norms(w, self.axis)
        return _scaled(w, norms, ops.minimum(norms, self.max_value))


class NonNeg(Constraint):
    """Sets what is below zero to zero.

    Example:
        >>> from polynet import ops
        >>> NonNeg()(ops.array([-1.0, 2.0]))
        array([0., 2.], dtype=float32)
    """

    def __call__(self, w: Tensor) -> Tensor:
        """The weight without what is negative."""
        return ops.maximum(w, 0.0)


class UnitNorm(Constraint):
    """Gives every vector the norm 1.

    Args:
        axis: as for ``MaxNorm``.

    Example:
        >>> from polynet import ops
        >>> UnitNorm()(ops.array([[3.0], [4.0]])).round(3)
        array([[0.6],
               [0.8]], dtype=float32)
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        """The weight with norms of 1."""
        return ops.divide(w, ops.add(_norms(w, self.axis), config.epsilon()))


class MinMaxNorm(Constraint):
    """Brings norms between two bounds, at once or little by little.

    Args:
        min_value: the least norm.
        max_value: the largest norm.
        rate: how much of the way is gone at each update: 1 for all of it.
        axis: as for ``MaxNorm``.

    Example:
        >>> from polynet import ops
        >>> MinMaxNorm(rate=0.5)(ops.array([[3.0], [0.0]])).round(3)
        array([[2.],
               [0.]], dtype=float32)
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Tensor) -> Tensor:
        """The weight with norms nearer to the bounds, or within."""
        norms = _norms(w, self.axis)
        bounded = ops.multiply(ops.clip(norms, self.min_value, self.max_value), self.rate)
        return _scaled(w, norms, ops.add(bounded, ops.multiply(norms, 1.0 - self.rate)))


# ------------------------------------------------------------------------------------------ names

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_catalogue = Catalogue("constraints", Constraint, "constraint")


def get(identifier: Any) -> Callable[..., Tensor] | None:
    """The constraint meant by a name, a description, a class, or a function.

    Example:
        >>> get("unit_norm").get_config()
        {'axis': 0}
    """
    found: Callable[..., Tensor] | None = _catalogue.get(identifier)
    return found


def serialize(constraint: Any) -> Any:
    """The description of a constraint, which ``deserialize`` takes.

    Example:
        >>> serialize(NonNeg())
        {'kind': 'constraints', 'class_name': 'NonNeg', 'config': {}}
    """
    return _catalogue.serialize(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The constraint of a description.

    Example:
        >>> deserialize({"class_name": "UnitNorm", "config": {"axis": 1}}).axis
        1
    """
    return _catalogue.deserialize(config, custom_objects)
