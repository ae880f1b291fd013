"""Layers: rows by family, and what is checked of each.

A new family goes into ``FAMILIES``; its golden data is ``golden/layers_<family>.json``, which
``tests/oracle/write_golden.py layers`` writes.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from typing import Any

from polynet.conformance import stored
from polynet.conformance.layers.checks import CHECKS, Trial

FAMILIES = (
    "core",
    "activation",
    "reshaping",
    "dropout",
    "merging",
    "convolution",
    "pooling",
    "normalization",
    "preprocessing",
    "attention",
    "recurrent",
)


def table(family: str) -> Any:
    """The file of a family: its ``ROWS`` and what is ``WRONG``."""
    return importlib.import_module(f"polynet.conformance.layers.{family}")


@functools.cache
def rows() -> list[Any]:
    """The rows of all families."""
    return [row for family in FAMILIES for row in (*table(family).ROWS, *table(family).WRONG)]


@functools.cache
def _golden() -> dict[str, Any]:
    return {
        row: result
        for family in FAMILIES
        for row, result in stored.golden(f"layers_{family}").items()
    }


@functools.cache
def _first() -> frozenset[str]:
    """The ids of the first rows of each layer, one per way to be called: these stand for the others."""
    found: dict[str, str] = {}
    for row in rows():
        if not isinstance(row, stored.Wrong):
            found.setdefault(f"{row.layer}{bool(row.gradient)}", row.id)
    return frozenset(found.values())


def tier(row: Any, check: str) -> str:
    """Values of all rows soon; what has to be compiled for the first of each layer before the others."""
    if check in ("values", "state", "masks", "draws", "untouched", "config", "symbolic", "errors"):
        return "nn"
    return "train" if row.id in _first() and check != "half" else "full"


_NOT_LAYERS = ("Input", "InputSpec", "deserialize", "serialize")


def names() -> Iterable[str]:
    """The classes; other names of one, and the functions of those that merge, are looked at with it."""
    from polynet import layers

    for name in layers.__all__:
        value = getattr(layers, name)
        if isinstance(value, type):
            yield value.__name__
        elif name not in _NOT_LAYERS and name.capitalize() not in layers.__all__:
            yield name


SUBJECT = stored.subject(
    name="layers",
    rows=rows,
    trial=lambda row, backend: Trial(row, backend, _golden().get(row.id)),
    checks=CHECKS,
    tier=tier,
    names=names,
    exempt={
        "InputLayer": "computes nothing: part of each row's symbolic inputs",
        "InputSpec": "describes what a layer takes, and computes nothing",
        "Lambda": "calls a function of the user",
        "Layer": "the base class of all",
        "Wrapper": "the base class of Bidirectional and others",
    },
)
