"""Order statistics, signals, histograms, polynomials, grids: NumPy's values, derivatives of orders 1 and 2."""

from __future__ import annotations

import io
import re
import warnings

import numpy as np
import pytest

import wengert as wg
from wengert.core.dispatch import UFUNC_METHODS
from wengert.core.errors import InPlaceError, MissingRuleError

from .checks import Trial, check_first, close, forward, numeric, reverse
from .samples import Sample
from .test_functions import GIVEN, KNOWN, names_in

GAPS = np.where(np.arange(12).reshape(3, 4) % 5 == 1, np.nan, 0.0)
NAMES = KNOWN | {"gap": np.array([0, np.nan, 0, 0]), "gaps": GAPS}

EXPRESSIONS = """
np.interp(v, plain, w)               np.interp(v, np.sort(w), v)          np.interp(x, [0.0, 0.5], [1.0, 2.0])
np.interp(v, plain, w, left=-1.0)    np.interp(plain, np.sort(v), w, right=a)
np.interp(v, plain, w, period=2.5)   np.interp(a, plain, w)               np.interp(v, plain, w, a, f)
np.interp(f, [0.2, 1.2], v[:2])      np.interp(v, w[:1], v[:1])           np.interp(plain, np.sort(v), w, period=3 * a)
np.median(v)                         np.median(x, axis=1)                 np.median(t, axis=(0, 2), keepdims=True)
np.median(t, axis=1)                 np.median(x[:, :3], axis=-1)         np.median(v + gap)
np.nanmedian(v + gap)                np.nanmedian(x + gaps, axis=1)
np.nanmedian(x + gaps, axis=0, keepdims=True)                             np.partition(v, 2)
np.partition(x, 1, axis=0)           np.partition(x, (1, 5), axis=None)   v[np.argpartition(v, 2)]
np.quantile(v, 0.3)                  np.quantile(v, a / 4)                np.quantile(x, [0.2, 0.65], axis=1)
np.quantile(x, 0.8, axis=(0, 1), keepdims=True)                           np.quantile(x, 1.0)
np.quantile(x, np.abs(v[:2]) / 3, axis=1, keepdims=True)                  np.quantile(x, 0)
np.percentile(v, [10, 40])           np.percentile(x, 30.0, axis=0)       np.nanquantile(v + gap, 0.4)
np.nanquantile(x + gaps, [0.1, 0.9], axis=0)
np.nanpercentile(x + gaps, 75, axis=1, keepdims=True)                     np.nanpercentile(x + gaps, [20.0, 70.0])
np.quantile(v, 0.4, method="hazen")  np.quantile(v, 0.4, method="weibull")
np.quantile(v, 0.4, method="median_unbiased")
np.quantile(v, 0.4, method="normal_unbiased")
np.quantile(v, 0.4, method="interpolated_inverted_cdf")
np.quantile(v, 0.5, method="averaged_inverted_cdf")
np.quantile(v, [0.3, 0.5], method="midpoint")                             np.quantile(v, 0.4, method="lower")
np.quantile(v, 0.4, method="higher")                                      np.quantile(v, 0.4, method="nearest")
np.quantile(v, [0.0, 0.25, 0.4], method="inverted_cdf")
np.quantile(v, [0.25, 0.4], method="closest_observation")
np.quantile(v, [0.2, 0.8], method="inverted_cdf", weights=np.abs(w))
np.quantile(x, 0.6, axis=1, method="inverted_cdf", weights=plain)
np.nanquantile(x + gaps, 0.6, axis=1, method="inverted_cdf", weights=x * x)
np.nansum(x + gaps)                  np.nansum(x + gaps, axis=0, keepdims=True)
np.nanprod(x + gaps, axis=1)         np.nancumsum(x + gaps, axis=1)       np.nancumprod(x + gaps, axis=0)
np.nancumsum(x + gaps)               np.nanmax(x + gaps, axis=1)          np.nanmin(x + gaps)
np.nanmax(x + gaps, axis=0, keepdims=True)                                v[np.nanargmax(v + gap)]
v[np.nanargmin(v + gap)]             x[np.nanargmax(x + gaps, axis=0), plain.astype(int)]
np.nanmean(x + gaps)                 np.nanmean(x + gaps, axis=1)
np.nanmean(x + gaps, axis=(0, 1), keepdims=True)                          np.nanvar(x + gaps, axis=1)
np.nanvar(x + gaps, ddof=1)          np.nanstd(x + gaps, axis=0, keepdims=True)
np.nanvar(x + gaps, axis=1, correction=1)                                 np.convolve(v, w)
np.convolve(v, w[:3], "same")        np.convolve(v[:2], w, "valid")       np.convolve(w, v[:2], mode="valid")
np.correlate(v, w)                   np.correlate(v, w[:3], "full")       np.correlate(v[:2], w, "same")
np.correlate(v[:3], w, "same")       np.correlate(v, w[:2], "same")       np.correlate(v[:3], w, "valid")
np.convolve(v, plain, "same")        np.convolve(v[:3], plain, "same")    np.convolve(v, [1.0, -2.0])
np.ediff1d(x)                        np.ediff1d(v, 1.0, [2.0, 3.0])       np.ediff1d(v, to_begin=w)
np.gradient(v)                       np.gradient(x, axis=1)               np.gradient(x)[0]
np.gradient(v, a)                    np.gradient(v, np.cumsum(np.abs(w)))
np.gradient(x, 2.0, np.cumsum(w * w), edge_order=2)[1]                    np.gradient(v, a, edge_order=2)
np.gradient(x, plain, axis=1)        np.gradient(v[:2])
np.gradient(v[:3], np.array([1.0, 2.0, 4.0]), edge_order=2)               np.gradient(x, np.cumsum(w * w)[:3], axis=0)
np.trapezoid(v)                      np.trapezoid(x, axis=0)              np.trapezoid(v, w)
np.trapezoid(x, v)                   np.trapezoid(t, t**3, axis=1)        np.trapezoid(v, dx=a)
np.trapezoid(t, x[:, 0], axis=1)     np.unwrap(3 * v)                     np.unwrap(3 * x, axis=0)
np.unwrap(v, period=a)               np.unwrap(9 * v, discont=4.0)        np.atleast_3d(v)
np.atleast_3d(a, x)[1]               np.rollaxis(t, 2)                    np.rollaxis(t, 0, 3)
np.rot90(x)                          np.rot90(t, -1, (1, 2))              np.rot90(x, 2)
np.rot90(x, 4)                       np.unstack(x)[1]                     np.unstack(x, axis=1)[0]
np.dstack([x, x])                    np.dstack([v, plain])                np.append(v, w)
np.append(x, x, axis=1)              np.append(v, [1, 2])                 np.block([[s, s[:, :1]], [v]])
np.block([v, a])                     np.block([[v], [w]])                 np.hsplit(x, 2)[1]
np.hsplit(v, [1])[1]                 np.vsplit(x, 3)[0]                   np.dsplit(t, 2)[1]
np.insert(v, 1, a)                   np.insert(v, [1, 3], w[:2])          np.insert(x, 1, v, axis=0)
np.insert(x, [0, 2], x[:, :2], axis=1)                                    np.insert(x, 3, 9.0)
np.insert(x, 1, [[1.0, 2.0, 3.0]], axis=1)                                np.insert(v, slice(0, 2), 7.0)
np.insert(v, [1], w)                 np.delete(v, 1)                      np.delete(x, [0, 3], axis=1)
np.delete(x, slice(0, 5))            np.resize(v, (3, 3))                 np.resize(x, 5)
np.trim_zeros(np.maximum(v, 0.0))    np.trim_zeros(np.concatenate([[0.0], v, [0.0, 0.0]]))
np.trim_zeros(np.concatenate([[0.0], v, [0.0]]), "b")                     np.meshgrid(v, w)[0]
np.meshgrid(v, w, indexing="ij")[1]  np.meshgrid(v, w[:2], sparse=True)[1]
np.meshgrid(v, plain, copy=False)[0]                                      np.ix_(v, plain)[0]
x[np.ix_(v[:3] > 0, [0, 2])]         np.diagflat(x)                       np.diagflat(v, -1)
np.vander(v)                         np.vander(v, 3, increasing=True)     np.vander(v, 1)
np.apply_along_axis(np.sum, 1, x)    np.apply_along_axis(lambda r: r[:2] * r[0], 1, t)
np.apply_along_axis(np.outer, 0, x, [1.0, 2.0])                           np.apply_over_axes(np.sum, t, (0, 2))
np.apply_over_axes(np.max, x, 0)     x[np.tril_indices_from(x)]           x[np.triu_indices_from(x, 1)]
s[np.diag_indices_from(s)]           v * len(np.einsum_path("i,i", v, v))
v * bool(np.array2string(v))         v * np.can_cast(v, float)            v * (np.common_type(v) is np.float64)
v * (np.min_scalar_type(v) == float)                                      np.pad(v, 2)
np.pad(x, ((1, 0), (2, 3)), constant_values=a)                            np.pad(x, 1, constant_values=v[:2])
np.pad(v, (3, 5), "edge")            np.pad(x, 2, "reflect")              np.pad(x, ((1, 7), (9, 2)), "symmetric")
np.pad(v, (6, 5), "wrap")            np.pad(x, 1, "empty") * 0
np.pad(x, (1, 3), "linear_ramp", end_values=(2.5, -2))                    np.pad(x, 2, "maximum")
np.pad(x, 2, "minimum", stat_length=2)
np.pad(x, (1, 2), "mean", stat_length=((1, 2), (3, 1)))                   np.pad(x, 2, "median")
np.pad(x, 2, "reflect", reflect_type="odd")
np.pad(x, (1, 9), "reflect", reflect_type="odd")
np.pad(x, (9, 5), "symmetric", reflect_type="odd")
np.pad(x[:, :1], 2, "reflect", reflect_type="odd")                        np.pad(v, 0)
np.pad(x, {1: (1, 2)}, "edge")       np.select([v > 1, v > 0], [v * w, 2.0], a)
np.select([v > 9], [v])              np.select([mask], [w], v)            np.choose([0, 1, 1, 0], [v, w])
np.choose([[2, -1], [0, 5]], [a, x[:2, :2], 3.0], mode="wrap")
np.choose([3, -1, 1, 0], (v, w), mode="clip")
np.piecewise(v, [v < 0, v > 1], [lambda r: -r * r, np.exp, 7.0])          np.piecewise(v, v > 0, [np.log, 0.0])
np.piecewise(a, [a < 0, a >= 0], [np.exp, np.sqrt])
np.piecewise(x, [x < 0], [lambda r, k: k * r, lambda r, k: r**k], 2.0)    np.extract(x > 0, x)
np.extract([True, False, True], v)   np.compress([0, 1, 1], x, axis=0)    np.compress(v > 0, w)
x.ravel()[np.flatnonzero(x > 0)]     v[np.lexsort((v, w))]                v * np.isin(v, w)
np.unique(v)                         np.unique(np.concatenate([v, v]), return_inverse=True)[0]
v * np.unique(v, True, True, True)[3]                                     np.unique(x, axis=0)
np.unique(np.stack([v, v, w]), axis=0)                                    np.unique_all(v).values
np.unique_counts(v).values           np.unique_inverse(v)[0]              np.unique_values(v)
np.union1d(v, w)                     np.intersect1d(v, v[:2])
w[np.intersect1d(v, v[1:], return_indices=True)[2]]                       np.setdiff1d(v, v[:1])
np.setxor1d(v, np.append(w, v[:2]))  v * np.isposinf(v)                   v * np.isneginf(v)
v * np.array_equiv(v, x)             np.digitize(v, plain) * v            np.digitize(v, [0.0, 1.0], right=True) * v
np.bincount([0, 1, 1, 4], v)         np.bincount(np.argsort(v), w, 6)     np.bincount(np.argsort(v)) * v
np.histogram(v, 3, weights=w)[0]     np.histogram(v, 3)[1]                np.histogram(v, 4, (-1, 3))[0] * v
np.histogram(x, plain, weights=x)[0]
np.histogram(v, 3, weights=w * w, density=True)[0]                        np.histogram(x, "sturges")[1]
np.histogram(v, [-1.0, 0.0, 1.0, 9.0], density=True)[0][:3] * v[:3]       np.histogram_bin_edges(x, 3)
np.histogram2d(v, w, 2, weights=v)[0]                                     np.histogram2d(v, w, [2, 3])[2]
np.histogramdd(x, 2, [(-2, 2)] * 4, weights=v[:3])[0]
np.histogramdd((v, w), [plain, 3], density=True, weights=v * v)[0]
np.histogramdd(x.T, 2, [(-2, 2)] * 3, density=True)[0]
np.histogramdd([v, w], range=[(-2, 2), (-3, 3)])[1][0][:4] * v            np.polyval(v, w)
np.polyval([1.0, 2.0], x)            np.polyval(v, a)                     np.polyadd(v, w[:2])
np.polysub(v[:3], w)                 np.polymul(v, w)                     np.polymul([0.0, 1.0, 2.0], v)
np.polydiv(v, w[:2])[0]              np.polydiv(v, w[:2])[1]              np.polydiv(v[:2], w)[1]
np.polyder(v)                        np.polyder(v, 2)                     np.polyint(v)
np.polyint(v, 2, [1.0, 2.0])         np.polyint(v, 2, 3.0)                np.poly(v)
np.linspace(a, f, 5)                 np.linspace(v, w, 3, axis=1)         np.linspace(0.0, a, 4, endpoint=False)
np.linspace(a, 2, 3, retstep=True)[1]                                     np.linspace(a, f, 1)
np.logspace(a, f, 4)                 np.logspace(0, v, 3, base=a)
np.logspace(v, 2.0, 3, axis=1, base=[2.0, 3.0, 4.0, 5.0])                 np.geomspace(a, f, 4)
np.geomspace(1.0, a, 3, endpoint=False)                                   np.geomspace(-a, -f, 3)
np.geomspace(np.abs(v), 5.0, 4, axis=1)                                   np.modf(v)[0]
np.modf(v)[1] + v                    np.frexp(v)[0]                       np.frexp(v)[1] * v
np.ldexp(v, 3)                       np.ldexp(x, [1, -2, 0, 4])           np.nextafter(v, 9.0) * w
np.nextafter(x, v)                   np.spacing(v) + v                    np.divmod(v, 0.7)[0] * v
np.divmod(v, w)[1]                   np.fabs(v)                           np.float_power(np.abs(v), w)
np.float_power(v, 2)                 v * np.gcd(np.argsort(v), 2)         v * np.lcm(np.argsort(v), 2)
v * np.left_shift(np.argsort(v), 2)  v * np.right_shift(np.argsort(v), 1)
v * np.bitwise_count(np.argsort(v))  np.angle(v) + v                      np.angle(a, deg=True) * v
np.real_if_close(v)                  v * np.iscomplex(v)                  v * np.isreal(v)
np.cov(x)                            np.cov(v)                            np.cov(x, rowvar=False, bias=True)
np.cov(v, w)                         np.cov(x, x * x, ddof=0)             np.cov(x, aweights=w * w)
np.cov(x, fweights=[1, 2, 0, 3], aweights=v * v)                          np.cov(x, fweights=[1, 2, 0, 3])
np.cov(x.T, v, rowvar=False)         np.corrcoef(x)                       np.corrcoef(v, w)
np.corrcoef(x, rowvar=False)         np.kron(x, v)                        np.kron(s, x)
np.kron(2.0, v)                      np.cross(v[:3], w[:3])               np.cross(x, v[:3], axisa=0)
np.cross(x, x * x, axis=0)
np.vecdot(x, v)                      np.vecdot(v, w)                      np.matvec(t, v)
np.vecmat(v[:3], x)                  np.matvec(plain.reshape(2, 2), v[:2])
np.sum(v, where=mask)                np.sum(x, axis=1, where=mask, initial=a)
np.prod(x, 0, where=mask[:3, None], initial=2.0)                          np.max(v, initial=0.0)
np.max(x, axis=0, initial=a, where=x < 0.5)
np.min(x, axis=1, initial=-9.0, keepdims=True)                            np.max(v[:0], initial=a)
v * np.any(v > 0, where=mask)        v * np.all(x > 0, axis=0, where=mask)
np.mean(v, where=mask)               np.mean(x, axis=1, where=mask, keepdims=True)
np.var(x, axis=1, where=mask)        np.std(x, where=mask, ddof=1)        np.var(x, axis=0, correction=1)
np.var(x, axis=0, mean=np.mean(x, axis=0, keepdims=True))                 x.mean(axis=0, where=mask[:3, None])
np.add.reduce(v, initial=a, where=mask)                                   np.maximum.reduce(v, initial=a)
np.logaddexp.reduce(v)               np.logaddexp.reduce(t, axis=(0, 2), keepdims=True)
np.logaddexp.reduce(x, axis=1, initial=a)                                 np.logaddexp.reduce(v, where=mask)
np.hypot.reduce(v)                   np.hypot.reduce(t, axis=None)        np.subtract.reduce(x)
np.subtract.reduce(x, axis=1, keepdims=True, initial=a)                   np.divide.reduce(v)
np.maximum.accumulate(v)             np.minimum.accumulate(t, axis=1)     np.logaddexp.accumulate(x, axis=1)
np.hypot.accumulate(v)               np.add.reduceat(v, [0, 2])           np.add.reduceat(x, [0, 3, 1], axis=1)
np.maximum.reduceat(v, [0, 1, 3])    np.logaddexp.reduceat(v, [1, 2])     np.multiply.reduceat(x, [0, 1])
np.cumulative_sum(v)                 np.cumulative_sum(x, axis=1, include_initial=True)
np.cumulative_prod(v, include_initial=True)
x[np.unravel_index(np.argmax(x), x.shape)]  t[np.unravel_index(np.argmin(t), (2, 3, 4))]
v * np.unravel_index(np.argsort(v), (2, 2), order="F")[0]
x.ravel()[np.ravel_multi_index((np.argmax(x, axis=0), [0, 1, 2, 3]), x.shape)]
v * np.ravel_multi_index([np.argsort(v), [5, -1, 0, 2]], (4, 3), mode=("raise", "clip"))
v * np.ravel_multi_index([np.argsort(v), [5, -1, 0, 2]], (4, 3), mode="wrap", order="F")
np.roots(np.poly(v))                 np.roots(np.append(np.poly(v), [0.0, 0.0]))
np.polyfit(v, w, 1)                  np.polyfit(v, w, 2, w=v * v)         np.polyfit(plain, v, 1, cov=True)[1]
np.polyfit(v, np.stack([w, v], 1), 1)  np.polyfit(plain, v, 1, full=True)[0]  np.polyfit(plain, v, 1, cov="unscaled")[0]
v * np.unpackbits(np.packbits(v > 0), count=4)
np.real(np.sort_complex(v))           np.piecewise(v, w > 0, [np.sin, np.cos])
"""
ROWS = re.findall(r"\S.*?(?=\s{2,}|\n)", EXPRESSIONS)


