"""The conformance suite itself tested: faults are planted into the active backend, and its checks must find each.

The faults stand in ``faults.py``.  Each must be found by the check that is about it, not by chance, and the row that
finds it must pass once the fault is gone.  A check that never fails is no check: each must find one fault at least.

JAX compiles anew for every fault, so that its environment plants one in ``POLYNET_TEST_EVERY``.
"""

import dataclasses
import functools
import importlib
import os
from collections import defaultdict

import numpy as np
import pytest
from faults import BACKEND, FAULTS, forget

from polynet.conformance import suite
from polynet.conformance.case import rows
from polynet.conformance.compare import results
from polynet.conformance.engine import run
from polynet.conformance.ops import SUBJECT

EVERY = int(os.environ.get("POLYNET_TEST_EVERY", "1"))
LEAST = 0.95
"""The share of faults that must be found."""


@functools.cache
def subject(name):
    return importlib.import_module(f"polynet.conformance.{name}").SUBJECT


@functools.cache
def rows_by_name(name):
    found = defaultdict(list)
    for row in subject(name).rows():
        found[row.name].append(row)
    return found


def first_found(fault, table):
    """The first row about the fault's name of which its check fails, and the complaint."""
    for row in rows_by_name(fault.subject)[fault.row]:
        if fault.check in table.plan(row, "full"):
            for outcome in run(table, row, BACKEND, only=[fault.check]):
                if outcome.status == "failed":
                    return row, outcome.message
    return None, ""


def is_found(fault, table=None):
    """Is a fault found while it is there, and not found in the same row once it is gone?"""
    table = table or subject(fault.subject)
    forget()
    with pytest.MonkeyPatch.context() as patch:
        fault.plant(patch)
        row, _ = first_found(fault, table)
    forget()
    if row is None:
        return False
    return run(table, row, BACKEND, only=[fault.check])[0].status != "failed"


def test_planted_faults_are_found(capsys):
    planted = [fault for fault in FAULTS.values() if fault.applies][::EVERY]
    found = {fault.name: is_found(fault) for fault in planted}
    score = sum(found.values())
    missed = [f"{name}, by {FAULTS[name].found_by}" for name in found if not found[name]]
    with capsys.disabled():
        print(f"\nplanted faults found on {BACKEND.name}: {score} of {len(found)}")
        for line in missed:
            print(f"  missed: {line}")
    assert score >= LEAST * len(found), "\n".join(missed)
    if EVERY == 1:
        finding = {(fault.subject, fault.check) for fault in planted if found[fault.name]}
        able = {(fault.subject, fault.check) for fault in planted}
        assert sorted(able - finding) == [], "checks that find nothing"


def test_each_check_has_a_fault_to_find():
    """If a check becomes one that never fails, its faults are missed."""
    able = {(fault.subject, fault.check) for fault in FAULTS.values()}
    checks = {(name, check) for name in suite.SUBJECTS for check in subject(name).checks}
    assert sorted(checks - able) == []
    assert sorted(able - checks) == []


def test_a_check_that_never_fails_is_noticed():
    fault = FAULTS["variance_without_bias"]
    checks = {**SUBJECT.checks, fault.check: lambda trial: None}
    assert is_found(fault)
    assert not is_found(fault, dataclasses.replace(SUBJECT, checks=checks))


def test_a_check_that_always_fails_is_noticed():
    def never_content(trial):
        raise AssertionError("never content")

    fault = FAULTS["variance_without_bias"]
    checks = {**SUBJECT.checks, fault.check: never_content}
    assert not is_found(fault, dataclasses.replace(SUBJECT, checks=checks))


def test_faults_are_about_names_that_have_rows():
    for fault in FAULTS.values():
        assert rows_by_name(fault.subject)[fault.row], fault.name


@pytest.mark.parametrize("name", ["sum_of_the_next_axis", "second_derivative_lost"])
def test_a_complaint_can_be_pasted(name, monkeypatch):
    """The program under a complaint runs, and makes the same call."""
    fault = FAULTS[name]
    fault.plant(monkeypatch)
    forget()
    for case in rows():
        if case.op == fault.row and case.error is None:
            failed = [o for o in run(SUBJECT, case, BACKEND) if o.status == "failed"]
            if failed:
                break
    monkeypatch.undo()
    forget()
    _, _, program = failed[0].message.partition("To reproduce:\n")
    lines = [line.removeprefix("    ") for line in program.splitlines()]
    assert lines[-1] == f"# expected: {case.reference}"
    shown = []
    exec("\n".join(lines), {"print": shown.append})
    right = results(
        case.function(*case.arguments(case.host())[0], **case.arguments(case.host())[1])
    )
    np.testing.assert_array_equal(BACKEND.to_numpy(shown[0]), BACKEND.to_numpy(right[0]))
