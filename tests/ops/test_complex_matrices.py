"""Determinants, norms, factors and spectra of complex matrices, and of real matrices with complex spectra.

`test_complex_functions.py` has each function once; here is what is special: phases, triangles, ties, singular matrices,
stacks, and losses that are known in closed form.
"""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import DegenerateError, GuardError

RNG = np.random.default_rng(3)


def normal(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


def mH(a):
    return np.conj(np.swapaxes(a, -1, -2))


A, B, STACK = normal(3, 3) + 2 * np.eye(3), normal(4, 3), normal(2, 3, 3) + 2 * np.eye(3)
HERMITIAN = A @ mH(A) + np.diag([0.0, 1.0, 3.0])
ROTATION = np.array([[1.0, -2.0, 0.3], [1.5, 0.7, 0.2], [0.1, -0.4, 2.5]])  # eigenvalues 2.4 and 0.9 ± 1.7i
WEIGHTS = np.array([1.0, 2.0, -1.5])


def up_to_phase(v):
    """The weighted sum of the projectors v·vᴴ."""
    return (v * WEIGHTS[: v.shape[-1]]) @ mH(v)


# In the words of a test: what it is a function of, and at which matrix; all are smooth there.
SMOOTH = {
    "determinants of a stack": (np.linalg.det, STACK),
    "the sign of a determinant": (lambda a: np.linalg.slogdet(a).sign, STACK),
    "the logarithm of a determinant": (lambda a: np.linalg.slogdet(a).logabsdet, STACK),
    "its complex logarithm": (lambda a: np.log(np.linalg.slogdet(a)[0]) + np.linalg.slogdet(a)[1], A),
    "inverses": (np.linalg.inv, STACK),
    "norms": (lambda a: [np.linalg.norm(a, p) for p in ("fro", 1, -1, np.inf, -np.inf, 2, -2, "nuc")], B),
    "norms of vectors": (lambda a: [np.linalg.norm(a[0], p) for p in (1, 2, 2.5, np.inf, -np.inf, -1, 0.5)], B),
    "condition": (lambda a: [np.linalg.cond(a, p) for p in (None, 2, -2, 1, "fro", np.inf)], A),
    "cholesky": (lambda a: np.linalg.cholesky(a @ mH(a)), STACK),
    "cholesky, upper": (lambda a: np.linalg.cholesky(a @ mH(a), upper=True), A),
    "qr of a tall matrix": (lambda a: list(np.linalg.qr(a)), B),
    "qr of a wide matrix": (lambda a: list(np.linalg.qr(a)), mH(B)),
    "qr of a stack": (lambda a: list(np.linalg.qr(a)), STACK),
    "pseudo-inverse": (np.linalg.pinv, B),
    "pseudo-inverse of a Hermitian matrix": (lambda a: np.linalg.pinv(a @ mH(a), hermitian=True), A),
    "pseudo-inverse of lower rank": (lambda a: np.linalg.pinv(a[:, :2] @ mH(a)[:2]), B),
    "least squares": (lambda a: list(np.linalg.lstsq(a, a[:, 0] ** 2 + B[:, 1])[:2]), B),
    "eigenvalues of a Hermitian matrix": (lambda a: np.linalg.eigvalsh(a), HERMITIAN),
    "the same with vectors": (lambda a: np.linalg.eigh(a)[0], HERMITIAN),
    "projectors of a Hermitian matrix": (lambda a: up_to_phase(np.linalg.eigh(a, "U")[1]), HERMITIAN),
    "projectors of a stack": (lambda a: up_to_phase(np.linalg.eigh(a @ mH(a))[1]), STACK),
    "a function of a Hermitian matrix": (
        lambda a: (lambda w, v: (v * np.exp(w / 9)) @ mH(v))(*np.linalg.eigh(a + mH(a))), A),
    "left projectors": (lambda a: up_to_phase(np.linalg.svd(a)[0][:, :3]), B),
    "right projectors": (lambda a: up_to_phase(mH(np.linalg.svd(a, full_matrices=False)[2])), mH(B)[:, :3]),
    "pairs of singular vectors": (
        lambda a: (lambda u, s, vh: (u * np.tanh(s)) @ vh)(*np.linalg.svd(a, full_matrices=False)), B),
    "the vector that completes a basis": (lambda a: (lambda u: np.abs(u[:, 3]) ** 2)(np.linalg.svd(a)[0]), B),
    "the vector that completes a QR": (lambda a: np.abs(np.linalg.qr(a, "complete")[0][:, 3]) ** 2, B),
    "singular values by eigenvalues": (lambda a: np.linalg.svd(a, compute_uv=False, hermitian=True), HERMITIAN),
    "eigenvalues": (np.linalg.eigvals, STACK),
    "eigenvalues and vectors": (lambda a: list(np.linalg.eig(a)), STACK),
    "complex eigenvalues of a real matrix": (np.linalg.eigvals, ROTATION),
    "complex eigenvectors of a real matrix": (lambda a: list(np.linalg.eig(a)), ROTATION),
    "some real, some complex, in a stack": (
        lambda a: np.linalg.eigvals(np.stack([a, a + np.swapaxes(a, 0, 1)])), ROTATION),
}  # fmt: skip


@pytest.mark.parametrize("what", SMOOTH)
def test_derivatives_of_orders_one_and_two(what):
    f, a = SMOOTH[what]
    wg.check_grads(f, (a,), order=2)
    if np.iscomplexobj(a):  # along the real axis alone, and the imaginary one
        wg.check_grads(lambda x: f(x + 1j * a.imag), (a.real,), order=1)
        wg.check_grads(lambda y: f(a.real + 1j * y), (a.imag,), order=1)


@pytest.mark.parametrize("what", SMOOTH)
def test_single_precision_stays_single(what):
    f, a = SMOOTH[what]
    narrow = a.astype(np.complex64 if np.iscomplexobj(a) else np.float32)

    def size(a):
        return np.sum(np.abs(np.concatenate([np.ravel(p) for p in parts(f(a))])))

    value, pull = wg.vjp(size, narrow)
    assert value.dtype == size(narrow).dtype
    assert pull(value)[0].dtype == narrow.dtype


def parts(value):
    return value if isinstance(value, list) else [value]


def test_known_derivatives():
    np.testing.assert_allclose(wg.jacobian(np.linalg.det)(A), np.linalg.det(A) * np.linalg.inv(A).T, rtol=1e-12)
    log_modulus = wg.grad(lambda a: np.linalg.slogdet(a)[1])(A)
    np.testing.assert_allclose(log_modulus, mH(np.linalg.inv(A)), rtol=1e-12)
    largest = wg.grad(lambda a: np.linalg.norm(a, 2))(B)
    u, _, vh = np.linalg.svd(B, full_matrices=False)
    np.testing.assert_allclose(largest, np.outer(u[:, 0], vh[0]), rtol=1e-12)
    np.testing.assert_allclose(wg.grad(lambda a: np.linalg.norm(a, "nuc"))(B), u @ vh, rtol=1e-12)
    np.testing.assert_allclose(wg.grad(np.linalg.norm)(B), B / np.linalg.norm(B), rtol=1e-12)


def test_one_triangle_and_the_real_part_of_the_diagonal_are_read():
    for f, used in (
        (np.linalg.cholesky, np.tril),
        (np.linalg.eigvalsh, np.tril),
        (lambda a: np.linalg.eigvalsh(a, "U"), np.triu),
        (lambda a: np.linalg.cholesky(a, upper=True), np.triu),
    ):
        odd = HERMITIAN + 1j * np.diag([1.0, 2.0, 3.0])
        np.testing.assert_allclose(f(odd), f(HERMITIAN), rtol=1e-12)  # so LAPACK does not read it
        gradient = wg.grad(lambda a, f=f: np.sum(np.abs(f(a)) ** 3))(odd)
        assert np.all(gradient == used(gradient))
        assert np.all(np.diag(gradient).imag == 0)


def test_a_loss_that_depends_on_a_phase_is_refused():
    for loss in (
        lambda a: np.real(np.linalg.eigh(a)[1][1, 0]),
        lambda a: np.sum(np.linalg.eigh(a)[1].imag),
        lambda a: np.real(np.linalg.svd(a)[0][1, 1]),
        lambda a: np.imag(np.linalg.svd(a)[2][1, 1]),
        lambda a: np.real(np.linalg.svd(B @ a)[0][0, 3]),
    ):
        with pytest.raises(DegenerateError, match="phase"):
            wg.grad(loss)(HERMITIAN)
        with pytest.raises(DegenerateError, match="phase"):
            wg.hessian(loss)(HERMITIAN)


def test_of_all_phases_forward_mode_takes_the_one_that_turns_no_vector():
    t = normal(3, 3)
    v, dv = wg.jvp(lambda a: np.linalg.eigh(a)[1], (HERMITIAN,), (t + mH(t),))
    np.testing.assert_allclose(np.sum(np.conj(v) * dv, axis=0), 0, atol=1e-13)
    (u, _, vh), (du, _, dvh) = wg.jvp(lambda a: tuple(np.linalg.svd(a, full_matrices=False)), (B,), (normal(4, 3),))
    turned = np.sum(np.conj(u) * du, axis=0) + np.sum(vh * np.conj(dvh), axis=1)
    np.testing.assert_allclose(turned, 0, atol=1e-13)


def test_the_largest_element_of_an_eigenvector_stays_real():
    """As LAPACK scales them; so that a loss may look at the vectors themselves."""
    for a, t in ((A, normal(3, 3)), (ROTATION, RNG.normal(size=(3, 3)))):
        v, dv = wg.jvp(lambda a: np.linalg.eig(a)[1], (a,), (t,))
        largest = np.argmax(np.abs(v) * (v.imag == 0), axis=0)
        np.testing.assert_allclose(dv[largest, range(3)].imag, 0, atol=1e-13)
        np.testing.assert_allclose(np.sum(np.conj(v) * dv, axis=0).real, 0, atol=1e-13)


def test_equal_eigenvalues_of_a_hermitian_matrix_share_their_derivative():
    q = np.linalg.qr(A)[0]
    a = (q * np.array([1.0, 1.0, 3.0])) @ mH(q)
    got = wg.grad(lambda a: np.sum(np.exp(np.linalg.eigvalsh(a + mH(a)))))(a)
    want = 2 * (q * np.exp([2.0, 2.0, 6.0])) @ mH(q)
    np.testing.assert_allclose(got, want, rtol=1e-10)
    got = wg.grad(lambda a: np.sum(np.linalg.svdvals(a)))(2 * q)
    np.testing.assert_allclose(got, q, rtol=1e-10, atol=1e-12)
    with pytest.raises(DegenerateError):
        wg.grad(lambda a: np.sum(np.abs(np.linalg.eigh(a)[1])))(2 * np.eye(3) + 0j)


def test_determinants_of_singular_matrices():
    a = np.array([[1.0 + 1j, 2.0], [2.0 + 2j, 4.0]])
    np.testing.assert_allclose(wg.jacobian(np.linalg.det)(a), [[4, -2 - 2j], [-2, 1 + 1j]], atol=1e-12)


def test_at_zero_norms_have_derivative_zero():
    for p in (None, 1, 3, np.inf):
        assert np.all(wg.grad(lambda x, p=p: np.linalg.norm(x, p))(np.zeros(2, complex)) == 0)


def test_a_defective_matrix_is_refused():
    for f in (np.linalg.eigvals, lambda a: np.linalg.eig(a)[0]):
        with pytest.raises(DegenerateError, match="defective"):
            wg.grad(lambda a, f=f: np.sum(np.abs(f(a))))(np.array([[1.0 + 1j, 1.0], [0.0, 1.0 + 1j]]))


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) >= "2.5.0", reason="NumPy gives all eigenvalues as complex numbers"
)
def test_a_graph_with_real_eigenvalues_is_not_run_where_they_are_complex():
    for f in (np.linalg.eigvals, lambda a: np.linalg.eig(a)[0]):
        graph = wg.trace(lambda a, f=f: np.sum(f(a) ** 2))(ROTATION + ROTATION.T)
        assert graph(ROTATION @ ROTATION.T) == pytest.approx(np.sum((ROTATION @ ROTATION.T) ** 2), rel=1e-12)
        with pytest.raises(GuardError, match="complex"):
            graph(ROTATION)
        graph = wg.trace(lambda a, f=f: np.real(np.sum(f(a) ** 2)))(ROTATION)  # complex ones may become real
        assert graph(ROTATION + ROTATION.T) == pytest.approx(np.sum((ROTATION + ROTATION.T) ** 2), rel=1e-12)


def test_stability_of_a_real_system():
    """The spectral abscissa of a rotation with growth a: max Re λ = a, dλ = wᵀ dA v/(wᵀv)."""
    a = np.array([[0.2, -3.0], [3.0, 0.2]])
    gradient = wg.grad(lambda a: np.max(np.real(np.linalg.eigvals(a))))(a)
    np.testing.assert_allclose(gradient, np.eye(2) / 2, atol=1e-14)
