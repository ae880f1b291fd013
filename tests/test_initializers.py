"""Initializers: their fans, seeds, matrices, windows and names; the bits of draws are rows of polynet/conformance.

Distributions are compared with SciPy's, with fixed seeds, so that a test either always passes or never.
"""

import json
import math

import numpy as np
import pytest
from scipy import signal, stats

import polynet
from polynet import errors, initializers, ops, random
from polynet.random import host
from polynet.random.seed_generator import key_of


def number(x):
    """A result on the host; bfloat16 as float32."""
    x = ops.cast(x, "float32") if polynet.op.dtype_of(x) == "bfloat16" else x
    return np.asarray(ops.convert_to_numpy(x))


# ------------------------------------------------------------------------------------------ draws


SHAPES = [  # a shape, the axes of inputs and outputs where they are given, fan_in, fan_out
    ((), None, None, 1, 1),
    ((70,), None, None, 70, 70),
    ((60, 200), None, None, 60, 200),
    ((3, 3, 20, 70), None, None, 180, 630),
    ((40, 8, 50), (0,), (1, 2), 40, 400),
    ((40, 8, 50), (0, -2), [-1], 320, 50),
    ((0, 5), None, None, 0, 5),
]
KINDS = {  # a scale, what it is divided by, and a distribution of variance 1
    "GlorotUniform": (1.0, "avg", "uniform"),
    "GlorotNormal": (1.0, "avg", "truncated"),
    "LecunUniform": (1.0, "in", "uniform"),
    "LecunNormal": (1.0, "in", "truncated"),
    "HeUniform": (2.0, "in", "uniform"),
    "HeNormal": (2.0, "in", "truncated"),
}
STANDARD = {
    "uniform": stats.uniform(-math.sqrt(3), 2 * math.sqrt(3)),
    "normal": stats.norm(),
    "truncated": stats.truncnorm(-2, 2, scale=1 / stats.truncnorm(-2, 2).std()),
}


def check_scaled(make, shape, fan_in, fan_out, scale, by, distribution):
    fans = {"in": fan_in, "out": fan_out, "avg": (fan_in + fan_out) / 2}
    variance = scale / max(1.0, fans[by])
    draws = number(make(shape))
    assert draws.shape == shape
    if draws.size > 1000:
        cdf = STANDARD[distribution].cdf
        assert stats.kstest(draws.ravel() / math.sqrt(variance), cdf).pvalue > 0.01
        assert draws.var() == pytest.approx(variance, rel=0.05)
    assert np.all(np.abs(draws) <= 6 * math.sqrt(variance))


@pytest.mark.parametrize(("shape", "inputs", "outputs", "fan_in", "fan_out"), SHAPES)
@pytest.mark.parametrize("name", KINDS)
def test_scaled_by_fans(name, shape, inputs, outputs, fan_in, fan_out):
    make = getattr(initializers, name)(seed=7, input_axes=inputs, output_axes=outputs)
    check_scaled(make, shape, fan_in, fan_out, *KINDS[name])


@pytest.mark.parametrize("by", ["in", "out", "avg"])
@pytest.mark.parametrize(
    ("named", "distribution"),
    [
        ("uniform", "uniform"),
        ("normal", "truncated"),
        ("truncated_normal", "truncated"),
        ("Untruncated_Normal", "normal"),
    ],
)
def test_variance_scaling(named, distribution, by):
    make = initializers.VarianceScaling(0.5, f"fan_{by}", named, seed=7)
    check_scaled(make, (60, 200), 60, 200, 0.5, by, distribution)


# ------------------------------------------------------------------------------------------ seeds


def test_an_object_gives_the_same_values_each_time():
    for seed in (None, 5):
        make = initializers.GlorotUniform(seed)
        np.testing.assert_array_equal(number(make((2, 3))), number(make((2, 3))))
    first, second = (number(initializers.GlorotUniform()((2, 3))) for _ in range(2))
    assert (first != second).all()


def test_a_seed_generator_gives_new_values_each_time():
    seeds = random.SeedGenerator(5)
    for name in ("HeNormal", "Orthogonal"):
        make = getattr(initializers, name)(seed=seeds)
        assert (number(make((2, 3))) != number(make((2, 3)))).any()
    assert number(seeds.state.value).tolist() == [5, 4]


def test_set_random_seed_makes_unseeded_initializers_repeatable():
    def values():
        polynet.utils.set_random_seed(9)
        return number(initializers.HeNormal()((2, 3)))

    np.testing.assert_array_equal(values(), values())


def test_a_clone_has_the_arguments():
    make = initializers.VarianceScaling(2.0, "fan_out", seed=4)
    np.testing.assert_array_equal(number(make.clone()((3, 4))), number(make((3, 4))))
    unseeded = initializers.RandomNormal(stddev=2.0)
    clone = unseeded.clone()
    assert clone.stddev == 2.0 and clone.seed != unseeded.seed


