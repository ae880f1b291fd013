"""Data: batches from everything that can be trained on, their order, and what is refused with which words."""

import importlib.util
import itertools
import os
import signal
import time
import warnings

import numpy as np
import pytest

import polynet
from polynet import ops, tree
from polynet.plugins import current
from polynet.random import host
from polynet.training.data import open_data, split

X = np.arange(20.0, dtype="float32").reshape(10, 2)
Y = np.arange(10)

forks = pytest.mark.filterwarnings(
    "ignore:os.fork:RuntimeWarning", "ignore:This process:DeprecationWarning"
)


def host_of(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def labels(data, number=0, first=0):
    """The targets of an epoch, a list for each batch."""
    return [host_of(batch[1]).tolist() for batch in data.epoch(number, first)]


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def lengths(data, number=0):
    return [len(batch[0]) for batch in data.epoch(number)]


def generate(count, rows=4):
    for _ in range(count):
        yield X[:rows], Y[:rows]


class Again:
    """Batches that can be iterated as often as one likes."""

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return generate(self.count)


class Numbers(polynet.utils.PyDataset):
    def __init__(self, count=6, **kwargs):
        super().__init__(**kwargs)
        self.count, self.heard = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return X[index : index + 1], Y[index : index + 1]

    def on_epoch_begin(self):
        self.heard.append("begin")

    def on_epoch_end(self):
        self.heard.append("end")


# ------------------------------------------------------------------------------------------ arrays


def test_arrays_without_shuffling_are_views():
    data = open_data(X, Y, batch_size=4)
    assert (data.steps, data.batch_size, data.examples) == (3, 4, 10)
    batches = list(data.epoch(0))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    assert all(np.shares_memory(x, X) and np.shares_memory(y, Y) for x, y in batches)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), X)


def test_the_batch_size_is_32_or_what_steps_ask_for():
    many = np.zeros((100, 1), "float32")
    assert open_data(many).batch_size == 32
    assert open_data(many, steps=7).batch_size == 15
    assert open_data(many, steps=7).steps == 7


def test_shuffling_follows_from_seed_and_epoch_alone():
    data = open_data(X, Y, batch_size=4, shuffle=True, seed=1)
    assert labels(data) == [[7, 5, 0, 8], [3, 9, 2, 1], [6, 4]]  # the same on every backend
    first, second = labels(data, 0), labels(data, 1)
    assert sorted(flat(second)) == list(range(10)) and second != first
    assert labels(data, 0) == first and labels(data, 1) == second
    assert labels(open_data(X, Y, batch_size=4, shuffle=True, seed=1), 1) == second
    assert labels(open_data(X, Y, batch_size=4, shuffle=True, seed=2)) != first
    for x, y in data.epoch(3):
        np.testing.assert_array_equal(x, X[y])
    assert flat(first) == host.permutation((1, 0), 10).tolist()


def test_an_epoch_can_begin_at_any_batch():
    for shuffle in (False, True, "batch"):
        data = open_data(X, Y, batch_size=3, shuffle=shuffle, seed=5)
        for number, first in itertools.product(range(3), range(5)):
            assert labels(data, number, first) == labels(data, number)[first:]


def test_shuffling_batches_keeps_them_whole_and_the_smaller_one_last():
    data = open_data(X, Y, batch_size=3, shuffle="batch", seed=1)
    found = labels(data)
    for number in range(9):
        *whole, last = labels(data, number)
        assert sorted(whole) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]] and last == [9]
    assert {tuple(map(tuple, labels(data, n))) for n in range(9)} != {tuple(map(tuple, found))}


def test_the_default_order_follows_from_the_random_seed():
    def order():
        polynet.utils.set_random_seed(11)
        return labels(open_data(X, Y, batch_size=10, shuffle=True))

    assert order() == order()
    assert labels(open_data(X, Y, batch_size=10, shuffle=True)) != order()


def test_an_epoch_of_fewer_steps_is_continued_by_the_next():
    data = open_data(X, Y, batch_size=4, steps=2, shuffle=True, seed=1)
    whole = open_data(X, Y, batch_size=4, shuffle=True, seed=1)
    expected = labels(whole, 0) + labels(whole, 1)
    assert flat(labels(data, n) for n in range(3)) == expected
    assert labels(data, 1, 1) == expected[3:4]


def test_more_steps_than_batches_warn_and_end_the_epoch():
    with pytest.warns(UserWarning, match="fit: the data gives 3 batches, fewer than the 5 steps"):
        data = open_data(X, Y, batch_size=4, steps=5)
    assert data.steps == 3 and lengths(data) == lengths(data, 1) == [4, 4, 2]


def test_floats_become_floatx_and_integers_stay():
    wide = X.astype("float64")
    ((x, y),) = open_data(wide, Y.astype("uint8")).epoch(0)
    assert x.dtype == "float32" and y.dtype == "uint8"
    ((x, y),) = open_data([[1.5], [2.5]], [1, 2]).epoch(0)
    assert (x.dtype, y.dtype) == ("float32", "int32")
    ((x,),) = open_data(X.astype("float16")).epoch(0)
    assert x.dtype == "float32"


def test_large_arrays_are_cast_batch_by_batch(monkeypatch):
    from polynet.training import columns

    monkeypatch.setattr(columns, "AT_ONCE", 0)
    wide = X.astype("float64")
    for shuffle in (False, True):
        data = open_data(wide, Y, batch_size=4, shuffle=shuffle, seed=1)
        assert data.leaves[0].array is wide
        for x, y in data.epoch(0):
            assert x.dtype == "float32"
            np.testing.assert_array_equal(x, X[y])


