"""Arrays from values, shapes and numbers: plain outside a transformation, inside it arrays that can be filled."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.alias import NamedArray
from wengert.core.tracer import Tracer
from wengert.numpy.sequences import holds_tracer, named, stacked
from wengert.ops.inplace import gathered


def check_device(device: Any) -> None:
    """Everything is in the memory of the processor."""
    if device not in (None, "cpu"):
        raise ValueError(f'Device not understood. Only "cpu" is allowed, but received: {device}')


def writable(number: Any) -> Any:
    """A traced number as an array without axes, which can be written into, as a number cannot."""
    made: Any = NamedArray(np.zeros((), number.dtype))
    made[...] = number
    return made


def array(object: Any, dtype: Any = None, *, copy: bool | None = True, ndmin: int = 0, **options: Any) -> Any:
    """np.array, also of traced values and of lists of them."""
    if not holds_tracer(object):
        return named(np.array(object, dtype, copy=copy, ndmin=ndmin, **options))
    made = _converted(object, dtype, copy)
    lacking = ndmin - made.ndim
    return np.reshape(made, (1,) * lacking + made.shape) if lacking > 0 else made


def _converted(object: Any, dtype: Any, copy: bool | None) -> Any:
    """Traced values as an array of that dtype; the array itself, where nothing is to be changed or copied."""
    traced = isinstance(object, Tracer)
    as_it_is = traced and (dtype is None or object.dtype == np.dtype(dtype))
    if copy is False and not as_it_is:
        raise ValueError("Unable to avoid copy while creating an array as requested.")
    if as_it_is:
        return object if not copy else np.copy(object) if object.shape else writable(object)
    return gathered(object, dtype)


def _from_values(function: Any) -> Callable[..., Any]:
    @functools.wraps(function)
    def make(
        a: Any, dtype: Any = None, *args: Any, copy: bool | None = None, device: Any = None, **options: Any
    ) -> Any:
        check_device(device)
        if holds_tracer(a):
            return _converted(a, dtype, copy)
        return named(np.array(a, dtype, copy=copy) if copy is not None else function(a, dtype, *args, **options))

    return make


asarray, asanyarray, ascontiguousarray = map(_from_values, (np.asarray, np.asanyarray, np.ascontiguousarray))


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Any:
    """np.from_dlpack; a traced array is one already."""
    check_device(device)
    return _converted(x, None, copy) if isinstance(x, Tracer) else named(np.from_dlpack(x, device=device, copy=copy))


def _from_shapes(function: Any) -> Callable[..., Any]:
    @functools.wraps(function)
    def make(*args: Any, **options: Any) -> Any:
        if any(map(holds_tracer, args)):
            check_device(options.pop("device", None))
            return named(function(*map(stacked, args), **options))
        return named(function(*args, **options))

    return make


def full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    """np.full, also of a traced number."""
    if holds_tracer(fill_value):
        check_device(options.get("device"))
        value = gathered(fill_value, dtype)
        if shape != ():
            return np.copy(np.broadcast_to(value, shape))
        return writable(value)
    return named(np.full(shape, fill_value, dtype, **options))


_CONSTRUCTORS: tuple[Any, ...] = (
    np.zeros, np.ones, np.empty, np.eye, np.identity, np.arange, np.linspace, np.tri, np.zeros_like, np.ones_like,
    np.empty_like,
)  # fmt: skip
zeros, ones, empty, eye, identity, arange, linspace, tri, zeros_like, ones_like, empty_like = map(
    _from_shapes, _CONSTRUCTORS
)
full_like = _from_shapes(np.full_like)
