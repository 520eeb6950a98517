"""Simplification: the laws, and the one pass over a graph that applies them.

The laws without `algebra` change no bit of any result, with infinities, NaN and the sign of zero included: that is why
0·x is not 0 (x may be infinite) and x + 0.0 is not x (−0.0 + 0.0 = 0.0). The one exception is the sign of a zero that
`scale` returns: the strong zero of the chain rule has none.

A law is applied only where shape, dtype and weakness of its result are those of the node that it replaces. That check
is part of each law: "a reshape is its argument" reads "where it has its argument's shape".
"""

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
from wengert.graph.node import Guard, Node
from wengert.graph.pattern import Found, Literal, Operation, Pattern, Rewrite, Variable, is_commutative, operations

x, y = Variable("x"), Variable("y")  # real
a, b, c = (Variable(name, real=False) for name in "abc")  # of any dtype
scale, square, sqrt, exp, log, maximum, minimum = operations("scale square sqrt exp log maximum minimum")
where, logical_not, invert, stop_gradient = operations("where logical_not invert stop_gradient")
reshape, transpose, broadcast_to, sum_to, astype = operations("reshape transpose broadcast_to sum_to astype")
getitem, concatenate, sum_, prod, max_, min_ = operations("getitem concatenate sum prod max min")


def _keeps_order(node: Node) -> bool:
    return tuple(node.params["axes"]) == tuple(range(len(node.params["axes"])))


def _composed(node: Node) -> dict[str, Any]:
    inner = node.args[0].params["axes"]
    return {"axes": tuple(inner[i] for i in node.params["axes"])}


def _takes_all(node: Node) -> bool:
    return all(p is Ellipsis or (isinstance(p, slice) and p.step in (None, 1)) for p in node.params["index"])


def _widens_first(node: Node) -> bool:
    wide = node.args[0]
    return np.can_cast(wide.args[0].aval.dtype, wide.aval.dtype, "safe")


