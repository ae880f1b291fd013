"""Normalizations, beside Keras's numbers: outputs, what training remembers, and what wrong inputs get."""

import numpy as np
import pytest
from layer_checks import (
    check_config,
    check_gradient,
    check_half,
    check_symbolic,
    check_values,
    host,
    parameters,
)
from layer_rows import Row

import polynet
from polynet import layers, ops

STEPS = np.array([[True, True, False], [True, False, False], [True, True, True], [False] * 3])
TRAIN = {"training": True}
DENSE = {"layer": ("Dense", {"units": 3})}
CONV = {"layer": ("Conv2D", {"filters": 3, "kernel_size": 2})}
X2, X3, X4 = (5, 4), (4, 3, 6), (2, 3, 4, 6)

ROWS = [
    Row("BatchNormalization", X2),
    Row("BatchNormalization", X2, call=TRAIN),
    Row("BatchNormalization", X2, {"momentum": 0.5, "epsilon": 0.1}, TRAIN),
    Row("BatchNormalization", X4, call=TRAIN, open=(1, 2)),
    Row("BatchNormalization", X4, {"axis": 1}, TRAIN, open=(2,)),
    Row("BatchNormalization", X4, {"axis": 1, "scale": False}),
    Row("BatchNormalization", X3, {"center": False}, TRAIN),
    Row("BatchNormalization", X3, {"center": False, "scale": False}, TRAIN),
    Row("BatchNormalization", X2, {"trainable": False}, TRAIN),
    Row("BatchNormalization", X3, call=TRAIN, masks=[STEPS]),
    Row("BatchNormalization", X3, masks=[STEPS]),
    Row("BatchNormalization", X2, {"renorm": True}, TRAIN, gradient=False),
    Row("BatchNormalization", X2, {"renorm": True, "scale": False}),
    Row(
        "BatchNormalization",
        X4,
        {
            "renorm": True,
            "renorm_clipping": {"rmax": 1.2, "rmin": 0.9, "dmax": 0.3},
            "renorm_momentum": 0.7,
            "momentum": 0.6,
        },
        TRAIN,
        gradient=False,
    ),
    Row("LayerNormalization", X2),
    Row("LayerNormalization", X4, open=(1, 2)),
    Row("LayerNormalization", X4, {"axis": [1, 2]}),
    Row("LayerNormalization", X4, {"axis": (-1, -2), "center": False}, open=(1,)),
    Row("LayerNormalization", X3, {"axis": 1, "scale": False, "epsilon": 0.1}),
    Row("GroupNormalization", X4, {"groups": 2}, open=(1, 2)),
    Row("GroupNormalization", X4, {"groups": 3, "center": False, "epsilon": 0.1}),
    Row("GroupNormalization", (2, 6, 3, 4), {"groups": 2, "axis": 1}, open=(2, 3)),
    Row("GroupNormalization", X3, {"groups": -1, "scale": False}),
    Row("GroupNormalization", X2, {"groups": 1}),
    Row("RMSNormalization", X2),
    Row("RMSNormalization", X4, {"axis": (2, 3), "epsilon": 0.1}),
    Row("UnitNormalization", X2),
    Row("UnitNormalization", X4, {"axis": [1, 2]}, open=(1, 2)),
    Row("SpectralNormalization", (2, 4), within=DENSE, gradient=False),
    Row("SpectralNormalization", (2, 4), call=TRAIN, within=DENSE, gradient=False),
    Row(
        "SpectralNormalization",
        (2, 4, 4, 2),
        {"power_iterations": 3},
        TRAIN,
        within=CONV,
        gradient=False,
    ),
]


@pytest.mark.parametrize("row", parameters(ROWS))
class TestRows:
    def test_values(self, row):
        check_values(row, "normalization")

    def test_symbolic(self, row):
        check_symbolic(row, "normalization")

    def test_half(self, row):
        check_half(row, "normalization")

    def test_config(self, row):
        check_config(row)


@pytest.mark.parametrize("row", parameters([row for row in ROWS if row.gradient]))
def test_gradient(row):
    check_gradient(row)


def test_a_layer_in_half_precision_keeps_its_statistics_in_float32():
    layer = layers.BatchNormalization(dtype="mixed_float16")
    x = np.full((64, 1), 300.0, "float32")
    x[::2] = -300
    y = layer(x, training=True)
    assert polynet.backend.standardize_dtype(y.dtype) == "float16"
    assert [weight.dtype for weight in layer.weights] == ["float32"] * 4
    np.testing.assert_allclose(layer.moving_variance.numpy(), [0.99 + 900], rtol=1e-5)
    np.testing.assert_allclose(np.abs(host(y)), 1.0, rtol=1e-3)


def test_batch_normalization_learns_the_statistics():
    layer = layers.BatchNormalization(momentum=0.9)
    rng = np.random.default_rng(0)
    for _ in range(200):
        layer(rng.normal(3.0, 2.0, (256, 2)).astype("float32"), training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), [3.0, 3.0], atol=0.1)
    np.testing.assert_allclose(layer.moving_variance.numpy(), [4.0, 4.0], atol=0.2)
    y = host(layer(rng.normal(3.0, 2.0, (4096, 2)).astype("float32")))
    assert abs(y.mean()) < 0.05 and abs(y.std() - 1) < 0.05


