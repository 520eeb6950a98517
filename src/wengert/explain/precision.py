"""The derivative to fifty digits, from values of the function alone: what every way to it is held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.errors import ShapeError
from wengert.explain.multiprecision import PrecisionError, effort, evaluate, exact
from wengert.graph.graph import Graph

DIGITS = 50
EFFORT_LIMIT = 600_000  # operations on single numbers, about three µs each


def derivative_to(graph: Graph, digits: int = DIGITS, direction: Sequence[Any] | None = None) -> tuple[Any, list[Any]]:
    """The value and the gradient of a graph to many digits, from values of it alone and by none of Wengert's rules.

    (f(x + h) − f(x − h))/2h with h = 10⁻ᵈ in 3·d digits, and again with a smaller step in more digits: where the two
    differ, there is no derivative. Where f has a kink, there is none either, even if a convention gives it one.

    **Arguments**: `graph`, whose result is one number, at the inputs it was recorded with; `digits`, d;
    `direction`, one array per input: the derivative in this direction only.
    **Returns**: `(value, derivatives)`, mpmath numbers: an object array per input (of a complex one two, by its real
    and by its imaginary part), or a list with one number for a direction.
    **Raises**: `PrecisionError` as `evaluate` does, where f is not smooth or not finite, and where it would take longer
    than some seconds; `ShapeError` where the result is not one number.
    **Cost**: 4 evaluations per number, or 4 in all for a direction.

    >>> import mpmath, numpy as np, wengert as wg
    >>> value, (slope,) = derivative_to(wg.trace(np.sin)(0.1))
    >>> mpmath.nstr(slope[()], 25)
    '0.9950041652780257660955619'

    **Source**: Higham, *Accuracy and Stability of Numerical Algorithms* (2002), 1.12 and 2.5.
    """
    import mpmath

    if len(graph.outputs) != 1 or graph.outputs[0].aval.shape != ():
        raise ShapeError("a gradient needs a graph with one number as its result")
    work = effort(graph)
    if 4 * work * (1 if direction is not None else elements(graph)) > EFFORT_LIMIT:
        raise PrecisionError(f"{digits} digits would take too long: one value is {work:,} operations on numbers")
    with mpmath.workdps(10 * digits):
        point = [exact(n.value) for n in graph.inputs]
        lowest = min([1.0, *(float(abs(v)) or 1.0 for leaf in point for v in leaf.flat)])
        precision = 5 * digits + math.ceil(-math.log10(max(lowest, 5e-324)))
        value = evaluate(graph, point, precision)[0][()]
        if not mpmath.isfinite(value):
            raise PrecisionError(f"f is {mpmath.nstr(value, 5)} here")
        if direction is not None:
            along = [exact(v) for v in direction]

            def straight(h: Any) -> list[Any]:
                return [leaf + h * d for leaf, d in zip(point, along, strict=True)]

            return value, [_rounded(_slope(graph, straight, value, lowest, digits), digits)]
        slopes = []
        for i, leaf in enumerate(point):
            for unit in (1, mpmath.mpc(0, 1)) if graph.inputs[i].aval.dtype.kind == "c" else (1,):
                slopes.append(np.empty(leaf.shape, object))
                for k in np.ndindex(leaf.shape):

                    def moved(h: Any, i: int = i, k: tuple[int, ...] = k, unit: Any = unit) -> list[Any]:
                        return [*point[:i], _replaced(point[i], k, h * unit), *point[i + 1 :]]

                    slope = _slope(graph, moved, value, min(1.0, float(abs(leaf[k])) or 1.0), digits)
                    slopes[-1][k] = _rounded(slope, digits)
        return value, slopes


def elements(graph: Graph) -> int:
    """How many real numbers the inputs have together; a complex one is two."""
    return sum(math.prod(n.aval.shape) * (2 if n.aval.dtype.kind == "c" else 1) for n in graph.inputs)


def _replaced(leaf: Any, k: tuple[int, ...], h: Any) -> Any:
    leaf = leaf.copy()
    leaf[k] = leaf[k] + h
    return leaf


def _rounded(slope: Any, digits: int) -> Any:
    """The slope without the digits that its differences, right to about three times as many, leave behind."""
    import mpmath

    with mpmath.workdps(2 * digits):
        return +slope


def _slope(graph: Graph, moved: Callable[[Any], list[Any]], value: Any, scale: float, digits: int) -> Any:
    """The derivative along a line, on which `moved(h)` is the point at the distance h; `scale` is a length of x."""
    import mpmath

    found = []
    for shrink, more in ((1.0, 3), (1.5, 5)):
        h = mpmath.mpf(10) ** (-int(shrink * digits)) * mpmath.mpf(scale)
        precision = more * digits + math.ceil(-math.log10(scale))
        right, left = ((evaluate(graph, moved(s * h), precision)[0][()] - value) / (s * h) for s in (1, -1))
        if not mpmath.isfinite(right + left):
            raise PrecisionError("f is not finite on both sides of this point")
        found.append((left, right))
    (a, b), (c, d) = found
    before, after = (a + b) / 2, (c + d) / 2
    if max(abs(c), abs(d)) > 10 * max(abs(a), abs(b), mpmath.mpf(10) ** -digits):  # the steeper, the closer
        raise PrecisionError("the slope of f is infinite here")
    noise = mpmath.mpf(10) ** (-digits // 2) * max(abs(c), abs(d), mpmath.mpf(10) ** -digits)
    if abs(d - c) > max(abs(b - a) / 2, noise):  # of a smooth function the two sides approach each other as h does 0
        raise PrecisionError(f"f has a kink here: its slopes are {mpmath.nstr(c, 6)} and {mpmath.nstr(d, 6)}")
    if abs(after) <= abs(before) * mpmath.mpf(10) ** (-digits / 5):
        return mpmath.mpf(0)
    if abs(after - before) > abs(after) * mpmath.mpf(10) ** (-digits / 2):
        raise PrecisionError("the differences do not settle: f is not smooth here")
    return after
