"""Every elementwise operation is NumPy's: on single numbers and arrays, at special values, in all types."""

from __future__ import annotations

import inspect

import mpmath
import numpy as np
import pytest

import wengert as wg
from wengert.compile.loops import TYPES
from wengert.compile.scalar import BITWISE, PREDICATES, SCALARS
from wengert.core.primitive import REGISTRY, bind
from wengert.ops import scipy_special  # noqa: F401  erf and erfc

pytest.importorskip("llvmlite")

NAMES = [
    name
    for name in (*SCALARS, *PREDICATES)
    if name in REGISTRY and name not in ("lowered_power", "astype", "duplicate", "round", "isclose")
]
#: Of these the sign of a zero is not always the same in NumPy either, or says nothing (a product of the chain rule).
ZEROS = {"maximum", "minimum", "fmax", "fmin", "relu", "scale"}
#: A logarithm near 1, built from larger numbers, or a sine near π: what is right is the error beside them.
BESIDE = {"logaddexp", "logaddexp2", "softplus", "sinc"}
FLOATS = (np.float64, np.float32)


def count(name):
    implementation = REGISTRY[name].impl
    if isinstance(implementation, np.ufunc):
        return implementation.nin
    parameters = inspect.signature(implementation).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)


def special(dtype):
    """Zeros, infinities, NaN, ties of rounding, ends of domains and of ranges, subnormal and huge numbers."""
    fi = np.finfo(dtype)
    positive = [
        0.0, np.inf, 1.0, 0.5, 2.0, 3.0, 1.5, 2.5, fi.tiny, fi.smallest_subnormal, fi.tiny / 3, fi.max, fi.max / 2,
        fi.eps,
        1 + fi.eps, 1 - fi.epsneg, 1e-5, 1e5, 1e10, 1e22, 700.0, 745.2, 88.0, 104.0, 709.7, 20.0, 40.0, np.pi,
        np.pi / 2,
        np.pi / 4, 2.0**52 + 0.5, 2.0**53, 0.1, 0.9, 5.0, 6.0, 27.0,
    ]  # fmt: skip
    values = np.array([*positive, np.nan], dtype)
    return np.concatenate([values, -values])


