"""The one mechanism: an op is declared once and read in several ways.

``@primitive(rule)`` declares an op whose meaning the backend gives; its body, if it has more than a docstring, is
its shape rule: it receives ``Spec``s and returns the result's shape (or ``Spec``s).  ``@op`` declares a composite:
its body is its meaning, its shape rule and its gradient.  Parameters annotated ``Tensor`` (or ``Tensor | None``,
``Sequence[Tensor]``) hold tensors; all others are static.

Calling an op looks once into the active backend's table of plans, by the types and dtypes of the arguments.  What
is not there takes the slow way: a ``Traced`` argument (``Spec``, ``KerasTensor``, ``Variable``, ``Box``) decides by
itself how the op is read; plain values are settled to their dtypes, and the plan is remembered.

No op is defined in this file, and no gradient is computed in it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

import numpy as np

from polynet import dtypes, errors, plugins
from polynet.plugins import state
from polynet.spec import (
    DtypeRule,
    Kind,
    Spec,
    abstract,
    as_axis,
    as_shape,
    broadcast,
    elementwise,
    is_abstract,
    weak_only,
)
from polynet.tensor import LoadedOnDemand, Traced
from polynet.values import as_value, dtype_of, kind_in, kind_of, shape_of

if TYPE_CHECKING:
    from polynet.backend import Backend

P = ParamSpec("P")
R = TypeVar("R", covariant=True)

OPS: dict[str, Op] = LoadedOnDemand()
"""Every op by its name."""


class Rule:
    """One gradient rule and what it needs, so that a tape keeps nothing else.

    A rule's parameters are read by name: ``g`` is the cotangent, ``y`` the result, ``x`` an argument of the op by its
    own name, ``x_shape`` and ``x_dtype`` only that of the argument.
    """

    __slots__ = ("function", "lists", "needs")

    def __init__(self, op: Op, function: Callable[..., Any]) -> None:
        self.function = function
        self.lists = op.lists
        names = list(inspect.signature(function).parameters)
        if names[:1] != ["g"]:
            raise TypeError(f"{op.name}: a gradient rule's first parameter is g; got {names}.")
        self.needs = tuple(self._need(op, name) for name in names[1:])

    @staticmethod
    def _need(op: Op, name: str) -> tuple[int, str]:
        if name == "y":
            return -1, ""
        for suffix in ("", "_shape", "_dtype"):
            argument = name.removesuffix(suffix) if suffix else name
            if argument in op.parameters and name.endswith(suffix):
                return op.parameters.index(argument), suffix
        raise TypeError(
            f"{op.name}: a gradient rule asks for {name!r}; expected y or one of {op.parameters}."
        )

    def saved(self, args: Sequence[Any], y: Any) -> tuple[Any, ...]:
        """What the rule needs of a call, in the order of its parameters."""
        kept = []
        for index, what in self.needs:
            value = y if index < 0 else args[index]
            if what:
                read = shape_of if what == "_shape" else dtype_of
                value = [read(entry) for entry in value] if index in self.lists else read(value)
            kept.append(value)
        return tuple(kept)


class Op:
    """What is known of an op; users call ``Op.call``, a function with the op's own signature."""

    def __init__(self, function: Callable[..., Any], rule: DtypeRule, primitive: bool) -> None:
        self.name = function.__name__.lstrip(
            "_"
        )  # an underscore: the public function of that name wraps the op
        self.function = function
        self.rule = rule
        self.primitive = primitive
        signature = inspect.signature(function)
        self.parameters = tuple(signature.parameters)
        notes = [self._note(parameter) for parameter in signature.parameters.values()]
        self.tensors = tuple(i for i, note in enumerate(notes) if "Tensor" in note)
        self.lists = tuple(
            i for i in self.tensors if re.search(r"(Sequence|list|tuple)\[", notes[i])
        )
        self.required = frozenset(
            i
            for i in self.tensors
            if "None" not in notes[i]
            and signature.parameters[self.parameters[i]].default is not None
        )
        self.vjps: tuple[Rule | None, ...] | None = None
        self.differentiable = True
        # May its gradients be too large, and need summing over what was broadcast?
        self.broadcasts = self.name in ("matmul", "index_update") or (
            not primitive and len(self.tensors) > 1
        )
        self.has_shape_rule = not primitive or _has_body(function)
        self.call = _compile(self, signature, notes)
        if self.name in OPS:
            raise ValueError(f"op {self.name!r} is declared twice.")
        OPS[self.name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def _note(self, parameter: inspect.Parameter) -> str:
        """A parameter's annotation as it is written, also where Python has evaluated it."""
        if parameter.annotation is parameter.empty:
            raise TypeError(
                f"{self.name}: the parameter {parameter.name!r} has no annotation. Annotate what holds a tensor "
                f"with polynet.tensor.Tensor, and a constant with its type."
            )
        note = re.sub(r"[\w.]*Annotated\[[\w.]+, '(\w+)'\]", r"\1", str(parameter.annotation))
        return re.sub(r"^(typing\.)?Optional\[(.*)\]$", r"\2 | None", note)

    def vjp(self, *rules: Callable[..., Any] | None) -> Any:
        """Give the gradient rules, one for each tensor parameter; ``None`` where there is no gradient.

        With a single rule this is a decorator.  See ``Rule`` for what a rule may ask for.
        """
        if len(rules) != len(self.tensors):
            raise TypeError(
                f"{self.name}: {len(rules)} gradient rules for {len(self.tensors)} tensor parameters."
            )
        self.vjps = tuple(rule and Rule(self, rule) for rule in rules)
        return rules[0]

    def not_differentiable(self) -> None:
        """Write down that this op has no gradient."""
        self.differentiable = False

    # ------------------------------------------------------------------------------ arguments

    def leaves(self, args: tuple[Any, ...]) -> list[Any]:
        """The tensor arguments of a call in order, those in lists among them; ``None`` is left out."""
        found: list[Any] = []
        for i in self.tensors:
            value = args[i]
            if i in self.lists and isinstance(value, list | tuple):
                found.extend(value)
            elif value is not None:
                found.append(value)
            elif i in self.required:
                raise named(
                    self,
                    errors.DTypeError(
                        f"{self.parameters[i]}: expected a tensor or numbers; got None."
                    ),
                )
        return found

    def names(self, args: tuple[Any, ...]) -> list[str]:
        """What each of ``leaves`` is called in an error."""
        found: list[str] = []
        for i in self.tensors:
            name, value = self.parameters[i], args[i]
            if i in self.lists and isinstance(value, list | tuple):
                found.extend(f"{name}[{place}]" for place in range(len(value)))
            elif value is not None:
                found.append(name)
        return found

    def replace(self, args: tuple[Any, ...], leaves: Sequence[Any]) -> tuple[Any, ...]:
        """``args`` with its tensor arguments replaced, in the order of ``leaves``."""
        result = list(args)
        rest = iter(leaves)
        for i in self.tensors:
            value = args[i]
            if i in self.lists and isinstance(value, list | tuple):
                result[i] = [next(rest) for _ in value]
            elif value is not None:
                result[i] = next(rest)
        return tuple(result)

    # ------------------------------------------------------------------------------ readings

    def native(self, backend: Backend, kinds: Sequence[Kind] = ()) -> Callable[..., Any] | None:
        """The backend's own method for this op, on arguments of the kinds that they were settled to."""
        return backend.method(self.name, kinds)

    def infer(self, args: tuple[Any, ...]) -> Any:
        """The ``Spec`` of the result, from specs and values."""
        try:
            leaves = self.leaves(args)
            kinds = [kind_of(leaf) for leaf in leaves]
            casts, result = self.rule(kinds)
            specs = [
                Spec(shape_of(leaf), cast or kind)
                for leaf, kind, cast in zip(leaves, kinds, casts, strict=True)
            ]
            with abstract():
                if not self.has_shape_rule:
                    return Spec(broadcast(*(spec.shape for spec in specs)), result)
                found = self.function(*self.replace(args, specs))
            return _as_spec(found, result) if self.primitive else found
        except errors.PolynetError as error:
            raise named(self, error) from None


def _as_spec(found: Any, dtype: str) -> Any:
    """What a shape rule returned, as a ``Spec`` or a list of them."""
    if isinstance(found, tuple) and all(isinstance(length, int) for length in found):
        return Spec(found, dtype)
    return found


def named(op: Op, error: errors.PolynetError) -> errors.PolynetError:
    """The error with the op's name in front, unless an op within has named itself already."""
    if error.op is None:
        error = type(error)(f"{op.name}: {error}")
        error.op = op.name
    return error


def _has_body(function: Callable[..., Any]) -> bool:
    """Does a function have more than its docstring?"""
    return function.__code__.co_code != _nothing.__code__.co_code


def _nothing() -> None:
    """The code of a function without a body."""


# ---------------------------------------------------------------------------------- the fast way

_AXIS_TYPES = frozenset({int, tuple, type(None)})
_TEMPLATE = """\
def make(state, op, name, slow, explain, list_key, as_axis, as_shape, as_dtype, axis_types{defaults}):
    def call({parameters}):
{prepare}{fast}
    return call
"""
_PREPARE = """\
        if {name}.__class__ {test}:
            {name} = {change}
"""
_FAST = """\
        run = state.hot.get((name, {key}))
        if run is None:
            return slow(op, ({arguments},))
        try:
            return run({arguments})
        except Exception as error:
            explain(op, ({arguments},), error)
            raise"""
_FAST_CREATION = """\
        run = None if state.abstract else state.hot.get((name,))
        if run is None:
            return slow(op, ({arguments},))
        try:
            return run({arguments})
        except Exception as error:
            explain(op, ({arguments},), error)
            raise"""
_ALWAYS_SLOW = "        return slow(op, ({arguments}{comma}))"
_templates: dict[str, Callable[..., Any]] = {}


def _compile(op: Op, signature: inspect.Signature, notes: list[str]) -> Callable[..., Any]:
    """The function that users call, with the op's own signature; ops of one signature share the code."""
    names = op.parameters
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.default is not parameter.empty
    }
    prepare = ""
    for name, note in zip(names, notes, strict=True):
        if note.startswith("Axis"):
            prepare += _PREPARE.format(
                name=name, test="not in axis_types", change=f"as_axis({name}, {name!r})"
            )
        elif note.startswith("DType"):
            prepare += _PREPARE.format(
                name=name, test=f"is not str and {name} is not None", change=f"as_dtype({name})"
            )
        elif note.startswith("Shape"):
            some = f" and {name} is not None" if "None" in note else ""
            prepare += _PREPARE.format(
                name=name, test=f"is not tuple{some}", change=f"as_shape({name}, {name!r})"
            )
    arguments = ", ".join(names)
    key = ", ".join(
        f"list_key({names[i]})"
        if i in op.lists
        else f"{names[i]}.__class__, getattr({names[i]}, 'dtype', None)"
        for i in op.tensors
    )
    fast = _ALWAYS_SLOW if not names else _FAST if op.tensors else _FAST_CREATION
    source = _TEMPLATE.format(
        defaults="".join(f", default_{name}" for name in defaults),
        parameters=", ".join(
            f"{name}=default_{name}" if name in defaults else name for name in names
        ),
        prepare=prepare,
        fast=fast.format(key=key, arguments=arguments, comma="," if names else ""),
    )
    if source not in _templates:
        scope: dict[str, Any] = {}
        exec(compile(source, f"<polynet op ({arguments})>", "exec"), scope)
        _templates[source] = scope["make"]
    make = _templates[source]
    call = make(
        *(
            state,
            op,
            op.name,
            slow,
            explain,
            list_key,
            as_axis,
            as_shape,
            dtypes.standardize,
            _AXIS_TYPES,
        ),
        *defaults.values(),
    )
    call.__name__ = call.__qualname__ = op.name
    call.__doc__ = op.function.__doc__
    call.__module__ = op.function.__module__
    call.__annotations__ = op.function.__annotations__
    call.__signature__ = signature
    call.op = op
    call.vjp = op.vjp
    call.not_differentiable = op.not_differentiable
    return cast("Callable[..., Any]", call)


