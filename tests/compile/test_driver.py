"""Loops over rows as native code: values and derivatives of `scan` and `fori_loop`, and the guards of a program."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

pytest.importorskip("llvmlite")

RNG = np.random.default_rng(0)
W, U = RNG.normal(size=(5, 5)) / 3, RNG.normal(size=(5, 3))
XS, H = RNG.normal(size=(20, 3)), RNG.normal(size=5)


def network(w, u, xs, h, **options):
    def step(h, x):
        h = np.tanh(w @ h + u @ x)
        return h, np.sum(h * h)

    h, ys = wg.scan(step, h, xs, **options)
    return np.sum(h) + np.sum(ys * np.arange(len(xs)))


def layers(w, xs):
    for _ in range(2):
        _, xs = wg.scan(lambda c, x: (np.tanh(w @ c + x), np.tanh(c)), np.zeros(5), xs)
    return np.sum(xs * xs)


def nested(xs):
    def outer(c, row):
        return wg.scan(lambda c, s: (c * 0.9 + np.sin(s), c * s), c, row)

    return np.sum(wg.scan(outer, np.float64(0.3), xs)[1] ** 2)


def whole_numbers(x):
    (count, total), ys = wg.scan(lambda c, r: ((c[0] + 1, c[1] * np.cos(r)), c[1] * c[0]), (0, x[0]), x)
    return np.sum(ys) * count + total


def truth_values(x):
    def step(c, r):
        return (c[0] | (r[0] > 1), np.where(c[0], c[1] * 0.5, c[1] + r[1])), c[1]

    return np.sum(wg.scan(step, (False, x[0]), XS)[1])


def changed(x):
    def step(c, i):
        c = c * 1.0
        c[i] = np.sin(c[i + 1]) * 2
        return c, c[0]

    return np.sum(wg.scan(step, x, np.arange(4))[0])


def kept_rows(x):
    return np.sum(wg.scan(lambda c, r: (c * r[0], (c, c, r)), x, XS)[1][1]) + np.sum(x)


PROGRAMS = {
    "network": (network, (W, U, XS, H)),
    "the last first": (lambda *a: network(*a, reverse=True), (W, U, XS, H)),
    "one row": (network, (W, U, XS[:1], H)),
    "no rows": (network, (W, U, XS[:0], H)),
    "rows with gaps": (network, (W, U, XS[::-2], H)),
    "rows by columns": (network, (W.T, U, np.asfortranarray(XS), H)),
    "rows of a view": (lambda w, u, xs, h: network(w, u, xs[3:, ::-1], h), (W, U, XS, H)),
    "layers": (layers, (W, RNG.normal(size=(9, 5)))),
    "nested": (nested, (XS,)),
    "whole numbers": (whole_numbers, (XS[:, 0],)),
    "truth values": (truth_values, (H,)),
    "changed": (changed, (H,)),
    "kept rows": (kept_rows, (H,)),
    "carries that change places": (
        lambda x: np.sum(wg.scan(lambda c, r: ((c[1], c[0] * r[0]), r), (x, x * 2), XS)[0][0]), (H,)),
    "a row that passes": (lambda x: np.sum(wg.scan(lambda c, r: (c, r), x, XS)[1]) + np.sum(x), (H,)),
    "gathers": (lambda x: np.sum(wg.scan(lambda c, i: (c * 0.5 + x[i], c), x[0], np.arange(-2, 3))[1]), (H,)),
    "reductions": (
        lambda x: np.sum(wg.scan(lambda c, r: (c / np.sqrt(1 + np.sum(c * c)) + np.max(r), np.mean(c)), x, XS)[1]),
        (H,)),
    "products": (lambda m: np.sum(wg.scan(lambda c, r: (np.tanh(c @ m) + r, np.trace(c)), m, XS[:4, 0])[1]), (W,)),
    "large products": (
        lambda m: np.sum(wg.scan(lambda c, r: (np.tanh(c @ m) * r, c[0]), m, XS[:4, 0])[1]), (np.eye(40) + 0.01,)),
    "large rows": (
        lambda x: np.sum(wg.scan(lambda c, r: (np.tanh(c + r), c), x[0], x)[1]), (RNG.normal(size=(6, 5000)),)),
    "what NumPy does": (lambda x: np.sum(wg.scan(lambda c, r: (np.sort(c) * r[0], c), x, XS)[1]), (H,)),
    "a counted loop": (lambda x: wg.fori_loop(0, 10, lambda i, c: np.sin(c) + x * i, x)[0], (H,)),
    "a loop that gathers": (lambda x: np.sum(wg.fori_loop(2, 7, lambda i, c: c * x[i % 5] + XS[i, 0], x)), (H,)),
    "a loop of no rounds": (lambda x: np.sum(wg.fori_loop(3, 3, lambda i, c: c * 2, x)), (H,)),
    "a loop with an end": (lambda x: np.sum(wg.while_loop(lambda c: np.sum(c * c) < 100, lambda c: c * 1.5, x)), (H,)),
    "a choice": (lambda x: np.sum(wg.cond(x[0] > 0, np.sin, lambda x: x * 2, x)), (H,)),
    "single precision": (lambda x: np.sum(wg.scan(lambda c, r: (c * r, c), x[0], x)[1]), (H.astype(np.float32),)),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_rows(name):
    f, args = PROGRAMS[name]
    tolerance = 1e-5 if args[0].dtype == np.float32 else 1e-12
    both = wg.value_and_grad(f, range(len(args)))
    (value, slopes), (want, right) = wg.jit(both, backend="native")(*args), both(*args)
    np.testing.assert_allclose(value, want, rtol=tolerance)
    for one, other in zip(slopes, right, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_second_derivatives():
    f = wg.grad(lambda w: np.sum(wg.grad(lambda w: network(w, U, XS[:6], H))(w) ** 2))
    np.testing.assert_allclose(wg.jit(f, backend="native")(W), f(W), rtol=1e-11)


def test_an_index_out_of_range_inside_of_rows():
    f = wg.jit(lambda x, i: wg.scan(lambda c, k: (c, x[k]), 0.0, i)[1], backend="native")
    assert f(H, np.array([0, -5, 4])).tolist() == H[[0, -5, 4]].tolist()
    with pytest.raises(IndexError, match="out of bounds"):
        f(H, np.array([0, 5, 4]))
    assert f(H, np.array([1, 1, 1])).tolist() == H[[1, 1, 1]].tolist()


# Guards -------------------------------------------------------------------------------------------------------------

KINDS = [bool, np.int8, np.int64, np.uint8, np.float16, np.float32, np.float64, complex]


@pytest.mark.parametrize("dtype", KINDS)
def test_branches_on_numbers_of_every_type(dtype):
    def f(x):
        return x[1:] * 2 if x[0] else x[1:] * 3

    compiled = wg.jit(f, backend="native")
    for first in (1, 0, 1, 0):
        x = np.array([first, 1, 0]).astype(dtype)
        np.testing.assert_array_equal(compiled(x), f(x), strict=True)


def test_nan_is_true_and_minus_zero_is_not():
    compiled = wg.jit(lambda x: x + 1 if x else x - 1, backend="native")
    for x in (np.nan, -0.0, 0.0, np.inf, 5e-324):
        x = np.float64(x)
        np.testing.assert_array_equal(compiled(x), x + 1 if x else x - 1)


def test_whole_numbers_and_shapes_as_guards():
    def f(x, n):
        y = x[x > 0]
        for _ in range(int(n)):
            y = y * 2
        return y

    compiled = wg.jit(f, backend="native")
    for x, n in ((np.array([1.0, -1.0, 2.0]), 3), (np.array([1.0, 1.0, 2.0]), 3), (np.array([-1.0, -1.0, -2.0]), 0)):
        np.testing.assert_array_equal(compiled(x, np.int64(n)), f(x, n))


def test_what_fails_after_a_branch_does_not_fail_before_it():
    def f(x, i):
        if i < 3:
            return x[i]
        return x[0] - 1.0

    compiled = wg.jit(f, backend="native")
    assert compiled(np.arange(3.0), np.int64(2)) == 2
    assert compiled(np.arange(3.0), np.int64(7)) == -1
    assert compiled(np.arange(3.0), np.int64(1)) == 1
