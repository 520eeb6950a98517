"""A diagram as a picture in SVG, which needs no other program.

The document stands alone: its fonts have fallbacks, arrow heads are shapes rather than markers (whose ids would clash
where several drawings share a page), and the size of a box is computed from its characters, so no text leaves its cell.
"""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from wengert.drawing.diagram import Arrow, Box, Diagram
from wengert.drawing.folding import fold
from wengert.drawing.layout import Direction, Layout, Point, Size, layout
from wengert.drawing.theme import MONOSPACE, SANS, Theme, style_sheet

_MARGIN = 24.0
_FONT = 13.0
_SYMBOL_FONT = 16.0
_LABEL_FONT = 11.5
_CAPTION_FONT = 13.0
_CELL_HEIGHT = 32.0
_CELL_PADDING = 11.0
_NODE_SIZE = 36.0
_CORNER = 7.0
_CARD = 5.0
_HEAD_LENGTH = 8.0
_HEAD_HALF = 3.6
_LONGEST_TEXT = 48
_GRADIENT_CELL = 2


@dataclass(frozen=True)
class _Shape:
    """A box with its texts, shortened to what fits a picture, and its size."""

    box: Box
    cells: tuple[str, ...]
    widths: tuple[float, ...]
    size: Size

    @property
    def round(self) -> bool:
        return self.box.kind == "operation"


def to_svg(diagram: Diagram, direction: Direction = "LR", theme: Theme = "light", fold_limit: int | None = 300) -> str:
    """Draw a diagram as a standalone SVG document.

    **Arguments**: `direction`, left to right or top to bottom; `theme`, "light" and "dark" with their own background,
    or "auto", which follows the reader's preference; `fold_limit`, the number of boxes beyond which the diagram is
    folded (`wengert.drawing.folding.fold`), None for never.
    **Returns** the SVG text; the same for the same input.
    **Example**

    >>> x, y = Box("x", "input", ("x", "3")), Box("y", "output", ("y", "9"))
    >>> print(to_svg(Diagram((x, y), (Arrow("x", "y", "6"),))))
    <svg xmlns="http://www.w3.org/2000/svg" ...
    """
    if fold_limit is not None:
        diagram = fold(diagram, fold_limit)
    shapes = [_shape(box) for box in diagram.boxes]
    label_sizes = [_label_size(arrow.label) if arrow.label else None for arrow in diagram.arrows]
    plan = layout([shape.size for shape in shapes], diagram.links(), direction, label_sizes)
    caption = _caption_lines(diagram.caption, plan.width)
    width = 2 * _MARGIN + max([plan.width, *(_text_width(line, _CAPTION_FONT) for line in caption)])
    height = 2 * _MARGIN + plan.height + (12 + 20 * len(caption) if caption else 0)
    shift = f"translate({_number((width - plan.width) / 2)} {_number(_MARGIN)})"
    size = f"{_number(width)} {_number(height)}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="wengert-{theme}" role="img" viewBox="0 0 {size}" '
            f'width="{_number(width)}" height="{_number(height)}" font-family="{MONOSPACE}">',
            f"<title>{_text(diagram.caption or 'Computation graph')}</title>",
            f"<desc>{_text(_description(diagram))}</desc>",
            f"<style>\n{style_sheet(theme)}\n</style>",
            '<rect class="paper" width="100%" height="100%" rx="8"/>',
            f'<g transform="{shift}">',
            *_arrows(diagram, plan, shapes, direction),
            *(_box(shape, centre) for shape, centre in zip(shapes, plan.centres, strict=True)),
            "</g>",
            *(
                f'<text class="caption" x="{_number(width / 2)}" y="{_number(_MARGIN + plan.height + 28 + 20 * i)}" '
                f'text-anchor="middle" font-family="{SANS}" font-size="{_number(_CAPTION_FONT)}">{_text(line)}</text>'
                for i, line in enumerate(caption)
            ),
            "</svg>",
            "",
        ]
    )


def _shape(box: Box) -> _Shape:
    cells = tuple(_shortened(line) for line in box.lines) or (_shortened(box.id),)
    if box.kind == "operation":
        text = " ".join(cells)
        font = _symbol_font(text)
        width = max(_NODE_SIZE, _text_width(text, font) + 22)
        return _Shape(box, (text,), (width,), (width, _NODE_SIZE))
    widths = tuple(max(_CELL_HEIGHT, _text_width(cell, _FONT) + 2 * _CELL_PADDING) for cell in cells)
    card = _CARD if box.kind == "group" else 0.0
    return _Shape(box, cells, widths, (sum(widths) + card, _CELL_HEIGHT + card))


def _symbol_font(text: str) -> float:
    return _SYMBOL_FONT if len(text) == 1 else _FONT


