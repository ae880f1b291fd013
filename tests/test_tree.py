"""`polynet.tree` against facts found by running Keras 3.15.1, and its own error texts.

Each row of the tables is what Keras answers too, unless the row says otherwise.
"""

import functools
import operator
import re
import time
from collections import OrderedDict, UserDict, defaultdict, deque, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polynet import tree

Point = namedtuple("Point", "x y")
Other = namedtuple("Point", "x y")


class SubPoint(Point):
    pass


class SubList(list):
    pass


class SubDict(dict):
    pass


class SubTuple(tuple):
    pass


def ordered(**items):
    return OrderedDict(items)


def default(**items):
    return defaultdict(list, items)


NESTED = [
    [],
    [1],
    (),
    (1,),
    {},
    {"a": 1},
    ordered(b=1),
    default(b=1),
    deque(),
    Point(1, 2),
    SubPoint(1, 2),
]
LEAVES = [1, 2.5, None, "abc", b"abc", {1, 2}, range(3), np.arange(2), UserDict(a=1)]
LEAVES += [SubList([1]), SubDict(a=1), SubTuple((1,)), Point, 1j]


@pytest.mark.parametrize("structure", NESTED, ids=repr)
def test_containers(structure):
    assert tree.is_nested(structure)


@pytest.mark.parametrize("leaf", LEAVES, ids=repr)
def test_leaves(leaf):
    assert not tree.is_nested(leaf)
    assert tree.flatten(leaf)[0] is leaf
    assert tree.flatten_with_path(leaf)[0][0] == ()


FLAT = [
    ({"b": 1, "a": [2, (3, None)]}, [2, 3, None, 1]),
    (ordered(b=1, a=2), [1, 2]),
    (default(b=1, a=2), [2, 1]),
    ({"a": "s", 1: "i"}, ["i", "s"]),  # keys of two types: by the name of the type
    ({2: "i", "a": "s", 1: "j", None: "n", "b": "t", (1,): "u"}, ["n", "j", "i", "s", "t", "u"]),
    ({True: 1, 0: 2}, [2, 1]),
    ({1j: "first", 0j: "second"}, ["first", "second"]),  # keys without an order: as they stand
    (Point(1, [2, Point(3, 4)]), [1, 2, 3, 4]),
    (deque([1, deque([2])]), [1, 2]),
    ([[], {}, (), [[]]], []),
    ([[1, 2, 3], [4, [5], [[6]]]], [1, 2, 3, 4, 5, 6]),
]


@pytest.mark.parametrize(("structure", "leaves"), FLAT, ids=repr)
def test_flatten(structure, leaves):
    assert tree.flatten(structure) == leaves
    assert [leaf for path, leaf in tree.flatten_with_path(structure)] == leaves
    packed = tree.pack_sequence_as(structure, leaves)
    assert repr(packed) == repr(structure)  # types, order of keys, default factory


def test_paths():
    assert tree.flatten_with_path({"b": 1, "a": [2, (3, None)]}) == [
        (("a", 0), 2),
        (("a", 1, 0), 3),
        (("a", 1, 1), None),
        (("b",), 1),
    ]
    assert tree.flatten_with_path(Point(1, [2])) == [((0,), 1), ((1, 0), 2)]
    assert tree.flatten_with_path({}) == []


MAPPED = [
    ([1, (2, [3])], [2, (3, [4])]),
    ({"b": 1, "a": 2}, {"b": 2, "a": 3}),
    (ordered(b=1, a=2), ordered(b=2, a=3)),
    (default(b=1, a=2), default(b=2, a=3)),
    (deque([1, 2], maxlen=3), deque([2, 3], maxlen=3)),
    (Point(1, 2), Point(2, 3)),
    (SubPoint(1, 2), SubPoint(2, 3)),
    (1, 2),
    ([], []),
    ({}, {}),
]


@pytest.mark.parametrize(("structure", "expected"), MAPPED, ids=repr)
def test_map_structure(structure, expected):
    result = tree.map_structure(lambda x: x + 1, structure)
    assert repr(result) == repr(expected)
    if tree.is_nested(structure):
        assert result is not structure


def test_map_structure_changes_no_argument():
    structure = {"a": [1, 2], "b": default(c=3)}
    tree.map_structure(lambda x: -x, structure)
    assert structure == {"a": [1, 2], "b": {"c": 3}}


