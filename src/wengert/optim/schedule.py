"""Learning rates as functions of the number of steps done, 0 before the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wengert.core.errors import ArgumentError
from wengert.optim.optimizer import at_least_zero

Schedule = Callable[[Any], Any]


@dataclass(frozen=True)
class Constant:
    """Always lr.

    >>> from wengert.optim import Constant
    >>> Constant(0.1)(7)
    0.1
    """

    lr: float

    def __post_init__(self) -> None:
        at_least_zero("lr", self.lr)

    def __call__(self, k: Any) -> Any:
        return self.lr + 0.0 * k


@dataclass(frozen=True)
class StepDecay:
    """lr · factor^⌊k/every⌋: smaller by a factor after every so many steps.

    >>> from wengert.optim import StepDecay
    >>> [StepDecay(0.8, every=2, factor=0.5)(k) for k in range(5)]
    [0.8, 0.8, 0.4, 0.4, 0.2]
    """

    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        at_least_zero("lr", self.lr)
        _positive("every", self.every)
        at_least_zero("factor", self.factor)

    def __call__(self, k: Any) -> Any:
        return self.lr * self.factor ** (k // self.every)


@dataclass(frozen=True)
class ExponentialDecay:
    """lr · factorᵏ.

    >>> from wengert.optim import ExponentialDecay
    >>> [ExponentialDecay(1.0, factor=0.5)(k) for k in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    lr: float
    factor: float

    def __post_init__(self) -> None:
        at_least_zero("lr", self.lr)
        at_least_zero("factor", self.factor)

    def __call__(self, k: Any) -> Any:
        return self.lr * self.factor**k


@dataclass(frozen=True)
class CosineDecay:
    """end + (lr − end)·(1 + cos(πk/steps))/2 up to k = steps, and `end` from there on.

    >>> from wengert.optim import CosineDecay
    >>> [round(float(CosineDecay(1.0, steps=4)(k)), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]

    **Source**: Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017).
    """

    lr: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        at_least_zero("lr", self.lr)
        _positive("steps", self.steps)
        at_least_zero("end", self.end)

    def __call__(self, k: Any) -> Any:
        return self.end + (self.lr - self.end) * (1 + np.cos(np.pi * np.minimum(k, self.steps) / self.steps)) / 2


@dataclass(frozen=True)
class LinearDecay:
    """lr + (end − lr)·k/steps up to k = steps, and `end` from there on.

    `LinearDecay(1.0, 100, end=0.1)` is 1 − 0.9k/100.

    >>> from wengert.optim import LinearDecay
    >>> [float(LinearDecay(1.0, 100, end=0.1)(k)) for k in (0, 10, 100, 200)]
    [1.0, 0.91, 0.1, 0.1]
    """

    lr: float
    steps: int
    end: float = 0.0

    def __post_init__(self) -> None:
        at_least_zero("lr", self.lr)
        _positive("steps", self.steps)
        at_least_zero("end", self.end)

    def __call__(self, k: Any) -> Any:
        return self.lr + (self.end - self.lr) * np.minimum(k, self.steps) / self.steps


@dataclass(frozen=True)
class WarmUp:
    """then(0)·(k + 1)/(steps + 1) for the first steps, then `then`, which counts from its own start.

    The first rate is not 0, so that the first step is not lost.

    >>> from wengert.optim import LinearDecay, WarmUp
    >>> [round(float(WarmUp(3, LinearDecay(0.4, 4))(k)), 3) for k in range(8)]
    [0.1, 0.2, 0.3, 0.4, 0.3, 0.2, 0.1, 0.0]

    **Source**: Goyal et al., "Accurate, large minibatch SGD" (2017).
    """

    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        _positive("steps", self.steps)
        _callable("then", self.then)

    def __call__(self, k: Any) -> Any:
        rise = self.then(0) * (k + 1) / (self.steps + 1)
        return np.where(k < self.steps, rise, self.then(np.maximum(k - self.steps, 0)))


@dataclass(frozen=True)
class Chain:
    """One schedule after the other; the next begins at each of `ends`, and counts from there.

    >>> from wengert.optim import Chain, Constant, ExponentialDecay
    >>> rate = Chain([Constant(1.0), ExponentialDecay(0.5, 0.5)], ends=[2])
    >>> [float(rate(k)) for k in range(5)]
    [1.0, 1.0, 0.5, 0.25, 0.125]
    """

    schedules: Sequence[Schedule]
    ends: Sequence[int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedules", tuple(self.schedules))
        object.__setattr__(self, "ends", tuple(self.ends))
        for schedule in self.schedules:
            _callable("a schedule of Chain", schedule)
        rising = all(a < b for a, b in zip((0, *self.ends), self.ends, strict=False))
        if len(self.ends) != len(self.schedules) - 1 or not rising:
            raise ArgumentError(
                f"{len(self.schedules)} schedules need {len(self.schedules) - 1} ends, each after the one before, and "
                f"were given {list(self.ends)}",
                wrong="Chain([a, b])",
                right="Chain([a, b], ends=[100])",
            )

    def __call__(self, k: Any) -> Any:
        rate = self.schedules[0](k)
        for start, schedule in zip(self.ends, self.schedules[1:], strict=True):
            rate = np.where(k < start, rate, schedule(np.maximum(k - start, 0)))
        return rate


def _positive(name: str, value: Any) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise ArgumentError(f"{name} is a number of steps, at least 1, and was {value!r}")


def _callable(name: str, value: Any) -> None:
    if not callable(value):
        raise ArgumentError(
            f"{name} is a schedule, not {value!r}", wrong="WarmUp(100, 0.1)", right="WarmUp(100, Constant(0.1))"
        )
