"""Distribution functions of scipy.special, by the incomplete gamma and beta functions that they are.

SciPy's own values are returned up to rounding. What counts (k of pdtr, k and n of bdtr and nbdtr) is rounded down, as SciPy does, and
has no derivative there.

**Source**: DLMF §8.17; Abramowitz and Stegun, *Handbook of Mathematical Functions*, §26.4–26.7.
"""

from __future__ import annotations

from functools import cache
from math import factorial
from typing import Any

import numpy as np

from wengert.core.chain import scale
from wengert.core.dispatch import UFUNCS
from wengert.core.primitive import Primitive
from wengert.ops import scipy_ufuncs as sp
from wengert.ops.elementwise import ALL, POSITIVE
from wengert.ops.gamma import polygamma, psi_gap
from wengert.ops.incomplete import beta_density, betainc_in_ab, gamma_density, gammainc_in_a, moments
from wengert.ops.quadrature import elementwise_in_double, integrate
from wengert.ops.special_table import UNIT, member, special

# Student's distribution ----------------------------------------------------------------------------------------------


def _student(v: Any, t: Any) -> Any:
    """The density Γ((v+1)/2) / (√(πv) Γ(v/2)) · (1 + t²/v)^−(v+1)/2."""
    return np.exp(-(v + 1) / 2 * np.log1p(t * t / v)) / (np.sqrt(v) * sp.beta(v / 2, 0.5))


def _student_cumulant(m: int, v: Any, t: Any) -> Any:
    """∂ᵥᵐ of the logarithm of the density."""
    rest = t * t
    if m == 1:
        log_part = -np.log1p(rest / v) / 2 + (v + 1) / 2 * rest / (v * (v + rest))
        return log_part - 1 / (2 * v) + psi_gap(v / 2, 0.5) / 2
    sign, scale_ = (-1) ** (m - 1), factorial(m - 1)
    slope = sign * scale_ * ((v + rest) ** -m - v ** -float(m))
    before = -sign * scale_ / (m - 1) * ((v + rest) ** (1 - m) - v ** (1.0 - m)) if m > 1 else 0
    gap = (polygamma(m - 1, (v + 1) / 2) - polygamma(m - 1, v / 2)) / 2**m
    return -((v + 1) * slope + m * before) / 2 + gap + sign * scale_ * -1 / (2 * v**m)


def _student_in_v(n: int) -> Any:
    """∂ᵥⁿ of the distribution function: an integral of the density's derivative, from 0 or from infinity."""

    @elementwise_in_double
    def derivative(v: Any, t: Any) -> Any:
        inside = (v > 0) & (t != 0) & np.isfinite(v * t)
        v, at = np.where(inside, v, 1.0), np.where(inside, np.abs(t), 1.0)
        inward = at < 1.0

        def integrand(s: Any, v: Any, at: Any, side: Any) -> Any:
            u = at * np.exp(-side * s)
            return u * _student(v, u) * moments((n, 0), lambda m, _: _student_cumulant(m, v, u))

        side = np.where(inward, 1.0, -1.0)
        total = np.where(inward, 50.0, 50 / v + np.maximum(0, np.log(np.sqrt(v) / at)))
        inner = np.where(inward, 50.0, np.maximum(0, np.log(np.sqrt(v) / at)) + 40)
        area = integrate(integrand, inner, total, v, at, side, period=4.0)
        value = np.sign(t) * side * area
        return np.where(inside, value, np.where((v > 0) & ~np.isnan(t), 0.0, np.nan))

    return derivative


@cache
def stdtr_in_df(n: int) -> Primitive:
    """∂ᵥⁿ of Student's distribution function as an operation."""
    name = f"stdtr_v{n}"
    return member(
        name,
        _student_in_v(n),
        lambda z, v, t: stdtr_in_df(n + 1)(v, t),
        lambda z, v, t: scale(_student(v, t), moments((n, 0), lambda m, _: _student_cumulant(m, v, t))),
        first=n == 1,
        like=sp.stdtr,
        domain=(POSITIVE, ALL),
    )


# The F distribution ---------------------------------------------------------------------------------------------------


def _fdtr(sign: int, part: int) -> Any:
    """The derivative of ±I(m/2, n/2; w), w = mx/(n + mx), in m, n or x; where w is near 1, by 1 − w."""

    def slope(z: Any, m: Any, n: Any, x: Any) -> Any:
        a, b, whole = m / 2, n / 2, n + m * x
        w, rest, small = m * x / whole, n / whole, m * x < n
        density = np.where(
            small, beta_density(a, b, np.where(small, w, 0.5)), beta_density(b, a, np.where(small, 0.5, rest))
        )
        if part == 2:
            return sign * density * w * rest / x
        order = (1, 0) if part == 0 else (0, 1)
        inner = np.where(
            small,
            betainc_in_ab(*order)(a, b, np.where(small, w, 0.5)),
            -betainc_in_ab(*order[::-1])(b, a, np.where(small, 0.5, rest)),
        )
        return sign * (inner / 2 + (1 if part == 0 else -1) * density * w * rest / (m if part == 0 else n))

    return slope


def _fdtri(m: Any, n: Any, p: Any) -> Any:
    w = sp.betaincinv(m / 2, n / 2, p)
    small = w < 0.5
    near = n * w / (m * np.where(small, 1 - w, 1.0))
    rest = sp.betainccinv(n / 2, m / 2, np.where(small, 0.5, p))
    return np.where(small, near, n * (1 - rest) / (m * rest))


