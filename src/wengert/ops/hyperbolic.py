"""Hyperbolic functions and their inverses, by formulas that neither cancel nor overflow."""

from __future__ import annotations

import numpy as np

from wengert.ops.elementwise import elementwise

# fmt: off
sinh    = elementwise(np.sinh,    lambda z, x: np.cosh(x),                            latex=r"\sinh", complex=True)
cosh    = elementwise(np.cosh,    lambda z, x: np.sinh(x),                            latex=r"\cosh", complex=True)
tanh    = elementwise(np.tanh,    lambda z, x: np.square(1 / np.cosh(x)),             latex=r"\tanh", complex=True)
arcsinh = elementwise(np.arcsinh, lambda z, x: 1 / np.hypot(1.0, x),                  latex=r"\operatorname{{arsinh}}")
arccosh = elementwise(np.arccosh, lambda z, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), latex=r"\operatorname{{arcosh}}", domain=((1.0, np.inf),), complex=True)
arctanh = elementwise(np.arctanh, lambda z, x: 1 / ((1 - x) * (1 + x)),               latex=r"\operatorname{{artanh}}", domain=((-1.0, 1.0),), complex=True)
# fmt: on
