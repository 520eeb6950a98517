"""Minima within bounds: what is at a bound moves with it, the rest solves the smaller problem; SciPy agrees on x."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize

import wengert as wg
from wengert.implicit import ConvergenceError, least_squares, minimize

RANDOM = np.random.default_rng(1)
X, Y = RANDOM.normal(size=(12, 4)), RANDOM.normal(size=12)
LOW, HIGH = -0.2, 0.22


def by_minimize(**given):
    return lambda y, low, high: minimize(
        lambda w, y: np.sum((X @ w - y) ** 2), np.zeros(4), y, bounds=(low, high), **given
    )


def by_least_squares(y, low, high):
    return least_squares(lambda w, y: X @ w - y, np.zeros(4), y, bounds=(low, high))


FITS = {
    **{m: by_minimize(method=m) for m in (None, "TNC", "SLSQP", "trust-constr", "Nelder-Mead", "COBYLA")},
    "without a matrix": by_minimize(solver="gmres"),
    "without a matrix, inside": by_minimize(solver="gmres", method="trust-constr"),
    "least_squares": by_least_squares,
}


@pytest.mark.parametrize("fit", FITS.values(), ids=map(str, FITS))
def test_a_regression_within_bounds(fit):
    """With H = XᵀX the free weights are H_FF⁻¹(X_Fᵀy − H_FA·bounds), and the others are the bounds."""
    w = fit(Y, LOW, HIGH)
    expected = scipy.optimize.lsq_linear(X, Y, (LOW, HIGH), tol=1e-14).x
    assert np.allclose(w, expected, rtol=1e-6, atol=1e-8)
    low, high = w == LOW, w == HIGH
    free = ~(low | high)
    assert [np.sum(part) for part in (low, high, free)] == [1, 1, 2]
    inverse, h = np.linalg.inv((X.T @ X)[np.ix_(free, free)]), X.T @ X
    by_y, by_low, by_high = np.zeros((4, 12)), low.astype(float), high.astype(float)
    by_y[free] = inverse @ X.T[free]
    for part, at in ((by_low, low), (by_high, high)):
        part[free] = -inverse @ h[free] @ at
    for mode in ("forward", "reverse"):
        found = wg.jacobian(fit, (0, 1, 2), mode=mode)(Y, LOW, HIGH)
        for one, two in zip(found, (by_y, by_low, by_high), strict=True):
            assert np.allclose(one, two, rtol=1e-9, atol=1e-10)
    total = lambda low: np.sum(fit(Y, low, HIGH) ** 2)  # noqa: E731
    assert wg.grad(wg.grad(total))(LOW) == pytest.approx(2 * by_low @ by_low, rel=1e-9)
    assert wg.jit(wg.grad(total))(LOW) == pytest.approx(wg.grad(total)(LOW), rel=1e-12)


@pytest.mark.parametrize("method", [None, "trust-constr", "Powell", "COBYQA"])
def test_rosenbrocks_function_in_a_box(method):
    """Below the bound u of the first unknown the minimum is at (u, u²)."""

    def f(u):
        return minimize(lambda v: (1 - v[0]) ** 2 + 100 * (v[1] - v[0] ** 2) ** 2, np.array([-1.2, 0.5]),
                        bounds=(None, u), method=method)  # fmt: skip

    assert np.allclose(f(0.8), [0.8, 0.64], rtol=1e-12)
    assert np.allclose(wg.jacobian(f)(0.8), [1.0, 1.6], rtol=1e-10)
    assert np.allclose(wg.jacobian(wg.jacobian(f))(0.8), [0.0, 2.0], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_against_central_differences_of_scipys_minimum(seed):
    """Random functions with curvature that changes, and bounds of their own for each unknown."""
    random = np.random.default_rng(seed)
    root, b = random.normal(size=(6, 6)), random.normal(size=6)
    low, high = -random.uniform(0.05, 0.4, 6), random.uniform(0.05, 0.4, 6)

    def loss(x, a):
        return 0.5 * np.sum((root @ x) ** 2) + np.sum(np.cosh(a * x)) - b @ x

    def scipys(a):
        function = lambda x: (loss(x, a), root.T @ (root @ x) + a * np.sinh(a * x) - b)  # noqa: E731
        return scipy.optimize.minimize(function, np.zeros(6), jac=True, bounds=list(zip(low, high, strict=True)),
                                       method="L-BFGS-B", options={"gtol": 1e-13, "ftol": 0.0}).x  # fmt: skip

    found = wg.jacobian(lambda a: minimize(loss, np.zeros(6), a, bounds=(low, high)))(1.3)
    assert np.allclose(found, (scipys(1.3 + 1e-3) - scipys(1.3 - 1e-3)) / 2e-3, atol=2e-5)


@pytest.mark.parametrize("size", [1e-25, 1e25])
def test_the_size_of_the_function_does_not_matter(size):
    def f(low):
        return minimize(lambda w: size * np.sum((X @ w - Y) ** 2), np.zeros(4), bounds=(low, HIGH))

    assert np.allclose(f(LOW), by_minimize()(Y, LOW, HIGH), rtol=1e-12)
    assert np.allclose(wg.jacobian(f)(LOW), wg.jacobian(by_minimize(), 1)(Y, LOW, HIGH), rtol=1e-10)


def test_trees_floats_and_bounds_from_outside():
    def f(edge):
        loss = lambda x: (x["a"] - 3) ** 2 + np.sum((x["b"] + edge * x["a"]) ** 2)  # noqa: E731
        upper = {"a": edge, "b": np.stack([9.0, -edge])}
        return minimize(loss, {"a": 0.0, "b": np.zeros(2)}, bounds=(None, upper))

    x = f(1.5)  # a = edge, b₀ = −edge², and b₁ is free of its bound: −edge² < −edge
    assert [x["a"], *x["b"]] == pytest.approx([1.5, -2.25, -2.25])
    slope = wg.jacobian(f)(1.5)
    assert [slope["a"], *slope["b"]] == pytest.approx([1.0, -3.0, -3.0])
    single = wg.jacobian(lambda low: minimize(lambda x: np.sum((x - np.array([-1, 0.5], np.float32)) ** 2),
                                              np.ones(2, np.float32), bounds=(low, None)))(np.float32(0.1))  # fmt: skip
    assert single.dtype == np.float32
    assert single.tolist() == [1.0, 0.0]
    given = minimize(lambda x: np.sum((x - 0.2) ** 2), np.ones(2), bounds=scipy.optimize.Bounds([0.3, 0.0], [1.0, 1.0]))
    assert np.allclose(given, [0.3, 0.2])


@pytest.mark.parametrize("solver", ["dense", "gmres"])
def test_a_multiplier_of_zero_is_a_kink(solver):
    """The minimum of (x − a)² over x ≥ 0 is max(a, 0)."""
    f = lambda a: minimize(lambda x, a: (x - a) ** 2, 0.5, a, bounds=(0.0, 1.0), solver=solver)  # noqa: E731
    assert [(f(a), wg.grad(f)(a)) for a in (-0.5, 0.3, 2.0)] == [(0.0, 0.0), (pytest.approx(0.3), 1.0), (1.0, 0.0)]
    for a in (0.0, 1.0):
        assert f(a) == a
        with pytest.raises(wg.DegenerateError, match="kink"):
            wg.grad(f)(a)
    for a in (0.1 + 0.2, 0.3 - 1e-16):  # to rounding errors it is at the bound 0.3
        with pytest.raises(wg.DegenerateError, match="kink"):
            wg.grad(lambda a: minimize(lambda x, a: (x - a) ** 2, 0.5, a, bounds=(0.3, 1.0), solver=solver))(a)


def test_no_minimum():
    with pytest.raises(ConvergenceError, match="no minimum"):
        minimize(np.cos, 0.0, bounds=(-1.0, 1.0))
    with pytest.raises(ConvergenceError, match="converged"):
        minimize(lambda x: x**3, -1.0, bounds=(None, 1.0))
    with pytest.raises(wg.DegenerateError, match="Jacobian"):
        wg.jacobian(lambda a: least_squares(lambda x, a: x[0] + x[1] - a, np.ones(3), a, bounds=(0.0, 5.0)))(3.0)


def square(x):
    return np.sum((x - 0.2) ** 2)


@pytest.mark.parametrize(
    ("error", "match", "given"),
    [
        (wg.ArgumentError, "not below", {"bounds": (1.0, 0.0)}),
        (wg.ArgumentError, "not below", {"bounds": (np.array([0.0, 0.5]), 0.5)}),
        (wg.ArgumentError, "not below", {"bounds": (np.nan, None)}),
        (wg.ArgumentError, "pair", {"bounds": [(0, 1), (0, 1)]}),
        (wg.ShapeError, "structure", {"bounds": ((0, 1), (2, 3))}),
        (wg.ShapeError, "shape", {"bounds": (np.zeros(3), None)}),
        (wg.ArgumentError, "no bounds", {"bounds": (0.0, 1.0), "method": "BFGS"}),
        (wg.ArgumentError, "symmetric", {"bounds": (0.0, 1.0), "solver": "cg"}),
    ],
)
def test_errors(error, match, given):
    with pytest.raises(error, match=match):
        minimize(square, np.ones(2), **given)


def test_errors_of_least_squares():
    with pytest.raises(wg.ArgumentError, match="lm"):
        least_squares(lambda x: x - 1, np.ones(2), bounds=(0.0, 1.0), method="lm")
