"""Data: batches for training, from arrays, tables, datasets, generators and whatever else can be iterated.

``open_data`` finds out what it was given and checks it; ``Data.epoch`` gives the batches of one epoch.  The order of
an epoch is a pure function of the seed and the epoch's number, the same on every backend, so that a run can be taken
up again at any batch.  One array's rows are in ``columns.py``, workers in ``polynet/data/workers.py``; what is done
with a batch is in ``trainer.py``.
"""

from __future__ import annotations

import itertools
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from polynet import config, errors, ops, plugins, tree, values
from polynet.data.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from polynet.data.splitting import Examples
from polynet.random import host
from polynet.random.seed_generator import as_seed, make_default_seed
from polynet.training import columns

__all__ = [
    "Data",
    "open_data",
    "pack_x_y_sample_weight",
    "split",
    "unpack_x_y_sample_weight",
]

Batch = tuple[Any, ...]
"""``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, each a tree of arrays."""

DEFAULT_BATCH_SIZE = 32
PARTS = ("x", "y", "sample_weight")


class Data:
    """What can be trained on: epochs of batches.

    Attributes:
        steps: batches in an epoch, ``None`` while that is unknown.
        batch_size: rows in a batch, the last one perhaps excepted; ``None`` where somebody else decides.
        examples: rows altogether, where known.
        exhausted: has everything been used up, with nothing left for another epoch?
    """

    steps: int | None = None
    batch_size: int | None = None
    examples: int | None = None
    exhausted = False
    seed = 0

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch.

        Args:
            number: which epoch, from 0; decides the order.
            first_batch: how many of its batches to leave out, to take a run up again.
        """
        raise NotImplementedError

    def resume(self, begin: int, number: int, first_batch: int) -> None:
        """Be where one is after the epochs from ``begin`` to ``number`` and some batches of that one.

        What has no order of its own, a stream, is read again up to there.
        """

    def peek(self) -> Batch:
        """The first batch there is; nothing is used up."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of workers and iterators."""

    def __enter__(self) -> Data:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


