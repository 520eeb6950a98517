"""One step of stochastic gradient descent: loss, gradient and update in one function.

Multilayer perceptrons with rectifiers; one output is trained with the margin loss of micrograd's demonstration, several
with the cross entropy of their softmax.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit

RATE = 0.01


def loss(layers: Any, x: Any, y: Any) -> Any:
    """The mean loss of the batch."""
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = np.maximum(x @ w + b, 0)
    scores = x @ weight + bias
    if scores.shape[1] == 1:
        return np.mean(np.maximum(1 - y * scores, 0))
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    normalized = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.sum(y * normalized) / len(y)


def descend(layers: Any, x: Any, y: Any) -> Any:
    """The loss, and the layers after the step."""
    value, gradient = wg.value_and_grad(loss)(layers, x, y)
    updated = [(w - RATE * dw, b - RATE * db) for (w, b), (dw, db) in zip(layers, gradient, strict=True)]
    return value, updated


objective = jit(loss)
step = jit(descend)

FUNCTIONS = ("objective", "step")
