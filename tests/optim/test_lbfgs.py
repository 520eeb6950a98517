"""L-BFGS: what the recursion approximates, the conditions of the line search, and both styles."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError, ShapeError
from wengert.optim import LBFGS
from wengert.optim.lbfgs import remembered, two_loops


def valley(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def test_the_recursion_is_the_inverse_of_bfgs():
    """The product with H as formulas (7.16) and (6.17) of Nocedal & Wright have it, as matrices."""
    rng = np.random.default_rng(0)
    n, m = 5, 3
    root = rng.normal(size=(n, n))
    hessian = root @ root.T + np.eye(n)
    steps = rng.normal(size=(m, n))
    changes = steps @ hessian
    inverses = 1 / np.sum(steps * changes, axis=1)
    H = np.eye(n) / (inverses[-1] * np.sum(changes[-1] ** 2))
    for s, y, r in zip(steps, changes, inverses, strict=True):
        V = np.eye(n) - r * np.outer(y, s)
        H = V.T @ H @ V + r * np.outer(s, s)
    g = rng.normal(size=n)
    assert np.allclose(two_loops(g, steps, changes, inverses), H @ g, rtol=1e-12)
    padded = [np.concatenate([np.zeros((2, *a.shape[1:])), a]) for a in (steps, changes, inverses)]
    assert np.allclose(two_loops(g, *padded), H @ g, rtol=1e-12)
    assert np.array_equal(two_loops(g, np.zeros((m, n)), np.zeros((m, n)), np.zeros(m)), g)


def test_pairs_that_tell_nothing_are_left_out():
    memory = (np.ones((2, 2)), np.ones((2, 2)), np.ones(2))
    for s, y in ((np.zeros(2), np.ones(2)), (np.ones(2), -np.ones(2)), (np.ones(2), np.zeros(2))):
        assert all(np.array_equal(a, b) for a, b in zip(remembered(memory, s, y), memory, strict=True))
    steps, changes, inverses = remembered(memory, np.array([2.0, 0.0]), np.array([3.0, 1.0]))
    assert np.array_equal(steps, [[1, 1], [2, 0]])
    assert np.array_equal(changes, [[1, 1], [3, 1]])
    assert np.array_equal(inverses, [1, 1 / 6])


def test_every_step_of_the_search_fulfils_the_strong_wolfe_conditions():
    opt, x = LBFGS(line_search=True), np.array([-1.2, 1.0])
    state, slope = opt.init(x), wg.grad(valley)
    for _ in range(50):
        g = slope(x)
        new, state = opt.update(g, state, x, loss=valley)
        move = new - x
        if not np.any(move):
            break
        assert valley(new) <= valley(x) + 1e-4 * (g @ move) + 1e-15
        assert abs(slope(new) @ move) <= 0.9 * abs(g @ move) + 1e-15
        x = new
    assert np.allclose(x, 1.0, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_styles_find_the_minimum(dtype):
    start = {"a": dtype(-1.2), "b": np.ones(1, dtype)}

    def loss(p):
        return valley([p["a"], p["b"][0]])

    opt, params = LBFGS(line_search=True), start
    state = opt.init(params)
    tree = {name: wg.Variable(value) for name, value in start.items()}
    tape = LBFGS(tree, line_search=True)
    for _ in range(50):
        params, state = opt.update(wg.grad(loss)(params), state, params, loss=loss)
        tape.zero_grad()
        loss(tree).backward()
        tape.step(lambda: loss(tree))
    assert params["b"].dtype == dtype
    for found in (params, {name: v.data for name, v in tree.items()}):
        assert np.allclose([found["a"], found["b"][0]], 1.0, atol=1e-6 if dtype is np.float64 else 1e-2)


def test_where_no_step_leads_down_nothing_moves():
    opt, x = LBFGS(line_search=True), np.array([1.0, 1.0])
    state = opt.init(x)
    new, state = opt.update(wg.grad(valley)(x), state, x, loss=valley)
    assert np.array_equal(new, x)
    lie = np.array([-1.0, 0.0])  # not the gradient of the loss: along it the loss rises
    new, state = opt.update(lie, opt.init(x), x, loss=lambda x: np.sum((x - 1) ** 2))
    assert np.array_equal(new, x)
    assert np.all(state["inverses"][0] == 0)


def test_an_error_in_the_loss_leaves_the_variables_as_they_were():
    p = wg.Variable(np.array([3.0]))
    opt = LBFGS([p], line_search=True)
    np.sum(p**2).backward()

    def loss():
        if p.data[0] != 3.0:
            raise KeyError
        return np.sum(p**2)

    with pytest.raises(KeyError):
        opt.step(loss)
    assert np.array_equal(p.data, [3.0])
    assert np.array_equal(p.grad, [6.0])
    assert opt.state["step"] == 0


def test_complex_parameters():
    z = np.array([1 + 2j, -1j])
    opt = LBFGS(line_search=True)
    state = opt.init(z)

    def loss(z):
        return np.sum(np.abs(z - (0.5 - 1j)) ** 4 + np.abs(z - (0.5 - 1j)) ** 2)

    variable = wg.Variable(z)
    tape = LBFGS([variable], line_search=True)
    for _ in range(30):
        z, state = opt.update(wg.grad(loss)(z), state, z, loss=loss)
        tape.zero_grad()
        loss(variable).backward()
        tape.step(lambda: loss(variable))
    assert np.allclose(z, 0.5 - 1j, atol=1e-7)
    assert np.array_equal(variable.data, z)


def test_what_it_refuses():
    opt, x = LBFGS(line_search=True), np.ones(2)
    for update in (opt.update, wg.jit(opt.update)):
        with pytest.raises(ArgumentError, match="a line search needs the loss"):
            update(x, opt.init(x), x)
    with pytest.raises(ArgumentError, match="history"):
        LBFGS(history=0)
    with pytest.raises(ShapeError, match="other parameters"):
        opt.update(x, LBFGS(history=3).init(x), x, loss=np.sum)
    a, b = wg.Variable(1.0), wg.Variable(2.0)
    (a * 2).backward()
    with pytest.raises(ArgumentError, match="1 of 2 parameters have no gradient"):
        LBFGS([a, b]).step()
