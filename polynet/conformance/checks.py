"""The checks of the conformance suite: one function each, from a row and a backend to an ``AssertionError``.

A ``Trial`` holds what the checks of a row share, such as the eager result.  Rows stand in ``cases/``, and ``engine.py``
makes the checks.  No op is named here, and no backend.
"""

from __future__ import annotations

import contextlib
import re
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet import errors, symbolic, testing
from polynet.backend import Backend
from polynet.conformance.case import Case
from polynet.conformance.compare import (
    difference,
    fits,
    is_tensor,
    kind,
    paired,
    results,
    same,
    to_hosts,
)
from polynet.conformance.suite import NotApplicable
from polynet.conformance.trial import Trial, bodies_only, variant
from polynet.graph import Function
from polynet.op import OPS
from polynet.spec import Spec, abstract
from polynet.values import dtype_of, shape_of

# ------------------------------------------------------------------------------------ the checks


def check_values(trial: Trial) -> None:
    """The result of an eager call against the reference."""
    trial.compare(trial.eager, trial.expected, what="result")


def check_dtypes(trial: Trial) -> None:
    """The dtype of each result against the one that is inferred, and its kind against the reference."""
    for i, (found, spec) in enumerate(paired(trial.eager, results(trial.inferred))):
        if is_tensor(found) and dtype_of(found) != dtype_of(spec):
            raise AssertionError(
                f"result {i}: inferred dtype {dtype_of(spec)}; got {dtype_of(found)}."
            )
    with contextlib.suppress(NotApplicable):
        for i, (found, value) in enumerate(paired(trial.eager, trial.expected)):
            if is_tensor(found) and np.size(value):
                wanted = kind(str(np.asarray(value).dtype))
                if kind(dtype_of(found)) != wanted:
                    raise AssertionError(
                        f"result {i}: expected {wanted} numbers, as the reference gives; got {dtype_of(found)}."
                    )


def check_shapes(trial: Trial) -> None:
    """The shape of each result against the one that is inferred."""
    for i, (found, spec) in enumerate(paired(trial.eager, results(trial.inferred))):
        if is_tensor(found):
            fits(shape_of(found), shape_of(spec), f"result {i}: inferred shape")
        elif not is_tensor(spec) and not same(found, spec):
            raise AssertionError(f"result {i}: inferred {spec!r}; got {found!r}.")


def check_symbolic(trial: Trial) -> None:
    """Inference with unknown first lengths, and the graph that it records, run on the tensors."""
    if not trial.case.inputs:
        raise NotApplicable("no tensor among the arguments")
    symbols = None
    batch = [each.shape[:1] for each in trial.case.inputs]
    alike = [i for i, length in enumerate(batch) if length == batch[0]]
    for unknown in ([0], alike, []):
        found = [
            symbolic.KerasTensor(
                (None, *each.shape[1:]) if i in unknown and each.shape else each.shape, each.dtype
            )
            for i, each in enumerate(trial.case.inputs)
        ]
        try:
            outputs, symbols = trial.call(found), found
            break
        except errors.PolynetError as error:
            if not unknown:
                raise
            if unknown == alike:
                _must_fail_longer(trial, unknown, error)
    assert symbols is not None
    leaves = results(outputs)
    for i, (value, symbol) in enumerate(paired(trial.eager, leaves)):
        if is_tensor(symbol):
            fits(shape_of(value), symbol.shape, f"result {i}: symbolic shape")
            if dtype_of(value) != symbol.dtype:
                raise AssertionError(
                    f"result {i}: symbolic dtype {symbol.dtype}; got {dtype_of(value)}."
                )
    if not any(isinstance(leaf, symbolic.KerasTensor) and leaf.node for leaf in leaves):
        raise NotApplicable("nothing in the result is symbolic")
    made = [leaf for leaf in leaves if isinstance(leaf, symbolic.KerasTensor)]
    with np.errstate(all="ignore"):
        again = Function(symbols, made)(trial.leaves())
    eager = [
        value
        for value, leaf in zip(trial.eager, leaves, strict=True)
        if isinstance(leaf, symbolic.KerasTensor)
    ]
    trial.compare(again, to_hosts(eager), what="result of the recorded graph", factor=0.1)


def _must_fail_longer(trial: Trial, unknown: Sequence[int], error: Exception) -> None:
    """An unknown length may be refused only where another length would be refused."""
    longer = [
        np.concatenate([host, host]) if i in unknown and host.ndim else host
        for i, host in enumerate(trial.case.host())
    ]
    try:
        trial.call(trial.native(longer))
    except Exception:
        return
    raise AssertionError(
        f"inference with an unknown first length fails ({type(error).__name__}: {error}), but an eager call with "
        f"twice the length works."
    )


