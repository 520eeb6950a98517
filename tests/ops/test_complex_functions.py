"""Every function of the tables with complex numbers: NumPy's value and right derivatives to order 2, or an error.

Derivatives are taken along random complex directions, so along the real and the imaginary axes at once: the directional
derivative against differences of f, ⟨c, J·t⟩ = ⟨Jᴴ·c, t⟩ with ⟨c, t⟩ = Re Σ c̄·t, and the same again for the gradient
of ⟨c, f⟩. What is refused is listed with the reason.
"""

from __future__ import annotations

import warnings
import zlib

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import DegenerateError

from .test_functions import GIVEN, ROWS, names_in
from .test_more_functions import NAMES
from .test_more_functions import ROWS as MORE

RNG = np.random.default_rng(11)
COMPLEX = {
    name: value + 0.3j * (RNG.normal(size=np.shape(value)) if np.shape(value) else 1.0) for name, value in GIVEN.items()
}
STEP = 3e-4

_DROPPED = "takes real numbers only; NumPy itself drops the imaginary part, with a warning"
#: Rows that NumPy answers (some with a ComplexWarning) and Wengert does not: the error, words of it, and why.
REFUSED = {
    "np.interp(a, plain, w)": (TypeError, "real", _DROPPED),
    "np.interp(v, plain, w, period=2.5)": (TypeError, "real", _DROPPED),
    "np.interp(plain, np.sort(v), w, period=3 * a)": (TypeError, "real", _DROPPED),
    "np.histogram(v, 3, weights=w * w, density=True)[0]": (TypeError, "real", _DROPPED),
    "np.cov(x, aweights=w * w)": (TypeError, "real", _DROPPED),
    "np.cov(x, fweights=[1, 2, 0, 3], aweights=v * v)": (TypeError, "real", _DROPPED),
}
#: Complex eigenvectors and singular vectors are unique up to their phases: their absolute values are compared.
UP_TO_PHASE = {
    'np.linalg.eigh(x @ x.T, "U")[1]', "np.linalg.svd(x, False)[0]", "np.linalg.svd(x).Vh",
    "np.linalg.svd(s, hermitian=True).U", "np.linalg.svd(s - 4 * np.eye(3), hermitian=True)[2]",
}  # fmt: skip
#: Where NumPy promises no order, ours is the ascending one.
ANOTHER_ORDER = {"np.unique_values(v)"}
#: Where only NumPy's scalars refuse: the same in another form.
MORE_GENERAL = {"round(a, 1)": "np.round(a, 1)"}
#: Rows in float32, in which differences have too few digits.
NARROW = 1e-5


def leaves(tree):
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [np.asarray(tree)]


def function_of(row, change=lambda z: z):
    """The row as a function of its complex arguments, with a list of arrays as its result; and these arguments."""
    names = [n for n in names_in(row) if n in COMPLEX]
    code = compile(row, "<row>", "eval")

    def f(*given):
        result = eval(code, NAMES | dict(zip(names, given, strict=True)))
        return [change(r) for r in (result if isinstance(result, (tuple, list)) else [result])]

    return f, [COMPLEX[n] for n in names]


def direction(value, rng):
    """A random array like the value; complex if it is."""
    shape, dtype = np.shape(value), np.asarray(value).dtype
    drawn = rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype.kind == "c" else 0)
    return np.asarray(drawn, dtype if dtype.kind in "fc" else float)[()]


def inner(a, b):
    return sum(np.sum(np.real(np.conj(x) * y)) for x, y in zip(leaves(a), leaves(b), strict=True))


def differences(f, args, tangents):
    """The directional derivative by central differences of fourth order."""

    def at(s):
        return leaves(f(*[a + s * STEP * t for a, t in zip(args, tangents, strict=True)]))

    parts = zip(at(2), at(1), at(-1), at(-2), strict=True)
    return [(8 * (b.astype(complex) - c) - (a.astype(complex) - d)) / (12 * STEP) for a, b, c, d in parts]


def close(got, want, tolerance):
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(1.0, np.max(np.abs(want), initial=0)))


