"""``polynet doctor``: what is wrong with this environment, and how to mend it.

Each check is a generator of findings and stands by itself; add one here and to ``CHECKS``. A check
asks polynet what it would say to a user, and does not know how that is found out.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import NamedTuple

from polynet import config, errors, plugins
from polynet.cli.backends import gather


class Finding(NamedTuple):
    """One thing that was found; a problem stops something that was asked for, a note does not."""

    is_problem: bool
    text: str


def problem(text: str) -> Finding:
    """Something that has to be mended.

    Example:
        >>> problem("HOME is gone.").is_problem
        True
    """
    return Finding(True, text)


def note(text: str) -> Finding:
    """Something worth knowing.

    Example:
        >>> note("no GPU").is_problem
        False
    """
    return Finding(False, text)


def check_installation() -> Iterator[Finding]:
    """Is polynet installed, and alone under its name?"""
    try:
        metadata.version("polynet-dl")
    except metadata.PackageNotFoundError:
        yield problem(
            "polynet is imported but not installed, so its backends cannot be found. "
            "In a clone of the repository: pip install -e ."
        )
    try:
        other = metadata.version("polynet")
    except metadata.PackageNotFoundError:
        return
    yield problem(
        f"The unrelated distribution polynet {other} has the same import name. "
        "pip uninstall polynet, then pip install --force-reinstall --no-deps polynet-dl"
    )


def _settings() -> list[str]:
    """The settings that have a getter and a setter."""
    return [name for name in config.__all__ if f"set_{name}" in config.__all__]


def check_settings() -> Iterator[Finding]:
    """Does the config file, or the environment, hold something wrong?"""
    told = set()
    for name in _settings():
        try:
            plugins.chosen() if name == "backend" else getattr(config, name)()
        except errors.ConfigError as error:
            if str(error) not in told:
                told.add(str(error))
                yield problem(str(error))


def check_environment() -> Iterator[Finding]:
    """Are there variables that look like ours and are not read?"""
    known = [f"POLYNET_{name.upper()}" for name in ("home", *_settings())]
    for name in sorted(os.environ):
        if name.startswith("POLYNET_") and name not in known:
            hint = errors.closest(name, known)
            yield problem(f"Nothing reads the environment variable {name}.{hint} Unset it.")
    if config.home() is None:
        yield note(
            "HOME is unset, so no config file is read. To use one, set HOME, or POLYNET_HOME to "
            "its folder."
        )


def check_active_backend() -> Iterator[Finding]:
    """Can the chosen backend be used, and has it the default float?"""
    try:
        name, why = plugins.chosen()
        floatx = config.floatx()
    except errors.ConfigError:
        return  # `check_settings` says so
    try:
        backend = plugins.get(name)
    except errors.BackendError as error:
        yield problem(f"The active backend comes from {why}. {error}")
        return
    try:
        backend.native_dtype(floatx)
    except errors.DTypeError as error:
        yield problem(f"floatx is {floatx}. {error}")
        return
    try:
        backend.to_numpy(backend.asarray(1, floatx))
    except Exception as error:  # the library's own trouble: a driver, a device, its installation
        yield problem(f"Backend {name!r} cannot make a tensor: {type(error).__name__}: {error}")


def check_other_backends() -> Iterator[Finding]:
    """Can the others be used? Two distributions of one name, a missing library, a broken plugin."""
    try:
        active = plugins.chosen()[0]
    except errors.ConfigError:
        active = ""
    for name in plugins.list_backends():
        if name == active:
            continue
        facts = gather(name)
        if facts.problem is not None:
            # a library that is not installed, and not asked for, is no fault
            yield Finding(facts.library is None or facts.installed, facts.problem)


def check_float64() -> Iterator[Finding]:
    """Does a backend in use here have to be told that float64 is wanted?"""
    for backend in plugins.loaded():
        try:
            backend.native_dtype("float64")
        except errors.DTypeError as error:
            yield note(str(error))


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    check_installation,
    check_settings,
    check_environment,
    check_active_backend,
    check_other_backends,
    check_float64,
)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings, problems first; 0 if there is no problem."""
    findings = sorted((f for check in CHECKS for f in check()), key=lambda f: not f.is_problem)
    for finding in findings:
        print(f"{'problem' if finding.is_problem else 'note'}: {finding.text}")
    problems = sum(finding.is_problem for finding in findings)
    print("no problems" if not problems else f"{problems} problem{'s' * (problems > 1)}")
    return 1 if problems else 0
