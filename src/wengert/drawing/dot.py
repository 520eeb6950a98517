"""A diagram as source text for Graphviz, for those who have it: `dot -Tpdf graph.dot`."""

from __future__ import annotations

from wengert.drawing.diagram import Arrow, Box, Diagram
from wengert.drawing.layout import Direction
from wengert.drawing.theme import LIGHT


def to_dot(diagram: Diagram, direction: Direction = "LR") -> str:
    """Write a diagram in Graphviz's language; records for values, ellipses for operations.

    >>> print(to_dot(Diagram((Box("x", "input", ("x", "3")),))))
    digraph {
      rankdir=LR
      ...
      "x" [label="x | 3", shape=record, ...]
    }
    """
    lines = [
        f"rankdir={direction}",
        'node [fontname="monospace", fontsize=11, style=filled]',
        'edge [fontname="monospace", fontsize=9, arrowsize=0.7]',
    ]
    if diagram.caption:
        lines.append(f"label={_quoted(diagram.caption)}")
    lines += [_node(box) for box in diagram.boxes]
    lines += [_edge(arrow) for arrow in diagram.arrows]
    return "\n".join(["digraph {", *(f"  {line}" for line in lines), "}"])


def _node(box: Box) -> str:
    border, tint = LIGHT.kinds[box.kind]
    texts = box.lines or (box.id,)
    if box.kind == "operation":
        look = f"label={_quoted(' '.join(texts))}, shape=ellipse"
    else:
        # _quoted would double the backslashes that protect the signs of a record.
        record = " | ".join(_record_cell(text) for text in texts)
        look = f'label="{record}", shape=record'
    attributes = [look, f'color="{LIGHT.emphasis if box.highlight else border}"', f'fillcolor="{tint}"']
    if box.highlight:
        attributes.append("penwidth=2")
    if box.title:
        attributes.append(f"tooltip={_quoted(box.title)}")
    return f"{_quoted(box.id)} [{', '.join(attributes)}]"


def _edge(arrow: Arrow) -> str:
    attributes = []
    if arrow.label.strip():
        attributes.append(f"label={_quoted(arrow.label.strip())}")
    if arrow.title:
        attributes.append(f"tooltip={_quoted(arrow.title)}")
    if arrow.highlight:
        attributes.append(f'color="{LIGHT.emphasis}", penwidth=2')
    suffix = f" [{', '.join(attributes)}]" if attributes else ""
    return f"{_quoted(arrow.source)} -> {_quoted(arrow.target)}{suffix}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _record_cell(text: str) -> str:
    """A text in a record label, where these signs would otherwise draw cells and ports."""
    return "".join(f"\\{sign}" if sign in '\\{}|<>"' else sign for sign in text.replace("\n", " "))
