"""Forward mode: every traced value carries its number and its tangent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import aval_of
from wengert.core.primitive import Primitive, Structured, bind
from wengert.core.tracer import Level, Tracer
from wengert.core.tree import refuse_subclass
from wengert.transform.differential import IDENTITY, LinearMap, applied, check_inexact, conform, differential


class ForwardTracer(Tracer):
    """A number with its tangent."""

    __slots__ = ("tangent",)
    fields = ("level", "value", "tangent")

    def __init__(self, level: Level, value: Any, tangent: Any) -> None:
        self.level, self.value, self.tangent = level, value, tangent


class ForwardLevel(Level):
    """Applies each operation to the primals, and its rules to the tangents."""

    __slots__ = ()
    tracer: type[Any] = ForwardTracer
    apart = False  # whether the tangents of a loop are computed by a loop of their own, which can be transposed

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        primals: list[Any] = []
        tangents: list[Any] = []
        nested = False  # whether another transformation follows one of the numbers
        for arg in args:
            if isinstance(arg, Tracer):
                if arg.level is self:
                    value = arg.value
                    nested = nested or isinstance(value, Tracer)
                    primals.append(value)
                    tangents.append(arg.tangent)  # type: ignore[attr-defined]
                else:
                    nested = True
                    primals.append(self.hold(arg) if primitive.keeps else arg)
                    tangents.append(None)
            else:
                if isinstance(arg, np.ndarray) and type(arg) is not np.ndarray:
                    refuse_subclass(arg, f"an operand of {primitive.name}")
                primals.append(self.hold(arg) if primitive.keeps else arg)
                tangents.append(None)
        if isinstance(primitive, Structured):
            return self.together(primitive, args, primals, tangents, params)
        out = bind(primitive, primals, params) if nested else primitive.impl(*primals, **params)
        if primitive.outputs > 1:
            return self.several(primitive, out, primals, tangents, params)
        tangent = self.combine(out, differential(primitive, out, primals, tangents, params), primitive)
        return out if tangent is None else self.tracer(self, out, tangent)

    def together(
        self,
        primitive: Structured,
        args: Sequence[Any],
        primals: Sequence[Any],
        tangents: Sequence[Any],
        params: dict[str, Any],
    ) -> tuple[Any, ...]:
        """The same for a loop or a branch, whose derivative is stated for all its arguments at once."""
        pushed = primitive.push(tangents, primals, params, self.apart)
        if pushed is None:
            return primitive.expand(args, params)
        results = []
        for out, tangent in zip(*pushed, strict=True):
            total = None if tangent is None else self.combine(out, [(tangent, IDENTITY)], primitive)
            results.append(out if total is None else self.tracer(self, out, total))
        return tuple(results)

    def several(
        self,
        primitive: Primitive,
        outs: Sequence[Any],
        args: Sequence[Any],
        tangents: Sequence[Any],
        params: dict[str, Any],
    ) -> tuple[Any, ...]:
        """The same for an operation with several outputs, whose rules are pushforwards."""
        pushed = [map_.apply(t) for t, map_ in differential(primitive, outs, args, tangents, params)]
        results = []
        for out, *parts in zip(outs, *pushed, strict=True):
            tangent = self.combine(out, [(part, IDENTITY) for part in parts if part is not None], primitive)
            results.append(out if tangent is None else self.tracer(self, out, tangent))
        return tuple(results)

    def hold(self, arg: Any) -> Any:
        """An argument that is not followed, as the linear maps may hold it."""
        return arg

    def combine(self, out: Any, maps: list[tuple[Any, LinearMap]], primitive: Primitive) -> Any:
        """The tangent of `out`: the sum over the arguments; None where none has an influence."""
        if not maps:
            return None
        check_inexact(aval_of(out), primitive.name)
        with np.errstate(all="ignore"):
            total = sum_of(applied(maps))
        return None if total is None else self.settle(total, out)

    def settle(self, tangent: Any, out: Any) -> Any:
        return conform(tangent, out)


def sum_of(parts: Sequence[Any]) -> Any:
    """The sum, None for no parts."""
    total = None
    for part in parts:
        total = part if total is None else total + part
    return total
