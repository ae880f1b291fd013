"""Rows that are one call written out, ``random.normal((1001,), 0.3, seed=7)``, and what is checked of their results.

Draws and initial values are such rows: what they give follows from the call alone, bit by bit.  The rows themselves are
in the subjects.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from polynet import errors
from polynet.backend import Backend
from polynet.conformance import stored
from polynet.conformance.stored import host, near
from polynet.conformance.suite import NotApplicable
from polynet.spec import abstract
from polynet.values import dtype_of, shape_of

VALUES = 24
"""How many of a result's values are stored."""


@dataclasses.dataclass(frozen=True)
class Call:
    """A call as text, with the names of `polynet` and ``np``.

    Args:
        name: the public name that it is about.
        call: the call.
        dtype: that of the result.
        make: what constructs the object that is called, if there is one.
        exact: are the results the same to the last bit on all backends?
        needs: a dtype that the call uses beside that of its result.
        distribution: that of the values, for SciPy: ``"norm(0.3, 0.7)"``; stored are its moments and deciles.
    """

    name: str
    call: str
    dtype: str = "float32"
    make: str = ""
    exact: bool = True
    needs: str = ""
    distribution: str = ""

    @property
    def id(self) -> str:
        """The call without blanks and quotes."""
        text = self.call.replace(" ", "").replace("'", "").replace('"', "")
        return text.partition(".")[2]

    def run(self) -> Any:
        """What the call gives on the active backend."""
        return eval(self.call, stored.names())


class CallTrial:
    """A call on a backend, and what its checks share."""

    def __init__(self, row: Call, backend: Backend, table: str) -> None:
        self.row = row
        self.backend = backend
        self.table = table

    @functools.cached_property
    def expected(self) -> Any:
        """What is stored of the result."""
        return stored.expected(self.table, self.row.id)

    @functools.cached_property
    def result(self) -> Any:
        """What the call gives."""
        for dtype in filter(None, (self.row.dtype, self.row.needs)):
            try:
                self.backend.native_dtype(dtype)
            except errors.DTypeError:
                raise NotApplicable(self.backend.explain_dtype(dtype)) from None
        return self.row.run()

    def compare(self, found: Any, what: str) -> None:
        """A result beside the stored one: each bit, or values that are near."""
        values = host(found)
        stored.equal(dtype_of(found), self.row.dtype, f"{what}: dtype")
        stored.equal(list(values.shape), self.expected["shape"], f"{what}: shape")
        wanted = np.asarray(self.expected["values"])
        exact = self.row.exact
        first = values.ravel()[:VALUES].astype("complex128" if "j" in str(wanted) else "float64")
        near(first, wanted, f"{what}: the first values", 1e-9 if exact else 2e-4, 1e-9)
        if exact:
            stored.equal(
                stored.digest(found), self.expected["digest"], f"{what}: digest of all bits"
            )

    def snippet(self) -> str:
        """A program that makes the call, to paste into an interpreter."""
        page = self.row.call.partition(".")[0]
        expected = f"# expected to begin with: {self.expected['values'][:8]}"
        return stored.program(
            self.backend, f"from polynet import {page}", f"print({self.row.call})", expected
        )


def kept(row: Call, frozen: Any = None) -> dict[str, Any]:
    """What is stored of a row's result on the active backend.

    Args:
        row: the row.
        frozen: its distribution, as SciPy has it.
    """
    result = row.run()
    values = host(result)
    first = [float(f"{x:.12g}") for x in values.ravel()[:VALUES].tolist()]
    found: dict[str, Any] = {
        "shape": list(values.shape),
        "values": first,
        "digest": stored.digest(result),
    }
    if frozen:
        found["mean"], found["std"] = float(frozen.mean()), float(frozen.std())
        deciles = [float(frozen.ppf(k / 10)) for k in range(1, 10)]
        found["below"] = [[x, float(frozen.cdf(x))] for x in deciles]
    return found


# ------------------------------------------------------------------------------------ the checks


def check_values(trial: CallTrial) -> None:
    """Shape, dtype and values of the result: the stored bits."""
    trial.compare(trial.result, "the result")


def check_inferred(trial: CallTrial) -> None:
    """Shape and dtype that are inferred without computing."""
    _ = trial.result
    with abstract():
        spec = trial.row.run()
    stored.equal(list(shape_of(spec)), trial.expected["shape"], "the inferred shape")
    stored.equal(dtype_of(spec), trial.row.dtype, "the inferred dtype")


def check_distribution(trial: CallTrial) -> None:
    """Mean, deviation and deciles of the values, within five standard errors of those of the distribution."""
    if not trial.row.distribution:
        raise NotApplicable("the row is about the bits alone")
    wanted = trial.expected
    values = host(trial.result).ravel().astype("float64")
    count = values.size
    off = abs(values.mean() - wanted["mean"]) / (wanted["std"] / count**0.5 + 1e-12)
    if off > 5:
        raise AssertionError(
            f"the mean: expected {wanted['mean']:.6g}, got {values.mean():.6g}, {off:.1f} standard errors off."
        )
    for bound, share in wanted["below"]:
        found = float((values <= bound).mean())
        if abs(found - share) > 5 * (share * (1 - share) / count) ** 0.5 + 1e-4:
            raise AssertionError(
                f"the share of values up to {bound:.6g}: expected {share:.4f}; got {found:.4f}."
            )


def check_compiled(trial: CallTrial) -> None:
    """The same in a compiled function."""
    import polynet

    stored.needs_compiler(trial.backend)
    if "SeedGenerator(" in trial.row.call:
        raise NotApplicable("each run would make another generator")
    _ = trial.result
    compiled: Any = polynet.jit(trial.row.run)
    trial.compare(compiled(), "the result, compiled")


def check_config(trial: CallTrial) -> None:
    """What a description, as JSON, makes has the same description and gives the same."""
    from polynet import initializers

    if not trial.row.make:
        raise NotApplicable("no object")
    _ = trial.result
    made = eval(trial.row.make, stored.names())
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(made))))
    stored.equal(type(again), type(made), "the class of what the description makes")
    stored.equal(again.get_config(), made.get_config(), "its description")
    arguments = trial.row.call[len(trial.row.make) :]
    found = eval(f"made{arguments}", {**stored.names(), "made": again})
    stored.equal(host(found), host(trial.result), "what it gives")
    stored.equal(type(initializers.get(type(made).__name__)), type(made), "get by name")


CHECKS: dict[str, Callable[[Any], None]] = {
    "values": check_values,
    "inferred": check_inferred,
    "distribution": check_distribution,
    "config": check_config,
    "compiled": check_compiled,
}
