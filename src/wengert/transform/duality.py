"""The transpose of a linear function that is given as Python code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval
from wengert.core.errors import ArgumentError, ConversionError, MissingRuleError, NonlinearError
from wengert.core.tracer import Level, Tracer
from wengert.graph.body import constant_like, strong
from wengert.graph.record import RecordTracer, value_of
from wengert.transform.linearize import LinearLevel, LinearNode
from wengert.transform.transpose import pull

#: From tangents to tangents, one by one; linear, and None stands for a zero in the result.
Linear = Callable[[list[Any]], Sequence[Any]]


def transposed(fn: Linear, cts: Sequence[Any], domain: Sequence[Aval]) -> list[Any]:
    """Aᵀ·ct of the linear function fn(t) = A·t, by recording it; None for zeros.

    Where it is no NumPy code that can be followed, A is formed column by column.
    """
    level = LinearLevel()
    nodes = [LinearNode(level, strong(aval), (), None) for aval in domain]
    try:
        outs = fn(list(nodes))
    except (ConversionError, MissingRuleError):
        return by_columns(fn, cts, domain)
    finally:
        level.closed = True
    ends = [_end(level, out) for out in outs]
    return pull(ends, [None if end is None else ct for ct, end in zip(cts, ends, strict=True)], nodes)


def _end(level: LinearLevel, out: Any) -> LinearNode | None:
    if isinstance(out, LinearNode) and out.level is level:
        return out
    if out is not None and np.any(np.asarray(plain(out)) != 0):
        raise NonlinearError(
            "a rule returned something that does not depend on its tangent (or cotangent)",
            wrong="pushforward=lambda t, z, x: np.cos(x)",
            right="pushforward=lambda t, z, x: np.cos(x) * t",
        )
    return None


def by_columns(fn: Linear, cts: Sequence[Any], domain: Sequence[Aval]) -> list[Any]:
    """The same by a call of fn for each element of its argument."""
    if any(aval.dtype.kind == "c" for aval in domain):
        raise ArgumentError(
            "the rule calls what cannot be followed, and of complex numbers it is not transposed element by element",
            wrong="wg.custom_derivative(f, pullback=compiled)",
            right="wg.custom_derivative(f, pushforward=…, pullback=…)   both rules",
        )
    zeros = [constant_like(strong(aval)) for aval in domain]
    found: list[Any] = []
    for i, aval in enumerate(domain):
        column = []
        for k in np.ndindex(*aval.shape):
            unit = np.zeros(aval.shape, aval.dtype)
            unit[k] = 1
            outs = fn([*zeros[:i], unit[()], *zeros[i + 1 :]])
            parts = [
                np.sum(np.real(np.conjugate(ct) * out))
                for ct, out in zip(cts, outs, strict=True)
                if ct is not None and out is not None
            ]
            column.append(sum(parts) if parts else 0.0)
        found.append(np.reshape(np.stack(column), aval.shape) if column else constant_like(strong(aval)))
    return found


def plain(value: Any) -> Any:
    """The number behind any number of tracers; of one that has none, one that is not zero."""
    while isinstance(value, Tracer):
        if isinstance(value, LinearNode):
            return 1.0
        value = value_of(value) if isinstance(value, RecordTracer) else value.value
    return value


def levels_of(values: Sequence[Any]) -> set[Level]:
    """The transformations that follow any of the values, however deep."""
    found: set[Level] = set()
    for value in values:
        while isinstance(value, Tracer):
            found.add(value.level)
            if isinstance(value, LinearNode):
                break
            value = value_of(value) if isinstance(value, RecordTracer) else value.value
    return found


def refuse_foreign(results: Sequence[Any], given: Sequence[Any], what: str) -> None:
    """Raise where a function has used a traced value that is not among its arguments."""
    allowed = levels_of(given)
    if any(level not in allowed for level in levels_of(results)):
        raise ArgumentError(
            f"{what} uses a traced value that is not among its arguments, so its derivative would not know of it",
            wrong="lambda x: f(x, a)            # a is followed, and comes from outside",
            right="lambda x, a: f(x, a)         # and called with (x, a)",
        )
