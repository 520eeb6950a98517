"""Functions that take more, by the array API standard, than by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.tracer import Tracer, is_running
from wengert.numpy.construction import check_device, writable
from wengert.numpy.sequences import named_results, stacked


def _dtype(type: Any) -> Any:
    return aval_of(type).dtype if isinstance(type, (Tracer, np.ndarray, np.generic)) else type


def finfo(type: Any, /) -> Any:
    """np.finfo of a dtype or of an array."""
    return np.finfo(_dtype(type))


def iinfo(type: Any, /) -> Any:
    """np.iinfo of a dtype or of an array."""
    return np.iinfo(_dtype(type))


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """np.astype; a copy is an array also where it has no axes."""
    check_device(device)
    if not isinstance(x, Tracer):
        return _of(np.astype(x, dtype, copy=copy, device=device))
    traced: Any = x
    result = np.astype(traced, dtype)
    return writable(result) if copy and not x.shape else result if copy or x.dtype != dtype else x


def argsort(
    x: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None, descending: bool = False
) -> Any:
    """np.argsort; `descending`: from the largest on, equal elements still in their order if `stable`."""
    x = stacked(x)
    if not descending:
        return _of(np.argsort(x, axis, kind, order, stable=stable))
    x = x if axis is not None else np.reshape(x, -1)
    axis = -1 if axis is None else axis
    backwards = np.argsort(np.flip(x, axis), axis, kind, order, stable=stable)
    return _of(shape_of(x)[axis] - 1 - np.flip(backwards, axis))


def sort(
    x: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None, descending: bool = False
) -> Any:
    """np.sort; `descending`: from the largest on."""
    x = stacked(x)
    if not descending:
        return _of(np.sort(x, axis, kind, order, stable=stable))
    x = x if axis is not None else np.reshape(x, -1)
    axis = -1 if axis is None else axis
    return _of(np.take_along_axis(x, argsort(x, axis, kind, order, stable=stable, descending=True), axis))


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """np.take_along_axis; the last axis if none is named, as in NumPy 2.3."""
    return _of(np.take_along_axis(stacked(arr), indices, axis))


def expand_dims(a: Any, /, axis: Any = 0) -> Any:
    """np.expand_dims; the first axis if none is named."""
    return _of(np.expand_dims(stacked(a), axis))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1, **options: Any) -> Any:
    """np.vecdot, along any axis."""
    x1, x2 = stacked(x1), stacked(x2)
    product: Any = np.linalg.vecdot if isinstance(x1, Tracer) or isinstance(x2, Tracer) else np.vecdot
    return _of(product(x1, x2, axis=axis, **options))


def _of(result: Any) -> Any:
    return named_results(result) if is_running() else result
