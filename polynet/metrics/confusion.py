"""Metrics of yes or no at thresholds: counts of right and wrong, precision, recall, areas under curves.

All of them add up the same four counts.  ``_Confusion`` sorts the predictions of a batch into the intervals between the
thresholds, which gives the counts at every threshold at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from polynet import errors, ops
from polynet.config import epsilon
from polynet.metrics.metric import Metric, aligned, weights_of
from polynet.metrics.total import Total

TRUE_POSITIVES, FALSE_POSITIVES = "true_positives", "false_positives"
TRUE_NEGATIVES, FALSE_NEGATIVES = "true_negatives", "false_negatives"


class _Confusion(Metric):
    """Adds up the counts named in ``kinds``, one number for each threshold.

    A prediction is positive if it is larger than the threshold.
    """

    kinds: ClassVar[tuple[str, ...]] = (
        TRUE_POSITIVES,
        FALSE_POSITIVES,
        TRUE_NEGATIVES,
        FALSE_NEGATIVES,
    )
    true_positives: Total
    false_positives: Total
    true_negatives: Total
    false_negatives: Total
    top_k: int | None = None
    class_id: int | None = None

    def _compare_with(self, thresholds: Sequence[float]) -> None:
        """Let these be the thresholds, in any order."""
        values = np.asarray(thresholds, "float64" if self.dtype == "float64" else "float32")
        order = np.argsort(values, kind="stable")
        self._sorted = values[order]
        self._places = None if (order == np.arange(len(order))).all() else np.argsort(order)

    def _add_counts(self, shape: Sequence[int]) -> None:
        for kind in self.kinds:
            setattr(self, kind, self.add_total(kind, shape))

    def _total(self, kind: str) -> Total:
        total: Total = getattr(self, kind)
        return total

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch.

        Args:
            y_true: labels; what is not 0 counts as 1.
            y_pred: scores of the same shape; where they have a mask, only what it keeps counts.
            sample_weight: broadcasts with them; weights of shape ``(n,)`` weigh whole samples.
        """
        self._add(*self._compared(y_true, y_pred, sample_weight, y_pred))

    def _compared(
        self, y_true: Any, y_pred: Any, sample_weight: Any, masked: Any
    ) -> tuple[Any, Any, Any]:
        """Which are true, how many thresholds each prediction exceeds, and the weights; ``masked`` may have a mask."""
        label, dtype = f"{type(self).__name__} {self.name!r}", str(self._sorted.dtype)
        y_true, y_pred = aligned(label, y_true, y_pred)
        weights = weights_of(label, y_pred.shape, sample_weight, dtype, masked)
        y_pred = ops.cast(y_pred, dtype)
        exceeded = ops.searchsorted(self._sorted, y_pred)
        positive = ops.logical_not(ops.isnan(y_pred))
        if self.top_k is not None:
            positive = ops.logical_and(positive, self._among_top_k(y_pred))
        exceeded = ops.where(positive, exceeded, ops.zeros_like(exceeded))
        true = ops.not_equal(y_true, ops.zeros_like(y_true))
        if self.class_id is None:
            return true, exceeded, weights
        if weights is not None and weights.shape[-1:] != (1,) and len(weights.shape):
            weights = self._of_class(weights)
        return self._of_class(true), self._of_class(exceeded), weights

    def _among_top_k(self, y_pred: Any) -> Any:
        k, classes = self.top_k or 0, y_pred.shape[-1] if len(y_pred.shape) else 0
        if not 0 < k <= classes:
            raise errors.ShapeError(
                f"{type(self).__name__} {self.name!r}: top_k: expected at least {self.top_k} classes along the last "
                f"axis; got y_pred of shape {tuple(y_pred.shape)}."
            )
        _, indices = ops.top_k(y_pred, k)
        return ops.any(ops.equal(ops.expand_dims(indices, -1), ops.arange(classes)), -2)

    def _of_class(self, x: Any) -> Any:
        """The entries of the class along the last axis, which stays."""
        assert self.class_id is not None
        if len(x.shape) < 2 or not -x.shape[-1] <= self.class_id < x.shape[-1]:
            raise errors.ShapeError(
                f"{type(self).__name__} {self.name!r}: class_id {self.class_id}: expected samples and classes, with "
                f"that class along the last axis; got shape {tuple(x.shape)}."
            )
        start = self.class_id % x.shape[-1]
        return x[..., start : start + 1]

    def _add(self, true: Any, exceeded: Any, weights: Any, by_label: bool = False) -> None:
        """Add the counts of a batch, over all labels or for each one along the last axis."""
        bins, labels = len(self._sorted) + 1, true.shape[-1] if by_label else 1
        index = exceeded + ops.cast(true, "int32") * (bins * labels)
        if by_label:
            index = index + ops.arange(labels) * bins
        each = ops.ones_like(index)
        if weights is not None:
            each = ops.broadcast_to(weights, tuple(true.shape))
        flat = ops.segment_sum(
            ops.reshape(each, (-1,)), ops.reshape(index, (-1,)), 2 * labels * bins
        )
        false_bins, true_bins = ops.unstack(ops.reshape(flat, (2, labels, bins)), 2, axis=0)
        for kind in self.kinds:
            of = true_bins if kind in (TRUE_POSITIVES, FALSE_NEGATIVES) else false_bins
            if kind in (TRUE_POSITIVES, FALSE_POSITIVES):  # all in the bins above the threshold
                counts = ops.flip(ops.cumsum(ops.flip(of, -1), -1), -1)[:, 1:]
            else:
                counts = ops.cumsum(of, -1)[:, :-1]
            if self._places is not None:
                counts = ops.take(counts, self._places, axis=-1)
            counts = ops.transpose(counts) if by_label else counts[0, ...]
            self._total(kind).assign_add(counts)

    # -------------------------------------------------------------------------------- shares of counts

    def _share(self, kind: str, other: str) -> Any:
        """``kind / (kind + other)``, and 0 for none."""
        count = self._total(kind).value
        return ops.divide_no_nan(count, count + self._total(other).value)

    def _recall(self) -> Any:
        return self._share(TRUE_POSITIVES, FALSE_NEGATIVES)

    def _precision(self) -> Any:
        return self._share(TRUE_POSITIVES, FALSE_POSITIVES)

    def _specificity(self) -> Any:
        return self._share(TRUE_NEGATIVES, FALSE_POSITIVES)


