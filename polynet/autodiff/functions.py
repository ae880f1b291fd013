"""Derivatives as functions of functions: ``grad``, ``value_and_grad``, ``vjp``, ``jvp``, ``jacobian``, ``hessian``.

All of them rest on one step, ``_pullback``: run a function of a flat list of tensors and get the function that takes
cotangents back.  The backend's own autodiff does that step where it has one (``Backend.transforms``), boxes
elsewhere, and wherever a box-based tape is open.  Batching and compilation are in ``batching.py`` and ``jit.py``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from polynet import dtypes, plugins, tree
from polynet.autodiff.box import Box, Recorder, is_differentiable, pull_back, zeros
from polynet.autodiff.notes import Wire
from polynet.autodiff.tape import GradientTape
from polynet.backend import FlatFunction
from polynet.op import OPS
from polynet.plugins import state
from polynet.tensor import Traced
from polynet.values import NUMBERS, dtype_of, shape_of
from polynet.variable import Observer, Variable, observers, start_observing, stop_observing

# ------------------------------------------------------------------------------------------ the step


def _pullback(
    function: FlatFunction, primals: list[Any], once: bool = False
) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]], Any]:
    """Outputs, the pull-back, and the auxiliary result of ``function(primals) -> (outputs, auxiliary)``."""
    native = _native_vjp(primals)
    if native is not None:
        return native(function, primals, once)
    recorder = Recorder()
    boxes = [recorder.source(primal) for primal in primals]
    outputs, aux = function(boxes)
    recorder.recording = False
    opened = [_opened(output, recorder) for output in outputs]

    def pull(cotangents: Sequence[Any]) -> list[Any]:
        seeds = [
            (output.index, g)
            for output, g in zip(outputs, cotangents, strict=True)
            if isinstance(output, Box) and output.recorder is recorder
        ]
        if not seeds:
            return [zeros(shape_of(primal), dtype_of(primal)) for primal in primals]
        found = pull_back(recorder, seeds, [box.index for box in boxes])
        return [
            found[box.index] if box.index in found else zeros(shape_of(primal), dtype_of(primal))
            for box, primal in zip(boxes, primals, strict=True)
        ]

    return opened, pull, tree.map_structure(lambda leaf: _opened(leaf, recorder), aux)


def _native_vjp(primals: Sequence[Any]) -> Callable[..., Any] | None:
    """``Transforms.vjp`` by the library, also while its calls are noted; ``None``: it is for boxes."""
    backend = plugins.current()
    if backend.transforms is None:
        return None
    if backend.tape is not None:
        notes = next((primal.notes for primal in primals if primal.__class__ is Wire), None)
        if notes is not None:
            found: Callable[..., Any] = notes.vjp
            return found
    return None if _boxes_about(primals) else backend.transforms.vjp


def _opened(value: Any, recorder: Recorder) -> Any:
    return value.value if isinstance(value, Box) and value.recorder is recorder else value


def _boxes_about(primals: Sequence[Any]) -> bool:
    """Are gradients being recorded in boxes here, so that the library's own autodiff would not see them?"""
    for primal in primals:
        if isinstance(primal, Traced):
            return True
    return bool(state.observers) and any(
        isinstance(observer, GradientTape) and plugins.current().tape is None
        for observer in observers()
    )


# ------------------------------------------------------------------------------------------ arguments


def _tensor(x: Any, what: str) -> Any:
    """An argument that is differentiated: a floating tensor."""
    if isinstance(x, Variable):
        x = x.value
    if isinstance(x, bool | int) or (hasattr(x, "dtype") and not is_differentiable(x)):
        raise TypeError(
            f"{what}: expected a floating dtype to differentiate by; got {dtype_of(x)}. "
            f"Cast it with ops.cast(x, 'float32')."
        )
    if isinstance(x, str) or x is None:
        raise TypeError(f"{what}: expected a tensor; got {type(x).__name__}.")
    from polynet.ops import convert_to_tensor

    return x if isinstance(x, Traced) else convert_to_tensor(x)


def _chosen(args: tuple[Any, ...], argnums: int | Sequence[int], name: str) -> tuple[Any, ...]:
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise ValueError(
                f"argnums: {number} is out of range; {name} was called with {len(args)} positional arguments."
            )
    return tuple(number % len(args) for number in numbers)


