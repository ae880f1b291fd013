"""Rows for the ops of ``polynet/ops/recurrent.py``; nothing but rows."""

from polynet.conformance.case import array, bad, bools, case
from polynet.errors import DTypeError, ShapeError

_SIMPLE = (
    "simple_rnn_loops(x, h, kernel, recurrent_kernel, bias, mask, activation, go_backwards,"
    " zero_output_for_mask)"
)
_LSTM = (
    "lstm_loops(x, h, c, kernel, recurrent_kernel, bias, mask, activation, recurrent_activation,"
    " go_backwards, zero_output_for_mask)"
)
_GRU = (
    "gru_loops(x, h, kernel, recurrent_kernel, bias, mask, activation, recurrent_activation,"
    " reset_after, go_backwards, zero_output_for_mask)"
)
_GAPS = [[True, True, False, True], [False, True, True, False], [False, False, False, False]]


def _small(*shape: int, dtype: str = "float32") -> object:
    return array(*shape, dtype=dtype, low=-1.0, high=1.0)


def _simple(**more: object) -> object:
    arguments = (_small(3, 4, 2), _small(3, 5), _small(2, 5), _small(5, 5))
    return case("simple_rnn", *arguments, reference=_SIMPLE, **more)  # type: ignore[arg-type]


def _lstm(**more: object) -> object:
    arguments = (_small(3, 4, 2), _small(3, 5), _small(3, 5), _small(2, 20), _small(5, 20))
    return case("lstm", *arguments, reference=_LSTM, **more)  # type: ignore[arg-type]


def _gru(**more: object) -> object:
    arguments = (_small(3, 4, 2), _small(3, 5), _small(2, 15), _small(5, 15))
    return case("gru", *arguments, reference=_GRU, **more)  # type: ignore[arg-type]


# Rows are few, since compiling the second derivative of a loop takes long.
CASES = [
    # ------------------------------------------------------------------------------------- simple
    _simple(),
    _simple(bias=_small(5), mask=bools(values=_GAPS)),
    _simple(mask=bools(3, 4), zero_output_for_mask=True, go_backwards=True),
    _simple(activation="relu"),
    # --------------------------------------------------------------------------------------- LSTM
    _lstm(bias=_small(20)),
    _lstm(mask=bools(values=_GAPS), go_backwards=True),
    _lstm(bias=_small(20), mask=bools(3, 4), zero_output_for_mask=True),
    _lstm(activation="relu", recurrent_activation="hard_sigmoid"),
    case(
        "lstm",
        *(_small(2, 1, 3), _small(2, 1), _small(2, 1), _small(3, 4), _small(1, 4), _small(4)),
        reference=_LSTM,
    ),
    case(
        "lstm",
        *(_small(2, 0, 3), _small(2, 2), _small(2, 2), _small(3, 8), _small(2, 8)),
        reference=_LSTM,
    ),
    # ---------------------------------------------------------------------------------------- GRU
    _gru(bias=_small(2, 15)),
    _gru(mask=bools(values=_GAPS), go_backwards=True),
    _gru(bias=_small(2, 15), mask=bools(3, 4), zero_output_for_mask=True),
    _gru(bias=_small(15), reset_after=False, mask=bools(values=_GAPS)),
    _gru(activation="linear", recurrent_activation="hard_sigmoid"),
]

BAD = [
    bad(
        "lstm",
        *(_small(2, 3), _small(2, 5), _small(2, 5), _small(3, 20), _small(5, 20)),
        error=ShapeError,
        match="lstm: x: expected shape (batch, time, features); got (2, 3).",
    ),
    bad(
        "lstm",
        *(_small(2, 3, 4), _small(2, 5), _small(2, 4), _small(4, 20), _small(5, 20)),
        error=ShapeError,
        match="lstm: c: expected shape (2, 5) for x of shape (2, 3, 4) and 5 units; got (2, 4).",
    ),
    bad(
        "gru",
        *(_small(2, 3, 4), _small(2, 5), _small(4, 15), _small(5, 15), _small(15)),
        error=ShapeError,
        match="gru: bias: expected shape (2, 15) for x of shape (2, 3, 4) and 5 units; got (15,).",
    ),
    bad(
        "simple_rnn",
        *(_small(2, 3, 4), _small(2, 5), _small(4, 5), _small(5, 6)),
        error=ShapeError,
        match="simple_rnn: recurrent_kernel: expected shape (5, 5) for x of shape (2, 3, 4)",
    ),
    bad(
        "simple_rnn",
        *(_small(2, 3, 4), _small(2, 5), _small(4, 5), _small(5, 5)),
        activation="gelu",
        error=ValueError,
        match="activation: expected one of hard_sigmoid, linear, relu, sigmoid, tanh; got 'gelu'.",
    ),
    bad(
        "simple_rnn",
        *(array(2, 3, 4, dtype="complex64"), _small(2, 5), _small(4, 5), _small(5, 5)),
        error=DTypeError,
        match="simple_rnn: expected real numbers; got complex64.",
    ),
]
