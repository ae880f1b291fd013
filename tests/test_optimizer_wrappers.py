"""Optimizers around others: scaling of the loss, several optimizers for one model."""

import copy
import json

import numpy as np
import pytest

import polynet
from polynet import ops, optimizers
from polynet.optimizers import LossScaleOptimizer, MultiOptimizer, OptimizerMap


def a_weight(value=(1.0, 2.0), name="w"):
    return polynet.Variable(np.array(value, "float32"), name=name)


def near(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=1e-6, atol=1e-6)


# ----------------------------------------------------------------------------------- loss scaling


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_scale_follows_the_gradients(compiled, dtype):
    weight = a_weight()
    optimizer = LossScaleOptimizer(optimizers.SGD(0.5), initial_scale=8.0, dynamic_growth_steps=2)
    optimizer.build([weight])
    step = polynet.jit(lambda g: optimizer.apply([g], [weight]), compile=compiled)
    infinite, finite = np.array([np.inf, 1.0], dtype), np.array([2.0, 4.0], dtype)
    seen = []
    for g in (finite, finite, infinite, finite, infinite, finite, finite):
        step(ops.convert_to_tensor(g))
        seen.append(
            (float(optimizer.dynamic_scale), int(optimizer.step_counter), int(optimizer.iterations))
        )
    assert seen == [(8, 1, 1), (16, 0, 2), (8, 0, 2), (8, 1, 3), (4, 0, 3), (4, 1, 4), (8, 0, 5)]
    expected = np.array([1.0, 2.0]) - 0.5 * np.array([2.0, 4.0]) * (
        1 / 8 + 1 / 8 + 1 / 8 + 1 / 4 + 1 / 4
    )
    near(weight.numpy(), expected)


def test_a_loss_and_its_gradients_meet_again():
    weight = a_weight([3.0])
    optimizer = LossScaleOptimizer(optimizers.SGD(0.5))
    assert float(optimizer.scale_loss(ops.convert_to_tensor(1.0))) == 2.0**15
    for _ in range(2):
        loss = lambda: optimizer.scale_loss(ops.sum(weight * weight))  # noqa: E731
        _, gradients = polynet.value_and_grad(loss, variables=[weight])()
        optimizer.apply(gradients, [weight])
    near(weight.numpy(), [0.0])


def test_what_a_scaling_optimizer_passes_on():
    inner = optimizers.SGD(0.5, momentum=0.5, use_ema=True, loss_scale_factor=4.0)
    optimizer = LossScaleOptimizer(inner)
    assert inner.loss_scale_factor is None
    optimizer.learning_rate = 0.25
    assert float(inner.learning_rate) == float(optimizer.learning_rate) == 0.25
    weight = a_weight()
    optimizer.apply([[1.0, 1.0]], [weight])
    paths = [v.path.split("/")[1] for v in optimizer.variables]
    assert paths == [
        *("iteration", "learning_rate", "step_counter", "dynamic_scale"),
        *("iteration", "learning_rate", "w_average", "w_momentum"),
    ]
    optimizer.finalize_variable_values([weight])
    values = [v.value for v in optimizer.variables]
    _, own = optimizer.stateless_apply(values, [[np.nan, 1.0]], [weight.value])
    assert float(ops.convert_to_numpy(own[3])) == 2.0**14
    assert float(optimizer.dynamic_scale) == 2.0**15


def test_a_missing_gradient_under_scaling():
    one, two = a_weight(), a_weight(name="other")
    optimizer = LossScaleOptimizer(optimizers.SGD(0.5), initial_scale=2.0)
    with pytest.warns(UserWarning, match="no gradient for other"):
        optimizer.apply([[2.0, 2.0], None], [one, two])
    near(one.numpy(), [0.5, 1.5])


def test_a_description_of_scaling():
    optimizer = LossScaleOptimizer(optimizers.Adam(0.5, beta_1=0.5), 4.0, 7, name="mine")
    description = json.loads(json.dumps(optimizers.serialize(optimizer)))
    again = optimizers.deserialize(description)
    assert again.get_config() == optimizer.get_config()
    assert (again.initial_scale, again.dynamic_growth_steps, again.name) == (4.0, 7, "mine")
    assert again.inner_optimizer.beta_1 == 0.5


def test_wrong_arguments_of_scaling():
    with pytest.raises(ValueError, match="LossScaleOptimizer: clipnorm is not an argument of it"):
        LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0)
    with pytest.raises(ValueError, match="dynamic is not an argument"):
        LossScaleOptimizer(optimizers.SGD(), dynamic=False)
    with pytest.raises(
        ValueError, match=r"unknown argument 'initial_scales'\. Did you mean 'initial_scale'"
    ):
        LossScaleOptimizer(optimizers.SGD(), initial_scales=4.0)
    with pytest.raises(TypeError, match="inner_optimizer: expected an optimizer; got str"):
        LossScaleOptimizer("sgd")
    assert (
        LossScaleOptimizer(optimizers.SGD(), clipnorm=None, use_ema=False).initial_scale == 2.0**15
    )


# ----------------------------------------------------------------------------- several optimizers


