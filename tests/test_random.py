"""Random numbers: the bits of the generator beside its published answers, distributions, gradients, seeds.

What each seed gives on every backend is a row of polynet/conformance/random.py.  Distributions are compared with
SciPy's, with fixed seeds, so that a test either always passes or never.
"""

import hashlib
import itertools
import math
import os
import random as python_random
import shutil
import subprocess
import sys

import numpy as np
import pytest
from references import threefry, threefry_bits
from scipy import special, stats

import polynet
from polynet import errors, ops, random
from polynet.conformance import random as table
from polynet.conformance import stored
from polynet.ops.primitives import random_bits
from polynet.plugins import current
from polynet.random import draws, host, seed_generator
from polynet.random.tables import LAYOUTS, NAMES, largest_below, threshold
from polynet.random.tables import table as quantile_table

needs_compiler = pytest.mark.skipif(
    current().name == "torch" and not any(map(shutil.which, ("c++", "g++", "clang++"))),
    reason="torch.compile on a CPU calls a C++ compiler, and none is installed",
)
WIDE = "float64" in current().dtypes
needs_64_bits = pytest.mark.skipif(
    not WIDE, reason="64 bits are off; test_with_64_bits_switched_on runs this"
)
MANY = 200_000


def number(x):
    """A result on the host; bfloat16, which SciPy does not know, as float32."""
    if polynet.op.dtype_of(x) == "bfloat16":
        x = ops.cast(x, "float32")
    return np.asarray(ops.convert_to_numpy(x))


def digest(x):
    x = number(x)
    content = f"{x.shape} {x.dtype}".encode() + np.ascontiguousarray(x).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def tensor(values, dtype):
    return current().asarray(np.asarray(values, dtype), dtype)


# ------------------------------------------------------------------------------------------ bits


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 2, (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_reference_gives_the_published_answers(counter, key, expected):
    assert threefry(key, counter) == expected


KEYS = [(0, 0), (1, 2), (0xFFFFFFFF, 0x80000000)]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (2,), (7,), (3, 0, 2), (5, 3)])
def test_bits(key, shape):
    found = random_bits(np.array(key, np.uint32).view(np.int32), shape)
    assert polynet.op.dtype_of(found) == "int32"
    expected = threefry_bits(key, shape)
    np.testing.assert_array_equal(number(found), expected)


