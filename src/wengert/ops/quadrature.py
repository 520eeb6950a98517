"""Integrals of smooth functions, many at a time: what derivatives with respect to a parameter are made of.

**Source**: Davis and Rabinowitz, *Methods of Numerical Integration* (1984), §2.7 (Gauss), 2.9 (composite rules).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from math import factorial
from typing import Any

import numpy as np


def _gauss(n: int) -> tuple[Any, Any]:
    """The nodes and weights of Gauss's rule on (0, 1), in more digits than NumPy's, whose last two are rounded."""
    x: Any = np.polynomial.legendre.leggauss(n)[0].astype(np.longdouble)
    for _ in range(3):
        before: Any = np.ones_like(x)
        last: Any = x
        for k in range(2, n + 1):
            before, last = last, ((2 * k - 1) * x * last - (k - 1) * before) / k
        slope = n * (before - x * last) / (1 - x * x)
        x = x - last / slope
    return ((1 + x) / 2).astype(float), (1 / ((1 - x * x) * slope * slope)).astype(float)


NODES, WEIGHTS = _gauss(48)
PANEL = 12.0  # times the distance of the nearest singularity from the real line, about: 48 nodes give every digit
VALUES = 1 << 20  # how many values of an integrand are in memory at once


def elementwise_in_double(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function of flat float64 arrays as one of numbers and arrays of any shape; the dtype is NumPy's result type.

    Where an argument is NaN, so is the result.
    """

    @wraps(fn)
    def elementwise(*args: Any) -> Any:
        dtype = np.result_type(*(np.asarray(a).dtype if np.ndim(a) else a for a in args), np.float32(0))
        if all(isinstance(a, (int, float)) for a in args):
            dtype = np.dtype(float)
        columns = np.broadcast_arrays(*(np.asarray(a, float) for a in args))
        flat = [c.ravel() for c in columns]
        usable = ~np.isnan(sum(flat))
        result = np.full(usable.shape, np.nan)
        with np.errstate(all="ignore"):
            if usable.any():
                result[usable] = fn(*(c[usable] for c in flat))
            return result.reshape(columns[0].shape).astype(dtype)[()]

    return elementwise


def integrate(f: Callable[..., Any], inner: Any, total: Any, *args: Any, period: Any = PANEL) -> Any:
    """∫ f(v, *args) dv over 0 < v < total, for each element of the arrays `inner`, `total` and `args`.

    Up to `inner` in panels no longer than `period`; from there to `total`, where f is a plain exponential, in one.
    """
    inner = np.minimum(inner, total)
    panels = 2 ** np.ceil(np.log2(np.maximum(inner / period, 1)))
    result = np.zeros(np.shape(inner))
    for count in np.unique(panels):
        n = int(count)
        places = (np.arange(n)[:, None] + NODES).ravel() / n
        weights = np.tile(WEIGHTS, n) / n
        chosen = np.flatnonzero(panels == count)
        step = max(1, VALUES // len(places))
        for some in (chosen[i : i + step] for i in range(0, len(chosen), step)):
            column = [a[some, None] for a in args]
            length, rest = inner[some, None], (total - inner)[some, None]
            result[some] = (f(places * length, *column) * weights * length).sum(1)
            if np.any(rest > 0):
                result[some] += (f(length + NODES * rest, *column) * WEIGHTS * rest).sum(1)
    return result


def reach(exponent: Callable[[Any], Any], shape: Any, depth: float = 50.0) -> Any:
    """Where a convex exponent that begins at 0 has grown to `depth`, so that its e^−φ is negligible: by bisection."""
    low, high = np.full(shape, -60.0), np.full(shape, 60.0)  # logarithms
    for _ in range(16):
        middle = (low + high) / 2
        beyond = ~(exponent(np.exp(middle)) <= depth)  # what overflows is beyond
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return np.exp(high)


def exp_rest(v: Any) -> Any:
    """e^v − 1 − v without the subtraction where v is small."""
    inside = np.abs(v) < 0.5
    small = np.where(inside, v, 0.0)
    return np.where(inside, small * small * _series(small, range(16, 1, -1)), np.expm1(v) - v)


def sinh_rest(v: Any) -> Any:
    """The same of the hyperbolic sine: sinh v − v."""
    inside = np.abs(v) < 1
    small = np.where(inside, v, 0.0)
    square = small * small
    return np.where(inside, small * square * _series(square, range(19, 2, -2)), np.sinh(v) - v)


def _series(x: Any, factorials: Iterable[int]) -> Any:
    """Horner's rule with the coefficients 1/k!, of the highest power first."""
    total: Any = 0.0
    for k in factorials:
        total = total * x + 1 / factorial(k)
    return total
