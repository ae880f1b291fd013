"""Settings: where their values come from, what wrong ones get, and the names that Keras has.

What is read at import (the environment, the config file) is tested in processes of its own.
"""

import inspect
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from polynet import config, dtype_policies, errors

# name: what a fresh process gives, a value to set, a value that is refused
SETTINGS = {
    "floatx": ("float32", "float16", "float8"),
    "epsilon": (1e-7, 1e-3, -1),
    "image_data_format": ("channels_last", "channels_first", "channels_middle"),
    "rng": ("threefry", "native", "mersenne"),
    "max_epochs": (None, 3, 0),
    "max_steps_per_epoch": (None, 20, 2.5),
}
SWITCHES = ("flash_attention", "interactive_logging", "traceback_filtering")


@pytest.fixture(autouse=True)
def restored():
    before = {name: value for name, value in vars(config).items() if name.startswith("_")}
    yield
    vars(config).update(before)


def python(code, tmp_path, file=None, **environ):
    """What ``code`` prints in a fresh process whose home is ``tmp_path``."""
    home = tmp_path / "settings"
    if file is not None:
        home.mkdir(exist_ok=True)
        data = (
            file
            if isinstance(file, bytes)
            else (file if isinstance(file, str) else json.dumps(file)).encode()
        )
        (home / "config.json").write_bytes(data)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("POLYNET_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from polynet import config\n" + code],
        env={**clean, "POLYNET_HOME": str(home), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ASK = """
def ask(read):
    try:
        return read()
    except Exception as error:
        assert error.__context__ is None or error.__suppress_context__  # no inner workings shown
        return f"{type(error).__name__}: {error}"
"""


def errors_of(tmp_path, file=None, **environ):
    """For each setting, its value or the text of the error that it raises when read."""
    code = (
        ASK
        + "import json\n"
        + f"found = {{name: ask(getattr(config, name)) for name in {[*DEFAULTS][:-1]}}}\n"
        + "found['backend'] = ask(lambda: config.file_setting('backend'))\n"
        + "print(json.dumps(found, default=lambda policy: policy.name))"
    )
    return json.loads(python(code, tmp_path, file, **environ))


def raised(found):
    return {name for name, value in found.items() if str(value).startswith("ConfigError")}


DEFAULTS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
    "rng": "threefry",
    "max_epochs": None,
    "backend": None,
}


# ---------------------------------------------------------------------------- in a running process


@pytest.mark.parametrize("name", SETTINGS)
def test_set_and_get(name):
    _, good, bad = SETTINGS[name]
    read, write = getattr(config, name), getattr(config, f"set_{name}")
    write(good)
    assert read() == good
    with pytest.raises(errors.ConfigError) as caught:
        write(bad)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(f"set_{name}, ") and f"got {bad!r}." in str(caught.value)
    assert read() == good  # nothing changed


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: config.set_floatx("float31"),
            "set_floatx, value: expected one of 'bfloat16', 'float16', 'float32', 'float64'; "
            "got 'float31'. Did you mean 'float32'?",
        ),
        (
            lambda: config.set_floatx(np.float32),
            "set_floatx, value: expected one of 'bfloat16', 'float16', 'float32', 'float64'; "
            "got <class 'numpy.float32'>.",
        ),
        (
            lambda: config.set_epsilon("1e-5"),
            "set_epsilon, value: expected a finite number that is not negative; got '1e-5'.",
        ),
        (
            lambda: config.set_image_data_format("channel_last"),
            "set_image_data_format, data_format: expected one of 'channels_first', "
            "'channels_last'; got 'channel_last'. Did you mean 'channels_last'?",
        ),
        (
            lambda: config.set_max_epochs(True),
            "set_max_epochs, max_epochs: expected a positive integer, or None for no limit; "
            "got True.",
        ),
        (
            lambda: config.set_dtype_policy("mixed_float32"),
            "set_dtype_policy, policy: expected one of 'bfloat16', 'float16', 'float32', "
            "'float64', 'mixed_bfloat16', 'mixed_float16'; got 'mixed_float32'. "
            "Did you mean 'mixed_float16'?",
        ),
        (
            lambda: config.set_rng(np.zeros(100)),
            "set_rng, value: expected one of 'threefry', 'native'; got ndarray.",
        ),
    ],
)
def test_error_texts(call, text):
    with pytest.raises(errors.ConfigError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e-9, True, None, "0", 10**400])
def test_epsilon_is_a_finite_number(value):
    with pytest.raises(errors.ConfigError):
        config.set_epsilon(value)


