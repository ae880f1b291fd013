"""A fence around ``fit``, ``evaluate`` and ``predict``: no scope stays open behind them, whatever leaves them.

A ``with`` block cannot promise that: Ctrl-C may arrive after a scope was opened and before its block was entered, or
while it is being closed.  So the scopes that are open are noted before, and restored after.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

from polynet import spec, variable
from polynet.layers.calls import calls
from polynet.plugins import state

P = ParamSpec("P")
R = TypeVar("R")


def fenced(function: Callable[P, R]) -> Callable[P, R]:
    """A function after which the scopes of this thread are those from before it."""

    @functools.wraps(function)
    def within(*args: P.args, **kwargs: P.kwargs) -> R:
        observers = variable._observers.get()
        names = variable._name_scopes.get()
        abstract = spec._abstract.get()
        depth, training, dtype = calls.depth, calls.training, calls.compute_dtype
        around = list(calls.layers)
        try:
            # what is not finite is the guard's business (finite.py), and other libraries say nothing of it either
            with np.errstate(all="ignore"):
                return function(*args, **kwargs)
        finally:
            left = len(variable._observers.get()) - len(observers)
            if left:
                variable._observers.set(observers)
                with variable._count_lock:
                    state.observers -= left
            if spec._abstract.get() != abstract:
                spec._abstract.set(abstract)
            variable._name_scopes.set(names)
            calls.depth, calls.training, calls.compute_dtype = depth, training, dtype
            calls.layers[:] = around
            if depth == 0 and calls.losses:
                calls.losses.clear()

    return within
