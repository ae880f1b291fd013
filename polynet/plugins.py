"""How a backend is found, chosen and switched.

A backend is a package that registers two pluggy hooks through the entry-point group ``polynet.backends``; the
entry point's name is the backend's name.  Nothing here knows any backend by name, apart from the default, which
stands in ``DEFAULT``.  What a backend must offer is in ``backend.py``; this file only decides which one is used.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from polynet import config, errors

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from polynet.backend import Backend, BackendInfo

GROUP = "polynet.backends"
DEFAULT = "numpy"
SPEC_VERSION = 1
"""The version of the backend interface; a backend built for another one is refused."""


class State:
    """What every op call looks at: one attribute load, no lock, no context variable.

    ``hot`` maps (op, argument types, dtypes) to the callable that runs it on the default backend.  While a
    ``use_backend`` block is open anywhere it is an empty table, so that every call takes the slow way and asks
    which backend is meant.  ``observers`` counts open tapes and stateless scopes (see ``variable.py``),
    ``abstract`` the blocks in which shapes are inferred (see ``spec.py``).  ``changes`` counts what was set on layers
    and optimizers: while it stands, what was found out about a model still holds.
    """

    __slots__ = ("abstract", "backend", "changes", "hot", "observers", "switches")

    def __init__(self) -> None:
        self.backend: Backend | None = None
        self.hot: dict[Any, Callable[..., Any]] = {}
        self.switches = 0
        self.observers = 0
        self.abstract = 0
        self.changes = 0


state = State()
_NOWHERE: dict[Any, Callable[..., Any]] = {}
_lock = threading.RLock()
_loaded: dict[str, Backend] = {}
_switched: ContextVar[Backend | None] = ContextVar("polynet_backend", default=None)
_entry_points: dict[str, list[EntryPoint]] | None = None
_why = ""


def _forget_plans() -> None:
    """A remembered plan may have settled a dtype by a setting that has changed since."""
    for backend in list(_loaded.values()):
        backend.hot.clear()


config.watch(_forget_plans)


# ------------------------------------------------------------------------------------------- finding


def entry_points() -> dict[str, list[EntryPoint]]:
    """Every registered backend: its name and the entry points that claim it.  Imports none of them."""
    global _entry_points
    if _entry_points is None:
        from importlib.metadata import entry_points as find

        found: dict[str, list[EntryPoint]] = {}
        for entry in find(group=GROUP):
            same = found.setdefault(entry.name, [])
            if not any(_same_place(entry, other) for other in same):
                same.append(entry)
        _entry_points = found
    return _entry_points


def _same_place(one: EntryPoint, other: EntryPoint) -> bool:
    """Is it one distribution seen twice (an editable install beside its own build folder)?"""
    return one.value == other.value and distribution_of(one) == distribution_of(other)


def distribution_of(entry: EntryPoint) -> str:
    """The name of the distribution that registers ``entry``."""
    return entry.dist.name if entry.dist is not None else "an unknown distribution"


def list_backends() -> list[str]:
    """The names of the installed backends, sorted; imports none of them.

    Example:
        >>> import polynet
        >>> "numpy" in polynet.list_backends()
        True
    """
    return sorted(entry_points())


def find(name: str) -> EntryPoint:
    """The entry point of one backend, or an error that lists the installed ones."""
    claims = entry_points().get(name)
    if not claims:
        raise errors.BackendError(_unknown(name))
    if len(claims) > 1:
        owners = " and ".join(sorted(distribution_of(entry) for entry in claims))
        raise errors.BackendError(
            f"Two distributions register a backend named {name!r}: {owners}. "
            f"Uninstall one of them (pip uninstall ...)."
        )
    return claims[0]


def _unknown(name: str) -> str:
    installed = list_backends()
    text = f"Unknown backend {name!r}. Installed: {', '.join(installed) or 'none'}."
    tidy = name.strip().lower()
    if tidy != name and tidy in installed:
        return f"{text} Names are lower case without spaces: write {tidy!r}."
    return text + errors.closest(tidy, installed)


# ------------------------------------------------------------------------------------------- loading


@dataclasses.dataclass(frozen=True)
class _Hooks:
    """One backend's hook caller, with the entry point that it came from."""

    entry: EntryPoint
    hook: Any


