"""Rows of the conformance suite: an op, its arguments, and an independent reference.

A row stands in a table of ``cases/``; ``checks.py`` reads it.  Tensors are described, not made: a description gives
the same numbers for the same row on every machine, since they are hashed from the row's name.  No check is made
here, and nothing but NumPy and the standard library is imported before a row is used.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

# ------------------------------------------------------------------------------------ descriptions


@dataclasses.dataclass(eq=False)
class Input:
    """A tensor that is made when a row is used; see ``array``, ``ints``, ``bools`` and ``spd``."""

    shape: tuple[int, ...]
    dtype: str
    low: float = 0.0
    high: float = 1.0
    values: Any = None
    make: str = "uniform"

    @property
    def is_float(self) -> bool:
        """Is it a floating or complex tensor, by which one can differentiate?"""
        return self.dtype.startswith(("float", "bfloat", "complex"))

    def host(self, seed: str, dtype: str | None = None) -> np.ndarray:
        """The values, in ``dtype`` or its own; bfloat16 in float32, which holds it.

        Another dtype than its own holds the same numbers as far as it can.
        """
        data: np.ndarray
        if self.values is not None:
            data = self.values
        elif self.make == "spd":
            data = _positive_definite(_uniform(seed, self.shape, -1.0, 1.0))
        elif self.dtype == "bool":
            data = _bits(seed, self.shape) & np.uint64(1)
        elif not self.is_float:
            data = _bits(seed, self.shape) % np.uint64(int(self.high) - int(self.low))
            data = data.astype("int64") + int(self.low)
        else:
            data = _uniform(seed, self.shape, self.low, self.high)
            if self.dtype.startswith("complex"):
                data = data + 1j * _uniform(seed + "/imaginary", self.shape, self.low, self.high)
        return rounded(rounded(data, self.dtype), dtype or self.dtype)

    def __str__(self) -> str:
        size = "x".join(map(str, self.shape)) or "scalar"
        if self.values is not None:
            return (
                f"{_PREFIX.get(self.dtype, self.dtype)}{size}~{_digest(repr(self.values.tolist()))}"
            )
        text = _PREFIX.get(self.dtype, self.dtype) + size
        if self.make != "uniform":
            return f"{self.make}{text}"
        if (self.low, self.high) != _RANGES["float" if self.is_float else "int"]:
            text += f"in{self.low:g}..{self.high:g}"
        return text


_RANGES = {"float": (-2.0, 2.0), "int": (-5, 6)}
_PREFIX = {
    "float32": "",
    "float64": "f64:",
    "float16": "f16:",
    "bfloat16": "bf16:",
    "complex64": "c64:",
    "complex128": "c128:",
    "bool": "bool",
    "int32": "int",
    "int8": "i8:",
    "int16": "i16:",
    "int64": "i64:",
    "uint8": "u8:",
    "uint16": "u16:",
    "uint32": "u32:",
    "uint64": "u64:",
}


def array(
    *shape: int, dtype: str = "float32", low: float = -2.0, high: float = 2.0, values: Any = None
) -> Input:
    """A tensor of numbers uniform between ``low`` and ``high``, or of the given values.

    Example:
        >>> array(2, 3).host("a seed").shape
        (2, 3)
    """
    return _described(shape, dtype, low, high, values)


def ints(
    *shape: int, low: int = -5, high: int = 6, dtype: str = "int32", values: Any = None
) -> Input:
    """A tensor of integers from ``low`` to ``high - 1``; of unsigned ones from 0 on.

    Example:
        >>> ints(3, low=1, high=2).host("a seed")
        array([1, 1, 1], dtype=int32)
    """
    if dtype.startswith("uint") and low < 0:
        low = 0
    return _described(shape, dtype, low, high, values)


def bools(*shape: int, values: Any = None) -> Input:
    """A tensor of truth values.

    Example:
        >>> bools(2, values=[True, False]).host("a seed")
        array([ True, False])
    """
    return _described(shape, "bool", *_RANGES["int"], values)


def spd(n: int, batch: Sequence[int] = (), dtype: str = "float32") -> Input:
    """Symmetric, positive definite matrices of ``n`` rows, well conditioned.

    Example:
        >>> bool(np.linalg.eigvalsh(spd(3).host("a seed")).min() > 0)
        True
    """
    return Input((*batch, n, n), dtype, make="spd")


def _described(shape: tuple[int, ...], dtype: str, low: float, high: float, values: Any) -> Input:
    if values is not None:
        values = np.array(values)
        if shape and shape != values.shape:
            raise ValueError(f"values: expected shape {shape}; got {values.shape}.")
        shape = values.shape
    return Input(tuple(shape), dtype, low, high, values)


# ------------------------------------------------------------------------------------ data

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _bits(seed: str, shape: tuple[int, ...]) -> np.ndarray:
    """64 bits an element: SplitMix64, started at a hash of the seed."""
    size = int(np.prod(shape, dtype="int64"))
    start = np.frombuffer(hashlib.blake2b(seed.encode(), digest_size=8).digest(), "<u8")[0]
    with np.errstate(over="ignore"):
        z = start + np.arange(1, size + 1, dtype="uint64") * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits: np.ndarray = (z ^ (z >> np.uint64(31))).reshape(shape)
    return bits


def _uniform(seed: str, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    numbers: np.ndarray = low + (high - low) * ((_bits(seed, shape) >> np.uint64(11)) * 2.0**-53)
    return numbers


def _positive_definite(a: np.ndarray) -> np.ndarray:
    """``a aᵀ / n + 1``, rounded to 20 bits, so that the order of the sum does not matter."""
    n = a.shape[-1]
    product = np.einsum("...ik,...jk->...ij", a, a) / n + np.eye(n)
    result: np.ndarray = np.round(product * 2.0**20) / 2.0**20
    return result


def rounded(x: np.ndarray, dtype: str) -> np.ndarray:
    """``x`` in a dtype that NumPy has: values of bfloat16 stay in float32.

    Example:
        >>> float(rounded(np.array(1.01), "bfloat16"))
        1.0078125
    """
    if dtype == "bfloat16":
        bits = x.astype("float32").view("uint32")
        even = (bits >> np.uint32(16)) & np.uint32(1)
        short = (bits + np.uint32(0x7FFF) + even) & np.uint32(0xFFFF0000)
        return np.where(np.isfinite(x), short.view("float32"), x).astype("float32")
    with np.errstate(invalid="ignore", over="ignore"):
        return x.astype(dtype)


# ------------------------------------------------------------------------------------ rows


class Case:
    """One row; ``case`` and ``bad`` make them."""

    def __init__(
        self,
        op: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        reference: str | None = None,
        grad: bool | int = True,
        why: str | None = None,
        tolerance: tuple[float, float] | None = None,
        label: str | None = None,
        error: type[Exception] | None = None,
        match: str = "",
    ) -> None:
        self.op = op
        self.reference = reference
        self.order = 2 if grad is True else int(grad)
        self.why = why
        self.tolerance = tolerance
        self.error = error
        self.match = match
        self.thorough = True
        """Is everything tried that costs much time? Not for all rows of an op; see ``rows``."""
        self._given = args, dict(kwargs)
        described = [_described_value(arg) for arg in args]
        described += [f"{name}={_described_value(value)}" for name, value in kwargs.items()]
        if label:
            described = [*described[:1], label.replace(" ", "_")]
        elif error is not None:
            described.append("bad")
        self.id = "-".join([op, *described])
        if len(self.id) > 100:
            self.id = f"{self.id[:90]}~{_digest(self.id)}"

    def __repr__(self) -> str:
        return f"<case {self.id}>"

    @property
    def name(self) -> str:
        """The public name that the row is about."""
        return self.op

    @property
    def cheap(self) -> bool:
        """Is the row worth no choice between it and others? A wrong call computes nothing."""
        return self.error is not None

    @functools.cached_property
    def function(self) -> Callable[..., Any]:
        """The op, as users call it."""
        return resolve(self.op)

    @functools.cached_property
    def bound(self) -> inspect.BoundArguments:
        """The arguments by the op's parameter names, defaults filled in, with descriptions for tensors."""
        args, kwargs = self._given
        try:
            bound = inspect.signature(self.function).bind(*args, **kwargs)
        except TypeError as error:
            if self.error is None:
                raise TypeError(f"{self.id}: {error}") from None
            raise
        bound.apply_defaults()
        return bound

    @functools.cached_property
    def inputs(self) -> list[Input]:
        """The descriptions among the arguments, in order."""
        found: list[Input] = []
        _fill(self._given, lambda each: found.append(each))
        return found

    def host(self, dtypes: Callable[[Input], str | None] = lambda each: None) -> list[np.ndarray]:
        """The data of ``inputs``, each in the dtype that is given for it."""
        return [each.host(f"{self.id}/{i}", dtypes(each)) for i, each in enumerate(self.inputs)]

    def arguments(self, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments with ``leaves`` in the places of ``inputs``."""
        rest = iter(leaves)
        args, kwargs = _fill(self._given, lambda each: next(rest))
        return args, kwargs

    def named(self, leaves: Sequence[Any]) -> dict[str, Any]:
        """Every argument by its parameter's name, as references read them."""
        args, kwargs = self.arguments(leaves)
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)