# ---------------------------------------------------------------------------------- the slow way


def slow(op: Op, args: tuple[Any, ...]) -> Any:
    """Let the argument of highest priority read the op; else run it on the active backend."""
    top: Any = None
    for leaf in op.leaves(args):
        if isinstance(leaf, Traced) and (top is None or leaf.priority > top.priority):
            top = leaf
    if top is not None:
        return top._apply(op, args)
    if not op.tensors and is_abstract():
        return op.infer(args)
    return eager(op, args, plugins.current())


def eager(op: Op, args: tuple[Any, ...], backend: Backend) -> Any:
    """Run an op on values: settle dtypes, find the backend's method or the body, remember the plan."""
    leaves = op.leaves(args)
    plain = values_of(op, args, leaves, backend)
    if any(new is not old for new, old in zip(plain, leaves, strict=True)):
        return op.call(*op.replace(args, plain))
    if (
        op is cast_op()
        and not isinstance(plain[0], backend.tensor_types)
        and not np.iscomplexobj(plain[0])
    ):
        return backend.asarray(
            plain[0], args[1]
        )  # at once: the backend may lack the dtype that it comes from
    native, conversions = settle(op, args, backend)
    if native is None:
        if op.primitive:
            raise NotImplementedError(backend.unwritten.format(backend=backend.name, op=op.name))
        native = op.function
    run = _converting(op, native, conversions)
    if all(
        kind_in(leaf, backend) == kind_of(leaf) for leaf in plain
    ):  # else it may change what the backend has
        backend.hot[plan_key(op, args)] = run
    try:
        return run(*args)
    except Exception as error:
        explain(op, args, error)
        raise