@pytest.mark.parametrize("count", [host._CHUNK * 2 - 1, host._CHUNK * 2, host._CHUNK * 4 + 3])
def test_bits_across_chunks(count):
    found = number(random_bits(np.array([3, 4], np.int32), (count,)))
    half = -(-count // 2)
    for i in (0, 1, host._CHUNK - 1, half - 1, half, half + 1, count - 1):
        word = threefry((3, 4), (i % half, 0))[i // half]
        assert int(found[i]) & 0xFFFFFFFF == word


def test_large_draws_are_computed_another_way():
    """The JAX backend compiles what is larger than this."""
    count = (1 << 20) + 2
    key = np.array([3, 4], np.int32)
    np.testing.assert_array_equal(number(random_bits(key, (count,))), host.bits(key, (count,)))
    np.testing.assert_array_equal(
        number(random.normal((count,), 0.5, 2.0, seed=9)),
        host.quantiles((9, 0), (count,), "normal", 2.0, 0.5, "float32"),
    )


# ------------------------------------------------------------------------------- the same everywhere

MEANS = np.arange(5, dtype="float32")


@pytest.mark.skipif(WIDE, reason="this backend always has 64 bits")
def test_with_64_bits_switched_on():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "64_bits",
    ]
    run = subprocess.run(
        command,
        env={**os.environ, "JAX_ENABLE_X64": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 skipped" in run.stdout, run.stdout  # this test itself, and no other


def draws_of(rows):
    """By the text of a row's call the call, for another seed."""
    return {
        row.id: lambda seed, text=row.call: eval(
            text.replace("seed=12345", "seed=seed"), {**stored.names(), "seed": seed}
        )
        for row in rows
        if "seed=12345" in row.call
    }


DRAWS = draws_of(row for row in table.ROWS if "64" not in row.call.replace("f8", "64"))
WIDE_DRAWS = draws_of(row for row in table.ROWS if row.dtype in ("float64", "int64"))


def compiled_equals_eager(table):
    """All draws in one compiled function that takes its keys from a generator."""
    seeds = random.SeedGenerator(12345)
    function = polynet.jit(
        lambda: {name: draw(seeds) for name, draw in table.items()}, compile=True
    )
    first, second = function(), function()
    assert number(seeds.state.value).tolist() == [12345, 2 * len(table)]
    again = random.SeedGenerator(12345)
    for found in (first, second):
        for name, draw in table.items():
            assert digest(found[name]) == digest(draw(again)), name


@needs_compiler
def test_same_bits_compiled():
    compiled_equals_eager(DRAWS)


@needs_compiler
@needs_64_bits
def test_same_bits_in_64_bits_compiled():
    compiled_equals_eager(dict([*WIDE_DRAWS.items()][:2]))


@needs_compiler
def test_gamma_beta_binomial_compiled_agree_to_rounding():
    def draw(seeds):
        return [
            random.gamma((500,), 0.7, seed=seeds),
            random.beta((500,), 0.5, 3.0, seed=seeds),
            random.binomial((500,), 2, 0.3, seed=seeds),
        ]

    seeds, again = random.SeedGenerator(3), random.SeedGenerator(3)
    for found, eager in zip(
        polynet.jit(lambda: draw(seeds), compile=True)(), draw(again), strict=True
    ):
        np.testing.assert_allclose(number(found), number(eager), rtol=2e-5)


BODIES = [
    (draws.random_uniform, ((1001,), 0.0, 1.0, "float32")),
    (draws.random_uniform, ((1001,), -0.3, 0.7, "float32")),
    (draws.random_uniform, ((1001,), 0.3, 0.3, "float32")),
    *((draws.random_quantiles, ((1001,), name, 1.0, 0.0, "float32")) for name in sorted(NAMES)),
    (draws.random_quantiles, ((1001,), "normal", 0.7, 0.3, "float32")),
    (draws.random_keep, ((7, 11), 0.3)),
    (draws.random_keep, ((7, 11), 1e-3)),
    (draws.random_keep, ((0, 11), 0.5)),
    (draws.random_permutation, (1000,)),
    (draws.random_permutation, (5000,)),
    (draws.random_permutation, (0,)),
]


def body_agrees(op, arguments):
    key = tensor([5, -7], "int32")
    body = op.op.function(key, *arguments)
    np.testing.assert_array_equal(number(body), number(op(key, *arguments)))


@pytest.mark.parametrize(("op", "arguments"), BODIES)
def test_body_and_native_method_agree(op, arguments):
    body_agrees(op, arguments)


@needs_64_bits
def test_bodies_agree_in_64_bits():
    body_agrees(draws.random_uniform, ((1001,), 0.3, 0.7, "float64"))
    body_agrees(draws.random_quantiles, ((7, 11), "gumbel", 0.7, 0.3, "float64"))


# --------------------------------------------------------------------------------------- quantile tables

TABLES = {
    ("exponential", "float32"): "4d56de3727f44337",
    ("exponential", "float64"): "cb803e755f265775",
    ("gumbel", "float32"): "5bd61788f31ce77c",
    ("gumbel", "float64"): "2114bbe40f250561",
    ("normal", "float32"): "321851965318c644",
    ("normal", "float64"): "ac38a94373ff5e5e",
    ("truncated_normal", "float32"): "c227f00ae23cea8e",
    ("truncated_normal", "float64"): "d9280e021668a13a",
}


@pytest.mark.parametrize(("name", "dtype"), list(itertools.product(sorted(NAMES), LAYOUTS)))
def test_tables_never_change(name, dtype):
    content = b"".join(part.tobytes() for part in quantile_table(name, dtype))
    assert hashlib.sha256(content).hexdigest()[:16] == TABLES[name, dtype]


BELOW = special.ndtr(-2.0)
EXACT = {
    "normal": (special.ndtri, lambda p: -special.ndtri(p)),
    "truncated_normal": (
        lambda p: special.ndtri(BELOW + p * (1 - 2 * BELOW)),
        lambda p: -special.ndtri(BELOW + p * (1 - 2 * BELOW)),
    ),
    "gumbel": (lambda p: -np.log(-np.log(p)), lambda p: -np.log(-np.log1p(-p))),
    "exponential": (lambda p: -np.log1p(-p), lambda p: -np.log(p)),
}


@pytest.mark.parametrize(("name", "dtype"), list(itertools.product(sorted(NAMES), LAYOUTS)))
def test_quantiles_are_right(name, dtype):
    layout = LAYOUTS[dtype]
    start, step = quantile_table(name, dtype)
    odd = np.unique((2.0 ** np.linspace(0, layout.bits, 100_000)).astype("int64") | 1)
    odd = odd[odd < 1 << layout.bits]
    for sign, exact in zip((1, -1), EXACT[name], strict=True):
        bits = (sign * odd).astype(dtype).view(layout.integer)
        piece = (bits >> layout.piece_shift & layout.half - 1) | (
            bits >> layout.sign_shift & layout.half
        )
        position = (bits >> layout.position_shift & (1 << layout.position) - 1).astype(dtype)
        product = position * step[piece]
        # exact, so that it does not matter whether it is rounded before the sum
        assert all(
            int(a * 2.0**80) * int(b) == int(c * 2.0**80)
            for a, b, c in zip(
                *(part[::97].tolist() for part in (step[piece], position, product)), strict=True
            )
        )
        error = np.abs(start[piece] + product - exact(odd / 2.0 ** (layout.bits + 1)))
        assert error.max() < {"float32": 3e-6, "float64": 2e-7}[dtype]


@pytest.mark.parametrize("value", [1.0, 0.7, -1.0, -0.3, 5e4, 0.0, 2.0**-20])
def test_largest_below(value):
    for dtype in ("float16", "float32", "float64"):
        kind = np.dtype(dtype).type
        below = largest_below(value, dtype)
        assert float(kind(below)) == below < value
        if value:
            assert float(np.nextafter(kind(below), kind(np.inf))) >= value
    below = largest_below(value, "bfloat16")
    assert below < value
    assert np.float32(below).view("uint32") & 0xFFFF == 0


# ------------------------------------------------------------------------------------- distributions


def fits(x, distribution, moments=4):
    """Kolmogorov-Smirnov, and the first moments within five standard errors."""
    x = number(x).astype("float64").ravel()
    assert stats.kstest(x, distribution.cdf).pvalue > 1e-3
    for k in range(1, moments + 1):
        mean, square = distribution.moment(k), distribution.moment(2 * k)
        assert abs((x**k).mean() - mean) < 5 * math.sqrt((square - mean**2) / x.size)


def counts_fit(found, expected):
    """A chi-square test of counts against expected ones; the rarest are put together."""
    order = np.argsort(expected)[::-1]
    found, expected = np.asarray(found)[order], np.asarray(expected)[order]
    common = max(int((expected >= 10).sum()), 1)
    found = np.append(found[:common], found[common:].sum())
    expected = np.append(expected[:common], expected[common:].sum())
    if expected[-1] < 1:
        found, expected = found[:-1], expected[:-1]
    if len(expected) == 1:
        return
    assert stats.chisquare(found, expected * found.sum() / expected.sum()).pvalue > 1e-3


@pytest.mark.parametrize(("mean", "stddev"), [(0.0, 1.0), (-3.0, 0.1), (100.0, 7.0)])
def test_normal(mean, stddev):
    fits(random.normal((MANY,), mean, stddev, seed=1), stats.norm(mean, stddev))


def test_tails_of_normal():
    x = np.abs(host.quantiles((1, 0), (10_000_000,), "normal", 1.0, 0.0, "float32"))
    for bound in (3.0, 4.0, 4.5, 5.0):
        expected = 2 * stats.norm.sf(bound) * x.size
        assert abs((x > bound).sum() - expected) < 4 * math.sqrt(expected)
    assert x.max() < 6.3


def test_zero_stddev_is_the_mean():
    np.testing.assert_array_equal(number(random.normal((9,), 0.3, 0.0, seed=1)), np.float32(0.3))


def test_truncated_normal():
    x = random.truncated_normal((MANY,), 1.0, 0.5, seed=2)
    fits(x, stats.truncnorm(-2, 2, 1.0, 0.5))
    assert number(x).min() >= 0.0 and number(x).max() <= 2.0


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.05, 0.05), (3.0, 3.5), (-7.0, -6.0)])
def test_uniform(low, high):
    x = number(random.uniform((MANY,), low, high, seed=3))
    fits(x, stats.uniform(low, high - low))
    assert x.min() >= np.float32(low) and x.max() < high


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1.0, 2.0), (-1.0, 0.0), (5.0, 5.0)])
def test_uniform_in_16_bits_stays_below_maxval(dtype, low, high):
    if dtype not in current().dtypes:
        pytest.skip("bfloat16 on NumPy needs ml_dtypes")
    bounds = {"numbers": (low, high), "tensors": (np.float32(low), np.float32(high))}
    for minval, maxval in bounds.values():
        x = random.uniform((50_000,), minval, maxval, dtype, seed=4)
        assert polynet.op.dtype_of(x) == dtype
        x = number(x).astype("float64")
        assert x.min() >= low and (x.max() < high or low == high)
        assert abs(x.mean() - (low + high) / 2) < 0.01


