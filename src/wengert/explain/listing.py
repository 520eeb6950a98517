"""A graph as a list of its steps: `to_text`, `to_latex`."""

from __future__ import annotations

from wengert.explain.writing import Style, Written, constant, names_of, number, write
from wengert.graph.graph import Graph, ability
from wengert.graph.node import Node


def right_sides(graph: Graph, names: dict[int, str], style: Style) -> dict[int, str]:
    """What each step computes, in the names of its arguments."""

    def argument(node: Node) -> Written:
        return constant(node.value, style) if node.is_constant else Written(names[id(node)], latex=style == "latex")

    return {
        id(node): write(node, [argument(a) for a in node.args], style).text
        for node in graph.nodes
        if not (node.is_input or node.is_constant)
    }


def result_names(graph: Graph, names: dict[int, str], style: Style) -> list[str]:
    """The outputs by name, constants by value."""
    return [constant(n.value, style).text if n.is_constant else names[id(n)] for n in graph.outputs]


@ability("to_text")
def to_text(graph: Graph, values: bool = True) -> str:
    """The Wengert list, a step a line: name, formula, value at the recorded arguments, the user's line."""
    names = names_of(graph, "own")
    sides = right_sides(graph, names, "text")
    at = graph.values(*graph.arguments) if values else {}
    rows = []
    for node in graph.nodes:
        if id(node) not in sides:
            continue
        value = at.get(id(node))
        rows.append((
            f"{names[id(node)]} = {sides[id(node)]}",
            number(value) if values and not isinstance(value, tuple) else str(node.aval),
            "" if node.location is None else str(node.location),
        ))  # fmt: skip
    given = [f"{n.name}={number(at[id(n)])}" if values else f"{n.name}: {n.aval}" for n in graph.inputs]
    head = f"{graph.name}({', '.join(given)})"
    widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
    lines = [f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    for guard in graph.guards:
        if not guard.node.is_constant:
            lines.append(
                f"  assumes {names.get(id(guard.node), guard.node.name)} is {guard.outcome}"
                + (f"  ({guard.location})" if guard.location else "")
            )
    return "\n".join([head, *lines, f"  → {', '.join(result_names(graph, names, 'text'))}"])


@ability("to_latex")
def to_latex(graph: Graph) -> str:
    """The steps as an aligned environment."""
    names = names_of(graph, "own", "latex")
    for node in graph.inputs:
        names[id(node)] = latex_name(str(node.name))
    sides = right_sides(graph, names, "latex")
    rows = [f"{names[id(n)]} &= {sides[id(n)]}" for n in graph.nodes if id(n) in sides]
    if not rows:
        rows = [f"{graph_name(graph.name)} &= {', '.join(result_names(graph, names, 'latex'))}"]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def latex_name(name: str) -> str:
    """x0 as x_{0}, theta as θ's command, anything else upright."""
    head = name.rstrip("0123456789")
    tail = name[len(head) :]
    greek = "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
    body = rf"\{head}" if head in greek.split() else head if len(head) == 1 else rf"\mathrm{{{_escape(head)}}}"
    return body + (f"_{{{tail}}}" if tail else "")


def _escape(text: str) -> str:
    return "".join("\\" + c if c in "_&%$#{}" else c for c in text)


def graph_name(name: str) -> str:
    """The function's name in LaTeX."""
    plain = name.rstrip("′")
    return (plain if len(plain) == 1 else rf"\mathrm{{{_escape(plain)}}}") + "'" * (len(name) - len(plain))
