"""Rows for the ops of ``polynet/ops/indexing.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, DTypeError, ShapeError

_ALL = slice(None)
_ROWS = ints(values=[2, 0, -1])
_FEW = ints(values=[1, 0])
_COLUMN = ints(values=[[0], [2]])
_MASK = bools(values=[True, False, True])
_PLACES = ints(values=[[0, 1], [2, -1], [2, 3]])
_TWICE = ints(values=[[0], [2], [2]])
_SEGMENTS = ints(values=[2, 0, 0, 5, -1])
_FULL = ints(values=[3, 1, 0, 2, 0, 4])

# Segments are numbered 0 to 3; those of _SEGMENTS beyond belong to none.
_EACH = "np.stack([{start} + np.{fold}.reduce(data[segment_ids == i], 0) for i in range(4)])"
_EXTREME = (
    "np.stack([data[segment_ids == i].{fold}(0) if (segment_ids == i).any() "
    "else np.full(data.shape[1:], {empty}) for i in range(4)])"
)
_SEGMENT = {
    "segment_sum": _EACH.format(start=0, fold="add"),
    "segment_prod": _EACH.format(start=0, fold="multiply"),
    "segment_max": _EXTREME.format(fold="max", empty="-np.inf"),
    "segment_min": _EXTREME.format(fold="min", empty="np.inf"),
}

CASES = [
    # ------------------------------------------------------------------ by key
    *(
        case("get_item", array(4, 3, 5), key, reference="x[key]")
        for key in (
            0,
            (-1, 2),
            slice(1, 3),
            (slice(None, None, -2), slice(5, 0, -1)),
            (..., 1),
            (None, 0, ..., None),
            (),
            (slice(2, 2),),
        )
    ),
    *(
        case("get_item", array(4, 3, 5), key, reference="x[key]", label=label)
        for label, key in (
            ("indices", _ROWS),
            ("a list", [0, 2]),
            ("two indices", (_FEW, _COLUMN)),
            ("indices apart", (_FEW, _ALL, _COLUMN)),
            ("integer and indices", (0, _ALL, _FEW)),
            ("indices and integer", (_FEW, _ALL, -1)),
            ("indices beside None", (_ALL, None, _FEW)),
            ("backwards and indices", (slice(None, None, -1), _FEW)),
            ("0-d index", (ints(values=2), slice(1, 3))),
            ("0-d index and indices", (ints(values=2), _ALL, _FEW)),
            ("repeated indices", ints(values=[1, 1, 1])),
            ("empty index", []),
            ("true", True),
        )
    ),
    case("get_item", array(3, 2), _MASK, reference="x[key]", label="mask"),
    case("get_item", array(2, 3), (_ALL, _MASK), reference="x[key]", label="mask of columns"),
    case("get_item", array(2, 3), bools(2, 3), reference="x[key]", label="mask of all"),
    case("get_item", ints(5), slice(None, None, 2), reference="x[key]"),
    # ------------------------------------------------------------------ by index
    case(
        "take",
        array(2, 3, 4),
        ints(values=[1, -1, 1]),
        axis=1,
        reference="np.take(x, indices, axis)",
    ),
    case("take", array(2, 3), ints(values=[[5, 0], [-1, 2]]), reference="np.take(x, indices)"),
    case(
        "take",
        array(3, 4),
        ints(values=[[0, 2], [1, 1]]),
        axis=0,
        reference="np.take(x, indices, axis)",
    ),
    case("take", array(3, 4), ints(values=2), axis=-1, reference="np.take(x, indices, axis)"),
    case("take", ints(3), [0, 2], axis=0, reference="np.take(x, indices, axis)"),
    case(
        "take",
        array(3, 2),
        ints(values=[2, 0], dtype="uint8"),
        axis=0,
        reference="np.take(x, indices, 0)",
    ),
    case(
        "take_along_axis",
        array(2, 3),
        ints(2, 2, low=-3, high=3),
        axis=1,
        reference="np.take_along_axis(x, indices, axis)",
    ),
    case(
        "take_along_axis",
        array(2, 3, 2),
        ints(1, 3, 2, low=0, high=2),
        axis=0,
        reference="np.take_along_axis(x, indices, axis)",
    ),
    case(
        "take_along_axis",
        array(2, 3),
        ints(1, 2, low=0, high=3),
        axis=-1,
        reference="np.take_along_axis(x, np.repeat(indices, 2, 0), axis)",
    ),
    case("take_along_axis", array(2, 3), ints(values=[5, 0]), reference="x.ravel()[indices]"),
    case("where", bools(2, 3), array(2, 3), array(3), reference="np.where(condition, x1, x2)"),
    case("where", bools(3), ints(3), 2.5, reference="np.where(condition, x1, x2)"),
    case("where", ints(2, 2, low=0, high=2), reference="np.where(condition)"),
    case("nonzero", array(values=[[0.0, float("nan")], [-1.0, 0.0]]), reference="np.nonzero(x)"),
    case("nonzero", bools(5), reference="np.nonzero(x)"),
    case(
        "select",
        [bools(4), bools(4)],
        [array(4), array(2, 4)],
        array(),
        reference="np.select(condlist, choicelist, default)",
    ),
    case(
        "select",
        [bools(2, 3)],
        [ints(3)],
        default=1.5,
        reference="np.select(condlist, choicelist, default)",
    ),
    case(
        "unravel_index",
        ints(values=[[0, 5], [23, 7]]),
        (2, 3, 4),
        reference="np.unravel_index(indices, shape)",
    ),
    case(
        "unravel_index",
        ints(values=[-1, 99], dtype="int64"),
        (2, 3),
        reference="(np.array([1, 1]), np.array([2, 2]))",
    ),
    # ------------------------------------------------------------------ by position
    case(
        "scatter",
        _TWICE,
        array(3),
        (4,),
        reference="scattered(np.zeros(shape), indices, values, np.add)",
    ),
    case(
        "scatter",
        _TWICE,
        array(3, 2),
        (3, 2),
        reference="scattered(np.zeros(shape), indices, values, np.add)",
    ),
    case("scatter", ints(0, 2), ints(0), (2, 2), reference="np.zeros(shape, 'int32')"),
    *(
        case(
            "scatter_update",
            array(3, 4),
            indices,
            updates,
            reduction=how,
            reference=f"scattered(inputs, indices, updates, {function})",
            label=f"{how} {label}",
        )
        for how, function in (
            (None, "None"),
            ("add", "np.add"),
            ("mul", "np.multiply"),
            ("max", "np.maximum"),
            ("min", "np.minimum"),
        )
        for label, indices, updates in (
            ("elements", _PLACES, array(3)),
            ("rows", _TWICE, array(3, 4)),
        )
    ),
    case(
        "scatter_update",
        array(values=[0.0, 2.0, 3.0]),
        ints(values=[[0], [1], [1], [2]]),
        array(values=[2.0, 0.0, 5.0, 4.0]),
        reduction="mul",
        reference="scattered(inputs, indices, updates, np.multiply)",
        label="products with zeros",
        grad=1,
        why="second derivatives leave out what several zeros at one place make together",
    ),
    case(
        "scatter_update",
        ints(4),
        [[1]],
        array(1),
        reference="scattered(inputs, indices, updates, None)",
    ),
    case("slice", array(3, 4), [1, 0], [2, -1], reference="inputs[1:]"),
    case("slice", array(3, 4), [0, -2], [3, 2], reference="inputs[:, 2:]"),
    case("slice", array(3, 4), ints(values=[1, 2]), [1, 2], reference="inputs[1:2, 2:]"),
    case(
        "slice",
        array(3, 4),
        ints(values=[5, -3]),
        [2, 2],
        reference="inputs[1:, 1:3]",
        label="moved in",
    ),
    case("slice", array(3, 4), [0, ints(values=1)], [3, 2], reference="inputs[:, 1:3]"),
    case(
        "slice_update", array(4), [1], array(2), reference="np.r_[inputs[:1], updates, inputs[3:]]"
    ),
    case(
        "slice_update",
        array(2, 4),
        ints(values=[0, 9]),
        array(2, 1),
        reference="np.c_[inputs[:, :3], updates]",
        label="moved in",
    ),
    case(
        "slice_update",
        array(3, 3),
        ints(values=[1, 1]),
        array(2, 2),
        reference="np.block([[inputs[:1, :1], inputs[:1, 1:]], [inputs[1:, :1], updates]])",
    ),
    # ------------------------------------------------------------------ by segment
    *(
        case(op, array(5, *rest), _SEGMENTS, 4, reference=_SEGMENT[op])
        for op in ("segment_sum", "segment_prod")
        for rest in ((), (2,))
    ),
    *(
        case(
            op,
            array(5),
            _SEGMENTS,
            4,
            reference=_SEGMENT[op],
            grad=False,
            why="infinite for an empty segment",
        )
        for op in ("segment_max", "segment_min")
    ),
    *(
        case(op, array(6, *rest), _FULL, 4, reference=_SEGMENT[op])
        for op in ("segment_max", "segment_min")
        for rest in ((), (2,))
    ),
    case(
        "segment_sum",
        array(4),
        ints(values=[0, 0, 1, 3]),
        4,
        sorted=True,
        reference=_SEGMENT["segment_sum"],
    ),
    case("segment_sum", ints(3), [0, 2, 0], reference="np.array([data[0] + data[2], 0, data[1]])"),
    case("segment_sum", array(0, 2), ints(0), 4, reference="np.zeros((4, 2))"),
    case("segment_max", ints(2), [0, 0], 2, reference="np.array([data.max(), -(2**31)])"),
    case("segment_min", ints(2, dtype="uint8"), [1, 1], 2, reference="np.array([255, data.min()])"),
    case(
        "segment_max",
        array(values=[1.0, 3.0, 3.0]),
        [0, 0, 0],
        1,
        reference="np.array([3.0])",
        label="ties",
        grad=False,
        why="the derivative at a tie is a convention",
    ),
]

BAD = [
    bad(
        "get_item",
        array(3, 4),
        (0, 0, 0),
        error=AxisError,
        match="key: 3 indices for a tensor of 2 dimensions",
    ),
    bad(
        "get_item",
        array(3, 4),
        (0, 4),
        error=AxisError,
        match="index 4 is out of range for axis 1 of length 4",
    ),
    bad("get_item", array(3), "name", error=TypeError, match="key: expected integers, slices"),
    bad(
        "get_item",
        array(3),
        [0.5],
        error=DTypeError,
        match="expected index tensors of integers or bool",
    ),
    bad("get_item", array(3), slice(0, 1.5), error=TypeError, match="slices need integers"),
    bad("get_item", array(3), (..., ...), error=AxisError, match="at most one '...'"),
    bad(
        "get_item", array(3), bools(2), error=ShapeError, match="a mask of shape (2,) does not fit"
    ),
    bad("take", array(3), [0.5], error=DTypeError, match="indices: expected integers; got float32"),
    bad("take", array(3), [0], axis=1, error=AxisError, match="axis: 1 is out of range"),
    bad(
        "take_along_axis",
        array(2, 3),
        ints(2),
        axis=0,
        error=ShapeError,
        match="expected 2 dimensions",
    ),
    bad("where", bools(3), array(3), error=ValueError, match="got only x1"),
    bad(
        "select",
        [],
        [],
        error=ValueError,
        match="expected as many of each, at least one; got 0 and 0",
    ),
    bad("unravel_index", ints(2), (0, 2), error=ShapeError, match="has no elements to find"),
    bad(
        "scatter_update",
        array(3),
        ints(1, 2),
        array(1),
        error=ShapeError,
        match="rows of at most 1 integers",
    ),
    bad(
        "scatter_update", array(3), ints(2, 1), array(3), error=ShapeError, match="do not broadcast"
    ),
    bad(
        "scatter_update",
        *(array(3), ints(1, 1), array(1)),
        reduction="sum",
        error=ValueError,
        match="reduction: expected None, 'add', 'mul', 'max' or 'min'; got 'sum'",
    ),
    bad("slice", array(3, 4), [0], [1], error=ShapeError, match="expected 2 integers each"),
    bad(
        "slice",
        array(3, 4),
        [0, 3],
        [1, 2],
        error=ShapeError,
        match="do not lie within axis 1 of length 4",
    ),
    bad(
        "slice_update",
        array(3),
        [2],
        array(2),
        error=ShapeError,
        match="do not lie within axis 0 of length 3",
    ),
    bad(
        "segment_sum",
        array(3),
        ints(2),
        2,
        error=ShapeError,
        match="segment_ids: expected a vector",
    ),
    bad(
        "segment_sum",
        array(3),
        array(3),
        2,
        error=DTypeError,
        match="expected integers; got float32",
    ),
    bad(
        "segment_sum",
        array(3),
        ints(3),
        -1,
        error=ValueError,
        match="num_segments: expected 0 or more",
    ),
]