# ------------------------------------------------------------------------------------------ on the host


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (2, 3, 4), (2, 3, 12)])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_orthogonal(shape, dtype):
    q = number(initializers.Orthogonal(2.0, seed=3)(shape, dtype))
    assert q.shape == shape
    flat = q.reshape(-1, shape[-1]).astype("float64")
    product = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
    tolerance = 1e-5 if dtype == "float32" else 0.05
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=tolerance)


def test_orthogonal_has_the_bits_of_the_host():
    draws = host.quantiles(key_of(3), (6, 4), "normal", 1.0, 0.0, "float64")
    q, r = np.linalg.qr(draws)
    expected = (q * np.sign(np.diag(r))).astype("float32")
    np.testing.assert_array_equal(number(initializers.Orthogonal(seed=3)((6, 4))), expected)


def test_orthogonal_matrices_are_uniform():
    """The signs of the decomposition are undone: the trace of a random rotation of the plane has the mean 0."""
    entries = np.array([number(initializers.Orthogonal(seed=i)((2, 2)))[0, 0] for i in range(400)])
    angle = np.arccos(np.clip(entries, -1, 1))  # uniform from 0 to pi
    assert stats.kstest(angle / math.pi, "uniform").pvalue > 0.01


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize(
    "window",
    [
        *("boxcar", "hann", "hamming", "blackman", "nuttall", "blackmanharris", "flattop"),
        None,
        np.linspace(1.0, 2.0, 12),
    ],
    ids=str,
)
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("periodic", [True, False])
def test_stft(side, window, scaling, periodic):
    """The kernel times a signal is NumPy's transform of the windowed signal."""
    kernel = number(initializers.STFT(side, window, scaling, periodic)((12, 1, 11)))[:, 0]
    values = signal.get_window(window, 12, periodic) if isinstance(window, str) else window
    weights = np.ones(12) if values is None else values
    norm = {"density": np.sqrt((weights**2).sum()), "spectrum": np.abs(weights).sum(), None: 1.0}
    x = np.random.default_rng(0).normal(size=12)
    spectrum = np.fft.rfft(x * weights, 20) / (1.0 if window is None else norm[scaling])
    expected = spectrum.real if side == "real" else spectrum.imag
    np.testing.assert_allclose(x @ kernel, expected, atol=1e-5)


def test_a_window_of_one_value():
    np.testing.assert_allclose(number(initializers.STFT()((1, 1, 3))), np.ones((1, 1, 3)))


# ------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("identifier", "cls"),
    [
        ("zeros", "Zeros"),
        ("zero", "Zeros"),
        ("one", "Ones"),
        ("uniform", "RandomUniform"),
        ("normal", "RandomNormal"),
        ("glorot_uniform", "GlorotUniform"),
        ("GlorotUniform", "GlorotUniform"),
        ("he_normal", "HeNormal"),
        ("orthogonal", "Orthogonal"),
        ("OrthogonalInitializer", "Orthogonal"),
        ("IdentityInitializer", "Identity"),
        ("stft", "STFT"),
        (initializers.Ones, "Ones"),
        ({"class_name": "HeNormal", "config": {"seed": 3}}, "HeNormal"),
        ({"class_name": "he_normal", "config": {}}, "HeNormal"),
    ],
)
def test_get(identifier, cls):
    assert type(initializers.get(identifier)) is getattr(initializers, cls)


def test_get_gives_back_objects_functions_and_values():
    made = initializers.Ones()
    assert initializers.get(made) is made
    assert initializers.get(None) is None
    assert initializers.get(ops.zeros) is ops.zeros
    for values in (np.array([[1.0, 2.0]]), ops.array([[1.0, 2.0]])):
        of_values = initializers.get(values)
        np.testing.assert_array_equal(number(of_values((1, 2), "int32")), [[1, 2]])
        with pytest.raises(errors.ShapeError, match=r"have the shape \(1, 2\); expected \(2,\)"):
            of_values((2,))


def test_a_description_with_a_seed_generator():
    made = initializers.HeNormal(random.SeedGenerator(5, name="mine"))
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(made))))
    assert isinstance(again.seed, random.SeedGenerator) and again.seed.name == "mine"


def test_variables_take_names():
    made = polynet.Variable("glorot_uniform", shape=(2, 3), dtype="float16")
    assert made.shape == (2, 3) and made.dtype == "float16"
    described = {"class_name": "Constant", "config": {"value": 7.0}}
    assert number(polynet.Variable(described, shape=(2,)).value).tolist() == [7.0, 7.0]
    assert polynet.Initializer is initializers.Initializer
