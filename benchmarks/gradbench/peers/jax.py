"""JAX, every function compiled by `jax.jit`, in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as np  # noqa: E402
import numpy  # noqa: E402
from jax import lax  # noqa: E402
from jax.scipy.special import multigammaln  # noqa: E402

from benchmarks.case import mapped  # noqa: E402
from benchmarks.gradbench.peers import limited  # noqa: E402

Call = Callable[[], Any]


def log_sum_exp(x: Any) -> Any:
    top = np.max(x, axis=0)
    return top + np.log(np.sum(np.exp(x - top), axis=0))


def gmm(alpha: Any, mu: Any, q: Any, l: Any, x: Any, m: int, gamma: float) -> Any:  # noqa: E741
    (count, dimension), components = x.shape, len(alpha)
    columns, rows = numpy.triu_indices(dimension, 1)
    diagonal = numpy.arange(dimension)
    factors = np.zeros((components, dimension, dimension))
    factors = factors.at[:, diagonal, diagonal].set(np.exp(q)).at[:, rows, columns].set(l)
    products = (factors.reshape(components * dimension, dimension) @ x.T).reshape(components, dimension, count)
    distances = np.sum((products - factors @ mu[:, :, None]) ** 2, axis=1)
    likelihood = np.sum(log_sum_exp((alpha + np.sum(q, axis=1))[:, None] - 0.5 * distances))
    n = dimension + m + 1
    constant = n * dimension * math.log(gamma / math.sqrt(2)) - multigammaln(n / 2, dimension)
    prior = components * constant - 0.5 * gamma**2 * (np.sum(np.exp(q) ** 2) + np.sum(l**2)) + m * np.sum(q)
    return likelihood - count * (0.5 * dimension * math.log(2 * math.pi) + log_sum_exp(alpha)) + prior


def rotated(rotation: Any, point: Any) -> Any:
    a, b, c = rotation
    x, y, z = point
    square = a * a + b * b + c * c
    turned = square > 0
    square = np.where(turned, square, 1.0)
    angle = np.sqrt(square)
    cosine = np.where(turned, np.cos(angle), 1.0)
    sine = np.where(turned, np.sin(angle) / angle, 1.0)
    along = np.where(turned, (1 - np.cos(angle)) / square, 0.0) * (a * x + b * y + c * z)
    return (
        cosine * x + sine * (b * z - c * y) + along * a,
        cosine * y + sine * (c * x - a * z) + along * b,
        cosine * z + sine * (a * y - b * x) + along * c,
    )


def reprojection(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    r1, r2, r3, c1, c2, c3, f, u0, v0, k1, k2 = camera
    x, y, z = rotated((r1, r2, r3), (point[0] - c1, point[1] - c2, point[2] - c3))
    p, q = x / z, y / z
    square = p * p + q * q
    scale = f * (1 + k1 * square + k2 * square * square)
    return weight * (p * scale + u0 - feature[0]), weight * (q * scale + v0 - feature[1])


def observed(cameras: Any, points: Any, features: Any, observations: Any) -> Any:
    return tuple(cameras.T[:, observations[:, 0]]), tuple(points.T[:, observations[:, 1]]), tuple(features.T)


def ba(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Any:
    camera, point, feature = observed(cameras, points, features, observations)
    return np.stack(reprojection(camera, point, weights, feature), axis=1), 1 - weights * weights


def ba_jacobian(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Any:
    camera, point, feature = observed(cameras, points, features, observations)
    error, pullback = jax.vjp(lambda *inputs: reprojection(*inputs, feature), camera, point, weights)
    one, zero = np.ones_like(error[0]), np.zeros_like(error[0])
    values = []
    for seed in ((one, zero), (zero, one)):
        for_camera, for_point, for_weight = pullback(seed)
        values += [*for_camera, *for_point, for_weight]
    vals = np.concatenate([np.stack(values, axis=1).ravel(), -2 * weights])
    return (*places(len(cameras), len(points), observations), vals)


def places(cameras: int, points: int, observations: Any) -> Any:
    count = len(observations)
    weights = 11 * cameras + 3 * points + np.arange(count)
    columns = np.concatenate(
        [
            11 * observations[:, :1] + np.arange(11),
            11 * cameras + 3 * observations[:, 1:] + np.arange(3),
            weights[:, None],
        ],
        axis=1,
    )
    cols = np.concatenate([np.concatenate([columns, columns], axis=1).ravel(), weights])
    return np.concatenate([np.arange(0, 30 * count, 15), 30 * count + np.arange(count + 1)]), cols


def lstm(main_params: Any, extra_params: Any, state: Any, sequence: Any) -> Any:
    layers = len(main_params) // 2
    weights, biases = main_params[::2].reshape(layers, 4, -1), main_params[1::2].reshape(layers, 4, -1)
    into, out, bias = extra_params

    def step(carry: Any, x: Any) -> Any:
        following = []
        for layer, (hidden, cell) in enumerate(carry):
            weight, offset = weights[layer], biases[layer]
            forget = jax.nn.sigmoid(x * weight[0] + offset[0])
            enter = jax.nn.sigmoid(hidden * weight[1] + offset[1])
            leave = jax.nn.sigmoid(x * weight[2] + offset[2])
            change = np.tanh(hidden * weight[3] + offset[3])
            cell = cell * forget + enter * change
            x = leave * np.tanh(cell)
            following.append((x, cell))
        return tuple(following), x

    start = tuple((state[2 * layer], state[2 * layer + 1]) for layer in range(layers))
    _, hidden = lax.scan(step, start, sequence[:-1] * into)
    y = hidden * out + bias
    normalized = y - np.log(np.sum(np.exp(y), axis=1, keepdims=True) + 2)
    return -np.mean(sequence[1:] * normalized)


def lstm_jacobian(*args: Any) -> Any:
    main, extra = jax.grad(lstm, (0, 1))(*args)
    return np.concatenate([main.ravel(), extra.ravel()])


def kmeans(centroids: Any, points: Any) -> Any:
    nearest = np.argmin(np.sum(centroids**2, axis=1) - 2 * points @ centroids.T, axis=1)
    return np.sum((centroids[nearest] - points) ** 2)


def kmeans_dir(centroids: Any, points: Any) -> Any:
    gradient = jax.grad(kmeans)
    slope, curvature = jax.jvp(lambda c: gradient(c, points), (centroids,), (np.ones_like(centroids),))
    return slope / curvature


def llsq(x: Any, t: Any) -> Any:
    residual, power = np.sign(t), np.ones_like(t)
    for j in range(len(x)):
        residual = residual - x[j] * power
        power = power * t
    return 0.5 * np.sum(residual**2)


def ode(x: Any, steps: int) -> Any:
    h = 2.0 / steps

    def velocity(y: Any) -> Any:
        return x * np.concatenate([np.ones(1), y[:-1]])

    def step(y: Any, _: Any) -> Any:
        k1 = velocity(y)
        k2 = velocity(y + h / 2 * k1)
        k3 = velocity(y + h / 2 * k2)
        k4 = velocity(y + h * k3)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    return lax.scan(step, np.zeros_like(x), None, length=steps)[0]


def ode_gradient(x: Any, steps: int) -> Any:
    return jax.grad(lambda x: ode(x, steps)[-1])(x)


def det(a: Any) -> Any:
    size = len(a)
    return minor([[a[i, j] for j in range(size)] for i in range(size)], 0, tuple(range(size)))


def minor(elements: Any, row: int, columns: tuple[int, ...]) -> Any:
    if len(columns) == 1:
        return elements[row][columns[0]]
    total = 0.0
    for j, column in enumerate(columns):
        term = elements[row][column] * minor(elements, row + 1, columns[:j] + columns[j + 1 :])
        total = total - term if j % 2 else total + term
    return total


def training(layers: Any, x: Any, y: Any) -> Any:
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = np.maximum(x @ w + b, 0)
    scores = x @ weight + bias
    if scores.shape[1] == 1:
        return np.mean(np.maximum(1 - y * scores, 0))
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    return -np.sum(y * (shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True)))) / len(y)


def descend(layers: Any, x: Any, y: Any) -> Any:
    value, gradient = jax.value_and_grad(training)(layers, x, y)
    return value, jax.tree.map(lambda p, g: p - 0.01 * g, layers, gradient)


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def ten(x: Any) -> Any:
    return np.sum(np.sin(x) * np.exp(-x) + np.log(1.0 + x * x) / (2.0 + np.cos(x)) - np.tanh(x))


def straight(x: Any, operations: int) -> Any:
    a, b, total = x[0], x[1], 0.0
    for _ in range(operations // 4):
        a, b, total = np.sin(a) * b, np.cos(a), total + a
    return total


def of(function: Callable[..., Any], static: tuple[int, ...] = ()) -> Callable[..., Call]:
    """Compiled, on arrays that the library already holds."""

    def make(*args: Any) -> Call:
        compiled = jax.jit(function, static_argnums=static)
        held = [arg if i in static else jax.device_put(arg) for i, arg in enumerate(args)]
        return lambda: jax.block_until_ready(compiled(*held))

    return make


def latency(function: Callable[..., Any]) -> Callable[..., Call]:
    """From an array of NumPy's to one."""

    def make(x: Any) -> Call:
        compiled = jax.jit(function)
        return lambda: numpy.asarray(compiled(x))

    return make


