"""Piecewise linear interpolation: in x, in the values fp and in the knots xp."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, is_complex, shape_of
from wengert.core.batching import count
from wengert.core.chain import scale
from wengert.core.dispatch import implements
from wengert.core.primitive import REGISTRY, Notation, Primitive, bind
from wengert.core.rule import Linear, Pushforward
from wengert.ops.comparison import search
from wengert.ops.index import Slot
from wengert.ops.indexing import scatter
from wengert.ops.operand import array, inexact, real


def _slope(x: Any, xp: Any, fp: Any, side: Any) -> Any:
    """The slope at x, at a knot that on one side; 0 outside of the knots."""
    n = shape_of(xp)[0]
    if n < 2:
        return np.zeros(shape_of(x))
    j = np.searchsorted(xp, x, side) - 1
    inside = (j >= 0) & (j < n - 1)
    j = np.clip(j, 0, n - 2)
    return np.where(inside, (fp[j + 1] - fp[j]) / (xp[j + 1] - xp[j]), 0.0)


def _mean_slope(x: Any, xp: Any, fp: Any) -> Any:
    """At a knot the mean of the slopes on both sides; at NaN, which lies nowhere, NaN."""
    slope = (_slope(x, xp, fp, "left") + _slope(x, xp, fp, "right")) / 2
    return np.where(np.isnan(x), np.nan, slope)


def _spread(ct: Any, x: Any, xp: Any) -> Any:
    """The transpose of the interpolation: each cotangent to the two knots about its x, by nearness."""
    n = shape_of(xp)[0]
    ct = np.where((x < xp[0]) | (x > xp[-1]), 0.0, ct)
    if n < 2:
        return np.reshape(np.sum(ct), (1,))
    j = np.clip(np.searchsorted(xp, x, "right") - 1, 0, n - 2)
    w = (x - xp[j]) / (xp[j + 1] - xp[j])
    params = {"indices": ((Slot(0),), (Slot(1),)), "shape": (n,), "dtype": aval_of(ct).dtype}
    return bind(scatter(2), ((1 - w) * ct, w * ct, j, j + 1), params)


def _interp(x: Any, xp: Any, fp: Any, left: Any, right: Any) -> Any:
    if is_complex(left) or is_complex(right):  # NumPy looks at fp alone, and takes no arrays for left and right
        fp = np.asarray(fp, np.complex128)
    ends: list[Any] = [np.asarray(left)[()], np.asarray(right)[()]]
    return np.interp(x, xp, fp, *ends)


def _batched_interp(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    """The mean of the lines that end and that begin at x, which are the same but at a knot."""
    if not any(on[1:]):
        return bind(primitive, args, params)
    n, shape = count(args, on), shape_of(args[0])[on[0] :]
    wide = (inexact(a).astype(np.complex128 if is_complex(a) else np.float64) for a in args)
    x, xp, fp, left, right = (a if batched else np.expand_dims(a, 0) for a, batched in zip(wide, on, strict=True))
    x, left, right = np.reshape(x, (shape_of(x)[0], math.prod(shape))), left[:, None], right[:, None]
    last = shape_of(xp)[1] - 1
    sides = []
    for side, end in (("left", 1), ("right", 0)):
        j = search(args[1], on[1], x, side) - 1
        inside, k = ((j >= 0) & (j < last)) | (np.isnan(x) & (last > 0)), np.clip(j, 0, max(last - 1, 0))
        x0, x1, y0, y1 = (np.take_along_axis(v, np.minimum(k + i, last), 1) for v in (xp, fp) for i in (0, 1))
        slope = np.where(np.isinf(y0) & (y0 == y1), 0.0, (y1 - y0) / np.where(inside, x1 - x0, 1.0))
        line = y1 + scale(slope, x - x1) if end else y0 + scale(slope, x - x0)
        sides.append(np.where(inside, line, np.where(j < 0, fp[:, :1], fp[:, -1:])))
    before, after = sides
    z = np.where(np.isnan(after), before, np.where(np.isnan(before), after, before / 2 + after / 2))
    z = np.where(x < xp[:, :1], left, np.where(x > xp[:, -1:], right, z))
    return np.reshape(np.where(np.isnan(x), np.nan * z, z) if last else z, (n, *shape))


#: Five arguments: x, the knots, the values there, and the values to the left and to the right of all knots.
interp: Primitive
interp = REGISTRY["interp"] = Primitive(
    "interp",
    _interp,
    [
        Pushforward(lambda t, z, x, xp, fp, left, right: t * _mean_slope(x, xp, fp)),
        Pushforward(lambda t, z, x, xp, fp, left, right: -_mean_slope(x, xp, fp) * interp(x, xp, t, 0.0, 0.0)),
        Linear(lambda ct, x, xp, fp, left, right: _spread(ct, x, xp)),
        Linear(lambda ct, x, xp, fp, left, right: np.sum(np.where(x < xp[0], ct, 0.0))),
        Linear(lambda ct, x, xp, fp, left, right: np.sum(np.where(x > xp[-1], ct, 0.0))),
    ],
    joint=True,
    batch=_batched_interp,
    aval=lambda x, xp, fp, left, right: Aval(x.shape, np.result_type(fp.dtype, left.dtype, right.dtype, np.float64)),
    complex=True,
    notation=Notation("interp", "np.interp({args})", r"\operatorname{{interp}}\left({args}\right)"),
)


@implements(np.interp)
def interp_of(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """np.interp; at a knot the derivative in x is the mean of the slopes on both sides."""
    x, xp, fp = real(inexact(x), "np.interp"), real(inexact(xp), "np.interp"), inexact(fp)
    if len(shape_of(xp)) != 1 or shape_of(xp) != shape_of(fp) or not shape_of(xp)[0]:
        raise ValueError("interp: xp and fp must be sequences of the same length, at least 1")
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        period = np.abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    left, right = fp[0] if left is None else array(left), fp[-1] if right is None else array(right)
    return bind(interp, (x, xp, fp, left, right), {})
