"""The logarithm of a sum of exponentials, by its elementary steps, and its gradient.

Source: GradBench's `lse`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit


def log_sum_exp(x: Any) -> Any:
    """The sum of exp xᵢ, its logarithm, shifted by the greatest element so that nothing overflows."""
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


primal = jit(log_sum_exp)
gradient = jit(wg.grad(log_sum_exp))


FUNCTIONS = ("primal", "gradient")


def report(function: str, result: Any) -> Any:
    """The result as the protocol wants it."""
    return float(result) if function == "primal" else result.tolist()
