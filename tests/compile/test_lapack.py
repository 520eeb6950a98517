"""Linear algebra in native code: NumPy's values, NumPy's errors, and derivatives through them."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.compile.test_order import native

pytest.importorskip("llvmlite")

SHAPES = [(1, 1), (2, 2), (5, 5), (30, 30), (3, 4, 4), (2, 3, 3, 3), (0, 0), (0, 3, 3), (2, 0, 0)]


def matrices(shape, dtype=np.float64, seed=0):
    x = np.random.default_rng(seed).normal(size=shape) + 2 * np.eye(shape[-1])
    return x.astype(dtype)


def positive(x):
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1], dtype=x.dtype)


def close(got, want, factor=200):
    for one, other in zip(got, want, strict=True):
        assert type(one) is type(other)
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        scale = np.max(np.abs(other), initial=0)
        np.testing.assert_allclose(one, other, rtol=0, atol=factor * np.finfo(other.dtype).eps * scale)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", SHAPES)
def test_values(shape, dtype):
    a = matrices(shape, dtype)
    b = np.random.default_rng(1).normal(size=(*shape[:-1], 4)).astype(dtype)

    def f(a, s, b):
        transposed = np.swapaxes(a, -1, -2)
        return [
            np.linalg.cholesky(s), np.linalg.cholesky(s, upper=True), np.linalg.solve(a, b), np.linalg.inv(a),
            np.linalg.solve(transposed, b[..., :1]), np.linalg.det(a), *np.linalg.slogdet(a),
            *np.linalg.slogdet(transposed),
        ]  # fmt: skip

    close(native(f, a, positive(a), b)(a, positive(a), b), f(a, positive(a), b))


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("shape", [(6, 6), (2, 4, 4), (0, 0)])
def test_systems_with_triangles(upper, shape):
    s = positive(matrices(shape))
    b = np.random.default_rng(1).normal(size=(*shape[:-1], 3))

    def f(s, b):
        root = np.linalg.cholesky(s, upper=upper)
        other = np.swapaxes(root, -1, -2)
        return [np.linalg.solve(m, v) for m in (root, other) for v in (b, b[..., :1], np.swapaxes(s, -1, -2)[..., :2])]

    close(native(f, s, b)(s, b), f(s, b))


def test_one_matrix_for_several_right_hand_sides():
    a, b = matrices((4, 4)), np.random.default_rng(1).normal(size=(5, 4, 2))

    def f(a, b):
        return [
            np.linalg.solve(a, b),
            np.linalg.solve(np.linalg.cholesky(positive(a)), b),
            np.linalg.solve(b @ b.mT + a, a),
        ]

    close(native(f, a, b)(a, b), f(a, b))
    vector = lambda a, v: [np.linalg.solve(a, v)]  # noqa: E731
    close(native(vector, a, b[0, :, 0])(a, b[0, :, 0]), vector(a, b[0, :, 0]))


def test_only_one_triangle_is_read():
    s = positive(matrices((5, 5)))
    for upper in (False, True):
        given = s + (np.tril if upper else np.triu)(np.full((5, 5), np.nan), -1 if upper else 1)
        got = native(lambda s, u=upper: [np.linalg.cholesky(s, upper=u)], given)(given)[0]
        close([got], [np.linalg.cholesky(s, upper=upper)])


def test_integers():
    a = np.array([[4, 1], [1, 3]])

    def f(a):
        return [
            np.linalg.cholesky(a),
            np.linalg.inv(a),
            np.linalg.solve(a, a),
            np.linalg.det(a),
            *np.linalg.slogdet(a),
        ]

    close(wg.jit(f, backend="native")(a), f(a))


def test_errors_are_numpys():
    good, bad = positive(matrices((3, 3))), np.ones((3, 3))
    for f, message in (
        (lambda a: np.linalg.cholesky(a - 2 * np.eye(3) * (a[0, 1] == 1)), "not positive definite"),
        (lambda a: np.linalg.solve(a, a[0]), "Singular"),
        (np.linalg.inv, "Singular"),
    ):
        compiled = native(f, good)
        close([compiled(good)], [f(good)])
        with pytest.raises(np.linalg.LinAlgError, match=message):
            compiled(bad)
        close([compiled(good)], [f(good)])


def test_determinants_of_singular_matrices():
    a = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
    f = lambda a: [np.linalg.det(a), *np.linalg.slogdet(a), np.linalg.det(-a), np.linalg.det(a * 0)]  # noqa: E731
    got, want = native(f, a)(a), f(a)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)


def likelihood(theta, x, y):
    """The logarithm of a Gaussian process's marginal likelihood (Rasmussen & Williams 2006, equation 2.30)."""
    distance = np.sum((x[:, None] - x) ** 2, -1)
    k = np.exp(theta[0] - distance * np.exp(theta[1])) + np.exp(theta[2]) * np.eye(len(x))
    root = np.linalg.cholesky(k)
    return -0.5 * np.sum(np.linalg.solve(root, y) ** 2) - np.sum(np.log(np.diagonal(root)))


def test_derivatives():
    rng = np.random.default_rng(0)
    theta, x, y = np.array([0.1, 0.3, -1.0]), rng.normal(size=(25, 2)), rng.normal(size=25)
    for f in (likelihood, wg.grad(likelihood), wg.grad(likelihood, 1), wg.hessian(likelihood)):
        np.testing.assert_allclose(native(f, theta, x, y)(theta, x, y), f(theta, x, y), rtol=1e-9, atol=1e-10)
    a = matrices((6, 6))
    for f in (
        lambda a: np.sum(np.linalg.inv(a) ** 2),
        lambda a: np.linalg.slogdet(a)[1],
        lambda a: np.sum(np.linalg.solve(a, a[0]) ** 2),
    ):
        np.testing.assert_allclose(native(wg.grad(f), a)(a), wg.grad(f)(a), rtol=1e-9, atol=1e-11)


def test_inside_a_loop_over_rows():
    a, b = positive(matrices((3, 3))), np.random.default_rng(1).normal(size=(7, 3))

    def f(a, b):
        return wg.scan(lambda c, row: (np.linalg.solve(a + np.eye(3) * c[0] ** 2, row), np.sum(c)), b[0], b)[1]

    compiled = native(f, a, b)
    np.testing.assert_allclose(compiled(a, b), f(a, b), rtol=1e-12)


@pytest.mark.parametrize(
    "x",
    [matrices((30, 20, 20))[:, 0], matrices((20, 20), np.float32), np.arange(-5, 7).reshape(3, 4), np.zeros((0, 3))],
)
def test_norms(x):
    def f(x):
        several = [np.linalg.norm(x), np.linalg.norm(x, axis=1), np.linalg.norm(x, axis=(0, 1), keepdims=True)]
        return [
            *several,
            np.linalg.norm(x, axis=-1, keepdims=True),
            np.linalg.norm(x, "fro"),
            np.linalg.norm(x.T, 2, 0),
        ]

    close(native(f, x)(x), f(x), 4)
    g = wg.grad(lambda x: np.sum(np.linalg.norm(x * 1.0, axis=1) ** 3))
    close([native(g, x)(x)], [g(x)], 20)