class Indexed(Data):
    """Data whose batches can be had by number; a subclass says how many there are and gives each.

    An epoch of fewer steps than there are batches is continued by the next.
    """

    batches: int
    shuffle: bool | str = False
    seed = 0
    what = "fit"

    def limit(self, steps: int | None) -> None:
        """Settle the number of steps in an epoch."""
        if steps is not None and steps > self.batches:
            warnings.warn(
                f"{self.what}: the data gives {_count(self.batches, 'batch')}, fewer than the {steps} steps that an "
                f"epoch should have, so each epoch ends after {self.batches}.",
                stacklevel=2,
            )
            steps = self.batches
        self.steps = self.batches if steps is None else steps

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; see ``Data.epoch``."""
        steps: int = self.steps  # type: ignore[assignment]
        begin = number * steps + first_batch
        end = (number + 1) * steps
        number, at = divmod(begin, self.batches)
        stop = at + end - begin
        if stop <= self.batches:
            return self.run(number, at, stop)
        return self._passes(begin, end)

    def _passes(self, begin: int, end: int) -> Iterator[Batch]:
        """The batches ``begin`` to ``end`` of several passes over the data, one after the other."""
        while begin < end:
            number, at = divmod(begin, self.batches)
            stop = min(self.batches, at + end - begin)
            yield from self.run(number, at, stop)
            begin += stop - at

    def run(self, number: int, begin: int, end: int) -> Iterator[Batch]:
        """The batches ``begin`` to ``end`` of one pass over the data."""
        raise NotImplementedError

    def permutation(self, number: int, count: int) -> np.ndarray:
        """The order of one pass."""
        return host.permutation((self.seed, number), count)


class ArrayData(Indexed):
    """Arrays, tables and tensors, whole: batches are slices of them."""

    def __init__(
        self, parts: tuple[Any, ...], batch_size: int, shuffle: bool | str, seed: int, what: str
    ) -> None:
        self.what, self.shuffle, self.seed, self.batch_size = what, shuffle, seed, batch_size
        self.parts = parts
        self.flat = _are_flat(parts)
        self.leaves: list[columns.Column | None] = [*parts] if self.flat else tree.flatten(parts)
        self.examples = next(leaf.length for leaf in self.leaves if leaf is not None)
        self.batches = -(-self.examples // batch_size)

    def run(self, number: int, begin: int, end: int) -> Iterator[Batch]:
        """The batches ``begin`` to ``end`` of one pass over the data."""
        size: int = self.batch_size  # type: ignore[assignment]
        count: int = self.examples  # type: ignore[assignment]
        if self.shuffle is True:
            order = self.permutation(number, count)
            takers = [None if leaf is None else leaf.take for leaf in self.leaves]
            for at in range(begin * size, min(end * size, count), size):
                rows = order[at : at + size]
                yield self.build([take if take is None else take(rows) for take in takers])
            return
        slicers = [None if leaf is None else leaf.rows for leaf in self.leaves]
        places = range(begin, end)
        if self.shuffle:  # whole batches change places; a smaller one stays last
            full = count // size
            order = np.append(self.permutation(number, full), np.arange(full, self.batches))
            places = order[begin:end].tolist()
        for place in places:
            at = place * size
            stop = min(at + size, count)
            yield self.build([cut if cut is None else cut(at, stop) for cut in slicers])

    def build(self, leaves: list[Any]) -> Batch:
        """The batch with these arrays."""
        return tuple(leaves) if self.flat else tree.pack_sequence_as(self.parts, leaves)

    def peek(self) -> Batch:
        """The first batch in the order given."""
        stop = min(self.batch_size or 0, self.examples or 0)
        return self.build([leaf if leaf is None else leaf.rows(0, stop) for leaf in self.leaves])


class ItemData(Indexed):
    """Batches that are made one by one from their numbers, by workers if there are any."""

    def __init__(
        self,
        make: Callable[[Any], Any],
        batches: int,
        shuffle: bool | str,
        seed: int,
        what: str,
        reader: Reader,
    ) -> None:
        self.make, self.batches, self.shuffle, self.seed, self.what = (
            make,
            batches,
            shuffle,
            seed,
            what,
        )
        self.reader = reader

    def items(self, number: int, begin: int, end: int) -> Iterable[Any]:
        """What each batch is made from."""
        if not self.shuffle:
            return range(begin, end)
        return self.permutation(number, self.batches)[begin:end].tolist()

    def run(self, number: int, begin: int, end: int) -> Iterator[Batch]:
        """The batches ``begin`` to ``end`` of one pass over the data."""
        items = self.items(number, begin, end)
        yield from self.reader.read(map(self.make, items), begin)

    def peek(self) -> Batch:
        """The first batch in the order given."""
        return self.reader.one(self.make(next(iter(self.items(0, 0, 1)))), 0)


class ExampleData(ItemData):
    """A dataset of examples that can be had by number: they are put together to batches here."""

    def __init__(
        self, dataset: Any, batch_size: int, shuffle: bool | str, seed: int, what: str, read: Reader
    ) -> None:
        self.examples = len(dataset)
        self.batch_size = batch_size
        batches = -(-self.examples // batch_size)
        super().__init__(
            lambda rows: stack_examples([dataset[row] for row in rows]),
            batches,
            shuffle,
            seed,
            what,
            read,
        )

    def items(self, number: int, begin: int, end: int) -> Iterable[Any]:
        """The rows of each batch."""
        size: int = self.batch_size  # type: ignore[assignment]
        count: int = self.examples  # type: ignore[assignment]
        rows = self.permutation(number, count) if self.shuffle else np.arange(count)
        return (
            rows[at : at + size].tolist()
            for at in range(begin * size, min(end * size, count), size)
        )


class DatasetData(ItemData):
    """A ``PyDataset``."""

    def __init__(
        self, dataset: Any, batches: int, shuffle: bool | str, seed: int, what: str, reader: Reader
    ) -> None:
        super().__init__(dataset.__getitem__, batches, shuffle, seed, what, reader)
        self.dataset = dataset

    def run(self, number: int, begin: int, end: int) -> Iterator[Batch]:
        """The batches ``begin`` to ``end`` of one pass over the data."""
        from polynet.data.workers import produce

        with produce(self.dataset, self.items(number, begin, end)) as made:
            yield from self.reader.read(made, begin)

    def resume(self, begin: int, number: int, first_batch: int) -> None:
        """Let the dataset do what it does between epochs."""
        for _ in range(begin, number):
            self.dataset.on_epoch_begin()
            self.dataset.on_epoch_end()

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, between the dataset's two hooks."""
        self.dataset.on_epoch_begin()
        yield from super().epoch(number, first_batch)
        self.dataset.on_epoch_end()


