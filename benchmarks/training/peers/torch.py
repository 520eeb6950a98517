"""PyTorch: modules, `backward`, and the fused update rules; and the same through `torch.compile`.

What is compiled is the loss of the model; the update rule is one fused call already.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.training import data
from benchmarks.training.peers import Training, plain

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

RULES: dict[str, Any] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class Reader(nn.Module):
    """An LSTM and a linear layer of its last state."""

    def __init__(self, features: int, width: int, classes: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, width, batch_first=True)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(x)[1][0][0])


class Block(nn.Module):
    """x + attention(norm(x)), then x + W₂ gelu(W₁ norm(x))."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(features)
        self.attention = nn.Linear(features, 3 * features)
        self.out = nn.Linear(features, features)
        self.norm2 = nn.LayerNorm(features)
        self.inner = nn.Linear(features, 4 * features)
        self.outer = nn.Linear(4 * features, features)

    def forward(self, x: Any) -> Any:
        batch, length, features = x.shape
        parts = self.attention(self.norm1(x)).split(features, dim=2)
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in parts)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(x.shape))
        return x + self.outer(functional.gelu(self.inner(self.norm2(x))))


class GPT(nn.Module):
    """A decoder of characters."""

    def __init__(self, characters: int, length: int, features: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, features)
        self.position = nn.Embedding(length, features)
        self.blocks = nn.Sequential(*(Block(features, heads) for _ in range(blocks)))
        self.norm = nn.LayerNorm(features)
        self.head = nn.Linear(features, characters, bias=False)

    def forward(self, x: Any) -> Any:
        return self.head(self.norm(self.blocks(self.embedding(x) + self.position.weight)))


def perceptron(widths: tuple[int, ...], **_: Any) -> Any:
    layers: list[Any] = []
    for pair in itertools.pairwise(widths):
        layers += [nn.Linear(*pair), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def moons(**_: Any) -> Any:
    return perceptron((2, 16, 16, 1))


def digits(**_: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 4 * 4, 10),
    )  # fmt: skip


def lstm(features: int, width: int, classes: int, **_: Any) -> Any:
    return Reader(features, width, classes)


def gpt(characters: int, length: int, features: int, heads: int, blocks: int, **_: Any) -> Any:
    return GPT(characters, length, features, heads, blocks)


def surprise(model: Any, x: Any, y: Any) -> Any:
    z = model(x)
    return functional.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1))


def margin(model: Any, x: Any, y: Any) -> Any:
    missing = torch.relu(1 - y * model(x)[:, 0]).mean()
    return missing + data.PENALTY * sum((p * p).sum() for p in model.parameters())


def begun(model: Any, weights: dict[str, Any]) -> Any:
    """The model with these weights, which are in the order of its own."""
    model = model.to(torch.tensor(next(iter(weights.values()))).dtype)
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), weights.values(), strict=True):
            if parameter.shape != weight.shape:
                raise ValueError(f"{tuple(parameter.shape)} is not {weight.shape}")
            parameter.copy_(torch.tensor(weight))
    return model


def trained(
    network: Callable[..., Any], loss: Callable[..., Any] = surprise, compiled: bool = False
) -> Callable[..., Training]:
    """Steps that change the model in place."""

    def make(size: data.Size, weights: dict[str, Any], x: Any, y: Any) -> Training:
        model = begun(network(**size), weights)
        name = data.rule(size)
        more = {"weight_decay": data.DECAY} if name == "adamw" else {}
        rule = RULES[name](model.parameters(), lr=data.RATES[name], fused=True, **more)
        inputs, targets = torch.tensor(x), torch.tensor(y)
        value_of = torch.compile(loss, dynamic=False) if compiled else loss

        def step() -> Any:
            rule.zero_grad()
            value = value_of(model, inputs, targets)
            value.backward()
            rule.step()
            return value

        return Training(step, torch.Tensor.item)

    return make


NETWORKS: dict[str, Any] = {
    "moons": (moons, margin), "perceptron": (perceptron,), "digits": (digits,), "lstm": (lstm,), "gpt": (gpt,),
}  # fmt: skip
PROGRAMS: dict[Any, Callable[..., Training]] = {
    **{name: trained(*network) for name, network in NETWORKS.items()},
    **{(name, "compile"): trained(*network, compiled=True) for name, network in NETWORKS.items()},
}

__all__ = ["PROGRAMS", "plain"]