def inputs(name, dtype, n=1200):
    """Arguments: the special values (each with each), then random ones of every size; its length is no power of two."""
    rng = np.random.default_rng(0)
    scales = np.exp(rng.normal(size=n // 3) * 15)
    random = [rng.normal(size=n), rng.uniform(-1, 1, n // 3), rng.uniform(-100, 100, n // 3), scales, -scales]
    x, s = np.concatenate(random).astype(dtype), special(dtype)
    if count(name) == 1:
        return (np.concatenate([s, x, s[:7]]),)
    a, b = np.meshgrid(s, s)
    return np.concatenate([a.ravel(), x]), np.concatenate([b.ravel(), np.roll(x[::-1], 7)])


def wider(name, args):
    """The same in more digits, as far as NumPy has them."""
    if name in ("erf", "erfc"):
        with mpmath.workdps(25):
            return np.array(
                [np.longdouble(mpmath.nstr(getattr(mpmath, name)(float(v)), 22)) for v in np.clip(args[0], -1e3, 1e3)]
            )
    more = np.longdouble if args[0].dtype == np.float64 else np.float64
    try:
        return REGISTRY[name].impl(*(a.astype(more) for a in args))
    except (TypeError, NotImplementedError):
        return REGISTRY[name].impl(*args)


def assert_numpys(name, got, args):
    implementation = REGISTRY[name].impl
    with np.errstate(all="ignore"):
        want = implementation(*args)
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        if want.dtype.kind != "f":
            np.testing.assert_array_equal(got, want, err_msg=name)
            return
        exact = wider(name, args)
        finite = np.isfinite(want)
        bad = np.isnan(got) != np.isnan(want)
        bad |= ~finite & ~np.isnan(want) & (got != want)
        if name not in ZEROS:
            bad |= (want == 0) & (got == 0) & (np.signbit(got) != np.signbit(want))
        scale = np.abs(want)
        if name in BESIDE:
            scale = np.maximum.reduce([scale, *(np.minimum(np.abs(a), 1) for a in args)])
        unit = np.spacing(np.where(finite, scale, 1))
        mine, theirs = (np.abs(np.where(finite, r, 0) - np.where(finite, exact, 0)) / unit for r in (got, want))
        bad |= finite & (~np.isfinite(got) | ((mine > 4) & (mine > theirs + 1)))
    where = np.flatnonzero(bad)[:5]
    assert not bad.any(), f"{name}: {[(*(a.flat[i] for a in args), got.flat[i], want.flat[i]) for i in where]}"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("part", range(6))
def test_floating_point_arrays(part, dtype):
    names = NAMES[part::6]
    args = [inputs(name, dtype) for name in names]
    compiled = wg.jit(
        lambda argss: [bind(REGISTRY[n], a, {}) for n, a in zip(names, argss, strict=True)], backend="native"
    )
    for name, got, given in zip(names, compiled(args), args, strict=True):
        assert_numpys(name, got, given)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", FLOATS)
def test_single_numbers(dtype):
    names = [n for n in NAMES if count(n) == 1]
    compiled = wg.jit(lambda x: [bind(REGISTRY[n], (x,), {}) for n in names], backend="native")
    values = special(dtype)
    results = [compiled(x) for x in values]
    for k, name in enumerate(names):
        assert type(results[0][k]) is type(REGISTRY[name].impl(values[0])), name
        assert_numpys(name, np.array([r[k] for r in results]), (values,))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", FLOATS)
def test_pairs_of_single_numbers(dtype):
    names = [n for n in NAMES if count(n) == 2]
    compiled = wg.jit(lambda x, y: [bind(REGISTRY[n], (x, y), {}) for n in names], backend="native")
    a, b = (v.ravel() for v in np.meshgrid(special(dtype)[::3], special(dtype)[1::4]))
    results = [compiled(x, y) for x, y in zip(a, b, strict=True)]
    for k, name in enumerate(names):
        assert_numpys(name, np.array([r[k] for r in results]), (a, b))


@pytest.mark.parametrize("dtype", FLOATS)
def test_tails_of_every_length(dtype):
    """What is left over after whole registers is computed by other code."""
    x = special(dtype)[np.isfinite(special(dtype))]
    x = np.tanh(x) + np.linspace(0.1, 0.2, x.size, dtype=dtype)

    def f(x):
        return np.exp(x), np.sin(x) * x, np.abs(x) ** 1.3, np.where(x > 0.5, x, -x), x > 0, np.arctan2(x, 0.3)

    xs = [x[:n] for n in range(1, 41)]
    found = wg.jit(lambda xs: [f(x) for x in xs], backend="native")(xs)
    for got, given in zip(found, xs, strict=True):
        for one, other in zip(got, f(given), strict=True):
            np.testing.assert_allclose(one, other, rtol=4 * np.finfo(dtype).eps, strict=True)


# Integers and truth values ------------------------------------------------------------------------------------------


def whole(dtype):
    if dtype.kind == "b":
        return np.array([True, False])
    if dtype.kind == "f":
        return np.array([0, -0.0, 1, -1, 0.5, -0.5, 1.5, 100, -100, np.nan, np.inf, 2.5, -2.7, 3e4], dtype)
    ii = np.iinfo(dtype)
    values = [0, 1, -1, 2, -2, 3, 7, -7, ii.max, ii.min, ii.max - 1, ii.min + 1, ii.max // 2, 100, -100]
    return np.array(values, dtype)


def numpys(name, args):
    try:
        return REGISTRY[name].impl(*args)
    except (TypeError, ValueError):
        return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [d for d in TYPES if d.kind in "ib"], ids=str)
def test_integers_wrap_around_as_numpys(dtype):
    """Also together with other types."""
    cases, types = [], list(TYPES)
    for i, name in enumerate((*NAMES, *BITWISE)):
        others = [types[(i + k) % len(types)] for k in (0, 2, 5)]
        for other in others if count(name) == 2 else [dtype]:
            grids = np.meshgrid(whole(dtype), whole(other))[: count(name)]
            args = tuple(g.ravel() for g in grids)
            if numpys(name, args) is not None:
                cases.append((name, args))
    compiled = wg.jit(
        lambda argss: [bind(REGISTRY[n], a, {}) for (n, _), a in zip(cases, argss, strict=True)], backend="native"
    )
    for (name, args), got in zip(cases, compiled([args for _, args in cases]), strict=True):
        want = numpys(name, args)
        assert got.dtype == want.dtype, (name, *(a.dtype for a in args))
        if want.dtype.kind == "f":
            eps = np.finfo(want.dtype).eps
            np.testing.assert_allclose(got, want, rtol=4 * eps, atol=4 * eps * (name in BESIDE), err_msg=name)
        else:
            np.testing.assert_array_equal(got, want, err_msg=name)


def test_conversions_between_all_types():
    """Also to and from those that the machine does not have."""
    others = [np.dtype(t) for t in ("float16", "uint8", "uint64", "complex128")]
    given, pairs = [], []
    for one in (*TYPES, *others[:2]):
        x = np.array([0, 1, 0, 1]).astype(one) if one.kind == "u" else whole(one)
        for other in (*TYPES, *others):
            into_whole = one.kind == "f" and other.kind in "iu"
            given.append(x[np.isfinite(x) & (np.abs(x) <= 100)] if into_whole else x)
            if other.kind == "u" and one.kind in "if":
                given[-1] = np.abs(given[-1][given[-1] > -100])
            pairs.append(other)
    compiled = wg.jit(lambda xs: [x.astype(d) for x, d in zip(xs, pairs, strict=True)], backend="native")
    with np.errstate(all="ignore"):
        for x, dtype, got in zip(given, pairs, compiled(given), strict=True):
            assert got.dtype == dtype
            np.testing.assert_array_equal(got, x.astype(dtype), err_msg=f"{x.dtype} to {dtype}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [d for d in TYPES if d.kind != "b"], ids=str)
def test_rounding_and_closeness(dtype):
    x = special(dtype) if dtype.kind == "f" else whole(dtype)
    y = (np.roll(x, 3) * dtype.type(1)).astype(dtype)
    near = (x * np.asarray(1 + 1e-6, dtype)).astype(dtype)

    def f(x, y, near):
        several = [np.round(x, k) for k in ((0, 2, 3, -1, -2) if dtype.kind == "f" else (0, 1))]
        return several, np.isclose(x, y), np.isclose(x, near, 1e-7, 1e-9), np.isclose(x, near, equal_nan=True)

    for got, want in zip(wg.jit(f, backend="native")(x, y, near), f(x, y, near), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("division", [lambda x, y: x // y, lambda x, y: x % y])
def test_division_of_pythons_integers_by_zero(division):
    """It is Python that raises."""
    compiled = wg.jit(division, backend="native")
    assert compiled(7, -2) == division(7, -2)
    assert type(compiled(7, -2)) is int
    with pytest.raises(ZeroDivisionError):
        compiled(7, 0)


# Powers -------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", FLOATS)
def test_powers_with_known_exponents(dtype):
    """Those by multiplication, and those by the C library."""
    exponents = (0, 1, 2, 3, 4, 5, -1, -2, -3, 0.5, -0.5, 1.5, 2.5, 1e-3, 1 / 3)
    x = inputs("exp", dtype)[0]
    x = x[(np.abs(x) < 1e9) & (np.abs(x) > 1e-9) | ~np.isfinite(x) | (x == 0)]
    compiled = wg.jit(lambda x: [x**e for e in exponents], backend="native")
    for e, got in zip(exponents, compiled(x), strict=True):
        want = x**e
        here = ~((x == -np.inf) & (e == 0.5)) & ~((x == 0) & (e == 0.5))
        np.testing.assert_allclose(got[here], want[here], rtol=5 * np.finfo(dtype).eps, err_msg=str(e))


@pytest.mark.filterwarnings("ignore")
def test_powers_of_integers():
    x = np.arange(-5, 6)
    f = wg.jit(lambda x: (x**2, x**3, np.power(x, np.abs(x)), 2.0**x, x**0.5), backend="native")
    for got, want in zip(f(x), (x**2, x**3, np.power(x, np.abs(x)), 2.0**x, x**0.5), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-15, strict=True)
    for dtype in (np.int8, np.int32, np.int64):
        y = np.arange(-9, 9, dtype=dtype)
        for got, exponent in zip(
            wg.jit(lambda y: [y**k for k in range(12)], backend="native")(y), range(12), strict=True
        ):
            np.testing.assert_array_equal(got, y**exponent, strict=True)
    with pytest.raises(ValueError, match="negative integer powers"):
        wg.jit(lambda x: x**-1, backend="native")(x)