@pytest.mark.parametrize("value", [1, 0, np.float32(0.5), np.array(0.5)])
def test_epsilon_becomes_a_python_float(value):
    config.set_epsilon(value)
    assert type(config.epsilon()) is float and config.epsilon() == float(value)


def test_image_data_format_ignores_case():
    config.set_image_data_format("Channels_First")
    assert config.image_data_format() == "channels_first"


@pytest.mark.parametrize("name", ["max_epochs", "max_steps_per_epoch"])
def test_limits_can_be_lifted(name):
    getattr(config, f"set_{name}")(2)
    getattr(config, f"set_{name}")(None)
    assert getattr(config, name)() is None


@pytest.mark.parametrize("name", SWITCHES)
def test_switches(name):
    enabled = getattr(config, f"is_{name}_enabled")
    assert enabled() is True
    getattr(config, f"disable_{name}")()
    assert enabled() is False
    assert [getattr(config, f"is_{other}_enabled")() for other in SWITCHES].count(False) == 1
    getattr(config, f"enable_{name}")()
    assert enabled() is True


def test_watchers_hear_of_floatx_and_rng():
    heard = []
    config._watchers = [lambda: heard.append((config.floatx(), config.rng()))]
    config.set_floatx("float64")
    config.set_rng("native")
    with pytest.raises(errors.ConfigError):
        config.set_floatx("float9")
    config.set_epsilon(1e-3)
    assert heard == [("float64", "threefry"), ("float64", "native")]


def test_dtype_policy_follows_floatx_until_it_is_set():
    config._dtype_policy = None
    assert config.dtype_policy() == dtype_policies.DTypePolicy("float32")
    config.set_floatx("float64")
    assert config.dtype_policy().name == "float64"
    assert config.dtype_policy() is config.dtype_policy()
    config.set_dtype_policy("mixed_float16")
    config.set_floatx("float32")
    policy = config.dtype_policy()
    assert (policy.compute_dtype, policy.variable_dtype) == ("float16", "float32")
    assert config.dtype_policy() is policy


def test_set_dtype_policy_takes_policies():
    policy = dtype_policies.DTypePolicy("mixed_bfloat16")
    config.set_dtype_policy(policy)
    assert config.dtype_policy() is policy
    mapped = dtype_policies.DTypePolicyMap("float16")
    config.set_dtype_policy(mapped)
    assert config.dtype_policy() is mapped
    config.set_dtype_policy(np.dtype("float64"))  # has a name
    assert config.dtype_policy().name == "float64"


@pytest.mark.parametrize(
    "policy",
    [
        None,
        32,
        "int32",
        "bool",
        dtype_policies.DTypePolicy("int8"),
        dtype_policies.DTypePolicyMap(),
    ],
)
def test_set_dtype_policy_refuses(policy):
    config.set_dtype_policy("float16")
    with pytest.raises(errors.ConfigError, match=r"^set_dtype_policy, policy: "):
        config.set_dtype_policy(policy)
    assert config.dtype_policy().name == "float16"


# The public names of Keras 3.15.1's ``config`` and their arguments, less unsafe loading and NNX.
KERAS = {
    "backend": [],
    "dtype_policy": [],
    "epsilon": [],
    "floatx": [],
    "image_data_format": [],
    "max_epochs": [],
    "max_steps_per_epoch": [],
    "set_backend": ["backend"],
    "set_dtype_policy": ["policy"],
    "set_epsilon": ["value"],
    "set_floatx": ["value"],
    "set_image_data_format": ["data_format"],
    "set_max_epochs": ["max_epochs"],
    "set_max_steps_per_epoch": ["max_steps_per_epoch"],
    **{
        name.format(switch): []
        for name in ("enable_{}", "disable_{}", "is_{}_enabled")
        for switch in SWITCHES
    },
}


def test_names_and_arguments_are_those_of_keras():
    own = {"home", "rng", "set_rng"}
    assert set(config.__all__) == set(KERAS) | own
    for name, arguments in KERAS.items():
        assert list(inspect.signature(getattr(config, name)).parameters) == arguments, name


# ---------------------------------------------------------------------------- in a fresh process


def test_defaults(tmp_path):
    assert errors_of(tmp_path) == DEFAULTS
    assert list(tmp_path.iterdir()) == []  # nothing is written


