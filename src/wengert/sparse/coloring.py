"""Colourings: which columns, or rows, of a sparse matrix can share one pass.

Source: Gebremedhin, Manne & Pothen, "What color is your Jacobian? Graph coloring for computing derivatives" (2005).
The sets of colours that a vertex sees are kept as bits of integers, so that a colouring costs a few operations per
entry of the matrix, however long its rows are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from wengert.sparse.rows import Array

Matrix = Any  # a scipy.sparse array in compressed rows

_BITS = 62  # colours that a word can hold
_FEW = 256  # entries, for which a round takes as long as Python does for one after the other
_PATIENCE = 2000  # entries of the matrix for each round with few entries that is put up with
LARGE = 10**6  # entries; a colouring takes seconds then, and one more is made only where it may save a third


def lowest_free(used: int) -> int:
    """The lowest bit that is not set."""
    return (~used & (used + 1)).bit_length() - 1


def column_coloring(matrix: Matrix) -> Array:
    """A colour for each column, such that every entry that is read is the only one of its colour in its row.

    The matrix holds truth values: true where an entry is read from a product with the matrix; where it is false it is
    read in another way, and only stands beside others. Two columns that share a row in which either is read differ. A
    column of which nothing is read is in no product, and has the colour −1.

    Greedy distance-2 colouring (algorithm 3.1), in the given order of the columns and by falling number of entries;
    the one with fewer colours is returned. A row of which k entries are read needs k colours.
    """
    read = np.asarray(matrix.data, bool)
    if not read.all():
        active = np.zeros(matrix.shape[1], bool)
        active[matrix.indices[read]] = True
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        kept = active[matrix.indices]
        matrix = of_entries(rows[kept], matrix.indices[kept], read[kept], matrix.shape)
    best = _greedy(matrix)
    if worth(longest(matrix), int(best.max(initial=-1)) + 1, matrix.nnz):
        lengths = np.bincount(matrix.indices, minlength=matrix.shape[1])
        order = np.argsort(-lengths, kind="stable")
        other = np.empty_like(best)
        other[order] = _greedy(matrix[:, order])
        best = min(best, other, key=lambda c: int(c.max(initial=-1)))
    return best


def worth(least: int, found: int, entries: int) -> bool:
    """Whether to look for a colouring with fewer colours than are found, when there are `least` at least."""
    return least * (1.5 if entries > LARGE else 1) < found


def of_entries(rows: Array, columns: Array, data: Array, shape: tuple[int, int]) -> Matrix:
    """A matrix of entries that come row by row."""
    starts = np.zeros(shape[0] + 1, np.intp)
    np.cumsum(np.bincount(rows, minlength=shape[0]), out=starts[1:])
    return sp.csr_array((data, columns, starts), shape=shape)


def longest(matrix: Matrix) -> int:
    """The greatest number of entries of one row that are read."""
    if not matrix.nnz:
        return 0
    if matrix.data.all():
        return int(np.diff(matrix.indptr).max())
    counts = np.concatenate([[0], np.cumsum(matrix.data)])
    return int(np.diff(counts[matrix.indptr]).max())


def _greedy(matrix: Matrix) -> Array:
    """Colour the columns from left to right.

    A column that comes first among the uncoloured ones in each of its rows can be coloured now; all of those at once,
    since no two of them share a row. Where these are few, the others are coloured one by one.
    """
    matrix.sort_indices()
    columns = matrix.tocsc()
    count, width = matrix.shape
    lengths = np.diff(columns.indptr)
    colors = np.full(width, -1, np.intp)
    plain = bool(columns.data.all())
    seen = np.zeros(count, np.int64)  # of each row, the colours in it
    seen_read = seen if plain else np.zeros(count, np.int64)
    heads, ends = matrix.indptr[:-1].astype(np.intp), matrix.indptr[1:]  # the first uncoloured entry of each row
    first = matrix.indices[heads[heads < ends]]
    firsts = np.bincount(first, minlength=width)  # in how many of its rows a column comes first
    few, patience = 0, 8 + matrix.nnz // _PATIENCE
    while len(ready := _once(first[firsts[first] == lengths[first]])) and few < patience:
        sizes = lengths[ready]
        stops = np.cumsum(sizes)
        at = np.repeat(columns.indptr[ready] - (stops - sizes), sizes) + np.arange(stops[-1])
        rows = columns.indices[at]
        beside = seen[rows] if plain else np.where(columns.data[at], seen[rows], seen_read[rows])
        used = np.bitwise_or.reduceat(beside, stops - sizes)
        free = ~used & (used + 1)
        if int(free.max()) >> _BITS:
            break
        colors[ready] = np.log2(free).astype(np.intp)  # powers of two: exact
        bits = np.repeat(free, sizes)
        seen[rows] |= bits
        if not plain:
            seen_read[rows] |= np.where(columns.data[at], bits, 0)
        heads[rows] += 1
        first = matrix.indices[heads[rows[heads[rows] < ends[rows]]]]
        np.add.at(firsts, first, 1)
        few += len(at) < _FEW
    left = np.flatnonzero((colors < 0) & (lengths > 0))
    if len(left):
        _one_by_one(columns, left, colors, seen.tolist(), seen_read.tolist())
    return colors


def _once(numbers: Array) -> Array:
    """Each of the numbers once."""
    if not len(numbers):
        return numbers
    places = np.arange(len(numbers))
    last = np.empty(int(numbers.max()) + 1, np.intp)
    last[numbers] = places
    is_last: Array = last[numbers] == places
    return numbers[is_last]


def _one_by_one(columns: Matrix, left: Array, colors: Array, seen: list[int], seen_read: list[int]) -> None:
    """The same for the columns that are left, without limit to the number of colours."""
    plain = bool(columns.data.all())
    if plain:
        seen_read = seen
    for j in left.tolist():
        start, stop = columns.indptr[j], columns.indptr[j + 1]
        rows = columns.indices[start:stop].tolist()
        used = 0
        if plain:
            for i in rows:
                used |= seen[i]
        else:
            read = columns.data[start:stop].tolist()
            for i, is_read in zip(rows, read, strict=True):
                used |= seen[i] if is_read else seen_read[i]
        colors[j] = color = lowest_free(used)
        for i in rows:
            seen[i] |= 1 << color
        if not plain:
            for i, is_read in zip(rows, read, strict=True):
                if is_read:
                    seen_read[i] |= 1 << color


def star_coloring(matrix: Matrix) -> Array:
    """A colour for each column of a symmetric pattern, such that each entry or its mirror image can be read off.

    Neighbours differ, and every path of four vertices has three colours (algorithm 4.1): of a vertex v the colours of
    its neighbours w are forbidden, and those of their neighbours x, unless w has a colour lower than that of x. In the
    given order of the columns and by falling number of entries; the one with fewer colours is returned.
    """
    lengths = np.diff(matrix.indptr)
    found = [_star(matrix, order) for order in (np.argsort(-lengths, kind="stable"), np.arange(len(lengths)))]
    return min(found, key=lambda c: int(c.max(initial=-1)))


def _star(matrix: Matrix, order: Array) -> Array:
    starts, indices = matrix.indptr.tolist(), matrix.indices.tolist()
    n = matrix.shape[0]
    seen = [0] * n  # of each vertex, the colours of its neighbours
    colors = [-1] * n
    for v in order.tolist():
        neighbours = indices[starts[v] : starts[v + 1]]
        if not neighbours:
            continue
        used = 0
        for w in neighbours:
            if w == v:
                continue
            color = colors[w]
            used |= seen[w] if color < 0 else 1 << color | (seen[w] & ((1 << color) - 1))
        colors[v] = color = lowest_free(used)
        for w in neighbours:
            if w != v:
                seen[w] |= 1 << color
    return np.array(colors, np.intp)
