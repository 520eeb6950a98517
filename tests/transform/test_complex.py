"""Complex numbers: the gradient of a real function is the direction of steepest ascent, in every mode and order.

With z = x + iy it is ∂f/∂x + i·∂f/∂y, so that the change of f along t is Re Σ conj(grad)·t. Derivatives of holomorphic
functions are those of the textbooks.
"""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

Z = np.array([0.3 + 0.4j, 1.2 - 0.5j, -0.7 + 0.1j])
RNG = np.random.default_rng(7)
A = RNG.normal(size=(3, 3)) + 1j * RNG.normal(size=(3, 3)) + 2 * np.eye(3)
T = RNG.normal(size=3) + 1j * RNG.normal(size=3)


def slope(f, z, step=1e-5):
    """∂f/∂x + i·∂f/∂y by central differences."""
    found = np.zeros_like(z)
    for i in range(z.size):
        e = np.zeros_like(z)
        e.flat[i] = step
        found.flat[i] = (f(z + e) - f(z - e)) / (2 * step) + 1j * (f(z + 1j * e) - f(z - 1j * e)) / (2 * step)
    return found


def mixed(z):
    rows = np.stack([z[0].imag, 1j, z[1], 2.0, z[2], z.real[0]])
    return np.abs(np.sum(np.concatenate([z, z.real]) * rows))


def updated(z):
    y = np.zeros_like(z)
    y[0] = z[1] * 1j
    y[1:] += z[:2] * z.real[:2]
    return np.sum(np.abs(y) ** 2)


FUNCTIONS = {
    "square of the modulus": lambda z: np.sum(np.abs(z) ** 2),
    "parts": lambda z: np.sum(z.real * z.imag**2 + np.real(z) * np.imag(z * 1j)),
    "conjugate": lambda z: np.real(np.sum(z * np.conj(z) * z.conj() * z**2)),
    "exponential": lambda z: np.abs(np.sum(np.exp(z) * np.sin(z) * np.cosh(z) / (1 + z[::-1]) ** 2)),
    "logarithm and powers": lambda z: np.sum(np.abs(z**z + z**2.5 + np.sqrt(z) * np.log(z) + z**3)),
    "inverse functions": lambda z: np.sum(
        np.real(np.tan(z) + np.arcsin(z) + np.tanh(z) + np.arccosh(z) * np.arctanh(z))
    ),
    "angle and sign": lambda z: np.sum(np.angle(z) * np.abs(z)) + np.real(np.sum(np.sign(z) * z**2)),
    "products": lambda z: np.abs(np.prod(z) + np.cumprod(z)[1] + np.cumsum(z)[2]) + np.abs(np.sum(A @ z)) ** 2,
    "inner products": lambda z: np.abs(np.vdot(z, A @ z)) + np.real(np.dot(z, z)) + np.abs(np.inner(z, z)),
    "einsum": lambda z: np.abs(np.einsum("i,ij,j->", z, A, np.conj(z))),
    "systems": lambda z: np.sum(np.abs(np.linalg.solve(A, z))) + np.abs(np.linalg.inv(A * z)[0, 1]),
    "choices": lambda z: np.sum(np.abs(np.where(z.real > 0, z**2, z.imag))),
    "indices": lambda z: np.abs(z[0] * z[[1, 1]].sum() + z[z.real > 0].sum() + z[::-1].T[0]),
    "statistics": lambda z: np.var(z) + np.abs(np.mean(z)) + np.std(z),
    "real and complex": mixed,
    "updates in place": updated,
}


@pytest.fixture(params=FUNCTIONS)
def f(request):
    return FUNCTIONS[request.param]


def test_the_gradient_is_the_direction_of_steepest_ascent(f):
    value, gradient = wg.value_and_grad(f)(Z)
    assert value == pytest.approx(f(Z), rel=1e-13)
    np.testing.assert_allclose(gradient, slope(f, Z), rtol=1e-7, atol=1e-8)


def test_forward_and_reverse_agree(f):
    moved = wg.jvp(f, (Z,), (T,))[1]
    assert moved == pytest.approx(np.sum(np.real(np.conj(wg.grad(f)(Z)) * T)), rel=1e-12, abs=1e-12)
    assert wg.linearize(f, Z)[1](T) == pytest.approx(moved, rel=1e-12, abs=1e-12)


def test_second_order(f):
    product = wg.hvp(f)(Z, T)
    step = 1e-5
    differences = (wg.grad(f)(Z + step * T) - wg.grad(f)(Z - step * T)) / (2 * step)
    np.testing.assert_allclose(product, differences, rtol=1e-6, atol=1e-7)
    other = wg.grad(lambda z: np.sum(np.real(np.conj(wg.grad(f)(z)) * T)))(Z)  # reverse over reverse
    np.testing.assert_allclose(other, product, rtol=1e-9, atol=1e-9)