class StreamData(Data):
    """Batches that come one after the other.

    ``start`` gives an iterator, for each epoch anew where that is possible.  With a fixed number of steps an epoch
    continues where the last one stopped, as in Keras.
    """

    def __init__(
        self,
        start: Callable[[], Iterator[Any]],
        once: bool,
        steps: int | None,
        what: str,
        reader: Reader,
        length: int | None = None,
        dataset: Any = None,
    ) -> None:
        self.start, self.once, self.what, self.reader = start, once, what, reader
        self.fixed = steps
        self.steps = length if steps is None else steps
        self.dataset = dataset
        self.iterator: Iterator[Any] | None = None
        self.ahead: list[Any] = []
        self.read = 0
        self.begun: Iterator[Batch] | None = None

    def resume(self, begin: int, number: int, first_batch: int) -> None:
        """Read and drop what was read before."""
        for earlier in range(begin, number):
            for _ in self.epoch(earlier):
                pass
        if first_batch:
            begun = self.epoch(number)
            for _ in itertools.islice(begun, first_batch):
                pass
            self.begun = begun

    def epoch(self, number: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of an epoch; those that are left out are read and dropped."""
        if self.begun is not None:
            begun, self.begun = self.begun, None
            yield from begun
            return
        if self.exhausted:
            self._warn_empty()
            return
        if self.dataset is not None:
            self.dataset.on_epoch_begin()
        given = 0
        source = itertools.islice(self._rest(), self.fixed)
        for batch in self.reader.read(source, 0, f" of epoch {number + 1}" if number else ""):
            given += 1
            self.read += 1
            if given > first_batch:
                yield batch
        self._end(given)
        if self.dataset is not None:
            self.dataset.on_epoch_end()

    def _rest(self) -> Iterator[Any]:
        """What is still to come; begins anew if that is nothing."""
        if self._look_ahead():
            while self.ahead:
                yield self.ahead.pop()
            iterator = self.iterator
            assert iterator is not None
            for batch in iterator:  # noqa: UP028 (yield from would close it with this generator)
                yield batch

    def _look_ahead(self) -> bool:
        """Have the next batch in ``ahead``, if there is one."""
        while not self.ahead:
            anew = self.iterator is None
            if anew:
                self.iterator, self.read = self.start(), 0
            try:
                self.ahead.append(next(self.iterator))  # type: ignore[arg-type]
            except StopIteration:
                self.iterator = None
                if anew or self.once:
                    return False
        return True

    def _end(self, given: int) -> None:
        """An epoch is over: was that all there is?"""
        if not given and not self.read:
            self.exhausted = True
            raise ValueError(
                f"{self.what}: x: expected at least one batch; the {self.reader.source} gave none."
            )
        if self.fixed is None:
            self.steps, self.iterator, self.exhausted = given, None, self.once
        elif given < self.fixed:
            self.iterator, self.exhausted = None, self.once
            warnings.warn(
                f"{self.what}: the data ran out after {_count(given, 'batch')} of an epoch of {self.fixed}; "
                f"{'there is no further epoch' if self.once else 'the epoch ends here'}. Give as many batches as "
                f"the epochs need, or leave out the number of steps.",
                stacklevel=2,
            )

    def _warn_empty(self) -> None:
        warnings.warn(
            f"{self.what}: the data is used up, so there is no further epoch. A generator can be read only once: give "
            f"a dataset that can be iterated again, or a generator without end and the number of steps in an epoch.",
            stacklevel=2,
        )

    def peek(self) -> Batch:
        """The first batch, which the epoch will give again."""
        if not self._look_ahead():
            raise ValueError(
                f"{self.what}: x: expected at least one batch; the {self.reader.source} gave none."
            )
        return self.reader.one(self.ahead[0], 0)

    def close(self) -> None:
        """Stop what ``start`` began."""
        stop = getattr(self.iterator, "close", None)
        if stop is not None and not self.once:
            stop()
            self.iterator = None


class Reader:
    """Checks batches that somebody else makes, and settles their arrays.

    Args:
        lists: does a list stand for ``(x, y)``, as in a loader that has its own way to make batches?
        class_weight: the weight of each class, or ``None``.
    """

    def __init__(
        self, what: str, source: str, lists: bool, class_weight: Mapping[int, float] | None
    ) -> None:
        self.what, self.source, self.lists, self.class_weight = what, source, lists, class_weight
        self.pattern: Any = None

    def read(self, made: Iterable[Any], begin: int, epoch: str = "") -> Iterator[Batch]:
        """The batches, checked; an error while one is made is passed on with a note that names it."""
        iterator = iter(made)
        for number in itertools.count(begin):
            try:
                given = next(iterator)
            except StopIteration:
                return
            except Exception as error:
                error.add_note(
                    f"This happened in {self.what}, while the {self.source} made batch {number}{epoch} of x."
                )
                raise
            yield self.one(given, number)

    def one(self, given: Any, number: int) -> Batch:
        """One batch."""
        batch = self._packed(given, number)
        flat = not any(isinstance(part, dict | list | tuple) for part in batch)
        try:
            if flat:
                batch = tuple(part if part is None else columns.leaf(part) for part in batch)
                pattern: Any = [None if part is None else len(part.shape) for part in batch]
                leaves = list(batch)
            else:
                batch = tree.map_structure(columns.leaf, batch, none_is_leaf=False)
                leaves = tree.flatten(batch)
                pattern = tree.map_structure(
                    lambda leaf: len(leaf.shape), batch, none_is_leaf=False
                )
        except errors.PolynetError as error:
            error.add_note(f"This was in batch {number} of the {self.source} given to {self.what}.")
            raise
        self._check(batch, leaves, number)
        if self.pattern is None:
            self.pattern = pattern
        elif pattern != self.pattern:
            raise ValueError(
                f"{self.what}: x: batch {number} of the {self.source} is made differently from the first: expected "
                f"{_outline(self.pattern)}; got {_outline(pattern)}. All batches must be nested alike, with arrays "
                f"of the same ranks."
            )
        if self.class_weight is not None and len(batch) > 1:
            if len(batch) == 3:
                raise ValueError(
                    f"{self.what}: class_weight: leave it out, since the batches contain a sample_weight."
                )
            batch = (*batch, weights_of_classes(batch[1], self.class_weight, self.what))
        return batch

    def _packed(self, given: Any, number: int) -> tuple[Any, ...]:
        if self.lists and isinstance(given, list):
            given = tuple(given)
        if isinstance(given, tuple) and not hasattr(given, "_fields"):
            if 1 <= len(given) <= 3:
                return given
            got = f"a tuple of {len(given)}"
        elif isinstance(given, list):
            got = f"a list of {len(given)}"
        elif isinstance(given, dict) or hasattr(given, "shape") or tree.is_nested(given):
            return (given,)
        else:
            got = "None" if given is None else type(given).__name__
        raise ValueError(
            f"{self.what}: x: batch {number} of the {self.source}: expected a tuple (x,), (x, y) or "
            f"(x, y, sample_weight); got {got}."
        )

    def _check(self, batch: Batch, leaves: list[Any], number: int) -> None:
        length = None
        for leaf in leaves:
            if leaf is None:
                continue
            if getattr(leaf.dtype, "kind", "f") in "OSUTMm":
                raise columns.kind_error(
                    f"{self.what}: x: batch {number} of the {self.source}", leaf
                )
            if not leaf.shape:
                raise errors.ShapeError(
                    f"{self.what}: x: batch {number} of the {self.source}: expected arrays with one row for each "
                    f"example; got a single number."
                )
            if length is None:
                length = leaf.shape[0]
            elif leaf.shape[0] != length:
                raise errors.ShapeError(
                    f"{self.what}: batch {number} of the {self.source}: expected as many rows in all its arrays; got "
                    f"{_lengths(batch, lambda leaf: leaf.shape[0])}."
                )
        if length == 0:
            raise ValueError(
                f"{self.what}: x: batch {number} of the {self.source} is empty: it has no rows."
            )


# ------------------------------------------------------------------------------------------ opening


def open_data(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    class_weight: Mapping[int, float] | None = None,
    seed: int | None = None,
    what: str = "fit",
) -> Data:
    """Batches from arrays, tensors, tables, lists of numbers, trees of these, datasets, or an iterable of batches.

    Arrays of floats are cast to ``floatx``, once if they are not large, else batch by batch.

    Args:
        x: the inputs, or something that gives whole batches, and then without ``y`` and ``sample_weight``.
        batch_size: rows in a batch of arrays, 32 if not given.
        steps: batches in an epoch.
        shuffle: ``True`` for another order in each epoch, ``"batch"`` to shuffle whole batches.
        class_weight: a weight for each label.
        seed: what the order follows from; by default a new one, which ``set_random_seed`` decides.
        what: who asks, for errors.

    Example:
        >>> import numpy
        >>> data = open_data(numpy.arange(5), batch_size=2)
        >>> data.steps, [x.tolist() for (x,) in data.epoch(0)]
        (3, [[0, 1], [2, 3], [4]])
    """
    size = None if batch_size is None else positive(batch_size, "batch_size", what)
    if steps is not None:
        steps = positive(steps, "steps", what)
    if shuffle is not True and shuffle is not False and shuffle != "batch":
        shuffle = _truth(shuffle, what)
    seed = make_default_seed() if seed is None else as_seed(seed)
    if class_weight is not None:
        check_class_weight(class_weight, what)
    if isinstance(x, Data):
        return x
    if x is None:
        raise ValueError(f"{what}: x: expected data; got None.")
    if isinstance(x, str | bytes):
        raise errors.DTypeError(
            f"{what}: x: expected arrays, a dataset or an iterable of batches; got {type(x).__name__}."
        )
    if isinstance(x, Examples) and y is None:
        x, y, sample_weight = unpack_x_y_sample_weight(x.arrays)
    kind = _kind(x)
    if kind == "table":
        x, y = _split_columns(x, y, what)
        kind = "arrays"
    if kind == "arrays":
        return _arrays(x, y, sample_weight, size, steps, shuffle, class_weight, seed, what)
    words = _WORDS[kind]
    for name, extra in (("y", y), ("sample_weight", sample_weight)):
        if extra is not None:
            raise ValueError(
                f"{what}: {name}: leave it out, since x is a {words}, whose batches contain it: (x, y) or "
                f"(x, y, sample_weight)."
            )
    reader = Reader(what, words, kind in ("dataset", "loader"), class_weight)
    if kind in ("dataset", "examples"):
        return _indexed(kind, x, size, steps, shuffle, seed, what, reader)
    return _stream(kind, x, size, steps, what, reader)


def at_once(x: Any, batch_size: Any, steps: Any) -> Batch | None:
    """The only batch that ``open_data`` would make of an array, where there is nothing to be said or done about it.

    ``None`` for whatever else.
    """
    kinds: Any = plugins.current().tensor_types
    if steps is not None or not (x.__class__ is np.ndarray or isinstance(x, kinds)) or not x.shape:
        return None
    size = DEFAULT_BATCH_SIZE if batch_size is None else batch_size
    if size.__class__ is not int or not 0 < x.shape[0] <= size:
        return None
    if getattr(x.dtype, "kind", "f") not in "fiub":
        return None
    dtype = values.dtype_of(x)
    if "float" in dtype and dtype != config.floatx():
        return None
    make_default_seed()  # what is drawn after it is the same as after open_data
    return (x,)


_WORDS = {
    "dataset": "PyDataset",
    "examples": "dataset of examples",
    "example stream": "dataset of examples",
    "loader": "data loader",
    "tensor dataset": "dataset",
    "generator": "generator",
    "iterable": "iterable of batches",
}


def _kind(x: Any) -> str:
    """What was given as x."""
    if x.__class__ is np.ndarray:
        return "arrays"
    from polynet.data.py_dataset import PyDataset

    if isinstance(x, PyDataset):
        return "dataset"
    if tree.is_nested(x) or isinstance(x, np.ndarray | range) or plugins.owner(x) is not None:
        return "arrays"
    names = {
        base.__name__ for base in type(x).__mro__ if base.__module__.endswith("utils.data.dataset")
    }
    if "IterableDataset" in names:
        return "example stream"
    if "Dataset" in names:
        return "examples"
    if hasattr(x, "as_numpy_iterator"):
        return "tensor dataset"
    if hasattr(x, "column_names") and hasattr(x, "features") and hasattr(x, "__getitem__"):
        return "table" if hasattr(x, "__len__") else "iterable"
    if hasattr(x, "collate_fn") and hasattr(x, "dataset"):
        return "loader"
    if any(hasattr(x, name) for name in ("to_numpy", "tocsr", "_polynet_value", "__array__")):
        return "arrays"
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return "arrays"
    if hasattr(x, "__next__"):
        return "generator"
    if hasattr(x, "__iter__"):
        return "iterable"
    return "arrays"  # which will say what is wrong


def positive(value: Any, name: str, what: str) -> int:
    """An argument that counts something, checked."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{what}: {name}: expected a positive integer; got {type(value).__name__}."
        ) from None
    if number < 1:
        raise ValueError(f"{what}: {name}: expected a positive integer; got {number}.")
    return number


