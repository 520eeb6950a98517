"""Derivatives of bodies: from the body of a loop or a branch to the bodies of its tangent and its transpose.

Both are ordinary bodies, recorded from the body's operations in forward mode and from their transposition. So a
derived loop is a loop again, and needs no rules of its own for the next order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.core.aval import Aval, aval_of
from wengert.graph.body import Body, Unrecordable, constant_like, record, strong
from wengert.transform.forward import ForwardLevel, ForwardTracer
from wengert.transform.linearize import LinearLevel, LinearNode, conform_to
from wengert.transform.transpose import pull


class TangentLevel(ForwardLevel):
    """Forward mode that leaves values and tangents apart, so that what it does to the tangents can be transposed."""

    __slots__ = ()
    apart = True


def tangents_of(body: Body, values: Sequence[Any], tangents: Sequence[Any], apart: bool) -> list[tuple[Any, Any]]:
    """The outputs with their tangents (None for zero) for the inputs with theirs."""
    level = TangentLevel() if apart else ForwardLevel()
    given = [v if t is None else ForwardTracer(level, v, t) for v, t in zip(values, tangents, strict=True)]
    outs = body.emit(given)
    level.closed = True
    return [
        (o.value, o.tangent) if isinstance(o, ForwardTracer) and o.level is level else (o, None) for o in outs
    ]  # fmt: skip


def cotangents_of(body: Body, values: Sequence[Any], linear: Sequence[bool], cts: Sequence[Any]) -> list[Any]:
    """The cotangents of the inputs in which the body is linear, zeros included, for those of the outputs."""
    level = LinearLevel()
    nodes = [LinearNode(level, strong(aval), (), None) for aval, on in zip(body.domain, linear, strict=True) if on]
    queue = iter(nodes)
    outs = body.emit([next(queue) if on else v for v, on in zip(values, linear, strict=True)])
    level.closed = True
    ends = [o if isinstance(o, LinearNode) and o.level is level else None for o in outs]
    found = pull(ends, cts, nodes)
    return [settled(ct, node.aval) for ct, node in zip(found, nodes, strict=True)]


def settled(value: Any, aval: Aval) -> Any:
    """A tangent or cotangent in the shape and dtype of what it belongs to; zeros for None."""
    aval = strong(aval)
    return constant_like(aval) if value is None else conform_to(value, aval)


def derive(
    body: Body, key: Any, f: Callable[[list[Any]], Sequence[Any]], domain: Sequence[Any], linear: Sequence[bool] = ()
) -> Body | None:
    """The body that f makes of `body`, made once for each key; None where it cannot be recorded.

    `domain`: example values for its inputs, or their shapes and dtypes for those that may as well be zero; `linear`:
    which of the first of them are tangents, while the rest is where there is a mask.
    """
    if key not in body.derived:
        examples = [constant_like(d) if isinstance(d, Aval) else d for d in domain]
        try:
            made = record(f"{body.name}′", f, examples)
            made.linear = (*linear, *[bool(linear)] * (len(domain) - len(linear)))
            made.quiet = True
            body.derived[key] = None if made.captured else made
        except RecursionError:
            raise
        except (Exception, Unrecordable):  # the operations one by one will do it, or show what is wrong
            body.derived[key] = None
    return body.derived[key]  # type: ignore[no-any-return]


def pick(values: Sequence[Any], mask: Sequence[Any]) -> list[Any]:
    """Those that the mask names."""
    return [v for v, on in zip(values, mask, strict=True) if on]


def spread(values: Sequence[Any], mask: Sequence[Any], rest: Any = None) -> list[Any]:
    """The opposite: values at the places that the mask names."""
    queue = iter(values)
    return [next(queue) if on else rest for on in mask]


def groups(values: Sequence[Any], *sizes: int) -> list[list[Any]]:
    """Consecutive parts of the given sizes, and what is left."""
    parts, start = [], 0
    for size in sizes:
        parts.append(list(values[start : start + size]))
        start += size
    return [*parts, list(values[start:])]


def present(tangents: Sequence[Any]) -> tuple[bool, ...]:
    """Which tangents are not zero."""
    return tuple(t is not None for t in tangents)


def shaped(tangents: Sequence[Any], values: Sequence[Any], mask: Sequence[bool]) -> list[Any]:
    """The tangents that the mask names, as the derived bodies take them: zeros for None, no Python numbers."""
    return [settled(t, aval_of(v)) for t, v, on in zip(tangents, values, mask, strict=True) if on]
