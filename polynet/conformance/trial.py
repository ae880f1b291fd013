"""A row on a backend: its tensors, its calls, and what the checks share of them.

Compilation costs more than computation, so what can be compiled together is: ``Trial.again`` and ``Derivatives``.
Nothing is judged here, and no op is named.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from polynet import errors, testing
from polynet.backend import Backend
from polynet.conformance import packed
from polynet.conformance.case import Case, Input, rounded
from polynet.conformance.compare import UNKNOWN, compare, is_continuous, is_tensor, matched, results
from polynet.conformance.snippet import snippet
from polynet.conformance.suite import NotApplicable
from polynet.op import OPS
from polynet.spec import Spec, abstract
from polynet.values import dtype_of, shape_of

_COMPLEX = ("complex64", "complex128")


class Trial:
    """A row on a backend, and what its checks share."""

    planned: Collection[str] | None = None
    """The checks that will be made; ``None``: any."""

    def __init__(self, case: Case, backend: Backend) -> None:
        self.case = case
        self.backend = backend
        self.op = getattr(case.function, "op", None)

    @property
    def usable(self) -> bool:
        """Does the call itself work? If not, no other check says more."""
        return self.case.error is not None or "eager" in self.__dict__

    def snippet(self) -> str:
        """A program that makes the row's call, to paste into an interpreter."""
        return snippet(self.case, self.backend)

    def plans(self, check: str) -> bool:
        """Will this check be made?"""
        return self.planned is None or check in self.planned

    # ------------------------------------------------------------------------ arguments and calls

    def leaves(self, dtype: str | None = None) -> list[Any]:
        """Native tensors for the row's inputs; floats in ``dtype``, or each in its own."""
        return self.native(self.case.host(lambda each: variant(each, dtype)), dtype)

    def native(self, hosts: Sequence[np.ndarray], dtype: str | None = None) -> list[Any]:
        """NumPy arrays as native tensors of the dtypes that the row, or its variant, has."""
        return [
            self.backend.asarray(host, variant(each, dtype) or each.dtype)
            for host, each in zip(hosts, self.case.inputs, strict=True)
        ]

    def call(self, leaves: Sequence[Any]) -> Any:
        """The op on these tensors in the places of the row's inputs."""
        args, kwargs = self.case.arguments(leaves)
        with np.errstate(all="ignore"):
            return self.case.function(*args, **kwargs)

    @functools.cached_property
    def lacking(self) -> str:
        """A dtype of an argument or a result that the backend, as it is set up, does not have."""
        found = [each.dtype for each in self.case.inputs]
        with contextlib.suppress(Exception):  # a wrong call has no result
            found += [dtype_of(leaf) for leaf in results(self.inferred) if is_tensor(leaf)]
        return next((dtype for dtype in found if not has_dtype(self.backend, dtype)), "")

    def needs_dtypes(self) -> None:
        """Raise ``NotApplicable`` if the backend lacks a dtype that the row is about."""
        if self.lacking:
            raise NotApplicable(self.backend.explain_dtype(self.lacking))

    def needs_double(self) -> None:
        """Raise ``NotApplicable`` if the backend has no float64, as it is set up."""
        if not has_double(self.backend):
            raise NotApplicable(f"no float64: {self.backend.explain_dtype('float64')}")

    def compiled(
        self, function: Callable[[Sequence[Any]], list[Any]], leaves: Sequence[Any]
    ) -> list[Any]:
        """A function of tensors, compiled where the backend compiles by itself."""
        if self.compiles and leaves:
            assert self.backend.transforms is not None
            return list(self.backend.transforms.jit(function)(leaves))
        with np.errstate(all="ignore"):
            return function(leaves)

    @functools.cached_property
    def compiles(self) -> bool:
        """Is the row compiled here?  Not if the shape of its result depends on values."""
        if self.backend.transforms is None or not self.backend.compiles:
            return False
        return not any(
            length is None or length >= UNKNOWN
            for leaf in results(self.inferred)
            if is_tensor(leaf)
            for length in shape_of(leaf)
        )

    @functools.cached_property
    def eager(self) -> list[Any]:
        """The results of a plain call."""
        self.needs_dtypes()
        try:
            return results(self.call(self.leaves()))
        except errors.DTypeError as error:
            for dtype in _COMPLEX:  # one on the way from the arguments to the result
                if not has_dtype(self.backend, dtype) and self.backend.explain_dtype(dtype) in str(
                    error
                ):
                    raise NotApplicable(str(error)) from None
            raise

    @functools.cached_property
    def short(self) -> list[str]:
        """The short dtypes in which the row is tried too."""
        if any(each.values is not None for each in self.case.inputs):
            return []
        if not any(each.dtype == "float32" for each in self.case.inputs):
            return []
        return [dtype for dtype in ("float16", "bfloat16") if dtype in self.backend.dtypes]

    def again(self, name: str) -> list[Any]:
        """The results of the call in a variant: see ``_variants``."""
        if self.compiles and self.case.inputs and self._all_variants is not None:
            return self._all_variants[name]
        return self.compiled(lambda xs: results(self.call(xs)), self._variants[name])

    @functools.cached_property
    def _variants(self) -> dict[str, list[Any]]:
        """The arguments of each variant: ``""``, a dtype, or (``"float16 in float32"``) its numbers in float32."""
        made = {"": self.leaves()}
        if has_double(self.backend) and any(each.dtype == "float32" for each in self.case.inputs):
            made["float64"] = self.leaves("float64")
        for dtype in self.short:
            made[dtype] = self.leaves(dtype)
            made[f"{dtype} in float32"] = self.native(
                [
                    rounded(host, dtype).astype(host.dtype) if each.dtype == "float32" else host
                    for host, each in zip(self.case.host(), self.case.inputs, strict=True)
                ]
            )
        return made

    @functools.cached_property
    def _all_variants(self) -> dict[str, list[Any]] | None:
        """The results of all variants, compiled together; ``None`` if one of them raises."""
        lengths = []
        for leaves in self._variants.values():
            lengths.append(len(leaves))

        def everything(xs: Sequence[Any]) -> list[Any]:
            rest = iter(xs)
            return [results(self.call([next(rest) for _ in range(length)])) for length in lengths]

        try:
            found = self.compiled(
                everything, [leaf for leaves in self._variants.values() for leaf in leaves]
            )
        except Exception:
            return None
        return dict(zip(self._variants, found, strict=True))

    @functools.cached_property
    def inferred(self) -> Any:
        """The same for specs instead of tensors."""
        specs = [Spec(each.shape, each.dtype) for each in self.case.inputs]
        with abstract():
            return self.call(specs)

    @functools.cached_property
    def expected(self) -> list[Any]:
        """The results of the reference, as NumPy arrays and whatever else an op may return."""
        if self.case.id not in packed.stored():
            raise AssertionError(
                "no result of its reference is stored. In a checkout: python tests/oracle/write_golden.py ops"
            )
        return matched(packed.stored()[self.case.id], self.eager)

    def compare(
        self,
        found: Sequence[Any],
        expected: Sequence[Any],
        what: str,
        than: str = "",
        dtype: str | None = None,
        factor: float = 1.0,
    ) -> None:
        """See ``compare.compare``; ``dtype`` is that of the variant."""
        inputs = [variant(each, dtype) or each.dtype for each in self.case.inputs]
        compare(found, expected, what, than, inputs, self.case.tolerance, factor)

    # ------------------------------------------------------------------------ gradients

    @functools.cached_property
    def places(self) -> list[int]:
        """The inputs by which one can differentiate."""
        return [i for i, each in enumerate(self.case.inputs) if each.is_float]

    @functools.cached_property
    def smooth(self) -> list[int]:
        """The results that can be differentiated; raises ``NotApplicable`` if there is nothing to do."""
        if self.op is not None and not self.op.differentiable:
            raise NotApplicable("declared not differentiable")
        if not self.places:
            raise NotApplicable("no floating input")
        found = [i for i, leaf in enumerate(self.eager) if is_continuous(leaf)]
        if not found:
            raise NotApplicable("no floating result")
        return found

    def flat(self, dtype: str) -> testing.Flat:
        """The row as a function of its floating inputs alone, and with its floating results alone."""
        others = self.leaves(dtype)
        smooth = self.smooth

        def function(xs: Sequence[Any]) -> list[Any]:
            filled = list(others)
            for place, x in zip(self.places, xs, strict=True):
                filled[place] = x
            found = results(self.call(filled))
            return [found[i] for i in smooth]

        return function

    @functools.cached_property
    def derivatives(self) -> Derivatives:
        """Gradients by the library's own autodiff and by the tape, and finite differences, in float64."""
        _ = self.smooth
        self.needs_double()
        return Derivatives(self)