def _truth(shuffle: Any, what: str) -> bool:
    if not isinstance(shuffle, np.bool_):
        raise ValueError(f"{what}: shuffle: expected True, False or 'batch'; got {shuffle!r}.")
    return bool(shuffle)


def _arrays(
    x: Any,
    y: Any,
    sample_weight: Any,
    size: int | None,
    steps: int | None,
    shuffle: bool | str,
    class_weight: Mapping[int, float] | None,
    seed: int,
    what: str,
) -> ArrayData:
    parts = _parts(x, y, sample_weight, what)
    rows = check_lengths(parts, what)
    if class_weight is not None:
        if parts[1] is None:
            raise ValueError(f"{what}: class_weight: expected labels y beside it; got none.")
        if parts[2] is not None:
            raise ValueError(f"{what}: class_weight: leave it out, or leave out sample_weight.")
        if not isinstance(parts[1], columns.Column):
            raise ValueError(
                f"{what}: class_weight: works for a single output; y has {len(tree.flatten(parts[1]))}. "
                f"Give one sample_weight for each output instead."
            )
        labels = _whole(parts[1])
        weights = weights_of_classes(labels, class_weight, what, complete=True)
        parts = (*parts[:2], columns.column(weights, "sample_weight"))
    if size is None:
        size = DEFAULT_BATCH_SIZE if steps is None else math.ceil(rows / steps)
    given = parts[: 3 if parts[2] is not None else 2 if parts[1] is not None else 1]
    data = ArrayData(given, size, shuffle, seed, what)
    data.limit(steps)
    return data