def test_recorded_and_on_the_tape(f):
    graph = wg.trace(f)(Z)
    assert graph(Z * 1.01) == pytest.approx(f(Z * 1.01), rel=1e-13)
    assert graph.simplify()(Z) == pytest.approx(f(Z), rel=1e-13)
    np.testing.assert_allclose(wg.trace(wg.grad(f))(Z)(Z), wg.grad(f)(Z), rtol=1e-12, atol=1e-12)
    if f is not updated:
        leaf = wg.Variable(Z)
        f(leaf).backward()
        np.testing.assert_allclose(leaf.grad, wg.grad(f)(Z), rtol=1e-12)


def test_real_arguments_of_complex_functions():
    x = np.array([0.3, 1.2, -0.7])

    def f(x):
        z = np.exp(1j * x) * A @ (x + 1j * x**2)
        return np.sum(np.abs(z) ** 2)

    wg.check_grads(f, (x,), order=2)
    assert wg.grad(f)(x).dtype == np.float64


def test_holomorphic_derivatives_are_those_of_the_textbooks():
    for f, derivative in [
        (np.exp, np.exp), (np.sin, np.cos), (np.log, lambda z: 1 / z), (lambda z: z**3, lambda z: 3 * z**2),
        (np.sqrt, lambda z: 0.5 / np.sqrt(z)), (np.arcsin, lambda z: 1 / np.sqrt(1 - z * z)),
    ]:  # fmt: skip
        z = 0.4 + 0.3j
        assert wg.jacobian(f)(z) == pytest.approx(derivative(z), rel=1e-14)
        assert wg.jvp(f, (z,), (1.0,))[1] == pytest.approx(derivative(z), rel=1e-14)
        assert wg.jvp(f, (z,), (1j,))[1] == pytest.approx(1j * derivative(z), rel=1e-14)
    np.testing.assert_allclose(wg.jacobian(lambda z: A @ z)(Z), A, rtol=1e-14)
    np.testing.assert_allclose(wg.jacobian(lambda x: A @ x)(np.ones(3)), A, rtol=1e-14)


def test_the_pullback_is_the_adjoint():
    _, pull = wg.vjp(lambda z: A @ z, Z)
    np.testing.assert_allclose(pull(T)[0], A.conj().T @ T, rtol=1e-13)


def test_graphs_with_complex_constants_are_simplified():
    graph = wg.trace(lambda x: np.abs(x * (1 + 2j) + 0j))(1.5)
    assert graph.simplify(algebra=True)(2.0) == pytest.approx(2 * np.sqrt(5), rel=1e-15)
    np.testing.assert_allclose(graph.derivative()(2.0), np.sqrt(5), rtol=1e-15)


def test_numbers_keep_their_kind():
    assert type(wg.grad(lambda z: np.abs(z) ** 2)(1 + 2j)) is complex
    assert wg.grad(lambda z: np.abs(z) ** 2)(1 + 2j) == 2 + 4j
    narrow = Z.astype(np.complex64)
    assert wg.grad(lambda z: np.sum(np.abs(z)))(narrow).dtype == np.complex64
    assert wg.grad(lambda x: np.sum(np.abs(x * Z)))(np.float32(2.0)).dtype == np.float32


def test_the_modulus_at_zero_has_derivative_zero():
    assert wg.grad(np.abs)(0j) == 0
    assert wg.jvp(np.abs, (0j,), (1 + 1j,))[1] == 0


only_real = wg.primitive(lambda x: x**2, lambda z, x: 2 * x, name="only_real")


def test_rules_for_real_numbers_are_not_applied_to_complex_ones():
    for f in (
        lambda z: np.cbrt(z),
        lambda z: only_real(z),
    ):
        with pytest.raises((wg.ArgumentError, TypeError)):
            wg.jvp(f, (Z,), (T,))
        with pytest.raises((wg.ArgumentError, TypeError)):
            wg.vjp(f, Z)[1](np.ones(np.shape(f(Z)), complex))


def test_the_way_to_jaxs_convention():
    """JAX's gradient of a real function is the conjugate; docs/conventions.md says so."""
    assert np.conj(wg.grad(lambda z: np.abs(z) ** 2)(1 + 2j)) == 2 - 4j


def test_a_graph_of_a_derivative_does_not_warn_at_a_singular_point():
    """As eager derivatives do not; the function itself still does."""
    graph = wg.trace(np.sqrt)(1.0)
    derivative = graph.derivative()
    for form in (derivative, derivative.simplify(algebra=True), graph.derivative(simplify=False)):
        assert form(0.0) == np.inf
    with pytest.warns(RuntimeWarning):
        wg.trace(np.log)(1.0)(0.0)


def test_a_graph_of_a_complex_number_takes_numpys_too():
    graph = wg.trace(lambda z: np.abs(z) ** 2)(1 + 1j)
    assert graph(np.complex128(2j)) == pytest.approx(4.0)
    assert wg.trace(lambda x: (x, 1j))(2.0)(3.0) == (3.0, 1j)


def test_an_operation_of_the_users_with_complex_numbers():
    third = wg.primitive(lambda z: z**3, lambda out, z: 3 * z**2, name="third", complex=True)
    wg.check_grads(third, (Z,), order=2)