class _Flat:
    """A function of trees as one of a flat list of the tensors that are differentiated."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        argnums: Any,
        has_aux: bool,
    ) -> None:
        self.name = getattr(function, "__name__", "function")
        self.function, self.args, self.kwargs, self.has_aux = function, args, kwargs, has_aux
        self.numbers = _chosen(args, argnums, self.name)
        self.trees = [args[number] for number in self.numbers]
        self.single = isinstance(argnums, int)
        self.primals = [
            _tensor(leaf, f"{self.name}: argument {number}")
            for number, structure in zip(self.numbers, self.trees, strict=True)
            for leaf in tree.flatten(structure)
        ]
        self.outputs: Any = None

    def __call__(self, leaves: Sequence[Any]) -> tuple[list[Any], Any]:
        args = list(self.args)
        rest = iter(leaves)
        for number, structure in zip(self.numbers, self.trees, strict=True):
            args[number] = tree.pack_sequence_as(
                structure, [next(rest) for _ in tree.flatten(structure)]
            )
        result = self.function(*args, **self.kwargs)
        aux = None
        if self.has_aux:
            result, aux = _pair(result, self.name)
        self.outputs = tree.map_structure(lambda leaf: None, result)
        return [_result(leaf, self.name) for leaf in tree.flatten(result)], aux

    def packed(self, leaves: Sequence[Any]) -> Any:
        """Gradients in the structure of the arguments."""
        rest = iter(leaves)
        found = [
            tree.pack_sequence_as(structure, [next(rest) for _ in tree.flatten(structure)])
            for structure in self.trees
        ]
        return found[0] if self.single else tuple(found)


def _pair(result: Any, name: str) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"{name}: has_aux=True: expected a pair (result, auxiliary); got {type(result).__name__}."
        )
    return result


def _result(leaf: Any, name: str) -> Any:
    if isinstance(leaf, Variable):
        leaf = leaf.value
    if isinstance(leaf, NUMBERS):
        from polynet.ops import convert_to_tensor

        return convert_to_tensor(leaf)
    return leaf


def _one_scalar(outputs: list[Any], name: str) -> Any:
    if len(outputs) != 1 or shape_of(outputs[0]) != ():
        shapes = ", ".join(str(shape_of(output)) for output in outputs)
        raise TypeError(
            f"grad needs a function with a scalar result; {name} returned "
            f"{'shape ' + shapes if len(outputs) == 1 else f'{len(outputs)} results of shapes {shapes}'}. "
            f"Sum it, or use polynet.jacobian."
        )
    if not is_differentiable(outputs[0]):
        raise TypeError(
            f"grad needs a function with a floating result; {name} returned {dtype_of(outputs[0])}."
        )
    return outputs[0]


def _ones(value: Any) -> Any:
    return OPS["full"].call(shape_of(value), 1, dtype_of(value))


def _uphill(g: Any) -> Any:
    return OPS["conj"].call(g) if dtypes.is_complex(dtype_of(g)) else g


# ------------------------------------------------------------------------------------------ gradients


def value_and_grad(
    fn: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    variables: Sequence[Variable] | None = None,
) -> Callable[..., Any]:
    """A function that returns the value of ``fn`` and its gradient.

    Args:
        fn: a function with a scalar result (or a pair with anything else, see ``has_aux``).
        argnums: by which positional arguments to differentiate; each may be a tree.
        has_aux: does ``fn`` return ``(result, auxiliary)``? Then the value is that pair.
        variables: differentiate by these variables, read inside of ``fn``, instead of by arguments.

    Example:
        >>> import polynet
        >>> w = polynet.Variable(3.0)
        >>> value, (g,) = polynet.value_and_grad(lambda x: w * w * x, variables=[w])(2.0)
        >>> float(value), float(g)
        (18.0, 12.0)
    """
    if not callable(fn):
        raise TypeError(f"fn: expected a function; got {type(fn).__name__}.")

    @functools.wraps(fn)
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        if variables is not None:
            return _by_variables(fn, args, kwargs, variables, has_aux)
        flat = _Flat(fn, args, kwargs, argnums, has_aux)
        outputs, pull, aux = _pullback(flat, flat.primals, once=True)
        value = _one_scalar(outputs, flat.name)
        gradient = flat.packed([_uphill(g) for g in pull([_ones(value)])])
        return ((value, aux) if has_aux else value), gradient

    return with_gradient


def grad(
    fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of ``fn``; with ``has_aux`` the pair (gradient, auxiliary).

    Example:
        >>> import polynet
        >>> float(polynet.grad(lambda x: x * x)(3.0))
        6.0
    """
    both = value_and_grad(fn, argnums, has_aux)

    @functools.wraps(fn)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, found = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