def _label_size(label: str) -> Size:
    return (_text_width(_shortened(label), _LABEL_FONT) + 10, _LABEL_FONT + 6)


def _text_width(text: str, font: float) -> float:
    """The room that a text takes in a monospaced font; no common one is wider than 0.61 of its size.

    Signs beyond Latin and Greek may come from a fallback font, so they are given more.
    """
    width = 0.0
    for sign in text:
        if unicodedata.combining(sign):
            continue
        wide = unicodedata.east_asian_width(sign) in "WF"
        width += 1.1 if wide else 0.61 if sign < "\u0400" else 0.72
    return width * font


def _shortened(text: str) -> str:
    text = text.replace("\n", " ")
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _caption_lines(caption: str, width: float) -> list[str]:
    return textwrap.wrap(caption, max(30, int(width / (0.61 * _CAPTION_FONT))))


def _description(diagram: Diagram) -> str:
    inputs = [box.lines[0] if box.lines else box.id for box in diagram.boxes if box.kind == "input"]
    outputs = [box.lines[0] if box.lines else box.id for box in diagram.boxes if box.kind == "output"]
    parts = [f"{len(diagram.boxes)} boxes and {len(diagram.arrows)} arrows"]
    parts += [f"inputs {', '.join(inputs)}"] if inputs else []
    parts += [f"outputs {', '.join(outputs)}"] if outputs else []
    return "A computation graph of " + "; ".join(parts) + "."


def _box(shape: _Shape, centre: Point) -> str:
    """One box, drawn from its top left corner."""
    box = shape.box
    x, y = centre[0] - shape.size[0] / 2, centre[1] - shape.size[1] / 2
    shortened = " | ".join(box.lines) if any(len(line) > _LONGEST_TEXT for line in box.lines) else ""
    title = "\n".join(line for line in (box.title, shortened) if line)
    parts = [
        f'<g class="{box.kind}{" lit" if box.highlight else ""}" transform="translate({_number(x)} {_number(y)})">'
    ]
    if title:
        parts.append(f"<title>{_text(title)}</title>")
    parts += _round_node(shape) if shape.round else _record(shape)
    return "\n".join([*parts, "</g>"])


def _round_node(shape: _Shape) -> list[str]:
    width, height = shape.size
    return [
        f'<rect class="frame tint" width="{_number(width)}" height="{_number(height)}" rx="{_number(height / 2)}"/>',
        _cell_text(shape.cells[0], width / 2, height / 2, _symbol_font(shape.cells[0])),
    ]


def _record(shape: _Shape) -> list[str]:
    """The cells of a value side by side: label, value, gradient."""
    width, height = sum(shape.widths), _CELL_HEIGHT
    frame = f'width="{_number(width)}" height="{_number(height)}" rx="{_number(_CORNER)}"'
    parts = []
    if shape.box.kind == "group":
        parts.append(f'<rect class="frame tint" x="{_number(_CARD)}" y="{_number(_CARD)}" {frame}/>')
    fills, rules, texts = [], [], []
    x = 0.0
    last = len(shape.cells) - 1
    for i, (cell, cell_width) in enumerate(zip(shape.cells, shape.widths, strict=True)):
        sort = "tint" if i == 0 else "gradient" if i == _GRADIENT_CELL and shape.box.kind != "group" else "body"
        fills.append(f'<path class="cell {sort}" d="{_cell_outline(x, cell_width, i == 0, i == last)}"/>')
        if i:
            rules.append(f'<path class="rule" d="M{_number(x)} 0V{_number(height)}"/>')
        middle = x + cell_width / 2
        texts.append(_cell_text(cell, middle, height / 2, _FONT, sort == "gradient", bold=i == 0))
        x += cell_width
    return [*parts, *fills, *rules, f'<rect class="frame" fill-opacity="0" {frame}/>', *texts]


def _cell_outline(x: float, width: float, first: bool, last: bool) -> str:
    """A rectangle whose corners are round where it is the first or the last cell."""
    left, right = (_CORNER if first else 0.0), (_CORNER if last else 0.0)
    path = f"M{_number(x + left)} 0H{_number(x + width - right)}"
    path += f"q{_number(right)} 0 {_number(right)} {_number(right)}V{_number(_CELL_HEIGHT - right)}"
    path += f"q0 {_number(right)} {_number(-right)} {_number(right)}H{_number(x + left)}"
    return path + (
        f"q{_number(-left)} 0 {_number(-left)} {_number(-left)}V{_number(left)}"
        f"q0 {_number(-left)} {_number(left)} {_number(-left)}z"
    )


def _cell_text(text: str, x: float, y: float, font: float, gradient: bool = False, bold: bool = False) -> str:
    if not text.strip():
        return ""
    style = (' class="gradient"' if gradient else "") + (' font-weight="600"' if bold else "")
    place = f'x="{_number(x)}" y="{_number(y + 0.35 * font)}" font-size="{_number(font)}"'
    return f'<text{style} {place} text-anchor="middle">{_text(text.strip())}</text>'


