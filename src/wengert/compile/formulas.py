"""Longer formulas of elementwise operations: those of the primitives' NumPy implementations, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from wengert.compile.loops import Value

if TYPE_CHECKING:
    from wengert.compile.scalar import Arithmetic

_LOG2E = 1 / math.log(2)


def floor_divide(a: Arithmetic, x: Value, y: Value) -> Value:
    """⌊x/y⌋: of integers 0 where y is, of floating-point numbers from the remainder, so that it is exact."""
    zero, one = a.number(0), a.number(1)
    if not a.floating:
        safe, special, turned = _divisor(a, x, y)
        quotient = a.op("sdiv", x, safe)
        rest = a.sub(x, a.mul(quotient, safe))
        lower = a.logic("and", a.compare("une", rest, zero), _apart(a, rest, y))
        return a.select(special, turned, a.select(lower, a.sub(quotient, one), quotient))
    rest = a.op("frem", x, y)
    other = a.logic("and", a.compare("une", rest, zero), _apart(a, rest, y))
    quotient = a.div(a.sub(x, rest), y)
    quotient = a.select(other, a.sub(quotient, one), quotient)
    floor = a.intrinsic("floor", quotient)
    floor = a.select(a.compare("ogt", a.sub(quotient, floor), a.number(0.5)), a.add(floor, one), floor)
    ratio = a.div(x, y)
    floor = a.select(a.is_zero(quotient), a.intrinsic("copysign", zero, ratio), floor)
    return a.select(a.is_zero(y), ratio, floor)


def _apart(a: Arithmetic, x: Value, y: Value) -> Value:
    """Whether one is negative and the other is not."""
    zero = a.number(0)
    return a.logic("xor", a.compare("olt", x, zero), a.compare("olt", y, zero))


def _divisor(a: Arithmetic, x: Value, y: Value) -> tuple[Value, Value, Value]:
    """A divisor that the processor takes; whether it is not y; and the quotient then, 0 by zero and −x by −1."""
    zero, one = a.number(0), a.number(1)
    by_zero, by_minus_one = a.compare("oeq", y, zero), a.compare("oeq", y, a.number(-1))
    special = a.logic("or", by_zero, by_minus_one)
    return a.select(special, one, y), special, a.select(by_zero, zero, a.neg(x))


def fmod(a: Arithmetic, x: Value, y: Value) -> Value:
    """What the division that rounds to zero leaves, of the sign of x; of integers 0 where y is 0."""
    if a.floating:
        return a.op("frem", x, y)
    safe, special, _ = _divisor(a, x, y)
    return a.select(special, a.number(0), a.op("srem", x, safe))


def remainder(a: Arithmetic, x: Value, y: Value) -> Value:
    """Python's x mod y: of the sign of y, and of a zero the sign of y."""
    rest, zero = fmod(a, x, y), a.number(0)
    moved = a.logic("and", _apart(a, rest, y), a.compare("one", rest, zero))
    result = a.select(moved, a.add(rest, y), rest)
    return a.select(a.is_zero(rest), a.intrinsic("copysign", zero, y), result) if a.floating else result


def whole_power(a: Arithmetic, x: Value, exponent: int) -> Value:
    """A power by repeated squaring; integers wrap around."""
    result = None
    while exponent:
        if exponent & 1:
            result = x if result is None else a.mul(result, x)
        exponent >>= 1
        if exponent:
            x = a.mul(x, x)
    return a.number(1) if result is None else result


def logaddexp2(a: Arithmetic, x: Value, y: Value) -> Value:
    """The same for powers of 2: max + log2(1 + 2^−|x − y|)."""
    high, low = a.compare("ogt", x, y), a.sub(x, y)
    rest = a.mul(a.number(_LOG2E), a.math("log1p", a.math("exp2", a.neg(a.intrinsic("fabs", low)))))
    apart = a.select(a.is_nan(low), low, a.add(a.select(high, x, y), rest))
    return a.select(a.compare("oeq", x, y), a.add(x, a.number(1)), apart)


