"""NumPy's functions of polynomials, given by their coefficients from the highest power on."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from wengert.core.aval import Aval, shape_of
from wengert.core.dispatch import implements
from wengert.core.errors import MissingRuleError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Pushforward
from wengert.ops.operand import array, inexact
from wengert.ops.spectral import kind


def _trimmed(p: Any) -> Any:
    """Without leading zeros, as np.poly1d has it."""
    p = array(p, 1)
    start = 0
    while start < len(p) - 1 and p[start] == 0:
        start += 1
    return p[start:] if start else p


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """np.polyval, by Horner's scheme."""
    p, x = array(p), array(x)
    y = np.zeros(shape_of(x), x.dtype)
    for coefficient in p:
        y = y * x + coefficient
    return y


def _aligned(a1: Any, a2: Any) -> tuple[Any, Any]:
    a1, a2 = array(a1, 1), array(a2, 1)
    n = max(len(a1), len(a2))
    padded = [a if len(a) == n else np.concatenate([np.zeros(n - len(a), a.dtype), a]) for a in (a1, a2)]
    return padded[0], padded[1]


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """np.polyadd."""
    a1, a2 = _aligned(a1, a2)
    return a1 + a2


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """np.polysub."""
    a1, a2 = _aligned(a1, a2)
    return a1 - a2


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """np.polymul."""
    return np.convolve(_trimmed(a1), _trimmed(a2))


@implements(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    """np.polydiv: quotient and remainder, by long division."""
    rest, v = array(u, 1) + 0.0, array(v, 1) + 0.0
    m, n = len(rest) - 1, len(v) - 1
    quotient = []
    for k in range(max(m - n + 1, 0)):
        digit = 1.0 / v[0] * rest[k]
        quotient.append(digit)
        rest = np.concatenate([rest[:k], rest[k : k + n + 1] - digit * v, rest[k + n + 1 :]])
    while np.isclose(rest[0], 0, rtol=1e-14) and len(rest) > 1:
        rest = rest[1:]
    return (np.stack(quotient) if quotient else np.zeros(1, rest.dtype)), rest


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    """np.polyder."""
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = array(p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    """np.polyint."""
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    p = array(p)
    constants = np.zeros(m) if k is None else array(k, 1)
    if len(constants) == 1 and m > 1:
        constants = np.broadcast_to(constants, (m,))
    if len(constants) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for i in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), constants[i : i + 1]])
    return p


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """np.poly: the coefficients of the polynomial with these zeros."""
    zeros = array(seq_of_zeros, 1)
    if len(shape_of(zeros)) == 2:
        raise MissingRuleError(
            "np.poly of a matrix has no derivative rule",
            wrong="np.poly(A)",
            right="np.poly(np.linalg.eigvalsh(A))   for a symmetric matrix",
        )
    if not len(zeros):
        return 1.0
    result = np.ones(1, inexact(zeros).dtype)
    for i in range(len(zeros)):
        result = np.convolve(result, np.concatenate([np.ones(1, zeros.dtype), -zeros[i : i + 1]]))
    return result


def _roots_push(t: Any, z: Any, p: Any) -> Any:
    """p(r) = 0 stays true: dr = −dp(r)/p′(r), infinite at a double root."""
    n = len(p)
    return -np.matmul(np.vander(z, n), t) / np.matmul(np.vander(z, n - 1), p[:-1] * np.arange(n - 1, 0, -1))


def _batched_roots(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    """The eigenvalues of the companion matrices: complex ones if the first polynomial has complex roots."""
    (p,) = args
    n, m = shape_of(p)[0], shape_of(p)[1] - 1
    below = np.broadcast_to(np.eye(m - 1, m, dtype=p.dtype), (n, m - 1, m))
    companion = np.concatenate([(-p[:, 1:] / p[:, :1])[:, None, :], below], 1)
    return bind(REGISTRY["eigvals"], (companion,), kind(companion[:1]))


#: Of coefficients whose first and last are not zero; complex as soon as one root is.
roots = REGISTRY["roots"] = Primitive(
    "roots",
    np.roots,
    [Pushforward(_roots_push)],
    aval=lambda p: Aval((p.shape[0] - 1,), p.dtype),
    complex=True,
    batch=_batched_roots,
    notation=Notation("roots", "np.roots({0})", r"\operatorname{{roots}}\left({0}\right)"),
)


@implements(np.roots)
def roots_of(p: Any) -> Any:
    """np.roots."""
    p = array(p, 1)
    if len(shape_of(p)) != 1:
        raise ValueError("Input must be a rank-1 array.")
    found = np.nonzero(p)[0]
    if not len(found):
        return np.zeros(0)
    trailing = len(p) - int(found[-1]) - 1
    p = inexact(p)[int(found[0]) : int(found[-1]) + 1]
    if len(p) == 1:
        return np.zeros(trailing)
    values = bind(roots, (p,), {})
    return np.concatenate([values, np.zeros(trailing, values.dtype)]) if trailing else values


@implements(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """np.polyfit, by least squares, also with respect to the points and the weights."""
    order, x, y = int(deg) + 1, inexact(x), inexact(y)
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if len(shape_of(x)) != 1 or not len(x):
        raise TypeError("expected non-empty 1D vector for x")
    if len(shape_of(y)) not in (1, 2) or len(x) != len(y):
        raise TypeError("expected 1D or 2D array for y, of the same length as x")
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    lhs, rhs = np.vander(x, order), y
    if w is not None:
        w = inexact(w)
        if shape_of(w) != shape_of(x):
            raise TypeError("expected a 1-d array for weights, of the same length as y")
        lhs, rhs = lhs * w[:, None], rhs * (w[:, None] if len(shape_of(y)) == 2 else w)
    scale = np.sqrt(np.sum(lhs * lhs, axis=0))
    lhs = lhs / scale
    c, residuals, rank, s = np.linalg.lstsq(lhs, rhs, rcond)
    c = (c.T / scale).T
    if full:
        return c, residuals, rank, s, rcond
    if rank != order:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=3)
    if not cov:
        return c
    base = np.linalg.inv(np.dot(lhs.T, lhs)) / np.outer(scale, scale)
    if cov != "unscaled" and len(x) <= order:
        raise ValueError("the number of data points must exceed order to scale the covariance matrix")
    factor = 1 if cov == "unscaled" else residuals / (len(x) - order)
    return c, (base if len(shape_of(y)) == 1 else base[:, :, None]) * factor
