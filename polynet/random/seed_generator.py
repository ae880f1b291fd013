"""Where keys come from: ``SeedGenerator``, the global one, and ``set_random_seed``.

A draw is a pure function of its key, the two 32-bit words (seed, counter).  A ``SeedGenerator`` is a variable that
holds the next key; each draw from it adds one to the counter.  What is drawn belongs in other files of this package.
"""

from __future__ import annotations

import operator
import random as python_random
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from polynet import plugins
from polynet.backend import get_uid
from polynet.ops.primitives import add
from polynet.spec import Spec, is_abstract
from polynet.variable import Variable, name_scope

R = TypeVar("R")

_STEP = np.array([0, 1], np.int32)
_entropy = python_random.Random()
_global_seed: int | None = None
_global: dict[str, SeedGenerator] = {}


class SeedGenerator:
    """A stream of keys: every draw that is given it as its ``seed`` takes the next one.

    The state is an int32 variable of the seed's and the counter's bits, so that a compiled function advances it, and
    saving it resumes the stream.

    Args:
        seed: an integer from 0 to 2**32 - 1; by default one that nobody can foresee, or that follows from
            ``polynet.utils.set_random_seed``.
        name: names its variable.

    Example:
        >>> import polynet
        >>> seeds = polynet.random.SeedGenerator(42)
        >>> a = polynet.random.normal((2,), seed=seeds)
        >>> b = polynet.random.normal((2,), seed=seeds)
        >>> bool((a == b).all()), seeds.state.numpy().tolist()
        (False, [42, 2])
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise TypeError(f"SeedGenerator: unknown arguments {sorted(kwargs)}.")
        self._initial_seed = seed
        value = make_default_seed() if seed is None else as_seed(seed)
        self.name = name or _automatic_name()
        with name_scope(self.name):
            self.state = Variable(
                key_of(value),
                dtype="int32",
                trainable=False,
                autocast=False,
                name="seed_generator_state",
            )

    def next(self, ordered: bool = True) -> Any:
        """The next key, an int32 tensor of shape (2,); keys count up, ``ordered`` or not."""
        return draw(self, lambda key: key)

    def draw(self, function: Callable[[Any], R]) -> R:
        """``function`` of the next key; if it fails, the key is not used up."""
        key = self.state.value
        result = function(key)
        self.state.assign(add(key, _STEP))
        return result

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` needs."""
        return {"seed": self._initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator from what ``get_config`` gave."""
        return cls(**config)


def _automatic_name() -> str:
    number = get_uid("seed_generator")
    return "seed_generator" if number == 1 else f"seed_generator_{number - 1}"


def as_seed(seed: Any) -> int:
    """A ``seed`` argument that is an integer, checked."""
    try:
        if isinstance(seed, bool):
            raise TypeError
        value = operator.index(seed)
    except TypeError:
        raise TypeError(
            f"seed: expected an integer, a polynet.random.SeedGenerator or None; got {type(seed).__name__}."
        ) from None
    if not 0 <= value < 1 << 32:
        raise ValueError(
            f"seed: expected an integer from 0 to 2**32 - 1; got {value}. Take it modulo 2**32."
        )
    return value


def key_of(seed: int) -> np.ndarray:
    """The first key of a seed, as int32s with its bits."""
    return np.array([seed, 0], np.uint32).view(np.int32)


def make_default_seed() -> int:
    """A seed where none is given: unforeseeable, unless ``set_random_seed`` was called."""
    return _entropy.getrandbits(32)


def global_seed_generator() -> SeedGenerator:
    """The generator of draws without a seed, one for each backend; all begin with the same seed."""
    global _global_seed
    backend = plugins.current().name
    if backend not in _global:
        if _global_seed is None:
            _global_seed = make_default_seed()
        # The first draw may be inside a function that is being compiled, whose values must not stay
        # in a variable: another thread is outside of it.
        maker = threading.Thread(target=_make_global, args=(backend, _global_seed))
        maker.start()
        maker.join()
    return _global[backend]


def _make_global(backend: str, seed: int) -> None:
    with plugins.use_backend(backend):
        _global[backend] = SeedGenerator(seed, name="global_seed_generator")


def set_random_seed(seed: int) -> None:
    """Make all that follows repeatable: seeds Python's ``random``, NumPy, and polynet's draws and default seeds.

    Example:
        >>> import polynet
        >>> polynet.utils.set_random_seed(7)
        >>> a = polynet.random.uniform((3,))
        >>> polynet.utils.set_random_seed(7)
        >>> b = polynet.random.uniform((3,))
        >>> bool((a == b).all())
        True
    """
    global _global_seed
    value = as_seed(seed)
    python_random.seed(value)
    np.random.seed(value)
    _entropy.seed(value)
    _global_seed = value
    for generator in _global.values():
        generator.state.assign(key_of(value))


def host_states() -> dict[str, Any]:
    """The states of the generators on the host, as plain data: Python's, NumPy's, and that of default seeds."""
    found: dict[str, Any] = {}
    for name, generator in (("python", python_random), ("defaults", _entropy)):
        version, words, gauss = generator.getstate()
        found[name] = (version, np.array(words, np.uint32), gauss)
    state: Any = np.random.get_state(legacy=True)
    if state[0] == "MT19937":  # somebody may have put another one in its place
        found["legacy"] = state
    return found


def set_host_states(states: dict[str, Any]) -> None:
    """Go back to what ``host_states`` gave; an error changes none of them."""
    before = host_states()
    try:
        _set_host_states(states)
    except Exception:
        _set_host_states(before)
        raise


def _set_host_states(states: dict[str, Any]) -> None:
    for name, generator in (("python", python_random), ("defaults", _entropy)):
        version, words, gauss = states[name]
        generator.setstate((version, tuple(words.tolist()), gauss))
    if "legacy" in states:
        np.random.set_state(states["legacy"])


def draw(seed: Any, function: Callable[[Any], R], of: Any = None) -> R:
    """``function`` of the key that a ``seed`` argument stands for.

    Args:
        seed: ``None`` for the global generator, an integer, or a ``SeedGenerator``.
        function: makes the draw.
        of: the tensor that the draw is about; when only its shape is known, no state changes.
    """
    if not isinstance(seed, SeedGenerator | None):
        seed = as_seed(seed)
    if is_abstract() or isinstance(of, Spec):
        return function(Spec((2,), "int32"))
    if isinstance(seed, int):
        return function(key_of(seed))
    generator = global_seed_generator() if seed is None else seed
    return generator.draw(function)
