"""Linearization: forward mode whose tangents are nodes of a graph of linear maps.

Applied from the inputs on, the graph is the directional derivative at this point; walked backwards with each map
transposed (`transpose.py`), it is reverse mode. No operation needs a rule of its own for that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from itertools import count
from operator import attrgetter
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.errors import MissingRuleError, NonlinearError
from wengert.core.location import Location, user_location
from wengert.core.primitive import Primitive, Structured, bind
from wengert.core.rule import Constant, Linear, Partial, Probe
from wengert.core.snapshot import snapshot
from wengert.core.tracer import Level, Tracer, concrete
from wengert.transform.differential import (
    IDENTITY,
    Identity,
    LinearMap,
    Pushed,
    Scale,
    Through,
    adjoint,
    applied,
    as_numpy,
    check_inexact,
    conform,
    scaling,
)
from wengert.transform.forward import ForwardLevel, sum_of

_serial = count()
#: The level on which a pushforward is being run, and the user's line that all of its steps belong to.
_pushing: ContextVar[tuple[Level, Location | None] | None] = ContextVar("wengert_pushing", default=None)


class LinearNode(Tracer):
    """A tangent that is not a number yet: a sum of linear maps applied to earlier nodes.

    It is a tracer, so that a pushforward can be run on it: NumPy applied to it records further linear nodes.
    """

    __slots__ = ("_aval", "edges", "location", "serial")
    updatable = False

    def __init__(self, level: Level, aval: Aval, edges: Sequence[tuple[LinearNode, LinearMap]], location: Any) -> None:
        self.level = level
        self._aval = aval
        self.edges = edges
        self.location: Location | None = location
        self.serial = next(_serial)

    def frozen(self) -> LinearNode:
        return self

    def fits(self, kind: type[LinearNode], aval: Aval) -> bool:
        """Whether it is what a node of this kind for a value of this shape and dtype would be."""
        return type(self) is kind and self._aval == aval

    @property
    def aval(self) -> Aval:
        return self._aval

    @property
    def shape(self) -> tuple[int, ...]:
        return self._aval.shape

    @property
    def value(self) -> Any:
        raise NonlinearError(
            "a pushforward asked for the value of its tangent; it may only be used linearly",
            wrong="wg.Pushforward(lambda t, z, x: np.sin(t))",
            right="wg.Pushforward(lambda t, z, x: np.cos(x) * t)",
        )


class Part(LinearMap):
    """(t₀, t₁, …) → tₖ."""

    __slots__ = ("k",)

    def __init__(self, k: int) -> None:
        self.k = k

    def apply(self, tangent: Any) -> Any:
        return tangent[self.k]

    def transpose(self, ct: Any) -> Any:
        return Shares({self.k: ct})


class Shares(dict[int, Any]):
    """The cotangents of an operation with several outputs, by position; those that are missing are zero."""

    def __add__(self, other: Shares) -> Shares:
        total = Shares(self)
        for k, ct in other.items():
            total[k] = total[k] + ct if k in total else ct
        return total


class JointNode(LinearNode):
    """The tangents of all outputs of a loop or a branch, which is linear in its active arguments together."""

    __slots__ = ("active", "args", "params", "primitive")
    primitive: Structured
    active: Sequence[bool]
    args: Sequence[Any]
    params: dict[str, Any]

    def push(self, tangents: Sequence[Any]) -> tuple[Any, ...]:
        """The outputs' tangents for those of the active arguments."""
        given = iter(tangents)
        args = [next(given) if on else arg for arg, on in zip(self.args, self.active, strict=True)]
        shaped = [np.zeros(h.shape, h.dtype)[()] if a is None else a for a, h in zip(args, self.args, strict=True)]
        outs: tuple[Any, ...] = bind(self.primitive, shaped, self.params)
        return outs

    def pull(self, shares: Shares) -> Sequence[Any]:
        """The active arguments' cotangents."""
        cts = [shares.get(k) for k in range(len(self._aval))]
        return self.primitive.transpose(cts, self.active, self.args, self.params)  # type: ignore[no-any-return]


