"""JSON of files, read strictly: what is not exactly data of one meaning is refused.

Refused are keys that occur twice, NaN and infinities, numbers of too many digits, and deep nesting.  What the data
mean is for others to say.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from polynet import errors

DEPTH = 200
"""How deeply lists and dicts may be nested; a model within a model takes about ten levels."""

_DIGITS = 20
_OUTSIDE_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def read(data: bytes, what: str) -> Any:
    """The value of a JSON text.

    Args:
        what: begins the text of errors: which file, and what in it.

    Example:
        >>> read(b'{"a": [1, 2.5]}', "m.polynet: config.json")
        {'a': [1, 2.5]}
        >>> read(b'{"a": 1, "a": 2}', "m.polynet: config.json")
        Traceback (most recent call last):
        polynet.errors.FileError: m.polynet: config.json: key 'a' occurs twice.
    """
    _check_depth(data, what)

    def pairs(entries: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(entries)
        if len(made) != len(entries):
            keys = [key for key, _ in entries]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise errors.FileError(f"{what}: key {shown(twice)} occurs twice.")
        return made

    def integer(digits: str) -> int:
        if len(digits) > _DIGITS:
            raise errors.FileError(
                f"{what}: expected integers of at most {_DIGITS} digits; got {len(digits)} digits."
            )
        return int(digits)

    def floating(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise errors.FileError(f"{what}: the number {shown(text)} is too large.")
        return number

    def constant(text: str) -> Any:
        raise errors.FileError(f"{what}: {text} is no number of JSON.")

    try:
        text = bytes(data).decode("utf-8")
        return json.loads(
            text,
            object_pairs_hook=pairs,
            parse_int=integer,
            parse_float=floating,
            parse_constant=constant,
        )
    except errors.FileError:
        raise
    except UnicodeDecodeError:
        raise errors.FileError(f"{what}: expected JSON in UTF-8.") from None
    except (ValueError, RecursionError) as error:
        raise errors.FileError(f"{what}: expected JSON; {error}.") from None


def write(value: Any) -> bytes:
    """The JSON text of a value, the same for equal values."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()


def shown(text: str) -> str:
    """A text of a file as errors show it: not too long."""
    return repr(text if len(text) <= 80 else text[:80] + "...")


def _check_depth(data: bytes, what: str) -> None:
    depth = 0
    for match in _OUTSIDE_STRINGS.finditer(data):
        first = data[match.start()]
        if first in b"[{":
            depth += 1
            if depth > DEPTH:
                raise errors.FileError(
                    f"{what}: expected at most {DEPTH} levels of nesting; there are more."
                )
        elif first in b"]}":
            depth -= 1
