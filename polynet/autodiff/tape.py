"""``GradientTape``: TensorFlow's meaning, on every backend.

Where the backend brings a tape of its own (``Backend.tape``), values are watched natively; elsewhere they are boxes.
The rules of gradients are beside the ops; functions such as ``grad`` are in ``functions.py``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from polynet import dtypes, plugins, tree
from polynet.autodiff.box import Box, Recorder, is_differentiable, pull_back, zeros
from polynet.op import OPS
from polynet.tensor import Traced
from polynet.values import dtype_of, shape_of
from polynet.variable import Item, Observer, Variable, start_observing, stop_observing


class GradientTape(Observer):
    """Records what is computed inside its block, to differentiate it afterwards.

    Trainable variables are watched by themselves; other tensors by ``x = tape.watch(x)``.

    Args:
        persistent: may ``gradient`` be called more than once?
        watch_accessed_variables: are trainable variables watched when they are read?

    Example:
        >>> import polynet
        >>> x = polynet.Variable(3.0)
        >>> with polynet.GradientTape() as tape:
        ...     y = x * x
        >>> float(tape.gradient(y, x))
        6.0
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._watch_accessed = watch_accessed_variables
        self._open = False
        self._start()

    def _start(self) -> None:
        self._used = False
        self._paused = 0
        self._recorder = Recorder()
        self._variables: dict[
            int, tuple[Variable, Any, Any]
        ] = {}  # variable, its stand-in, the value it had
        self._constants: dict[int, tuple[Any, Any]] = {}
        self._native: dict[str, Any] = {}

    # ------------------------------------------------------------------------------ the block

    def __enter__(self) -> GradientTape:
        if self._open:
            raise ValueError(
                "this GradientTape is recording already; use another one for a nested block."
            )
        self._open = True
        self._recorder.recording = True
        start_observing(self)
        return self

    def __exit__(self, *exc: Any) -> None:
        self._open = False
        self._recorder.recording = False
        stop_observing(self)

    def __del__(self) -> None:
        if getattr(self, "_constants", None):
            self._release()

    def reset(self) -> None:
        """Forget everything recorded so far."""
        self._release()
        self._start()

    def stop_recording(self) -> Any:
        """A block whose computations are not recorded."""
        return _Paused(self)

    # ------------------------------------------------------------------------------ watching

    def watch(self, tensor: Any) -> Any:
        """Watch a tensor, or a tree of them; returns what to compute with.

        Example:
            >>> import polynet
            >>> from polynet import ops
            >>> with polynet.GradientTape() as tape:
            ...     x = tape.watch(ops.array(3.0))
            ...     y = x * x
            >>> float(tape.gradient(y, x))
            6.0
        """
        return tree.map_structure(self._watch, tensor)

    def _watch(self, x: Any) -> Any:
        if isinstance(x, Item):
            x = x.value
        if isinstance(x, Variable):
            if id(x) not in self._variables:
                value = _value_below(x, self)
                self._variables[id(x)] = (x, self._new_source(x, value), value)
            return x
        if isinstance(x, bool | int | float | complex | list):
            x = OPS["stack"].call(x) if isinstance(x, list) else OPS["add"].call(x, 0)
        if not is_differentiable(x):
            raise TypeError(
                f"watch: expected a tensor of a floating dtype; got {dtype_of(x)}. Cast it with ops.cast(x, 'float32')."
            )
        if isinstance(x, Box) and x.recorder is self._recorder:
            return x
        watched = self._new_source(None, x)
        self._constants[id(x)] = (x, watched)
        if watched is not x:
            self._constants[id(watched)] = (watched, watched)
        return watched

    def _new_source(self, variable: Variable | None, value: Any) -> Any:
        """The watched stand-in of a value: the library's own, or a box."""
        backend = variable._backend if variable is not None else plugins.owner(value)
        if backend is not None and backend.tape is not None and not isinstance(value, Box):
            return backend.tape.watch(value, copy=variable is not None)
        return self._recorder.source(value)

    def watched_variables(self) -> tuple[Variable, ...]:
        """The variables that were watched so far, in the order of their first use."""
        return tuple(variable for variable, _, _ in self._variables.values())

    def read(self, variable: Variable, value: Any) -> Any:
        """What a reader of a variable gets while the tape is open."""
        if self._paused or not self._open:
            return value
        known = self._variables.get(id(variable))
        if known is None:
            if not (self._watch_accessed and variable.trainable and variable.differentiable):
                return value
            known = self._variables[id(variable)] = (
                variable,
                self._new_source(variable, value),
                value,
            )
        _, source, before = known
        if before is value:
            return source
        if isinstance(source, Box):  # assigned since: the same source, another value
            return Box(value, self._recorder, source.index, value.dtype)
        assert variable._backend.tape is not None
        return variable._backend.tape.reread(source, value)

    # ------------------------------------------------------------------------------ gradients

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """The derivative of ``target`` (summed, when it has several elements) by each source.

        Args:
            target: a tensor or a tree of them.
            sources: a variable or watched tensor, or a tree of them; the result has the same structure.
            output_gradients: weights of the target's elements, ones by default.
            unconnected_gradients: what a source gets on which the target does not depend: ``"none"`` or ``"zero"``.
        """
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(
                f"unconnected_gradients: expected 'none' or 'zero'; got {unconnected_gradients!r}."
            )
        if self._used:
            raise RuntimeError(
                "a non-persistent GradientTape can compute one set of gradients only. "
                "Use GradientTape(persistent=True), or ask for all sources at once."
            )
        targets = [t.value if isinstance(t, Item) else t for t in _leaves(target)]
        if output_gradients is None:
            weights = [None] * len(targets)
        else:
            weights = _leaves(output_gradients) if tree.is_nested(target) else [output_gradients]
        if len(weights) != len(targets):
            raise ValueError(
                f"output_gradients: expected {len(targets)}, one a target; got {len(weights)}."
            )
        wanted = _leaves(sources)
        for source in wanted:
            if not isinstance(source, Variable) or not source.differentiable:
                _check_source(source)
        found = self._gradients(targets, wanted, weights)
        if not self._persistent:
            self._used = True
            self._recorder.entries = []
            self._forget()
        if unconnected_gradients == "zero":
            found = [
                zeros(shape_of(source), dtype_of(source)) if g is None else g
                for g, source in zip(found, wanted, strict=True)
            ]
        return (
            found
            if type(sources) is list and len(found) == len(sources)
            else tree.pack_sequence_as(sources, found)
        )

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """A block in which ``gradient`` may be called many times; a tape that is not persistent is used up by it."""
        persistent, self._persistent = self._persistent, True
        try:
            yield
        finally:
            self._persistent = persistent
        if not persistent:
            self._used = True
            self._recorder.entries = []
            self._forget()

    def _forget(self) -> None:
        """Drop what keeps tensors alive, once nothing more can be asked."""
        for key, known in self._variables.items():
            self._variables[key] = (known[0], None, None)
        if self._constants:
            self._release()
            self._constants.clear()

    def _release(self) -> None:
        for _, watched in self._constants.values():
            backend = plugins.owner(watched)
            if backend is not None and backend.tape is not None:
                backend.tape.release(watched)

    def _gradients(self, targets: list[Any], wanted: list[Any], weights: list[Any]) -> list[Any]:
        sources = [self._source(source) for source in wanted]
        found: list[Any] = [None] * len(sources)
        boxes, native = [], []
        for i, target in enumerate(targets):
            if target.__class__ is Box:
                target = self._peeled(target)
            if self._is_mine(target):
                boxes.append((target, weights[i]))
            elif isinstance(target, Variable):
                self._own_target(target, wanted, found)
            elif target.__class__ is not Box:
                native.append((target, weights[i]))
        if boxes:
            entries = [source.index for source in sources if source.__class__ is Box]
            if entries:
                seeds = [(box.index, _seed(box.value, weight)) for box, weight in boxes]
                gradients = pull_back(self._recorder, seeds, entries)
                for i, source in enumerate(sources):
                    if source.__class__ is Box and source.index in gradients:
                        found[i] = _uphill(gradients[source.index])
        if native:
            self._native_gradients(native, sources, found)
            self._explain_unused(targets, wanted, found)
        return found

    def _peeled(self, target: Any) -> Any:
        """A target without what the tapes inside of this one put around it."""
        while target.__class__ is Box and target.recorder.order > self._recorder.order:
            target = target.value
        return target

    def _own_target(self, target: Variable, wanted: list[Any], found: list[Any]) -> None:
        for i, source in enumerate(wanted):
            if source is target:
                found[i] = OPS["full"].call(target.shape, 1, target.dtype)

    def _native_gradients(
        self, native: list[tuple[Any, Any]], sources: list[Any], found: list[Any]
    ) -> None:
        """Fill in what the library's own tape knows."""
        places = [
            i
            for i, source in enumerate(sources)
            if source is not None and source.__class__ is not Box
        ]
        if not places:
            return
        tape = plugins.backend_of(sources[places[0]]).tape
        assert tape is not None
        nested = bool(_others_open(self))
        results = tape.gradient(
            [target for target, _ in native],
            [sources[i] for i in places],
            [weight for _, weight in native],
            keep=self._persistent or nested,
            higher=self._open or nested,
        )
        for i, g in zip(places, results, strict=True):
            found[i] = g

    def _is_mine(self, target: Any) -> bool:
        return isinstance(target, Box) and target.recorder is self._recorder

    def _source(self, source: Any) -> Any:
        """What stands for a source in the recording; ``None`` when it was not watched."""
        if isinstance(source, Variable):
            return self._variables.get(id(source), (source, None, None))[1]
        if self._is_mine(source):
            return source
        known = self._constants.get(id(source))
        if known is not None:
            return known[1]
        backend = plugins.owner(source)
        if backend is not None and backend.tape is not None and backend.tape.is_recorded(source):
            return source
        return None

    def _explain_unused(self, targets: list[Any], wanted: list[Any], found: list[Any]) -> None:
        """A watched tensor that was used only in its raw form is a mistake, not a missing connection."""
        for source, g in zip(wanted, found, strict=True):
            known = None if isinstance(source, Variable | Box) else self._constants.get(id(source))
            if (
                g is None
                and known is not None
                and isinstance(known[1], Box)
                and not any(map(self._is_mine, targets))
            ):
                raise ValueError(
                    "the target was not recorded: compute it with the value that watch returns, "
                    "x = tape.watch(x), since the tensor itself is a plain array that no tape can see."
                )

    # ------------------------------------------------------------------------------ jacobians

    def jacobian(self, target: Any, sources: Any, unconnected_gradients: str = "none") -> Any:
        """The derivative of each element of ``target`` by each element of the sources.

        The result of a source has the shape ``target.shape + source.shape``.
        """
        from polynet.autodiff.functions import stacked_gradients

        return stacked_gradients(self, target, sources, unconnected_gradients)

    def batch_jacobian(self, target: Any, source: Any, unconnected_gradients: str = "none") -> Any:
        """The Jacobian of each example by itself: from (batch, ...) and (batch, ...) to (batch, ..., ...).

        Example i of the target must depend on example i of the source only.
        """
        from polynet.autodiff.functions import batch_stacked_gradients

        return batch_stacked_gradients(self, target, source, unconnected_gradients)


