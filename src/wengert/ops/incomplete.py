"""The incomplete gamma and beta functions, with derivatives of every order in their parameters.

Both are distribution functions ∫ e^{θ·T(t) − A(θ)} dμ(t) over t < x of an exponential family, so that a derivative in θ
puts a polynomial in T(t) − A′(θ) under the integral. Over all t that integral is 0, which leaves the choice
between t < x and t > x: of the side is taken on which the first polynomial has one sign, and nothing cancels.

**Source**: DLMF §8.2, 8.17; Brown, *Fundamentals of Statistical Exponential Families* (1986), ch. 2.
"""

from __future__ import annotations

from functools import cache
from math import comb, pi
from typing import Any

import numpy as np

from wengert.core.chain import scale
from wengert.core.primitive import Primitive
from wengert.ops import scipy_ufuncs as sp
from wengert.ops.elementwise import POSITIVE, function
from wengert.ops.gamma import polygamma, psi, psi_gap
from wengert.ops.quadrature import elementwise_in_double, exp_rest, integrate, reach
from wengert.ops.special_table import UNIT, member, special

TINY = float(np.finfo(float).tiny)
HALF_LOG_TAU = float(np.log(2 * pi)) / 2


def _log_rest(x: Any, a: Any, gap: Any) -> Any:
    """log(x/a) − gap/a with gap = x − a, without the subtraction near a: 2 artanh r − y with r = y/(2 + y)."""
    small = np.where(np.abs(gap) < 0.5 * a, gap / a, 0.0)
    r = small / (2 + small)
    total = sum(r ** (2 * k) / (2 * k + 3) for k in range(17))
    return np.where(np.abs(gap) < 0.5 * a, r * (2 * r * r * total - small), np.log(x / a) - gap / a)


def _stirling(a: Any) -> Any:
    """Log Γ(a) − (a − ½) log a + a − ½ log 2π; for a < 10 by the recurrence, without a subtraction of large numbers."""
    shifted = np.maximum(a, 10.0)
    s = 1 / (shifted * shifted)
    series = (
        1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * (691 / 360360 - s / 156)))))
    ) / shifted
    low = np.minimum(a, 10.0)
    return np.where(a >= 10, series, sp.gammaln(low) - (low - 0.5) * np.log(low) + low - HALF_LOG_TAU)


def _log_less_psi(a: Any) -> Any:
    """Log a − ψ(a), without the subtraction for large a."""
    big = np.maximum(a, 12.0)
    s = 1 / (big * big)
    series = 0.5 / big + s * (
        1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - s * (691 / 32760 - s / 12)))))
    )
    return np.where(a >= 12, series, np.log(a) - sp.psi(a))


def moments(order: tuple[int, int], cumulant: Any) -> Any:
    """∂ⁱ∂ʲ e^g / e^g of the derivatives ∂ⁱ∂ʲ g = cumulant(i, j): Faà di Bruno's formula as a recurrence."""
    known: dict[tuple[int, int], Any] = {}

    def polynomial(i: int, j: int) -> Any:
        if i == j == 0:
            return 1.0
        if (i, j) not in known:
            first, m, n = ((1, 0), i - 1, j) if i else ((0, 1), i, j - 1)
            known[i, j] = sum(
                comb(m, k) * comb(n, r) * polynomial(m - k, n - r) * cumulant(k + first[0], r + first[1])
                for k in range(m + 1)
                for r in range(n + 1)
            )
        return known[i, j]

    return polynomial(*order)


# The gamma distribution ----------------------------------------------------------------------------------------------


@elementwise_in_double
def _gamma_density(a: Any, x: Any) -> Any:
    """x^(a−1) e^−x / Γ(a); for large a by the distance from a, on which it depends alone."""
    near = np.sqrt(a / (2 * pi)) * np.exp(a * _log_rest(x, a, x - a) - _stirling(a)) / x
    power, decay, whole = np.power(x, a - 1), np.exp(-x), sp.gamma(a)
    plain = power * decay / whole
    safe = (power > TINY) & (decay > TINY) & (plain > TINY) & np.isfinite(plain + power + whole)
    logarithm = np.exp(sp.xlogy(a - 1, x) - x - sp.gammaln(a))
    by_distance = (a > 20) & (x > 0) & np.isfinite(x) & ((np.abs(x - a) < a / 2) | ~safe)
    return np.where(np.isposinf(x), 0.0, np.where(by_distance, near, np.where(safe, plain, logarithm)))


