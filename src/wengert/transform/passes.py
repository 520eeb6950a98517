"""The passes over a linearization that matrices of derivatives take: many at once where that pays."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval
from wengert.core.batching import spread
from wengert.core.errors import MissingRuleError
from wengert.graph.body import Body, Unrecordable, record
from wengert.transform.batched import evaluate
from wengert.transform.differential import applied
from wengert.transform.forward import sum_of
from wengert.transform.linearization import Linearization, apart, settle
from wengert.transform.linearize import JointNode, ancestors, conform_to

Pass = Callable[[list[Any]], list[Any]]

_FEWEST = 8  # passes; fewer take less time one by one, since a pass is recorded before it is done for many
_ELEMENTS = 1 << 19  # in the largest intermediate result of the passes that are done at once: more leave the cache
_SMALL = 1 << 13  # elements in one pass, of which NumPy's part in the time is larger than Python's


def sweep(pass_: Pass, avals: Sequence[Aval], count: int) -> Iterator[list[Any]]:
    """For each leaf the results of the passes seeded with each of its unit vectors, stacked along the first axis."""
    zeros = [0.0 if a.weak else np.zeros(a.shape, real(a)) for a in avals]
    for i, aval in enumerate(avals):

        def one(values: list[Any], i: int = i) -> list[Any]:
            return pass_([*zeros[:i], values[0], *zeros[i + 1 :]])

        def units(start: int, stop: int, aval: Aval = aval) -> list[Any]:
            return [_units(aval, start, stop)]

        if aval.weak:
            yield [[part] for part in one([1.0])]
            continue
        size = int(np.prod(aval.shape))
        found = at_once(one, units, size)
        if found is None:
            rows = [one([unit]) for k in range(size) for unit in _units(aval, k, k + 1)]
            found = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
        yield found


def pushing(lin: Linearization) -> Pass:
    """`lin.push` for seeds of which much is zero: where a tangent is zero altogether, nothing more is done with it."""
    order = [node for node in ancestors([o for o in lin.nodes if o is not None]) if node.edges]

    def one(tangents: list[Any]) -> list[Any]:
        values: dict[int, Any] = {id(n): felt(t) for n, t in zip(lin.inputs, tangents, strict=True)}
        with np.errstate(all="ignore"):
            for node in order:
                given = [(values[id(p)], map_) for p, map_ in node.edges if values.get(id(p)) is not None]
                if not given:
                    continue
                if isinstance(node, JointNode):
                    values[id(node)] = node.push([values.get(id(p)) for p, _ in node.edges])
                    continue
                total, aval = sum_of(applied(given)), node.aval
                if total is not None and not (
                    type(total) is np.ndarray and total.shape == aval.shape and total.dtype == aval.dtype
                ):
                    total = conform_to(total, aval)
                values[id(node)] = felt(total)
        found = [None if o is None else values.get(id(o)) for o in lin.nodes]
        return apart([settle(t, primal) for t, primal in zip(found, lin.primals, strict=True)])

    return one


def pulling(lin: Linearization) -> Pass:
    """`lin.pull`, likewise, for seeds that are zero for some results."""
    return lambda cts: lin.pull([felt(ct) for ct in cts])


def felt(tangent: Any) -> Any:
    """None instead of zeros."""
    return None if isinstance(tangent, np.ndarray) and not tangent.any() else tangent


def is_small(lin: Linearization) -> bool:
    """Whether several passes could be made at once: nothing in one pass is large."""
    nodes = ancestors([o for o in lin.nodes if o is not None])
    avals: list[Aval] = []
    for node in nodes:
        avals += node.aval if isinstance(node, JointNode) else (node.aval,)  # type: ignore[arg-type]  # one of each output
    return max((math.prod(a.shape) for a in avals), default=1) <= _SMALL


def at_once(one: Pass, seeds: Callable[[int, int], list[Any]], count: int) -> list[Any] | None:
    """The results of all passes, stacked; None where one by one is as good, or the only way.

    `seeds(start, stop)`: those of some passes, stacked, for each leaf.
    """
    if count < _FEWEST:
        return None
    try:
        body = record("pass", one, [stack[0] for stack in seeds(0, 1)])
    except Unrecordable:  # a rule looks at the numbers of its tangent
        return None
    largest = _largest(body)
    chunk = min(count, _ELEMENTS // max(largest, 1))
    if largest > _SMALL or chunk < _FEWEST:
        return None
    parts: list[list[Any]] = []
    for start in range(0, count, chunk):
        stop = min(start + chunk, count)
        try:
            parts.append(_passes(body, seeds(start, stop), stop - start))
        except MissingRuleError:
            return None
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _largest(body: Body) -> int:
    """The number of elements of the largest result in one pass, of those that its seed takes part in."""
    differs = {id(node) for node in body.inputs[len(body.captured) :]}
    largest = 1
    for node in body.nodes:
        if id(node) in differs or any(id(arg) in differs for arg in node.args):
            differs.add(id(node))
            largest = max(largest, *(int(np.prod(aval.shape)) for aval in node.avals))
    return largest


def _passes(body: Body, seeds: list[Any], n: int) -> list[Any]:
    outs, many = evaluate(body, [*body.captured, *seeds], [False] * len(body.captured) + [True] * len(seeds), n)
    return [spread(out, flag, n) for out, flag in zip(outs, many, strict=True)]


def _units(aval: Aval, start: int, stop: int) -> Any:
    """The unit vectors from `start` to `stop`."""
    units = np.zeros((stop - start, int(np.prod(aval.shape))), real(aval))
    units[np.arange(stop - start), np.arange(start, stop)] = 1
    return np.reshape(units, (stop - start, *aval.shape))


def real(aval: Aval) -> np.dtype[Any]:
    """The dtype of a tangent."""
    return aval.dtype if aval.dtype.kind in "fc" else np.dtype(np.float64)
