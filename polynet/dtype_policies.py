"""Policies: the dtype in which a layer computes and the one in which it keeps its variables.

A policy is a name with its two dtypes, a map gives policies by layer path.  Casting itself is the
business of ``Layer``; names and promotion of dtypes are in ``dtypes``; which policy is used by
default is a setting in ``config``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Self

from polynet import config, dtypes, errors, patterns

__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "deserialize",
    "get",
    "serialize",
]

_MIXED = {"mixed_float16": ("float16", "float32"), "mixed_bfloat16": ("bfloat16", "float32")}


class DTypePolicy:
    """The dtype of a layer's computation and that of its variables.

    Args:
        name: A dtype's name for both, or ``"mixed_float16"`` or ``"mixed_bfloat16"`` to compute in
            half precision on float32 variables.  None takes the default policy's name.

    Example:
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = config.dtype_policy().name
        self._name, self._compute_dtype, self._variable_dtype = _parse(name)

    @property
    def name(self) -> str:
        """The name that makes this policy."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype to which a layer casts its float inputs and variables before it computes."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype in which a layer keeps its variables."""
        return self._variable_dtype

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` needs to make this policy again."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The policy of which ``get_config`` gave ``config``."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DTypePolicy):
            return NotImplemented
        return _family(self) is _family(other) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash((_family(self), self.name))

    def __repr__(self) -> str:
        return f'<{_family(self).__name__} "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """Another name of ``DTypePolicy``, and equal to it.

    Example:
        >>> FloatDTypePolicy("float16") == DTypePolicy("float16")
        True
    """


def _family(policy: DTypePolicy) -> type[DTypePolicy]:
    kind = type(policy)
    return DTypePolicy if kind is FloatDTypePolicy else kind


def _parse(name: Any) -> tuple[str, str, str]:
    """The policy's name, compute dtype and variable dtype."""
    if not isinstance(name, str):
        raise errors.DTypeError(
            f"DTypePolicy, name: expected a string such as 'mixed_float16'; "
            f"got {type(name).__name__}. polynet.dtype_policies.get takes other forms."
        )
    if name in _MIXED:
        return (name, *_MIXED[name])
    try:
        dtype = dtypes.standardize(name)
    except errors.DTypeError:
        hint = errors.closest(name, (*dtypes.ALL, *_MIXED))
        raise errors.DTypeError(
            f"DTypePolicy, name: unknown policy {name!r}.{hint} Expected the name of a dtype, "
            f"such as 'float32', or one of {', '.join(map(repr, _MIXED))}."
        ) from None
    return dtype, dtype, dtype


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by layer path, and a default for the paths that are not in it.

    A key is a path or a regular expression that matches the whole path; an exact key comes first.

    Args:
        default_policy: For all other paths; None follows ``config.dtype_policy()``.
        policy_map: A dict from keys to policies, or to what ``get`` makes policies of.

    Example:
        >>> policies = DTypePolicyMap("float32", {"encoder/.*": "mixed_float16"})
        >>> policies["encoder/dense"].name, policies["decoder/dense"].name
        ('mixed_float16', 'float32')
    """

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def __init__(
        self,
        default_policy: str | DTypePolicy | Mapping[str, Any] | None = None,
        policy_map: dict[str, Any] | None = None,
    ) -> None:
        default = None if default_policy is None else get(default_policy)
        if isinstance(default, DTypePolicyMap):
            raise ValueError(
                "DTypePolicyMap, default_policy: expected one policy; got another DTypePolicyMap."
            )
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(
                f"DTypePolicyMap, policy_map: expected a dict or None; "
                f"got {type(policy_map).__name__}."
            )
        self._default = default
        self._policies: dict[str, DTypePolicy] = {}
        self.update(policy_map or {})

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of the paths that no key matches."""
        return config.dtype_policy() if self._default is None else self._default

    @property
    def name(self) -> str:
        """``map_`` and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """That of the default policy."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """That of the default policy."""
        return self.default_policy.variable_dtype

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policies:
            return self._policies[path]
        matching = [key for key in self._policies if patterns.is_fitting(key, path)]
        if len(matching) > 1:
            raise ValueError(
                f"DTypePolicyMap: the path {path!r} matches {len(matching)} keys: "
                f"{', '.join(map(repr, matching))}. Make them exclude each other, or add the "
                f"path itself as a key."
            )
        return self._policies[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"DTypePolicyMap, key: expected a string; got {type(key).__name__}.")
        if key in self._policies:
            raise ValueError(
                f"DTypePolicyMap: the key {key!r} already has the policy "
                f"{self._policies[key].name!r}. Delete it first to give it another."
            )
        patterns.check(key)
        try:
            re.compile(key)
        except re.error as error:
            raise ValueError(
                f"DTypePolicyMap, key: {key!r} is no regular expression ({error}). "
                f"Use re.escape to match a path as it stands."
            ) from None
        self._policies[key] = get(policy)

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` needs to make this map again; a default of None stays None."""
        return {
            "default_policy": None if self._default is None else serialize(self._default),
            "policy_map": {key: serialize(policy) for key, policy in self._policies.items()},
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
    ) -> Self:
        """The map of which ``get_config`` gave ``config``."""

        def make(entry: Any) -> Any:
            return deserialize(entry, custom_objects) if isinstance(entry, dict) else entry

        policies = {key: make(entry) for key, entry in config["policy_map"].items()}
        return cls(make(config["default_policy"]), policies)

    def __repr__(self) -> str:
        entries = {key: policy.name for key, policy in self._policies.items()}
        return f"<DTypePolicyMap default={self.default_policy.name!r} {entries}>"


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """A policy as a plain dict, for a file.

    Example:
        >>> serialize(DTypePolicy("float16"))
        {'class_name': 'DTypePolicy', 'config': {'name': 'float16'}}
    """
    if not isinstance(dtype_policy, DTypePolicy):
        raise TypeError(
            f"serialize, dtype_policy: expected a DTypePolicy; got {type(dtype_policy).__name__}."
        )
    return {"class_name": type(dtype_policy).__name__, "config": dtype_policy.get_config()}


_CLASSES: dict[str, type[DTypePolicy]] = {
    kind.__name__: kind for kind in (DTypePolicy, FloatDTypePolicy, DTypePolicyMap)
}


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None
) -> DTypePolicy:
    """The policy that ``serialize`` made ``config`` of.

    Args:
        config: A dict with the keys ``class_name`` and ``config``; other keys are not looked at.
        custom_objects: Policy classes of your own, by name.

    Example:
        >>> deserialize({"class_name": "DTypePolicy", "config": {"name": "float16"}})
        <DTypePolicy "float16">
    """
    if not (isinstance(config, Mapping) and isinstance(config.get("config"), Mapping)):
        got = sorted(map(str, config)) if isinstance(config, Mapping) else type(config).__name__
        raise ValueError(
            "dtype policy, config: expected a dict with the keys 'class_name' and 'config'; "
            f"got {got}."
        )
    name = config.get("class_name")
    known = {**_CLASSES, **(custom_objects or {})}
    kind = known.get(name) if isinstance(name, str) else None
    if not (isinstance(kind, type) and issubclass(kind, DTypePolicy)):
        raise ValueError(
            f"dtype policy, class_name: unknown class {name!r}.{errors.closest(name, known)} "
            f"Expected one of {', '.join(known)}; pass a class of your own in custom_objects."
        )
    if issubclass(kind, DTypePolicyMap):
        return kind.from_config(config["config"], custom_objects)
    return kind.from_config(config["config"])


def get(identifier: Any) -> DTypePolicy:
    """The policy that ``identifier`` stands for.

    Args:
        identifier: A policy, its name, its serialized form, a dtype, or None for
            ``config.dtype_policy()``.

    Example:
        >>> get("mixed_float16")
        <DTypePolicy "mixed_float16">
    """
    if identifier is None:
        return config.dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, str):
        return _named(identifier)
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    return _named(dtypes.standardize(identifier))


@functools.lru_cache(64)
def _named(name: str) -> DTypePolicy:
    return DTypePolicy(name)


def check_global(policy: DTypePolicy) -> DTypePolicy:
    """``policy``, if all layers can have it; for ``config.set_dtype_policy``."""
    if isinstance(policy, DTypePolicyMap) and policy._default is None:
        raise errors.ConfigError(
            "set_dtype_policy, policy: got a DTypePolicyMap whose default is the very policy that "
            "is being set. Give it a default_policy."
        )
    if not dtypes.is_float(policy.compute_dtype):
        raise errors.ConfigError(
            f"set_dtype_policy, policy: expected a policy of a float dtype; got {policy!r}."
        )
    return policy
