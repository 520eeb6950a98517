"""Choices between values, elements that are picked by a condition, sets of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, promote, shape_of
from wengert.core.batching import along_axis, count, rows, sized_by_values, spread
from wengert.core.dispatch import implements
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant
from wengert.ops.comparison import constant_function, places
from wengert.ops.index import Slot
from wengert.ops.indexing import scatter
from wengert.ops.operand import array, cast, no_out, normalize, real

# Choices -----------------------------------------------------------------------------------------------------------


@implements(np.select)
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """np.select: the choice of the first condition that holds."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    result = default
    for i in range(len(condlist) - 1, -1, -1):
        if aval_of(array(condlist[i])).dtype != bool:
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
        result = np.where(condlist[i], choicelist[i], result)
    return result


@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """np.choose."""
    no_out("choose", out)
    dtype = promote(*(aval_of(c if isinstance(c, (int, float, complex)) else array(c)) for c in choices))
    a, choices = array(a), [cast(c, dtype) for c in choices]
    n, shape = len(choices), np.broadcast_shapes(shape_of(a), *map(shape_of, choices))
    if mode == "raise" and not np.all((a >= 0) & (a < n)):
        raise ValueError("invalid entry in choice array")
    a = np.mod(a, n) if mode == "wrap" else np.clip(a, 0, n - 1) if mode == "clip" else a
    together = np.stack([np.broadcast_to(c, shape) for c in choices])
    return np.take_along_axis(together, np.broadcast_to(a, shape)[None], 0)[0]


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """np.piecewise: each function sees only the elements that are its own."""
    x = array(x)
    shape, dtype = shape_of(x), aval_of(x).dtype
    if _is_scalar(condlist) or (_is_scalar(condlist[0]) and shape != ()):
        condlist = [condlist]
    conditions = [np.reshape(np.broadcast_to(_truth(c), shape), -1) for c in condlist]
    if len(conditions) == len(funclist) - 1:
        some = conditions[0]
        for c in conditions[1:]:
            some = some | c
        conditions.append(~some)
    if len(conditions) != len(funclist):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    flat = np.reshape(x, -1)
    result = np.zeros(flat.shape, dtype)
    for here, function in zip(conditions, funclist, strict=True):
        if not callable(function):
            result = np.where(here, cast(function, dtype), result)
        elif np.any(here):
            values = np.broadcast_to(cast(function(flat[here], *args, **kw), dtype), shape_of(flat[here]))
            params = {"indices": ((Slot(0),),), "shape": flat.shape, "dtype": dtype}
            result = np.where(here, bind(scatter(1), (values, here), params), result)
    return np.reshape(result, shape)


def _is_scalar(condition: Any) -> bool:
    return not isinstance(condition, (list, tuple)) and shape_of(condition) == ()


def _truth(condition: Any) -> Any:
    return array(condition) if aval_of(array(condition)).dtype == bool else np.not_equal(condition, 0)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """np.extract."""
    return np.reshape(array(arr), -1)[np.nonzero(np.reshape(array(condition), -1))[0]]


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """np.compress."""
    no_out("compress", out)
    return np.take(a, np.nonzero(array(condition))[0], axis)


@implements(np.flatnonzero)
def flatnonzero(a: Any) -> Any:
    """np.flatnonzero."""
    return np.nonzero(np.reshape(array(a), -1))[0]


# Orders and sets ---------------------------------------------------------------------------------------------------