class _Values(Observer):
    """Variables read as given values; assignments kept aside."""

    def __init__(self, variables: Sequence[Variable], values: Sequence[Any]) -> None:
        self._values = {
            id(variable): value for variable, value in zip(variables, values, strict=True)
        }
        self.assigned: dict[int, tuple[Variable, Any]] = {}

    def read(self, variable: Variable, value: Any) -> Any:
        key = id(variable)
        if self.assigned and key in self.assigned:
            return self.assigned[key][1]
        return self._values.get(key, value)

    def write(self, variable: Variable, value: Any) -> bool:
        self.assigned[id(variable)] = (variable, value)
        return True


def _by_variables(
    fn: Callable[..., Any], args: Any, kwargs: Any, variables: Sequence[Variable], has_aux: bool
) -> Any:
    name = getattr(fn, "__name__", "function")
    for variable in variables:
        if not isinstance(variable, Variable):
            raise TypeError(f"variables: expected polynet.Variable; got {type(variable).__name__}.")
        if not variable.differentiable:
            _tensor(variable, "variables")
    primals = [variable.value for variable in variables]
    written: list[Variable] = []

    def flat(values: Sequence[Any]) -> tuple[list[Any], Any]:
        scope = _Values(variables, values)
        start_observing(scope)
        try:
            result = fn(*args, **kwargs)
        finally:
            stop_observing(scope)
        written[:] = [variable for variable, _ in scope.assigned.values()]
        aux = None
        if has_aux:
            result, aux = _pair(result, name)
        if tree.is_nested(result):
            outputs = [_result(leaf, name) for leaf in tree.flatten(result)]
        else:
            outputs = [_result(result, name)]
        return outputs, (aux, [value for _, value in scope.assigned.values()])

    native = _native_vjp(primals)
    if native is not None:
        outputs, pull, (aux, assigned) = native(flat, primals, True)
        value = _one_scalar(outputs, name)
        gradients = pull([None])
    else:
        value, gradients, aux, assigned = _by_boxes(flat, primals, name)
    for variable, new in zip(written, assigned, strict=True):
        variable._set(new)
    gradients = [
        _uphill(g) if variable.dtype.startswith("complex") else g
        for variable, g in zip(variables, gradients, strict=True)
    ]
    if type(variables) is not list:
        gradients = tree.pack_sequence_as(variables, gradients)
    return ((value, aux) if has_aux else value), gradients


def _by_boxes(
    function: FlatFunction, primals: Sequence[Any], name: str
) -> tuple[Any, list[Any], Any, list[Any]]:
    """The value of a scalar function, its gradients, its auxiliary result and what it assigned."""
    recorder = Recorder()
    boxes = [recorder.source(primal) for primal in primals]
    outputs, (aux, assigned) = function(boxes)
    recorder.recording = False
    value = _one_scalar(outputs, name)
    found: dict[int, Any] = {}
    if value.__class__ is Box and value.recorder is recorder:
        seed = value.index, (value.value.shape, value.dtype)
        value = value.value
        found = pull_back(recorder, [seed], range(len(boxes)))
    gradients = [
        found[i] if i in found else zeros(shape_of(primal), dtype_of(primal))
        for i, primal in enumerate(primals)
    ]
    if aux is not None:
        aux = tree.map_structure(lambda leaf: _opened(leaf, recorder), aux)
    return value, gradients, aux, [_opened(new, recorder) for new in assigned]


