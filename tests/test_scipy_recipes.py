"""The table of docs/scipy.md is what its program computes, and the answers in it are those of others."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import mpmath
import numpy as np
import pytest

DOCS = Path(__file__).parents[1] / "docs"
ROW = re.compile(r"^\| (\[.*?) \| (.*?) \| ([\d,]+) \| (\S+) \| ([\d,]+(?: \+ [\d,]+)?) \| (\S+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def program():
    return runpy.run_path(str(DOCS / "make_scipy.py"))


@pytest.fixture(scope="module")
def found(program):
    return list(program["rows"]())


def total(cell):
    return sum(int(n.replace(",", "")) for n in cell.split(" + "))


def test_exact_derivatives_need_fewer_evaluations(found):
    assert len(found) == 9
    for row in found:
        assert row.exact.calls < row.differences.calls, row


def test_the_answers_are_found(found):
    for row in found:
        assert row.exact.error < 1e-6, row
        assert row.differences.error < 1e-4, row


def test_the_page_has_the_table(program, found):
    """Rounding decides how often a line search looks; another processor's may differ a little."""
    written = ROW.findall((DOCS / "scipy.md").read_text("utf-8"))
    assert [row[:2] for row in written] == [row[:2] for row in found], "run `python docs/make_scipy.py`"
    for (*_, before, _, after, _), row in zip(written, found, strict=True):
        assert total(before) == pytest.approx(row.differences.calls, rel=0.25), row
        assert total(after) == pytest.approx(row.exact.calls, rel=0.25), row
    assert len(program["table"](found).splitlines()) == len(found) + 2


def test_every_recipe_of_the_table_is_on_the_page(found):
    headings = re.findall(r"^## (.*)$", (DOCS / "scipy.md").read_text("utf-8"), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert {re.search(r"\(#(.*?)\)", row.recipe)[1] for row in found} <= anchors


# The answers ----------------------------------------------------------------------------------------------------------


def test_nist_certifies_the_best_fits(program):
    """In 40 digits the gradient of the sum of squares vanishes next to the certified values."""
    with mpmath.workdps(40):
        weights, volumes = program["WEIGHTS"].tolist(), program["VOLUMES"].tolist()

        def misra(a, b):
            rest = [a * (1 - mpmath.exp(-b * x)) - y for x, y in zip(weights, volumes, strict=True)]
            by_a = mpmath.fsum(r * (1 - mpmath.exp(-b * x)) for r, x in zip(rest, weights, strict=True))
            by_b = mpmath.fsum(r * a * x * mpmath.exp(-b * x) for r, x in zip(rest, weights, strict=True))
            return [by_a, by_b]

        start = program["MISRA1A"].tolist()
        best = mpmath.findroot(misra, start)
        assert [float(v) for v in best] == pytest.approx(start, rel=1e-10)

        times = [0.05 * k for k in range(24)]
        seen = (0.0 - program["lanczos"](np.zeros(6))).tolist()

        def lanczos(*p):
            pairs = list(zip(p[::2], p[1::2], strict=True))
            rest = [mpmath.fsum(a * mpmath.exp(-b * t) for a, b in pairs) - y for t, y in zip(times, seen, strict=True)]
            result = []
            for a, b in pairs:
                result.append(mpmath.fsum(r * mpmath.exp(-b * t) for r, t in zip(rest, times, strict=True)))
                result.append(mpmath.fsum(-a * t * r * mpmath.exp(-b * t) for r, t in zip(rest, times, strict=True)))
            return result

        start = program["LANCZOS3"].tolist()
        best = mpmath.findroot(lanczos, start)
        assert [float(v) for v in best] == pytest.approx(start, rel=1e-9)


def test_the_page_has_the_error_bars_of_the_observed_information(program):
    """The closed form of the Hessian, beside NIST's deviations."""
    a, b = program["MISRA1A"]
    x, y = program["WEIGHTS"], program["VOLUMES"]
    decay = np.exp(-b * x)
    rest, slope = a * (1 - decay) - y, np.stack([1 - decay, a * x * decay])
    mixed = np.sum(rest * x * decay)
    hessian = slope @ slope.T + np.array([[0, mixed], [mixed, -np.sum(rest * a * x**2 * decay)]])
    deviations = np.sqrt(np.sum(rest**2) / 12 * np.diag(np.linalg.inv(hessian)))
    assert (deviations / [2.7070075241e00, 7.2668688436e-06]).round(5).tolist() == [1.00142, 1.00143]
    assert "array([1.00142, 1.00143])" in (DOCS / "scipy.md").read_text("utf-8")


def test_the_constrained_minimum_satisfies_the_equations_of_karush_kuhn_and_tucker(program):
    """The first bound, the inequality and the equation hold with equality there."""

    def equations(x, y, z, volume, square):
        return [
            z - volume * y * z - 2 * square * x,
            z + 1 - volume * x * z - 2 * square * y,
            1 + x + y - volume * x * y - 2 * square * z,
            x * y * z - 25,
            1 + x**2 + y**2 + z**2 - 40,
        ]

    best = mpmath.findroot(equations, (4.743, 3.82115, 1.3794, 0.55, -0.16))
    assert [1.0, *map(float, best[:3])] == pytest.approx(program["HS71"].tolist(), rel=1e-11)
