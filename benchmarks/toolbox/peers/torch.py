"""PyTorch, eager, in double precision; NumPy's inputs become tensors once."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
import torch
from torch.func import grad, jacrev, jvp, vmap

from benchmarks.case import mapped
from benchmarks.toolbox import programs
from benchmarks.toolbox.data import CLOSE
from benchmarks.toolbox.peers import Call, Sparse, converted, factorials, limited, places, refused, tower
from benchmarks.torch_names import NAMES

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.set_default_dtype(torch.float64)


def tensors(tree: Any) -> Any:
    return mapped(lambda leaf: torch.tensor(leaf) if isinstance(leaf, (numpy.ndarray, float)) else leaf, tree)


def of(function: Callable[..., Any]) -> Callable[..., Call]:
    """What differentiates by itself."""
    return lambda *args: partial(function, *tensors(args))


def bundle(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Call:
    """The Jacobian of one observation, for all of them; where its numbers belong is written by hand."""

    def errors(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
        return torch.stack(programs.reprojection(NAMES, tuple(camera), tuple(point), weight, tuple(feature)))

    starts, columns = places(len(cameras), len(points), observations)
    block = vmap(jacrev(errors, argnums=(0, 1, 2)))
    cameras, points, weights, features, observations = tensors([cameras, points, weights, features, observations])

    def call() -> Any:
        by_camera, by_point, by_weight = block(
            cameras[observations[:, 0]], points[observations[:, 1]], weights, features
        )
        blocks = torch.cat([by_camera, by_point, by_weight[:, :, None]], 2)
        return Sparse(starts, columns, torch.cat([blocks.ravel(), -2.0 * weights]))

    return call


def product(function: Callable[..., Any]) -> Callable[..., Call]:
    """The Hessian times a vector, forward over reverse."""

    def times(x: Any, v: Any, *rest: Any) -> Any:
        return jvp(grad(lambda x: function(NAMES, x, *rest)), (x,), (v,))[1]

    return of(times)


def nested(f: Callable[[Any], Any], x: Any, v: Any, order: int) -> Any:
    derivatives = tower(f, order, lambda g, x: jvp(g, (x,), (v,)))(x)
    return torch.stack([d / k for d, k in zip(derivatives, factorials(order), strict=True)])


def exp_sin(x: Any, order: int) -> Any:
    return nested(partial(programs.exp_sin, NAMES), x, torch.ones_like(x), order)


def tanh_network(layers: Any, x: Any, v: Any, order: int) -> Any:
    return nested(partial(programs.network, NAMES, layers), x, v, order)


def gradient(loss: Callable[..., Any]) -> Callable[..., Call]:
    """For the first two arguments, by the tape."""

    def make(*args: Any) -> Call:
        held = tensors(args)
        chosen = [part.requires_grad_() for part in held[:2]]
        return lambda: torch.autograd.grad(loss(*held), chosen)

    return make


def recurrent(weight: Any, start: Any, bias: Any, steps: int) -> Any:
    state = start, 0.0
    for _ in range(steps):
        state = programs.step(NAMES, weight, bias, state)
    return state[1]


def converged(rates: Any, target: Any, x: Any) -> Any:
    while torch.amax(torch.abs(x + x * x * x - target)) > CLOSE:
        x = programs.relaxed(NAMES, rates, target, x)
    return torch.sum(x * x)


batch = vmap(grad(partial(programs.example_error, NAMES)), in_dims=(None, 0, 0))

PROGRAMS: dict[Any, Callable[..., Call]] = {
    "bundle": bundle,
    "logistic": product(programs.logistic),
    "rosenbrock": product(programs.rosenbrock),
    "network": product(programs.squared_error),
    "exp_sin": limited(of(exp_sin), lambda x, order: order <= 6),
    "tanh_network": limited(of(tanh_network), lambda layers, x, v, order: order <= 6),
    "scan": limited(gradient(recurrent), lambda weight, start, bias, steps: steps <= 100000),
    "while": gradient(converged),
    "lotka": refused("no solver of differential equations"),
    "linear": refused("no solver of differential equations"),
    "batch": of(batch),
}


def plain(result: Any) -> Any:
    return converted(result, lambda leaf: leaf.detach().numpy() if isinstance(leaf, torch.Tensor) else leaf)
