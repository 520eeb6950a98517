"""wengert.scipy.special: SciPy's values, and derivatives in every mode."""

from __future__ import annotations

import re
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import scipy.special

import wengert as wg
from wengert.core.errors import ConversionError, MissingRuleError
from wengert.scipy import special

GIVEN = {
    "x": np.array([[0.3, -1.7], [0.9, 2.4], [1.1, 0.2]]),
    "v": np.array([0.7, -1.9, 1.2]),
    "c": np.array([0.4, 1.3, 2.2, 3.4]),
    "u": np.array([0.3, 0.2, 0.5]),
}
KNOWN = {**GIVEN, "np": np}
EXPRESSIONS = """
special.logsumexp(x)   special.logsumexp(x, axis=0)   special.logsumexp(x, axis=-1, keepdims=True)
special.logsumexp(x, axis=(0, 1), b=np.abs(x))
special.logsumexp(v, b=np.array([1.0, -2.0, 0.5]), return_sign=True)[0]
v * special.logsumexp(v, b=np.array([1.0, -9.0, -5.0]), return_sign=True)[1]   special.logsumexp(v + 1j * u)
special.logsumexp(v + 1j * u, b=u, return_sign=True)[0]   special.logsumexp(v + 1j * u, b=u, return_sign=True)[1]
special.logsumexp(x, axis=0, b=u[:, None])   special.logsumexp([v[0], 1.0])   special.softmax(x)
special.softmax(x, axis=1)   special.softmax(x, axis=(0, 1))   special.log_softmax(x)   special.log_softmax(x, axis=0)
special.polygamma(1, c)   special.polygamma([0, 1, 2, 3], c)   special.multigammaln(c + 2, 3)
special.multigammaln(2.0 * u[0], 1)   special.factorial(c)   special.factorial(v)
special.factorial(v, extend='complex')   special.comb(c + 3, 2)   special.comb(c + 3, u[0])   special.comb(v, 1.0)
special.comb(c + 3, 2, repetition=True)   special.perm(c + 3, 2)   special.diric(c, 4)
special.diric(c, np.array([1, 2, 3, 7]))   special.spherical_jn(2, c)   special.spherical_jn([0, 1, 2, 3], c, True)
special.spherical_yn(2, c)   special.spherical_in(2, c, derivative=True)
special.spherical_kn([0, 1, 2, 3], c)
special.softplus(c)   special.erf(c)   special.erf([c[0], 1.0])   special.jvp(1, c)   special.sinc(c)
special.expit(c)   special.betainc(2.0, 3.0, u)   special.zeta(2.0, c)   special.gammaln(c)   special.xlogy(u, u)
"""
ROWS = [
    r
    for r in re.findall(r"\S.*?(?=\s{3,}|\n)", EXPRESSIONS)
    if "softplus" not in r or hasattr(scipy.special, "softplus")
]


def real(f):
    """The real and the imaginary part of what f returns, as one array of real numbers."""

    def parts(*args):
        value = f(*args)
        return np.stack([np.real(value), np.imag(value)]) if np.iscomplexobj(value) else value

    return parts


@pytest.mark.parametrize("row", ROWS)
def test_values_are_scipys_and_derivatives_are_right(row):
    names = [n for n in GIVEN if re.search(rf"(?<![\w.'\"]){n}(?![\w('\"=])", row)]
    f, plain = (eval(f"lambda {', '.join(names)}: {row}", {**KNOWN, "special": m}) for m in (special, scipy.special))
    args = tuple(GIVEN[n] for n in names)
    want = np.asarray(plain(*args))
    np.testing.assert_array_equal(f(*args), want)
    traced = np.asarray(wg.jvp(f, args, args)[0])
    np.testing.assert_allclose(traced, want, rtol=1e-13, atol=1e-15, strict=True)
    wg.check_grads(real(f), args, order=1)
    wg.check_grads(lambda *a: np.sum(np.sin(real(f)(*a))), args, order=2)


def test_the_gradient_of_logsumexp_is_softmax():
    x = GIVEN["x"]
    assert wg.grad(special.logsumexp)(x) == pytest.approx(scipy.special.softmax(x), rel=1e-15)
    b = np.array([2.0, 0.0, 0.5])
    share = wg.grad(lambda v: special.logsumexp(v, b=b))(GIVEN["v"])
    assert share == pytest.approx(b * np.exp(GIVEN["v"]) / np.sum(b * np.exp(GIVEN["v"])), rel=1e-15)


