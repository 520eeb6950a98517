"""Small multilayer perceptrons: the loss of a batch, differentiated for all weights."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy

from benchmarks.case import Case


def squared_error(np: Any, layers: Any, x: Any, y: Any) -> Any:
    """Regression: tanh layers, a linear one, the mean squared error."""
    return np.mean((forward(np, layers, x) - y) ** 2)


def cross_entropy(np: Any, layers: Any, x: Any, y: Any) -> Any:
    """Classification: tanh layers, a linear one, the mean cross entropy of its softmax; y holds one 1 in each row."""
    scores = forward(np, layers, x)
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    log_softmax = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(np.sum(y * log_softmax, axis=1))


def forward(np: Any, layers: Any, x: Any) -> Any:
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = np.tanh(np.dot(x, w) + b)
    return np.dot(x, weight) + bias


def inputs(widths: Sequence[int], batch: int, classes: bool) -> tuple[Any, ...]:
    """Layers, a batch of inputs, and targets: values, or classes as rows of an identity matrix."""
    random = numpy.random.default_rng(0)
    layers = [
        (random.standard_normal((n, m)) / numpy.sqrt(n), 0.1 * random.standard_normal(m))
        for n, m in itertools.pairwise(widths)
    ]
    x = random.standard_normal((batch, widths[0]))
    y = random.standard_normal((batch, widths[-1]))
    return layers, x, numpy.eye(widths[-1])[y.argmax(axis=1)] if classes else y


def network(loss: Any, widths: Sequence[int], batch: int) -> Case:
    name = f"MLP {'-'.join(map(str, widths))}, batch {batch}"
    return Case(name, loss, partial(inputs, widths, batch, loss is cross_entropy), memory=True)


def cases(tiny: bool = False) -> list[Case]:
    if tiny:
        return [network(squared_error, (3, 4, 4, 1), 5), network(cross_entropy, (6, 4, 3), 5)]
    return [network(squared_error, (10, 16, 16, 1), 32), network(cross_entropy, (784, 128, 10), 64)]