def test_the_environment(tmp_path):
    environ = {
        "POLYNET_FLOATX": "float16",
        "POLYNET_EPSILON": "1e-4",
        "POLYNET_IMAGE_DATA_FORMAT": "channels_first",
        "POLYNET_DTYPE_POLICY": "mixed_float16",
        "POLYNET_RNG": "native",
        "POLYNET_MAX_EPOCHS": "2",
        "POLYNET_MAX_STEPS_PER_EPOCH": "5",
    }
    found = errors_of(tmp_path, **environ)
    assert found == {
        "floatx": "float16",
        "epsilon": 1e-4,
        "image_data_format": "channels_first",
        "dtype_policy": "mixed_float16",
        "rng": "native",
        "max_epochs": 2,
        "backend": None,
    }
    assert python("print(config.max_steps_per_epoch())", tmp_path, **environ) == "5"


def test_empty_variables_count_as_unset(tmp_path):
    environ = {f"POLYNET_{name.upper()}": "" for name in (*SETTINGS, "dtype_policy")}
    assert errors_of(tmp_path, **environ) == DEFAULTS


FILE = {
    "backend": "abacus",
    "floatx": "float64",
    "epsilon": 1e-3,
    "image_data_format": "channels_first",
    "dtype_policy": "mixed_bfloat16",
    "rng": "native",
}


def test_the_config_file(tmp_path):
    assert errors_of(tmp_path, FILE) == FILE | {"max_epochs": None}
    assert errors_of(tmp_path, {"epsilon": 1}) == DEFAULTS | {"epsilon": 1.0}
    assert errors_of(tmp_path, {}) == DEFAULTS
    assert errors_of(tmp_path, b"\xef\xbb\xbf{}") == DEFAULTS  # some editors begin a file so


def test_the_environment_comes_before_the_file(tmp_path):
    found = errors_of(tmp_path, FILE, POLYNET_FLOATX="float16", POLYNET_EPSILON="0.5")
    assert found == FILE | {"floatx": "float16", "epsilon": 0.5, "max_epochs": None}


def test_the_file_may_lie_in_the_home_directory(tmp_path):
    (tmp_path / ".polynet").mkdir()
    (tmp_path / ".polynet" / "config.json").write_text('{"floatx": "float16"}')
    code = "print(config.floatx(), config.home())"
    for unset in ({"POLYNET_HOME": ""}, {"POLYNET_HOME": "~/.polynet"}):
        place = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), **unset}
        assert python(code, tmp_path, **place) == f"float16 {tmp_path / '.polynet'}"


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("backend", 3, "expected the name of a backend; got 3."),
        ("backend", "", "expected the name of a backend; got ''."),
        ("floatx", "float23", "got 'float23'. Did you mean 'float32'?"),
        ("floatx", None, "got None."),
        ("floatx", ["float32"], "got ['float32']."),
        ("epsilon", "1e-5", "expected a finite number that is not negative; got '1e-5'."),
        ("epsilon", -1, "got -1."),
        (
            "image_data_format",
            "NCHW",
            "expected one of 'channels_first', 'channels_last'; got 'NCHW'.",
        ),
        ("dtype_policy", "mixed", "got 'mixed'."),
        ("rng", True, "expected one of 'threefry', 'native'; got True."),
    ],
)
def test_a_wrong_entry_of_the_file(tmp_path, key, value, text):
    found = errors_of(tmp_path, {key: value})
    follows = {"floatx": {"dtype_policy"}}  # all else has its default
    assert raised(found) == {key} | follows.get(key, set())
    path = tmp_path / "settings" / "config.json"
    assert found[key].startswith(f"ConfigError: {path}, key {key!r}: expected ")
    assert text in found[key] and found[key].endswith(" Correct or remove the key.")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            '{"floatx": "float16"',
            ": not valid JSON (Expecting ',' delimiter: line 1, column 21). Correct",
        ),
        ("", ": not valid JSON (Expecting value: line 1, column 1). Correct"),
        ("[" * 100_000, ": not valid JSON ("),
        ("[1, 2]", ": expected a JSON object of settings; got list. Correct"),
        (
            {"flaotx": "float16"},
            ": unknown key 'flaotx'. Did you mean 'floatx'? Known keys are 'backend', ",
        ),
        (b'{"floatx": "\xff"}', ": not UTF-8 text. Correct"),
    ],
    ids=["cut short", "empty", "deep", "a list", "unknown key", "bytes"],
)
def test_a_broken_file(tmp_path, file, text):
    found = errors_of(tmp_path, file)
    assert raised(found) == set(DEFAULTS) - {"max_epochs"}  # which no file can set
    path = tmp_path / "settings" / "config.json"
    assert {found[name] for name in raised(found)} == {found["floatx"]}
    assert found["floatx"].startswith(f"ConfigError: {path}{text}")
    assert found["floatx"].endswith(" Correct or remove the file.")