def _listed(thresholds: Any, default: float) -> list[float]:
    """Thresholds, one or several or ``None``, as a list."""
    if thresholds is None:
        return [default]
    several = isinstance(thresholds, list | tuple | np.ndarray)
    values = [float(t) for t in (thresholds if several else [thresholds])]
    _check_shares("thresholds", values)
    return values


def _check_shares(name: str, values: Sequence[float]) -> None:
    wrong = [value for value in values if not 0 <= value <= 1]
    if wrong or not len(values):
        raise ValueError(f"{name}: expected numbers from 0 to 1; got {wrong or 'none'}.")


def _evenly(count: int) -> list[float]:
    """``count`` numbers from 0 to 1."""
    if count > 10**6:  # which a file may ask for
        raise ValueError(f"num_thresholds: expected a number of at most 1,000,000; got {count}.")
    return [i / (count - 1) for i in range(count)]


# ------------------------------------------------------------------------------------------ one count


class _Count(_Confusion):
    """One of the four counts."""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.thresholds = _listed(thresholds, 0.5)
        self._compare_with(self.thresholds)
        self.accumulator = self.add_total("accumulator", (len(self.thresholds),))

    def _total(self, kind: str) -> Total:
        return self.accumulator

    def result(self) -> Any:
        """The count so far: one number, or one for each of several thresholds."""
        count = ops.cast(self.accumulator, self.dtype)
        return count[0, ...] if len(self.thresholds) == 1 else count


class TruePositives(_Count):
    """How many of the true are found.

    Args:
        thresholds: what is larger is positive; 0.5 by default. A list gives a count for each.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.TruePositives()
        >>> metric.update_state([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])
        >>> float(metric.result())
        2.0
    """

    kinds = (TRUE_POSITIVES,)


class FalsePositives(_Count):
    """How many of the false are taken for true.

    Args:
        thresholds: what is larger is positive; 0.5 by default. A list gives a count for each.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.FalsePositives()
        >>> metric.update_state([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])
        >>> float(metric.result())
        1.0
    """

    kinds = (FALSE_POSITIVES,)


