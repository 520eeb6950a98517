"""Triangular and orthogonal factors, and what is computed by them: pseudo-inverses and least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, is_complex, promote, shape_of
from wengert.core.batching import direct, spread
from wengert.core.dispatch import implements
from wengert.core.errors import ArgumentError, DegenerateError, MissingRuleError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Pushforward
from wengert.core.tracer import concrete
from wengert.ops.condition import ensure
from wengert.ops.linalg import conj, constant, floating, mH, mirrored, mT, product, real_dtype
from wengert.ops.spectral import completed

# Cholesky ------------------------------------------------------------------------------------------------------------


def _cholesky_push(t: Any, z: Any, a: Any, *, upper: bool) -> Any:
    """Of A = LLᴴ: dL = L Φ(L⁻¹ dA L⁻ᴴ), where Φ takes the lower triangle and half of the diagonal.

    **Source**: Murray, "Differentiation of the Cholesky decomposition" (2016), equation (10).
    """
    lower = mH(z) if upper else z
    half = np.linalg.solve(lower, mH(np.linalg.solve(lower, mirrored(t, upper))))
    n = shape_of(a)[-1]
    tangent = np.matmul(lower, (np.tri(n) - np.eye(n) / 2).astype(aval_of(z).dtype) * half)
    return mH(tangent) if upper else tangent


cholesky = REGISTRY["cholesky"] = Primitive(
    "cholesky",
    lambda a, *, upper: np.linalg.cholesky(a, upper=upper),
    [Pushforward(_cholesky_push)],
    aval=lambda a, *, upper: Aval(a.shape, floating(a)),
    complex=True,
    batch=direct,
    notation=Notation("chol", "np.linalg.cholesky({0}, {params})", r"\operatorname{{chol}} {0:9}"),
)


@implements(np.linalg.cholesky)
def cholesky_of(a: Any, /, *, upper: bool = False) -> Any:
    """np.linalg.cholesky, a function of the one triangle that it reads."""
    return bind(cholesky, (a,), {"upper": bool(upper)})


# QR ------------------------------------------------------------------------------------------------------------------


def _qr_push(t: Any, z: Any, a: Any, *, mode: str) -> Any:
    """With X = Qᴴ dA R⁻¹ and Ω = L − Lᴴ, L its strict lower triangle: dQ = QΩ + (I − QQᴴ) dA R⁻¹, dR = Qᴴ dA − ΩR.

    LAPACK's reflections make the diagonal of R real, so that of complex numbers Ω has the diagonal i·Im X besides.
    For more columns than rows, R⁻¹ is that of the first ones, which determine Q.
    **Source**: Walter & Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
    experimental design" (2010); Roberts & Roberts, "QR and LQ decomposition matrix backpropagation algorithms" (2020).
    """
    q, r = z
    (m, n), k = shape_of(a)[-2:], min(shape_of(a)[-2:])
    q1, r1 = q[..., :k], r[..., :k, :]
    size = np.abs(np.diagonal(constant(r1), axis1=-2, axis2=-1))
    top = np.max(size, axis=-1, initial=0, keepdims=True)
    r1 = ensure(
        r1, ~(size <= max(m, n) * np.finfo(size.dtype).eps * top), DegenerateError,
        "np.linalg.qr of a matrix whose leading columns are linearly dependent has no derivative",
        wrong="np.linalg.qr(A)",
        right="np.linalg.svdvals(A), np.linalg.pinv(A)",
    )  # fmt: skip
    scaled = mT(np.linalg.solve(mT(r1[..., :k]), mT(t[..., :k])))
    x = np.matmul(mH(q1), scaled)
    lower = np.tril(x, -1)
    rotation = lower - mH(lower)
    if is_complex(x):
        rotation = rotation + 1j * np.imag(x) * np.eye(k, dtype=real_dtype(x.dtype))
    tangent_q = np.matmul(q1, rotation - x) + scaled
    tangent_r = np.matmul(mH(q1), t) - np.matmul(rotation, r1)
    tangent_r = np.triu(tangent_r)  # what is left below the diagonal is rounding
    if mode == "complete" and m > k:
        what, instead = "the columns that mode='complete' adds (np.linalg.qr(A, 'complete'))", "np.linalg.qr(A)"
        tangent_q = completed(tangent_q, q1, q[..., k:], what, instead)
        zeros = np.zeros((*shape_of(a)[:-2], m - k, n), aval_of(r).dtype)
        tangent_r = np.concatenate([tangent_r, zeros], axis=-2)
    return tangent_q, tangent_r


def _qr_shape(a: Aval, *, mode: str) -> tuple[Aval, Aval]:
    (*batch, m, n), dtype = a.shape, floating(a)
    k = m if mode == "complete" else min(m, n)
    return Aval((*batch, m, k), dtype), Aval((*batch, k, n), dtype)


qr = REGISTRY["qr"] = Primitive(
    "qr",
    lambda a, *, mode: tuple(np.linalg.qr(a, mode)),
    [Pushforward(_qr_push)],
    aval=_qr_shape,
    outputs=2,
    complex=True,
    batch=direct,
    notation=Notation("qr", "np.linalg.qr({0}, {params})", r"\operatorname{{qr}} {0:9}"),
)


@implements(np.linalg.qr)
def qr_of(a: Any, mode: str = "reduced") -> Any:
    """np.linalg.qr."""
    if mode not in ("reduced", "complete", "r"):
        raise MissingRuleError(
            f"np.linalg.qr with mode={mode!r} has no derivative rule",
            wrong=f"np.linalg.qr(A, {mode!r})",
            right="np.linalg.qr(A)",
        )
    q, r = bind(qr, (a,), {"mode": "complete" if mode == "complete" else "reduced"})
    return r if mode == "r" else _QRResult(q, r)


_QRResult = type(np.linalg.qr(np.eye(1)))

# Pseudo-inverse and least squares ------------------------------------------------------------------------------------


def _cuts_only_noise(a: Any, relative: Any) -> Any:
    """A cut-off that removes more than rounding errors makes another function, whose derivative these rules are not."""
    s = np.linalg.svd(constant(a), compute_uv=False)
    noise = 100 * max(shape_of(a)[-2:]) * np.finfo(s.dtype).eps
    top = np.max(s, axis=-1, initial=0, keepdims=True)
    return ensure(
        a, ~((s <= np.asarray(relative)[..., None] * top) & (s > noise * top)), DegenerateError,
        "the cut-off rcond removes singular values that are more than rounding errors",
        wrong="np.linalg.pinv(A, rcond=0.1)",
        right="u, s, vh = np.linalg.svd(A, full_matrices=False); "
        "vh.conj().T @ (np.where(s > 0.1 * s[0], 1 / s, 0)[:, None] * u.conj().T)",
    )  # fmt: skip


def _pinv_push(t: Any, z: Any, a: Any, *, rcond: Any, hermitian: bool) -> Any:
    """dA⁺ = −A⁺ dA A⁺ + A⁺A⁺ᴴ dAᴴ (I − AA⁺) + (I − A⁺A) dAᴴ A⁺ᴴA⁺, for changes that keep the rank.

    **Source**: Golub & Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
    variables separate" (1973), equation (4.12).
    """
    a = _cuts_only_noise(a, rcond)
    if hermitian:  # only the lower triangle is read
        t, a = mirrored(t), mirrored(a)
    left = product(z, mH(z), mH(t))
    right = product(mH(t), mH(z), z)
    return -product(z, t, z) + left - product(left, a, z) + right - product(z, a, right)


pinv = REGISTRY["pinv"] = Primitive(
    "pinv",
    lambda a, *, rcond, hermitian: np.linalg.pinv(a, rcond, hermitian),
    [Pushforward(_pinv_push)],
    aval=lambda a, **params: Aval((*a.shape[:-2], *a.shape[-2:][::-1]), floating(a)),
    complex=True,
    batch=direct,
    notation=Notation("A⁺", "np.linalg.pinv({0}, {params})", r"{0:9}^{{+}}"),
)


@implements(np.linalg.pinv)
def pinv_of(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """np.linalg.pinv; its derivative is that along changes of the matrix that keep its rank."""
    if rtol is not np._NoValue:
        rcond = max(shape_of(a)[-2:]) * np.finfo(a.dtype).eps if rtol is None else rtol
    return bind(pinv, (a,), {"rcond": 1e-15 if rcond is None else concrete(rcond), "hermitian": bool(hermitian)})


def _lstsq_push_a(t: Any, z: Any, a: Any, b: Any, *, rcond: float) -> Any:
    """With r = b − Ax: dx = A⁺(A⁺ᴴ dAᴴ r − dA x) + (I − A⁺A) dAᴴ A⁺ᴴ x, as of A⁺b; d‖r‖² = −2 Re rᴴ dA x."""
    a = _cuts_only_noise(a, rcond)
    x, residuals, _ = z
    inverse, rest, moved = np.linalg.pinv(a, rcond), b - np.matmul(a, x), np.matmul(t, x)
    bent = product(mH(t), mH(inverse), x)
    tangent = np.matmul(inverse, product(mH(inverse), mH(t), rest) - moved - np.matmul(a, bent)) + bent
    return tangent, np.sum(np.real(-2 * conj(rest) * moved), axis=0) if shape_of(residuals)[0] else None, None


def _lstsq_push_b(t: Any, z: Any, a: Any, b: Any, *, rcond: float) -> Any:
    """With r = b − Ax: dx = A⁺ db, d‖r‖² = 2 Re rᴴ db."""
    x, residuals, _ = z
    rest = b - np.matmul(a, x)
    squares = np.sum(np.real(2 * conj(rest) * t), axis=0) if shape_of(residuals)[0] else None
    return np.matmul(np.linalg.pinv(a, rcond), t), squares, None


def _batched_lstsq(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    """By the pseudo-inverse, which has the same cut-off; with one matrix for all, their right-hand sides are columns."""
    (a, b), rcond = args, params["rcond"]
    n, (rows, columns), k = shape_of(a if on[0] else b)[0], shape_of(a)[-2:], shape_of(b)[-1]
    b = spread(b, on[1], n)
    if on[0]:
        x, rank = np.linalg.pinv(a, rcond) @ b, np.linalg.matrix_rank(a, rtol=rcond)
    else:
        x, _, rank = bind(primitive, (a, np.reshape(np.moveaxis(b, 0, 1), (rows, n * k))), params)
        x, rank = np.moveaxis(np.reshape(x, (columns, n, k)), 1, 0), np.broadcast_to(rank, n)
    if rows <= columns:
        return x, np.zeros((n, 0)), rank
    x = ensure(
        x, rank == columns, ArgumentError,
        "a matrix has not full rank, and then np.linalg.lstsq returns no residuals for it",
        wrong="wg.vmap(lambda a, b: np.linalg.lstsq(a, b)[0])(A, B)",
        right="wg.vmap(lambda a, b: np.linalg.pinv(a) @ b)(A, B)",
    )  # fmt: skip
    rest = b - np.matmul(a, x)
    return x, np.sum(np.real(conj(rest) * rest), axis=-2), rank


lstsq = REGISTRY["lstsq"] = Primitive(
    "lstsq",
    lambda a, b, *, rcond: np.linalg.lstsq(a, b, rcond)[:3],
    [Pushforward(_lstsq_push_a), Pushforward(_lstsq_push_b)],
    aval=lambda a, b, *, rcond: (
        Aval((a.shape[1], b.shape[1]), promote(a, b)), Aval((-1,), real_dtype(promote(a, b))),
        Aval((), np.dtype(np.int32))),
    outputs=3,
    complex=True,
    batch=_batched_lstsq,
    notation=Notation("lstsq", "np.linalg.lstsq({0}, {1}, {params})[:3]", r"{0:9}^{{+}}{1:5}"),
)  # fmt: skip


@implements(np.linalg.lstsq)
def lstsq_of(a: Any, b: Any, rcond: Any = None) -> Any:
    """np.linalg.lstsq: the solution of least norm, the residuals, the rank, the singular values."""
    vector = len(shape_of(b)) == 1
    eps = float(np.finfo(np.result_type(aval_of(a).dtype, aval_of(b).dtype, np.float32)).eps)
    cutoff = eps * max(shape_of(a)) if rcond is None else eps if rcond == -1 else float(rcond)
    x, residuals, rank = bind(lstsq, (a, b[:, None] if vector else b), {"rcond": cutoff})
    return (x[:, 0] if vector else x), residuals, rank, np.linalg.svdvals(a)
