"""The data of a diagram: it is acyclic and consistent, and folding keeps it so."""

import random
from itertools import pairwise

import pytest

from wengert.drawing.diagram import Arrow, Box, Diagram
from wengert.drawing.folding import fold


def chain(length: int) -> Diagram:
    """A path input → operation → value → operation → … of `length` boxes."""
    boxes = [Box("0", "input", ("x", "1"))]
    boxes += [Box(str(i), "operation" if i % 2 else "value", (("sin", f"v{i}")[i % 2 == 0],)) for i in range(1, length)]
    return Diagram(tuple(boxes), tuple(Arrow(str(i), str(i + 1)) for i in range(length - 1)))


def random_diagram(operations: int, inputs: int = 5, seed: int = 0, groups: int = 0) -> Diagram:
    """Operations on random earlier values; what nothing uses is an output."""
    choose = random.Random(seed)
    boxes = [Box(f"x{i}", "input", (f"x{i}", "1.0")) for i in range(inputs)]
    arrows, values = [], [box.id for box in boxes]
    for i in range(operations):
        symbol = choose.choice(["+", "·", "sin"])
        group = f"layer {i * groups // operations}/step {i % 3}" if groups else ""
        operands = [choose.choice(values[-15:]) for _ in range(1 if symbol == "sin" else 2)]
        boxes.append(Box(f"op{i}", "operation", (symbol,), group=group))
        boxes.append(Box(f"v{i}", "value", (f"v{i}", "0.5", "1.0"), group=group))
        arrows += [Arrow(operand, f"op{i}") for operand in operands] + [Arrow(f"op{i}", f"v{i}")]
        values.append(f"v{i}")
    used = {arrow.source for arrow in arrows}
    final = (Box(b.id, "output", b.lines) if b.id.startswith("v") and b.id not in used else b for b in boxes)
    return Diagram(tuple(final), tuple(arrows))


def reachable(diagram: Diagram, start: str) -> set[str]:
    found, stack = {start}, [start]
    after: dict[str, list[str]] = {}
    for arrow in diagram.arrows:
        after.setdefault(arrow.source, []).append(arrow.target)
    while stack:
        for following in after.get(stack.pop(), ()):
            if following not in found:
                found.add(following)
                stack.append(following)
    return found


def test_order_follows_every_arrow() -> None:
    diagram = random_diagram(80)
    place = {identity: i for i, identity in enumerate(diagram.order())}
    assert len(place) == len(diagram.boxes)
    assert all(place[arrow.source] < place[arrow.target] for arrow in diagram.arrows)


def test_duplicate_id_is_named() -> None:
    with pytest.raises(ValueError, match=r"two boxes .* 'a'"):
        Diagram((Box("a", "value", ()), Box("a", "value", ())))


def test_unknown_end_is_named() -> None:
    with pytest.raises(ValueError, match="'b', which is no box"):
        Diagram((Box("a", "value", ()),), (Arrow("a", "b"),))


def test_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="kind 'circle'"):
        Diagram((Box("a", "circle", ()),))  # type: ignore[arg-type]


@pytest.mark.parametrize("ids", ["a", "ab", "abc"])
def test_cycle_is_shown(ids: str) -> None:
    boxes = tuple(Box(i, "value", ()) for i in ("start", *ids, "end"))
    ring = tuple(Arrow(a, b) for a, b in zip(ids, ids[1:] + ids[0], strict=True))
    with pytest.raises(ValueError, match=r"has a cycle, '\w'( → '\w')+;") as caught:
        Diagram(boxes, (Arrow("start", "a"), *ring, Arrow("a", "end")))
    assert str(caught.value).count("→") == len(ids)


def test_small_diagram_is_not_folded() -> None:
    diagram = random_diagram(20)
    assert fold(diagram, len(diagram.boxes)) is diagram


