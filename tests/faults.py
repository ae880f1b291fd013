"""The catalogue of planted faults: each modelled on one that array libraries and frameworks have had.

A fault says what it is (its name), by which check of which rows the conformance suite must find it, and how it is
planted.  ``test_faults.py`` plants them one by one into the active backend.  Nothing is judged here.

To add one, write a function below, under the decorator that says where the fault is:

- ``method("sum", found_by)``: what the backend's method (or, without one, the body) gives is replaced; the function is
  given the right one and returns the wrong one;
- ``body(...)`` and ``rules(...)``: likewise the op's own function (a shape rule, a body), and its gradient rules;
- ``text(found_by, "polynet.losses:huber")``: the function returns a piece of source text, which must occur once in the
  function or method of that name, and what it is changed to;
- ``planted(found_by)``: anything else, done with pytest's ``MonkeyPatch``.

``found_by`` is ``"layers/GRU::values"``: table, public name, check.  For an op that the decorator names, the check is
enough.
"""

import __future__

import ast
import dataclasses
import functools
import importlib
import inspect
import sys
import textwrap
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from polynet import ops, plugins
from polynet.op import OPS, Rule

BACKEND = plugins.current()
HAS_STRIDES = hasattr(BACKEND.asarray(np.zeros(2), "float32"), "strides") or hasattr(
    BACKEND.asarray(np.zeros(2), "float32"), "stride"
)
COMPILES = BACKEND.transforms is not None and BACKEND.compiles
CAN_WRITE = HAS_STRIDES
"""Have tensors elements that can be assigned?"""


@dataclasses.dataclass
class Fault:
    """A fault, and by what it must be found."""

    name: str
    found_by: str
    plant: Callable[[Any], None]
    applies: bool = True
    """Is there something to find on this backend?"""

    @property
    def subject(self) -> str:
        """The table whose rows must find it."""
        return self.found_by.partition("/")[0]

    @property
    def row(self) -> str:
        """The public name that those rows are about."""
        return self.found_by.partition("/")[2].partition("::")[0]

    @property
    def check(self) -> str:
        """The check that must find it."""
        return self.found_by.partition("::")[2]


FAULTS: dict[str, Fault] = {}


def planted(found_by, when=True):
    """Name a fault: a function of a ``MonkeyPatch`` that plants it."""

    def declare(plant):
        name = plant.__name__
        if name in FAULTS:
            raise ValueError(f"two faults are called {name!r}.")
        FAULTS[name] = Fault(name, found_by, plant, bool(when))
        return plant

    return declare


def _full(op, found_by):
    return found_by if "/" in found_by else f"ops/{op}::{found_by}"


def method(op, found_by="values", when=True):
    """A fault of the method of an op: a function of the right one that returns the wrong one."""

    def declare(make):
        def plant(patch):
            right = getattr(BACKEND, op, None) or OPS[op].function
            patch.setattr(BACKEND, op, make(right), raising=False)

        plant.__name__ = make.__name__
        planted(_full(op, found_by), when)(plant)
        return make

    return declare


def body(op, found_by, when=True):
    """A fault of an op's function: of a primitive's shape rule, or of a composite's body."""

    def declare(make):
        def plant(patch):
            declared = OPS[op]
            if not declared.primitive and getattr(BACKEND, op, None) is None:
                patch.setattr(BACKEND, op, declared.function, raising=False)  # which stays right
            patch.setattr(declared, "function", make(declared.function))

        plant.__name__ = make.__name__
        planted(_full(op, found_by), when)(plant)
        return make

    return declare


def rules(op, found_by="gradients", when=True):
    """A fault of an op's gradient rules: a function of the right ones that returns all of the wrong ones."""

    def declare(make):
        def plant(patch):
            declared = OPS[op]
            wrong = tuple(rule and Rule(declared, rule) for rule in make(declared.vjps))
            patch.setattr(declared, "vjps", wrong)

        plant.__name__ = make.__name__
        planted(_full(op, found_by), when)(plant)
        return make

    return declare


def text(found_by, where, when=True, of=()):
    """A fault of the source text: a function that returns what is there and what it is changed to.

    Args:
        found_by: table, name and check.
        where: module and function, ``"polynet.layers.core:Dense.call"``.
        when: is there something to find on this backend?
        of: ops whose native overrides would hide it, beside the one that ``where`` names.
    """

    def declare(make):
        def plant(patch):
            function, hidden = found(where), list(of)
            if hasattr(function, "op"):
                hidden.append(function.op.name)
                function = function.op.function
            function = inspect.unwrap(function)
            patch.setattr(function, "__code__", altered(function, *make()))
            if not found_by.endswith(("::bodies", "::inferred")):
                for op in hidden:
                    if getattr(BACKEND, op, None) is not None:
                        patch.setattr(BACKEND, op, OPS[op].function, raising=False)

        plant.__name__ = make.__name__
        planted(found_by, when)(plant)
        return make

    return declare


def found(where):
    """What ``"polynet.layers.core:Dense.call"`` names."""
    module, _, path = where.partition(":")
    return functools.reduce(getattr, path.split("."), importlib.import_module(module))


def altered(function, old, new):
    """The code of a function in whose source text ``old`` is replaced."""
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(old) != 1:
        raise LookupError(
            f"{function.__qualname__}: {old!r} occurs {source.count(old)} times in its source; expected once."
        )
    tree = ast.parse(source.replace(old, new)).body[0]
    tree.decorator_list = []
    free = ", ".join(function.__code__.co_freevars)
    around = ast.parse(f"def around({free}):\n    global {function.__name__}")
    around.body[0].body.append(tree)
    flag = __future__.annotations.compiler_flag
    code = compile(ast.fix_missing_locations(around), function.__code__.co_filename, "exec", flag)
    for name in ("around", function.__name__):
        code = next(c for c in code.co_consts if inspect.iscode(c) and c.co_name == name)
    return code


def forget():
    """Drop what was remembered before a fault was planted, or while it was."""
    BACKEND.hot.clear()
    if COMPILES:
        BACKEND.free_memory()
    for name, module in list(sys.modules.items()):
        if name.startswith("polynet") and not name.startswith("polynet.conformance"):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear") and getattr(value, "__module__", None) == name:
                    value.cache_clear()


