"""Wengert: through its public interface, compiled unless it is told not to be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import wengert as wg
from benchmarks.gradbench.compiled import jit
from benchmarks.toolbox import programs
from benchmarks.toolbox.data import ACCURACY, CLOSE
from benchmarks.toolbox.peers import SNAPSHOTS, Call, Sparse, converted, factorials, limited, places, tower


def bundle(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Call:
    """Nothing is said of the structure: it is found, once."""

    def errors(cameras: Any, points: Any, weights: Any) -> Any:
        camera, point = cameras.T[:, observations[:, 0]], points.T[:, observations[:, 1]]
        pairs = programs.reprojection(np, tuple(camera), tuple(point), weights, tuple(features.T))
        return np.stack(pairs, axis=1), 1.0 - weights * weights

    plan = wg.sparse.pattern(errors, argnums=(0, 1, 2))(cameras, points, weights)
    jacobian = wg.sparse.jacobian(errors, argnums=(0, 1, 2), plan=plan, jit=jit)

    def call() -> Any:
        matrix = jacobian(cameras, points, weights)
        return Sparse(matrix.indptr, matrix.indices, matrix.data)

    return call


def bundle_blocks(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Call:
    """The Jacobian of one observation, for all of them; where its numbers belong is written by hand."""

    def errors(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
        return np.stack(programs.reprojection(np, tuple(camera), tuple(point), weight, tuple(feature)))

    @jit
    def values(cameras: Any, points: Any, weights: Any) -> Any:
        block = wg.vmap(wg.jacobian(errors, argnums=(0, 1, 2), mode="reverse"))
        by_camera, by_point, by_weight = block(
            cameras[observations[:, 0]], points[observations[:, 1]], weights, features
        )
        blocks = np.concatenate([by_camera, by_point, by_weight[:, :, None]], axis=2)
        return np.concatenate([blocks.ravel(), -2.0 * weights])

    starts, columns = places(len(cameras), len(points), observations)
    return lambda: Sparse(starts, columns, values(cameras, points, weights))


def product(function: Callable[..., Any]) -> Callable[..., Call]:
    """The Hessian times a vector."""

    def make(x: Any, v: Any, *rest: Any) -> Call:
        compiled = jit(lambda x, v, *rest: wg.hvp(lambda x: function(np, x, *rest))(x, v))
        return partial(compiled, x, v, *rest)

    return make


def exp_sin(x: Any, order: int) -> Call:
    compiled = jit(lambda x: wg.taylor(partial(programs.exp_sin, np), x, order, direction=np.ones_like(x)))
    return partial(compiled, x)


def exp_sin_nested(x: Any, order: int) -> Call:
    @jit
    def compiled(x: Any) -> Any:
        derivatives = tower(partial(programs.exp_sin, np), order, lambda g, x: wg.jvp(g, (x,), (np.ones_like(x),)))(x)
        return np.stack([d / k for d, k in zip(derivatives, factorials(order), strict=True)])

    return partial(compiled, x)


def tanh_network(layers: Any, x: Any, v: Any, order: int) -> Call:
    compiled = jit(lambda layers, x, v: wg.taylor(partial(programs.network, np, layers), x, order, direction=v))
    return partial(compiled, layers, x, v)


def tanh_network_nested(layers: Any, x: Any, v: Any, order: int) -> Call:
    @jit
    def compiled(layers: Any, x: Any, v: Any) -> Any:
        derivatives = tower(partial(programs.network, np, layers), order, lambda g, x: wg.jvp(g, (x,), (v,)))(x)
        return np.stack([d / k for d, k in zip(derivatives, factorials(order), strict=True)])

    return partial(compiled, layers, x, v)


def scan(weight: Any, start: Any, bias: Any, steps: int, snapshots: int | None = None) -> Call:
    def loss(weight: Any, start: Any, bias: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            return programs.step(np, weight, bias, state), None

        return wg.scan(step, (start, 0.0), length=steps, snapshots=snapshots)[0][1]

    return partial(jit(wg.grad(loss, argnums=(0, 1))), weight, start, bias)


def while_(rates: Any, target: Any, start: Any) -> Call:
    def loss(rates: Any, target: Any, start: Any) -> Any:
        last = wg.while_loop(
            lambda x: np.max(np.abs(x + x * x * x - target)) > CLOSE,
            lambda x: programs.relaxed(np, rates, target, x),
            start,
        )
        return np.sum(last * last)

    return partial(jit(wg.grad(loss, argnums=(0, 1))), rates, target, start)


def trajectory(field: Callable[..., Any], sensitivity: str = "adjoint") -> Callable[..., Call]:
    """The gradient of ½ Σₜ ‖y(t)‖² for the field's parameters and the start."""

    def loss(parameters: Any, start: Any, times: Any) -> Any:
        path = wg.implicit.odeint(
            lambda y, t, p: field(p, y), start, times, parameters,
            rtol=ACCURACY, atol=ACCURACY, sensitivity=sensitivity,
        )  # fmt: skip
        return 0.5 * np.sum(path * path)

    return lambda *args: partial(jit(wg.grad(loss, argnums=(0, 1))), *args)


def batch(layers: Any, x: Any, y: Any) -> Call:
    compiled = jit(wg.vmap(wg.grad(partial(programs.example_error, np)), in_axes=(None, 0, 0)))
    return partial(compiled, layers, x, y)


velocity = partial(programs.velocity, np)

PROGRAMS: dict[Any, Callable[..., Call]] = {
    "bundle": bundle,
    ("bundle", "blocks"): bundle_blocks,
    "logistic": product(programs.logistic),
    "rosenbrock": product(programs.rosenbrock),
    "network": product(programs.squared_error),
    "exp_sin": exp_sin,
    ("exp_sin", "nested"): exp_sin_nested,
    "tanh_network": tanh_network,
    ("tanh_network", "nested"): limited(
        tanh_network_nested, lambda layers, x, v, order: order <= 6, "takes a minute to compile"
    ),
    "scan": scan,
    ("scan", "snapshots"): partial(scan, snapshots=SNAPSHOTS),
    "while": while_,
    "lotka": trajectory(velocity),
    ("lotka", "forward"): trajectory(velocity, "forward"),
    "linear": trajectory(np.matmul),
    "batch": batch,
}


def plain(result: Any) -> Any:
    return converted(result, np.asarray)