_hooks: dict[str, _Hooks] = {}


def _plugin(name: str) -> _Hooks:
    """Load the plugin's entry point, which by contract imports no array library."""
    if name not in _hooks:
        import pluggy

        from polynet import backend

        entry = find(name)
        try:
            plugin = entry.load()
        except Exception as error:
            raise errors.BackendError(_broken(entry, error)) from error
        manager = pluggy.PluginManager("polynet")
        manager.add_hookspecs(backend)
        manager.register(plugin, name)
        _hooks[name] = _Hooks(entry, manager.hook)
    return _hooks[name]


def _broken(entry: EntryPoint, error: BaseException) -> str:
    return (
        f"Backend {entry.name!r} of the distribution {distribution_of(entry)} could not be loaded: "
        f"{type(error).__name__}: {error}. Reinstall or remove that distribution; "
        f"the other backends work without it."
    )


def info(name: str) -> BackendInfo:
    """What a backend says of itself without importing its array library."""
    from polynet.backend import BackendInfo

    plugin = _plugin(name)
    answer = plugin.hook.polynet_backend_info()
    if not isinstance(answer, BackendInfo):
        raise errors.BackendError(
            f"Backend {name!r} of the distribution {distribution_of(plugin.entry)}: its hook "
            f"polynet_backend_info returned {type(answer).__name__}, expected BackendInfo."
        )
    return answer


def get(name: str) -> Backend:
    """The backend of that name, loaded on first use."""
    if not isinstance(name, str):
        raise TypeError(f"backend: expected a name, a string; got {type(name).__name__}.")
    backend = _loaded.get(name)
    if backend is None:
        with _lock:
            backend = _loaded.get(name) or _load(name)
    return backend


def _load(name: str) -> Backend:
    from polynet.backend import Backend

    plugin = _plugin(name)
    facts = info(name)
    who = distribution_of(plugin.entry)
    if facts.spec_version != SPEC_VERSION:
        newer = "polynet-dl" if facts.spec_version > SPEC_VERSION else who
        raise errors.BackendError(
            f"Backend {name!r} of the distribution {who} is written for version "
            f"{facts.spec_version} of the backend interface; this polynet has version {SPEC_VERSION}. "
            f"Upgrade {newer} (pip install --upgrade {newer})."
        )
    try:
        backend = plugin.hook.polynet_backend()
    except ImportError as error:
        if error.name and error.name.partition(".")[0] in facts.modules:
            raise errors.BackendError(
                f"Backend {name!r} needs the library {facts.library}, which is not installed. "
                f"Install it with: {facts.install}"
            ) from error
        raise errors.BackendError(_broken(plugin.entry, error)) from error
    except Exception as error:
        raise errors.BackendError(_broken(plugin.entry, error)) from error
    if not isinstance(backend, Backend):
        raise errors.BackendError(
            f"Backend {name!r} of the distribution {who}: its hook polynet_backend returned "
            f"{type(backend).__name__}, expected an instance of polynet.backend.Backend."
        )
    backend.name = name
    for kind in _wrappers:
        backend.install_protocol(kind)
    _loaded[name] = backend
    return backend


_wrappers: list[type] = []


def register_wrapper(kind: type) -> type:
    """Let every backend teach ``kind`` (Variable, Box) its library's own protocol; a class decorator."""
    _wrappers.append(kind)
    for backend in _loaded.values():
        backend.install_protocol(kind)
    return kind


def loaded() -> list[Backend]:
    """The backends that are in use in this process."""
    return list(_loaded.values())


# ------------------------------------------------------------------------------------------- choosing


def chosen() -> tuple[str, str]:
    """The default backend's name, and why it is that one."""
    name = os.environ.get("POLYNET_BACKEND", "")
    if name:
        return name, "POLYNET_BACKEND"
    name = config.file_setting("backend")
    if name:
        return name, "the config file"
    return DEFAULT, "the default"


def reason() -> str:
    """Why the active backend is the active one."""
    if state.switches and _switched.get() is not None:
        return "use_backend"
    return _why or chosen()[1]


def current() -> Backend:
    """The backend that ops use here and now."""
    if state.switches:
        backend = _switched.get()
        if backend is not None:
            return backend
    return state.backend or _start()


