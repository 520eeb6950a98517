"""Schedules against their formulas in Python's numbers, compiled, and over arrays; what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError
from wengert.optim import Chain, Constant, CosineDecay, ExponentialDecay, LinearDecay, StepDecay, WarmUp

KNOWN = [
    (Constant(0.3), lambda k: 0.3),
    (StepDecay(0.8, 30, 0.5), lambda k: 0.8 * 0.5 ** (k // 30)),
    (ExponentialDecay(0.5, 0.9), lambda k: 0.5 * 0.9**k),
    (CosineDecay(0.2, 50, 0.01), lambda k: 0.01 + 0.19 * (1 + math.cos(math.pi * min(k, 50) / 50)) / 2),
    (LinearDecay(0.2, 40), lambda k: 0.2 * (1 - min(k, 40) / 40)),
    (WarmUp(10, Constant(0.6)), lambda k: 0.6 * min(1.0, (k + 1) / 11)),
    (
        WarmUp(4, ExponentialDecay(1.0, 0.5)),
        lambda k: (k + 1) / 5 if k < 4 else 0.5 ** (k - 4),
    ),
    (
        Chain([Constant(1.0), LinearDecay(0.5, 10), Constant(0.125)], [5, 20]),
        lambda k: 1.0 if k < 5 else 0.5 * (1 - min(k - 5, 10) / 10) if k < 20 else 0.125,
    ),
]


@pytest.mark.parametrize(("rate", "formula"), KNOWN, ids=lambda value: type(value).__name__)
def test_rates(rate, formula):
    exact = [formula(k) for k in range(100)]
    compiled = wg.jit(rate)
    assert np.allclose([float(rate(k)) for k in range(100)], exact, rtol=1e-14, atol=1e-17)
    assert np.allclose([float(rate(np.int64(k))) for k in range(100)], exact, rtol=1e-14, atol=1e-17)
    assert np.allclose([float(compiled(np.int64(k))) for k in range(100)], exact, rtol=1e-14, atol=1e-17)
    assert np.allclose(rate(np.arange(100)), exact, rtol=1e-14, atol=1e-17)
    assert compiled.trace_count == 1


def test_the_linear_decay_of_the_lecture_to_the_last_bit():
    rate = LinearDecay(1.0, 100, end=0.1)
    assert [float(rate(k)) for k in range(101)] == [1.0 - 0.9 * k / 100 for k in range(101)]


def test_they_are_equal_where_they_are_the_same():
    assert WarmUp(3, Constant(0.1)) == WarmUp(3, Constant(0.1))
    assert hash(Chain([Constant(0.1)], [])) == hash(Chain((Constant(0.1),), ()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Constant(-0.1), "lr"),
        (lambda: StepDecay(0.1, 0), "every is a number of steps"),
        (lambda: StepDecay(0.1, 2.5), "every"),
        (lambda: ExponentialDecay(0.1, -1), "factor"),
        (lambda: CosineDecay(0.1, True), "steps"),
        (lambda: LinearDecay(0.1, 10, end=-1), "end"),
        (lambda: WarmUp(0, Constant(0.1)), "steps"),
        (lambda: WarmUp(10, 0.1), "then is a schedule"),
        (lambda: Chain([Constant(0.1), 0.2], [10]), "a schedule of Chain"),
        (lambda: Chain([Constant(0.1), Constant(0.2)], []), "2 schedules need 1 ends"),
        (lambda: Chain([Constant(0.1)] * 3, [10, 10]), "each after the one before"),
        (lambda: Chain([], []), "0 schedules"),
    ],
)
def test_what_is_no_schedule(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
