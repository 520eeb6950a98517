"""The classical orthogonal polynomials in x: the derivative of each is one of another family, of a degree less by one.

**Source**: DLMF §18.9(iii), 18.7.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.ops import scipy_ufuncs as sp
from wengert.ops.special_table import special


def _lower(n: Any, slope: Callable[[Any], Any]) -> Any:
    """The slope from the degree n − 1; 0 for n = 0."""
    return np.where(np.equal(n, 0), 0.0, slope(np.where(np.equal(n, 0), 1, n) - 1))


# fmt: off
eval_chebyt      = special(sp.eval_chebyt,      None, lambda z, n, x: _lower(n, lambda k: n * sp.eval_chebyu(k, x)),                 latex=r"T_{{{0}}}\left({1}\right)")
eval_chebyu      = special(sp.eval_chebyu,      None, lambda z, n, x: _lower(n, lambda k: 2 * sp.eval_gegenbauer(k, 2.0, x)),        latex=r"U_{{{0}}}\left({1}\right)")
eval_chebyc      = special(sp.eval_chebyc,      None, lambda z, n, x: _lower(n, lambda k: n * sp.eval_chebys(k, x)),                 latex=r"C_{{{0}}}\left({1}\right)")
eval_chebys      = special(sp.eval_chebys,      None, lambda z, n, x: _lower(n, lambda k: sp.eval_gegenbauer(k, 2.0, x / 2)),        latex=r"S_{{{0}}}\left({1}\right)")
eval_sh_chebyt   = special(sp.eval_sh_chebyt,   None, lambda z, n, x: _lower(n, lambda k: 2 * n * sp.eval_sh_chebyu(k, x)),          latex=r"T^*_{{{0}}}\left({1}\right)")
eval_sh_chebyu   = special(sp.eval_sh_chebyu,   None, lambda z, n, x: _lower(n, lambda k: 4 * sp.eval_gegenbauer(k, 2.0, 2 * x - 1)), latex=r"U^*_{{{0}}}\left({1}\right)")
eval_legendre    = special(sp.eval_legendre,    None, lambda z, n, x: _lower(n, lambda k: sp.eval_gegenbauer(k, 1.5, x)),            latex=r"P_{{{0}}}\left({1}\right)")
eval_sh_legendre = special(sp.eval_sh_legendre, None, lambda z, n, x: _lower(n, lambda k: 2 * sp.eval_gegenbauer(k, 1.5, 2 * x - 1)), latex=r"P^*_{{{0}}}\left({1}\right)")
eval_hermite     = special(sp.eval_hermite,     None, lambda z, n, x: _lower(n, lambda k: 2 * n * sp.eval_hermite(k, x)),            latex=r"H_{{{0}}}\left({1}\right)")
eval_hermitenorm = special(sp.eval_hermitenorm, None, lambda z, n, x: _lower(n, lambda k: n * sp.eval_hermitenorm(k, x)),            latex=r"\mathit{{He}}_{{{0}}}\left({1}\right)")
eval_laguerre    = special(sp.eval_laguerre,    None, lambda z, n, x: _lower(n, lambda k: -sp.eval_genlaguerre(k, 1.0, x)),          latex=r"L_{{{0}}}\left({1}\right)")
eval_genlaguerre = special(sp.eval_genlaguerre, None, None, lambda z, n, a, x: _lower(n, lambda k: -sp.eval_genlaguerre(k, a + 1, x)), latex=r"L_{{{0}}}^{{({1})}}\left({2}\right)")
eval_gegenbauer  = special(sp.eval_gegenbauer,  None, None, lambda z, n, a, x: _lower(n, lambda k: 2 * a * sp.eval_gegenbauer(k, a + 1, x)), latex=r"C_{{{0}}}^{{({1})}}\left({2}\right)")
eval_jacobi      = special(sp.eval_jacobi,      None, None, None, lambda z, n, a, b, x: _lower(n, lambda k: (n + a + b + 1) / 2 * sp.eval_jacobi(k, a + 1, b + 1, x)), latex=r"P_{{{0}}}^{{({1}, {2})}}\left({3}\right)")
eval_sh_jacobi   = special(sp.eval_sh_jacobi,   None, None, None, lambda z, n, p, q, x: _lower(n, lambda k: n * sp.eval_sh_jacobi(k, p + 2, q + 1, x)), latex=r"G_{{{0}}}^{{({1}, {2})}}\left({3}\right)")
# fmt: on
