"""Layers that are a product of matrices, and those that put others together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.activations import activation, elu, gelu, leaky_relu, log_softmax, selu, silu, softmax
from wengert.nn.initializers import Generator, Init, generator, initial
from wengert.nn.module import Module, Parameter
from wengert.ops.special import relu, sigmoid, softplus

Activation = str | Callable[[Any], Any] | None


def as_numbers(x: Any) -> Any:
    """A list of numbers as an array."""
    return np.asarray(x) if isinstance(x, (list, tuple)) else x


def check_size(name: str, value: Any) -> int:
    """A number of features, channels or the like."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ArgumentError(f"{name} is a whole number, at least 1, not {value!r}")
    return int(value)


class Linear(Module):
    """A linear map and a shift: y = x Wᵀ + b, and then an activation function if there is one.

    **Arguments**: `n_in`, `n_out`, the numbers of features; `bias=False` leaves the shift out; `activation`, a name
    or a function; `weight_init`, `bias_init`: a name, a function of generator and shape, a number or an array (by
    default PyTorch's U(−1/√n_in, 1/√n_in)); `dtype`; `rng`, a generator or a seed.
    **Parameters**: `weight`, shape (n_out, n_in); `bias`, shape (n_out,), or None.
    **Takes** `x` of shape (…, n_in). **Returns** an array of shape (…, n_out).
    **Raises**: `ShapeError` for another number of features. **Cost**: 2 · n_in · n_out operations a row.

    >>> import numpy as np, wengert as wg
    >>> layer = wg.nn.Linear(3, 2, rng=0)
    >>> layer(np.ones((5, 3))).shape
    (5, 2)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        bias: bool = True,
        activation: Activation = None,
        weight_init: Init = "fan_in_uniform",
        bias_init: Init = "fan_in_uniform",
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        self.n_in, self.n_out = check_size("n_in", n_in), check_size("n_out", n_out)
        self.activation = activation
        _activation(activation)
        drawn, fan = generator(rng), (n_in, n_out)
        self.weight = initial(weight_init, (n_out, n_in), drawn, dtype, fan)
        self.bias = initial(bias_init, (n_out,), drawn, dtype, fan) if bias else None

    def forward(self, x: Any) -> Any:
        x = as_numbers(x)
        check_features(self, x, self.n_in)
        y = x @ self.weight.T
        if self.bias is not None:
            y = y + self.bias
        return y if self.activation is None else _activation(self.activation)(y)

    def extra_repr(self) -> str:
        words = [f"{self.n_in} → {self.n_out}", *["bias=False"] * (self.bias is None)]
        return ", ".join(words + ([] if self.activation is None else [name_of(self.activation)]))


_activation = activation


def name_of(how: Any) -> str:
    """What a function is called in print."""
    return how if isinstance(how, str) else getattr(how, "__name__", type(how).__name__)


def check_features(layer: Module, x: Any, n: int) -> None:
    """The last axis of x must have n elements."""
    shape = shape_of(x)
    if not shape or shape[-1] != n:
        raise ShapeError(
            f"{type(layer).__name__}({layer.extra_repr()}) takes arrays of shape (…, {n}), not {shape}",
            wrong=f"layer(np.zeros({shape}))",
            right=f"layer(np.zeros({(*shape[:-1], n)}))   or a layer for {shape[-1] if shape else 1} features",
        )


class Bilinear(Module):
    """A form in two vectors: yₖ = Σᵢⱼ xᵢ Wₖᵢⱼ zⱼ + bₖ.

    **Arguments**: `n_first`, `n_second`, `n_out`; the others as in `Linear`.
    **Parameters**: `weight`, shape (n_out, n_first, n_second); `bias`, shape (n_out,), or None.
    **Takes** `x`, shape (…, n_first), and `z`, shape (…, n_second). **Returns** an array of shape (…, n_out).
    **Raises**: `ShapeError`. **Cost**: 2 · n_first · n_second · n_out operations a row.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.Bilinear(3, 2, 4)(np.ones((5, 3)), np.ones((5, 2))).shape
    (5, 4)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        n_first: int,
        n_second: int,
        n_out: int,
        *,
        bias: bool = True,
        weight_init: Init = "fan_in_uniform",
        bias_init: Init = "fan_in_uniform",
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        self.n_first, self.n_second = check_size("n_first", n_first), check_size("n_second", n_second)
        self.n_out = check_size("n_out", n_out)
        drawn, fan = generator(rng), (n_first, n_out)  # PyTorch's choice, too
        self.weight = initial(weight_init, (n_out, n_first, n_second), drawn, dtype, fan)
        self.bias = initial(bias_init, (n_out,), drawn, dtype, fan) if bias else None

    def forward(self, x: Any, z: Any) -> Any:
        x, z = as_numbers(x), as_numbers(z)
        check_features(self, x, self.n_first)
        check_features(self, z, self.n_second)
        y = np.einsum("...i,kij,...j->...k", x, self.weight, z)
        return y if self.bias is None else y + self.bias


