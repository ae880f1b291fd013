"""Control flow on tensors: branches, loops, scans and maps over trees of tensors.

Where values are known, the functions are called as Python would.  On a ``Spec`` they are run once, for shapes and
dtypes.  Where a value is not known yet (inside the library's compilation), the backend's own control flow runs them
(``Backend.loops``), and variables that they assign travel through it.  No arithmetic is done here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from polynet import dtypes, errors, plugins, spec, tree
from polynet.op import op
from polynet.ops import primitives
from polynet.ops.core import cast, convert_to_tensor
from polynet.ops.primitives import concatenate, index, stack
from polynet.spec import Spec, abstract, is_abstract
from polynet.tensor import Held, Tensor, Traced, plain
from polynet.values import dtype_of, shape_of

__all__ = [
    "associative_scan",
    "cond",
    "fori_loop",
    "map",
    "scan",
    "switch",
    "vectorize",
    "vectorized_map",
    "while_loop",
]

Function = Callable[..., Any]
Leaves = list[Any]

# ---------------------------------------------------------------------------------------------- trees


def _leaves(structure: Any) -> Leaves:
    """The leaves of a tree but for ``None``."""
    return [leaf for leaf in tree.flatten(structure) if leaf is not None]


def _packed(structure: Any, leaves: Sequence[Any]) -> Any:
    """A tree like ``structure`` with other leaves; ``None`` stays."""
    rest = iter(leaves)
    return tree.map_structure(lambda leaf: None if leaf is None else next(rest), structure)


def _outline(structure: Any) -> Any:
    """A tree without its values, to compare it with another one and to pack leaves into."""
    return tree.map_structure(lambda leaf: None if leaf is None else 0, structure)


def _where(structure: Any, number: int) -> str:
    """The place of a leaf in a tree, to show it."""
    paths = [path for path, leaf in tree.flatten_with_path(structure) if leaf is not None]
    return "".join(f"[{key!r}]" for key in paths[number])


def _refusal(kind: type[errors.PolynetError], name: str, text: str) -> errors.PolynetError:
    """An error that carries the name of the function that was called, whatever op found it."""
    error = kind(f"{name}: {text}")
    error.op = name.partition(":")[0]
    return error


def _kind(x: Any) -> str:
    return "a tensor" if hasattr(x, "shape") else type(x).__name__


def _shown(x: Any) -> str:
    return f"{dtype_of(x)} of shape {shape_of(x)}"


class _Flat:
    """A function of trees as one of flat lists; remembers the structure of what it returned."""

    def __init__(self, function: Function, name: str) -> None:
        if not callable(function):
            raise TypeError(f"{name}: expected a function; got {type(function).__name__}.")
        self.function = function
        self.name = name
        self.structure: Any = None

    def __call__(self, *arguments: Any) -> Leaves:
        result = self.function(*arguments)
        self.structure = _outline(result)
        return [_value(leaf) for leaf in _leaves(result)]

    def packed(self, leaves: Sequence[Any]) -> Any:
        """Leaves in the structure of the result."""
        return _packed(self.structure, leaves)


def _value(leaf: Any) -> Any:
    """A result as a tensor; variables give their value."""
    return (
        leaf
        if isinstance(leaf, Traced) and not hasattr(leaf, "assign")
        else convert_to_tensor(leaf)
    )


def _like_carry(new: Leaves, old: Sequence[Any], structure: Any, made: Any, name: str) -> Leaves:
    """The new values of a loop, which must be nested and shaped, and have the dtypes, as the old ones."""
    try:
        tree.assert_same_structure(structure, made)
        alike = len(new) == len(old)
        reason = "" if alike else " ('None' in one is a tensor in the other)"
    except ValueError as error:
        alike, reason = False, f": {error}"
    if not alike:
        raise ValueError(f"{name}: the loop's values must keep their structure{reason}.")
    for number, (after, before) in enumerate(zip(new, old, strict=True)):
        if after is not before and (
            dtype_of(after) != dtype_of(before) or shape_of(after) != shape_of(before)
        ):
            kind = errors.ShapeError if shape_of(after) != shape_of(before) else errors.DTypeError
            raise _refusal(
                kind,
                name,
                f"a loop's values must keep their shape and dtype; {_where(structure, number) or 'the value'} "
                f"goes in as {_shown(before)} and comes out as {_shown(after)}. "
                f"Use ops.cast, or begin with a value of the final shape and dtype.",
            )
    return new


def _same_results(results: Sequence[Leaves], functions: Sequence[_Flat], name: str) -> None:
    """Branches must return trees of one structure with the same shapes and dtypes."""
    for other, function in zip(results[1:], functions[1:], strict=True):
        first = functions[0].structure
        try:
            tree.assert_same_structure(first, function.structure)
            alike = len(other) == len(results[0])
            reason = "" if alike else ": 'None' in one is a tensor in the other"
        except ValueError as error:
            alike, reason = False, f": {error}"
        if not alike:
            raise ValueError(
                f"{name}: {functions[0].name} and {function.name} return different structures{reason}"
            )
        for number, (one, two) in enumerate(zip(results[0], other, strict=True)):
            if dtype_of(one) != dtype_of(two) or shape_of(one) != shape_of(two):
                kind = errors.ShapeError if shape_of(one) != shape_of(two) else errors.DTypeError
                place = _where(first, number)
                raise _refusal(
                    kind,
                    name,
                    f"the branches must return the same shapes and dtypes; {functions[0].name} gives "
                    f"{_shown(one)} and {function.name} gives {_shown(two)}{' at ' + place if place else ''}.",
                )


# -------------------------------------------------------------------------------------- what is known


def _only_shapes(values: Sequence[Any]) -> bool:
    """Are shapes being inferred, of these values if there are any?"""
    return is_abstract() and (not values or any(isinstance(value, Spec) for value in values))


def _number(x: Any, convert: Callable[[Any], Any]) -> Any:
    """The value of a 0-d tensor as a Python number; ``None`` while it is not known."""
    value = plain(x) if isinstance(x, Held) else x
    if isinstance(value, Traced):
        return None
    try:
        return convert(value)
    except Exception:
        if plugins.current().is_traced(value):
            return None
        raise


def _is_unknown(values: Sequence[Any]) -> bool:
    """Is one of the values a stand-in inside the library's own compilation?"""
    backend = plugins.current()
    return any(
        isinstance(value, backend.tensor_types) and backend.is_traced(value) for value in values
    )


