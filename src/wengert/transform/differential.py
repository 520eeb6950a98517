"""The local derivative of one operation: each rule read as a linear map that can be applied and transposed.

This is the only place that knows what the four rules mean; forward mode applies the maps, reverse mode transposes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of, shape_of
from wengert.core.chain import scale, unbroadcast
from wengert.core.errors import ArgumentError, MissingRuleError
from wengert.core.primitive import Primitive, bind
from wengert.core.rule import Constant, Linear, Partial, Pushforward
from wengert.core.tracer import Tracer


class LinearMap:
    """A linear map from the tangent of one argument to the tangent of the output."""

    __slots__ = ()

    def apply(self, tangent: Any) -> Any:
        """The output's tangent; its shape may still have to be broadcast to the output's."""
        raise NotImplementedError

    def transpose(self, ct: Any) -> Any:
        """The argument's cotangent."""
        raise NotImplementedError


class Identity(LinearMap):
    """t → t: what a pushforward returned is already the output's tangent."""

    __slots__ = ()

    def apply(self, tangent: Any) -> Any:
        return tangent

    def transpose(self, ct: Any) -> Any:
        return ct


class Scale(LinearMap):
    """t → partial · t, element by element."""

    __slots__ = ("partial", "shape")

    def __init__(self, partial: Any, shape: tuple[int, ...]) -> None:
        self.partial, self.shape = partial, shape

    def apply(self, tangent: Any) -> Any:
        return bind(scale, (self.partial, tangent), {})

    def transpose(self, ct: Any) -> Any:
        back = self.apply(ct)
        return back if type(back) is np.ndarray and back.shape == self.shape else unbroadcast(back, self.shape)


class Multiple(Scale):
    """t → c · t for a number c: finite and not zero, so that the product needs no care."""

    __slots__ = ()

    def apply(self, tangent: Any) -> Any:
        return tangent if self.partial == 1.0 else self.partial * tangent


class Elementwise(Scale):
    """The same with the partial of a rule, which is computed when the map is first used, with warnings off by then."""

    __slots__ = ("source",)

    def __init__(self, rule: Partial, out: Any, args: Sequence[Any], shape: tuple[int, ...]) -> None:
        self.source: tuple[Partial, Any, Sequence[Any]] | None = (rule, out, args)
        self.shape = shape

    def apply(self, tangent: Any) -> Any:
        source = self.source
        if source is not None:
            self.partial = _evaluate(*source)
            self.source = None
        partial = self.partial
        if isinstance(tangent, Tracer) or isinstance(partial, Tracer):
            return bind(scale, (partial, tangent), {})
        return scale.impl(partial, tangent)


class Adjoint(LinearMap):
    """A map between complex numbers: what goes back is its conjugate transpose.

    Cotangents belong to tangents by ⟨c, t⟩ = Re Σ c̄·t, so that the gradient of a real function is the direction of
    steepest ascent, ∂f/∂x + i·∂f/∂y. A real argument feels the real part only: its tangents have no other.
    """

    __slots__ = ("map", "real")

    def __init__(self, map_: LinearMap, real: bool) -> None:
        self.map, self.real = map_, real

    def apply(self, tangent: Any) -> Any:
        return self.map.apply(tangent)

    def transpose(self, ct: Any) -> Any:
        back = self.map.transpose(np.conjugate(ct))
        return np.real(back) if self.real else np.conjugate(back)


def adjoint(map_: LinearMap, primitive: Primitive, out: bool, arg: bool) -> LinearMap:
    """The map with its conjugate transpose, where complex numbers are involved: `out`, `arg` say which are."""
    if not (out or arg):
        return map_
    if not primitive.complex:
        raise ArgumentError(
            f"{primitive.name} of traced complex numbers has no derivative here",
            wrong=f"{primitive.name}(x + 1j * y)",
            right="the same with the real and the imaginary part as two real arrays",
        )
    if primitive.complex == "adjoint" or isinstance(map_, Pushed):  # what a pushforward does is turned step by step
        return map_
    if arg and isinstance(map_, Through) and (map_.rule.merge or map_.rule.split):  # a selection is its own conjugate
        return map_
    return Adjoint(map_, real=not arg)


class Through(LinearMap):
    """t → primitive(…, t, …): linear in this argument."""

    __slots__ = ("args", "params", "position", "primitive", "rule")

    def __init__(
        self, primitive: Primitive, position: int, rule: Linear, args: Sequence[Any], params: dict[str, Any]
    ) -> None:
        self.primitive, self.position, self.rule, self.args, self.params = primitive, position, rule, args, params

    def apply(self, tangent: Any) -> Any:
        args = [a if i == self.position else self.hold(i, a) for i, a in enumerate(self.args)]
        args[self.position] = tangent
        return bind(self.primitive, args, self.params)

    def hold(self, i: int, arg: Any) -> Any:
        """Where all arguments are linear together the others contribute zero; in a product they stay as they are."""
        if self.primitive.joint and isinstance(self.primitive.rule(i), Linear):
            aval = aval_of(arg)
            return np.zeros(aval.shape, aval.dtype)
        return arg

    def transpose(self, ct: Any) -> Any:
        return self.rule.fn(as_numpy(ct), *self.args, **self.params)


