"""Counting into bins: which bin is piecewise constant, the weights and the edges are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.batching import count, spread
from wengert.core.dispatch import implements
from wengert.core.errors import ArgumentError
from wengert.core.primitive import Primitive, bind
from wengert.core.tracer import Tracer, concrete
from wengert.ops.comparison import constant_function, places
from wengert.ops.condition import ensure
from wengert.ops.index import Slot
from wengert.ops.indexing import scatter
from wengert.ops.operand import array, inexact, real


def _batched_digitize(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    (x, bins), (_, own) = args, on
    if not own:
        return bind(primitive, (x, bins), params)
    x, step = spread(x, on[0], shape_of(bins)[0]), np.diff(bins, axis=1)
    rising, falling = np.all(step >= 0, axis=1), np.all(step <= 0, axis=1)
    bins = ensure(
        np.where(rising[:, None], bins, np.flip(bins, 1)), rising | falling, ArgumentError,
        "bins must be monotonically increasing or decreasing",
        wrong="np.digitize(x, np.array([1.0, 0.0, 2.0]))",
        right="np.digitize(x, np.array([0.0, 1.0, 2.0]))",
    )  # fmt: skip
    found = places(bins, x, "left" if params["right"] else "right")
    rising = np.reshape(rising, (-1, *(1,) * (len(shape_of(x)) - 1)))
    return np.where(rising, found, shape_of(bins)[1] - found)


def _batched_bincount(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    """Counted in so many bins as are asked for; how many there are else depends on the numbers."""
    n, size = count(args, on), params["minlength"]
    x = ensure(
        args[0], (args[0] >= 0) & (args[0] < size), ArgumentError,
        f"np.bincount was given a number that is negative or not below minlength, which is {size}; "
        "so how many bins there are depends on the numbers",
        wrong="wg.vmap(np.bincount)(xs)",
        right="wg.vmap(lambda x: np.bincount(x, minlength=n))(xs)   where n is larger than each number",
    )  # fmt: skip
    params = {"indices": ((Slot(0), Slot(1)),), "shape": (n, size), "dtype": np.dtype(np.intp)}
    return bind(scatter(1), (np.ones(shape_of(x), np.intp), np.arange(n)[:, None], x.astype(np.intp)), params)


digitize = constant_function(np.digitize, np.intp, lambda x, bins, **params: x.shape, _batched_digitize)
bincount = constant_function(np.bincount, np.intp, lambda x, *, minlength: (-1,), _batched_bincount)


@implements(np.digitize)
def digitize_of(x: Any, bins: Any, right: bool = False) -> Any:
    """np.digitize."""
    return bind(digitize, (array(x), array(bins)), {"right": right})


@implements(np.bincount)
def bincount_of(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    """np.bincount: the weights of equal integers added up."""
    x = array(x)
    if aval_of(x).dtype.kind not in "iub":
        raise TypeError(
            f"Cannot cast array data from {aval_of(x).dtype} to dtype('int64') according to the rule 'safe'"
        )
    if weights is None:
        return bind(bincount, (x,), {"minlength": minlength})
    length = max(int(np.max(x)) + 1 if x.size else 0, minlength)
    return _added(real(inexact(weights), "np.bincount"), x, (length,))


def _added(weights: Any, places: Any, shape: tuple[int, ...]) -> Any:
    dtype = np.dtype(np.complex128 if aval_of(weights).dtype.kind == "c" else np.float64)
    params = {"indices": ((Slot(0),),), "shape": shape, "dtype": dtype}
    return bind(scatter(1), (weights.astype(dtype), places), params)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """np.histogram_bin_edges: equal bins move with the smallest and the largest element."""
    a = np.reshape(array(a), -1)
    if np.ndim(bins) == 1:
        edges = array(bins)
        if np.any(edges[:-1] > edges[1:]):
            raise ValueError("`bins` must increase monotonically, when an array")
        return edges
    if isinstance(bins, str):
        if weights is not None:
            raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
        bins = len(np.histogram_bin_edges(concrete(a), bins, range)) - 1
    if bins < 1:
        raise ValueError("`bins` must be positive, when an integer")
    low, high = range if range is not None else (np.min(a), np.max(a)) if a.size else (0.0, 1.0)
    if low > high:
        raise ValueError("max must be larger than min in range parameter.")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, int(bins) + 1)


def _bin(a: Any, edges: Any) -> tuple[Any, Any]:
    """The bin of each element, and whether it is in any; the last bin is closed on both sides."""
    n = shape_of(edges)[0] - 1
    place = np.searchsorted(edges, a, "right") - 1
    return np.where(a == edges[-1], n - 1, place), (a >= edges[0]) & (a <= edges[-1])


def _counts(places: Any, inside: Any, weights: Any, size: int) -> Any:
    places = np.where(
        inside, places, size
    )  # what is in no bin goes into one more, so that shapes do not depend on values
    if weights is None:
        return bind(bincount, (places,), {"minlength": size + 1})[:size]
    return _added(inexact(weights), places, (size + 1,))[:size]


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """np.histogram: the counts are constant; weights, and edges that follow the data, have derivatives."""
    edges = histogram_bin_edges(a, bins, range, weights)
    place, inside = _bin(np.reshape(array(a), -1), edges)
    weights = None if weights is None else np.reshape(array(weights), -1)
    counts = _counts(place, inside, weights, shape_of(edges)[0] - 1)
    if density:
        counts = counts / np.diff(real(edges, "np.histogram with density=True")) / np.sum(counts)
    return counts, edges


@implements(np.histogramdd)
def histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """np.histogramdd."""
    if isinstance(sample, (list, tuple)):
        sample = np.stack([array(s) for s in sample], 1)
    sample = np.reshape(sample, (-1, 1)) if len(shape_of(sample)) == 1 else array(sample)
    ndim = shape_of(sample)[1]
    bins = list(bins) if isinstance(bins, (list, tuple)) or np.ndim(bins) else [bins] * ndim
    if len(bins) != ndim:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    ranges: Sequence[Any] = [None] * ndim if range is None else range
    columns = [sample[:, i] for i in np.arange(ndim)]
    edges = [histogram_bin_edges(c, b, r) for c, b, r in zip(columns, bins, ranges, strict=True)]
    place, inside = _bin(columns[0], edges[0])
    for column, edge in zip(columns[1:], edges[1:], strict=True):
        own, within = _bin(column, edge)
        place, inside = place * (shape_of(edge)[0] - 1) + own, inside & within
    shape = tuple(shape_of(e)[0] - 1 for e in edges)
    weights = weights if weights is None else real(array(weights), "np.histogramdd")
    counts = np.reshape(_counts(place, inside, weights, int(np.prod(shape))), shape).astype(np.float64)
    if density:
        total = np.sum(counts)
        for i, edge in enumerate(edges):
            counts = counts / np.reshape(np.diff(edge), [-1 if k == i else 1 for k in np.arange(ndim)])
        counts = counts / total
    return counts, tuple(edges)


@implements(np.histogram2d)
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, Any, Any]:
    """np.histogram2d."""
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if isinstance(bins, (np.ndarray, Tracer)) or (isinstance(bins, list) and len(bins) not in (1, 2)):
        bins = [array(bins)] * 2
    counts, edges = histogramdd([x, y], bins, range, density, weights)
    return counts, edges[0], edges[1]
