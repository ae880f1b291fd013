"""The checker checked: faults are planted into the active backend, and a check must find each.

Each fault is modelled on one that array libraries have had. It must be found by the check that is
about it, not by chance; the score is printed.
"""

import warnings

import numpy as np
import pytest

from polynet import ops, plugins
from polynet.conformance.case import rows
from polynet.conformance.compare import results
from polynet.conformance.engine import run
from polynet.conformance.ops import SUBJECT
from polynet.op import OPS, Rule

BACKEND = plugins.current()
HAS_STRIDES = hasattr(BACKEND.asarray(np.zeros(2), "float32"), "strides") or hasattr(
    BACKEND.asarray(np.zeros(2), "float32"), "stride"
)
FAULTS = {}


def planted(op, found_by, when=True):
    """Name a fault: a function of the right method that returns the wrong one."""

    def declare(make):
        if when:
            FAULTS[make.__name__] = (op, found_by, "method", make)
        return make

    return declare


def planted_in(part, op, found_by, when=True):
    """The same for a shape rule or a body ("function"), or for gradient rules ("vjps")."""

    def declare(make):
        if when:
            FAULTS[make.__name__] = (op, found_by, part, make)
        return make

    return declare


# ------------------------------------------------------------------------------ wrong values


@planted("sum", "values")
def sum_of_the_next_axis(right):
    def wrong(x, axis=None, keepdims=False):
        return right(x, (axis + 1) % len(x.shape) if isinstance(axis, int) else axis, keepdims)

    return wrong


@planted("var", "values")
def variance_without_bias(right):
    def wrong(x, axis=None, keepdims=False):
        y = right(x, axis, keepdims)
        n = np.prod(x.shape) / max(np.prod(y.shape), 1)
        return y * float(n / max(n - 1, 1))

    return wrong


@planted("softmax", "values")
def softmax_without_the_shift(right):
    def wrong(x, axis=-1):
        y = ops.exp(x)
        return y / ops.sum(y, axis, keepdims=True)

    return wrong


@planted("maximum", "values")
def maximum_that_loses_nan(right):
    return lambda x1, x2: ops.where(ops.greater(x1, x2), x1, x2)


@planted("rint", "values")
def rounding_half_up(right):
    return lambda x: ops.floor(x + 0.5)


@planted("floor_divide", "values")
def division_rounded_up(right):
    return lambda x1, x2: -right(-x1, x2)


@planted("concatenate", "values")
def concatenation_backwards(right):
    return lambda xs, axis=0: right(list(reversed(xs)), axis)


@planted("flip", "values")
def flip_of_every_axis(right):
    return lambda x, axis=None: right(x, None)


@planted("argmax", "values")
def argmax_of_the_last_of_equals(right):
    def wrong(x, axis=None, keepdims=False):
        if axis is None or 0 in x.shape:
            return right(x, axis, keepdims)
        return x.shape[axis] - 1 - right(ops.flip(x, axis), axis, keepdims)

    return wrong


# ------------------------------------------------------------------------------ wrong dtypes, shapes


@planted("exp", "float64")
def float64_by_way_of_float32(right):
    return lambda x: ops.cast(right(ops.cast(x, "float32")), ops.dtype(x))


@planted("exp", "short floats")
def short_floats_that_grow(right):
    return lambda x: right(ops.cast(x, "float32")) if "16" in ops.dtype(x) else right(x)


@planted("argmax", "dtypes")
def indices_of_64_bits(right):
    return lambda x, axis=None, keepdims=False: ops.cast(right(x, axis, keepdims), "int64")


@planted("argmax", "shapes")
def argmax_that_loses_keepdims(right):
    return lambda x, axis=None, keepdims=False: right(x, axis, False)


@planted_in("function", "transpose", "shapes")
def shape_rule_that_forgets_the_order(right):
    def transpose(x, axes=None):
        right(x, axes)
        return x.shape

    return transpose


# ------------------------------------------------------------------------------ wrong habits


@planted("negative", "untouched", when=HAS_STRIDES)
def argument_changed_in_place(right):
    def wrong(x):
        y = right(x)
        if x.shape:
            x[...] = 0
        return y

    return wrong


@planted("exp", "quiet")
def warning_about_what_went_well(right):
    def wrong(x):
        warnings.warn("overflow", RuntimeWarning, stacklevel=2)
        return right(x)

    return wrong


@planted("square", "strided", when=HAS_STRIDES)
def memory_read_in_its_own_order(right):
    def wrong(x):
        return right(x) if len(x.shape) < 2 or in_order(x) else right(ops.flip(x))

    def in_order(x):
        return x.is_contiguous() if hasattr(x, "is_contiguous") else x.flags["C_CONTIGUOUS"]

    return wrong


