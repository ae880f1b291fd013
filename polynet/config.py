"""The settings of a process: their defaults, where else they come from, how they are read and set.

A setting comes from its ``set_`` function, else from the environment (``POLYNET_FLOATX`` and so
on), else from ``config.json`` in ``home()``, else from its default.  The environment and the file
are read once, when this module is imported.  A wrong entry there never breaks the import: the
settings that it concerns raise when they are read, until their ``set_`` function is called.
Nothing is ever written.

This module stands below everything else.  It must not import the rest of polynet at its top
(``errors`` apart), and holds no state of models or backends.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from polynet import errors

if TYPE_CHECKING:
    from pathlib import Path

    from polynet.dtype_policies import DTypePolicy

__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "epsilon",
    "floatx",
    "home",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "rng",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "set_rng",
]

# Left without a value when the environment or the file holds something wrong: reading one is then a
# NameError, which costs nothing as long as all is well.
_floatx: str
_epsilon: float
_image_data_format: str
_dtype_policy: str | DTypePolicy | None  # None: the plain policy of floatx
_rng: str
_max_epochs: int | None
_max_steps_per_epoch: int | None

_flash_attention = True
_interactive_logging = True
_traceback_filtering = True


# --------------------------------------------------------------------------------- what is allowed


class _Bad(Exception):
    """A value that a setting cannot have; says what was expected."""


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise _Bad(f"one of {', '.join(map(repr, allowed))}", errors.closest(value, allowed))

    return check


def _any_case(check: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: check(value.lower() if isinstance(value, str) else value)


def _number(value: Any) -> float:
    try:
        number = math.nan if isinstance(value, (bool, str, bytes)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise _Bad("a finite number that is not negative")
    return number


def _limit(value: Any) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise _Bad("a positive integer, or None for no limit")


def _name(value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise _Bad("the name of a backend")


def _from_text(convert: Callable[[str], Any], check: Callable[[Any], Any]) -> Callable[[str], Any]:
    """``check`` for a value of the environment, which is always text."""

    def parse(text: str) -> Any:
        try:
            value = convert(text)
        except ValueError:
            value = text
        return check(value)

    return parse


class _Setting:
    """A row of the table below."""

    def __init__(
        self,
        default: Any,
        check: Callable[[Any], Any],
        parse: Callable[[str], Any] | None = None,
        in_file: bool = True,
    ) -> None:
        self.default = default
        self.check = check
        self.parse = parse or check  # of text from the environment
        self.in_file = in_file


_floats = _one_of("bfloat16", "float16", "float32", "float64")
_policies = _one_of("bfloat16", "float16", "float32", "float64", "mixed_bfloat16", "mixed_float16")
_formats = _any_case(_one_of("channels_first", "channels_last"))
_rngs = _one_of("threefry", "native")

_SETTINGS = {
    "floatx": _Setting("float32", _floats),
    "epsilon": _Setting(1e-7, _number, _from_text(float, _number)),
    "image_data_format": _Setting("channels_last", _formats),
    "dtype_policy": _Setting(None, _policies),
    "rng": _Setting("threefry", _rngs),
    "max_epochs": _Setting(None, _limit, _from_text(int, _limit), in_file=False),
    "max_steps_per_epoch": _Setting(None, _limit, _from_text(int, _limit), in_file=False),
}
_FILE_CHECKS = {"backend": _name} | {key: s.check for key, s in _SETTINGS.items() if s.in_file}


def _error(place: str, value: Any, bad: _Bad, mend: str) -> str:
    expected, *hint = bad.args
    shown = repr(value)
    shown = shown if len(shown) <= 80 else type(value).__name__
    return f"{place}: expected {expected}; got {shown}.{''.join(hint)}{mend}"


def _checked(name: str, value: Any, argument: str = "value") -> Any:
    """``value`` as the setting keeps it, or an error that names the function and argument."""
    try:
        return _SETTINGS[name].check(value)
    except _Bad as bad:
        raise errors.ConfigError(_error(f"set_{name}, {argument}", value, bad, "")) from None


# -------------------------------------------------------------------------- where values come from


def home() -> Path | None:
    """The directory of the config file: ``POLYNET_HOME``, else ``~/.polynet``.

    It need not exist; None when no home directory is known.

    Example:
        >>> import polynet
        >>> place = polynet.config.home()
        >>> place is None or isinstance(place / "config.json", type(place))
        True
    """
    from pathlib import Path

    place = _home()
    return None if place is None else Path(place)


def _home() -> str | None:
    chosen = os.environ.get("POLYNET_HOME") or os.path.join("~", ".polynet")
    place = os.path.expanduser(chosen)
    return None if place.startswith("~") else place  # unchanged: no home is known


def _read_file(path: str) -> dict[str, Any]:
    """The entries of the config file, unchecked; raises when the file is wrong as a whole."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise _Bad("not UTF-8 text") from None
    except OSError as error:
        if not os.path.lexists(path):  # so is a directory that is closed to us
            return {}
        raise _Bad(f"cannot be read ({error.strerror})") from None
    import json

    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _Bad(f"not valid JSON ({error.msg}: {where})") from None
    except (ValueError, RecursionError) as error:
        raise _Bad(f"not valid JSON ({error})") from None
    if not isinstance(entries, dict):
        raise _Bad(f"expected a JSON object of settings; got {type(entries).__name__}")
    for key in entries:
        if key not in _FILE_CHECKS:
            hint = errors.closest(key, _FILE_CHECKS)
            known = ", ".join(map(repr, _FILE_CHECKS))
            raise _Bad(f"unknown key {key!r}.{hint} Known keys are {known}")
    return entries