def _whole(column: columns.Column) -> np.ndarray:
    backend = plugins.owner(column.rows(0, column.length))
    whole = column.rows(0, column.length)
    return np.asarray(whole) if backend is None else backend.to_numpy(whole)


def _parts(x: Any, y: Any, sample_weight: Any, what: str) -> tuple[Any, Any, Any]:
    """The three arguments as trees of columns."""
    inputs = columns.columns(x, f"{what}: x")
    targets = None if y is None else columns.columns(y, f"{what}: y")
    if sample_weight is not None:
        sample_weight = columns.columns(sample_weight, f"{what}: sample_weight")
    if tree.is_nested(inputs) and all(leaf is None for leaf in tree.flatten(inputs)):
        raise ValueError(f"{what}: x: expected data; got an empty {type(x).__name__}.")
    return inputs, targets, _weights(targets, sample_weight, what)


def _weights(y: Any, weights: Any, what: str) -> Any:
    """The weights, one tree with y; a single array counts for each output."""
    if weights is None or y is None:
        return weights
    if tree.is_nested(y):
        if isinstance(weights, columns.Column):
            if len(weights.shape) > 1 and weights.shape[1:] != (1,):
                raise errors.ShapeError(
                    f"{what}: sample_weight: expected shape ({weights.length},) for a model of several outputs; got "
                    f"{weights.shape}. Give one array for each output instead."
                )
            return tree.map_structure(lambda leaf: leaf if leaf is None else weights, y)
        try:
            tree.assert_same_structure(y, weights)
        except ValueError as error:
            raise ValueError(
                f"{what}: sample_weight: expected one array, or one for each output, nested as y is. {error}"
            ) from None
    elif tree.is_nested(weights):
        raise ValueError(
            f"{what}: sample_weight: expected one array, as y is one; got a {type(weights).__name__}."
        )
    for target, weight in zip(tree.flatten(y), tree.flatten(weights), strict=True):
        if weight is None or target is None or weight.length != target.length:
            continue  # lengths are compared later
        rank = len(weight.shape)
        fits = rank <= len(target.shape) and all(
            size in (1, other) for size, other in zip(weight.shape, target.shape, strict=False)
        )
        if not (fits or weight.shape[1:] == (1,)):
            raise errors.ShapeError(
                f"{what}: sample_weight: expected shape ({target.length},), or the first axes of y's shape "
                f"{target.shape}; got {weight.shape}."
            )
    return weights