def case(
    op: str,
    *args: Any,
    reference: str,
    grad: bool | int = True,
    why: str | None = None,
    tolerance: tuple[float, float] | None = None,
    label: str | None = None,
    **kwargs: Any,
) -> Case:
    """A row: what ``op`` gives for these arguments.

    Args:
        op: the op's name in ``polynet.ops``.
        args: its arguments; descriptions stand for tensors, also inside lists, tuples and dicts.
        reference: the expected result, an expression in the op's parameter names.
        grad: are gradients checked? ``1``: of the first order only.
        why: the reason of ``grad=False``.
        tolerance: relative and absolute error in float32, where the default is too strict; an absolute one of 0 stays
            0, for results that are small.
        label: takes the place of the arguments in the row's name.
        kwargs: its arguments by name.

    Example:
        >>> case("logsumexp", array(3, 4), axis=-1, reference="np.log(np.exp(x).sum(axis))").id
        'logsumexp-3x4-axis=-1'
    """
    if grad is not True and not why:
        raise ValueError(f"case({op!r}): grad={grad!r} needs a reason: why='...'.")
    return Case(
        op, args, kwargs, reference=reference, grad=grad, why=why, tolerance=tolerance, label=label
    )


def bad(
    op: str, *args: Any, error: type[Exception], match: str, label: str | None = None, **kwargs: Any
) -> Case:
    """A row of wrong arguments: the class of the error, and what its first line says (or a pattern).

    Example:
        >>> bad("softmax", array(), error=ValueError, match="a 0-d tensor has no axis").id
        'softmax-scalar-bad'
    """
    return Case(op, args, kwargs, error=error, match=match, label=label, grad=False)


