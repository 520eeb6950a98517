"""Products of matrices and tensors, linear systems, determinants, norms."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval, is_complex, promote, shape_of
from wengert.core.batching import direct, product_of_matrices, system
from wengert.core.chain import unbroadcast
from wengert.core.dispatch import UFUNCS, implements
from wengert.core.errors import DegenerateError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear, Pushforward
from wengert.ops.condition import ensure
from wengert.ops.operand import array, scalar


def mT(a: Any) -> Any:
    """The transposed matrices."""
    return np.swapaxes(a, -1, -2)


def conj(a: Any) -> Any:
    """The complex conjugate; of real numbers they themselves, without a step."""
    return np.conjugate(a) if is_complex(a) else a


def mH(a: Any) -> Any:
    """The conjugate transposed matrices."""
    return conj(mT(a))


def constant(a: Any) -> Any:
    """The numbers alone, for a decision; they are followed only so that a recording knows what was decided."""
    return bind(REGISTRY["stop_gradient"], (a,), {})


def product(first: Any, *others: Any) -> Any:
    """The product of several matrices, from left to right."""
    for other in others:
        first = np.matmul(first, other)
    return first


def diagonals(a: Any) -> Any:
    """The diagonals of matrices."""
    return np.diagonal(a, axis1=-2, axis2=-1)


def mirrored(t: Any, upper: bool = False) -> Any:
    """The symmetric matrix that is given by one triangle, the only one that LAPACK reads.

    Of complex numbers the Hermitian one; the imaginary part of the diagonal is not read.
    """
    strict = np.triu(t, 1) if upper else np.tril(t, -1)
    if is_complex(t):
        return strict + mH(strict) + np.real(t) * np.eye(shape_of(t)[-1], dtype=real_dtype(t.dtype))
    return (np.triu(t) if upper else np.tril(t)) + mT(strict)


def floating(a: Aval) -> np.dtype[Any]:
    """The dtype in which np.linalg works."""
    return a.dtype if a.dtype.kind in "fc" else np.dtype(float)


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the absolute values of such numbers."""
    return np.empty((), dtype).real.dtype


def _matmul_shape(x: Aval, y: Aval) -> Aval:
    rows = x.shape[-2:-1] if len(x.shape) > 1 else ()
    columns = y.shape[-1:] if len(y.shape) > 1 else ()
    return Aval((*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), *rows, *columns), promote(x, y))


def _matmul_left(ct: Any, x: Any, y: Any) -> Any:
    """x̄ of z = x·y."""
    if len(y.shape) == 1:
        return np.multiply(ct[..., None], y) if len(x.shape) > 1 else ct * y
    if len(x.shape) == 1:
        return unbroadcast(np.matmul(y, ct[..., None])[..., 0], x.shape)
    if len(y.shape) == 2 and len(x.shape) > 2:  # one large product instead of many small ones
        return np.reshape(np.matmul(np.reshape(ct, (-1, y.shape[1])), y.T), x.shape)
    return unbroadcast(np.matmul(ct, mT(y)), x.shape)


def _matmul_right(ct: Any, x: Any, y: Any) -> Any:
    """ȳ of z = x·y."""
    if len(x.shape) == 1:
        return np.multiply(x[:, None], ct[..., None, :]) if len(y.shape) > 1 else x * ct
    if len(y.shape) == 1:
        return unbroadcast(np.matmul(mT(x), ct[..., None])[..., 0], y.shape)
    if len(y.shape) == 2 and len(x.shape) > 2:
        return np.matmul(np.reshape(x, (-1, y.shape[0])).T, np.reshape(ct, (-1, y.shape[1])))
    return unbroadcast(np.matmul(mT(x), ct), y.shape)


matmul = UFUNCS[np.matmul] = REGISTRY["matmul"] = Primitive(
    "matmul",
    np.matmul,
    [Linear(_matmul_left), Linear(_matmul_right)],
    aval=_matmul_shape,
    complex=True,
    batch=product_of_matrices,
    notation=Notation("@", "{0:5} @ {1:6}", r"{0:5}\,{1:6}", 5),
)


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """np.dot."""
    na, nb = len(shape_of(a)), len(shape_of(b))
    if na == 0 or nb == 0:
        return np.multiply(array(a), array(b))
    return np.matmul(a, b) if nb <= 2 else np.tensordot(a, b, (na - 1, nb - 2))


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """np.vdot."""
    return np.matmul(np.conjugate(np.reshape(a, -1)), np.reshape(b, -1))


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """np.inner."""
    na, nb = len(shape_of(a)), len(shape_of(b))
    return np.multiply(array(a), array(b)) if na == 0 or nb == 0 else np.tensordot(a, b, (na - 1, nb - 1))