# ------------------------------------------------------------------------------ wrong values


@method("sum")
def sum_of_the_next_axis(right):
    def wrong(x, axis=None, keepdims=False):
        return right(x, (axis + 1) % len(x.shape) if isinstance(axis, int) else axis, keepdims)

    return wrong


@method("var")
def variance_without_bias(right):
    def wrong(x, axis=None, keepdims=False):
        y = right(x, axis, keepdims)
        n = np.prod(x.shape) / max(np.prod(y.shape), 1)
        return y * float(n / max(n - 1, 1))

    return wrong


@method("softmax")
def softmax_without_the_shift(right):
    def wrong(x, axis=-1):
        y = ops.exp(x)
        return y / ops.sum(y, axis, keepdims=True)

    return wrong


@method("maximum")
def maximum_that_loses_nan(right):
    return lambda x1, x2: ops.where(ops.greater(x1, x2), x1, x2)


@method("rint")
def rounding_half_up(right):
    return lambda x: ops.floor(x + 0.5)


@method("floor_divide")
def division_rounded_up(right):
    return lambda x1, x2: -right(-x1, x2)


@method("concatenate")
def concatenation_backwards(right):
    return lambda xs, axis=0: right(list(reversed(xs)), axis)


@method("flip")
def flip_of_every_axis(right):
    return lambda x, axis=None: right(x, None)


@method("argmax")
def argmax_of_the_last_of_equals(right):
    def wrong(x, axis=None, keepdims=False):
        if axis is None or 0 in x.shape:
            return right(x, axis, keepdims)
        return x.shape[axis] - 1 - right(ops.flip(x, axis), axis, keepdims)

    return wrong


# ------------------------------------------------------------------------------ wrong dtypes, shapes


@method("exp", "float64")
def float64_by_way_of_float32(right):
    return lambda x: ops.cast(right(ops.cast(x, "float32")), ops.dtype(x))


@method("exp", "short floats")
def short_floats_that_grow(right):
    return lambda x: right(ops.cast(x, "float32")) if "16" in ops.dtype(x) else right(x)


@method("argmax", "dtypes")
def indices_of_64_bits(right):
    return lambda x, axis=None, keepdims=False: ops.cast(right(x, axis, keepdims), "int64")


@method("argmax", "shapes")
def argmax_that_loses_keepdims(right):
    return lambda x, axis=None, keepdims=False: right(x, axis, False)


@body("transpose", "shapes")
def shape_rule_that_forgets_the_order(right):
    def transpose(x, axes=None):
        right(x, axes)
        return x.shape

    return transpose


# ------------------------------------------------------------------------------ wrong habits


@method("negative", "untouched", when=HAS_STRIDES)
def argument_changed_in_place(right):
    def wrong(x):
        y = right(x)
        if x.shape:
            x[...] = 0
        return y

    return wrong


@method("exp", "quiet")
def warning_about_what_went_well(right):
    def wrong(x):
        warnings.warn("overflow", RuntimeWarning, stacklevel=2)
        return right(x)

    return wrong


@method("square", "strided", when=HAS_STRIDES)
def memory_read_in_its_own_order(right):
    def wrong(x):
        return right(x) if len(x.shape) < 2 or in_order(x) else right(ops.flip(x))

    def in_order(x):
        return x.is_contiguous() if hasattr(x, "is_contiguous") else x.flags["C_CONTIGUOUS"]

    return wrong


@method("sum", "errors")
def axis_out_of_range_accepted(right):
    def wrong(x, axis=None, keepdims=False):
        ndim = len(x.shape)
        if isinstance(axis, int) and not -ndim <= axis < ndim:
            axis = None
        return right(x, axis, keepdims)

    return wrong


@body("softmax", "bodies")
def body_unlike_the_override(right):
    return lambda x, axis=-1: right(x, axis) * 1.01


@method("tanh", "compiled", when=COMPILES)
def compiled_to_something_else(right):
    return lambda x: right(x) * 1.01 if BACKEND.is_traced(x) else right(x)


# ------------------------------------------------------------------------------ wrong gradients


@rules("tanh")
def gradient_with_a_square_forgotten(right):
    return [lambda g, y: g * (1 - y)]


@rules("multiply")
def gradient_by_the_wrong_argument(right):
    return [lambda g, x1: g * x1, lambda g, x2: g * x2]


@rules("exp", "second order")
def second_derivative_lost(right):
    return [lambda g, y: g * ops.stop_gradient(y)]


@rules("max")
def gradient_of_a_tie_to_all(right):
    def rule(g, y, x, axis, keepdims):
        if axis is not None and not keepdims:
            g, y = ops.expand_dims(g, axis), ops.expand_dims(y, axis)
        return ops.cast(ops.equal(x, y), ops.dtype(x)) * g

    return [rule]


@rules("maximum", "tapes", when=BACKEND.transforms is not None)
def gradient_of_equals_to_the_first(right):
    return [
        lambda g, x1, x2: g * ops.cast(ops.greater_equal(x1, x2), ops.dtype(g)),
        lambda g, x1, x2: g * ops.cast(ops.less(x1, x2), ops.dtype(g)),
    ]


@rules("sum")
def gradient_of_a_mean(right):
    def rule(g, x_shape, axis, keepdims):
        if axis is not None and not keepdims:
            g = ops.expand_dims(g, axis)
        return ops.broadcast_to(g, x_shape) / 2.0

    return [rule]


# ------------------------------------------------------------------------------ more wrong values


@method("any")
def any_over_one_axis_after_the_other(right):
    def wrong(x, axis=None, keepdims=False):
        for each in axis if isinstance(axis, tuple) else [axis]:
            x = right(x, each, keepdims)
        return x

    return wrong


@method("floor_divide")
def division_towards_zero(right):
    return lambda x1, x2: right(abs(x1), abs(x2)) * ops.sign(x1) * ops.sign(x2)


@method("mod")
def remainder_with_the_sign_of_the_dividend(right):
    return lambda x1, x2: right(abs(x1), abs(x2)) * ops.sign(x1)


@method("cumsum")
def cumulative_sum_without_the_element_itself(right):
    return lambda x, axis=0: right(x, axis) - x