def _batched_lexsort(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    keys, axis = np.moveaxis(args[0], 0, 1), params["axis"]
    if len(shape_of(keys)) == 2:  # of numbers, which are in order
        return np.zeros(shape_of(keys)[1], np.intp)
    return bind(primitive, (keys,), {"axis": axis + 1 if axis >= 0 else axis})


def _batched_membership(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    """What is there is found at its place among the sorted ones."""
    (element, test), (_, own) = args, on
    if not own:
        return bind(primitive, (element, test), params)
    element, test = spread(element, on[0], count(args, on)), np.sort(rows(test), axis=-1)
    last = shape_of(test)[1] - 1
    if last < 0:
        return np.full(shape_of(element), params["invert"])
    place = rows(np.minimum(places(test, element, "left"), last))
    found = np.reshape(np.equal(np.take_along_axis(test, place, -1), rows(element)), shape_of(element))
    return ~found if params["invert"] else found


lexsort = constant_function(np.lexsort, np.intp, lambda keys, **params: keys.shape[1:], _batched_lexsort)
packbits = constant_function(np.packbits, np.uint8, lambda a, **params: (-1,), along_axis)
unpackbits = constant_function(np.unpackbits, np.uint8, lambda a, **params: (-1,), along_axis)
isin = constant_function(np.isin, bool, lambda element, test, **params: element.shape, _batched_membership)


@implements(np.lexsort)
def lexsort_of(keys: Any, axis: int = -1) -> Any:
    """np.lexsort."""
    return bind(lexsort, (np.stack(list(keys)),), {"axis": axis})


@implements(np.packbits)
def packbits_of(a: Any, /, axis: Any = None, bitorder: str = "big") -> Any:
    """np.packbits."""
    return bind(packbits, (array(a),), {"axis": axis, "bitorder": bitorder})


@implements(np.unpackbits)
def unpackbits_of(a: Any, /, axis: Any = None, count: Any = None, bitorder: str = "big") -> Any:
    """np.unpackbits."""
    return bind(unpackbits, (array(a),), {"axis": axis, "count": count, "bitorder": bitorder})


@implements(np.isin)
def isin_of(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    """np.isin."""
    return bind(isin, (array(element), array(test_elements)), {"invert": invert})


def _places(x: Any, *, axis: int | None, equal_nan: bool) -> tuple[Any, Any, Any]:
    return np.unique(x, True, True, True, axis=axis, equal_nan=equal_nan)[1:]


#: Where the different values first stand, which of them each element is, and how often they occur.
unique_places = REGISTRY["unique_places"] = Primitive(
    "unique_places",
    _places,
    [Constant()],
    aval=lambda x, **params: (Aval((-1,), np.dtype(np.intp)),) * 3,
    outputs=3,
    batch=sized_by_values,
    notation=Notation("unique", "np.unique({0}, True, True, True, {params})[1:]", r"\operatorname{{unique}} {0:5}"),
)


@implements(np.unique)
def unique(
    ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None, *,
    equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """np.unique: of equal elements it picks the one that stands first."""
    ar = array(ar)
    axis = None if axis is None else normalize(axis, ar)
    index, inverse, counts = bind(unique_places, (ar,), {"axis": axis, "equal_nan": equal_nan})
    values = np.take(ar, index, axis)
    chosen = [p for p, on in ((index, return_index), (inverse, return_inverse), (counts, return_counts)) if on]
    return (values, *chosen) if chosen else values


def _named(function: Callable[..., Any], *wanted: bool) -> None:
    result = type(function(np.zeros(1)))
    implements(function)(lambda x: result(*unique(x, *wanted, equal_nan=False)))


_named(np.unique_all, True, True, True)
_named(np.unique_counts, False, False, True)
_named(np.unique_inverse, False, True, False)


@implements(np.unique_values)
def unique_values(x: Any) -> Any:
    """np.unique_values."""
    return unique(x, equal_nan=False)


@implements(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    """np.union1d."""
    return unique(np.concatenate([array(ar1), array(ar2)], axis=None))


@implements(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """np.intersect1d: the values of the first array that are in the second."""
    first, at = unique(ar1, return_index=True)
    both = isin_of(first, ar2)
    if not return_indices:
        return first[both]
    second, there = unique(ar2, return_index=True)
    return first[both], at[both], there[isin_of(second, ar1)]


@implements(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """np.setdiff1d."""
    ar1 = np.reshape(array(ar1), -1) if assume_unique else unique(ar1)
    return ar1[isin_of(ar1, ar2, invert=True)]


@implements(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """np.setxor1d."""
    return np.sort(np.concatenate([setdiff1d(ar1, ar2), setdiff1d(ar2, ar1)]))


@implements(np.sort_complex)
def sort_complex(a: Any) -> Any:
    """np.sort_complex."""
    a = np.sort(array(a))
    return a if a.dtype.kind == "c" else a.astype(np.result_type(a.dtype, np.complex64))


# Positions ---------------------------------------------------------------------------------------------------------


@implements(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Any, ...]:
    """np.unravel_index."""
    rest, shape = array(indices), (shape,) if isinstance(shape, int) else tuple(shape)
    if not np.all((rest >= 0) & (rest < int(np.prod(shape)))):
        raise ValueError(f"index {indices} is out of bounds for array with size {int(np.prod(shape))}")
    places = []
    for n in shape[::-1] if order == "C" else shape:
        places.append(np.remainder(rest, n))
        rest = np.floor_divide(rest, n)
    return tuple(places[::-1] if order == "C" else places)


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    """np.ravel_multi_index."""
    pairs = [(array(i), int(n)) for i, n in zip(multi_index, dims, strict=True)]
    modes = [mode] * len(pairs) if isinstance(mode, str) else list(mode)
    total: Any = 0
    for (index, n), how in zip(
        pairs if order == "C" else pairs[::-1], modes if order == "C" else modes[::-1], strict=True
    ):
        if how == "raise" and not np.all((index >= 0) & (index < n)):
            raise ValueError("invalid entry in coordinates array")
        inside = np.mod(index, n) if how == "wrap" else np.clip(index, 0, n - 1) if how == "clip" else index
        total = total * n + inside
    return total


# Predicates --------------------------------------------------------------------------------------------------------


@implements(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    """np.isposinf."""
    return np.equal(real(x, "np.isposinf"), np.inf)


@implements(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    """np.isneginf."""
    return np.equal(real(x, "np.isneginf"), -np.inf)


@implements(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> bool:
    """np.array_equiv."""
    try:
        np.broadcast_shapes(shape_of(array(a1)), shape_of(array(a2)))
    except ValueError:
        return False
    return bool(np.all(np.equal(a1, a2)))
