"""What ``compile`` was given, made ready: the loss and the metrics of each output.

Losses and metrics come as names, objects, functions, lists or dicts; here they are found, matched with the model's
outputs and computed.  No loss and no metric is defined in this file, and no step is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from polynet import errors, losses, metrics, ops, tree
from polynet.losses import Loss
from polynet.metrics import Mean, Metric
from polynet.ranges import check_between, check_range
from polynet.training.finite import FiniteGuard
from polynet.values import shape_of

ACCURACY = {"accuracy": "accuracy", "acc": "accuracy"}
CROSSENTROPY = {"crossentropy": "crossentropy", "ce": "crossentropy"}
_BY_SHAPES = {
    "accuracy": {
        "binary": metrics.BinaryAccuracy,
        "sparse": metrics.SparseCategoricalAccuracy,
        "categorical": metrics.CategoricalAccuracy,
    },
    "crossentropy": {
        "binary": metrics.BinaryCrossentropy,
        "sparse": metrics.SparseCategoricalCrossentropy,
        "categorical": metrics.CategoricalCrossentropy,
    },
}


# ------------------------------------------------------------------------------------------ outputs


def named_outputs(y_pred: Any, names: Sequence[str]) -> list[tuple[str, Any]]:
    """The outputs of a model in order, each with its name."""
    if isinstance(y_pred, dict):
        return [(str(path[-1]), value) for path, value in tree.flatten_with_path(y_pred)]
    if isinstance(y_pred, list | tuple):
        leaves = tree.flatten(y_pred)
        known = list(names) if len(names) == len(leaves) else []
        return [(known[i] if known else f"output_{i + 1}", leaf) for i, leaf in enumerate(leaves)]
    return [(names[0] if len(names) == 1 else "output", y_pred)]


def by_output(
    given: Any, names: Sequence[str], what: str, single: Callable[[Any], bool]
) -> list[Any]:
    """What was given for each of the outputs: one for all, or a list or dict with one for each."""
    if given is None:
        return [None] * len(names)
    if isinstance(given, dict):
        unknown = [key for key in given if key not in names]
        if unknown:
            raise ValueError(
                f"compile: {what}: unknown output {unknown[0]!r}.{errors.closest(unknown[0], names)} "
                f"The outputs are {list(names)}."
            )
        return [given.get(name) for name in names]
    if single(given):
        return [given] * len(names)
    if len(names) == 1 and len(given) != 1:
        return [given]
    if len(given) != len(names):
        raise ValueError(
            f"compile: {what}: expected one for each of the {len(names)} outputs {list(names)}; got {len(given)}."
        )
    return list(given)


def _matching(
    values: Any, names: Sequence[str], y_pred: Any, what: str, unneeded: Sequence[str] = ()
) -> list[Any]:
    """Targets or weights in the order of the outputs; a dict may lack those of the ``unneeded`` ones."""
    if values is None:
        return [None] * len(names)
    if isinstance(values, dict):
        if len(names) == len(values) == 1:
            return list(values.values())
        missing = [name for name in names if name not in values and name not in unneeded]
        if missing:
            raise ValueError(
                f"{what}: nothing is given for output {missing[0]!r}; got the keys {sorted(map(str, values))}."
            )
        return [values.get(name) for name in names]
    if isinstance(values, list | tuple) and (len(names) > 1 or len(values) == 1):
        if len(values) != len(names):
            raise ValueError(
                f"{what}: expected one for each of the {len(names)} outputs {list(names)}; got {len(values)}."
            )
        return list(values)
    if len(names) > 1 and isinstance(y_pred, list | tuple | dict):
        raise ValueError(
            f"{what}: expected a list or dict with one for each of the {len(names)} outputs {list(names)}; "
            f"got {type(values).__name__}."
        )
    return [values]


# ------------------------------------------------------------------------------------------ the loss

BINARY = -1
"""Stands for the number of classes where labels lie between 0 and 1."""


class FunctionLoss(Loss):
    """A function of ``(y_true, y_pred)`` as a loss."""

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        super().__init__(name=name or getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The function's values."""
        return self.function(y_true, y_pred)


def as_loss(given: Any) -> Loss | None:
    """A loss from a name, a description, a function or a loss."""
    found = losses.get(given)
    if found is None or isinstance(found, Loss):
        return found
    return FunctionLoss(found)


def _is_single(given: Any) -> bool:
    return not isinstance(given, list | tuple)


