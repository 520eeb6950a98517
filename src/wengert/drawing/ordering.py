"""The order of the nodes in each layer of a layered layout, such that few arrows cross.

**Source**: K. Sugiyama, S. Tagawa and M. Toda, *Methods for visual understanding of hierarchical system structures*,
IEEE Transactions on Systems, Man and Cybernetics 11 (1981), for the barycentres; E. R. Gansner et al., *A technique for
drawing directed graphs*, IEEE Transactions on Software Engineering 19 (1993), for the exchange of neighbours; W. Barth,
M. Jünger and P. Mutzel, *Simple and efficient bilayer cross counting*, Graph Drawing 2002, LNCS 2528.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence

from wengert.drawing.diagram import neighbours

_SWEEPS = 32
_WORK = 400_000
_PATIENCE = 6
_SWAP_WORK = 400


def ordered_layers(rank: Sequence[int], segments: Sequence[tuple[int, int]], boxes: int) -> list[list[int]]:
    """The nodes of each layer in an order with few crossings.

    **Arguments**: `rank`, the layer of each node; `segments`, the connections between neighbouring layers; `boxes`, how
    many of the nodes are boxes (they come first; the others stand in for arrows that pass a layer).

    The start is the order in which an expression is written: every box comes with its arguments, first to last, so a
    tree has no crossing at all. Then each layer is sorted by the barycentres of its neighbours (Sugiyama et al. 1981),
    downwards and upwards in turn, neighbours that cross less when swapped are swapped, and the best order is kept.
    """
    before, after = neighbours(len(rank), segments)
    layers: list[list[int]] = [[] for _ in range(max(rank) + 1)]
    seen = [False] * len(rank)
    for last in range(boxes):
        stack = [] if after[last] else [last]
        while stack:
            node = stack.pop()
            if not seen[node]:
                seen[node] = True
                layers[rank[node]].append(node)
                stack.extend(reversed(before[node]))
    place = [0] * len(rank)
    _number(layers, place)
    best, fewest, fruitless = [layer[:] for layer in layers], _crossings(layers, after, place), 0
    for sweep in range(min(_SWEEPS, 4 + _WORK // (len(segments) + 1))):
        if not fewest or fruitless > _PATIENCE:
            break
        fixed, moving = (before, layers[1:]) if sweep % 2 == 0 else (after, layers[-2::-1])
        for layer in moving:
            _sort_by_barycentre(layer, fixed, place, flip_ties=sweep % 4 >= 2)
        for layer in moving:
            _swap_neighbours(layer, before, after, place)
        count = _crossings(layers, after, place)
        fruitless += 1
        if count < fewest:
            best, fewest, fruitless = [layer[:] for layer in layers], count, 0
    return best


def _number(layers: Iterable[list[int]], place: list[int]) -> None:
    for layer in layers:
        for i, node in enumerate(layer):
            place[node] = i


def _sort_by_barycentre(layer: list[int], fixed: list[list[int]], place: list[int], flip_ties: bool) -> None:
    """Sort a layer by the mean place of the neighbours in the fixed layer; a node without any stays where it is."""
    weight = {node: sum(place[n] for n in fixed[node]) / len(fixed[node]) for node in layer if fixed[node]}
    movable = iter(sorted(reversed(weight) if flip_ties else weight, key=weight.__getitem__))
    layer[:] = [next(movable) if node in weight else node for node in layer]
    _number([layer], place)


def _swap_neighbours(layer: list[int], before: list[list[int]], after: list[list[int]], place: list[int]) -> None:
    for i in range(len(layer) - 1):
        a, b = layer[i], layer[i + 1]
        gain = 0
        for side in (before, after):
            if len(side[a]) * len(side[b]) > _SWAP_WORK:
                continue
            for p in side[a]:
                for q in side[b]:
                    gain += (place[p] > place[q]) - (place[p] < place[q])
        if gain > 0:
            layer[i], layer[i + 1] = b, a
            place[a], place[b] = i + 1, i


def _crossings(layers: list[list[int]], after: list[list[int]], place: list[int]) -> int:
    """The number of pairs of segments that cross: the inversions of the sorted segments between two layers."""
    total = 0
    for layer in layers:
        ends: list[int] = []
        for node in layer:
            for end in sorted(place[other] for other in after[node]):
                total += len(ends) - bisect_right(ends, end)
                insort(ends, end)
    return total
