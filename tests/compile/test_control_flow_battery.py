"""Every program of the battery gives compiled what it gives eagerly, on every path, in value and gradient."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.compile.backend import available
from wengert.compile.specialization import LIMIT

from .agreement import ULPS, assert_same
from .battery import PROGRAMS

DRAWS = 40


@pytest.mark.parametrize("backend", available())
@pytest.mark.parametrize("name", PROGRAMS)
def test_compiled_is_eager(name, backend):
    f, draw, _ = PROGRAMS[name]
    compiled = wg.jit(f, backend=backend)
    rng = np.random.default_rng(7)
    for _ in range(DRAWS):
        args = draw(rng)
        assert_same(compiled(*args), f(*args), ULPS[backend])


@pytest.mark.parametrize("backend", available())
@pytest.mark.parametrize("name", [name for name, p in PROGRAMS.items() if p.argnums is not None])
def test_the_compiled_gradient_is_the_eager_one(name, backend):
    f, draw, argnums = PROGRAMS[name]
    gradient = wg.value_and_grad(f, argnums)
    compiled = wg.jit(gradient, backend=backend)
    rng = np.random.default_rng(11)
    for _ in range(DRAWS):
        args = draw(rng)
        # Equal numbers are shared where a derivative is recorded, so that cotangents are added in another order.
        assert_same(compiled(*args), gradient(*args), ULPS["native"])


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_second_time_around_nothing_is_recorded(name):
    f, draw, _ = PROGRAMS[name]
    compiled = wg.jit(f)
    for _ in range(2):
        rng, traces = np.random.default_rng(3), compiled.trace_count
        for _ in range(DRAWS):
            compiled(*draw(rng))
    eager = {"caught_exception", "caught_division"}  # the paths with an exception are tried again now and then
    assert compiled.trace_count == traces or name in eager
    assert compiled.trace_count <= LIMIT


def test_the_battery_is_large_and_takes_different_paths():
    assert len(PROGRAMS) >= 25
    for name, (f, draw, _) in PROGRAMS.items():
        compiled, rng = wg.jit(f), np.random.default_rng(7)
        for _ in range(DRAWS):
            compiled(*draw(rng))
        assert compiled.trace_count > 1 or name in {"assertion_holds", "traced_index", "caught_division"}, name
