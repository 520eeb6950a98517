"""Exponentials and logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.ops.elementwise import POSITIVE, elementwise
from wengert.ops.special import sigmoid

LN2 = float(np.log(2.0))
LN10 = float(np.log(10.0))


def _mp_logaddexp(x: Any, y: Any) -> Any:
    import mpmath  # noqa: PLC0415

    return mpmath.log(mpmath.exp(x) + mpmath.exp(y))


# fmt: off
exp       = elementwise(np.exp,       lambda z, x: z,                  latex="e^{{{0}}}")
exp2      = elementwise(np.exp2,      lambda z, x: z * LN2,            latex="2^{{{0}}}",                reference=lambda x: 2**x)
expm1     = elementwise(np.expm1,     lambda z, x: np.exp(x),          latex="e^{{{0}}} - 1", precedence=4)
log       = elementwise(np.log,       lambda z, x: 1 / x,              latex=r"\ln",                     symbol="ln", domain=(POSITIVE,))
log2      = elementwise(np.log2,      lambda z, x: 1 / (x * LN2),      latex=r"\log_{{2}}",              domain=(POSITIVE,), reference=lambda x: _mp_log(x, 2))
log10     = elementwise(np.log10,     lambda z, x: 1 / (x * LN10),     latex=r"\log_{{10}}",             domain=(POSITIVE,))
log1p     = elementwise(np.log1p,     lambda z, x: 1 / (1 + x),        latex=r"\ln\left(1 + {0}\right)", domain=((-1.0, np.inf),))
logaddexp = elementwise(np.logaddexp, lambda z, x, y: sigmoid(x - y),  lambda z, x, y: sigmoid(y - x),   reference=_mp_logaddexp)
logaddexp2 = elementwise(np.logaddexp2, lambda z, x, y: sigmoid((x - y) * LN2), lambda z, x, y: sigmoid((y - x) * LN2), reference=lambda x, y: _mp_log(2**x + 2**y, 2))
# fmt: on


def _mp_log(x: Any, base: int) -> Any:
    import mpmath  # noqa: PLC0415

    return mpmath.log(x) / mpmath.log(base)
