"""How a backend is found, chosen and refused; each faulty plugin is a real one, in a process of its own.

A plugin is a module and the metadata of a distribution, in a folder on the path. What one backend
computes is not tested here, nor several real ones at once (`cross/`).
"""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import polynet
from polynet import errors, plugins

GOOD = """
import numpy
from polynet.backend import Backend, BackendInfo, implementation

class Array(numpy.ndarray):
    pass

@implementation
def polynet_backend_info():
    return BackendInfo("Lib", "numpy", ("numpy", __name__), "pip install lib")

class Lib(Backend):
    tensor_types = (Array,)
    dtypes = {name: numpy.dtype(name) for name in ("bool", "int32", "float32")}
    def asarray(self, value, dtype):
        return numpy.asarray(value, dtype).view(Array)
    def to_numpy(self, x):
        return numpy.asarray(x)
    def exp(self, x):
        return numpy.exp(x)

@implementation
def polynet_backend():
    return Lib()
"""
BROKEN = "raise RuntimeError('a broken wheel')"
MISSING = GOOD.replace(
    "return Lib()", "raise ModuleNotFoundError('No module', name='lib_native')"
).replace('("numpy", __name__)', '("lib_native",)')
OTHER_IMPORT = GOOD.replace("return Lib()", "import no_such_module_of_its_own")
RAISES = GOOD.replace("return Lib()", "raise OSError('libfast.so: cannot open')")
OTHER_THING = GOOD.replace("return Lib()", "return 'Lib'")
OTHER_INFO = GOOD.replace('return BackendInfo("Lib", "numpy"', "return list").replace(
    'list, ("numpy", __name__), "pip install lib")', "list"
)
NEWER = GOOD.replace('"pip install lib")', '"pip install lib", spec_version=99)')
OLDER = GOOD.replace('"pip install lib")', '"pip install lib", spec_version=0)')


@pytest.fixture
def place(tmp_path):
    for folder in ("path", "home"):
        (tmp_path / folder).mkdir()
    return tmp_path


def add(place, name, source, distribution=None):
    """A distribution that registers the backend `name`."""
    distribution = distribution or f"polynet-{name}"
    module = distribution.replace("-", "_")
    (place / "path" / f"{module}.py").write_text(source)
    folder = place / "path" / f"{module}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[polynet.backends]\n{name} = {module}\n")


PROGRAM = """
import json
def attempt(code):
    try:
        return eval(code, globals())
    except Exception as error:
        return f"{type(error).__name__}: {error}"
import polynet
print(json.dumps([attempt(code) for code in CODES], default=str))
"""


