"""Rows for the ops of ``polynet/ops/control.py``, and the functions that they run; nothing but these."""

from typing import Any

from polynet.conformance.case import array, bad, bools, case, ints
from polynet.errors import AxisError, DTypeError, ShapeError

# ------------------------------------------------------------------------------------ functions
# They use operators, so that references can run them on NumPy arrays too.


def _doubled(*xs: Any) -> Any:
    return xs[0] * 2.0


def _squared(*xs: Any) -> Any:
    return xs[0] * xs[0]


def _one() -> Any:
    return 1.0


def _two() -> Any:
    return 2.0


def _whole() -> Any:
    return 1


def _pair() -> Any:
    return [1.0, 2.0]


def _running_total(carry: Any, x: Any) -> Any:
    return carry + x, carry * x


def _recurrent(carry: Any, x: Any) -> Any:
    state = carry["state"] * 0.5 + x["a"] * x["b"]
    return {"state": state, "unused": None}, (state, None)


def _counted(carry: Any, x: Any) -> Any:
    return carry * 2.0, carry


def _only_results(carry: Any, x: Any) -> Any:
    return None, x + 1.0


def _growing(carry: Any, x: Any) -> Any:
    return carry + x[None], x


def _no_pair(carry: Any, x: Any) -> Any:
    return carry


def _small(i: Any, x: Any) -> Any:
    return i < 3


def _many(i: Any, x: Any) -> Any:
    return x > 0


def _next_square(i: Any, x: Any) -> Any:
    return i + 1, x * x - 1


def _twice(x: Any) -> Any:
    return x * 2


def _fewer(i: Any, x: Any) -> Any:
    return (i + 1,)


def _longer(i: Any, x: Any) -> Any:
    return i + 1, x[None]


def _below_ten(x: Any) -> Any:
    return x < 10


def _as_mapping(values: Any) -> Any:
    return {"x": values["x"] * 2, "y": values["y"]}


def _mapping_small(values: Any) -> Any:
    return values["x"] < 10


def _plus_number(i: Any, x: Any) -> Any:
    return x + i


def _scaled_pair(i: Any, values: Any) -> Any:
    return values[1], values[0] * 0.5


def _halved(i: Any, x: Any) -> Any:
    return x * 0.5


def _sum_of_squares(x: Any) -> Any:
    return x @ x


def _of_both(parts: Any) -> Any:
    return {"product": parts[0] * parts[1], "first": parts[0]}


def _plus(a: Any, b: Any) -> Any:
    return a + b


def _chained(a: Any, b: Any) -> Any:
    return a[0] * b[0], b[0] * a[1] + b[1]


def _first_half(a: Any, b: Any) -> Any:
    return a[:1]


CASES = [
    # ------------------------------------------------------------------ branches
    case("cond", bools(values=True), _one, _two, reference="1.0"),
    case("cond", bools(values=False), _pair, _pair, reference="[1.0, 2.0]"),
    case("cond", False, _one, _two, reference="2.0"),
    *(
        case("switch", ints(values=index), [_doubled, _squared], array(2, 3), reference=reference)
        for index, reference in (
            (0, "operands[0] * 2"),
            (1, "operands[0] ** 2"),
            (7, "operands[0] ** 2"),
        )
    ),
    case("switch", -1, [_one, _two], reference="1.0"),
    # ------------------------------------------------------------------ loops
    # Of integers: compiled code cannot go back through a loop of unknown length, eager gradients have their own tests.
    case(
        "while_loop",
        _small,
        _next_square,
        (0, ints(2)),
        reference="repeated(cond, body, loop_vars)",
    ),
    case(
        "while_loop",
        _small,
        _next_square,
        [0, ints()],
        maximum_iterations=2,
        reference="repeated(cond, body, loop_vars, 2)",
    ),
    case("while_loop", _small, _next_square, (5, ints(2)), reference="(5, loop_vars[1])"),
    case(
        "while_loop", _below_ten, _twice, ints(low=1), reference="repeated(cond, body, loop_vars)"
    ),
    case(
        "while_loop",
        _mapping_small,
        _as_mapping,
        {"x": ints(low=1), "y": None},
        reference="repeated(cond, body, loop_vars)",
    ),
    *(
        case(
            "fori_loop",
            lower,
            upper,
            _plus_number,
            array(2),
            reference="counted(lower, upper, body_fun, init_val)",
        )
        for lower, upper in ((0, 4), (2, 3), (3, 0))
    ),
    case(
        "fori_loop",
        ints(values=1),
        ints(values=4),
        _halved,
        array(2),
        reference="counted(int(lower), int(upper), body_fun, init_val)",
        grad=False,
        why="compiled code cannot go back through a loop of unknown length",
    ),
    case(
        "fori_loop",
        0,
        3,
        _scaled_pair,
        (array(2), array(2)),
        reference="counted(lower, upper, body_fun, init_val)",
    ),
    # ------------------------------------------------------------------ scans
    *(
        case(
            "scan",
            _running_total,
            array(2),
            array(4, 2),
            reverse=reverse,
            reference="scanned(f, init, xs, None, reverse)",
        )
        for reverse in (False, True)
    ),
    case("scan", _running_total, array(), array(3), unroll=2, reference="scanned(f, init, xs)"),
    case(
        "scan",
        _recurrent,
        {"state": array(2), "unused": None},
        {"a": array(3, 2), "b": array(3, 1)},
        reference="scanned(f, init, xs)",
        label="trees",
    ),
    case("scan", _counted, array(), length=3, reference="scanned(f, init, xs, length)"),
    case("scan", _only_results, None, array(3), reference="(None, xs + 1)"),
    case("scan", _running_total, array(2), array(0, 2), reference="(init, xs)"),
    case("scan", _running_total, array(2), array(1, 2), reference="scanned(f, init, xs)"),
    case("map", _squared, array(3, 2), reference="xs ** 2"),
    case(
        "map",
        _of_both,
        (array(3), array(3, 2)),
        reference="{'first': xs[0], 'product': xs[0][:, None] * xs[1]}",
    ),
    case("map", _squared, array(0, 2), reference="xs"),
    case("associative_scan", _plus, array(5, 2), reference="np.cumsum(elems, 0)"),
    case("associative_scan", _plus, array(2, 4), axis=-1, reference="np.cumsum(elems, 1)"),
    case(
        "associative_scan", _plus, array(3), reverse=True, reference="np.cumsum(elems[::-1])[::-1]"
    ),
    case("associative_scan", _chained, (array(6), array(6)), reference="partial(f, elems)"),
    *(case("associative_scan", _plus, ints(n), reference="np.cumsum(elems)") for n in (0, 1, 2, 7)),
    # ------------------------------------------------------------------ many at once
    case("vectorized_map", _sum_of_squares, array(3, 2), reference="(elements ** 2).sum(1)"),
    case(
        "vectorized_map",
        _of_both,
        (array(3), array(3, 2)),
        reference="{'first': elements[0], 'product': elements[0][:, None] * elements[1]}",
    ),
    case("vectorized_map", _squared, array(0, 2), reference="elements"),
]