def values_of(op: Op, args: tuple[Any, ...], leaves: Sequence[Any], backend: Backend) -> list[Any]:
    """``leaves`` with what stands for a tensor replaced by its values; a ``Traced`` stays."""
    try:
        return [
            leaf if isinstance(leaf, Traced) else as_value(op.name, leaf, backend)
            for leaf in leaves
        ]
    except errors.PolynetError:
        for leaf, name in zip(leaves, op.names(args), strict=True):  # again, to name the argument
            if not isinstance(leaf, Traced):
                as_value(op.name, leaf, backend, name)
        raise


def plan_key(op: Op, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where the plan for such arguments is kept; the compiled function of an op makes the same key."""
    key: list[Any] = [op.name]
    for i in op.tensors:
        if i in op.lists:
            key.append(list_key(args[i]))
        else:
            key += (args[i].__class__, getattr(args[i], "dtype", None))
    return tuple(key)


def list_key(values: Any) -> tuple[Any, ...]:
    """What a plan depends on in a list of tensors: how many, their types and dtypes."""
    if values.__class__ is not list and values.__class__ is not tuple:
        return values.__class__, getattr(values, "dtype", None)
    key: list[Any] = [len(values)]
    for value in values:
        key += (value.__class__, getattr(value, "dtype", None))
    return tuple(key)


def undifferentiable(op: Op) -> str:
    """What is said when the gradient of an op is asked for that has none."""
    return f"op {op.name!r} is declared not differentiable; use polynet.stop_gradient around it."


def settle(
    op: Op, args: tuple[Any, ...], backend: Backend
) -> tuple[Callable[..., Any] | None, list[Callable[[Any], Any] | None]]:
    """The backend's method for these arguments, and how each tensor argument becomes what it (or the body) takes."""
    leaves = op.leaves(args)
    try:
        kinds = [kind_in(leaf, backend) for leaf in leaves]
        casts, result = op.rule(kinds)
        dtypes_to = [to or dtypes.result_type(kind) for kind, to in zip(kinds, casts, strict=True)]
        for dtype in {*dtypes_to}:
            backend.native_dtype(dtype)
    except errors.PolynetError as error:
        raise named(op, error) from None
    settled: list[Kind] = [*dtypes_to]
    if op.name in backend.scalar_ops:
        tensors = {to for kind, to in zip(kinds, dtypes_to, strict=True) if isinstance(kind, str)}
        for i, (kind, to) in enumerate(zip(kinds, dtypes_to, strict=True)):
            if not isinstance(kind, str) and to in tensors and _stays(kind, to):
                settled[i] = kind
    native = op.native(backend, settled)
    if native is not None and not op.differentiable and leaves and backend.transforms is not None:
        if op.name != "stop_gradient" and not (dtypes.is_int(result) or dtypes.is_bool(result)):
            native = backend.transforms.refusing(native, undifferentiable(op))
    if native is None:  # a body takes tensors only
        settled = [*dtypes_to]
    return native, [
        _converter(backend, *each) for each in zip(leaves, kinds, casts, settled, strict=True)
    ]


def _converter(
    backend: Backend, leaf: Any, kind: Kind, cast: str | None, settled: Kind
) -> Callable[[Any], Any] | None:
    """How one tensor argument becomes what the backend's method takes; ``None`` when it is that already."""
    if isinstance(leaf, backend.tensor_types):
        if cast is None or cast == kind:
            return None
        wanted, convert = cast, cast_op().native(backend, (kind,))
        assert convert is not None
        return lambda value: convert(value, wanted)
    if kind is int:
        dtype = cast or dtypes.result_type(kind)
        if dtypes.is_int(dtype):
            return _within(backend, dtype, settled is int)
        if settled is int:  # some libraries take integers beyond 32 bits as floats only
            return float
    if not isinstance(settled, str):
        return None
    wanted = settled
    if isinstance(kind, str) and kind != (given := dtype_of(leaf)):
        narrowed = _narrowed(backend, given, kind)
        return lambda value: backend.asarray(narrowed(value), wanted)
    return lambda value: backend.asarray(value, wanted)


def from_host(value: Any, backend: Backend, dtype: str | None = None) -> Any:
    """A tensor from NumPy data or a Python number, of its own dtype (as far as the backend has it) by default."""
    key = ("from_host", value.dtype, dtype) if value.__class__ is np.ndarray else None
    known = backend.hot.get(key)
    if known is not None:
        return known(value)
    kind = kind_in(value, backend)
    convert = _converter(backend, value, kind, dtype, dtype or dtypes.result_type(kind))
    if convert is None:
        return value
    if key is not None and kind == kind_of(value):  # else it may change what the backend has
        backend.hot[key] = convert
    return convert(value)


def host_array(value: np.ndarray, backend: Backend, dtype: str | None = None) -> np.ndarray:
    """NumPy data in ``dtype``, or else in its own as far as the backend has it, as compiled functions take it."""
    if dtype is not None:
        return value.astype(dtype)
    kind = dtype_of(value)
    known = backend.host_dtype(kind)
    narrowed: np.ndarray = value if known == kind else _narrowed(backend, kind, known)(value)
    return narrowed


def _within(backend: Backend, dtype: str, stays: bool) -> Callable[[Any], Any]:
    """Python integers become tensors of an integer dtype, or stay as they are, if they fit."""
    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)

    def check(value: int) -> Any:
        if low <= value <= high:
            return value if stays else backend.asarray(value, dtype)
        raise errors.DTypeError(
            f"the integer {value} does not fit {dtype}, which holds {low} to {high}. Cast to a wider dtype first."
        )

    return check


