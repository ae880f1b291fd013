"""Rows for the ops of ``polynet/ops/elementwise.py``; nothing but rows."""

import re

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import DTypeError, ShapeError

_INF, _NAN = float("inf"), float("nan")
_NOTABLE = array(values=[-_INF, _INF, _NAN, -0.0, 0.0, 1.5, -1.5])
_LARGE = array(values=[1e-30, 1e-20, 1e20, 1e30, -1e30, -1e-20])
_POSITIVE = array(3, 4, low=0.1, high=3.0)
_INFINITE = "infinite or not a number"
_STEPS = "the value jumps or the slope does"

# ------------------------------------------------------------------------- one real argument

_UNARY = {
    "cbrt": "np.cbrt(x)",
    "square": "np.square(x)",
    "exp2": "np.exp2(x)",
    "erfc": "special.erfc(x)",
    "i0": "special.i0(x)",
    "sinc": "np.sinc(x)",
    "deg2rad": "np.deg2rad(x)",
    "rad2deg": "np.rad2deg(x)",
    "fabs": "np.fabs(x)",
    "abs": "np.abs(x)",
    "angle": "np.angle(x)",
    "conjugate": "np.conjugate(x)",
    "nan_to_num": "np.nan_to_num(x)",
    "trunc": "np.trunc(x)",
    "round": "np.round(x)",
}
_KEEPING = ("abs", "conjugate", "nan_to_num", "trunc", "round")  # integers stay integers
_UNARY_POSITIVE = {
    "reciprocal": "1.0 / x",
    "rsqrt": "1.0 / np.sqrt(x)",
    "log2": "np.log2(x)",
    "log10": "np.log10(x)",
}
_TO_BOOL = {
    "isposinf": "np.isposinf(x)",
    "isneginf": "np.isneginf(x)",
    "isreal": "np.isreal(x)",
}

# ------------------------------------------------------------------------------ two arguments

_BINARY = {
    "logaddexp": "np.logaddexp(x1, x2)",
    "logaddexp2": "np.logaddexp2(x1, x2)",
    "hypot": "np.hypot(x1, x2)",
    "fmax": "np.fmax(x1, x2)",
    "fmin": "np.fmin(x1, x2)",
    "heaviside": "np.heaviside(x1, x2)",
    "divide": "np.divide(x1, x2)",
    "divide_no_nan": "np.divide(x1, np.where(x2 == 0, np.inf, x2))",
}

_BITS = {
    "bitwise_invert": "np.bitwise_not(x)",
    "invert": "np.bitwise_not(x)",
}
_SHIFTS = {
    "bitwise_left_shift": "np.left_shift(x, y)",
    "bitwise_right_shift": "np.right_shift(x, y)",
}


def _of_floats(reference: str) -> str:
    """A reference for small integers, of which NumPy would make float16."""
    return re.sub(r"\bx[12]?\b", r"(\g<0> * 1.0)", reference)


