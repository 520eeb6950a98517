"""The network of the lecture: neurons that add and multiply single numbers, and the same network in arrays."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.activations import activation as function
from wengert.nn.linear import Activation, Linear, check_size, name_of
from wengert.nn.module import Module, Parameter
from wengert.transform.tape import Variable

Engine = Literal["scalar", "array"]


def _draws(rng: Any) -> Any:
    """What has `uniform(low, high)`: Python's module `random`, one of its generators, or one of NumPy's."""
    if rng is None:
        return random
    return random.Random(int(rng)) if isinstance(rng, (int, np.integer)) else rng


class Neuron(Module):
    """One neuron: f(Σ wᵢ xᵢ + b), on single numbers.

    **Arguments**: `n_in`; `activation`, a name or a function; `bias`, the first value of b, or "uniform" to draw it as
    the weights are drawn, uniformly from −1 to 1; `rng`: by default Python's `random`, else a seed or a generator.
    **Parameters**: `w`, a list of n_in numbers; `b`. **Takes** a sequence of n_in numbers. **Returns** a number.
    **Raises**: `ShapeError` for another number of inputs. **Cost**: n_in products and sums, a node each on the tape.

    >>> import wengert as wg
    >>> neuron = wg.nn.Neuron(2, activation="tanh")
    >>> neuron.w[0].data, neuron.w[1].data, neuron.b.data = -3.0, 1.0, 6.8813735870195432
    >>> out = neuron([2.0, 0.0])
    >>> out.backward()
    >>> float(round(out.data, 7)), float(round(neuron.w[0].grad, 7))
    (0.7071068, 1.0)

    **Source**: Karpathy, micrograd (2020).
    """

    w: list[Parameter]
    b: Parameter

    def __init__(
        self, n_in: int, activation: Activation = "relu", *, bias: float | Literal["uniform"] = 0.0, rng: Any = None
    ) -> None:
        draws = _draws(rng)
        self.n_in, self.activation = check_size("n_in", n_in), activation
        function(activation)
        self.w = [float(draws.uniform(-1, 1)) for _ in range(n_in)]
        self.b = float(draws.uniform(-1, 1)) if bias == "uniform" else float(bias)

    def forward(self, x: Any) -> Any:
        if len(x) != self.n_in:
            raise ShapeError(
                f"Neuron({self.extra_repr()}) takes {self.n_in} numbers, not {len(x)}",
                wrong=f"neuron([…])   # {len(x)} numbers",
                right=f"neuron([…])   # {self.n_in} numbers",
            )
        total = self.b
        for w, value in zip(self.w, x, strict=True):
            total = total + w * value
        return function(self.activation)(total)

    def extra_repr(self) -> str:
        return ", ".join([f"{self.n_in} → 1", *([] if self.activation is None else [name_of(self.activation)])])


class Layer(Module):
    """Neurons side by side, all with the same inputs.

    **Arguments**: `n_in`, `n_out`; the others as in `Neuron`. **Takes** a sequence of n_in numbers.
    **Returns** a list of n_out numbers, or for n_out = 1 the number itself, as in the lecture.

    >>> import wengert as wg
    >>> len(wg.nn.Layer(3, 4)([1.0, 2.0, 3.0]))
    4
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: Activation = "relu",
        *,
        bias: float | Literal["uniform"] = 0.0,
        rng: Any = None,
    ) -> None:
        draws = _draws(rng)
        self.neurons = [Neuron(n_in, activation, bias=bias, rng=draws) for _ in range(check_size("n_out", n_out))]

    def forward(self, x: Any) -> Any:
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out


class MLP(Module):
    """A multilayer perceptron: layers that are fully connected, one after the other.

    With the engine "scalar" it is the lecture's: every weight is a Variable of its own, and the tape has a node for
    every product and sum. With "array" it is the same function in matrices: the same numbers, drawn in the same order,
    for whole batches at once, compiled where speed matters.

    **Arguments**: `n_in`; `n_outs`, the numbers of neurons in each layer; `activation` of the hidden layers,
    `last_activation` of the last one (None: linear); `bias`, `rng` as in `Neuron`; `engine`; `dtype`, for arrays.
    **Takes** a sequence of n_in numbers; with arrays also a batch of shape (…, n_in).
    **Returns** a list of numbers, or an array of shape (…, n_out); for a single output without that axis.
    **Raises**: `ShapeError` for another number of inputs.
    **Cost**: with scalars some microseconds per weight, forwards and again backwards; arrays: as `Linear`.

    >>> import random, wengert as wg
    >>> model = wg.nn.MLP(3, [4, 4, 1], activation="tanh", last_activation="tanh", rng=1)
    >>> model.num_parameters
    41
    >>> same = wg.nn.MLP(3, [4, 4, 1], activation="tanh", last_activation="tanh", rng=1, engine="array")
    >>> bool(abs(model([2.0, 3.0, -1.0]).data - same([2.0, 3.0, -1.0]).data) < 1e-15)
    True

    **Source**: Karpathy, micrograd (2020).
    """

    def __init__(
        self,
        n_in: int,
        n_outs: Sequence[int],
        activation: Activation = "relu",
        last_activation: Activation = None,
        *,
        engine: Engine = "scalar",
        bias: float | Literal["uniform"] = 0.0,
        dtype: Any = np.float64,
        rng: Any = None,
    ) -> None:
        if isinstance(n_outs, (int, np.integer)) or len(n_outs) == 0:
            raise ArgumentError(
                f"n_outs has a number of neurons for each layer, not {n_outs!r}",
                wrong="MLP(3, 4)",
                right="MLP(3, [4, 4, 1])",
            )
        if engine not in ("scalar", "array"):
            raise ArgumentError(f'engine is "scalar" or "array", not {engine!r}')
        draws, sizes = _draws(rng), [n_in, *n_outs]
        how = [activation] * (len(n_outs) - 1) + [last_activation]
        layers = [
            Layer(before, after, f, bias=bias, rng=draws)
            for before, after, f in zip(sizes[:-1], sizes[1:], how, strict=True)
        ]
        self.layers: list[Any] = layers if engine == "scalar" else [_in_arrays(layer, dtype) for layer in layers]

    def forward(self, x: Any) -> Any:
        is_scalar = isinstance(self.layers[0], Layer)
        out = x = x if is_scalar or hasattr(x, "shape") else np.asarray(x)
        for layer in self.layers:
            out = layer(x)
            x = [out] if is_scalar and not isinstance(out, list) else out
        return out if is_scalar or shape_of(out)[-1] != 1 else out[..., 0]


def _in_arrays(layer: Layer, dtype: Any) -> Linear:
    """The layer as a product of matrices, with the same numbers."""
    neurons = layer.neurons
    weight = np.array([[_number(w) for w in neuron.w] for neuron in neurons])
    bias = np.array([_number(neuron.b) for neuron in neurons])
    first = neurons[0]
    return Linear(
        first.n_in, len(neurons), activation=first.activation, weight_init=weight, bias_init=bias, dtype=dtype, rng=0
    )


def _number(value: Any) -> float:
    return float(value.data if isinstance(value, Variable) else value)