@implements(np.outer, np.linalg.outer)
def outer(a: Any, b: Any, out: Any = None) -> Any:
    """np.outer."""
    return np.multiply(np.reshape(a, (-1, 1)), np.reshape(b, (1, -1)))


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """np.tensordot, as one product of matrices."""
    na, nb = len(shape_of(a)), len(shape_of(b))
    left: list[Any]
    right: list[Any]
    if isinstance(axes, (int, np.integer)):
        left, right = list(range(na - axes, na)), list(range(axes))
    else:
        left, right = ([i] if isinstance(i, (int, np.integer)) else list(i) for i in axes)
    left, right = [i % na for i in left], [i % nb for i in right]
    if [shape_of(a)[i] for i in left] != [shape_of(b)[i] for i in right]:
        raise ValueError("shape-mismatch for sum")
    rows, columns = [i for i in range(na) if i not in left], [i for i in range(nb) if i not in right]
    shape = (*(shape_of(a)[i] for i in rows), *(shape_of(b)[i] for i in columns))
    k = int(np.prod([shape_of(a)[i] for i in left]))
    m = int(np.prod([shape_of(a)[i] for i in rows]))
    n = int(np.prod([shape_of(b)[i] for i in columns]))
    x = np.reshape(np.transpose(a, [*rows, *left]), (m, k))
    y = np.reshape(np.transpose(b, [*right, *columns]), (k, n))
    return np.reshape(np.matmul(x, y), shape)


@implements(np.linalg.matmul)
def matmul_of(x1: Any, x2: Any, /) -> Any:
    """np.linalg.matmul."""
    return np.matmul(x1, x2)


@implements(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """np.linalg.vecdot."""
    if axis != -1:
        x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    return scalar(np.matmul(np.conjugate(x1)[..., None, :], x2[..., :, None])[..., 0, 0])


@implements(np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """np.linalg.matrix_transpose."""
    return mT(x)


@implements(np.linalg.diagonal)
def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """np.linalg.diagonal."""
    return np.diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """np.linalg.trace."""
    return np.trace(x, offset, -2, -1, dtype)


@implements(np.linalg.cross)
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """np.linalg.cross, of vectors of length three."""
    if shape_of(x1)[axis] != 3 or shape_of(x2)[axis] != 3:
        raise ValueError("np.linalg.cross takes vectors of length 3")
    x, y = ([np.take(v, i, axis) for i in range(3)] for v in (x1, x2))
    parts = [x[i] * y[j] - x[j] * y[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return np.stack(parts, axis)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    """np.linalg.multi_dot: the order of least cost, by dynamic programming over the sizes."""
    factors = list(arrays)
    if len(factors) < 2:
        raise ValueError("np.linalg.multi_dot takes at least two arrays")
    first, last = len(shape_of(factors[0])) == 1, len(shape_of(factors[-1])) == 1
    if first:
        factors[0] = factors[0][None, :]
    if last:
        factors[-1] = factors[-1][:, None]
    sizes = [shape_of(f)[0] for f in factors] + [shape_of(factors[-1])[1]]
    best: dict[tuple[int, int], tuple[int, Any]] = {(i, i + 1): (0, i) for i in range(len(factors))}
    for width in range(2, len(factors) + 1):
        for i in range(len(factors) - width + 1):
            k = i + width
            costs = [(best[i, j][0] + best[j, k][0] + sizes[i] * sizes[j] * sizes[k], j) for j in range(i + 1, k)]
            best[i, k] = min(costs)

    def chain(i: int, k: int) -> Any:
        return factors[i] if k == i + 1 else np.matmul(chain(i, best[i, k][1]), chain(best[i, k][1], k))

    result = chain(0, len(factors))
    shape = (*(() if first else shape_of(result)[:1]), *(() if last else shape_of(result)[1:]))
    return scalar(np.reshape(result, shape))


# Linear systems ----------------------------------------------------------------------------------------------------


def _solve_shape(a: Aval, b: Aval) -> Aval:
    return Aval((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]), promote(a, b))


solve = REGISTRY["solve"] = Primitive(
    "solve",
    np.linalg.solve,
    [
        Pushforward(lambda t, z, a, b: -np.linalg.solve(a, np.matmul(t, z))),
        Linear(lambda ct, a, b: unbroadcast(np.linalg.solve(mT(a), ct), b.shape)),
    ],
    aval=_solve_shape,
    complex=True,
    batch=system,
    notation=Notation("solve", "np.linalg.solve({0}, {1})", r"{0:9}^{{-1}}{1:5}"),
)
solve.undo = 1, lambda z, a: np.matmul(a, z)
inv = REGISTRY["inv"] = Primitive(
    "inv",
    np.linalg.inv,
    [Pushforward(lambda t, z, a: -np.matmul(z, np.matmul(t, z)))],
    aval=lambda a: Aval(a.shape, floating(a)),
    complex=True,
    batch=direct,
    notation=Notation("inv", "np.linalg.inv({0})", r"{0:9}^{{-1}}"),
)


@implements(np.linalg.solve)
def solve_of(a: Any, b: Any) -> Any:
    """np.linalg.solve."""
    if len(shape_of(b)) == 1:
        return bind(solve, (a, b[:, None]), {})[..., 0]
    return bind(solve, (a, b), {})


@implements(np.linalg.inv)
def inv_of(a: Any) -> Any:
    """np.linalg.inv."""
    return bind(inv, (a,), {})


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    """np.linalg.tensorsolve."""
    ndim, shape = len(shape_of(a)), shape_of(b)
    if axes is not None:
        order = [i for i in range(ndim) if i not in axes]
        a = np.transpose(a, [*order, *axes])
    size = int(np.prod(shape))
    solution = np.linalg.solve(np.reshape(a, (size, -1)), np.reshape(b, -1))
    return np.reshape(solution, shape_of(a)[len(shape) :])


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Any:
    """np.linalg.tensorinv."""
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = shape_of(a)
    return np.reshape(np.linalg.inv(np.reshape(a, (int(np.prod(shape[ind:])), -1))), shape[ind:] + shape[:ind])


def _adjugate(a: Any) -> Any:
    """The transposed cofactors by singular values, right for matrices of any rank: adj A = |U||Vᴴ| V diag(Πⱼ≠ᵢ σⱼ) Uᴴ."""
    u, s, vt = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, i, axis=-1), axis=-1) for i in range(n)], axis=-1) if n else s
    sign = np.linalg.det(u) * np.linalg.det(vt)
    return np.matmul(mH(vt) * others[..., None, :], mH(u)) * sign[..., None, None]


