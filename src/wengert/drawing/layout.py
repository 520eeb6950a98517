"""Layered layout of an acyclic graph: where each box stands and which way each arrow takes.

The method is that of K. Sugiyama, S. Tagawa and M. Toda (*Methods for visual understanding of hierarchical system
structures*, IEEE Transactions on Systems, Man and Cybernetics 11, 1981), in four steps, each with its own paper:
layers (E. R. Gansner, E. Koutsofios, S. C. North and K.-P. Vo, *A technique for drawing directed graphs*, IEEE
Transactions on Software Engineering 19, 1993), stand-ins where an arrow passes a layer, an order in each layer with few
crossings, and coordinates (`wengert.drawing.placement`).

It is our own because no library on PyPI fits: grandalf and igraph are under the GPL, fast-sugiyama (MIT) knows neither
the size of a box nor the label of an arrow, and the rest need Graphviz.

All work happens in coordinates (along, across): *along* is the direction in which arrows lead, *across* the one in
which the boxes of a layer stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from wengert.drawing.diagram import neighbours
from wengert.drawing.layering import bonds, layers_of
from wengert.drawing.ordering import ordered_layers
from wengert.drawing.placement import place_across

Direction = Literal["LR", "TB"]
Point = tuple[float, float]
Size = tuple[float, float]

BOX_GAP = 24.0
LINE_GAP = 14.0
LAYER_GAP = 36.0
LABEL_GAP = 24.0
STUB = 10.0
"""Length of the straight piece with which an arrow leaves and enters a layer; an arrow head fits in it."""

IN_PORT_GAP = 13.0
OUT_PORT_GAP = 5.0

_PORT_SHARE = 0.6
_CLOSEST_PORTS = 4.0
_CLIMB_SHARE = 0.15
_CLIMB_LIMIT = 60.0
_FIRMNESS = 3
_STAND_INS = 30_000


@dataclass(frozen=True)
class Layout:
    """Positions in one plane with its origin at the top left; everything lies within `width` × `height`.

    `centres` has one point for each box, `layers` its layer. `paths` has for each arrow the corners of its way from
    border to border; two successive corners of equal height (of equal x for "TB") are joined by a straight line, others
    by a smooth curve inside the gap between two layers. `labels` has the centre of each arrow's label, or None.
    """

    width: float
    height: float
    centres: tuple[Point, ...]
    layers: tuple[int, ...]
    paths: tuple[tuple[Point, ...], ...]
    labels: tuple[Point | None, ...]


@dataclass
class _Net:
    """The graph with a stand-in wherever an arrow passes a layer; the nodes 0 … count−1 are the boxes."""

    count: int
    along: list[float]
    across: list[float]
    rank: list[int]
    chains: list[list[int]] = field(default_factory=list)
    labelled: list[int | None] = field(default_factory=list)

    def segments(self) -> list[tuple[int, int]]:
        """The connections between nodes of neighbouring layers."""
        return [pair for chain in self.chains for pair in pairwise(chain)]

    def firm_segments(self) -> set[tuple[int, int]]:
        """The segments to be drawn straight before all others: inside a long arrow, and in a bond."""
        bonded = bonds(self.count, [(chain[0], chain[-1]) for chain in self.chains])
        return {
            pair
            for chain, bond in zip(self.chains, bonded, strict=True)
            for pair in pairwise(chain if bond else chain[1:-1])
        }


def layout(
    sizes: Sequence[Size],
    arrows: Sequence[tuple[int, int]],
    direction: Direction = "LR",
    label_sizes: Sequence[Size | None] | None = None,
) -> Layout:
    """Arrange boxes so that every arrow leads forward, crosses few others and meets no box on its way.

    **Arguments**: `sizes`, the width and height of each box; `arrows`, pairs of positions in `sizes` without a cycle;
    `direction`, left to right or top to bottom; `label_sizes`, for each arrow the room that its label takes.
    **Returns** a `Layout`; the same for the same input.
    **Raises** `ValueError` for a cycle.
    **Cost**: a few hundred boxes take well below a second; no step recurses and each one's work is bounded.
    """
    labels: list[Size | None] = [None] * len(arrows) if label_sizes is None else list(label_sizes)
    if direction == "TB":
        flipped = [None if size is None else size[::-1] for size in labels]
        plan = _layout([size[::-1] for size in sizes], arrows, flipped)
        return Layout(
            plan.height,
            plan.width,
            tuple(point[::-1] for point in plan.centres),
            plan.layers,
            tuple(tuple(point[::-1] for point in path) for path in plan.paths),
            tuple(None if point is None else point[::-1] for point in plan.labels),
        )
    return _layout(list(sizes), arrows, labels)


def _layout(sizes: list[Size], arrows: Sequence[tuple[int, int]], labels: list[Size | None]) -> Layout:
    """Lay out each connected part by itself and stack the parts across."""
    centres: list[Point] = [(0.0, 0.0)] * len(sizes)
    layers = [0] * len(sizes)
    paths: list[tuple[Point, ...]] = [()] * len(arrows)
    label_centres: list[Point | None] = [None] * len(arrows)
    width = height = 0.0
    for boxes, inner in _components(len(sizes), arrows):
        number = {box: i for i, box in enumerate(boxes)}
        net = _build_net(
            [sizes[box] for box in boxes],
            [(number[arrows[i][0]], number[arrows[i][1]]) for i in inner],
            [labels[i] for i in inner],
        )
        part = _arranged(net)
        top = height + BOX_GAP if height else 0.0
        for i, box in enumerate(boxes):
            centres[box] = (part.centres[i][0], part.centres[i][1] + top)
            layers[box] = net.rank[i]
        for i, arrow in enumerate(inner):
            paths[arrow] = tuple((x, y + top) for x, y in part.paths[i])
            point = part.labels[i]
            label_centres[arrow] = point and (point[0], point[1] + top)
        width, height = max(width, part.width), top + part.height
    return Layout(width, height, tuple(centres), tuple(layers), tuple(paths), tuple(label_centres))


def _components(count: int, arrows: Sequence[tuple[int, int]]) -> list[tuple[list[int], list[int]]]:
    """The boxes and the arrows of each connected part, in the order of their first boxes."""
    before, after = neighbours(count, arrows)
    part = [-1] * count
    found: list[tuple[list[int], list[int]]] = []
    for first in range(count):
        if part[first] >= 0:
            continue
        part[first] = len(found)
        stack = [first]
        while stack:
            box = stack.pop()
            for other in before[box] + after[box]:
                if part[other] < 0:
                    part[other] = len(found)
                    stack.append(other)
        found.append(([], []))
    for box in range(count):
        found[part[box]][0].append(box)
    for i, (source, _) in enumerate(arrows):
        found[part[source]][1].append(i)
    return found


def _build_net(sizes: list[Size], arrows: list[tuple[int, int]], labels: list[Size | None]) -> _Net:
    """Assign layers and put a stand-in wherever an arrow passes one; the last stand-in of an arrow holds its label."""
    rank = layers_of(len(sizes), arrows, [2 if label else 1 for label in labels])
    net = _Net(len(sizes), [w for w, _ in sizes], [h for _, h in sizes], rank)
    stand_ins = sum(rank[target] - rank[source] - 1 for source, target in arrows)
    for (source, target), label in zip(arrows, labels, strict=True):
        chain = [source]
        passed = range(rank[source] + 1, rank[target])
        if stand_ins > _STAND_INS and len(passed) > 2:
            # Bounded work: in a picture that nobody can follow with the eye, long arrows may pass behind boxes.
            passed = passed[-1:] if label else passed[:0]
        for layer in passed:
            chain.append(len(net.rank))
            last = label if label and layer == rank[target] - 1 else (0.0, 0.0)
            net.rank.append(layer)
            net.along.append(last[0])
            net.across.append(last[1])
        net.labelled.append(chain[-1] if label else None)
        net.chains.append([*chain, target])
    return net


def _arranged(net: _Net) -> Layout:
    """Coordinates of one connected part."""
    segments = net.segments()
    firm = net.firm_segments()
    # A crossing with a firm segment counts as several, since that one will not bend.
    weighted = segments + [pair for pair in segments if pair in firm] * (_FIRMNESS - 1)
    rows = ordered_layers(net.rank, weighted, net.count)
    gaps = [BOX_GAP if node < net.count else LINE_GAP for node in range(len(net.rank))]
    y = place_across(rows, segments, net.across, gaps, firm)
    strips = _strips(net, rows, segments, y)
    x = [sum(strips[layer]) / 2 for layer in net.rank]
    for node in range(net.count):
        x[node] = strips[net.rank[node]][0] + STUB + net.along[node] / 2
    height = max(y[node] + net.across[node] / 2 for node in range(len(y)))
    return Layout(
        strips[-1][1] - STUB,
        height,
        tuple(zip(x[: net.count], y, strict=False)),
        tuple(net.rank[: net.count]),
        tuple(_paths(net, x, y, strips)),
        tuple(None if node is None else (x[node], y[node]) for node in net.labelled),
    )


def _strips(
    net: _Net, rows: list[list[int]], segments: list[tuple[int, int]], y: list[float]
) -> list[tuple[float, float]]:
    """Where each layer begins and ends; a gap is the wider, the steeper the arrows in it would be."""
    climb = [0.0] * len(rows)
    for source, target in segments:
        layer = net.rank[source]
        climb[layer] = max(climb[layer], abs(y[source] - y[target]))
    # A layer of labels alone divides a gap in two; as boxes keep away from it by themselves, it needs no stubs.
    boxed = [any(node < net.count for node in row) for row in rows] + [True]
    strips: list[tuple[float, float]] = []
    begin = -STUB
    for layer, row in enumerate(rows):
        end = begin + max(net.along[node] for node in row) + (2 * STUB if boxed[layer] else 0.0)
        strips.append((begin, end))
        gap = LAYER_GAP if boxed[layer] and boxed[layer + 1] else LABEL_GAP
        begin = end + gap + min(_CLIMB_LIMIT, _CLIMB_SHARE * climb[layer])
    return strips


def _paths(net: _Net, x: list[float], y: list[float], strips: list[tuple[float, float]]) -> list[tuple[Point, ...]]:
    """The corners of each arrow: straight inside the strips of the layers, where it stays beside all boxes."""
    leave = _ports(net, y, [(i, chain[0], chain[1]) for i, chain in enumerate(net.chains)], OUT_PORT_GAP)
    enter = _ports(net, y, [(i, chain[-1], chain[-2]) for i, chain in enumerate(net.chains)], IN_PORT_GAP)
    paths = []
    for i, chain in enumerate(net.chains):
        source, target = chain[0], chain[-1]
        out, into = y[source] + leave[i], y[target] + enter[i]
        corners = [(x[source] + net.along[source] / 2, out), (strips[net.rank[source]][1], out)]
        for node in chain[1:-1]:
            begin, end = strips[net.rank[node]]
            corners += [(begin, y[node]), (end, y[node])]
        corners += [(strips[net.rank[target]][0], into), (x[target] - net.along[target] / 2, into)]
        inner = [b for a, b, c in zip(corners, corners[1:], corners[2:], strict=False) if not a[1] == b[1] == c[1]]
        paths.append((corners[0], *inner, corners[-1]))
    return paths


def _ports(net: _Net, y: list[float], ends: list[tuple[int, int, int]], spread: float) -> list[float]:
    """How far from the middle of its box each arrow ends; in the order of where the arrows come from or go to."""
    at_box: dict[int, list[tuple[float, int]]] = {}
    for arrow, box, following in ends:
        at_box.setdefault(box, []).append((y[following], arrow))
    offset = [0.0] * len(ends)
    for box, arrows in at_box.items():
        apart = min(spread, _PORT_SHARE * net.across[box] / max(1, len(arrows) - 1))
        if apart < _CLOSEST_PORTS:
            apart = 0.0  # one arrow head for all is clearer than a comb of overlapping ones
        for i, (_, arrow) in enumerate(sorted(arrows)):
            offset[arrow] = apart * (i - (len(arrows) - 1) / 2)
    return offset
