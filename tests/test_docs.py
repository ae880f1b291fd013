"""Every Python block of README and docs/*.md runs, in order, as one program for each page.

A block with prompts (``>>>``) is checked for what it shows; one without only has to run. Each page
is a process of its own, like a reader's, and shows what the NumPy backend prints.
"""

import doctest
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def run(page):
    """Run the blocks of a page; raise where one fails."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    # a page that declares ops begins with this import, which then holds for all of its blocks
    parser = PythonCodeBlockParser(future_imports=["annotations"], doctest_optionflags=flags)
    for example in Sybil([parser]).parse(page).examples():
        example.evaluate()


def run_as_a_reader(page, place):
    return subprocess.run(
        [sys.executable, "-W", "error", __file__, str(page)],
        env=os.environ | {"POLYNET_BACKEND": "numpy", "POLYNET_HOME": str(place)},
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page, tmp_path):
    done = run_as_a_reader(page, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("blocks", "status"),
    [
        ("```python\n>>> 1 + 1\n2\n```", 0),
        ("```python\n>>> 1 + 1\n3\n```", 1),
        ("```python\nx = 1\n```\n\n```python\nassert x == 1\n```", 0),
        ("```python\nx = 1\n```\n\n```python\nassert x == 2\n```", 1),
        ("```python\nimport warnings\nwarnings.warn('old')\n```", 1),
        ("```bash\nexit 1\n```", 0),
    ],
)
def test_a_wrong_page_fails(blocks, status, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{blocks}\n")
    assert run_as_a_reader(page, tmp_path).returncode == status


if __name__ == "__main__":
    run(Path(sys.argv[1]))
