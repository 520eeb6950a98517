"""Bounds on the unknowns of a minimum: at the solution each unknown is free, or it is at one of its bounds.

Of the free ones the gradient vanishes; the others are as their bound is. With that, x is a root again, of
xᵢ − bound (active) and ∂f/∂xᵢ (free), and all derivatives follow. Which are active does not change nearby if the
gradient of each active one, its multiplier, is not zero: otherwise x has a kink there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import shape_of
from wengert.core.errors import ArgumentError, DegenerateError, ShapeError
from wengert.core.tree import flatten, structure
from wengert.implicit.function import ConvergenceError
from wengert.implicit.linear import Iteration
from wengert.implicit.solution import Equation, Matrix, Products, direction
from wengert.implicit.vector import Unknown, precision, ravel, wide
from wengert.transform.duality import plain
from wengert.transform.jvp import jvp

_RIGHT = "bounds=(lower, upper)   each None, a number, or a tree like x0"


def bounds_of(bounds: Any, x0: Any, unknown: Unknown, name: str) -> tuple[Any, Any]:
    """The lower and the upper bounds as vectors, in the dtypes of the unknown."""
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):  # scipy.optimize.Bounds
        bounds = (bounds.lb, bounds.ub)
    if not (isinstance(bounds, tuple) and len(bounds) == 2):
        raise ArgumentError(
            f"the bounds of {name} are a pair of the lower and the upper ones",
            wrong="bounds=[(0, 1), (0, 2)]",
            right="bounds=(np.array([0.0, 0.0]), np.array([1.0, 2.0]))",
        )
    lower, upper = (_side(side, fill, x0, unknown, name) for side, fill in zip(bounds, (-np.inf, np.inf), strict=True))
    low, high = plain(lower), plain(upper)
    if not np.all(low < high):
        raise ArgumentError(
            f"a lower bound of {name} is {low[~(low < high)][0]:g}, which is not below the upper one, "
            f"{high[~(low < high)][0]:g}",
            right=f"{_RIGHT}; what is fixed is no unknown, but one of args",
        )
    return lower, upper


def _side(side: Any, fill: float, x0: Any, unknown: Unknown, name: str) -> Any:
    side = fill if side is None else side
    single = structure(side) == structure(0.0) and shape_of(side) == ()
    if not single and structure(side) != structure(x0):
        raise ShapeError(
            f"a bound of {name} has another structure than x0: {structure(side)} for {structure(x0)}", right=_RIGHT
        )
    given = [side] * len(unknown.avals) if single else flatten(side)[0]
    parts = []
    for value, aval in zip(given, unknown.avals, strict=True):
        if shape_of(value) not in ((), aval.shape):
            raise ShapeError(f"a bound of {name} has shape {shape_of(value)} for {aval.shape} of x0", right=_RIGHT)
        parts.append((np.zeros(aval.shape) + value).astype(aval.dtype))
    return ravel(parts)


class Bounded(Equation):
    """The equation of a minimum within bounds, which are the first of its arguments; `free` is that without them."""

    def __init__(self, free: Equation, how: Iteration | None) -> None:
        def f(x: Any, bounds: Any, *args: Any) -> Any:
            return self.at(ravel(x), bounds, args, *active(ravel(x), bounds))

        super().__init__(f, free.unknown, free.name, how)
        self.free = free

    def at(self, v: Any, bounds: Any, args: Sequence[Any], low: Any, high: Any, scale: float = 1.0) -> Any:
        """What vanishes at the solution where these are active."""
        off = np.where(low, v - bounds[0], v - bounds[1]) * scale
        return np.where(low | high, off, self.free.residual(v, args))

    def fixed(self, low: Any, high: Any, scale: float) -> Equation:
        """The same with the active bounds given, wherever x is, and all equations of one size."""

        def f(x: Any, bounds: Any, *args: Any) -> Any:
            return self.at(ravel(x), bounds, args, low, high, scale)

        return Equation(f, self.unknown, self.name, self.how)

    def check(self, x: Any, args: Sequence[Any], at: Matrix | Products) -> None:
        """Raise also where a bound is just about to be active, or not to be any more."""
        (lower, upper), *rest = args
        low, high = active(x, (lower, upper))
        gradient, scale = self.slope(x, rest)
        room = np.where(low | high, np.abs(gradient) / scale, np.minimum(x - lower, upper - x))
        if np.any(room <= precision([x, args]) ** 0.75 * max(float(np.max(np.abs(x))), np.finfo(float).tiny)):
            raise DegenerateError(
                f"the solution of {self.name} has a kink: a bound is active, and its multiplier is zero",
                right="other arguments or bounds, for which the minimum is off the bound, or would be beyond it",
            )
        wider = wide(list(args))
        held = self.fixed(low, high, scale)
        held.check(x, wider, held.jacobian(np.asarray(x, float), wider, 1e-3))

    def slope(self, x: Any, args: Sequence[Any]) -> tuple[Any, float]:
        """The gradient, and how fast it changes, in the root of the mean square over all directions."""
        gradient, change = jvp(lambda v: self.free.residual(v, wide(list(args))), (np.asarray(x, float),),
                               (direction(x.size),))  # fmt: skip
        return gradient, float(np.linalg.norm(change)) or 1.0

    def improved(self, x: Any, args: Sequence[Any], steps: int = 30) -> tuple[Any, float]:
        """The solution after Newton steps, with those bounds active that x and its gradient indicate.

        It is the method of primal and dual active sets (Hintermüller, Ito & Kunisch, 2002): on the way steps may grow.
        """
        bounds, *rest = args
        x = np.clip(x, *bounds)
        best, length, least, last = x, np.inf, np.inf, None
        with np.errstate(all="ignore"):
            gradient, scale = self.slope(x, rest)
            for _ in range(steps):
                low, high = active(x - gradient / scale, bounds)
                held = self.fixed(low, high, scale)
                try:
                    step = held.jacobian(x, args, 1e-6).solve(held.residual(x, args))
                except (ConvergenceError, DegenerateError):
                    break
                trial = np.where(low, bounds[0], np.where(high, bounds[1], np.clip(x - step, *bounds)))
                now = float(np.linalg.norm(trial - x))
                gradient, _ = self.slope(trial, rest)
                off = float(np.linalg.norm(trial - np.clip(trial - gradient / scale, *bounds)))
                same = last is not None and bool(np.all(last[0] == low) and np.all(last[1] == high))
                if off <= least:
                    best, length, least = trial, now, off
                elif same:
                    length = min(now, length)
                    break
                x, last = trial, (low, high)
                if same and now <= 2.0**-50 * float(np.linalg.norm(x)):
                    break
        return best, length

    def curvature(self, x: Any, args: Sequence[Any]) -> Any:
        """The second derivatives by the free unknowns; raises where f falls on the way back from an active bound."""
        bounds, *rest = args
        low, high = active(x, bounds)
        gradient, scale = self.slope(x, rest)
        inward = np.where(low, gradient, np.where(high, -gradient, 0.0))
        if np.min(inward, initial=0.0) < -1e-8 * scale * max(float(np.linalg.norm(x)), 1e-8):
            raise ConvergenceError(f"{self.name} has ended at a bound from which the function falls",
                                   right="another start or another method")  # fmt: skip
        loose = ~(low | high)
        if self.how is None:
            return self.free.matrix(x, rest)[np.ix_(loose, loose)]
        times = self.free.operator(x, rest)
        return lambda v: np.where(loose, times(np.where(loose, v, 0.0)), 0.0)


def active(x: Any, bounds: Any) -> tuple[Any, Any]:
    """Which are at, or beyond, the lower and the upper bounds."""
    return x <= bounds[0], x >= bounds[1]