def test_statistics_do_not_change_in_inference_or_without_training():
    layer = layers.BatchNormalization()
    layer(ops.ones((4, 2)) * 5.0)
    layer.trainable = False
    layer(ops.ones((4, 2)) * 5.0, training=True)
    assert layer.moving_mean.numpy().tolist() == [0.0, 0.0]
    assert [weight.name for weight in layer.non_trainable_weights][-2:] == [
        "moving_mean",
        "moving_variance",
    ]


def test_spectral_normalization_reaches_one():
    layer = layers.SpectralNormalization(layers.Dense(5), power_iterations=20)
    x = ops.ones((1, 7))
    for _ in range(5):
        layer(x, training=True)
    assert np.linalg.norm(layer.layer.kernel.numpy(), 2) == pytest.approx(1.0, abs=1e-3)
    before = layer.layer.kernel.numpy()
    layer(x)
    np.testing.assert_array_equal(layer.layer.kernel.numpy(), before)


def test_the_gradient_passes_spectral_normalization():
    """Beside finite differences of the kernel divided by its largest singular value, in NumPy."""
    layer = layers.SpectralNormalization(layers.Dense(3), power_iterations=60)
    x = np.sin(np.arange(20.0)).reshape(5, 4).astype("float32")
    layer(x)
    kernel = layer.layer.kernel
    start = kernel.numpy().astype("float64")
    _, (g,) = polynet.value_and_grad(
        lambda: ops.sum(layer(x, training=True)[:, 0]), variables=[kernel]
    )()
    found = np.zeros_like(start)
    for place in np.ndindex(start.shape):
        step = np.zeros_like(start)
        step[place] = 1e-6
        up, down = start + step, start - step
        difference = up / np.linalg.norm(up, 2) - down / np.linalg.norm(down, 2)
        found[place] = (x @ difference)[:, 0].sum() / 2e-6
    np.testing.assert_allclose(host(g), found, rtol=1e-3, atol=1e-4)


def test_spectral_normalization_leaves_zeros_alone():
    layer = layers.SpectralNormalization(layers.Dense(3, kernel_initializer="zeros"))
    assert host(layer(ops.ones((2, 4)), training=True)).tolist() == [[0.0] * 3] * 2
    assert np.isfinite(layer.vector_u.numpy()).all()


def test_layer_normalization_of_other_ranks():
    layer = layers.LayerNormalization()
    layer(ops.ones((2, 3, 4)))
    assert layer(ops.ones((2, 4))).shape == (2, 4)


@pytest.mark.parametrize(
    ("cls", "kwargs", "text"),
    [
        ("BatchNormalization", {"axis": [1, 2]}, r"axis: expected one integer; got \[1, 2\]"),
        ("BatchNormalization", {"epsilon": -1.0}, r"BatchNormalization: epsilon: .* got -1\.0"),
        (
            "BatchNormalization",
            {"renorm": True, "renorm_clipping": {"rmaxx": 1}},
            "Did you mean 'rmax'",
        ),
        ("BatchNormalization", {"renorm_clipping": {"rmax": 1, "rmin": 2}}, "rmin <= rmax"),
        ("BatchNormalization", {"renorm_clipping": {"dmax": -1}}, "a dmax of 0 or more"),
        ("GroupNormalization", {"groups": 0}, "GroupNormalization: groups: .* got 0"),
        ("UnitNormalization", {"axis": None}, "UnitNormalization: axis: .* got None"),
        ("LayerNormalization", {"axes": 1}, "Did you mean 'axis'"),
    ],
)
def test_wrong_arguments(cls, kwargs, text):
    with pytest.raises((ValueError, TypeError), match=text):
        getattr(layers, cls)(**kwargs)


@pytest.mark.parametrize(
    ("make", "shape", "text"),
    [
        (lambda: layers.BatchNormalization(3), (2, 3), "axis: expected an integer from -2 to 1"),
        (lambda: layers.LayerNormalization([1, 1]), (2, 3), "axis: expected different axes"),
        (lambda: layers.LayerNormalization(2), (2, 3), "axis: expected an integer from -2 to 1"),
        (lambda: layers.GroupNormalization(4), (2, 3, 6), "groups: expected a divisor of the 6"),
        (lambda: layers.GroupNormalization(), (2, 3, 6), "groups: expected a divisor of the 6"),
        (
            lambda: layers.SpectralNormalization(layers.Flatten()),
            (2, 3),
            "kernel or embeddings; Flatten",
        ),
    ],
)
def test_wrong_inputs(make, shape, text):
    layer = make()
    title = f"{type(layer).__name__} '{layer.name}'"
    with pytest.raises(ValueError, match=f"{title}: .*{text}"):
        layer(ops.ones(shape))
    assert not layer.built


def test_wrong_after_building():
    layer = layers.BatchNormalization()
    with pytest.raises(polynet.errors.ShapeError, match="length of axis 1 must be known"):
        layer(polynet.Input((None,)))
    layer(ops.ones((2, 3)))
    with pytest.raises(polynet.errors.ShapeError, match="expected length 3 along axis 1"):
        layer(ops.ones((2, 4)))
    with pytest.raises(polynet.errors.ShapeError, match="mask: expected one axis less"):
        layer(ops.ones((2, 3)), training=True, mask=ops.ones((2, 3), dtype="bool"))