def stepping(layers: Any, x: Any, y: Any) -> Call:
    compiled = jax.jit(descend)
    state, x, y = [jax.device_put(layers)], jax.device_put(x), jax.device_put(y)

    def step() -> Any:
        value, state[0] = jax.block_until_ready(compiled(state[0], x, y))
        return value, state[0]

    return step


PROGRAMS: dict[tuple[str, str], Callable[..., Call]] = {
    ("gmm", "objective"): of(gmm, (5, 6)),
    ("gmm", "jacobian"): of(jax.grad(gmm, (0, 1, 2, 3)), (5, 6)),
    ("ba", "objective"): of(ba),
    ("ba", "jacobian"): of(ba_jacobian),
    ("lstm", "objective"): of(lstm),
    ("lstm", "jacobian"): of(lstm_jacobian),
    ("kmeans", "cost"): of(kmeans),
    ("kmeans", "dir"): of(kmeans_dir),
    ("llsq", "primal"): of(llsq),
    ("llsq", "gradient"): of(jax.grad(llsq)),
    ("lse", "primal"): of(log_sum_exp),
    ("lse", "gradient"): of(jax.grad(log_sum_exp)),
    ("ode", "primal"): of(ode, (1,)),
    ("ode", "gradient"): of(ode_gradient, (1,)),
    ("det", "primal"): limited(of(det), lambda a: len(a) <= 6),
    ("det", "gradient"): limited(of(jax.grad(det)), lambda a: len(a) <= 6),
    ("training", "objective"): of(training),
    ("training", "step"): stepping,
    ("rosenbrock", "primal"): latency(rosenbrock),
    ("rosenbrock", "gradient"): latency(jax.grad(rosenbrock)),
    ("ten", "primal"): of(ten),
    ("ten", "gradient"): of(jax.grad(ten)),
    ("straight", "primal"): limited(of(straight, (1,)), lambda x, operations: operations <= 100),
    ("straight", "gradient"): limited(of(jax.grad(straight), (1,)), lambda x, operations: operations <= 100),
}


def plain(result: Any) -> Any:
    return mapped(numpy.asarray, result)
