"""Elementwise operations on single numbers: one line per primitive.

A line says how the machine computes it. `math` names a function of the C library, whose vector form LLVM calls where a
loop is vectorized (llvm.py); formulas are those of the primitive's NumPy implementation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compile import formulas
from wengert.compile.loops import TYPES, Builder, Value

Scalar = Callable[..., Value]
FLOATS = ("double", "float")


class Arithmetic:
    """Writes operations on values of one type, as NumPy's ufuncs do them."""

    def __init__(self, builder: Builder, type_: str) -> None:
        self.builder, self.type, self.floating = builder, type_, type_ in FLOATS

    def number(self, value: float) -> Value:
        return self.builder.constant(value, self.type)

    def op(self, name: str, *args: Value) -> Value:
        return self.builder.let(name, *args, type=self.type)

    def compare(self, predicate: str, x: Value, y: Value) -> Value:
        if self.floating:
            return self.builder.let(f"fcmp {predicate}", x, y, type="i1")
        signed = predicate.lstrip("ou").replace("eq", "eq").replace("ne", "ne")
        word = signed if signed in ("eq", "ne") else ("u" if self.type == "i1" else "s") + signed
        return self.builder.let(f"icmp {word}", x, y, type="i1")

    def select(self, condition: Value, x: Value, y: Value) -> Value:
        return x if x is y else self.builder.let("select", condition, x, y, type=x.type)

    def logic(self, name: str, x: Value, y: Value) -> Value:
        return self.builder.let(name, x, y, type="i1")

    def add(self, x: Value, y: Value) -> Value:
        return self.op("fadd" if self.floating else "add", x, y)

    def sub(self, x: Value, y: Value) -> Value:
        return self.op("fsub" if self.floating else "sub", x, y)

    def mul(self, x: Value, y: Value) -> Value:
        return self.op("fmul" if self.floating else "mul", x, y)

    def div(self, x: Value, y: Value) -> Value:
        return self.op("fdiv", x, y)

    def neg(self, x: Value) -> Value:
        return self.op("fneg", x) if self.floating else self.sub(self.number(0), x)

    def math(self, name: str, *args: Value) -> Value:
        return self.op(f"math {name}", *args)

    def intrinsic(self, name: str, *args: Value) -> Value:
        return self.op(f"intrinsic {name}", *args)

    def is_nan(self, x: Value) -> Value:
        return self.compare("uno", x, x)

    def is_zero(self, x: Value) -> Value:
        return self.compare("oeq", x, self.number(0))


def _scale(a: Arithmetic, x: Value, y: Value) -> Value:
    """x·y, but zero wherever a factor is zero: two comparisons, which the processor uses as the mask of the product."""
    product = a.mul(x, y)
    if not a.floating or any(v.op == "constant" and v.args[0] and math.isfinite(v.args[0]) for v in (x, y)):
        return product
    zero = a.number(0)
    both = a.logic("and", a.compare("une", x, zero), a.compare("une", y, zero))
    return a.select(both, product, zero)


def _extremum(predicate: str) -> Scalar:
    def extremum(a: Arithmetic, x: Value, y: Value) -> Value:
        better = a.compare(predicate, x, y)
        return a.select(a.logic("or", better, a.is_nan(x)) if a.floating else better, x, y)

    return extremum


def _extremum_of_numbers(predicate: str) -> Scalar:
    """fmax, fmin: a NaN loses against a number."""

    def extremum(a: Arithmetic, x: Value, y: Value) -> Value:
        better = a.compare(predicate, x, y)
        return a.select(a.logic("or", better, a.is_nan(y)) if a.floating else better, x, y)

    return extremum


def _sign(a: Arithmetic, x: Value) -> Value:
    zero, one = a.number(0), a.number(1)
    result = a.select(a.compare("ogt", x, zero), one, a.select(a.compare("olt", x, zero), a.number(-1), zero))
    return a.select(a.is_nan(x), x, result) if a.floating else result


def _absolute(a: Arithmetic, x: Value) -> Value:
    if a.floating:
        return a.intrinsic("fabs", x)
    return a.select(a.compare("olt", x, a.number(0)), a.neg(x), x)


def _power(a: Arithmetic, x: Value, y: Value) -> Value:
    """Small whole exponents by multiplication, as NumPy squares."""
    exponent = y.args[0] if y.op == "constant" else None
    if not a.floating:
        assert exponent is not None
        return formulas.whole_power(a, x, exponent)
    if exponent == 0:
        return a.number(1)
    if exponent == 0.5:
        return a.select(a.compare("oeq", x, a.number(-math.inf)), a.number(math.inf), _positive_zero(a, x))
    if exponent in (1, 2, 3, 4, -1):
        result = x
        if abs(exponent) in (2, 4):
            result = a.mul(x, x)
        if abs(exponent) == 4:
            result = a.mul(result, result)
        if abs(exponent) == 3:
            result = a.mul(a.mul(x, x), x)
        return a.div(a.number(1), result) if exponent < 0 else result
    return a.math("pow", x, y)


def _positive_zero(a: Arithmetic, x: Value) -> Value:
    """√x with √−0 = +0, as a power has it."""
    return a.add(a.intrinsic("sqrt", x), a.number(0))


