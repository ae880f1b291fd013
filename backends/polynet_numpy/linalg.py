"""Linear algebra and Fourier transforms with NumPy.

NumPy has neither LU factors nor triangular systems, so both are written here; for the rest this
file turns NumPy's one error for a whole stack into polynet's, or into NaN for the matrices that
failed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polynet.errors import LinAlgError
from polynet.ops.linalg import NOT_POSITIVE, SINGULAR

_BASE = 32
"""Triangular systems up to this size are solved row by row, larger ones by halves."""


class Linalg:
    """The part of the backend that is linear algebra."""

    @staticmethod
    def matmul(x1: Any, x2: Any) -> Any:
        if x2.ndim == 2 and x1.dtype.char in "fd" and x1.dtype == x2.dtype:
            if x1.ndim == 2:
                return x1.dot(x2)  # needs less time than matmul to find out what it is given
            if x1.ndim > 2 and x1.size:  # one large product instead of one for each matrix
                flat = x1.reshape(-1, x1.shape[-1]).dot(x2)
                return flat.reshape(*x1.shape[:-1], x2.shape[-1])
        return np.matmul(x1, x2)

    # ------------------------------------------------------------------------------ factors

    def cholesky_lower(self, x: Any) -> Any:
        try:
            return np.linalg.cholesky(x)
        except np.linalg.LinAlgError:
            raise LinAlgError(NOT_POSITIVE) from None

    def qr_factors(self, x: Any, complete: bool) -> Any:
        return list(np.linalg.qr(x, "complete" if complete else "reduced"))

    def svd_factors(self, x: Any, full: bool) -> Any:
        return _converging(lambda x: list(np.linalg.svd(x, full)), x)

    def singular_values(self, x: Any) -> Any:
        return _converging(lambda x: [np.linalg.svd(x, compute_uv=False)], x)[0]

    def eigh_factors(self, x: Any) -> Any:
        return _converging(lambda x: list(np.linalg.eigh(x)), x)

    def eig_factors(self, x: Any) -> Any:
        dtype = np.result_type(x.dtype, np.complex64)  # NumPy gives real ones where all are
        return _converging(lambda x: [y.astype(dtype) for y in np.linalg.eig(x)], x)

    def lu_factors(self, x: Any) -> Any:
        *batch, rows, columns = x.shape
        lu = x.reshape(-1, rows, columns).copy()
        stack = np.arange(len(lu))
        order = np.tile(np.arange(rows, dtype=np.int32), (len(lu), 1))
        pivots = np.empty((len(lu), columns), np.int32)
        for i in range(columns):
            pivot = i + np.argmax(np.abs(lu[:, i:, i]), axis=-1)
            pivots[:, i] = pivot
            for y in (lu, order):
                y[stack, i], y[stack, pivot] = y[stack, pivot], y[stack, i]
            below = lu[:, i + 1 :, i]
            diagonal = lu[:, i, i, None]
            np.divide(below, diagonal, out=below, where=diagonal != 0)
            lu[:, i + 1 :, i + 1 :] -= below[:, :, None] * lu[:, i, None, i + 1 :]
        return [y.reshape(*batch, *y.shape[1:]) for y in (lu, pivots, order)]

    # ---------------------------------------------------------------------------- equations

    def solve_matrix(self, a: Any, b: Any) -> Any:
        try:
            return np.linalg.solve(a, b)
        except np.linalg.LinAlgError:
            raise LinAlgError(SINGULAR) from None

    def solve_triangle(self, a: Any, b: Any, lower: bool) -> Any:
        n = a.shape[-1]
        x = np.empty(np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + b.shape[-2:], b.dtype)
        if n <= _BASE:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                for i in range(n) if lower else range(n - 1, -1, -1):
                    known = slice(0, i) if lower else slice(i + 1, n)
                    rest = b[..., i, :] - (a[..., i, None, known] @ x[..., known, :])[..., 0, :]
                    x[..., i, :] = rest / a[..., i, i, None]
            return x
        half = n // 2
        first, second = (
            (slice(0, half), slice(half, n)) if lower else (slice(half, n), slice(0, half))
        )
        x[..., first, :] = self.solve_triangle(a[..., first, first], b[..., first, :], lower)
        rest = b[..., second, :] - a[..., second, first] @ x[..., first, :]
        x[..., second, :] = self.solve_triangle(a[..., second, second], rest, lower)
        return x

    def determinant(self, x: Any) -> Any:
        return np.asarray(np.linalg.det(x))

    def log_determinant(self, x: Any) -> Any:
        return [np.asarray(y) for y in np.linalg.slogdet(x)]

    # -------------------------------------------------------------------------------- Fourier

    def dft(self, x: Any, axes: int) -> Any:
        return np.fft.fftn(x, axes=range(-axes, 0))

    def inverse_dft(self, x: Any, axes: int) -> Any:
        return np.fft.ifftn(x, axes=range(-axes, 0))

    def real_dft(self, x: Any) -> Any:
        return np.fft.rfft(x)

    def inverse_real_dft(self, x: Any, length: int) -> Any:
        return np.fft.irfft(x, length)


def _converging(function: Callable[[Any], list[Any]], x: Any) -> list[Any]:
    """``function(x)``, with NaN for those matrices of the stack whose iteration fails."""
    try:
        return function(x)
    except np.linalg.LinAlgError:
        pass
    shape = x.shape[-2:]
    results = [
        np.full(x.shape[:-2] + y.shape, _NAN[y.dtype.kind], y.dtype)
        for y in function(np.zeros(shape, x.dtype))
    ]
    for at in np.ndindex(x.shape[:-2]):
        try:
            values = function(x[at])
        except np.linalg.LinAlgError:
            continue
        for result, value in zip(results, values, strict=True):
            result[at] = value
    return results


_NAN = {"f": np.nan, "c": complex(np.nan, np.nan)}