def check_bodies(trial: Trial) -> None:
    """The same call with no native override: every composite through its body, down to the primitives."""
    with bodies_only(trial.backend) as overridden:
        leaves = trial.leaves()
        if trial.compiles and leaves:
            assert trial.backend.transforms is not None
            trial.backend.transforms.trace(lambda xs: tensors_of(trial.call(xs)), leaves)
            if not overridden:
                raise NotApplicable("no native override takes part")
            found: list[Any] = trial.compiled(lambda xs: tensors_of(trial.call(xs)), leaves)
        else:
            found = tensors_of(trial.call(leaves))
    if not overridden:
        raise NotApplicable("no native override takes part")
    eager = [leaf for leaf in trial.eager if is_tensor(leaf)]
    for i, (body, native) in enumerate(paired(found, eager)):
        if dtype_of(body) != dtype_of(native) or shape_of(body) != shape_of(native):
            raise AssertionError(
                f"result {i}: the body gives shape {shape_of(body)} and dtype {dtype_of(body)}; "
                f"the native override gives {shape_of(native)} and {dtype_of(native)}."
            )
    trial.compare(found, to_hosts(eager), what="result of the body", than="the native override")


def check_float64(trial: Trial) -> None:
    """The same call in float64, against the reference, with a tolerance for float64."""
    if not any(each.dtype == "float32" for each in trial.case.inputs):
        raise NotApplicable("no float32 input")
    trial.needs_double()
    trial.compare(trial.again("float64"), trial.expected, what="float64 result", dtype="float64")


def check_short_floats(trial: Trial) -> None:
    """The same call in float16 and bfloat16, against its own result in float32 for the same numbers."""
    if not trial.short:
        raise NotApplicable("no float32 input of random numbers, or no short dtype")
    for dtype in trial.short:
        try:
            found = trial.again(dtype)
        except errors.DTypeError:
            continue  # refused in words: that is an answer
        specs = [Spec(each.shape, variant(each, dtype) or each.dtype) for each in trial.case.inputs]
        with abstract():
            inferred = results(trial.call(specs))
        for i, (value, spec) in enumerate(paired(found, inferred)):
            if is_tensor(value) and dtype_of(value) != dtype_of(spec):
                raise AssertionError(
                    f"{dtype}: result {i}: inferred dtype {dtype_of(spec)}; got {dtype_of(value)}."
                )
        expected = to_hosts(trial.again(f"{dtype} in float32"))
        trial.compare(found, expected, what=f"{dtype} result", than="float32", dtype=dtype)


def check_compiled(trial: Trial) -> None:
    """The compiled call against the eager one."""
    if trial.backend.transforms is None or not trial.backend.compiles:
        raise NotApplicable("the backend compiles only when asked: jit is a plain call")
    if not trial.case.inputs:
        raise NotApplicable("no tensor among the arguments")
    if not trial.compiles:
        raise NotApplicable("the shape of the result depends on values")
    found = trial.again("")
    for i, (one, other) in enumerate(paired(found, trial.eager)):
        if is_tensor(one) and (
            dtype_of(one) != dtype_of(other) or shape_of(one) != shape_of(other)
        ):
            raise AssertionError(
                f"result {i}: compiled, shape {shape_of(one)} and dtype {dtype_of(one)}; "
                f"eager, {shape_of(other)} and {dtype_of(other)}."
            )
    trial.compare(found, to_hosts(trial.eager), what="compiled result", than="the eager one")


def check_untouched(trial: Trial) -> None:
    """The arguments are what they were, native tensors and NumPy arrays alike."""
    leaves, hosts = trial.leaves(), trial.case.host()
    if not leaves:
        raise NotApplicable("no tensor among the arguments")
    before = [np.array(host) for host in to_hosts(leaves)]
    before_hosts = [host.copy() for host in hosts]
    trial.call(leaves)
    for i, (leaf, was) in enumerate(zip(leaves, before, strict=True)):
        if not same(np.asarray(testing.to_numpy(leaf)), was):
            raise AssertionError(f"input {i} was changed by the call.")
    found = results(trial.call(hosts))
    for i, (host, was) in enumerate(zip(hosts, before_hosts, strict=True)):
        if not same(host, was):
            raise AssertionError(f"input {i}, a NumPy array, was changed by the call.")
    if all(each.dtype != "bfloat16" for each in trial.case.inputs):
        trial.compare(
            found,
            to_hosts(trial.eager),
            what="result for NumPy arrays",
            than="tensors",
            factor=0.1,
        )


