"""Hyperbolic functions and their inverses, by formulas that neither cancel nor overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ops.elementwise import elementwise


def sech(x: Any) -> Any:
    """1/cosh x of complex numbers; where cosh may overflow, as 2e^−x/(1 + e^−2x)."""
    near = np.abs(np.real(x)) < 1
    small = np.exp(np.where(np.real(x) < 0, x, -x))
    return np.where(near, 1 / np.cosh(np.where(near, x, 0.0)), 2 * small / (1 + small * small))


def root_like(guide: Any, root: Any) -> Any:
    """Of ±root the one beside `guide`: the same number less accurately, but on the right side of the branch cut."""
    return np.where(np.real(root / guide) < 0, -root, root)


# fmt: off
sinh    = elementwise(np.sinh,    lambda z, x: np.cosh(x),                            latex=r"\sinh", complex=True)
cosh    = elementwise(np.cosh,    lambda z, x: np.sinh(x),                            latex=r"\cosh", complex=True)
tanh    = elementwise(np.tanh,    lambda z, x: np.square(1 / np.cosh(x)),             latex=r"\tanh", complex=(lambda z, x: np.square(sech(x)),))
arcsinh = elementwise(np.arcsinh, lambda z, x: 1 / np.hypot(1.0, x),                  latex=r"\operatorname{{arsinh}}", complex=(lambda z, x: 1 / root_like(np.cosh(z), np.sqrt(1 - 1j * x) * np.sqrt(1 + 1j * x)),))
arccosh = elementwise(np.arccosh, lambda z, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), latex=r"\operatorname{{arcosh}}", domain=((1.0, np.inf),), complex=(lambda z, x: 1 / root_like(np.sinh(z), np.sqrt(x - 1) * np.sqrt(x + 1)),))
arctanh = elementwise(np.arctanh, lambda z, x: 1 / ((1 - x) * (1 + x)),               latex=r"\operatorname{{artanh}}", domain=((-1.0, 1.0),), complex=(lambda z, x: 1 / (1 - x) / (1 + x),))
# fmt: on
