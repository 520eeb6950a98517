"""Functions of the kind that HIPS autograd's users write."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy

from benchmarks.case import Case


def softmax_regression(np: Any, weights: Any, x: Any, y: Any) -> Any:
    """The negative log likelihood of a linear classifier, with the log-sum-exp of its scores; L2 regularized."""
    scores = np.dot(x, weights)
    top = np.max(scores, axis=1, keepdims=True)
    logsumexp = np.log(np.sum(np.exp(scores - top), axis=1)) + top[:, 0]
    return np.sum(logsumexp - np.sum(scores * y, axis=1)) + 0.1 * np.sum(weights**2)


def regression_inputs(rows: int, features: int, classes: int) -> tuple[Any, ...]:
    random = numpy.random.default_rng(1)
    y = numpy.eye(classes)[random.integers(classes, size=rows)]
    return random.standard_normal((features, classes)), random.standard_normal((rows, features)), y


def rosenbrock(np: Any, x: Any) -> Any:
    """Rosenbrock (1960), in the many-dimensional form that scipy.optimize tests with."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_inputs(n: int) -> tuple[Any, ...]:
    return (numpy.linspace(-1.2, 1.0, n),)


def lorenz(np: Any, state: Any, steps: int) -> Any:
    """The squared end of a trajectory of Lorenz (1963), integrated by the classical Runge-Kutta method."""

    def velocity(s: Any) -> Any:
        x, y, z = s[0], s[1], s[2]
        return np.stack([10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z])

    h = 0.01
    for _ in range(steps):
        k1 = velocity(state)
        k2 = velocity(state + h / 2 * k1)
        k3 = velocity(state + h / 2 * k2)
        k4 = velocity(state + h * k3)
        state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return np.sum(state**2)


def lorenz_inputs(steps: int) -> tuple[Any, ...]:
    return numpy.array([1.0, 2.0, 20.0]), steps


def gaussian(np: Any, parameters: Any, x: Any) -> Any:
    """The log likelihood of rows x under N(μ, A·Aᵀ + 1)."""
    mean, a = parameters
    d = mean.shape[0]
    covariance = np.dot(a, a.T) + np.eye(d)
    deviation = (x - mean).T
    _, logdet = np.linalg.slogdet(covariance)
    mahalanobis = np.sum(deviation * np.linalg.solve(covariance, deviation))
    return -0.5 * (mahalanobis + x.shape[0] * (logdet + d * math.log(2 * math.pi)))


def gaussian_inputs(rows: int, d: int) -> tuple[Any, ...]:
    random = numpy.random.default_rng(2)
    return (random.standard_normal(d), random.standard_normal((d, d))), random.standard_normal((rows, d))


def cases(tiny: bool = False) -> list[Case]:
    regression = (5, 3, 2) if tiny else (200, 20, 5)
    sizes = (3, 4) if tiny else (10, 1000)
    steps, rows, d = (2, 5, 2) if tiny else (100, 100, 10)
    return [
        Case("softmax regression {}×{}, {} classes".format(*regression), softmax_regression,
             partial(regression_inputs, *regression)),
        *(Case(f"Rosenbrock n = {n}", rosenbrock, partial(rosenbrock_inputs, n)) for n in sizes),
        Case(f"Lorenz, {steps} steps of RK4", lorenz, partial(lorenz_inputs, steps), steps=steps),
        # slogdet of a complex matrix gives the logarithm of a modulus, which is not analytic.
        Case(f"Gaussian log likelihood {rows}×{d}", gaussian, partial(gaussian_inputs, rows, d), analytic=False),
    ]  # fmt: skip