def test_arrays_with_gaps_are_shuffled_without_copying_them_whole():
    gaps = np.zeros((10, 4), "float32")[:, ::2]
    gaps[:] = X
    for x, y in open_data(gaps, Y, batch_size=4, shuffle=True, seed=1).epoch(0):
        np.testing.assert_array_equal(x, X[y])


def test_trees_keep_their_nesting():
    x = {"b": X, "a": [X[:, 0], (X[:, 1],)]}
    data = open_data(x, [Y, Y], np.ones(10, "float32"), batch_size=5, shuffle=True, seed=3)
    for inputs, targets, weights in data.epoch(0):
        tree.assert_same_structure(inputs, x)
        assert list(inputs) == ["b", "a"]
        assert isinstance(targets, list) and len(weights) == 2
        np.testing.assert_array_equal(inputs["b"], X[targets[0]])
        np.testing.assert_array_equal(inputs["a"][1][0], X[targets[1], 1])


def test_lists_of_numbers_are_arrays_and_lists_of_arrays_are_trees():
    ((x, y),) = open_data([[1, 2], [3, 4]], [0, 1]).epoch(0)
    assert x.shape == (2, 2) and y.shape == (2,)
    ((x,),) = open_data([np.ones((2, 1)), np.ones((2, 3))]).epoch(0)
    assert [part.shape for part in x] == [(2, 1), (2, 3)]
    ((x,),) = open_data(([1, 2], np.ones(2))).epoch(0)
    assert isinstance(x, tuple) and x[0].shape == (2,)
    ((x,),) = open_data(range(3)).epoch(0)
    assert x.tolist() == [0, 1, 2]


def test_native_tensors_stay_native():
    x, y = ops.convert_to_tensor(X), ops.convert_to_tensor(Y.astype("int32"))
    for shuffle in (False, True):
        data = open_data(x, y, batch_size=4, shuffle=shuffle, seed=1)
        for a, b in data.epoch(0):
            assert isinstance(a, current().tensor_types)
            np.testing.assert_array_equal(host_of(a), X[host_of(b)])
    assert labels(data) == [[7, 5, 0, 8], [3, 9, 2, 1], [6, 4]]


def test_native_floats_become_floatx():
    ((x,),) = open_data(ops.convert_to_tensor(X, dtype="float16")).epoch(0)
    assert polynet.backend.standardize_dtype(x.dtype) == "float32"


def test_variables_are_data_too():
    ((x,),) = open_data(polynet.Variable(X)).epoch(0)
    np.testing.assert_array_equal(host_of(x), X)


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_tensors_of_another_backend_are_converted(library):
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed in this environment")
    x = polynet.convert(X, library)
    (batch, *_) = open_data(x, Y, batch_size=4).epoch(0)
    np.testing.assert_array_equal(host_of(batch[0]), X[:4])
    assert isinstance(batch[0], (np.ndarray, *current().tensor_types))


def test_peeking_uses_nothing_up():
    stream = open_data(generate(3))
    for data in (open_data(X, Y, batch_size=4, shuffle=True), open_data(Numbers()), stream):
        count = len(data.peek())
        assert count == 2 and len(data.peek()) == 2
    assert len(list(stream.epoch(0))) == 3


def test_data_that_is_open_already_stays():
    data = open_data(X)
    assert open_data(data) is data


# ------------------------------------------------------------------------------------------ tables and the like


def test_frames_and_series_of_pandas():
    pandas = pytest.importorskip("pandas", reason="pandas is an extra")
    frame = pandas.DataFrame({"a": range(10), "b": np.arange(10.0)})
    ((x, y),) = open_data(frame, frame["a"], batch_size=10).epoch(0)
    assert x.dtype == "float32" and x.shape == (10, 2) and y.shape == (10, 1)
    gaps = pandas.DataFrame({"a": pandas.array([1, 2], "Int64"), "b": [True, False]})
    ((x,),) = open_data(gaps).epoch(0)
    assert x.tolist() == [[1, 1], [2, 0]] and x.dtype == "float32"
    named = pandas.DataFrame({"size": [1.0], "name": ["ox"], "day": [pandas.Timestamp(0)]})
    with pytest.raises(
        TypeError, match="fit: x: expected columns of numbers; these are not: 'name', 'day'"
    ):
        open_data(named)
    with pytest.raises(
        TypeError, match=r"fit: y: expected numbers; got an array of (objects|strings)"
    ):
        open_data(frame[:1], named["name"])


class Polars:
    """A frame as polars has it: types that say whether they are numeric."""

    class Type:
        def __init__(self, numeric):
            self.numeric = numeric

        def is_numeric(self):
            return self.numeric

    def __init__(self, **columns):
        self.columns = list(columns)
        self.values = columns
        self.dtypes = [self.Type(np.asarray(v).dtype.kind in "if") for v in columns.values()]

    def to_numpy(self):
        kinds = {np.asarray(value).dtype.kind for value in self.values.values()}
        return np.stack(list(self.values.values()), 1).astype(object if "U" in kinds else "float64")


def test_frames_of_polars():
    ((x,),) = open_data(Polars(a=[1.0, 2.0], b=[3.0, 4.0])).epoch(0)
    assert x.dtype == "float32" and x.tolist() == [[1, 3], [2, 4]]
    with pytest.raises(TypeError, match="these are not: 'b'"):
        open_data(Polars(a=[1.0], b=["x"]))


def test_sparse_matrices_give_dense_batches():
    scipy_sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not needed to use polynet")
    sparse = scipy_sparse.coo_matrix(X)
    for shuffle in (False, True):
        for x, y in open_data(sparse, Y, batch_size=4, shuffle=shuffle, seed=1).epoch(0):
            np.testing.assert_array_equal(x, X[y])


