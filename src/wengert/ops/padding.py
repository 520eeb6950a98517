"""np.pad: edges, reflections, repetitions, constants, ramps and statistics around an array."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.dispatch import implements
from wengert.core.errors import MissingRuleError
from wengert.ops.operand import array, cast, slab

_STATISTICS: dict[str, Any] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}
_OPTION = {
    "constant": "constant_values", "linear_ramp": "end_values", "reflect": "reflect_type", "symmetric": "reflect_type",
    "edge": None, "wrap": None, "empty": None, **dict.fromkeys(_STATISTICS, "stat_length"),
}  # fmt: skip


def _pairs(value: Any, ndim: int) -> list[tuple[Any, Any]]:
    """A value before and after for each axis, out of what NumPy takes: one, one pair, or a pair for each axis."""
    if value is None:
        return [(None, None)] * ndim
    full = np.broadcast_to(array(value), (ndim, 2))
    return [(full[i, 0], full[i, 1]) for i in range(ndim)]


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        widths = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            widths[axis] = (width, width) if isinstance(width, int) else tuple(width)
        pad_width = widths
    given = np.asarray(pad_width)
    if given.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    if np.any(given < 0):
        raise ValueError("index can't contain negative values")
    return [(int(before), int(after)) for before, after in _pairs(given, ndim)]


def _constant(a: Any, axis: int, width: tuple[int, int], values: Any) -> tuple[Any, Any]:
    shape = shape_of(a)
    before, after = (
        np.broadcast_to(cast(value, aval_of(a).dtype), (*shape[:axis], n, *shape[axis + 1 :]))
        for n, value in zip(width, values, strict=True)
    )
    return before, after


def _ramp(a: Any, axis: int, width: tuple[int, int], ends: Any) -> tuple[Any, Any]:
    """From the end value in equal steps to the edge, which is not repeated."""
    sides = []
    for n, end, edge in zip(width, ends, (slice(0, 1), slice(-1, None)), strict=True):
        start = cast(end, aval_of(a).dtype)
        delta = a[slab(axis, edge)] - start
        steps = np.reshape(np.arange(n, dtype=aval_of(a).dtype), (-1, *(1,) * (len(shape_of(a)) - axis - 1)))
        sides.append(steps * (delta / max(n, 1)) + start)
    return sides[0], np.flip(sides[1], axis)


def _statistic(a: Any, axis: int, width: tuple[int, int], lengths: Any, mode: str) -> tuple[Any, Any]:
    n, shape = shape_of(a)[axis], shape_of(a)
    sides = []
    for count, length, start in zip(width, lengths, (True, False), strict=True):
        length = n if length is None else min(int(length), n)
        if not length and mode in ("maximum", "minimum"):
            raise ValueError("stat_length of 0 yields no value for padding")
        chunk = a[slab(axis, slice(0, length) if start else slice(n - length, n))]
        value = _STATISTICS[mode](chunk, axis=axis, keepdims=True)
        sides.append(np.broadcast_to(value, (*shape[:axis], count, *shape[axis + 1 :])))
    return sides[0], sides[1]


def _odd(a: Any, axis: int, width: tuple[int, int], symmetric: bool) -> Any:
    """Reflected at the point of the edge, over again where the padding is wider than the array."""
    left, right = width
    n = shape_of(a)[axis]
    period = n if symmetric else n - 1
    while left or right:
        size = shape_of(a)[axis]
        reach = size // period * period if symmetric else (size - 1) // period * period
        skip = 0 if symmetric else 1
        before, after = min(reach, left), min(reach, right)
        parts = [a]
        if before:
            mirrored = np.flip(a[slab(axis, slice(skip, skip + before))], axis)
            parts.insert(0, 2 * a[slab(axis, slice(0, 1))] - mirrored)
            size += before
        if after:  # NumPy pads the right side when the left is done already
            joined = np.concatenate(parts, axis) if before else a
            mirrored = np.flip(joined[slab(axis, slice(size - skip - after, size - skip))], axis)
            parts.append(2 * a[slab(axis, slice(-1, None))] - mirrored)
        a = np.concatenate(parts, axis)
        left, right = left - before, right - after
    return a


def _check(mode: Any, options: dict[str, Any]) -> None:
    if callable(mode):
        raise MissingRuleError(
            "np.pad with a function that fills the padding in place cannot be followed",
            wrong="np.pad(x, n, function)",
            right="np.concatenate([before, x, after])",
        )
    if mode not in _OPTION:
        raise ValueError(f"mode '{mode}' is not supported")
    if set(options) - {_OPTION[mode]}:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {set(options) - {_OPTION[mode]}}")


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    """np.pad; `empty` pads with zeros, and a function as mode is refused."""
    _check(mode, kwargs)
    a, ndim = array, len(shape_of(array))
    widths = _widths(pad_width, ndim)
    default = 0 if mode in ("constant", "linear_ramp", "empty") else None
    odd = kwargs.get("reflect_type", "even") == "odd"
    options = _pairs(default if odd else kwargs.get(_OPTION[mode] or "", default), ndim) if mode not in (
        "reflect", "symmetric") else [(None, None)] * ndim  # fmt: skip
    for axis, (width, option) in enumerate(zip(widths, options, strict=True)):
        n = shape_of(a)[axis]
        if not any(width):
            continue
        if not n and mode not in ("constant", "empty"):
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
        if odd and n > 1:
            a = _odd(a, axis, width, mode == "symmetric")
        elif mode in ("edge", "reflect", "symmetric", "wrap"):
            a = np.take(a, np.pad(np.arange(n), width, "edge" if odd else mode), axis)
        else:
            sides = (
                _ramp(a, axis, width, option) if mode == "linear_ramp"
                else _statistic(a, axis, width, option, mode) if mode in _STATISTICS
                else _constant(a, axis, width, option)
            )  # fmt: skip
            a = np.concatenate([cast(sides[0], a.dtype), a, cast(sides[1], a.dtype)], axis)
    return np.copy(a) if a is array else a
