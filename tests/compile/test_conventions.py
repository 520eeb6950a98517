"""The table of docs/conventions.md holds in compiled code."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

from ..ops.test_conventions import NAMES, ROWS, kinds, quiet


@pytest.mark.parametrize(("expression", "at", "want"), ROWS)
def test_the_table_of_conventions(expression, at, want):
    point = eval(f"dict({at})", NAMES)
    want = eval(f"({want},)", NAMES)
    f = eval(f"lambda {', '.join(point)}: {expression}", NAMES)
    for kind in kinds(expression, point.values()):
        if kind is complex and "maximum" in expression:  # Python's complex numbers have no order, NumPy's have
            continue
        values = [kind(v) for v in point.values()]
        compiled = wg.jit(wg.grad(lambda *x: np.sum(f(*x)), argnums=tuple(range(len(values)))))
        with quiet(f, values):
            for _ in range(2):  # recorded, and called again
                for got, expected in zip(compiled(*values), want, strict=True):
                    np.testing.assert_allclose(np.reshape(got, np.shape(expected)), expected, rtol=1e-14, atol=0)


def test_a_choice_between_numbers_is_compiled():
    compiled = wg.jit(wg.grad(lambda x: np.where(x > 0, np.sin(x), x)))
    assert compiled.report(1.0).obstacle == ""
    assert compiled(0.0) == 1.0
