"""A condition that has to hold, checked where the numbers are: also in a program that was recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import Aval
from wengert.core.batching import spread
from wengert.core.errors import WengertError
from wengert.core.primitive import Notation, Primitive, bind
from wengert.core.rule import Constant, Linear
from wengert.core.tracer import known


def _ensured(x: Any, condition: Any, *, error: type[WengertError], what: str, wrong: str, right: str) -> Any:
    if not np.all(condition):
        raise error(what, wrong=wrong, right=right)
    return x


def _batched(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    x, condition = args
    return bind(primitive, (x if on[0] else spread(x, False, condition.shape[0]), condition), params)


_checked = Primitive(
    "ensure",
    _ensured,
    [Linear(lambda ct, x, condition, **params: ct), Constant()],
    aval=lambda x, condition, **params: Aval(x.shape, x.dtype),
    joint=True,
    complex=True,
    batch=_batched,
    notation=Notation("ensure", "{0}", "{0}"),
)


def ensure(x: Any, condition: Any, error: type[WengertError], what: str, wrong: str, right: str) -> Any:
    """X itself, of numbers for which all of the condition holds; of others the error."""
    params: dict[str, Any] = {"error": error, "what": what, "wrong": wrong, "right": right}
    return _ensured(x, condition, **params) if known(condition) else bind(_checked, (x, condition), params)