PAIRS = [
    ([1, 2], [3, 4], [(1, 3), (2, 4)]),
    ({"a": 1, "b": 2}, {"b": 3, "a": 4}, {"a": (1, 4), "b": (2, 3)}),
    ({"a": 1, "b": 2}, ordered(b=3, a=4), {"a": (1, 4), "b": (2, 3)}),
    (ordered(b=3, a=4), {"a": 1, "b": 2}, ordered(b=(3, 2), a=(4, 1))),
    (default(b=1, a=2), {"a": 1, "b": 2}, default(b=(1, 2), a=(2, 1))),
    ([None], [1], [(None, 1)]),
    ([1], [None], [(1, None)]),
    ([], [], []),
]


@pytest.mark.parametrize(("one", "two", "expected"), PAIRS, ids=repr)
def test_map_two_structures(one, two, expected):
    assert repr(tree.map_structure(lambda x, y: (x, y), one, two)) == repr(expected)


def test_map_structure_without_none():
    def never(*args):
        raise AssertionError(args)

    assert tree.map_structure(never, None, none_is_leaf=False) is None
    assert tree.map_structure(lambda x: x + 1, [None, 1], none_is_leaf=False) == [None, 2]
    result = tree.map_structure(
        lambda x, y: x + y, {"a": None, "b": 1}, {"a": None, "b": 2}, none_is_leaf=False
    )
    assert result == {"a": None, "b": 3}
    with pytest.raises(
        ValueError, match=r"at \[0\], the first has None \(NoneType\), the second has \* \(int\)"
    ):
        tree.map_structure(never, [None], [1], none_is_leaf=False)
    with pytest.raises(
        ValueError, match=r"at \[0\], the first has \* \(int\), the second has None"
    ):
        tree.map_structure(never, [1], [None], none_is_leaf=False)


MISMATCHES = [
    ([1, 2], (3, 4), "at the top, the first has [*, *] (list), the second has (*, *) (tuple)"),
    ([1, 2], [3, [4]], "at [1], the first has * (int), the second has [*] (list)"),
    ([1, [2]], [3, 4], "at [1], the first has [*] (list), the second has * (int)"),
    ({"a": [1, 2]}, {"a": [3]}, "at ['a'], the first has [*, *] (list), the second has [*] (list)"),
    (
        {"a": 1},
        {"a": 1, "b": 2},
        "the first has {'a': *} (dict), the second has {'a': *, 'b': *} (dict)",
    ),
    ({"a": 1, "c": 1}, {"a": 1, "b": 2}, "the second has {'a': *, 'b': *} (dict)"),
    ([{"k": (1, [2])}], [{"k": (1, 2)}], "at [0]['k'][1], the first has [*] (list)"),
    (Point(1, 2), (3, 4), "the first has Point(x=*, y=*) (Point), the second has (*, *) (tuple)"),
    (Point(1, 2), Other(3, 4), "the second has Point(x=*, y=*) (Point)"),
    (Point(1, 2), SubPoint(3, 4), "the second has SubPoint(x=*, y=*) (SubPoint)"),
    (SubList([1]), [1], "the first has * (SubList), the second has [*] (list)"),
    (1, {}, "the first has * (int), the second has {} (dict)"),
    ([], 1, "the first has [] (list), the second has * (int)"),
    ([1], deque([1]), "the second has deque([*]) (deque)"),
]


@pytest.mark.parametrize(("one", "two", "text"), MISMATCHES, ids=repr)
def test_mismatch_says_where_and_what(one, two, text):
    called = []
    with pytest.raises(ValueError, match="not nested in the same way: at ") as caught:
        tree.map_structure(lambda *leaves: called.append(leaves), one, two)
    assert text in str(caught.value)
    assert not called  # everything is compared before the first call
    with pytest.raises(ValueError, match=re.escape(str(caught.value))):
        tree.assert_same_structure(one, two)


def test_errors_show_no_values_and_are_short():
    with pytest.raises(ValueError, match="not nested in the same way") as caught:
        tree.assert_same_structure([np.full(9, 77.0)] * 1000, {"a": 77})
    assert "77" not in str(caught.value)
    assert len(str(caught.value)) < 700


SAME = [
    ([1], [2]),
    ([None], [2]),
    ({"a": 1}, ordered(a=2)),
    (default(a=1), {"a": 3}),
    (1, SubList([1])),
]


