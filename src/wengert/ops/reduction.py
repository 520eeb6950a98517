"""Sums, products, extrema over axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.batching import along_axis, along_axis_or_all
from wengert.core.chain import spread
from wengert.core.dispatch import UFUNC_METHODS, UFUNCS, implements, missing, refuse_out
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Linear, Pushforward, Rule

Axis = int | tuple[int, ...] | None


def normalize_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes as a sorted tuple of non-negative ints; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, int):
        return (int(np.lib.array_utils.normalize_axis_index(axis, ndim)),)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return tuple(sorted(np.lib.array_utils.normalize_axis_tuple(tuple(axes), ndim)))


def expand(ct: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Give a reduced value its axes of length 1 back; a number broadcasts without them."""
    return ct if keepdims or not axis or shape_of(ct) == () else np.expand_dims(ct, axis)


def reduced_shape(shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The shape after a reduction."""
    if keepdims:
        return tuple(1 if i in axis else n for i, n in enumerate(shape))
    return tuple(n for i, n in enumerate(shape) if i not in axis)


def _reduction(name: str, impl: Callable[..., Any], rule: Rule, dtype: Any = None, latex: str = "") -> Primitive:
    def aval(x: Aval, *, axis: tuple[int, ...], keepdims: bool) -> Aval:
        kind = dtype or (np.dtype(np.int64) if name in ("sum", "prod") and x.dtype.kind in "bi" else x.dtype)
        return Aval(reduced_shape(x.shape, axis, keepdims), kind)

    primitive = REGISTRY[name] = Primitive(
        name,
        impl,
        [rule],
        aval=aval,
        joint=True,
        complex=dtype is None,
        batch=along_axis,
        notation=Notation(name, f"np.{name}({{0}}, {{params}})", latex),
    )
    return primitive


def _sum(x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    add: np.ufunc = np.add
    return add.reduce(x, axis=axis, keepdims=keepdims)


def weighted_sum(t: Any, weights: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """np.sum(t * weights, axis, keepdims=keepdims) with the primitives themselves: pushforwards are run often."""
    product = bind(REGISTRY["multiply"], (t, weights), {})
    return bind(REGISTRY["sum"], (product,), {"axis": axis, "keepdims": keepdims})


def _other_factors(x: Any, axis: tuple[int, ...]) -> Any:
    """For each element the product of all the others along the axes, right where elements are zero."""
    rest = [i for i in range(x.ndim) if i not in axis]
    moved = np.transpose(x, [*rest, *axis])
    flat = np.reshape(moved, (*moved.shape[: len(rest)], -1))
    one = np.ones((*flat.shape[:-1], 1), flat.dtype)
    before = np.concatenate([one, np.cumprod(flat[..., :-1], -1)], -1)
    after = np.flip(np.concatenate([one, np.cumprod(np.flip(flat[..., 1:], -1), -1)], -1), -1)
    return np.transpose(np.reshape(before * after, moved.shape), np.argsort([*rest, *axis]))


def _prod_push(t: Any, z: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    if not axis or x.size == 0:
        return np.sum(t, axis=axis, keepdims=keepdims)
    return weighted_sum(t, _other_factors(x, axis), axis, keepdims)


def _extremum_push(t: Any, z: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Ties share the derivative evenly: a convention, the mean over the elements that attain the extremum."""
    hit = np.equal(x, expand(z, axis, keepdims)).astype(x.dtype)
    return weighted_sum(t, hit / np.sum(hit, axis=axis, keepdims=True), axis, keepdims)


# fmt: off
sum_  = _reduction("sum", _sum, Linear(lambda ct, x, *, axis, keepdims: spread(expand(ct, axis, keepdims), x.shape)), latex=r"\sum {0:5}")
prod  = _reduction("prod", lambda x, *, axis, keepdims: np.multiply.reduce(x, axis=axis, keepdims=keepdims), Pushforward(_prod_push), latex=r"\prod {0:5}")
max_  = _reduction("max",  lambda x, *, axis, keepdims: np.maximum.reduce(x, axis=axis, keepdims=keepdims), Pushforward(_extremum_push), latex=r"\max {0:5}")
min_  = _reduction("min",  lambda x, *, axis, keepdims: np.minimum.reduce(x, axis=axis, keepdims=keepdims), Pushforward(_extremum_push), latex=r"\min {0:5}")
any_  = _reduction("any",  lambda x, *, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims), Constant(), np.dtype(bool), latex=r"\operatorname{{any}} {0:5}")
all_  = _reduction("all",  lambda x, *, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims), Constant(), np.dtype(bool), latex=r"\operatorname{{all}} {0:5}")
# fmt: on


