"""scipy.special: the derivatives as a textbook writes them, where they are tried, and how exact SciPy lets them be."""

from __future__ import annotations

import mpmath as mp
import numpy as np
from scipy import special as sp

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


def _root(f, near):
    return mp.findroot(f, mp.mpf(float(near)))


def _bend(u, p):
    return (mp.exp(p * u) * (p * u - 1) + 1) / p**2


def _j(v, x):
    return mp.besselj(v, x)


def _e(x):
    return mp.exp(-abs(x))


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
    "gammaincinv":  (None, lambda a, y: 1 / _gamma_density(a, _root(lambda x: mp.gammainc(a, 0, x, regularized=True) - y, sp.gammaincinv(*map(float, (a, y)))))),
    "gammainccinv": (None, lambda a, y: -1 / _gamma_density(a, _root(lambda x: mp.gammainc(a, x, regularized=True) - y, sp.gammainccinv(*map(float, (a, y)))))),
    "betaincinv":   (None, None, lambda a, b, y: 1 / _beta_density(a, b, _root(lambda x: mp.betainc(a, b, 0, x, regularized=True) - y, sp.betaincinv(*map(float, (a, b, y)))))),
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
    "sinc":   (lambda x: (mp.cospi(x) - mp.sincpi(x)) / x,),
    "hyp0f1": (None, lambda v, x: mp.hyp0f1(v + 1, x) / v),
    "hyp1f1": (None, None, lambda a, b, x: a / b * mp.hyp1f1(a + 1, b + 1, x)),
    "hyp2f1": (None, None, None, lambda a, b, c, x: a * b / c * mp.hyp2f1(a + 1, b + 1, c + 1, x)),
    "ellipk": (lambda m: (mp.ellipe(m) / (1 - m) - mp.ellipk(m)) / (2 * m),),
    "ellipe": (lambda m: (mp.ellipe(m) - mp.ellipk(m)) / (2 * m),),
}
# fmt: on

R, S, P = (-60.0, 60.0), (-3.0, 3.0), (0.0, 60.0)
#: Where they are tried, other than everywhere; a tuple of numbers is chosen from.
AT = {
    "erfcx": ((-25.0, 1e8),), "erfcinv": ((0.0, 2.0),), "ndtri": ((0.0, 1.0),), "dawsn": ((-1e4, 1e4),), "log_ndtr": ((-1e8, 38.0),),
    "exprel": ((-1e8, 700.0),), "exp10": ((-300.0, 300.0),), "cosm1": ((-1e5, 1e5),), "sindg": ((-1e5, 1e5),),
    "cosdg": ((-1e5, 1e5),), "tandg": ((-1e5, 1e5),), "boxcox": (P, S), "boxcox1p": ((-1.0, 60.0), S),
    "inv_boxcox": (P, (0.0, 5.0)), "expi": ((-600.0, 600.0),), "exp1": ((0.0, 600.0),),
    "expn": ([0, 1, 2, 5], P), "wrightomega": ((-600.0, 1e6),), "gamma": ((0.0, 170.0),), "gammaln": ((0.0, 1e10),), "loggamma": ((0.0, 1e10),),
    "rgamma": ((0.0, 170.0),), "psi": ((0.0, 1e10),), "zeta": ([1.5, 2, 5], (0.0, 1e6)), "poch": (P, P),
    "binom": ((30.0, 60.0), (1.0, 29.0)), "beta": (P, P), "betaln": (P, P), "gammainc": ([0.5, 1, 7.5, 60], (0.0, 200.0)),
    "gammaincc": ([0.5, 1, 7.5, 60], (0.0, 200.0)), "betainc": ([0.5, 2, 40], [0.5, 3, 30], (0.0, 1.0)),
    "gammaincinv": ([0.5, 2, 7.5], (0.0, 1.0)), "gammainccinv": ([0.5, 2, 7.5], (0.0, 1.0)),
    "betaincinv": ([0.5, 2, 7.5], [0.5, 2, 7.5], (0.0, 1.0)),
    "sinc": (R,), "j0": (R,), "j1": (R,), "jv": ([0, 0.5, 1, 3], P), "y0": (P,), "y1": (P,), "yv": ([0, 0.5, 1, 3], P),
    "i0": (R,), "i1": (R,), "iv": ([0, 0.5, 1, 3], P), "k0": (P,), "k1": (P,), "kv": ([0, 0.5, 1, 3], P),
    "i0e": (R,), "i1e": (R,), "ive": ([0, 0.5, 1, 3], P), "k0e": (P,), "k1e": (P,), "kve": ([0, 0.5, 1, 3], P),
    "spherical_jn": ([0, 1, 3], P), "hyp0f1": ([0.5, 2], R), "hyp1f1": ([0.5, 2], [0.7, 3], R),
    "hyp2f1": ([0.5, 2], [0.7, 3], [1.3, 4], (-0.9, 0.9)),
    "ellipk": ((-1e6, 1.0),), "ellipe": ((-1e6, 1.0),),
}  # fmt: skip

