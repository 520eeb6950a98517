"""Arithmetic, powers and roots, quotients and remainders, extrema: ∂z/∂x, ∂z/∂y for z = f(x, y)."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, broadcast, is_complex
from wengert.core.chain import scale
from wengert.core.primitive import REGISTRY, Notation, Primitive
from wengert.core.rule import Constant, Partial
from wengert.core.tracer import Tracer
from wengert.ops.elementwise import ALL, POSITIVE, elementwise
from wengert.ops.reference import reference

_LOW = 16  # a whole power


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


def _is_rounded(y: Any, k: int) -> Any:
    """Whether y − k has a rounding error; one of the two ways back is exact (Dekker 1971)."""
    return ((y - k) + k != y) | (y - (y - k) != k)


def _lowered_power(x: Any, y: Any, k: int) -> Any:
    """x^(y−k); where y − k is rounded, an error that a large ln x would magnify, x^y divided by x, k times."""
    direct = _power(x, y - k)
    rounded = _is_rounded(y, k)
    if not np.any(rounded):
        return direct
    divided = _power(x, y)
    lost = (x == 0) | (divided == 0) | np.isinf(divided)
    for _ in range(k):
        divided = divided / np.where(x == 0, 1.0, x)
    return np.where(rounded & ~lost, divided, direct)


def _less(x: Any, y: Any, k: int) -> Any:
    """x^(y−k), as a plain power where y is a number and y − k exact: x² and not x^(3−1)."""
    plain = type(y) is int or not (isinstance(y, Tracer) or np.any(_is_rounded(y, k)))
    return np.power(x, y - k) if plain else lowered_power(x, y, k)


def _own_slope(z: Any, x: Any, y: Any) -> Any:
    """∂xʸ/∂x = y·xʸ/x in terms of xʸ itself; not at 0 or ∞, nor for small whole powers, whose derivatives end."""
    tiny = float(np.finfo(aval_of(z).dtype).tiny)
    normal = (np.abs(z) >= tiny) & (np.abs(x) >= tiny) & np.isfinite(z) & np.isfinite(x) & np.isfinite(y)
    ends = np.equal(y, np.floor(y)) & np.less_equal(0, y) & np.less_equal(y, _LOW) if not is_complex(y) else False
    return None if not np.all(normal) or np.all(ends) else y * z / x


def _wins(x: Any, y: Any) -> Any:
    """1 where x > y, 0 where x < y, and half at a tie: a convention, the mean of the one-sided derivatives."""
    return np.where(x == y, 0.5, (1 + np.sign(x - y)) / 2)


def _leads(x: Any, y: Any) -> Any:
    """The same in NumPy's order of complex numbers, by the real part and then by the imaginary one."""
    return np.where(np.greater(x, y), 1.0, np.where(np.less(x, y), 0.0, np.where(np.equal(x, y), 0.5, np.nan)))


def _outranks(x: Any, y: Any, wins: Any) -> Any:
    """The same, but a NaN loses against a number."""
    return np.where(np.isnan(x) ^ np.isnan(y), np.isnan(y), wins)


def _quotient(z: Any, x: Any, y: Any) -> Any:
    """The whole number n of z = x − n·y; x / y itself may be rounded up to the next one."""
    return np.rint((x - z) / y)


# fmt: off
add      = elementwise(np.add,      lambda z, x, y: 1.0,                      lambda z, x, y: 1.0,                 impl=operator.add, symbol="+", python="{0:4} + {1:5}", latex="{0:4} + {1:5}", precedence=4, complex=True)
subtract = elementwise(np.subtract, lambda z, x, y: 1.0,                      lambda z, x, y: -1.0,                impl=operator.sub, symbol="−", python="{0:4} - {1:5}", latex="{0:4} - {1:5}", precedence=4, complex=True)
multiply = elementwise(np.multiply, lambda z, x, y: y,                        lambda z, x, y: x,                   impl=operator.mul, symbol="·", python="{0:5} * {1:6}", latex=r"{0:5} \cdot {1:6}", precedence=5, complex=True)
divide   = elementwise(np.divide,   lambda z, x, y: 1 / y,                    lambda z, x, y: -z / y,              impl=_divide, symbol="/", python="{0:5} / {1:6}", latex=r"\frac{{{0}}}{{{1}}}", precedence=5, complex=True)
power    = elementwise(np.power,    lambda z, x, y: scale(y, _less(x, y, 1)), lambda z, x, y: scale(z, np.log(x)), impl=_power, symbol="^", python="{0:8} ** {1:7}", latex="{0:8}^{{{1}}}", precedence=7, domain=(POSITIVE, ALL), complex=True)

