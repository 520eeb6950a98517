"""docs/numpy-coverage.md knows every public name of NumPy, and says what is true."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy import special

DOCS = Path(__file__).parents[1] / "docs"
ROW = re.compile(r"\| `(\S+)` \| ([\w ]+) \|")


@pytest.fixture(scope="module")
def written():
    return dict(ROW.findall((DOCS / "numpy-coverage.md").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def found():
    return {name: status for name, status, _ in runpy.run_path(str(DOCS / "make_coverage.py"))["rows"]()}


def test_every_name_of_numpy_stands_on_the_page(written, found):
    assert set(found) - set(written) == set(), "run `python docs/make_coverage.py`"


def test_the_page_is_true(written, found):
    assert {name: status for name, status in written.items() if found.get(name, status) != status} == {}


def test_every_name_of_scipy_special_stands_on_the_page(written):
    names = {n for n in dir(special) if n in special.__all__ or isinstance(getattr(special, n), np.ufunc)}
    assert {f"scipy.special.{n}" for n in names} - set(written) == set(), "run `python docs/make_coverage.py`"
    assert written["scipy.special.gammainc"] == "derivative"
    assert written["scipy.special.logsumexp"] == "derivative"
    assert written["scipy.special.kolmogorov"] == "missing"


def test_the_page_speaks_of_what_is_there(written):
    assert written["np.sin"] == "derivative"
    assert written["np.argmax"] == "constant"
    assert written["np.zeros"] == "constructor"
    assert written["np.vectorize"] == "refused"
    assert sum(status == "derivative" for status in written.values()) > 200
