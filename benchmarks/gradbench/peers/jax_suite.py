"""JAX with the formulas in the forms that GradBench's own programs for JAX have, where they differ from ours.

They cost more: differences of all points and means before the product with the factors (gmm), a Jacobian for each
observation, mapped over all (ba), a table of powers (llsq), distances to all centroids under the derivative (kmeans).
So this column, and not the other, is what compares with the figures that GradBench publishes for JAX.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as np
import numpy
from jax.scipy.special import logsumexp, multigammaln

from benchmarks.gradbench.peers.jax import Call, of, places, plain, reprojection


def gmm(alpha: Any, mu: Any, q: Any, l: Any, x: Any, m: int, gamma: float) -> Any:  # noqa: E741
    (count, dimension), components = x.shape, len(alpha)
    columns, rows = numpy.triu_indices(dimension, 1)
    strict = np.zeros((components, dimension, dimension)).at[:, rows, columns].set(l)
    centered = x[:, None, :] - mu
    products = np.exp(q) * centered + np.einsum("kij,nkj->nki", strict, centered)
    exponents = alpha + np.sum(q, axis=1) - 0.5 * np.sum(products**2, axis=2)
    n = dimension + m + 1
    constant = n * dimension * math.log(gamma / math.sqrt(2)) - multigammaln(n / 2, dimension)
    prior = components * constant - 0.5 * gamma**2 * (np.sum(np.exp(q) ** 2) + np.sum(l**2)) + m * np.sum(q)
    normalization = count * (0.5 * dimension * math.log(2 * math.pi) + logsumexp(alpha))
    return np.sum(logsumexp(exponents, axis=1)) - normalization + prior


def ba_jacobian(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Any:
    def errors(inputs: Any, feature: Any) -> Any:
        return np.stack(reprojection(inputs[:11], inputs[11:14], inputs[14], feature))

    inputs = np.concatenate([cameras[observations[:, 0]], points[observations[:, 1]], weights[:, None]], axis=1)
    blocks = jax.vmap(jax.jacrev(errors))(inputs, features)
    vals = np.concatenate([blocks.ravel(), -2 * weights])
    return (*places(len(cameras), len(points), observations), vals)


def kmeans(centroids: Any, points: Any) -> Any:
    squares = np.sum(points**2, axis=1) + np.sum(centroids**2, axis=1)[:, None]
    return np.sum(np.min(squares - 2 * centroids @ points.T, axis=0))


def kmeans_dir(centroids: Any, points: Any) -> Any:
    gradient = jax.grad(kmeans)
    slope, curvature = jax.jvp(lambda c: gradient(c, points), (centroids,), (np.ones_like(centroids),))
    return slope / curvature


def llsq(x: Any, t: Any) -> Any:
    def residual(ti: Any) -> Any:
        powers = np.cumprod(np.full(len(x), ti).at[0].set(1.0))
        return np.sign(ti) - np.sum(x * powers)

    return 0.5 * np.sum(jax.vmap(residual)(t) ** 2)


PROGRAMS: dict[tuple[str, str], Callable[..., Call]] = {
    ("gmm", "objective"): of(gmm, (5, 6)),
    ("gmm", "jacobian"): of(jax.grad(gmm, (0, 1, 2, 3)), (5, 6)),
    ("ba", "jacobian"): of(ba_jacobian),
    ("kmeans", "cost"): of(kmeans),
    ("kmeans", "dir"): of(kmeans_dir),
    ("llsq", "primal"): of(llsq),
    ("llsq", "gradient"): of(jax.grad(llsq)),
}

__all__ = ["PROGRAMS", "plain"]
