"""``polynet new-backend``: what it writes, and what it refuses.  The tutorial that begins with it: test_tutorial.py."""

import ast
import inspect
import os
import subprocess
import sys
import textwrap
import tomllib
from importlib.util import find_spec

import pytest
from strangers import environment

import polynet
from polynet import errors, plugins
from polynet.cli import main
from polynet.cli.new_backend import check_name, project, write
from polynet.op import OPS


def command(capsys, *arguments):
    """The exit status and both outputs of a command."""
    status = main(["new-backend", *map(str, arguments)])
    return status, *capsys.readouterr()


def made(place, name="acme", *more):
    assert main(["new-backend", name, str(place / "made"), *more]) == 0
    return place / "made"


# ------------------------------------------------------------------------------------ what is written


def test_the_files_and_what_comes_next(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, said, complaint = command(capsys, "acme", "polynet-acme")
    assert (status, complaint) == (0, "")
    assert "pip install -e ./polynet-acme\n" in said
    assert "polynet conformance acme --tier core\n" in said
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {
        f"polynet-acme/{path}"
        for path in (
            *("README.md", "pyproject.toml", ".gitignore", ".github/workflows/ci.yml"),
            *("polynet_acme/__init__.py", "polynet_acme/backend.py"),
            *("polynet_acme/deviations.toml", "tests/test_backend.py"),
        )
    }
    assert [path.name for path in tmp_path.iterdir()] == ["polynet-acme"]


def test_every_primitive_is_a_section_with_its_contract(tmp_path):
    """Without their comment signs the sections are methods with the parameters and words of the ops."""
    text = (made(tmp_path) / "polynet_acme/backend.py").read_text()
    sections = text[text.index("numbers to numbers") :].splitlines()
    code = [line.replace("    # ", "    ", 1).replace("    #", "", 1) for line in sections]
    kept = [line for line in code if not line.strip().startswith("---")]
    tree = ast.parse("class C:\n" + "\n".join(kept[1:]) + "\n")
    methods = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    primitives = {name: op for name, op in OPS.items() if op.primitive}
    assert set(methods) == set(primitives)
    for name, op in primitives.items():
        own = methods[name].args
        assert [a.arg for a in own.args] == ["self", *op.parameters]
        defaults = [
            p.default
            for p in inspect.signature(op.function).parameters.values()
            if p.default is not p.empty
        ]
        assert [ast.literal_eval(default) for default in own.defaults] == defaults
        assert ast.get_docstring(methods[name]) == inspect.cleandoc(op.function.__doc__)


def test_what_comes_first(tmp_path):
    text = (made(tmp_path) / "polynet_acme/backend.py").read_text()
    order = ["tensor_types", "dtypes:", "def asarray", "def to_numpy", "def exp(", "def dft("]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    for heading in ("choice and dtype", "elements", "reductions", "linear algebra", "fourier"):
        assert f" {heading}" in text


def test_names_of_all_kinds(tmp_path):
    files = project("my-array.lib2")
    declared = tomllib.loads(files["pyproject.toml"])["project"]
    assert declared["name"] == "polynet-my-array-lib2"
    assert declared["entry-points"]["polynet.backends"] == {
        "my-array.lib2": "polynet_my_array_lib2"
    }
    assert "class MyArrayLib2Backend(Backend):" in files["polynet_my_array_lib2/backend.py"]
    assert "import my_array_lib2" in files["polynet_my_array_lib2/backend.py"]
    other = project("acme", "far.away")["polynet_acme/backend.py"]
    assert "import far.away" in other


@pytest.mark.parametrize("name", ["acme", "x-y.z_1"])
def test_files_are_what_they_claim(name):
    for path, text in project(name).items():
        assert text.endswith("\n") and "$" not in text.replace("${{", ""), path
        if path.endswith(".py"):
            assert ast.get_docstring(ast.parse(text)), path
        if path.endswith(".toml"):
            tomllib.loads(text)


@pytest.mark.skipif(find_spec("ruff") is None, reason="needs ruff")
def test_the_project_is_tidy(tmp_path):
    folder = made(tmp_path)
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--isolated", str(folder)],
            cwd=folder,  # whose neighbours are first-party names to ruff
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_templates_are_in_the_wheel():
    """They lie in the package, of which the wheel has every file."""
    folder = polynet.__path__[0]
    assert os.path.isfile(os.path.join(folder, "cli", "new_backend_files", "backend.py.in"))


# ------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("My Library", "my-library"),
        ("Acme", "acme"),
        ("-acme-", "acme"),
        ("3d", "d"),
        ("a--b", "a-b"),
        ("acme_", "acme"),
        ("ACMÉ", "acm"),
        ("", "acme"),
        ("!", "acme"),
        ("a/b", "a-b"),
    ],
)
def test_names_that_are_none(name, better):
    with pytest.raises(errors.BackendError, match=r"^name: expected .* got ") as caught:
        check_name(name)
    assert repr(name) in str(caught.value) and f"Use {better!r}." in str(caught.value)
    check_name(better)


