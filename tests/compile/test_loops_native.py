"""Loops and branches as native code: what eager code gives, without Python in between."""

from __future__ import annotations

import threading

import numpy as np
import optree
import pytest

import wengert as wg

POINTS = np.array([4.0, 9.0, 2.0])


def compiled(f, *args, rtol=1e-13):
    """Return the native function's results, which are those of f, and hold that none of it is left to NumPy."""
    fast = wg.jit(f, backend="native")
    found, expected = fast(*args), f(*args)
    assert optree.tree_structure(found) == optree.tree_structure(expected)
    for a, b in zip(optree.tree_leaves(found), optree.tree_leaves(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
        scale = np.max(np.abs(b), initial=0) if np.asarray(b).dtype.kind == "f" else 0
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale)
    assert fast.report(*args).callbacks == []
    return found


def heron(a):
    return wg.while_loop(lambda x: np.max(abs(x * x - a)) > 1e-10, lambda x: (x + a / x) / 2, a)


def loss(f):
    return lambda x: np.sum(f(x) ** 3)


# while_loop -----------------------------------------------------------------------------------------------------------


def test_a_while_loop_ends_where_its_condition_says():
    assert np.max(np.abs(compiled(heron, POINTS) - np.sqrt(POINTS))) < 1e-10


@pytest.mark.parametrize("order", [1, 2, 3])
def test_derivatives_of_a_while_loop(order):
    """Of Σ √aᵢ³, to rounding errors where the loop has converged."""
    f = loss(heron)
    for _ in range(order):
        f = (lambda g: lambda a: np.sum(wg.grad(g)(a)))(f)
    compiled(f, POINTS, rtol=1e-11)


def test_a_recorded_while_loop_holds_for_any_number_of_turns():
    fast = wg.jit(wg.value_and_grad(loss(heron)), backend="native")
    for scale in (1.0, 100.0, 0.01, 49.0):
        value, gradient = fast(POINTS * scale)
        np.testing.assert_allclose(gradient, wg.grad(loss(heron))(POINTS * scale), rtol=1e-12)
        np.testing.assert_allclose(value, loss(heron)(POINTS * scale), rtol=1e-13)
    assert fast.trace_count == 1


def test_no_turn_at_all():
    def f(a):
        return wg.while_loop(lambda x: x[0] > 10.0, lambda x: x * x, a)

    assert np.array_equal(compiled(f, POINTS), POINTS)
    assert np.array_equal(compiled(wg.grad(loss(f)), POINTS), 3 * POINTS**2)
    compiled(wg.hessian(loss(f)), POINTS)


def test_more_turns_than_there_was_room_for_at_first():
    """cₜ₊₁ = a·cₜ + 1, 1000 times; the gradient has to keep every carry."""

    def f(a):
        return wg.while_loop(lambda s: s[0] < 1000, lambda s: (s[0] + 1, a * s[1] + 1.0), (0, 0.0))[1]

    compiled(f, 0.99)
    compiled(wg.grad(f), 0.99, rtol=1e-12)
    compiled(wg.grad(wg.grad(f)), 0.99, rtol=1e-11)


def test_carries_of_several_kinds():
    def f(x, n):
        def step(s):
            i, up, v, w = s
            return i + 1, np.logical_not(up), np.where(up, v + x, v * 0.5), w + v.astype(np.float32)

        start = (np.int32(0), np.array(True), np.zeros_like(x), np.zeros(x.shape, np.float32))
        return wg.while_loop(lambda s: s[0] < n, step, start)

    compiled(f, POINTS, np.int32(7))
    compiled(wg.grad(lambda x, n: np.sum(f(x, n)[2] ** 2) + np.sum(f(x, n)[3])), POINTS, np.int32(7), rtol=1e-6)


def test_two_carries_that_change_places():
    def f(a, b):
        return wg.while_loop(lambda s: s[2] < 5, lambda s: (s[1], s[0] * 2, s[2] + 1), (a, b, 0))

    compiled(f, POINTS, POINTS + 1)


def test_carries_without_elements():
    def f(a, n):
        return wg.while_loop(lambda s: s[1] < n, lambda s: (s[0] * 2, s[1] + 1), (a, 0))

    assert compiled(f, np.zeros((0, 3)), 4)[0].shape == (0, 3)
    compiled(wg.grad(lambda a, n: np.sum(f(a, n)[0])), np.zeros((0, 3)), 4)


def test_single_precision():
    def f(a):
        return wg.while_loop(lambda s: s[1] < 6, lambda s: ((s[0] + a / s[0]) / 2, s[1] + 1), (a, 0))[0]

    assert compiled(f, POINTS.astype(np.float32), rtol=1e-6).dtype == np.float32
    compiled(wg.grad(lambda a: np.sum(f(a))), POINTS.astype(np.float32), rtol=1e-5)


def test_an_index_out_of_range_in_a_loop_is_numpys_error():
    def f(x, n):
        return wg.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, s[1] + x[s[0]]), (0, 0.0))[1]

    fast = wg.jit(f, backend="native")
    assert fast(POINTS, 3) == 15.0
    with pytest.raises(IndexError):
        fast(POINTS, 4)
    gradient = wg.jit(wg.grad(f), backend="native")
    assert np.array_equal(gradient(POINTS, 2), [1.0, 1.0, 0.0])
    with pytest.raises(IndexError):
        gradient(POINTS, 4)