def _is_rounded(a: Arithmetic, y: Value, k: Value) -> Value:
    less = a.sub(y, k)
    first, second = a.compare("une", a.add(less, k), y), a.compare("une", a.sub(y, less), k)
    return a.logic("or", first, second)


def _lowered_power(a: Arithmetic, x: Value, y: Value, k: Value) -> Value:
    if k.op != "constant":
        raise NotImplementedError("a power lowered by a number that is not known")
    direct = _power(a, x, a.sub(y, k) if y.op != "constant" else a.number(y.args[0] - k.args[0]))
    divided = power = _power(a, x, y)
    zero = a.is_zero(x)
    lost = a.logic("or", a.logic("or", zero, a.is_zero(power)),
                   a.compare("oeq", a.intrinsic("fabs", power), a.number(math.inf)))  # fmt: skip
    for _ in range(int(k.args[0])):
        divided = a.div(divided, a.select(zero, a.number(1), x))
    keep = a.logic("and", _is_rounded(a, y, k), a.logic("xor", lost, a.builder.constant(True, "i1")))
    return a.select(keep, divided, direct)


def _sigmoid(a: Arithmetic, x: Value) -> Value:
    """From e^−|x|, which σ(x) and the σ(−x) of its derivative have in common."""
    one, size = a.number(1), x.args[0] if x.op == "fneg" else x
    small = a.math("exp", a.neg(a.intrinsic("fabs", size)))
    return a.div(a.select(a.compare("olt", x, a.number(0)), small, one), a.add(one, small))


def _logaddexp(a: Arithmetic, x: Value, y: Value) -> Value:
    """Max + log1p(e^−|x − y|); equal infinities have no difference."""
    high, low = a.compare("ogt", x, y), a.sub(x, y)
    apart = a.add(a.select(high, x, y), a.math("log1p", a.math("exp", a.neg(a.intrinsic("fabs", low)))))
    unordered = a.select(a.is_nan(low), low, apart)
    return a.select(a.compare("oeq", x, y), a.add(x, a.number(math.log(2))), unordered)


def _heaviside(a: Arithmetic, x: Value, y: Value) -> Value:
    result = a.select(a.compare("olt", x, a.number(0)), a.number(0), a.number(1))
    return a.select(a.is_nan(x), x, a.select(a.is_zero(x), y, result))


def _comparison(predicate: str) -> Scalar:
    return lambda a, x, y: a.compare(predicate, x, y)


def _logical(name: str) -> Scalar:
    def logical(a: Arithmetic, x: Value, y: Value) -> Value:
        return a.logic(name, truth(a.builder, x), truth(a.builder, y))

    return logical


def _bits(name: str) -> Scalar:
    return lambda a, x, y: a.builder.let(name, x, y, type=x.type)


def truth(builder: Builder, x: Value) -> Value:
    """Whether a number is not zero; NaN is true."""
    if x.type == "i1":
        return x
    zero = builder.constant(0, x.type)
    return builder.let("fcmp une" if x.type in FLOATS else "icmp ne", x, zero, type="i1")


def _not(a: Arithmetic, x: Value) -> Value:
    return a.builder.let("xor", truth(a.builder, x), a.builder.constant(True, "i1"), type="i1")


def _invert(a: Arithmetic, x: Value) -> Value:
    return a.builder.let("xor", x, a.builder.constant(True if x.type == "i1" else -1, x.type), type=x.type)


def _finite(a: Arithmetic, x: Value) -> Value:
    return a.compare("olt", a.intrinsic("fabs", x), a.number(math.inf))


def _same(a: Arithmetic, x: Value) -> Value:
    return x


def _math(name: str) -> Scalar:
    return lambda a, *args: a.math(name, *args)


def _intrinsic(name: str) -> Scalar:
    return lambda a, x: a.intrinsic(name, x) if a.floating else x


def _times(factor: float) -> Scalar:
    return lambda a, x: a.mul(x, a.number(factor))