@method("argsort")
def sorting_that_is_not_stable(right):
    def wrong(x, axis=-1):
        return x.shape[axis] - 1 - ops.flip(right(ops.flip(x, axis), axis), axis)

    return wrong


@method("argsort")
def sorting_from_the_largest_on(right):
    return lambda x, axis=-1: ops.flip(right(x, axis), axis)


@method("index", "ops/take::values")
def negative_indices_clamped(right):
    return lambda x, indices, key: right(x, [ops.maximum(i, 0) for i in indices], key)


@method("expm1")
def expm1_by_way_of_exp(right):
    return lambda x: ops.exp(x) - 1


@method("log1p")
def log1p_by_way_of_log(right):
    return lambda x: ops.log(1 + x)


@method("rint")
def rounding_away_from_zero(right):
    return lambda x: ops.sign(x) * ops.floor(abs(x) + 0.5)


@method("sign")
def sign_of_nan_is_zero(right):
    return lambda x: ops.where(ops.not_equal(x, x), 0, right(x))


@method("power")
def power_by_way_of_the_logarithm(right):
    return lambda x1, x2: ops.exp(x2 * ops.log(x1))


@method("matmul")
def product_of_integers_by_way_of_float32(right):
    def wrong(x1, x2):
        dtype = ops.dtype(x1)
        if "int" not in dtype:
            return right(x1, x2)
        return ops.cast(right(ops.cast(x1, "float32"), ops.cast(x2, "float32")), dtype)

    return wrong


@method("roll")
def roll_the_other_way(right):
    def wrong(x, shift, axis=None):
        back = tuple(-n for n in shift) if isinstance(shift, tuple) else -shift
        return right(x, back, axis)

    return wrong


@method("searchsorted")
def search_that_forgets_the_side(right):
    return lambda sorted_sequence, values, side="left": right(sorted_sequence, values, "left")


@method("inverse_dft")
def inverse_transform_without_its_factor(right):
    return lambda x, axes: right(x, axes) * x.shape[-1]


@method("cholesky_lower")
def upper_factor_for_the_lower_one(right):
    return lambda x: ops.swapaxes(right(x), -1, -2)


@method("solve_triangle")
def upper_triangle_for_the_lower_one(right):
    return lambda a, b, lower: right(a, b, not lower)


@method("random_bits")
def random_bits_in_another_order(right):
    return lambda key, shape: ops.reshape(ops.flip(ops.reshape(right(key, shape), (-1,))), shape)


@method("gelu")
def gelu_always_approximated(right):
    return lambda x, approximate=True: right(x, True)


@text("ops/conv_transpose::values", "polynet.ops.convolution:_place")
def transposed_convolution_shifted_by_a_pixel():
    return "min(total - total // 2, span - 1)", "min(total // 2, span - 1)"


@text("ops/conv::values", "polynet.ops.convolution:_pairs")
def padding_same_that_forgets_the_strides():
    return "(-(-length // stride) - 1) * stride + span - length", "span - 1"


@text("ops/max_pool::values", "polynet.ops.convolution:_pairs")
def padding_same_that_begins_in_front():
    return "            before = total // 2", "            before = total - total // 2"


@text("ops/conv::values", "polynet.ops.convolution:_span")
def dilation_counted_twice():
    return "(size - 1) * dilation + 1", "(size - 1) * dilation * min(dilation, 2) + 1"


@text("ops/average_pool::values", "polynet.ops.convolution:average_pool")
def average_that_counts_the_padding():
    return "if not any(map(any, pairs)):", "if pairs:"


@text("ops/unfold::values", "polynet.ops.convolution:unfold")
def patches_with_their_channels_inside():
    return "for key in keys], 2)", "for key in keys], 1)"


@text("ops/pad::values", "polynet.ops.manipulation:_pad_axis", of=["pad"])
def symmetric_padding_as_edge_padding():
    return 'if mode == "edge" or', 'if mode in ("edge", "symmetric") or'


@text("ops/pad::values", "polynet.ops.manipulation:_pad_axis", of=["pad"])
def reflection_that_repeats_the_edge():
    return 'skip = mode == "reflect"', "skip = 0"


@text("ops/cross::values", "polynet.ops.manipulation:cross")
def cross_product_along_one_axis_for_both():
    return '_components(x2, axisb, "x2", "axisb")', '_components(x2, axisa, "x2", "axisb")'


@text("ops/einsum::values", "polynet.ops.contraction:_plan", of=["einsum"])
def product_with_its_axes_left_as_they_came():
    return "if terms[0] != result:", "if not result:"


@text("ops/image.resize::values", "polynet.ops.image:_resizing_weights", of=["resize", "resample"])
def resizing_half_a_pixel_off():
    return "(np.arange(new)[:, None] + 0.5) * ratio - 0.5", "np.arange(new)[:, None] * ratio"


@text("ops/one_hot::values", "polynet.ops.neural:one_hot")
def labels_out_of_range_from_the_end():
    return (
        "ops.equal(wide, classes)",
        "ops.equal(ops.where(wide < 0, wide + num_classes, wide), classes)",
    )


@text("ops/logsumexp::values", "polynet.ops.reductions:_logsumexp", of=["logsumexp"])
def logarithm_of_nothing_is_nan():
    return "where(isfinite(top), top, 0)", "where(isfinite(top), top, top)"


@text("ops/quantile::values", "polynet.ops.reductions:_between", of=["quantile"])
def quantile_between_the_wrong_neighbours():
    return "at(ceil(position))", "at(floor(position))"


@text("ops/dot_product_attention::values", "polynet.ops.neural:dot_product_attention")
def attention_that_sees_one_step_ahead():
    return "ops.greater_equal(", "ops.greater_equal(1 + "


@text(
    "ops/layer_normalization::values", "polynet.ops.neural:standardized", of=["layer_normalization"]
)
def epsilon_outside_the_root():
    return "ops.sqrt(_mean(x * x, axes) + epsilon)", "(ops.sqrt(_mean(x * x, axes)) + epsilon)"


@text("ops/sparse_categorical_crossentropy::values", "polynet.ops.neural:label_loss")
def labels_that_begin_at_one():
    return "_chosen(labels, ", "_chosen(labels - 1, "


