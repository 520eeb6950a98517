"""Comparisons, predicates and rounding, which are piecewise constant, and the choice between two values."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.core.alias import update
from wengert.core.aval import Aval, aval_of, promote, shape_of
from wengert.core.batching import BatchRule, along_axis, direct, pointwise, rows, sized_by_values
from wengert.core.chain import unbroadcast
from wengert.core.dispatch import implements, refuse_out
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Constant, Linear
from wengert.core.tracer import Tracer
from wengert.ops.elementwise import elementwise, piecewise_constant
from wengert.ops.reference import reference


def _ordered(compare: Any, ufunc: np.ufunc) -> Any:
    """Python's operator, which leaves truth values Python's own; of complex numbers, which it refuses, NumPy's order."""

    def impl(x: Any, y: Any) -> Any:
        try:
            return compare(x, y)
        except TypeError:
            return ufunc(x, y)

    return impl


sign = piecewise_constant(np.sign, latex=r"\operatorname{{sign}}")
floor = piecewise_constant(np.floor, latex=r"\left\lfloor{0}\right\rfloor")
ceil = piecewise_constant(np.ceil, latex=r"\left\lceil{0}\right\rceil")
trunc = piecewise_constant(np.trunc)
rint = piecewise_constant(np.rint)
heaviside = elementwise(
    np.heaviside, Constant(), lambda z, x, y: np.where(np.equal(x, 0), np.float16(1), np.float16(0))
)
signbit = piecewise_constant(np.signbit)
isfinite = piecewise_constant(np.isfinite)
isinf = piecewise_constant(np.isinf)
isnan = piecewise_constant(np.isnan)
logical_and = piecewise_constant(np.logical_and)
logical_or = piecewise_constant(np.logical_or)
logical_xor = piecewise_constant(np.logical_xor)
logical_not = piecewise_constant(np.logical_not)
bitwise_and = piecewise_constant(np.bitwise_and, impl=operator.and_, symbol="&", python="{0:5} & {1:5}", precedence=3)
bitwise_or = piecewise_constant(np.bitwise_or, impl=operator.or_, symbol="|", python="{0:5} | {1:5}", precedence=3)
bitwise_xor = piecewise_constant(np.bitwise_xor, impl=operator.xor, symbol="^", python="{0:5} ^ {1:5}", precedence=3)
invert = piecewise_constant(np.invert)

# fmt: off
greater       = piecewise_constant(np.greater,       impl=_ordered(operator.gt, np.greater), symbol=">", python="{0:4} > {1:4}", latex="{0:4} > {1:4}", precedence=2)
greater_equal = piecewise_constant(np.greater_equal, impl=_ordered(operator.ge, np.greater_equal), symbol="≥", python="{0:4} >= {1:4}", latex=r"{0:4} \ge {1:4}", precedence=2)
less          = piecewise_constant(np.less,          impl=_ordered(operator.lt, np.less), symbol="<", python="{0:4} < {1:4}", latex="{0:4} < {1:4}", precedence=2)
less_equal    = piecewise_constant(np.less_equal,    impl=_ordered(operator.le, np.less_equal), symbol="≤", python="{0:4} <= {1:4}", latex=r"{0:4} \le {1:4}", precedence=2)
equal         = piecewise_constant(np.equal,         impl=operator.eq, symbol="=", python="{0:4} == {1:4}", latex="{0:4} = {1:4}", precedence=2)
not_equal     = piecewise_constant(np.not_equal,     impl=operator.ne, symbol="≠", python="{0:4} != {1:4}", latex=r"{0:4} \ne {1:4}", precedence=2)
# fmt: on

where = REGISTRY["where"] = Primitive(
    "where",
    np.where,
    [
        Constant(),
        Linear(lambda ct, c, x, y: unbroadcast(np.where(c, ct, 0.0), shape_of(x))),
        Linear(lambda ct, c, x, y: unbroadcast(np.where(c, 0.0, ct), shape_of(y))),
    ],
    aval=lambda c, x, y: Aval(np.broadcast_shapes(c.shape, x.shape, y.shape), promote(x, y)),
    joint=True,
    complex=True,
    batch=pointwise,
    notation=Notation(
        "where", "np.where({0}, {1}, {2})", r"\begin{{cases}}{1} & {0} \\ {2} & \text{{otherwise}}\end{{cases}}"
    ),
    reference=reference("where"),
)


@implements(np.where)
def where_of(condition: Any, *branches: Any) -> Any:
    """np.where; with the condition alone, the indices at which it holds."""
    if not branches:
        return nonzero(condition)
    return bind(where, (condition, *branches), {})