def _gamma_in_a(n: int) -> Any:
    """∂ₐⁿ P(a, x), with ln t as the variable of integration."""

    @elementwise_in_double
    def derivative(a: Any, x: Any) -> Any:
        inside = (a > 0) & (x > 0) & np.isfinite(a * x)
        shape, at = np.where(inside, a, 1.0), np.where(inside, x, 1.0)
        side = np.where(np.log(at / shape) + _log_less_psi(shape) < 0, -1.0, 1.0)
        score = np.log1p((at - shape) / shape) + _log_less_psi(shape)
        score = np.where(np.abs(at - shape) < shape / 2, score, np.log(at) - sp.psi(shape))

        def exponent(v: Any, side: Any, a: Any, x: Any) -> Any:
            v = side * v
            return x * exp_rest(v) + (x - a) * v

        def integrand(v: Any, side: Any, a: Any, x: Any, score: Any, *cumulants: Any) -> Any:
            terms = (None, score + side * v, *cumulants)
            return np.exp(-exponent(v, side, a, x)) * moments((n, 0), lambda i, _: terms[i])

        cumulants = [-sp.polygamma(m, shape) for m in range(1, n)]
        total = reach(lambda v: exponent(v, side, shape, at), at.shape)
        inner = np.where(side < 0, np.maximum(np.log(at) + 40, 0) + 12, total)
        integral = integrate(integrand, inner, total, side, shape, at, score, *cumulants)
        value = -side * _gamma_density(shape, at) * at * integral
        return np.where(inside, value, np.where((a > 0) & (x >= 0), 0.0, np.nan))

    return derivative


def _gamma_moment(n: int, a: Any, x: Any) -> Any:
    """∂ₐⁿ of the density, over the density."""
    return moments((n, 0), lambda i, _: np.log(x) - psi(a) if i == 1 else -polygamma(i - 1, a))


@cache
def gammainc_in_a(n: int) -> Primitive:
    """∂ₐⁿ P(a, x) as an operation."""
    name = f"gammainc_a{n}"
    return member(
        name,
        _gamma_in_a(n),
        lambda z, a, x: gammainc_in_a(n + 1)(a, x),
        lambda z, a, x: scale(gamma_density(a, x), _gamma_moment(n, a, x)),
        first=n == 1,
        like=sp.gammainc,
        latex=rf"\partial_a^{{{{{n}}}}} P\left({{0}}, {{1}}\right)",
        domain=(POSITIVE, POSITIVE),
    )


# The beta distribution -----------------------------------------------------------------------------------------------


@elementwise_in_double
def _beta_density(a: Any, b: Any, x: Any) -> Any:
    """x^(a−1) (1−x)^(b−1) / B(a, b); for large a and b by the distance from a/(a + b)."""
    y = 1 - x
    left, right, whole = np.power(x, a - 1), np.power(y, b - 1), sp.beta(a, b)
    plain = left * right / whole
    safe = (left > TINY) & (right > TINY) & (whole > TINY) & (plain > TINY) & np.isfinite(plain + left + right)
    logarithm = np.exp(sp.xlogy(a - 1, x) + sp.xlog1py(b - 1, -x) - sp.betaln(a, b))
    far = (np.abs(x * (a + b) - a) > np.minimum(a, b) / 2) & safe
    by_distance = (np.minimum(a, b) > 10) & (x > 0) & (x < 1) & ~far
    return np.where(by_distance, _beta_kernel(a, b, x, y) / x / y, np.where(safe, plain, logarithm))


