"""A loop of Python over a vector or a number: what one operation costs is what matters."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy

from benchmarks.case import Case


def iterate(np: Any, x: Any, steps: int) -> Any:
    """A damped, driven map; three operations of NumPy or Python a step."""
    y = x
    for _ in range(steps):
        y = np.sin(y) * 0.9 + x
    return np.sum(y)


def vector(n: int, steps: int) -> tuple[Any, ...]:
    return numpy.linspace(0.1, 1.0, n), steps


def number(steps: int) -> tuple[Any, ...]:
    return 0.5, steps


def cases(tiny: bool = False) -> list[Case]:
    steps = 3 if tiny else 100
    return [
        Case(f"loop of {steps} steps, vector of 10", iterate, partial(vector, 10, steps), steps=steps, memory=True),
        Case(f"loop of {steps} steps, number", iterate, partial(number, steps), steps=steps, memory=True),
    ]
