"""Recurrent layers: one step after the other along a sequence, each with the state that the one before has left."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.core.aval import aval_of, promote, shape_of
from wengert.core.errors import ArgumentError, ShapeError
from wengert.nn.dropout import Dropout
from wengert.nn.initializers import Generator, Init, generator, initial
from wengert.nn.linear import as_numbers, check_features, check_size
from wengert.nn.module import Module, Parameter
from wengert.ops.special import relu, sigmoid
from wengert.transform.control import scan


class _Cell(Module):
    """One step. Its state is a tuple of arrays, n_hidden · batch numbers each; what it shows of it is the first.

    Inside, features are rows and the batch is columns. Then a gate is a block without gaps, a row of an array of shape
    (GATES, n_hidden · batch), and in Fortran's order, in which BLAS computes, the small matrix of a product is the
    first, so that it need not rearrange the large one.
    """

    GATES = 1
    STATES = 1
    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        n_in: int,
        n_hidden: int,
        *,
        bias: bool = True,
        weight_init: Init = "fan_in_uniform",
        bias_init: Init = "fan_in_uniform",
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
    ) -> None:
        self.n_in, self.n_hidden = check_size("n_in", n_in), check_size("n_hidden", n_hidden)
        drawn, rows = generator(rng), self.GATES * n_hidden
        fan = (n_hidden, rows)  # of all four: PyTorch's U(−1/√n_hidden, 1/√n_hidden)
        self.weight_ih = initial(weight_init, (rows, n_in), drawn, dtype, fan)
        self.weight_hh = initial(weight_init, (rows, n_hidden), drawn, dtype, fan)
        self.bias_ih = initial(bias_init, (rows,), drawn, dtype, fan) if bias else None
        self.bias_hh = initial(bias_init, (rows,), drawn, dtype, fan) if bias else None

    def given(self, x: Any) -> Any:
        """What the inputs, shape (n_in, …, batch), contribute to the gates of every step."""
        shape = shape_of(x)
        columns = np.reshape(x, (self.n_in, math.prod(shape[1:])))
        y = np.reshape(self.weight_ih @ columns, (self.GATES * self.n_hidden, *shape[1:]))
        y = np.moveaxis(y, 0, -2)
        if self.bias_ih is not None:
            y = y + self._constant()[:, np.newaxis]
        return np.reshape(y, (*shape[1:-1], self.GATES, self.n_hidden * shape[-1]))

    def _constant(self) -> Any:
        bias: Any = self.bias_ih
        return bias + self.bias_hh  # there are both or neither

    def left(self, h: Any) -> Any:
        """What the step before contributes to the gates."""
        return self.by_gates(self.weight_hh @ self.matrix(h))

    def matrix(self, h: Any) -> Any:
        """A state as it is multiplied, with a row for each feature."""
        return np.reshape(h, (self.n_hidden, shape_of(h)[0] // self.n_hidden))

    def by_gates(self, z: Any) -> Any:
        """An array with a row for each gate."""
        return np.reshape(z, (self.GATES, self.n_hidden * shape_of(z)[1]))

    def step(self, state: tuple[Any, ...], given: Any, left: Any) -> tuple[Any, ...]:
        """The state after a step."""
        raise NotImplementedError

    def start(self, state: Any, given: Any, batch: int) -> tuple[Any, ...]:
        """A state as it was given, or zeros, in the dtype of the results."""
        dtype = promote(aval_of(given), aval_of(self.weight_hh))
        if state is None:
            return tuple(np.zeros(self.n_hidden * batch, dtype) for _ in range(self.STATES))
        return tuple(np.reshape(_as(part, promote(aval_of(part), aval_of(given))), -1) for part in state)

    def forward(self, x: Any, state: Any = None) -> Any:
        x = as_numbers(x)
        check_features(self, x, self.n_in)
        lead = shape_of(x)[:-1]
        parts = None if state is None else _parts(self, state, self.STATES)
        for part in parts or ():
            _check_state(self, part, (*lead, self.n_hidden))
        batch = math.prod(lead)
        given = self.given(np.reshape(x, (batch, self.n_in)).T)
        flat = None if parts is None else [np.reshape(part, (batch, self.n_hidden)).T for part in parts]
        start = self.start(flat, given, batch)
        new = self.step(start, given, self.left(start[0]))
        new = tuple(np.reshape(np.reshape(part, (self.n_hidden, batch)).T, (*lead, self.n_hidden)) for part in new)
        return new[0] if self.STATES == 1 else new

    def extra_repr(self) -> str:
        return ", ".join([f"{self.n_in} → {self.n_hidden}", *["bias=False"] * (self.bias_ih is None)])


def _as(value: Any, dtype: Any) -> Any:
    return value if aval_of(value).dtype == dtype else value.astype(dtype)


def _parts(layer: Module, state: Any, count: int) -> list[Any]:
    """The arrays of a state: itself, or those of a pair."""
    if count == 1:
        return [as_numbers(state)]
    if not isinstance(state, (tuple, list)) or len(state) != count:
        raise ArgumentError(
            f"the state of {type(layer).__name__} is a pair (h, c)", wrong="layer(x, h)", right="layer(x, (h, c))"
        )
    return [as_numbers(part) for part in state]


def _check_state(layer: Module, part: Any, want: tuple[int, ...]) -> None:
    if shape_of(part) != want:
        raise ShapeError(
            f"the state of {type(layer).__name__}({layer.extra_repr()}) has shape {shape_of(part)}; "
            f"for this input it has {want}"
        )


class RNNCell(_Cell):
    """One step of a plain recurrent network: h′ = tanh(W_ih x + b_ih + W_hh h + b_hh).

    **Arguments**: `n_in`, `n_hidden`, the numbers of features; `nonlinearity`, "tanh" or "relu"; `bias`,
    `weight_init`, `bias_init` (by default U(−1/√n_hidden, 1/√n_hidden)), `dtype`, `rng` as in `Linear`.
    **Parameters**: `weight_ih`, shape (n_hidden, n_in); `weight_hh`, shape (n_hidden, n_hidden); `bias_ih`, `bias_hh`.
    **Takes** `x`, shape (batch, n_in), and h, shape (batch, n_hidden), zeros by default. **Returns** h′.
    **Raises**: `ShapeError`. **Cost**: two products with matrices.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.RNNCell(3, 4)(np.ones((5, 3))).shape
    (5, 4)

    **Source**: Elman, "Finding structure in time" (1990).
    """

    def __init__(self, n_in: int, n_hidden: int, *, nonlinearity: str = "tanh", **options: Any) -> None:
        super().__init__(n_in, n_hidden, **options)
        if nonlinearity not in ("tanh", "relu"):
            raise ArgumentError(f'nonlinearity is "tanh" or "relu", not {nonlinearity!r}')
        self.nonlinearity = nonlinearity

    def step(self, state: tuple[Any, ...], given: Any, left: Any) -> tuple[Any, ...]:
        z = (given + left)[0]
        return (np.tanh(z) if self.nonlinearity == "tanh" else relu(z),)


class LSTMCell(_Cell):
    """One step with a memory: i, f, o = σ(…), g = tanh(…), c′ = f c + i g, h′ = o tanh c′.

    Each … is W_ih x + b_ih + W_hh h + b_hh with rows of its own, in the order i, f, g, o, as in PyTorch.

    **Arguments**: as `RNNCell`, without `nonlinearity`. **Parameters**: as `RNNCell`, with 4 · n_hidden rows.
    **Takes** `x`, shape (batch, n_in), and (h, c), each of shape (batch, n_hidden). **Returns** (h′, c′).
    **Raises**, **Cost**: as `RNNCell`.

    >>> import numpy as np, wengert as wg
    >>> h, c = wg.nn.LSTMCell(3, 4)(np.ones((5, 3)))
    >>> h.shape, c.shape
    ((5, 4), (5, 4))

    **Source**: Hochreiter & Schmidhuber, "Long short-term memory" (1997); the gate f: Gers, Schmidhuber & Cummins,
    "Learning to forget" (2000).
    """

    GATES = 4
    STATES = 2

    def step(self, state: tuple[Any, ...], given: Any, left: Any) -> tuple[Any, ...]:
        i, f, g, o = given + left
        c = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c


class GRUCell(_Cell):
    """One step with two gates: h′ = (1 − z) n + z h, n = tanh(W_in x + b_in + r (W_hn h + b_hn)), r, z = σ(…).

    Rows stand in the order r, z, n, as in PyTorch; r multiplies after the product with W_hn.

    **Arguments**: as `RNNCell`, without `nonlinearity`. **Parameters**: as `RNNCell`, with 3 · n_hidden rows.
    **Takes** `x`, shape (batch, n_in), and h, shape (batch, n_hidden). **Returns** h′.
    **Raises**, **Cost**: as `RNNCell`.

    >>> import numpy as np, wengert as wg
    >>> wg.nn.GRUCell(3, 4)(np.ones((5, 3))).shape
    (5, 4)

    **Source**: Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014).
    """

    GATES = 3

    def _constant(self) -> Any:
        return self.bias_ih

    def left(self, h: Any) -> Any:
        left = self.weight_hh @ self.matrix(h)
        return self.by_gates(left if self.bias_hh is None else left + self.bias_hh[:, np.newaxis])

    def step(self, state: tuple[Any, ...], given: Any, left: Any) -> tuple[Any, ...]:
        (h,) = state
        (r, z, n), (of_r, of_z, of_n) = given, left
        r, z = sigmoid(r + of_r), sigmoid(z + of_z)
        n = np.tanh(n + r * of_n)
        return (n + z * (h - n),)


class _Recurrent(Module):
    """Layers of one kind of cell, which go through a sequence in one direction or in both."""

    CELL: type[_Cell] = _Cell

    def __init__(
        self,
        n_in: int,
        n_hidden: int,
        n_layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        dtype: Any = np.float64,
        rng: int | Generator | None = None,
        **options: Any,
    ) -> None:
        self.n_in, self.n_hidden = check_size("n_in", n_in), check_size("n_hidden", n_hidden)
        self.n_layers, self.bidirectional = check_size("n_layers", n_layers), bool(bidirectional)
        drawn = generator(rng)
        directions = 2 if bidirectional else 1
        inputs = [n_in] + [directions * n_hidden] * (n_layers - 1)
        self.cells = [
            self.CELL(n, n_hidden, dtype=dtype, rng=drawn, **options) for n in inputs for _ in range(directions)
        ]
        self.dropout = Dropout(dropout, rng=drawn) if dropout else None

    def forward(self, x: Any, state: Any = None) -> Any:
        x = as_numbers(x)
        shape = shape_of(x)
        if len(shape) not in (2, 3) or shape[-1] != self.n_in or not shape[-2]:
            raise ShapeError(
                f"{type(self).__name__}({self.extra_repr()}) takes sequences of shape (batch, time, {self.n_in}) with "
                f"at least one step, not {shape}"
            )
        single = len(shape) == 2
        parts = None if state is None else _parts(self, state, self.CELL.STATES)
        for part in parts or ():
            _check_state(self, part, (len(self.cells), *shape[: 1 - single], self.n_hidden))
        if single:
            x, parts = x[np.newaxis], parts and [part[:, np.newaxis] for part in parts]
        directions = 2 if self.bidirectional else 1
        y, ends = np.transpose(x), []  # (features, time, batch)
        for layer in range(self.n_layers):
            if layer and self.dropout is not None:
                y = self.dropout(y)
            shown = []
            for k in range(directions):
                place = layer * directions + k
                out, end = _along(self.cells[place], y, parts and [part[place].T for part in parts], backwards=k == 1)
                shown.append(out)
                ends.append(end)
            y = shown[0] if directions == 1 else np.concatenate(shown)
        y = np.transpose(y)
        last = [np.stack([end.T for end in part]) for part in zip(*ends, strict=True)]
        if single:
            y, last = y[0], [part[:, 0] for part in last]
        return y, (last[0] if self.CELL.STATES == 1 else tuple(last))

    def extra_repr(self) -> str:
        words = [f"{self.n_in} → {self.n_hidden}", *[f"n_layers={self.n_layers}"] * (self.n_layers > 1)]
        return ", ".join(words + ["bidirectional=True"] * self.bidirectional)


def _along(cell: _Cell, x: Any, state: Any, backwards: bool) -> tuple[Any, tuple[Any, ...]]:
    """A cell's way through a sequence (features, time, batch): what it shows at each step, and its last state."""
    given = cell.given(x)
    start = cell.start(state, given, shape_of(x)[2])

    def step(carry: tuple[Any, ...], now: Any) -> tuple[tuple[Any, ...], Any]:
        after = cell.step(carry, now, cell.left(carry[0]))
        return after, after[0]

    end, shown = scan(step, start, given, reverse=backwards)
    size = (cell.n_hidden, shape_of(x)[2])
    return np.swapaxes(np.reshape(shown, (shape_of(x)[1], *size)), 0, 1), tuple(np.reshape(part, size) for part in end)


