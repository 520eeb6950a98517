r"""Derivatives of Bessel functions with respect to their order, of every order of differentiation.

Schläfli's integrals over contours w in the plane, ∫ e^{x sinh w − νw} dw and ∫ e^{x cosh w − νw} dw, have the factor
(−w)ⁿ under the integral after n derivatives in ν. The contours are led through the saddle points, so that the
integrand is nowhere much larger than the result: along real w for K and Y; for I and J up the line Re w = α,
α = arsinh ν/x or arcosh ν/x, from 0 to iπ, and from there along real w.

**Source**: DLMF 10.9.6, 10.9.7 (Schläfli), 10.17.5 (for large x), 10.32.4, 10.32.9; Watson, *Theory of Bessel Functions*, §6.2, 8.3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import comb, factorial, pi
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError
from wengert.ops.quadrature import elementwise_in_double, exp_rest, integrate, reach, sinh_rest

LARGE = 30.0  # from here on e^−2x is beneath the rounding error
FARTHEST = 2e4  # beyond, x must be so large that its asymptotic series is exact
Function = Callable[[Any, Any], Any]


def _angle(v: Any, turns: int = 0) -> Any:
    """πv + turns·π/2, reduced, so that sines of whole multiples of π are 0."""
    return pi * (np.fmod(v, 2) + turns / 2)


def _sine(v: Any, turns: int = 0) -> Any:
    """sin(πv + turns·π/2), exact where it is 0."""
    return np.where(np.fmod(v + turns / 2, 1) == 0, 0.0, np.sin(_angle(v, turns)))


def _cosh_rest(v: Any) -> Any:
    return 2 * np.sinh(v / 2) ** 2


def _mirrored(right: Function, left: Callable[[int, Any, Any], Any], n: int) -> Function:
    """A derivative for orders of both signs, from that for μ = |ν| and a formula for ν = −μ; x ≤ 0 is answered here."""

    @elementwise_in_double
    def derivative(v: Any, x: Any) -> Any:
        inside = (x > 0) & np.isfinite(x) & np.isfinite(v)
        infinite, v, x = x, np.where(inside, v, 1.0), np.where(inside, x, 1.0)
        result = np.array(right(np.abs(v), x))
        below = v < 0
        if below.any():
            result[below] = (-1) ** n * left(n, -v[below], x[below])
        return np.where(inside, result, np.where(np.isposinf(infinite) & np.isfinite(v), 0.0, np.nan))

    return derivative


def _leibniz(n: int, v: Any, x: Any, turns: int, of: Callable[[int], Function]) -> Any:
    """The n-th derivative in ν of sin(πν + turns·π/2) f(ν, x)."""
    return sum(comb(n, k) * pi**k * _sine(v, turns + k) * of(n - k)(v, x) for k in range(n + 1))


def _along(exponent: Callable[..., Any], sign: float, most: Any, *args: Any) -> Any:
    """An exponent on one side of the largest value of an integrand, no farther than `most`."""
    *rest, t = args
    return exponent(np.minimum(t, most), sign, *rest)


# K and I -------------------------------------------------------------------------------------------------------------


def _macdonald(n: int, k: int = 0) -> Function:
    """∂ᵥⁿ (−∂ₓ)ᵏ K_v(x) eˣ for v ≥ 0: ∫ e^{−x (cosh t − 1)} (cosh t − 1)ᵏ tⁿ cosh vt dt, both sides of its top."""

    def derivative(v: Any, x: Any) -> Any:
        top, size = np.arcsinh(v / x), np.hypot(v, x)
        excess = x * (x / (size + v))

        def exponent(t: Any, sign: float, v: Any, excess: Any) -> Any:
            return excess * _cosh_rest(t) + v * exp_rest(sign * t)

        def integrand(t: Any, sign: Any, v: Any, excess: Any, top: Any) -> Any:
            at = top + sign * t
            even = (1 + (-1) ** n * np.exp(-2 * v * at)) if n % 2 == 0 else -np.expm1(-2 * v * at)
            return np.exp(-exponent(t, sign, v, excess)) * at**n * _cosh_rest(at) ** k * even / 2

        total = 0.0
        for sign in (-1.0, 1.0):
            length = reach(partial(_along, exponent, sign, np.inf, v, excess), v.shape)
            length = np.minimum(length, top) if sign < 0 else length
            total = total + integrate(integrand, length, length, np.full(v.shape, sign), v, excess, top)
        return total * np.exp(v * top - v * v / (size + x))

    return derivative


def _modified(n: int) -> Function:
    """∂ᵥⁿ I_v(x) e^−x for v ≥ 0."""

    def derivative(v: Any, x: Any) -> Any:
        a, size = np.arcsinh(v / x), np.hypot(v, x)

        def exponent(t: Any, v: Any, x: Any, a: Any) -> Any:
            return x * (np.cosh(a + t) - np.cosh(a)) + v * t

        def across(t: Any, v: Any, x: Any, a: Any) -> Any:
            return np.exp(-exponent(t, v, x, a)) * ((-(a + t + 1j * pi)) ** n * np.exp(-1j * _angle(v))).imag

        length = reach(lambda t: exponent(t, v, x, a), v.shape)
        rest = integrate(across, length, length, v, x, a) * np.where((n == 0) & (_sine(v) == 0), 0.0, 1.0)
        main = integrate_line(n, v, size, a)
        return np.exp(v * v / (size + x) - v * a) / pi * (main + np.exp(-2 * size) * rest)

    return derivative


def integrate_line(n: int, v: Any, size: Any, a: Any, turn: Any = None) -> Any:
    """∫ Re (−a − iθ)ⁿ e^{size (cos θ − 1) + i (turn sin θ − vθ)} dθ over 0 < θ < π; `turn` is v at a saddle point."""
    turn = v if turn is None else turn

    def integrand(t: Any, v: Any, size: Any, a: Any, turn: Any) -> Any:
        phase = (turn - v) * t + turn * (np.sin(t) - t)
        return np.exp(-2 * size * np.sin(t / 2) ** 2) * ((-a - 1j * t) ** n * np.exp(1j * phase)).real

    end = 2 * np.arcsin(np.sqrt(np.minimum(1.0, 25 / np.maximum(size, 25))))
    waves = (np.abs(turn - v) * end + turn * np.minimum(end, end**3 / 6)) / 30
    stretch = np.maximum(1, waves)  # how many panels are needed
    return integrate(integrand, end, end, v, size, a, turn, period=np.pi / stretch)


def scaled_i(n: int, k: int) -> Function:
    """∂ᵥⁿ (−∂ₓ)ᵏ I_v(x) e^−x for whole v, or for x so large that the rest of I_v is beneath the rounding error."""

    @elementwise_in_double
    def derivative(v: Any, x: Any) -> Any:
        known = (x >= LARGE) | ((n == 0) & (np.rint(v) == v))

        def integrand(t: Any, v: Any, x: Any) -> Any:
            gap = 2 * np.sin(t / 2) ** 2
            return np.exp(-x * gap) * gap**k * ((-1j * t) ** n * np.exp(-1j * v * t)).real

        end = 2 * np.arcsin(np.sqrt(np.minimum(1.0, 25 / np.maximum(x, 25))))
        value = integrate(integrand, end, end, v, x, period=pi / np.maximum(1, v * end / 30)) / pi
        return np.where(np.isinf(x), 0.0, np.where(known, value, np.nan))

    return derivative


# J and Y -------------------------------------------------------------------------------------------------------------


def _hankel(n: int, v: Any, x: Any) -> Any:
    """∂ᵥⁿ (J_v + iY_v)(x) for large x: the asymptotic series, each term as a power series in v."""
    powers = [(-1j * pi / 2) ** k / factorial(k) * np.exp(-1j * _angle(v / 2) - 0.25j * pi) for k in range(n + 1)]
    term: list[Any] = [np.ones_like(x) + 0j, *[0j] * n]
    total, least, settled = list(term), np.inf, np.zeros(x.shape, bool)
    for k in range(1, 200):
        factor = [(4 * v * v - (2 * k - 1) ** 2), 8 * v, 4.0][: n + 1]
        term = [sum(factor[j] * term[i - j] for j in range(min(i, 2) + 1)) * 1j / (8 * k * x) for i in range(n + 1)]
        size = sum(map(np.abs, term))
        settled |= size > least
        least = np.minimum(size, least)
        total = [t + np.where(settled, 0, d) for t, d in zip(total, term, strict=True)]
        if np.all(settled | (size < 1e-18)):
            break
    return factorial(n) * np.sqrt(2 / (pi * x)) * np.exp(1j * x) * sum(powers[k] * total[n - k] for k in range(n + 1))


def _is_far(v: Any, x: Any) -> Any:
    """Whether the asymptotic series is exact; an error where neither it nor the integral over waves is."""
    far = x > np.maximum(30.0, v * v)
    if np.any(~far & (x > FARTHEST)):
        raise ArgumentError(
            f"the derivative of a Bessel function in its order v is not computed for {FARTHEST:g} < x < v²",
            wrong="scipy.special.jv(v, x)   with a traced v and a large x",
            right="wg.primitive(scipy.special.jv, wg.Partial(lambda z, v, x: …), …)   with a derivative of your own",
        )
    return far


def _split(near: Function, part: str, n: int) -> Function:
    """Near x by the integral, far by the asymptotic series."""

    def derivative(v: Any, x: Any) -> Any:
        far = _is_far(v, x)
        result = np.empty(x.shape)
        result[far] = getattr(_hankel(n, v[far], x[far]), part)
        result[~far] = near(v[~far], x[~far])
        return result

    return derivative


def _first(n: int) -> Function:
    """∂ᵥⁿ J_v(x) for v ≥ 0."""

    def near(v: Any, x: Any) -> Any:
        size = np.sqrt(np.maximum(v - x, 0) * (v + x))
        a = np.log1p((np.maximum(v - x, 0) + size) / x)

        def exponent(t: Any, v: Any, x: Any, a: Any) -> Any:
            return x * (np.sinh(a + t) - np.sinh(a)) + v * t

        def across(t: Any, v: Any, x: Any, a: Any) -> Any:
            return np.exp(-exponent(t, v, x, a)) * ((-(a + t + 1j * pi)) ** n * np.exp(-1j * _angle(v))).imag

        length = reach(lambda t: exponent(t, v, x, a), v.shape)
        rest = integrate(across, length, length, v, x, a) * np.where((n == 0) & (_sine(v) == 0), 0.0, 1.0)
        main = integrate_line(n, v, size, a, np.maximum(v, x))
        return np.exp(size - v * a) / pi * (main + np.exp(-2 * size) * rest)

    return _split(near, "real", n)


def _second(n: int) -> Function:
    """∂ᵥⁿ Y_v(x) for v ≥ 0."""

    def near(v: Any, x: Any) -> Any:
        slope, rise = np.maximum(v, x), np.sqrt(np.maximum(v - x, 0) * (v + x))
        top = np.log1p((np.maximum(v - x, 0) + rise) / x)
        highest = v * top - rise

        def exponent(t: Any, sign: float, v: Any, slope: Any, rise: Any) -> Any:
            return sign * slope * sinh_rest(t) + rise * _cosh_rest(t) + sign * (slope - v) * t

        def along(t: Any, sign: Any, v: Any, slope: Any, rise: Any, top: Any) -> Any:
            at = top + sign * t
            other = ((-(at + 1j * pi)) ** n * np.exp(-2 * v * at - 1j * _angle(v))).real
            return np.exp(-exponent(t, sign, v, slope, rise)) * (at**n + other)

        total = 0.0
        for sign in (-1.0, 1.0):
            most = top if sign < 0 else np.inf
            length = reach(partial(_along, exponent, sign, most, v, slope, rise), v.shape)
            length = np.minimum(length, most)
            total = total + integrate(along, length, length, np.full(v.shape, sign), v, slope, rise, top)

        def wave(t: Any, v: Any, x: Any) -> Any:
            return ((-1j * t) ** n * np.exp(1j * (x * np.sin(t) - v * t))).imag

        end = np.full(v.shape, pi)
        waves = integrate(wave, end, end, v, x, period=pi / np.maximum(1, (x + v) * pi / 30))
        return (waves - np.exp(highest) * total) / pi

    return _split(near, "imag", n)


# What is applied ------------------------------------------------------------------------------------------------------


def _i_below(n: int, v: Any, x: Any) -> Any:
    """I₋ᵥ = I_v + (2/π) sin(πv) K_v, times e^−x."""
    return _modified(n)(v, x) + 2 / pi * np.exp(-2 * x) * _leibniz(n, v, x, 0, _macdonald)


def _whole(n: int) -> Function:
    """∂ᵥⁿ I_v(x), of which `_modified` is e^−x times."""
    scaled = _mirrored(_modified(n), _i_below, n)
    return elementwise_in_double(lambda v, x: np.exp(x) * scaled(v, x))


def _unscaled(n: int) -> Function:
    """∂ᵥⁿ K_v(x)."""
    scaled = _mirrored(_macdonald(n), lambda n, v, x: _macdonald(n)(v, x), n)
    return elementwise_in_double(lambda v, x: np.exp(-x) * scaled(v, x))


def _j_below(n: int, v: Any, x: Any) -> Any:
    """J₋ᵥ = cos(πv) J_v − sin(πv) Y_v."""
    return _leibniz(n, v, x, 1, _first) - _leibniz(n, v, x, 0, _second)


def _y_below(n: int, v: Any, x: Any) -> Any:
    """Y₋ᵥ = sin(πv) J_v + cos(πv) Y_v."""
    return _leibniz(n, v, x, 0, _first) + _leibniz(n, v, x, 1, _second)


#: ∂ᵥⁿ of the functions, for orders of both signs, from n.
in_order: dict[str, Callable[[int], Function]] = {
    "kv": _unscaled,
    "iv": _whole,
    "ive": lambda n: _mirrored(_modified(n), _i_below, n),
    "jv": lambda n: _mirrored(_first(n), _j_below, n),
    "yv": lambda n: _mirrored(_second(n), _y_below, n),
}


def scaled_k(n: int, k: int) -> Function:
    """∂ᵥⁿ (−∂ₓ)ᵏ eˣ K_v(x)."""
    return _mirrored(_macdonald(n, k), lambda n, v, x: _macdonald(n, k)(v, x), n)
