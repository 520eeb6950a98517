"""Linear systems: as np.linalg.solve, whether the matrix is there or only its products."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.implicit import ConvergenceError, linear_solve

B = np.array([1.0, -2.0, 3.0, 0.5, 2.0])


def product(x, k):
    return k * x - 0.5 * np.roll(x, 1) - np.sin(k) * np.roll(x, -1)


def matrix(k):
    one = np.eye(5)
    return k * one - 0.5 * np.roll(one, 1, 0) - np.sin(k) * np.roll(one, -1, 0)


def without(k, b):
    return linear_solve(product, b, k)


def dense(k, b):
    return linear_solve(matrix(k), b)


def by_numpy(k, b):
    return np.linalg.solve(matrix(k), b)


@pytest.mark.parametrize("f", [without, dense])
def test_derivatives_are_those_of_numpys_solution(f):
    assert np.allclose(f(3.0, B), by_numpy(3.0, B), rtol=1e-12)
    for argnum in (0, 1):
        expected = wg.jacobian(by_numpy, argnum)(3.0, B)
        for mode in ("forward", "reverse"):
            assert np.allclose(wg.jacobian(f, argnum, mode=mode)(3.0, B), expected, rtol=1e-11)
    assert np.allclose(wg.hessian(lambda k: np.sum(f(k, B) ** 2))(3.0),
                       wg.hessian(lambda k: np.sum(by_numpy(k, B) ** 2))(3.0), rtol=1e-10)  # fmt: skip
    wg.check_grads(f, (3.0, B), order=2)


def test_reverse_over_reverse():
    f, g = (wg.grad(lambda k, s=s: wg.grad(lambda q: np.sum(s(q, B) ** 3))(k)) for s in (without, by_numpy))
    assert f(3.0) == pytest.approx(g(3.0), rel=1e-10)


@pytest.mark.parametrize("method", ["gmres", "cg", "bicgstab", "minres", "lgmres"])
def test_methods_on_a_symmetric_matrix(method):
    def laplace(x, k):
        return k * x - np.roll(x, 1) - np.roll(x, -1)

    f = lambda k, b: np.sum(linear_solve(laplace, b, k, method=method) * B)  # noqa: E731
    one = np.eye(5)
    expected = np.linalg.inv(4.0 * one - np.roll(one, 1, 0) - np.roll(one, -1, 0))
    by_k, by_b = wg.grad(f, argnums=(0, 1))(4.0, B)
    assert by_k == pytest.approx(-B @ expected @ expected @ B, rel=1e-9)
    assert np.allclose(by_b, expected @ B, rtol=1e-9)


def test_trees_closures_and_jit():
    def f(k):
        def a(x):
            return {"u": 3.0 * x["u"] + k * np.sum(x["v"]), "v": 2.0 * x["v"] - x["u"][:2]}

        x = linear_solve(a, {"u": B[:3], "v": B[3:]})
        return np.sum(x["u"] ** 2) + np.sum(x["v"])

    wg.check_grads(f, (0.4,), order=2)
    compiled = wg.jit(wg.grad(f))
    for k in (0.4, -0.3):
        assert compiled(k) == pytest.approx(wg.grad(f)(k), rel=1e-10)


def test_recorded():
    graph = wg.trace(without)(3.0, B)
    assert np.allclose(graph(4.0, B + 1), by_numpy(4.0, B + 1), rtol=1e-11)


def test_a_hundred_thousand_unknowns_without_a_matrix():
    n = 100_000
    b = np.linspace(0.0, 1.0, n)
    f = lambda k: np.sum(linear_solve(lambda x, k: k * x - np.roll(x, 1) - np.roll(x, -1), b, k, method="cg"))  # noqa: E731
    assert wg.grad(f)(4.0) == pytest.approx(-np.sum(b) / 4.0, rel=1e-9)  # the sum is Σb/(k − 2)


def test_singular_and_misshapen():
    with pytest.raises(wg.DegenerateError, match="singular"):
        linear_solve(np.ones((2, 2)), np.ones(2))
    with pytest.raises(wg.ShapeError, match="square"):
        linear_solve(np.ones((3, 2)), np.ones(3))
    with pytest.raises(wg.ShapeError):
        linear_solve(lambda x: x[:2], np.ones(3))
    with pytest.raises(ConvergenceError):
        linear_solve(lambda x: 0.0 * x, np.ones(3))
    with pytest.raises(wg.ArgumentError, match="method"):
        linear_solve(lambda x: x, np.ones(3), method="lu")


def test_in_float32():
    b = B.astype(np.float32)
    x, pull = wg.vjp(lambda b: linear_solve(lambda x: 2 * x, b), b)
    assert x.dtype == pull(b)[0].dtype == np.float32
    assert np.allclose(x, b / 2)


def test_a_complex_matrix():
    a = np.array([[2.0, 1j], [0.0, 1.0]])
    assert np.allclose(
        wg.jacobian(lambda k: linear_solve(a * k, np.ones(2) + 0j))(2.0), -np.linalg.solve(a, np.ones(2)) / 4
    )
    with pytest.raises(wg.DegenerateError):
        linear_solve(np.array([[1.0, 1j], [1j, -1.0]]), np.ones(2))
