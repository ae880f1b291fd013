"""Functions with a gradient of their own: ``custom_gradient``, and ``checkpoint`` (``remat``), which computes twice."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from polynet import plugins, tree
from polynet.autodiff.box import Box, is_differentiable, record_custom
from polynet.autodiff.functions import _boxes_about, _pullback, _Values
from polynet.values import shape_of
from polynet.variable import Item, Observer, Variable, observing


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function bring its own gradient.

    ``f`` returns its result and a function that takes the cotangent of the result (one for each tensor of it) and
    returns that of the arguments.

    Example:
        >>> import polynet
        >>> from polynet import ops
        >>> @polynet.custom_gradient
        ... def log1pexp(x):
        ...     e = ops.exp(x)
        ...     return ops.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))
        >>> float(polynet.grad(log1pexp)(0.0))
        0.5
    """
    if not callable(f):
        raise TypeError(f"f: expected a function; got {type(f).__name__}.")
    name = getattr(f, "__name__", "function")

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves = [
            leaf.value if isinstance(leaf, Variable | Item) else leaf for leaf in tree.flatten(args)
        ]
        places = [i for i, leaf in enumerate(leaves) if _is_source(leaf)]
        structure: list[Any] = []

        def flat(primals: Sequence[Any]) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
            filled = list(leaves)
            for i, primal in zip(places, primals, strict=True):
                filled[i] = primal
            answer = f(*tree.pack_sequence_as(args, filled), **kwargs)
            if not (isinstance(answer, tuple) and len(answer) == 2 and callable(answer[1])):
                raise TypeError(
                    f"custom_gradient: {name}: expected (result, function of the cotangent); "
                    f"got {type(answer).__name__}."
                )
            result, pull = answer
            structure[:] = [tree.map_structure(lambda leaf: None, result)]

            def pull_flat(cotangents: Sequence[Any]) -> list[Any]:
                found = pull(*cotangents)
                return _checked(found, args, filled, places, name)

            return tree.flatten(result), pull_flat

        primals = [leaves[i] for i in places]
        backend = plugins.current()
        if not primals:
            outputs, _ = flat(primals)
        elif backend.transforms is not None and not _boxes_about(primals):
            outputs = backend.transforms.custom_gradient(flat, primals)
        else:
            outputs = record_custom(flat, primals)
        return tree.pack_sequence_as(structure[0], outputs)

    return call


def _is_source(leaf: Any) -> bool:
    if isinstance(leaf, bool | int | float | str) or leaf is None:
        return False
    return isinstance(leaf, Box) or (plugins.owner(leaf) is not None and is_differentiable(leaf))


def _checked(
    found: Any, args: tuple[Any, ...], leaves: Sequence[Any], places: Sequence[int], name: str
) -> list[Any]:
    """The gradients that a custom rule returned, one for each differentiable argument, with the right shapes."""
    gradients = tree.flatten(found) if isinstance(found, list | tuple | dict) else [found]
    if len(gradients) == len(leaves):
        gradients = [gradients[i] for i in places]
    if len(gradients) != len(places):
        raise ValueError(
            f"custom_gradient: {name}: expected {len(places)} gradients, one a tensor argument; got {len(gradients)}."
        )
    for number, (g, i) in enumerate(zip(gradients, places, strict=True)):
        if g is not None and shape_of(g) != shape_of(leaves[i]):
            raise ValueError(
                f"custom_gradient: {name}: gradient {number}: expected shape {shape_of(leaves[i])}, "
                f"that of the argument; got {shape_of(g)}."
            )
    return gradients


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that remembers its arguments only, and runs again when its gradient is asked for.

    Example:
        >>> import polynet
        >>> from polynet import ops
        >>> round(float(polynet.grad(polynet.checkpoint(lambda x: ops.exp(ops.exp(x))))(0.0)), 4)
        2.7183
    """
    if not callable(f):
        raise TypeError(f"f: expected a function; got {type(f).__name__}.")

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves = [leaf.value if isinstance(leaf, Item) else leaf for leaf in tree.flatten(args)]
        places = [i for i, leaf in enumerate(leaves) if _is_source(leaf)]
        structure: list[Any] = []

        def run(primals: Sequence[Any]) -> list[Any]:
            filled = list(leaves)
            for i, primal in zip(places, primals, strict=True):
                filled[i] = primal
            result = f(*tree.pack_sequence_as(args, filled), **kwargs)
            structure[:] = [tree.map_structure(lambda leaf: None, result)]
            return [
                leaf.value if isinstance(leaf, Variable | Item) else leaf
                for leaf in tree.flatten(result)
            ]

        primals = [leaves[i] for i in places]
        backend = plugins.current()
        if backend.transforms is not None and not _boxes_about(primals):
            outputs = backend.transforms.checkpoint(_repeatable(run), primals)
        else:
            outputs = _again(run, primals)
        return tree.pack_sequence_as(structure[0], outputs)

    return call


remat = checkpoint


class _Reads(Observer):
    """Notes what variables were read as, and what boxes held."""

    def __init__(self, open_boxes: bool) -> None:
        self.seen: dict[int, tuple[Variable, Any]] = {}
        self._open_boxes = open_boxes

    def read(self, variable: Variable, value: Any) -> Any:
        if self._open_boxes and not isinstance(value, Box):
            return value
        self.seen.setdefault(id(variable), (variable, value))
        return value.value if self._open_boxes else value


def _repeatable(run: Callable[[Sequence[Any]], list[Any]]) -> Callable[[Sequence[Any]], list[Any]]:
    """``run``, which reads variables the second time, when no tape is open any more, as it did the first time."""
    first: list[_Reads] = []

    def repeat(primals: Sequence[Any]) -> list[Any]:
        if not first:
            first.append(_Reads(open_boxes=False))
            with observing(first[0]):
                return run(primals)
        variables, values = zip(*first[0].seen.values(), strict=True) if first[0].seen else ((), ())
        with observing(_Values(variables, values)):
            return run(primals)

    return repeat


def _again(run: Callable[[Sequence[Any]], list[Any]], primals: Sequence[Any]) -> list[Any]:
    """Run with nothing recorded; record one entry whose rule runs again, with the variables read as arguments too."""
    reads = _Reads(open_boxes=True)
    opened = [primal.value if isinstance(primal, Box) else primal for primal in primals]
    with observing(reads):
        first = [run(opened)]
    variables = [variable for variable, _ in reads.seen.values()]
    if not variables and all(new is old for new, old in zip(opened, primals, strict=True)):
        return first[0]
    values = [value for _, value in reads.seen.values()]
    if any(isinstance(value, Box) for value in (*opened, *(box.value for box in values))):
        first.clear()  # an outer tape watches, and must see the run
    count = len(primals)

    def flat(values: Sequence[Any]) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]:
        def whole(inner: Sequence[Any]) -> tuple[list[Any], Any]:
            with observing(_Values(variables, inner[count:])):
                return run(inner[:count]), None

        if first:
            outputs = first.pop()
        else:
            with observing(_Values(variables, values[count:])):
                outputs = run(values[:count])
        return outputs, lambda cotangents: _pullback(whole, list(values))[1](cotangents)

    return record_custom(flat, [*primals, *values])
