"""What NumPy makes of an argument that it is given: lists are arrays, integers become floats where it divides."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import aval_of, is_complex, shape_of
from wengert.core.dispatch import refuse_out
from wengert.core.tracer import Tracer


def array(value: Any, ndim: int = 0) -> Any:
    """The value as an array with at least `ndim` axes; what is traced stays traced."""
    value = value if isinstance(value, Tracer) else np.asarray(value)
    lacking = ndim - len(shape_of(value))
    return np.reshape(value, (1,) * lacking + shape_of(value)) if lacking > 0 else value


def inexact(value: Any) -> Any:
    """The same as floating-point numbers; integers and truth values become float64."""
    value = array(value)
    return value if aval_of(value).dtype.kind in "fc" else value.astype(np.float64)


def real(value: Any, name: str) -> Any:
    """The value, where NumPy's function takes real numbers only."""
    if is_complex(value):
        raise TypeError(f"{name} takes an array of real numbers, not of complex ones")
    return value


def scalar(value: Any) -> Any:
    """What a function of numbers returns: of an array without axes its number, as NumPy's functions do."""
    return value[()] if isinstance(value, Tracer) and not value.shape else value  # type: ignore[index]


def cast(value: Any, dtype: Any) -> Any:
    """The same with this dtype."""
    value = array(value)
    return value if aval_of(value).dtype == dtype else value.astype(dtype)


def flag(option: Any) -> bool:
    """`keepdims` and its like, for which NumPy has a value that means "not given"."""
    return option is not np._NoValue and bool(option)


def no_out(name: str, out: Any) -> None:
    """A traced result cannot be written into an array that is given by position."""
    if out is not None:
        refuse_out(name, out)


def slab(axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes a part along one axis and everything along the axes before it."""
    return (*(slice(None),) * axis, part)


def normalize(axis: int, value: Any) -> int:
    """A non-negative axis of the value."""
    return int(np.lib.array_utils.normalize_axis_index(axis, len(shape_of(value))))