def share(power: str, ln_base: float) -> Callable[[Arithmetic, Value, Value], Value]:
    """1/(1 + b^(y−x)), see ops/special.py."""

    def formula(a: Arithmetic, x: Value, y: Value) -> Value:
        zero, one = a.number(0), a.number(1)
        d = a.select(a.compare("oeq", x, y), zero, a.sub(x, y))
        added = a.sub(d, x)
        error = a.sub(a.sub(x, a.sub(d, added)), a.add(y, added))
        total = a.add(one, a.math(power, a.neg(a.intrinsic("fabs", d))))

        def part(v: Value) -> Value:
            low = a.select(a.logic("or", a.compare("olt", v, zero), a.is_nan(v)), v, zero)
            return a.div(a.math(power, low), total)

        p, q = part(d), part(a.neg(d))
        finite = a.compare("olt", a.intrinsic("fabs", error), a.number(math.inf))
        mended = a.mul(a.mul(a.number(ln_base), a.select(finite, error, zero)), q)
        return a.mul(p, a.add(one, mended))

    return formula


def bell(half: float) -> Callable[[Arithmetic, Value], Value]:
    """A power of e with the exponent −half·x², see ops/scipy_special.py."""

    def formula(a: Arithmetic, x: Value) -> Value:
        x, limit = a.intrinsic("fabs", x), a.number(40)
        x = a.select(a.compare("ogt", x, limit), limit, x)
        coarse = a.div(a.intrinsic("rint", a.mul(a.number(32), x)), a.number(32))
        first = a.math("exp", a.mul(a.mul(a.number(-half), coarse), coarse))
        rest = a.mul(a.mul(a.number(-half), a.sub(x, coarse)), a.add(x, coarse))
        return a.mul(first, a.math("exp", rest))

    return formula


def sinc(a: Arithmetic, x: Value) -> Value:
    """sin(πx)/(πx), 1 at 0."""
    y = a.mul(a.number(math.pi), a.select(a.is_zero(x), a.number(1), x))
    return a.select(a.is_zero(x), a.number(1), a.div(a.math("sin", y), y))


def spacing(a: Arithmetic, x: Value) -> Value:
    """The distance to the next number away from zero."""
    size = a.intrinsic("fabs", x)
    following = a.math("nextafter", size, a.number(math.inf))
    return a.intrinsic("copysign", a.sub(following, size), x)


def isclose(
    a: Arithmetic, x: Value, y: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Value:
    """|x − y| ≤ atol + rtol·|y|, for finite y; equal infinities are close."""
    size = a.intrinsic("fabs", y)
    near = a.compare("ole", a.intrinsic("fabs", a.sub(x, y)), a.add(a.number(atol), a.mul(a.number(rtol), size)))
    near = a.logic("and", near, a.compare("olt", size, a.number(math.inf)))
    near = a.logic("or", near, a.compare("oeq", x, y))
    return a.logic("or", near, a.logic("and", a.is_nan(x), a.is_nan(y))) if equal_nan else near


def round_to(a: Arithmetic, x: Value, decimals: int = 0) -> Value:
    """To the nearest multiple of a power of ten, to the even one of two."""
    if not a.floating or decimals == 0:
        return a.intrinsic("rint", x) if a.floating else x
    factor = a.number(10.0 ** abs(decimals))
    if decimals > 0:
        return a.div(a.intrinsic("rint", a.mul(x, factor)), factor)
    return a.mul(a.intrinsic("rint", a.div(x, factor)), factor)


def shift(name: str) -> Callable[[Arithmetic, Value, Value], Value]:
    """Bits moved; those that are moved by all of them or more are gone."""

    def formula(a: Arithmetic, x: Value, y: Value) -> Value:
        width = a.number(int(x.type[1:]) - 1)
        inside = a.builder.let("icmp ule", y, width, type="i1")
        moved = a.op(name, x, a.select(inside, y, a.number(0)))
        return a.select(inside, moved, a.op("ashr", x, width) if name == "ashr" else a.number(0))

    return formula