def vjp(fn: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The result of ``fn(*primals)``, and the function from its cotangent to those of the arguments (a tuple).

    Example:
        >>> import polynet
        >>> y, pull = polynet.vjp(lambda x: x * x, 3.0)
        >>> [float(g) for g in pull(1.0)]
        [6.0]
    """
    flat = _Flat(fn, primals, {}, tuple(range(len(primals))), has_aux)
    outputs, pull, aux = _pullback(flat, flat.primals)
    structure = flat.outputs

    def pull_tree(cotangent: Any) -> Any:
        leaves = _matching(cotangent, structure, outputs, "cotangent")
        return flat.packed(pull(leaves))

    result = tree.pack_sequence_as(structure, outputs)
    return (result, pull_tree, aux) if has_aux else (result, pull_tree)


def _matching(given: Any, structure: Any, like: Sequence[Any], what: str) -> list[Any]:
    """The leaves of a tree that must have the structure, shapes and dtypes of some tensors."""
    leaves: list[Any] = []
    tree.map_structure_up_to(structure, leaves.append, given)
    result = []
    for leaf, value in zip(leaves, like, strict=True):
        if shape_of(leaf) != shape_of(value):
            raise ValueError(f"{what}: expected shape {shape_of(value)}; got {shape_of(leaf)}.")
        result.append(OPS["cast"].call(leaf, dtype_of(value)))
    return result


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The result of ``fun(*primals)`` and its derivative in the direction of ``tangents``.

    Example:
        >>> import polynet
        >>> y, t = polynet.jvp(lambda x: x * x, (3.0,), (1.0,))
        >>> float(y), float(t)
        (9.0, 6.0)
    """
    primals, tangents = tuple(primals), tuple(tangents)
    if len(primals) != len(tangents):
        raise ValueError(f"tangents: expected {len(primals)}, one a primal; got {len(tangents)}.")
    flat = _Flat(fun, primals, {}, tuple(range(len(primals))), has_aux)
    directions = _matching(tangents, primals, flat.primals, "tangents")
    backend = plugins.current()
    if backend.transforms is not None and not _boxes_about([*flat.primals, *directions]):
        outputs, derivatives, aux = backend.transforms.jvp(flat, flat.primals, directions)
    else:
        outputs, pull, aux = _pullback(flat, flat.primals)
        # The pull-back is linear in the cotangent; its own pull-back is the derivative along a direction.
        recorder = Recorder()
        dummies = [recorder.source(zeros(shape_of(y), dtype_of(y))) for y in outputs]
        pulled = pull(dummies)
        seeds = [
            (g.index, t)
            for g, t in zip(pulled, directions, strict=True)
            if isinstance(g, Box) and g.recorder is recorder
        ]
        found = pull_back(recorder, seeds, [dummy.index for dummy in dummies]) if seeds else {}
        derivatives = [
            found[dummy.index] if dummy.index in found else zeros(shape_of(y), dtype_of(y))
            for dummy, y in zip(dummies, outputs, strict=True)
        ]
    result = (
        tree.pack_sequence_as(flat.outputs, outputs),
        tree.pack_sequence_as(flat.outputs, derivatives),
    )
    return (*result, aux) if has_aux else result


# ------------------------------------------------------------------------------------------ jacobians


def jacobian(
    fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the derivative of every element of the result by every element of the arguments.

    The Jacobian of a result and an argument has the shape ``result.shape + argument.shape``.

    Example:
        >>> import polynet
        >>> from polynet import ops
        >>> polynet.jacobian(lambda x: x * x)(ops.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]], dtype=float32)
    """

    @functools.wraps(fn)
    def derivative(*args: Any, **kwargs: Any) -> Any:
        flat = _Flat(fn, args, kwargs, argnums, has_aux)
        outputs, pull, aux = _pullback(flat, flat.primals)
        rows = [
            flat.packed(_rows(pull, outputs, place, flat.primals)) for place in range(len(outputs))
        ]
        result = _nest(flat.outputs, rows)
        return (result, aux) if has_aux else result

    return derivative


def _nest(structure: Any, rows: list[Any]) -> Any:
    """``rows`` (trees) in the places of the leaves of ``structure``."""
    if len(rows) == 1 and not tree.is_nested(structure):
        return rows[0]
    return tree.pack_sequence_as(structure, rows)


def _rows(
    pull: Callable[[Sequence[Any]], list[Any]],
    outputs: Sequence[Any],
    place: int,
    primals: Sequence[Any],
) -> list[Any]:
    """The Jacobians of one output by each primal, all rows in one batched pull-back."""
    from polynet.autodiff.batching import map_batch

    output = outputs[place]
    shape, dtype = shape_of(output), dtype_of(output)
    size = math.prod(shape)
    basis = OPS["reshape"].call(_eye(size, dtype), (size, *shape))

    def one(row: Any) -> list[Any]:
        cotangents = [
            row if i == place else zeros(shape_of(y), dtype_of(y)) for i, y in enumerate(outputs)
        ]
        return pull(cotangents)

    found = map_batch(one, basis)
    return [
        _uphill(OPS["reshape"].call(g, (*shape, *shape_of(primal))))
        for g, primal in zip(found, primals, strict=True)
    ]


def _eye(size: int, dtype: str) -> Any:
    numbers = OPS["iota"].call(size, "int32")
    column = OPS["reshape"].call(numbers, (size, 1))
    return OPS["cast"].call(OPS["equal"].call(column, numbers), dtype)


def hessian(
    fn: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the second derivatives of a scalar ``fn``.

    Example:
        >>> import polynet
        >>> float(polynet.hessian(lambda x: x * x * x)(2.0))
        12.0
    """
    return jacobian(grad(fn, argnums, has_aux), argnums, has_aux)


