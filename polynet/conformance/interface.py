"""The interface as a subject of the suite: what a backend must write, is written, and has the parameters of its op.

What the methods compute is the subject of the rows of ``ops``.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.conformance import blocking
from polynet.conformance.suite import NotApplicable, Row, Subject
from polynet.conformance.trial import has_dtype
from polynet.op import OPS, Op

_DTYPES = ("bool", "int32", "float32")
"""What no backend can do without."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of the interface: ``"arrays"``, a primitive, or ``"overrides"``, all methods for composites."""

    name: str

    @property
    def id(self) -> str:
        """The name."""
        return self.name

    @property
    def cheap(self) -> bool:
        """Nothing is computed."""
        return True


@dataclasses.dataclass
class Trial:
    """A part of the interface, on a backend."""

    part: Part
    backend: Backend

    def snippet(self) -> str:
        """A program that shows what the backend has."""
        if self.part.name in OPS and not blocking.written(self.backend, self.part.name):
            return ""
        name = "asarray" if self.part.name == "arrays" else self.part.name
        return (
            "To reproduce:\n    import polynet\n    from polynet import plugins\n\n"
            f"    print(plugins.get({self.backend.name!r}).{name})"
        )


def check_arrays(trial: Trial) -> None:
    """NumPy arrays go in and come out, in every dtype, and shape and dtype can be asked."""
    if trial.part.name != "arrays":
        raise NotApplicable("a method")
    backend = trial.backend
    lacking = [dtype for dtype in _DTYPES if dtype not in backend.dtypes]
    if lacking:
        raise AssertionError(f"dtypes: {', '.join(lacking)} must be among them.")
    for dtype in backend.dtypes:
        if dtype == "bfloat16" or not has_dtype(backend, dtype):
            continue
        for values in (np.zeros((2, 3)), np.ones(()), np.ones((0, 2)), np.eye(3)[::2].T):
            host = values.astype(dtype)
            tensor = backend.asarray(host, dtype)
            if not isinstance(tensor, backend.tensor_types):
                raise AssertionError(
                    f"asarray({dtype}): expected one of tensor_types, {backend.tensor_types}; "
                    f"got {type(tensor).__name__}."
                )
            found = backend.dtype_of(tensor), backend.shape_of(tensor)
            if found != (dtype, host.shape):
                raise AssertionError(
                    f"dtype_of and shape_of: expected {dtype} and {host.shape}; got {found[0]} and {found[1]}."
                )
            again = backend.to_numpy(tensor)
            if type(again) is not np.ndarray or again.dtype != dtype or again.shape != host.shape:
                raise AssertionError(
                    f"to_numpy({dtype}): expected an array of shape {host.shape} and that dtype; got "
                    f"{type(again).__name__} of {getattr(again, 'shape', None)}, {getattr(again, 'dtype', None)}."
                )
            if not np.array_equal(again, host):
                raise AssertionError(f"to_numpy of asarray: other values, in {dtype}.")


def check_written(trial: Trial) -> None:
    """A primitive has a method."""
    name = trial.part.name
    if name not in OPS:
        raise NotApplicable("no primitive")
    if not blocking.written(trial.backend, name):
        if not blocking.wanted(trial.backend, name):
            raise NotApplicable("the backend lacks the dtypes that it is for")
        left = blocking.missing(trial.backend)
        first = "" if name != left[0] else f" Of {len(left)} that are missing it is needed most."
        raise AssertionError(f"write {blocking.to_write(name)}{first}")


def check_signature(trial: Trial) -> None:
    """Methods have the parameters of their ops, in order, with their names and defaults."""
    name = trial.part.name
    if name == "arrays":
        raise NotApplicable("no op")
    names = [name] if name in OPS else [op.name for op in OPS.values() if not op.primitive]
    written = [each for each in names if blocking.written(trial.backend, each)]
    if not written:
        raise NotApplicable("no method")
    wrong = {each: differs(OPS[each], trial.backend) for each in written}
    complaints = [f"{each}: {complaint}" for each, complaint in wrong.items() if complaint]
    if complaints:
        raise AssertionError("\n".join(complaints))


def differs(op: Op, backend: Backend) -> str:
    """How a method's parameters differ from those of its op: one of the library's own must only take as many.

    Example:
        >>> from polynet import plugins
        >>> differs(OPS["exp"], plugins.get("numpy"))
        ''
    """
    method: Any = getattr(backend, op.name)
    package = type(backend).__module__.partition(".")[0]
    if not (getattr(method, "__module__", None) or "").startswith(package):
        try:
            inspect.signature(method).bind(*op.parameters)
        except (ValueError, TypeError) as error:
            return "" if isinstance(error, ValueError) else str(error)  # it has no signature
        return ""
    own, wanted = inspect.signature(method), inspect.signature(op.function)
    if any(p.kind is p.VAR_POSITIONAL for p in own.parameters.values()):
        return ""  # made by a function; arguments come by position
    if list(own.parameters) != list(wanted.parameters):
        return f"expected the parameters {wanted}; got {own}"
    changed = [
        p.name
        for p in own.parameters.values()
        if p.default is not p.empty and p.default != wanted.parameters[p.name].default
    ]
    return f"the defaults of {', '.join(changed)} differ: expected {wanted}" if changed else ""


def rows() -> Iterator[Part]:
    """What a backend writes."""
    yield Part("arrays")
    yield from (Part(op.name) for op in OPS.values() if op.primitive)
    yield Part("overrides")


def _tier(row: Row, check: str) -> str:
    return "nn" if row.name == "overrides" else "core"


SUBJECT = Subject(
    name="interface",
    rows=rows,
    trial=Trial,
    checks={"arrays": check_arrays, "written": check_written, "signature": check_signature},
    tier=_tier,
    names=lambda: [op.name for op in OPS.values() if op.primitive],
)
