"""The command ``polynet``, as a person runs it: a process of its own, its output in a pipe.

Faulty plugins are real ones: a module and the metadata of a distribution in a folder on the path.
"""

import json
import os
import subprocess
import sys

import pytest

import polynet

GOOD = """
from polynet.backend import Backend, BackendInfo, implementation

@implementation
def polynet_backend_info():
    return BackendInfo("Lib", "numpy", ("numpy",), "pip install lib")

@implementation
def polynet_backend():
    import numpy

    class Lib(Backend):
        tensor_types = ()
        dtypes = {"float32": numpy.dtype("float32")}
        capabilities = frozenset({"a_capability_" + letter * 20 for letter in "abcdefgh"})
        def asarray(self, value, dtype):
            return numpy.asarray(value, dtype)
        def to_numpy(self, x):
            return x
    return Lib()
"""
MISSING = GOOD.replace('("numpy",)', '("no_such_library",)').replace(
    "    import numpy\n", "    import no_such_library\n"
)
BROKEN = "raise RuntimeError('a broken wheel')"
NO_DEVICE = GOOD.replace(
    "return numpy.asarray(value, dtype)", "raise RuntimeError('no device answers')"
)
OTHER_VERSION = GOOD.replace('"pip install lib")', '"pip install lib", spec_version=99)')
OTHER_KIND = GOOD.replace("return Lib()", "return 5")


@pytest.fixture
def place(tmp_path):
    """A folder of plugins that is on the path, and a home without a config file."""
    (tmp_path / "path").mkdir()
    (tmp_path / "home").mkdir()
    return tmp_path


def add_plugin(place, name, source, distribution=None):
    distribution = distribution or f"polynet-{name}"
    module = distribution.replace("-", "_")
    (place / "path" / f"{module}.py").write_text(source)
    add_distribution(place, distribution, f"[polynet.backends]\n{name} = {module}\n")


def add_distribution(place, name, entry_points=""):
    info = place / "path" / f"{name.replace('-', '_')}-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n")
    (info / "entry_points.txt").write_text(entry_points)


def polynet_command(place, *arguments, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("POLYNET_")}
    paths = [str(place / "path"), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "polynet", *arguments],
        env=clean
        | {
            "POLYNET_HOME": str(place / "home"),
            "PYTHONPATH": os.pathsep.join(paths),
            "COLUMNS": "80",
        }
        | environment,
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_version(place):
    done = polynet_command(place, "--version")
    assert done.returncode == 0
    assert done.stdout == f"polynet {polynet.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["backends", "--nonsense"]], ids=str)
def test_a_wrong_command_line_is_status_2(place, arguments):
    done = polynet_command(place, *arguments)
    assert done.returncode == 2
    assert "usage: polynet" in done.stderr


def test_backends(place):
    add_plugin(place, "good", GOOD)
    add_plugin(place, "missing", MISSING)
    done = polynet_command(place, "backends", POLYNET_BACKEND="good")
    assert done.returncode == 0
    table = done.stdout.split("\n\n")[0].splitlines()
    rows = {line[3:].split()[0]: line for line in table}
    good = rows["good"]
    assert good.startswith("*")
    assert "polynet-good 1.2.3" in good
    assert "Lib" in good
    assert "cpu:0" in good
    # in a pipe no line is cut or folded, however narrow the terminal
    assert all("a_capability_" + letter * 20 in good for letter in "abcdefgh")
    assert "Lib (not installed)" in rows["missing"]
    assert not rows["missing"].startswith("*")
    assert "Active: good, because of POLYNET_BACKEND." in done.stdout
    assert "pip install lib" in done.stdout


