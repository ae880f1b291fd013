"""Which rows a run has: those of a tier, or a share of them; and which public names have none.

How rows are checked is no matter here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from polynet.conformance.suite import Row, Subject, subjects


def chosen(tier: str, sample: int = 1) -> Iterator[tuple[Subject, Row]]:
    """The rows that a run has, each with its subject.

    Args:
        tier: only rows with a check in it.
        sample: of the rows that are not the first about their name, one in so many. Rows that cost little
            (``row.cheap``) are always there.

    Example:
        >>> len(list(chosen("full"))) > len(list(chosen("core"))) > 100
        True
    """
    for subject in subjects():
        seen: set[str] = set()
        place = zlib.crc32(subject.name.encode()) % sample
        for number, row in enumerate(subject.rows()):
            if not subject.plan(row, tier):
                continue
            first = row.name not in seen
            seen.add(row.name)
            if first or number % sample == place or getattr(row, "cheap", False):
                yield subject, row


def missing(subject: Subject) -> list[str]:
    """The public names without a row, and exempt names that have one or do not exist.

    Example:
        >>> [missing(subject) for subject in subjects() if missing(subject)]
        []
    """
    named: set[Any] = {row.name for row in subject.rows()}
    public = set(subject.names())
    found = sorted(public - named - set(subject.exempt))
    found += [f"{name} (exempt, but it has a row)" for name in sorted(named & set(subject.exempt))]
    found += [
        f"{name} (exempt, but there is no such name)"
        for name in sorted(set(subject.exempt) - public)
    ]
    return found
