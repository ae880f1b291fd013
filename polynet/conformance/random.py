"""Random numbers: rows about the bits that each seed gives, about distributions, and about wrong calls.

The bits are what polynet defines them to be, the same on every backend; its tests compare the generator with the
published answers, and the ways from bits to numbers with exact arithmetic.
"""

# ruff: noqa: E501 - messages stand here as they are read

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polynet.conformance import calls, stored
from polynet.conformance.calls import Call
from polynet.conformance.stored import Wrong

CHECKS = {name: check for name, check in calls.CHECKS.items() if name != "config"}

ROWS = [
    Call("normal", "random.normal((1001,), seed=12345)", distribution="norm()"),
    Call("normal", "random.normal((7, 143), 0.3, 0.7, seed=12345)", distribution="norm(0.3, 0.7)"),
    Call(
        "normal",
        "random.normal((100, 5), np.arange(5, dtype='float32'), np.float32(0.3), seed=12345)",
    ),
    Call("normal", "random.normal((1001,), 0.3, 0.7, 'float16', seed=12345)", "float16"),
    Call("normal", "random.normal((), seed=12345)"),
    Call(
        "truncated_normal",
        "random.truncated_normal((1001,), -0.3, 0.7, seed=12345)",
        distribution="truncnorm(-2, 2, -0.3, 0.7)",
    ),
    Call("uniform", "random.uniform((1001,), seed=12345)", distribution="uniform()"),
    Call(
        "uniform",
        "random.uniform((1001,), -0.3, 0.7, seed=12345)",
        distribution="uniform(-0.3, 1.0)",
    ),
    Call(
        "uniform",
        "random.uniform((100, 5), np.arange(5, dtype='float32'), np.arange(5, dtype='float32') + 0.3, seed=12345)",
    ),
    Call("uniform", "random.uniform((1001,), 0.3, 0.7, 'float16', seed=12345)", "float16"),
    Call(
        "randint",
        "random.randint((1001,), -5, 700, seed=12345)",
        "int32",
        distribution="randint(-5, 700)",
    ),
    Call("randint", "random.randint((1001,), -2 ** 30, 2 ** 31, seed=12345)", "int32"),
    Call("randint", "random.randint((1001,), 0, 2 ** 32, 'uint32', seed=12345)", "uint32"),
    Call("randint", "random.randint((1001,), -100, 100, 'int8', seed=12345)", "int8"),
    Call(
        "randint",
        "random.randint((300, 3), np.array([0, 1, 2], 'int32'), np.array([1, 5, 10 ** 9], 'int32'), seed=12345)",
        "int32",
    ),
    Call(
        "categorical",
        "random.categorical(np.linspace(-2, 2, 12, dtype='float32').reshape(3, 4), 100, seed=12345)",
        "int32",
    ),
    Call(
        "shuffle",
        "random.shuffle(np.arange(15000, dtype='int32').reshape(5000, 3), seed=12345)",
        "int32",
    ),
    Call(
        "shuffle",
        "random.shuffle(np.arange(15000, dtype='int32').reshape(5000, 3)[:10], axis=-1, seed=12345)",
        "int32",
    ),
    Call("dropout", "random.dropout(np.ones((60, 33), 'float32'), 0.3, seed=12345)"),
    Call("dropout", "random.dropout(np.ones((60, 33), 'float32'), 0.001, seed=12345)"),
    Call("dropout", "random.dropout(np.ones((60, 33), 'float32'), 0.3, (None, 1), seed=12345)"),
    Call(
        "dropout",
        "random.dropout(np.ones((60, 33), 'float32').astype('float16'), 0.3, seed=12345)",
        "float16",
    ),
    Call("normal", "random.normal((1001,), 0.3, 0.7, 'float64', seed=12345)", "float64"),
    Call(
        "truncated_normal",
        "random.truncated_normal((1001,), dtype='float64', seed=12345)",
        "float64",
    ),
    Call("uniform", "random.uniform((1001,), 0.3, 0.7, 'float64', seed=12345)", "float64"),
    Call("randint", "random.randint((1001,), -10, 2 ** 63, 'int64', seed=12345)", "int64"),
    Call("randint", "random.randint((1001,), -2 ** 63, 2 ** 63, 'int64', seed=12345)", "int64"),
    Call("randint", "random.randint((1001,), -10, 200, 'int64', seed=12345)", "int64"),
    Call("randint", "random.randint((1001,), 5, 2 ** 64, 'uint64', seed=12345)", "uint64"),
    Call(
        "categorical",
        "random.categorical(np.linspace(-2, 2, 12, dtype='float32').reshape(3, 4).astype('f8'), 9, seed=12345)",
        "int32",
        needs="float64",
    ),
    Call("normal", "random.normal((20_000,), -3.0, 0.1, seed=1)", distribution="norm(-3.0, 0.1)"),
    Call(
        "truncated_normal",
        "random.truncated_normal((20_000,), 1.0, 0.5, seed=2)",
        distribution="truncnorm(-2, 2, 1.0, 0.5)",
    ),
    Call(
        "uniform", "random.uniform((20_000,), 3.0, 3.5, seed=3)", distribution="uniform(3.0, 0.5)"
    ),
    Call(
        "randint",
        "random.randint((20_000,), 0, 1000, seed=4)",
        "int32",
        distribution="randint(0, 1000)",
    ),
    Call("gamma", "random.gamma((20_000,), 0.5, seed=6)", exact=False, distribution="gamma(0.5)"),
    Call("gamma", "random.gamma((20_000,), 40.0, seed=6)", exact=False, distribution="gamma(40.0)"),
    Call(
        "beta",
        "random.beta((20_000,), 2.0, 5.0, seed=8)",
        exact=False,
        distribution="beta(2.0, 5.0)",
    ),
    Call(
        "beta",
        "random.beta((20_000,), 0.5, 0.5, seed=8)",
        exact=False,
        distribution="beta(0.5, 0.5)",
    ),
    Call(
        "binomial",
        "random.binomial((20_000,), 10, 0.3, seed=9)",
        exact=False,
        distribution="binom(10, 0.3)",
    ),
    Call(
        "binomial",
        "random.binomial((20_000,), 1000, 0.3, seed=9)",
        exact=False,
        distribution="binom(1000, 0.3)",
    ),
    Call("SeedGenerator", "random.SeedGenerator(5).next()", "int32"),
    Call("SeedGenerator", "random.uniform((4,), seed=random.SeedGenerator(5))"),
    Call("SeedGenerator", "random.uniform((4,), seed=2**32 - 1)"),
]