# fmt: off
#: Primitives whose arguments are all brought to one type, that of NumPy's loop, and how the machine computes them.
SCALARS: dict[str, Scalar] = {
    "add":        lambda a, x, y: a.add(x, y),
    "subtract":   lambda a, x, y: a.sub(x, y),
    "multiply":   lambda a, x, y: a.mul(x, y),
    "divide":     lambda a, x, y: a.div(x, y),
    "scale":      _scale,
    "negative":   lambda a, x: a.neg(x),
    "positive":   _same,
    "conjugate":  _same,
    "conj":       _same,
    "real":       _same,
    "stop_gradient": _same,
    "astype":     _same,
    "number":     _same,
    "duplicate":  _same,
    "absolute":   _absolute,
    "square":     lambda a, x: a.mul(x, x),
    "reciprocal": lambda a, x: a.div(a.number(1), x),
    "power":      _power,
    "lowered_power": _lowered_power,
    "sqrt":       _intrinsic("sqrt"),
    "cbrt":       _math("cbrt"),
    "hypot":      _math("hypot"),
    "remainder":  formulas.remainder,
    "fmod":       formulas.fmod,
    "floor_divide": formulas.floor_divide,
    "nextafter":  _math("nextafter"),
    "spacing":    formulas.spacing,
    "copysign":   lambda a, x, y: a.intrinsic("copysign", x, y),
    "maximum":    _extremum("oge"),
    "minimum":    _extremum("ole"),
    "fmax":       _extremum_of_numbers("oge"),
    "fmin":       _extremum_of_numbers("ole"),
    "relu":       lambda a, x: _extremum("oge")(a, x, a.number(0)),
    "sign":       _sign,
    "floor":      _intrinsic("floor"),
    "ceil":       _intrinsic("ceil"),
    "trunc":      _intrinsic("trunc"),
    "rint":       _intrinsic("rint"),
    "round":      formulas.round_to,
    "heaviside":  _heaviside,
    "exp":        _math("exp"),
    "exp2":       _math("exp2"),
    "expm1":      _math("expm1"),
    "log":        _math("log"),
    "log2":       _math("log2"),
    "log10":      _math("log10"),
    "log1p":      _math("log1p"),
    "logaddexp":  _logaddexp,
    "logaddexp2": formulas.logaddexp2,
    "share":      formulas.share("exp", 1.0),
    "share2":     formulas.share("exp2", math.log(2)),
    "gauss":      formulas.bell(1.0),
    "bell":       formulas.bell(0.5),
    "sinc":       formulas.sinc,
    "sigmoid":    _sigmoid,
    "softplus":   lambda a, x: _logaddexp(a, x, a.number(0)),
    "sin":        _math("sin"),
    "cos":        _math("cos"),
    "tan":        _math("tan"),
    "arcsin":     _math("asin"),
    "arccos":     _math("acos"),
    "arctan":     _math("atan"),
    "arctan2":    _math("atan2"),
    "sinh":       _math("sinh"),
    "cosh":       _math("cosh"),
    "tanh":       _math("tanh"),
    "arcsinh":    _math("asinh"),
    "arccosh":    _math("acosh"),
    "arctanh":    _math("atanh"),
    "deg2rad":    _times(math.pi / 180),
    "radians":    _times(math.pi / 180),
    "rad2deg":    _times(180 / math.pi),
    "degrees":    _times(180 / math.pi),
    "erf":        _math("erf"),
    "erfc":       _math("erfc"),
}

#: Those that take more than a few instructions.
EXPENSIVE = frozenset({
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "logaddexp", "sigmoid", "softplus", "sin", "cos", "tan",
    "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "cbrt", "hypot",
    "erf", "erfc", "power", "lowered_power", "logaddexp2", "share", "share2", "gauss", "bell", "sinc", "nextafter",
    "spacing",
})  # fmt: skip

#: The same with truth values as results.
PREDICATES: dict[str, Scalar] = {
    "greater":       _comparison("ogt"),
    "greater_equal": _comparison("oge"),
    "less":          _comparison("olt"),
    "less_equal":    _comparison("ole"),
    "equal":         _comparison("oeq"),
    "not_equal":     _comparison("une"),
    "logical_and":   _logical("and"),
    "logical_or":    _logical("or"),
    "logical_xor":   _logical("xor"),
    "logical_not":   _not,
    "isnan":         lambda a, x: a.is_nan(x),
    "isfinite":      _finite,
    "isinf":         lambda a, x: a.compare("oeq", a.intrinsic("fabs", x), a.number(math.inf)),
    "isclose":       formulas.isclose,
    "signbit":       lambda a, x: a.compare("olt", a.intrinsic("copysign", a.number(1), x), a.number(0)),
}

#: On the bits of integers and truth values.
BITWISE: dict[str, Scalar] = {
    "bitwise_and": _bits("and"),
    "bitwise_or":  _bits("or"),
    "bitwise_xor": _bits("xor"),
    "invert":      _invert,
    "left_shift":  formulas.shift("shl"),
    "right_shift": formulas.shift("ashr"),
}
# fmt: on


def convert(builder: Builder, value: Value, type_: str) -> Value:
    """A number in another type, as NumPy's astype."""
    have = value.type
    if have == type_:
        return value
    if value.op == "constant":
        return builder.constant(_converted(value.args[0], type_), type_)
    if type_ == "i1":
        return truth(builder, value)
    if have in FLOATS and type_ in FLOATS:
        return builder.let("cast fpext" if type_ == "double" else "cast fptrunc", value, type=type_)
    if have in FLOATS:
        return builder.let("cast fptosi", value, type=type_)
    if type_ in FLOATS:
        return builder.let("cast uitofp" if have == "i1" else "cast sitofp", value, type=type_)
    if have == "i1":
        return builder.let("cast zext", value, type=type_)
    wider = int(type_[1:]) > int(have[1:])
    return builder.let("cast sext" if wider else "cast trunc", value, type=type_)


def _converted(value: Any, type_: str) -> Any:
    if type_ in FLOATS:
        return float(value)
    if type_ == "i1":
        return bool(value)
    dtype = next(d for d, t in TYPES.items() if t == type_)
    return int(np.asarray(value).astype(dtype))
