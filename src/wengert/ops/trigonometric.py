"""Circular functions and their inverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.dispatch import FUNCTIONS
from wengert.ops.elementwise import elementwise, function

DEGREE = float(np.pi / 180)


def _sinc(z: Any, x: Any) -> Any:
    """The slope (cos πx − sinc x)/x as a spherical Bessel function, in which nothing cancels at 0."""
    sign = np.where(np.less(x, 0), -1.0, 1.0)  # SciPy has it for positive numbers only

    from wengert.ops.scipy_special import spherical_jn  # here, since importing SciPy takes longer than everything else

    return -np.pi * sign * spherical_jn(1, np.pi * sign * x)


# fmt: off
sin    = elementwise(np.sin,    lambda z, x: np.cos(x),                       latex=r"\sin", complex=True)
cos    = elementwise(np.cos,    lambda z, x: -np.sin(x),                      latex=r"\cos", complex=True)
tan    = elementwise(np.tan,    lambda z, x: 1 + z * z,                       latex=r"\tan", complex=True)
arcsin = elementwise(np.arcsin, lambda z, x: 1 / np.sqrt((1 - x) * (1 + x)),  latex=r"\arcsin", domain=((-1.0, 1.0),), complex=True)
arccos = elementwise(np.arccos, lambda z, x: -1 / np.sqrt((1 - x) * (1 + x)), latex=r"\arccos", domain=((-1.0, 1.0),), complex=True)
arctan = elementwise(np.arctan, lambda z, x: np.square(1 / np.hypot(1.0, x)), latex=r"\arctan")

arctan2 = elementwise(np.arctan2, lambda z, y, x: x / np.hypot(x, y) / np.hypot(x, y), lambda z, y, x: -y / np.hypot(x, y) / np.hypot(x, y), latex=r"\operatorname{{atan2}}")

deg2rad = elementwise(np.deg2rad, lambda z, x: DEGREE)
radians = elementwise(np.radians, lambda z, x: DEGREE)
rad2deg = elementwise(np.rad2deg, lambda z, x: 1 / DEGREE)
degrees = elementwise(np.degrees, lambda z, x: 1 / DEGREE)

sinc = FUNCTIONS[np.sinc] = function("sinc", np.sinc, _sinc, like=np.sin)
# fmt: on
