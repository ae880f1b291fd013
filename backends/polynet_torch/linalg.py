"""Linear algebra and Fourier transforms with PyTorch.

torch's one error for a whole stack becomes polynet's, or NaN for the matrices that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from polynet.errors import LinAlgError
from polynet.ops.linalg import NOT_POSITIVE, SINGULAR, cofactor, cofactor_change


class Linalg:
    """The part of the backend that is linear algebra."""

    transforms: Any

    # ------------------------------------------------------------------------------ factors

    def cholesky_lower(self, x: Any) -> Any:
        try:
            return torch.linalg.cholesky(x)
        except torch.linalg.LinAlgError:
            raise LinAlgError(NOT_POSITIVE) from None

    def qr_factors(self, x: Any, complete: bool) -> Any:
        rows, columns = x.shape[-2:]
        if not complete or rows == columns:
            return list(torch.linalg.qr(x))
        if not self.transforms.is_recorded(x):
            return list(torch.linalg.qr(x, "complete"))
        whole = torch.linalg.qr(x.detach(), "complete").Q  # which torch does not differentiate
        q, r = torch.linalg.qr(x)
        more = r.new_zeros((*r.shape[:-2], rows - columns, columns))
        return [torch.cat([q, whole[..., columns:]], -1), torch.cat([r, more], -2)]

    def svd_factors(self, x: Any, full: bool) -> Any:
        return _converging(lambda x: list(torch.linalg.svd(x, full)), x)

    def singular_values(self, x: Any) -> Any:
        return _converging(lambda x: [torch.linalg.svdvals(x)], x)[0]

    def eigh_factors(self, x: Any) -> Any:
        return _converging(lambda x: list(torch.linalg.eigh(x)), x)

    def eig_factors(self, x: Any) -> Any:
        return _converging(lambda x: list(torch.linalg.eig(x)), x)

    def lu_factors(self, x: Any) -> Any:
        lu, pivots, _ = torch.linalg.lu_factor_ex(x)
        exchanges = torch.lu_unpack(lu.detach(), pivots, unpack_data=False).P
        order = exchanges.abs().argmax(-2)
        return [lu, (pivots - 1).to(torch.int32), order.to(torch.int32)]

    # ---------------------------------------------------------------------------- equations

    def pseudo_inverse(self, x: Any, rcond: float) -> Any:
        return torch.linalg.pinv(x, rtol=rcond)

    def solve_matrix(self, a: Any, b: Any) -> Any:
        try:
            return torch.linalg.solve(a, b)
        except torch.linalg.LinAlgError:
            raise LinAlgError(SINGULAR) from None

    def solve_triangle(self, a: Any, b: Any, lower: bool) -> Any:
        return torch.linalg.solve_triangular(a, b, upper=not lower)

    def determinant(self, x: Any) -> Any:
        if not x.requires_grad:
            return torch.linalg.det(x)

        # torch's own gradient is 0 at singular matrices, and its second derivative NaN at some.
        def function(primals: Sequence[Any]) -> tuple[list[Any], Callable[..., Any]]:
            return [torch.linalg.det(primals[0])], lambda cotangents: [
                cotangents[0][..., None, None] * self._cofactor(primals[0])
            ]

        return self.transforms.custom_gradient(function, [x])[0]

    def _cofactor(self, x: Any) -> Any:
        if not x.requires_grad:
            return cofactor(x)

        def function(primals: Sequence[Any]) -> tuple[list[Any], Callable[..., Any]]:
            return [cofactor(primals[0])], lambda cotangents: [
                cofactor_change(cotangents[0], primals[0])
            ]

        return self.transforms.custom_gradient(function, [x])[0]

    def log_determinant(self, x: Any) -> Any:
        return list(torch.linalg.slogdet(x))

    # -------------------------------------------------------------------------------- Fourier

    def dft(self, x: Any, axes: int) -> Any:
        return torch.fft.fftn(x, dim=tuple(range(-axes, 0))) if x.numel() else x

    def inverse_dft(self, x: Any, axes: int) -> Any:
        return torch.fft.ifftn(x, dim=tuple(range(-axes, 0))) if x.numel() else x

    def real_dft(self, x: Any) -> Any:
        if not x.numel():  # which MKL does not take
            return x[..., : x.shape[-1] // 2 + 1].to(x.dtype.to_complex())
        return torch.fft.rfft(x)

    def inverse_real_dft(self, x: Any, length: int) -> Any:
        if not x.numel():
            return x.real.new_zeros((*x.shape[:-1], length))
        return torch.fft.irfft(x, length)


def _converging(function: Callable[[Any], list[Any]], x: Any) -> list[Any]:
    """``function(x)``, with NaN for those matrices of the stack whose iteration fails."""
    try:
        return function(x)
    except RuntimeError as error:
        if not isinstance(error, torch.linalg.LinAlgError) and torch.isfinite(x).all():
            raise
        if x.ndim == 2:
            return [torch.full_like(y, _NAN[y.is_complex()]) for y in function(torch.zeros_like(x))]
    parts = [_converging(function, part) for part in x]
    return [torch.stack(ys) for ys in zip(*parts, strict=True)]


_NAN = {False: torch.nan, True: complex(torch.nan, torch.nan)}
