"""Functions that NumPy has not: the sigmoid, the rectifier and their relatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.aval import broadcast
from wengert.core.primitive import REGISTRY, Notation, Primitive
from wengert.core.rule import Constant, Partial


def _smooth(name: str, impl: Any, partial: Any, latex: str, reference: Any) -> Primitive:
    primitive = REGISTRY[name] = Primitive(
        name, impl, [Partial(partial)], aval=broadcast(np.exp), joint=True, reference=reference,
        notation=Notation(name, f"wg.{name}({{0}})", latex), domain=((-np.inf, np.inf),),
    )  # fmt: skip
    return primitive


def _sigmoid(x: Any) -> Any:
    """1/(1 + e^−x), from e^−|x|, which cannot overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e)[()].astype(e.dtype) / (1 + e) if isinstance(x, np.ndarray) else (1.0 if x >= 0 else e) / (1 + e)


def _mp_sigmoid(x: Any) -> Any:
    import mpmath  # noqa: PLC0415

    return 1 / (1 + mpmath.exp(-x))


def _mp_softplus(x: Any) -> Any:
    import mpmath  # noqa: PLC0415

    return mpmath.log1p(mpmath.exp(x))


# fmt: off
sigmoid  = _smooth("sigmoid",  _sigmoid,                        lambda z, x: sigmoid(x) * sigmoid(-x), r"\sigma\left({0}\right)", _mp_sigmoid)
softplus = _smooth("softplus", lambda x: np.logaddexp(x, 0.0),  lambda z, x: sigmoid(x),               r"\operatorname{{softplus}}\left({0}\right)", _mp_softplus)
relu     = _smooth("relu",     lambda x: np.maximum(x, 0.0),    lambda z, x: np.where(x > 0, 1.0, 0.0), r"\operatorname{{relu}}\left({0}\right)", lambda x: max(x, 0 * x))
# fmt: on

#: x itself, with derivative zero: for values that are known to cancel, such as the shift of logsumexp.
stop_gradient = REGISTRY["stop_gradient"] = Primitive(
    "stop_gradient", lambda x: x, [Constant()], aval=lambda x: x,
    notation=Notation("stop", "{0}", "{0}"), reference=lambda x: x,
)  # fmt: skip
