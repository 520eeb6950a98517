"""The functions of scipy.special, one line each. Read when the first of them meets a traced value (`dispatch.LATE`).

Here are the error function, the normal distribution, exponentials and logarithms; the other families have files of
their own, imported below. An argument without a rule, None, is one in which no accurate derivative is known here.

**Source**: *NIST Digital Library of Mathematical Functions*, §4.2, 6.2 (exponential integrals), 7.2, 7.10 (error functions).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import e, factorial, log, pi, sqrt
from typing import Any

import numpy as np
from scipy.special import _ufuncs

from wengert.core.primitive import Primitive
from wengert.core.rule import Constant
from wengert.ops import airy, bessel, distributions, elliptic, gamma, hypergeometric, incomplete, orthogonal
from wengert.ops import scipy_ufuncs as sp
from wengert.ops.bessel import i0, spherical_jn
from wengert.ops.elementwise import ALL, POSITIVE, function
from wengert.ops.quadrature import elementwise_in_double
from wengert.ops.special import sigmoid, stop_gradient
from wengert.ops.special_table import UNIT, member, special

__all__ = [
    "airy",
    "bessel",
    "distributions",
    "elliptic",
    "gamma",
    "hypergeometric",
    "i0",
    "incomplete",
    "orthogonal",
    "spherical_jn",
]

DEGREE, LN2, LN10 = pi / 180, log(2), log(10)
TWO_BY_ROOT_PI, ROOT_TWO_PI, ROOT_HALF = 2 / sqrt(pi), sqrt(2 * pi), sqrt(0.5)
INVERSE_E = float(np.float32(1 / e))  # 1/e in two pieces, of which the first is exact in every dtype
INVERSE_E_REST = -9.149755188170102e-09


# What the rules are made of ------------------------------------------------------------------------------------------


def _bell(half: float) -> Callable[[Any], Any]:
    def bell(x: Any) -> Any:
        """A power of e with the exponent −half·x²; of x a part that has an exact square is split off."""
        x = np.minimum(np.abs(x), 40)
        coarse = np.rint(32 * x) / 32
        return np.exp(-half * coarse * coarse) * np.exp(-half * (x - coarse) * (x + coarse))

    return bell


def _mended(slope: Any, error: Any) -> Any:
    """The slope of an inverse function at z, corrected for the rounding error of z, which it would magnify."""
    return slope * stop_gradient(np.where(np.isfinite(error), 1 + error, 1.0))


def _erfinv(z: Any, x: Any) -> Any:
    slope = 1 / (TWO_BY_ROOT_PI * gauss(z))
    tail = np.sign(x) * ((1 - np.abs(x)) - gauss(z) * sp.erfcx(np.abs(z)))
    return _mended(slope, -2 * z * np.where(np.abs(x) > 0.5, tail, sp.erf(z) - x) * slope)


def _erfcinv(z: Any, x: Any) -> Any:
    slope = 1 / (TWO_BY_ROOT_PI * gauss(z))
    rest = gauss(z) * sp.erfcx(np.abs(z)) - np.where(x > 1, 2 - x, x)
    return -_mended(slope, 2 * np.abs(z) * np.where(np.abs(x - 1) > 0.5, rest, 0.0) * slope)


def _ndtri(z: Any, x: Any) -> Any:
    slope = ROOT_TWO_PI / bell(z)
    rest = bell(z) * sp.erfcx(np.abs(z) * ROOT_HALF) / 2 - np.where(x > 0.5, 1 - x, x)
    return _mended(slope, np.abs(z) * np.where(np.abs(x - 0.5) > 0.25, rest, 0.0) * slope)


def _log_ndtr(z: Any, x: Any) -> Any:
    right = bell(x) / (ROOT_TWO_PI * sp.ndtr(np.maximum(x, 0)))
    return np.where(x > 0, right, 1 / (sqrt(pi / 2) * sp.erfcx(-np.minimum(x, 0) * ROOT_HALF)))


def _erfcx(z: Any, x: Any) -> Any:
    """The difference 2xz − 2/√π, which cancels for large x, is −2rz with a continued fraction r.

    **Source**: Gautschi, "Efficient computation of the complex error function" (1970), for the repeated integrals.
    """
    right = np.maximum(x, 1.25)
    r = 1 / (2 * right)
    for n in range(120, 0, -1):
        r = 1 / (2 * right + 2 * (n + 1) * r)
    return np.where(x > 1.25, -2 * r * z, 2 * x * z - TWO_BY_ROOT_PI)


def _normal(x: Any) -> Any:
    """Whether a number is neither zero nor infinite nor so small that it has lost digits."""
    return np.isfinite(x) & (np.abs(x) >= np.finfo(x.dtype).tiny)


def _log_ratio(x: Any, y: Any) -> Any:
    """log(x/y); its zero at x = y is exact."""
    ratio = x / y
    far = np.where(_normal(ratio), np.log(ratio), np.log(x) - np.log(y))
    return np.where(np.abs(x - y) < 0.5 * y, np.log1p((x - y) / y), far)


def _entr(z: Any, x: Any) -> Any:
    """The slope −1 − log x; near its zero 1/e by the distance from there."""
    near = ((x - INVERSE_E) - INVERSE_E_REST) * e
    return -np.where(np.abs(near) < 0.25, np.log1p(near), 1 + np.log(x))


def _bend(u: Any) -> Any:
    """(e^u (u − 1) + 1)/u², the slope of (e^u − 1)/u; near 0 and on the left ₁F₁(2; 3; u)/2, which does not cancel."""
    right = np.maximum(u, 1.0)
    near = sp.hyp1f1(2.0, 3.0, np.minimum(u, 1.0)) / 2
    return np.where(u > 1, np.exp(right) * (right - 1) / right / right + 1 / right / right, near)


def _expn(z: Any, n: Any, x: Any) -> Any:
    return -np.where(np.equal(n, 0), np.exp(-x) * (1 + x) / (x * x), sp.expn(np.maximum(n - 1, 0), x))


def _inv_boxcox(z: Any, y: Any, p: Any) -> Any:
    """∂/∂λ (1 + λy)^(1/λ): z y² (u/(1+u) − log(1+u))/u² with u = λy, which is smooth at 0."""
    u = p * y
    far = np.where(np.abs(u) < 0.3, 1.0, u)
    near = -sp.hyp2f1(2.0, 2.0, 3.0, -np.where(far == u, 0.0, u)) / 2
    return z * y * y * np.where(far == u, (u / (1 + u) - np.log1p(u)) / (far * far), near)


def _spence(x: Any) -> Any:
    """The slope log(x)/(1 − x); near 1 by the series of the hypergeometric function that it is."""
    close = np.abs(x - 1) < 0.3
    far = np.where(close, 0.5, x)
    return np.where(close, -sp.hyp2f1(1.0, 1.0, 2.0, 1 - np.where(close, x, 1.0)), np.log(far) / (1 - far))


def _pseudo_huber(d: Any, q: Any) -> Any:
    """δ(w − 1)²/w with w = √(1 + q²)."""
    w = np.hypot(1.0, q)
    return d * np.square(q * (q / (1 + w))) / w


def _voigt(i: int) -> Callable[..., Any]:
    """The slopes of V = Re w(ζ)/(σ√2π), ζ = (x + iγ)/(σ√2), in x, σ and γ; that in σ is σ ∂²V/∂x²."""

    def slope(z: Any, x: Any, s: Any, g: Any) -> Any:
        at = (x + 1j * g) / (s * sqrt(2))
        if i == 1:
            return np.real(faddeeva(2)(at)) / (2 * ROOT_TWO_PI * s * s)
        change = faddeeva(1)(at)
        return (np.real(change) if i == 0 else -np.imag(change)) / (2 * sqrt(pi) * s * s)

    return slope


@cache
def dawson(n: int) -> Primitive:
    """The n-th derivative of Dawson's integral as an operation."""
    name = f"dawsn_x{n}"
    return member(
        name, _dawson(n), lambda z, x: dawson(n + 1)(x), first=n == 1, like=sp.dawsn, latex=rf"F^{{{{({n})}}}}"
    )