@method("max")
def largest_of_the_numbers_alone(right):
    def wrong(x, axis=None, keepdims=False):
        return right(ops.where(ops.not_equal(x, x), -np.inf, x), axis, keepdims)

    return wrong


@method("determinant", "ops/det::values")
def determinant_without_its_sign(right):
    return lambda x: abs(right(x))


@method("true_divide", "dtypes")
def quotient_of_integers_an_integer(right):
    def wrong(x1, x2):
        y = right(x1, x2)
        return ops.cast(y, "float64") if ops.dtype(y) == "float32" and not x1.shape else y

    return wrong


@method("sum", "short floats")
def half_precision_added_up_one_by_one(right):
    def wrong(x, axis=None, keepdims=False):
        y = right(x, axis, keepdims)
        return ops.minimum(y, 2048.0) if ops.dtype(y) == "float16" else y  # 2048 + 1 is 2048

    return wrong


@method("pad_constant")
def padding_of_the_axes_from_the_last_on(right):
    return lambda x, pad_width, value: right(x, tuple(reversed(pad_width)), value)


@method("where")
def branches_exchanged(right):
    return lambda condition, x1, x2: right(condition, x2, x1)


@method("cast")
def floats_rounded_on_their_way_to_integers(right):
    def wrong(x, dtype):
        return right(ops.rint(x) if "float" in ops.dtype(x) and "int" in dtype else x, dtype)

    return wrong


@method("right_shift")
def shift_that_fills_with_zeros(right):
    return lambda x1, x2: right(abs(x1), x2)


@method("arctan2")
def angle_without_its_quadrant(right):
    return lambda x1, x2: ops.arctan(x1 / x2)


@method("qr_factors", "ops/qr::values")
def rows_of_another_sign(right):
    def wrong(x, complete):
        q, r = right(x, complete)
        return q, -r

    return wrong


@method("index_update", "ops/segment_sum::values")
def last_update_wins(right):
    return lambda x, indices, updates, key, reduction: right(x, indices, updates, key, None)


@method("clip")
def lower_bound_last(right):
    return lambda x, x_min, x_max: ops.maximum(ops.minimum(x, x_max), x_min)


@text("ops/nan_to_num::values", "polynet.ops.elementwise:nan_to_num")
def nan_left_as_it_is():
    return "return where(isnan(x), nan, finite)", "return finite"


@text("ops/softplus::values", "polynet.ops.activations:softplus")
def softplus_that_overflows():
    return "ops.maximum(x, 0.0) + ops.log1p(ops.exp(-ops.absolute(x)))", "ops.log1p(ops.exp(x))"


@text("ops/bincount::values", "polynet.ops.reductions:bincount")
def negative_numbers_counted_as_zero():
    return "logical_and(x >= 0, x < length)", "x < length"


@text("ops/rot90::values", "polynet.ops.manipulation:rot90")
def rotation_the_other_way():
    return (
        "transpose(flip(array, second), tuple(order))",
        "flip(transpose(array, tuple(order)), second)",
    )


@text("ops/vdot::values", "polynet.ops.contraction:vdot")
def product_without_the_conjugate():
    return "conj(a) if", "a if"


@text("ops/dot_product_attention::values", "polynet.ops.neural:dot_product_attention")
def attention_that_is_not_scaled():
    return "1.0 / math.sqrt(size)", "1.0"


@text("ops/moments::values", "polynet.ops.neural:moments")
def variance_as_a_difference_of_squares():
    return "_mean(apart * apart, at)", "_mean(wide * wide, at) - mean"


# ------------------------------------------------------------------------------ more wrong habits


@planted("ops/flip::symbolic")
def graph_that_forgets_an_argument(patch):
    import polynet.symbolic

    right = polynet.symbolic.record_call

    def wrong(call, args, kwargs, outputs, name):
        if name == "flip":
            args = (args[0], None)
        return right(call, args, kwargs, outputs, name)

    patch.setattr(polynet.symbolic, "record_call", wrong)


@text("ops/multiply::gradient dtypes", "polynet.autodiff.box:fitted")
def gradient_in_the_dtype_of_the_result():
    return "if dtype is not None and g.dtype != dtype:", "if dtype is None:"


@rules("cumsum")
def gradient_of_a_cumulative_sum_forwards(right):
    return [lambda g, axis: ops.cumsum(g, axis)]


@rules("concatenate")
def gradients_of_parts_from_the_end(right):
    def rule(g, xs_shape, axis):
        parts, end = [], g.shape[axis]
        for shape in xs_shape:
            parts.append(ops.take(g, np.arange(end - shape[axis], end), axis))
            end -= shape[axis]
        return parts

    return [rule]


@rules("index", "ops/take::gradients")
def gradient_of_an_index_met_twice(right):
    def rule(g, x_shape, indices, key):
        return OPS["index_update"].call(ops.zeros(x_shape, ops.dtype(g)), indices, g, key, None)

    return [rule, None]


@rules("power")
def gradient_of_a_power_without_its_exponent(right):
    return [lambda g, x1, x2: g * ops.power(x1, x2 - 1), right[1].function]


@rules("prod")
def gradient_of_a_product_by_division(right):
    def rule(g, y, x, axis, keepdims):
        if axis is not None and not keepdims:
            g, y = ops.expand_dims(g, axis), ops.expand_dims(y, axis)
        return g * y / x

    return [rule]


@rules("where")
def gradient_of_the_branch_not_taken(right):
    return [None, lambda g: g, right[2].function]


@rules("matmul")
def gradient_of_a_product_not_transposed(right):
    return [right[0].function, lambda g, x1: ops.matmul(x1, g)]


@rules("sqrt", "second order")
def second_derivative_of_a_root_by_its_value(right):
    return [lambda g, y: g * 0.5 / ops.stop_gradient(y)]


@rules("clip", "tapes", when=BACKEND.transforms is not None)
def gradient_at_a_bound_to_the_bound(right):
    def rule(g, x, x_min, x_max):
        return g * ops.cast(ops.logical_and(x > x_min, x < x_max), ops.dtype(g))

    return [rule, None, None]


