"""``jit``: a stateful function compiled where the backend can, a plain call elsewhere.

The function may read and assign variables.  It is run once on stand-ins to see which ones; then it is compiled as a
pure function of their values and its tensors, which returns its results and the values assigned.  These are put into
the variables only after the compiled call has succeeded, and no buffer is given away, so that an exception at any
point leaves every variable as it was.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, overload

import numpy as np

from polynet import plugins, tree
from polynet.plugins import state
from polynet.tensor import Traced, plain
from polynet.values import dtype_of, shape_of
from polynet.variable import Observer, Variable, observers, observing

P = ParamSpec("P")
R = TypeVar("R")


class _Discovery(Observer):
    """Notes which variables are read and assigned; assignments go nowhere."""

    def __init__(self) -> None:
        self.seen: dict[int, Variable] = {}
        self.assigned: dict[int, tuple[Variable, Any]] = {}

    def read(self, variable: Variable, value: Any) -> Any:
        self.seen.setdefault(id(variable), variable)
        return self.assigned[id(variable)][1] if id(variable) in self.assigned else value

    def write(self, variable: Variable, value: Any) -> bool:
        self.seen.setdefault(id(variable), variable)
        self.assigned[id(variable)] = (variable, value)
        return True


class _Given(_Discovery):
    """Reads variables as given values, which stand for them inside the compiled function."""

    def __init__(self, variables: Sequence[Variable], values: Sequence[Any]) -> None:
        super().__init__()
        self._values = {
            id(variable): value for variable, value in zip(variables, values, strict=True)
        }

    def read(self, variable: Variable, value: Any) -> Any:
        if id(variable) not in self._values:
            raise _Unseen(variable)
        return super().read(variable, self._values[id(variable)])


class _Unseen(BaseException):
    """A variable was read in the compiled run and not in the first one, which knew more values (a branch, say).

    It is no error: nothing between the reading and ``_Compiled`` shall handle it as one.
    """

    def __init__(self, variable: Variable) -> None:
        super().__init__()
        self.variable = variable


class _Compiled:
    """One compiled version of a function: for one structure of arguments, static values, shapes and dtypes."""

    def __init__(self, function: Callable[..., Any], backend: Any, call: Call) -> None:
        discovery = _Discovery()
        with observing(discovery):
            backend.transforms.trace(
                lambda tensors: _tensors(_results(function, call, tensors)), call.tensors
            )
        self.variables = list(discovery.seen.values())
        self.assigned: list[Variable] = []
        self.packed: Callable[[Sequence[Any]], Any] = list

        def pure(tensors: Sequence[Any]) -> list[Any]:
            count = len(self.variables)
            with observing(_Given(self.variables, tensors[:count])) as given:
                result = _results(function, call, tensors[count:])
            found = _tensors(result)
            self.assigned = [variable for variable, _ in given.assigned.values()]
            self.packed = packer(result, len(found))
            return [*found, *(value for _, value in given.assigned.values())]

        self._pure, self._jit = pure, backend.transforms.jit
        self._run = self._jit(pure)

    def __call__(self, tensors: list[Any]) -> Any:
        # Nobody observes here, or the function would not have been compiled: values go straight in and out.
        try:
            outputs = self._run([variable._value for variable in self.variables] + tensors)
        except _Unseen as found:
            outputs = self._with_late(found.variable, tensors)
        assigned = self.assigned
        if assigned:
            results = len(outputs) - len(assigned)
            for variable, value in zip(assigned, outputs[results:], strict=True):
                variable._value = value
        return self.packed(outputs)

    def dry_run(self, values: Sequence[Any], tensors: Sequence[Any]) -> list[tuple[Variable, Any]]:
        """What would be assigned if ``variables`` had these values."""
        outputs = self._run([*values, *tensors])
        last = outputs[len(outputs) - len(self.assigned) :]
        return list(zip(self.assigned, last, strict=True))

    def _with_late(self, variable: Variable, tensors: list[Any]) -> Any:
        """What the pure function gives; compiled anew for each variable that turns up late."""
        for _ in range(_MOST_LATE_VARIABLES):
            self.variables.append(variable)
            self._run = self._jit(self._pure)
            try:
                return self._run([variable._value for variable in self.variables] + tensors)
            except _Unseen as found:
                variable = found.variable
        raise RuntimeError(
            f"jit: more than {_MOST_LATE_VARIABLES} variables were read in the compiled runs and not in the ones "
            f"before, the last one {variable.path!r}: the function depends on something else than its arguments and "
            f"variables. Pass it as an argument."
        )


_MOST_LATE_VARIABLES = 1000


class Call:
    """The arguments of a call with places for its tensors, from which a version is compiled."""

    def __init__(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        static: frozenset[Any],
        backend: Any,
        tensors: list[Any],
    ) -> None:
        self.tensors = tensors
        self._kinds = (*backend.tensor_types, *_HOST)
        self._count = 0
        self.args = [arg if i in static else self._placed(arg) for i, arg in enumerate(args)]
        self.kwargs = {
            key: arg if key in static else self._placed(arg) for key, arg in kwargs.items()
        }

    def _placed(self, node: Any) -> Any:
        """``node`` with places for its tensors, in the order in which ``key_of`` collects them."""
        if type(node) is dict:
            return {key: self._placed(part) for key, part in node.items()}
        if tree.is_nested(node) and type(node) not in (list, tuple):
            leaves = [self._placed(leaf) for leaf in tree.flatten(node)]
            return tree.pack_sequence_as(node, leaves)
        if type(node) in (list, tuple):
            return type(node)([self._placed(part) for part in node])
        if not isinstance(node, self._kinds) or type(node) is bool:
            return node
        self._count += 1
        return _Place(self._count - 1)

    def fill(self, tensors: Sequence[Any]) -> tuple[Any, Any]:
        """The arguments with these tensors in their places."""
        args, kwargs = tree.map_structure(
            lambda leaf: tensors[leaf.number] if isinstance(leaf, _Place) else leaf,
            (self.args, self.kwargs),
        )
        return args, kwargs


def key_of(node: Any, tensors: list[Any], known: set[type], backend: Any) -> Any:
    """What a version depends on in an argument; its tensors are collected.

    Args:
        known: the classes that were found to be the backend's tensors.
    """
    kind = node.__class__
    if kind in known:
        if backend.is_traced(node):
            raise TracedArgument
        tensors.append(node)
        return node.shape, node.dtype
    if kind is dict:
        parts = [kind, *node]
        for part in node.values():
            parts.append(key_of(part, tensors, known, backend))
        return tuple(parts)
    if kind is tuple or kind is list:
        parts = [kind]
        for part in node:
            parts.append(key_of(part, tensors, known, backend))
        return tuple(parts)
    if kind is bool or node is None or kind is str:
        return kind, node
    if isinstance(node, backend.tensor_types):
        known.add(kind)
        return key_of(node, tensors, known, backend)
    if kind is int or kind is float or kind is complex or isinstance(node, _ARRAYS):
        dtype = dtype_of(node)
        tensors.append(backend.as_argument(node, dtype))
        return shape_of(node), dtype
    if tree.is_nested(node):
        paths = tree.flatten_with_path(node)
        return kind, *((path, key_of(leaf, tensors, known, backend)) for path, leaf in paths)
    if isinstance(node, Traced) and not isinstance(node, Variable):
        raise TracedArgument
    return _static(node)


class TracedArgument(Exception):
    """An argument stands for a value that is not known: the function is part of something that is traced."""


_ARRAYS = (np.ndarray, np.generic)
_HOST = (*_ARRAYS, int, float, complex)


class _Place:
    """Where a tensor belongs among the arguments."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Place) and other.number == self.number

    def __hash__(self) -> int:
        return hash(("place", self.number))