class Stored:
    """Rows on a disk: read by slices, or by numbers that ascend."""

    shape, dtype = X.shape, np.dtype("float64")

    def __getitem__(self, rows):
        if not isinstance(rows, slice):
            assert (np.diff(rows) > 0).all()
        return X[rows].astype("float64")


def test_what_is_read_from_a_disk_by_the_batch():
    for shuffle in (False, True):
        for x, y in open_data(Stored(), Y, batch_size=4, shuffle=shuffle, seed=1).epoch(0):
            assert x.dtype == "float32"
            np.testing.assert_array_equal(x, X[y])


class HuggingFace:
    """A dataset with named columns, as of the library ``datasets``."""

    features = None

    def __init__(self, **columns):
        self.columns = columns
        self.column_names = list(columns)

    def __len__(self):
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name):
        return self.columns[name]


def test_datasets_with_named_columns():
    ((x, y),) = open_data(HuggingFace(pixels=X.tolist(), label=Y.tolist())).epoch(0)
    np.testing.assert_array_equal(x, X)
    assert y.tolist() == Y.tolist()
    ((x, y),) = open_data(HuggingFace(a=X, b=X, c=Y), "c").epoch(0)
    assert list(x) == ["a", "b"] and y.tolist() == Y.tolist()
    ((x, y),) = open_data(HuggingFace(a=X, b=Y, c=Y), ["b", "c"]).epoch(0)
    assert list(y) == ["b", "c"]
    with pytest.raises(
        ValueError, match=r"fit: y: the dataset has no column 'lable'\. Did you mean 'label'"
    ):
        open_data(HuggingFace(a=X, label=Y), "lable")
    with pytest.raises(
        TypeError, match="fit: x: expected columns of numbers; column 'text' holds strings"
    ):
        open_data(HuggingFace(text=["a", "b"], label=[0, 1]))


class TensorDataset:
    """A dataset as of ``tf.data``."""

    def __init__(self, count):
        self.count = count

    def cardinality(self):
        return np.int64(self.count)

    def as_numpy_iterator(self):
        return generate(self.count if self.count > 0 else 2)


def test_datasets_that_give_numpy_batches():
    data = open_data(TensorDataset(3))
    assert data.steps == 3 and len(list(data.epoch(0))) == len(list(data.epoch(1))) == 3
    assert open_data(TensorDataset(-2)).steps is None


# ------------------------------------------------------------------------------------------ generators


def test_a_generator_is_read_once():
    data = open_data(generate(3))
    assert data.steps is None and len(list(data.epoch(0))) == 3
    assert data.steps == 3 and data.exhausted
    with pytest.warns(UserWarning, match="fit: the data is used up, so there is no further epoch"):
        assert list(data.epoch(1)) == []


def test_a_generator_goes_on_in_the_next_epoch():
    seen = []

    def count():
        for number in itertools.count():
            seen.append(number)
            yield X[:1], Y[number % 10 :][:1]

    data = open_data(count(), steps=3)
    assert [labels(data, n) for n in range(2)] == [[[0], [1], [2]], [[3], [4], [5]]]
    assert seen == list(range(6))  # nothing was read and dropped
    assert not data.exhausted


def test_a_generator_that_ends_early_warns_and_stops():
    data = open_data(generate(5), steps=3)
    assert len(list(data.epoch(0))) == 3
    with pytest.warns(UserWarning, match="fit: the data ran out after 2 batches of an epoch of 3"):
        assert len(list(data.epoch(1))) == 2
    assert data.exhausted


def test_what_can_be_iterated_again_is():
    data = open_data(Again(3))
    assert [len(list(data.epoch(n))) for n in range(3)] == [3, 3, 3] and not data.exhausted
    data = open_data(Again(5), steps=2)
    assert len(list(data.epoch(0))) == len(list(data.epoch(1))) == 2
    with pytest.warns(UserWarning, match="ran out after 1 batch of an epoch of 2; the epoch ends"):
        assert len(list(data.epoch(2))) == 1
    assert len(list(data.epoch(3))) == 2
    data = open_data(Again(4), steps=2)  # comes out even: no warning
    assert [len(list(data.epoch(n))) for n in range(5)] == [2] * 5


def test_batches_that_are_left_out_are_read():
    data = open_data(Again(5))
    assert len(list(data.epoch(0, 3))) == 2


def test_a_generator_that_raises_is_heard_with_the_number_of_the_batch():
    def fail():
        yield X, Y
        yield X, Y
        raise KeyError("mine")

    data, read = open_data(fail()), []
    with pytest.raises(KeyError, match="mine") as caught:
        read.extend(data.epoch(0))
    assert len(read) == 2
    assert caught.value.__notes__ == [
        "This happened in fit, while the generator made batch 2 of x."
    ]


def test_a_batch_alone_and_a_dict_are_inputs():
    ((x,),) = open_data(iter([X])).epoch(0)
    assert x is X
    ((x,),) = open_data(iter([{"a": X}])).epoch(0)
    assert list(x) == ["a"]
    ((x, y, w),) = open_data(iter([(X, Y, np.ones(10))])).epoch(0)
    assert w.dtype == "float32"
    ((x, y),) = open_data(iter([(X, None)])).epoch(0)
    assert y is None


