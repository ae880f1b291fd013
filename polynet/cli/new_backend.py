"""``polynet new-backend``: writes a plugin project, in which each primitive is a section to fill in.

The files are templates in ``new_backend_files``; the sections come from the ops themselves, so that they are those
of this version.  Nothing is written before all of it is known, and nothing is ever overwritten.
"""

from __future__ import annotations

import argparse
import inspect
import keyword
import re
import string
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from polynet import errors, plugins

if TYPE_CHECKING:
    from polynet.op import Op

_FILES = {
    "README.md": "README.md.in",
    "pyproject.toml": "pyproject.toml.in",
    ".gitignore": "gitignore.in",
    ".github/workflows/ci.yml": "ci.yml.in",
    "{package}/__init__.py": "init.py.in",
    "{package}/backend.py": "backend.py.in",
    "{package}/deviations.toml": "deviations.toml.in",
    "tests/test_backend.py": "test_backend.py.in",
}
"""The files of a project, and their templates."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    command.add_argument("name", help="the backend's name, as in POLYNET_BACKEND: acme")
    command.add_argument("directory", help="a folder that is empty or not there: polynet-acme")
    command.add_argument(
        "--module", help="the module of the array library to import; by default the name"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the project and say what comes next; 0."""
    files = project(arguments.name, arguments.module)
    folder = write(files, arguments.directory)
    backend = next(path for path in files if path.endswith("/backend.py"))
    print(f"{folder}: a project for the backend {arguments.name!r}, with {len(files)} files.")
    print(f"Fill in {folder / backend}, whose first two sections come first. Then:\n")
    print(f"  pip install -e {_quoted(folder)}")
    print(f"  polynet conformance {arguments.name} --tier core\n")
    print("Near its end each run says which primitive to write next.")
    return 0


def _quoted(path: Path) -> str:
    text = str(path) if path.is_absolute() else f"./{path}"
    return f'"{text}"' if " " in text else text


# ------------------------------------------------------------------------------------ what is in it


def project(name: str, module: str | None = None) -> dict[str, str]:
    """The files of a plugin project, by their paths in it.

    Args:
        name: the backend's name.
        module: the module of its array library; by default the name, with underscores.

    Example:
        >>> sorted(project("acme"))[-2:]
        ['pyproject.toml', 'tests/test_backend.py']
    """
    check_name(name)
    spelled = re.sub(r"[-.]", "_", name)
    module = spelled if module is None else module
    _check_module(module, from_name=module == spelled)
    values = {
        "name": name,
        "key": f'"{name}"' if "." in name else name,  # in TOML
        "distribution": f"polynet-{re.sub(r'[_.]', '-', name)}",
        "package": f"polynet_{spelled}",
        "class_name": "".join(part.capitalize() for part in spelled.split("_")) + "Backend",
        "module": module,
        "library": module.partition(".")[0],
        "count": str(len(_primitives())),
        "spec_version": str(plugins.SPEC_VERSION),
        "primitives": primitives(),
    }
    folder = Path(__file__).with_name("new_backend_files")
    return {
        path.format(**values): string.Template((folder / template).read_text("utf-8")).substitute(
            values
        )
        for path, template in _FILES.items()
    }


def check_name(name: str) -> None:
    """Raise an error that says what a backend can be called, if it cannot be called that.

    Example:
        >>> check_name("acme")
        >>> check_name("My Library")
        Traceback (most recent call last):
            ...
        polynet.errors.BackendError: name: expected lower-case letters, digits, '-', '_' and '.', a letter first \
and no sign last; got 'My Library'. Use 'my-library'.
    """
    if not re.fullmatch(r"[a-z]([-_.]?[a-z0-9])*", name):
        tidy = re.sub(r"^[^a-z]+|[^a-z0-9]+$", "", re.sub(r"[^a-z0-9]+", "-", name.lower()))
        raise errors.BackendError(
            f"name: expected lower-case letters, digits, '-', '_' and '.', a letter first and no sign last; "
            f"got {name!r}. Use {tidy or 'acme'!r}."
        )
    for entry in plugins.entry_points().get(name, []):
        raise errors.BackendError(
            f"name: there is a backend {name!r} already, of the distribution {plugins.distribution_of(entry)}. "
            f"Use another name, such as '{name}-2', or uninstall that one."
        )


