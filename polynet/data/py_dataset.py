"""``PyDataset``: a dataset of batches that a user writes, made by several workers if wanted.

Only the class that users derive from.  Its workers are in ``workers.py``; who reads it, in ``polynet/training``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

__all__ = ["PyDataset", "Sequence"]


class PyDataset:
    """Batches by number: a subclass writes ``__getitem__`` and ``__len__`` (or ``num_batches``).

    Args:
        workers: how many threads or processes make batches ahead; with 0 or 1 thread the training loop makes them.
        use_multiprocessing: processes instead of threads? They get a copy of the dataset at the begin of each epoch.
        max_queue_size: how many batches may be ahead.

    Example:
        >>> import numpy, polynet
        >>> class Squares(polynet.utils.PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         x = numpy.arange(2) + 2 * index
        ...         return x, x ** 2
        >>> [y.tolist() for x, y in Squares()]
        [[0, 1], [4, 9], [16, 25]]
    """

    _workers = 1
    _use_multiprocessing = False
    _max_queue_size = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def workers(self) -> int:
        """How many threads or processes make batches."""
        return self._workers

    @workers.setter
    def workers(self, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"workers: expected an integer of 0 or more; got {value!r}.")
        self._workers = value

    @property
    def use_multiprocessing(self) -> bool:
        """Are the workers processes?"""
        return self._use_multiprocessing

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = bool(value)

    @property
    def max_queue_size(self) -> int:
        """How many batches may be ahead of the one in use."""
        return self._max_queue_size

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"max_queue_size: expected a positive integer; got {value!r}.")
        self._max_queue_size = value

    def __getitem__(self, index: int) -> Any:
        """The batch with that number: ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``."""
        raise NotImplementedError(
            f"{type(self).__name__}: write __getitem__(self, index), which returns a batch."
        )

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; ``None`` if there is no end."""
        length = getattr(type(self), "__len__", None)
        if length is None:
            raise NotImplementedError(
                f"{type(self).__name__}: write __len__(self), or a property num_batches that is None for a dataset "
                f"without end."
            )
        return int(length(self))

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch, for instance to shuffle."""

    def __iter__(self) -> Iterator[Any]:
        count = self.num_batches
        for index in itertools.count() if count is None else range(count):
            yield self[index]


Sequence = PyDataset
"""An older name."""
