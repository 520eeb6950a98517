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

from wengert.core.aval import Aval, is_complex, shape_of
from wengert.core.batching import direct
from wengert.core.dispatch import implements
from wengert.core.errors import DegenerateError, GuardError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Pushforward
from wengert.core.tracer import concrete, known
from wengert.ops.condition import ensure
from wengert.ops.indeterminate import defined_unless, of_any_phase
from wengert.ops.linalg import conj, constant, diagonals, floating, mH, mirrored, product, real_dtype


def _tied(values: Any) -> Any:
    """Which pairs cannot be told apart at this precision; each value with itself is one."""
    w = constant(values)
    top = np.max(np.abs(w), axis=-1, initial=0)[..., None, None]
    return np.abs(w[..., None, :] - w[..., :, None]) <= w.shape[-1] * np.finfo(w.dtype).eps * top


def _several(tied: Any) -> Any:
    """The columns of the vectors whose value is not the only one of its size."""
    return (np.sum(tied, axis=-2) > 1)[..., None, :]


def _shared(tangents: Any, values: Any) -> Any:
    """Among exactly equal values each gets the mean of the tangents, which does not depend on the choice of vectors."""
    w = constant(values)
    equal = w[..., None, :] == w[..., :, None]
    if known(equal) and np.sum(equal) == w.size:
        return tangents
    return np.sum(np.where(equal, tangents[..., None, :], 0.0), axis=-1) / np.sum(equal, axis=-1).astype(w.dtype)


def _reciprocal(gaps: Any, tied: Any) -> Any:
    return np.where(tied, 0.0, 1 / np.where(tied, 1.0, gaps))


# Symmetric matrices --------------------------------------------------------------------------------------------------

_EIGENVECTORS = "the eigenvectors of equal eigenvalues (np.linalg.eigh(A)[1])"
_EIGENVALUES = "np.linalg.eigvalsh(A)   as far as first derivatives go, or a function that needs no eigenvectors"


def _eigh_push(t: Any, z: Any, a: Any, *, UPLO: str) -> Any:
    """dλ = diag(Vᴴ dA V) and dV = V (F ∘ Vᴴ dA V) with Fᵢⱼ = 1/(λⱼ − λᵢ); of all phases the one with vᴴ dv = 0."""
    w, v = z
    m = product(mH(v), mirrored(t, UPLO == "U"), v)
    tied = _tied(w)
    vectors = np.matmul(v, _reciprocal(w[..., None, :] - w[..., :, None], tied) * m)
    vectors = of_any_phase(vectors, v, "an eigenvector (np.linalg.eigh(A)[1])")
    return _shared(np.real(diagonals(m)), w), defined_unless(_several(tied), vectors, _EIGENVECTORS, _EIGENVALUES)


def _eigvalsh_push(t: Any, z: Any, a: Any, *, UPLO: str) -> Any:
    _, v = bind(eigh, (a,), {"UPLO": UPLO})
    return _shared(np.sum(np.real(conj(v) * np.matmul(mirrored(t, UPLO == "U"), v)), axis=-2), z)


