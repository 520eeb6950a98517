"""The functions of scipy.special, one line each. Read when the first of them meets a traced value (`dispatch.LATE`).

An argument without a rule, None, is one in which the derivative is no function that SciPy has: the order of a Bessel
function, the shape of an incomplete gamma function.

**Source**: *NIST Digital Library of Mathematical Functions*, §5.9, 5.15 (gamma), 7.2, 7.10 (error functions), 8.8, 8.17
(incomplete gamma and beta), 10.6, 10.29 (Bessel), 13.3 (confluent hypergeometric), 15.5, 19.4, 25.11.
"""

from __future__ import annotations

from collections.abc import Callable
from math import e, log, pi, sqrt
from typing import Any

import numpy as np
from scipy import special as sp
from scipy.special import _ufuncs

from wengert.core.chain import scale
from wengert.core.dispatch import UFUNCS
from wengert.core.primitive import Primitive
from wengert.core.rule import Rule
from wengert.ops.elementwise import ALL, POSITIVE, function
from wengert.ops.special import sigmoid, stop_gradient

DEGREE, LN2, LN10 = pi / 180, log(2), log(10)
TWO_BY_ROOT_PI, ROOT_TWO_PI, ROOT_HALF = 2 / sqrt(pi), sqrt(2 * pi), sqrt(0.5)
INVERSE_E = float(np.float32(1 / e))  # 1/e in two pieces, of which the first is exact in every dtype
INVERSE_E_REST = -9.149755188170102e-09
UNIT = (0.0, 1.0)
BELOW_ONE = (-np.inf, 1.0)


def special(ufunc: Any, *rules: Callable[..., Any] | Rule | None, name: str = "", **written: Any) -> Primitive:
    """A line of the table; `name`, where NumPy has another function of the same name."""
    plain = ufunc.__name__.lstrip("_")
    args = ", ".join(f"{{{i}}}" for i in range(ufunc.nin))
    written.setdefault("python", f"scipy.special.{plain}({args})")
    primitive = UFUNCS[ufunc] = function(name or plain, ufunc, *rules, like=ufunc, **written)
    return primitive


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


def _trigamma(x: Any) -> Any:
    """The derivative ζ(2, x) of the digamma function; on the left by reflection."""
    s = sp.zeta(2, np.where(x > 0, x, 1 - x))
    return np.where(x > 0, s, np.square(pi / np.sin(pi * x)) - s)


def _rgamma(z: Any, x: Any) -> Any:
    pole = (x <= 0) & (x == np.floor(x))
    return np.where(pole, np.cos(pi * x) * sp.gamma(1 - np.where(pole, x, 0.0)), scale(-z, sp.psi(x)))


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


def _psi_gap(a: Any, b: Any) -> Any:
    """ψ(a + b) − ψ(a) without the subtraction: ten steps of the recurrence, then Stirling's series, term by term."""
    total = 0.0
    for k in range(10):
        total = total + b / ((a + k) * (a + b + k))
    p, q = 1 / (a + 10), 1 / (a + b + 10)
    power, q_power, sums = 1.0, 1.0, 0.0  # of p²ⁿ − q²ⁿ the factor p² − q² = bpq(p + q) is left out
    for coefficient in (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12):
        sums = sums + coefficient * power
        q_power = q_power * q * q
        power = power * p * p + q_power
    gap = total + np.log1p(b * p) + b * p * q * (0.5 + (p + q) * sums)
    return np.where((a > 0) & (a + b > 0), gap, sp.psi(a + b) - sp.psi(a))


def _gamma_density(a: Any, x: Any) -> Any:
    """x^(a−1) e^−x / Γ(a), by logarithms where a factor is out of range."""
    power, decay, whole = np.power(x, a - 1), np.exp(-x), sp.gamma(a)
    safe = _normal(power) & _normal(decay) & _normal(whole) & _normal(power * decay)
    return np.where(safe, power * decay / whole, np.exp(sp.xlogy(a - 1, x) - x - sp.gammaln(a)))


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    """x^(a−1) (1−x)^(b−1) / B(a, b), by logarithms where a factor is out of range."""
    left, right, whole = np.power(x, a - 1), np.power(1 - x, b - 1), sp.beta(a, b)
    safe = _normal(left) & _normal(right) & _normal(whole) & _normal(left * right)
    logarithm = sp.xlogy(a - 1, x) + sp.xlog1py(b - 1, -x) - sp.betaln(a, b)
    return np.where(safe, left * right / whole, np.exp(logarithm))


