"""Variables, and the scopes that see them being read and assigned.

A ``Variable`` holds one native tensor and replaces it when it is assigned; an assigned tensor is never written into,
so that whoever read the old value keeps it.  Tapes (``autodiff/``) and ``StatelessScope`` observe reads and writes
through ``observing``.  Layers, optimizers and their names are not known here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from polynet import dtypes, errors, plugins
from polynet.op import OPS, Op, from_host, plan_key
from polynet.plugins import register_wrapper, state
from polynet.spec import broadcast, is_abstract
from polynet.tensor import Held, Traced, plain
from polynet.values import from_list, shape_of

# ------------------------------------------------------------------------------------------ observing


class Observer:
    """Sees every variable that is read or assigned while it is open; does nothing by itself."""

    looks_only = False
    """Do readers get what is in the variable, and assignments reach it?"""

    def read(self, variable: Variable, value: Any) -> Any:
        """What a reader gets instead of ``value``."""
        return value

    def write(self, variable: Variable, value: Any) -> bool:
        """Take the new value; ``True`` keeps it from the variable itself."""
        return False


_observers: ContextVar[tuple[Observer, ...]] = ContextVar("polynet_observers", default=())
_count_lock = threading.Lock()


def observers() -> tuple[Observer, ...]:
    """The observers that are open here, outermost first."""
    return _observers.get() if state.observers else ()


def start_observing(observer: Observer) -> None:
    """Open an observer in this thread or task."""
    with _count_lock:
        state.observers += 1
    _observers.set((*_observers.get(), observer))


def stop_observing(observer: Observer) -> None:
    """Close an observer that ``start_observing`` opened."""
    _observers.set(tuple(other for other in _observers.get() if other is not observer))
    with _count_lock:
        state.observers -= 1


_Seen = TypeVar("_Seen", bound=Observer)


@contextlib.contextmanager
def observing(observer: _Seen) -> Iterator[_Seen]:
    """Keep an observer open during a block."""
    start_observing(observer)
    try:
        yield observer
    finally:
        stop_observing(observer)


Maker = Callable[["Variable", tuple[int, ...], str], Any]
"""Makes the initial value of a variable, of this shape and dtype, as a native tensor; or ``None``: the initializer."""

_maker: ContextVar[Maker | None] = ContextVar("polynet_maker", default=None)


@contextlib.contextmanager
def initializing_by(maker: Maker) -> Iterator[None]:
    """A block in which ``maker`` makes initial values: who loads needs none of the initializer."""
    token = _maker.set(maker)
    try:
        yield
    finally:
        _maker.reset(token)


# ------------------------------------------------------------------------------------------ the variable


@register_wrapper
class Variable(Held):
    """A tensor that can be assigned: a weight, a counter, a random state.

    Args:
        initializer: the initial value, a function of ``(shape, dtype=...)`` that makes it, or the name of one in
            ``polynet.initializers``.
        shape: the shape that such a function is asked for.
        dtype: defaults to that of the value, or to ``floatx`` for a function.
        trainable: do tapes watch it by themselves?
        autocast: may a layer read it in its compute dtype?

    Example:
        >>> import polynet
        >>> v = polynet.Variable([1.0, 2.0], name="v")
        >>> v.assign_add([1.0, 1.0])
        array([2., 3.], dtype=float32)
        >>> v[0] = 5.0
        >>> v
        <Variable path=v, shape=(2,), dtype=float32, value=[5. 3.]>
    """

    priority = 1 << 60
    name: str = ""
    path: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    created_trainable: bool = True
    """What ``trainable`` was at first; a frozen layer goes back to it."""
    regularizer: Any = None
    """A function of the value whose result a layer adds to its losses."""
    constraint: Any = None
    """A function from a new value to the one that an optimizer assigns."""

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
        **kwargs: Any,
    ) -> None:
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f"name: expected a string without '/'; got {name!r}.")
        if kwargs:
            raise TypeError(f"Variable: unknown arguments {sorted(kwargs)}.")
        self.name = name or _automatic_name()
        self.path = "/".join((*_name_scopes.get(), self.name))
        self.trainable = self.created_trainable = bool(trainable)
        self.autocast = autocast
        self.aggregation = aggregation
        self.synchronization = synchronization
        self.layout = layout
        self.overwrite_with_gradient = False
        self._backend = plugins.current()
        self._value = self._initial(initializer, shape, dtype)
        self.dtype = self._backend.dtype_of(self._value)
        self.differentiable = dtypes.is_float(self.dtype) or dtypes.is_complex(self.dtype)
        self.shape = self._backend.shape_of(self._value)

    def _initial(self, initializer: Any, shape: Any, dtype: Any) -> Any:
        if isinstance(initializer, str | dict):
            from polynet import initializers

            initializer = initializers.get(initializer)
        if callable(initializer) and not isinstance(initializer, Traced):
            if shape is None:
                raise ValueError(
                    f"Variable {self.path!r}: shape: expected the shape that the initializer shall make; got None."
                )
            dtype = dtypes.standardize(dtype)
            maker = _maker.get()
            made = None if maker is None else maker(self, tuple(shape), dtype)
            if made is not None:
                return made
            value = initializer(tuple(shape), dtype=dtype)
        else:
            value = initializer
        if value is None:
            raise ValueError(
                f"Variable {self.path!r}: initializer: expected a value or a function; got None."
            )
        value = self._own(value, None if dtype is None else dtypes.standardize(dtype))
        if shape is not None and self._backend.shape_of(value) != tuple(shape):
            raise errors.ShapeError(
                f"Variable {self.path!r}: initializer: shape {self._backend.shape_of(value)} is not the given "
                f"shape {tuple(shape)}."
            )
        return value

    def _own(self, value: Any, dtype: str | None) -> Any:
        """``value`` as a tensor of this variable's backend, in memory that nobody else holds."""
        value = plain(value)
        if isinstance(value, list | tuple):
            value = from_list(value, f"Variable {self.path!r}")
        backend = self._backend
        if isinstance(value, backend.tensor_types):
            value = OPS["stop_gradient"].native(backend)(value)  # type: ignore[misc]
            if dtype is not None and dtype != backend.dtype_of(value):
                return OPS["cast"].native(backend)(value, dtype)  # type: ignore[misc]
            return value if backend.is_traced(value) else backend.copy(value)
        if hasattr(value, "_polynet_copy"):  # while calls are noted
            value = OPS["stop_gradient"].call(value)
            wanted = value.dtype if dtype is None else dtype
            return OPS["cast"].call(value, wanted)._polynet_copy()
        other = plugins.owner(value)
        if other is not None and not isinstance(value, np.ndarray | np.generic):
            raise errors.BackendMismatchError(
                f"Variable {self.path!r} lives on the backend {backend.name!r}; got a tensor of {other.name!r}. "
                f"Convert it with polynet.convert(x, {backend.name!r})."
            )
        if isinstance(value, str | bytes) or not (
            isinstance(value, bool | int | float | complex) or hasattr(value, "__array__")
        ):
            raise errors.DTypeError(
                f"Variable {self.path!r}: expected a tensor or numbers; got {type(value).__name__}."
            )
        return backend.copy(from_host(value, backend, dtype))

    # -------------------------------------------------------------------------------- reading

    @property
    def trainable(self) -> bool:
        """Do tapes watch it by themselves, and do optimizers change it?"""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = value
        state.changes += 1

    @property
    def value(self) -> Any:
        """The native tensor; inside a tape or a stateless scope, what stands for it there."""
        if not state.observers:
            return self._value
        value = self._value
        for observer in _observers.get():
            value = observer.read(self, value)
        return value

    def _apply(self, op: Any, args: tuple[Any, ...]) -> Any:
        return _call_with_values(op, args)

    def __getitem__(self, key: Any) -> Item:
        return Item(self, key)

    def __repr__(self) -> str:
        value = plain(self)
        shown = "traced" if self._backend.is_traced(value) else self._backend.to_numpy(value)
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={shown}>"

    # -------------------------------------------------------------------------------- assigning

    def assign(self, value: Any) -> Any:
        """Take a new value of the same shape, cast to the variable's dtype; returns it."""
        if state.abstract and is_abstract():
            return value  # only shapes are being inferred: nothing may change
        value = self._own(value, self.dtype)
        shape = self._backend.shape_of(value)
        if shape != self.shape:
            raise self._wrong_shape(shape)
        self._set(value)
        return value

    def _wrong_shape(self, shape: tuple[int, ...]) -> errors.ShapeError:
        return errors.ShapeError(
            f"Variable {self.path!r} has shape {self.shape}; cannot assign a value of shape {shape}."
        )

    def _set(self, value: Any) -> None:
        """Take a tensor as it is: of this shape, dtype and backend, held by nobody who writes into it."""
        if state.abstract and is_abstract():
            return
        if state.observers:
            for observer in reversed(_observers.get()):
                if observer.write(self, value):
                    return
        self._value = value

    def assign_add(self, value: Any) -> Any:
        """Add to the value; returns the new one."""
        return self.assign(OPS["add"].call(plain(self), self._operand(value)))

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the value; returns the new one."""
        return self.assign(OPS["subtract"].call(plain(self), self._operand(value)))

    def _operand(self, value: Any) -> Any:
        value = plain(value)
        shape = shape_of(value)
        try:
            fits = broadcast(shape, self.shape) == self.shape
        except errors.ShapeError:
            fits = False
        if not fits:
            raise self._wrong_shape(shape)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        _assign_item(self, key, value, None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        new = object.__new__(type(self))
        memo[id(self)] = new
        new.__dict__.update(self.__dict__)
        new._value = self._backend.copy(self._value)
        return new

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_value": self.numpy(), "_backend": self._backend.name}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self.__dict__.update(saved)
        self._backend = plugins.get(saved["_backend"])
        self._value = self._backend.asarray(saved["_value"], saved["dtype"])


def _call_with_values(op: Op, args: tuple[Any, ...]) -> Any:
    """Call an op again with the values of the variables among its arguments; remembered as a plan."""
    if op.lists:
        leaves = [
            leaf.value if isinstance(leaf, Variable | Item) else leaf for leaf in op.leaves(args)
        ]
        return op.call(*op.replace(args, leaves))
    places = [i for i in op.tensors if isinstance(args[i], Variable | Item)]
    call = op.call
    plans: dict[Any, Any] = {}  # those of the op on the values, by what the values are

    def ask(key: Any, values: Any) -> Any:
        """As any other call, whose plan is remembered here too."""
        y = call(*values)
        plan = state.hot.get(plan_key(op, values))
        if plan is not None:
            plans[key] = plan
        return y

    run: Callable[..., Any]
    if len(args) == 2 and places == [1]:

        def run(x1: Any, x2: Any) -> Any:
            x2 = x2.value
            key = x2.__class__, x2.dtype
            plan = plans.get(key)
            return ask(key, (x1, x2)) if plan is None else plan(x1, x2)

    elif len(args) == 2 and places == [0]:

        def run(x1: Any, x2: Any) -> Any:
            x1 = x1.value
            key = x1.__class__, x1.dtype
            plan = plans.get(key)
            return ask(key, (x1, x2)) if plan is None else plan(x1, x2)

    else:

        def run(*args: Any) -> Any:
            values = list(args)
            key: list[Any] = []
            for i in places:
                value = values[i] = values[i].value
                key += (value.__class__, value.dtype)
            plan = plans.get(found := tuple(key))
            return ask(found, values) if plan is None else plan(*values)

    if state.hot is plugins.current().hot:
        state.hot[plan_key(op, args)] = run
    return run(*args)


def _assign_item(variable: Variable, key: Any, value: Any, reduction: str | None) -> Any:
    from polynet.ops.indexing import set_item

    try:
        new = set_item(plain(variable), key, plain(value), reduction)
    except errors.ShapeError as error:
        raise errors.ShapeError(f"Variable {variable.path!r}: {error}") from None
    return variable.assign(new)


@register_wrapper
class Item(Held):
    """A part of a variable, ``v[0, 0]``: a tensor that can be assigned."""

    priority = 1 << 60
    __slots__ = ("_key", "_variable", "value")

    def __init__(self, variable: Variable, key: Any) -> None:
        from polynet.ops.indexing import get_item

        self._variable = variable
        self._key = key
        self.value = get_item(variable.value, key)

    @property
    def shape(self) -> Any:
        """The shape of the part."""
        return shape_of(self.value)

    @property
    def dtype(self) -> Any:
        """The variable's dtype."""
        return self._variable.dtype

    def _apply(self, op: Any, args: tuple[Any, ...]) -> Any:
        return _call_with_values(op, args)

    def assign(self, value: Any) -> Any:
        """Set this part of the variable; returns the variable's new value."""
        return _assign_item(self._variable, self._key, value, None)

    def assign_add(self, value: Any) -> Any:
        """Add to this part of the variable; returns the variable's new value."""
        return _assign_item(self._variable, self._key, value, "add")

    def assign_sub(self, value: Any) -> Any:
        """Subtract from this part of the variable; returns the variable's new value."""
        return _assign_item(self._variable, self._key, OPS["negative"].call(value), "add")

    def __repr__(self) -> str:
        return repr(self.value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.value, name)


