"""Sums over many batches that do not stop growing where a float has no digits left.

A float32 that counts by ones stands still at 2**24.  ``Total`` keeps beside its value what rounding has cut off, and
adds it the next time (Kahan's summation), so that its error does not grow with the number of batches.  What is summed
is the business of the metrics.
"""

from __future__ import annotations

import copy
from typing import Any

from polynet import dtypes, ops
from polynet.ops.totals import compensated_add
from polynet.tensor import plain
from polynet.values import dtype_of
from polynet.variable import Variable


class Total(Variable):
    """A variable whose ``assign_add`` carries over what rounding cuts off; zero at first.

    Half precision is too small for a sum, so that such a total is a float32.

    Args:
        shape: of the sum.
        dtype: of the sum.
        name: the last part of the path.

    Example:
        >>> total = Total((), "float32", "total")
        >>> _ = total.assign(2.0**24)
        >>> for _ in range(3):
        ...     _ = total.assign_add(1.0)
        >>> int(total) - 2**24  # a plain variable would still be at 0
        4
    """

    def __init__(self, shape: tuple[int, ...], dtype: str, name: str) -> None:
        if dtype in ("float16", "bfloat16"):
            dtype = "float32"
        settings: dict[str, Any] = {"trainable": False, "autocast": False, "aggregation": "sum"}
        super().__init__("zeros", shape, dtype, name=name, **settings)
        self.rest: Variable | None = None
        """What rounding has cut off; integers need none."""
        if dtypes.is_float(self.dtype):
            self.rest = Variable("zeros", shape, dtype, name=f"{self.name}_rest", **settings)

    @property
    def parts(self) -> list[Variable]:
        """The variables that hold it."""
        return [self] if self.rest is None else [self, self.rest]

    def assign(self, value: Any) -> Any:
        """Take a new value and forget what rounding had cut off."""
        if self.rest is not None:
            self.rest.assign(ops.zeros(self.shape, self.dtype))
        return super().assign(value)

    def assign_add(self, value: Any) -> Any:
        """Add to the value; returns the new one."""
        if self.rest is None:
            return super().assign_add(value)
        value = ops.stop_gradient(plain(value))  # else it would hold on to how a loss came about
        if dtype_of(value) != self.dtype or isinstance(value, float):
            value = ops.cast(value, self.dtype)
        if tuple(value.shape) != self.shape:
            value = ops.broadcast_to(self._operand(value), self.shape)
        new, rest = compensated_add(plain(self), plain(self.rest), value)
        self.rest._set(rest)
        self._set(new)
        return new

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the value; returns the new one."""
        return self.assign_add(ops.negative(plain(value)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        new = super().__deepcopy__(memo)
        assert isinstance(new, Total)
        new.rest = copy.deepcopy(self.rest, memo)
        return new
