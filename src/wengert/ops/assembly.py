"""Arrays put together from parts and taken apart: stacks, blocks, grids, insertions and deletions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.dispatch import implements, on_values
from wengert.core.tracer import concrete
from wengert.ops.operand import array, cast, normalize, slab

# Axes --------------------------------------------------------------------------------------------------------------


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """np.atleast_3d."""
    results = tuple(_three(array(a)) for a in arys)
    return results[0] if len(results) == 1 else results


def _three(a: Any) -> Any:
    shape = shape_of(a)
    full = {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}.get(len(shape), shape)
    return a if full == shape else np.reshape(a, full)


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """np.rollaxis."""
    n = len(shape_of(a))
    axis = normalize(axis, a)
    start = start + n if start < 0 else start
    if not 0 <= start <= n:
        raise np.exceptions.AxisError(f"'start' arg requires {-n} <= start < {n + 1}, but {start} was passed in")
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    """np.rot90."""
    first, second = (normalize(i, m) for i in axes)
    if first == second:
        raise ValueError("Axes must be different.")
    k %= 4
    if k in (0, 2):
        return np.flip(m, (first, second)) if k else m[:]
    return np.flip(np.swapaxes(m, first, second), first) if k == 1 else np.swapaxes(np.flip(m, first), first, second)


@implements(np.unstack)
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """np.unstack."""
    return tuple(np.moveaxis(x, axis, 0))


# Joining and splitting ---------------------------------------------------------------------------------------------


@implements(np.dstack)
def dstack(tup: Sequence[Any]) -> Any:
    """np.dstack."""
    return np.concatenate([_three(array(a)) for a in tup], 2)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """np.append."""
    arr, values = array(arr), array(values)
    if axis is None:
        arr, values, axis = np.reshape(arr, -1), np.reshape(values, -1), 0
    return np.concatenate([arr, values], axis)


@implements(np.block)
def block(arrays: Any) -> Any:
    """np.block: the innermost lists are joined along the last axis, the next along the one before, and so on."""
    ndim = max(_depth(arrays), _most(arrays))
    return _joined(arrays, ndim, _depth(arrays))


def _depth(parts: Any) -> int:
    if not isinstance(parts, list):
        return 0
    if not parts:
        raise ValueError("List at arrays[0] cannot be empty")
    depths = {_depth(p) for p in parts}
    if len(depths) > 1:
        raise ValueError("List depths are mismatched.")
    return 1 + depths.pop()


def _most(parts: Any) -> int:
    return max(map(_most, parts)) if isinstance(parts, list) else len(shape_of(array(parts)))


def _joined(parts: Any, ndim: int, depth: int) -> Any:
    if not isinstance(parts, list):
        return array(parts, ndim)
    return np.concatenate([_joined(p, ndim, depth - 1) for p in parts], -depth)


def _divider(name: str, axis_of: Callable[[int], int], least: int) -> Callable[..., Any]:
    def divide(ary: Any, indices_or_sections: Any) -> list[Any]:
        if len(shape_of(ary)) < least:
            raise ValueError(f"{name} only works on arrays of {least} or more dimensions")
        return list(np.split(ary, indices_or_sections, axis_of(len(shape_of(ary)))))

    return divide


hsplit = implements(np.hsplit)(_divider("hsplit", lambda ndim: 1 if ndim > 1 else 0, 1))
vsplit = implements(np.vsplit)(_divider("vsplit", lambda ndim: 0, 2))
dsplit = implements(np.dsplit)(_divider("dsplit", lambda ndim: 2, 3))


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """np.insert."""
    arr, values = array(arr), array(values)
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    axis, obj = normalize(axis, arr), concrete(obj)
    n, shape = shape_of(arr)[axis], shape_of(arr)
    values = cast(values, aval_of(arr).dtype)
    spots = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    spots = np.flatnonzero(spots) if spots.dtype == bool else spots
    if spots.size == 1:
        values = array(values, len(shape))
        values = np.moveaxis(values, 0, axis) if spots.ndim == 0 else values
        count = shape_of(values)[axis]
    else:
        count = spots.size
    values = np.broadcast_to(values, (*shape[:axis], count, *shape[axis + 1 :]))
    places = spots.item() if spots.size == 1 else spots.astype(np.intp)
    order = np.insert(np.arange(n), places, n + np.arange(count))
    return np.take(np.concatenate([arr, values], axis), order, axis)


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """np.delete."""
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    axis = normalize(axis, arr)
    return np.take(arr, np.delete(np.arange(shape_of(arr)[axis]), concrete(obj)), axis)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """np.resize: the elements over and over until the new shape is filled."""
    flat = np.reshape(array(a), -1)
    return flat[np.resize(np.arange(flat.size), new_shape)] if flat.size else np.zeros(new_shape, flat.dtype)


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """np.trim_zeros: the part between the first and the last element that is not zero."""
    filt, trim = array(filt), trim.lower()
    axes = np.lib.array_utils.normalize_axis_tuple(range(filt.ndim) if axis is None else axis, filt.ndim)
    found = np.argwhere(filt)
    nothing = not shape_of(found)[0]
    for i in axes:
        first = 0 if "f" not in trim else filt.shape[i] if nothing else int(np.min(found[:, i]))
        last = filt.shape[i] if "b" not in trim else 0 if nothing else int(np.max(found[:, i])) + 1
        filt = filt[slab(i, slice(first, last))]
    return filt


# Grids and diagonals -----------------------------------------------------------------------------------------------


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    """np.meshgrid."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    axes = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    shaped = [np.reshape(array(x), [-1 if k == i else 1 for k in range(n)]) for x, i in zip(xi, axes, strict=True)]
    if not sparse:
        shape = np.broadcast_shapes(*map(shape_of, shaped))
        shaped = [np.broadcast_to(x, shape) for x in shaped]
    return tuple(np.copy(x) for x in shaped) if copy else tuple(shaped)


