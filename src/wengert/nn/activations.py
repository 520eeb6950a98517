"""Activation functions, each written once as NumPy code; their derivatives are those of the operations in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError
from wengert.nn.targets import class_axis, floats
from wengert.ops.composite import softmax as shares
from wengert.ops.special import relu, sigmoid, softplus

__all__ = [
    "ACTIVATIONS", "activation", "elu", "gelu", "identity", "leaky_relu", "log_softmax", "relu", "selu", "sigmoid",
    "silu", "softmax", "softplus", "tanh",
]  # fmt: skip

tanh = np.tanh


def identity(x: Any) -> Any:
    """What it is given."""
    return x


def gelu(x: Any, approximate: str = "none") -> Any:
    """The Gaussian error linear unit: x · Φ(x), with Φ the distribution function of the standard normal distribution.

    **Arguments**: `approximate="tanh"`: x · σ(2u), u = √(2/π) (x + 0.044715 x³), which is 0.5 x (1 + tanh u).

    >>> import wengert as wg
    >>> float(wg.nn.gelu(1.0))
    0.8413447460685429
    >>> float(wg.nn.gelu(1.0, approximate="tanh"))
    0.8411919906082768

    **Source**: Hendrycks & Gimpel, "Gaussian error linear units" (2016).
    """
    if approximate == "tanh":
        return x * sigmoid(x * (2.0 * math.sqrt(2.0 / math.pi)) * (1.0 + 0.044715 * (x * x)))
    if approximate != "none":
        raise ArgumentError(f"gelu is exact or approximated by tanh, not {approximate!r}", right='approximate="tanh"')
    from scipy.special import erfc  # importing SciPy takes longer than everything else

    return x * (0.5 * erfc(x * -math.sqrt(0.5)))  # the complement: where x is far below 0, 1 + erf is nothing but noise


def silu(x: Any) -> Any:
    """The sigmoid linear unit: x · σ(x), also called swish.

    >>> import wengert as wg
    >>> float(wg.nn.silu(1.0))
    0.7310585786300049

    **Source**: Elfwing, Uchibe & Doya, "Sigmoid-weighted linear units" (2018).
    """
    return x * sigmoid(x)


def leaky_relu(x: Any, slope: float = 0.01) -> Any:
    """The leaky rectifier: x where it is positive, else slope · x. **Source**: Maas, Hannun & Ng (2013).

    >>> import wengert as wg
    >>> float(wg.nn.leaky_relu(-2.0))
    -0.02
    """
    return np.where(x > 0, x, slope * x)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """The exponential linear unit: x where it is positive, else α (eˣ − 1).

    **Source**: Clevert, Unterthiner & Hochreiter (2016).

    >>> import wengert as wg
    >>> float(wg.nn.elu(-1.0))
    -0.6321205588285577
    """
    return np.where(x > 0, x, alpha * np.expm1(np.where(x > 0, 0.0, x)))


def selu(x: Any) -> Any:
    """λ · elu(x, α), with the constants that keep mean 0 and variance 1. **Source**: Klambauer et al. (2017).

    >>> import wengert as wg
    >>> float(wg.nn.selu(1.0))
    1.0507009873554805
    """
    return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717)


def softmax(x: Any, axis: int = -1) -> Any:
    """The shares eˣⁱ / Σ eˣʲ along an axis; `wg.softmax`, along the last axis if none is said."""
    return shares(x, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of softmax: x − ln Σ exp x along the axis.

    Of the largest element it is −ln(1 + Σ′ exp(x − max x)), where Σ′ is over the others: small probabilities and such
    as are almost 1 are right to the last digits, and so are their gradients.

    **Arguments**: `x`, float array; `axis`. **Returns**: an array of x's shape. **Raises**: `ShapeError` for an axis
    that x has not, or one without elements. **Cost**: some passes over x.

    >>> import numpy as np, wengert as wg
    >>> [float(v) for v in wg.nn.log_softmax(np.array([0.0, -40.0]))]
    [-4.248354255291589e-18, -40.0]

    **Source**: Blanchard, Higham & Higham, "Accurately computing the log-sum-exp and softmax functions" (2021).
    """
    x = floats(x)
    axis = class_axis("log_softmax", x, axis)
    places = np.reshape(np.arange(shape_of(x)[axis]), (-1,) + (1,) * (len(shape_of(x)) - axis - 1))
    is_top = places == np.expand_dims(np.argmax(x, axis), axis)
    below = np.where(is_top, 0.0, x - np.sum(np.where(is_top, x, 0.0), axis, keepdims=True))
    return below - np.log1p(np.sum(np.where(is_top, 0.0, np.exp(below)), axis, keepdims=True))


#: By name: "relu" means the same as the function.
ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": identity, "linear": identity, "relu": relu, "tanh": tanh, "sigmoid": sigmoid, "gelu": gelu,
    "silu": silu, "swish": silu, "softplus": softplus, "leaky_relu": leaky_relu, "elu": elu, "selu": selu,
    "softmax": softmax, "log_softmax": log_softmax,
}  # fmt: skip


def activation(how: str | Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """The function that a name means; a function means itself, None the identity.

    **Raises**: `ArgumentError` for a name that is not known, with those that are.

    >>> import wengert as wg
    >>> wg.nn.activation("relu") is wg.relu
    True
    """
    if how is None:
        return identity
    if isinstance(how, str) and how in ACTIVATIONS:
        return ACTIVATIONS[how]
    if not callable(how):
        raise ArgumentError(
            f"there is no activation function {how!r}; there are {', '.join(sorted(ACTIVATIONS))}",
            right='activation="relu"   or   activation=np.tanh',
        )
    return how