# Put together ---------------------------------------------------------------------------------------------------------


class Sequential(Module):
    """Layers one after the other; a layer is a module or any function.

    **Arguments**: the layers. **Takes** what the first one takes. **Returns** what the last one returns; without
    layers, what was given. It has a length, and `model[0]` is a layer, `model[1:]` a Sequential of the same layers.

    >>> import numpy as np, wengert as wg
    >>> model = wg.nn.Sequential(wg.nn.Linear(3, 4), np.tanh, wg.nn.Linear(4, 1))
    >>> model(np.ones((5, 3))).shape
    (5, 1)
    """

    def __init__(self, *layers: Any) -> None:
        for layer in layers:
            if not callable(layer):
                raise ArgumentError(
                    f"a layer is a module or a function, not a {type(layer).__name__}",
                    wrong="Sequential([first, second])",
                    right="Sequential(first, second)   or Sequential(*layers)",
                )
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, place: int | slice) -> Any:
        return Sequential(*self.layers[place]) if isinstance(place, slice) else self.layers[place]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)


class Identity(Module):
    """x itself: a place where another layer may stand."""

    def forward(self, x: Any) -> Any:
        return x


class Flatten(Module):
    """All axes from `start` on in one: (batch, channels, height, width) becomes (batch, features).

    >>> import numpy as np, wengert as wg
    >>> wg.nn.Flatten()(np.ones((5, 2, 3, 4))).shape
    (5, 24)
    """

    def __init__(self, start: int = 1) -> None:
        self.start = start

    def forward(self, x: Any) -> Any:
        shape = shape_of(x)
        if not 0 <= self.start < max(1, len(shape)):
            raise ShapeError(f"Flatten from axis {self.start} on takes arrays with that axis, not of shape {shape}")
        return np.reshape(x, (*shape[: self.start], int(np.prod(shape[self.start :]))))


class Lambda(Module):
    """A function as a module, so that it has a line in the summary.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.Lambda(np.square)(3.0)
    np.float64(9.0)
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        if not callable(f):
            raise ArgumentError(f"Lambda takes a function, not a {type(f).__name__}")
        self.f = f

    def forward(self, *args: Any) -> Any:
        return self.f(*args)


# Activation functions as modules --------------------------------------------------------------------------------------


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Any) -> Any:
        return relu(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Any) -> Any:
        return np.tanh(x)


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, x: Any) -> Any:
        return sigmoid(x)


class SiLU(Module):
    """See `silu`."""

    def forward(self, x: Any) -> Any:
        return silu(x)


class Softplus(Module):
    """ln(1 + eˣ)."""

    def forward(self, x: Any) -> Any:
        return softplus(x)


class SELU(Module):
    """See `selu`."""

    def forward(self, x: Any) -> Any:
        return selu(x)


class GELU(Module):
    """See `gelu`."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        return gelu(x, self.approximate)


class LeakyReLU(Module):
    """See `leaky_relu`."""

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = float(slope)

    def forward(self, x: Any) -> Any:
        return leaky_relu(x, self.slope)


class ELU(Module):
    """See `elu`."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = float(alpha)

    def forward(self, x: Any) -> Any:
        return elu(x, self.alpha)


class Softmax(Module):
    """See `softmax`."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return softmax(x, self.axis)


class LogSoftmax(Module):
    """See `log_softmax`."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return log_softmax(x, self.axis)
