"""CasADi, whose own virtual machine evaluates the graph of scalar operations (SX).

Its other way, C code for a C compiler, is not used, since the others need none. It has no batched arrays, so that it
does the small problems.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import casadi
import numpy

from benchmarks.case import mapped
from benchmarks.gradbench.peers import limited

Call = Callable[[], Any]


def det(a: Any) -> Any:
    return minor(a, 0, tuple(range(a.shape[0])))


def minor(a: Any, row: int, columns: tuple[int, ...]) -> Any:
    if len(columns) == 1:
        return a[row, columns[0]]
    total = 0.0
    for j, column in enumerate(columns):
        term = a[row, column] * minor(a, row + 1, columns[:j] + columns[j + 1 :])
        total = total - term if j % 2 else total + term
    return total


def lse(x: Any) -> Any:
    top = casadi.mmax(x)
    return top + casadi.log(casadi.sum1(casadi.exp(x - top)))


def llsq(x: Any, t: Any) -> Any:
    residual, power = casadi.DM(numpy.sign(t)), casadi.DM(numpy.ones_like(t))
    for j in range(x.shape[0]):
        residual = residual - x[j] * power
        power = power * casadi.DM(t)
    return 0.5 * casadi.sumsqr(residual)


def ode(x: Any, steps: int) -> Any:
    h, y = 2.0 / steps, casadi.SX.zeros(x.shape[0])

    def velocity(y: Any) -> Any:
        return x * casadi.vertcat(1, y[:-1])

    for _ in range(steps):
        k1 = velocity(y)
        k2 = velocity(y + h / 2 * k1)
        k3 = velocity(y + h / 2 * k2)
        k4 = velocity(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def rosenbrock(x: Any) -> Any:
    return casadi.sum1(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def ten(x: Any) -> Any:
    return casadi.sum1(
        casadi.sin(x) * casadi.exp(-x) + casadi.log(1.0 + x * x) / (2.0 + casadi.cos(x)) - casadi.tanh(x)
    )


def straight(x: Any, operations: int) -> Any:
    a, b, total = x[0], x[1], 0.0
    for _ in range(operations // 4):
        a, b, total = casadi.sin(a) * b, casadi.cos(a), total + a
    return total


def of(function: Callable[..., Any], derivative: bool = False) -> Callable[..., Call]:
    """The function of its first argument, or its gradient; the others are settings."""

    def make(first: Any, *rest: Any) -> Call:
        x = casadi.SX.sym("x", *first.shape)
        y = function(x, *rest)
        if derivative:
            y = casadi.gradient(y, x)
        evaluated = casadi.Function("evaluated", [x], [y])
        held, shape = casadi.DM(first), first.shape if derivative else y.shape
        return lambda: evaluated(held).full().reshape(shape)

    return make


def both(name: str, names: tuple[str, str], function: Callable[..., Any], within: Callable[..., bool]) -> Any:
    """The entries for a function and its gradient."""
    return {
        (name, names[0]): limited(of(function), within),
        (name, names[1]): limited(of(function, derivative=True), within),
    }


NAMES = ("primal", "gradient")
PROGRAMS: dict[tuple[str, str], Callable[..., Call]] = {
    **both("det", NAMES, det, lambda a: len(a) <= 9),
    **both("lse", NAMES, lse, lambda x: len(x) <= 20000),
    **both("llsq", NAMES, llsq, lambda x, t: len(t) <= 1024),
    ("ode", "gradient"): limited(
        of(lambda x, steps: ode(x, steps)[-1], derivative=True), lambda x, steps: len(x) * steps <= 20000
    ),
    **both("rosenbrock", NAMES, rosenbrock, lambda x: True),
    **both("ten", NAMES, ten, lambda x: True),
    **both("straight", NAMES, straight, lambda x, operations: True),
}


def plain(result: Any) -> Any:
    return mapped(lambda leaf: numpy.squeeze(numpy.asarray(leaf)), result)
