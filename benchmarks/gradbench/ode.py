"""A linear differential equation whose solution is known, by the classical Runge–Kutta method.

y₀′ = x₀, yᵢ′ = xᵢ yᵢ₋₁, y(0) = 0; so yᵢ(t) = x₀ x₁ ⋯ xᵢ tⁱ⁺¹ / (i + 1)!.

Source: cmpad's `an_ode`, GradBench's `ode`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit

END = 2.0


def solution(x: Any, steps: int) -> Any:
    """y(2) by so many steps."""
    h = END / steps

    def velocity(y: Any) -> Any:
        return x * np.concatenate([np.ones(1), y[:-1]])

    def step(_: Any, y: Any) -> Any:
        k1 = velocity(y)
        k2 = velocity(y + h / 2 * k1)
        k3 = velocity(y + h / 2 * k2)
        k4 = velocity(y + h * k3)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    return wg.fori_loop(0, steps, step, np.zeros_like(x))


def last_gradient(x: Any, steps: int) -> Any:
    """The gradient of the last element of y(2)."""
    return wg.grad(lambda x: solution(x, steps)[-1])(x)


primal = jit(solution, static_argnames="steps")
gradient = jit(last_gradient, static_argnames="steps")


FUNCTIONS = ("primal", "gradient")


def report(function: str, result: Any) -> Any:
    """The result as the protocol wants it."""
    return result.tolist()
