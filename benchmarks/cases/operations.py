"""What one operation costs, forwards and backwards: fifty of a kind in a row, on vectors of ten."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy

from benchmarks.case import Case

Step = Callable[[Any, Any, Any, Any], Any]


def repeated(np: Any, x: Any, step: Step, steps: int, constant: Any) -> Any:
    y = x
    for _ in range(steps):
        y = step(np, y, x, constant)
    return np.sum(y)


def sin(np: Any, y: Any, x: Any, a: Any) -> Any:
    return np.sin(y)


def multiply(np: Any, y: Any, x: Any, a: Any) -> Any:
    return y * x


def add(np: Any, y: Any, x: Any, a: Any) -> Any:
    return y + x


def total(np: Any, y: Any, x: Any, a: Any) -> Any:
    return np.sum(y, axis=0, keepdims=True)


def dot(np: Any, y: Any, x: Any, a: Any) -> Any:
    return np.dot(a, y)


def getitem(np: Any, y: Any, x: Any, a: Any) -> Any:
    return y[::-1]


def reshape(np: Any, y: Any, x: Any, a: Any) -> Any:
    return np.reshape(y, (10, 1) if y.ndim == 1 else (10,))


def exp(np: Any, y: Any, x: Any, a: Any) -> Any:
    return np.exp(-y)


def where(np: Any, y: Any, x: Any, a: Any) -> Any:
    return np.where(a, y, x)


def power(np: Any, y: Any, x: Any, a: Any) -> Any:
    return y**0.9


ROTATION = numpy.linalg.qr(numpy.random.default_rng(3).standard_normal((10, 10)))[0]
MASK = numpy.arange(10) % 2 == 0
WRITTEN = {
    "np.sin(y)": sin,
    "y * x": multiply,
    "y + x": add,
    "np.sum(y, axis=0, keepdims=True)": total,
    "np.dot(A, y)": dot,
    "y[::-1]": getitem,
    "np.reshape(y, shape)": reshape,
    "np.exp(-y)": exp,
    "np.where(mask, y, x)": where,
    "y ** 0.9": power,
}


def inputs(step: Step, steps: int) -> tuple[Any, ...]:
    return numpy.linspace(0.8, 1.1, 10), step, steps, {dot: ROTATION, where: MASK}.get(step)


def cases(tiny: bool = False) -> list[Case]:
    steps = 3 if tiny else 50
    return [
        Case(f"operation {text}", repeated, partial(inputs, step, steps), steps=steps) for text, step in WRITTEN.items()
    ]