@pytest.mark.parametrize(
    ("batches", "kind", "words"),
    [
        ([], ValueError, "fit: x: expected at least one batch; the generator gave none."),
        (
            [(X, Y, Y, Y)],
            ValueError,
            "batch 0 of the generator: expected a tuple .*; got a tuple of 4",
        ),
        ([[X, Y]], ValueError, "batch 0 of the generator: expected a tuple .*; got a list of 2"),
        ([3], ValueError, "batch 0 of the generator: expected a tuple .*; got int"),
        ([None], ValueError, "batch 0 of the generator: expected a tuple .*; got None"),
        (
            [(X, Y), (X,)],
            ValueError,
            r"batch 1 .* differently from the first: expected \(x: rank 2, y: rank 1\); "
            r"got \(x: rank 2\)",
        ),
        (
            [(X, Y), (X, Y[:, None])],
            ValueError,
            r"batch 1 .* differently .* got \(x: rank 2, y: rank 2\)",
        ),
        (
            [({"a": X}, Y), ({"b": X}, Y)],
            ValueError,
            r"expected \(x: {'a': rank 2}, y: rank 1\); got \(x: {'b'",
        ),
        (
            [(X, Y[:3])],
            ValueError,
            "fit: batch 0 of the generator: expected as many rows in all its arrays; got "
            "x: 10, y: 3",
        ),
        (
            [(X, 1.0)],
            ValueError,
            "batch 0 of the generator: expected arrays with one row for each example",
        ),
        ([(X[:0], Y[:0])], ValueError, "batch 0 of the generator is empty"),
        (
            [(np.array(["a"]), Y[:1])],
            TypeError,
            "batch 0 of the generator: expected numbers; got an array of strings",
        ),
        ([(np.array([None]), Y[:1])], TypeError, "expected numbers; got an array of objects"),
    ],
)
def test_batches_that_are_refused(batches, kind, words):
    with pytest.raises(kind, match=words):
        list(open_data(iter(batches)).epoch(0))


def test_ranks_may_not_change_but_lengths_may():
    data = open_data(iter([(np.ones((2, 5)), Y[:2]), (np.ones((3, 7)), Y[:3])]))
    assert [x.shape for x, _ in data.epoch(0)] == [(2, 5), (3, 7)]


# ------------------------------------------------------------------------------------------ examples, loaders


class Dataset:
    """As the base class of torch's datasets; see ``__module__``."""

    __module__ = "torch.utils.data.dataset"


class Pairs(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, index):
        return X[index], int(Y[index])


class IterableDataset(Dataset):
    __module__ = "torch.utils.data.dataset"

    def __iter__(self):
        return ((X[i], int(Y[i])) for i in range(10))


def test_examples_are_put_together_to_batches():
    data = open_data(Pairs(), batch_size=4, shuffle=True, seed=1)
    assert (data.steps, data.examples) == (3, 10)
    assert labels(data) == [[7, 5, 0, 8], [3, 9, 2, 1], [6, 4]]
    for x, y in data.epoch(0):
        np.testing.assert_array_equal(x, X[y])
    assert labels(data, 1, 2) == labels(data, 1)[2:]


def test_a_stream_of_examples():
    data = open_data(IterableDataset(), batch_size=4)
    assert lengths(data) == lengths(data, 1) == [4, 4, 2]


def test_datasets_and_loaders_of_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed in this environment")
    utils = torch.utils.data
    dataset = utils.TensorDataset(torch.tensor(X), torch.tensor(Y))
    data = open_data(dataset, batch_size=4, shuffle=True, seed=1)
    assert labels(data) == [[7, 5, 0, 8], [3, 9, 2, 1], [6, 4]]
    data = open_data(utils.DataLoader(dataset, batch_size=4))
    assert data.steps == 3 and lengths(data) == lengths(data, 1) == [4, 4, 2]
    for x, y in data.epoch(0):
        assert isinstance(x, (np.ndarray, *current().tensor_types))
        np.testing.assert_array_equal(host_of(x), X[host_of(y)])
    named = utils.DataLoader([{"a": X[i], "b": Y[i]} for i in range(10)], batch_size=5)
    assert [sorted(x) for (x,) in open_data(named).epoch(0)] == [["a", "b"]] * 2


# ------------------------------------------------------------------------------------------ PyDataset


@forks
@pytest.mark.parametrize(
    "workers", [{}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}], ids=str
)
def test_batches_of_a_dataset_come_in_order_whoever_makes_them(workers):
    dataset = Numbers(**workers, max_queue_size=2)
    data = open_data(dataset, shuffle=True, seed=2)
    assert data.steps == 6
    order = host.permutation((2, 0), 6).tolist()
    assert labels(data) == [[number] for number in order]
    assert labels(data, 0, 4) == [[number] for number in order[4:]]
    assert dataset.heard == ["begin", "end"] * 2


def test_a_dataset_without_an_end_needs_steps():
    class Endless(Numbers):
        num_batches = None

        def __getitem__(self, index):
            return X[:1], np.array([index])

    with pytest.raises(
        ValueError, match="fit: steps: expected a number, since the PyDataset has no"
    ):
        open_data(Endless())
    for workers in (1, 2):
        data = open_data(Endless(workers=workers), steps=2)
        assert labels(data) == [[0], [1]] and labels(data, 1) == [[2], [3]]
        data.close()


def test_a_dataset_may_be_written_without_calling_its_base():
    class Bare(polynet.utils.PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return X, Y

    dataset = Bare()
    assert (dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size) == (1, False, 10)
    assert lengths(open_data(dataset)) == [10]
    assert polynet.utils.Sequence is polynet.utils.PyDataset


class Raising(Numbers):
    def __getitem__(self, index):
        if index == 3:
            raise ValueError("mine")
        return super().__getitem__(index)


class Dying(Numbers):
    how = staticmethod(lambda: os._exit(3))

    def __getitem__(self, index):
        if index == 3:
            self.how()
        return super().__getitem__(index)


class Killed(Dying):
    how = staticmethod(lambda: os.kill(os.getpid(), signal.SIGKILL))


@forks
@pytest.mark.parametrize(
    "workers", [{}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}], ids=str
)
def test_a_worker_that_raises(workers):
    data = open_data(Raising(**workers))
    with pytest.raises(ValueError, match="mine") as caught:
        list(data.epoch(0))
    assert caught.value.__notes__ == [
        "This happened in fit, while the PyDataset made batch 3 of x."
    ]


