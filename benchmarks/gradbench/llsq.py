"""Linear least squares: a polynomial with coefficients x (m) against a step at the points t (n).

Source: cmpad's `llsq_obj`, GradBench's `llsq`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit


def half_square(x: Any, t: Any) -> Any:
    """½ Σᵢ (sign tᵢ − Σⱼ xⱼ tᵢʲ)², the powers as a running product."""
    residual, power = np.sign(t), np.ones_like(t)
    for j in range(len(x)):
        residual = residual - x[j] * power
        power = power * t
    return 0.5 * np.sum(residual**2)


primal = jit(half_square)
gradient = jit(wg.grad(half_square))


FUNCTIONS = ("primal", "gradient")


def report(function: str, result: Any) -> Any:
    """The result as the protocol wants it."""
    return float(result) if function == "primal" else result.tolist()