def _dawson(n: int) -> Callable[..., Any]:
    """F = ½√π Im w; near 0 by the recurrence."""
    slope = _faddeeva(n)

    @elementwise_in_double
    def derivative(x: Any) -> Any:
        before, last = sp.dawsn(x), 1 - 2 * x * sp.dawsn(x)
        for k in range(1, n):
            before, last = last, -2 * x * last - 2 * k * before
        beyond = sqrt(pi) / 2 * slope(np.where(np.isinf(x), 1.0, x) + 0j).imag
        return np.where(np.isinf(x), 0.0, np.where(np.abs(x) < 1.25, last, beyond))

    return derivative


@cache
def faddeeva(n: int) -> Primitive:
    """The n-th derivative of w(z), for Im z ≥ 0, as an operation."""
    name = f"wofz_z{n}"
    return member(
        name,
        _faddeeva(n),
        lambda z, x: faddeeva(n + 1)(x),
        first=n == 1,
        like=sp.wofz,
        latex=rf"w^{{{{({n})}}}}",
        complex=True,
    )


def _faddeeva(n: int) -> Callable[..., Any]:
    """w⁽ⁿ⁾(z) = (−1)ⁿ n! i/π ∫ e^−t²/(z − t)ⁿ⁺¹ dt over Im t = −1, by the trapezoidal rule.

    **Source**: DLMF 7.7.2, 7.10.3; Trefethen and Weideman, "The exponentially convergent trapezoidal rule" (2014).
    """
    t = np.arange(-60, 61) / 8 - 1j
    weight = 1j * (-1) ** n * factorial(n) * np.exp(-t * t) / (8 * pi)

    def derivative(z: Any) -> Any:
        flat = np.ravel(z)
        result = np.empty(flat.shape, complex)
        for i in range(0, len(flat), 4096):
            result[i : i + 4096] = (weight / (flat[i : i + 4096, None] - t) ** (n + 1)).sum(1)
        return result.reshape(np.shape(z)).astype(np.result_type(z, np.complex64))[()]

    return derivative


