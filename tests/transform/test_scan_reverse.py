"""The reverse pass of a scan: sums that are taken after the loop, values that are kept, constants made before it.

Every program is held to the same in Python's own loop, which knows nothing of all that.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wengert as wg
from tests.transform.loop_programs import python_scan

RNG = np.random.default_rng(11)
W, V = RNG.normal(size=(4, 4)) / 2, RNG.normal(size=(4, 4)) / 2
WIDE = RNG.normal(size=(4, 40)) / 4
ROWS = RNG.normal(size=(5, 3, 4))
COLUMNS = np.swapaxes(ROWS, 1, 2)
LONG = RNG.normal(size=(40, 3, 4))


def rows(scan, w, xs):
    """Weights from the right, examples as rows."""
    return np.sum(scan(lambda h, x: (np.tanh(x + h @ w), h), np.zeros((3, 4)), xs)[0] ** 2)


def columns(scan, w, xs):
    """Weights from the left, examples as columns."""
    h, ys = scan(lambda h, x: (np.tanh(x.T + w @ h),) * 2, np.zeros((4, 3)), xs)
    return np.sum(h**2) + np.sum(np.sin(ys))


def backwards(scan, w, xs):
    return np.sum(scan(lambda h, x: (np.sin(x + h @ w), h * x), np.ones((3, 4)), xs, reverse=True)[1])


def twice(scan, w, xs):
    """The same weights in two products, one of them transposed, and outside of the loop."""
    h, _ = scan(lambda h, x: (np.tanh(x + (h @ w) @ w.T), None), xs[0] @ w, xs)
    return np.sum(h * (h @ w))


def mixed(scan, w, xs):
    """A product of matrices and something else of the same weights."""
    return np.sum(scan(lambda h, x: (np.tanh(h @ w) * w[0] + x, None), np.ones((3, 4)), xs)[0])


def vectors(scan, w, xs):
    """One example: the cotangent of the weights is a column times a row."""
    h, _ = scan(lambda h, x: (np.tanh(w @ h + x[0]), None), np.ones(4), xs)
    g, _ = scan(lambda h, x: (np.tanh(h @ w + x[1]), None), np.ones(4), xs)
    return np.sum(h * g)


def flat(scan, w, xs):
    """States without axes, which are matrices in the product only."""

    def step(h, x):
        g = np.reshape(np.tanh(w @ np.reshape(h, (4, 3)) + x.T), -1)
        return np.sin(g) * h, g

    h, ys = scan(step, np.ones(12), xs)
    return np.sum(h**2) + np.sum(ys)


def scaled(scan, w, xs):
    """Linear operations between the product and the weights."""
    return np.sum(scan(lambda h, x: (np.tanh(x + h @ (-w).T[::-1]), None), np.ones((3, 4)), xs)[0])


def gates(scan, w, xs):
    """Parts of arrays, a mask, a quotient and a power."""

    def step(carry, x):
        h, c = carry
        z = h @ w + x
        c = wg.sigmoid(z[:, :2]) * c + np.where(z[:, 2:] > 0, z[:, 2:], 0.0)
        return (np.concatenate([np.tanh(c), c / (1 + c**2)], axis=1), c), np.exp(-z)

    (h, _), ys = scan(step, (np.ones((3, 4)), np.zeros((3, 2))), xs)
    return np.sum(h) + np.sum(ys)


def nested(scan, w, xs):
    """A loop in the step, over the same weights."""

    def step(h, x):
        return scan(lambda g, u: (np.tanh(g @ w + u), None), h, np.stack([x, -x]))[0], None

    return np.sum(scan(step, np.ones((3, 4)), xs)[0] ** 2)


def singles(scan, w, xs):
    """Single numbers, of which nothing is kept."""
    return scan(lambda c, x: (np.sin(c) * w[0, 0] + x[0, 0] / w[1, 1], None), 0.3, xs)[0]


PROGRAMS = [rows, columns, backwards, twice, mixed, vectors, flat, scaled, gates, nested, singles]
EACH = pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def pair(program):
    return (lambda w, xs: program(wg.scan, w, xs)), (lambda w, xs: program(python_scan, w, xs))


@EACH
@pytest.mark.parametrize("n", [1, 2, 5])
def test_gradients_are_those_of_the_plain_loop(program, n):
    structured, plain = pair(program)
    wanted = wg.grad(plain, argnums=(0, 1))(W, ROWS[:n])
    for f in (wg.grad(structured, argnums=(0, 1)), wg.jit(wg.grad(structured, argnums=(0, 1)))):
        for got, want in zip(f(W, ROWS[:n]), wanted, strict=True):
            close(got, want)
    graph = wg.trace(wg.grad(structured, argnums=(0, 1)))(W, ROWS[:n])
    for got, want in zip(graph(V, -ROWS[:n]), wg.grad(plain, argnums=(0, 1))(V, -ROWS[:n]), strict=True):
        close(got, want)


@EACH
def test_second_derivatives_are_those_of_the_plain_loop(program):
    structured, plain = pair(program)
    xs, t = ROWS[:3], V
    wanted = wg.jvp(lambda w: wg.grad(plain)(w, xs), (W,), (t,))[1]
    over = {
        "forward over reverse": lambda f, w: wg.jvp(lambda w: wg.grad(f)(w, xs), (w,), (t,))[1],
        "reverse over reverse": lambda f, w: wg.grad(lambda w: np.sum(wg.grad(f)(w, xs) * t))(w),
        "reverse over forward": lambda f, w: wg.grad(lambda w: wg.jvp(lambda w: f(w, xs), (w,), (t,))[1])(w),
    }
    for g in over.values():
        close(g(structured, W), wanted)
        close(wg.jit(lambda w, g=g: g(structured, w))(W), wanted)


@EACH
def test_third_derivatives_are_those_of_the_plain_loop(program):
    structured, plain = pair(program)

    def third(f, w):
        second = lambda w: wg.grad(lambda w: np.sum(wg.grad(f)(w, ROWS[:2]) * V))(w)  # noqa: E731
        return wg.grad(lambda w: np.sum(second(w) * V))(w)

    wanted = third(plain, W)
    close(third(structured, W), wanted)
    close(wg.jit(lambda w: third(structured, w))(W), wanted)


@EACH
def test_many_examples_are_those_of_the_plain_loop(program):
    structured, plain = pair(program)
    ws = np.stack([W, V, W - V])
    wanted = np.stack([wg.grad(plain)(w, ROWS) for w in ws])
    over = wg.vmap(wg.grad(structured), in_axes=(0, None))
    close(over(ws, ROWS), wanted)
    close(wg.jit(over)(ws, ROWS), wanted)


@EACH
def test_snapshots_give_the_same(program):
    _, plain = pair(program)

    def sparing(*args, **options):
        return wg.scan(*args, **options, snapshots=2)

    for f in (wg.grad(lambda w: program(sparing, w, ROWS)), wg.jit(wg.grad(lambda w: program(sparing, w, ROWS)))):
        close(f(W), wg.grad(plain)(W, ROWS))


def test_complex_weights():
    w = (W + 1j * V) / 5

    def f(scan, w):
        h, _ = scan(lambda h, x: (np.sin(h @ w + x), None), np.ones((3, 4)) * (1 + 0.5j), ROWS)
        return np.sum(np.abs(h) ** 2)

    close(wg.grad(lambda w: f(wg.scan, w))(w), wg.grad(lambda w: f(python_scan, w))(w))


def test_single_precision_stays():
    w, xs = W.astype(np.float32), ROWS.astype(np.float32)
    for g in (wg.grad(lambda w: rows(wg.scan, w, xs)), wg.jit(wg.grad(lambda w: rows(wg.scan, w, xs)))):
        found = g(w)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wg.grad(lambda w: rows(python_scan, w, ROWS))(W), rtol=2e-5, atol=1e-6)


def test_no_steps():
    f = lambda w: np.sum(wg.scan(lambda h, x: (np.tanh(x + h @ w), h), np.ones((3, 4)) * w[0], ROWS[:0])[0])  # noqa: E731
    for g in (wg.grad(f), wg.jit(wg.grad(f))):
        close(g(W), np.array([3.0, 0, 0, 0])[:, None] * np.ones(4))


# What is in the loops ------------------------------------------------------------------------------------------------


def loops_of(f, *args):
    return [node for node in wg.trace(f)(*args).simplify().nodes if node.operation == "scan"]


def operations(loop):
    return [node.operation for node in loop.params["body"].simplify().operations]


def test_a_product_of_matrices_is_taken_after_the_loop():
    _, back = loops_of(wg.grad(lambda w: rows(wg.scan, w, LONG)), W)
    assert back.params["carry"] == 1  # the cotangent of h; no sum
    assert operations(back).count("matmul") == 1


def test_what_is_not_a_product_stays_in_the_loop():
    _, back = loops_of(wg.grad(lambda w: mixed(wg.scan, w, LONG)), W)
    assert back.params["carry"] == 2


def test_nothing_is_stacked_for_a_sum_that_is_smaller():
    def f(scan, w, xs):  # 40 columns, of which a number is made: two arrays of (40, 3) for a sum of 4 × 3
        return np.sum(scan(lambda h, x: (np.sin(h + np.exp(x @ WIDE) @ (WIDE.T @ w)), None), np.ones((3, 4)), xs)[0])

    _, back = loops_of(wg.grad(lambda w: f(wg.scan, w[:, :4], ROWS)), W)
    assert sum(np.prod(a.shape[1:]) for a in back.avals[2:]) <= 2 * 12 + 2 * 4 * 40
    close(wg.grad(lambda w: f(wg.scan, w, ROWS))(W), wg.grad(lambda w: f(python_scan, w, ROWS))(W))


def test_the_step_back_finds_the_transcendental_functions_computed():
    forth, back = loops_of(wg.grad(lambda w: rows(wg.scan, w, LONG)), W)
    assert "tanh" in operations(forth)
    assert len(forth.avals) == 4  # the carry and the results, the kept derivative of tanh, and the stacked carries
    assert not {"tanh", "cosh"} & set(operations(back))


def test_memory_is_bounded():
    """A step that computes much more than it carries computes it again."""

    def f(w):
        def step(c, x):
            return c + np.sum(np.sin(np.outer(w, w) * x)), None

        return wg.scan(step, 0.0, np.arange(6.0))[0]

    forth, back = loops_of(wg.grad(f), np.ones(40))
    assert len(forth.avals) == 2  # the carry, and its stack
    assert "cos" in operations(back)
    close(wg.jit(wg.grad(f))(np.ones(40)), wg.grad(f)(np.ones(40)))


def test_checkpoint_in_a_step_keeps_nothing_of_what_is_in_it():
    step = wg.checkpoint(lambda h, w, x: np.exp(np.sin(h @ w)) + x)
    f = lambda w: np.sum(wg.scan(lambda h, x: (step(h, w, x), None), np.ones((3, 4)), ROWS)[0])  # noqa: E731
    forth, _ = loops_of(wg.grad(f), W)
    assert len(forth.avals) == 2
    close(wg.jit(wg.grad(f))(W), wg.grad(f)(W))


def test_constants_of_a_step_are_made_before_the_loop():
    f = lambda xs, a: wg.scan(lambda c, x: (np.sin(c) + x / a, None), 0.1, xs)[0]  # noqa: E731
    _, back = loops_of(wg.grad(f), np.arange(5.0), 2.0)
    assert not {"divide", "square", "reciprocal"} & set(operations(back))
    close(wg.grad(f)(np.arange(5.0), 2.0), wg.jit(wg.grad(f))(np.arange(5.0), 2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(wg.grad(f)(np.zeros(3), 1e-320)).any()


def test_transposed_weights_are_put_in_order_before_the_loop_where_the_product_is_large():
    x = np.ones((3, 20, 32))
    f = lambda w: np.sum(wg.scan(lambda h, x: (np.tanh(h @ w + x), None), x[0], x)[0])  # noqa: E731
    _, back = loops_of(wg.grad(f), np.eye(32))
    assert "transpose" not in operations(back)
    few = lambda w: np.sum(wg.scan(lambda h, x: (np.tanh(h @ w + x), None), x[0, :2], x[:, :2])[0])  # noqa: E731
    _, back = loops_of(wg.grad(few), np.eye(32))
    assert "transpose" in operations(back)


# Warnings ------------------------------------------------------------------------------------------------------------


def test_a_partial_derivative_that_is_kept_does_not_warn():
    def f(a):
        step = lambda c, x: (c + np.where(x > 0, np.sqrt(a * x), 0.0), None)  # noqa: E731
        return np.sum(wg.scan(step, np.zeros(16), np.ones((3, 16)))[0])

    graph = wg.trace(wg.grad(f))(np.ones(16))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(graph(np.zeros(16))).all()


def test_the_users_own_operations_still_warn():
    f = lambda a: np.sum(wg.scan(lambda c, x: (c + np.log(a * x), None), np.zeros(16), np.ones((3, 16)))[0])  # noqa: E731
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        wg.grad(f)(np.zeros(16))
