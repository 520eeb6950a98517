"""scipy.special as a user meets it: its rules are read late, and what has none says so."""

from __future__ import annotations

import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
from scipy import special as sp

import wengert as wg
from wengert.core.errors import ArgumentError, ConversionError, MissingRuleError


def test_scipy_is_imported_late():
    code = (
        "import sys, numpy as np, wengert as wg; assert wg.grad(np.tan)(1.0); assert 'scipy' not in sys.modules\n"
        "import scipy.special as sp; print(wg.grad(sp.erf)(0.0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert float(done.stdout) == pytest.approx(2 / np.sqrt(np.pi), rel=1e-15)


@pytest.mark.parametrize(
    ("f", "error", "words"),
    [
        (lambda x: sp.kolmogorov(x), MissingRuleError, "scipy.special.kolmogorov has no derivative rule"),
        (lambda x: sp.struve(x, 1.0), MissingRuleError, "struve has no rule for its argument 0"),
        (lambda x: sp.hyp1f1(x, 1.0, 0.5), MissingRuleError, "hyp1f1 has no rule for its argument 0"),
        (lambda x: sp.polygamma(1, x), ConversionError, "plain array"),
        (sp.logsumexp, ConversionError, "plain array"),
    ],
)
def test_what_has_no_rule_is_an_error(f, error, words):
    with pytest.raises(error, match=words):
        wg.grad(f)(0.5)


def test_a_recorded_function_is_source_that_runs():
    graph = wg.trace(lambda x: sp.erf(x) * sp.jv(2, x))(0.7)
    for g in (graph, graph.derivative()):
        names: dict = {}
        exec(g.to_python(), names)
        assert names[g.name.replace("′", "_prime")](0.7) == pytest.approx(g(0.7), rel=1e-14)


@pytest.mark.parametrize("f", [sp.psi, sp.gamma, sp.rgamma, sp.gammaln, sp.exprel, sp.ellipk, np.sinc, np.i0])
@pytest.mark.parametrize("x", [-3.3, -0.4, 1e-9])
def test_left_of_zero(f, x):
    if f is sp.psi or f is sp.gamma or f is sp.gammaln:
        x = x if x < 0 else 0.2
    for order in (1, 2):
        g = f if order == 1 else wg.grad(f)
        h = 1e-4
        want = (8 * (g(x + h) - g(x - h)) - (g(x + 2 * h) - g(x - 2 * h))) / (12 * h)
        assert wg.grad(g)(x) == pytest.approx(want, rel=1e-7, abs=1e-9)


def test_at_the_poles_of_gamma_its_reciprocal_is_smooth():
    for n in range(4):
        assert wg.grad(sp.rgamma)(-float(n)) == pytest.approx((-1) ** n * sp.gamma(n + 1), rel=1e-14)


UFUNCS_OF_SCIPY = [name for name in sorted(dir(sp)) if isinstance(getattr(sp, name), np.ufunc)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")  # SciPy's, of 0.5 as a count
@pytest.mark.parametrize("name", UFUNCS_OF_SCIPY)
def test_no_ufunc_of_scipy_takes_a_traced_value_in_silence(name):
    """In each of its arguments it has a derivative, or says that it has none and what to write."""
    ufunc = getattr(sp, name)
    for i in range(ufunc.nin):
        args = [0.5] * ufunc.nin
        if "hermite" in name:  # its degree is an integer for SciPy too
            args[0] = 2
            if i == 0:
                continue

        def f(x, i=i, args=args):
            return ufunc(*(x if k == i else a for k, a in enumerate(args)))

        try:
            _, slopes = wg.jvp(f, (0.5,), (1.0,))
        except MissingRuleError as error:
            said, slopes = str(error), ()
        else:
            said = f"wg.primitive({name}"
        assert name in said
        assert "primitive(" in said
        for slope in slopes if isinstance(slopes, tuple) else (slopes,):
            assert np.shape(slope) == ()
            assert np.asarray(slope).dtype.kind in "fc"


#: A function, its arguments, how many times it is differentiated in each, and the function of mpmath.
ORDERS = [
    (sp.gammainc, (2.5, 1.7), (1, 1), lambda a, x: mp.gammainc(a, 0, x, regularized=True)),
    (sp.gammainc, (0.01, 1e-9), (1, 0), lambda a, x: mp.gammainc(a, 0, x, regularized=True)),
    (sp.gammainc, (1e4, 1.02e4), (1, 0), lambda a, x: -mp.gammainc(a, x, regularized=True)),
    (sp.gammaincc, (2.5, 60.0), (3, 0), lambda a, x: mp.gammainc(a, x, regularized=True)),
    (sp.betainc, (2.5, 0.7, 0.3), (1, 1, 1), lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True)),
    (sp.betainc, (0.05, 30.0, 1e-5), (2, 0, 0), lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True)),
    (sp.jv, (0.3, 300.0), (1, 0), mp.besselj),
    (sp.jv, (-2.5, 3.0), (2, 0), mp.besselj),
    (sp.yv, (12.0, 11.0), (1, 1), mp.bessely),
    (sp.iv, (2.0, 1e-5), (2, 0), mp.besseli),
    (sp.iv, (-3.0, 2.0), (1, 0), mp.besseli),
    (sp.kv, (0.0, 2.0), (2, 0), mp.besselk),
    (sp.kv, (40.0, 0.3), (1, 1), mp.besselk),
    (lambda s, q: sp.zeta(s, q), (1.01, 3.0), (3, 0), mp.zeta),
    (lambda s: sp.zeta(s), (2.0,), (2,), mp.zeta),
    (lambda s: sp.zeta(s), (0.5,), (1,), mp.zeta),
    (sp.ellipkinc, (4.0, 0.3), (0, 2), mp.ellipf),
    (sp.dawsn, (1e6,), (3,), lambda x: 1 / (2 * x) + 1 / (4 * x**3) + 3 / (8 * x**5)),
    (sp.elliprj, (1.0, 2.0, 3.0, 0.5), (1, 0, 0, 1), mp.elliprj),
]


