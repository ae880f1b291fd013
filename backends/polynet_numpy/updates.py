"""Updates of weights with few temporary arrays, in blocks that stay in the processor's cache.

The meaning is that of the bodies in ``polynet.ops.updates``.  No array that is given is written into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

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
    ) -> Any:
        new_p = [np.empty(p.shape, p.dtype) for p in parameters]
        if not momentums:
            for p, g, y in _blocks(parameters, gradients, new_p):
                np.multiply(g, learning_rate, y)
                np.subtract(p, y, y)
            return new_p, []
        new_m = [np.empty(p.shape, p.dtype) for p in parameters]
        for p, g, m, y, n in _blocks(parameters, gradients, momentums, new_p, new_m):
            np.multiply(m, momentum, n)
            np.multiply(g, learning_rate, y)
            np.subtract(n, y, n)
            if nesterov:
                np.subtract(n * momentum, y, y)
                np.add(p, y, y)
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
    ) -> Any:
        one, t = np.float32(1), np.float32(step)
        correction = np.sqrt(one - np.float32(beta_2) ** t) / (one - np.float32(beta_1) ** t)
        rate = np.float32(learning_rate) * correction
        new_p, new_m, new_v = ([np.empty(p.shape, p.dtype) for p in parameters] for _ in range(3))
        new_peaks = [np.empty(peak.shape, peak.dtype) for peak in peaks]
        lists = [parameters, gradients, momentums, velocities, new_p, new_m, new_v]
        if peaks:
            lists += [peaks, new_peaks]
        for p, g, m, v, y, n, w, *both in _blocks(*lists):
            np.subtract(g, m, n)
            np.multiply(n, 1 - beta_1, n)
            np.add(m, n, n)
            np.multiply(g, g, w)
            np.subtract(w, v, w)
            np.multiply(w, 1 - beta_2, w)
            np.add(v, w, w)
            if peaks:
                np.maximum(both[0], w, out=both[1])
            np.sqrt(both[1] if peaks else w, y)
            np.add(y, epsilon, y)
            np.divide(n, y, y)
            np.multiply(y, rate, y)
            np.subtract(p, y, y)
        return new_p, new_m, new_v, new_peaks

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
    ) -> Any:
        empty = [np.empty(p.shape, p.dtype) for p in parameters]
        new_p, new_v = empty, [np.empty_like(p) for p in empty]
        new_m = [np.empty_like(p) for p in empty] if momentums else []
        new_a = [np.empty_like(p) for p in empty] if averages else []
        lists = [parameters, gradients, velocities, new_p, new_v]
        for given, new in ((momentums, new_m), (averages, new_a)):
            lists += [given, new] if given else []
        for p, g, v, y, w, *rest in _blocks(*lists):
            np.multiply(g, g, w)
            np.multiply(w, 1 - rho, w)
            np.multiply(v, rho, y)
            np.add(y, w, w)
            if averages:
                a, b = rest[-2:]
                np.multiply(g, 1 - rho, b)
                np.multiply(a, rho, y)
                np.add(y, b, b)
                np.multiply(b, b, y)
                np.subtract(w, y, y)
                np.add(y, epsilon, y)
            else:
                np.add(w, epsilon, y)
            np.sqrt(y, y)
            np.divide(g, y, y)
            np.multiply(y, learning_rate, y)
            if momentums:
                m, n = rest[:2]
                np.multiply(m, momentum, n)
                np.add(n, y, n)
                np.subtract(p, n, y)
            else:
                np.subtract(p, y, y)
        return new_p, new_v, new_m, new_a

    @staticmethod
    def decay_step(parameters: Any, learning_rate: Any, weight_decay: float) -> Any:
        stays = np.float32(1) - np.float32(learning_rate) * np.float32(weight_decay)
        return [p * stays for p in parameters]


def _blocks(*lists: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The arrays of each weight, cut into blocks where they are large; the results are among them."""
    for arrays in zip(*lists, strict=True):
        first = arrays[0]
        size = first.size
        if size <= _BLOCK or not all(array.flags.c_contiguous for array in arrays):
            yield arrays
        else:
            flat = [array.reshape(-1) for array in arrays]
            for start in range(0, size, _BLOCK):
                yield [array[start : start + _BLOCK] for array in flat]


def _finite(x: Any) -> bool:
    """Is every value finite? A sum of squares, which is fast, says so unless it overflows."""
    if x.dtype != np.float32:
        return bool(np.isfinite(x).all())
    flat = x.ravel()
    return bool(np.isfinite(np.dot(flat, flat)) or np.isfinite(flat).all())
