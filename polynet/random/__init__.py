"""Random numbers: the same bits from the same seed on every backend, compiled or not.

This page is the contents; each name is imported when it is first used.  ``seed_generator.py`` says
where keys come from, ``distributions.py`` checks arguments, ``draws.py`` makes numbers of bits,
``tables.py`` holds quantile functions, and ``host.py`` is for host data.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polynet.random.distributions import (
        beta,
        binomial,
        categorical,
        dropout,
        gamma,
        normal,
        randint,
        shuffle,
        truncated_normal,
        uniform,
    )
    from polynet.random.seed_generator import SeedGenerator

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'polynet.random' has no attribute {name!r}")
    from polynet.random import distributions, seed_generator

    value = getattr(seed_generator if name == "SeedGenerator" else distributions, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