def check_quiet(trial: Trial) -> None:
    """A finite result comes without a warning, such as NumPy's of an overflow on the way."""
    if not any(each.is_float for each in trial.case.inputs):
        raise NotApplicable("no floats; of integers divided by 0 a library may warn")
    args, kwargs = trial.case.arguments(trial.leaves())
    usual = np.errstate(divide="warn", over="warn", invalid="warn", under="ignore")
    with warnings.catch_warnings(record=True) as caught, usual:
        warnings.simplefilter("always")
        found = trial.case.function(*args, **kwargs)
    hosts = to_hosts([leaf for leaf in results(found) if is_tensor(leaf)])
    wide = [np.asarray(host).astype("complex128") for host in hosts]
    if caught and all(np.isfinite(host).all() for host in wide):
        raise AssertionError(f"the call warns: {caught[0].category.__name__}: {caught[0].message}")


def check_strided(trial: Trial) -> None:
    """Arguments that are views with other strides give the same."""
    leaves = trial.leaves()
    if not any(hasattr(leaf, "strides") or hasattr(leaf, "stride") for leaf in leaves):
        raise NotApplicable("no tensors with strides")
    if not any(leaf_shape for leaf_shape in map(shape_of, leaves)):
        raise NotApplicable("scalars only")
    views = [
        strided(trial.backend, host, each.dtype)
        for host, each in zip(trial.case.host(), trial.case.inputs, strict=True)
    ]
    trial.compare(
        results(trial.call(views)),
        to_hosts(trial.eager),
        what="result for views with strides",
        factor=0.5,
    )


def strided(backend: Backend, host: np.ndarray, dtype: str) -> Any:
    """A tensor that is a view: every other element of a longer one, with its axes reversed."""
    if not host.ndim:
        return backend.asarray(host, dtype)
    view = backend.asarray(np.repeat(np.ascontiguousarray(host.T), 2, -1), dtype)[..., ::2]
    return OPS["transpose"].call(view) if host.ndim > 1 else view


def check_gradients(trial: Trial) -> None:
    """The gradient against finite differences in float64."""
    _ = trial.smooth
    if not trial.case.order:
        raise NotApplicable(trial.case.why or "no gradient")
    _need_slopes(trial)
    trial.derivatives.check(1)


def check_second_order(trial: Trial) -> None:
    """The gradient of the gradient against finite differences in float64."""
    _ = trial.smooth
    if trial.case.order < 2:
        raise NotApplicable(trial.case.why or "first order only")
    _need_slopes(trial)
    trial.derivatives.check(2)


def _need_slopes(trial: Trial) -> None:
    """Raise ``NotApplicable`` where differences of values mean nothing."""
    if not all(np.isfinite(host).all() for host in trial.case.host()):
        raise NotApplicable("infinite arguments, or not a number")


def check_tapes(trial: Trial) -> None:
    """The library's own autodiff against polynet's tape, in float64, at kinks too, where they must choose alike."""
    _ = trial.smooth
    if trial.backend.transforms is None:
        raise NotApplicable("the backend has no autodiff of its own")
    found = trial.derivatives
    for place, x, tape, own in zip(
        trial.places, found.primals, found.gradients[True], found.gradients[False], strict=True
    ):
        if tape.shape == own.shape == x.shape:
            # infinity or not a number: either says "steep"
            known = np.isfinite(tape) | np.isfinite(own)
            # a result that is no number has no derivative: some libraries say 0, some say NaN
            known &= (np.isfinite(tape) & np.isfinite(own)) | ~_without_slope(found.values, x.shape)
            for other in found.primals:
                if (
                    other.shape == x.shape
                ):  # and what one makes of infinite arguments is no one's business
                    known &= np.isfinite(other)
            tape, own = np.where(known, tape, 0), np.where(known, own, 0)
        complaint = difference(tape, own, 1e-9, 1e-9)
        if complaint:
            raise AssertionError(
                f"gradient by input {place}, by polynet's tape: {complaint} "
                f"(that of the library's own autodiff comes second)"
            )