def _loops(values: Sequence[Any]) -> Any:
    """The backend's own control flow, unless a tape of boxes would not see what happens in it."""
    from polynet.autodiff.tape import GradientTape
    from polynet.variable import observers

    backend = plugins.current()
    if backend.loops is None or any(isinstance(value, Traced) for value in values):
        return None
    if backend.tape is None and any(isinstance(observer, GradientTape) for observer in observers()):
        return None
    return backend.loops


def _inferred(function: Callable[..., Leaves], *arguments: Any) -> Leaves:
    """What a function gives for ``Spec``s; what it assigns to variables is forgotten."""
    from polynet.variable import observing

    with abstract(), observing(_state([], [])):
        return [Spec(shape_of(leaf), dtype_of(leaf)) for leaf in function(*arguments)]


def _specs(leaves: Sequence[Any]) -> Leaves:
    return [Spec(shape_of(leaf), dtype_of(leaf)) for leaf in leaves]


# ------------------------------------------------------------------------------- variables in the loops


class _Assigned(Exception):
    """Variables were assigned in a loop that does not carry them along yet; it begins a second try."""

    def __init__(self, variables: Sequence[Any]) -> None:
        super().__init__()
        self.variables = list(variables)


def _state(variables: Sequence[Any], values: Sequence[Any]) -> Any:
    """An observer that reads and keeps the given variables; what else is assigned is noted and goes nowhere."""
    from polynet.variable import Observer

    class State(Observer):
        def __init__(self) -> None:
            self.values = {
                id(variable): value for variable, value in zip(variables, values, strict=True)
            }
            self.others: dict[int, tuple[Any, Any]] = {}

        def read(self, variable: Any, value: Any) -> Any:
            if id(variable) in self.others:
                return self.others[id(variable)][1]
            return self.values.get(id(variable), value)

        def write(self, variable: Any, value: Any) -> bool:
            if id(variable) in self.values:
                self.values[id(variable)] = value
            else:
                self.others[id(variable)] = (variable, value)
            return True

        def after(self) -> Leaves:
            if self.others:
                raise _Assigned([variable for variable, _ in self.others.values()])
            return [self.values[id(variable)] for variable in variables]

    return State()


def _carrying(run: Callable[[list[Any], Leaves], tuple[Any, Leaves]]) -> Any:
    """Run a loop with the variables that it assigns as further values; try again when more turn up.

    ``run`` takes these variables and their values, and returns its result and their values afterwards.
    """
    variables: list[Any] = []
    while True:
        try:
            result, values = run(variables, [plain(variable.value) for variable in variables])
        except _Assigned as found:
            variables = [*variables, *found.variables]
            continue
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return result


def _pure(function: Callable[..., Leaves], variables: Sequence[Any]) -> Callable[..., Leaves]:
    """``function`` with the values of ``variables`` as a last argument, which come back after its results."""
    from polynet.variable import observing

    def call(*arguments: Any) -> Leaves:
        with observing(_state(variables, arguments[-1])) as state:
            result = function(*arguments[:-1])
        return [*result, *state.after()]

    return call


# ------------------------------------------------------------------------------------------- branches


def cond(pred: Tensor, true_fn: Function, false_fn: Function) -> Any:
    """The result of ``true_fn()`` if the predicate holds, else that of ``false_fn()``.

    Both must return the same structure, shapes and dtypes.  With a symbolic predicate and functions that use
    symbolic tensors both are computed, and one result is chosen.

    Args:
        pred: a bool, or a tensor of one.

    Example:
        >>> from polynet import ops
        >>> x = ops.array(3.0)
        >>> ops.cond(x > 2.0, lambda: x * 2.0, lambda: x + 1.0)
        np.float32(6.0)
    """
    branches = _Flat(true_fn, "true_fn"), _Flat(false_fn, "false_fn")
    chosen = _chosen_symbolically(pred, branches, "cond")
    if chosen is not None:
        return chosen[0].packed(chosen[1])
    used = _Result()
    leaves = _cond(pred, *branches, used)
    return (used.function or branches[0]).packed(leaves)