# cond, switch ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [0.7, -0.7, 0.0])
def test_cond_takes_one_branch(x):
    def f(x):
        return wg.cond(x > 0, lambda x: np.sqrt(x), lambda x: np.sin(x) - x, x)

    compiled(f, x)
    compiled(wg.grad(f), x)
    compiled(wg.grad(wg.grad(f)), x)


def test_one_recording_holds_for_both_branches():
    fast = wg.jit(wg.grad(lambda x: wg.cond(x > 0, np.sqrt, np.negative, x)), backend="native")
    assert (fast(4.0), fast(-1.0), fast(0.25)) == (0.25, -1.0, 1.0)
    assert fast.trace_count == 1


@pytest.mark.parametrize("kind", [int, np.int32, np.int8, np.int64])
def test_a_switch_beyond_its_ends(kind):
    def f(i, x):
        return wg.switch(i, [np.sin, np.exp, lambda x: x * 2.0], x)

    fast = wg.jit(f, backend="native")
    for i in (-100, -1, 0, 1, 2, 3, 100):
        np.testing.assert_allclose(fast(kind(i), POINTS), f(kind(i), POINTS), rtol=1e-14)


def test_branches_that_return_their_arguments_and_constants():
    def f(p, x):
        return wg.cond(p > 0, lambda x: (x, np.ones(3)), lambda x: (np.arange(3.0), x), x)

    for p in (1.0, -1.0):
        first, second = compiled(f, p, POINTS)
        assert not np.shares_memory(first, POINTS)
        assert not np.shares_memory(second, POINTS)


# One in another -------------------------------------------------------------------------------------------------------


def test_a_branch_in_a_loop_and_its_derivatives():
    def f(x, rows):
        def step(c, v):
            c = wg.cond(c > v, lambda c: c * 0.9, lambda c: c + v * c * c, c)
            return c, c * v

        return np.sum(wg.scan(step, x, rows)[1] ** 2)

    rows = np.linspace(0, 1, 20)
    for g in (f, wg.grad(f, 0), wg.grad(f, 1), wg.grad(wg.grad(f)), wg.hessian(f, 1)):
        compiled(g, 0.3, rows, rtol=1e-12)


def test_a_scan_in_a_branch():
    def f(p, x):
        def summed(x):
            return wg.scan(lambda c, v: (c * 0.5 + np.sin(v), c), 0.0, x)[0]

        return wg.cond(p > 0, summed, lambda x: np.sum(x), x)

    for p in (1.0, -1.0):
        compiled(f, p, POINTS)
        compiled(wg.grad(f, 1), p, POINTS)
        compiled(wg.hessian(f, 1), p, POINTS)


def test_a_while_loop_in_a_scan():
    """Square roots one after the other; the loops inside keep their carries in storage of their own."""

    def f(xs):
        return np.sum(wg.scan(lambda c, v: (c + heron(v + c), c), 0.0, xs)[0])

    compiled(f, POINTS)
    compiled(wg.grad(f), POINTS, rtol=1e-12)
    compiled(wg.hessian(f), POINTS, rtol=1e-11)


def test_a_scan_in_a_scan():
    def f(w, xs):
        def inner(c, v):
            return wg.scan(lambda d, u: (np.tanh(w @ d) + u, None), c, v)[0]

        return np.sum(wg.scan(lambda c, v: (inner(c, v), c), np.zeros(3), xs)[1] ** 2)

    w, xs = np.linspace(-0.4, 0.4, 9).reshape(3, 3), np.linspace(0, 1, 24).reshape(4, 2, 3)
    compiled(f, w, xs)
    compiled(wg.grad(f), w, xs, rtol=1e-12)
    compiled(wg.grad(lambda w, xs: np.sum(wg.grad(f)(w, xs) ** 2)), w, xs, rtol=1e-11)


def test_a_loop_in_a_while_loop():
    def f(a):
        def step(s):
            x, n = s
            return wg.fori_loop(0, 3, lambda i, v: (v + a / v) / 2, x), n + 1

        return np.sum(wg.while_loop(lambda s: s[1] < 2, step, (a, 0))[0])

    compiled(f, POINTS)
    compiled(wg.grad(f), POINTS, rtol=1e-12)
    compiled(wg.hessian(f), POINTS, rtol=1e-11)


