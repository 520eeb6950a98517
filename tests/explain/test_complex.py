"""Comparisons and explanations of functions that compute with complex numbers."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.explain.multiprecision import PrecisionError
from wengert.explain.precision import derivative_to

Z = np.array([1.0 + 1.0j, 0.5 - 0.2j])
M = np.array([[2.0 + 1.0j, 0.3], [0.1 - 1.0j, 1.5j]])
EXACT = ("symbolic", "forward mode", "reverse mode")

FUNCTIONS = [
    (lambda z: abs(z) ** 2, 1 + 2j),
    (lambda z: np.sum(np.abs(z * np.exp(z))), Z),
    (lambda z: np.real(np.prod(np.sin(z) / z)) + np.imag(z[0] * np.conj(z[1])), Z),
    (lambda z: np.linalg.slogdet(M * z)[1] + np.abs(np.linalg.det(M @ M + z[0])), Z),
    (lambda z: np.abs(np.sum(np.linalg.solve(M, z))), Z),
    (lambda x: np.abs(np.exp(1j * x) + 1), 0.3),
]


@pytest.mark.parametrize(("f", "at"), FUNCTIONS)
def test_every_way_is_held_against_fifty_digits(f, at):
    comparison = wg.compare(f)(at)
    assert comparison.reference is not None, comparison.note
    for way in EXACT:
        assert comparison[way].error <= 1e-14
    assert comparison["finite difference, central"].error < 1e-7
    assert "50 digits" in comparison.to_text()


def test_the_coordinates_are_the_real_and_the_imaginary_parts():
    comparison = wg.compare(lambda z, x: x * abs(z) ** 2)(1 + 2j, 3.0)
    assert comparison.names == ("z.real", "z.imag", "x")
    for way in EXACT:
        assert comparison[way].derivative == pytest.approx((6.0, 12.0, 5.0))
    assert "imaginary" not in comparison["forward mode"].remark
    assert "for real functions" in comparison["finite difference, complex step"].remark


def test_one_direction_for_many_complex_numbers():
    z = np.linspace(1, 2, 300) * np.exp(1j * np.arange(300))
    comparison = wg.compare(lambda z: np.sum(np.abs(z) ** 3))(z)
    assert comparison.names == ("a random direction",)
    for way in EXACT:
        assert comparison[way].error <= 1e-13


def test_what_is_not_known_in_high_precision_says_so():
    for f in (lambda z: np.linalg.norm(z), lambda z: np.abs(np.max(z))):
        with pytest.raises(PrecisionError, match="not known in high precision"):
            derivative_to(wg.trace(f)(np.array([1.0, 1.0j])))


def test_explanations_are_of_real_numbers():
    for f, x in ((lambda z: abs(z) ** 2, 1 + 2j), (lambda x: np.abs(np.exp(1j * x)), 0.3)):
        with pytest.raises(wg.ArgumentError, match="of real numbers"):
            wg.explain(f)(x)
