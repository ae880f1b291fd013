"""Linear algebra: ``polynet.ops.linalg``, with the primitives that it needs.

A public op is a composite: it checks shapes, makes float32 of half precision (which LAPACK does not
know) and back, settles what the libraries do differently (which triangle is read, wide matrices,
stacks of vectors), and calls a primitive.  The primitives receive float32, float64 or complex
matrices that are square where they must be, with the same batch axes everywhere; they come first,
each with its gradient.  A backend raises ``LinAlgError`` with ``SINGULAR`` or ``NOT_POSITIVE``
where it can know (in compiled code the result is not finite instead), and gives NaN where an
iteration does not converge, as it does for input that is not finite.

Gradients follow the conjugate convention of the literature here; ``_literature`` turns them into
the tape's. Products, ``einsum`` and ``trace`` are elsewhere.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from polynet import dtypes, errors, spec
from polynet.autodiff.functions import jvp
from polynet.op import op, primitive
from polynet.ops import primitives as ops
from polynet.ops.precision import HALVES, through_single
from polynet.spec import Kind, Settled, Spec, is_stand_in
from polynet.tensor import Axis, Tensor
from polynet.values import dtype_of

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]

SINGULAR = (
    "a matrix is singular, so it has no inverse and its equations no unique solution. "
    "Use ops.pinv or ops.lstsq, or add a small multiple of the identity."
)
NOT_POSITIVE = (
    "a matrix is not positive definite, so it has no Cholesky factor. "
    "Check that it is symmetric with positive eigenvalues, or add a small multiple of the identity."
)

# ------------------------------------------------------------------------------------------- words


def _h(x: Tensor) -> Tensor:
    """The conjugate transpose."""
    return _conj(ops.adjoint(x))


def _conj(x: Any) -> Any:
    """The complex conjugate of a tensor or of each in a list; real tensors as they are."""
    if isinstance(x, list | tuple):
        return [_conj(entry) for entry in x]
    return ops.conj(x) if dtypes.is_complex(dtype_of(x)) else x


def _row(x: Tensor) -> Tensor:
    """Vectors as matrices of one row."""
    return ops.reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def _column(x: Tensor) -> Tensor:
    """Vectors as matrices of one column."""
    return ops.reshape(x, (*x.shape, 1))


def _where(rows: int, columns: int, relation: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A bool matrix: where the row's number has that relation to the column's."""
    return relation(_column(ops.iota(rows, "int32")), ops.iota(columns, "int32"))


def _eye(n: int, dtype: Any) -> Tensor:
    return ops.cast(_where(n, n, ops.equal), dtypes.standardize(dtype))