def check_lengths(parts: tuple[Any, ...], what: str) -> int:
    """The number of rows that all columns have; an error names each length."""
    leaves = parts if _are_flat(parts) else tree.flatten(parts)
    lengths = {leaf.length for leaf in leaves if leaf is not None}
    if len(lengths) > 1:
        raise errors.ShapeError(
            f"{what}: expected as many rows in all arrays; got {_lengths(parts, lambda leaf: leaf.length)}."
        )
    rows = lengths.pop()
    if rows == 0:
        raise ValueError(f"{what}: x: expected at least one row; the data is empty.")
    return int(rows)


def _are_flat(parts: tuple[Any, ...]) -> bool:
    """Is each part one column, or missing?"""
    return not [part for part in parts if not (part is None or isinstance(part, columns.Column))]


def _lengths(parts: tuple[Any, ...], length: Callable[[Any], int]) -> str:
    """Each array and its length, such as ``x: 10, y: 9``."""
    found = []
    for name, part in zip(PARTS, parts, strict=False):
        for path, leaf in tree.flatten_with_path(part):
            if leaf is not None:
                where = "".join(f"[{key!r}]" for key in path)
                found.append(f"{name}{where}: {length(leaf)}")
    return ", ".join(found)


def _outline(pattern: Any) -> str:
    parts = [f"{name}: {_ranks(part)}" for name, part in zip(PARTS, pattern, strict=False)]
    return "(" + ", ".join(parts) + ")"


def _ranks(part: Any) -> str:
    if isinstance(part, dict):
        return "{" + ", ".join(f"{key!r}: {_ranks(each)}" for key, each in part.items()) + "}"
    if isinstance(part, list | tuple):
        return "[" + ", ".join(map(_ranks, part)) + "]"
    return "None" if part is None else f"rank {part}"


def _count(number: int, thing: str) -> str:
    plural = {"batch": "batches"}.get(thing, thing + "s")
    return f"{number} {thing if number == 1 else plural}"


