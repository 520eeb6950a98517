"""Ten functions as users write them, small, so that the cost of their operations shows: value and gradient."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy

from benchmarks.case import Case
from benchmarks.cases import networks


def sin_chain(np: Any, x: Any) -> Any:
    y = x
    for _ in range(20):
        y = np.sin(y)
    return np.sum(y)


def logsumexp(np: Any, x: Any) -> Any:
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


def matmul_chain(np: Any, x: Any, weights: Any) -> Any:
    for _ in range(10):
        x = np.tanh(weights @ x)
    return np.sum(x * x)


def indexing_loop(np: Any, x: Any) -> Any:
    """Products of neighbours, element by element, as in a textbook's formula."""
    total = x[0] * x[0]
    for i in range(1, len(x)):
        total = total + x[i] * x[i - 1]
    return total


def stencil(np: Any, x: Any) -> Any:
    """The squared second differences on a ring: slices and a concatenation."""
    y = np.concatenate([x[-1:], x, x[:1]])
    return np.sum((y[2:] - 2.0 * y[1:-1] + y[:-2]) ** 2)


def distance(np: Any, x: Any, center: Any) -> Any:
    return np.linalg.norm(x - center)


def quadratic_form(np: Any, x: Any, a: Any) -> Any:
    return np.einsum("i,ij,j->", x, a, x)


def gaussian(np: Any, parameters: Any, x: Any) -> Any:
    """The log likelihood of numbers under N(μ, σ²), for μ and log σ."""
    mean, log_sigma = parameters
    z = (x - mean) / np.exp(log_sigma)
    return np.sum(-0.5 * z * z - log_sigma - 0.5 * math.log(2 * math.pi))


def rk4_step(np: Any, y: Any) -> Any:
    """One step of the classical Runge-Kutta method for y' = sin(y) − y²/2."""

    def velocity(y: Any) -> Any:
        return np.sin(y) - 0.5 * y * y

    h = 0.1
    k1 = velocity(y)
    k2 = velocity(y + h / 2 * k1)
    k3 = velocity(y + h / 2 * k2)
    k4 = velocity(y + h * k3)
    return np.sum(y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))


def point(n: int) -> Any:
    """A number for n = 0, else a vector."""
    return 0.7 if n == 0 else numpy.random.default_rng(5).uniform(0.2, 1.3, n)


def alone(n: int) -> tuple[Any, ...]:
    return (point(n),)


def with_vector(n: int) -> tuple[Any, ...]:
    return point(n), numpy.linspace(-1.0, 1.0, n)


def with_matrix(n: int) -> tuple[Any, ...]:
    return point(n), numpy.random.default_rng(6).standard_normal((n, n)) / math.sqrt(n)


def data(n: int) -> tuple[Any, ...]:
    return (0.3, -0.2), point(n)


#: Name, function, input, sizes (0: a number), whether it may be evaluated at complex numbers.
WRITTEN = [
    ("sin chain", sin_chain, alone, (0, 10, 1000), True),
    ("logsumexp", logsumexp, alone, (10, 1000), True),
    ("matmul chain", matmul_chain, with_matrix, (10, 100), True),
    ("indexing loop", indexing_loop, alone, (10, 100), True),
    ("slices and concatenate", stencil, alone, (10, 1000), True),
    ("norm", distance, with_vector, (10, 1000), False),
    ("einsum", quadratic_form, with_matrix, (10, 100), True),
    ("normal likelihood", gaussian, data, (10, 1000), True),
    ("RK4 step", rk4_step, alone, (0, 10, 1000), True),
]


def cases(tiny: bool = False) -> list[Case]:
    both = "value and gradient"
    widths, batch = ((2, 3, 1), 4) if tiny else ((2, 16, 16, 1), 100)
    network = Case(
        f"typical: MLP {'-'.join(map(str, widths))}, batch {batch}", networks.squared_error,
        partial(networks.inputs, widths, batch, False), mode=both,
    )  # fmt: skip
    return [network] + [
        Case(f"typical: {name}, {f'n = {n}' if n else 'number'}", function, partial(inputs, n), both, analytic=analytic)
        for name, function, inputs, sizes, analytic in WRITTEN
        for n in ((*(n for n in sizes if not n), 3) if tiny else sizes)
    ]
