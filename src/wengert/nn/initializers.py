"""What parameters are before they are trained.

An initializer is a function of a random generator and a shape. Those that are scaled need to know how many numbers
come in and go out: of a weight of shape (out, in, *kernel), fan_in = in · kernel and fan_out = out · kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError, ShapeError

Generator = np.random.Generator
Shape = tuple[int, ...]
Fans = tuple[int, int]

_default = np.random.default_rng(0)


def seed(number: int) -> None:
    """Start the generator anew from which layers draw their first parameters where none is given to them.

    >>> import wengert as wg
    >>> wg.nn.seed(1)
    >>> first = wg.nn.Linear(2, 2)
    >>> wg.nn.seed(1)
    >>> bool((wg.nn.Linear(2, 2).weight.data == first.weight.data).all())
    True
    """
    global _default
    _default = np.random.default_rng(number)


def generator(rng: int | Generator | None = None) -> Generator:
    """The generator that is meant: a generator itself, a new one from a seed, or for None that of `seed`."""
    if rng is None:
        return _default
    if isinstance(rng, Generator):
        return rng
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(rng)
    raise ArgumentError(
        f"rng is a generator or a seed, not {rng!r}",
        wrong="rng=np.random",
        right="rng=np.random.default_rng(0)   or rng=0",
    )


def fans(shape: Shape) -> Fans:
    """How many numbers come in and go out of a weight of shape (out, in, *kernel); of a vector, its length for both."""
    if len(shape) < 2:
        length = shape[0] if shape else 1
        return length, length
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


# Not scaled ----------------------------------------------------------------------------------------------------------


def zeros(rng: Generator, shape: Shape) -> Any:
    """0 everywhere."""
    return np.zeros(shape)


def ones(rng: Generator, shape: Shape) -> Any:
    """1 everywhere."""
    return np.ones(shape)


def constant(rng: Generator, shape: Shape, value: float = 0.0) -> Any:
    """One value everywhere."""
    return np.full(shape, float(value))


def uniform(rng: Generator, shape: Shape, low: float = 0.0, high: float = 1.0) -> Any:
    """Equally likely everywhere in low ≤ w < high."""
    return rng.uniform(low, high, shape)


def normal(rng: Generator, shape: Shape, mean: float = 0.0, std: float = 1.0) -> Any:
    """The normal distribution."""
    return rng.normal(mean, std, shape)


def truncated_normal(
    rng: Generator, shape: Shape, mean: float = 0.0, std: float = 1.0, low: float = -2.0, high: float = 2.0
) -> Any:
    """The normal distribution without its tails: Φ⁻¹ of what is uniform between Φ(low) and Φ(high).

    `low` and `high` are in units of `std`, which is that of the whole distribution.
    """
    from scipy.special import ndtr, ndtri

    if not low < high:
        raise ArgumentError(f"between {low} and {high} there is nothing", right="low=-2.0, high=2.0")
    inside = ndtri(rng.uniform(ndtr(low), ndtr(high), shape))
    return mean + std * np.clip(inside, low, high)


def orthogonal(rng: Generator, shape: Shape, gain: float = 1.0) -> Any:
    """Rows that are orthonormal (columns, if there are fewer of them), all such matrices being equally likely.

    **Source**: Saxe, McClelland & Ganguli, "Exact solutions to the nonlinear dynamics of learning" (2014); the signs:
    Mezzadri, "How to generate random matrices from the classical compact groups" (2007).
    """
    if len(shape) < 2:
        raise ShapeError(f"a vector of shape {shape} has no rows to be orthogonal", right='bias_init="zeros"')
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return gain * np.reshape(q if rows >= columns else q.T, shape)


# Scaled by the number of inputs and outputs ---------------------------------------------------------------------------


def _spread(rng: Generator, shape: Shape, std: float, is_uniform: bool) -> Any:
    if is_uniform:
        bound = math.sqrt(3.0) * std
        return rng.uniform(-bound, bound, shape)
    return rng.normal(0.0, std, shape)


def _xavier(
    rng: Generator, shape: Shape, gain: float = 1.0, fan: Fans | None = None, *, is_uniform: bool = False
) -> Any:
    return _spread(rng, shape, gain * math.sqrt(2.0 / max(1, sum(fan or fans(shape)))), is_uniform)


def _kaiming(
    rng: Generator,
    shape: Shape,
    gain: float = math.sqrt(2.0),
    mode: str = "fan_in",
    fan: Fans | None = None,
    *,
    is_uniform: bool = False,
) -> Any:
    if mode not in ("fan_in", "fan_out"):
        raise ArgumentError(f'mode is "fan_in" or "fan_out", not {mode!r}')
    count = (fan or fans(shape))[mode == "fan_out"]
    return _spread(rng, shape, gain / math.sqrt(max(1, count)), is_uniform)


def xavier_uniform(rng: Generator, shape: Shape, gain: float = 1.0, fan: Fans | None = None) -> Any:
    """U(−b, b) of variance gain² · 2 / (fan_in + fan_out). **Source**: Glorot & Bengio (AISTATS 2010)."""
    return _xavier(rng, shape, gain, fan, is_uniform=True)


def xavier_normal(rng: Generator, shape: Shape, gain: float = 1.0, fan: Fans | None = None) -> Any:
    """N(0, gain² · 2 / (fan_in + fan_out)). **Source**: Glorot & Bengio (AISTATS 2010)."""
    return _xavier(rng, shape, gain, fan)


def kaiming_uniform(
    rng: Generator, shape: Shape, gain: float = math.sqrt(2.0), mode: str = "fan_in", fan: Fans | None = None
) -> Any:
    """U(−b, b) of variance gain² / fan; the default gain is that of relu. **Source**: He et al. (ICCV 2015)."""
    return _kaiming(rng, shape, gain, mode, fan, is_uniform=True)


def kaiming_normal(
    rng: Generator, shape: Shape, gain: float = math.sqrt(2.0), mode: str = "fan_in", fan: Fans | None = None
) -> Any:
    """N(0, gain² / fan); the default gain is that of relu. **Source**: He et al. (ICCV 2015)."""
    return _kaiming(rng, shape, gain, mode, fan)


def lecun_uniform(rng: Generator, shape: Shape, fan: Fans | None = None) -> Any:
    """U(−b, b) of variance 1 / fan_in. **Source**: LeCun et al., "Efficient backprop" (1998), section 4.6."""
    return _kaiming(rng, shape, 1.0, fan=fan, is_uniform=True)


def lecun_normal(rng: Generator, shape: Shape, fan: Fans | None = None) -> Any:
    """N(0, 1 / fan_in). **Source**: LeCun et al., "Efficient backprop" (1998), section 4.6."""
    return _kaiming(rng, shape, 1.0, fan=fan)


def fan_in_uniform(rng: Generator, shape: Shape, fan: Fans | None = None) -> Any:
    """U(−b, b), b = 1/√fan_in: what PyTorch's layers begin with, weights and biases alike."""
    return _kaiming(rng, shape, math.sqrt(1.0 / 3.0), fan=fan, is_uniform=True)