eigh = REGISTRY["eigh"] = Primitive(
    "eigh",
    lambda a, *, UPLO: tuple(np.linalg.eigh(a, UPLO)),
    [Pushforward(_eigh_push)],
    aval=lambda a, *, UPLO: (Aval(a.shape[:-1], real_dtype(floating(a))), Aval(a.shape, floating(a))),
    outputs=2,
    complex=True,
    batch=direct,
    notation=Notation("eigh", "np.linalg.eigh({0}, {params})", r"\operatorname{{eigh}} {0:9}"),
)
eigvalsh = REGISTRY["eigvalsh"] = Primitive(
    "eigvalsh",
    lambda a, *, UPLO: np.linalg.eigvalsh(a, UPLO),
    [Pushforward(_eigvalsh_push)],
    aval=lambda a, *, UPLO: Aval(a.shape[:-1], real_dtype(floating(a))),
    complex=True,
    batch=direct,
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

# Any square matrix ---------------------------------------------------------------------------------------------------

_DEFECTIVE = "np.trace(A), np.linalg.det(A), np.linalg.matrix_power(A, n)   what is smooth in A itself"


def _of_kind(function: Any) -> Any:
    """NumPy's results are real or complex, as it happens; those here are of the kind that was found when recorded."""

    def impl(a: Any, *, complex: bool) -> Any:
        results = function(a)
        whole = results if isinstance(results, tuple) else (results,)
        if is_complex(whole[0]) and not complex:
            if not np.any(whole[0].imag):  # NumPy gives real ones as complex numbers from 2.5 on
                whole = tuple(r.real for r in whole)
                return whole if isinstance(results, tuple) else whole[0]
            raise GuardError(
                f"np.linalg.{function.__name__} was recorded where all eigenvalues are real; now some are complex",
                right="wg.trace(f)(*args)   again, where they are complex; or np.linalg.eigvals(A + 0j), for both",
            )
        whole = tuple(r.astype(_spectral(r.dtype, complex), copy=False) for r in whole)
        return whole if isinstance(results, tuple) else whole[0]

    return impl


def _spectral(dtype: np.dtype[Any], complex: bool) -> np.dtype[Any]:
    return np.result_type(dtype, np.complex64) if complex else dtype


def kind(a: Any) -> dict[str, Any]:
    """Whether the eigenvalues are complex numbers, as a parameter."""
    return {"complex": is_complex(a) or is_complex(np.linalg.eigvals(concrete(a)))}


def _independent(v: Any) -> Any:
    smallest = np.linalg.svd(constant(v), compute_uv=False)[..., -1:]
    return ensure(
        v, ~(smallest <= shape_of(v)[-1] * np.finfo(smallest.dtype).eps), DegenerateError,
        "the eigenvalues of a defective matrix have no derivative",
        wrong="np.linalg.eig(A), np.linalg.eigvals(A)",
        right=_DEFECTIVE,
    )  # fmt: skip


def _eig_push(t: Any, z: Any, a: Any, *, complex: bool) -> Any:
    """dλ = diag(V⁻¹ dA V), dV = V (F ∘ V⁻¹ dA V), less what would change the length of a column.

    Its phase is the one that LAPACK chooses: of complex numbers the largest element of a column stays real.
    """
    w, v = z[0], _independent(z[1])
    m = np.linalg.solve(v, np.matmul(t, v))
    tied = _tied(w)
    vectors = np.matmul(v, _reciprocal(w[..., None, :] - w[..., :, None], tied) * m)
    vectors = vectors - v * np.sum(conj(v) * vectors, axis=-2, keepdims=True)
    if is_complex(v):
        fixed = concrete(v) if known(v) else constant(v)
        largest = np.argmax(np.abs(fixed) * (fixed.imag == 0), axis=-2, keepdims=True)
        turn = np.take_along_axis(vectors, largest, -2) / np.take_along_axis(v, largest, -2)
        vectors = vectors - 1j * np.imag(turn) * v
    what = "the eigenvectors of equal eigenvalues (np.linalg.eig(A)[1])"
    return _shared(diagonals(m), w), defined_unless(_several(tied), vectors, what, "np.linalg.eigvals(A)")


def _matching(z: Any, w: Any) -> Any:
    """Where each of z is found in w, the same numbers but for rounding errors, in another order."""
    distance = np.abs(z[..., :, None] - w[..., None, :])
    order = np.argmin(distance, axis=-1)
    for k in np.ndindex(z.shape[:-1]):
        if len(set(order[k].tolist())) < z.shape[-1]:
            from scipy.optimize import linear_sum_assignment  # seldom needed, and slow to import

            order[k] = linear_sum_assignment(distance[k])[1]
    return order


_match = Primitive(
    "match",
    _matching,
    [Constant(), Constant()],
    aval=lambda z, w: Aval(z.shape, np.dtype(np.intp)),
    complex=True,
    batch=direct,
)


def _eigvals_push(t: Any, z: Any, a: Any, *, complex: bool) -> Any:
    # With and without vectors LAPACK goes different ways, and need not find the values in the same order.
    w, v = bind(eig, (a,), {"complex": complex})
    v = _independent(v)
    values = np.diagonal(np.linalg.solve(v, np.matmul(t, v)), axis1=-2, axis2=-1)
    order = _matching(concrete(z), concrete(w)) if known(z) else bind(_match, (constant(z), constant(w)), {})
    return _shared(np.take_along_axis(values, order, axis=-1), z)


eig = REGISTRY["eig"] = Primitive(
    "eig",
    _of_kind(np.linalg.eig),
    [Pushforward(_eig_push)],
    aval=lambda a, *, complex: (
        Aval(a.shape[:-1], _spectral(floating(a), complex)), Aval(a.shape, _spectral(floating(a), complex))),
    outputs=2,
    complex=True,
    batch=direct,
    notation=Notation("eig", "np.linalg.eig({0})", r"\operatorname{{eig}} {0:9}"),
)  # fmt: skip
eigvals = REGISTRY["eigvals"] = Primitive(
    "eigvals",
    _of_kind(np.linalg.eigvals),
    [Pushforward(_eigvals_push)],
    aval=lambda a, *, complex: Aval(a.shape[:-1], _spectral(floating(a), complex)),
    complex=True,
    batch=direct,
    notation=Notation("λ", "np.linalg.eigvals({0})", r"\lambda\left({0}\right)"),
)


@implements(np.linalg.eig)
def eig_of(a: Any) -> Any:
    """np.linalg.eig, real or complex as NumPy's result is."""
    return _EigResult(*bind(eig, (a,), kind(a)))


@implements(np.linalg.eigvals)
def eigvals_of(a: Any) -> Any:
    """np.linalg.eigvals, real or complex as NumPy's result is."""
    return bind(eigvals, (a,), kind(a))


_EigResult = type(np.linalg.eig(np.eye(1)))

# Singular values -----------------------------------------------------------------------------------------------------

_SINGULAR = "the singular vectors of equal singular values (np.linalg.svd(A))"
_NULL = "the singular vectors of zero (np.linalg.svd(A))"
_EXTRA = "the vectors that full_matrices=True adds (np.linalg.svd(A))"
_VALUES = "np.linalg.svdvals(A)   as far as first derivatives go, or a function that needs no singular vectors"
_REDUCED = "np.linalg.svd(A, full_matrices=False)"


def _svd_push(t: Any, z: Any, a: Any, *, full_matrices: bool) -> Any:
    """dσ = Re diag P with P = Uᴴ dA V; dU = U (F ∘ (PΣ + ΣPᴴ)) + (I − UUᴴ) dA V Σ⁻¹; Fᵢⱼ = 1/(σⱼ² − σᵢ²); dV alike.

    Of complex numbers uᴴ du − vᴴ dv = i·Im diag P/σ besides; of all phases that of a pair with uᴴ du + vᴴ dv = 0.
    """
    u, s, vh = z
    (rows, columns), k = shape_of(a)[-2:], shape_of(s)[-1]
    u1, v1 = u[..., :k], mH(vh)[..., :k]
    p = product(mH(u1), t, v1)
    row, column = s[..., None, :], s[..., :, None]
    tied = _tied(s)
    f = _reciprocal((row - column) * (row + column), tied)
    left = np.matmul(u1, f * (p * row + column * mH(p)))
    right = np.matmul(v1, f * (column * p + mH(p) * row))
    size = constant(row)
    zero = size <= max(rows, columns) * np.finfo(size.dtype).eps * np.max(size, axis=-1, initial=0, keepdims=True)
    divisor = np.where(zero, 1.0, row)
    if rows > k:  # of the longer side a part is orthogonal to all vectors
        left = defined_unless(zero, left + (np.matmul(t, v1) - np.matmul(u1, p)) / divisor, _NULL, _VALUES)
    if columns > k:
        right = defined_unless(zero, right + (np.matmul(mH(t), u1) - np.matmul(v1, mH(p))) / divisor, _NULL, _VALUES)
    if is_complex(p):
        turn = 0.5j * np.imag(diagonals(p))[..., None, :] / divisor
        pairs = np.concatenate([left + u1 * turn, right - v1 * turn], axis=-2)
        pairs = of_any_phase(pairs, np.concatenate([u1, v1], axis=-2), "a pair of singular vectors (np.linalg.svd(A))")
        left, right = (
            defined_unless(zero, part, _NULL, _VALUES) for part in (pairs[..., :rows, :], pairs[..., rows:, :])
        )
    left = completed(defined_unless(_several(tied), left, _SINGULAR, _VALUES), u1, u[..., k:], _EXTRA, _REDUCED)
    right = completed(defined_unless(_several(tied), right, _SINGULAR, _VALUES), v1, mH(vh)[..., k:], _EXTRA, _REDUCED)
    return left, np.where(np.equal(s, 0), 0.0, _shared(np.real(diagonals(p)), s)), mH(right)


def completed(tangent: Any, vectors: Any, added: Any, what: str, instead: str) -> Any:
    """The tangent of an orthonormal basis that was completed to the whole space: only a single vector is unique."""
    extra = shape_of(added)[-1]
    if not extra:
        return tangent
    rest = of_any_phase(-np.matmul(vectors, np.matmul(mH(tangent), added)), added, what)
    return np.concatenate([tangent, defined_unless(extra > 1, rest, what, instead)], axis=-1)


def _svdvals_push(t: Any, z: Any, a: Any) -> Any:
    """dσᵢ = Re uᵢᴴ dA vᵢ; at zero 0, as |x| has it."""
    u, _, vh = bind(svd, (a,), {"full_matrices": False})
    values = np.sum(np.real(conj(u) * np.matmul(t, mH(vh))), axis=-2)
    return np.where(np.equal(z, 0), 0.0, _shared(values, z))


def _svd_shape(a: Aval, *, full_matrices: bool) -> tuple[Aval, Aval, Aval]:
    (*batch, m, n), dtype = a.shape, floating(a)
    k = min(m, n)
    rows, columns = (m, n) if full_matrices else (k, k)
    return Aval((*batch, m, rows), dtype), Aval((*batch, k), real_dtype(dtype)), Aval((*batch, columns, n), dtype)


svd = REGISTRY["svd"] = Primitive(
    "svd",
    lambda a, *, full_matrices: tuple(np.linalg.svd(a, full_matrices)),
    [Pushforward(_svd_push)],
    aval=_svd_shape,
    complex=True,
    outputs=3,
    batch=direct,
    notation=Notation("svd", "np.linalg.svd({0}, {params})", r"\operatorname{{svd}} {0:9}"),
)
svdvals = REGISTRY["svdvals"] = Primitive(
    "svdvals",
    lambda a: np.linalg.svd(a, compute_uv=False),
    [Pushforward(_svdvals_push)],
    aval=lambda a: Aval((*a.shape[:-2], min(a.shape[-2:])), real_dtype(floating(a))),
    complex=True,
    batch=direct,
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
    return _SVDResult(u, size, mH(u * sign[..., None, :]))


@implements(np.linalg.svdvals)
def svdvals_of(x: Any, /) -> Any:
    """np.linalg.svdvals."""
    return bind(svdvals, (x,), {})


_SVDResult = type(np.linalg.svd(np.eye(1)))