def test_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        fold(chain(3), 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 20, 100])
@pytest.mark.parametrize("groups", [0, 4])
@pytest.mark.parametrize("inputs", [1, 5, 120])
def test_folding_respects_the_limit(limit: int, groups: int, inputs: int) -> None:
    # Diagram itself refuses cycles and unknown or duplicate ids.
    folded = fold(random_diagram(300, inputs, seed=limit, groups=groups), limit)
    assert len(folded.boxes) <= limit


@pytest.mark.parametrize("limit", [10, 40])
def test_folding_keeps_the_dependence_of_what_stays(limit: int) -> None:
    diagram = random_diagram(200, inputs=3, seed=7)
    folded = fold(diagram, limit)
    inputs = {box.id for box in diagram.boxes if box.kind == "input"}
    assert inputs <= {box.id for box in folded.boxes}
    kept = {box.id for box in diagram.boxes} & {box.id for box in folded.boxes}
    for start in sorted(inputs):
        # A group may connect more than its members do, never less.
        assert reachable(diagram, start) & kept <= reachable(folded, start)


def test_few_inputs_and_outputs_stay() -> None:
    folded = fold(chain(1000), 12)
    assert folded.boxes[0] == chain(1).boxes[0]
    assert {box.kind for box in folded.boxes[1:]} == {"group"}


def test_many_inputs_become_one_box() -> None:
    parameters = [Box(f"p{i}", "input", (f"p{i}", "0.1")) for i in range(337)]
    total = Box("L", "output", ("L", "0.5"))
    diagram = Diagram((*parameters, total), tuple(Arrow(box.id, "L") for box in parameters))
    first, second = fold(diagram, 30).boxes
    assert (first.kind, first.lines, second) == ("input", ("337 inputs",), total)


def test_named_group_says_what_it_holds() -> None:
    boxes = [Box("x", "input", ("x", "1"))]
    boxes += [Box(f"m{i}", "operation", ("·",), group="layer 1/neuron 1", name="mul") for i in range(3)]
    boxes += [Box("a", "operation", ("+",), group="layer 1", name="add"), Box("y", "output", ("y", "1"))]
    path = [box.id for box in boxes]
    diagram = Diagram(tuple(boxes), tuple(Arrow(a, b) for a, b in pairwise(path)))
    inner, outer = fold(diagram, 5), fold(diagram, 3)
    assert inner.boxes[1].lines == ("layer 1/neuron 1", "3 steps", "3 mul")
    assert [box.lines for box in outer.boxes][1] == ("layer 1", "4 steps", "3 mul, 1 add")


def test_a_group_that_is_left_and_entered_again_is_split() -> None:
    boxes = tuple(Box(i, "value", (i,), group="g" if i != "b" else "") for i in "abcd")
    folded = fold(Diagram(boxes, (Arrow("a", "b"), Arrow("b", "c"), Arrow("a", "c"), Arrow("c", "d"))), 3)
    assert [box.lines[0] for box in folded.boxes] == ["a", "b", "g"]


def test_parallel_arrows_between_single_boxes_stay() -> None:
    boxes = (Box("x", "input", ("x",)), Box("m", "operation", ("·",)), *(Box(f"v{i}", "value", ()) for i in range(9)))
    tail = ["m", *(f"v{i}" for i in range(9))]
    arrows = (Arrow("x", "m", "x"), Arrow("x", "m", "x"), *(Arrow(*pair) for pair in pairwise(tail)))
    folded = fold(Diagram(boxes, arrows), 10)
    assert len([arrow for arrow in folded.arrows if arrow.source == "x"]) == 2


def test_folding_is_deterministic() -> None:
    assert fold(random_diagram(300, seed=3), 25) == fold(random_diagram(300, seed=3), 25)


@pytest.mark.slow
def test_thousands_of_boxes() -> None:
    assert len(fold(random_diagram(5_000, inputs=300), 300).boxes) <= 300
    assert len(fold(chain(10_000), 300).boxes) <= 300
