"""Activations, initializers, regularizers, constraints and losses beside Keras's own, on the same numbers.

Random values cannot be Keras's: of initializers the scales are compared.  What differs on purpose is in the tests of
each page: shapes that a loss refuses, sample weights that are aligned from the front.  Left out is what is wrong in
Keras 3.15: its ``sparsemax`` of a matrix has rows that do not sum to 1, and on NumPy ``normalize`` fails on axis 0.
"""

import inspect

import keras
import numpy as np
import pytest
from keras.src.losses.loss import reduce_weighted_values  # what Keras does with a mask

from polynet import activations, constraints, initializers, losses, ops, regularizers
from polynet.masking import set_mask

PAGES = [activations, constraints, initializers, losses, regularizers]
RNG = np.random.default_rng(0)
T, P = RNG.normal(size=(2, 6, 4)).astype("float32")
LABELS = np.array([0, 1, 3, 2, 1, 1])
ONE_HOT = np.eye(4, dtype="float32")[LABELS]
BINARY = (T > 0).astype("float32")
SIGMOID = 1 / (1 + np.exp(-P))
SOFTMAX = np.exp(P) / np.exp(P).sum(-1, keepdims=True)
UNIT = P / np.linalg.norm(P, axis=1, keepdims=True)
WEIGHT = RNG.uniform(0.5, 2.0, 6).astype("float32")


no_axis_0 = pytest.mark.skipif(
    keras.backend.backend() == "numpy", reason="Keras's normalize takes only the last axis on NumPy"
)


def agree(ours, theirs, tolerance=2e-5):
    ours, theirs = np.asarray(ops.convert_to_numpy(ours)), keras.ops.convert_to_numpy(theirs)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance / 10)


# ------------------------------------------------------------------------------------------ signatures


def public(page):
    theirs = getattr(keras, page.__name__.split(".")[-1])
    return [name for name in dir(theirs) if not name.startswith("_")], theirs


@pytest.mark.parametrize(
    ("page", "name"), [(page, name) for page in PAGES for name in public(page)[0]]
)
def test_signatures(page, name):
    """Keras's names, arguments, order and defaults."""
    ours = inspect.signature(getattr(page, name)).parameters
    theirs = inspect.signature(getattr(public(page)[1], name)).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for argument, parameter in theirs.items():
        assert ours[argument].default == parameter.default, argument


# ------------------------------------------------------------------------------------------ activations

X = np.linspace(-8.0, 8.0, 66).reshape(6, 11).astype("float32")
FUNCTIONS = sorted(set(activations.__all__) - {"get", "serialize", "deserialize", "threshold"})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *((name, {}) for name in FUNCTIONS if name not in ("glu", "sparsemax")),
        ("glu", {"axis": 0}),
        ("threshold", {"threshold": 1.0, "default_value": 2.0}),
        ("relu", {"negative_slope": 0.3, "max_value": 4.0, "threshold": 1.5}),
        ("relu", {"negative_slope": 0.3}),
        ("relu", {"max_value": 4.0, "threshold": 1.5}),
        ("gelu", {"approximate": True}),
        ("elu", {"alpha": 0.3}),
        ("celu", {"alpha": 0.3}),
        ("squareplus", {"b": 1.0}),
        ("softmax", {"axis": 0}),
        ("softmax", {"axis": (0, 1)}),
    ],
)
def test_activations(name, arguments):
    agree(
        getattr(activations, name)(X, **arguments), getattr(keras.activations, name)(X, **arguments)
    )
    assert activations.serialize(getattr(activations, name)) == keras.activations.serialize(
        getattr(keras.activations, name)
    )