def test_rows_that_begin_inside_of_an_array():
    compiled(lambda x: wg.scan(lambda c, v: (c + v, c * v), x[0], x[2:]), np.arange(15.0).reshape(5, 3))
    compiled(lambda x: wg.scan(lambda c, v: (c + v, c * v), x[0, :2], x[2:, 1:]), np.arange(15.0).reshape(5, 3))


# checkpoint -----------------------------------------------------------------------------------------------------------


def test_a_checkpoint_is_computed_natively_in_every_order():
    def f(x):
        return np.sum(wg.checkpoint(lambda x: np.sin(np.exp(x * 0.1)) * x)(x) ** 2)

    compiled(f, POINTS)
    compiled(wg.grad(f), POINTS)
    compiled(wg.hessian(f), POINTS, rtol=1e-12)


def test_the_same_checkpoint_more_than_once():
    layer = wg.checkpoint(lambda w, x: np.tanh(w @ x))

    def f(w):
        return np.sum(layer(w, layer(w, layer(w, np.ones(3)))) ** 2)

    w = np.linspace(-1, 1, 9).reshape(3, 3)
    compiled(f, w)
    compiled(wg.grad(f), w)


def test_a_loop_of_checkpoints():
    layer = wg.checkpoint(lambda w, x: np.tanh(w @ x))

    def f(w):
        return np.sum(wg.fori_loop(0, 5, lambda i, x: layer(w, x), np.ones(3)) ** 2)

    compiled(wg.grad(f), np.linspace(-1, 1, 9).reshape(3, 3), rtol=1e-12)


# Snapshots ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 57])
def test_a_scan_that_keeps_few_of_its_carries(n, reverse):
    """The gradient is the same for any number of snapshots."""
    rows = np.linspace(0, 1, n)

    def f(a, rows, s):
        def step(c, v):
            return (np.sin(a * c[0]) + 0.5 * v, c[1] + c[0]), c[0] * v * a

        (c, d), ys = wg.scan(step, (0.1, np.zeros(2) + a), rows, reverse=reverse, snapshots=s)
        return c + np.sum(ys) + np.sum(d)

    expected = wg.grad(lambda a, rows: f(a, rows, None), (0, 1))(0.9, rows)
    for s in (1, 2, 3, 5, 100):
        found = compiled(wg.grad(lambda a, rows: f(a, rows, s), (0, 1)), 0.9, rows, rtol=1e-12)  # noqa: B023
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)


# Memory, threads ------------------------------------------------------------------------------------------------------


def test_several_threads_at_once():
    fast = wg.jit(wg.grad(loss(heron)), backend="native")
    expected = {k: wg.grad(loss(heron))(POINTS * k) for k in range(1, 9)}
    fast(POINTS)
    wrong: list[int] = []

    def work(k):
        for _ in range(50):
            if not np.allclose(fast(POINTS * k), expected[k], rtol=1e-12, atol=0):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_loops_allocate_is_freed():
    """A gradient that keeps 8 MB, and one that leaves in the middle of it, many times."""
    resource = pytest.importorskip("resource")

    def f(x, n):
        def step(s):
            return s[0] + 1, s[1] * x[s[0] % 4096 + (s[0] > 900) * n]

        return np.sum(wg.while_loop(lambda s: s[0] < 1000, step, (0, np.ones(1000)))[1])

    fast = wg.jit(wg.grad(f), backend="native")
    x = np.ones(4096)
    fast(x, 0)
    with pytest.raises(IndexError):
        fast(x, 100_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(40):
        fast(x, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


# What is left to NumPy ------------------------------------------------------------------------------------------------


def spectrum(x):
    """Return a sum over a loop in which one operation is NumPy's."""

    def step(c, _):
        d = c
        for k in range(8):
            d = np.tanh(d) * 0.5 + np.sin(c + k) * 0.1
        power = np.abs(np.fft.rfft(d))
        return d + 0.01 * np.sum(power), np.sum(power)

    return np.sum(wg.scan(step, x, length=5)[1])


def test_a_loop_with_something_that_numpy_does():
    x = np.linspace(0, 1, 64)
    for f in (spectrum, wg.grad(spectrum)):
        fast = wg.jit(f, backend="native")
        np.testing.assert_allclose(fast(x), f(x), rtol=1e-12, atol=1e-13)
        assert any(c.primitive == "scan" and "is native" in c.reason for c in fast.report(x).callbacks)


def test_a_recorded_body_stays_as_it_is():
    """Compiling a graph whose loop NumPy drives changes nothing for who runs the graph."""
    x = np.linspace(0, 1, 64)
    graph = wg.trace(spectrum)(x)
    before = graph(x)
    wg.jit(graph, backend="native")(x)
    assert graph(x) == before