CASES = [
    *(case(op, array(2, 3, 4), reference=ref) for op, ref in _UNARY.items()),
    *(case(op, _POSITIVE, reference=ref) for op, ref in _UNARY_POSITIVE.items()),
    *(
        case(op, array(low=0.5, high=1.5), reference=ref, label="0-d")
        for op, ref in (_UNARY | _UNARY_POSITIVE).items()
    ),
    *(
        case(op, array(0, 3), reference=ref, label="empty")
        for op, ref in (_UNARY | _UNARY_POSITIVE).items()
    ),
    *(case(op, ints(6, low=1), reference=ref) for op, ref in (_UNARY | _UNARY_POSITIVE).items()),
    *(
        case(op, ints(4, dtype="int8"), reference=ref if op in _KEEPING else _of_floats(ref))
        for op, ref in _UNARY.items()
        if op not in ("square", "exp2", "i0")
    ),
    *(
        case(op, bools(4), reference="x" if op in _KEEPING else ref.replace("(x)", "(x * 1)"))
        for op, ref in _UNARY.items()
    ),
    *(
        case(op, _NOTABLE, reference=ref, grad=False, why=_INFINITE)
        for op, ref in _UNARY.items()
        if op not in ("i0", "sinc", "nan_to_num")
    ),
    *(
        case(op, array(values=[_INF, _NAN, 0.25]), reference=ref, grad=False, why=_INFINITE)
        for op, ref in _UNARY_POSITIVE.items()
    ),
    *(case(op, _NOTABLE, reference=ref) for op, ref in _TO_BOOL.items()),
    *(case(op, ints(3), reference=ref) for op, ref in _TO_BOOL.items()),
    *(case(op, bools(3), reference=ref) for op, ref in _TO_BOOL.items()),
    *(case(op, array(0), reference=ref) for op, ref in _TO_BOOL.items()),
    *(case(op, array(2, 3), array(2, 3), reference=ref) for op, ref in _BINARY.items()),
    *(case(op, array(3, 1), array(4), reference=ref) for op, ref in _BINARY.items()),
    *(case(op, array(), array(2), reference=ref) for op, ref in _BINARY.items()),
    *(case(op, array(0, 2), array(2), reference=ref) for op, ref in _BINARY.items()),
    *(case(op, array(3), 0.5, reference=ref, label="number") for op, ref in _BINARY.items()),
    *(case(op, ints(4), ints(4, low=1), reference=ref) for op, ref in _BINARY.items()),
    *(
        case(
            op,
            ints(4, dtype="int8"),
            ints(4, low=1, dtype="uint8"),
            reference=ref if op in ("fmax", "fmin") else _of_floats(ref),
        )
        for op, ref in _BINARY.items()
    ),
    *(
        case(op, bools(4), bools(4), reference=_of_floats(ref))
        for op, ref in _BINARY.items()
        if op not in ("divide", "fmax", "fmin")
    ),
    case("fmax", bools(4), bools(4), reference="x1 | x2"),
    case("fmin", bools(4), bools(4), reference="x1 & x2"),
    *(
        case(
            op,
            array(values=[_INF, -_INF, _INF, _NAN, 1.0, 0.0, 2.0, _INF]),
            array(values=[_INF, -_INF, -_INF, 1.0, _NAN, 1.0, 2.0, 3.0]),
            reference=ref,
            grad=False,
            why=_INFINITE,
        )
        for op, ref in _BINARY.items()
        if op != "divide_no_nan"
    ),
    # -------------------------------------------------------------------------- single ops
    case("square", array(3, dtype="complex64"), reference="np.square(x)"),
    case("reciprocal", array(3, dtype="complex64", low=0.5), reference="1 / x"),
    case("conjugate", array(3, dtype="complex64"), reference="np.conjugate(x)"),
    case("angle", array(3, dtype="complex64"), reference="np.angle(x)"),
    case("isreal", array(values=[1 + 0j, 1j, 2.0], dtype="complex64"), reference="np.isreal(x)"),
    case("rsqrt", array(values=[1e-12, 1e12]), reference="1 / np.sqrt(x)", grad=False, why="steep"),
    case("cbrt", _LARGE, reference="np.cbrt(x)", grad=False, why="steep"),
    case("cbrt", array(values=[-8.0, 27.0, 1e-3]), reference="np.cbrt(x)"),
    case(
        "exp2",
        array(values=[-120.0, 0.0, 3.0, 120.0]),
        reference="np.exp2(x)",
        grad=False,
        why="steep",
    ),
    case(
        "erfc",
        array(values=[-6.0, -0.5, 0.0, 0.4999, 0.5001, 1.0, 3.0, 6.0]),
        reference="special.erfc(x)",
    ),
    case(
        "erfc",
        array(values=[0.1, 2.0, 6.2, 6.4, 12.0, 26.0, 40.0], dtype="float64"),
        reference="special.erfc(x)",
    ),
    case(
        "erfc",
        array(values=[_INF, -_INF, _NAN]),
        reference="special.erfc(x)",
        grad=False,
        why=_INFINITE,
    ),
    case("i0", array(values=[0.0, -10.0, 80.0]), reference="special.i0(x)"),
    case(
        "i0",
        array(values=[0.5, 20.0, 300.0, 700.0], dtype="float64"),
        reference="special.i0(x)",
        grad=False,
        why="finite differences overflow",
    ),
    case("sinc", array(values=[0.0, 1e-8, 1e-3, 0.159, 0.16, 0.5, 1.3]), reference="np.sinc(x)"),
    case(
        "hypot",
        array(values=[0.0, -0.0, 3.0]),
        array(values=[0.0, 0.0, -4.0]),
        reference="np.hypot(x1, x2)",
        grad=False,
        why="not smooth at 0",
    ),
    case(
        "hypot",
        array(values=[3e30, 1e-30, 0.0]),
        array(values=[4e30, 1e-30, 1.0]),
        reference="np.hypot(x1, x2)",
        grad=False,
        why="steep",
    ),
    case(
        "logaddexp",
        array(values=[1000.0, -1000.0]),
        array(values=[999.0, -1000.5]),
        reference="np.logaddexp(x1, x2)",
    ),
    case(
        "logaddexp2",
        array(values=[1000.0, -1000.0]),
        array(values=[999.0, -1000.5]),
        reference="np.logaddexp2(x1, x2)",
    ),
    case(
        "divide_no_nan",
        array(values=[1.0, 0.0, _NAN, 3.0]),
        array(values=[0.0, 0.0, 0.0, 2.0]),
        reference="np.array([0, 0, 0, 1.5])",
        grad=False,
        why=_STEPS,
    ),
    case(
        "heaviside",
        array(values=[-1.0, 0.0, -0.0, 2.0, _NAN]),
        0.5,
        reference="np.heaviside(x1, x2)",
        grad=False,
        why=_STEPS,
    ),
    case(
        "fmod",
        array(values=[-5.0, 5.0, 5.5, -7.25]),
        array(values=[3.0, -3.0, 2.0, -2.0]),
        reference="np.fmod(x1, x2)",
    ),
    case(
        "fmod",
        array(2, 3, low=-9.0, high=9.0),
        array(3, low=1.0, high=2.0),
        reference="np.fmod(x1, x2)",
        grad=False,
        why=_STEPS,
    ),
    case(
        "fmod",
        array(values=[5.0, _INF, _NAN, 0.0]),
        array(values=[_INF, 2.0, 2.0, 3.0]),
        reference="np.fmod(x1, x2)",
        grad=False,
        why=_INFINITE,
    ),
    case("fmod", ints(6), ints(6, low=1), reference="np.fmod(x1, x2)"),
    case("fmod", ints(6), -3, reference="np.fmod(x1, x2)"),
    case("fmod", ints(3), ints(values=[0, 2, 0]), reference="np.fmod(x1, x2)", label="by zero"),
    case("fmod", bools(3), bools(values=[True, True, True]), reference="np.fmod(x1 * 1, x2 * 1)"),
    case(
        "gcd", ints(3, 1, low=-30, high=31), ints(8, low=-30, high=31), reference="np.gcd(x1, x2)"
    ),
    case(
        "gcd",
        array(values=[1836311903, 0, 12], dtype="int32"),
        array(values=[1134903170, 0, 0], dtype="int32"),
        reference="np.gcd(x1, x2)",
    ),
    case("gcd", ints(4, dtype="int8"), ints(4, low=1, dtype="uint8"), reference="np.gcd(x1, x2)"),
    case("gcd", ints(4), 6, reference="np.gcd(x1, x2)"),
    case(
        "lcm", ints(3, 1, low=-30, high=31), ints(8, low=-30, high=31), reference="np.lcm(x1, x2)"
    ),
    case("lcm", ints(0), ints(1), reference="np.lcm(x1, x2)"),
    case("ldexp", array(2, 3), ints(3), reference="np.ldexp(x1, x2)"),
    case("ldexp", array(3), 2, reference="np.ldexp(x1, x2)"),
    case("ldexp", ints(3), ints(3), reference="np.ldexp(x1, x2)"),
    case(
        "ldexp",
        array(values=[1e-30, 1.5, 0.0]),
        array(values=[150, -20, 3], dtype="int32"),
        reference="np.ldexp(x1, x2)",
        grad=False,
        why="steep",
    ),
    *(
        case(
            "round",
            array(values=[0.5, 1.5, -2.5, 1.2345, 149.6]),
            decimals,
            reference="np.round(x, decimals)",
            grad=False,
            why=_STEPS,
        )
        for decimals in (0, 1, 2, -1, -2)
    ),
    case(
        "round",
        array(values=[15, 25, 149, -15, -25, -26], dtype="int32"),
        -1,
        reference="np.round(x, decimals)",
    ),
    case(
        "round", array(values=[14, 120, -87], dtype="int8"), -1, reference="np.round(x, decimals)"
    ),
    case("round", ints(3), 2, reference="x"),
    case("round", ints(3), -12, reference="x * 0"),
    case(
        "round",
        array(values=[1.25 - 2.5j], dtype="complex64"),
        1,
        reference="np.round(x, decimals)",
        grad=False,
        why=_STEPS,
    ),
    case(
        "trunc",
        array(values=[-1.5, -0.5, 0.5, 1.5]),
        reference="np.trunc(x)",
        grad=False,
        why=_STEPS,
    ),
    case("clip", array(2, 3), -0.5, 0.5, reference="np.clip(x, x_min, x_max)"),
    case(
        "clip",
        array(2, 3),
        array(3, low=-1.0, high=-0.5),
        array(2, 1, low=0.5, high=1.0),
        reference="np.clip(x, x_min, x_max)",
    ),
    case("clip", array(4), None, 0.5, reference="np.minimum(x, 0.5)"),
    case("clip", array(4), -0.5, None, reference="np.maximum(x, -0.5)"),
    case("clip", array(3), 2.0, 1.0, reference="np.full(3, 1.0)", label="limits exchanged"),
    case(
        "clip",
        array(values=[_NAN, -_INF, _INF, 1.0]),
        -2.0,
        3.0,
        reference="np.clip(x, x_min, x_max)",
        grad=False,
        why=_INFINITE,
    ),
    case("clip", ints(5), -2, 2, reference="np.clip(x, x_min, x_max)"),
    case("clip", ints(5, dtype="int8"), -2, 2, reference="np.clip(x, x_min, x_max)"),
    case("clip", ints(5), -1.5, 2, reference="np.clip(x, x_min, x_max)"),
    case("clip", bools(3), 0, 1, reference="x * 1"),
    case(
        "nan_to_num",
        array(values=[_NAN, _INF, -_INF, 1.0], dtype="float64"),
        reference="np.nan_to_num(x)",
        grad=False,
        why=_INFINITE,
    ),
    case(
        "nan_to_num",
        array(values=[_NAN, _INF, -_INF, 1.0], dtype="float16"),
        reference="np.array([0.0, 65504.0, -65504.0, 1.0])",
        grad=False,
        why=_INFINITE,
    ),
    case(
        "nan_to_num",
        array(values=[_NAN, _INF, -_INF, 1.0]),
        nan=7.0,
        posinf=8.0,
        neginf=9.0,
        reference="np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)",
        grad=False,
        why=_INFINITE,
    ),
    case(
        "nan_to_num",
        array(values=[complex(_NAN, _INF), 1j], dtype="complex64"),
        nan=7.0,
        posinf=8.0,
        reference="np.nan_to_num(x, nan=nan, posinf=posinf)",
        grad=False,
        why=_INFINITE,
    ),
    *(
        case(
            "saturate_cast",
            array(values=[-1e20, -3.7, 3.7, 300.0, 70000.0, 1e20, _INF, -_INF]),
            dtype,
            reference=f"np.trunc(np.clip(x, np.iinfo('{dtype}').min, np.iinfo('{dtype}').max))"
            f".astype('{dtype}')",
        )
        for dtype in ("int8", "uint8", "int16")
    ),
    case(
        "saturate_cast",
        array(values=[-1e20, -3.7, 300.0, 1e20, _NAN]),
        "int32",
        reference="np.array([-2147483648, -3, 300, 2147483647, 0])",
    ),
    case(
        "saturate_cast",
        array(values=[-1e20, 3.7, 300.0, 1e20, _NAN]),
        "uint32",
        reference="np.array([0, 3, 300, 4294967295, 0])",
    ),
    case(
        "saturate_cast",
        array(values=[-300, 300, 5], dtype="int32"),
        "uint8",
        reference="np.array([0, 255, 5])",
    ),
    case(
        "saturate_cast",
        array(values=[-3, 0, 5], dtype="int8"),
        "bool",
        reference="np.array([False, False, True])",
    ),
    case(
        "saturate_cast",
        array(values=[200, 5], dtype="uint8"),
        "int8",
        reference="np.array([127, 5])",
    ),
    case(
        "saturate_cast",
        array(values=[-1e20, 2.0, 1e20, _NAN]),
        "float16",
        reference="np.array([-65504, 2, 65504, np.nan])",
        grad=False,
        why=_STEPS,
    ),
    case(
        "saturate_cast",
        array(3),
        "float32",
        reference="x",
        grad=False,
        why="float64 numbers are rounded",
    ),
    case("saturate_cast", bools(3), "int8", reference="x * 1"),
    case(
        "isclose",
        array(values=[1.0, 1.0, _INF, _INF, _NAN, 0.0]),
        array(values=[1.000001, 1.1, _INF, -_INF, _NAN, 1e-9]),
        reference="np.isclose(x1, x2)",
    ),
    case(
        "isclose",
        array(values=[_NAN, 1.0, 2.0]),
        array(values=[_NAN, _NAN, 2.5]),
        rtol=0.3,
        atol=0.0,
        equal_nan=True,
        reference="np.isclose(x1, x2, rtol, atol, equal_nan)",
    ),
    case("isclose", ints(4), ints(3, 1), reference="np.isclose(x1, x2)"),
    case("isclose", array(values=[1.0, 1.0]), 1.000001, reference="np.isclose(x1, x2)"),
    case(
        "allclose",
        array(values=[1.0, 2.0]),
        array(values=[1.000001, 2.0]),
        reference="np.allclose(x1, x2)",
    ),
    case("allclose", array(2, 3), array(3), reference="np.allclose(x1, x2)"),
    case("allclose", array(0), array(0), reference="True"),
    case("polar", array(2, 3, low=0.1), array(3), reference="abs_ * np.exp(1j * angle)"),
    case("view_as_complex", array(2, 3, 2), reference="x[..., 0] + 1j * x[..., 1]"),
    case("view_as_complex", ints(2), reference="x[..., 0] + 1j * x[..., 1]"),
    case(
        "view_as_real", array(2, 3, dtype="complex64"), reference="np.stack([x.real, x.imag], -1)"
    ),
    case("view_as_real", array(2), reference="np.stack([x, x * 0], -1)"),
    *(case(op, ints(2, 3), reference=ref) for op, ref in _BITS.items()),
    *(case(op, bools(3), reference=ref) for op, ref in _BITS.items()),
    *(case(op, ints(2, 3), ints(3, low=0, high=5), reference=ref) for op, ref in _SHIFTS.items()),
    *(case(op, ints(3, dtype="int8"), 2, reference=ref) for op, ref in _SHIFTS.items()),
    *(
        case(op, ints(4, low=1, dtype=dtype), *others, reference=ref)
        for dtype in ("uint16", "uint32")
        for op, others, ref in (
            ("square", (), "np.square(x)"),
            ("trunc", (), "x"),
            ("round", (-1,), "np.round(x, -1)"),
            ("clip", (2, 4), "np.clip(x, 2, 4)"),
            ("fmod", (3,), "np.fmod(x1, x2)"),
            ("gcd", (6,), "np.gcd(x1, x2)"),
            ("lcm", (6,), "np.lcm(x1, x2)"),
            ("fmax", (3,), "np.fmax(x1, x2)"),
        )
    ),
    # ---------------------------------------------------------------------------- bad input
    *(
        bad(op, array(2, 3), array(4), error=ShapeError, match="do not broadcast")
        for op in (*_BINARY, "fmod", "isclose", "allclose", "polar")
    ),
    *(
        bad(op, array(2, dtype="complex64"), error=DTypeError, match="expected real numbers")
        for op in ("cbrt", "fabs", "erfc", "i0", "trunc", "isposinf", "isneginf")
    ),
    *(
        bad(op, array(2), ints(2), error=DTypeError, match="expected integers")
        for op in ("gcd", "lcm", "bitwise_left_shift")
    ),
    bad("invert", array(2), error=DTypeError, match="expected integers or bool; got float32"),
    bad("gcd", bools(2), bools(2), error=DTypeError, match="got bool"),
    bad("ldexp", array(2), array(2), error=DTypeError, match="x2: expected integers; got float32"),
    bad("clip", array(3), array(2), 1.0, error=ShapeError, match="do not broadcast"),
    bad("view_as_complex", array(3), error=ShapeError, match="last axis of length 2"),
    bad("view_as_complex", array(), error=ShapeError, match="last axis of length 2"),
]
