"""Exponentials and logarithms."""

from __future__ import annotations

import numpy as np

from wengert.ops.elementwise import POSITIVE, elementwise
from wengert.ops.special import LN2, share, share2

LOG2_E = 1 / LN2
LOG10_E = float(np.log10(np.e))

# fmt: off
exp        = elementwise(np.exp,        lambda z, x: z,                                             latex="e^{{{0}}}", complex=True)
exp2       = elementwise(np.exp2,       lambda z, x: z * LN2,                                       latex="2^{{{0}}}", complex=True)
expm1      = elementwise(np.expm1,      lambda z, x: np.exp(x),                                     latex="e^{{{0}}} - 1", precedence=4, complex=True)
log        = elementwise(np.log,        lambda z, x: 1 / x,                                         latex=r"\ln", symbol="ln", domain=(POSITIVE,), complex=True)
log2       = elementwise(np.log2,       lambda z, x: LOG2_E / x,                                    latex=r"\log_{{2}}", domain=(POSITIVE,), complex=True)
log10      = elementwise(np.log10,      lambda z, x: LOG10_E / x,                                   latex=r"\log_{{10}}", domain=(POSITIVE,), complex=True)
log1p      = elementwise(np.log1p,      lambda z, x: 1 / (1 + x),                                   latex=r"\ln\left(1 + {0}\right)", domain=((-1.0, np.inf),), complex=True)
logaddexp  = elementwise(np.logaddexp,  lambda z, x, y: share(x, y),  lambda z, x, y: share(y, x),  latex=r"\ln\left(e^{{{0}}} + e^{{{1}}}\right)")
logaddexp2 = elementwise(np.logaddexp2, lambda z, x, y: share2(x, y), lambda z, x, y: share2(y, x), latex=r"\log_{{2}}\left(2^{{{0}}} + 2^{{{1}}}\right)")
# fmt: on
