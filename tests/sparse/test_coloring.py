"""Colourings: every entry can be read off again, in as few passes as theory knows of."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import wengert as wg
from wengert.sparse.coloring import _greedy, column_coloring, star_coloring


def random_matrix(m, n, density, seed):
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((m, n), density=density, rng=rng, format="csr")
    matrix.data = rng.uniform(1.0, 2.0, matrix.nnz)
    return matrix


def recovered(plan, matrix):
    """The matrix, from products with the seeds of the plan alone."""
    data = np.full(plan.nnz, np.nan)
    for passes, product in ((plan.forward, matrix), (plan.reverse, matrix.T)):
        for seed, entries, reads in zip(passes.seeds(0, len(passes)), *passes.parts(), strict=True):
            data[entries] = (product @ seed)[reads]
    return sp.csr_array((data, plan.pattern.indices, plan.pattern.indptr), shape=plan.shape)


RANDOM = [
    (m, n, density, seed) for seed in range(4) for m, n in ((30, 30), (60, 9), (7, 50)) for density in (0.05, 0.3)
]


@pytest.mark.parametrize(("m", "n", "density", "seed"), RANDOM)
def test_no_row_sees_a_colour_twice(m, n, density, seed):
    matrix = random_matrix(m, n, density, seed)
    colors = column_coloring(matrix)
    for i in range(m):
        seen = colors[matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]]]
        assert len(set(seen.tolist())) == len(seen)
        assert np.all(seen >= 0)
    assert colors.max() + 1 >= np.diff(matrix.indptr).max()


@pytest.mark.parametrize(("m", "n", "density", "seed"), RANDOM)
def test_every_entry_of_a_jacobian_is_read_off(m, n, density, seed):
    matrix = random_matrix(m, n, density, seed)
    plan = wg.sparse.Plan(matrix)
    assert plan.colors <= min(m, n)
    np.testing.assert_allclose(recovered(plan, matrix).toarray(), matrix.toarray(), rtol=1e-14)


@pytest.mark.parametrize(("n", "density"), [(12, 0.5), (40, 0.1), (80, 0.02), (80, 0.2)])
@pytest.mark.parametrize("seed", range(4))
def test_every_entry_of_a_hessian_is_read_off(n, density, seed):
    half = random_matrix(n, n, density, seed)
    matrix = sp.csr_array(half + half.T)
    plan = wg.sparse.Plan(matrix, order=2)
    assert plan.colors <= n
    got = recovered(plan, matrix)
    np.testing.assert_allclose(got.toarray(), matrix.toarray(), rtol=1e-14)
    assert (got != got.T).nnz == 0


@pytest.mark.parametrize(("n", "density"), [(12, 0.5), (40, 0.1), (80, 0.05)])
@pytest.mark.parametrize("seed", range(4))
def test_every_path_of_four_has_three_colours(n, density, seed):
    half = random_matrix(n, n, density, seed)
    matrix = sp.csr_array(half + half.T)
    matrix.setdiag(1.0)
    matrix.eliminate_zeros()
    colors = star_coloring(matrix)
    beside = [[j for j in np.flatnonzero(row) if j != i] for i, row in enumerate(matrix.toarray())]
    for b in range(n):
        for c in beside[b]:
            assert colors[b] != colors[c]
            for a in set(beside[b]) - {c}:
                for d in set(beside[c]) - {a, b}:
                    assert len({colors[v] for v in (a, b, c, d)}) >= 3


@pytest.mark.parametrize("width", [1, 2, 3, 7])
def test_a_band_needs_as_many_passes_as_it_is_wide(width):
    band = sp.diags_array(np.ones((width, 40)), offsets=list(range(width)), shape=(40, 40))
    assert wg.sparse.Plan(band).colors == width


def arrow(n):
    matrix = np.eye(n)
    matrix[-1] = matrix[:, -1] = 1
    return matrix


def test_an_arrow_needs_both_directions():
    assert column_coloring(sp.csr_array(arrow(50))).max() + 1 == 50
    assert wg.sparse.Plan(arrow(50)).colors == 3
    assert wg.sparse.Plan(arrow(50)[::-1, ::-1]).colors == 3


def test_rows_and_columns_together():
    """Long rows that share no column need one pass, columns that share no row another; each way alone needs many."""
    rows = sp.kron(sp.eye_array(20), np.ones((1, 30)))
    both = sp.block_diag([rows, rows.T], format="csr")
    plan = wg.sparse.Plan(both)
    assert (len(plan.forward), len(plan.reverse)) == (1, 1)
    assert repr(plan).endswith("1200 entries in 2 passes: 1 forward, 1 reverse>")
    for mode in ("forward", "reverse"):
        forced = wg.sparse.Plan(both, mode=mode)
        assert forced.colors == 30 == len(getattr(forced, mode))
        np.testing.assert_array_equal(recovered(forced, both).toarray(), both.toarray())
    np.testing.assert_array_equal(recovered(plan, both).toarray(), both.toarray())


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 0), (0, 4), (2, 5)])
def test_a_band_with_dense_rows_and_columns(a, b):
    """Each dense row, each dense column and each diagonal of the band costs about one pass."""
    band = sp.diags_array(np.ones((3, 90)), offsets=[-1, 0, 1], shape=(90, 90)).toarray()
    band[5 : 5 + 20 * a : 20] = 1
    band[:, 13 : 13 + 17 * b : 17] = 1
    plan = wg.sparse.Plan(band)
    assert 3 <= plan.colors <= a + b + 5
    np.testing.assert_array_equal(recovered(plan, band).toarray(), band)


@settings(max_examples=150, deadline=None)
@given(
    st.tuples(st.integers(0, 14), st.integers(0, 14)).flatmap(lambda shape: arrays(bool, shape)),
    st.sampled_from([None, "forward", "reverse"]),
)
def test_any_pattern_is_read_off(pattern, mode):
    values = np.where(pattern, np.random.default_rng(pattern.sum()).uniform(1.0, 2.0, pattern.shape), 0.0)
    plan = wg.sparse.Plan(values, mode=mode)
    np.testing.assert_allclose(recovered(plan, values).toarray(), values, rtol=1e-14)
    fixed = [wg.sparse.Plan(values, mode=m).colors for m in ("forward", "reverse")]
    assert plan.colors <= (min(fixed) if mode is None else max(fixed))


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(st.integers(2, 40), st.integers(2, 40), st.integers(0, 4), st.integers(0, 4), st.integers(0, 2**32)),
    st.sampled_from([0.02, 0.1]),
)
def test_random_patterns_with_long_rows_and_columns_are_read_off(form, density):
    m, n, a, b, seed = form
    rng = np.random.default_rng(seed)
    keep = rng.random((m, n)) < density
    keep[rng.integers(0, m, a)] = True
    keep[:, rng.integers(0, n, b)] = True
    values = np.where(keep, rng.uniform(1.0, 2.0, (m, n)), 0.0)
    plan = wg.sparse.Plan(values)
    np.testing.assert_allclose(recovered(plan, values).toarray(), values, rtol=1e-14)
    assert plan.colors <= min(wg.sparse.Plan(values, mode=mode).colors for mode in ("forward", "reverse"))


def test_a_chain_is_coloured_one_by_one_as_from_left_to_right():
    """Long chains of dependent columns leave the rounds; the colours are those of the plain greedy algorithm."""
    rng = np.random.default_rng(0)
    for density in (0.01, 0.05):
        matrix = sp.random_array((300, 200), density=density, rng=rng).toarray() != 0
        matrix[np.arange(199), np.arange(199)] = matrix[np.arange(199), np.arange(1, 200)] = True
        want = np.full(200, -1)
        for j in range(200):
            beside = want[:j][(matrix[:, :j] & matrix[:, [j]]).any(axis=0)]
            want[j] = next(c for c in range(200) if c not in beside)
        np.testing.assert_array_equal(_greedy(sp.csr_array(matrix)), want)


def test_the_hessian_of_an_arrow_needs_two():
    assert wg.sparse.Plan(arrow(50), order=2).colors == 2


def test_a_tridiagonal_hessian_needs_three():
    chain = sp.diags_array(np.ones((3, 60)), offsets=[-1, 0, 1], shape=(60, 60))
    assert wg.sparse.Plan(chain, order=2).colors == 3


def test_columns_of_long_rows_come_from_rows():
    wide, tall = np.ones((2, 40)), np.ones((40, 2))
    assert wg.sparse.Plan(wide).colors == wg.sparse.Plan(tall).colors == 2
    assert len(wg.sparse.Plan(wide).forward) == 0


def test_rows_without_common_columns_share_one_reverse_pass():
    sums = np.kron(np.eye(100), np.ones((1, 10)))
    plan = wg.sparse.Plan(sums)
    assert (len(plan.forward), len(plan.reverse)) == (0, 1)
    assert (len(wg.sparse.Plan(sums.T).forward), wg.sparse.Plan(sums.T).colors) == (1, 1)
    np.testing.assert_array_equal(recovered(plan, sums).toarray(), sums)


def test_more_colours_than_bits_of_a_word():
    long = np.triu(np.ones((150, 150)))
    for mode in ("forward", "reverse", None):
        np.testing.assert_array_equal(recovered(wg.sparse.Plan(long, mode=mode), long).toarray(), long)
    full = np.triu(np.ones((150, 150)))
    plan = wg.sparse.Plan(full + full.T, order=2)
    np.testing.assert_array_equal(recovered(plan, full + full.T).toarray(), full + full.T)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (4, 4)])
def test_nothing_needs_no_pass(shape):
    plan = wg.sparse.Plan(np.zeros(shape))
    assert (plan.nnz, plan.colors, plan.shape) == (0, 0, shape)
