"""The boundaries of the layout, read from the source: who imports whom, and who names whom.

- `polynet/` imports the standard library, NumPy and its few dependencies, and names no other array
  library and no backend: not in code, a string or a comment. A docstring may mention one.
- Calls go one way: ops and the mechanism below them import nothing that stands on them.
- A backend package uses public names of polynet, and no other backend.
- Every file opens by saying what it is for.

Each check takes source text and returns complaints; the last tests give it faulty text.
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BACKENDS = set(PROJECT["entry-points"]["polynet.backends"])

LIBRARIES = {"numpy", "pluggy", "rich", "safetensors"}
# extras are imported where they are first needed, inside a function
EXTRAS = {"h5py", "matplotlib", "ml_dtypes", "onnx", "orbax", "pandas", "sklearn", "tensorboard"}
TEST_TOOLS = {"hypothesis", "pytest"}  # in the published suite, and in what it is made of
MAY_TEST = ("polynet/conformance/", "polynet/testing")

FOREIGN = re.compile(r"torch|jax|tensorflow|cupy|\bmlx\b|tinygrad|dpnp", re.IGNORECASE)
MAY_SAY_NUMPY = {
    "polynet/plugins.py": "the default backend",
    "polynet/ops/__init__.py": "Keras's page of that name, ops.numpy",
}
ABOVE_OPS = {
    *("activations", "callbacks", "cli", "conformance", "constraints", "data", "layers", "losses"),
    *("metrics", "models", "optimizers", "regularizers", "saving", "training"),
}
MECHANISM = {
    *("autodiff", "backend", "config", "convert", "device", "dtypes", "errors", "op", "ops"),
    *("plugins", "random", "spec", "tensor", "tree", "variable"),
}


def sources(folder):
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


CORE = sources("polynet")
PLUGINS = sources("backends")


def imported(tree):
    """Every import as (node, full name of a module or of something in it)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute in this project"
            for alias in node.names:
                yield node, f"{node.module}.{alias.name}"