# ------------------------------------------------------------------------------------------ weights


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("L1", {}),
        ("L2", {"l2": 0.3}),
        ("L1L2", {"l1": 0.2, "l2": 0.3}),
        ("OrthogonalRegularizer", {}),
        pytest.param("OrthogonalRegularizer", {"factor": 0.2, "mode": "columns"}, marks=no_axis_0),
    ],
)
def test_regularizers(name, arguments):
    ours, theirs = (getattr(page, name)(**arguments) for page in (regularizers, keras.regularizers))
    agree(ours(T), theirs(keras.ops.convert_to_tensor(T)))
    assert ours.get_config() == pytest.approx(theirs.get_config())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("NonNeg", {}),
        ("MaxNorm", {}),
        ("MaxNorm", {"max_value": 1, "axis": 1}),
        ("UnitNorm", {}),
        ("UnitNorm", {"axis": [0, 1]}),
        ("MinMaxNorm", {}),
        ("MinMaxNorm", {"min_value": 2.5, "max_value": 2.6, "rate": 0.3, "axis": 1}),
    ],
)
def test_constraints(name, arguments):
    ours, theirs = (getattr(page, name)(**arguments) for page in (constraints, keras.constraints))
    agree(ours(T), theirs(T))
    assert ours.get_config() == theirs.get_config()


SHAPES = [(50,), (40, 90), (3, 3, 20, 40), (40, 8, 50)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *(
            (f"{who}{how}", {})
            for who in ("Glorot", "He", "Lecun")
            for how in ("Uniform", "Normal")
        ),
        ("VarianceScaling", {}),
        ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}),
        ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
        ("RandomNormal", {"mean": 1.0, "stddev": 0.2}),
        ("RandomUniform", {}),
        ("TruncatedNormal", {"mean": 1.0, "stddev": 0.2}),
        ("Orthogonal", {"gain": 2.0}),
        *((f"{who}Normal", {"input_axes": [0], "output_axes": [-1]}) for who in ("He", "Glorot")),
    ],
)
def test_scales_of_initializers(name, arguments, shape):
    if name == "Orthogonal" and len(shape) < 2:
        shape = (30, 30)
    spread = []
    for page in (initializers, keras.initializers):
        draws = [getattr(page, name)(**arguments, seed=seed)(shape) for seed in range(8)]
        values = np.stack([ops.convert_to_numpy(keras.ops.convert_to_numpy(x)) for x in draws])
        spread.append((values.std(), abs(values - values.mean()).max()))
    (ours, most), (theirs, their_most) = spread
    assert ours == pytest.approx(theirs, rel=0.08)
    if "Uniform" in name or arguments.get("distribution") == "uniform":
        assert most == pytest.approx(their_most, rel=0.03)  # the bound
    made = [
        getattr(page, name)(**arguments, seed=3).get_config()
        for page in (initializers, keras.initializers)
    ]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("Zeros", {}, (2, 3)),
        ("Ones", {}, (2, 3)),
        ("Constant", {"value": 2.5}, (2, 3)),
        ("Identity", {"gain": 2.0}, (2, 3)),
        ("STFT", {}, (16, 1, 9)),
        (
            "STFT",
            {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True},
            (16, 1, 17),
        ),
        ("STFT", {"window": None}, (16, 1, 9)),
        ("STFT", {"window": "blackman", "scaling": None}, (16, 1, 9)),
    ],
)
def test_initializers_that_draw_nothing(name, arguments, shape):
    ours, theirs = (getattr(page, name)(**arguments) for page in (initializers, keras.initializers))
    agree(ours(shape), theirs(shape), 1e-4)
    assert {**ours.get_config(), **theirs.get_config()} == ours.get_config()


# ------------------------------------------------------------------------------------------ losses

