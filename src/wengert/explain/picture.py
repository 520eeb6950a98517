"""A graph, or an explanation of one, as a diagram: values as records, operations as small nodes, partials on arrows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wengert.drawing.diagram import Arrow, Box, Diagram, Kind
from wengert.drawing.dot import to_dot
from wengert.drawing.svg import to_svg
from wengert.explain.labels import user_names
from wengert.explain.writing import names_of, number
from wengert.graph.graph import Graph, ability
from wengert.graph.node import Node

if TYPE_CHECKING:
    from wengert.explain.explanation import Explanation

READABLE = 400  # inputs and steps that a picture shows one by one
OUTLINE = 60  # boxes of a larger graph's outline


def diagram_of(
    graph: Graph,
    values: dict[int, Any],
    names: dict[int, str],
    gradients: dict[int, str] | None = None,
    partials: dict[tuple[int, int], str] | None = None,
    highlight: frozenset[int] = frozenset(),
) -> Diagram:
    """Boxes and arrows; `gradients` by node, `partials` by (node, argument position)."""
    labels = user_names(graph)
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    outputs = {id(n) for n in graph.outputs}
    index = {id(node): f"n{k}" for k, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        key, lit = index[id(node)], id(node) in highlight
        if node.is_constant:
            boxes.append(Box(key, "constant", (number(node.value),)))
            continue
        kind: Kind = "input" if node.is_input else "output" if id(node) in outputs else "value"
        value, group = values.get(id(node)), "/".join(node.calls)
        label = _label(node, names, labels)
        where = f", {node.location}" if node.location else ""
        cells = [label, number(value) if not isinstance(value, tuple) else "…"]
        if gradients is not None:
            cells.append(gradients.get(id(node), ""))
        boxes.append(Box(key, kind, tuple(cells), f"{label}: {node.aval}{where}", group, highlight=lit))
        if node.is_input:
            continue
        name = node.operation
        symbol = node.primitive.notation.symbol if node.primitive is not None else f"[{node.part}]"
        boxes.append(Box(f"o{key}", "operation", (symbol,), f"{name}{where}", group, name))
        arrows.append(Arrow(f"o{key}", key, highlight=lit))
        for i, arg in enumerate(node.args):
            text = (partials or {}).get((id(node), i), "")
            shown = bool(text.strip()) and id(arg) in highlight
            arrows.append(Arrow(index[id(arg)], f"o{key}", text, text, shown))
    return Diagram(tuple(boxes), tuple(arrows))


def outline_of(
    graph: Graph, names: dict[int, str], values: dict[int, Any], adjoints: dict[int, Any] | None = None
) -> Diagram:
    """A large graph before it is folded: inputs and outputs in full, of a step only what a group is counted by."""
    outputs = {id(n) for n in graph.outputs}
    index = {id(node): f"n{k}" for k, node in enumerate(graph.nodes)}
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    for node in graph.nodes:
        if node.is_constant:
            continue
        kind: Kind = "input" if node.is_input else "output" if id(node) in outputs else "value"
        cells = [names[id(node)]]
        if kind != "value":
            cells = [_label(node, names, {}), number(values[id(node)])]
            if adjoints is not None:
                cells.append(f"∂ = {number(adjoints.get(id(node), 0.0))}")
        boxes.append(Box(index[id(node)], kind, tuple(cells), group="/".join(node.calls), name=node.operation))
        used = dict.fromkeys(index[id(arg)] for arg in node.args if not arg.is_constant)
        arrows.extend(Arrow(arg, index[id(node)]) for arg in used)
    return Diagram(tuple(boxes), tuple(arrows))


def draw(graph: Graph, limit: int | None, full: Callable[[], Diagram], outline: Callable[[], Diagram]) -> str:
    """Draw every step of a graph of at most `limit` inputs and steps, an outline of a larger one, with fewer boxes."""
    if len(graph.inputs) + len(graph) <= (READABLE if limit is None else limit):
        return to_svg(full(), fold_limit=None)
    return to_svg(outline(), fold_limit=OUTLINE if limit is None else min(limit, OUTLINE))


def _label(node: Node, names: dict[int, str], labels: dict[int, str]) -> str:
    own = str(node.name) if node.is_input else labels.get(id(node), "")
    name = names.get(id(node), "")
    return name if own in ("", name) else own if not name else f"{name} = {own}" if node.is_input else f"{own} ({name})"


def explanation_diagram(explanation: Explanation, steps: int | None = None) -> Diagram:
    """The graph with values, and the gradients and partials of the first `steps` steps of the reverse pass (all)."""
    graph, names = explanation.graph, explanation.names
    result = explanation.result
    order = [n for n in reversed(graph.nodes) if id(n) in explanation.adjoints and not n.is_input]
    order += list(reversed(graph.inputs))
    shown = {id(n) for n in (order if steps is None else order[:steps])}
    gradients = {}
    for node in order:
        adjoint = explanation.adjoints[id(node)]
        if not isinstance(adjoint, list):
            text = f"∂{result}/∂{names[id(node)]} = {number(adjoint)}"
            gradients[id(node)] = text if id(node) in shown else _blank(text)
    partials = {}
    for edge in explanation.edges:
        text = number(edge.partial) if edge.partial is not None else ""
        partials[id(edge.step), edge.position] = text if id(edge.arg) in shown else _blank(text)
    newest = frozenset() if steps is None or not 0 < steps <= len(order) else frozenset({id(order[steps - 1])})
    return diagram_of(graph, explanation.values, names, gradients, partials, newest)


def _blank(text: str) -> str:
    """Room for a text: the drawing takes signs beyond the Latin and Greek ones, such as ∂, to be wider."""
    return "".join(" " if sign < "\u0400" else "\N{FIGURE SPACE}" for sign in text)


def explanation_svg(explanation: Explanation, steps: int | None = None, limit: int | None = None) -> str:
    """The drawing of an explanation."""
    graph, names = explanation.graph, explanation.names
    return draw(
        graph,
        limit,
        lambda: explanation_diagram(explanation, steps),
        lambda: outline_of(graph, names, explanation.values, explanation.adjoints),
    )


def explanation_dot(explanation: Explanation) -> str:
    """The drawing of an explanation as Graphviz source."""
    return to_dot(explanation_diagram(explanation))


def _diagram(graph: Graph) -> Diagram:
    return diagram_of(graph, graph.values(*graph.arguments), names_of(graph, "own"))


@ability("to_svg")
def graph_svg(graph: Graph, path: str | Path | None = None, limit: int | None = None) -> str:
    """The drawing of a graph with its values."""
    names = names_of(graph, "own")
    svg = draw(
        graph,
        limit,
        lambda: _diagram(graph),
        lambda: outline_of(graph, names, graph.values(*graph.arguments)),
    )
    if path is not None:
        Path(path).write_text(svg, encoding="utf-8")
    return svg


@ability("to_dot")
def graph_dot(graph: Graph) -> str:
    """The drawing of a graph as Graphviz source."""
    return to_dot(_diagram(graph))