class TrueNegatives(_Count):
    """How many of the false are taken for false.

    Args:
        thresholds: what is larger is positive; 0.5 by default. A list gives a count for each.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.TrueNegatives()
        >>> metric.update_state([0, 1, 0, 0], [0.9, 0.2, 0.1, 0.3])
        >>> float(metric.result())
        2.0
    """

    kinds = (TRUE_NEGATIVES,)


class FalseNegatives(_Count):
    """How many of the true are missed.

    Args:
        thresholds: what is larger is positive; 0.5 by default. A list gives a count for each.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.FalseNegatives()
        >>> metric.update_state([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])
        >>> float(metric.result())
        1.0
    """

    kinds = (FALSE_NEGATIVES,)


# ------------------------------------------------------------------------------------------ precision and recall


class _AtThresholds(_Confusion):
    """A share of counts at given thresholds, maybe of one class or of the k best scores."""

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.top_k = top_k
        self.class_id = class_id
        self.thresholds = _listed(thresholds, 0.5 if top_k is None else -np.inf)
        self._compare_with(self.thresholds)
        self._add_counts((len(self.thresholds),))

    def result(self) -> Any:
        """The share so far: one number, or one for each of several thresholds; 0 where there is nothing to share."""
        share = ops.cast(self._share(*self.kinds), self.dtype)
        return share[0, ...] if len(self.thresholds) == 1 else share


class Precision(_AtThresholds):
    """Which share of the predictions that say yes is right.

    Args:
        thresholds: a prediction that is larger says yes; 0.5 by default. A list gives a share for each.
        top_k: only the k largest scores along the last axis may say yes; the threshold then is none by default.
        class_id: look at this entry of the last axis only.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.Precision()
        >>> metric.update_state([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    kinds = (TRUE_POSITIVES, FALSE_POSITIVES)


class Recall(_AtThresholds):
    """Which share of the true is found.

    Args:
        thresholds: a prediction that is larger says yes; 0.5 by default. A list gives a share for each.
        top_k: only the k largest scores along the last axis may say yes; the threshold then is none by default.
        class_id: look at this entry of the last axis only.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.Recall()
        >>> metric.update_state([0, 1, 1, 1], [0.9, 0.2, 0.8, 0.7])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    kinds = (TRUE_POSITIVES, FALSE_NEGATIVES)


# ------------------------------------------------------------------------------------------ the best of one at another


class _BestAt(_Confusion):
    """The best of one share at those thresholds where another is large enough."""

    def _start(self, name: str, value: float, num_thresholds: int, class_id: int | None) -> None:
        _check_shares(name, [value])
        if num_thresholds <= 0:
            raise ValueError(
                f"num_thresholds: expected a number of at least 1; got {num_thresholds}."
            )
        self.value = value
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else _evenly(num_thresholds)
        # nothing is above the last one, though a score may be rounded to a little more than 1
        self._compare_with(
            self.thresholds if num_thresholds == 1 else [*self.thresholds[:-1], np.inf]
        )
        self._add_counts((len(self.thresholds),))

    def _best(self, wanted: Any, where: Any) -> Any:
        best = ops.max(ops.where(where >= self.value, wanted, ops.zeros_like(wanted)))
        return ops.cast(best, self.dtype)


class SensitivityAtSpecificity(_BestAt):
    """The best sensitivity (recall) of all thresholds that have at least this specificity.

    Args:
        specificity: the least specificity, which is the share of the false that is taken for false.
        num_thresholds: how many thresholds from 0 to 1 are tried.
        class_id: look at this entry of the last axis only.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.SensitivityAtSpecificity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.specificity = specificity
        self._start("specificity", specificity, num_thresholds, class_id)

    def result(self) -> Any:
        """The sensitivity so far."""
        return self._best(self._recall(), self._specificity())


class SpecificityAtSensitivity(_BestAt):
    """The best specificity of all thresholds that have at least this sensitivity.

    Args:
        sensitivity: the least sensitivity, which is the share of the true that is found.
        num_thresholds: how many thresholds from 0 to 1 are tried.
        class_id: look at this entry of the last axis only.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.SpecificityAtSensitivity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.sensitivity = sensitivity
        self._start("sensitivity", sensitivity, num_thresholds, class_id)

    def result(self) -> Any:
        """The specificity so far."""
        return self._best(self._specificity(), self._recall())


