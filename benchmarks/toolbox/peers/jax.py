"""JAX, every function compiled by `jax.jit`, in double precision."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as np  # noqa: E402
import numpy  # noqa: E402
from jax import lax  # noqa: E402
from jax.experimental.jet import jet  # noqa: E402
from jax.experimental.ode import odeint  # noqa: E402

from benchmarks.toolbox import programs  # noqa: E402
from benchmarks.toolbox.data import ACCURACY  # noqa: E402
from benchmarks.toolbox.peers import (  # noqa: E402
    Call,
    Sparse,
    converted,
    factorials,
    limited,
    places,
    refused,
    tower,
)


def compiled(function: Callable[..., Any], *args: Any) -> Call:
    """A call on arrays that the library already holds."""
    fast, held = jax.jit(function), jax.device_put(args)
    return lambda: jax.block_until_ready(fast(*held))


def bundle(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Call:
    """The Jacobian of one observation, for all of them; where its numbers belong is written by hand."""

    def errors(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
        return np.stack(programs.reprojection(np, tuple(camera), tuple(point), weight, tuple(feature)))

    def values(cameras: Any, points: Any, weights: Any, features: Any) -> Any:
        block = jax.vmap(jax.jacrev(errors, argnums=(0, 1, 2)))
        by_camera, by_point, by_weight = block(
            cameras[observations[:, 0]], points[observations[:, 1]], weights, features
        )
        blocks = np.concatenate([by_camera, by_point, by_weight[:, :, None]], axis=2)
        return np.concatenate([blocks.ravel(), -2.0 * weights])

    call = compiled(values, cameras, points, weights, features)
    starts, columns = places(len(cameras), len(points), observations)
    return lambda: Sparse(starts, columns, call())


def product(function: Callable[..., Any]) -> Callable[..., Call]:
    """The Hessian times a vector, forward over reverse."""

    def times(x: Any, v: Any, *rest: Any) -> Any:
        return jax.jvp(jax.grad(lambda x: function(np, x, *rest)), (x,), (v,))[1]

    return partial(compiled, times)


def coefficients(f: Callable[[Any], Any], x: Any, v: Any, order: int) -> Any:
    """By `jet`, which gives derivatives."""
    rest = [np.zeros_like(x)] * (order - 1)
    value, derivatives = jet(f, (x,), ((v, *rest),))
    return np.stack([d / k for d, k in zip([value, *derivatives], factorials(order), strict=True)])


def nested(f: Callable[[Any], Any], x: Any, v: Any, order: int) -> Any:
    """By jvp of jvp of … of f."""
    derivatives = tower(f, order, lambda g, x: jax.jvp(g, (x,), (v,)))(x)
    return np.stack([d / k for d, k in zip(derivatives, factorials(order), strict=True)])


def exp_sin(x: Any, order: int, series: Any = coefficients) -> Call:
    return compiled(lambda x: series(partial(programs.exp_sin, np), x, np.ones_like(x), order), numpy.asarray(x))


def tanh_network(layers: Any, x: Any, v: Any, order: int, series: Any = coefficients) -> Call:
    return compiled(lambda layers, x, v: series(partial(programs.network, np, layers), x, v, order), layers, x, v)


def recurrent(weight: Any, start: Any, bias: Any, steps: int) -> Any:
    def step(state: Any, _: Any) -> Any:
        return programs.step(np, weight, bias, state), None

    return lax.scan(step, (start, 0.0), length=steps)[0][1]


def checkpointed(weight: Any, start: Any, bias: Any, steps: int) -> Any:
    """A scan of scans, some √n of each; the inner ones keep where they began."""
    inner = int(steps**0.5)
    while steps % inner:
        inner -= 1

    @jax.checkpoint
    def some(state: Any, _: Any) -> Any:
        return lax.scan(lambda state, _: (programs.step(np, weight, bias, state), None), state, length=inner)

    return lax.scan(some, (start, 0.0), length=steps // inner)[0][1]


def loop(loss: Callable[..., Any]) -> Callable[..., Call]:
    """The gradient for the matrix and the start."""
    return lambda *args: compiled(jax.grad(lambda *inputs: loss(*inputs, args[-1]), argnums=(0, 1)), *args[:-1])


def trajectory(field: Callable[..., Any]) -> Callable[..., Call]:
    """The gradient of ½ Σₜ ‖y(t)‖² for the field's parameters and the start, by the adjoint of jax.experimental.ode."""

    def loss(parameters: Any, start: Any, times: Any) -> Any:
        path = odeint(lambda y, t, p: field(p, y), start, times, parameters, rtol=ACCURACY, atol=ACCURACY)
        return 0.5 * np.sum(path * path)

    return partial(compiled, jax.grad(loss, argnums=(0, 1)))


batch = jax.vmap(jax.grad(partial(programs.example_error, np)), in_axes=(None, 0, 0))

PROGRAMS: dict[Any, Callable[..., Call]] = {
    "bundle": bundle,
    "logistic": product(programs.logistic),
    "rosenbrock": product(programs.rosenbrock),
    "network": product(programs.squared_error),
    "exp_sin": exp_sin,
    ("exp_sin", "nested"): partial(exp_sin, series=nested),
    "tanh_network": tanh_network,
    ("tanh_network", "nested"): limited(
        partial(tanh_network, series=nested), lambda layers, x, v, order: order <= 6, "takes minutes to compile"
    ),
    "scan": loop(recurrent),
    ("scan", "checkpoint"): loop(checkpointed),
    "while": refused("no reverse mode through lax.while_loop"),
    "lotka": trajectory(partial(programs.velocity, np)),
    "linear": trajectory(np.matmul),
    "batch": partial(compiled, batch),
}


def plain(result: Any) -> Any:
    return converted(result, numpy.asarray)
