"""Bodies that are made of the nodes of others, in the simplest form that there is of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wengert.core.aval import Aval
from wengert.graph.body import Body
from wengert.graph.graph import Graph
from wengert.graph.node import Node


class Simple(Body):
    """A body whose nodes come from a simplified graph, so that there is nothing more to simplify."""

    def simplify(self, algebra: bool = False) -> Graph:
        return super().simplify(algebra) if algebra else self

    def reads(self) -> list[bool]:
        """Which of its inputs it uses."""
        read = {id(a) for n in self.nodes for a in n.args} | {id(n) for n in self.outputs}
        return [id(n) in read for n in self.inputs]


def simple(body: Body) -> Simple:
    """The body in its simplest form."""
    if isinstance(body, Simple):
        return body
    graph = body.simplify()
    return like(body, graph.inputs, graph.outputs, body.linear)


def like(body: Body, inputs: Sequence[Node], outputs: Sequence[Node], linear: Sequence[bool]) -> Simple:
    """A part of a body, which is as quiet."""
    made = Simple(body.name, inputs, outputs)
    made.linear, made.quiet = tuple(linear), body.quiet
    return made


def given(aval: Aval, name: str, value: Any) -> Node:
    """An input with an example value."""
    return Node(None, (), {}, aval, name=name, value=value)


def replaced(graph: Graph, new: dict[int, Node], outputs: Sequence[Node]) -> list[Node]:
    """These nodes of a graph, computed from others in the place of some."""
    there = dict(new)
    for node in graph.nodes:
        if id(node) in there:
            continue
        if node.args:
            args = [there[id(a)] for a in node.args]
            there[id(node)] = Node(node.primitive, args, node.params, node.aval, node.location, part=node.part)
        else:
            there[id(node)] = node
    return [there[id(n)] for n in outputs]
