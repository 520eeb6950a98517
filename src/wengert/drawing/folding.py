"""Folding: a diagram of thousands of boxes becomes one of a few, which still shows how the computation flows.

Every step unites boxes by a rule that cannot close a cycle; the reason stands with the rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import takewhile

from wengert.drawing.diagram import Arrow, Box, Diagram, Kind, neighbours, topological_order

_LISTED_OPERATIONS = 3
_LISTED_MEMBERS = 12


def fold(diagram: Diagram, limit: int) -> Diagram:
    """Collapse boxes into groups until at most `limit` remain.

    Boxes that share a `group` name go first ("layer 1/neuron 3" is inside "layer 1"), the large groups before the small
    ones; then expressions, each box with the only one that uses it, and boxes with the same uses, such as the neurons
    of a layer; then inputs with the same use, and outputs; and last, whatever is still too much is cut into consecutive
    runs. Inputs and outputs stay single boxes where a third of the limit holds them.

    **Returns** the diagram itself where it is small enough, otherwise a new acyclic one; the same for the same input.
    **Raises** `ValueError` where `limit` is not positive.
    **Cost**: nearly linear in the number of boxes and arrows.
    """
    if limit < 1:
        raise ValueError(f"a diagram cannot be folded into {limit} boxes; the limit must be at least 1")
    if len(diagram.boxes) <= limit:
        return diagram
    partition = _Partition(diagram)
    _fold_named_groups(partition, limit)
    _fold_expressions(partition, limit)
    _fold_ends(partition, limit)
    _fold_runs(partition, limit)
    return _collapsed(diagram, partition)


class _Partition:
    """The boxes of a diagram divided into parts whose quotient graph has no cycle.

    Parts are numbered in topological order. `members` lists the boxes of a part, `links` the distinct connections,
    `before` and `after` the neighbours of each part. `ends` says "input" or "output" where a part holds nothing else
    and may be merged with any others of its sort: parts without predecessors close no cycle, nor do parts without
    successors.
    """

    def __init__(self, diagram: Diagram) -> None:
        self.boxes = diagram.boxes
        self.members = [[i] for i in range(len(diagram.boxes))]
        self.links = sorted(set(diagram.links()))
        self._unite(list(range(len(diagram.boxes))))

    def __len__(self) -> int:
        return len(self.members)

    def merge(self, labels: Sequence[Hashable]) -> None:
        """Unite the parts with equal labels; the caller guarantees that no cycle arises."""
        if len(set(labels)) < len(self):
            self._unite(labels)

    def _unite(self, labels: Sequence[Hashable]) -> None:
        numbers: dict[Hashable, int] = {}
        for label in labels:
            numbers.setdefault(label, len(numbers))
        links = {(numbers[labels[a]], numbers[labels[b]]) for a, b in self.links}
        links = {(a, b) for a, b in links if a != b}
        order = topological_order(len(numbers), sorted(links))
        place = {old: new for new, old in enumerate(order)}
        members: list[list[int]] = [[] for _ in numbers]
        for label, part in zip(labels, self.members, strict=True):
            members[place[numbers[label]]].extend(part)
        self.members = [sorted(part) for part in members]
        self.links = sorted((place[a], place[b]) for a, b in links)
        self.before, self.after = neighbours(len(self), self.links)
        self.ends = [self._end(part) for part in range(len(self))]

    def _end(self, part: int) -> str:
        kinds = {self.boxes[i].kind for i in self.members[part]}
        if not self.before[part] and "input" in kinds and kinds <= {"input", "constant"}:
            return "input"
        return "output" if not self.after[part] and kinds == {"output"} else ""


def _fold_named_groups(partition: _Partition, limit: int) -> None:
    """Unite the boxes of a group, the innermost level of the names first."""
    paths = [box.group.split("/") if box.group else [] for box in partition.boxes]
    for depth in range(max(map(len, paths)), 0, -1):
        if len(partition) <= limit:
            return
        groups = ["/".join(path[:depth]) if len(path) >= depth else "" for path in paths]
        members = [groups[part[0]] for part in partition.members]
        sizes = Counter(group for group in members if group)
        names: list[Hashable] = list(range(len(partition)))
        surplus = len(partition) - limit
        chosen = set()
        for group in sorted(sizes, key=lambda group: (-sizes[group], group)):
            if surplus > 0:
                chosen.add(group)
                surplus -= sizes[group] - 1
        for part, group in enumerate(members):
            if group in chosen:
                names[part] = group
        candidates = [_ranked(names, partition.links), _ranked(names, partition.links, backward=True)]
        partition.merge(min(candidates, key=lambda labels: len(set(labels))))


def _ranked(names: Sequence[Hashable], links: list[tuple[int, int]], backward: bool = False) -> list[Hashable]:
    """Split names so that uniting equal ones closes no cycle.

    The rank of a part counts the changes of name on the longest way to it: a link inside a name cannot lower the rank
    and a link to another name raises it, so along the links between the united parts it always rises. Counted from
    the other end (`backward`), the same argument holds, and the split may be better.
    """
    rank = [0] * len(names)
    # Parts are numbered topologically, so in the order of the source every rank is final when it is read.
    for source, target in reversed(links) if backward else links:
        here, there = (target, source) if backward else (source, target)
        rank[there] = max(rank[there], rank[here] + (names[source] != names[target]))
    return list(zip(names, rank, strict=True))


def _fold_expressions(partition: _Partition, limit: int) -> None:
    """Unite in ever larger groups, so that all of them grow alike, what is used together."""
    ends = Counter(partition.ends)
    spared = sum(max(0, ends[end] - _share(limit)) for end in ("input", "output"))
    size = max(2, len(partition.boxes) // (8 * limit))
    while len(partition) > limit + spared and size < 2 * len(partition.boxes):
        for backward in (True, False):
            partition.merge(_single_use_labels(partition, size, limit + spared, backward))
            partition.merge(_twin_labels(partition, size, limit + spared, backward))
        size *= 2


def _single_use_labels(partition: _Partition, size: int, limit: int, backward: bool) -> list[int]:
    """Let each part join the only part that uses it (`backward`), or that it uses.

    A cycle through the union would have to leave it and come back by the part that joined, whose only way out (or in)
    is inside the union.
    """
    ends = partition.ends
    label = list(range(len(partition)))
    weight = [len(members) for members in partition.members]
    surplus = len(partition) - limit
    for part in reversed(label[:]) if backward else label[:]:
        hosts = {label[other] for other in (partition.after if backward else partition.before)[part]}
        if surplus <= 0 or ends[part] or len(hosts) != 1:
            continue
        host = hosts.pop()
        if not ends[host] and weight[host] + weight[part] <= size:
            label[part] = host
            weight[host] += weight[part]
            surplus -= 1
    return label


def _twin_labels(partition: _Partition, size: int, limit: int, backward: bool) -> list[int]:
    """Unite parts with the same successors (`backward`), or the same predecessors.

    Whatever one of them reaches by a way out, all of them reach; so a cycle through unions would be one without them.
    """
    ends = partition.ends
    label = list(range(len(partition)))
    weight = [len(members) for members in partition.members]
    surplus = len(partition) - limit
    growing: dict[tuple[int, ...], int] = {}
    for part, uses in enumerate(partition.after if backward else partition.before):
        if surplus <= 0 or ends[part] or not uses:
            continue
        twin = growing.setdefault(tuple(uses), part)
        if twin != part and weight[twin] + weight[part] <= size:
            label[part] = twin
            weight[twin] += weight[part]
            surplus -= 1
        else:
            growing[tuple(uses)] = part
    return label


def _share(limit: int) -> int:
    """How many of the boxes inputs may take, and how many outputs."""
    return limit // 3


def _fold_ends(partition: _Partition, limit: int) -> None:
    """Unite inputs with the same use, and then inputs and outputs in runs, where they take more than their share."""
    for by_use in (True, False):
        ends = partition.ends
        labels: list[Hashable] = list(range(len(partition)))
        for end, uses in (("input", partition.after), ("output", partition.before)):
            parts = sorted((p for p in range(len(partition)) if ends[p] == end), key=lambda p: partition.members[p])
            if len(partition) <= limit or len(parts) <= _share(limit):
                continue
            for place, part in enumerate(parts):
                run = place * max(1, _share(limit)) // len(parts)
                labels[part] = (end, tuple(uses[part])) if by_use else (end, run)
        partition.merge(labels)


def _fold_runs(partition: _Partition, limit: int) -> None:
    """Cut what lies between inputs and outputs into runs of a topological order: links only lead to later runs."""
    if len(partition) <= limit:
        return
    ends = partition.ends
    room = limit - sum(end != "" for end in ends)
    if room < 1:
        partition.merge([0] * len(partition))
        return
    total = sum(len(members) for end, members in zip(ends, partition.members, strict=True) if not end)
    labels: list[Hashable] = [("end", part) for part in range(len(partition))]
    done = 0
    for part in topological_order(len(partition), partition.links, depth_first=True):
        if not ends[part]:
            labels[part] = ("run", done * room // total)
            done += len(partition.members[part])
    partition.merge(labels)


def _collapsed(diagram: Diagram, partition: _Partition) -> Diagram:
    """The diagram with one box for each part, in the order of their first members."""
    parts = sorted(partition.members)
    taken = {box.id for box in diagram.boxes}
    home: dict[str, Box] = {}
    boxes = []
    for members in parts:
        inside = [diagram.boxes[i] for i in members]
        box = inside[0] if len(inside) == 1 else _group_box(inside, taken)
        boxes.append(box)
        home.update((member.id, box) for member in inside)
    bundles: dict[tuple[str, str, int], list[Arrow]] = {}
    for place, arrow in enumerate(diagram.arrows):
        source, target = home[arrow.source], home[arrow.target]
        if source is target:
            continue
        kept_single = source.id == arrow.source and target.id == arrow.target
        bundles.setdefault((source.id, target.id, place if kept_single else -1), []).append(arrow)
    arrows = (_bundle(source, target, bundle) for (source, target, _), bundle in bundles.items())
    return Diagram(tuple(boxes), tuple(arrows), diagram.caption)


def _bundle(source: str, target: str, arrows: list[Arrow]) -> Arrow:
    if len(arrows) == 1:
        return Arrow(source, target, arrows[0].label, arrows[0].title, arrows[0].highlight)
    return Arrow(source, target, title=f"{len(arrows)} arrows", highlight=any(arrow.highlight for arrow in arrows))


def _group_box(inside: list[Box], taken: set[str]) -> Box:
    """One box that says how many steps it stands for, of which sorts, and, in the tooltip, which."""
    identity = f"{inside[0].id} …"
    while identity in taken:
        identity += "…"
    taken.add(identity)
    kind, count, sorts = _summary(inside)
    group = _common_group(inside)
    brief = ", ".join(sorts[:_LISTED_OPERATIONS]) + (", …" if len(sorts) > _LISTED_OPERATIONS else "")
    listed = [" ".join(box.lines[:2]) for box in inside if box.kind != "operation"]
    members = "; ".join(listed[:_LISTED_MEMBERS]) + ("; …" if len(listed) > _LISTED_MEMBERS else "")
    lines = tuple(line for line in (group, count, brief) if line)
    title = "\n".join(line for line in (", ".join(sorts), members) if line)
    return Box(identity, kind, lines, title, group, highlight=any(box.highlight for box in inside))


def _summary(inside: list[Box]) -> tuple[Kind, str, list[str]]:
    """What boxes are together: their kind, how many steps or ends they are, and the sorts of steps by frequency."""
    kinds = Counter(box.kind for box in inside)
    for kind in ("input", "constant", "output"):
        if kinds[kind] == len(inside) or (kind == "input" and kinds[kind] + kinds["constant"] == len(inside)):
            return kind, _counted(len(inside), kind), []
    noun = "step" if kinds["operation"] else "value"
    steps = [box for box in inside if box.kind == "operation" or (noun == "value" and box.kind in ("value", "output"))]
    counts = Counter(word for box in steps if (word := _word(box)))
    sorts = sorted(counts, key=lambda word: (-counts[word], word))
    return "group", _counted(len(steps), noun), [f"{counts[word]:,} {word}" for word in sorts]


def _common_group(inside: list[Box]) -> str:
    """The innermost group that holds all boxes, or an empty name."""
    paths = [box.group.split("/") for box in inside]
    shared = takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))
    return "/".join(level[0] for level in shared)


def _word(box: Box) -> str:
    return box.name or (box.lines[0] if box.kind == "operation" and box.lines else "")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