def test_small_terms_are_not_lost():
    x = np.array([0.0, -50.0])
    value, slope = wg.value_and_grad(special.logsumexp)(x)
    assert value == pytest.approx(float(mpmath.log1p(mpmath.exp(-50))), rel=1e-15)
    assert slope == pytest.approx([1.0, np.exp(-50)], rel=1e-15)


def test_logsumexp_where_something_is_infinite_or_zero():
    inf = np.inf
    for x, want in (
        ([0.0, -inf], [1, 0]), ([-inf, -inf], [0, 0]), ([1e4, 1e4], [0.5, 0.5]), ([-1e4, -1e4], [0.5, 0.5]),
    ):  # fmt: skip
        x = np.array(x)
        value, slope = wg.value_and_grad(special.logsumexp)(x)
        assert value == scipy.special.logsumexp(x)
        assert slope.tolist() == want
    assert wg.value_and_grad(special.logsumexp)(np.array([inf, 0.0]))[0] == inf
    b = np.array([0.0, 1.0])  # what has no weight adds nothing, whatever it is
    for first in (inf, np.nan, 1e300):
        value, slope = wg.value_and_grad(lambda x: special.logsumexp(x, b=b))(np.array([first, 2.0]))
        assert (value, slope.tolist()) == (2.0, [0, 1])
    negative = wg.jvp(lambda x: special.logsumexp(x, b=np.array([1.0, -3.0])), (np.zeros(2),), (np.ones(2),))
    assert np.isnan(negative[0])


def test_polygamma_is_the_next_derivative():
    for n in range(4):
        for x in (0.3, 2.5, 17.0):
            want = float(mpmath.polygamma(n + 1, x))
            assert wg.grad(lambda x, n=n: special.polygamma(n, x))(x) == pytest.approx(want, rel=1e-13)


def test_dirichlets_kernel_is_smooth_at_its_peaks():
    assert wg.grad(lambda x: special.diric(x, 5))(0.0) == 0
    second = wg.hessian(lambda x: special.diric(x, 5))
    for peak in (0.0, 2 * np.pi):  # D = 1 − (n² − 1)x²/24 + …
        assert second(peak) == pytest.approx(-2.0, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: special.factorial(x, exact=True), "exact=True"),
        (lambda x: special.comb(x, 2, exact=True), "exact=True"),
        (lambda x: special.perm(x, 2, exact=True), "exact=True"),
        (lambda x: special.legendre_p(2, x), r"scipy\.special\.legendre_p has no derivative rule"),
    ],
)
def test_what_has_no_rule_is_an_error(call, words):
    with pytest.raises(MissingRuleError, match=words):
        wg.grad(call)(2.0)


def test_arguments_out_of_range_are_scipys_errors():
    with pytest.raises(ValueError, match="dimension"):
        wg.grad(lambda x: special.multigammaln(x, 1.5))(2.0)
    with pytest.raises(ValueError, match="not met"):
        wg.grad(lambda x: special.multigammaln(x, 5))(2.0)


def test_scipys_own_functions_name_the_namespace():
    with pytest.raises(ConversionError, match=r"from wengert.scipy import special; special.logsumexp"):
        wg.grad(scipy.special.logsumexp)(GIVEN["v"])
    with pytest.raises(ConversionError, match=r"special.polygamma"):
        wg.grad(lambda x: scipy.special.polygamma(1, x))(2.0)


def test_plain_arrays_are_scipys_business():
    assert special.erf(GIVEN["v"]).tolist() == scipy.special.erf(GIVEN["v"]).tolist()
    assert special.comb(5, 2, exact=True) == 10
    assert special.roots_legendre(3)[0].tolist() == scipy.special.roots_legendre(3)[0].tolist()
    assert set(scipy.special.__all__) <= set(dir(special))
    assert {n for n in dir(special) if not hasattr(special, n)} == set()

    def f(t):  # of plain arrays inside a transformation what can be filled
        y = special.softmax(GIVEN["v"])
        y[0] = t
        return special.logsumexp(y)

    wg.check_grads(f, (2.0,), order=2)


def test_wengert_alone_does_not_import_scipy():
    code = "import sys, wengert, wengert.numpy; assert 'scipy' not in sys.modules; import wengert.scipy.special"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
