"""Pieces of concatenations and scatters are computed where they belong: nothing is copied, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

N = 300  # too long to be written out


def both(f, *args):
    fast = wg.jit(f, backend="native")
    expected = f(*args)
    np.testing.assert_allclose(fast(*args), expected, rtol=1e-14, atol=1e-14 * np.max(np.abs(expected), initial=0))
    return fast.lower(*args).loops


def copies(loops: str) -> int:
    """Return how many loops of concatenations and scatters copy more than one element."""
    count, inside = 0, False
    for line in loops.splitlines():
        if line and not line.startswith(" "):
            inside = line.startswith(("concatenate", "scatter"))
        count += inside and "for " in line and "range(1)" not in line
    return count


def test_a_shift_by_one_is_no_copy():
    """(1, 2x₀, 2x₁, …)² and its gradient."""
    x = np.linspace(0.5, 1.5, N)

    def f(x):
        return np.concatenate([np.ones(1), (x * 2)[:-1]]) ** 2

    assert copies(both(f, x)) == 0

    def g(x):
        return wg.grad(lambda x: np.sum(np.sin(np.concatenate([np.ones(1), np.sin(x)[:-1]]))))(x)

    both(g, x)


@pytest.mark.parametrize(("start", "stop"), [(0, N - 1), (1, N), (5, 200), (0, N), (0, 0), (N - 1, N)])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 2), (3, 400)])
def test_any_slice_at_any_place(start, stop, before, after):
    x = np.linspace(0.5, 1.5, N)

    def f(x):
        return 1 / np.concatenate([np.full(before, 2.0), np.exp(x)[start:stop], np.full(after, 3.0)])

    both(f, x)
    if stop > start:
        both(wg.grad(lambda x: np.sum(f(x) ** 2)), x)


def test_several_pieces_of_which_each_is_longer_than_what_is_taken():
    x = np.linspace(0.5, 1.5, N)

    def f(x):
        return np.cos(np.concatenate([np.exp(x)[:-7], np.sin(x)[3:-1], np.tanh(x)]))

    both(f, x)
    both(wg.grad(lambda x: np.sum(f(x) ** 2)), x)


def test_pieces_that_others_read_too():
    x = np.linspace(0.5, 1.5, N)

    def f(x):
        y = np.exp(x)
        z = np.concatenate([np.ones(1), y[:-1]])
        return np.sin(z) * y + np.concatenate([y, y])[7 : 7 + N]

    both(f, x)
    both(wg.grad(lambda x: np.sum(f(x) ** 2)), x)


def test_a_concatenation_that_is_a_piece_itself():
    x = np.linspace(0.5, 1.5, N)

    def f(x):
        inner = np.concatenate([np.zeros(2), np.exp(x)[:-2]])
        outer = np.concatenate([inner[5:], np.ones(5)])
        return np.sin(np.concatenate([outer, x]))

    both(f, x)
    both(wg.grad(lambda x: np.sum(f(x) ** 2)), x)


def test_rows_of_a_matrix():
    x = np.linspace(0.5, 1.5, 40 * 30).reshape(40, 30)

    def f(x):
        return np.sin(np.concatenate([np.ones((1, 30)), np.exp(x)[:-1]]))

    both(f, x)
    both(lambda x: np.sin(np.concatenate([np.ones((40, 1)), np.exp(x)[:, :-1]], axis=1)), x)
    both(wg.grad(lambda x: np.sum(f(x) ** 2)), x)


def test_a_result_is_not_made_longer():
    x = np.linspace(0.5, 1.5, N)
    fast = wg.jit(lambda x: np.concatenate([np.ones(1), np.exp(x)[:-1]]), backend="native")
    assert fast(x).shape == (N,)
    assert fast(x).base is None
    np.testing.assert_allclose(fast(x), np.concatenate([np.ones(1), np.exp(x)[:-1]]), rtol=1e-14)


def test_shifts_in_both_directions_again_and_again():
    """Differences of a periodic function, whose gradient scatters what the function concatenates."""
    x = np.linspace(0.5, 1.5, N)

    def f(x):
        for _ in range(4):
            ahead, behind = np.concatenate([x[1:], x[:1]]), np.concatenate([x[-1:], x[:-1]])
            x = x + 0.1 * (ahead - 2 * x + behind) + 0.01 * np.sin(x)
        return np.sum(x**3)

    both(f, x)
    both(wg.grad(f), x)
    both(lambda x: wg.grad(lambda x: np.sum(wg.grad(f)(x) ** 2))(x), x)