@pytest.mark.parametrize(("one", "two"), SAME, ids=repr)
def test_same_structure(one, two):
    assert tree.assert_same_structure(one, two) is None


def test_check_types_is_deprecated():
    with pytest.warns(DeprecationWarning, match="check_types"):
        tree.assert_same_structure([1], [2], check_types=True)
    with (
        pytest.warns(DeprecationWarning, match="assert_same_paths"),
        pytest.raises(ValueError, match="nested"),
    ):
        tree.assert_same_structure([1], (2,), check_types=False)


def test_map_structure_needs_a_function_and_a_structure():
    with pytest.raises(ValueError, match="map_structure: give at least one structure"):
        tree.map_structure(len)
    with pytest.raises(ValueError, match="map_structure_up_to: give at least one structure"):
        tree.map_structure_up_to([1], len)
    with pytest.raises(TypeError, match="not callable"):
        tree.map_structure(3, [1])


UP_TO = [
    ([1, 2], [[[1, 2], 3]], [([1, 2],), (3,)]),
    ({"a": 1}, [{"a": [1]}, {"a": (2, 3)}], {"a": ([1], (2, 3))}),
    ([[1], 2], [[[(1, 2)], {}]], [[((1, 2),)], ({},)]),
    (1, [(1, 2, 3)], ((1, 2, 3),)),
    # Keras documents this row and the next and refuses them (its check takes None for a container).
    ([None, None], [[[1, 1], [2, 2]]], [([1, 1],), ([2, 2],)]),
    ({"a": None}, [{"a": [1]}, {"a": (2, 3)}], {"a": ([1], (2, 3))}),
]


@pytest.mark.parametrize(("shallow", "structures", "expected"), UP_TO, ids=repr)
def test_map_structure_up_to(shallow, structures, expected):
    assert tree.map_structure_up_to(shallow, lambda *parts: parts, *structures) == expected


