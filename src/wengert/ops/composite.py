"""NumPy functions written in terms of others: their derivatives follow."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.dispatch import implements
from wengert.core.tracer import concrete
from wengert.ops.reduction import count, normalize_axes
from wengert.ops.special import stop_gradient


def _flag(keepdims: Any) -> bool:
    return keepdims is not np._NoValue and bool(keepdims)


@implements(np.mean)
def mean_of(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Any:
    """np.mean; of half precision the sum is one of single precision, as NumPy has it."""
    if dtype is None and out is None and aval_of(a).dtype == np.float16:
        return mean_of(a.astype(np.float32), axis, keepdims=keepdims, **options).astype(np.float16)
    total = np.sum(a, axis=axis, dtype=dtype, out=out, keepdims=_flag(keepdims), **options)
    return total / _number(a, axis, keepdims, total, options)


def _number(a: Any, axis: Any, keepdims: Any, total: Any, options: dict[str, Any]) -> Any:
    """How many elements went into a total."""
    where = options.get("where", True)
    if where is True or where is np._NoValue:
        return count(a, axis)
    n = np.sum(np.broadcast_to(where, shape_of(a)), axis=axis, keepdims=_flag(keepdims))
    return n.astype(aval_of(total).dtype) if aval_of(total).dtype.kind in "fc" else n


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    """np.average."""
    if weights is None:
        result, total = mean_of(a, axis, keepdims=keepdims), float(count(a, axis))
    else:
        if shape_of(weights) != shape_of(a):
            shape = [1] * len(shape_of(a))
            for i in normalize_axes(axis, len(shape)):
                shape[i] = shape_of(a)[i]
            weights = np.reshape(weights, tuple(shape))
        total = np.sum(weights * np.ones(shape_of(a)), axis=axis, keepdims=_flag(keepdims))
        result = np.sum(a * weights, axis=axis, keepdims=_flag(keepdims)) / total
    return (result, total) if returned else result


@implements(np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    correction: Any = np._NoValue, mean: Any = np._NoValue, **options: Any,
) -> Any:  # fmt: skip
    """np.var."""
    if correction is not np._NoValue:
        ddof = correction
    deviation = a - (mean_of(a, axis, dtype, keepdims=True, **options) if mean is np._NoValue else mean)
    square = np.real(deviation * np.conjugate(deviation)) if aval_of(a).dtype.kind == "c" else np.square(deviation)
    total = np.sum(square, axis=axis, out=out, keepdims=_flag(keepdims), **options)
    freedom = _number(a, axis, keepdims, total, options) - ddof
    return total / (max(freedom, 0) if isinstance(freedom, (int, float)) else np.maximum(freedom, 0))


@implements(np.std)
def std(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, **options: Any
) -> Any:
    """np.std; at zero deviation its derivative is 0."""
    return np.sqrt(var(a, axis, dtype, out, ddof, keepdims, **options))


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """np.ptp."""
    return np.max(a, axis=axis, out=out, keepdims=_flag(keepdims)) - np.min(a, axis=axis, keepdims=_flag(keepdims))


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    """np.diff."""
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(a)))
    parts = [p for p in (prepend, a, append) if p is not np._NoValue]
    if len(parts) > 1:
        edge = (*shape_of(a)[:axis], 1, *shape_of(a)[axis + 1 :])
        a = np.concatenate([p if shape_of(p) else np.broadcast_to(p, edge) for p in parts], axis)
    lead = (slice(None),) * axis
    for _ in range(n):
        a = a[(*lead, slice(1, None))] - a[(*lead, slice(None, -1))]
    return a


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """np.triu."""
    return np.where(np.triu(np.ones(shape_of(m)[-2:], bool), k), m, 0.0)


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """np.tril."""
    return np.where(np.tril(np.ones(shape_of(m)[-2:], bool), k), m, 0.0)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """np.roll."""
    if axis is None:
        return np.reshape(roll(np.reshape(a, -1), shift, 0), shape_of(a))
    shifts, axes = np.broadcast_arrays(shift, axis)
    for s, i in zip(shifts.ravel(), axes.ravel(), strict=True):
        n = shape_of(a)[int(i)]
        lead = (slice(None),) * np.lib.array_utils.normalize_axis_index(int(i), len(shape_of(a)))
        a = a[(*lead, (np.arange(n) - int(s)) % max(n, 1))]
    return a


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    """np.repeat."""
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    return np.take(a, np.repeat(np.arange(shape_of(a)[axis]), concrete(repeats)), axis)


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """np.tile."""
    reps = (reps,) if np.ndim(reps) == 0 else tuple(reps)
    shape = shape_of(A)
    reps, shape = (1,) * (len(shape) - len(reps)) + reps, (1,) * (len(reps) - len(shape)) + shape
    a = np.reshape(A, tuple(n for size in shape for n in (1, size)))
    full = tuple(n for r, size in zip(reps, shape, strict=True) for n in (int(r), size))
    return np.reshape(np.broadcast_to(a, full), tuple(int(r) * size for r, size in zip(reps, shape, strict=True)))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The logarithm of Σ exp x along the axes, without overflow.

    The shift by the maximum cancels exactly, so it is a constant of the derivative. **Arguments**: `x`, float array.
    **Returns**: the reduced array. **Cost**: three passes over x.

    >>> import numpy as np, wengert as wg
    >>> float(wg.logsumexp(np.array([1000.0, 1000.0])))
    1000.6931471805599

    **Source**: Blanchard, Higham & Higham, "Accurately computing the log-sum-exp and softmax functions" (2021).
    """
    top = _top(x, axis)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis=normalize_axes(axis, len(shape_of(x))))


def softmax(x: Any, axis: Any = None) -> Any:
    """The shares exp xᵢ / Σ exp x along the axes, without overflow.

    **Arguments**: `x`, float array. **Returns**: an array of x's shape. **Cost**: three passes over x.

    >>> import numpy as np, wengert as wg
    >>> wg.softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])

    **Source**: Blanchard, Higham & Higham, "Accurately computing the log-sum-exp and softmax functions" (2021).
    """
    e = np.exp(x - _top(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


def _top(x: Any, axis: Any) -> Any:
    """The maximum as a constant of the derivative; 0 where it is infinite, so that ∞ − ∞ does not arise."""
    top = stop_gradient(np.max(x, axis=axis, keepdims=True))
    return np.where(np.isfinite(top), top, 0.0)


@implements(np.i0)
def i0(x: Any) -> Any:
    """np.i0, the modified Bessel function of order zero."""
    from wengert.ops import scipy_special  # here, since importing SciPy takes longer than everything else

    return scipy_special.i0(x)