# fmt: off
gauss = function("gauss", _bell(1.0), lambda z, x: -2 * x * z, like=np.exp, python="np.exp(-{0:8} ** 2)",     latex="e^{{-{0:8}^2}}")
bell  = function("bell",  _bell(0.5), lambda z, x: -x * z,     like=np.exp, python="np.exp(-{0:8} ** 2 / 2)", latex="e^{{-{0:8}^2/2}}")

# The error function and the normal distribution
erf      = special(sp.erf,      lambda z, x: TWO_BY_ROOT_PI * gauss(x))
erfc     = special(sp.erfc,     lambda z, x: -TWO_BY_ROOT_PI * gauss(x))
erfcx    = special(sp.erfcx,    _erfcx)
erfinv   = special(sp.erfinv,   _erfinv,                                      domain=((-1.0, 1.0),), latex=r"\operatorname{{erf}}^{{-1}}")
erfcinv  = special(sp.erfcinv,  _erfcinv,                                     domain=((0.0, 2.0),), latex=r"\operatorname{{erfc}}^{{-1}}")
dawsn    = special(sp.dawsn,    lambda z, x: dawson(1)(x),                    latex="F")
ndtr     = special(sp.ndtr,     lambda z, x: bell(x) / ROOT_TWO_PI,           latex=r"\Phi")
log_ndtr = special(sp.log_ndtr, _log_ndtr,                                    latex=r"\ln\Phi")
ndtri    = special(sp.ndtri,    _ndtri,                                       domain=(UNIT,), latex=r"\Phi^{{-1}}")

erfi      = special(sp.erfi,      lambda z, x: TWO_BY_ROOT_PI / gauss(x))
wofz      = special(sp.wofz,      lambda z, x: TWO_BY_ROOT_PI * 1j - 2 * x * z,          latex="w", complex=True)
wofz_z1   = faddeeva(1)
voigt_profile = special(sp.voigt_profile, *(_voigt(i) for i in range(3)),               latex="V", domain=(ALL, POSITIVE, POSITIVE))
ndtri_exp = special(sp.ndtri_exp, lambda z, x: sqrt(pi / 2) * sp.erfcx(-z * ROOT_HALF),  latex=r"\Phi^{{-1}}\left(e^{{{0}}}\right)", domain=((-np.inf, 0.0),))
owens_t   = special(sp.owens_t,   lambda z, h, a: -bell(h) / (2 * ROOT_TWO_PI) * sp.erf(a * h * ROOT_HALF), lambda z, h, a: bell(h) * bell(a * h) / (2 * pi * (1 + a * a)), latex="T")

