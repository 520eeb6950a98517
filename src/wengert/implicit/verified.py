"""The check of a solution as an operation: a program that was recorded looks at each solution that it meets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wengert.core.batching import count, spread
from wengert.core.primitive import Notation, Primitive, bind
from wengert.core.rule import Constant, Pushforward
from wengert.core.tracer import Tracer
from wengert.graph.record import RecordTracer

#: From the matrix ∂F/∂x, the solution and the arguments; raises.
Check = Callable[..., None]


def _verified(matrix: Any, *values: Any, check: Check) -> Any:
    check(matrix, *values)
    return matrix


def _batched(primitive: Primitive, args: Any, on: Any, params: dict[str, Any]) -> Any:
    n = count(args, on)

    def each(*stacks: Any) -> None:
        for i in range(n):  # a check is the user's function in Python, as the solver is
            params["check"](*(stack[i] for stack in stacks))

    return bind(primitive, [spread(a, b, n) for a, b in zip(args, on, strict=True)], {"check": each})


_operation = Primitive(
    "verified",
    _verified,
    lambda i: Constant() if i else Pushforward(lambda t, z, *args, check: t),  # a tangent is not checked
    aval=lambda matrix, *values, check: matrix,
    batch=_batched,
    notation=Notation("verified", "{0}", "{0}"),
)


def verified(matrix: Any, values: Sequence[Any], check: Check) -> Any:
    """The matrix, checked where the numbers are; where nobody records, whoever calls this has done it."""
    return bind(_operation, [matrix, *values], {"check": check}) if any(map(_is_recorded, values)) else matrix


def _is_recorded(value: Any) -> bool:
    while isinstance(value, Tracer):
        if isinstance(value, RecordTracer):
            return True
        value = value.value
    return False