class LinearLevel(Level):
    """Records what a pushforward does to its tangent."""

    __slots__ = ()

    def process(self, primitive: Primitive, args: Sequence[Any], params: dict[str, Any]) -> Any:
        active = [isinstance(a, LinearNode) and a.level is self for a in args]
        if isinstance(primitive, Structured):
            return self.together(primitive, args, active, params)
        if primitive.aval is None:
            raise MissingRuleError(
                f"{primitive.name} was used on a tangent, which needs its rule for shape and dtype",
                wrong=f"wg.primitive({primitive.name}, …)",
                right=f"wg.primitive({primitive.name}, …, aval=lambda x: wg.Aval(x.shape, x.dtype))",
            )
        avals = [aval_of(a) for a in args]
        aval = primitive.aval(*avals, **params)
        if sum(active) > 1 and not primitive.joint:
            self._check_sum(primitive, active)
        edges: list[tuple[LinearNode, LinearMap]] = []
        shaped: list[Any] = []  # the arguments as transposes take them, once for all of them
        for i, on in enumerate(active):
            if not on:
                continue
            rule = primitive.rule(i)
            if isinstance(rule, Linear):
                shaped = shaped or [
                    Placeholder(v) if tangent else as_numpy(snapshot(a))
                    for a, v, tangent in zip(args, avals, active, strict=True)
                ]
                map_: LinearMap = Through(primitive, i, rule, shaped, params)
            else:
                map_ = self._scale(primitive, rule, i, args, avals[i].shape, active)
            if aval.dtype.kind == "c" or avals[i].dtype.kind == "c":
                map_ = adjoint(map_, primitive, aval.dtype.kind == "c", avals[i].dtype.kind == "c")
            edges.append((args[i], map_))
        pushing = _pushing.get()
        return LinearNode(self, aval, edges, pushing[1] if pushing and pushing[0] is self else user_location())

    def together(
        self, primitive: Structured, args: Sequence[Any], active: Sequence[bool], params: dict[str, Any]
    ) -> tuple[Any, ...]:
        """A loop or a branch: one node for the whole of it, which leads to all active arguments at once."""
        if not primitive.transposable(active, params):
            return primitive.expand(args, params)
        avals = primitive.aval(*map(aval_of, args), **params)  # type: ignore[misc]
        held = [Placeholder(a.aval) if on else snapshot(a) for a, on in zip(args, active, strict=True)]
        location = user_location()
        edges = [(a, IDENTITY) for a, on in zip(args, active, strict=True) if on]
        whole = JointNode(self, avals, edges, location)
        whole.primitive, whole.active, whole.args, whole.params = primitive, active, held, params
        return tuple(LinearNode(self, aval, [(whole, Part(k))], location) for k, aval in enumerate(avals))

    def _scale(
        self, primitive: Primitive, rule: Any, i: int, args: Sequence[Any], shape: tuple[int, ...], active: list[bool]
    ) -> LinearMap:
        """The map of an operation that multiplies its tangent, argument i, by something that is no tangent."""
        if isinstance(rule, Partial):
            if rule.constant is not None:
                return scaling(rule, None, args, i)
            if rule.argument is not None and not active[rule.argument]:
                return Scale(snapshot(args[rule.argument]), shape)
            # A Probe in place of output and tangent: the partial may not look at them.
            held = [Probe() if on else snapshot(a) for a, on in zip(args, active, strict=True)]
            try:
                with np.errstate(all="ignore"):
                    partial = rule.fn(Probe(), *held)
            except TypeError:  # what NumPy says of a probe
                partial = Probe()
            if not isinstance(partial, Probe):
                return Scale(partial, shape)
        raise NonlinearError(
            f"a pushforward applied {primitive.name} to its tangent, which is not linear",
            wrong="wg.Pushforward(lambda t, z, x: np.sin(t))",
            right="wg.Pushforward(lambda t, z, x: np.cos(x) * t)",
        )

    def _check_sum(self, primitive: Primitive, active: Sequence[bool]) -> None:
        """Two tangents in one operation are fine in a sum, not in a product."""
        for i, on in enumerate(active):
            rule = primitive.rule(i)
            if on and not (isinstance(rule, Constant) or (isinstance(rule, Partial) and rule.constant is not None)):
                raise NonlinearError(
                    f"a pushforward multiplied its tangent by itself ({primitive.name})",
                    wrong="wg.Pushforward(lambda t, z, x: t * t)",
                    right="wg.Pushforward(lambda t, z, x: 2 * x * t)",
                )