BAD = [
    bad(
        "cond",
        bools(2),
        _one,
        _two,
        error=ShapeError,
        match="pred: expected one bool; got the shape (2,)",
    ),
    bad("cond", True, 3, _two, error=TypeError, match="true_fn: expected a function; got int"),
    bad(
        "switch", 0, [], error=ValueError, match="switch: branches: expected at least one function"
    ),
    bad(
        "switch",
        array(),
        [_one],
        error=ShapeError,
        match="index: expected one integer; got float32",
    ),
    bad(
        "while_loop",
        _many,
        _next_square,
        (0, array(2)),
        error=ShapeError,
        match="while_loop: cond: expected one bool",
    ),
    bad(
        "while_loop",
        _small,
        _fewer,
        (0, 1.0),
        error=ValueError,
        match="body: the loop's values must keep their structure",
    ),
    bad(
        "while_loop",
        _small,
        _longer,
        (0, array()),
        error=ShapeError,
        match="while_loop: body: a loop's values must keep their shape and dtype; [1] goes in as float32 of shape ()",
    ),
    bad(
        *("while_loop", _small, _next_square, (0, 1.0)),
        maximum_iterations=-1,
        error=ValueError,
        match="maximum_iterations: expected 0 or more; got -1",
    ),
    bad(
        "fori_loop",
        0,
        2.5,
        _halved,
        1.0,
        error=TypeError,
        match="upper: expected an integer; got float",
    ),
    bad(
        "fori_loop", 0, ints(2), _halved, 1.0, error=ShapeError, match="upper: expected one integer"
    ),
    bad(
        "fori_loop",
        0,
        2,
        _halved,
        1,
        error=DTypeError,
        match="fori_loop: body_fun: a loop's values must keep",
    ),
    bad(
        "scan",
        _no_pair,
        0.0,
        array(2),
        error=TypeError,
        match="scan: f: expected a pair, the new carry and a result",
    ),
    bad(
        "scan",
        _growing,
        array(),
        array(2),
        error=ShapeError,
        match="the value goes in as float32 of shape ()",
    ),
    bad(
        "scan",
        _running_total,
        0.0,
        error=ValueError,
        match="scan: xs, length: expected one of them",
    ),
    bad(
        "scan",
        _running_total,
        0.0,
        length=-1,
        error=ValueError,
        match="scan: length: expected 0 or more; got -1",
    ),
    bad(
        "scan",
        _running_total,
        0.0,
        array(2),
        length=3,
        error=ShapeError,
        match="expected one length of the first axes",
    ),
    bad(
        "scan",
        _running_total,
        0.0,
        array(),
        error=ShapeError,
        match="scan: xs: expected tensors of one dimension",
    ),
    bad(
        "scan",
        _running_total,
        0.0,
        array(2),
        unroll=0,
        error=ValueError,
        match="scan: unroll: expected a bool",
    ),
    bad(
        "map",
        _squared,
        [array(2), array(3)],
        error=ShapeError,
        match="map: xs: expected one length",
    ),
    bad(
        "associative_scan",
        _first_half,
        array(4),
        error=ShapeError,
        match="associative_scan: f: a loop's values must keep",
    ),
    bad("associative_scan", _plus, array(), error=AxisError, match="a 0-d tensor has no axis"),
    bad(
        "vectorized_map",
        _squared,
        [array(2), array(3)],
        error=ShapeError,
        match="expected one length",
    ),
    bad("vectorize", 3, error=TypeError, match="vectorize: pyfunc: expected a function; got int"),
    bad(
        "vectorize",
        _plus,
        signature="(n->()",
        error=ValueError,
        match="expected axes in parentheses",
    ),
]
