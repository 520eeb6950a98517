"""Lion by its paper's program, step for step in Python's numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg
from wengert.optim import Lion


def slope(p):
    return [4 * p[0] ** 3 - 2 * p[0] + p[1], math.cos(p[1]) + p[0]]


@pytest.mark.parametrize(
    ("rate", "betas", "decay"), [(0.01, (0.9, 0.99), 0.0), (0.03, (0.5, 0.8), 0.3), (0.02, (0.0, 0.0), 0.1)]
)
def test_fifty_steps(rate, betas, decay):
    opt, p, m, x = Lion(lr=rate, betas=betas, weight_decay=decay), [1.25, -2.0], [0.0, 0.0], np.array([1.25, -2.0])
    state = opt.init(x)
    step = wg.jit(
        lambda x, s: opt.update(wg.grad(lambda x: x[0] ** 4 - x[0] ** 2 + x[0] * x[1] + np.sin(x[1]))(x), s, x)
    )
    for _ in range(50):
        g = slope(p)
        for i in range(2):
            update = betas[0] * m[i] + (1 - betas[0]) * g[i]
            m[i] = betas[1] * m[i] + (1 - betas[1]) * g[i]
            p[i] -= rate * (math.copysign(1.0, update) + decay * p[i])
        x, state = step(x, state)
        assert np.allclose(x, p, rtol=0, atol=1e-12)
        assert np.allclose(state["mean"][0], m, rtol=0, atol=1e-12)


def test_without_a_direction_nothing_moves():
    opt = Lion(lr=0.1)
    assert opt.update(0.0, opt.init(1.0), 1.0)[0] == 1.0
