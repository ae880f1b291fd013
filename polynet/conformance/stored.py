"""What the subjects beyond ops share: stored results, comparison with them, and rows about wrong calls.

Stored results lie in ``golden/``, each file with its origin; ``tests/oracle/write_golden.py`` writes them, so that the
suite needs no library but the one that it looks at.  Nothing about one subject, and no row, belongs here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from polynet.backend import Backend
from polynet.conformance.suite import NotApplicable, Subject
from polynet.conformance.trial import has_double
from polynet.values import dtype_of

GOLDEN = Path(__file__).parent / "golden"


@functools.cache
def golden(name: str) -> dict[str, Any]:
    """The stored results of a table, by the ids of its rows."""
    path = GOLDEN / f"{name}.json"
    rows: dict[str, Any] = json.loads(path.read_text("utf-8"))["rows"] if path.exists() else {}
    return rows


def expected(name: str, row: str) -> Any:
    """The stored result of a row; a row without one fails."""
    found = golden(name)
    if row not in found:
        raise AssertionError(
            f"golden/{name}.json has no result for this row. tests/oracle/write_golden.py writes it."
        )
    return found[row]


# ------------------------------------------------------------------------------------ comparison


def host(x: Any) -> np.ndarray:
    """A tensor on the host; bfloat16 as float32."""
    import polynet

    if dtype_of(x) == "bfloat16":
        x = polynet.ops.cast(x, "float32")
    return np.asarray(polynet.ops.convert_to_numpy(x))


def near(found: Any, wanted: Any, what: str, rtol: float = 1e-6, atol: float = 1e-6) -> None:
    """Raise ``AssertionError`` unless two arrays have one shape and near values."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape:
        raise AssertionError(f"{what}: expected shape {wanted.shape}; got {found.shape}.")
    if found.size == 0:
        return
    wide = "complex128" if "c" in found.dtype.kind + wanted.dtype.kind else "float64"
    one, other = found.astype(wide), wanted.astype(wide)
    with np.errstate(all="ignore"):
        off = np.abs(one - other)
        wrong = ~(np.equal(one, other) | (off <= atol + rtol * np.abs(other)))
        wrong &= ~(np.isnan(one) & np.isnan(other))
    if wrong.any():
        sizes = np.where(np.isnan(off), np.inf, off)
        place = tuple(map(int, np.unravel_index(int(np.argmax(wrong * sizes)), off.shape)))
        raise AssertionError(
            f"{what}: {int(wrong.sum())} of {wrong.size} values differ; at {list(place)} expected "
            f"{other[place]:.9g}, got {one[place]:.9g} (off by {off[place]:.3g})."
        )


def equal(found: Any, wanted: Any, what: str) -> None:
    """Raise ``AssertionError`` unless two things are the same; arrays in each bit."""
    if isinstance(found, np.ndarray) or isinstance(wanted, np.ndarray):
        found, wanted = np.asarray(found), np.asarray(wanted)
        if found.dtype != wanted.dtype:
            raise AssertionError(f"{what}: expected {wanted.dtype}; got {found.dtype}.")
        near(found, wanted, what, 0.0, 0.0)
    elif found != wanted:
        raise AssertionError(f"{what}: expected {wanted!r}; got {found!r}.")


def digest(x: Any) -> str:
    """A few characters that change with the shape, the dtype or any bit of a tensor."""
    values = host(x)
    content = f"{values.shape} {values.dtype}".encode() + np.ascontiguousarray(values).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def needs_double(backend: Backend) -> None:
    """Raise ``NotApplicable`` if the backend has no float64, as it is set up."""
    if not has_double(backend):
        raise NotApplicable(f"no float64: {backend.explain_dtype('float64')}")


def needs_compiler(backend: Backend) -> None:
    """Raise ``NotApplicable`` if the backend compiles nothing by itself."""
    if backend.transforms is None or not backend.compiles:
        raise NotApplicable("the backend does not compile by itself")