def test_a_name_that_is_taken(tmp_path, capsys):
    status, _, complaint = command(capsys, "numpy", tmp_path / "x")
    assert status == 1
    assert "there is a backend 'numpy' already, of the distribution polynet-dl" in complaint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["lambda"], ["acme", "--module", "a.class"]])
def test_a_module_that_cannot_be_imported(tmp_path, capsys, arguments):
    name, *more = arguments
    status, _, complaint = command(capsys, name, tmp_path / "x", *more)
    assert status == 1 and "is no module that Python can import" in complaint
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path, capsys):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    status, _, complaint = command(capsys, "acme", full)
    assert status == 1 and "is not empty, and nothing is overwritten" in complaint
    assert [path.name for path in full.iterdir()] == ["mine.txt"]
    status, _, complaint = command(capsys, "acme", full / "mine.txt")
    assert status == 1 and "is a file" in complaint
    assert (full / "mine.txt").read_text() == "mine"
    status, _, complaint = command(capsys, "acme", full / "mine.txt" / "below")
    assert status == 1 and "cannot be written" in complaint


def test_an_empty_folder_and_one_that_is_far_away(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(capsys, "acme", ".")[0] == 0
    assert (tmp_path / "polynet_acme/backend.py").is_file()
    assert command(capsys, "acme", tmp_path / "a/b c")[0] == 0
    assert (tmp_path / "a/b c/pyproject.toml").is_file()


def test_half_a_project_is_never_there(tmp_path, monkeypatch):
    """A file that cannot be written takes the others with it."""
    from pathlib import Path

    write_text = Path.write_text

    def failing(self, *args, **kwargs):
        if self.name == "deviations.toml":
            raise OSError(28, "No space left on device")
        return write_text(self, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", failing)
    with pytest.raises(errors.BackendError, match="No space left on device"):
        write(project("acme"), str(tmp_path / "made"))
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------ what it does


LIBRARY = """
import numpy
from numpy import *
"""


def test_it_installs_and_the_rest_follows(tmp_path):
    """Fresh, nothing is written; with `add` alone, `add` works and nothing else is anything odd."""
    variables = environment(tmp_path / "environment")
    folder = made(tmp_path, "acme")
    (folder / "acme.py").write_text(LIBRARY)

    def run(*line):
        return subprocess.run(
            line, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
        )

    assert run("pip", "install", "-e", str(folder)).returncode == 0
    assert run("python", "-c", "import polynet; polynet.list_backends().index('acme')").stderr == ""
    program = textwrap.dedent("""
        import polynet
        from polynet import ops, plugins
        polynet.set_backend("acme")
        try:
            print(ops.add([1.0], 2.0), ops.exp(1.0))
        except Exception as error:
            print(type(error).__name__, error)
        from polynet.conformance.blocking import missing
        left = missing(plugins.get("acme"))
        print("add" in left, "exp" in left)
    """)
    first = run("python", "-c", program)
    assert first.stdout.startswith("DTypeError"), first.stdout + first.stderr
    assert "Backend 'acme' has no dtype float32" in first.stdout
    source = folder / "polynet_acme/backend.py"
    text = source.read_text()
    text += textwrap.indent(
        textwrap.dedent("""
        tensor_types = (acme.ndarray, acme.generic)
        dtypes = {name: acme.dtype(name) for name in ("bool", "int32", "float32")}

        def asarray(self, value, dtype):
            return acme.asarray(value, self.native_dtype(dtype))

        def to_numpy(self, x):
            return acme.asarray(x)

        add = staticmethod(acme.add)
        """),
        "    ",
    )
    source.write_text(text)
    second = run("python", "-c", program)
    assert second.stdout.startswith("NotImplementedError"), second.stdout + second.stderr
    assert "Backend 'acme' does not have the primitive 'exp' yet." in second.stdout
    assert first.stdout.endswith("True True\n") and second.stdout.endswith("False True\n")
    assert run("pytest", "-q", str(folder / "tests")).returncode == 0


def test_a_missing_library_is_said(tmp_path):
    variables = environment(tmp_path / "environment")
    folder = made(tmp_path, "acme")
    subprocess.run(["pip", "install", "-e", str(folder)], env=variables, check=True)
    done = subprocess.run(
        ["python", "-c", "import polynet; polynet.set_backend('acme')"],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Backend 'acme' needs the library acme, which is not installed." in done.stderr
    assert plugins.SPEC_VERSION == 1
