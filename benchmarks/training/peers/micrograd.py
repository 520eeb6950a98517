"""micrograd, as its own demonstration trains: `demo.ipynb`, step for step, with the same rate throughout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from micrograd.engine import Value
from micrograd.nn import MLP

from benchmarks.training import data
from benchmarks.training.peers import Training, plain


def numbers(size: data.Size, weights: dict[str, Any], x: Any, y: Any) -> Training:
    model = MLP(2, [16, 16, 1])
    pairs = iter(weights.values())
    for layer, matrix, shifts in zip(model.layers, pairs, pairs, strict=True):
        for neuron, row, shift in zip(layer.neurons, matrix, shifts, strict=True):
            for value, number in zip(neuron.parameters(), [*row, shift], strict=True):
                value.data = float(number)
    points, sides, rate = x.tolist(), y.tolist(), data.RATES[data.rule(size)]

    def step() -> Any:
        inputs = [list(map(Value, point)) for point in points]
        scores = list(map(model, inputs))
        lost = [(1 + -side * score).relu() for side, score in zip(sides, scores, strict=True)]
        loss = sum(lost) * (1.0 / len(lost)) + data.PENALTY * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= rate * p.grad
        return loss.data

    return Training(step)


PROGRAMS: dict[Any, Callable[..., Training]] = {"micrograd": numbers}

__all__ = ["PROGRAMS", "plain"]