def _leaves(structure: Any) -> list[Any]:
    """``tree.flatten``, at once for the common flat cases."""
    if isinstance(structure, Traced):
        return [structure]
    if type(structure) is list and all(isinstance(leaf, Traced) for leaf in structure):
        return structure
    return tree.flatten(structure)


class _Paused:
    """The block of ``GradientTape.stop_recording``."""

    def __init__(self, tape: GradientTape) -> None:
        self._tape = tape
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> None:
        self._tape._paused += 1
        self._tape._recorder.recording = False
        native = plugins.current().tape
        if native is not None:
            self._stack.enter_context(native.pause())

    def __exit__(self, *exc: Any) -> None:
        self._stack.close()
        self._tape._paused -= 1
        self._tape._recorder.recording = self._tape._open and not self._tape._paused


def _others_open(tape: GradientTape) -> Sequence[Observer]:
    from polynet.variable import observers

    return [other for other in observers() if isinstance(other, GradientTape) and other is not tape]


def _value_below(variable: Variable, tape: GradientTape) -> Any:
    """The variable's value as the observers outside of ``tape`` give it."""
    from polynet.variable import observers

    value = variable._value
    for observer in observers():
        if observer is tape:
            break
        value = observer.read(variable, value)
    return value


def _seed(value: Any, weight: Any) -> Any:
    if weight is None:
        return value.shape, value.dtype
    return OPS["broadcast_to"].call(OPS["cast"].call(weight, dtype_of(value)), shape_of(value))


def _uphill(g: Any) -> Any:
    """The gradient that descent subtracts: of complex values the conjugate of what the rules give."""
    return OPS["conj"].call(g) if dtypes.is_complex(dtype_of(g)) else g


def _check_source(source: Any) -> None:
    if source is None or isinstance(source, str | bool | int | float):
        raise TypeError(
            f"sources: expected variables or watched tensors; got {type(source).__name__}."
        )
    dtype = dtype_of(source)
    if not (dtypes.is_float(dtype) or dtypes.is_complex(dtype)):
        raise TypeError(f"sources: expected a floating dtype; got {dtype}, which has no gradient.")
