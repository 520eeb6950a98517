"""Arrays that stretch: their length is that of a loop, which is known when it has run.

A `while_loop` that keeps its carries makes arrays of as many rows as it has turns, and the scans over them, which are
its derivative, make more; in the graph they have one row. All of them stand in one `call` (transform/repeat.py), which
becomes a program in which the storage of such arrays is had from the C library while it runs. Nothing but scans along
them may use them, so what is done to their elements becomes such a scan.
"""

from __future__ import annotations

from collections.abc import Sequence

from wengert.compile.spaces import is_elementwise
from wengert.core.aval import Aval
from wengert.core.primitive import Primitive
from wengert.graph.body import Body, constant_like
from wengert.graph.graph import Graph
from wengert.graph.node import Node


def _stretches(node: Node) -> bool:
    """Whether it is a part with as many rows as a loop has turns."""
    if node.part is None or node.args[0].operation not in ("while_loop", "scan"):
        return False
    params, name = node.args[0].params, node.args[0].operation
    rows = params["store"] if name == "while_loop" else params["length"] is None
    return bool(rows) and node.part >= params.get("carry", len(params["body"].outputs))


def stretched_nodes(nodes: Sequence[Node]) -> set[int]:
    """Those with as many rows as a loop has turns."""
    return {id(node) for node in nodes if _stretches(node)}


def is_open(node: Node) -> bool:
    """Whether the operations of a call may stand among the others: all its arrays have the lengths that they say."""
    body = node.params["body"]
    pairs = [*zip((a.aval for a in node.args), body.domain, strict=True), *zip(node.avals, body.avals, strict=True)]
    alike = all(a.shape == b.shape and a.dtype == b.dtype for a, b in pairs)
    return alike and not any(map(_stretches, body.nodes))


def misuse(graph: Graph) -> str:
    """What, other than a scan along it, uses an array whose length is not known; empty where nothing does."""
    stretched = stretched_nodes(graph.nodes)
    for node in graph.nodes:
        along = node.operation == "scan" and node.params["length"] is None
        first = node.params["consts"] + node.params["carry"] if along else len(node.args)
        if any(id(a) in stretched for a in node.args[:first]):
            return node.operation
        if not all(id(a) in stretched for a in node.args[first:]) or (along and first == len(node.args)):
            return "a scan that goes along another array, too,"
    return "a result" if any(id(n) in stretched for n in graph.outputs) else ""


def by_rows(graph: Graph) -> Graph:
    """The same where what is done to each element of arrays that stretch is a scan along them."""
    scan = next((n.primitive for n in graph.nodes if n.operation == "scan"), None)
    new: dict[int, Node] = {}
    nodes: list[Node] = []
    stretched: set[int] = set()

    def add(node: Node) -> Node:
        nodes.append(node)
        if _stretches(node):
            stretched.add(id(node))
        return node

    for node in graph.nodes:
        args = [new[id(a)] for a in node.args]
        if scan is not None and _is_rowwise(node, args, stretched):
            new[id(node)] = add(Node(None, [add(_row_by_row(scan, node, args, stretched))], {}, node.aval, part=0))
        elif node.args:
            copy = Node(node.primitive, args, node.params, node.aval, node.location, part=node.part)
            new[id(node)] = add(copy)
        else:
            new[id(node)] = add(node)
    outputs = [new[id(n)] for n in graph.outputs]
    return Graph(graph.name, graph.inputs, outputs, arguments=graph.arguments, rebuild=graph.rebuild, nodes=nodes)


def _is_rowwise(node: Node, args: Sequence[Node], stretched: set[int]) -> bool:
    """Whether an operation does the same to every row, with the same other arguments."""
    if not any(id(a) in stretched for a in args) or node.primitive is None or not is_elementwise(node):
        return False
    axes = len(node.aval.shape)
    return all(len(a.aval.shape) == axes if id(a) in stretched else len(a.aval.shape) < axes for a in args)


def _row_by_row(scan: Primitive, node: Node, args: Sequence[Node], stretched: set[int]) -> Node:
    def given(arg: Node) -> Node:
        shape = arg.aval.shape[1:] if id(arg) in stretched else arg.aval.shape
        aval = Aval(shape, arg.aval.dtype, arg.aval.weak)
        return Node(None, (), {}, aval, name="x", value=constant_like(aval))

    inputs = [given(a) for a in args]
    row = Node(node.primitive, inputs, node.params, Aval(node.aval.shape[1:], node.aval.dtype), node.location)
    order = sorted(range(len(args)), key=lambda i: id(args[i]) in stretched)  # constants come first
    body = Body(node.operation, [inputs[i] for i in order], [row])
    params = {
        "body": body, "consts": sum(id(a) not in stretched for a in args), "carry": 0, "length": None, "reverse": False,
        "store": False, "snapshots": None,
    }  # fmt: skip
    whole: tuple[Aval, ...] = (node.aval,)
    return Node(scan, [args[i] for i in order], params, whole, node.location)