@pytest.mark.parametrize(
    ("shallow", "structure", "text"),
    [
        ([1, [2]], [[1, 2], 3], "at [1], the first has [*] (list), the second has * (int)"),
        ((1, 2), [[1, 2], 3], "the first has (*, *) (tuple), the second has [[*, *], *] (list)"),
        ((1, 2), (1, 2, 3), "the second has (*, *, *) (tuple)"),
    ],
    ids=repr,
)
def test_map_structure_up_to_refuses_what_is_shallower(shallow, structure, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        tree.map_structure_up_to(shallow, lambda x: x, structure)


SHAPES = [
    ((None, 3), "(None, 3)"),
    ({"a": (None, 3), "b": [[1, 2], (3,), ()]}, {"a": "(None, 3)", "b": ["[1, 2]", "(3,)", "()"]}),
    ([(None, 3), (2,)], ["(None, 3)", "(2,)"]),
    ([], "[]"),
    ([None, 3], "[None, 3]"),
    (None, "None"),
    ({"a": None}, {"a": "None"}),
    (Point((1, 2), (3,)), Point("(1, 2)", "(3,)")),
    (Point(1, 2), "Point(x=1, y=2)"),
    ((1, "x"), ("1", "'x'")),
    (SubTuple((1, 2)), "(1, 2)"),
]


@pytest.mark.parametrize(("structure", "expected"), SHAPES, ids=repr)
def test_map_shape_structure(structure, expected):
    assert tree.map_shape_structure(repr, structure) == expected


def test_pack_takes_any_iterable():
    assert tree.pack_sequence_as({"b": 1, "a": [2, 3]}, "xyz") == {"b": "z", "a": ["x", "y"]}
    assert tree.pack_sequence_as([1, 2], iter([3, 4])) == [3, 4]
    assert tree.pack_sequence_as([1, None], (3, 4)) == [3, 4]
    assert tree.pack_sequence_as(1, [5]) == 5
    assert tree.pack_sequence_as([], []) == []
    values = tree.pack_sequence_as([1, 2], np.arange(2))
    assert values == [0, 1]
    assert isinstance(values[0], np.int64)


@pytest.mark.parametrize(
    ("structure", "leaves"), [({"b": 1, "a": [2, 3]}, [1, 2]), (1, [1, 2]), ([1], [])]
)
def test_pack_refuses_another_number_of_leaves(structure, leaves):
    with pytest.raises(ValueError, match=f"has {len(leaves)} items, but `structure` has"):
        tree.pack_sequence_as(structure, leaves)


def test_pack_refuses_what_is_not_iterable():
    with pytest.raises(TypeError, match="not iterable"):
        tree.pack_sequence_as(1, 5)


def test_same_paths():
    tree.assert_same_paths([1, 2], (3, 4))
    tree.assert_same_paths({0: 1, 1: 2}, (3, 4))
    tree.assert_same_paths([], ())
    tree.assert_same_paths({"b": 1, "a": 2}, ordered(b=1, a=2))
    with pytest.raises(
        ValueError, match=r"(?s)same paths.*Only in `a`: \[\('b', 0\)\].*Only in `b`: \[\]"
    ):
        tree.assert_same_paths({"a": 1, "b": [2]}, {"a": 1})


def test_lists_to_tuples():
    assert tree.lists_to_tuples([1, [2, {"a": [3]}], Point([1], 2)]) == (
        1,
        (2, {"a": (3,)}),
        Point((1,), 2),
    )
    assert tree.lists_to_tuples(SubList([1])) == (1,)
    assert tree.lists_to_tuples(3) == 3


def test_traverse_order():
    structure, seen = {"b": 1, "a": [2]}, []
    assert tree.traverse(seen.append, structure) == structure
    assert seen == [structure, [2], 2, 1]
    seen.clear()
    assert tree.traverse(seen.append, structure, top_down=False) == structure
    assert seen == [2, [2], 1, structure]


def test_traverse_replaces():
    assert tree.traverse(lambda x: tree.MAP_TO_NONE if x == 2 else None, [1, 2, [2, 3]]) == [
        1,
        None,
        [None, 3],
    ]
    assert tree.traverse(lambda x: tree.MAP_TO_NONE, [1]) is None
    tuples = [
        tree.traverse(lambda x: tuple(x) if isinstance(x, list) else None, [1, [2]], t)
        for t in (True, False)
    ]
    assert tuples == [(1, [2]), (1, (2,))]
    assert tree.traverse(
        lambda x: x * 10 if isinstance(x, int) else None, {"b": 1, "a": [2, None]}
    ) == {
        "b": 10,
        "a": [20, None],
    }


def test_traverse_rebuilds_with_the_same_types():
    for structure in (
        ordered(b=1, a=2),
        default(b=1, a=2),
        {"b": 1, "a": 2},
        Point(1, [2]),
        deque([1], 2),
    ):
        copy = tree.traverse(lambda x: None, structure)
        assert repr(copy) == repr(structure)
        assert copy is not structure


def test_a_leaf_may_forbid_comparison():
    # arrays and symbolic tensors raise or answer with an array when compared
    arrays = {"a": [np.zeros(3), np.ones(2)], "b": np.zeros(1)}
    tree.assert_same_structure(arrays, arrays)
    assert tree.map_structure(lambda x, y: x is y, arrays, arrays) == {"a": [True, True], "b": True}
    assert tree.traverse(lambda x: None, arrays)["b"] is arrays["b"]


keys = st.one_of(st.integers(), st.text(max_size=2))
structures = st.recursive(
    st.one_of(st.none(), st.integers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3).map(OrderedDict),
        st.tuples(inner, inner).map(Point._make),
    ),
)


@given(structures)
def test_walks_agree(structure):
    leaves = tree.flatten(structure)
    assert tree.pack_sequence_as(structure, leaves) == structure
    assert [leaf for path, leaf in tree.flatten_with_path(structure)] == leaves
    seen = []
    tree.map_structure(seen.append, structure)
    assert seen == leaves
    tree.assert_same_structure(structure, tree.map_structure(lambda leaf: 0, structure))
    for path, leaf in tree.flatten_with_path(structure):
        assert functools.reduce(operator.getitem, path, structure) is leaf


@pytest.mark.timing
def test_flatten_is_fast():
    structure = {f"k{i}": [np.zeros(1) for _ in range(4)] for i in range(5)}
    best = min(_seconds(tree.flatten, structure) for _ in range(20))
    assert best < 10e-6  # 20 leaves; 3.5 µs measured


def _seconds(func, argument, times=200):
    start = time.perf_counter()
    for _ in range(times):
        func(argument)
    return (time.perf_counter() - start) / times
