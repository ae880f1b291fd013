"""Workers: threads or processes that make the batches of a ``PyDataset`` ahead of their use, in order.

A worker that raises, or dies, ends the epoch with an error that names the batch; nothing waits for it.  What the
batches are for is not known here.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polynet.data.py_dataset import PyDataset

__all__ = ["produce"]

_dataset: Any = None
"""In a worker process: the dataset that it makes batches of."""


@contextlib.contextmanager
def produce(dataset: PyDataset, indices: Iterable[int]) -> Iterator[Iterator[Any]]:
    """A block in which the batches of a dataset with these numbers can be iterated, in that order."""
    workers = dataset.workers
    if workers < 1 or (workers == 1 and not dataset.use_multiprocessing):
        yield (dataset[index] for index in indices)
        return
    pool: futures.Executor
    if dataset.use_multiprocessing:
        pool = futures.ProcessPoolExecutor(workers, initializer=_begin, initargs=(dataset,))
        work: Any = _make
    else:
        pool = futures.ThreadPoolExecutor(workers, "polynet-data")
        work = dataset.__getitem__
    try:
        yield _in_order(pool, work, iter(indices), dataset.max_queue_size)
    finally:
        _stop(pool)


def _in_order(
    pool: futures.Executor, work: Any, indices: Iterator[int], most: int
) -> Iterator[Any]:
    waiting: deque[tuple[int, futures.Future[Any]]] = deque()

    def ask(count: int) -> None:
        for index in itertools.islice(indices, count):
            waiting.append((index, pool.submit(work, index)))

    index = 0
    try:
        ask(most)
        while waiting:
            index, future = waiting.popleft()
            batch = future.result()
            ask(1)
            yield batch
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"PyDataset: a worker process died before batch {index} was there. It may have been killed, for instance "
            f"for want of memory; or it could not start, for which a script needs `if __name__ == '__main__':` around "
            f"what it runs. Try use_multiprocessing=False."
        ) from error


def _stop(pool: futures.Executor) -> None:
    """End the workers without waiting for what they still do."""
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(1.0)


def _begin(dataset: Any) -> None:
    global _dataset
    _dataset = dataset


def _make(index: int) -> Any:
    return _dataset[index]
