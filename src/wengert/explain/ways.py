"""The ways to a derivative at one point: what each of them finds, and what it costs."""

from __future__ import annotations

import functools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import is_complex
from wengert.core.errors import ArgumentError, ShapeError
from wengert.core.tree import flatten
from wengert.explain.multiprecision import effort
from wengert.explain.precision import EFFORT_LIMIT, elements
from wengert.graph.graph import Graph
from wengert.graph.record import trace
from wengert.transform.jvp import jvp
from wengert.transform.numeric import finite_difference
from wengert.transform.reverse import grad

_MOST_ELEMENTS = 200
_PATIENCE = 3.0  # seconds that the slowest way may take
_REPETITIONS, _TIMED = 30, 0.05  # at most so many, for so many seconds


class Finding(NamedTuple):
    """What one way found: the derivative by each coordinate (None where it does not apply), and its cost.

    `runs` evaluations or passes (`unit`) of `operations` elementary operations in all, in `seconds`.
    """

    way: str
    derivative: tuple[Any, ...] | None
    runs: int
    unit: str
    operations: int
    seconds: float
    remark: str


class Point:
    """A function at a point, and the coordinates in which every way gives its derivative there.

    These are the inputs, of complex ones the real and the imaginary parts; of a function with too many of them, it is
    the distance along one random `direction`.
    """

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.graph = scalar(trace(f)(*args, **kwargs))
        if not elements(self.graph):
            raise ArgumentError("there is nothing to differentiate with respect to: the arguments hold no number")
        self.f = functools.partial(f, **kwargs)
        self.args = self.graph.arguments
        self.leaves, self.rebuild = flatten(list(self.args))
        self.argnums = tuple(range(len(self.args)))
        self.value, seconds = timed(lambda: self.f(*self.copies()))
        self.elements = elements(self.graph)
        self.direction = self._direction(seconds)
        self.names = tuple(self._names()) if self.direction is None else ("a random direction",)

    def _names(self) -> Iterator[str]:
        for node in self.graph.inputs:
            ends = (".real", ".imag") if node.aval.dtype.kind == "c" else ("",)
            yield from (f"{node.name}{end}" for end in ends)

    def _direction(self, seconds: float) -> list[Any] | None:
        """A direction of length 1 where the slowest way, 30 evaluations per number, would not come to an end."""
        n = self.elements
        too_many = n > _MOST_ELEMENTS or 30 * n * seconds > _PATIENCE or 4 * n * effort(self.graph) > EFFORT_LIMIT
        if n == 1 or not too_many:
            return None
        flat = np.random.default_rng(1964).standard_normal(n)
        sizes = [np.size(leaf) * (2 if is_complex(leaf) else 1) for leaf in self.leaves]
        pieces = np.split(flat / np.linalg.norm(flat), np.cumsum(sizes)[:-1])
        return [
            (piece.view(complex) if is_complex(leaf) else piece)
            .reshape(np.shape(leaf))
            .astype(np.asarray(leaf).dtype)[()]
            for piece, leaf in zip(pieces, self.leaves, strict=True)
        ]

    def copies(self) -> list[Any]:
        """The arguments, in arrays that f may change."""
        return list(self.rebuild([leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in self.leaves]))

    def along(self, distance: Any) -> Any:
        """The value of f at this distance along the direction."""
        assert self.direction is not None
        return self.f(*self.rebuild([x + distance * d for x, d in zip(self.leaves, self.direction, strict=True)]))

    def coordinates(self, gradient: Any) -> tuple[Any, ...]:
        """A gradient by all arguments as the derivatives by the coordinates."""
        leaves = flatten(list(gradient))[0]
        if self.direction is None:
            return parts(leaves)
        pairs = zip(leaves, self.direction, strict=True)
        return (float(sum(np.real(np.vdot(g, d)) for g, d in pairs)),)

    def units(self) -> Iterator[list[Any]]:
        """The tangents of forward mode that make up the gradient: one per number, of a complex one another, i."""
        zeros = [np.zeros(np.shape(leaf), np.asarray(leaf).dtype)[()] for leaf in self.leaves]
        for i, leaf in enumerate(self.leaves):
            for unit in (1, 1j) if is_complex(leaf) else (1,):
                for k in np.ndindex(np.shape(leaf)):
                    one = np.zeros(np.shape(leaf), np.asarray(leaf).dtype)
                    one[k] = unit
                    yield [*zeros[:i], one[()], *zeros[i + 1 :]]


def scalar(graph: Graph) -> Graph:
    """The graph, if its result is one number."""
    if len(graph.outputs) == 1 and graph.outputs[0].aval.shape == ():
        return graph
    got = f"{len(graph.outputs)} values" if len(graph.outputs) != 1 else f"shape {graph.outputs[0].aval.shape}"
    raise ShapeError(
        f"the ways are compared for a function that returns one number; this one returned {got}",
        wrong="return y",
        right="return y[0]   or np.sum(y), the number whose derivative is meant",
    )


def parts(numbers: Sequence[Any]) -> tuple[Any, ...]:
    """Real numbers and arrays as they are, of complex ones the real and the imaginary parts."""
    return tuple(plain(p) for x in numbers for p in ((x.real, x.imag) if is_complex(x) else (x,)))


