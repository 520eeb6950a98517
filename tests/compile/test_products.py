"""Many products of matrices, and Einstein sums, by BLAS: values as NumPy's up to the order of the sums."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.compile.test_order import native

pytest.importorskip("llvmlite")

SHAPES = [
    ((30, 20, 21), (30, 21, 22)), ((40, 1, 30), (30, 20)), ((5, 1, 18, 19), (7, 19, 20)), ((20, 30, 40), (40,)),
    ((50,), (30, 50, 20)), ((17, 33, 1), (17, 1, 33)), ((2, 20, 18, 18), (2, 20, 18, 18)),
]  # fmt: skip


def close(got, want):
    assert (type(got), got.dtype, got.shape) == (type(want), want.dtype, want.shape)
    eps = np.finfo(want.dtype).eps
    np.testing.assert_allclose(got, want, rtol=0, atol=200 * eps * np.max(np.abs(want), initial=1))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shapes", SHAPES)
def test_batches(shapes, dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=s).astype(dtype) for s in shapes)
    f = native(np.matmul, x, y)
    close(f(x, y), np.matmul(x, y))
    if x.ndim > 1 and y.ndim > 1:
        turned = lambda x, y: np.matmul(y.mT, x.mT)  # noqa: E731
        close(native(turned, x, y)(x, y), turned(x, y))


def test_gradients_of_batches():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 20, 21)), rng.normal(size=(30, 21, 5))
    g = wg.grad(lambda x, y: np.sum(np.sin(x @ y)), (0, 1))
    for one, other in zip(native(g, x, y)(x, y), g(x, y), strict=True):
        close(one, other)


SUMS = [
    "ik,kj->ij", "ki,jk->ji", "bik,bkj->bij", "bik,bkj->jbi", "ijk,kl->jil", "ijk,jkl->il", "ijkl,klm->mji",
    "bik,bk->bi", "i,j->ij", "ij,ij->i", "bi,bj->bij", "ijb,bkj->ikb",
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("subscripts", SUMS)
def test_einstein_sums(subscripts, dtype):
    sizes = dict(zip("bijklm", (19, 20, 21, 22, 23, 24), strict=True))
    rng = np.random.default_rng(0)
    args = [rng.normal(size=[sizes[c] for c in t]).astype(dtype) for t in subscripts.split("->")[0].split(",")]
    f = lambda *args: np.einsum(subscripts, *args)  # noqa: E731
    close(native(f, *args)(*args), f(*args))
    turned = lambda x, y: np.einsum(subscripts, x[::-1], y)  # noqa: E731
    close(native(turned, *args)(*args), turned(*args))


def test_gradients_of_einstein_sums():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(18, 19, 20)), rng.normal(size=(20, 21))
    g = wg.grad(lambda x, y: np.sum(np.einsum("ijk,kl->jil", x, y) ** 3), (0, 1))
    for one, other in zip(native(g, x, y)(x, y), g(x, y), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-9)


def test_sums_over_nothing():
    x = np.ones((20, 0, 18))
    f = lambda x: np.einsum("bki,bkj->bij", x, x)  # noqa: E731
    np.testing.assert_array_equal(wg.jit(f, backend="native")(x), f(x))