def docstrings(tree):
    """The nodes of all docstrings, and of strings that stand alone, which document a name."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def pieces(tree):
    """The nodes of the constant pieces of f-strings, each of which is no name by itself."""
    return {
        id(piece)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for piece in node.values
    }


def foreign_imports(path, source):
    """Imports of what the core does not depend on, or not always."""
    tree = ast.parse(source)
    at_top = {id(node) for node in tree.body}
    allowed = set(sys.stdlib_module_names) | LIBRARIES | {"polynet"}
    if path.startswith(MAY_TEST):
        allowed |= TEST_TOOLS
    for node, name in imported(tree):
        root = name.partition(".")[0]
        if root in EXTRAS:
            if id(node) in at_top:
                yield f"{path}:{node.lineno}: {root} is an extra; import it where it is needed"
        elif root not in allowed:
            yield f"{path}:{node.lineno}: imports {root}"


def foreign_names(path, source):
    """Array libraries and backends that are named outside docstrings."""
    tree = ast.parse(source)
    documentation, fragments = docstrings(tree), pieces(tree)
    for node in ast.walk(tree):
        if id(node) in documentation:
            continue
        words = [value for field, value in ast.iter_fields(node) if isinstance(value, str)]
        for word in words:
            if FOREIGN.search(word):
                yield f"{path}:{node.lineno}: names {FOREIGN.search(word)[0]!r} in {word!r:.60}"
        is_name = isinstance(node, ast.Constant) and id(node) not in fragments
        if is_name and node.value in BACKENDS and path not in MAY_SAY_NUMPY:
            yield f"{path}:{node.lineno}: names the backend {node.value!r}"
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and FOREIGN.search(token.string):
            yield f"{path}:{token.start[0]}: a comment names {FOREIGN.search(token.string)[0]!r}"


def upward_imports(path, source):
    """Imports by ops, or by what is below them, of what stands on them."""
    if Path(path).parts[1].removesuffix(".py") not in MECHANISM:
        return
    for node, name in imported(ast.parse(source)):
        parts = name.split(".")
        if parts[0] == "polynet" and len(parts) > 1 and parts[1] in ABOVE_OPS:
            yield f"{path}:{node.lineno}: imports {name}, which stands above"


def private_uses(path, source):
    """Names of polynet that begin with an underscore, and imports of another backend."""
    tree = ast.parse(source)
    own = Path(path).parts[1]
    bound = set()
    for node, name in imported(tree):
        root, *rest = name.split(".")
        if root.startswith("polynet_") and root != own:
            yield f"{path}:{node.lineno}: imports another backend, {root}"
        if root == "polynet":
            bound.add(rest[-1] if isinstance(node, ast.ImportFrom) else root)
            if any(part.startswith("_") for part in rest):
                yield f"{path}:{node.lineno}: imports {name}, which is private"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr):
            start = node.value
            while isinstance(start, ast.Attribute):
                start = start.value
            if isinstance(start, ast.Name) and start.id in bound:
                yield f"{path}:{node.lineno}: uses {ast.unparse(node)}, which is private"


@pytest.mark.parametrize("path", CORE)
def test_core(path):
    checks = (foreign_imports, foreign_names, upward_imports)
    assert [text for check in checks for text in check(path, CORE[path])] == []


@pytest.mark.parametrize("path", PLUGINS)
def test_backends(path):
    assert list(private_uses(path, PLUGINS[path])) == []


def test_every_file_says_what_it_is_for():
    files = CORE | PLUGINS | sources("tests") | sources("examples") | sources("benchmarks")
    assert [
        path for path, source in files.items() if not ast.get_docstring(ast.parse(source))
    ] == []


def test_every_backend_has_a_folder_and_is_in_the_wheel():
    text = (ROOT / "pyproject.toml").read_text()
    packages = tomllib.loads(text)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    folders = {path.relative_to(ROOT).as_posix() for path in (ROOT / "backends").iterdir()}
    assert {f"backends/polynet_{name}" for name in BACKENDS} == folders
    assert set(packages) == folders | {"polynet"}


@pytest.mark.parametrize(
    ("check", "source", "complaint"),
    [
        (foreign_imports, "import torch", "imports torch"),
        (foreign_imports, "def f():\n    from jax import numpy", "imports jax"),
        (foreign_imports, "import polynet_numpy.backend", "imports polynet_numpy"),
        (foreign_imports, "import h5py", "is an extra"),
        (foreign_imports, "import pytest", "imports pytest"),
        (foreign_names, 'import importlib\nimportlib.import_module("torch.nn")', "'torch'"),
        (foreign_names, 'def f(name):\n    return name == "numpy"', "the backend 'numpy'"),
        (foreign_names, 'x = f"{y} on JAX"', "'JAX'"),
        (foreign_names, "def to_torch(x): pass", "'torch'"),
        (foreign_names, "def f(use_jax): pass", "'jax'"),
        (foreign_names, "x = a.jax_array", "'jax'"),
        (foreign_names, "x = 1  # as torch does", "a comment names 'torch'"),
        (upward_imports, "from polynet.layers import Dense", "stands above"),
        (upward_imports, "def f():\n    import polynet.optimizers.adam", "stands above"),
        (upward_imports, "from polynet import losses", "stands above"),
    ],
)
def test_the_checks_of_the_core_find_faults(check, source, complaint):
    found = list(check("polynet/ops/x.py", source))
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("from polynet._secret import x", "private"),
        ("from polynet.op import _compile", "private"),
        ("from polynet import op\nop._compile()", "uses op._compile"),
        ("import polynet.op\npolynet.op._compile()", "uses polynet.op._compile"),
        ("import polynet_numpy", "another backend"),
    ],
)
def test_the_check_of_backends_finds_faults(source, complaint):
    found = list(private_uses("backends/polynet_torch/x.py", source))
    assert len(found) == 1
    assert complaint in found[0]


def test_what_is_allowed_passes():
    source = '"""As torch does."""\nimport numpy as np\nimport rich\n\ndef f():\n    import h5py\n'
    assert not [*foreign_imports("polynet/x.py", source), *foreign_names("polynet/x.py", source)]
    source = "from polynet import op\nfrom polynet_torch import x\nself._own = op.call.__name__\n"
    assert not [*private_uses("backends/polynet_torch/y.py", source)]