class PrecisionAtRecall(_BestAt):
    """The best precision of all thresholds that have at least this recall.

    Args:
        recall: the least recall.
        num_thresholds: how many thresholds from 0 to 1 are tried.
        class_id: look at this entry of the last axis only.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.PrecisionAtRecall(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> float(metric.result())
        0.5
    """

    kinds = (TRUE_POSITIVES, FALSE_POSITIVES, FALSE_NEGATIVES)

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.recall = recall
        self._start("recall", recall, num_thresholds, class_id)

    def result(self) -> Any:
        """The precision so far."""
        return self._best(self._precision(), self._recall())


class RecallAtPrecision(_BestAt):
    """The best recall of all thresholds that have at least this precision.

    Args:
        precision: the least precision.
        num_thresholds: how many thresholds from 0 to 1 are tried.
        class_id: look at this entry of the last axis only.
        name: of the metric.
        dtype: of the result.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.RecallAtPrecision(0.8)
        >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> float(metric.result())
        0.5
    """

    kinds = (TRUE_POSITIVES, FALSE_POSITIVES, FALSE_NEGATIVES)

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.precision = precision
        self._start("precision", precision, num_thresholds, class_id)

    def result(self) -> Any:
        """The recall so far."""
        return self._best(self._recall(), self._precision())


# ------------------------------------------------------------------------------------------ areas under curves


