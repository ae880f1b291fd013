"""Rows for the ops of ``polynet/ops/contraction.py``; nothing but rows."""

from typing import Any

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, ShapeError

_EINSUM = "np.einsum(subscripts, *operands)"
_BIASED = "np.einsum(subscripts, x, kernel) + bias"
_SIZES = {"a": 2, "b": 3, "c": 4, "d": 2, "h": 2}


def _operands(subscripts: str) -> list[Any]:
    """A tensor for each term, with the lengths of ``_SIZES``."""
    terms = subscripts.partition("->")[0].split(",")
    return [array(*(_SIZES[label] for label in term)) for term in terms]


CASES = [
    *(
        case("affine", array(*x, 4), array(4, 5), array(5), reference="x @ kernel + bias")
        for x in ((3,), (2, 3), (0,))
    ),
    case("affine", array(4), array(4, 5), array(5), reference="x @ kernel + bias"),
    case(
        "biased_einsum", array(2, 3, 4), array(4, 2), array(2), "...c,cd->...d", reference=_BIASED
    ),
    *(
        case("biased_einsum", *_operands(subscripts), array(*bias), subscripts, reference=_BIASED)
        for subscripts, bias in (
            ("abc,cd->abd", (2,)),
            ("abc,cdh->abdh", (2, 2)),
            ("abcd,cdh->abh", (2,)),
            ("abc,cdh->abdh", (2, 1)),
            ("abc,cd->adb", (2, 1)),
            ("ab,ab->a", (2,)),
            ("c,cd->d", (2,)),
        )
    ),
    *(
        case("einsum", subscripts, *_operands(subscripts), reference=_EINSUM)
        for subscripts in (
            "ab,bc->ac",
            "ab,bc",
            "ab,cb->ca",
            "abc,acd->abd",
            "abch,adch->ahbd",
            "ab,ab->",
            "ab,ab->a",
            "ab,ab->ba",
            "a,b->ab",
            "ab->ba",
            "ab->",
            "abc->b",
            "aa->a",
            "aa",
            "ada->d",
            "aab,b->a",
            "ab,b->b",
            "ab,c->a",
            ",ab->ab",
            "ab,bc,cd->ad",
            "ab,bc,cd,da->",
            "ab,ac,ad->bcd",
        )
    ),
    case(
        "einsum",
        "...ab,...bc->...ac",
        array(2, 3, 2),
        array(2, 4),
        reference="np.matmul(*operands)",
    ),
    case("einsum", "...a,...a->...", array(3, 1, 2), array(4, 2), reference=_EINSUM),
    case("einsum", "...a->a...", array(2, 3, 4), reference=_EINSUM),
    case("einsum", "a...,b->...b", array(1, 3), array(2), reference=_EINSUM),
    case(
        "einsum",
        "b, ab -> a",
        array(1),
        array(2, 3),
        reference=_EINSUM,
        label="length 1 broadcasts",
    ),
    case("einsum", array(2, 3), [0, 1], array(3), [1], [0], reference="subscripts @ operands[1]"),
    case("einsum", "ab,bc->ac", ints(2, 3), ints(3, 2), reference=_EINSUM),
    case(
        "einsum", "ab,bc->ac", ints(2, 3, dtype="int8"), ints(3, 2, dtype="int8"), reference=_EINSUM
    ),
    case("einsum", "ab->a", ints(2, 3, dtype="int16"), reference=_EINSUM),
    case("einsum", "ab,bc->ac", bools(2, 3), bools(3, 2), reference="operands[0] @ operands[1]"),
    case("einsum", "ab,b->a", ints(2, 3), array(3), reference=_EINSUM),
    case("einsum", "ab,bc->ac", array(2, 0), array(0, 3), reference="np.zeros((2, 3))"),
    case("einsum", "ab,ab->a", array(0, 3), array(0, 3), reference="np.zeros(0)"),
    case(
        "einsum",
        "ab,bc->ac",
        array(2, 3, dtype="complex64"),
        array(3, 2, dtype="complex64"),
        reference=_EINSUM,
    ),
    # ------------------------------------------------------------------ the others
    *(
        case("dot", array(*one), array(*other), reference="np.dot(x1, x2)")
        for one, other in (
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((2, 3), (3, 2)),
            ((2, 3), (2, 3, 2)),
            ((), (3,)),
            ((2,), ()),
        )
    ),
    case("dot", ints(2, 3), array(3), reference="np.dot(x1, x2)"),
    case("dot", bools(2, 3), bools(3), reference="np.dot(x1, x2)"),
    *(
        case("inner", array(*one), array(*other), reference="np.inner(x1, x2)")
        for one, other in (((3,), (3,)), ((2, 3), (3,)), ((2, 3), (2, 2, 3)), ((), (3,)))
    ),
    *(
        case(
            "tensordot",
            array(2, 3, 4),
            array(4, 3, 2),
            axes=axes,
            reference="np.tensordot(x1, x2, axes)",
        )
        for axes in (0, 1, (2, 0), ([1, 2], [1, 0]), ([-1, 0], [0, -1]))
    ),
    case(
        "tensordot",
        array(2, 3),
        array(2, 3),
        axes=([0, 1], [0, 1]),
        reference="np.tensordot(x1, x2)",
    ),
    case("outer", array(2), array(3), reference="np.outer(x1, x2)"),
    case("outer", array(2, 2), ints(), reference="np.outer(x1, x2)"),
    case("vdot", array(2, 3), array(6), reference="np.vdot(x1, x2)"),
    case(
        "vdot",
        array(2, dtype="complex64"),
        array(2, dtype="complex64"),
        reference="np.vdot(x1, x2)",
    ),
    case("vdot", ints(3), ints(3), reference="np.vdot(x1, x2)"),
    *(
        case("correlate", array(n), array(m), mode=mode, reference="np.correlate(x1, x2, mode)")
        for n, m in ((6, 3), (3, 4), (2, 2))
        for mode in ("valid", "same", "full")
    ),
    case("correlate", ints(4), ints(2), reference="np.correlate(x1, x2)"),
    case(
        "correlate",
        array(3, dtype="complex64"),
        array(2, dtype="complex64"),
        reference="np.correlate(x1, x2)",
    ),
]

