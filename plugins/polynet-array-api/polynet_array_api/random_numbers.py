"""Random bits: Threefry-2x32, the same on every backend, in the standard's arithmetic.

Words of 32 bits are kept in int64, where no sum overflows, since the standard leaves overflow to the libraries.
"""

from __future__ import annotations

import math
from typing import Any

_MASK = 0xFFFFFFFF
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


class RandomNumbers:
    """The part of the backend that draws random numbers."""

    xp: Any
    dtypes: Any

    def random_bits(self, key: Any, shape: tuple[int, ...]) -> Any:
        xp, int64 = self.xp, self.dtypes["int64"]
        words = xp.astype(key, int64) & _MASK
        keys = (words[0], words[1], words[0] ^ words[1] ^ 0x1BD11BDA)
        count = math.prod(shape)
        a = (xp.arange(-(-count // 2), dtype=int64) + keys[0]) & _MASK
        b = xp.zeros_like(a) + keys[1]
        for i in range(5):
            for by in _ROTATIONS[i % 2]:
                a = (a + b) & _MASK
                b = (((b << by) & _MASK) | (b >> (32 - by))) ^ a
            a = (a + keys[(i + 1) % 3]) & _MASK
            b = (b + keys[(i + 2) % 3] + (i + 1)) & _MASK
        bits = xp.concat([a, b])[:count]
        signed = xp.where(bits > 0x7FFFFFFF, bits - 0x100000000, bits)
        return xp.reshape(xp.astype(signed, self.dtypes["int32"]), shape)
