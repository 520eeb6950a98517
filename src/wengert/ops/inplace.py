"""Updates in place: element assignment, `+=`, `out=`, and NumPy's functions that write into an array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.alias import traceable, update
from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.batching import count, padded, rank, spread
from wengert.core.chain import unbroadcast
from wengert.core.dispatch import UFUNC_METHODS, UFUNCS, implements, refuse_writer
from wengert.core.errors import InPlaceError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Linear
from wengert.core.tracer import Tracer, concrete
from wengert.ops.index import Index, Slot, of_examples, restore
from wengert.ops.indexing import pick, separate


def _put(x: Any, v: Any, *arrays: Any, index: Index) -> Any:
    out = np.array(x)
    out[restore(index, arrays)] = v
    return out


def _winners(shape: tuple[int, ...], index: Index, arrays: Sequence[Any]) -> Any:
    """Where an index names an element twice, the value that NumPy writes last is the one that stays."""
    owner, getitem = np.zeros(shape, np.intp), REGISTRY["getitem"]
    target = shape_of(bind(getitem, (owner, *arrays), {"index": index}))
    numbers = np.reshape(np.arange(math.prod(target)), target)
    owner = bind(put, (owner, numbers, *arrays), {"index": index})
    return np.equal(bind(getitem, (owner, *arrays), {"index": index}), numbers)


def _value_ct(ct: Any, x: Any, v: Any, *arrays: Any, index: Index) -> Any:
    picked = pick(ct, restore(index, arrays))
    if any(aval_of(a).dtype.kind != "b" and shape_of(a) for a in arrays):
        picked = np.where(_winners(shape_of(x), index, arrays), picked, 0.0)
    shape = shape_of(v)
    excess = len(shape) - len(shape_of(picked))  # NumPy drops leading axes of length 1
    return np.reshape(unbroadcast(picked, shape[excess:]), shape) if excess > 0 else unbroadcast(picked, shape)


def _behind(value: Any, batched: bool, axes: int) -> Any:
    """A value for each example, or for the leading axes of each, with axes of length 1 for the rest of them."""
    return np.reshape(value, (*shape_of(value), *(1,) * (axes - rank(value, batched))))


def _batched_put(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    x, v, *arrays = args
    if (
        params["index"] == (Slot(0),) and not rank(v, on[1]) and aval_of(arrays[0]).dtype.kind == "b"
    ):  # y[mask] = number
        axes, full = rank(x, on[0]), spread(x, on[0], count(args, on))
        mask, value = _behind(arrays[0], on[2], axes), _behind(v, on[1], axes)
        return np.where(mask, value, full).astype(aval_of(x).dtype)
    many, batched = count(args, on), on[1]
    x = spread(x, on[0], many)
    shape = shape_of(x)[1:]
    each = of_examples(params["index"], arrays, on[2:], many, shape, True)
    masks = [aval_of(a).dtype.kind == "b" for a in arrays]  # none of them traced: `of_examples` has looked
    own = [a if m else np.zeros(shape_of(a)[b:], np.intp) for a, b, m in zip(arrays, on[2:], masks, strict=True)]
    region = np.broadcast_to(0, shape)[restore(params["index"], own)].shape
    if batched or shape_of(v):
        excess = max(rank(v, batched) - len(region), 0)  # leading axes of length 1, which NumPy drops
        v = np.reshape(v, (*shape_of(v)[:batched], *shape_of(v)[batched + excess :]))
        v = each.placed(np.broadcast_to(padded(v, batched, len(region)), (many, *region)))
    return bind(primitive, (x, v, *each.arrays), {"index": each.template})


put: Primitive = Primitive(
    "put",
    _put,
    lambda i: (
        [
            Linear(lambda ct, x, v, *arrays, index: bind(put, (ct, 0.0, *arrays), {"index": index})),
            Linear(_value_ct),
        ][i]
        if i < 2
        else Constant()
    ),
    aval=lambda x, v, *arrays, index: Aval(x.shape, x.dtype),
    joint=True,
    complex=True,
    batch=_batched_put,
    notation=Notation("[ ]=", "put({0}, {1}, [{index}])", r"\operatorname{{put}}\left({0}, {1}, {index}\right)"),
)


REGISTRY["put"] = put


def assign(array: Any, index: Any, value: Any) -> None:
    """`array[index] = value` on a traced array."""
    if not array.is_cell or type(concrete(array)) is not np.ndarray:
        raise TypeError(f"'{type(concrete(array)).__name__}' object does not support item assignment")
    value = gathered(value)
    value = value if isinstance(value, Tracer) else np.asarray(value)
    if not np.can_cast(aval_of(value).dtype, array.dtype, "same_kind") and aval_of(value).dtype.kind in "fc":
        raise InPlaceError(
            f"an array of {array.dtype} cannot take values of {aval_of(value).dtype}",
            wrong="y = np.zeros(n, int, like=x); y[0] = x",
            right="y = np.zeros(n, like=x); y[0] = x",
        )
    template, arrays = separate(index)
    array.check_update()
    update(array, bind(put, (array.frozen(), value, *arrays), {"index": template}), fresh=True)


def updated(array: Any, primitive: Primitive, other: Any) -> Any:
    """`array += other`: a number becomes a new number, as in Python; an array changes, and its views with it."""
    if not array.is_cell:
        return primitive(array, other)
    array.check_update()
    update(array, primitive(array.frozen(), other), fresh=True)
    return array


# NumPy's functions that write ---------------------------------------------------------------------------------------


def _target(array: Any, name: str) -> Any:
    if not isinstance(array, Tracer):
        refuse_writer(name)
    return array


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """np.copyto."""
    _target(dst, "copyto")
    src = np.broadcast_to(gathered(src), dst.shape)
    update(dst, src if where is True else np.where(where, src, dst.frozen()))


@implements(np.put)
def put_flat(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """np.put: by positions in the flattened array; a short v is repeated."""
    _target(a, "put")
    positions = np.asarray(ind).ravel()
    if mode != "raise":
        positions = positions % a.size if mode == "wrap" else np.clip(positions, 0, a.size - 1)
    values = np.reshape(gathered(v), -1)
    values = values[np.arange(positions.size) % shape_of(values)[0]]
    flat = np.reshape(a.frozen(), -1)
    template, arrays = separate(positions)
    update(a, np.reshape(bind(put, (flat, values, *arrays), {"index": template}), a.shape))


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """np.place: the masked elements, in order, from vals, repeated where it is short."""
    _target(arr, "place")
    put_flat(arr, np.flatnonzero(mask), vals)


@implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    """np.putmask: values[i] where mask[i], the values repeated where they are short."""
    _target(a, "putmask")
    values = np.reshape(gathered(values), -1)
    values = np.reshape(values[np.arange(a.size) % shape_of(values)[0]], a.shape)
    update(a, np.where(mask, values, a.frozen()))


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """np.fill_diagonal."""
    _target(a, "fill_diagonal")
    positions = np.arange(a.size).reshape(a.shape)
    marked = np.full(a.shape, -1)
    np.fill_diagonal(marked, 1, wrap=wrap)
    put_flat(a, positions[marked == 1], val)


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: Any = -1) -> None:
    """np.put_along_axis."""
    _target(arr, "put_along_axis")
    positions = np.arange(arr.size).reshape(arr.shape)
    chosen = np.take_along_axis(positions if axis is not None else positions.ravel(), np.asarray(indices), axis)
    put_flat(arr, chosen.ravel(), np.reshape(np.broadcast_to(values, chosen.shape), -1))


def _at(ufunc: np.ufunc) -> Any:
    def at(a: Any, indices: Any, b: Any = None) -> None:
        """`ufunc.at`: unbuffered, so that an element named twice is changed twice."""
        _target(a, f"{ufunc.__name__}.at")
        apply = UFUNCS[ufunc]
        positions = np.arange(a.size).reshape(a.shape)[indices]
        operand = None if b is None else np.reshape(np.broadcast_to(b, positions.shape), -1)
        flat = np.reshape(a.frozen(), -1)
        rest = positions.ravel()
        order = np.arange(rest.size)
        while rest.size:  # each round takes every element at most once
            _, first = np.unique(rest, return_index=True)
            template, arrays = separate(rest[first])
            old = pick(flat, rest[first])
            new = apply(old) if operand is None else apply(old, operand[order[first]])
            flat = bind(put, (flat, new, *arrays), {"index": template})
            keep = np.setdiff1d(np.arange(rest.size), first)
            rest, order = rest[keep], order[keep]
        update(a, np.reshape(flat, a.shape))

    return at


for _ufunc in list(UFUNCS):
    if _ufunc.nout == 1 and _ufunc.nin <= 2 and _ufunc.signature is None:
        UFUNC_METHODS[_ufunc, "at"] = _at(_ufunc)


# Arrays that can be filled -------------------------------------------------------------------------------------------


def _maker(function: Any) -> Any:
    def make(*args: Any, like: Any = None, **kwargs: Any) -> Any:
        return traceable(function(*args, **kwargs))

    make.__name__ = function.__name__
    return make


for _function in (np.zeros, np.ones, np.empty, np.eye, np.identity, np.arange):
    implements(_function)(_maker(_function))


def _like(function: Any) -> Any:
    def make(a: Any, dtype: Any = None, order: Any = "K", subok: bool = True, shape: Any = None, **options: Any) -> Any:
        dtype = aval_of(a).dtype if dtype is None else dtype
        return traceable(function(concrete(a), dtype, order, shape=shape))

    make.__name__ = function.__name__
    return make


implements(np.zeros_like, np.empty_like)(_like(np.zeros_like))
implements(np.ones_like)(_like(np.ones_like))


def gathered(value: Any, dtype: Any = None) -> Any:
    """Nested lists of numbers and traced values as one array: what `np.array` would make of them."""
    if isinstance(value, (list, tuple)):
        parts = [gathered(v) for v in value]
        result: Any
        if any(isinstance(p, Tracer) for p in parts):
            result = np.stack([p if isinstance(p, Tracer) else np.asarray(p) for p in parts])
        else:
            result = np.array(parts)
    else:
        result = value.frozen() if isinstance(value, Tracer) else value
    return result if dtype is None or aval_of(result).dtype == np.dtype(dtype) else np.astype(result, dtype)


@implements(np.array)
def array_like(object: Any, dtype: Any = None, *, like: Any = None, **kwargs: Any) -> Any:
    """np.array(values, like=x): an array of traced values, which can be filled further."""
    made = traceable(gathered(object, dtype))
    return np.copy(made) if isinstance(object, Tracer) and made.dtype == object.dtype else made


@implements(np.asarray, np.asanyarray)
def asarray_like(a: Any, dtype: Any = None, *, like: Any = None, **kwargs: Any) -> Any:
    """np.asarray(values, like=x): the same array where it is one of that dtype already."""
    same = isinstance(a, Tracer) and (dtype is None or a.dtype == np.dtype(dtype))
    return a if same else traceable(gathered(a, dtype))
