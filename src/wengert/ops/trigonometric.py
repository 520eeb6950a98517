"""Circular functions and their inverses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.dispatch import FUNCTIONS
from wengert.ops.elementwise import elementwise, function
from wengert.ops.hyperbolic import root_like, sech

DEGREE = float(np.pi / 180)


def _sinc(z: Any, x: Any) -> Any:
    """The slope (cos πx − sinc x)/x as a spherical Bessel function, in which nothing cancels at 0."""
    sign = np.where(np.less(x, 0), -1.0, 1.0)  # SciPy has it for positive numbers only

    from wengert.ops.scipy_special import spherical_jn  # here, since importing SciPy takes longer than everything else

    return -np.pi * sign * spherical_jn(1, np.pi * sign * x)


_SLOPE = [(-1.0) ** k * 2 * (k + 1) / math.factorial(2 * k + 3) for k in reversed(range(16))]


def _complex_sinc(z: Any, x: Any) -> Any:
    """The same, −π·j₁(w) with w = πx: where |w| < 2 by its power series Σ (−1)ᵏ 2(k + 1) w²ᵏ⁺¹/(2k + 3)!.

    **Source**: DLMF 10.53.1.
    """
    w = np.pi * x
    near = np.abs(w) < 2
    small, large = np.where(near, w, 0.0), np.where(near, 2.0, w)
    series = _SLOPE[0] + 0 * small
    for coefficient in _SLOPE[1:]:
        series = series * small * small + coefficient
    return np.pi * np.where(near, -series * small, (np.cos(large) - np.sin(large) / large) / large)


# fmt: off
sin    = elementwise(np.sin,    lambda z, x: np.cos(x),                       latex=r"\sin", complex=True)
cos    = elementwise(np.cos,    lambda z, x: -np.sin(x),                      latex=r"\cos", complex=True)
tan    = elementwise(np.tan,    lambda z, x: 1 + z * z,                       latex=r"\tan", complex=(lambda z, x: np.square(sech(1j * x)),))
arcsin = elementwise(np.arcsin, lambda z, x: 1 / np.sqrt((1 - x) * (1 + x)),  latex=r"\arcsin", domain=((-1.0, 1.0),), complex=(lambda z, x: 1 / root_like(np.cos(z), np.sqrt(1 - x) * np.sqrt(1 + x)),))
arccos = elementwise(np.arccos, lambda z, x: -1 / np.sqrt((1 - x) * (1 + x)), latex=r"\arccos", domain=((-1.0, 1.0),), complex=(lambda z, x: -1 / root_like(np.sin(z), np.sqrt(1 - x) * np.sqrt(1 + x)),))
arctan = elementwise(np.arctan, lambda z, x: np.square(1 / np.hypot(1.0, x)), latex=r"\arctan", complex=(lambda z, x: 1 / (1 - 1j * x) / (1 + 1j * x),))

arctan2 = elementwise(np.arctan2, lambda z, y, x: x / np.hypot(x, y) / np.hypot(x, y), lambda z, y, x: -y / np.hypot(x, y) / np.hypot(x, y), latex=r"\operatorname{{atan2}}")

deg2rad = elementwise(np.deg2rad, lambda z, x: DEGREE)
radians = elementwise(np.radians, lambda z, x: DEGREE)
rad2deg = elementwise(np.rad2deg, lambda z, x: 1 / DEGREE)
degrees = elementwise(np.degrees, lambda z, x: 1 / DEGREE)

sinc = FUNCTIONS[np.sinc] = function("sinc", np.sinc, _sinc, like=np.sin, complex=(_complex_sinc,))
# fmt: on
