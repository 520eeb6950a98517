"""A plan: the pattern of a sparse derivative, and the passes that give all of its entries."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tracer import Tracer
from wengert.sparse.coloring import column_coloring, star_coloring, worth
from wengert.sparse.cover import covers
from wengert.sparse.rows import Array

Mode = Literal["forward", "reverse"]


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

    def seeds(self, start: int, stop: int) -> Array:
        """The seeds of some passes, the rows of a matrix."""
        return np.equal(self.colors, np.arange(start, stop)[:, None]).astype(np.float64)

    def parts(self) -> tuple[list[Array], list[Array]]:
        """For each pass the entries that it gives, and where they stand in its result."""
        inner = self.starts[1:-1]
        return (np.split(self.entries, inner), np.split(self.reads, inner)) if len(self) else ([], [])


def passes(colors: Array, entries: Array, pass_of: Array, reads: Array) -> Passes:
    """The passes in which the entries stand, in their order."""
    count = int(colors.max(initial=-1)) + 1
    pass_of = pass_of.astype(np.min_scalar_type(count))  # short numbers are sorted in linear time
    order = np.argsort(pass_of, kind="stable")
    starts = np.zeros(count + 1, np.intp)
    np.cumsum(np.bincount(pass_of, minlength=count), out=starts[1:])
    return Passes(colors, _short(entries[order]), _short(reads[order]), starts)


def _short(numbers: Array) -> Array:
    return numbers.astype(np.int32) if numbers.max(initial=0) < 2**31 else numbers


_EMPTY = np.zeros(0, np.intp)
NONE = Passes(_EMPTY, _EMPTY, _EMPTY, np.zeros(1, np.intp))


class Plan:
    """The pattern of a Jacobian or a Hessian with its colouring, to be used again and again.

    **Arguments**: `matrix`, a scipy.sparse or NumPy matrix whose stored, or non-zero, entries say where the derivative
    may be non-zero; `order`: 1 for a Jacobian, 2 for a Hessian; `mode`: "forward" or "reverse" for passes of a Jacobian
    in this direction only, by default in both if that needs fewer. `wg.sparse.pattern(f)(x)` makes one by itself.
    **Attributes**: `pattern`, a csr_array of truth values; `order`; `shape`; `nnz`, the number of entries; `colors`,
    the number of passes that compute them all; `forward` and `reverse`, those in each direction.
    `plan.matrix(values)` is the matrix with these values of its entries.
    **Raises**: `ArgumentError` where the matrix is none, or that of a Hessian is not square.
    **Cost**: a few operations per entry, of Python for Hessians and for structures in which columns depend on one
    another in long chains; some 40 bytes per entry.

    >>> import numpy as np, wengert as wg
    >>> wg.sparse.Plan(np.eye(5) + np.eye(5, k=1))
    <plan of a Jacobian: 5 × 5, 9 entries in 2 passes>
    >>> arrow = np.eye(100)
    >>> arrow[0] = arrow[:, 0] = 1
    >>> wg.sparse.Plan(arrow)
    <plan of a Jacobian: 100 × 100, 298 entries in 3 passes: 2 forward, 1 reverse>

    **Source**: Gebremedhin, Manne & Pothen, "What color is your Jacobian?" (2005); Coleman & Verma, "The efficient
    computation of sparse Jacobian matrices using automatic differentiation" (1998), for passes in both directions.
    """

    def __init__(self, matrix: Any, order: int = 1, mode: Mode | None = None) -> None:
        if order not in (1, 2):
            raise ArgumentError(f"order is 1 for a Jacobian or 2 for a Hessian, not {order!r}")
        check_mode(mode, order)
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
            self.forward, self.reverse = jacobian_passes(self.pattern, mode)
        else:
            self.forward, self.reverse = hessian_passes(self.pattern), NONE
        self.shape: tuple[int, int] = self.pattern.shape

    @property
    def nnz(self) -> int:
        return int(self.pattern.nnz)

    @property
    def colors(self) -> int:
        return len(self.forward) + len(self.reverse)

    @functools.cached_property
    def places(self) -> Array:
        """Where each entry stands in the results of all passes, put one after the other."""
        found, first = np.empty(self.nnz, np.intp), 0
        for passes, length in ((self.forward, self.shape[0]), (self.reverse, self.shape[1])):
            for entries, reads in zip(*passes.parts(), strict=True):
                found[entries] = reads + np.intp(first)
                first += length
        return found

    def matrix(self, values: Any) -> Any:
        """The values of the entries, as `wg.sparse.values` gives them, as a `scipy.sparse.csr_array`."""
        if np.shape(values) != (self.nnz,):
            raise ShapeError(
                f"this plan has {self.nnz} entries, in one axis; here are values of shape {np.shape(values)}",
                right="plan.matrix(wg.sparse.values(f, plan)(x))",
            )
        if isinstance(values, Tracer):
            raise no_matrix()
        places = (self.pattern.indices.copy(), self.pattern.indptr.copy())
        return sp.csr_array((np.asarray(values), *places), shape=self.shape)

    def check_order(self, order: int) -> None:
        """Raise where it is for the other derivative."""
        if order != self.order:
            name, right = (("a Jacobian", 2), ("a Hessian", 1))[self.order - 1]
            raise ArgumentError(f"this plan is that of {name}", right=f"wg.sparse.pattern(f, order={right})(x)")

    def check(self, shape: tuple[int, int]) -> None:
        """Raise where it is for another number of inputs or outputs."""
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
        if len(self.forward) and len(self.reverse):
            count += f": {len(self.forward)} forward, {len(self.reverse)} reverse"
        return f"<plan of {name}: {self.shape[0]} × {self.shape[1]}, {entries} in {count}>"


def no_matrix() -> ArgumentError:
    """A sparse matrix of traced values."""
    return ArgumentError(
        "a sparse derivative is a scipy.sparse array, which is not compiled, and through which no further derivative "
        "can be followed",
        wrong="wg.jit(wg.sparse.jacobian(f))   or wg.grad(lambda x: np.sum(wg.sparse.jacobian(f)(x)))",
        right="wg.sparse.jacobian(f, plan=wg.sparse.pattern(f)(x), jit=wg.jit)   a compiled one, or "
        "wg.sparse.values(f, plan)   its entries as an array, which all transformations follow",
    )


def check_mode(mode: Any, order: int) -> None:
    """Raise for what is no direction."""
    if mode not in (None, "forward", "reverse"):
        raise ArgumentError(
            f"mode is 'forward', 'reverse' or None for what needs the fewest passes, not {mode!r}",
            right='wg.sparse.pattern(f, mode="forward")(x)',
        )
    if mode is not None and order == 2:
        raise ArgumentError(
            "a Hessian is symmetric: its passes, products with it, have no direction",
            wrong=f"wg.sparse.pattern(f, order=2, mode={mode!r})",
            right="wg.sparse.pattern(f, order=2)",
        )


def _places(matrix: Any) -> Any:
    return sp.csr_array((np.ones(matrix.nnz, bool), matrix.indices, matrix.indptr), shape=matrix.shape)


def jacobian_passes(pattern: Any, mode: Mode | None) -> tuple[Passes, Passes]:
    """Forward passes for groups of columns and reverse passes for groups of rows, as few as are found."""
    ways = covers(pattern) if mode is None else [(0, np.full(pattern.nnz, mode == "forward"))]
    best: tuple[Passes, Passes] | None = None
    for least, forward in ways:
        if best is not None and not worth(least, sum(map(len, best)), pattern.nnz):
            break
        found = _passes(pattern, forward)
        if best is None or sum(map(len, found)) < sum(map(len, best)):
            best = found
    assert best is not None
    return best


def _passes(pattern: Any, forward: Array) -> tuple[Passes, Passes]:
    """The passes where these entries are read forwards, the others backwards."""
    rows = np.repeat(np.arange(pattern.shape[0], dtype=pattern.indices.dtype), np.diff(pattern.indptr))
    columns = pattern.indices
    found = []
    for read, seeded, stands, turned in ((forward, columns, rows, False), (~forward, rows, columns, True)):
        if not read.any():
            found.append(NONE)
            continue
        matrix = sp.csr_array((read, columns, pattern.indptr), shape=pattern.shape)
        colors = column_coloring(matrix.T.tocsr() if turned else matrix)
        entries = np.flatnonzero(read)
        found.append(passes(colors, entries, colors[seeded[entries]], stands[entries]))
    return found[0], found[1]


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
