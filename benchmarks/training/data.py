"""Sizes, first weights and batches, all by a seed. NumPy alone is imported, so that every peer can prepare its own."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

SEED = 6

Size = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]

#: The rates of the update rules; what else they have is as every library has it by default. Adam begins with steps by
#: the sign of each slope, which in float32 is noise where the slope is nearly 0: a small rate keeps losses comparable.
RATES = {"sgd": 0.1, "adam": 1e-4, "adamw": 1e-4}
DECAY = 0.01  # of AdamW
PENALTY = 1e-4  # on the squares of the moons' weights

PERCEPTRON = (784, 512, 256, 10)
GPT = {"characters": 65, "length": 64, "features": 128, "heads": 4, "blocks": 5}

#: What is measured.
SIZES: dict[str, list[Size]] = {
    "moons": [{"batch": 100}],
    "micrograd": [{"batch": 100}],
    "perceptron": [{"widths": PERCEPTRON, "batch": n, "rule": rule} for n in (32, 128) for rule in ("sgd", "adam")],
    "digits": [{"batch": 128}],
    "lstm": [{"features": 28, "width": 128, "classes": 10, "steps": 28, "batch": 32}],
    "gpt": [{**GPT, "batch": 16, "rule": "adamw"}],
}

#: So small that everything is done soon: for the tests.
TINY: dict[str, list[Size]] = {
    "moons": [{"batch": 6}],
    "micrograd": [{"batch": 3}],
    "perceptron": [{"widths": (5, 4, 3), "batch": 6, "rule": rule} for rule in ("sgd", "adam")],
    "digits": [{"batch": 3}],
    "lstm": [{"features": 3, "width": 4, "classes": 3, "steps": 5, "batch": 2}],
    "gpt": [
        {"characters": 7, "length": 5, "features": 4, "heads": 2, "blocks": 2, "batch": 3, "rule": "adamw"},
    ],
}


def rule(size: Size) -> str:
    """Which update rule a contest has."""
    return str(size.get("rule", "sgd"))


def arguments(contest: str, size: Size) -> tuple[Any, ...]:
    """The size, the first weights by their names, the inputs and the targets; the same at every call."""
    random = np.random.default_rng(SEED)
    dtype = np.float64 if contest in ("moons", "micrograd") else np.float32
    weights = {name: drawn(random, name, shape).astype(dtype) for name, shape in SHAPES[contest](**size).items()}
    x, y = BATCHES[contest](random, **size)
    return size, weights, (x.astype(dtype) if x.dtype.kind == "f" else x), y


def drawn(random: Any, name: str, shape: tuple[int, ...]) -> Any:
    """Matrices that keep lengths, shifts about 0, and factors of norms about 1."""
    if name in ("embedding", "position"):
        return 0.02 * random.normal(size=shape)
    if len(shape) == 1:
        return 0.1 * random.normal(size=shape) + ("norm" in name and name.endswith("weight"))
    return random.normal(size=shape) / math.sqrt(math.prod(shape[1:]))


# The weights of each network, in the layout and the order of PyTorch's -----------------------------------------------


def linear(name: str, n_in: int, n_out: int) -> Shapes:
    return {f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)}


def perceptron(widths: tuple[int, ...], **_: Any) -> Shapes:
    shapes: Shapes = {}
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        shapes |= linear(str(i), n_in, n_out)
    return shapes


def moons(**_: Any) -> Shapes:
    return perceptron((2, 16, 16, 1))


def digits(**_: Any) -> Shapes:
    """Two convolutions of 3×3, then a linear layer of what the largest of 2×2 leave."""
    return {
        "0.weight": (16, 1, 3, 3), "0.bias": (16,),
        "1.weight": (32, 16, 3, 3), "1.bias": (32,),
        **linear("2", 32 * 4 * 4, 10),
    }  # fmt: skip


def lstm(features: int, width: int, classes: int, **_: Any) -> Shapes:
    """Rows for the gates i, f, g, o."""
    rows = 4 * width
    return {
        "input": (rows, features), "hidden": (rows, width), "input_bias": (rows,), "hidden_bias": (rows,),
        **linear("head", width, classes),
    }  # fmt: skip


def gpt(characters: int, length: int, features: int, blocks: int, **_: Any) -> Shapes:
    n = features
    shapes: Shapes = {"embedding": (characters, n), "position": (length, n)}
    for i in range(blocks):
        shapes |= {f"{i}.norm1.weight": (n,), f"{i}.norm1.bias": (n,)}
        shapes |= linear(f"{i}.attention", n, 3 * n) | linear(f"{i}.out", n, n)
        shapes |= {f"{i}.norm2.weight": (n,), f"{i}.norm2.bias": (n,)}
        shapes |= linear(f"{i}.inner", n, 4 * n) | linear(f"{i}.outer", 4 * n, n)
    return shapes | {"norm.weight": (n,), "norm.bias": (n,), "head.weight": (characters, n)}


SHAPES: dict[str, Any] = {
    "moons": moons, "micrograd": moons, "perceptron": perceptron, "digits": digits, "lstm": lstm, "gpt": gpt,
}  # fmt: skip


# Batches --------------------------------------------------------------------------------------------------------------


def two_moons(random: Any, batch: int) -> tuple[Any, Any]:
    """Points of two half circles, which reach into each other, with noise; and their sides, ±1."""
    half = batch // 2
    angle = random.uniform(0.0, np.pi, size=batch)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x[half:] = np.array([1.0, 0.5]) - x[half:]
    return x + 0.1 * random.normal(size=x.shape), np.where(np.arange(batch) < half, -1.0, 1.0)


def labelled(random: Any, shape: tuple[int, ...], classes: int) -> tuple[Any, Any]:
    """Numbers from 0 to 1, as of pictures, and a class for each."""
    return random.uniform(size=shape), random.integers(classes, size=shape[0])


def text(random: Any, characters: int, length: int, batch: int, **_: Any) -> tuple[Any, Any]:
    """Numbers of characters, and of those that follow."""
    drawn = random.integers(characters, size=(batch, length + 1))
    return np.ascontiguousarray(drawn[:, :-1]), np.ascontiguousarray(drawn[:, 1:])


BATCHES: dict[str, Any] = {
    "moons": two_moons,
    "micrograd": two_moons,
    "perceptron": lambda random, widths, batch, rule: labelled(random, (batch, widths[0]), widths[-1]),
    "digits": lambda random, batch: labelled(random, (batch, 1, 8, 8), 10),
    "lstm": lambda random, features, width, classes, steps, batch: labelled(random, (batch, steps, features), classes),
    "gpt": text,
}
