r"""Elliptic integrals, complete, incomplete and symmetric, Jacobi's functions, and the arithmetic-geometric mean.

All derivatives are values of one integral, ∫ tᵠ (t + x)^−a (t + y)^−b (t + z)^−c … dt over t > 0, whose integrand has
one sign: with t = eˢ it is analytic for |Im s| < π, so that the trapezoidal rule gives every digit.

**Source**: DLMF §19.16, 19.18 (symmetric integrals), 19.25 (Legendre's by them), 22.13 (Jacobi), 19.8 (the mean);
Trefethen and Weideman, "The exponentially convergent trapezoidal rule" (2014).
"""

from __future__ import annotations

from functools import cache
from math import pi
from typing import Any

import numpy as np

from wengert.core.primitive import Primitive
from wengert.ops import scipy_ufuncs as sp
from wengert.ops.elementwise import ALL, POSITIVE
from wengert.ops.quadrature import VALUES, elementwise_in_double
from wengert.ops.special_table import BELOW_ONE, member, several, special

STEP = 0.4


def _symmetric_integral(q: float, powers: tuple[float, ...], *places: Any) -> Any:
    """∫ tᵠ ∏ (t + xᵢ)^−eᵢ dt over t > 0, of flat arrays xᵢ ≥ 0; the largest is scaled to 1."""
    largest = np.maximum.reduce(places)
    scaled = [x / largest for x in places]
    smallest = np.minimum.reduce([np.where(x > 0, x, 1.0) for x in scaled])
    singular = sum(e * (x == 0) for e, x in zip(powers, scaled, strict=True))
    start = np.log(smallest) - 42 / (1 + q - singular)
    end = 42 / (sum(powers) - q - 1)
    count = int(np.ceil(np.max(end - start, initial=0) / STEP))
    result = np.empty(largest.shape)
    step = max(1, VALUES // max(count, 1))
    for i in range(0, len(result), step):
        some = slice(i, i + step)
        t = np.exp(start[some, None] + STEP * np.arange(count))
        value = t ** (q + 1)
        for e, x in zip(powers, scaled, strict=True):
            value = value * (t + x[some, None]) ** -e
        result[some] = STEP * value.sum(1)
    return result * largest ** (q + 1 - sum(powers))


# Carlson's ------------------------------------------------------------------------------------------------------------


@cache
def carlson(q: float, *powers: float) -> Primitive:
    """∫ tᵠ ∏ (t + xᵢ)^−eᵢ dt as an operation of its xᵢ > 0."""
    name = f"carlson_{q:g}_" + "_".join(f"{e:g}" for e in powers)

    @elementwise_in_double
    def integral(*places: Any) -> Any:
        inside = np.minimum.reduce(places) > 0
        value = _symmetric_integral(q, powers, *(np.where(inside, x, 1.0) for x in places))
        return np.where(inside, value, np.nan)

    def rule(i: int) -> Any:
        raised = [e + (i == k) for k, e in enumerate(powers)]
        return [
            lambda z, x, y: -powers[i] * carlson(q, *raised)(x, y),
            lambda z, x, y, w: -powers[i] * carlson(q, *raised)(x, y, w),
            lambda z, x, y, w, p: -powers[i] * carlson(q, *raised)(x, y, w, p),
        ][len(powers) - 2]

    return member(
        name,
        integral,
        *map(rule, range(len(powers))),
        first=(q, *powers) == (0, 1.5, 0.5, 0.5),
        like={2: sp.elliprc, 3: sp.elliprf, 4: sp.elliprj}[len(powers)],
        domain=(POSITIVE,) * len(powers),
    )


# Legendre's -----------------------------------------------------------------------------------------------------------


def _complete(j: int, p: float) -> Any:
    @elementwise_in_double
    def integral(n: Any) -> Any:
        inside = n > 0
        value = _symmetric_integral(0, (0.5, -p, j + p + 1), 0 * n, np.where(inside, n, 1.0), np.ones_like(n)) / 2
        return np.where(inside, value, np.where(n == 0, np.inf, np.nan))

    return integral


@cache
def complete(j: int, p: float) -> Primitive:
    """∫ sin²ʲθ (1 − m sin²θ)ᵖ dθ over 0 < θ < π/2, of 1 − m."""
    name = f"elliptic_{j}_{p:g}"
    return member(
        name,
        _complete(j, p),
        lambda z, n: p * complete(j + 1, p - 1)(n),
        first=(j, p) == (1, -1.5),
        like=np.exp,
        domain=(POSITIVE,),
    )


def _incomplete(j: int, p: float) -> Any:
    whole = _complete(j, p)

    @elementwise_in_double
    def integral(phi: Any, m: Any) -> Any:
        turns = np.rint(phi / pi)
        angle = phi - turns * pi
        sine2 = np.sin(angle) ** 2
        inside = (m * sine2 < 1) & (sine2 > 0)
        sine2, at = np.where(inside, sine2, 0.5), np.where(inside, m, 0.0)
        cotangent2 = np.where(inside, 1 / np.tan(angle) ** 2, 1.0)
        value = _symmetric_integral(0, (0.5, -p, j + p + 1), cotangent2, cotangent2 + (1 - at), 1 / sine2) / 2
        value = np.where(inside, np.sign(angle) * value, np.where(angle == 0, 0.0, np.nan))
        return value + np.where(turns == 0, 0.0, 2 * turns * whole(1 - m))

    return integral


@cache
def incomplete(j: int, p: float) -> Primitive:
    """∫ sin²ʲθ (1 − m sin²θ)ᵖ dθ over 0 < θ < φ, of φ and m."""
    name = f"elliptic_incomplete_{j}_{p:g}"
    return member(
        name,
        _incomplete(j, p),
        lambda z, f, m: np.power(np.sin(f), 2 * j) * np.power(1 - m * np.square(np.sin(f)), p),
        lambda z, f, m: -p * incomplete(j + 1, p - 1)(f, m),
        first=(j, p) == (1, -1.5),
        like=sp.ellipkinc,
        domain=(ALL, BELOW_ONE),
    )


def _jacobi_in_m(z: Any, u: Any, m: Any) -> Any:
    """∂/∂m of sn, cn, dn and the amplitude φ, of which F(φ, m) = u."""
    s, c, d, f = z
    turned = -d * incomplete(1, -1.5)(f, m) / 2
    return c * turned, -s * turned, -(s * s + 2 * m * s * c * turned) / (2 * d), turned


def _mean(z: Any, a: Any, b: Any) -> Any:
    """∂/∂a of the arithmetic-geometric mean, whose reciprocal is the mean of 1/√(a²cos²θ + b²sin²θ) over θ."""
    return 2 / pi * z * z * a / (b * b * b) * complete(1, -1.5)(np.square(a / b))


def _third_kind(i: int) -> Any:
    """The derivative of R_J in its argument i < 3."""
    integral = carlson(0, *(0.5 + (i == k) for k in range(3)), 1.0)
    return lambda z, x, y, w, p: -0.75 * integral(x, y, w, p)


# fmt: off
ellipk    = special(sp.ellipk,    lambda z, m: complete(1, -1.5)(1 - m) / 2,                    latex="K", domain=(BELOW_ONE,))
ellipkm1  = special(sp.ellipkm1,  lambda z, n: -complete(1, -1.5)(n) / 2,                       latex=r"K\left(1 - {0}\right)", domain=(POSITIVE,))
ellipe    = special(sp.ellipe,    lambda z, m: -complete(1, -0.5)(1 - m) / 2,                   latex="E", domain=(BELOW_ONE,))
ellipkinc = special(sp.ellipkinc, lambda z, f, m: 1 / np.sqrt(1 - m * np.square(np.sin(f))),    lambda z, f, m: incomplete(1, -1.5)(f, m) / 2,  latex="F", domain=(ALL, BELOW_ONE))
ellipeinc = special(sp.ellipeinc, lambda z, f, m: np.sqrt(1 - m * np.square(np.sin(f))),        lambda z, f, m: -incomplete(1, -0.5)(f, m) / 2, latex="E", domain=(ALL, BELOW_ONE))
ellipj    = several(sp.ellipj,    lambda z, u, m: (z[1] * z[2], -z[0] * z[2], -m * z[0] * z[1], z[2]), _jacobi_in_m)
agm       = special(sp.agm,       lambda z, a, b: _mean(z, a, b),                               lambda z, a, b: _mean(z, b, a), domain=(POSITIVE, POSITIVE))

elliprf = special(sp.elliprf, lambda z, x, y, w: -carlson(0, 1.5, 0.5, 0.5)(x, y, w) / 4,       lambda z, x, y, w: -carlson(0, 1.5, 0.5, 0.5)(y, x, w) / 4,     lambda z, x, y, w: -carlson(0, 1.5, 0.5, 0.5)(w, x, y) / 4,     latex="R_F", domain=(POSITIVE,) * 3)
elliprd = special(sp.elliprd, lambda z, x, y, w: -0.75 * carlson(0, 1.5, 0.5, 1.5)(x, y, w),    lambda z, x, y, w: -0.75 * carlson(0, 1.5, 0.5, 1.5)(y, x, w),  lambda z, x, y, w: -2.25 * carlson(0, 0.5, 0.5, 2.5)(x, y, w),  latex="R_D", domain=(POSITIVE,) * 3)
elliprg = special(sp.elliprg, lambda z, x, y, w: carlson(1, 1.5, 0.5, 0.5)(x, y, w) / 8,        lambda z, x, y, w: carlson(1, 1.5, 0.5, 0.5)(y, x, w) / 8,      lambda z, x, y, w: carlson(1, 1.5, 0.5, 0.5)(w, x, y) / 8,      latex="R_G", domain=(POSITIVE,) * 3)
elliprc = special(sp.elliprc, lambda z, x, y: -carlson(0, 1.5, 1.0)(x, y) / 4,                  lambda z, x, y: -carlson(0, 0.5, 2.0)(x, y) / 2,                latex="R_C", domain=(POSITIVE,) * 2)
elliprj = special(sp.elliprj, *map(_third_kind, range(3)), lambda z, x, y, w, p: -1.5 * carlson(0, 0.5, 0.5, 0.5, 2.0)(x, y, w, p), latex="R_J", domain=(POSITIVE,) * 4)
# fmt: on