@planted("sum", "errors")
def axis_out_of_range_accepted(right):
    def wrong(x, axis=None, keepdims=False):
        ndim = len(x.shape)
        if isinstance(axis, int) and not -ndim <= axis < ndim:
            axis = None
        return right(x, axis, keepdims)

    return wrong


@planted_in("function", "softmax", "bodies")
def body_unlike_the_override(right):
    return lambda x, axis=-1: right(x, axis) * 1.01


@planted("tanh", "compiled", when=BACKEND.compiles)
def compiled_to_something_else(right):
    return lambda x: right(x) * 1.01 if BACKEND.is_traced(x) else right(x)


# ------------------------------------------------------------------------------ wrong gradients


@planted_in("vjps", "tanh", "gradients")
def gradient_with_a_square_forgotten(right):
    return [lambda g, y: g * (1 - y)]


@planted_in("vjps", "multiply", "gradients")
def gradient_by_the_wrong_argument(right):
    return [lambda g, x1: g * x1, lambda g, x2: g * x2]


@planted_in("vjps", "exp", "second order")
def second_derivative_lost(right):
    return [lambda g, y: g * ops.stop_gradient(y)]


@planted_in("vjps", "max", "gradients")
def gradient_of_a_tie_to_all(right):
    def rule(g, y, x, axis, keepdims):
        if axis is not None and not keepdims:
            g, y = ops.expand_dims(g, axis), ops.expand_dims(y, axis)
        return ops.cast(ops.equal(x, y), ops.dtype(x)) * g

    return [rule]


@planted_in("vjps", "maximum", "tapes", when=BACKEND.transforms is not None)
def gradient_of_equals_to_the_first(right):
    return [
        lambda g, x1, x2: g * ops.cast(ops.greater_equal(x1, x2), ops.dtype(g)),
        lambda g, x1, x2: g * ops.cast(ops.less(x1, x2), ops.dtype(g)),
    ]


@planted_in("vjps", "sum", "gradients")
def gradient_of_a_mean(right):
    def rule(g, x_shape, axis, keepdims):
        if axis is not None and not keepdims:
            g = ops.expand_dims(g, axis)
        return ops.broadcast_to(g, x_shape) / 2.0

    return [rule]


# ------------------------------------------------------------------------------ the run


def plant(monkeypatch, op, part, make):
    declared = OPS[op]
    method = getattr(BACKEND, op, None)
    if part == "method":
        monkeypatch.setattr(BACKEND, op, make(method or declared.function), raising=False)
    elif part == "function":
        if not declared.primitive and method is None:  # keep right values: the fault is in the body
            monkeypatch.setattr(BACKEND, op, declared.function, raising=False)
        monkeypatch.setattr(declared, "function", make(declared.function))
    else:
        monkeypatch.setattr(
            declared, "vjps", tuple(Rule(declared, rule) for rule in make(declared.vjps))
        )
    BACKEND.hot.clear()


def first_found(op, check):
    """The first complaint of a check about the rows of an op."""
    for case in rows():
        if case.op != op or (case.error is None) != (check != "errors"):
            continue
        for outcome in run(SUBJECT, case, BACKEND, only=[check]):
            if outcome.status == "failed":
                return f"{case.id}: {outcome.message.splitlines()[0]}"
    return ""


def test_planted_faults_are_found(monkeypatch, capsys):
    found = {}
    for name, (op, check, part, make) in FAULTS.items():
        with monkeypatch.context() as patch:
            plant(patch, op, part, make)
            found[name] = first_found(op, check)
        BACKEND.hot.clear()
    missed = [name for name, complaint in found.items() if not complaint]
    with capsys.disabled():
        print(
            f"\nplanted faults found on {BACKEND.name}: {len(found) - len(missed)} of {len(found)}"
        )
    assert missed == []


@pytest.mark.parametrize("name", ["sum_of_the_next_axis", "second_derivative_lost"])
def test_a_complaint_can_be_pasted(name, monkeypatch):
    """The program under a complaint runs, and makes the same call."""
    op, _, part, make = FAULTS[name]
    plant(monkeypatch, op, part, make)
    for case in rows():
        if case.op == op and case.error is None:
            failed = [o for o in run(SUBJECT, case, BACKEND) if o.status == "failed"]
            if failed:
                break
    monkeypatch.undo()
    BACKEND.hot.clear()
    _, _, program = failed[0].message.partition("To reproduce:\n")
    lines = [line.removeprefix("    ") for line in program.splitlines()]
    assert lines[-1] == f"# expected: {case.reference}"
    shown = []
    exec("\n".join(lines), {"print": shown.append})
    right = results(
        case.function(*case.arguments(case.host())[0], **case.arguments(case.host())[1])
    )
    np.testing.assert_array_equal(BACKEND.to_numpy(shown[0]), BACKEND.to_numpy(right[0]))