def test_backends_as_json(place):
    add_plugin(place, "good", GOOD)
    add_plugin(place, "missing", MISSING)
    add_plugin(place, "broken", BROKEN)
    done = polynet_command(place, "backends", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert (found["active"], found["why"]) == ("numpy", "the default")
    rows = {row["name"]: row for row in found["backends"]}
    assert rows["numpy"]["problem"] is None
    assert rows["numpy"]["devices"] == ["cpu:0"]
    assert rows["good"]["distribution_version"] == "1.2.3"
    assert rows["missing"]["installed"] is False
    assert rows["missing"]["install"] == "pip install lib"
    assert "pip install lib" in rows["missing"]["problem"]
    assert "RuntimeError: a broken wheel" in rows["broken"]["problem"]
    assert rows["broken"]["library"] is None


def test_backends_when_the_active_one_cannot_be_used(place):
    add_plugin(place, "missing", MISSING)
    done = polynet_command(place, "backends", POLYNET_BACKEND="missing")
    assert done.returncode == 1
    assert "missing: " in done.stdout
    done = polynet_command(place, "backends", POLYNET_BACKEND="nonsense")
    assert done.returncode == 1
    assert "There is no backend 'nonsense' here" in done.stdout
    (place / "home" / "config.json").write_text("{")
    done = polynet_command(place, "backends")
    assert done.returncode == 1
    assert "config.json: not valid JSON" in done.stderr


def test_a_reader_that_leaves_early_is_no_error(place):
    done = subprocess.run(
        f"{sys.executable} -m polynet backends --json | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"POLYNET_HOME": str(place)},
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_doctor_finds_nothing(place):
    add_plugin(place, "good", GOOD)
    done = polynet_command(place, "doctor")
    assert done.returncode == 0, done.stdout
    assert "problem:" not in done.stdout
    assert done.stdout.endswith("no problems\n")


CASES = {
    "config file": (
        {"config": "{"},
        {},
        ["problem: ", "config.json: not valid JSON"],
    ),
    "config value": (
        {"config": '{"floatx": "float31"}'},
        {},
        ["config.json, key 'floatx': expected one of", "got 'float31'. Did you mean"],
    ),
    "environment value": (
        {},
        {"POLYNET_EPSILON": "small"},
        ["environment variable POLYNET_EPSILON: expected a finite number"],
    ),
    "unknown backend": (
        {},
        {"POLYNET_BACKEND": "NumPy "},
        ["comes from POLYNET_BACKEND. Unknown backend 'NumPy '.", "write 'numpy'"],
    ),
    "unknown backend in the file": (
        {"config": '{"backend": "nonsense"}'},
        {},
        ["comes from the config file. Unknown backend 'nonsense'."],
    ),
    "unread variable": (
        {},
        {"POLYNET_BACKENDS": "numpy"},
        ["variable POLYNET_BACKENDS. Did you mean 'POLYNET_BACKEND'?"],
    ),
    "missing library": (
        {"good": MISSING},
        {"POLYNET_BACKEND": "good"},
        ["problem: ", "needs the library Lib, which is not installed", "pip install lib"],
    ),
    "broken plugin": (
        {"good": BROKEN},
        {},
        [
            "problem: Backend 'good' of the distribution polynet-good",
            "RuntimeError: a broken wheel",
        ],
    ),
    "broken device": (
        {"good": NO_DEVICE},
        {"POLYNET_BACKEND": "good"},
        ["Backend 'good' cannot make a tensor: RuntimeError: no device answers"],
    ),
    "version of the interface": (
        {"good": OTHER_VERSION},
        {},
        ["problem: ", "version 99 of the backend interface", "Upgrade polynet-dl"],
    ),
    "hook": (
        {"good": OTHER_KIND},
        {},
        ["problem: ", "polynet_backend returned int"],
    ),
    "two of one name": (
        {"good": GOOD, "twin": GOOD},
        {},
        ["problem: Two distributions register a backend named 'good'", "good and polynet-twin"],
    ),
    "floatx that the backend lacks": (
        {"good": GOOD},
        {"POLYNET_BACKEND": "good", "POLYNET_FLOATX": "float64"},
        ["problem: floatx is float64. Backend 'good' has no dtype float64"],
    ),
    "another distribution": (
        {"distribution": "polynet"},
        {},
        ["problem: The unrelated distribution polynet 1.2.3", "pip uninstall polynet"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_doctor_names_the_problem_and_the_remedy(place, case):
    files, environment, texts = CASES[case]
    if "config" in files:
        (place / "home" / "config.json").write_text(files["config"])
    if "distribution" in files:
        add_distribution(place, files["distribution"])
    if "good" in files:
        add_plugin(place, "good", files["good"])
    if "twin" in files:
        add_plugin(place, "good", files["twin"], "polynet-twin")
    done = polynet_command(place, "doctor", **environment)
    assert done.returncode == 1, done.stdout
    assert done.stdout.endswith("\n1 problem\n")
    for text in texts:
        assert text in done.stdout


def test_doctor_notes_are_no_problems(place):
    add_plugin(place, "good", GOOD)
    add_plugin(place, "missing", MISSING)
    done = polynet_command(place, "doctor")
    assert done.returncode == 0, done.stdout
    assert "note: Backend 'missing' needs the library Lib" in done.stdout
    assert "note: Backend 'good' has no dtype float64" in done.stdout


def test_rich_is_imported_only_to_show_a_table():
    code = "import sys, polynet.cli as c; c.main(['doctor']); sys.exit('rich' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
