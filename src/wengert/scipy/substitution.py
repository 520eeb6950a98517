"""How a function of SciPy becomes one that takes traced arrays: by another version of it, or not at all."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.alias import plain
from wengert.core.dispatch import missing
from wengert.core.errors import ConversionError
from wengert.core.tracer import concrete, is_running
from wengert.numpy.sequences import accepting, holds_tracer, named_results, stacked


def replaces(
    function: Callable[..., Any], of_pairs: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Of plain arguments SciPy's function, of traced ones the decorated one, which has SciPy's signature.

    `of_pairs`: a tuple among the arguments is one, and not a list of numbers.
    """

    def register(ours: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(ours)
        def call(*args: Any, **options: Any) -> Any:
            args, options = tuple(map(plain, args)), {k: plain(v) for k, v in options.items()}
            if any(map(holds_tracer, (*args, *options.values()))):
                convert = _pairs if of_pairs else stacked
                return ours(*map(convert, args), **{k: convert(v) for k, v in options.items()})
            results = function(*args, **options)
            return named_results(results) if is_running() else results

        return call

    return register


def _pairs(value: Any) -> Any:
    return tuple(map(stacked, value)) if isinstance(value, tuple) else stacked(value)


@functools.cache
def passed_on(function: Any, module: str) -> Any:
    """A function of SciPy for which there is no other version: it may be made of ufuncs, which dispatch."""
    if isinstance(function, np.ufunc):
        return accepting(function)
    if not callable(function) or isinstance(function, type):
        return function

    @functools.wraps(function, updated=())
    def call(*args: Any, **options: Any) -> Any:
        args, options = tuple(map(plain, args)), {k: plain(v) for k, v in options.items()}
        try:
            results = function(*args, **options)
        except ConversionError:
            raise missing(f"{module}.{function.__name__}", 1) from None
        return named_results(results) if is_running() else results

    return call


def check(check_finite: bool, *arrays: Any) -> None:
    """SciPy's check of its arguments."""
    if check_finite and not all(np.all(np.isfinite(concrete(a))) for a in arrays):
        raise ValueError("array must not contain infs or NaNs")
