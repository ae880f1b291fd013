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
from polynet.tensor import Traced
from polynet.values import dtype_of, shape_of
from polynet.variable import Observer, Variable, observing

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


class _Unseen(RuntimeError):
    """A variable was read in the compiled run and not in the first one, which knew more values (a branch, say)."""

    def __init__(self, variable: Variable) -> None:
        super().__init__(
            f"jit: Variable {variable.path!r} was read in the compiled run and not in the ones before it: the function "
            f"depends on something else than its arguments and variables. Pass it as an argument."
        )
        self.variable = variable


class _Compiled:
    """One compiled version of a function: for one structure of arguments, static values, shapes and dtypes."""

    def __init__(self, function: Callable[..., Any], backend: Any, call: _Call) -> None:
        discovery = _Discovery()
        with observing(discovery):
            backend.transforms.trace(
                lambda tensors: _tensors(_results(function, call, tensors)), call.tensors
            )
        self.variables = list(discovery.seen.values())
        self.assigned: list[Variable] = []
        self.structure: Any = None

        def pure(tensors: Sequence[Any]) -> list[Any]:
            count = len(self.variables)
            with observing(_Given(self.variables, tensors[:count])) as given:
                result = _results(function, call, tensors[count:])
            self.assigned = [variable for variable, _ in given.assigned.values()]
            self.structure = tree.map_structure(
                lambda leaf: _HERE if _is_tensor(leaf) else leaf, result
            )
            return [*_tensors(result), *(value for _, value in given.assigned.values())]

        self._pure, self._jit = pure, backend.transforms.jit
        self._run = self._jit(pure)

    def _outputs(self, tensors: Sequence[Any]) -> Any:
        """What the pure function gives; compiled anew for each variable that turns up late."""
        for _ in range(_MOST_LATE_VARIABLES):
            try:
                return self._run([*(variable.value for variable in self.variables), *tensors])
            except _Unseen as found:
                self.variables.append(found.variable)
                self._run = self._jit(self._pure)
        return self._run([*(variable.value for variable in self.variables), *tensors])

    def __call__(self, tensors: Sequence[Any]) -> Any:
        outputs = self._outputs(tensors)
        results = len(outputs) - len(self.assigned)
        for variable, value in zip(self.assigned, outputs[results:], strict=True):
            variable._set(value)
        rest = iter(outputs[:results])
        return tree.map_structure(
            lambda leaf: next(rest) if leaf is _HERE else leaf, self.structure
        )


_HERE = object()
_MOST_LATE_VARIABLES = 1000


class _Call:
    """The arguments of a call, taken apart: tensors in order, and what is static."""

    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], static: frozenset[Any], backend: Any
    ) -> None:
        self.tensors: list[Any] = []
        self.traced = False
        self._backend = backend
        places = (
            [
                arg if i in static else tree.map_structure(self._place, arg)
                for i, arg in enumerate(args)
            ],
            {
                key: arg if key in static else tree.map_structure(self._place, arg)
                for key, arg in kwargs.items()
            },
        )
        self.args, self.kwargs = places
        self.key = (
            _frozen(places),
            tuple((shape_of(tensor), dtype_of(tensor)) for tensor in self.tensors),
        )

    def _place(self, leaf: Any) -> Any:
        backend = self._backend
        if isinstance(leaf, Traced) and not isinstance(leaf, Variable):
            self.traced = True
        if isinstance(leaf, backend.tensor_types):
            self.traced = self.traced or backend.is_traced(leaf)
            self.tensors.append(leaf)
        elif isinstance(leaf, np.ndarray | np.generic) or type(leaf) in (int, float, complex):
            self.tensors.append(backend.asarray(leaf, dtype_of(leaf)))
        else:
            return leaf
        return _Place(len(self.tensors) - 1)

    def fill(self, tensors: Sequence[Any]) -> tuple[Any, Any]:
        """The arguments with these tensors in their places."""
        args, kwargs = tree.map_structure(
            lambda leaf: tensors[leaf.number] if isinstance(leaf, _Place) else leaf,
            (self.args, self.kwargs),
        )
        return args, kwargs


class _Place:
    """Where a tensor belongs among the arguments."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Place) and other.number == self.number

    def __hash__(self) -> int:
        return hash(("place", self.number))


def _frozen(structure: Any) -> Any:
    """A tree as something hashable; leaves that have no hash are told apart by identity."""
    if isinstance(structure, dict):
        return ("dict", *((key, _frozen(value)) for key, value in structure.items()))
    if isinstance(structure, list | tuple):
        return (type(structure), *map(_frozen, structure))
    try:
        hash(structure)
    except TypeError:
        return id(structure)
    return type(structure), structure


def _results(function: Callable[..., Any], call: _Call, tensors: Sequence[Any]) -> Any:
    args, kwargs = call.fill(tensors)
    return tree.map_structure(
        lambda leaf: leaf.value if isinstance(leaf, Variable) else leaf, function(*args, **kwargs)
    )


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

    @functools.wraps(fn)
    def compiled(*args: Any, **kwargs: Any) -> Any:
        backend = plugins.current()
        if backend.transforms is None or not (backend.compiles if compile is None else compile):
            return fn(*args, **kwargs)
        call = _Call(args, kwargs, static, backend)
        if call.traced or _observed():
            return fn(*args, **kwargs)
        key = (backend, call.key)
        version = versions.get(key)
        if version is None:
            version = versions[key] = _Compiled(fn, backend, call)
        return version(call.tensors)

    return compiled


def _observed() -> bool:
    """Is a tape or another ``jit`` looking on? Then the function is run as a part of what it looks at."""
    from polynet.variable import observers

    return bool(observers())