negative   = elementwise(np.negative,   lambda z, x: -1.0,            impl=operator.neg, symbol="−", python="-{0:6}", latex="-{0:6}", precedence=6, complex=True)
positive   = elementwise(np.positive,   lambda z, x: 1.0,             impl=operator.pos, symbol="+", python="+{0:6}", latex="{0}", precedence=6, complex=True)
conjugate  = elementwise(np.conjugate,  lambda z, x: 1.0,             symbol="conj", latex=r"\overline{{{0}}}")
absolute   = elementwise(np.absolute,   lambda z, x: np.sign(x),      impl=abs, symbol="|·|", python="np.abs({0})", latex=r"\left|{0}\right|")
square     = elementwise(np.square,     lambda z, x: 2 * x,           symbol="²", latex="{0:8}^{{2}}", complex=True)
sqrt       = elementwise(np.sqrt,       lambda z, x: 0.5 / z,         symbol="√", latex=r"\sqrt{{{0}}}", domain=(POSITIVE,), complex=True)
cbrt       = elementwise(np.cbrt,       lambda z, x: 1 / (3 * z * z), symbol="∛", latex=r"\sqrt[3]{{{0}}}")
reciprocal = elementwise(np.reciprocal, lambda z, x: -z * z,          symbol="1/", latex=r"\frac{{1}}{{{0}}}", complex=True)

hypot        = elementwise(np.hypot,        lambda z, x, y: np.where(z == 0, 0.0, x / z),     lambda z, x, y: np.where(z == 0, 0.0, y / z), latex=r"\operatorname{{hypot}}")
remainder    = elementwise(np.remainder,    lambda z, x, y: 1.0,                              lambda z, x, y: -_quotient(z, x, y),          impl=_mod, symbol="mod", python="{0:5} % {1:6}", latex=r"{0:5} \bmod {1:6}", precedence=5)
fmod         = elementwise(np.fmod,         lambda z, x, y: 1.0,                              lambda z, x, y: -_quotient(z, x, y))
floor_divide = elementwise(np.floor_divide, Constant(),                                       Constant(),                                   impl=_floor_divide, symbol="//", python="{0:5} // {1:6}", latex=r"\left\lfloor\frac{{{0}}}{{{1}}}\right\rfloor", precedence=5)
copysign     = elementwise(np.copysign,     lambda z, x, y: np.sign(x) * np.copysign(1.0, y), Constant())

maximum = elementwise(np.maximum, lambda z, x, y: _wins(x, y),                  lambda z, x, y: _wins(y, x),                  symbol="max", latex=r"\max", complex=(lambda z, x, y: _leads(x, y), lambda z, x, y: _leads(y, x)))
minimum = elementwise(np.minimum, lambda z, x, y: _wins(y, x),                  lambda z, x, y: _wins(x, y),                  symbol="min", latex=r"\min", complex=(lambda z, x, y: _leads(y, x), lambda z, x, y: _leads(x, y)))
fmax    = elementwise(np.fmax,    lambda z, x, y: _outranks(x, y, _wins(x, y)), lambda z, x, y: _outranks(y, x, _wins(y, x)), latex=r"\max", complex=(lambda z, x, y: _outranks(x, y, _leads(x, y)), lambda z, x, y: _outranks(y, x, _leads(y, x))))
fmin    = elementwise(np.fmin,    lambda z, x, y: _outranks(x, y, _wins(y, x)), lambda z, x, y: _outranks(y, x, _wins(x, y)), latex=r"\min", complex=(lambda z, x, y: _outranks(x, y, _leads(y, x)), lambda z, x, y: _outranks(y, x, _leads(x, y))))
# fmt: on
divide.undo = 0, scale
power.closing = {0: _own_slope}

lowered_power = REGISTRY["lowered_power"] = Primitive(
    "lowered_power",
    _lowered_power,
    [
        Partial(lambda z, x, y, k: scale(y - k, _less(x, y, k + 1))),
        Partial(lambda z, x, y, k: scale(z, np.log(x))),
        Constant(),
    ],
    aval=lambda x, y, k: broadcast(np.power)(x, y),
    complex=True,
    notation=Notation("^", "{0:8} ** ({1:4} - {2:5})", "{0:8}^{{{1:4} - {2:5}}}", 7),
    domain=(POSITIVE, ALL, (1.0, 1.0)),
    reference=reference("lowered_power"),
)