class _Result:
    """Which of several functions gave the result."""

    def __init__(self) -> None:
        self.function: _Flat | None = None


@op(dtypes=spec.each)
def _cond(pred: Tensor, true_fn: Any, false_fn: Any, used: Any) -> list[Tensor]:
    if tuple(pred.shape) != ():
        raise errors.ShapeError(
            f"pred: expected one bool; got the shape {tuple(pred.shape)}. Use ops.where for many."
        )
    return _one_of((false_fn, true_fn), pred, bool, [], used, "cond")


def switch(index: Tensor, branches: Sequence[Function], *operands: Any) -> Any:
    """The result of the branch with that number, called with the operands.

    Args:
        index: an integer, or a tensor of one; moved into the range of the branches.
        branches: functions that return the same structure, shapes and dtypes.

    Example:
        >>> from polynet import ops
        >>> ops.switch(1, [lambda x: x + 1.0, lambda x: x * 10.0], ops.array(3.0))
        np.float32(30.0)
    """
    functions = tuple(_Flat(branch, f"branches[{i}]") for i, branch in enumerate(branches))
    if not functions:
        raise ValueError("switch: branches: expected at least one function; got none.")
    flat = _with_operands(functions, operands)
    if not _leaves(operands):
        chosen = _chosen_symbolically(index, functions, "switch")
        if chosen is not None:
            return chosen[0].packed(chosen[1])
    used = _Result()
    leaves = _switch(index, _leaves(operands), flat, used)
    return (used.function or functions[0]).packed(leaves)


def _with_operands(functions: Sequence[_Flat], operands: tuple[Any, ...]) -> tuple[_Flat, ...]:
    """The functions as such of a flat list of operands."""
    structure = _outline(operands)

    def taking_leaves(function: _Flat) -> Any:
        return lambda *leaves: function(*_packed(structure, leaves))

    return tuple(_Renamed(taking_leaves(function), function) for function in functions)


class _Renamed(_Flat):
    """A ``_Flat`` called in another way; name and structure are those of the first one."""

    def __init__(self, call: Callable[..., Leaves], first: _Flat) -> None:
        self.call = call
        self.first = first
        self.name = first.name

    def __call__(self, *arguments: Any) -> Leaves:
        result = self.call(*arguments)
        self.structure = self.first.structure
        return result


@op(dtypes=spec.each)
def _switch(index: Tensor, operands: Sequence[Tensor], branches: Any, used: Any) -> list[Tensor]:
    if tuple(index.shape) != () or not dtypes.is_int(dtype_of(index)):
        raise errors.ShapeError(f"index: expected one integer; got {_shown(index)}.")
    return _one_of(branches, index, int, list(operands), used, "switch")


def _one_of(
    branches: Sequence[_Flat],
    number: Tensor,
    convert: Any,
    operands: Leaves,
    used: _Result,
    name: str,
) -> Leaves:
    """The flat result of one of the branches, or, while it is not known which, of the backend's own choice."""
    used.function = branches[0]
    if isinstance(number, Spec):
        results = [_inferred(branch, *operands) for branch in branches]
        _same_results(results, branches, name)
        return results[0]
    known = _number(number, convert)
    if known is not None:
        used.function = branches[min(max(int(known), 0), len(branches) - 1)]
        return used.function(*operands)
    loops = _loops([number, *operands])
    if loops is None:
        return _all_of(branches, number, operands, name)
    place = cast(number, "int32")

    def run(variables: list[Any], values: Leaves) -> tuple[Leaves, Leaves]:
        results: list[Leaves] = []
        count = len(operands)

        def pure(branch: _Flat) -> Callable[[Sequence[Any]], Leaves]:
            stateful = _pure(branch, variables)

            def call(arguments: Sequence[Any]) -> Leaves:
                made = stateful(*arguments[:count], arguments[count:])
                results.append(_specs(made[: len(made) - len(variables)]))
                if len(results) > 1 and len(results) <= len(branches):
                    _same_results([results[0], results[-1]], [branches[0], branch], name)
                return made

            return call

        made = loops.switch(place, [pure(branch) for branch in branches], [*operands, *values])
        end = len(made) - len(values)
        return made[:end], made[end:]

    result: Leaves = _carrying(run)
    return result


def _all_of(branches: Sequence[_Flat], number: Any, operands: Leaves, name: str) -> Leaves:
    """Every branch computed, and one chosen: its results, and what it assigned to variables."""
    from polynet.variable import observing

    results, written = [], []
    for branch in branches:
        with observing(_state([], [])) as state:
            results.append(branch(*operands))
        written.append(state.others)
    _same_results(results, branches, name)
    for key, variable in {key: pair[0] for found in written for key, pair in found.items()}.items():
        values = [[found[key][1] if key in found else plain(variable)] for found in written]
        variable.assign(_select(number, values)[0])
    return _select(number, results)


