"""What it means that a compiled function gives what the function gives."""

from __future__ import annotations

import numpy as np

# Units in the last place of the largest element, or of 1 where that is less: a sum of numbers of the size of 1 that
# cancel is as accurate as its terms are.
ULPS = {"numpy": 0, "native": 4}


def assert_same(got, expected, ulps=0):
    """The same tree of the same types, shapes and dtypes, with the same numbers up to some units in the last place."""
    assert type(got) is type(expected), f"{type(got).__name__} instead of {type(expected).__name__}"
    if isinstance(expected, dict):
        assert list(got) == list(expected)
        for key in expected:
            assert_same(got[key], expected[key], ulps)
    elif isinstance(expected, (list, tuple)):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            assert_same(one, other, ulps)
    elif isinstance(expected, (float, complex, np.ndarray, np.generic)):
        _assert_same_numbers(np.asarray(got), np.asarray(expected), ulps)
    else:
        assert got == expected


def _assert_same_numbers(got, expected, ulps):
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    if not ulps or expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, expected)
        assert np.array_equal(np.signbit(got.real), np.signbit(expected.real))
        return
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(got[~finite], expected[~finite])
    if finite.any():
        largest = np.maximum(np.max(np.abs(expected[finite])), 1).astype(expected.real.dtype)
        assert np.max(np.abs(got[finite] - expected[finite])) <= ulps * np.spacing(largest)