# fmt: off
stdtr   = special(sp.stdtr,   lambda z, v, t: stdtr_in_df(1)(v, t),                    lambda z, v, t: _student(v, t),     latex=r"F_{{{0}}}\left({1}\right)", domain=(POSITIVE, ALL))
stdtrit = special(sp.stdtrit, lambda z, v, p: -stdtr_in_df(1)(v, z) / _student(v, z),  lambda z, v, p: 1 / _student(v, z), latex=r"F_{{{0}}}^{{-1}}\left({1}\right)", domain=(POSITIVE, UNIT))
fdtr    = special(sp.fdtr,    _fdtr(1, 0),  _fdtr(1, 1),  _fdtr(1, 2),  latex="F", domain=(POSITIVE,) * 3)
fdtrc   = special(sp.fdtrc,   _fdtr(-1, 0), _fdtr(-1, 1), _fdtr(-1, 2), latex="F^c", domain=(POSITIVE,) * 3)

# Parameters from probabilities, by the implicit function theorem
btdtria = special(sp.btdtria, lambda z, p, b, x: 1 / betainc_in_ab(1, 0)(z, b, x), lambda z, p, b, x: -betainc_in_ab(0, 1)(z, b, x) / betainc_in_ab(1, 0)(z, b, x), lambda z, p, b, x: -beta_density(z, b, x) / betainc_in_ab(1, 0)(z, b, x), domain=(UNIT, POSITIVE, UNIT))
btdtrib = special(sp.btdtrib, lambda z, a, p, x: -betainc_in_ab(1, 0)(a, z, x) / betainc_in_ab(0, 1)(a, z, x), lambda z, a, p, x: 1 / betainc_in_ab(0, 1)(a, z, x), lambda z, a, p, x: -beta_density(a, z, x) / betainc_in_ab(0, 1)(a, z, x), domain=(POSITIVE, UNIT, UNIT))
gdtrib  = special(sp.gdtrib,  lambda z, a, p, x: -x * gamma_density(z, a * x) / gammainc_in_a(1)(z, a * x), lambda z, a, p, x: 1 / gammainc_in_a(1)(z, a * x), lambda z, a, p, x: -a * gamma_density(z, a * x) / gammainc_in_a(1)(z, a * x), domain=(POSITIVE, UNIT, POSITIVE))
chdtriv = special(sp.chdtriv, lambda z, p, x: 2 / gammainc_in_a(1)(z / 2, x / 2),            lambda z, p, x: -gamma_density(z / 2, x / 2) / gammainc_in_a(1)(z / 2, x / 2),         domain=(UNIT, POSITIVE))
pdtrik  = special(sp.pdtrik,  lambda z, p, m: -1 / gammainc_in_a(1)(z + 1, m),               lambda z, p, m: -gamma_density(z + 1, m) / gammainc_in_a(1)(z + 1, m),                 domain=(UNIT, POSITIVE))
stdtridf = special(sp.stdtridf, lambda z, p, t: 1 / stdtr_in_df(1)(z, t),                    lambda z, p, t: -_student(z, t) / stdtr_in_df(1)(z, t), domain=(UNIT, ALL))
fdtridfd = special(sp.fdtridfd, lambda z, m, p, x: -_fdtr(1, 0)(p, m, z, x) / _fdtr(1, 1)(p, m, z, x), lambda z, m, p, x: 1 / _fdtr(1, 1)(p, m, z, x), lambda z, m, p, x: -_fdtr(1, 2)(p, m, z, x) / _fdtr(1, 1)(p, m, z, x), domain=(POSITIVE, UNIT, POSITIVE))

UFUNCS[sp.chdtr]  = lambda v, x: sp.gammainc(v / 2, x / 2)
UFUNCS[sp.chdtrc] = lambda v, x: sp.gammaincc(v / 2, x / 2)
UFUNCS[sp.chdtri] = lambda v, p: 2 * sp.gammainccinv(v / 2, p)
UFUNCS[sp.gdtr]   = lambda a, b, x: sp.gammainc(b, a * x)
UFUNCS[sp.gdtrc]  = lambda a, b, x: sp.gammaincc(b, a * x)
UFUNCS[sp.gdtrix] = lambda a, b, p: sp.gammaincinv(b, p) / a
UFUNCS[sp.gdtria] = lambda p, b, x: sp.gammaincinv(b, p) / x
UFUNCS[sp.pdtr]   = lambda k, m: sp.gammaincc(np.floor(k) + 1.0, m)
UFUNCS[sp.pdtrc]  = lambda k, m: sp.gammainc(np.floor(k) + 1.0, m)
UFUNCS[sp.pdtri]  = lambda k, p: sp.gammainccinv(np.floor(k) + 1.0, p)
UFUNCS[sp.fdtri]  = _fdtri
UFUNCS[sp.bdtr]   = lambda k, n, p: sp.betaincc(np.floor(k) + 1.0, np.floor(n) - np.floor(k), p)
UFUNCS[sp.bdtrc]  = lambda k, n, p: sp.betainc(np.floor(k) + 1.0, np.floor(n) - np.floor(k), p)
UFUNCS[sp.bdtri]  = lambda k, n, y: sp.betainccinv(np.floor(k) + 1.0, np.floor(n) - np.floor(k), y)
UFUNCS[sp.nbdtr]  = lambda k, n, p: sp.betainc(np.floor(n), np.floor(k) + 1.0, p)
UFUNCS[sp.nbdtrc] = lambda k, n, p: sp.betaincc(np.floor(n), np.floor(k) + 1.0, p)
UFUNCS[sp.nbdtri] = lambda k, n, y: sp.betaincinv(np.floor(n), np.floor(k) + 1.0, y)
UFUNCS[sp.nrdtrimn] = lambda p, s, x: x - s * sp.ndtri(p)
UFUNCS[sp.nrdtrisd] = lambda m, p, x: (x - m) / sp.ndtri(p)
# fmt: on
