"""Optimizers' updates of lists: what a library does at once is what the body says; nothing given is written into."""

import numpy as np
import pytest

import polynet
from polynet import ops
from polynet.op import OPS
from polynet.ops import updates
from polynet.plugins import current

SHAPES = [(3, 4), (), (5,), (0, 2), (200, 300)]


def tensors(seed, low=-1.0, dtype="float32"):
    generator = np.random.default_rng(seed)
    arrays = [np.asarray(generator.uniform(low, 1.0, shape), dtype) for shape in SHAPES]
    return [ops.convert_to_tensor(array) for array in arrays]


def scalar(value, dtype="float32"):
    return ops.convert_to_tensor(np.asarray(value, dtype))


def positive(seed):
    return tensors(seed, low=0.01)


P, G, RATE, STEP = (
    lambda: tensors(1),
    lambda: tensors(2),
    lambda: scalar(0.05),
    lambda: scalar(3, "int32"),
)
CASES = {
    "sgd": ("sgd_step", lambda: [P(), G(), [], RATE(), 0.0, False]),
    "sgd-momentum": ("sgd_step", lambda: [P(), G(), tensors(3), RATE(), 0.9, False]),
    "sgd-nesterov": ("sgd_step", lambda: [P(), G(), tensors(3), RATE(), 0.9, True]),
    "adam": (
        "adam_step",
        lambda: [P(), G(), tensors(3), positive(4), [], RATE(), STEP(), 0.9, 0.99, 1e-7],
    ),
    "adam-still": (
        "adam_step",
        lambda: [P(), G(), tensors(3), positive(4), [], scalar(0.0), STEP(), 0.9, 0.99, 1e-7],
    ),
    "amsgrad": (
        "adam_step",
        lambda: [P(), G(), tensors(3), positive(4), positive(5), RATE(), STEP(), 0.9, 0.99, 1e-7],
    ),
    "rmsprop": ("rmsprop_step", lambda: [P(), G(), positive(3), [], [], RATE(), 0.9, 0.0, 1e-7]),
    "rmsprop-momentum": (
        "rmsprop_step",
        lambda: [P(), G(), positive(3), tensors(4), [], RATE(), 0.9, 0.5, 1e-7],
    ),
    "rmsprop-centered": (
        "rmsprop_step",
        lambda: [P(), G(), [v + 2.0 for v in positive(3)], [], tensors(5), RATE(), 0.9, 0.0, 1e-7],
    ),
    "rmsprop-all": (
        "rmsprop_step",
        lambda: [
            P(),
            G(),
            [v + 2.0 for v in positive(3)],
            tensors(4),
            tensors(5),
            RATE(),
            0.9,
            0.5,
            1e-7,
        ],
    ),
    "decay": ("decay_step", lambda: [P(), RATE(), 0.3]),
    "average": ("average_step", lambda: [tensors(3), P(), scalar(0.7)]),
    "clip-global": ("clip_global_norm", lambda: [G(), 0.7]),
    "clip-global-unused": ("clip_global_norm", lambda: [G(), 1e6]),
    "clip-norms": ("clip_norms", lambda: [G(), 0.7]),
}


def flat(result):
    return [x for part in result for x in (part if isinstance(part, list | tuple) else [part])]


def host(x):
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("case", CASES)
def test_a_native_update_is_what_the_body_says(case):
    name, arguments = CASES[case]
    args = arguments()
    before = [host(x).copy() for x in OPS[name].leaves(tuple(args))]
    native = flat(OPS[name].call(*args))
    for x, old in zip(OPS[name].leaves(tuple(args)), before, strict=True):
        np.testing.assert_array_equal(host(x), old)
    body = flat(OPS[name].function(*arguments()))
    assert len(native) == len(body)
    for one, other in zip(native, body, strict=True):
        assert isinstance(one, current().tensor_types)
        assert host(one).dtype == host(other).dtype and host(one).shape == host(other).shape
        np.testing.assert_allclose(host(one), host(other), rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize("case", CASES)
def test_a_native_update_of_arrays_in_another_order(case):
    name, arguments = CASES[case]
    args = [
        [ops.transpose(ops.transpose(x) + 0.0) if x.ndim > 1 else x for x in arg]
        if isinstance(arg, list)
        else arg
        for arg in arguments()
    ]
    for one, other in zip(
        flat(OPS[name].call(*args)), flat(OPS[name].function(*arguments())), strict=True
    ):
        np.testing.assert_allclose(host(one), host(other), rtol=2e-6, atol=2e-7)


def test_shapes_and_dtypes_are_inferred():
    spec = polynet.Spec((2, 3), "float16")
    rate, step = polynet.Spec(()), polynet.Spec((), "int32")
    new = updates.adam_step([spec], [spec], [spec], [spec], [], rate, step, 0.9, 0.99, 1e-7)
    assert [[(x.shape, x.dtype) for x in part] for part in new] == [[((2, 3), "float16")]] * 3 + [
        []
    ]


def test_gradients_of_an_update():
    # the loss after a step, by the learning rate: what learning to learn needs
    weight, gradient = tensors(1)[0], tensors(2)[0]

    def loss(rate):
        (new,), _ = updates.sgd_step([weight], [gradient], [], rate, 0.0, False)
        return ops.sum(ops.square(new))

    slope = polynet.grad(loss)(scalar(0.05))
    w, g = host(weight).astype("float64"), host(gradient).astype("float64")
    np.testing.assert_allclose(float(slope), (-2 * g * (w - 0.05 * g)).sum(), rtol=1e-4)


def test_all_finite():
    for bad in (np.nan, np.inf, -np.inf):
        assert not bool(
            updates.all_finite(
                [scalar(1.0), ops.convert_to_tensor(np.array([1.0, bad], "float32"))]
            )
        )
    assert bool(updates.all_finite(tensors(1)))


def test_a_weight_larger_than_a_block():
    generator = np.random.default_rng(0)
    p, g, m = (generator.standard_normal((1030, 1025), dtype="float32") for _ in range(3))
    expected = p + (m * 0.5 - g * 0.1)
    lists = [[ops.convert_to_tensor(x)] for x in (p, g, m)]
    (new,), _ = updates.sgd_step(*lists, scalar(0.1), 0.5, False)
    np.testing.assert_allclose(host(new), expected, rtol=0, atol=1e-6)
