"""Passes whose seeds are mostly zero: what `pushing` and `pulling` leave out changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.transform.linearization import Linearization
from wengert.transform.passes import at_once, pulling, pushing

RNG = np.random.default_rng(0)
W = RNG.normal(size=(4, 4))


def mixed(x: Any, y: Any, s: Any) -> Any:
    z = np.tanh(W @ x) * y[0] + np.concatenate([x[:2], np.sort(y)[:2]])
    last = wg.fori_loop(0, 3, lambda i, c: np.sin(c) + x * s, z)
    return {"z": z, "last": last, "only_y": y**2, "constant": np.ones(2)}


ARGUMENTS = (RNG.normal(size=4), RNG.normal(size=3), 1.5)


@pytest.mark.parametrize("alone", [(0,), (1,), (2,), (0, 2), ()])
def test_zero_seeds_are_left_out(alone: tuple[int, ...]) -> None:
    lin = Linearization(mixed, (0, 1, 2), ARGUMENTS, {})
    lin.outputs()
    seeds = [np.ones_like(a) if i in alone else np.zeros_like(a) for i, a in enumerate(ARGUMENTS)]
    for got, want in zip(pushing(lin)(list(seeds)), lin.push(seeds), strict=True):
        assert got.shape == want.shape
        np.testing.assert_array_equal(got, want)
    seeds = [np.ones_like(y) if i in alone else np.zeros_like(y) for i, y in enumerate(lin.primals)]
    for got, want in zip(pulling(lin)(list(seeds)), lin.pull(seeds), strict=True):
        np.testing.assert_array_equal(got, want)


def test_nan_is_not_zero() -> None:
    lin = Linearization(lambda x: (x * np.array([np.nan, 2.0]), x[:1]), (0,), (np.ones(2),), {})
    lin.outputs()
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(pushing(lin)([np.array([0.0, np.nan])])[0], [0.0, np.nan])


def test_passes_at_once_are_the_passes() -> None:
    lin = Linearization(mixed, (0, 1, 2), ARGUMENTS, {})
    lin.outputs()
    seeds = [RNG.normal(size=(20, *np.shape(a))) for a in ARGUMENTS]
    found = at_once(pushing(lin), lambda start, stop: [s[start:stop] for s in seeds], 20)
    assert found is not None
    for k in range(20):
        for got, want in zip(found, lin.push([s[k] for s in seeds]), strict=True):
            np.testing.assert_allclose(got[k], want, rtol=1e-13, atol=1e-14)
    assert at_once(pushing(lin), lambda start, stop: [s[start:stop] for s in seeds], 2) is None