def _part(x: Tensor, relation: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A triangle of matrices, named by the relation of row to column; zeros elsewhere."""
    return ops.where(_where(x.shape[-2], x.shape[-1], relation), x, 0)


def _diagonal(x: Tensor) -> Tensor:
    """The main diagonals of square matrices."""
    return ops.sum(_part(x, ops.equal), -1)


def _halved_diagonal(x: Tensor) -> Tensor:
    return ops.where(_where(x.shape[-2], x.shape[-1], ops.equal), x * 0.5, x)


def _columns(x: Tensor, start: int, stop: int) -> Tensor:
    return ops.index(x, [], (Ellipsis, slice(start, stop)))


def _rows(x: Tensor, start: int, stop: int) -> Tensor:
    return ops.index(x, [], (Ellipsis, slice(start, stop), slice(None)))


def _over(x: Tensor, y: Tensor, used: Tensor | None = None) -> Tensor:
    """``x / y`` where ``used`` (by default: where x is not 0), else 0.

    A cotangent of 0 asks for nothing, even where y is 0 too.
    """
    used = ops.not_equal(x, 0) if used is None else used
    return ops.where(used, x / ops.where(used, y, 1), 0)


def _literature(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A gradient rule that was written for conjugate gradients, in the convention of the tape."""

    @functools.wraps(rule)
    def conjugated(g: Any, *saved: Any) -> Any:
        return _conj(rule(_conj(g), *saved))

    return conjugated


def _matrices(x: Tensor, name: str = "x") -> tuple[int, int]:
    """The number of rows and columns; an error for fewer than two axes."""
    if len(x.shape) < 2:
        raise errors.ShapeError(
            f"{name}: expected matrices, with two axes or more; got shape {tuple(x.shape)}."
        )
    return x.shape[-2], x.shape[-1]


def _least(rows: int, columns: int) -> int:
    """The smaller of two lengths; while shapes are inferred, an unknown one if either is."""
    for length in (rows, columns):
        if is_stand_in(length):
            return length
    return rows if rows < columns else columns


def _square(x: Tensor, name: str = "x") -> int:
    """The number of rows of square matrices, or an error."""
    rows, columns = _matrices(x, name)
    if rows != columns:
        raise errors.ShapeError(
            f"{name}: expected square matrices; got shape {tuple(x.shape)}. "
            f"Use ops.lstsq, ops.pinv or ops.svd."
        )
    return rows


def lapack(kinds: Sequence[Kind]) -> Settled:
    """The dtype rule of the primitives: the common dtype, which must be one that LAPACK knows."""
    casts, common = spec.elementwise(kinds)
    if common not in ("float32", "float64", "complex64", "complex128"):
        raise errors.DTypeError(
            f"expected float32, float64 or complex numbers; got {common}. Use ops.cast, or the "
            f"public op, which takes it."
        )
    return casts, common


# -------------------------------------------------------------------------------------- primitives


@primitive(lapack)
def cholesky_lower(x: Tensor) -> Tensor:
    """The lower triangular L with positive diagonal whose ``L @ L^H`` is the Hermitian x."""
    return x.shape


@cholesky_lower.vjp
@_literature
def _(g: Tensor, y: Tensor) -> Tensor:
    inner = _part(ops.matmul(_h(y), g), ops.greater_equal)
    inner = _halved_diagonal(inner)
    left = solve_triangle(_h(y), inner, False)
    gradient = solve_triangle(_h(y), _h(left), False)
    return (gradient + _h(gradient)) * 0.5


@primitive(lapack)
def qr_factors(x: Tensor, complete: bool) -> list[Tensor]:
    """[Q, R] of matrices with at least as many rows as columns.

    Q is square if complete, else it has the shape of x.  The further columns of a square one count
    as constants for gradients, since they may be any that complete the basis.
    """
    *batch, rows, columns = x.shape
    k = rows if complete else columns
    return [Spec((*batch, rows, k), x.dtype), Spec((*batch, k, columns), x.dtype)]


@qr_factors.vjp
@_literature
def _(g: list[Tensor], y: list[Tensor]) -> Tensor:
    n = y[1].shape[-1]
    gq, q = _columns(g[0], 0, n), _columns(y[0], 0, n)
    gr, r = _rows(g[1], 0, n), _rows(y[1], 0, n)
    inner = _part(ops.matmul(gr, _h(r)) - ops.matmul(_h(q), gq), ops.less_equal)
    inner = _halved_diagonal(inner + _h(inner))
    return _h(solve_triangle(r, _h(gq + ops.matmul(q, inner)), False))


@primitive(lapack)
def svd_factors(x: Tensor, full: bool) -> list[Tensor]:
    """[U, S, V^H], the singular values descending.

    U and V^H are square if full, else they have as many vectors as there are values.  The further
    vectors count as constants for gradients, since they may be any that complete the basis.
    """
    *batch, rows, columns = x.shape
    k = _least(rows, columns)
    return [
        Spec((*batch, rows, rows if full else k), x.dtype),
        Spec((*batch, k), dtypes.real_of(x.dtype)),
        Spec((*batch, columns if full else k, columns), x.dtype),
    ]


@svd_factors.vjp
@_literature
def _(g: list[Tensor], y: list[Tensor]) -> Tensor:
    gs, s = g[1], y[1]
    k = s.shape[-1]
    gu, u = _columns(g[0], 0, k), _columns(y[0], 0, k)
    gvh, vh = _rows(g[2], 0, k), _rows(y[2], 0, k)
    rows, columns = u.shape[-2], vh.shape[-1]
    a, b = ops.matmul(_h(u), gu), ops.matmul(gvh, _h(vh))
    left, right = a - _h(a), _h(b) - b
    used = ops.logical_or(ops.not_equal(left, 0), ops.not_equal(right, 0))
    used = ops.logical_and(used, _where(k, k, ops.not_equal))
    difference, total = _row(s) - _column(s), _row(s) + _column(s)
    if dtypes.is_complex(dtype_of(u)):
        difference, total = ops.cast(difference, dtype_of(u)), ops.cast(total, dtype_of(u))
        gs = ops.complex_from(gs, _over(ops.imag(_diagonal(a)), s))
        s = ops.cast(s, dtype_of(u))
    inner = (_over(left + right, difference, used) + _over(left - right, total, used)) * 0.5
    inner = ops.where(_where(k, k, ops.equal), _row(gs), inner)
    gradient = ops.matmul(ops.matmul(u, inner), vh)
    if rows > k:
        gradient = gradient + ops.matmul(_over(gu - ops.matmul(u, a), _row(s)), vh)
    if columns > k:
        gradient = gradient + ops.matmul(u, _over(gvh - ops.matmul(b, vh), _column(s)))
    return gradient


@primitive(lapack)
def eigh_factors(x: Tensor) -> list[Tensor]:
    """[w, V] of Hermitian matrices: real eigenvalues, ascending, and eigenvectors as columns."""
    return [Spec(x.shape[:-1], dtypes.real_of(x.dtype)), Spec(x.shape, x.dtype)]


@eigh_factors.vjp
@_literature
def _(g: list[Tensor], y: list[Tensor]) -> Tensor:
    (gw, gv), (w, v) = g, y
    n = w.shape[-1]
    a = ops.matmul(_h(v), gv)
    used = ops.logical_and(ops.not_equal(a, 0), _where(n, n, ops.not_equal))
    inner = ops.where(_where(n, n, ops.equal), _row(gw), _over(a, _row(w) - _column(w), used))
    return ops.matmul(ops.matmul(v, inner), _h(v))


@primitive(lapack)
def eig_factors(x: Tensor) -> list[Tensor]:
    """[w, V] of square matrices, both complex: eigenvalues, and eigenvectors as columns."""
    dtype = dtypes.complex_of(x.dtype)
    return [Spec(x.shape[:-1], dtype), Spec(x.shape, dtype)]


@eig_factors.vjp
@_literature
def _(g: list[Tensor], y: list[Tensor], x_dtype: str) -> Tensor:
    (gw, gv), (w, v) = g, y
    n = w.shape[-1]
    a = ops.matmul(_h(v), gv)
    length = ops.cast(ops.real(_diagonal(a)), dtype_of(v))
    a = a - ops.matmul(_h(v), v * _row(length))
    used = ops.logical_and(ops.not_equal(a, 0), _where(n, n, ops.not_equal))
    inner = ops.where(
        _where(n, n, ops.equal), _row(gw), _over(a, _conj(_row(w) - _column(w)), used)
    )
    gradient = solve_matrix(_h(v), ops.matmul(inner, _h(v)))
    return gradient if dtypes.is_complex(x_dtype) else ops.real(gradient)


@primitive(lapack)
def lu_factors(x: Tensor) -> list[Tensor]:
    """[LU, pivots, order] with partial pivoting, of matrices with at least as many rows as columns.

    Both triangles are in one matrix, the ones on L's diagonal left out.  Row i was exchanged with
    row ``pivots[i]`` in turn; ``x[order] == L @ U``.  Both are int32.  Singular matrices are no
    error.
    """
    *batch, rows, columns = x.shape
    return [Spec(x.shape, x.dtype), Spec((*batch, columns), "int32"), Spec((*batch, rows), "int32")]


@lu_factors.vjp
@_literature
def _(g: list[Tensor], y: list[Tensor]) -> Tensor:
    g_lu, (lu, _, order) = g[0], y
    rows, n = lu.shape[-2:]
    upper = _part(_rows(lu, 0, n), ops.less_equal)
    lower = _part(_rows(lu, 0, n), ops.greater) + _eye(n, dtype_of(lu))
    g_upper = _part(_rows(g_lu, 0, n), ops.less_equal)
    g_lower = _part(_rows(g_lu, 0, n), ops.greater)
    below: list[Tensor] = []
    if rows > n:  # the rows below the square are L2 = A2 / U
        below = [_h(solve_triangle(upper, _h(_rows(g_lu, n, rows)), False))]
        g_upper = g_upper - _part(ops.matmul(_h(_rows(lu, n, rows)), below[0]), ops.less_equal)
    inner = _part(ops.matmul(_h(lower), g_lower), ops.greater)
    inner = inner + _part(ops.matmul(g_upper, _h(upper)), ops.less_equal)
    square = solve_triangle(_h(lower), _h(solve_triangle(upper, _h(inner), False)), False)
    exchanged = ops.equal(_column(order), ops.iota(rows, "int32"))
    return ops.matmul(
        ops.adjoint(ops.cast(exchanged, dtype_of(lu))),
        ops.concatenate([square, *below], -2) if below else square,
    )


@primitive(lapack)
def solve_matrix(a: Tensor, b: Tensor) -> Tensor:
    """The X of ``a @ X == b``; a singular matrix is ``LinAlgError(SINGULAR)``."""
    return b.shape


def _left_gradient(g: Tensor, y: Tensor, a: Tensor) -> Tensor:
    return -ops.matmul(solve_matrix(_h(a), g), _h(y))


def _right_gradient(g: Tensor, a: Tensor) -> Tensor:
    return solve_matrix(_h(a), g)


solve_matrix.vjp(_literature(_left_gradient), _literature(_right_gradient))


@primitive(lapack)
def solve_triangle(a: Tensor, b: Tensor, lower: bool) -> Tensor:
    """``solve_matrix`` that reads one triangle only; a zero on the diagonal gives inf or NaN."""
    return b.shape


def _triangle_gradient(g: Tensor, y: Tensor, a: Tensor, lower: bool) -> Tensor:
    gradient = -ops.matmul(solve_triangle(_h(a), g, not lower), _h(y))
    return _part(gradient, ops.greater_equal if lower else ops.less_equal)


def _triangle_right_gradient(g: Tensor, a: Tensor, lower: bool) -> Tensor:
    return solve_triangle(_h(a), g, not lower)


solve_triangle.vjp(_literature(_triangle_gradient), _literature(_triangle_right_gradient))


@primitive(lapack)
def determinant(x: Tensor) -> Tensor:
    """The determinants of square matrices."""
    return x.shape[:-2]


determinant.vjp(_literature(lambda g, x: _column(_column(g)) * cofactor(x)))


@op(dtypes=lapack)
def cofactor(x: Tensor) -> Tensor:
    """The conjugate derivative of the determinant by each element, of singular matrices too."""
    u, s, vh = svd_factors(x, False)
    others = ops.cast(ops.other_products(s, -1), dtype_of(x))
    return ops.matmul(u * _row(others) * _orientation(u, vh), vh)


def _orientation(u: Tensor, vh: Tensor) -> Tensor:
    return _column(_column(_conj(determinant(u) * determinant(vh))))


def cofactor_change(g: Tensor, x: Tensor) -> Tensor:
    """The derivative of ``cofactor`` along g, and its gradient: a Hessian is its own transpose.

    In the basis of the singular vectors products of all values but two are left: no division.
    """
    u, s, vh = svd_factors(x, False)
    n = s.shape[-1]
    same = _where(n, n, ops.equal)
    pairs = ops.where(same, 0, ops.other_products(ops.where(same, 1, _row(s)), -1))
    pairs = ops.cast(pairs, dtype_of(x))
    inner = _conj(ops.matmul(ops.matmul(_h(u), g), _h(vh)))
    diagonal = ops.matmul(pairs, _column(_diagonal(inner)))
    inner = ops.where(same, diagonal, -pairs * ops.adjoint(inner))
    return ops.matmul(ops.matmul(u * _orientation(u, vh), inner), vh)


cofactor.vjp(_literature(cofactor_change))


@primitive(lapack)
def log_determinant(x: Tensor) -> list[Tensor]:
    """[sign, logarithm of the modulus] of the determinants; 0 and -inf for a singular matrix."""
    return [Spec(x.shape[:-2], x.dtype), Spec(x.shape[:-2], dtypes.real_of(x.dtype))]


@log_determinant.vjp
@_literature
def _(g: list[Tensor], y: list[Tensor], x: Tensor) -> Tensor:
    g_log = g[1]
    if dtypes.is_complex(dtype_of(x)):
        g_log = ops.complex_from(g_log, ops.imag(g[0] * _conj(y[0])))
    return _column(_column(g_log)) * solve_matrix(
        _h(x), ops.broadcast_to(_eye(x.shape[-1], dtype_of(x)), x.shape)
    )


@op(dtypes=lapack)
def singular_values(x: Tensor) -> Tensor:
    """The singular values alone, descending."""
    return svd_factors(x, False)[1]


# -------------------------------------------------------------------------------- decompositions


@op(dtypes=spec.elementwise_float)
@through_single
def cholesky(x: Tensor, upper: bool = False) -> Tensor:
    """The triangular factor of positive definite matrices: ``L @ L^H == x``.

    The mean of x and its conjugate transpose is what is read.  A matrix that is not positive
    definite is a ``LinAlgError``, and NaN in compiled code.

    Args:
        x: Hermitian matrices of shape ``(..., n, n)``.
        upper: whether to return ``L^H`` instead of ``L``.

    Example:
        >>> from polynet import ops
        >>> ops.cholesky([[4.0, 2.0], [2.0, 5.0]])
        array([[2., 0.],
               [1., 2.]], dtype=float32)
    """
    _square(x)
    lower = cholesky_lower((x + _h(x)) * 0.5)
    return _h(lower) if upper else lower


@op(dtypes=spec.elementwise_float)
@through_single
def cholesky_inverse(x: Tensor, upper: bool = False) -> Tensor:
    """The inverse of the positive definite matrices whose Cholesky factors are given.

    Args:
        x: triangular factors of shape ``(..., n, n)``, as ``cholesky`` returns them.
        upper: whether the factors are upper triangular.

    Example:
        >>> from polynet import ops
        >>> ops.cholesky_inverse(ops.cholesky([[1.0, 0.0], [0.0, 4.0]]))
        array([[1.  , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    n = _square(x)
    inverse = solve_triangle(x, ops.broadcast_to(_eye(n, dtype_of(x)), x.shape), not upper)
    return ops.matmul(inverse, _h(inverse)) if upper else ops.matmul(_h(inverse), inverse)


@op(dtypes=spec.elementwise_float)
@through_single
def qr(x: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Factors ``q @ r == x``: the columns of q are orthonormal, r is upper triangular.

    Args:
        x: matrices of shape ``(..., m, n)``.
        mode: ``"reduced"`` gives q and r the inner length ``min(m, n)``, ``"complete"`` m; for
            gradients the further columns of q are constants.

    Example:
        >>> from polynet import ops
        >>> q, r = ops.qr([[3.0, 1.0], [4.0, 2.0]])
        >>> ops.round(ops.absolute(r), 4)
        array([[5. , 2.2],
               [0. , 0.4]], dtype=float32)
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"mode: expected 'reduced' or 'complete'; got {mode!r}.")
    rows, columns = _matrices(x)
    if isinstance(x, Spec):
        batch, k = x.shape[:-2], rows if mode == "complete" else _least(rows, columns)
        return Spec((*batch, rows, k), x.dtype), Spec((*batch, k, columns), x.dtype)
    if rows >= columns:
        q, r = qr_factors(x, mode == "complete")
        return q, r
    q, r = qr_factors(_columns(x, 0, rows), False)
    return q, ops.concatenate([r, ops.matmul(_h(q), _columns(x, rows, columns))], -1)


@op(dtypes=spec.elementwise_float)
@through_single
def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values ``s`` and vectors: ``u @ diag(s) @ vh == x``.

    Args:
        x: matrices of shape ``(..., m, n)``.
        full_matrices: whether u and vh are square; else they have the ``min(m, n)`` vectors that
            belong to ``s``.
            For gradients the other vectors are constants.
        compute_uv: whether to return ``(u, s, vh)`` or ``s`` alone.

    Example:
        >>> from polynet import ops
        >>> ops.svd([[3.0, 0.0], [0.0, -4.0]], compute_uv=False)
        array([4., 3.], dtype=float32)
    """
    _matrices(x)
    return tuple(svd_factors(x, full_matrices)) if compute_uv else singular_values(x)


@op(dtypes=spec.elementwise_float)
@through_single
def eigh(x: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors (as columns) of symmetric or Hermitian matrices.

    The mean of x and its conjugate transpose is what is read.

    Example:
        >>> from polynet import ops
        >>> values, vectors = ops.eigh([[2.0, 0.0], [0.0, 1.0]])
        >>> values
        array([1., 2.], dtype=float32)
    """
    _square(x)
    w, v = eigh_factors((x + _h(x)) * 0.5)
    return w, v


@op(dtypes=spec.elementwise_float)
@through_single
def eig(x: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, in no order, and eigenvectors (as columns) of square matrices; both are complex.

    Example:
        >>> from polynet import ops
        >>> values, vectors = ops.eig([[0.0, 1.0], [-1.0, 0.0]])
        >>> ops.imag(values)
        array([ 1., -1.], dtype=float32)
    """
    _square(x)
    w, v = eig_factors(x)
    return w, v


@op(dtypes=spec.elementwise_float)
@through_single
def lu_factor(x: Tensor) -> tuple[Tensor, Tensor]:
    """The LU factors of matrices with exchanged rows, and the exchanges.

    Args:
        x: matrices of shape ``(..., m, n)``.

    Returns:
        One matrix of x's shape that holds both triangles (the ones on L's diagonal left out), and
        the pivots, int32: row i was exchanged with row ``pivots[i]``, one after the other.

    Example:
        >>> from polynet import ops
        >>> lu, pivots = ops.lu_factor([[1.0, 2.0], [4.0, 4.0]])
        >>> lu
        array([[4.  , 4.  ],
               [0.25, 1.  ]], dtype=float32)
        >>> pivots
        array([1, 1], dtype=int32)
    """
    rows, columns = _matrices(x)
    if isinstance(x, Spec):
        return x, Spec((*x.shape[:-2], _least(rows, columns)), "int32")
    if rows >= columns:
        lu, pivots, _ = lu_factors(x)
        return lu, pivots
    lu, pivots, order = lu_factors(_columns(x, 0, rows))
    exchanged = ops.cast(ops.equal(_column(order), ops.iota(rows, "int32")), dtype_of(x))
    unit = _part(lu, ops.greater) + _eye(rows, dtype_of(x))
    rest = solve_triangle(unit, ops.matmul(exchanged, _columns(x, rows, columns)), True)
    return ops.concatenate([lu, rest], -1), pivots


# ------------------------------------------------------------------------------------- equations


@op(dtypes=spec.elementwise_float)
@through_single
def solve(a: Tensor, b: Tensor) -> Tensor:
    """The x of ``a @ x == b`` for square matrices a.

    A singular matrix is a ``LinAlgError``; in compiled code x is not finite.

    Args:
        a: matrices of shape ``(..., n, n)``.
        b: matrices ``(..., n, k)``, or vectors ``(..., n)`` when b has one axis less than a, or one
            axis at all.

    Example:
        >>> from polynet import ops
        >>> ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0])
        array([1. , 0.5], dtype=float32)
    """
    a, b, vectors = _equations(a, b)
    x = solve_matrix(a, b)
    return ops.reshape(x, x.shape[:-1]) if vectors else x


@op(dtypes=spec.elementwise_float)
@through_single
def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> Tensor:
    """The x of ``a @ x == b`` for triangular matrices a; the other triangle of a is not read.

    A zero on the diagonal gives infinities or NaN.

    Args:
        a: matrices of shape ``(..., n, n)``.
        b: matrices ``(..., n, k)``, or vectors ``(..., n)`` when b has one axis less than a, or one
            axis at all.
        lower: whether the lower triangle is meant.

    Example:
        >>> from polynet import ops
        >>> ops.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [2.0, 2.0], lower=True)
        array([1., 1.], dtype=float32)
    """
    a, b, vectors = _equations(a, b)
    x = solve_triangle(a, b, lower)
    return ops.reshape(x, x.shape[:-1]) if vectors else x


def _equations(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, bool]:
    """Both sides as matrices with the same batch axes, and whether b was one of vectors."""
    n = _square(a, "a")
    if not b.shape:
        raise errors.ShapeError("b: expected vectors or matrices; got a 0-d tensor.")
    vectors = len(b.shape) == 1 or len(b.shape) == len(a.shape) - 1
    if b.shape[-1 if vectors else -2] != n:
        raise errors.ShapeError(
            f"b: expected {f'vectors of length {n}' if vectors else f'matrices with {n} rows'}, as "
            f"many as a has; got shapes {tuple(a.shape)} and {tuple(b.shape)}."
        )
    b = _column(b) if vectors else b
    batch = spec.broadcast(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    return _spread(a, batch), _spread(b, batch), vectors


def _spread(x: Tensor, batch: tuple[int, ...]) -> Tensor:
    shape = (*batch, *x.shape[-2:])
    return x if tuple(x.shape) == shape else ops.broadcast_to(x, shape)


@op(dtypes=spec.elementwise_float)
@through_single
def inv(x: Tensor) -> Tensor:
    """The inverse of square matrices.

    A singular matrix is a ``LinAlgError``; in compiled code the result is not finite.

    Example:
        >>> from polynet import ops
        >>> ops.inv([[2.0, 0.0], [0.0, 4.0]])
        array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    return solve_matrix(x, ops.broadcast_to(_eye(_square(x), dtype_of(x)), tuple(x.shape)))


@op(dtypes=spec.elementwise_float)
@through_single
def pinv(x: Tensor, rcond: float | None = None) -> Tensor:
    """The Moore-Penrose inverse: the inverse where there is one, else the nearest thing to it.

    Args:
        x: matrices of shape ``(..., m, n)``.
        rcond: singular values up to this multiple of the largest count as zero; 10 max(m, n) times
            the precision of the dtype by default.

    Example:
        >>> from polynet import ops
        >>> ops.pinv([[2.0, 0.0], [0.0, 0.0]])
        array([[0.5, 0. ],
               [0. , 0. ]], dtype=float32)
    """
    rows, columns = _matrices(x)
    if rcond is None:
        rcond = 10 * (rows if rows > columns else columns) * _precision(dtype_of(x))
    return pseudo_inverse(x, rcond) if rows and columns else _h(x)


@op(dtypes=lapack)
def pseudo_inverse(x: Tensor, rcond: float) -> Tensor:
    """``pinv`` of matrices with elements."""
    u, s, vh = svd_factors(x, False)
    kept = ops.greater(s, _columns(s, 0, 1) * rcond)
    inverse = ops.where(kept, 1 / ops.where(kept, s, 1), 0)
    return ops.matmul(_h(vh) * ops.cast(_row(inverse), dtype_of(x)), _h(u))


@pseudo_inverse.vjp
@_literature
def _(g: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """The derivative of the SVD would divide by differences of singular values; this does not."""
    yh, gh = _h(y), _h(g)
    far_rows = gh - ops.matmul(x, ops.matmul(y, gh))
    far_columns = gh - ops.matmul(ops.matmul(gh, y), x)
    product = ops.matmul(yh, ops.matmul(g, yh))
    first = ops.matmul(ops.matmul(far_rows, y), yh)
    second = ops.matmul(yh, ops.matmul(y, far_columns))
    return first + second - product


def _precision(dtype: str) -> float:
    """The distance from 1 to the next number of a dtype."""
    return 2.0**-52 if dtypes.real_of(dtype) == "float64" else 2.0**-23


@op(dtypes=spec.elementwise_float)
@through_single
def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> Tensor:
    """The x that minimises the length of ``a @ x - b``; the shortest one when there are several.

    Args:
        a: a matrix ``(m, n)``.
        b: a vector ``(m,)`` or a matrix ``(m, k)``.
        rcond: singular values up to this multiple of the largest count as zero; max(m, n) times the
            precision of the dtype by default.

    Example:
        >>> from polynet import ops
        >>> ops.round(ops.lstsq([[1.0], [1.0]], [1.0, 3.0]), 3)
        array([2.], dtype=float32)
    """
    if len(a.shape) != 2:
        raise errors.ShapeError(
            f"a: expected one matrix, of shape (m, n); got shape {tuple(a.shape)}."
        )
    if len(b.shape) not in (1, 2) or b.shape[0] != a.shape[0]:
        raise errors.ShapeError(
            f"b: expected a vector of length {a.shape[0]} or a matrix with as many rows, as a has; "
            f"got shape {tuple(b.shape)}."
        )
    if rcond is None:
        rcond = (a.shape[0] if a.shape[0] > a.shape[1] else a.shape[1]) * _precision(dtype_of(a))
    return ops.matmul(pinv(a, rcond), b)


# -------------------------------------------------------------------------- determinants and rank


@op(dtypes=spec.elementwise_float)
@through_single
def det(x: Tensor) -> Tensor:
    """The determinant of square matrices.

    Example:
        >>> from polynet import ops
        >>> float(ops.det([[2.0, 1.0], [1.0, 3.0]]))
        5.0
    """
    _square(x)
    return determinant(x)


@op(dtypes=spec.elementwise_float)
@through_single
def slogdet(x: Tensor) -> tuple[Tensor, Tensor]:
    """The sign of the determinant of square matrices, and the logarithm of its absolute value.

    Example:
        >>> from polynet import ops
        >>> sign, logarithm = ops.slogdet([[-1.0, 0.0], [0.0, 1.0]])
        >>> float(sign), float(logarithm)
        (-1.0, 0.0)
    """
    _square(x)
    sign, logarithm = log_determinant(x)
    return sign, logarithm


@op(dtypes=spec.elementwise_float)
@through_single
def logdet(x: Tensor) -> Tensor:
    """The logarithm of the absolute value of the determinant of square matrices.

    Example:
        >>> from polynet import ops
        >>> float(ops.logdet([[1.0, 0.0], [0.0, 1.0]]))
        0.0
    """
    _square(x)
    return log_determinant(x)[1]


@op(dtypes=spec.elementwise_float)
def matrix_rank(x: Tensor, tol: float | None = None) -> Tensor:
    """How many singular values of each matrix are larger than ``tol``, as int32.

    Args:
        x: matrices of shape ``(..., m, n)``.
        tol: by default max(m, n) times the precision of the dtype times the largest singular value
            of the matrix.

    Example:
        >>> from polynet import ops
        >>> int(ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]]))
        1
    """
    rows, columns = _matrices(x)
    if dtype_of(x) in HALVES:
        x = ops.cast(x, "float32")
    s = singular_values(x)
    if tol is None and s.shape[-1]:
        relative = (rows if rows > columns else columns) * _precision(dtype_of(x))
        return ops.sum(ops.cast(ops.greater(s, _columns(s, 0, 1) * relative), "int32"), -1)
    return ops.sum(ops.cast(ops.greater(s, 0 if tol is None else tol), "int32"), -1)


matrix_rank.not_differentiable()

# ----------------------------------------------------------------------------------------- norms

_MATRIX_ORDERS = (None, "fro", "nuc", math.inf, -math.inf, 1, -1, 2, -2)


@op(dtypes=spec.magnitude_float)
@through_single
def norm(x: Tensor, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors (one axis), of matrices (two axes), or of all elements.

    Its gradient at zero is zero.

    Args:
        x: a tensor.
        ord: for vectors a number p (the p-th root of the sum of the p-th powers of the absolute
            values), ``inf`` or ``-inf`` (the largest or smallest absolute value) or 0 (how many are
            not zero); for matrices ``"fro"`` (as a vector), ``"nuc"`` (the sum of the singular
            values), 2 or -2 (the largest or smallest of them), 1 or -1 (the largest or smallest sum
            of a column), ``inf`` or ``-inf`` (of a row). Default: 2 or ``"fro"``.
        axis: the axis of the vectors or the two axes of the matrices. By default all elements are
            one vector, or, where ``ord`` is given, x has one or two axes.
        keepdims: whether the axes stay, with length 1.

    Example:
        >>> from polynet import ops
        >>> float(ops.norm([3.0, 4.0]))
        5.0
        >>> ops.norm([[3.0, 4.0], [0.0, 2.0]], ord=1, axis=-1)
        array([7., 2.], dtype=float32)
    """
    axes = spec.axes_indices(axis, len(x.shape))
    if axis is None and ord is None:
        return _root_of_squares(x, axes, keepdims)
    if len(axes) not in (1, 2):
        raise errors.AxisError(
            f"axis: expected one axis for vectors or two for matrices; got {axis} of a tensor of "
            f"shape {tuple(x.shape)}."
        )
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ValueError(
                f"ord: expected a number for vectors; got {ord!r}, which is for matrices."
            )
        return _vector_norm(x, 2 if ord is None else ord, axes, keepdims)
    if ord not in _MATRIX_ORDERS:
        raise ValueError(f"ord: expected one of {_MATRIX_ORDERS} for matrices; got {ord!r}.")
    if ord in (None, "fro"):
        return _root_of_squares(x, axes, keepdims)
    if ord in ("nuc", 2, -2):
        return _spectral_norm(x, ord, axes, keepdims)
    along, across = axes if ord in (1, -1) else axes[::-1]
    sums = ops.sum(ops.absolute(x), along, True)
    y = ops.max(sums, across, True) if ord > 0 else ops.min(sums, across, True)
    return y if keepdims else ops.reshape(y, spec.reduced(tuple(x.shape), axes))


