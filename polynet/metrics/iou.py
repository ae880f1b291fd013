"""Intersection over union of classes: how well predicted regions lie on the true ones.

All of these add up one matrix, of how often each class was taken for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet import dtypes, ops
from polynet.metrics.metric import Metric, aligned, weights_of


class IoU(Metric):
    """The intersection over union, ``TP / (TP + FP + FN)``, averaged over some classes.

    A class that occurs neither in labels nor in predictions is left out of the mean.  Numbers that are no class are
    not counted.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes of interest.
        name: of the metric.
        dtype: of the labels as numbers, an integer dtype by default; the result is a float.
        ignore_class: a label whose samples do not count, such as -1 or 255.
        sparse_y_true: are labels numbers of classes? Otherwise the largest along ``axis`` is the class.
        sparse_y_pred: the same of predictions.
        axis: that of the classes, where they are not numbers.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.IoU(num_classes=2, target_class_ids=[0])
        >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int32")
        if (
            isinstance(num_classes, bool)
            or not isinstance(num_classes, int | np.integer)
            or num_classes < 1
        ):
            raise ValueError(f"num_classes: expected an integer of 1 or more; got {num_classes!r}.")
        wrong = [number for number in target_class_ids if not 0 <= number < num_classes]
        if wrong:
            raise ValueError(
                f"target_class_ids: expected numbers of classes, 0 to {num_classes - 1}; got {wrong}."
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        # not an integer: an int32 holds no more than the pixels of some thousand images
        self._sum_dtype = self.dtype if dtypes.is_float(self.dtype) else "float32"
        self.total_cm = self.add_total(
            "total_confusion_matrix", (num_classes, num_classes), self._sum_dtype
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch.

        Args:
            y_true: labels.
            y_pred: predictions; where they have a mask, only what it keeps counts.
            sample_weight: broadcasts with the numbers of classes; weights of shape ``(n,)`` weigh whole samples.
        """
        label, masked = f"{type(self).__name__} {self.name!r}", y_pred
        y_true, y_pred = aligned(
            label,
            y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis),
            self._classes(y_pred),
        )
        dtype = self.total_cm.dtype
        weights = weights_of(label, y_true.shape, sample_weight, dtype, masked)
        y_true, y_pred = ops.cast(y_true, "int32"), ops.cast(y_pred, "int32")
        counts = ops.logical_and(
            ops.logical_and(y_true >= 0, y_true < self.num_classes),
            ops.logical_and(y_pred >= 0, y_pred < self.num_classes),
        )
        if self.ignore_class is not None:
            counts = ops.logical_and(counts, ops.not_equal(y_true, self.ignore_class))
        each = ops.cast(counts, "int32")
        cell = (y_true * self.num_classes + y_pred) * each
        if weights is not None:
            each = ops.cast(counts, dtype) * weights
        matrix = ops.segment_sum(
            ops.reshape(each, (-1,)), ops.reshape(cell, (-1,)), self.num_classes**2
        )
        self.total_cm.assign_add(ops.reshape(matrix, (self.num_classes, self.num_classes)))

    def _classes(self, y_pred: Any) -> Any:
        """The numbers of the predicted classes."""
        return y_pred if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)

    def result(self) -> Any:
        """The mean over the classes so far; 0 before the first batch."""
        matrix = self.total_cm.value
        both = ops.diagonal(matrix)
        either = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - both
        classes = np.asarray(self.target_class_ids, "int32")
        both, either = ops.take(both, classes), ops.take(either, classes)
        shares = ops.divide_no_nan(both, either)
        found = ops.cast(either > 0, shares.dtype)
        mean = ops.divide_no_nan(ops.sum(shares * found), ops.sum(found))
        return ops.cast(mean, self._sum_dtype)


class MeanIoU(IoU):
    """The intersection over union, averaged over all classes.

    Args:
        num_classes: how many classes there are.
        name: of the metric.
        dtype: of the labels as numbers, an integer dtype by default; the result is a float.
        ignore_class: a label whose samples do not count, such as -1 or 255.
        sparse_y_true: are labels numbers of classes? Otherwise the largest along ``axis`` is the class.
        sparse_y_pred: the same of predictions.
        axis: that of the classes, where they are not numbers.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.MeanIoU(num_classes=2)
        >>> metric.update_state([0, 0, 1, 1], [0, 1, 1, 1])
        >>> round(float(metric.result()), 4)  # the mean of 1/2 and 2/3
        0.5833
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )


class BinaryIoU(IoU):
    """The intersection over union of the two sides of a threshold.

    Args:
        target_class_ids: the classes of interest: 0 for what is below, 1 for what is not.
        threshold: predictions below it are 0, others 1.
        name: of the metric.
        dtype: of the labels as numbers, an integer dtype by default; the result is a float.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.BinaryIoU(threshold=0.3)
        >>> metric.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def _classes(self, y_pred: Any) -> Any:
        return ops.cast(ops.cast(y_pred, "float32") >= self.threshold, "int32")


class OneHotIoU(IoU):
    """The intersection over union averaged over some classes, for one-hot labels.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes of interest.
        name: of the metric.
        dtype: of the labels as numbers, an integer dtype by default; the result is a float.
        ignore_class: a label whose samples do not count.
        sparse_y_pred: are predictions numbers of classes? Otherwise the largest along ``axis`` is the class.
        axis: that of the classes.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.OneHotIoU(num_classes=2, target_class_ids=[1])
        >>> metric.update_state([[1, 0], [0, 1], [0, 1]], [[0.2, 0.8], [0.1, 0.9], [0.7, 0.3]])
        >>> round(float(metric.result()), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


class OneHotMeanIoU(MeanIoU):
    """The intersection over union averaged over all classes, for one-hot labels.

    Args:
        num_classes: how many classes there are.
        name: of the metric.
        dtype: of the labels as numbers, an integer dtype by default; the result is a float.
        ignore_class: a label whose samples do not count.
        sparse_y_pred: are predictions numbers of classes? Otherwise the largest along ``axis`` is the class.
        axis: that of the classes.

    Example:
        >>> from polynet import metrics
        >>> metric = metrics.OneHotMeanIoU(num_classes=2)
        >>> metric.update_state([[1, 0], [0, 1], [0, 1]], [[0.8, 0.2], [0.1, 0.9], [0.7, 0.3]])
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