def test_uniform_of_numbers_and_of_tensors_agree():
    numbers = random.uniform((500,), -0.3, 0.7, seed=5)
    tensors = random.uniform((500,), np.float32(-0.3), np.float32(0.7), seed=5)
    np.testing.assert_allclose(number(numbers), number(tensors), rtol=0, atol=1e-7)
    numbers = random.normal((500,), -0.3, 0.7, seed=5)
    tensors = random.normal((500,), np.float32(-0.3), np.float32(0.7), seed=5)
    np.testing.assert_array_equal(number(numbers), number(tensors))


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 2.5, 40.0, 1e6])
def test_gamma(alpha):
    fits(random.gamma((MANY,), alpha, seed=6), stats.gamma(alpha), moments=2)


def test_gamma_far_below_what_floats_hold():
    x = number(random.gamma((MANY,), 0.01, seed=6)).astype("float64")
    smallest = 1e-37
    kept = x[x > smallest]
    expected = stats.gamma(0.01)
    assert abs(kept.size / x.size - expected.sf(smallest)) < 0.006
    shares = (expected.cdf(kept) - expected.cdf(smallest)) / expected.sf(smallest)
    assert stats.kstest(shares, "uniform").pvalue > 1e-3


def test_gamma_of_tensors():
    alpha = np.array([[0.3], [30.0]], "float32")
    x = number(random.gamma((2, MANY), alpha, seed=7))
    for row, a in zip(x, alpha.ravel(), strict=True):
        fits(row, stats.gamma(float(a)), moments=2)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.5, 0.5), (1.0, 1.0), (2.0, 5.0), (50.0, 3.0), (1e4, 1e4)]
)
def test_beta(alpha, beta):
    fits(random.beta((MANY,), alpha, beta, seed=8), stats.beta(alpha, beta))


