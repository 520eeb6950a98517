"""Difference quotients and the check of gradients with complex arguments and results."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.aval import like
from wengert.core.primitive import Primitive

Z = np.array([[1.0 + 1.0j, 0.5], [-0.3, 2.0j]])
SCHEMES = [("forward", 1e-6), ("central", 1e-8), ("richardson", 1e-11)]
every_scheme = pytest.mark.parametrize(("scheme", "error"), SCHEMES)


def energy(z):
    return np.sum(np.abs(np.exp(z) @ z) ** 2) / 100


def product(z):
    return np.exp(z) @ z


@every_scheme
def test_the_gradient_of_a_real_function_is_the_direction_of_steepest_ascent(scheme, error):
    np.testing.assert_allclose(wg.finite_difference(energy, scheme=scheme)(Z), wg.grad(energy)(Z), atol=30 * error)
    found = wg.finite_difference(lambda z: abs(z) ** 2, scheme=scheme)(0.5 + 0.3j)
    assert type(found) is complex
    assert found == pytest.approx(1.0 + 0.6j, abs=error)


@every_scheme
def test_the_derivative_of_a_holomorphic_function(scheme, error):
    found = wg.finite_difference(product, scheme=scheme)(Z)
    np.testing.assert_allclose(found, wg.jacobian(product)(Z), atol=30 * error)
    assert wg.finite_difference(np.exp, scheme=scheme)(0.5j) == pytest.approx(np.exp(0.5j), abs=10 * error)


@every_scheme
def test_complex_results_of_real_arguments(scheme, error):
    turned, size = wg.finite_difference(lambda x: [np.exp(1j * x), np.abs(x)], scheme=scheme)(0.3)
    assert turned == pytest.approx(1j * np.exp(0.3j), abs=error)
    assert size == pytest.approx(1.0, abs=error)
    assert np.isrealobj(size)


def test_dtypes_are_those_of_the_arguments():
    narrow = Z.astype(np.complex64)
    assert wg.finite_difference(energy)(narrow).dtype == np.complex64
    assert wg.finite_difference(lambda x: x * Z)(np.float32(2.0)).dtype == np.complex64
    both = wg.finite_difference(lambda x, z: np.sum(np.abs(x * z)), argnums=(0, 1))(np.ones(2), Z)
    assert [b.dtype for b in both] == [np.float64, np.complex128]


@every_scheme
def test_functions_that_are_not_holomorphic(scheme, error):
    for f in (np.conj, lambda z: z.real * z, lambda z: z + 0.1 * np.abs(z)):
        with pytest.raises(wg.GradientError, match="not holomorphic"):
            wg.finite_difference(f, scheme=scheme)(0.5 + 0.3j)


def test_a_complex_step_is_for_real_functions_of_real_numbers():
    for f, x in ((np.abs, 0.5 + 0.3j), (lambda x: 1j * x, 0.3), (energy, Z)):
        with pytest.raises(wg.ArgumentError, match="for real functions of real numbers"):
            wg.finite_difference(f, scheme="complex")(x)


@pytest.mark.parametrize(
    ("f", "args", "order"),
    [
        (energy, (Z,), 3),
        (lambda z, x: (product(z) * x, np.abs(z)), (Z, 2.0), 2),
        (lambda z: np.sin(z) * np.conj(z), (0.5 + 0.3j,), 3),
        (lambda x: np.exp(1j * x), (np.array([0.3, -1.2]),), 3),
        (np.abs, (Z.astype(np.complex64),), 1),
    ],
)
def test_right_derivatives_pass(f, args, order):
    wg.check_grads(f, args, order=order)


def test_wrong_derivatives_are_found():
    slope = wg.primitive(lambda z: z**2, lambda out, z: 2.001 * z, complex=True)
    turn = wg.Linear(lambda ct, z: 2j * ct)  # as the adjoint it lacks a conjugate
    unconjugated = Primitive("turn", lambda z: 2j * z, [turn], aval=like(), complex="adjoint")
    for f in (slope, unconjugated):
        with pytest.raises(wg.GradientError, match="disagree"):
            wg.check_grads(f, (0.5 + 0.3j,), order=1)
