"""Boxes: values that a tape watches, and the list of what was computed from them.

An op called with a ``Box`` takes the box's value, runs on it, and appends one entry to its recorder: the op's
gradient rules, with just what they need.  Going back is one pass over that list.  A box's value may be a box of an
outer tape, and the ops called by a rule may meet one: so higher derivatives need nothing more.

For each combination of argument types the recording is compiled once (``_plan``) and then found by the op in its
table of plans; ``record`` is the same in general form, for nested tapes and ops over lists.  What users call is in
``tape.py`` and ``functions.py``; the gradient rules stand beside the ops.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from polynet import dtypes, plugins
from polynet.autodiff.program import CLOSED, OPEN, Programs
from polynet.op import OPS, Op, eager_leaves, from_host, plan_key, settle, undifferentiable
from polynet.plugins import register_wrapper
from polynet.spec import elementwise
from polynet.tensor import Held, Traced
from polynet.values import NUMBERS, as_value, dtype_of, shape_of

_levels = itertools.count(1)


def next_level() -> int:
    """The level of a transformation that begins now; higher ones are inside and read an op first."""
    return next(_levels)


Edge = tuple[Any, tuple[Any, ...], Any, Any, Any]
"""A rule, what it needs, the entry that its result goes to, and the shape and dtype that it must have (``None``: has).

For a rule over a list of tensors the last three are lists.  The rule ``None`` marks an output of a multi-output op.
"""


class Recorder:
    """One recording: a list of entries, each a key and what is kept.

    The key begins with the ``Step`` that was taken and holds all that the way back depends on but for the tensors
    that are kept; it is empty for a source.  With a key of ``program.py``, ``OPEN`` or ``CLOSED``, the edges are kept.
    """

    __slots__ = ("entries", "order", "recording")

    def __init__(self) -> None:
        self.order = next_level()
        self.recording = True
        self.entries: list[tuple[Any, Any]] = []

    def source(self, value: Any) -> Box:
        """A box for a value that is watched and not computed."""
        self.entries.append(_SOURCE)
        return Box(value, self, len(self.entries) - 1, value.dtype)


_SOURCE: tuple[Any, Any] = ((), ())


class Step:
    """What is the same each time that an op is recorded on arguments of certain types."""

    __slots__ = ("edges",)

    def __init__(self) -> None:
        self.edges: Callable[[Any, Any], Sequence[Edge]] = _no_edges
        """From the key of an entry and what is kept to its edges."""


def _no_edges(key: Any, kept: Any) -> Sequence[Edge]:
    return ()


@register_wrapper
class Box(Held):
    """A value that a tape watches.  It behaves as a tensor in ops, operators and NumPy functions."""

    __slots__ = ("__weakref__", "dtype", "index", "recorder", "value")
    watched = True

    def __init__(self, value: Any, recorder: Recorder, index: int, dtype: Any) -> None:
        self.value = value
        self.recorder = recorder
        self.index = index
        self.dtype = dtype

    @property
    def priority(self) -> int:  # type: ignore[override]
        """The innermost tape reads an op first."""
        return self.recorder.order

    @property
    def shape(self) -> Any:
        """The shape of the value."""
        return self.value.shape

    def _polynet_value(self) -> Any:
        if not self.recorder.recording:
            return self.value._polynet_value() if self.value.__class__ is Box else self.value
        raise TypeError(
            "a value that a tape watches was given to a function which the tape cannot see, so its gradient would be "
            "lost. Use polynet.ops or operators, take polynet.stop_gradient(x) or x.numpy() for a constant, or "
            "differentiate native functions with polynet.grad."
        )

    def _apply(self, op: Op, args: tuple[Any, ...]) -> Any:
        plan = _plan(op, args)
        return plan(*args) if plan is not None else record(op, args, self.recorder)

    def __repr__(self) -> str:
        return f"<watched {self.value!r}>" if self.recorder.recording else repr(self.value)

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            return lambda *args, **kwargs: _method(name)(self, *args, **kwargs)
        raise AttributeError(
            f"a value that a tape watches has no attribute {name!r}; use polynet.ops, or x.numpy() to read it out."
        )


_METHODS = {
    **{
        name: name
        for name in (
            "sum",
            "prod",
            "mean",
            "std",
            "var",
            "max",
            "min",
            "any",
            "all",
            "argmax",
            "argmin",
        )
    },
    **{
        name: name
        for name in (
            "argsort",
            "cumsum",
            "cumprod",
            "clip",
            "ravel",
            "repeat",
            "round",
            "squeeze",
            "take",
        )
    },
    **{name: name for name in ("swapaxes", "dot", "trace", "diagonal", "conj", "copy")},
    **{
        "astype": "cast",
        "flatten": "ravel",
        "abs": "absolute",
        "exp": "exp",
        "log": "log",
        "sqrt": "sqrt",
    },
    **{"reshape": "reshape", "transpose": "transpose", "unsqueeze": "expand_dims"},
}
"""The methods of native tensors that a box has too, and the ops that they are."""


def _method(name: str) -> Any:
    from polynet import ops

    function = getattr(ops, _METHODS[name])
    if name in ("reshape", "transpose"):
        return lambda x, *shape: function(
            x, *([shape[0] if len(shape) == 1 else shape] if shape else [])
        )
    return function


def is_differentiable(value: Any) -> bool:
    """Has the value a floating or complex dtype?"""
    dtype = dtype_of(value)
    return dtypes.is_float(dtype) or dtypes.is_complex(dtype)


# ---------------------------------------------------------------------------------- recording, compiled

_RECORD = """\
def make(Box, op, general, several, native, converters, copysign, step, rules, constants):
    def run({parameters}):
        recorder = {first}.recorder
        {values}
        if {nested}:
            return general(op, ({parameters},), {latest})
        {steps}
        y = native({values_passed})
        if not recorder.recording:
            return y
        try:
            dtype = y.dtype
        except AttributeError:
            return several(op, ({parameters},), ({values_passed},), y, recorder)
        entries = recorder.entries
        entries.append((({key}), ({kept})))
        return Box(y, recorder, len(entries) - 1, dtype)
    def edges(key, kept):
        {key_names} = key
        {kept_names} = kept
        return ({edges})
    step.edges = edges
    return run
