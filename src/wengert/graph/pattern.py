"""Patterns of expressions: what a rewrite looks for in a graph, and what it puts in its place.

A law is written as the formula it is: `Rewrite(-(-x), x, "…")`. Letters are variables, Python's operators are the
primitives of their names, and `operation("exp")` names any other. A letter that stands twice is the same node twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np

from wengert.core.primitive import REGISTRY, Primitive
from wengert.core.tracer import Tracer
from wengert.graph.node import Node

#: Operations whose arguments may change places, to the last bit and the sign of zero (which those of max may not).
COMMUTATIVE = {
    *("add", "multiply", "scale", "equal", "not_equal"),
    *("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"),
}

#: The nodes that the letters of a pattern stand for.
Found = dict[str, Node]


def is_commutative(primitive: Primitive) -> bool:
    """Whether it is one of the library's own operations that are declared so."""
    return primitive.name in COMMUTATIVE and REGISTRY.get(primitive.name) is primitive


class Pattern:
    """A formula to be found; arithmetic on patterns is a pattern of the arithmetic."""

    __slots__ = ()

    def match(self, node: Node, found: Found) -> bool:
        """Whether the node has this form; what the letters stand for is added to `found`."""
        raise NotImplementedError

    def orders(self) -> Iterator[Pattern]:
        """The pattern with the arguments of its commutative operations in every order."""
        yield self

    def __add__(self, other: Any) -> Operation:
        return Operation("add", (self, lift(other)))

    def __radd__(self, other: Any) -> Operation:
        return Operation("add", (lift(other), self))

    def __sub__(self, other: Any) -> Operation:
        return Operation("subtract", (self, lift(other)))

    def __rsub__(self, other: Any) -> Operation:
        return Operation("subtract", (lift(other), self))

    def __mul__(self, other: Any) -> Operation:
        return Operation("multiply", (self, lift(other)))

    def __rmul__(self, other: Any) -> Operation:
        return Operation("multiply", (lift(other), self))

    def __truediv__(self, other: Any) -> Operation:
        return Operation("divide", (self, lift(other)))

    def __rtruediv__(self, other: Any) -> Operation:
        return Operation("divide", (lift(other), self))

    def __pow__(self, other: Any) -> Operation:
        return Operation("power", (self, lift(other)))

    def __rpow__(self, other: Any) -> Operation:
        return Operation("power", (lift(other), self))

    def __neg__(self) -> Operation:
        return Operation("negative", (self,))

    def __pos__(self) -> Operation:
        return Operation("positive", (self,))

    def __abs__(self) -> Operation:
        return Operation("absolute", (self,))


@dataclass(frozen=True, slots=True)
class Variable(Pattern):
    """Any node; with `real`, one of floating dtype, since integers wrap around and truth values have no sign."""

    name: str
    real: bool = True

    def match(self, node: Node, found: Found) -> bool:
        if self.real and node.aval.dtype.kind != "f":
            return False
        return found.setdefault(self.name, node) is node


@dataclass(frozen=True, slots=True)
class Factor(Variable):
    """A constant whose numbers are all finite and not zero: multiplying by it makes no NaN."""

    real: bool = False

    def match(self, node: Node, found: Found) -> bool:
        if not node.is_constant or isinstance(node.value, Tracer):
            return False
        values = np.asarray(node.value)
        proper = values.dtype.kind in "iuf" and bool(np.all(np.isfinite(values) & (values != 0)))
        return proper and found.setdefault(self.name, node) is node


@dataclass(frozen=True, slots=True)
class Literal(Pattern):
    """A constant that is this number, or an array filled with it.

    0.0 and -0.0 are told apart, as IEEE arithmetic does; the integer 0 is a zero of either sign.
    """

    value: float

    def match(self, node: Node, found: Found) -> bool:
        fill = fill_of(node.value) if node.is_constant else None
        if fill is None or fill != self.value:
            return False
        return self.value != 0 or isinstance(self.value, int) or bool(np.signbit(fill) == np.signbit(self.value))


@dataclass(frozen=True, slots=True)
class Operation(Pattern):
    """The primitive of this name, applied to arguments of these forms."""

    name: str
    args: tuple[Pattern, ...]

    def match(self, node: Node, found: Found) -> bool:
        primitive = node.primitive
        if primitive is None or primitive.name != self.name or primitive is not REGISTRY.get(self.name):
            return False
        if len(node.args) != len(self.args):
            return False
        return all(p.match(arg, found) for p, arg in zip(self.args, node.args, strict=True))

    def orders(self) -> Iterator[Pattern]:
        places = permutations(self.args) if self.name in COMMUTATIVE else [self.args]
        every = [Operation(self.name, args) for place in places for args in product(*(p.orders() for p in place))]
        yield from dict.fromkeys(every)


def lift(value: Any) -> Pattern:
    """A number in a formula is a literal."""
    return value if isinstance(value, Pattern) else Literal(value)


def operation(name: str) -> Callable[..., Operation]:
    """A way to write the primitive of this name in a formula."""
    return lambda *args: Operation(name, tuple(lift(a) for a in args))


def operations(names: str) -> Iterator[Callable[..., Operation]]:
    """The same for several primitives, their names with spaces between."""
    return map(operation, names.split())


class Rewrite:
    """A law, read from left to right: where `pattern` stands, `result` may stand.

    `result` is a letter, a number, or one operation on letters. `algebra`: it holds for real numbers, not for
    infinities, NaN, the sign of zero or the last bit. `when(node)`: a further condition. `params(node)`: the result's
    parameters; otherwise those of the node that it replaces.
    """

    __slots__ = ("algebra", "orders", "params", "pattern", "reason", "result", "when")

    def __init__(
        self,
        pattern: Operation,
        result: Pattern | float,
        reason: str,
        *,
        algebra: bool = False,
        when: Callable[[Node], bool] | None = None,
        params: Callable[[Node], dict[str, Any]] | None = None,
    ) -> None:
        self.pattern, self.result, self.reason, self.algebra = pattern, lift(result), reason, algebra
        self.when, self.params = when, params
        self.orders = tuple(pattern.orders())

    def matches(self, node: Node) -> Iterator[Found]:
        """What the letters stand for, in every way in which the law applies."""
        for pattern in self.orders:
            found: Found = {}
            if pattern.match(node, found) and (self.when is None or self.when(node)):
                yield found

    def __repr__(self) -> str:
        return f"<rewrite: {self.reason}>"


def fill_of(value: Any) -> Any:
    """The number that a constant consists of; None where its elements differ, or are no real numbers."""
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (Tracer, complex)) or value.dtype.kind not in "fiub" or value.size == 0:
        return None
    first, last = value.flat[0], value.flat[-1]
    if first != last or not (value == first).all():
        return None
    if first == 0 and value.dtype.kind == "f" and (np.signbit(value) != np.signbit(first)).any():
        return None
    return first