def _adjugate_push(t: Any, z: Any, a: Any) -> Any:
    """Where A has an inverse: d adj A = (tr(A⁻¹ dA) I − A⁻¹ dA) adj A."""
    s = np.linalg.svd(constant(a), compute_uv=False)
    a = ensure(
        a, s[..., -1:] > s[..., :1] * s.shape[-1] * np.finfo(s.dtype).eps, DegenerateError,
        "second derivatives of np.linalg.det at a singular matrix are not available by this formula",
        wrong="np.linalg.det(A)",
        right="the determinant written out in its elements",
    )  # fmt: skip
    x = np.linalg.solve(a, t)
    return np.matmul(np.trace(x, axis1=-2, axis2=-1)[..., None, None] * np.eye(shape_of(a)[-1], dtype=x.dtype) - x, z)


adjugate = REGISTRY["adjugate"] = Primitive(
    "adjugate",
    _adjugate,
    [Pushforward(_adjugate_push)],
    aval=lambda a: Aval(a.shape, floating(a)),
    complex=True,
    batch=direct,
    notation=Notation("adj", "adjugate({0})", r"\operatorname{{adj}}\left({0}\right)"),
)
det = REGISTRY["det"] = Primitive(
    "det",
    np.linalg.det,
    [Pushforward(lambda t, z, a: np.sum(mT(bind(adjugate, (a,), {})) * t, axis=(-2, -1)))],
    aval=lambda a: Aval(a.shape[:-2], floating(a)),
    complex=True,
    batch=direct,
    notation=Notation("det", "np.linalg.det({0})", r"\det {0:9}"),
)


def _slogdet_push(t: Any, z: Any, a: Any) -> Any:
    """With x = tr(A⁻¹ dA): d ln|det A| = Re x; of complex numbers the sign, det A/|det A|, turns by i·Im x·sign."""
    x = np.sum(mT(np.linalg.inv(a)) * t, axis=(-2, -1))
    return (1j * np.imag(x) * z[0] if is_complex(z[0]) else None), np.real(x)


slogdet = REGISTRY["slogdet"] = Primitive(
    "slogdet",
    lambda a: tuple(np.linalg.slogdet(a)),
    [Pushforward(_slogdet_push)],
    aval=lambda a: (Aval(a.shape[:-2], floating(a)), Aval(a.shape[:-2], real_dtype(floating(a)))),
    outputs=2,
    complex=True,
    batch=direct,
    notation=Notation("slogdet", "np.linalg.slogdet({0})", r"\ln\left|\det {0:9}\right|"),
)


@implements(np.linalg.det)
def det_of(a: Any) -> Any:
    """np.linalg.det; its derivative is the adjugate, which exists for singular matrices too."""
    return bind(det, (a,), {})


@implements(np.linalg.slogdet)
def slogdet_of(a: Any) -> Any:
    """np.linalg.slogdet, as NumPy's named pair."""
    sign, logabsdet = bind(slogdet, (a,), {})
    return _SlogdetResult(sign, logabsdet)


_SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Any:
    """np.linalg.matrix_power, by repeated squaring."""
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 0:
        return np.broadcast_to(np.eye(shape_of(a)[-1], dtype=a.dtype), shape_of(a)).copy()
    if n == 3:
        return np.matmul(np.matmul(a, a), a)
    result, square = None, a
    while True:
        n, odd = divmod(n, 2)
        if odd:
            result = square if result is None else np.matmul(result, square)
        if not n:
            return result
        square = np.matmul(square, square)
