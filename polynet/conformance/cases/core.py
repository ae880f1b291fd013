"""Rows for the ops of ``polynet/ops/core.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import DTypeError, ShapeError

_COARSE = "the result is too short for finite differences"

CASES = [
    *(
        case("cast", array(2, 3, low=0.0), dtype, reference=f"x.astype('{dtype}')")
        for dtype in ("float64", "complex128", "int32", "uint8")
    ),
    *(
        case("cast", array(2, 3), dtype, reference=f"x.astype('{dtype}')", grad=False, why=_COARSE)
        for dtype in ("float16", "complex64")
    ),
    case("cast", array(values=[-1.7, 0.0, 2.5]), "int8", reference="np.trunc(x).astype('int8')"),
    case("cast", array(values=[-1.7, 0.0, 2.5]), "bool", reference="x.astype(bool)"),
    case("cast", bools(3), "float32", reference="x.astype('float32')"),
    case("cast", ints(), "int64", reference="x.astype('int64')"),
    case(
        "cast", array(2, dtype="complex64"), "float32", reference="x.real", grad=False, why=_COARSE
    ),
    case("convert_to_tensor", array(2, 3), reference="x"),
    case("convert_to_tensor", ints(2), dtype="float16", reference="x.astype('float16')"),
    case("convert_to_tensor", [1, 2.5], reference="np.array(x, 'float32')"),
    case("convert_to_tensor", [True, False], reference="np.array(x)"),
    case("convert_to_tensor", 3, dtype="uint8", reference="np.uint8(x)"),
    case("convert_to_tensor", [array(2), array(2)], reference="np.stack(x)"),
]

BAD = [
    bad(
        "convert_to_tensor", "text", error=DTypeError, match="expected a tensor or numbers; got str"
    ),
    bad(
        "convert_to_tensor",
        ["a"],
        error=DTypeError,
        match="expected numbers; got a list of strings",
    ),
    bad("convert_to_tensor", [[1], [1, 2]], error=ShapeError, match="rows have equal lengths"),
    bad("convert_to_tensor", None, error=DTypeError, match="got None"),
    bad("convert_to_tensor", 1j, dtype="float32", error=DTypeError, match="do not fit in float32"),
    bad("convert_to_tensor", 1.0, sparse=True, error=ValueError, match="dense tensors only"),
    bad("cast", array(2), "float31", error=DTypeError, match="Unknown dtype 'float31'"),
]