def _without_slope(values: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """For each element of an input: may it have led to a result that is not a number?"""
    found = np.zeros(shape, bool)
    for value in values:
        found |= np.isnan(value) if value.shape == shape else np.isnan(value).any()
    return found


def check_gradient_dtypes(trial: Trial) -> None:
    """Gradients by the row's own inputs have their shapes and dtypes."""
    _ = trial.smooth
    leaves = trial.leaves()
    primals = [leaves[place] for place in trial.places]
    function = trial.flat("")
    seen: dict[bool, list[Any]] = {}

    def gradients(xs: Sequence[Any]) -> list[Any]:
        for boxes in [False, True] if trial.backend.transforms is not None else [True]:
            ys = function(xs)
            cotangents = [OPS["full"].call(shape_of(y), 1, dtype_of(y)) for y in ys]
            seen[boxes] = _pulled(function, xs, cotangents, boxes)
        return [g for gs in seen.values() for g in gs]

    if trial.compiles:
        assert trial.backend.transforms is not None
        trial.backend.transforms.trace(gradients, primals)
    else:
        with np.errstate(all="ignore"):
            gradients(primals)
    for boxes, gs in seen.items():
        way = "by polynet's tape" if boxes else "by the library's own autodiff"
        for place, x, g in zip(trial.places, primals, gs, strict=True):
            if shape_of(g) != shape_of(x) or dtype_of(g) != dtype_of(x):
                raise AssertionError(
                    f"gradient {way} by input {place}: expected shape {shape_of(x)} and dtype {dtype_of(x)}, as the "
                    f"input has; got {shape_of(g)} and {dtype_of(g)}."
                )


def _pulled(
    function: testing.Flat, xs: Sequence[Any], cotangents: Sequence[Any], boxes: bool
) -> list[Any]:
    from polynet.autodiff.box import Box, Recorder
    from polynet.autodiff.functions import vjp

    if boxes:
        outer = Recorder()
        xs = [outer.source(x) for x in xs]
    _, pull = vjp(lambda *values: function(values), *xs)
    return [g.value if isinstance(g, Box) else g for g in pull(cotangents)]


def check_errors(trial: Trial) -> None:
    """Wrong arguments: the class and the text of the error, and the same without native overrides."""
    case = trial.case
    assert case.error is not None
    trial.needs_dtypes()
    error = _raised(trial)
    text = str(error).partition("\n")[0]
    if type(error) is not case.error:
        raise AssertionError(
            f"expected {case.error.__name__}; got {type(error).__name__}: {text}\n"
            + "".join(traceback.format_exception(error)[-4:])
        ) from error
    if case.match not in text and not re.search(case.match, text):
        raise AssertionError(
            f"expected an error with {case.match!r} in its first line; got {text!r}."
        )
    with bodies_only(trial.backend) as overridden:
        other = _raised(trial)
    if overridden and (type(other) is not type(error) or first_line(other) != text):
        raise AssertionError(
            f"the body raises {type(other).__name__}: {first_line(other)!r}; "
            f"the native override {type(error).__name__}: {text!r}."
        )
    try:
        _ = trial.inferred
    except Exception as inferred:
        if type(inferred) is not type(error) or first_line(inferred) != text:
            raise AssertionError(
                f"inference raises {type(inferred).__name__}: {first_line(inferred)!r}; "
                f"an eager call {type(error).__name__}: {text!r}."
            ) from inferred


def _raised(trial: Trial) -> Exception:
    try:
        found = trial.call(trial.leaves())
    except Exception as error:
        return error
    raise AssertionError(
        f"expected {trial.case.error.__name__ if trial.case.error else 'an error'}; "
        f"the call returned {[shape_of(leaf) for leaf in results(found) if is_tensor(leaf)]} instead."
    )


def first_line(error: Exception) -> str:
    """What an error says first."""
    return str(error).partition("\n")[0]


CHECKS: dict[str, Callable[[Trial], None]] = {
    "values": check_values,
    "dtypes": check_dtypes,
    "shapes": check_shapes,
    "errors": check_errors,
    "untouched": check_untouched,
    "quiet": check_quiet,
    "strided": check_strided,
    "gradients": check_gradients,
    "symbolic": check_symbolic,
    "float64": check_float64,
    "short floats": check_short_floats,
    "bodies": check_bodies,
    "compiled": check_compiled,
    "second order": check_second_order,
    "tapes": check_tapes,
    "gradient dtypes": check_gradient_dtypes,
}
"""What is checked of a row."""


def checks_of(case: Case) -> list[str]:
    """The checks that a row goes through: of wrong arguments only the error is looked at."""
    return [name for name in CHECKS if (name == "errors") == (case.error is not None)]


def tensors_of(value: Any) -> list[Any]:
    """The tensors among what an op returned."""
    return [leaf for leaf in results(value) if is_tensor(leaf)]
