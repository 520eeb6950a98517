"""The gamma function and its relatives; zeta, with derivatives of every order in its exponent.

**Source**: DLMF §5.9, 5.11, 5.15 (gamma, ψ), 25.2, 25.11 (zeta); Johansson, "Rigorous high-precision computation of the
Hurwitz zeta function and its derivatives" (2015), whose Euler–Maclaurin sums are these.
"""

from __future__ import annotations

from functools import cache
from math import factorial, pi
from typing import Any

import numpy as np
from scipy.special import _ufuncs

from wengert.core.chain import scale
from wengert.core.errors import ArgumentError
from wengert.core.primitive import Primitive
from wengert.ops import scipy_ufuncs as sp
from wengert.ops.elementwise import POSITIVE
from wengert.ops.quadrature import elementwise_in_double
from wengert.ops.special_table import member, special


def _trigamma(x: Any) -> Any:
    """The derivative ζ(2, x) of the digamma function; on the left by reflection."""
    s = sp.zeta(2, np.where(x > 0, x, 1 - x))
    return np.where(x > 0, s, np.square(pi / np.sin(pi * x)) - s)


def polygamma(m: int, x: Any) -> Any:
    """The m-th derivative of ψ for x > 0, and of traced x."""
    return (-1) ** (m + 1) * factorial(m) * sp.zeta(float(m + 1), x)


def _rgamma(z: Any, x: Any) -> Any:
    pole = (x <= 0) & (x == np.floor(x))
    return np.where(pole, np.cos(pi * x) * sp.gamma(1 - np.where(pole, x, 0.0)), scale(-z, sp.psi(x)))


def psi_gap(a: Any, b: Any) -> Any:
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


# The zeta function ---------------------------------------------------------------------------------------------------

_STEPS = 14  # of the sum, before the series for what is left of it
_BERNOULLI = tuple(float(sp.bernoulli(26)[2 * j] / factorial(2 * j)) for j in range(1, 13))
LEAST = -4.0  # below, sum and integral of the Euler–Maclaurin formula are large and nearly equal


def _times(f: list[Any], g: list[Any]) -> list[Any]:
    """The product of two power series, as long as the first."""
    return [sum(f[i] * g[k - i] for i in range(k + 1) if k - i < len(g)) for k in range(len(f))]


def _zeta_in_s(n: int) -> Any:
    """∂ₛⁿ ζ(s, q) by the Euler–Maclaurin formula, its last part as a power series in s."""

    @elementwise_in_double
    def derivative(s: Any, q: Any) -> Any:
        if np.any(s < LEAST):
            raise ArgumentError(
                f"the derivative of zeta(s, q) in s is not computed below s = {LEAST:g}",
                wrong="scipy.special.zeta(s)",
                right="2**s * np.pi**(s - 1) * np.sin(np.pi * s / 2) * scipy.special.gamma(1 - s) * scipy.special.zeta(1 - s)",
            )
        if np.any((q <= 0) & np.isfinite(s)):
            raise ArgumentError(
                "the derivative of zeta(s, q) in s is computed for q > 0",
                wrong="scipy.special.zeta(s, q)",
                right="scipy.special.zeta(s, q + k) + sum(np.abs(q + i) ** -s for i in range(k))   with q + k > 0",
            )
        head = sum((-np.log(q + k)) ** n * (q + k) ** -s for k in range(_STEPS))
        a = q + _STEPS
        log = np.log(a)
        power = [a**-s * (-log) ** k / factorial(k) for k in range(n + 1)]
        reciprocal = [(-1) ** k / (s - 1) ** (k + 1) for k in range(n + 1)]
        integral = a * _times(power, reciprocal)[n]
        rising, tail = [s, 1.0], 0.5 * power[n]
        for j, coefficient in enumerate(_BERNOULLI):
            tail = tail + coefficient * _times(power, rising)[n] * a ** -(2.0 * j + 1)
            for i in (2 * j + 1, 2 * j + 2):
                rising = _times([*rising, 0.0], [s + i, 1.0])
        result = head + factorial(n) * (integral + tail)
        return np.where(np.isposinf(s), 0.0, np.where(s == 1, (-1) ** n * np.inf, result))

    return derivative


