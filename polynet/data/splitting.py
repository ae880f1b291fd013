"""``split_dataset``: two parts of arrays or of a dataset of examples, and what such a part is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from polynet import ops, plugins, tree
from polynet.random import host
from polynet.random.seed_generator import as_seed, make_default_seed
from polynet.values import shape_of

__all__ = ["Examples", "split_dataset"]


class Examples:
    """Examples held in arrays: a tree of arrays with one row for each.

    It has a length, gives examples by number, can be iterated, and can be given to ``fit``, where a tuple stands for
    ``(x, y)``.

    Args:
        arrays: the tree; lists count as tuples.

    Example:
        >>> import numpy
        >>> examples = Examples((numpy.arange(3), numpy.arange(3) * 10))
        >>> len(examples), [int(y) for x, y in examples]
        (3, [0, 10, 20])
    """

    def __init__(self, arrays: Any) -> None:
        self.arrays = tree.lists_to_tuples(arrays)

    def __len__(self) -> int:
        return int(shape_of(tree.flatten(self.arrays)[0])[0])

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return tree.map_structure(
            lambda array: array[index] if isinstance(array, np.ndarray) else array[index, ...],
            self.arrays,
        )

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def take(self, rows: np.ndarray) -> Examples:
        """The examples with these numbers."""

        def pick(array: Any) -> Any:
            return array[rows] if isinstance(array, np.ndarray) else ops.take(array, rows, axis=0)

        return Examples(tree.map_structure(pick, self.arrays))


def split_dataset(
    dataset: Any,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Examples, Examples]:
    """The first examples of a dataset, and the last.

    Args:
        dataset: an array, a list or tuple of arrays of one length, or something that gives one example after the other.
        left_size: how many examples come first, or which fraction; by default all but the last ones.
        right_size: how many examples come last, or which fraction; by default all but the first ones.
        shuffle: in random order?
        seed: decides that order.
        preferred_backend: accepted for programs written for Keras, and not used.

    Example:
        >>> import numpy
        >>> left, right = split_dataset(numpy.arange(10), left_size=0.8)
        >>> len(left), len(right)
        (8, 2)
    """
    del preferred_backend
    examples = _examples(dataset)
    count = len(examples)
    left, right = _sizes(left_size, right_size, count)
    order = np.arange(count)
    if shuffle:
        order = host.permutation((make_default_seed() if seed is None else as_seed(seed), 0), count)
    return examples.take(order[:left]), examples.take(order[count - right :])


def _examples(dataset: Any) -> Examples:
    if isinstance(dataset, Examples):
        return dataset
    is_tensor = isinstance(dataset, np.ndarray) or plugins.owner(dataset) is not None
    if is_tensor or (isinstance(dataset, list | tuple) and dataset and _is_array(dataset[0])):
        from polynet.training import columns

        found = columns.columns(dataset, "split_dataset: dataset")
        leaves = tree.flatten(found)
        lengths = sorted({leaf.length for leaf in leaves})
        if len(lengths) > 1:
            raise ValueError(
                f"split_dataset: dataset: expected arrays of one length; got {', '.join(map(str, lengths))}."
            )
        return Examples(tree.map_structure(lambda leaf: leaf.array, found))
    by_number = hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    if isinstance(dataset, str | bytes) or not (by_number or hasattr(dataset, "__iter__")):
        raise TypeError(
            f"split_dataset: dataset: expected arrays or a dataset of examples; got {type(dataset).__name__}."
        )
    from polynet.training.data import stack_examples

    found = [dataset[i] for i in range(len(dataset))] if by_number else list(dataset)
    if not found:
        raise ValueError("split_dataset: dataset: expected at least one example; it is empty.")
    stacked = stack_examples(found)
    return Examples(stacked if isinstance(found[0], tuple | list | dict) else stacked[0])


def _is_array(part: Any) -> bool:
    return isinstance(part, np.ndarray | list) or plugins.owner(part) is not None


def _sizes(left: Any, right: Any, count: int) -> tuple[int, int]:
    if left is None and right is None:
        raise ValueError("split_dataset: expected left_size or right_size; got neither.")
    found: list[int | None] = []
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            found.append(None)
        elif isinstance(size, bool) or not isinstance(size, int | float | np.number):
            raise TypeError(
                f"split_dataset: {name}: expected a number of examples or a fraction; got {type(size).__name__}."
            )
        elif isinstance(size, int | np.integer):
            if not 0 < size < count:
                raise ValueError(
                    f"split_dataset: {name}: expected 1 to {count - 1} of the {count} examples; got {size}."
                )
            found.append(int(size))
        else:
            if not 0 < size < 1:
                raise ValueError(
                    f"split_dataset: {name}: expected a fraction between 0 and 1; got {size}."
                )
            found.append(round(size * count))
    first, last = found
    if first is None:
        first = count - (last or 0)
    if last is None:
        last = count - first
    if first < 1 or last < 1 or first + last > count:
        raise ValueError(
            f"split_dataset: left_size and right_size: expected two parts of at least one example, {count} together; "
            f"got {first} and {last}."
        )
    return first, last