@implements(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """np.clip; at the bounds themselves the derivative is ½ (a tie of the maximum or the minimum)."""
    if out is not None:
        refuse_out("clip", out)
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    a = a if isinstance(a, Tracer) else np.asarray(a)
    if low is not None:
        a = np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


def constant_function(function: Any, dtype: Any, shape: Any, batch: BatchRule) -> Primitive:
    """A function of arrays whose values (indices, truth) are piecewise constant; it is recorded, not differentiated."""
    primitive = REGISTRY[function.__name__] = Primitive(
        function.__name__,
        function,
        lambda i: Constant(),
        aval=lambda *avals, **params: Aval(shape(*avals, **params), np.dtype(dtype)),
        batch=batch,
        notation=Notation(
            function.__name__, f"np.{function.__name__}({{args}}, {{params}})",
            rf"\operatorname{{{{{function.__name__}}}}}\left({{args}}\right)",
        ),
    )  # fmt: skip
    return primitive


def _same(*avals: Aval, **params: Any) -> tuple[int, ...]:
    return np.broadcast_shapes(*(a.shape for a in avals))


def places(a: Any, v: Any, side: str) -> Any:
    """np.searchsorted of the elements of each example in a row of a: the bits of all places, from the highest one down."""
    shape, size = shape_of(v), shape_of(a)[1]
    v, whole = rows(v), promote(aval_of(a), aval_of(v)).kind not in "fc"
    place: Any = np.zeros(shape_of(v), np.intp)
    for bit in reversed(range(size.bit_length())):
        further = place + (1 << bit)
        passed = np.take_along_axis(a, np.minimum(further, size) - 1, -1)
        before = passed < v if side == "left" else passed <= v
        if not whole:  # what is no number comes last
            before = before | (np.isnan(v) & ~np.isnan(passed) if side == "left" else np.isnan(v))
        place = np.where(before & (further <= size), further, place)
    return np.reshape(place, shape)


def search(a: Any, own: bool, v: Any, side: str) -> Any:
    """np.searchsorted of each example in a, of which each has its `own` or all have the same; v may have one row."""
    if not own:
        return bind(searchsorted, (a, v), {"side": side, "sorter": None})
    return places(a, np.broadcast_to(v, (shape_of(a)[0], *shape_of(v)[1:])), side)


def _batched_search(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    (a, v), (own, many), sorter = args, on, params["sorter"]
    if sorter is not None:
        a = np.take(a, sorter, axis=-1)
    return search(a, own, v if many else np.expand_dims(v, 0), params["side"])


argsort = constant_function(np.argsort, np.intp, lambda x, **params: x.shape, along_axis)
searchsorted = constant_function(np.searchsorted, np.intp, lambda a, v, **params: v.shape, _batched_search)
isclose = constant_function(np.isclose, bool, _same, pointwise)
argwhere = constant_function(np.argwhere, np.intp, lambda x: (-1, len(x.shape)), sized_by_values)
round_ = REGISTRY["round"] = Primitive(
    "round", np.round, [Constant()], aval=lambda x, *, decimals: Aval(x.shape, x.dtype), batch=direct,
    notation=Notation("round", "np.round({0}, {params})", r"\operatorname{{round}}\left({0}\right)"),
)  # fmt: skip


@implements(np.round, np.around)
def round_of(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """np.round."""
    if out is not None:
        refuse_out("round", out)
    return bind(round_, (a,), {"decimals": decimals})


@implements(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    """np.fix."""
    return np.trunc(x)


@implements(np.argsort)
def argsort_of(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """np.argsort."""
    return bind(argsort, (a,), {"axis": axis, "kind": kind, "stable": stable})


@implements(np.searchsorted)
def searchsorted_of(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """np.searchsorted."""
    return bind(searchsorted, (a, v), {"side": side, "sorter": sorter})


@implements(np.isclose)
def isclose_of(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """np.isclose."""
    return bind(isclose, (a, b), {"rtol": rtol, "atol": atol, "equal_nan": equal_nan})


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """np.allclose."""
    return bool(np.all(isclose_of(a, b, rtol, atol, equal_nan)))


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """np.array_equal."""
    if shape_of(a1) != shape_of(a2):
        return False
    same = np.equal(a1, a2)
    return bool(np.all(same | (np.isnan(a1) & np.isnan(a2)) if equal_nan else same))


@implements(np.argwhere)
def argwhere_of(a: Any) -> Any:
    """np.argwhere."""
    return bind(argwhere, (a,), {})


@implements(np.nonzero)
def nonzero(a: Any) -> tuple[Any, ...]:
    """np.nonzero."""
    found = argwhere_of(a)
    return tuple(found[:, i] for i in range(len(shape_of(a))))


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """np.nan_to_num: what is replaced is a constant."""
    if not copy:
        update(x, nan_to_num(np.copy(x), True, nan, posinf, neginf))
        return x
    if x.dtype.kind == "c":
        return nan_to_num(x.real, copy, nan, posinf, neginf) + 1j * nan_to_num(x.imag, copy, nan, posinf, neginf)
    info = np.finfo(x.dtype)
    high, low = float(info.max) if posinf is None else posinf, float(info.min) if neginf is None else neginf
    return np.where(np.isnan(x), nan, np.where(x == np.inf, high, np.where(x == -np.inf, low, x)))


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """np.count_nonzero."""
    return np.sum(np.not_equal(a, 0), axis=axis, keepdims=keepdims)
