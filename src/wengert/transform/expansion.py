"""Taylor mode: every traced value carries its number and its power series in t.

An operation's rules say what z′ is, as they do in forward mode, where numbers take their place; here they are evaluated
in series arithmetic. What they call may be the operation itself (exp), or one whose rules call it (sin and cos): the
level knows which series there are, and gives the same one again, so that the recursion closes on itself.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from wengert.core.aval import aval_of
from wengert.core.chain import scale
from wengert.core.errors import ArgumentError
from wengert.core.primitive import Primitive, Structured, bind
from wengert.core.rule import Constant, Linear, Partial, Rule
from wengert.core.tracer import Level, Tracer
from wengert.core.tree import refuse_subclass
from wengert.transform.differential import Scale, Through, applied, check_inexact, differential, is_complex
from wengert.transform.forward import sum_of
from wengert.transform.series import Convolution, Joint, Polynomial, Product, Quotient, Series, Solution, demand


class SeriesTracer(Tracer):
    """A number with the power series of which it is the coefficient of t⁰."""

    __slots__ = ("series",)
    fields = ("level", "value", "series")

    def __init__(self, level: Level, value: Any, series: Series) -> None:
        self.level, self.value, self.series = level, value, series


class Results:
    """What an operation with several outputs gives: their numbers, and their series."""

    __slots__ = ("__weakref__", "outs", "series")

    def __init__(self, outs: Sequence[Any], series: Sequence[Series]) -> None:
        self.outs, self.series = outs, series


class SeriesLevel(Level):
    """Applies each operation to the numbers at t = 0, and says which series its result is.

    The user's operations are computed to the given order at once, and what led to them is forgotten. Those inside of
    rules are computed as far as they are needed, since they may depend on a series that is not complete.
    """

    __slots__ = ("alive", "inside", "order", "pointwise")

    def __init__(self, order: int, pointwise: bool = False) -> None:
        super().__init__()
        self.order = order
        self.pointwise = pointwise  # whether each element of the input is a variable by itself
        self.inside = 0  # how many rules are being evaluated
        self.alive: WeakValueDictionary[Any, Series | Results] = WeakValueDictionary()

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        if isinstance(primitive, Structured) and not primitive.opaque:
            return primitive.expand(args, params)
        held = [self.hold(arg, primitive) for arg in args]
        felt = [i for i, a in enumerate(held) if self.owns(a) and not isinstance(primitive.rule(i), Constant)]
        key = self.key(primitive, held, params) if self.inside and felt else None
        known = None if key is None else self.alive.get(key)
        if known is not None:
            return self.fresh(known.known[0], known) if isinstance(known, Series) else self.several_of(known)
        out = bind(primitive, [a.value if self.owns(a) else a for a in held], params)
        if not felt:
            return out
        if self.pointwise and not self.inside and not is_elementwise(primitive):
            raise ArgumentError(
                f"{primitive.name} does not act element by element, so that at an array of points it has no derivative",
                wrong="wg.derivative(f, order=n)(points)",
                right="np.stack([wg.derivative(f, order=n)(x) for x in points])   or wg.taylor(f, x, n, direction=v)",
            )
        if primitive.outputs > 1:
            return self.several(primitive, out, held, felt, params)
        check_inexact(aval_of(out), primitive.name)
        place, d = self.place(primitive, out, held, felt, params) if self.inside else (None, None)
        same = None if place is None else self.alive.get(place)
        if isinstance(same, Series):
            return self.fresh(out, same)
        series = self.series(primitive, out, held, felt, params)
        if place is not None:
            series.origin = (*place[:2], d)
            self.alive[place] = series
        if self.inside:
            series.source = primitive, held
            if key is not None:
                self.alive[key] = series
        else:
            self.complete(series, primitive, held, params)
        return self.fresh(out, series)

    def complete(self, series: Series, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> None:
        """Compute a series of the user's, and let go of what it was computed from."""
        key = self.key(primitive, args, params) if isinstance(series, Solution) and self.order else None
        if key is not None:
            self.alive[key] = series
        with np.errstate(all="ignore"):
            demand(series, self.order)
        self.alive.pop(key, None)
        series.forget()

    def hold(self, arg: Any, primitive: Primitive) -> Any:
        """An argument as it is now, whatever is done to it later."""
        if not isinstance(arg, Tracer):
            if isinstance(arg, np.ndarray) and type(arg) is not np.ndarray:
                refuse_subclass(arg, f"an operand of {primitive.name}")
            return arg
        return arg if self.inside else arg.frozen()

    def owns(self, arg: Any) -> bool:
        return isinstance(arg, SeriesTracer) and arg.level is self

    def fresh(self, value: Any, series: Series) -> SeriesTracer:
        """A name of its own for a value: an update in place renames one and not the others."""
        return SeriesTracer(self, value, series)

    def key(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        """Equal for two applications of an operation that are the same series; None where that cannot be told."""
        by_content = is_elementwise(primitive)
        try:
            names = tuple(a.series if self.owns(a) else name_of(a, by_content) for a in args)
            key = (primitive, names, tuple(sorted(params.items())))
            hash(key)
        except TypeError:
            return None
        return key

    def place(
        self, primitive: Primitive, out: Any, args: Sequence[Any], felt: Sequence[int], params: dict[str, Any]
    ) -> tuple[Any, Any]:
        """Of c·x + d the series x, the numbers c and d and the form, by which it is known again; and d.

        So (v − 1) + 1 and −(−v) are v: a rule that leads to the next order and back, or that changes signs, would
        otherwise make new series without end. None for what is not of this form with plain c and d.
        """
        if len(felt) != 1 or any(isinstance(a, Tracer) and not self.owns(a) for a in args):
            return None, None
        by = factor(primitive.rule(felt[0]), args, felt)
        if not isinstance(by, float) or aval_of(out).dtype.kind == "c":
            return None, None
        x = args[felt[0]]
        if x.series.origin is None:  # the first of its kind
            aval = aval_of(x)
            x.series.origin = x.series, 1.0, 0.0 if aval.weak else np.zeros((), aval.dtype)[()]
            self.alive[(*x.series.origin[:2], name_of(np.asarray(x.series.origin[2]), True), aval.shape)] = x.series
        root, c, d = x.series.origin
        with np.errstate(all="ignore"):
            d = bind(primitive, [d if a is x else a for a in args], params)
        return (root, c * by, name_of(np.asarray(d), True), aval_of(out).shape), d

    # Which series ---------------------------------------------------------------------------------------------------

    def series(
        self, primitive: Primitive, out: Any, args: Sequence[Any], felt: Sequence[int], params: dict[str, Any]
    ) -> Series:
        """The series of an operation with one output."""
        values = [a.value if self.owns(a) else a for a in args]
        followed = primitive.complex or not (is_complex(out) or any(map(is_complex, values)))
        found = None
        if followed:  # what is not is refused by `differential`
            found = self.linear(primitive, out, args, values, felt, params)
            if found is None and primitive.undo is not None:
                found = self.quotient(primitive, out, args, values, params)
        if found is not None:
            return found
        z = Solution(out, [args[i].series for i in felt], lambda: right(self.fresh(out, z)))

        def right(name: SeriesTracer) -> Series:
            return self.series_of(self.tangent(primitive, name, args, felt, params))

        return z

    def linear(
        self,
        primitive: Primitive,
        out: Any,
        args: Sequence[Any],
        values: Sequence[Any],
        felt: Sequence[int],
        params: dict[str, Any],
    ) -> Series | None:
        """The series of an operation that is linear in what is followed, or in each part of it; None for others."""
        rules = [primitive.rule(i) for i in felt]
        parts = [args[i].series for i in felt]
        if all(isinstance(rule, Linear) for rule in rules):
            joint = primitive.joint or len(felt) == 1
            hold = Through(primitive, felt[0], rules[0], values, params).hold  # type: ignore[arg-type]
            rest = [hold(i, value) if joint else value for i, value in enumerate(values)]

            def apply(coefficients: list[Any]) -> Any:
                operands = list(rest)
                for i, c in zip(felt, coefficients, strict=True):
                    operands[i] = zero(values[i]) if c is None else c
                return bind(primitive, operands, params)

            return Joint(out, parts, apply) if joint else Product(out, parts, apply)
        factors = [factor(rule, values, felt) for rule in rules]
        if all(f is not None for f in factors):
            return Joint(out, parts, lambda coefficients: weighted(factors, coefficients))
        if len(felt) == 2 and all(
            isinstance(r, Partial) and r.argument == j for r, j in zip(rules, felt[::-1], strict=True)
        ):
            return Convolution(out, *parts)
        return None

    def quotient(
        self, primitive: Primitive, out: Any, args: Sequence[Any], values: Sequence[Any], params: dict[str, Any]
    ) -> Series:
        """The series of z = x/y or A⁻¹b, from z·y = x and A·z = b."""
        position, undo = primitive.undo  # type: ignore[misc]
        x, *ys = (
            args[i].series if self.owns(args[i]) else Polynomial([values[i]])
            for i in (position, *(i for i in range(len(args)) if i != position))
        )
        others = [value for i, value in enumerate(values) if i != position]

        def product(z: Any, *changes: Any) -> Any:
            return undo(z, *(zero(y) if c is None else c for y, c in zip(others, changes, strict=True)), **params)

        def divide(rest: Any) -> Any:
            return bind(primitive, [rest if i == position else value for i, value in enumerate(values)], params)

        return Quotient(out, x, ys, divide, undo if undo is scale else product)

    def several(
        self, primitive: Primitive, outs: Any, args: Sequence[Any], felt: Sequence[int], params: dict[str, Any]
    ) -> tuple[Any, ...]:
        """An operation with several outputs, whose slopes come together; an output of integers is constant."""
        slopes: list[Series] = []

        def right(i: int) -> Series:
            if not slopes:
                names = self.several_of(results)
                slopes.extend(map(self.series_of, self.tangents(primitive, names, args, felt, params)))
            return slopes[i]

        parts = [args[i].series for i in felt]
        solutions = [Solution(out, parts, lambda i=i: right(i)) for i, out in enumerate(outs)]  # type: ignore[misc]
        results = Results(outs, solutions)
        key = self.key(primitive, args, params)
        if key is not None:
            self.alive[key] = results
        if self.inside:
            for z in solutions:
                z.source = results
        else:
            with np.errstate(all="ignore"):
                for z in solutions:
                    demand(z, self.order)
            self.alive.pop(key, None)
            for z in solutions:
                z.forget()
        return self.several_of(results)

    def several_of(self, results: Results) -> tuple[Any, ...]:
        """The outputs as the user gets them."""
        pairs = zip(results.outs, results.series, strict=True)
        return tuple(self.fresh(out, z) if aval_of(out).dtype.kind in "fc" else out for out, z in pairs)

    # The derivative by the rules ----------------------------------------------------------------------------------

    def maps(
        self, primitive: Primitive, z: Any, args: Sequence[Any], felt: Sequence[int], params: dict[str, Any]
    ) -> list[Any]:
        """What forward mode would do, on series: the slopes of the arguments with their linear maps to that of z."""
        tangents = self.slopes(args, felt)
        maps = []
        for i in felt:
            closing = primitive.closing.get(i)
            partial = None if closing is None else closing(z, *args)
            if partial is not None:
                maps.append((tangents[i], Scale(partial, args[i].shape)))
                tangents[i] = None
        return maps + differential(primitive, z, args, tangents, params)

    def slopes(self, args: Sequence[Any], felt: Sequence[int]) -> list[Any]:
        """x′ for each argument that is felt, None for the others."""
        tangents: list[Any] = [None] * len(args)
        for i in felt:
            slope = args[i].series.slope()
            first = slope.known[0]
            tangents[i] = self.fresh(zero(args[i].value) if first is None else first, slope)
        return tangents

    def tangent(
        self, primitive: Primitive, z: Any, args: Sequence[Any], felt: Sequence[int], params: dict[str, Any]
    ) -> Any:
        """z′, from the rules evaluated in series arithmetic."""
        self.inside += 1
        try:
            return sum_of(applied(self.maps(primitive, z, args, felt, params)))
        finally:
            self.inside -= 1

    def tangents(
        self, primitive: Primitive, zs: Any, args: Sequence[Any], felt: Sequence[int], params: dict[str, Any]
    ) -> list[Any]:
        """The same for several outputs."""
        self.inside += 1
        try:
            if isinstance(primitive, Structured):
                return list(primitive.push(self.slopes(args, felt), args, params, False)[1])
            pushed = [map_.apply(t) for t, map_ in self.maps(primitive, zs, args, felt, params)]
            return [sum_of([part for part in parts if part is not None]) for parts in zip(*pushed, strict=True)]
        finally:
            self.inside -= 1

    def series_of(self, value: Any) -> Series:
        """The series behind a value; a constant has one too."""
        return value.series if self.owns(value) else Polynomial([value])


def zero(like: Any) -> Any:
    """Nothing, in the shape and dtype of a value."""
    aval = aval_of(like)
    return aval.dtype.type(0).item() if aval.weak else np.zeros(aval.shape, aval.dtype)[()]


def factor(rule: Rule | None, values: Sequence[Any], felt: Sequence[int]) -> Any:
    """The partial derivative, where it does not depend on what is followed; None for others."""
    if not isinstance(rule, Partial):
        return None
    if rule.constant is not None:
        return rule.constant if math.isfinite(rule.constant) and rule.constant != 0.0 else None
    return None if rule.argument is None or rule.argument in felt else values[rule.argument]


def weighted(factors: Sequence[Any], coefficients: Sequence[Any]) -> Any:
    """Σ factor·coefficient."""
    total = None
    for f, c in zip(factors, coefficients, strict=True):
        if c is not None:
            term = c if type(f) is float and f == 1.0 else bind(scale, (f, c), {})
            total = term if total is None else total + term
    return total


#: What is linear and acts element by element without a `Partial`, which would be a table of choices or of dtypes.
_LIKE_ELEMENTWISE = frozenset({"where", "astype", "duplicate"})


def is_elementwise(primitive: Primitive) -> bool:
    """Whether each element of the result depends on one element of each argument."""
    if callable(primitive.rules):
        return False
    return primitive.name in _LIKE_ELEMENTWISE or all(
        r is None or isinstance(r, (Partial, Constant)) for r in primitive.rules
    )


def name_of(arg: Any, by_content: bool) -> Any:
    """Equal for equal constants. An array is known by its numbers where that costs no more than the operation."""
    if isinstance(arg, Tracer) or (isinstance(arg, np.ndarray) and not by_content):
        return id(arg)
    if isinstance(arg, np.ndarray):
        return arg.shape, arg.dtype.str, hashlib.blake2b(np.ascontiguousarray(arg).data, digest_size=16).digest()
    return type(arg), repr(arg)  # 0.0 and −0.0 are not the same, NaN and NaN are
