"""The picture itself: valid, complete, escaped, and the same for the same diagram."""

import re
from xml.etree import ElementTree

import pytest

from wengert.drawing.diagram import Arrow, Box, Diagram
from wengert.drawing.dot import to_dot
from wengert.drawing.layout import Direction
from wengert.drawing.svg import to_svg
from wengert.drawing.theme import Theme

SVG = "{http://www.w3.org/2000/svg}"
KINDS = {"input", "constant", "value", "operation", "output", "group"}


def worked_graph() -> Diagram:
    """The book's y = x0·x1 + x1/x0 at (3, 5)."""
    boxes = (
        Box("v0", "input", ("v0", "3", "∂y/∂v0 = 4.444")),
        Box("v1", "input", ("v1", "5", "∂y/∂v1 = 3.333")),
        Box("mul", "operation", ("·",), title="v2 = v0·v1"),
        Box("v2", "value", ("v2", "15", "∂y/∂v2 = 1")),
        Box("div", "operation", ("/",)),
        Box("v3", "value", ("v3", "1.667", "∂y/∂v3 = 1"), highlight=True),
        Box("add", "operation", ("+",)),
        Box("y", "output", ("y", "16.67", "∂y/∂y = 1")),
    )
    arrows = (
        Arrow("v0", "mul", "x1 = 5"),
        Arrow("v1", "mul", "x0 = 3"),
        Arrow("mul", "v2"),
        Arrow("v1", "div", "1/x0 = 0.333"),
        Arrow("v0", "div", "−x1/x0² = −0.556", title="∂v3/∂v0"),
        Arrow("div", "v3"),
        Arrow("v2", "add", "1"),
        Arrow("v3", "add", "1", highlight=True),
        Arrow("add", "y"),
    )
    return Diagram(boxes, arrows, "y = x0·x1 + x1/x0 at (3, 5)")


def drawn(diagram: Diagram, direction: Direction = "LR", theme: Theme = "light") -> ElementTree.Element:
    return ElementTree.fromstring(to_svg(diagram, direction, theme))


def boxes_of(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [g for g in root.iter(f"{SVG}g") if set(g.get("class", "").split()) & KINDS]


def texts_of(root: ElementTree.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_every_box_arrow_and_text_is_drawn_once(direction: Direction, theme: Theme) -> None:
    diagram = worked_graph()
    root = drawn(diagram, direction, theme)
    assert len(boxes_of(root)) == len(diagram.boxes)
    assert len([g for g in root.iter(f"{SVG}g") if "arrow" in g.get("class", "").split()]) == len(diagram.arrows)
    written = [line for box in diagram.boxes for line in box.lines] + [a.label for a in diagram.arrows if a.label]
    assert sorted(texts_of(root)) == sorted([*written, diagram.caption])


def test_document_is_accessible_and_sized() -> None:
    root = drawn(worked_graph())
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "y = x0·x1 + x1/x0 at (3, 5)"
    assert "inputs v0, v1; outputs y" in (root.findtext(f"{SVG}desc") or "")
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"


def test_everything_lies_inside_the_picture() -> None:
    root = drawn(worked_graph())
    width, height = float(root.get("width", "0")), float(root.get("height", "0"))
    for box in boxes_of(root):
        x, y = map(float, re.findall(r"[-\d.]+", box.get("transform", "")))
        frame = box.find(f"{SVG}rect")
        assert frame is not None
        assert 0 <= x <= x + float(frame.get("width", "0")) <= width
        assert 0 <= y <= y + float(frame.get("height", "0")) <= height


def test_no_id_and_no_unscoped_style_can_clash_with_another_drawing() -> None:
    root = drawn(worked_graph(), theme="auto")
    assert not any(element.get("id") for element in root.iter())
    rules = [line for line in (root.findtext(f"{SVG}style") or "").splitlines() if "{" in line]
    assert all(rule.startswith((".wengert-auto ", "@media (prefers-color-scheme: dark)")) for rule in rules)


def test_emphasis_and_tooltips() -> None:
    root = drawn(worked_graph())
    assert [box.get("class") for box in boxes_of(root) if "lit" in box.get("class", "")] == ["value lit"]
    assert [g.get("class") for g in root.iter(f"{SVG}g") if "arrow lit" in g.get("class", "")] == ["arrow lit"]
    tips = [title.text for title in root.iter(f"{SVG}title")]
    assert "v2 = v0·v1" in tips
    assert "∂v3/∂v0" in tips


def test_signs_of_xml_are_escaped_everywhere() -> None:
    nasty = "<&\">'\x00]]>"
    shown = nasty.replace("\x00", "\ufffd")
    boxes = (Box(nasty, "input", (nasty, nasty, nasty), title=nasty), Box("b", "operation", (nasty,)))
    root = drawn(Diagram(boxes, (Arrow(nasty, "b", nasty, title=nasty),), nasty))
    assert texts_of(root).count(shown) == 6
    assert {title.text for title in root.iter(f"{SVG}title")} == {shown}


def test_empty_diagram_and_single_box() -> None:
    assert texts_of(drawn(Diagram(()))) == []
    assert texts_of(drawn(Diagram((Box("x", "input", ()),)))) == ["x"]


def test_disconnected_parts() -> None:
    boxes = tuple(Box(f"x{i}", "input", (f"x{i}", "1")) for i in range(4))
    assert len(boxes_of(drawn(Diagram(boxes, (Arrow("x0", "x1"),))))) == 4


def test_cells_grow_with_their_text_and_padding_reserves_room() -> None:
    def width(gradient: str) -> float:
        return float(drawn(Diagram((Box("x", "input", ("x", "3", gradient)),))).get("width", "0"))

    assert width("4.444444444444445") > width("4.4")
    assert width(" " * 17) == width("4.444444444444445")


def test_long_text_is_shortened_and_kept_in_the_tooltip() -> None:
    root = drawn(Diagram((Box("x", "value", ("x", "7" * 500)),)))
    assert max(map(len, texts_of(root))) < 60
    assert any("7" * 500 in (title.text or "") for title in root.iter(f"{SVG}title"))


def test_same_diagram_same_picture() -> None:
    assert to_svg(worked_graph()) == to_svg(worked_graph())


def test_deep_chain_unfolded_and_folded() -> None:
    boxes = tuple(Box(str(i), "value", (f"v{i}",)) for i in range(5000))
    diagram = Diagram(boxes, tuple(Arrow(str(i), str(i + 1)) for i in range(4999)))
    assert len(boxes_of(ElementTree.fromstring(to_svg(diagram, fold_limit=None)))) == 5000
    assert len(boxes_of(drawn(diagram))) <= 300


def test_dot_has_every_box_and_arrow() -> None:
    text = to_dot(worked_graph(), "TB")
    assert text.startswith("digraph {\n  rankdir=TB\n")
    assert '"v2" [label="v2 | 15 | ∂y/∂v2 = 1", shape=record' in text
    assert '"v0" -> "mul" [label="x1 = 5"]' in text
    assert text.count("->") == len(worked_graph().arrows)


def test_dot_escapes() -> None:
    text = to_dot(Diagram((Box('a"\\', "value", ("{x|y}", 'q"')), Box("b", "operation", ("\\",)))))
    assert r'"a\"\\" [label="\{x\|y\} | q\"", shape=record' in text
    assert r'"b" [label="\\", shape=ellipse' in text