@text("ops/var::gradients", "polynet.ops.reductions:_var_gradient")
def gradient_of_a_variance_by_half():
    return "(2 / (_number", "(1 / (_number"


@text("ops/moments::gradients", "polynet.ops.neural:_moments_gradient")
def gradient_of_a_variance_that_forgets_the_mean():
    return "(x - mean) * (by_variance", "x * (by_variance"


# ------------------------------------------------------------------------------ the interface


@planted("interface/arrays::arrays")
def arrays_narrowed_on_their_way_in(patch):
    right = BACKEND.asarray

    def asarray(value, dtype):
        return right(value, "int32" if dtype == "int8" else dtype)

    patch.setattr(BACKEND, "asarray", asarray)


@planted("interface/exp::written")
def primitive_forgotten(patch):
    patch.setattr(BACKEND, "exp", None, raising=False)


@planted("interface/sum::signature")
def parameters_in_another_order(patch):
    def wrong(x, keepdims=False, axis=None):
        return x

    wrong.__module__ = type(BACKEND).__module__
    patch.setattr(BACKEND, "sum", wrong, raising=False)


# ------------------------------------------------------------------------------ random numbers


@text("random/dropout::values", "polynet.random.draws:keep_where", of=["random_dropout"])
def dropout_that_does_not_scale():
    return "inputs * factor, 0)", "inputs, 0)"


@method("random_quantiles", "random/normal::distribution")
def deviation_taken_for_a_variance(right):
    def wrong(key, shape, name, scale, shift, dtype):
        return right(key, shape, name, scale**0.5, shift, dtype)

    return wrong


@method("random_uniform", "random/uniform::values")
def uniform_numbers_from_the_other_end(right):
    def wrong(key, shape, minval, maxval, dtype):
        return minval + maxval - right(key, shape, minval, maxval, dtype)

    return wrong


@text("random/randint::values", "polynet.random.distributions:randint")
def integers_up_to_the_last_one():
    return "span = high - low", "span = high - low - 1"


@text("random/uniform::inferred", "polynet.random.draws:random_uniform")
def inference_of_float32_for_all():
    return (
        "u = (high + cast((second >> 6) & 0x3FFFFFF, dtype)) * 2.0**-53",
        "u = cast(first, 'float32')",
    )


@text("random/SeedGenerator::values", "polynet.random.seed_generator:SeedGenerator.draw")
def generator_that_skips_the_first_key():
    return "result = function(key)", "result = function(add(key, _STEP))"


@text("random/randint::errors", "polynet.random.distributions:randint")
def empty_range_accepted():
    return "<= low < high <=", "<= low <= high <="


@planted("random/normal::compiled", when=COMPILES)
def compiled_draws_of_another_seed(patch):
    right = OPS["random_quantiles"].function

    def wrong(key, *args):
        return right(key + 1 if BACKEND.is_traced(key) else key, *args)

    patch.setattr(BACKEND, "random_quantiles", wrong, raising=False)


# ------------------------------------------------------------------------------ initializers, activations


@text("initializers/HeNormal::values", "polynet.initializers:VarianceScaling.__call__")
def fans_exchanged():
    return "fan_in, fan_out = _fans(", "fan_out, fan_in = _fans("


@text("initializers/GlorotNormal::distribution", "polynet.initializers:VarianceScaling.__call__")
def truncation_not_made_up_for():
    return "stddev / _TRUNCATED", "stddev"


@planted("initializers/RandomNormal::config")
def description_without_the_seed(patch):
    from polynet import initializers

    right = initializers.RandomNormal.get_config
    patch.setattr(
        initializers.RandomNormal,
        "get_config",
        lambda self: {k: v for k, v in right(self).items() if k != "seed"},
    )


@text("activations/leaky_relu::values", "polynet.ops.activations:leaky_relu")
def slope_on_the_wrong_side():
    return (
        "ops.greater(x, 0.0), x, x * negative_slope",
        "ops.greater(x, 0.0), x * negative_slope, x",
    )


@planted("activations/silu::names")
def name_that_leads_elsewhere(patch):
    from polynet import activations

    right = activations.get
    patch.setattr(
        activations, "get", lambda name: activations.tanh if name == "silu" else right(name)
    )


@text("activations/linear::gradients", "polynet.activations:linear")
def activation_that_stops_the_gradient():
    return "return x", "return ops.stop_gradient(x)"


@body("random_quantiles", "initializers/HeNormal::inferred")
def initial_values_inferred_as_float32(right):
    return lambda *args: ops.cast(right(*args), "float32")


@planted("initializers/RandomNormal::compiled", when=COMPILES)
def compiled_first_values_of_another_seed(patch):
    right = OPS["random_quantiles"].function

    def wrong(key, *args):
        y = right(key, *args)
        return -y if BACKEND.is_traced(y) else y

    patch.setattr(BACKEND, "random_quantiles", wrong, raising=False)


@text("initializers/VarianceScaling::errors", "polynet.initializers:VarianceScaling.__init__")
def negative_scale_accepted():
    return "if not scale > 0:", "if scale != scale:"


@text("initializers/Orthogonal::values", "polynet.initializers:Orthogonal._of_key")
def orthogonal_with_its_signs_by_chance():
    return "-self.gain, self.gain)", "self.gain, self.gain)"


@method("softmax", "activations/softmax::errors")
def axis_beyond_the_last_taken_for_it(right):
    return lambda x, axis=-1: right(x, -1 if axis == len(x.shape) else axis)


# ------------------------------------------------------------------------------ layers


@text("layers/GRUCell::values", "polynet.layers.recurrent:GRUCell.call")
def reset_before_and_after_mixed_up():
    return "candidate = candidate + reset * inner", "candidate = reset * (candidate + inner)"


@text("layers/GRU::values", "polynet.ops.recurrent:gru_steps")
def update_gate_the_other_way_round():
    return "update * h + (1 - update) * candidate", "(1 - update) * h + update * candidate"


@text("layers/LSTM::values", "polynet.ops.recurrent:lstm_steps")
def gates_in_another_order():
    return "i, f, a, o = _parts(", "i, a, f, o = _parts("


