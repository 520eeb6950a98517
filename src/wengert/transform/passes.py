"""The passes over a linearization that whole matrices of derivatives take: many at once where that pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval
from wengert.core.batching import spread
from wengert.core.errors import MissingRuleError
from wengert.graph.body import Body, Unrecordable, record
from wengert.transform.batched import evaluate

Pass = Callable[[list[Any]], list[Any]]

_FEWEST = 8  # passes; fewer take less time one by one, since a pass is recorded before it is done for many
_ELEMENTS = 1 << 21  # in the largest intermediate result of the passes that are done at once
_SMALL = 1 << 17  # elements in one pass, of which NumPy's part in the time is much larger than Python's


def sweep(pass_: Pass, avals: Sequence[Aval], count: int) -> Iterator[list[Any]]:
    """For each leaf the results of the passes seeded with each of its unit vectors, stacked along the first axis."""
    zeros = [0.0 if a.weak else np.zeros(a.shape, real(a)) for a in avals]
    for i, aval in enumerate(avals):

        def one(seed: Any, i: int = i) -> list[Any]:
            return pass_([*zeros[:i], seed, *zeros[i + 1 :]])

        if aval.weak:
            yield [[part] for part in one(1.0)]
            continue
        size = int(np.prod(aval.shape))
        found = _at_once(one, aval, size) if size >= _FEWEST else None
        if found is None:
            rows = [one(_unit(aval, k)) for k in range(size)]
            found = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
        yield found


def _at_once(one: Callable[[Any], list[Any]], aval: Aval, size: int) -> list[Any] | None:
    """All passes, a number of them at a time; None where one by one is as good, or the only way."""
    try:
        body = record("pass", lambda values: one(values[0]), [_unit(aval, 0)])
    except Unrecordable:  # a rule looks at the numbers of its tangent
        return None
    largest = max((int(np.prod(a.shape)) for node in body.nodes for a in node.avals), default=1)
    chunk = min(size, _ELEMENTS // max(largest, 1))
    if largest > _SMALL or chunk < _FEWEST:
        return None
    parts: list[list[Any]] = []
    for start in range(0, size, chunk):
        n = min(chunk, size - start)
        seeds = np.zeros((n, size), real(aval))
        seeds[np.arange(n), start + np.arange(n)] = 1
        try:
            parts.append(_passes(body, np.reshape(seeds, (n, *aval.shape)), n))
        except MissingRuleError:
            return None
    if len(parts) == 1:
        return parts[0]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _passes(body: Body, seeds: Any, n: int) -> list[Any]:
    outs, many = evaluate(body, [*body.captured, seeds], [False] * len(body.captured) + [True], n)
    return [spread(out, flag, n) for out, flag in zip(outs, many, strict=True)]


def _unit(aval: Aval, k: int) -> Any:
    unit = np.zeros(aval.shape, real(aval))
    unit.flat[k] = 1
    return unit[()]


def real(aval: Aval) -> np.dtype[Any]:
    """The dtype of a tangent."""
    return aval.dtype if aval.dtype.kind in "fc" else np.dtype(np.float64)
