"""Symbolic tensors and the graph that ops on them record.

``Input`` makes a ``KerasTensor``: a shape, perhaps with unknown lengths, and a dtype.  An op called with one infers
the result and keeps a ``Node``; ``graph.py`` computes outputs from inputs by calling the same ops again.  Layers are
nodes too (their ``__call__`` records one through ``record_call``), but nothing here knows what a layer is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet import dtypes, errors, tree
from polynet.op import OPS, Op
from polynet.spec import Spec, merge, with_stand_in
from polynet.tensor import Traced
from polynet.values import dtype_of


class Node:
    """One recorded call: what was called, with which arguments, and what came out."""

    __slots__ = ("args", "kwargs", "operation", "outputs")

    def __init__(
        self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any
    ) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs

    @property
    def parents(self) -> list[KerasTensor]:
        """The symbolic tensors among the arguments."""
        return symbolic_leaves((self.args, self.kwargs))

    def __repr__(self) -> str:
        return f"<node {getattr(self.operation, 'name', self.operation)}>"


class KerasTensor(Traced):
    """A tensor of which shape and dtype are known, and how it is computed; unknown lengths are ``None``.

    Example:
        >>> import polynet
        >>> from polynet import ops
        >>> x = polynet.Input((3,))
        >>> ops.sum(ops.exp(x) + 1.0, axis=1).shape
        (None,)
    """

    priority = 1 << 61
    shape: tuple[int | None, ...] = ()
    dtype: str = "float32"

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if sparse or ragged:
            raise ValueError("sparse, ragged: expected False; polynet has dense tensors only.")
        self.shape = _checked_shape(shape)
        self.dtype = dtypes.standardize(dtype)
        self.sparse = False
        self.ragged = False
        self.record_history = record_history
        self.name = name or _automatic_name("keras_tensor")
        self.node: Node | None = None

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def _apply(self, op: Op, args: tuple[Any, ...]) -> Any:
        outputs = infer_symbolic(lambda *specs: op.call(*specs), args)
        return record_call(op.call, args, {}, outputs, op.name)

    def reshape(self, newshape: Any) -> Any:
        """``ops.reshape`` of this tensor."""
        return OPS["reshape"].call(self, newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """``ops.squeeze`` of this tensor."""
        return OPS["squeeze"].call(self, axis)

    def _no_value(self, what: str) -> Any:
        raise TypeError(
            f"{what} needs a value, and {self!r} is symbolic. Write the model with ops (ops.cond, ops.where), or "
            f"make the computation a layer."
        )

    def __bool__(self) -> bool:
        return bool(self._no_value("bool()"))

    def __int__(self) -> int:
        return int(self._no_value("int()"))

    def __float__(self) -> float:
        return float(self._no_value("float()"))

    def __index__(self) -> int:
        return int(self._no_value("index()"))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        self._no_value("a NumPy array")


_MOST_AXES = 64
"""More of them no array library has."""


def _checked_shape(shape: Any) -> tuple[int | None, ...]:
    if isinstance(shape, int):
        shape = (shape,)
    if len(shape) > _MOST_AXES:
        raise errors.ShapeError(f"shape: expected at most {_MOST_AXES} axes; got {len(shape)}.")
    lengths = tuple(None if length is None else _length(length, shape) for length in shape)
    return lengths


def _length(length: Any, shape: Any) -> int:
    try:
        value = length.__index__()
    except AttributeError:
        raise TypeError(f"shape: expected integers or None; got {shape!r}.") from None
    if value < 0:
        raise ValueError(
            f"shape: expected lengths of 0 or more, or None where unknown; got {shape!r}."
        )
    return int(value)


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: Any = None,
    ragged: Any = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor where data will enter.

    Args:
        shape: the shape of one example; ``None`` is an unknown length.
        batch_size: the number of examples, when it is fixed.
        batch_shape: the whole shape, instead of ``shape`` and ``batch_size``.
        tensor: take shape and dtype from this tensor.
        optional: may ``None`` be given instead of data?

    Example:
        >>> import polynet
        >>> polynet.Input((28, 28), name="image")
        <KerasTensor shape=(None, 28, 28), dtype=float32, name=image>
    """
    if sparse or ragged:
        raise ValueError("sparse, ragged: expected False; polynet has dense tensors only.")
    if tensor is not None:
        batch_shape = tuple(tensor.shape)
        dtype = dtype or tensor.dtype
    if batch_shape is None:
        if shape is None:
            raise ValueError("Input: expected shape, batch_shape or tensor; got none of them.")
        shape = (shape,) if isinstance(shape, int) else shape
        batch_shape = (batch_size, *shape)
    elif shape is not None:
        raise ValueError("Input: expected shape or batch_shape; got both.")
    made = KerasTensor(
        batch_shape, dtypes.standardize(dtype), name=name or _automatic_name("input_layer")
    )
    made.optional = optional  # type: ignore[attr-defined]
    return made


