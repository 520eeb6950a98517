"""Functions of scipy.special in loops are the functions themselves: the same bits in float64."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from tests.compile.test_order import native
from wengert.compile.scalar import SCALARS
from wengert.compile.special import is_special, types_of
from wengert.core.primitive import REGISTRY, bind
from wengert.ops import scipy_special  # noqa: F401  all of them

pytest.importorskip("llvmlite")

NAMES = [name for name, primitive in REGISTRY.items() if is_special(primitive) and name not in SCALARS]
WHOLE = {"eval_hermite", "eval_hermitenorm"}  # whose first argument is an integer


def arguments(name, dtype):
    rng = np.random.default_rng(0)
    values = np.concatenate(
        [rng.normal(size=30) * 2, rng.uniform(0, 1, 40), rng.uniform(0, 20, 20), [0.0, -0.0, 1, -1, 0.5, np.nan]]
    )
    given = [rng.permutation(values).astype(dtype) for _ in range(REGISTRY[name].impl.nin)]
    return [np.arange(len(given[0])) % 7, *given[1:]] if name in WHOLE or name.startswith("eval") else given


def test_there_are_many():
    assert {"psi", "gammaln", "ndtr", "ndtri", "jv", "gammainc", "betainc", "xlogy", "i0e", "expit"} <= set(NAMES)
    assert not is_special(REGISTRY["sin"])
    assert types_of(REGISTRY["jv"], (np.dtype(int), np.dtype(float))) == ["double", "double"]
    assert types_of(REGISTRY["eval_legendre"], (np.dtype(int), np.dtype(float))) == ["i64", "double"]
    assert types_of(REGISTRY["psi"], (np.dtype(complex),)) is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(4))
def test_values(part):
    names = NAMES[part::4]
    given = [arguments(name, np.float64) for name in names]
    f = native(lambda argss: [bind(REGISTRY[n], a, {}) for n, a in zip(names, argss, strict=True)], given)
    for name, args, got in zip(names, given, f(given), strict=True):
        want = REGISTRY[name].impl(*args)
        np.testing.assert_array_equal(got, want, err_msg=name, strict=True)


@pytest.mark.filterwarnings("ignore")
def test_float32():
    """By the function for float64: never less accurate than SciPy's."""
    names = [
        "psi",
        "gammaln",
        "ndtr",
        "log_ndtr",
        "ndtri",
        "erfinv",
        "i0e",
        "expit",
        "logit",
        "gammainc",
        "xlogy",
        "erfcx",
    ]
    given = [
        [np.random.default_rng(1).uniform(0.05, 0.95, 50).astype(np.float32)] * REGISTRY[n].impl.nin for n in names
    ]
    f = native(lambda argss: [bind(REGISTRY[n], a, {}) for n, a in zip(names, argss, strict=True)], given)
    for name, args, got in zip(names, given, f(given), strict=True):
        exact = REGISTRY[name].impl(*(a.astype(np.float64) for a in args))
        np.testing.assert_array_equal(got, exact.astype(np.float32), err_msg=name, strict=True)


def test_inside_gradients():
    sp = pytest.importorskip("scipy.special")
    x = np.random.default_rng(0).uniform(0.1, 0.9, 40)

    def f(x):
        return np.sum(sp.gammaln(x) + sp.log_ndtr(x) * sp.ndtri(x) + sp.spence(x) + sp.jv(1.5, x) + sp.xlogy(x, x))

    for g in (f, wg.grad(f), wg.grad(lambda x: np.sum(wg.grad(f)(x)))):
        np.testing.assert_allclose(wg.jit(g, backend="native")(x), g(x), rtol=1e-12)
    assert not wg.jit(wg.grad(f), backend="native").report(x).callbacks