def _position(name: str) -> Primitive:
    function = getattr(np, name)
    primitive = REGISTRY[name] = Primitive(
        name, function, [Constant()], joint=True, batch=along_axis_or_all,
        aval=lambda x, *, axis, keepdims: Aval(
            reduced_shape(x.shape, normalize_axes(axis, len(x.shape)), keepdims), np.dtype(np.intp)),
        notation=Notation(name, f"np.{name}({{0}}, {{params}})", rf"\operatorname{{{{{name}}}}} {{0:5}}"),
    )  # fmt: skip
    return primitive


argmax = _position("argmax")
argmin = _position("argmin")


#: How a reduction continues from `initial`, and what stands for an element that `where` leaves out.
_CONTINUED: dict[str, tuple[np.ufunc, Any]] = {
    "sum": (np.add, 0), "prod": (np.multiply, 1), "max": (np.maximum, None), "min": (np.minimum, None),
    "any": (np.logical_or, False), "all": (np.logical_and, True),
}  # fmt: skip


def _reducer(primitive: Primitive) -> Callable[..., Any]:
    continued, neutral = _CONTINUED[primitive.name]

    def function(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
        initial: Any = np._NoValue, where: Any = True,
    ) -> Any:  # fmt: skip
        if out is not None:
            refuse_out(primitive.name, out)
        if dtype is not None:  # small integers are summed as int64, which asked for by name they are not
            result = function(a.astype(dtype), axis, None, None, keepdims, initial, where)
            return result if aval_of(result).dtype == np.dtype(dtype) else result.astype(dtype)
        begun = initial is not np._NoValue and initial is not None
        if where is not True and where is not np._NoValue:
            if neutral is None and not begun:
                raise ValueError(f"np.{primitive.name} has no identity, so to use where= one has to specify initial=")
            a = np.where(where, a, initial if neutral is None else neutral)
        keepdims = False if keepdims is np._NoValue else bool(keepdims)
        axes = normalize_axes(axis, len(shape_of(a)))
        if begun and neutral is None and not count(a, axes):
            return np.broadcast_to(initial, reduced_shape(shape_of(a), axes, keepdims)).astype(a.dtype)
        result = bind(primitive, (a,), {"axis": axes, "keepdims": keepdims})
        return continued(result, initial) if begun else result

    function.__name__ = primitive.name
    return function


def _extremum(primitive: Primitive) -> Callable[..., Any]:
    reducer = _reducer(primitive)

    def function(a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Any:
        return reducer(a, axis, None, out, keepdims, **options)

    return function


sum_of = implements(np.sum)(_reducer(sum_))
prod_of = implements(np.prod)(_reducer(prod))
max_of = implements(np.max, np.amax)(_extremum(max_))
min_of = implements(np.min, np.amin)(_extremum(min_))
any_of = implements(np.any)(_extremum(any_))
all_of = implements(np.all)(_extremum(all_))


def _arg(primitive: Primitive) -> Callable[..., Any]:
    def function(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        if out is not None:
            refuse_out(primitive.name, out)
        return bind(primitive, (a,), {"axis": axis, "keepdims": keepdims is True})

    return function


argmax_of = implements(np.argmax)(_arg(argmax))
argmin_of = implements(np.argmin)(_arg(argmin))


def _ufunc_reduce(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(array: Any, axis: Any = 0, dtype: Any = None, keepdims: bool = False, **options: Any) -> Any:
        if dtype is not None:
            array = array.astype(dtype)
        return function(array, axis=axis, keepdims=keepdims, **options)

    return reduce


for _ufunc, _function in (
    (np.add, sum_of), (np.multiply, prod_of), (np.maximum, max_of), (np.minimum, min_of),
    (np.logical_and, all_of), (np.logical_or, any_of),
):  # fmt: skip
    UFUNC_METHODS[_ufunc, "reduce"] = _ufunc_reduce(_function)


def _outer(ufunc: np.ufunc) -> Callable[..., Any]:
    def outer(a: Any, b: Any, **options: Any) -> Any:
        if ufunc not in UFUNCS:
            raise missing(f"np.{ufunc.__name__}.outer", 2)
        left = np.reshape(a, (*shape_of(a), *(1,) * len(shape_of(b))))
        return UFUNCS[ufunc](left, b, **options)

    return outer


for _pair in [u for u in UFUNCS if u.nin == 2]:
    UFUNC_METHODS[_pair, "outer"] = _outer(_pair)


def count(x: Any, axis: Axis) -> int:
    """How many elements a reduction along these axes takes together."""
    shape = aval_of(x).shape
    return int(np.prod([shape[i] for i in normalize_axes(axis, len(shape))]))