class Pushed(LinearMap):
    """t → fn(t, out, *args): whatever the pushforward does."""

    __slots__ = ("args", "fn", "out", "params")

    def __init__(self, fn: Any, out: Any, args: Sequence[Any], params: dict[str, Any]) -> None:
        self.fn, self.out, self.args, self.params = fn, out, args, params

    def apply(self, tangent: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.fn(tangent, as_numpy(self.out), *self.args, **self.params)


IDENTITY = Identity()


def applied(pairs: Sequence[tuple[Any, LinearMap]]) -> list[Any]:
    """The parts of the output's tangent; arguments of one operation that are linear together give one part together."""
    first = pairs[0][1] if len(pairs) > 1 else None
    if type(first) is Through and first.primitive.joint:
        maps = {m.position: t for t, m in pairs if type(m) is Through and m.args is first.args}
        if len(maps) == len(pairs):
            args = [maps[i] if i in maps else first.hold(i, a) for i, a in enumerate(first.args)]
            return [bind(first.primitive, args, first.params)]
    return [map_.apply(tangent) for tangent, map_ in pairs]


def differential(
    primitive: Primitive, out: Any, args: Sequence[Any], tangents: Sequence[Any], params: dict[str, Any]
) -> list[tuple[Any, LinearMap]]:
    """For each argument that has a tangent, the tangent with its linear map to the tangent of `out`."""
    maps: list[tuple[Any, LinearMap]] = []
    numbers: list[Any] = []  # the arguments as rules take them, once for all maps: a stack may have thousands
    for i, tangent in enumerate(tangents):
        if tangent is None:
            continue
        rule = primitive.rule(i)
        if isinstance(rule, Partial):
            maps.append((tangent, scaling(rule, out, args, i)))
            continue
        if not numbers and isinstance(rule, (Linear, Pushforward)):
            numbers = [as_numpy(arg) for arg in args]
        if isinstance(rule, Linear):
            maps.append((tangent, Through(primitive, i, rule, numbers, params)))
        elif isinstance(rule, Pushforward):
            maps.append((tangent, Pushed(rule.fn, out, numbers, params)))
        elif not isinstance(rule, Constant):
            raise MissingRuleError(
                f"{primitive.name} has no rule for its argument {i}",
                wrong=f"wg.primitive({primitive.name}, …)",
                right=f"wg.primitive({primitive.name}, …)   with wg.Partial, wg.Linear, wg.Pushforward or wg.Constant "
                f"at position {i}",
            )
    if is_complex(out) or (not primitive.complex and any(map(is_complex, args))):
        felt = [i for i, t in enumerate(tangents) if t is not None and not isinstance(primitive.rule(i), Constant)]
        out_is = is_complex(out)
        return [(t, adjoint(m, primitive, out_is, is_complex(args[i]))) for (t, m), i in zip(maps, felt, strict=True)]
    return maps


def is_complex(value: Any) -> bool:
    """Whether a number, an array or one of several outputs is complex."""
    if type(value) is float:
        return False
    try:
        return bool(value.dtype.kind == "c")
    except AttributeError:
        return any(map(is_complex, value)) if type(value) is tuple else type(value) is complex


def scaling(rule: Partial, out: Any, args: Sequence[Any], position: int) -> Scale:
    """The map of a partial derivative. What takes arithmetic is left for later, unless somebody records the steps."""
    shape = shape_of(args[position])
    if rule.constant and math.isfinite(rule.constant):
        return Multiple(rule.constant, shape)
    if rule.constant is not None or rule.argument is not None or isinstance(out, Tracer):
        return Scale(partial_value(rule, out, args), shape)
    return Elementwise(rule, out, args, shape)


def partial_value(rule: Partial, out: Any, args: Sequence[Any]) -> Any:
    """∂out/∂arg at this point. Infinite partials are part of the calculus, so NumPy's warnings about them are not."""
    if rule.constant is not None:
        return rule.constant
    if rule.argument is not None:
        return args[rule.argument]
    with np.errstate(all="ignore"):
        return _evaluate(rule, out, args)


def _evaluate(rule: Partial, out: Any, args: Sequence[Any]) -> Any:
    return rule.fn(as_numpy(out), *[number_beside(out, a) if type(a) is float else as_numpy(a) for a in args])


#: The real numbers of a precision, by the code of a dtype of that precision.
_REAL = {"e": np.float16, "f": np.float32, "F": np.float32, "g": np.longdouble, "G": np.longdouble}


def number_beside(out: Any, x: float) -> Any:
    """A Python number in a result's precision: x < 0.5 of float32 has a derivative that is computed in float32."""
    dtype = getattr(out, "dtype", None)
    return _REAL.get(dtype.char, np.float64)(x) if dtype is not None else np.float64(x)


def as_numpy(x: Any) -> Any:
    """Rules are NumPy: a number has a shape, and 1/x at x = 0 is inf, where Python's own float would raise."""
    kind = type(x)
    return np.float64(x) if kind is float else np.complex128(x) if kind is complex else x


def check_inexact(out: Aval, name: str) -> None:
    """What carries a tangent is a floating-point or complex number; anything else would lose it in silence."""
    if out.dtype.kind not in "fc":
        raise ArgumentError(
            f"{name} turned traced values into an array of dtype {out.dtype}, which has no derivative",
            wrong="x * np.array([1, 2], dtype=object)",
            right="x * np.array([1, 2], dtype=float)",
        )


def conform(tangent: Any, out: Any) -> Any:
    """Give a tangent the shape and dtype of its primal."""
    if type(out) is float or type(out) is complex:
        return tangent.as_number() if isinstance(tangent, Tracer) else type(out)(tangent)
    aval, have = aval_of(out), aval_of(tangent)
    if aval.weak and have.weak:  # a Python number, followed: its derivative is one too
        return tangent
    if have.shape != aval.shape:
        tangent = np.broadcast_to(tangent, aval.shape)
    if have.dtype != aval.dtype or have.weak:
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite
            tangent = tangent.astype(aval.dtype) if hasattr(tangent, "astype") else aval.dtype.type(tangent)
    return tangent
