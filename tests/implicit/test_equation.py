"""Roots and fixed points: their derivatives are those of the closed forms, in every mode and to any order."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg
from wengert.implicit import ConvergenceError, custom, fixed_point, linear_solve, odeint, root


def square_root(a):
    return root(lambda x, a: x * x - a, 1.0, a)


def square_root_from_outside(a):
    return root(lambda x: x * x - a, 1.0)


@pytest.mark.parametrize("f", [square_root, square_root_from_outside])
@pytest.mark.parametrize("a", [0.3, 2.0, 1e4])
def test_derivatives_of_the_square_root_to_order_3(f, a):
    expected = [a**0.5, 0.5 * a**-0.5, -0.25 * a**-1.5, 0.375 * a**-2.5]
    derivative = f
    for value in expected:
        assert derivative(a) == pytest.approx(value, rel=1e-12)
        derivative = wg.grad(derivative)


def test_forward_modes_nest():
    def push(f):
        return lambda a: wg.jvp(f, (a,), (1.0,))[1]

    for f in (push(push(push(square_root))), wg.grad(push(wg.grad(square_root))), push(wg.grad(push(square_root)))):
        assert f(2.0) == pytest.approx(0.375 * 2.0**-2.5, rel=1e-12)


@pytest.mark.parametrize(("e", "m"), [(0.1, 0.5), (0.6, 1.0), (0.95, 0.3)])
def test_keplers_equation(e, m):
    """E − e·sin E = M: ∂E/∂M = 1/(1 − e·cos E), ∂E/∂e = sin E/(1 − e·cos E), ∂²E/∂M² = −e·sin E/(1 − e·cos E)³."""

    def anomaly(e, m):
        return root(lambda E, e, m: E - e * np.sin(E) - m, m, e, m)

    x = anomaly(e, m)
    slope = 1 / (1 - e * np.cos(x))
    assert x - e * np.sin(x) == pytest.approx(m, abs=1e-15)
    assert np.allclose(wg.grad(anomaly, argnums=(0, 1))(e, m), (np.sin(x) * slope, slope), rtol=1e-13)
    hessian = wg.hessian(anomaly, argnums=(0, 1))(e, m)
    assert hessian[1][1] == pytest.approx(-e * np.sin(x) * slope**3, rel=1e-12)
    assert hessian[0][1] == pytest.approx(hessian[1][0], rel=1e-12)


def system(x, p, b):
    u, v = x["u"], x["v"]
    return np.array([[3.0, 1.0], [1.0, 2.0]]) @ u + np.sin(u) * p["a"] - b, v**3 + v - u[0] * p["c"]


def solution(p, b):
    return root(system, {"u": np.zeros(2), "v": 0.5}, p, b)


def test_trees_of_unknowns_and_arguments():
    p, b = {"a": 0.7, "c": 1.5}, np.array([1.0, -2.0])
    x = solution(p, b)
    assert isinstance(x["v"], float)
    assert all(np.allclose(part, 0, atol=1e-14) for part in system(x, p, b))
    wg.check_grads(solution, (p, b), order=3)


def test_both_modes_give_one_jacobian():
    p, b = {"a": 0.7, "c": 1.5}, np.array([1.0, -2.0])
    forward, reverse = (wg.jacobian(lambda b: solution(p, b)["u"], mode=m)(b) for m in ("forward", "reverse"))
    expected = np.linalg.inv(np.array([[3.0, 1.0], [1.0, 2.0]]) + np.diag(np.cos(solution(p, b)["u"]) * 0.7))
    assert np.allclose(forward, expected, rtol=1e-13)
    assert np.allclose(reverse, expected, rtol=1e-13)


def test_a_jacobian_asks_for_the_matrix_once():
    calls = []

    def f(x, b):
        calls.append(0)
        return x**3 + x - b

    b = np.arange(1.0, 9.0)
    _, pull = wg.vjp(lambda b: root(f, np.ones(8), b), b)
    before = len(calls)
    for unit in np.eye(8):
        pull(unit)
    assert len(calls) - before <= 4 + 8  # the matrix, three of the check, and one for each direction


def test_the_start_has_no_influence():
    assert wg.grad(lambda x0: root(lambda x, a: x * x - a, x0, 2.0))(1.3) == 0
    assert wg.grad(lambda x: square_root(x) * root(lambda y: y * y - 3.0, x))(2.0) == pytest.approx(
        3**0.5 / 2 / 2**0.5, rel=1e-12
    )


def test_numbers_decide_inside_of_the_function():
    def f(x, a):
        return x * x - a if x > 0 else -1.0 - a

    assert wg.grad(lambda a: root(f, 1.0, a))(4.0) == pytest.approx(0.25, rel=1e-12)
    with pytest.raises(wg.ArgumentError, match=r"root\(f, x0, a\)"):
        wg.grad(lambda a: root(lambda x: f(x, a), 1.0))(4.0)


def test_arguments_that_are_no_floats():
    def f(x, powers, name, a):
        assert name == "cube"
        return sum(x**k for k in powers) - a

    power = wg.grad(lambda a: root(f, 1.0, [1, 3], "cube", a))
    assert power(2.0) == pytest.approx(0.25, rel=1e-12)


def test_in_float32():
    a = np.array([2.0, 3.0], np.float32)
    x, pull = wg.vjp(lambda a: root(lambda x, a: x * x - a, np.ones(2, np.float32), a), a)
    assert x.dtype == np.float32
    assert np.allclose(x, np.sqrt(a), rtol=1e-7)
    (back,) = pull(np.ones(2, np.float32))
    assert back.dtype == np.float32
    assert np.allclose(back, 0.5 / np.sqrt(a), rtol=1e-6)


def test_on_the_tape_and_with_dual_numbers():
    a = wg.Variable(2.0)
    y = square_root(a) * 3
    y.backward()
    assert a.grad == pytest.approx(1.5 / 2**0.5, rel=1e-12)
    b = wg.Variable(2.0)
    square_root_from_outside(b).backward()
    assert b.grad == pytest.approx(0.5 / 2**0.5, rel=1e-12)
    assert square_root(wg.Dual(2.0, 1.0)).tangent == pytest.approx(0.5 / 2**0.5, rel=1e-12)


@pytest.mark.parametrize("f", [square_root, square_root_from_outside])
def test_recorded_and_compiled_it_is_solved_again_for_other_numbers(f):
    graph = wg.trace(f)(2.0)
    assert graph(9.0) == pytest.approx(3.0, rel=1e-14)
    assert graph.derivative().derivative()(9.0) == pytest.approx(-0.25 * 9**-1.5, rel=1e-12)
    compiled = wg.jit(wg.value_and_grad(f))
    for a in (2.0, 3.0, 25.0):
        assert compiled(a) == pytest.approx((a**0.5, 0.5 * a**-0.5), rel=1e-12)


def test_in_the_body_of_a_loop():
    def f(a):
        return wg.fori_loop(0, 2, lambda i, x: square_root(x), a)

    assert f(16.0) == pytest.approx(2.0)
    assert wg.grad(f)(16.0) == pytest.approx(0.25 * 16**-0.75, rel=1e-12)
    assert wg.jvp(f, (16.0,), (1.0,))[1] == pytest.approx(0.25 * 16**-0.75, rel=1e-12)


def test_a_root_in_a_root():
    """Y with √y = a, and the root in the middle is one of ours."""
    f = lambda a: root(lambda y, a: square_root(y) - a, 2.0, a)  # noqa: E731
    assert [f(1.5), wg.grad(f)(1.5), wg.grad(wg.grad(f))(1.5)] == pytest.approx([2.25, 3.0, 2.0], rel=1e-9)


def test_no_root_raises_with_scipys_message():
    with pytest.raises(ConvergenceError, match="not making good progress"):
        root(lambda x: x * x + 1, 1.0)


def test_a_double_root_has_no_derivative():
    for f in (lambda x, a: (x - a) ** 2, lambda x, a: x * x - 2 * a * x + a * a):
        with pytest.raises((wg.DegenerateError, ConvergenceError)):
            wg.grad(lambda a, f=f: root(f, 2.0, a, tol=1e-9))(1.0)
    with pytest.raises(wg.DegenerateError, match="Jacobian"):
        wg.jacobian(lambda a: root(lambda x, a: (x[0] + x[1] - a) * np.array([1.0, 2.0]), np.ones(2), a))(2.0)


def test_other_numbers_of_equations_than_unknowns():
    with pytest.raises(wg.ShapeError, match="least_squares"):
        root(lambda x: np.stack([x[0], x[1], x[0]]), np.ones(2))


def test_complex_numbers_are_refused():
    with pytest.raises(wg.ArgumentError, match="real"):
        root(lambda x: x * x + 1, 1j)
    with pytest.raises(wg.ArgumentError, match="complex"):
        square_root(2.0 + 1j)
    with pytest.raises(wg.ArgumentError, match="complex"):
        fixed_point(lambda x: 0.5j * x + 1, 1.0)
    with pytest.raises(wg.ArgumentError, match="complex"):
        linear_solve(lambda x: 1j * x, np.ones(2))
    with pytest.raises(wg.ArgumentError, match="complex"):
        odeint(lambda y, t: 1j * y, 1.0, np.array([0.0, 1.0]))


@pytest.mark.parametrize("method", ["hybr", "lm", "krylov", "broyden1"])
def test_methods_of_scipy(method):
    f = lambda b: root(lambda x, b: x + 0.1 * x**3 - b, np.ones(3), b, method=method)  # noqa: E731
    b = np.array([0.5, 1.0, 2.0])
    assert np.allclose(wg.jacobian(f)(b), np.diag(1 / (1 + 0.3 * f(b) ** 2)), rtol=1e-12)


@pytest.mark.parametrize("method", ["del2", "iteration"])
def test_fixed_points(method):
    """X = cos(a·x): x′ = −x·sin(a·x)/(1 + a·sin(a·x))."""
    f = lambda a: fixed_point(lambda x, a: np.cos(a * x), 1.0, a, method=method)  # noqa: E731
    x = f(0.9)
    slope = -x * np.sin(0.9 * x) / (1 + 0.9 * np.sin(0.9 * x))
    assert x == pytest.approx(np.cos(0.9 * x), rel=1e-15)
    assert wg.grad(f)(0.9) == pytest.approx(slope, rel=1e-13)
    wg.check_grads(f, (0.9,), order=3)


def test_a_fixed_point_of_a_tree():
    def f(x, a):
        return {"p": np.sin(x["q"]) * a, "q": 0.5 * x["p"] + 1}

    wg.check_grads(lambda a: fixed_point(f, {"p": np.zeros(2), "q": np.zeros(2)}, a), (np.array([0.3, 0.6]),), order=2)


def test_an_iteration_that_runs_away():
    with pytest.raises(ConvergenceError):
        fixed_point(lambda x: x * x + 1.0, 3.0, method="iteration", steps=20)
    with pytest.raises(wg.ShapeError):
        fixed_point(lambda x: x[:1], np.ones(2))


def test_a_solver_of_the_users_own():
    def bisect(x0, a):
        low, high = 0.0, max(1.0, float(a))
        while high - low > 1e-15 * high:
            middle = (low + high) / 2
            if middle in (low, high):
                break
            low, high = (low, middle) if math.pow(middle, 3) > a else (middle, high)
        return low

    cube = custom(bisect, lambda x, a: x**3 - a)
    derivative = lambda a: cube(1.0, a)  # noqa: E731
    for expected in (2.0, 1 / 12, -2 / 9 * 8 ** (-5 / 3)):
        assert derivative(8.0) == pytest.approx(expected, rel=1e-12)
        derivative = wg.grad(derivative)


def test_a_solution_that_is_none():
    with pytest.raises(ConvergenceError, match="Newton step"):
        wg.grad(custom(lambda x0, a: a**0.5 + 1e-3, lambda x, a: x * x - a), argnums=1)(1.0, 2.0)
    with pytest.raises((ConvergenceError, wg.DegenerateError)):
        wg.grad(custom(lambda x0, a: math.nan, lambda x, a: x * x - a), argnums=1)(1.0, 2.0)
    with pytest.raises((ConvergenceError, wg.DegenerateError)):
        wg.grad(custom(lambda x0, a: math.nan, lambda x, a: x - a), argnums=1)(1.0, 2.0)
    with pytest.raises(wg.ShapeError, match="unlike x0"):
        wg.jacobian(custom(lambda x0, a: np.ones(3), lambda x, a: x - a), argnums=1)(np.ones(2), 2.0)


def test_a_recorded_program_looks_at_each_solution():
    """Of (x − 1)(x − 1 + a) the root 1 is there for every a, and a double one at a = 0."""

    def f(a):
        return wg.implicit.root(lambda x, a: (x - 1) * (x - 1 + a), 1.0, a)

    good, bad = np.array([1.0, 2.0]), np.array([1.0, 1e-17])
    compiled, graph = wg.jit(wg.grad(f)), wg.trace(wg.grad(f))(1.0)
    programs = [
        wg.vmap(wg.grad(f)),
        wg.vmap(wg.hessian(f)),
        wg.vmap(lambda a: wg.jvp(f, (a,), (1.0,))[1]),
        wg.grad(lambda a: np.sum(wg.vmap(f)(a))),
        lambda a: np.stack([compiled(v) for v in a]),
        lambda a: np.stack([graph(v) for v in a]),
    ]
    for program in programs:
        np.testing.assert_array_equal(program(good), [0.0, 0.0])
        with pytest.raises(wg.DegenerateError, match="singular"):
            program(bad)
