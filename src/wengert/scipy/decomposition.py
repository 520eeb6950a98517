"""Factors of matrices, with SciPy's options."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import scipy.linalg

from wengert.core.aval import shape_of
from wengert.core.errors import MissingRuleError
from wengert.core.primitive import bind
from wengert.core.tracer import concrete
from wengert.ops.linalg import mH, mirrored
from wengert.ops.matrix_equations import lu_factor, row_order, turn, unit_lower
from wengert.ops.operand import array, inexact
from wengert.scipy.substitution import check, replaces


def _refuse(call: str, instead: str) -> NoReturn:
    raise MissingRuleError(f"scipy.linalg.{call} has no derivative rule", wrong=f"linalg.{call}", right=instead)


@replaces(scipy.linalg.cholesky)
def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """U of A = Uᴴ U, or L of A = L Lᴴ; a function of the one triangle that it reads."""
    check(check_finite, a)
    return np.linalg.cholesky(a, upper=not lower)


@replaces(scipy.linalg.cho_factor)
def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The same for `cho_solve`; what SciPy leaves in the other triangle is 0 here."""
    return cholesky(a, lower, check_finite=check_finite), lower


@replaces(scipy.linalg.qr)
def qr(
    a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    """Q and R of A = Q R."""
    check(check_finite, a)
    if pivoting or mode == "raw":
        _refuse("qr(A, pivoting=True)" if pivoting else "qr(A, mode='raw')", "linalg.qr(A)")
    if mode not in ("full", "r", "economic"):
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    q, r = np.linalg.qr(a, "reduced" if mode == "economic" else "complete")
    return (r,) if mode == "r" else (q, r)


@replaces(scipy.linalg.lu)
def lu(
    a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False
) -> Any:
    """P, L and U of A = P L U, of square matrices."""
    check(check_finite, a)
    if shape_of(a)[-1] != shape_of(a)[-2]:
        _refuse("lu(A) of a matrix that is not square", "linalg.qr(A)")
    both, piv = bind(lu_factor, (inexact(a),), {})
    back = np.argsort(bind(row_order, (piv,), {}), -1)
    lower, upper = unit_lower(both), np.triu(both)
    if permute_l:
        return np.take_along_axis(lower, back[..., None], -2), upper
    if p_indices:
        return back, lower, upper
    return np.equal(back[..., None], np.arange(shape_of(a)[-1])).astype(lower.dtype), lower, upper


@replaces(scipy.linalg.svd)
def svd(
    a: Any, full_matrices: bool = True, compute_uv: bool = True, overwrite_a: bool = False, check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:  # fmt: skip
    """U, the singular values and Vᴴ."""
    check(check_finite, a)
    return tuple(np.linalg.svd(a, full_matrices)) if compute_uv else np.linalg.svdvals(a)


@replaces(scipy.linalg.svdvals)
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The singular values."""
    check(check_finite, a)
    return np.linalg.svdvals(a)


@replaces(scipy.linalg.polar)
def polar(a: Any, side: str = "right") -> Any:
    """U and P of A = U P, or of A = P U with side="left": of A = W Σ Vᴴ, W Vᴴ and V Σ Vᴴ or W Σ Wᴴ."""
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    w, s, vh = np.linalg.svd(a, full_matrices=False)
    p = np.matmul(mH(vh) * s[..., None, :], vh) if side == "right" else np.matmul(w * s[..., None, :], mH(w))
    return np.matmul(w, vh), p


# Eigenvalues ---------------------------------------------------------------------------------------------------------


@replaces(scipy.linalg.eigh)
def eigh(
    a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, overwrite_a: bool = False,
    overwrite_b: bool = False, type: int = 1, check_finite: bool = True, subset_by_index: Any = None,
    subset_by_value: Any = None, driver: Any = None,
) -> Any:  # fmt: skip
    """Eigenvalues and eigenvectors of a Hermitian matrix, or of the pencil A v = λ B v with B positive definite.

    With B = L Lᴴ the eigenvalues are those of L⁻¹ A L⁻ᴴ, and the vectors L⁻ᴴ times its own.
    """
    pencil = (a,) if b is None else (a, b)
    check(check_finite, *pencil)
    if type != 1:
        _refuse(f"eigh(A, B, type={type})", "linalg.eigh(A, B)   or the product written out")
    whole = array(a)
    triangle: Any = "L" if lower else "U"
    if b is not None:
        factor = cholesky(b, lower=True) if lower else mH(cholesky(b))
        whole, triangle = np.linalg.solve(factor, mH(np.linalg.solve(factor, mirrored(whole, not lower)))), "L"
    if eigvals_only:
        return _subset(np.linalg.eigvalsh(whole, triangle), subset_by_index, subset_by_value)[0]
    w, v = np.linalg.eigh(whole, triangle)
    v = v if b is None else np.linalg.solve(mH(factor), v)
    v = v * bind(turn, (v, *pencil), {"lower": bool(lower)})[..., None, :]  # LAPACK's drivers differ in the signs
    return _subset(w, subset_by_index, subset_by_value, v)


def _subset(w: Any, by_index: Any, by_value: Any, v: Any = None) -> tuple[Any, Any]:
    chosen: Any = slice(None)
    if by_index is not None:
        low, high = by_index
        chosen = slice(int(low), int(high) + 1)
    elif by_value is not None:
        low, high = by_value
        chosen = np.flatnonzero((concrete(w) > low) & (concrete(w) <= high))
    return w[..., chosen], None if v is None else v[..., chosen]


@replaces(scipy.linalg.eigvalsh)
def eigvalsh(a: Any, b: Any = None, **options: Any) -> Any:
    """The eigenvalues alone."""
    return eigh(a, b, eigvals_only=True, **options)


@replaces(scipy.linalg.eig)
def eig(
    a: Any, b: Any = None, left: bool = False, right: bool = True, overwrite_a: bool = False,
    overwrite_b: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False,
) -> Any:  # fmt: skip
    """Eigenvalues, complex ones as SciPy has them, and eigenvectors."""
    check(check_finite, a)
    if b is not None or left or homogeneous_eigvals:
        _refuse("eig(A, B), eig(A, left=True)", "linalg.eig(linalg.solve(B, A)), linalg.eig(A.T)")
    if not right:
        return eigvals(a, check_finite=False)
    w, v = np.linalg.eig(a)
    return w + 0j, v


@replaces(scipy.linalg.eigvals)
def eigvals(
    a: Any, b: Any = None, overwrite_a: bool = False, check_finite: bool = True, homogeneous_eigvals: bool = False
) -> Any:
    """The eigenvalues alone."""
    check(check_finite, a)
    if b is not None or homogeneous_eigvals:
        _refuse("eigvals(A, B)", "linalg.eigvals(linalg.solve(B, A))")
    return np.linalg.eigvals(a) + 0j
