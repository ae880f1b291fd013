"""Runs of the published suite as its users make them: another process, the options, what is said at the end.

The backends are NumPy's with something broken or missing, each a plugin that lies on the path. What single parts of
the suite do is the subject of test_conformance_parts.py.
"""

import json
import os
import subprocess
import sys

import pytest

BROKEN = """\
from polynet.backend import BackendInfo, implementation
import polynet_numpy

@implementation
def polynet_backend_info():
    return BackendInfo("Acme", "numpy", ("numpy",), "pip install numpy")

@implementation
def polynet_backend():
    from polynet_numpy.backend import NumpyBackend
    import numpy as np

    class Acme(NumpyBackend):
        {body}
    return Acme()
"""

_SAMPLE = ("--polynet-tier=nn", "--polynet-sample=8")
CORRECT = "pass"
WRONG_TANH = "tanh = staticmethod(lambda x: np.tanh(x) * 1.01)"
WITHOUT_EXP = "exp = None; floor = None"
WRONG_SIGNATURE = "softmax = staticmethod(lambda x, dim=-1: x)"


@pytest.fixture
def suite(tmp_path):
    """Runs the suite on a broken NumPy; returns the exit status and what was printed."""

    def run(body, *options, deviations="", command=(), env=()):
        package = tmp_path / "path" / "acme"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(BROKEN.format(body=body))
        if deviations:
            (package / "deviations.toml").write_text(deviations)
        info = tmp_path / "path" / "acme-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[polynet.backends]\nacme = acme\n")
        empty = tmp_path / "empty"
        empty.mkdir(exist_ok=True)
        command = command or (
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", "polynet.conformance"),
            *("--polynet-backend", "acme"),
        )
        done = subprocess.run(
            [sys.executable, *command, *options],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": str(package.parent), **dict(env)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout + done.stderr

    run.folder = tmp_path / "empty"
    return run


def test_a_right_backend_passes_whatever_warnings_are_made_of(suite):
    status, text = suite(
        CORRECT,
        "--polynet-tier=core",
        "-k",
        "exp or full",
        "-W",
        "error",
        env={"PYTHONWARNINGS": "error"}.items(),
    )
    assert status == 0, text
    assert "polynet core (a part): " in text and "failed" not in text.splitlines()[-1]


def test_a_failure_says_what_and_how_to_see_it_and_blocks_what_runs_through_it(suite):
    """Gradients of tanh fail by themselves; gelu runs through tanh, swish does not."""
    status, text = suite(WRONG_TANH, "-k", "tanh-2x3 or gelu-2x3x4 or silu-2x3x4", "-rf")
    assert status == 1
    assert "ops/tanh-2x3::values: result: 6 of 6 elements differ" in text
    assert "To reproduce:" in text and "polynet.set_backend('acme')" in text
    summary = text.split("short test summary")[1]
    failed = [line for line in summary.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1 and "tanh-2x3" in failed[0]
    assert "blocked by tanh: " in text and "1 blocked" in text.splitlines()[-1]


def test_what_is_blocked_does_not_pass(suite):
    status, text = suite(WRONG_TANH, "-k", "gelu-2x3x4")
    assert status == 1 and "1 blocked" in text and "failed" not in text.splitlines()[-1]


def test_missing_primitives_are_one_failure_each_and_one_is_next(suite):
    status, text = suite(WITHOUT_EXP, *_SAMPLE, "-n", "2", "--polynet-report=r.json")
    assert status == 1
    report = json.loads((suite.folder / "r.json").read_text())
    failed = [row for row, found in report["rows"].items() if "failed" in found["checks"].values()]
    assert failed == ["interface/exp", "interface/floor"]
    assert report["counts"]["blocked"] > 20 and report["processes"] == 2
    softplus = [found for found in report["rows"].values() if found["name"] == "softplus"]
    said = [found["messages"]["values"] for found in softplus if "values" in found["checks"]]
    assert said and set(said) == {"blocked by exp"}
    assert report["rows"]["ops/exp-2x3"]["messages"]["values"] == "blocked by exp"
    assert "2 primitives are not written." in text
    assert "next: write exp(x): Exponential, element-wise." in text


def test_methods_have_the_parameters_of_their_ops(suite):
    status, text = suite(WRONG_SIGNATURE, "-k", "overrides")
    assert status == 1
    assert "softmax: expected the parameters" in text and "got (x, dim=-1)" in text


def test_a_known_deviation_is_not_a_failure(suite):
    rows = ["ops/tanh-2x3::values", "ops/tanh-2x3::float64", "ops/tanh-2x3::gradients"]
    status, text = suite(
        WRONG_TANH,
        *("-k", "tanh-2x3", "--polynet-tier=core"),
        deviations="".join(
            f"[[deviation]]\nid = '{row}'\nreason = 'a cheap unit'\n"
            for row in rows
            if "float64" not in row
        )
        + "[[deviation]]\nid = 'ops/arctanh-2x3in-0.9..0.9::gradients'\nreason = 'just so'\n",
    )
    assert "1 xfailed" in text
    assert status == 1
    assert "ops/arctanh-2x3in-0.9..0.9::gradients: it passes, although it is listed" in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[[deviation]]\nid = 'ops/tanh-2x3::values'\n", "ops/tanh-2x3::values has no reason"),
        ("[[deviation]]\nid = 'ops/tanh-2x3::values'\nreason = ' '\n", "has no reason"),
        (
            "[[deviation]]\nid = 'ops/tanh::taste'\nreason = 'so'\n",
            "match nothing: ops/tanh::taste",
        ),
        ("[deviation]\nid = 'x'\n", "expected tables"),
        ("[[deviation\n", "deviations.toml: "),
    ],
)
def test_entries_that_are_wrong_fail(suite, content, says):
    status, text = suite(CORRECT, "-k", "tanh-2x3 or deviations", deviations=content)
    assert status != 0 and says in text


