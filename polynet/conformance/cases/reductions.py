"""Rows for the ops of ``polynet/ops/reductions.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, DTypeError, ShapeError

_INF, _NAN = float("inf"), float("nan")
_HOLES = array(values=[[_NAN, 1.0, -2.0], [3.0, 0.5, 4.0], [_NAN, _NAN, 7.0]])
_ALL_NAN = array(values=[[_NAN, _NAN], [1.0, _NAN]])
_PARTLY_UNBOUNDED = array(values=[[_INF, _NAN, 1.0], [_INF, 2.0, 1.0]])
_UNBOUNDED = array(values=[[_INF, _NAN, -_INF], [_INF, _INF, _INF]])
_INFINITE = "infinite or not a number"

# ----------------------------------------------------------- ops with axis and keepdims, alike

_REDUCE = {
    "mean": "np.mean(x, axis, keepdims=keepdims)",
    "var": "np.var(x, axis, keepdims=keepdims)",
    "std": "np.std(x, axis, keepdims=keepdims)",
    "median": "np.median(x, axis, keepdims=keepdims)",
    "max": "np.max(x, axis, keepdims=keepdims)",
    "min": "np.min(x, axis, keepdims=keepdims)",
    "amax": "np.max(x, axis, keepdims=keepdims)",
    "amin": "np.min(x, axis, keepdims=keepdims)",
    "ptp": "np.ptp(x, axis, keepdims=keepdims)",
    "prod": "np.prod(x, axis, keepdims=keepdims)",
    "logsumexp": "special.logsumexp(x, axis, keepdims=keepdims)",
    "nanmean": "np.nanmean(x, axis, keepdims=keepdims)",
    "nanvar": "np.nanvar(x, axis, keepdims=keepdims)",
    "nanstd": "np.nanstd(x, axis, keepdims=keepdims)",
    "nanmedian": "np.nanmedian(x, axis, keepdims=keepdims)",
    "nanmax": "np.nanmax(x, axis, keepdims=keepdims)",
    "nanmin": "np.nanmin(x, axis, keepdims=keepdims)",
    "nansum": "np.nansum(x, axis, keepdims=keepdims)",
    "nanprod": "np.nanprod(x, axis, keepdims=keepdims)",
}
_NAN_REDUCE = {op: ref for op, ref in _REDUCE.items() if op.startswith("nan")}
_AXES = ((None, False), (0, False), (-1, True), ((0, -1), False), ((1,), True), ((), False))
_CENTERED = ("var", "std", "nanvar", "nanstd")  # infinite slopes for finite elements too
_NO_EMPTY_AXES = ("median", "nanmedian")  # the references take () as None

_CUMULATIVE = {
    "cumsum": "np.cumsum(x, axis)",
    "cumprod": "np.cumprod(x, axis)",
    "nancumsum": "np.nancumsum(x, axis)",
    "nancumprod": "np.nancumprod(x, axis)",
}

_QUANTILE = {
    "quantile": "np.quantile(x, q, axis, method=method, keepdims=keepdims)",
    "nanquantile": "np.nanquantile(x, q, axis, method=method, keepdims=keepdims)",
    "percentile": "np.percentile(x, q, axis, method=method, keepdims=keepdims)",
    "nanpercentile": "np.nanpercentile(x, q, axis, method=method, keepdims=keepdims)",
}
_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _level(op: str, q: float) -> float:
    return 100 * q if "percentile" in op else q


CASES = [
    *(
        case(op, array(2, 3, 4), axis=axis, keepdims=keepdims, reference=ref)
        for op, ref in _REDUCE.items()
        for axis, keepdims in _AXES
        if axis != () or op not in _NO_EMPTY_AXES
    ),
    *(case(op, array(5), keepdims=False, axis=None, reference=ref) for op, ref in _REDUCE.items()),
    *(
        case(op, array(), keepdims=False, axis=None, reference=ref, label="0-d")
        for op, ref in _REDUCE.items()
    ),
    *(
        case(op, array(0, 3), axis=1, keepdims=False, reference=ref, label="empty result")
        for op, ref in _REDUCE.items()
        if op not in ("median", "nanmedian")
    ),
    *(
        case(op, ints(3, 4, low=1), axis=1, keepdims=False, reference=ref)
        for op, ref in _REDUCE.items()
    ),
    *(
        case(op, ints(3, 4, dtype="int8", low=1), axis=0, keepdims=True, reference=ref)
        for op, ref in _REDUCE.items()
    ),
    *(
        case(
            op,
            bools(3, 2),
            axis=0,
            keepdims=False,
            reference=ref if op.endswith(("max", "min")) else ref.replace("(x,", "(x * 1,"),
        )
        for op, ref in _REDUCE.items()
        if op != "ptp"
    ),
    *(
        case(
            op,
            _UNBOUNDED if op in _CENTERED else _PARTLY_UNBOUNDED,
            axis=1,
            keepdims=False,
            reference=ref,
            grad=False,
            why=_INFINITE,
        )
        for op, ref in _REDUCE.items()
    ),
    *(
        case(
            op,
            array(0, 3),
            axis=0,
            keepdims=False,
            reference="np.full(3, np.nan)",
            grad=False,
            why="there is nothing to differentiate",
            label="nothing",
        )
        for op in ("mean", "var", "std", "median", "nanmean", "nanvar", "nanmedian")
    ),
    *(
        case(
            op,
            array(0, 3),
            axis=0,
            keepdims=False,
            reference=ref,
            grad=False,
            why="there is nothing to differentiate",
            label="nothing",
        )
        for op, ref in (
            ("prod", "np.ones(3)"),
            ("nansum", "np.zeros(3)"),
            ("nanprod", "np.ones(3)"),
            ("logsumexp", "np.full(3, -np.inf)"),
        )
    ),
    *(
        case(op, array(3, dtype="complex64"), axis=None, keepdims=False, reference=ref)
        for op, ref in _REDUCE.items()
        if op in ("mean", "var", "std", "prod", "logsumexp", "nanmean", "nanvar", "nansum")
    ),
    *(
        case(op, _HOLES, axis=axis, keepdims=keepdims, reference=ref)
        for op, ref in _NAN_REDUCE.items()
        for axis, keepdims in ((None, False), (0, True), (-1, False))
    ),
    *(
        case(op, _ALL_NAN, axis=1, keepdims=False, reference=ref, grad=False, why=_INFINITE)
        for op, ref in _NAN_REDUCE.items()
    ),
    # ------------------------------------------------------------------------- along an axis
    *(
        case(op, array(2, 3, 4), axis=axis, reference=ref)
        for op, ref in _CUMULATIVE.items()
        for axis in (None, 0, 1, -1)
    ),
    *(case(op, array(0, 3), axis=0, reference=ref) for op, ref in _CUMULATIVE.items()),
    *(case(op, ints(4), axis=0, reference=ref) for op, ref in _CUMULATIVE.items()),
    *(case(op, bools(4), axis=0, reference=ref) for op, ref in _CUMULATIVE.items()),
    *(
        case(op, ints(4, dtype="int8"), axis=0, dtype="float32", reference=ref)
        for op, ref in _CUMULATIVE.items()
    ),
    *(
        case(op, ints(4, dtype="int8"), axis=0, reference=f"{ref}.astype('int8')")
        for op, ref in _CUMULATIVE.items()
    ),
    *(
        case(op, _HOLES, axis=axis, reference=_CUMULATIVE[op])
        for op in ("nancumsum", "nancumprod")
        for axis in (None, 1)
    ),
    case("cumprod", array(values=[2.0, 0.0, 3.0, 0.0, 4.0]), reference="np.cumprod(x)"),
    case("cumsum", array(), reference="np.cumsum(x)"),
    case("cumprod", array(), reference="np.cumprod(x)"),
    case("cumprod", array(3, dtype="complex64"), reference="np.cumprod(x)"),
    # ------------------------------------------------------------ max, min, prod with more
    case("max", array(2, 3), axis=1, initial=0.5, reference="np.max(x, axis, initial=initial)"),
    case("max", array(0, 3), axis=0, initial=2.0, reference="np.full(3, 2.0)"),
    case(
        "max", array(0, 3), axis=[0], keepdims=True, initial=2.0, reference="np.full((1, 3), 2.0)"
    ),
    case("max", array(0, 3), axis=1, initial=2.0, reference="np.zeros(0)"),
    case("max", ints(3), initial=7, reference="7"),
    case(
        "max", array(values=[1.0, _NAN]), initial=7.0, reference="np.nan", grad=False, why=_INFINITE
    ),
    case("max", array(values=[2.0, 2.0, 1.0]), reference="2.0", grad=False, why="ties"),
    case("min", array(2, 3), axis=1, initial=0.5, reference="np.min(x, axis, initial=initial)"),
    case("min", array(0), initial=2.0, reference="2.0"),
    case("min", ints(3, dtype="int8"), initial=-7, reference="-7"),
    case("prod", array(values=[100, 100], dtype="int8"), dtype="int8", reference="16"),
    case("prod", array(values=[100, 100], dtype="int8"), reference="10000"),
    case("prod", ints(2, 3), axis=1, dtype="float32", reference="np.prod(x, axis)"),
    case(
        "prod",
        array(values=[[2.0, 0.0, 3.0], [0.0, 0.0, 4.0]]),
        axis=1,
        reference="np.prod(x, axis)",
    ),
    *(
        case(op, ints(4, low=1, dtype=dtype), reference=ref)
        for dtype in ("uint16", "uint32")
        for op, ref in (
            ("cumprod", "np.cumprod(x)"),
            ("nancumsum", "np.cumsum(x)"),
            ("ptp", "np.ptp(x)"),
            ("nanmax", "np.max(x)"),
            ("nanargmax", "np.argmax(x)"),
            ("mean", "np.mean(x)"),
            ("median", "np.median(x)"),
            ("count_nonzero", "np.count_nonzero(x)"),
            ("bincount", "np.bincount(x)"),
        )
    ),
    # ------------------------------------------------------------------------------- means
    case("mean", array(values=[6e4] * 8, dtype="float16"), reference="6e4"),
    case("std", array(values=[2.0, 2.0, 2.0]), reference="0.0", grad=False, why="not smooth"),
    case("var", array(values=[1e4, 1e4 + 1]), reference="np.var(x)"),
    case("average", array(2, 3), reference="np.average(x)"),
    case("average", array(2, 3), axis=(0, 1), reference="np.average(x)"),
    case(
        "average",
        array(2, 3),
        axis=-1,
        weights=array(3, low=0.1),
        reference="np.average(x, axis, weights)",
    ),
    case(
        "average",
        array(2, 3),
        axis=0,
        weights=array(2, 3, low=0.1),
        reference="np.average(x, axis, weights)",
    ),
    case(
        "average",
        array(2, 3),
        weights=array(2, 3, low=0.1),
        reference="np.average(x, axis, weights)",
    ),
    case(
        "average",
        array(2, 3, 4),
        axis=(2, 0),
        weights=array(4, 2, low=0.1),
        reference="np.average(x, axis, weights)",
    ),
    case("average", ints(4), weights=ints(4, low=1), reference="np.average(x, axis, weights)"),
    case("average", bools(4), reference="np.mean(x)"),
    case("logsumexp", array(values=[1000.0, 999.0, -1000.0]), reference="special.logsumexp(x)"),
    case(
        "logsumexp",
        array(values=[[-_INF, -_INF], [_INF, 1.0], [_INF, _INF], [_NAN, 1.0], [-_INF, 2.0]]),
        axis=1,
        reference="special.logsumexp(x, axis)",
        grad=False,
        why=_INFINITE,
    ),
    case(
        "count_nonzero",
        array(values=[[0.0, -0.0, _NAN], [1.0, 2.0, 0.0]]),
        axis=1,
        reference="np.count_nonzero(x, axis)",
    ),
    case(
        "count_nonzero",
        ints(2, 3, 4, low=-1, high=2),
        axis=(0, -1),
        reference="np.count_nonzero(x, axis)",
    ),
    case("count_nonzero", bools(2, 3), reference="np.count_nonzero(x)"),
    case("count_nonzero", array(0, 3), axis=0, reference="np.count_nonzero(x, axis)"),
    *(
        case(
            op,
            _HOLES,
            axis=axis,
            keepdims=keepdims,
            reference=f"np.{op}(x, axis, keepdims=keepdims)",
        )
        for op in ("nanargmax", "nanargmin")
        for axis, keepdims in ((None, False), (0, True), (-1, False))
    ),
    *(
        case(op, _ALL_NAN, axis=1, reference="np.array([-1, 0])")
        for op in ("nanargmax", "nanargmin")
    ),
    case("nanargmax", array(values=[_NAN, -_INF]), reference="1"),
    case("nanargmin", array(values=[_NAN, _INF, _INF]), reference="1"),
    case("nanargmax", ints(5), reference="np.argmax(x)"),
    case("nanargmin", bools(5), reference="np.argmin(x)"),
    # --------------------------------------------------------------------------- quantiles
    *(
        case(
            op,
            array(3, 5),
            _level(op, 0.3),
            axis=axis,
            method="linear",
            keepdims=keepdims,
            reference=ref,
        )
        for op, ref in _QUANTILE.items()
        for axis, keepdims in ((None, False), (0, False), (-1, True), ((0, 1), True))
    ),
    *(
        case(
            op,
            array(2, 6),
            array(values=[_level(op, 0.15), _level(op, 0.65)]),
            axis=1,
            method=method,
            keepdims=False,
            reference=ref,
        )
        for op, ref in _QUANTILE.items()
        for method in _METHODS
    ),
    *(
        case(
            op,
            array(values=[3.0, 1.0, 2.0, 4.0, 5.0]),
            array(values=[0.0, _level(op, 1.0)]),
            axis=None,
            method=method,
            keepdims=True,
            reference=ref,
            grad=False,
            why="at the ends",
        )
        for op, ref in _QUANTILE.items()
        for method in _METHODS
    ),
    *(
        case(
            op,
            _HOLES,
            _level(op, 0.4),
            axis=axis,
            method="linear",
            keepdims=False,
            reference=ref,
            grad=False,
            why=_INFINITE,
        )
        for op, ref in _QUANTILE.items()
        for axis in (None, 0, 1)
    ),
    *(
        case(
            op, ints(3, 4), _level(op, 0.4), axis=1, method="linear", keepdims=False, reference=ref
        )
        for op, ref in _QUANTILE.items()
    ),
    *(
        case(
            op,
            bools(5),
            _level(op, 0.5),
            axis=None,
            method="nearest",
            keepdims=False,
            reference=ref.replace("(x,", "(x * 1,"),
        )
        for op, ref in _QUANTILE.items()
    ),
    *(
        case(
            op,
            array(values=[_INF, 1.0, _INF, -_INF]),
            _level(op, 0.75),
            axis=None,
            method="linear",
            keepdims=False,
            reference="np.inf",
            grad=False,
            why=_INFINITE,
        )
        for op in _QUANTILE
    ),
    case(
        "quantile",
        array(values=[0.0, 1.0, 2.0, 3.0]),
        array(values=[1 / 6, 0.5, 5 / 6], dtype="float64"),
        method="nearest",
        reference="np.array([0.0, 2.0, 2.0])",
        grad=False,
        why="between two",
    ),
    case(
        "median",
        array(values=[[2.0, 2.0, 1.0, 3.0]]),
        axis=1,
        reference="np.median(x, axis)",
        grad=False,
        why="ties",
    ),
    case("median", array(values=[_INF, _INF]), reference="np.inf", grad=False, why=_INFINITE),
    case(
        "median",
        array(2, 3, 4),
        axis=(0, 2),
        keepdims=True,
        reference="np.median(x, axis, keepdims=keepdims)",
    ),
    # -------------------------------------------------------------------------- histograms
    case("histogram", array(20), reference="np.histogram(x)"),
    case("histogram", array(3, 4), 5, reference="np.histogram(x, bins)"),
    case("histogram", array(20), 4, (-1.0, 1.5), reference="np.histogram(x, bins, range)"),
    case(
        "histogram", array(values=[0.0, 1.0, 2.0, 4.0, 4.0]), 4, reference="np.histogram(x, bins)"
    ),
    case("histogram", array(values=[1.0, 1.0]), 2, reference="np.histogram(x, bins)"),
    case(
        "histogram",
        array(values=[1.0, _NAN, 3.0, _INF]),
        2,
        (0.0, 3.0),
        reference="np.histogram(x, bins, range)",
    ),
    case("histogram", array(0), 3, reference="np.histogram(x, bins)"),
    case("histogram", ints(9), 3, reference="np.histogram(x, bins)"),
    case("bincount", ints(8, low=0, high=5), reference="np.bincount(x)"),
    case("bincount", ints(8, low=0, high=5), minlength=9, reference="np.bincount(x, minlength=9)"),
    case("bincount", ints(8, low=0, high=5), array(8), reference="np.bincount(x, weights)"),
    case(
        "bincount", ints(8, low=0, high=5), ints(8), reference="np.bincount(x, weights).astype(int)"
    ),
    case("bincount", array(values=[1, 2, 2], dtype="uint8"), reference="np.bincount(x)"),
    case("bincount", array(values=[-1, 2, -3], dtype="int32"), reference="np.array([0, 0, 1])"),
    case(
        "bincount",
        array(values=[[1, 2, 2], [0, 0, 4]], dtype="int32"),
        reference="np.stack([np.bincount(row, minlength=5) for row in x])",
    ),
    case(
        "bincount",
        array(values=[[1, 2, 2], [0, 0, 4]], dtype="int32"),
        array(2, 3),
        reference="np.stack([np.bincount(r, w, minlength=5) for r, w in zip(x, weights)])",
    ),
    case("bincount", ints(0), reference="np.zeros(0, int)"),
    case("bincount", ints(0), minlength=3, reference="np.zeros(3, int)"),
    case("digitize", array(2, 3), array(values=[-1.0, 0.0, 1.0]), reference="np.digitize(x, bins)"),
    case(
        "digitize",
        array(values=[0.0, 1.0, 3.0, _NAN, _INF]),
        array(values=[0.0, 1.0, 3.0]),
        reference="np.digitize(x, bins)",
    ),
    case("digitize", ints(4), array(values=[-1.5, 2.0]), reference="np.digitize(x, bins)"),
    case("digitize", array(3), array(0), reference="np.zeros(3, int)"),
    # ------------------------------------------------------------- correlation, integration
    case("corrcoef", array(3, 5), reference="np.corrcoef(x)"),
    case("corrcoef", array(4), reference="np.corrcoef(x)"),
    case("corrcoef", ints(2, 5), reference="np.corrcoef(x)"),
    case("corrcoef", array(2, 4, dtype="complex64"), reference="np.corrcoef(x)"),
    case("trapezoid", array(5), reference="np.trapezoid(y)"),
    case("trapezoid", array(2, 5), dx=0.5, axis=0, reference="np.trapezoid(y, dx=dx, axis=axis)"),
    case("trapezoid", array(2, 5), array(5), reference="np.trapezoid(y, x)"),
    case("trapezoid", array(2, 5, 3), array(5), axis=1, reference="np.trapezoid(y, x, axis=axis)"),
    case("trapezoid", array(2, 5), array(2, 5), axis=-2, reference="np.trapezoid(y, x, axis=axis)"),
    case("trapezoid", ints(4), ints(4), reference="np.trapezoid(y, x)"),
    case("trapezoid", array(1), reference="0.0"),
    # ---------------------------------------------------------------------------- bad input
    *(
        bad(op, array(2, 3), axis=2, error=AxisError, match="axis: 2 is out of range")
        for op in _REDUCE
    ),
    *(
        bad(op, array(2, 3), axis=(0, 0), error=AxisError, match="names an axis twice")
        for op in _REDUCE
    ),
    *(
        bad(op, array(2, 3), axis=-3, error=AxisError, match="axis: -3 is out of range")
        for op in _CUMULATIVE
    ),
    *(
        bad(op, array(2, dtype="complex64"), error=DTypeError, match="expected real numbers")
        for op in ("max", "ptp", "median", "nanmax", "nanargmin", "nanmedian", "histogram")
    ),
    *(
        bad(op, array(0, 3), axis=0, error=ShapeError, match="has no elements")
        for op in ("max", "min", "amax", "nanmax", "ptp", "nanargmax")
    ),
    *(
        bad(op, array(3), 0.5, method="linaer", error=ValueError, match="Did you mean 'linear'")
        for op in _QUANTILE
    ),
    *(
        bad(op, array(3), array(2, 2), error=ShapeError, match="expected a number or a vector")
        for op in _QUANTILE
    ),
    bad("ptp", bools(3), error=DTypeError, match="got bool"),
    bad("average", array(2, 3), axis=0, weights=array(3), error=ShapeError, match="weights"),
    bad("average", array(2, 3), weights=array(3), error=ShapeError, match="weights"),
    bad("histogram", array(3), 2.5, error=TypeError, match="bins: expected an integer"),
    bad("histogram", array(3), 0, error=ValueError, match="bins: expected at least 1"),
    bad("histogram", array(3), 2, (3.0, 1.0), error=ValueError, match="low <= high"),
    bad("bincount", array(3), error=DTypeError, match="x: expected integers; got float32"),
    bad("bincount", ints(3, low=0), array(2), error=ShapeError, match="weights"),
    bad("bincount", ints(1, 1, 1), error=ShapeError, match="a vector or a batch of vectors"),
    bad("digitize", array(3), array(2, 2), error=ShapeError, match="bins: expected one dimension"),
    bad("corrcoef", array(2, 2, 2), error=ShapeError, match="one or two dimensions"),
    bad("trapezoid", array(2, 5), array(4), error=ShapeError, match="vector of length 5"),
]
