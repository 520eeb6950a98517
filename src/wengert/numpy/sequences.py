"""NumPy's functions, taking lists of traced values where they take arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.alias import NamedArray, cell
from wengert.core.tracer import Tracer, is_running
from wengert.ops.inplace import gathered


def holds_tracer(value: Any) -> bool:
    """Whether a value is traced, or a list with something traced in it."""
    if isinstance(value, (list, tuple)):
        return any(map(holds_tracer, value))
    return isinstance(value, Tracer)


def stacked(value: Any) -> Any:
    """A list of traced values as the array that NumPy would make of it."""
    return gathered(value) if isinstance(value, (list, tuple)) and holds_tracer(value) else value


def named(made: Any) -> Any:
    """A new array as one that can take traced values, inside a transformation; outside as it is."""
    return NamedArray(made) if isinstance(made, np.ndarray) and is_running() else made


def named_results(results: Any) -> Any:
    """The same for what a function returns: an array, or several in a tuple, named or not."""
    if isinstance(results, (np.ndarray, np.generic)):
        return cell(results)
    if isinstance(results, tuple):
        parts = list(map(named_results, results))
        return type(results)(*parts) if hasattr(results, "_fields") else tuple(parts)
    return list(map(named_results, results)) if isinstance(results, list) else results


@functools.cache
def _of_lists(function: Any, of_sequences: bool) -> Any:
    def converted(value: Any) -> Any:
        if of_sequences and isinstance(value, (list, tuple)):
            return type(value)(map(stacked, value))
        return stacked(value)

    @functools.wraps(function, updated=())
    def call(*args: Any, **options: Any) -> Any:
        results = function(*map(converted, args), **options)
        return named_results(results) if is_running() else results

    if isinstance(function, np.ufunc):
        for method in ("reduce", "accumulate", "outer", "at", "reduceat"):
            setattr(call, method, getattr(function, method))
    return call


def accepting(found: Any, of_sequences: bool = False) -> Callable[..., Any] | Any:
    """One of NumPy's functions, taking lists of traced values; what is no function of arrays as it is."""
    plain = not callable(found) or isinstance(found, type) or (isinstance(found, np.ufunc) and found.nin > 2)
    return found if plain else _of_lists(found, of_sequences)