def _bend(u: Any) -> Any:
    """(e^u (u − 1) + 1)/u², the slope of (e^u − 1)/u; near 0 and on the left ₁F₁(2; 3; u)/2, which does not cancel."""
    right = np.maximum(u, 1.0)
    near = sp.hyp1f1(2.0, 3.0, np.minimum(u, 1.0)) / 2
    return np.where(u > 1, np.exp(right) * (right - 1) / right / right + 1 / right / right, near)


def _expn(z: Any, n: Any, x: Any) -> Any:
    return -np.where(np.equal(n, 0), np.exp(-x) * (1 + x) / (x * x), sp.expn(np.maximum(n - 1, 0), x))


def _ellipk(z: Any, m: Any) -> Any:
    """The slope (E/(1−m) − K)/2m; near 0 by the series of the hypergeometric function that it is."""
    far = np.where(np.abs(m) < 0.3, 0.5, m)
    near = pi / 8 * sp.hyp2f1(1.5, 1.5, 2.0, np.where(far == m, 0.0, m))
    return np.where(far == m, (sp.ellipe(m) / (1 - m) - z) / (2 * far), near)


def _ellipe(z: Any, m: Any) -> Any:
    """The slope (E − K)/2m; near 0 as above."""
    far = np.where(np.abs(m) < 0.3, 0.5, m)
    near = -pi / 8 * sp.hyp2f1(1.5, 0.5, 2.0, np.where(far == m, 0.0, m))
    return np.where(far == m, (z - sp.ellipk(m)) / (2 * far), near)


def _inv_boxcox(z: Any, y: Any, p: Any) -> Any:
    """∂/∂λ (1 + λy)^(1/λ): z y² (u/(1+u) − log(1+u))/u² with u = λy, which is smooth at 0."""
    u = p * y
    far = np.where(np.abs(u) < 0.3, 1.0, u)
    near = -sp.hyp2f1(2.0, 2.0, 3.0, -np.where(far == u, 0.0, u)) / 2
    return z * y * y * np.where(far == u, (u / (1 + u) - np.log1p(u)) / (far * far), near)


# fmt: off
gauss = function("gauss", _bell(1.0), lambda z, x: -2 * x * z, like=np.exp, python="np.exp(-{0:8} ** 2)",     latex="e^{{-{0:8}^2}}")
bell  = function("bell",  _bell(0.5), lambda z, x: -x * z,     like=np.exp, python="np.exp(-{0:8} ** 2 / 2)", latex="e^{{-{0:8}^2/2}}")

# The error function and the normal distribution
erf      = special(sp.erf,      lambda z, x: TWO_BY_ROOT_PI * gauss(x))
erfc     = special(sp.erfc,     lambda z, x: -TWO_BY_ROOT_PI * gauss(x))
erfcx    = special(sp.erfcx,    _erfcx)
erfinv   = special(sp.erfinv,   _erfinv,                                      domain=((-1.0, 1.0),), latex=r"\operatorname{{erf}}^{{-1}}")
erfcinv  = special(sp.erfcinv,  _erfcinv,                                     domain=((0.0, 2.0),), latex=r"\operatorname{{erfc}}^{{-1}}")
dawsn    = special(sp.dawsn,    lambda z, x: sp.hyp1f1(1.0, 0.5, -x * x),     latex="F")
ndtr     = special(sp.ndtr,     lambda z, x: bell(x) / ROOT_TWO_PI,           latex=r"\Phi")
log_ndtr = special(sp.log_ndtr, _log_ndtr,                                    latex=r"\ln\Phi")
ndtri    = special(sp.ndtri,    _ndtri,                                       domain=(UNIT,), latex=r"\Phi^{{-1}}")

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
boxcox      = special(sp.boxcox,     lambda z, x, p: np.power(x, p - 1),                        lambda z, x, p: np.square(np.log(x)) * _bend(p * np.log(x)), domain=(POSITIVE, ALL))
boxcox1p    = special(sp.boxcox1p,   lambda z, x, p: np.power(1 + x, p - 1),                    lambda z, x, p: np.square(np.log1p(x)) * _bend(p * np.log1p(x)), domain=((-1.0, np.inf), ALL))
inv_boxcox  = special(sp.inv_boxcox, lambda z, y, p: z / (1 + p * y),                           _inv_boxcox, domain=(POSITIVE, POSITIVE))
expi        = special(sp.expi,       lambda z, x: np.exp(x) / x,                                latex=r"\operatorname{{Ei}}")
exp1        = special(sp.exp1,       lambda z, x: -np.exp(-x) / x,                              latex="E_1", domain=(POSITIVE,))
expn        = special(sp.expn,       None, _expn,                                             latex="E_{{{0}}}\\left({1}\\right)")
wrightomega = special(sp.wrightomega, lambda z, x: z / (1 + z),                                 latex=r"\omega")

