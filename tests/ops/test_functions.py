"""Every NumPy function and array method that traced values answer: NumPy's value, the right derivative, or an error."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert.core.dispatch import FUNCTIONS, UFUNC_METHODS
from wengert.core.errors import ConversionError, InPlaceError, MissingRuleError
from wengert.ops.operators import METHODS

from .checks import check_first
from .samples import MASK, A, Sample, T, V, W

# x is a matrix, v and w are vectors, t has three axes, s is a regular square matrix, mask is boolean.
GIVEN = {"x": A, "v": V, "w": W, "t": T, "s": A[:, :3] + 3 * np.eye(3), "a": np.float64(1.3), "f": 0.7}
KNOWN = {"np": np, "mask": MASK, "plain": np.arange(4.0), "holes": np.array([0.0, np.inf, -np.inf, np.nan])}

EXPRESSIONS = """
np.where(x > 0, x, 2 * x)            np.where(mask, v, 0.0)             np.where(v)[0] * 1.0
np.clip(x, -0.5, 0.5)                np.clip(x, None, v)                np.clip(v, min=-0.5)
x.clip(-0.5, 0.5)                    np.round(x, 1)                     np.around(x)
round(a, 1)                          np.trunc(x)                        v.round(1)
v[np.argsort(v)]                     v[v.argsort()] * plain             np.sort(t, axis=0)
np.sort(x, axis=None)                np.sort(v)[::-1]                   plain[np.searchsorted(plain, np.abs(v))] + v
v.searchsorted(w[0]) * v             v * np.isclose(v, v)               v * np.allclose(v, w)
v * np.array_equal(v, w)             x[tuple(np.argwhere(x > 0)[0])]    x[np.nonzero(x > 0)]
x[(x > 0).nonzero()]                 np.nan_to_num(v + holes, 0, 2, 1, 0)  v * np.count_nonzero(v)
np.sum(x)                            np.sum(t, axis=(0, -1))            np.sum(x, 0, keepdims=True)
np.sum(f)                            np.sum(x, dtype=np.float32) * 1.0  t.sum(1)
np.prod(x, axis=1)                   v.prod()                           np.max(t, axis=(0, 2))
np.amax(x)                           np.min(t, axis=1, keepdims=True)   np.amin(x)
x.max(0)                             x.min()                            v * np.any(v > 0)
v * np.all(v > 0)                    v * (v > 9).any()                  v * (v < 9).all()
v[np.argmax(v)]                      v[np.argmin(v)]                    x[x.argmax(0), plain.astype(int)]
v[v.argmin()]                        np.mean(x)                         np.mean(t, axis=(0, 1))
x.mean(axis=1, keepdims=True)        np.average(x, 1)                   np.average(x, 1, weights=v)
np.average(x, weights=x * x)         np.var(x)                          x.var(axis=1, ddof=1)
np.std(t, axis=0)                    x.std(axis=1)                      np.ptp(x, axis=0)
np.ptp(x)                            np.diff(v)                         np.diff(x, n=2, axis=1)
np.diff(v, prepend=0.0, append=v)    np.triu(s, 1)                      np.tril(s)
np.roll(x, 2)                        np.roll(x, (1, -1), (0, 1))        np.repeat(v, 2)
x.repeat([1, 0, 2], axis=0)          np.tile(v, 3)                      np.tile(x, (2, 1, 2))
np.cumsum(x)                         np.cumsum(t, axis=-1)              v.cumsum()
np.cumprod(x)                        np.cumprod(t, axis=1)              v.cumprod()
np.einsum("ij,j", x, v)              np.einsum("...j->...", t)          np.einsum("ii->i", s)
np.einsum("ij,ij->", x, x)           np.einsum(x, [0, 1], v, [1])       np.einsum("ij,jk,k", s, x, v, optimize=True)
np.take(v, [0, 0, 3])                np.take(x, [1], axis=1)            np.take(v, [5, -7], mode="wrap")
v.take([1, 2])                       np.flip(t)                         np.flip(t, (0, 2))
np.take_along_axis(x, np.argsort(x, 0), 0)                              np.flipud(x)
np.fliplr(x)                         np.diagonal(x, 1)                  s.diagonal()
np.diag(s)                           np.diag(v, -1)                     np.trace(s)
t.trace(axis1=1, axis2=2)            np.dot(x, v)                       np.dot(t, x.T)
v.dot(w)                             np.dot(2.0, v)                     np.vdot(v, w)
np.inner(x, v)                       np.outer(v, w)                     np.linalg.outer(v, w)
np.tensordot(t, x, ([1, 2], [0, 1]))                                    np.linalg.tensordot(x, x.T, axes=1)
np.linalg.solve(s, x)                np.linalg.solve(s, s[0])           np.linalg.inv(s)
np.linalg.det(s)                     np.linalg.slogdet(s)[1]            np.linalg.slogdet(-s).logabsdet
np.linalg.matrix_power(s, 5)         np.linalg.matrix_power(s, -2)      s * np.linalg.matrix_power(s, 0)
np.linalg.matrix_power(s, 3)         np.linalg.norm(v)                  np.linalg.norm(t, axis=(0, 2))
np.linalg.norm(x, axis=0)            np.linalg.norm(v, 3)               np.linalg.norm(v, np.inf)
np.linalg.norm(v, -np.inf)           np.linalg.norm(v, 1)               np.linalg.norm(v, 0)
np.linalg.norm(x, "fro")             np.linalg.norm(x, 1)               np.linalg.norm(x, -np.inf, keepdims=True)
np.linalg.norm(x, 2)                 np.linalg.norm(t, -2, axis=(0, 2))  np.linalg.norm(x, "nuc", keepdims=True)
np.linalg.cond(s)                    np.linalg.cond(s, -2)               np.linalg.cond(s, 1)
np.linalg.matmul(x, v)               np.linalg.vecdot(x, v)              np.linalg.vecdot(x, x, axis=0)
np.i0(v)                             np.sinc(v)                          np.linalg.trace(t, offset=1)
np.linalg.diagonal(t, offset=-1)
np.linalg.matrix_transpose(t)        np.linalg.cross(s, s[0])            np.linalg.cross(s, t[0, :, :3], axis=0)
np.linalg.multi_dot([x, v])          np.linalg.multi_dot([v, x.T, s])    np.linalg.multi_dot([v, x.T, s, x, w])
np.linalg.tensorsolve(np.reshape(s, (3, 1, 3)), v[1:, None])             np.linalg.multi_dot([x.T, s, x])
np.linalg.tensorsolve(np.reshape(s, (3, 1, 3)), v[None, 1:], axes=(0,))  np.linalg.tensorinv(s, ind=1)
np.linalg.cholesky(s @ s.T)          np.linalg.cholesky(s, upper=True)   np.linalg.qr(s).R
np.linalg.qr(x)[0]                   np.linalg.qr(x.T, "r")              np.linalg.qr(x, mode="complete").Q
np.linalg.pinv(x)                    np.linalg.pinv(x.T, rtol=None)      np.linalg.pinv(s + s.T, hermitian=True)
np.linalg.lstsq(x.T, v)[0]           np.linalg.lstsq(x, x)[0]            np.linalg.lstsq(x.T, v, rcond=1e-12)[1]
np.linalg.lstsq(x, x)[3]             v * np.linalg.lstsq(x, x)[2]        v * np.linalg.matrix_rank(s)
np.linalg.eigh(s).eigenvalues        np.linalg.eigh(x @ x.T, "U")[1]         np.linalg.eigvalsh(s + s.T)
np.linalg.eig(s @ s.T)[1].real       np.linalg.eigvals(s @ s.T).real     np.linalg.svdvals(t)
np.linalg.svd(x, False)[0]           np.linalg.svd(x).Vh                 np.linalg.svd(s, compute_uv=False)
np.linalg.svd(s, hermitian=True).U   np.linalg.svd(s - 4 * np.eye(3), hermitian=True)[2]
np.linalg.svd(s, compute_uv=False, hermitian=True)
np.linalg.norm(x, keepdims=True)     np.linalg.norm(v, 2)               np.linalg.norm(x, 2, axis=1)
np.linalg.vector_norm(t, axis=(0, 2), keepdims=True)                    np.linalg.vector_norm(x, ord=3)
np.linalg.matrix_norm(t)             np.linalg.matrix_norm(x, ord=1, keepdims=True)
np.reshape(x, (2, -1))               np.reshape(t, (4, 6), order="F")   x.reshape(2, 6)
np.ravel(x)                          np.ravel(x, "F")                   x.ravel()
x.flatten()                          np.transpose(t)                    np.transpose(t, (1, 0, 2))
t.transpose(2, 0, 1)                 t.T                                t.mT
np.matrix_transpose(t)               np.swapaxes(t, 0, -1)              t.swapaxes(0, 1)
np.moveaxis(t, 0, -1)                np.moveaxis(t, (0, 1), (1, 2))     np.squeeze(x[None])
x[:, None].squeeze(1)                np.expand_dims(v, (0, 2))          np.broadcast_to(v, (2, 4))
np.broadcast_arrays(v, x)[0]         np.concatenate([x, t[0]])          np.concatenate([x, v[:3, None]], axis=1)
np.concatenate([x, x], axis=None)    np.stack([v, w, plain])            np.stack([v, w], axis=1)
np.stack([v[0], f, 1.0])             np.vstack([v, x])                  np.hstack([v, w])
np.hstack([x, x])                    np.column_stack([v, w])            np.atleast_1d(a)
np.atleast_2d(v)                     np.atleast_2d(v, w)[1]             np.astype(v, np.float32)
v.astype(int) * v                    np.copy(v)                         v.copy()
np.split(v, 2)[1]                    np.split(x, [1], axis=1)[1]        np.array_split(v, 3)[0]
v * np.full_like(v, 2.0)             np.full_like(v, a)                 np.full_like(v, a, shape=(2,))
np.real(v)                           np.imag(v) + v                     v.real
v.imag + v                           np.conj(v)                         v.conj()
v.conjugate()                        v * np.shape(v)[0]                 v * np.ndim(v)
v * np.size(v)                       v * np.iscomplexobj(v)             v * np.isrealobj(v)
v + np.zeros_like(v)                 v + np.ones_like(v)                v + 0 * np.empty_like(v, int)
v * (np.result_type(v) == float)     v * np.may_share_memory(v, v)      v * np.shares_memory(v, plain)
v * bool(np.array_repr(v))           v * bool(np.array_str(v))          np.add.reduce(x)
np.multiply.reduce(x, axis=1)        np.maximum.reduce(x)               np.minimum.reduce(x, axis=None)
v * np.logical_and.reduce(v > 0)     v * np.logical_or.reduce(v > 0)    np.add.accumulate(v)
np.multiply.accumulate(v)            np.add.outer(v, w)                 np.hypot.outer(v, x)
v @ w                                plain @ v                          x @ v
[1.0, 2.0, 3.0, 4.0] * v             v - [1.0, 2.0, 3.0, 4.0]           2 // v + v
divmod(v, 0.7)[1]                    divmod(2.0, v)[1]                  v % 0.7
-v                                   +v                                 abs(v)
v**2                                 2**v                               v * ~(v > 0)
v[[0, 0, -1]]                        x[1:, ::-2]                        x[..., None, 0]
t[:, [0, 2]]                         t[[0, 1], :, [1, 2]]               x[mask[:3]]
v[mask]                              v[v > 0]                           sum(v.flat)
np.asarray(v, like=v) * w            np.asanyarray(x, like=x) * x
"""
ROWS = re.findall(r"\S.*?(?=\s{2,}|\n)", EXPRESSIONS)


def names_in(expression):
    return [n for n in GIVEN if re.search(rf"(?<![\w.\"]){n}(?![\w(\"=])", expression)]


@pytest.mark.parametrize("expression", ROWS)
def test_values_and_derivatives(expression):
    names = names_in(expression)
    f = eval(f"lambda {', '.join(names)}: {expression}", KNOWN)
    sample = Sample(tuple(GIVEN[n] for n in names))
    traced = wg.jvp(f, sample.args, sample.args)[0]
    np.testing.assert_allclose(traced, f(*sample.args), rtol=1e-15, strict=not isinstance(traced, float))
    if "float32" not in expression:
        check_first(f, sample)


#: A function or method may have its row in any of these files.
EVERYWHERE = "".join(p.read_text(encoding="utf-8") for p in sorted(Path(__file__).parents[1].glob("*/test_*.py")))


@pytest.mark.filterwarnings("ignore:numpy.fix is deprecated:DeprecationWarning")  # from NumPy 2.5 on
def test_fix():
    x = np.array([1.7, -1.7])
    value, slope = wg.jvp(lambda v: np.fix(v) * v, (x,), (np.ones(2),))
    np.testing.assert_array_equal(value, [1.7, 1.7])
    np.testing.assert_array_equal(slope, [1.0, -1.0])


def test_every_function_and_method_has_a_row():
    for function in FUNCTIONS:
        name = function.__name__
        module = "np.linalg" if function.__module__ == "numpy.linalg" else "np"
        listed = function.__module__ == "numpy.fft" and (f'"{name}"' in EVERYWHERE or f"np.fft.{name}(" in EVERYWHERE)
        assert listed or f"{module}.{name}(" in EVERYWHERE
    for ufunc, method in UFUNC_METHODS:
        generated = ("outer", "at", "reduce", "accumulate", "reduceat")
        assert method in generated or f"np.{ufunc.__name__}.{method}(" in EVERYWHERE
    for method in METHODS:
        assert re.search(rf"[a-z)]\.{method}\(", EVERYWHERE), method


@pytest.mark.parametrize(
    ("expression", "error", "words"),
    [
        ("np.linalg.qr(x, 'raw')", MissingRuleError, "np.linalg.qr with mode='raw'"),
        ("np.sin(v, where=mask)", MissingRuleError, "np.sin with where="),
        ("np.sin(v, out=plain)", InPlaceError, "in place"),
        ("np.sum(v, out=plain)", InPlaceError, "in place"),
        ("np.cumsum(v, out=plain)", InPlaceError, "in place"),
        ("np.round(v, out=plain)", InPlaceError, "in place"),
        ("np.copyto(plain, v)", InPlaceError, "in place"),
        ("np.full_like(plain, v)", InPlaceError, "in place"),
        ("np.array([v, w])", ConversionError, "np.stack"),
        ("np.full(3, v[0])", ConversionError, "plain array"),
        ("v.tolist()", ConversionError, "list(x)"),
        ("float(v[0])", ConversionError, "Python float"),
    ],
)
def test_what_has_no_rule_is_an_error_at_the_users_line(expression, error, words):
    names = names_in(expression)
    f = eval(f"lambda {', '.join(names)}: {expression}", KNOWN)
    with pytest.raises(error, match=re.escape(words)) as caught:
        wg.jvp(f, tuple(GIVEN[n] for n in names), tuple(GIVEN[n] for n in names))
    assert "at <string>:1" in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("np.reshape(x, (5, -1))", "cannot reshape"),
        ("np.transpose(x, (0, 0))", "axes|axis"),
        ("np.concatenate([x, v])", "dimensions"),
        ("np.squeeze(x, 0)", "squeeze"),
        ("np.einsum('ij,jk', x, x)", "size|einsum|broadcast"),
        ("np.tensordot(x, v, 2)", "shape-mismatch|tuple"),
        ("x @ x", "mismatch|size"),
        ("x + v[:3]", "broadcast"),
    ],
)
def test_shapes_that_do_not_fit_are_numpys_error(expression, words):
    names = names_in(expression)
    f = eval(f"lambda {', '.join(names)}: {expression}", KNOWN)
    args = tuple(GIVEN[n] for n in names)
    with pytest.raises((ValueError, IndexError), match=words):
        f(*args)
    with pytest.raises((ValueError, IndexError), match=words):
        wg.jvp(f, args, args)
