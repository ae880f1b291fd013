"""Writes what the conformance suite expects into polynet/conformance/golden: `python tests/oracle/write_golden.py ops`.

Each subject of the suite that keeps data has a command here; none of it is imported by polynet.  Where the numbers
come from is written into the data.  Look at what changed: only new or changed rows should.
"""

import datetime
import platform
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
GOLDEN = HERE.parent.parent / "polynet" / "conformance" / "golden"
sys.path.insert(0, str(HERE.parent))

import golden_rows  # noqa: E402


def origin(*distributions):
    """What computed the numbers, and when: goes into the data."""
    versions = ", ".join(f"{name} {version(name)}" for name in distributions)
    return f"{versions}; Python {platform.python_version()}; {datetime.date.today()}"


def write_ops():
    """The references of the rows of polynet/conformance/cases: NumPy, SciPy and tests/references.py."""
    from expected import expected

    from polynet.conformance import packed
    from polynet.conformance.case import rows

    results = {row.id: expected(row) for row in rows() if row.reference is not None}
    data = packed.pack(results, origin("numpy", "scipy"))
    (GOLDEN / "ops.safetensors").write_bytes(data)
    return f"{len(results)} rows, {len(data):,} bytes"


COMMANDS = {"ops": write_ops, **golden_rows.COMMANDS}
"""``layers:core,pooling`` writes some of what ``layers`` writes."""

if __name__ == "__main__":
    asked = sys.argv[1:]
    if not asked or {name.partition(":")[0] for name in asked} - set(COMMANDS):
        sys.exit(f"usage: write_golden.py {{{','.join(COMMANDS)}}} ...")
    GOLDEN.mkdir(exist_ok=True)
    for command in asked:
        name, _, parts = command.partition(":")
        print(f"{name}: {COMMANDS[name](*filter(None, parts.split(',')))}")