#: Units in the last place, where SciPy's own functions are no better than about a fourth of that. The scaled Bessel
#: functions and Dawson's integral lose 2x or 2x² in their derivative; gauss and bell lose digits where they are subnormal.
BOUNDS = {
    "gauss": 100, "bell": 100, "erfcx": 1000, "dawsn": 400, "boxcox": 100, "boxcox1p": 100, "inv_boxcox": 100,
    "expn": 40, "poch": 2000, "binom": 500, "beta": 1500, "gammainc": 40, "gammaincc": 40, "betainc": 100,
    "gammaincinv": 400, "gammainccinv": 400, "betaincinv": 400, "j0": 20, "j1": 20, "jv": 100, "y0": 20, "y1": 20,
    "yv": 100, "i0": 20, "i1": 20, "iv": 40, "kv": 40, "i0e": 1000, "i1e": 1000, "ive": 4000, "k0e": 1000, "k1e": 1000,
    "kve": 4000, "spherical_jn": 100, "hyp0f1": 100, "hyp1f1": 1000, "hyp2f1": 100, "zeta": 30, "wrightomega": 30,
    "gamma": 20, "rgamma": 20, "ellipk": 20, "ellipe": 20,
    "sinc": 400,
}  # fmt: skip
#: Near the zeros of what oscillates, errors count as for a result of this size.
LEAST = dict.fromkeys(["j0", "j1", "jv", "y0", "y1", "yv", "spherical_jn", "hyp0f1"], 0.1) | {
    "sinc": 0.02,
    "rel_entr": 0.5,
}
#: Of some mpmath takes a tenth of a second for a number.
SLOW = {"gammaincinv", "gammainccinv", "betaincinv", "k0", "k1", "kv", "k0e", "k1e", "kve", "y0", "y1", "yv"}


def _between(rng, interval, n, dtype):
    """Numbers of an interval: evenly, by magnitude, and near its ends; or of a list."""
    if isinstance(interval, list):
        return rng.choice(np.array(interval), n)
    low, high = interval
    size = 10 ** rng.uniform(-6, np.log10(max(abs(low), abs(high))), n)
    end = rng.choice([low, high], n) + rng.choice([-1, 1], n) * 10 ** rng.uniform(-6, 0, n)
    pool = np.concatenate([rng.uniform(low, high, n), size * rng.choice([-1, 1], n), end]).astype(dtype)
    return rng.permutation(pool[(pool > low) & (pool < high) & (pool != 0)])[:n]


def points(primitive, n, dtype, seed=0):
    """Arguments for a function of the table, one array each."""
    rng = np.random.default_rng(seed)
    n = 12 if primitive.name in SLOW else min(n, 200)
    columns = [_between(rng, interval, 2 * n, dtype) for interval in AT[primitive.name]]
    n = min(n, *map(len, columns))
    return tuple(c[:n] for c in columns)