class CompiledLoss:
    """The sum of the losses of all outputs.

    Args:
        loss: a name, a loss, a function, or a list or dict of them by output.
        weights: a factor, or a list or dict of them by output.
    """

    def __init__(self, loss: Any, weights: Any = None) -> None:
        self.given, self.weights = loss, weights
        self.found = tree.map_structure(as_loss, _listed(loss))  # unknown names are found at once
        self.parts: list[Mean] = []
        self._part_of: dict[str, Mean] = {}
        self._names: list[str] | None = None
        self._losses: list[Any] = []
        self._unneeded: list[str] = []
        self._labels: list[tuple[int, str, int, Any]] = []
        """Which outputs have integer labels: place, name, how many classes, which label is ignored."""
        self._factors: list[Any] = []

    def build(self, names: list[str]) -> None:
        """Match losses and factors with the outputs of these names."""
        given: Any = self.found
        if _is_single(self.given) and not isinstance(self.given, dict):
            given = tree.flatten(self.found)[0]
        self._losses = by_output(given, names, "loss", _is_single)
        self._factors = by_output(self.weights, names, "loss_weights", _is_single)
        self._names = names
        self._unneeded = [
            name for name, loss in zip(names, self._losses, strict=True) if loss is None
        ]
        if len(names) > 1:
            given_names = [
                n for n, loss in zip(names, self._losses, strict=True) if loss is not None
            ]
            # the only loss is the total
            own = given_names if len(given_names) > 1 else []
            self._part_of = {name: Mean(name=f"{name}_loss") for name in own}
            self.parts = list(self._part_of.values())

    def count_classes(self, y_pred: Any) -> None:
        """Note the number of classes of each output whose labels are integers, from its shape."""
        rows = zip(self._names or (), self._losses, tree.flatten(y_pred), strict=True)
        self._labels = [
            (place, name, count, getattr(loss, "ignore_class", None))
            for place, (name, loss, output) in enumerate(rows)
            if (count := _classes_of(loss, tuple(output.shape))) is not None
        ]

    def check_labels(self, y_true: Any, y_pred: Any) -> None:
        """Refuse integer labels beyond the number of classes, where their values are at hand."""
        if not self._labels or self._names is None:
            return
        targets = _matching(y_true, self._names, y_pred, "y", self._unneeded)
        for place, name, count, ignored in self._labels:
            y = targets[place]
            if y is None:
                continue
            if count == BINARY:
                check_between(y, 0, 1, f"fit: y: labels of output {name!r}")
            else:
                where = f"fit: y: labels of output {name!r}, which has {count} classes"
                check_range(y, count, where, ignored)

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any, output_names: Sequence[str]
    ) -> Any:
        """The loss of a batch."""
        outputs = named_outputs(y_pred, output_names)
        names = [name for name, _ in outputs]
        if self._names != names:
            self.build(names)
        targets = _matching(y_true, names, y_pred, "y", self._unneeded)
        weights = _matching(_for_all(sample_weight, names), names, y_pred, "sample_weight")
        total: Any = None
        for i, (name, prediction) in enumerate(outputs):
            loss = self._losses[i]
            if loss is None:
                continue
            if targets[i] is None:
                raise ValueError(f"fit: y: the loss of output {name!r} needs targets; got None.")
            value = loss(targets[i], prediction, sample_weight=weights[i])
            if name in self._part_of:
                self._part_of[name].update_state(value, sample_weight=_length(prediction))
            if self._factors[i] is not None:
                value = value * self._factors[i]
            total = value if total is None else ops.add(total, value)
        return total


def _classes_of(loss: Any, shape: tuple[Any, ...]) -> int | None:
    """From how many classes the targets of this loss choose; ``None`` where they are other numbers."""
    function = getattr(loss, "function", None)
    if isinstance(loss, losses.BinaryCrossentropy) or function is losses.binary_crossentropy:
        return BINARY
    sparse = losses.SparseCategoricalCrossentropy, losses.sparse_categorical_crossentropy
    if (isinstance(loss, sparse[0]) or function is sparse[1]) and shape[-1:] != (None,):
        return int(shape[-1])
    return None


def _listed(loss: Any) -> Any:
    """A loss by itself, in a list, so that it is not taken for a tree."""
    if isinstance(loss, dict) and "class_name" not in loss:
        return dict(loss)
    if isinstance(loss, list | tuple):
        return list(loss)
    return [losses.get(loss)]


def _for_all(sample_weight: Any, names: list[str]) -> Any:
    """One array of sample weights counts for every output."""
    if sample_weight is None or isinstance(sample_weight, list | tuple | dict):
        return sample_weight
    return [sample_weight] * len(names)


def _length(x: Any) -> Any:
    shape = shape_of(x)
    return shape[0] if shape else 1


# ------------------------------------------------------------------------------------------ the metrics