def _arrows(diagram: Diagram, plan: Layout, shapes: list[_Shape], direction: Direction) -> list[str]:
    """All lines, then all labels, so that no line runs over a label; highlighted arrows lie on top of the others."""
    lines: list[str] = []
    labels: list[str] = []
    numbered = sorted(enumerate(diagram.arrows), key=lambda item: item[1].highlight)
    links = diagram.links()
    for i, arrow in numbered:
        source, target = links[i]
        path = _to_outline(plan.paths[i], shapes[source], plan.centres[source], shapes[target], plan.centres[target])
        lit = " lit" if arrow.highlight else ""
        title = f"<title>{_text(arrow.title)}</title>" if arrow.title else ""
        lines.append(f'<g class="arrow{lit}">{title}{_curve(path, direction)}{_head(path[-1], direction)}</g>')
        point = plan.labels[i]
        if point is not None and arrow.label.strip():
            labels.append(f'<g class="label{lit}">{title}{_label(arrow, point)}</g>')
    return lines + labels


def _to_outline(
    path: tuple[Point, ...], source: _Shape, source_centre: Point, target: _Shape, target_centre: Point
) -> tuple[Point, ...]:
    """The path lengthened at both ends from the rectangle around a round node to its outline."""
    return (_onto(path[0], source, source_centre), *path[1:-1], _onto(path[-1], target, target_centre))


def _onto(point: Point, shape: _Shape, centre: Point) -> Point:
    if not shape.round:
        return point
    radius = shape.size[1] / 2
    straight = shape.size[0] / 2 - radius
    dx, dy = point[0] - centre[0], point[1] - centre[1]
    if abs(abs(dx) - shape.size[0] / 2) < abs(abs(dy) - radius):
        depth = straight + (radius**2 - min(abs(dy), radius) ** 2) ** 0.5
        return (centre[0] + (depth if dx > 0 else -depth), point[1])
    beyond = min(max(0.0, abs(dx) - straight), radius)
    depth = (radius**2 - beyond**2) ** 0.5
    return (point[0], centre[1] + (depth if dy > 0 else -depth))


def _curve(path: tuple[Point, ...], direction: Direction) -> str:
    """A line through the corners of a path: straight where two have equal height, else with level ends."""
    end = path[-1]
    base = (end[0] - _HEAD_LENGTH + 2, end[1]) if direction == "LR" else (end[0], end[1] - _HEAD_LENGTH + 2)
    parts = [f"M{_pair(path[0])}"]
    for (x, y), (u, v) in pairwise((*path[:-1], base)):
        if direction == "LR" and y != v:
            parts.append(f"C{_pair(((x + u) / 2, y))} {_pair(((x + u) / 2, v))} {_pair((u, v))}")
        elif direction == "TB" and x != u:
            parts.append(f"C{_pair((x, (y + v) / 2))} {_pair((u, (y + v) / 2))} {_pair((u, v))}")
        else:
            parts.append(f"L{_pair((u, v))}")
    return f'<path class="line" d="{"".join(parts)}"/>'


def _head(tip: Point, direction: Direction) -> str:
    back, side = -_HEAD_LENGTH, _HEAD_HALF
    corners = [(back, -side), (back + 1.8, 0.0), (back, side)]
    if direction == "TB":
        corners = [(b, a) for a, b in corners]
    outline = "L".join(_pair((tip[0] + a, tip[1] + b)) for a, b in corners)
    return f'<path class="head" d="M{_pair(tip)}L{outline}z"/>'


def _label(arrow: Arrow, centre: Point) -> str:
    width, height = _label_size(arrow.label)
    corner = f'x="{_number(centre[0] - width / 2)}" y="{_number(centre[1] - height / 2)}"'
    place = f'x="{_number(centre[0])}" y="{_number(centre[1] + 0.35 * _LABEL_FONT)}"'
    return (
        f'<rect class="plate" {corner} width="{_number(width)}" height="{_number(height)}" rx="4"/>'
        f'<text class="partial" {place} font-size="{_number(_LABEL_FONT)}" text-anchor="middle">'
        f"{_text(_shortened(arrow.label).strip())}</text>"
    )


def _number(value: float) -> str:
    """A coordinate with one decimal, without a trailing zero or a negative zero."""
    return f"{round(value, 1) + 0.0:g}" if abs(value) < 1e5 else f"{value:.0f}"


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _text(text: str) -> str:
    """A text for XML, which forbids most control characters even in escaped form."""
    allowed = (sign if sign in "\t\n" or (sign.isprintable() or sign.isspace()) else "\ufffd" for sign in text)
    return escape("".join(allowed), quote=True)