_from_file: dict[str, Any] = {}
_wrong: dict[str, str] = {}  # the errors of single settings
_wrong_file = ""  # the error of the file as a whole, or nothing


def _load_file(path: str) -> None:
    global _wrong_file
    try:
        entries = _read_file(path)
    except _Bad as bad:
        _wrong_file = f"{path}: {bad}. Correct or remove the file."
        return
    for key, value in entries.items():
        try:
            _from_file[key] = _FILE_CHECKS[key](value)
        except _Bad as bad:
            place = f"{path}, key {key!r}"
            _wrong[key] = _error(place, value, bad, " Correct or remove the key.")


def _load() -> None:
    """Give every setting its first value, or note why it has none."""
    place = _home()
    if place is not None:
        _load_file(os.path.join(place, "config.json"))
    for name, setting in _SETTINGS.items():
        variable = f"POLYNET_{name.upper()}"
        text = os.environ.get(variable, "")
        if text:
            try:
                globals()[f"_{name}"] = setting.parse(text)
            except _Bad as bad:
                place = f"environment variable {variable}"
                _wrong[name] = _error(place, text, bad, " Correct or unset the variable.")
        elif not (name in _wrong or (setting.in_file and _wrong_file)):
            globals()[f"_{name}"] = _from_file.get(name, setting.default)


_load()


def _no_value(name: str) -> errors.ConfigError:
    return errors.ConfigError(_wrong.get(name) or _wrong_file)


def file_setting(name: str) -> Any:
    """The entry of the config file, or None; raises when the file or the entry is wrong.

    For ``backend``, whose place is ``plugins``.
    """
    if _wrong_file or name in _wrong:
        raise _no_value(name)
    return _from_file.get(name)


_watchers: list[Callable[[], None]] = []


def watch(function: Callable[[], None]) -> None:
    """Call ``function`` after each change of a setting that ops depend on: ``floatx`` or ``rng``.

    For caches that hold what follows from these.
    """
    _watchers.append(function)


def _changed() -> None:
    for function in _watchers:
        function()


# ----------------------------------------------------------------------------------------- numbers


def floatx() -> str:
    """The float dtype that is used where none is given.

    Example:
        >>> import polynet
        >>> polynet.config.floatx()
        'float32'
    """
    try:
        return _floatx
    except NameError:
        raise _no_value("floatx") from None


def set_floatx(value: str) -> None:
    """Set the float dtype that is used where none is given.

    Args:
        value: ``"bfloat16"``, ``"float16"``, ``"float32"`` or ``"float64"``.  For training in half
            precision, prefer ``set_dtype_policy("mixed_float16")``.

    Example:
        >>> import polynet
        >>> polynet.config.set_floatx("float64")
        >>> polynet.config.floatx()
        'float64'
        >>> polynet.config.set_floatx("float32")
    """
    global _floatx
    _floatx = _checked("floatx", value)
    _changed()


