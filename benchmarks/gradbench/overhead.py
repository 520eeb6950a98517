"""Small and long programs: what a call costs, and what compiling costs."""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit


def rosenbrock(x: Any) -> Any:
    """Σᵢ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def ten_operations(x: Any) -> Any:
    """Ten elementary operations on an array, and a sum."""
    return np.sum(np.sin(x) * np.exp(-x) + np.log(1.0 + x * x) / (2.0 + np.cos(x)) - np.tanh(x))


def straight_line(x: Any, operations: int) -> Any:
    """So many operations on numbers, each on the results of others, four at a time; nothing grows or vanishes."""
    a, b, total = x[0], x[1], 0.0
    for _ in range(operations // 4):
        a, b, total = np.sin(a) * b, np.cos(a), total + a
    return total


rosenbrock_gradient = jit(wg.grad(rosenbrock))
ten_gradient = jit(wg.grad(ten_operations))
straight_gradient = jit(lambda x, operations: wg.grad(straight_line)(x, operations), static_argnums=1)
