"""What tests of optimizers and schedules run: a table of constructors, weights and gradients. No tests here.

The expected values are Keras's own; `python tests/oracle/write_optimizers.py` writes them to
`tests/data/optimizers.json`, and `tests/oracle/test_optimizers_beside_keras.py` computes them anew.
"""

import numpy as np

STEPS = 20
SHAPES = {
    "dense/kernel": (3, 4),
    "dense/bias": (4,),
    "embedding/tall": (5, 2),
    "conv/kernel": (2, 2, 3),
}

# id: (class, arguments); a schedule is a pair of its class and its arguments
ROWS = {
    "sgd": ("SGD", {}),
    "sgd-momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    "sgd-nesterov": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "adam": ("Adam", {}),
    "adam-settings": (
        "Adam",
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3},
    ),
    "adam-amsgrad": ("Adam", {"learning_rate": 0.02, "beta_2": 0.5, "amsgrad": True}),
    "adamw": ("AdamW", {"learning_rate": 0.02, "weight_decay": 0.1}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.02}),
    "rmsprop-momentum": ("RMSprop", {"learning_rate": 0.02, "rho": 0.7, "momentum": 0.5}),
    "rmsprop-centered": ("RMSprop", {"learning_rate": 0.02, "momentum": 0.5, "centered": True}),
    "adagrad": ("Adagrad", {"learning_rate": 0.05}),
    "adagrad-settings": (
        "Adagrad",
        {"learning_rate": 0.05, "initial_accumulator_value": 1.0, "epsilon": 0.01},
    ),
    "adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "adadelta-settings": ("Adadelta", {"learning_rate": 0.5, "rho": 0.5, "epsilon": 1e-3}),
    "adamax": ("Adamax", {"learning_rate": 0.02}),
    "adamax-settings": (
        "Adamax",
        {"learning_rate": 0.02, "beta_1": 0.5, "beta_2": 0.6, "epsilon": 1e-3},
    ),
    "nadam": ("Nadam", {"learning_rate": 0.02}),
    "nadam-settings": ("Nadam", {"learning_rate": 0.02, "beta_1": 0.6, "beta_2": 0.9}),
    "ftrl": ("Ftrl", {"learning_rate": 0.05}),
    "ftrl-settings": (
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
    "lion": ("Lion", {"learning_rate": 0.01}),
    "lion-settings": ("Lion", {"learning_rate": 0.01, "beta_1": 0.6, "beta_2": 0.8}),
    "lamb": ("Lamb", {"learning_rate": 0.02}),
    "adafactor": ("Adafactor", {"learning_rate": 0.3}),
    "adafactor-settings": (
        "Adafactor",
        {"learning_rate": 0.2, "beta_2_decay": -0.5, "epsilon_2": 0.1, "clip_threshold": 0.5},
    ),
    "adafactor-absolute": ("Adafactor", {"learning_rate": 0.2, "relative_step": False}),
    "schedule-free": ("ScheduleFreeAdamW", {"learning_rate": 0.02}),
    "schedule-free-warmup": (
        "ScheduleFreeAdamW",
        {"learning_rate": 0.02, "warmup_steps": 8, "weight_decay": 0.1},
    ),
    "muon": ("Muon", {"learning_rate": 0.02}),
    "muon-settings": (
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
    "weight-decay": ("SGD", {"learning_rate": 0.05, "weight_decay": 0.3, "momentum": 0.5}),
    "clipnorm": ("SGD", {"learning_rate": 0.05, "clipnorm": 0.7}),
    "clipvalue": ("SGD", {"learning_rate": 0.05, "clipvalue": 0.3}),
    "global-clipnorm": ("SGD", {"learning_rate": 0.05, "global_clipnorm": 1.5}),
    "global-clipnorm-unused": ("SGD", {"learning_rate": 0.05, "global_clipnorm": 1e4}),
    "loss-scale": ("SGD", {"learning_rate": 0.05, "loss_scale_factor": 8.0}),
    "ema": ("SGD", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.7}),
    "ema-overwrite": (
        "Adam",
        {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3},
    ),
    "accumulation": (
        "Adam",
        {"learning_rate": 0.05, "gradient_accumulation_steps": 3, "weight_decay": 0.1},
    ),
    "accumulation-clipped": (
        "SGD",
        {"learning_rate": 0.05, "gradient_accumulation_steps": 4, "clipnorm": 0.3},
    ),
    "accumulation-ema": (
        "SGD",
        {
            "learning_rate": 0.05,
            "gradient_accumulation_steps": 2,
            "use_ema": True,
            "ema_momentum": 0.7,
        },
    ),
    "schedule": (
        "SGD",
        {"learning_rate": ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 15})},
    ),
    "schedule-decayed": (
        "AdamW",
        {
            "learning_rate": (
                "PolynomialDecay",
                {"initial_learning_rate": 0.1, "decay_steps": 15, "power": 2.0},
            ),
            "weight_decay": 0.1,
        },
    ),
}