@implements(np.ix_)
def ix_(*args: Any) -> tuple[Any, ...]:
    """np.ix_."""
    parts = []
    for i, x in enumerate(map(array, args)):
        if len(shape_of(x)) != 1:
            raise ValueError("Cross index must be 1 dimensional")
        x = np.nonzero(x)[0] if aval_of(x).dtype == bool else x
        parts.append(np.reshape(x, [-1 if k == i else 1 for k in range(len(args))]))
    return tuple(parts)


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    """np.diagflat."""
    return np.diag(np.reshape(array(v), -1), k)


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """np.vander."""
    x = array(x)
    if len(shape_of(x)) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    powers = [np.ones(shape_of(x), np.promote_types(aval_of(x).dtype, int))]
    for _ in range(1, shape_of(x)[0] if N is None else N):
        powers.append(powers[-1] * x if len(powers) > 1 else x)
    powers = powers[: shape_of(x)[0] if N is None else N]
    if not powers:
        return np.zeros((shape_of(x)[0], 0))
    return np.stack(powers if increasing else powers[::-1], 1)


# Pieces of an array handed to a function ---------------------------------------------------------------------------


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """np.apply_along_axis."""
    arr = array(arr)
    axis = normalize(axis, arr)
    moved = np.moveaxis(arr, axis, -1)
    rest = shape_of(moved)[:-1]
    if 0 in rest:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    results = [array(func1d(moved[i], *args, **kwargs)) for i in np.ndindex(rest)]
    shape = shape_of(results[0])
    whole = np.reshape(np.stack(results), (*rest, *shape))
    inner = range(len(rest), len(rest) + len(shape))
    return np.moveaxis(whole, tuple(inner), tuple(range(axis, axis + len(shape))))


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    """np.apply_over_axes."""
    value, ndim = array(a), len(shape_of(array(a)))
    for axis in np.atleast_1d(axes):
        axis = int(axis) % ndim
        result = func(value, axis)
        value = result if len(shape_of(result)) == ndim else np.expand_dims(result, axis)
        if len(shape_of(value)) != ndim:
            raise ValueError("function is not returning an array of the correct shape")
    return value


on_values(np.tril_indices_from, np.triu_indices_from, np.diag_indices_from, np.einsum_path, np.can_cast)
on_values(np.common_type, np.min_scalar_type, np.array2string, np.save, np.savez, np.savez_compressed, np.savetxt)
