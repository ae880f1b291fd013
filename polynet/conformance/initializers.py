"""Initializers: rows about the bits of first values, their distributions, and wrong calls.

What draws uses the bits of ``polynet.random``; what does not is stored from NumPy's arithmetic.
"""

# ruff: noqa: E501 - messages stand here as they are read

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from polynet.conformance import calls, stored
from polynet.conformance.calls import CHECKS, Call
from polynet.conformance.stored import Wrong


def made(
    name: str, arguments: str, shape: tuple[int, ...], dtype: str = "float32", **more: Any
) -> Call:
    """One initializer, called once."""
    make = f"initializers.{name}({arguments})"
    return Call(name, f"{make}({shape}, '{dtype}')", dtype, make, **more)


def draws(name: str, arguments: str) -> Iterator[Call]:
    """What an initializer draws in each floating dtype."""
    for dtype in ("float32", "float16", "bfloat16"):
        yield made(name, arguments, (5, 7, 9), dtype)


def spread(name: str, arguments: str, shape: tuple[int, ...], distribution: str) -> Call:
    """How the values of an initializer are distributed."""
    return made(name, arguments, shape, distribution=distribution)


ROWS = [
    *draws("RandomNormal", "seed=3"),
    *draws("RandomNormal", "mean=0.3, stddev=0.7, seed=3"),
    *draws("TruncatedNormal", "seed=3"),
    *draws("TruncatedNormal", "mean=0.3, stddev=0.7, seed=3"),
    *draws("RandomUniform", "seed=3"),
    *draws("RandomUniform", "minval=0.1, maxval=0.7, seed=3"),
    *draws("GlorotUniform", "seed=3"),
    *draws("GlorotNormal", "seed=3"),
    *draws("LecunUniform", "seed=3"),
    *draws("LecunNormal", "seed=3"),
    *draws("HeUniform", "seed=3"),
    *draws("HeNormal", "seed=3"),
    *draws(
        "VarianceScaling", "scale=0.3, mode='fan_out', distribution='untruncated_normal', seed=3"
    ),
    *draws("GlorotUniform", "input_axes=[0], output_axes=[1, 2], seed=3"),
    made("HeNormal", "seed=3", (5, 7, 9), "float64"),
    *(
        made(name, arguments, shape, dtype)
        for dtype in ("float32", "float16", "int32", "bool")
        for name, arguments, shape in (
            ("Zeros", "", (2, 3)),
            ("Zeros", "", (0, 3)),
            ("Ones", "", (2, 3)),
            ("Ones", "", ()),
            ("Constant", "3", (2, 3)),
            ("Constant", "[1.0, 2.0, 4.0]", (2, 3)),
            ("Identity", "", (2, 3)),
            ("Identity", "gain=2.0", (3, 2)),
        )
    ),
    *(
        made("Orthogonal", "2.0, seed=3", shape, exact=False)
        for shape in ((6, 4), (4, 6), (5, 5), (2, 3, 4))
    ),
    made("STFT", "", (12, 1, 11), exact=False),
    made("STFT", "'imag', 'hamming', 'spectrum', True", (12, 1, 11), exact=False),
    made("STFT", "window=None, scaling=None", (12, 1, 11), exact=False),
    spread("RandomNormal", "2.0, 3.0, seed=1", (200, 100), "norm(2.0, 3.0)"),
    spread("TruncatedNormal", "2.0, 3.0, seed=1", (200, 100), "truncnorm(-2, 2, 2.0, 3.0)"),
    spread("RandomUniform", "-1.0, 3.0, seed=1", (200, 100), "uniform(-1.0, 4.0)"),
    *(
        spread(name, "seed=7", (60, 200), distribution)
        for name, distribution in (
            ("GlorotUniform", "uniform(-(3 / 130) ** 0.5, 2 * (3 / 130) ** 0.5)"),
            ("LecunUniform", "uniform(-(3 / 60) ** 0.5, 2 * (3 / 60) ** 0.5)"),
            ("HeUniform", "uniform(-(6 / 60) ** 0.5, 2 * (6 / 60) ** 0.5)"),
            ("GlorotNormal", "truncnorm(-2, 2, 0, (1 / 130) ** 0.5 / truncnorm(-2, 2).std())"),
            ("LecunNormal", "truncnorm(-2, 2, 0, (1 / 60) ** 0.5 / truncnorm(-2, 2).std())"),
            ("HeNormal", "truncnorm(-2, 2, 0, (2 / 60) ** 0.5 / truncnorm(-2, 2).std())"),
        )
    ),
    spread(
        "HeNormal",
        "seed=7",
        (3, 3, 20, 70),
        "truncnorm(-2, 2, 0, (2 / 180) ** 0.5 / truncnorm(-2, 2).std())",
    ),
    spread(
        "GlorotUniform",
        "seed=7, input_axes=(0,), output_axes=(1, 2)",
        (40, 8, 50),
        "uniform(-(3 / 220) ** 0.5, 2 * (3 / 220) ** 0.5)",
    ),
    *(
        spread(
            "VarianceScaling",
            f"0.5, '{mode}', 'untruncated_normal', seed=7",
            (60, 200),
            f"norm(0, (0.5 / {fan}) ** 0.5)",
        )
        for mode, fan in (("fan_in", 60), ("fan_out", 200), ("fan_avg", 130))
    ),
]