@forks
@pytest.mark.parametrize("kind", [Dying, Killed])
def test_a_worker_that_dies_is_an_error_within_seconds(kind):
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="PyDataset: a worker process died before batch"):
        list(open_data(kind(workers=2, use_multiprocessing=True)).epoch(0))
    assert time.monotonic() - start < 5


class Slow(Numbers):
    def __getitem__(self, index):
        if index:
            time.sleep(60)
        return super().__getitem__(index)


@forks
def test_a_process_that_is_busy_is_ended_too():
    import multiprocessing

    epoch = open_data(Slow(workers=2, use_multiprocessing=True)).epoch(0)
    next(epoch)
    start = time.monotonic()
    epoch.close()
    assert time.monotonic() - start < 5
    while multiprocessing.active_children():  # the batch that they are at takes far longer
        assert time.monotonic() - start < 10
        time.sleep(0.02)


@forks
@pytest.mark.parametrize("processes", [False, True])
def test_an_epoch_that_is_left_early_leaves_no_worker_behind(processes):
    import multiprocessing
    import threading

    before = threading.active_count()
    data = open_data(Numbers(workers=2, use_multiprocessing=processes))
    epoch = data.epoch(0)
    next(epoch)
    epoch.close()
    data.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if threading.active_count() <= before and not multiprocessing.active_children():
            return
        time.sleep(0.02)
    pytest.fail("workers are still there")


def test_threads_work_ahead_but_not_further_than_the_queue():
    asked = []

    class Watched(Numbers):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    epoch = open_data(Watched(6, workers=2, max_queue_size=3)).epoch(0)
    next(epoch)
    time.sleep(0.05)
    assert 2 <= len(asked) <= 4
    epoch.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"workers": -1}, "workers: expected an integer of 0 or more; got -1"),
        ({"workers": 1.5}, "workers: expected an integer of 0 or more; got 1.5"),
        ({"max_queue_size": 0}, "max_queue_size: expected a positive integer; got 0"),
    ],
)
def test_workers_are_counted_in_integers(arguments, words):
    with pytest.raises(ValueError, match=words):
        polynet.utils.PyDataset(**arguments)


def test_datasets_that_are_not_finished():
    class Unwritten(polynet.utils.PyDataset):
        pass

    with pytest.raises(NotImplementedError, match=r"Unwritten: write __len__\(self\)"):
        open_data(Unwritten())
    with pytest.raises(NotImplementedError, match=r"Unwritten: write __getitem__\(self, index\)"):
        Unwritten()[0]
    with pytest.raises(
        ValueError, match="fit: x: expected at least one batch; the PyDataset has 0"
    ):
        open_data(Numbers(0))


