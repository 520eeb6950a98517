"""The loss of an LSTM with diagonal weights that predicts the next character of a text, and its gradient.

Shapes: main_params (2L, 4b), rows weight and bias of each layer; extra_params (3, b); state (2L, b), rows hidden and
cell of each layer; sequence (c, b).

Source: ADBench, as GradBench's evaluation `lstm` has it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit


def loss(main_params: Any, extra_params: Any, state: Any, sequence: Any) -> Any:
    """−mean of target · (y − ln(Σ exp y + 2)), over all characters but the first."""
    layers = len(main_params) // 2
    weights, biases = main_params[::2].reshape(layers, 4, -1), main_params[1::2].reshape(layers, 4, -1)
    into, out, bias = extra_params

    def step(carry: Any, x: Any) -> Any:
        following = []
        for layer, (hidden, cell) in enumerate(carry):
            hidden, cell = memory(weights[layer], biases[layer], hidden, cell, x)
            following.append((hidden, cell))
            x = hidden
        return tuple(following), x

    start = tuple((state[2 * layer], state[2 * layer + 1]) for layer in range(layers))
    _, hidden = wg.scan(step, start, sequence[:-1] * into)
    y = hidden * out + bias
    normalized = y - np.log(np.sum(np.exp(y), axis=1, keepdims=True) + 2)
    return -np.mean(sequence[1:] * normalized)


def memory(weight: Any, bias: Any, hidden: Any, cell: Any, x: Any) -> tuple[Any, Any]:
    """A layer's next hidden and cell state; the four rows are the gates forget, in, out and change."""
    forget = wg.sigmoid(x * weight[0] + bias[0])
    enter = wg.sigmoid(hidden * weight[1] + bias[1])
    leave = wg.sigmoid(x * weight[2] + bias[2])
    change = np.tanh(hidden * weight[3] + bias[3])
    cell = cell * forget + enter * change
    return leave * np.tanh(cell), cell


def gradient(main_params: Any, extra_params: Any, state: Any, sequence: Any) -> Any:
    """For both kinds of parameters, one after the other."""
    main, extra = wg.grad(loss, argnums=(0, 1))(main_params, extra_params, state, sequence)
    return np.concatenate([main.ravel(), extra.ravel()])


objective = jit(loss)
jacobian = jit(gradient)


FUNCTIONS = ("objective", "jacobian")


def report(function: str, result: Any) -> Any:
    """The result as the protocol wants it."""
    return float(result) if function == "objective" else result.tolist()