def plain(x: Any) -> Any:
    """A number of NumPy's in double precision as Python's own, which prints as a number."""
    return float(x) if isinstance(x, np.float64) else x


def timed(way: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and the median of some repetitions in seconds; what takes long is not repeated."""
    start = time.perf_counter()
    result = way()
    seconds = [time.perf_counter() - start]
    if seconds[0] < _TIMED:
        del seconds[0]  # the first call also fills caches
        until = time.perf_counter() + _TIMED
        while not seconds or (len(seconds) < _REPETITIONS and time.perf_counter() < until):
            start = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - start)
    return result, statistics.median(seconds)


def find(point: Point) -> list[Finding]:
    """What every way finds."""
    differences = [difference(point, scheme, remark) for scheme, remark in _SCHEMES.items()]
    return [*differences, symbolic(point), forward(point), reverse(point)]


# Differences -------------------------------------------------------------------------------------------------------

_SCHEMES = {
    "forward": "the quotient of one small step loses half of the digits",
    "central": "a step to either side loses a third of the digits",
    "complex": "an imaginary step: nothing cancels, but f has to be analytic",
    "richardson": "central differences, extrapolated to step 0",
}


def difference(point: Point, scheme: str, remark: str) -> Finding:
    """Finite differences: f alone is evaluated."""
    calls = 0

    def counted(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        return point.f(*args) if point.direction is None else point.along(*args)

    argnums, args = (point.argnums, point.args) if point.direction is None else ((0,), (0.0,))
    quotient = finite_difference(counted, argnums, scheme)
    name = "Richardson" if scheme == "richardson" else "complex step" if scheme == "complex" else scheme
    try:
        derivative = parts(flatten(list(quotient(*args)))[0])
        evaluations = calls
        _, seconds = timed(lambda: quotient(*args))
    except Exception as error:  # a step beyond f's domain may make the user's code raise anything
        derivative, evaluations, seconds = None, calls, math.nan
        remark = f"does not apply: {reason(error)}"
    operations = evaluations * len(point.graph)
    return Finding(f"finite difference, {name}", derivative, evaluations, "evaluation", operations, seconds, remark)


def reason(error: Exception) -> str:
    """The first sentence of an error."""
    line = (str(error) or type(error).__name__).splitlines()[0]
    return line.split(". ")[0].split(" (along ")[0]


# The exact ways ----------------------------------------------------------------------------------------------------


def symbolic(point: Point) -> Finding:
    """The graph of the derivative, simplified, then evaluated."""
    start = time.perf_counter()
    graph = point.graph.derivative(point.argnums)
    built = time.perf_counter() - start
    gradient, seconds = timed(lambda: graph(*point.args))
    size = written_out(graph)
    many = f"{size:,.0f}" if size < 1e15 else f"{size:.0e}" if size < math.inf else "more than 1e+308"
    swell = f"; without sharing {many}" if size > len(graph) else ""
    plural = "" if len(graph) == 1 else "s"
    remark = f"a formula of {len(graph):,} operation{plural}{swell}; found in {duration(built)}"
    return Finding("symbolic", point.coordinates(gradient), 1, "evaluation", len(graph), seconds, remark)


def forward(point: Point) -> Finding:
    """Forward mode: a pass per number."""
    wanted = point.units() if point.direction is None else [point.direction]
    units = [tuple(point.rebuild(unit)) for unit in wanted]
    tangents, seconds = timed(lambda: [jvp(point.f, point.args, unit)[1] for unit in units])
    one = trace(lambda *args: jvp(point.graph, args, units[0])[1])(*point.args)
    if point.direction is None:
        shapes = [np.shape(part) for part in parts(point.leaves)]
        pieces = np.split(np.array(tangents), np.cumsum([math.prod(shape) for shape in shapes])[:-1])
        derivative = tuple(plain(p.reshape(shape)[()]) for p, shape in zip(pieces, shapes, strict=True))
    else:
        derivative = (plain(tangents[0]),)
    remark = "a pass for each input, exact but for rounding"
    return Finding("forward mode", derivative, len(units), "pass", len(units) * len(one), seconds, remark)


def reverse(point: Point) -> Finding:
    """Reverse mode: one pass."""
    gradient, seconds = timed(lambda: grad(point.f, point.argnums)(*point.args))
    operations = len(point.graph.derivative(point.argnums, simplify=False))
    remark = "one pass for all inputs, exact but for rounding"
    return Finding("reverse mode", point.coordinates(gradient), 1, "pass", operations, seconds, remark)


def written_out(graph: Graph) -> float:
    """How many operations the formulas of the outputs have where nothing is shared: the swell of expressions."""
    size: dict[int, float] = {}
    for node in graph.nodes:
        own = 1.0 if node.primitive is not None else 0.0
        size[id(node)] = own + sum(size[id(arg)] for arg in node.args)
    return sum(size[id(node)] for node in graph.outputs)


def duration(seconds: float) -> str:
    """3.2 µs, 15 ms, 1.5 s."""
    for unit, length in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"
