"""Patterns that choose by paths: those of a file are refused before they take long."""

import re
import time

import pytest

from polynet import configurable, errors, patterns

QUICK = [
    *("dense/kernel", ".*", ".*/kernel", r"layer_\d+/(?:kernel|bias)", "(encoder|decoder)/.*"),
    *("[^/]+/bias", r"[\]a]*", "^dense.?$", "a|b|c" * 9, "", r"block\.1/.*?kernel"),
    "|".join(f"dense_{i}" for i in range(80)),
]
SLOW = [
    *("(a+)+", "(a|a)*", "(a*)*b", "(?:a|aa)+$", "a{1,99}" * 9, r"(a)\1", "(?=a)", "(?P<x>a)"),
    *(".*" * 9 + "b", "a?" * 30 + "a" * 30, "(a|a)" * 30 + "b", "a" * 2000, "(a+)?", "[", "a**"),
]


@pytest.fixture
def reading():
    token = configurable.reading_file.set(True)
    yield
    configurable.reading_file.reset(token)


@pytest.mark.parametrize("pattern", QUICK)
def test_quick_patterns_are_used(pattern, reading):
    for path in ("dense/kernel", "dense_7", "layer_3/bias", "encoder/x", "", "a" * 40):
        assert patterns.is_fitting(pattern, path) == (re.fullmatch(pattern, path) is not None)
        assert patterns.found_in(pattern, path) == (re.search(pattern, path) is not None)


@pytest.mark.parametrize("pattern", SLOW)
def test_slow_patterns_are_refused(pattern, reading):
    start = time.process_time()
    with pytest.raises(errors.FileError, match=r"may take long on a path of 40 characters"):
        patterns.is_fitting(pattern, "a" * 40)
    assert time.process_time() - start < 0.5


def test_a_program_may_do_as_it_likes():
    assert patterns.is_fitting("(a+)+", "aaa")
    assert patterns.found_in(r"(a)\1", "baab")


def test_what_is_counted_is_an_upper_bound():
    """The slowest of what is let through is quick."""
    for pattern in (".*.*.*b", "a*a*a*b", "(a|a)(a|a)(a|a)(a|a).*.*b", "a?" * 9 + ".*.*b"):
        for length in (10, 40, 90, 900):
            count = patterns.ways(pattern, length)
            if count <= 10**6:
                start = time.process_time()
                assert not re.fullmatch(pattern, "a" * length)
                assert time.process_time() - start < 0.5
