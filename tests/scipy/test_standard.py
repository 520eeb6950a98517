"""Functions that are written against the array API standard take traced arrays: SciPy's and scikit-learn's.

SciPy reads the environment variable SCIPY_ARRAY_API when it is imported, so each set runs in an interpreter of its own.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

#: Expressions in a traced vector x, its namespace xp, and a constant vector y of the same namespace.
SCIPY = {
    "special": """
        special.logsumexp(x) | special.logsumexp(x, b=y) | special.softmax(x) | special.log_softmax(x) | special.erf(x)
        special.gammaln(x) | special.xlogy(x, y) | special.rel_entr(x, y) | special.betainc(2.0, 3.0, x / 3)
        special.polygamma(1, x) | special.multigammaln(x + 3, 2) | special.ndtr(x) | special.entr(x)
    """,
    "stats": """
        stats.zscore(x) | stats.gzscore(x) | stats.zmap(x, y) | stats.skew(x) | stats.skew(x, bias=False)
        stats.kurtosis(x) | stats.kurtosis(x, bias=False) | stats.moment(x, 3) | stats.gmean(x, weights=y)
        stats.hmean(x) | stats.pmean(x, 3) | stats.trim_mean(x, 0.2) | stats.variation(x) | stats.sem(x)
        stats.tmean(x) | stats.tvar(x) | stats.gstd(x) | stats.kstat(x, 2) | stats.circmean(x) | stats.circvar(x)
        stats.entropy(x, y) | stats.differential_entropy(x) | stats.lmoment(x) | stats.iqr(x) | stats.quantile(x, 0.4)
        stats.boxcox_llf(0.5, x) | stats.median_abs_deviation(x)
        stats.ttest_ind(x, y).pvalue | stats.jarque_bera(x).pvalue
        stats.pearsonr(xp.reshape(x, (2, 3)), xp.reshape(y, (2, 3)), axis=1).statistic
    """,
    "signal": """
        signal.fftconvolve(x, y) | signal.oaconvolve(x, y) | signal.convolve(x, y, method="fft")
        signal.hilbert(x).imag | signal.envelope(x) | signal.resample(x, 4) | signal.zpk2tf(x[:2], x[2:4], x[4])[1]
        signal.freqz(x)[1].real | signal.windows.gaussian(6, x[0])
    """,
    "integrate": """
        integrate.trapezoid(x, y) | integrate.cumulative_trapezoid(x) | integrate.cumulative_simpson(x)
        integrate.romb(x[:5]) | integrate.nsum(lambda k, c: c / k**2, x * 0 + 1, x * 0 + 10, args=(x,)).sum
        integrate.tanhsinh(lambda t, c: c * t**2, x * 0, x * 0 + 1, args=(x,)).integral
    """,
    "optimize": "optimize.rosen(x) | optimize.rosen_der(x) | optimize.rosen_hess_prod(x, y)",
    "fft": "fft.fft(x).real | fft.rfft(x).imag | fft.fftshift(x) | fft.fht(x, 0.1, 0.2)",
    "cluster": "cluster.vq.whiten(xp.reshape(x, (3, 2)))",
    "spatial": """
        spatial.transform.Rotation.from_rotvec(x[:3]).as_matrix()
        spatial.transform.Rotation.from_euler("xyz", x[:3]).apply(x[3:])
    """,
}
SKLEARN = {
    "metrics.pairwise": """
        pairwise.cosine_similarity(a, b) | pairwise.rbf_kernel(a, b) | pairwise.euclidean_distances(a, b)
        pairwise.polynomial_kernel(a) | pairwise.sigmoid_kernel(a) | pairwise.paired_cosine_distances(a, b)
    """,
    "preprocessing": """
        preprocessing.normalize(a) | preprocessing.MaxAbsScaler().fit_transform(a)
        preprocessing.MinMaxScaler().fit_transform(a)
    """,
}

PROGRAM = """
import numpy as np, wengert as wg, wengert.numpy as xp
{imports}

X = np.array([0.3, 1.7, 0.9, 2.4, 1.1, 0.2])
Y = np.array([0.5, 1.2, 0.7, 2.9, 1.6, 0.4])
T = np.array([0.3, -1.7, 0.9, 2.4, 1.1, 0.2])
STEP = 1e-4

def f(x):
    y = xp.asarray(Y)
    a, b = xp.reshape(x, (3, 2)), xp.reshape(y, (3, 2))
    return {expression}

value, tangent = wg.jvp(f, (X,), (T,))
np.testing.assert_allclose(value, f(X), rtol=1e-13, atol=1e-15)
at = [np.asarray(f(X + k * STEP * T)) for k in (-2, -1, 1, 2)]
np.testing.assert_allclose(tangent, (8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * STEP), rtol=1e-8, atol=1e-9)
gradient = wg.grad(lambda x: np.sum(f(x) * 1.0))(X)
np.testing.assert_allclose(gradient @ T, np.sum(tangent), rtol=1e-11, atol=1e-12)
"""


def run(imports, expressions):
    """All programs one after the other in an interpreter that knows of SCIPY_ARRAY_API from its start."""
    sources = [PROGRAM.format(imports=imports, expression=e) for e in expressions]
    driver = f"import warnings\nwarnings.simplefilter('error')\nfor s in {sources!r}:\n    exec(s, {{}})\n"
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    return subprocess.run(
        [sys.executable, "-"], input=driver, env=environment, capture_output=True, text=True, check=False
    )


def listed(text):
    return [e.strip() for line in text.strip().splitlines() for e in line.split(" | ")]


def available(module, expressions):
    """What this version of SciPy has."""
    names = dir(importlib.import_module(f"scipy.{module}"))
    return [e for e in expressions if e.split("(")[0].split(".")[1] in names]


@pytest.mark.parametrize("module", SCIPY)
def test_scipys_functions_are_differentiated(module):
    found = available(module, listed(SCIPY[module]))
    assert found
    deep = {"cluster": "import scipy.cluster.vq", "spatial": "import scipy.spatial.transform"}.get(module, "")
    done = run(f"from scipy import {module}\n{deep}", found)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.skipif(not importlib.util.find_spec("sklearn"), reason="scikit-learn is not installed")
@pytest.mark.parametrize("module", SKLEARN)
def test_scikit_learns_functions_are_differentiated(module):
    package, _, name = f"sklearn.{module}".rpartition(".")
    imports = f"import sklearn\nsklearn.set_config(array_api_dispatch=True)\nfrom {package} import {name}"
    done = run(imports, listed(SKLEARN[module]))
    assert done.returncode == 0, done.stderr[-2000:]


def test_plain_arrays_beside_traced_ones_are_scipys_error():
    """They belong to another namespace; `wengert.numpy.asarray` makes them one of ours."""
    done = run("from scipy import stats", ["stats.zmap(x, Y)"])
    assert "Multiple namespaces" in done.stderr
