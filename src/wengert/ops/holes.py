"""Reductions that leave NaNs out: sums, products, extrema, means and their running versions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.dispatch import implements
from wengert.core.tracer import concrete
from wengert.ops.operand import array, cast, flag, no_out, scalar


def warn_if(condition: Any, message: str) -> None:
    """NumPy's own warning about a slice that has nothing in it."""
    if np.any(concrete(condition)):
        warnings.warn(message, RuntimeWarning, stacklevel=4)


def _options(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not np._NoValue}


def _filled(reduce: Callable[..., Any], neutral: float) -> Callable[..., Any]:
    def function(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = np._NoValue,
        initial: Any = np._NoValue, where: Any = np._NoValue,
    ) -> Any:  # fmt: skip
        no_out(reduce.__name__, out)
        a = np.where(np.isnan(a), neutral, a)
        return reduce(a, axis=axis, dtype=dtype, keepdims=flag(keepdims), **_options(initial=initial, where=where))

    return function


nansum = implements(np.nansum)(_filled(np.sum, 0.0))
nanprod = implements(np.nanprod)(_filled(np.prod, 1.0))


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """np.nancumsum."""
    return np.cumsum(np.where(np.isnan(a), 0.0, a), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """np.nancumprod."""
    return np.cumprod(np.where(np.isnan(a), 1.0, a), axis, dtype, out)


def _extremum(reduce: Callable[..., Any], neutral: float) -> Callable[..., Any]:
    def function(
        a: Any, axis: Any = None, out: Any = None, keepdims: Any = np._NoValue, initial: Any = np._NoValue,
        where: Any = np._NoValue,
    ) -> Any:  # fmt: skip
        no_out(reduce.__name__, out)
        holes, keepdims = np.isnan(a), flag(keepdims)
        options = _options(initial=initial, where=where)
        result = reduce(np.where(holes, neutral, a), axis=axis, keepdims=keepdims, **options)
        if "initial" in options:
            return result
        empty = np.all(holes, axis=axis, keepdims=keepdims)
        warn_if(empty, "All-NaN slice encountered" if shape_of(empty) == () else "All-NaN axis encountered")
        return scalar(np.where(empty, np.nan, result))

    return function


nanmax = implements(np.nanmax)(_extremum(np.max, -np.inf))
nanmin = implements(np.nanmin)(_extremum(np.min, np.inf))


def _position(find: Callable[..., Any], neutral: float) -> Callable[..., Any]:
    def function(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = np._NoValue) -> Any:
        no_out(find.__name__, out)
        holes = np.isnan(a)
        if np.any(np.all(holes, axis=axis)):
            raise ValueError("All-NaN slice encountered")
        return find(np.where(holes, neutral, a), axis=axis, keepdims=flag(keepdims))

    return function


nanargmax = implements(np.nanargmax)(_position(np.argmax, -np.inf))
nanargmin = implements(np.nanargmin)(_position(np.argmin, np.inf))


def _present(a: Any, where: Any) -> Any:
    return ~np.isnan(a) if where is np._NoValue else ~np.isnan(a) & where


def _moments(a: Any, axis: Any, dtype: Any, keepdims: bool, present: Any) -> tuple[Any, Any]:
    """The sum and the number of what is present."""
    total = np.sum(np.where(present, a, 0.0), axis=axis, dtype=dtype, keepdims=keepdims)
    return total, np.sum(present, axis=axis, keepdims=keepdims)


@implements(np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = np._NoValue, *,
    where: Any = np._NoValue,
) -> Any:  # fmt: skip
    """np.nanmean."""
    no_out("nanmean", out)
    a = array(a)
    total, n = _moments(a, axis, dtype, flag(keepdims), _present(a, where))
    warn_if(n == 0, "Mean of empty slice")
    return scalar(cast(np.where(n == 0, np.nan, total / np.maximum(n, 1)), aval_of(total).dtype))


@implements(np.nanvar)
def nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = np._NoValue, *,
    where: Any = np._NoValue, mean: Any = np._NoValue, correction: Any = np._NoValue,
) -> Any:  # fmt: skip
    """np.nanvar."""
    no_out("nanvar", out)
    a = array(a)
    ddof = ddof if correction is np._NoValue else correction
    present = _present(a, where)
    if mean is np._NoValue:
        total, n = _moments(a, axis, dtype, True, present)
        mean = cast(total / np.maximum(n, 1), aval_of(total).dtype)
    deviation = a - mean
    square = np.real(deviation * np.conj(deviation)) if aval_of(a).dtype.kind == "c" else deviation * deviation
    squares, n = _moments(square, axis, dtype, flag(keepdims), present)
    warn_if(n <= ddof, "Degrees of freedom <= 0 for slice.")
    result = np.where(n <= ddof, np.nan, squares / np.where(n <= ddof, 1, n - ddof))
    return scalar(cast(result, aval_of(squares).dtype))


@implements(np.nanstd)
def nanstd(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = np._NoValue,
    **options: Any,
) -> Any:  # fmt: skip
    """np.nanstd; at zero deviation its derivative is 0."""
    return np.sqrt(nanvar(a, axis, dtype, out, ddof, keepdims, **options))