def _check_module(module: str, from_name: bool) -> None:
    wrong = [
        part for part in module.split(".") if not part.isidentifier() or keyword.iskeyword(part)
    ]
    if wrong:
        source = "name" if from_name else "--module"
        raise errors.BackendError(
            f"{source}: {module!r} is no module that Python can import. Give the module of the array library: "
            f"--module acme."
        )


def _primitives() -> list[Op]:
    from polynet.op import OPS

    return [op for op in OPS.values() if op.primitive]


def primitives() -> str:
    """The sections of all primitives, commented out, in groups."""
    groups: dict[str, list[str]] = {}
    for title, op in _by_group():
        groups.setdefault(title, []).append(_section(op))
    parts = []
    for title, sections in groups.items():
        parts.append(f"# {'-' * max(93 - len(title), 3)} {title}")
        parts += sections
    return textwrap.indent("\n\n".join(parts), "    ")


def _by_group() -> Iterator[tuple[str, Op]]:
    """Each primitive, and the heading that it stands under where it is declared."""
    headings: dict[str, list[tuple[int, str]]] = {}
    for op in _primitives():
        module = inspect.getmodule(op.function)
        name = op.function.__module__
        if name not in headings:
            headings[name] = []
            if name == "polynet.ops.primitives":
                try:
                    lines = inspect.getsource(module or op.function).splitlines()
                except OSError:  # a distribution without sources
                    lines = []
                for number, line in enumerate(lines, start=1):
                    if found := re.fullmatch(r"# -{10,} (.+)", line):
                        headings[name].append((number, found[1]))
        title = re.split(r"[:,.]", (module.__doc__ or name) if module else name)[0].lower()
        for number, heading in headings[name]:
            if number < op.function.__code__.co_firstlineno:
                title = heading
        yield title, op


def _section(op: Op) -> str:
    """A primitive as a method to uncomment: its signature and its contract."""
    parameters = ["self"]
    for parameter in inspect.signature(op.function).parameters.values():
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        parameters.append(parameter.name + default)
    text = inspect.cleandoc(op.function.__doc__ or "")
    end = "\n" if "\n" in text else ""
    method = f"def {op.name}({', '.join(parameters)}):\n" + textwrap.indent(
        f'"""{text}{end}"""', "    "
    )
    return textwrap.indent(method, "# ", lambda line: True).replace("# \n", "#\n")


# ------------------------------------------------------------------------------------ writing it


def write(files: dict[str, str], directory: str) -> Path:
    """Write the files into a folder that is empty or not there: all of them, or none.

    Args:
        files: contents by their paths in the folder.
        directory: the folder; the one around it is made too, if need be.
    """
    folder = Path(directory)
    try:
        if folder.exists() and not folder.is_dir():
            raise errors.BackendError(
                f"directory: {directory!r} is a file. Give a folder that is empty or not there yet."
            )
        if folder.exists() and any(folder.iterdir()):
            raise errors.BackendError(
                f"directory: {directory!r} is not empty, and nothing is overwritten. "
                f"Give a folder that is empty or not there yet."
            )
        parent = folder.absolute().parent
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".polynet-", dir=parent) as made:
            for path, text in files.items():
                target = Path(made, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8")
            folder.mkdir(exist_ok=True)
            for entry in Path(made).iterdir():
                entry.rename(folder / entry.name)
    except OSError as error:
        raise errors.BackendError(
            f"directory: {directory!r} cannot be written: {error.strerror or error}. Give another folder."
        ) from None
    return folder