def _static(value: Any) -> Any:
    """Something hashable for a static value; what has no hash is told apart by identity (its version keeps it)."""
    if isinstance(value, list | tuple):
        return (type(value), *map(_static, value))
    if isinstance(value, dict):
        return (dict, *((key, _static(part)) for key, part in value.items()))
    try:
        hash(value)
    except TypeError:
        return type(value), id(value)
    return type(value), value


def packer(result: Any, count: int) -> Callable[[Sequence[Any]], Any]:
    """The function that puts the outputs of a compiled call where the tensors of ``result`` are."""
    if _is_tensor(result):
        return lambda outputs: outputs[0]
    numbers = iter(range(count))
    structure = tree.map_structure(
        lambda leaf: _Place(next(numbers)) if _is_tensor(leaf) else leaf, result
    )
    constants: dict[str, Any] = {}

    def text(node: Any) -> str | None:
        if isinstance(node, _Place):
            return f"outputs[{node.number}]"
        if not tree.is_nested(node):
            name = f"c{len(constants)}"
            constants[name] = node
            return name
        if type(node) is dict:
            parts = [(key, text(part)) for key, part in node.items()]
            if all(part and type(key) in (str, int) for key, part in parts):
                return f"{{{', '.join(f'{key!r}: {part}' for key, part in parts)}}}"
        elif type(node) in (list, tuple):
            found = [text(part) for part in node]
            if all(found):
                inner = "".join(f"{part}, " for part in found)
                return f"[{inner}]" if type(node) is list else f"({inner})"
        return None

    code = text(structure)
    if code is not None:
        found: Callable[[Sequence[Any]], Any] = eval(f"lambda outputs: {code}", constants)
        return found
    return lambda outputs: tree.map_structure(
        lambda leaf: outputs[leaf.number] if isinstance(leaf, _Place) else leaf, structure
    )


