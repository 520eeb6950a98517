"""Sequences of numbers between two ends, either of which may be traced."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, promote, shape_of
from wengert.core.dispatch import implements
from wengert.ops.operand import array, cast, inexact


@implements(np.linspace)
def linspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """np.linspace."""
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    sections = num - 1 if endpoint else num
    ends = (aval_of(array(e) if isinstance(e, (list, tuple)) else e) for e in (start, stop))
    floating = np.result_type(promote(*ends), 0.0)
    start, stop = inexact(start), inexact(stop)
    delta = stop - start
    index = np.reshape(np.arange(num, dtype=aval_of(delta).dtype), (-1, *(1,) * len(shape_of(delta))))
    step = delta / sections if sections > 0 else np.nan
    y = index * (step if sections > 0 else delta) + start
    if endpoint and num > 1:
        y = np.concatenate([y[:-1], np.broadcast_to(stop, (1, *shape_of(delta)))])
    y = np.moveaxis(y, 0, axis) if axis else y
    if dtype is not None and np.dtype(dtype).kind in "iu":
        y = np.floor(y)
    y = cast(y, np.dtype(dtype) if dtype is not None else np.dtype(floating))
    return (y, step) if retstep else y


@implements(np.logspace)
def logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    """np.logspace."""
    if np.ndim(base):
        start, stop = np.broadcast_arrays(array(start), array(stop), array(base))[:2]
        base = np.expand_dims(array(base), axis)
    y = np.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else y.astype(dtype)


@implements(np.geomspace)
def geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    """np.geomspace; its ends are the given numbers themselves."""
    start, stop = inexact(start), inexact(stop)
    if np.any(start == 0) or np.any(stop == 0):
        raise ValueError("Geometric sequence cannot include zero")
    sign = np.sign(start)
    first, last = start / sign, stop / sign
    y = logspace(np.log10(first), np.log10(last), num, endpoint)
    shape = (1, *shape_of(y)[1:])
    ends = endpoint and num > 1
    if num > 0:
        parts = [np.broadcast_to(first, shape), y[1:-1] if ends else y[1:]]
        y = np.concatenate([*parts, np.broadcast_to(last, shape)] if ends else parts)
    y = y * sign
    y = np.moveaxis(y, 0, axis) if axis else y
    return y if dtype is None else y.astype(dtype)
