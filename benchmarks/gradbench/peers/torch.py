"""PyTorch, eager, in double precision; NumPy's inputs become tensors once."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy
import torch
from torch.func import jvp as pushforward

from benchmarks.case import leaves, mapped
from benchmarks.gradbench.peers import limited

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.set_default_dtype(torch.float64)

Call = Callable[[], Any]


def log_sum_exp(x: Any) -> Any:
    top = torch.amax(x, 0)
    return top + torch.log(torch.sum(torch.exp(x - top), 0))


def gmm(alpha: Any, mu: Any, q: Any, l: Any, x: Any, m: int, gamma: float) -> Any:  # noqa: E741
    (count, dimension), components = x.shape, len(alpha)
    columns, rows = torch.triu_indices(dimension, dimension, 1)
    factors = torch.diag_embed(torch.exp(q)).index_put((torch.arange(components)[:, None], rows, columns), l)
    products = (factors.reshape(components * dimension, dimension) @ x.T).reshape(components, dimension, count)
    distances = torch.sum((products - factors @ mu[:, :, None]) ** 2, 1)
    likelihood = torch.sum(log_sum_exp((alpha + torch.sum(q, 1))[:, None] - 0.5 * distances))
    n = dimension + m + 1
    gammas = 0.25 * dimension * (dimension - 1) * math.log(math.pi)
    gammas += sum(math.lgamma(0.5 * (n - j)) for j in range(dimension))
    constant = n * dimension * math.log(gamma / math.sqrt(2)) - gammas
    prior = components * constant - 0.5 * gamma**2 * (torch.sum(torch.exp(q) ** 2) + torch.sum(l**2)) + m * torch.sum(q)
    return likelihood - count * (0.5 * dimension * math.log(2 * math.pi) + log_sum_exp(alpha)) + prior


def rotated(rotation: Any, point: Any) -> Any:
    a, b, c = rotation
    x, y, z = point
    square = a * a + b * b + c * c
    turned = square > 0
    square = torch.where(turned, square, 1.0)
    angle = torch.sqrt(square)
    cosine = torch.where(turned, torch.cos(angle), 1.0)
    sine = torch.where(turned, torch.sin(angle) / angle, 1.0)
    along = torch.where(turned, (1 - torch.cos(angle)) / square, 0.0) * (a * x + b * y + c * z)
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
    return cameras.T[:, observations[:, 0]], points.T[:, observations[:, 1]], features.T


def ba(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Any:
    camera, point, feature = observed(cameras, points, features, observations)
    return torch.stack(reprojection(camera, point, weights, feature), 1), 1 - weights * weights


def ba_jacobian(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Any:
    camera, point, feature = observed(cameras, points, features, observations)
    inputs = [*camera, *point, weights]
    inputs = [part.detach().requires_grad_() for part in inputs]
    error = reprojection(inputs[:11], inputs[11:14], inputs[14], feature)
    one = torch.ones_like(weights)
    values = []
    for i, part in enumerate(error):  # an error does not depend on the other's offset
        found = torch.autograd.grad(part, inputs, one, retain_graph=i == 0, allow_unused=True)
        values += [torch.zeros_like(one) if slope is None else slope for slope in found]
    vals = torch.cat([torch.stack(values, 1).ravel(), -2 * weights])
    return (*places(len(cameras), len(points), observations), vals)


def places(cameras: int, points: int, observations: Any) -> Any:
    count = len(observations)
    weights = 11 * cameras + 3 * points + torch.arange(count)
    columns = torch.cat(
        [
            11 * observations[:, :1] + torch.arange(11),
            11 * cameras + 3 * observations[:, 1:] + torch.arange(3),
            weights[:, None],
        ],
        1,
    )
    cols = torch.cat([torch.cat([columns, columns], 1).ravel(), weights])
    return torch.cat([torch.arange(0, 30 * count, 15), 30 * count + torch.arange(count + 1)]), cols


def lstm(main_params: Any, extra_params: Any, state: Any, sequence: Any) -> Any:
    layers = len(main_params) // 2
    weights, biases = main_params[::2].reshape(layers, 4, -1), main_params[1::2].reshape(layers, 4, -1)
    into, out, bias = extra_params
    gates = [list(zip(weights[layer], biases[layer], strict=True)) for layer in range(layers)]
    hiddens, cells = list(state[::2]), list(state[1::2])
    found = []
    for x in sequence[:-1] * into:
        for layer in range(layers):
            (w0, b0), (w1, b1), (w2, b2), (w3, b3) = gates[layer]
            hidden = hiddens[layer]
            forget = torch.sigmoid(x * w0 + b0)
            enter = torch.sigmoid(hidden * w1 + b1)
            leave = torch.sigmoid(x * w2 + b2)
            change = torch.tanh(hidden * w3 + b3)
            cells[layer] = cells[layer] * forget + enter * change
            x = hiddens[layer] = leave * torch.tanh(cells[layer])
        found.append(x)
    y = torch.stack(found) * out + bias
    normalized = y - torch.log(torch.sum(torch.exp(y), 1, keepdim=True) + 2)
    return -torch.mean(sequence[1:] * normalized)


def kmeans(centroids: Any, points: Any) -> Any:
    nearest = torch.argmin(torch.sum(centroids**2, 1) - 2 * points @ centroids.T, 1)
    return torch.sum((centroids[nearest] - points) ** 2)


def kmeans_dir(centroids: Any, points: Any) -> Any:
    def gradient(c: Any) -> Any:
        return torch.func.grad(kmeans)(c, points)

    slope, curvature = pushforward(gradient, (centroids,), (torch.ones_like(centroids),))
    return slope / curvature


def llsq(x: Any, t: Any) -> Any:
    residual, power = torch.sign(t), torch.ones_like(t)
    for coefficient in x:
        residual = residual - coefficient * power
        power = power * t
    return 0.5 * torch.sum(residual**2)


def ode(x: Any, steps: int) -> Any:
    h, y, one = 2.0 / steps, torch.zeros_like(x), torch.ones(1)

    def velocity(y: Any) -> Any:
        return x * torch.cat([one, y[:-1]])

    for _ in range(steps):
        k1 = velocity(y)
        k2 = velocity(y + h / 2 * k1)
        k3 = velocity(y + h / 2 * k2)
        k4 = velocity(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def det(a: Any) -> Any:
    return minor([list(row) for row in a], 0, tuple(range(len(a))))


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
        x = torch.relu(x @ w + b)
    scores = x @ weight + bias
    if scores.shape[1] == 1:
        return torch.mean(torch.relu(1 - y * scores))
    return -torch.sum(y * torch.log_softmax(scores, 1)) / len(y)


def rosenbrock(x: Any) -> Any:
    return torch.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def ten(x: Any) -> Any:
    return torch.sum(torch.sin(x) * torch.exp(-x) + torch.log(1.0 + x * x) / (2.0 + torch.cos(x)) - torch.tanh(x))


def straight(x: Any, operations: int) -> Any:
    a, b, total = x[0], x[1], 0.0
    for _ in range(operations // 4):
        a, b, total = torch.sin(a) * b, torch.cos(a), total + a
    return total


def tensor(value: Any) -> Any:
    """Whole numbers and settings stay as they are."""
    return torch.tensor(value) if isinstance(value, numpy.ndarray) else value


def of(function: Callable[..., Any]) -> Callable[..., Call]:
    """Without any derivative."""

    def make(*args: Any) -> Call:
        held = [tensor(arg) for arg in args]

        def call() -> Any:
            with torch.no_grad():
                return function(*held)

        return call

    return make


def gradient(function: Callable[..., Any], wanted: int = 1, joined: bool = False) -> Callable[..., Call]:
    """For the first so many arguments; `joined`: as one vector."""

    def make(*args: Any) -> Call:
        held = [tensor(arg) for arg in args]
        for part in held[:wanted]:
            part.requires_grad_()

        def call() -> Any:
            found = torch.autograd.grad(function(*held), held[:wanted])
            if joined:
                return torch.cat([part.ravel() for part in found])
            return found if wanted > 1 else found[0]

        return call

    return make


def with_grad(function: Callable[..., Any]) -> Callable[..., Call]:
    """What differentiates by itself."""

    def make(*args: Any) -> Call:
        held = [tensor(arg) for arg in args]
        return lambda: function(*held)

    return make


def latency(function: Callable[..., Any]) -> Callable[..., Call]:
    """The gradient, from an array of NumPy's to one."""

    def make(x: Any) -> Call:
        def call() -> Any:
            held = torch.from_numpy(x).requires_grad_()
            return torch.autograd.grad(function(held), held)[0].numpy()

        return call

    return make


