"""``polynet backends``: a table of the backends, and which one is active and why.

Gathers facts and shows them; judges nothing (``doctor`` does).
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import sys
from importlib import metadata

from polynet import errors, plugins


@dataclasses.dataclass
class Facts:
    """What is known of one backend; ``problem`` says why the rest is not."""

    name: str
    distribution: str
    distribution_version: str | None = None
    library: str | None = None
    library_version: str | None = None
    installed: bool = False
    install: str | None = None
    devices: list[str] = dataclasses.field(default_factory=list)
    capabilities: list[str] = dataclasses.field(default_factory=list)
    problem: str | None = None


def gather(name: str) -> Facts:
    """Find out about one backend. Imports its array library, where that is installed.

    Example:
        >>> gather("numpy").library
        'NumPy'
    """
    entries = plugins.entry_points().get(name, [])
    facts = Facts(name, " and ".join(sorted(map(plugins.distribution_of, entries))))
    if len(entries) == 1 and entries[0].dist is not None:
        facts.distribution_version = entries[0].dist.version
    try:
        info = plugins.info(name)
        facts.library, facts.install = info.library, info.install
        facts.installed = is_installed(name)
        backend = plugins.get(name)
        facts.library_version = backend.library_version()
        facts.devices = backend.devices()
        facts.capabilities = sorted(backend.capabilities)
    except (errors.BackendError, metadata.PackageNotFoundError) as error:
        facts.problem = str(error)
    return facts


def is_installed(name: str) -> bool:
    """Is a backend's array library there?  Imports neither of them.

    Example:
        >>> is_installed("numpy")
        True
    """
    try:
        module = plugins.info(name).modules[0]
    except errors.BackendError:  # a broken plugin
        return False
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module made by hand, without a specification
        return module in sys.modules


def run(arguments: argparse.Namespace) -> int:
    """Show the table, or JSON; 0 if the active backend can be used."""
    active, why = plugins.chosen()
    rows = [gather(name) for name in plugins.list_backends()]
    if arguments.json:
        found = {
            "active": active,
            "why": why,
            "backends": [dataclasses.asdict(row) for row in rows],
        }
        print(json.dumps(found, indent=2))
    else:
        _show(rows, active)
        print(f"Active: {active}, because of {why}.")
        for row in rows:
            if row.problem is not None:
                print(f"{row.name}: {row.problem}")
        if active not in plugins.list_backends():
            print(f"There is no backend {active!r} here; `polynet doctor` says more.")
    return 0 if any(row.name == active and row.problem is None for row in rows) else 1


def _show(rows: list[Facts], active: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "backend", "distribution", "library", "devices", "capabilities"):
        table.add_column(title, overflow="fold")
    for row in rows:
        version = row.library_version or ("" if row.installed else "(not installed)")
        table.add_row(
            "*" if row.name == active else "",
            row.name,
            f"{row.distribution} {row.distribution_version or ''}",
            f"{row.library or 'unknown'} {version}",
            ", ".join(row.devices) or "-",
            ", ".join(row.capabilities) or "-",
        )
    # a terminal has a width; a file or a pipe has none
    console = Console(width=None if sys.stdout.isatty() else 1000, highlight=False)
    console.print(table)
    console.print()
