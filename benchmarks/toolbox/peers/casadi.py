"""CasADi, whose own virtual machines evaluate graphs of scalar operations (SX) or of matrices (MX).

Its other way, C code for a C compiler, is not used, since the others need none.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import casadi
import numpy

from benchmarks.toolbox import programs
from benchmarks.toolbox.data import ACCURACY
from benchmarks.toolbox.peers import Call, Sparse, converted, factorials, limited, refused

#: What the programs use, element by element, under NumPy's names.
NAMES = SimpleNamespace(
    cos=casadi.cos, exp=casadi.exp, log=casadi.log, sin=casadi.sin, sqrt=casadi.sqrt, tanh=casadi.tanh,
    sum=lambda x: casadi.sum1(casadi.sum2(x)), stack=lambda parts: casadi.vertcat(*parts),
)  # fmt: skip


def bundle(cameras: Any, points: Any, weights: Any, features: Any, observations: Any) -> Call:
    """Nothing is said of the structure: it is found, once."""
    count = len(weights)
    x = casadi.SX.sym("x", cameras.size + points.size + count)
    camera = [x[(11 * observations[:, 0] + i).tolist()] for i in range(11)]
    point = [x[(cameras.size + 3 * observations[:, 1] + i).tolist()] for i in range(3)]
    weight = x[cameras.size + points.size :]
    pairs = programs.reprojection(NAMES, camera, point, weight, tuple(features.T))
    error = casadi.vertcat(casadi.vec(casadi.horzcat(*pairs).T), 1.0 - weight * weight)
    values = casadi.Function("values", [x], [casadi.jacobian(error, x)])
    held = casadi.DM(numpy.concatenate([cameras.ravel(), points.ravel(), weights]))
    pattern = values.sparsity_out(0)
    columns = numpy.repeat(numpy.arange(pattern.size2()), numpy.diff(pattern.colind()))
    order = numpy.argsort(pattern.row(), kind="stable")  # from compressed columns to compressed rows
    starts = numpy.searchsorted(numpy.array(pattern.row())[order], numpy.arange(pattern.size1() + 1))

    def call() -> Any:
        return Sparse(starts, columns[order], numpy.array(values(held).nonzeros())[order])

    return call


def times(function: Callable[..., Any], x: Any, v: Any, inputs: list[Any], given: list[Any]) -> Call:
    """The Hessian times a vector, forward over reverse."""
    found = casadi.jtimes(casadi.gradient(function(x), x), x, v)
    compiled, held = casadi.Function("product", inputs, [found]), [casadi.DM(part) for part in given]
    return lambda: compiled(*held).full().ravel()


def logistic(w: Any, v: Any, x: Any, y: Any) -> Call:
    """Matrices, and MX, which multiplies by them as they are."""
    at, along = casadi.MX.sym("w", len(w)), casadi.MX.sym("v", len(w))
    data, label = casadi.DM(x), casadi.DM(y)

    def loss(w: Any) -> Any:
        return casadi.sum1(casadi.log(1.0 + casadi.exp(-label * (data @ w)))) / len(y)

    return times(loss, at, along, [at, along], [w, v])


def rosenbrock(x: Any, v: Any) -> Call:
    at, along = casadi.SX.sym("x", len(x)), casadi.SX.sym("v", len(x))
    return times(lambda x: programs.rosenbrock(NAMES, x), at, along, [at, along], [x, v])


def parameters(layers: Any) -> Any:
    """All numbers of the layers in one vector, matrices row by row."""
    return numpy.concatenate([part.ravel() for layer in layers for part in layer])


def cut(vector: Any, layers: Any) -> Any:
    """Such a vector as layers (CasADi's vectors are columns, so the matrices are transposed)."""
    found, start = [], 0
    for weight, _ in layers:
        (rows, columns), middle = weight.shape, start + weight.size
        found.append((casadi.reshape(vector[start:middle], columns, rows), vector[middle : middle + columns]))
        start = middle + columns
    return found


def network(layers: Any, x: Any) -> Any:
    """The network of columns: each is an example."""
    *hidden, (weight, bias) = layers
    for w, b in hidden:
        x = casadi.tanh(w @ x + casadi.repmat(b, 1, x.shape[1]))
    return weight @ x + casadi.repmat(bias, 1, x.shape[1])


def separate(vector: Any, layers: Any) -> Any:
    """A vector, or rows of them, as layers of NumPy's arrays."""
    found, start, lead = [], 0, vector.shape[:-1]
    for weight, bias in layers:
        middle = start + weight.size
        end = middle + bias.size
        found.append((vector[..., start:middle].reshape(*lead, *weight.shape), vector[..., middle:end]))
        start = end
    return found


def network_product(layers: Any, v: Any, x: Any, y: Any) -> Call:
    given = parameters(layers)
    at, along = casadi.MX.sym("p", len(given)), casadi.MX.sym("v", len(given))
    data, target = casadi.DM(x.T), casadi.DM(y.T)

    def loss(p: Any) -> Any:
        return casadi.sumsqr(network(cut(p, layers), data) - target) / len(y)

    call = times(loss, at, along, [at, along], [given, parameters(v)])
    return lambda: separate(call(), layers)


def series(f: Callable[[Any], Any], t: Any, order: int) -> Any:
    """The derivatives element by element, symbolically, one after the other."""
    found = [f(t)]
    for _ in range(order):
        found.append(casadi.jtimes(found[-1], t, casadi.SX.ones(t.shape)))
    return casadi.horzcat(*(d / k for d, k in zip(found, factorials(order), strict=True)))


def exp_sin(x: Any, order: int) -> Call:
    t = casadi.SX.sym("x", numpy.size(x))
    compiled = casadi.Function("series", [t], [series(lambda x: programs.exp_sin(NAMES, x), t, order)])
    held, shape = casadi.DM(x), (order + 1, *numpy.shape(x))
    return lambda: compiled(held).full().T.reshape(shape)


def tanh_network(layers: Any, x: Any, v: Any, order: int) -> Call:
    t, net = casadi.SX.sym("t"), [(casadi.DM(weight.T), casadi.DM(bias)) for weight, bias in layers]
    start, along = casadi.SX.sym("x", len(x)), casadi.SX.sym("v", len(v))
    found = casadi.substitute(series(lambda t: network(net, start + t * along), t, order), t, 0)
    compiled = casadi.Function("series", [start, along], [found])
    held = casadi.DM(x), casadi.DM(v)
    return lambda: compiled(*held).full().T


def scan(weight: Any, start: Any, bias: Any, steps: int) -> Call:
    """A graph with every step; `mapaccum`, a loop as one function, takes 10 GB to differentiate ten thousand."""
    w, first = casadi.MX.sym("w", *weight.shape), casadi.MX.sym("h", len(start))
    state = first, 0.0
    for _ in range(steps):
        state = programs.step(NAMES, w, casadi.DM(bias), state)
    slopes = [casadi.gradient(state[1], part) for part in (w, first)]
    compiled, held = casadi.Function("gradient", [w, first], slopes), (casadi.DM(weight), casadi.DM(start))

    def call() -> Any:
        by_weight, by_start = compiled(*held)
        return by_weight.full(), by_start.full().ravel()

    return call


def trajectory(field: Callable[..., Any]) -> Callable[..., Call]:
    """The gradient of ½ Σₜ ‖y(t)‖² by the adjoint of CVODES."""

    def make(given: Any, start: Any, times: Any) -> Call:
        y, p = casadi.SX.sym("y", len(start)), casadi.SX.sym("p", *given.shape)
        equation = {"x": y, "p": casadi.vec(p), "ode": field(p, y)}
        options = {"abstol": ACCURACY, "reltol": ACCURACY, "steps_per_checkpoint": 50}
        solver = casadi.integrator("solver", "cvodes", equation, times[0], times[1:].tolist(), options)
        at, first = casadi.MX.sym("p", *given.shape), casadi.MX.sym("y", len(start))
        path = casadi.horzcat(first, solver(x0=first, p=casadi.vec(at))["xf"])
        value = 0.5 * casadi.sumsqr(path)
        compiled = casadi.Function("g", [at, first], [casadi.gradient(value, at), casadi.gradient(value, first)])
        held = casadi.DM(given), casadi.DM(start)

        def call() -> Any:
            by_given, by_start = compiled(*held)
            return by_given.full().reshape(given.shape), by_start.full().ravel()

        return call

    return make


def batch(layers: Any, x: Any, y: Any) -> Call:
    """The gradient of one example, mapped."""
    given = parameters(layers)
    p, a, b = casadi.SX.sym("p", len(given)), casadi.SX.sym("x", x.shape[1]), casadi.SX.sym("y", y.shape[1])
    loss = casadi.sumsqr(network(cut(p, layers), a) - b)
    one = casadi.Function("one", [p, a, b], [casadi.gradient(loss, p)])
    every, held = one.map("every", "serial", len(x), [0], []), [casadi.DM(part) for part in (given, x.T, y.T)]
    return lambda: separate(numpy.ascontiguousarray(every(*held).full().T), layers)


PROGRAMS: dict[Any, Callable[..., Call]] = {
    "bundle": bundle,
    "logistic": logistic,
    "rosenbrock": rosenbrock,
    "network": network_product,
    "exp_sin": exp_sin,
    "tanh_network": limited(tanh_network, lambda layers, x, v, order: order <= 6),
    "scan": limited(scan, lambda weight, start, bias, steps: steps <= 10000),
    "while": refused("no loop whose number of turns depends on numbers"),
    "lotka": trajectory(lambda p, y: programs.velocity(NAMES, [p[i] for i in range(4)], y)),
    "linear": trajectory(lambda p, y: p @ y),
    "batch": batch,
}


def plain(result: Any) -> Any:
    return converted(result, numpy.asarray)
