"""The determinant of a matrix A (ℓ, ℓ) by expansion along minors, and its gradient.

Source: cmpad's `det_by_minor`, GradBench's `det`.
"""

from __future__ import annotations

from typing import Any

import wengert as wg
from benchmarks.gradbench.compiled import jit


def determinant(a: Any) -> Any:
    """Σⱼ (−1)ʲ A₀ⱼ · (the determinant without row 0 and column j)."""
    size = len(a)
    elements = [[a[i, j] for j in range(size)] for i in range(size)]
    return minor(elements, 0, tuple(range(size)))


def minor(elements: list[list[Any]], row: int, columns: tuple[int, ...]) -> Any:
    """The determinant of the rows from this one on, and of these columns."""
    if len(columns) == 1:
        return elements[row][columns[0]]
    total = 0.0
    for j, column in enumerate(columns):
        term = elements[row][column] * minor(elements, row + 1, columns[:j] + columns[j + 1 :])
        total = total - term if j % 2 else total + term
    return total


primal = jit(determinant)
gradient = jit(wg.grad(determinant))


FUNCTIONS = ("primal", "gradient")


def report(function: str, result: Any) -> Any:
    """The result as the protocol wants it."""
    return float(result) if function == "primal" else result.ravel().tolist()