def test_a_file_of_deviations_that_is_not_there(suite):
    status, text = suite(CORRECT, "--polynet-deviations=nowhere.toml")
    assert status == 4 and "nowhere.toml: there is no such file" in text


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--polynet-backend=acmee"], "Unknown backend 'acmee'"),
        (["--polynet-sample=0"], "--polynet-sample: expected 1 or more; got 0."),
        (["--polynet-report=a.pdf"], "expected .json, .html, .md or .svg; got 'a.pdf'"),
        (["--polynet-tier=best"], "--polynet-tier"),
    ],
)
def test_wrong_options_are_refused_at_once(suite, options, says):
    status, text = suite(CORRECT, *options)
    assert status == 4 and says in text


def test_a_backend_that_cannot_be_loaded_is_said_once(suite):
    for more in ((), ("-n", "2")):
        status, text = suite("raise RuntimeError('no device')", *more)
        assert status == 4 and text.count("no device") == 1, text


def test_the_command(suite):
    status, text = suite(
        *(
            CORRECT,
            "acme",
            "--tier",
            "core",
            "-k",
            "exp",
            "--report",
            "out/r.md",
            "--report",
            "r.svg",
        ),
        command=("-m", "polynet", "conformance"),
    )
    assert status == 0, text
    assert (suite.folder / "out" / "r.md").read_text().startswith("# polynet core (a part): ")
    assert (suite.folder / "r.svg").read_text().startswith("<svg")
    status, text = suite(
        CORRECT, "acme", "-k", "no_such_row", command=("-m", "polynet", "conformance")
    )
    assert status == 1 and "no row" in text


def test_the_command_asks_for_pytest(suite):
    block = (
        "import sys; sys.modules['pytest'] = None; from polynet.cli import main; "
        "sys.exit(main(['conformance', 'acme']))"
    )
    status, text = suite(CORRECT, command=("-c", block))
    assert status == 1 and "pip install pytest" in text
    block = block.replace("'pytest'", "'xdist'").replace("'acme'", "'acme', '-n', '2'")
    status, text = suite(CORRECT, command=("-c", block))
    assert status == 1 and "pip install pytest-xdist" in text


def test_the_plugin_brings_nothing_along(suite):
    """It is loaded in every pytest run of an environment."""
    script = (
        "import sys, pytest, polynet.conformance.pytest_plugin as plugin\n"
        "found = [name for name in sys.modules if name.startswith('polynet')]\n"
        "print(sorted(found), 'numpy' in sys.modules)"
    )
    _, text = suite(CORRECT, command=("-c", script))
    assert (
        text.strip()
        == "['polynet', 'polynet.conformance', 'polynet.conformance.pytest_plugin'] False"
    )


def test_other_runs_do_not_notice_the_plugin(suite):
    (suite.folder).mkdir(exist_ok=True)
    (suite.folder / "test_nothing.py").write_text(
        "import sys\ndef test_nothing():\n    assert 'numpy' not in sys.modules\n"
        "    assert 'polynet.plugins' not in sys.modules\n"
    )
    status, text = suite(
        CORRECT, command=("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_nothing.py")
    )
    assert status == 0 and "polynet" not in text, text
