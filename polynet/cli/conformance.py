"""``polynet conformance``: runs the suite on a backend, or shows what differs between two reports.

The suite is a matter of pytest, which this starts in a process of its own, so that no settings of the folder that one
is in take part; what the options mean is said in ``polynet/conformance/pytest_plugin.py``.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

from polynet import plugins


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    command.add_argument("backend", nargs="?", help="its name; by default the active one")
    command.add_argument(
        "--tier",
        choices=("core", "nn", "train", "full"),
        default="full",
        help="how much is checked",
    )
    command.add_argument(
        "--report",
        metavar="PATH",
        action="append",
        default=[],
        help="write a report: .json, .html, .md, or .svg for a badge; may be given several times",
    )
    command.add_argument(
        "--deviations",
        metavar="PATH",
        action="append",
        default=[],
        help="a TOML file of known deviations",
    )
    command.add_argument("--sample", metavar="N", type=int, default=1, help="check one row in N")
    command.add_argument(
        "-k", metavar="EXPRESSION", help="only rows whose names match, as pytest has it"
    )
    command.add_argument("-n", metavar="PROCESSES", help="how many processes; needs pytest-xdist")
    command.add_argument("-x", action="store_true", help="stop at the first failure")
    command.add_argument(
        "--diff",
        nargs=2,
        metavar=("BEFORE", "AFTER"),
        help="what differs between two reports in JSON",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the suite, or compare two reports: 0 if all is well, or nothing has become worse."""
    if arguments.diff:
        return _compare(*arguments.diff)
    needed = ["pytest"] + (["xdist"] if arguments.n else [])
    for module in needed:
        try:
            importlib.import_module(module)
        except ImportError:
            name = "pytest-xdist" if module == "xdist" else module
            print(
                f"polynet conformance: needs {name}, which is not installed. "
                f"Install it with: pip install {name}",
                file=sys.stderr,
            )
            return 1
    backend = arguments.backend or plugins.active_name()
    plugins.find(backend)
    here = Path.cwd()
    options = [f"--polynet-backend={backend}", f"--polynet-tier={arguments.tier}"]
    options += [f"--polynet-sample={arguments.sample}"]
    options += [f"--polynet-report={here / path}" for path in arguments.report]
    options += [f"--polynet-deviations={here / path}" for path in arguments.deviations]
    options += ["-k", arguments.k] if arguments.k else []
    options += ["-n", arguments.n] if arguments.n else []
    options += ["-x"] if arguments.x else []
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "pytest.ini")
        settings.write_text("[pytest]\n")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rN",
            "-c",
            str(settings),
            "--rootdir",
            folder,
        ]
        command += ["--noconftest", "-p", "no:cacheprovider", "--pyargs", "polynet.conformance"]
        status = subprocess.run([*command, *options], check=False).returncode
    if status == 5:
        print(
            f"polynet conformance: no row has a name that matches {arguments.k!r}", file=sys.stderr
        )
    return min(status, 1)


def _compare(before: str, after: str) -> int:
    from polynet.conformance import report

    one, other = report.read(before), report.read(after)
    print(f"before: {one['backend']}, {report.badge(one)}")
    print(f"after:  {other['backend']}, {report.badge(other)}")
    lines = report.difference(one, other)
    print("\n".join(lines) or "no check came to anything else")
    return int(report.is_worse(one, other))
