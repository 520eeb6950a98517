"""scipy.special: the derivatives as a textbook writes them, where they are tried, and how exact SciPy lets them be."""

from __future__ import annotations

import mpmath as mp
import numpy as np

from wengert.ops import scipy_special

TABLE = scipy_special.__name__  # imported: its lines are in the registry


def _gauss(x):
    return mp.exp(-x * x)


def _bell(x):
    return mp.exp(-x * x / 2)


def _gamma_density(a, x):
    return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))


def _beta_density(a, b, x):
    return x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b)


def _bend(u, p):
    return (mp.exp(p * u) * (p * u - 1) + 1) / p**2


def _j(v, x):
    return mp.besselj(v, x)


def _e(x):
    return mp.exp(-abs(x))


ROOT_PI, DEGREE = mp.sqrt(mp.pi), mp.pi / 180

# fmt: off
DERIVATIVES = {
    "gauss":       (lambda x: -2 * x * _gauss(x),),
    "bell":        (lambda x: -x * _bell(x),),
    "erf":         (lambda x: 2 / mp.sqrt(mp.pi) * _gauss(x),),
    "erfc":        (lambda x: -2 / mp.sqrt(mp.pi) * _gauss(x),),
    "erfcx":       (lambda x: 2 * x * mp.exp(x * x) * mp.erfc(x) - 2 / mp.sqrt(mp.pi),),
    "erfinv":      (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2),),
    "erfcinv":     (lambda x: -mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(1 - x) ** 2),),
    "dawsn":       (lambda x: 1 - x * mp.sqrt(mp.pi) * _gauss(x) * mp.erfi(x),),
    "ndtr":        (lambda x: mp.npdf(x),),
    "log_ndtr":    (lambda x: mp.npdf(x) / mp.ncdf(x),),
    "ndtri":       (lambda p: mp.sqrt(2 * mp.pi) * mp.exp(mp.erfinv(2 * p - 1) ** 2),),
    "expit":       (lambda x: (mp.sech(x / 2) / 2) ** 2,),
    "logit":       (lambda x: 1 / (x * (1 - x)),),
    "log_expit":   (lambda x: 1 / (1 + mp.exp(x)),),
    "exprel":      (lambda x: (mp.exp(x) * (x - 1) + 1) / x**2,),
    "exp10":       (lambda x: mp.power(10, x) * mp.ln10,),
    "scipy_exp2":  (lambda x: mp.power(2, x) * mp.ln2,),
    "scipy_expm1": (lambda x: mp.exp(x),),
    "scipy_log1p": (lambda x: 1 / (1 + x),),
    "scipy_cbrt":  (lambda x: 1 / (3 * mp.cbrt(x * x)),),
    "cosm1":       (lambda x: -mp.sin(x),),
    "sindg":       (lambda x: mp.pi / 180 * mp.cos(mp.pi / 180 * x),),
    "cosdg":       (lambda x: -mp.pi / 180 * mp.sin(mp.pi / 180 * x),),
    "tandg":       (lambda x: mp.pi / 180 * mp.sec(mp.pi / 180 * x) ** 2,),
    "boxcox":      (lambda x, p: x ** (p - 1),               lambda x, p: _bend(mp.log(x), p)),
    "boxcox1p":    (lambda x, p: (1 + x) ** (p - 1),         lambda x, p: _bend(mp.log1p(x), p)),
    "inv_boxcox":  (lambda y, p: (1 + p * y) ** (1 / p - 1), lambda y, p: (1 + p * y) ** (1 / p) * (y / (p * (1 + p * y)) - mp.log1p(p * y) / p**2)),
    "expi":        (lambda x: mp.exp(x) / x,),
    "exp1":        (lambda x: -mp.exp(-x) / x,),
    "expn":        (None, lambda n, x: -mp.expint(n - 1, x)),
    "wrightomega": (lambda x: (w := mp.lambertw(mp.exp(x)).real) / (1 + w),),
    "xlogy":       (lambda x, y: mp.log(y),                  lambda x, y: x / y),
    "xlog1py":     (lambda x, y: mp.log1p(y),                lambda x, y: x / (1 + y)),
    "entr":        (lambda x: -1 - mp.log(x),),
    "rel_entr":    (lambda x, y: 1 + mp.log(x / y),          lambda x, y: -x / y),
    "kl_div":      (lambda x, y: mp.log(x / y),              lambda x, y: 1 - x / y),
    "gamma":       (lambda x: mp.gamma(x) * mp.digamma(x),),
    "gammaln":     (lambda x: mp.digamma(x),),
    "loggamma":    (lambda x: mp.digamma(x),),
    "rgamma":      (lambda x: -mp.rgamma(x) * mp.digamma(x),),
    "psi":         (lambda x: mp.psi(1, x),),
    "zeta":        (None, lambda s, q: -s * mp.zeta(s + 1, q)),
    "poch":        (lambda x, m: mp.rf(x, m) * (mp.digamma(x + m) - mp.digamma(x)), lambda x, m: mp.rf(x, m) * mp.digamma(x + m)),
    "binom":       (lambda n, k: mp.binomial(n, k) * (mp.digamma(n + 1) - mp.digamma(n - k + 1)), lambda n, k: mp.binomial(n, k) * (mp.digamma(n - k + 1) - mp.digamma(k + 1))),
    "beta":        (lambda a, b: mp.beta(a, b) * (mp.digamma(a) - mp.digamma(a + b)), lambda a, b: mp.beta(a, b) * (mp.digamma(b) - mp.digamma(a + b))),
    "betaln":      (lambda a, b: mp.digamma(a) - mp.digamma(a + b), lambda a, b: mp.digamma(b) - mp.digamma(a + b)),
    "gammainc":    (None, _gamma_density),
    "gammaincc":   (None, lambda a, x: -_gamma_density(a, x)),
    "betainc":     (None, None, _beta_density),
    "j0":  (lambda x: -_j(1, x),),
    "j1":  (lambda x: (_j(0, x) - _j(2, x)) / 2,),
    "jv":  (None, lambda v, x: (_j(v - 1, x) - _j(v + 1, x)) / 2),
    "y0":  (lambda x: -mp.bessely(1, x),),
    "y1":  (lambda x: (mp.bessely(0, x) - mp.bessely(2, x)) / 2,),
    "yv":  (None, lambda v, x: (mp.bessely(v - 1, x) - mp.bessely(v + 1, x)) / 2),
    "i0":  (lambda x: mp.besseli(1, x),),
    "i1":  (lambda x: (mp.besseli(0, x) + mp.besseli(2, x)) / 2,),
    "iv":  (None, lambda v, x: (mp.besseli(v - 1, x) + mp.besseli(v + 1, x)) / 2),
    "k0":  (lambda x: -mp.besselk(1, x),),
    "k1":  (lambda x: -(mp.besselk(0, x) + mp.besselk(2, x)) / 2,),
    "kv":  (None, lambda v, x: -(mp.besselk(v - 1, x) + mp.besselk(v + 1, x)) / 2),
    "i0e": (lambda x: _e(x) * (mp.besseli(1, x) - mp.sign(x) * mp.besseli(0, x)),),
    "i1e": (lambda x: _e(x) * ((mp.besseli(0, x) + mp.besseli(2, x)) / 2 - mp.sign(x) * mp.besseli(1, x)),),
    "ive": (None, lambda v, x: _e(x) * ((mp.besseli(v - 1, x) + mp.besseli(v + 1, x)) / 2 - mp.sign(x) * mp.besseli(v, x))),
    "k0e": (lambda x: mp.exp(x) * (mp.besselk(0, x) - mp.besselk(1, x)),),
    "k1e": (lambda x: mp.exp(x) * (mp.besselk(1, x) - (mp.besselk(0, x) + mp.besselk(2, x)) / 2),),
    "kve": (None, lambda v, x: mp.exp(x) * (mp.besselk(v, x) - (mp.besselk(v - 1, x) + mp.besselk(v + 1, x)) / 2)),
    "spherical_jn": (None, lambda n, x: mp.sqrt(mp.pi / 2 / x) * (_j(n - 0.5, x) - (n + 1) / x * _j(n + 0.5, x))),
    "hyp0f1": (None, lambda v, x: mp.hyp0f1(v + 1, x) / v),
    "hyp1f1": (None, None, lambda a, b, x: a / b * mp.hyp1f1(a + 1, b + 1, x)),
    "hyperu": (None, None, lambda a, b, x: -a * mp.hyperu(a + 1, b + 1, x)),
    "hyp2f1": (None, None, None, lambda a, b, c, x: a * b / c * mp.hyp2f1(a + 1, b + 1, c + 1, x)),
    "ellipk": (lambda m: (mp.ellipe(m) / (1 - m) - mp.ellipk(m)) / (2 * m),),
    "ellipe": (lambda m: (mp.ellipe(m) - mp.ellipk(m)) / (2 * m),),
}
# fmt: on
