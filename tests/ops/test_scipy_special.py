"""scipy.special as a user meets it: its rules are read late, and what has none says so."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import special as sp

import wengert as wg
from wengert.core.errors import ConversionError, MissingRuleError


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
        (lambda x: sp.agm(x, x), MissingRuleError, "scipy.special.agm has no derivative rule"),
        (lambda x: sp.jv(x, 1.0), MissingRuleError, "jv has no rule for its argument 0"),
        (lambda x: sp.betainc(x, 1.0, 0.5), MissingRuleError, "betainc has no rule for its argument 0"),
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
