"""Hypergeometric functions, one line each; their parameters have no rules.

**Source**: DLMF §13.3 (confluent), 15.5 (hypergeometric), 16.3; 10.46 (Wright's Bessel function); 14.10 (Legendre).
"""

from __future__ import annotations

import numpy as np

from wengert.core.chain import scale
from wengert.ops import scipy_ufuncs as sp
from wengert.ops.elementwise import ALL, POSITIVE
from wengert.ops.special_table import special

# fmt: off
hyp0f1 = special(sp.hyp0f1, None, lambda z, v, x: sp.hyp0f1(v + 1, x) / v,                                        latex="{{}}_0F_1")
hyp1f1 = special(sp.hyp1f1, None, None, lambda z, a, b, x: a / b * sp.hyp1f1(a + 1, b + 1, x),                    latex="{{}}_1F_1")
hyp2f1 = special(sp.hyp2f1, None, None, None, lambda z, a, b, c, x: a * b / c * sp.hyp2f1(a + 1, b + 1, c + 1, x), latex="{{}}_2F_1")
hyperu = special(sp.hyperu, None, None, lambda z, a, b, x: -a * sp.hyperu(a + 1, b + 1, x),                       latex="U", domain=(ALL, ALL, POSITIVE))
lpmv   = special(sp.lpmv,   None, None, lambda z, m, v, x: (scale((v + m) * (v - m + 1), sp.lpmv(m - 1, v, x)) - sp.lpmv(m + 1, v, x)) / (2 * np.sqrt((1 - x) * (1 + x))), latex=r"P_{{{1}}}^{{{0}}}\left({2}\right)", domain=(ALL, ALL, (-1.0, 1.0)))
wright_bessel = special(sp.wright_bessel, None, None, lambda z, a, b, x: sp.wright_bessel(a, a + b, x), latex=r"\Phi", domain=(POSITIVE, POSITIVE, POSITIVE))
if hasattr(sp, "log_wright_bessel"):  # SciPy 1.14
    log_wright_bessel = special(sp.log_wright_bessel, None, None, lambda z, a, b, x: np.exp(sp.log_wright_bessel(a, a + b, x) - z), latex=r"\ln\Phi", domain=(POSITIVE, POSITIVE, POSITIVE))
# fmt: on