# ------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (
            lambda: open_data(X, Y[:9]),
            ValueError,
            "^fit: expected as many rows in all arrays; got x: 10, y: 9.$",
        ),
        (
            lambda: open_data({"u": X, "v": X[:3]}, [Y, Y[:9]], what="evaluate"),
            ValueError,
            r"^evaluate: expected as many rows in all arrays; got x\['u'\]: 10, x\['v'\]: "
            r"3, y\[0\]: 10, y\[1\]: 9.$",
        ),
        (lambda: open_data(X, Y, np.ones(9)), ValueError, "got x: 10, y: 10, sample_weight: 9"),
        (
            lambda: open_data(X[:0], Y[:0]),
            ValueError,
            "^fit: x: expected at least one row; the data is empty.$",
        ),
        (lambda: open_data([]), ValueError, "^fit: x: expected data; got an empty list.$"),
        (lambda: open_data({}), ValueError, "^fit: x: expected data; got an empty dict.$"),
        (lambda: open_data(None), ValueError, "^fit: x: expected data; got None.$"),
        (lambda: open_data(3), TypeError, "^fit: x: expected arrays or numbers; got int.$"),
        (
            lambda: open_data(object()),
            TypeError,
            "^fit: x: expected arrays or numbers; got object.$",
        ),
        (
            lambda: open_data("abc"),
            TypeError,
            "^fit: x: expected arrays, a dataset or an iterable of batches; got str.$",
        ),
        (
            lambda: open_data(np.float32(1)),
            ValueError,
            "^fit: x: expected one row for each example; got a single number.$",
        ),
        (lambda: open_data(X, 1.0), TypeError, "^fit: y: expected arrays or numbers; got float.$"),
        (
            lambda: open_data(np.array(["a", "b"])),
            TypeError,
            "^fit: x: expected numbers; got an array of strings",
        ),
        (
            lambda: open_data({"a": np.array([None, 1])}),
            TypeError,
            r"^fit: x\['a'\]: expected numbers; got an array of objects",
        ),
        (
            lambda: open_data(X, ["a", "b"]),
            TypeError,
            "^fit: y: expected numbers; got a list of strings",
        ),
        (
            lambda: open_data([[1], [1, 2]]),
            ValueError,
            "^fit: x: expected a list whose rows have equal lengths",
        ),
        (
            lambda: open_data(X, batch_size=0),
            ValueError,
            "^fit: batch_size: expected a positive integer; got 0.$",
        ),
        (
            lambda: open_data(X, batch_size=-3),
            ValueError,
            "^fit: batch_size: expected a positive integer; got -3.$",
        ),
        (
            lambda: open_data(X, batch_size=2.0),
            TypeError,
            "^fit: batch_size: expected a positive integer; got float.$",
        ),
        (
            lambda: open_data(X, batch_size=True),
            TypeError,
            "^fit: batch_size: expected a positive integer; got bool.$",
        ),
        (
            lambda: open_data(generate(1), batch_size=0),
            ValueError,
            "^fit: batch_size: expected a positive integer; got 0.$",
        ),
        (
            lambda: open_data(X, steps=0),
            ValueError,
            "^fit: steps: expected a positive integer; got 0.$",
        ),
        (
            lambda: open_data(X, shuffle="yes"),
            ValueError,
            "^fit: shuffle: expected True, False or 'batch'; got 'yes'.$",
        ),
        (
            lambda: open_data(generate(1), Y),
            ValueError,
            "^fit: y: leave it out, since x is a generator, whose batches",
        ),
        (
            lambda: open_data(Numbers(), None, Y),
            ValueError,
            "^fit: sample_weight: leave it out, since x is a PyDataset",
        ),
        (
            lambda: open_data(X, Y, np.ones((10, 3))),
            ValueError,
            r"^fit: sample_weight: expected shape \(10,\), or the first axes of y's shape "
            r"\(10,\); got \(10, 3\).$",
        ),
        (
            lambda: open_data(X, [Y, Y], np.ones((10, 3))),
            ValueError,
            r"^fit: sample_weight: expected shape \(10,\) for a model of several outputs; "
            r"got \(10, 3\)",
        ),
        (
            lambda: open_data(X, [Y, Y], [np.ones(10)]),
            ValueError,
            "^fit: sample_weight: expected one array, or one for each output, nested as y is",
        ),
        (
            lambda: open_data(X, Y, [np.ones(10)]),
            ValueError,
            "^fit: sample_weight: expected one array, as y is one; got a list.$",
        ),
        (
            lambda: open_data(X, Y, class_weight=[1, 2]),
            TypeError,
            "^fit: class_weight: expected a dict from labels to weights; got list.$",
        ),
        (
            lambda: open_data(X, Y, class_weight={}),
            ValueError,
            "^fit: class_weight: expected a weight for each label; got an empty dict.$",
        ),
        (
            lambda: open_data(X, Y, class_weight={"a": 1}),
            ValueError,
            "^fit: class_weight: expected labels that are integers of 0 or more; got 'a'.$",
        ),
        (
            lambda: open_data(X, Y, class_weight={0: -1}),
            ValueError,
            "^fit: class_weight: expected a finite number of 0 or more for label 0; got -1.$",
        ),
        (
            lambda: open_data(X, Y, class_weight={0: float("nan")}),
            ValueError,
            "class_weight: expected a finite number",
        ),
        (
            lambda: open_data(X, Y, class_weight={17: 2.0}),
            ValueError,
            "^fit: class_weight: unknown label 17: none of the labels in class_weight "
            "occurs in y, whose labels are 0 to 9.$",
        ),
        (
            lambda: open_data(X, np.eye(10), class_weight={0: 1, 10: 2}),
            ValueError,
            "^fit: class_weight: unknown label 10: y is one-hot with 10 classes, 0 to 9.$",
        ),
        (
            lambda: open_data(X, Y, np.ones(10), class_weight={0: 1}),
            ValueError,
            "^fit: class_weight: leave it out, or leave out sample_weight.$",
        ),
        (
            lambda: open_data(X, class_weight={0: 1}),
            ValueError,
            "^fit: class_weight: expected labels y beside it; got none.$",
        ),
        (
            lambda: open_data(X, [Y, Y], class_weight={0: 1}),
            ValueError,
            "^fit: class_weight: works for a single output; y has 2",
        ),
        (
            lambda: list(open_data(iter([(X, Y, Y)]), class_weight={0: 1}).epoch(0)),
            ValueError,
            "^fit: class_weight: leave it out, since the batches contain a sample_weight.$",
        ),
        (lambda: open_data(X, seed=-1), ValueError, "^seed: expected an integer from 0"),
    ],
)
def test_refused(call, kind, words):
    with pytest.raises(kind, match=words):
        call()


# ------------------------------------------------------------------------------------------ weights


def test_class_weights_become_sample_weights():
    y = Y % 3
    for targets in (y, y[:, None], np.eye(3)[y], ops.convert_to_tensor(y.astype("int32"))):
        data = open_data(X, targets, class_weight={0: 0.5, 2: 3.0}, batch_size=10)
        (batch,) = data.epoch(0)
        np.testing.assert_array_equal(batch[2], np.array([0.5, 1.0, 3.0], "float32")[y])
        assert batch[2].dtype == "float32"
    ((*_, w),) = open_data(iter([(X, y)]), class_weight={0: 0.5, 2: 3.0}).epoch(0)
    np.testing.assert_array_equal(w, np.array([0.5, 1.0, 3.0], "float32")[y])
    data = open_data(X, y, class_weight={0: 0.5}, shuffle=True, seed=1, batch_size=4)
    for _, labels_, weights in data.epoch(0):
        np.testing.assert_array_equal(weights, np.where(labels_ == 0, 0.5, 1.0))


def test_class_weights_of_sequences():
    y = np.array([[0, 1], [1, 1]])[..., None]
    ((*_, w),) = open_data(X[:2], y, class_weight={1: 2.0}).epoch(0)
    np.testing.assert_array_equal(w, [[1, 2], [2, 2]])