def test_the_environment_and_set_functions_mend_a_broken_file(tmp_path):
    found = errors_of(tmp_path, "{", POLYNET_FLOATX="float16")
    assert found["floatx"] == "float16" and "epsilon" in raised(found)
    found = errors_of(tmp_path, {"floatx": "float3"}, POLYNET_FLOATX="float16")
    assert raised(found) == set() and found["floatx"] == "float16"
    code = """
config.set_floatx("float16"); config.set_epsilon(1e-3); config.set_rng("native")
config.set_image_data_format("channels_first"); config.set_dtype_policy("float64")
print(config.floatx(), config.epsilon(), config.rng())
print(config.image_data_format(), config.dtype_policy().name)
"""
    wanted = ["float16 0.001 native", "channels_first float64"]
    assert python(code, tmp_path, "{").splitlines() == wanted


def test_dtypes_can_be_imported_beside_a_broken_file(tmp_path):
    code = (
        ASK
        + "from polynet import dtypes\n"
        + "print(dtypes.result_type('int8', 'float16'), ask(dtypes.standardize))"
    )
    assert python(code, tmp_path, "{").startswith("float16 ConfigError: ")


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("FLOATX", "float23", "got 'float23'. Did you mean 'float32'?"),
        ("EPSILON", "small", "expected a finite number that is not negative; got 'small'."),
        ("EPSILON", "nan", "got 'nan'."),
        ("IMAGE_DATA_FORMAT", "NCHW", "got 'NCHW'."),
        ("DTYPE_POLICY", "int8", "got 'int8'."),
        ("RNG", "Native", "got 'Native'. Did you mean 'native'?"),
        ("MAX_EPOCHS", "0", "expected a positive integer, or None for no limit; got '0'."),
        ("MAX_EPOCHS", "many", "got 'many'."),
    ],
)
def test_a_wrong_variable(tmp_path, variable, value, text):
    found = errors_of(tmp_path, FILE, **{f"POLYNET_{variable}": value})
    (name,) = raised(found)
    assert name == variable.lower()
    assert found[name].startswith(
        f"ConfigError: environment variable POLYNET_{variable}: expected "
    )
    assert text in found[name] and found[name].endswith(" Correct or unset the variable.")


def test_no_home_is_known(tmp_path):
    code = """
import os, sys
os.path.expanduser = lambda path: path  # what it does when there is neither HOME nor an account
del sys.modules["polynet.config"], sys.modules["polynet"].config
from polynet import config
print(config.home(), config.floatx())
"""
    assert python(code, tmp_path, POLYNET_HOME="") == "None float32"


@pytest.mark.parametrize("place", ["missing/deep", "file", "file/below"])
def test_a_home_that_is_no_directory(tmp_path, place):
    (tmp_path / "file").write_text("")
    found = errors_of(tmp_path, POLYNET_HOME=str(tmp_path / place))
    assert found == DEFAULTS
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_directory_in_the_place_of_the_file(tmp_path):
    (tmp_path / "settings" / "config.json").mkdir(parents=True)
    found = errors_of(tmp_path)
    assert ": cannot be read (Is a directory). Correct or remove the file." in found["floatx"]


@pytest.mark.parametrize("there", [True, False])
def test_a_closed_home(tmp_path, there):
    # Simulated, because an administrator's process can read everything.
    code = f"""
import builtins, os, sys
def refuse(path, *args, **kwargs):
    raise PermissionError(13, "Permission denied", path)
real, builtins.open, os.path.lexists = builtins.open, refuse, lambda path: {there}
text = real(config.__file__).read()
fresh = type(sys)("fresh"); exec(compile(text, "config.py", "exec"), vars(fresh))
builtins.open = real
{ASK}
print(ask(fresh.floatx))
"""
    found = python(code, tmp_path)
    if there:
        assert "config.json: cannot be read (Permission denied). Correct or" in found
    else:
        assert found == "float32"


def test_import_without_a_file_is_cheap(tmp_path):
    # -S: an editable install or a plugin of the test runner may import much before us.
    code = f"import sys; sys.path[:] = {sys.path!r}; import polynet.config; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={**os.environ, "POLYNET_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.split())
    assert "polynet.config" in loaded
    assert not loaded & {"json", "numpy", "difflib", "pathlib", "polynet.plugins"}