def _zeta_in_q(n: int, s: Any, q: Any) -> Any:
    """∂ₛⁿ of ∂ζ/∂q = −s ζ(s + 1, q)."""
    return -s * zeta_in_s(n)(s + 1, q) - n * zeta_in_s(n - 1)(s + 1, q)


@cache
def zeta_in_s(n: int) -> Primitive:
    """∂ₛⁿ ζ(s, q) as an operation."""
    if n == 0:
        return zeta
    name = f"zeta_s{n}"
    return member(
        name,
        _zeta_in_s(n),
        lambda z, s, q: zeta_in_s(n + 1)(s, q),
        lambda z, s, q: _zeta_in_q(n, s, q),
        first=n == 1,
        like=_ufuncs._zeta,
        latex=rf"\partial_s^{{{{{n}}}}} \zeta\left({{0}}, {{1}}\right)",
        domain=(ABOVE_ONE, POSITIVE),
    )


ABOVE_ONE = (1.0, np.inf)

# fmt: off
gamma     = special(sp.gamma,    lambda z, x: z * sp.psi(x),            latex=r"\Gamma")
gammaln   = special(sp.gammaln,  lambda z, x: sp.psi(x),                latex=r"\ln\Gamma", domain=(POSITIVE,))
loggamma  = special(sp.loggamma, lambda z, x: sp.psi(x),                latex=r"\ln\Gamma", domain=(POSITIVE,))
rgamma    = special(sp.rgamma,   _rgamma,                               latex=r"\frac{{1}}{{\Gamma}}")
psi       = special(sp.psi,      lambda z, x: _trigamma(x),             latex=r"\psi", domain=(POSITIVE,))
poch      = special(sp.poch,     lambda z, x, m: z * psi_gap(x, m),    lambda z, x, m: z * sp.psi(x + m), latex="{0:8}^{{\\overline{{{1}}}}}", domain=(POSITIVE, POSITIVE))
binom     = special(sp.binom,    lambda z, n, k: z * psi_gap(n - k + 1, k), lambda z, n, k: z * psi_gap(k + 1, n - 2 * k), latex=r"\binom{{{0}}}{{{1}}}", domain=(POSITIVE, POSITIVE))
beta      = special(sp.beta,     lambda z, a, b: -z * psi_gap(a, b),   lambda z, a, b: -z * psi_gap(b, a), latex=r"\mathrm{{B}}", domain=(POSITIVE, POSITIVE))
betaln    = special(sp.betaln,   lambda z, a, b: -psi_gap(a, b),       lambda z, a, b: -psi_gap(b, a), latex=r"\ln\mathrm{{B}}", domain=(POSITIVE, POSITIVE))
digamma   = psi
zeta      = special(_ufuncs._zeta, lambda z, s, q: zeta_in_s(1)(s, q), lambda z, s, q: -s * sp.zeta(s + 1, q), latex=r"\zeta", domain=(ABOVE_ONE, POSITIVE))
zetac     = special(sp.zetac,    lambda z, s: zeta_in_s(1)(s, 1.0),     latex=r"\zeta_c", domain=(ABOVE_ONE,))
# fmt: on
if hasattr(_ufuncs, "_riemann_zeta"):  # SciPy 1.15: what zeta calls with one argument
    riemann_zeta = special(
        _ufuncs._riemann_zeta,
        lambda z, s: zeta_in_s(1)(s, 1.0),
        name="riemann_zeta",
        python="scipy.special.zeta({0})",
        latex=r"\zeta\left({0}\right)",
        domain=(ABOVE_ONE,),
    )