class _Late:
    """A metric whose class follows from the shapes: ``"accuracy"``."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind


def as_metric(given: Any) -> Any:
    """A metric from a name, a description, a function or a metric."""
    if isinstance(given, str):
        for kind in (ACCURACY, CROSSENTROPY):
            if given in kind:
                return _Late(given, kind[given])
    found = metrics.get(given)
    if found is None or isinstance(found, Metric):
        if isinstance(given, str) and found is not None:
            found.name = given  # logs say "mae" to whom said "mae"
        return found
    name = given if isinstance(given, str) else getattr(found, "__name__", "metric")
    return metrics.MeanMetricWrapper(found, name=name)


def _by_shapes(late: _Late, y_true: tuple[Any, ...], y_pred: tuple[Any, ...]) -> Metric:
    """Binary for one output unit; sparse for integer labels; categorical for one-hot labels."""
    kind = "categorical"
    if y_pred[-1:] == (1,):
        kind = "binary"
    elif len(y_true) < len(y_pred) or (y_true[-1:] == (1,) and y_pred[-1:] != (1,)):
        kind = "sparse"
    return _BY_SHAPES[late.kind][kind](name=late.name)


class CompiledMetrics:
    """The metrics of all outputs.

    Args:
        plain: metrics that do not look at sample weights.
        weighted: metrics that do.
    """

    def __init__(self, plain: Any, weighted: Any = None) -> None:
        self.given = [_ready(plain), _ready(weighted)]
        self.metrics: list[Metric] = []
        self.built = plain is None and weighted is None
        self._rows: list[tuple[int, Metric, bool]] = []
        self._names: list[str] = []

    def build(self, y_true: Any, y_pred: Any, output_names: Sequence[str]) -> None:
        """Match the metrics with the outputs; ``y_true`` and ``y_pred`` need only have shapes."""
        outputs = named_outputs(y_pred, output_names)
        names = [name for name, _ in outputs]
        targets = _matching(y_true, names, y_pred, "y", names)
        rows: list[tuple[int, Metric, bool]] = []
        for weighted, given in enumerate(self.given):
            for i, entry in enumerate(_metrics_by_output(given, names)):
                for metric in entry:
                    if targets[i] is None:
                        raise ValueError(
                            f"fit: y: the metrics of output {names[i]!r} need targets; got None."
                        )
                    shapes = tuple(targets[i].shape), tuple(outputs[i][1].shape)
                    if isinstance(metric, _Late):
                        metric = _by_shapes(metric, *shapes)
                    metric.build(*shapes)
                    rows.append((i, metric, bool(weighted)))
        self._rows, self._names = rows, names
        self.metrics = [metric for _, metric, _ in rows]
        self.built = True

    def update(
        self, y_true: Any, y_pred: Any, sample_weight: Any, output_names: Sequence[str]
    ) -> None:
        """Let every metric see a batch."""
        if not self.built:
            self.build(y_true, y_pred, output_names)
        if not self._rows:
            return
        outputs = [value for _, value in named_outputs(y_pred, output_names)]
        targets = _matching(y_true, self._names, y_pred, "y", self._names)
        weights = _matching(
            _for_all(sample_weight, self._names), self._names, y_pred, "sample_weight"
        )
        for i, metric, weighted in self._rows:
            if weighted and weights[i] is not None:
                metric.update_state(targets[i], outputs[i], sample_weight=weights[i])
            else:
                metric.update_state(targets[i], outputs[i])

    def results(self) -> dict[str, Any]:
        """Each metric's result by its name, with the output's name before it where there are several."""
        found: dict[str, Any] = {}
        for i, metric, weighted in self._rows:
            name = metric.name if len(self._names) == 1 else f"{self._names[i]}_{metric.name}"
            if name in found:
                name = (
                    f"weighted_{name}"
                    if weighted
                    else f"{name}_{sum(n.startswith(name) for n in found)}"
                )
            result = metric.result()
            if isinstance(result, dict):
                found.update(result)
            else:
                found[name] = result
        return found


def _ready(given: Any) -> Any:
    """Metrics in the structure in which they were given; unknown names are found at once."""
    if given is None:
        return None
    if isinstance(given, dict) and "class_name" not in given:
        return {name: _ready(entry) for name, entry in given.items()}
    if isinstance(given, list | tuple):
        return [_ready(entry) for entry in given]
    return as_metric(given)


def _metrics_by_output(given: Any, names: Sequence[str]) -> list[list[Any]]:
    """For each output the list of its metrics."""
    if given is None:
        return [[] for _ in names]
    nested = isinstance(given, list) and any(isinstance(entry, list) for entry in given)
    if isinstance(given, list) and not nested and (len(names) == 1 or len(given) != len(names)):
        if len(names) > 1:
            raise ValueError(
                f"compile: metrics: expected a list or dict with one entry for each of the {len(names)} outputs "
                f"{list(names)}; got a list of {len(given)}."
            )
        return [[entry for entry in given if entry is not None]]
    chosen = by_output(given, names, "metrics", lambda one: not isinstance(one, list))
    return [
        []
        if entry is None
        else [one for one in (entry if isinstance(entry, list) else [entry]) if one is not None]
        for entry in chosen
    ]


# ------------------------------------------------------------------------------------------ all of it


class Compiled:
    """What ``compile`` settled."""

    def __init__(
        self, optimizer: Any, loss: Any, loss_weights: Any, metrics: Any, weighted: Any
    ) -> None:
        self.optimizer = optimizer
        self.loss = None if loss is None else CompiledLoss(loss, loss_weights)
        self.metrics = CompiledMetrics(metrics, weighted)
        self.loss_tracker = Mean(name="loss")
        self.run_eagerly = False
        self.jit_compile: bool | None = None
        self.steps_per_execution = 1
        self.guard: FiniteGuard | None = None
        self.given: dict[str, Any] = {}
        self.outputs: Any = None
        self.functions: dict[Any, Any] = {}
        self.key: Any = None
