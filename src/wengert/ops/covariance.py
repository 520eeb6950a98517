"""Covariances and correlations, and the products of vectors that NumPy has beside matmul."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, promote, shape_of
from wengert.core.dispatch import UFUNCS, implements
from wengert.core.tracer import concrete
from wengert.ops.operand import array, cast, inexact, normalize, scalar


def _variables(m: Any, y: Any, rowvar: bool, dtype: Any) -> Any:
    """Each variable a row."""
    rows = []
    for k, given in enumerate(g for g in (m, y) if g is not None):
        given = array(given)
        if len(shape_of(given)) > 2:
            raise ValueError(f"{'my'[k]} has more than 2 dimensions")
        upright = rowvar or (len(shape_of(given)) == 1 if k == 0 else shape_of(array(given, 2))[0] == 1)
        rows.append(array(given, 2) if upright else array(given, 2).T)
    dtype = dtype or np.result_type(promote(*map(aval_of, rows)), np.float64)
    rows = [cast(r, dtype) for r in rows]
    return np.concatenate(rows, 0) if len(rows) > 1 else rows[0]


def _frequencies(weights: Any, name: str, count: int) -> Any:
    weights = inexact(weights)
    if aval_of(weights).dtype.kind == "c":
        raise TypeError(f"{name} must be real")
    if len(shape_of(weights)) > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}")
    if shape_of(weights)[0] != count:
        raise RuntimeError(f"incompatible numbers of samples and {name}")
    if np.any(weights < 0):
        raise ValueError(f"{name} cannot be negative")
    return weights


@implements(np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """np.cov, also with respect to the weights aweights."""
    x = _variables(m, y, rowvar, dtype)
    ddof = (0 if bias else 1) if ddof is None else ddof
    if ddof != int(ddof):
        raise ValueError("ddof must be integer")
    if not shape_of(x)[0]:
        return np.zeros((0, 0))
    count = shape_of(x)[1]
    weights = None
    if fweights is not None:
        weights = _frequencies(fweights, "fweights", count)
        if not np.all(weights == np.round(weights)):
            raise TypeError("fweights must be integer")
    if aweights is not None:
        aweights = _frequencies(aweights, "aweights", count)
        weights = aweights if weights is None else weights * aweights
    average, total = np.average(x, axis=1, weights=weights, returned=True)
    total = total if np.ndim(total) == 0 else total[0]
    if weights is None:
        freedom = count - ddof
    elif ddof == 0:
        freedom = total
    else:
        freedom = total - ddof * (1.0 if aweights is None else np.sum(weights * aweights) / total)
    if concrete(freedom) <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=3)
        freedom = 0.0
    x = x - average[:, None]
    product = np.dot(x, np.conj((x if weights is None else x * weights).T))
    return np.squeeze(product * np.true_divide(1, freedom))


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """np.corrcoef."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not shape_of(c):
        return c / c
    deviation = np.sqrt(np.diag(c))
    return np.clip(c / deviation[:, None] / deviation[None, :], -1, 1)


# Products ----------------------------------------------------------------------------------------------------------


@implements(np.kron)
def kron(a: Any, b: Any) -> Any:
    """np.kron."""
    a, b = array(a), array(b)
    if not shape_of(a) or not shape_of(b):
        return np.multiply(a, b)
    ndim = max(len(shape_of(a)), len(shape_of(b)))
    a, b = array(a, ndim), array(b, ndim)
    left = np.reshape(a, [n for size in shape_of(a) for n in (size, 1)])
    right = np.reshape(b, [n for size in shape_of(b) for n in (1, size)])
    return np.reshape(left * right, [m * n for m, n in zip(shape_of(a), shape_of(b), strict=True)])


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    """np.cross, of vectors in three dimensions."""
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = array(a), array(b)
    a, b = np.moveaxis(a, normalize(axisa, a), -1), np.moveaxis(b, normalize(axisb, b), -1)
    if shape_of(a)[-1] != 3 or shape_of(b)[-1] != 3:
        raise ValueError("incompatible dimensions for cross product: vectors of 3 elements, where 2 are deprecated")
    product = np.stack([a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))], -1)
    return np.moveaxis(product, -1, axisc)


def _vecdot(a: Any, b: Any) -> Any:
    a, b = array(a), array(b)
    return scalar(np.matmul(np.conj(a)[..., None, :], b[..., :, None])[..., 0, 0])


def _matvec(a: Any, b: Any) -> Any:
    return np.matmul(a, array(b)[..., None])[..., 0]


def _vecmat(a: Any, b: Any) -> Any:
    return np.matmul(np.conj(array(a))[..., None, :], b)[..., 0, :]


UFUNCS[np.vecdot], UFUNCS[np.matvec], UFUNCS[np.vecmat] = _vecdot, _matvec, _vecmat