def run(place, *codes, backend=None, **environment):
    """What expressions give, or the text of their errors, in a fresh process that has imported polynet."""
    settings = os.environ | {"POLYNET_HOME": str(place / "home")} | environment
    settings["PYTHONPATH"] = os.pathsep.join(
        [str(place / "path"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    settings.pop("POLYNET_BACKEND", None)
    if backend is not None:
        settings["POLYNET_BACKEND"] = backend
    done = subprocess.run(
        [sys.executable, "-c", f"CODES = {list(codes)!r}\n{PROGRAM}"],
        env={key: value for key, value in settings.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


EXP = "float(polynet.ops.exp(0.0))"
NAME = "polynet.config.backend()"


# ------------------------------------------------------------------------------------ choosing


def test_numpy_is_the_default_and_an_empty_variable_means_unset(place):
    assert run(place, NAME, EXP) == ["numpy", 1.0]
    assert run(place, NAME, EXP, backend="") == ["numpy", 1.0]


def test_the_config_file_chooses_and_the_variable_goes_before_it(place):
    add(place, "lib", GOOD)
    (place / "home" / "config.json").write_text('{"backend": "lib"}')
    owner = "polynet.plugins.owner(polynet.ops.exp(0.0)).name"
    assert run(place, NAME, owner) == ["lib", "lib"]
    assert run(place, NAME, owner, backend="numpy") == ["numpy", "numpy"]


def test_set_backend_and_use_backend(place):
    add(place, "lib", GOOD)
    codes = [
        "polynet.set_backend('lib')",
        NAME,
        "[block := polynet.use_backend('numpy'), block.__enter__()]",
        NAME,
        "polynet.set_backend('nothing')",
        NAME,
    ]
    found = run(place, *codes)
    assert [found[1], found[3], found[5]] == ["lib", "numpy", "numpy"]
    assert found[4].startswith("BackendError: Unknown backend 'nothing'. Installed: ")


def test_listing_imports_no_plugin(place):
    add(place, "broken", BROKEN)
    listed, loaded = run(
        place, "polynet.list_backends()", "[m for m in __import__('sys').modules if 'broken' in m]"
    )
    assert {"broken", "jax", "numpy", "torch"} <= set(listed)
    assert loaded == []


def test_a_name_that_is_nearly_right_is_named(place):
    add(place, "lib", GOOD)
    for wrong, hint in [
        (" Lib", "Names are lower case without spaces: write 'lib'."),
        ("LIB", "Names are lower case without spaces: write 'lib'."),
        ("libb", "Did you mean 'lib'?"),
    ]:
        (text,) = run(place, EXP, backend=wrong)
        assert text.startswith(f"BackendError: Unknown backend {wrong!r}. Installed: "), text
        assert "lib" in text and text.endswith(hint)


# ---------------------------------------------------------------------------------- faulty plugins


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            BROKEN,
            "of the distribution polynet-lib could not be loaded: RuntimeError: a broken wheel",
        ),
        (
            MISSING,
            "needs the library Lib, which is not installed. Install it with: pip install lib",
        ),
        (
            OTHER_IMPORT,
            "polynet-lib could not be loaded: ModuleNotFoundError: No module named 'no_su",
        ),
        (RAISES, "polynet-lib could not be loaded: OSError: libfast.so: cannot open"),
        (
            OTHER_THING,
            "of the distribution polynet-lib: its hook polynet_backend returned str, expec",
        ),
        (
            OTHER_INFO,
            "polynet-lib: its hook polynet_backend_info returned type, expected BackendInfo",
        ),
        (
            NEWER,
            "version 99 of the backend interface; this polynet has version 1. Upgrade polynet-dl",
        ),
        (
            OLDER,
            "version 0 of the backend interface; this polynet has version 1. Upgrade polynet-lib",
        ),
    ],
    ids=["import", "missing", "other import", "raises", "thing", "info", "newer", "older"],
)
def test_a_faulty_plugin_is_named_and_the_others_work(place, source, expected):
    add(place, "lib", source)
    text, name, _, exp = run(place, EXP, NAME, "polynet.set_backend('numpy')", EXP, backend="lib")
    assert text.startswith("BackendError: Backend 'lib' ")
    assert expected in text
    assert (name, exp) == ("lib", 1.0)


def test_two_distributions_with_one_name(place):
    add(place, "lib", GOOD, "first-lib")
    add(place, "lib", GOOD, "second-lib")
    text, _, exp = run(place, EXP, "polynet.set_backend('numpy')", EXP, backend="lib")
    assert "Two distributions register a backend named 'lib': first-lib and second-lib" in text
    assert exp == 1.0


def test_a_primitive_that_is_not_written(place):
    add(place, "lib", GOOD)
    (text,) = run(place, "polynet.ops.sin(0.0)", backend="lib")
    assert text == "NotImplementedError: Backend 'lib' does not have the primitive 'sin' yet."


# ------------------------------------------------------------------------------------ surroundings


@pytest.mark.parametrize("content", ["{", "[1]", '{"backend": 5}', '{"floatx": "float31"}'])
def test_a_broken_config_file_breaks_no_import(place, content):
    (place / "home" / "config.json").write_text(content)
    code = "polynet.config.floatx()" if "floatx" in content else EXP
    text, version = run(place, code, "polynet.__version__")
    assert text.startswith("ConfigError: ") and "config.json" in text
    for key in ("backend", "floatx"):
        assert key not in content or key in text
    assert version == polynet.__version__


@pytest.mark.parametrize("home", ["", "/nowhere/at/all"])
def test_without_a_home(place, home):
    settings = {"POLYNET_HOME": None, "HOME": home or None, "USERPROFILE": home or None}
    assert run(place, NAME, EXP, **settings) == ["numpy", 1.0]


def test_nothing_is_written(place):
    home = place / "home"
    home.chmod(0o500)
    try:
        assert run(place, EXP) == [1.0]
    finally:
        home.chmod(0o700)
    assert list(home.iterdir()) == []


# -------------------------------------------------------------------------- in this very process


def test_use_backend_wants_a_name():
    with pytest.raises(TypeError, match="backend: expected a name"):
        polynet.set_backend(5)


def test_plans_of_the_default_are_back_after_a_block():
    backend = plugins.current()
    with polynet.use_backend("numpy"), polynet.use_backend("numpy"):
        assert plugins.state.hot is not backend.hot
    assert plugins.state.hot is plugins.state.backend.hot


def test_blocks_in_other_threads_leave_the_default_alone():
    open_, close, seen = threading.Event(), threading.Event(), []

    def other():
        with polynet.use_backend("numpy"):
            open_.set()
            close.wait(60)

    thread = threading.Thread(target=other)
    thread.start()
    open_.wait(60)
    seen.append(plugins.current())
    close.set()
    thread.join()
    assert seen == [plugins.state.backend]


def test_namespace_and_convert_in_one_backend():
    x = np.ones(3, "float32")
    y = polynet.namespace(x).exp(x)
    assert isinstance(y, np.ndarray)
    assert polynet.convert(x, "numpy") is x
    with pytest.raises(TypeError, match="expected a tensor of one of the installed backends"):
        polynet.namespace("text")
    with pytest.raises(errors.BackendError, match="Unknown backend 'nowhere'"):
        polynet.convert(x, "nowhere")