def _narrowed(backend: Backend, given: str, dtype: str) -> Callable[[Any], Any]:
    """Host data whose dtype the backend lacks, in a smaller one that holds its values too."""
    limits = np.iinfo(dtype)

    def narrow(value: Any) -> Any:
        array = np.asarray(value)
        if array.size and (array.min() < limits.min or array.max() > limits.max):
            raise errors.DTypeError(
                f"these {given} values do not fit {dtype}. {backend.explain_dtype(given)}"
            )
        return array.astype(dtype)

    return narrow


def _stays(kind: type, dtype: str) -> bool:
    """Can a Python number of that type stay as it is beside tensors of that dtype?"""
    if kind is bool:
        return dtype == "bool"
    if kind is int:
        return dtype != "bool"
    return not (dtypes.is_int(dtype) or dtypes.is_bool(dtype)) and (
        kind is float or dtypes.is_complex(dtype)
    )


def _converting(
    op: Op, function: Callable[..., Any], conversions: list[Callable[[Any], Any] | None]
) -> Callable[..., Any]:
    """``function`` behind its argument conversions; itself when there are none."""
    if not any(conversions):
        return function

    if op.lists or len(conversions) != len(op.tensors):

        def run_replacing(*args: Any) -> Any:
            leaves = [
                leaf if convert is None else convert(leaf)
                for leaf, convert in zip(op.leaves(args), conversions, strict=True)
            ]
            return function(*op.replace(args, leaves))

        return run_replacing

    steps = [
        (i, convert)
        for i, convert in zip(op.tensors, conversions, strict=True)
        if convert is not None
    ]

    def run(*args: Any) -> Any:
        changed = list(args)
        for i, convert in steps:
            changed[i] = convert(changed[i])
        return function(*changed)

    return run


