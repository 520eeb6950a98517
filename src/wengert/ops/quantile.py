"""Order statistics: medians, quantiles, percentiles, partitions. All of them pick elements by their rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.dispatch import implements
from wengert.core.primitive import bind
from wengert.ops.comparison import constant_function
from wengert.ops.operand import array, cast, flag, inexact, no_out, normalize
from wengert.ops.reduction import normalize_axes

argpartition = constant_function(np.argpartition, np.intp, lambda x, **params: x.shape)


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
        return result
    return np.expand_dims(result, tuple(lead + i for i in normalize_axes(axis, len(shape_of(a)))))


def _at(s: Any, i: Any) -> Any:
    """The elements of the columns s at ranks i: the same ranks for all columns, or their own for each."""
    per_column = len(shape_of(i)) > 1 and len(shape_of(s)) > 1
    if not per_column:
        return s[i]
    return np.take_along_axis(s, i, 0)


# Medians -----------------------------------------------------------------------------------------------------------


@implements(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """np.median: the middle element, or the mean of the two; among equal elements the one that stands first."""
    no_out("median", out)
    s = np.sort(_columns(a, axis), axis=0)
    n = shape_of(s)[0]
    result = np.mean(s[n // 2 - 1 : n // 2 + 1] if n % 2 == 0 and n else s[n // 2 : n // 2 + 1], axis=0)
    if n and aval_of(s).dtype.kind in "fc":
        result = np.where(np.isnan(s[-1]), s[-1] * result, result)
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


def warn_if(condition: Any, message: str) -> None:
    """NumPy's own warning about a slice that has nothing in it."""
    import warnings

    from wengert.core.tracer import concrete

    if np.any(concrete(condition)):
        warnings.warn(message, RuntimeWarning, stacklevel=4)


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
    "weibull": _plotting(0, 0),
    "median_unbiased": _plotting(1 / 3.0, 1 / 3.0),
    "normal_unbiased": _plotting(3 / 8.0, 3 / 8.0),
    "interpolated_inverted_cdf": _plotting(0, 1),
    "averaged_inverted_cdf": lambda n, q: n * q - 1,
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


def _lerp(a: Any, b: Any, t: Any) -> Any:
    """a + t·(b − a), from the nearer end."""
    d = b - a
    return np.where(t < 0.5, a + d * t, b - d * (1 - t))


def _ranked(s: Any, n: Any, q: Any, method: str) -> Any:
    """The quantiles of sorted columns of n elements; n differs from column to column where NaNs are left out."""
    if method not in _RANKS:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {_RANKS.keys()}")
    rank = _RANKS[method](n, q)
    top = np.maximum(n - 1, 0)
    if aval_of(rank).dtype.kind == "i":
        return _at(s, np.minimum(rank, top))
    low = np.floor(rank)
    share = _SHARES[method](rank - low) if method in _SHARES else rank - low
    below, above = (_at(s, _whole(np.clip(i, 0, top))) for i in (low, low + 1))
    lacking = len(shape_of(below)) - len(shape_of(share))
    share = np.reshape(share, (*shape_of(share), *(1,) * lacking)) if lacking > 0 and np.ndim(share) else share
    return _lerp(below, above, share)


def _weighted(s: Any, weights: Any, order: Any, q: Any) -> Any:
    """The first element at which the share of the weights reaches q; piecewise constant in the weights."""
    cdf = np.cumsum(np.take_along_axis(weights, order, 0), axis=0)
    cdf = cdf / cdf[-1]
    cdf = np.where(cdf == 0, -1.0, cdf)
    q = np.reshape(q, (-1, *(1,) * len(shape_of(cdf))))
    rank = np.minimum(np.sum(cdf < q, axis=1), shape_of(s)[0] - 1)
    return np.take_along_axis(s, rank, 0)


def _quantile(a: Any, q: Any, axis: Any, method: str, keepdims: Any, weights: Any, nan: bool, name: str) -> Any:
    if len(shape_of(q)) > 1:
        raise ValueError("q must be a scalar or 1d")
    if not np.all((q >= 0) & (q <= 1)):
        raise ValueError(f"{name} must be in the range [0, {1 if name == 'Quantiles' else 100}]")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    columns = _columns(array(a), axis)
    if not np.prod(shape_of(columns)):
        return np.nanmean(a, axis, keepdims=flag(keepdims)) if nan else _restored(columns[0], a, axis, keepdims)
    order = np.argsort(columns, axis=0, kind="stable")
    s = np.take_along_axis(columns, order, 0)
    holes = np.isnan(s)
    if weights is not None:
        w = _columns(_spread(inexact(weights), a, axis), axis)
        w = np.where(np.isnan(columns), 0.0, w) if nan else w
        result = np.reshape(_weighted(s, w, order, q), (*shape_of(q), *shape_of(s)[1:]))
    elif nan and len(shape_of(s)) > 1 or (nan and np.any(holes)):
        n = np.sum(~holes, axis=0)
        each = np.reshape(q, (*shape_of(q), *(1,) * len(shape_of(n)))) if np.ndim(q) else q
        flat = np.reshape(each, (-1, *(1,) * len(shape_of(n)))) if len(shape_of(n)) else np.reshape(each, -1)
        n = n.astype(q.dtype) if type(q) is not float else n.astype(aval_of(s).dtype)
        result = np.reshape(_ranked(s, n, flat, method), (*shape_of(q), *shape_of(s)[1:]))
    else:
        result = _ranked(s, shape_of(s)[0], q, method)
    invalid = np.all(holes, axis=0) if nan else holes[-1]
    result = np.where(invalid, np.nan * result, result)
    return _restored(result, a, axis, keepdims, len(shape_of(q)))
