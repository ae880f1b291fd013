"""Are results what was expected?  Comparison of tensors, on the host, with a tolerance for each dtype.

Nothing here runs an op; ``checks.py`` says what is compared with what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet import dtypes, testing, tree
from polynet.values import dtype_of

TOLERANCES = {
    "float64": (1e-10, 1e-12),
    "float32": (1e-5, 1e-6),
    "float16": (1e-2, 1e-2),
    "bfloat16": (5e-2, 5e-2),
}
"""Relative and absolute error of a result, by the shortest dtype on the way to it."""

ERRORS: dict[str, float] = {}
"""The largest error that ``compare`` has let pass, by dtype: absolute below 1, relative above."""

UNKNOWN = 720720
"""Inferred lengths from here on stand for those that depend on values."""

# ------------------------------------------------------------------------------------ results


def results(value: Any) -> list[Any]:
    """The leaves of what an op returned."""
    return list(tree.flatten(value))


def is_tensor(value: Any) -> bool:
    """Has it a shape and a dtype?"""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def is_continuous(value: Any) -> bool:
    """Is it a tensor of a floating or complex dtype?"""
    return is_tensor(value) and (
        dtypes.is_float(dtype_of(value)) or dtypes.is_complex(dtype_of(value))
    )


def to_hosts(leaves: Sequence[Any]) -> list[Any]:
    """Results on the host."""
    return [testing.to_numpy(leaf) if is_tensor(leaf) else leaf for leaf in leaves]


def paired(one: Sequence[Any], other: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Two lists of results side by side."""
    if len(one) != len(other):
        raise AssertionError(f"expected {len(other)} results; got {len(one)}.")
    return list(zip(one, other, strict=True))


def matched(expected: Any, found: Sequence[Any]) -> list[Any]:
    """What a reference returned, as a list like ``found``."""
    if len(found) == 1:
        if isinstance(expected, list | tuple) and is_tensor(found[0]):
            expected = (
                expected[0] if len(expected) == 1 and np.ndim(expected[0]) else np.asarray(expected)
            )
        return [expected]
    flat: list[Any] = []

    def collect(value: Any) -> None:
        if isinstance(value, list | tuple):
            for entry in value:
                collect(entry)
        elif isinstance(value, dict):
            for key in sorted(value):
                collect(value[key])
        else:
            flat.append(value)

    collect(expected)
    return flat


def same(one: Any, other: Any) -> bool:
    """Are two results equal, arrays bit for bit?"""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        one, other = np.asarray(one), np.asarray(other)
        return (
            one.shape == other.shape
            and one.dtype == other.dtype
            and one.tobytes() == other.tobytes()
        )
    return bool(one == other)


def kind(dtype: str) -> str:
    """What sort of numbers a dtype holds: a reference may write whole numbers as floats."""
    return "bool" if dtype == "bool" else "complex" if dtype.startswith("complex") else "real"


# ------------------------------------------------------------------------------------ comparing


def compare(
    found: Sequence[Any],
    expected: Sequence[Any],
    what: str,
    than: str = "",
    inputs: Sequence[str] = (),
    loose: tuple[float, float] | None = None,
    factor: float = 1.0,
) -> None:
    """Raise ``AssertionError`` if results are not close to NumPy values; integers and bools must be equal.

    Args:
        inputs: the dtypes that the results were computed from.
        loose: the tolerance in float32, where the default is too strict.
        factor: of the tolerance.
    """
    for i, (leaf, value) in enumerate(paired(found, expected)):
        name = what if len(found) == 1 else f"{what} {i}"
        if not is_tensor(leaf):
            if not same(leaf, value):
                raise AssertionError(f"{name}: expected {value!r}; got {leaf!r}.")
            continue
        got, wanted = testing.to_numpy(leaf), np.asarray(value)
        if got.shape != wanted.shape:
            raise AssertionError(f"{name}: expected shape {wanted.shape}; got {got.shape}.")
        rtol, atol = tolerance([dtype_of(leaf), *inputs], loose)
        complaint = difference(got, wanted, rtol * factor, atol * factor)
        if complaint:
            raise AssertionError(f"{name}: {complaint}{f' ({than} comes second)' if than else ''}")
        if is_continuous(leaf):
            note(dtype_of(leaf), got, wanted)


def note(dtype: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Keep the error of a result in ``ERRORS`` if it is the largest of its dtype."""
    with np.errstate(all="ignore"):
        wide = expected.astype("complex128" if expected.dtype.kind == "c" else "float64")
        errors = np.abs(found - wide) / np.maximum(np.abs(wide), 1.0)
    errors = errors[np.isfinite(errors)]
    ERRORS[dtype] = max(ERRORS.get(dtype, 0.0), float(errors.max(initial=0.0)))


def difference(found: np.ndarray, expected: np.ndarray, rtol: float, atol: float) -> str:
    """Where two arrays differ by more than a tolerance, in words; nothing if they do not."""
    if found.dtype.kind in "biu" and expected.dtype.kind in "biu":
        wrong = found != expected
    else:
        wide = "complex128" if "c" in (found.dtype.kind, expected.dtype.kind) else "float64"
        a, b = (found.astype(wide), expected.astype(wide))
        parts = [(a.real, b.real), (a.imag, b.imag)] if wide == "complex128" else [(a, b)]
        with np.errstate(all="ignore"):
            wrong = np.zeros(found.shape, bool)
            for one, other in parts:
                close = np.abs(one - other) <= atol + rtol * np.abs(b)
                wrong |= ~(close | (one == other) | (np.isnan(one) & np.isnan(other)))
    if not wrong.any():
        return ""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f" at {place}" if place else ""
    return (
        f"{int(wrong.sum())} of {wrong.size} elements differ; the first{where}: got {found[place]!s}, "
        f"expected {expected[place]!s} (rtol {rtol:g}, atol {atol:g})."
    )


def tolerance(
    kinds: Sequence[str], loose: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Relative and absolute error, by the shortest floating dtype among ``kinds``.

    ``loose`` is for where the default is too strict; an absolute error of 0 stays 0.
    """
    real = [
        dtypes.real_of(each) for each in kinds if not (dtypes.is_int(each) or dtypes.is_bool(each))
    ]
    shortest = max(real, key=list(TOLERANCES).index, default="float32")
    rtol, atol = TOLERANCES[shortest]
    if loose is not None:
        share = {"float64": 1e-8, "float32": 1.0}.get(shortest, 1e3)
        rtol, atol = max(rtol, loose[0] * share), loose[1] and max(atol, loose[1] * share)
    return rtol, atol


def fits(shape: Sequence[int], inferred: Sequence[int | None], what: str) -> None:
    """Raise ``AssertionError`` if a shape is not the inferred one, in which some lengths may be unknown."""
    if len(shape) != len(inferred) or any(
        other is not None and other < UNKNOWN and other != length
        for length, other in zip(shape, inferred, strict=False)
    ):
        raise AssertionError(f"{what} {tuple(inferred)}; got {tuple(shape)}.")
