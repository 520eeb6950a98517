"""Matrices whose elements are those of vectors in some arrangement."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from wengert.core.aval import aval_of, shape_of
from wengert.ops.operand import array
from wengert.scipy.substitution import replaces


@replaces(scipy.linalg.block_diag)
def block_diag(*arrs: Any) -> Any:
    """The matrix with the given ones on its diagonal."""
    blocks = [array(a, 2) for a in arrs]
    width = sum(shape_of(b)[-1] for b in blocks)
    rows, before = [], 0
    for block in blocks:
        *stack, height, own = shape_of(block)
        dtype = aval_of(block).dtype
        left, right = np.zeros((*stack, height, before), dtype), np.zeros((*stack, height, width - before - own), dtype)
        rows.append(np.concatenate([left, block, right], -1))
        before += own
    return np.concatenate(rows, -2)


@replaces(scipy.linalg.toeplitz)
def toeplitz(c: Any, r: Any = None) -> Any:
    """Constant along each diagonal: the first column is c, the first row r, or the conjugate of c."""
    c = array(c, 1)
    r = np.conjugate(c) if r is None else array(r, 1)
    rows, columns = shape_of(c)[-1], shape_of(r)[-1]
    values = np.concatenate([np.flip(c, -1), r[..., 1:]], -1)
    return values[..., rows - 1 - np.arange(rows)[:, None] + np.arange(columns)]


@replaces(scipy.linalg.hankel)
def hankel(c: Any, r: Any = None) -> Any:
    """Constant along each antidiagonal: the first column is c, the last row r, or zeros."""
    c = array(c, 1)
    r = np.zeros(shape_of(c), aval_of(c).dtype) if r is None else array(r, 1)
    values = np.concatenate([c, r[..., 1:]], -1)
    return values[..., np.arange(shape_of(c)[-1])[:, None] + np.arange(shape_of(r)[-1])]


@replaces(scipy.linalg.circulant)
def circulant(c: Any) -> Any:
    """Each column is c, one further down than in the column before."""
    c = array(c, 1)
    n = shape_of(c)[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % n]


@replaces(scipy.linalg.companion)
def companion(a: Any) -> Any:
    """The matrix whose characteristic polynomial has the coefficients a."""
    a = array(a, 1)
    n = shape_of(a)[-1]
    if n < 2:
        raise ValueError("The length of `a` along the last axis must be at least 2.")
    top = -a[..., None, 1:] / a[..., None, :1]
    below = np.broadcast_to(np.eye(n - 2, n - 1, dtype=aval_of(top).dtype), (*shape_of(a)[:-1], n - 2, n - 1))
    return np.concatenate([top, below], -2)