def _indexed(
    kind: str,
    x: Any,
    size: int | None,
    steps: int | None,
    shuffle: bool | str,
    seed: int,
    what: str,
    reader: Reader,
) -> Data:
    data: Indexed
    if kind == "dataset":
        count = x.num_batches
        if count is None:
            if steps is None:
                raise ValueError(
                    f"{what}: steps: expected a number, since the PyDataset has no end; got None."
                )
            from polynet.data.workers import produce

            def forever() -> Iterator[Any]:
                with produce(x, itertools.count()) as made:
                    yield from made

            return StreamData(forever, False, steps, what, reader, dataset=x)
        if count < 1:
            raise ValueError(f"{what}: x: expected at least one batch; the PyDataset has {count}.")
        data = DatasetData(x, count, shuffle, seed, what, reader)
    else:
        if len(x) == 0:
            raise ValueError(f"{what}: x: expected at least one row; the data is empty.")
        if size is None:
            size = DEFAULT_BATCH_SIZE if steps is None else math.ceil(len(x) / steps)
        data = ExampleData(x, size, shuffle, seed, what, reader)
    data.limit(steps)
    return data


def _stream(
    kind: str, x: Any, size: int | None, steps: int | None, what: str, reader: Reader
) -> Data:
    length = _length(x)
    start: Callable[[], Iterator[Any]] = lambda: iter(x)  # noqa: E731
    if kind == "tensor dataset":
        start = x.as_numpy_iterator
    elif kind == "example stream":
        rows = size or DEFAULT_BATCH_SIZE
        length = None if length is None else -(-length // rows)

        def start() -> Iterator[Any]:
            examples = iter(x)
            while part := list(itertools.islice(examples, rows)):
                yield stack_examples(part)

    elif kind == "generator":
        length = None
    if length == 0:
        raise ValueError(f"{what}: x: expected at least one batch; the data is empty.")
    if length is not None and steps is not None and steps >= length:
        if steps > length:
            warnings.warn(
                f"{what}: the data gives {_count(length, 'batch')}, fewer than the {steps} steps that an epoch should "
                f"have, so each epoch ends after {length}.",
                stacklevel=2,
            )
        steps = None
    return StreamData(start, kind == "generator", steps, what, reader, length)


def _length(x: Any) -> int | None:
    """How many batches an iterable says it has."""
    if hasattr(x, "cardinality"):
        count = int(x.cardinality())
        return count if count >= 0 else None
    try:
        return len(x)
    except (TypeError, NotImplementedError):
        return None


def stack_examples(examples: list[Any]) -> Any:
    """One batch of several examples that are nested alike."""
    first = examples[0]
    if not isinstance(first, tuple | list | dict):
        return (_stacked(examples),)
    if isinstance(first, list):
        examples = [tuple(example) for example in examples]
    stacked = tree.map_structure(lambda *leaves: _stacked(leaves), *examples)
    return stacked


def _stacked(leaves: Any) -> Any:
    if plugins.owner(leaves[0]) is plugins.current() and not isinstance(leaves[0], np.ndarray):
        return ops.stack(list(leaves))
    if isinstance(leaves[0], values.NUMBERS):
        return np.asarray(values.from_list(list(leaves), "x"))
    return np.stack([columns.leaf(each) for each in leaves])


def _split_columns(x: Any, y: Any, what: str) -> tuple[Any, Any]:
    """The inputs and targets of a dataset with named columns.

    ``y`` may name the columns of targets; by default they are ``label`` or ``labels``.
    """
    names = list(x.column_names)
    if isinstance(y, str):
        targets = [y]
    elif isinstance(y, list | tuple) and y and all(isinstance(name, str) for name in y):
        targets = list(y)
    else:
        targets = (
            [] if y is not None else [name for name in ("label", "labels") if name in names][:1]
        )
    for name in targets:
        if name not in names:
            raise ValueError(
                f"{what}: y: the dataset has no column {name!r}.{errors.closest(name, names)}"
            )

    def read(name: str) -> np.ndarray:
        given = x[name]
        found = given if isinstance(given, np.ndarray) else np.asarray(list(given))
        if found.dtype.kind in "OSUT":
            raise errors.DTypeError(
                f"{what}: x: expected columns of numbers; column {name!r} holds "
                f"{'strings' if found.dtype.kind in 'SUT' else 'objects'}. Remove it from the dataset or encode it."
            )
        return columns.settled(found)

    inputs = {name: read(name) for name in names if name not in targets}
    given: Any = next(iter(inputs.values())) if len(inputs) == 1 else inputs
    if targets:
        y = read(targets[0]) if isinstance(y, str) or y is None else {n: read(n) for n in targets}
    return given, y


# ------------------------------------------------------------------------------------------ class weights


def check_class_weight(class_weight: Any, what: str) -> None:
    """Raise unless it is ``None`` or a dict from labels to weights."""
    if class_weight is None:
        return
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"{what}: class_weight: expected a dict from labels to weights; got {type(class_weight).__name__}."
        )
    if not class_weight:
        raise ValueError(
            f"{what}: class_weight: expected a weight for each label; got an empty dict."
        )
    for label, weight in class_weight.items():
        if isinstance(label, bool) or not isinstance(label, int | np.integer) or label < 0:
            raise ValueError(
                f"{what}: class_weight: expected labels that are integers of 0 or more; got {label!r}."
            )
        number = isinstance(weight, int | float | np.integer | np.floating)
        if isinstance(weight, bool) or not number or not math.isfinite(weight) or weight < 0:
            raise ValueError(
                f"{what}: class_weight: expected a finite number of 0 or more for label {label}; got {weight!r}."
            )