def parsed(expression):
    """An expression as a function of the arrays it names, and these arrays."""
    names = names_in(expression)
    return eval(f"lambda {', '.join(names)}: {expression}", NAMES), tuple(GIVEN[n] for n in names)


def values_agree(f, args, rtol=0.0):
    """What is computed on traced values is what NumPy computes, NaNs, shapes and dtypes included."""
    traced, plain = wg.jvp(f, args, args)[0], f(*args)
    np.testing.assert_allclose(traced, plain, rtol=rtol, strict=not isinstance(traced, float))


@pytest.mark.parametrize("expression", ROWS)
def test_values_and_derivatives(expression):
    f, args = parsed(expression)
    values_agree(f, args, 1e-15)
    kinds = [isinstance(value, np.ndarray) for value in (wg.jvp(f, args, args)[0], f(*args))]
    assert kinds[0] == kinds[1]  # a number is no array without axes
    if np.all(np.isfinite(f(*args))):
        check_first(f, Sample(args))
        check_second(f, Sample(args))


def check_second(f, sample):
    """Forward over reverse and reverse over forward against differences of forward mode."""
    trial = Trial(f, sample)
    t, u, _ = trial.directions
    want = numeric(forward(trial.scalar, t), u)(*trial.x)
    close(forward(reverse(trial.scalar, t), u)(*trial.x), want, 1e-6, "forward over reverse")
    close(reverse(forward(trial.scalar, t), u)(*trial.x), want, 1e-6, "reverse over forward")