# Exponentials and logarithms
expit       = special(sp.expit,      lambda z, x: sigmoid(x) * sigmoid(-x),                     latex=r"\sigma")
logit       = special(sp.logit,      lambda z, x: 1 / (x * (1 - x)),                            domain=(UNIT,))
log_expit   = special(sp.log_expit,  lambda z, x: sigmoid(-x),                                  latex=r"\ln\sigma")
exprel      = special(sp.exprel,     lambda z, x: _bend(x),                                    latex=r"\frac{{e^{{{0}}} - 1}}{{{0}}}")
exp10       = special(sp.exp10,      lambda z, x: z * LN10,                                     latex="10^{{{0}}}")
exp2        = special(sp.exp2,       lambda z, x: z * LN2,        name="scipy_exp2",            latex="2^{{{0}}}")
expm1       = special(sp.expm1,      lambda z, x: np.exp(x),      name="scipy_expm1",           latex="e^{{{0}}} - 1", precedence=4)
log1p       = special(sp.log1p,      lambda z, x: 1 / (1 + x),    name="scipy_log1p",           latex=r"\ln\left(1 + {0}\right)", domain=((-1.0, np.inf),))
cbrt        = special(sp.cbrt,       lambda z, x: 1 / (3 * z * z), name="scipy_cbrt",           latex=r"\sqrt[3]{{{0}}}")
cosm1       = special(sp.cosm1,      lambda z, x: -np.sin(x),                                   latex=r"\cos {0} - 1")
sindg       = special(sp.sindg,      lambda z, x: DEGREE * sp.cosdg(x))
cosdg       = special(sp.cosdg,      lambda z, x: -DEGREE * sp.sindg(x))
tandg       = special(sp.tandg,      lambda z, x: DEGREE * np.square(1 / sp.cosdg(x)))
cotdg       = special(sp.cotdg,      lambda z, x: -DEGREE * np.square(1 / sp.sindg(x)))
radian      = special(sp.radian,     lambda z, d, m, s: DEGREE, lambda z, d, m, s: DEGREE / 60, lambda z, d, m, s: DEGREE / 3600)
powm1       = special(sp.powm1,      lambda z, x, y: y * np.power(x, y - 1),                    lambda z, x, y: np.power(x, y) * np.log(x), latex="{0:8}^{{{1}}} - 1", precedence=4, domain=(POSITIVE, ALL))
boxcox      = special(sp.boxcox,     lambda z, x, p: np.power(x, p - 1),                        lambda z, x, p: np.square(np.log(x)) * _bend(p * np.log(x)), domain=(POSITIVE, ALL))
boxcox1p    = special(sp.boxcox1p,   lambda z, x, p: np.power(1 + x, p - 1),                    lambda z, x, p: np.square(np.log1p(x)) * _bend(p * np.log1p(x)), domain=((-1.0, np.inf), ALL))
inv_boxcox  = special(sp.inv_boxcox, lambda z, y, p: z / (1 + p * y),                           _inv_boxcox, domain=(POSITIVE, POSITIVE))
inv_boxcox1p = special(sp.inv_boxcox1p, lambda z, y, p: (1 + z) / (1 + p * y),                  lambda z, y, p: _inv_boxcox(1 + z, y, p), domain=(POSITIVE, POSITIVE))
expi        = special(sp.expi,       lambda z, x: np.exp(x) / x,                                latex=r"\operatorname{{Ei}}")
exp1        = special(sp.exp1,       lambda z, x: -np.exp(-x) / x,                              latex="E_1", domain=(POSITIVE,))
expn        = special(sp.expn,       None, _expn,                                             latex="E_{{{0}}}\\left({1}\\right)")
wrightomega = special(sp.wrightomega, lambda z, x: z / (1 + z),                                 latex=r"\omega")

lambertw    = special(_ufuncs._lambertw, lambda z, x, k, tol: np.exp(-z) / (1 + z), Constant(), Constant(), name="lambertw", python="scipy.special.lambertw({0}, {1})", latex="W_{{{1}}}\\left({0}\\right)", complex=True)
spence      = special(sp.spence,     lambda z, x: _spence(x),                                   latex=r"\operatorname{{Li}}_2\left(1 - {0}\right)", domain=(POSITIVE,))
huber       = special(sp.huber,      lambda z, d, r: np.maximum(np.abs(r) - d, 0.0),            lambda z, d, r: np.clip(r, -d, d), domain=(POSITIVE, ALL))
pseudo_huber = special(sp.pseudo_huber, lambda z, d, r: _pseudo_huber(d, r / d),                lambda z, d, r: r / np.hypot(1.0, r / d), domain=(POSITIVE, ALL))
round       = special(sp.round,      Constant(),      name="scipy_round")
gammasgn    = special(sp.gammasgn,   Constant(),      latex=r"\operatorname{{sgn}}\Gamma")

# Information: x log x and its relatives, 0 where x is
xlogy    = special(sp.xlogy,    lambda z, x, y: np.log(y),              lambda z, x, y: np.where(x == 0, 0.0, x / y),       latex=r"{0:5} \ln {1:5}", precedence=5, domain=(ALL, POSITIVE))
xlog1py  = special(sp.xlog1py,  lambda z, x, y: np.log1p(y),            lambda z, x, y: np.where(x == 0, 0.0, x / (1 + y)), latex=r"{0:5} \ln\left(1 + {1}\right)", precedence=5, domain=(ALL, (-1.0, np.inf)))
entr     = special(sp.entr,     _entr,                                                                                      latex=r"\operatorname{{entr}}", domain=(POSITIVE,))
rel_entr = special(sp.rel_entr, lambda z, x, y: 1 + _log_ratio(x, y),   lambda z, x, y: -x / y,                             latex=r"{0:5} \ln\frac{{{0}}}{{{1}}}", precedence=5, domain=(POSITIVE, POSITIVE))
kl_div   = special(sp.kl_div,   lambda z, x, y: _log_ratio(x, y),       lambda z, x, y: (y - x) / y,                        domain=(POSITIVE, POSITIVE))

# fmt: on
