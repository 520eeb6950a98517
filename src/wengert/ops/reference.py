"""Every elementwise operation on mpmath numbers, at any precision: what the rules are held against."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any


def reference(name: str) -> Callable[..., Any]:
    """The operation of this name as a function of mpmath numbers; mpmath is imported when it is first called."""
    return lambda *args: _table()[name](*args)


@cache
def _table() -> dict[str, Callable[..., Any]]:
    import mpmath as mp

    def logarithm_of_sum(x: Any, y: Any, ln_base: Any) -> Any:
        return max(x, y) + mp.log1p(mp.exp(-abs(x - y) * ln_base)) / ln_base

    def number(x: Any, y: Any, choice: Any) -> Any:
        return y if mp.isnan(x) else x if mp.isnan(y) else choice(x, y)

    def fmod(x: Any, y: Any) -> Any:
        return mp.sign(x) * (abs(x) % abs(y))

    def copysign(x: Any, y: Any) -> Any:
        return abs(x) if y >= 0 else -abs(x)

    # fmt: off
    return {
        "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv,
        "negative": operator.neg, "positive": operator.pos, "conjugate": operator.pos, "absolute": abs, "power": operator.pow, "lowered_power": lambda x, y, k: x ** (y - k),
        "square": lambda x: x * x,
        "reciprocal": lambda x: 1 / x, "sqrt": mp.sqrt, "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)), "hypot": mp.hypot,
        "remainder": operator.mod, "fmod": fmod, "floor_divide": lambda x, y: mp.floor(x / y), "copysign": copysign,
        "maximum": lambda x, y: x + y if mp.isnan(x + y) else max(x, y), "fmax": lambda x, y: number(x, y, max),
        "minimum": lambda x, y: x + y if mp.isnan(x + y) else min(x, y), "fmin": lambda x, y: number(x, y, min),
        "sign": mp.sign, "floor": mp.floor, "ceil": mp.ceil, "rint": mp.nint,
        "trunc": lambda x: mp.sign(x) * mp.floor(abs(x)), "heaviside": lambda x, y: y if x == 0 else mp.mpf(x > 0),
        "signbit": lambda x: x < 0, "isfinite": mp.isfinite, "isinf": mp.isinf, "isnan": mp.isnan,
        "logical_and": lambda x, y: bool(x and y), "logical_or": lambda x, y: bool(x or y), "logical_not": operator.not_,
        "logical_xor": lambda x, y: bool(x) != bool(y), "bitwise_and": operator.and_, "bitwise_or": operator.or_,
        "bitwise_xor": operator.xor, "invert": lambda x: not x if isinstance(x, bool) else ~x,
        "greater": operator.gt, "greater_equal": operator.ge, "less": operator.lt, "less_equal": operator.le,
        "equal": operator.eq, "not_equal": operator.ne, "where": lambda c, x, y: x if c else y,
        "exp": mp.exp, "exp2": lambda x: mp.power(2, x), "expm1": mp.expm1,
        "log": mp.log, "log2": lambda x: mp.log(x) / mp.ln2, "log10": lambda x: mp.log(x) / mp.ln10, "log1p": mp.log1p,
        "logaddexp": lambda x, y: logarithm_of_sum(x, y, 1), "logaddexp2": lambda x, y: logarithm_of_sum(x, y, mp.ln2),
        "share": lambda x, y: 1 / (1 + mp.exp(y - x)), "share2": lambda x, y: 1 / (1 + mp.power(2, y - x)),
        "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan, "arctan2": mp.atan2,
        "deg2rad": mp.radians, "radians": mp.radians, "rad2deg": mp.degrees, "degrees": mp.degrees,
        "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "arcsinh": mp.asinh, "arccosh": mp.acosh, "arctanh": mp.atanh,
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "softplus": lambda x: max(x, 0) + mp.log1p(mp.exp(-abs(x))),
        "relu": lambda x: max(x, 0 * x), "stop_gradient": lambda x: x,
    }
    # fmt: on
