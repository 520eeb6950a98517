"""A plan: the pattern of a sparse derivative, and the passes that give all of its entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from wengert.core.errors import ArgumentError, ShapeError
from wengert.sparse.coloring import column_coloring, dense_rows, expected_passes, star_coloring
from wengert.sparse.rows import Array


@dataclass(frozen=True)
class Passes:
    """Passes in one direction, numbered by colours.

    `colors`: of each seed the pass in which it is 1. `entries`, `reads`, `starts`: pass c gives the entries
    `entries[starts[c]:starts[c + 1]]` of the matrix, which stand at `reads[…]` of its result.
    """

    colors: Array
    entries: Array
    reads: Array
    starts: Array

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[Any]:
        """For each pass the seed, the entries and where they stand."""
        for c, (start, stop) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            yield (self.colors == c).astype(np.float64), self.entries[start:stop], self.reads[start:stop]


def passes(colors: Array, entries: Array, pass_of: Array, reads: Array) -> Passes:
    """The passes in which the entries stand, in their order."""
    count = int(colors.max(initial=-1)) + 1
    pass_of = pass_of.astype(np.min_scalar_type(count))  # short numbers are sorted in linear time
    order = np.argsort(pass_of, kind="stable")
    starts = np.searchsorted(pass_of[order], np.arange(count + 1))
    return Passes(colors, entries[order], reads[order], starts)


_EMPTY = np.zeros(0, np.intp)
NONE = Passes(_EMPTY, _EMPTY, _EMPTY, np.zeros(1, np.intp))


class Plan:
    """The pattern of a Jacobian or a Hessian with its colouring, to be used again and again.

    **Arguments**: `matrix`, a scipy.sparse or NumPy matrix whose stored, or non-zero, entries say where the derivative
    may be non-zero; `order`: 1 for a Jacobian, 2 for a Hessian. `wg.sparse.pattern(f)(x)` makes one by itself.
    **Attributes**: `pattern`, a csr_array of truth values; `order`; `shape`; `nnz`, the number of entries; `colors`,
    the number of passes that compute them all.
    **Raises**: `ArgumentError` where the matrix is none, or that of a Hessian is not square.
    **Cost**: a few operations of Python per entry.

    >>> import numpy as np, wengert as wg
    >>> wg.sparse.Plan(np.eye(5) + np.eye(5, k=1))
    <plan of a Jacobian: 5 × 5, 9 entries in 2 passes>

    **Source**: Gebremedhin, Manne & Pothen, "What color is your Jacobian?" (2005); Coleman & Verma, "The efficient
    computation of sparse Jacobian matrices using automatic differentiation" (1998), for passes in both directions.
    """

    def __init__(self, matrix: Any, order: int = 1) -> None:
        if order not in (1, 2):
            raise ArgumentError(f"order is 1 for a Jacobian or 2 for a Hessian, not {order!r}")
        if not (sp.issparse(matrix) or isinstance(matrix, np.ndarray)) or matrix.ndim != 2:
            raise ArgumentError(
                f"a plan is made of a matrix, not of {type(matrix).__name__}",
                wrong="wg.sparse.jacobian(f, plan=True)",
                right="wg.sparse.jacobian(f, plan=wg.sparse.pattern(f)(x))",
            )
        matrix = sp.csr_array(matrix, copy=True)
        matrix.sum_duplicates()
        if order == 2:
            if matrix.shape[0] != matrix.shape[1]:
                raise ArgumentError(f"the pattern of a Hessian is square, not {matrix.shape[0]} × {matrix.shape[1]}")
            matrix = _places(matrix) + _places(matrix.T.tocsr())
        self.order = order
        self.pattern = _places(matrix)
        self.pattern.sort_indices()
        if order == 1:
            self.forward, self.reverse = jacobian_passes(self.pattern)
        else:
            self.forward, self.reverse = hessian_passes(self.pattern), NONE
        self.shape: tuple[int, int] = self.pattern.shape

    @property
    def nnz(self) -> int:
        return int(self.pattern.nnz)

    @property
    def colors(self) -> int:
        return len(self.forward) + len(self.reverse)

    def check(self, order: int, shape: tuple[int, int]) -> None:
        """Raise where it is for another derivative, or another number of inputs or outputs."""
        if order != self.order:
            name, right = (("a Jacobian", 2), ("a Hessian", 1))[self.order - 1]
            raise ArgumentError(f"this plan is that of {name}", right=f"wg.sparse.pattern(f, order={right})(x)")
        if shape != self.shape:
            raise ShapeError(
                f"this plan is for {self.shape[0]} outputs and {self.shape[1]} inputs; "
                f"here are {shape[0]} and {shape[1]}",
                right="plan = wg.sparse.pattern(f)(x)   again, for the new shapes",
            )

    def __repr__(self) -> str:
        name = "a Jacobian" if self.order == 1 else "a Hessian"
        entries = "1 entry" if self.nnz == 1 else f"{self.nnz} entries"
        count = "1 pass" if self.colors == 1 else f"{self.colors} passes"
        return f"<plan of {name}: {self.shape[0]} × {self.shape[1]}, {entries} in {count}>"


def _places(matrix: Any) -> Any:
    return sp.csr_array((np.ones(matrix.nnz, bool), matrix.indices, matrix.indptr), shape=matrix.shape)


def jacobian_passes(pattern: Any) -> tuple[Passes, Passes]:
    """Forward passes for groups of columns and reverse passes for groups of rows; dense ones are taken apart.

    Two ways are compared: all columns with the dense rows left out, which come from reverse passes; and all rows
    without the dense columns.
    """
    forward = _partition(pattern)
    if len(forward[0]) + len(forward[1]) > 1:
        turned = pattern.T.tocsr()
        if expected_passes(turned) < len(forward[0]) + len(forward[1]):
            place = sp.csr_array((np.arange(pattern.nnz), pattern.indices, pattern.indptr), shape=pattern.shape)
            backward = _partition(turned, place.T.tocsr().data)
            if sum(map(len, backward)) < sum(map(len, forward)):
                return backward[1], backward[0]
    return forward


def _partition(pattern: Any, numbers: Array | None = None) -> tuple[Passes, Passes]:
    """Passes over columns for all rows that are not dense, and over rows for those that are.

    `numbers` of the entries, where they are not counted through.
    """
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    columns = pattern.indices
    numbers = np.arange(pattern.nnz) if numbers is None else numbers
    dense = dense_rows(pattern)
    apart = dense[rows]

    def part(chosen: Array) -> Any:
        if chosen.all():
            return pattern
        places = (rows[chosen], columns[chosen])
        return sp.coo_array((np.ones(len(places[0]), bool), places), shape=pattern.shape).tocsr()

    by_column = column_coloring(part(~apart))
    by_row = column_coloring(part(apart).T.tocsr())
    return (
        passes(by_column, numbers[~apart], by_column[columns[~apart]], rows[~apart]),
        passes(by_row, numbers[apart], by_row[rows[apart]], columns[apart]),
    )


def hessian_passes(pattern: Any) -> Passes:
    """Products with the Hessian for groups of columns, each entry read where it, or its mirror image, stands alone."""
    colors = star_coloring(pattern)
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    columns = pattern.indices
    count = int(colors.max(initial=-1)) + 1
    key = rows * np.int64(count) + colors[columns]
    _, inverse, occurrences = np.unique(key, return_inverse=True, return_counts=True)
    alone = occurrences[inverse] == 1
    # Of an entry and its mirror image one is read for both, so that the matrix is symmetric to the last bit.
    mirrored = sp.csr_array((alone.astype(np.int8), columns, pattern.indptr), shape=pattern.shape).T.tocsr().data == 1
    upper = np.where(columns >= rows, alone, ~mirrored)
    seed, read = np.where(upper, columns, rows), np.where(upper, rows, columns)
    assert np.all(alone | mirrored), "the colouring is no star colouring"
    return passes(colors, np.arange(len(rows)), colors[seed], read)
