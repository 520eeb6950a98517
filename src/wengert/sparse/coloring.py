"""Colourings: which columns, or rows, of a sparse matrix can share one pass.

Source: Gebremedhin, Manne & Pothen, "What color is your Jacobian? Graph coloring for computing derivatives" (2005).
The sets of colours that a vertex sees are kept as bits of Python's integers, so that a colouring costs a few operations
per entry of the matrix, however long its rows are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.sparse.rows import Array

Matrix = Any  # a scipy.sparse array in compressed rows


def _lowest_free(used: int) -> int:
    """The lowest bit that is not set."""
    return (~used & (used + 1)).bit_length() - 1


def column_coloring(matrix: Matrix) -> Array:
    """A colour for each column, such that no row has two entries of one colour; −1 for columns without entries.

    Greedy distance-2 colouring (algorithm 3.1), in the given order of the columns and by falling number of entries;
    the one with fewer colours is returned. A row with k entries needs k colours.
    """
    columns = matrix.tocsc()
    lengths = np.diff(columns.indptr)
    least = int(np.diff(matrix.indptr).max(initial=0))
    best = _greedy(columns, np.arange(columns.shape[1]))
    if int(best.max(initial=-1)) + 1 > least:
        other = _greedy(columns, np.argsort(-lengths, kind="stable"))
        best = min(best, other, key=lambda c: int(c.max(initial=-1)))
    return best


def _greedy(columns: Matrix, order: Array) -> Array:
    starts, indices = columns.indptr.tolist(), columns.indices.tolist()
    seen = [0] * columns.shape[0]  # of each row, the colours in it
    colors = [-1] * columns.shape[1]
    for j in order.tolist():
        rows = indices[starts[j] : starts[j + 1]]
        if not rows:
            continue
        used = 0
        for i in rows:
            used |= seen[i]
        colors[j] = color = _lowest_free(used)
        for i in rows:
            seen[i] |= 1 << color
    return np.array(colors, np.intp)


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
        colors[v] = color = _lowest_free(used)
        for w in neighbours:
            if w != v:
                seen[w] |= 1 << color
    return np.array(colors, np.intp)


def dense_rows(matrix: Matrix) -> Array:
    """The rows that are better computed one by one than by columns: a mask.

    With the k longest rows taken out, the columns need about as many colours as the next one has entries. The k that
    makes the sum least is chosen.
    """
    lengths = np.diff(matrix.indptr)
    costs = _costs(lengths)
    falling = np.append(np.sort(lengths)[::-1], 0)
    return np.asarray(lengths > falling[int(np.argmin(costs))])


def expected_passes(matrix: Matrix) -> int:
    """About how many passes the columns and the dense rows need together."""
    return int(_costs(np.diff(matrix.indptr)).min())


def _costs(lengths: Array) -> Array:
    """For k = 0, 1, …: k, and the number of entries of the longest row but k."""
    return np.asarray(np.arange(len(lengths) + 1) + np.append(np.sort(lengths)[::-1], 0))
