"""Rows for the ops of ``polynet/ops/sorting.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, DTypeError, ShapeError

_INF, _NAN = float("inf"), float("nan")
_TIES = array(values=[[2.0, 1.0, 2.0, 3.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
_MIXED = array(values=[2.0, _NAN, -_INF, _INF, 1.0, _NAN])
_MANY = array(2, 5, 128)
_NOT_SMOOTH = "ties, or not a number"

_DESCENDING = (
    "(lambda i: (np.take_along_axis(x, i, -1), i))"
    "(np.flip(x.shape[-1] - 1 - np.argsort(np.flip(x, -1), -1, kind='stable'), -1)[..., :k])"
)

CASES = [
    *(
        case("sort", array(2, 3, 4), axis=axis, reference="np.sort(x, axis)")
        for axis in (-1, 0, 1, None)
    ),
    *(
        case("argsort", array(2, 3, 4), axis=axis, reference="np.argsort(x, axis)")
        for axis in (-1, 0, 1, None)
    ),
    *(
        case(op, x, reference=f"np.{op}(x, kind='stable')", grad=False, why=_NOT_SMOOTH)
        for op in ("sort", "argsort")
        for x in (_TIES, _MIXED, ints(9), ints(9, dtype="int8"), bools(6), array(0), array(2, 0))
    ),
    case("sort", array(), axis=None, reference="x.reshape(1)"),
    case("argpartition", array(2, 5), 2, reference="np.argsort(x, -1)"),
    case("argpartition", array(4, 2), -1, axis=0, reference="np.argsort(x, 0)"),
    case("argpartition", ints(5), 1, axis=None, reference="np.argsort(x, kind='stable')"),
    *(
        case(
            "top_k",
            x,
            k,
            reference=_DESCENDING,
            grad=x is not _TIES and x is not _MIXED,
            why=_NOT_SMOOTH,
        )
        for x, k in (
            (array(2, 3, 6), 2),
            (array(4), 4),
            (array(4), 0),
            (_TIES, 3),
            (_MIXED, 4),
            (ints(8), 3),
            (ints(8, low=0, dtype="uint8"), 3),
            (bools(5), 2),
            (array(0, 3), 2),
        )
    ),
    case("top_k", array(7), 3, sorted=False, reference=_DESCENDING),
    *(  # of many a few, which may be found without sorting all
        case(
            "top_k",
            x,
            5,
            reference=_DESCENDING,
            grad=x is _MANY,
            why=_NOT_SMOOTH,
            label=label,
        )
        for label, x in (
            ("of many", _MANY),
            ("of many integers", ints(9, 128)),
            ("of many bytes", ints(9, 128, dtype="int8", low=-128, high=128)),
            ("of many unsigned", ints(9, 128, dtype="uint8", low=0, high=256)),
            ("of many with NaN", array(values=[[_NAN, *range(500)], [-_INF] * 500 + [_NAN]] * 2)),
        )
    ),
    case(
        "in_top_k",
        array(values=[1, 2, 0], dtype="int32"),
        array(values=[[0.1, 0.9, 0.1], [0.2, 0.3, 0.3], [0.1, 0.7, 0.2]]),
        1,
        reference="np.array([True, True, False])",
    ),
    case(
        "in_top_k",
        array(values=[0, 1, 2, 3], dtype="int32"),
        array(values=[[3.0, 2.0, 2.0, 1.0]] * 4),
        2,
        reference="np.array([True, True, True, False])",
        label="ties",
    ),
    case(
        "in_top_k",
        array(values=[5, -1, 0], dtype="int32"),
        array(3, 3),
        3,
        reference="np.array([False, False, True])",
        label="no such class",
    ),
    case(
        "in_top_k",
        array(values=[0, 1], dtype="int64"),
        array(values=[[_NAN, 1.0, 2.0], [_NAN, 1.0, 2.0]]),
        2,
        reference="np.array([False, False])",
    ),
    case(
        "in_top_k",
        array(values=[0], dtype="int32"),
        array(values=[[_INF, 1.0, 2.0]]),
        1,
        reference="np.array([True])",
    ),
    case(
        "in_top_k", array(values=[1], dtype="int32"), array(1, 3), 9, reference="np.array([True])"
    ),
    case("in_top_k", ints(0), array(0, 3), 1, reference="np.zeros(0, bool)"),
    *(
        case(
            "searchsorted",
            array(values=[-1.0, 0.0, 0.5, 0.5, 2.0]),
            values,
            side=side,
            reference="np.searchsorted(sorted_sequence, values, side)",
        )
        for side in ("left", "right")
        for values in (
            array(3, 4),
            array(values=[-1.0, 0.5, 2.0, -3.0, 9.0]),
            array(values=[_NAN, _INF, -_INF]),
            array(),
            array(0),
            ints(4),
            0.5,
        )
    ),
    *(
        case(
            "searchsorted",
            array(values=[1.0, _NAN, _NAN]),
            array(values=[0.0, 2.0, _NAN]),
            side=side,
            reference="np.searchsorted(sorted_sequence, values, side)",
        )
        for side in ("left", "right")
    ),
    case(
        "searchsorted",
        array(values=[1, 3, 5], dtype="int32"),
        array(values=[2.5, 3.0, 7.0]),
        reference="np.searchsorted(sorted_sequence, values)",
    ),
    case(
        "searchsorted",
        array(values=[1, 3, 200], dtype="uint8"),
        ints(4, low=-3, high=4),
        reference="np.searchsorted(sorted_sequence, values)",
    ),
    case("searchsorted", array(0), array(3), reference="np.zeros(3, int)"),
    case("isin", ints(3, 4), ints(3), reference="np.isin(x1, x2)"),
    case("isin", ints(3, 4), ints(2, 2), invert=True, reference="np.isin(x1, x2, invert=True)"),
    case("isin", ints(5), ints(3), assume_unique=True, reference="np.isin(x1, x2)"),
    case(
        "isin",
        array(values=[1.0, 2.0, _NAN, _INF]),
        array(values=[2.0, _NAN, _INF]),
        reference="np.isin(x1, x2)",
    ),
    case("isin", ints(4), 2, reference="np.isin(x1, x2)"),
    case("isin", ints(4), array(values=[2.0, 2.5]), reference="np.isin(x1, x2)"),
    case("isin", bools(4), bools(values=[True]), reference="np.isin(x1, x2)"),
    case("isin", array(3), array(0), reference="np.isin(x1, x2)"),
    case("isin", array(3), array(0), invert=True, reference="np.isin(x1, x2, invert=True)"),
    case("isin", array(0), array(3), reference="np.isin(x1, x2)"),
    case("unique", ints(9), reference="np.unique(x)"),
    case(
        "unique",
        ints(3, 4),
        sorted=True,
        return_index=True,
        return_inverse=True,
        return_counts=True,
        reference="tuple(np.unique(x, True, True, True))",
    ),
    case("unique", ints(3, 4), return_inverse=True, reference="tuple(np.unique(x, False, True))"),
    case(
        "unique",
        array(values=[_NAN, 1.0, _NAN, -_INF]),
        return_counts=True,
        reference="(np.array([-np.inf, 1, np.nan, np.nan]), np.ones(4, int))",
        grad=False,
        why="indices",
    ),
    case(
        "unique",
        array(values=[[3, 1], [3, 1], [0, 0]], dtype="int32"),
        return_index=True,
        return_inverse=True,
        return_counts=True,
        axis=0,
        reference="tuple(np.unique(x, True, True, True, axis=0))",
    ),
    case(
        "unique",
        array(values=[[3, 1, 3], [3, 1, 3]], dtype="int32"),
        axis=-1,
        reference="np.unique(x, axis=1)",
    ),
    case(
        "unique",
        array(values=[3, 1, 3], dtype="int32"),
        return_index=True,
        return_inverse=True,
        return_counts=True,
        size=4,
        reference="(np.array([1, 3, 1, 1]), np.array([1, 0, 1, 1]), np.array([1, 0, 1]), "
        "np.array([1, 2, 0, 0]))",
    ),
    case(
        "unique",
        array(values=[3, 1, 3], dtype="int32"),
        size=4,
        fill_value=9,
        reference="np.array([1, 3, 9, 9])",
    ),
    case(
        "unique",
        array(values=[3, 1, 3, 7], dtype="int32"),
        return_inverse=True,
        size=2,
        reference="(np.array([1, 3]), np.array([1, 0, 1, 2]))",
    ),
    case(
        "unique",
        array(values=[[3, 1], [3, 1], [0, 0]], dtype="int32"),
        axis=0,
        size=3,
        fill_value=7,
        reference="np.array([[0, 0], [3, 1], [7, 7]])",
    ),
    case("unique", bools(5), reference="np.unique(x)"),
    case("unique", array(0), reference="np.unique(x)"),
    *(
        case(op, ints(6, dtype=dtype), *others, reference=ref)
        for dtype in ("uint16", "uint32")
        for op, others, ref in (
            ("sort", (), "np.sort(x)"),
            ("argsort", (), "np.argsort(x, kind='stable')"),
            ("top_k", (3,), _DESCENDING),
            ("isin", (3,), "np.isin(x1, x2)"),
            ("unique", (), "np.unique(x)"),
        )
    ),
    case(
        "searchsorted",
        array(values=[1, 3, 200], dtype="uint16"),
        ints(4, dtype="uint16"),
        reference="np.searchsorted(sorted_sequence, values)",
    ),
    # ---------------------------------------------------------------------------- bad input
    *(
        bad(op, array(2, 3), axis=2, error=AxisError, match="axis: 2 is out of range")
        for op in ("sort", "argsort", "unique")
    ),
    bad("sort", array(), error=AxisError, match="a 0-d tensor has no axis"),
    bad("sort", array(2, dtype="complex64"), error=DTypeError, match="expected real numbers"),
    bad("argpartition", array(3), 3, error=ValueError, match="kth: 3 is out of range"),
    bad("argpartition", array(3), 0, axis=1, error=AxisError, match="axis: 1 is out of range"),
    bad("top_k", array(3), 4, error=ValueError, match="k: expected 0 to 3"),
    bad("top_k", array(3), -1, error=ValueError, match="k: expected 0 to 3"),
    bad("top_k", array(), 1, error=ValueError, match="k: expected 0 to 0"),
    bad("in_top_k", array(2), array(2, 3), 1, error=DTypeError, match="targets: expected integers"),
    bad("in_top_k", ints(2), array(3, 3), 1, error=ShapeError, match="expected targets of shape"),
    bad("in_top_k", ints(3), array(3), 1, error=ShapeError, match="expected targets of shape"),
    bad("searchsorted", array(2, 3), array(2), error=ShapeError, match="expected one dimension"),
    bad("searchsorted", array(3), array(2), side="up", error=ValueError, match="'left' or 'right'"),
]
