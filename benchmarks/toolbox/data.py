"""The inputs: their sizes and how they are made. NumPy alone is imported, so that every peer can prepare its own."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from benchmarks.gradbench.data import BUNDLES, ba

SEED = 11

Size = dict[str, Any]

#: What is measured unless more is asked for.
QUICK: dict[str, list[Size]] = {
    "bundle": [{"n": 49, "m": 7776, "p": 31843}],
    "logistic": [{"n": 100000, "d": 20}],
    "rosenbrock": [{"n": 1000}],
    "network": [{"widths": (20, 32, 32, 1), "batch": 256}],
    "exp_sin": [{"points": 1, "order": 10}, {"points": 1000, "order": 5}, {"points": 1000, "order": 10}],
    "tanh_network": [{"widths": (16, 64, 64, 1), "order": 5}, {"widths": (16, 64, 64, 1), "order": 10}],
    "scan": [{"steps": 10000, "width": 16}, {"steps": 100000, "width": 16}],
    "while": [{"width": 16, "rate": 0.1}, {"width": 16, "rate": 0.001}],
    "lotka": [{"times": 21}],
    "linear": [{"n": 50, "times": 5}],
    "batch": [{"widths": (20, 32, 32, 1), "batch": 256}],
}

#: More sizes.
FULL: dict[str, list[Size]] = QUICK | {
    "bundle": [{"n": n, "m": m, "p": p} for n, m, p in BUNDLES if p < 200000],
    "scan": [*QUICK["scan"], {"steps": 1000000, "width": 16}],
}

#: So small that everything is done in milliseconds: for the tests.
TINY: dict[str, Size] = {
    "bundle": {"n": 2, "m": 3, "p": 7},
    "logistic": {"n": 9, "d": 3},
    "rosenbrock": {"n": 5},
    "network": {"widths": (3, 4, 1), "batch": 5},
    "exp_sin": {"points": 4, "order": 3},
    "tanh_network": {"widths": (3, 4, 1), "order": 3},
    "scan": {"steps": 30, "width": 3},
    "while": {"width": 3, "rate": 0.2},
    "lotka": {"times": 3},
    "linear": {"n": 3, "times": 3},
    "batch": {"widths": (3, 4, 1), "batch": 5},
}

CLOSE = 1e-3  # where the loop of "while" ends, so early that its derivative depends on the rates
ACCURACY = 1e-9  # asked of the solvers of differential equations


def arguments(contest: str, size: Size) -> tuple[Any, ...]:
    """What the programs are called with, the same at every call."""
    return ARGUMENTS[contest](np.random.default_rng(SEED), **size)


def bundle(random: Any, n: int, m: int, p: int) -> tuple[Any, ...]:
    """Cameras (n, 11), points (m, 3), weights, features and pairs: observation i is of camera i mod n and so on."""
    given = ba(random, n, m, p)
    each = np.arange(p)
    return (
        given["cam"] * (1 + 0.1 * random.normal(size=(n, 11))),
        given["x"] * (1 + 0.1 * random.normal(size=(m, 3))),
        random.uniform(0.5, 1.0, size=p),
        random.normal(scale=300.0, size=(p, 2)),
        np.stack([each % n, each % m], axis=1),
    )


def logistic(random: Any, n: int, d: int) -> tuple[Any, ...]:
    """Weights, a direction, the data and its labels."""
    w, v, x = 0.3 * random.normal(size=d), random.normal(size=d), random.normal(size=(n, d))
    return w, v, x, np.where(random.uniform(size=n) < 1 / (1 + np.exp(-x @ w)), 1.0, -1.0)


def rosenbrock(random: Any, n: int) -> tuple[Any, ...]:
    return random.uniform(size=n), random.normal(size=n)


def layers(random: Any, widths: tuple[int, ...]) -> Any:
    return [
        (random.normal(size=(n, m)) / np.sqrt(n), 0.1 * random.normal(size=m)) for n, m in itertools.pairwise(widths)
    ]


def network(random: Any, widths: tuple[int, ...], batch: int) -> tuple[Any, ...]:
    """Layers, a direction like them, a batch and its targets."""
    net, along = layers(random, widths), layers(random, widths)
    return net, along, random.normal(size=(batch, widths[0])), random.normal(size=(batch, widths[-1]))


def exp_sin(random: Any, points: int, order: int) -> tuple[Any, ...]:
    """A number, or an array of them."""
    return (0.7 if points == 1 else random.uniform(-2, 2, size=points)), order


def tanh_network(random: Any, widths: tuple[int, ...], order: int) -> tuple[Any, ...]:
    """Layers, a point and a direction."""
    return layers(random, widths), random.normal(size=widths[0]), random.normal(size=widths[0]), order


def scan(random: Any, steps: int, width: int) -> tuple[Any, ...]:
    """A matrix that keeps lengths but for 1 %, the start, what is added at each step, and how many there are."""
    turn = np.linalg.qr(random.normal(size=(width, width)))[0]
    return 0.99 * turn, random.normal(size=width), 0.1 * random.normal(size=width), steps


def while_(random: Any, width: int, rate: float) -> tuple[Any, ...]:
    """Rates of convergence, the target, and the start; the smaller the rate, the longer the loop."""
    return rate * random.uniform(0.5, 1.0, size=width), random.normal(size=width), np.zeros(width)


def lotka(random: Any, times: int) -> tuple[Any, ...]:
    """Rates, the start, and times."""
    return np.array([1.5, 1.0, 1.0, 3.0]), np.array([1.0, 1.0]), np.linspace(0.0, 10.0, times)


def linear(random: Any, n: int, times: int) -> tuple[Any, ...]:
    """The matrix of y' = A·y, whose solutions turn and do not grow, the start, and times."""
    a = random.normal(size=(n, n)) / np.sqrt(n)
    return (a - a.T) / 2, random.normal(size=n), np.linspace(0.0, 4.0, times)


def batched(random: Any, widths: tuple[int, ...], batch: int) -> tuple[Any, ...]:
    """Layers, a batch and its targets."""
    net, _, x, y = network(random, widths, batch)
    return net, x, y


ARGUMENTS: dict[str, Any] = {
    "bundle": bundle, "logistic": logistic, "rosenbrock": rosenbrock, "network": network, "exp_sin": exp_sin,
    "tanh_network": tanh_network, "scan": scan, "while": while_, "lotka": lotka, "linear": linear,
    "batch": batched,
}  # fmt: skip