def epsilon() -> float:
    """The small number that keeps divisions and logarithms from zero.

    Example:
        >>> import polynet
        >>> polynet.config.epsilon()
        1e-07
    """
    try:
        return _epsilon
    except NameError:
        raise _no_value("epsilon") from None


def set_epsilon(value: float) -> None:
    """Set the small number that keeps divisions and logarithms from zero.

    Example:
        >>> import polynet
        >>> polynet.config.set_epsilon(1e-5)
        >>> polynet.config.epsilon()
        1e-05
        >>> polynet.config.set_epsilon(1e-7)
    """
    global _epsilon
    _epsilon = _checked("epsilon", value)


def image_data_format() -> str:
    """Where images have their channels by default: ``"channels_last"`` or ``"channels_first"``.

    Example:
        >>> import polynet
        >>> polynet.config.image_data_format()
        'channels_last'
    """
    try:
        return _image_data_format
    except NameError:
        raise _no_value("image_data_format") from None


def set_image_data_format(data_format: str) -> None:
    """Set where images have their channels by default.

    Example:
        >>> import polynet
        >>> polynet.config.set_image_data_format("channels_first")
        >>> polynet.config.image_data_format()
        'channels_first'
        >>> polynet.config.set_image_data_format("channels_last")
    """
    global _image_data_format
    _image_data_format = _checked("image_data_format", data_format, "data_format")


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none; while none is set, the plain policy of ``floatx``.

    Example:
        >>> import polynet
        >>> polynet.config.dtype_policy().compute_dtype
        'float32'
    """
    try:
        policy = _dtype_policy
    except NameError:
        raise _no_value("dtype_policy") from None
    if policy is None or isinstance(policy, str):
        from polynet import dtype_policies

        return dtype_policies.get(policy or floatx())
    return policy


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of layers that are given none.

    Args:
        policy: A float dtype's name, ``"mixed_float16"``, ``"mixed_bfloat16"``, or a
            ``DTypePolicy``.

    Example:
        >>> import polynet
        >>> polynet.config.set_dtype_policy("mixed_float16")
        >>> policy = polynet.config.dtype_policy()
        >>> policy.compute_dtype, policy.variable_dtype
        ('float16', 'float32')
        >>> polynet.config.set_dtype_policy("float32")
    """
    global _dtype_policy
    from polynet import dtype_policies

    if isinstance(policy, dtype_policies.DTypePolicy):
        _dtype_policy = dtype_policies.check_global(policy)
    else:
        name = policy if isinstance(policy, str) else getattr(policy, "name", policy)
        _dtype_policy = dtype_policies.DTypePolicy(_checked("dtype_policy", name, "policy"))


# ---------------------------------------------------------------------------------- random numbers


def rng() -> str:
    """Where random bits come from: ``"threefry"``, the same on all backends, or ``"native"``.

    Example:
        >>> import polynet
        >>> polynet.config.rng()
        'threefry'
    """
    try:
        return _rng
    except NameError:
        raise _no_value("rng") from None


def set_rng(value: str) -> None:
    """Set where random bits come from.

    Args:
        value: ``"threefry"`` for the same bits on all backends, ``"native"`` for each library's
            own generator.

    Example:
        >>> import polynet
        >>> polynet.config.set_rng("native")
        >>> polynet.config.rng()
        'native'
        >>> polynet.config.set_rng("threefry")
    """
    global _rng
    _rng = _checked("rng", value)
    _changed()


# ------------------------------------------------------------------------------ limits on training


