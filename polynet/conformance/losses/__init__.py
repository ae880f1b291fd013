"""Losses: what is checked of each row.  The rows are in ``table.py``, what formulas give for them is stored."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from polynet.backend import Backend
from polynet.conformance import stored
from polynet.conformance.losses import table
from polynet.conformance.losses.table import Row
from polynet.conformance.stored import host, near
from polynet.conformance.suite import NotApplicable
from polynet.values import dtype_of


class Trial:
    """A row about a loss on a backend, and what its checks share."""

    def __init__(self, row: Row, backend: Backend) -> None:
        self.row = row
        self.backend = backend

    @functools.cached_property
    def each(self) -> np.ndarray:
        """What the formula gives for each example."""
        return np.asarray(stored.expected("losses", self.row.id)["each"])

    def function(self, y_true: Any, y_pred: Any) -> Any:
        """The loss as a function."""
        from polynet import losses

        return getattr(losses, self.row.function)(y_true, y_pred, **self.row.arguments)

    def make(self, **kwargs: Any) -> Any:
        """The loss as an object."""
        from polynet import losses

        return getattr(losses, self.row.name)(**self.row.arguments, **kwargs)

    def tensors(self) -> tuple[Any, Any]:
        """New tensors of targets and outputs."""
        from polynet import ops

        y_true, y_pred = self.row.y_true.copy(), self.row.y_pred.copy()
        return ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)

    @property
    def counted(self) -> np.ndarray:
        """The examples that count in a mean."""
        return self.each[self.each > 0] if self.leaves_out else self.each

    @property
    def leaves_out(self) -> bool:
        """Does the loss itself say that examples do not count, whose losses are 0?"""
        return self.row.name == "Circle" or "ignore_class" in self.row.arguments

    def need_examples(self) -> None:
        """Raise ``NotApplicable`` where weights and masks of examples have no place."""
        if self.each.ndim == 0 or self.leaves_out:
            raise NotApplicable("one number for the batch, or another way to count")

    def snippet(self) -> str:
        """A program that computes the loss, to paste into an interpreter."""
        more = "".join(f", {part}" for part in [stored.keywords(self.row.arguments)] if part)
        return stored.program(
            self.backend,
            "from polynet import losses",
            f"y_true = {stored.literal(self.row.y_true)}",
            f"y_pred = {stored.literal(self.row.y_pred)}",
            f"print(losses.{self.row.function}(y_true, y_pred{more}))",
            f"# expected: {self.each.tolist()}",
        )


def reduced(each: np.ndarray, weight: np.ndarray, mask: np.ndarray, reduction: str | None) -> Any:
    """What a reduction makes of the losses of examples."""
    weighed = each * weight * mask
    if reduction in (None, "none"):
        return weighed
    if reduction == "sum":
        return weighed.sum()
    by = (weight * mask).sum() if reduction == "mean_with_sample_weight" else mask.sum()
    return weighed.sum() / by


REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


# ------------------------------------------------------------------------------------ the checks


def check_values(trial: Trial) -> None:
    """The function on arrays, tensors and lists, beside the formula; and the dtype of its result."""
    row = trial.row
    for t, p in ((row.y_true, row.y_pred), trial.tensors(), (row.y_true.tolist(), row.y_pred)):
        found = trial.function(t, p)
        stored.equal(dtype_of(found), "float32", "the dtype")
        near(host(found), trial.each, f"of {type(t).__name__} and {type(p).__name__}", 2e-5, 2e-6)


def check_reductions(trial: Trial) -> None:
    """The class with each reduction, beside the formula."""
    for reduction in REDUCTIONS:
        each = trial.each if reduction in ("sum", "none", None) else trial.counted
        wanted = reduced(each, np.ones(each.shape), np.ones(each.shape), reduction)
        found = trial.make(reduction=reduction)(*trial.tensors())
        near(host(found), wanted, f"reduction={reduction!r}", 2e-5, 2e-6)


def check_weights(trial: Trial) -> None:
    """Sample weights, beside the formula."""
    trial.need_examples()
    weight = np.linspace(0.2, 1.7, len(trial.each)).astype("float32")
    full = np.broadcast_to(weight.reshape(-1, *[1] * (trial.each.ndim - 1)), trial.each.shape)
    for reduction in REDUCTIONS[:4]:
        wanted = reduced(trial.each, full, np.ones(trial.each.shape), reduction)
        found = trial.make(reduction=reduction)(*trial.tensors(), weight)
        near(host(found), wanted, f"weighed, reduction={reduction!r}", 2e-5, 2e-6)


def check_masks(trial: Trial) -> None:
    """The mask that the outputs carry, with and without weights, beside the formula."""
    from polynet import masking, ops

    trial.need_examples()
    if trial.each.shape != trial.row.y_pred.shape[: trial.each.ndim]:
        raise NotApplicable("the losses are not those of the first axes")
    kept = np.arange(trial.each.size).reshape(trial.each.shape) % 3 != 1
    weight = np.linspace(0.2, 1.7, len(trial.each)).astype("float32")
    full = np.broadcast_to(weight.reshape(-1, *[1] * (trial.each.ndim - 1)), trial.each.shape)
    for reduction in REDUCTIONS[:4]:
        for given in (None, weight):
            y_true, y_pred = trial.tensors()
            masking.set_mask(y_pred, ops.convert_to_tensor(kept))
            by = np.ones(trial.each.shape) if given is None else full
            wanted = reduced(trial.each, by, kept, reduction)
            found = trial.make(reduction=reduction)(y_true, y_pred, given)
            near(host(found), wanted, f"masked, reduction={reduction!r}", 2e-5, 2e-6)


def check_gradients(trial: Trial) -> None:
    """Derivatives by the outputs, beside differences of the formula."""
    import polynet
    from polynet import ops

    y_true, y_pred = trial.tensors()
    found = polynet.grad(lambda p: ops.sum(trial.function(y_true, p)))(y_pred)
    wanted = stored.expected("losses", trial.row.id)["gradient"]
    near(host(found), wanted, "the gradient", 2e-3, 2e-4)


def check_config(trial: Trial) -> None:
    """What a description, as JSON, makes has the same arguments and gives the same; names lead to the loss."""
    from polynet import losses

    made = trial.make(dtype="float32")
    described = json.loads(json.dumps(losses.serialize(made)))
    again = losses.deserialize(described)
    stored.equal(type(again), type(made), "the class of what the description makes")
    stored.equal(again.get_config(), made.get_config(), "its description")
    found = again(*trial.tensors())
    near(host(found), host(made(*trial.tensors())), "what it gives", 0, 0)
    stored.equal(type(losses.get({"class_name": trial.row.name, "config": {}})), type(made), "get")
    by_name = losses.get(trial.row.function)
    if isinstance(by_name, losses.Loss):  # its function needs an argument more
        stored.equal(type(by_name), type(made), f"get({trial.row.function!r})")
    else:
        function = getattr(losses, trial.row.function)
        stored.equal(by_name, function, f"get({trial.row.function!r})")
        stored.equal(losses.deserialize(losses.serialize(function)), function, "a description")


def check_dtypes(trial: Trial) -> None:
    """The class computes, and gives its result, in its own dtype, whatever the outputs have."""
    from polynet import ops

    y_true, y_pred = trial.tensors()
    for dtype in ("float16", "bfloat16"):
        if dtype in trial.backend.dtypes:
            found = trial.make(dtype="float32")(y_true, ops.cast(y_pred, dtype))
            stored.equal(dtype_of(found), "float32", f"the dtype for outputs of {dtype}")
            stored.equal(dtype_of(trial.make(dtype=dtype)(y_true, y_pred)), dtype, "the dtype")


def check_float64(trial: Trial) -> None:
    """The class in float64, beside the formula."""
    stored.needs_double(trial.backend)
    found = trial.make(dtype="float64", reduction=None)(
        trial.row.y_true, trial.row.y_pred.astype("float64")
    )
    stored.equal(dtype_of(found), "float64", "the dtype")
    near(host(found), trial.each, "in float64", 1e-7, 1e-8)


def check_compiled(trial: Trial) -> None:
    """The loss in a compiled function."""
    import polynet

    stored.needs_compiler(trial.backend)
    found = polynet.jit(lambda t, p: trial.function(t, p))(*trial.tensors())
    near(host(found), trial.each, "compiled", 2e-5, 2e-6)


CHECKS = {
    "values": check_values,
    "reductions": check_reductions,
    "weights": check_weights,
    "masks": check_masks,
    "dtypes": check_dtypes,
    "config": check_config,
    "gradients": check_gradients,
    "float64": check_float64,
    "compiled": check_compiled,
}


# ------------------------------------------------------------------------------------ the subject


def tier(row: Any, check: str) -> str:
    """Gradients are part of training."""
    if check in ("compiled", "float64"):
        return "full"
    return "train" if check == "gradients" else "nn"


def names() -> Iterable[str]:
    """The classes, and the functions that no row about a class is about too."""
    from polynet import losses

    functions = {row.function for row in table.ROWS}
    others = {"get", "serialize", "deserialize"}
    return [name for name in losses.__all__ if name not in functions | others]


SUBJECT = stored.subject(
    name="losses",
    rows=lambda: [*table.ROWS, *table.WRONG],
    trial=Trial,
    checks=CHECKS,
    tier=tier,
    names=names,
    exempt={
        "LossFunctionWrapper": "the base class of those around a function",
    },
)