WRONG = [
    Wrong(
        "normal",
        "random.normal((-1,), seed=1)",
        "ShapeError",
        "normal: shape: expected lengths of 0 and more; got (-1,).",
    ),
    Wrong(
        "normal",
        "random.normal('a', seed=1)",
        "TypeError",
        "normal: shape: expected an integer or a tuple of integers; got str.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), dtype='int32', seed=1)",
        "DTypeError",
        "normal: dtype: expected a float dtype; got int32.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), dtype='float33', seed=1)",
        "DTypeError",
        "Unknown dtype 'float33'. Did you mean 'float32'? Expected one of bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, bfloat16, float16, float32, float64, complex64, complex128, or a Python or NumPy type that has one of these names.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), stddev=-1.0, seed=1)",
        "ValueError",
        "normal: stddev: expected a finite number that is not negative; got -1.0.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), mean=nan, seed=1)",
        "ValueError",
        "normal: mean: expected a finite number; got nan.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), mean='a', seed=1)",
        "TypeError",
        "normal: mean: expected a number or a tensor; got str.",
    ),
    Wrong(
        "normal",
        "random.normal((2, 3), mean=np.arange(5, dtype='float32'), seed=1)",
        "ShapeError",
        "normal: mean: shape (5,) does not broadcast to the shape (2, 3).",
    ),
    Wrong(
        "truncated_normal",
        "random.truncated_normal((2,), 0, -1, seed=1)",
        "ValueError",
        "truncated_normal: stddev: expected a finite number that is not negative; got -1.",
    ),
    Wrong(
        "uniform",
        "random.uniform((2,), 2.0, 1.0, seed=1)",
        "ValueError",
        "uniform: minval, maxval: expected minval <= maxval, at a distance that float32 can hold; got 2.0 and 1.0.",
    ),
    Wrong(
        "uniform",
        "random.uniform((2,), -3e+38, 3e+38, seed=1)",
        "ValueError",
        "uniform: minval, maxval: expected minval <= maxval, at a distance that float32 can hold; got -3e+38 and 3e+38.",
    ),
    Wrong(
        "uniform",
        "random.uniform((2,), 0.0, inf, seed=1)",
        "ValueError",
        "uniform: maxval: expected a finite number; got inf.",
    ),
    Wrong(
        "uniform",
        "random.uniform((2,), dtype='bool', seed=1)",
        "DTypeError",
        "uniform: dtype: expected a float dtype; got bool.",
    ),
    Wrong(
        "randint",
        "random.randint((2,), 5, 5, seed=1)",
        "ValueError",
        "randint: minval, maxval: expected -2147483648 <= minval < maxval <= 2147483648, the range of int32; got 5 and 5.",
    ),
    Wrong(
        "randint",
        "random.randint((2,), 0, 300, 'uint8', seed=1)",
        "ValueError",
        "randint: minval, maxval: expected 0 <= minval < maxval <= 256, the range of uint8; got 0 and 300.",
    ),
    Wrong(
        "randint",
        "random.randint((2,), 0.5, 3, seed=1)",
        "ValueError",
        "randint: minval: expected a whole number; got 0.5.",
    ),
    Wrong(
        "randint",
        "random.randint((2,), 0, 3, 'float32', seed=1)",
        "DTypeError",
        "randint: dtype: expected an integer dtype; got float32.",
    ),
    Wrong(
        "randint",
        "random.randint((2, 3), 0, np.zeros((5, 3), 'int32')[:2, :2], seed=1)",
        "ShapeError",
        "randint: maxval: shape (2, 2) does not broadcast to the shape (2, 3).",
    ),
    Wrong(
        "categorical",
        "random.categorical(np.arange(5, dtype='float32'), 2, seed=1)",
        "ShapeError",
        "categorical: logits: expected shape (rows, classes) with at least one class; got (5,).",
    ),
    Wrong(
        "categorical",
        "random.categorical(np.linspace(-2, 2, 12, dtype='float32').reshape(3, 4)[:, :0], 2, seed=1)",
        "ShapeError",
        "categorical: logits: expected shape (rows, classes) with at least one class; got (3, 0).",
    ),
    Wrong(
        "categorical",
        "random.categorical(np.linspace(-2, 2, 12, dtype='float32').reshape(3, 4), -1, seed=1)",
        "ValueError",
        "categorical: num_samples: expected an integer of 0 or more; got -1.",
    ),
    Wrong(
        "categorical",
        "random.categorical(np.linspace(-2, 2, 12, dtype='float32').reshape(3, 4), 1, 'float32', seed=1)",
        "DTypeError",
        "categorical: dtype: expected an integer dtype; got float32.",
    ),
    Wrong(
        "shuffle",
        "random.shuffle(np.zeros((5, 3), 'int32'), axis=2, seed=1)",
        "AxisError",
        "shuffle: axis: 2 is out of range for a tensor of 2 dimensions; expected -2 to 1.",
    ),
    Wrong(
        "shuffle",
        "random.shuffle(np.zeros((5, 3), 'int32'), axis='x', seed=1)",
        "TypeError",
        "shuffle: axis: expected an integer; got str.",
    ),
    Wrong(
        "dropout",
        "random.dropout(np.ones((6, 33), 'float32'), 1.5, seed=1)",
        "ValueError",
        "dropout: rate: expected a number from 0 to 1; got 1.5.",
    ),
    Wrong(
        "dropout",
        "random.dropout(np.ones((6, 33), 'float32'), 'a', seed=1)",
        "ValueError",
        "dropout: rate: expected a number from 0 to 1; got 'a'.",
    ),
    Wrong(
        "dropout",
        "random.dropout(np.zeros((5, 3), 'int32'), 0.5, seed=1)",
        "DTypeError",
        "dropout: inputs: expected a float dtype; got int32.",
    ),
    Wrong(
        "dropout",
        "random.dropout(np.ones((6, 33), 'float32'), 0.5, (3,), seed=1)",
        "ShapeError",
        "dropout: noise_shape: expected 2 lengths, one for each axis of the inputs of shape (6, 33); got (3,).",
    ),
    Wrong(
        "dropout",
        "random.dropout(np.ones((6, 33), 'float32'), 0.5, (2, 33), seed=1)",
        "ShapeError",
        "dropout: noise_shape: expected None, 1 or the inputs' length on each axis; got (2, 33) for inputs of shape (6, 33).",
    ),
    Wrong(
        "gamma",
        "random.gamma((2,), 0.0, seed=1)",
        "ValueError",
        "gamma: alpha: expected a finite number above 0; got 0.0.",
    ),
    Wrong(
        "gamma",
        "random.gamma((2,), None, seed=1)",
        "TypeError",
        "gamma: alpha: expected a number or a tensor; got NoneType.",
    ),
    Wrong(
        "beta",
        "random.beta((2,), 1.0, -1.0, seed=1)",
        "ValueError",
        "beta: beta: expected a finite number above 0; got -1.0.",
    ),
    Wrong(
        "binomial",
        "random.binomial((2,), -1, 0.5, seed=1)",
        "ValueError",
        "binomial: counts: expected a number of trials, 0 or more; got -1.",
    ),
    Wrong(
        "binomial",
        "random.binomial((2,), 3, 1.5, seed=1)",
        "ValueError",
        "binomial: probabilities: expected a number from 0 to 1; got 1.5.",
    ),
    Wrong(
        "SeedGenerator",
        "random.SeedGenerator('x')",
        "TypeError",
        "seed: expected an integer, a polynet.random.SeedGenerator or None; got str.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), seed='x')",
        "TypeError",
        "seed: expected an integer, a polynet.random.SeedGenerator or None; got str.",
    ),
    Wrong(
        "SeedGenerator",
        "random.SeedGenerator(1.5)",
        "TypeError",
        "seed: expected an integer, a polynet.random.SeedGenerator or None; got float.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), seed=1.5)",
        "TypeError",
        "seed: expected an integer, a polynet.random.SeedGenerator or None; got float.",
    ),
    Wrong(
        "SeedGenerator",
        "random.SeedGenerator(True)",
        "TypeError",
        "seed: expected an integer, a polynet.random.SeedGenerator or None; got bool.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), seed=True)",
        "TypeError",
        "seed: expected an integer, a polynet.random.SeedGenerator or None; got bool.",
    ),
    Wrong(
        "SeedGenerator",
        "random.SeedGenerator(-1)",
        "ValueError",
        "seed: expected an integer from 0 to 2**32 - 1; got -1. Take it modulo 2**32.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), seed=-1)",
        "ValueError",
        "seed: expected an integer from 0 to 2**32 - 1; got -1. Take it modulo 2**32.",
    ),
    Wrong(
        "SeedGenerator",
        "random.SeedGenerator(2**32)",
        "ValueError",
        "seed: expected an integer from 0 to 2**32 - 1; got 4294967296. Take it modulo 2**32.",
    ),
    Wrong(
        "normal",
        "random.normal((2,), seed=2**32)",
        "ValueError",
        "seed: expected an integer from 0 to 2**32 - 1; got 4294967296. Take it modulo 2**32.",
    ),
    Wrong(
        "SeedGenerator",
        "random.SeedGenerator(1, sead=2)",
        "TypeError",
        "SeedGenerator: unknown arguments ['sead'].",
    ),
]


def tier(row: Any, check: str) -> str:
    """Compilation comes last."""
    return "full" if check == "compiled" else "nn"


def names() -> Iterable[str]:
    """All names of the page."""
    from polynet import random

    return random.__all__


SUBJECT = stored.subject(
    name="random",
    rows=lambda: [*ROWS, *WRONG],
    trial=lambda row, backend: calls.CallTrial(row, backend, "random"),
    checks=CHECKS,
    tier=tier,
    names=names,
)