def test_beta_of_parameters_whose_gammas_underflow():
    x = number(random.beta((MANY,), 0.01, 0.01, seed=8))
    assert np.isfinite(x).all() and abs(x.mean() - 0.5) < 0.01
    lower = x[x < 0.5].astype("float64")
    lower = lower[lower > 1e-37]
    exact = stats.beta(0.01, 0.01)
    shares = (exact.cdf(lower) - exact.cdf(1e-37)) / (exact.cdf(0.5) - exact.cdf(1e-37))
    assert stats.kstest(shares, "uniform").pvalue > 1e-3


BINOMIALS = [
    *((1, 0.3), (10, 0.5), (10, 0.01), (100, 0.9), (79, 0.5), (80, 0.5), (81, 0.5), (1000, 0.001)),
    *((1000, 0.3), (100_000, 0.999), (1_000_000, 0.5), (1_000_000, 1e-4), (2**24, 0.2)),
]


def binomial_fits(x, n, p):
    x = number(x).astype("float64").ravel()
    exact = stats.binom(n, p)
    assert (x == np.floor(x)).all() and x.min() >= 0 and x.max() <= n
    deviation = exact.std()
    assert abs(x.mean() - exact.mean()) < 5 * deviation / math.sqrt(x.size)
    low, high = int(exact.ppf(1e-6)), int(exact.ppf(1 - 1e-6))
    edges = np.unique(np.linspace(low, high, 60).astype("int64"))
    edges = np.concatenate([[-1], edges[:-1], [n]])
    found = np.histogram(x, edges + 0.5)[0]
    counts_fit(found, np.diff(exact.cdf(edges), prepend=0)[1:] * x.size)


