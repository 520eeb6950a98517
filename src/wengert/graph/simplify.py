"""Simplification: one pass over a graph that applies the laws, computes what is constant and shares what is common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.core.aval import Aval, aval_of
from wengert.core.location import Location
from wengert.core.primitive import REGISTRY
from wengert.core.tracer import Tracer
from wengert.graph.graph import Graph, ability
from wengert.graph.laws import LAWS
from wengert.graph.node import Guard, Node
from wengert.graph.pattern import Found, Literal, Operation, Pattern, Rewrite, Variable, is_commutative

_STEPS = 100  # rewrites of one node
_FOLDED = 4096  # elements: what constants give is computed once and kept where it is not larger than this, or than they
_COMPARED = 4096  # bytes: constants up to this size are the same if their bits are, larger ones if they are one array


@ability("simplify")
def simplify(graph: Graph, algebra: bool = False) -> Graph:
    """The same function in fewer steps: constants folded, common parts shared, dead code and neutral steps removed.

    **Arguments**: `graph`, which stays as it is; `algebra`: use the laws of the real numbers too, which need not hold
    for infinities, NaN, the sign of zero and the last bit. **Returns**: a graph of new nodes with the same inputs,
    arguments and result, which keeps the user's lines (of shared steps the first one's). Simplifying it again
    changes nothing. **Cost**: linear in the number of nodes, about 10 µs each.

    >>> from wengert.graph.record import trace
    >>> simplify(trace(lambda x, y: 0 + (0 * x + y * 1))(3.0, 4.0), algebra=True).outputs
    [<input y: float64>]
    """
    with np.errstate(all="ignore"):
        simpler = Simplification(algebra).of(graph)
    simpler.quiet = graph.quiet
    return simpler


class Simplification:
    """One pass from the inputs on. Arguments are in their simplest form before their users are looked at."""

    def __init__(self, algebra: bool) -> None:
        self.laws: dict[str, list[Rewrite]] = {}
        for law in LAWS:
            if algebra or not law.algebra:
                self.laws.setdefault(law.pattern.name, []).append(law)
        self.nodes: dict[int, Node] = {}  # by id: the new list, in order
        self.known: dict[Any, Node] = {}  # by what they compute

    def of(self, graph: Graph) -> Graph:
        new: dict[int, Node] = {}
        for node in graph.nodes:
            new[id(node)] = self.translated(node, [new[id(arg)] for arg in node.args])
        inputs, outputs = ([new[id(node)] for node in nodes] for nodes in (graph.inputs, graph.outputs))
        guards: dict[Any, Guard] = {}
        for guard in graph.guards:
            node = new[id(guard.node)]
            if not (_is_known(node) and guard.read(node.value) == guard.outcome):
                guards.setdefault((id(node), guard.outcome), guard._replace(node=node))
        alive = {id(node) for node in (*inputs, *outputs, *(g.node for g in guards.values()))}
        for node in reversed(self.nodes.values()):
            if id(node) in alive:
                alive.update(id(arg) for arg in node.args)
        return Graph(
            graph.name, inputs, outputs, list(guards.values()), arguments=graph.arguments, rebuild=graph.rebuild,
            nodes=[node for key, node in self.nodes.items() if key in alive],
        )  # fmt: skip

    def translated(self, node: Node, args: Sequence[Node]) -> Node:
        """The simplest form of an old node whose arguments have theirs."""
        if node.is_input:
            return self.shared(id(node), Node(None, (), {}, node.aval, node.location, name=node.name, value=node.value))
        if node.is_constant:
            return self.constant(node.value, node.aval, node.location)
        if node.part is not None:
            if args[0].is_constant:
                return self.constant(args[0].value[node.part], node.aval, node.location)
            part = Node(None, args, {}, node.aval, node.location, part=node.part)
            return self.shared(("part", id(args[0]), node.part), part)
        return self.operation(Node(node.primitive, args, node.params, node.aval, node.location))

    def operation(self, node: Node) -> Node:
        """Rewrite until no law applies; laws that undo each other are stopped, as no honest node takes so many."""
        for _ in range(_STEPS):
            result = self.folded(node) or self.rewritten(node)
            if result is None:
                return self.shared(_computes(node), node)
            if result.primitive is None or id(result) in self.nodes:
                return result
            node = result
        raise RecursionError(f"the laws of simplification rewrite {node} for ever")

    def folded(self, node: Node) -> Node | None:
        """The constant that an operation on constants gives; a tuple of several outputs stays out of the list."""
        if node.primitive is None or not all(map(_is_known, node.args)):
            return None
        avals = node.avals
        limit = max(_FOLDED, *(_size(arg.aval) for arg in node.args))
        if sum(map(_size, avals)) > limit:
            return None
        try:
            value = node.primitive.impl(*(arg.value for arg in node.args), **node.params)
            if [aval_of(v) for v in ([value] if node.primitive.outputs == 1 else value)] != avals:
                return None
        except Exception:  # it will raise where the user runs it
            return None
        if node.primitive.outputs > 1:
            return Node(None, (), {}, node.aval, node.location, value=value)
        return self.constant(value, node.aval, node.location)

    def rewritten(self, node: Node) -> Node | None:
        """What the first law that applies makes of it, such that shape, dtype and weakness stay."""
        assert node.primitive is not None
        for law in self.laws.get(node.primitive.name, ()):
            for found in law.matches(node):
                params = node.params if law.params is None else law.params(node)
                result = self.built(law.result, found, node, params)
                if result.aval == node.aval:
                    return result
        return None

    def built(self, result: Pattern, found: Found, node: Node, params: dict[str, Any]) -> Node:
        """The right side of a law: a node that is there already, a constant, or one operation on such."""
        if isinstance(result, Variable):
            return found[result.name]
        if isinstance(result, Literal):
            return self.constant(_filled(result.value, node.aval), node.aval, node.location)
        assert isinstance(result, Operation)
        primitive = REGISTRY[result.name]
        assert primitive.aval is not None
        args = [self.built(arg, found, node, {}) for arg in result.args]
        return Node(primitive, args, params, primitive.aval(*(arg.aval for arg in args), **params), node.location)

    def constant(self, value: Any, aval: Aval, location: Location | None) -> Node:
        if isinstance(value, np.ndarray):
            value = value.view()
            value.flags.writeable = False
        return self.shared(("constant", _identity(value)), Node(None, (), {}, aval, location, value=value))

    def shared(self, key: Any, node: Node) -> Node:
        """The node that computes the same already, or this one, now in the list."""
        first = self.known.setdefault(key, node)
        if first is node:
            self.nodes[id(node)] = node
        return first


def _is_known(node: Node) -> bool:
    """A constant whose number is at hand: not one that an outer transformation follows."""
    return node.is_constant and not isinstance(node.value, Tracer)


def _size(aval: Aval) -> int:
    return math.prod(aval.shape)


def _filled(value: Any, aval: Aval) -> Any:
    """A number as a value of this shape and dtype."""
    if aval.weak:
        return aval.dtype.type(value).item()
    return np.full(aval.shape, value, aval.dtype)[()]


def _computes(node: Node) -> Any:
    """Equal for two operations that give the same."""
    assert node.primitive is not None
    args = [id(arg) for arg in node.args]
    if is_commutative(node.primitive):
        args.sort()
    return id(node.primitive), tuple(args), _identity(node.params) if node.params else None


def _identity(value: Any) -> Any:
    """Hashable, and equal for constants and parameters that nothing tells apart: 1 is not 1.0, 0.0 is not -0.0."""
    kind = type(value)
    if kind is float:
        return kind, value.hex()
    if isinstance(value, slice):
        return slice, _identity((value.start, value.stop, value.step))
    if isinstance(value, (tuple, list)):
        return kind, tuple(map(_identity, value))
    if isinstance(value, dict):
        return kind, tuple((key, _identity(value[key])) for key in sorted(value))
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.hasobject or value.nbytes > _COMPARED:
            return kind, value.__array_interface__["data"][0], value.dtype.str, value.shape, value.strides
        return kind, value.dtype.str, value.shape, value.tobytes()
    try:
        hash(value)
    except TypeError:
        return kind, id(value)
    return (kind, id(value)) if isinstance(value, Tracer) else (kind, value)