def _beta_kernel(a: Any, b: Any, x: Any, y: Any) -> Any:
    """x^a y^b / B(a, b) with y = 1 − x."""
    p, q = a / (a + b), b / (a + b)
    gap = np.where(x < y, x - p, q - y)
    exponent = a * _log_rest(x, p, gap) + b * _log_rest(y, q, -gap) + _stirling(a + b) - _stirling(a) - _stirling(b)
    return np.sqrt(a * q / (2 * pi)) * np.exp(exponent)


def _beta_in_ab(m: int, n: int) -> Any:
    """∂ₐᵐ∂ᵦⁿ I(a, b; x), with ln t/(1 − t) as the variable of integration."""

    @elementwise_in_double
    def derivative(a: Any, b: Any, x: Any) -> Any:
        inside = (a > 0) & (b > 0) & (x > 0) & (x < 1) & np.isfinite(a + b)
        a, b, at = (np.where(inside, c, 0.5) for c in (a, b, x))
        by_a, by_b = np.log(at) + psi_gap(a, b), np.log1p(-at) + psi_gap(b, a)
        lower = by_a < 0 if m >= n else by_b > 0

        def exponents(v: Any, x: Any, y: Any) -> Any:
            """Ln x/t and ln (1−t)/(1−x) for t on the far side of x, by which the two factors fall and rise."""
            rest = np.where(x < y, np.log1p(x * np.expm1(-v)), np.log(y + x * np.exp(-v)))
            rest = np.where(v < 1, np.log1p(x * np.expm1(-v)), rest)
            return np.where(v < 1, np.log1p(y * np.expm1(np.minimum(v, 1))), v + rest), -rest

        def exponent(v: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
            fall, rise = exponents(v, x, y)
            return a * fall - b * rise

        def integrand(v: Any, a: Any, b: Any, x: Any, y: Any, by_a: Any, by_b: Any, flip: Any, *cumulants: Any) -> Any:
            fall, rise = exponents(v, x, y)
            table = dict(zip(keys, cumulants, strict=True))
            table[1, 0] = np.where(flip, by_a + rise, by_a - fall)
            table[0, 1] = np.where(flip, by_b - fall, by_b + rise)
            return np.exp(b * rise - a * fall) * moments((m, n), lambda i, j: table[i, j])

        keys = [(i, j) for i in range(m + 1) for j in range(n + 1) if i + j > 1]
        cumulants = [
            sp.polygamma(i + j - 1, a + b)
            - (sp.polygamma(i - 1, a) if not j else sp.polygamma(j - 1, b) if not i else 0)
            for i, j in keys
        ]
        near = [np.where(lower, a, b), np.where(lower, b, a), np.where(lower, at, 1 - at), np.where(lower, 1 - at, at)]
        total = reach(lambda v: exponent(v, *near), at.shape)
        inner = np.maximum(np.log(near[2] / near[3]) + 40, 0) + 12
        integral = integrate(integrand, inner, total, *near, by_a, by_b, ~lower, *cumulants)
        value = np.where(lower, 1.0, -1.0) * _beta_density(a, b, at) * at * (1 - at) * integral
        return np.where(inside, value, np.where((x == 0) | (x == 1), 0.0, np.nan))

    return derivative


def _beta_moment(m: int, n: int, a: Any, b: Any, x: Any) -> Any:
    """∂ₐᵐ∂ᵦⁿ of the density, over the density."""

    def cumulant(i: int, j: int) -> Any:
        if i + j == 1:
            return np.log(x) + psi(a + b) - psi(a) if i else np.log1p(-x) + psi(a + b) - psi(b)
        both = polygamma(i + j - 1, a + b)
        return both if i and j else both - polygamma(i - 1, a) if i else both - polygamma(j - 1, b)

    return moments((m, n), cumulant)


@cache
def betainc_in_ab(m: int, n: int) -> Primitive:
    """∂ₐᵐ∂ᵦⁿ I(a, b; x) as an operation."""
    name = f"betainc_a{m}b{n}"
    return member(
        name,
        _beta_in_ab(m, n),
        lambda z, a, b, x: betainc_in_ab(m + 1, n)(a, b, x),
        lambda z, a, b, x: betainc_in_ab(m, n + 1)(a, b, x),
        lambda z, a, b, x: scale(beta_density(a, b, x), _beta_moment(m, n, a, b, x)),
        first=m + n == 1,
        like=sp.betainc,
        latex=rf"\partial_a^{{{{{m}}}}} \partial_b^{{{{{n}}}}} I\left({{0}}, {{1}}, {{2}}\right)",
        domain=(POSITIVE, POSITIVE, UNIT),
    )


# fmt: off
gamma_density = function("gamma_density", _gamma_density, lambda z, a, x: z * (np.log(x) - psi(a)), lambda z, a, x: z * ((a - 1) / x - 1), like=sp.gammainc, python="gamma_density({0}, {1})", latex=r"\frac{{{1:8}^{{{0} - 1}} e^{{-{1}}}}}{{\Gamma\left({0}\right)}}", domain=(POSITIVE, POSITIVE))
beta_density  = function("beta_density",  _beta_density,  lambda z, a, b, x: z * (np.log(x) + psi(a + b) - psi(a)), lambda z, a, b, x: z * (np.log1p(-x) + psi(a + b) - psi(b)), lambda z, a, b, x: z * ((a - 1) / x - (b - 1) / (1 - x)), like=sp.betainc, python="beta_density({0}, {1}, {2})", latex=r"\frac{{{2:8}^{{{0} - 1}} (1 - {2})^{{{1} - 1}}}}{{\mathrm{{B}}\left({0}, {1}\right)}}", domain=(POSITIVE, POSITIVE, UNIT))

gammainc  = special(sp.gammainc,  lambda z, a, x: gammainc_in_a(1)(a, x),  lambda z, a, x: gamma_density(a, x),  latex="P", domain=(POSITIVE, POSITIVE))
gammaincc = special(sp.gammaincc, lambda z, a, x: -gammainc_in_a(1)(a, x), lambda z, a, x: -gamma_density(a, x), latex="Q", domain=(POSITIVE, POSITIVE))
betainc   = special(sp.betainc,   lambda z, a, b, x: betainc_in_ab(1, 0)(a, b, x),  lambda z, a, b, x: betainc_in_ab(0, 1)(a, b, x),  lambda z, a, b, x: beta_density(a, b, x),  latex="I", domain=(POSITIVE, POSITIVE, UNIT))
gammaincinv  = special(sp.gammaincinv,  lambda z, a, y: -gammainc_in_a(1)(a, z) / gamma_density(a, z), lambda z, a, y: 1 / gamma_density(a, z),  latex="P^{{-1}}", domain=(POSITIVE, UNIT))
gammainccinv = special(sp.gammainccinv, lambda z, a, y: -gammainc_in_a(1)(a, z) / gamma_density(a, z), lambda z, a, y: -1 / gamma_density(a, z), latex="Q^{{-1}}", domain=(POSITIVE, UNIT))
betaincinv   = special(sp.betaincinv,   lambda z, a, b, y: -betainc_in_ab(1, 0)(a, b, z) / beta_density(a, b, z), lambda z, a, b, y: -betainc_in_ab(0, 1)(a, b, z) / beta_density(a, b, z), lambda z, a, b, y: 1 / beta_density(a, b, z), latex="I^{{-1}}", domain=(POSITIVE, POSITIVE, UNIT))
betaincc    = special(sp.betaincc,    lambda z, a, b, x: -betainc_in_ab(1, 0)(a, b, x), lambda z, a, b, x: -betainc_in_ab(0, 1)(a, b, x), lambda z, a, b, x: -beta_density(a, b, x), latex="I^c", domain=(POSITIVE, POSITIVE, UNIT))
betainccinv = special(sp.betainccinv, lambda z, a, b, y: -betainc_in_ab(1, 0)(a, b, z) / beta_density(a, b, z), lambda z, a, b, y: -betainc_in_ab(0, 1)(a, b, z) / beta_density(a, b, z), lambda z, a, b, y: -1 / beta_density(a, b, z), latex="{{I^c}}^{{-1}}", domain=(POSITIVE, POSITIVE, UNIT))
# fmt: on