@text("layers/SimpleRNN::values", "polynet.ops.recurrent:simple_rnn_steps")
def recurrent_mask_ignored():
    return "_kept(here, ", "_kept(None, "


@text("layers/Bidirectional::values", "polynet.layers.recurrent:Bidirectional.call")
def backward_outputs_not_turned_round():
    return "ops.flip(backward, axis=1)", "backward"


@text("layers/GlobalAveragePooling1D::values", "polynet.layers.pooling:GlobalAveragePooling1D.call")
def pooling_that_ignores_the_mask():
    return "if mask is None:", "if inputs is not None:"


@text(
    "layers/BatchNormalization::values",
    "polynet.ops.neural:batch_normalization",
    of=["normalized_batch"],
)
def epsilon_added_to_the_deviation():
    return (
        'ops.sqrt(laid(variance, "variance") + epsilon)',
        '(ops.sqrt(laid(variance, "variance")) + epsilon)',
    )


@text("layers/BatchNormalization::state", "polynet.layers.normalization:_step")
def momentum_of_averages_for_its_rest():
    return "1.0 - momentum", "momentum"


@text("layers/GroupNormalization::values", "polynet.layers.normalization:GroupNormalization.call")
def factor_of_groups_forgotten():
    return "if self.gamma is not None:", "if self.gamma is None:"


@text("layers/Masking::masks", "polynet.layers.core:Masking.compute_mask")
def mask_of_steps_with_a_zero():
    return "ops.any(", "ops.all("


@text("layers/Embedding::masks", "polynet.layers.core:Embedding.compute_mask")
def mask_of_the_padding_instead():
    return "ops.not_equal", "ops.equal"


@text("layers/Dropout::draws", "polynet.layers.dropout:Dropout.call")
def dropout_outside_of_training():
    return "if training and self._draws", "if self._draws"


@text("layers/SpatialDropout2D::draws", "polynet.layers.dropout:_ImageDropout._shape_of_noise")
def maps_dropped_element_by_element():
    return "ones = (1,) * self.rank", "ones = (None,) * self.rank"


@text("layers/Dropout::draws", "polynet.random.seed_generator:SeedGenerator.draw")
def the_same_draws_each_time():
    return "self.state.assign(add(key, _STEP))", "pass"


@text("layers/ReLU::untouched", "polynet.layers.activation:ReLU.call", when=CAN_WRITE)
def layer_that_writes_into_its_input():
    return "return activations", "inputs[inputs < 0] = 0\n    return activations"


@planted("layers/Conv2D::config")
def description_without_the_padding(patch):
    from polynet import layers

    right = layers.Conv2D.get_config
    patch.setattr(
        layers.Conv2D,
        "get_config",
        lambda self: {k: v for k, v in right(self).items() if k != "padding"},
    )


@planted("layers/Subtract::names")
def function_with_its_arguments_exchanged(patch):
    from polynet import layers

    right = layers.subtract
    patch.setattr(layers, "subtract", lambda inputs, **kwargs: right(inputs[::-1], **kwargs))


@text("layers/BatchNormalization::symbolic", "polynet.layers.normalization:BatchNormalization.call")
def result_left_in_float32():
    return "return y if wide == dtype else ops.cast(y, dtype)", "return y"


@text("layers/Dense::half", "polynet.layers.core:Dense.call")
def bias_added_in_float32():
    return "affine(inputs, kernel, bias)", 'affine(inputs, kernel, ops.cast(bias, "float32"))'


@text("layers/Dense::gradients", "polynet.layers.core:Dense.call")
def weight_cut_off_from_its_gradient():
    return "affine(inputs, kernel, bias)", "affine(inputs, ops.stop_gradient(kernel), bias)"


@planted("layers/Dense::compiled", when=COMPILES)
def compiled_layer_without_its_bias(patch):
    from polynet import layers

    right = layers.Dense.call

    def call(self, inputs, training=None):
        y = right(self, inputs, training)
        return y * 0.5 if BACKEND.is_traced(inputs) else y

    patch.setattr(layers.Dense, "call", call)


# a library with autodiff of its own differentiates the steps themselves
@method("gru_gradient", "layers/GRU::gradients", when=BACKEND.transforms is None)
def gradient_of_a_state_lost(right):
    def wrong(*args):
        first, *rest = right(*args)
        return (first * 0.5, *rest)

    return wrong


@text("layers/MultiHeadAttention::values", "polynet.ops.neural:dot_product_attention")
def attention_mask_ignored():
    return "[query, key, value], allowed", "[query, key, value], None"


@text("layers/BatchNormalization::values", "polynet.layers.normalization:BatchNormalization.call")
def normalized_by_the_batch_outside_of_training():
    return "if not (training and self.trainable):", "if not self.trainable:"


@text("layers/UpSampling2D::values", "polynet.layers.reshaping:UpSampling2D.call")
def height_and_width_exchanged():
    return (
        "(height * self._sizes[0], width * self._sizes[1])",
        "(width * self._sizes[1], height * self._sizes[0])",
    )


@text("layers/GRU::draws", "polynet.layers.recurrent:RecurrentCell.draw_masks")
def recurrent_dropout_at_the_rate_of_the_inputs():
    return "(self.recurrent_dropout, self.units)", "(self.dropout, self.units)"


@text("layers/Add::errors", "polynet.layers.merging:_Elementwise.build")
def shapes_that_do_not_broadcast_accepted():
    return "> 1:", "> 9:"


# ------------------------------------------------------------------------------ losses


@text("losses/Huber::values", "polynet.losses:huber")
def huber_that_is_not_smooth():
    return "ops.multiply(within, 0.5)", "ops.multiply(delta, 0.5)"


@text("losses/SparseCategoricalCrossentropy::values", "polynet.losses:_labels")
def sparse_labels_off_by_one():
    return "return (y_true if", "return (ops.maximum(y_true - 1, 0) if"


@text("losses/CategoricalCrossentropy::values", "polynet.losses:_smoothed")
def smoothing_towards_one_half():
    return "label_smoothing / classes", "label_smoothing / 2"


@text("losses/BinaryFocalCrossentropy::values", "polynet.losses:binary_focal_crossentropy")
def focus_on_what_is_easy():
    return "missed = ops.add(", "missed = 1 - ops.add("


