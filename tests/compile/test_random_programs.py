"""Random NumPy programs, compiled, give what they give eagerly: values and gradients, dtypes, shapes and types."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

from .programs import Program

pytest.importorskip("llvmlite")

#: Relative to the largest number of a result. A gradient goes through the program twice.
TOLERANCE = {np.float64: (1e-12, 1e-11), np.float32: (1e-4, 1e-2)}


def assert_agree(got, want, tolerance, what):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, what
    assert got.dtype == want.dtype, what
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    finite = np.isfinite(want)
    np.testing.assert_array_equal(got[~finite], want[~finite], err_msg=what)
    scale = max(np.max(np.abs(want[finite]), initial=0.0), 1e-3)
    error = np.max(np.abs(got[finite] - want[finite]), initial=0.0) / scale
    assert error <= tolerance, f"{what}: {error:.1e}"


def check(seed, float32):
    program = Program(seed, steps=6 + seed % 14, float32=float32)
    values, gradients = TOLERANCE[program.dtype]
    with np.errstate(all="ignore"):
        want = program(*program.args)
        log = "\n".join(program.log)
        got = wg.jit(program.__call__, backend="native")(*program.args)
        for i, (one, other) in enumerate(zip(got, want, strict=True)):
            what = f"value {i + len(program.args)} of\n{log}"
            assert type(one) is type(other), what
            assert_agree(one, other, values, what)
        gradient = wg.grad(program.loss, range(len(program.args)))
        want = gradient(*program.args)
        got = wg.jit(gradient, backend="native")(*program.args)
        for i, (one, other) in enumerate(zip(got, want, strict=True)):
            assert_agree(one, other, gradients, f"derivative {i} of\n{log}")


SEEDS = range(45)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", SEEDS)
def test_double_precision(seed):
    check(seed, False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(15))
def test_single_precision(seed):
    check(seed, True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(1000, 1300))
def test_more(seed):
    check(seed, seed % 3 == 0)