# Information: x log x and its relatives, 0 where x is
xlogy    = special(sp.xlogy,    lambda z, x, y: np.log(y),              lambda z, x, y: np.where(x == 0, 0.0, x / y),       latex=r"{0:5} \ln {1:5}", precedence=5, domain=(ALL, POSITIVE))
xlog1py  = special(sp.xlog1py,  lambda z, x, y: np.log1p(y),            lambda z, x, y: np.where(x == 0, 0.0, x / (1 + y)), latex=r"{0:5} \ln\left(1 + {1}\right)", precedence=5, domain=(ALL, (-1.0, np.inf)))
entr     = special(sp.entr,     _entr,                                                                                      latex=r"\operatorname{{entr}}", domain=(POSITIVE,))
rel_entr = special(sp.rel_entr, lambda z, x, y: 1 + _log_ratio(x, y),   lambda z, x, y: -x / y,                             latex=r"{0:5} \ln\frac{{{0}}}{{{1}}}", precedence=5, domain=(POSITIVE, POSITIVE))
kl_div   = special(sp.kl_div,   lambda z, x, y: _log_ratio(x, y),       lambda z, x, y: (y - x) / y,                        domain=(POSITIVE, POSITIVE))

# Gamma and beta
gamma     = special(sp.gamma,    lambda z, x: z * sp.psi(x),            latex=r"\Gamma")
gammaln   = special(sp.gammaln,  lambda z, x: sp.psi(x),                latex=r"\ln\Gamma", domain=(POSITIVE,))
loggamma  = special(sp.loggamma, lambda z, x: sp.psi(x),                latex=r"\ln\Gamma", domain=(POSITIVE,))
rgamma    = special(sp.rgamma,   _rgamma,                               latex=r"\frac{{1}}{{\Gamma}}")
psi       = special(sp.psi,      lambda z, x: _trigamma(x),             latex=r"\psi", domain=(POSITIVE,))
zeta      = special(_ufuncs._zeta, None, lambda z, s, q: -s * sp.zeta(s + 1, q), latex=r"\zeta")
poch      = special(sp.poch,     lambda z, x, m: z * _psi_gap(x, m),    lambda z, x, m: z * sp.psi(x + m), latex="{0:8}^{{\\overline{{{1}}}}}", domain=(POSITIVE, POSITIVE))
binom     = special(sp.binom,    lambda z, n, k: z * _psi_gap(n - k + 1, k), lambda z, n, k: z * _psi_gap(k + 1, n - 2 * k), latex=r"\binom{{{0}}}{{{1}}}", domain=(POSITIVE, POSITIVE))
beta      = special(sp.beta,     lambda z, a, b: -z * _psi_gap(a, b),   lambda z, a, b: -z * _psi_gap(b, a), latex=r"\mathrm{{B}}", domain=(POSITIVE, POSITIVE))
betaln    = special(sp.betaln,   lambda z, a, b: -_psi_gap(a, b),       lambda z, a, b: -_psi_gap(b, a), latex=r"\ln\mathrm{{B}}", domain=(POSITIVE, POSITIVE))
gammainc  = special(sp.gammainc,  None, lambda z, a, x: _gamma_density(a, x),                   latex="P")
gammaincc = special(sp.gammaincc, None, lambda z, a, x: -_gamma_density(a, x),                  latex="Q")
betainc   = special(sp.betainc,   None, None, lambda z, a, b, x: _beta_density(a, b, x),        latex="I")
gammaincinv  = special(sp.gammaincinv,  None, lambda z, a, y: 1 / _gamma_density(a, z),         latex="P^{{-1}}")
gammainccinv = special(sp.gammainccinv, None, lambda z, a, y: -1 / _gamma_density(a, z),        latex="Q^{{-1}}")
betaincinv   = special(sp.betaincinv,   None, None, lambda z, a, b, y: 1 / _beta_density(a, b, z), latex="I^{{-1}}")

