"""First values of parameters: their variances by the formulas of the papers, and that they are repeatable."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import scipy.stats

import wengert as wg
from wengert import nn
from wengert.nn import initializers

SHAPE = (120, 60, 3)  # out, in, kernel: fan_in 180, fan_out 360
VARIANCES = {
    "xavier_uniform": 2 / 540,
    "xavier_normal": 2 / 540,
    "glorot_uniform": 2 / 540,
    "glorot_normal": 2 / 540,
    "kaiming_uniform": 2 / 180,
    "kaiming_normal": 2 / 180,
    "he_uniform": 2 / 180,
    "he_normal": 2 / 180,
    "lecun_uniform": 1 / 180,
    "lecun_normal": 1 / 180,
    "fan_in_uniform": 1 / (3 * 180),
    "uniform": 1 / 12,
    "normal": 1.0,
    # of the normal distribution between -2 and 2: 1 - 2·2φ(2)/(2Φ(2) - 1)
    "truncated_normal": scipy.stats.truncnorm(-2, 2).var(),
    "zeros": 0.0,
    "ones": 0.0,
    "orthogonal": 1 / 180,
}
MEANS = {"uniform": 0.5, "ones": 1.0}


def drawn(how, shape=SHAPE, seed=0, **rest):
    return initializers.initial(how, shape, np.random.default_rng(seed), **rest)


def test_every_name_has_a_variance():
    assert set(VARIANCES) == {*initializers.SCALED, *initializers.UNSCALED}


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_and_variance(name):
    w = drawn(name)
    assert w.shape == SHAPE
    assert w.dtype == np.float64
    variance, mean = VARIANCES[name], MEANS.get(name, 0.0)
    assert abs(w.mean() - mean) <= 5 * math.sqrt(variance / w.size)
    assert w.var() == pytest.approx(variance, rel=0.05, abs=1e-30)
    np.testing.assert_array_equal(w, drawn(name))
    if name.endswith("uniform") and name != "uniform":
        assert abs(w).max() <= math.sqrt(3 * variance)
        assert abs(w).max() > 0.999 * math.sqrt(3 * variance)
    elif "normal" in name:
        law = scipy.stats.truncnorm(-2, 2) if name == "truncated_normal" else scipy.stats.norm(0, math.sqrt(variance))
        assert scipy.stats.kstest(w.ravel(), law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("shape", [(4, 4), (6, 4), (4, 6), (3, 2, 5)])
def test_orthogonal_rows_or_columns(shape):
    w = drawn("orthogonal", shape).reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, np.eye(min(w.shape)), atol=1e-14)


def test_orthogonal_matrices_are_equally_likely():
    """The trace of a random orthogonal matrix has variance 1; without the signs it has not."""
    traces = [np.trace(drawn("orthogonal", (3, 3), seed)) for seed in range(2000)]
    assert abs(np.mean(traces)) < 5 / math.sqrt(2000)
    assert np.var(traces) == pytest.approx(1.0, abs=0.15)


def test_gains_and_options():
    rng = np.random.default_rng
    w = initializers.kaiming_normal(rng(0), SHAPE, gain=initializers.gain("tanh"), mode="fan_out")
    assert w.var() == pytest.approx((5 / 3) ** 2 / 360, rel=0.05)
    assert initializers.gain("leaky_relu", 0.2) == pytest.approx(math.sqrt(2 / 1.04))
    w = initializers.truncated_normal(rng(0), (10_000,), mean=3.0, std=0.5, low=-1.0, high=3.0)
    assert (w.min() >= 2.5, w.max() <= 4.5) == (True, True)
    assert scipy.stats.kstest(w, scipy.stats.truncnorm(-1, 3, 3.0, 0.5).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(initializers.constant(rng(0), (2,), 3.0), 3.0)
    with pytest.raises(wg.ArgumentError):
        initializers.gain("unknown")
    with pytest.raises(wg.ArgumentError):
        initializers.kaiming_normal(rng(0), SHAPE, mode="fan")
    with pytest.raises(wg.ArgumentError):
        initializers.truncated_normal(rng(0), SHAPE, low=1.0, high=1.0)
    with pytest.raises(wg.ShapeError):
        drawn("orthogonal", (3,))


def test_numbers_arrays_and_functions():
    np.testing.assert_array_equal(drawn(2, (3,)), 2.0)
    given = np.arange(3.0)
    w = drawn(given, (3,))
    assert w is not given
    np.testing.assert_array_equal(w, given)
    small = drawn(functools.partial(initializers.normal, std=0.02))
    assert small.std() == pytest.approx(0.02, rel=0.02)
    assert drawn("he_normal", dtype=np.float32).dtype == np.float32
    with pytest.raises(wg.ShapeError, match=r"\(3,\).*\(2,\)"):
        drawn(np.zeros(2), (3,))


def test_biases_are_scaled_by_the_inputs_of_their_layer():
    layer = nn.Linear(100, 5000, rng=0)
    assert 0.099 < abs(layer.bias.data).max() <= 0.1
    assert 0.0999 < abs(layer.weight.data).max() <= 0.1


def test_seeds():
    nn.seed(3)
    first = nn.Linear(2, 3), nn.Dropout(0.5)
    nn.seed(3)
    again = nn.Linear(2, 3), nn.Dropout(0.5)
    other = nn.Linear(2, 3)
    np.testing.assert_array_equal(first[0].weight.data, again[0].weight.data)
    np.testing.assert_array_equal(first[1].key, again[1].key)
    assert not np.array_equal(other.weight.data, again[0].weight.data)
    rng = np.random.default_rng(0)
    assert not np.array_equal(nn.Linear(2, 3, rng=rng).weight.data, nn.Linear(2, 3, rng=rng).weight.data)
    np.testing.assert_array_equal(
        nn.Linear(2, 3, rng=0).weight.data, nn.Linear(2, 3, rng=np.random.default_rng(0)).weight.data
    )
    nn.seed(0)
