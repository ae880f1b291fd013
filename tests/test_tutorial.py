"""The tutorial of docs/writing-a-backend.md, carried out as it is written: what is to be typed is typed, and run.

Its blocks of `bash` are commands, those of `py` are for the class of the project that the first command makes, and
those of `text` are what a command shows.  How a project is made at all is in test_new_backend.py.
"""

import re
import subprocess
from pathlib import Path

from strangers import environment

PAGE = Path(__file__).parents[1] / "docs/writing-a-backend.md"


def blocks():
    text = PAGE.read_text("utf-8")
    tutorial = text[text.index("\n## Tutorial") : text.index("\n## The package")]
    return re.findall(r"^```(\w+)\n(.*?)^```$", tutorial, re.MULTILINE | re.DOTALL)


def without_numbers(text):
    return re.sub(r"\d[\d,]*", "N", text)


def test_tutorial(tmp_path):
    variables = environment(tmp_path / "environment")
    place = tmp_path / "work"
    place.mkdir()
    kinds = [kind for kind, _ in blocks()]
    assert kinds.count("py") > 8 and kinds.count("bash") > 4 and kinds.count("text") == 2
    source, shown, typed = place / "polynet-plain/polynet_plain/backend.py", "", 0
    for kind, text in blocks():
        if kind == "py":
            old = source.read_text()
            if not typed:
                line = next(line for line in old.splitlines() if line.startswith("import numpy"))
                source.write_text(old.replace(f"{line}\n", text, 1))
            else:
                source.write_text(f"{old}\n{text}")
            typed += text.count("\n")
        elif kind == "bash":
            done = subprocess.run(
                ["bash", "-e", "-c", text],
                cwd=place,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            shown = done.stdout
            assert "Traceback" not in shown or not done.returncode, shown[-5000:]
            # before anything is written, the suite has every reason to complain
            assert done.returncode == (1 if "conformance" in text and not typed else 0), shown[
                -5000:
            ]
        else:
            assert kind == "text"
            for line in text.splitlines():  # how many rows there are is another matter
                assert without_numbers(line) in without_numbers(shown).splitlines(), shown[-3000:]
    assert typed < 200