class RNN(_Recurrent):
    """A plain recurrent network along a sequence: `RNNCell` at each step.

    **Arguments**: `n_in`, `n_hidden`, the numbers of features; `n_layers`, each of which goes along what the one below
    shows; `bidirectional`: each layer has a second cell that goes from the end to the start, and shows both side by
    side; `dropout`, the share that is left out between layers in training; `nonlinearity`, `bias`, `weight_init`,
    `bias_init`, `dtype`, `rng` as in `RNNCell`.
    **Parameters**: those of `cells`, a list: the cells of the first layer, then those of the next, forward ones first.
    **Takes** `x` of shape (batch, time, n_in), and h at the start, shape (cells, batch, n_hidden), by default zeros; or
    both without the axis of the batch. **Returns** `(y, h)`: what the last layer shows at each step, shape
    (batch, time, n_hidden), or 2 · n_hidden for both directions, and h at the end of each cell's way.
    **Raises**: `ShapeError`.
    **Cost**: a product of matrices for all inputs at once, then one per step; it is a `scan`. Reverse mode has one more
    per step, and one for the gradient of all steps together; it keeps the states, and compiled also the gates.

    >>> import numpy as np, wengert as wg
    >>> y, h = wg.nn.RNN(3, 4, n_layers=2)(np.ones((5, 7, 3)))
    >>> y.shape, h.shape
    ((5, 7, 4), (2, 5, 4))

    **Source**: Elman, "Finding structure in time" (1990); both directions: Schuster & Paliwal, "Bidirectional recurrent
    neural networks" (1997).
    """

    CELL = RNNCell


class LSTM(_Recurrent):
    """Long short-term memory along a sequence: `LSTMCell` at each step.

    **Arguments**, **Parameters**, **Raises**, **Cost**: as `RNN`, without `nonlinearity`. **Takes** `x` and (h, c),
    each of shape (cells, batch, n_hidden). **Returns** `(y, (h, c))`.

    >>> import numpy as np, wengert as wg
    >>> y, (h, c) = wg.nn.LSTM(3, 4, bidirectional=True)(np.ones((5, 7, 3)))
    >>> y.shape, h.shape, c.shape
    ((5, 7, 8), (2, 5, 4), (2, 5, 4))

    **Source**: as `LSTMCell`.
    """

    CELL = LSTMCell


class GRU(_Recurrent):
    """Gated recurrent units along a sequence: `GRUCell` at each step.

    **Arguments**, **Parameters**, **Takes**, **Returns**, **Raises**, **Cost**: as `RNN`, without `nonlinearity`.

    >>> import numpy as np, wengert as wg
    >>> y, h = wg.nn.GRU(3, 4)(np.ones((5, 7, 3)))
    >>> y.shape, h.shape
    ((5, 7, 4), (1, 5, 4))

    **Source**: as `GRUCell`.
    """

    CELL = GRUCell