def _select(number: Tensor, results: Sequence[Leaves]) -> Leaves:
    """Of all results the one with that number, element-wise; the last one for numbers beyond."""
    chosen = results[-1]
    is_bool = dtypes.is_bool(dtype_of(number))
    for i in reversed(range(len(results) - 1)):
        here = primitives.logical_not(number) if is_bool else primitives.less_equal(number, i)
        chosen = [
            primitives.where(here, one, other)
            for one, other in zip(results[i], chosen, strict=True)
        ]
    return chosen


def _chosen_symbolically(
    number: Any, functions: Sequence[_Flat], name: str
) -> tuple[_Flat, Leaves] | None:
    """For a symbolic number and functions that use symbolic tensors: all results, of which one is chosen."""
    from polynet.symbolic import KerasTensor, symbolic_leaves

    if not isinstance(number, KerasTensor):
        return None
    results = [function() for function in functions]
    if not symbolic_leaves(results):
        return None
    _same_results(results, functions, name)
    ordered = list(reversed(results)) if name == "cond" else results
    return functions[0], _select(number, ordered)


# ---------------------------------------------------------------------------------------------- loops


def while_loop(
    cond: Function, body: Function, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """``body`` applied to the values as long as ``cond`` of them holds.

    Args:
        cond: a function of the values, that returns one bool.
        body: a function of the values, that returns them anew with the same structure, shapes and dtypes.
        loop_vars: the first values: a tuple or list, whose entries are the arguments of ``cond`` and ``body``, or
            anything else, which is their only argument.
        maximum_iterations: stop after so many rounds.

    Example:
        >>> from polynet import ops
        >>> ops.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2.0), (0, 1.0))
        (np.int32(3), np.float32(8.0))
    """
    several = type(loop_vars) in (tuple, list)
    values = tuple(loop_vars) if several else (loop_vars,)
    if maximum_iterations is not None:
        maximum_iterations = operator.index(maximum_iterations)
        if maximum_iterations < 0:
            raise ValueError(
                f"while_loop: maximum_iterations: expected 0 or more; got {maximum_iterations}."
            )
    structure = _outline(values)
    goes_on = _Flat(cond, "cond")

    def together(*arguments: Any) -> Any:
        result = body(*arguments)
        if not several or (len(values) == 1 and type(result) not in (tuple, list)):
            return (result,)
        return tuple(result) if type(result) in (tuple, list) else result

    step = _Flat(together, "body") if callable(body) else _Flat(body, "body")
    leaves = _while_loop(
        _leaves(values), _Loop(goes_on, step, structure, "while_loop"), maximum_iterations
    )
    result = _packed(structure, leaves)
    return result if several else result[0]


class _Loop:
    """The two functions of a loop, as functions of flat lists."""

    def __init__(self, cond: _Flat, body: _Flat, structure: Any, name: str) -> None:
        self._cond, self._body, self._structure, self._name = cond, body, structure, name

    def goes_on(self, values: Sequence[Any]) -> Any:
        """The condition, as one bool."""
        found = self._cond(*_packed(self._structure, values))
        if len(found) != 1 or shape_of(found[0]) != ():
            raise _refusal(
                errors.ShapeError,
                f"{self._name}: cond",
                f"expected one bool; got {', '.join(_shown(leaf) for leaf in found) or 'None'}.",
            )
        return found[0]

    def step(self, values: Sequence[Any]) -> Leaves:
        """One round; the values keep structure, shapes and dtypes."""
        new = self._body(*_packed(self._structure, values))
        return _like_carry(
            new, values, self._structure, self._body.structure, f"{self._name}: body"
        )


@op(dtypes=spec.each)
def _while_loop(
    loop_vars: Sequence[Tensor], loop: Any, maximum_iterations: int | None
) -> list[Tensor]:
    values = list(loop_vars)
    if _only_shapes(values):
        values = _specs(values)
        _inferred(lambda: [loop.goes_on(values)])
        return _inferred(loop.step, values)
    rounds = 0
    while maximum_iterations is None or rounds < maximum_iterations:
        holds = loop.goes_on(values)
        known = _number(holds, bool)
        if known is None:
            rest = None if maximum_iterations is None else maximum_iterations - rounds
            return _compiled_while(values, loop, rest, holds)
        if not known:
            break
        values = loop.step(values)
        rounds += 1
    return values


def _compiled_while(values: Leaves, loop: _Loop, rounds: int | None, holds: Any) -> Leaves:
    """The rest of a loop whose condition is not known yet, by the backend."""
    loops = _loops([*values, holds])
    if loops is None:
        raise NotImplementedError(
            "while_loop: how often it runs is not known yet, and the backend has no loop of its own here (or a tape "
            "is recording inside of a compiled function). Use ops.fori_loop or ops.scan with a fixed length."
        )
    count = len(values)

    def run(variables: list[Any], state: Leaves) -> tuple[Leaves, Leaves]:
        body, check = (
            _pure(loop.step, variables),
            _pure(lambda given: [loop.goes_on(given)], variables),
        )

        def goes_on(given: Sequence[Any]) -> Any:
            (again, *_) = check(list(given[:count]), given[count : count + len(variables)])
            again = cast(again, "bool")
            return (
                again
                if rounds is None
                else primitives.logical_and(again, primitives.less(given[-1], rounds))
            )

        def step(given: Sequence[Any]) -> Leaves:
            made = body(list(given[:count]), given[count : count + len(variables)])
            return made if rounds is None else [*made, given[-1] + 1]

        counter = [] if rounds is None else [convert_to_tensor(0, "int32")]
        made = loops.while_loop(goes_on, step, [*values, *state, *counter])
        return made[:count], made[count : count + len(variables)]

    result: Leaves = _carrying(run)
    return result


def fori_loop(lower: Any, upper: Any, body_fun: Function, init_val: Any) -> Any:
    """``init_val`` after ``val = body_fun(i, val)`` for each ``i`` from ``lower`` up to, but without, ``upper``.

    Args:
        lower: an integer, or a tensor of one.
        upper: an integer, or a tensor of one.
        body_fun: a function of an integer and a tree, which returns a tree of the same structure, shapes and dtypes.

    Example:
        >>> from polynet import ops
        >>> ops.fori_loop(0, 4, lambda i, x: x + i, 1)
        np.int32(7)
    """
    structure = _outline(init_val)
    body = _Flat(body_fun, "body_fun")
    bounds = [_bound(bound, name) for bound, name in ((lower, "lower"), (upper, "upper"))]

    def step(i: Any, values: Sequence[Any]) -> Leaves:
        new = body(i, _packed(structure, values))
        return _like_carry(new, values, structure, body.structure, "fori_loop: body_fun")

    leaves = _leaves(init_val)
    if all(type(bound) is int for bound in bounds):
        return _packed(structure, _fori_loop(leaves, bounds[0], bounds[1], step))
    made = _fori_while([*bounds, *leaves], step)
    return _packed(structure, made)


def _bound(value: Any, name: str) -> Any:
    """A bound as a Python integer where it is known, else as the tensor that it is."""
    if isinstance(value, bool | float):
        raise TypeError(f"fori_loop: {name}: expected an integer; got {type(value).__name__}.")
    if shape_of(value) != () or not dtypes.is_int(dtype_of(value)):
        raise errors.ShapeError(f"fori_loop: {name}: expected one integer; got {_shown(value)}.")
    if isinstance(value, Traced) and not isinstance(value, Held):
        return value
    known = _number(value, int)
    return value if known is None else known


@op(dtypes=spec.each)
def _fori_loop(values: Sequence[Tensor], lower: int, upper: int, step: Any) -> list[Tensor]:
    current = list(values)
    if _only_shapes(current):
        return _inferred(step, Spec((), "int32"), _specs(current))
    if _is_unknown(current) and upper - lower > 1 and _loops(current) is not None:
        numbers = primitives.iota(max(upper - lower, 0), "int32") + lower
        return _compiled_scan(
            lambda carry, x: (step(x[0], carry), []),
            current,
            [numbers],
            max(upper - lower, 0),
            False,
            1,
        )[0]
    for i in range(lower, upper):
        current = step(i, current)
    return current


@op(dtypes=spec.each)
def _fori_while(values: Sequence[Tensor], step: Any) -> list[Tensor]:
    """``_fori_loop`` with bounds, the first two values, that are not known."""
    bounds, current = values[:2], list(values[2:])
    if _only_shapes(values):
        return _inferred(step, Spec((), "int32"), _specs(current))
    lower, upper = (_number(bound, int) for bound in bounds)
    if lower is not None and upper is not None:
        return _fori_loop(current, lower, upper, step)
    first, last = (cast(bound, "int32") for bound in bounds)
    loop = _Counted(step)
    made = _compiled_while([first, last, *current], loop, None, primitives.less(first, last))
    return made[2:]


class _Counted(_Loop):
    """A loop whose first two values are a counter and its end."""

    def __init__(self, step: Any) -> None:
        self._step = step

    def goes_on(self, values: Sequence[Any]) -> Any:
        return primitives.less(values[0], values[1])

    def step(self, values: Sequence[Any]) -> Leaves:
        return [values[0] + 1, values[1], *self._step(values[0], list(values[2:]))]


# ---------------------------------------------------------------------------------------------- scans


def scan(
    f: Function,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> tuple[Any, Any]:
    """``f(carry, x)`` for each slice ``x`` along the first axis, with the carry handed from one to the next.

    Args:
        f: returns the new carry, which keeps its structure, shapes and dtypes, and a tree of results.
        init: the first carry, a tree.
        xs: a tree of tensors whose first axes have one length; ``None``: ``f`` is given ``None``.
        length: the number of rounds, needed where ``xs`` is ``None``.
        reverse: begin with the last slice; the results stand in the order of the slices all the same.
        unroll: how many rounds the compiled loop holds in a row; ``True`` for all.

    Returns:
        The last carry, and the results stacked along a new first axis.

    Example:
        >>> from polynet import ops
        >>> ops.scan(lambda total, x: (total + x, total * x), 0.0, ops.array([1.0, 2.0, 3.0]))
        (np.float32(6.0), array([0., 2., 9.], dtype=float32))
    """
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(
            f"scan: unroll: expected a bool, or an integer of 1 or more; got {unroll!r}."
        )
    if not callable(f):
        raise TypeError(f"scan: f: expected a function; got {type(f).__name__}.")
    step = _Scan(f, init, xs, "scan: f")
    leaves = _scan(
        [*_leaves(init), *_leaves(xs)], step, _given_length(length, "scan"), bool(reverse), unroll
    )
    return _packed(step.carry, leaves[: step.carried]), _packed(
        step.results, leaves[step.carried :]
    )


def _given_length(length: Any, name: str) -> int | None:
    if length is None:
        return None
    number = operator.index(length)
    if number < 0:
        raise ValueError(f"{name}: length: expected 0 or more; got {number}.")
    return number


class _Scan:
    """The function of a scan as one of flat lists."""

    def __init__(self, f: Function, init: Any, xs: Any, name: str) -> None:
        self.f, self.name = f, name
        self.carry, self.xs = _outline(init), _outline(xs)
        self.carried = len(_leaves(init))
        self.results: Any = None

    def __call__(self, carry: Sequence[Any], x: Sequence[Any]) -> tuple[Leaves, Leaves]:
        made = self.f(_packed(self.carry, carry), _packed(self.xs, x))
        if not isinstance(made, tuple | list) or len(made) != 2:
            raise TypeError(
                f"{self.name}: expected a pair, the new carry and a result; got {_kind(made)}."
            )
        new = [_value(leaf) for leaf in _leaves(made[0])]
        _like_carry(new, carry, self.carry, _outline(made[0]), self.name)
        self.results = _outline(made[1])
        return new, [_value(leaf) for leaf in _leaves(made[1])]


@op(dtypes=spec.each)
def _scan(
    leaves: Sequence[Tensor], step: Any, length: int | None, reverse: bool, unroll: Any
) -> list[Tensor]:
    carry, xs = list(leaves[: step.carried]), list(leaves[step.carried :])
    name = step.name.partition(":")[0]
    length = _length(xs, length, name)
    if _only_shapes(leaves) or not length:
        rows = [Spec(tuple(x.shape[1:]), dtype_of(x)) for x in xs]
        ends = _inferred(lambda: [leaf for part in step(_specs(carry), rows) for leaf in part])
        results = [Spec((length, *end.shape), end.dtype) for end in ends[step.carried :]]
        if _only_shapes(leaves):
            return [*ends[: step.carried], *results]
        return [*carry, *(primitives.full(result.shape, 0, result.dtype) for result in results)]
    if length > 1 and _is_unknown(leaves) and _loops(leaves) is not None:
        carry, ys = _compiled_scan(step, carry, xs, length, reverse, unroll)
        return [*carry, *ys]
    rounds: list[Leaves] = []
    for i in reversed(range(length)) if reverse else range(length):
        carry, made = step(carry, [index(x, [], (i,)) for x in xs])
        rounds.append(made)
    if reverse:
        rounds.reverse()
    return [*carry, *(stack(list(column), 0) for column in _columns(rounds, step.name))]


def _columns(rounds: list[Leaves], name: str) -> list[tuple[Any, ...]]:
    """The results of all rounds, turned: one tuple a leaf."""
    if len({len(made) for made in rounds}) > 1:
        raise ValueError(f"{name}: its results must have the same structure in each round.")
    return list(zip(*rounds, strict=True))


def _length(xs: Sequence[Any], length: int | None, name: str) -> int:
    """The number of rounds, which all tensors agree on."""
    for x in xs:
        if not x.shape:
            raise _refusal(
                errors.ShapeError,
                name,
                "xs: expected tensors of one dimension or more; got a 0-d tensor.",
            )
    lengths = {x.shape[0] for x in xs} | ({length} if length is not None else set())
    if not lengths:
        raise ValueError(f"{name}: xs, length: expected one of them; got neither.")
    if len(lengths) > 1:
        given = "" if length is None else f" and length={length}"
        shapes = ", ".join(str(tuple(x.shape)) for x in xs)
        raise _refusal(
            errors.ShapeError,
            name,
            f"xs: expected one length of the first axes; got shapes {shapes}{given}.",
        )
    number: int = lengths.pop()
    return number


def _compiled_scan(
    step: Callable[[Leaves, Leaves], tuple[Leaves, Leaves]],
    init: Leaves,
    xs: Leaves,
    length: int,
    reverse: bool,
    unroll: Any,
) -> tuple[Leaves, Leaves]:
    """A scan by the backend."""
    loops = _loops([*init, *xs])
    count = len(init)

    def run(variables: list[Any], values: Leaves) -> tuple[tuple[Leaves, Leaves], Leaves]:
        results: list[int] = [0]

        def joined(carry: Sequence[Any], x: Sequence[Any]) -> Leaves:
            new, made = step(list(carry), list(x))
            results[0] = len(made)
            return [*made, *new]

        stateful = _pure(joined, variables)

        def pure(carry: Sequence[Any], x: Sequence[Any]) -> tuple[Leaves, Leaves]:
            made = stateful(carry[:count], x, carry[count:])
            return made[results[0] :], made[: results[0]]

        carry, ys = loops.scan(pure, [*init, *values], xs, length, reverse, unroll)
        return (list(carry[:count]), list(ys)), carry[count:]

    result: tuple[Leaves, Leaves] = _carrying(run)
    return result


def map(f: Function, xs: Any) -> Any:
    """``f`` of each slice along the first axis, one after the other, with the results stacked.

    Args:
        xs: a tensor or a tree of them, whose first axes have one length.

    Example:
        >>> from polynet import ops
        >>> ops.map(lambda x: x * x, ops.array([1.0, 2.0, 3.0]))
        array([1., 4., 9.], dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"map: f: expected a function; got {type(f).__name__}.")
    step = _Scan(lambda carry, x: ((), f(x)), (), xs, "map: f")
    made = _scan(_leaves(xs), step, None, False, 1)
    return _packed(step.results, made)


def associative_scan(f: Function, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All partial results of an associative function along an axis, in a number of rounds that is logarithmic.

    Args:
        f: a function of two trees like ``elems``, of any length along the axis; it must be associative and act on
            each place by itself.
        reverse: from the last element to the first?

    Example:
        >>> from polynet import ops
        >>> ops.associative_scan(lambda a, b: a + b, ops.arange(5))
        array([ 0,  1,  3,  6, 10], dtype=int32)
    """
    structure = _outline(elems)
    function = _Flat(f, "f")

    def flat(a: Sequence[Any], b: Sequence[Any]) -> Leaves:
        made = function(_packed(structure, a), _packed(structure, b))
        return _like_carry(made, a, structure, function.structure, "associative_scan: f")

    return _packed(
        structure, _associative_scan(_leaves(elems), flat, bool(reverse), operator.index(axis))
    )


@op(dtypes=spec.each)
def _associative_scan(elems: Sequence[Tensor], f: Any, reverse: bool, axis: int) -> list[Tensor]:
    if not elems:
        raise ValueError("elems: expected at least one tensor; got none.")
    places = [spec.axis_index(axis, len(x.shape)) for x in elems]
    if len({x.shape[at] for x, at in zip(elems, places, strict=True)}) > 1:
        raise errors.ShapeError(
            f"elems: expected one length along axis {axis}; got shapes {', '.join(str(tuple(x.shape)) for x in elems)}."
        )
    if len(set(places)) > 1:
        raise errors.AxisError(f"axis: {axis} must name the same axis of all elems; got {places}.")
    at = places[0]
    turned = [primitives.flip(x, at) for x in elems] if reverse else list(elems)
    made = _partial_results(turned, f, at)
    return [primitives.flip(x, at) for x in made] if reverse else made


def _partial_results(elems: Leaves, f: Callable[[Leaves, Leaves], Leaves], axis: int) -> Leaves:
    """Pairs are combined, then their partial results found, then those in between."""
    length = elems[0].shape[axis]
    if length < 2:
        return elems

    def cut(values: Leaves, *bounds: int | None) -> Leaves:
        return [index(x, [], (slice(None),) * axis + (slice(*bounds),)) for x in values]

    odd = _partial_results(f(cut(elems, 0, length - 1, 2), cut(elems, 1, None, 2)), f, axis)
    even = cut(elems, 0, 1)
    if length > 2:
        rest = f(cut(odd, 0, (length - 1) // 2), cut(elems, 2, None, 2))
        even = [concatenate([a, b], axis) for a, b in zip(even, rest, strict=True)]
    return [_interleaved(a, b, axis) for a, b in zip(even, odd, strict=True)]


def _interleaved(a: Tensor, b: Tensor, axis: int) -> Tensor:
    """The elements of both in turn; ``a`` may have one more."""
    pairs = b.shape[axis]
    key = (slice(None),) * axis
    both = stack([index(a, [], (*key, slice(0, pairs))), b], axis + 1)
    woven = primitives.reshape(both, (*b.shape[:axis], 2 * pairs, *b.shape[axis + 1 :]))
    if a.shape[axis] == pairs:
        return woven
    return concatenate([woven, index(a, [], (*key, slice(pairs, None)))], axis)


# -------------------------------------------------------------------------------------- many at once


def vectorized_map(function: Function, elements: Any) -> Any:
    """``function`` of each slice along the first axis, all at once where the backend can.

    Args:
        function: of one tree of slices.
        elements: a tensor or a tree of them, whose first axes have one length.

    Example:
        >>> from polynet import ops
        >>> ops.vectorized_map(lambda pair: pair[0] * pair[1], (ops.arange(3), ops.arange(3)))
        array([0, 1, 4], dtype=int32)
    """
    if not callable(function):
        raise TypeError(
            f"vectorized_map: function: expected a function; got {type(function).__name__}."
        )
    step = _Scan(lambda carry, x: ((), function(x)), (), elements, "vectorized_map: function")
    made = _vectorized_map(_leaves(elements), step)
    return _packed(step.results, made)


@op(dtypes=spec.each)
def _vectorized_map(elements: Sequence[Tensor], step: Any) -> list[Tensor]:
    transforms = plugins.current().transforms
    length = _length(elements, None, "vectorized_map") if elements else 0
    if transforms is None or not length or is_abstract() or _loops_hidden(elements):
        return _scan(list(elements), step, None, False, 1)
    return transforms.vmap(lambda rows: step([], list(rows))[1], list(elements))


def _loops_hidden(values: Sequence[Any]) -> bool:
    """Would a tape of boxes not see what the library's own transformations do?"""
    from polynet.autodiff.tape import GradientTape
    from polynet.variable import observers

    return any(isinstance(value, Traced) for value in values) or (
        plugins.current().tape is None
        and any(isinstance(observer, GradientTape) for observer in observers())
    )


def vectorize(pyfunc: Function, *, excluded: Any = None, signature: str | None = None) -> Function:
    """A function of single elements (or of parts of a given shape) as a function of tensors, which broadcast.

    Args:
        pyfunc: takes and returns tensors.
        excluded: positions and names of arguments that are handed over as they are.
        signature: the axes that belong to each argument and result, as in ``"(m,n),(n)->(m)"``; none by default.

    Example:
        >>> from polynet import ops
        >>> @ops.vectorize
        ... def larger(a, b):
        ...     return ops.maximum(a, b)
        >>> larger([[1.0], [5.0]], [2.0, 6.0])
        array([[2., 6.],
               [5., 6.]], dtype=float32)
    """
    if not callable(pyfunc):
        raise TypeError(f"vectorize: pyfunc: expected a function; got {type(pyfunc).__name__}.")
    left_out = frozenset(excluded or ())
    if any(not isinstance(entry, int | str) for entry in left_out):
        raise TypeError("vectorize: excluded: expected integers and strings.")
    cores = None if signature is None else _signature(signature)

    def vectorized(*args: Any, **kwargs: Any) -> Any:
        places: list[Any] = [i for i in range(len(args)) if i not in left_out]
        places += [name for name in kwargs if name not in left_out]
        given = [args[place] if isinstance(place, int) else kwargs[place] for place in places]
        values = [
            value if isinstance(value, Traced) else convert_to_tensor(value) for value in given
        ]
        inputs = [()] * len(values) if cores is None else cores[0]
        if len(inputs) != len(values):
            raise TypeError(
                f"vectorize: the signature {signature!r} has {len(inputs)} arguments; got {len(values)}."
            )
        outer, lengths = _loop_shape(values, inputs, signature)

        def single(parts: Sequence[Any]) -> Any:
            filled = dict(zip(places, parts, strict=True))
            return pyfunc(
                *(filled.get(i, arg) for i, arg in enumerate(args)),
                **{name: filled.get(name, arg) for name, arg in kwargs.items()},
            )

        if not outer:
            return single(values)
        rows = spec.count(outer)
        flat = []
        for value, core in zip(values, inputs, strict=True):
            inner = tuple(lengths[name] for name in core)
            wide = primitives.broadcast_to(value, (*outer, *inner))
            flat.append(primitives.reshape(wide, (rows, *inner)))
        made = vectorized_map(single, tuple(flat))
        return tree.map_structure(
            lambda leaf: (
                None if leaf is None else primitives.reshape(leaf, (*outer, *tuple(leaf.shape)[1:]))
            ),
            made,
        )

    vectorized.__name__ = getattr(pyfunc, "__name__", "vectorized")
    vectorized.__doc__ = getattr(pyfunc, "__doc__", None)
    return vectorized


Core = tuple[str, ...]


def _signature(text: str) -> tuple[list[Core], list[Core]]:
    """The names of axes of each argument and result."""
    sides = text.replace(" ", "").split("->")
    if len(sides) != 2:
        raise ValueError(f"vectorize: signature: expected '(n),(n)->()' or the like; got {text!r}.")
    found = []
    for side in sides:
        if not (side.startswith("(") and side.endswith(")")):
            raise ValueError(f"vectorize: signature: expected axes in parentheses; got {text!r}.")
        groups = [
            tuple(name for name in group.split(",") if name) for group in side[1:-1].split("),(")
        ]
        if any(not name.isidentifier() for group in groups for name in group):
            raise ValueError(
                f"vectorize: signature: expected names of axes in parentheses; got {text!r}."
            )
        found.append(groups)
    return found[0], found[1]


def _loop_shape(
    values: Sequence[Any], inputs: Sequence[Core], signature: str | None
) -> tuple[tuple[int, ...], dict[str, int]]:
    """The shape of the axes to loop over, and the lengths of those that belong to the elements."""
    lengths: dict[str, int] = {}
    outer = []
    for number, (value, core) in enumerate(zip(values, inputs, strict=True)):
        shape = shape_of(value)
        if len(shape) < len(core):
            raise errors.ShapeError(
                f"vectorize: argument {number}: expected at least {len(core)} dimensions for the signature "
                f"{signature!r}; got the shape {shape}."
            )
        split = len(shape) - len(core)
        outer.append(shape[:split])
        for name, length in zip(core, shape[split:], strict=True):
            if lengths.setdefault(name, length) != length:
                raise errors.ShapeError(
                    f"vectorize: the axis {name!r} of the signature {signature!r} has the lengths {lengths[name]} "
                    f"and {length}."
                )
    return spec.broadcast(*outer), lengths
