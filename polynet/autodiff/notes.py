"""Noting down what is called of the array library, as the lines of one Python function.

A ``Wire`` stands for a tensor while calls are noted: it has the tensor's value, so that everything runs as it would
without it, and its name in the function.  Ops on wires call the backend's methods, each of which becomes a line.
Who asks for the value of a wire as a number has read something that the lines cannot follow: that is an error here,
and whoever takes notes does without them.  Two files take notes: ``program.py`` of the way back through a recording,
and ``replay.py`` of a whole step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from polynet import tree
from polynet.backend import Backend, FlatFunction
from polynet.op import OPS, Op, eager_leaves, settle
from polynet.tensor import Traced
from polynet.values import NUMBERS, dtype_of

_LARGE = 4096  # elements of a constant that is better made anew than kept
_LARGEST = 1 << 16


class Wire(Traced):
    """A tensor while calls are noted: its value, and its name in the function."""

    __slots__ = ("__weakref__", "content", "dtype", "name", "notes")

    def __init__(self, content: Any, notes: Notes, name: int) -> None:
        self.content = content
        self.notes = notes
        self.name = name
        # another class than that of the library's dtypes: no plan for the library's tensors serves wires
        self.dtype = dtype_of(content)

    @property
    def shape(self) -> Any:
        """The shape of the value."""
        return self.content.shape

    def _apply(self, op: Op, args: tuple[Any, ...]) -> Any:
        return self.notes.call(op, args)

    def _no_value(self, *args: Any, **kwargs: Any) -> Any:
        self.notes.give_up("what depends on values cannot be noted down.")

    def _polynet_copy(self) -> Wire:
        """The same in memory of its own, for a variable."""
        copied: Wire = self.notes.apply(self.notes.backend.copy, self)
        return copied

    __bool__ = __int__ = __float__ = __index__ = __complex__ = __array__ = _no_value
    numpy = item = tolist = _polynet_value = _no_value


class Late:
    """Something that is no tensor and is found out anew each time that the function runs."""

    __slots__ = ("content", "name")

    def __init__(self, content: Any, name: int) -> None:
        self.content, self.name = content, name


class _Text:
    """The text of an argument in the place of the argument."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def opened(value: Any) -> Any:
    """The value of a wire; anything else as it is."""
    return value.content if value.__class__ is Wire or value.__class__ is Late else value