def resolve(name: str) -> Callable[..., Any]:
    """The op of that name, as users call it: in ``polynet.ops``, else one that has no public name."""
    from polynet import ops
    from polynet.op import OPS

    found: Any = ops
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None and name in OPS:
        found = OPS[name].call
    if found is None:
        raise AttributeError(f"polynet.ops has no {name!r}, for which there is a row.")
    function: Callable[..., Any] = found
    return function


def rows(subjects: Sequence[str] | None = None) -> Iterator[Case]:
    """The rows of all tables in ``cases/``, or of some of them.

    Example:
        >>> next(rows(["activations"])).op
        'celu'
    """
    from polynet.conformance import cases

    names = subjects or sorted(module.name for module in pkgutil.iter_modules(cases.__path__))
    seen: dict[str, str] = {}
    met: Counter[str] = Counter()
    for name in names:
        table = importlib.import_module(f"{cases.__name__}.{name}")
        for row in (*table.CASES, *getattr(table, "BAD", ())):
            if seen.get(row.id) == name:
                raise ValueError(
                    f"{table.__name__}: two rows are called {row.id!r}; give one a label."
                )
            if row.id not in seen:  # the same call in two tables says nothing new
                seen[row.id] = name
                met[row.op] += row.error is None
                row.thorough = met[row.op] <= 3
                yield row


def find(name: str) -> Case:
    """The row of that name.

    Example:
        >>> find("celu-2x3x4")
        <case celu-2x3x4>
    """
    return next(row for row in rows() if row.id == name)


# ------------------------------------------------------------------------------------ inside


def _fill(value: Any, replace: Callable[[Input], Any]) -> Any:
    """``value`` with its descriptions replaced, in order."""
    if isinstance(value, Input):
        return replace(value)
    if type(value) is list or type(value) is tuple:
        return type(value)(_fill(entry, replace) for entry in value)
    if type(value) is dict:
        return {key: _fill(entry, replace) for key, entry in value.items()}
    return value


def _described_value(value: Any) -> str:
    if isinstance(value, Input):
        return str(value)
    if isinstance(value, list | tuple):
        inner = ",".join(map(_described_value, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, dict):
        return (
            "{" + ",".join(f"{key}:{_described_value(entry)}" for key, entry in value.items()) + "}"
        )
    if isinstance(value, np.ndarray):
        return f"numpy{value.dtype}{value.shape}~{_digest(repr(value.tolist()))}".replace(" ", "")
    if callable(value):
        return getattr(value, "__name__", type(value).__name__).strip("<>")
    return str(value).replace(" ", "")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=3).hexdigest()
