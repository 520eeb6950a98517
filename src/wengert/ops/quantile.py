"""Order statistics: medians, quantiles, percentiles, partitions. All of them pick elements by their rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.batching import along_axis
from wengert.core.dispatch import implements
from wengert.core.primitive import bind
from wengert.core.tracer import Tracer
from wengert.ops.comparison import constant_function
from wengert.ops.holes import warn_if
from wengert.ops.operand import array, cast, flag, inexact, no_out, real, scalar
from wengert.ops.reduction import normalize_axes
from wengert.ops.special import stop_gradient

argpartition = constant_function(np.argpartition, np.intp, lambda x, **params: x.shape, along_axis)


@implements(np.argpartition)
def argpartition_of(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """np.argpartition."""
    return bind(argpartition, (a,), {"kth": kth, "axis": axis, "kind": kind})


@implements(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    """np.partition."""
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    return np.take_along_axis(a, argpartition_of(a, kth, axis, kind), axis)


def _columns(a: Any, axis: Any) -> Any:
    """The axes to be reduced as one, in front of the others."""
    axes = normalize_axes(axis, len(shape_of(a)))
    rest = [i for i in range(len(shape_of(a))) if i not in axes]
    moved = np.transpose(a, [*axes, *rest])
    size = int(np.prod([shape_of(a)[i] for i in axes]))
    return np.reshape(moved, (size, *shape_of(moved)[len(axes) :]))


def _restored(result: Any, a: Any, axis: Any, keepdims: Any, lead: int = 0) -> Any:
    """The result with its reduced axes back, of length 1; `lead` axes of its own come first."""
    if not flag(keepdims):
        return scalar(result)
    return np.expand_dims(result, tuple(lead + i for i in normalize_axes(axis, len(shape_of(a)))))


def _at(s: Any, ranks: Any) -> Any:
    """The elements of the sorted columns at some ranks, which are the same for all columns or differ."""
    if all(n == 1 for n in shape_of(ranks)[1:]):
        return s[np.reshape(ranks, -1)]
    return np.take_along_axis(s, ranks, 0)


# Medians -----------------------------------------------------------------------------------------------------------


@implements(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """np.median: the middle element, or the mean of the two; among equal elements the one that stands first."""
    no_out("median", out)
    s = np.sort(_columns(a, axis), axis=0)
    n = shape_of(s)[0]
    result = np.mean(s[n // 2 - 1 : n // 2 + 1] if n % 2 == 0 and n else s[n // 2 : n // 2 + 1], axis=0)
    if n and aval_of(s).dtype.kind in "fc":
        result = np.where(np.isnan(s[-1]), np.nan * s[-1], result)
    return _restored(result, a, axis, keepdims)


@implements(np.nanmedian)
def nanmedian(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = np._NoValue
) -> Any:
    """np.nanmedian."""
    no_out("nanmedian", out)
    columns = _columns(a, axis)
    if not shape_of(columns)[0]:
        return np.nanmean(a, axis, keepdims=flag(keepdims))
    s = np.sort(columns, axis=0)
    n = np.sum(~np.isnan(s), axis=0, keepdims=True)
    low, high = np.take_along_axis(s, np.maximum(n - 1, 0) // 2, 0)[0], np.take_along_axis(s, n // 2 * (n > 0), 0)[0]
    warn_if(n == 0, "All-NaN slice encountered")
    return _restored(np.where(n[0] % 2 == 1, low, (low + high) / 2), a, axis, keepdims)


# Quantiles ---------------------------------------------------------------------------------------------------------


def _plotting(alpha: float, beta: float) -> Callable[[Any, Any], Any]:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _whole(x: Any) -> Any:
    return x.astype(np.intp)


def _inverted_cdf(v: Any, stay: Callable[[Any], Any]) -> Any:
    """The next whole rank, or the one before it where `stay` says so."""
    low = np.floor(v)
    return _whole(np.maximum(np.where((v == low) & stay(low), low, low + 1), 0))


#: The rank at which a quantile lies, from the number of elements and q; whole ranks need no interpolation.
_RANKS: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda n, q: (n - 1) * q,
    "hazen": _plotting(0.5, 0.5),
    "weibull": _plotting(0.0, 0.0),
    "median_unbiased": _plotting(1 / 3.0, 1 / 3.0),
    "normal_unbiased": _plotting(3 / 8.0, 3 / 8.0),
    "interpolated_inverted_cdf": _plotting(0.0, 1.0),
    "averaged_inverted_cdf": lambda n, q: n * q - 1.0,
    "midpoint": lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
    "lower": lambda n, q: _whole(np.floor((n - 1) * q)),
    "higher": lambda n, q: _whole(np.ceil((n - 1) * q)),
    "nearest": lambda n, q: _whole(np.round((n - 1) * q)),
    "inverted_cdf": lambda n, q: _inverted_cdf(n * q - 1, lambda low: True),
    "closest_observation": lambda n, q: _inverted_cdf(n * q - 1 - 0.5, lambda low: low % 2 == 1),
}
#: What takes the place of the fractional part of the rank.
_SHARES: dict[str, Callable[[Any], Any]] = {
    "averaged_inverted_cdf": lambda share: np.where(share == 0, 0.5, 1.0),
    "midpoint": lambda share: np.where(share == 0, 0.0, 0.5),
}


def _lerp(a: Any, b: Any, t: Any, dtype: Any) -> Any:
    """The number at t between a and b, from the nearer end; `dtype` is that of t and 1 − t."""
    d = b - a
    return np.where(t < 0.5, a + d * cast(t, dtype), b - d * cast(1 - t, dtype))


def _ranked(s: Any, n: Any, q: Any, weak: bool, method: str) -> Any:
    """The quantiles of sorted columns of n elements; n differs from column to column where NaNs are left out."""
    rank = _RANKS[method](n, q)
    top = np.maximum(n - 1, 0)
    if aval_of(rank).dtype.kind == "i":
        return _at(s, np.minimum(rank, _whole(top)))

    def between(low: Any) -> Any:
        share = _SHARES[method](rank - low) if method in _SHARES else rank - low
        below, above = (_at(s, _whole(np.clip(i, 0, top))) for i in (low, low + 1))
        return _lerp(below, above, share, aval_of(s).dtype if weak else aval_of(share).dtype)

    right = between(np.floor(rank))
    if not isinstance(q, Tracer) or method in _SHARES:
        return right
    inner = between(np.clip(np.floor(rank), 0, np.maximum(top - 1, 0))), between(np.clip(np.ceil(rank) - 1, 0, top))
    mean = (inner[0] + inner[1]) / 2  # the same number, but at a whole rank its slope in q is that of both sides
    return right + np.where(np.isfinite(right), mean - stop_gradient(mean) - (right - stop_gradient(right)), 0.0)


def _weighted(s: Any, weights: Any, order: Any, q: Any) -> Any:
    """The first element at which the share of the weights reaches q; piecewise constant in the weights."""
    cdf = np.cumsum(np.take_along_axis(weights, order, 0), axis=0)
    cdf = cdf / cdf[-1]
    if np.any(np.isnan(cdf[-1]) & ~np.isnan(s[0])):
        raise ValueError("Weights included NaN, inf or were all zero.")
    cdf = np.where(cdf == 0, -1.0, cdf)
    ranks = np.stack([np.sum(cdf < one, axis=0) for one in q])
    return np.take_along_axis(s, np.minimum(ranks, shape_of(s)[0] - 1), 0)


def _weights(weights: Any, a: Any, axis: Any) -> Any:
    """Weights for each element of a, where they are given along the axes only."""
    weights = inexact(weights)
    if shape_of(weights) == shape_of(a):
        return weights
    axes = normalize_axes(axis, len(shape_of(a)))
    if axis is None or shape_of(weights) != tuple(shape_of(a)[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    shape = [n if i in axes else 1 for i, n in enumerate(shape_of(a))]
    return np.broadcast_to(np.reshape(weights, shape), shape_of(a))


def _quantile(a: Any, q: Any, axis: Any, method: str, keepdims: Any, weights: Any, nan: bool, percent: bool) -> Any:
    a, weak = real(array(a), "np.quantile"), aval_of(q).weak if isinstance(q, Tracer) else type(q) in (int, float)
    q = array(q) / 100 if percent else array(q)
    if method not in _RANKS:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {_RANKS.keys()}")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    if len(shape_of(q)) > 1:
        raise ValueError("q must be a scalar or 1d")
    if not np.all((q >= 0) & (q <= 1)):
        raise ValueError("Percentiles must be in the range [0, 100]" if percent else "Quantiles must be in [0, 1]")
    if nan and not a.size:
        return np.nanmean(a, axis, keepdims=flag(keepdims))
    columns = _columns(a, axis)
    order = np.argsort(columns, axis=0, kind="stable")
    s = np.take_along_axis(columns, order, 0)
    rest = shape_of(s)[1:]
    qs = np.reshape(q, (-1, *(1,) * len(rest)))
    holes = np.isnan(s)
    if weights is not None:
        w = _columns(_weights(weights, a, axis), axis)
        result = _weighted(s, np.where(np.isnan(columns), 0.0, w) if nan else w, order, qs)
    else:
        n = np.sum(~holes, axis=0, keepdims=True).astype(qs.dtype) if nan else shape_of(s)[0]
        result = _ranked(s, n, qs, weak, method)
    result = np.where(np.all(holes, axis=0) if nan else holes[-1], np.nan * s[-1], result)
    result = np.reshape(result, (*shape_of(q), *rest))
    return _restored(result, a, axis, keepdims, len(shape_of(q)))


def _function(nan: bool, percent: bool) -> Callable[..., Any]:
    def function(
        a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
        keepdims: Any = False, *, weights: Any = None,
    ) -> Any:  # fmt: skip
        no_out("quantile", out)
        return _quantile(a, q, axis, method, keepdims, weights, nan, percent)

    return function


quantile = implements(np.quantile)(_function(nan=False, percent=False))
percentile = implements(np.percentile)(_function(nan=False, percent=True))
nanquantile = implements(np.nanquantile)(_function(nan=True, percent=False))
nanpercentile = implements(np.nanpercentile)(_function(nan=True, percent=True))
