"""The picture of a computation as plain data: boxes and arrows, without coordinates or colours.

`Diagram` is what the interpreters of a graph hand to the drawing engine (`wengert.drawing.svg`);
`wengert.drawing.folding` makes a large one small enough to be read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["input", "constant", "value", "operation", "output", "group"]


@dataclass(frozen=True)
class Box:
    """One node of a diagram.

    **Arguments**: `id`, unique in its diagram; `kind`, which decides shape and colour; `lines`, the cells of a record
    (label, value, gradient), or the symbol of an operation. A cell may be padded with spaces to reserve room, so that
    pictures of successive steps keep the same geometry. `title` is the tooltip; `group`, a name shared by boxes that
    belong together (a layer, a function of the user), which may be inside another ("layer 1/neuron 3"); `name`, the
    word under which a folded box is counted ("multiply"), the first line of an operation where it is not given.
    `highlight` draws the box with emphasis.
    """

    id: str
    kind: Kind
    lines: tuple[str, ...]
    title: str = ""
    group: str = ""
    name: str = ""
    highlight: bool = False


@dataclass(frozen=True)
class Arrow:
    """A directed connection from the box `source` to the box `target`; `label` stands on it, `title` is its tooltip."""

    source: str
    target: str
    label: str = ""
    title: str = ""
    highlight: bool = False


@dataclass(frozen=True)
class Diagram:
    """An acyclic graph of boxes; two boxes may be connected by several arrows, as in x·x.

    **Raises** `ValueError` for a duplicate or unknown id, an unknown kind, or a cycle.
    **Cost**: linear in the number of boxes and arrows.
    **Example**

    >>> x = Box("x", "input", ("x", "3"))
    >>> y = Box("y", "output", ("y", "9"))
    >>> Diagram((x, y), (Arrow("x", "y", "6"),)).order()
    ('x', 'y')
    """

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...] = ()
    caption: str = ""

    def __post_init__(self) -> None:
        index: dict[str, int] = {}
        for box in self.boxes:
            if box.id in index:
                raise ValueError(f"two boxes of the diagram have the id {box.id!r}; give each box its own id")
            if box.kind not in get_args(Kind):
                raise ValueError(
                    f"box {box.id!r} has the kind {box.kind!r}; known kinds are {', '.join(get_args(Kind))}"
                )
            index[box.id] = len(index)
        for arrow in self.arrows:
            for end in (arrow.source, arrow.target):
                if end not in index:
                    raise ValueError(f"the arrow {arrow.source!r} → {arrow.target!r} names {end!r}, which is no box")
        links = self.links()
        if len(topological_order(len(index), links)) < len(index):
            cycle = " → ".join(repr(self.boxes[i].id) for i in _some_cycle(len(index), links))
            raise ValueError(f"the diagram has a cycle, {cycle}; a computation cannot depend on its own result")

    def links(self) -> list[tuple[int, int]]:
        """The arrows as pairs of positions in `boxes`."""
        index = {box.id: i for i, box in enumerate(self.boxes)}
        return [(index[arrow.source], index[arrow.target]) for arrow in self.arrows]

    def order(self) -> tuple[str, ...]:
        """The ids, each one after all boxes that have an arrow to it."""
        return tuple(self.boxes[i].id for i in topological_order(len(self.boxes), self.links()))


def neighbours(count: int, links: Iterable[tuple[int, int]]) -> tuple[list[list[int]], list[list[int]]]:
    """Predecessors and successors of each of `count` nodes, in the order of the links."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in links:
        before[target].append(source)
        after[source].append(target)
    return before, after


def topological_order(count: int, links: Iterable[tuple[int, int]], depth_first: bool = False) -> list[int]:
    """The nodes in an order that every link follows; the nodes on and behind a cycle are missing from it.

    With `depth_first` a node stands right after the predecessor that it waited for, so that neighbours stay close.

    **Source**: A. B. Kahn, *Topological sorting of large networks*, Communications of the ACM 5 (1962).
    """
    before, after = neighbours(count, links)
    missing = [len(nodes) for nodes in before]
    ready = deque(node for node in range(count) if not missing[node])
    order = []
    while ready:
        node = ready.pop() if depth_first else ready.popleft()
        order.append(node)
        for following in after[node]:
            missing[following] -= 1
            if not missing[following]:
                ready.append(following)
    return order


def _some_cycle(count: int, links: list[tuple[int, int]]) -> list[int]:
    """The nodes of one cycle, the first one repeated at the end; the graph must have one."""
    before, _ = neighbours(count, links)
    stuck = set(range(count)) - set(topological_order(count, links))
    path = [min(stuck)]
    while path[-1] not in path[:-1]:
        path.append(next(node for node in before[path[-1]] if node in stuck))
    return path[path.index(path[-1]) :][::-1]
