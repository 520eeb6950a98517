"""Differential equations: derivatives of the exact solution, where there is one, and of accurate ones elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.implicit import ConvergenceError, odeint

SHARP = {"rtol": 1e-12, "atol": 1e-12}
T = np.array([0.0, 0.5, 2.0])


@pytest.mark.parametrize("sensitivity", ["adjoint", "forward"])
def test_exponential_decay(sensitivity):
    """The solution is y = a·exp(−k(t − t₀)), at each of the times."""
    f = lambda a, k, t: odeint(lambda y, t, k: -k * y, a, t, k, sensitivity=sensitivity, **SHARP)  # noqa: E731
    exact = lambda a, k, t: a * np.exp(-k * (t - t[0]))  # noqa: E731
    assert np.allclose(f(1.5, 0.7, T), exact(1.5, 0.7, T), rtol=1e-10)
    for argnum in range(3):
        expected = wg.jacobian(exact, argnum)(1.5, 0.7, T)
        for mode in ("forward", "reverse"):
            assert np.allclose(wg.jacobian(f, argnum, mode=mode)(1.5, 0.7, T), expected, rtol=1e-9, atol=1e-10)
    second = wg.hessian(lambda a, k: np.sum(f(a, k, T) ** 2), argnums=(0, 1))(1.5, 0.7)
    expected = wg.hessian(lambda a, k: np.sum(exact(a, k, T) ** 2), argnums=(0, 1))(1.5, 0.7)
    assert np.allclose(second, expected, rtol=1e-8)
    twice = wg.grad(lambda k: wg.grad(lambda q: f(1.5, q, T)[-1])(k))(0.7)
    assert twice == pytest.approx(1.5 * 4 * np.exp(-1.4), rel=1e-8)


def oscillator(y, t, p):
    return {"q": y["v"], "v": -p["k"] * y["q"] - p["c"] * y["v"] + np.sin(t) * p["drive"][0]}


@pytest.mark.parametrize("sensitivity", ["adjoint", "forward"])
def test_trees_and_forced_oscillations(sensitivity):
    def f(y0, p):
        return odeint(oscillator, y0, T, p, sensitivity=sensitivity, **SHARP)["q"]

    y0 = {"q": np.array([1.0, 0.5]), "v": np.array([0.0, -1.0])}
    wg.check_grads(f, (y0, {"k": 2.0, "c": 0.1, "drive": [0.3]}), order=1)


def test_lotka_and_volterra_to_order_2():
    def f(p):
        y = odeint(
            lambda y, t, p: np.stack([p[0] * y[0] - y[0] * y[1], p[1] * y[0] * y[1] - y[1]]), np.array([1.0, 0.5]),
            np.array([0.0, 1.0, 2.0]), p, **SHARP,
        )  # fmt: skip
        return np.sum(y**2)

    p = np.array([1.1, 0.9])
    wg.check_grads(f, (p,), order=1)
    assert np.allclose(wg.hessian(f)(p), wg.finite_difference(wg.grad(f))(p), rtol=1e-6)


def test_what_the_function_uses_from_outside_compiled_and_backwards_in_time():
    def f(k):
        return odeint(lambda y, t: -k * y, 1.0, np.array([2.0, 0.0]), **SHARP)[-1]

    assert wg.grad(f)(0.5) == pytest.approx(2 * np.e, rel=1e-9)
    compiled = wg.jit(wg.grad(f))
    for k in (0.5, 0.25):
        assert compiled(k) == pytest.approx(2 * np.exp(2 * k), rel=1e-9)


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_stiff_equations(method):
    """Van der Pol's, where the adjoint would have to run up against e^(μt), and says so."""

    def f(mu, sensitivity):
        return odeint(
            lambda y, t, mu: np.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]), np.array([2.0, 0.0]),
            np.array([0.0, 5.0]), mu, method=method, rtol=1e-7, atol=1e-7, sensitivity=sensitivity,
        )[-1]  # fmt: skip

    forward = wg.jacobian(f, mode="forward")(10.0, "forward")
    assert np.allclose(wg.jacobian(f, mode="reverse")(10.0, "forward"), forward, rtol=1e-3)
    step = 1e-2
    difference = (f(10.0 + step, "forward") - f(10.0 - step, "forward")) / (2 * step)
    assert np.allclose(forward, difference, rtol=1e-2)
    with pytest.raises(ConvergenceError, match="forward"):
        wg.jacobian(f, mode="reverse")(10.0, "adjoint")


def test_errors():
    with pytest.raises(ConvergenceError, match="has not come"):
        odeint(lambda y, t: y * y, 1.0, np.array([0.0, 2.0]))
    with pytest.raises(wg.ShapeError, match="vector"):
        odeint(lambda y, t: y, 1.0, 1.0)
    with pytest.raises(wg.ArgumentError, match="ascend"):
        odeint(lambda y, t: y, 1.0, np.array([0.0, 1.0, 0.5]))
    with pytest.raises(wg.ShapeError, match="derivatives"):
        odeint(lambda y, t: y[0], np.ones(2), np.array([0.0, 1.0]))
    with pytest.raises(wg.ArgumentError, match="method"):
        odeint(lambda y, t: y, 1.0, np.array([0.0, 1.0]), method="euler")


def test_times_in_a_list():
    def end(k, times):
        return wg.implicit.odeint(lambda y, t, k: -k * y, 1.0, times, k)[-1]

    for times in ([0, 1, 2], (0.0, 2.0), range(3)):
        assert wg.grad(end)(0.5, times) == pytest.approx(-2 * np.exp(-1), rel=1e-7)
        assert wg.jvp(lambda k, t=times: end(k, t), (0.5,), (1.0,))[1] == pytest.approx(-2 * np.exp(-1), rel=1e-7)


@pytest.mark.parametrize("method", ["DOP853", "Radau"])
def test_a_field_that_decides_by_its_state_is_followed_at_every_place(method):
    def field(y, t, k):
        return -k * y if y > 0.5 else -0.5 * k

    def end(k):
        return wg.implicit.odeint(field, 1.0, np.array([0.0, 2.0]), k, method=method)[-1]

    # 1 → ½ takes log 2/k; from there on straight down: ½ − k/2·(2 − log 2/k)
    assert end(0.5) == pytest.approx(np.log(2) / 2, abs=1e-6)
    assert wg.jvp(end, (0.5,), (1.0,))[1] == pytest.approx(-1, abs=1e-5)
    assert wg.grad(end)(0.5) == pytest.approx(-1, abs=1e-5)