def trained(loss: Callable[..., Any]) -> Callable[..., Call]:
    """Steps that update the layers in place."""

    def make(layers: Any, x: Any, y: Any) -> Call:
        held, x, y = mapped(lambda leaf: tensor(leaf).requires_grad_(), layers), tensor(x), tensor(y)
        parts: list[Any] = list(leaves(held))

        def step() -> Any:
            value = loss(held, x, y)
            slopes: Iterator[Any] = iter(torch.autograd.grad(value, parts))
            with torch.no_grad():
                for part, slope in zip(parts, slopes, strict=True):
                    part -= 0.01 * slope
            return value, held

        return step

    return make


def few(x: Any, operations: int) -> bool:
    return operations <= 10000


def small(a: Any) -> bool:
    return len(a) <= 7


PROGRAMS: dict[tuple[str, str], Callable[..., Call]] = {
    ("gmm", "objective"): of(gmm),
    ("gmm", "jacobian"): gradient(gmm, 4),
    ("ba", "objective"): of(ba),
    ("ba", "jacobian"): with_grad(ba_jacobian),
    ("lstm", "objective"): of(lstm),
    ("lstm", "jacobian"): gradient(lstm, 2, joined=True),
    ("kmeans", "cost"): of(kmeans),
    ("kmeans", "dir"): with_grad(kmeans_dir),
    ("llsq", "primal"): of(llsq),
    ("llsq", "gradient"): gradient(llsq),
    ("lse", "primal"): of(log_sum_exp),
    ("lse", "gradient"): gradient(log_sum_exp),
    ("ode", "primal"): of(ode),
    ("ode", "gradient"): gradient(lambda x, steps: ode(x, steps)[-1]),
    ("det", "primal"): limited(of(det), small),
    ("det", "gradient"): limited(gradient(det), small),
    ("training", "objective"): of(training),
    ("training", "step"): trained(training),
    ("rosenbrock", "primal"): of(rosenbrock),
    ("rosenbrock", "gradient"): latency(rosenbrock),
    ("ten", "primal"): of(ten),
    ("ten", "gradient"): gradient(ten),
    ("straight", "primal"): limited(of(straight), few),
    ("straight", "gradient"): limited(gradient(straight), few),
}


def plain(result: Any) -> Any:
    return mapped(lambda leaf: leaf.detach().numpy() if isinstance(leaf, torch.Tensor) else leaf, result)
