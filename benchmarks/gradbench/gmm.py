"""The log posterior of a Gaussian mixture with a Wishart prior, and its gradient.

Shapes: alpha (K), mu (K, D), q (K, D), l (K, D(D − 1)/2), x (N, D). Qₖ is lower triangular with diagonal exp(qₖ) and
strict part lₖ, column by column; its square QₖᵀQₖ is the inverse covariance of component k.

Source: ADBench (Šrajer, Kukelova, Fitzgibbon 2018), section 4.1, as GradBench's evaluation `gmm` has it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import multigammaln

import wengert as wg
from benchmarks.gradbench.compiled import jit


def log_posterior(alpha: Any, mu: Any, q: Any, l: Any, x: Any, m: int, gamma: float) -> Any:  # noqa: E741
    """−N(D/2·ln 2π + lse α) + Σᵢ lseₖ(αₖ + Σⱼ qₖⱼ − ½‖Qₖ(xᵢ − μₖ)‖²) + the prior's logarithm."""
    (count, dimension), components = x.shape, len(alpha)
    factors = triangular(q, l)
    # Q(x − μ) = Qx − Qμ, so that all Qₖ are multiplied with all points in one product; points run along the last axis.
    products = (factors.reshape(components * dimension, dimension) @ x.T).reshape(components, dimension, count)
    centers = factors @ mu[:, :, None]
    distances = np.sum((products - centers) ** 2, axis=1)
    weights = alpha + np.sum(q, axis=1)
    likelihood = np.sum(log_sum_exp(weights[:, None] - 0.5 * distances))
    normalization = count * (0.5 * dimension * math.log(2 * math.pi) + log_sum_exp(alpha))
    return likelihood - normalization + log_prior(q, l, m, gamma)


def triangular(q: Any, l: Any) -> Any:  # noqa: E741
    """The factors Qₖ, (K, D, D)."""
    components, dimension = q.shape
    columns, rows = np.triu_indices(dimension, 1)  # of the transpose: so they go down the columns of Q
    diagonal = np.arange(dimension)
    factors = np.zeros((components, dimension, dimension), like=q)
    factors[:, diagonal, diagonal] = np.exp(q)
    factors[:, rows, columns] = l
    return factors


def log_sum_exp(x: Any) -> Any:
    """Along the first axis."""
    top = np.max(x, axis=0)
    return top + np.log(np.sum(np.exp(x - top), axis=0))


def log_prior(q: Any, l: Any, m: int, gamma: float) -> Any:  # noqa: E741
    """The logarithm of the Wishart density of all QₖᵀQₖ, n = D + m + 1 degrees of freedom, scale γ."""
    components, dimension = q.shape
    n = dimension + m + 1
    constant = n * dimension * math.log(gamma / math.sqrt(2)) - float(multigammaln(n / 2, dimension))
    norm = np.sum(np.exp(q) ** 2) + np.sum(l**2)
    return components * constant - 0.5 * gamma**2 * norm + m * np.sum(q)


objective = jit(log_posterior, static_argnames=("m", "gamma"))


def gradient(alpha: Any, mu: Any, q: Any, l: Any, x: Any, m: int, gamma: float) -> Any:  # noqa: E741
    """For alpha, mu, q and l."""
    return wg.grad(log_posterior, argnums=(0, 1, 2, 3))(alpha, mu, q, l, x, m, gamma)


jacobian = jit(gradient, static_argnames=("m", "gamma"))


FUNCTIONS = ("objective", "jacobian")


def report(function: str, result: Any) -> Any:
    """The result as the protocol wants it."""
    if function == "objective":
        return float(result)
    return {name: part.tolist() for name, part in zip(("alpha", "mu", "q", "l"), result, strict=True)}
