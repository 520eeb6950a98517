"""Arithmetic, powers and roots, comparisons, rounding: ∂z/∂x, ∂z/∂y for z = f(x, y)."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.core.rule import Constant
from wengert.ops.elementwise import ALL, POSITIVE, elementwise

NONZERO = (1e-300, np.inf)


# Python's operators leave a Python float one (which adapts to float32 arrays), and are fast; where they raise or leave
# the real numbers, NumPy's answer is taken.
def _divide(x: Any, y: Any) -> Any:
    try:
        return x / y
    except ZeroDivisionError:
        return np.divide(x, y)


def _power(x: Any, y: Any) -> Any:
    try:
        z = x**y
    except (ZeroDivisionError, OverflowError):
        return np.power(float(x), y)
    return np.power(x, y) if type(z) is complex else z


def _mod(x: Any, y: Any) -> Any:
    try:
        return x % y
    except ZeroDivisionError:
        return np.remainder(x, y)


def _floor_divide(x: Any, y: Any) -> Any:
    try:
        return x // y
    except ZeroDivisionError:
        return np.floor_divide(x, y)


def _power_base(z: Any, x: Any, y: Any) -> Any:
    """y·x^(y−1); where y − 1 is rounded, which a large x would magnify, y·z/x instead."""
    exact = (y - 1) + 1 == y
    lost = (z == 0) | (x == 0) | ~np.isfinite(z)
    return np.where(exact | lost, y * np.power(x, y - 1), y * (z / np.where(x == 0, 1.0, x)))


def _power_exponent(z: Any, x: Any, y: Any) -> Any:
    """z·ln x; zero at base zero, where x^y is constant in y."""
    zero = x == 0
    return np.where(zero, 0.0, z * np.log(np.where(zero, 1.0, x)))


# fmt: off
add       = elementwise(np.add,       lambda z, x, y: 1.0,    lambda z, x, y: 1.0,         impl=operator.add,     symbol="+", python="{0:4} + {1:5}",  latex="{0:4} + {1:5}",        precedence=4, reference=operator.add)
subtract  = elementwise(np.subtract,  lambda z, x, y: 1.0,    lambda z, x, y: -1.0,        impl=operator.sub,     symbol="−", python="{0:4} - {1:5}",  latex="{0:4} - {1:5}",        precedence=4, reference=operator.sub)
multiply  = elementwise(np.multiply,  lambda z, x, y: y,      lambda z, x, y: x,           impl=operator.mul,     symbol="·", python="{0:5} * {1:6}",  latex=r"{0:5} \cdot {1:6}",   precedence=5, reference=operator.mul)
divide    = elementwise(np.divide,    lambda z, x, y: 1 / y,  lambda z, x, y: -z / y,      impl=_divide,          symbol="/", python="{0:5} / {1:6}",  latex=r"\frac{{{0}}}{{{1}}}", precedence=5, reference=operator.truediv)
power     = elementwise(np.power,     _power_base,            _power_exponent,             impl=_power,           symbol="^", python="{0:8} ** {1:7}", latex="{0:8}^{{{1}}}",        precedence=7, reference=operator.pow, domain=(POSITIVE, ALL))
negative  = elementwise(np.negative,  lambda z, x: -1.0,      impl=operator.neg,           symbol="−", python="-{0:6}", latex="-{0:6}", precedence=6, reference=operator.neg)
positive  = elementwise(np.positive,  lambda z, x: 1.0,       impl=operator.pos,           symbol="+", python="+{0:6}", latex="{0}",    precedence=6, reference=operator.pos)
absolute  = elementwise(np.absolute,  lambda z, x: np.sign(x), impl=abs,                   symbol="|·|", python="np.abs({0})", latex=r"\left|{0}\right|", reference=abs)
square    = elementwise(np.square,    lambda z, x: 2 * x,                                  symbol="²",  latex="{0:8}^{{2}}", reference=lambda x: x * x)
sqrt      = elementwise(np.sqrt,      lambda z, x: 0.5 / z,                                symbol="√",  latex=r"\sqrt{{{0}}}", domain=(POSITIVE,))
cbrt      = elementwise(np.cbrt,      lambda z, x: 1 / (3 * z * z),                        symbol="∛",  latex=r"\sqrt[3]{{{0}}}", reference=lambda x: _mp_cbrt(x))
reciprocal = elementwise(np.reciprocal, lambda z, x: -z * z,                               symbol="1/", latex=r"\frac{{1}}{{{0}}}", reference=lambda x: 1 / x)
hypot     = elementwise(np.hypot,     lambda z, x, y: x / np.where(z == 0, 1, z), lambda z, x, y: y / np.where(z == 0, 1, z), latex=r"\operatorname{{hypot}}")
remainder = elementwise(np.remainder, lambda z, x, y: 1.0,    lambda z, x, y: -np.floor(x / y), impl=_mod,     symbol="mod", python="{0:5} % {1:6}", latex=r"{0:5} \bmod {1:6}", precedence=5, reference=operator.mod, domain=(ALL, NONZERO))
fmod      = elementwise(np.fmod,      lambda z, x, y: 1.0,    lambda z, x, y: -np.trunc(x / y), reference="fmod", domain=(ALL, NONZERO))
floor_divide = elementwise(np.floor_divide, Constant(),       Constant(), impl=_floor_divide, symbol="//", python="{0:5} // {1:6}", latex=r"\left\lfloor\frac{{{0}}}{{{1}}}\right\rfloor", precedence=5)

# At a tie each argument gets half: a convention, the mean of the one-sided derivatives.
maximum   = elementwise(np.maximum,   lambda z, x, y: _wins(x > y, x, y), lambda z, x, y: _wins(y > x, x, y), symbol="max", latex=r"\max", reference=max)
minimum   = elementwise(np.minimum,   lambda z, x, y: _wins(x < y, x, y), lambda z, x, y: _wins(y < x, x, y), symbol="min", latex=r"\min", reference=min)
fmax      = elementwise(np.fmax,      lambda z, x, y: _wins((x > y) | np.isnan(y), x, y), lambda z, x, y: _wins((y > x) | np.isnan(x), x, y), latex=r"\max", reference=max)
fmin      = elementwise(np.fmin,      lambda z, x, y: _wins((x < y) | np.isnan(y), x, y), lambda z, x, y: _wins((y < x) | np.isnan(x), x, y), latex=r"\min", reference=min)
copysign  = elementwise(np.copysign,  lambda z, x, y: np.copysign(1.0, x) * np.copysign(1.0, y), Constant(), reference=lambda x, y: abs(x) if y >= 0 else -abs(x))
# fmt: on


def _wins(larger: Any, x: Any, y: Any) -> Any:
    return np.where(x == y, 0.5, np.where(larger, 1.0, 0.0))


def _mp_cbrt(x: Any) -> Any:
    import mpmath  # noqa: PLC0415

    return mpmath.sign(x) * mpmath.cbrt(abs(x))

