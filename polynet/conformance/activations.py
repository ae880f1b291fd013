"""Activations: rows about values, derivatives and names; most are ops, whose own rows say more.

What each row expects is in ``golden/activations.json``; the formulas are in ``tests/oracle/activation_formulas.py``.
"""

# ruff: noqa: E501 - messages stand here as they are read

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.conformance import stored
from polynet.conformance.stored import Wrong, host, near
from polynet.conformance.suite import NotApplicable
from polynet.values import dtype_of

X = np.array([-7.5, -2.0, -0.5, 0.0, 0.25, 1.0, 1.5, 3.5, 6.5, 20.0], "float32")
"""Where values are compared."""
SMOOTH = np.array([-3.7, -2.2, -0.4, 0.3, 0.7, 1.7, 4.2, 7.0], "float32")
"""Where derivatives are: away from every kink."""


@dataclasses.dataclass(frozen=True)
class Row:
    """An activation and its further arguments."""

    name: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name and arguments."""
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.arguments.items())])


ROWS = [
    Row("linear"),
    Row("exponential"),
    Row("relu"),
    Row("relu", {"negative_slope": 0.1}),
    Row("relu", {"max_value": 5.0}),
    Row("relu", {"threshold": 1.0}),
    Row("relu", {"negative_slope": 0.1, "max_value": 5.0, "threshold": 1.0}),
    Row("gelu"),
    Row("gelu", {"approximate": True}),
    Row("mish"),
    Row("celu"),
    Row("elu"),
    Row("elu", {"alpha": 2.0}),
    Row("hard_shrink"),
    Row("hard_sigmoid"),
    Row("hard_silu"),
    Row("hard_swish"),
    Row("hard_tanh"),
    Row("leaky_relu"),
    Row("log_sigmoid"),
    Row("log_softmax"),
    Row("relu6"),
    Row("selu"),
    Row("sigmoid"),
    Row("silu"),
    Row("soft_shrink"),
    Row("softmax"),
    Row("softplus"),
    Row("softsign"),
    Row("sparse_plus"),
    Row("sparse_sigmoid"),
    Row("sparsemax"),
    Row("squareplus"),
    Row("swish"),
    Row("tanh"),
    Row("tanh_shrink"),
    Row("threshold", {"threshold": 1.0, "default_value": -3.0}),
    Row("glu"),
]

WRONG = [
    Wrong(
        "relu",
        "activations.get('rellu')",
        "ValueError",
        "activations: unknown activation 'rellu'. Did you mean 'relu'?",
    ),
    Wrong(
        "relu",
        "activations.get(3)",
        "ValueError",
        "activations: expected a name, a description, a class, an object or a function; got int.",
    ),
    Wrong(
        "linear",
        "activations.get('get')",
        "ValueError",
        "activations: unknown activation 'get'. Known: celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_swish, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, swish, tanh, tanh_shrink, threshold.",
    ),
    Wrong(
        "linear",
        "activations.deserialize({'class_name': 'function', 'config': 'deserialize'})",
        "ValueError",
        "activations: unknown name 'deserialize'. Did you mean 'serialize'? Hand in what is yours by custom_objects, or register it with polynet.saving.register_serializable.",
    ),
    Wrong(
        "linear",
        "activations.deserialize('twice')",
        "ValueError",
        "activations: unknown activation 'twice'. Known: celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_swish, hard_tanh, leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, swish, tanh, tanh_shrink, threshold.",
    ),
    Wrong(
        "softmax",
        "activations.softmax(np.ones((2, 3), 'float32'), axis=2)",
        "AxisError",
        "softmax: axis: 2 is out of range for a tensor of 2 dimensions; expected -2 to 1.",
    ),
    Wrong(
        "glu",
        "activations.glu(np.ones((3,), 'float32'))",
        "ShapeError",
        "glu: x: axis -1 of shape (3,) is split in two halves, and so its length must be even.",
    ),
    Wrong(
        "relu",
        "activations.relu('text')",
        "DTypeError",
        "relu: x: expected a tensor or numbers; got str.",
    ),
    Wrong(
        "elu",
        "activations.elu(np.ones(3, 'float32'), alfa=2.0)",
        "TypeError",
        "elu() got an unexpected keyword argument 'alfa'",
    ),
]


class Trial:
    """An activation on a backend."""

    def __init__(self, row: Row, backend: Backend) -> None:
        self.row = row
        self.backend = backend

    @functools.cached_property
    def expected(self) -> Any:
        """What the formula gives."""
        return stored.expected("activations", self.row.id)

    def call(self, x: Any) -> Any:
        """The activation of a tensor."""
        from polynet import activations

        return getattr(activations, self.row.name)(x, **self.row.arguments)

    def snippet(self) -> str:
        """A program that makes the call, to paste into an interpreter."""
        more = "".join(f", {part}" for part in [stored.keywords(self.row.arguments)] if part)
        return stored.program(
            self.backend,
            "from polynet import activations",
            f"print(activations.{self.row.name}({stored.literal(X)}{more}))",
            f"# expected: {self.expected['values']}",
        )


def check_values(trial: Trial) -> None:
    """The values, beside the formula's, and their dtype."""
    from polynet import ops

    found = trial.call(ops.convert_to_tensor(X.copy()))
    stored.equal(dtype_of(found), "float32", "the dtype")
    near(host(found), trial.expected["values"], "the values", 2e-6, 2e-6)


def check_gradients(trial: Trial) -> None:
    """The derivatives of the sum, beside differences of the formula."""
    import polynet
    from polynet import ops

    found = polynet.grad(lambda x: ops.sum(trial.call(x)))(ops.convert_to_tensor(SMOOTH.copy()))
    near(host(found), trial.expected["slopes"], "the derivatives", 1e-4, 1e-5)


def check_names(trial: Trial) -> None:
    """The name leads to the function, and so do its descriptions."""
    import polynet
    from polynet import activations

    if trial.row.arguments:
        raise NotApplicable("a row about arguments")
    function = getattr(activations, trial.row.name)
    for identifier in (trial.row.name, function, polynet.configurable.serialize(function)):
        stored.equal(activations.get(identifier), function, f"get({identifier!r})")
    described = json.loads(json.dumps(activations.serialize(function)))
    stored.equal(activations.deserialize(described), function, "what the description means")


CHECKS = {"values": check_values, "names": check_names, "gradients": check_gradients}


def tier(row: Any, check: str) -> str:
    """Derivatives are part of training."""
    return "train" if check == "gradients" else "nn"


def names() -> Iterable[str]:
    """All activations."""
    from polynet import activations

    return [n for n in activations.__all__ if n not in ("get", "serialize", "deserialize")]


SUBJECT = stored.subject(
    name="activations",
    rows=lambda: [*ROWS, *WRONG],
    trial=Trial,
    checks=CHECKS,
    tier=tier,
    names=names,
)