# fmt: off
LAWS = [
    # Arithmetic, exact.
    Rewrite(+x,                      x,               "+x = x"),
    Rewrite(-(-x),                   x,               "−(−x) = x"),  # noqa: B002
    Rewrite(1 * x,                   x,               "1·x = x"),
    Rewrite(-1 * x,                  -x,              "(−1)·x = −x"),
    Rewrite(-x * -y,                 x * y,           "(−x)·(−y) = x·y: the signs of a product cancel"),
    Rewrite(x / 1,                   x,               "x/1 = x"),
    Rewrite(x / -1,                  -x,              "x/(−1) = −x"),
    Rewrite(-x / -y,                 x / y,           "(−x)/(−y) = x/y"),
    Rewrite(x + -0.0,                x,               "x + (−0) = x: the zero that is neutral even to −0"),
    Rewrite(x - 0.0,                 x,               "x − 0 = x"),
    Rewrite(-0.0 - x,                -x,              "−0 − x = −x"),
    Rewrite(x + (-y),                x - y,           "x + (−y) = x − y"),
    Rewrite(x - (-y),                x + y,           "x − (−y) = x + y"),
    Rewrite(x ** 1,                  x,               "x¹ = x"),
    Rewrite(x ** 0,                  1,               "x⁰ = 1, of NaN too (C99, annex F.10.4.4)"),
    Rewrite(1 ** x,                  1,               "1ˣ = 1, of NaN too (C99, annex F.10.4.4)"),
    Rewrite(abs(-x),                 abs(x),          "|−x| = |x|"),
    Rewrite(abs(abs(x)),             abs(x),          "||x|| = |x|"),
    Rewrite(square(-x),              square(x),       "(−x)² = x²"),
    Rewrite(square(abs(x)),          square(x),       "|x|² = x²"),
    Rewrite(maximum(x, x),           x,               "max(x, x) = x"),
    Rewrite(minimum(x, x),           x,               "min(x, x) = x"),
    # The product of the chain rule, whose zero is strong: 0·∞ = 0.
    Rewrite(scale(1, x),             x,               "1·x = x"),
    Rewrite(scale(-1, x),            -x,              "(−1)·x = −x"),
    Rewrite(scale(-x, -y),           scale(x, y),     "(−x)·(−y) = x·y"),
    Rewrite(scale(0, x),             0,               "0·x = 0, even for x = ∞: the zero is strong"),
    # Choices.
    Rewrite(where(True, a, b),       a,               "the condition always holds"),
    Rewrite(where(False, a, b),      b,               "the condition never holds"),
    Rewrite(where(c, a, a),          a,               "both branches are the same"),
    Rewrite(logical_not(logical_not(a)), a,           "¬¬a = a"),
    Rewrite(invert(invert(a)),       a,               "∼∼a = a"),
    Rewrite(stop_gradient(stop_gradient(a)), stop_gradient(a), "a constant of the derivative already"),
    # Shapes and dtypes.
    Rewrite(reshape(a),              a,               "it has the shape already"),
    Rewrite(reshape(reshape(a)),     reshape(a),      "the last shape counts"),
    Rewrite(transpose(a),            a,               "the axes keep their order", when=_keeps_order),
    Rewrite(transpose(transpose(a)), transpose(a),    "permutations compose", params=_composed),
    Rewrite(broadcast_to(a),         a,               "it has the shape already"),
    Rewrite(broadcast_to(broadcast_to(a)), broadcast_to(a), "the last shape counts"),
    Rewrite(astype(x),               x,               "it has the dtype already"),
    Rewrite(astype(astype(x)),       astype(x),       "the first dtype holds every x", when=_widens_first),
    Rewrite(getitem(a),              a,               "x[:] takes all there is", when=_takes_all),
    Rewrite(concatenate(a),          a,               "one part is the whole"),
    Rewrite(prod(a),                 a,               "a product over no axis, or over axes of length 1"),
    Rewrite(max_(a),                 a,               "a maximum over no axis, or over axes of length 1"),
    Rewrite(min_(a),                 a,               "a minimum over no axis, or over axes of length 1"),
    # Algebra: for real numbers only.
    Rewrite(x + 0,                   x,               "x + 0 = x",                                algebra=True),
    Rewrite(x - 0,                   x,               "x − 0 = x",                                algebra=True),
    Rewrite(0 - x,                   -x,              "0 − x = −x",                               algebra=True),
    Rewrite(x - x,                   0,               "x − x = 0",                                algebra=True),
    Rewrite(-(x - y),                y - x,           "−(x − y) = y − x",                         algebra=True),
    Rewrite(0 * x,                   0,               "0·x = 0",                                  algebra=True),
    Rewrite(0 / x,                   0,               "0/x = 0",                                  algebra=True),
    Rewrite(x / x,                   1,               "x/x = 1",                                  algebra=True),
    Rewrite(x * y / y,               x,               "(x·y)/y = x",                              algebra=True),
    Rewrite(x / y * y,               x,               "(x/y)·y = x",                              algebra=True),
    Rewrite(scale(x, y),             x * y,           "the zero of the real numbers is strong",   algebra=True),
    Rewrite(exp(log(x)),             x,               "exp is the inverse of ln",                 algebra=True),
    Rewrite(log(exp(x)),             x,               "ln is the inverse of exp",                 algebra=True),
    Rewrite(square(sqrt(x)),         x,               "(√x)² = x",                                algebra=True),
    Rewrite(sqrt(square(x)),         abs(x),          "√x² = |x|",                                algebra=True),
    Rewrite(sum_(x),                 x,               "a sum of one number each (NumPy's is 0 + x)", algebra=True),
    Rewrite(sum_to(x),               x,               "it has the shape already",                 algebra=True),
    Rewrite(sum_to(sum_to(x)),       sum_to(x),       "a sum in another order",                   algebra=True),
]
# fmt: on

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
        return Simplification(algebra).of(graph)


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
        """Rewrite until no law applies."""
        while id(node) not in self.nodes:
            result = self.folded(node) or self.rewritten(node)
            if result is None:
                return self.shared(_computes(node), node)
            if result.primitive is None:
                return result
            node = result
        return node

    def folded(self, node: Node) -> Node | None:
        """The constant that an operation on constants gives; a tuple of several outputs stays out of the list."""
        if node.primitive is None or not all(map(_is_known, node.args)):
            return None
        avals: list[Aval] = [node.aval] if node.primitive.outputs == 1 else list(node.aval)
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
        """What the first law that applies makes of it."""
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