class Notes:
    """The calls that were noted: the lines of a function.

    Attributes:
        failed: why these notes are of no use, if they are not.
        writing: did the last run of the function come to where an op writes into the tensors that it is given?
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.failed = ""
        self.writing = False
        self.names: dict[str, Any] = {}  # what the function refers to
        self.lines: list[tuple[int, str, tuple[int, ...]]] = []  # name, expression, names it uses
        self.wanted: set[int] = set()  # lines that are needed for what they do
        self._numbers: dict[int, str] = {}
        self._large = 0
        self._count = 0
        self._written: dict[int, tuple[int, ...]] = {}

    def give_up(self, why: str) -> Any:
        """Say that these notes are of no use."""
        self.failed = why
        raise TypeError(f"not noted: {why}")

    # -------------------------------------------------------------------------------- lines

    def line(self, expression: str, uses: tuple[int, ...] = ()) -> int:
        """A line that gives a name to the value of an expression."""
        self._count += 1
        self.lines.append((self._count, expression, uses))
        return self._count

    def wire(self, value: Any, expression: str, uses: tuple[int, ...] = ()) -> Wire:
        """The value of an expression."""
        return Wire(value, self, self.line(expression, uses))

    def wires(self, value: Any, expression: str, uses: tuple[int, ...] = ()) -> Any:
        """The value of an expression: a tensor, or tensors in lists and tuples."""
        if not isinstance(value, list | tuple):
            return self.wire(value, expression, uses)
        name = self.line(expression, uses)
        parts = [self.wires(part, f"t{name}[{i}]", (name,)) for i, part in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)

    def call(self, op: Op, args: tuple[Any, ...]) -> Any:
        """Read an op: the call of the backend's method, after those that convert its arguments; else the body."""
        if self.failed:
            self.give_up(self.failed)
        backend = self.backend
        leaves = op.leaves(args)
        if self._is_nothing(op, args):
            return args[0]
        values = [opened(leaf) for leaf in leaves]
        kinds = (*backend.tensor_types, *NUMBERS, np.ndarray, np.generic)
        if any(not isinstance(value, kinds) for value in values):
            self.give_up(f"{op.name}: its arguments.")
        native, conversions = settle(op, op.replace(args, values), backend)
        if native is None:
            if op.primitive:
                raise NotImplementedError(op.name)
            return op.function(*eager_leaves(op, args))
        ready = [
            leaf if convert is None else self._converted(leaf, convert)
            for leaf, convert in zip(leaves, conversions, strict=True)
        ]
        texts = iter([_Text(self.text(leaf)) for leaf in ready])
        arguments = ", ".join(map(self._argument, op.replace(args, [*texts])))
        uses = self._uses((*ready, *args))
        y = native(*map(opened, op.replace(args, [opened(leaf) for leaf in ready])))
        return self.wires(y, f"{self.constant(native)}({arguments})", uses)

    def _is_nothing(self, op: Op, args: tuple[Any, ...]) -> bool:
        """Does the op leave a wire as it is?"""
        if op.name == "cast":
            return bool(args[0].dtype == args[1])
        tape = self.backend.tape
        return op.name == "stop_gradient" and (
            tape is None or not tape.is_recorded(args[0].content)
        )

    def _converted(self, leaf: Any, convert: Callable[[Any], Any]) -> Any:
        if leaf.__class__ is not Wire:
            return convert(leaf)
        return self.wire(
            convert(leaf.content), f"{self.constant(convert)}(t{leaf.name})", (leaf.name,)
        )

    def apply(self, function: Callable[..., Any], *wires: Any) -> Any:
        """The tensors that a function of the library gives."""
        text = f"{self.constant(function)}({', '.join(map(self.text, wires))})"
        return self.wires(function(*map(opened, wires)), text, self._uses(wires))

    def on_host(
        self, function: Callable[..., Any], lists: Sequence[Sequence[Any]], writes: bool = False
    ) -> Late:
        """What a function finds out about lists of tensors, or does with them.

        Args:
            writes: does it find out whether the op that gets its result may write into the tensors?
        """
        if writes:
            decide = function

            def function(*values: Any) -> Any:
                self.writing = decide(*values)
                return self.writing

        text = ", ".join(f"[{', '.join(map(self.text, each))}]" for each in lists)
        uses = self._uses([value for each in lists for value in each])
        found = function(*([opened(value) for value in each] for each in lists))
        name = self.line(f"{self.constant(function)}({text})", uses)
        self.wanted.add(name)
        if writes:
            self._written[name] = uses
        return Late(found, name)

    # -------------------------------------------------------------------------------- texts

    @staticmethod
    def _uses(values: Iterable[Any]) -> tuple[int, ...]:
        return tuple(v.name for v in values if v.__class__ is Wire or v.__class__ is Late)

    def _argument(self, value: Any) -> str:
        """The text of one argument of a call."""
        if value.__class__ is _Text:
            return str(value.text)
        if isinstance(value, list) and value and value[0].__class__ is _Text:
            return f"[{', '.join(part.text for part in value)}]"
        return f"t{value.name}" if value.__class__ is Late else self.constant(value)

    def text(self, value: Any) -> str:
        """The text of a wire, a number, or a tensor that was made from nothing."""
        if value.__class__ is Wire:
            return f"t{value.name}"
        shape = getattr(value, "shape", ())
        if math.prod(shape) <= _LARGE:
            return self.constant(value)
        numbers = np.asarray(self.backend.to_numpy(value))
        if (numbers == numbers.flat[0]).all() and not np.signbit(numbers.real.astype(float)).any():
            full = self.constant(OPS["full"].native(self.backend))
            number, dtype = numbers.flat[0].item(), self.backend.dtype_of(value)
            return f"{full}({tuple(shape)}, {self.constant(number)}, {dtype!r})"
        self._large += numbers.size
        if self._large > _LARGEST:
            self.give_up("large constants.")
        return self.constant(value)

    def constant(self, value: Any) -> str:
        """The name of something that is the same each time."""
        if value is None or value.__class__ in (int, bool, str):
            return repr(value)
        name = self._numbers.setdefault(id(value), f"c{len(self._numbers)}")
        self.names[name] = value
        return name

    def text_of_result(self, value: Any) -> str:
        """The text of a tensor that is given away; a constant is copied, for its next owner may write into it."""
        if value.__class__ is Wire:
            self.wanted.add(value.name)
            return f"t{value.name}"
        return f"{self.constant(self.backend.copy)}({self.text(value)})"

    # -------------------------------------------------------------------------------- gradients

    def vjp(
        self, function: FlatFunction, primals: Sequence[Any], once: bool
    ) -> tuple[list[Any], Callable[[Sequence[Any]], list[Any]], Any]:
        """``Transforms.vjp`` by the library's own tape; notes are taken of the gradient of a scalar only."""
        tape = self.backend.tape
        assert tape is not None
        if not once:
            self.give_up("gradients that are taken several times.")

        def watch(value: Any) -> Any:
            return tape.watch(value, True)

        def gradient(y: Any, *sources: Any) -> Any:
            return list(tape.gradient([y], sources, [None], False, False))

        leaves = [self.apply(watch, primal) for primal in primals]
        outputs, aux = function(leaves)
        if len(outputs) != 1 or outputs[0].__class__ is not Wire:
            self.give_up("a gradient of several results.")
        forget = OPS["stop_gradient"].call
        aux = tree.map_structure(lambda leaf: forget(leaf) if leaf.__class__ is Wire else leaf, aux)

        def pull_back(cotangents: Sequence[Any]) -> list[Any]:
            if cotangents[0] is not None:
                self.give_up("a gradient with weights.")
            found = gradient(outputs[0].content, *map(opened, leaves))
            text = ", ".join(map(self.text, (outputs[0], *leaves)))
            name = self.line(
                f"{self.constant(gradient)}({text})", self._uses((outputs[0], *leaves))
            )
            return [
                OPS["zeros_like"].call(primal)
                if g is None
                else self.wire(g, f"t{name}[{i}]", (name,))
                for i, (g, primal) in enumerate(zip(found, primals, strict=True))
            ]

        return [forget(outputs[0])], pull_back, aux

    # -------------------------------------------------------------------------------- the function

    def body(self, together: dict[int, tuple[range, str]]) -> list[str]:
        """The lines that lead to what is wanted, each value dropped after its last use.

        Args:
            together: of names that one line gives, as in ``a, b = pair``: all of them, and the expression.
        """
        self._check_written()
        needed = set(self.wanted)
        useful = []
        for line in reversed(self.lines):
            if line[0] in needed:
                needed.update(line[2])
                useful.append(line)
        kept = set(self.wanted)
        body: list[str] = []
        for name, expression, uses in useful:  # from the last line to the first
            last = [
                f"t{use}" for use in dict.fromkeys(uses) if use not in kept and use not in together
            ]
            kept.update(uses)
            if last and body:
                body.append(f"del {', '.join(last)}")
            if name not in together:
                body.append(f"t{name} = {expression}")
                continue
            names, text = together[name]
            if name == min(other for other in names if other in needed):
                targets = [f"t{other}" if other in needed else "_" for other in names]
                body.append(f"{', '.join(targets)}, = {text}")
        body.reverse()
        return body

    def _check_written(self) -> None:
        """Nothing that may be written into can be used afterwards."""
        for decision, tensors in self._written.items():
            writers = [name for name, _, uses in self.lines if decision in uses]
            if not writers:  # the op's body, which writes into nothing
                self.wanted.discard(decision)
                continue
            after = {use for name, _, uses in self.lines if name > writers[-1] for use in uses}
            if not self.wanted.isdisjoint(tensors) or not after.isdisjoint(tensors):
                self.give_up("a weight that is used after its update.")

    def function(self, name: str, parameters: str, lines: Iterable[str]) -> Callable[..., Any]:
        """The function with these lines."""
        text = "\n    ".join([f"def program({parameters}):", *lines]) + "\n"
        exec(compile(text, f"<polynet {name}>", "exec"), self.names)
        program: Callable[..., Any] = self.names.pop("program")
        return program


def on_host(function: Callable[..., Any], *lists: Sequence[Any]) -> Any:
    """``function`` of lists of tensors, on the host: where calls are noted, it is called again each time.

    What it returns may only be passed on, as an argument of an op.
    """
    for each in lists:
        for value in each:
            if value.__class__ is Wire:
                return value.notes.on_host(function, lists)
    return function(*lists)
