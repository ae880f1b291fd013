"""Nested structures: walk, map and rebuild dicts, lists, tuples and namedtuples of anything.

A container is a ``dict``, ``OrderedDict``, ``defaultdict``, ``list``, ``tuple``, ``deque`` or a
namedtuple; whatever else (an array, ``None``, a string, a subclass of ``list`` or ``dict``) is a
leaf. The leaves of a ``dict`` come in the order of its sorted keys, those of an ``OrderedDict`` in
its own order; a rebuilt dict keeps the order of its keys. Names and rules are those of Keras's
``tree``. Nothing here knows what an array is: no backend, no op, no NumPy.
"""

import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_MAPPINGS = frozenset({dict, OrderedDict, defaultdict})
_CONTAINERS = _MAPPINGS | {list, tuple, deque}


class MAP_TO_NONE:
    """What the function given to `traverse` returns to put ``None`` in the place of a part.

    >>> traverse(lambda x: MAP_TO_NONE if x == 2 else None, [1, 2, 3])
    [1, None, 3]
    """


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a container rather than a leaf.

    >>> is_nested([]), is_nested(None), is_nested("text")
    (True, False, False)
    """
    kind = type(structure)
    return kind in _CONTAINERS or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def flatten(structure: Any) -> list[Any]:
    """The leaves of a structure, in a list.

    >>> flatten({"b": [1, 2], "a": (None, 3)})
    [None, 3, 1, 2]
    """
    leaves: list[Any] = []
    _collect(structure, leaves)
    return leaves


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves, each with its path: the tuple of keys and indices that leads to it.

    >>> flatten_with_path({"b": [1, 2], "a": 3})
    [(('a',), 3), (('b', 0), 1), (('b', 1), 2)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [
        ((key, *path), leaf)
        for key in _keys(structure)
        for path, leaf in flatten_with_path(structure[key])
    ]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Call `func` on the leaves of structures nested in the same way; return one nested like them.

    >>> map_structure(lambda x, y: x + y, {"a": [1, 2]}, {"a": [10, 20]})
    {'a': [11, 22]}

    Args:
        func: Takes one leaf of each structure.
        *structures: The first gives the types of the containers of the result.
        none_is_leaf: If false, ``None`` stays ``None`` and `func` does not see it.
    """
    if len(structures) == 1:
        return _map(func, structures[0], none_is_leaf)
    if not structures:
        raise ValueError("map_structure: give at least one structure after the function.")
    columns = [_align(structures[0], each, [], none_is_leaf, True) for each in structures]
    results = map(func, *columns)
    return _map(lambda leaf: next(results), structures[0], none_is_leaf)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Call `func` on what the structures have in the place of each leaf of `shallow_structure`.

    >>> map_structure_up_to([None, None], len, [[1, 2], [3, 4, 5]])
    [2, 3]

    Args:
        shallow_structure: Says how deep to go; its leaves are not passed to `func`.
        func: Takes one part of each structure.
        *structures: Nested like `shallow_structure`, or deeper.
    """
    if not structures:
        raise ValueError("map_structure_up_to: give at least one structure after the function.")
    columns = [_align(shallow_structure, each, [], True, False) for each in structures]
    results = map(func, *columns)
    return _map(lambda leaf: next(results), shallow_structure)


def map_shape_structure(func: Callable[..., Any], structure: Any) -> Any:
    """Call `func` on each shape: a list or tuple that holds only integers and ``None``.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(2,), ()]})
    {'a': 2, 'b': [1, 0]}
    """
    is_shape = isinstance(structure, (list, tuple)) and all(
        size is None or isinstance(size, int) for size in structure
    )
    if is_shape or not is_nested(structure):
        return func(structure)
    return _rebuild(structure, [map_shape_structure(func, part) for part in _children(structure)])


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """A structure nested like `structure`, with the leaves of `flat_sequence`.

    >>> pack_sequence_as({"b": [1, 2], "a": 3}, "xyz")
    {'b': ['y', 'z'], 'a': 'x'}
    """
    leaves, expected = list(flat_sequence), len(flatten(structure))
    if len(leaves) == 1 and not is_nested(structure):
        return leaves[0]
    if len(leaves) != expected:
        raise ValueError(
            f"pack_sequence_as: `flat_sequence` has {len(leaves)} items, but `structure` has "
            f"{expected} leaves; give one item for each. Structure: {_outline(structure)}"
        )
    rest = iter(leaves)
    return _map(lambda leaf: next(rest), structure)


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raise a ``ValueError`` that says where `a` and `b` part, unless they are nested alike.

    Types of containers must agree, except that all dicts with the same keys are alike.

    >>> assert_same_structure({"a": [1, 2]}, {"a": [None, "x"]})
    """
    if check_types is not None:
        warnings.warn(
            "`check_types` has no effect any more: leave it out. For a check that looks at paths "
            "and not at the types of containers, use `assert_same_paths`.",
            DeprecationWarning,
            stacklevel=2,
        )
    _align(a, b, [], True, True)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise a ``ValueError`` unless the leaves of `a` and `b` have the same paths.

    >>> assert_same_paths([1, {"x": 2}], (3, {"x": 4}))
    """
    first = dict.fromkeys(path for path, leaf in flatten_with_path(a))
    second = dict.fromkeys(path for path, leaf in flatten_with_path(b))
    if first != second:
        raise ValueError(
            "`a` and `b` do not have the same paths.\n"
            f"Only in `a`: {[path for path in first if path not in second]}\n"
            f"Only in `b`: {[path for path in second if path not in first]}"
        )


def lists_to_tuples(structure: Any) -> Any:
    """The same structure with a tuple for each list.

    >>> lists_to_tuples([1, {"a": [2]}])
    (1, {'a': (2,)})
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Call `func` on every part of a structure, containers and leaves, and rebuild it.

    >>> traverse(lambda x: sum(x) if isinstance(x, tuple) else None, [(1, 2), [3, (4, 5)]])
    [3, [3, 9]]

    Args:
        func: Returns what to put in the place of a part (`MAP_TO_NONE` for ``None``), or ``None``
            to keep it.
        structure: What to walk.
        top_down: If true, a container comes before its children, which are walked only if it is
            kept. If false, it comes after them, already rebuilt.
    """
    replacement = func(structure) if top_down else None
    if replacement is None and is_nested(structure):
        children = [traverse(func, child, top_down) for child in _children(structure)]
        structure = _rebuild(structure, children)
    if not top_down:
        replacement = func(structure)
    if replacement is MAP_TO_NONE:
        return None
    return structure if replacement is None else replacement


# --- one container: its keys, its children, another like it ---------------------------------------


def _keys(node: Any) -> Sequence[Any]:
    """The keys or indices of the children, in the order in which their leaves come."""
    kind = type(node)
    if kind not in _MAPPINGS:
        return range(len(node))
    try:
        return list(node) if kind is OrderedDict else sorted(node)
    except TypeError:  # keys of several types, or keys that have no order
        try:
            return sorted(node, key=lambda key: (type(key).__qualname__, key))
        except TypeError:
            return list(node)


def _children(node: Any) -> Any:
    """The children themselves, in the same order."""
    return [node[key] for key in _keys(node)] if type(node) in _MAPPINGS else node


def _rebuild(node: Any, children: list[Any]) -> Any:
    """A container like `node` with other children."""
    kind = type(node)
    if kind in _MAPPINGS:
        new = node.copy()  # keeps the order of the keys and the default factory
        new.update(zip(_keys(node), children, strict=True))
        return new
    if kind is list:
        return children
    if kind is deque:
        return deque(children, node.maxlen)
    return tuple(children) if kind is tuple else kind._make(children)


def _collect(node: Any, leaves: list[Any]) -> None:
    if is_nested(node):
        for child in _children(node):
            _collect(child, leaves)
    else:
        leaves.append(node)


def _map(func: Callable[[Any], Any], node: Any, none_is_leaf: bool = True) -> Any:
    if is_nested(node):
        return _rebuild(node, [_map(func, child, none_is_leaf) for child in _children(node)])
    return func(node) if none_is_leaf or node is not None else None


def _align(
    one: Any,
    two: Any,
    parts: list[Any],
    none_is_leaf: bool,
    exact: bool,
    path: tuple[Any, ...] = (),
) -> list[Any]:
    """Append what `two` has in the place of each leaf of `one`; if `exact`, it must be a leaf."""
    if not is_nested(one):
        alike = not (exact and is_nested(two)) and (none_is_leaf or (one is None) == (two is None))
    elif type(one) in _MAPPINGS:
        alike = type(two) in _MAPPINGS and one.keys() == two.keys()
    else:
        alike = type(one) is type(two) and len(one) == len(two)
    if not alike:
        where = "".join(f"[{key!r}]" for key in path) or "the top"
        raise ValueError(
            f"Two structures are not nested in the same way: at {where}, the first has "
            f"{_outline(one)}, the second has {_outline(two)}. (A star is a leaf.)"
        )
    if is_nested(one):
        for key in _keys(one):
            _align(one[key], two[key], parts, none_is_leaf, exact, (*path, key))
    elif none_is_leaf or one is not None:
        parts.append(two)
    return parts


def _outline(structure: Any) -> str:
    """The nesting and its type: a star for each leaf, never a value."""
    text = repr(_map(lambda leaf: ..., structure, none_is_leaf=False)).replace("Ellipsis", "*")
    return f"{text if len(text) <= 300 else text[:297] + '...'} ({type(structure).__name__})"
