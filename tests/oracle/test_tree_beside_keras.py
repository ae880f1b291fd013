"""`polynet.tree` beside Keras's own, on random structures.

What differs on purpose is in tests/test_tree.py: texts of errors, and None in a shallow structure.
"""

from collections import OrderedDict, defaultdict, deque, namedtuple

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polynet import tree

Point = namedtuple("Point", "x y")

keys = st.one_of(st.integers(), st.text(max_size=2), st.none(), st.tuples(st.integers()))


def containers(inner):
    items = st.lists(inner, max_size=3)
    dicts = st.dictionaries(keys, inner, max_size=3)
    return st.one_of(
        items,
        items.map(tuple),
        items.map(deque),
        dicts,
        dicts.map(OrderedDict),
        dicts.map(lambda d: defaultdict(list, d)),
        st.tuples(inner, inner).map(Point._make),
    )


structures = st.recursive(st.one_of(st.none(), st.integers(), st.just("leaf")), containers)


def outcome(function, *args, **kwargs):
    """What a call gives, in words that show types and order; of an error only its class."""
    try:
        return repr(function(*args, **kwargs))
    except Exception as error:
        return type(error).__name__


def agree(name, *args, **kwargs):
    ours = outcome(getattr(tree, name), *args, **kwargs)
    assert ours == outcome(getattr(keras.tree, name), *args, **kwargs)


@given(structures)
def test_one_structure(x):
    agree("flatten", x)
    agree("flatten_with_path", x)
    agree("is_nested", x)
    agree("lists_to_tuples", x)
    agree("map_structure", repr, x)
    agree("map_structure", repr, x, none_is_leaf=False)
    agree("map_shape_structure", repr, x)
    leaves = [str(i) for i in range(len(tree.flatten(x)))]
    for count in (leaves, leaves[:-1], [*leaves, "one more"]):
        agree("pack_sequence_as", x, count)


@given(structures, st.booleans())
def test_traverse(x, top_down):
    seen, theirs = [], []
    tree.traverse(lambda part: seen.append(repr(part)), x, top_down)
    keras.tree.traverse(lambda part: theirs.append(repr(part)), x, top_down)
    assert seen == theirs
    for none in (tree.MAP_TO_NONE, keras.tree.MAP_TO_NONE):
        module = tree if none is tree.MAP_TO_NONE else keras.tree
        replaced = module.traverse(lambda part, none=none: none if part == 1 else None, x, top_down)
        seen.append(repr(replaced))
    assert seen[-1] == seen[-2]


@given(structures, structures)
@settings(max_examples=300)
def test_two_structures(x, y):
    for a, b in ((x, y), (x, x), (x, tree.map_structure(lambda leaf: 5, x))):
        agree("assert_same_structure", a, b)
        agree("assert_same_paths", a, b)
        agree("map_structure", lambda *leaves: leaves, a, b)


@given(structures, st.data())
def test_up_to(x, data):
    deeper = tree.map_structure(lambda leaf: data.draw(structures), x)
    shallow = tree.map_structure(lambda leaf: 0, x)  # Keras takes None there for a container
    agree("map_structure_up_to", shallow, repr, deeper)
    agree("map_structure_up_to", shallow, repr, data.draw(structures))


def test_the_comparison_notices_a_difference():
    with pytest.raises(AssertionError):
        agree("MAP_TO_NONE")
