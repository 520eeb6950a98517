"""Every function of the tables, with complex numbers: NumPy's value and the right derivative, or an error."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wengert as wg

from .test_functions import GIVEN, KNOWN, ROWS, names_in

RNG = np.random.default_rng(11)
COMPLEX = {
    name: value + 0.3j * (RNG.normal(size=np.shape(value)) if np.shape(value) else 1.0) for name, value in GIVEN.items()
}
REFUSED = (wg.WengertError, TypeError, ValueError, IndexError, ZeroDivisionError, AttributeError, NotImplementedError)


def leaves(tree):
    if isinstance(tree, (tuple, list)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [np.asarray(tree)]


@pytest.mark.parametrize("row", ROWS)
def test_complex_numbers_are_right_or_refused(row):
    names = [n for n in names_in(row) if n in COMPLEX]
    digits = 1e-5 if "float32" in row else 1e-11
    args = [COMPLEX[n] for n in names]
    code = compile(row, "<row>", "eval")

    def f(*given):
        result = eval(code, KNOWN | dict(zip(names, given, strict=True)))
        return list(result) if isinstance(result, (tuple, list)) else [result]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            known = leaves(f(*args))
        except Exception:
            return  # NumPy itself does not take complex numbers here
        try:
            value, pull = wg.vjp(f, *args)
            tangents = [RNG.normal(size=np.shape(a)) + 1j * RNG.normal(size=np.shape(a)) for a in args]
            tangents = [t if np.shape(t) else complex(t) for t in tangents]
            moved = wg.jvp(f, tuple(args), tuple(tangents))[1]
        except REFUSED:
            return
        for mine, theirs in zip(leaves(value), known, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=digits, atol=digits)
        if "float32" in row:
            return  # too few digits for differences
        h = 1e-6
        ahead = leaves(f(*[a + h * t for a, t in zip(args, tangents, strict=True)]))
        behind = leaves(f(*[a - h * t for a, t in zip(args, tangents, strict=True)]))
        for t, plus, minus in zip(leaves(moved), ahead, behind, strict=True):
            if plus.dtype.kind in "fc":
                np.testing.assert_allclose(t, (plus - minus) / (2 * h), rtol=1e-5, atol=1e-5)
        cts = [
            RNG.normal(size=v.shape) + (1j * RNG.normal(size=v.shape) if v.dtype.kind == "c" else 0)
            for v in leaves(value)
        ]
        try:
            back = pull([c if c.shape else c[()] for c in cts])
        except REFUSED:
            return
        left = sum(np.sum(np.real(np.conj(c) * t)) for c, t in zip(cts, leaves(moved), strict=True))
        right = sum(np.sum(np.real(np.conj(b) * t)) for b, t in zip(back, tangents, strict=True))
        assert left == pytest.approx(right, rel=1e-8, abs=1e-8)
