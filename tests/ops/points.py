"""Where elementwise rules are tried: over all magnitudes that a dtype has, near 0, ±1 and the domain's ends."""

from __future__ import annotations

import numpy as np

from . import special

#: How far the magnitudes reach, in powers of ten.
DECADES = {"float32": 37.0, "float64": 300.0}


def line(rng, interval, n, dtype):
    """`n` numbers of an interval, most of them log-uniform in the distance from 0, from ±1 and from its ends."""
    low, high = interval
    decades = DECADES[dtype.name]
    far = 10 ** rng.uniform(-decades, decades, n)
    near = 10 ** rng.uniform(-dtype.itemsize * 2, 0, n)
    moderate = 10 ** rng.uniform(-3, 3, n)
    anchors = [a for a in (-1.0, 0.0, 1.0, low, high) if np.isfinite(a)]
    sign = rng.choice([-1.0, 1.0], n)
    pool = [sign * far, sign * far, sign * moderate, *(a + sign * near for a in anchors)]
    points = np.concatenate(pool).astype(dtype)
    points = points[(points > low) & (points < high) & (points != 0) & np.isfinite(points)]
    return rng.permutation(points)[:n]


def plane(rng, domain, n, dtype):
    """Pairs: independent ones, pairs of nearly equal size, and pairs with a moderate difference."""
    first, second = domain
    x = line(rng, first, n, dtype)
    n = len(x)
    y = np.resize(line(rng, second, 2 * n, dtype), n)
    close = (x * (1 + rng.choice([-1.0, 1.0], n) * 10 ** rng.uniform(-dtype.itemsize * 2, 1, n))).astype(dtype)
    shifted = (x + rng.normal(0, 100, n)).astype(dtype)
    with np.errstate(all="ignore"):
        y = np.where(rng.random(n) < 0.4, y, np.where(rng.random(n) < 0.5, close, shifted))
    keep = (y > second[0]) & (y < second[1]) & np.isfinite(y) & (y != 0)
    return x[keep], y[keep]


def powers(rng, domain, n, dtype):
    """Bases and exponents of which x^y, x^(y−1) and x^(y−2) are normal numbers: a subnormal one has lost its digits."""
    low, high = np.log([float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)])
    x = line(rng, domain[0], 2 * n, dtype).astype(float)
    x = x[x != 1]
    t = rng.uniform(low, high, len(x)) * 10 ** rng.uniform(-3, 0, len(x))
    y = t / np.log(x)
    y = np.where(rng.random(len(x)) < 0.2, np.rint(y), y).astype(dtype)
    logs = (y.astype(float) - np.arange(3)[:, None]) * np.log(x)
    keep = np.all((logs > low) & (logs < high), axis=0) & (y != 0)
    x, y = x[keep].astype(dtype), y[keep]
    return (x, y) if len(domain) == 2 else (x, y, 1)


def points(primitive, n, dtype, seed=0):
    """Arguments for an elementwise primitive, one array each."""
    if primitive.name in special.AT:
        return special.points(primitive, n, dtype, seed)
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    domain = primitive.domain or ((-np.inf, np.inf),) * len(primitive.rules)
    with np.errstate(all="ignore"):
        if primitive.name in ("power", "lowered_power"):
            return powers(rng, domain, n, dtype)
        if len(domain) == 2:
            return plane(rng, domain, n, dtype)
        return (line(rng, domain[0], n, dtype),)