def stacked_gradients(
    tape: GradientTape, target: Any, sources: Any, unconnected_gradients: str
) -> Any:
    """``GradientTape.jacobian``: the gradient of each element of the target, all in one batch."""
    from polynet import ops

    shape = shape_of(target)
    size = math.prod(shape)
    basis = ops.reshape(_eye(size, dtype_of(target)), (size, *shape))
    found = _all_rows(tape, target, sources, basis, unconnected_gradients)
    leaves = [
        None if g is None else ops.reshape(g, (*shape, *shape_of(source)))
        for g, source in zip(found, tree.flatten(sources), strict=True)
    ]
    return tree.pack_sequence_as(sources, leaves)


def batch_stacked_gradients(
    tape: GradientTape, target: Any, source: Any, unconnected_gradients: str
) -> Any:
    """``GradientTape.batch_jacobian``: examples do not mix, so one gradient gives a row for all of them."""
    from polynet import ops

    shape = shape_of(target)
    if not shape or shape_of(source)[:1] != shape[:1]:
        raise ValueError(
            f"batch_jacobian: target and source: expected the same first axis; "
            f"got shapes {shape} and {shape_of(source)}."
        )
    size = math.prod(shape[1:])
    rows = ops.reshape(_eye(size, dtype_of(target)), (size, 1, *shape[1:]))
    (found,) = _all_rows(
        tape, target, source, ops.broadcast_to(rows, (size, *shape)), unconnected_gradients
    )
    if found is None:
        return None
    return ops.reshape(ops.moveaxis(found, 0, 1), (*shape, *shape_of(source)[1:]))


def _all_rows(
    tape: GradientTape, target: Any, sources: Any, basis: Any, unconnected_gradients: str
) -> list[Any]:
    """The gradients for every weight of the target in ``basis``, stacked; ``None`` for unconnected sources."""
    from polynet.autodiff.batching import map_batch

    connected: list[bool] = []

    def one(row: Any) -> list[Any]:
        gradients = tree.flatten(tape.gradient(target, sources, row, unconnected_gradients))
        connected[:] = [g is not None for g in gradients]
        return [g for g in gradients if g is not None]

    with tape.kept():
        stacked = iter(map_batch(one, basis))
    return [next(stacked) if is_connected else None for is_connected in connected]


# ------------------------------------------------------------------------------------------ custom rules


def stop_gradient(variable: Any) -> Any:
    """The same values, treated as a constant by every derivative; takes trees.

    Example:
        >>> import polynet
        >>> float(polynet.grad(lambda x: x * polynet.stop_gradient(x))(3.0))
        3.0
    """
    return tree.map_structure(OPS["stop_gradient"].call, variable)