def weights_of_classes(
    y: Any, class_weight: Mapping[int, float], what: str, complete: bool = False
) -> np.ndarray:
    """The weight of each example; labels that have none get 1.

    Args:
        y: labels, shape (n,), (n, ..., 1), or one-hot in the last axis.
        complete: are these all labels, so that a weight for another one is a mistake?
    """
    if tree.is_nested(y):
        raise ValueError(
            f"{what}: class_weight: works for a single output; y has {len(tree.flatten(y))}. "
            f"Give one sample_weight for each output instead."
        )
    backend = plugins.owner(y)
    labels = np.asarray(y) if backend is None else backend.to_numpy(y)
    classes = None
    if labels.ndim > 1:
        if labels.shape[-1] != 1:
            classes = labels.shape[-1]
            labels = labels.argmax(-1)
        else:
            labels = labels[..., 0]
    labels = np.round(labels).astype(np.int64)
    keys = np.array(sorted(class_weight), np.int64)
    unknown = [] if classes is None else [int(key) for key in keys if key >= classes]
    if unknown:
        raise ValueError(
            f"{what}: class_weight: unknown label {unknown[0]}: y is one-hot with {classes} classes, 0 to "
            f"{classes - 1}."  # type: ignore[operator]
        )
    if complete and classes is None:
        absent = keys[~np.isin(keys, labels)]
        if len(absent) == len(keys):
            raise ValueError(
                f"{what}: class_weight: unknown label {int(keys[0])}: none of the labels in class_weight occurs in "
                f"y, whose labels are {int(labels.min())} to {int(labels.max())}."
            )
    weights = np.array([class_weight[int(key)] for key in keys], config.floatx())
    place = np.searchsorted(keys, labels).clip(0, len(keys) - 1)
    return np.where(keys[place] == labels, weights[place], np.ones((), weights.dtype))


# ------------------------------------------------------------------------------------------ splitting


def split(parts: tuple[Any, ...], fraction: float, what: str = "fit") -> tuple[Any, Any]:
    """Trees of arrays as those for training and, the last fraction of their rows, those for validation.

    Example:
        >>> import numpy
        >>> (x,), (held_out,) = split((numpy.arange(10),), 0.2)
        >>> x.tolist(), held_out.tolist()
        ([0, 1, 2, 3, 4, 5, 6, 7], [8, 9])
    """
    if isinstance(fraction, bool) or not isinstance(fraction, int | float | np.floating):
        raise TypeError(
            f"{what}: validation_split: expected a number between 0 and 1; got {type(fraction).__name__}."
        )
    if not 0 < fraction < 1:
        raise ValueError(
            f"{what}: validation_split: expected a number between 0 and 1; got {fraction}."
        )
    kind = _kind(parts[0])
    if kind != "arrays":
        raise ValueError(
            f"{what}: validation_split: works for arrays only; x is a {_WORDS.get(kind, 'dataset')}. Give "
            f"validation_data instead."
        )
    found = tuple(
        columns.columns(part, f"{what}: {name}") for name, part in zip(PARTS, parts, strict=False)
    )
    rows = check_lengths(found, what)
    at = math.floor(rows * (1.0 - fraction))
    if at == 0 or at == rows:
        raise ValueError(
            f"{what}: validation_split: {fraction} of {_count(rows, 'row')} leaves nothing for "
            f"{'training' if at == 0 else 'validation'}. Give more data or another fraction."
        )

    def cut(begin: int, end: int) -> tuple[Any, ...]:
        return tuple(
            tree.map_structure(lambda leaf: leaf.part(begin, end), part, none_is_leaf=False)
            for part in found
        )

    return cut(0, at), cut(at, rows)
