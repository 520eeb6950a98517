"""HIPS autograd, which compiles nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as np
import numpy
from autograd import grad, value_and_grad
from autograd.scipy.special import multigammaln

from benchmarks.case import mapped
from benchmarks.gradbench.peers import limited

Call = Callable[[], Any]


def log_sum_exp(x: Any) -> Any:
    top = np.max(x, axis=0)
    return top + np.log(np.sum(np.exp(x - top), axis=0))


def gmm(alpha: Any, mu: Any, q: Any, l: Any, x: Any, m: int, gamma: float) -> Any:  # noqa: E741
    """There is no assignment: the factors are read out of the diagonal, the strict part and a zero."""
    (count, dimension), components = x.shape, len(alpha)
    place = numpy.full((dimension, dimension), dimension + l.shape[1])
    columns, rows = numpy.triu_indices(dimension, 1)
    place[numpy.arange(dimension), numpy.arange(dimension)] = numpy.arange(dimension)
    place[rows, columns] = dimension + numpy.arange(len(rows))
    factors = np.concatenate([np.exp(q), l, np.zeros((components, 1))], axis=1)[:, place]
    products = np.reshape(
        np.reshape(factors, (components * dimension, dimension)) @ x.T, (components, dimension, count)
    )
    distances = np.sum((products - factors @ np.reshape(mu, (components, dimension, 1))) ** 2, axis=1)
    likelihood = np.sum(log_sum_exp(np.reshape(alpha + np.sum(q, axis=1), (components, 1)) - 0.5 * distances))
    n = dimension + m + 1
    constant = n * dimension * math.log(gamma / math.sqrt(2)) - float(multigammaln(n / 2, dimension))
    prior = components * constant - 0.5 * gamma**2 * (np.sum(np.exp(q) ** 2) + np.sum(l**2)) + m * np.sum(q)
    return likelihood - count * (0.5 * dimension * math.log(2 * math.pi) + log_sum_exp(alpha)) + prior


def lstm(main_params: Any, extra_params: Any, state: Any, sequence: Any) -> Any:
    layers = len(main_params) // 2
    weights = np.reshape(main_params[::2], (layers, 4, -1))
    biases = np.reshape(main_params[1::2], (layers, 4, -1))
    gates = [list(zip(weights[layer], biases[layer], strict=True)) for layer in range(layers)]
    hiddens, cells = list(state[::2]), list(state[1::2])
    found = []
    for row in sequence[:-1]:
        x = row * extra_params[0]
        for layer in range(layers):
            (w0, b0), (w1, b1), (w2, b2), (w3, b3) = gates[layer]
            hidden = hiddens[layer]
            forget = 1 / (1 + np.exp(-(x * w0 + b0)))
            enter = 1 / (1 + np.exp(-(hidden * w1 + b1)))
            leave = 1 / (1 + np.exp(-(x * w2 + b2)))
            change = np.tanh(hidden * w3 + b3)
            cells[layer] = cells[layer] * forget + enter * change
            x = hiddens[layer] = leave * np.tanh(cells[layer])
        found.append(x)
    y = np.stack(found) * extra_params[1] + extra_params[2]
    normalized = y - np.log(np.sum(np.exp(y), axis=1, keepdims=True) + 2)
    return -np.mean(sequence[1:] * normalized)


def lstm_jacobian(*args: Any) -> Any:
    main, extra = grad(lambda both: lstm(*both, *args[2:]))(args[:2])
    return np.concatenate([main.ravel(), extra.ravel()])


def gmm_jacobian(*args: Any) -> Any:
    return grad(lambda inputs: gmm(*inputs, *args[4:]))(args[:4])


def kmeans(centroids: Any, points: Any) -> Any:
    nearest = np.argmin(np.sum(centroids**2, axis=1) - 2 * points @ centroids.T, axis=1)
    return np.sum((centroids[nearest] - points) ** 2)


def llsq(x: Any, t: Any) -> Any:
    residual, power = np.sign(t), np.ones_like(t)
    for j in range(len(x)):
        residual = residual - x[j] * power
        power = power * t
    return 0.5 * np.sum(residual**2)


def ode(x: Any, steps: int) -> Any:
    h, y = 2.0 / steps, np.zeros(len(x))

    def velocity(y: Any) -> Any:
        return x * np.concatenate([np.ones(1), y[:-1]])

    for _ in range(steps):
        k1 = velocity(y)
        k2 = velocity(y + h / 2 * k1)
        k3 = velocity(y + h / 2 * k2)
        k4 = velocity(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


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


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def ten(x: Any) -> Any:
    return np.sum(np.sin(x) * np.exp(-x) + np.log(1.0 + x * x) / (2.0 + np.cos(x)) - np.tanh(x))


def straight(x: Any, operations: int) -> Any:
    a, b, total = x[0], x[1], 0.0
    for _ in range(operations // 4):
        a, b, total = np.sin(a) * b, np.cos(a), total + a
    return total


def of(function: Callable[..., Any]) -> Callable[..., Call]:
    return lambda *args: partial(function, *args)


def stepping(layers: Any, x: Any, y: Any) -> Call:
    both = value_and_grad(training)
    state = [layers]

    def step() -> Any:
        value, gradient = both(state[0], x, y)
        state[0] = [(w - 0.01 * dw, b - 0.01 * db) for (w, b), (dw, db) in zip(state[0], gradient, strict=True)]
        return value, state[0]

    return step


PROGRAMS: dict[tuple[str, str], Callable[..., Call]] = {
    ("gmm", "jacobian"): of(gmm_jacobian),
    ("lstm", "jacobian"): of(lstm_jacobian),
    ("llsq", "gradient"): of(grad(llsq)),
    ("lse", "gradient"): of(grad(log_sum_exp)),
    ("ode", "gradient"): of(grad(lambda x, steps: ode(x, steps)[-1])),
    ("det", "gradient"): limited(of(grad(det)), lambda a: len(a) <= 7),
    ("training", "step"): stepping,
    ("rosenbrock", "gradient"): of(grad(rosenbrock)),
    ("ten", "gradient"): of(grad(ten)),
    ("straight", "gradient"): of(grad(straight)),
}


def plain(result: Any) -> Any:
    return mapped(numpy.asarray, result)