WRONG = [
    Wrong(
        "Initializer",
        "initializers.Initializer()((2,))",
        "NotImplementedError",
        "Initializer: __call__(shape, dtype=None) is missing; write it in that class.",
    ),
    Wrong(
        "Identity",
        "initializers.Identity()((2,))",
        "ShapeError",
        "Identity: shape: expected two axes, those of a matrix; got (2,).",
    ),
    Wrong(
        "Orthogonal",
        "initializers.Orthogonal()((2,))",
        "ShapeError",
        "Orthogonal: shape: expected two axes or more, the last for columns; got (2,).",
    ),
    Wrong(
        "Orthogonal",
        "initializers.Orthogonal()((2, 2), 'int32')",
        "DTypeError",
        "Orthogonal: dtype: expected a float dtype; got int32.",
    ),
    Wrong(
        "HeNormal",
        "initializers.HeNormal('7')",
        "TypeError",
        "seed: expected an integer, a polynet.random.SeedGenerator or None; got str.",
    ),
    Wrong(
        "HeNormal",
        "initializers.HeNormal(-1)",
        "ValueError",
        "seed: expected an integer from 0 to 2**32 - 1; got -1. Take it modulo 2**32.",
    ),
    Wrong(
        "VarianceScaling",
        "initializers.VarianceScaling(0.0)",
        "ValueError",
        "VarianceScaling: scale: expected a number above 0; got 0.0.",
    ),
    Wrong(
        "VarianceScaling",
        "initializers.VarianceScaling(1.0, 'fan_it')",
        "ValueError",
        "VarianceScaling: mode: expected 'fan_in', 'fan_out' or 'fan_avg'; got 'fan_it'. Did you mean 'fan_in'?",
    ),
    Wrong(
        "VarianceScaling",
        "initializers.VarianceScaling(1.0, distribution='unifrom')",
        "ValueError",
        "VarianceScaling: distribution: expected 'truncated_normal', 'untruncated_normal' or 'uniform'; got 'unifrom'. Did you mean 'uniform'?",
    ),
    Wrong(
        "VarianceScaling",
        "initializers.VarianceScaling(input_axes=[0])",
        "ValueError",
        "VarianceScaling: output_axes: expected axes as the other of input_axes and output_axes is given; got None.",
    ),
    Wrong(
        "HeNormal",
        "initializers.HeNormal(input_axes=[0], output_axes=[3])((2, 3))",
        "AxisError",
        "VarianceScaling: output_axes: [3] is out of range for the shape (2, 3).",
    ),
    Wrong(
        "STFT",
        "initializers.STFT('reel')",
        "ValueError",
        "STFT: side: expected 'real' or 'imag'; got 'reel'.",
    ),
    Wrong(
        "STFT",
        "initializers.STFT(scaling='no')",
        "ValueError",
        "STFT: scaling: expected 'density', 'spectrum' or None; got 'no'.",
    ),
    Wrong(
        "STFT",
        "initializers.STFT(window='han')",
        "ValueError",
        "STFT: window: expected 'boxcar', 'hann', 'hamming', 'blackman', 'nuttall', 'blackmanharris', 'flattop', the window's values or None; got 'han'. Did you mean 'hann'?",
    ),
    Wrong(
        "STFT",
        "initializers.STFT()((4, 2, 3))",
        "ShapeError",
        "STFT: shape: expected (length of the window, 1, 2 or more frequencies); got (4, 2, 3).",
    ),
    Wrong(
        "STFT",
        "initializers.STFT(window=[1.0, 2.0])((4, 1, 3))",
        "ShapeError",
        "STFT: window: expected the shape (4,), the first axis of the kernel's shape; got (2,).",
    ),
    Wrong(
        "HeNormal",
        "initializers.get('he_norml')",
        "ValueError",
        "initializers: unknown initializer 'he_norml'. Did you mean 'he_normal'?",
    ),
    Wrong(
        "HeNormal",
        "initializers.get(3.5)",
        "ValueError",
        "initializers: expected a name, a description, a class, an object or a function; got float.",
    ),
    Wrong(
        "RandomUniform",
        "initializers.RandomUniform()((2,), 'int32')",
        "DTypeError",
        "uniform: dtype: expected a float dtype; got int32.",
    ),
    Wrong("Zeros", "initializers.Zeros(1)", "TypeError", "Zeros() takes no arguments"),
    Wrong(
        "GlorotUniform",
        "initializers.GlorotUniform()((-1, 2))",
        "ShapeError",
        "uniform: shape: expected lengths of 0 and more; got (-1, 2).",
    ),
    Wrong(
        "HeNormal",
        "initializers.HeNormal()((2, 3), 'int32')",
        "DTypeError",
        "truncated_normal: dtype: expected a float dtype; got int32.",
    ),
]


def tier(row: Any, check: str) -> str:
    """Compilation comes last."""
    return "full" if check == "compiled" else "nn"


def names() -> Iterable[str]:
    """The classes; other names of one are the same object."""
    from polynet import initializers

    classes = (getattr(initializers, name) for name in initializers.__all__)
    return sorted({cls.__name__ for cls in classes if isinstance(cls, type)})


SUBJECT = stored.subject(
    name="initializers",
    rows=lambda: [*ROWS, *WRONG],
    trial=lambda row, backend: calls.CallTrial(row, backend, "initializers"),
    checks=CHECKS,
    tier=tier,
    names=names,
)
