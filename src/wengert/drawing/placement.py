"""Coordinates across the layers of a layered layout, such that long arrows run straight.

**Source**: U. Brandes and B. Köpf, *Fast and simple horizontal coordinate assignment*, Graph Drawing 2001, LNCS 2265.
Nodes of neighbouring layers are aligned into straight blocks, once from each of the four corners of the picture; each
of the four alignments is packed as tightly as the sizes allow, and every node takes the mean of the two middle results,
which keeps all distances and almost all straight lines. Blocks are packed by longest paths in the graph of blocks
rather than by the paper's recursion, which also avoids the error corrected in its erratum (2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from wengert.drawing.diagram import neighbours, topological_order


def place_across(
    layers: Sequence[Sequence[int]],
    segments: Sequence[tuple[int, int]],
    extent: Sequence[float],
    gap: Sequence[float],
    firm: set[tuple[int, int]],
) -> list[float]:
    """The coordinate of each node across the layers.

    **Arguments**: `layers`, the nodes of each layer in their order; `segments`, the connections between neighbouring
    layers, from the earlier to the later one; for each node its `extent` across, the free space `gap` that it wants on
    either side (two neighbours keep the mean of theirs); `firm`, the segments that have precedence in being straight,
    at most one on either side of a node.
    **Returns** coordinates of centres, the smallest border at 0.
    """
    before, after = neighbours(len(extent), segments)
    place = [0] * len(extent)
    for layer in layers:
        for i, node in enumerate(layer):
            place[node] = i
    bent = _crossed_segments(layers, before, place, firm)
    results = []
    for upwards in (False, True):
        for mirrored in (False, True):
            rows = [list(reversed(layer)) if mirrored else list(layer) for layer in layers]
            for row in rows:
                for i, node in enumerate(row):
                    place[node] = i
            roots = _aligned(rows[::-1] if upwards else rows, after if upwards else before, place, bent)
            packed = _packed(rows, roots, extent, gap)
            results.append([-x for x in packed] if mirrored else packed)
    return _balanced(results, extent)


def _crossed_segments(
    layers: Sequence[Sequence[int]], before: list[list[int]], place: list[int], firm: set[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Segments that cross a firm one, in both directions: they must bend."""
    crossed = set()
    for upper, lower in pairwise(layers):
        left, first = -1, 0
        for i, node in enumerate(lower):
            inner = next((other for other in before[node] if (other, node) in firm), None)
            if inner is None and i < len(lower) - 1:
                continue
            right = place[inner] if inner is not None else len(upper)
            for crossing in lower[first : i + 1]:
                for other in before[crossing]:
                    if (other, crossing) not in firm and not left <= place[other] <= right:
                        crossed |= {(other, crossing), (crossing, other)}
            left, first = right, i + 1
    return crossed


def _aligned(rows: list[list[int]], side: list[list[int]], place: list[int], bent: set[tuple[int, int]]) -> list[int]:
    """The first node of each node's block: every node is aligned with a median neighbour in the previous row."""
    root = list(range(len(place)))
    for row in rows[1:]:
        last = -1
        for node in row:
            others = sorted(side[node], key=place.__getitem__)
            for median in sorted({(len(others) - 1) // 2, len(others) // 2}) if others else ():
                other = others[median]
                if root[node] == node and place[other] > last and (other, node) not in bent:
                    root[node] = root[other]
                    last = place[other]
    return root


def _packed(rows: list[list[int]], root: list[int], extent: Sequence[float], gap: Sequence[float]) -> list[float]:
    """Coordinates of an alignment: each block as far to the left as possible, then up to its right neighbours."""
    distance: dict[tuple[int, int], float] = {}
    for row in rows:
        for a, b in pairwise(row):
            pair = (root[a], root[b])
            apart = (extent[a] + extent[b] + gap[a] + gap[b]) / 2
            distance[pair] = max(apart, distance.get(pair, 0.0))
    before, after = neighbours(len(root), distance)
    order = topological_order(len(root), distance)
    x = [0.0] * len(root)
    for block in order:
        x[block] = max((x[other] + distance[other, block] for other in before[block]), default=0.0)
    for block in reversed(order):
        if after[block]:
            x[block] = max(x[block], min(x[other] - distance[block, other] for other in after[block]))
    return [x[block] for block in root]


def _balanced(results: list[list[float]], extent: Sequence[float]) -> list[float]:
    """The mean of the two middle results, after all are moved to a border of the narrowest one."""
    nodes = range(len(extent))
    lows = [min((x[i] - extent[i] / 2 for i in nodes), default=0.0) for x in results]
    highs = [max((x[i] + extent[i] / 2 for i in nodes), default=0.0) for x in results]
    narrowest = min(range(len(results)), key=lambda k: highs[k] - lows[k])
    for k, x in enumerate(results):
        mirrored = k % 2 == 1
        shift = highs[narrowest] - highs[k] if mirrored else lows[narrowest] - lows[k]
        results[k] = [value + shift for value in x]
    middle = [sum(sorted(values)[1:3]) / 2 for values in zip(*results, strict=True)]
    lowest = min((middle[i] - extent[i] / 2 for i in nodes), default=0.0)
    return [x - lowest for x in middle]
