"""The stored results of references are what the references give: nobody forgot to write them anew.

Beside the versions that computed them stands a file of the results, which the wheel has; the references need SciPy.
"""

import numpy as np
import pytest
from expected import expected

from polynet.conformance import packed
from polynet.conformance.case import rows
from polynet.conformance.compare import same

ROWS = {row.id: row for row in rows() if row.reference is not None}
WRITE = "run: python tests/oracle/write_golden.py ops"


def unequal(stored, found, where="result"):
    """How two trees of results differ; numbers may be the last bits of another library's version apart."""
    if isinstance(found, dict):
        found = {str(key): value for key, value in found.items()}
    if isinstance(stored, dict | list | tuple) or isinstance(found, dict | list | tuple):
        if type(stored) is not type(found) or len(stored) != len(found):
            return f"{where}: {type(stored).__name__} and {type(found).__name__}, or other lengths"
        if isinstance(stored, dict) and set(stored) != set(found):
            return f"{where}: other keys"
        keys = list(stored) if isinstance(stored, dict) else range(len(stored))
        return next(filter(None, (unequal(stored[k], found[k], f"{where}[{k}]") for k in keys)), "")
    if stored is None or found is None:
        return "" if stored is found else f"{where}: one is None"
    found = np.asarray(found)
    if stored.shape != found.shape or stored.dtype.kind != found.dtype.kind:
        return f"{where}: {stored.dtype} {stored.shape} and {found.dtype} {found.shape}"
    if stored.dtype.kind in "fc":
        close = np.allclose(stored, found, rtol=1e-11, atol=1e-13, equal_nan=True)
        return "" if close else f"{where}: other values"
    return "" if same(stored, found.astype(stored.dtype)) else f"{where}: other values"


def test_every_row_has_a_stored_result_and_every_result_a_row():
    assert set(ROWS) == set(packed.stored().index), WRITE


def test_stored_results_are_what_the_references_give():
    wrong = {name: unequal(packed.stored()[name], expected(ROWS[name])) for name in ROWS}
    assert {name: complaint for name, complaint in wrong.items() if complaint} == {}, WRITE


def test_the_data_says_where_it_comes_from():
    assert "numpy 2" in packed.stored().origin and "scipy 1" in packed.stored().origin


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (np.zeros(3), np.zeros(2)),
        (np.zeros(3), np.full(3, 1e-9)),
        (np.zeros(3), np.zeros(3, int)),
        ((np.zeros(3),), [np.zeros(3)]),
        ({"a": np.zeros(3)}, {"b": np.zeros(3)}),
        (None, np.zeros(())),
    ],
)
def test_the_comparison_sees_differences(stored, found):
    assert unequal(stored, found) != ""
    assert unequal(stored, stored) == ""


def test_what_is_packed_comes_out():
    tree = {
        "a": (1, [2.5, None], {"b": np.array([1 + 2j])}),
        "c": True,
        "d": np.arange(6).reshape(2, 3),
    }
    again = packed.Packed(packed.pack(tree, "a test"))
    assert {name: unequal(again[name], tree[name]) for name in tree} == dict.fromkeys(tree, "")
    assert again.origin == "a test" and "e" not in again
