"""Known deviations of a backend: a TOML file of checks that it does not pass, each with a reason.

    [[deviation]]
    id = "ops/cholesky_lower-spd3x3::gradients"
    reason = "the library's derivative is by the triangle that it reads"

``deviations.toml`` inside the package of a backend is found by itself.  An entry without a reason, one that names no
check, and one whose check passes are failures: the file says what is so, and no more.  No check is made here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from polynet import errors, plugins
from polynet.conformance.engine import Outcome
from polynet.conformance.suite import subjects

FILE = "deviations.toml"


def of_backend(name: str) -> Path | None:
    """The file inside a backend's package, if it has one.

    Example:
        >>> of_backend("numpy") is None or of_backend("numpy").name
        True
    """
    package = plugins.find(name).value.partition(":")[0].partition(".")[0]
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder) / FILE
        if path.is_file():
            return path
    return None


def read(path: str | Path) -> dict[str, str]:
    r"""The reasons in a file, by the ids of the checks.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "deviations.toml")
        ...     _ = path.write_text("[[deviation]]\nid = 'ops/a::values'\nreason = 'so it is'")
        ...     read(path)
        {'ops/a::values': 'so it is'}
    """
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise errors.FileError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise errors.FileError(f"{path}: {error}") from None
    unknown = sorted(set(content) - {"deviation"})
    entries = content.get("deviation", [])
    if unknown or not isinstance(entries, list):
        raise errors.FileError(
            f"{path}: expected tables [[deviation]] with id and reason; got {', '.join(unknown) or 'another value'}."
        )
    found: dict[str, str] = {}
    for number, entry in enumerate(entries, 1):
        name = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or set(entry) - {"id", "reason"}:
            raise errors.FileError(
                f"{path}: deviation {number}: expected an id and a reason; got {entry!r}."
            )
        reason = entry.get("reason", "")
        if not isinstance(reason, str) or not reason.strip():
            raise errors.FileError(
                f"{path}: {name} has no reason. Write why the backend cannot pass the check."
            )
        if name in found:
            raise errors.FileError(f"{path}: {name} is listed twice.")
        found[name] = reason.strip()
    return found


def known(name: str, paths: Iterable[str] = ()) -> dict[str, str]:
    """The reasons for a backend: those in its package, and those in further files.

    Example:
        >>> known("numpy")
        {}
    """
    own = of_backend(name)
    found: dict[str, str] = {}
    for path in ([own] if own else []) + [Path(path) for path in paths]:
        found |= read(path)
    return found


def unmatched(listed: Iterable[str]) -> list[str]:
    """The ids that name no check of the suite, in any tier.

    Example:
        >>> unmatched(["ops/celu-2x3x4::values", "ops/celu-2x3x4::taste"])
        ['ops/celu-2x3x4::taste']
    """
    left = set(listed)
    if left:
        for subject in subjects():
            for row in subject.rows():
                left -= {f"{subject.name}/{row.id}::{check}" for check in subject.plan(row, "full")}
    return sorted(left)


def apply(outcomes: Sequence[Outcome], listed: Mapping[str, str]) -> None:
    """Change what is listed: a failure deviates, and anything else fails.

    Example:
        >>> outcome = Outcome("ops/celu-2x3x4", "values", "failed", "expected 1; got 2.")
        >>> apply([outcome], {"ops/celu-2x3x4::values": "another rounding"})
        >>> outcome.status, outcome.message
        ('deviates', 'another rounding')
    """
    for outcome in outcomes:
        if outcome.id not in listed:
            continue
        if outcome.status in ("failed", "blocked"):
            outcome.status, outcome.message = "deviates", listed[outcome.id]
        elif outcome.status == "passed":
            outcome.status = "failed"
            outcome.message = "it passes, although it is listed as a deviation. Remove the entry."
        else:
            outcome.status = "failed"
            outcome.message = (
                f"it is listed as a deviation, but has nothing to check: {outcome.message}. "
                f"Remove the entry."
            )
