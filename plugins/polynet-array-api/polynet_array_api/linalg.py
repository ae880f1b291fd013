"""Linear algebra and Fourier transforms by the standard's two extensions.

LU factors and triangular systems are not among them and are composed; a library without ``eig``, which came with the
version 2025.12, gets it by way of the host.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from polynet import dtypes
from polynet.errors import LinAlgError
from polynet.ops.linalg import NOT_POSITIVE, SINGULAR


class Linalg:
    """The part of the backend that is linear algebra."""

    xp: Any
    dtypes: Any
    dtype_of: Callable[[Any], str]
    asarray: Callable[[Any, str], Any]
    to_numpy: Callable[[Any], Any]

    # ------------------------------------------------------------------------------ factors

    def cholesky_lower(self, x: Any) -> Any:
        return _or_error(NOT_POSITIVE, self.xp.linalg.cholesky, x)

    def qr_factors(self, x: Any, complete: bool) -> Any:
        return list(self.xp.linalg.qr(x, mode="complete" if complete else "reduced"))

    def svd_factors(self, x: Any, full: bool) -> Any:
        return self._each(lambda x: list(self.xp.linalg.svd(x, full_matrices=full)), x)

    def eigh_factors(self, x: Any) -> Any:
        return self._each(lambda x: list(self.xp.linalg.eigh(x)), x)

    def eig_factors(self, x: Any) -> Any:
        if hasattr(self.xp.linalg, "eig"):
            return self._each(lambda x: list(self.xp.linalg.eig(x)), x)
        return self._each(self._eig_on_host, x)

    def _eig_on_host(self, x: Any) -> list[Any]:
        wide = dtypes.complex_of(self.dtype_of(x))
        return [self.asarray(y, wide) for y in np.linalg.eig(self.to_numpy(x))]

    def _each(self, function: Callable[[Any], list[Any]], x: Any) -> list[Any]:
        """``function(x)``, with NaN for those matrices of the stack whose iteration fails."""
        try:
            return function(x)
        except Exception as error:
            if not _is_about_values(error):
                raise
        *batch, rows, columns = x.shape
        if math.prod(batch) == 1:
            return [y * float("nan") for y in function(self.xp.zeros_like(x))]
        flat = self.xp.reshape(x, (-1, rows, columns))
        parts = [self._each(function, flat[i, :, :]) for i in range(flat.shape[0])]
        stacks = [self.xp.stack(list(part)) for part in zip(*parts, strict=True)]
        return [self.xp.reshape(y, (*batch, *y.shape[1:])) for y in stacks]

    def lu_factors(self, x: Any) -> Any:
        xp, int32 = self.xp, self.dtypes["int32"]
        *batch, rows, columns = x.shape
        lu = xp.reshape(x, (math.prod(batch), rows, columns))
        row = xp.broadcast_to(xp.arange(rows, dtype=int32), lu.shape[:2])
        column = xp.arange(columns, dtype=int32)
        order, pivots = row, []
        for i in range(columns):
            largest = xp.argmax(xp.abs(lu[:, i:, i]), axis=1, keepdims=True)
            pivot = xp.astype(largest, int32) + i
            moved = xp.where(row == i, pivot, xp.where(row == pivot, xp.full_like(row, i), row))
            order = xp.take_along_axis(order, moved, axis=1)
            moved = xp.broadcast_to(xp.expand_dims(moved, axis=2), lu.shape)
            lu = xp.take_along_axis(lu, moved, axis=1)
            diagonal, zero = lu[:, i : i + 1, i], xp.zeros_like(lu[:, :, i])
            divisor = xp.where(diagonal == 0, xp.ones_like(diagonal), diagonal)
            factor = xp.expand_dims(xp.where(row > i, lu[:, :, i] / divisor, zero), axis=2)
            lower = xp.expand_dims(row > i, axis=2) & (column == i)
            upper = xp.where(column > i, lu[:, i : i + 1, :], xp.zeros_like(lu))
            lu = xp.where(lower, factor, lu - factor * upper)
            pivots.append(pivot)
        empty = xp.zeros((lu.shape[0], 0), dtype=int32)
        results = (lu, xp.concat([empty, *pivots], axis=1), order)
        return [xp.reshape(y, (*batch, *y.shape[1:])) for y in results]

    # ---------------------------------------------------------------------------- equations

    def solve_matrix(self, a: Any, b: Any) -> Any:
        return _or_error(SINGULAR, self.xp.linalg.solve, a, b)

    def solve_triangle(self, a: Any, b: Any, lower: bool) -> Any:
        n = a.shape[-1]
        if n < 2:
            return b / a if n else b
        half = n // 2
        first, second = slice(0, half), slice(half, n)
        if not lower:
            first, second = second, first
        x = self.solve_triangle(a[..., first, first], b[..., first, :], lower)
        rest = b[..., second, :] - self.xp.matmul(a[..., second, first], x)
        y = self.solve_triangle(a[..., second, second], rest, lower)
        return self.xp.concat([x, y] if lower else [y, x], axis=-2)

    def determinant(self, x: Any) -> Any:
        return self.xp.linalg.det(x)

    def log_determinant(self, x: Any) -> Any:
        return list(self.xp.linalg.slogdet(x))

    # -------------------------------------------------------------------------------- Fourier

    def dft(self, x: Any, axes: int) -> Any:
        return self.xp.fft.fftn(x, axes=tuple(range(-axes, 0)))

    def inverse_dft(self, x: Any, axes: int) -> Any:
        return self.xp.fft.ifftn(x, axes=tuple(range(-axes, 0)))


def _or_error(message: str, function: Callable[..., Any], *args: Any) -> Any:
    """A function's result, or polynet's error about the values that it was given."""
    try:
        return function(*args)
    except Exception as error:
        if _is_about_values(error):
            raise LinAlgError(message) from None
        raise


def _is_about_values(error: Exception) -> bool:
    """The standard leaves errors to the libraries; the name of their class is what they have in common."""
    return type(error).__name__ == "LinAlgError"