def gain(activation: str, slope: float = 0.01) -> float:
    """By what to scale the weights before an activation, so that the variance stays what it is (PyTorch's table).

    >>> import wengert as wg
    >>> wg.nn.initializers.gain("tanh")
    1.6666666666666667
    """
    table = {
        "identity": 1.0, "linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75,
        "leaky_relu": math.sqrt(2.0 / (1.0 + slope**2)),
    }  # fmt: skip
    if activation not in table:
        raise ArgumentError(f"no gain is known for {activation!r}; there are {', '.join(sorted(table))}")
    return table[activation]


SCALED: dict[str, Callable[..., Any]] = {
    "xavier_uniform": xavier_uniform, "glorot_uniform": xavier_uniform,
    "xavier_normal": xavier_normal, "glorot_normal": xavier_normal,
    "kaiming_uniform": kaiming_uniform, "he_uniform": kaiming_uniform,
    "kaiming_normal": kaiming_normal, "he_normal": kaiming_normal,
    "lecun_uniform": lecun_uniform, "lecun_normal": lecun_normal, "fan_in_uniform": fan_in_uniform,
}  # fmt: skip
UNSCALED: dict[str, Callable[..., Any]] = {
    "zeros": zeros, "ones": ones, "uniform": uniform, "normal": normal, "truncated_normal": truncated_normal,
    "orthogonal": orthogonal,
}  # fmt: skip

Init = str | float | np.ndarray[Any, Any] | Callable[[Generator, Shape], Any]


def initial(how: Init, shape: Shape, rng: Generator, dtype: Any = np.float64, fan: Fans | None = None) -> Any:
    """The first value of a parameter.

    **Arguments**: `how`, the name of an initializer, a function of generator and shape, a number or an array; `fan`,
    inputs and outputs where the shape does not tell them, as that of a bias. **Returns**: an array of this shape.
    **Raises**: `ArgumentError` for an unknown name, `ShapeError` for an array of another shape.

    >>> import functools, numpy as np
    >>> initial("he_normal", (4, 3), np.random.default_rng(0), np.float32).dtype
    dtype('float32')
    >>> initial(functools.partial(normal, std=0.02), (4, 3), np.random.default_rng(0)).shape
    (4, 3)
    """
    dtype = np.dtype(dtype)
    if dtype.kind != "f":
        raise ArgumentError(f"parameters are floating-point numbers, not {dtype}", right="dtype=np.float32")
    if any(n < 0 for n in shape):
        raise ShapeError(f"a layer cannot have a negative number of inputs or outputs: {shape}")
    if isinstance(how, str):
        if how in SCALED:
            found = SCALED[how](rng, shape, fan=fan)
        elif how in UNSCALED:
            found = UNSCALED[how](rng, shape)
        else:
            raise ArgumentError(
                f"there is no initializer {how!r}; there are {', '.join(sorted({**SCALED, **UNSCALED}))}"
            )
    elif callable(how):
        found = how(rng, shape)
    else:
        found = np.full(shape, float(how)) if isinstance(how, (int, float, np.generic)) else np.asarray(how)
    if np.shape(found) != shape:
        raise ShapeError(f"a parameter of shape {shape} was to begin with values of shape {np.shape(found)}")
    return np.array(found, dtype)
