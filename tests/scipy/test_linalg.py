"""wengert.scipy.linalg: SciPy's values, and derivatives in every mode."""

from __future__ import annotations

import re
import warnings

import mpmath
import numpy as np
import pytest
import scipy.linalg

import wengert as wg
from wengert.core.errors import ArgumentError, ConversionError, DegenerateError, MissingRuleError
from wengert.scipy import linalg

RNG = np.random.default_rng(3)
S = RNG.normal(size=(3, 3))
M = S + 3 * np.eye(3)
P = M @ M.T
GIVEN = {
    "s": S,
    "m": M,
    "p": P,
    "q": P / 8 + 0.1 * np.abs(S),
    "x": RNG.normal(size=(3, 2)),
    "v": np.array([0.7, -1.9, 1.2]),
    "st": np.stack([M, M.T + 0.1]),
    "c": np.array([0.4, 1.3, 2.2, 3.4]),
}
KNOWN = {**GIVEN, "np": np}

EXPRESSIONS = """
linalg.expm(s)   linalg.expm(st)   linalg.expm(s + 1j * m)   linalg.logm(q)   linalg.logm(q + 0.2j * s)
linalg.sqrtm(q)   linalg.sqrtm(q + 0.2j * s)   linalg.expm_frechet(s, m)[1]
linalg.expm_frechet(s, m, compute_expm=False)   linalg.cosm(s)   linalg.sinm(s)   linalg.tanm(s)   linalg.coshm(s)
linalg.sinhm(s)   linalg.tanhm(s)   linalg.cosm(s + 1j * m)   linalg.sinm(s + 1j * m)
linalg.fractional_matrix_power(q, 0.3)   linalg.fractional_matrix_power(q, -2)   linalg.solve(m, x)
linalg.solve(m, v)   linalg.solve(p, x, assume_a='pos')   linalg.solve(p, x, lower=True, assume_a='pos')
linalg.solve(p, v, assume_a='sym')   linalg.solve(m, v, transposed=True)   linalg.solve(m, v, assume_a='diagonal')
linalg.solve(m, v, assume_a='upper triangular')   linalg.solve(m, v, assume_a='lower triangular')
linalg.solve(m, v, assume_a='tridiagonal')   linalg.solve_triangular(m, x)   linalg.solve_triangular(m, v, lower=True)
linalg.solve_triangular(m, v, trans='T')   linalg.solve_triangular(m, x, unit_diagonal=True, trans=1)
linalg.solve_triangular(m + 1j * s, x, trans='C')   linalg.solve_triangular(st, x[None])
linalg.cho_solve(linalg.cho_factor(p), x)   linalg.cho_solve(linalg.cho_factor(p, True), v)   linalg.cholesky(p)
linalg.cholesky(p, lower=True)   linalg.lu(m)[1]   linalg.lu(s)[2]   linalg.lu(s)[0] @ s
linalg.lu(s, permute_l=True)[0]   s[linalg.lu(s, p_indices=True)[0]]   linalg.lu_factor(s)[0]
linalg.lu_solve(linalg.lu_factor(s), v)   linalg.lu_solve(linalg.lu_factor(s), x, trans=1)
linalg.solve_sylvester(m, m.T, s)   linalg.solve_sylvester(m, st[1], s)   linalg.solve_continuous_lyapunov(m, s)
linalg.solve_lyapunov(m, s)   linalg.solve_discrete_lyapunov(m, s)   linalg.lstsq(x, v)[0]   linalg.lstsq(x, v)[1]
linalg.lstsq(x, v, lapack_driver='gelsd')[3]   linalg.lstsq(m, v)[0]   linalg.inv(m)   linalg.inv(p, assume_a='pos')
linalg.pinv(x)   linalg.pinv(x, return_rank=True)[0]   linalg.det(m)   linalg.norm(m)   linalg.norm(m, 2)
linalg.norm(x, 1, axis=0, keepdims=True)   linalg.eigh(p)[0]   linalg.eigh(p)[1]   linalg.eigh(p, lower=False)[1]
linalg.eigh(s + s.T, p)[0]   linalg.eigh(s + s.T, p)[1]   linalg.eigh(s + s.T, p, lower=False)[1]
linalg.eigh(p, subset_by_index=[1, 2])[1]   linalg.eigh(p, subset_by_value=[1.0, 9.0])[0]
linalg.eigh(p + 1j * (s - s.T))[0]   np.abs(linalg.eigh(p + 1j * (s - s.T))[1])   linalg.eigvalsh(p)
linalg.eigvalsh(p, subset_by_index=[0, 0])   linalg.eigvalsh(s + s.T, p)   linalg.eigvals(p).real
linalg.eig(p)[0].real   linalg.svd(x)[0]   linalg.svd(x, full_matrices=False)[2]   linalg.svd(x, compute_uv=False)
linalg.svdvals(x)   linalg.qr(x)[0]   linalg.qr(x, mode='economic')[1]   linalg.qr(x, mode='r')[0]
linalg.polar(m)[0]   linalg.polar(m, 'left')[1]   linalg.block_diag(m, v, x)   linalg.block_diag(2.0 * s[0, 0], 1.0)
linalg.toeplitz(v)   linalg.toeplitz(v, c)   linalg.hankel(v)   linalg.hankel(v, c)   linalg.circulant(v)
linalg.companion(c)
"""
ROWS = re.findall(r"\S.*?(?=\s{3,}|\n)", EXPRESSIONS)


