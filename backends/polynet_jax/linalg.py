"""Linear algebra and Fourier transforms with JAX.

JAX raises nothing when a matrix has no factor or inverse.  Outside of compiled code this file looks
at the result, and raises what the other backends do.
"""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp

from polynet.errors import LinAlgError
from polynet.ops.linalg import NOT_POSITIVE, SINGULAR, cofactor, cofactor_change

# JAX asks whoever differentiates eigenvectors to know that only what does not depend on their
# lengths and phases has a gradient; that holds on every backend.
_EIG = {
    name: True
    for name in inspect.signature(jax.lax.linalg.eig).parameters
    if name == "enable_eigvec_derivs"
}


class Linalg:
    """The part of the backend that is linear algebra."""

    # ------------------------------------------------------------------------------ factors

    def cholesky_lower(self, x: Any) -> Any:
        y = jax.lax.linalg.cholesky(x, symmetrize_input=False)
        if _known(y) and jnp.isnan(y).any():
            raise LinAlgError(NOT_POSITIVE)
        return y

    def qr_factors(self, x: Any, complete: bool) -> Any:
        return _complete_qr(x) if complete else list(jnp.linalg.qr(x))

    def svd_factors(self, x: Any, full: bool) -> Any:
        return _full_svd(x) if full else list(jnp.linalg.svd(x, False))

    def singular_values(self, x: Any) -> Any:
        return jnp.linalg.svd(x, compute_uv=False)

    def eigh_factors(self, x: Any) -> Any:
        return list(jnp.linalg.eigh(x, symmetrize_input=False))

    def eig_factors(self, x: Any) -> Any:
        return jax.lax.linalg.eig(x, compute_left_eigenvectors=False, **_EIG)

    def lu_factors(self, x: Any) -> Any:
        return list(jax.lax.linalg.lu(x))

    # ---------------------------------------------------------------------------- equations

    def pseudo_inverse(self, x: Any, rcond: float) -> Any:
        return jnp.linalg.pinv(x, rtol=rcond)

    def solve_matrix(self, a: Any, b: Any) -> Any:
        x = jnp.linalg.solve(a, b)
        if _known(x) and not jnp.isfinite(x).all() and _singular(a):
            raise LinAlgError(SINGULAR)
        return x

    def solve_triangle(self, a: Any, b: Any, lower: bool) -> Any:
        return jax.lax.linalg.triangular_solve(a, b, left_side=True, lower=lower)

    def determinant(self, x: Any) -> Any:
        return _determinant(x)

    def log_determinant(self, x: Any) -> Any:
        return list(jnp.linalg.slogdet(x))

    # -------------------------------------------------------------------------------- Fourier

    def dft(self, x: Any, axes: int) -> Any:
        return jnp.fft.fftn(x, axes=range(-axes, 0))

    def inverse_dft(self, x: Any, axes: int) -> Any:
        return jnp.fft.ifftn(x, axes=range(-axes, 0))

    def real_dft(self, x: Any) -> Any:
        return jnp.fft.rfft(x)

    def inverse_real_dft(self, x: Any, length: int) -> Any:
        return jnp.fft.irfft(x, length)


def _known(x: Any) -> bool:
    return not isinstance(x, jax.core.Tracer)


def _singular(a: Any) -> bool:
    """Has a matrix of the stack a pivot of 0?"""
    return bool((jnp.diagonal(jax.lax.linalg.lu(a)[0], axis1=-2, axis2=-1) == 0).any())


# JAX does not differentiate square factors of matrices that are not square.  Their further vectors
# are constants, and the rest changes as in the short factors.


@jax.custom_jvp
def _complete_qr(x: Any) -> Any:
    return list(jnp.linalg.qr(x, "complete"))


@_complete_qr.defjvp
def _(primals: Any, tangents: Any) -> Any:
    changes = jax.jvp(lambda x: list(jnp.linalg.qr(x)), primals, tangents)[1]
    return _with_constants(_complete_qr(*primals), changes)


@jax.custom_jvp
def _full_svd(x: Any) -> Any:
    return list(jnp.linalg.svd(x))


@_full_svd.defjvp
def _(primals: Any, tangents: Any) -> Any:
    changes = jax.jvp(lambda x: list(jnp.linalg.svd(x, False)), primals, tangents)[1]
    return _with_constants(_full_svd(*primals), changes)


def _with_constants(results: Any, changes: Any) -> Any:
    """Results and their changes, with zeros where results are longer."""
    longer = [
        jnp.pad(change, [(0, n - m) for n, m in zip(y.shape, change.shape, strict=True)])
        for y, change in zip(results, changes, strict=True)
    ]
    return results, longer


# JAX's own derivative of the determinant is wrong where two singular values are 0, and its second
# derivative where one is.


@jax.custom_jvp
def _determinant(x: Any) -> Any:
    return jnp.linalg.det(x)


@_determinant.defjvp
def _(primals: Any, tangents: Any) -> Any:
    change = jnp.conj(_cofactor(*primals)) * tangents[0]
    return _determinant(*primals), change.sum((-2, -1))


_cofactor = jax.custom_jvp(cofactor)


@_cofactor.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return _cofactor(*primals), cofactor_change(tangents[0], *primals)
