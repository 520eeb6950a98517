"""What is measured: a step of training of one of the networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.gradbench.problem import written
from benchmarks.training import data

#: Each contest's network, loss and update rule.
CONTESTS = {
    "moons": "MLP(2, [16, 16, 1]) on all points at once, largest margin and 10⁻⁴·Σp², float64, SGD",
    "micrograd": "the same step as micrograd's demonstration makes it, number by number, beside our compiled one",
    "perceptron": "a perceptron with rectifiers, cross entropy, float32",
    "digits": "the convolutional network of `wengert train digits`, 8×8 pixels, cross entropy, float32, SGD",
    "lstm": "an LSTM along the rows of a picture, a linear layer of its last state, cross entropy, float32, SGD",
    "gpt": "the transformer of `wengert train gpt`, with about a million weights, cross entropy, float32, AdamW",
}


@dataclass(frozen=True)
class Problem:
    """A contest at a size; `tiny` for the tests."""

    contest: str
    size: tuple[tuple[str, Any], ...]
    memory = False

    @property
    def name(self) -> str:
        """The contest and its size: perceptron widths=784-512-256-10 batch=32 rule=sgd."""
        return " ".join([self.contest, *(f"{key}={written(value)}" for key, value in self.size)])

    @property
    def key(self) -> str:
        """What it is in the peers' tables of programs."""
        return self.contest

    @property
    def tolerance(self) -> float:
        """How far from ours, relatively, a loss may be."""
        return 1e-10 if self.contest in ("moons", "micrograd") else 1e-4

    def arguments(self) -> tuple[Any, ...]:
        """What the programs are made of."""
        return data.arguments(self.contest, dict(self.size))

    def reference(self) -> None:
        """No loss is known otherwise; all are held against ours."""


def listed(sizes: dict[str, list[data.Size]]) -> list[Problem]:
    return [Problem(contest, tuple(size.items())) for contest in CONTESTS for size in sizes[contest]]


def problems(which: str) -> list[Problem]:
    """Every contest; there is one set."""
    return listed(data.SIZES)


def tiny() -> list[Problem]:
    """The same networks as small as can be."""
    return listed(data.TINY)
