"""Sets of inputs, one for each element of an array: a sparse boolean matrix of which only the places are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from wengert.core.errors import ArgumentError

Array = np.ndarray[Any, Any]

#: Entries of a pattern beyond which it is no use to go on: 5 bytes each, in several copies.
LIMIT = 2**27


class Rows:
    """For element k of an array the inputs `indices[starts[k]:starts[k + 1]]`, sorted and each once, of `width`."""

    __slots__ = ("indices", "starts", "width")

    def __init__(self, starts: Array, indices: Array, width: int) -> None:
        self.starts, self.indices, self.width = starts, indices, width

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def nnz(self) -> int:
        return len(self.indices)

    def matrix(self) -> Any:
        """The same as a scipy.sparse array of truth values."""
        data = np.ones(len(self.indices), bool)
        return sp.csr_array((data, self.indices, self.starts), shape=(len(self), self.width))


def check_size(entries: Any) -> None:
    """Refuse a pattern that memory would not hold."""
    if entries > LIMIT:
        raise ArgumentError(
            f"the pattern becomes too dense here, with {entries:.2g} entries: "
            "each of many results depends on many inputs",
            wrong="wg.sparse.jacobian(f)",
            right="wg.jacobian(f), wg.hvp(f), wg.linearize(f, x)   or wg.sparse.jacobian(f, plan=a known pattern)",
        )


def of_matrix(matrix: Any) -> Rows:
    """The places of a matrix in compressed rows."""
    matrix.sort_indices()
    return Rows(matrix.indptr, matrix.indices, matrix.shape[1])


def identity(first: int, count: int, width: int) -> Rows:
    """Each element is an input of its own, the first of them input `first`."""
    kind = np.int32 if width < 2**31 else np.int64
    return Rows(np.arange(count + 1, dtype=kind), np.arange(first, first + count, dtype=kind), width)


def nothing(count: int, width: int) -> Rows:
    """No element depends on any input."""
    return Rows(np.zeros(count + 1, np.int32), np.zeros(0, np.int32), width)


def union(a: Rows, b: Rows) -> Rows:
    """What either depends on. Where one contains the other it is that one itself, which later saves work."""
    if a is b or not b.nnz:
        return a
    if not a.nnz:
        return b
    if len(a) == 1:
        both = Rows(np.zeros(2, np.int64), np.union1d(a.indices, b.indices), a.width)
        both.starts[1] = both.nnz
    else:
        both = of_matrix(a.matrix() + b.matrix())
    return a if both.nnz == a.nnz else b if both.nnz == b.nnz else both


def taken(a: Rows, places: Array) -> Rows:
    """Row k of the result is row `places[k]`."""
    if len(places) == len(a) and (len(a) == 1 or np.array_equal(places, np.arange(len(a)))):
        return a
    lengths = (a.starts[1:] - a.starts[:-1])[places]
    starts = np.zeros(len(places) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    check_size(int(starts[-1]))
    if starts[-1] < 2**31:
        starts = starts.astype(np.int32)
    shift = np.repeat(a.starts[:-1][places] - starts[:-1], lengths)
    return Rows(starts, a.indices[shift + np.arange(len(shift), dtype=shift.dtype)], a.width)


def kept(a: Rows, keep: Array) -> Rows:
    """The rows for which `keep` is true; the others become empty."""
    if keep.all():
        return a
    lengths = a.starts[1:] - a.starts[:-1]
    starts = np.zeros_like(a.starts)
    np.cumsum(np.where(keep, lengths, 0), out=starts[1:])
    return Rows(starts, a.indices[np.repeat(keep, lengths)], a.width)


def stacked(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    lengths = np.concatenate([[0], *(p.starts[1:] - p.starts[:-1] for p in parts)])
    return Rows(np.cumsum(lengths), np.concatenate([p.indices for p in parts]), parts[0].width)


def merged(a: Rows, groups: Array, count: int) -> Rows:
    """Row g of the result is the union of the rows k with `groups[k] == g`."""
    if count == 1:
        found = np.zeros(a.width, bool)
        found[a.indices] = True
        indices = np.flatnonzero(found)
        return Rows(np.array([0, len(indices)]), indices, a.width)
    return united(a, groups, np.arange(len(a)), count)


def united(a: Rows, targets: Array, sources: Array, count: int) -> Rows:
    """Row t of the result is the union of the rows s of all pairs (t, s)."""
    check_size(len(targets))
    pairs = sp.coo_array((np.ones(len(targets), bool), (targets, sources)), shape=(count, len(a))).tocsr()
    lengths = a.starts[1:] - a.starts[:-1]
    if count * a.width > LIMIT:  # then what it may have is not known to be little
        check_size(float(np.sum(lengths[sources], dtype=np.float64)) / 4)
    return of_matrix(pairs @ a.matrix())