def check_first(f, args, tangents, digits, rng):
    known = leaves(f(*args))
    value, moved = wg.jvp(f, tuple(args), tuple(tangents))
    for mine, theirs in zip(leaves(value), known, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=digits, atol=digits)
    if digits < NARROW:
        for t, want, v in zip(leaves(moved), differences(f, args, tangents), known, strict=True):
            assert v.dtype.kind == "c" or t.dtype.kind != "c"
            if v.dtype.kind in "fc":
                close(t, want, 1e-7)
    cts = [direction(v, rng) for v in known]
    back = wg.vjp(f, *args)[1](cts)
    scale = 1 + sum(np.sum(np.abs(np.conj(c) * t)) for c, t in zip(cts, leaves(moved), strict=True))
    assert abs(inner(cts, moved) - inner(list(back), tangents)) <= max(digits, 1e-10) * scale
    return cts


def check_second(f, args, tangents, cts, rng):
    """Forward over reverse and reverse over reverse against differences of reverse mode."""

    def gradient(*z):
        return list(wg.vjp(f, *z)[1](cts))

    want = differences(gradient, args, tangents)
    moved = wg.jvp(gradient, tuple(args), tuple(tangents))[1]
    for t, w in zip(leaves(moved), want, strict=True):
        close(t, w, 1e-6)
    others = [direction(a, rng) for a in args]
    back = wg.vjp(gradient, *args)[1](others)
    assert inner(list(back), tangents) == pytest.approx(inner(others, moved), rel=1e-8, abs=1e-8)


def answers(f, args):
    """Whether NumPy itself takes complex numbers here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            f(*args)
    except (TypeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("row", [*ROWS, *MORE])
def test_complex_numbers_are_right_or_refused(row):
    f, args = function_of(row)
    rng = np.random.default_rng(zlib.crc32(row.encode()))
    tangents = [direction(a, rng) for a in args]
    if row in REFUSED:
        error, words, _ = REFUSED[row]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            with pytest.raises(error, match=words):
                wg.jvp(f, tuple(args), tuple(tangents))
        return
    if row in ANOTHER_ORDER:
        f, args = function_of(row, np.sort)
    if not answers(f, args) and row not in MORE_GENERAL:
        with pytest.raises((wg.WengertError, TypeError, ValueError)):
            wg.jvp(f, tuple(args), tuple(tangents))
        return
    if row in UP_TO_PHASE:
        with pytest.raises(DegenerateError, match="phase"):
            wg.vjp(f, *args)[1]([direction(v, rng) for v in leaves(f(*args))])
        f, args = function_of(row, np.abs)
    if row in MORE_GENERAL:
        f, args = function_of(MORE_GENERAL[row])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's own, about means of nothing and the like
        if "holes" in row or not all(np.all(np.isfinite(v)) for v in leaves(f(*args))):
            return
        cts = check_first(f, args, tangents, NARROW if "float32" in row else 1e-11, rng)
        if "float32" not in row:
            check_second(f, args, tangents, cts, rng)


def test_the_lists_of_exceptions_name_rows():
    assert {*REFUSED, *UP_TO_PHASE, *ANOTHER_ORDER, *MORE_GENERAL} <= {*ROWS, *MORE}


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (lambda z: np.interp([0.5, 1.2, 7.0], [0.0, 1.0, 2.0], z), (COMPLEX["v"][:3],)),
        (lambda x, z: np.interp(x, [0.0, 1.0, 2.0], z), (np.array([0.5, 1.2]), COMPLEX["v"][:3])),
        (lambda z: np.histogram([0.1, 0.3, 0.2, 0.9], 3, weights=z)[0], (COMPLEX["v"],)),
        (lambda x: np.fft.rfft(x) * np.roots(x), (np.array([3.0, 1.0, 2.0]),)),
        (lambda z: wg.softmax(z) * wg.sigmoid(z), (COMPLEX["v"],)),
        (lambda z: wg.logsumexp(z), (COMPLEX["v"],)),
    ],
)
def test_real_and_complex_arguments_together(f, args):
    np.testing.assert_allclose(wg.vjp(f, *args)[0], f(*args), rtol=1e-14)
    wg.check_grads(f, args, order=2)


def test_dual_numbers_are_written():
    assert str(wg.Dual(1 + 2j, 1j)) == "(1+2j) + 1jε"


def test_functions_of_real_numbers_alone_say_so():
    for f in (wg.relu, np.isposinf, np.fabs, lambda z: np.quantile(z, 0.5), lambda z: np.bincount([0, 1], z[:2])):
        with pytest.raises(TypeError, match="real numbers"):
            wg.jvp(f, (COMPLEX["v"],), (COMPLEX["v"],))
