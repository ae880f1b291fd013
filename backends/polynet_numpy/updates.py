"""Updates of weights with few calls and few temporary arrays.

Large weights go in blocks, so that what is written on stays in a cache; many small ones go together, as one array,
since calls cost more than their arithmetic.  The meaning is that of the bodies in ``polynet.ops.updates``.  An array
that is given is written into only where the caller owns it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from polynet.ops.updates import LARGE

_DTYPES = frozenset({"float32", "int32", "int64"})
_BLOCK = 1 << 20
"""Elements of a weight that are updated in one go: calls cost more than a large cache does."""

_TOGETHER = 1 << 17
"""Elements of small weights that are updated as one."""

_LARGEST = np.finfo(np.float32).max


class Updates:
    """Optimizers' updates of float32 weights; those of other dtypes are the composites'."""

    def method(self, op: str, kinds: Sequence[str | type]) -> Callable[..., Any] | None:
        own = op in Updates.__dict__ and op not in ("method", "finite_each")
        if own and not _DTYPES.issuperset(kinds):
            return None
        return super().method(op, kinds)  # type: ignore[misc]

    @staticmethod
    def finite_each(tensors: Any) -> Any:
        finite = np.ones(len(tensors), bool)
        small = [x.ravel() for x in tensors if x.size < LARGE]
        together = np.concatenate(small) if len(small) > 2 else None
        done = together is not None and together.dtype == np.float32 and _finite(together)
        if not done or len(small) < len(tensors):
            for i, x in enumerate(tensors):
                if not (done and x.size < LARGE):
                    finite[i] = _finite(x)
        return finite

    @staticmethod
    def compensated_add(total: Any, rest: Any, value: Any) -> Any:
        added = value + rest
        new = total + added
        return new, added - (np.minimum(np.maximum(new, -_LARGEST), _LARGEST) - total)

    @staticmethod
    def sgd_step(
        parameters: Any,
        gradients: Any,
        momentums: Any,
        learning_rate: Any,
        momentum: float,
        nesterov: bool,
        owned: bool = False,
    ) -> Any:
        def update(g: Any, olds: Any, news: Any, s: Any) -> None:
            p, y = olds[0], news[0]
            np.multiply(g, learning_rate, s)
            if momentums:
                n = news[1]
                np.multiply(olds[1], momentum, n)
                np.subtract(n, s, n)
                if nesterov:
                    np.subtract(n * momentum, s, s)
                np.add(p, s if nesterov else n, y)
            else:
                np.subtract(p, s, y)

        return _updated(update, gradients, [parameters, momentums], owned)

    @staticmethod
    def adam_step(
        parameters: Any,
        gradients: Any,
        momentums: Any,
        velocities: Any,
        peaks: Any,
        learning_rate: Any,
        step: Any,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        owned: bool = False,
    ) -> Any:
        one, t = np.float32(1), np.float32(step)
        correction = np.sqrt(one - np.float32(beta_2) ** t) / (one - np.float32(beta_1) ** t)
        rate = np.float32(learning_rate) * correction

        def update(g: Any, olds: Any, news: Any, s: Any) -> None:
            (p, m, v, *_), (y, n, w, *_) = olds, news
            np.subtract(g, m, s)
            np.multiply(s, 1 - beta_1, s)
            np.add(m, s, n)
            np.multiply(g, g, s)
            np.subtract(s, v, s)
            np.multiply(s, 1 - beta_2, s)
            np.add(v, s, w)
            if peaks:
                w = np.maximum(olds[3], w, out=news[3])
            np.sqrt(w, s)
            np.add(s, epsilon, s)
            np.divide(n, s, s)
            np.multiply(s, rate, s)
            np.subtract(p, s, y)

        return _updated(update, gradients, [parameters, momentums, velocities, peaks], owned)

    @staticmethod
    def rmsprop_step(
        parameters: Any,
        gradients: Any,
        velocities: Any,
        momentums: Any,
        averages: Any,
        learning_rate: Any,
        rho: float,
        momentum: float,
        epsilon: float,
        owned: bool = False,
    ) -> Any:
        def update(g: Any, olds: Any, news: Any, s: Any) -> None:
            (p, v, *old), (y, w, *new) = olds, news
            np.multiply(v, rho, w)
            np.multiply(g, g, s)
            np.multiply(s, 1 - rho, s)
            np.add(w, s, w)
            if averages:
                a = new[-1]
                np.multiply(old[-1], rho, a)
                np.multiply(g, 1 - rho, s)
                np.add(a, s, a)
                np.multiply(a, a, s)
                np.subtract(w, s, s)
                np.add(s, epsilon, s)
            else:
                np.add(w, epsilon, s)
            np.sqrt(s, s)
            np.divide(g, s, s)
            np.multiply(s, learning_rate, s)
            if momentums:
                n = new[0]
                np.multiply(old[0], momentum, n)
                np.add(n, s, n)
                np.subtract(p, n, y)
            else:
                np.subtract(p, s, y)

        return _updated(update, gradients, [parameters, velocities, momentums, averages], owned)

    @staticmethod
    def decay_step(parameters: Any, learning_rate: Any, weight_decay: float) -> Any:
        stays = np.float32(1) - np.float32(learning_rate) * np.float32(weight_decay)
        return [p * stays for p in parameters]


def _updated(
    update: Callable[[Any, Any, Any, Any], None],
    gradients: Sequence[Any],
    lists: Sequence[Sequence[Any]],
    owned: bool,
) -> tuple[list[Any], ...]:
    """The new values of all lists; those that are empty stay so.

    ``update`` writes what follows from flat arrays of gradients and old values into flat arrays for the new ones, which
    may be the old ones, and may use a last one to write on.
    """
    given = [values for values in lists if values]
    found: list[list[Any]] = [[None] * len(gradients) for _ in given]
    for places, ends in _together(tuple([x.shape for x in gradients])):
        if len(places) > 1:  # one call for many small ones, whose new values are views
            flat = [
                np.concatenate([values[i].ravel() for i in places])
                for values in (gradients, *given)
            ]
            update(flat[0], flat[1:], flat[1:], np.empty(ends[-1], np.float32))
            for new, values in zip(flat[1:], found, strict=True):
                start = 0
                for i, end in zip(places, ends, strict=True):
                    values[i] = new[start:end].reshape(gradients[i].shape)
                    start = end
            continue
        i = places[0]
        g, olds = gradients[i], [values[i] for values in given]
        news = [_place(x, owned) for x in olds]
        scratch = np.empty(min(ends[0], _BLOCK), np.float32)
        if ends[0] <= _BLOCK:
            update(g, olds, news, scratch.reshape(g.shape))
        else:
            flat = [x.reshape(-1) for x in (g, *olds, *news)]
            for start in range(0, ends[0], _BLOCK):
                g, *rest = (x[start : start + _BLOCK] for x in flat)
                update(g, rest[: len(olds)], rest[len(olds) :], scratch[: len(g)])
        for new, values in zip(news, found, strict=True):
            values[i] = new
    rest = iter(found)
    return tuple(next(rest) if values else [] for values in lists)


def _place(x: Any, owned: bool) -> Any:
    """Where a new value goes: into the old one, if that is large and nobody else's."""
    if owned and x.size >= LARGE and x.flags.c_contiguous:
        return x
    return np.empty(x.shape, x.dtype)


@functools.lru_cache(maxsize=64)
def _together(shapes: tuple[tuple[int, ...], ...]) -> list[tuple[list[int], list[int]]]:
    """Which weights are updated in one call, and where each ends then: small ones, several."""
    groups: list[tuple[list[int], list[int]]] = []
    open_group: tuple[list[int], list[int]] | None = None
    for i, shape in enumerate(shapes):
        size = math.prod(shape)
        if size >= LARGE:
            groups.append(([i], [size]))
            continue
        if open_group is None or open_group[1][-1] + size > _TOGETHER:
            open_group = [], [0]
            groups.append(open_group)
        open_group[0].append(i)
        open_group[1].append(open_group[1][-1] + size)
    return [(places, ends[-len(places) :]) for places, ends in groups]


def _finite(x: Any) -> bool:
    """Is every value finite? A sum of squares, which is fast, says so unless it overflows."""
    if x.dtype != np.float32:
        return bool(np.isfinite(x).all())
    flat = x.ravel()
    return bool(np.isfinite(np.dot(flat, flat)) or np.isfinite(flat).all())
