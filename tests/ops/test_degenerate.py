"""Matrices at which a factor is not unique: the right derivative where there is one, an error where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import DegenerateError

RNG = np.random.default_rng(3)
Q = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
EQUAL = (Q * [1.0, 2.0, 2.0, 5.0]) @ Q.T  # equal up to rounding
EXACT = np.diag([1.0, 2.0, 2.0, 5.0])
D = RNG.normal(size=(4, 4))
S = D + D.T


def matrix_function(f, a):
    """A function applied to the eigenvalues of a symmetric matrix."""
    w, v = np.linalg.eigh(a)
    return (v * f(w)) @ v.T


@pytest.mark.parametrize("a", [EQUAL, EXACT, np.eye(4)], ids=["rounded", "exact", "identity"])
def test_functions_of_the_whole_spectrum_have_their_derivative_at_equal_eigenvalues(a):
    want = np.sum(matrix_function(np.exp, a) * S)  # d tr exp A = tr(exp(A) dA)
    for f in (
        lambda a: np.sum(np.exp(np.linalg.eigvalsh(a))),
        lambda a: np.sum(np.exp(np.linalg.eigh(a).eigenvalues)),
        lambda a: np.sum(np.exp(np.linalg.eigvals(a).real)),
        lambda a: np.sum(np.exp(np.linalg.svdvals(a))),
        lambda a: np.sum(np.exp(np.linalg.svd(a)[1])),
    ):
        assert wg.jvp(f, (a,), (S,))[1] == pytest.approx(want, rel=1e-13)
        assert np.sum(wg.grad(f)(a) * S) == pytest.approx(want, rel=1e-13)


@pytest.mark.parametrize("a", [EQUAL, EXACT], ids=["rounded", "exact"])
@pytest.mark.parametrize(
    "f", [lambda a: np.linalg.eigh(a)[1], lambda a: np.linalg.svd(a)[0], lambda a: np.linalg.svd(a)[2].T]
)
def test_vectors_of_equal_values_have_no_derivative_and_the_others_have_theirs(a, f):
    tangent = wg.jvp(f, (a,), (S,))[1]
    lost = np.isnan(tangent).all(axis=0)
    assert lost.sum() == 2
    for kept in np.flatnonzero(~lost):
        gradient = wg.grad(lambda a, kept=kept: np.sum(f(a)[:, kept] * D[0]))(a)
        assert np.sum(gradient * S) == pytest.approx(D[0] @ tangent[:, kept], rel=1e-12)
    with pytest.raises(DegenerateError, match=r"write       np\.linalg"):
        wg.grad(lambda a: np.sum(f(a) * D))(a)


def test_nonsymmetric_matrices_with_equal_eigenvalues():
    f = lambda a: np.sum(np.exp(np.linalg.eigvals(a).real))  # noqa: E731
    a = np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 3.0], [0.0, 0.0, 4.0]])
    m = (np.linalg.inv(v := np.linalg.eig(a)[1]) @ D[:3, :3] @ v).diagonal()
    want = np.real(m @ np.exp(np.linalg.eigvals(a)))
    assert wg.jvp(f, (a,), (D[:3, :3],))[1] == pytest.approx(want, rel=1e-13)
    with pytest.raises(DegenerateError, match="equal eigenvalues"):
        wg.grad(lambda a: np.sum(np.linalg.eig(a)[1].real))(a)
    defective = np.array([[2.0, 1.0], [0.0, 2.0]])
    for g in (np.linalg.eigvals, lambda a: np.linalg.eig(a)[0]):
        with pytest.raises(DegenerateError, match="defective"):
            wg.jvp(g, (defective,), (D[:2, :2],))


def test_the_triangle_that_is_not_read_has_no_influence():
    a = Q @ np.diag([1.0, 2.0, 3.5, 5.0]) @ Q.T
    for f, read in (
        (np.linalg.cholesky, np.tril), (lambda a: np.linalg.cholesky(a, upper=True), np.triu),
        (np.linalg.eigvalsh, np.tril), (lambda a: np.linalg.eigvalsh(a, "U"), np.triu),
        (lambda a: np.linalg.eigh(a)[1], np.tril), (lambda a: np.linalg.eigh(a, "U")[1], np.triu),
        (lambda a: np.linalg.pinv(a, hermitian=True), np.tril),
    ):  # fmt: skip
        weights = RNG.normal(size=np.shape(f(a)))
        gradient = wg.grad(lambda a, f=f, w=weights: np.sum(w * f(a)))(a)
        np.testing.assert_array_equal(gradient, read(gradient))
        symmetric = wg.grad(lambda a, f=f, w=weights: np.sum(w * f((a + a.T) / 2)))(a)
        np.testing.assert_allclose(symmetric, symmetric.T, atol=1e-14)
        assert np.sum(symmetric * S) == pytest.approx(np.sum(gradient * S), rel=1e-12)


def test_the_gradient_of_the_log_determinant_is_the_inverse():
    a = Q @ np.diag([1.0, 2.0, 3.5, 5.0]) @ Q.T
    for f in (
        lambda a: 2 * np.sum(np.log(np.diagonal(np.linalg.cholesky((a + a.T) / 2)))),
        lambda a: np.sum(np.log(np.linalg.eigvalsh((a + a.T) / 2))),
        lambda a: np.sum(np.log(np.linalg.svdvals(a))),
        lambda a: np.sum(np.log(np.abs(np.diagonal(np.linalg.qr(a)[1])))),
    ):
        np.testing.assert_allclose(wg.grad(f)(a), np.linalg.inv(a), rtol=1e-12, atol=1e-13)


def test_without_full_rank():
    b, c = RNG.normal(size=(4, 2)), RNG.normal(size=(2, 5))
    for f in (lambda b, c: np.linalg.pinv(b @ c, rcond=1e-13), lambda b, c: np.linalg.lstsq(b @ c, D, rcond=1e-13)[0]):
        wg.check_grads(f, (b, c), order=2)
    singular = b @ b.T
    with pytest.raises(DegenerateError, match="leading columns"):
        wg.jvp(lambda a: np.linalg.qr(a)[0], (singular,), (D,))
    with pytest.raises(DegenerateError, match="singular vectors of zero"):
        wg.grad(lambda a: np.sum(np.linalg.svd(a, full_matrices=False)[0]))(np.outer(D[0], [1.0, 2.0]))
    with pytest.raises(DegenerateError, match="cut-off"):
        wg.grad(lambda a: np.sum(np.linalg.pinv(a, rcond=0.5)))(D)


@pytest.mark.parametrize(
    "f", [lambda a: np.linalg.svd(a)[0], lambda a: np.linalg.svd(a.T)[2].T, lambda a: np.linalg.qr(a, "complete")[0]]
)
def test_of_what_completes_a_basis_only_one_vector_has_a_derivative(f):
    a = np.linalg.qr(D)[0][:, :2] * [2.0, 1.0]
    assert np.isnan(wg.jvp(f, (a,), (D[:, :2],))[1][:, 2:]).all()
    assert np.isfinite(wg.grad(lambda a: np.sum(f(a)[:, :2] * D[:, :2]))(a)).all()
    with pytest.raises(DegenerateError, match="adds"):
        wg.grad(lambda a: np.sum(f(a) * D))(a)
    wg.check_grads(f, (a[:3],), order=2)


def test_second_derivatives_through_equal_eigenvalues_are_refused_or_nan():
    f = lambda a: np.sum(np.linalg.eigvalsh(a) ** 2)  # noqa: E731
    with pytest.raises(DegenerateError):
        wg.grad(lambda a: np.sum(wg.grad(f)(a) * S[:2, :2]))(np.eye(2))
    assert np.isnan(wg.jvp(wg.grad(f), (np.eye(2),), (S[:2, :2],))[1]).any()
