"""Regular expressions that choose variables and layers by their paths; those of a file may not take long.

Python's matcher tries all ways to fit a pattern, of which there can be more than anybody can wait for.  What a program
writes is its own business.  While a file is read, only patterns run whose number of ways is small: it is counted from
the pattern's text, and what the count does not understand is refused.  Who uses patterns is not known here.
"""

from __future__ import annotations

import re

from polynet import errors

__all__ = ["check", "found_in", "is_fitting", "ways"]

_MOST = 10**6
_LONGEST = 1000
_ITEM = re.compile(r"\\[^\d]|\[\^?\]?(?:[^\]\\]|\\.)*\]|\(\?:|[^\\\[]", re.DOTALL)


def is_fitting(pattern: str, path: str) -> bool:
    """Does a pattern fit the whole of a path?

    Example:
        >>> is_fitting(".*/kernel", "dense/kernel")
        True
    """
    check(pattern, path)
    return re.fullmatch(pattern, path) is not None


def found_in(pattern: str, path: str) -> bool:
    """Does a pattern fit some part of a path?

    Example:
        >>> found_in("dense", "model/dense_1/kernel")
        True
    """
    check(pattern, path, anywhere=True)
    return re.search(pattern, path) is not None


def ways(pattern: str, length: int) -> int | None:
    """In how many ways, at most, a pattern may fit so many characters; ``None`` for what is not understood.

    Understood are characters, escapes, classes, ``^ $ . | * + ?`` and groups that are not repeated.

    Example:
        >>> ways("(encoder|decoder)/.*", 20)
        42
        >>> ways("(a+)+", 20) is None
        True
    """
    total, count, depth, position, before = 0, 1, 0, 0, ""
    while position < len(pattern):
        match = _ITEM.match(pattern, position)
        if match is None:
            return None
        item = match[0]
        position = match.end()
        if item in ("*", "+", "?"):
            if item == "?" and before in ("*", "+", "?"):  # takes as little as possible
                before = "lazy"
                continue
            if before in ("", "(", ")", "|", "^", "$", "*", "+", "?", "lazy"):
                return None
            count *= 2 if item == "?" else length + 1
        elif item == "|" and not depth:
            total, count = total + count, 1
        elif item == "|":
            count *= 2
        elif item in ("{", "}"):
            return None
        elif item in ("(", "(?:"):
            depth, item = depth + 1, "("
        elif item == ")":
            depth -= 1
        before = item
    return total + count


def check(pattern: str, path: str = "", anywhere: bool = False) -> None:
    """Raise if a file is read, and the pattern may take long on this path."""
    from polynet.configurable import reading_file

    if not reading_file.get():
        return
    count = ways(pattern, len(path)) if len(pattern) <= _LONGEST else None
    if count is None or count * (len(path) + 1 if anywhere else 1) > _MOST:
        text = repr(pattern if len(pattern) <= 80 else pattern[:80] + "...")
        raise errors.FileError(
            f"the pattern {text} may take long on a path of {len(path)} characters. In a file a pattern has few "
            f"repetitions, and repeats no groups."
        )
