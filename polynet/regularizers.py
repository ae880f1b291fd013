"""Regularizers: penalties on the values of a weight, which a layer adds to the losses of its model.

A regularizer is called with a tensor and gives a number.  When that happens, and to what it is added, is decided in
``layers/``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from polynet import errors, ops
from polynet.configurable import Catalogue, Configurable
from polynet.tensor import Tensor
from polynet.values import shape_of

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]


class Regularizer(Configurable):
    """A penalty on a tensor; a subclass gives ``__call__``.

    Example:
        >>> import polynet
        >>> class Peak(polynet.Regularizer):
        ...     def __call__(self, x):
        ...         return 0.1 * polynet.ops.max(abs(x))
        >>> weight = polynet.Variable([3.0, -5.0])
        >>> float(Peak()(weight))
        0.5
    """

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty, a number; none here."""
        return 0.0


def _factor(name: str, value: Any) -> float:
    """A factor that is a finite number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{name}: expected a finite number of 0 or more; got {value!r}.")
    return float(value)


class L1L2(Regularizer):
    """``l1 * sum(abs(x)) + l2 * sum(x ** 2)``.

    Args:
        l1: the factor of the first sum.
        l2: the factor of the second sum.

    Example:
        >>> from polynet import ops
        >>> float(L1L2(l1=1.0, l2=0.5)(ops.array([1.0, -2.0])))
        5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = 0.0 if l1 is None else _factor("L1L2: l1", l1)
        self.l2 = 0.0 if l2 is None else _factor("L1L2: l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty."""
        if not self.l2:
            return ops.multiply(ops.sum(ops.absolute(x)), self.l1)
        second = ops.multiply(ops.sum(ops.square(x)), self.l2)
        return (
            ops.add(ops.multiply(ops.sum(ops.absolute(x)), self.l1), second) if self.l1 else second
        )


class L1(Regularizer):
    """``l1 * sum(abs(x))``: drives weights to zero.

    Args:
        l1: the factor.

    Example:
        >>> from polynet import ops
        >>> float(L1(0.5)(ops.array([1.0, -2.0])))
        1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = 0.01 if l1 is None else _factor("L1: l1", l1)

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty."""
        return ops.multiply(ops.sum(ops.absolute(x)), self.l1)


class L2(Regularizer):
    """``l2 * sum(x ** 2)``: keeps weights small.

    Args:
        l2: the factor.

    Example:
        >>> from polynet import ops
        >>> float(L2(0.5)(ops.array([1.0, -2.0])))
        2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = 0.01 if l2 is None else _factor("L2: l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        """The penalty."""
        return ops.multiply(ops.sum(ops.square(x)), self.l2)


class OrthogonalRegularizer(Regularizer):
    """``factor`` times the mean of ``abs(cos)`` of the angles between the rows, or columns, of a matrix.

    Args:
        factor: the factor.
        mode: ``"rows"`` or ``"columns"``.

    Example:
        >>> from polynet import ops
        >>> float(OrthogonalRegularizer(1.0)(ops.array([[3.0, 4.0], [0.0, 2.0]])))
        0.800000011920929
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("OrthogonalRegularizer: factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(
                f"OrthogonalRegularizer: mode: expected 'rows' or 'columns'; got {mode!r}."
                f"{errors.closest(mode, ('rows', 'columns'))}"
            )
        self.mode = mode

    def __call__(self, inputs: Tensor) -> Tensor:
        """The penalty of a matrix."""
        shape = shape_of(inputs)
        if len(shape) != 2:
            raise errors.ShapeError(
                f"OrthogonalRegularizer: inputs: expected a matrix, a tensor of two axes; got the shape {shape}."
            )
        by_rows = self.mode == "rows"
        x = ops.normalize(inputs, axis=1 if by_rows else 0)
        other = ops.transpose(x)
        count = shape[0] if by_rows else shape[1]
        cosines = ops.absolute(ops.matmul(x, other) if by_rows else ops.matmul(other, x))
        apart = ops.multiply(cosines, ops.subtract(1.0, ops.eye(count, dtype=x.dtype)))
        return ops.multiply(ops.sum(apart), self.factor / max(1, count * (count - 1)))


# ------------------------------------------------------------------------------------------ names

l1 = L1
l1_l2 = L1L2
l2 = L2
orthogonal_regularizer = OrthogonalRegularizer

_catalogue = Catalogue("regularizers", Regularizer, "regularizer")


def get(identifier: Any) -> Callable[..., Tensor] | None:
    """The regularizer meant by a name, a description, a class, or a function.

    Example:
        >>> get("l2").get_config()
        {'l2': 0.01}
    """
    found: Callable[..., Tensor] | None = _catalogue.get(identifier)
    return found


def serialize(regularizer: Any) -> Any:
    """The description of a regularizer, which ``deserialize`` takes.

    Example:
        >>> serialize(L2(0.5))
        {'kind': 'regularizers', 'class_name': 'L2', 'config': {'l2': 0.5}}
    """
    return _catalogue.serialize(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The regularizer of a description.

    Example:
        >>> deserialize({"class_name": "L2", "config": {"l2": 0.5}}).l2
        0.5
    """
    return _catalogue.deserialize(config, custom_objects)