def _automatic_name(prefix: str) -> str:
    from polynet.backend import get_uid

    number = get_uid(prefix)
    return prefix if number == 1 else f"{prefix}_{number - 1}"


# ------------------------------------------------------------------------------------------ recording


def symbolic_leaves(structure: Any) -> list[KerasTensor]:
    """The symbolic tensors in a tree."""
    return [leaf for leaf in tree.flatten(structure) if isinstance(leaf, KerasTensor)]


def infer_symbolic(
    function: Callable[..., Any], args: Any, kwargs: dict[str, Any] | None = None
) -> Any:
    """What ``function`` returns for symbolic arguments, as a tree of ``KerasTensor``s.

    Unknown lengths are replaced by two numbers in turn, and what differs in the results is unknown.
    """

    def stood_in(which: int) -> Any:
        def swap(leaf: Any) -> Any:
            return (
                Spec(with_stand_in(leaf.shape, which), leaf.dtype)
                if isinstance(leaf, KerasTensor)
                else leaf
            )

        return tree.map_structure(swap, (tuple(args), kwargs or {}))

    first = stood_in(0)
    one = function(*first[0], **first[1])
    if all(None not in leaf.shape for leaf in symbolic_leaves((tuple(args), kwargs or {}))):
        return tree.map_structure(_symbol, one)
    second = stood_in(1)
    try:
        other = function(*second[0], **second[1])
    except errors.PolynetError:
        raise
    return tree.map_structure(_merged, one, other)


def infer_by_running(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """As ``infer_symbolic``, by computing on zeros: for functions of the array library, which know no ``Spec``."""
    from polynet.configurable import reading_file
    from polynet.op import from_host
    from polynet.plugins import current

    def with_zeros(length: int) -> Any:
        def swap(leaf: Any) -> Any:
            if not isinstance(leaf, KerasTensor):
                return leaf
            shape = tuple(length if n is None else n for n in leaf.shape)
            if reading_file.get() and math.prod(shape) > _LARGEST_OF_FILES:
                raise errors.FileError(
                    f"the shape of an output would have to be learned by computing on an input of shape {shape}, "
                    f"which a file may not ask for."
                )
            return from_host(np.zeros(shape, np.int8), current(), leaf.dtype)

        made = tree.map_structure(swap, (tuple(args), kwargs))
        return tree.map_structure(_symbol, function(*made[0], **made[1]))

    one = with_zeros(_SMALL[0])
    if all(None not in leaf.shape for leaf in symbolic_leaves((tuple(args), kwargs))):
        return one
    return tree.map_structure(_merged, one, with_zeros(_SMALL[1]))


_LARGEST_OF_FILES = 1 << 22
_SMALL = (6, 8)
"""Unknown lengths when something is computed to learn its shape."""


def _symbol(spec: Any) -> Any:
    return KerasTensor(spec.shape, dtype_of(spec)) if hasattr(spec, "shape") else spec


def _merged(one: Any, other: Any) -> Any:
    if not hasattr(one, "shape"):
        return one if one == other else None
    return KerasTensor(merge(one.shape, other.shape), dtype_of(one))


def record_call(operation: Any, args: Any, kwargs: dict[str, Any], outputs: Any, name: str) -> Any:
    """Tie symbolic ``outputs`` to the call that makes them; returns them."""
    node = Node(operation, tuple(args), kwargs, outputs)
    for leaf in symbolic_leaves(outputs):
        leaf.node = node
        leaf.name = _automatic_name(name)
    return outputs
