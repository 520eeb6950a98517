"""Reductions in loops: every extent and order of axes, in blocks where they are long."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

from .test_program import program_of

pytest.importorskip("llvmlite")

BLOCK = 2048
EXTENTS = (17, 40, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 7)


def same(f, *args, rtol=1e-13):
    got, want = wg.jit(f, backend="native")(*args), f(*args)
    for one, other in zip(got, want, strict=True):
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * 10, strict=isinstance(other, np.ndarray))


@pytest.mark.parametrize("n", EXTENTS)
def test_several_sums_in_one_loop(n):
    x = np.random.default_rng(n).normal(size=n)

    def f(x):
        return (
            np.sum(x), np.sum(np.sin(x)), np.max(x), np.min(x * x), np.any(x > 4), np.all(x > -3), np.sum(x > 0),
            np.prod(1 + x * 1e-3), np.mean(x), np.sum(x[::-1] * x),
        )  # fmt: skip

    same(f, x)


@pytest.mark.parametrize("shape", [(3, 4100), (4100, 3), (70, 80), (4, 5, 60), (60, 5, 4), (5, 4100, 2), (20, 20, 20)])
def test_sums_along_every_combination_of_axes(shape):
    x = np.random.default_rng(0).normal(size=shape)
    axes = [tuple(i for i in range(len(shape)) if k >> i & 1) for k in range(2 ** len(shape))]

    def f(x):
        y = np.cos(x)
        return [np.sum(y * x, axis=a, keepdims=k) for a in axes for k in (False, True)] + [
            np.max(y, axis=a) for a in axes
        ]

    same(f, x)
    same(lambda x: (wg.grad(lambda x: sum(np.sum(np.sin(r)) for r in f(x)))(x),), x, rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int8, bool])
def test_sums_of_other_types(dtype):
    x = (np.random.default_rng(1).normal(size=(70, 90)) * 50).astype(dtype)
    same(lambda x: [np.sum(x, 0), np.sum(x, 1), np.sum(x), np.max(x, 0), np.min(x, 1), np.any(x, 0), np.all(x, 1)], x,
         rtol=1e-5)  # fmt: skip


def test_long_sums_are_added_up_in_blocks():
    """As accurate as NumPy's: the error of a sum in one go would grow with its length."""
    x = np.random.default_rng(2).uniform(size=3_000_000).astype(np.float32)
    exact = np.sum(x, dtype=np.float64)
    one = wg.jit(np.sum, backend="native")(x)
    assert abs(one - exact) / exact < 1e-6
    assert "range(" in wg.jit(np.sum, backend="native").lower(x).loops


def test_a_value_is_computed_in_the_outermost_loop_that_knows_it():
    loops = wg.jit(lambda a, x: np.sin(a) * np.cos(x), backend="native").lower(1.0, np.ones(300)).loops
    depth = {name: min(len(line) - len(line.lstrip()) for line in loops.splitlines() if f"math {name}" in line)
             for name in ("sin", "cos")}  # fmt: skip
    assert depth["sin"] < depth["cos"]


def test_a_transposed_sum_and_a_product_share_nothing_wrongly():
    x, y = np.random.default_rng(3).normal(size=(2, 50, 50))

    def f(x, y):
        return np.sum(x * y.T, 0), np.sum(x.T * y, 1), (x + y.T) @ np.ones(50), np.einsum("ij,ji->i", x, y)

    same(f, x, y, rtol=1e-12)


def test_batched_small_matrices_are_written_out_along_the_batch():
    a, b = np.random.default_rng(4).normal(size=(2, 500, 3, 3))

    def f(a, b):
        c = a @ b
        return c, np.einsum("nij,nkj->nik", a, c), np.sum(c, axis=(1, 2)), np.trace(c, axis1=1, axis2=2)

    same(f, a, b)
    same(lambda a, b: wg.grad(lambda a, b: sum(np.sum(np.sin(r)) for r in f(a, b)), (0, 1))(a, b), a, b, rtol=1e-11)
    assert program_of(lambda a, b: a @ b, a, b).is_native