# Bessel functions
j0  = special(sp.j0,  lambda z, x: -sp.j1(x),                                                   latex="J_0")
j1  = special(sp.j1,  lambda z, x: (sp.j0(x) - sp.jv(2, x)) / 2,                                latex="J_1")
jv  = special(sp.jv,  None, lambda z, v, x: (sp.jv(v - 1, x) - sp.jv(v + 1, x)) / 2,            latex=r"J_{{{0}}}\left({1}\right)")
y0  = special(sp.y0,  lambda z, x: -sp.y1(x),                                                   latex="Y_0", domain=(POSITIVE,))
y1  = special(sp.y1,  lambda z, x: (sp.y0(x) - sp.yv(2, x)) / 2,                                latex="Y_1", domain=(POSITIVE,))
yv  = special(sp.yv,  None, lambda z, v, x: (sp.yv(v - 1, x) - sp.yv(v + 1, x)) / 2,            latex=r"Y_{{{0}}}\left({1}\right)")
i0  = special(sp.i0,  lambda z, x: sp.i1(x),                                                    latex="I_0")
i1  = special(sp.i1,  lambda z, x: (sp.i0(x) + sp.iv(2, x)) / 2,                                latex="I_1")
iv  = special(sp.iv,  None, lambda z, v, x: (sp.iv(v - 1, x) + sp.iv(v + 1, x)) / 2,            latex=r"I_{{{0}}}\left({1}\right)")
k0  = special(sp.k0,  lambda z, x: -sp.k1(x),                                                   latex="K_0", domain=(POSITIVE,))
k1  = special(sp.k1,  lambda z, x: -(sp.k0(x) + sp.kv(2, x)) / 2,                               latex="K_1", domain=(POSITIVE,))
kv  = special(sp.kv,  None, lambda z, v, x: -(sp.kv(v - 1, x) + sp.kv(v + 1, x)) / 2,           latex=r"K_{{{0}}}\left({1}\right)")
i0e = special(sp.i0e, lambda z, x: sp.i1e(x) - np.sign(x) * z)
i1e = special(sp.i1e, lambda z, x: (sp.i0e(x) + sp.ive(2, x)) / 2 - np.sign(x) * z)
ive = special(sp.ive, None, lambda z, v, x: (sp.ive(v - 1, x) + sp.ive(v + 1, x)) / 2 - np.sign(x) * z)
k0e = special(sp.k0e, lambda z, x: z - sp.k1e(x),                                               domain=(POSITIVE,))
k1e = special(sp.k1e, lambda z, x: z - (sp.k0e(x) + sp.kve(2, x)) / 2,                          domain=(POSITIVE,))
kve = special(sp.kve, None, lambda z, v, x: z - (sp.kve(v - 1, x) + sp.kve(v + 1, x)) / 2)
spherical_jn = special(_ufuncs._spherical_jn, None, lambda z, n, x: (n * _ufuncs._spherical_jn(np.abs(n - 1), x) - (n + 1) * _ufuncs._spherical_jn(n + 1, x)) / (2 * n + 1), latex=r"j_{{{0}}}\left({1}\right)")

# Hypergeometric functions and elliptic integrals
hyp0f1 = special(sp.hyp0f1, None, lambda z, v, x: sp.hyp0f1(v + 1, x) / v,                                        latex="{{}}_0F_1")
hyp1f1 = special(sp.hyp1f1, None, None, lambda z, a, b, x: a / b * sp.hyp1f1(a + 1, b + 1, x),                    latex="{{}}_1F_1")
hyp2f1 = special(sp.hyp2f1, None, None, None, lambda z, a, b, c, x: a * b / c * sp.hyp2f1(a + 1, b + 1, c + 1, x), latex="{{}}_2F_1")
ellipk = special(sp.ellipk, _ellipk,                          latex="K", domain=(BELOW_ONE,))
ellipe = special(sp.ellipe, _ellipe,                          latex="E", domain=(BELOW_ONE,))
# fmt: on
