"""Optimizers: every option, errors, and what surrounds a rule; values beside Keras are in polynet/conformance."""

import pickle

import numpy as np
import pytest

import polynet
from polynet import errors, ops, optimizers
from polynet.conformance.optimizers import table
from polynet.optimizers import schedules

NAMES = [
    "SGD",
    "RMSprop",
    "Adam",
    "AdamW",
    "Adadelta",
    "Adagrad",
    "Adamax",
    "Adafactor",
    "Nadam",
    "Ftrl",
]
NAMES += ["Lion", "Lamb", "Muon", "ScheduleFreeAdamW"]


@pytest.fixture(autouse=True)
def _names_begin_anew():
    polynet.backend.clear_session(free_memory=False)


def a_weight(value=(1.0, 2.0), **attributes):
    weight = polynet.Variable(np.array(value, "float32"), name="w")
    for name, what in attributes.items():
        setattr(weight, name, what)
    return weight


def near(actual, expected, **tolerance):
    np.testing.assert_allclose(
        np.asarray(actual), expected, **{"rtol": 1e-6, "atol": 1e-6, **tolerance}
    )


def after(row, steps):
    """The optimizer of a row of the conformance suite, and its variables, after some steps."""
    return next(each for each in table.ROWS if each.id == row).run(polynet, steps)


# ------------------------------------------------------------------------------------- descriptions


