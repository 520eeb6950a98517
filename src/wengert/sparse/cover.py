"""Which entries of a Jacobian are read from forward passes, and which from reverse passes.

Each entry is read once: in a forward pass, for its column, or in a reverse pass, for its row. If of no row more than a
entries are read forwards, and of no column more than b backwards, about a + b passes do. A row with at most a entries
that are not assigned yet can be read forwards, a column with at most b of them backwards; that is repeated until
nothing is left, and where nothing can be taken any more, a or b is raised.

Source: Coleman & Verma, "The efficient computation of sparse Jacobian matrices using automatic differentiation" (1998),
section 3, whose ordering takes one row or column at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.sparse.rows import Array


def covers(pattern: Any) -> list[tuple[int, Array]]:
    """Ways to read the entries, with the least number of passes that each may need, the best first.

    A way is a truth value for each entry: true where it is read forwards.
    """
    count = pattern.nnz
    lengths, heights = np.diff(pattern.indptr), np.bincount(pattern.indices, minlength=pattern.shape[1])
    found = [(int(lengths.max(initial=0)), np.ones(count, bool)), (int(heights.max(initial=0)), np.zeros(count, bool))]
    fewest = min(a for a, _ in found)
    if fewest > _bound(lengths, heights):
        rows = np.repeat(np.arange(pattern.shape[0]), lengths)
        for limits, raised in (((0, 0), None), ((_knee(lengths), 0), 1), ((0, _knee(heights)), 0)):
            way = _peeled(rows, pattern.indices, limits, raised, fewest)
            if way is not None:
                found.append(way)
                fewest = min(fewest, way[0])
    return sorted(found, key=lambda way: way[0])


def _bound(lengths: Array, heights: Array) -> int:
    """Passes that every way needs: a passes forwards read at most a entries of each row, b backwards b of each column.

    So k rows with N entries and n columns ask for a·k + b·n ≥ N.
    """
    least = 0.0
    for one, other in ((lengths, heights), (heights, lengths)):
        totals = np.cumsum(np.sort(one)[::-1])
        sizes = np.maximum(np.arange(1, len(one) + 1), len(other))
        least = max(least, float(np.max(totals / sizes, initial=0)))
    return int(np.ceil(least))


def _knee(lengths: Array) -> int:
    """The length of rows beyond which it is best to take each row by itself."""
    falling = np.append(np.sort(lengths)[::-1], 0)
    return int(falling[np.argmin(np.arange(len(falling)) + falling)])


def _peeled(
    rows: Array, columns: Array, limits: tuple[int, int], raised: int | None, fewest: int
) -> tuple[int, Array] | None:
    """The way that begins with these limits; None where it takes no fewer passes than are known to do.

    `raised`: which of the limits is raised, 0 or 1; None for that by which less is missing.
    """
    forward = np.zeros(len(rows), bool)
    places, left = (rows, columns), np.arange(len(rows))
    allowed, widest = list(limits), [0, 0]
    while len(left):
        missing = []
        before = len(left)
        for side in (0, 1):
            counts = np.bincount(places[side])
            here = counts[places[side]]
            taken = here <= allowed[side]
            if taken.any():
                widest[side] = max(widest[side], int(here[taken].max()))
                forward[left[taken]] = side == 0
                places, left = (places[0][~taken], places[1][~taken]), left[~taken]
                here = here[~taken]
            missing.append(int(here.min()) - allowed[side] if len(left) else 0)
        if len(left) == before:
            side = raised if raised is not None else int(missing[1] < missing[0])
            allowed[side] += missing[side]
            if sum(allowed) >= fewest:
                return None
    return sum(widest), forward
