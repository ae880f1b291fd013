"""Random numbers with NumPy: the core's generator for host data, or NumPy's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from polynet.random import host


class RandomNumbers:
    """The part of the backend that draws random numbers."""

    # ------------------------------------------------------------------- the same bits everywhere

    def random_bits(self, key: Any, shape: tuple[int, ...]) -> Any:
        return host.bits(key, shape)

    def random_uniform(
        self, key: Any, shape: tuple[int, ...], minval: float, maxval: float, dtype: str
    ) -> Any:
        return host.uniform(key, shape, minval, maxval, dtype)

    def random_quantiles(
        self, key: Any, shape: tuple[int, ...], name: str, scale: float, shift: float, dtype: str
    ) -> Any:
        return host.quantiles(key, shape, name, scale, shift, dtype)

    def random_keep(self, key: Any, shape: tuple[int, ...], rate: float) -> Any:
        return host.keep(key, shape, rate)

    def random_permutation(self, key: Any, count: int) -> Any:
        return host.permutation(key, count).astype(np.int32)

    # --------------------------------------------------------------------------- NumPy's own bits

    def native_uniform(self, key: Any, shape: tuple[int, ...], dtype: str) -> Any:
        return _generator(key).random(shape, dtype)

    def native_normal(self, key: Any, shape: tuple[int, ...], dtype: str) -> Any:
        return _generator(key).standard_normal(shape, dtype)


def _generator(key: Any) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.asarray(key).view(np.uint32).tolist()))
