"""Operations written out place by place, and the same as loops, are NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile import fuse

pytest.importorskip("llvmlite")

RNG = np.random.default_rng(0)
T, M, V, S = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=(3, 3))


@pytest.fixture(params=["written out", "loops"])
def form(request, monkeypatch):
    if request.param == "loops":
        monkeypatch.setattr(fuse, "SHORT", 0)
        monkeypatch.setattr(fuse, "WRITTEN_OUT", 1)
        monkeypatch.setattr(fuse, "JOINED", 1)


def same(f, *args, rtol=1e-13):
    got, want = wg.jit(f, backend="native")(*args), f(*args)
    for k, (one, other) in enumerate(zip(got, want, strict=True)):
        assert np.asarray(one).dtype == np.asarray(other).dtype, k
        np.testing.assert_allclose(
            one, other, rtol=rtol, atol=rtol, err_msg=str(k), strict=isinstance(other, np.ndarray)
        )


def views(t):
    return [
        t.T, t[:, ::-1], t[1], t[..., 0], t[:, None], np.reshape(t, (4, 6)), np.reshape(t, -1),
        np.reshape(t, (1, 2, 1, 12)),
        np.broadcast_to(t[:, :1], t.shape), np.transpose(t, (1, 2, 0))[::2], t[0, 1:, 2], t[-1, -1, -1], t[:, 1:1],
    ]  # fmt: skip


def test_views(form):
    same(lambda t: [v * 1.5 for v in views(np.sin(t))], T)


def test_views_of_views(form):
    same(lambda t: [np.reshape(v, -1)[::-1] + 1.0 for v in views(t)], T)


def test_reductions(form):
    def f(t):
        return [
            reduce(t, axis=axis, keepdims=keep)
            for reduce in (np.sum, np.prod, np.max, np.min)
            for axis in (None, 0, (0, 2), (), -1)
            for keep in (False, True)
        ]

    same(f, T)
    same(lambda t: [np.any(t > 1, axis=1), np.all(t > -1, axis=(0, 1)), np.any(t), np.all(t, keepdims=True)], T)


def test_joining(form):
    same(
        lambda t, m: [
            np.concatenate([t, t[:1]]), np.concatenate([m, m > 0], 1), np.stack([m, m * 2], 1), np.stack([m, m, m], -1),
            np.concatenate([m, np.arange(4)[None]]), np.tile(m, (2, 2)), np.repeat(m, 2, 0), np.pad(m, 1),
        ],
        T, M,
    )  # fmt: skip


def test_products(form):
    same(
        lambda t, m, v, s: [
            m @ v, s @ m, m.T @ s, t @ v, t @ m.T, np.swapaxes(t, 1, 2) @ s, np.outer(v, v), np.dot(v, v), v @ m.T,
            np.einsum("ijk,jk,k->i", t, m, v), np.einsum("ijk->kj", t), np.einsum("ij,kj->", m, m), np.kron(m, v),
            np.tensordot(t, m, ([1, 2], [0, 1])), np.einsum("ii->i", s), m[:, :0] @ m[:, :0].T,
        ],
        T, M, V, S,
    )  # fmt: skip


def test_products_of_integers(form):
    m = np.arange(12).reshape(3, 4)
    same(lambda m: [m @ m.T, np.einsum("ij,kj->ik", m, m), m.astype(np.int8) @ m.T.astype(np.int8), m @ (m.T * 0.5)], m)


def test_assignments(form):
    def f(t, m):
        y = t * 1.0
        y[0] = m
        y[:, 1] = 2.0
        y[1, ::2, 1:] += m[::2, 1:]
        y[..., -1] *= 3.0
        z = np.zeros_like(m)
        z[1:, :2] = m[:2, 2:]
        z[None, 0] = z[2] - 1
        n = np.zeros(4, np.int64, like=m)
        n[1:3] = 7
        return [y, z, n]

    same(f, T, M)
    gradient = wg.grad(lambda t, m: sum(np.sum(np.sin(r * 1.0)) for r in f(t, m)), (0, 1))
    same(gradient, T, M, rtol=1e-12)


def test_a_float64_cotangent_of_a_float32_array(form):
    x = M.astype(np.float32)

    def f(x):
        y = x * np.float32(2)
        y[1] = 0
        return np.sum(y[0] * V) + np.sum(y[:, 1].astype(float) ** 2)

    same(lambda x: [wg.grad(f)(x)], x, rtol=1e-6)


def test_choices(form):
    same(
        lambda t, m: [
            np.where(t > 0, t, m), np.where(m > 0, 1, m), np.where(m > 0, m.astype(np.float32), 2.0),
            np.where(m, m, 0.5),
            np.where(m > 0, True, m < -1), np.select([m > 1, m < 0], [m, -m], 0.0), np.clip(t, -0.5, m),
        ],
        T, M,
    )  # fmt: skip


def test_no_elements(form):
    empty = np.zeros((0, 3))
    same(
        lambda x: [
            np.sum(x, 0), np.sum(x, 1), np.prod(x), np.all(x), np.any(x, 1), x @ x.T, x.T @ x,
            np.reshape(x, (3, 0)).T * 2,
            np.concatenate([x, x, np.ones((1, 3))]), x[:, 0] + 1, np.broadcast_to(x, (2, 0, 3)) * x,
        ],
        empty,
    )  # fmt: skip
    same(lambda x: [wg.grad(lambda x: np.sum(np.sin(np.reshape(x, (0, 7)))) + np.sum(x * 2))(x)], empty)