BAD = [
    bad(
        "einsum",
        "ab,bc",
        array(2, 3),
        error=ShapeError,
        match="einsum: subscripts 'ab,bc': 2 terms for 1 operand",
    ),
    bad(
        "einsum",
        "ab->a",
        array(2, 3, 4),
        error=ShapeError,
        match="operand 0 has the shape (2, 3, 4)",
    ),
    bad(
        "einsum",
        "ab,bc->ac",
        array(2, 3),
        array(2, 3),
        error=ShapeError,
        match="'b' has the lengths 3 and 2",
    ),
    bad(
        "einsum",
        "aa->a",
        array(2, 3),
        error=ShapeError,
        match="axes of different lengths of operand 0",
    ),
    bad(
        "einsum",
        "ab->aa",
        array(2, 3),
        error=ShapeError,
        match="a letter stands twice after the arrow",
    ),
    bad(
        "einsum",
        "ab->c",
        array(2, 3),
        error=ShapeError,
        match="c stands after the arrow, but not before it",
    ),
    bad("einsum", "...a->a", array(2, 3), error=ShapeError, match="'...' stands before the arrow"),
    bad(
        "einsum",
        "a;b->a",
        array(2, 3),
        error=ShapeError,
        match="expected letters and at most one '...'",
    ),
    bad(
        "einsum",
        "ab",
        array(2, 3),
        order="C",
        error=TypeError,
        match="einsum: unknown arguments order",
    ),
    bad("einsum", array(2), array(2), error=TypeError, match="subscripts: expected a string"),
    bad(
        "dot",
        array(2, 3),
        array(2, 3),
        error=ShapeError,
        match="axis 1 of x1 has length 3, axis 0 of x2 2",
    ),
    bad(
        "inner",
        array(2, 3),
        array(2),
        error=ShapeError,
        match="axis 1 of x1 has length 3, axis 0 of x2 2",
    ),
    bad(
        "tensordot",
        array(2, 3),
        array(3),
        axes=2,
        error=AxisError,
        match="axes: expected a number from 0 to 1",
    ),
    bad(
        "tensordot",
        array(2, 3),
        array(3),
        axes=([0, 1], [0]),
        error=AxisError,
        match="as many axes of x1 as of x2",
    ),
    bad("vdot", array(2), array(3), error=ShapeError, match="do not match"),
    bad(
        "correlate", array(2, 2), array(2), error=ShapeError, match="expected vectors with elements"
    ),
    bad(
        "correlate",
        array(2),
        array(2),
        mode="vaild",
        error=ValueError,
        match="expected 'valid', 'same' or 'full'",
    ),
]