def test_a_description_by_keras():
    description = {
        "module": "keras.optimizers",
        "class_name": "SGD",
        "config": {
            "name": "mine",
            "learning_rate": {
                "module": "keras.optimizers.schedules",
                "class_name": "CosineDecay",
                "config": {"initial_learning_rate": 0.5, "decay_steps": 10},
                "registered_name": None,
            },
            "momentum": 0.5,
        },
        "registered_name": None,
    }
    optimizer = optimizers.deserialize(description)
    assert optimizer.name == "mine" and optimizer.momentum == 0.5
    assert float(optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_get_by_name(name):
    cls = getattr(optimizers, name)
    for spelling in (name, name.lower()):
        assert type(optimizers.get(spelling)) is cls
        assert type(optimizers.get({"class_name": spelling, "config": {}})) is cls


def test_get():
    one = optimizers.SGD()
    assert optimizers.get(one) is one and optimizers.get(None) is None
    with pytest.raises(ValueError, match=r"unknown optimizer 'adan'\. Did you mean 'ada"):
        optimizers.get("adan")


def test_the_config_has_what_was_assigned_since():
    optimizer = optimizers.Adam(0.1, weight_decay=0.2)
    assert optimizer.get_config()["learning_rate"] == 0.1
    optimizer.learning_rate = 0.25
    optimizer.weight_decay = 0.5
    config = optimizer.get_config()
    assert (config["learning_rate"], config["weight_decay"]) == (0.25, 0.5)


def test_arguments_by_position_are_those_of_keras():
    optimizer = optimizers.SGD(0.1, 0.9, True, 0.01, 1.0, None, None, True, 0.5, 3, 2.0, 4, "mine")
    assert optimizer.weight_decay == 0.01 and optimizer.clipnorm == 1.0 and optimizer.use_ema
    assert optimizer.ema_overwrite_frequency == 3 and optimizer.gradient_accumulation_steps == 4
    assert optimizer.loss_scale_factor == 2.0 and optimizer.name == "mine"


# ---------------------------------------------------------------------------------- learning rates


def test_a_learning_rate_is_assigned():
    weight, optimizer = a_weight(), optimizers.SGD(0.5)
    optimizer.learning_rate = 0.25
    optimizer.apply([[1.0, 1.0]], [weight])
    near(weight.numpy(), [0.75, 1.75])
    optimizer.learning_rate = lambda: 0.5
    assert len(optimizer.variables) == 1
    optimizer.apply([[1.0, 1.0]])
    near(weight.numpy(), [0.25, 1.25])
    with pytest.raises(TypeError, match="SGD: learning_rate was given as function"):
        optimizer.learning_rate = 0.5


def test_a_schedule_counts_every_step_and_an_average_every_update():
    schedule = schedules.PiecewiseConstantDecay([0, 1], [1.0, 2.0, 4.0])
    weight, optimizer = a_weight([0.0]), optimizers.SGD(schedule, gradient_accumulation_steps=2)
    for _ in range(4):
        optimizer.apply([[1.0]], [weight])
    near(weight.numpy(), [-6.0])  # 2 at the second step, 4 at the fourth
    assert int(optimizer.iterations) == 2


# --------------------------------------------------------------------------------- around the rule


def test_weight_decay_leaves_out():
    one, two, three = (polynet.Variable([1.0], name=name) for name in ("kernel", "bias", "scale"))
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[three], var_names=["bias"])
    optimizer.apply([[0.0], [0.0], [0.0]], [one, two, three])
    near([float(v.numpy()[0]) for v in (one, two, three)], [0.75, 1.0, 1.0])
    with pytest.raises(ValueError, match="must be called before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_a_constraint_holds_after_each_step():
    weight = a_weight(constraint=lambda w: ops.maximum(w, 0.0))
    optimizers.SGD(1.0).apply([[3.0, 1.0]], [weight])
    near(weight.numpy(), [0.0, 1.0])


def test_a_missing_gradient_leaves_the_variable():
    one, two = a_weight(), polynet.Variable([1.0], name="other")
    optimizer = optimizers.Adam(0.5)
    with pytest.warns(UserWarning, match="Adam: there is no gradient for other;"):
        optimizer.apply([[1.0, 1.0], None], [one, two])
    near(one.numpy(), [0.5, 1.5], atol=1e-5)
    near(two.numpy(), [1.0])
    with pytest.raises(ValueError, match="Adam: all 2 gradients are None"):
        optimizer.apply([None, None], [one, two])


def test_no_gradients_at_all_are_no_step():
    optimizer = optimizers.SGD()
    optimizer.apply([], [])
    assert int(optimizer.iterations) == 0 and not optimizer.built


def test_a_variable_that_is_its_gradient():
    weight, scale = a_weight(), polynet.Variable([1.0], name="scale")
    scale.overwrite_with_gradient = True
    optimizer = optimizers.SGD(0.5, momentum=0.5, clipnorm=0.1)
    optimizer.apply([[0.0, 0.0], [7.0]], [weight, scale])
    near(scale.numpy(), [7.0])
    assert [v.name for v in optimizer.variables[2:]] == ["w_momentum"]


def test_a_variable_that_is_its_largest_gradient_of_several_steps():
    weight, scale = a_weight(), polynet.Variable([1.0], name="scale")
    scale.overwrite_with_gradient = True
    optimizer = optimizers.SGD(0.5, gradient_accumulation_steps=2)
    seen = []
    for value in (7.0, 3.0, 1.0, 2.0):
        optimizer.apply([[0.0, 0.0], [value]], [weight, scale])
        seen.append(float(scale.numpy()[0]))
    assert seen == [1.0, 7.0, 7.0, 2.0]


def test_all_variables_may_be_their_gradients():
    scale = polynet.Variable([1.0], name="scale")
    scale.overwrite_with_gradient = True
    optimizer = optimizers.Adam()
    optimizer.apply([[7.0]], [scale])
    near(scale.numpy(), [7.0])
    assert int(optimizer.iterations) == 1


def test_the_norm_of_what_is_not_finite():
    weight = a_weight()
    optimizers.SGD(0.1, global_clipnorm=1.0).apply([[np.inf, 1.0]], [weight])
    assert np.isnan(weight.numpy()).all()


def test_gradients_of_zero_are_clipped_to_zero():
    for option in ("clipnorm", "global_clipnorm", "clipvalue"):
        weight = a_weight()
        optimizers.SGD(0.1, **{option: 1.0}).apply([[0.0, 0.0]], [weight])
        near(weight.numpy(), [1.0, 2.0])


def test_a_scaled_loss():
    optimizer = optimizers.SGD(loss_scale_factor=8.0)
    assert float(optimizer.scale_loss(ops.convert_to_tensor(2.0))) == 16.0
    assert float(optimizers.SGD().scale_loss(ops.convert_to_tensor(2.0))) == 2.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_learns(name, dtype):
    weight = polynet.Variable(np.full((2, 2), 1.0, "float32"), dtype=dtype, name="w")
    optimizer = getattr(optimizers, name)(
        0.05, **({"epsilon": 1e-3} if name in ("Adam", "Nadam") else {})
    )
    for _ in range(3):
        optimizer.apply([ops.cast(np.full((2, 2), 0.5, "float32"), dtype)], [weight])
    assert weight.dtype == dtype
    values = ops.convert_to_numpy(ops.cast(weight.value, "float32"))
    assert (
        np.isfinite(values).all() and (values < 0.999 if name != "Adadelta" else values <= 1).all()
    )


def test_variables_of_several_dtypes():
    dtypes = ["float32", "float16"]
    both = [polynet.Variable([1.0, 2.0], dtype=dtype, name=dtype) for dtype in dtypes]
    optimizer = optimizers.Adam(0.5, global_clipnorm=1.0)
    optimizer.apply([[1.0, -1.0], [1.0, -1.0]], both)
    for variable, dtype in zip(both, dtypes, strict=True):
        assert variable.dtype == dtype
        near(variable.numpy().astype("float32"), [0.5, 2.5], atol=2e-3)


def test_gradients_of_another_dtype_are_cast():
    weight = a_weight()
    optimizers.SGD(0.5).apply([np.array([1.0, 1.0], "float16")], [weight])
    near(weight.numpy(), [0.5, 1.5])


# ------------------------------------------------------------------------------- a rule of one's own


class SignDescent(polynet.Optimizer):
    def build(self, variables):
        super().build(variables)
        self.counts = [self.add_variable_from_reference(v, "count") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        count = self.counts[self._places[id(variable)]]
        self.assign_add(count, ops.ones_like(gradient))
        self.assign_sub(variable, learning_rate * ops.sign(gradient))


@pytest.mark.parametrize("compiled", [False, True])
def test_a_rule_of_ones_own(compiled):
    weight = a_weight()
    optimizer = SignDescent(learning_rate=0.5, gradient_accumulation_steps=2)
    optimizer.build([weight])
    step = polynet.jit(lambda g: optimizer.apply([g], [weight]), compile=compiled)
    for value in (1.0, 2.0, -3.0):
        step(ops.convert_to_tensor(np.array([value, -value], "float32")))
    near(weight.numpy(), [0.5, 2.5])
    near(optimizer.counts[0].numpy(), [1.0, 1.0])
    assert [v.name for v in optimizer.variables[2:]] == ["w_gradient_accumulator", "w_count"]
    config = optimizer.get_config()
    assert config["learning_rate"] == 0.5 and SignDescent.from_config(config).get_config() == config


def test_an_update_step_takes_the_place_of_an_inherited_rule():
    class Doubled(optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient * 2.0, variable, learning_rate)

    weight = a_weight()
    Doubled(0.5).apply([[1.0, 1.0]], [weight])
    near(weight.numpy(), [0.0, 1.0])


def test_a_rule_without_an_update_step():
    with pytest.raises(NotImplementedError, match="write update_step"):
        polynet.Optimizer(0.1).apply([[1.0, 1.0]], [a_weight()])


def test_the_base_must_be_constructed_first():
    class Hasty(polynet.Optimizer):
        def __init__(self):
            self.momentum = 0.5
            super().__init__(0.1)

    with pytest.raises(RuntimeError, match="Hasty: call super"):
        Hasty()


def test_variables_that_are_set_are_tracked():
    optimizer = optimizers.SGD()
    optimizer.extra = polynet.Variable(1.0, name="extra")
    optimizer.several = [polynet.Variable(1.0, name="one"), polynet.Variable(1.0, name="two")]
    assert [v.name for v in optimizer.variables] == [
        "iteration",
        "learning_rate",
        "extra",
        "one",
        "two",
    ]


def test_lists_of_variables_like_others():
    weight, optimizer = a_weight(), optimizers.SGD()
    one, two = optimizer.add_optimizer_variables([weight], ["one", "two"], ["zeros", "ones"])
    near([one[0].numpy(), two[0].numpy()], [[0, 0], [1, 1]])
    with pytest.raises(ValueError, match="expected one for each of the 2 names; got 1"):
        optimizer.add_optimizer_variables([weight], ["one", "two"], ["zeros"])


# ------------------------------------------------------------------------------------------- saving


def test_saved_and_loaded():
    optimizer, _ = after("adam-amsgrad", 4)
    store = {}
    optimizer.save_own_variables(store)
    other, _ = after("adam-amsgrad", 0)
    other.load_own_variables(store)
    third, _ = after("adam-amsgrad", 0)
    third.set_weights([v.numpy() for v in optimizer.variables])
    for one, two, three in zip(optimizer.variables, other.variables, third.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())
        np.testing.assert_array_equal(one.numpy(), three.numpy())
    with pytest.warns(
        UserWarning, match="has 2 variables, and 14 were saved; none is loaded. Build"
    ):
        optimizers.Adam(amsgrad=True).load_own_variables(store)
    with pytest.raises(ValueError, match="set_weights needs a built optimizer"):
        optimizers.Adam().set_weights([])
    with pytest.raises(ValueError, match="weights: expected 14, one for each variable; got 1"):
        optimizer.set_weights([1.0])


def test_pickled():
    optimizer, variables = after("adam", 3)
    again, weights = pickle.loads(pickle.dumps((optimizer, variables)))
    for one in (optimizer, again):
        assert int(one.iterations) == 3
    optimizer.apply([ops.convert_to_tensor(g) for g in table.gradients(3)], variables)
    again.apply([ops.convert_to_tensor(g) for g in table.gradients(3)], weights)
    for one, two in zip(variables, weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


# ------------------------------------------------------------------------------------------- errors


def test_an_argument_of_the_past():
    with pytest.warns(UserWarning, match="SGD: decay has no effect"):
        optimizers.SGD(decay=0.1)


def test_wrong_gradients():
    weight, optimizer = a_weight(), optimizers.SGD()
    optimizer.build([weight])
    with pytest.raises(ValueError, match="got 2 gradients for 1 variables"):
        optimizer.apply([[1.0, 1.0], [1.0, 1.0]])
    with pytest.raises(
        ValueError, match=r"SGD: unknown variable 'stranger'\. The optimizer was built for 1"
    ):
        optimizer.apply([[1.0]], [polynet.Variable([1.0], name="stranger")])
    with pytest.raises(
        errors.ShapeError, match=r"Variable 'w' has shape \(2,\); got a gradient of shape \(3,\)"
    ):
        optimizer.apply([[1.0, 1.0, 1.0]], [weight])
    with pytest.raises(ValueError, match="optimizer_variables: expected 2 tensors"):
        optimizer.stateless_apply([], [[1.0, 1.0]], [[1.0, 1.0]])
    with pytest.raises(ValueError, match="stateless_apply needs a built optimizer"):
        optimizers.SGD().stateless_apply([], [], [])


def test_pairs():
    weight, optimizer = a_weight(), optimizers.SGD(0.5)
    assert int(optimizer.apply_gradients(zip([[1.0, 1.0]], [weight], strict=True))) == 1
    near(weight.numpy(), [0.5, 1.5])


def test_a_step_inside_a_tape():
    weight, optimizer = a_weight(), optimizers.Adam(0.5)
    with polynet.GradientTape() as tape:
        loss = ops.sum(weight * weight)
        optimizer.apply([[2.0, 4.0]], [weight])
    np.testing.assert_allclose(
        np.asarray(ops.convert_to_numpy(tape.gradient(loss, weight))), [2.0, 4.0]
    )
    near(weight.numpy(), [0.5, 1.5], atol=1e-5)
    assert isinstance(weight._value, polynet.plugins.current().tensor_types)


def test_training_a_line():
    x = np.linspace(-1, 1, 32).astype("float32")
    slope, shift = polynet.Variable(0.0, name="slope"), polynet.Variable(0.0, name="shift")
    optimizer = optimizers.Adam(0.1)
    optimizer.build([slope, shift])

    @polynet.jit
    def step(x, y):
        loss = lambda: ops.mean(ops.square(slope * x + shift - y))  # noqa: E731
        value, gradients = polynet.value_and_grad(loss, variables=[slope, shift])()
        optimizer.apply(gradients, [slope, shift])
        return value

    for _ in range(200):
        step(ops.convert_to_tensor(x), ops.convert_to_tensor(3 * x + 2))
    near([float(slope), float(shift)], [3.0, 2.0], atol=1e-2)