class Placeholder:
    """Shape and dtype of an argument whose value a transpose does not need."""

    __slots__ = ("dtype", "ndim", "shape", "size")

    def __init__(self, aval: Aval) -> None:
        self.shape, self.dtype, self.ndim = aval.shape, aval.dtype, len(aval.shape)
        self.size = math.prod(aval.shape)


class LinearizeLevel(ForwardLevel):
    """Forward mode with the tangents left as nodes."""

    __slots__ = ("linear",)
    node = LinearNode
    apart = True

    def __init__(self, rank: int | None = None) -> None:
        super().__init__(rank)
        self.linear = LinearLevel(rank)

    def input(self, value: Any) -> Any:
        """A traced input with a fresh node as its tangent."""
        return self.tracer(self, value, LinearNode(self.linear, aval_of(value), (), None))

    def hold(self, arg: Any) -> Any:
        """An array that is not ours could be changed by the user before the reverse pass reads it."""
        return snapshot(arg)

    def combine(self, out: Any, maps: list[tuple[Any, LinearMap]], primitive: Primitive) -> Any:
        edges: list[tuple[LinearNode, LinearMap]] = []
        location: Location | None = None
        recorded: LinearNode | None = None  # by a pushforward just now, so that nothing else stands for it
        for tangent, map_ in maps:
            kind = type(map_)
            if kind is Pushed:
                location = user_location(above=3)
                token = _pushing.set((self.linear, location))
                try:
                    pushed = self.settle(map_.apply(tangent), out)
                finally:
                    _pushing.reset(token)
                recorded = None if pushed is tangent else pushed
            elif kind is Identity:
                pushed = self.settle(tangent, out)
            else:
                edges.append((tangent, map_))
                continue
            if pushed is not None:
                edges.append((pushed, IDENTITY))
        if not edges:
            return None
        aval = aval_of(out)
        check_inexact(aval, primitive.name)
        if recorded is not None and len(edges) == 1 and recorded.fits(self.node, aval):
            return recorded
        return self.node(self.linear, aval, edges, location or user_location(above=3))  # above: process, bind, caller

    def settle(self, tangent: Any, out: Any) -> Any:
        """What a pushforward made of a node: a node; a constant can only be zero."""
        if isinstance(tangent, LinearNode) and tangent.level is self.linear:
            return tangent
        if tangent is not None and np.any(concrete(tangent) != 0):
            raise NonlinearError(
                "a pushforward returned something that does not depend on its tangent",
                wrong="wg.Pushforward(lambda t, z, x: np.cos(x))",
                right="wg.Pushforward(lambda t, z, x: np.cos(x) * t)",
            )
        return None


def ancestors(roots: Iterable[LinearNode]) -> list[LinearNode]:
    """The nodes that the roots depend on, the roots included, in the order of their making."""
    seen = {id(node): node for node in roots}
    stack = list(seen.values())
    while stack:
        for parent, _ in stack.pop().edges:
            if id(parent) not in seen:
                seen[id(parent)] = parent
                stack.append(parent)
    return sorted(seen.values(), key=attrgetter("serial"))


def push(inputs: Sequence[LinearNode], outputs: Sequence[LinearNode | None], tangents: Sequence[Any]) -> list[Any]:
    """Run the linear graph: the outputs' tangents, None where they do not depend on the inputs."""
    values: dict[int, Any] = {id(node): t for node, t in zip(inputs, tangents, strict=True)}
    with np.errstate(all="ignore"):
        for node in ancestors([o for o in outputs if o is not None]):
            if isinstance(node, JointNode):
                values[id(node)] = node.push([values.get(id(p)) for p, _ in node.edges])
            elif id(node) not in values and node.edges:
                total = sum_of(applied([(values[id(p)], m) for p, m in node.edges if values.get(id(p)) is not None]))
                values[id(node)] = None if total is None else conform_to(total, node.aval)
    return [None if o is None else values.get(id(o)) for o in outputs]


def conform_to(tangent: Any, aval: Aval) -> Any:
    """Give a tangent a shape and dtype."""
    return conform(tangent, aval.dtype.type(0).item() if aval.weak else Placeholder(aval))
