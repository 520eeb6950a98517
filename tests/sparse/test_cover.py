"""Which entries are read forwards and which backwards: no way has a row or a column with more than it says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from wengert.sparse.cover import _bound, covers


def most(matrix, axis):
    return int(matrix.toarray().sum(axis=axis).max(initial=0))


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_way_keeps_to_its_limits(seed):
    rng = np.random.default_rng(seed)
    keep = rng.random((40, 50)) < 0.06
    keep[rng.integers(0, 40, seed)] = True
    keep[:, rng.integers(0, 50, 6 - seed)] = True
    pattern = sp.csr_array(keep)
    ways = covers(pattern)
    assert [least for least, _ in ways] == sorted(least for least, _ in ways)
    bound = _bound(keep.sum(axis=1), keep.sum(axis=0))
    for least, forward in ways:
        parts = [sp.csr_array((p, pattern.indices, pattern.indptr), pattern.shape) for p in (forward, ~forward)]
        assert most(parts[0], 1) + most(parts[1], 0) == least >= bound
    assert ways[0][0] < min(most(pattern, 0), most(pattern, 1))


def test_regular_patterns_have_two_ways():
    """No mixture can be better, which is seen without a look at the entries."""
    band = sp.csr_array(sp.diags_array(np.ones((3, 50)), offsets=[0, 1, 2], shape=(50, 50)), dtype=bool)
    tall = sp.csr_array(np.kron(np.ones((30, 1), bool), np.eye(4, dtype=bool)))
    for pattern, least in ((band, 3), (tall, 1)):
        ways = covers(pattern)
        assert len(ways) == 2
        assert ways[0][0] == least
        assert ways[0][1].all()


def test_nothing():
    assert [least for least, _ in covers(sp.csr_array((3, 4), dtype=bool))] == [0, 0]
