"""Eigenvalues, singular values, and their vectors.

First derivatives of eigenvalues and singular values exist wherever they are distinct; where some are equal, what is
returned for each is the mean over those, so that every function that treats them alike (a sum, a norm) has its right
derivative. Vectors that belong to equal values are not functions of the matrix at all: a cotangent that reaches them
is refused, and their tangents are NaN, since forward mode cannot know whether anyone will look.

**Source**: Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), §3; Townsend, "Differentiating the singular value decomposition" (2016); Magnus, "On
differentiating eigenvalues and eigenvectors" (1985).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval, shape_of
from wengert.core.dispatch import implements
from wengert.core.errors import ArgumentError, DegenerateError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Linear, Pushforward
from wengert.core.tracer import concrete
from wengert.ops.linalg import diagonals, floating, mirrored, mT, product

# What does not exist -------------------------------------------------------------------------------------------------


def _refuse(ct: Any, t: Any, undefined: Any, *, what: str, instead: str) -> Any:
    if np.any((concrete(ct) != 0) & undefined):
        raise DegenerateError(f"{what} have no derivative here", wrong=what, right=instead)
    return ct


undefined = REGISTRY["undefined"] = Primitive(
    "undefined",
    lambda t, undefined, *, what, instead: np.where(undefined, t.dtype.type(np.nan), t),
    [Linear(_refuse), Constant()],
    aval=lambda t, undefined, *, what, instead: Aval(t.shape, t.dtype),
    notation=Notation("undefined", "np.where({1}, np.nan, {0})", r"{0}"),
)


def defined_unless(undefined_columns: Any, tangent: Any, what: str, instead: str) -> Any:
    """The tangent, but of some columns (or of all of them: True) it is known that they have none."""
    if not np.any(undefined_columns):
        return tangent
    mask = np.broadcast_to(np.asarray(undefined_columns), shape_of(tangent))
    return bind(undefined, (tangent, mask), {"what": what, "instead": instead})


def _tied(values: Any) -> Any:
    """Which pairs cannot be told apart at this precision; each value with itself is one."""
    w = concrete(values)
    top = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    return np.abs(w[..., None, :] - w[..., :, None]) <= w.shape[-1] * np.finfo(w.dtype).eps * top


def _several(tied: Any) -> Any:
    """The columns of the vectors whose value is not the only one of its size."""
    return (np.sum(tied, axis=-2) > 1)[..., None, :]


def _shared(tangents: Any, values: Any) -> Any:
    """Among exactly equal values each gets the mean of the tangents, which does not depend on the choice of vectors."""
    w = concrete(values)
    equal = w[..., None, :] == w[..., :, None]
    if equal.sum() == w.size:
        return tangents
    share = (equal / np.sum(equal, axis=-1, keepdims=True)).astype(w.dtype)
    return np.matmul(share, tangents[..., None])[..., 0]


def _reciprocal(gaps: Any, tied: Any) -> Any:
    return np.where(tied, 0.0, 1 / np.where(tied, 1.0, gaps))


# Symmetric matrices --------------------------------------------------------------------------------------------------

_EIGENVECTORS = "the eigenvectors of equal eigenvalues (np.linalg.eigh(A)[1])"
_EIGENVALUES = "np.linalg.eigvalsh(A)   as far as first derivatives go, or a function that needs no eigenvectors"


def _eigh_push(t: Any, z: Any, a: Any, *, UPLO: str) -> Any:
    """dλ = diag(Vᵀ dA V) and dV = V (F ∘ Vᵀ dA V) with Fᵢⱼ = 1/(λⱼ − λᵢ)."""
    w, v = z
    m = product(mT(v), mirrored(t, UPLO == "U"), v)
    tied = _tied(w)
    vectors = np.matmul(v, _reciprocal(w[..., None, :] - w[..., :, None], tied) * m)
    return _shared(diagonals(m), w), defined_unless(_several(tied), vectors, _EIGENVECTORS, _EIGENVALUES)


def _eigvalsh_push(t: Any, z: Any, a: Any, *, UPLO: str) -> Any:
    _, v = bind(eigh, (a,), {"UPLO": UPLO})
    return _shared(np.sum(v * np.matmul(mirrored(t, UPLO == "U"), v), axis=-2), z)


eigh = REGISTRY["eigh"] = Primitive(
    "eigh",
    lambda a, *, UPLO: tuple(np.linalg.eigh(a, UPLO)),
    [Pushforward(_eigh_push)],
    aval=lambda a, *, UPLO: (Aval(a.shape[:-1], floating(a)), Aval(a.shape, floating(a))),
    outputs=2,
    notation=Notation("eigh", "np.linalg.eigh({0}, {params})", r"\operatorname{{eigh}} {0:9}"),
)
eigvalsh = REGISTRY["eigvalsh"] = Primitive(
    "eigvalsh",
    lambda a, *, UPLO: np.linalg.eigvalsh(a, UPLO),
    [Pushforward(_eigvalsh_push)],
    aval=lambda a, *, UPLO: Aval(a.shape[:-1], floating(a)),
    notation=Notation("λ", "np.linalg.eigvalsh({0}, {params})", r"\lambda\left({0}\right)"),
)


@implements(np.linalg.eigh)
def eigh_of(a: Any, UPLO: str = "L") -> Any:
    """np.linalg.eigh, a function of the one triangle that it reads."""
    return _EighResult(*bind(eigh, (a,), {"UPLO": UPLO.upper()}))


@implements(np.linalg.eigvalsh)
def eigvalsh_of(a: Any, UPLO: str = "L") -> Any:
    """np.linalg.eigvalsh, a function of the one triangle that it reads."""
    return bind(eigvalsh, (a,), {"UPLO": UPLO.upper()})


_EighResult = type(np.linalg.eigh(np.eye(1)))

# Any square matrix, as far as its eigenvalues are real ---------------------------------------------------------------


def _real_spectrum(w: Any, v: Any) -> None:
    if concrete(w).dtype.kind == "c":
        raise ArgumentError(
            "np.linalg.eig of this matrix is complex, and derivatives of complex numbers are not there yet",
            wrong="np.linalg.eig(A), np.linalg.eigvals(A)",
            right="np.linalg.eigh(A), np.linalg.eigvalsh(A)   for a symmetric matrix",
        )
    smallest = np.linalg.svd(concrete(v), compute_uv=False)[..., -1:]
    if np.any(smallest <= shape_of(w)[-1] * np.finfo(concrete(w).dtype).eps):
        raise DegenerateError(
            "the eigenvalues of a defective matrix have no derivative",
            wrong="np.linalg.eig(A), np.linalg.eigvals(A)",
            right="np.trace(A), np.linalg.det(A), np.linalg.matrix_power(A, n)   what is smooth in A itself",
        )


def _eig_push(t: Any, z: Any, a: Any) -> Any:
    """dλ = diag(V⁻¹ dA V), dV = V (F ∘ V⁻¹ dA V), less what would change the length of a column."""
    w, v = z
    _real_spectrum(w, v)
    m = np.linalg.solve(v, np.matmul(t, v))
    tied = _tied(w)
    vectors = np.matmul(v, _reciprocal(w[..., None, :] - w[..., :, None], tied) * m)
    vectors = vectors - v * np.sum(v * vectors, axis=-2, keepdims=True)
    what = "the eigenvectors of equal eigenvalues (np.linalg.eig(A)[1])"
    return _shared(diagonals(m), w), defined_unless(_several(tied), vectors, what, "np.linalg.eigvals(A)")


def _eigvals_push(t: Any, z: Any, a: Any) -> Any:
    w, v = bind(eig, (a,), {})
    _real_spectrum(w, v)
    values = np.diagonal(np.linalg.solve(v, np.matmul(t, v)), axis1=-2, axis2=-1)
    # With and without vectors LAPACK goes different ways, and need not find the values in the same order.
    ranks = np.argsort(np.argsort(concrete(z), axis=-1), axis=-1)
    order = np.take_along_axis(np.argsort(concrete(w), axis=-1), ranks, axis=-1)
    return _shared(np.take_along_axis(values, order, axis=-1), z)


eig = REGISTRY["eig"] = Primitive(
    "eig",
    lambda a: tuple(np.linalg.eig(a)),
    [Pushforward(_eig_push)],
    aval=lambda a: (Aval(a.shape[:-1], floating(a)), Aval(a.shape, floating(a))),
    outputs=2,
    notation=Notation("eig", "np.linalg.eig({0})", r"\operatorname{{eig}} {0:9}"),
)
eigvals = REGISTRY["eigvals"] = Primitive(
    "eigvals",
    np.linalg.eigvals,
    [Pushforward(_eigvals_push)],
    aval=lambda a: Aval(a.shape[:-1], floating(a)),
    notation=Notation("λ", "np.linalg.eigvals({0})", r"\lambda\left({0}\right)"),
)


@implements(np.linalg.eig)
def eig_of(a: Any) -> Any:
    """np.linalg.eig, as long as the result is real."""
    return _EigResult(*bind(eig, (a,), {}))


@implements(np.linalg.eigvals)
def eigvals_of(a: Any) -> Any:
    """np.linalg.eigvals, as long as the result is real."""
    return bind(eigvals, (a,), {})


_EigResult = type(np.linalg.eig(np.eye(1)))

# Singular values -----------------------------------------------------------------------------------------------------

_SINGULAR = "the singular vectors of equal singular values (np.linalg.svd(A))"
_NULL = "the singular vectors of zero (np.linalg.svd(A))"
_EXTRA = "the vectors that full_matrices=True adds (np.linalg.svd(A))"
_VALUES = "np.linalg.svdvals(A)   as far as first derivatives go, or a function that needs no singular vectors"
_REDUCED = "np.linalg.svd(A, full_matrices=False)"


def _svd_push(t: Any, z: Any, a: Any, *, full_matrices: bool) -> Any:
    """dσ = diag P with P = Uᵀ dA V; dU = U (F ∘ (PΣ + ΣPᵀ)) + (I − UUᵀ) dA V Σ⁻¹; Fᵢⱼ = 1/(σⱼ² − σᵢ²); dV alike."""
    u, s, vh = z
    (rows, columns), k = shape_of(a)[-2:], shape_of(s)[-1]
    u1, v1 = u[..., :k], mT(vh)[..., :k]
    p = product(mT(u1), t, v1)
    row, column = s[..., None, :], s[..., :, None]
    tied = _tied(s)
    f = _reciprocal((row - column) * (row + column), tied)
    left = np.matmul(u1, f * (p * row + column * mT(p)))
    right = np.matmul(v1, f * (column * p + mT(p) * row))
    size = concrete(row)
    zero = size <= max(rows, columns) * np.finfo(size.dtype).eps * np.max(size, axis=-1, initial=0, keepdims=True)
    divisor = np.where(zero, 1.0, row)
    if rows > k:  # of the longer side a part is orthogonal to all vectors
        left = defined_unless(zero, left + (np.matmul(t, v1) - np.matmul(u1, p)) / divisor, _NULL, _VALUES)
    if columns > k:
        right = defined_unless(zero, right + (np.matmul(mT(t), u1) - np.matmul(v1, mT(p))) / divisor, _NULL, _VALUES)
    left = completed(defined_unless(_several(tied), left, _SINGULAR, _VALUES), u1, u[..., k:], _EXTRA, _REDUCED)
    right = completed(defined_unless(_several(tied), right, _SINGULAR, _VALUES), v1, mT(vh)[..., k:], _EXTRA, _REDUCED)
    return left, np.where(np.equal(s, 0), 0.0, _shared(diagonals(p), s)), mT(right)


def completed(tangent: Any, vectors: Any, added: Any, what: str, instead: str) -> Any:
    """The tangent of an orthonormal basis that was completed to the whole space: only a single vector is unique."""
    extra = shape_of(added)[-1]
    if not extra:
        return tangent
    rest = -np.matmul(vectors, np.matmul(mT(tangent), added))
    return np.concatenate([tangent, defined_unless(extra > 1, rest, what, instead)], axis=-1)


def _svdvals_push(t: Any, z: Any, a: Any) -> Any:
    """dσᵢ = uᵢᵀ dA vᵢ; at zero 0, as |x| has it."""
    u, _, vh = bind(svd, (a,), {"full_matrices": False})
    values = np.sum(u * np.matmul(t, mT(vh)), axis=-2)
    return np.where(np.equal(z, 0), 0.0, _shared(values, z))


def _svd_shape(a: Aval, *, full_matrices: bool) -> tuple[Aval, Aval, Aval]:
    (*batch, m, n), dtype = a.shape, floating(a)
    k = min(m, n)
    rows, columns = (m, n) if full_matrices else (k, k)
    return Aval((*batch, m, rows), dtype), Aval((*batch, k), dtype), Aval((*batch, columns, n), dtype)


svd = REGISTRY["svd"] = Primitive(
    "svd",
    lambda a, *, full_matrices: tuple(np.linalg.svd(a, full_matrices)),
    [Pushforward(_svd_push)],
    aval=_svd_shape,
    outputs=3,
    notation=Notation("svd", "np.linalg.svd({0}, {params})", r"\operatorname{{svd}} {0:9}"),
)
svdvals = REGISTRY["svdvals"] = Primitive(
    "svdvals",
    lambda a: np.linalg.svd(a, compute_uv=False),
    [Pushforward(_svdvals_push)],
    aval=lambda a: Aval((*a.shape[:-2], min(a.shape[-2:])), floating(a)),
    notation=Notation("σ", "np.linalg.svdvals({0})", r"\sigma\left({0}\right)"),
)


@implements(np.linalg.svd)
def svd_of(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """np.linalg.svd; with hermitian=True by way of the eigenvalues, as NumPy does it."""
    if not hermitian:
        return _SVDResult(*bind(svd, (a,), {"full_matrices": bool(full_matrices)})) if compute_uv else svdvals_of(a)
    if not compute_uv:
        return np.flip(np.sort(np.abs(np.linalg.eigvalsh(a)), axis=-1), -1)
    w, v = np.linalg.eigh(a)
    sign, size = np.sign(w), np.abs(w)
    order = np.flip(np.argsort(size, axis=-1), -1)
    sign, size = np.take_along_axis(sign, order, -1), np.take_along_axis(size, order, -1)
    u = np.take_along_axis(v, order[..., None, :], -1)
    return _SVDResult(u, size, mT(u * sign[..., None, :]))


@implements(np.linalg.svdvals)
def svdvals_of(x: Any, /) -> Any:
    """np.linalg.svdvals."""
    return bind(svdvals, (x,), {})


_SVDResult = type(np.linalg.svd(np.eye(1)))
