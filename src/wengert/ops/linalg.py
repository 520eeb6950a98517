"""Products of matrices and tensors, linear systems, determinants, norms."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval, promote, shape_of
from wengert.core.chain import unbroadcast
from wengert.core.dispatch import UFUNCS, implements
from wengert.core.errors import DegenerateError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear, Pushforward
from wengert.core.tracer import concrete


def _t(a: Any) -> Any:
    return np.swapaxes(a, -1, -2)


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
    return unbroadcast(np.matmul(ct, _t(y)), x.shape)


def _matmul_right(ct: Any, x: Any, y: Any) -> Any:
    """ȳ of z = x·y."""
    if len(x.shape) == 1:
        return np.multiply(x[:, None], ct[..., None, :]) if len(y.shape) > 1 else x * ct
    if len(y.shape) == 1:
        return unbroadcast(np.matmul(_t(x), ct[..., None])[..., 0], y.shape)
    if len(y.shape) == 2 and len(x.shape) > 2:
        return np.matmul(np.reshape(x, (-1, y.shape[0])).T, np.reshape(ct, (-1, y.shape[1])))
    return unbroadcast(np.matmul(_t(x), ct), y.shape)


matmul = UFUNCS[np.matmul] = REGISTRY["matmul"] = Primitive(
    "matmul",
    np.matmul,
    [Linear(_matmul_left), Linear(_matmul_right)],
    aval=_matmul_shape,
    notation=Notation("@", "{0:5} @ {1:6}", r"{0:5}\,{1:6}", 5),
)


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """np.dot."""
    na, nb = len(shape_of(a)), len(shape_of(b))
    if na == 0 or nb == 0:
        return np.multiply(a, b)
    return np.matmul(a, b) if nb <= 2 else np.tensordot(a, b, (na - 1, nb - 2))


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Any:
    """np.vdot."""
    return np.matmul(np.reshape(a, -1), np.reshape(b, -1))


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Any:
    """np.inner."""
    na, nb = len(shape_of(a)), len(shape_of(b))
    return np.multiply(a, b) if na == 0 or nb == 0 else np.tensordot(a, b, (na - 1, nb - 1))


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


# Linear systems ----------------------------------------------------------------------------------------------------


def _solve_shape(a: Aval, b: Aval) -> Aval:
    return Aval((*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]), promote(a, b))


solve = REGISTRY["solve"] = Primitive(
    "solve",
    np.linalg.solve,
    [
        Pushforward(lambda t, z, a, b: -np.linalg.solve(a, np.matmul(t, z))),
        Linear(lambda ct, a, b: unbroadcast(np.linalg.solve(_t(a), ct), b.shape)),
    ],
    aval=_solve_shape,
    notation=Notation("solve", "np.linalg.solve({0}, {1})", r"{0:9}^{{-1}}{1:5}"),
)
inv = REGISTRY["inv"] = Primitive(
    "inv",
    np.linalg.inv,
    [Pushforward(lambda t, z, a: -np.matmul(z, np.matmul(t, z)))],
    aval=lambda a: Aval(a.shape, a.dtype),
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


def _adjugate(a: Any) -> Any:
    """The transposed cofactors by singular values, right for matrices of any rank: adj A = |U||V| V diag(Πⱼ≠ᵢ σⱼ) Uᵀ."""
    u, s, vt = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.stack([np.prod(np.delete(s, i, axis=-1), axis=-1) for i in range(n)], axis=-1) if n else s
    sign = np.linalg.det(u) * np.linalg.det(vt)
    return np.matmul(_t(vt) * others[..., None, :], _t(u)) * sign[..., None, None]


def _adjugate_push(t: Any, z: Any, a: Any) -> Any:
    """Where A has an inverse: d adj A = (tr(A⁻¹ dA) I − A⁻¹ dA) adj A."""
    s = np.linalg.svd(concrete(a), compute_uv=False)
    if s.size and np.any(s[..., -1] <= s[..., 0] * s.shape[-1] * np.finfo(s.dtype).eps):
        raise DegenerateError(
            "second derivatives of np.linalg.det at a singular matrix are not available by this formula",
            wrong="np.linalg.det(A)",
            right="the determinant written out in its elements",
        )
    x = np.linalg.solve(a, t)
    return np.matmul(np.trace(x, axis1=-2, axis2=-1)[..., None, None] * np.eye(shape_of(a)[-1]) - x, z)


adjugate = REGISTRY["adjugate"] = Primitive(
    "adjugate",
    _adjugate,
    [Pushforward(_adjugate_push)],
    aval=lambda a: Aval(a.shape, a.dtype),
    notation=Notation("adj", "adjugate({0})", r"\operatorname{{adj}}\left({0}\right)"),
)
det = REGISTRY["det"] = Primitive(
    "det",
    np.linalg.det,
    [Pushforward(lambda t, z, a: np.sum(_t(bind(adjugate, (a,), {})) * t, axis=(-2, -1)))],
    aval=lambda a: Aval(a.shape[:-2], a.dtype),
    notation=Notation("det", "np.linalg.det({0})", r"\det {0:9}"),
)
slogdet = REGISTRY["slogdet"] = Primitive(
    "slogdet",
    lambda a: tuple(np.linalg.slogdet(a)),
    [Pushforward(lambda t, z, a: (None, np.sum(_t(np.linalg.inv(a)) * t, axis=(-2, -1))))],
    aval=lambda a: (Aval(a.shape[:-2], a.dtype), Aval(a.shape[:-2], a.dtype)),
    outputs=2,
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
