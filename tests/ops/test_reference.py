"""The two other statements of the calculus, on mpmath numbers, agree with it and with each other."""

from __future__ import annotations

import itertools

import mpmath as mp
import numpy as np
import pytest

import wengert as wg
from wengert.core.primitive import REGISTRY

from .derivatives import DERIVATIVES
from .samples import elementwise_sample, is_elementwise

NAMES = [name for name in REGISTRY if is_elementwise(name)]
SMOOTH = [name for name in DERIVATIVES if is_elementwise(name)]


def columns(name):
    """Arguments inside the domain as plain floats, point by point."""
    primitive = REGISTRY[name]
    return zip(*(a.tolist() for a in elementwise_sample(primitive, [(3,)] * len(primitive.rules)).args), strict=True)


def derivative_of(f, x, order):
    """The derivative of a function of mpmath numbers, as many times with respect to each argument as `order` says."""
    point = tuple(map(mp.mpf, x))
    return mp.diff(f, point, order) if len(point) > 1 else mp.diff(f, point[0], order[0])


@pytest.mark.parametrize("name", NAMES)
def test_values(name):
    primitive = REGISTRY[name]
    for x in columns(name):
        with mp.workdps(50):
            want = primitive.reference(*map(mp.mpf, x))
        assert float(primitive(*x)) == pytest.approx(float(want), rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_derivatives_are_those_of_the_reference(name):
    for x, (i, derivative) in itertools.product(columns(name), enumerate(DERIVATIVES[name])):
        with mp.workdps(40):
            want = derivative_of(REGISTRY[name].reference, x, tuple(int(j == i) for j in range(len(x))))
            assert mp.almosteq(derivative(*map(mp.mpf, x)), want, 1e-15, 1e-15)


@pytest.mark.parametrize("name", SMOOTH)
def test_second_and_third_derivatives(name):
    primitive = REGISTRY[name]
    arity = len(primitive.rules)
    orders = [o for o in itertools.product(range(4), repeat=arity) if 2 <= sum(o) <= 3]
    for x, order in itertools.product(columns(name), orders):
        f = primitive
        for i, times in enumerate(order):
            for _ in range(times):
                f = wg.grad(f, argnums=i)
        with mp.workdps(40):
            want = derivative_of(primitive.reference, x, order)
        assert float(f(*x)) == pytest.approx(float(want), rel=1e-13, abs=1e-13)


def test_mpmath_is_imported_late():
    assert np.isclose(float(REGISTRY["sqrt"].reference(mp.mpf(2))), np.sqrt(2))