class AUC(_Confusion):
    """The area under a curve that a threshold from 0 to 1 draws.

    Args:
        num_thresholds: how many thresholds draw the curve.
        curve: ``"ROC"``, the recall over the share of the false that is taken for true; ``"PR"``, the precision over
            the recall; or ``"PRGAIN"``, the gains of both over a guess.
        summation_method: ``"interpolation"``, or a bound by the smaller (``"minoring"``) or the larger
            (``"majoring"``) of the values at both ends of each step.
        name: of the metric.
        dtype: of the result.
        thresholds: those between 0 and 1, instead of ``num_thresholds`` even ones.
        multi_label: draw a curve for each label, along the last axis, and give the mean of their areas; otherwise all
            entries draw one.
        num_labels: how many labels; by default that is learnt from the first batch.
        label_weights: a weight for each label.
        from_logits: are the predictions numbers of which the sigmoid is meant?

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.AUC(num_thresholds=3)
        >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> float(metric.result())
        0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.curve = _one_of("curve", curve, ("ROC", "PR", "PRGAIN"))
        self.summation_method = _one_of(
            "summation_method", summation_method, ("interpolation", "minoring", "majoring")
        )
        if thresholds is None:
            if num_thresholds <= 1:
                raise ValueError(
                    f"num_thresholds: expected a number of at least 2; got {num_thresholds}."
                )
            inner = _evenly(num_thresholds)[1:-1]
        else:
            inner = sorted(_listed(thresholds, 0.5)) if len(thresholds) else []
        self.num_thresholds = len(inner) + 2
        self.thresholds = [-epsilon(), *inner, 1 + epsilon()]
        self._compare_with([-np.inf, *inner, np.inf])
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = (
            None if label_weights is None else np.asarray(label_weights, self._sorted.dtype)
        )
        self.from_logits = from_logits
        self._built = False
        if num_labels and not multi_label:
            raise ValueError("num_labels: is for multi_label=True only.")
        if not multi_label:
            self._add_counts((self.num_thresholds,))
            self._built = True
        elif num_labels:
            self.build((None, num_labels), (None, num_labels))

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Make the variables: of several labels, as many as predictions have along the last axis."""
        if self._built:
            return
        labels = y_pred_shape[-1] if len(y_pred_shape) == 2 else None
        if labels is None:
            raise errors.ShapeError(
                f"AUC {self.name!r}: with multi_label=True, expected y_pred of shape (samples, labels); got "
                f"{tuple(y_pred_shape)}."
            )
        self._add_counts((self.num_thresholds, labels))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch.

        Args:
            y_true: labels; what is not 0 counts as 1.
            y_pred: scores of the same shape; where they have a mask, only what it keeps counts.
            sample_weight: broadcasts with them; weights of shape ``(n,)`` weigh whole samples.
        """
        masked, y_true, y_pred = (
            y_pred,
            ops.convert_to_tensor(y_true),
            ops.convert_to_tensor(y_pred),
        )
        self._build_with(y_true, y_pred)
        scores = ops.sigmoid(y_pred) if self.from_logits else y_pred
        true, exceeded, weights = self._compared(y_true, scores, sample_weight, masked)
        shape = tuple(true.shape)
        if self.multi_label and shape[1:] != self.true_positives.shape[1:]:
            raise errors.ShapeError(
                f"AUC {self.name!r}: expected {self.true_positives.shape[1]} labels along the second of two axes; got "
                f"y_pred of shape {shape}."
            )
        if self.label_weights is not None:
            if shape[-1:] != self.label_weights.shape:
                raise errors.ShapeError(
                    f"AUC {self.name!r}: label_weights of shape {self.label_weights.shape}: expected that many labels "
                    f"along the last axis; got y_pred of shape {shape}."
                )
            if not self.multi_label:
                weights = (
                    self.label_weights
                    if weights is None
                    else ops.multiply(weights, self.label_weights)
                )
        self._add(true, exceeded, weights, self.multi_label)

    def result(self) -> Any:
        """The area so far; 0 before the first batch."""
        if not self._built:
            return ops.zeros((), self.dtype)
        if self.curve == "PR" and self.summation_method == "interpolation":
            steps = self._interpolated_precision()
        else:
            x, y = self._points()
            left, right = y[:-1, ...], y[1:, ...]
            if self.summation_method == "interpolation":
                heights = (left + right) / 2.0
            elif self.summation_method == "minoring":
                heights = ops.minimum(left, right)
            else:
                heights = ops.maximum(left, right)
            steps = (x[:-1, ...] - x[1:, ...]) * heights
        area = ops.sum(steps, axis=0)
        if self.multi_label and self.label_weights is None:
            area = ops.mean(area)
        elif self.multi_label:
            area = ops.divide_no_nan(
                ops.sum(ops.multiply(area, self.label_weights)), ops.sum(self.label_weights)
            )
        return ops.cast(area, self.dtype)

    def _points(self) -> tuple[Any, Any]:
        """The curve's points, one for each threshold, from right to left."""
        if self.curve == "ROC":
            return self._share(FALSE_POSITIVES, TRUE_NEGATIVES), self._recall()
        if self.curve == "PR":
            return self._recall(), self._precision()
        found, missed = self.true_positives.value, self.false_negatives.value
        alarms, passed = self.false_positives.value, self.true_negatives.value
        odds = ops.divide_no_nan(found + missed, alarms + passed)
        recall_gain = 1.0 - odds * ops.divide_no_nan(missed, found)
        precision_gain = 1.0 - odds * ops.divide_no_nan(alarms, found)
        none = ops.equal(found, 0.0)  # where nothing is found the gains are not defined
        recall_gain = ops.where(none, 0.0, ops.maximum(recall_gain, 0.0))
        return recall_gain, ops.where(none, 1.0, precision_gain)

    def _interpolated_precision(self) -> Any:
        """The area of each step under the PR curve, between whose points the counts are interpolated.

        Not the precision, which is no straight line between them (Davis and Goadrich, 2006).
        """
        found = self.true_positives.value
        positive = found + self.false_positives.value
        true = found + self.false_negatives.value
        gained = found[:-1, ...] - found[1:, ...]
        before, after = positive[:-1, ...], positive[1:, ...]
        slope = ops.divide_no_nan(gained, before - after)
        intercept = found[1:, ...] - slope * after
        both = ops.logical_and(before > 0, after > 0)
        ratio = ops.where(both, ops.divide_no_nan(before, after), 1.0)
        return ops.divide_no_nan(slope * (gained + intercept * ops.log(ratio)), true[1:, ...])


def _one_of(name: str, value: Any, known: Sequence[str]) -> str:
    for spelling in known:
        if isinstance(value, str) and value.lower() == spelling.lower():
            return spelling
    raise ValueError(
        f"{name}: expected one of {', '.join(map(repr, known))}; got {value!r}.{errors.closest(value, known)}"
    )