LOSSES = [
    ("mean_squared_error", {}, T, P),
    ("mean_absolute_error", {}, T, P),
    ("mean_absolute_percentage_error", {}, T, P),
    ("mean_squared_logarithmic_error", {}, abs(T), P),
    ("cosine_similarity", {}, T, P),
    pytest.param("cosine_similarity", {"axis": 0}, T, P, marks=no_axis_0),
    ("huber", {"delta": 0.4}, T, P),
    ("log_cosh", {}, T, 40 * P),
    ("hinge", {}, BINARY, P),
    ("hinge", {}, 2 * BINARY - 1, P),
    ("hinge", {}, T, P),
    ("squared_hinge", {}, BINARY, P),
    ("categorical_hinge", {}, ONE_HOT, P),
    ("kl_divergence", {}, ONE_HOT, SOFTMAX),
    ("poisson", {}, abs(T), abs(P)),
    ("binary_crossentropy", {}, BINARY, SIGMOID),
    ("binary_crossentropy", {}, BINARY, BINARY),
    ("binary_crossentropy", {"from_logits": True, "label_smoothing": 0.2}, BINARY, P),
    ("binary_focal_crossentropy", {}, BINARY, SIGMOID),
    (
        "binary_focal_crossentropy",
        {"from_logits": True, "gamma": 1.5, "alpha": 0.3, "apply_class_balancing": True},
        BINARY,
        P,
    ),
    ("categorical_crossentropy", {}, ONE_HOT, abs(P)),
    ("categorical_crossentropy", {"from_logits": True, "label_smoothing": 0.2}, ONE_HOT, P),
    ("categorical_focal_crossentropy", {}, ONE_HOT, abs(P)),
    (
        "categorical_focal_crossentropy",
        {"from_logits": True, "gamma": 3.0, "alpha": 0.5},
        ONE_HOT,
        P,
    ),
    ("sparse_categorical_crossentropy", {}, LABELS, SOFTMAX),
    ("sparse_categorical_crossentropy", {"from_logits": True}, LABELS[:, None], P),
    ("sparse_categorical_crossentropy", {"from_logits": True, "ignore_class": 1}, LABELS, P),
    ("categorical_generalized_cross_entropy", {"q": 0.3}, LABELS, SOFTMAX),
    ("dice", {"axis": 1}, BINARY, SIGMOID),
    ("tversky", {"alpha": 0.3, "beta": 0.9, "axis": (1,)}, BINARY, SIGMOID),
    ("circle", {}, LABELS, UNIT),
    ("circle", {"gamma": 10.0, "margin": 0.2, "remove_diagonal": False}, LABELS, UNIT),
]
CLASSES = {cls.lower(): cls for cls in losses.__all__ if cls[0].isupper()}


@pytest.mark.parametrize(("name", "arguments", "t", "p"), LOSSES)
def test_losses(name, arguments, t, p):
    agree(getattr(losses, name)(t, p, **arguments), getattr(keras.losses, name)(t, p, **arguments))


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]
)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["none", "each"])
@pytest.mark.parametrize(("name", "arguments", "t", "p"), LOSSES)
def test_reductions(name, arguments, t, p, weight, reduction):
    if arguments.get("axis") == 0 and weight is WEIGHT:
        return  # four losses, six weights
    cls = CLASSES[name.replace("_", "")]
    ours, theirs = (
        getattr(page, cls)(**arguments, reduction=reduction) for page in (losses, keras.losses)
    )
    agree(ours(t, p, weight), theirs(t, p, None if weight is None else np.asarray(weight)))
    assert ours.name == theirs.name
    described = theirs.get_config()
    if cls not in (
        "Circle",
        "Huber",
        "CosineSimilarity",
        "Tversky",
        "Dice",
        "CategoricalFocalCrossentropy",
    ):
        assert {key: ours.get_config()[key] for key in described} == described


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", None]
)
@pytest.mark.parametrize(
    "weight", [None, WEIGHT[:, None] * np.ones(3, "float32")], ids=["none", "each"]
)
def test_masks(reduction, weight):
    t, p = RNG.normal(size=(2, 6, 3, 4)).astype("float32")
    mask = RNG.uniform(size=(6, 3)) < 0.6
    ours = ops.convert_to_tensor(p)
    set_mask(ours, mask)
    each = keras.losses.mean_squared_error(t, p)
    expected = reduce_weighted_values(each, weight, mask, reduction, "float32")
    agree(losses.MeanSquaredError(reduction)(t, ours, weight), expected)


@pytest.mark.parametrize(
    "name", ["mse", "MAE", "mape", "MSLE", "bce", "KLD", "hinge", "Huber", "huber"]
)
def test_names_of_losses(name):
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert getattr(ours, "__name__", "") == getattr(theirs, "__name__", "")


def test_ctc():
    frames = RNG.normal(size=(2, 6, 4)).astype("float32")
    labels = np.array([[1, 2, 2], [3, 0, 0]])
    try:
        expected = keras.losses.ctc(labels, frames)
    except NotImplementedError:
        pytest.skip("Keras has no CTC on this backend")
    agree(losses.ctc(labels, frames), expected, 1e-4)
