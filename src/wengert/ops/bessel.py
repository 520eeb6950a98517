"""Bessel functions, one line each; derivatives in the order are operations of `bessel_order`.

**Source**: DLMF §10.6, 10.29 (recurrences), 10.51 (spherical), 10.63 (Kelvin).
"""

from __future__ import annotations

from functools import cache
from math import pi, sqrt
from typing import Any

import numpy as np
from scipy.special import _ufuncs

from wengert.core.dispatch import UFUNCS
from wengert.core.primitive import Primitive
from wengert.ops import scipy_ufuncs as sp
from wengert.ops.bessel_order import in_order, scaled_i, scaled_k
from wengert.ops.elementwise import ALL, POSITIVE
from wengert.ops.special_table import member, special

PLAIN = {"jv": sp.jv, "yv": sp.yv, "iv": sp.iv, "kv": sp.kv, "ive": sp.ive}


def _derivative(name: str, impl: Any, *rules: Any, first: bool) -> Primitive:
    """A derivative in v and x as an operation."""
    latex = rf"\mathrm{{{{{name.replace('_', ' ')}}}}}"
    return member(name, impl, *rules, first=first, like=sp.jv, latex=latex, domain=(ALL, POSITIVE))


@cache
def order(name: str, n: int) -> Any:
    """∂ᵥⁿ of a Bessel function of this name, as an operation."""
    if n == 0:
        return PLAIN[name]
    return _derivative(
        f"{name}_v{n}",
        in_order[name](n),
        lambda z, v, x: order(name, n + 1)(v, x),
        lambda z, v, x: _ive(n, z, v, x) if name == "ive" else SLOPES[name](lambda v: order(name, n)(v, x), v),
        first=n == 1,
    )


@cache
def kve_slope(n: int, k: int) -> Primitive:
    """∂ᵥⁿ (−∂ₓ)ᵏ eˣ K_v(x): its integral has one sign, so that nothing cancels where the recurrence would."""
    name = f"kve_v{n}x{k}"
    rules = (lambda z, v, x: kve_slope(n + 1, k)(v, x), lambda z, v, x: -kve_slope(n, k + 1)(v, x))
    return _derivative(name, scaled_k(n, k), *rules, first=n + k == 1)


@cache
def ive_slope(n: int, k: int) -> Primitive:
    """∂ᵥⁿ (−∂ₓ)ᵏ e^−x I_v(x), for whole orders v, and for all where x is large."""
    name = f"ive_v{n}x{k}"
    rules = (lambda z, v, x: ive_slope(n + 1, k)(v, x), lambda z, v, x: -ive_slope(n, k + 1)(v, x))
    return _derivative(name, scaled_i(n, k), *rules, first=(n, k) == (0, 1))


def _ive(n: int, z: Any, v: Any, x: Any) -> Any:
    """∂ₓ of ∂ᵥⁿ e^−|x| I_v(x), which is z: by the recurrence, which cancels for large x; there by the integral."""
    far = x > np.maximum(30.0, 4 * v * v)
    near = (order("ive", n)(v - 1, x) + order("ive", n)(v + 1, x)) / 2 - np.sign(x) * z
    return np.where(far, -ive_slope(n, 1)(v, np.where(far, x, 30.0)), near)


#: The recurrences for ∂/∂x of the function v ↦ f(v) at some x.
SLOPES = {
    "jv": lambda f, v: (f(v - 1) - f(v + 1)) / 2,
    "yv": lambda f, v: (f(v - 1) - f(v + 1)) / 2,
    "iv": lambda f, v: (f(v - 1) + f(v + 1)) / 2,
    "kv": lambda f, v: -(f(v - 1) + f(v + 1)) / 2,
}


def _spherical(kind: Any, sign: int) -> Any:
    """(n f₍ₙ₋₁₎ ± (n + 1) f₍ₙ₊₁₎)/(2n + 1); at n = 0 the first has the factor 0."""
    return lambda z, n, x: (n * kind(np.abs(n - 1), x) + sign * (n + 1) * kind(n + 1, x)) / (2 * n + 1)


