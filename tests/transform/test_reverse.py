"""Reverse mode: gradients, pullbacks, linearizations, and that nothing the user changes later changes them."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

X = np.array([0.3, 1.2, 2.0])
A = np.random.default_rng(3).normal(size=(3, 3))


def layer(x):
    return np.tanh(A @ x) * np.exp(-x)


# The values -----------------------------------------------------------------------------------------------------------


def test_the_gradient_is_the_transposed_jacobian_times_one():
    """∇f = Jᵀ·1, and ⟨ct, J·t⟩ = ⟨Jᵀ·ct, t⟩ for every ct and t."""
    random = np.random.default_rng(0)
    y, pull = wg.vjp(layer, X)
    _, push = wg.linearize(layer, X)
    np.testing.assert_array_equal(y, layer(X))
    for _ in range(5):
        ct, t = random.normal(size=3), random.normal(size=3)
        tangent = wg.jvp(layer, (X,), (t,))[1]
        np.testing.assert_allclose(push(t), tangent, rtol=1e-14)
        assert pull(ct)[0] @ t == pytest.approx(ct @ tangent, rel=1e-12)
    np.testing.assert_allclose(wg.grad(lambda x: np.sum(layer(x)))(X), pull(np.ones(3))[0], rtol=1e-14)


def test_value_and_gradient_of_several_arguments():
    f = wg.value_and_grad(lambda x, y: x**2 * y + y + 2, argnums=(0, 1))
    assert f(3.0, 4.0) == (42.0, (24.0, 10.0))
    assert f(3, 4) == (42.0, (24.0, 10.0))
    assert wg.grad(lambda x, y: x * y, argnums=-1)(2.0, 3.0) == 2.0
    assert wg.grad(lambda x, y: x * y, argnums=(1, 0))(2.0, 3.0) == (2.0, 3.0)
    assert wg.grad(lambda x, *, k: k * x)(2.0, k=5.0) == 5.0


def test_a_shared_value_is_counted_once_per_use():
    """For u = x·y and z = u² + u, ∂z/∂x = (2u + 1)·y."""
    assert wg.grad(lambda x, y: (u := x * y) * u + u, (0, 1))(3.0, 5.0) == (155.0, 93.0)
    assert wg.grad(lambda a: a + a)(1.0) == 2.0


def test_what_does_not_depend_on_x_has_gradient_zero():
    for constant in (3, 3.0, np.float64(3), True, np.float32(3)):
        gradient = wg.grad(lambda x, constant=constant: constant)(X)
        np.testing.assert_array_equal(gradient, np.zeros(3))
    assert wg.grad(lambda x: x > 0)(2.0) == 0.0
    assert wg.grad(lambda x: np.floor(x))(2.5) == 0.0
    assert wg.grad(lambda x, y: x, (0, 1))(2.0, X)[1].tolist() == [0.0, 0.0, 0.0]
    assert wg.vjp(lambda x: np.ones(2), X)[1](np.ones(2))[0].tolist() == [0.0, 0.0, 0.0]
    assert wg.linearize(lambda x: np.ones(2), X)[1](X).tolist() == [0.0, 0.0]


def test_zero_is_strong_against_infinity_and_nan():
    """0 · ∞ = 0: a branch that was not taken has no derivative, whatever its value."""
    f = lambda x: np.sum(np.where(x > 0, np.sqrt(np.where(x > 0, x, 0.0)), 0.0))  # noqa: E731
    np.testing.assert_array_equal(wg.grad(f)(np.array([0.0, 4.0])), [0.0, 0.25])
    t = np.ones(2)
    assert wg.jvp(f, (np.array([0.0, 4.0]),), (t,))[1] == 0.25
    assert np.isnan(wg.grad(np.sin)(np.nan))


def test_auxiliary_results():
    value, gradient = wg.value_and_grad(lambda x: (np.sum(x**2), {"double": 2 * x, "n": 3, "s": "text"}), has_aux=True)(
        X
    )
    assert value[0] == np.sum(X**2)
    assert value[1]["n"] == 3
    assert value[1]["s"] == "text"
    np.testing.assert_array_equal(value[1]["double"], 2 * X)
    np.testing.assert_array_equal(gradient, 2 * X)
    assert wg.grad(lambda x: (x * x, x), has_aux=True)(3.0) == (6.0, 3.0)
    assert wg.vjp(lambda x: (x * x, x), 3.0, has_aux=True)[2] == 3.0
    assert wg.linearize(lambda x: (x * x, x), 3.0, has_aux=True)[1](1.0) == 6.0


# Types ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_gradient_has_the_dtype_of_its_argument(dtype):
    x = X.astype(dtype)
    gradient = wg.grad(lambda x: np.sum(np.tanh(x) ** 2))(x)
    assert gradient.dtype == dtype
    assert type(wg.grad(lambda x: x * x)(dtype(2.0))) is dtype
    wide = wg.grad(lambda x, w: np.sum(x * w))(x, np.ones(3))
    assert wide.dtype == dtype
    value, pull = wg.vjp(lambda x: x * 2.0, x)
    assert value.dtype == dtype
    assert pull(np.ones(3))[0].dtype == dtype


def test_python_numbers_stay_python_numbers():
    assert type(wg.grad(lambda x: x**2 / 3)(2.0)) is float
    assert type(wg.grad(lambda x: x**2)(2)) is float
    assert type(wg.grad(lambda x: np.sum(x * X))(2.0)) is float
    assert type(wg.jvp(lambda x: x * x, (2.0,), (1.0,))[1]) is float


def test_integers_become_float64():
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x * x))(np.array([1, 2])), [2.0, 4.0])
    assert wg.grad(lambda x: np.sum(x * x))(np.array([1, 2], np.uint8)).dtype == np.float64


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0), (2, 3), (1, 1, 1)])
def test_shapes(shape):
    x = np.ones(shape)
    assert np.shape(wg.grad(lambda x: np.sum(x * x))(x)) == shape
    assert np.shape(wg.vjp(lambda x: x * 2, x)[1](x)[0]) == shape


def test_byte_order_and_memory_order_are_the_users_business():
    big = np.array([1.0, 2.0], ">f8")
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x**2))(big), [2.0, 4.0])
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x**2))(fortran), 2 * fortran)
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(x**2))(fortran.T[::-1]), 2 * fortran.T[::-1])


# Nothing that the user changes afterwards changes a derivative --------------------------------------------------------

sizes = pytest.mark.parametrize("n", [3, 1000])  # below and above what is copied without looking


@sizes
@pytest.mark.parametrize(
    "view",
    [
        lambda w: w,
        lambda w: w[:],
        lambda w: w[::-1],
        lambda w: w.reshape(-1, 1)[:, 0],
        lambda w: np.broadcast_to(w, (2, w.size)),
    ],
)
def test_a_constant_changed_after_its_use(n, view):
    x, w = np.linspace(1.0, 2.0, n), np.linspace(2.0, 3.0, n)
    expected = wg.grad(lambda x: np.sum(x * view(w).copy()))(x)

    def f(x):
        y = x * view(w)
        w[:] *= 2
        return np.sum(y)

    np.testing.assert_array_equal(wg.grad(f)(x), expected)


@sizes
def test_a_constant_changed_between_its_uses(n):
    x, w = np.ones(n), np.ones(n)

    def f(x):
        total = 0.0
        for _ in range(3):
            total = total + np.sum(x * w)
            w[:] *= 2
        return total

    np.testing.assert_array_equal(wg.grad(f)(x), np.full(n, 7.0))


@sizes
def test_a_read_only_array_may_have_a_writeable_view(n):
    x, w = np.ones(n), np.full(n, 5.0)
    view = w[:]
    w.flags.writeable = False

    def f(x):
        y = x * w
        view[:] = 0.0
        return np.sum(y)

    np.testing.assert_array_equal(wg.grad(f)(x), np.full(n, 5.0))


@sizes
def test_zero_changed_to_minus_zero(n):
    x, w = np.ones(n), np.zeros(n)

    def f(x):
        first = np.sum(np.copysign(x, w))
        w[0] = -0.0
        return first + np.sum(np.copysign(x, w))

    np.testing.assert_array_equal(wg.grad(f)(x), [0.0] + [2.0] * (n - 1))


@sizes
def test_masks_indices_and_matrices_changed_after_their_use(n):
    x, eye = np.linspace(1.0, 2.0, n), np.eye(n)
    mask, indices, listed, W = np.zeros(n, bool), np.zeros(2, int), [0, 0], np.ones((2, n))
    low, weights = np.full(n, 1.5), np.ones(n)
    mask[0] = True

    def f(x):
        terms = [np.sum(np.where(mask, x, 0.0)), np.sum(x[indices]), np.sum(x[listed]), np.sum(x[mask])]
        terms += [np.sum(W @ x), np.sum(np.einsum("ij,j->i", W, x)), np.sum(np.clip(x, low, 9.0))]
        terms += [np.average(x, weights=weights)]
        mask[:], indices[:], listed[:], W[:], low[:], weights[:] = True, 1, [1, 1], 0.0, 0.0, 0.0
        return sum(terms)

    clipped = np.where(x > 1.5, 1.0, np.where(x == 1.5, 0.5, 0.0))
    np.testing.assert_allclose(wg.grad(f)(x), 6 * eye[0] + 4 + clipped + 1 / n, rtol=1e-14)


@sizes
def test_arguments_changed_before_the_pullback(n):
    x, w = np.linspace(1.0, 2.0, n), np.linspace(2.0, 3.0, n)
    expected = 3 * x**2 * w
    _, pull = wg.vjp(lambda x: x**3 * w, x)
    _, push = wg.linearize(lambda x: x**3 * w, x)
    x[:], w[:] = 0.0, 0.0
    np.testing.assert_allclose(pull(np.ones(n))[0], expected, rtol=1e-14)
    np.testing.assert_allclose(push(np.ones(n)), expected, rtol=1e-14)


@sizes
@pytest.mark.parametrize("f", [np.exp, lambda x: x * 1.0, np.sqrt, lambda x: np.exp(x)[::-1], lambda x: x])
def test_the_value_changed_before_the_pullback(n, f):
    """What f returned is the user's: exp keeps its output for ∂eˣ/∂x = eˣ, and must keep its own."""
    x = np.linspace(1.0, 2.0, n)
    expected = wg.vjp(f, x)[1](np.ones(n))[0]
    y, pull = wg.vjp(f, x)
    y[:] = 0.0
    np.testing.assert_array_equal(pull(np.ones(n))[0], expected)
    expected = wg.linearize(f, x)[1](np.ones(n))
    y, push = wg.linearize(f, x)
    y[:] = 0.0
    np.testing.assert_array_equal(push(np.ones(n)), expected)
    y, pull, aux = wg.vjp(lambda x: (f(x) * f(x), f(x)), x, has_aux=True)
    aux[:] = 0.0
    np.testing.assert_allclose(pull(np.ones(n))[0], wg.vjp(lambda x: f(x) * f(x), x)[1](np.ones(n))[0], rtol=1e-14)


