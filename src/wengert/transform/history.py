"""What was computed on the tape, as a graph that can be printed, run again, drawn and explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from wengert.core.aval import aval_of
from wengert.core.primitive import Primitive
from wengert.core.tracer import Tracer
from wengert.graph.graph import Graph
from wengert.graph.node import Node
from wengert.transform.linearize import LinearNode


class Call(NamedTuple):
    """How a result came about: output `part` of a primitive applied to arguments.

    Of arguments that are Variables it has the leaves themselves, and the nodes of results, whose Variables may since
    have been updated in place.
    """

    primitive: Primitive
    args: Sequence[Any]
    params: dict[str, Any]
    part: int | None


def graph_of(result: Any, name: str) -> Graph:
    """The operations that led to a leaf, a node or a plain value, with the leaves as the inputs."""
    steps: dict[int, Any] = {}
    leaves: dict[int, Any] = {}
    stack = [result]
    while stack:
        held = stack.pop()
        if isinstance(held, LinearNode):
            if held.serial not in steps:
                steps[held.serial] = held
                stack.extend(held.call.args)  # type: ignore[attr-defined]
        elif isinstance(held, Tracer):
            leaves[held.tangent.serial] = held  # type: ignore[attr-defined]
    return _in_order([leaves[i] for i in sorted(leaves)], [steps[i] for i in sorted(steps)], result, name)


def _in_order(leaves: Sequence[Any], steps: Sequence[Any], result: Any, name: str) -> Graph:
    """Leaves and what was made of them, in the order of their making, as the nodes of a graph."""
    found: dict[int, Node] = {}
    nodes: list[Node] = []

    def add(node: Node) -> Node:
        nodes.append(node)
        return node

    def node_of(held: Any) -> Node:
        known = found.get(id(held)) if isinstance(held, Tracer) else None
        return known or add(Node(None, (), {}, aval_of(held), value=held))

    for i, leaf in enumerate(leaves):
        value = leaf.value
        found[id(leaf)] = add(Node(None, (), {}, aval_of(value), name=leaf.name or f"x{i}", value=value))
    for made in steps:
        primitive, args, params, part = made.call
        step = add(Node(primitive, [node_of(a) for a in args], params, made.aval, made.location))
        found[id(made)] = step if part is None else add(Node(None, (step,), {}, made.aval, made.location, part=part))
    return Graph(
        name, [found[id(leaf)] for leaf in leaves], [node_of(result)],
        arguments=tuple(leaf.data for leaf in leaves), rebuild=lambda values: values[0], nodes=nodes,
    )  # fmt: skip
