"""Sequences on the host: ragged ones padded to one length, windows cut from a long one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from polynet.data.py_dataset import PyDataset
from polynet.random import host
from polynet.random.seed_generator import as_seed, make_default_seed

__all__ = ["pad_sequences", "timeseries_dataset_from_array"]


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of several lengths as one array.

    Args:
        sequences: lists of numbers, or of arrays of one shape.
        maxlen: the length of all; by default that of the longest.
        dtype: of the result.
        padding: ``"pre"`` or ``"post"``, the side on which short ones are filled up.
        truncating: ``"pre"`` or ``"post"``, the side on which long ones are cut.
        value: what to fill with.

    Example:
        >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
        array([[0, 1],
               [2, 3],
               [5, 6]], dtype=int32)
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f"pad_sequences: {name}: expected 'pre' or 'post'; got {side!r}.")
    if not hasattr(sequences, "__len__"):
        raise ValueError(
            f"pad_sequences: sequences: expected a list of sequences; got {type(sequences).__name__}."
        )
    for number, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ValueError(
                f"pad_sequences: sequences: expected a list of sequences; entry {number} is of type "
                f"{type(sequence).__name__}."
            )
    is_text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and np.dtype(dtype) != object and not is_text:
        raise ValueError(
            f"pad_sequences: dtype: expected object to fill up with a string; got {dtype!r}."
        )
    length = max(map(len, sequences), default=0) if maxlen is None else maxlen
    shape: tuple[int, ...] = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    padded = np.full((len(sequences), length, *shape), value, dtype)
    for number, sequence in enumerate(sequences):
        kept = sequence[-length:] if truncating == "pre" else sequence[:length]
        if not len(sequence) or not length:
            continue
        part = np.asarray(kept, dtype)
        if part.shape[1:] != shape:
            raise ValueError(
                f"pad_sequences: sequences: expected entries of shape {shape} in all; those of sequence {number} have "
                f"shape {part.shape[1:]}."
            )
        if padding == "post":
            padded[number, : len(part)] = part
        else:
            padded[number, length - len(part) :] = part
    return padded


class Windows(PyDataset):
    """Windows of an array, each with the target of its begin; see ``timeseries_dataset_from_array``."""

    def __init__(
        self,
        data: np.ndarray,
        targets: np.ndarray | None,
        begins: np.ndarray,
        steps: np.ndarray,
        batch_size: int | None,
    ) -> None:
        super().__init__()
        self.data, self.targets = data, targets
        self.begins, self.steps, self.batch_size = begins, steps, batch_size

    def __len__(self) -> int:
        return -(-len(self.begins) // (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        if self.batch_size is None:
            begins: Any = self.begins[index]
            rows = begins + self.steps
        else:
            begins = self.begins[index * self.batch_size : (index + 1) * self.batch_size]
            rows = begins[:, None] + self.steps
        windows = self.data[rows]
        return windows if self.targets is None else (windows, self.targets[begins])


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> PyDataset:
    """Windows of a long array, by the batch; a ``PyDataset``, which can be iterated and given to ``fit``.

    Window ``i`` begins at row ``i * sequence_stride`` and comes with the target of that row, so shift the targets to
    forecast.

    Args:
        data: one row for each moment.
        targets: one for each row, or ``None``.
        sequence_length: rows in a window.
        sequence_stride: rows between the begins of two windows.
        sampling_rate: rows between two rows of a window.
        batch_size: windows in a batch; ``None`` for single windows.
        shuffle: in random order?
        seed: decides that order.
        start_index: the first row to use.
        end_index: the row before which to stop.
        format: accepted for programs written for Keras, ``"tf"`` or ``"grain"``; the result is the same.

    Example:
        >>> import numpy
        >>> windows = timeseries_dataset_from_array(numpy.arange(6), numpy.arange(6) * 10, 3, batch_size=2)
        >>> [(x.tolist(), y.tolist()) for x, y in windows]
        [([[0, 1, 2], [1, 2, 3]], [0, 10]), ([[2, 3, 4], [3, 4, 5]], [20, 30])]
    """
    own = "timeseries_dataset_from_array"
    rows = np.asarray(data)
    count = len(rows)
    wanted = {
        "sequence_length": sequence_length,
        "sequence_stride": sequence_stride,
        "sampling_rate": sampling_rate,
    }
    if batch_size is not None:
        wanted["batch_size"] = batch_size
    for name, value in wanted.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{own}: {name}: expected a positive integer; got {value!r}.")
    if format not in ("tf", "grain"):
        raise ValueError(f"{own}: format: expected 'tf' or 'grain'; got {format!r}.")
    start = 0 if start_index is None else int(start_index)
    end = count if end_index is None else int(end_index)
    if not 0 <= start < count:
        raise ValueError(
            f"{own}: start_index: expected 0 to {count - 1}, a row of data; got {start}."
        )
    if not start < end <= count:
        raise ValueError(f"{own}: end_index: expected {start + 1} to {count}; got {end}.")
    windows = end - start - (sequence_length - 1) * sampling_rate
    if windows < 1:
        raise ValueError(
            f"{own}: sequence_length: a window of {sequence_length} rows, {sampling_rate} apart, does not fit into "
            f"{end - start} rows."
        )
    marks = None if targets is None else np.asarray(targets)
    if marks is not None:
        windows = min(windows, len(marks) - start)
    begins = start + np.arange(0, windows, sequence_stride)
    if shuffle:
        seed = make_default_seed() if seed is None else as_seed(seed)
        begins = begins[host.permutation((seed, 0), len(begins))]
    steps = np.arange(sequence_length) * sampling_rate
    return Windows(rows, marks, begins, steps, batch_size)
