"""The type check of the Wengert list: what must hold of every graph, whoever made it."""

from __future__ import annotations

from wengert.core.aval import Aval, aval_of
from wengert.core.errors import WengertError
from wengert.core.tracer import Tracer
from wengert.graph.graph import Graph
from wengert.graph.node import Node, depends_on_values


class InvalidGraphError(WengertError, AssertionError):
    """A graph is not well formed: a fault of what made it, never of the user's program."""


def verify(graph: Graph) -> None:
    """Check a graph: each node known before it is used, each shape and dtype what the operation's rule says.

    **Arguments**: any graph. **Raises**: `InvalidGraphError`, which names the node and the user's line.
    **Cost**: a few µs per node; nothing is computed.
    """
    known: set[int] = set()
    for position, node in enumerate(graph.nodes):
        label = f"node {position} of {graph.name}, {node!r}"
        if id(node) in known:
            raise _fault(node, f"{label}, stands in the list twice")
        for i, arg in enumerate(node.args):
            if id(arg) not in known:
                raise _fault(node, f"{label}, uses its argument {i}, {arg!r}, which is not computed before it")
        problem = _problem(node)
        if problem:
            raise _fault(node, f"{label}, {problem}")
        known.add(id(node))
    guarded = [guard.node for guard in graph.guards]
    for role, nodes in (("input", graph.inputs), ("output", graph.outputs), ("guarded node", guarded)):
        for i, node in enumerate(nodes):
            if id(node) not in known:
                raise _fault(node, f"{role} {i} of {graph.name}, {node!r}, is not among its nodes")
    if any(not node.is_input for node in graph.inputs):
        raise InvalidGraphError(f"an input of {graph.name} is not an input but computed")
    if sum(node.is_input for node in graph.nodes) != len(graph.inputs):
        raise InvalidGraphError(f"{graph.name} has input nodes that are not among its inputs, or one twice")


def _fault(node: Node, message: str) -> InvalidGraphError:
    return InvalidGraphError(message, location=node.location)


def _problem(node: Node) -> str:
    if node.primitive is not None:
        return _operation_problem(node)
    if node.part is not None:
        return _part_problem(node)
    if node.args:
        return "has arguments, but is no operation"
    if isinstance(node.value, Tracer) and node.value.level.closed:
        return "holds a traced value of a transformation that has ended"
    if node.aval != aval_of(node.value):
        return f"is said to be {node.aval} and holds {aval_of(node.value)}"
    return ""


def _part_problem(node: Node) -> str:
    whole = node.args[0].primitive if len(node.args) == 1 else None
    if whole is None or node.part is None or not 0 <= node.part < whole.outputs or whole.outputs == 1:
        return f"is said to be part {node.part} of something that has no such part"
    expected = node.args[0].avals[node.part]
    return "" if node.aval == expected else f"is said to be {node.aval} and is {expected}"


def _operation_problem(node: Node) -> str:
    primitive = node.primitive
    assert primitive is not None
    several = [arg for arg in node.args if not isinstance(arg.aval, Aval)]
    if several:
        return f"uses {several[0]!r} as one value, which has several outputs"
    if depends_on_values(node):
        return ""
    assert primitive.aval is not None
    try:
        rule = primitive.aval(*(arg.aval for arg in node.args), **node.params)
    except Exception as error:
        return f"cannot be applied to {', '.join(str(arg.aval) for arg in node.args)}: {error}"
    said, expected = node.avals, [rule] if primitive.outputs == 1 else list(rule)
    if len(said) != len(expected) or not all(map(_agree, said, expected)):
        return f"is said to be {', '.join(map(str, said))} and is {', '.join(map(str, expected))} by its rule"
    return ""


def _agree(said: Aval, rule: Aval) -> bool:
    """Equal; only, where Python's operators raise (1.0 / 0.0) NumPy's answer is taken, which is no Python number."""
    return said.shape == rule.shape and said.dtype == rule.dtype and (rule.weak or not said.weak)