@text(
    "losses/SparseCategoricalCrossentropy::values", "polynet.losses:sparse_categorical_crossentropy"
)
def class_to_ignore_counted():
    return 'ops.where(counted, ops.cast(labels, "int32"), -1)', "ops.maximum(labels, 0)"


@text("losses/CTC::values", "polynet.losses:ctc")
def lengths_of_labels_one_too_short():
    return (
        'ops.cast(ops.not_equal(y_true, 0), "int32")',
        'ops.cast(ops.greater(y_true, 1), "int32")',
    )


@text("losses/CosineSimilarity::values", "polynet.losses:cosine_similarity")
def sign_of_a_similarity_forgotten():
    return "return ops.negative(ops.sum(product, axis=axis))", "return ops.sum(product, axis=axis)"


@text("losses/Tversky::values", "polynet.losses:tversky")
def weights_of_both_errors_exchanged():
    return (
        "ops.multiply(missed, alpha), ops.multiply(invented, beta)",
        "ops.multiply(missed, beta), ops.multiply(invented, alpha)",
    )


@text("losses/MeanSquaredError::reductions", "polynet.losses:reduced")
def sum_for_the_mean():
    return "return ops.mean(losses)", "return ops.sum(losses)"


@text("losses/MeanAbsoluteError::weights", "polynet.losses:reduced")
def mean_by_the_weights_whatever_was_asked():
    return 'if reduction == "mean_with_sample_weight" and weight', "if weight"


@text("losses/MeanSquaredError::masks", "polynet.losses:reduced")
def mask_of_a_loss_ignored():
    return "if mask is not None:", "if mask is None:"


@text("losses/MeanSquaredError::masks", "polynet.losses:reduced")
def masked_examples_counted_in_the_mean():
    return (
        "    if mask is None:\n        return ops.mean",
        "    if losses is not None:\n        return ops.mean",
    )


@text("losses/MeanSquaredError::dtypes", "polynet.losses:Loss.__init__")
def losses_in_float32_whatever_was_asked():
    return "policy.compute_dtype", '"float32"'


@planted("losses/Huber::config")
def description_without_delta(patch):
    from polynet import losses

    right = losses.Huber.get_config
    patch.setattr(
        losses.Huber,
        "get_config",
        lambda self: {k: v for k, v in right(self).items() if k != "delta"},
    )


@text("losses/KLDivergence::gradients", "polynet.losses:kl_divergence")
def gradient_that_does_not_reach_the_outputs():
    return "ops.divide(y_true, y_pred)", "ops.divide(y_true, ops.stop_gradient(y_pred))"


@text("losses/LogCosh::float64", "polynet.losses:log_cosh")
def constant_of_single_precision():
    return "math.log(2.0)", "0.693147"


@planted("losses/Poisson::compiled", when=COMPILES)
def compiled_loss_of_another_size(patch):
    from polynet import losses

    right = losses.poisson

    def wrong(y_true, y_pred):
        return right(y_true, y_pred) * (2 if BACKEND.is_traced(y_pred) else 1)

    patch.setattr(losses, "poisson", wrong)


@text("losses/mean_squared_error::errors", "polynet.losses:pair")
def targets_broadcast_to_the_outputs():
    return "return of_one_shape(name, y_true, y_pred)", "pass"


# ------------------------------------------------------------------------------ metrics


@text("metrics/Mean::values", "polynet.metrics.reduction:Mean._take")
def mean_that_forgets_the_weights():
    return "count = ops.sum(weights)", "count = float(math.prod(weights.shape))"


@text("metrics/Precision::values", "polynet.metrics.confusion:_Confusion._compared")
def weights_of_counts_forgotten():
    return "return true, exceeded, weights", "return true, exceeded, None"


@text("metrics/TruePositives::values", "polynet.metrics.confusion:_Confusion._compared")
def scores_at_the_threshold_counted():
    return (
        "ops.searchsorted(self._sorted, y_pred)",
        'ops.searchsorted(self._sorted, y_pred, "right")',
    )


@text("metrics/Mean::values", "polynet.metrics.metric:Metric.reset_state")
def reset_that_leaves_the_count():
    return "for variable in self.variables:", "for variable in self.variables[:1]:"


@text("metrics/Mean::empty", "polynet.metrics.reduction:Mean.result")
def nothing_divided_by_nothing():
    return "ops.divide_no_nan", "ops.true_divide"


@planted("metrics/BinaryAccuracy::config")
def description_without_the_threshold(patch):
    from polynet import metrics

    right = metrics.BinaryAccuracy.get_config
    patch.setattr(
        metrics.BinaryAccuracy,
        "get_config",
        lambda self: {k: v for k, v in right(self).items() if k != "threshold"},
    )


@planted("metrics/SparseCategoricalAccuracy::function")
def function_unlike_the_metric(patch):
    from polynet import metrics

    right = metrics.sparse_categorical_accuracy
    patch.setattr(
        metrics, "sparse_categorical_accuracy", lambda y_true, y_pred: 1.0 - right(y_true, y_pred)
    )


@planted("metrics/Mean::stateless")
def stateless_update_that_is_not(patch):
    from polynet import metrics

    right = metrics.Metric.stateless_update_state

    def wrong(self, metric_variables, *args, **kwargs):
        self.update_state(*args, **kwargs)
        return right(self, metric_variables, *args, **kwargs)

    patch.setattr(metrics.Metric, "stateless_update_state", wrong)


@planted("metrics/Mean::compiled", when=COMPILES)
def compiled_total_of_another_size(patch):
    from polynet.metrics.total import Total

    right = Total.assign_add

    def assign_add(self, value):
        return right(self, value * 2 if BACKEND.is_traced(value) else value)

    patch.setattr(Total, "assign_add", assign_add)


@text("metrics/TopKCategoricalAccuracy::values", "polynet.metrics.accuracy:_in_top_k")
def one_more_than_the_best_k():
    return "min(k, count)", "min(k + 1, count)"


@text(
    "metrics/MeanSquaredError::errors", "polynet.metrics.reduction:MeanMetricWrapper.update_state"
)
def error_without_the_metrics_name():
    return "{type(self).__name__} {self.name!r}: ", ""


