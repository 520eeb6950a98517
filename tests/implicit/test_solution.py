"""Roots and minima of many unknowns, by products alone: as with the matrix, in every mode and to any order."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.implicit import ConvergenceError, linear_solve, minimize, root

B = np.random.default_rng(0).normal(size=(4, 4))
MANY = 100_000


def heat(u, b, k):
    """4u − neighbours + k·u³ + u + a slope that makes it unsymmetric: a stationary temperature on a torus."""
    around = np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1)
    return 5 * u - around + 0.3 * (np.roll(u, 1, 0) - u) + k * u**3 - b


def energy(x, b, k):
    return np.sum((x - np.roll(x, 1)) ** 2) / 2 + np.sum(x * x) / 2 + k * np.sum(x**4) / 4 - np.sum(b * x)


def roots(**given):
    return lambda b, k: root(heat, np.zeros_like(b), b, k, **given)


def minima(**given):
    return lambda b, k: minimize(energy, np.zeros(np.shape(b)), b, k, **given)


@pytest.mark.parametrize(
    ("f", "dense"),
    [
        *[(roots(solver=s), roots()) for s in ("gmres", "bicgstab", "lgmres")],
        *[(minima(solver=s), minima()) for s in ("cg", "minres", "gmres")],
        *[(minima(solver="cg", method=m), minima()) for m in ("Newton-CG", "trust-krylov", "L-BFGS-B")],
    ],
)
def test_it_is_as_with_the_matrix(f, dense):
    assert np.allclose(f(B, 0.3), dense(B, 0.3), rtol=1e-12, atol=1e-13)
    for mode in ("forward", "reverse"):
        for one, two in zip(*(wg.jacobian(g, (0, 1), mode=mode)(B, 0.3) for g in (f, dense)), strict=True):
            assert np.allclose(one, two, rtol=1e-8, atol=1e-9)
    cubes = [lambda b, k, g=g: np.sum(g(b, k) ** 3) for g in (f, dense)]
    assert np.allclose(*(wg.hvp(g)(B, 0.3, B) for g in cubes), rtol=1e-8, atol=1e-9)
    twice = [wg.grad(lambda k, g=g: wg.grad(lambda q: g(B, q))(k))(0.3) for g in cubes]
    assert twice[0] == pytest.approx(twice[1], rel=1e-8)
    compiled = wg.jit(wg.grad(cubes[0], argnums=1))
    for k in (0.3, 0.6):
        assert compiled(B, k) == pytest.approx(wg.grad(cubes[1], argnums=1)(B, k), rel=1e-8)


def test_trees_numbers_and_float32():
    f = lambda a: root(lambda x, a: (x["u"] ** 3 + x["v"] - a, x["v"] - 2 * a), {"u": np.ones(2), "v": 1.0}, a,  # noqa: E731
                       solver="gmres")  # fmt: skip
    found = wg.jacobian(f)(2.0)
    assert found["v"] == pytest.approx(2.0, rel=1e-9)
    assert np.allclose(found["u"], -1 / (3 * 2 ** (2 / 3)), rtol=1e-9)
    single = root(lambda x, a: x * x - a, np.ones(2, np.float32), np.float32(2), solver="gmres")
    assert single.dtype == np.float32
    derivative = wg.grad(lambda a: root(lambda x, a: x * x - a, 1.0, a, solver="gmres"))
    assert derivative(2.0) == pytest.approx(0.5 / 2**0.5, rel=1e-9)


@pytest.mark.parametrize("kind", ["root", "minimum", "bounded"])
def test_a_hundred_thousand_unknowns_in_both_directions(kind):
    """One matrix would have 80 gigabytes. ⟨ct, J·t⟩ = ⟨Jᵀ·ct, t⟩, and the sum over a constant b is known."""
    side = int(MANY**0.5) + 1
    shape = (side, side) if kind == "root" else (MANY,)
    f = {"root": roots(solver="gmres"), "minimum": minima(solver="cg"),
         "bounded": minima(solver="gmres", bounds=(-0.5, 0.8))}[kind]  # fmt: skip
    random = np.random.default_rng(3)
    b, t, ct = (random.normal(size=shape) for _ in range(3))
    x, pull = wg.vjp(f, b, 0.3)
    by_b, by_k = pull(ct)
    moved = wg.jvp(f, (b, 0.3), (t, 1.0))[1]
    assert np.sum(ct * moved) == pytest.approx(np.sum(by_b * t) + by_k, rel=1e-6)
    if kind == "bounded":
        assert not moved[(x == -0.5) | (x == 0.8)].any()
    else:
        even = np.full(shape, 1.3)  # u + k·u³ = b everywhere, du = db/(1 + 3k·u²)
        level = np.real(np.roots([0.3, 0.0, 1.0, -1.3])[-1])
        same, moved = wg.jvp(lambda b: f(b, 0.3), (even,), (even,))
        assert np.allclose(same, level, rtol=1e-9)
        assert np.allclose(moved, 1.3 / (1 + 0.9 * level**2), rtol=1e-8)


def test_singular_double_and_misshapen_roots():
    flat = lambda a: root(lambda x, a: (x[0] + x[1] - a) * np.array([1.0, 2.0]), np.ones(2), a, solver="gmres")  # noqa: E731
    assert np.sum(flat(2.0)) == pytest.approx(2.0)
    with pytest.raises(wg.DegenerateError, match="gmres"):
        wg.jacobian(flat)(2.0)
    with pytest.raises((wg.DegenerateError, ConvergenceError)):
        wg.jacobian(lambda a: root(lambda x, a: (x - a) ** 2, np.full(2, 2.0), a, solver="gmres"))(1.0)
    valley = lambda a: minimize(lambda x, a: (np.sum(x) - a) ** 2, np.ones(3), a, solver="cg")  # noqa: E731
    with pytest.raises(wg.DegenerateError, match="cg"):
        wg.jacobian(valley)(2.0)
    with pytest.raises(ConvergenceError, match="no minimum"):
        minimize(lambda x: np.sum(np.cos(x)), np.zeros(3), solver="cg")
    with pytest.raises(ConvergenceError, match="converged"):
        minimize(lambda x: np.sum(x**3), -np.ones(3), solver="cg", options={"maxiter": 50})
    with pytest.raises(ConvergenceError, match="converged"):
        root(lambda x: x * x + 1, np.ones(2), solver="gmres")
    with pytest.raises(wg.ShapeError, match="least_squares"):
        root(lambda x: x[:1], np.ones(2), solver="gmres")


def test_steps_are_products_with_the_matrix():
    """One restart of GMRES takes many, and SciPy would count it as one."""
    calls = []

    def laplace(x):
        calls.append(0)
        return 2 * x - np.roll(x, 1) * (np.arange(400) > 0) - np.roll(x, -1) * (np.arange(400) < 399)

    with pytest.raises(ConvergenceError, match="gmres"):
        linear_solve(laplace, np.ones(400), steps=250)
    assert 250 <= len(calls) <= 350
    f = lambda a: root(lambda x, a: laplace(x) - a, np.zeros(400), a, solver="gmres", solver_options={"steps": 50})  # noqa: E731
    with pytest.raises((ConvergenceError, wg.DegenerateError), match="gmres"):
        wg.jacobian(f)(1.0)


@pytest.mark.parametrize(
    ("match", "call"),
    [
        ("solver", lambda: root(np.sin, np.ones(2), solver="lu")),
        ("options", lambda: root(np.sin, np.ones(2), solver_options={"tol": 1e-3})),
        ("options", lambda: root(np.sin, np.ones(2), solver="gmres", solver_options={"maxiter": 3})),
        ("matrix", lambda: root(np.sin, np.ones(2), solver="gmres", method="hybr")),
        ("matrix", lambda: minimize(np.sum, np.ones(2), solver="cg", method="BFGS")),
    ],
)
def test_errors(match, call):
    with pytest.raises(wg.ArgumentError, match=match):
        call()