def _spherical_y(n: Any, x: Any) -> Any:
    y = _ufuncs._spherical_yn
    return np.where(np.equal(n, 0), -y(1, x), y(np.abs(n - 1), x) - (n + 1) / x * y(n, x))


def _spherical_k(n: Any, x: Any) -> Any:
    k = _ufuncs._spherical_kn
    return -(n * k(np.abs(n - 1), x) + (n + 1) * k(n + 1, x)) / (2 * n + 1)


def _over(z: Any, x: Any, limit: float) -> Any:
    """z/x, at 0 its limit."""
    at = np.equal(x, 0)
    return np.where(at, limit, z / np.where(at, 1.0, x))


def _struve(v: Any, x: Any) -> Any:
    return np.power(x / 2, v) * sp.rgamma(v + 1.5) / sqrt(pi)


# fmt: off
j0  = special(sp.j0,  lambda z, x: -sp.j1(x),                                                   latex="J_0")
j1  = special(sp.j1,  lambda z, x: (sp.j0(x) - sp.jv(2, x)) / 2,                                latex="J_1")
jv  = special(sp.jv,  lambda z, v, x: order("jv", 1)(v, x), lambda z, v, x: (sp.jv(v - 1, x) - sp.jv(v + 1, x)) / 2,  latex=r"J_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
y0  = special(sp.y0,  lambda z, x: -sp.y1(x),                                                   latex="Y_0", domain=(POSITIVE,))
y1  = special(sp.y1,  lambda z, x: (sp.y0(x) - sp.yv(2, x)) / 2,                                latex="Y_1", domain=(POSITIVE,))
yn  = special(sp.yn,  None, lambda z, n, x: (sp.yv(n - 1.0, x) - sp.yv(n + 1.0, x)) / 2,        latex=r"Y_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
yv  = special(sp.yv,  lambda z, v, x: order("yv", 1)(v, x), lambda z, v, x: (sp.yv(v - 1, x) - sp.yv(v + 1, x)) / 2,  latex=r"Y_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
i0  = special(sp.i0,  lambda z, x: sp.i1(x),                                                    latex="I_0")
i1  = special(sp.i1,  lambda z, x: (sp.i0(x) + sp.iv(2, x)) / 2,                                latex="I_1")
iv  = special(sp.iv,  lambda z, v, x: order("iv", 1)(v, x), lambda z, v, x: (sp.iv(v - 1, x) + sp.iv(v + 1, x)) / 2,  latex=r"I_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
k0  = special(sp.k0,  lambda z, x: -sp.k1(x),                                                   latex="K_0", domain=(POSITIVE,))
k1  = special(sp.k1,  lambda z, x: -(sp.k0(x) + sp.kv(2, x)) / 2,                               latex="K_1", domain=(POSITIVE,))
kn  = special(sp.kn,  None, lambda z, n, x: -(sp.kv(n - 1.0, x) + sp.kv(n + 1.0, x)) / 2,       latex=r"K_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
kv  = special(sp.kv,  lambda z, v, x: order("kv", 1)(v, x), lambda z, v, x: -(sp.kv(v - 1, x) + sp.kv(v + 1, x)) / 2, latex=r"K_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
i0e = special(sp.i0e, lambda z, x: -np.sign(x) * ive_slope(0, 1)(0.0, np.abs(x)))
i1e = special(sp.i1e, lambda z, x: -ive_slope(0, 1)(1.0, np.abs(x)))
ive = special(sp.ive, lambda z, v, x: order("ive", 1)(v, x), lambda z, v, x: _ive(0, z, v, x), domain=(ALL, POSITIVE))
k0e = special(sp.k0e, lambda z, x: -kve_slope(0, 1)(0.0, x),                                    domain=(POSITIVE,))
k1e = special(sp.k1e, lambda z, x: -kve_slope(0, 1)(1.0, x),                                    domain=(POSITIVE,))
kve = special(sp.kve, lambda z, v, x: kve_slope(1, 0)(v, x), lambda z, v, x: -kve_slope(0, 1)(v, x), domain=(ALL, POSITIVE))
spherical_jn = special(_ufuncs._spherical_jn, None, lambda z, n, x: _spherical(_ufuncs._spherical_jn, -1)(z, n, x), latex=r"j_{{{0}}}\left({1}\right)")
spherical_yn = special(_ufuncs._spherical_yn, None, lambda z, n, x: _spherical_y(n, x), latex=r"y_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
spherical_in = special(_ufuncs._spherical_in, None, lambda z, n, x: _spherical(_ufuncs._spherical_in, 1)(z, n, x), latex=r"i_{{{0}}}\left({1}\right)")
spherical_kn = special(_ufuncs._spherical_kn, None, lambda z, n, x: _spherical_k(n, x), latex=r"k_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))

# Kelvin functions, whose second derivatives are those of the equation
ber  = special(sp.ber,  lambda z, x: sp.berp(x))
bei  = special(sp.bei,  lambda z, x: sp.beip(x))
berp = special(sp.berp, lambda z, x: -sp.bei(x) - _over(z, x, 0.0),                             latex="\\operatorname{{ber}}'")
beip = special(sp.beip, lambda z, x: sp.ber(x) - _over(z, x, 0.5),                              latex="\\operatorname{{bei}}'")
ker  = special(sp.ker,  lambda z, x: sp.kerp(x),                                                domain=(POSITIVE,))
kei  = special(sp.kei,  lambda z, x: sp.keip(x),                                                domain=(POSITIVE,))
kerp = special(sp.kerp, lambda z, x: -sp.kei(x) - z / x,                                        latex="\\operatorname{{ker}}'", domain=(POSITIVE,))
keip = special(sp.keip, lambda z, x: sp.ker(x) - z / x,                                         latex="\\operatorname{{kei}}'", domain=(POSITIVE,))

# Integrals of Bessel functions, and Struve's
struve       = special(sp.struve,       None, lambda z, v, x: (sp.struve(v - 1, x) - sp.struve(v + 1, x) + _struve(v, x)) / 2,    latex=r"\mathbf{{H}}_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
modstruve    = special(sp.modstruve,    None, lambda z, v, x: (sp.modstruve(v - 1, x) + sp.modstruve(v + 1, x) + _struve(v, x)) / 2, latex=r"\mathbf{{L}}_{{{0}}}\left({1}\right)", domain=(ALL, POSITIVE))
itstruve0    = special(sp.itstruve0,    lambda z, x: sp.struve(0.0, x),                         domain=(POSITIVE,))
it2struve0   = special(sp.it2struve0,   lambda z, x: -sp.struve(0.0, x) / x,                    domain=(POSITIVE,))
itmodstruve0 = special(sp.itmodstruve0, lambda z, x: sp.modstruve(0.0, x),                      domain=(POSITIVE,))

# Of real arguments
UFUNCS[sp.jve] = lambda v, x: sp.jv(v, x)
UFUNCS[sp.yve] = lambda v, x: sp.yv(v, x)
UFUNCS[sp.hankel1]  = lambda v, x: sp.jv(v, x) + 1j * sp.yv(v, x)
UFUNCS[sp.hankel2]  = lambda v, x: sp.jv(v, x) - 1j * sp.yv(v, x)
UFUNCS[sp.hankel1e] = lambda v, x: (sp.jv(v, x) + 1j * sp.yv(v, x)) * np.exp(-1j * x)
UFUNCS[sp.hankel2e] = lambda v, x: (sp.jv(v, x) - 1j * sp.yv(v, x)) * np.exp(1j * x)
# fmt: on
