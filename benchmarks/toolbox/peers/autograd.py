"""HIPS autograd, which compiles nothing and has no vmap."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy
from autograd import elementwise_grad, grad, hessian_vector_product, make_vjp
from autograd.builtins import tuple as traced
from autograd.scipy.integrate import odeint

from benchmarks.case import mapped
from benchmarks.toolbox import programs
from benchmarks.toolbox.data import ACCURACY, CLOSE
from benchmarks.toolbox.peers import Call, Sparse, converted, factorials, limited, places


def bundle(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Call:
    """Two pullbacks of all observations at once; where their numbers belong is written by hand."""
    starts, columns = places(len(cameras), len(points), observations)
    one, feature = numpy.ones(len(weights)), tuple(features.T)

    def error(inputs: Any) -> Any:
        return np.stack(programs.reprojection(np, inputs[:11], inputs[11:14], inputs[14], feature))

    def call() -> Any:
        inputs = numpy.concatenate([cameras.T[:, observations[:, 0]], points.T[:, observations[:, 1]], weights[None]])
        pull, _ = make_vjp(error)(inputs)
        rows = [pull(numpy.stack(seed)) for seed in ((one, 0 * one), (0 * one, one))]
        return Sparse(starts, columns, numpy.concatenate([numpy.stack(rows).T.swapaxes(1, 2).ravel(), -2.0 * weights]))

    return call


def product(function: Callable[..., Any]) -> Callable[..., Call]:
    def make(x: Any, v: Any, *rest: Any) -> Call:
        times = hessian_vector_product(lambda x: function(np, x, *rest))
        return lambda: times(x, v)

    return make


def network_product(layers: Any, v: Any, x: Any, y: Any) -> Call:
    """Of a tree; `hessian_vector_product` takes one array."""
    gradient = grad(lambda layers: programs.squared_error(np, layers, x, y))

    def along(layers: Any) -> Any:
        slopes = gradient(layers)
        return sum(
            np.sum(part * direction)
            for slope, way in zip(slopes, v, strict=True)
            for part, direction in zip(slope, way, strict=True)
        )

    return lambda: grad(along)(layers)


def coefficients(f: Callable[[Any], Any], x: Any, order: int) -> Any:
    """Each derivative by itself, reverse mode in reverse mode."""
    found = []
    for k in factorials(order):
        found.append(f(x) / k)
        f = elementwise_grad(f)
    return numpy.stack(found)


def exp_sin(x: Any, order: int) -> Call:
    return lambda: coefficients(partial(programs.exp_sin, np), x, order)


def tanh_network(layers: Any, x: Any, v: Any, order: int) -> Call:
    return lambda: coefficients(lambda t: programs.network(np, layers, x + t * v)[0], 0.0, order)[:, None]


def gradient(loss: Callable[..., Any]) -> Callable[..., Call]:
    """For the first two arguments."""
    both = grad(loss, (0, 1))
    return lambda *args: partial(both, *args)


def recurrent(weight: Any, start: Any, bias: Any, steps: int) -> Any:
    state = start, 0.0
    for _ in range(steps):
        state = programs.step(np, weight, bias, state)
    return state[1]


def converged(rates: Any, target: Any, x: Any) -> Any:
    while np.max(np.abs(x + x * x * x - target)) > CLOSE:
        x = programs.relaxed(np, rates, target, x)
    return np.sum(x * x)


def trajectory(field: Callable[..., Any]) -> Callable[..., Call]:
    """By the adjoint of autograd.scipy.integrate, on SciPy's odeint."""

    def loss(parameters: Any, start: Any, times: Any) -> Any:
        path = odeint(lambda y, t, p: field(p, y), start, times, traced((parameters,)), rtol=ACCURACY, atol=ACCURACY)
        return 0.5 * np.sum(path * path)

    return gradient(loss)


def batch(layers: Any, x: Any, y: Any) -> Call:
    """A loop over the examples."""
    one = grad(lambda layers, x, y: programs.example_error(np, layers, x, y))

    def call() -> Any:
        found = [one(layers, a, b) for a, b in zip(x, y, strict=True)]
        return mapped(lambda *parts: numpy.stack(parts), *found)

    return call


def few(weight: Any, start: Any, bias: Any, steps: int) -> bool:
    return steps <= 10000


def fast(rates: Any, target: Any, start: Any) -> bool:
    return bool(rates.max() > 0.01)


PROGRAMS: dict[Any, Callable[..., Call]] = {
    "bundle": bundle,
    "logistic": product(programs.logistic),
    "rosenbrock": product(programs.rosenbrock),
    "network": network_product,
    "exp_sin": limited(exp_sin, lambda x, order: order <= 6),
    "tanh_network": limited(tanh_network, lambda layers, x, v, order: order <= 6),
    "scan": limited(gradient(recurrent), few),
    "while": limited(gradient(converged), fast),
    "lotka": trajectory(partial(programs.velocity, np)),
    "linear": trajectory(np.matmul),
    "batch": batch,
}


def plain(result: Any) -> Any:
    return converted(result, numpy.asarray)