def real(f):
    """The real and the imaginary part of what f returns, as one array of real numbers."""

    def parts(*args):
        value = f(*args)
        return np.stack([np.real(value), np.imag(value)]) if np.iscomplexobj(value) else value

    return parts


@pytest.mark.parametrize("row", ROWS)
def test_values_are_scipys_and_derivatives_are_right(row):
    names = [n for n in GIVEN if re.search(rf"(?<![\w.'\"]){n}(?![\w('\"=])", row)]
    f, plain = (eval(f"lambda {', '.join(names)}: {row}", {**KNOWN, "linalg": m}) for m in (linalg, scipy.linalg))
    args = tuple(GIVEN[n] for n in names)
    want = np.asarray(plain(*args))
    np.testing.assert_array_equal(f(*args), want, strict=not np.isscalar(f(*args)))
    traced = np.asarray(wg.jvp(f, args, args)[0])
    np.testing.assert_allclose(traced, want, rtol=1e-11, atol=1e-12, strict=True)
    wg.check_grads(real(f), args, order=1)
    wg.check_grads(lambda *a: np.sum(np.sin(real(f)(*a))), args, order=2)


def test_third_derivatives_of_functions_of_matrices():
    for f, a in ((linalg.expm, S), (linalg.logm, GIVEN["q"]), (linalg.sqrtm, GIVEN["q"])):
        wg.check_grads(lambda t, f=f, a=a: np.sum(np.cos(f(a + t * M / 10))), (0.1,), order=3)


def test_the_derivative_of_the_exponential_against_fifty_digits():
    """D exp(A)[E] = Σ Σ Aʲ E Aᵏ/(j + k + 1)!, summed in high precision; also far from the unit ball."""
    with mpmath.workdps(50):
        for scale in (1e-3, 1.0, 10.0):
            a, e = mpmath.matrix((scale * S).tolist()), mpmath.matrix(M.tolist())
            power, moved, total = mpmath.eye(3), mpmath.zeros(3), mpmath.zeros(3)
            for k in range(1, 250):  # d(Aᵏ) = d(Aᵏ⁻¹)·A + Aᵏ⁻¹·E
                moved, power = moved * a + power * e, power * a
                total += moved / mpmath.factorial(k)
            want = np.array(total.tolist(), float)
            got = wg.jvp(linalg.expm, (scale * S,), (M,))[1]
            assert np.max(np.abs(got - want)) < 1e-13 * np.max(np.abs(want))


def test_a_large_direction_is_only_a_factor():
    small = wg.jvp(linalg.expm, (S,), (M,))[1]
    assert wg.jvp(linalg.expm, (S,), (1e200 * M,))[1] == pytest.approx(1e200 * small, rel=1e-13)
    assert wg.jvp(linalg.expm, (S,), (0 * M,))[1].tolist() == np.zeros((3, 3)).tolist()
    assert wg.jvp(linalg.expm, (0 * S,), (M,))[1] == pytest.approx(M, rel=1e-15)
    assert linalg.expm(np.zeros((0, 0))).shape == (0, 0)


def test_functions_of_matrices_undo_each_other():
    q = GIVEN["q"]
    assert wg.jvp(lambda a: linalg.expm(linalg.logm(a)), (q,), (S,))[1] == pytest.approx(S, rel=1e-11)
    assert wg.jvp(lambda a: linalg.sqrtm(a) @ linalg.sqrtm(a), (q,), (S,))[1] == pytest.approx(S, rel=1e-11)
    assert wg.grad(lambda t: np.trace(linalg.fractional_matrix_power(q, t)))(0.0) == pytest.approx(
        np.trace(scipy.linalg.logm(q)), rel=1e-11
    )


