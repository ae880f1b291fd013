"""``vmap``: a function of one example as a function of a batch.

The backend's own ``vmap`` does it where there is one.  Elsewhere every tensor of the batch is a ``Batched``, whose
value has the batch as its first axis; an op called with one is called once on the whole batch, by the rule in
``_RULES`` for its primitive (composites run their bodies).  A primitive without a rule is called for each example.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from polynet import plugins, tree
from polynet.autodiff.box import next_level
from polynet.autodiff.functions import _boxes_about
from polynet.op import OPS, Op, eager_leaves
from polynet.spec import axes_indices, axis_index
from polynet.tensor import Traced
from polynet.values import dtype_of, shape_of
from polynet.variable import Item, Variable


class Batched(Traced):
    """A tensor of each example; ``value`` holds them all, along a first axis of length ``size``."""

    __slots__ = ("__weakref__", "length", "level", "value")

    def __init__(self, value: Any, level: int, length: int) -> None:
        self.value = value
        self.level = level
        self.length = length

    @property
    def priority(self) -> int:  # type: ignore[override]
        """The innermost transformation reads an op first."""
        return self.level

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.value.shape[1:])

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return dtype_of(self.value)

    def _apply(self, op: Op, args: tuple[Any, ...]) -> Any:
        if not op.primitive:
            return op.function(*eager_leaves(op, args))
        rule = _elementwise if not op.has_shape_rule else _RULES.get(op.name, _each)
        found = rule(_Batch(op, self.level, self.length), *args)
        if isinstance(found, list | tuple):
            return [Batched(value, self.level, self.length) for value in found]
        return Batched(found, self.level, self.length)

    def _no_value(self, what: str) -> Any:
        raise TypeError(
            f"{what}() needs one value, and inside vmap this tensor has one for each example. Use ops.where or "
            f"ops.cond instead of Python's own branches."
        )

    def __bool__(self) -> bool:
        return bool(self._no_value("bool"))

    def __int__(self) -> int:
        return int(self._no_value("int"))

    def __float__(self) -> float:
        return float(self._no_value("float"))

    def __index__(self) -> int:
        return int(self._no_value("index"))

    def __repr__(self) -> str:
        return f"<one of {self.length}: {self.shape}, {self.dtype}>"


class _Batch:
    """One call of an op on batched arguments: how its rule takes them apart."""

    def __init__(self, op: Op, level: int, length: int) -> None:
        self.op, self.level, self.length = op, level, length
        self.call = op.call

    def is_batched(self, x: Any) -> bool:
        """Has the argument the batch axis of this transformation?"""
        return isinstance(x, Batched) and x.level == self.level

    def whole(self, x: Any) -> Any:
        """The tensor of all examples; of an argument that they share, copies for each."""
        if self.is_batched(x):
            return x.value
        return OPS["broadcast_to"].call(x, (self.length, *shape_of(x)))

    def aligned(self, x: Any, ndim: int) -> Any:
        """Ready to broadcast against batched tensors whose examples have ``ndim`` axes."""
        if not self.is_batched(x):
            return x
        extra = ndim - len(x.shape)
        return (
            OPS["reshape"].call(x.value, (self.length, *(1,) * extra, *x.shape))
            if extra
            else x.value
        )


# ------------------------------------------------------------------------------------------ rules


def _elementwise(batch: _Batch, *args: Any) -> Any:
    leaves = batch.op.leaves(args)
    ndim = max(len(shape_of(leaf)) for leaf in leaves)
    return batch.call(*batch.op.replace(args, [batch.aligned(leaf, ndim) for leaf in leaves]))


def _unary(batch: _Batch, x: Any, *static: Any) -> Any:
    return batch.call(x.value, *static)


def _reduction(batch: _Batch, x: Any, axis: Any, keepdims: bool) -> Any:
    axes = tuple(i + 1 for i in axes_indices(axis, len(x.shape)))
    if batch.op.name in ("argmax", "argmin"):
        if axis is None:
            flat = OPS["reshape"].call(x.value, (batch.length, math.prod(x.shape)))
            found = batch.call(flat, 1, False)
            return (
                OPS["reshape"].call(found, (batch.length, *(1,) * len(x.shape)))
                if keepdims
                else found
            )
        return batch.call(x.value, axes[0], keepdims)
    return batch.call(x.value, axes, keepdims)


def _along(batch: _Batch, x: Any, axis: int) -> Any:
    return batch.call(x.value, axis_index(axis, len(x.shape)) + 1)


def _flip(batch: _Batch, x: Any, axis: Any) -> Any:
    return batch.call(x.value, tuple(i + 1 for i in axes_indices(axis, len(x.shape))))


def _reshape(batch: _Batch, x: Any, newshape: tuple[int, ...]) -> Any:
    if -1 in newshape:
        known = math.prod(length for length in newshape if length != -1)
        newshape = tuple(
            math.prod(x.shape) // known if length == -1 else length for length in newshape
        )
    return batch.call(x.value, (batch.length, *newshape))


def _transpose(batch: _Batch, x: Any, axes: Any) -> Any:
    ndim = len(x.shape)
    order = tuple(reversed(range(ndim))) if axes is None else axes_indices(axes, ndim)
    return batch.call(x.value, (0, *(i + 1 for i in order)))


def _broadcast_to(batch: _Batch, x: Any, shape: tuple[int, ...]) -> Any:
    return batch.call(batch.aligned(x, len(shape)), (batch.length, *shape))


def _joined(batch: _Batch, xs: Sequence[Any], axis: int) -> Any:
    new = 1 if batch.op.name == "stack" else 0
    at = axis_index(axis, len(shape_of(xs[0])) + new)
    return batch.call([batch.whole(x) for x in xs], at + 1)


def _pad_constant(batch: _Batch, x: Any, pad_width: Any, value: Any) -> Any:
    return batch.call(x.value, ((0, 0), *pad_width), value)


def _index(batch: _Batch, x: Any, indices: Sequence[Any], key: tuple[Any, ...]) -> Any:
    if indices or not batch.is_batched(x):
        return _each(batch, x, indices, key)
    return batch.call(x.value, [], (slice(None), *key))


def _index_update(
    batch: _Batch,
    x: Any,
    indices: Sequence[Any],
    updates: Any,
    key: tuple[Any, ...],
    reduction: str | None,
) -> Any:
    if indices or len(shape_of(updates)) > len(shape_of(x)):
        return _each(batch, x, indices, updates, key, reduction)
    from polynet.ops.primitives import indexed_shape

    ndim = len(indexed_shape(shape_of(x), [], key))
    return batch.call(
        batch.whole(x), [], batch.aligned(updates, ndim), (slice(None), *key), reduction
    )


def _matmul(batch: _Batch, x1: Any, x2: Any) -> Any:
    reshape = OPS["reshape"].call
    a, b = shape_of(x1), shape_of(x2)
    row, column = len(a) == 1, len(b) == 1

    def matrix(x: Any, shape: tuple[int, ...]) -> Any:
        if not batch.is_batched(x):
            return reshape(x, shape)
        return reshape(x.value, (batch.length, *shape))

    left = matrix(x1, (1, *a)) if row else batch.aligned(x1, max(len(a), len(b), 2))
    right = matrix(x2, (*b, 1)) if column else batch.aligned(x2, max(len(a), len(b), 2))
    if row:
        left = _lifted(batch, x1, left, (1, *a), max(len(b), 2))
    if column:
        right = _lifted(batch, x2, right, (*b, 1), max(len(a), 2))
    found = batch.call(left, right)
    shape = list(found.shape)
    if column:
        del shape[-1]
    if row:
        del shape[-1 if column else -2]
    return reshape(found, tuple(shape)) if row or column else found


def _lifted(batch: _Batch, x: Any, value: Any, shape: tuple[int, ...], ndim: int) -> Any:
    """A matrix of each example with axes of length 1 in front, to meet examples of ``ndim`` axes."""
    if not batch.is_batched(x) or ndim == len(shape):
        return value
    return OPS["reshape"].call(value, (batch.length, *(1,) * (ndim - len(shape)), *shape))


def _each(batch: _Batch, *args: Any) -> Any:
    """Without a rule: example by example."""
    leaves = batch.op.leaves(args)
    pick = OPS["index"].call
    results = [
        batch.call(
            *batch.op.replace(
                args,
                [pick(leaf.value, [], (i,)) if batch.is_batched(leaf) else leaf for leaf in leaves],
            )
        )
        for i in range(batch.length)
    ]
    if isinstance(results[0], list | tuple):
        return [OPS["stack"].call(list(column)) for column in zip(*results, strict=True)]
    return OPS["stack"].call(results)


_RULES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("cast", "copy", "stop_gradient"), _unary),
    **dict.fromkeys(("sum", "prod", "max", "min", "any", "all", "argmax", "argmin"), _reduction),
    **dict.fromkeys(("cumsum", "argsort"), _along),
    **dict.fromkeys(("concatenate", "stack"), _joined),
    "broadcast_to": _broadcast_to,
    "flip": _flip,
    "index": _index,
    "index_update": _index_update,
    "matmul": _matmul,
    "pad_constant": _pad_constant,
    "reshape": _reshape,
    "transpose": _transpose,
}
"""How a primitive with a shape rule of its own is called on a batch; the others broadcast."""


# ------------------------------------------------------------------------------------------ mapping


def map_batch(function: Callable[..., list[Any]], *tensors: Any) -> list[Any]:
    """``function`` of one row of each tensor, for all rows; each result is stacked along a new first axis."""
    backend = plugins.current()
    if backend.transforms is not None and not _boxes_about(tensors):
        return backend.transforms.vmap(lambda rows: function(*rows), tensors)
    length = shape_of(tensors[0])[0]
    level = next_level()
    outputs = function(*(Batched(tensor, level, length) for tensor in tensors))
    batch = _Batch(OPS["copy"], level, length)
    return [batch.whole(output) for output in outputs]


def vmap(fn: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """A function over a batch, from a function of one example.

    Args:
        fn: a function of tensors or trees of them.
        in_axes: which axis of each positional argument is the batch; ``None`` for an argument shared by all examples.
            One value serves all arguments; an argument's value serves all of its leaves.
        out_axes: where the batch axis goes in the results.

    Example:
        >>> import polynet
        >>> from polynet import ops
        >>> per_example = polynet.vmap(polynet.grad(lambda x: ops.sum(x * x)))
        >>> per_example(ops.array([[1.0], [2.0]]))
        array([[2.],
               [4.]], dtype=float32)
    """
    if not callable(fn):
        raise TypeError(f"fn: expected a function; got {type(fn).__name__}.")
    name = getattr(fn, "__name__", "function")

    @functools.wraps(fn)
    def batched(*args: Any, **kwargs: Any) -> Any:
        axes = tuple(in_axes) if isinstance(in_axes, list | tuple) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise ValueError(
                f"in_axes: expected {len(args)}, one a positional argument of {name}; got {len(axes)}."
            )
        moved: list[Any] = []
        structures: list[tuple[Any, int | None]] = []
        for number, (arg, axis) in enumerate(zip(args, axes, strict=True)):
            if axis is None:
                structures.append((arg, None))
                continue
            leaves = [_moved(_value(leaf), axis, 0, number, name) for leaf in tree.flatten(arg)]
            structures.append((arg, len(leaves)))
            moved.extend(leaves)
        if not moved:
            raise ValueError(
                f"in_axes: {name}: at least one argument must have a batch axis; got {in_axes!r}."
            )
        sizes = {shape_of(leaf)[0] for leaf in moved}
        if len(sizes) > 1:
            raise ValueError(
                f"vmap: {name}: the batch axes have different lengths: {sorted(sizes)}."
            )
        structure: list[Any] = []

        def flat(*rows: Any) -> list[Any]:
            rest = iter(rows)
            filled = [
                arg
                if count is None
                else tree.pack_sequence_as(arg, [next(rest) for _ in range(count)])
                for arg, count in structures
            ]
            result = fn(*filled, **kwargs)
            structure[:] = [tree.map_structure(lambda leaf: None, result)]
            return [_value(leaf) for leaf in tree.flatten(result)]

        outputs = map_batch(flat, *moved)
        results = [_moved(output, 0, out_axes, 0, name) for output in outputs]
        return tree.pack_sequence_as(structure[0], results)

    return batched


def _value(leaf: Any) -> Any:
    """A tensor that ops take: not a variable, a list or a number."""
    from polynet.ops import convert_to_tensor

    if isinstance(leaf, Variable | Item):
        return leaf.value
    return leaf if isinstance(leaf, Traced) else convert_to_tensor(leaf)


def _moved(x: Any, source: int, target: int, number: int, name: str) -> Any:
    shape = shape_of(x)
    if not shape:
        raise ValueError(
            f"vmap: {name}: argument {number} has no axis to map over; use None in in_axes for it."
        )
    at, to = axis_index(source, len(shape), "in_axes"), axis_index(target, len(shape), "out_axes")
    if at == to:
        return x
    order = [i for i in range(len(shape)) if i != at]
    order.insert(to, at)
    return OPS["transpose"].call(x, tuple(order))