# ------------------------------------------------------------------------------ optimizers


@text("optimizers/Adam::values", "polynet.ops.updates:adam_step")
def epsilon_inside_the_root():
    return "(sqrt(largest) + epsilon)", "sqrt(largest + epsilon)"


@text("optimizers/Adam::values", "polynet.ops.updates:adam_step")
def bias_correction_forgotten():
    return "precise(learning_rate, parameters) * correction", "precise(learning_rate, parameters)"


@text("optimizers/Adam::values", "polynet.ops.updates:adam_step")
def largest_velocity_forgotten():
    return "peak = maximum(peak, v)", "peak = v"


@text("optimizers/Lion::values", "polynet.ops.updates:lion_step")
def decays_of_a_momentum_exchanged():
    return "sign(m * beta_1 + g * (1 - beta_1))", "sign(m * beta_2 + g * (1 - beta_2))"


@text("optimizers/Lamb::values", "polynet.ops.updates:lamb_step")
def trust_ratio_upside_down():
    return "norm / where(both, length, 1.0)", "length / where(both, norm, 1.0)"


@text("optimizers/Adamax::values", "polynet.ops.updates:adamax_step")
def norm_that_does_not_decay():
    return "maximum(beta_2 * u, absolute(g))", "maximum(u, absolute(g))"


@text("optimizers/Nadam::values", "polynet.ops.updates:nadam_step")
def momentum_of_this_step_for_the_next():
    return "_nadam_factor(t + 1.0, beta_1)", "_nadam_factor(t, beta_1)"


@text("optimizers/Adadelta::values", "polynet.ops.updates:adadelta_step")
def changes_remembered_with_the_rate():
    return "(1 - rho) * square(change)", "(1 - rho) * square(rate.beside(p) * change)"


@text("optimizers/Ftrl::values", "polynet.ops.updates:ftrl_step")
def penalty_counted_once():
    return "2 * (l2 + beta", "(l2 + beta"


@text("optimizers/Adafactor::values", "polynet.ops.updates:adafactor_step")
def large_changes_not_cut():
    return "maximum(_root_mean_square(change) / clip_threshold, 1.0)", "1.0"


@text("optimizers/Muon::values", "polynet.ops.updates:orthogonalized")
def matrix_not_turned_back():
    return "a * x + matmul(", "x + matmul("


@text(
    "optimizers/Adam::bodies", "polynet.ops.updates:adam_step", when=hasattr(BACKEND, "adam_step")
)
def body_of_an_update_unlike_the_override():
    return "sqrt(1.0 - power(beta_2, t))", "(1.0 - power(beta_2, t))"


@text("optimizers/SGD::values", "polynet.ops.updates:sgd_step")
def momentum_applied_twice():
    return "m = m * momentum - step", "m = (m * momentum - step) * momentum"


@text("optimizers/SGD::values", "polynet.ops.updates:sgd_step")
def nesterov_forgotten():
    return "(m * momentum - step if nesterov else m)", "m"


@text("optimizers/RMSprop::values", "polynet.ops.updates:rmsprop_step")
def centered_by_nothing():
    return "variance = v - square(average)", "variance = v"


@text("optimizers/AdamW::values", "polynet.ops.updates:decay_step")
def weight_decay_on_the_wrong_side():
    return "p - p * amount", "p + p * amount"


@text("optimizers/Adagrad::values", "polynet.ops.updates:adagrad_step")
def squares_forgotten():
    return "a = a + square(g)", "a = square(g)"


@text("optimizers/SGD::values", "polynet.optimizers.optimizer:Optimizer._clipped")
def clipping_of_each_norm_for_that_of_all():
    return "if self.global_clipnorm:", "if self.global_clipnorm and not gradients:"


@text("optimizers/SGD::values", "polynet.optimizers.optimizer:Optimizer._accumulate")
def accumulated_gradients_not_averaged():
    return "[total / steps for total in sums]", "[total for total in sums]"


@text("optimizers/Adam::values", "polynet.optimizers.optimizer:Optimizer._average")
def average_of_weights_from_zero():
    return "ops.not_equal(step, 0)", "ops.not_equal(step, -1)"


@text("optimizers/CosineDecay::values", "polynet.optimizers.schedules:CosineDecay.__call__")
def schedule_that_counts_the_warmup_twice():
    return "self._decayed(step - self.warmup_steps)", "self._decayed(step)"


@text("optimizers/Adam::variables", "polynet.optimizers.rules:Adam.build")
def variable_of_another_name():
    return '"velocity"', '"speed"'


@planted("optimizers/SGD::config")
def description_without_the_momentum(patch):
    from polynet import optimizers

    right = optimizers.SGD.get_config
    patch.setattr(
        optimizers.SGD,
        "get_config",
        lambda self: {k: v for k, v in right(self).items() if k != "momentum"},
    )


@planted("optimizers/SGD::stateless")
def stateless_step_that_is_not(patch):
    from polynet import optimizers

    right = optimizers.Optimizer.stateless_apply

    def wrong(self, own, grads, values):
        self.apply(grads)
        return right(self, own, grads, values)

    patch.setattr(optimizers.Optimizer, "stateless_apply", wrong)


@text("optimizers/Adam::compiled", "polynet.optimizers.optimizer:Optimizer._step", when=COMPILES)
def compiled_step_counted_once():
    return (
        "return plain(self.iterations) + 1",
        "return ops.stop_gradient(plain(self.iterations) * 0) + 1",
    )


@text("optimizers/SGD::errors", "polynet.optimizers.optimizer:Optimizer.__init__")
def two_ways_of_clipping_accepted():
    return "for value in clipping.values()) > 1", "for value in clipping.values()) > 2"


# ------------------------------------------------------------------------------ whole trainings


@text("curves/fit::float32", "polynet.training.data:Indexed.permutation")
def examples_in_the_same_order_each_time():
    return "(self.seed, number)", "(self.seed, 0)"


@method("mean", "curves/fit::float64")
def mean_narrowed_to_float32(right):
    def wrong(x, axis=None, keepdims=False):
        return ops.cast(right(ops.cast(x, "float32"), axis, keepdims), ops.dtype(x))

    return wrong
