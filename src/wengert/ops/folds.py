"""Methods of ufuncs: reduce, accumulate and reduceat of any ufunc of two arguments, one application after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.batching import along_axis
from wengert.core.dispatch import UFUNC_METHODS, UFUNCS, implements
from wengert.core.errors import MissingRuleError
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Pushforward
from wengert.core.tracer import concrete
from wengert.ops.operand import array, no_out, normalize, slab
from wengert.ops.reduction import expand, normalize_axes, reduced_shape
from wengert.ops.special import stop_gradient

# Two reductions that are used on long arrays have a rule as a whole ------------------------------------------------


def _primitive(ufunc: np.ufunc, share: Callable[[Any, Any, Any], Any]) -> Primitive:
    """`share(x, z, axis)`: the partial derivatives of the result z, along its axes."""
    name = f"{ufunc.__name__}_reduce"

    def push(t: Any, z: Any, x: Any, *, axis: tuple[int, ...], keepdims: bool) -> Any:
        return np.sum(t * share(x, expand(z, axis, keepdims), axis), axis=axis, keepdims=keepdims)

    primitive = REGISTRY[name] = Primitive(
        name,
        lambda x, *, axis, keepdims: ufunc.reduce(x, axis=axis, keepdims=keepdims),
        [Pushforward(push)],
        aval=lambda x, *, axis, keepdims: Aval(reduced_shape(x.shape, axis, keepdims), x.dtype),
        batch=along_axis,
        notation=Notation(
            name, f"np.{ufunc.__name__}.reduce({{0}}, {{params}})", rf"\operatorname{{{{{name}}}}} {{0:5}}"
        ),
    )
    return primitive


def _softmax(x: Any, z: Any, axis: Any) -> Any:
    """eˣ/Σeˣ; the shift by z cancels, so it is a constant of the derivative."""
    z = bind(stop_gradient, (z,), {})
    e = np.exp(np.where(x == z, 0.0, x - z))
    return e / np.sum(e, axis=axis, keepdims=True)


_WHOLE = {
    np.logaddexp: _primitive(np.logaddexp, _softmax),
    np.hypot: _primitive(np.hypot, lambda x, z, axis: np.where(z == 0, 0.0, x / z)),
}

# Every other one is folded -----------------------------------------------------------------------------------------

#: What turns numbers into truth values first.
_LOGICAL = {np.logical_and, np.logical_or, np.logical_xor}


def _reduce(ufunc: np.ufunc) -> Callable[..., Any]:
    def reduce(
        array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False,
        initial: Any = np._NoValue, where: Any = True,
    ) -> Any:  # fmt: skip
        no_out(f"{ufunc.__name__}.reduce", out)
        x = array if dtype is None else array.astype(dtype)
        x = np.not_equal(x, 0) if ufunc in _LOGICAL else x
        shape = shape_of(x)
        if where is not True:
            if ufunc.identity is None:
                raise MissingRuleError(
                    f"np.{ufunc.__name__}.reduce with where= has no derivative rule",
                    wrong=f"np.{ufunc.__name__}.reduce(x, where=mask)",
                    right=f"np.{ufunc.__name__}.reduce(x[mask])",
                )
            x = np.where(where, x, ufunc.identity)
        axes = normalize_axes(axis, len(shape))
        begun = initial is not np._NoValue and initial is not None
        if ufunc in _WHOLE and aval_of(x).dtype.kind == "f" and axes:
            result = bind(_WHOLE[ufunc], (x,), {"axis": axes, "keepdims": bool(keepdims)})
            return UFUNCS[ufunc](result, initial) if begun else result
        rest = [i for i in range(len(shape)) if i not in axes]
        size = int(np.prod([shape[i] for i in axes]))
        rows = np.reshape(np.transpose(x, [*axes, *rest]), (size, *(shape[i] for i in rest)))
        if not size and not begun and ufunc.identity is None:
            raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
        result = initial if begun else rows[0] if size else ufunc.identity
        for i in range(0 if begun else 1, size):
            result = UFUNCS[ufunc](result, rows[i])
        return np.reshape(np.broadcast_to(result, shape_of(rows)[1:]), reduced_shape(shape, axes, bool(keepdims)))

    return reduce


def _accumulate(ufunc: np.ufunc) -> Callable[..., Any]:
    def accumulate(array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        no_out(f"{ufunc.__name__}.accumulate", out)
        x = array if dtype is None else array.astype(dtype)
        x = np.not_equal(x, 0) if ufunc in _LOGICAL else x
        axis = normalize(axis, x)
        n = shape_of(x)[axis]
        if ufunc in _IDEMPOTENT:
            return _doubled(UFUNCS[ufunc], x, axis, n)
        results: list[Any] = []
        for i in range(n):
            here = x[slab(axis, i)]
            results.append(UFUNCS[ufunc](results[-1], here) if results else here)
        return np.stack(results, axis) if results else x

    return accumulate


#: Where the order of application does not matter, and rounding neither.
_IDEMPOTENT = {np.maximum, np.minimum, np.fmax, np.fmin}


def _doubled(apply: Callable[..., Any], x: Any, axis: int, n: int) -> Any:
    """Each element with the one k before it, for k = 1, 2, 4, …: log n steps (Hillis & Steele 1986)."""
    k = 1
    while k < n:
        joined = apply(x[slab(axis, slice(k, None))], x[slab(axis, slice(None, -k))])
        x = np.concatenate([x[slab(axis, slice(None, k))], joined], axis)
        k *= 2
    return x


def _reduceat(ufunc: np.ufunc) -> Callable[..., Any]:
    def reduceat(array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        no_out(f"{ufunc.__name__}.reduceat", out)
        x = array if dtype is None else array.astype(dtype)
        axis = normalize(axis, x)
        n = shape_of(x)[axis]
        starts = [int(i) for i in concrete(indices)]
        pieces = []
        for start, stop in zip(starts, [*starts[1:], n], strict=True):
            if not 0 <= start < n:
                raise IndexError(f"index {start} out-of-bounds in {ufunc.__name__}.reduceat [0, {n})")
            part = x[slab(axis, slice(start, max(stop, start + 1)))]
            pieces.append(UFUNC_METHODS[ufunc, "reduce"](part, axis=axis))
        return np.stack(pieces, axis)

    return reduceat


#: Comparisons of the result of a comparison mean nothing.
_COMPARISONS = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal}
for _ufunc in [u for u in UFUNCS if u.nin == 2 and u.nout == 1 and u.signature is None and u not in _COMPARISONS]:
    for _name, _make in (("reduce", _reduce), ("accumulate", _accumulate), ("reduceat", _reduceat)):
        UFUNC_METHODS.setdefault((_ufunc, _name), _make(_ufunc))


# The array API's names ---------------------------------------------------------------------------------------------


def _cumulative(running: Callable[..., Any], first: int) -> Callable[..., Any]:
    def function(
        x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Any:
        x = array(x, 1)
        if axis is None and len(shape_of(x)) > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = normalize(0 if axis is None else axis, x)
        result = running(x, axis=axis, dtype=dtype)
        if not include_initial:
            return result
        edge = (*shape_of(result)[:axis], 1, *shape_of(result)[axis + 1 :])
        return np.concatenate([np.full(edge, first, result.dtype), result], axis)

    return function


cumulative_sum = implements(np.cumulative_sum)(_cumulative(np.cumsum, 0))
cumulative_prod = implements(np.cumulative_prod)(_cumulative(np.cumprod, 1))