def test_each_variable_has_its_optimizer():
    kernel, bias = a_weight(name="kernel"), a_weight(name="bias")
    default, special = optimizers.SGD(0.5), optimizers.SGD(0.25, momentum=0.5)
    optimizer = MultiOptimizer(OptimizerMap(default, {"bi.s": special}))
    assert optimizer.optimizers == [special, default]
    optimizer.apply([[1.0, 1.0], [1.0, 1.0]], [kernel, bias])
    near(kernel.numpy(), [0.5, 1.5])
    near(bias.numpy(), [0.75, 1.75])
    assert int(optimizer.iterations) == int(default.iterations) == int(special.iterations) == 1
    names = [v.name for v in optimizer.variables]
    assert names == [
        "iteration",
        "learning_rate",
        "iteration",
        "learning_rate",
        "bias_momentum",
        "iteration",
        "learning_rate",
    ]
    again = copy.deepcopy([optimizer, kernel, bias])
    again[0].apply([[1.0, 1.0], [1.0, 1.0]], again[1:])
    near(again[1].numpy(), [0.0, 1.0])
    near(kernel.numpy(), [0.5, 1.5])
    values = [v.numpy() for v in optimizer.variables]
    optimizer.set_weights(values)
    weights, _ = optimizer.stateless_apply(
        values, [[1.0, 1.0], [1.0, 1.0]], [kernel.value, bias.value]
    )
    near(ops.convert_to_numpy(weights[0]), [0.0, 1.0])


def test_a_function_chooses():
    kernel, bias = a_weight(name="kernel"), a_weight(name="bias")
    one, two = optimizers.SGD(0.5), optimizers.SGD(0.25, use_ema=True, ema_momentum=0.0)
    optimizer = MultiOptimizer(lambda v: one if v.name == "kernel" else two, loss_scale_factor=2.0)
    optimizer.apply([[2.0, 2.0], [2.0, 2.0]], [kernel, bias])
    near(kernel.numpy(), [0.5, 1.5])
    near(bias.numpy(), [0.75, 1.75])
    assert one.loss_scale_factor == two.loss_scale_factor == 2.0
    optimizer.loss_scale_factor = 4.0
    assert one.loss_scale_factor == 4.0
    assert float(optimizer.scale_loss(ops.convert_to_tensor(1.0))) == 4.0
    optimizer.finalize_variable_values([kernel, bias])
    near(bias.numpy(), [0.75, 1.75])
    for access in (
        lambda: optimizer.learning_rate,
        lambda: setattr(optimizer, "learning_rate", 0.5),
    ):
        with pytest.raises(AttributeError, match=r"each of optimizer\.optimizers has its own"):
            access()


def test_a_map():
    chosen = OptimizerMap(optimizers.Adam())
    chosen["encoder/.*"] = sgd = optimizers.SGD()
    chosen["encoder/one"] = other = optimizers.SGD()
    assert chosen["encoder/one"] is other and chosen["encoder/two"] is sgd
    assert chosen["decoder"] is chosen.default_optimizer
    assert list(chosen) == ["encoder/.*", "encoder/one"] and len(chosen) == 2
    with pytest.raises(ValueError, match="has an optimizer already"):
        chosen["encoder/one"] = sgd
    del chosen["encoder/one"]
    chosen[".*/two"] = other
    with pytest.raises(
        ValueError, match=r"several patterns fit 'encoder/two': encoder/\.\*, \.\*/two"
    ):
        _ = chosen["encoder/two"]


def test_a_description_of_several():
    optimizer = MultiOptimizer(
        OptimizerMap(optimizers.Adam(0.5), {"bias": optimizers.SGD(0.25)}), 4.0, "mine"
    )
    description = json.loads(json.dumps(optimizers.serialize(optimizer)))
    again = optimizers.deserialize(description)
    assert again.get_config() == optimizer.get_config()
    assert again.name == "mine" and again.loss_scale_factor == 4.0
    assert [type(each).__name__ for each in again.optimizers] == ["SGD", "Adam"]


@pytest.mark.parametrize(
    ("make", "kind", "match"),
    [
        (
            lambda: OptimizerMap("adam"),
            TypeError,
            "default_optimizer: expected an optimizer; got str",
        ),
        (
            lambda: OptimizerMap(optimizers.SGD(), [1]),
            TypeError,
            "optimizer_map: expected a dict; got list",
        ),
        (
            lambda: OptimizerMap(optimizers.SGD(), {"a": 1}),
            ValueError,
            "'a': expected an optimizer; got int",
        ),
        (
            lambda: OptimizerMap(optimizers.SGD(), {1: optimizers.SGD()}),
            ValueError,
            "expected a path or pattern",
        ),
        (
            lambda: OptimizerMap(optimizers.SGD(), {"a": LossScaleOptimizer(optimizers.SGD())}),
            ValueError,
            "a LossScaleOptimizer cannot be one of several",
        ),
        (
            lambda: MultiOptimizer({}),
            TypeError,
            "optimizer_map: expected an OptimizerMap or a function",
        ),
        (
            lambda: MultiOptimizer(lambda v: None).apply([[1.0]], [a_weight([1.0])]),
            ValueError,
            "'w': expected an opt",
        ),
    ],
)
def test_wrong_arguments_of_several(make, kind, match):
    with pytest.raises(kind, match=match):
        make()