class Derivatives:
    """All derivatives of a row, computed together, since compilation costs more than they do."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.order = max(trial.case.order, 1) if trial.plans("second order") else 1
        function = trial.flat("float64")
        hosts = trial.case.host(lambda each: variant(each, "float64"))
        self.primals = [hosts[place] for place in trial.places]
        with np.errstate(all="ignore"):
            self.random = testing.Directions(function, self.primals, seed=0)
        own = trial.backend.transforms is not None and trial.plans("tapes")
        self.ways = [False, True] if own else [True]
        # what a library compiles takes time: its own second derivatives for every row, the tape's for some of each op
        self.second_ways = self.ways if trial.case.thorough else self.ways[:1]
        lengths: list[int] = []

        def everything(xs: Sequence[Any]) -> list[Any]:
            flat: list[Any] = []
            lengths.clear()
            for boxes in self.ways:
                order = self.order if boxes in self.second_ways else 1
                for part in testing.analytic(function, xs, self.random, order, boxes):
                    lengths.append(len(part))
                    flat.extend(part)
            return flat

        def values_and_gradients(xs: Sequence[Any]) -> list[Any]:
            ys, gs, _ = testing.analytic(function, xs, self.random, 1, self.ways[0])
            return [*ys, *gs]

        run: testing.Flat = everything
        near: testing.Flat = values_and_gradients if self.order == 2 else function
        if trial.compiles:
            assert trial.backend.transforms is not None
            run = near = trial.backend.transforms.jit(everything)
        self._near = near
        with np.errstate(all="ignore"):
            flat = [testing.to_numpy(value) for value in run(testing.tensors(self.primals))]
        parts = []
        for length in lengths:
            parts.append(flat[:length])
            flat = flat[length:]
        self.values, self.gradients, self.seconds = parts[0], {}, {}
        for way, boxes in enumerate(self.ways):
            self.gradients[boxes] = parts[3 * way + 1]
            self.seconds[boxes] = parts[3 * way + 2]

    def first(self, xs: Sequence[np.ndarray]) -> float:
        """The function whose gradient is the first derivative."""
        return self._both(xs)[0]

    def second(self, xs: Sequence[np.ndarray]) -> float:
        """The function whose gradient is the second derivative."""
        return self._both(xs)[1]

    def _both(self, xs: Sequence[np.ndarray]) -> tuple[float, float]:
        key = tuple(x.tobytes() for x in xs)
        if key not in self._seen:
            count = len(self.values)
            with np.errstate(all="ignore"):
                flat = [testing.to_numpy(value) for value in self._near(testing.tensors(xs))]
            gradients = flat[count : count + len(self.primals)]
            self._seen[key] = (
                self.random.of_results(flat[:count]),
                self.random.of_gradients(gradients) if gradients else float("nan"),
            )
        return self._seen[key]

    @functools.cached_property
    def _seen(self) -> dict[Any, tuple[float, float]]:
        return {}

    def check(self, order: int) -> None:
        """Compare the derivatives of one order with finite differences, by whichever way they were computed."""
        names = [f"input {place}" for place in self.trial.places]
        found, function = (
            (self.gradients, self.first) if order == 1 else (self.seconds, self.second)
        )
        for boxes in self.ways if order == 1 else self.second_ways:
            what = ("gradient", "second derivative")[order - 1]
            what += " by polynet's tape" if boxes else " by the library's own autodiff"
            for x, g, name in zip(self.primals, found[boxes], names, strict=True):
                if g.shape != x.shape:
                    raise AssertionError(
                        f"{what} by {name}: expected shape {x.shape}; got {g.shape}."
                    )
            testing.explain(what, function, self.primals, found[boxes], self.random, names)


# ------------------------------------------------------------------------------------ variants


def variant(each: Input, dtype: str | None) -> str | None:
    """The dtype of an input in the variant of a row whose floats are of ``dtype``; ``None``: its own."""
    if dtype == "float64" and each.is_float:
        return "complex128" if each.dtype.startswith("complex") else "float64"
    if dtype in ("float16", "bfloat16") and each.dtype == "float32":
        return dtype
    return None


def has_dtype(backend: Backend, dtype: str) -> bool:
    """Has the backend a dtype, as it is set up?"""
    try:
        backend.native_dtype(dtype)
    except errors.DTypeError:
        return False
    return True


def has_double(backend: Backend) -> bool:
    """Has the backend float64, as it is set up?"""
    return has_dtype(backend, "float64")


@contextlib.contextmanager
def bodies_only(backend: Backend) -> Iterator[set[str]]:
    """A block in which no composite op has a native override; gives the names of those that would have had one."""
    native = backend.method
    overridden: set[str] = set()

    def method(op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        found = native(op, kinds)
        if found is None or OPS[op].primitive:
            return found
        overridden.add(op)
        return None

    with instead(backend, method):
        yield overridden


@contextlib.contextmanager
def instead(backend: Backend, method: Callable[..., Any]) -> Iterator[None]:
    """A block in which another function takes the place of ``backend.method``."""
    before = vars(backend).get("method")
    backend.hot.clear()
    backend.method = method  # type: ignore[method-assign]
    try:
        yield
    finally:
        del backend.method
        if before is not None:
            backend.method = before  # type: ignore[method-assign]
        backend.hot.clear()
