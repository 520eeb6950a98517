"""Colourings: every entry can be read off again, in as few passes as theory knows of."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import wengert as wg
from wengert.sparse.coloring import column_coloring, dense_rows, star_coloring


def random_matrix(m, n, density, seed):
    rng = np.random.default_rng(seed)
    matrix = sp.random_array((m, n), density=density, rng=rng, format="csr")
    matrix.data = rng.uniform(1.0, 2.0, matrix.nnz)
    return matrix


def recovered(plan, matrix):
    """The matrix, from products with the seeds of the plan alone."""
    data = np.full(plan.nnz, np.nan)
    for seed, entries, reads in plan.forward:
        data[entries] = (matrix @ seed)[reads]
    for seed, entries, reads in plan.reverse:
        data[entries] = (matrix.T @ seed)[reads]
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


def test_long_rows_are_taken_out_only_where_that_saves_passes():
    np.testing.assert_array_equal(dense_rows(sp.csr_array(arrow(6))), np.arange(6) == 5)
    assert not dense_rows(sp.csr_array(np.eye(6))).any()


def test_more_colours_than_bits_of_a_word():
    full = np.triu(np.ones((150, 150)))
    plan = wg.sparse.Plan(full + full.T, order=2)
    np.testing.assert_array_equal(recovered(plan, full + full.T).toarray(), full + full.T)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (4, 4)])
def test_nothing_needs_no_pass(shape):
    plan = wg.sparse.Plan(np.zeros(shape))
    assert (plan.nnz, plan.colors, plan.shape) == (0, 0, shape)
