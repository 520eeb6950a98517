"""Limits to gradients, at every size, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert.core.errors import ArgumentError
from wengert.optim import ClipNorm, ClipValue, global_norm


def tree(scale=1.0):
    return {"a": np.array([[3.0, -4.0]]) * scale, "b": [0.0, 12.0 * scale]}


@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e200, 1e-320])
def test_the_norm_neither_overflows_nor_underflows(scale):
    for norm in (global_norm, wg.jit(global_norm)):
        assert norm(tree(scale)) == pytest.approx(13 * scale, rel=1e-3 if scale < 1e-300 else 1e-15)


@pytest.mark.parametrize("limit", [0.5, 13.0, 20.0])
def test_the_direction_stays(limit):
    for clip in (ClipNorm(limit), wg.jit(ClipNorm(limit))):
        found = clip(tree())
        factor = min(1.0, limit / 13)
        assert np.allclose(found["a"], tree()["a"] * factor, rtol=1e-15)
        assert np.allclose(found["b"], [0.0, 12 * factor], rtol=1e-15)
        assert type(found["b"][1]) is float


def test_what_is_short_enough_is_not_touched():
    x = np.array([0.1, 0.2, 0.3])
    assert np.array_equal(ClipNorm(1.0)([x])[0], x)
    assert np.array_equal(ClipValue(0.3)([x])[0], x)


def test_single_precision_beyond_its_square():
    found = ClipNorm(1.0)([np.float32([3e30, 4e30])])[0]
    assert found.dtype == np.float32
    assert np.allclose(found, [0.6, 0.8], rtol=1e-6)


def test_values():
    for clip in (ClipValue(2.0), wg.jit(ClipValue(2.0))):
        found = clip({"a": np.float32([-5.0, 1.0, 2.5]), "z": np.array([3 - 1j, 1 + 4j])})
        assert np.array_equal(found["a"], np.float32([-2, 1, 2]))
        assert found["a"].dtype == np.float32
        assert np.array_equal(found["z"], [2 - 1j, 1 + 2j])


def test_the_norm_of_complex_numbers():
    assert global_norm([np.array([3 + 4j]), 12.0]) == pytest.approx(13.0)
    assert np.allclose(ClipNorm(1.0)([np.array([6 + 8j])])[0], [0.6 + 0.8j])


def test_nothing_and_zeros():
    for empty in ([], {}, [np.zeros((0, 2))]):
        assert global_norm(empty) == 0
        assert repr(ClipNorm(1.0)(empty)) == repr(empty)
    assert np.array_equal(ClipNorm(1.0)([np.zeros(2)])[0], [0, 0])
    assert not np.any(np.isnan(wg.jit(ClipNorm(1.0))([np.zeros(2)])[0]))


def test_what_is_no_number_is_not_hidden():
    with np.errstate(invalid="ignore"):
        assert np.all(np.isnan(ClipNorm(1.0)([np.array([1.0, np.nan])])[0]))
        assert np.isnan(ClipNorm(1.0)([np.array([1.0, np.inf])])[0][1])
    assert np.isnan(ClipValue(1.0)([np.array([np.nan])])[0][0])
    assert global_norm([np.array([1.0, -np.inf])]) == np.inf


@pytest.mark.parametrize("clip", [ClipNorm, ClipValue])
@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan, "a", None, {"w": np.ones(2)}])
def test_limits_are_positive(clip, limit):
    with pytest.raises(ArgumentError, match=f"{clip.__name__} takes a positive limit"):
        clip(limit)
