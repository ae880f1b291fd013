"""The command ``polynet``: reads its arguments and hands over to the module of the same name.

Each subcommand is a module here with a function ``run(arguments)`` that returns the exit status: 0
when all is well, 1 when something is wrong; 2 is a wrong command line. A subcommand's module is
imported when it is called. Nothing in polynet imports this package.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import polynet
from polynet import errors

_COMMANDS = {
    "backends": "list the backends: what each is and can do, which one is active and why",
    "doctor": "say what is wrong with this environment and how to mend it",
    "demo": "train a small classifier on the active backend",
    "conformance": "check a backend against what polynet promises",
    "new-backend": "write a plugin project for another array library",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Args:
        argv: The arguments, without the program's name; by default those of the process.

    Example:
        >>> main(["backends", "--json"])
        {
          "active": ...
        }
        0
    """
    parser = argparse.ArgumentParser(
        prog="polynet", description="One deep-learning API over any array library."
    )
    parser.add_argument("--version", action="version", version=f"polynet {polynet.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
        if name == "backends":
            command.add_argument("--json", action="store_true", help="print JSON")
        if name in ("conformance", "new-backend"):
            _module(name).add_arguments(command)
    arguments = parser.parse_args(argv)
    try:
        status: int = _module(arguments.command).run(arguments)
        sys.stdout.flush()
    except errors.PolynetError as error:
        print(f"polynet {arguments.command}: {error}", file=sys.stderr)
        status = 1
    except BrokenPipeError:  # `polynet backends | head`: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    return status


def _module(command: str) -> Any:
    return importlib.import_module(f"polynet.cli.{command.replace('-', '_')}")