def test_sample_weights_by_example_or_by_step():
    y = np.zeros((10, 5, 3))
    for shape in ((10,), (10, 1), (10, 5), (10, 5, 1)):
        ((*_, w),) = open_data(X, y, np.ones(shape), batch_size=10).epoch(0)
        assert w.shape == shape
    with pytest.raises(ValueError, match="sample_weight: expected shape"):
        open_data(X, y, np.ones((10, 4)))


# ------------------------------------------------------------------------------------------ splitting


def test_the_last_fraction_is_held_out():
    (x, y), (held, held_y) = split((X, {"a": Y}), 0.25)
    assert open_data(x, y).examples == 7
    ((a, b),) = open_data(held, held_y).epoch(0)
    np.testing.assert_array_equal(a, X[7:])
    assert b["a"].tolist() == [7, 8, 9]
    (x, y, w), _ = split((ops.convert_to_tensor(X), Y, None), 0.2)
    assert w is None and open_data(x, y).examples == 8


@pytest.mark.parametrize(
    ("fraction", "kind", "words"),
    [
        (1.0, ValueError, "^fit: validation_split: expected a number between 0 and 1; got 1.0.$"),
        (-0.5, ValueError, "^fit: validation_split: expected a number between 0 and 1; got -0.5.$"),
        (float("nan"), ValueError, "expected a number between 0 and 1; got nan"),
        ("a", TypeError, "^fit: validation_split: expected a number between 0 and 1; got str.$"),
        (0.95, ValueError, "^fit: validation_split: 0.95 of 10 rows leaves nothing for training"),
    ],
)
def test_fractions_that_are_refused(fraction, kind, words):
    with pytest.raises(kind, match=words):
        split((X, Y), fraction)


def test_only_arrays_can_be_split():
    with pytest.raises(
        ValueError, match="validation_split: works for arrays only; x is a generator"
    ):
        split((generate(2),), 0.5)


# ------------------------------------------------------------------------------------------ utils


def test_packing_and_unpacking():
    pack = polynet.utils.pack_x_y_sample_weight
    unpack = polynet.utils.unpack_x_y_sample_weight
    assert (
        pack(1) == 1 and pack([1]) == ([1],) and pack(1, 2) == (1, 2) and pack(1, 2, 3) == (1, 2, 3)
    )
    assert unpack(1) == (1, None, None) and unpack((1,)) == (1, None, None)
    assert unpack([1, 2]) == (1, 2, None) and unpack((1, 2, 3)) == (1, 2, 3)
    with pytest.raises(ValueError, match=r"data: expected a batch .*; got a tuple of 4"):
        unpack((1, 2, 3, 4))


def test_to_categorical():
    to_categorical = polynet.utils.to_categorical
    np.testing.assert_array_equal(to_categorical([0, 2, 1]), np.eye(3)[[0, 2, 1]])
    np.testing.assert_array_equal(to_categorical([[1], [0]], 4), np.eye(4)[[1, 0]])
    np.testing.assert_array_equal(to_categorical([[0, 1], [1, 0]]), np.eye(2)[[[0, 1], [1, 0]]])
    assert to_categorical([0]).dtype == "float64"
    tensor = to_categorical(ops.convert_to_tensor(np.array([[0], [2]], "int32")), 3)
    np.testing.assert_array_equal(host_of(tensor), np.eye(3)[[0, 2]])
    with pytest.raises(
        ValueError, match="to_categorical: x: expected labels from 0 to 2; got labels from -1 to 1"
    ):
        to_categorical([-1, 1], 3)
    with pytest.raises(ValueError, match="expected labels from 0 to 1; got labels from 0 to 2"):
        to_categorical([0, 2], 2)
    with pytest.raises(TypeError, match="to_categorical: x: expected integer labels"):
        to_categorical(["a"])


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [-5.0, 12.0]])
    normal = polynet.utils.normalize(x)
    np.testing.assert_allclose(normal, [[0.6, 0.8], [0, 0], [-5 / 13, 12 / 13]])
    np.testing.assert_allclose(polynet.utils.normalize(x, axis=0)[:, 0], x[:, 0] / np.sqrt(34))
    np.testing.assert_allclose(polynet.utils.normalize(x, order=1)[0], [3 / 7, 4 / 7])
    tensor = polynet.utils.normalize(ops.convert_to_tensor(x.astype("float32")))
    np.testing.assert_allclose(host_of(tensor), normal, rtol=1e-6)


def test_pad_sequences():
    pad = polynet.utils.pad_sequences
    ragged = [[1], [2, 3], [4, 5, 6], []]
    np.testing.assert_array_equal(pad(ragged), [[0, 0, 1], [0, 2, 3], [4, 5, 6], [0, 0, 0]])
    np.testing.assert_array_equal(
        pad(ragged, padding="post", value=-1), [[1, -1, -1], [2, 3, -1], [4, 5, 6], [-1, -1, -1]]
    )
    np.testing.assert_array_equal(pad(ragged, 2), [[0, 1], [2, 3], [5, 6], [0, 0]])
    np.testing.assert_array_equal(
        pad(ragged, 2, truncating="post"), [[0, 1], [2, 3], [4, 5], [0, 0]]
    )
    assert pad(ragged).dtype == "int32" and pad(ragged, dtype="float32").dtype == "float32"
    assert pad([np.ones((1, 2)), np.ones((3, 2))]).shape == (2, 3, 2)
    assert pad([["a"], ["b", "c"]], dtype=object, value="").tolist() == [["", "a"], ["b", "c"]]
    for call, words in (
        (lambda: pad([1, 2]), "sequences: expected a list of sequences; entry 0 is of type int"),
        (lambda: pad(3), "sequences: expected a list of sequences; got int"),
        (lambda: pad([[1]], padding="left"), "padding: expected 'pre' or 'post'; got 'left'"),
        (lambda: pad([[1]], truncating="x"), "truncating: expected 'pre' or 'post'; got 'x'"),
        (lambda: pad([[1]], value="a"), "dtype: expected object to fill up with a string"),
        (
            lambda: pad([np.ones((1, 2)), np.ones((1, 3))]),
            r"sequences: expected entries of shape \(2,\) in all",
        ),
    ):
        with pytest.raises(ValueError, match=f"pad_sequences: {words}"):
            call()


