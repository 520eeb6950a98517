"""Every elementwise operation on mpmath numbers, at any precision: what the rules are held against."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import cache
from typing import Any


def reference(name: str) -> Callable[..., Any]:
    """The operation of this name as a function of mpmath numbers; mpmath is imported when it is first called."""
    return lambda *args: (_table().get(name) or _special().get(name) or _derivative(name))(*args)


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

    def wright(a: Any, b: Any, x: Any) -> Any:
        return mp.nsum(lambda k: x**k * mp.rgamma(a * k + b) / mp.factorial(k), [0, mp.inf])

    def student(v: Any, t: Any) -> Any:
        below = mp.betainc(v / 2, mp.mpf(1) / 2, 0, v / (v + t * t), regularized=True) / 2
        return below if t < 0 else 1 - below

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
        "yn": mp.bessely, "kn": mp.besselk,
        "spherical_yn": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.bessely(n + mp.mpf(1) / 2, x),
        "spherical_in": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besseli(n + mp.mpf(1) / 2, x),
        "spherical_kn": lambda n, x: mp.sqrt(mp.pi / (2 * x)) * mp.besselk(n + mp.mpf(1) / 2, x),
        "ber": lambda x: mp.ber(0, x), "bei": lambda x: mp.bei(0, x), "ker": lambda x: mp.ker(0, x), "kei": lambda x: mp.kei(0, x),
        "berp": lambda x: mp.diff(lambda t: mp.ber(0, t), x), "beip": lambda x: mp.diff(lambda t: mp.bei(0, t), x),
        "kerp": lambda x: mp.diff(lambda t: mp.ker(0, t), x), "keip": lambda x: mp.diff(lambda t: mp.kei(0, t), x),
        "struve": mp.struveh, "modstruve": mp.struvel, "itstruve0": lambda x: mp.quad(lambda t: mp.struveh(0, t), [0, x]),
        "itmodstruve0": lambda x: mp.quad(lambda t: mp.struvel(0, t), [0, x]),
        "it2struve0": lambda x: mp.pi / 2 - mp.quad(lambda t: mp.struveh(0, t) / t, [0, x]),
        "ellipk": mp.ellipk, "ellipe": mp.ellipe, "ellipkm1": lambda n: mp.ellipk(1 - n), "ellipkinc": mp.ellipf, "ellipeinc": mp.ellipe, "agm": mp.agm,
        "elliprf": mp.elliprf, "elliprd": mp.elliprd, "elliprg": mp.elliprg, "elliprc": mp.elliprc, "elliprj": mp.elliprj,
        "riemann_zeta": mp.zeta, "zetac": lambda s: mp.zeta(s) - 1, "erfi": mp.erfi, "wofz": lambda z: mp.exp(-z * z) * mp.erfc(-1j * z),
        "voigt_profile": lambda x, s, g: (mp.exp(-(w := (x + 1j * g) / (s * mp.sqrt(2))) ** 2) * mp.erfc(-1j * w)).real / (s * mp.sqrt(2 * mp.pi)),
        "ndtri_exp": lambda y: -mp.sqrt(2) * tail(2 * mp.exp(y)),
        "owens_t": lambda h, a: mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a]) / (2 * mp.pi),
        "cotdg": lambda x: mp.cot(mp.radians(x)), "radian": lambda d, m, s: mp.radians(d + m / 60 + s / 3600), "powm1": lambda x, y: mp.powm1(x, y),
        "inv_boxcox1p": lambda y, p: mp.expm1(mp.log1p(p * y) / p) if p else mp.expm1(y),
        "lambertw": lambda z, k, tol: mp.lambertw(z, int(k)), "spence": lambda x: mp.polylog(2, 1 - x).real,
        "huber": lambda d, r: r * r / 2 if abs(r) <= d else d * (abs(r) - d / 2), "pseudo_huber": lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1),
        "scipy_round": mp.nint, "gammasgn": lambda x: mp.sign(mp.gamma(x)),
        "hyperu": mp.hyperu, "lpmv": lambda m, v, x: mp.legenp(v, m, x), "wright_bessel": wright, "log_wright_bessel": lambda a, b, x: mp.log(wright(a, b, x)),
        "eval_chebyt": mp.chebyt, "eval_chebyu": mp.chebyu, "eval_chebyc": lambda n, x: 2 * mp.chebyt(n, x / 2), "eval_chebys": lambda n, x: mp.chebyu(n, x / 2),
        "eval_sh_chebyt": lambda n, x: mp.chebyt(n, 2 * x - 1), "eval_sh_chebyu": lambda n, x: mp.chebyu(n, 2 * x - 1),
        "eval_legendre": mp.legendre, "eval_sh_legendre": lambda n, x: mp.legendre(n, 2 * x - 1), "eval_hermite": mp.hermite,
        "eval_hermitenorm": lambda n, x: mp.hermite(n, x / mp.sqrt(2)) / mp.sqrt(2) ** n, "eval_laguerre": lambda n, x: mp.laguerre(n, 0, x),
        "eval_genlaguerre": mp.laguerre, "eval_gegenbauer": mp.gegenbauer, "eval_jacobi": mp.jacobi,
        "eval_sh_jacobi": lambda n, p, q, x: mp.jacobi(n, p - q, q - 1, 2 * x - 1) / mp.binomial(2 * n + p - 1, n),
        "betaincc": lambda a, b, x: mp.betainc(a, b, x, 1, regularized=True), "stdtr": student,
        "fdtr": lambda m, n, x: mp.betainc(m / 2, n / 2, 0, m * x / (n + m * x), regularized=True),
        "fdtrc": lambda m, n, x: mp.betainc(m / 2, n / 2, m * x / (n + m * x), 1, regularized=True),
        "gamma_density": lambda a, x: x ** (a - 1) * mp.exp(-x) * mp.rgamma(a), "beta_density": lambda a, b, x: x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b),
    }
    # fmt: on


#: A derivative of higher order by its name: the function it is of, how many times in each argument, and its sign.
_NAMES: dict[str, Callable[..., Any]] = {
    r"gammainc_a(\d+)": lambda n: ("gammainc", (n, 0), 1),
    r"betainc_a(\d+)b(\d+)": lambda m, n: ("betainc", (m, n, 0), 1),
    r"zeta_s(\d+)": lambda n: ("zeta", (n, 0), 1),
    r"stdtr_v(\d+)": lambda n: ("stdtr", (n, 0), 1),
    r"wofz_z(\d+)": lambda n: ("wofz", (n,), 1),
    r"dawsn_x(\d+)": lambda n: ("dawsn", (n,), 1),
    r"(jv|yv|iv|kv|ive)_v(\d+)": lambda name, n: (name, (n, 0), 1),
    r"(ive|kve)_v(\d+)x(\d+)": lambda name, n, k: (name, (n, k), (-1) ** k),
}


@cache
def _derivative(name: str) -> Callable[..., Any]:
    """A derivative of higher order, by mpmath's numerical one; an elliptic integral of the names that they have here."""
    import mpmath as mp

    for pattern, meaning in _NAMES.items():
        found = re.fullmatch(pattern, name)
        if found:
            base, orders, sign = meaning(*(int(g) if g.isdigit() else g for g in found.groups()))
            f = _special()[base]
            if len(orders) == 1:
                return lambda x: sign * mp.diff(f, x, orders[0])
            return lambda *args: sign * mp.diff(f, args, orders)
    numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", name)]
    if name.startswith("carlson"):
        return lambda *xs: mp.quad(
            lambda t: t ** numbers[0] * mp.fprod((t + x) ** -e for x, e in zip(xs, numbers[1:], strict=True)),
            [0, min(xs), max(xs), mp.inf],
        )
    j, p = int(numbers[0]), numbers[1]

    def legendre(phi: Any, m: Any) -> Any:
        return mp.quad(lambda t: mp.sin(t) ** (2 * j) * (1 - m * mp.sin(t) ** 2) ** p, [0, phi / 2, phi])

    return legendre if "incomplete" in name else lambda n: legendre(mp.pi / 2, 1 - n)
