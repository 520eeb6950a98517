"""Every elementwise operation on mpmath numbers, at any precision: what the rules are held against."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any


def reference(name: str) -> Callable[..., Any]:
    """The operation of this name as a function of mpmath numbers; mpmath is imported when it is first called."""
    return lambda *args: (_table().get(name) or _special()[name])(*args)


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
        "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "sinc": mp.sincpi, "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan, "arctan2": mp.atan2,
        "deg2rad": mp.radians, "radians": mp.radians, "rad2deg": mp.degrees, "degrees": mp.degrees,
        "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "arcsinh": mp.asinh, "arccosh": mp.acosh, "arctanh": mp.atanh,
        "sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "softplus": lambda x: max(x, 0) + mp.log1p(mp.exp(-abs(x))),
        "relu": lambda x: max(x, 0 * x), "stop_gradient": lambda x: x,
    }
    # fmt: on


@cache
def _special() -> dict[str, Callable[..., Any]]:
    """Those of SciPy, by mpmath's names."""
    import mpmath as mp

    def tail(x: Any) -> Any:
        """The inverse of erfc, of which erfinv(1 − x) would lose the digits."""
        with mp.workprec(mp.mp.prec + 64 + max(0, -2 * mp.frexp(min(x, 2 - x))[1])):
            return mp.erfinv(1 - x)

    def box(u: Any, p: Any) -> Any:
        return mp.expm1(p * u) / p if p else u

    def spherical(n: Any, x: Any) -> Any:
        return mp.sqrt(mp.pi / (2 * x)) * mp.besselj(n + mp.mpf(1) / 2, x) if x else mp.mpf(n == 0)

    # fmt: off
    return {
        "gauss": lambda x: mp.exp(-x * x), "bell": lambda x: mp.exp(-x * x / 2),
        "erf": mp.erf, "erfc": mp.erfc, "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x), "erfinv": mp.erfinv, "erfcinv": tail,
        "dawsn": lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
        "ndtr": mp.ncdf, "log_ndtr": lambda x: mp.log(mp.ncdf(x)), "ndtri": lambda p: -mp.sqrt(2) * tail(2 * p),
        "expit": lambda x: 1 / (1 + mp.exp(-x)), "logit": lambda x: mp.log(x / (1 - x)), "log_expit": lambda x: -mp.log1p(mp.exp(-x)),
        "exprel": lambda x: mp.expm1(x) / x if x else mp.mpf(1), "exp10": lambda x: mp.power(10, x),
        "scipy_exp2": lambda x: mp.power(2, x), "scipy_expm1": mp.expm1, "scipy_log1p": mp.log1p,
        "scipy_cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)), "cosm1": lambda x: -2 * mp.sin(x / 2) ** 2,
        "sindg": lambda x: mp.sin(mp.radians(x)), "cosdg": lambda x: mp.cos(mp.radians(x)), "tandg": lambda x: mp.tan(mp.radians(x)),
        "boxcox": lambda x, p: box(mp.log(x), p), "boxcox1p": lambda x, p: box(mp.log1p(x), p),
        "inv_boxcox": lambda y, p: mp.power(1 + p * y, 1 / p) if p else mp.exp(y),
        "expi": mp.ei, "exp1": mp.e1, "expn": mp.expint, "wrightomega": lambda x: mp.lambertw(mp.exp(x)).real,
        "xlogy": lambda x, y: x * mp.log(y) if x else x, "xlog1py": lambda x, y: x * mp.log1p(y) if x else x,
        "entr": lambda x: -x * mp.log(x) if x else x, "rel_entr": lambda x, y: x * mp.log(x / y) if x else x,
        "kl_div": lambda x, y: (x * mp.log(x / y) if x else x) - x + y,
        "gamma": mp.gamma, "gammaln": lambda x: mp.loggamma(x).real, "loggamma": mp.loggamma, "rgamma": mp.rgamma, "psi": mp.digamma,
        "zeta": mp.zeta, "poch": mp.rf, "binom": mp.binomial, "beta": mp.beta,
        "betaln": lambda a, b: mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b),
        "gammainc": lambda a, x: mp.gammainc(a, 0, x, regularized=True), "gammaincc": lambda a, x: mp.gammainc(a, x, regularized=True),
        "betainc": lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
        "j0": lambda x: mp.besselj(0, x), "j1": lambda x: mp.besselj(1, x), "jv": mp.besselj,
        "y0": lambda x: mp.bessely(0, x), "y1": lambda x: mp.bessely(1, x), "yv": mp.bessely,
        "i0": lambda x: mp.besseli(0, x), "i1": lambda x: mp.besseli(1, x), "iv": mp.besseli,
        "k0": lambda x: mp.besselk(0, x), "k1": lambda x: mp.besselk(1, x), "kv": mp.besselk,
        "i0e": lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), "i1e": lambda x: mp.exp(-abs(x)) * mp.besseli(1, x),
        "ive": lambda v, x: mp.exp(-abs(x)) * mp.besseli(v, x), "k0e": lambda x: mp.exp(x) * mp.besselk(0, x),
        "k1e": lambda x: mp.exp(x) * mp.besselk(1, x), "kve": lambda v, x: mp.exp(x) * mp.besselk(v, x),
        "spherical_jn": spherical, "hyp0f1": mp.hyp0f1, "hyp1f1": mp.hyp1f1, "hyp2f1": mp.hyp2f1,
        "ellipk": mp.ellipk, "ellipe": mp.ellipe,
    }
    # fmt: on