"""
_UNRECORDED = """\
def make(Box, op, general, several, native, converters, copysign, step, rules, constants):
    def run({parameters}):
        recorder = {first}.recorder
        {values}
        if {nested}:
            return general(op, ({parameters},), {latest})
        {steps}
        return native({values_passed})
    return run
"""
_templates: dict[str, Callable[..., Any]] = {}


def _plan(op: Op, args: tuple[Any, ...]) -> Callable[..., Any] | None:
    """The compiled recording for arguments of these types, remembered in the table of plans; ``None``: not simple."""
    backend = plugins.current()
    if op.lists or not op.tensors or backend.hot is not plugins.state.hot:
        return None
    if op.vjps is None:
        if op.primitive or not op.differentiable:
            return None
        run: Callable[..., Any] = lambda *args: op.function(*eager_leaves(op, args))  # noqa: E731
    else:
        leaves = [args[i] for i in op.tensors]
        if any(isinstance(leaf, Traced) and leaf.__class__ is not Box for leaf in leaves):
            return None
        if any(isinstance(leaf, list | tuple) for leaf in leaves) or any(
            isinstance(leaf.value, Traced) for leaf in leaves if leaf.__class__ is Box
        ):
            return None
        compiled = _compiled(op, args, backend)
        if compiled is None:
            return None
        run = compiled
    backend.hot[plan_key(op, args)] = run
    return run


def _compiled(op: Op, args: tuple[Any, ...], backend: Any) -> Callable[..., Any] | None:
    names = op.parameters
    boxed = [i for i in op.tensors if args[i].__class__ is Box]
    given = [i for i in op.tensors if args[i] is not None]
    opened = op.replace(args, [args[i].value if i in boxed else args[i] for i in given])
    native, conversions = settle(op, opened, backend)
    native = native or (None if op.primitive else op.function)
    if native is None:
        return None
    convert = dict(zip(given, conversions, strict=True))
    values = {i: f"v{i}" if i in boxed or convert.get(i) else name for i, name in enumerate(names)}
    lines = [
        f"v{i} = {names[i]}.value" if i in boxed else f"v{i} = converters[{i}]({names[i]})"
        for i in given
        if i in boxed or convert[i]
    ]
    steps = [f"v{i} = converters[{i}](v{i})" for i in boxed if convert[i]]
    fill = {
        "parameters": ", ".join(names),
        "first": names[boxed[0]],
        "values": "\n        ".join(lines) or "pass",
        "steps": "\n        ".join(steps) or "pass",
        "nested": " or ".join(
            [f"v{i}.__class__ is Box" for i in boxed]
            + [f"{names[i]}.recorder is not recorder" for i in boxed[1:]]
        ),
        "latest": f"max(({' '.join(f'{names[i]}.recorder,' for i in boxed)}), key=lambda r: r.order)",
        "values_passed": ", ".join(values[i] for i in range(len(names))),
    }
    entry = _Entry(op, args, opened, boxed, values, convert)
    template = _RECORD if entry.edges else _UNRECORDED
    source = template.format(**fill, **entry.code())
    if source not in _templates:
        scope: dict[str, Any] = {}
        exec(compile(source, f"<polynet recording ({', '.join(names)})>", "exec"), scope)
        _templates[source] = scope["make"]
    assert op.vjps is not None
    rules = [rule and rule.function for rule in op.vjps]
    result: Callable[..., Any] = _templates[source](
        Box, op, record, _recorded, native, convert, math.copysign, Step(), rules, entry.constants
    )
    return result


class _Entry:
    """The code of an entry: its key, what is kept, and how both become edges."""

    def __init__(
        self,
        op: Op,
        args: tuple[Any, ...],
        opened: tuple[Any, ...],
        boxed: list[int],
        values: dict[int, str],
        convert: dict[int, Any],
    ) -> None:
        self._op, self._args, self._opened = op, args, opened
        self._values, self._convert = values, convert
        self._key: dict[str, str] = {
            "step": "_"
        }  # expressions while recording, and names when going back
        self._kept: dict[str, str] = {}
        self.constants: list[Any] = []
        self.edges: list[str] = []
        exact = op.has_shape_rule and op.rule is not elementwise and not op.broadcasts
        assert op.vjps is not None
        for place, i in enumerate(op.tensors):
            rule = op.vjps[place]
            if i not in boxed or rule is None:
                continue
            saved = "".join(self._needed(index, what) + ", " for index, what in rule.needs)
            name = op.parameters[i]
            parent = self._in_key(f"{name}.index")
            shape = "None"
            if not exact or convert[i]:
                shape = self._in_key(f"{name}.value.shape" if convert[i] else f"v{i}.shape")
            dtype = self._constant(args[i].dtype) if any(convert.values()) else "None"
            self.edges.append(f"(rules[{place}], ({saved}), {parent}, {shape}, {dtype})")

    def _needed(self, index: int, what: str) -> str:
        """The name of what a rule needs."""
        if index < 0:
            if self._op.has_shape_rule or len(self._op.tensors) > 1:
                self._in_key("y.shape")
            return self._in_kept("y")
        arg, value = self._args[index], self._values[index]
        if what == "_dtype":
            return self._constant(dtype_of(arg))
        if what == "_shape":
            return self._in_key(f"{value}.shape") if hasattr(arg, "shape") else "()"
        if index not in self._op.tensors:
            return self._in_key(value)
        if arg is None:
            return "None"
        convert, arg = self._convert[index], self._opened[index]
        if convert:
            arg = convert(arg)
        if not isinstance(arg, NUMBERS) or hasattr(arg, "shape"):
            self._in_key(f"{value}.shape")
            return self._in_kept(value)
        if isinstance(arg, complex):
            self._in_key(f"repr({value})")
        elif isinstance(arg, float):
            self._in_key(f"copysign(1.0, {value})")
        return self._in_key(value)

    def _in_key(self, expression: str) -> str:
        return self._key.setdefault(expression, f"k{len(self._key)}")

    def _in_kept(self, expression: str) -> str:
        return self._kept.setdefault(expression, f"s{len(self._kept)}")

    def _constant(self, value: Any) -> str:
        self.constants.append(value)
        return f"constants[{len(self.constants) - 1}]"

    def code(self) -> dict[str, str]:
        """The parts of ``_RECORD`` that are about the entry."""

        def listed(parts: Iterable[str]) -> str:
            return "".join(f"{part}, " for part in parts)

        return {
            "key": listed(self._key),
            "kept": listed(self._kept),
            "key_names": listed(self._key.values()),
            "kept_names": listed(self._kept.values()) or "()",
            "edges": listed(self.edges),
        }


# ---------------------------------------------------------------------------------- recording, in general


def record(op: Op, args: tuple[Any, ...], recorder: Recorder) -> Any:
    """Run ``op`` with the boxes of ``recorder`` opened, and remember how to go back."""
    if op.vjps is None and not op.primitive and op.differentiable:
        return op.function(*eager_leaves(op, args))

    backend = plugins.current()

    def opened(value: Any) -> Any:
        if isinstance(value, Traced):
            return value.value if value.__class__ is Box and value.recorder is recorder else value
        value = as_value(op.name, value, backend)  # a rule that keeps it computes with tensors
        if isinstance(value, (Traced, *NUMBERS, *backend.tensor_types)):
            return value
        return from_host(value, backend)

    raw = op.replace(args, [opened(leaf) for leaf in op.leaves(args)])
    y = op.call(*raw)
    if not recorder.recording or op.name == "stop_gradient":
        return y
    return _recorded(op, args, raw, y, recorder)


def _recorded(
    op: Op, args: tuple[Any, ...], raw: tuple[Any, ...], y: Any, recorder: Recorder
) -> Any:
    """The result ``y`` of a call, boxed, with one entry in general form; ``raw``: the arguments opened."""
    if op.vjps is None:
        return _undifferentiable(op, y, recorder)
    edges: list[Edge] = []
    for rule, i in zip(op.vjps, op.tensors, strict=True):
        if rule is None or args[i] is None:
            continue
        if i in op.lists:
            targets = [_target(value, recorder) for value in args[i]]
            if any(target[0] is not None for target in targets):
                indices, shapes, kinds = zip(*targets, strict=True)
                edges.append((rule.function, rule.saved(raw, y), indices, shapes, kinds))
        else:
            index, shape, dtype = _target(args[i], recorder)
            if index is not None:
                edges.append((rule.function, rule.saved(raw, y), index, shape, dtype))
    return _boxed(y, tuple(edges), recorder) if edges else y


def _target(box: Any, recorder: Recorder) -> tuple[int | None, Any, Any]:
    if box.__class__ is Box and box.recorder is recorder:
        return box.index, box.value.shape, box.dtype
    return None, None, None


def _boxed(y: Any, edges: Sequence[Edge], recorder: Recorder, key: Any = OPEN) -> Any:
    entries = recorder.entries
    entries.append((key, edges))
    parent = len(entries) - 1
    if not isinstance(y, list | tuple):
        return Box(y, recorder, parent, y.dtype)
    outputs = tuple((shape_of(value), dtype_of(value)) for value in y)
    boxes: list[Any] = []
    for slot, value in enumerate(y):
        if is_differentiable(value):
            entries.append((OPEN, ((None, (slot, outputs), parent, None, None),)))
            value = Box(value, recorder, len(entries) - 1, value.dtype)
        boxes.append(value)
    return type(y)(*boxes) if hasattr(y, "_fields") else type(y)(boxes)


def _undifferentiable(op: Op, y: Any, recorder: Recorder) -> Any:
    """Integers and bools are constants; floats without a rule are an error once their gradient is asked for."""

    def refuse(g: Any) -> Any:
        raise TypeError(undifferentiable(op))

    if not any(is_differentiable(value) for value in (y if isinstance(y, list | tuple) else [y])):
        return y
    return _boxed(y, ((refuse, (), 0, None, None),), recorder, CLOSED)


# ---------------------------------------------------------------------------------- going back


def pull_back(
    recorder: Recorder, seeds: Sequence[tuple[int, Any]], wanted: Sequence[int]
) -> dict[int, Any]:
    """The gradients of the ``wanted`` entries, given those of the ``seeds``: tensors, or (shape, dtype) for ones."""
    entries = recorder.entries
    backend = plugins.current()
    if backend.transforms is None and backend.hot is plugins.state.hot:
        find = backend.hot.get(Programs) or backend.hot.setdefault(Programs, Programs(backend).find)
        found: dict[int, Any] | None = find(_walk, entries, seeds, wanted)
        if found is not None:
            return found

    def edges(index: int) -> Sequence[Edge]:
        key, kept = entries[index]
        return kept if key is OPEN or key is CLOSED else key[0].edges(key, kept) if key else ()

    return _walk(edges, seeds, wanted)


def _walk(
    edges: Callable[[int], Sequence[Edge]],
    seeds: Sequence[tuple[int, Any]],
    wanted: Collection[int],
) -> dict[int, Any]:
    """From the last entry to the first, adding up what the rules give."""
    start = seeds[0][0] if len(seeds) == 1 else max(index for index, _ in seeds)
    gradients: list[Any] = [None] * (start + 1)
    for index, g in seeds:
        if g.__class__ is tuple:
            g = OPS["full"].call(g[0], 1, dtypes.standardize(g[1]))
        gradients[index] = g if gradients[index] is None else gradients[index] + g
    found: dict[int, Any] = {}
    last = min(wanted)
    wanted = frozenset(wanted)
    for index in range(start, last - 1, -1):
        g = gradients[index]
        if g is None:
            continue
        gradients[index] = None
        if index in wanted:
            found[index] = g
        if g.__class__ is _Parts:
            g = g.filled()
        for function, saved, parent, shape, dtype in edges(index):
            if parent.__class__ is tuple:
                for one, part, its_shape, its_dtype in zip(
                    parent, function(g, *saved), shape, dtype, strict=True
                ):
                    if one is not None and part is not None:
                        part = fitted(part, its_shape, its_dtype)
                        gradients[one] = part if gradients[one] is None else gradients[one] + part
            elif function is None:
                slot, outputs = saved
                if gradients[parent] is None:
                    gradients[parent] = _Parts(outputs)
                gradients[parent].parts[slot] = g
            else:
                result = function(g, *saved)
                if (shape is not None and result.shape != shape) or (
                    dtype is not None and result.dtype != dtype
                ):
                    result = fitted(result, shape, dtype)
                before = gradients[parent]
                gradients[parent] = result if before is None else before + result
    return found


class _Parts:
    """The gradients of the outputs of a multi-output op."""

    __slots__ = ("outputs", "parts")

    def __init__(self, outputs: Sequence[tuple[tuple[int, ...], str]]) -> None:
        self.outputs = outputs
        self.parts: list[Any] = [None] * len(outputs)

    def filled(self) -> list[Any]:
        """All of them, zeros where an output was not used: one number, broadcast, since outputs may be large."""
        return [
            OPS["broadcast_to"].call(zeros((), dtype), tuple(shape)) if part is None else part
            for part, (shape, dtype) in zip(self.parts, self.outputs, strict=True)
        ]


def zeros(shape: tuple[int, ...], dtype: str) -> Any:
    """A tensor of zeros."""
    return OPS["full"].call(shape, 0, dtype)


def fitted(g: Any, shape: Any, dtype: Any) -> Any:
    """``g`` summed over what was broadcast, and cast to the dtype that its value has."""
    from polynet.ops.primitives import unbroadcast

    if shape is not None and tuple(g.shape) != tuple(shape):
        g = unbroadcast(g, tuple(shape))
    if dtype is not None and g.dtype != dtype:
        g = OPS["cast"].call(g, dtypes.standardize(dtype))
    return g


def record_custom(
    function: Callable[[Sequence[Any]], tuple[list[Any], Callable[[Sequence[Any]], list[Any]]]],
    primals: Sequence[Any],
) -> list[Any]:
    """The outputs of a function that brings its own pull-back, recorded as one entry."""
    top: Box | None = None
    for primal in primals:
        if primal.__class__ is Box and (top is None or primal.priority > top.priority):
            top = primal
    if top is None:
        return function(primals)[0]
    recorder = top.recorder
    raw = [p.value if p.__class__ is Box and p.recorder is recorder else p for p in primals]
    if any(value.__class__ is Box for value in raw):
        raw_outputs, pull = _nested_custom(function, raw)
    else:
        raw_outputs, pull = function(raw)
    targets = [_target(primal, recorder) for primal in primals]
    indices, shapes, kinds = zip(*targets, strict=True)
    y = [
        value.value if value.__class__ is Box and value.recorder is recorder else value
        for value in raw_outputs
    ]
    if not recorder.recording:
        return y
    return list(_boxed(y, ((pull, (), indices, shapes, kinds),), recorder, CLOSED))


def _nested_custom(function: Any, primals: Sequence[Any]) -> Any:
    """An outer tape watches too: its record is one entry as well, and the pull-back is recorded op by op."""
    kept: list[Any] = []

    def remember(values: Sequence[Any]) -> Any:
        outputs, pull = function(values)
        kept[:] = [pull]
        return outputs, pull

    outputs = record_custom(remember, primals)
    _, pull = function(primals)
    return outputs, pull
