"""Positions of extrema, and places in sorted arrays: NumPy's, with ties, NaN and infinities."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile.program import Program

pytest.importorskip("llvmlite")

DTYPES = (np.float64, np.float32, np.int64, np.int32, np.int8, bool)


def native(f, *args):
    """The compiled function, which must not need NumPy."""
    compiled = wg.jit(f, backend="native")
    report = compiled.report(*args)
    assert not report.callbacks, report
    return compiled


def same(f, *args):
    got, want = native(f, *args)(*args), f(*args)
    for one, other in zip(got, want, strict=True):
        assert type(one) is type(other)
        np.testing.assert_array_equal(one, other, strict=True)


def everywhere(x):
    return [
        g(x, axis=a, keepdims=k) for g in (np.argmax, np.argmin) for a in (None, *range(x.ndim)) for k in (False, True)
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1,), (7,), (100,), (3, 5), (40, 37), (1, 9), (9, 1), (2, 3, 4), (3, 1, 20)])
def test_positions_of_extrema(dtype, shape):
    """Small integers have ties, of which the first counts."""
    rng = np.random.default_rng(0)
    same(everywhere, rng.integers(-3, 4, shape).astype(dtype))
    same(everywhere, (rng.normal(size=shape) * 50).astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES[:2])
def test_positions_with_special_values(dtype):
    rng = np.random.default_rng(1)
    values = np.array(
        [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, -np.nan, np.finfo(dtype).tiny, -np.finfo(dtype).max], dtype
    )
    f = native(everywhere, np.ones((20, 33), dtype))
    for k in (2, 6, 8, 10):
        for _ in range(20):
            x = rng.choice(values[:k], (20, 33))
            for one, other in zip(f(x), everywhere(x), strict=True):
                np.testing.assert_array_equal(one, other)


def test_positions_in_views_and_empty_arrays():
    x = np.random.default_rng(2).normal(size=(30, 40))
    same(lambda x: [np.argmin(x.T, 0), np.argmax(x[::-1, ::3], 1), np.argmin(x[None, 2:4], axis=2)], x)
    same(lambda x: [np.argmin(x[:0], 1), np.argmax(np.zeros((4, 0)) * x[0, 0], 0)], x)


def test_nearest_points_inside_a_gradient():
    rng = np.random.default_rng(3)
    points, centres = rng.normal(size=(200, 3)), rng.normal(size=(30, 3))

    def f(centres):
        nearest = np.argmin(np.sum((points[:, None] - centres) ** 2, -1), 1)
        return np.sum((points - centres[nearest]) ** 2)

    np.testing.assert_allclose(native(wg.grad(f), centres)(centres), wg.grad(f)(centres), rtol=1e-12, atol=1e-13)


# Sorted arrays -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dtype", DTYPES[:5])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 8, 9, 100])
def test_searchsorted(side, dtype, n):
    rng = np.random.default_rng(n)
    a = np.sort(rng.integers(-20, 20, n).astype(dtype))
    v = rng.integers(-25, 25, (5, 8)).astype(dtype)
    if np.dtype(dtype).kind == "f":
        v[0, :4] = np.nan, np.inf, -np.inf, -0.0
        if n > 4:
            a[-2:], a[0] = np.nan, -np.inf
    same(lambda a, v: [np.searchsorted(a, v, side), np.searchsorted(a, v[1, 2], side)], a, v)
    same(lambda a, v: [np.searchsorted(a, v + 0.5, side)], a, v)


def test_bins():
    x, edges = np.random.default_rng(0).normal(size=50), np.array([-1.0, 0.0, 0.0, 0.5, 2.0])
    same(lambda x: [np.digitize(x, edges), np.digitize(x, edges, right=True)], x)
    falling = wg.jit(lambda x: np.digitize(x, edges[::-1]), backend="native")
    np.testing.assert_array_equal(falling(x), np.digitize(x, edges[::-1]))
    k = np.random.default_rng(1).integers(0, 6, 40)
    counted = native(lambda k: [np.bincount(k, minlength=6)], k)
    np.testing.assert_array_equal(counted(k)[0], np.bincount(k, minlength=6))
    np.testing.assert_array_equal(counted(k + 3)[0], np.bincount(k + 3, minlength=6))
    with pytest.raises(ValueError, match="negative"):
        counted(k - 3)


@pytest.mark.parametrize("n", [1, 2, 3, 20])
def test_interpolation(n):
    rng = np.random.default_rng(n)
    xp, fp = np.sort(rng.normal(size=n)), rng.normal(size=n)
    x = np.concatenate([rng.normal(size=40) * 2, xp, [np.nan, np.inf, -np.inf]])
    if n == 20:
        xp[4:6], fp[7:9], fp[12] = xp[4], 0.5, np.inf
    same(lambda x, xp, fp: [np.interp(x, xp, fp), np.interp(x, xp, fp, left=-9.0, right=fp[0])], x, xp, fp)
    same(lambda x, xp, fp: [np.interp(x[0], xp, fp)], x, xp, fp)


def test_gradients_of_interpolation():
    xp, fp = np.linspace(0.0, 1.0, 12), np.sin(np.linspace(0.0, 3.0, 12))
    f = wg.grad(lambda x, xp, fp: np.sum(np.interp(x, xp, fp) ** 2), (0, 1, 2))
    x = np.random.default_rng(0).uniform(-0.2, 1.2, 30)
    for one, other in zip(native(f, x, xp, fp)(x, xp, fp), f(x, xp, fp), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


# What is searched ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES[:2])
@pytest.mark.parametrize("factors", [1, 5, 24, 25, 60])
def test_what_only_the_search_reads_is_computed_in_it(factors, dtype):
    """Few factors, and many, of which BLAS computes some rows at a time; more rows than fit into one tile."""
    rng = np.random.default_rng(factors)
    x, y = rng.normal(size=(1000, factors)).astype(dtype), rng.normal(size=(50, factors)).astype(dtype)
    x[3], x[7], y[5] = np.nan, np.inf, y[9]

    def f(x, y):
        squares, product = np.sum(y**2, axis=1), x @ y.T
        nearest = np.argmin(squares - 2 * product, axis=1)
        return [nearest, np.argmax(2 * (x * 0.5) @ y.T, axis=1, keepdims=True), np.argmin(x @ y[::-1].T, 1)]

    def searched_and_used(x, y):
        product = x @ y.T
        return [np.argmin(product, 1), product[:, 0] * 1, np.argmin(np.abs(product), 1)]

    with np.errstate(all="ignore"):
        for g in (f, searched_and_used):
            for one, other in zip(native(g, x, y)(x, y), g(x, y), strict=True):
                assert (one.dtype, one.shape) == (other.dtype, other.shape)
                if one.dtype.kind == "i":  # two that are equal up to rounding may change places: the two equal columns
                    assert np.mean(np.where(one == 9, 5, one) != np.where(other == 9, 5, other)) < 0.002
                else:
                    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_an_array_of_distances_is_never_made():
    x, y = np.random.default_rng(0).normal(size=(900, 4)), np.random.default_rng(1).normal(size=(40, 4))
    program = Program(wg.trace(lambda x, y: np.argmin(np.sum(y**2, 1) - 2 * x @ y.T, axis=1))(x, y))
    assert max(buffer.size for step in program.steps for buffer in step.touched) < 900 * 40
