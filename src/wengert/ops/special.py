"""Functions that NumPy has not: the sigmoid, the rectifier and their relatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import is_complex
from wengert.core.batching import direct
from wengert.core.primitive import REGISTRY, Notation, Primitive
from wengert.core.rule import Constant
from wengert.ops.elementwise import function
from wengert.ops.operand import real
from wengert.ops.reference import reference


def _sigmoid(x: Any) -> Any:
    """1/(1 + e^−x), from e^−|x|, which cannot overflow."""
    if is_complex(x):  # about the imaginary axis, where it has poles, eˣᐟ²/(2 cosh x/2)
        near, left = np.abs(np.real(x)) < 1, np.real(x) < 0
        half, small = np.where(near, x, 0.0) / 2, np.exp(np.where(left, x, -x))
        return np.where(near, np.exp(half) / (2 * np.cosh(half)), np.where(left, small, 1.0) / (1 + small))
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def _share_of(power: np.ufunc, ln_base: float) -> Any:
    def share(x: Any, y: Any) -> Any:
        """1/(1 + b^(y−x)); the rounding error of y − x, which the power would magnify, is found (TwoSum) and mended."""
        d = np.where(x == y, 0.0, x - y)  # two infinities are equal shares
        added = d - x
        error = (x - (d - added)) - (y + added)
        total = 1 + power(-np.abs(d))
        p, q = power(np.minimum(d, 0)) / total, power(np.minimum(-d, 0)) / total
        return p * (1 + ln_base * np.where(np.isfinite(error), error, 0.0) * q)

    return share


LN2 = float(np.log(2.0))
sigmoid: Primitive
share: Primitive
share2: Primitive

# fmt: off
sigmoid  = function("sigmoid", _sigmoid,                        lambda z, x: z * sigmoid(-x), like=np.exp, python="wg.sigmoid({0})", latex=r"\sigma", complex=True)
softplus = function("softplus", lambda x: np.logaddexp(x, 0.0), lambda z, x: sigmoid(x),      like=np.exp, python="wg.softplus({0})")
relu     = function("relu", lambda x: np.maximum(real(x, "wg.relu"), 0.0),       lambda z, x: np.sign(z),      like=np.exp, python="wg.relu({0})")

# What of the derivative of log(eˣ + eʸ) belongs to x: eˣ/(eˣ + eʸ).
share  = function("share", _share_of(np.exp, 1.0),   lambda z, x, y: z * share(y, x),        lambda z, x, y: -z * share(y, x),        like=np.logaddexp, symbol="σ(x−y)", python="wg.sigmoid({0:4} - {1:5})", latex=r"\sigma\left({0:4} - {1:5}\right)")
share2 = function("share2", _share_of(np.exp2, LN2), lambda z, x, y: LN2 * z * share2(y, x), lambda z, x, y: -LN2 * z * share2(y, x), like=np.logaddexp2, symbol="2ˣ/(2ˣ+2ʸ)", python="1 / (1 + np.exp2({1:4} - {0:5}))", latex=r"\frac{{2^{{{0}}}}}{{2^{{{0}}} + 2^{{{1}}}}}", precedence=5)
# fmt: on

#: x itself, with derivative zero: for values that are known to cancel, such as the shift of logsumexp.
stop_gradient = REGISTRY["stop_gradient"] = Primitive(
    "stop_gradient", lambda x: x, [Constant()], aval=lambda x: x, batch=direct,
    notation=Notation("stop", "{0}", "{0}"), reference=reference("stop_gradient"),
)  # fmt: skip
