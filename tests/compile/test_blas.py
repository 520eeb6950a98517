"""Products of matrices as they stand in memory: transposed, with gaps, in batches, of any size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import wengert as wg
from wengert.compile import blas
from wengert.compile.steps import Call, Product

from .test_program import program_of

pytest.importorskip("llvmlite")

#: How an operand is cut out of an array of (rows, columns).
CUTS = {
    "whole": lambda r, c: ((r, c), lambda a: a),
    "transposed": lambda r, c: ((c, r), lambda a: a.T),
    "columns": lambda r, c: ((r, c + 3), lambda a: a[:, 2 : c + 2]),
    "rows": lambda r, c: ((c + 2, r), lambda a: a[1 : c + 1].T),
    "every other row": lambda r, c: ((2 * r, c), lambda a: a[::2]),
    "every other column": lambda r, c: ((r, 2 * c), lambda a: a[:, ::2]),
    "reversed": lambda r, c: ((r, c), lambda a: a[::-1]),
    "stretched": lambda r, c: ((1, c), lambda a: np.broadcast_to(a, (r, c))),
}
SIZES = [(20, 30, 40), (1, 40, 30), (40, 1, 30), (30, 40, 1), (17, 18, 19)]


def compare(f, *args, rtol=1e-12):
    got, want = wg.jit(f, backend="native")(*args), f(*args)
    for one, other in zip(got, want, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * 100)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "k", "n"), SIZES)
def test_operands_of_every_form(m, k, n, dtype):
    rng = np.random.default_rng(0)
    pairs, arrays = [], []
    for one, other in itertools.product(CUTS, CUTS):
        if ((a := list(CUTS).index(one)) + list(CUTS).index(other) * 3 + m) % 3 and a:
            continue
        (shape, left), (shape2, right) = CUTS[one](m, k), CUTS[other](k, n)
        arrays.append((rng.normal(size=shape).astype(dtype), rng.normal(size=shape2).astype(dtype)))
        pairs.append((left, right))

    def f(arrays):
        return [left(a) @ right(b) for (left, right), (a, b) in zip(pairs, arrays, strict=True)]

    compare(f, arrays, rtol=1e-12 if dtype is np.float64 else 2e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_batches(dtype):
    rng = np.random.default_rng(1)
    shapes = [
        ((3, 20, 30), (3, 30, 20)), ((3, 20, 30), (30, 20)), ((20, 30), (4, 30, 25)), ((2, 1, 20, 18), (3, 18, 20)),
        ((1, 20, 18), (5, 18, 20)), ((20, 30), (30,)), ((30,), (30, 20)), ((30,), (30,)), ((4, 20, 30), (30,)),
    ]  # fmt: skip
    arrays = [tuple(rng.normal(size=s).astype(dtype) for s in pair) for pair in shapes]

    def f(arrays):
        return [
            *[x @ y for x, y in arrays],
            *[np.swapaxes(x @ y, -1, -2) @ np.ones((20, 2), dtype) for x, y in arrays[:2]],
            np.swapaxes(arrays[0][1], 1, 2) @ np.swapaxes(arrays[0][0], 1, 2),
        ]

    compare(f, arrays, rtol=1e-12 if dtype is np.float64 else 2e-5)


@pytest.mark.parametrize(("m", "k", "n"), list(itertools.product((0, 3), (0, 4), (0, 5))))
def test_sizes_of_zero(m, k, n):
    compare(lambda x, y: (x @ y, np.dot(x, y), (y.T @ x.T).T + 1.0), np.ones((m, k)), np.ones((k, n)))


@pytest.mark.parametrize(("m", "k", "n"), [(20, 30, 40), (3, 4, 5), (3, 500, 3), (500, 3, 3), (1, 1, 1)])
def test_derivatives(m, k, n):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    compare(wg.grad(lambda x, y: np.sum(np.sin(x @ y)), (0, 1)), x, y)
    compare(wg.grad(lambda x, y: np.sum(np.cos(y.T @ x.T) ** 2), (0, 1)), x, y)
    compare(wg.grad(lambda x, y: np.sum(np.sin(np.einsum("ij,jk->ki", x, y))), (0, 1)), x, y)


def test_mixed_dtypes_become_one():
    x, y = np.ones((20, 30), np.float32), np.arange(600).reshape(30, 20)
    compare(lambda x, y: (x @ y, y @ x, y @ y.T, x @ y.astype(np.float64)), x, y)


def test_infinities_and_nans():
    x, y = np.ones((20, 20)), np.ones((20, 20))
    x[3, 4], y[5, 6], x[7, 7] = np.inf, np.nan, -np.inf
    with np.errstate(all="ignore"):
        want = x @ y
    np.testing.assert_array_equal(wg.jit(lambda x, y: x @ y, backend="native")(x, y), want)


def test_large_products_are_done_by_the_library_and_small_ones_written_out():
    def steps(n):
        return program_of(lambda x: x @ x, np.ones((n, n))).steps

    assert [type(s) for s in steps(50)] == [Product]
    assert [type(s) for s in steps(3)] == [Call]


def test_the_library_has_both_types():
    assert blas.pointer("double") != blas.pointer("float")
    assert blas.pointer("double") != 0
