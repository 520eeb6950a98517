"""The numbers of an explanation: every step's value, local partials and adjoint, as both passes compute them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.core.aval import aval_of, shape_of
from wengert.core.chain import scale, unbroadcast
from wengert.core.errors import ShapeError
from wengert.core.primitive import Primitive, bind
from wengert.core.rule import Constant, Partial
from wengert.explain.writing import Style, Written, formula
from wengert.graph.graph import Graph
from wengert.graph.node import Node
from wengert.graph.record import trace
from wengert.transform.differential import partial_value
from wengert.transform.linearization import settle
from wengert.transform.reverse import vjp


class Edge(NamedTuple):
    """The influence of one argument on a step.

    `partial`: the number or array ∂step/∂arg where the rule is elementwise, else None; `contribution`: what this path
    adds to the argument's adjoint.
    """

    step: Node
    position: int
    arg: Node
    partial: Any
    contribution: Any


class Adjoints(NamedTuple):
    """Values and adjoints by node id, and the edges in the order in which the reverse pass takes them."""

    values: dict[int, Any]
    adjoints: dict[int, Any]
    edges: list[Edge]


def adjoints_of(graph: Graph) -> Adjoints:
    """Run the graph forwards and backwards at the arguments it was recorded with, keeping everything."""
    values = graph.values(*graph.arguments)
    active = _active(graph)
    output = graph.outputs[0]
    adjoints: dict[int, Any] = {}
    edges: list[Edge] = []
    if id(output) in active:
        adjoints[id(output)] = 1.0
    users = _last_first(graph)
    for node in users:
        if id(node) not in adjoints:
            continue
        ct = adjoints[id(node)]
        if node.part is not None:
            whole = node.args[0]
            slots = adjoints.setdefault(id(whole), [None] * len(values[id(whole)]))
            slots[node.part] = ct
            continue
        for i, arg in enumerate(node.args):
            if id(arg) not in active or isinstance(node.primitive.rule(i) if node.primitive else None, Constant):
                continue
            edge = _edge(node, i, ct, values)
            edges.append(edge)
            held = adjoints.get(id(arg))
            adjoints[id(arg)] = edge.contribution if held is None else held + edge.contribution
    for node in graph.inputs:
        adjoints[id(node)] = settle(adjoints.get(id(node)), values[id(node)])
    return Adjoints(values, adjoints, edges)


def _last_first(graph: Graph) -> list[Node]:
    return [node for node in reversed(graph.nodes) if node.primitive is not None or node.part is not None]


def _active(graph: Graph) -> set[int]:
    """The nodes that depend on an input by more than their shape: floating-point results of active arguments."""
    active = {id(n) for n in graph.inputs}
    for node in graph.nodes:
        if node.primitive is not None:
            if any(
                id(a) in active and not isinstance(node.primitive.rule(i), Constant) for i, a in enumerate(node.args)
            ):
                active.add(id(node))
        elif node.part is not None and id(node.args[0]) in active:
            active.add(id(node))
    return active


def _edge(node: Node, i: int, ct: Any, values: dict[int, Any]) -> Edge:
    primitive = node.primitive
    assert primitive is not None
    args = [values[id(a)] for a in node.args]
    rule = primitive.rule(i)
    if isinstance(rule, Partial):
        out = values[id(node)]
        partial = partial_value(rule, out, args)
        with np.errstate(all="ignore"):
            spread = np.broadcast_to(bind(scale, (partial, ct), {}), shape_of(out))[()]
            contribution = unbroadcast(spread, shape_of(args[i]))
        return Edge(node, i, node.args[i], partial, contribution)
    return Edge(node, i, node.args[i], None, _transposed(primitive, i, args, node.params, ct))


def _transposed(primitive: Primitive, i: int, args: list[Any], params: dict[str, Any], ct: Any) -> Any:
    """What reverse mode itself adds along this edge."""

    def alone(value: Any) -> Any:
        return bind(primitive, [*args[:i], value, *args[i + 1 :]], params)

    out, back = vjp(alone, args[i])
    if isinstance(out, tuple):
        ct = tuple(np.zeros(shape_of(o)) if c is None else c for o, c in zip(out, ct, strict=True))
    elif aval_of(ct).shape != shape_of(out):
        raise ShapeError(f"the adjoint of {primitive.name} has shape {aval_of(ct).shape}, not {shape_of(out)}")
    return back(ct)[0]


def partial_formula(edge: Edge, names: list[str], out_name: str, constants: list[bool], style: Style) -> Written | None:
    """∂step/∂arg in symbols: the rule itself, applied to names instead of numbers. None where it is not elementwise."""
    primitive = edge.step.primitive
    assert primitive is not None
    rule = primitive.rule(edge.position)
    if not isinstance(rule, Partial):
        return None
    if rule.constant is not None:
        return Written(str(int(rule.constant)) if rule.constant == int(rule.constant) else str(rule.constant))
    args = [a.value if fixed else _example(a) for a, fixed in zip(edge.step.args, constants, strict=True)]
    free = [k for k, fixed in enumerate(constants) if not fixed]

    def of_names(out: Any, *given: Any) -> Any:
        full = list(args)
        for k, value in zip(free, given, strict=True):
            full[k] = value
        return rule.fn(out, *full)

    with np.errstate(all="ignore"):
        graph = trace(of_names)(_example(edge.step), *[args[k] for k in free]).simplify(algebra=True)
    return formula(graph, [out_name, *[names[k] for k in free]], style)


def _example(node: Node) -> Any:
    """A number of the node's kind: the formula does not depend on it."""
    return 0.5 if node.aval.weak else np.full(node.aval.shape, 0.5, node.aval.dtype)[()]