# ------------------------------------------------------------------------------------------ names

_name_scopes: ContextVar[tuple[str, ...]] = ContextVar("polynet_name_scopes", default=())


def _automatic_name() -> str:
    from polynet.backend import get_uid

    number = get_uid("variable")
    return "variable" if number == 1 else f"variable_{number - 1}"


class name_scope:
    """A block in which the paths of new variables begin with ``name``.

    Example:
        >>> import polynet
        >>> with polynet.name_scope("tower"):
        ...     polynet.Variable(1.0, name="w").path
        'tower/w'
    """

    def __init__(
        self,
        name: str,
        caller: Any = None,
        deduplicate: bool = True,
        override_parent: str | None = None,
    ) -> None:
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"name: expected a string without '/'; got {name!r}.")
        self.name = name
        self.caller = caller
        self.deduplicate = deduplicate
        self.override_parent = override_parent
        self._token: Any = None

    def __enter__(self) -> name_scope:
        outer = _name_scopes.get()
        if self.override_parent is not None:
            outer = tuple(part for part in self.override_parent.split("/") if part)
        self._token = _name_scopes.set((*outer, self.name))
        return self

    def __exit__(self, *exc: Any) -> None:
        _name_scopes.reset(self._token)


# ------------------------------------------------------------------------------------------ stateless


