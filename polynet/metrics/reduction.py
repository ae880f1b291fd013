"""Sums and means over batches, and the mean of what a function of ``(y_true, y_pred)`` gives.

Which function is the business of the other files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from polynet import errors, ops
from polynet.metrics.metric import Metric, weights_of


class Sum(Metric):
    """The (weighted) sum of all values.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> import polynet
        >>> total = polynet.metrics.Sum()
        >>> total.update_state([1.0, 3.0, 5.0])
        >>> total.update_state([7.0, 9.0], sample_weight=[1.0, 0.0])
        >>> float(total.result())
        16.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_total("total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values.

        Args:
            values: of any shape.
            sample_weight: broadcasts with them; weights of shape ``(n,)`` weigh whole samples.
        """
        values, weights = _weighted(self, values, sample_weight)
        if weights is not None:
            values = values * weights
        self.total.assign_add(ops.sum(values))

    def result(self) -> Any:
        """The sum so far."""
        return ops.cast(self.total, self.dtype)


class Mean(Metric):
    """The (weighted) mean of all values.

    Each sample, that is each entry along the first axis, counts alike, however large the batches are.

    Args:
        name: of the metric.
        dtype: of the result.

    Example:
        >>> import polynet
        >>> mean = polynet.metrics.Mean()
        >>> mean.update_state([1.0, 3.0, 5.0])
        >>> mean.update_state([7.0, 9.0], sample_weight=[1.0, 0.0])
        >>> float(mean.result())
        4.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_total("total")
        self.count = self.add_total("count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take in values.

        Args:
            values: of any shape; a scalar is one sample.
            sample_weight: broadcasts with them; weights of shape ``(n,)`` weigh whole samples.
        """
        self._take(values, sample_weight)

    def _take(self, values: Any, sample_weight: Any, *masked: Any) -> None:
        """Take in values; ``masked`` are more tensors that may have a mask."""
        values, weights = _weighted(self, values, sample_weight, *masked)
        shape = tuple(values.shape)
        if 0 in shape:
            return
        samples = shape[0] if shape else 1
        count: Any = float(samples)
        if weights is not None:
            values = values * weights
            count = ops.sum(weights)
            if (size := math.prod(weights.shape)) != samples:
                count = count * samples / size
        total = ops.sum(values)
        if (size := math.prod(shape)) != samples:
            total = total / (size / samples)
        self.total.assign_add(total)
        self.count.assign_add(count)

    def result(self) -> Any:
        """The mean so far; zero before the first value."""
        return ops.cast(ops.divide_no_nan(self.total, self.count), self.dtype)


class MeanMetricWrapper(Mean):
    """The mean of what a function of ``(y_true, y_pred)`` gives for each sample.

    Args:
        fn: the function.
        name: of the metric.
        dtype: of the result.
        **kwargs: more arguments for the function.

    Example:
        >>> import polynet
        >>> def distance(y_true, y_pred, power=1):
        ...     return polynet.ops.abs(y_true - y_pred) ** power
        >>> metric = polynet.metrics.MeanMetricWrapper(distance, power=2)
        >>> metric.update_state(polynet.ops.array([1.0, 2.0]), polynet.ops.array([1.0, 4.0]))
        >>> float(metric.result())
        2.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)  # type: ignore[arg-type]
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take in a batch.

        Args:
            y_true: labels.
            y_pred: predictions; where they have a mask, only what it keeps counts.
            sample_weight: broadcasts with what the function gives.
        """
        try:
            values = self._fn(y_true, y_pred, **self._fn_kwargs)
        except errors.ShapeError as error:
            raise errors.ShapeError(f"{type(self).__name__} {self.name!r}: {error}") from error
        self._take(values, sample_weight, y_pred)


def _weighted(metric: Metric, values: Any, sample_weight: Any, *masked: Any) -> tuple[Any, Any]:
    """The values and their weights, or ``None``, in the dtype in which they are summed."""
    dtype = "float32" if metric.dtype in ("float16", "bfloat16") else metric.dtype
    label, numbers = f"{type(metric).__name__} {metric.name!r}", ops.cast(values, dtype)
    return numbers, weights_of(label, numbers.shape, sample_weight, dtype, values, *masked)