# ------------------------------------------------------------------------------------ wrong calls


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A call that must fail, and how.

    Args:
        name: the public name that it is about.
        call: the call as text, with the names of `polynet` and ``np``.
        error: the class, of ``polynet.errors`` or Python's own.
        says: the first line of the message.
    """

    name: str
    call: str
    error: str
    says: str
    cheap: ClassVar[bool] = True

    @property
    def id(self) -> str:
        """The call without blanks, after what it is about."""
        return f"wrong-{self.name}-" + self.call.replace(" ", "").replace("'", "").replace('"', "")


def names() -> dict[str, Any]:
    """What the text of a call may name."""
    import polynet

    pages = "activations initializers layers losses metrics ops optimizers random"
    found = {page: importlib.import_module(f"polynet.{page}") for page in pages.split()}
    return {**found, "polynet": polynet, "np": np, "nan": float("nan"), "inf": float("inf")}


def check_wrong(row: Wrong) -> None:
    """The class and first line of what a call raises."""
    import polynet

    polynet.backend.clear_session(free_memory=False)
    try:
        with np.errstate(all="ignore"):
            eval(row.call, names())
    except Exception as error:
        kind, text = type(error).__name__, next(iter(str(error).splitlines()), "")
    else:
        raise AssertionError(f"expected {row.error}: {row.says}; nothing was raised.")
    equal(kind, row.error, f"the class of the error ({text})")
    equal(text, row.says, "the first line of the message")


class WrongTrial:
    """A wrong call on a backend."""

    def __init__(self, row: Wrong, backend: Backend) -> None:
        self.row = row
        self.backend = backend

    def snippet(self) -> str:
        """A program that makes the call, to paste into an interpreter."""
        page = next((page for page in names() if f"{page}." in self.row.call), "ops")
        return program(
            self.backend,
            "from numpy import inf, nan",
            f"from polynet import {', '.join(sorted({page, 'ops'}))}",
            "",
            self.row.call,
            f"# expected {self.row.error}: {self.row.says}",
        )


def subject(
    name: str,
    rows: Callable[[], Iterable[Any]],
    trial: Callable[[Any, Backend], Any],
    checks: Mapping[str, Callable[[Any], None]],
    tier: Callable[[Any, str], str],
    names: Callable[[], Iterable[str]],
    exempt: Mapping[str, str] | None = None,
    checks_of: Callable[[Any], Iterable[str]] | None = None,
) -> Subject:
    """A subject with rows about wrong calls among its own, of which only the error is looked at; see ``Subject``."""

    def listed(row: Any) -> Iterable[str]:
        if isinstance(row, Wrong):
            return ["errors"]
        return checks if checks_of is None else checks_of(row)

    return Subject(
        name=name,
        rows=functools.cache(lambda: unique(rows())),
        trial=lambda row, backend: (WrongTrial if isinstance(row, Wrong) else trial)(row, backend),
        checks={**checks, "errors": lambda trial: check_wrong(trial.row)},
        checks_of=listed,
        tier=tier,
        names=names,
        exempt=exempt or {},
    )


# ------------------------------------------------------------------------------------ programs


def program(backend: Backend, *lines: str) -> str:
    """Lines to paste into an interpreter, after those that every program needs."""
    head = ["import numpy as np", "import polynet", f"polynet.set_backend({backend.name!r})"]
    return "To reproduce:\n" + textwrap.indent("\n".join([*head, *lines]), "    ")


def literal(value: Any) -> str:
    """A value of a row as source text."""
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()}, {str(value.dtype)!r})"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(literal, value)) + (",)" if len(value) == 1 else ")")
    return repr(value)


def keywords(arguments: Mapping[str, Any]) -> str:
    """Arguments as they are written in a call."""
    return ", ".join(f"{name}={literal(value)}" for name, value in arguments.items())


def text(value: Any) -> str:
    """A value as a part of a row's id: short, without blanks."""
    if isinstance(value, np.ndarray):
        return "x".join(map(str, value.shape))
    if isinstance(value, list) and any(isinstance(entry, np.ndarray) for entry in value):
        return "+".join(map(text, value))
    if isinstance(value, dict):
        return ",".join(f"{name}:{text(entry)}" for name, entry in value.items())
    return str(value).replace(" ", "").replace("'", "")


def unique(rows: Iterable[Any]) -> list[Any]:
    """The rows, after a look whether their ids are."""
    found: dict[str, Any] = {}
    for row in rows:
        if row.id in found:
            raise ValueError(f"two rows have the id {row.id!r}.")
        found[row.id] = row
    return list(found.values())


@contextlib.contextmanager
def begin_anew(seed: int = 0) -> Iterator[None]:
    """A block in which automatic names and random numbers begin anew."""
    import polynet

    polynet.backend.clear_session(free_memory=False)
    polynet.utils.set_random_seed(seed)
    yield
