"""Donated arguments: their memory holds the results of the next call, and nothing that anybody else reads."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg

pytest.importorskip("llvmlite")

RNG = np.random.default_rng(3)


def step(weights, x):
    return [w - 0.01 * np.tanh(w * np.sum(x)) for w in weights]


def test_training_goes_round_in_the_same_memory():
    x, weights = RNG.normal(size=5), [RNG.normal(size=(30, 20)) for _ in range(3)]
    expected, compiled = [w.copy() for w in weights], wg.jit(step, donate_argnums=0)
    seen = {}
    for _ in range(20):
        weights, expected = compiled(weights, x), step(expected, x)
        seen.update((id(w), w) for w in weights)
        for got, want in zip(weights, expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14)
    assert len(seen) <= 9  # the first arrays, and twice those of the results


def test_the_same_array_donated_twice_is_the_memory_of_one_result():
    x, w = RNG.normal(size=5), RNG.normal(size=(30, 20))
    compiled = wg.jit(step, donate_argnums=0)
    for _ in range(3):
        expected = step([w.copy()], x)[0]
        results = compiled([w, w, w], x)
        for i, got in enumerate(results):
            np.testing.assert_allclose(got, expected, rtol=1e-14)
            assert not any(np.may_share_memory(got, other) for other in results[i + 1 :])
        w = results[0].copy()


def test_views_and_arrays_that_are_arguments_again_are_left_alone():
    x, base = RNG.normal(size=5), RNG.normal(size=(4, 30, 20))
    compiled = wg.jit(step, donate_argnums=0)
    before = base.copy()
    compiled([base[0], base[1]], x)
    compiled([base[2], base[3]], x)
    np.testing.assert_array_equal(base, before)
    w = RNG.normal(size=(30, 20))
    kept = w.copy()
    compiled([w], x)
    np.testing.assert_allclose(compiled([w], x)[0], step([kept], x)[0], rtol=1e-14)  # w is in use
