"""Sums of products: ``einsum`` and what can be said with it (``dot``, ``inner``, ``tensordot``, ...).

``einsum`` brings any expression into steps of at most two tensors (diagonals, sums, then pairs in a cheap order),
once for each expression and its shapes.  Each pair is the op ``contract``, in which every label stands in at least
two of the two operands and the result, so that its gradients are contractions again.  ``matmul`` is a primitive.
"""

from __future__ import annotations

import functools
import math
import operator
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

from polynet import dtypes, errors, spec
from polynet.op import op
from polynet.ops import primitives
from polynet.ops.core import cast, convert_to_tensor
from polynet.ops.manipulation import diagonal
from polynet.ops.primitives import (
    HOLE,
    conj,
    flip,
    index,
    iota,
    matmul,
    not_equal,
    pad_constant,
    transpose,
)
from polynet.spec import axes_indices
from polynet.tensor import Tensor
from polynet.values import dtype_of

__all__ = ["correlate", "dot", "einsum", "inner", "outer", "tensordot", "vdot"]

# ---------------------------------------------------------------------------------------------- a pair


@op
def affine(x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """``x @ kernel + bias``, for a matrix and a vector: what a dense layer computes."""
    return matmul(x, kernel) + bias


affine.vjp(
    lambda g, x_shape, kernel: primitives.left_gradient(g, x_shape, kernel),
    lambda g, x, kernel_shape: primitives.right_gradient(g, x, kernel_shape),
    lambda g: g,
)


@op(dtypes=spec.elementwise)
def contract(x1: Tensor, x2: Tensor, subscripts: str) -> Tensor:
    """``einsum`` of two tensors in plain form: ``"ab,bc->ac"``, lower and upper case letters, no spaces.

    No label stands twice in a term, each stands in at least two of the three, and no axis is broadcast.
    """
    way = _way(subscripts, tuple(x1.shape), tuple(x2.shape))
    a = _laid(x1, way.left, way.left_shape)
    b = _laid(x2, way.right, way.right_shape)
    if way.products_only:
        return a * b
    y = matmul(a, b)
    name = dtype_of(x1)
    if dtype_of(y) != name:
        y = cast(y, name)
    if way.made is not None:
        y = primitives.reshape(y, way.made)
    return y if way.order is None else transpose(y, way.order)


contract.vjp(
    lambda g, x2, subscripts: contract(g, x2, _parts_of(subscripts).left_gradient),
    lambda g, x1, subscripts: contract(x1, g, _parts_of(subscripts).right_gradient),
)

Order = tuple[int, ...]


class _Parts(NamedTuple):
    """The terms of a contraction, what their labels are, and the contractions that are its gradients."""

    left: str
    right: str
    result: str
    batch: str
    rows: str
    summed: str
    columns: str
    left_gradient: str
    right_gradient: str


@functools.lru_cache(maxsize=4096)
def _parts_of(subscripts: str) -> _Parts:
    terms, result = subscripts.split("->")
    left, right = terms.split(",")
    return _Parts(
        left,
        right,
        result,
        "".join(label for label in result if label in left and label in right),
        "".join(label for label in left if label in result and label not in right),
        "".join(label for label in left if label in right and label not in result),
        "".join(label for label in right if label in result and label not in left),
        f"{result},{right}->{left}",
        f"{left},{result}->{right}",
    )


class _Way(NamedTuple):
    """How operands of certain shapes are laid out for ``matmul`` (or for products); ``None``: as they are."""

    products_only: bool
    left: Order | None
    left_shape: tuple[int, ...] | None
    right: Order | None
    right_shape: tuple[int, ...] | None
    made: tuple[int, ...] | None = None
    order: Order | None = None


@functools.lru_cache(maxsize=4096)
def _way(subscripts: str, left_shape: tuple[int, ...], right_shape: tuple[int, ...]) -> _Way:
    parts = _parts_of(subscripts)
    lengths = dict(zip(parts.left, left_shape, strict=True))
    for label, length in zip(parts.right, right_shape, strict=True):
        if lengths.setdefault(label, length) != length:
            raise errors.ShapeError(
                f"subscripts {subscripts!r}: {label!r} has the lengths {lengths[label]} and {length}."
            )
    if not parts.summed:
        left = "".join(label for label in parts.result if label in parts.left)
        right = "".join(label for label in parts.result if label in parts.right)
        wide = [
            tuple(lengths[label] if label in term else 1 for label in parts.result)
            for term in (left, right)
        ]
        return _Way(
            True,
            *_layout(parts.left, left, lengths, wide[0]),
            *_layout(parts.right, right, lengths, wide[1]),
        )
    batch = tuple(lengths[label] for label in parts.batch)

    def joined(group: str | Sequence[str]) -> tuple[int, ...]:
        """One axis for all; without rows or columns, and no batch, none: products of vectors are quicker."""
        return (math.prod(lengths[label] for label in group),) if group or batch else ()

    rows, inside, columns = joined(parts.rows), joined(parts.summed), joined(parts.columns)
    made = parts.batch + parts.rows + parts.columns
    made_shape = tuple(lengths[label] for label in made)
    order = tuple(made.index(label) for label in parts.result)
    return _Way(
        False,
        *_layout(
            parts.left, parts.batch + parts.rows + parts.summed, lengths, (*batch, *rows, *inside)
        ),
        *_layout(
            parts.right,
            parts.batch + parts.summed + parts.columns,
            lengths,
            (*batch, *inside, *columns),
        ),
        None if made_shape == (*batch, *rows, *columns) else made_shape,
        None if order == tuple(range(len(order))) else order,
    )


def _layout(
    term: str, wanted: str, lengths: dict[str, int], shape: tuple[int, ...]
) -> tuple[Order | None, tuple[int, ...] | None]:
    """The order of axes that turns a term into the wanted one, and the shape to give it then."""
    order = tuple(term.index(label) for label in wanted)
    now = tuple(lengths[label] for label in wanted)
    return None if order == tuple(range(len(order))) else order, None if now == shape else shape


def _laid(x: Tensor, order: Order | None, shape: tuple[int, ...] | None) -> Tensor:
    if order is not None:
        x = transpose(x, order)
    return x if shape is None else primitives.reshape(x, shape)


# --------------------------------------------------------------------------------------------- einsum


def einsum(subscripts: Any, *operands: Any, **kwargs: Any) -> Tensor:
    """Sums of products of tensors, written with a letter for each axis.

    Args:
        subscripts: ``"ij,jk->ik"``.  Letters that are missing after the arrow are summed over; without an arrow the
            result has those that stand once, in alphabetical order; ``...`` stands for axes that broadcast; a letter
            that stands twice in a term takes the diagonal.  Or, as in NumPy, tensors and lists of integers in turn.
        *operands: the tensors, one for each term.
        **kwargs: ``optimize`` is accepted; the order of several products is always chosen by its cost.

    Example:
        >>> from polynet import ops
        >>> ops.einsum("ij,ij->i", [[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [1.0, 2.0]])
        array([ 3., 11.], dtype=float32)
    """
    unknown = kwargs.keys() - {"optimize"}
    if unknown:
        raise TypeError(f"einsum: unknown arguments {', '.join(sorted(unknown))}.")
    if not isinstance(subscripts, str):
        subscripts, operands = _from_lists((subscripts, *operands))
    if len(operands) == 2:
        one, other = operands
        try:
            plan = _pair_plans.get(_pair_key(subscripts, one, other))
        except (AttributeError, TypeError):  # no tensor
            plan = None
        if plan is not None:
            return contract(one, other, plan)
        result = _einsum([one, other], subscripts)
        _remember(subscripts, one, other)
        return result
    return _einsum(list(operands), subscripts)


@op(dtypes=spec.elementwise)
def biased_einsum(x: Tensor, kernel: Tensor, bias: Tensor, subscripts: str) -> Tensor:
    """``einsum`` of two tensors, and a bias that broadcasts to the result.

    Where it is a product of matrices, with a number for each column, it is ``affine``.
    """
    shapes = as_matrices(subscripts, tuple(x.shape), tuple(kernel.shape), tuple(bias.shape))
    if shapes is None:
        return einsum(subscripts, x, kernel) + bias
    rows, matrix, vector, made = shapes
    y = affine(_laid(x, None, rows), _laid(kernel, None, matrix), primitives.reshape(bias, vector))
    return y if made is None else primitives.reshape(y, made)


@functools.lru_cache(maxsize=1024)
def as_matrices(
    subscripts: str, left: tuple[int, ...], right: tuple[int, ...], bias: tuple[int, ...]
) -> tuple[Any, Any, Any, Any] | None:
    """The shapes with which two tensors, a bias and the result are ``affine``, or ``None`` if they are not.

    ``None`` in place of a shape: it is that already.
    """
    steps = _plan(subscripts, (left, right))
    if len(steps) != 1 or not steps[0].labels:
        return None
    parts, way = _parts_of(steps[0].labels), _way(steps[0].labels, left, right)
    columns = tuple(right[parts.right.index(label)] for label in parts.columns)
    ordered = way.left is way.right is way.order is None and not parts.batch
    if not (ordered and parts.rows and parts.summed and columns and bias == columns):
        return None
    return way.left_shape, way.right_shape, (math.prod(columns),), way.made


def _remember(subscripts: str, one: Any, other: Any) -> None:
    """Keep the plan of a pair that needs neither a cast nor a second step."""
    dtype = getattr(one, "dtype", None)
    second = getattr(other, "dtype", None)
    if dtype is None or dtype.__class__ is not second.__class__ or dtype != second:
        return
    if len(_pair_plans) > 4096:
        return
    if dtypes.standardize(dtype) in ("int8", "bool") or None in (*one.shape, *other.shape):
        return
    steps = _plan(subscripts, (tuple(one.shape), tuple(other.shape)))
    if len(steps) == 1 and steps[0].labels:
        _pair_plans[_pair_key(subscripts, one, other)] = steps[0].labels


def _pair_key(subscripts: str, one: Any, other: Any) -> tuple[Any, ...]:
    """The classes stand before the dtypes, so that those of different libraries are never compared."""
    classes = one.__class__, other.__class__
    return subscripts, one.shape, other.shape, *classes, one.dtype, other.dtype


_pair_plans: dict[Any, str] = {}
"""The contraction that is all there is to do for two operands, by their shapes and (equal) dtypes."""


def _einsum_rule(kinds: Sequence[spec.Kind]) -> spec.Settled:
    if not kinds:
        raise errors.ShapeError("operands: expected at least one tensor; got none.")
    common = dtypes.result_type(*kinds)
    if common == "int8" and all(kind == "int8" for kind in kinds):
        common = "int32"
    return [common] * len(kinds), common


@op(dtypes=_einsum_rule)
def _einsum(operands: Sequence[Tensor], subscripts: str) -> Tensor:
    name = dtype_of(operands[0])
    shapes = tuple(tuple(x.shape) for x in operands)
    steps = _plan(subscripts, shapes)
    if name == "bool":
        return not_equal(_followed(steps, [cast(x, "int32") for x in operands]), 0)
    return _followed(steps, list(operands))


def _followed(steps: Sequence[_Step], stack: list[Tensor]) -> Tensor:
    """The result of a plan."""
    for step in steps:
        x = stack.pop(step.place)
        if step.labels:
            stack.append(contract(x, stack.pop(step.axes[0]), step.labels))
            continue
        if step.what == "diagonal":
            x = diagonal(x, 0, *step.axes)
        elif step.what == "sum":
            name = dtype_of(x)
            x = primitives.sum(x, step.axes)
            x = x if dtype_of(x) == name else cast(x, name)
        elif step.what == "reshape":
            x = primitives.reshape(x, step.axes)
        else:
            x = transpose(x, step.axes)
        stack.insert(step.place, x)
    return stack[0]


class _Step(NamedTuple):
    """One step of a plan: what to do with the operand at ``place``.

    A contraction takes that operand and then the one at ``axes[0]`` from what is left, and puts the result last.
    """

    what: str
    place: int
    axes: tuple[int, ...]
    labels: str = ""


@functools.lru_cache(maxsize=1024)
def _plan(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[_Step, ...]:
    """The steps that compute an expression for operands of these shapes."""
    terms, result = _parse(subscripts, shapes)
    complain = functools.partial(_complaint, subscripts)
    steps: list[_Step] = []
    lengths: dict[str, int] = {}
    for number, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        for label, length in zip(term, shape, strict=True):
            known = lengths.setdefault(label, length)
            if known != length and 1 not in (known, length):
                raise errors.ShapeError(
                    complain(f"{_shown(label)} has the lengths {known} and {length}.")
                )
            if known == 1:
                lengths[label] = length
            if term.count(label) > 1 and any(
                length != other for name, other in zip(term, shape, strict=True) if name == label
            ):
                raise errors.ShapeError(
                    complain(
                        f"{_shown(label)} stands for axes of different lengths of operand {number}: {shape}."
                    )
                )
    for number, shape in enumerate(shapes):
        terms[number] = _drop_ones(steps, number, terms[number], shape, lengths)
        terms[number] = _take_diagonals(steps, number, terms[number])
    for number, term in enumerate(terms):
        others = result + "".join(terms[:number] + terms[number + 1 :])
        alone = tuple(i for i, label in enumerate(term) if label not in others)
        if alone:
            steps.append(_Step("sum", number, alone))
            terms[number] = "".join(label for label in term if label in others)
    while len(terms) > 1:
        if len(terms) == 2:
            i, j = 0, 1
        else:
            i, j = _cheapest(terms, result, lengths)
        right, left = terms.pop(j), terms.pop(i)
        wanted = result + "".join(terms)
        made = result if not terms else _natural(left, right, wanted)
        steps.append(_Step("contract", i, (j - 1,), _in_letters(left, right, made)))
        terms.append(made)
    if terms[0] != result:
        steps.append(_Step("transpose", 0, tuple(terms[0].index(label) for label in result)))
    return tuple(steps)


def _drop_ones(
    steps: list[_Step], number: int, term: str, shape: tuple[int, ...], lengths: dict[str, int]
) -> str:
    """Take away axes of length 1 that broadcast against a longer one elsewhere."""
    keep = [i for i, label in enumerate(term) if shape[i] == lengths[label]]
    if len(keep) < len(term):
        steps.append(_Step("reshape", number, tuple(shape[i] for i in keep)))
    return "".join(term[i] for i in keep)


def _take_diagonals(steps: list[_Step], number: int, term: str) -> str:
    """Replace the axes that share a label by their diagonal, which comes last."""
    while len(set(term)) < len(term):
        label = next(label for label in term if term.count(label) > 1)
        first = term.index(label)
        second = term.index(label, first + 1)
        steps.append(_Step("diagonal", number, (first, second)))
        term = term[:first] + term[first + 1 : second] + term[second + 1 :] + label
    return term


def _natural(left: str, right: str, wanted: str) -> str:
    """The labels of a product in the order in which a matrix product makes them."""
    both = "".join(label for label in left if label in right and label in wanted)
    rows = "".join(label for label in left if label not in right and label in wanted)
    return both + rows + "".join(label for label in right if label not in left and label in wanted)


def _in_letters(left: str, right: str, result: str) -> str:
    """A contraction with its labels replaced by letters, so that equal ones share a plan."""
    names: dict[str, str] = {}
    for label in left + right:
        names.setdefault(label, string.ascii_letters[len(names)])
    left, right, result = (
        "".join(names[label] for label in term) for term in (left, right, result)
    )
    return f"{left},{right}->{result}"


_EXHAUSTIVE = 6
"""Up to so many operands, the whole order is searched; beyond, the cheapest pair comes first."""


def _cheapest(terms: list[str], result: str, lengths: dict[str, int]) -> tuple[int, int]:
    """The pair to contract next, at the least cost of all products."""
    if len(terms) <= _EXHAUSTIVE:
        return _best_order(tuple(terms), result, lengths)[1]
    pairs = [(i, j) for j in range(len(terms)) for i in range(j)]
    return min(pairs, key=lambda pair: _growth(terms, result, lengths, *pair))


def _growth(
    terms: list[str], result: str, lengths: dict[str, int], i: int, j: int
) -> tuple[int, int]:
    """By how much a product is larger than what it is made of; then its cost."""
    rest = result + "".join(term for n, term in enumerate(terms) if n not in (i, j))
    made = _natural(terms[i], terms[j], rest)
    before = _volume(terms[i], lengths) + _volume(terms[j], lengths)
    return _volume(made, lengths) - before, _volume(set(terms[i] + terms[j]), lengths)


def _volume(labels: Any, lengths: dict[str, int]) -> int:
    return math.prod(lengths[label] for label in labels)


def _best_order(
    terms: tuple[str, ...], result: str, lengths: dict[str, int]
) -> tuple[int, tuple[int, int]]:
    """The least cost of contracting all terms, and the first pair of that order."""
    known: dict[tuple[str, ...], tuple[int, tuple[int, int]]] = {}

    def search(left: tuple[str, ...]) -> tuple[int, tuple[int, int]]:
        if len(left) == 1:
            return 0, (0, 0)
        if left not in known:
            best: tuple[int, tuple[int, int]] | None = None
            for j in range(len(left)):
                for i in range(j):
                    rest = tuple(term for n, term in enumerate(left) if n not in (i, j))
                    cost = _volume(set(left[i] + left[j]), lengths)
                    cost += search((*rest, _natural(left[i], left[j], result + "".join(rest))))[0]
                    if best is None or cost < best[0]:
                        best = cost, (i, j)
            assert best is not None
            known[left] = best
        return known[left]

    return search(terms)


# ----------------------------------------------------------------------------------- reading subscripts

_DOTS = 0x2460
"""Labels of the axes that ``...`` stands for, counted from the last one, are characters from here on."""


def _shown(label: str) -> str:
    return repr(label) if ord(label) < _DOTS else "an axis of '...'"


def _complaint(subscripts: str, text: str) -> str:
    return f"subscripts {subscripts!r}: {text}"


def _parse(subscripts: str, shapes: Sequence[tuple[int, ...]]) -> tuple[list[str], str]:
    """The labels of each operand and of the result, one character an axis."""
    text = subscripts.replace(" ", "")
    complain = functools.partial(_complaint, subscripts)
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(shapes):
        raise errors.ShapeError(
            complain(
                f"{len(terms)} term{'s' * (len(terms) != 1)} for {len(shapes)} operand{'s' * (len(shapes) != 1)}."
            )
        )
    most = 0
    for number, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        letters = _letters(term, complain)
        spare = len(shape) - len(letters)
        if spare < 0 or (spare and "..." not in term):
            raise errors.ShapeError(
                complain(
                    f"operand {number} has the shape {shape}; the term {term!r} has {len(letters)} letters."
                )
            )
        terms[number] = term.replace("...", _dots(spare))
        most = max(most, spare if "..." in term else 0)
    joined = "".join(terms)
    if not arrow:
        once = sorted(
            label for label in set(joined) if joined.count(label) == 1 and ord(label) < _DOTS
        )
        return terms, _dots(most) + "".join(once)
    letters = _letters(output, complain)
    if len(set(letters)) < len(letters):
        raise errors.ShapeError(complain("a letter stands twice after the arrow."))
    unknown = sorted(set(letters) - set(joined))
    if unknown:
        raise errors.ShapeError(
            complain(f"{', '.join(unknown)} stands after the arrow, but not before it.")
        )
    if most and "..." not in output:
        raise errors.ShapeError(
            complain("'...' stands before the arrow, but not after it; sum over it first.")
        )
    return terms, output.replace("...", _dots(most))


def _letters(term: str, complain: Any) -> str:
    letters = term.replace("...", "", 1)
    if not all(label in string.ascii_letters for label in letters):
        raise errors.ShapeError(complain(f"{term!r}: expected letters and at most one '...'."))
    return letters


def _dots(number: int) -> str:
    return "".join(chr(_DOTS + i) for i in reversed(range(number)))


def _from_lists(values: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Subscripts and operands from NumPy's other form: tensors and lists of integers in turn."""
    operands = values[: len(values) // 2 * 2 : 2]
    labels = values[1::2]
    if not labels or not all(isinstance(entry, list | tuple) for entry in labels):
        raise TypeError(
            "einsum: subscripts: expected a string, or tensors and lists of integers in turn; "
            "a list of integers is missing."
        )
    text = ",".join(map(_term, labels))
    return (f"{text}->{_term(values[-1])}" if len(values) % 2 else text), operands


def _term(labels: Any) -> str:
    text = ""
    for label in labels:
        number = -1 if label is Ellipsis else operator.index(label)
        if label is not Ellipsis and not 0 <= number < len(string.ascii_letters):
            raise ValueError(
                f"einsum: subscripts: expected integers from 0 to 51 or '...'; got {number}."
            )
        text += "..." if label is Ellipsis else sorted(string.ascii_letters)[number]
    return text


# --------------------------------------------------------------------------------------- other products


@op(dtypes=spec.elementwise)
def dot(x1: Tensor, x2: Tensor) -> Tensor:
    """The sum of products over the last axis of ``x1`` and the second last (or only) one of ``x2``.

    A number is multiplied with every element.

    Example:
        >>> from polynet import ops
        >>> ops.dot([1, 2], [3, 4])
        np.int32(11)
    """
    if not x1.shape or not x2.shape:
        return x1 * x2
    return _over(x1, x2, (len(x1.shape) - 1,), (max(len(x2.shape) - 2, 0),))


@op(dtypes=spec.elementwise)
def inner(x1: Tensor, x2: Tensor) -> Tensor:
    """The sum of products over the last axis of both.

    Example:
        >>> from polynet import ops
        >>> ops.inner([1, 2], [[3, 4], [5, 6]])
        array([11, 17], dtype=int32)
    """
    if not x1.shape or not x2.shape:
        return x1 * x2
    return _over(x1, x2, (len(x1.shape) - 1,), (len(x2.shape) - 1,))


@op(dtypes=spec.elementwise)
def tensordot(x1: Tensor, x2: Tensor, axes: Any = 2) -> Tensor:
    """The sum of products over some axes; the others follow, those of ``x1`` first.

    Args:
        axes: so many of the last axes of ``x1`` and the first of ``x2``; or a pair of axes, or of lists of axes.

    Example:
        >>> from polynet import ops
        >>> ops.tensordot(ops.ones((2, 3)), ops.ones((3, 4)), 1).shape
        (2, 4)
    """
    ndim1, ndim2 = len(x1.shape), len(x2.shape)
    if isinstance(axes, list | tuple):
        if len(axes) != 2:
            raise errors.AxisError(f"axes: expected a number or a pair; got {axes}.")
        first, second = (spec.as_axis(part, "axes") for part in axes)
        left, right = axes_indices(first, ndim1, "axes[0]"), axes_indices(second, ndim2, "axes[1]")
    else:
        number = operator.index(axes)
        if not 0 <= number <= min(ndim1, ndim2):
            raise errors.AxisError(
                f"axes: expected a number from 0 to {min(ndim1, ndim2)} for shapes {tuple(x1.shape)} and "
                f"{tuple(x2.shape)}; got {number}."
            )
        left, right = tuple(range(ndim1 - number, ndim1)), tuple(range(number))
    if len(left) != len(right):
        raise errors.AxisError(f"axes: expected as many axes of x1 as of x2; got {axes}.")
    return _over(x1, x2, left, right)


@op(dtypes=spec.elementwise)
def outer(x1: Tensor, x2: Tensor) -> Tensor:
    """The product of each element of ``x1`` with each of ``x2``, both flattened.

    Example:
        >>> from polynet import ops
        >>> ops.outer([1, 2], [3, 4])
        array([[3, 4],
               [6, 8]], dtype=int32)
    """
    return primitives.reshape(x1, (-1, 1)) * primitives.reshape(x2, (1, -1))


@op(dtypes=spec.elementwise)
def vdot(x1: Tensor, x2: Tensor) -> Tensor:
    """The sum of products of two tensors, flattened; the first one is conjugated.

    Example:
        >>> from polynet import ops
        >>> ops.vdot([1, 2], [3, 4])
        np.int32(11)
    """
    a, b = primitives.reshape(x1, (-1,)), primitives.reshape(x2, (-1,))
    return _over(conj(a) if dtypes.is_complex(dtype_of(a)) else a, b, (0,), (0,))


def _over(x1: Tensor, x2: Tensor, left: tuple[int, ...], right: tuple[int, ...]) -> Tensor:
    """The contraction over axes of both; bool in the sense of ``or`` and ``and``."""
    for i, j in zip(left, right, strict=True):
        if x1.shape[i] != x2.shape[j]:
            raise errors.ShapeError(
                f"shapes {tuple(x1.shape)} and {tuple(x2.shape)} do not match: axis {i} of x1 has length "
                f"{x1.shape[i]}, axis {j} of x2 {x2.shape[j]}."
            )
    subscripts = _subscripts(len(x1.shape), len(x2.shape), left, right)
    if dtype_of(x1) == "bool":
        return not_equal(contract(cast(x1, "int32"), cast(x2, "int32"), subscripts), 0)
    return contract(x1, x2, subscripts)


@functools.lru_cache(maxsize=1024)
def _subscripts(ndim1: int, ndim2: int, left: Order, right: Order) -> str:
    """The subscripts of a sum over axes of both; the others follow in their order."""
    names = iter(string.ascii_letters)
    one, other = ([next(names) for _ in range(ndim)] for ndim in (ndim1, ndim2))
    for i, j in zip(left, right, strict=True):
        other[j] = one[i]
    made = [name for i, name in enumerate(one) if i not in left]
    made += [name for j, name in enumerate(other) if j not in right]
    return f"{''.join(one)},{''.join(other)}->{''.join(made)}"


def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> Tensor:
    """The cross-correlation of two vectors, in a float dtype.

    Args:
        mode: ``"valid"`` where both overlap wholly, ``"same"`` as long as the longer one, ``"full"`` everywhere.

    Example:
        >>> from polynet import ops
        >>> ops.correlate([1.0, 2.0, 3.0], [1.0, 1.0])
        array([3., 5.], dtype=float32)
    """
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"correlate: mode: expected 'valid', 'same' or 'full'; got {mode!r}.")
    return _correlate(convert_to_tensor(x1), convert_to_tensor(x2), mode)


@op(dtypes=spec.elementwise_float)
def _correlate(x1: Tensor, x2: Tensor, mode: str) -> Tensor:
    if len(x1.shape) != 1 or len(x2.shape) != 1 or not x1.shape[0] or not x2.shape[0]:
        raise errors.ShapeError(
            f"x1, x2: expected vectors with elements; got shapes {tuple(x1.shape)} and {tuple(x2.shape)}."
        )
    if dtypes.is_complex(dtype_of(x2)):
        x2 = conj(x2)
    n, m = x1.shape[0], x2.shape[0]
    if m > n:
        return flip(_slid(x2, x1, mode), 0)
    return _slid(x1, x2, mode)


def _slid(x: Tensor, window: Tensor, mode: str) -> Tensor:
    """The products of a window with what it covers as it slides along a vector that is not shorter."""
    n, m = x.shape[0], window.shape[0]
    if mode != "valid":
        before = m - 1 if mode == "full" else m // 2
        x = pad_constant(x, ((before, m - 1 if mode == "full" else m - 1 - before),), 0)
        n = x.shape[0]
    starts = primitives.reshape(iota(n - m + 1, "int32"), (-1, 1))
    covered = index(x, [starts + primitives.reshape(iota(m, "int32"), (1, -1))], (HOLE,))
    return matmul(covered, window)