def _squared(x: Tensor) -> Tensor:
    if dtypes.is_complex(dtype_of(x)):
        real, imag = ops.real(x), ops.imag(x)
        return real * real + imag * imag
    return x * x


def _root_of_squares(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    total = ops.sum(_squared(x), axes, keepdims)
    zero = ops.equal(total, 0)
    return ops.where(zero, 0, ops.sqrt(ops.where(zero, 1, total)))


def _vector_norm(x: Tensor, ord: float, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if ord == 2:
        return _root_of_squares(x, axes, keepdims)
    if ord == 0:
        return ops.sum(ops.cast(ops.not_equal(x, 0), dtypes.real_of(dtype_of(x))), axes, keepdims)
    size = ops.absolute(x)
    if ord == math.inf:
        return ops.max(size, axes, keepdims)
    if ord == -math.inf:
        return ops.min(size, axes, keepdims)
    if ord == 1:
        return ops.sum(size, axes, keepdims)
    total = ops.sum(ops.power(size, ord), axes, keepdims)
    if ord < 0:
        return ops.power(total, 1 / ord)
    zero = ops.equal(total, 0)
    return ops.where(zero, 0, ops.power(ops.where(zero, 1, total), 1 / ord))


def _spectral_norm(x: Tensor, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    others = tuple(axis for axis in range(len(x.shape)) if axis not in axes)
    s = singular_values(ops.transpose(x, (*others, *axes)))
    y = ops.sum(s, -1) if ord == "nuc" else ops.max(s, -1) if ord == 2 else ops.min(s, -1)
    return ops.reshape(y, spec.reduced(tuple(x.shape), axes, True)) if keepdims else y
