"""Running sums and products have the same bits as NumPy's, which adds in the same order; diagonals."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.compile.test_order import native, same

pytest.importorskip("llvmlite")

SHAPES = [(0,), (1,), (7,), (3000,), (40, 30), (4, 1), (1, 4), (0, 3), (3, 0), (5, 6, 7)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32, np.int8, bool])
def test_running_sums_and_products(shape, dtype):
    x = (np.random.default_rng(0).normal(size=shape) * 3).astype(dtype)
    same(lambda x: [g(x, axis=a) for g in (np.cumsum, np.cumprod) for a in (None, *range(x.ndim))], x)


@pytest.mark.filterwarnings("ignore")
def test_running_sums_of_special_values():
    x = np.array([[1.0, np.inf, -0.0], [2.0, -np.inf, -0.0], [np.nan, 1.0, -0.0], [1e308, 1.0, 0.0], [1e308, 1.0, 1.0]])
    same(lambda x: [g(v, axis=a) for g in (np.cumsum, np.cumprod) for a in (0, 1) for v in (x, x[::-1, ::2], x.T)], x)


def test_inside_gradients():
    x = np.random.default_rng(0).normal(size=(6, 5))
    f = wg.grad(lambda x: np.sum(np.sin(np.cumsum(x, 0)) * np.cumsum(x, 1)) + np.sum(np.cumprod(x, 1) ** 2))
    np.testing.assert_allclose(native(f, x)(x), f(x), rtol=1e-12, atol=1e-13)
    g = wg.grad(lambda x: np.sum(np.sin(np.cumsum(x))))
    np.testing.assert_allclose(native(g, x)(x), g(x), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (2, 4, 4), (0, 0), (2, 0, 3)])
def test_diagonals(shape):
    x = np.random.default_rng(0).normal(size=shape)
    offsets = range(-2, 3)
    same(
        lambda x: (
            [np.diagonal(x, k, -2, -1) for k in offsets]
            + [np.diagonal(np.swapaxes(x, -1, -2), k, -2, -1) for k in offsets]
        ),
        x,
    )
    f = wg.grad(lambda x: np.sum(np.sin(np.diagonal(x, 1, -2, -1))) + np.sum(np.trace(x, axis1=-2, axis2=-1) ** 2))
    np.testing.assert_allclose(wg.jit(f, backend="native")(x), f(x), rtol=1e-13)


def test_sums_and_extrema_of_truth_values():
    x = np.random.default_rng(0).normal(size=(40, 30)) > 0
    same(
        lambda x: [g(x, axis=a) for g in (np.sum, np.any, np.all, np.prod, np.count_nonzero, np.mean) for a in (0, 1)],
        x,
    )
    small = x.astype(np.int8)
    same(lambda x: [g(x, axis=a) for g in (np.sum, np.any, np.all, np.max, np.min, np.prod) for a in (0, 1)], small)
