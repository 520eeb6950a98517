"""`minimize`: closed solutions, trees of every kind, how a search ends, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError
from wengert.nn.module import Buffer, Module, Parameter
from wengert.optim import minimize

rng = np.random.default_rng(0)
A, B = rng.normal(size=(20, 4)), rng.normal(size=20)


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG", "SLSQP"])
def test_least_squares(method):
    exact = np.linalg.lstsq(A, B, rcond=None)[0]
    found = minimize(lambda x, A, b: np.sum((A @ x - b) ** 2), np.zeros(4), A, B, method=method, tol=1e-12)
    assert np.allclose(found.params, exact, atol=1e-6)
    assert found.loss == pytest.approx(np.sum((A @ exact - B) ** 2))


def test_trees_keep_their_kinds():
    start = {"n": 0.0, "z": 0j, "w": np.zeros((2, 1), np.float32), "h": np.zeros(2, np.float16), "s": np.float64(0)}

    def loss(p):
        return (p["n"] - 1) ** 2 + np.abs(p["z"] - 1j) ** 2 + sum(np.sum((p[k] - 2) ** 2) for k in "whs")

    found = minimize(loss, start).params
    assert [type(found[k]) for k in "nzs"] == [float, complex, np.float64]
    assert (found["w"].dtype, found["w"].shape, found["h"].dtype) == (np.float32, (2, 1), np.float16)
    assert np.allclose([found["n"], found["z"], found["s"]], [1, 1j, 2], atol=1e-5)
    assert np.allclose(found["w"], 2, atol=1e-5)
    assert np.allclose(found["h"], 2, atol=1e-3)


class Line(Module):
    slope: Parameter
    unit: Buffer

    def __init__(self):
        self.slope, self.unit = 1.0, np.array(10.0)

    def forward(self, x):
        return self.slope * x * self.unit


def test_a_module_is_found_with_its_buffers():
    x = np.arange(5.0)
    found = minimize(lambda line, x, y: np.sum((line(x) - y) ** 2), Line(), x, 3 * x).params
    assert type(found) is Line
    assert found.slope == pytest.approx(0.3)
    assert found.unit == 10.0


def test_how_it_ends():
    def valley(x):
        return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

    found = minimize(valley, np.array([-1.2, 1.0]), options={"ftol": 1e-15, "gtol": 1e-10})
    assert found.converged
    assert np.allclose(found.params, 1, atol=1e-6)
    assert repr(found).startswith("Minimum(loss=")
    short = minimize(valley, np.array([-1.2, 1.0]), steps=3)
    assert not short.converged
    assert short.steps == 3
    assert "not converged: STOP" in repr(short)
    seen = []
    ended = minimize(valley, np.array([-1.2, 1.0]), callback=lambda k, loss: seen.append((k, loss)) or k == 5)
    assert [k for k, _ in seen] == [1, 2, 3, 4, 5]
    assert ended.loss == pytest.approx(seen[-1][1])
    assert not ended.converged
    assert minimize(lambda p: 3.0, {}).loss == 3.0


def test_what_it_refuses():
    with pytest.raises(ArgumentError, match=r"wg.implicit.minimize"):
        wg.grad(lambda a: minimize(lambda x: np.sum(x**2), a).loss)(np.ones(2))
    with pytest.raises(ArgumentError, match="the loss is nan at the start"):
        minimize(lambda x: np.sum(x) * np.nan, np.ones(2))
    with pytest.raises(ArgumentError, match="of type int"):
        minimize(lambda x: x**2, {"x": 3})
    with pytest.raises(ArgumentError, match="method is one of"):
        minimize(lambda x: np.sum(x**2), np.ones(2), method="Nelder-Mead")
    with pytest.raises(ArgumentError, match="takes a function, not a float"):
        minimize(3.0, np.ones(2))
