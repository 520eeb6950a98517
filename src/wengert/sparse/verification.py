"""Is a sparse matrix the derivative? Its product with a random vector says whether the plan lacked an entry."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.core.errors import GradientError, GuardError
from wengert.sparse.plan import Plan
from wengert.sparse.point import Flat, Point, joined
from wengert.sparse.rows import Array

_EXPONENT = 0.6  # of the rounding unit: 4e-10 in double precision, relative to a row of |J|·|v|
_LOOKED_AT = 20  # rows


def direction(ins: Flat) -> Array:
    """The random vector, as the leaves' precision has it."""
    random = np.random.default_rng(20050)
    return rounded(ins, random.uniform(0.5, 1.5, ins.size) * random.choice([-1.0, 1.0], ins.size))


def rounded(ins: Flat, vector: Array) -> Array:
    """The vector as the leaves' precision has it."""
    return np.asarray(joined(ins.leaves(vector)), np.float64)


def suspicious(product: Array, matrix: Any, v: Array, unit: float, noise: Array | None = None) -> Array:
    """The rows in which the matrix times v is not the derivative's own product, by more than rounding explains.

    Rounding is `unit`, to a power, of the row of |J|·|v|, and `noise`.
    """
    with np.errstate(all="ignore"):
        want, have = np.asarray(product, np.float64), matrix @ v
        rows = np.flatnonzero(~(np.abs(want - have) <= unit**_EXPONENT * np.abs(have)))  # and |J·v| ≤ |J|·|v|
        if not len(rows):
            return rows
        tolerance = unit**_EXPONENT * (abs(matrix[rows]) @ np.abs(v))
        if noise is not None:
            tolerance += noise[rows]
        return rows[_differs(want[rows], have[rows], tolerance)]


def unit_of(ins: Flat, outs: Flat) -> float:
    """The rounding unit of the least precise leaf."""
    return float(max(np.finfo(outs.dtype).eps, np.finfo(ins.dtype).eps))


def verify(point: Point, matrix: Any, plan: Plan, given: bool) -> None:
    """Raise unless J·v, for a random v, is what the derivative itself makes of v.

    An entry that the pattern lacks is missing from the product, and spoils another entry where one shares its pass.
    Where the two differ by more than rounding errors of J's own size, they are compared with what rounding does within
    f (`noise`); and what is left are rows that are looked at as a whole, by reverse passes.
    """
    v, unit = direction(point.ins), unit_of(point.ins, point.outs)
    with np.errstate(all="ignore"):
        product = np.asarray(point.push(v), np.float64)
        if not len(suspicious(product, matrix, v, unit)):
            return
        suspects = suspicious(product, matrix, v, unit, 1000 * _noise(point, v, product))
        missing = _missing(point, plan, suspects[:_LOOKED_AT])
        have = matrix @ v
    if missing is None and len(suspects) <= _LOOKED_AT:
        return
    row, column = missing or (int(suspects[0]), None)
    if given:
        where = f"row {row}" if column is None else f"row {row}, column {column}"
        raise GuardError(
            f"the derivative has an entry that is not in the plan ({where}): the program took another branch here, "
            "or other indices, than where the plan was made",
            wrong="wg.sparse.jacobian(f, plan=plan)(other_x)",
            right="plan = wg.sparse.pattern(f)(other_x)   or no plan at all",
        )
    raise GradientError(
        f"the sparse matrix does not agree with the derivative itself: of row {row} the product with a vector is "
        f"{product[row]:.6g}, not {have[row]:.6g}",
        right="wg.jacobian(f)(x), and please report it; check=False returns the matrix nevertheless",
    )


def _noise(point: Point, v: Array, product: Array) -> Array:
    """How far rounding moves J·v: by how much J·u + J·(v − u) differs from it for a few u."""
    random = np.random.default_rng(20051)
    worst = np.zeros_like(product)
    for k in range(6):
        scale = random.uniform(-1.0, 1.0, v.size) if k % 2 else random.integers(0, 2, v.size)
        u = rounded(point.ins, v * scale)
        worst = np.fmax(worst, np.abs(point.push(u) + point.push(v - u) - product))
    return worst


def _missing(point: Point, plan: Plan, rows: Array) -> tuple[int, int] | None:
    """An entry in one of these rows that is not zero and not in the plan."""
    starts, columns = plan.pattern.indptr, plan.pattern.indices
    for row in rows.tolist():
        seed = np.zeros(point.outs.size)
        seed[row] = 1.0
        slope = point.pull(seed)
        slope[columns[starts[row] : starts[row + 1]]] = 0
        if slope.any():
            return row, int(np.flatnonzero(slope)[0])
    return None


def _differs(want: Array, have: Array, tolerance: Array) -> Array:
    """Where two vectors are not the same; infinite and undefined elements need to be so in both."""
    finite = np.isfinite(want) & np.isfinite(have) & np.isfinite(tolerance)
    different = np.isfinite(want) != np.isfinite(have)
    return np.asarray(different | (finite & (np.abs(want - have) > tolerance)))
