"""Updates of weights with few temporary arrays, in blocks that stay in the processor's cache.

The meaning is that of the bodies in ``polynet.ops.updates``.  An array that is given is written into only where the
caller owns it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from polynet.ops.updates import LARGE

_DTYPES = frozenset({"float32", "int32", "int64"})
_BLOCK = 16384
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
        return np.array([_finite(x) for x in tensors])

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
        new_p, new_m = _results(parameters, owned), _results(momentums, owned)
        if not momentums:
            for p, g, y, s in _blocks(parameters, gradients, new_p):
                np.multiply(g, learning_rate, s)
                np.subtract(p, s, y)
            return new_p, []
        for p, g, m, y, n, s in _blocks(parameters, gradients, momentums, new_p, new_m):
            np.multiply(g, learning_rate, s)
            np.multiply(m, momentum, n)
            np.subtract(n, s, n)
            if nesterov:
                np.subtract(n * momentum, s, s)
                np.add(p, s, y)
            else:
                np.add(p, n, y)
        return new_p, new_m

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
        lists = [parameters, momentums, velocities, *([peaks] if peaks else [])]
        new = [_results(each, owned) for each in lists]
        for g, p, m, v, *rest in _blocks(gradients, *lists, *new):
            s = rest.pop()
            y, n, w = rest[-len(new) :][:3]
            np.subtract(g, m, s)
            np.multiply(s, 1 - beta_1, s)
            np.add(m, s, n)
            np.multiply(g, g, s)
            np.subtract(s, v, s)
            np.multiply(s, 1 - beta_2, s)
            np.add(v, s, w)
            if peaks:
                w = np.maximum(rest[0], w, out=rest[-1])
            np.sqrt(w, s)
            np.add(s, epsilon, s)
            np.divide(n, s, s)
            np.multiply(s, rate, s)
            np.subtract(p, s, y)
        return (*new, []) if not peaks else tuple(new)

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
        new_p, new_v = _results(parameters, owned), _results(velocities, owned)
        new_m, new_a = _results(momentums, owned), _results(averages, owned)
        lists = [parameters, gradients, velocities, new_p, new_v]
        for given, new in ((momentums, new_m), (averages, new_a)):
            lists += [given, new] if given else []
        for p, g, v, y, w, *rest in _blocks(*lists):
            s = rest.pop()
            np.multiply(v, rho, w)
            np.multiply(g, g, s)
            np.multiply(s, 1 - rho, s)
            np.add(w, s, w)
            if averages:
                a, b = rest[-2:]
                np.multiply(a, rho, b)
                np.multiply(g, 1 - rho, s)
                np.add(b, s, b)
                np.multiply(b, b, s)
                np.subtract(w, s, s)
                np.add(s, epsilon, s)
            else:
                np.add(w, epsilon, s)
            np.sqrt(s, s)
            np.divide(g, s, s)
            np.multiply(s, learning_rate, s)
            if momentums:
                m, n = rest[:2]
                np.multiply(m, momentum, n)
                np.add(n, s, n)
                np.subtract(p, n, y)
            else:
                np.subtract(p, s, y)
        return new_p, new_v, new_m, new_a

    @staticmethod
    def decay_step(parameters: Any, learning_rate: Any, weight_decay: float) -> Any:
        stays = np.float32(1) - np.float32(learning_rate) * np.float32(weight_decay)
        return [p * stays for p in parameters]


def _results(given: Sequence[Any], owned: bool) -> list[Any]:
    """Where the new values go: into the old ones, if they are large and nobody else's."""
    return [x if owned and x.size >= LARGE else np.empty(x.shape, x.dtype) for x in given]


def _blocks(*lists: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The arrays of each weight, cut into blocks where they are large, and at last one to write on.

    The results are among them.
    """
    scratch = np.empty(_BLOCK, np.float32)
    for arrays in zip(*lists, strict=True):
        first = arrays[0]
        size = first.size
        if size <= _BLOCK or not all(array.flags.c_contiguous for array in arrays):
            yield *arrays, np.empty(first.shape, first.dtype)
        else:
            flat = [array.reshape(-1) for array in arrays]
            for start in range(0, size, _BLOCK):
                end = min(start + _BLOCK, size)
                yield [*(array[start:end] for array in flat), scratch[: end - start]]


def _finite(x: Any) -> bool:
    """Is every value finite? A sum of squares, which is fast, says so unless it overflows."""
    if x.dtype != np.float32:
        return bool(np.isfinite(x).all())
    flat = x.ravel()
    return bool(np.isfinite(np.dot(flat, flat)) or np.isfinite(flat).all())