@pytest.mark.parametrize("expression", ROWS)
def test_a_recorded_graph_is_never_stale(expression):
    """At other numbers it gives NumPy's value, or says that it was recorded with others."""
    f, args = parsed(expression)
    if "[1, -2, 0, 4]" in expression:
        return
    graph = wg.trace(f)(*args)
    rng = np.random.default_rng(0)
    for size in (0.3, 2.0):
        moved = tuple(a + size * rng.normal(size=np.shape(a)) if np.ndim(a) else a + 0.1 * size for a in args)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                want = f(*moved)
            except ValueError:  # NumPy does not take these
                continue
            try:
                got = graph(*moved)
            except (wg.GuardError, wg.ShapeError):
                continue
            np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-12)


# Where NumPy has rules of its own, its values hold -----------------------------------------------------------------

RNG = np.random.default_rng(5)
CUBE = RNG.normal(size=(3, 4, 5))
HOLED = np.where(RNG.random(CUBE.shape) < 0.3, np.nan, CUBE)
HOLLOW = np.where(np.arange(5) == 2, np.nan, HOLED)
TIED = np.round(CUBE)
ENDLESS = np.where(RNG.random(CUBE.shape) < 0.2, np.inf, CUBE)
ARRAYS = {"plain": CUBE, "holed": HOLED, "hollow": HOLLOW, "tied": TIED, "float32": CUBE.astype(np.float32),
          "holed32": HOLED.astype(np.float32), "endless": ENDLESS, "vector": CUBE[0, 0],
          "single": CUBE[:1, :1, :1]}  # fmt: skip
