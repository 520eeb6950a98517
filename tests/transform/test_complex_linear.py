"""Reverse mode is linear in the length of a loop over complex elements: operations are counted, not seconds."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg


def sum_of_squares(z):
    total = 0.0
    for i in range(z.shape[0]):
        total = total + z[i] ** 2
    return np.abs(total)


def joined(z):
    return np.sum(np.abs(np.concatenate([2 * z[i : i + 1] for i in range(z.shape[0])])) ** 2)


def stacked(z):
    return np.sum(np.abs(np.stack([2 * z[i] for i in range(z.shape[0])])) ** 2)


def written(f, n):
    """The recorded reverse pass at n elements: the sizes of all its results together, and its scatters."""
    z = np.linspace(1, 2, n) + 1j
    graph = wg.trace(wg.grad(f))(z)
    sizes = sum(int(np.prod(node.aval.shape)) for node in graph.operations)
    return sizes, sum(node.operation == "scatter" for node in graph.operations)


@pytest.mark.parametrize("f", [sum_of_squares, joined, stacked])
def test_loops_over_complex_elements_are_linear(f):
    (few, scatters), (many, again) = written(f, 20), written(f, 80)
    assert many <= 5 * few  # quadratic it would be 16 times as much
    assert scatters == again == 1


@pytest.mark.parametrize("f", [sum_of_squares, joined, stacked])
def test_their_gradients_are_right(f):
    z = np.linspace(1, 2, 12) + 1j * np.linspace(-1, 1, 12)
    wg.check_grads(f, (z,), order=2)
    mixed = lambda x: f(np.stack([x[0] * 1j, x[1], *(x[k] + 1j for k in range(2, 12))]))  # noqa: E731
    wg.check_grads(mixed, (z.real,), order=2)


@pytest.mark.parametrize("join", [np.concatenate, np.stack])
def test_many_parts_are_split_at_once(join):
    """Of n parts, some the same, some real, some constant, along either axis."""
    x = np.arange(24.0).reshape(12, 2) / 7
    for axis in (0, 1):

        def f(x, axis=axis):
            parts = [x[k : k + 1] * (k + 1) for k in range(12)] + [x[:1]] * 3 + [np.ones((1, 2))]
            return np.sin(join(parts, axis=axis)) ** 2

        wg.check_grads(f, (x,), order=2)
        wg.check_grads(lambda x, axis=axis: np.abs(f(x * (1 + 1j)) * 1j), (x,), order=2)
