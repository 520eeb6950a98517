"""Picking elements out of an array, and its transpose, adding them into an array of zeros."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from wengert.core.alias import read_only, view
from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.batching import count, direct, spread
from wengert.core.dispatch import implements
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Linear, Rule
from wengert.core.tracer import Tracer
from wengert.ops.index import Index, Slot, of_examples, restore, shifted


def separate(index: Any) -> tuple[Index, list[Any]]:
    """An index as a tuple with slots, and the arrays that belong into them."""
    template: list[Any] = []
    arrays: list[Any] = []
    for part in index if isinstance(index, tuple) else (index,):
        if isinstance(part, slice):
            template.append(slice(_bound(part.start), _bound(part.stop), _bound(part.step)))
        elif part is None or part is Ellipsis:
            template.append(part)
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            template.append(int(part))
        else:
            array = part if isinstance(part, Tracer) else np.array(part)
            if aval_of(array).dtype.kind not in "iub" and shape_of(array) != (0,):
                raise IndexError(
                    f"arrays used as indices must be of integer or boolean type, not {aval_of(array).dtype}"
                )
            template.append(Slot(len(arrays)))
            arrays.append(array if isinstance(array, Tracer) or array.dtype.kind in "iub" else array.astype(np.intp))
    return tuple(template), arrays


def _bound(i: Any) -> int | None:
    return None if i is None else operator.index(i)


def _picked(x: Aval, *arrays: Aval, index: Index) -> Aval:
    # np.broadcast_to takes no memory: NumPy's own indexing on it is the shape rule.
    if any(a.dtype.kind == "b" for a in arrays):
        raise TypeError("the shape of a boolean selection depends on the values")
    shaped = np.broadcast_to(np.empty((), x.dtype), x.shape)
    return Aval(shaped[restore(index, [np.zeros(a.shape, np.intp) for a in arrays])].shape, x.dtype)


def _scatter(*args: Any, indices: tuple[Index, ...], shape: tuple[int, ...], dtype: Any) -> Any:
    values, arrays = args[: len(indices)], args[len(indices) :]
    out = np.zeros(shape, dtype)
    for value, template in zip(values, indices, strict=True):
        if arrays and any(
            isinstance(part, Slot) and aval_of(arrays[part.position]).dtype.kind != "b" for part in template
        ):
            np.add.at(out, restore(template, arrays), value)
        else:
            out[restore(template, arrays)] += value
    return out[()]


def _back(i: int) -> Rule:
    def gather(ct: Any, *args: Any, indices: tuple[Index, ...], shape: Any, dtype: Any) -> Any:
        return pick(ct, restore(indices[i], args[len(indices) :]))

    return Linear(gather)


def _batched_scatter(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    many, indices, shape = count(args, on), params["indices"], params["shape"]
    values, arrays, templates = [], [], []  # type: ignore[var-annotated]
    for value, batched, template in zip(args, on, indices, strict=False):
        each = of_examples(template, args[len(indices) :], on[len(indices) :], many, shape, True)
        templates.append(shifted(each.template, len(arrays)))
        arrays.extend(each.arrays)
        values.append(each.placed(spread(value, batched, many)))
    moved = {**params, "indices": tuple(templates), "shape": (many, *shape)}
    return bind(primitive, (*values, *arrays), moved)


@cache
def scatter(n: int) -> Primitive:
    """The sum of n values, each put at its index into an array of zeros; the index arrays are the arguments after them."""
    return Primitive(
        "scatter",
        _scatter,
        lambda i: _back(i) if i < n else Constant(),
        aval=lambda *args, indices, shape, dtype: Aval(shape, dtype),
        joint=True,
        complex=True,
        batch=_batched_scatter,
        notation=Notation("scatter", "scatter({args}, {params})", r"\operatorname{{scatter}}\left({args}\right)"),
    )


REGISTRY["scatter"] = scatter(1)


def _transpose_pick(ct: Any, x: Any, *arrays: Any, index: Index) -> Any:
    return bind(scatter(1), (ct, *arrays), {"indices": (index,), "shape": shape_of(x), "dtype": aval_of(x).dtype})


def _merge_picks(cts: Sequence[Any], argss: Sequence[Sequence[Any]], paramss: Sequence[dict[str, Any]]) -> Any:
    """The transposes of many picks from one array, added up in one operation."""
    arrays: list[Any] = []
    indices = []
    for args, params in zip(argss, paramss, strict=True):
        shift = len(arrays)
        indices.append(shifted(params["index"], shift))
        arrays.extend(args[1:])
    x = argss[0][0]
    return bind(
        scatter(len(cts)), (*cts, *arrays), {"indices": tuple(indices), "shape": shape_of(x), "dtype": aval_of(x).dtype}
    )


def _batched_pick(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    x, many = args[0], count(args, on)
    shape = shape_of(x)[1:] if on[0] else shape_of(x)
    each = of_examples(params["index"], args[1:], on[1:], many, shape, on[0])
    return each.first(bind(primitive, (x, *each.arrays), {"index": each.template}))


getitem = REGISTRY["getitem"] = Primitive(
    "getitem",
    lambda x, *arrays, index: x[restore(index, arrays)],
    lambda i: Linear(_transpose_pick, _merge_picks) if i == 0 else Constant(),
    aval=_picked,
    complex=True,
    batch=_batched_pick,
    notation=Notation("[ ]", "{0:9}[{index}]", "{0:9}_{{{index}}}"),
)


def pick(x: Any, index: Any) -> Any:
    """x[index] for every kind of index that NumPy has."""
    template, arrays = separate(index)
    params = {"index": template}
    result = bind(getitem, (x, *arrays), params)
    if arrays or not (shape_of(result) or Ellipsis in template):  # with an ellipsis even a number is a view
        return result
    put = REGISTRY["put"]
    return view(
        result, x, lambda base: bind(getitem, (base,), params), lambda base, new: bind(put, (base, new), params)
    )


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """np.take."""
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(a)))
    if mode != "raise":
        n = shape_of(a)[axis]
        indices = np.remainder(indices, n) if mode == "wrap" else np.minimum(np.maximum(indices, 0), n - 1)
    indices = indices if isinstance(indices, Tracer) else np.asarray(indices)
    return pick(a, (slice(None),) * axis + (indices,))


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """np.take_along_axis."""
    if axis is None:
        arr, axis = np.reshape(arr, -1), 0
    shape = shape_of(arr)
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape))
    index = [np.arange(n).reshape((1,) * i + (n,) + (1,) * (len(shape) - i - 1)) for i, n in enumerate(shape)]
    index[axis] = indices
    return pick(arr, tuple(index))


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """np.flip."""
    ndim = len(shape_of(m))
    axes = range(ndim) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, ndim)
    return pick(m, tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(ndim)))


@implements(np.flipud)
def flipud(m: Any) -> Any:
    """np.flipud."""
    return flip(m, 0)


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    """np.fliplr."""
    return flip(m, 1)


def _on_diagonal(ct: Any, x: Any, *, offset: int) -> Any:
    i = np.arange(shape_of(ct)[-1])
    params = {"indices": ((Ellipsis, Slot(0), Slot(1)),), "shape": shape_of(x), "dtype": aval_of(x).dtype}
    return bind(scatter(1), (ct, i - min(offset, 0), i + max(offset, 0)), params)


def _length(shape: tuple[int, ...], offset: int) -> int:
    return max(0, min(shape[-2] + min(offset, 0), shape[-1] - max(offset, 0)))


diagonal_of = REGISTRY["diagonal"] = Primitive(
    "diagonal",
    lambda x, *, offset: np.diagonal(x, offset, -2, -1),
    [Linear(_on_diagonal)],
    aval=lambda x, *, offset: Aval((*x.shape[:-2], _length(x.shape, offset)), x.dtype),
    complex=True,
    batch=direct,
    notation=Notation("diagonal", "np.diagonal({0}, {offset}, -2, -1)", r"\operatorname{{diag}}\left({0}\right)"),
)


@implements(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """np.diagonal."""
    ndim = len(shape_of(a))
    axis1, axis2 = (np.lib.array_utils.normalize_axis_index(i, ndim) for i in (axis1, axis2))
    a = np.moveaxis(a, (axis1, axis2), (-2, -1))
    params = {"offset": int(offset)}
    return view(bind(diagonal_of, (a,), params), a, lambda base: bind(diagonal_of, (base,), params), read_only)


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """np.diag: a diagonal out of a matrix, or a matrix from a diagonal."""
    if len(shape_of(v)) == 2:
        return diagonal(v, k)
    n = shape_of(v)[0] + abs(k)
    i = np.arange(shape_of(v)[0])
    rows, columns = i - min(k, 0), i + max(k, 0)
    params = {"indices": ((Slot(0), Slot(1)),), "shape": (n, n), "dtype": aval_of(v).dtype}
    return bind(scatter(1), (v, rows, columns), params)


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    """np.trace."""
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@implements(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """np.sort: the elements in the order of their numbers; a tie keeps the order in which they stood."""
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    return take_along_axis(a, np.argsort(a, axis=axis, kind="stable"), axis)