def test_float32_stays_float32():
    a = GIVEN["q"].astype(np.float32)
    for f in (linalg.expm, linalg.logm, linalg.sqrtm, lambda a: linalg.solve_triangular(a, a)):
        value, tangent = wg.jvp(f, (a,), (a,))
        assert value.dtype == tangent.dtype == np.float32
        assert wg.grad(lambda a, f=f: np.sum(f(a)))(a).dtype == np.float32


def test_a_result_that_a_real_matrix_has_not_is_refused():
    negative = np.diag([-1.0, 2.0])
    for f in (linalg.logm, linalg.sqrtm):
        assert np.iscomplexobj(f(negative))
        with pytest.raises(ArgumentError, match=r"A \+ 0j"):
            wg.jacobian(f)(negative)
        assert np.all(np.isfinite(wg.jacobian(lambda a, f=f: np.real(f(a + 0j)))(negative)))


def test_a_singular_matrix_has_no_derivative_of_its_root():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SciPy's own, of the value
        for f in (linalg.sqrtm, linalg.logm):
            with pytest.raises(DegenerateError, match="singular"):
                wg.jacobian(f)(np.diag([0.0, 1.0]))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a: linalg.schur(a)[0], r"scipy\.linalg\.schur has no derivative rule"),
        (lambda a: linalg.qr(a, pivoting=True)[0], "pivoting"),
        (lambda a: linalg.lu(a[:, :2])[1], "square"),
        (lambda a: linalg.lu_factor(a[:, :2])[0], "square"),
        (lambda a: linalg.eigh(a, P, type=2)[0], "type=2"),
        (lambda a: linalg.eig(a, left=True)[0], "left=True"),
        (lambda a: linalg.eigvals(a, P), "eigvals"),
        (lambda a: linalg.pinv(a, atol=0.1), "rtol="),
        (lambda a: linalg.logm(a, disp=False)[0], "disp=False"),
    ],
)
def test_what_has_no_rule_is_an_error(call, words):
    with pytest.raises(MissingRuleError, match=words):
        wg.jacobian(call)(P)


def test_scipys_own_functions_name_the_namespace():
    for f in (scipy.linalg.expm, scipy.linalg.det):
        with pytest.raises(ConversionError, match=r"from wengert\.scipy import linalg; linalg"):
            wg.jacobian(f)(S)


def test_numbers_that_are_not_finite_are_refused_as_scipy_does():
    with pytest.raises(ValueError, match="infs or NaNs"):
        wg.jacobian(linalg.solve)(M * np.inf, GIVEN["v"])
    with pytest.raises(ValueError, match="structure"):
        wg.jacobian(lambda a: linalg.solve(a, GIVEN["v"], assume_a="round"))(M)
    with pytest.raises(ValueError, match="Mode"):
        wg.jacobian(lambda a: linalg.qr(a, mode="round")[0])(M)


def test_plain_arrays_are_scipys_business():
    assert type(linalg.expm(S)) is np.ndarray
    assert linalg.schur(S)[0].tolist() == scipy.linalg.schur(S)[0].tolist()
    assert linalg.LinAlgError is scipy.linalg.LinAlgError
    assert set(scipy.linalg.__all__) <= set(dir(linalg))
    assert {n for n in dir(linalg) if not hasattr(linalg, n)} == set()

    def f(t):  # of plain arrays inside a transformation what can be filled
        y = linalg.expm(S)
        y[0, 0] = t
        return np.trace(linalg.inv(y) @ linalg.schur(S)[0])

    wg.check_grads(f, (2.0,), order=2)


def test_a_recorded_graph_pivots_anew():
    """The order of the rows belongs to the values: another matrix has another."""
    graph = wg.trace(lambda a: linalg.lu_solve(linalg.lu_factor(a), GIVEN["v"]))(S)
    assert graph(S[::-1]) == pytest.approx(np.linalg.solve(S[::-1], GIVEN["v"]))
    slope = wg.trace(lambda a: np.sum(linalg.lu(a)[1] ** 2))(S).derivative()
    assert slope(S[::-1]) == pytest.approx(wg.grad(lambda a: np.sum(linalg.lu(a)[1] ** 2))(S[::-1]))


def test_names_can_be_imported_from_the_module():
    from wengert.scipy.linalg import hilbert, solve_triangular
    from wengert.scipy.special import erf, logsumexp

    assert all(map(callable, (hilbert, solve_triangular, erf, logsumexp)))