AXES = (None, 0, -1, (0, 2), (0, 1, 2))
METHODS = ("linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "median_unbiased", "inverted_cdf",
           "normal_unbiased", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf")  # fmt: skip
REDUCTIONS = ("median", "nanmedian", "nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd")


def axes_of(array):
    return [a for a in AXES if a is None or array.ndim == 3 or a in (0, -1)]


@pytest.fixture
def quiet():
    """NumPy warns of empty slices, and so do we."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_have_numpys_values(name, kind):
    for axis in axes_of(ARRAYS[kind]):
        for keepdims in (False, True):
            # NumPy multiplies and adds in another order where it knows that there are no holes.
            rtol = 0.0 if name in ("median", "nanmedian", "nanmax", "nanmin") else 1e-14 if "32" not in kind else 1e-5
            values_agree(lambda x: getattr(np, name)(x, axis=axis, keepdims=keepdims), (ARRAYS[kind],), rtol)  # noqa: B023


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_quantiles_have_numpys_values(name, method, kind):
    x = ARRAYS[kind]
    weak = (0.0, 0.37, 1.0, 1)
    strong = (np.float64(0.5), [0.0, 0.25, 0.5, 0.9, 1.0], np.linspace(0, 1, 11))
    for q in weak if kind == "holed32" else weak + strong:  # NumPy's dtype depends on whether there is a NaN
        for axis in axes_of(x)[:4]:
            for keepdims in (False, True):
                values_agree(
                    lambda x: getattr(np, name)(x, q, axis=axis, keepdims=keepdims, method=method),  # noqa: B023
                    (x,),
                )


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", ["percentile", "nanpercentile"])
def test_weighted_quantiles_have_numpys_values(name):
    weights = np.where(np.arange(60).reshape(3, 4, 5) % 7 == 3, 0.0, np.abs(np.round(CUBE, 1)) + 0.1)
    for x in (CUBE, HOLED):
        for axis in (None, 1, (0, 2)):
            for q in (0.0, 30, [0, 20.0, 77.0, 100.0]):
                values_agree(
                    lambda x: getattr(np, name)(x, q, axis, method="inverted_cdf", weights=weights),  # noqa: B023
                    (x,),
                )


def test_interpolation_has_numpys_values():
    knots = np.array([-1.0, 0.0, 0.5, 2.0])
    x = np.concatenate([np.linspace(-2, 3, 41), knots, [np.nan, np.inf, -np.inf, -0.0]])
    heights = np.array([1.0, np.inf, -2.0, 0.5])
    for f in (knots**2, heights):
        for options in ({}, {"left": 9.0}, {"right": np.nan}, {"period": 1.7}):
            values_agree(lambda x, f: np.interp(x, knots, f, **options), (x[:-4] if "period" in options else x, f))  # noqa: B023


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_convolutions_of_all_lengths(name, mode):
    for n in range(1, 7):
        for m in range(1, 7):
            values_agree(lambda a, v: getattr(np, name)(a, v, mode), (CUBE.ravel()[:n], CUBE.ravel()[9 : 9 + m]), 1e-14)


@pytest.mark.parametrize("kind", ["even", "odd"])
@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
def test_reflections_of_all_widths(mode, kind):
    for n in range(1, 5):
        for left in range(9):
            for right in range(9):
                values_agree(
                    lambda x: np.pad(x, (left, right), mode, reflect_type=kind),  # noqa: B023
                    (CUBE.ravel()[:n],),
                    1e-12,
                )


#: NumPy 2.4's power.reduce looks at the first and the last element only.
UFUNCS = [u for (u, m) in UFUNC_METHODS if m == "reduceat" and u is not np.power]
ON_INTEGERS = {u for u in UFUNCS if not any(t.startswith("dd") for t in u.types)}


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_methods_of_ufuncs(ufunc):
    if ufunc in ON_INTEGERS:
        pytest.skip("traced integers come from other operations")
    x = np.array([[2.5, 1.5, 0.75, 1.25], [0.5, 3.0, 1.125, 2.0]])
    calls = [
        lambda x: ufunc.reduce(x, axis=1) * 1.0,
        lambda x: ufunc.accumulate(x, axis=1) * 1.0,
        lambda x: ufunc.reduceat(x, [0, 2, 1], axis=1) * 1.0,
    ]
    for f in calls:
        values_agree(f, (x,), 1e-15)
        if ufunc not in (np.heaviside, np.remainder, np.fmod, np.floor_divide, np.nextafter):  # kinks in the way
            check_first(f, Sample((x,)))


@pytest.mark.parametrize(
    "save", ["np.save(file, x)", "np.savez(file, x)", "np.savez_compressed(file, x)", "np.savetxt(file, x)"]
)
def test_numbers_can_be_saved(save):
    file = io.BytesIO()
    wg.jvp(lambda x: (eval(save, {"np": np, "file": file, "x": x}), x)[1], (CUBE[0],), (CUBE[0],))
    assert file.tell()


def test_complex_roots():
    p = np.array([1.0, 0.5, 2.0, 3.0])
    wg.check_grads(lambda p: np.sum(np.abs(np.roots(p)) ** 2), (p,), order=2)
    zeros, moved = wg.jvp(np.roots, (p,), (np.array([0.0, 0.0, 0.0, 1.0]),))
    np.testing.assert_allclose(moved, -1 / np.polyval(np.polyder(p), zeros), rtol=1e-13)
    wg.check_grads(lambda p: np.abs(np.poly(np.roots(p))[1:]), (p,), order=2)


def test_empty_arrays():
    with pytest.raises(ValueError, match="empty"):
        wg.jvp(lambda x: np.convolve(x, x), (np.zeros(0),), (np.zeros(0),))
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):
        assert np.isnan(wg.jvp(np.nanmean, (np.zeros(0),), (np.zeros(0),))[0])
    for f in (np.nansum, np.ediff1d, np.unique, lambda x: np.polyval(x, 2.0), lambda x: np.append(x, x)):
        values_agree(f, (np.zeros(0),))


def test_warnings_are_numpys():
    for name, words in (("nanmax", "All-NaN"), ("nanmean", "Mean of empty"), ("nanvar", "Degrees of freedom")):
        with pytest.warns(RuntimeWarning, match=words):
            wg.jvp(getattr(np, name), (np.full(2, np.nan),), (np.ones(2),))


@pytest.mark.parametrize(
    ("expression", "error", "words"),
    [
        ("np.pad(v, 1, lambda *a: None)", MissingRuleError, "fills the padding in place"),
        ("np.poly(s)", MissingRuleError, "np.poly of a matrix"),
        ("np.subtract.reduce(v, where=mask)", MissingRuleError, "where="),
        ("np.median(v, None, plain)", InPlaceError, "in place"),
        ("np.nanmax(v * np.nan, where=mask)", ValueError, "initial="),
        ("np.interp(v, plain, w[:2])", ValueError, "same length"),
        ("np.quantile(v, 1.5)", ValueError, "[0, 1]"),
        ("np.percentile(v, 101)", ValueError, "[0, 100]"),
        ("np.quantile(v, 0.5, method='mean')", ValueError, "not a valid method"),
        ("np.quantile(v, 0.5, weights=w)", ValueError, "inverted_cdf"),
        ("np.convolve(v, w, 'some')", ValueError, "mode must be"),
        ("np.pad(v, -1)", ValueError, "negative"),
        ("np.pad(v, 1, 'edge', constant_values=2)", ValueError, "unsupported keyword"),
        ("np.select([v], [v])", TypeError, "boolean"),
        ("np.choose([7, 0, 0, 0], [v, w])", ValueError, "choice"),
        ("np.piecewise(v, [v > 0], [1.0, 2.0, 3.0])", ValueError, "functions are expected"),
        ("np.gradient(v[:1])", ValueError, "too small"),
        ("np.block([[v], w])", ValueError, "mismatched"),
        ("np.geomspace(0 * a, 1.0, 3)", ValueError, "zero"),
    ],
)
def test_what_is_refused(expression, error, words):
    f, args = parsed(expression)
    with pytest.raises(error, match=re.escape(words)):
        wg.jvp(f, args, args)
