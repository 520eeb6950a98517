"""Wengert: `nn.train_step`, which is what its users write; and the lecture's way, number by number."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import wengert as wg
from benchmarks.training import data
from benchmarks.training.peers import Training, plain
from wengert import nn
from wengert.runs import digits as digits_run
from wengert.runs.gpt import GPT

RULES = {"sgd": wg.optim.SGD, "adam": wg.optim.Adam, "adamw": wg.optim.AdamW}


class Reader(nn.Module):
    """An LSTM and a linear layer of its last state."""

    def __init__(self, features: int, width: int, classes: int) -> None:
        self.lstm = nn.LSTM(features, width, dtype="float32")
        self.head = nn.Linear(width, classes, dtype="float32")

    def forward(self, x: Any) -> Any:
        _, (h, _) = self.lstm(x)
        return self.head(h[0])


def perceptron(widths: tuple[int, ...], **_: Any) -> Any:
    *hidden, last = itertools.pairwise(widths)
    layers = [nn.Linear(*pair, activation="relu", dtype="float32") for pair in hidden]
    return nn.Sequential(*layers, nn.Linear(*last, dtype="float32"))


def moons(**_: Any) -> Any:
    return nn.MLP(2, [16, 16, 1], engine="array")


def digits(**_: Any) -> Any:
    return digits_run.network(0)


def lstm(features: int, width: int, classes: int, **_: Any) -> Any:
    return Reader(features, width, classes)


def gpt(characters: int, length: int, features: int, heads: int, blocks: int, **_: Any) -> Any:
    return GPT(characters, length, features, heads, blocks, rng=0)


def surprise(model: Any, x: Any, y: Any) -> Any:
    return nn.cross_entropy(model(x), y)


def margin(model: Any, x: Any, y: Any) -> Any:
    return nn.hinge(model(x), y) + nn.l2_penalty(model, data.PENALTY)


def begun(model: Any, weights: dict[str, Any]) -> Any:
    """The model with these weights, which are in the order of its own."""
    return model.load_state_dict(dict(zip(model.state_dict(), weights.values(), strict=True)))


def optimizer(size: data.Size, *params: Any) -> Any:
    rule = data.rule(size)
    more = {"weight_decay": data.DECAY} if rule == "adamw" else {}
    return RULES[rule](*params, lr=data.RATES[rule], **more)


def compiled(network: Callable[..., Any], loss: Callable[..., Any] = surprise) -> Callable[..., Training]:
    """Steps by `nn.train_step`."""

    def make(size: data.Size, weights: dict[str, Any], x: Any, y: Any) -> Training:
        model, rule = begun(network(**size), weights), optimizer(size)
        state, advance = rule.init(model), nn.train_step(loss, rule)

        def step() -> Any:
            nonlocal model, state
            model, state, value = advance(model, state, x, y)
            return value

        return Training(step)

    return make


def numbers(size: data.Size, weights: dict[str, Any], x: Any, y: Any) -> Training:
    """The lecture's loop: one Variable for each weight, one node for each product and sum."""
    model = nn.MLP(2, [16, 16, 1])
    pairs = iter(weights.values())
    for layer, matrix, shifts in zip(model.layers, pairs, pairs, strict=True):
        for neuron, row, shift in zip(layer.neurons, matrix, shifts, strict=True):
            for variable, number in zip(neuron.parameters(), [*row, shift], strict=True):
                variable.data = float(number)
    points, sides, rule = x.tolist(), y.tolist(), optimizer(size, model)

    def step() -> Any:
        scores = [model(point) for point in points]
        lost = [nn.relu(1 - side * score) for side, score in zip(sides, scores, strict=True)]
        loss = sum(lost) * (1 / len(lost)) + data.PENALTY * sum(p * p for p in model.parameters())
        rule.zero_grad()
        loss.backward()
        rule.step()
        return loss.data

    return Training(step)


PROGRAMS: dict[Any, Callable[..., Training]] = {
    "moons": compiled(moons, margin),
    "micrograd": compiled(moons, margin),
    "perceptron": compiled(perceptron),
    "digits": compiled(digits),
    "lstm": compiled(lstm),
    "gpt": compiled(gpt),
    ("micrograd", "scalar"): numbers,
}

__all__ = ["PROGRAMS", "plain"]
