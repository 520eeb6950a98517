"""Functions with several outputs: Airy's, the sine and cosine integrals, Fresnel's, and others given by an equation.

**Source**: DLMF §6.2 (sine and cosine integrals), 7.2 (Fresnel), 9.2, 9.6 (Airy), 10.43, 10.61 (Kelvin), 12.2 (parabolic cylinder).
"""

from __future__ import annotations

from math import factorial, pi, sqrt
from typing import Any

import numpy as np

from wengert.ops import scipy_ufuncs as sp
from wengert.ops.bessel import ive_slope, kve_slope
from wengert.ops.special_table import several

TURN = np.exp(0.25j * pi) / sqrt(pi)


def _airye(z: Any, x: Any) -> Any:
    """The derivatives for x < 1 by the equation; beyond by Bessel functions of ζ = ⅔x^{3/2}, which do not cancel."""
    a, a_slope, b, b_slope = z
    root = np.sqrt(np.maximum(x, 0))
    right = np.maximum(x, 1.0)
    size = np.sqrt(right)
    argument = 2 / 3 * right * size
    beyond = argument > 30
    far = np.where(beyond, argument, 30.0)
    third, two_thirds = right / sqrt(3), right * size / sqrt(3)
    by_k = (
        a / (2 * right) - third / pi * kve_slope(0, 1)(1 / 3, argument),
        a_slope / right + two_thirds / pi * kve_slope(0, 1)(2 / 3, argument),
    )
    by_i = (
        b / (2 * right) - 2 * third * ive_slope(0, 1)(1 / 3, far),
        b_slope / right - 2 * two_thirds * ive_slope(0, 1)(2 / 3, far),
    )
    return (
        np.where(x > 1, by_k[0], a_slope + root * a),
        np.where(x > 1, by_k[1], x * a + root * a_slope),
        np.where((x > 1) & beyond, by_i[0], b_slope - root * b),
        np.where((x > 1) & beyond, by_i[1], x * b - root * b_slope),
    )


def _bend(x: Any, sign: int, far: Any) -> Any:
    """(I₀(x) − 1)/x or (1 − J₀(x))/x; near 0 by the series."""
    small = np.where(np.abs(x) < 2, x, 0.0)
    near = 0.0
    for k in range(14, 0, -1):
        near = near * small * small / 4 + sign ** (k - 1) / factorial(k) ** 2
    return np.where(np.abs(x) < 2, near * small / 4, far / np.where(np.abs(x) < 2, 1.0, x))


def _quotient(f: Any, x: Any, limit: float) -> Any:
    """f/x, at 0 its limit."""
    at = np.equal(x, 0)
    return np.where(at, limit, f / np.where(at, 1.0, x))


# fmt: off
airy     = several(sp.airy,     lambda z, x: (z[1], x * z[0], z[3], x * z[2]), complex=True)
airye    = several(sp.airye,    _airye)
itairy   = several(sp.itairy,   lambda z, x: (sp.airy(x)[0], sp.airy(x)[2], sp.airy(-x)[0], sp.airy(-x)[2]))
sici     = several(sp.sici,     lambda z, x: (np.sinc(x / pi), np.cos(x) / x))
shichi   = several(sp.shichi,   lambda z, x: (_quotient(np.sinh(x), x, 1.0), np.cosh(x) / x))
fresnel  = several(sp.fresnel,  lambda z, x: (np.sin(pi / 2 * x * x), np.cos(pi / 2 * x * x)))
kelvin   = several(sp.kelvin,   lambda z, x: (z[2], z[3], 1j * z[0] - z[2] / x, 1j * z[1] - z[3] / x), complex=True)
modfresnelp = several(sp.modfresnelp, lambda z, x: (-np.exp(1j * x * x), -2j * x * z[1] - np.conj(TURN)), complex=True)
modfresnelm = several(sp.modfresnelm, lambda z, x: (-np.exp(-1j * x * x), 2j * x * z[1] - TURN), complex=True)
iti0k0   = several(sp.iti0k0,   lambda z, x: (sp.i0(x), sp.k0(x)))
itj0y0   = several(sp.itj0y0,   lambda z, x: (sp.j0(x), sp.y0(x)))
it2i0k0  = several(sp.it2i0k0,  lambda z, x: (_bend(x, 1, sp.i0(x) - 1), -sp.k0(x) / x))
it2j0y0  = several(sp.it2j0y0,  lambda z, x: (_bend(x, -1, 1 - sp.j0(x)), -sp.y0(x) / x))
pbdv     = several(sp.pbdv,     None, lambda z, v, x: (z[1], (x * x / 4 - v - 0.5) * z[0]))
pbvv     = several(sp.pbvv,     None, lambda z, v, x: (z[1], (x * x / 4 - v - 0.5) * z[0]))
pbwa     = several(sp.pbwa,     None, lambda z, a, x: (z[1], (a - x * x / 4) * z[0]))
# fmt: on
