"""Numba, which differentiates nothing: functions and gradients written by hand, as loops, and compiled by LLVM.

They say what a careful programmer reaches on this machine without reassociating sums by hand. `fastmath` allows the
compiler to do so, and to vectorize with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from benchmarks.case import mapped

Call = Callable[[], Any]
Options = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}


def lse(x):
    top = x[0]
    for i in range(len(x)):
        top = max(top, x[i])
    total = 0.0
    for i in range(len(x)):
        total += math.exp(x[i] - top)
    return top + math.log(total)


def lse_gradient(x):
    top = x[0]
    for i in range(len(x)):
        top = max(top, x[i])
    result = np.empty_like(x)
    total = 0.0
    for i in range(len(x)):
        result[i] = math.exp(x[i] - top)
        total += result[i]
    for i in range(len(x)):
        result[i] /= total
    return result


def llsq(x, t):
    total = 0.0
    for i in range(len(t)):
        residual, power = np.sign(t[i]), 1.0
        for j in range(len(x)):
            residual -= x[j] * power
            power *= t[i]
        total += residual * residual
    return 0.5 * total


def llsq_gradient(x, t):
    result = np.zeros_like(x)
    for i in range(len(t)):
        residual, power = np.sign(t[i]), 1.0
        for j in range(len(x)):
            residual -= x[j] * power
            power *= t[i]
        for j in range(len(x)):
            result[j] -= residual
            residual *= t[i]
    return result


def kmeans(centroids, points):
    total = 0.0
    for i in range(len(points)):
        best = np.inf
        for j in range(len(centroids)):
            distance = 0.0
            for k in range(points.shape[1]):
                distance += (centroids[j, k] - points[i, k]) ** 2
            best = min(best, distance)
        total += best
    return total


def kmeans_dir(centroids, points):
    slope, curvature = np.zeros_like(centroids), np.zeros(len(centroids))
    for i in range(len(points)):
        best, nearest = np.inf, 0
        for j in range(len(centroids)):
            distance = 0.0
            for k in range(points.shape[1]):
                distance += (centroids[j, k] - points[i, k]) ** 2
            if distance < best:
                best, nearest = distance, j
        curvature[nearest] += 2.0
        for k in range(points.shape[1]):
            slope[nearest, k] += 2.0 * (centroids[nearest, k] - points[i, k])
    for j in range(len(centroids)):
        slope[j] /= curvature[j]
    return slope


def ode(x, steps):
    n, h = len(x), 2.0 / steps
    y, moved, k, total = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for _ in range(steps):
        moved[:] = y
        total[:] = 0.0
        for stage in range(4):
            k[0] = x[0]
            for i in range(1, n):
                k[i] = x[i] * moved[i - 1]
            weight = 1.0 if stage == 0 or stage == 3 else 2.0
            reach = h if stage == 2 else h / 2
            for i in range(n):
                total[i] += weight * k[i]
                moved[i] = y[i] + reach * k[i]
        for i in range(n):
            y[i] += h / 6 * total[i]
    return y


def rosenbrock(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] * x[i]) ** 2 + (1.0 - x[i]) ** 2
    return total


def rosenbrock_gradient(x):
    result = np.zeros_like(x)
    for i in range(len(x) - 1):
        bend = x[i + 1] - x[i] * x[i]
        result[i] -= 400.0 * x[i] * bend + 2.0 * (1.0 - x[i])
        result[i + 1] += 200.0 * bend
    return result


def of(function: Callable[..., Any]) -> Callable[..., Call]:
    """Compiled anew for each problem, so that the first call tells what that takes."""

    def make(*args: Any) -> Call:
        compiled = numba.njit(**Options)(function)
        return lambda: compiled(*args)

    return make


PROGRAMS: dict[tuple[str, str], Callable[..., Call]] = {
    ("kmeans", "cost"): of(kmeans),
    ("kmeans", "dir"): of(kmeans_dir),
    ("llsq", "primal"): of(llsq),
    ("llsq", "gradient"): of(llsq_gradient),
    ("lse", "primal"): of(lse),
    ("lse", "gradient"): of(lse_gradient),
    ("ode", "primal"): of(ode),
    ("rosenbrock", "primal"): of(rosenbrock),
    ("rosenbrock", "gradient"): of(rosenbrock_gradient),
}


def plain(result: Any) -> Any:
    return mapped(np.asarray, result)