def _start() -> Backend:
    global _why
    with _lock:
        if state.backend is None:
            name, _why = chosen()
            _activate(get(name))
        assert state.backend is not None
        return state.backend


def _activate(backend: Backend) -> None:
    state.backend = backend
    state.hot = _NOWHERE if state.switches else backend.hot


def active_name() -> str:
    """The name of the backend in use; loads nothing."""
    if state.switches:
        backend = _switched.get()
        if backend is not None:
            return backend.name
    return state.backend.name if state.backend is not None else chosen()[0]


def set_backend(backend: str) -> None:
    """Make ``backend`` the default of this process.

    Tensors that exist keep their own backend; ``polynet.convert`` moves them.

    Example:
        >>> import polynet
        >>> polynet.set_backend("numpy")
        >>> polynet.config.backend()
        'numpy'
    """
    global _why
    with _lock:
        _activate(get(backend))
        _why = "set_backend"


@contextlib.contextmanager
def use_backend(backend: str) -> Iterator[None]:
    """Use another backend inside a block, in this thread or task alone.

    Example:
        >>> import polynet
        >>> with polynet.use_backend("numpy"):
        ...     polynet.config.backend()
        'numpy'
    """
    with using(get(backend)):
        yield


@contextlib.contextmanager
def using(backend: Backend) -> Iterator[None]:
    """``use_backend`` for a backend in hand."""
    with _lock:
        state.switches += 1
        state.hot = _NOWHERE
    token = _switched.set(backend)
    try:
        yield
    finally:
        _switched.reset(token)
        with _lock:
            state.switches -= 1
            if not state.switches and state.backend is not None:
                state.hot = state.backend.hot


# ------------------------------------------------------------------------------------------- owning


def owner(x: Any) -> Backend | None:
    """The backend whose tensor ``x`` is; loads one only when its library is already imported."""
    for backend in _loaded.values():
        if isinstance(x, backend.tensor_types):
            return backend
    module = type(x).__module__.partition(".")[0]
    if module in ("builtins", "polynet"):
        return None
    for name in list_backends():
        if name in _loaded:
            continue
        with contextlib.suppress(errors.BackendError):
            if module in info(name).modules and module in sys.modules:
                backend = get(name)
                if isinstance(x, backend.tensor_types):
                    return backend
    return None


class Namespace:
    """The ops of one backend, whatever backend is active: ``namespace(x).exp(x)``."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        thing = getattr(importlib.import_module("polynet.ops"), name)
        if isinstance(thing, type(importlib)):
            return _Page(self._backend, thing)
        if not callable(thing):
            return thing
        return _bound(self._backend, thing)

    def __dir__(self) -> list[str]:
        return dir(importlib.import_module("polynet.ops"))

    def __repr__(self) -> str:
        return f"<polynet.ops on {self._backend.name}>"


class _Page(Namespace):
    """A page of the namespace, such as ``namespace(x).linalg``."""

    def __init__(self, backend: Backend, page: Any) -> None:
        super().__init__(backend)
        self._page = page

    def __getattr__(self, name: str) -> Any:
        return _bound(self._backend, getattr(self._page, name))


def _bound(backend: Backend, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` as it is where its backend is active already, else inside ``using``."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if state.backend is backend and not state.switches:
            return function(*args, **kwargs)
        with using(backend):
            return function(*args, **kwargs)

    call.__name__ = getattr(function, "__name__", "call")
    call.__doc__ = function.__doc__
    return call


def backend_of(x: Any) -> Backend:
    """The backend of a tensor, a Variable or a value that a tape watches."""
    inner = x
    while hasattr(inner, "_polynet_value"):
        inner = inner._polynet_value()
    found = owner(inner)
    if found is None:
        raise TypeError(
            f"x: expected a tensor of one of the installed backends ({', '.join(list_backends())}); "
            f"got {type(x).__name__}."
        )
    return found


def namespace(x: Any) -> Namespace:
    """The ops of the backend that owns ``x``, without a look at which backend is active.

    Example:
        >>> import numpy, polynet
        >>> x = numpy.ones(3)
        >>> polynet.namespace(x)
        <polynet.ops on numpy>
        >>> float(polynet.namespace(x).sum(x))
        3.0
    """
    return Namespace(backend_of(x))
