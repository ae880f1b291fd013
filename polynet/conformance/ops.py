"""The ops as a subject of the suite: which rows there are, in which tier each of their checks is, and which names.

The rows stand in ``cases/``, the checks in ``checks.py``, what references gave in ``golden/ops.safetensors``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from polynet.conformance.case import Case, resolve, rows
from polynet.conformance.checks import CHECKS, checks_of
from polynet.conformance.suite import Subject
from polynet.conformance.trial import Trial
from polynet.op import OPS

_CORE = frozenset(
    {"values", "dtypes", "shapes", "errors", "untouched", "quiet", "strided", "gradients"}
)

EXEMPT = {
    "convert_to_numpy": "its result is no tensor",
    "is_tensor": "asks what its argument is",
    "eig_factors": "its vectors have any phase; there are rows of eig",
    "dtype": "its result is no tensor",
    "ndim": "its result is no tensor",
    "shape": "its result is no tensor",
    "size": "its result is no tensor",
    "custom_gradient": "takes a function and returns one",
    "jvp": "takes a function",
}
"""Functions of `polynet.ops` that no row can speak of, and why; tests of polynet itself are about them."""


def is_primitive(name: str) -> bool:
    """Must a backend write the op of that name?

    Example:
        >>> is_primitive("exp"), is_primitive("softmax")
        (True, False)
    """
    op = OPS.get(name)
    return op is not None and op.primitive


def tier(row: Case, check: str) -> str:
    """The first tier in which a check of a row is made.

    Example:
        >>> from polynet.conformance.case import find
        >>> [tier(find("celu-2x3x4"), check) for check in ("values", "gradients", "compiled")]
        ['nn', 'train', 'full']
    """
    if check not in _CORE:
        return "full"
    if is_primitive(row.op):
        return "core"
    return "train" if check == "gradients" else "nn"


def names() -> Iterator[str]:
    """The primitives, and the public functions of ``polynet.ops``, each once, by the name that its rows have."""
    from polynet import ops

    yield from (op.name for op in OPS.values() if op.primitive)

    tested = {resolve(name): name for name in {row.op for row in rows()}}
    for name in dir(ops):
        function = getattr(ops, name)
        if not name.startswith("_") and inspect.isfunction(function):
            yield tested.get(function, name)


SUBJECT = Subject(
    name="ops",
    rows=rows,
    trial=Trial,
    checks=CHECKS,
    checks_of=checks_of,
    tier=tier,
    names=names,
    exempt=EXEMPT,
)