@pytest.mark.parametrize(("f", "args", "orders", "reference"), ORDERS)
def test_orders_against_mpmath(f, args, orders, reference):
    g = f
    for i, times in enumerate(orders):
        for _ in range(times):
            g = wg.grad(g, argnums=i)
    with mp.workdps(40):
        point = tuple(map(mp.mpf, args))
        want = mp.diff(reference, point, orders) if len(args) > 1 else mp.diff(reference, point[0], orders[0])
    assert g(*args) == pytest.approx(float(want), rel=2e-12)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (sp.chdtr, (3.0, 2.2)), (sp.chdtrc, (3.0, 2.2)), (sp.chdtri, (3.0, 0.4)), (sp.gdtr, (1.2, 2.0, 0.7)),
        (sp.gdtrc, (1.2, 2.0, 0.7)), (sp.gdtrix, (1.2, 2.0, 0.7)), (sp.gdtria, (0.3, 2.0, 0.7)),
        (sp.fdtri, (3.0, 4.0, 0.3)), (sp.fdtri, (3.0, 4.0, 0.9)),
        (sp.nrdtrimn, (0.3, 1.2, 0.7)), (sp.nrdtrisd, (0.3, 0.8, 0.7)),
        (sp.stdtridf, (0.2, -1.1)),
        (sp.fdtridfd, (2.0, 0.6, 1.3)), (sp.jve, (1.2, 0.7)), (sp.yve, (1.2, 0.7)),
    ],
)  # fmt: skip
def test_distribution_functions_by_others(f, args):
    """Those without a rule of their own have SciPy's values and the derivatives of differences."""
    assert wg.value_and_grad(f)(*args)[0] == pytest.approx(f(*args), rel=1e-9)
    for i in range(len(args)):
        h = 1e-4 * args[i]
        near = [f(*(a + s * h * (k == i) for k, a in enumerate(args))) for s in (-2, -1, 1, 2)]
        want = (8 * (near[2] - near[1]) - (near[3] - near[0])) / (12 * h)
        assert wg.grad(f, argnums=i)(*args) == pytest.approx(want, rel=2e-5)


def test_counts_are_rounded_down():
    assert wg.value_and_grad(sp.pdtr)(2.5, 1.3) == (pytest.approx(sp.pdtr(2.5, 1.3), rel=1e-14), 0.0)
    assert wg.grad(sp.bdtr, argnums=2)(2.0, 7, 0.3) == pytest.approx(-7 * sp.comb(6, 2) * 0.3**2 * 0.7**4, rel=1e-13)
    assert wg.grad(sp.nbdtr, argnums=2)(2.0, 7, 0.6) == pytest.approx(0.6**6 * 0.4**2 * 7 * sp.comb(9, 2), rel=1e-13)


@pytest.mark.parametrize("x", [0.4, 2.1])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: sp.wofz(x + 0.3j), lambda x: sp.lambertw(x), lambda x: sp.kelvin(x)[2],
        lambda x: sp.modfresnelp(x)[1],
        lambda x: sp.modfresnelm(x)[0], lambda x: sp.hankel1(1.3, x), lambda x: sp.hankel2e(x, 1.3),
    ],
)  # fmt: skip
def test_complex_results(f, x):
    for g in (lambda t: np.real(f(t)), lambda t: np.imag(f(t))):
        h = 1e-3
        want = (8 * (g(x + h) - g(x - h)) - (g(x + 2 * h) - g(x - 2 * h))) / (12 * h)
        assert wg.grad(g)(x) == pytest.approx(want, rel=1e-8, abs=1e-9)


def test_the_integrals_of_airy_functions():
    _, slopes = wg.jvp(sp.itairy, (0.7,), (1.0,))
    assert slopes == pytest.approx((*sp.airy(0.7)[::2], *sp.airy(-0.7)[::2]))


@pytest.mark.parametrize(
    ("f", "args", "words"),
    [
        (sp.jv, (200.0, 3e4), "wg.primitive"),
        (lambda s, q: sp.zeta(s, q), (2.0, -0.5), "q > 0"),
        (lambda s: sp.zeta(s), (-7.5,), "below s = -4"),
    ],
)
def test_what_is_not_computed_is_an_error(f, args, words):
    with pytest.raises(ArgumentError, match=words):
        wg.grad(f)(*args)
