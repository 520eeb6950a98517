"""Sparse Jacobians and Hessians of problems with known structure, plans, and plans that do not fit."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp

import wengert as wg
from benchmarks.gradbench import ba

from .dense import check_hessian, check_jacobian

RNG = np.random.default_rng(3)
X = RNG.uniform(0.5, 1.5, 12)


def tridiagonal(x):
    inner = (3 - 2 * x) * x + 1
    return inner - np.concatenate([np.zeros(1), x[:-1]]) - 2 * np.concatenate([x[1:], np.zeros(1)])


def arrow(x):
    return np.concatenate([np.sum(x**2)[None], x[0] * np.sin(x[1:])])


def bratu(u):
    """−Δu − eᵘ on a square grid with zeros around it."""
    n = u.shape[0]
    wide = np.zeros((n + 2, n + 2), like=u)
    wide[1:-1, 1:-1] = u
    return 4 * u - wide[:-2, 1:-1] - wide[2:, 1:-1] - wide[1:-1, :-2] - wide[1:-1, 2:] - np.exp(u)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def chain(x):
    return np.sum(np.cos(x[1:] - x[:-1])) + np.sum(x**4)


def test_broyden_s_tridiagonal_function():
    """Broyden (1965): ∂fᵢ/∂xᵢ = 3 − 4xᵢ, −1 below, −2 above."""
    plan = check_jacobian(tridiagonal, (X,))
    want = sp.diags_array([-np.ones(11), 3 - 4 * X, -2 * np.ones(11)], offsets=[-1, 0, 1])
    np.testing.assert_allclose(wg.sparse.jacobian(tridiagonal)(X).toarray(), want.toarray(), rtol=1e-15)
    assert (plan.nnz, plan.colors) == (34, 3)


def test_an_arrow():
    assert check_jacobian(arrow, (X,)).colors == 3


def test_the_laplacian_of_a_grid():
    n = 7
    u = RNG.normal(size=(n, n))
    plan = check_jacobian(bratu, (u,))
    line = sp.diags_array([-np.ones(n - 1), 2 * np.ones(n), -np.ones(n - 1)], offsets=[-1, 0, 1])
    one = sp.eye_array(n)
    want = sp.kron(line, one) + sp.kron(one, line) - sp.diags_array(np.exp(u).ravel())
    np.testing.assert_allclose(wg.sparse.jacobian(bratu, plan=plan)(u).toarray(), want.toarray(), rtol=1e-14)
    assert plan.nnz == want.nnz
    assert 5 <= plan.colors <= 7


def test_blocks():
    a = RNG.normal(size=(6, 3, 3)) + 4 * np.eye(3)
    x = RNG.normal(size=(6, 3))
    plan = check_jacobian(lambda x: np.linalg.solve(a + x[:, :, None] * x[:, None], x[..., None]), (x,), (0,), 1e-11)
    assert (plan.nnz, plan.colors) == (54, 3)
    np.testing.assert_array_equal(plan.pattern.toarray(), np.kron(np.eye(6, dtype=bool), np.ones((3, 3), bool)))


def bundle(cameras, points, count, seed=0):
    rng = np.random.default_rng(seed)
    middle = np.array([0, 0, 0, 0, 0, -5.0, 500.0, 0, 0, 0.01, 0.001])
    observations = np.stack([rng.integers(0, cameras, count), rng.integers(0, points, count)], 1)
    return (
        middle + 0.1 * rng.normal(size=(cameras, 11)), rng.normal(size=(points, 3)), rng.uniform(0.5, 1, count),
        rng.normal(size=(count, 2)), observations,
    )  # fmt: skip


def reference(arguments):
    """The Jacobian whose places are written out by hand."""
    starts, columns, values = ba.sparse_jacobian(*arguments)
    count = len(arguments[2])
    return sp.csr_array((values, columns, starts), (3 * count, 11 * len(arguments[0]) + 3 * len(arguments[1]) + count))


def test_bundle_adjustment():
    """15 numbers for each observation; an error along an axis does not feel the other coordinate of the centre."""
    arguments = bundle(4, 9, 40)
    plan = check_jacobian(ba.errors, arguments, (0, 1, 2), 1e-11)
    got, want = wg.sparse.jacobian(ba.errors, (0, 1, 2), plan=plan)(*arguments), reference(arguments)
    assert abs(got - want).max() <= 1e-12 * abs(want).max()
    assert plan.nnz == (14 + 14 + 1) * 40
    assert plan.colors == 14


def test_hessians_of_chains():
    assert check_hessian(rosenbrock, (X,)).colors == 3
    assert check_hessian(chain, (X,)).colors == 3
    np.testing.assert_allclose(
        wg.sparse.hessian(rosenbrock)(X).toarray(), scipy.optimize.rosen_hess(X), rtol=1e-13, atol=1e-12
    )


def test_the_hessian_of_an_arrow():
    assert check_hessian(lambda x: x[0] * np.sum(x**3), (X,)).colors == 2


def random_function(seed):
    """Sums of elementwise functions of sparse linear maps, of products of neighbours and of picked elements."""
    rng = np.random.default_rng(seed)
    maps = [sp.random_array((15, 12), density=0.12, rng=rng).toarray() for _ in range(3)]
    picks = [rng.integers(0, 12, 8) for _ in range(3)]
    unary = [np.sin, np.tanh, np.exp, np.square, lambda t: 1 / (2 + t * t), np.abs]
    f, g, h = (unary[i] for i in rng.integers(0, len(unary), 3))

    def program(x):
        a, b = f(maps[0] @ x), g(maps[1] @ x) * (maps[2] @ x)
        c = np.where(np.arange(8) % 3 == 0, h(x[picks[0]]), x[picks[1]] * x[picks[2]])
        if x[0] > 0:
            c = np.flip(c)
        for k in range(3):
            c = c * x[k] + np.roll(c, k)
        return {"rows": a * b, "cells": np.concatenate([c, a[:4]]).reshape(3, 4)}

    return program


@pytest.mark.parametrize("seed", range(25))
def test_random_programs(seed):
    f = random_function(seed)
    x = np.random.default_rng(seed + 100).normal(size=12)
    check_jacobian(f, (x,))
    check_hessian(lambda x: np.sum(f(x)["rows"]) + np.sum(np.sin(f(x)["cells"])), (x,))


def test_arguments_and_results_that_are_trees():
    def f(p, scale, power):
        return [p["w"][:, 0] * scale, (p["b"] ** power, scale)]

    arguments = ({"w": RNG.normal(size=(3, 2)), "b": RNG.uniform(1, 2, 3)}, 1.5, 3)
    plan = check_jacobian(f, arguments, (1, 0))
    assert plan.shape == (7, 10)
    assert (
        wg.sparse.jacobian(f, argnums=-2)(*arguments).toarray().ravel()[:3].tolist() == arguments[0]["w"][:, 0].tolist()
    )


def test_a_compiled_function():
    compiled = wg.jit(tridiagonal)
    compiled(X)
    check_jacobian(compiled, (X,))
    check_hessian(wg.jit(rosenbrock), (X,))


def test_control_flow_follows_the_branch_taken():
    def f(x):
        y = x
        while np.sum(y) < 20:
            y = y * 2
        return y if x[0] > 1 else y[::-1] * x

    for x in (X + 1, X / 2):
        check_jacobian(f, (x,))


def test_float32_stays():
    got = wg.sparse.jacobian(arrow)(X.astype(np.float32))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got.toarray(), wg.sparse.jacobian(arrow)(X).toarray(), rtol=1e-6)


@pytest.mark.parametrize("f", [lambda x: np.float64(3.0), lambda x: x[:0], lambda x: np.floor(x), lambda x: np.ones(2)])
def test_constants_have_no_entries(f):
    got = wg.sparse.jacobian(f)(X)
    assert got.nnz == 0
    assert got.shape == (np.size(f(X)), 12)


def test_a_number_of_a_number():
    assert wg.sparse.jacobian(np.sin)(0.0).toarray().tolist() == [[1.0]]
    assert wg.sparse.hessian(np.cos)(0.0).toarray().tolist() == [[-1.0]]


def test_a_plan_is_used_again():
    plan = wg.sparse.pattern(tridiagonal)(X)
    f = wg.sparse.jacobian(tridiagonal, plan=plan)
    for x in (X, -3 * X, np.zeros(12)):
        got = f(x)
        np.testing.assert_allclose(got.toarray(), wg.jacobian(tridiagonal)(x), rtol=1e-15)
        got.indices[:] = 0  # the plan's own are not handed out
    assert pickle.loads(pickle.dumps(plan)).colors == 3
    assert repr(plan) == "<plan of a Jacobian: 12 × 12, 34 entries in 3 passes>"


def test_a_known_pattern_serves_as_a_plan():
    """A superset: it costs passes, and zeros."""
    places = np.tri(12, k=1) - np.tri(12, k=-3)
    got = wg.sparse.jacobian(tridiagonal, plan=sp.coo_array(places))(X)
    np.testing.assert_allclose(got.toarray(), wg.jacobian(tridiagonal)(X), rtol=1e-15)
    assert got.nnz == np.count_nonzero(places)
    unsorted = sp.csr_array((np.ones(3), np.array([1, 0, 0]), np.array([0, 3])), shape=(1, 2))
    plan = wg.sparse.Plan(unsorted)
    assert plan.nnz == 2
    assert unsorted.indices.tolist() == [1, 0, 0]


# Plans that do not fit -----------------------------------------------------------------------------------------------


def test_every_entry_that_a_plan_lacks_is_found_out():
    plan = wg.sparse.pattern(tridiagonal)(X)
    rows, columns = plan.pattern.nonzero()
    for k in range(plan.nnz):
        keep = np.arange(plan.nnz) != k
        partial = sp.coo_array((np.ones(plan.nnz - 1), (rows[keep], columns[keep])), shape=plan.shape)
        with pytest.raises(wg.GuardError, match=f"row {rows[k]}, column {columns[k]}") as caught:
            wg.sparse.jacobian(tridiagonal, plan=partial)(X)
        assert "wg.sparse.pattern(f)(other_x)" in str(caught.value)


def test_every_pair_that_a_plan_of_a_hessian_lacks_is_found_out():
    plan = wg.sparse.pattern(rosenbrock, order=2)(X)
    for i, j in zip(*sp.triu(plan.pattern).nonzero(), strict=True):
        partial = plan.pattern.toarray()
        partial[i, j] = partial[j, i] = False
        with pytest.raises(wg.GuardError):
            wg.sparse.hessian(rosenbrock, plan=partial)(X)


def test_another_branch_is_found_out():
    def f(x):
        return x[::-1] * x if x[0] > 1 else x**2

    plan = wg.sparse.pattern(f)(X / 2)
    with pytest.raises(wg.GuardError, match="another branch"):
        wg.sparse.jacobian(f, plan=plan)(X + 1)
    wrong = wg.sparse.jacobian(f, plan=plan, check=False)(X + 1)
    assert not np.allclose(wrong.toarray(), wg.jacobian(f)(X + 1))


def test_another_order_is_found_out():
    plan = wg.sparse.pattern(lambda x: np.sort(x))(X)
    with pytest.raises(wg.GuardError, match="other indices"):
        wg.sparse.jacobian(lambda x: np.sort(x), plan=plan)(X[::-1])


def test_a_small_entry_that_is_missing_is_found_out():
    def f(x):
        return 1e6 * x + 1e-2 * np.roll(x, 1)

    with pytest.raises(wg.GuardError):
        wg.sparse.jacobian(f, plan=np.eye(12))(X)


def test_rounding_is_no_missing_entry():
    """Derivatives that are zero but for rounding, and such as cancel within f."""
    programs = [
        lambda x: np.sin(x) ** 2 + np.cos(x) ** 2,
        lambda x: (1e12 * x + x[::-1]) - 1e12 * x,
        lambda x: np.exp(9 * x) * 1e9 * x - np.exp(9 * x) * 1e9 * x * (1 + 1e-15),
        lambda x: np.diff(np.cumsum(1e8 * x * x)),
    ]
    for f in programs:
        for seed in range(5):
            x = np.random.default_rng(seed).normal(size=100)
            wg.sparse.jacobian(f)(x)
            wg.sparse.jacobian(f)(x[:12].astype(np.float32))


def test_a_derivative_that_is_all_rounding_is_not_handed_out_unasked():
    """In float32 the sum loses the second part, or not, by what else is moved: wg.jvp itself is no linear function."""
    x = np.random.default_rng(0).normal(size=1000).astype(np.float32)

    def f(x):
        return (1e12 * x + x[::-1]) - 1e12 * x

    with pytest.raises(wg.GradientError, match="check=False"):
        wg.sparse.jacobian(f)(x)
    assert wg.sparse.jacobian(f, check=False)(x).nnz == 2000


def test_infinite_slopes_are_entries_like_others():
    x = np.array([0.0, 1.0, 4.0])
    np.testing.assert_array_equal(wg.sparse.jacobian(np.sqrt)(x).toarray(), np.diag([np.inf, 0.5, 0.25]))
    with np.errstate(all="ignore"):
        got = wg.sparse.jacobian(lambda x: np.sqrt(x) + x[::-1] * np.nan)(x)
    assert np.isinf(got[0, 0])
    with pytest.raises(wg.GuardError, match="row 0, column 0"):
        wg.sparse.jacobian(np.sqrt, plan=np.diag([0.0, 1.0, 1.0]))(x)


def test_a_plan_for_something_else():
    plan = wg.sparse.pattern(tridiagonal)(X)
    with pytest.raises(wg.ShapeError, match=r"12 outputs .* 11 and 11"):
        wg.sparse.jacobian(tridiagonal, plan=plan)(X[:-1])
    with pytest.raises(wg.ArgumentError, match="that of a Jacobian"):
        wg.sparse.hessian(rosenbrock, plan=plan)(X)
    with pytest.raises(wg.ArgumentError, match="square"):
        wg.sparse.Plan(np.ones((2, 3)), order=2)
    for nothing in ("tridiagonal", np.ones(3), [[1.0]]):
        with pytest.raises(wg.ArgumentError, match="made of a matrix"):
            wg.sparse.jacobian(tridiagonal, plan=nothing)
    with pytest.raises(wg.ArgumentError, match="order"):
        wg.sparse.pattern(rosenbrock, order=3)


def test_what_has_no_sparse_derivative():
    with pytest.raises(wg.ArgumentError, match="real numbers"):
        wg.sparse.jacobian(lambda z: z * z)(1j * X)
    with pytest.raises(wg.ArgumentError, match="real numbers"):
        wg.sparse.jacobian(lambda x: x * 1j)(X)
    with pytest.raises(wg.ArgumentError, match="no further derivative"):
        wg.grad(lambda x: wg.sparse.jacobian(tridiagonal)(x).sum())(X)
    with pytest.raises(wg.ArgumentError, match=r"wg.sparse.values\(f, plan\)"):
        wg.grad(lambda a: wg.sparse.jacobian(lambda x: a * x)(X).sum())(2.0)
    with pytest.raises(wg.ShapeError, match="one number"):
        wg.sparse.hessian(tridiagonal)(X)
    with pytest.raises(wg.ArgumentError, match="takes a function"):
        wg.sparse.jacobian(tridiagonal(X))
    with pytest.raises(AttributeError, match="gradient"):
        wg.sparse.gradient  # noqa: B018


def test_importing_wengert_does_not_import_scipy():
    code = "import sys, wengert as wg; wg.sparse; assert 'scipy' not in sys.modules; wg.sparse.Plan"
    subprocess.run([sys.executable, "-c", code], check=True)


# Large problems ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_bundle_adjustment_with_many_observations():
    arguments = bundle(50, 5000, 33_334)
    got, want = wg.sparse.jacobian(ba.errors, (0, 1, 2))(*arguments), reference(arguments)
    assert got.shape[0] > 1e5
    assert abs(got - want).max() <= 1e-12 * abs(want).max()


@pytest.mark.slow
@pytest.mark.parametrize("count", [5_000, 20_000])
def test_memory_in_proportion_to_the_entries(count):
    arguments = bundle(50, 5000, count)
    entries = 29 * count
    tracemalloc.start()
    try:
        plan = wg.sparse.pattern(ba.errors, (0, 1, 2))(*arguments)
        assert plan.nnz == entries
        assert tracemalloc.get_traced_memory()[1] < 100 * entries
        wg.sparse.jacobian(ba.errors, (0, 1, 2), plan=plan)(*arguments)
        assert tracemalloc.get_traced_memory()[1] < 200 * entries
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_the_hessian_of_a_long_chain():
    x = np.random.default_rng(1).normal(size=100_000)
    plan = wg.sparse.pattern(rosenbrock, order=2)(x)
    assert (plan.nnz, plan.colors) == (299_998, 3)
    got = wg.sparse.hessian(rosenbrock, plan=plan)(x)
    below = -400 * x[:-1]
    middle = np.full(len(x), 200.0)
    middle[0] = 0
    middle[:-1] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    want = sp.diags_array([below, middle, below], offsets=[-1, 0, 1], format="csr")
    assert abs(got - want).max() <= 1e-12 * abs(want).max()


@pytest.mark.slow
def test_an_arrow_of_many_variables():
    x = np.random.default_rng(1).normal(size=100_000)
    plan = wg.sparse.pattern(arrow)(x)
    assert (plan.nnz, plan.colors) == (299_998, 3)
    assert wg.sparse.pattern(lambda x: x[0] * np.sum(x**3), order=2)(x).colors == 2
