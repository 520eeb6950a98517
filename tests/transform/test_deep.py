"""Long programs: no recursion, and work that is linear in the number of operations."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import wengert as wg
from wengert.transform import linearization, linearize, transpose

N = 100_000


def chain(x, operations=N):
    for _ in range(operations // 2):
        x = x * 0.99999 + 1e-6
    return x


def sines(x):
    for _ in range(3_000):
        x = np.sin(x)
    return x


def doubled(x, n=1000):
    for _ in range(n):
        x = x + x * 0.001
    return x


@pytest.fixture
def visited(monkeypatch):
    """The nodes that a reverse pass visits, with one entry per visit."""
    seen = []

    def ancestors(roots):
        nodes = linearize.ancestors(roots)
        seen.extend(nodes)
        return nodes

    monkeypatch.setattr(transpose, "ancestors", ancestors)
    return seen


def test_a_chain_of_100_000_operations():
    expected = 0.99999 ** (N // 2)
    assert sys.getrecursionlimit() < N
    y, pull = wg.vjp(chain, 1.0)
    assert pull(1.0)[0] == pytest.approx(expected, rel=1e-9)
    del y, pull  # nor does freeing the graph recurse
    assert wg.jvp(chain, (1.0,), (1.0,))[1] == pytest.approx(expected, rel=1e-9)
    push = wg.linearize(lambda x: chain(x, 10_000), 1.0)[1]
    assert push(1.0) == pytest.approx(0.99999**5_000, rel=1e-9)


def test_deep_second_derivatives():
    reference = wg.jvp(lambda x: wg.jvp(sines, (x,), (1.0,))[1], (1.0,), (1.0,))[1]
    assert wg.grad(wg.grad(sines))(1.0) == pytest.approx(reference, rel=1e-11)
    assert wg.jvp(wg.grad(sines), (1.0,), (1.0,))[1] == pytest.approx(reference, rel=1e-11)
    assert wg.grad(lambda x: wg.jvp(sines, (x,), (1.0,))[1])(1.0) == pytest.approx(reference, rel=1e-11)


def test_shared_values_are_visited_once(visited):
    """Walked path by path, n shared nodes would cost 2ⁿ; a reverse pass visits each of the 2n + 1 nodes once."""
    for n in (500, 1000):
        visited.clear()
        assert wg.grad(doubled)(1.0, n) == pytest.approx(1.001**n, rel=1e-12)
        assert len(visited) == len({id(node) for node in visited}) == 2 * n + 1


def test_the_nodes_of_a_second_derivative_are_linear_too(visited):
    counts = []
    for n in (100, 200, 400):
        visited.clear()
        f = lambda x, n=n: doubled(x * x, n)  # noqa: E731
        assert wg.grad(wg.grad(f))(1.0) == pytest.approx(2 * 1.001**n, rel=1e-12)
        counts.append(len(visited))
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def every_element(x):
    total = 0.0
    for i in range(len(x)):
        total = total + x[i] * x[i]
    return total


def count_scatters(f, x):
    """How many arrays of x's size the transposes of x[0], x[1], … fill."""
    return sum(node.primitive.name == "scatter" for node in wg.trace(f)(x).operations)


def test_every_element_of_a_long_vector():
    """Thousands of elements picked one by one are put back in one operation, not in thousands of vectors."""
    x = np.arange(10_000.0)
    np.testing.assert_array_equal(wg.grad(every_element)(x), 2 * x)
    np.testing.assert_array_equal(wg.grad(lambda x: sum(v * v for v in x))(x), 2 * x)
    assert wg.jvp(every_element, (x,), (np.ones_like(x),))[1] == 2 * np.sum(x)
    assert count_scatters(wg.grad(every_element), x[:1_000]) == 1
    assert count_scatters(wg.grad(lambda x: sum(v * v for v in x)), x[:1_000]) == 1


def test_second_derivatives_of_every_element():
    x = np.arange(1_000.0)
    np.testing.assert_array_equal(wg.jvp(wg.grad(every_element), (x,), (np.ones(1_000),))[1], np.full(1_000, 2.0))
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(wg.grad(every_element)(x)))(x), np.full(1_000, 2.0))
    assert count_scatters(lambda x: wg.jvp(wg.grad(every_element), (x,), (np.ones(1_000),))[1], x) <= 2
    assert count_scatters(wg.grad(lambda x: np.sum(wg.grad(every_element)(x))), x) <= 3


def test_many_arguments_and_many_results():
    """A tree of 2,000 numbers: the linear graph is walked once, not once per leaf."""
    xs = [float(i) for i in range(2_000)]
    gradient = wg.grad(lambda xs: sum(x * x for x in xs))(xs)
    assert gradient == [2 * x for x in xs]
    _, pull = wg.vjp(lambda x: [x * i for i in range(2_000)], 1.0)
    assert pull([1.0] * 2_000)[0] == sum(range(2_000))


def test_a_stack_of_many_parts():
    x = np.arange(2_000.0)
    f = lambda x: np.sum(np.stack([v * v for v in x]))  # noqa: E731
    np.testing.assert_array_equal(wg.grad(f)(x), 2 * x)
    assert wg.jvp(f, (x,), (np.ones(2_000),))[1] == 2 * np.sum(x)


def test_the_reverse_pass_keeps_no_graph_alive(visited):
    """After a gradient its nodes are gone; only the user's own references would keep them."""
    import gc
    import weakref

    wg.grad(doubled)(1.0)
    kept = [weakref.ref(node) for node in visited]
    visited.clear()
    gc.collect()
    assert not any(ref() is not None for ref in kept)
    assert linearization.pull is transpose.pull