@sizes
def test_results_share_no_memory(n):
    """Scaling one gradient in place (clipping, say) must not scale another, the cotangent, or the next pull's."""
    x = np.ones(n)
    for gradients in (
        wg.grad(lambda x, y: np.sum((x + y) ** 2), (0, 1))(x, x),
        wg.grad(lambda p: np.sum((p[0] + p[1]) ** 2))([x, x]),
        wg.vjp(lambda x, y: x + y, x, x)[1](4 * x),
        wg.linearize(lambda x: (x, x), x)[1](4 * x),
        wg.jvp(lambda x: (x, x), (x,), (4 * x,))[1],
        wg.jvp(lambda x: (x, x), (4 * x,), (x,))[0],
    ):
        gradients[0][:] = 0.0
        np.testing.assert_array_equal(gradients[1], np.full(n, 4.0))
    ct = np.ones(n)
    _, pull = wg.vjp(lambda x: x, x)
    pull(ct)[0][:] = 0.0
    np.testing.assert_array_equal(ct, np.ones(n))
    np.testing.assert_array_equal(pull(ct)[0], np.ones(n))
    np.testing.assert_array_equal(x, np.ones(n))


def test_variables_gradients_share_no_memory():
    a, b = wg.Variable(X), wg.Variable(X)
    np.sum((a + b) ** 2).backward()
    a.grad[:] = 0.0
    np.testing.assert_array_equal(b.grad, 4 * X)


@sizes
def test_constants_changed_in_a_derivative_of_a_derivative(n):
    x, w = np.ones(n), np.ones(n)

    def f(x):
        w[:] = 3.0
        y = x**3 * w
        w[:] = 0.0
        return np.sum(y)

    hessian = np.full(n, 18.0)
    np.testing.assert_array_equal(wg.jvp(wg.grad(f), (x,), (np.ones(n),))[1], hessian)
    np.testing.assert_array_equal(wg.grad(lambda x: np.sum(wg.grad(f)(x)))(x), hessian)
    np.testing.assert_array_equal(wg.grad(lambda x: wg.jvp(f, (x,), (np.ones(n),))[1])(x), hessian)