# class, arguments
SCHEDULES = {
    "exponential": ("ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.6}),
    "exponential-staircase": (
        "ExponentialDecay",
        {"decay_steps": 7, "decay_rate": 0.6, "staircase": True},
    ),
    "inverse": ("InverseTimeDecay", {"decay_steps": 7, "decay_rate": 0.6}),
    "inverse-staircase": (
        "InverseTimeDecay",
        {"decay_steps": 7, "decay_rate": 0.6, "staircase": True},
    ),
    "polynomial": ("PolynomialDecay", {"decay_steps": 30}),
    "polynomial-power": (
        "PolynomialDecay",
        {"decay_steps": 30, "end_learning_rate": 0.05, "power": 0.5},
    ),
    "polynomial-cycle": ("PolynomialDecay", {"decay_steps": 20, "power": 2.0, "cycle": True}),
    "cosine": ("CosineDecay", {"decay_steps": 30}),
    "cosine-alpha": ("CosineDecay", {"decay_steps": 30, "alpha": 0.1}),
    "cosine-warmup": (
        "CosineDecay",
        {"decay_steps": 30, "warmup_target": 0.9, "warmup_steps": 12, "alpha": 0.1},
    ),
    "restarts": ("CosineDecayRestarts", {"first_decay_steps": 7}),
    "restarts-same": ("CosineDecayRestarts", {"first_decay_steps": 7, "t_mul": 1.0, "m_mul": 0.7}),
    "restarts-all": (
        "CosineDecayRestarts",
        {"first_decay_steps": 7, "t_mul": 1.5, "m_mul": 0.7, "alpha": 0.1},
    ),
    "piecewise": (
        "PiecewiseConstantDecay",
        {"boundaries": [10, 20, 40], "values": [1.0, 0.5, 0.25, 0.1]},
    ),
}
SCHEDULE_STEPS = [0, 1, 3, 5, 6, 7, 8, 10, 11, 14, 15, 19, 20, 21, 30, 31, 39, 40, 41, 42, 49, 60]


def arguments_of_schedule(row):
    """The arguments of a schedule's row, a first learning rate included."""
    name, kwargs = SCHEDULES[row]
    first = {} if name == "PiecewiseConstantDecay" else {"initial_learning_rate": 0.5}
    return name, {**first, **kwargs}


def weights():
    """The first values of the weights, by path."""
    return {
        path: np.cos(np.arange(np.prod(shape)) * 1.7 + i).reshape(shape).astype("float32")
        for i, (path, shape) in enumerate(SHAPES.items())
    }


def gradients(step):
    """The gradients of a step, in the order of the weights."""
    return [
        (np.sin(np.arange(np.prod(shape)) * 2.3 + i + 0.7 * step) * (1 + i))
        .reshape(shape)
        .astype("float32")
        for i, shape in enumerate(SHAPES.values())
    ]


def construct(optimizers, row):
    """The optimizer of a row, of a module like `keras.optimizers`."""
    name, kwargs = ROWS[row]
    rate = kwargs.get("learning_rate")
    if isinstance(rate, tuple):
        kwargs = {**kwargs, "learning_rate": getattr(optimizers.schedules, rate[0])(**rate[1])}
    return getattr(optimizers, name)(**kwargs)


def run(framework, row, steps=STEPS):
    """An optimizer and its variables after some steps."""
    optimizer = construct(framework.optimizers, row)
    variables = []
    for path, value in weights().items():
        scope, name = path.split("/")
        with framework.name_scope(scope):
            variables.append(framework.Variable(value, name=name))
    optimizer.build(variables)
    for step in range(steps):
        optimizer.apply([framework.ops.convert_to_tensor(g) for g in gradients(step)], variables)
    return optimizer, variables
