"""Rows about optimizers and schedules, and what each is run on: weights and gradients made of numbers alone.

``run`` does the same with polynet and with Keras.  What is checked is in the package's first file.
"""

# ruff: noqa: E501 - messages stand here as they are read

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from polynet.conformance.stored import Wrong

STEPS = 20
SHAPES = {
    "dense/kernel": (3, 4),
    "dense/bias": (4,),
    "embedding/tall": (5, 2),
    "conv/kernel": (2, 2, 3),
}
SCHEDULE_STEPS = [0, 1, 3, 5, 6, 7, 8, 10, 11, 14, 15, 19, 20, 21, 30, 31, 39, 40, 41, 42, 49, 60]


@dataclasses.dataclass(frozen=True)
class Row:
    """An optimizer, and its arguments; a schedule or an optimizer among them is a pair of class and arguments."""

    id: str
    name: str
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)

    def construct(self, optimizers: Any) -> Any:
        """The optimizer, of a module like ``keras.optimizers``."""

        def made(value: Any) -> Any:
            if not isinstance(value, tuple):
                return value
            page = optimizers if hasattr(optimizers, value[0]) else optimizers.schedules
            return getattr(page, value[0])(**value[1])

        kwargs = {name: made(value) for name, value in self.kwargs.items()}
        return getattr(optimizers, self.name)(**kwargs)

    def run(self, framework: Any, steps: int = STEPS) -> tuple[Any, list[Any]]:
        """The optimizer and its variables after some steps."""
        optimizer = self.construct(framework.optimizers)
        variables = []
        for path, value in weights().items():
            scope, name = path.split("/")
            with framework.name_scope(scope):
                variables.append(framework.Variable(value, name=name))
        optimizer.build(variables)
        for step in range(steps):
            tensors = [framework.ops.convert_to_tensor(g) for g in gradients(step)]
            optimizer.apply(tensors, variables)
        return optimizer, variables


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A schedule, and its arguments without the first learning rate."""

    id: str
    name: str
    kwargs: dict[str, Any]

    def arguments(self) -> dict[str, Any]:
        """All arguments."""
        first = {} if self.name == "PiecewiseConstantDecay" else {"initial_learning_rate": 0.5}
        return {**first, **self.kwargs}

    def construct(self, optimizers: Any) -> Any:
        """The schedule, of a module like ``keras.optimizers``."""
        return getattr(optimizers.schedules, self.name)(**self.arguments())


def weights() -> dict[str, np.ndarray]:
    """The first values of the weights, by path."""
    return {
        path: np.cos(np.arange(np.prod(shape)) * 1.7 + i).reshape(shape).astype("float32")
        for i, (path, shape) in enumerate(SHAPES.items())
    }


def gradients(step: int) -> list[np.ndarray]:
    """The gradients of a step, in the order of the weights."""
    return [
        (np.sin(np.arange(np.prod(shape)) * 2.3 + i + 0.7 * step) * (1 + i))
        .reshape(shape)
        .astype("float32")
        for i, shape in enumerate(SHAPES.values())
    ]


ROWS = [
    Row("sgd", "SGD"),
    Row("sgd-momentum", "SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    Row("sgd-nesterov", "SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    Row("adam", "Adam"),
    Row(
        "adam-settings",
        "Adam",
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3},
    ),
    Row("adam-amsgrad", "Adam", {"learning_rate": 0.02, "beta_2": 0.5, "amsgrad": True}),
    Row("adamw", "AdamW", {"learning_rate": 0.02, "weight_decay": 0.1}),
    Row("rmsprop", "RMSprop", {"learning_rate": 0.02}),
    Row("rmsprop-momentum", "RMSprop", {"learning_rate": 0.02, "rho": 0.7, "momentum": 0.5}),
    Row("rmsprop-centered", "RMSprop", {"learning_rate": 0.02, "momentum": 0.5, "centered": True}),
    Row("adagrad", "Adagrad", {"learning_rate": 0.05}),
    Row(
        "adagrad-settings",
        "Adagrad",
        {"learning_rate": 0.05, "initial_accumulator_value": 1.0, "epsilon": 0.01},
    ),
    Row("adadelta", "Adadelta", {"learning_rate": 1.0}),
    Row("adadelta-settings", "Adadelta", {"learning_rate": 0.5, "rho": 0.5, "epsilon": 1e-3}),
    Row("adamax", "Adamax", {"learning_rate": 0.02}),
    Row(
        "adamax-settings",
        "Adamax",
        {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.6, "epsilon": 1e-3},
    ),
    Row("nadam", "Nadam", {"learning_rate": 0.02}),
    Row("nadam-settings", "Nadam", {"learning_rate": 0.02, "beta_1": 0.6, "beta_2": 0.9}),
    Row("ftrl", "Ftrl", {"learning_rate": 0.05}),
    Row(
        "ftrl-settings",
        "Ftrl",
        {
            "learning_rate": 0.05,
            "learning_rate_power": -0.4,
            "initial_accumulator_value": 0.5,
            "l1_regularization_strength": 0.2,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.05,
            "beta": 0.3,
        },
    ),
    Row("lion", "Lion", {"learning_rate": 0.01}),
    Row("lion-settings", "Lion", {"learning_rate": 0.01, "beta_1": 0.6, "beta_2": 0.8}),
    Row("lamb", "Lamb", {"learning_rate": 0.02}),
    Row("adafactor", "Adafactor", {"learning_rate": 0.3}),
    Row(
        "adafactor-settings",
        "Adafactor",
        {"learning_rate": 0.2, "beta_2_decay": -0.5, "epsilon_2": 0.1, "clip_threshold": 0.5},
    ),
    Row("adafactor-absolute", "Adafactor", {"learning_rate": 0.2, "relative_step": False}),
    Row("schedule-free", "ScheduleFreeAdamW", {"learning_rate": 0.02}),
    Row(
        "schedule-free-warmup",
        "ScheduleFreeAdamW",
        {"learning_rate": 0.02, "warmup_steps": 8, "weight_decay": 0.1},
    ),
    Row("muon", "Muon", {"learning_rate": 0.02}),
    Row(
        "muon-settings",
        "Muon",
        {
            "learning_rate": 0.02,
            "exclude_embeddings": False,
            "exclude_layers": ["dense"],
            "nesterov": False,
            "ns_steps": 3,
            "rms_rate": None,
            "adam_lr_ratio": 0.5,
            "weight_decay": 0.2,
            "adam_weight_decay": 0.1,
        },
    ),
    # what every optimizer can do
    Row("weight-decay", "SGD", {"learning_rate": 0.05, "weight_decay": 0.3, "momentum": 0.5}),
    Row("clipnorm", "SGD", {"learning_rate": 0.05, "clipnorm": 0.7}),
    Row("clipvalue", "SGD", {"learning_rate": 0.05, "clipvalue": 0.3}),
    Row("global-clipnorm", "SGD", {"learning_rate": 0.05, "global_clipnorm": 1.5}),
    Row("global-clipnorm-unused", "SGD", {"learning_rate": 0.05, "global_clipnorm": 1e4}),
    Row("loss-scale", "SGD", {"learning_rate": 0.05, "loss_scale_factor": 8.0}),
    Row("ema", "SGD", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.7}),
    Row(
        "ema-overwrite",
        "Adam",
        {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    ),
    Row(
        "accumulation",
        "Adam",
        {"learning_rate": 0.05, "gradient_accumulation_steps": 3, "weight_decay": 0.1},
    ),
    Row(
        "accumulation-clipped",
        "SGD",
        {"learning_rate": 0.05, "gradient_accumulation_steps": 4, "clipnorm": 0.3},
    ),
    Row(
        "accumulation-ema",
        "SGD",
        {
            "learning_rate": 0.05,
            "gradient_accumulation_steps": 2,
            "use_ema": True,
            "ema_momentum": 0.7,
        },
    ),
    Row(
        "schedule",
        "SGD",
        {"learning_rate": ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 15})},
    ),
    Row(
        "schedule-decayed",
        "AdamW",
        {
            "learning_rate": (
                "PolynomialDecay",
                {"initial_learning_rate": 0.1, "decay_steps": 15, "power": 2.0},
            ),
            "weight_decay": 0.1,
        },
    ),
    Row(
        "dynamic-loss-scale",
        "LossScaleOptimizer",
        {"inner_optimizer": ("Adam", {"learning_rate": 0.02}), "initial_scale": 4.0},
    ),
]

SCHEDULES = [
    Schedule("exponential", "ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.6}),
    Schedule(
        "exponential-staircase",
        "ExponentialDecay",
        {"decay_steps": 7, "decay_rate": 0.6, "staircase": True},
    ),
    Schedule("inverse", "InverseTimeDecay", {"decay_steps": 7, "decay_rate": 0.6}),
    Schedule(
        "inverse-staircase",
        "InverseTimeDecay",
        {"decay_steps": 7, "decay_rate": 0.6, "staircase": True},
    ),
    Schedule("polynomial", "PolynomialDecay", {"decay_steps": 30}),
    Schedule(
        "polynomial-power",
        "PolynomialDecay",
        {"decay_steps": 30, "end_learning_rate": 0.05, "power": 0.5},
    ),
    Schedule(
        "polynomial-cycle", "PolynomialDecay", {"decay_steps": 20, "power": 2.0, "cycle": True}
    ),
    Schedule("cosine", "CosineDecay", {"decay_steps": 30}),
    Schedule("cosine-alpha", "CosineDecay", {"decay_steps": 30, "alpha": 0.1}),
    Schedule(
        "cosine-warmup",
        "CosineDecay",
        {"decay_steps": 30, "warmup_target": 0.9, "warmup_steps": 12, "alpha": 0.1},
    ),
    Schedule("restarts", "CosineDecayRestarts", {"first_decay_steps": 7}),
    Schedule(
        "restarts-same", "CosineDecayRestarts", {"first_decay_steps": 7, "t_mul": 1.0, "m_mul": 0.7}
    ),
    Schedule(
        "restarts-all",
        "CosineDecayRestarts",
        {"first_decay_steps": 7, "t_mul": 1.5, "m_mul": 0.7, "alpha": 0.1},
    ),
    Schedule(
        "piecewise",
        "PiecewiseConstantDecay",
        {"boundaries": [10, 20, 40], "values": [1.0, 0.5, 0.25, 0.1]},
    ),
]

WRONG = [
    Wrong(
        "Adam",
        "optimizers.Adam(beta1=0.5)",
        "ValueError",
        "Adam: unknown argument 'beta1'. Did you mean 'beta_1'? It takes learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD(clipnorm=1.0, clipvalue=2.0)",
        "ValueError",
        "SGD: expected at most one of clipnorm, clipvalue and global_clipnorm; got clipnorm=1.0, clipvalue=2.0.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD(gradient_accumulation_steps=1)",
        "ValueError",
        "SGD: gradient_accumulation_steps: expected an integer of at least 2, or None; got 1.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD(use_ema=True, ema_momentum=1.5)",
        "ValueError",
        "SGD: ema_momentum: expected a number from 0 to 1; got 1.5.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD(use_ema=True, ema_overwrite_frequency=1.5)",
        "ValueError",
        "SGD: ema_overwrite_frequency: expected an integer of at least 1, or None; got 1.5.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD(momentum=1.5)",
        "ValueError",
        "SGD: momentum: expected a float from 0 to 1; got 1.5.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD(momentum='much')",
        "ValueError",
        "SGD: momentum: expected a float from 0 to 1; got str.",
    ),
    Wrong(
        "AdamW",
        "optimizers.AdamW(weight_decay=None)",
        "ValueError",
        "AdamW: weight_decay: expected a float; got None. Use Adam instead.",
    ),
    Wrong(
        "Lion",
        "optimizers.Lion(beta_1=0.0)",
        "ValueError",
        "Lion: beta_1: expected a number above 0 and up to 1; got 0.0. At 0 there is no momentum.",
    ),
    Wrong(
        "Ftrl",
        "optimizers.Ftrl(learning_rate_power=0.5)",
        "ValueError",
        "Ftrl: learning_rate_power: expected 0 or less; got 0.5.",
    ),
    Wrong(
        "Ftrl",
        "optimizers.Ftrl(l1_regularization_strength=-1.0)",
        "ValueError",
        "Ftrl: l1_regularization_strength: expected 0 or more; got -1.0.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD().apply([[1.0]])",
        "ValueError",
        "SGD: apply needs the variables the first time: apply(grads, variables), or build(variables) before it.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD('0.1')",
        "ValueError",
        "SGD: learning_rate: expected a float, a LearningRateSchedule, or a function that gives the current learning rate; got str.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD(None)",
        "ValueError",
        "SGD: learning_rate: expected a float, a LearningRateSchedule, or a function that gives the current learning rate; got NoneType.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD(True)",
        "ValueError",
        "SGD: learning_rate: expected a float, a LearningRateSchedule, or a function that gives the current learning rate; got bool.",
    ),
    Wrong(
        "get",
        "optimizers.get('adan')",
        "ValueError",
        "optimizers: unknown optimizer 'adan'. Did you mean 'adam'?",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD().stateless_apply([], [], [])",
        "ValueError",
        "SGD: stateless_apply needs a built optimizer: call build(trainable_variables).",
    ),
    Wrong(
        "Adam",
        "optimizers.Adam().set_weights([])",
        "ValueError",
        "Adam: set_weights needs a built optimizer: call build(trainable_variables).",
    ),
    Wrong(
        "Optimizer",
        "optimizers.Optimizer(0.1, rho=0.5)",
        "ValueError",
        "Optimizer: unknown argument 'rho'. It takes learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD().apply([[1.0, 1.0], [1.0, 1.0]], [polynet.Variable([1.0, 2.0], name='w')])",
        "ValueError",
        "SGD: expected one gradient for each variable; got 2 gradients for 1 variables.",
    ),
    Wrong(
        "SGD",
        "optimizers.SGD().apply([[1.0, 1.0, 1.0]], [polynet.Variable([1.0, 2.0], name='w')])",
        "ShapeError",
        "SGD: Variable 'w' has shape (2,); got a gradient of shape (3,).",
    ),
    Wrong(
        "Adam",
        "optimizers.Adam().apply([None], [polynet.Variable([1.0, 2.0], name='w')])",
        "ValueError",
        "Adam: all 1 gradients are None. Does the loss depend on the variables, and was it computed inside the tape?",
    ),
    Wrong(
        "ExponentialDecay",
        "optimizers.schedules.ExponentialDecay(0.1, 0, 0.5)",
        "ValueError",
        "ExponentialDecay: decay_steps: expected more than 0; got 0.",
    ),
    Wrong(
        "CosineDecay",
        "optimizers.schedules.CosineDecay(0.1, -1)",
        "ValueError",
        "CosineDecay: decay_steps: expected more than 0; got -1.",
    ),
    Wrong(
        "CosineDecayRestarts",
        "optimizers.schedules.CosineDecayRestarts(0.1, 0)",
        "ValueError",
        "CosineDecayRestarts: first_decay_steps: expected more than 0; got 0.",
    ),
    Wrong(
        "PiecewiseConstantDecay",
        "optimizers.schedules.PiecewiseConstantDecay([1], [0.1])",
        "ValueError",
        "PiecewiseConstantDecay: values: expected one more than the 1 boundaries; got 1.",
    ),
    Wrong(
        "LearningRateSchedule",
        "optimizers.schedules.LearningRateSchedule()(1)",
        "NotImplementedError",
        "LearningRateSchedule: write __call__(self, step).",
    ),
    Wrong(
        "PolynomialDecay",
        "optimizers.schedules.PolynomialDecay(0.1, 0)",
        "ValueError",
        "PolynomialDecay: decay_steps: expected more than 0; got 0.",
    ),
    Wrong(
        "InverseTimeDecay",
        "optimizers.schedules.InverseTimeDecay(0.1, 0, 0.5)",
        "ValueError",
        "InverseTimeDecay: decay_steps: expected more than 0; got 0.",
    ),
]