@pytest.mark.parametrize(("n", "p"), BINOMIALS)
def test_binomial(n, p):
    binomial_fits(random.binomial((MANY,), n, p, seed=9), n, p)


def test_binomial_of_tensors():
    n, p = np.array([[5.0], [60.0], [500.0]], "float32"), np.array([0.2, 0.9], "float32")
    x = number(random.binomial((3, MANY // 8, 2), n[:, :, None], p, seed=10))
    for i, j in itertools.product(range(3), range(2)):
        binomial_fits(x[i, :, j], int(n[i, 0]), float(p[j]))


@pytest.mark.parametrize(
    ("n", "p", "expected"), [(7, 0.0, 0), (7, 1.0, 7), (0, 0.4, 0), (1000, 1.0, 1000)]
)
def test_binomial_without_chance(n, p, expected):
    assert (number(random.binomial((100,), n, p, seed=11)) == expected).all()


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        *((0, 2, "int32"), (-3, 4, "int8"), (0, 256, "uint8"), (5, 6, "int32"), (0, 1000, "int16")),
        *(
            (-(2**31), 2**31, "int32"),
            (0, 3 * 2**29, "int32"),
            (10, 70_000, "int32"),
            (0, 2**32, "uint32"),
        ),
    ],
)
def test_randint(low, high, dtype):
    x = random.randint((MANY,), low, high, dtype, seed=12)
    assert polynet.op.dtype_of(x) == dtype
    x = number(x).astype("int64")
    assert x.min() >= low and x.max() < high
    if high - low <= 1000:
        counts_fit(
            np.bincount(x - low, minlength=high - low), np.full(high - low, x.size / (high - low))
        )
    else:
        assert stats.kstest((x - low + 0.5) / (high - low), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("span", [1, 2, 3, 32768])
def test_short_ranges_are_exact_products(span):
    bits = host.bits((13, 0), (1000,)).view("uint32").tolist()
    found = number(random.randint((1000,), 0, span, seed=13))
    assert found.tolist() == [word * span >> 32 for word in bits]


@pytest.mark.parametrize("span", [32769, 65537, 3 * 2**30, 2**31 + 12345, 2**32 - 1])
def test_long_ranges_are_exact_products(span):
    first, second = host.bits((13, 0), (2, 1000)).view("uint32").tolist()
    found = number(random.randint((1000,), 0, span, "uint32", seed=13))
    expected = [(a << 32 | b) * span >> 64 for a, b in zip(first, second, strict=True)]
    assert found.tolist() == expected


@pytest.mark.parametrize("span", [2**32 + 1, 3 * 2**61])
@needs_64_bits
def test_ranges_in_64_bits_are_exact_products(span):
    words = host.bits((13, 0), (4, 1000)).view("uint32").tolist()
    found = number(random.randint((1000,), 0, span, "int64", seed=13))
    numbers = [a << 96 | b << 64 | c << 32 | d for a, b, c, d in zip(*words, strict=True)]
    assert found.tolist() == [x * span >> 128 for x in numbers]


def test_randint_of_tensors():
    low, high = np.array([[-5], [0]], "int32"), np.array([[-2], [100_000]], "int32")
    x = number(random.randint((2, MANY), low, high, seed=14))
    counts_fit(np.bincount(x[0] + 5, minlength=3), np.full(3, MANY / 3))
    assert stats.kstest((x[1] + 0.5) / 100_000, "uniform").pvalue > 1e-3


def test_categorical():
    logits = np.array([[0.0, 1.0, -2.0, -np.inf], [5.0, 5.0, 5.0, 5.0]], "float32")
    x = number(random.categorical(logits, MANY, seed=15))
    assert x.shape == (2, MANY) and x.dtype == np.int32
    for row, found in zip(logits, x, strict=True):
        counts_fit(np.bincount(found, minlength=4), MANY * special.softmax(row.astype("f8")) + 1e-9)
    assert 3 not in x[0]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32"])
def test_categorical_dtype_and_no_samples(dtype):
    x = random.categorical(np.zeros((3, 2), "float32"), 0, dtype, seed=1)
    assert tuple(x.shape) == (3, 0) and polynet.op.dtype_of(x) == dtype


def test_shuffle_gives_every_order_alike():
    orders = list(itertools.permutations(range(4)))
    found = [orders.index(tuple(host.permutation((s, 0), 4).tolist())) for s in range(4800)]
    counts_fit(np.bincount(found, minlength=24), np.full(24, 200.0))


@pytest.mark.parametrize("length", [0, 1, 2, 4096, 4097])
def test_shuffle_keeps_the_slices(length):
    x = np.arange(3 * length, dtype="int32").reshape(length, 3)
    y = number(random.shuffle(x, seed=16))
    np.testing.assert_array_equal(y[np.argsort(y[:, 0])] if length else y, x)
    np.testing.assert_array_equal(number(random.shuffle(x.T.copy(), axis=1, seed=16)), y.T)
    if length > 2:
        assert not np.array_equal(x, y)
        assert abs(stats.spearmanr(np.arange(length), y[:, 0]).statistic) < 0.1


# ------------------------------------------------------------------------------------------ dropout


@pytest.mark.parametrize("rate", [0.001, 1 / 256, 0.1, 0.5, 0.9, 0.999])
def test_dropout_rate_and_scale(rate):
    y = number(random.dropout(np.full(MANY, 3.0, "float32"), rate, seed=17))
    kept = y != 0
    expected = MANY * (1 - rate)
    assert abs(kept.sum() - expected) < 5 * math.sqrt(expected * rate)
    np.testing.assert_allclose(y[kept], 3 / (1 - rate), rtol=1e-6)


@pytest.mark.parametrize("rate", [1e-7, 0.001, 1 / 256, 0.1, 1 / 3, 0.5])
def test_dropout_threshold_is_near_the_rate(rate):
    for value in (rate, 1 - rate):
        bits, below = threshold(value)
        assert abs(below / 2**bits - value) <= min(1e-5, value / 50)


def test_dropout_edges():
    x = np.array([1.0, np.nan, np.inf], "float32")
    np.testing.assert_array_equal(number(random.dropout(x, 0.0, seed=1)), x)
    np.testing.assert_array_equal(number(random.dropout(x, 1.0, seed=1)), np.zeros(3))
    y = number(random.dropout(np.full(1000, np.nan, "float32"), 0.5, seed=1))
    assert 400 < (y == 0).sum() < 600


def test_dropout_noise_shape():
    y = number(random.dropout(np.ones((4, 50, 6), "float32"), 0.5, (None, 1, 6), seed=18))
    assert (y == y[:, :1]).all()
    assert 0 < (y[:, 0] == 0).sum() < 24


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dropout_keeps_the_dtype(dtype):
    if dtype not in current().dtypes:
        pytest.skip("bfloat16 on NumPy needs ml_dtypes")
    y = random.dropout(ops.ones((100,), dtype), 0.1, seed=19)
    assert polynet.op.dtype_of(y) == dtype
    exact = number(ops.cast(np.float32(1 / 0.9), dtype))
    assert set(number(y).tolist()) == {0.0, float(exact)}


# ---------------------------------------------------------------------------------------- gradients


def test_gradients_reach_parameters_and_inputs():
    mean, stddev = polynet.Variable([1.0, 2.0]), polynet.Variable(0.5)
    with polynet.GradientTape() as tape:
        y = random.normal((3, 2), mean, stddev, seed=20)
        loss = ops.sum(y)
    by_mean, by_stddev = tape.gradient(loss, [mean, stddev])
    np.testing.assert_allclose(number(by_mean), [3.0, 3.0])
    noise = number(random.normal((3, 2), seed=20)).sum()
    np.testing.assert_allclose(number(by_stddev), noise, rtol=1e-5)

    x = polynet.Variable(np.ones(50, "float32"))
    with polynet.GradientTape() as tape:
        y = random.dropout(x, 0.5, seed=21)
        loss = ops.sum(y)
    np.testing.assert_array_equal(number(tape.gradient(loss, x)), number(y))

    low = polynet.Variable([0.0, 1.0])
    with polynet.GradientTape() as tape:
        loss = ops.sum(random.uniform((5, 2), low, 3.0, seed=22))
    u = number(random.uniform((5, 2), seed=22))
    np.testing.assert_allclose(number(tape.gradient(loss, low)), (1 - u).sum(0), rtol=1e-5)


# --------------------------------------------------------------------------------------- seeds and state


def test_keys_give_independent_draws():
    """Neighbouring counters, neighbouring seeds, and the two words of a block."""
    keys = [(7, c) for c in range(200)] + [(s, 0) for s in range(1000, 1200)]
    words = np.stack([host.bits(key, (512,)) for key in keys]).view("uint32")
    for one, other in ((words[:-1], words[1:]), (words[:, :256], words[:, 256:])):
        pairs = (one >> 28 << 4 | other >> 28).ravel()
        counts_fit(np.bincount(pairs, minlength=256), np.full(256, pairs.size / 256))
    ones = np.unpackbits(words.view("uint8")).mean()
    assert abs(ones - 0.5) < 5 * 0.5 / math.sqrt(words.size * 32)
    correlation = np.corrcoef(words.astype("float64"))
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 6 / math.sqrt(512)


def test_seeds():
    seeds = random.SeedGenerator(5)
    a, b = (number(random.uniform((4,), seed=seeds)) for _ in range(2))
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(a, number(random.uniform((4,), seed=5)))
    np.testing.assert_array_equal(a, number(random.uniform((4,), seed=np.int64(5))))
    assert number(seeds.state.value).tolist() == [5, 2]
    assert number(seeds.next()).tolist() == [5, 2]
    assert number(seeds.next(ordered=False)).tolist() == [5, 3]
    seeds.state.assign(np.array([5, 1], "int32"))
    np.testing.assert_array_equal(b, number(random.uniform((4,), seed=seeds)))
    assert not seeds.state.trainable


def test_seed_generator_as_config():
    seeds = random.SeedGenerator(5, name="noise")
    assert seeds.get_config() == {"seed": 5, "name": "noise"}
    again = random.SeedGenerator.from_config(seeds.get_config())
    assert again.state.path == "noise/seed_generator_state"
    assert random.SeedGenerator().get_config()["seed"] is None
    states = {tuple(number(random.SeedGenerator().state.value).tolist()) for _ in range(20)}
    assert len(states) == 20


def test_large_seeds_keep_their_bits():
    largest = random.SeedGenerator(2**32 - 1)
    assert number(largest.state.value).tolist() == [-1, 0]
    np.testing.assert_array_equal(
        number(random.randint((9,), 0, 2**32, "uint32", seed=largest)),
        host.bits((0xFFFFFFFF, 0), (2, 9))[0].view("uint32"),
    )


def test_set_random_seed():
    def everything():
        polynet.utils.set_random_seed(99)
        return (
            number(random.normal((3,))).tolist(),
            number(random.normal((3,))).tolist(),
            number(random.SeedGenerator().state.value).tolist(),
            python_random.random(),
            np.random.rand(),
        )

    first, second = everything(), everything()
    assert first == second
    assert first[0] != first[1]


@needs_compiler
def test_global_generator_may_be_born_in_compiled_code(monkeypatch):
    monkeypatch.setattr(seed_generator, "_global", {})
    polynet.utils.set_random_seed(3)
    function = polynet.jit(lambda: random.uniform((2,)), compile=True)
    found = [number(function()).tolist() for _ in range(2)] + [
        number(random.uniform((2,))).tolist()
    ]
    seeds = random.SeedGenerator(3)
    assert found == [number(random.uniform((2,), seed=seeds)).tolist() for _ in range(3)]
    polynet.utils.set_random_seed(3)
    assert number(function()).tolist() == found[0]


def test_shape_inference_takes_no_key():
    seeds = random.SeedGenerator(1)
    with polynet.op.abstract():
        found = {
            "normal": random.normal((3, 2), seed=seeds),
            "normal of tensors": random.normal((3, 2), MEANS[:2], 2.0, "float16", seed=seeds),
            "uniform": random.uniform((3, 2), 0.0, MEANS[:2], seed=seeds),
            "randint": random.randint((3, 2), 0, 10**6, "uint32", seed=seeds),
            "gamma": random.gamma((3, 2), 2.0, seed=seeds),
            "beta": random.beta((3, 2), 2.0, 1.0, seed=seeds),
            "binomial": random.binomial((3, 2), MEANS[:2], 0.5, seed=seeds),
            "next": seeds.next(),
        }
    x = polynet.Spec((4, 5), "float16")
    found["dropout"] = random.dropout(x, 0.5, seed=seeds)
    found["shuffle"] = random.shuffle(x, seed=seeds)
    found["categorical"] = random.categorical(x, 7, seed=seeds)
    assert {name: (spec.shape, spec.dtype) for name, spec in found.items()} == {
        **dict.fromkeys(("normal", "uniform", "gamma", "beta", "binomial"), ((3, 2), "float32")),
        "normal of tensors": ((3, 2), "float16"),
        "randint": ((3, 2), "uint32"),
        "next": ((2,), "int32"),
        **dict.fromkeys(("dropout", "shuffle"), ((4, 5), "float16")),
        "categorical": ((4, 7), "int32"),
    }
    assert number(seeds.state.value).tolist() == [1, 0]


def test_symbolic_inputs():
    x = polynet.Input((6,), dtype="float32")
    assert random.dropout(x, 0.5, (None, 1), seed=1).shape == (None, 6)
    assert random.shuffle(x, seed=1).shape == (None, 6)
    assert random.categorical(x, 3, seed=1).shape == (None, 3)


@pytest.mark.parametrize("call", [row.call for row in table.WRONG if row.call.endswith("seed=1)")])
def test_errors_use_no_key(call):
    seeds = random.SeedGenerator(1)
    with pytest.raises((ValueError, TypeError)):
        eval(call.replace("seed=1)", "seed=seeds)"), {**stored.names(), "seeds": seeds})
    assert number(seeds.state.value).tolist() == [1, 0]


@pytest.mark.parametrize("seed", ["x", 1.5, True, -1, 2**32])
def test_wrong_seeds_of_all(seed):
    with pytest.raises((ValueError, TypeError), match="seed: expected an integer"):
        polynet.utils.set_random_seed(seed)


def test_a_failing_draw_uses_no_key():
    seeds = random.SeedGenerator(1)
    with pytest.raises(errors.DTypeError):
        seeds.draw(lambda key: ops.bitwise_and(MEANS, 1))
    assert number(seeds.state.value).tolist() == [1, 0]


# ------------------------------------------------------------------------------------ the library's own


@pytest.fixture
def native():
    polynet.config.set_rng("native")
    yield
    polynet.config.set_rng("threefry")


@pytest.mark.skipif(
    "native_rng" not in current().capabilities, reason="this backend has no generator"
)
def test_native_generator(native):
    seeds = random.SeedGenerator(1)
    x = random.normal((MANY,), 2.0, 3.0, seed=seeds)
    fits(x, stats.norm(2.0, 3.0))
    fits(random.uniform((MANY,), 2.0, 3.0, seed=seeds), stats.uniform(2.0, 1.0))
    y = number(random.dropout(np.ones(MANY, "float32"), 0.25, seed=seeds))
    assert abs((y == 0).mean() - 0.25) < 0.01
    np.testing.assert_array_equal(number(x), number(random.normal((MANY,), 2.0, 3.0, seed=1)))
    polynet.config.set_rng("threefry")
    assert not np.array_equal(number(x), number(random.normal((MANY,), 2.0, 3.0, seed=1)))
