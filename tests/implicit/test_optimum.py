"""Minima: the ridge regression has a closed form, of which all derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.implicit import ConvergenceError, least_squares, minimize

RANDOM = np.random.default_rng(7)
X, Y = RANDOM.normal(size=(12, 3)), RANDOM.normal(size=12)


def hat(penalty):
    return np.linalg.solve(X.T @ X + penalty * np.eye(3), X.T)


def by_minimize(penalty, y):
    return minimize(lambda w, p, y: np.sum((X @ w - y) ** 2) + p * np.sum(w * w), np.zeros(3), penalty, y)


def by_least_squares(penalty, y):
    return least_squares(lambda w, p, y: {"fit": X @ w - y, "penalty": np.sqrt(p) * w}, np.zeros(3), penalty, y)


@pytest.mark.parametrize("ridge", [by_minimize, by_least_squares])
def test_ridge_regression(ridge):
    """W = H·y with the hat matrix H = (XᵀX + λ)⁻¹Xᵀ, so ∂w/∂y = H, ∂w/∂λ = −(XᵀX + λ)⁻¹w."""
    assert np.allclose(ridge(0.7, Y), hat(0.7) @ Y, rtol=1e-12)
    for mode in ("forward", "reverse"):
        assert np.allclose(wg.jacobian(ridge, 1, mode=mode)(0.7, Y), hat(0.7), rtol=1e-11)
    inverse = np.linalg.inv(X.T @ X + 0.7 * np.eye(3))
    assert np.allclose(wg.jacobian(ridge)(0.7, Y), -inverse @ hat(0.7) @ Y, rtol=1e-11)
    second = wg.jacobian(wg.jacobian(ridge))(0.7, Y)
    assert np.allclose(second, 2 * inverse @ inverse @ hat(0.7) @ Y, rtol=1e-11)
    mixed = wg.jacobian(wg.jacobian(ridge, 1))(0.7, Y)
    assert np.allclose(mixed, -inverse @ hat(0.7), rtol=1e-11)


def test_the_derivative_has_the_second_derivatives_of_the_residuals():
    """Far from a perfect fit the matrix of Gauss and Newton alone is wrong by a factor."""
    f = lambda a: least_squares(lambda x, a: np.stack([x * x - a, x - 3.0]), 1.0, a)  # noqa: E731
    a = -1.5
    x = f(a)
    assert 2 * x * (x * x - a) + x - 3 == pytest.approx(0, abs=1e-12)
    assert wg.grad(f)(a) == pytest.approx(2 * x / (6 * x * x - 2 * a + 1), rel=1e-12)
    wg.check_grads(f, (a,), order=3)


@pytest.mark.parametrize("method", ["trust-exact", "Newton-CG", "BFGS", "Nelder-Mead", "trust-ncg", "L-BFGS-B"])
def test_methods_of_scipy(method):
    """The minimum of Rosenbrock's function (a − x)² + b·(y − x²)² is at (a, a²)."""
    f = lambda a: minimize(  # noqa: E731
        lambda v, a: (a - v[0]) ** 2 + 10.0 * (v[1] - v[0] ** 2) ** 2, np.array([-0.5, 1.0]), a, method=method
    )
    assert np.allclose(f(1.2), [1.2, 1.44], rtol=1e-12)
    assert np.allclose(wg.jacobian(f)(1.2), [1.0, 2.4], rtol=1e-10)
    assert np.allclose(wg.jacobian(wg.jacobian(f))(1.2), [0.0, 2.0], rtol=1e-8, atol=1e-8)


def test_trees_closures_and_a_second_level():
    """A hyperparameter's gradient through a fit: what the fit uses from outside is followed too."""

    def validation(logp):
        fit = minimize(
            lambda w: np.sum((X[:8] @ w["w"] + w["c"] - Y[:8]) ** 2) + np.exp(logp) * np.sum(w["w"] ** 2),
            {"w": np.zeros(3), "c": 0.0},
        )
        return np.sum((X[8:] @ fit["w"] + fit["c"] - Y[8:]) ** 2)

    wg.check_grads(validation, (0.3,), order=2)
    compiled = wg.jit(wg.grad(validation))
    for logp in (0.3, -1.0):
        assert compiled(logp) == pytest.approx(wg.grad(validation)(logp), rel=1e-10)


@pytest.mark.parametrize("f", [lambda x: x**3, lambda x: -(x**2) + 0.1 * x])
def test_no_minimum(f):
    with pytest.raises(ConvergenceError):
        minimize(f, -1.0, options={"maxiter": 40})


def test_a_stationary_point_is_not_enough():
    with pytest.raises(ConvergenceError, match="no minimum"):
        minimize(np.cos, 0.0)


def test_residuals_that_are_not_finite():
    with pytest.raises(ConvergenceError, match="not a number"):
        least_squares(np.log, -1.0)


def test_a_minimum_that_is_not_isolated():
    f = lambda a: least_squares(lambda x, a: x[0] + x[1] - a, np.ones(2), a)  # noqa: E731
    assert np.sum(f(3.0)) == pytest.approx(3.0)
    with pytest.raises(wg.DegenerateError):
        wg.jacobian(f)(3.0)


def test_in_float32():
    x = minimize(lambda m, d: np.sum((d - m) ** 2), np.float32(0), np.array([1, 2, 6], np.float32))
    assert x.dtype == np.float32
    assert x == pytest.approx(3.0)
