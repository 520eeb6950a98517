"""The table of docs/conventions.md, row by row, and what holds at every special point."""

from __future__ import annotations

import contextlib
import itertools
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY
from wengert.core.rule import Constant, Partial

from .samples import is_elementwise

PAGE = Path(__file__).parents[2] / "docs" / "conventions.md"
NAMES = {"np": np, "wg": wg, "inf": np.inf, "nan": np.nan}
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \| `(.+?)` \|", PAGE.read_text("utf-8"), re.MULTILINE)


def derivatives(f, values):
    """The derivative with respect to each argument, by forward and by reverse mode."""
    units = [np.eye(np.size(v)).reshape(-1, *np.shape(v)) for v in values]
    forward = []
    for i, v in enumerate(values):
        tangents = [[u if j == i else np.zeros(np.shape(w)) for j, w in enumerate(values)] for u in units[i]]
        columns = [np.sum(wg.jvp(f, values, [np.asarray(t)[()] for t in ts])[1]) for ts in tangents]
        if np.iscomplexobj(v):  # the gradient is ∂f/∂x + i·∂f/∂y
            turned = [[1j * t if j == i else t for j, t in enumerate(ts)] for ts in tangents]
            across = [np.sum(wg.jvp(f, values, [np.asarray(t)[()] for t in ts])[1]) for ts in turned]
            columns = [x + 1j * y for x, y in zip(columns, across, strict=True)]
        forward.append(np.reshape(columns, np.shape(v)))
    return forward, wg.grad(lambda *x: np.sum(f(*x)), argnums=tuple(range(len(values))))(*values)


def quiet(f, values):
    """No warnings where the user's own operations warn; what we add to them must never."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f(*(np.float64(v) if isinstance(v, float) else v for v in values))
    return np.errstate(all="ignore") if caught else contextlib.nullcontext()


def kinds(expression, values):
    """A number is tried as Python's, as NumPy's and, where the expression takes one, as an array of one element."""
    if any(np.ndim(v) for v in values):
        return [lambda v: v]
    if any(isinstance(v, complex) for v in values):
        return [complex, np.complex128, lambda v: np.array([v])]
    return [float, np.float64, lambda v: np.array([v])][: 2 if "wg.grad" in expression else 3]


@pytest.mark.parametrize(("expression", "at", "want"), ROWS)
def test_the_table_of_conventions(expression, at, want):
    point = eval(f"dict({at})", NAMES)
    want = eval(f"({want},)", NAMES)
    f = eval(f"lambda {', '.join(point)}: {expression}", NAMES)
    for kind in kinds(expression, point.values()):
        values = [kind(v) for v in point.values()]
        with quiet(f, values):
            for found in derivatives(f, values):
                for got, expected in zip(found, want, strict=True):
                    np.testing.assert_allclose(np.reshape(got, np.shape(expected)), expected, rtol=1e-14, atol=0)


def test_the_table_is_read():
    assert len(ROWS) > 80
    assert len(ROWS) == PAGE.read_text("utf-8").count("\n| `")


SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.0, 5e-324)
ELEMENTWISE = [n for n, p in REGISTRY.items() if is_elementwise(n) and any(isinstance(r, Partial) for r in p.rules)]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_forward_and_reverse_agree_at_special_values(name):
    primitive = REGISTRY[name]
    for values in itertools.product(SPECIAL, repeat=len(primitive.rules)):
        with quiet(primitive, values):
            forward, reverse = derivatives(primitive, values)
        np.testing.assert_array_equal(forward, reverse, str(values))


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n != "heaviside"])
def test_nan_stays_nan(name):
    primitive = REGISTRY[name]
    nans = [np.nan] * len(primitive.rules)
    with quiet(primitive, nans):
        for partials in derivatives(primitive, nans):
            for rule, partial in zip(primitive.rules, partials, strict=True):
                assert np.isnan(partial) or isinstance(rule, Constant) or rule.constant is not None


def test_a_derivative_too_large_for_float32_is_infinite_without_a_warning():
    x = np.array([1e-25], np.float32)
    for partials in derivatives(lambda x: x**-1.0, (x,)):
        np.testing.assert_array_equal(partials, [[-np.inf]])
