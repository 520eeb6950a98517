"""Sums and products of all elements up to each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import Aval, shape_of
from wengert.core.batching import along_axis
from wengert.core.dispatch import UFUNC_METHODS, implements, refuse_out
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear, Pushforward, Rule


def _cumulative(name: str, rule: Rule, symbol: str, latex: str) -> Primitive:
    impl = getattr(np, name)
    primitive = REGISTRY[name] = Primitive(
        name,
        lambda x, *, axis: impl(x, axis=axis),
        [rule],
        aval=lambda x, *, axis: Aval(x.shape, np.dtype(int) if x.dtype.kind in "bi" else x.dtype),
        joint=True,
        complex=True,
        batch=along_axis,
        notation=Notation(symbol, f"np.{name}({{0}}, {{params}})", latex),
    )
    return primitive


def _product_push(t: Any, z: Any, x: Any, *, axis: int) -> Any:
    """The product rule, one factor after the other, which holds for factors that are zero too."""
    lead = (slice(None),) * axis
    tangents: list[Any] = []
    for k in range(x.shape[axis]):
        here, before = (*lead, k), (*lead, k - 1)
        tangents.append(tangents[-1] * x[here] + t[here] * z[before] if tangents else t[here])
    return np.stack(tangents, axis) if tangents else t


# fmt: off
cumsum  = _cumulative("cumsum", Linear(lambda ct, x, *, axis: np.flip(np.cumsum(np.flip(ct, axis), axis), axis)), "Σ", r"\operatorname{{cumsum}}\left({0}\right)")
cumprod = _cumulative("cumprod", Pushforward(_product_push), "Π", r"\operatorname{{cumprod}}\left({0}\right)")
# fmt: on


def _function(primitive: Primitive) -> Callable[..., Any]:
    def function(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        if out is not None:
            refuse_out(primitive.name, out)
        a = a if dtype is None else a.astype(dtype)
        if axis is None:
            a, axis = np.reshape(a, -1), 0
        return bind(primitive, (a,), {"axis": int(np.lib.array_utils.normalize_axis_index(axis, len(shape_of(a))))})

    return function


for _ufunc, _of, _primitive in ((np.add, np.cumsum, cumsum), (np.multiply, np.cumprod, cumprod)):
    UFUNC_METHODS[_ufunc, "accumulate"] = implements(_of)(_function(_primitive))
