"""The entries as a NumPy function: compiled, differentiated, for many points; and compiled Jacobians."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp

import wengert as wg

X = np.random.default_rng(3).uniform(0.5, 1.5, 12)


def tridiagonal(x):
    inner = (3 - 2 * x) * x + 1
    return inner - np.concatenate([np.zeros(1), x[:-1]]) - 2 * np.concatenate([x[1:], np.zeros(1)])


def arrow(x):
    return np.concatenate([np.sum(x**2)[None], x[0] * np.sin(x[1:])])


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def trees(p, s):
    return {"a": p["w"] * s, "b": (p["w"][0] * np.sin(p["b"]), s * s)}


@pytest.mark.parametrize("f", [tridiagonal, arrow])
@pytest.mark.parametrize("mode", [None, "forward", "reverse"])
def test_the_entries_in_the_order_of_the_plan(f, mode):
    plan = wg.sparse.pattern(f, mode=mode)(X)
    dense = wg.jacobian(f)(X)
    want = dense[plan.pattern.nonzero()]
    assert want.size == plan.nnz
    for transformed in (wg.sparse.values(f, plan), wg.jit(wg.sparse.values(f, plan))):
        np.testing.assert_allclose(transformed(X), want, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(plan.matrix(wg.sparse.values(f, plan)(X)).toarray(), dense, rtol=1e-13, atol=1e-13)


def test_broyden_s_tridiagonal_function_differentiated_twice():
    """∂fᵢ/∂xᵢ = 3 − 4xᵢ, so the sum of all entries has the gradient −4."""
    entries = wg.sparse.values(tridiagonal, wg.sparse.pattern(tridiagonal)(X))
    for g in (wg.grad(lambda x: np.sum(entries(x))), wg.jit(wg.grad(lambda x: np.sum(entries(x))))):
        np.testing.assert_allclose(g(X), np.full(12, -4.0), rtol=1e-14)
    xs = np.stack([X, 2 * X, -X])
    np.testing.assert_allclose(wg.vmap(entries)(xs), np.stack([entries(x) for x in xs]), rtol=1e-14)


def test_the_entries_of_a_hessian():
    plan = wg.sparse.pattern(rosenbrock, order=2)(X)
    want = scipy.optimize.rosen_hess(X)[plan.pattern.nonzero()]
    for g in (wg.sparse.values(rosenbrock, plan), wg.jit(wg.sparse.values(rosenbrock, plan))):
        np.testing.assert_allclose(g(X), want, rtol=1e-12, atol=1e-12)
    compiled = wg.sparse.hessian(rosenbrock, plan=plan, jit=wg.jit)(X)
    np.testing.assert_allclose(compiled.toarray(), scipy.optimize.rosen_hess(X), rtol=1e-12, atol=1e-12)
    assert (compiled != compiled.T).nnz == 0


def test_trees_of_arrays_and_numbers():
    arguments = ({"w": X[:3], "b": X[3]}, 1.5)
    plan = wg.sparse.pattern(trees, (0, 1))(*arguments)
    want = wg.sparse.jacobian(trees, (0, 1), plan=plan)(*arguments)
    got = wg.sparse.jacobian(trees, (0, 1), plan=plan, jit=wg.jit)(*arguments)
    assert plan.shape == (5, 5)
    np.testing.assert_allclose(got.toarray(), want.toarray(), rtol=1e-15)
    w, b, s = X[0], X[3], 1.5
    np.testing.assert_allclose(want.toarray()[3], [w * np.cos(b), np.sin(b), 0, 0, 0], rtol=1e-15)
    np.testing.assert_allclose(want.toarray()[4], [0, 0, 0, 0, 2 * s], rtol=1e-15)


@pytest.mark.parametrize("count", [4, 30])
def test_passes_at_once_and_one_by_one(count):
    """A band with so many diagonals; more than a few passes over short arrays are made together, also when compiled."""
    n = 2 * count
    bands = np.tril(np.ones((n, n))) - np.tril(np.ones((n, n)), -count)

    def f(p):
        return {"first": bands[:5] @ np.sin(p["x"] * p["s"]), "rest": bands[5:] @ np.sin(p["x"] * p["s"])}

    for dtype, tolerance in ((np.float64, 1e-13), (np.float32, 1e-5)):
        x = np.linspace(0, 1, n).astype(dtype)
        plan = wg.sparse.pattern(f)({"s": 1.5, "x": x})
        plan = wg.sparse.Plan(plan.pattern[:, 1:])  # the first column is that of s
        assert plan.colors == count
        got = wg.sparse.jacobian(lambda x: f({"x": x, "s": 1.5}), plan=plan)(x)
        want = bands * (1.5 * np.cos(1.5 * x))
        np.testing.assert_allclose(got.toarray(), want, rtol=tolerance)
    both = wg.sparse.jacobian(f)({"x": np.linspace(0, 1, n), "s": 1.5})  # s: a dense column of its own
    np.testing.assert_allclose(both.toarray()[:, 1:], bands * (1.5 * np.cos(1.5 * np.linspace(0, 1, n))), rtol=1e-13)
    np.testing.assert_allclose(
        both.toarray()[:, 0], bands @ (np.linspace(0, 1, n) * np.cos(1.5 * np.linspace(0, 1, n))), rtol=1e-12
    )


def test_many_colours_are_compiled_as_one_pass():
    n = 60
    lower = np.tril(np.ones((n, n)))
    plan = wg.sparse.Plan(lower, mode="forward")
    assert plan.colors == n
    got = wg.jit(wg.sparse.values(lambda x: np.cumsum(np.sin(x)), plan))(np.linspace(0, 1, n))
    np.testing.assert_allclose(plan.matrix(got).toarray(), lower * np.cos(np.linspace(0, 1, n)), rtol=1e-14)


def test_an_operation_without_a_batching_rule():
    halves = wg.primitive(lambda x: x / 2, wg.Linear(lambda ct, x: ct / 2), name="halves")
    f = lambda x: np.convolve(halves(x), np.ones(12))[:40]  # noqa: E731
    x = np.linspace(0, 1, 40)
    np.testing.assert_allclose(wg.sparse.jacobian(f)(x).toarray(), wg.jacobian(f)(x), rtol=1e-15)


# Compiled Jacobians --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [wg.jit, functools.partial(wg.jit, backend="numpy")])
def test_a_compiled_jacobian(jit):
    plan = wg.sparse.pattern(arrow)(X)
    compiled = wg.sparse.jacobian(arrow, plan=plan, jit=jit)
    for x in (X, -X, np.zeros(12), X.astype(np.float32)):
        got, want = compiled(x), wg.sparse.jacobian(arrow)(x)
        assert isinstance(got, sp.csr_array)
        assert got.dtype == want.dtype == x.dtype
        np.testing.assert_allclose(got.toarray(), want.toarray(), rtol=1e-6 if x.dtype == np.float32 else 1e-14)
        got.indices[:] = 0  # the plan's own are not handed out
        got.data[:] = 0


def test_a_compiled_jacobian_finds_out_another_branch():
    def f(x):
        return x[::-1] * x if x[0] > 1 else x**2

    plan = wg.sparse.pattern(f)(X / 2)
    compiled = wg.sparse.jacobian(f, plan=plan, jit=wg.jit)
    np.testing.assert_allclose(compiled(X / 2).toarray(), np.diag(X), rtol=1e-15)
    with pytest.raises(wg.GuardError, match="another branch"):
        compiled(X + 1)
    with pytest.raises(wg.GuardError, match="other indices"):
        wg.sparse.jacobian(np.sort, plan=wg.sparse.pattern(np.sort)(np.sort(X)), jit=wg.jit)(np.sort(X)[::-1].copy())
    assert wg.sparse.jacobian(f, plan=plan, check=False, jit=wg.jit)(X + 1).nnz == 12


def test_what_to_write_instead():
    plan = wg.sparse.pattern(tridiagonal)(X)
    for transformed in (
        wg.jit(wg.sparse.jacobian(tridiagonal)), wg.jit(wg.sparse.jacobian(tridiagonal, plan=plan)),
        wg.jit(wg.sparse.pattern(tridiagonal)), wg.jit(lambda x: plan.matrix(x[:1] * np.ones(plan.nnz))),
    ):  # fmt: skip
        with pytest.raises(wg.ArgumentError, match=r"jit=wg.jit\)"):
            transformed(X)
    with pytest.raises(wg.ArgumentError, match=r"write +wg.sparse.jacobian\(f, plan=plan, jit=wg.jit\)"):
        wg.sparse.jacobian(tridiagonal, plan=plan, jit=True)
    with pytest.raises(wg.ArgumentError, match="there is none"):
        wg.sparse.jacobian(tridiagonal, jit=wg.jit)
    with pytest.raises(wg.ShapeError, match="12 outputs"):
        wg.sparse.values(tridiagonal, plan)(X[:-1])
    with pytest.raises(wg.ShapeError, match="12 outputs"):
        wg.sparse.jacobian(tridiagonal, plan=plan, jit=wg.jit)(X[:-1])
    with pytest.raises(wg.ShapeError, match="34 entries"):
        plan.matrix(X)
    with pytest.raises(wg.ArgumentError, match="made of a matrix"):
        wg.sparse.values(tridiagonal, None)
    with pytest.raises(wg.ArgumentError, match="mode"):
        wg.sparse.pattern(tridiagonal, mode="both")
    with pytest.raises(wg.ArgumentError, match="no direction"):
        wg.sparse.pattern(rosenbrock, order=2, mode="forward")
