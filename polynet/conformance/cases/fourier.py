"""Rows for the ops of ``polynet/ops/fourier.py``; nothing but rows."""

from polynet.conformance.case import array, bad, case, ints
from polynet.errors import DTypeError, ShapeError

_PAIR = "(lambda y: (y.real, y.imag))"
_JOINED = "(x[0] + 1j * x[1])"


def _pair(*shape: int) -> tuple[object, object]:
    return array(*shape), array(*shape)


CASES = [
    case("fft", _pair(8), reference=f"{_PAIR}(np.fft.fft{_JOINED})"),
    case("fft", _pair(2, 3, 7), reference=f"{_PAIR}(np.fft.fft{_JOINED})"),
    case("fft", _pair(0, 4), reference=f"{_PAIR}(np.fft.fft{_JOINED})"),
    case("fft", (ints(5), ints(5)), reference=f"{_PAIR}(np.fft.fft{_JOINED})"),
    case("fft2", _pair(2, 4, 5), reference=f"{_PAIR}(np.fft.fft2{_JOINED})"),
    case("ifft2", _pair(2, 4, 5), reference=f"{_PAIR}(np.fft.ifft2{_JOINED})"),
    case("rfft", array(8), reference=f"{_PAIR}(np.fft.rfft(x))"),
    case("rfft", array(2, 7), reference=f"{_PAIR}(np.fft.rfft(x))"),
    case("rfft", array(2, 7), 4, reference=f"{_PAIR}(np.fft.rfft(x, fft_length))"),
    case("rfft", array(2, 7), 12, reference=f"{_PAIR}(np.fft.rfft(x, fft_length))"),
    case("rfft", ints(6), reference=f"{_PAIR}(np.fft.rfft(x))"),
    case("irfft", _pair(2, 5), reference=f"np.fft.irfft{_JOINED}"),
    case("irfft", _pair(5), 9, reference=f"np.fft.irfft({_JOINED}, fft_length)"),
    case("irfft", _pair(5), 4, reference=f"np.fft.irfft({_JOINED}, fft_length)"),
    case("irfft", _pair(5), 13, reference=f"np.fft.irfft({_JOINED}, fft_length)"),
    case("irfft", _pair(1), 1, reference="x[0]"),
    *(
        case(
            "extract_sequences",
            array(2, 50),
            length,
            stride,
            reference="np.lib.stride_tricks.sliding_window_view(x, sequence_length, -1)"
            "[:, ::sequence_stride]",
        )
        for length, stride in ((3, 2), (3, 3), (3, 5), (40, 2))
    ),
    case("extract_sequences", ints(6), 3, 2, reference="np.stack([x[:3], x[2:5]])"),
    case(
        "istft",
        (array(5, 3), array(5, 3)),
        4,
        4,
        4,
        window=None,
        center=False,
        label="whole blocks",
        reference=f"np.fft.irfft({_JOINED}, 4).reshape(-1)",
    ),
    case("extract_sequences", array(3), 5, 2, reference="np.zeros((0, 5))"),
    case(
        "stft",
        array(20),
        8,
        4,
        8,
        None,
        False,
        reference=f"{_PAIR}(np.stack([np.fft.rfft(x[i : i + 8]) for i in (0, 4, 8, 12)]))",
    ),
    case(
        "stft",
        array(20),
        4,
        6,
        7,
        "hamming",
        False,
        reference=f"{_PAIR}(np.stack([np.fft.rfft(x[i : i + 7] * np.pad("
        "scipy.signal.get_window('hamming', 4), (1, 2))) for i in (0, 6, 12)]))",
    ),
    case(
        "stft",
        array(9),
        4,
        2,
        4,
        reference=f"{_PAIR}(np.stack([np.fft.rfft(np.pad(x, 2, mode='reflect')[i : i + 4]"
        " * scipy.signal.get_window('hann', 4)) for i in range(0, 10, 2)]))",
    ),
    case("dft", array(4, dtype="complex64"), 1, reference="np.fft.fft(x)"),
    case("inverse_dft", array(4, dtype="complex64"), 1, reference="np.fft.ifft(x)"),
    case("real_dft", array(2, 6), reference="np.fft.rfft(x)"),
    case("inverse_real_dft", array(4, dtype="complex64"), 7, reference="np.fft.irfft(x, length)"),
]

BAD = [
    bad("fft", array(2, 3), error=ValueError, match="x: expected a pair of tensors"),
    bad("fft", (array(2, 3), array(2, 4)), error=ShapeError, match="of one shape; got (2, 3) and"),
    bad("fft", (array(3, dtype="complex64"), array(3)), error=DTypeError, match="real numbers"),
    bad("rfft", array(3, 0), error=ShapeError, match="x: expected 1 or more axes"),
    bad("rfft", array(3), 0, error=ValueError, match="fft_length: expected a positive integer"),
    bad("irfft", _pair(3, 1), error=ShapeError, match="needs fft_length=1"),
    bad("stft", array(9), 4, 0, 4, error=ValueError, match="sequence_stride: expected a positive"),
    bad("stft", array(9), 4, 2, 3, error=ValueError, match="fft_length: expected sequence_length"),
    bad("stft", array(9), 4, 2, 4, "han", error=ValueError, match="Did you mean 'hann'?"),
    bad("extract_sequences", array(9), 0, 2, error=ValueError, match="sequence_length: expected"),
]