class StatelessScope(Observer):
    """A block in which variables are read from a mapping and assigned into it, and none really changes.

    Args:
        state_mapping: pairs of a variable and the value that stands for it.

    Example:
        >>> import polynet
        >>> v = polynet.Variable(1.0)
        >>> with polynet.StatelessScope([(v, 5.0)]) as scope:
        ...     _ = v.assign_add(2.0)
        >>> float(v), float(scope.get_current_value(v))
        (1.0, 7.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self.state_mapping: dict[int, Any] = {}
        self._variables: dict[int, Variable] = {}
        for variable, value in state_mapping or ():
            if not isinstance(variable, Variable):
                raise TypeError(
                    f"state_mapping: expected variables as keys; got {type(variable).__name__}."
                )
            value = plain(value)
            if not variable._backend.is_traced(value):
                value = variable._own(value, variable.dtype)
            if shape_of(value) != variable.shape:
                raise errors.ShapeError(
                    f"state_mapping: Variable {variable.path!r} has shape {variable.shape}; got a value of shape "
                    f"{shape_of(value)}."
                )
            self.add_update((variable, value))

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Let ``variable`` have ``value`` in this scope."""
        variable, value = update
        self.state_mapping[id(variable)] = value
        self._variables[id(variable)] = variable

    def add_loss(self, loss: Any) -> None:
        """Keep a loss that a layer adds."""
        self.losses.append(loss)

    def get_current_value(self, variable: Variable) -> Any:
        """The value of a variable in this scope, or ``None`` when it has none of its own."""
        return self.state_mapping.get(id(variable))

    def read(self, variable: Variable, value: Any) -> Any:
        """The scope's own value where it has one."""
        return self.state_mapping.get(id(variable), value)

    def write(self, variable: Variable, value: Any) -> bool:
        """Keep the new value here."""
        self.add_update((variable, value))
        return True

    def updates(self) -> list[tuple[Variable, Any]]:
        """Every variable that this scope holds a value of, with that value."""
        return [(self._variables[key], value) for key, value in self.state_mapping.items()]

    def __enter__(self) -> StatelessScope:
        start_observing(self)
        return self

    def __exit__(self, *exc: Any) -> None:
        stop_observing(self)
