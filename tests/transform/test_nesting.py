"""Derivatives of derivatives: every mix of modes, no perturbation confusion, threads."""

from __future__ import annotations

import asyncio
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest

import wengert as wg

MODES = {
    "grad": wg.grad,
    "jvp": lambda f: lambda x: wg.jvp(f, (x,), (1.0,))[1],
    "vjp": lambda f: lambda x: wg.vjp(f, x)[1](1.0)[0],
    "linearize": lambda f: lambda x: wg.linearize(f, x)[1](1.0),
}
mode = pytest.mark.parametrize("D", MODES.values(), ids=MODES)
inner_mode = pytest.mark.parametrize("E", MODES.values(), ids=MODES)

FUNCTIONS = {
    "composition": (lambda x: np.exp(np.sin(x)), lambda x: mpmath.exp(mpmath.sin(x))),
    "quotient": (lambda x: x * np.tanh(x) / (1 + x**2), lambda x: x * mpmath.tanh(x) / (1 + x**2)),
    "reduction": (lambda x: np.sum(np.array([1.0, 2.0]) * x ** np.array([2.0, 3.0])), lambda x: x**2 + 2 * x**3),
    "joined": (lambda x: np.prod(np.stack([x, x * x, np.cos(x)])), lambda x: x**3 * mpmath.cos(x)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_mix_of_modes_gives_the_derivative_of_that_order(name, order):
    f, reference = FUNCTIONS[name]
    with mpmath.workdps(40):
        expected = float(mpmath.diff(reference, 0.7, order))
    for mix in itertools.product(MODES.values(), repeat=order):
        derivative = f
        for D in mix:
            derivative = D(derivative)
        assert derivative(0.7) == pytest.approx(expected, rel=1e-11)


@mode
@inner_mode
def test_siskind_and_pearlmutter(D, E):
    """d/dx (x · d/dy (x + y)) = 1 at (1, 1), not 2 (Siskind & Pearlmutter 2005)."""
    assert D(lambda x: x * E(lambda y: x + y)(1.0))(1.0) == 1.0


@mode
@inner_mode
def test_inner_functions_see_outer_variables(D, E):
    assert D(lambda x: x * E(lambda y: x * y)(2.0))(3.0) == 6.0  # d/dx x·x
    assert D(lambda x: E(lambda y: x * y * y)(x))(3.0) == 12.0  # d/dx 2x·x
    assert D(lambda x: E(lambda y: x)(2.0))(3.0) == 0.0  # the inner function does not depend on y
    assert D(lambda x: E(lambda y: y * y)(2.0))(3.0) == 0.0  # nor the outer one on x
    assert D(lambda x: x * E(lambda y: E(lambda z: x * y * z)(x))(x))(2.0) == 4.0  # d/dx x·x


@mode
@inner_mode
def test_the_amazing_bug(D, E):
    """A derivative that returns a function: (D̂ (D̂ exp)) 1 = e (Manzyuk, Pearlmutter, Radul, Rush & Siskind 2019)."""

    def at_zero_shift(derivative):
        return lambda f: lambda x: derivative(lambda u: f(x + u))(0.0)

    assert at_zero_shift(D)(at_zero_shift(E)(np.exp))(1.0) == pytest.approx(np.e, rel=1e-14)


@mode
def test_a_stored_inner_function_keeps_its_outer_variable(D):
    """The pullback of an inner vjp is called where the outer derivative still runs."""

    def f(x):
        y, pull = wg.vjp(lambda y: x * y**2, x)
        return pull(x)[0] * y  # 2x·x·x · x³

    assert D(f)(2.0) == pytest.approx(12 * 2.0**5)  # d/dx 2x⁶


def test_jacobians_nest():
    A = np.random.default_rng(0).normal(size=(3, 3))
    H = wg.jacobian(wg.jacobian(lambda x: x @ A @ x))(np.ones(3))
    np.testing.assert_allclose(H, A + A.T, rtol=1e-13)
    T = wg.jacobian(wg.hessian(lambda x: np.sum(x**4)))(np.array([1.0, 2.0]))
    np.testing.assert_allclose(T[[0, 1], [0, 1], [0, 1]], [24.0, 48.0])
    assert np.count_nonzero(T) == 2


def test_an_inner_derivative_through_which_the_outer_one_trains():
    """∂/∂w (f′(x))² for f = sin(w·x): 2·f′·∂f′/∂w, as in a physics-informed loss."""
    w, x = 1.3, 0.4
    slope = lambda w: wg.grad(lambda x: np.sin(w * x))(x)  # noqa: E731
    expected = 2 * w * np.cos(w * x) * (np.cos(w * x) - w * x * np.sin(w * x))
    assert wg.grad(lambda w: slope(w) ** 2)(w) == pytest.approx(expected, rel=1e-14)


# Threads and tasks ----------------------------------------------------------------------------------------------------


def test_threads_nest_independently():
    with mpmath.workdps(30):
        expected = [float(mpmath.diff(mpmath.tanh, 0.1 * (i % 7 + 1), 3)) for i in range(100)]
    modes = list(MODES.values())

    def work(i):
        derivative = np.tanh
        for j in range(3):
            derivative = modes[(i >> 2 * j) % 4](derivative)
        return derivative(0.1 * (i % 7 + 1))

    with ThreadPoolExecutor(8) as pool:
        np.testing.assert_allclose(list(pool.map(work, range(100))), expected, rtol=1e-11)


@mode
@inner_mode
def test_a_thread_inside_a_derivative_sees_the_outer_variable(D, E):
    def f(x):
        found = []
        thread = threading.Thread(target=lambda: found.append(E(lambda y: x * y * y)(3.0)))
        thread.start()
        thread.join()
        return found[0] * x

    assert D(f)(2.0) == 24.0  # d/dx 6x²


def test_many_threads_inside_one_derivative():
    def f(x):
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(lambda i: wg.grad(lambda y: x**2 * y**i)(2.0), range(1, 20)))

    assert wg.grad(f)(1.5) == pytest.approx(sum(3.0 * i * 2.0 ** (i - 1) for i in range(1, 20)))


def test_tasks_that_take_turns_inside_derivatives():
    async def work(i):
        async def slow(x):
            await asyncio.sleep(0)
            return x**i

        def f(x):
            inner = slow(x)
            inner.send(None)  # the task gives way in the middle of a derivative
            try:
                inner.send(None)
            except StopIteration as done:
                return done.value

        await asyncio.sleep(0)
        return wg.grad(wg.grad(f))(2.0)

    async def together():
        return await asyncio.gather(*(work(i) for i in range(2, 8)))

    assert asyncio.run(together()) == [pytest.approx(i * (i - 1) * 2.0 ** (i - 2)) for i in range(2, 8)]