def test_windows_of_a_long_array():
    windows = polynet.utils.timeseries_dataset_from_array
    rows = np.arange(20)
    found = list(windows(rows, rows * 10, 3, sequence_stride=4, sampling_rate=2, batch_size=3))
    assert [x.tolist() for x, _ in found] == [[[0, 2, 4], [4, 6, 8], [8, 10, 12]], [[12, 14, 16]]]
    assert [y.tolist() for _, y in found] == [[0, 40, 80], [120]]
    (x,) = windows(rows, None, 3, start_index=5, end_index=9)
    assert x.tolist() == [[5, 6, 7], [6, 7, 8]]
    ((x, y),) = windows(rows, rows, 3, start_index=5, end_index=9)
    assert y.tolist() == [5, 6]
    singles = list(windows(rows, rows, 18, batch_size=None))
    assert [int(y) for _, y in singles] == [0, 1, 2] and singles[0][0].shape == (18,)
    mixed = windows(rows, rows, 3, shuffle=True, seed=1, batch_size=18)
    ((x, y),) = mixed
    assert sorted(y) == list(range(18)) and y.tolist() != sorted(y)
    np.testing.assert_array_equal(x[:, 0], y)
    assert lengths(open_data(mixed)) == [18]
    for arguments, words in (
        (
            {"sequence_length": 30},
            "sequence_length: a window of 30 rows, 1 apart, does not fit into 20 rows",
        ),
        ({"sequence_length": 0}, "sequence_length: expected a positive integer; got 0"),
        ({"sequence_length": 3, "sampling_rate": 0}, "sampling_rate: expected a positive integer"),
        ({"sequence_length": 3, "start_index": 20}, "start_index: expected 0 to 19"),
        ({"sequence_length": 3, "end_index": 0}, "end_index: expected 1 to 20; got 0"),
        ({"sequence_length": 3, "format": "x"}, "format: expected 'tf' or 'grain'; got 'x'"),
    ):
        with pytest.raises(ValueError, match=f"timeseries_dataset_from_array: {words}"):
            windows(rows, None, **arguments)


def test_splitting_a_dataset():
    split_dataset = polynet.utils.split_dataset
    left, right = split_dataset((X, Y), left_size=0.7)
    assert (len(left), len(right)) == (7, 3)
    assert [int(y) for _, y in right] == [7, 8, 9]
    ((x, y),) = open_data(right).epoch(0)
    np.testing.assert_array_equal(x, X[y])
    left, right = split_dataset(X, right_size=2)
    assert (len(left), len(right)) == (8, 2)
    ((x,),) = open_data(left).epoch(0)
    np.testing.assert_array_equal(x, X[:8])
    left, right = split_dataset((X, Y), 3, 3, shuffle=True, seed=4)
    both = [int(y) for part in (left, right) for _, y in part]
    assert len(set(both)) == 6 and both != sorted(both)
    left, right = split_dataset(Pairs(), left_size=4)
    assert [int(y) for _, y in left] == [0, 1, 2, 3]
    left, right = split_dataset(((X[i], Y[i]) for i in range(10)), left_size=4)
    assert len(right) == 6
    with pytest.raises(IndexError):
        right[6]
    for arguments, kind, words in (
        ({}, ValueError, "expected left_size or right_size; got neither"),
        ({"left_size": 1.5}, ValueError, "left_size: expected a fraction between 0 and 1; got 1.5"),
        ({"left_size": 10}, ValueError, "left_size: expected 1 to 9 of the 10 examples; got 10"),
        (
            {"right_size": "a"},
            TypeError,
            "right_size: expected a number of examples or a fraction; got str",
        ),
        (
            {"left_size": 6, "right_size": 6},
            ValueError,
            "expected two parts .* 10 together; got 6 and 6",
        ),
    ):
        with pytest.raises(kind, match=words):
            split_dataset((X, Y), **arguments)
    with pytest.raises(ValueError, match="expected arrays of one length; got 9, 10"):
        split_dataset((X, Y[:9]), 0.5)
    with pytest.raises(TypeError, match="expected arrays or a dataset of examples; got int"):
        split_dataset(3, 0.5)


@pytest.mark.timing
def test_batches_cost_little():
    x, y = np.zeros((20000, 8), "float32"), np.zeros(20000, "int32")
    for shuffle, limit in ((False, 10e-6), (True, 60e-6)):
        data = open_data(x, y, batch_size=32, shuffle=shuffle, seed=1)
        times = []
        for number in range(10):
            start = time.perf_counter()
            for _ in data.epoch(number):
                pass
            times.append((time.perf_counter() - start) / data.steps)
        assert min(times) < limit


def test_nothing_warns_in_the_ordinary_course():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (open_data(X, Y, steps=2), open_data(Again(4), steps=2), open_data(Numbers())):
            for number in range(4):
                assert list(data.epoch(number))
            data.close()


def test_errors_of_threads_come_as_they_are():
    class Rows(polynet.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            raise KeyError("row of mine")

    model = polynet.Sequential([polynet.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(KeyError, match="row of mine"):
        model.fit(Rows(workers=2), verbose=0)