def eager_leaves(op: Op, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """``args`` as a composite's body takes them: tensors of the settled dtypes, whatever stands for a tensor."""
    backend = plugins.current()
    leaves = values_of(op, args, op.leaves(args), backend)
    kinds = [kind_of(leaf) for leaf in leaves]
    casts, _ = op.rule(kinds)
    for i, (leaf, kind, to) in enumerate(zip(leaves, kinds, casts, strict=True)):
        if not isinstance(leaf, (Traced, *backend.tensor_types)):
            leaves[i] = from_host(leaf, backend, to)
        elif to is not None and to != kind:
            leaves[i] = cast_op().call(leaf, to)
    return op.replace(args, leaves)


def cast_op() -> Op:
    """The op ``cast``, which the mechanism itself needs."""
    return OPS["cast"]


def explain(op: Op, args: tuple[Any, ...], error: Exception) -> None:
    """Raise what is wrong with a call in polynet's words, if the shape rule finds something."""
    if isinstance(error, errors.PolynetError):
        raise named(op, error) from error.__cause__
    if isinstance(error, NotImplementedError):
        return
    try:
        op.infer(args)
    except errors.PolynetError as clearer:
        raise clearer from error
    except Exception as other:
        if type(error) is not type(other):
            return


# ---------------------------------------------------------------------------------- declaring


class OpFunction(Generic[P, R]):
    """The type of a declared op, for type checkers: a function that also takes gradient rules."""

    op: Op

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the op."""
        raise NotImplementedError

    def vjp(self, *rules: Callable[..., Any] | None) -> Any:
        """See ``Op.vjp``."""

    def not_differentiable(self) -> None:
        """See ``Op.not_differentiable``."""


def primitive(rule: DtypeRule = elementwise) -> Callable[[Callable[P, R]], OpFunction[P, R]]:
    """Declare an op that each backend must give; the body is the shape rule.

    Without a body the shape is that of the arguments, broadcast together.
    """

    def declare(function: Callable[P, R]) -> OpFunction[P, R]:
        return cast("OpFunction[P, R]", Op(function, rule, primitive=True).call)

    return declare


@overload
def op(function: Callable[P, R]) -> OpFunction[P, R]: ...


@overload
def op(*, dtypes: DtypeRule) -> Callable[[Callable[P, R]], OpFunction[P, R]]: ...


def op(function: Any = None, *, dtypes: DtypeRule = weak_only) -> Any:
    """Declare a composite op: ``@op``, or ``@op(dtypes=rule)`` to settle dtypes before a native override."""
    if function is None:
        return lambda function: Op(function, dtypes, primitive=False).call
    return Op(function, dtypes, primitive=False).call
