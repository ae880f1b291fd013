"""Objects that can be described and made again: their constructor's arguments, their names, and the way back.

A ``Configurable`` remembers what it was constructed with, so ``get_config`` needs no code.  A description is a dict of
JSON values with a ``kind`` (a page of built-in types such as ``losses``, or ``registered``, or ``custom``), a
``class_name`` and a ``config``.  It never names a module, a path or code: what is not built in must have been
registered, or be handed in, by the caller.  Files are not read or written here.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import re
import types
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Self, TypeVar

import numpy as np

from polynet import dtypes, errors

C = TypeVar("C", bound="Configurable")
T = TypeVar("T")

KINDS = frozenset(
    {
        "activations",
        "constraints",
        "dtype_policies",
        "initializers",
        "layers",
        "models",
        "losses",
        "metrics",
        "optimizers",
        "optimizers.schedules",
        "random",
        "regularizers",
    }
)
"""The pages of polynet whose public names a description may use."""

_OF_FUNCTIONS = frozenset(
    {"activations", "constraints", "initializers", "losses", "metrics", "regularizers"}
)
"""The pages whose functions a description may use; elsewhere it may name classes only."""

reading_file: ContextVar[bool] = ContextVar("polynet_reading_file", default=False)
"""Does the description that is followed come from a file, which may have been made to do harm?"""

_NOT_OBJECTS = frozenset({"deserialize", "get", "serialize"})


class Configurable:
    """Remembers the arguments that an object was constructed with.

    ``get_config`` gives them as plain data and ``from_config`` constructs an equal object.  A subclass whose
    constructor takes ``*args`` writes both itself.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _remembering(cls.__init__)  # type: ignore[method-assign]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as data that JSON can hold."""
        return {name: serialize(value) for name, value in constructed_with(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """An object from what ``get_config`` gave."""
        return cls(**{name: deserialize(value) for name, value in config.items()})


def _remembering(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that notes its arguments, unless one of a subclass has noted them already."""
    if hasattr(init, "_remembers"):
        return init
    signature = inspect.signature(init)

    @functools.wraps(init)
    def remember(self: Any, *args: Any, **kwargs: Any) -> None:
        if "_constructed_with" not in self.__dict__:
            try:
                bound = signature.bind(self, *args, **kwargs)
            except TypeError as error:
                raise TypeError(
                    f"{type(self).__name__}: {error}. It takes {_parameters(signature)}."
                ) from None
            # not by setattr: a layer tracks what is set
            self.__dict__["_constructed_with"] = bound
        init(self, *args, **kwargs)

    remember._remembers = True  # type: ignore[attr-defined]
    return remember


def _parameters(signature: inspect.Signature) -> str:
    return ", ".join(str(parameter) for parameter in list(signature.parameters.values())[1:])


def constructed_with(thing: Configurable) -> dict[str, Any]:
    """The arguments of the constructor by name, defaults included."""
    bound: inspect.BoundArguments | None = thing.__dict__.get("_constructed_with")
    if bound is None:
        return {}
    found: dict[str, Any] = {}
    for number, (name, parameter) in enumerate(bound.signature.parameters.items()):
        if number == 0:
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            if bound.arguments.get(name):
                raise NotImplementedError(
                    f"{type(thing).__name__}: a constructor with *{name} cannot be described by itself. "
                    f"Write get_config and from_config in that class."
                )
        elif parameter.kind is parameter.VAR_KEYWORD:
            found.update(bound.arguments.get(name, {}))
        else:
            found[name] = bound.arguments.get(name, parameter.default)
    return found


# ------------------------------------------------------------------------------------------ registering

_registered: dict[str, Any] = {}
_scoped: ContextVar[dict[str, Any]] = ContextVar("polynet_custom_objects", default={})  # noqa: B039 (never changed in place)


def register_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Let files name a class or function of yours; a decorator.

    Args:
        package: whose it is, so that two projects may use one name.
        name: the name in files; by default that of the class or function.

    Example:
        >>> import polynet
        >>> @polynet.saving.register_serializable("mine")
        ... def double(x):
        ...     return 2 * x
        >>> polynet.saving.get_registered_name(double)
        'mine>double'
    """

    def register(thing: T) -> T:
        own = name or getattr(thing, "__name__", None)
        if own is None:
            raise TypeError(
                f"register_serializable: expected a class or function; got {type(thing).__name__}."
            )
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise TypeError(
                f"register_serializable: class {own!r} has no get_config. Derive it from a class of polynet, or "
                f"write get_config and from_config."
            )
        _registered[f"{package}>{own}"] = thing
        return thing

    return register


def get_custom_objects() -> dict[str, Any]:
    """The registered classes and functions by their names; changes to it count."""
    return _registered


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered, else its own."""
    for name, known in _registered.items():
        if known is obj:
            return name
    return str(obj.__name__)


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """The class or function of that name: in a scope, registered, or in the given mappings; else ``None``."""
    for names in (_scoped.get(), _registered, custom_objects or {}, module_objects or {}):
        if name in names:
            return names[name]
    return None


@contextlib.contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """A block in which descriptions may use these classes and functions by name.

    Example:
        >>> import polynet
        >>> with polynet.saving.custom_object_scope({"double": lambda x: 2 * x}):
        ...     polynet.activations.get("double")(3.0)
        6.0
    """
    token = _scoped.set({**_scoped.get(), **custom_objects})
    try:
        yield
    finally:
        _scoped.reset(token)


# ------------------------------------------------------------------------------------------ describing


def serialize(value: Any) -> Any:
    """A value as data that JSON can hold; the opposite of ``deserialize``."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [serialize(entry) for entry in value]
    if isinstance(value, tuple):
        return {"kind": "python", "class_name": "tuple", "config": [serialize(v) for v in value]}
    if isinstance(value, dict):
        return {key: serialize(entry) for key, entry in value.items()}
    if isinstance(value, np.generic) and value.ndim == 0 and value.dtype.kind in "biuf":
        return value.item()
    if inspect.isclass(value) or isinstance(value, types.FunctionType | types.BuiltinFunctionType):
        return _serialize_callable(value)
    if hasattr(value, "get_config"):
        return {**_named(type(value)), "config": value.get_config()}
    if isinstance(value, np.dtype) or (hasattr(value, "name") and _is_dtype(value)):
        return dtypes.standardize(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        array = np.asarray(value)
        return {
            "kind": "python",
            "class_name": "array",
            "config": {"value": array.tolist(), "dtype": str(array.dtype)},
        }
    if callable(value) and hasattr(value, "__name__"):
        return _serialize_callable(value)
    raise TypeError(
        f"serialize: {type(value).__name__} cannot be described. Give it get_config and from_config, and register it "
        f"with polynet.saving.register_serializable."
    )


def _is_dtype(value: Any) -> bool:
    try:
        dtypes.standardize(value)
    except errors.PolynetError:
        return False
    return True


def _named(cls: type) -> dict[str, Any]:
    """``kind`` and ``class_name`` of a class."""
    name = get_registered_name(cls)
    if name in _registered:
        return {"kind": "registered", "class_name": name}
    kind = kind_of_builtin(cls)
    if kind is not None:
        return {"kind": kind, "class_name": cls.__name__}
    return {"kind": "custom", "class_name": cls.__name__}


def kind_of_builtin(thing: Any) -> str | None:
    """The page on which polynet publishes this class or function, if it does."""
    module = getattr(thing, "__module__", None) or ""
    if not module.startswith("polynet."):
        return None
    first, *rest = module.split(".")[1:]
    pages = [page for page in (first, ".".join([first, *rest])) if page in KINDS]
    pages += [kind for kind in ("layers", "activations", "losses", "metrics") if kind != first]
    for kind in pages:
        page = _page(kind)
        name = getattr(thing, "__name__", "")
        if name in page.__all__ and getattr(page, name) is thing:
            return kind
    return None


def _page(kind: str) -> Any:
    return importlib.import_module(f"polynet.{kind}")


def _serialize_callable(value: Any) -> Any:
    name = get_registered_name(value)
    if name in _registered:
        return {"kind": "registered", "class_name": "function", "config": name}
    kind = kind_of_builtin(value)
    if kind is not None:
        return {"kind": kind, "class_name": "function", "config": value.__name__}
    return {"kind": "custom", "class_name": "function", "config": name}


def is_description(value: Any) -> bool:
    """Is it a dict that ``serialize`` made of an object (or Keras did)?"""
    return isinstance(value, dict) and "class_name" in value and "config" in value


def deserialize(
    value: Any, custom_objects: Mapping[str, Any] | None = None, kind: str | None = None
) -> Any:
    """What ``serialize`` described.

    Args:
        custom_objects: classes and functions that the description may use by name.
        kind: the page that is meant where a description does not say one.
    """
    if custom_objects:
        with custom_object_scope(custom_objects):
            return deserialize(value, None, kind)
    if isinstance(value, list):
        return [deserialize(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if not is_description(value):
        return {key: deserialize(entry) for key, entry in value.items()}
    name, config = value["class_name"], value["config"]
    if not isinstance(name, str):
        raise ValueError(f"class_name: expected a string; got {type(name).__name__}.")
    kind = _kind_of_description(value, kind)
    if kind == "python":
        return _python_value(name, config)
    if name == "function":
        return find(config, kind)
    cls = find(name, kind)
    if not inspect.isclass(cls):
        raise ValueError(f"class_name: expected the name of a class; {name!r} is a function.")
    if not isinstance(config, dict):
        raise ValueError(
            f"{name}: config: expected a dict of arguments; got {type(config).__name__}."
        )
    try:
        return cls.from_config(config)  # type: ignore[attr-defined]
    except TypeError as error:
        raise ValueError(f"{name}: config does not fit its constructor: {error}") from error


_AT_THE_TOP = {
    "DTypePolicy": "dtype_policies",
    "FloatDTypePolicy": "dtype_policies",
    "Sequential": "models",
}
"""The pages of those classes that Keras's descriptions call by the module ``keras`` alone."""


def _kind_of_description(value: dict[str, Any], given: str | None) -> str | None:
    """The page of a description; Keras's own descriptions say ``module`` and ``registered_name`` instead."""
    kind = value.get("kind")
    if kind is not None:
        return str(kind)
    registered = value.get("registered_name")
    if isinstance(registered, str) and registered in {**_registered, **_scoped.get()}:
        return "registered"
    module = value.get("module")
    if isinstance(module, str):
        parts = module.split(".")
        for part in (".".join(parts[-2:]), *reversed(parts)):
            if part in KINDS:
                return part
        if module == "keras" and value["class_name"] in _AT_THE_TOP:
            return _AT_THE_TOP[value["class_name"]]
    return given


def _python_value(name: str, config: Any) -> Any:
    if name == "tuple" and isinstance(config, list):
        return tuple(deserialize(entry) for entry in config)
    if name == "float" and config in ("nan", "inf", "-inf"):  # which JSON cannot write
        return float(config)
    if name == "array" and isinstance(config, dict):
        return np.asarray(config["value"], dtypes.standardize(config["dtype"]))
    raise ValueError(f"class_name: {name!r} is no Python value that a config may hold.")


def find(name: Any, kind: str | None = None) -> Any:
    """The class or function of a name: of a scope, registered, or public on the page ``kind``."""
    if not isinstance(name, str):
        raise ValueError(f"expected a name, a string; got {type(name).__name__}.")
    found = get_registered_object(name)
    if found is None and kind == "registered" and ">" in name:
        found = get_registered_object(name.split(">")[-1])
    if found is not None:
        return found
    if kind in KINDS:
        page = _page(kind)
        if name in page.__all__ and name not in _NOT_OBJECTS:
            found = getattr(page, name)
            if (
                hasattr(found, "from_config")
                if inspect.isclass(found)
                else callable(found) and kind in _OF_FUNCTIONS
            ):
                return found
        others = [known for known in page.__all__ if known != name]
        raise ValueError(
            f"{kind}: unknown name {name!r}.{errors.closest(name, others)} "
            f"Hand in what is yours by custom_objects, or register it with polynet.saving.register_serializable."
        )
    raise ValueError(
        f"unknown {kind or 'object'} {name!r}. Hand it in by custom_objects={{{name.split('>')[-1]!r}: ...}}, or "
        f"register it with polynet.saving.register_serializable."
    )


# ------------------------------------------------------------------------------------------ pages


class Catalogue:
    """How a page of built-in types (``polynet.losses``, ...) finds its objects by name.

    Args:
        kind: the page's name, among ``KINDS``.
        base: what its objects derive from; ``None`` for a page of functions.
        what: the word for one of them, in errors.
        aliases: more names, each with the public name that it stands for.
        prefer_functions: does a name like ``mean_squared_error`` mean the function rather than the class?
    """

    def __init__(
        self,
        kind: str,
        base: type | None,
        what: str,
        aliases: Mapping[str, str] | None = None,
        prefer_functions: bool = False,
    ) -> None:
        self.kind, self.base, self.what = kind, base, what
        self.aliases = dict(aliases or {})
        self.prefer_functions = prefer_functions

    @functools.cached_property
    def names(self) -> dict[str, Any]:
        """Every name that ``get`` understands."""
        page = _page(self.kind)
        public = {name: getattr(page, name) for name in page.__all__}
        classes = {
            name: value
            for name, value in public.items()
            if self.base is not None and inspect.isclass(value) and issubclass(value, self.base)
        }
        functions = {
            name: value
            for name, value in public.items()
            if callable(value) and not inspect.isclass(value) and name not in _NOT_OBJECTS
        }
        found: dict[str, Any] = {}
        for name, value in classes.items():
            for spelling in (name, snake_case(name), name.lower()):
                found.setdefault(spelling, value)
        found = {**found, **functions} if self.prefer_functions else {**functions, **found}
        for alias, name in self.aliases.items():
            found[alias] = found[name]
        return found

    def get(self, identifier: Any) -> Any:
        """The object meant by a name, a description, a class, or the object itself; ``None`` gives ``None``."""
        if identifier is None:
            return None
        if isinstance(identifier, str):
            found = get_registered_object(identifier)
            if found is None:
                found = self.names.get(identifier)
            if found is None:
                known = f" Known: {', '.join(self._known())}."
                raise ValueError(
                    f"{self.kind}: unknown {self.what} {identifier!r}."
                    f"{errors.closest(identifier, self._known()) or known}"
                )
            return found() if inspect.isclass(found) else found
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if inspect.isclass(identifier):
            return identifier()
        if callable(identifier) or (self.base is not None and isinstance(identifier, self.base)):
            return identifier
        raise ValueError(
            f"{self.kind}: expected a name, a description, a class, an object or a function; "
            f"got {type(identifier).__name__}."
        )

    def _known(self) -> list[str]:
        """The names to propose: public ones, in snake case and as they are."""
        public = set(_page(self.kind).__all__)
        proposed = {*self.aliases, *public, *map(snake_case, public)}
        return sorted(name for name in self.names if name in proposed and name == name.lower())

    def serialize(self, thing: Any) -> Any:
        """The description of one of the page's objects."""
        return serialize(thing)

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """One of the page's objects from its description or its name."""
        if isinstance(config, str):
            with custom_object_scope(custom_objects or {}):
                return self.get(config)
        found = deserialize(config, custom_objects, self.kind)
        if isinstance(found, dict | list):
            raise ValueError(
                f"{self.kind}: expected the description of one {self.what}, with class_name and config; "
                f"got a {type(found).__name__}."
            )
        return found


def snake_case(name: str) -> str:
    """``GlorotUniform`` as ``glorot_uniform``.

    Example:
        >>> snake_case("GlorotUniform"), snake_case("Conv2D")
        ('glorot_uniform', 'conv2d')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    return name.lower()
