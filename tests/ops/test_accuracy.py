"""Every partial derivative within 8 ulp of the true one, over the whole domain and range of magnitudes.

Relative accuracy is what finite differences cannot see: 1 − tanh² is wrong in every digit at x = 20. The error is
counted in units in the last place of the true value, which is known to 60 digits; below the smallest normal number a
result loses digits by nature, so that the unit stays the one of that number.
"""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from wengert.core.primitive import REGISTRY
from wengert.core.rule import Constant, Partial
from wengert.transform.differential import partial_value

from . import special
from .derivatives import DERIVATIVES
from .points import points

BOUND = 8  # NumPy's own functions are up to 4 ulp off where it uses its vectorized ones
NAMES = [
    name
    for name, p in REGISTRY.items()
    if any(isinstance(p.rule(i), Partial) for i in range(4)) and name not in special.ELSEWHERE
]


def ulps(got, true, dtype, least=0.0):
    """The error in units in the last place; infinite where one of the two is beyond the range and the other is not."""
    info = np.finfo(dtype)
    unit = float(np.spacing(dtype(min(max(abs(true), float(info.tiny), least), 0.75 * float(info.max)))))
    got = float(got)
    if np.isinf(got) and got * true > 0:
        got = np.copysign(float(info.max), got)
        true = mp.sign(true) * min(abs(true), mp.mpf(float(info.max)))
    return float(abs(got - true) / unit) if np.isfinite(got) else np.inf


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NAMES)
def test_partials_are_accurate(name, dtype):
    primitive = REGISTRY[name]
    args = points(primitive, 3000, dtype)
    with mp.workdps(60), np.errstate(all="ignore"):
        z = primitive.impl(*args)
        exact = list(zip(*(np.broadcast_to(a, z.shape).tolist() for a in args), strict=True))
        for i, true in enumerate(DERIVATIVES[name]):
            if true is None:  # no rule for this argument
                continue
            rule = primitive.rule(i)
            got = 0.0 if isinstance(rule, Constant) else partial_value(rule, z, args)
            got = np.broadcast_to(got, z.shape)
            least = special.LEAST.get(name, 0.0)
            errors = [ulps(g, mp.mpf(true(*map(mp.mpf, x))), dtype, least) for g, x in zip(got, exact, strict=True)]
            worst = int(np.argmax(errors))
            assert errors[worst] <= special.BOUNDS.get(name, BOUND), f"{errors[worst]:.1f} ulp at {exact[worst]}"


def test_a_formula_that_cancels_is_found():
    x = np.float64(15.0)
    assert ulps(1 - np.tanh(x) ** 2, mp.sech(mp.mpf(15)) ** 2, np.float64) > 1000
    assert ulps(np.inf, mp.mpf(1e300), np.float64) > 1000
    assert ulps(np.inf, mp.mpf("1e400"), np.float64) == 0