def max_epochs() -> int | None:
    """The most epochs that any ``fit`` runs, or None for no limit.

    Example:
        >>> import polynet
        >>> polynet.config.max_epochs() is None
        True
    """
    try:
        return _max_epochs
    except NameError:
        raise _no_value("max_epochs") from None


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs that any ``fit`` runs, to try a script quickly; None lifts the limit.

    Example:
        >>> import polynet
        >>> polynet.config.set_max_epochs(1)
        >>> polynet.config.max_epochs()
        1
        >>> polynet.config.set_max_epochs(None)
    """
    global _max_epochs
    _max_epochs = _checked("max_epochs", max_epochs, "max_epochs")


def max_steps_per_epoch() -> int | None:
    """The most steps of an epoch in ``fit``, ``evaluate`` and ``predict``, or None for no limit.

    Example:
        >>> import polynet
        >>> polynet.config.max_steps_per_epoch() is None
        True
    """
    try:
        return _max_steps_per_epoch
    except NameError:
        raise _no_value("max_steps_per_epoch") from None


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of an epoch, to try a script quickly; None lifts the limit.

    Example:
        >>> import polynet
        >>> polynet.config.set_max_steps_per_epoch(10)
        >>> polynet.config.max_steps_per_epoch()
        10
        >>> polynet.config.set_max_steps_per_epoch(None)
    """
    global _max_steps_per_epoch
    _max_steps_per_epoch = _checked(
        "max_steps_per_epoch", max_steps_per_epoch, "max_steps_per_epoch"
    )


# ---------------------------------------------------------------------------------------- switches


def enable_flash_attention() -> None:
    """Let attention layers use the backend's fused attention where it has one; this is the default.

    Example:
        >>> import polynet
        >>> polynet.config.enable_flash_attention()
        >>> polynet.config.is_flash_attention_enabled()
        True
    """
    global _flash_attention
    _flash_attention = True


def disable_flash_attention() -> None:
    """Keep attention layers from using the backend's fused attention.

    Example:
        >>> import polynet
        >>> polynet.config.disable_flash_attention()
        >>> polynet.config.is_flash_attention_enabled()
        False
        >>> polynet.config.enable_flash_attention()
    """
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool:
    """May attention layers use the backend's fused attention?

    Example:
        >>> import polynet
        >>> polynet.config.is_flash_attention_enabled()
        True
    """
    return _flash_attention


def enable_interactive_logging() -> None:
    """Show progress on the terminal; this is the default.

    Example:
        >>> import polynet
        >>> polynet.config.enable_interactive_logging()
        >>> polynet.config.is_interactive_logging_enabled()
        True
    """
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging() -> None:
    """Send progress to the ``logging`` module instead of the terminal, as suits a job on a server.

    Example:
        >>> import polynet
        >>> polynet.config.disable_interactive_logging()
        >>> polynet.config.is_interactive_logging_enabled()
        False
        >>> polynet.config.enable_interactive_logging()
    """
    global _interactive_logging
    _interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Is progress shown on the terminal?

    Example:
        >>> import polynet
        >>> polynet.config.is_interactive_logging_enabled()
        True
    """
    return _interactive_logging


def enable_traceback_filtering() -> None:
    """Leave polynet's own frames out of tracebacks; this is the default.

    Example:
        >>> import polynet
        >>> polynet.config.enable_traceback_filtering()
        >>> polynet.config.is_traceback_filtering_enabled()
        True
    """
    global _traceback_filtering
    _traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Show whole tracebacks, polynet's own frames included.

    Example:
        >>> import polynet
        >>> polynet.config.disable_traceback_filtering()
        >>> polynet.config.is_traceback_filtering_enabled()
        False
        >>> polynet.config.enable_traceback_filtering()
    """
    global _traceback_filtering
    _traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Are polynet's own frames left out of tracebacks?

    Example:
        >>> import polynet
        >>> polynet.config.is_traceback_filtering_enabled()
        True
    """
    return _traceback_filtering


# ------------------------------------------------------------------------------------- the backend


def backend() -> str:
    """The name of the backend in use.

    Example:
        >>> import polynet
        >>> polynet.config.backend() in polynet.list_backends()
        True
    """
    from polynet import plugins

    return plugins.active_name()


def set_backend(backend: str) -> None:
    """Make another backend the default of this process; tensors that exist keep theirs.

    Example:
        >>> import polynet
        >>> polynet.config.set_backend("numpy")
        >>> polynet.config.backend()
        'numpy'
    """
    from polynet import plugins

    plugins.set_backend(backend)
