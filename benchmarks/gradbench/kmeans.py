"""k-means: the squared distances of points to their nearest centroids, and Newton's direction.

Shapes: points (n, d), centroids (k, d).

Source: Bottou & Bengio, "Convergence properties of the k-means algorithms", NIPS 1994; GradBench's `kmeans`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit


def total(centroids: Any, points: Any) -> Any:
    """Σᵢ minⱼ ‖cⱼ − pᵢ‖²."""
    # ‖c − p‖² = ‖c‖² − 2 c·p + ‖p‖², and the last does not matter for which is nearest.
    nearest = np.argmin(np.sum(centroids**2, axis=1) - 2 * points @ centroids.T, axis=1)
    return np.sum((centroids[nearest] - points) ** 2)


def newton(centroids: Any, points: Any) -> Any:
    """The gradient divided by the diagonal of the Hessian, which has nothing else: so H·(1, …, 1) is its diagonal."""
    gradient = wg.grad(total)
    slope, curvature = wg.jvp(lambda c: gradient(c, points), (centroids,), (np.ones_like(centroids),))
    return slope / curvature


cost = jit(total)
dir = jit(newton)


FUNCTIONS = ("cost", "dir")


def report(function: str, result: Any) -> Any:
    """The result as the protocol wants it."""
    return float(result) if function == "cost" else result.tolist()
