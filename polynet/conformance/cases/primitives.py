"""Rows for the ops of ``polynet/ops/primitives.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, DTypeError, ShapeError
from polynet.ops.primitives import HOLE

_INF, _NAN = float("inf"), float("nan")
_NOTABLE = array(values=[-_INF, _INF, _NAN, -0.0, 0.0, 1.5, -2.5])
_PAIRS = (
    array(values=[-_INF, _INF, _NAN, 0.0, -0.0, 1.5, -2.5, 3.0]),
    array(values=[1.0, -_INF, 2.0, 0.0, 2.0, 0.0, -1.5, _INF]),
)
_TIES = (array(values=[1.0, 2.0, 3.0]), array(values=[1.0, 5.0, 3.0]))
_STEPS = "the value jumps or the slope does"
_ALL = slice(None)

# ------------------------------------------------------------------------- element by element

_UNARY = {
    **{name: f"np.{name}(x)" for name in ("exp", "expm1", "sin", "cos", "arctan", "sinh", "cosh")},
    **{name: f"np.{name}(x)" for name in ("tanh", "arcsinh", "negative", "absolute", "sign")},
    **{name: f"np.{name}(x)" for name in ("floor", "ceil", "rint")},
    "erf": "special.erf(x)",
}
_UNARY_IN = {
    **{name: (f"np.{name}(x)", 0.1, 4.0) for name in ("log", "sqrt")},
    **{name: (f"np.{name}(x)", -0.9, 0.9) for name in ("arcsin", "arccos", "arctanh", "log1p")},
    "tan": ("np.tan(x)", -1.2, 1.2),
    "arccosh": ("np.arccosh(x)", 1.1, 4.0),
    "erfinv": ("special.erfinv(x)", -0.9, 0.9),
}
_COMPLEX = ("exp", "log", "sqrt", "sin", "cos", "tanh", "negative", "absolute")
_BINARY = {
    **{name: f"np.{name}(x1, x2)" for name in ("add", "subtract", "multiply", "true_divide")},
    **{name: f"np.{name}(x1, x2)" for name in ("maximum", "minimum", "arctan2")},
}
_DIVISIONS = {"floor_divide": "np.floor_divide(x1, x2)", "mod": "np.mod(x1, x2)"}
_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_BITS = ("bitwise_and", "bitwise_or", "bitwise_xor")

# ------------------------------------------------------------------------------------- by index

_ROWS = ints(values=[2, 0, -1])
_TWICE = ints(values=[1, 0, 1])
_KEYS = [
    ((0,), ()),
    ((-1, slice(0, 2)), ()),
    ((slice(None, None, -1), None, slice(3, None, -2)), ()),
    ((..., slice(2, 2)), ()),
    ((HOLE,), (_ROWS,)),
    ((_ALL, HOLE, slice(None, None, -1)), (ints(values=[[1, 0]]),)),
    ((HOLE, _ALL, HOLE), (_ROWS, ints(values=[0, 1, -2]))),
    ((None, HOLE, HOLE, slice(1, 3)), (_ROWS, ints(values=[[0], [1]], dtype="uint8"))),
    ((_ALL, HOLE), (ints(values=1),)),
]

CASES = [
    *(
        case("random_bits", ints(values=key), shape, reference="threefry_bits(key, shape)")
        for key in ([0, 0], [1, 2], [-1, -(2**31)])
        for shape in ((), (7,), (3, 0, 2), (5, 3))
    ),
    *(case(op, array(2, 3), reference=text) for op, text in _UNARY.items()),
    *(
        case(op, array(2, 3, low=low, high=high), reference=text)
        for op, (text, low, high) in _UNARY_IN.items()
    ),
    *(case(op, _NOTABLE, reference=text) for op, text in _UNARY.items()),
    *(case(op, array(3, dtype="complex64"), reference=f"np.{op}(x)") for op in _COMPLEX),
    *(case(op, ints(2, 3), reference=f"np.{op}(x)") for op in ("exp", "floor", "absolute", "sign")),
    case("sign", array(3, dtype="complex64"), reference="np.sign(x)"),
    case("expm1", array(values=[1e-8, -1e-8, 1e-3]), reference="np.expm1(x)", tolerance=(1e-5, 0)),
    case("log1p", array(values=[1e-8, -1e-8, 0.5]), reference="np.log1p(x)", tolerance=(1e-5, 0)),
    case("log", array(values=[0.0, _INF, _NAN]), reference="np.log(x)"),
    *(
        case(op, array(3, dtype="complex64"), reference=f"np.{op}(x)")
        for op in ("conj", "real", "imag")
    ),
    *(case(op, array(3), reference=f"np.{op}(x)") for op in ("conj", "real", "imag")),
    case("complex_from", array(2, 1), array(3), reference="x1 + 1j * x2"),
    # ------------------------------------------------------------------ two arguments
    *(
        case(op, array(2, 1, 3), array(4, 1, low=0.5, high=3.0), reference=text)
        for op, text in _BINARY.items()
    ),
    *(case(op, *_PAIRS, reference=text) for op, text in _BINARY.items() if op != "arctan2"),
    case(
        "arctan2",
        array(values=[0.0, -0.0, 1.0, _INF]),
        array(values=[-1.0, -1.0, 0.0, _INF]),
        reference="np.arctan2(x1, x2)",
    ),
    *(case(op, ints(4), 3, reference=text) for op, text in _BINARY.items()),
    *(case(op, 2, array(4, low=0.5, high=3.0), reference=text) for op, text in _BINARY.items()),
    *(
        case(op, *_TIES, reference=f"np.{op}(x1, x2)", grad=1, why=_STEPS)
        for op in ("maximum", "minimum")
    ),
    *(  # at a tie of two the central difference is the derivative that is shared
        case(
            op,
            array(values=[[1.0, 3.0, 3.0], [2.0, 2.0, 4.0], [0.0, 0.0, -1.0]]),
            axis=1,
            keepdims=keepdims,
            reference=f"np.{op}(x, axis, keepdims=keepdims)",
            grad=1,
            why=_STEPS,
        )
        for op in ("max", "min")
        for keepdims in (False, True)
    ),
    case(
        "rint",
        array(values=[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]),
        reference="np.rint(x)",
        grad=False,
        why=_STEPS,
    ),
    case("add", bools(4), bools(4), reference="x1 | x2"),
    case("multiply", bools(4), bools(4), reference="x1 & x2"),
    case("multiply", array(3, dtype="complex64"), array(3), reference="x1 * x2"),
    case("true_divide", array(3), array(3, dtype="complex64"), reference="x1 / x2"),
    *(
        case(op, array(2, 3), array(3, low=0.5, high=3.0), reference=text, grad=False, why=_STEPS)
        for op, text in _DIVISIONS.items()
    ),
    *(case(op, *_PAIRS, reference=text, grad=False, why=_STEPS) for op, text in _DIVISIONS.items()),
    *(
        case(op, ints(9, low=-9, dtype=dtype), ints(9, low=-4, high=4, dtype=dtype), reference=text)
        for op, text in _DIVISIONS.items()
        for dtype in ("int32", "uint8", "uint32")
    ),
    case("power", array(2, 3, low=0.2, high=3.0), array(3), reference="x1 ** x2"),
    case("power", array(values=[-2.0, 0.0, 3.0]), 3, reference="x1 ** x2"),
    case("power", ints(4), 3, reference="x1 ** x2"),
    case("nextafter", array(4), array(4), reference="np.nextafter(x1, x2)"),
    *(case(op, *_PAIRS, reference=f"np.{op}(x1, x2)") for op in _COMPARISONS),
    *(case(op, ints(3, 1), 0.5, reference=f"np.{op}(x1, x2)") for op in _COMPARISONS),
    *(
        case(f"logical_{op}", array(values=[0.0, 1.0, _NAN]), bools(2, 1), reference=text)
        for op, text in {
            "and": "np.logical_and(x1, x2)",
            "or": "np.logical_or(x1, x2)",
            "xor": "np.logical_xor(x1, x2)",
        }.items()
    ),
    case("logical_not", _NOTABLE, reference="np.logical_not(x)"),
    *(
        case(op, _NOTABLE, reference=f"np.{op}(x)")
        for op in ("isnan", "isfinite", "isinf", "signbit")
    ),
    *(case(op, ints(5), reference=f"np.{op}(x)") for op in ("isnan", "isfinite", "isinf")),
    case("signbit", ints(5), reference="x < 0"),
    *(
        case(op, x, y, reference=f"np.{op}(x, y)")
        for op in _BITS
        for x, y in ((ints(4), ints(4)), (ints(4, dtype="uint16"), 3), (bools(4), bools(4)))
    ),
    *(case("bitwise_not", x, reference="~x") for x in (ints(4), bools(3), ints(3, dtype="uint32"))),
    *(
        case(f"{side}_shift", ints(4, dtype=dtype), 2, reference=f"np.{side}_shift(x, y)")
        for side in ("left", "right")
        for dtype in ("int32", "uint8", "uint64")
    ),
    case("left_shift", bools(3), bools(3), reference="x.astype('int32') << y"),
    # ------------------------------------------------------------------ choice, dtype, creation
    case("where", bools(2, 1), array(3), 0, reference="np.where(condition, x1, x2)"),
    case("where", ints(3, low=0, high=2), 1.5, ints(3), reference="np.where(condition, x1, x2)"),
    *(
        case("cast", x, dtype, reference=f"x.astype('{dtype}')", grad=False, why="a cast rounds")
        for x in (array(5), ints(5), bools(3), ints(4, dtype="uint32"))
        for dtype in ("float32", "int8", "bool", "complex64")
    ),
    case("cast", array(3, dtype="complex64"), "float32", reference="x.real"),
    case("copy", array(2, 3), reference="x"),
    case(
        "stop_gradient", array(3), reference="variable", grad=False, why="a constant by declaration"
    ),
    case("view", ints(2, 4, dtype="int16"), "int32", reference="x.view(dtype)"),
    case("view", ints(2, 2), "uint8", reference="x.view(dtype)"),
    case("full", (2, 0, 3), 1.5, "float32", reference="np.full(shape, fill_value)"),
    case("full", (2, 3), 7, "uint16", reference="np.full(shape, fill_value)"),
    case("full", (), True, "bool", reference="np.full(shape, fill_value)"),
    *(case("iota", 5, dtype, reference="np.arange(length)") for dtype in ("int32", "float16")),
    case("iota", 0, "uint32", reference="np.arange(length)"),
    # ------------------------------------------------------------------ shape
    *(
        case("reshape", array(2, 6), shape, reference="x.reshape(newshape)")
        for shape in ((3, -1), (12,))
    ),
    case("transpose", array(2, 3, 4), reference="x.transpose(axes)"),
    case("transpose", array(2, 3, 4), (1, -1, 0), reference="x.transpose(axes)"),
    case("transpose", array(), reference="x"),
    case("broadcast_to", array(3, 1), (2, 3, 4), reference="np.broadcast_to(x, shape)"),
    case("concatenate", [array(2, 3), array(1, 3)], reference="np.concatenate(xs)"),
    case("concatenate", [array(2, 1), ints(2, 2)], -1, reference="np.concatenate(xs, axis)"),
    case("stack", [array(2, 3), array(2, 3)], -1, reference="np.stack(x, axis)"),
    case("stack", [bools(3), ints(3, dtype="int8")], reference="np.stack(x, axis)"),
    case(
        "pad_constant",
        array(2, 3),
        ((1, 0), (0, 2)),
        1.5,
        reference="np.pad(x, pad_width, constant_values=value)",
    ),
    case(
        "pad_constant",
        bools(2),
        ((1, 1),),
        True,
        reference="np.pad(x, pad_width, constant_values=value)",
    ),
    *(
        case("flip", array(2, 3, 4), axis, reference="np.flip(x, axis)")
        for axis in (None, -1, (0, 2))
    ),
    case("flip", ints(4, dtype="uint16"), reference="np.flip(x)"),
    # ------------------------------------------------------------------ elements
    *(
        case("index", array(3, 2, 4), list(indices), key, reference="x[filled_key(key, indices)]")
        for key, indices in _KEYS
    ),
    *(
        case(
            "index_update",
            array(3, 2),
            list(indices),
            updates,
            key,
            reduction,
            reference="updated_by_index(x, indices, updates, key, reduction)",
        )
        for key, indices, updates in (
            ((HOLE,), (_TWICE,), array(3, 2)),
            ((slice(None, None, -1), 0), (), array(3)),
            ((_ALL, HOLE), (ints(values=[[0, 1], [-1, 1]]),), array(3, 2, 2)),
            ((HOLE, HOLE), (_TWICE, ints(values=[1, 0, -1])), array(1)),
        )
        for reduction in (None, "add", "multiply", "max", "min")
    ),
    *(
        case(
            "index_update",
            bools(3),
            [_TWICE],
            bools(values=[True, False, False]),
            (HOLE,),
            reduction,
            reference="updated_by_index(x, indices, updates, key, reduction)",
        )
        for reduction in (None, "add", "multiply")
    ),
    *(  # many, for which there may be another way
        case(
            "index_update",
            array(*shape),
            [ints(90, low=-3, high=3)] * holes,
            array(90, *shape[holes:]),
            (HOLE,) * holes,
            reduction,
            reference="updated_by_index(x, indices, updates, key, reduction)",
            label=f"many {reduction} {shape} {holes}",
            tolerance=(1e-4, 1e-4),  # sums of thirty, in bfloat16 too
        )
        for shape, holes in (((3,), 1), ((3, 4), 1), ((3, 300), 1), ((3, 3, 5), 2))
        for reduction in ("add", "max")
    ),
    case(
        "index_update",
        ints(3, dtype="int8"),
        [ints(400, low=0, high=3)],
        ints(400, dtype="int8"),
        (HOLE,),
        "add",
        reference="updated_by_index(x, indices, updates, key, reduction)",
        label="many bytes",
    ),
    case(
        "index_update",
        bools(3),
        [ints(400, low=0, high=3)],
        bools(400),
        (HOLE,),
        "add",
        reference="updated_by_index(x, indices, updates, key, reduction)",
        label="many bools",
    ),
    case("nonzero", array(values=[[0.0, 1.0], [_NAN, -0.0]]), reference="np.nonzero(x)"),
    # ------------------------------------------------------------------ reductions
    *(
        case(
            op,
            array(2, 3, 2, low=0.5),
            axis,
            keepdims,
            reference=f"np.{op}(x, axis, keepdims=keepdims)",
        )
        for op in ("sum", "prod", "max", "min", "any", "all")
        for axis, keepdims in ((None, False), (-1, True), ((0, -1), False), ((), False))
    ),
    *(
        case(
            op,
            ints(2, 2, 8, low=0, high=2),
            axis,
            keepdims,
            reference=f"np.{op}(x, {axis}, keepdims=keepdims)",
        )
        for op in ("sum", "prod", "max", "min", "any", "all")
        for axis, keepdims in (((0, 1), False), ((0, 1), True))
    ),
    *(
        case(op, array(values=[[1.0, _NAN], [_INF, -_INF]]), 0, reference=f"np.{op}(x, 0)")
        for op in ("sum", "prod", "max", "min", "any", "all", "argmax", "argmin")
    ),
    *(
        case(op, ints(4, low=0, high=3, dtype=dtype), reference=f"np.{op}(x)")
        for op in ("sum", "prod", "max", "argmax")
        for dtype in ("int8", "uint8", "uint32")
    ),
    *(case(op, bools(4), reference=f"np.{op}(x)") for op in ("sum", "prod", "min", "argmin")),
    *(case(op, array(0, 3), 0, reference=f"np.{op}(x, 0)") for op in ("sum", "prod", "any", "all")),
    case("sum", array(3000, low=0.5, high=1.5), reference="np.sum(x)"),
    case("prod", array(values=[[0.0, 2.0, 3.0], [0.0, 0.0, 4.0]]), 1, reference="np.prod(x, 1)"),
    *(
        case(
            op,
            array(values=[[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]),
            axis,
            keepdims,
            reference=f"np.{op}(x, axis, keepdims=keepdims)",
        )
        for op in ("argmax", "argmin")
        for axis, keepdims in ((None, True), (-1, False))
    ),
    case("max", array(values=[1.0, 3.0, 3.0]), reference="np.max(x)", grad=False, why=_STEPS),
    case("argsort", ints(2, 6, low=0, high=3), reference="np.argsort(x, axis, kind='stable')"),
    case("argsort", array(values=[_NAN, 1.0, _INF, -_INF]), 0, reference="np.argsort(x, axis)"),
    case("cumsum", array(2, 3), 1, reference="np.cumsum(x, axis)"),
    case("cumsum", ints(3, dtype="uint8"), reference="np.cumsum(x, axis)"),
    # ------------------------------------------------------------------ products
    *(
        case("matmul", array(*a), array(*b), reference="x1 @ x2")
        for a, b in (
            ((2, 3), (3, 4)),
            ((3,), (3,)),
            ((3,), (2, 3, 4)),
            ((5, 2, 3), (3,)),
            ((2, 1, 2, 3), (4, 3, 2)),
            ((2, 0), (0, 3)),
        )
    ),
    case("matmul", ints(2, 3), ints(3, 2, dtype="int8"), reference="x1 @ x2"),
    case(
        "matmul",
        ints(2, 3, low=5000, high=9000),
        ints(3, 2, low=5000, high=9000),
        reference="x1 @ x2",
    ),
    case("matmul", bools(2, 3), bools(3, 2), reference="x1 @ x2"),
    case(
        "matmul",
        ints(2, 3, dtype="int8", low=-128, high=128),
        ints(3, 2, dtype="int8", low=-128, high=128),
        reference="x1.astype('int32') @ x2.astype('int32')",
    ),
    case("matmul", array(2, 2, dtype="complex64"), array(2, 2), reference="x1 @ x2"),
]

BAD = [
    bad("add", array(3), array(4), error=ShapeError, match="shapes (3,), (4,) do not broadcast"),
    bad(
        "add",
        ints(2, dtype="int8"),
        200,
        error=DTypeError,
        match="the integer 200 does not fit int8",
    ),
    bad("subtract", bools(2), bools(2), error=DTypeError, match="expected numbers; got bool"),
    bad("maximum", array(2, dtype="complex64"), 0, error=DTypeError, match="expected real numbers"),
    bad(
        "bitwise_and", array(2), 1, error=DTypeError, match="expected integers or bool; got float32"
    ),
    bad("cast", array(2), "float31", error=DTypeError, match="Unknown dtype 'float31'"),
    bad(
        "view",
        ints(3, dtype="int8"),
        "int32",
        error=ShapeError,
        match="not a whole number of int32",
    ),
    bad("reshape", array(3), (2, 2), error=ShapeError, match="does not hold the 3 elements"),
    bad("transpose", array(2, 3), (0, 0), error=AxisError, match="names an axis twice"),
    bad("transpose", array(2, 3), (0,), error=ShapeError, match="expected each of the 2 axes once"),
    bad("broadcast_to", array(3), (4,), error=ShapeError, match="do not broadcast"),
    bad("broadcast_to", array(3), (2, -1), error=ShapeError, match="expected lengths of 0 or more"),
    bad("full", (2, -1), 0, "float32", error=ShapeError, match="expected lengths of 0 or more"),
    bad("concatenate", [array(2), array(0, 2)], error=ShapeError, match="differ in another axis"),
    bad("stack", [], error=ShapeError, match="expected at least one tensor"),
    bad("stack", [array(2), array(3)], error=ShapeError, match="shapes (2,), (3,) differ"),
    bad("flip", array(3), 1, error=AxisError, match="axis: 1 is out of range"),
    bad("index", array(3), [], (3,), error=AxisError, match="index 3 is out of range for axis 0"),
    bad(
        "index",
        array(3),
        [],
        (0, 0),
        error=AxisError,
        match="2 indices for a tensor of 1 dimension",
    ),
    bad(
        "index",
        array(3),
        [array(2)],
        (HOLE,),
        error=DTypeError,
        match="expected integers; got float32",
    ),
    bad(
        "index_update",
        array(3),
        [],
        array(2),
        (_ALL,),
        None,
        error=ShapeError,
        match="do not broadcast",
    ),
    *(
        bad(op, array(2, 3), 2, error=AxisError, match="axis: 2 is out of range")
        for op in ("sum", "max", "any", "argmax", "argsort", "cumsum")
    ),
    *(
        bad(op, array(), 0, error=AxisError, match="a 0-d tensor has no axis")
        for op in ("sum", "prod", "min", "all", "argmin", "argsort", "cumsum")
    ),
    *(
        bad(op, array(0, 3), 0, error=ShapeError, match="axis 0 of shape (0, 3) has no elements")
        for op in ("max", "min", "argmax", "argmin")
    ),
    bad("sum", array(2, 3), (0, -2), error=AxisError, match="names an axis twice"),
    bad("matmul", array(2, 3), array(2, 3), error=ShapeError, match="do not match"),
    bad("power", ints(3), -1, error=ValueError, match="power: x2: expected exponents of 0 or more"),
    bad(
        "power",
        2,
        ints(values=[3, -1]),
        error=ValueError,
        match="power: x2: expected exponents of 0 or more",
        label="of a number",
    ),
    bad(
        "matmul", array(), array(3), error=ShapeError, match="expected at least one dimension each"
    ),
]
