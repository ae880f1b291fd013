"""Rows for the ops of ``polynet/ops/creation.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, ShapeError

_LINES = ((0, 1, 5), (2.0, -3.0, 7), (0, 10, 11), (1, 2, 1), (1, 2, 0))
_CANCELS = (1e-5, 1e-5)  # the middle of a line from one sign to the other is near zero

CASES = [
    # ------------------------------------------------------------------ one value everywhere
    *(
        case(op, shape, reference=f"np.{op}(shape, 'float32')")
        for op in ("zeros", "ones")
        for shape in ((2, 3), (), (0, 2), 4)
    ),
    *(
        case(op, (3,), dtype=dtype, reference=f"np.{op}(shape, '{dtype}')")
        for op in ("zeros", "ones")
        for dtype in ("int8", "bool", "float16", "complex64")
    ),
    case("empty", (2, 3), reference="np.zeros(shape, 'float32')"),
    case("full", (2, 3), 7, reference="np.full(shape, 7, 'float32')"),
    case("full", (2,), float("inf"), reference="np.full(shape, np.inf, 'float32')"),
    case("full", (2,), 2.5, dtype="int32", reference="np.full(shape, 2, 'int32')"),
    case(
        "full",
        (2, 3),
        array(3),
        reference="np.full(shape, fill_value)",
        grad=False,
        why="the result is too short for finite differences",
    ),
    case("full", (2, 3), ints(2, 1), dtype="int32", reference="np.full(shape, fill_value)"),
    *(
        case(op, x, reference=f"np.{op}(x)", grad=False, why="constant")
        for op in ("zeros_like", "ones_like")
        for x in (array(2, 3), ints(3), array(0, 2), bools(), array(2, dtype="complex64"))
    ),
    case("zeros_like", ints(3), dtype="float32", reference="np.zeros_like(x, 'float32')"),
    case("ones_like", array(3), dtype="bool", reference="np.ones_like(x, 'bool')"),
    case("empty_like", array(2, 3), reference="np.zeros_like(x)", grad=False, why="constant"),
    case("full_like", ints(2, 3), 2.5, reference="np.full_like(x, fill_value)"),
    case("full_like", array(2, 3), array(3), reference="np.full_like(x, fill_value)"),
    case(
        "full_like", ints(2, 3), float("inf"), dtype="float32", reference="np.full(x.shape, np.inf)"
    ),
    case("array", array(2, 3), reference="x"),
    case("array", [[1, 2], [3, 4]], reference="np.array(x, 'int32')"),
    case("array", [1, 2], dtype="float16", reference="np.array(x, 'float16')"),
    # ------------------------------------------------------------------ number lines
    *(
        case("arange", *bounds, reference=f"np.arange{bounds}")
        for bounds in ((3,), (1, 5), (0, 10, 3), (10, 0, -3), (5, 5), (0, -1), (4, 4, -1))
    ),
    *(
        case("arange", *bounds, reference=f"np.arange{bounds}")
        for bounds in ((3.0,), (0.0, 1.0, 0.1), (1, 1.3, 0.1), (1.0, 2.0), (2.5, 0, -0.5))
    ),
    case("arange", 3, dtype="float16", reference="np.arange(3, dtype='float16')"),
    case("arange", 2, dtype="bool", reference="np.arange(2, dtype='bool')"),
    case("arange", 0, 6, 2, dtype="int64", reference="np.arange(0, 6, 2)"),
    *(
        case(
            "linspace",
            *line,
            endpoint=endpoint,
            reference="np.linspace(start, stop, num, endpoint)",
        )
        for line in _LINES
        for endpoint in (True, False)
    ),
    case("linspace", 0, 10, 11, dtype="int32", reference="np.linspace(0, 10, 11, dtype='int32')"),
    case("linspace", 0, 1, 3, retstep=True, reference="np.linspace(0, 1, 3, retstep=True)"),
    case("linspace", array(2, 3), array(3), 4, reference="np.linspace(start, stop, num)"),
    case(
        "linspace",
        *(array(2, 3), 1.0, 4, False, True),
        axis=-1,
        reference="np.linspace(start, stop, num, False, True, axis=-1)",
    ),
    case(
        "linspace", ints(2), array(2), 3, axis=1, reference="np.linspace(start, stop, num, axis=1)"
    ),
    case(
        "linspace",
        array(),
        array(),
        5,
        reference="np.linspace(start, stop, num)",
        tolerance=_CANCELS,
    ),
    *(
        case(
            "logspace",
            *line,
            endpoint=endpoint,
            reference="np.logspace(start, stop, num, endpoint)",
        )
        for line in _LINES[:3]
        for endpoint in (True, False)
    ),
    case("logspace", 0, 3, 4, base=2, reference="np.logspace(0, 3, 4, base=2)"),
    case(
        "logspace",
        array(2),
        array(2),
        3,
        base=2.0,
        reference="np.logspace(start, stop, num, base=2.0)",
    ),
    case(
        "logspace",
        *(array(2), 1.0, 3),
        base=array(2, low=1.0, high=3.0),
        axis=-1,
        reference="np.logspace(start, stop, num, base=base, axis=-1)",
    ),
    *(
        case("geomspace", *line, reference="np.geomspace(start, stop, num, endpoint)")
        for line in ((1, 100, 3), (-1.0, -8.0, 4), (2.0, 0.5, 6, False))
    ),
    case(
        "geomspace",
        array(2, low=1.0, high=2.0),
        array(2, low=3.0, high=9.0),
        4,
        reference="np.geomspace(start, stop, num)",
    ),
    case(
        "geomspace",
        array(2, low=1.0, high=2.0),
        5.0,
        *(3, False),
        axis=1,
        reference="np.geomspace(start, stop, num, False, axis=1)",
    ),
    *(
        case(
            "meshgrid",
            array(2),
            array(3),
            indexing=indexing,
            reference="np.meshgrid(*x, indexing=indexing)",
        )
        for indexing in ("xy", "ij")
    ),
    case("meshgrid", array(2), ints(3), array(), reference="np.meshgrid(*x)"),
    case("meshgrid", array(2), reference="np.meshgrid(*x)"),
    # ------------------------------------------------------------------ matrices
    *(
        case(op, 3, 4, k=k, reference=f"np.{op}(N, M, k, 'float32')")
        for op in ("eye", "tri")
        for k in (-1, 0, 2)
    ),
    case("eye", 2, reference="np.eye(2)"),
    case("eye", 0, 2, dtype="int32", reference="np.eye(0, 2, dtype='int32')"),
    case("identity", 3, reference="np.eye(3)"),
    case("identity", 2, dtype="bool", reference="np.eye(2, dtype='bool')"),
    *(
        case(op, array(2, 3, 4), k=k, reference=f"np.{op}(x, k)")
        for op in ("tril", "triu")
        for k in (-1, 0, 2)
    ),
    case("tril", array(values=[[float("nan"), float("inf")], [1.0, 2.0]]), reference="np.tril(x)"),
    case("triu", ints(3, 3), reference="np.triu(x)"),
    case("triu", bools(2, 3), reference="np.triu(x)"),
    case("tril", bools(2, 3), reference="np.tril(x)"),
    case("diag", bools(2), reference="np.diag(x)"),
    *(case("diag", array(3), k=k, reference="np.diag(x, k)") for k in (-2, 0, 1)),
    *(case("diag", array(3, 4), k=k, reference="np.diag(x, k)") for k in (-1, 0, 5)),
    case("diag", ints(0), reference="np.diag(x)"),
    case("diagflat", array(2, 2), k=1, reference="np.diagflat(x, k)"),
    case("vander", array(3), reference="np.vander(x)"),
    case("vander", array(3), N=4, increasing=True, reference="np.vander(x, N, increasing)"),
    case("vander", array(values=[0.0, 1.0]), N=3, reference="np.vander(x, N)"),
    case("vander", ints(3), N=2, reference="np.vander(x, N)"),
    # ------------------------------------------------------------------ windows
    *(
        case(op, points, reference=f"np.{op}(x)")
        for op in ("bartlett", "blackman", "hamming", "hanning")
        for points in (0, 1, 6)
    ),
    case("kaiser", 5, 3.0, reference="np.kaiser(x, beta)"),
]

BAD = [
    bad(
        "zeros",
        (-1, 2),
        error=ShapeError,
        match="shape: expected lengths of 0 or more; got (-1, 2)",
    ),
    bad(
        "zeros",
        "ab",
        error=TypeError,
        match="shape: expected an integer or a tuple of integers; got str",
    ),
    bad("full", (2,), array(3), error=ShapeError, match="do not broadcast"),
    bad("arange", 0, 1, 0, error=ValueError, match="arange: step: expected a number other than 0"),
    bad("arange", 0, float("inf"), error=ValueError, match="expected finite numbers"),
    bad("linspace", 0, 1, -2, error=ValueError, match="linspace: num: expected 0 or more; got -2"),
    bad(
        "linspace",
        array(2),
        array(3),
        error=ShapeError,
        match="linspace: shapes (2,), (3,) do not broadcast",
    ),
    bad(
        "linspace",
        array(2),
        1.0,
        axis=2,
        error=AxisError,
        match="linspace: axis: 2 is out of range",
    ),
    bad("geomspace", 0, 1, error=ValueError, match="expected numbers other than 0"),
    bad("meshgrid", array(2, 3), error=ShapeError, match="x[0]: expected a vector"),
    bad("meshgrid", array(2), indexing="yx", error=ValueError, match="expected 'xy' or 'ij'"),
    bad("eye", -1, error=ShapeError, match="eye: N: expected 0 or more; got -1"),
    bad("eye", 2.5, error=TypeError, match="eye: N: expected an integer; got float"),
    bad("tril", array(3), error=ShapeError, match="tril: x: expected a matrix"),
    bad("diag", array(2, 2, 2), error=ShapeError, match="diag: x: expected a vector or a matrix"),
    bad("vander", array(2, 2), error=ShapeError, match="vander: x: expected a vector"),
    bad(
        "bartlett",
        "five",
        error=TypeError,
        match="bartlett: x: expected the number of points; got str",
    ),
]
