"""Every row of the function tables, compiled: NumPy's values and the eager derivatives, written out and as loops.

Compiling costs more than running, so several rows and their gradients are one compiled function.
"""

from __future__ import annotations

import zlib

import numpy as np
import pytest

import wengert as wg
from tests.ops.test_functions import GIVEN, KNOWN, ROWS, names_in
from tests.ops.test_more_functions import ROWS as MORE_ROWS
from tests.ops.test_more_functions import parsed
from wengert.compile import fuse

pytest.importorskip("llvmlite")

#: Rows that depend on numbers in a way that only their own Python code can follow: they run eagerly.
EAGER = {
    "plain[np.searchsorted(plain, np.abs(v))] + v",
    "np.linalg.eig(s @ s.T)[1].real",
    "np.linalg.eigvals(s @ s.T).real",
    'np.histogram(x, "sturges")[1]',
    "np.cov(x, aweights=w * w)",
    "np.cov(x, fweights=[1, 2, 0, 3], aweights=v * v)",
}
TOGETHER = 8
FORMS = ("written out", "loops")


def function_of(expression, table):
    """The function of a row, and its arguments."""
    if table is MORE_ROWS:
        return parsed(expression)
    names = names_in(expression)
    return eval(f"lambda {', '.join(names)}: {expression}", KNOWN), tuple(GIVEN[n] for n in names)


def weighted(f):
    """A number made of all of f's results."""

    def loss(*args):
        result = f(*args)
        parts = result if isinstance(result, (tuple, list)) else [result]
        total = 0.0
        for i, part in enumerate(parts):
            if np.asarray(np.empty(0, part.dtype) if hasattr(part, "dtype") else 0.0).dtype.kind == "f":
                total = total + np.sum(np.cos(part * (1.0 + i)) * part)
        return total

    return loss


def with_gradient(f, args):
    """The results of f; and its gradient, if it has one."""
    gradient = wg.grad(weighted(f), range(len(args)))

    def both(*args):
        result = f(*args)
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        return results, gradient(*args)

    try:
        gradient(*args)
    except wg.WengertError:
        return lambda *args: ([*f(*args)] if isinstance(f(*args), (tuple, list)) else [f(*args)], ())
    return both


def check(rows, table):
    functions = []
    for row in rows:
        f, args = function_of(row, table)
        functions.append((with_gradient(f, args), args))
    compiled = wg.jit(lambda argss: [f(*args) for (f, _), args in zip(functions, argss, strict=True)], backend="native")
    got = compiled([args for _, args in functions])
    assert next(iter(compiled._trees.values())).last is not None, f"one of {rows} runs eagerly"
    for row, (f, args), (values, gradient) in zip(rows, functions, got, strict=True):
        want, slope = f(*args)
        for one, other in zip(values, want, strict=True):
            assert np.shape(one) == np.shape(other), row
            assert np.asarray(one).dtype == np.asarray(other).dtype, row
            rtol = 1e-5 if "float32" in row else 1e-12
            np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-13, err_msg=row)
        for one, other in zip(gradient, slope, strict=True):
            rtol = 1e-5 if "float32" in row else 1e-10
            np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-12, err_msg=row)


def chunks():
    for table, name in ((ROWS, "rows"), (MORE_ROWS, "more rows")):
        compiled = [row for row in table if row not in EAGER]
        for start in range(0, len(compiled), TOGETHER):
            rows = compiled[start : start + TOGETHER]
            first = zlib.crc32(rows[0].encode()) % 2
            for k, form in enumerate(FORMS):
                marks = () if k == first else (pytest.mark.slow,)
                yield pytest.param(rows, table, form, id=f"{name} from {rows[0]}, {form}", marks=marks)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("rows", "table", "form"), list(chunks()))
def test_functions(rows, table, form, monkeypatch):
    if form == "loops":
        monkeypatch.setattr(fuse, "SHORT", 0)
        monkeypatch.setattr(fuse, "WRITTEN_OUT", 1)
        monkeypatch.setattr(fuse, "JOINED", 1)
    check(rows, table)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", sorted(EAGER))
def test_functions_that_run_eagerly(row):
    f, args = function_of(row, ROWS if row in ROWS else MORE_ROWS)
    np.testing.assert_allclose(wg.jit(f)(*args), f(*args), rtol=1e-12)