def _results(function: Callable[..., Any], call: Call, tensors: Sequence[Any]) -> Any:
    args, kwargs = call.fill(tensors)
    # not a variable, nor what a tape within the function recorded of a result
    return tree.map_structure(plain, function(*args, **kwargs))


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, plugins.current().tensor_types)


def _tensors(structure: Any) -> list[Any]:
    return [leaf for leaf in tree.flatten(structure) if _is_tensor(leaf)]


@overload
def jit(
    fn: Callable[P, R],
    *,
    static_argnums: int | Sequence[int] = ...,
    static_argnames: str | Sequence[str] = ...,
    compile: bool | None = ...,
) -> Callable[P, R]: ...


@overload
def jit(
    fn: None = None,
    *,
    static_argnums: int | Sequence[int] = ...,
    static_argnames: str | Sequence[str] = ...,
    compile: bool | None = ...,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def jit(
    fn: Callable[..., Any] | None = None,
    *,
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Sequence[str] = (),
    compile: bool | None = None,
) -> Any:
    """Compile a function, which may read and assign variables.

    Tensors and numbers are traced; bools, strings, ``None`` and other objects are static, and each new value of them,
    as each new shape or dtype, compiles another version.

    Args:
        fn: the function; without it, ``jit`` is a decorator.
        static_argnums: positions of arguments whose numbers are static too.
        static_argnames: names of keyword arguments whose numbers are static too.
        compile: ``None`` leaves it to the backend; ``True`` asks for compilation; ``False`` for a plain call.

    Example:
        >>> import polynet
        >>> count = polynet.Variable(0.0)
        >>> @polynet.jit
        ... def step(x):
        ...     count.assign_add(1.0)
        ...     return x * 2.0
        >>> float(step(3.0)), float(count)
        (6.0, 1.0)
    """
    if fn is None:
        return lambda function: jit(
            function,
            static_argnums=static_argnums,
            static_argnames=static_argnames,
            compile=compile,
        )
    if not callable(fn):
        raise TypeError(f"fn: expected a function; got {type(fn).__name__}.")
    numbers = (static_argnums,) if isinstance(static_argnums, int) else static_argnums
    names = (static_argnames,) if isinstance(static_argnames, str) else static_argnames
    static: frozenset[Any] = frozenset((*numbers, *names))
    versions: dict[Any, _Compiled] = {}
    classes: dict[Any, set[type]] = {}  # of each backend's tensors, as they were met

    def find(*args: Any, **kwargs: Any) -> tuple[_Compiled, list[Any]] | None:
        """The version for these arguments, and their tensors; ``None``: it is to be a plain call."""
        backend = plugins.current()
        if backend.transforms is None or not (backend.compiles if compile is None else compile):
            return None
        if state.observers and observers():  # then it is run as a part of what they look at
            return None
        known = classes.get(backend)
        if known is None:
            known = classes[backend] = set()
        tensors: list[Any] = []
        try:
            key: list[Any] = [backend]
            for i, arg in enumerate(args):
                key.append(_static(arg) if i in static else key_of(arg, tensors, known, backend))
            for name, arg in kwargs.items():
                key.append(name)
                key.append(_static(arg) if name in static else key_of(arg, tensors, known, backend))
        except TracedArgument:
            return None
        found = tuple(key)
        version = versions.get(found)
        if version is None:
            call = Call(args, kwargs, static, backend, tensors)
            version = versions[found] = _Compiled(fn, backend, call)
        return version, tensors

    @functools.wraps(fn)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        found = find(*args, **kwargs)
        return fn(*args, **kwargs) if found is None else found[0](found[1])

    compiled.find = find  # type: ignore[attr-defined]
    return compiled
